//! A moderator talks with one who waits, alone: over a channel beside the conference that these two are in and nobody else.
//!
//! ```text
//!   TalkWith ─▶ apart: both hear each other, and nobody else hears or is heard by them
//!                 │ the moderator ends it · let in · turned away · either is gone, breaks off or has another leg
//!                 └─▶ the moderator among the others and the one who waits as before, both muted
//! ```
//!
//! All inside see that the moderator talks with somebody who waits, moderators see with whom, and who waits knows no more than
//! that a moderator speaks. Nobody's microphone is switched on by it: who waits switches theirs on, or does not.

use std::ops::Range;

use super::*;
use crate::{
    conference::participant::Apart,
    limit::{CALLS_OUT_MAX, TALKS_APART_MAX},
};

/// The channels of the talks that are had.
#[derive(Debug, Default)]
pub(super) struct Talks {
    by_moderator: BTreeMap<ParticipantId, u8>,
}

/// The channels that talks have; calls out of the conference have those below.
const CHANNELS: Range<usize> = CALLS_OUT_MAX + 1..CALLS_OUT_MAX + 1 + TALKS_APART_MAX;
const _: () = assert!(CHANNELS.end <= 64, "a word has no more bits");

impl Talks {
    /// A channel that nobody has.
    fn free(&self) -> Option<u8> {
        let taken = |channel: &u8| self.by_moderator.values().any(|other| other == channel);
        let mut all = CHANNELS.filter_map(|channel| u8::try_from(channel).ok());
        all.find(|channel| !taken(channel))
    }
}

impl Focus {
    /// Lets a moderator talk with somebody who waits. Whoever talks with another ends that talk by it.
    pub(super) fn talk_with(&mut self, by: ParticipantId, target: ParticipantId) {
        let waits = |who: &&Participant| who.status == Status::Pending && !who.away;
        let Some(waiting) = self.participants.get(&target).filter(waits) else {
            return self.refuse(by, Refusal::NotHere);
        };
        let with = waiting.apart_with();
        if with == Some(by) {
            return;
        }
        // What a telephone says of which nobody has said whose it is, is no moderator's word.
        let leads = |who: &Participant| who.role_of_sound() == Role::Moderator;
        if !self.participants.get(&by).is_some_and(leads) {
            return self.refuse(by, Refusal::NotAllowed);
        }
        if with.is_some() {
            return self.refuse(by, Refusal::TalkedTo);
        }
        self.leave_talk(by);
        let Some(channel) = self.talks.free() else {
            return self.refuse(by, Refusal::TooManyTalks);
        };
        self.talks.by_moderator.insert(by, channel);
        for (id, other) in [(by, target), (target, by)] {
            if let Some(who) = self.participants.get_mut(&id) {
                who.apart = Some(Apart::With(other));
                who.speaking = false;
            }
            self.changed(id, true);
        }
        self.waiting.note_heard(by, target);
        let muted = self
            .participants
            .get(&by)
            .is_some_and(|who| !who.microphone);
        self.tell(by, Event::TalkBegun { muted });
        self.tell(target, Event::Addressed);
        self.did(by, Act::TalkedApart, Some(target));
    }

    /// Lets a moderator talk with the one of whom they were told last; ends the talk if they have one.
    pub(super) fn talk_with_heard(&mut self, by: ParticipantId) {
        let talks = self
            .participants
            .get(&by)
            .is_some_and(|who| who.apart.is_some());
        match self.waiting.heard_last(by) {
            _ if talks => self.end_talk(by),
            Some(heard) => self.talk_with(by, heard),
            None => self.refuse(by, Refusal::NobodyWaits),
        }
    }

    /// Ends the talk that somebody has, if there is one, and tells both.
    pub(super) fn end_talk(&mut self, id: ParticipantId) {
        if let Some(other) = self.come_back(id) {
            self.tell_talk_over(id);
            self.tell_talk_over(other);
        }
    }

    /// Ends the talk of somebody who goes or is told something else, and tells the other.
    pub(super) fn leave_talk(&mut self, id: ParticipantId) {
        if let Some(other) = self.come_back(id) {
            self.tell_talk_over(other);
        }
    }

    /// Brings the two back who talk alone, one of whom this is, both muted; returns the other.
    pub(super) fn come_back(&mut self, id: ParticipantId) -> Option<ParticipantId> {
        let other = self.participants.get(&id)?.apart_with()?;
        for id in [id, other] {
            self.talks.by_moderator.remove(&id);
            if let Some(who) = self.participants.get_mut(&id) {
                who.apart = None;
                who.microphone = false;
                who.speaking = false;
            }
            self.changed(id, true);
        }
        Some(other)
    }

    fn tell_talk_over(&mut self, id: ParticipantId) {
        let event = if self.is_inside(id) {
            Event::TalkOver
        } else {
            Event::AddressedNoMore
        };
        self.tell(id, event);
    }

    /// Those who wait and are talked to: they have a seat, beside the conference.
    pub(super) fn addressed(&self) -> impl Iterator<Item = &Participant> {
        let talked_to = |who: &&Participant| who.status == Status::Pending && who.apart.is_some();
        self.participants.values().filter(talked_to)
    }

    /// The seat of somebody who talks with one other alone: nothing of the conference, and a channel that only these two have.
    pub(super) fn seat_apart(&self, who: &Participant) -> Option<Seat> {
        let other = who.apart_with()?;
        let channels = &self.talks.by_moderator;
        let channel = channels.get(&who.id).or_else(|| channels.get(&other))?;
        let bit = 1_u64.checked_shl(u32::from(*channel))?;
        let on_line = match who.status {
            Status::Connected => true,
            Status::Pending => !self.waiting.is_held(who.leg),
            Status::OnHold | Status::DialingOut | Status::Alerting => false,
        };
        let hears_beside = if on_line { bit } else { 0 };
        Some(Seat {
            speaks_beside: if who.microphone { hears_beside } else { 0 },
            hears_beside,
            ..Seat::default()
        })
    }
}
