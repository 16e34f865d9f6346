//! Who is away: their page broke off and is likely back in a moment.
//!
//! A blink of the network is no leaving and coming. For [`AWAY_MAX`] they stay in the roster under the same id, marked and
//! with the microphone off, and the others hear nothing of it; then they are gone, and their seat is kept in `back`. Only
//! a page has such a seat: a telephone that is gone has hung up.

use super::{arrival::Newcomer, back::Left, *};
use crate::{id::SeatId, limit::AWAY_MAX};

/// Who is away, and whose microphone was on when they broke off.
#[derive(Debug, Default)]
pub(super) struct Away {
    absences: BTreeMap<ParticipantId, Absence>,
    /// Who is back and had the microphone on, until their page is told.
    spoke: BTreeSet<ParticipantId>,
}

#[derive(Debug, Clone, Copy)]
struct Absence {
    since: Instant,
    microphone: bool,
}

impl Away {
    /// When somebody has been away for too long.
    pub(super) fn next_at(&self) -> Option<Instant> {
        let since = self.absences.values().map(|absence| absence.since).min();
        since.map(|since| since + AWAY_MAX)
    }

    /// Forgets somebody who is gone; returns since when, and whether their microphone was on then.
    pub(super) fn forget(&mut self, id: ParticipantId) -> Option<(Instant, bool)> {
        self.spoke.remove(&id);
        let absence = self.absences.remove(&id)?;
        Some((absence.since, absence.microphone))
    }

    /// Notes whether somebody who is back had the microphone on.
    pub(super) fn returned(&mut self, id: ParticipantId, microphone: bool) {
        self.absences.remove(&id);
        if microphone {
            self.spoke.insert(id);
        }
    }
}

impl Focus {
    /// Returns who has a seat and is away from it.
    pub fn away_from(&self, seat: SeatId) -> Option<ParticipantId> {
        let id = self.memory.holder(seat)?;
        let away = self.away.absences.contains_key(&id) || self.pairs.page_of(id) == Some(None);
        away.then_some(id)
    }

    /// Returns the leg of somebody who is here; none while they are away. Of a page whose sound is a telephone it is its own.
    pub fn leg_of(&self, id: ParticipantId) -> Option<LegId> {
        if let Some(page) = self.pairs.page_of(id) {
            return page;
        }
        let id = self.pairs.person_of(id).unwrap_or(id);
        let here = self.participants.get(&id).filter(|who| !who.away);
        here.map(|who| who.leg)
    }

    /// Tells, once, whether the microphone was on of somebody who has come back; it is off.
    pub fn spoke(&mut self, id: ParticipantId) -> bool {
        self.away.spoke.remove(&id)
    }

    /// Notes that somebody's page broke off.
    pub(super) fn lose(&mut self, id: ParticipantId, now: Instant) {
        if self.lose_page(id, now) {
            return;
        }
        if let Some(person) = self.pairs.person_of(id) {
            self.unpair(person, now);
            return;
        }
        if !self.memory.has_seat(id) {
            self.take_out(id, Parting::Lost, now);
            return;
        }
        // What was on for one alone is not to be on for all.
        self.leave_talk(id);
        let Some(participant) = self.participants.get_mut(&id) else {
            return;
        };
        if std::mem::replace(&mut participant.away, true) {
            return;
        }
        let microphone = std::mem::take(&mut participant.microphone);
        participant.speaking = false;
        participant.original_sound = false;
        participant.disturbs = None;
        // Their next leg begins anew.
        participant.quality = Quality::Good;
        self.legs.remove(&participant.leg);
        let absence = Absence {
            since: now,
            microphone,
        };
        self.away.absences.insert(id, absence);
        self.break_line(id);
        self.changed(id, true);
    }

    /// Notes that somebody's page is as good as gone, and ends what is left of it.
    pub(super) fn break_off(&mut self, id: ParticipantId, why: Dismissal, now: Instant) {
        let Some(leg) = self.leg_of(id) else {
            return;
        };
        self.lose(id, now);
        self.notices.push_back(Effect::Dismiss {
            participant: id,
            leg,
            why,
        });
    }

    /// Makes room for a page that takes over a seat: the one that has it ends.
    pub(super) fn give_way(&mut self, seat: SeatId, now: Instant) {
        if let Some(id) = self.memory.holder(seat) {
            self.break_off(id, Dismissal::TakenOver, now);
        }
    }

    /// Notes that somebody is away whose telephone is gone, and whose page broke off before.
    pub(super) fn goes_away(&mut self, id: ParticipantId, since: Instant) {
        let Some(participant) = self.participants.get_mut(&id) else {
            return;
        };
        participant.away = true;
        let microphone = false;
        self.away.absences.insert(id, Absence { since, microphone });
    }

    /// Takes those out who have been away for too long.
    pub(super) fn give_up_absent(&mut self, now: Instant) {
        self.give_up_pages(now);
        let over = |(id, absence): (&ParticipantId, &Absence)| {
            (absence.since + AWAY_MAX <= now).then_some(*id)
        };
        let over: Vec<ParticipantId> = self.away.absences.iter().filter_map(over).collect();
        for id in over {
            self.take_out(id, Parting::Lost, now);
        }
    }

    /// Lets somebody who is away go on with another leg, as what they are here, but never with an open microphone.
    pub(super) fn resume(&mut self, id: ParticipantId, newcomer: &Newcomer) {
        let paired = self.find_telephone(id, newcomer);
        let Some(participant) = self.participants.get_mut(&id) else {
            return;
        };
        let (inside, role) = (participant.is_inside(), participant.role);
        if !paired {
            participant.away = false;
            participant.text = true;
            participant.microphone = false;
            participant.leg = newcomer.leg;
            participant.protection = newcomer.protection;
            self.legs.insert(newcomer.leg, id);
            let microphone = self.away.forget(id).is_some_and(|(_, on)| on);
            self.away.returned(id, microphone);
            self.changed(id, true);
        }
        if !inside {
            return self.tell(id, Event::StillWaiting);
        }
        let present = self.participants.values().filter(|who| who.is_inside());
        let present = u32::try_from(present.count()).unwrap_or(u32::MAX);
        self.tell(id, Event::WelcomeBack { present });
        if role == Role::Moderator {
            self.brief(id);
        }
    }

    /// Returns the number of somebody who sits down, which is that of their seat where it is free.
    pub(super) fn ordinal(&mut self, seat: Option<&Left>, door: Door) -> u32 {
        let kept = seat.map(|seat| seat.ordinal);
        let taken = |ordinal: &u32| {
            let mut all = self.participants.values();
            all.any(|who| who.door == door && who.ordinal == *ordinal)
        };
        match kept.filter(|ordinal| !taken(ordinal)) {
            Some(ordinal) => {
                let highest = self.ordinals.entry(door).or_default();
                *highest = ordinal.max(*highest);
                ordinal
            }
            None => self.next_ordinal(door),
        }
    }

    /// Returns the number of a hand that goes up again, behind nobody who raised theirs later.
    pub(super) fn hand_again(&mut self, hand: u32) -> u32 {
        let taken = self.participants.values().any(|who| who.hand == Some(hand));
        self.hands = self.hands.max(hand);
        if taken {
            self.hands += 1;
            return self.hands;
        }
        hand
    }
}
