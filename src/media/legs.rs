//! All legs of a shard, each in a slot of its own: found by id once per datagram, by slot in the tick.
//!
//! Invariant: a leg keeps its slot for as long as it is here; the order of the slots is that of arrival, so that nothing
//! depends on how ids are hashed.

use super::leg::Leg;
use crate::id::{LegId, LegMap};

/// Where a leg is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Slot(usize);

#[cfg(test)]
impl Slot {
    pub(super) const fn from_index(index: usize) -> Self {
        Self(index)
    }
}

/// The legs.
#[derive(Debug, Default)]
pub(super) struct Legs {
    slots: Vec<Option<Box<Leg>>>,
    vacant: Vec<Slot>,
    by_id: LegMap<Slot>,
}

impl Legs {
    /// Returns how many there are.
    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Returns their ids.
    pub(super) fn ids(&self) -> Vec<LegId> {
        let legs = self.slots.iter().flatten();
        legs.map(|leg| leg.id()).collect()
    }

    /// Adds a leg; one of the same id must not be here.
    pub(super) fn insert(&mut self, leg: Box<Leg>) -> Slot {
        let slot = self.vacant.pop().unwrap_or(Slot(self.slots.len()));
        if slot.0 == self.slots.len() {
            self.slots.push(None);
        }
        self.by_id.insert(leg.id(), slot);
        self.slots[slot.0] = Some(leg);
        slot
    }

    /// Takes a leg out.
    pub(super) fn remove(&mut self, id: LegId) -> Option<Box<Leg>> {
        let slot = self.by_id.remove(&id)?;
        self.vacant.push(slot);
        self.slots[slot.0].take()
    }

    /// Returns where a leg is.
    pub(super) fn slot(&self, id: LegId) -> Option<Slot> {
        self.by_id.get(&id).copied()
    }

    /// Returns the leg in a slot.
    pub(super) fn at(&mut self, slot: Slot) -> Option<&mut Leg> {
        self.slots.get_mut(slot.0)?.as_deref_mut()
    }

    /// Returns a leg.
    pub(super) fn by_id(&mut self, id: LegId) -> Option<&mut Leg> {
        self.at(self.slot(id)?)
    }
}
