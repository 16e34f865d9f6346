//! Who has said their name in the waiting room, and under which number a conference's worker keeps it.
//!
//! It is kept as long as they wait: who is let in, leaves or is turned away is forgotten at once. Every method that ends one
//! returns what the worker is to forget.

use std::collections::BTreeMap;

use super::names::SpokenName;
use crate::{
    conference::{
        rollcall::Label,
        roster::{Delta, Entry},
    },
    id::{LegId, ParticipantId},
    media::api::ClipId,
};

/// The names that were said in one conference's waiting room.
#[derive(Debug, Default)]
pub(super) struct Recordings(BTreeMap<Label, Recording>);

#[derive(Debug)]
struct Recording {
    id: ParticipantId,
    leg: LegId,
    clip: ClipId,
    /// It was said; until then it is listened to.
    kept: bool,
}

impl Recordings {
    /// Notes that somebody is listened to who waits, in place of what they said before.
    pub(super) fn begin(&mut self, entry: &Entry, clip: ClipId) -> Option<ClipId> {
        let recording = Recording {
            id: entry.id,
            leg: entry.leg,
            clip,
            kept: false,
        };
        let before = self.0.insert(Label::of(entry), recording);
        before.map(|before| before.clip)
    }

    /// Notes whether something was said.
    pub(super) fn handle_recorded(&mut self, leg: LegId, heard: bool) -> Option<ClipId> {
        let mut recordings = self.0.iter_mut();
        let (label, recording) = recordings.find(|(_, recording)| recording.leg == leg)?;
        recording.kept = heard;
        let label = *label;
        if heard { None } else { self.end(label) }
    }

    /// Hears what has changed in the roster.
    pub(super) fn handle_roster(&mut self, delta: &Delta) -> Vec<ClipId> {
        let inside = delta.entries.iter().filter(|entry| entry.is_inside());
        let past: Vec<ParticipantId> = delta
            .all_gone()
            .chain(inside.map(|entry| entry.id))
            .collect();
        let over = self.0.iter().filter(|(_, one)| past.contains(&one.id));
        let over: Vec<Label> = over.map(|(label, _)| *label).collect();
        over.into_iter()
            .filter_map(|label| self.end(label))
            .collect()
    }

    /// Forgets everybody, in a room in which nobody is asked any more; returns also whose leg it was.
    pub(super) fn end_all(&mut self) -> impl Iterator<Item = (LegId, ClipId)> + use<> {
        let all = std::mem::take(&mut self.0).into_values();
        all.map(|recording| (recording.leg, recording.clip))
    }

    /// Returns what somebody has said who waits.
    pub(super) fn spoken(&self, whom: Label) -> Option<SpokenName> {
        let recording = self.0.get(&whom).filter(|recording| recording.kept)?;
        Some(SpokenName::in_every_language(recording.clip))
    }

    fn end(&mut self, label: Label) -> Option<ClipId> {
        self.0.remove(&label).map(|recording| recording.clip)
    }
}
