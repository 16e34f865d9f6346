//! How many are here, for operators: counts without names.

use std::sync::atomic::{AtomicU64, Ordering};

/// Running counts of the server.
#[derive(Debug, Default)]
pub struct Census {
    participants: AtomicU64,
    conferences: AtomicU64,
    admitted: AtomicU64,
    wrong_codes: AtomicU64,
    unjudged_codes: AtomicU64,
    unspoken_names: AtomicU64,
    look_ups: AtomicU64,
}

impl Census {
    /// Participants in all rosters.
    pub fn participants(&self) -> u64 {
        self.participants.load(Ordering::Relaxed)
    }

    /// Conferences, those that wait for somebody to come back included.
    pub fn conferences(&self) -> u64 {
        self.conferences.load(Ordering::Relaxed)
    }

    /// Participants admitted since the start.
    pub fn admitted(&self) -> u64 {
        self.admitted.load(Ordering::Relaxed)
    }

    /// Codes judged wrong since the start.
    pub fn wrong_codes(&self) -> u64 {
        self.wrong_codes.load(Ordering::Relaxed)
    }

    /// Codes answered as wrong since the start though guests might have them, because too many before them were wrong.
    pub fn unjudged_codes(&self) -> u64 {
        self.unjudged_codes.load(Ordering::Relaxed)
    }

    /// How often since the start somebody was called by their number although they have a name, because it was no sound in
    /// time.
    pub fn unspoken_names(&self) -> u64 {
        self.unspoken_names.load(Ordering::Relaxed)
    }

    /// How often a room or its people were looked up since the start because somebody asked for one: what guesses cost.
    pub fn look_ups(&self) -> u64 {
        self.look_ups.load(Ordering::Relaxed)
    }

    pub(super) fn looked_up(&self) {
        self.look_ups.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn names_were_not_spoken(&self, names: usize) {
        let names = u64::try_from(names).unwrap_or(u64::MAX);
        self.unspoken_names.fetch_add(names, Ordering::Relaxed);
    }

    pub(super) fn code_was_not_judged(&self) {
        self.unjudged_codes.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn roster_changed(&self, before: usize, after: usize) {
        self.participants.fetch_add(after as u64, Ordering::Relaxed);
        self.participants
            .fetch_sub(before as u64, Ordering::Relaxed);
    }

    pub(super) fn conference_began(&self) {
        self.conferences.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn conference_ended(&self) {
        self.conferences.fetch_sub(1, Ordering::Relaxed);
    }

    pub(super) fn participant_admitted(&self) {
        self.admitted.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn code_was_wrong(&self) {
        self.wrong_codes.fetch_add(1, Ordering::Relaxed);
    }
}
