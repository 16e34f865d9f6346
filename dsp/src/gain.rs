//! Automatic gain: everybody's speech ends up at an active level of −26 dBov, and pauses stay as quiet as they were.
//!
//! ```text
//! level of the tick ─ Syllables: speech? ─ its mean power (P.56: with 200 ms of hangover) ─ gain wanted ─ in steps, while speech
//! ```
//!
//! Speech is told from noise by its syllables: sound that never falls by 6 dB within 600 ms has nothing to say about the
//! gain, unless it is far too loud. So a fan that starts is not turned up, and in pauses the gain rests.
//!
//! Invariants: the gain stays between −20 and +24 dB; it moves at most 0.5 dB in a tick; the state is some fifty bytes,
//! kept by a leg while it is silent, so that whoever speaks again begins at the gain found before.

use crate::{
    Level,
    power::{decibels, level_of, power},
    syllables::{Heard, Syllables},
};

/// Finds the gain for one leg, from one level per tick.
#[derive(Debug, Clone)]
pub struct Gain {
    ear: Syllables,
    /// Mean power of the speech heard, full scale is 1.
    power: f32,
    /// Ticks of speech the mean stands for.
    ticks: f32,
    /// Ticks of speech far below the mean since some came near it.
    faint: u16,
    /// In dB.
    gain: f32,
}

impl Gain {
    /// Makes a gain of 0 dB that has heard nothing.
    pub const fn new() -> Self {
        Self {
            ear: Syllables::new(),
            power: 0.0,
            ticks: 0.0,
            faint: 0,
            gain: 0.0,
        }
    }

    /// Hears the level of a tick in dBov before the gain; returns the gain at the end of the tick in dB.
    pub fn handle(&mut self, dbov: f32) -> f32 {
        match self.ear.handle(dbov) {
            Heard::Speech => {
                self.learn(dbov);
                self.approach(self.wanted());
            }
            Heard::Sound if dbov + self.gain > FAR_TOO_LOUD => self.approach(FAR_TOO_LOUD - dbov),
            Heard::Sound | Heard::Pause => {}
        }
        self.gain
    }

    /// Returns the gain in dB.
    pub const fn as_db(&self) -> f32 {
        self.gain
    }

    /// Returns the active level of the speech heard, before the gain.
    pub fn speech(&self) -> Level {
        if self.ticks == 0.0 {
            return Level::SILENCE;
        }
        level_of(decibels(self.power))
    }

    fn learn(&mut self, dbov: f32) {
        let mean = decibels(self.power);
        if self.ticks > 0.0 && dbov < mean - MARGIN && !self.ear.is_hanging() {
            self.faint += 1;
            if self.faint < OTHER_VOICE {
                return;
            }
            // Nothing near the old level for seconds: somebody else has the telephone, or moved away from it.
            self.ticks = 0.0;
        }
        if dbov >= mean - MARGIN {
            self.faint = 0;
        }
        self.ticks = (self.ticks + 1.0).min(MEMORY);
        self.power += (power(dbov) - self.power) / self.ticks;
    }

    /// The gain that brings the speech to its level without lifting the noise of the line into the talk.
    fn wanted(&self) -> f32 {
        let quiet = (LOUDEST_NOISE - self.ear.floor()).max(0.0);
        (TARGET - decibels(self.power)).clamp(LOWEST, HIGHEST.min(quiet))
    }

    fn approach(&mut self, wanted: f32) {
        let up = if self.ticks < MEMORY { HURRY } else { CALM };
        self.gain += (wanted - self.gain).clamp(-DOWN, up);
        self.gain = self.gain.clamp(LOWEST, HIGHEST);
    }
}

impl Default for Gain {
    fn default() -> Self {
        Self::new()
    }
}

/// The active level of speech after the gain, in dBov.
const TARGET: f32 = -26.0;

/// The gain's bounds in dB.
const LOWEST: f32 = -20.0;
const HIGHEST: f32 = 24.0;

/// Noise of a line is never lifted above this, in dBov, whatever the speech would need.
const LOUDEST_NOISE: f32 = -40.0;

/// Sound without syllables that comes out louder than this is turned down.
const FAR_TOO_LOUD: f32 = -18.0;

/// Steps in dB per tick: while little is known, 15 dB in a second of speech; later 4; down always fast.
const HURRY: f32 = 0.3;
const CALM: f32 = 0.08;
const DOWN: f32 = 0.5;

/// Ticks of speech the mean remembers: 3 s.
const MEMORY: f32 = 150.0;

/// Fainter than the mean by more than this is no speech, in dB (P.56).
const MARGIN: f32 = 15.9;

/// Ticks of faint speech after which the mean begins anew: 3 s.
const OTHER_VOICE: u16 = 150;

#[cfg(test)]
mod tests {
    use crate::{Codec, Frame, Shaper, Shaping, material};

    const GAIN_ONLY: Shaping = Shaping {
        gain: true,
        ..Shaping::NONE
    };

    fn shaped(sound: &[Frame], shaper: &mut Shaper) -> Vec<Frame> {
        let mut out = sound.to_vec();
        for frame in &mut out {
            shaper.shape(frame, &Frame::SILENCE);
        }
        out
    }

    #[test]
    fn speech_of_any_level_comes_out_alike_within_three_seconds() {
        for (seed, level, codec) in [
            (1, -16.0, Codec::Pcma),
            (2, -26.0, Codec::Opus),
            (3, -36.0, Codec::Pcmu),
            (4, -46.0, Codec::Pcma),
            (5, -46.0, Codec::G722),
        ] {
            let speech = material::through(codec, &material::speech(seed, 8, level));
            let out = shaped(&speech, &mut Shaper::new(codec, GAIN_ONLY));
            let found = material::active_dbov(&out[150..]);
            let early = material::active_dbov(&out[125..250]);
            println!("{codec:?} {level}: {early:.1} from 2.5 to 5 s, {found:.1} from 3 s on");
            assert!((found - -26.0).abs() <= 3.0, "{codec:?} {level}: {found}");
            assert!((early - -26.0).abs() <= 3.0, "{codec:?} {level}: {early}");
        }
    }

    #[test]
    fn noise_in_pauses_rises_no_more_than_under_a_fixed_gain() {
        for level in [-36.0, -46.0] {
            let mut clean = material::speech(7, 8, level);
            clean.extend(vec![Frame::SILENCE; 500]);
            clean.extend(material::speech(8, 4, level));
            let noise = material::noise(9, clean.len(), level - 22.0);
            let mut shaper = Shaper::new(Codec::Opus, GAIN_ONLY);
            let out = shaped(&material::sum(&clean, &noise), &mut shaper);
            let fixed = -26.0 - level;
            let pause = material::dbov(&out[420..900]);
            let risen = pause - (level - 22.0) - fixed;
            assert!(risen <= 3.0, "{level}: {risen} dB over a fixed gain");
        }
    }

    #[test]
    fn noise_alone_is_not_turned_up() {
        for level in [-40.0, -55.0, -60.0] {
            for noise in [material::noise(1, 500, level), material::fan(2, 500, level)] {
                let mut sound = vec![Frame::SILENCE; 100];
                sound.extend(noise);
                let mut shaper = Shaper::new(Codec::Opus, GAIN_ONLY);
                shaped(&sound, &mut shaper);
                assert!(shaper.gain_db() <= 3.0, "{level}: {} dB", shaper.gain_db());
            }
        }
    }

    #[test]
    fn whoever_speaks_again_begins_at_the_gain_found() {
        let mut shaper = Shaper::new(Codec::Opus, GAIN_ONLY);
        shaped(&material::speech(3, 8, -42.0), &mut shaper);
        shaped(&vec![Frame::SILENCE; 20], &mut shaper);
        let before = shaper.gain_db();
        shaped(&vec![Frame::SILENCE; 1_000], &mut shaper);
        assert!((shaper.gain_db() - before).abs() < 0.01);
        let out = shaped(&material::speech(3, 3, -42.0), &mut shaper);
        let found = material::active_dbov(&out);
        assert!((found - -26.0).abs() <= 3.0, "{found}");
    }

    #[test]
    fn a_louder_and_a_fainter_voice_are_followed() {
        let mut shaper = Shaper::new(Codec::Opus, GAIN_ONLY);
        shaped(&material::speech(1, 8, -30.0), &mut shaper);
        for level in [-14.0, -44.0] {
            shaped(&material::speech(2, 8, level), &mut shaper);
            let out = shaped(&material::speech(3, 6, level), &mut shaper);
            let found = material::active_dbov(&out);
            assert!((found - -26.0).abs() <= 3.0, "{level}: {found}");
        }
    }

    #[test]
    fn full_scale_waves_are_turned_down_and_offsets_vanish() {
        let mut square = Frame::SILENCE;
        for (at, sample) in square.samples.iter_mut().enumerate() {
            *sample = if at / 48 % 2 == 0 { i16::MAX } else { i16::MIN };
        }
        let out = shaped(&vec![square; 200], &mut Shaper::new(Codec::Pcma, GAIN_ONLY));
        assert!(out[199].level().as_dbov() <= -17, "{:?}", out[199]);
        let offset = Frame {
            samples: [12_000; 960],
        };
        let out = shaped(&vec![offset; 100], &mut Shaper::new(Codec::Pcma, GAIN_ONLY));
        assert!(out[50].level().as_dbov() <= -70, "{:?}", out[50]);
    }
}
