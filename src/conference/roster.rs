//! The roster as all participants see it: full snapshots and versioned deltas, after RFC 4575 §4.
//!
//! A delta carries whole entries, so applying one twice does no harm. A reader that holds version *n* applies version
//! *n* + 1, ignores what is not above *n*, and asks for a snapshot when it finds a gap.

pub use crate::conference::participant::Participant as Entry;
use serde::{Deserialize, Serialize};

use crate::id::ParticipantId;

/// What holds for the whole conference (RFC 4575 §5.5, `conference-state`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct ConferenceState {
    /// Only moderators are let in (RFC 4575 §5.5.3).
    pub locked: bool,
    /// A guest speaks only with the floor.
    pub ask_to_speak: bool,
}

/// The whole roster (RFC 4575: state "full").
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Snapshot {
    /// The version this is the state of.
    pub version: u64,
    /// What holds for all.
    pub state: ConferenceState,
    /// Everybody, by door and order of arrival.
    pub entries: Vec<Entry>,
}

/// What changed since the version before (RFC 4575: state "partial", with "deleted" users).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Delta {
    /// The version that the delta leads to.
    pub version: u64,
    /// What holds for all, as a whole.
    pub state: ConferenceState,
    /// Those who came or changed, each as a whole.
    pub entries: Vec<Entry>,
    /// Those who are gone.
    pub gone: Vec<ParticipantId>,
}

impl Snapshot {
    /// Applies a delta; returns whether the snapshot is up to date with it, `false` when versions are missing between.
    pub fn apply(&mut self, delta: &Delta) -> bool {
        if delta.version <= self.version {
            return true;
        }
        if delta.version != self.version + 1 {
            return false;
        }
        self.version = delta.version;
        self.state = delta.state;
        self.entries.retain(|entry| {
            !delta.gone.contains(&entry.id) && delta.entries.iter().all(|d| d.id != entry.id)
        });
        self.entries.extend(delta.entries.iter().cloned());
        self.sort();
        true
    }

    /// Puts the entries in order.
    pub(super) fn sort(&mut self) {
        self.entries
            .sort_by_key(|entry| (entry.door, entry.ordinal));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        conference::participant::{Door, Role, Status},
        id::LegId,
    };

    fn entry(number: u32) -> Entry {
        Entry {
            id: ParticipantId::from_u64(number.into()),
            leg: LegId::from_u64(number.into()),
            name: None,
            ordinal: number,
            role: Role::Guest,
            door: Door::Phone,
            status: Status::Connected,
            microphone: false,
            speaking: false,
            original_sound: false,
            hand: None,
            floor: false,
            disturbs: None,
        }
    }

    fn delta(version: u64, entries: Vec<Entry>, gone: &[u64]) -> Delta {
        Delta {
            version,
            state: ConferenceState::default(),
            entries,
            gone: gone.iter().map(|&id| ParticipantId::from_u64(id)).collect(),
        }
    }

    #[test]
    fn deltas_in_sequence_add_change_and_delete() {
        let mut roster = Snapshot::default();
        assert!(roster.apply(&delta(1, vec![entry(2), entry(1)], &[])));
        let changed = Entry {
            microphone: true,
            ..entry(2)
        };
        assert!(roster.apply(&delta(2, vec![changed.clone()], &[1])));
        assert_eq!(
            roster,
            Snapshot {
                version: 2,
                state: ConferenceState::default(),
                entries: vec![changed]
            }
        );
    }

    #[test]
    fn a_delta_seen_before_changes_nothing() {
        let mut roster = Snapshot {
            version: 5,
            state: ConferenceState::default(),
            entries: vec![entry(1)],
        };
        assert!(roster.apply(&delta(5, vec![], &[1])));
        assert_eq!(roster.entries.len(), 1);
    }

    #[test]
    fn a_gap_is_noticed() {
        let mut roster = Snapshot {
            version: 5,
            state: ConferenceState::default(),
            entries: vec![entry(1)],
        };
        assert!(!roster.apply(&delta(7, vec![], &[1])));
        assert_eq!(
            roster,
            Snapshot {
                version: 5,
                state: ConferenceState::default(),
                entries: vec![entry(1)]
            }
        );
    }
}
