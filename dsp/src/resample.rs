//! Polyphase resampling by a whole number between a codec's rate and 48 kHz.
//!
//! Both directions share one windowed-sinc prototype at 48 kHz. Its middle tap is its delay: 3 ms at 8 kHz, 2 ms at
//! 16 kHz. Whole ratios need no fractional position, so 20 ms in are always exactly 20 ms out and nothing can drift.

use std::f64::consts::PI;

/// Between which rates to resample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ratio {
    /// 8 kHz and 48 kHz.
    Six,
    /// 16 kHz and 48 kHz.
    Three,
}

impl Ratio {
    const fn factor(self) -> usize {
        match self {
            Self::Six => 6,
            Self::Three => 3,
        }
    }

    /// Taps of the prototype at 48 kHz: the delay is half of them.
    const fn taps(self) -> usize {
        match self {
            Self::Six => 288,
            Self::Three => 192,
        }
    }

    /// Where the prototype is 6 dB down, in Hz: images and aliases begin at half the lower rate.
    const fn cutoff(self) -> f64 {
        match self {
            Self::Six => 3_720.0,
            Self::Three => 7_480.0,
        }
    }

    /// The prototype with unit gain at 0 Hz.
    fn prototype(self) -> Vec<f64> {
        let middle = (self.taps() - 1) as f64 / 2.0;
        let normal = self.cutoff() / 48_000.0;
        let mut taps: Vec<f64> = (0..self.taps())
            .map(|at| {
                let from_middle = at as f64 - middle;
                let window =
                    bessel(KAISER_BETA * (1.0 - (from_middle / middle).powi(2)).max(0.0).sqrt());
                // An even number of taps: the middle lies between two of them, never on one.
                (2.0 * PI * normal * from_middle).sin() / (PI * from_middle) * window
            })
            .collect();
        let sum: f64 = taps.iter().sum();
        taps.iter_mut().for_each(|tap| *tap /= sum);
        taps
    }
}

/// Raises 8 or 16 kHz to 48 kHz.
#[derive(Debug, Clone)]
pub struct Interpolator {
    factor: usize,
    /// Per output phase the taps in the order of the history, oldest sample first.
    phases: Box<[f32]>,
    per_phase: usize,
    /// The last `per_phase − 1` samples, then the chunk being worked on.
    history: Box<[f32]>,
}

impl Interpolator {
    /// Makes an interpolator that has heard silence.
    pub fn new(ratio: Ratio) -> Self {
        let (factor, per_phase) = (ratio.factor(), ratio.taps() / ratio.factor());
        let prototype = ratio.prototype();
        let phases = (0..factor)
            .flat_map(|phase| (0..per_phase).rev().map(move |at| phase + at * factor))
            .map(|at| single(prototype[at] * factor as f64))
            .collect();
        Self {
            factor,
            phases,
            per_phase,
            history: vec![0.0; per_phase - 1 + RAISED].into(),
        }
    }

    /// Resamples; `output` must hold exactly as many samples as `input` makes.
    pub fn process(&mut self, input: &[i16], output: &mut [i16]) {
        assert_eq!(input.len() * self.factor, output.len(), "whole ratio");
        let chunks = input
            .chunks(RAISED)
            .zip(output.chunks_mut(RAISED * self.factor));
        for (input, output) in chunks {
            let past = self.per_phase - 1;
            fill(&mut self.history[past..], input);
            let windows = self.history.windows(self.per_phase);
            for (window, output) in windows.zip(output.chunks_exact_mut(self.factor)) {
                for (phase, output) in self.phases.chunks_exact(self.per_phase).zip(output) {
                    *output = round(dot(window, phase));
                }
            }
            self.history.copy_within(input.len()..input.len() + past, 0);
        }
    }

    /// Takes the end of what went before as heard, without resampling it.
    pub(crate) fn prime(&mut self, before: &[i16]) {
        let past = self.per_phase - 1;
        let before = &before[before.len().saturating_sub(past)..];
        let from = past - before.len();
        fill(&mut self.history[from..past], before);
    }

    /// Forgets what was heard.
    pub fn reset(&mut self) {
        self.history.fill(0.0);
    }
}

/// Lowers 48 kHz to 8 or 16 kHz.
#[derive(Debug, Clone)]
pub struct Decimator {
    factor: usize,
    taps: Box<[f32]>,
    /// The last `taps − 1` samples, then the chunk being worked on.
    history: Box<[f32]>,
}

impl Decimator {
    /// Makes a decimator that has heard silence.
    pub fn new(ratio: Ratio) -> Self {
        let taps: Box<[f32]> = ratio.prototype().iter().map(|&tap| single(tap)).collect();
        Self {
            factor: ratio.factor(),
            history: vec![0.0; taps.len() - 1 + CHUNK].into(),
            taps,
        }
    }

    /// Resamples; `input` must hold exactly as many samples as `output` needs.
    pub fn process(&mut self, input: &[i16], output: &mut [i16]) {
        assert_eq!(output.len() * self.factor, input.len(), "whole ratio");
        let chunks = input
            .chunks(CHUNK)
            .zip(output.chunks_mut(CHUNK / self.factor));
        for (input, output) in chunks {
            let past = self.taps.len() - 1;
            fill(&mut self.history[past..], input);
            let windows = self.history.windows(self.taps.len()).step_by(self.factor);
            for (window, output) in windows.zip(output) {
                *output = round(dot(window, &self.taps));
            }
            self.history.copy_within(input.len()..input.len() + past, 0);
        }
    }

    /// Hears on where another decimator of the same ratio stands; allocates nothing.
    pub fn copy_from(&mut self, other: &Self) {
        assert_eq!(self.factor, other.factor, "the same ratio");
        self.history.copy_from_slice(&other.history);
    }

    /// Forgets what was heard.
    pub fn reset(&mut self) {
        self.history.fill(0.0);
    }
}

fn fill(history: &mut [f32], input: &[i16]) {
    for (slot, &sample) in history.iter_mut().zip(input) {
        *slot = f32::from(sample);
    }
}

/// Eight partial sums in a fixed order: fast, and the same result on every machine.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0_f32; 8];
    for (a, b) in a.chunks_exact(8).zip(b.chunks_exact(8)) {
        for at in 0..8 {
            sums[at] += a[at] * b[at];
        }
    }
    sums.iter().sum()
}

#[expect(clippy::cast_possible_truncation, reason = "a tap needs seven digits")]
const fn single(tap: f64) -> f32 {
    tap as f32
}

#[expect(clippy::cast_possible_truncation, reason = "a float cast saturates")]
fn round(value: f32) -> i16 {
    value.round_ties_even() as i16
}

/// The modified Bessel function of the first kind of order zero, for the Kaiser window.
fn bessel(x: f64) -> f64 {
    let (mut sum, mut term) = (1.0, 1.0);
    for k in 1..40 {
        term *= (x / (2.0 * f64::from(k))).powi(2);
        sum += term;
    }
    sum
}

/// Kaiser's β for about 60 dB of stop band.
const KAISER_BETA: f64 = 5.65;

/// Samples raised at once: 20 ms at 16 kHz.
const RAISED: usize = 320;

/// Samples lowered at once: 20 ms at 48 kHz, divisible by both factors.
const CHUNK: usize = 960;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FRAME_SAMPLES, tone};

    const RATIOS: [Ratio; 2] = [Ratio::Six, Ratio::Three];

    /// Power of one frequency in dB against full scale, over whole seconds of samples.
    fn power(samples: &[i16], rate: f64, frequency: f64) -> f64 {
        let (mut re, mut im) = (0.0, 0.0);
        for (at, &sample) in samples.iter().enumerate() {
            let (sin, cos) = (2.0 * PI * frequency * at as f64 / rate).sin_cos();
            re += f64::from(sample) * cos;
            im += f64::from(sample) * sin;
        }
        20.0 * (re.hypot(im) / samples.len() as f64 / 16_384.0)
            .max(1e-9)
            .log10()
    }

    #[expect(clippy::cast_possible_truncation, reason = "half of full scale")]
    fn sine(rate: f64, frequency: f64, samples: usize) -> Vec<i16> {
        (0..samples)
            .map(|at| (16_000.0 * (2.0 * PI * frequency * at as f64 / rate).sin()).round() as i16)
            .collect()
    }

    fn up(ratio: Ratio, frequency: f64) -> Vec<i16> {
        let rate = 48_000 / ratio.factor();
        let input = sine(rate as f64, frequency, rate + rate / 50);
        let mut output = vec![0; input.len() * ratio.factor()];
        Interpolator::new(ratio).process(&input, &mut output);
        output.split_off(FRAME_SAMPLES)
    }

    fn down(ratio: Ratio, frequency: f64) -> Vec<i16> {
        let input = sine(48_000.0, frequency, 48_960);
        let mut output = vec![0; input.len() / ratio.factor()];
        Decimator::new(ratio).process(&input, &mut output);
        output.split_off(FRAME_SAMPLES / ratio.factor())
    }

    #[test]
    fn the_passband_is_flat_to_the_edge_of_speech() {
        for (ratio, edge) in [(Ratio::Six, 3_400.0), (Ratio::Three, 7_000.0)] {
            let rate = 48_000.0 / ratio.factor() as f64;
            for frequency in [100.0, 1_000.0, edge] {
                let expected = power(&sine(48_000.0, frequency, 48_000), 48_000.0, frequency);
                let raised = power(&up(ratio, frequency), 48_000.0, frequency) - expected;
                let lowered = power(&down(ratio, frequency), rate, frequency) - expected;
                assert!(
                    raised.abs() < 1.0 && lowered.abs() < 1.0,
                    "{ratio:?} {frequency} {raised} {lowered}"
                );
            }
        }
    }

    #[test]
    fn images_and_aliases_are_50_db_down() {
        for ratio in RATIOS {
            let rate = 48_000.0 / ratio.factor() as f64;
            for part in [0.125, 0.3, 0.42] {
                let tone = rate * part;
                let image = power(&up(ratio, tone), 48_000.0, rate - tone);
                let alias = power(&down(ratio, rate - tone), rate, tone);
                assert!(
                    image < -50.0 && alias < -50.0,
                    "{ratio:?} {tone} {image} {alias}"
                );
            }
        }
    }

    #[test]
    fn the_delay_is_at_most_three_ms_each_way() {
        for ratio in RATIOS {
            let mut input = vec![0; FRAME_SAMPLES / ratio.factor()];
            input[0] = 20_000;
            let mut output = vec![0; FRAME_SAMPLES];
            Interpolator::new(ratio).process(&input, &mut output);
            let peak = (0..FRAME_SAMPLES)
                .max_by_key(|&at| output[at].unsigned_abs())
                .unwrap();
            assert!(peak <= 144, "{ratio:?}: {peak} samples");
        }
    }

    #[test]
    fn chunks_of_any_size_give_the_same_samples() {
        let input = &tone::sine(700.0, -10.0, 1)[0].samples;
        for ratio in RATIOS {
            let mut whole = vec![0; FRAME_SAMPLES / ratio.factor()];
            Decimator::new(ratio).process(input, &mut whole);
            let mut pieces = vec![0; whole.len()];
            let mut decimator = Decimator::new(ratio);
            for (input, output) in input
                .chunks(120)
                .zip(pieces.chunks_mut(120 / ratio.factor()))
            {
                decimator.process(input, output);
            }
            assert_eq!(whole, pieces);
        }
    }

    #[test]
    fn full_scale_saturates_instead_of_wrapping() {
        let square: Vec<i16> = (0..160)
            .map(|at| if at / 8 % 2 == 0 { i16::MAX } else { i16::MIN })
            .collect();
        let mut output = vec![0; 960];
        Interpolator::new(Ratio::Six).process(&square, &mut output);
        let steps = output
            .windows(2)
            .map(|pair| i32::from(pair[0]).abs_diff(i32::from(pair[1])));
        assert!(steps.max().unwrap() < 30_000);
    }
}
