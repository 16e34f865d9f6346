//! The heavy part of a shaper: spectra of overlapping blocks, in which echo and noise are turned down bin by bin.
//!
//! ```text
//! 160 of before + 480 ─ window ─ transform ─ powers ─ gains ─ back ─ window ─ overlap by 160 ─ 480 out
//! ```
//!
//! The blocks overlap by a quarter only, so that the delay added is 3.3 ms. Both windows together sum to one: with all
//! gains at one the sound is merely later.
//!
//! Invariant: nothing allocates after [`Workshop::new`]; whatever comes in, the gains stay between 0 and 1.

use std::{
    f32::consts::PI,
    fmt,
    sync::{Arc, LazyLock},
};

use realfft::{ComplexToReal, RealFftPlanner, RealToComplex, num_complex::Complex};

use super::{
    Shaping,
    echo::{EchoGate, EchoPath},
    noise::{NoiseFloor, NoiseGate},
};
use crate::{Codec, FRAME_SAMPLES, Frame};

/// What only a speaker needs.
pub(super) struct Workshop {
    /// The last input of the block before.
    before: [f32; LAP],
    /// The same of what was sent to the leg.
    sent_before: [f32; LAP],
    /// The last output of the block before, faded.
    tail: [f32; LAP],
    block: [f32; WINDOW],
    spectrum: [Complex<f32>; HALF],
    scratch: Vec<Complex<f32>>,
    noise: NoiseGate,
    echo: EchoGate,
    /// The power of the last frame, and what the suppression of echo has left of it.
    powers: [f32; 2],
}

/// What a leg keeps of a workshop's work until it speaks again.
#[derive(Debug, Clone)]
pub(super) struct Memory {
    pub(super) noise: NoiseFloor,
    pub(super) echo: EchoPath,
}

/// The part of a frame's power that is left where it was echo for the most part.
const MOSTLY: f32 = 0.5;

impl Workshop {
    pub(super) fn new() -> Self {
        let none = Complex::new(0.0, 0.0);
        let transforms = &*TRANSFORMS;
        let room = transforms
            .forward
            .get_scratch_len()
            .max(transforms.back.get_scratch_len());
        Self {
            before: [0.0; LAP],
            sent_before: [0.0; LAP],
            tail: [0.0; LAP],
            block: [0.0; WINDOW],
            spectrum: [none; HALF],
            scratch: vec![none; room],
            noise: NoiseGate::new(),
            echo: EchoGate::new(),
            powers: [0.0; 2],
        }
    }

    /// Tells whether the way of an echo is known.
    pub(super) const fn knows_echo(&self) -> bool {
        self.echo.path().is_known()
    }

    /// Tells whether the last frame was echo for the most part.
    pub(super) fn was_echo(&self) -> bool {
        let [all, left] = self.powers;
        left < all * MOSTLY
    }

    /// Begins to work for another leg, from what is remembered of it.
    pub(super) fn take_up(&mut self, memory: &Memory) {
        self.before.fill(0.0);
        self.sent_before.fill(0.0);
        self.tail.fill(0.0);
        self.noise.take_up(&memory.noise);
        self.echo.take_up(&memory.echo);
    }

    /// Returns what is worth remembering of the leg.
    pub(super) fn memory(&self) -> Memory {
        Memory {
            noise: self.noise.floor(),
            echo: self.echo.path(),
        }
    }

    /// Shapes a frame of a leg that speaks this codec.
    pub(super) fn process(
        &mut self,
        line: &mut [f32; FRAME_SAMPLES],
        heard: &Frame,
        shaping: Shaping,
        codec: Codec,
    ) {
        self.powers = [0.0; 2];
        let bins = bins_of(codec);
        let halves = line
            .chunks_exact_mut(HOP)
            .zip(heard.samples.chunks_exact(HOP));
        for (line, heard) in halves {
            if shaping.noise_suppression || shaping.echo {
                self.shape(line, heard, shaping, bins);
            } else {
                self.delay(line);
            }
        }
    }

    fn shape(&mut self, line: &mut [f32], heard: &[i16], shaping: Shaping, bins: usize) {
        let mut gains = [1.0; BINS];
        let gains = &mut gains[..bins];
        let mut sent = [0.0; BINS];
        if shaping.echo {
            self.analyse_sent(heard, &mut sent[..bins]);
        }
        self.open(line);
        let mut powers = [0.0; BINS];
        self.measure(&mut powers[..bins]);
        if shaping.echo {
            self.echo.handle(&powers[..bins], &sent[..bins], gains);
            for (power, gain) in powers.iter().zip(gains.iter()) {
                self.powers[0] += power;
                self.powers[1] += power * gain * gain;
            }
        }
        if shaping.noise_suppression {
            self.noise.handle(&powers[..bins], gains);
        }
        self.weigh(gains);
        self.close(line);
    }

    /// The powers of what was sent to the leg.
    fn analyse_sent(&mut self, heard: &[i16], powers: &mut [f32]) {
        let mut line = [0.0; HOP];
        for (line, &sample) in line.iter_mut().zip(heard) {
            *line = f32::from(sample);
        }
        fill(&mut self.block, &mut self.sent_before, &line);
        if self.block.iter().any(|x| *x != 0.0) {
            self.transform();
            self.measure(powers);
        }
    }

    /// From samples to the spectrum.
    fn open(&mut self, line: &[f32]) {
        fill(&mut self.block, &mut self.before, line);
        self.transform();
    }

    fn transform(&mut self) {
        for (x, weight) in self.block.iter_mut().zip(&TRANSFORMS.window) {
            *x *= weight;
        }
        let done = TRANSFORMS.forward.process_with_scratch(
            &mut self.block,
            &mut self.spectrum,
            &mut self.scratch,
        );
        // All lengths are right by construction; were one not, there would be silence.
        if done.is_err() {
            self.spectrum.fill(Complex::new(0.0, 0.0));
        }
    }

    /// The power of each bin, so that all of them sum to that of the block, full scale being one.
    fn measure(&self, powers: &mut [f32]) {
        for (power, bin) in powers.iter_mut().zip(&self.spectrum) {
            *power = bin.norm_sqr() * SCALE;
        }
    }

    /// Applies the gains; what lies above them takes the mean of the highest ones.
    fn weigh(&mut self, gains: &[f32]) {
        let top = &gains[gains.len() - TOP..];
        let beyond = top.iter().sum::<f32>() / TOP as f32;
        let (known, above) = self.spectrum.split_at_mut(gains.len());
        for (bin, gain) in known.iter_mut().zip(gains) {
            *bin *= *gain;
        }
        above.iter_mut().for_each(|bin| *bin *= beyond);
        // A real signal has no phase at either end; the transform back insists on it.
        self.spectrum[0].im = 0.0;
        self.spectrum[HALF - 1].im = 0.0;
    }

    /// From the spectrum to samples, laid over the end of the block before.
    fn close(&mut self, line: &mut [f32]) {
        let done = TRANSFORMS.back.process_with_scratch(
            &mut self.spectrum,
            &mut self.block,
            &mut self.scratch,
        );
        if done.is_err() {
            self.block.fill(0.0);
        }
        for (x, weight) in self.block.iter_mut().zip(&TRANSFORMS.window) {
            *x *= weight / WINDOW as f32;
        }
        for (x, tail) in self.block.iter_mut().zip(&self.tail) {
            *x += tail;
        }
        line.copy_from_slice(&self.block[..HOP]);
        self.tail.copy_from_slice(&self.block[HOP..]);
    }

    /// The same as [`Self::shape`] with all gains at one, without the transforms.
    fn delay(&mut self, line: &mut [f32]) {
        fill(&mut self.block, &mut self.before, line);
        for (x, weight) in self.block.iter_mut().zip(&TRANSFORMS.window) {
            *x *= weight * weight;
        }
        for (x, tail) in self.block.iter_mut().zip(&self.tail) {
            *x += tail;
        }
        line.copy_from_slice(&self.block[..HOP]);
        self.tail.copy_from_slice(&self.block[HOP..]);
    }
}

impl fmt::Debug for Workshop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Workshop").finish_non_exhaustive()
    }
}

/// The block: the end of the one before, then a hop.
fn fill(block: &mut [f32; WINDOW], before: &mut [f32; LAP], line: &[f32]) {
    block[..LAP].copy_from_slice(before);
    block[LAP..].copy_from_slice(line);
    before.copy_from_slice(&line[HOP - LAP..]);
}

/// The bins that carry sound of a codec, 75 Hz each.
const fn bins_of(codec: Codec) -> usize {
    match codec {
        Codec::Pcmu | Codec::Pcma => 54,
        Codec::G722 => 107,
        Codec::Opus => BINS,
    }
}

/// The transforms all workshops share, planned once.
struct Transforms {
    forward: Arc<dyn RealToComplex<f32>>,
    back: Arc<dyn ComplexToReal<f32>>,
    window: [f32; WINDOW],
}

static TRANSFORMS: LazyLock<Transforms> = LazyLock::new(|| {
    let mut planner = RealFftPlanner::new();
    let slope = |at: usize| ((at as f32 + 0.5) / LAP as f32 * PI / 2.0).sin();
    Transforms {
        forward: planner.plan_fft_forward(WINDOW),
        back: planner.plan_fft_inverse(WINDOW),
        window: std::array::from_fn(|at| match at {
            0..LAP => slope(at),
            LAP..HOP => 1.0,
            _ => slope(WINDOW - 1 - at),
        }),
    }
});

/// Samples between two blocks: 10 ms.
const HOP: usize = 480;

/// Samples by which blocks overlap, and the delay: 3.3 ms.
const LAP: usize = 160;

const WINDOW: usize = HOP + LAP;
const HALF: usize = WINDOW / 2 + 1;

/// The most bins that are looked at: up to 12 kHz; what little speech lies above follows the bins below.
pub(super) const BINS: usize = 160;

/// The bins that speak for those above.
const TOP: usize = 16;

/// From the square of a bin to power: both halves of the spectrum, the transform's gain, the window's, full scale.
const SCALE: f32 = 2.0 / (WINDOW as f32 * HOP as f32 * 32_768.0 * 32_768.0);
