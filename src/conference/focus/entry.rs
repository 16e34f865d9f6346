//! What is heard of people who come and go: a soft tone, what they are called, or nothing.
//!
//! Announcements keep a distance, however many come at once: one tone stands for all who came since the last, and of names
//! only a few wait. Above the room's number of people nothing is heard. The roster shows everybody in any case.

use super::*;
use crate::{
    conference::{policy::EntrySignal, rollcall::Label},
    limit::{ENTRIES_WAITING_MAX, ENTRY_NAME_PAUSE, ENTRY_TONE_PAUSE},
};

/// What is yet to be said of people who come and go.
#[derive(Debug, Default)]
pub(super) struct Entries {
    waiting: VecDeque<Event>,
    /// Nothing is said before.
    not_before: Option<Instant>,
}

impl Entries {
    /// When the next is said.
    pub(super) fn next_at(&self) -> Option<Instant> {
        self.not_before.filter(|_| !self.waiting.is_empty())
    }
}

impl Focus {
    /// Announces somebody who came in, if others are there to hear it.
    pub(super) fn came(&mut self, id: ParticipantId, now: Instant) {
        let Some(participant) = self.participants.get(&id) else {
            return;
        };
        let event = match self.conference.entry_signal {
            EntrySignal::Tones => Event::SomebodyCame,
            EntrySignal::Names => Event::Came {
                whom: Label::of(participant),
            },
            EntrySignal::Off => return,
        };
        if self.people_inside() > 1 {
            self.announce(event, now);
        }
    }

    /// Announces that somebody is gone.
    pub(super) fn went(&mut self, participant: &Participant, now: Instant) {
        let whom = Label::of(participant);
        // Who goes before their name was said need not be mentioned.
        let waiting = &mut self.entries.waiting;
        if let Some(place) = waiting
            .iter()
            .position(|event| *event == Event::Came { whom })
        {
            waiting.remove(place);
            return;
        }
        match self.conference.entry_signal {
            EntrySignal::Tones => self.announce(Event::SomebodyWent, now),
            EntrySignal::Names => self.announce(Event::Went { whom }, now),
            EntrySignal::Off => {}
        }
    }

    fn announce(&mut self, event: Event, now: Instant) {
        let waiting = &mut self.entries.waiting;
        if waiting.len() < ENTRIES_WAITING_MAX && !waiting.contains(&event) {
            waiting.push_back(event);
        }
        self.announce_entries(now);
    }

    /// Says what waits to be said, as far as its time has come.
    pub(super) fn announce_entries(&mut self, now: Instant) {
        let inside = self.people_inside();
        if inside == 0 || inside > usize::from(self.conference.quiet_above) {
            self.entries.waiting.clear();
            return;
        }
        if self.entries.not_before.is_some_and(|at| now < at) {
            return;
        }
        if let Some(event) = self.entries.waiting.pop_front() {
            let pause = if event.is_tone() {
                ENTRY_TONE_PAUSE
            } else {
                ENTRY_NAME_PAUSE
            };
            self.entries.not_before = Some(now + pause);
            self.notices.push_back(Effect::Announce(event));
        }
    }

    fn people_inside(&self) -> usize {
        let inside = self.participants.values().filter(|who| who.is_inside());
        inside.count()
    }

    /// Decides what is heard of people who come and go. Where it is so already it is said again: who cannot see it wants to
    /// know.
    pub(super) fn set_entry_signal(&mut self, by: ParticipantId, signal: EntrySignal) {
        if self.change_entry_signal(signal) {
            self.did(by, signal.into(), None);
        }
        self.tell(
            by,
            match signal {
                EntrySignal::Tones => Event::EntryTones,
                EntrySignal::Names => Event::EntryNames,
                EntrySignal::Off => Event::EntryOff,
            },
        );
    }

    /// Changes it; returns whether it was another.
    pub(super) fn change_entry_signal(&mut self, signal: EntrySignal) -> bool {
        let changes = self.conference.entry_signal != signal;
        if changes {
            self.conference.entry_signal = signal;
            self.unpublished.state = true;
            self.entries.waiting.clear();
        }
        changes
    }
}
