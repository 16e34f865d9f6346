//! Sounds for the tests of this crate, synthesized and seeded: speech-like voices, noise, melodies.
#![cfg(test)]
#![expect(
    clippy::cast_possible_truncation,
    reason = "samples saturate, counts are small"
)]

mod music;
mod song;

use std::{f64::consts::TAU, fs, path::Path};

pub(crate) use self::{
    music::{Music, clicks, laughter, singing},
    song::{band, humming, singer, song},
};
use crate::{
    Codec, Decoder, Encoder, FRAME_SAMPLES, Frame, Interpolator, Ratio, SpeechMeter,
    codec::vectors, decode_ogg_opus, wav,
};

const RATE: f64 = 48_000.0;

/// A small random generator, the same everywhere.
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// −1 to 1.
    pub(crate) fn unit(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    }

    pub(crate) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * (self.unit() + 1.0) / 2.0
    }
}

/// A resonance of second order with unit gain at its frequency, roughly.
#[derive(Debug, Clone, Default)]
struct Resonance {
    y: [f64; 2],
}

impl Resonance {
    fn process(&mut self, x: f64, frequency: f64, width: f64) -> f64 {
        let r = (-std::f64::consts::PI * width / RATE).exp();
        let y = (1.0 - r) * x + 2.0 * r * (TAU * frequency / RATE).cos() * self.y[0]
            - r * r * self.y[1];
        self.y = [y, self.y[0]];
        y
    }
}

/// Speech-like sound: gliding pitch, three formants, syllables of their own lengths, hisses, breaths every two seconds.
pub(crate) fn speech(seed: u64, seconds: usize, active_dbov: f64) -> Vec<Frame> {
    let mut random = Random::new(seed);
    let mut out = Vec::with_capacity(seconds * 48_000);
    let mut formants: [Resonance; 4] = Default::default();
    let voice = random.between(95.0, 210.0);
    let (mut phase, mut phrase) = (0.0_f64, 0.0);
    while out.len() < seconds * 48_000 {
        if phrase <= 0.0 {
            phrase = random.between(1.2, 2.6);
            out.extend(vec![0.0; (random.between(0.25, 0.7) * RATE) as usize]);
        }
        // A hiss before every third syllable, then a vowel that glides.
        if random.unit() > 0.3 {
            let n = (random.between(0.05, 0.12) * RATE) as usize;
            let hiss = random.between(3_500.0, 7_000.0);
            for at in 0..n {
                let shape = (std::f64::consts::PI * at as f64 / n as f64).sin();
                let x = random.unit() * shape * 0.6;
                out.push(formants[3].process(x, hiss, 1_500.0));
            }
        }
        let length = random.between(0.11, 0.26);
        let n = (length * RATE) as usize;
        let (from, to) = (
            voice * random.between(0.8, 1.25),
            voice * random.between(0.75, 1.2),
        );
        let places = [
            random.between(280.0, 800.0),
            random.between(900.0, 2_200.0),
            random.between(2_300.0, 3_200.0),
        ];
        let loud = random.between(0.35, 1.0);
        for at in 0..n {
            let part = at as f64 / n as f64;
            phase += (from + (to - from) * part) / RATE;
            let pulse = if phase >= 1.0 { 30.0 } else { 0.0 };
            phase = phase.fract();
            let shape = (std::f64::consts::PI * part).sin().powf(0.6) * loud;
            let x = (pulse + 0.05 * random.unit()) * shape;
            let y: f64 = places
                .iter()
                .zip(&mut formants)
                .zip([1.0, 0.5, 0.25])
                .map(|((&f, formant), gain)| gain * formant.process(x, f, 90.0))
                .sum();
            out.push(y);
        }
        let gap = random.between(0.02, 0.09);
        out.extend(vec![0.0; (gap * RATE) as usize]);
        phrase -= length + gap;
    }
    out.truncate(seconds * 48_000);
    at_active_level(&frames(&out, 3_000.0), active_dbov)
}

/// Four carriers that swell and sink four times a second, none of another `voice`'s: speech to a machine, not to an ear.
pub(crate) fn carriers(voice: usize, seconds: usize, dbov: f64) -> Vec<Frame> {
    let samples: Vec<f64> = (0..seconds * 48_000)
        .map(|n| {
            let t = n as f64 / RATE;
            let sum: f64 = [440.0, 1_000.0, 1_720.0, 2_560.0]
                .iter()
                .map(|f| (TAU * (f + 80.0 * voice as f64) * t).sin())
                .sum();
            sum * (0.55 - 0.45 * (TAU * 4.0 * t).cos())
        })
        .collect();
    at_level(&frames(&samples, 3_000.0), dbov)
}

/// White noise.
pub(crate) fn noise(seed: u64, count: usize, dbov: f64) -> Vec<Frame> {
    let mut random = Random::new(seed);
    let samples: Vec<f64> = (0..count * FRAME_SAMPLES).map(|_| random.unit()).collect();
    // Uniform noise has a power of a third.
    frames(&samples, 32_768.0 * 3_f64.sqrt() * amplitude(dbov))
}

/// The noise of a fan: hiss that falls with frequency, and a hum of 100 Hz and its harmonics.
pub(crate) fn fan(seed: u64, count: usize, dbov: f64) -> Vec<Frame> {
    let mut random = Random::new(seed);
    let mut low = 0.0;
    let samples: Vec<f64> = (0..count * FRAME_SAMPLES)
        .map(|n| {
            low += 0.1 * (random.unit() - low);
            let t = n as f64 / RATE;
            let hum: f64 = (1..=4)
                .map(|k| (TAU * 120.0 * f64::from(k) * t).sin() / f64::from(k))
                .sum();
            low + 0.05 * hum
        })
        .collect();
    at_level(&frames(&samples, 10_000.0), dbov)
}

/// The noise of a car: a rumble, an engine that speeds up and slows down, some hiss.
pub(crate) fn car(seed: u64, count: usize, dbov: f64) -> Vec<Frame> {
    let mut random = Random::new(seed);
    let (mut low, mut wind) = (0.0, 0.0);
    let (mut turns, mut aim, mut phase) = (30.0, 30.0, 0.0);
    let samples: Vec<f64> = (0..count * FRAME_SAMPLES)
        .map(|n| {
            if n % 72_000 == 0 {
                aim = random.between(25.0, 60.0);
            }
            turns += (aim - turns) * 0.000_02;
            phase += TAU * turns / RATE;
            let hiss = random.unit();
            low += 0.02 * (hiss - low);
            wind += 0.15 * (hiss - wind);
            let engine: f64 = (1..=12)
                .map(|k| (phase * f64::from(k)).sin() / f64::from(k))
                .sum();
            3.0 * low + 0.5 * wind + 0.15 * engine + 0.03 * hiss
        })
        .collect();
    at_level(&frames(&samples, 4_000.0), dbov)
}

/// The sound without what a telephone leaves out below 300 Hz: a Butterworth filter of fourth order.
pub(crate) fn telephone_band(sound: &[Frame]) -> Vec<Frame> {
    let mut line: Vec<f64> = samples(sound).map(f64::from).collect();
    let turn = TAU * 300.0 / RATE;
    for quality in [0.541, 1.307] {
        let (cosine, width) = (turn.cos(), turn.sin() / (2.0 * quality));
        let (mut x, mut y) = ([0.0; 2], [0.0; 2]);
        for sample in &mut line {
            let high = (1.0 + cosine) / 2.0 * (*sample - 2.0 * x[0] + x[1]);
            let out = (high + 2.0 * cosine * y[0] - (1.0 - width) * y[1]) / (1.0 + width);
            (x, y) = ([*sample, x[0]], [out, y[0]]);
            *sample = out;
        }
    }
    frames(&line, 1.0)
}

/// A melody of plucked notes over a held bass, `per_second` notes.
pub(crate) fn melody(seed: u64, seconds: usize, per_second: f64, dbov: f64) -> Vec<Frame> {
    let mut random = Random::new(seed);
    let note = |random: &mut Random| {
        let step = random.between(0.0, 14.99).floor();
        let scale = [0.0, 2.0, 4.0, 5.0, 7.0, 9.0, 11.0];
        let (octave, degree) = ((step / 7.0).floor(), step % 7.0);
        330.0 * 2_f64.powf(octave + scale[degree as usize] / 12.0)
    };
    let length = (RATE / per_second) as usize;
    let mut samples = Vec::new();
    let (mut high, mut bass) = (330.0, 165.0);
    for n in 0..seconds * 48_000 {
        if n % length == 0 {
            high = note(&mut random);
        }
        if n % (4 * length) == 0 {
            bass = note(&mut random) / 2.0;
        }
        let t = n as f64 / RATE;
        let age = (n % length) as f64 / length as f64;
        let pluck = 0.4 + 0.6 * (-3.0 * age).exp();
        let tone = |f: f64| {
            (1..=3)
                .map(|k| (TAU * f * f64::from(k) * t).sin() / f64::from(k * k))
                .sum::<f64>()
        };
        samples.push(pluck * tone(high) + 0.5 * tone(bass));
    }
    at_level(&frames(&samples, 8_000.0), dbov)
}

/// Recorded speech at 48 kHz from the vectors; tests that need it have `vectors` in their names.
pub(crate) fn recorded(file: &str) -> Vec<Frame> {
    let bytes = vectors::bytes("speech", file);
    let (rate, samples) = wav::parse(&bytes).unwrap();
    let ratio = match rate {
        8_000 => Ratio::Six,
        16_000 => Ratio::Three,
        other => panic!("{other} Hz"),
    };
    let mut up = Interpolator::new(ratio);
    let per_frame = (rate / 50) as usize;
    let frames = samples.chunks_exact(per_frame).map(|chunk| {
        let mut frame = Frame::SILENCE;
        up.process(chunk, &mut frame.samples);
        frame
    });
    frames.collect()
}

/// Prompts of the house, one after the other: real voices, with the pauses of speech.
pub(crate) fn prompts<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<Frame> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/prompts");
    let prompt = |name| {
        let bytes = fs::read(folder.join(name).with_extension("opus")).unwrap();
        decode_ogg_opus(&bytes).unwrap()
    };
    names.into_iter().flat_map(prompt).collect()
}

/// All prompts of a language.
pub(crate) fn all_prompts(language: &str) -> Vec<Frame> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/prompts");
    let files = fs::read_dir(folder.join(language)).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names
        .filter_map(|name| Some(name.strip_suffix(".opus")?.to_owned()))
        .collect();
    names.sort();
    let names: Vec<_> = names
        .iter()
        .map(|name| format!("{language}/{name}"))
        .collect();
    prompts(names.iter().map(String::as_str))
}

/// A voice as it sounds faster and higher, or slower and lower, by this factor.
pub(crate) fn transposed(sound: &[Frame], factor: f64) -> Vec<Frame> {
    let line: Vec<f64> = samples(sound).map(f64::from).collect();
    let count = (line.len() as f64 / factor) as usize - 1;
    let sample = |n: usize| {
        let at = n as f64 * factor;
        let (before, part) = (at as usize, at.fract());
        line[before] + part * (line[(before + 1).min(line.len() - 1)] - line[before])
    };
    frames(&(0..count).map(sample).collect::<Vec<_>>(), 1.0)
}

/// The frames after encoding and decoding.
pub(crate) fn through(codec: Codec, frames: &[Frame]) -> Vec<Frame> {
    let mut encoder = Encoder::new(codec).unwrap();
    let mut decoder = Decoder::new(codec).unwrap();
    let mut up = codec.ratio().map(Interpolator::new);
    frames
        .iter()
        .map(|frame| {
            let mut payload = [0; crate::MAX_PAYLOAD];
            let len = encoder.encode(frame, &mut payload).unwrap();
            let mut samples = [0; 5_760];
            let n = decoder.decode(&payload[..len], &mut samples).unwrap();
            let mut out = Frame::SILENCE;
            match &mut up {
                Some(up) => up.process(&samples[..n], &mut out.samples),
                None => out.samples.copy_from_slice(&samples[..n]),
            }
            out
        })
        .collect()
}

/// The sum of two sounds; the shorter ends in silence.
pub(crate) fn sum(a: &[Frame], b: &[Frame]) -> Vec<Frame> {
    let frame = |frames: &[Frame], at: usize| frames.get(at).cloned().unwrap_or_default();
    (0..a.len().max(b.len()))
        .map(|at| {
            let mut out = frame(a, at);
            for (x, y) in out.samples.iter_mut().zip(&frame(b, at).samples) {
                *x = x.saturating_add(*y);
            }
            out
        })
        .collect()
}

/// The sound later by so many samples.
pub(crate) fn delayed(sound: &[Frame], by: usize) -> Vec<Frame> {
    let samples = std::iter::repeat_n(0, by).chain(samples(sound));
    let line: Vec<i16> = samples.take(sound.len() * FRAME_SAMPLES).collect();
    line.chunks_exact(FRAME_SAMPLES)
        .map(|chunk| Frame {
            samples: chunk.try_into().unwrap(),
        })
        .collect()
}

/// All samples in a row.
pub(crate) fn samples(sound: &[Frame]) -> impl Iterator<Item = i16> {
    sound.iter().flat_map(|frame| frame.samples)
}

/// The sound with a gain in dB.
pub(crate) fn amplified(sound: &[Frame], db: f64) -> Vec<Frame> {
    let factor = 10_f64.powf(db / 20.0);
    let scaled = |frame: &Frame| Frame {
        samples: frame
            .samples
            .map(|x| (f64::from(x) * factor).round() as i16),
    };
    sound.iter().map(scaled).collect()
}

/// The mean power in dBov.
pub(crate) fn dbov(sound: &[Frame]) -> f64 {
    let squares: f64 = samples(sound).map(|x| f64::from(x).powi(2)).sum();
    let mean = squares / (sound.len() * FRAME_SAMPLES) as f64 / 32_768.0_f64.powi(2);
    10.0 * mean.max(1e-13).log10()
}

/// The active speech level in dBov.
pub(crate) fn active_dbov(sound: &[Frame]) -> f64 {
    let mut meter = SpeechMeter::new();
    sound.iter().for_each(|frame| meter.hear(&frame.samples));
    meter.level().unwrap().dbov
}

/// The sound brought to an active speech level.
pub(crate) fn at_active_level(sound: &[Frame], wanted: f64) -> Vec<Frame> {
    amplified(sound, wanted - active_dbov(sound))
}

fn at_level(sound: &[Frame], wanted: f64) -> Vec<Frame> {
    amplified(sound, wanted - dbov(sound))
}

fn amplitude(db: f64) -> f64 {
    10_f64.powf(db / 20.0)
}

fn frames(samples: &[f64], scale: f64) -> Vec<Frame> {
    samples
        .chunks_exact(FRAME_SAMPLES)
        .map(|chunk| Frame {
            samples: std::array::from_fn(|at| (chunk[at] * scale).round() as i16),
        })
        .collect()
}
