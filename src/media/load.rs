//! What a worker has left of its core, and what it gives up before anybody hears a lack of it.
//!
//! ```text
//! each round ─ busy for so long, so many legs ─ [`Load`] ─ share of the core, per 100 ms and smoothed
//!                                                 ├─ [`Effort`]: Opus complexity 5 ▸ 0, noise suppression off,
//!                                                 │  speakers 8 ▸ 3 ▸ 2; one step at a time, undone in reverse
//!                                                 └─ [`Load::admits`]: whether one leg more still fits
//! ```
//!
//! Told rounds and the time, tells an effort; reads no clock. Invariants: two steps down are apart by
//! [`LOAD_REDUCE_DWELL`], a step up waits for calm of at least [`LOAD_RESTORE_AFTER`]; a step up that had to be taken back
//! at once doubles that wait, so that a load between two steps does not make the effort swing.

use std::time::{Duration, Instant};

use dsp::{Complexity, limit::MAX_SPEAKERS};

use super::counters::{Counter, Counters};
use crate::limit::{
    LEG_OPENINGS_BURST, LEG_OPENINGS_PER_SECOND, LOAD_ADMIT_PERMILLE, LOAD_CALM_PERMILLE,
    LOAD_CROWDED_WINDOWS, LOAD_LEGS_BASIS, LOAD_PEAK_PERMILLE, LOAD_PEAK_STEPS, LOAD_REDUCE_DWELL,
    LOAD_REDUCE_PERMILLE, LOAD_REFUSE_PERMILLE, LOAD_RESTORE_AFTER, LOAD_RESTORE_AFTER_MAX,
    LOAD_RESTORE_PROBATION, LOAD_WINDOW, LOAD_WINDOWS,
};

/// How much work the sound of a worker's conferences may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Effort {
    /// How hard Opus encoders try.
    pub complexity: Complexity,
    /// Noise of those who are mixed is suppressed.
    pub noise_suppression: bool,
    /// How many of the loudest are decoded and mixed at once, at most.
    pub speakers: u8,
}

impl Effort {
    /// The effort of a worker with room to spare.
    pub const FULL: Self = LADDER[0];

    /// Returns the effort that is reduced by so many steps, as [`State::reduced`] and the gauge tell them.
    pub const fn reduced_by(steps: usize) -> Self {
        let least = LADDER.len() - 1;
        LADDER[if steps < least { steps } else { least }]
    }
}

impl Default for Effort {
    fn default() -> Self {
        Self::FULL
    }
}

/// What a worker's load is, for metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct State {
    /// Share of the core in use, smoothed, in thousandths.
    pub share_permille: u32,
    /// The largest share of the recent windows, in thousandths.
    pub peak_permille: u32,
    /// By how many steps the effort is reduced.
    pub reduced: u32,
    /// No further leg is admitted.
    pub full: bool,
}

/// The load of one worker.
#[derive(Debug)]
pub struct Load {
    window: Window,
    recent: Recent,
    /// Share of the core in use, smoothed.
    share: f32,
    /// Legs, smoothed like the share they cost.
    legs: f32,
    ladder: Ladder,
    full: bool,
}

/// The window that is being filled.
#[derive(Debug)]
struct Window {
    began: Instant,
    busy: Duration,
}

/// The shares of the latest windows, overwritten in turn.
#[derive(Debug)]
struct Recent {
    shares: [f32; LOAD_WINDOWS],
    next: usize,
}

impl Load {
    /// Makes the load of a worker that has done nothing yet.
    pub const fn new(now: Instant) -> Self {
        Self {
            window: Window {
                began: now,
                busy: Duration::ZERO,
            },
            recent: Recent::new(),
            share: 0.0,
            legs: 0.0,
            ladder: Ladder::new(),
            full: false,
        }
    }

    /// Takes a round that ended `now`: how long it was busy, and how many legs there are.
    pub fn handle_round(&mut self, busy: Duration, legs: u64, now: Instant) {
        if legs == 0 {
            return self.rest(now);
        }
        self.window.busy += busy;
        let legs = count(legs);
        let passed = now.saturating_duration_since(self.window.began);
        if passed >= LOAD_WINDOW {
            self.close_window(passed, legs, now);
        }
        self.judge_room(legs);
    }

    /// Returns the effort that the load leaves room for.
    pub const fn effort(&self) -> Effort {
        Effort::reduced_by(self.ladder.step)
    }

    /// Tells whether one leg more may be opened here without harm to those that are.
    pub const fn admits(&self) -> bool {
        !self.full
    }

    /// Returns the load for metrics.
    pub fn state(&self) -> State {
        State {
            share_permille: permille(self.share),
            peak_permille: permille(self.recent.peak()),
            reduced: u32::try_from(self.ladder.step).unwrap_or(u32::MAX),
            full: self.full,
        }
    }

    /// Sets the gauges of the load.
    pub fn report(&self, counters: &mut Counters) {
        let state = self.state();
        counters.set(Counter::LoadPermille, state.share_permille.into());
        counters.set(Counter::LoadPeakPermille, state.peak_permille.into());
        counters.set(Counter::EffortReduced, state.reduced.into());
        counters.set(Counter::LoadFull, state.full.into());
    }

    /// Forgets what was: a worker without legs sleeps until something comes, and must not say meanwhile that it is full.
    fn rest(&mut self, now: Instant) {
        self.window = Window {
            began: now,
            busy: Duration::ZERO,
        };
        self.recent = Recent::new();
        (self.share, self.legs) = (0.0, 0.0);
        self.ladder.rest(now);
        self.full = false;
    }

    /// Takes the window's share in, as often as windows have passed.
    fn close_window(&mut self, passed: Duration, legs: f32, now: Instant) {
        let share = (self.window.busy.as_secs_f32() / passed.as_secs_f32()).min(1.0);
        let windows = passed.as_nanos() / LOAD_WINDOW.as_nanos();
        let windows = usize::try_from(windows).unwrap_or(LOAD_WINDOWS);
        for _ in 0..windows.min(LOAD_WINDOWS) {
            self.recent.push(share);
            self.share += (share - self.share) * SMOOTHING;
            self.legs += (legs - self.legs) * SMOOTHING;
        }
        self.window = Window {
            began: now,
            busy: Duration::ZERO,
        };
        let crowded = self.recent.is_crowded();
        // Peaks that are over are answered already.
        let peaks = crowded && share >= part(LOAD_PEAK_PERMILLE);
        let step = self.ladder.step;
        let near = LOAD_REDUCE_PERMILLE
            .get(step)
            .is_some_and(|limit| self.share >= part(*limit) || peaks && step < LOAD_PEAK_STEPS);
        let calm = step
            .checked_sub(1)
            .is_some_and(|above| !crowded && self.share <= part(LOAD_CALM_PERMILLE[above]));
        self.ladder.handle(near, calm, now);
    }

    /// Judges whether there is room, with what legs will cost that came too lately to be in the smoothed share.
    fn judge_room(&mut self, legs: f32) {
        let per_leg = self.share / self.legs.max(f32::from(LOAD_LEGS_BASIS));
        let projected = self.share + per_leg * (legs + 1.0 - self.legs).max(1.0);
        let limit = if self.full {
            LOAD_ADMIT_PERMILLE
        } else {
            LOAD_REFUSE_PERMILLE
        };
        let voices_given_up = self.effort().speakers < Effort::FULL.speakers;
        self.full = projected >= part(limit) || voices_given_up || self.recent.is_crowded();
    }
}

impl Recent {
    const fn new() -> Self {
        Self {
            shares: [0.0; LOAD_WINDOWS],
            next: 0,
        }
    }

    const fn push(&mut self, share: f32) {
        self.shares[self.next] = share;
        self.next = (self.next + 1) % LOAD_WINDOWS;
    }

    fn peak(&self) -> f32 {
        self.shares.iter().copied().fold(0.0, f32::max)
    }

    /// Tells whether so many windows were nearly full that it was no hiccup of the machine.
    fn is_crowded(&self) -> bool {
        let full = |share: &&f32| **share >= part(LOAD_PEAK_PERMILLE);
        self.shares.iter().filter(full).count() >= LOAD_CROWDED_WINDOWS
    }
}

/// Which step of [`LADDER`] holds, and when the next may be taken.
#[derive(Debug)]
struct Ladder {
    step: usize,
    last: Option<Change>,
    calm_since: Option<Instant>,
    /// How long calm must last before a step is undone.
    patience: Duration,
}

/// The latest step.
#[derive(Debug, Clone, Copy)]
enum Change {
    Reduced(Instant),
    Restored(Instant),
}

impl Ladder {
    const fn new() -> Self {
        Self {
            step: 0,
            last: None,
            calm_since: None,
            patience: LOAD_RESTORE_AFTER,
        }
    }

    fn handle(&mut self, near: bool, calm: bool, now: Instant) {
        self.calm_since = calm.then(|| self.calm_since.unwrap_or(now));
        if near && self.has_dwelt(now) {
            self.reduce(now);
        } else if let Some(since) = self.calm_since
            && now.saturating_duration_since(since) >= self.patience
        {
            self.restore(now);
        }
    }

    /// Undoes all steps at once, where nobody is left to hear it.
    fn rest(&mut self, now: Instant) {
        if self.step > 0 {
            self.step = 0;
            self.last = Some(Change::Restored(now));
        }
        self.calm_since = None;
    }

    /// Tells whether what the latest step changed is measured by now.
    fn has_dwelt(&self, now: Instant) -> bool {
        self.last.is_none_or(|last| {
            let (Change::Reduced(at) | Change::Restored(at)) = last;
            now.saturating_duration_since(at) >= LOAD_REDUCE_DWELL
        })
    }

    fn reduce(&mut self, now: Instant) {
        if let Some(Change::Restored(at)) = self.last {
            let relapsed = now.saturating_duration_since(at) < LOAD_RESTORE_PROBATION;
            self.patience = if relapsed {
                (self.patience * 2).min(LOAD_RESTORE_AFTER_MAX)
            } else {
                LOAD_RESTORE_AFTER
            };
        }
        self.step += 1;
        self.last = Some(Change::Reduced(now));
        self.calm_since = None;
    }

    fn restore(&mut self, now: Instant) {
        self.step -= 1;
        self.last = Some(Change::Restored(now));
        self.calm_since = Some(now);
    }
}

/// How fast legs may be opened on one worker: a burst, then a rate.
#[derive(Debug)]
pub struct Openings {
    /// When all that was opened would have been, at the rate alone.
    paid_until: Instant,
}

impl Openings {
    /// Makes one with its whole burst to spend.
    pub const fn new(now: Instant) -> Self {
        Self { paid_until: now }
    }

    /// Takes one opening; tells whether it may be.
    pub fn take(&mut self, now: Instant) -> bool {
        let period = Duration::from_secs(1) / LEG_OPENINGS_PER_SECOND;
        let paid_until = self.paid_until.max(now) + period;
        let within = paid_until <= now + period * LEG_OPENINGS_BURST;
        if within {
            self.paid_until = paid_until;
        }
        within
    }
}

/// Thousandths to a share.
#[expect(clippy::cast_precision_loss, reason = "thousandths are far below 2^24")]
const fn part(permille: u32) -> f32 {
    permille as f32 / 1_000.0
}

/// A share to thousandths.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share lies between 0 and 1"
)]
fn permille(share: f32) -> u32 {
    (share * 1_000.0).round() as u32
}

#[expect(
    clippy::cast_precision_loss,
    reason = "legs on a worker are far below 2^24"
)]
const fn count(legs: u64) -> f32 {
    legs as f32
}

/// From everything to the least, in the order in which it is missed least.
///
/// What lies between 5 and 0 is no step: of recorded speech coded as a waveform at 64 kbit/s complexity 5 leaves 25.3 dB
/// between the voice and all else and costs 2.3 times a decoding, 2 leaves 24.2 at 1.9, and 0 leaves 25.2 at 1.5.
const LADDER: [Effort; LOAD_REDUCE_PERMILLE.len() + 1] = [
    effort(5, true, MAX_SPEAKERS),
    effort(0, true, MAX_SPEAKERS),
    effort(0, false, MAX_SPEAKERS),
    effort(0, false, 3),
    effort(0, false, 2),
];

const fn effort(complexity: u8, noise_suppression: bool, speakers: u8) -> Effort {
    Effort {
        complexity: Complexity::new(complexity),
        noise_suppression,
        speakers,
    }
}

/// Part of the difference that one window moves the smoothed share: three quarters of a second to two thirds of a change.
const SMOOTHING: f32 = 0.125;

#[cfg(test)]
mod tests;
