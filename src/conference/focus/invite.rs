//! Calls out of the conference: a moderator has somebody called, and all inside see it from the beginning.
//!
//! ```text
//!   Invite ─▶ Dial ─▶ the telephone door judges ─ refused: told
//!                                               └ Join, invited ─▶ dialing-out ─▶ alerting ┬ unreached: told, out
//!                                                                                           └ answered, `1` pressed ─▶ connected, muted
//! ```
//!
//! Until they press the key they have no seat: they hear nobody, and nobody hears them but whoever had them called, who
//! hears what the network plays before it answers, over a channel beside the conference.

use super::*;
use crate::{
    conference::{acts::Act, participant::Known},
    limit::CALLS_OUT_MAX,
    pii::Pii,
};

/// How a call out of the conference goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// It rings.
    Alerting,
    /// The network plays something before it answers; whoever had it made hears that, or no longer.
    Early(bool),
    /// Who was called wants in, over a leg that is protected so far.
    Accepted(Protection),
    /// Nothing came of it.
    Unreached(Unreached),
}

/// Why nothing came of a call out of the conference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unreached {
    /// The line is busy.
    Busy,
    /// Nobody answered, or whoever did pressed no key: a voicemail never does.
    Silent,
    /// Who was called does not want to.
    Declined,
    /// The call could not be made.
    Failed,
}

impl Unreached {
    /// What whoever had the call made is told.
    const fn event(self) -> Event {
        match self {
            Self::Busy => Event::CalleeBusy,
            Self::Silent => Event::CalleeSilent,
            Self::Declined => Event::CalleeDeclined,
            Self::Failed => Event::CallFailed,
        }
    }
}

/// A call that is being made.
#[derive(Debug)]
pub(super) struct Invited {
    /// Who had it made.
    by: ParticipantId,
    /// By what who was called can be known again once they are in.
    known: Known,
    /// The channel over which whoever had it made hears it.
    channel: u8,
    early: bool,
}

impl Focus {
    /// Has somebody called, if no more are called than may be.
    pub(super) fn invite(&mut self, by: ParticipantId, number: Pii<String>) {
        let Some(inviter) = self.participants.get(&by) else {
            return;
        };
        let (inviter, door) = (Label::of(inviter), inviter.door);
        // Nothing that came in by telephone has anybody called, whatever its keys may come to mean.
        if door == Door::Phone {
            self.refuse(by, Refusal::NotAllowed);
        } else if self.participants.len() >= self.config.capacity {
            self.refuse(by, Refusal::Full);
        } else if self.calls.len() >= CALLS_OUT_MAX {
            self.refuse(by, Refusal::TooManyCalls);
        } else {
            self.notices.push_back(Effect::Dial {
                by,
                inviter,
                number,
            });
        }
    }

    /// Tells whether a call may be shown that is about to be made.
    pub(super) fn may_call(&self, by: ParticipantId) -> Result<(), Refusal> {
        let inviter = self.participants.get(&by);
        if !inviter.is_some_and(|who| who.is_inside() && who.role == Role::Moderator) {
            Err(Refusal::NotAllowed)
        } else if self.calls.len() >= CALLS_OUT_MAX {
            Err(Refusal::TooManyCalls)
        } else {
            Ok(())
        }
    }

    /// Notes that a call is being made to somebody who is in the table.
    pub(super) fn calling(&mut self, id: ParticipantId, by: ParticipantId, known: Known) {
        let taken = |channel: &u8| self.calls.values().any(|call| call.channel == *channel);
        let channel = (1..).find(|channel| !taken(channel)).unwrap_or(u8::MAX);
        let call = Invited {
            by,
            known,
            channel,
            early: false,
        };
        self.calls.insert(id, call);
        self.changed(id, false);
        self.did(by, Act::Invited, Some(id));
    }

    /// Hears how a call goes.
    pub(super) fn progress(&mut self, id: ParticipantId, progress: Progress, now: Instant) {
        let Some(call) = self.calls.get_mut(&id) else {
            return;
        };
        match progress {
            Progress::Alerting => {
                if let Some(callee) = self.participants.get_mut(&id)
                    && callee.status == Status::DialingOut
                {
                    callee.status = Status::Alerting;
                    self.changed(id, false);
                }
            }
            Progress::Early(heard) => {
                self.unpublished.seats |= call.early != heard;
                call.early = heard;
            }
            Progress::Accepted(protection) => self.accept(id, protection, now),
            Progress::Unreached(why) => {
                let by = call.by;
                self.take_out(id, Parting::Over, now);
                self.tell_inviter(by, why.event());
            }
        }
    }

    /// Lets somebody in who was called and wants in, muted as everybody. No lock and no waiting room keeps out whom a
    /// moderator has called.
    fn accept(&mut self, id: ParticipantId, protection: Protection, now: Instant) {
        let Some(call) = self.calls.get(&id) else {
            return;
        };
        let (by, known) = (call.by, call.known);
        if !self.suffices(protection) {
            self.dismiss(id, Dismissal::Unprotected, now);
            return self.tell_inviter(by, Event::CallFailed);
        }
        self.forget_call(id);
        let Some(callee) = self.participants.get_mut(&id) else {
            return;
        };
        callee.protection = protection;
        callee.status = if self.waiting.is_held(callee.leg) {
            Status::OnHold
        } else {
            Status::Connected
        };
        self.memory.meet(id, known);
        self.enter(id, now, |present| Event::Admitted { present });
    }

    /// Tells whoever had a call made what became of it, if they are still here.
    fn tell_inviter(&mut self, by: ParticipantId, event: Event) {
        if self.participants.contains_key(&by) {
            self.tell(by, event);
        }
    }

    /// Forgets a call that is over.
    pub(super) fn forget_call(&mut self, id: ParticipantId) {
        if let Some(call) = self.calls.remove(&id) {
            self.unpublished.seats |= call.early;
        }
    }

    /// Gives up the calls that are being made: nobody is there to meet.
    pub(super) fn give_up_calls(&mut self, now: Instant) {
        let callees: Vec<ParticipantId> = self.calls.keys().copied().collect();
        for id in callees {
            self.dismiss(id, Dismissal::Ended, now);
        }
    }

    /// What somebody speaks into and hears beside the conference, a bit for each channel.
    pub(super) fn beside(&self, participant: &Participant) -> (u64, u64) {
        let bit = |call: &Invited| 1_u64 << (call.channel % 64);
        let early = |call: &&Invited| call.early;
        let own = self.calls.get(&participant.id).filter(early);
        let speaks = own.map_or(0, bit);
        let made = self.calls.values().filter(early);
        let made = made.filter(|call| call.by == participant.id);
        let hears = match participant.status {
            Status::Connected => made.map(bit).fold(0, |all, bit| all | bit),
            Status::Pending | Status::OnHold | Status::DialingOut | Status::Alerting => 0,
        };
        (speaks, hears)
    }

    /// Those whose sound is heard before they answer.
    pub(super) fn heard_early(&self) -> impl Iterator<Item = &Participant> {
        let early = self.calls.iter().filter(|(_, call)| call.early);
        early.filter_map(|(id, _)| self.participants.get(id))
    }
}
