//! The limiter at the end of a mix: sums beyond full scale are turned down instead of clipped.
//!
//! Peaks are looked for between the samples too, by the four-fold oversampling of Rec. ITU-R BS.1770-5 Annex 2, for a
//! decoder or a converter behind us will find them. No delay is added: the whole frame is known before its first sample
//! leaves, so the gain sinks before a peak wherever the peak lies more than a millisecond after the frame's beginning.
//!
//! ```text
//! sums ─ need per millisecond ─ backward: sink early enough ─ forward: hold, rise slowly ─ gain at 21 nodes ─ out
//! ```
//!
//! Invariants: a mix whose peaks fit passes bit-exactly unless the limiter still rises from an earlier one; no output
//! sample wraps, whatever the sums.

use std::fmt;

use crate::{FRAME_SAMPLES, Frame};

/// Turns a mix down where its true peak exceeds full scale; one per output mix.
#[derive(Clone)]
pub struct Limiter {
    /// The gain at the end of the last frame.
    gain: f32,
    /// Blocks to wait before the gain rises.
    hold: u8,
    /// The last sums of the frame before, for peaks between the samples.
    tail: [i32; TAPS - 1],
}

impl Limiter {
    /// Makes a limiter at rest.
    pub const fn new() -> Self {
        Self {
            gain: 1.0,
            hold: 0,
            tail: [0; TAPS - 1],
        }
    }

    /// Writes the sums of a mix as samples, turned down where they exceed full scale.
    pub fn limit(&mut self, sums: &[i32; FRAME_SAMPLES], out: &mut Frame) {
        let loudest = peak(sums).max(peak(&self.tail));
        if self.gain >= 1.0 && loudest < SURELY_FITS {
            copy(sums, out);
        } else {
            self.work(sums, out);
        }
        self.tail
            .copy_from_slice(&sums[FRAME_SAMPLES - (TAPS - 1)..]);
    }

    /// Hears a frame without any sound, while the gain is one.
    pub fn rest(&mut self) {
        self.tail = [0; TAPS - 1];
    }

    /// Tells whether the gain is below one.
    pub fn is_active(&self) -> bool {
        self.gain < 1.0
    }

    /// Tells whether it turns the next frame down as another would, but for a peak between that and the one before.
    pub fn stands_like(&self, other: &Self) -> bool {
        self.gain == other.gain && self.hold == other.hold
    }

    fn work(&mut self, sums: &[i32; FRAME_SAMPLES], out: &mut Frame) {
        let needs = self.needs(sums);
        let nodes = self.nodes(&needs);
        if nodes.iter().all(|node| *node >= 1.0) {
            copy(sums, out);
            return;
        }
        let blocks = sums
            .chunks_exact(BLOCK)
            .zip(out.samples.chunks_exact_mut(BLOCK));
        for (at, (sums, out)) in blocks.enumerate() {
            let (from, to) = (nodes[at], nodes[at + 1]);
            let length = if at == 0 && from > needs[0] {
                HASTE
            } else {
                BLOCK
            };
            for (n, (sum, out)) in sums.iter().zip(out).enumerate() {
                let part = ((n + 1) as f32 / length as f32).min(1.0);
                *out = saturate(*sum as f32 * (from + (to - from) * part));
            }
        }
    }

    /// The gain each block needs for its peaks to fit.
    fn needs(&self, sums: &[i32; FRAME_SAMPLES]) -> [f32; BLOCKS] {
        let mut line = [0.0; TAPS - 1 + FRAME_SAMPLES];
        for (line, &sum) in line.iter_mut().zip(self.tail.iter().chain(sums)) {
            *line = sum as f32;
        }
        let mut needs = [1.0; BLOCKS];
        for (at, need) in needs.iter_mut().enumerate() {
            let own = &line[at * BLOCK..at * BLOCK + BLOCK + TAPS - 1];
            let sample = peak(&sums[at * BLOCK..][..BLOCK]) as f32;
            if sample > FULL_SCALE {
                *need = FULL_SCALE / sample;
            }
            if own.iter().any(|x| x.abs() >= SURELY_FITS as f32) {
                let between = true_peak(own);
                if between > TOLERATED {
                    *need = need.min(FULL_SCALE / between);
                }
            }
        }
        needs
    }

    /// The gain at the edges of the blocks: sinks before a peak, holds, rises slowly.
    fn nodes(&mut self, needs: &[f32; BLOCKS]) -> [f32; BLOCKS + 1] {
        let mut nodes = [1.0; BLOCKS + 1];
        nodes[BLOCKS] = needs[BLOCKS - 1];
        for at in (1..BLOCKS).rev() {
            let fits = needs[at - 1].min(needs[at]);
            nodes[at] = fits.min(nodes[at + 1] * SINK);
        }
        nodes[0] = self.gain;
        for at in 1..=BLOCKS {
            let before = nodes[at - 1];
            if nodes[at] < before {
                self.hold = HOLD;
            } else if self.hold > 0 {
                self.hold -= 1;
                nodes[at] = before;
            } else {
                nodes[at] = nodes[at].min(before * RISE);
            }
        }
        self.gain = nodes[BLOCKS];
        nodes
    }
}

impl Default for Limiter {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Limiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limiter")
            .field("gain", &self.gain)
            .finish_non_exhaustive()
    }
}

fn peak(sums: &[i32]) -> u32 {
    sums.iter()
        .fold(0, |peak, sum| peak.max(sum.unsigned_abs()))
}

fn copy(sums: &[i32; FRAME_SAMPLES], out: &mut Frame) {
    for (out, &sum) in out.samples.iter_mut().zip(sums) {
        #[expect(clippy::cast_possible_truncation, reason = "clamped")]
        let sample = sum.clamp(i32::from(i16::MIN), i32::from(i16::MAX)) as i16;
        *out = sample;
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a float cast saturates")]
fn saturate(value: f32) -> i16 {
    // Rounds without a call of the mathematics library.
    (value + 0.5_f32.copysign(value)) as i16
}

/// The loudest point between the samples of a line.
fn true_peak(line: &[f32]) -> f32 {
    let mut peak = 0.0_f32;
    for window in line.windows(TAPS) {
        let mut points = [0.0; 4];
        for (at, x) in window.iter().enumerate() {
            points[0] += x * OUTER[at];
            points[1] += x * INNER[at];
            points[2] += x * INNER[TAPS - 1 - at];
            points[3] += x * OUTER[TAPS - 1 - at];
        }
        peak = points.iter().fold(peak, |peak, x| peak.max(x.abs()));
    }
    peak
}

/// Samples of a block, for which one gain is found: 1 ms.
const BLOCK: usize = 48;

/// Blocks of a frame.
const BLOCKS: usize = FRAME_SAMPLES / BLOCK;

/// Samples in which the gain sinks for a peak at the very beginning of a frame: 0.17 ms. What is over until then clips.
const HASTE: usize = 8;

/// The loudest sample.
const FULL_SCALE: f32 = 32_767.0;

/// A true peak up to 0.1 dB over full scale passes: the estimate's own ripple on a full-scale sine.
const TOLERATED: f32 = 33_150.0;

/// Peaks below this cannot exceed full scale between samples: full scale by the largest absolute sum of a phase, 2.03.
const SURELY_FITS: u32 = 16_100;

/// How much higher the gain may be one block before a peak: it sinks by 3 dB in a millisecond at most.
const SINK: f32 = 1.412_5;

/// How the gain rises in a block: by 30 dB in a second.
const RISE: f32 = 1.003_46;

/// Blocks the gain rests at its lowest, so that it does not follow the waves of a voice: 15 ms.
const HOLD: u8 = 15;

/// Taps per phase of the interpolator of Rec. ITU-R BS.1770-5 Annex 2.
const TAPS: usize = 12;

/// Phases 0 and, reversed, 3.
const OUTER: [f32; TAPS] = [
    0.001_708_98,
    0.010_986_33,
    -0.019_653_32,
    0.033_203_13,
    -0.059_448_24,
    0.137_329_1,
    0.972_167_97,
    -0.102_294_92,
    0.047_607_42,
    -0.026_611_33,
    0.014_892_58,
    -0.008_300_78,
];

/// Phases 1 and, reversed, 2.
const INNER: [f32; TAPS] = [
    -0.029_174_8,
    0.029_296_88,
    -0.051_757_81,
    0.089_111_33,
    -0.166_503_9,
    0.465_087_9,
    0.779_785_16,
    -0.200_317_38,
    0.101_562_5,
    -0.058_227_54,
    0.033_081_05,
    -0.018_920_9,
];

#[cfg(test)]
#[expect(clippy::cast_possible_truncation, reason = "samples are small")]
mod tests {
    use std::f64::consts::TAU;

    use super::*;
    use crate::material::{self, Random};

    type Sums = [i32; FRAME_SAMPLES];

    fn run(limiter: &mut Limiter, frames: &[Sums]) -> Vec<Frame> {
        let limit = |sums| {
            let mut out = Frame::SILENCE;
            limiter.limit(sums, &mut out);
            out
        };
        frames.iter().map(limit).collect()
    }

    fn sine(frequency: f64, amplitude: f64, frames: usize) -> Vec<Sums> {
        (0..frames)
            .map(|frame| {
                std::array::from_fn(|at| {
                    let t = (frame * FRAME_SAMPLES + at) as f64 / 48_000.0;
                    (amplitude * (TAU * frequency * t).sin()).round() as i32
                })
            })
            .collect()
    }

    fn wide(frame: &Frame) -> Sums {
        frame.samples.map(i32::from)
    }

    /// The part of the output that no fixed gain explains, in dB of the output.
    fn distortion(sums: &[Sums], out: &[Frame]) -> f64 {
        let pairs = || {
            let ins = sums.iter().flatten().map(|&x| f64::from(x));
            ins.zip(material::samples(out).map(f64::from))
        };
        let (xy, xx) = pairs().fold((0.0, 0.0), |(xy, xx), (x, y)| (xy + x * y, xx + x * x));
        let gain = xy / xx;
        let (rest, all) = pairs().fold((0.0, 0.0), |(rest, all), (x, y)| {
            (rest + (y - gain * x).powi(2), all + y * y)
        });
        10.0 * (rest / all).log10()
    }

    #[test]
    fn what_fits_passes_bit_exactly() {
        let mut limiter = Limiter::new();
        let speech = material::speech(1, 4, -20.0);
        let sums: Vec<Sums> = speech.iter().map(wide).collect();
        assert_eq!(run(&mut limiter, &sums), speech);
        let full = sine(997.0, 32_767.0, 20);
        let out = run(&mut limiter, &full);
        assert!(out.iter().zip(&full).all(|(out, sums)| wide(out) == *sums));
        assert!(!limiter.is_active());
    }

    #[test]
    fn loud_sums_are_turned_down_with_little_distortion() {
        for (frequency, over) in [(200.0, 2.0), (1_000.0, 2.0), (1_000.0, 4.0), (3_400.0, 1.4)] {
            let sums = sine(frequency, 32_767.0 * over, 50);
            let out = run(&mut Limiter::new(), &sums);
            let settled = distortion(&sums[1..], &out[1..]);
            assert!(settled < -50.0, "{frequency} Hz x {over}: {settled} dB");
        }
    }

    #[test]
    fn two_loud_voices_clip_far_less_than_by_saturation() {
        let mix = material::sum(
            &material::amplified(&material::speech(1, 6, -20.0), 0.0),
            &material::speech(2, 6, -20.0),
        );
        // Peaks of this sum exceed full scale once it is doubled twice.
        let sums: Vec<Sums> = mix.iter().map(|frame| wide(frame).map(|x| x * 4)).collect();
        let clipped: Vec<Frame> = sums
            .iter()
            .map(|sums| {
                let mut out = Frame::SILENCE;
                copy(sums, &mut out);
                out
            })
            .collect();
        let out = run(&mut Limiter::new(), &sums);
        let flat = |frames: &[Frame]| {
            material::samples(frames)
                .filter(|x| x.unsigned_abs() >= 32_767)
                .count()
        };
        assert!(flat(&clipped) > 1_000, "{}", flat(&clipped));
        assert!(
            flat(&out) * 50 < flat(&clipped),
            "{} of {}",
            flat(&out),
            flat(&clipped)
        );
    }

    #[test]
    fn peaks_between_samples_are_found() {
        // A quarter of the rate, sampled 45° beside its peaks: samples at −3 dB of the true peak.
        let sums: Vec<Sums> = (0..10)
            .map(|_| std::array::from_fn(|at| if at / 2 % 2 == 0 { 30_000 } else { -30_000 }))
            .collect();
        let out = run(&mut Limiter::new(), &sums);
        let line: Vec<f32> = out[5].samples.iter().map(|&x| f32::from(x)).collect();
        let peak = true_peak(&line);
        assert!(peak <= TOLERATED, "{peak}");
        assert!(peak > 0.9 * FULL_SCALE, "{peak}");
    }

    #[test]
    fn it_recovers_and_then_passes_bit_exactly_again() {
        let mut limiter = Limiter::new();
        run(&mut limiter, &sine(500.0, 65_534.0, 5));
        assert!(limiter.is_active());
        let calm = sine(500.0, 8_000.0, 50);
        let out = run(&mut limiter, &calm);
        assert!(!limiter.is_active());
        assert_eq!(wide(&out[49]), calm[49]);
    }

    #[test]
    fn no_sum_wraps() {
        let mut random = Random::new(3);
        let mut limiter = Limiter::new();
        for scale in [1.0, 40_000.0, 2e9] {
            for _ in 0..50 {
                let sums: Sums = std::array::from_fn(|_| (random.unit() * scale) as i32);
                let out = &run(&mut limiter, &[sums])[0];
                for (x, y) in sums.iter().zip(&out.samples) {
                    assert!(x.signum() * i32::from(y.signum()) >= 0, "{x} became {y}");
                }
            }
        }
        for edge in [i32::MIN, i32::MAX, 0] {
            run(&mut limiter, &[[edge; FRAME_SAMPLES]]);
        }
    }
}
