//! The part of a conference's task that is about pairing codes, which the server keeps.

use std::{sync::PoisonError, time::Instant};

use super::{
    super::{Notice, pairing::Pairings},
    Task, clock,
};
use crate::{
    conference::{error::Refusal, roster::Delta},
    id::ParticipantId,
    limit::PAIRING_MAX,
};

impl Task {
    /// Shows somebody a code by which a telephone becomes their sound.
    pub(super) fn offer_pairing(&mut self, participant: ParticipantId) {
        let room = self.room;
        let code = self.pairings(|pairings, now| pairings.offer(room, participant, now));
        let notice = match code {
            Some(code) => Notice::PairingCode(code, PAIRING_MAX),
            None => Notice::Refused(Refusal::NoCode),
        };
        self.tell(participant, notice);
    }

    /// Takes back the codes of those who are gone, and of those who have a telephone.
    pub(super) fn void_pairings(&self, delta: &Delta) {
        let paired = delta.entries.iter();
        let paired = paired.filter(|entry| entry.telephone.is_some());
        let over = delta.all_gone().chain(paired.map(|entry| entry.id));
        self.pairings(|pairings, _| over.for_each(|id| pairings.void(id)));
    }

    fn pairings<R>(&self, ask: impl FnOnce(&mut Pairings, Instant) -> R) -> R {
        let pairings = self.means.pairings.lock();
        let mut pairings = pairings.unwrap_or_else(PoisonError::into_inner);
        ask(&mut pairings, clock())
    }
}
