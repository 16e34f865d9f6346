//! A name that somebody says who waits to be let in: kept for moderators until it is forgotten.
//!
//! It goes from the leg to the sounds that the shard has learned, under a number that was set aside for it: it never leaves
//! the worker, and no command and no event carries it. A prompt or a conference ends it before, and it is wiped.

use dsp::{Frame, Level, SpeechMeter, TICK, speech};
use zeroize::Zeroize;

use super::{Leg, listening::Listening};
use crate::{
    limit::{RECORDED_NAME_MAX, RECORDED_NAME_PAUSE},
    media::{
        api::{ClipId, Event, Utterance},
        common::Common,
    },
};

/// A name that is being said.
#[derive(Debug)]
pub(super) struct Recording {
    clip: ClipId,
    kept: Listening,
    meter: SpeechMeter,
}

impl Recording {
    fn new(clip: ClipId) -> Self {
        Self {
            clip,
            kept: Listening::new(RECORDED_NAME_MAX, RECORDED_NAME_PAUSE),
            meter: SpeechMeter::new(),
        }
    }

    /// Keeps a tick of sound; true when it is over.
    fn keep(&mut self, sound: &Frame, claim: Option<Level>) -> bool {
        self.meter.hear(&sound.samples);
        self.kept.keep(sound, claim)
    }

    /// Returns what was said, as loud as the prompts and without the silence around it; none of silence.
    fn said(&mut self) -> Option<Utterance> {
        let spoken = self.kept.spoken()?;
        let mut sound = self.kept.take();
        let peaks = sound.iter().flat_map(|frame| &frame.samples);
        let peak = peaks.map(|sample| sample.unsigned_abs()).max()?;
        let gain = speech::gain_to(&self.meter, peak, PROMPT_DBOV);
        for frame in &mut sound {
            speech::amplify(&mut frame.samples, gain);
        }
        let from = spoken.start.saturating_sub(AROUND);
        let to = (spoken.end + AROUND).min(sound.len());
        Some(Utterance::part_of(sound, from..to))
    }
}

impl Leg {
    /// Listens from the next tick on for a name that is to be known by this number.
    pub(in crate::media) fn begin_recording(&mut self, clip: ClipId) {
        self.echo = None;
        self.recording = Some(Box::new(Recording::new(clip)));
    }

    /// Does with a name that is being said what is to be done in a tick.
    pub(super) fn record(&mut self, claim: Option<Level>, common: &mut Common) {
        let Some(mut recording) = self.recording.take() else {
            return;
        };
        let mut sound = Frame::SILENCE;
        self.decode(&mut sound, common);
        let over = recording.keep(&sound, claim);
        sound.samples.zeroize();
        if !over {
            self.recording = Some(recording);
            return;
        }
        let learned = &mut common.clips.learned;
        let said = recording.said();
        let heard = said.is_some_and(|said| learned.fill(recording.clip, said));
        common.tell(Event::Recorded {
            leg: self.id,
            heard,
        });
    }
}

/// How loud prompts are while they speak, in dBov.
const PROMPT_DBOV: f64 = -26.0;

/// Ticks that are kept before and after speech.
const AROUND: usize = (200 / TICK.as_millis()) as usize;
