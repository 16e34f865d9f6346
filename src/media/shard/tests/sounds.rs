//! Sounds that telephones play in tests: music, something like speech, a line's noise; seeded, at a known level.

use std::f64::consts::{PI, TAU};

use dsp::{FRAME_SAMPLES, Frame, SpeechMeter, decode_ogg_opus};
use rand::{RngExt, SeedableRng, rngs::StdRng};

const RATE: usize = 48_000;

/// A melody of plucked notes over a held bass, three notes a second, as those hear who are put on hold.
pub(super) fn melody(seed: u64, seconds: usize, dbov: f64) -> Vec<Frame> {
    const NOTE: usize = RATE / 3;
    let mut rng = StdRng::seed_from_u64(seed);
    let mut note = || {
        let scale = [0, 2, 4, 5, 7, 9, 11, 12, 14, 16, 17, 19, 21, 23];
        let step = scale[rng.random_range(0..scale.len())];
        330.0 * 2_f64.powf(f64::from(step) / 12.0)
    };
    let (mut high, mut bass) = (330.0, 165.0);
    let samples = (0..seconds * RATE).map(|n| {
        if n.is_multiple_of(NOTE) {
            high = note();
        }
        if n.is_multiple_of(4 * NOTE) {
            bass = note() / 2.0;
        }
        let age = (n % NOTE) as f64 / NOTE as f64;
        (0.4 + 0.6 * (-3.0 * age).exp()) * harmonics(high, n) + 0.5 * harmonics(bass, n)
    });
    at_level(&samples.collect::<Vec<_>>(), dbov)
}

/// Something like speech: syllables of a gliding pitch and two formants each, with gaps, and a breath after every eighth.
pub(super) fn speech(seed: u64, seconds: usize, dbov: f64) -> Vec<Frame> {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut samples = Vec::new();
    let mut syllables = 0;
    while samples.len() < seconds * RATE {
        let length = rng.random_range(RATE / 9..RATE / 4);
        let (from, to) = (
            rng.random_range(110.0..160.0),
            rng.random_range(100.0..170.0),
        );
        let mut formants = [
            Formant::at(rng.random_range(280.0..800.0)),
            Formant::at(rng.random_range(900.0..2_200.0)),
        ];
        let mut phase: f64 = 0.0;
        for n in 0..length {
            let part = n as f64 / length as f64;
            phase += (from + (to - from) * part) / RATE as f64;
            let pulse = if phase >= 1.0 { 1.0 } else { 0.0 };
            phase = phase.fract();
            let x = pulse * (PI * part).sin();
            samples.push(formants.iter_mut().map(|formant| formant.handle(x)).sum());
        }
        syllables += 1;
        let gap = if syllables % 8 == 0 {
            RATE / 2
        } else {
            RATE / 20
        };
        samples.resize(samples.len() + gap, 0.0);
    }
    samples.truncate(seconds * RATE);
    at_level(&samples, dbov)
}

/// A resonance of second order, 90 Hz wide.
struct Formant {
    factors: [f64; 2],
    y: [f64; 2],
}

impl Formant {
    fn at(frequency: f64) -> Self {
        let r = (-PI * 90.0 / RATE as f64).exp();
        Self {
            factors: [2.0 * r * (TAU * frequency / RATE as f64).cos(), -r * r],
            y: [0.0; 2],
        }
    }

    fn handle(&mut self, x: f64) -> f64 {
        let y = x + self.factors[0] * self.y[0] + self.factors[1] * self.y[1];
        self.y = [y, self.y[0]];
        y
    }
}

/// White noise.
pub(super) fn noise(seed: u64, frames: usize, dbov: f64) -> Vec<Frame> {
    let mut rng = StdRng::seed_from_u64(seed);
    let samples = (0..frames * FRAME_SAMPLES).map(|_| rng.random_range(-1.0..1.0));
    at_level(&samples.collect::<Vec<_>>(), dbov)
}

/// Prompts of the house, one after the other: real voices.
pub(super) fn prompts(names: &[&str]) -> Vec<Frame> {
    let prompt = |name: &&str| {
        let path = format!("{}/deploy/prompts/{name}.opus", env!("CARGO_MANIFEST_DIR"));
        decode_ogg_opus(&std::fs::read(path).unwrap()).unwrap()
    };
    names.iter().flat_map(prompt).collect()
}

/// The sum of two sounds as long as the first.
pub(super) fn sum(a: &[Frame], b: &[Frame]) -> Vec<Frame> {
    let mut sum = a.to_vec();
    for (frame, other) in sum.iter_mut().zip(b) {
        for (x, y) in frame.samples.iter_mut().zip(&other.samples) {
            *x = x.saturating_add(*y);
        }
    }
    sum
}

/// A voice brought to an active speech level (ITU-T P.56) in dBov.
pub(super) fn at_active_level(voice: &[Frame], dbov: f64) -> Vec<Frame> {
    let samples: Vec<i16> = voice.iter().flat_map(|frame| frame.samples).collect();
    amplified(voice, dbov - active_dbov(&samples))
}

/// The active speech level in dBov.
pub(super) fn active_dbov(samples: &[i16]) -> f64 {
    let mut meter = SpeechMeter::new();
    meter.hear(samples);
    meter.level().unwrap().dbov
}

/// A sound with a gain in dB.
#[expect(clippy::cast_possible_truncation, reason = "samples saturate")]
fn amplified(sound: &[Frame], db: f64) -> Vec<Frame> {
    let factor = 10_f64.powf(db / 20.0);
    let scaled = |frame: &Frame| Frame {
        samples: frame
            .samples
            .map(|x| (f64::from(x) * factor).round() as i16),
    };
    sound.iter().map(scaled).collect()
}

/// The mean power in dBov.
pub(super) fn dbov(samples: &[i16]) -> f64 {
    let power: f64 = samples.iter().map(|x| f64::from(*x).powi(2)).sum();
    let mean = power / samples.len() as f64 / 32_768.0_f64.powi(2);
    10.0 * mean.max(1e-12).log10()
}

fn harmonics(frequency: f64, n: usize) -> f64 {
    let angle = TAU * frequency * n as f64 / RATE as f64;
    (1..=3)
        .map(f64::from)
        .map(|k| (k * angle).sin() / (k * k))
        .sum()
}

#[expect(clippy::cast_possible_truncation, reason = "samples saturate")]
fn at_level(samples: &[f64], dbov: f64) -> Vec<Frame> {
    let power = samples.iter().map(|x| x * x).sum::<f64>() / samples.len() as f64;
    let scale = 32_768.0 * 10_f64.powf(dbov / 20.0) / power.sqrt();
    let chunks = samples.chunks_exact(FRAME_SAMPLES);
    let frames = chunks.map(|chunk| Frame {
        samples: std::array::from_fn(|at| (chunk[at] * scale).round() as i16),
    });
    frames.collect()
}
