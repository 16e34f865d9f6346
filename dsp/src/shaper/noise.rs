//! Turns steady noise down: each bin by what lies in it beside noise (Wiener), the noise learned while speech is absent.
//!
//! Speech is absent from a bin while its power lies near the least of the last seconds (Cohen and Berdugo 2002); the power
//! of speech is judged with memory (Ephraim and Malah 1984), so that lone bins do not twinkle. For the first 800 ms of a
//! leg nothing is believed to be noise: whoever begins with a long vowel is heard whole.
//!
//! Invariants: no bin is turned down by more than 12 dB, so that a line goes on sounding like one.

use super::{bands, workshop::BINS};

/// Learns and suppresses the steady noise of one leg.
#[derive(Debug, Clone)]
pub(super) struct NoiseGate {
    noise: [f32; BINS],
    /// The power over about 30 ms.
    smooth: [f32; BINS],
    /// The least of the window before and of the running one.
    least: [[f32; BINS]; 2],
    /// Signal over noise after the gain, in the block before.
    before: [f32; BINS],
    hops: u16,
    /// Whether a whole window has been heard.
    settled: bool,
}

/// The noise of a leg in broad bands, per bin.
#[derive(Debug, Clone, Copy)]
pub(super) struct NoiseFloor {
    bands: [f32; bands::COUNT],
}

impl NoiseFloor {
    pub(super) const UNKNOWN: Self = Self {
        bands: [LEAST; bands::COUNT],
    };
}

impl NoiseGate {
    pub(super) const fn new() -> Self {
        Self {
            noise: [LEAST; BINS],
            smooth: [0.0; BINS],
            least: [[f32::MAX; BINS]; 2],
            before: [1.0; BINS],
            hops: 0,
            settled: false,
        }
    }

    pub(super) fn take_up(&mut self, floor: &NoiseFloor) {
        *self = Self::new();
        bands::spread(&floor.bands, &mut self.noise);
    }

    pub(super) fn floor(&self) -> NoiseFloor {
        let mut bands = [0.0; bands::COUNT];
        bands::mean(&self.noise, &mut bands);
        NoiseFloor { bands }
    }

    /// Learns from the powers of a block and lowers the gains.
    pub(super) fn handle(&mut self, powers: &[f32], gains: &mut [f32]) {
        let mut own = [1.0; BINS];
        self.learn(powers);
        self.judge(powers, &mut own);
        let own = &own[..powers.len()];
        let last = own.len() - 1;
        for (bin, gain) in gains.iter_mut().enumerate() {
            let around = own[bin.saturating_sub(1)] + 2.0 * own[bin] + own[(bin + 1).min(last)];
            // Valleys are filled, peaks are not worn down: a lone partial keeps its gain.
            *gain = gain.min(own[bin].max(around / 4.0));
        }
        self.hops += 1;
        if self.hops == HOPS {
            self.hops = 0;
            self.settled = true;
            self.least = [self.least[1], self.smooth];
        }
    }

    fn learn(&mut self, powers: &[f32]) {
        let fresh = self.hops == 0 && !self.settled;
        let keep = if fresh { 0.0 } else { SMOOTH };
        let settled = self.settled;
        let [before, running] = &mut self.least;
        let least = before.iter().zip(running);
        let bins = self.noise.iter_mut().zip(&mut self.smooth).zip(least);
        for (((noise, smooth), (before, running)), &power) in bins.zip(powers) {
            *smooth = keep * *smooth + (1.0 - keep) * power;
            *running = lesser(*running, *smooth);
            // Before a whole window was heard, only noise no louder than the known one is believed.
            let known = if settled {
                lesser(*before, *running)
            } else {
                *noise
            };
            let moved = *noise + LEARNS * (power - *noise);
            let absent = *smooth <= NEAR * known;
            *noise = greater(if absent { moved } else { *noise }, LEAST);
        }
    }

    /// The gains of the bins.
    fn judge(&mut self, powers: &[f32], gains: &mut [f32; BINS]) {
        let bins = self.noise.iter().zip(&mut self.before).zip(gains);
        for (((noise, before), gain), &power) in bins.zip(powers) {
            let over = power / *noise;
            let beside = greater(over - 1.0, 0.0);
            let speech = MEMORY * *before + (1.0 - MEMORY) * beside;
            *gain = greater(speech / (1.0 + speech), LOWEST_GAIN);
            *before = lesser(*gain * *gain * over, 1e6);
        }
    }
}

/// As [`f32::min`] and [`f32::max`] for numbers, but four at a time: nothing here is ever none.
const fn lesser(a: f32, b: f32) -> f32 {
    if a < b { a } else { b }
}

const fn greater(a: f32, b: f32) -> f32 {
    if a > b { a } else { b }
}

/// Noise is never believed fainter than this per bin: a tenth of what the steps of 16 bits make.
const LEAST: f32 = 1e-13;

/// Smoothing of the power, per block.
const SMOOTH: f32 = 0.7;

/// A bin with up to so many times its least power holds no speech.
const NEAR: f32 = 3.0;

/// How fast noise is learned, per block: 200 ms.
const LEARNS: f32 = 0.05;

/// Blocks in half the window of the least power: 800 ms.
const HOPS: u16 = 80;

/// The memory of the decision on speech, per block.
const MEMORY: f32 = 0.96;

/// −12 dB.
const LOWEST_GAIN: f32 = 0.25;
