//! What is done to one leg's sound before it is mixed: echo, then noise, then gain.
//!
//! ```text
//! frame ─ high-pass (telephone codecs) ─ [ spectrum: echo of what the leg heard, then noise ] ─ gain ─ limiter ─ frame
//!                                    └── a Workshop, lent from the ShaperPool while the leg is chosen
//! ```
//!
//! A leg keeps a [`Shaper`] of a few hundred bytes for as long as it lives: the gain found for it and some filter state.
//! All that is heavy sits in workshops; a bus has a few more of them than it has speakers.
//!
//! Invariants: with everything switched off a frame passes bit-exactly; nothing here allocates but
//! [`ShaperPool::new`] and [`ShaperPool::refill`]; a shaper without a workshop works, with high-pass and gain alone.

mod bands;
mod echo;
mod noise;
mod workshop;

use std::fmt;

use wide::f32x4;

use self::{
    echo::EchoPath,
    noise::NoiseFloor,
    workshop::{Memory, Workshop},
};
use crate::{
    Codec, FRAME_SAMPLES, Frame, Level, Limiter,
    gain::Gain,
    power::{decibels, level_of, squares},
};

/// Which treatments a leg's sound gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Shaping {
    /// Steady noise is turned down.
    pub noise_suppression: bool,
    /// Speech is brought to −26 dBov.
    pub gain: bool,
    /// The echo of what the leg heard is turned down.
    pub echo: bool,
}

impl Shaping {
    /// No treatment: frames pass bit-exactly.
    pub const NONE: Self = Self {
        noise_suppression: false,
        gain: false,
        echo: false,
    };

    /// What helps a telephone, whatever its codec: its line, its gateway or its loudspeaker may echo.
    pub const TELEPHONE: Self = Self {
        noise_suppression: true,
        gain: true,
        echo: true,
    };

    /// What helps a browser, which cancels echo itself.
    pub const BROWSER: Self = Self {
        echo: false,
        ..Self::TELEPHONE
    };
}

/// Shapes the sound of one leg.
#[derive(Debug)]
pub struct Shaper {
    codec: Codec,
    shaping: Shaping,
    /// What the speaker chose to be heard with, beside all treatments; a factor.
    volume: f32,
    /// The gain stays as it is.
    held: bool,
    gain: Gain,
    /// The gain as it was when the leg's echo was last known; none while it is known. What is learned until then may be
    /// learned of the echo.
    unspoilt: Option<Gain>,
    /// The gain the last frame ended with, in dB and as a factor.
    applied: f32,
    factor: f32,
    limiter: Limiter,
    high_pass: HighPass,
    /// What the last workshop learned of this leg.
    memory: Memory,
    workshop: Option<Box<Workshop>>,
}

impl Shaper {
    /// Makes a shaper without a workshop.
    pub const fn new(codec: Codec, shaping: Shaping) -> Self {
        Self {
            codec,
            shaping,
            volume: 1.0,
            held: false,
            gain: Gain::new(),
            unspoilt: Some(Gain::new()),
            applied: 0.0,
            factor: 1.0,
            limiter: Limiter::new(),
            high_pass: HighPass::new(),
            memory: Memory {
                noise: NoiseFloor::UNKNOWN,
                echo: EchoPath::UNKNOWN,
            },
            workshop: None,
        }
    }

    /// Changes the treatments, between two frames.
    pub const fn set_shaping(&mut self, shaping: Shaping) {
        self.shaping = shaping;
    }

    /// Sets how loud the leg is heard whatever the treatments, in 1/1,024 of what it is, between two frames.
    pub const fn set_volume(&mut self, volume: i32) {
        self.volume = volume as f32 / 1_024.0;
    }

    /// Learns nothing for the gain while it is held: what comes meanwhile may be an echo of what is not known exactly.
    pub const fn hold_gain(&mut self, held: bool) {
        self.held = held;
    }

    /// Returns the treatments.
    pub const fn shaping(&self) -> Shaping {
        self.shaping
    }

    /// Returns the gain found for this leg in dB.
    pub const fn gain_db(&self) -> f32 {
        self.gain.as_db()
    }

    /// Tells whether the shaper holds a workshop of a [`ShaperPool`].
    pub const fn is_equipped(&self) -> bool {
        self.workshop.is_some()
    }

    /// Shapes a frame in place, given what was sent to this leg in the same tick; returns the level before the gain.
    pub fn shape(&mut self, frame: &mut Frame, heard: &Frame) -> Level {
        let treated = self.shaping != Shaping::NONE;
        if !treated && self.passes() {
            return frame.level();
        }
        let mut line = [0.0; FRAME_SAMPLES];
        for (line, &sample) in line.iter_mut().zip(&frame.samples) {
            *line = f32::from(sample);
        }
        if treated && is_telephone(self.codec) {
            self.high_pass.process(&mut line);
        }
        let mut echo = false;
        if let Some(workshop) = self.workshop.as_mut().filter(|_| treated) {
            workshop.process(&mut line, heard, self.shaping, self.codec);
            echo = workshop.was_echo();
            let known = workshop.knows_echo();
            self.heed_echo(known);
        }
        let dbov = dbov_of(&line);
        self.amplify(&mut line, dbov, echo, frame);
        level_of(dbov)
    }

    /// Tells whether a frame that is not treated stays as it is: nothing is turned up or down, nor was at the end of the last.
    fn passes(&self) -> bool {
        self.volume == 1.0 && self.factor == 1.0 && !self.limiter.is_active()
    }

    /// Goes back to the gain of before where an echo has just been found, since what was heard meanwhile was that.
    fn heed_echo(&mut self, known: bool) {
        if !known {
            self.unspoilt.get_or_insert_with(|| self.gain.clone());
        } else if let Some(unspoilt) = self.unspoilt.take() {
            self.gain = unspoilt;
        }
    }

    /// Returns the gain at the end of the frame in dB. What is left of an echo is not turned up, nor is anything learned of
    /// it.
    fn gain_for(&mut self, dbov: f32, echo: bool) -> f32 {
        let wanted = if echo {
            self.gain.as_db().min(0.0)
        } else if self.held {
            self.gain.as_db()
        } else {
            self.gain.handle(dbov)
        };
        self.applied = wanted.min(self.applied + COMES_BACK);
        self.applied
    }

    /// Brings the line to its level, sliding from the last frame's gain.
    fn amplify(
        &mut self,
        line: &mut [f32; FRAME_SAMPLES],
        dbov: f32,
        echo: bool,
        frame: &mut Frame,
    ) {
        let gain = if self.shaping.gain {
            10_f32.powf(self.gain_for(dbov, echo) / 20.0)
        } else {
            1.0
        };
        let wanted = gain * self.volume;
        let from = self.factor;
        let step = (wanted - from) / FRAME_SAMPLES as f32;
        let mut sums = [0; FRAME_SAMPLES];
        for (at, (sum, x)) in sums.iter_mut().zip(line).enumerate() {
            let product = *x * (from + step * at as f32);
            // Rounds without a call of the mathematics library, which would keep this from running four abreast.
            #[expect(clippy::cast_possible_truncation, reason = "a float cast saturates")]
            let rounded = (product + 0.5_f32.copysign(product)) as i32;
            *sum = rounded;
        }
        self.factor = wanted;
        self.limiter.limit(&sums, frame);
    }
}

/// dB by which the gain of speech comes back in a tick after echo.
const COMES_BACK: f32 = 1.5;

/// The workshops of a bus: heavy state that only those who may be heard need.
pub struct ShaperPool {
    idle: Vec<Box<Workshop>>,
    instances: usize,
}

impl ShaperPool {
    /// Makes a pool of so many workshops.
    pub fn new(instances: usize) -> Self {
        let mut pool = Self {
            idle: Vec::with_capacity(2 * instances),
            instances,
        };
        pool.refill(0);
        pool
    }

    /// Gives a shaper a workshop; returns false if none is idle. One that has a workshop keeps it.
    pub fn equip(&mut self, shaper: &mut Shaper) -> bool {
        if shaper.workshop.is_none() {
            shaper.workshop = self.idle.pop();
            if let Some(workshop) = &mut shaper.workshop {
                workshop.take_up(&shaper.memory);
            }
        }
        shaper.workshop.is_some()
    }

    /// Takes the workshop of a shaper back. A pool that has twice its number drops it: those that were made up for what
    /// was lent out are kept for the next who speak, and this never grows.
    pub fn strip(&mut self, shaper: &mut Shaper) {
        if let Some(workshop) = shaper.workshop.take() {
            shaper.memory = workshop.memory();
            if self.idle.len() < 2 * self.instances {
                self.idle.push(workshop);
            }
        }
    }

    /// Makes up for workshops that left with their legs; `lent` of them are in use. Allocates: not for the tick.
    pub fn refill(&mut self, lent: usize) {
        while self.idle.len() + lent < self.instances {
            self.idle.push(Box::new(Workshop::new()));
        }
    }

    /// Returns how many workshops are idle.
    pub const fn idle(&self) -> usize {
        self.idle.len()
    }
}

impl fmt::Debug for ShaperPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShaperPool")
            .field("idle", &self.idle.len())
            .field("instances", &self.instances)
            .finish()
    }
}

/// A Butterworth high-pass of second order at 80 Hz: takes away offset, mains hum and rumble below a telephone's band.
#[derive(Debug, Clone)]
struct HighPass {
    state: [f32; 2],
}

impl HighPass {
    const fn new() -> Self {
        Self { state: [0.0; 2] }
    }

    /// Four samples at once: each is a sum of the two states before them and the inputs up to it, so that only the states
    /// wait for one another.
    fn process(&mut self, line: &mut [f32; FRAME_SAMPLES]) {
        let filter = const { FourAtOnce::new() };
        let [mut s1, mut s2] = self.state;
        for four in line.as_chunks_mut().0 {
            let (mut out, mut states) = (f32x4::ZERO, f32x4::ZERO);
            for (x, (to_out, to_states)) in four.iter().zip(filter.inputs) {
                out += f32x4::new(to_out) * *x;
                states += f32x4::new(to_states) * *x;
            }
            for (s, (to_out, to_states)) in [s1, s2].into_iter().zip(filter.states) {
                out += f32x4::new(to_out) * s;
                states += f32x4::new(to_states) * s;
            }
            *four = out.to_array();
            [s1, s2, _, _] = states.to_array();
        }
        self.state = [s1, s2];
    }
}

/// What each state and each of four inputs adds to the four outputs, and to the two states behind them.
struct FourAtOnce {
    states: [([f32; 4], [f32; 4]); 2],
    inputs: [([f32; 4], [f32; 4]); 4],
}

impl FourAtOnce {
    /// Lets one after the other be one and all the rest zero.
    const fn new() -> Self {
        let mut filter = Self {
            states: [([0.0; 4], [0.0; 4]); 2],
            inputs: [([0.0; 4], [0.0; 4]); 4],
        };
        filter.states[0] = Self::respond([1.0, 0.0], [0.0; 4]);
        filter.states[1] = Self::respond([0.0, 1.0], [0.0; 4]);
        let mut at = 0;
        while at < 4 {
            let mut x = [0.0; 4];
            x[at] = 1.0;
            filter.inputs[at] = Self::respond([0.0; 2], x);
            at += 1;
        }
        filter
    }

    /// The transposed direct form, sample by sample.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "seven digits are what samples have"
    )]
    const fn respond([mut s1, mut s2]: [f64; 2], x: [f64; 4]) -> ([f32; 4], [f32; 4]) {
        let mut out = [0.0; 4];
        let mut at = 0;
        while at < 4 {
            let y = B0 * x[at] + s1;
            s1 = -2.0 * B0 * x[at] - A1 * y + s2;
            s2 = B0 * x[at] - A2 * y;
            out[at] = y as f32;
            at += 1;
        }
        (out, [s1 as f32, s2 as f32, 0.0, 0.0])
    }
}

const fn is_telephone(codec: Codec) -> bool {
    match codec {
        Codec::Pcmu | Codec::Pcma | Codec::G722 => true,
        Codec::Opus => false,
    }
}

fn dbov_of(line: &[f32; FRAME_SAMPLES]) -> f32 {
    decibels(squares(line) / FRAME_SAMPLES as f32 / (32_768.0 * 32_768.0))
}

/// Coefficients of the high-pass at 48 kHz (bilinear transform; the numerator is B0, −2·B0, B0).
const B0: f64 = 0.992_622_55;
const A1: f64 = -1.985_190_7;
const A2: f64 = 0.985_299_5;

#[cfg(test)]
mod tests;
