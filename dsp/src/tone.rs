//! Tones for prompts and tests: sines and key presses.

use std::f64::consts::TAU;

use crate::{FRAME_SAMPLES, Frame, SAMPLE_RATE};

/// Makes frames of a sine; `dbov` is its RMS level, so −3 dBov is full scale.
pub fn sine(frequency: f64, dbov: f64, frames: usize) -> Vec<Frame> {
    sum_of_sines(&[frequency], dbov, frames)
}

/// Makes frames of the two tones of a key (ITU-T Q.23), each at `dbov`; none for a character that is no key.
pub fn dtmf(key: char, dbov: f64, frames: usize) -> Option<Vec<Frame>> {
    let at = KEYS
        .iter()
        .position(|&known| known == key.to_ascii_uppercase())?;
    Some(sum_of_sines(&[ROWS[at / 4], COLUMNS[at % 4]], dbov, frames))
}

fn sum_of_sines(frequencies: &[f64], dbov: f64, frames: usize) -> Vec<Frame> {
    let amplitude = 32_768.0 * 10_f64.powf(dbov / 20.0) * std::f64::consts::SQRT_2;
    let mut out = vec![Frame::SILENCE; frames];
    for (number, frame) in out.iter_mut().enumerate() {
        for (at, sample) in frame.samples.iter_mut().enumerate() {
            #[expect(clippy::cast_precision_loss, reason = "tones are short")]
            let time = (number * FRAME_SAMPLES + at) as f64 / f64::from(SAMPLE_RATE);
            let value: f64 = frequencies
                .iter()
                .map(|f| amplitude * (TAU * f * time).sin())
                .sum();
            #[expect(clippy::cast_possible_truncation, reason = "a float cast saturates")]
            let value = value.round() as i16;
            *sample = value;
        }
    }
    out
}

const KEYS: [char; 16] = [
    '1', '2', '3', 'A', '4', '5', '6', 'B', '7', '8', '9', 'C', '*', '0', '#', 'D',
];
const ROWS: [f64; 4] = [697.0, 770.0, 852.0, 941.0];
const COLUMNS: [f64; 4] = [1_209.0, 1_336.0, 1_477.0, 1_633.0];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sine_has_the_level_asked_for() {
        for dbov in [-3.5, -20.0, -45.0] {
            let frames = sine(1_000.0, dbov, 3);
            #[expect(clippy::cast_possible_truncation, reason = "small numbers")]
            let expected = dbov.round() as i8;
            assert!(
                frames
                    .iter()
                    .all(|f| (f.level().as_dbov() - expected).abs() <= 1)
            );
        }
    }

    #[test]
    fn every_key_sounds_and_nothing_else_does() {
        for key in KEYS {
            let frames = dtmf(key, -20.0, 2).unwrap();
            assert!((-18..=-16).contains(&frames[0].level().as_dbov()), "{key}");
        }
        assert_eq!(dtmf('x', -20.0, 1), None);
    }
}
