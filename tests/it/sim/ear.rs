//! `ear` makes speech-like signals and says by frequency and level who is heard, how loud and how clean.
//!
//! A voice is a set of carriers that no other voice shares, between 300 and 3,400 Hz so that every codec carries them,
//! modulated at syllable rate (4 Hz) so that noise suppression and gain control would take it for speech. One voice is
//! wider, for codecs that carry more. Product code knows nothing of it.

use std::f64::consts::TAU;

use rustfft::{FftPlanner, num_complex::Complex};

/// Carriers of each voice in Hz; no two lie closer than [`CARRIER_WIDTH_HZ`] on either side.
const VOICES: [[f64; 4]; 7] = [
    [440.0, 1000.0, 1720.0, 2560.0],
    [520.0, 1180.0, 1880.0, 2720.0],
    [600.0, 1300.0, 2020.0, 2860.0],
    [680.0, 1420.0, 2160.0, 2980.0],
    [760.0, 1520.0, 2280.0, 3080.0],
    [340.0, 880.0, 1600.0, 2420.0],
    [1000.0, 2500.0, 4700.0, 6900.0],
];

/// Half the width in Hz around a carrier that belongs to it: the modulation's sidebands and the codec's smear.
const CARRIER_WIDTH_HZ: f64 = 30.0;

/// Level of a voice in dB relative to full scale (RMS over whole syllables).
const VOICE_LEVEL_DBFS: f64 = -20.0;

/// Syllables per second.
const SYLLABLE_HZ: f64 = 4.0;

/// One of the signals of `ear`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Voice(pub usize);

/// How a voice is heard in a recording.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Heard {
    /// Level of the voice's carriers in dB relative to full scale.
    pub level_dbfs: f64,
    /// Level of everything else in dB relative to full scale.
    pub rest_dbfs: f64,
}

impl Heard {
    /// How far the voice stands above everything else, in dB.
    pub fn over_rest_db(self) -> f64 {
        self.level_dbfs - self.rest_dbfs
    }
}

impl Voice {
    /// Renders the voice from sample `start` on, `length` samples at `rate` Hz, 16 bit.
    pub fn render(self, rate: u32, start: u64, length: usize) -> Vec<i16> {
        (start..start + length as u64)
            .map(|index| self.sample(rate, index))
            .collect()
    }

    /// One sample.
    #[expect(clippy::cast_possible_truncation, reason = "the value is clamped")]
    fn sample(self, rate: u32, index: u64) -> i16 {
        let t = index as f64 / f64::from(rate);
        let carriers: f64 = self
            .carriers()
            .iter()
            .map(|f| (TAU * f * t + f).sin())
            .sum();
        // A raised cosine between 0.1 and 1: pauses between syllables, never quite silent.
        let syllable = 0.55 - 0.45 * (TAU * SYLLABLE_HZ * t).cos();
        // Mean square: 4 carriers of 1/2 each, times the mean square of the envelope.
        let rms = (4.0 * 0.5 * (0.55 * 0.55 + 0.45 * 0.45 / 2.0_f64)).sqrt();
        let gain = 10_f64.powf(VOICE_LEVEL_DBFS / 20.0) / rms;
        (carriers * syllable * gain * 32_767.0).clamp(-32_768.0, 32_767.0) as i16
    }

    /// The frequencies in Hz that are this voice's alone.
    pub fn carriers(self) -> &'static [f64; 4] {
        &VOICES[self.0]
    }

    /// Measures how this voice is heard in `samples` at `rate` Hz. Shorter than half a second measures silence.
    pub fn heard_in(self, samples: &[i16], rate: u32) -> Heard {
        heard(self.carriers(), samples, rate)
    }
}

/// Measures how a set of carriers in Hz is heard in `samples` at `rate` Hz.
pub fn heard(carriers: &[f64], samples: &[i16], rate: u32) -> Heard {
    let power = spectrum(samples);
    if power.is_empty() {
        return Heard {
            level_dbfs: -120.0,
            rest_dbfs: -120.0,
        };
    }
    let width = f64::from(rate) / samples.len() as f64;
    let (mut own, mut rest) = (0.0, 0.0);
    for (bin, value) in power.iter().enumerate() {
        let frequency = bin as f64 * width;
        if carriers
            .iter()
            .any(|c| (c - frequency).abs() <= CARRIER_WIDTH_HZ)
        {
            own += value;
        } else if frequency > LOWEST_HZ {
            rest += value;
        }
    }
    Heard {
        level_dbfs: decibels(own),
        rest_dbfs: decibels(rest),
    }
}

/// RMS level of a recording in dB relative to full scale; digital silence is −120.
pub fn level_dbfs(samples: &[i16]) -> f64 {
    let sum: f64 = samples
        .iter()
        .map(|&s| (f64::from(s) / 32_768.0).powi(2))
        .sum();
    decibels(sum / samples.len().max(1) as f64)
}

/// Below this nothing audible lies, only offset.
const LOWEST_HZ: f64 = 50.0;

/// One-sided power per bin of a Hann-windowed recording, scaled so that the sum is the mean square.
fn spectrum(samples: &[i16]) -> Vec<f64> {
    let n = samples.len();
    if n < 4_000 {
        return Vec::new();
    }
    let window = |i: usize| 0.5 - 0.5 * (TAU * i as f64 / n as f64).cos();
    let mut buffer: Vec<Complex<f64>> = samples
        .iter()
        .enumerate()
        .map(|(i, &s)| Complex::new(f64::from(s) / 32_768.0 * window(i), 0.0))
        .collect();
    FftPlanner::new().plan_fft_forward(n).process(&mut buffer);
    // The mean square of a Hann window is 3/8.
    let scale = 2.0 / (n as f64 * n as f64 * 0.375);
    buffer[..n / 2]
        .iter()
        .map(|c| c.norm_sqr() * scale)
        .collect()
}

fn decibels(power: f64) -> f64 {
    10.0 * power.max(1e-12).log10()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_voice_is_told_from_the_others_and_from_silence() {
        let rate = 48_000;
        let recording = Voice(0).render(rate, 0, 96_000);
        let own = Voice(0).heard_in(&recording, rate);
        assert!((own.level_dbfs - VOICE_LEVEL_DBFS).abs() < 1.0, "{own:?}");
        assert!(own.over_rest_db() > 40.0, "{own:?}");
        let other = Voice(1).heard_in(&recording, rate);
        assert!(other.level_dbfs < -60.0, "{other:?}");
        assert!(Voice(0).heard_in(&vec![0; 96_000], rate).level_dbfs < -100.0);
    }

    #[test]
    fn two_voices_at_once_are_both_heard() {
        let rate = 8_000;
        let (a, b) = (
            Voice(0).render(rate, 0, 16_000),
            Voice(3).render(rate, 0, 16_000),
        );
        let mix: Vec<i16> = a
            .iter()
            .zip(&b)
            .map(|(a, b)| a.saturating_add(*b))
            .collect();
        for voice in [Voice(0), Voice(3)] {
            assert!((voice.heard_in(&mix, rate).level_dbfs - VOICE_LEVEL_DBFS).abs() < 1.0);
        }
        assert!(Voice(2).heard_in(&mix, rate).level_dbfs < -55.0);
    }
}
