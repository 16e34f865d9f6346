//! Turns the echo of a line down: what a hybrid returns of the sound that was sent to the leg.
//!
//! A canceller would have to model a path of hundreds of milliseconds through two codecs and two jitter buffers; a
//! suppressor needs to know only how late the echo is, and how much of each band comes back. The delay is where the loudness
//! of the leg follows best what was sent; the coupling of a band is what usually comes back at the least. A bin that holds
//! little more than the echo expected is turned down, one with more speech in it passes: both may talk at once.
//!
//! Invariant: without a delay found nothing is turned down.

use super::bands;
use crate::{lags::outstanding, power::decibels};

/// Suppresses the echo of one leg.
#[derive(Debug, Clone)]
pub(super) struct EchoGate {
    /// The bands of what was sent, the latest at `at`.
    sent: [[f32; bands::COUNT]; LAGS + REACH],
    at: usize,
    /// The loudness of what was sent, in dBov.
    loudness: [f32; LAGS],
    loud_at: usize,
    own: Moments,
    lags: [Lag; LAGS],
    /// The delay that fits, for how many blocks, and for how many the known one has not.
    candidate: u8,
    votes: u8,
    doubts: u16,
    path: EchoPath,
    /// The gains of the block before.
    gains: [f32; bands::COUNT],
}

/// The way an echo takes.
#[derive(Debug, Clone, Copy)]
pub(super) struct EchoPath {
    /// Blocks of delay.
    delay: Option<u8>,
    /// How much power of each band comes back.
    coupling: [f32; bands::COUNT],
}

/// A running mean and mean square, in dB.
#[derive(Debug, Clone, Copy)]
struct Moments {
    mean: f32,
    square: f32,
}

/// How the leg follows what was sent so much earlier.
#[derive(Debug, Clone, Copy)]
struct Lag {
    sent: Moments,
    product: f32,
}

impl EchoPath {
    pub(super) const UNKNOWN: Self = Self {
        delay: None,
        coupling: [FIRST_COUPLING; bands::COUNT],
    };

    pub(super) const fn is_known(&self) -> bool {
        self.delay.is_some()
    }
}

impl EchoGate {
    pub(super) const fn new() -> Self {
        let still = Moments {
            mean: FAINT,
            square: FAINT * FAINT,
        };
        let lag = Lag {
            sent: still,
            product: FAINT * FAINT,
        };
        Self {
            sent: [[0.0; bands::COUNT]; LAGS + REACH],
            at: 0,
            loudness: [FAINT; LAGS],
            loud_at: 0,
            own: still,
            lags: [lag; LAGS],
            candidate: 0,
            votes: 0,
            doubts: 0,
            path: EchoPath::UNKNOWN,
            gains: [1.0; bands::COUNT],
        }
    }

    pub(super) fn take_up(&mut self, path: &EchoPath) {
        *self = Self::new();
        self.path = *path;
    }

    pub(super) const fn path(&self) -> EchoPath {
        self.path
    }

    /// Learns from a block of the leg and what was sent to it; lowers the gains.
    pub(super) fn handle(&mut self, powers: &[f32], sent: &[f32], gains: &mut [f32]) {
        self.at = (self.at + 1) % self.sent.len();
        bands::mean(sent, &mut self.sent[self.at]);
        let mut own = [0.0; bands::COUNT];
        bands::mean(powers, &mut own);
        self.look_for_delay(&own, loudness(powers), loudness(sent));
        let Some(delay) = self.path.delay else {
            return;
        };
        let expected = self.expected(usize::from(delay));
        self.learn(&own, &expected);
        for (band, gain) in self.gains.iter_mut().enumerate() {
            let echo = OVER * self.path.coupling[band] * expected[band];
            let wanted = (1.0 - echo / own[band].max(echo).max(f32::MIN_POSITIVE)).max(LOWEST_GAIN);
            *gain = if wanted < *gain {
                wanted
            } else {
                *gain + OPENS * (wanted - *gain)
            };
        }
        let mut spread = [1.0; super::workshop::BINS];
        bands::spread(&self.gains, &mut spread);
        for (gain, own) in gains.iter_mut().zip(&spread) {
            *gain = gain.min(*own);
        }
    }

    /// What was sent a delay ago, blurred by a block to either side, for no delay is a whole number of blocks.
    fn expected(&self, delay: usize) -> [f32; bands::COUNT] {
        let length = self.sent.len();
        let past = |behind: usize| &self.sent[(self.at + length - behind) % length];
        let around = [delay.saturating_sub(1), delay, delay + 1, delay + 2];
        std::array::from_fn(|band| {
            around
                .iter()
                .zip([0.5, 1.0, 1.0, 0.5])
                .map(|(&behind, weight)| past(behind)[band] * weight)
                .fold(0.0, f32::max)
        })
    }

    fn learn(&mut self, own: &[f32; bands::COUNT], expected: &[f32; bands::COUNT]) {
        for (band, coupling) in self.path.coupling.iter_mut().enumerate() {
            if expected[band] < AUDIBLE {
                continue;
            }
            let step = if own[band] > *coupling * expected[band] {
                RISES
            } else {
                SINKS
            };
            *coupling = (*coupling * step).clamp(LEAST_COUPLING, MOST_COUPLING);
        }
    }

    /// Compares the loudness of the leg with what was sent, at every delay.
    fn look_for_delay(&mut self, bands: &[f32; bands::COUNT], own: f32, sent: f32) {
        self.loudness[self.loud_at] = sent;
        self.own.learn(own);
        let mut agreements = [0.0; LAGS];
        let mut moves = false;
        for (behind, lag) in self.lags.iter_mut().enumerate() {
            let past = (self.loud_at + LAGS - behind) % LAGS;
            lag.learn(self.loudness[past], own);
            if let Some(agreement) = lag.agreement(&self.own) {
                agreements[behind] = agreement;
                moves = true;
            }
        }
        self.loud_at = (self.loud_at + 1) % LAGS;
        let present = self.path.delay.map(|delay| agreements[usize::from(delay)]);
        match outstanding(&agreements, APART).filter(|(_, best)| *best >= AGREES) {
            Some((at, _)) => self.vote(u8::try_from(at).unwrap_or(0), bands),
            None if moves && present.is_some_and(|present| present < DISAGREES) => self.doubt(),
            None => {}
        }
    }

    /// A delay fits in this block; it is believed when it fits for long, and in tone as well as in time.
    fn vote(&mut self, delay: u8, own: &[f32; bands::COUNT]) {
        if delay.abs_diff(self.candidate) > 1 {
            self.candidate = delay;
            self.votes = 0;
        }
        if resemblance(own, &self.expected(usize::from(delay))) < RESEMBLES {
            self.votes = self.votes.saturating_sub(1);
            if self.path.delay.is_some() {
                self.doubt();
            }
            return;
        }
        self.doubts = self.doubts.saturating_sub(4);
        self.votes = self.votes.saturating_add(1);
        if self.votes >= VOTES {
            self.path.delay = Some(self.candidate);
        }
    }

    /// The delay known does not fit, nor does another.
    const fn doubt(&mut self) {
        self.doubts += 1;
        if self.doubts >= DOUBTS {
            self.doubts = 0;
            self.path = EchoPath::UNKNOWN;
        }
    }
}

impl Moments {
    fn learn(&mut self, value: f32) {
        self.mean += FORGETS * (value - self.mean);
        self.square += FORGETS * (value * value - self.square);
    }

    fn variance(&self) -> f32 {
        (self.square - self.mean * self.mean).max(0.0)
    }
}

impl Lag {
    fn learn(&mut self, sent: f32, own: f32) {
        self.sent.learn(sent);
        self.product += FORGETS * (sent * own - self.product);
    }

    /// The correlation, none where one of both hardly moves.
    fn agreement(&self, own: &Moments) -> Option<f32> {
        let (sent, heard) = (self.sent.variance(), own.variance());
        let together = self.product - self.sent.mean * own.mean;
        (sent >= MOVES && heard >= MOVES).then(|| together / (sent * heard).sqrt())
    }
}

/// The loudness of a block in dBov.
fn loudness(powers: &[f32]) -> f32 {
    decibels(powers.iter().sum()).max(FAINT)
}

/// How alike two spectra are in shape: the correlation of their bands in dB, where either holds anything.
fn resemblance(a: &[f32; bands::COUNT], b: &[f32; bands::COUNT]) -> f32 {
    let relative = |bands: &[f32; bands::COUNT]| {
        let top = bands.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
        bands.map(|band| decibels(band / top).max(HOLDS))
    };
    let (a, b) = (relative(a), relative(b));
    let held = || a.iter().zip(&b).filter(|(a, b)| a.max(**b) > HOLDS);
    let count = held().count().max(1) as f32;
    let (mean_a, mean_b) = held().fold((0.0, 0.0), |sum, (a, b)| {
        (sum.0 + a / count, sum.1 + b / count)
    });
    let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for (a, b) in held().map(|(a, b)| (a - mean_a, b - mean_b)) {
        ab += a * b;
        aa += a * a;
        bb += b * b;
    }
    ab / (aa * bb).sqrt().max(1e-6)
}

/// Delays looked at, in blocks of 10 ms: up to half a second.
const LAGS: usize = 52;

/// Delays further apart than this, in blocks, are different ones.
const APART: usize = 8;

/// Blocks looked at beyond a delay.
const REACH: usize = 3;

/// Nothing is believed fainter than this, in dBov.
const FAINT: f32 = -62.0;

/// Forgetting with a time constant of 1 s.
const FORGETS: f32 = 0.01;

/// The variance below which there is nothing to compare, in dB².
const MOVES: f32 = 15.0;

/// The correlation from which a delay fits, and below which a known one does not.
const AGREES: f32 = 0.75;
const DISAGREES: f32 = 0.3;

/// Bands this far below the loudest, in dB, hold nothing.
const HOLDS: f32 = -30.0;

/// The likeness of spectra from which one may be the echo of the other.
const RESEMBLES: f32 = 0.75;

/// Blocks a delay has to fit to be believed, 200 ms, and not to fit to be given up, 3 s.
const VOTES: u8 = 20;
const DOUBTS: u16 = 300;

/// The power sent in a bin from which its echo is learned: some −70 dBov in all.
const AUDIBLE: f32 = 1e-9;

/// The coupling of a band: where it begins, its bounds (−50 and −3 dB), and how it follows: what comes back in three of
/// ten blocks is less.
const FIRST_COUPLING: f32 = 0.01;
const LEAST_COUPLING: f32 = 1e-5;
const MOST_COUPLING: f32 = 0.5;
const RISES: f32 = 1.06;
const SINKS: f32 = 0.87;

/// How much more echo is expected than usually comes back at the least: 7 dB.
const OVER: f32 = 5.0;

/// How fast a gain rises again, per block.
const OPENS: f32 = 0.3;

/// −34 dB.
const LOWEST_GAIN: f32 = 0.02;
