//! When a group of legs ticks: every 20 ms in its phase, with missed ticks made up to a bound.
//!
//! Invariant: ticks lie on a fixed grid (`epoch + phase + n · 20 ms`), so that nothing drifts however late the shard is
//! woken.

use std::time::{Duration, Instant};

use dsp::TICK;

use crate::limit::{MAKE_UP_TICKS, SLOT};

/// A grid of ticks, standing still while its group is empty.
#[derive(Debug)]
pub(super) struct Clock {
    epoch: Instant,
    phase: usize,
    next: Option<Instant>,
}

/// A tick whose time has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Due {
    /// Where on the grid it lies.
    pub(super) at: Instant,
    /// It should have run a whole tick ago or earlier.
    pub(super) late: bool,
    /// Ticks before it that are left out.
    pub(super) skipped: u32,
}

impl Clock {
    /// Makes a clock that stands still.
    pub(super) const fn new(epoch: Instant, phase: usize) -> Self {
        Self {
            epoch,
            phase,
            next: None,
        }
    }

    /// Returns the phase.
    pub(super) const fn phase(&self) -> usize {
        self.phase
    }

    /// Starts the clock where it stands still; the first tick is the first of the grid from `now` on.
    pub(super) fn start(&mut self, now: Instant) {
        if self.next.is_none() {
            let origin = self.epoch + SLOT * u32::try_from(self.phase).unwrap_or(0);
            self.next = Some(next_on_grid(origin, TICK, now));
        }
    }

    /// Stops the clock.
    pub(super) const fn stop(&mut self) {
        self.next = None;
    }

    /// Returns when the next tick is due.
    pub(super) const fn next(&self) -> Option<Instant> {
        self.next
    }

    /// Takes the next tick that is due.
    pub(super) fn take(&mut self, now: Instant) -> Option<Due> {
        let next = self.next.filter(|next| *next <= now)?;
        let missed = ticks(now.saturating_duration_since(next));
        let skipped = missed.saturating_sub(MAKE_UP_TICKS);
        let at = next + TICK * skipped;
        self.next = Some(at + TICK);
        Some(Due {
            at,
            late: missed > 0,
            skipped,
        })
    }
}

/// Returns the first point of the grid `origin + n · step` from `now` on.
pub(super) fn next_on_grid(origin: Instant, step: Duration, now: Instant) -> Instant {
    let passed = now.saturating_duration_since(origin).as_nanos();
    let beyond = u64::try_from(passed % step.as_nanos()).unwrap_or(0);
    let rest = step - Duration::from_nanos(beyond);
    let point = if rest == step { now } else { now + rest };
    point.max(origin)
}

/// Whole ticks in a duration.
pub(super) fn ticks(duration: Duration) -> u32 {
    u32::try_from(duration.as_nanos() / TICK.as_nanos()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_lie_on_the_grid_of_the_phase() {
        let t0 = t0();
        let mut clock = Clock::new(t0, 3);
        clock.start(t0 + ms(7));
        assert_eq!(clock.take(t0 + ms(25)), None);
        let due = clock.take(t0 + ms(27)).unwrap();
        assert_eq!((due.at, due.late, due.skipped), (t0 + ms(26), false, 0));
        assert_eq!(clock.next(), Some(t0 + ms(46)));
    }

    #[test]
    fn a_start_on_the_grid_ticks_at_once() {
        let t0 = t0();
        let mut clock = Clock::new(t0, 0);
        clock.start(t0 + ms(40));
        assert_eq!(clock.next(), Some(t0 + ms(40)));
    }

    #[test]
    fn up_to_three_missed_ticks_are_made_up() {
        let t0 = t0();
        let mut clock = Clock::new(t0, 0);
        clock.start(t0);
        let taken: Vec<_> = std::iter::from_fn(|| clock.take(t0 + ms(65))).collect();
        assert_eq!(taken.len(), 4);
        assert_eq!(taken.iter().filter(|due| due.late).count(), 3);
        assert!(taken.iter().all(|due| due.skipped == 0));
    }

    #[test]
    fn of_a_long_gap_the_oldest_ticks_are_left_out() {
        let t0 = t0();
        let mut clock = Clock::new(t0, 0);
        clock.start(t0);
        let taken: Vec<_> = std::iter::from_fn(|| clock.take(t0 + ms(1_001))).collect();
        assert_eq!(taken.len(), 4);
        assert_eq!(taken[0].skipped, 47);
        assert_eq!(taken[3].at, t0 + ms(1_000));
        assert_eq!(clock.next(), Some(t0 + ms(1_020)));
    }

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the base instant of a simulated run"
    )]
    fn t0() -> Instant {
        Instant::now()
    }
}
