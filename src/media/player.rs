//! Prompts: decoded and encoded when they are said for the first time, sent to one leg in place of what it hears, or said
//! over the talk.

use std::sync::{Arc, OnceLock};

use dsp::{Codec, Frame, Payloads, Recording, TICK, encode_clip, outline};

use super::{
    api::{ClipId, Unplayed},
    utterance::Utterances,
};
use crate::limit::{CLIPS_PER_PROMPT, WORDS_OVER_TALK_MAX};

/// The table of clips, shared by all shards, of which [`ClipId`] is the index; and what one shard has learned beside it.
pub struct Clips {
    table: Arc<Table>,
    pub(super) learned: Utterances,
}

struct Table {
    /// A place for each clip; empty until somebody is about to hear it.
    clips: Vec<OnceLock<Prepared>>,
    /// 20 ms of silence in each codec, as it comes after silence.
    silence: [Vec<u8>; Codec::ALL.len()],
}

/// A clip that can be heard.
struct Prepared {
    /// As payloads of each codec, in the order of [`Codec::ALL`].
    payloads: [Payloads; Codec::ALL.len()],
    /// As sound, if it may be said over the talk; else empty.
    sound: Vec<Frame>,
}

impl Clips {
    /// Returns a table of clips, all of which can be said over the talk.
    pub fn new(clips: Vec<Vec<Frame>>) -> Self {
        let table = Self::with_places(clips.len());
        for (id, frames) in (0..).zip(clips) {
            table.prepare(ClipId(id), true, || frames.into());
        }
        table
    }

    /// Returns a table with places for so many clips, none of which is in it yet.
    pub fn with_places(count: usize) -> Self {
        let table = Table {
            clips: (0..count).map(|_| OnceLock::new()).collect(),
            silence: Codec::ALL.map(silence),
        };
        Self {
            table: Arc::new(table),
            learned: Utterances::default(),
        }
    }

    /// Puts a clip in its place, unless it is there: to be called before a command that names it, and never in the tick,
    /// for encoding takes some milliseconds for each second of sound. What is to be said over the talk is kept as sound,
    /// too: 96 kB per second.
    pub fn prepare(&self, clip: ClipId, over_talk: bool, record: impl FnOnce() -> Recording) {
        if let Some(place) = self.table.clips.get(clip.0 as usize) {
            place.get_or_init(|| {
                let recording = record();
                Prepared {
                    payloads: encode(&recording),
                    sound: if over_talk {
                        recording.frames
                    } else {
                        Vec::new()
                    },
                }
            });
        }
    }

    /// Returns one payload of silence.
    pub(super) fn silence(&self, codec: Codec) -> &[u8] {
        &self.table.silence[index(codec)]
    }

    /// Returns the payload of a place in a clip; none of what was learned, which is not coded beforehand.
    pub(super) fn payload(&self, spot: Spot, codec: Codec) -> Option<&[u8]> {
        self.of(spot.clip)?.payloads[index(codec)].get(spot.frame)
    }

    /// Returns the sound of a place in a clip.
    pub(super) fn sound(&self, spot: Spot) -> Option<&Frame> {
        self.kept(spot.clip).get(spot.frame)
    }

    /// Draws what a place in a clip sounds like, whether or not its sound is kept: well enough to tell its echo by.
    pub(super) fn outline(&self, spot: Spot, out: &mut Frame) {
        match self.sound(spot) {
            Some(sound) => out.clone_from(sound),
            None => outline(self.payload(spot, Codec::Pcma).unwrap_or_default(), out),
        }
    }

    /// Tells whether a prompt can be said over the talk, and if not, why.
    pub(super) fn fit_over_talk(&self, prompt: &Player) -> Result<(), Unplayed> {
        let lens = prompt.clips.iter().map(|clip| self.len_of(*clip));
        let ticks: u32 = lens.sum::<usize>().try_into().unwrap_or(u32::MAX);
        if TICK.saturating_mul(ticks) > WORDS_OVER_TALK_MAX {
            return Err(Unplayed::TooLong);
        }
        let kept = |clip: &ClipId| self.kept(*clip).len() == self.len_of(*clip);
        if prompt.clips.iter().all(kept) {
            Ok(())
        } else {
            Err(Unplayed::NotKept)
        }
    }

    fn of(&self, clip: ClipId) -> Option<&Prepared> {
        self.table.clips.get(clip.0 as usize)?.get()
    }

    /// Returns what is kept of a clip's sound.
    fn kept(&self, clip: ClipId) -> &[Frame] {
        if clip.is_learned() {
            return self.learned.frames(clip);
        }
        self.of(clip).map_or(&[], |clip| &clip.sound)
    }

    fn len_of(&self, clip: ClipId) -> usize {
        if clip.is_learned() {
            return self.learned.frames(clip).len();
        }
        self.of(clip).map_or(0, |clip| clip.payloads[0].len())
    }
}

impl Clone for Clips {
    /// Returns the table for another shard; what this one has learned stays here.
    fn clone(&self) -> Self {
        Self {
            table: Arc::clone(&self.table),
            learned: Utterances::default(),
        }
    }
}

impl Default for Clips {
    fn default() -> Self {
        Self::new(Vec::new())
    }
}

impl std::fmt::Debug for Clips {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Clips")
            .field(&self.table.clips.len())
            .finish()
    }
}

/// Where in which clip a prompt is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spot {
    clip: ClipId,
    frame: usize,
}

impl Spot {
    /// Tells whether it lies in a sound that was learned.
    pub(super) const fn is_learned(self) -> bool {
        self.clip.is_learned()
    }
}

/// One prompt that is being played: clips one after another.
#[derive(Debug)]
pub(super) struct Player {
    clips: Vec<ClipId>,
    /// Which of the clips, and which of its frames, comes next.
    clip: usize,
    frame: usize,
    token: u64,
}

impl Player {
    /// Begins a prompt; what exceeds [`CLIPS_PER_PROMPT`] is left out.
    pub(super) fn new(mut clips: Vec<ClipId>, token: u64) -> Self {
        clips.truncate(CLIPS_PER_PROMPT);
        Self {
            clips,
            clip: 0,
            frame: 0,
            token,
        }
    }

    /// Returns the token of the command that began the prompt.
    pub(super) const fn token(&self) -> u64 {
        self.token
    }

    /// Takes the next 20 ms; `None` at the end. A clip that is not in the table is passed over.
    pub(super) fn take(&mut self, table: &Clips) -> Option<Spot> {
        while let Some(clip) = self.clips.get(self.clip).copied() {
            let frame = self.frame;
            if frame < table.len_of(clip) {
                self.frame += 1;
                return Some(Spot { clip, frame });
            }
            self.clip += 1;
            self.frame = 0;
        }
        None
    }
}

fn encode(recording: &Recording) -> [Payloads; Codec::ALL.len()] {
    Codec::ALL.map(|codec| match &recording.opus {
        Some(opus) if codec == Codec::Opus => opus.clone(),
        Some(_) | None => encode_clip(&recording.frames, codec).expect("a frame fits a payload"),
    })
}

/// Returns the last of many payloads of silence: an encoder takes a while to settle.
fn silence(codec: Codec) -> Vec<u8> {
    let payloads = encode_clip(&vec![Frame::SILENCE; SETTLING], codec);
    let payloads = payloads.expect("a frame fits a payload");
    payloads
        .get(SETTLING - 1)
        .map_or(Vec::new(), <[u8]>::to_vec)
}

const fn index(codec: Codec) -> usize {
    match codec {
        Codec::Opus => 0,
        Codec::G722 => 1,
        Codec::Pcma => 2,
        Codec::Pcmu => 3,
    }
}

/// Ticks after which the silence of every codec is steady.
const SETTLING: usize = 25;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clips_follow_each_other_and_missing_ones_are_passed_over() {
        let table = Clips::new(vec![vec![frame(1), frame(2)], vec![], vec![frame(3)]]);
        let mut player = Player::new(vec![ClipId(2), ClipId(1), ClipId(9), ClipId(0)], 7);
        let heard: Vec<(u32, usize)> = std::iter::from_fn(|| player.take(&table))
            .map(|spot| (spot.clip.0, spot.frame))
            .collect();
        assert_eq!(heard, [(2, 0), (0, 0), (0, 1)]);
        assert_eq!(player.token(), 7);
    }

    #[test]
    fn an_overlong_prompt_is_cut() {
        let table = Clips::new(vec![vec![frame(1)]]);
        let mut player = Player::new(vec![ClipId(0); 10 * CLIPS_PER_PROMPT], 0);
        assert_eq!(
            std::iter::from_fn(|| player.take(&table)).count(),
            CLIPS_PER_PROMPT
        );
    }

    #[test]
    fn what_is_too_long_or_was_not_kept_is_not_said_over_the_talk() {
        let second = vec![frame(1); 50];
        let table = Clips::with_places(4);
        for (id, frames) in (0..).zip([second.clone(), second, vec![]]) {
            table.prepare(ClipId(id), id != 1, || frames.into());
        }
        let fit = |clips: &[u32]| {
            let clips = clips.iter().map(|clip| ClipId(*clip)).collect();
            table.fit_over_talk(&Player::new(clips, 0))
        };
        assert_eq!(fit(&[0, 0, 2, 3, 9]), Ok(()));
        assert_eq!(fit(&[0, 1]), Err(Unplayed::NotKept));
        assert_eq!(fit(&[0; 10]), Ok(()));
        assert_eq!(fit(&[0; 11]), Err(Unplayed::TooLong));
        let frame = |clip| Spot { clip, frame: 49 };
        assert!(table.sound(frame(ClipId(0))).is_some());
        assert!(table.sound(frame(ClipId(1))).is_none());
        assert!(table.payload(frame(ClipId(1)), Codec::Opus).is_some());
    }

    #[test]
    fn a_clip_is_prepared_once_and_nothing_is_heard_of_it_before() {
        let table = Clips::with_places(1);
        let heard = || Player::new(vec![ClipId(0)], 0).take(&table).is_some();
        assert!(!heard());
        table.prepare(ClipId(0), true, || vec![frame(1)].into());
        assert!(heard());
        table.prepare(ClipId(0), true, || unreachable!("it is there"));
        table.prepare(ClipId(1), true, || unreachable!("it has no place"));
    }

    #[test]
    fn every_codec_has_its_own_payloads() {
        let table = Clips::new(vec![dsp::tone::sine(440.0, -20.0, 3)]);
        let spot = Spot {
            clip: ClipId(0),
            frame: 2,
        };
        for (at, codec) in Codec::ALL.into_iter().enumerate() {
            assert_eq!(index(codec), at);
            let payload = table.payload(spot, codec).unwrap();
            assert!(codec.duration(payload).is_some(), "{codec:?}");
            assert_ne!(payload, table.silence(codec));
            assert_eq!(codec.duration(table.silence(codec)), Some(codec.ticks()));
        }
    }

    fn frame(value: i16) -> Frame {
        Frame {
            samples: [value; dsp::FRAME_SAMPLES],
        }
    }
}
