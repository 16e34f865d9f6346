//! Songs: somebody sings words before a band, as most music on hold is, and what is like it and none.

use std::f64::consts::{PI, TAU};

use super::{RATE, Random, Resonance, at_level, frames, music::Score};
use crate::Frame;

/// Somebody sings before a band, so many dB louder than it; the seed chooses the singer, the band, key, pace and melody.
pub(crate) fn song(seed: u64, seconds: usize, voice_to_band: f64, dbov: f64) -> Vec<Frame> {
    let (band, voice) = parts(seed, seconds);
    let gain = 10_f64.powf(voice_to_band / 20.0) * active(&band) / active(&voice);
    let mix = band
        .iter()
        .zip(&voice)
        .map(|(band, voice)| band + gain * voice);
    finished(&compressed(mix), dbov)
}

/// The band of a song alone.
pub(crate) fn band(seed: u64, seconds: usize, dbov: f64) -> Vec<Frame> {
    finished(&compressed(parts(seed, seconds).0.into_iter()), dbov)
}

/// The singer of a song alone, words and all.
pub(crate) fn singer(seed: u64, seconds: usize, dbov: f64) -> Vec<Frame> {
    finished(&parts(seed, seconds).1, dbov)
}

/// Somebody hums to themselves: one held note after the other, without words, with breaths.
pub(crate) fn humming(seed: u64, seconds: usize, dbov: f64) -> Vec<Frame> {
    let score = Score::new(seed, seconds);
    let singer = Singer {
        words: false,
        ..Singer::new(seed)
    };
    finished(&singer.sing(&score), dbov)
}

fn finished(samples: &[f64], dbov: f64) -> Vec<Frame> {
    at_level(&frames(samples, 2_000.0 / active(samples)), dbov)
}

fn parts(seed: u64, seconds: usize) -> (Vec<f64>, Vec<f64>) {
    let mut score = Score::new(seed, seconds);
    score.beat = 60.0 / Random::new(seed ^ 0xbea7).between(70.0, 150.0);
    let voice = Singer::new(seed).sing(&score);
    Band::of(seed).play(&mut score);
    (score.samples, voice)
}

/// The effective value of the louder half.
fn active(samples: &[f64]) -> f64 {
    let mut powers: Vec<f64> = samples
        .chunks(960)
        .map(|chunk| chunk.iter().map(|x| x * x).sum::<f64>() / chunk.len() as f64)
        .collect();
    powers.sort_by(f64::total_cmp);
    let louder = &powers[powers.len() / 2..];
    (louder.iter().sum::<f64>() / louder.len() as f64)
        .sqrt()
        .max(1e-9)
}

/// What records are made with: whatever exceeds the usual by a decibel comes out as a quarter of one.
fn compressed(samples: impl Iterator<Item = f64>) -> Vec<f64> {
    let samples: Vec<f64> = samples.collect();
    let usual = active(&samples);
    let mut level = 0.0_f64;
    let squeeze = |x: &f64| {
        let rate = if x * x > level { 0.002 } else { 0.000_15 };
        level += rate * (x * x - level);
        let over = (2.0 * level).sqrt() / (0.5 * usual);
        x * over.max(0.3).powf(-0.75)
    };
    samples.iter().map(squeeze).collect()
}

/// Who accompanies.
#[derive(Debug, Clone, Copy)]
enum Band {
    /// Chords on a piano, bass and drums.
    Pop,
    /// A guitar strummed in eighths, bass and drums.
    Folk,
    /// Strings, bass and a soft drum.
    Soft,
    /// An organ off the beat, bass and drums.
    Reggae,
    /// Broken chords on a piano and a bass.
    Ballad,
    /// Chords and bass in eighths under loud drums.
    Dance,
}

impl Band {
    const fn of(seed: u64) -> Self {
        match seed % 6 {
            0 => Self::Pop,
            1 => Self::Folk,
            2 => Self::Soft,
            3 => Self::Reggae,
            4 => Self::Ballad,
            _ => Self::Dance,
        }
    }

    fn play(self, score: &mut Score) {
        match self {
            Self::Pop => score.each(1.0, |score, at, chord| {
                for note in chord {
                    score.ring(at, note - 12, 1.4, 0.3);
                }
                score.ring(at, chord[0] - 24, 0.8, 0.5);
                score.drums(at, 0.4);
            }),
            Self::Folk => {
                score.each(0.5, |score, at, chord| {
                    for (late, note) in [chord[0] - 12, chord[1] - 12, chord[2] - 12, chord[0]]
                        .into_iter()
                        .enumerate()
                    {
                        score.pluck(at + 0.02 * late as f64, note);
                    }
                });
                score.each(1.0, |score, at, chord| {
                    score.ring(at, chord[0] - 24, 0.9, 0.5);
                    score.drums(at, 0.4);
                });
            }
            Self::Soft => {
                score.each(4.0, |score, at, chord| {
                    for note in [chord[0] - 12, chord[1] - 12, chord[2] - 12, chord[0]] {
                        score.bow(at, note, 4.3);
                    }
                });
                score.each(2.0, |score, at, chord| {
                    score.ring(at, chord[0] - 24, 1.6, 0.6)
                });
                score.each(1.0, |score, at, _| score.drums(at, 0.2));
            }
            Self::Reggae => {
                score.each(1.0, |score, at, chord| {
                    for note in chord {
                        score.organ(at + 0.5, note, 0.4);
                    }
                    score.ring(at, chord[0] - 24, 0.5, 0.7);
                    score.drums(at, 0.4);
                });
            }
            Self::Ballad => {
                score.each(0.5, |score, at, chord| {
                    let note = chord[(at * 2.0) as usize % 3] - 12;
                    score.ring(at, note, 1.8, 0.5);
                });
                score.each(4.0, |score, at, chord| {
                    score.ring(at, chord[0] - 24, 2.4, 0.7);
                });
            }
            Self::Dance => {
                score.each(0.5, |score, at, chord| {
                    for note in chord {
                        score.ring(at, note, 0.3, 0.25);
                    }
                    score.ring(at, chord[0] - 24, 0.3, 0.5);
                });
                score.each(1.0, |score, at, _| score.drums(at, 0.8));
            }
        }
    }
}

/// Who sings.
#[derive(Debug)]
struct Singer {
    random: Random,
    /// Semitones above or below the key.
    range: i32,
    /// The length of the throat, for the formants.
    throat: f64,
    /// Hertz of the vibrato, and how far it goes.
    trembles: [f64; 2],
    /// How far from the note they sing at most, in semitones.
    off: f64,
    words: bool,
}

/// Formants of a, e, i, o, u and of n, which one hums.
const VOWELS: [[f64; 3]; 6] = [
    [730.0, 1_190.0, 2_500.0],
    [480.0, 1_900.0, 2_550.0],
    [300.0, 2_200.0, 2_900.0],
    [480.0, 850.0, 2_450.0],
    [320.0, 800.0, 2_300.0],
    [270.0, 1_300.0, 2_200.0],
];

impl Singer {
    fn new(seed: u64) -> Self {
        let mut random = Random::new(seed ^ 0x5151);
        let high = random.unit() > 0.0;
        Self {
            range: if high { 0 } else { -12 },
            throat: if high { 1.15 } else { 1.0 } * random.between(0.93, 1.07),
            trembles: [random.between(4.8, 6.4), random.between(0.15, 0.5)],
            off: random.between(0.05, 0.25),
            words: true,
            random,
        }
    }

    /// Sings lines of two bars to the chords, syllable by syllable, and breathes between them.
    fn sing(mut self, score: &Score) -> Vec<f64> {
        let mut voice = Voice::default();
        let mut out = Vec::with_capacity(score.samples.len());
        let mut pitch = score.frequency(self.range);
        let bar = 4.0 * score.beat;
        let mut line_ends = 0.0;
        while out.len() < score.samples.len() {
            line_ends += 2.0 * bar;
            let rest = self.random.between(0.4, 1.2).max(0.3 * score.beat);
            while (out.len() as f64) / RATE < line_ends - rest {
                let beats = [0.5, 0.5, 1.0, 1.0, 1.5, 2.0][self.random.between(0.0, 5.99) as usize];
                let chord = score.chord((out.len() as f64 / RATE / bar) as usize);
                let step = self.random.between(0.0, 3.99) as usize;
                let note = *chord.get(step).unwrap_or(&(chord[0] + 2)) + self.range;
                let off = 2_f64.powf(self.random.between(-self.off, self.off) / 12.0);
                let aim = score.frequency(note) * off;
                self.syllable(&mut voice, &mut pitch, aim, beats * score.beat, &mut out);
            }
            let until = (line_ends * RATE) as usize;
            while out.len() < until.min(score.samples.len()) {
                out.push(voice.sound(0.0, 0.0, VOWELS[0]));
            }
        }
        out.truncate(score.samples.len());
        out
    }

    fn syllable(
        &mut self,
        voice: &mut Voice,
        pitch: &mut f64,
        aim: f64,
        seconds: f64,
        out: &mut Vec<f64>,
    ) {
        let begins = if self.words {
            self.consonant(voice, out)
        } else {
            0.0
        };
        let vowel = if self.words {
            self.random.between(0.0, 4.99) as usize
        } else {
            5
        };
        let formants = VOWELS[vowel].map(|f| f * self.throat);
        let length = ((seconds - begins) * RATE) as usize;
        let loud = self.random.between(0.6, 1.0);
        for n in 0..length {
            let t = n as f64 / RATE;
            *pitch += (aim - *pitch) * 0.000_5;
            let depth = self.trembles[1] * ((t - 0.25) / 0.3).clamp(0.0, 1.0);
            let bend = 2_f64.powf(depth * (TAU * self.trembles[0] * t).sin() / 12.0);
            let left = (length - n) as f64 / RATE;
            let shape = (t / 0.03).min(left / 0.06).clamp(0.05, 1.0);
            let pulse = loud * shape * voice.pulse(*pitch * bend);
            let breath = 0.03 * shape * self.random.unit();
            out.push(voice.sound(pulse, breath, formants));
        }
    }

    /// A hiss, a stop, or nothing; returns how long it took.
    fn consonant(&mut self, voice: &mut Voice, out: &mut Vec<f64>) -> f64 {
        let (seconds, hiss, place) = match self.random.between(0.0, 3.99) as usize {
            0 => (0.09, 0.9, self.random.between(2_500.0, 6_000.0)),
            1 => (0.06, 0.0, 1_000.0),
            2 => (0.05, 0.4, self.random.between(1_200.0, 3_000.0)),
            _ => return 0.0,
        };
        let count = (seconds * RATE) as usize;
        for n in 0..count {
            let shape = (PI * n as f64 / count as f64).sin();
            let x = hiss * shape * self.random.unit();
            out.push(voice.hiss.process(x, place, 1_500.0) + voice.sound(0.0, 0.0, VOWELS[0]));
        }
        seconds
    }
}

/// A throat: pulses through resonances.
#[derive(Debug, Default)]
struct Voice {
    phase: f64,
    formants: [Resonance; 3],
    hiss: Resonance,
}

impl Voice {
    /// The flow's change as the cords open and shut (Rosenberg 1971).
    fn pulse(&mut self, pitch: f64) -> f64 {
        self.phase = (self.phase + pitch / RATE).fract();
        match self.phase {
            p if p < 0.4 => 0.6 * (PI * p / 0.4).sin(),
            p if p < 0.56 => -3.0 * ((p - 0.4) / 0.16 * PI / 2.0).sin(),
            _ => 0.0,
        }
    }

    fn sound(&mut self, pulse: f64, breath: f64, places: [f64; 3]) -> f64 {
        let gains = [1.0, 0.6, 0.4];
        let widths = [80.0, 110.0, 160.0];
        let parts = self.formants.iter_mut().zip(places).zip(gains).zip(widths);
        parts
            .map(|(((formant, place), gain), width)| {
                gain * formant.process(pulse + breath, place, width)
            })
            .sum()
    }
}
