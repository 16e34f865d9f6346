//! A telephone as the sound of a page: the page stops listening and speaking, shows on, and the telephone speaks.
//!
//! ```text
//!   page asks for a code ─▶ typed by a telephone ─▶ unconfirmed ─ "yes" at the page ─▶ confirmed
//!                                                       │ "no", or no page for AWAY_MAX: the telephone is put out
//!   telephone hangs up ─▶ the page's own leg again, muted        page gone for AWAY_MAX ─▶ the telephone alone, muted
//! ```
//!
//! It is one person with one line in the roster, whose leg is the telephone's: counts, roll calls, seats in the mix and all
//! that is done to somebody are about the person, and who removes them removes both. The page's leg is off the bus meanwhile, as
//! that of somebody who waits. A code alone makes nobody a moderator: until the page says whose telephone it is, its keys ask
//! for things as a guest's do, and it speaks as a guest.

use super::{arrival::Newcomer, back::Before, *};
use crate::limit::AWAY_MAX;

/// Which persons have a telephone as their sound.
#[derive(Debug, Default)]
pub(super) struct Pairs {
    by_person: BTreeMap<ParticipantId, Pair>,
    persons: BTreeMap<ParticipantId, ParticipantId>,
    /// Whose telephone asks for something at this moment: it alone is answered.
    asking: Option<ParticipantId>,
}

#[derive(Debug, Clone, Copy)]
struct Pair {
    /// As whom the telephone is told things.
    telephone: ParticipantId,
    page: Page,
    /// The leg that the page has, or had last.
    own: LegId,
    /// How far the page's leg is protected.
    protection: Protection,
}

/// Where the page is.
#[derive(Debug, Clone, Copy)]
enum Page {
    /// Here, with this leg.
    Here(LegId),
    /// It broke off then and may be back in a moment.
    Away(Instant),
    /// It has been away for too long.
    Gone,
}

/// A telephone that is nobody's sound any more.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parted {
    telephone: ParticipantId,
    leg: LegId,
    page: Page,
}

impl Pairs {
    /// Whose sound a telephone is.
    pub(super) fn person_of(&self, telephone: ParticipantId) -> Option<ParticipantId> {
        self.persons.get(&telephone).copied()
    }

    /// As whom the telephone is known that is somebody's sound.
    pub(super) fn telephone_of(&self, person: ParticipantId) -> Option<ParticipantId> {
        self.by_person.get(&person).map(|pair| pair.telephone)
    }

    /// The leg of a page whose sound is a telephone; none in the inner place where the page is not here.
    pub(super) fn page_of(&self, person: ParticipantId) -> Option<Option<LegId>> {
        self.by_person.get(&person).map(|pair| match pair.page {
            Page::Here(leg) => Some(leg),
            Page::Away(_) | Page::Gone => None,
        })
    }

    /// Whose page has a leg that is silent because a telephone speaks.
    pub(super) fn person_by_page(&self, leg: LegId) -> Option<ParticipantId> {
        let mut all = self.by_person.iter();
        let here = |page| matches!(page, Page::Here(own) if own == leg);
        all.find(|(_, pair)| here(pair.page)).map(|(id, _)| *id)
    }

    /// When a page has been away for too long.
    pub(super) fn next_at(&self) -> Option<Instant> {
        let since = self.by_person.values().filter_map(|pair| match pair.page {
            Page::Away(since) => Some(since),
            Page::Here(_) | Page::Gone => None,
        });
        since.min().map(|since| since + AWAY_MAX)
    }

    fn remove(&mut self, person: ParticipantId) -> Option<Pair> {
        let pair = self.by_person.remove(&person)?;
        self.persons.remove(&pair.telephone);
        Some(pair)
    }
}

impl Focus {
    /// Tells for whom something is told that a person is told: their page, their telephone, or both.
    pub(super) fn hearers(
        &self,
        id: ParticipantId,
        event: Option<Event>,
    ) -> impl Iterator<Item = ParticipantId> + use<> {
        let pair = self.pairs.by_person.get(&id);
        let asks = self.pairs.asking == Some(id);
        let confirmed = self.participants.get(&id).and_then(|who| who.telephone);
        let confirmed = confirmed == Some(Telephone::Confirmed);
        let by_ear = |pair: &Pair| {
            let alone = !matches!(pair.page, Page::Here(_));
            asks || event.is_some_and(|event| {
                event.is_of_ones_sound() || (confirmed && (alone || event == Event::MadeModerator))
            })
        };
        let telephone = pair.filter(|pair| by_ear(pair)).map(|pair| pair.telephone);
        let page = (!asks || pair.is_none()).then_some(id);
        page.into_iter().chain(telephone)
    }

    /// Returns the person that asks when a telephone or a page does, and as what.
    pub(super) fn asker(&self, by: ParticipantId) -> Option<(ParticipantId, Standing)> {
        let person = self.pairs.person_of(by);
        // What is on its way from a page that broke off comes too late.
        let who = self.participants.get(&person.unwrap_or(by));
        let who = who.filter(|who| !who.away)?;
        let role = if person.is_some() {
            who.role_of_sound()
        } else {
            who.role
        };
        let talked_to = who.status == Status::Pending && who.apart.is_some();
        let standing = if talked_to {
            Standing::Addressed
        } else {
            Standing::of(role, who.status)
        };
        Some((who.id, standing))
    }

    /// Does something of which a telephone alone is told that asks for it.
    pub(super) fn answering(&mut self, by: ParticipantId, act: impl FnOnce(&mut Self)) {
        self.pairs.asking = self.pairs.person_of(by);
        act(self);
        self.pairs.asking = None;
    }

    /// Lets somebody have a code by which a telephone becomes their sound.
    pub(super) fn ask_pairing_code(&mut self, by: ParticipantId) {
        match self.participants.get(&by) {
            Some(who) if who.telephone.is_some() => self.refuse(by, Refusal::AlreadyHere),
            Some(who) if who.door == Door::Browser => {
                let participant = by;
                self.notices.push_back(Effect::OfferPairing { participant });
            }
            Some(_) | None => self.refuse(by, Refusal::NotAllowed),
        }
    }

    /// Takes a page's word on the telephone that is its sound: it is theirs, or it is to go.
    pub(super) fn answer_for_telephone(&mut self, by: ParticipantId, own: bool, now: Instant) {
        // No telephone answers for itself.
        if self.pairs.asking == Some(by) {
            self.refuse(by, Refusal::NotAllowed);
            return;
        }
        let telephone = self.pairs.telephone_of(by);
        let who = self.participants.get_mut(&by);
        let (Some(who), Some(telephone)) = (who, telephone) else {
            self.refuse(by, Refusal::NotHere);
            return;
        };
        if who.telephone != Some(Telephone::Unconfirmed) {
            // It was answered for; from then on the telephone itself hangs up.
            self.refuse(by, Refusal::NotAllowed);
        } else if own {
            who.telephone = Some(Telephone::Confirmed);
            let leads = who.role == Role::Moderator;
            self.changed(by, false);
            if leads {
                self.tell(telephone, Event::MadeModerator);
            }
        } else {
            self.put_out(by, Dismissal::NotConfirmed, now);
        }
    }

    /// Lets a telephone that has come with a pairing code be somebody's sound.
    pub(super) fn join_as_sound(
        &mut self,
        person: ParticipantId,
        newcomer: &Newcomer,
        before: &Before,
    ) {
        let Newcomer {
            participant,
            leg,
            protection,
            known,
            ..
        } = *newcomer;
        let known_here = self.participants.contains_key(&participant) || self.has_leg(leg);
        let refusal = if matches!(self.state, State::Over { .. }) {
            Some(Refusal::Over)
        } else if known_here {
            Some(Refusal::AlreadyHere)
        } else if before.banned || before.sent_away {
            // For who was sent away there is the waiting room, where moderators decide; a code is no way past it.
            Some(Refusal::Banned)
        } else if !self.suffices(protection) {
            Some(Refusal::Unprotected)
        } else {
            (!self.takes_telephone(person)).then_some(Refusal::NotHere)
        };
        if let Some(refusal) = refusal {
            self.refuse(participant, refusal);
            return;
        }
        self.memory.meet(participant, known);
        self.pair(person, participant, (leg, protection, false));
    }

    /// Lets a telephone that is in the conference be somebody's sound: its own line of the roster goes, and nobody is gone.
    pub(super) fn pair_inside(&mut self, telephone: ParticipantId, person: ParticipantId) {
        if !self.takes_telephone(person) {
            self.refuse(telephone, Refusal::NotHere);
            return;
        }
        let caller = self.participants.get(&telephone);
        let calls = |who: &&Participant| who.is_inside() && who.door == Door::Phone;
        let Some(caller) = caller.filter(calls) else {
            self.refuse(telephone, Refusal::NotAllowed);
            return;
        };
        if caller.role == Role::Moderator {
            self.refuse(telephone, Refusal::LeadsItself);
            return;
        }
        let (leg, protection) = (caller.leg, caller.protection);
        let held = caller.status == Status::OnHold;
        self.participants.remove(&telephone);
        self.hinted.remove(&telephone);
        self.waiting.forget(telephone, leg);
        self.forget_call(telephone);
        self.unpublished.changed.remove(&telephone);
        self.unpublished.voices.remove(&telephone);
        self.unpublished.gone.insert(telephone);
        self.pair(person, telephone, (leg, protection, held));
    }

    fn takes_telephone(&self, person: ParticipantId) -> bool {
        self.participants.get(&person).is_some_and(|who| {
            who.is_inside() && who.door == Door::Browser && who.telephone.is_none() && !who.away
        })
    }

    fn pair(
        &mut self,
        person: ParticipantId,
        telephone: ParticipantId,
        (leg, protection, held): (LegId, Protection, bool),
    ) {
        self.end_talk(person);
        let Some(who) = self.participants.get_mut(&person) else {
            return;
        };
        let page = std::mem::replace(&mut who.leg, leg);
        let pair = Pair {
            telephone,
            page: Page::Here(page),
            own: page,
            protection: std::mem::replace(&mut who.protection, protection),
        };
        let original = std::mem::take(&mut who.original_sound);
        who.silence();
        who.telephone = Some(Telephone::Unconfirmed);
        if held {
            who.status = Status::OnHold;
        }
        self.legs.remove(&page);
        self.legs.insert(leg, person);
        self.hinted.remove(&person);
        self.pairs.by_person.insert(person, pair);
        self.pairs.persons.insert(telephone, person);
        if original {
            self.notices.push_back(Effect::OriginalSound {
                leg: page,
                on: false,
            });
        }
        self.changed(person, true);
        self.tell(telephone, Event::Paired);
        self.warn_unprotected(person);
    }

    /// Takes the telephone from somebody whose sound it is; their page's leg is theirs again, if it is here.
    pub(super) fn part(&mut self, person: ParticipantId, parting: Parting) -> Option<Parted> {
        if parting == Parting::Over {
            self.come_back(person);
        } else if self.pairs.by_person.contains_key(&person) {
            self.end_talk(person);
        }
        let Pair {
            telephone,
            page,
            own,
            protection,
        } = self.pairs.remove(person)?;
        self.memory.part_telephone(telephone, parting);
        let who = self.participants.get_mut(&person)?;
        let leg = std::mem::replace(&mut who.leg, own);
        who.silence();
        who.telephone = None;
        who.protection = protection;
        if who.status == Status::OnHold {
            who.status = Status::Connected;
        }
        self.legs.remove(&leg);
        self.hinted.remove(&person);
        if let Page::Here(own) = page {
            self.legs.insert(own, person);
        }
        self.changed(person, true);
        Some(Parted {
            telephone,
            leg,
            page,
        })
    }

    /// Lets somebody go on without their telephone: with the sound of their page, muted, or as one who is away; gone where
    /// there is no page any more.
    pub(super) fn unpair(&mut self, person: ParticipantId, now: Instant) -> Option<Parted> {
        let parted = self.part(person, Parting::Left)?;
        match parted.page {
            Page::Here(_) => {}
            Page::Away(since) => self.goes_away(person, since),
            Page::Gone => {
                self.take_out(person, Parting::Lost, now);
            }
        }
        Some(parted)
    }

    /// Ends a telephone that is somebody's sound; returns whether there was one.
    pub(super) fn put_out(&mut self, person: ParticipantId, why: Dismissal, now: Instant) -> bool {
        let parted = self.unpair(person, now);
        parted
            .map(|parted| self.dismiss_telephone(parted, why))
            .is_some()
    }

    /// Says goodbye to a telephone that is nobody's sound any more.
    pub(super) fn dismiss_telephone(&mut self, parted: Parted, why: Dismissal) {
        let Parted { telephone, leg, .. } = parted;
        if let Some(event) = why.event() {
            self.tell(telephone, event);
        }
        self.notices.push_back(Effect::Dismiss {
            participant: telephone,
            leg,
            why,
        });
    }

    /// Notes that the page of somebody broke off whose sound is a telephone; returns whether it is one.
    pub(super) fn lose_page(&mut self, person: ParticipantId, now: Instant) -> bool {
        let Some(pair) = self.pairs.by_person.get_mut(&person) else {
            return false;
        };
        if matches!(pair.page, Page::Here(_)) {
            pair.page = Page::Away(now);
            self.can_write(person, false);
            self.break_line(person);
        }
        true
    }

    /// Lets a page find itself with its telephone again; returns whether there is one.
    pub(super) fn find_telephone(&mut self, person: ParticipantId, newcomer: &Newcomer) -> bool {
        let Some(pair) = self.pairs.by_person.get_mut(&person) else {
            return false;
        };
        pair.page = Page::Here(newcomer.leg);
        pair.own = newcomer.leg;
        pair.protection = newcomer.protection;
        self.can_write(person, true);
        true
    }

    fn can_write(&mut self, person: ParticipantId, can: bool) {
        if let Some(who) = self.participants.get_mut(&person) {
            who.text = can;
            self.changed(person, false);
        }
    }

    /// Leaves telephones alone whose page has been away for too long: muted where the page had said whose they are, and else put
    /// out, for nobody could say it any more.
    pub(super) fn give_up_pages(&mut self, now: Instant) {
        let over = |(id, pair): (&ParticipantId, &Pair)| {
            let over = matches!(pair.page, Page::Away(since) if since + AWAY_MAX <= now);
            over.then_some(*id)
        };
        let over: Vec<ParticipantId> = self.pairs.by_person.iter().filter_map(over).collect();
        for id in over {
            let telephone = self.participants.get(&id).and_then(|who| who.telephone);
            if telephone != Some(Telephone::Confirmed) {
                self.put_out(id, Dismissal::NotConfirmed, now);
                continue;
            }
            if let Some(pair) = self.pairs.by_person.get_mut(&id) {
                pair.page = Page::Gone;
            }
            self.set_microphone(id, false);
        }
    }
}
