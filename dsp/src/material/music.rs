//! Music as lines play it to those who wait, by kinds, and what people do beside speaking.

use std::f64::consts::{PI, TAU};

use super::{RATE, Random, Resonance, at_level, frames};
use crate::Frame;

/// A kind of music on hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Music {
    /// A melody of decaying notes over a bass, with bass drum, snare and cymbal.
    Drums,
    /// Broken chords on a piano, each note ringing on.
    Piano,
    /// Chords of strings that swell, tremble and overlap.
    Strings,
    /// A plucked guitar with a shaker.
    Guitar,
    /// A singer with a band of chords, bass and drums.
    Song,
    /// Chords and bass in eighths that the drums drown half.
    Dance,
}

impl Music {
    /// Plays it; the seed chooses key, pace, chords and notes.
    pub(crate) fn play(self, seed: u64, seconds: usize, dbov: f64) -> Vec<Frame> {
        let mut score = Score::new(seed, seconds);
        match self {
            Self::Drums => {
                score.each(1.0, |score, at, _| score.drums(at, 0.5));
                score.each(0.5, Score::lead);
                score.each(2.0, |score, at, chord| {
                    score.ring(at, chord[0] - 24, 1.5, 0.5)
                });
            }
            Self::Piano => score.each(0.25, |score, at, chord| {
                let note = chord[(at * 4.0) as usize % 3] + 12 * (score.random.unit() > 0.5) as i32;
                score.ring(at, note, 1.2, 0.6);
            }),
            Self::Strings => score.each(4.0, |score, at, chord| {
                for note in [chord[0] - 12, chord[0], chord[1], chord[2], chord[0] + 12] {
                    score.bow(at, note, 4.4);
                }
            }),
            Self::Guitar => {
                score.each(0.5, |score, at, chord| {
                    let note = chord[(at * 2.0) as usize % 3] - 12;
                    score.pluck(at, note);
                });
                score.each(0.25, |score, at, _| score.noise(at, 0.05, 0.12, 5_000.0));
            }
            Self::Song => {
                score.each(1.0, |score, at, _| score.drums(at, 0.35));
                score.each(2.0, |score, at, chord| {
                    for note in chord {
                        score.ring(at, note, 1.6, 0.22);
                    }
                    score.ring(at, chord[0] - 24, 1.2, 0.4);
                });
                score.sing(0.8);
            }
            Self::Dance => {
                score.each(1.0, |score, at, _| score.drums(at, 1.2));
                score.each(0.5, |score, at, chord| {
                    for note in chord {
                        score.ring(at, note, 0.25, 0.25);
                    }
                    score.ring(at, chord[0] - 24, 0.3, 0.5);
                });
            }
        }
        at_level(&frames(&score.samples, 2_000.0), dbov)
    }
}

/// Somebody sings alone: notes of a melody with vibrato and slides, a breath after every phrase.
pub(crate) fn singing(seed: u64, seconds: usize, dbov: f64) -> Vec<Frame> {
    let mut score = Score::new(seed, seconds);
    score.sing(1.0);
    at_level(&frames(&score.samples, 2_000.0), dbov)
}

/// Laughter: bursts of a voice five times a second, each falling in pitch, with gasps.
pub(crate) fn laughter(seed: u64, seconds: usize, dbov: f64) -> Vec<Frame> {
    let mut random = Random::new(seed);
    let mut samples = vec![0.0; seconds * RATE as usize];
    let mut formants: [Resonance; 2] = Default::default();
    let (mut phase, mut at) = (0.0_f64, 0);
    while at + 48_000 < samples.len() {
        let pitch = random.between(180.0, 320.0);
        let bursts = random.between(4.0, 10.0) as usize;
        for burst in 0..bursts {
            let length = (random.between(0.08, 0.13) * RATE) as usize;
            for n in 0..length.min(samples.len() - at) {
                let part = n as f64 / length as f64;
                phase += pitch * (1.15 - 0.02 * burst as f64 - 0.2 * part) / RATE;
                let pulse = if phase >= 1.0 { 30.0 } else { 0.0 };
                phase = phase.fract();
                let x = (pulse + 2.0 * random.unit()) * (PI * part).sin();
                samples[at + n] =
                    formants[0].process(x, 750.0, 90.0) + formants[1].process(x, 1_300.0, 120.0);
            }
            at = (at + length + (random.between(0.06, 0.11) * RATE) as usize)
                .min(samples.len() - 48_000);
        }
        at += (random.between(0.2, 0.6) * RATE) as usize;
    }
    at_level(&frames(&samples, 2_000.0), dbov)
}

/// Clicks of so many a second, at random: applause where there are hundreds, typing where there are ten.
pub(crate) fn clicks(seed: u64, seconds: usize, per_second: f64, dbov: f64) -> Vec<Frame> {
    let mut score = Score::new(seed, seconds);
    for _ in 0..(seconds as f64 * per_second) as usize {
        let at = score.random.between(0.0, seconds as f64) / score.beat;
        let (loud, pitch) = (
            score.random.between(0.2, 1.0),
            score.random.between(900.0, 3_000.0),
        );
        score.noise(at, 0.012, loud, pitch);
    }
    at_level(&frames(&score.samples, 2_000.0), dbov)
}

/// What is played: sound to be added to, in beats and notes.
pub(super) struct Score {
    pub(super) samples: Vec<f64>,
    random: Random,
    /// Seconds.
    pub(super) beat: f64,
    /// The key, in semitones above A of 440 Hz, and how far from it the instruments are tuned.
    key: f64,
    minor: bool,
}

impl Score {
    pub(super) fn new(seed: u64, seconds: usize) -> Self {
        let mut random = Random::new(seed);
        Self {
            samples: vec![0.0; seconds * RATE as usize],
            beat: 60.0 / random.between(80.0, 132.0),
            key: random.between(-9.0, 3.0).floor() + random.between(-0.1, 0.1),
            minor: random.unit() > 0.0,
            random,
        }
    }

    /// Does something every so many beats, with the chord of the time.
    pub(super) fn each(&mut self, beats: f64, mut act: impl FnMut(&mut Self, f64, [i32; 3])) {
        let total = self.samples.len() as f64 / RATE / self.beat;
        let count = (total / beats) as usize;
        for number in 0..count {
            let at = number as f64 * beats;
            let chord = self.chord((at / 4.0) as usize);
            act(self, at, chord);
        }
    }

    /// The chord of a bar: one of four that every song has.
    pub(super) fn chord(&self, bar: usize) -> [i32; 3] {
        match (self.minor, bar % 4) {
            (false, 0) => [0, 4, 7],
            (false, 1) => [-3, 0, 4],
            (false, 2) => [-7, -3, 0],
            (false, _) => [-5, -1, 2],
            (true, 0) => [0, 3, 7],
            (true, 1) => [-4, 0, 3],
            (true, 2) => [-9, -5, -2],
            (true, _) => [-2, 2, 5],
        }
    }

    pub(super) fn frequency(&self, note: i32) -> f64 {
        440.0 * 2_f64.powf((self.key + f64::from(note)) / 12.0)
    }

    /// A note of the scale, now and then none.
    fn lead(&mut self, at: f64, chord: [i32; 3]) {
        let which = self.random.between(0.0, 5.0) as usize;
        let note = *chord.get(which).unwrap_or(&(chord[0] + 12));
        if self.random.unit() < 0.7 {
            self.ring(at, note, 0.6, 0.8);
        }
    }

    /// Adds a sound of some seconds from a beat on.
    fn add(&mut self, at: f64, seconds: f64, mut sound: impl FnMut(f64, &mut Random) -> f64) {
        let first = (at * self.beat * RATE) as usize;
        let count = (seconds * RATE) as usize;
        let mut random = self.random.clone();
        for (n, sample) in self.samples.iter_mut().skip(first).take(count).enumerate() {
            *sample += sound(n as f64 / RATE, &mut random);
        }
        self.random = random;
    }

    /// A struck note that dies away, its partials a little out of tune with each other.
    pub(super) fn ring(&mut self, at: f64, note: i32, seconds: f64, loud: f64) {
        let f = self.frequency(note);
        self.add(at, seconds, |t, _| {
            let attack = (t / 0.005).min(1.0) * (1.0 - t / seconds);
            let tone = (1..=6).map(f64::from).map(|k| {
                let stretched = k * (1.0 + 0.0004 * k * k).sqrt();
                (TAU * f * stretched * t).sin() * (-t * (2.0 + k)).exp() / k
            });
            loud * attack * tone.sum::<f64>()
        });
    }

    /// A bowed note with vibrato that swells and fades.
    pub(super) fn bow(&mut self, at: f64, note: i32, beats: f64) {
        let f = self.frequency(note);
        let seconds = beats * self.beat;
        let detuned =
            [0.998, 1.0, 1.002_3].map(|factor| factor * self.random.between(0.999, 1.001));
        let trembles = self.random.between(4.8, 6.2);
        self.add(at, seconds, |t, _| {
            let swell = (t / 0.3).min((seconds - t) / 0.4).clamp(0.0, 1.0);
            let bend = 0.0015 * (TAU * trembles * t).sin() / trembles;
            let tone = detuned.iter().flat_map(|part| {
                (1..=5).map(move |k| {
                    let k = f64::from(k);
                    (TAU * f * k * (part * t + bend)).sin() / k
                })
            });
            0.3 * swell * tone.sum::<f64>()
        });
    }

    /// A note of an organ, as loud while it lasts.
    pub(super) fn organ(&mut self, at: f64, note: i32, beats: f64) {
        let f = self.frequency(note);
        let seconds = beats * self.beat;
        self.add(at, seconds, |t, _| {
            let shape = (t / 0.01).min((seconds - t) / 0.03).clamp(0.0, 1.0);
            let tone = [(1.0, 1.0), (2.0, 0.7), (3.0, 0.4), (4.0, 0.3)]
                .map(|(k, loud)| loud * (TAU * f * k * t).sin());
            0.3 * shape * tone.iter().sum::<f64>()
        });
    }

    /// A string plucked: a burst of noise that goes round a delay line (Karplus and Strong 1983).
    pub(super) fn pluck(&mut self, at: f64, note: i32) {
        let period = RATE / self.frequency(note);
        let length = period as usize;
        let random = &mut self.random;
        let mut line: Vec<f64> = (0..length).map(|_| random.unit()).collect();
        let (mut place, mut before) = (0, 0.0);
        self.add(at, 1.0, |t, _| {
            let out = line[place];
            line[place] = 0.996 * 0.5 * (out + before);
            before = out;
            place = (place + 1) % length;
            1.5 * out * (1.0 - t)
        });
    }

    /// A bar's quarter of drums: bass drum, cymbals in eighths, the snare on two and four.
    pub(super) fn drums(&mut self, at: f64, loud: f64) {
        self.add(at, 0.18, |t, _| {
            2.0 * loud
                * (TAU * (50.0 * t + 4.0 * (1.0 - (-t * 25.0).exp()))).sin()
                * (-t * 18.0).exp()
        });
        self.noise(at, 0.03, 0.5 * loud, 7_000.0);
        self.noise(at + 0.5, 0.03, 0.5 * loud, 7_000.0);
        if at as usize % 2 == 1 {
            self.noise(at, 0.12, 2.0 * loud, 1_800.0);
        }
    }

    /// A burst of noise around a frequency.
    fn noise(&mut self, at: f64, seconds: f64, loud: f64, frequency: f64) {
        let mut body = Resonance::default();
        self.add(at, seconds * 3.0, |t, random| {
            let x = random.unit() * (-t / seconds * 2.0).exp();
            6.0 * loud * body.process(x, frequency, frequency)
        });
    }

    /// A voice sings on its own: slides into each note, trembles after a while, breathes after every phrase.
    fn sing(&mut self, loud: f64) {
        let mut formants: [Resonance; 3] = Default::default();
        let mut random = self.random.clone();
        let (mut phase, mut pitch, mut n) = (0.0_f64, self.frequency(-12), 0);
        let mut sung = 0;
        while n < self.samples.len() {
            let bar = (n as f64 / RATE / self.beat / 4.0) as usize;
            let chord = self.chord(bar);
            let step = chord[random.between(0.0, 2.99) as usize];
            let aim = self.frequency(step - 12) * random.between(0.985, 1.015);
            let beats = [0.5, 1.0, 1.0, 2.0][random.between(0.0, 3.99) as usize];
            let length = (beats * self.beat * RATE) as usize;
            let places = [
                random.between(350.0, 800.0),
                random.between(900.0, 1_900.0),
                2_700.0,
            ];
            for at in 0..length.min(self.samples.len() - n) {
                let t = at as f64 / RATE;
                pitch += (aim - pitch) * 0.000_4;
                let depth = 0.012 * ((t - 0.2) / 0.3).clamp(0.0, 1.0);
                phase += pitch * (1.0 + depth * (TAU * 5.6 * t).sin()) / RATE;
                let pulse = if phase >= 1.0 { 30.0 } else { 0.0 };
                phase = phase.fract();
                let edge = (t / 0.04)
                    .min((length - at) as f64 / RATE / 0.05)
                    .clamp(0.1, 1.0);
                let x = pulse * edge;
                let gains = [1.0, 0.5, 0.25];
                let voice = places.iter().zip(&mut formants).zip(gains);
                let y: f64 = voice
                    .map(|((&f, formant), gain)| gain * formant.process(x, f, 90.0))
                    .sum();
                self.samples[n + at] += loud * y;
            }
            n += length;
            sung += 1;
            if sung % 8 == 0 {
                n += (0.35 * RATE) as usize;
            }
        }
        self.random = random;
    }
}
