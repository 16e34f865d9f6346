//! What a page is told of the roster, and when: changes within a tenth of a second are one, and who speaks, or has a bad line,
//! is a message of ids.
//!
//! ```text
//!   change ── alone ─────────────────────────▶ told at once
//!      └───── soon after another ─ merged ────▶ told when the tenth of a second is over
//!                                    └ many ──▶ told piece by piece, as fast as a thin line carries it
//! ```
//!
//! So a page in which people come and go by the hundred has ten updates a second, and one in a quiet room waits for none. Before
//! anything else is told, what is pending is: a page reads things in the order in which they happened. Where hundreds have changed
//! at once, only the lines of those whom it concerns are hurried so; the others come when they are due.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use super::wire::ServerMessage;
use crate::{
    conference::{
        participant::Quality,
        roster::{ConferenceState, Delta, Snapshot},
    },
    id::ParticipantId,
    limit::{ENTRIES_AT_ONCE_MAX, ROSTER_ENTRY_PAUSE, ROSTER_UPDATE_PAUSE, VOICES_AT_ONCE_MAX},
};

/// The roster on its way to one page.
pub(super) struct Updates {
    /// Whom the page knows of.
    known: BTreeSet<ParticipantId>,
    /// What it knows that holds for all.
    state: ConferenceState,
    pending: Option<Delta>,
    /// Nothing is told before, unless something else is.
    not_before: Instant,
    /// Whether what is pending is the first that the page hears of anybody else, as when it is let in: that is told whole.
    begins: bool,
}

impl Updates {
    /// Begins with the roster that the page has.
    pub(super) fn new(roster: &Snapshot, now: Instant) -> Self {
        Self {
            known: roster.entries.iter().map(|entry| entry.id).collect(),
            state: roster.state,
            pending: None,
            not_before: now,
            begins: false,
        }
    }

    /// Takes a change.
    pub(super) fn handle_delta(&mut self, delta: &Delta) {
        match &mut self.pending {
            Some(pending) => pending.merge(delta),
            none @ None => *none = Some(delta.clone()),
        }
    }

    /// Takes a whole roster, after changes that were missed: it is told as the change that leads to it from whatever the page has.
    pub(super) fn handle_roster(&mut self, roster: Snapshot) {
        self.begins = self.known.len() <= 1;
        let there: BTreeSet<ParticipantId> = roster.entries.iter().map(|entry| entry.id).collect();
        self.pending = Some(Delta {
            version: roster.version,
            state: roster.state,
            gone: self.known.difference(&there).copied().collect(),
            entries: roster.entries,
            ..Delta::default()
        });
    }

    /// Returns what is to be told by now.
    pub(super) fn poll(&mut self, now: Instant) -> Vec<ServerMessage> {
        if self.poll_timeout().is_some_and(|at| at <= now) {
            self.tell(now, ENTRIES_AT_ONCE_MAX)
        } else {
            Vec::new()
        }
    }

    /// Returns what is pending, because something else is about to be told that concerns these people. Of many lines theirs alone
    /// are hurried: whatever makes hundreds change is told to hundreds of pages, too.
    pub(super) fn flush(&mut self, those: &[ParticipantId], now: Instant) -> Vec<ServerMessage> {
        let Some(pending) = &mut self.pending else {
            return Vec::new();
        };
        if self.begins || pending.entries.len() <= ENTRIES_AT_ONCE_MAX {
            return self.tell(now, ENTRIES_AT_ONCE_MAX);
        }
        pending
            .entries
            .sort_by_key(|entry| !those.contains(&entry.id));
        let concerned = pending
            .entries
            .iter()
            .take_while(|entry| those.contains(&entry.id));
        let concerned = concerned.count();
        // However often something else is told, the others' turn comes when it would have.
        let due = self.not_before;
        let messages = self.tell(now, concerned);
        self.not_before = due + pace(concerned);
        messages
    }

    /// Tells what is pending, of lines at most so many. Pieces of one change bear the same version.
    fn tell(&mut self, now: Instant, most: usize) -> Vec<ServerMessage> {
        let Some(mut delta) = self.pending.take() else {
            return Vec::new();
        };
        let begins = std::mem::take(&mut self.begins);
        let told = delta
            .entries
            .len()
            .min(if begins { usize::MAX } else { most });
        let left = delta.entries.split_off(told);
        let paced = if begins { 0 } else { told };
        self.not_before = self.not_before.max(now) + pace(paced);
        self.not_before = self.not_before.max(now + ROSTER_UPDATE_PAUSE);
        let mut messages = Vec::new();
        if !delta.entries.is_empty()
            || delta.all_gone().next().is_some()
            || delta.state != self.state
        {
            messages.push(ServerMessage::from(&delta));
            self.known
                .extend(delta.entries.iter().map(|entry| entry.id));
            for gone in delta.all_gone() {
                self.known.remove(&gone);
            }
            self.state = delta.state;
        }
        let began = first(&mut delta.began);
        let ceased = first(&mut delta.ceased);
        let lines = first(&mut delta.lines);
        // What is left is told the next time, unless it has changed again.
        let more = !delta.began.is_empty() || !delta.ceased.is_empty() || !delta.lines.is_empty();
        if more || !left.is_empty() {
            self.pending = Some(Delta {
                version: delta.version,
                state: delta.state,
                entries: left,
                began: delta.began,
                ceased: delta.ceased,
                lines: delta.lines,
                ..Delta::default()
            });
        }
        if !began.is_empty() || !ceased.is_empty() {
            messages.push(ServerMessage::Speaking { began, ceased });
        }
        if !lines.is_empty() {
            let of = |quality| {
                let those = lines.iter().filter(|(_, one)| *one == quality);
                those.map(|(id, _)| *id).collect()
            };
            messages.push(ServerMessage::Quality {
                good: of(Quality::Good),
                fair: of(Quality::Fair),
                poor: of(Quality::Poor),
            });
        }
        messages
    }

    /// Returns when [`Updates::poll`] is due.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.pending.is_some().then_some(self.not_before)
    }
}

/// How long so many lines put the next change off.
fn pace(lines: usize) -> Duration {
    ROSTER_ENTRY_PAUSE * u32::try_from(lines).unwrap_or(u32::MAX)
}

/// Takes as many of the first as one message may have.
fn first<T>(those: &mut Vec<T>) -> Vec<T> {
    let some = those.len().min(VOICES_AT_ONCE_MAX);
    those.drain(..some).collect()
}

#[cfg(test)]
mod tests;
