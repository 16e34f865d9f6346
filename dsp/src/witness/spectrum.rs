//! The power spectrum of a line of samples, and where in it a tone stands.

use std::{f32::consts::TAU, sync::Arc};

use realfft::{RealFftPlanner, RealToComplex, num_complex::Complex};

/// The transform of a window of so many samples to bins, which are half as many and one; planned once for all judges.
pub(super) struct Transform<const WINDOW: usize, const BINS: usize> {
    plan: Arc<dyn RealToComplex<f32>>,
    window: [f32; WINDOW],
}

/// Something that stands out of a spectrum.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peak {
    /// Where, in bins.
    pub(super) frequency: f32,
    /// The power of the bin and of the two beside it.
    pub(super) power: f32,
}

impl<const WINDOW: usize, const BINS: usize> Transform<WINDOW, BINS> {
    /// Plans it, with a Hann window.
    pub(super) fn new() -> Self {
        const { assert!(BINS == WINDOW / 2 + 1) };
        Self {
            plan: RealFftPlanner::new().plan_fft_forward(WINDOW),
            window: std::array::from_fn(|at| 0.5 - 0.5 * (TAU * at as f32 / WINDOW as f32).cos()),
        }
    }

    /// Returns the power of each bin from `lowest` on, those below being nought, and their sum.
    pub(super) fn powers(&self, samples: &[f32; WINDOW], lowest: usize) -> ([f32; BINS], f32) {
        let mut line = [0.0; WINDOW];
        for ((line, x), weight) in line.iter_mut().zip(samples).zip(&self.window) {
            *line = x * weight;
        }
        let mut bins = [Complex::new(0.0, 0.0); BINS];
        let mut scratch = [Complex::new(0.0, 0.0); WINDOW];
        let scratch = &mut scratch[..self.plan.get_scratch_len().min(WINDOW)];
        let mut powers = [0.0; BINS];
        // All lengths are right by construction; were one not, there would be no spectrum and nothing found in it.
        if self
            .plan
            .process_with_scratch(&mut line, &mut bins, scratch)
            .is_ok()
        {
            for (power, bin) in powers.iter_mut().zip(&bins) {
                *power = bin.norm_sqr();
            }
        }
        powers[..lowest].fill(0.0);
        let total = powers.iter().sum();
        (powers, total)
    }
}

impl Peak {
    /// The peak at a bin, from its power and that of the two beside it.
    pub(super) fn at(bin: usize, beside: [f32; 3]) -> Self {
        // The parabola through the logarithms of three bins of a Hann window is off by less than a twentieth of a bin.
        let [a, b, c] = beside.map(|power| power.max(f32::MIN_POSITIVE).ln());
        let shift = 0.5 * (a - c) / (a - 2.0 * b + c).min(-f32::MIN_POSITIVE);
        Self {
            frequency: bin as f32 + shift,
            power: beside.iter().sum(),
        }
    }
}
