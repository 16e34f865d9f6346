//! The INVITE usage of a dialog (RFC 3261 §13, §14): answered by the door, acknowledged by the peer, renegotiated, left.

use std::{
    collections::{BTreeMap, VecDeque},
    time::{Duration, Instant},
};

use sipx_sip::Headers;

use crate::{
    dialog::{Dialog, DialogId},
    endpoint::{
        CallRef, Cause, Flow, Origin,
        request::Heads,
        timers::{Backoff, PATIENCE},
        write::Wire,
    },
    sdp::Description,
    session_timer::{Timer, Wish, allows_update},
};

/// A call: its dialog, where its session stands, and what we last said about media.
#[derive(Debug)]
pub(crate) struct Call {
    /// The dialog.
    pub(crate) dialog: Dialog,
    /// The state.
    pub(crate) session: Session,
    /// Somebody there has read what we sent: they have acknowledged, or answered us.
    pub(crate) proven: bool,
    /// Our last description, whose successor the next one must be.
    pub(crate) described: Option<Description>,
    /// The transaction of our OPTIONS that waits for its response.
    pub(crate) ping: Option<u64>,
    /// Our session interval for this call, where it is not the endpoint's.
    pub(crate) interval: Option<Duration>,
    /// The session timer, if both sides agreed upon one.
    pub(crate) timer: Option<Timer>,
    /// Whether the peer takes UPDATE.
    pub(crate) knows_update: bool,
    /// Our last re-INVITE.
    pub(crate) reinvite: Option<Reinvite>,
    /// What waits for a way to the peer, whose connection is gone.
    pub(crate) cut_off: Option<CutOff>,
    /// How often a connection was lost, since the peer was heard last, while a request of ours waited for its response.
    pub(crate) cuts: u8,
    /// Why we have hung up.
    pub(crate) farewell: Option<Cause>,
    /// The transactions of the peer's requests in it that are remembered, the oldest first; some may be over.
    pub(crate) answers: VecDeque<u64>,
}

/// What is to be asked of a peer to which there is no way.
#[derive(Debug)]
pub(crate) struct CutOff {
    /// Each at most once.
    pub(crate) errands: Vec<Errand>,
    /// Until when the door may look for a way.
    pub(crate) until: Instant,
}

/// A request of ours within a dialog that can be sent later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Errand {
    /// To hang up; then there is nothing else to be said.
    Bye,
    /// To learn whether the peer is there.
    Ping,
    /// To refresh the session.
    Refresh,
}

impl CutOff {
    pub(crate) fn add(&mut self, errand: Errand) {
        if errand == Errand::Bye {
            self.errands.clear();
        }
        if !self.errands.contains(&errand) {
            self.errands.push(errand);
        }
    }
}

/// A re-INVITE of ours, which refreshes the session of a peer that takes no UPDATE.
#[derive(Debug)]
pub(crate) enum Reinvite {
    /// It waits for its final response; meanwhile the peer may not change the session (RFC 3261 §14.2).
    Asked,
    /// Its 2xx is acknowledged, and will be again.
    Acknowledged {
        /// Its number.
        cseq: u32,
        /// The acknowledgement.
        ack: Wire,
    },
}

impl Reinvite {
    pub(crate) fn is_asked(&self) -> bool {
        matches!(self, Self::Asked)
    }
}

/// Where a session stands.
#[derive(Debug)]
pub(crate) enum Session {
    /// The INVITE waits for the door.
    Proceeding(Invitation),
    /// Our 200 waits for its ACK.
    Answered(Unacknowledged),
    /// The session runs.
    Confirmed,
    /// A re-INVITE, or an UPDATE with an offer, waits for the door.
    Reinvited(Invitation),
    /// Our 200 to a re-INVITE waits for its ACK.
    Reanswered(Unacknowledged),
    /// The door has left for this cause, but the BYE must wait for the ACK of our 200 (RFC 3261 §15.1.1).
    Leaving(Unacknowledged, Option<Cause>),
    /// Our BYE is out.
    Left,
}

/// An INVITE, re-INVITE or UPDATE that waits for the door.
#[derive(Debug)]
pub(crate) struct Invitation {
    /// Its server transaction.
    pub(crate) transaction: u64,
    /// What the response repeats.
    pub(crate) heads: Heads,
    /// Its CSeq.
    pub(crate) cseq: u32,
    /// Record-Route rows, to be repeated in the 200.
    pub(crate) record_routes: Vec<Vec<u8>>,
    /// What follows its 200.
    pub(crate) kind: Kind,
    /// The session timer that it asks for.
    pub(crate) wish: Wish,
    /// When the door has thought long enough.
    pub(crate) until: Instant,
}

/// What follows the 200 to an offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The ACK.
    Invite {
        /// Whether the INVITE came without an offer, so that ours goes into the 200 and the ACK carries the answer.
        delayed: bool,
    },
    /// Nothing: the exchange is complete (RFC 3311 §5.2).
    Update,
}

/// A 200 that waits for its ACK; repeated on every transport (RFC 3261 §13.3.1.4).
#[derive(Debug)]
pub(crate) struct Unacknowledged {
    /// The CSeq of the INVITE, and of its ACK.
    pub(crate) cseq: u32,
    /// The 200.
    pub(crate) response: Wire,
    /// Where it goes.
    pub(crate) flow: Flow,
    /// Whether the ACK carries the answer.
    pub(crate) delayed: bool,
    resend: Backoff,
    until: Instant,
}

/// What a call's timer brought about.
#[derive(Debug)]
pub(crate) enum CallFired {
    /// Nothing to be done.
    Nothing,
    /// The 200 goes out again.
    Resend(Flow, Wire),
    /// No ACK came.
    AckTimeout,
    /// The door said nothing.
    Unanswered,
}

impl Call {
    /// Heeds what a request of the peer says about itself.
    pub(crate) fn heed(&mut self, headers: &Headers) {
        self.dialog.refresh_target(headers);
        self.knows_update = allows_update(headers).unwrap_or(self.knows_update);
    }

    /// When something is due.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let running = self.timer.filter(|_| !self.session.is_over());
        let timer = running.map(|timer| timer.poll_timeout());
        let way = self.cut_off.as_ref().map(|cut_off| cut_off.until);
        let session = self.session.poll_timeout().into_iter();
        session.chain(timer).chain(way).min()
    }
}

impl Unacknowledged {
    pub(crate) fn new(
        invitation: &Invitation,
        delayed: bool,
        response: Wire,
        now: Instant,
    ) -> Self {
        Self {
            cseq: invitation.cseq,
            response,
            flow: invitation.heads.reply_to,
            delayed,
            resend: Backoff::new(now),
            until: now + PATIENCE,
        }
    }
}

impl Session {
    /// The 200 that waits for an ACK.
    pub(crate) fn unacknowledged(&self) -> Option<&Unacknowledged> {
        match self {
            Self::Answered(unacknowledged)
            | Self::Reanswered(unacknowledged)
            | Self::Leaving(unacknowledged, _) => Some(unacknowledged),
            Self::Proceeding(_) | Self::Confirmed | Self::Reinvited(_) | Self::Left => None,
        }
    }

    /// The INVITE that waits for the door.
    pub(crate) fn invitation(&self) -> Option<&Invitation> {
        match self {
            Self::Proceeding(invitation) | Self::Reinvited(invitation) => Some(invitation),
            Self::Answered(_)
            | Self::Confirmed
            | Self::Reanswered(_)
            | Self::Leaving(..)
            | Self::Left => None,
        }
    }

    /// Whether the door has been told, or need not be told, that the call is over.
    pub(crate) fn is_over(&self) -> bool {
        matches!(self, Self::Leaving(..) | Self::Left)
    }

    /// Whether no ACK has ever come.
    fn is_unconfirmed(&self) -> bool {
        matches!(
            self,
            Self::Proceeding(_) | Self::Answered(_) | Self::Leaving(..)
        )
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant) -> CallFired {
        match self {
            Self::Answered(waiting) | Self::Reanswered(waiting) | Self::Leaving(waiting, _) => {
                if waiting.until <= now {
                    CallFired::AckTimeout
                } else if waiting.resend.fires(now) {
                    CallFired::Resend(waiting.flow, waiting.response.clone())
                } else {
                    CallFired::Nothing
                }
            }
            Self::Proceeding(invitation) | Self::Reinvited(invitation)
                if invitation.until <= now =>
            {
                CallFired::Unanswered
            }
            Self::Proceeding(_) | Self::Reinvited(_) | Self::Confirmed | Self::Left => {
                CallFired::Nothing
            }
        }
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        match self {
            Self::Answered(waiting) | Self::Reanswered(waiting) | Self::Leaving(waiting, _) => {
                Some(waiting.resend.at().min(waiting.until))
            }
            Self::Proceeding(invitation) | Self::Reinvited(invitation) => Some(invitation.until),
            Self::Confirmed | Self::Left => None,
        }
    }
}

/// All calls, by handle and by dialog.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    next: u64,
    all: BTreeMap<CallRef, Call>,
    by_dialog: BTreeMap<DialogId, CallRef>,
}

impl Calls {
    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    /// Reserves the handle of the next call.
    pub(crate) fn reserve(&mut self) -> CallRef {
        self.next += 1;
        CallRef(self.next)
    }

    pub(crate) fn insert(&mut self, call: CallRef, dialog: Dialog, session: Session) -> &mut Call {
        self.by_dialog.insert(dialog.id.clone(), call);
        let value = Call {
            dialog,
            proven: !matches!(session, Session::Proceeding(_)),
            session,
            described: None,
            ping: None,
            interval: None,
            timer: None,
            knows_update: false,
            reinvite: None,
            cut_off: None,
            cuts: 0,
            farewell: None,
            answers: VecDeque::new(),
        };
        // The handle is fresh, so nothing was there.
        self.all.entry(call).insert_entry(value).into_mut()
    }

    pub(crate) fn find(&self, dialog: &DialogId) -> Option<CallRef> {
        self.by_dialog.get(dialog).copied()
    }

    pub(crate) fn get(&self, call: CallRef) -> Option<&Call> {
        self.all.get(&call)
    }

    pub(crate) fn get_mut(&mut self, call: CallRef) -> Option<&mut Call> {
        self.all.get_mut(&call)
    }

    /// The calls over one connection that the peer has not acknowledged, or whose acknowledgement only our BYE waits for.
    pub(crate) fn unconfirmed_over(&self, flow: Flow) -> Vec<CallRef> {
        self.all
            .iter()
            .filter(|(_, call)| call.dialog.flow == flow && call.session.is_unconfirmed())
            .map(|(id, _)| *id)
            .collect()
    }

    /// Moves the calls over one flow to another.
    pub(crate) fn move_to(&mut self, before: Flow, flow: Flow) {
        let moved = self
            .all
            .values_mut()
            .filter(|call| call.dialog.flow == before);
        for call in moved {
            call.dialog.move_to(flow);
        }
    }

    /// The calls of which something waits for a way to the peer.
    pub(crate) fn cut_off(&self) -> impl Iterator<Item = CallRef> {
        let waiting = self.all.iter().filter(|(_, call)| call.cut_off.is_some());
        waiting.map(|(id, _)| *id)
    }

    /// How many calls in somebody has begun and not acknowledged yet.
    pub(crate) fn unacknowledged(&self, origin: Origin) -> usize {
        let of = self.all.values();
        let begun = of.filter(|call| match &call.session {
            Session::Proceeding(_) | Session::Answered(_) => true,
            Session::Confirmed
            | Session::Reinvited(_)
            | Session::Reanswered(_)
            | Session::Leaving(..)
            | Session::Left => false,
        });
        begun
            .filter(|call| call.dialog.flow.origin() == origin)
            .count()
    }

    /// Forgets a way that is no more, and that was the only one with its address or not.
    pub(crate) fn lose_way(&mut self, way: Flow, alone: bool) {
        let calls = self.all.values_mut();
        calls.for_each(|call| call.dialog.lose_way(way, alone));
    }

    pub(crate) fn remove(&mut self, call: CallRef) {
        if let Some(value) = self.all.remove(&call) {
            self.by_dialog.remove(&value.dialog.id);
        }
    }
}
