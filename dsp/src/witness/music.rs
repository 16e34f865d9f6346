//! Finds music: tones that stand still for a tenth of a second and are followed by others, without a pause for breath.
//!
//! Voices glide: hardly any of their partials keeps its frequency for 100 ms, and within any second there is a stop or a
//! breath. The notes of a melody stand still, change, and leave no hole. A tone that never changes is no music, nor is one
//! that is switched on and off. Everything is measured at 8 kHz, so that a telephone's music is found like any other.
//!
//! ```text
//! tick ─ spectrum of 64 ms ─ peaks ─ tracks ─ per second: share of energy in still tracks, notes begun, pauses
//! ```

use std::{
    f32::consts::TAU,
    fmt,
    sync::{Arc, LazyLock},
};

use realfft::{RealFftPlanner, RealToComplex, num_complex::Complex};

use super::{Features, NARROW_SAMPLES};
use crate::power::squares;

/// Judges whether a leg plays music.
#[derive(Clone)]
pub(super) struct MusicJudge {
    /// The last 64 ms at 8 kHz.
    line: [f32; WINDOW],
    tracks: [Track; TRACKS],
    /// The frequencies of the last notes, in bins.
    notes: [f32; NOTES],
    next_note: usize,
    /// The usual power of a tick.
    usual: f32,
    second: Second,
    /// The last seconds, the latest in the lowest bit: was it musical?
    seconds: u16,
    met: bool,
}

/// A partial that is being followed.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Track {
    /// In bins; 0 is no track.
    frequency: f32,
    ticks: u8,
}

/// What a second has shown.
#[derive(Debug, Clone, Copy, Default)]
struct Second {
    ticks: u8,
    pauses: u8,
    notes: u8,
    /// The sum of the shares of energy in still tracks.
    still: f32,
}

/// A peak of the spectrum.
#[derive(Debug, Clone, Copy)]
struct Peak {
    frequency: f32,
    power: f32,
}

impl MusicJudge {
    pub(super) fn new() -> Self {
        LazyLock::force(&TRANSFORM);
        Self {
            line: [0.0; WINDOW],
            tracks: [Track::NONE; TRACKS],
            notes: [0.0; NOTES],
            next_note: 0,
            usual: 0.0,
            second: Second::default(),
            seconds: 0,
            met: false,
        }
    }

    /// Hears a tick; returns whether a tone has begun that was not there before.
    pub(super) fn handle(&mut self, sound: &Features) -> bool {
        self.line.copy_within(NARROW_SAMPLES.., 0);
        self.line[WINDOW - NARROW_SAMPLES..].copy_from_slice(&sound.narrow);
        let power = squares(&sound.narrow) / NARROW_SAMPLES as f32;
        self.usual += (power - self.usual) / USUAL_TICKS;
        if power < FAINTEST || power < self.usual * PAUSE {
            self.second.pauses += 1;
        }
        let changes = power >= FAINTEST && self.follow();
        self.count_tick();
        changes
    }

    pub(super) fn pass(&mut self) {
        self.second.pauses += 1;
        self.tracks = [Track::NONE; TRACKS];
        self.count_tick();
    }

    pub(super) const fn is_met(&self) -> bool {
        self.met
    }

    fn count_tick(&mut self) {
        self.second.ticks += 1;
        if self.second.ticks < SECOND {
            return;
        }
        let second = std::mem::take(&mut self.second);
        let musical = second.pauses <= PAUSES
            && second.notes >= 1
            && second.still >= STILL * f32::from(SECOND);
        self.seconds = self.seconds << 1 | u16::from(musical);
        self.met = if self.met {
            (self.seconds & LAST_FOUR).count_ones() >= 2
        } else {
            (self.seconds & LAST_TEN).count_ones() >= ENOUGH && musical
        };
    }

    /// Follows the peaks of the spectrum and counts what stands still; returns whether an unknown note has begun.
    fn follow(&mut self) -> bool {
        let (spectrum, total) = self.spectrum();
        let mut tracks = [Track::NONE; TRACKS];
        let (mut still, mut changes) = (0.0, false);
        for (peak, track) in peaks(&spectrum, total).zip(&mut tracks) {
            let known = self
                .tracks
                .iter()
                .filter(|known| (known.frequency - peak.frequency).abs() <= STRAYS)
                .map(|known| known.ticks)
                .max();
            track.frequency = peak.frequency;
            track.ticks = known.map_or(0, |ticks| ticks.saturating_add(1));
            if track.ticks >= STANDS {
                still += peak.power;
                if track.ticks == STANDS && peak.power >= total * PROMINENT {
                    changes |= self.begin_note(peak.frequency);
                }
            }
        }
        self.tracks = tracks;
        self.second.still += (still / total.max(f32::MIN_POSITIVE)).min(1.0);
        changes
    }

    /// Remembers a note; returns whether it is none of the last.
    fn begin_note(&mut self, frequency: f32) -> bool {
        let known = |note: &f32| (note - frequency).abs() <= 2.0 * STRAYS;
        let latest = (self.next_note + NOTES - 1) % NOTES;
        if known(&self.notes[latest]) {
            return false;
        }
        let changes = !self.notes.iter().any(known);
        self.notes[self.next_note] = frequency;
        self.next_note = (self.next_note + 1) % NOTES;
        self.second.notes = self.second.notes.saturating_add(1);
        changes
    }

    /// The power spectrum of the last 64 ms, and its sum.
    fn spectrum(&self) -> ([f32; BINS], f32) {
        let transform = &*TRANSFORM;
        let mut line = [0.0; WINDOW];
        for ((line, x), weight) in line.iter_mut().zip(&self.line).zip(&transform.window) {
            *line = x * weight;
        }
        let mut bins = [Complex::new(0.0, 0.0); BINS];
        let mut scratch = [Complex::new(0.0, 0.0); SCRATCH];
        let scratch = &mut scratch[..transform.plan.get_scratch_len().min(SCRATCH)];
        let mut powers = [0.0; BINS];
        // All lengths are right by construction; were one not, there would be no spectrum and no music.
        if transform
            .plan
            .process_with_scratch(&mut line, &mut bins, scratch)
            .is_ok()
        {
            for (power, bin) in powers.iter_mut().zip(&bins) {
                *power = bin.norm_sqr();
            }
        }
        powers[..LOWEST].fill(0.0);
        let total = powers.iter().sum();
        (powers, total)
    }
}

impl fmt::Debug for MusicJudge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MusicJudge")
            .field("seconds", &self.seconds)
            .field("met", &self.met)
            .finish_non_exhaustive()
    }
}

impl Track {
    const NONE: Self = Self {
        frequency: 0.0,
        ticks: 0,
    };
}

/// The peaks of a spectrum, from the lowest, with the power of the three bins around each.
fn peaks(spectrum: &[f32; BINS], total: f32) -> impl Iterator<Item = Peak> {
    let faint = total * FAINT;
    (LOWEST + 2..BINS - 3).filter_map(move |bin| {
        let around = &spectrum[bin - 3..=bin + 3];
        let [a, b, c] = [around[2], around[3], around[4]];
        let stands_out = b > SHARP * (around[0] + around[6]);
        if b < faint || b < a || b <= c || !stands_out {
            return None;
        }
        // The parabola through the logarithms of three bins of a Hann window is off by less than a twentieth of a bin.
        let [la, lb, lc] = [a, b, c].map(|power| power.max(f32::MIN_POSITIVE).ln());
        let shift = 0.5 * (la - lc) / (la - 2.0 * lb + lc).min(-f32::MIN_POSITIVE);
        Some(Peak {
            frequency: bin as f32 + shift,
            power: a + b + c,
        })
    })
}

/// The transform all judges share, planned once.
struct Transform {
    plan: Arc<dyn RealToComplex<f32>>,
    window: [f32; WINDOW],
}

static TRANSFORM: LazyLock<Transform> = LazyLock::new(|| Transform {
    plan: RealFftPlanner::new().plan_fft_forward(WINDOW),
    window: std::array::from_fn(|at| 0.5 - 0.5 * (TAU * at as f32 / WINDOW as f32).cos()),
});

/// Samples of the spectrum's window: 64 ms at 8 kHz.
const WINDOW: usize = 512;

/// Bins of 15.6 Hz.
const BINS: usize = WINDOW / 2 + 1;

/// Complex numbers of room for the transform.
const SCRATCH: usize = WINDOW;

/// The lowest bin looked at: 78 Hz.
const LOWEST: usize = 5;

/// Peaks followed, from the lowest.
const TRACKS: usize = 24;

/// Notes remembered.
const NOTES: usize = 4;

/// How far a partial may stray in a tick and still stand, in bins: 4 Hz.
const STRAYS: f32 = 0.25;

/// Ticks after which a partial stands still: 80 ms.
const STANDS: u8 = 4;

/// The share of the power a partial needs to be a note.
const PROMINENT: f32 = 0.05;

/// The share of the power below which a peak is not followed.
const FAINT: f32 = 0.003;

/// How far a peak stands out from the bins three beside it, by power.
const SHARP: f32 = 4.0;

/// The share of a second's energy that stands still in music.
const STILL: f32 = 0.45;

/// Ticks 20 dB below the usual power are a pause; more than 60 ms of them in a second are no music.
const PAUSE: f32 = 0.01;
const PAUSES: u8 = 3;

/// The power below which nothing is followed: −60 dBov.
const FAINTEST: f32 = 1e-6;

/// Ticks over which the usual power is taken: 3 s.
const USUAL_TICKS: f32 = 150.0;

/// Ticks of a second.
const SECOND: u8 = 50;

/// Musical seconds among the last ten before it is named.
const ENOUGH: u32 = 8;
const LAST_TEN: u16 = 0x3ff;
const LAST_FOUR: u16 = 0xf;
