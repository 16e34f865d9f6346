//! Who may have a connection, of those that have proved to be somebody's browser and of those that have not yet.
//!
//! A browser proves it a round trip after it has connected, and who never does is found out by being the one that has waited for
//! the longest. So a stranger for whom there is no place takes that one's: idle connections keep nobody out, not even those
//! who share their address.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv6Addr},
};

use crate::limit::{
    ICE_TCP_KNOWN_MAX, ICE_TCP_KNOWN_PER_LEG_MAX, ICE_TCP_STRANGERS_MAX,
    ICE_TCP_STRANGERS_PER_SOURCE_MAX,
};

/// A connection, by the order in which they come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Visitor(u64);

/// All connections.
#[derive(Default)]
pub(super) struct Places {
    latest: u64,
    /// What network each comes from.
    strangers: BTreeMap<Visitor, IpAddr>,
    /// Whose leg each leads to.
    known: BTreeMap<Visitor, String>,
    /// How many lead to each leg.
    of_leg: BTreeMap<String, usize>,
}

impl Places {
    /// Takes in a connection; returns it, and another that has to go for it.
    pub(super) fn arrive(&mut self, from: IpAddr) -> (Visitor, Option<Visitor>) {
        let from = network(from);
        let own = self.strangers.iter().filter(|(_, other)| **other == from);
        let displaced = if own.clone().count() >= ICE_TCP_STRANGERS_PER_SOURCE_MAX {
            own.map(|(visitor, _)| *visitor).next()
        } else if self.strangers.len() >= ICE_TCP_STRANGERS_MAX {
            self.strangers.keys().next().copied()
        } else {
            None
        };
        if let Some(displaced) = displaced {
            self.strangers.remove(&displaced);
        }
        self.latest += 1;
        let visitor = Visitor(self.latest);
        self.strangers.insert(visitor, from);
        (visitor, displaced)
    }

    /// Takes a connection for one of the leg of a user fragment; tells whether there is a place for it as such.
    pub(super) fn prove(&mut self, visitor: Visitor, ufrag: &str) -> bool {
        let own = self.of_leg.get(ufrag).copied().unwrap_or(0);
        let is_full = self.known.len() >= ICE_TCP_KNOWN_MAX || own >= ICE_TCP_KNOWN_PER_LEG_MAX;
        if is_full || self.strangers.remove(&visitor).is_none() {
            return false;
        }
        self.of_leg.insert(ufrag.to_owned(), own + 1);
        self.known.insert(visitor, ufrag.to_owned());
        true
    }

    /// Gives a connection's place to others.
    pub(super) fn leave(&mut self, visitor: Visitor) {
        self.strangers.remove(&visitor);
        let Some(ufrag) = self.known.remove(&visitor) else {
            return;
        };
        if let Some(own) = self.of_leg.get_mut(&ufrag) {
            *own -= 1;
            if *own == 0 {
                self.of_leg.remove(&ufrag);
            }
        }
    }

    /// How many connections there are: of strangers, and of those that are known.
    pub(super) fn count(&self) -> [usize; 2] {
        [self.strangers.len(), self.known.len()]
    }
}

impl std::fmt::Debug for Places {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Places").field(&self.count()).finish()
    }
}

/// What one network has of its own: an address of IPv4, the first half of one of IPv6.
pub(in crate::browser) fn network(from: IpAddr) -> IpAddr {
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
    use super::*;

    #[test]
    fn idle_connections_of_one_address_or_of_many_keep_nobody_out() {
        for sources in [1, 100_000] {
            let mut places = Places::default();
            for n in 0..10_000_u32 {
                places.arrive((n % sources).to_be_bytes().into());
            }
            let [strangers, _] = places.count();
            let most = [ICE_TCP_STRANGERS_PER_SOURCE_MAX, ICE_TCP_STRANGERS_MAX];
            assert_eq!(strangers, most[usize::from(sources > 1)]);
            // Even from their address, with as many after it as come within a round trip.
            let (browser, displaced) = places.arrive(0_u32.to_be_bytes().into());
            assert!(displaced.is_some());
            for n in (1..).take(ICE_TCP_STRANGERS_PER_SOURCE_MAX - 1) {
                let source: u32 = n % sources;
                places.arrive(source.to_be_bytes().into());
            }
            assert!(places.prove(browser, "anna"));
        }
    }

    #[test]
    fn one_address_displaces_no_other_while_there_is_room() {
        let mut places = Places::default();
        let (other, _) = places.arrive("198.51.100.7".parse().unwrap());
        for n in 0..1_000_u32 {
            // Of IPv6 everybody has a network.
            let address = format!("2001:db8::{n:x}");
            places.arrive(address.parse().unwrap());
        }
        let [strangers, _] = places.count();
        assert_eq!(strangers, 1 + ICE_TCP_STRANGERS_PER_SOURCE_MAX);
        assert!(places.prove(other, "anna"));
    }

    #[test]
    fn who_is_known_is_displaced_by_nobody_and_has_a_few_places() {
        let mut places = Places::default();
        let from = IpAddr::from([198, 51, 100, 7]);
        let mut arrive_as = |ufrag: &str| {
            let (visitor, _) = places.arrive(from);
            places.prove(visitor, ufrag).then_some(visitor)
        };
        let annas: Vec<_> = (0..100).filter_map(|_| arrive_as("anna")).collect();
        assert_eq!(annas.len(), ICE_TCP_KNOWN_PER_LEG_MAX);
        let others = (0..10_000).filter(|n| arrive_as(&n.to_string()).is_some());
        assert_eq!(others.count() + annas.len(), ICE_TCP_KNOWN_MAX);
        places.leave(annas[0]);
        let (visitor, _) = places.arrive(from);
        assert!(places.prove(visitor, "anna"));
        assert!(!places.prove(visitor, "anna"), "it is no stranger any more");
        for visitor in places.known.keys().copied().collect::<Vec<_>>() {
            places.leave(visitor);
        }
        assert!(places.of_leg.is_empty() && places.known.is_empty());
    }

    #[test]
    fn nobody_who_was_displaced_or_has_left_is_known() {
        let mut places = Places::default();
        let (first, _) = places.arrive([192, 0, 2, 1].into());
        places.leave(first);
        assert!(!places.prove(first, "anna"));
        assert_eq!(places.count(), [0, 0]);
    }
}
