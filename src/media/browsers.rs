//! Which browser's leg a datagram on a shared socket belongs to.
//!
//! A binding request names the leg by our user fragment (RFC 8445 §7.2.2), unauthenticated; once the leg has
//! authenticated one, its path belongs to the leg, and everything else on that path goes there. The latest
//! authenticated request wins a path, so that an address a NAT gives to someone else follows.

use std::{
    collections::{BTreeMap, HashMap},
    net::SocketAddr,
};

use super::{leg::secure::stun_ufrag, legs::Slot};
use crate::{id::LegId, limit::PATHS_PER_LEG};

type Path = (usize, SocketAddr);

/// The ways to find a browser's leg.
#[derive(Default)]
pub(super) struct Browsers {
    by_ufrag: HashMap<String, Place>,
    by_path: HashMap<Path, Place>,
    known: BTreeMap<LegId, Known>,
}

/// A leg and where it is, so that a packet needs no second look-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    leg: LegId,
    slot: Slot,
}

/// What leads to one leg.
struct Known {
    ufrag: String,
    slot: Slot,
    /// The oldest first.
    paths: Vec<Path>,
}

impl Browsers {
    /// Expects binding requests for a leg.
    pub(super) fn expect(&mut self, leg: LegId, slot: Slot, ufrag: String) {
        self.by_ufrag.insert(ufrag.clone(), Place { leg, slot });
        let known = Known {
            ufrag,
            slot,
            paths: Vec::new(),
        };
        self.known.insert(leg, known);
    }

    /// Finds the leg of a datagram.
    pub(super) fn find(&self, socket: usize, from: SocketAddr, bytes: &[u8]) -> Option<Slot> {
        let named = stun_ufrag(bytes).and_then(|ufrag| self.by_ufrag.get(ufrag));
        let place = named.or_else(|| self.by_path.get(&(socket, from)))?;
        Some(place.slot)
    }

    /// Gives a path to a leg.
    pub(super) fn bind(&mut self, leg: LegId, socket: usize, from: SocketAddr) {
        let path = (socket, from);
        let Some(known) = self.known.get_mut(&leg) else {
            return;
        };
        let slot = known.slot;
        let before = self.by_path.insert(path, Place { leg, slot });
        if before.is_some_and(|before| before.leg == leg) {
            return;
        }
        if known.paths.len() >= PATHS_PER_LEG {
            self.by_path.remove(&known.paths.remove(0));
        }
        known.paths.push(path);
        if let Some(other) = before.and_then(|before| self.known.get_mut(&before.leg)) {
            other.paths.retain(|known| *known != path);
        }
    }

    /// Forgets a leg.
    pub(super) fn forget(&mut self, leg: LegId) {
        let Some(known) = self.known.remove(&leg) else {
            return;
        };
        let named = self.by_ufrag.get(&known.ufrag);
        if named.is_some_and(|place| place.leg == leg) {
            self.by_ufrag.remove(&known.ufrag);
        }
        for path in known.paths {
            self.by_path.remove(&path);
        }
    }
}

impl std::fmt::Debug for Browsers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Browsers")
            .field("legs", &self.known.len())
            .field("paths", &self.by_path.len())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANNA: LegId = LegId::from_u64(1);
    const BERT: LegId = LegId::from_u64(2);
    const ANNAS: Slot = Slot::from_index(10);
    const BERTS: Slot = Slot::from_index(20);

    #[test]
    fn the_latest_authenticated_leg_has_the_path() {
        let mut browsers = browsers();
        browsers.bind(ANNA, 0, address(1));
        browsers.bind(BERT, 0, address(1));
        assert_eq!(browsers.find(0, address(1), &[]), Some(BERTS));
        browsers.forget(ANNA);
        assert_eq!(browsers.find(0, address(1), &[]), Some(BERTS));
        assert_eq!(browsers.find(1, address(1), &[]), None);
        browsers.forget(BERT);
        assert_eq!(browsers.find(0, address(1), &[]), None);
    }

    #[test]
    fn a_leg_has_a_bounded_number_of_paths() {
        let mut browsers = browsers();
        for port in 1..1_000 {
            browsers.bind(ANNA, 0, address(port));
        }
        assert_eq!(browsers.by_path.len(), PATHS_PER_LEG);
        assert_eq!(browsers.find(0, address(999), &[]), Some(ANNAS));
        assert_eq!(browsers.find(0, address(1), &[]), None);
    }

    #[test]
    fn nothing_remains_of_a_forgotten_leg() {
        let mut browsers = browsers();
        browsers.bind(ANNA, 0, address(1));
        browsers.forget(ANNA);
        browsers.forget(BERT);
        let rest = (
            browsers.by_ufrag.len(),
            browsers.by_path.len(),
            browsers.known.len(),
        );
        assert_eq!(rest, (0, 0, 0));
    }

    fn browsers() -> Browsers {
        let mut browsers = Browsers::default();
        browsers.expect(ANNA, ANNAS, "anna".to_owned());
        browsers.expect(BERT, BERTS, "bert".to_owned());
        browsers
    }

    fn address(port: u16) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 1], port))
    }
}
