//! Links from an address that tries many wrong ones: each is judged, but one after the other.
//!
//! A link has 128 bits, so nobody finds one by trying, and no right one has to be refused in order to keep them from it: a
//! school behind one address, or everybody behind a proxy, comes in whatever a neighbour tries. What trying costs is a
//! look-up in two indices. Beyond [`WRONG_LINK_BURST`] the links of an address, right and wrong ones alike, stand in one
//! line, so that whoever tries from there has the database do one thing at a time, whatever the number of their
//! connections. The right ones wait in that line for as long as the connections before them take: a fraction of a
//! millisecond each.

use std::{
    collections::BTreeMap,
    fmt,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use super::{budget::Budget, house::Unavailable, tcp::network};
use crate::limit::{
    LINK_PATIENCE, WRONG_LINK_BURST, WRONG_LINK_SOURCES_MAX, WRONG_LINKS_PER_SECOND,
};

/// What each address has left.
#[derive(Default)]
pub(super) struct Sources(Mutex<BTreeMap<IpAddr, Source>>);

struct Source {
    /// Wrong links, and those that are being judged.
    budget: Budget,
    line: Arc<Semaphore>,
}

/// Leave to look a link up; dropping it lets the next one of its line.
#[derive(Debug)]
pub(super) enum Turn {
    /// It is counted, and judged beside others.
    Counted,
    /// It is the first of its line.
    First(#[expect(dead_code, reason = "it is held")] OwnedSemaphorePermit),
}

impl Sources {
    /// Counts a link as a wrong one, and waits until it may be looked up.
    ///
    /// # Errors
    ///
    /// Fails when those before it take longer than [`LINK_PATIENCE`], as they do when the database does not answer.
    pub(super) async fn turn(&self, from: IpAddr, now: Instant) -> Result<Turn, Unavailable> {
        let Some(line) = self.with(from, now, |source| source.count(now)) else {
            return Ok(Turn::Counted);
        };
        match timeout(LINK_PATIENCE, line.acquire_owned()).await {
            Ok(Ok(place)) => Ok(Turn::First(place)),
            Ok(Err(_)) | Err(_) => Err(Unavailable),
        }
    }

    /// Takes back what was counted for a link that was right, if it was.
    pub(super) fn take_back(&self, turn: &Turn, from: IpAddr, now: Instant) {
        if matches!(turn, Turn::Counted) {
            self.with(from, now, |source| source.budget.give_back());
        }
    }

    fn with<R>(&self, from: IpAddr, now: Instant, ask: impl FnOnce(&mut Source) -> R) -> R {
        let mut sources = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let source = network(from);
        if sources.len() >= WRONG_LINK_SOURCES_MAX && !sources.contains_key(&source) {
            sources.retain(|_, source| !source.budget.is_full(now));
            if sources.len() >= WRONG_LINK_SOURCES_MAX {
                sources.clear();
            }
        }
        ask(sources.entry(source).or_insert_with(|| Source::new(now)))
    }
}

impl Source {
    fn new(now: Instant) -> Self {
        Self {
            budget: Budget::new(WRONG_LINK_BURST, WRONG_LINKS_PER_SECOND, now),
            line: Arc::new(Semaphore::new(1)),
        }
    }

    /// Counts a link; returns the line it has to stand in, if it has to.
    fn count(&mut self, now: Instant) -> Option<Arc<Semaphore>> {
        (!self.budget.take(now)).then(|| self.line.clone())
    }
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sources(‹redacted›)")
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn who_tries_stands_in_line_while_others_do_not() {
        let now = t0();
        let sources = Sources::default();
        let at_once = |from: &str, tries, now| {
            let from: IpAddr = from.parse().unwrap();
            let count = || sources.with(from, now, |source| source.count(now));
            (0..tries).filter(|_| count().is_none()).count()
        };
        let burst = WRONG_LINK_BURST as usize;
        assert_eq!(at_once("198.51.100.1", 10_000, now), burst);
        assert_eq!(at_once("::ffff:198.51.100.1", 1, now), 0, "it is the same");
        assert_eq!(at_once("198.51.100.2", 1, now), 1);
        // Of IPv6 everybody has a network.
        assert_eq!(at_once("2001:db8::1", 10_000, now), burst);
        assert_eq!(at_once("2001:db8::ffff:1", 1, now), 0);
        assert_eq!(at_once("2001:db8:0:1::1", 1, now), 1);
        let later = now + Duration::from_secs(10);
        let rate = 10 * WRONG_LINKS_PER_SECOND as usize;
        assert_eq!(at_once("198.51.100.1", 10_000, later), rate);
        // Right ones cost nothing.
        for _ in 0..10_000 {
            assert_eq!(at_once("198.51.100.3", 1, now), 1);
            sources.take_back(&Turn::Counted, "198.51.100.3".parse().unwrap(), now);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_line_moves_one_by_one_and_waits_no_longer_than_its_patience() {
        let now = t0();
        let sources = Sources::default();
        let from: IpAddr = "198.51.100.1".parse().unwrap();
        let mut turns = Vec::new();
        for _ in 0..=WRONG_LINK_BURST {
            turns.push(sources.turn(from, now).await.unwrap());
        }
        // The last of them holds the line, as one that is being looked up does.
        let began = tokio::time::Instant::now();
        assert_eq!(sources.turn(from, now).await.unwrap_err(), Unavailable);
        assert_eq!(began.elapsed(), LINK_PATIENCE);
        turns.pop();
        let turn = sources.turn(from, now).await.unwrap();
        // A right one from the line gives nothing back, since it took nothing.
        sources.take_back(&turn, from, now);
        assert!(matches!(turn, Turn::First(_)));
        drop(turn);
        assert!(matches!(sources.turn(from, now).await, Ok(Turn::First(_))));
        // Those in line elsewhere are none of its.
        let elsewhere: IpAddr = "198.51.100.2".parse().unwrap();
        assert!(sources.turn(elsewhere, now).await.is_ok());
    }

    #[test]
    fn the_table_is_bounded() {
        let now = t0();
        let sources = Sources::default();
        for number in 0..100_000_u32 {
            let from = number.to_be_bytes().into();
            sources.with(from, now, |source| source.count(now));
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
