//! How a leg's sound is treated before it is heard: by the kind of leg, as was asked for, and as loud as its speaker chose.

use dsp::{Codec, Frame, Level, Shaper, Shaping};

use super::{Leg, Transport};
use crate::media::{api::ListeningGain, common::Common};

/// How a leg's sound is treated before it is heard.
#[derive(Debug)]
pub(super) struct Manner {
    pub(super) shaper: Shaper,
    /// What was asked for; else what suits the kind of leg.
    pub(super) asked: Option<Shaping>,
    /// How loud it is heard beside all that, in its speaker's own choice.
    pub(super) loudness: ListeningGain,
}

impl Manner {
    /// Makes that of a leg that has said nothing yet.
    pub(super) const fn new(codec: Codec, asked: Option<Shaping>) -> Self {
        Self {
            shaper: Shaper::new(codec, Shaping::NONE),
            asked,
            loudness: ListeningGain::UNCHANGED,
        }
    }
}

impl Leg {
    /// Sets how loud the leg is heard.
    pub(in crate::media) const fn set_loudness(&mut self, gain: ListeningGain) {
        self.manner.loudness = gain;
    }

    /// Returns how loud a claim is once the gain is applied that was learned of the leg: faint lines are compared with others
    /// as they will be heard.
    pub(in crate::media) fn as_heard(&self, claim: Level) -> Level {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a gain of some twenty decibels"
        )]
        let gain = self.manner.shaper.gain_db().round() as i16;
        let loud = i16::from(claim.as_rfc6464()) - gain;
        Level::from_rfc6464(u8::try_from(loud.clamp(0, 127)).unwrap_or(127))
    }

    /// Makes what was said fit to be heard, given what the leg heard; returns how loud it was, before all that.
    pub(in crate::media) fn shape(
        &mut self,
        sound: &mut Frame,
        heard: &Frame,
        common: &mut Common,
    ) -> Level {
        let usual = self.usual_shaping();
        let prompted = self.is_prompted();
        let Manner {
            shaper,
            asked,
            loudness,
        } = &mut self.manner;
        let shaping = asked.unwrap_or(usual);
        let noise_suppression = shaping.noise_suppression && common.effort.noise_suppression;
        shaper.set_shaping(Shaping {
            noise_suppression,
            ..shaping
        });
        if noise_suppression || shaping.echo {
            common.shapers.equip(shaper);
        }
        shaper.set_volume(loudness.factor());
        shaper.hold_gain(prompted);
        shaper.shape(sound, heard)
    }

    const fn usual_shaping(&self) -> Shaping {
        match &self.transport {
            Transport::Phone(_) => Shaping::TELEPHONE,
            Transport::Browser(_) => Shaping::BROWSER,
        }
    }

    /// Tells whether the leg is judged by what it says: not where its sound is to be left as it is, music included.
    pub(in crate::media) fn is_judged(&self) -> bool {
        self.manner.asked != Some(Shaping::NONE)
    }

    /// Gives back what only a speaker needs.
    pub(in crate::media) fn rest(&mut self, common: &mut Common) {
        if self.manner.shaper.is_equipped() {
            common.shapers.strip(&mut self.manner.shaper);
        }
    }

    /// Sets what is done to the leg's sound.
    pub(in crate::media) const fn set_shaping(&mut self, shaping: Shaping) {
        self.manner.asked = Some(shaping);
    }
}
