//! How far legs are protected: what a room demands of them, and who is told that theirs has less than is usual.

use super::*;

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
            self.dismiss(id, Dismissal::Unprotected, now);
        } else if inside && protection < before {
            self.warn_unprotected(id);
        }
    }

    /// Tells somebody that their leg is less protected than is usual in the room, if it is.
    pub(super) fn warn_unprotected(&mut self, id: ParticipantId) {
        let norm = self.config.policy.level.norm();
        let participant = self.participants.get(&id);
        if participant.is_some_and(|who| who.protection < norm) {
            self.tell(id, Event::LineNotEncrypted);
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
            self.dismiss(id, Dismissal::Unprotected, now);
        }
    }
}
