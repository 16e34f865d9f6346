//! Polyphase resampling by a whole number between a codec's rate and 48 kHz.
//!
//! Both directions share one windowed-sinc prototype at 48 kHz. Its middle tap is its delay: 3 ms at 8 kHz, 2 ms at
//! 16 kHz. Whole ratios need no fractional position, so 20 ms in are always exactly 20 ms out and nothing can drift.

use std::f64::consts::PI;

use wide::{i16x8, i32x4};

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

    /// Taps that make one sample of the higher rate.
    const fn per_phase(self) -> usize {
        self.taps() / self.factor()
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
    ratio: Ratio,
    /// Per output phase the taps in the order of the history, oldest sample first.
    phases: Box<[i16]>,
    /// The last samples, one less than a phase has taps, then the chunk being worked on.
    history: Box<[i16]>,
}

impl Interpolator {
    /// Makes an interpolator that has heard silence.
    pub fn new(ratio: Ratio) -> Self {
        let (factor, per_phase) = (ratio.factor(), ratio.per_phase());
        let prototype = ratio.prototype();
        let phases = (0..factor)
            .flat_map(|phase| (0..per_phase).rev().map(move |at| phase + at * factor))
            .map(|at| whole(prototype[at] * factor as f64, RAISING_BITS))
            .collect();
        Self {
            ratio,
            phases,
            history: vec![0; per_phase - 1 + RAISED].into(),
        }
    }

    /// Resamples; `output` must hold exactly as many samples as `input` makes.
    pub fn process(&mut self, input: &[i16], output: &mut [i16]) {
        assert_eq!(
            input.len() * self.ratio.factor(),
            output.len(),
            "whole ratio"
        );
        let chunks = input
            .chunks(RAISED)
            .zip(output.chunks_mut(RAISED * self.ratio.factor()));
        for (input, output) in chunks {
            let past = self.ratio.per_phase() - 1;
            self.history[past..past + input.len()].copy_from_slice(input);
            let raise = match self.ratio {
                Ratio::Six => raise::<{ Ratio::Six.per_phase() }>,
                Ratio::Three => raise::<{ Ratio::Three.per_phase() }>,
            };
            raise(&self.history, &self.phases, output);
            self.history.copy_within(input.len()..input.len() + past, 0);
        }
    }

    /// Takes the end of what went before as heard, without resampling it.
    pub(crate) fn prime(&mut self, before: &[i16]) {
        let past = self.ratio.per_phase() - 1;
        let before = &before[before.len().saturating_sub(past)..];
        self.history[past - before.len()..past].copy_from_slice(before);
    }

    /// Forgets what was heard.
    pub fn reset(&mut self) {
        self.history.fill(0);
    }
}

/// Lowers 48 kHz to 8 or 16 kHz.
#[derive(Debug, Clone)]
pub struct Decimator {
    ratio: Ratio,
    taps: Box<[i16]>,
    /// The last `taps − 1` samples, then the chunk being worked on.
    history: Box<[i16]>,
}

impl Decimator {
    /// Makes a decimator that has heard silence.
    pub fn new(ratio: Ratio) -> Self {
        let prototype = ratio.prototype();
        let taps: Box<[i16]> = prototype
            .iter()
            .map(|&tap| whole(tap, LOWERING_BITS))
            .collect();
        Self {
            ratio,
            history: vec![0; taps.len() - 1 + CHUNK].into(),
            taps,
        }
    }

    /// Resamples; `input` must hold exactly as many samples as `output` needs.
    pub fn process(&mut self, input: &[i16], output: &mut [i16]) {
        assert_eq!(
            output.len() * self.ratio.factor(),
            input.len(),
            "whole ratio"
        );
        let chunks = input
            .chunks(CHUNK)
            .zip(output.chunks_mut(CHUNK / self.ratio.factor()));
        for (input, output) in chunks {
            let past = self.taps.len() - 1;
            self.history[past..past + input.len()].copy_from_slice(input);
            let lower = match self.ratio {
                Ratio::Six => lower::<{ Ratio::Six.taps() }>,
                Ratio::Three => lower::<{ Ratio::Three.taps() }>,
            };
            lower(&self.history, &self.taps, self.ratio.factor(), output);
            self.history.copy_within(input.len()..input.len() + past, 0);
        }
    }

    /// Hears on where another decimator of the same ratio stands; allocates nothing.
    pub fn copy_from(&mut self, other: &Self) {
        assert_eq!(self.ratio, other.ratio, "the same ratio");
        self.history.copy_from_slice(&other.history);
    }

    /// Forgets what was heard.
    pub fn reset(&mut self) {
        self.history.fill(0);
    }
}

/// Makes of every window of the history a sample by each phase.
fn raise<const TAPS: usize>(history: &[i16], phases: &[i16], output: &mut [i16]) {
    let (phases, _) = phases.as_chunks::<TAPS>();
    let windows = history.array_windows::<TAPS>();
    for (window, output) in windows.zip(output.chunks_exact_mut(phases.len())) {
        for (taps, output) in phases.iter().zip(output) {
            *output = round(dot(window, taps), RAISING_BITS);
        }
    }
}

/// Makes a sample of every window of the history that begins `factor` samples after the one before.
fn lower<const TAPS: usize>(history: &[i16], taps: &[i16], factor: usize, output: &mut [i16]) {
    let windows = history.array_windows::<TAPS>().step_by(factor);
    if let Some(taps) = taps.first_chunk::<TAPS>() {
        for (window, output) in windows.zip(output) {
            *output = round(dot(window, taps), LOWERING_BITS);
        }
    }
}

/// Whole numbers: eight products at a time on any processor, and the same result on all of them. Each of four sums holds
/// what every fourth pair of taps makes of full scale; all of them together might not.
fn dot<const TAPS: usize>(a: &[i16; TAPS], b: &[i16; TAPS]) -> i64 {
    let (a, b) = (a.as_chunks().0, b.as_chunks().0);
    let products = a.iter().zip(b);
    let products = products.map(|(&a, &b)| i16x8::new(a).dot(i16x8::new(b)));
    let sums = products.fold(i32x4::ZERO, |sums, part| sums + part);
    sums.to_array().into_iter().map(i64::from).sum()
}

/// A tap with so many bits after the point.
#[expect(clippy::cast_possible_truncation, reason = "taps are at most one")]
fn whole(tap: f64, bits: i32) -> i16 {
    (tap * f64::from(1 << bits)).round() as i16
}

#[expect(clippy::cast_possible_truncation, reason = "saturated")]
fn round(sum: i64, bits: i32) -> i16 {
    let value = (sum + (1 << (bits - 1))) >> bits;
    value.clamp(i64::from(i16::MIN), i64::from(i16::MAX)) as i16
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

/// Bits after the point of the taps of an [`Interpolator`], which are near one, and of a [`Decimator`], which are not: what
/// rounding leaves of them lies more than 75 dB below the sound, 15 dB below what the filters let through.
const RAISING_BITS: i32 = 14;
const LOWERING_BITS: i32 = 15;

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
    fn what_would_be_the_largest_sum_saturates() {
        for ratio in RATIOS {
            let taps = Decimator::new(ratio).taps;
            let loudest = |sign: i16| {
                let worst = taps.iter().map(|tap| {
                    if (*tap > 0) == (sign > 0) {
                        i16::MAX
                    } else {
                        i16::MIN
                    }
                });
                worst.collect::<Vec<_>>()
            };
            for (sign, expected) in [(1, i16::MAX), (-1, i16::MIN)] {
                // The filter is symmetric, so its signs are those of the loudest sound before its middle.
                let mut input = loudest(sign);
                // Its end is where a window ends.
                input.insert(0, 0);
                input.resize(960, 0);
                let mut output = vec![0; 960 / ratio.factor()];
                Decimator::new(ratio).process(&input, &mut output);
                let at = taps.len() / ratio.factor();
                assert!(
                    output[at - 2..at + 2].contains(&expected),
                    "{ratio:?} {output:?}"
                );
            }
            let up = Interpolator::new(ratio);
            for taps in up.phases.chunks(ratio.per_phase()).chain([&*taps]) {
                let fits = |lane: usize| {
                    let own = taps.iter().enumerate().filter(|(at, _)| at / 2 % 4 == lane);
                    own.map(|(_, tap)| i64::from(*tap).abs()).sum::<i64>() * 32_768 < 1 << 31
                };
                assert!((0..4).all(fits), "{ratio:?}");
            }
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
