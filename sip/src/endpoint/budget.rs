//! What strangers may cost who send from a listed address, or say that they do: answers that no transaction remembers, by
//! number and second, and all that is sent to who has not proved to be there, by octets.

use std::{
    collections::BTreeMap,
    fmt,
    net::{IpAddr, Ipv6Addr},
    time::{Duration, Instant},
};

use super::Origin;
use crate::limit;

/// How many answers of a kind were sent in the running second, in all and to each party: one that floods us must not use up
/// what the others need, whatever addresses it writes into its requests.
#[derive(Debug)]
pub(super) struct Answers {
    most: u32,
    most_each: u32,
    since: Option<Instant>,
    used: u32,
    by_origin: BTreeMap<Origin, u32>,
}

impl Answers {
    /// Refusals for want of room.
    pub(super) const fn refusals() -> Self {
        Self::new(
            limit::OVERLOAD_ANSWERS_PER_SECOND,
            limit::OVERLOAD_ANSWERS_PER_SOURCE,
        )
    }

    /// What no transaction remembers.
    pub(super) const fn stateless() -> Self {
        Self::new(
            limit::STATELESS_ANSWERS_PER_SECOND,
            limit::STATELESS_ANSWERS_PER_SOURCE,
        )
    }

    const fn new(most: u32, most_each: u32) -> Self {
        Self {
            most,
            most_each,
            since: None,
            used: 0,
            by_origin: BTreeMap::new(),
        }
    }

    pub(super) fn allows(&mut self, origin: Origin, now: Instant) -> bool {
        if begins(&mut self.since, now) {
            self.used = 0;
            self.by_origin.clear();
        }
        // There are never more of them than answers, so the table is bounded too.
        if self.used >= self.most {
            return false;
        }
        let used = self.by_origin.entry(origin).or_default();
        if *used >= self.most_each {
            return false;
        }
        *used += 1;
        self.used += 1;
        true
    }
}

/// What may be sent to the source of a datagram before it has proved that it gets what we send.
///
/// Whoever forges the address of a listed peer has us answer that peer: an INVITE by 100 and 200, the 200 ten times more and
/// at last a BYE. So what comes in pays for what goes out, and beyond that there is a small purse for each address. Only who
/// reads our messages knows our tag or our branch and can acknowledge or answer them, so that fills the purse again; a carrier
/// never gets to its bottom.
#[derive(Default)]
pub(super) struct Purses {
    by_source: BTreeMap<IpAddr, Purse>,
    swept_at: Option<Instant>,
}

/// The purse of an address.
#[derive(Clone, Copy)]
struct Purse {
    octets: usize,
    at: Instant,
}

/// What a message to somebody unproven is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Message {
    /// The first response to something that came.
    Response,
    /// Something said again, or said because nothing came: half of the purse is kept for responses.
    Reminder,
}

impl fmt::Debug for Purses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Purses")
            .field("sources", &self.by_source.len())
            .finish_non_exhaustive()
    }
}

impl Purses {
    /// So many octets came from there.
    pub(super) fn earn(&mut self, source: IpAddr, octets: usize, now: Instant) {
        let purse = self.of(source, now);
        purse.octets = (purse.octets + octets).min(limit::UNPROVEN_OCTETS);
    }

    /// Somebody there has read what we sent.
    pub(super) fn prove(&mut self, source: IpAddr, now: Instant) {
        self.earn(source, limit::PROVEN_OCTETS, now);
    }

    /// Takes so many octets out, if they are there.
    pub(super) fn pay(
        &mut self,
        source: IpAddr,
        octets: usize,
        message: Message,
        now: Instant,
    ) -> bool {
        let kept = match message {
            Message::Response => 0,
            Message::Reminder => limit::UNPROVEN_OCTETS / 2,
        };
        let purse = self.of(source, now);
        let enough = purse.octets >= octets + kept;
        if enough {
            purse.octets -= octets;
        }
        enough
    }

    /// The purse of an address as it is now. Beyond the limit of addresses further ones share one.
    fn of(&mut self, source: IpAddr, now: Instant) -> &mut Purse {
        let mut source = source.to_canonical();
        if !self.by_source.contains_key(&source) && self.by_source.len() >= limit::PURSES {
            if begins(&mut self.swept_at, now) {
                self.by_source.retain(|_, purse| {
                    purse.fill(now);
                    purse.octets < limit::UNPROVEN_OCTETS
                });
            }
            if self.by_source.len() >= limit::PURSES {
                source = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
            }
        }
        let purse = self.by_source.entry(source).or_insert(Purse {
            octets: limit::UNPROVEN_OCTETS,
            at: now,
        });
        purse.fill(now);
        purse
    }
}

impl Purse {
    /// Adds what time brings.
    fn fill(&mut self, now: Instant) {
        let seconds = now.saturating_duration_since(self.at).as_secs();
        let octets = usize::try_from(seconds)
            .unwrap_or(usize::MAX)
            .saturating_mul(limit::UNPROVEN_OCTETS_PER_SECOND);
        self.octets = self
            .octets
            .saturating_add(octets)
            .min(limit::UNPROVEN_OCTETS);
        self.at += Duration::from_secs(seconds);
    }
}

/// Whether a new second begins.
fn begins(since: &mut Option<Instant>, now: Instant) -> bool {
    let over =
        since.is_none_or(|since| now.saturating_duration_since(since) >= Duration::from_secs(1));
    if over {
        *since = Some(now);
    }
    over
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(
        clippy::disallowed_methods,
        reason = "the base instant of a simulated run"
    )]
    fn a_flood_from_one_source_leaves_room_for_others_and_many_sources_share_one_bound() {
        let now = Instant::now();
        let source = |number: u32| Origin::Address(IpAddr::from(number.to_be_bytes()));
        let mut answers = Answers::stateless();
        let mut of = |number, now| {
            (0..10_000_u32).fold(0, |sent, _| {
                sent + u32::from(answers.allows(source(number), now))
            })
        };
        assert_eq!(of(1, now), limit::STATELESS_ANSWERS_PER_SOURCE);
        assert_eq!(of(2, now), limit::STATELESS_ANSWERS_PER_SOURCE);
        let rest: u32 = (3..100).map(|number| of(number, now)).sum();
        assert_eq!(
            rest,
            limit::STATELESS_ANSWERS_PER_SECOND - 2 * limit::STATELESS_ANSWERS_PER_SOURCE
        );
        assert_eq!(
            of(1, now + Duration::from_secs(1)),
            limit::STATELESS_ANSWERS_PER_SOURCE
        );
    }

    #[test]
    #[expect(
        clippy::disallowed_methods,
        reason = "the base instant of a simulated run"
    )]
    fn purses_are_bounded_and_filled_by_time_and_proof() {
        const FULL: usize = limit::UNPROVEN_OCTETS;
        let now = Instant::now();
        let source = |number: u32| IpAddr::from(number.to_be_bytes());
        let mut purses = Purses::default();
        assert!(!purses.pay(source(1), FULL, Message::Reminder, now));
        assert!(purses.pay(source(1), FULL / 2, Message::Reminder, now));
        assert!(!purses.pay(source(1), 1, Message::Reminder, now));
        assert!(purses.pay(source(1), FULL / 2, Message::Response, now));
        assert!(!purses.pay(source(1), 1, Message::Response, now));
        purses.earn(source(1), 500, now);
        assert!(!purses.pay(source(1), 501, Message::Response, now));
        assert!(purses.pay(source(1), 500, Message::Response, now));
        purses.prove(source(1), now);
        assert!(purses.pay(source(1), limit::PROVEN_OCTETS, Message::Response, now));
        let later = now + Duration::from_millis(1_500);
        let second = limit::UNPROVEN_OCTETS_PER_SECOND;
        assert!(purses.pay(source(1), second, Message::Response, later));
        assert!(!purses.pay(source(1), 1, Message::Response, later));
        assert!(purses.pay(source(2), FULL, Message::Response, later));
        // Further addresses share one purse until others are full again.
        for number in 3..100_000 {
            let paid = purses.pay(source(number), FULL, Message::Response, later);
            let own = number < 1 + u32::try_from(limit::PURSES).unwrap();
            assert!(paid == own || (paid && number == 1 + u32::try_from(limit::PURSES).unwrap()));
        }
        assert!(purses.by_source.len() <= limit::PURSES + 1);
        let refilled = later + Duration::from_secs(3_600);
        assert!(purses.pay(source(100_000), FULL, Message::Response, refilled));
        assert!(purses.by_source.len() <= 2);
    }
}
