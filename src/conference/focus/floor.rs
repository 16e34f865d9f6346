//! Who has the floor: hands, muting all, asking to speak, asking somebody to, and the lock of the door.
//!
//! Where people ask to speak, a guest's microphone can be switched on only with the floor, which one guest has at a time;
//! a moderator always may. Nobody's microphone is switched on by anybody else here either.

use super::*;
use crate::{
    conference::{acts::Act, rollcall::Rollcall},
    limit::{DEED_TOLD, NOBODY_ASKS_AGAIN},
};

impl Focus {
    /// Tells whether a person may switch their microphone on.
    pub(super) fn may_speak(&self, id: ParticipantId) -> bool {
        let participant = self.participants.get(&id);
        participant.is_some_and(|who| {
            // Who waits and is talked to speaks to nobody but the moderator.
            who.apart.is_some()
                || !self.conference.ask_to_speak
                || who.role_of_sound() == Role::Moderator
                || who.floor
        })
    }

    /// Raises or lowers one's own hand. Where it is raised already it is said again: who cannot see it wants to know.
    pub(super) fn set_hand(&mut self, id: ParticipantId, up: bool) {
        let event = if !up {
            Event::HandDown
        } else if self.may_speak(id) {
            Event::HandUp
        } else {
            Event::HandNoted
        };
        self.hold_hand(id, up);
        self.tell(id, event);
    }

    /// Lowers somebody's hand.
    pub(super) fn lower_hand(&mut self, by: ParticipantId, target: ParticipantId) {
        if by == target {
            self.set_hand(by, false);
        } else if self.hold_hand(target, false) {
            self.tell(target, Event::HandLowered);
            self.did(by, Act::HandLowered, Some(target));
        }
    }

    /// Notes whether a hand is raised; returns whether that changed anything.
    pub(super) fn hold_hand(&mut self, id: ParticipantId, up: bool) -> bool {
        let Some(participant) = self.participants.get_mut(&id) else {
            return false;
        };
        if participant.hand.is_some() == up {
            return false;
        }
        participant.hand = up.then(|| {
            self.hands = self.hands.saturating_add(1);
            self.hands
        });
        self.changed(id, false);
        true
    }

    /// Switches the microphones of all guests off.
    pub(super) fn mute_all(&mut self, by: ParticipantId) {
        for (id, role) in self.roles() {
            if role == Role::Guest && self.switch(id, false) {
                self.tell(id, Event::MicrophoneOffByModerator);
            }
        }
        self.tell(by, Event::MutedAll);
        self.did(by, Act::MutedAll, None);
    }

    fn roles(&self) -> Vec<(ParticipantId, Role)> {
        let inside = self.participants.values().filter(|who| who.is_inside());
        inside
            .map(|participant| (participant.id, participant.role_of_sound()))
            .collect()
    }

    /// Asks somebody to switch their microphone on, which is theirs to do.
    pub(super) fn ask_to_unmute(&mut self, by: ParticipantId, target: ParticipantId) {
        match self.participants.get(&target) {
            None => {}
            Some(participant) if participant.microphone => {}
            Some(_) if self.may_speak(target) => {
                self.tell(target, Event::PleaseUnmute);
                self.did(by, Act::AskedToUnmute, Some(target));
            }
            // Whoever is asked to speak has the floor.
            Some(_) => self.give_floor(by, target),
        }
    }

    /// Lets guests speak only with the floor, or everybody again.
    pub(super) fn set_ask_to_speak(&mut self, by: ParticipantId, on: bool) {
        if self.conference.ask_to_speak != on {
            self.conference.ask_to_speak = on;
            self.unpublished.state = true;
            self.nobody_asked = None;
            for (id, _) in self.roles() {
                self.settle_floor(id, by);
            }
            let act = if on {
                Act::AskToSpeak
            } else {
                Act::AllMaySpeak
            };
            self.did(by, act, None);
        }
        let event = if on {
            Event::AskToSpeak {
                role: Role::Moderator,
            }
        } else {
            Event::AllMaySpeak
        };
        self.tell(by, event);
    }

    /// Brings somebody into the state in which the floor begins or ends to matter.
    fn settle_floor(&mut self, id: ParticipantId, by: ParticipantId) {
        let on = self.conference.ask_to_speak;
        let Some(participant) = self.participants.get_mut(&id) else {
            return;
        };
        let role = participant.role_of_sound();
        if std::mem::take(&mut participant.floor) {
            self.changed(id, false);
        }
        if on && role == Role::Guest {
            self.switch(id, false);
        }
        if id != by {
            self.tell(
                id,
                if on {
                    Event::AskToSpeak { role }
                } else {
                    Event::AllMaySpeak
                },
            );
        }
    }

    /// Gives somebody the floor; who had it is heard no more.
    pub(super) fn give_floor(&mut self, by: ParticipantId, target: ParticipantId) {
        for (id, role) in self.roles() {
            // A moderator speaks without it, and is heard on.
            if id != target && self.set_floor(id, false) && role == Role::Guest {
                self.switch(id, false);
                self.tell(id, Event::FloorTaken);
            }
        }
        self.hold_hand(target, false);
        self.set_floor(target, self.conference.ask_to_speak);
        if by != target {
            self.tell(target, Event::FloorGiven);
        }
        self.tell(by, Event::FloorPassed);
        self.did(by, Act::FloorGiven, Some(target));
    }

    fn set_floor(&mut self, id: ParticipantId, floor: bool) -> bool {
        let Some(participant) = self.participants.get_mut(&id) else {
            return false;
        };
        if participant.floor == floor {
            return false;
        }
        participant.floor = floor;
        self.changed(id, false);
        true
    }

    /// Begins to let people ask; after that gives the floor to who asked first. Where nobody asks, it says how all may
    /// speak again, which is done by asking for the next once more.
    pub(super) fn next_hand(&mut self, by: ParticipantId, now: Instant) {
        if !self.conference.ask_to_speak {
            self.set_ask_to_speak(by, true);
            return;
        }
        let asking = self.participants.values().filter(|who| who.hand.is_some());
        if let Some(next) = asking.min_by_key(|who| who.hand).map(|who| who.id) {
            self.nobody_asked = None;
            self.give_floor(by, next);
            return;
        }
        let again = self
            .nobody_asked
            .replace((by, now))
            .is_some_and(|(who, at)| {
                who == by && now.saturating_duration_since(at) <= NOBODY_ASKS_AGAIN
            });
        if again {
            self.set_ask_to_speak(by, false);
        } else {
            self.tell(by, Event::NobodyAsks);
        }
    }

    /// Lets nobody but moderators in, or everybody again.
    pub(super) fn set_lock(&mut self, by: ParticipantId, locked: bool) {
        if self.conference.locked != locked {
            self.conference.locked = locked;
            self.unpublished.state = true;
            let act = if locked { Act::Locked } else { Act::Unlocked };
            self.did(by, act, None);
        }
        let event = if locked {
            Event::Locked
        } else {
            Event::Unlocked
        };
        self.tell(by, event);
    }

    /// Tells somebody who is here, and what a moderator just did.
    pub(super) fn call_roll(&mut self, by: ParticipantId, now: Instant) {
        let Some(asking) = self.participants.get(&by) else {
            return;
        };
        let rollcall = Rollcall {
            deed: self.latest_deed(now),
            ..Rollcall::of(self.participants.values(), self.conference.locked, asking)
        };
        self.tell(by, Event::WhoIsHere { rollcall });
    }

    /// What a moderator just did.
    fn latest_deed(&self, now: Instant) -> Option<Deed> {
        let (deed, at) = self.deed?;
        (now.saturating_duration_since(at) <= DEED_TOLD).then_some(deed)
    }

    /// Tells somebody that nobody hears them. The mixer says so once for each time that their microphone is off.
    pub(super) fn spoke_muted(&mut self, leg: LegId) {
        let Some(participant) = self.by_leg(leg) else {
            return;
        };
        let mistaken = !participant.microphone
            && (participant.status == Status::Connected || participant.apart.is_some())
            && participant.disturbs.is_none();
        let id = participant.id;
        if mistaken {
            self.tell(id, Event::YouAreMuted);
        }
    }
}
