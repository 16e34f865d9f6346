//! The active speech level of ITU-T P.56 (method B): how loud somebody is while they speak, pauses not counted.
//!
//! An envelope (two smoothings of 30 ms) is held against sixteen thresholds 6 dB apart; for each the time is counted in
//! which the envelope was above it within the last 200 ms. The level sought is the one that lies 15.9 dB above the very
//! threshold that yields it.

use crate::SAMPLE_RATE;

/// Measures 48 kHz sound of any length.
#[derive(Debug, Clone)]
pub struct SpeechMeter {
    samples: u64,
    squares: f64,
    /// The first and second smoothing.
    envelope: [f64; 2],
    /// Samples above each threshold, hangover included.
    active: [u64; THRESHOLDS],
    /// Samples since the envelope was above each threshold.
    since: [u32; THRESHOLDS],
}

/// What a [`SpeechMeter`] found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ActiveLevel {
    /// The active speech level in dBov.
    pub dbov: f64,
    /// The part of the time with speech, 0 to 1.
    pub activity: f64,
}

impl SpeechMeter {
    /// Makes a meter that has heard nothing.
    pub const fn new() -> Self {
        Self {
            samples: 0,
            squares: 0.0,
            envelope: [0.0; 2],
            active: [0; THRESHOLDS],
            since: [HANGOVER; THRESHOLDS],
        }
    }

    /// Hears the next samples.
    pub fn hear(&mut self, samples: &[i16]) {
        for &sample in samples {
            let x = f64::from(sample) / 32_768.0;
            self.samples += 1;
            self.squares += x * x;
            self.envelope[0] += SMOOTH * (x.abs() - self.envelope[0]);
            self.envelope[1] += SMOOTH * (self.envelope[0] - self.envelope[1]);
            let mut threshold = LOWEST;
            for (active, since) in self.active.iter_mut().zip(&mut self.since) {
                if self.envelope[1] >= threshold {
                    *since = 0;
                } else if *since < HANGOVER {
                    *since += 1;
                }
                *active += u64::from(*since < HANGOVER);
                threshold *= 2.0;
            }
        }
    }

    /// Returns the active speech level; none of silence.
    pub fn level(&self) -> Option<ActiveLevel> {
        let mut below: Option<(f64, f64)> = None;
        for (at, &active) in self.active.iter().enumerate() {
            if active == 0 {
                break;
            }
            let level = decibel_of_power(self.squares / active as f64);
            let margin = level - 20.0 * (LOWEST * f64::from(1_u32 << at)).log10();
            if margin <= MARGIN {
                let (dbov, share) = match below {
                    // Between two thresholds level and margin run straight.
                    Some((lower, wider)) => {
                        let part = (wider - MARGIN) / (wider - margin);
                        let dbov = lower + part * (level - lower);
                        (dbov, self.share(dbov))
                    }
                    None => (level, self.share(level)),
                };
                return Some(ActiveLevel {
                    dbov,
                    activity: share,
                });
            }
            below = Some((level, margin));
        }
        below.map(|(dbov, _)| ActiveLevel {
            dbov,
            activity: self.share(dbov),
        })
    }

    /// The part of the time that speech of this level must have filled.
    fn share(&self, dbov: f64) -> f64 {
        let long_term = decibel_of_power(self.squares / self.samples as f64);
        10_f64.powf((long_term - dbov) / 10.0).min(1.0)
    }
}

impl Default for SpeechMeter {
    fn default() -> Self {
        Self::new()
    }
}

fn decibel_of_power(power: f64) -> f64 {
    10.0 * power.log10()
}

/// Thresholds, 6.02 dB apart.
const THRESHOLDS: usize = 15;

/// The lowest threshold: one step of 16 bits.
const LOWEST: f64 = 1.0 / 32_768.0;

/// How far the level lies above its threshold, in dB.
const MARGIN: f64 = 15.9;

/// Samples for which sound counts as active after its envelope sank below a threshold: 200 ms.
const HANGOVER: u32 = SAMPLE_RATE / 5;

/// Smoothing with a time constant of 30 ms: 1 − e^(−1/(48,000 · 0.03)).
const SMOOTH: f64 = 0.000_694_203;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Frame, tone};

    fn measured(frames: &[Frame]) -> ActiveLevel {
        let mut meter = SpeechMeter::new();
        frames.iter().for_each(|frame| meter.hear(&frame.samples));
        meter.level().unwrap()
    }

    #[test]
    fn a_steady_tone_is_active_all_the_time() {
        for dbov in [-10.0, -26.0, -45.0] {
            let found = measured(&tone::sine(1_000.0, dbov, 100));
            assert!((found.dbov - dbov).abs() < 0.3, "{found:?}");
            assert!(found.activity > 0.97, "{found:?}");
        }
    }

    #[test]
    fn pauses_do_not_count_but_their_hangover_does() {
        // Bursts of 1 s in every 4 s: with 200 ms of hangover each and some more while the envelope falls, 31 %.
        let mut frames = Vec::new();
        for _ in 0..5 {
            frames.extend(tone::sine(500.0, -26.0, 50));
            frames.extend(vec![Frame::SILENCE; 150]);
        }
        let found = measured(&frames);
        assert!((0.29..0.35).contains(&found.activity), "{found:?}");
        assert!((-27.5..-26.3).contains(&found.dbov), "{found:?}");
    }

    #[test]
    fn faint_noise_in_pauses_is_no_speech() {
        let mut frames = Vec::new();
        for _ in 0..5 {
            frames.extend(tone::sine(500.0, -20.0, 50));
            frames.extend(tone::sine(2_000.0, -50.0, 50));
        }
        let found = measured(&frames);
        assert!((0.58..0.7).contains(&found.activity), "{found:?}");
        assert!((-21.5..-20.3).contains(&found.dbov), "{found:?}");
    }

    #[test]
    fn silence_has_no_level() {
        let mut meter = SpeechMeter::new();
        assert_eq!(meter.level(), None);
        meter.hear(&[0; 9_600]);
        assert_eq!(meter.level(), None);
    }
}
