//! Keeps workers from being overloaded: a leg is refused before it is opened, so that those who are in notice nothing.
//!
//! A worker says by its counters whether it has room; how fast legs may be opened is bounded here, since a worker
//! measures what they cost only afterwards.

use std::sync::{Arc, Mutex, PoisonError};

use super::{Error, conference::clock};
use crate::media::{Counter, Counters, load::Openings, pool::Pool};

/// The way to open a leg.
#[derive(Debug)]
pub(super) struct Gate {
    pool: Arc<Pool>,
    openings: Mutex<Vec<Openings>>,
}

impl Gate {
    pub(super) fn new(pool: Arc<Pool>) -> Self {
        let openings = pool.each().map(|_| Openings::new(clock())).collect();
        Self {
            pool,
            openings: Mutex::new(openings),
        }
    }

    /// Lets one leg be opened on a worker, or counts its refusal.
    pub(super) fn admit(&self, worker: usize) -> Result<(), Error> {
        let mut openings = self.openings.lock().unwrap_or_else(PoisonError::into_inner);
        let in_time = openings
            .get_mut(worker)
            .is_some_and(|openings| openings.take(clock()));
        if in_time && self.pool.admits(worker) {
            return Ok(());
        }
        self.pool.count_refused(worker);
        Err(Error::Overloaded)
    }
}

/// What was last said in the log about each worker.
#[derive(Debug, Default)]
pub(super) struct Watch(Vec<Shortage>);

/// How short of its core a worker is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Shortage {
    /// It does everything as well as it can.
    None,
    /// Its effort is reduced.
    Reduced,
    /// It takes no further legs.
    Full,
    /// Its thread has ended, and with it everything that was on it.
    Ended,
}

impl Watch {
    /// Says what has changed since the last look.
    pub(super) fn look(&mut self, pool: &Pool) {
        self.0.resize(pool.each().len(), Shortage::None);
        let states = pool.each().zip(pool.alive());
        for (worker, (before, (counters, alive))) in self.0.iter_mut().zip(states).enumerate() {
            let after = if alive {
                Shortage::of(&counters)
            } else {
                Shortage::Ended
            };
            if after == *before {
                continue;
            }
            *before = after;
            let permille = counters.of(Counter::LoadPermille);
            match after {
                Shortage::None => tracing::info!(worker, permille, "media worker has room again"),
                Shortage::Reduced => {
                    tracing::warn!(worker, permille, "media worker near its limit: less effort");
                }
                Shortage::Full => {
                    tracing::warn!(worker, permille, "media worker full: it takes no more legs");
                }
                Shortage::Ended => {
                    tracing::error!(worker, "media worker has ended: restart the server");
                }
            }
        }
    }
}

impl Shortage {
    const fn of(counters: &Counters) -> Self {
        if counters.of(Counter::LoadFull) > 0 {
            Self::Full
        } else if counters.of(Counter::EffortReduced) > 0 {
            Self::Reduced
        } else {
            Self::None
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::*;

    #[test]
    fn a_look_notes_what_a_worker_is_short_of() {
        let (pool, workers) = Pool::simulated(vec![Vec::new()]).unwrap();
        let mut watch = Watch::default();
        for (full, reduced, expected) in [
            (0, 0, Shortage::None),
            (0, 2, Shortage::Reduced),
            (1, 2, Shortage::Full),
            (1, 0, Shortage::Full),
            (0, 0, Shortage::None),
        ] {
            let mut counters = Counters::default();
            counters.set(Counter::LoadFull, full);
            counters.set(Counter::EffortReduced, reduced);
            workers[0].counters.publish(&counters);
            watch.look(&pool);
            assert_eq!(watch.0, [expected]);
        }
        workers[0].ended.store(true, Ordering::Release);
        watch.look(&pool);
        assert_eq!(watch.0, [Shortage::Ended]);
    }

    #[tokio::test(start_paused = true)]
    async fn legs_are_refused_beyond_a_rate_and_by_a_full_worker() {
        let (pool, workers) = Pool::simulated(vec![Vec::new(); 2]).unwrap();
        let gate = Gate::new(Arc::new(pool));
        let admitted = (0..1_000).filter(|_| gate.admit(0).is_ok()).count();
        assert_eq!(admitted, crate::limit::LEG_OPENINGS_BURST as usize);
        assert!(gate.admit(1).is_ok());
        let mut counters = Counters::default();
        counters.set(Counter::LoadFull, 1);
        workers[1].counters.publish(&counters);
        assert!(matches!(gate.admit(1), Err(Error::Overloaded)));
        assert!(matches!(gate.admit(2), Err(Error::Overloaded)));
        tokio::time::advance(std::time::Duration::from_secs(1)).await;
        assert!(gate.admit(0).is_ok());
        let refused = gate.pool.counters().of(Counter::LegsRefusedLoad);
        assert_eq!(refused, 1_000 - admitted as u64 + 1);
    }
}
