//! What the door wants (RFC 3261 §13.3.1, §15): to accept, to refuse, to leave, to ask whether the peer is there.

use std::time::Instant;

use super::{
    CallRef, Cause, Ended, Endpoint, Event,
    budget::Message,
    calls::success,
    client::{Asker, Exchange, NonInviteClient, Purpose},
    invite::InviteClient,
    refresh::announce_timer,
    requests::is_reliable,
    server::{Machine, NonInviteServer},
    timers::Owner,
    write::{Head, Reply, Wire},
};
use crate::{
    sdp::Description,
    session::{Call, Errand, Kind, Session, Unacknowledged},
    session_timer::Timer,
};

impl Endpoint {
    pub(super) fn accept(&mut self, id: CallRef, sdp: Description, now: Instant) {
        let Some(call) = self.calls.get_mut(id) else {
            return;
        };
        let Some(invitation) = call.session.invitation() else {
            return;
        };
        let wanted = call.interval.unwrap_or(self.session_interval);
        let terms = invitation.wish.answered(wanted);
        let sdp = match &call.described {
            Some(previous) => sdp.revise(previous),
            None => sdp,
        };
        let mut reply = success(call, invitation.heads.reply_to);
        for route in &invitation.record_routes {
            reply = reply.with("Record-Route", route.clone());
        }
        reply = announce_timer(reply, terms);
        reply.body = Some(sdp.print());
        let tag = String::from_utf8_lossy(&call.dialog.id.local_tag).into_owned();
        let tag = (!invitation.heads.is_tagged()).then_some(tag.as_str());
        let response = reply.write(&invitation.heads, tag, &self.agent);
        let (transaction, flow) = (invitation.transaction, invitation.heads.reply_to);
        let wait = |delayed| Unacknowledged::new(invitation, delayed, response.clone(), now);
        let kind = invitation.kind;
        let begins = matches!(call.session, Session::Proceeding(_));
        call.session = match (kind, &call.session) {
            (Kind::Update, _) => Session::Confirmed,
            (Kind::Invite { delayed }, Session::Proceeding(_)) => Session::Answered(wait(delayed)),
            (Kind::Invite { delayed }, _) => Session::Reanswered(wait(delayed)),
        };
        call.described = Some(sdp);
        call.timer = terms.map(|terms| Timer::new(terms, now));
        self.settle_call(id);
        self.finish(transaction, true, response.clone(), now);
        if !begins {
            self.remember_answer(id, transaction);
        }
        self.send_for(id, flow, response, Message::Response, now);
        if kind == Kind::Update {
            self.tell(Event::Renegotiated {
                call: id,
                answer: None,
            });
        }
    }

    pub(super) fn reject(
        &mut self,
        id: CallRef,
        status: u16,
        reason: &'static str,
        retry_after: Option<u32>,
        cause: Option<Cause>,
        now: Instant,
    ) {
        let mut reply = Reply::new(if (300..700).contains(&status) {
            status
        } else {
            500
        });
        if !reason.is_empty() && !reason.contains(char::is_control) {
            reply.reason = reason;
        }
        if let Some(seconds) = retry_after {
            reply = reply.with("Retry-After", seconds.to_string());
        }
        let reply = reply.caused_by(cause);
        self.refuse_invitation(id, reply, Ended::Rejected, None, now);
    }

    pub(super) fn leave(&mut self, id: CallRef, cause: Option<Cause>, now: Instant) {
        if self.leave_outgoing(id, Ended::Left, cause, now) {
            return;
        }
        let Some(call) = self.calls.get_mut(id) else {
            return;
        };
        match std::mem::replace(&mut call.session, Session::Left) {
            before @ Session::Proceeding(_) => {
                call.session = before;
                let reply = Reply::new(480).caused_by(cause);
                self.refuse_invitation(id, reply, Ended::Left, None, now);
            }
            Session::Answered(waiting) => {
                call.session = Session::Leaving(waiting, cause);
                self.settle_call(id);
                self.tell(Event::Ended {
                    call: id,
                    reason: Ended::Left,
                    cause: None,
                });
            }
            before @ (Session::Confirmed | Session::Reinvited(_) | Session::Reanswered(_)) => {
                call.session = before;
                self.end(id, Ended::Left, None);
                self.hang_up(id, cause, now);
            }
            before @ (Session::Leaving(..) | Session::Left) => call.session = before,
        }
    }

    pub(super) fn ping(&mut self, id: CallRef, now: Instant) {
        let Some(call) = self.calls.get(id) else {
            return;
        };
        let runs = matches!(
            call.session,
            Session::Confirmed | Session::Reinvited(_) | Session::Reanswered(_)
        );
        if !runs
            || call.ping.is_some()
            || self.is_full()
            || self.waits_for_way(id, Errand::Ping, now)
        {
            return;
        }
        match self.request(id, Purpose::Ping, &[], None, now) {
            Some(transaction) => {
                if let Some(call) = self.calls.get_mut(id) {
                    call.ping = Some(transaction);
                }
            }
            None => {
                self.end(id, Ended::Unreachable, None);
                self.forget_call(id, now);
            }
        }
    }

    /// Refuses the INVITE that waits for the door: the first one ends the call, a later one leaves it as it was.
    pub(super) fn refuse_invitation(
        &mut self,
        id: CallRef,
        reply: Reply,
        reason: Ended,
        cause: Option<Cause>,
        now: Instant,
    ) {
        let first = matches!(
            self.calls.get(id).map(|call| &call.session),
            Some(Session::Proceeding(_))
        );
        self.refuse_pending(id, &reply, now);
        if first {
            self.end(id, reason, cause);
            self.forget_call(id, now);
        }
    }

    /// Refuses whatever INVITE or re-INVITE waits for the door; the session goes on as confirmed.
    pub(super) fn refuse_pending(&mut self, id: CallRef, reply: &Reply, now: Instant) {
        let Some(call) = self.calls.get_mut(id) else {
            return;
        };
        let Some(invitation) = call.session.invitation() else {
            return;
        };
        let tag = String::from_utf8_lossy(&call.dialog.id.local_tag).into_owned();
        let tag = (!invitation.heads.is_tagged()).then_some(tag.as_str());
        let response = reply.write(&invitation.heads, tag, &self.agent);
        let (transaction, flow) = (invitation.transaction, invitation.heads.reply_to);
        let begins = matches!(call.session, Session::Proceeding(_));
        call.session = Session::Confirmed;
        self.settle_call(id);
        self.finish(transaction, false, response.clone(), now);
        if !begins {
            self.remember_answer(id, transaction);
        }
        self.send_for(id, flow, response, Message::Response, now);
    }

    /// Tells the door that the call is over, once; `cause` is the peer's.
    pub(super) fn end(&mut self, id: CallRef, reason: Ended, cause: Option<Cause>) {
        if self
            .calls
            .get(id)
            .is_some_and(|call| !call.session.is_over())
        {
            self.tell(Event::Ended {
                call: id,
                reason,
                cause,
            });
        }
    }

    /// Says BYE; the call lives on until its response, so that a BYE which crosses ours is answered 200.
    pub(super) fn hang_up(&mut self, id: CallRef, cause: Option<Cause>, now: Instant) {
        self.refuse_pending(id, &Reply::new(487), now);
        if let Some(call) = self.calls.get_mut(id) {
            call.session = Session::Left;
            call.farewell = cause;
        }
        self.settle_call(id);
        self.say_bye(id, now);
    }

    /// Says BYE once there is a way.
    pub(super) fn say_bye(&mut self, id: CallRef, now: Instant) {
        if self.waits_for_way(id, Errand::Bye, now) {
            return;
        }
        let farewell = self.calls.get(id).and_then(|call| call.farewell);
        let cause = farewell.and_then(Cause::value);
        let fields = cause.map(|cause| ("Reason", cause.into_bytes()));
        let sent = self.request(id, Purpose::Bye, fields.as_slice(), None, now);
        if sent.is_none() {
            self.forget_call(id, now);
        }
    }

    /// Schedules a call after a change.
    pub(super) fn settle_call(&mut self, id: CallRef) {
        let deadline = self.calls.get(id).and_then(Call::poll_timeout);
        self.schedule.set(Owner::Call(id), deadline);
    }

    /// Drops a call, and refuses what still waits for the door, lest its transaction waits for ever.
    pub(super) fn forget_call(&mut self, id: CallRef, now: Instant) {
        self.refuse_pending(id, &Reply::new(487), now);
        self.calls.remove(id);
        self.schedule.set(Owner::Call(id), None);
    }

    /// Hands the final response of what waited for the door to its transaction.
    fn finish(&mut self, transaction: u64, success: bool, response: Wire, now: Instant) {
        let Some(server) = self.servers.get_mut(transaction) else {
            return;
        };
        let reliable = is_reliable(server.flow);
        match &mut server.machine {
            Machine::Invite { state, .. } => state.handle_final(success, response, reliable, now),
            Machine::Other(state) => *state = NonInviteServer::answered(response, reliable, now),
        }
        self.settle_server(transaction);
    }

    /// Sends a request within the dialog, as [`Self::ask`] does.
    pub(super) fn request(
        &mut self,
        id: CallRef,
        purpose: Purpose,
        fields: &[(&str, Vec<u8>)],
        body: Option<&str>,
        now: Instant,
    ) -> Option<u64> {
        let branch = self.branch();
        let head = self.calls.get_mut(id)?.dialog.next_head(branch);
        self.ask(&head, Asker::Call(id), purpose, fields, body, now)
    }

    /// Sends a request; `None` when nothing waits for its response, because the connection is gone or the limit of
    /// transactions is reached (then the request goes out once). Trunks are few, and no flood may cost us a
    /// registration; so the limit is not theirs.
    pub(super) fn ask(
        &mut self,
        head: &Head,
        asker: Asker,
        purpose: Purpose,
        fields: &[(&str, Vec<u8>)],
        body: Option<&str>,
        now: Instant,
    ) -> Option<u64> {
        let flow = head.flow;
        if flow.protocol.is_stream() && !self.streams.contains_key(&flow) {
            return None;
        }
        let bytes = head.write(purpose.method(), fields, body, &self.agent);
        match asker {
            Asker::Call(call) => self.send_for(call, flow, bytes.clone(), Message::Reminder, now),
            Asker::Trunk(_) => self.send(flow, bytes.clone()),
        }
        if self.is_full() && matches!(asker, Asker::Call(_)) {
            return None;
        }
        let state = match purpose {
            Purpose::Invite | Purpose::Reinvite => {
                let head = head.clone();
                let state = InviteClient::new(head, bytes, is_reliable(flow), now);
                Exchange::Invite(Box::new(state))
            }
            Purpose::Cancel
            | Purpose::Prack
            | Purpose::Bye
            | Purpose::Dismiss
            | Purpose::Ping
            | Purpose::Refresh
            | Purpose::Register
            | Purpose::Probe
            | Purpose::Sound => {
                Exchange::Other(NonInviteClient::new(bytes, is_reliable(flow), now))
            }
        };
        let deadline = state.poll_timeout();
        let branch = head.branch.clone();
        let transaction = self.clients.insert(branch, state, flow, asker, purpose);
        self.schedule.set(Owner::Client(transaction), deadline);
        Some(transaction)
    }

    /// A branch never given before (RFC 3261 §8.1.1.7).
    pub(super) fn branch(&mut self) -> String {
        format!("z9hG4bK{}", self.names.fresh())
    }
}
