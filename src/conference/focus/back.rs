//! Who comes back: a dropped caller finds number, name and raised hand again, always muted; who was sent away waits, and
//! who was banned is refused.
//!
//! Only what is as good as a name gives a seat back: a PIN of one's own, a number for which a trusted trunk vouches, or the
//! token of a page. To keep somebody out less is enough: a number by whoever's word. Nothing of it outlives the
//! conference. One that goes on after the server was gone knows its seats by [`Kept`] alone, and takes the word of their
//! tokens, of each once, for the rest. Of numbers nothing is kept: a caller who dropped out then is new, and whether one was
//! sent away cannot be told, so all of them wait until a moderator trusts them.

use super::*;
use crate::{
    conference::{
        acts::Act,
        claim::Claim,
        kept::{self, Kept},
        participant::{Known, Mark},
    },
    id::{PersonId, SeatId},
    limit::{RESUME_MAX, RETURN_MAX, SEATS_KEPT},
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
    /// Seats from before the server was gone whose pages have not come back, and until when they are awaited.
    awaited: BTreeMap<SeatId, Role>,
    awaited_until: Option<Instant>,
}

/// By what somebody is recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Identity {
    /// By what outlives the server.
    Drawn(kept::Identity),
    /// The number of their telephone.
    Caller(Mark),
}

/// Whose a seat is. Numbers are counted by door, and a role comes from the secret of the day, so both are part of it; the
/// seat of a page has a role of its own.
type Whose = (Identity, Option<Role>, Door);

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
    pub(super) role: Role,
    name: Option<Name>,
    hand: Option<u32>,
    floor: bool,
    /// They were inside, not in the waiting room.
    inside: bool,
    /// A moderator had made them one, and it is certain to be them.
    pub(super) moderates: bool,
    /// Their microphone was on when they broke off.
    microphone: bool,
}

/// How somebody leaves the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Parting {
    /// By themself.
    Left,
    /// Their leg is gone, or their page broke off.
    Lost,
    /// A moderator sent them away.
    SentAway,
    /// The conference is over.
    Over,
}

impl From<Dismissal> for Parting {
    fn from(why: Dismissal) -> Self {
        match why {
            // Who calls again by a better line has done nothing wrong.
            Dismissal::Unprotected | Dismissal::NotConfirmed | Dismissal::LeftAtPage => Self::Left,
            Dismissal::Lost | Dismissal::TakenOver => Self::Lost,
            Dismissal::Removed
            | Dismissal::NotExpected
            | Dismissal::NoPlace
            | Dismissal::ComeLater => Self::SentAway,
            Dismissal::Ended | Dismissal::Stopping | Dismissal::Failed => Self::Over,
        }
    }
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
        let person = self.person.map(Identity::person);
        let caller = self.caller.map(Identity::Caller);
        let page = self.seat.map(Identity::page);
        person.into_iter().chain(caller).chain(page)
    }

    /// By what a seat is given back.
    fn seat(self, role: Role, door: Door) -> Option<Whose> {
        let caller = self.caller.filter(|_| self.vouched);
        let person = self.person.map(Identity::person);
        let by_secret = person.or(caller.map(Identity::Caller));
        match by_secret {
            Some(identity) => Some((identity, Some(role), door)),
            None => self.seat.map(|seat| (Identity::page(seat), None, door)),
        }
    }
}

impl Identity {
    const fn person(person: PersonId) -> Self {
        Self::Drawn(kept::Identity::Person(person))
    }

    const fn page(seat: SeatId) -> Self {
        Self::Drawn(kept::Identity::Page(seat))
    }

    /// The seat of a page, where it is that.
    const fn seat(self) -> Option<SeatId> {
        match self {
            Self::Drawn(kept::Identity::Page(seat)) => Some(seat),
            Self::Drawn(kept::Identity::Person(_)) | Self::Caller(_) => None,
        }
    }

    /// What of it outlives the server.
    const fn kept(self) -> Option<kept::Identity> {
        match self {
            Self::Drawn(identity) => Some(identity),
            Self::Caller(_) => None,
        }
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

    /// Returns by what somebody is known who is here.
    pub(super) fn known(&self, id: ParticipantId) -> Known {
        self.known.get(&id).copied().unwrap_or_default()
    }

    /// Returns who is here with a seat.
    pub(super) fn holder(&self, seat: SeatId) -> Option<ParticipantId> {
        let mut all = self.known.iter();
        let (id, _) = all.find(|(_, known)| known.seat == Some(seat))?;
        Some(*id)
    }

    /// Tells whether somebody's page finds its seat again.
    pub(super) fn has_seat(&self, id: ParticipantId) -> bool {
        self.known
            .get(&id)
            .is_some_and(|known| known.seat.is_some())
    }

    /// Goes on from what outlived the server.
    pub(super) fn restore(&mut self, kept: Kept, until: Instant) {
        self.sent_away = kept.sent_away.into_iter().map(Identity::Drawn).collect();
        self.banned = kept.banned.into_iter().map(Identity::Drawn).collect();
        self.awaited = kept.seats;
        self.awaited_until = Some(until);
    }

    /// Adds what is to outlive the server.
    pub(super) fn keep(&self, roles: impl Fn(ParticipantId) -> Option<Role>, kept: &mut Kept) {
        let here = self.known.iter();
        let here = here.filter_map(|(id, known)| Some((known.seat?, roles(*id)?)));
        let gone = self.seats.iter();
        let gone = gone.filter_map(|kept| Some((kept.whose.0.seat()?, kept.seat.role)));
        kept.seats = self.awaited.clone();
        kept.seats.extend(gone.chain(here));
        let drawn = |all: &BTreeSet<Identity>| all.iter().filter_map(|one| one.kept()).collect();
        kept.sent_away = drawn(&self.sent_away);
        kept.banned = drawn(&self.banned);
        let mut out = self.sent_away.iter().chain(&self.banned);
        kept.callers = out.any(|identity| matches!(identity, Identity::Caller(_)));
    }

    /// Tells whether pages are awaited that were here before the server was gone.
    pub(super) fn awaits(&self, now: Instant) -> bool {
        !self.awaited.is_empty() && self.awaited_until.is_some_and(|until| now < until)
    }

    /// Tells whether a claim is as good as a seat.
    pub(super) fn expects(&self, claim: &Claim, now: Instant) -> bool {
        let page = Identity::page(claim.seat);
        let mut kept = self.seats.iter().filter(|kept| now < kept.until);
        !self.banned.contains(&page)
            && !self.sent_away.contains(&page)
            && (self.holder(claim.seat).is_some()
                || kept.any(|kept| kept.whose.0 == page)
                || self.takes_word(claim, now))
    }

    fn takes_word(&self, claim: &Claim, now: Instant) -> bool {
        claim.fresh && self.awaits(now) && self.awaited.contains_key(&claim.seat)
    }

    /// Keeps the seat that a token speaks of, where its word is taken: once.
    pub(super) fn believe(&mut self, claim: &Claim, now: Instant) {
        if !self.takes_word(claim, now) {
            return;
        }
        let until = self.awaited_until.unwrap_or(now);
        let Some(role) = self.awaited.remove(&claim.seat) else {
            return;
        };
        self.put(Seated {
            whose: (Identity::page(claim.seat), None, Door::Browser),
            until,
            seat: Left {
                ordinal: claim.ordinal,
                role,
                name: claim.name.clone(),
                hand: claim.hand,
                floor: false,
                inside: claim.inside,
                moderates: false,
                microphone: claim.microphone,
            },
        });
    }

    /// Until when the last of the seats of pages is kept.
    pub(super) fn pages_until(&self) -> Option<Instant> {
        let page = |kept: &&Seated| kept.whose.0.seat().is_some();
        let awaited = self.awaited_until.filter(|_| !self.awaited.is_empty());
        let kept = self.seats.iter().filter(page).map(|kept| kept.until);
        kept.chain(awaited).max()
    }

    /// Notes how somebody went, and when their page broke off, with its microphone on or not.
    pub(super) fn part(
        &mut self,
        who: &Participant,
        parting: Parting,
        broke_off: Option<(Instant, bool)>,
        now: Instant,
    ) {
        let promoted = self.promoted.remove(&who.id);
        let Some(known) = self.known.remove(&who.id) else {
            return;
        };
        match parting {
            Parting::Left | Parting::Lost => {
                // They come back by the secret they came with, which is a guest's.
                let role = if promoted { Role::Guest } else { who.role };
                let Some(whose) = known.seat(role, who.door) else {
                    return;
                };
                let (since, microphone) = broke_off.unwrap_or((now, false));
                let until = match whose.0.seat() {
                    // Who leaves by the button has left; a telephone cannot say which it was.
                    Some(_) if parting == Parting::Left => return,
                    Some(_) => since + RESUME_MAX,
                    None => now + RETURN_MAX,
                };
                // A number may be that of a whole house; a PIN of one's own is one person's, a token one page's.
                let certain = !matches!(whose.0, Identity::Caller(_));
                self.put(Seated {
                    whose,
                    until,
                    seat: Left {
                        ordinal: who.ordinal,
                        role,
                        name: who.name.clone(),
                        hand: who.hand,
                        floor: who.floor,
                        inside: who.is_inside(),
                        moderates: promoted && certain,
                        microphone,
                    },
                });
            }
            Parting::SentAway => self.sent_away.extend(known.identities()),
            Parting::Over => {}
        }
    }

    /// Notes how a telephone went that was the sound of a page.
    pub(super) fn part_telephone(&mut self, id: ParticipantId, parting: Parting) {
        let known = self.known.remove(&id);
        if let Some(known) = known.filter(|_| parting == Parting::SentAway) {
            self.sent_away.extend(known.identities());
        }
    }

    /// Keeps a seat for a while. Of two calls by one number the later one's is kept.
    fn put(&mut self, seated: Seated) {
        self.seats.retain(|kept| kept.whose != seated.whose);
        if self.seats.len() >= SEATS_KEPT {
            self.seats.pop_front();
        }
        self.seats.push_back(seated);
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
        let hand = left.hand.map(|hand| self.hand_again(hand));
        self.away.returned(id, left.microphone);
        let Some(participant) = self.participants.get_mut(&id) else {
            return;
        };
        participant.name = left.name.or(participant.name.take());
        if participant.is_inside() {
            participant.hand = hand;
            participant.floor = floor;
            if left.moderates {
                participant.role = Role::Moderator;
                self.memory.promote(id);
            }
        }
    }

    /// Tells whether a claim would lead back to a seat.
    pub fn expects(&self, claim: &Claim, now: Instant) -> bool {
        self.memory.expects(claim, now)
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
        let telephone = self.pairs.telephone_of(target);
        for id in [Some(target), telephone].into_iter().flatten() {
            if let Some(known) = self.memory.known.get(&id) {
                self.memory.banned.extend(known.identities());
            }
        }
        self.sends_away(by, Act::Banned, target);
        self.kept.stale = true;
        self.dismiss(target, Dismissal::Removed, now);
    }
}
