//! The roster as all participants see it: full snapshots and versioned deltas, after RFC 4575 §4.
//!
//! A delta carries whole entries, so applying one twice does no harm. A reader that holds version *n* applies version
//! *n* + 1, ignores what is not above *n*, and asks for a snapshot when it finds a gap. Deltas that follow each other may be
//! [merged](Delta::merge) on their way to a reader; who speaks changes so often that it is told by ids alone.
//!
//! Who waits or is being called sees themself alone, who is inside sees who is inside or being called, and moderators see who waits as well: the same versions
//! for all, with what is not for the [`Audience`] left out.

pub use crate::conference::participant::Participant as Entry;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{
    conference::{
        participant::{Apart, Quality, Role},
        policy::{ChatRule, EntrySignal, Lobby},
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
    /// Whom people may write to by chat.
    pub chat: ChatRule,
    /// Somebody guesses PINs, and all newcomers wait; moderators alone are told.
    pub alarm: bool,
    /// Who was sent away by telephone cannot be told any more, and callers wait; moderators alone are told.
    pub callers_wait: bool,
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

    /// What of an entry is for these eyes: nobody but moderators sees digits of a number, and with whom somebody talks alone.
    fn part_of(self, entry: &Entry) -> Entry {
        let mut entry = entry.clone();
        if self != Self::Moderators {
            entry.ending = None;
            entry.apart = entry.apart.map(|_| Apart::Unnamed);
        }
        entry
    }

    fn sees_of(self, state: ConferenceState) -> ConferenceState {
        match self {
            Self::Waiting(_) => ConferenceState::default(),
            Self::Inside => ConferenceState {
                alarm: false,
                callers_wait: false,
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
    /// Those who began to speak, of whom nothing else has changed.
    pub began: Vec<ParticipantId>,
    /// Those who ceased to.
    pub ceased: Vec<ParticipantId>,
    /// Those whose line carries speech otherwise than before, of whom at most their speaking has changed beside.
    pub lines: Vec<(ParticipantId, Quality)>,
}

impl Delta {
    /// Returns what of it is for these eyes; everything that others know is left out, the version stays.
    #[must_use]
    pub fn seen_by(&self, audience: Audience) -> Self {
        let seen = |ids: &Vec<ParticipantId>, sees: bool| if sees { ids.clone() } else { vec![] };
        let entries = self.entries.iter().filter(|entry| audience.sees(entry));
        let is_inside = !matches!(audience, Audience::Waiting(_));
        Self {
            version: self.version,
            state: audience.sees_of(self.state),
            entries: entries.map(|entry| audience.part_of(entry)).collect(),
            gone: seen(&self.gone, is_inside),
            gone_waiting: seen(&self.gone_waiting, audience == Audience::Moderators),
            began: seen(&self.began, is_inside),
            ceased: seen(&self.ceased, is_inside),
            lines: match audience {
                Audience::Waiting(_) => Vec::new(),
                Audience::Inside | Audience::Moderators => self.lines.clone(),
            },
        }
    }

    /// Takes up the change that follows this one, so that it leads where both lead in turn.
    pub fn merge(&mut self, next: &Self) {
        let renewed: BTreeSet<ParticipantId> = next.all_ids().collect();
        let stays = |id: &ParticipantId| !renewed.contains(id);
        self.version = next.version;
        self.state = next.state;
        self.entries.retain(|entry| stays(&entry.id));
        for ids in [
            &mut self.gone,
            &mut self.gone_waiting,
            &mut self.began,
            &mut self.ceased,
        ] {
            ids.retain(stays);
        }
        self.lines.retain(|(id, _)| stays(id));
        self.entries.extend_from_slice(&next.entries);
        self.gone.extend_from_slice(&next.gone);
        self.gone_waiting.extend_from_slice(&next.gone_waiting);
        for (id, speaking) in next.voices() {
            self.hear(id, speaking);
        }
        for (id, quality) in &next.lines {
            self.judge(*id, *quality);
        }
    }

    /// Notes how well somebody's line carries speech.
    fn judge(&mut self, id: ParticipantId, quality: Quality) {
        self.lines.retain(|(judged, _)| *judged != id);
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.id == id) {
            entry.quality = quality;
        } else {
            self.lines.push((id, quality));
        }
    }

    /// Notes that somebody began to speak, or ceased to.
    fn hear(&mut self, id: ParticipantId, speaking: bool) {
        self.began.retain(|began| *began != id);
        self.ceased.retain(|ceased| *ceased != id);
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.id == id) {
            entry.speaking = speaking;
        } else if speaking {
            self.began.push(id);
        } else {
            self.ceased.push(id);
        }
    }

    /// Those whom it tells anew, or who are gone.
    fn all_ids(&self) -> impl Iterator<Item = ParticipantId> {
        let entries = self.entries.iter().map(|entry| entry.id);
        entries.chain(self.all_gone())
    }

    /// Those who began to speak or ceased to, of whom nothing else has changed.
    fn voices(&self) -> impl Iterator<Item = (ParticipantId, bool)> {
        let began = self.began.iter().map(|id| (*id, true));
        began.chain(self.ceased.iter().map(|id| (*id, false)))
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
        for (id, speaking) in delta.voices() {
            if let Some(entry) = self.entries.iter_mut().find(|entry| entry.id == id) {
                entry.speaking = speaking;
            }
        }
        for (id, quality) in &delta.lines {
            if let Some(entry) = self.entries.iter_mut().find(|entry| entry.id == *id) {
                entry.quality = *quality;
            }
        }
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
    use proptest::prelude::*;

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
            ..Delta::default()
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
            began: vec![ParticipantId::from_u64(5)],
            ceased: vec![ParticipantId::from_u64(6)],
            lines: vec![(ParticipantId::from_u64(5), Quality::Poor)],
            ..delta(7, vec![waiting.clone(), other, entry(3)], &[8])
        };
        let seen = |audience| {
            let Delta {
                version,
                state,
                entries,
                gone,
                gone_waiting,
                began,
                ceased,
                lines,
            } = change.seen_by(audience);
            assert_eq!(version, 7, "nobody misses a version");
            let numbers: Vec<u32> = entries.iter().map(|entry| entry.ordinal).collect();
            let gone = (gone.len(), gone_waiting.len());
            let hears = !matches!(audience, Audience::Waiting(_));
            let numbers_of_voices = (began.len(), ceased.len(), lines.len());
            assert_eq!(
                numbers_of_voices,
                (hears.into(), hears.into(), hears.into())
            );
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

    #[test]
    fn voices_change_nothing_but_who_speaks() {
        let mut roster = Snapshot::default();
        let loud = Entry {
            speaking: true,
            ..entry(2)
        };
        assert!(roster.apply(&delta(1, vec![entry(1), loud], &[])));
        let voices = Delta {
            began: vec![ParticipantId::from_u64(1), ParticipantId::from_u64(9)],
            ceased: vec![ParticipantId::from_u64(2)],
            ..delta(2, vec![], &[])
        };
        assert!(roster.apply(&voices));
        let speaking: Vec<bool> = roster.entries.iter().map(|entry| entry.speaking).collect();
        assert_eq!(speaking, [true, false]);
    }

    #[test]
    fn a_line_changes_nothing_but_how_well_it_carries() {
        let mut roster = Snapshot::default();
        assert!(roster.apply(&delta(1, vec![entry(1), entry(2)], &[])));
        let lines = Delta {
            lines: vec![
                (ParticipantId::from_u64(2), Quality::Poor),
                (ParticipantId::from_u64(9), Quality::Fair),
            ],
            ..delta(2, vec![], &[])
        };
        assert!(roster.apply(&lines));
        let worse = Entry {
            quality: Quality::Poor,
            ..entry(2)
        };
        assert_eq!(roster.entries, [entry(1), worse]);
    }

    fn some_entry() -> impl Strategy<Value = Entry> {
        let status = prop_oneof![
            Just(Status::Pending),
            Just(Status::DialingOut),
            Just(Status::Connected)
        ];
        (0_u32..6, status, any::<(bool, bool)>()).prop_map(
            |(number, status, (microphone, speaking))| Entry {
                status,
                microphone,
                speaking,
                ..entry(number)
            },
        )
    }

    fn some_ids() -> impl Strategy<Value = Vec<ParticipantId>> {
        prop::collection::vec((0_u64..6).prop_map(ParticipantId::from_u64), 0..3)
    }

    fn some_lines() -> impl Strategy<Value = Vec<(ParticipantId, Quality)>> {
        let quality = prop_oneof![
            Just(Quality::Good),
            Just(Quality::Fair),
            Just(Quality::Poor)
        ];
        let lines = prop::collection::btree_map(0_u64..6, quality, 0..3);
        lines.prop_map(|lines| {
            let lines = lines.into_iter();
            lines
                .map(|(number, quality)| (ParticipantId::from_u64(number), quality))
                .collect()
        })
    }

    fn some_delta() -> impl Strategy<Value = Delta> {
        let entries = prop::collection::btree_map(0_u32..6, some_entry(), 0..4);
        let ids = (some_ids(), some_ids(), some_ids(), some_ids());
        (entries, ids, some_lines(), any::<bool>()).prop_map(
            |(entries, (gone, gone_waiting, began, ceased), lines, locked)| Delta {
                version: 0,
                state: ConferenceState {
                    locked,
                    ..ConferenceState::default()
                },
                entries: entries
                    .into_iter()
                    .map(|(number, one)| Entry {
                        id: ParticipantId::from_u64(number.into()),
                        ordinal: number,
                        ..one
                    })
                    .collect(),
                gone,
                gone_waiting,
                began,
                ceased,
                lines,
            },
        )
    }

    proptest! {
        /// Who reads changes merged has the roster of who reads them in turn, with whichever eyes.
        #[test]
        fn changes_merged_lead_where_they_lead_in_turn(
            first in prop::collection::btree_map(0_u32..6, some_entry(), 0..6),
            deltas in prop::collection::vec(some_delta(), 1..6),
        ) {
            let audiences = [
                Audience::Waiting(ParticipantId::from_u64(0)),
                Audience::Inside,
                Audience::Moderators,
            ];
            let whole = Snapshot {
                entries: first.into_iter().map(|(number, one)| Entry {
                    id: ParticipantId::from_u64(number.into()),
                    ordinal: number,
                    ..one
                }).collect(),
                ..Snapshot::default()
            };
            for audience in audiences {
                let seen: Vec<Delta> = deltas.iter().zip(1..).map(|(delta, version)| Delta {
                    version,
                    ..delta.seen_by(audience)
                }).collect();
                let mut in_turn = whole.seen_by(audience);
                for delta in &seen {
                    prop_assert!(in_turn.apply(delta));
                }
                let mut merged = seen[0].clone();
                for delta in &seen[1..] {
                    merged.merge(delta);
                }
                // The reader has the version before the first; that there is no gap is the sender's care.
                let mut at_once = whole.seen_by(audience);
                at_once.version = merged.version - 1;
                prop_assert!(at_once.apply(&merged));
                prop_assert_eq!(at_once, in_turn, "{:?}", audience);
            }
        }
    }
}
