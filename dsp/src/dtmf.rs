//! Finds keys pressed as sound (ITU-T Q.23, Q.24), and holds the sound back for so long that they can be left out of it.
//!
//! ```text
//! frame ─ 8 kHz ─ windows of 20 ms, each 10 ms ─ two tones and nothing else? ─ the same twice ─ key
//!    └──────────────── delay line of 40 ms ─ frames of a key become silence ─ frame
//! ```
//!
//! A tone of 40 ms fills two windows wherever it begins, and is known 40 ms after its beginning at the latest, which is
//! what the delay line holds. Speech has overtones and changes: of its windows hardly one is nothing but two tones of
//! the grid, and two in a row of the same are not heard of.

use std::{array, f32::consts::TAU};

use crate::{FRAME_SAMPLES, Frame, SAMPLE_RATE};

/// Finds the keys in one leg's sound and takes them out of it.
#[derive(Debug, Clone)]
pub struct KeyFilter {
    /// The last half window, at 8 kHz.
    half: [f32; HALF],
    /// What the last window held.
    last: Option<char>,
    /// The key that sounds, told already.
    pressed: Option<char>,
    /// Windows in a row without the key that sounds.
    without: u8,
    line: [Held; Self::DELAY],
    at: usize,
}

/// A frame in the delay line.
#[derive(Debug, Clone)]
struct Held {
    frame: Frame,
    keyed: bool,
}

impl KeyFilter {
    /// Frames for which sound is held back: what a tone may have sounded for when it is known, 40 ms.
    pub const DELAY: usize = 2;

    /// Makes a filter that has heard nothing.
    pub const fn new() -> Self {
        Self {
            half: [0.0; HALF],
            last: None,
            pressed: None,
            without: 0,
            line: [const {
                Held {
                    frame: Frame::SILENCE,
                    keyed: false,
                }
            }; Self::DELAY],
            at: 0,
        }
    }

    /// Takes a tick of sound and gives in its place that of 40 ms before, silent where a key was pressed; returns the key
    /// whose press it finds, once per press: one of `0`–`9`, `*`, `#`, `A`–`D`.
    pub fn handle(&mut self, frame: &mut Frame) -> Option<char> {
        let was_pressed = self.pressed.is_some();
        let mut found = None;
        for half in halves(frame) {
            let window: [f32; 2 * HALF] = array::from_fn(|at| match at.checked_sub(HALF) {
                None => self.half[at],
                Some(at) => half[at],
            });
            self.half = half;
            found = self.judge(key_of(&window)).or(found);
        }
        let keyed = was_pressed || self.pressed.is_some();
        if found.is_some() {
            self.line.iter_mut().for_each(|held| held.keyed = true);
        }
        let held = &mut self.line[self.at];
        std::mem::swap(&mut held.frame, frame);
        if std::mem::replace(&mut held.keyed, keyed) {
            *frame = Frame::SILENCE;
        }
        self.at = (self.at + 1) % Self::DELAY;
        found
    }

    /// Takes what a window holds; tells the press that it makes known.
    fn judge(&mut self, key: Option<char>) -> Option<char> {
        let before = std::mem::replace(&mut self.last, key);
        if key == self.pressed && key.is_some() {
            self.without = 0;
            return None;
        }
        if key.is_some() && key == before {
            self.pressed = key;
            self.without = 0;
            return key;
        }
        self.without = self.without.saturating_add(1);
        if self.without >= RELEASED {
            self.pressed = None;
        }
        None
    }
}

impl Default for KeyFilter {
    fn default() -> Self {
        Self::new()
    }
}

/// The frame at 8 kHz, in halves of 10 ms.
fn halves(frame: &Frame) -> [[f32; HALF]; 2] {
    array::from_fn(|half| {
        array::from_fn(|at| {
            let from = (half * HALF + at) * FACTOR;
            let six = &frame.samples[from..from + FACTOR];
            let sum: i32 = six.iter().map(|&sample| i32::from(sample)).sum();
            sum as f32 / (FACTOR as f32 * 32_768.0)
        })
    })
}

/// The key whose two tones are all there is in a window.
fn key_of(window: &[f32; 2 * HALF]) -> Option<char> {
    let power = window.iter().map(|sample| sample * sample).sum::<f32>() / window.len() as f32;
    if power < FAINTEST {
        return None;
    }
    let rows = ROWS.map(|frequency| near(window, frequency));
    let columns = COLUMNS.map(|frequency| near(window, frequency));
    let (row, low) = strongest(&rows)?;
    let (column, high) = strongest(&columns)?;
    let twisted = high > low * TWIST || low > high * TWIST_REVERSE;
    if twisted || low + high < power * ALONE {
        return None;
    }
    Some(KEYS[row * COLUMNS.len() + column])
}

/// The strongest of a group, if it stands out from the others.
fn strongest(powers: &[f32; 4]) -> Option<(usize, f32)> {
    let (at, most) = powers
        .iter()
        .copied()
        .enumerate()
        .max_by(|a, b| a.1.total_cmp(&b.1))?;
    let stands_out = powers
        .iter()
        .enumerate()
        .all(|(other, power)| other == at || *power * STANDS_OUT < most);
    stands_out.then_some((at, most))
}

/// The power of a tone of this frequency, or of one as far off as is allowed (ITU-T Q.24: 1.5 %).
fn near(window: &[f32; 2 * HALF], frequency: f32) -> f32 {
    [1.0 - OFF, 1.0, 1.0 + OFF]
        .map(|factor| tone_power(window, frequency * factor))
        .into_iter()
        .fold(0.0, f32::max)
}

/// The mean power of a tone in a window, after Goertzel.
fn tone_power(window: &[f32; 2 * HALF], frequency: f32) -> f32 {
    let coefficient = 2.0 * (TAU * frequency / NARROW_RATE as f32).cos();
    let (mut one, mut two) = (0.0, 0.0);
    for sample in window {
        let now = sample + coefficient * one - two;
        (two, one) = (one, now);
    }
    let energy = one * one + two * two - coefficient * one * two;
    let count = window.len() as f32;
    2.0 * energy / (count * count)
}

const KEYS: [char; 16] = [
    '1', '2', '3', 'A', '4', '5', '6', 'B', '7', '8', '9', 'C', '*', '0', '#', 'D',
];
const ROWS: [f32; 4] = [697.0, 770.0, 852.0, 941.0];
const COLUMNS: [f32; 4] = [1_209.0, 1_336.0, 1_477.0, 1_633.0];

/// Rate at which tones are looked for: above all of them and their second harmonics.
const NARROW_RATE: u32 = 8_000;
const FACTOR: usize = (SAMPLE_RATE / NARROW_RATE) as usize;

/// Samples of half a window.
const HALF: usize = FRAME_SAMPLES / FACTOR / 2;

/// Windows without a key after which the same key is a new press: 40 ms.
const RELEASED: u8 = 4;

/// Both tones together, as mean power: −36 dBov.
const FAINTEST: f32 = 2.5e-4;

/// The upper tone may be stronger by 4 dB …
const TWIST: f32 = 2.5;

/// … and the lower one by 8 dB (ITU-T Q.24).
const TWIST_REVERSE: f32 = 6.3;

/// What share of the sound the two tones are.
const ALONE: f32 = 0.85;

/// A tone is stronger than the others of its group by 8 dB.
const STANDS_OUT: f32 = 6.3;

/// How far the tones looked for beside the right one are off.
const OFF: f32 = 0.012;

#[cfg(test)]
mod tests;
