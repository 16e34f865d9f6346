//! The timers of RFC 3261 (appendix A) and the table of what is due when.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use super::{CallRef, Flow, TrunkRef};

/// The estimate of a round trip.
pub(crate) const T1: Duration = Duration::from_millis(500);
/// The longest interval between retransmissions.
pub(crate) const T2: Duration = Duration::from_secs(4);
/// How long a message may stay in the network.
pub(crate) const T4: Duration = Duration::from_secs(5);
/// Timers B, D, F, H, J, L and M: when a transaction gives up or has waited long enough.
pub(crate) const PATIENCE: Duration = Duration::from_secs(32);

/// Retransmission at intervals that double from T1, up to T2 (timers E and G, and the 2xx of §13.3.1.4) or without end
/// (timer A).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Backoff {
    at: Instant,
    interval: Duration,
    most: Duration,
}

impl Backoff {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            at: now + T1,
            interval: T1,
            most: T2,
        }
    }

    /// The intervals of an INVITE, which only timer B ends.
    pub(crate) fn of_invite(now: Instant) -> Self {
        Self {
            most: PATIENCE,
            ..Self::new(now)
        }
    }

    pub(crate) fn at(&self) -> Instant {
        self.at
    }

    /// Whether it is time to send again; if so, the next time is set.
    pub(crate) fn fires(&mut self, now: Instant) -> bool {
        let due = self.at <= now;
        if due {
            self.interval = (self.interval * 2).min(self.most);
            self.at = now + self.interval;
        }
        due
    }

    /// Goes to the longest interval, as timer E does after a provisional response.
    pub(crate) fn slow_down(&mut self) {
        self.interval = T2;
    }
}

/// Who waits for a deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Owner {
    /// A server transaction.
    Server(u64),
    /// A client transaction.
    Client(u64),
    /// A call.
    Call(CallRef),
    /// A call of ours that is not answered yet.
    Outgoing(CallRef),
    /// The registration of a trunk.
    Registration(TrunkRef),
    /// The question whether a trunk is there.
    Probe(TrunkRef),
    /// A message that arrives in pieces.
    Stream(Flow),
}

/// The timer table: at most one deadline per owner, ordered by time.
#[derive(Debug, Default)]
pub(crate) struct Schedule {
    queue: BTreeSet<(Instant, Owner)>,
    deadlines: BTreeMap<Owner, Instant>,
}

impl Schedule {
    /// Sets, moves or clears the deadline of `owner`.
    pub(crate) fn set(&mut self, owner: Owner, deadline: Option<Instant>) {
        if let Some(old) = self.deadlines.remove(&owner) {
            self.queue.remove(&(old, owner));
        }
        if let Some(at) = deadline {
            self.deadlines.insert(owner, at);
            self.queue.insert((at, owner));
        }
    }

    /// The earliest deadline.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.queue.first().map(|(at, _)| *at)
    }

    /// Takes one owner whose deadline has come.
    pub(crate) fn take_due(&mut self, now: Instant) -> Option<Owner> {
        let (at, owner) = *self.queue.first()?;
        if at > now {
            return None;
        }
        self.set(owner, None);
        Some(owner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(
        clippy::disallowed_methods,
        reason = "the base instant of a simulated run"
    )]
    fn t0() -> Instant {
        Instant::now()
    }

    #[test]
    fn intervals_double_up_to_t2() {
        let start = t0();
        let mut backoff = Backoff::new(start);
        let mut at = Vec::new();
        for _ in 0..6 {
            let now = backoff.at();
            assert!(!backoff.fires(now - Duration::from_millis(1)));
            assert!(backoff.fires(now));
            at.push(now.duration_since(start).as_millis());
        }
        assert_eq!(at, [500, 1_500, 3_500, 7_500, 11_500, 15_500]);
    }

    #[test]
    fn an_owner_has_one_deadline() {
        let now = t0();
        let mut schedule = Schedule::default();
        schedule.set(Owner::Server(1), Some(now + T1));
        schedule.set(Owner::Server(2), Some(now + T2));
        schedule.set(Owner::Server(1), Some(now + T4));
        assert_eq!(schedule.next(), Some(now + T2));
        assert_eq!(schedule.take_due(now), None);
        assert_eq!(schedule.take_due(now + T4), Some(Owner::Server(2)));
        assert_eq!(schedule.take_due(now + T4), Some(Owner::Server(1)));
        assert_eq!(schedule.next(), None);
    }
}
