//! Who comes back: a dropped caller finds number, name and raised hand again, always muted; who was sent away waits, and
//! who was banned is refused.
//!
//! Only what is as good as a name gives a seat back: a PIN of one's own, or a number for which a trusted trunk vouches.
//! To keep somebody out less is enough: a number by whoever's word. Nothing of it outlives the conference.

use super::*;
use crate::{
    conference::{
        acts::Act,
        participant::{Known, Mark},
    },
    id::PersonId,
    limit::{RETURN_MAX, SEATS_KEPT},
};

/// What the conference remembers of people who are gone, and by what it knows those who are here.
#[derive(Debug, Default)]
pub(super) struct Memory {
    known: BTreeMap<ParticipantId, Known>,
    /// Those here whom a moderator has made one.
    promoted: BTreeSet<ParticipantId>,
    /// In the order in which they left.
    seats: VecDeque<Seated>,
    sent_away: BTreeSet<Identity>,
    banned: BTreeSet<Identity>,
}

/// By what somebody is recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Identity {
    Person(PersonId),
    Caller(Mark),
}

/// Whose a seat is. Numbers are counted by door, and a role comes from the secret of the day, so both are part of it.
type Whose = (Identity, Role, Door);

/// The seat of somebody who is gone.
#[derive(Debug)]
struct Seated {
    whose: Whose,
    until: Instant,
    seat: Left,
}

/// What somebody left behind.
#[derive(Debug)]
pub(super) struct Left {
    pub(super) ordinal: u32,
    name: Option<Name>,
    hand: Option<u32>,
    floor: bool,
    /// They were inside, not in the waiting room.
    inside: bool,
    /// A moderator had made them one, and it is certain to be them.
    pub(super) moderates: bool,
}

/// What is known of a newcomer from before.
#[derive(Debug, Default)]
pub(super) struct Before {
    pub(super) banned: bool,
    /// A moderator sent them away.
    pub(super) sent_away: bool,
    /// Their seat inside is kept.
    inside: bool,
}

impl Before {
    /// They were inside and dropped out.
    pub(super) fn was_inside(&self) -> bool {
        self.inside
    }
}

impl Known {
    fn identities(self) -> impl Iterator<Item = Identity> {
        let person = self.person.map(Identity::Person);
        person.into_iter().chain(self.caller.map(Identity::Caller))
    }

    /// By what a seat is given back.
    fn seat(self, role: Role, door: Door) -> Option<Whose> {
        let caller = self.caller.filter(|_| self.vouched);
        let person = self.person.map(Identity::Person);
        let identity = person.or(caller.map(Identity::Caller))?;
        Some((identity, role, door))
    }
}

impl Memory {
    /// Says what is known of a newcomer.
    pub(super) fn before(&mut self, newcomer: &Newcomer, now: Instant) -> Before {
        self.seats.retain(|kept| now < kept.until);
        let known = newcomer.known;
        let has = |set: &BTreeSet<Identity>| known.identities().any(|one| set.contains(&one));
        let whose = known.seat(newcomer.role, newcomer.door);
        let kept = self.seats.iter().find(|kept| Some(kept.whose) == whose);
        Before {
            banned: has(&self.banned),
            sent_away: has(&self.sent_away),
            inside: kept.is_some_and(|kept| kept.seat.inside),
        }
    }

    /// Takes the seat that is kept for somebody.
    pub(super) fn take_seat(&mut self, known: Known, role: Role, door: Door) -> Option<Left> {
        let whose = known.seat(role, door)?;
        let place = self.seats.iter().position(|kept| kept.whose == whose)?;
        self.seats.remove(place).map(|kept| kept.seat)
    }

    /// Notes by what somebody is known.
    pub(super) fn meet(&mut self, id: ParticipantId, known: Known) {
        self.known.insert(id, known);
    }

    /// Notes how somebody went.
    pub(super) fn part(&mut self, who: &Participant, parting: Parting, now: Instant) {
        let promoted = self.promoted.remove(&who.id);
        let Some(known) = self.known.remove(&who.id) else {
            return;
        };
        match parting {
            Parting::Left => self.keep(who, known, promoted, now),
            Parting::SentAway => self.sent_away.extend(known.identities()),
            Parting::Over => {}
        }
    }

    /// Keeps somebody's seat for a while. Of two calls by one number the later one's is kept.
    fn keep(&mut self, who: &Participant, known: Known, promoted: bool, now: Instant) {
        // They come back by the secret they came with, which is a guest's.
        let role = if promoted { Role::Guest } else { who.role };
        let Some(whose) = known.seat(role, who.door) else {
            return;
        };
        self.seats.retain(|kept| kept.whose != whose);
        if self.seats.len() >= SEATS_KEPT {
            self.seats.pop_front();
        }
        self.seats.push_back(Seated {
            whose,
            until: now + RETURN_MAX,
            seat: Left {
                ordinal: who.ordinal,
                name: who.name.clone(),
                hand: who.hand,
                floor: who.floor,
                inside: who.is_inside(),
                // A number may be that of a whole house; a PIN of one's own is one person's.
                moderates: promoted && known.person.is_some(),
            },
        });
    }

    /// Notes that somebody was made a moderator.
    pub(super) fn promote(&mut self, id: ParticipantId) {
        self.promoted.insert(id);
    }
}

impl Focus {
    /// Gives somebody back what they left, but never an open microphone.
    pub(super) fn give_back(&mut self, id: ParticipantId, left: Left) {
        let floor = left.floor
            && self.conference.ask_to_speak
            && !self.participants.values().any(|who| who.floor);
        let Some(participant) = self.participants.get_mut(&id) else {
            return;
        };
        participant.name = left.name.or(participant.name.take());
        if participant.is_inside() {
            participant.hand = left.hand;
            participant.floor = floor;
            if left.moderates {
                participant.role = Role::Moderator;
                self.memory.promote(id);
            }
        }
    }

    /// Sends somebody away for as long as the conference lasts.
    pub(super) fn ban(&mut self, by: ParticipantId, target: ParticipantId, now: Instant) {
        if by == target {
            self.refuse(by, Refusal::NotAllowed);
            return;
        }
        if !self.participants.contains_key(&target) {
            self.refuse(by, Refusal::NotHere);
            return;
        }
        if let Some(known) = self.memory.known.get(&target) {
            self.memory.banned.extend(known.identities());
        }
        self.sends_away(by, Act::Banned, target);
        self.dismiss(target, Dismissal::Removed, now);
    }
}
