//! How late a worker's ticks begin, as a histogram of fixed buckets that the worker writes and anyone reads.
//!
//! An overrun is what can be heard: a tick that begins more than [`LATE_TICK`] late, or ends after the next is due.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use dsp::TICK;

use crate::limit::LATE_TICK;

/// Ticks by how late they began, how many overran, and the latest of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lateness {
    ticks: [u64; BUCKETS],
    overruns: u64,
    most: Duration,
}

impl Lateness {
    /// Notes ticks that were due at an instant, ran together from `began` on and had all been sent when it `ended`.
    pub fn note(&mut self, ticks: u64, due: Instant, began: Instant, ended: Instant) {
        let late = began.saturating_duration_since(due);
        let bucket = BOUNDS.partition_point(|bound| *bound < late);
        self.ticks[bucket] += ticks;
        self.most = self.most.max(late);
        if late > LATE_TICK || ended > due + TICK {
            self.overruns += ticks;
        }
    }

    /// Returns how many ticks overran.
    pub const fn overruns(&self) -> u64 {
        self.overruns
    }

    /// Takes the largest lateness since it was last taken: no bucket bounds it, and whoever looks at a stretch of time must
    /// not be told of what came before.
    pub const fn take_most(&mut self) -> Duration {
        std::mem::replace(&mut self.most, Duration::ZERO)
    }

    /// Returns the buckets in order: the largest lateness that falls into each, and its ticks. The last has no bound.
    pub fn buckets(&self) -> impl Iterator<Item = (Option<Duration>, u64)> {
        let bounds = BOUNDS.into_iter().map(Some).chain([None]);
        bounds.zip(self.ticks)
    }

    /// Returns for each bound, in seconds as metrics show it, how many ticks began no later than that.
    pub fn within(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let mut sum = 0;
        SECONDS
            .into_iter()
            .zip(self.ticks)
            .map(move |(bound, ticks)| {
                sum += ticks;
                (bound, sum)
            })
    }

    /// Adds another worker's; the largest lateness is the larger of both.
    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.ticks.iter_mut().zip(other.ticks) {
            *mine += theirs;
        }
        self.overruns += other.overruns;
        self.most = self.most.max(other.most);
    }
}

/// A histogram that the worker writes and anyone reads.
#[derive(Debug)]
pub struct SharedLateness {
    ticks: [AtomicU64; BUCKETS],
    overruns: AtomicU64,
    /// Nanoseconds.
    most: AtomicU64,
}

impl Default for SharedLateness {
    fn default() -> Self {
        Self {
            ticks: [const { AtomicU64::new(0) }; BUCKETS],
            overruns: AtomicU64::new(0),
            most: AtomicU64::new(0),
        }
    }
}

impl SharedLateness {
    /// Publishes a state; each value by itself is exact, several together may be of two moments. The largest lateness goes
    /// over to here, where readers take it.
    pub fn publish(&self, lateness: &mut Lateness) {
        for (shared, value) in self.ticks.iter().zip(lateness.ticks) {
            shared.store(value, Ordering::Relaxed);
        }
        self.overruns.store(lateness.overruns, Ordering::Relaxed);
        let most = u64::try_from(lateness.take_most().as_nanos()).unwrap_or(u64::MAX);
        self.most.fetch_max(most, Ordering::Relaxed);
    }

    /// Returns the published state, with the largest lateness since the last reading.
    pub fn read(&self) -> Lateness {
        Lateness {
            ticks: std::array::from_fn(|n| self.ticks[n].load(Ordering::Relaxed)),
            overruns: self.overruns.load(Ordering::Relaxed),
            most: Duration::from_nanos(self.most.swap(0, Ordering::Relaxed)),
        }
    }
}

/// The largest lateness of each bucket but the last.
const BOUNDS: [Duration; 16] = [
    Duration::from_micros(50),
    Duration::from_micros(100),
    Duration::from_micros(150),
    Duration::from_micros(200),
    Duration::from_micros(300),
    Duration::from_micros(500),
    Duration::from_micros(750),
    Duration::from_micros(1_000),
    Duration::from_micros(1_500),
    Duration::from_micros(2_000),
    Duration::from_micros(3_000),
    Duration::from_micros(4_000),
    Duration::from_micros(5_000),
    Duration::from_micros(7_500),
    Duration::from_micros(10_000),
    Duration::from_micros(20_000),
];

const BUCKETS: usize = BOUNDS.len() + 1;

/// The same in seconds, as text.
const SECONDS: [&str; BUCKETS] = [
    "0.00005", "0.0001", "0.00015", "0.0002", "0.0003", "0.0005", "0.00075", "0.001", "0.0015",
    "0.002", "0.003", "0.004", "0.005", "0.0075", "0.01", "0.02", "+Inf",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tick_overruns_that_begins_late_or_ends_after_the_next_is_due() {
        let due = t0();
        let mut lateness = Lateness::default();
        lateness.note(1, due, due + ms(5), due + ms(20));
        assert_eq!(lateness.overruns(), 0);
        lateness.note(2, due, due + ms(6), due + ms(7));
        assert_eq!(lateness.overruns(), 2);
        lateness.note(3, due, due, due + ms(21));
        assert_eq!(lateness.overruns(), 5);
    }

    #[test]
    fn every_tick_is_in_the_bucket_of_its_lateness() {
        let due = t0();
        let mut lateness = Lateness::default();
        for (n, bound) in BOUNDS.into_iter().enumerate() {
            lateness.note(n as u64 + 1, due, due + bound, due + bound);
        }
        lateness.note(1_000, due, due + ms(21), due + ms(21));
        let shared = SharedLateness::default();
        shared.publish(&mut lateness);
        let expected = BOUNDS.into_iter().map(Some).zip(1..).chain([(None, 1_000)]);
        assert!(shared.read().buckets().eq(expected));
        assert_eq!(shared.read(), lateness);
    }

    #[test]
    fn bounds_are_told_in_seconds_and_each_holds_those_before() {
        let due = t0();
        let mut lateness = Lateness::default();
        lateness.note(3, due, due, due);
        lateness.note(2, due, due + ms(4), due + ms(4));
        lateness.note(1, due, due + ms(47), due + ms(47));
        let mut sum = lateness;
        sum.merge(&lateness);
        assert_eq!((sum.overruns(), sum.take_most()), (2, ms(47)));
        for ((name, ticks), (bound, _)) in sum.within().zip(sum.buckets()) {
            match bound {
                Some(bound) => assert_eq!(name.parse(), Ok(bound.as_secs_f64())),
                None => assert_eq!(name, "+Inf"),
            }
            let expected = match bound {
                Some(bound) if bound < ms(4) => 6,
                Some(_) => 10,
                None => 12,
            };
            assert_eq!(ticks, expected, "{name}");
        }
    }

    #[test]
    fn the_largest_lateness_is_told_exactly_and_once() {
        let due = t0();
        let (mut lateness, shared) = (Lateness::default(), SharedLateness::default());
        for late in [ms(3), ms(47), ms(1)] {
            lateness.note(1, due, due + late, due + late);
            shared.publish(&mut lateness);
        }
        assert_eq!(shared.read().take_most(), ms(47));
        lateness.note(1, due, due + ms(2), due + ms(2));
        shared.publish(&mut lateness);
        assert_eq!(shared.read().take_most(), ms(2));
        assert_eq!(shared.read().take_most(), ms(0));
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
