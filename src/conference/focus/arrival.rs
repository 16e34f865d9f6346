//! How somebody arrives: refused, in the waiting room, or in their seat with the microphone off.

use super::{
    back::{Before, Left},
    *,
};
use crate::{
    conference::{
        claim::Claim,
        participant::{Known, Protection},
    },
    pii::Ending,
};

/// Somebody with the right secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Newcomer {
    /// Who.
    pub participant: ParticipantId,
    /// Their leg.
    pub leg: LegId,
    /// Their name; a telephone's is taken only from an invitation, for what it says itself could hold a number.
    pub name: Option<Name>,
    /// The role their secret gives.
    pub role: Role,
    /// The way in.
    pub door: Door,
    /// How far their leg is protected.
    pub protection: Protection,
    /// By what they can be known again.
    pub known: Known,
    /// What their page's token says of the seat it had, if it has one of this conference.
    pub claim: Option<Claim>,
    /// The last digits of their number; forgotten unless the room shows them to its moderators.
    pub ending: Option<Ending>,
    /// What their secret is worth while PINs are guessed.
    pub trust: Trust,
    /// Who had them called; none who came by themselves.
    pub invited_by: Option<ParticipantId>,
    /// Whose sound they are, by the code that this person's page had shown.
    pub pairs_with: Option<ParticipantId>,
}

/// What a secret is worth while somebody guesses PINs of the room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Trust {
    /// It cannot have been guessed, or who has it was here before: it is worth what it always is.
    #[default]
    Full,
    /// It is a PIN that many have.
    Shared,
    /// The same, and so many wrong ones were tried that it may have been guessed.
    Doubtful,
}

/// How somebody begins who is called, or comes by themself and may have to wait.
const fn first_status(called: bool, waits: bool) -> Status {
    match (called, waits) {
        (true, _) => Status::DialingOut,
        (false, true) => Status::Pending,
        (false, false) => Status::Connected,
    }
}

impl Focus {
    /// Lets somebody in, or into the waiting room.
    pub(super) fn join(&mut self, newcomer: Newcomer, now: Instant) {
        if let Some(claim) = &newcomer.claim {
            self.memory.believe(claim, now);
        }
        let away = newcomer.known.seat.and_then(|seat| self.away_from(seat));
        if let Some(id) = away.filter(|_| !self.has_leg(newcomer.leg)) {
            return self.resume(id, &newcomer);
        }
        let before = self.memory.before(&newcomer, now);
        if let Some(person) = newcomer.pairs_with {
            return self.join_as_sound(person, &newcomer, &before);
        }
        let id = newcomer.participant;
        if let Err(refusal) = self.admits(&newcomer, &before) {
            self.refuse(id, refusal);
            return;
        }
        if newcomer.trust == Trust::Doubtful {
            self.raise_alarm(now);
        }
        let invited_by = newcomer.invited_by;
        let waits = invited_by.is_none() && self.must_wait(&newcomer, &before);
        let Newcomer {
            leg,
            role,
            door,
            known,
            ..
        } = newcomer;
        let seat = match invited_by {
            None => self.memory.take_seat(known, role, door),
            Some(_) => None,
        };
        let status = first_status(invited_by.is_some(), waits);
        let participant = self.entry(newcomer, seat.as_ref(), status);
        self.participants.insert(id, participant);
        self.legs.insert(leg, id);
        if invited_by.is_none() {
            self.memory.meet(id, known);
        }
        self.state = State::Running;
        self.kept.stale = true;
        self.unpublished.gone.remove(&id);
        self.unpublished.gone_waiting.remove(&id);
        let returns = seat.is_some();
        let leads = seat.as_ref().is_some_and(|seat| seat.moderates);
        if let Some(seat) = seat {
            self.give_back(id, seat);
        }
        if let Some(by) = invited_by {
            self.calling(id, by, known);
        } else if waits {
            self.wait(id, now);
        } else {
            self.enter_anew(id, returns, leads, now);
        }
    }

    /// Lets somebody in who need not wait, and says what they come back as.
    fn enter_anew(&mut self, id: ParticipantId, returns: bool, leads: bool, now: Instant) {
        self.enter(id, now, |present| {
            if returns {
                Event::WelcomeBack { present }
            } else {
                Event::Admitted { present }
            }
        });
        if leads {
            self.tell(id, Event::MadeModerator);
        }
    }

    /// Makes the line of the roster of somebody who comes in.
    fn entry(&mut self, newcomer: Newcomer, seat: Option<&Left>, status: Status) -> Participant {
        let Newcomer {
            participant: id,
            leg,
            name,
            role,
            door,
            protection,
            known,
            ending,
            ..
        } = newcomer;
        let ordinal = self.ordinal(seat, door);
        Participant {
            name: name.filter(|_| door == Door::Browser || known.person.is_some()),
            ending: ending.filter(|_| self.config.policy.shows_digits),
            role: seat.map_or(role, |seat| seat.role),
            status,
            protection,
            ..Participant::beginning(id, leg, door, ordinal)
        }
    }

    pub(super) fn next_ordinal(&mut self, door: Door) -> u32 {
        let ordinal = self.ordinals.entry(door).or_default();
        *ordinal += 1;
        *ordinal
    }

    fn admits(&self, newcomer: &Newcomer, before: &Before) -> Result<(), Refusal> {
        let Newcomer {
            participant,
            leg,
            role,
            protection,
            invited_by,
            ..
        } = newcomer;
        if matches!(self.state, State::Over { .. }) {
            Err(Refusal::Over)
        } else if self.participants.contains_key(participant) || self.has_leg(*leg) {
            Err(Refusal::AlreadyHere)
        } else if let Some(by) = invited_by {
            self.may_call(*by)
        } else if before.banned {
            Err(Refusal::Banned)
        } else if self.conference.locked && *role != Role::Moderator && !before.was_inside() {
            Err(Refusal::Locked)
        } else if !self.suffices(*protection) {
            Err(Refusal::Unprotected)
        } else if self.participants.len() >= self.config.capacity {
            Err(Refusal::Full)
        } else {
            Ok(())
        }
    }

    /// Tells whether a leg is somebody's here, be it that of a page whose sound is a telephone.
    pub(super) fn has_leg(&self, leg: LegId) -> bool {
        self.legs.contains_key(&leg) || self.pairs.person_by_page(leg).is_some()
    }

    /// Seats somebody who is in the table, and tells them so in words that depend on how many are inside.
    pub(super) fn enter(
        &mut self,
        id: ParticipantId,
        now: Instant,
        welcome: impl FnOnce(u32) -> Event,
    ) {
        let inside = self.participants.values().filter(|who| who.is_inside());
        let present = u32::try_from(inside.count()).unwrap_or(u32::MAX);
        self.changed(id, true);
        self.tell(id, welcome(present));
        self.warn_unprotected(id);
        self.came(id, now);
        let role = self.participants.get(&id).map(|who| who.role);
        match role {
            Some(Role::Guest) => self.waiting.entered(id),
            Some(Role::Moderator) => self.brief(id),
            None => {}
        }
    }
}
