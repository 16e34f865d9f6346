//! Loudness in dBov (RFC 6464) and the gate that tells speech from noise.

use std::cmp::Reverse;

/// A level in −dBov, 0 the loudest and 127 digital silence (RFC 6464 §3). A louder level is the greater one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Level(u8);

impl Level {
    /// The level of digital silence.
    pub const SILENCE: Self = Self(127);

    /// Measures the root mean square of the samples against full scale.
    pub fn of(samples: &[i16]) -> Self {
        let sum: u64 = samples
            .iter()
            .map(|&sample| u64::from(sample.unsigned_abs()).pow(2))
            .sum();
        Self::of_energy(sum, samples.len())
    }

    /// Takes the sum of the squares of so many samples.
    pub(crate) fn of_energy(sum: u64, samples: usize) -> Self {
        if sum == 0 {
            return Self::SILENCE;
        }
        #[expect(clippy::cast_precision_loss, reason = "a level needs three digits")]
        let mean = sum as f64 / samples as f64 / (32_768.0 * 32_768.0);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "clamped"
        )]
        Self((-10.0 * mean.log10()).round().clamp(0.0, 127.0) as u8)
    }

    /// Takes the seven-bit level of an RFC 6464 header extension; the eighth bit is ignored.
    pub const fn from_rfc6464(value: u8) -> Self {
        Self(value & 0x7f)
    }

    /// Returns the level for an RFC 6464 header extension.
    pub const fn as_rfc6464(self) -> u8 {
        self.0
    }

    /// Returns the level in dBov, 0 to −127.
    pub const fn as_dbov(self) -> i8 {
        -self.0.cast_signed()
    }
}

impl Ord for Level {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        Reverse(self.0).cmp(&Reverse(other.0))
    }
}

impl PartialOrd for Level {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Default for Level {
    fn default() -> Self {
        Self::SILENCE
    }
}

/// Tells whether somebody speaks, from one level per tick.
///
/// The gate learns the steady noise of a line and wants speech to rise above it. It opens after 60 ms of speech
/// and closes after 400 ms of quiet, so that it neither reacts to clicks nor closes between words.
#[derive(Debug, Clone)]
pub struct SpeechGate {
    /// The learned noise in hundredths of a dBov.
    floor: i32,
    speaking: bool,
    /// Ticks in a row that speak against the present state.
    contrary: u8,
}

impl SpeechGate {
    /// Makes a closed gate.
    pub const fn new() -> Self {
        Self {
            floor: LOWEST_FLOOR,
            speaking: false,
            contrary: 0,
        }
    }

    /// Hears the level of one tick; returns the new state if it changed.
    pub fn handle(&mut self, level: Level) -> Option<bool> {
        let level = i32::from(level.as_dbov()) * 100;
        self.floor = level
            .min(self.floor + FLOOR_RISE)
            .clamp(LOWEST_FLOOR, HIGHEST_FLOOR);
        let above = if self.speaking {
            STAY_ABOVE
        } else {
            OPEN_ABOVE
        };
        let threshold = (self.floor + above).max(QUIETEST_SPEECH);
        if (level >= threshold) == self.speaking {
            self.contrary = 0;
            return None;
        }
        self.contrary += 1;
        let patience = if self.speaking { RELEASE } else { ATTACK };
        if self.contrary < patience {
            return None;
        }
        self.contrary = 0;
        self.speaking = !self.speaking;
        Some(self.speaking)
    }

    /// Tells whether somebody speaks.
    pub const fn is_speaking(&self) -> bool {
        self.speaking
    }
}

impl Default for SpeechGate {
    fn default() -> Self {
        Self::new()
    }
}

/// What the level of a tick says of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LineSound {
    /// No more than the line's own noise, and faint: nobody's speech.
    Noise,
    /// As loud as it was all the time for a second or more: a car, a fan, a tone, seldom a voice.
    Steady,
    /// Something else.
    Sound,
}

/// Tells what a line says by itself from what somebody says, by claims alone, before anything is decoded.
///
/// Whoever seeks speakers among many open microphones asks it first: the steady noise of a quiet room is nobody's
/// speech, and to choose and mix it costs as much as speech.
#[derive(Debug, Clone, Copy)]
pub struct LineNoise {
    /// Estimated noise in hundredths of a dBov; believed to rise slowly.
    floor: i32,
    /// The faintest ticks of the second before and of the running one.
    faintest: [Level; 2],
    /// Ticks of the running second.
    ticks: u8,
}

impl LineNoise {
    /// Knows nothing yet, and takes only the faintest for noise.
    pub const fn new() -> Self {
        Self {
            floor: LOWEST_FLOOR,
            faintest: [Level::SILENCE; 2],
            ticks: 0,
        }
    }

    /// Hears the level of one tick; tells what it is.
    pub fn handle(&mut self, level: Level) -> LineSound {
        let steady = self.is_steady(level);
        let level = i32::from(level.as_dbov()) * 100;
        self.floor = level
            .min(self.floor + FLOOR_RISE)
            .clamp(LOWEST_FLOOR, HIGHEST_FLOOR);
        if level < (self.floor + STAY_ABOVE).min(QUIETEST_SPEECH) {
            LineSound::Noise
        } else if steady {
            LineSound::Steady
        } else {
            LineSound::Sound
        }
    }

    /// Hears that there is nothing in a tick.
    pub fn pass(&mut self) {
        self.is_steady(Level::SILENCE);
    }

    fn is_steady(&mut self, level: Level) -> bool {
        self.faintest[1] = self.faintest[1].min(level);
        let [before, now] = self.faintest;
        self.ticks += 1;
        if self.ticks == SECOND {
            self.ticks = 0;
            self.faintest = [now, level];
        }
        level.as_rfc6464() + STEADY_WITHIN >= before.min(now).as_rfc6464()
    }
}

impl Default for LineNoise {
    fn default() -> Self {
        Self::new()
    }
}

/// Ticks of speech that open the gate: 60 ms.
const ATTACK: u8 = 3;

/// Ticks of quiet that close the gate: 400 ms.
const RELEASE: u8 = 20;

/// Below this nothing is speech, however quiet the line.
const QUIETEST_SPEECH: i32 = -50_00;

/// Noise is never believed to be lower than this, so that a digitally silent line does not make a whisper of it.
const LOWEST_FLOOR: i32 = -70_00;

/// Noise is never believed to be higher than this, so that a long loud speech is not learned as noise.
const HIGHEST_FLOOR: i32 = -48_00;

/// How much louder than the noise speech has to be to open the gate.
const OPEN_ABOVE: i32 = 9_00;

/// How much louder than the noise speech has to be to keep it open.
const STAY_ABOVE: i32 = 6_00;

/// How fast the noise is believed to rise, per tick: 2 dB in a second.
const FLOOR_RISE: i32 = 4;

/// By how much a tick of a steady sound may be louder than its faintest of one to two seconds, in dB: no voice goes on for
/// that long without a fainter tick.
const STEADY_WITHIN: u8 = 6;

/// Ticks of a second.
const SECOND: u8 = 50;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tone;

    fn gate_after(levels: &[u8]) -> SpeechGate {
        let mut gate = SpeechGate::new();
        for &level in levels {
            gate.handle(Level::from_rfc6464(level));
        }
        gate
    }

    #[test]
    fn full_scale_square_is_zero_and_sine_three_below() {
        assert_eq!(Level::of(&[i16::MIN; 100]).as_dbov(), 0);
        let sine = tone::sine(1_000.0, -3.01, 1);
        assert_eq!(sine[0].level().as_dbov(), -3);
    }

    #[test]
    fn louder_is_greater_and_silence_least() {
        assert!(Level::from_rfc6464(10) > Level::from_rfc6464(40));
        assert_eq!(Level::of(&[0; 960]), Level::SILENCE);
        assert_eq!(Level::of(&[]), Level::SILENCE);
        assert!(Level::of(&[1, 0, 0, 0]) > Level::SILENCE);
    }

    #[test]
    fn speech_opens_within_60_ms_and_closes_after_400() {
        let mut gate = gate_after(&[65; 100]);
        let opened = (1..10).find(|_| gate.handle(Level::from_rfc6464(30)) == Some(true));
        assert_eq!(opened, Some(3));
        let closed = (1..50).find(|_| gate.handle(Level::from_rfc6464(65)) == Some(false));
        assert_eq!(closed, Some(20));
    }

    #[test]
    fn steady_noise_is_not_speech() {
        for noise in [60, 55] {
            assert!(
                !gate_after(&[noise; 500]).is_speaking(),
                "noise at −{noise}"
            );
        }
    }

    #[test]
    fn quiet_speech_is_heard_and_a_click_is_not() {
        assert!(gate_after(&[127, 127, 45, 45, 45]).is_speaking());
        assert!(!gate_after(&[70, 70, 20, 20, 70, 20, 70]).is_speaking());
    }

    #[test]
    fn long_loud_speech_is_not_learned_as_noise() {
        assert!(gate_after(&[25; 5_000]).is_speaking());
    }

    #[test]
    fn steady_noise_is_known_within_a_few_seconds_and_speech_above_it_is_not_taken_for_it() {
        let mut line = LineNoise::new();
        let mut noise = |level| line.handle(Level::from_rfc6464(level)) == LineSound::Noise;
        assert!((0..500).filter(|_| noise(58)).count() > 300);
        assert!(!noise(51) && !noise(30));
        assert!(noise(57));
    }

    #[test]
    fn what_is_loud_is_never_the_noise_of_a_line() {
        let mut line = LineNoise::new();
        let mut sounds = (0..5_000).map(|_| line.handle(Level::from_rfc6464(45)));
        assert!(sounds.all(|sound| sound != LineSound::Noise));
    }

    #[test]
    fn what_is_as_loud_for_a_second_is_steady_and_what_rises_above_it_or_pauses_is_not() {
        let mut line = LineNoise::new();
        let mut hear = |level| line.handle(Level::from_rfc6464(level));
        let noise = |tick: u8| 36 + tick % 3;
        let sounds: Vec<_> = (0..150).map(|tick| hear(noise(tick))).collect();
        assert!(sounds[..50].iter().all(|sound| *sound == LineSound::Sound));
        assert!(
            sounds[100..]
                .iter()
                .all(|sound| *sound == LineSound::Steady)
        );
        assert_eq!(hear(30), LineSound::Sound, "somebody speaks in the car");
        assert_eq!(hear(37), LineSound::Steady);
        line.pass();
        let after = (0..50).map(|_| line.handle(Level::from_rfc6464(36)));
        assert!(after.into_iter().all(|sound| sound == LineSound::Sound));
    }

    #[test]
    fn the_gate_stays_open_between_words() {
        let mut gate = gate_after(&[30; 10]);
        for _ in 0..20 {
            for level in [70; 15].into_iter().chain([30; 5]) {
                assert_eq!(gate.handle(Level::from_rfc6464(level)), None);
            }
        }
    }
}
