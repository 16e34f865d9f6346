//! How many wrong links may come from an address: each costs a look-up and tells whether there is such a room.
//!
//! A link has 128 bits, so nobody finds one by trying; the limit keeps those who try all the same from costing more than
//! others leave. A right link costs nothing, so a school behind one address comes in at once. Who tries takes that from the
//! others behind the same address for as long as it goes on.

use std::{
    collections::BTreeMap,
    fmt,
    net::{IpAddr, Ipv6Addr},
    sync::{Mutex, PoisonError},
    time::Instant,
};

use super::budget::Budget;
use crate::limit::{WRONG_LINK_BURST, WRONG_LINK_SOURCES_MAX, WRONG_LINKS_PER_SECOND};

/// What each address has left.
#[derive(Default)]
pub(super) struct Sources(Mutex<BTreeMap<IpAddr, Budget>>);

impl Sources {
    /// Counts a link as a wrong one; tells whether it is to be judged at all.
    pub(super) fn count(&self, from: IpAddr, now: Instant) -> bool {
        self.with(from, now, |budget| budget.take(now))
    }

    /// Takes back what was counted for a link that was right.
    pub(super) fn take_back(&self, from: IpAddr, now: Instant) {
        self.with(from, now, Budget::give_back);
    }

    fn with<R>(&self, from: IpAddr, now: Instant, ask: impl FnOnce(&mut Budget) -> R) -> R {
        let mut sources = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let source = network(from);
        if sources.len() >= WRONG_LINK_SOURCES_MAX && !sources.contains_key(&source) {
            sources.retain(|_, budget| !budget.is_full(now));
            if sources.len() >= WRONG_LINK_SOURCES_MAX {
                sources.clear();
            }
        }
        let fresh = || Budget::new(WRONG_LINK_BURST, WRONG_LINKS_PER_SECOND, now);
        ask(sources.entry(source).or_insert_with(fresh))
    }
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sources(‹redacted›)")
    }
}

/// What one network has of its own: an address of IPv4, the first half of one of IPv6.
fn network(from: IpAddr) -> IpAddr {
    match from.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        canonical @ IpAddr::V4(_) => canonical,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn who_tries_is_judged_no_more_while_others_are() {
        let now = t0();
        let sources = Sources::default();
        let judged = |from: &str, tries, now| {
            let from: IpAddr = from.parse().unwrap();
            (0..tries).filter(|_| sources.count(from, now)).count()
        };
        let burst = WRONG_LINK_BURST as usize;
        assert_eq!(judged("198.51.100.1", 10_000, now), burst);
        assert_eq!(judged("::ffff:198.51.100.1", 1, now), 0, "it is the same");
        assert_eq!(judged("198.51.100.2", 1, now), 1);
        // Of IPv6 everybody has a network.
        assert_eq!(judged("2001:db8::1", 10_000, now), burst);
        assert_eq!(judged("2001:db8::ffff:1", 1, now), 0);
        assert_eq!(judged("2001:db8:0:1::1", 1, now), 1);
        let later = now + Duration::from_secs(10);
        let rate = 10 * WRONG_LINKS_PER_SECOND as usize;
        assert_eq!(judged("198.51.100.1", 10_000, later), rate);
        // Right ones cost nothing.
        let school: IpAddr = "198.51.100.3".parse().unwrap();
        for _ in 0..10_000 {
            assert!(sources.count(school, now));
            sources.take_back(school, now);
        }
    }

    #[test]
    fn the_table_is_bounded() {
        let now = t0();
        let sources = Sources::default();
        for number in 0..100_000_u32 {
            sources.count(number.to_be_bytes().into(), now);
        }
        let length = sources.0.lock().unwrap().len();
        assert!(length <= WRONG_LINK_SOURCES_MAX, "{length}");
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the base instant of a simulated run"
    )]
    fn t0() -> Instant {
        Instant::now()
    }
}
