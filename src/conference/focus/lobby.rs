//! The waiting room (RFC 4575: status "pending"): who waits, who lets them in, and the alarm that makes newcomers wait.
//!
//! Who waits has no seat, so the mixer does not know their leg, and no roster but of themself. Moderators see them, and
//! decide: by name on the page, one after the other by telephone.
//!
//! Callers wait, too, where the server was gone and telephones had been sent away: which ones it does not know any more.

use super::{back::Before, *};
use crate::{
    conference::{
        acts::{Act, Actor},
        event::Knowledge,
        participant::Known,
        policy::{Lobby, Reason},
        rollcall::Label,
    },
    limit::{ALARM_MAX, LOBBY_WAIT_MAX},
};

/// Who waits, and what moderators have to do with it.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    /// In order of arrival, with the time until which they may wait.
    queue: Vec<(ParticipantId, Instant)>,
    /// Of whom a moderator was told last.
    heard: BTreeMap<ParticipantId, ParticipantId>,
    /// Guests in the order in which they came in.
    entered: Vec<ParticipantId>,
    /// Legs on hold whose people wait.
    held: BTreeSet<LegId>,
    /// That callers wait because the server was gone is yet to be shown, once somebody moderates.
    pub(super) unshown: bool,
}

impl Waiting {
    /// Until when the one may wait who has waited longest.
    pub(super) fn longest_until(&self) -> Option<Instant> {
        self.queue.first().map(|(_, until)| *until)
    }

    /// Of whom a moderator was told last, if they still wait.
    pub(super) fn heard_last(&self, by: ParticipantId) -> Option<ParticipantId> {
        self.heard
            .get(&by)
            .copied()
            .filter(|heard| self.has(*heard))
    }

    /// Notes of whom a moderator knows best.
    pub(super) fn note_heard(&mut self, by: ParticipantId, whom: ParticipantId) {
        self.heard.insert(by, whom);
    }

    /// Notes that a guest came in.
    pub(super) fn entered(&mut self, id: ParticipantId) {
        self.entered.push(id);
    }

    /// Notes that somebody inside is a moderator from here on.
    pub(super) fn is_no_guest(&mut self, id: ParticipantId) {
        self.entered.retain(|entered| *entered != id);
    }

    /// Notes whether a leg is on hold.
    pub(super) fn hold(&mut self, leg: LegId, held: bool) {
        if held {
            self.held.insert(leg);
        } else {
            self.held.remove(&leg);
        }
    }

    /// Tells whether a leg is on hold whose person is not inside yet.
    pub(super) fn is_held(&self, leg: LegId) -> bool {
        self.held.contains(&leg)
    }

    /// Forgets somebody who is gone.
    pub(super) fn forget(&mut self, id: ParticipantId, leg: LegId) {
        self.stop(id);
        self.heard.remove(&id);
        self.is_no_guest(id);
        self.held.remove(&leg);
    }

    /// Forgets that somebody waits.
    fn stop(&mut self, id: ParticipantId) {
        self.queue.retain(|(waiting, _)| *waiting != id);
    }

    /// Who has waited longest.
    fn first(&self) -> Option<ParticipantId> {
        self.queue.first().map(|(id, _)| *id)
    }

    /// Who waits after somebody; behind the last comes the first.
    fn after(&self, id: ParticipantId) -> Option<ParticipantId> {
        let place = self.queue.iter().position(|(waiting, _)| *waiting == id);
        let next = place.map_or(0, |place| (place + 1) % self.queue.len());
        self.queue.get(next).map(|(id, _)| *id)
    }

    fn has(&self, id: ParticipantId) -> bool {
        self.queue.iter().any(|(waiting, _)| *waiting == id)
    }
}

impl Focus {
    /// Tells whether a newcomer has to wait. Of those who moderate the first does not, for somebody must be there to
    /// open, but for one whose PIN may have been guessed: they come in where nobody is whom they could hear, no farther. Who
    /// was inside and dropped out is let back in.
    pub(super) fn must_wait(&self, newcomer: &Newcomer, before: &Before) -> bool {
        if newcomer.role == Role::Moderator && self.moderators().is_empty() {
            return newcomer.trust == Trust::Doubtful
                && !before.was_inside()
                && self.participants.values().any(Participant::is_inside);
        }
        if before.sent_away {
            return true;
        }
        if before.was_inside() {
            return false;
        }
        let doubted = match newcomer.trust {
            Trust::Full => false,
            Trust::Shared => self.conference.alarm,
            Trust::Doubtful => true,
        };
        doubted
            || self.cannot_tell(newcomer.door, newcomer.known)
            || match self.conference.lobby {
                Lobby::Off => false,
                Lobby::Guests => newcomer.role == Role::Guest,
                Lobby::All => true,
            }
    }

    /// Tells whether somebody may have been sent away before the server was gone: of numbers nothing outlives it, so that may
    /// be every telephone that comes by a PIN which many have.
    fn cannot_tell(&self, door: Door, known: Known) -> bool {
        self.conference.callers_wait && door == Door::Phone && known.person.is_none()
    }

    /// Puts somebody who is in the table into the waiting room.
    pub(super) fn wait(&mut self, id: ParticipantId, now: Instant) {
        let moderators = self.moderators();
        self.changed(id, false);
        let first = self.waiting.queue.is_empty();
        let known = match moderators.as_slice() {
            [] => Knowledge::Nobodys,
            // Whoever waits stands on a moderator's page at once.
            these if first || these.iter().any(|moderator| self.has_page(*moderator)) => {
                Knowledge::Of
            }
            _ => Knowledge::OfOthers,
        };
        self.tell(id, Event::Waiting { known });
        // Who was told of the first and has not decided knows that somebody waits.
        if first {
            for moderator in moderators {
                self.tell(moderator, Event::SomebodyWaits);
            }
        }
        self.waiting.queue.push((id, now + LOBBY_WAIT_MAX));
    }

    fn has_page(&self, id: ParticipantId) -> bool {
        self.participants.get(&id).is_some_and(|who| who.text)
    }

    /// Tells a moderator who comes in what they have to know.
    pub(super) fn brief(&mut self, id: ParticipantId) {
        if std::mem::take(&mut self.waiting.unshown) {
            self.happened(Actor::Server, Act::CallersWait, None);
        }
        if self.conference.alarm {
            self.tell(id, Event::Alarm);
        }
        if !self.waiting.queue.is_empty() {
            self.tell(id, Event::SomebodyWaits);
        }
    }

    /// Sends those home who have waited as long as one may.
    pub(super) fn send_home_who_waited_too_long(&mut self, now: Instant) {
        while let Some(&(id, until)) = self.waiting.queue.first()
            && until <= now
        {
            self.waiting.stop(id);
            self.dismiss(id, Dismissal::ComeLater, now);
        }
    }

    /// Lets somebody in.
    pub(super) fn admit(&mut self, by: ParticipantId, target: ParticipantId, now: Instant) {
        if self.let_in(target, now) {
            self.tell(by, Event::DoneLetIn);
            self.did(by, Act::Admitted, Some(target));
        } else {
            self.refuse(by, Refusal::NotHere);
        }
    }

    /// Lets everybody in who waits.
    pub(super) fn admit_all(&mut self, by: ParticipantId, now: Instant) {
        let waiting: Vec<ParticipantId> = self.waiting.queue.iter().map(|(id, _)| *id).collect();
        if waiting.is_empty() {
            self.refuse(by, Refusal::NobodyWaits);
            return;
        }
        for id in waiting {
            self.let_in(id, now);
        }
        self.tell(by, Event::DoneLetIn);
        self.did(by, Act::AdmittedAll, None);
    }

    /// Lets somebody in who waits; returns whether they did.
    fn let_in(&mut self, id: ParticipantId, now: Instant) -> bool {
        if !self.waiting.has(id) {
            return false;
        }
        self.waiting.stop(id);
        // They come in muted, whatever they have said before.
        self.leave_talk(id);
        let Some(participant) = self.participants.get_mut(&id) else {
            return false;
        };
        participant.status = if self.waiting.held.contains(&participant.leg) {
            Status::OnHold
        } else {
            Status::Connected
        };
        participant.said_name = false;
        self.enter(id, now, |present| Event::LetIn { present });
        true
    }

    /// Shows moderators that somebody who waits has said their name.
    pub(super) fn said_name(&mut self, leg: LegId, kept: bool) {
        let Some(participant) = self.by_leg(leg).filter(|who| !who.is_inside()) else {
            return;
        };
        if participant.said_name != kept {
            participant.said_name = kept;
            let id = participant.id;
            self.changed(id, false);
        }
    }

    /// Lets a moderator hear the name that somebody has said who waits; once that is wiped there is nobody to hear.
    pub(super) fn hear_name(&mut self, by: ParticipantId, target: ParticipantId) {
        let leg = self.participants.get(&by).map(|who| who.leg);
        let said = self.participants.get(&target).filter(|who| who.said_name);
        match leg.zip(said.map(Label::of)) {
            Some((leg, whom)) => self.notices.push_back(Effect::HearName { leg, whom }),
            None => self.refuse(by, Refusal::NotHere),
        }
    }

    /// Turns somebody away who waits.
    pub(super) fn turn_away(
        &mut self,
        by: ParticipantId,
        target: ParticipantId,
        reason: Reason,
        now: Instant,
    ) {
        if self.waiting.has(target) {
            self.dismiss(target, reason.into(), now);
            self.tell(by, Event::DoneTurnedAway);
        } else {
            self.refuse(by, Refusal::NotHere);
        }
    }

    /// Tells a moderator who has waited longest, or again of whom they were told last and have not decided.
    pub(super) fn hear_waiting(&mut self, by: ParticipantId) {
        let again = self.waiting.heard_last(by);
        let whom = again.or_else(|| self.waiting.first());
        self.hear_of(by, whom);
    }

    /// Tells a moderator who waits after the one of whom they were told last.
    pub(super) fn hear_next_waiting(&mut self, by: ParticipantId) {
        let next = match self.waiting.heard.get(&by) {
            Some(heard) => self.waiting.after(*heard),
            None => self.waiting.first(),
        };
        self.hear_of(by, next);
    }

    fn hear_of(&mut self, by: ParticipantId, whom: Option<ParticipantId>) {
        let participant = whom.and_then(|id| self.participants.get(&id));
        let Some(participant) = participant else {
            self.waiting.heard.remove(&by);
            self.refuse(by, Refusal::NobodyWaits);
            return;
        };
        let (id, whom) = (participant.id, Label::of(participant));
        let perhaps_removed = self.cannot_tell(participant.door, self.memory.known(id));
        self.waiting.note_heard(by, id);
        self.tell(
            by,
            Event::Waits {
                whom,
                perhaps_removed,
            },
        );
    }

    /// Lets the one in of whom a moderator was told last.
    pub(super) fn admit_heard(&mut self, by: ParticipantId, now: Instant) {
        match self.waiting.heard.remove(&by) {
            Some(heard) => self.admit(by, heard, now),
            None => return self.refuse(by, Refusal::NobodyWaits),
        }
        self.tell_who_is_left(by);
    }

    /// Tells a moderator who has decided about one that others wait, of whom nobody else would tell them: of those who came
    /// while somebody waited they have heard nothing.
    fn tell_who_is_left(&mut self, by: ParticipantId) {
        if !self.waiting.queue.is_empty() {
            self.tell(by, Event::SomebodyWaits);
        }
    }

    /// Turns the one away of whom a moderator was told last.
    pub(super) fn turn_away_heard(&mut self, by: ParticipantId, reason: Reason, now: Instant) {
        match self.waiting.heard.remove(&by) {
            Some(heard) => self.turn_away(by, heard, reason, now),
            None => return self.refuse(by, Refusal::NobodyWaits),
        }
        self.tell_who_is_left(by);
    }

    /// Decides who has to wait from here on; who waits already is let in or turned away by somebody. Where nobody is to wait,
    /// callers are trusted again.
    pub(super) fn decide_lobby(&mut self, by: ParticipantId, lobby: Lobby) {
        if self.set_lobby(lobby) {
            self.did(by, lobby.into(), None);
        }
        if lobby == Lobby::Off {
            self.trust_callers(by);
        }
    }

    /// Notes who has to wait; returns whether that changed anything.
    pub(super) fn set_lobby(&mut self, lobby: Lobby) -> bool {
        let changes = self.conference.lobby != lobby;
        self.conference.lobby = lobby;
        self.unpublished.state |= changes;
        changes
    }

    /// Sends the guest away who came in last.
    pub(super) fn remove_last(&mut self, by: ParticipantId, now: Instant) {
        let last = self.waiting.entered.last();
        let Some(participant) = last.and_then(|id| self.participants.get(id)) else {
            self.tell(by, Event::NobodyToRemove);
            return;
        };
        let (id, whom) = (participant.id, Label::of(participant));
        self.sends_away(by, Act::Removed, id);
        self.dismiss(id, Dismissal::Removed, now);
        self.tell(by, Event::RemovedLast { whom });
    }

    /// Lets newcomers with a shared PIN wait for a while, and tells moderators.
    pub(super) fn raise_alarm(&mut self, now: Instant) {
        self.alarm_until = Some(now + ALARM_MAX);
        if std::mem::replace(&mut self.conference.alarm, true) {
            return;
        }
        self.unpublished.state = true;
        for moderator in self.moderators() {
            self.tell(moderator, Event::Alarm);
        }
        self.happened(Actor::Server, Act::Alarm, None);
    }

    /// Trusts newcomers again because a moderator does: whatever it was that made them wait.
    pub(super) fn lift_alarm(&mut self, by: ParticipantId) {
        if self.end_alarm() {
            self.did(by, Act::AlarmLifted, None);
            self.notices.push_back(Effect::AlarmLifted);
        }
        self.trust_callers(by);
    }

    /// Lets callers in again although one of them may have been sent away before the server was gone.
    fn trust_callers(&mut self, by: ParticipantId) {
        if std::mem::take(&mut self.conference.callers_wait) {
            self.unpublished.state = true;
            self.did(by, Act::CallersTrusted, None);
        }
    }

    /// Ends the alarm; returns whether there was one.
    fn end_alarm(&mut self) -> bool {
        self.alarm_until = None;
        let was = std::mem::take(&mut self.conference.alarm);
        self.unpublished.state |= was;
        was
    }

    /// Trusts newcomers again because nobody has guessed for a while.
    pub(super) fn outlive_alarm(&mut self) {
        if self.end_alarm() {
            self.happened(Actor::Server, Act::AlarmLifted, None);
        }
    }
}
