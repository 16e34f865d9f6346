//! The roster as all participants see it: full snapshots and versioned deltas, after RFC 4575 §4.
//!
//! A delta carries whole entries, so applying one twice does no harm. A reader that holds version *n* applies version
//! *n* + 1, ignores what is not above *n*, and asks for a snapshot when it finds a gap.
//!
//! Who waits or is being called sees themself alone, who is inside sees who is inside or being called, and moderators see who waits as well: the same versions
//! for all, with what is not for the [`Audience`] left out.

pub use crate::conference::participant::Participant as Entry;
use serde::{Deserialize, Serialize};

use crate::{
    conference::{
        participant::Role,
        policy::{EntrySignal, Lobby},
    },
    id::ParticipantId,
};

/// What holds for the whole conference (RFC 4575 §5.5, `conference-state`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct ConferenceState {
    /// Only moderators are let in (RFC 4575 §5.5.3).
    pub locked: bool,
    /// A guest speaks only with the floor.
    pub ask_to_speak: bool,
    /// Who waits before they are let in.
    pub lobby: Lobby,
    /// What is heard of people who come and go, while they are few enough.
    pub entry_signal: EntrySignal,
    /// With more people inside than that nothing is heard of it.
    pub quiet_above: u16,
    /// Somebody guesses PINs, and all newcomers wait; moderators alone are told.
    pub alarm: bool,
}

/// For whose eyes a roster is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Audience {
    /// Who waits, and sees nothing but that.
    Waiting(ParticipantId),
    /// Who is inside.
    Inside,
    /// Moderators inside.
    Moderators,
}

impl Audience {
    /// For whose eyes a roster is that somebody gets.
    pub fn of(entry: &Entry) -> Self {
        match (entry.is_inside(), entry.role) {
            (false, _) => Self::Waiting(entry.id),
            (true, Role::Guest) => Self::Inside,
            (true, Role::Moderator) => Self::Moderators,
        }
    }

    fn sees(self, entry: &Entry) -> bool {
        match self {
            Self::Waiting(own) => entry.id == own,
            Self::Inside => entry.is_inside() || entry.is_called(),
            Self::Moderators => true,
        }
    }

    /// What of an entry is for these eyes: nobody but moderators sees digits of a number.
    fn part_of(self, entry: &Entry) -> Entry {
        let ending = entry.ending.clone();
        Entry {
            ending: ending.filter(|_| self == Self::Moderators),
            ..entry.clone()
        }
    }

    fn sees_of(self, state: ConferenceState) -> ConferenceState {
        match self {
            Self::Waiting(_) => ConferenceState::default(),
            Self::Inside => ConferenceState {
                alarm: false,
                ..state
            },
            Self::Moderators => state,
        }
    }
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
    /// Those who are gone without having been inside.
    pub gone_waiting: Vec<ParticipantId>,
}

impl Delta {
    /// Returns what of it is for these eyes; everything that others know is left out, the version stays.
    #[must_use]
    pub fn seen_by(&self, audience: Audience) -> Self {
        let seen = |ids: &Vec<ParticipantId>, sees: bool| if sees { ids.clone() } else { vec![] };
        let entries = self.entries.iter().filter(|entry| audience.sees(entry));
        Self {
            version: self.version,
            state: audience.sees_of(self.state),
            entries: entries.map(|entry| audience.part_of(entry)).collect(),
            gone: seen(&self.gone, !matches!(audience, Audience::Waiting(_))),
            gone_waiting: seen(&self.gone_waiting, audience == Audience::Moderators),
        }
    }

    /// Everybody who is gone.
    pub fn all_gone(&self) -> impl Iterator<Item = ParticipantId> {
        self.gone.iter().chain(&self.gone_waiting).copied()
    }
}

impl Snapshot {
    /// Returns what of it is for these eyes.
    #[must_use]
    pub fn seen_by(&self, audience: Audience) -> Self {
        let entries = self.entries.iter().filter(|entry| audience.sees(entry));
        Self {
            version: self.version,
            state: audience.sees_of(self.state),
            entries: entries.map(|entry| audience.part_of(entry)).collect(),
        }
    }

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
            delta.all_gone().all(|gone| gone != entry.id)
                && delta.entries.iter().all(|d| d.id != entry.id)
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
    use crate::conference::participant::{Door, Status};

    fn entry(number: u32) -> Entry {
        Entry::guest(number, Door::Phone)
    }

    fn delta(version: u64, entries: Vec<Entry>, gone: &[u64]) -> Delta {
        Delta {
            version,
            state: ConferenceState::default(),
            entries,
            gone: gone.iter().map(|&id| ParticipantId::from_u64(id)).collect(),
            gone_waiting: vec![],
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

    #[test]
    fn each_sees_what_is_for_their_eyes() {
        let mut waiting = entry(1);
        waiting.status = Status::Pending;
        let mut other = entry(2);
        other.status = Status::Pending;
        let change = Delta {
            state: ConferenceState {
                locked: true,
                alarm: true,
                ..ConferenceState::default()
            },
            gone_waiting: vec![ParticipantId::from_u64(9)],
            ..delta(7, vec![waiting.clone(), other, entry(3)], &[8])
        };
        let seen = |audience| {
            let Delta {
                version,
                state,
                entries,
                gone,
                gone_waiting,
            } = change.seen_by(audience);
            assert_eq!(version, 7, "nobody misses a version");
            let numbers: Vec<u32> = entries.iter().map(|entry| entry.ordinal).collect();
            let gone = (gone.len(), gone_waiting.len());
            (numbers, state.locked, state.alarm, gone)
        };
        let own = Audience::of(&waiting);
        assert_eq!(seen(own), (vec![1], false, false, (0, 0)));
        let inside = Audience::of(&entry(3));
        assert_eq!(seen(inside), (vec![3], true, false, (1, 0)));
        let led = Audience::Moderators;
        assert_eq!(seen(led), (vec![1, 2, 3], true, true, (1, 1)));
        let mut roster = Snapshot::default();
        assert!(roster.apply(&delta(1, vec![waiting, entry(3)], &[])));
        assert_eq!(roster.seen_by(own).entries.len(), 1);
        assert_eq!(roster.seen_by(inside).entries, [entry(3)]);
    }
}
