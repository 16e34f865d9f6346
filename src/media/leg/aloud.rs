//! What a leg is sent that no mix is: prompts, silence, and sound that is coded for it alone, which is what a sound test plays
//! back and what people are called.

use dsp::{EncoderSettings, Frame};

use super::{Ear, Leg};
use crate::media::{
    common::Common,
    counters::Counters,
    encoders::{Encoders, Stream},
    outbox::Outbox,
    player::Spot,
};

impl Leg {
    /// Sends what needs no shared encoder; in place of a mix, silence.
    pub(in crate::media) fn send_ear(&mut self, ear: Ear, common: &mut Common) {
        if let Ear::Prompt(spot) = ear
            && spot.is_learned()
        {
            return self.send_learned(spot, common);
        }
        let Common {
            clips,
            outbox,
            counters,
            ..
        } = common;
        let payload = match ear {
            Ear::Closed => return self.skip(),
            Ear::Silence | Ear::Mix(_) => clips.silence(self.hearing.codec),
            Ear::Prompt(spot) => clips
                .payload(spot, self.hearing.codec)
                .unwrap_or_else(|| clips.silence(self.hearing.codec)),
        };
        self.send(payload, outbox, counters);
    }

    /// Codes a tick of sound for the leg, by a stream that begins with the first, and sends it; false where there is none.
    pub(super) fn send_sound(
        &mut self,
        stream: &mut Option<Box<Stream>>,
        sound: &Frame,
        encoders: &mut Encoders,
        (outbox, counters): (&mut Outbox, &mut Counters),
    ) -> bool {
        let settings = EncoderSettings::new(self.hearing.codec, self.hearing.path.class());
        if stream
            .as_ref()
            .is_none_or(|stream| stream.settings() != settings)
        {
            *stream = encoders.take(settings);
        }
        let complexity = encoders.complexity;
        if let Some(stream) = stream
            && stream.encode_other(sound, complexity)
        {
            self.send_coded(stream, outbox, counters);
            true
        } else {
            false
        }
    }

    /// Sends a tick of a sound that was learned; silence where it was forgotten meanwhile.
    fn send_learned(&mut self, spot: Spot, common: &mut Common) {
        let Common {
            clips,
            encoders,
            outbox,
            counters,
            ..
        } = common;
        let mut stream = self.aloud.take();
        let sent = clips
            .sound(spot)
            .is_some_and(|sound| self.send_sound(&mut stream, sound, encoders, (outbox, counters)));
        self.aloud = stream;
        if !sent {
            self.send(clips.silence(self.hearing.codec), outbox, counters);
        }
    }

    /// Gives back what a sound was coded with that is over.
    pub(super) fn fall_silent(&mut self, encoders: &mut Encoders) {
        if let Some(stream) = self.aloud.take() {
            encoders.give(stream);
        }
    }
}
