//! Requests and responses that belong to a call (RFC 3261 §12.2.2, §13.3, §14.2, §15), and the timers of calls.

use std::time::Instant;

use sipx_sip::HeaderName;

use super::{
    CallRef, Ended, Endpoint, Event, Flow,
    client::{Fired, NonInviteClient, Purpose},
    request::{Incoming, Verb},
    requests::{capabilities, description, is_reliable, refused_method, screen_extensions},
    server::{InviteServer, Machine, NonInviteServer},
    timers::{Owner, PATIENCE},
    write::{ACCEPT, Reply},
};
use crate::{
    dialog::DialogId,
    limit,
    session::{CallFired, Session},
};

impl Endpoint {
    pub(super) fn handle_ack(&mut self, incoming: &Incoming, flow: Flow, now: Instant) {
        let call = DialogId::of(incoming).and_then(|dialog| self.calls.find(&dialog));
        if let Some(call) = call
            && self.is_awaited_ack(call, incoming.cseq)
        {
            return self.handle_awaited_ack(call, incoming, flow, now);
        }
        let Some(id) = self.servers.find(&incoming.key) else {
            match call {
                Some(_) => self.counters.retransmissions += 1,
                None => self.counters.stray += 1,
            }
            return;
        };
        if let Some(server) = self.servers.get_mut(id)
            && let Machine::Invite { state, .. } = &mut server.machine
        {
            state.handle_ack(is_reliable(server.flow), now);
            self.settle_server(id);
        }
    }

    pub(super) fn handle_cancel(&mut self, incoming: &Incoming, now: Instant) {
        let Some(id) = self.servers.find(&incoming.key.clone().of_invite()) else {
            return self.answer_stateless(&incoming.heads, Reply::new(481), now);
        };
        let proceeding = match self.servers.get_mut(id).map(|server| &server.machine) {
            Some(Machine::Invite { state, call }) => {
                matches!(state, InviteServer::Proceeding { .. }).then_some(*call)
            }
            _ => None,
        };
        let tag = proceeding.and_then(|call| self.local_tag(call));
        match tag.filter(|_| !incoming.heads.is_tagged()) {
            Some(tag) => {
                let bytes = Reply::new(200).write(&incoming.heads, Some(&tag), &self.agent);
                self.send(incoming.heads.reply_to, bytes);
            }
            None => self.answer_stateless(&incoming.heads, Reply::new(200), now),
        }
        if let Some(call) = proceeding {
            self.refuse_invitation(call, Reply::new(487), Ended::Cancelled, now);
        }
    }

    pub(super) fn handle_within_dialog(&mut self, incoming: &Incoming, flow: Flow, now: Instant) {
        let found = DialogId::of(incoming).and_then(|dialog| self.calls.find(&dialog));
        let Some((id, call)) = found.and_then(|id| self.calls.get_mut(id).map(|call| (id, call)))
        else {
            return self.answer_stateless(&incoming.heads, Reply::new(481), now);
        };
        if incoming.cseq < call.dialog.remote_cseq {
            return self.answer_stateless(&incoming.heads, Reply::new(500), now);
        }
        call.dialog.remote_cseq = incoming.cseq;
        call.dialog.flow = flow;
        let is_over = call.session.is_over();
        let reply = match incoming.verb() {
            Verb::Bye => self.handle_bye(id, now),
            _ if is_over => Reply::new(481),
            Verb::Invite => match self.handle_reinvite(id, incoming, now) {
                Ok(()) => return,
                Err(reply) => reply,
            },
            Verb::Options => {
                screen_extensions(&incoming.request).map_or_else(|reply| reply, |()| capabilities())
            }
            Verb::Info => answer_info(incoming),
            verb @ (Verb::Ack | Verb::Cancel | Verb::Unserved | Verb::Unknown) => {
                refused_method(verb)
            }
        };
        self.answer_within_dialog(id, incoming, &reply, now);
    }

    pub(super) fn handle_client_response(&mut self, id: u64, status: u16, now: Instant) {
        let Some(client) = self.clients.get_mut(id) else {
            return;
        };
        let (call, purpose) = (client.call, client.purpose);
        let is_answer = client
            .state
            .handle_response(status, is_reliable(client.flow), now);
        self.settle_client(id);
        match purpose {
            _ if !is_answer => {}
            Purpose::Bye => self.forget_call(call, now),
            Purpose::Ping if status == 481 => {
                self.end(call, Ended::Unreachable);
                self.forget_call(call, now);
            }
            Purpose::Ping if status == 408 => self.lose(call, now),
            Purpose::Ping => {
                let asked = self.calls.get_mut(call).and_then(|call| call.ping.take());
                if asked.is_some()
                    && self
                        .calls
                        .get(call)
                        .is_some_and(|call| !call.session.is_over())
                {
                    self.tell(Event::Alive { call });
                }
            }
        }
    }

    pub(super) fn handle_client_timeout(&mut self, id: u64, now: Instant) {
        let Some(client) = self.clients.get_mut(id) else {
            return;
        };
        let flow = client.flow;
        match client.state.handle_timeout(now) {
            Fired::Nothing => self.settle_client(id),
            Fired::Resend(request) => {
                self.send(flow, request);
                self.settle_client(id);
            }
            Fired::TimedOut => self.handle_no_response(id, now),
        }
    }

    /// A request of ours stays without response.
    pub(super) fn handle_no_response(&mut self, id: u64, now: Instant) {
        let Some(client) = self.clients.get_mut(id) else {
            return;
        };
        let (call, purpose) = (client.call, client.purpose);
        let answered = matches!(client.state, NonInviteClient::Completed { .. });
        client.state = NonInviteClient::Terminated;
        self.settle_client(id);
        match purpose {
            _ if answered => {}
            Purpose::Bye => self.forget_call(call, now),
            Purpose::Ping => self.lose(call, now),
        }
    }

    pub(super) fn handle_call_timeout(&mut self, id: CallRef, now: Instant) {
        let Some(call) = self.calls.get_mut(id) else {
            return;
        };
        match call.session.handle_timeout(now) {
            CallFired::Nothing => self.settle_call(id),
            CallFired::Resend(flow, response) => {
                self.send(flow, response);
                self.settle_call(id);
            }
            CallFired::AckTimeout => {
                self.end(id, Ended::AckTimeout);
                self.hang_up(id, now);
            }
            CallFired::Unanswered => {
                let first = matches!(call.session, Session::Proceeding(_));
                let reply = Reply::new(if first { 480 } else { 500 });
                self.refuse_invitation(id, reply, Ended::Unanswered, now);
            }
        }
    }

    fn is_awaited_ack(&self, call: CallRef, cseq: u32) -> bool {
        let call = self.calls.get(call);
        call.and_then(|call| call.session.unacknowledged())
            .is_some_and(|waiting| waiting.cseq == cseq)
    }

    fn handle_awaited_ack(&mut self, id: CallRef, incoming: &Incoming, flow: Flow, now: Instant) {
        let Some(call) = self.calls.get_mut(id) else {
            return;
        };
        call.dialog.flow = flow;
        let delayed = call
            .session
            .unacknowledged()
            .is_some_and(|waiting| waiting.delayed);
        let before = std::mem::replace(&mut call.session, Session::Confirmed);
        self.settle_call(id);
        if matches!(before, Session::Leaving(_)) {
            return self.hang_up(id, now);
        }
        let answer = match description(&incoming.request) {
            Ok(Some(answer)) if delayed => Some(answer),
            _ if delayed => {
                self.end(id, Ended::BadAnswer);
                return self.hang_up(id, now);
            }
            _ => None,
        };
        self.tell(if matches!(before, Session::Reanswered(_)) {
            Event::Renegotiated { call: id, answer }
        } else {
            Event::Established { call: id, answer }
        });
    }

    fn handle_bye(&mut self, id: CallRef, now: Instant) -> Reply {
        self.refuse_pending(id, &Reply::new(487), now);
        self.end(id, Ended::Bye);
        if let Some(call) = self.calls.get_mut(id) {
            call.session = Session::Left;
        }
        Reply::new(200)
    }

    fn handle_reinvite(
        &mut self,
        id: CallRef,
        incoming: &Incoming,
        now: Instant,
    ) -> Result<(), Reply> {
        let retry_after = limit::RETRY_AFTER_SECONDS.to_string();
        match self.calls.get(id).map(|call| &call.session) {
            Some(Session::Confirmed) if self.is_full() => {
                return Err(Reply::new(500).with("Retry-After", retry_after));
            }
            Some(Session::Confirmed) => {}
            Some(Session::Proceeding(_) | Session::Reinvited(_)) => {
                return Err(Reply::new(500).with("Retry-After", retry_after));
            }
            Some(Session::Answered(_) | Session::Reanswered(_)) => return Err(Reply::new(491)),
            Some(Session::Leaving(_) | Session::Left) | None => return Err(Reply::new(481)),
        }
        screen_extensions(&incoming.request)?;
        let offer = description(&incoming.request)?;
        let invitation = self.open_invite(incoming, id, offer.is_none(), now);
        if let Some(call) = self.calls.get_mut(id) {
            call.dialog.refresh_target(&incoming.request);
            call.session = Session::Reinvited(invitation);
        }
        self.settle_call(id);
        self.tell(Event::Reinvite { call: id, offer });
        Ok(())
    }

    /// Answers within a dialog, and remembers the answer for retransmissions if there is room: a repeated BYE must not
    /// meet 481 because the call is gone.
    fn answer_within_dialog(
        &mut self,
        id: CallRef,
        incoming: &Incoming,
        reply: &Reply,
        now: Instant,
    ) {
        let response = reply.write(&incoming.heads, None, &self.agent);
        let flow = incoming.heads.reply_to;
        self.send(flow, response.clone());
        let is_invite = incoming.verb() == Verb::Invite;
        if !self.is_full() && (is_invite || !is_reliable(flow)) {
            let machine = if is_invite {
                let provisional = response.clone();
                let mut state = InviteServer::Proceeding { provisional };
                state.handle_final(false, response, is_reliable(flow), now);
                Machine::Invite { state, call: id }
            } else {
                let until = now + PATIENCE;
                Machine::Other(NonInviteServer { response, until })
            };
            let transaction = self
                .servers
                .insert(incoming.key.clone(), None, flow, machine);
            self.settle_server(transaction);
        }
        if incoming.verb() == Verb::Bye {
            self.forget_call(id, now);
        }
    }

    /// Gives a peer up that does not answer, with a BYE in case it still hears us.
    fn lose(&mut self, call: CallRef, now: Instant) {
        if self
            .calls
            .get(call)
            .is_some_and(|call| !call.session.is_over())
        {
            self.end(call, Ended::Unreachable);
            self.hang_up(call, now);
        }
    }

    /// Ends a call whose peer cannot be reached any more, without a word to it.
    pub(super) fn abandon(&mut self, id: CallRef, now: Instant) {
        self.end(id, Ended::Unreachable);
        if let Some(call) = self.calls.get_mut(id) {
            call.session = Session::Left;
        }
        self.forget_call(id, now);
    }

    /// Removes or schedules a client transaction after a change.
    fn settle_client(&mut self, id: u64) {
        let deadline = self
            .clients
            .get_mut(id)
            .and_then(|client| client.state.poll_timeout());
        if deadline.is_none() {
            self.clients.remove(id);
        }
        self.schedule.set(Owner::Client(id), deadline);
    }

    fn local_tag(&self, call: CallRef) -> Option<String> {
        let call = self.calls.get(call)?;
        String::from_utf8(call.dialog.id.local_tag.clone()).ok()
    }
}

/// INFO is not announced. Without a body it does no harm; key presses come as telephone-events (RFC 4733) only, and
/// info packages (RFC 6086) are none of ours.
fn answer_info(incoming: &Incoming) -> Reply {
    let is_package = |name: &HeaderName| name.canonical().eq_ignore_ascii_case(b"Info-Package");
    if incoming
        .request
        .headers
        .iter()
        .any(|header| is_package(header.name()))
    {
        return Reply::new(469).with("Recv-Info", "");
    }
    if incoming.request.body().is_empty() {
        Reply::new(200)
    } else {
        Reply::new(415).with("Accept", ACCEPT)
    }
}
