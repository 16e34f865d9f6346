//! How far legs are protected: what a room demands of them, and who is told that theirs has less than the room's norm.

use super::*;
use crate::conference::policy::Level;

impl Focus {
    /// Tells whether a leg is protected as far as the room demands.
    pub(super) fn suffices(&self, protection: Protection) -> bool {
        protection >= self.config.policy.protection
    }

    /// Notes how far a leg is protected from here on; one that is not as the room demands has to go.
    pub(super) fn protect(&mut self, leg: LegId, protection: Protection, now: Instant) {
        let Some(participant) = self.by_leg(leg) else {
            return;
        };
        let before = std::mem::replace(&mut participant.protection, protection);
        if before == protection {
            return;
        }
        let (id, inside) = (participant.id, participant.is_inside());
        self.changed(id, false);
        if !self.suffices(protection) {
            self.dismiss_leg(id, now);
        } else if inside && protection < before {
            self.warn_unprotected(id);
        }
    }

    /// Tells somebody that their leg is less protected than is the room's norm, if it is.
    pub(super) fn warn_unprotected(&mut self, id: ParticipantId) {
        let norm = self.config.policy.level.norm();
        let Some(participant) = self.participants.get(&id) else {
            return;
        };
        let event = match participant.protection {
            protection if protection >= norm => return,
            Protection::None => Event::LineNotEncrypted,
            Protection::ToCarrier | Protection::ToDevice => Event::LineToCarrier,
        };
        self.tell(id, event);
    }

    /// Tells everybody inside whose leg was good enough for the norm before and is not any more.
    pub(super) fn warn_of_norm(&mut self, before: Level) {
        let (before, norm) = (before.norm(), self.config.policy.level.norm());
        let sufficed = |who: &&Participant| {
            who.is_inside() && who.protection >= before && who.protection < norm
        };
        let people = self.participants.values().filter(sufficed);
        let people: Vec<ParticipantId> = people.map(|who| who.id).collect();
        for id in people {
            self.warn_unprotected(id);
        }
    }

    /// Sends those away whose legs are not protected as far as the room demands.
    pub(super) fn dismiss_unprotected(&mut self, now: Instant) {
        let everybody = self.participants.values();
        let unprotected: Vec<ParticipantId> = everybody
            // How far a call is protected that is being made is known once it is answered.
            .filter(|who| !who.is_called() && !self.suffices(who.protection))
            .map(|who| who.id)
            .collect();
        for id in unprotected {
            self.dismiss_leg(id, now);
        }
    }

    /// Sends somebody away because of their leg; of who has a page with a telephone for its sound, the telephone alone.
    fn dismiss_leg(&mut self, id: ParticipantId, now: Instant) {
        if !self.put_out(id, Dismissal::Unprotected, now) {
            self.dismiss(id, Dismissal::Unprotected, now);
        }
    }
}
