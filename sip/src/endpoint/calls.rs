//! Requests and responses that belong to a call (RFC 3261 §12.2.2, §13.3, §14.2, §15), and the timers of calls.

use std::time::Instant;

use sipx_sip::Response;

use super::{
    CallRef, Cause, Ended, Endpoint, Event, Flow, Protocol,
    body::description,
    budget::Message,
    client::{Asker, Exchange, Fired, NonInviteClient, Purpose},
    invite::{self, Heard, InviteClient},
    outgoing::to_of,
    refresh::{announce_timer, wish},
    request::{Incoming, Verb},
    requests::{capabilities, is_reliable, refused_method, screen_extensions, screen_replacement},
    server::{InviteServer, Machine, NonInviteServer},
    timers::{Owner, PATIENCE},
    write::{ACCEPT, ALLOW, Reply, SUPPORTED},
};
use crate::{
    dialog::DialogId,
    limit,
    redact::Pii,
    session::{Call, CallFired, Kind, Reinvite, Session},
    session_timer::Timer,
};

impl Endpoint {
    pub(super) fn handle_ack(&mut self, incoming: &Incoming, flow: Flow, now: Instant) {
        let call = self.call_of(incoming, flow);
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
                let flow = incoming.heads.reply_to;
                self.send_unproven(flow, bytes, Message::Response, now);
            }
            None => self.answer_stateless(&incoming.heads, Reply::new(200), now),
        }
        if let Some(call) = proceeding {
            let cause = Cause::of(&incoming.request.headers);
            self.refuse_invitation(call, Reply::new(487), Ended::Cancelled, cause, now);
        }
    }

    pub(super) fn handle_within_dialog(&mut self, incoming: &Incoming, flow: Flow, now: Instant) {
        let found = self.call_of(incoming, flow);
        let Some((id, call)) = found.and_then(|id| self.calls.get_mut(id).map(|call| (id, call)))
        else {
            let reply = self.answer_early(incoming);
            let reply = reply.unwrap_or_else(|| Reply::new(481));
            return self.answer_stateless(&incoming.heads, reply, now);
        };
        if incoming.cseq < call.dialog.remote_cseq {
            return self.answer_stateless(&incoming.heads, Reply::new(500), now);
        }
        call.dialog.remote_cseq = incoming.cseq;
        call.dialog.flow = flow;
        call.cuts = 0;
        self.serve_within_dialog(id, incoming, now);
        self.take_way(id, now);
    }

    fn serve_within_dialog(&mut self, id: CallRef, incoming: &Incoming, now: Instant) {
        let Some(call) = self.calls.get_mut(id) else {
            return;
        };
        let is_over = call.session.is_over();
        let reply = match incoming.verb() {
            Verb::Bye => self.handle_bye(id, Cause::of(&incoming.request.headers), now),
            _ if is_over => Reply::new(481),
            Verb::Invite => match self.handle_reinvite(id, incoming, now) {
                Ok(()) => return,
                Err(reply) => reply,
            },
            Verb::Update => match self.handle_update(id, incoming, now) {
                Ok(Some(reply)) | Err(reply) => reply,
                Ok(None) => return,
            },
            // No provisional response of ours waits for one (RFC 3262 §3).
            Verb::Prack => Reply::new(481),
            Verb::Options => {
                screen_extensions(&incoming.request).map_or_else(|reply| reply, |()| capabilities())
            }
            Verb::Info => self.handle_info(id, incoming),
            verb @ (Verb::Ack | Verb::Cancel | Verb::Unserved | Verb::Unknown) => {
                refused_method(verb)
            }
        };
        self.answer_within_dialog(id, incoming, &reply, now);
    }

    pub(super) fn handle_client_response(&mut self, id: u64, response: &Response, now: Instant) {
        let status = response.status.code();
        let Some(client) = self.clients.get_mut(id) else {
            return;
        };
        let (asker, purpose, flow) = (client.asker, client.purpose, client.flow);
        if let Asker::Call(call) = asker {
            self.heard_of(call);
        }
        let Some(client) = self.clients.get_mut(id) else {
            return;
        };
        let reliable = is_reliable(flow);
        let heard = match &mut client.state {
            Exchange::Other(state) => {
                let is_answer = state.handle_response(status, reliable, now);
                self.settle_client(id);
                if is_answer {
                    self.handle_answer(asker, purpose, response, now);
                }
                return;
            }
            Exchange::Invite(state) => {
                let to = to_of(response);
                let within = limit::RING_WITHIN + PATIENCE;
                state.handle_response(status, &to, within, reliable, now)
            }
        };
        if let Asker::Call(call) = asker {
            self.handle_heard(call, purpose, flow, heard, response, now);
        }
        // Only now: with its last transaction a call of ours goes, and it may have got another.
        self.settle_client(id);
    }

    /// Takes what a response to an INVITE of ours means.
    fn handle_heard(
        &mut self,
        call: CallRef,
        purpose: Purpose,
        flow: Flow,
        heard: Heard,
        response: &Response,
        now: Instant,
    ) {
        match heard {
            Heard::Nothing => {}
            Heard::RefusedAgain(ack) => self.send(flow, ack),
            Heard::Provisional if purpose == Purpose::Invite => {
                self.handle_provisional(call, response, now);
            }
            Heard::Provisional => {}
            Heard::Success if purpose == Purpose::Invite => {
                self.handle_answered(call, response, now);
            }
            Heard::Success => self.handle_reinvite_answered(call, response, now),
            Heard::Refused(ack) => {
                self.send(flow, ack);
                if purpose == Purpose::Invite {
                    self.handle_invite_refused(call, response, now);
                } else {
                    self.handle_refreshed(call, response, now);
                }
            }
        }
    }

    /// Takes the final response to a request other than INVITE. Whatever a peer asks within a dialog, it gets no
    /// credentials: there the password is nobody's business.
    fn handle_answer(&mut self, asker: Asker, purpose: Purpose, response: &Response, now: Instant) {
        let status = response.status.code();
        let call = match asker {
            Asker::Call(call) => call,
            Asker::Trunk(trunk) if purpose == Purpose::Register => {
                return self.handle_registered(trunk, response, now);
            }
            Asker::Trunk(trunk) if purpose == Purpose::Sound => {
                return self.handle_sounded(trunk, Some(status));
            }
            Asker::Trunk(trunk) => return self.handle_probed(trunk, status, now),
        };
        match purpose {
            Purpose::Bye => self.forget_call(call, now),
            Purpose::Refresh => self.handle_refreshed(call, response, now),
            Purpose::Ping if status == 481 => {
                self.end(call, Ended::Unreachable, None);
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
            Purpose::Invite
            | Purpose::Reinvite
            | Purpose::Cancel
            | Purpose::Prack
            | Purpose::Dismiss
            | Purpose::Register
            | Purpose::Probe
            | Purpose::Sound => {}
        }
    }

    pub(super) fn handle_client_timeout(&mut self, id: u64, now: Instant) {
        let Some(client) = self.clients.get_mut(id) else {
            return;
        };
        let (flow, asker) = (client.flow, client.asker);
        let resend = match &mut client.state {
            Exchange::Other(state) => match state.handle_timeout(now) {
                Fired::Nothing => None,
                Fired::Resend(request) => Some(request),
                Fired::TimedOut => return self.handle_no_response(id, now),
            },
            Exchange::Invite(state) => match state.handle_timeout(now) {
                invite::Fired::Nothing => None,
                invite::Fired::Resend(request) => Some(request),
                invite::Fired::TimedOut => return self.handle_no_response(id, now),
            },
        };
        match (resend, asker) {
            (Some(request), Asker::Call(call)) => {
                self.send_for(call, flow, request, Message::Reminder, now);
            }
            (Some(request), Asker::Trunk(_)) => self.send(flow, request),
            (None, _) => {}
        }
        self.settle_client(id);
    }

    /// A request of ours stays without response.
    pub(super) fn handle_no_response(&mut self, id: u64, now: Instant) {
        let Some(client) = self.clients.get_mut(id) else {
            return;
        };
        let (asker, purpose, flow) = (client.asker, client.purpose, client.flow);
        let answered = client.state.is_answered();
        match &mut client.state {
            Exchange::Other(state) => *state = NonInviteClient::Terminated,
            Exchange::Invite(state) => **state = InviteClient::Terminated,
        }
        match (asker, purpose) {
            _ if answered => {}
            (Asker::Trunk(trunk), Purpose::Register) => self.handle_not_registered(trunk, now),
            (Asker::Trunk(trunk), Purpose::Sound) => self.handle_sounded(trunk, None),
            (Asker::Trunk(trunk), _) => self.handle_not_probed(trunk, true, now),
            (Asker::Call(call), Purpose::Bye) => self.forget_call(call, now),
            (Asker::Call(call), Purpose::Invite) => {
                self.handle_invite_unanswered(call);
                self.suspect(flow, now);
            }
            (Asker::Call(call), Purpose::Ping | Purpose::Refresh | Purpose::Reinvite) => {
                self.lose(call, now);
            }
            (
                Asker::Call(_),
                Purpose::Cancel
                | Purpose::Prack
                | Purpose::Dismiss
                | Purpose::Register
                | Purpose::Probe
                | Purpose::Sound,
            ) => {}
        }
        self.settle_client(id);
    }

    pub(super) fn handle_call_timeout(&mut self, id: CallRef, now: Instant) {
        let Some(call) = self.calls.get_mut(id) else {
            return;
        };
        let waited = call.cut_off.as_ref();
        if waited.is_some_and(|cut_off| cut_off.until <= now) {
            return self.no_way(id, now);
        }
        match call.session.handle_timeout(now) {
            CallFired::Nothing => self.handle_session_timer(id, now),
            CallFired::Resend(flow, response) => {
                self.send_for(id, flow, response, Message::Reminder, now);
                self.settle_call(id);
            }
            CallFired::AckTimeout => {
                self.end(id, Ended::AckTimeout, None);
                self.hang_up(id, Some(Cause::TIMEOUT), now);
            }
            CallFired::Unanswered => {
                let kind = call.session.invitation().map(|invitation| invitation.kind);
                let reply = Reply::new(match (kind, &call.session) {
                    (Some(Kind::Update), _) => 504,
                    (_, Session::Proceeding(_)) => 480,
                    _ => 500,
                });
                self.refuse_invitation(id, reply, Ended::Unanswered, None, now);
            }
        }
    }

    /// Finds the call that a request belongs to. One that began over TLS goes on over TLS, since its session descriptions carry
    /// keys: to whoever asks otherwise there is no such call.
    fn call_of(&self, incoming: &Incoming, flow: Flow) -> Option<CallRef> {
        let dialog = DialogId::of(incoming)?;
        let id = self.calls.find(&dialog)?;
        let began = self.calls.get(id)?.dialog.flow.protocol;
        (began != Protocol::Tls || flow.protocol == Protocol::Tls).then_some(id)
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
        call.cuts = 0;
        call.proven = true;
        self.purses.prove(flow.remote.ip(), now);
        let delayed = call
            .session
            .unacknowledged()
            .is_some_and(|waiting| waiting.delayed);
        let before = std::mem::replace(&mut call.session, Session::Confirmed);
        self.settle_call(id);
        if let Session::Leaving(_, cause) = before {
            return self.hang_up(id, cause, now);
        }
        let answer = match description(&incoming.request.headers, incoming.request.body()) {
            Ok(Some(answer)) if delayed => Some(answer),
            _ if delayed => {
                self.end(id, Ended::BadAnswer, None);
                return self.hang_up(id, Some(Cause::NOT_ACCEPTABLE), now);
            }
            _ => None,
        };
        self.tell(if matches!(before, Session::Reanswered(_)) {
            Event::Renegotiated { call: id, answer }
        } else {
            Event::Established { call: id, answer }
        });
    }

    fn handle_bye(&mut self, id: CallRef, cause: Option<Cause>, now: Instant) -> Reply {
        self.refuse_pending(id, &Reply::new(487), now);
        self.end(id, Ended::Bye, cause);
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
        self.screen_offer(id, incoming.heads.reply_to)?;
        screen_extensions(&incoming.request)?;
        screen_replacement(&incoming.request)?;
        let offer = description(&incoming.request.headers, incoming.request.body())?;
        let wish = wish(&incoming.request.headers)?;
        let invitation = self.open_invite(incoming, id, offer.is_none(), wish, now);
        if let Some(call) = self.calls.get_mut(id) {
            call.heed(&incoming.request.headers);
            call.session = Session::Reinvited(invitation);
        }
        self.settle_call(id);
        self.follow_routes(id);
        self.tell(Event::Reinvite { call: id, offer });
        Ok(())
    }

    /// Takes an UPDATE (RFC 3311 §5.2): the reply, or none when its offer waits for the door.
    fn handle_update(
        &mut self,
        id: CallRef,
        incoming: &Incoming,
        now: Instant,
    ) -> Result<Option<Reply>, Reply> {
        screen_extensions(&incoming.request)?;
        let offer = description(&incoming.request.headers, incoming.request.body())?;
        let begun = |call: &Call| !matches!(call.session, Session::Proceeding(_));
        if offer.is_some() || !self.calls.get(id).is_some_and(begun) {
            self.screen_offer(id, incoming.heads.reply_to)?;
        }
        let wish = wish(&incoming.request.headers)?;
        let invitation = offer
            .is_some()
            .then(|| self.open_update(incoming, wish, now));
        let usual = self.session_interval;
        let call = self.calls.get_mut(id).ok_or_else(|| Reply::new(481))?;
        call.heed(&incoming.request.headers);
        let Some(invitation) = invitation else {
            let terms = wish.answered(call.interval.unwrap_or(usual));
            call.timer = terms.map(|terms| Timer::new(terms, now));
            let reply = success(call, incoming.heads.reply_to);
            self.settle_call(id);
            self.follow_routes(id);
            return Ok(Some(announce_timer(reply, terms)));
        };
        call.session = Session::Reinvited(invitation);
        self.settle_call(id);
        self.follow_routes(id);
        self.tell(Event::Reinvite { call: id, offer });
        Ok(None)
    }

    /// Whether the session can be changed now: no other change of it may be under way.
    fn screen_offer(&mut self, id: CallRef, flow: Flow) -> Result<(), Reply> {
        // Two whose changes have met must not meet again (RFC 3261 §14.2).
        let seconds = self.names.chance() % (u64::from(limit::RETRY_AFTER_SECONDS) + 1);
        let later = Reply::new(500).with("Retry-After", seconds.to_string());
        let call = self.calls.get(id);
        if call.is_some_and(|call| matches!(call.reinvite, Some(Reinvite::Asked))) {
            return Err(Reply::new(491));
        }
        match call.map(|call| &call.session) {
            Some(Session::Confirmed) if self.is_full_for(flow) => Err(later),
            Some(Session::Confirmed) => Ok(()),
            Some(Session::Proceeding(_) | Session::Reinvited(_)) => Err(later),
            Some(Session::Answered(_) | Session::Reanswered(_)) => Err(Reply::new(491)),
            Some(Session::Leaving(..) | Session::Left) | None => Err(Reply::new(481)),
        }
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
        if !self.is_full_for(flow) && (is_invite || !is_reliable(flow)) {
            let machine = if is_invite {
                let provisional = response.clone();
                let mut state = InviteServer::Proceeding { provisional };
                state.handle_final(false, response, is_reliable(flow), now);
                Machine::Invite { state, call: id }
            } else {
                Machine::Other(NonInviteServer::answered(response, is_reliable(flow), now))
            };
            let transaction = self
                .servers
                .insert(incoming.key.clone(), None, flow, machine);
            self.settle_server(transaction);
            self.remember_answer(id, transaction);
        }
        if incoming.verb() == Verb::Bye {
            self.forget_call(id, now);
        }
    }

    /// Keeps a call from taking more than its share of the transactions: the answer remembered longest is forgotten.
    pub(super) fn remember_answer(&mut self, id: CallRef, transaction: u64) {
        let Some(call) = self.calls.get_mut(id) else {
            return;
        };
        call.answers.push_back(transaction);
        if call.answers.len() > limit::ANSWERS_WITHIN_CALL
            && let Some(oldest) = call.answers.pop_front()
        {
            self.servers.remove(oldest);
            self.schedule.set(Owner::Server(oldest), None);
        }
    }

    /// Tells the door where the route set of a call leads, if that is elsewhere.
    pub(super) fn follow_routes(&mut self, id: CallRef) {
        let Some(call) = self.calls.get_mut(id) else {
            return;
        };
        let flow = call.dialog.flow;
        if let Some(place) = call.dialog.leads_elsewhere() {
            let (call, place) = (id, Pii::new(place));
            self.tell(Event::Elsewhere { call, flow, place });
        }
    }

    /// Sends the requests of a call another way; one that began over TLS stays there.
    pub(super) fn go_by(&mut self, id: CallRef, way: Flow, now: Instant) {
        let Some(call) = self.calls.get_mut(id) else {
            return;
        };
        if call.dialog.flow.protocol != Protocol::Tls || way.protocol == Protocol::Tls {
            call.dialog.go_by(way);
            self.open(way);
            self.take_way(id, now);
        } else {
            self.no_way(id, now);
        }
    }

    /// Gives a peer up that does not answer, with a BYE in case it still hears us.
    pub(super) fn lose(&mut self, call: CallRef, now: Instant) {
        if self
            .calls
            .get(call)
            .is_some_and(|call| !call.session.is_over())
        {
            self.end(call, Ended::Unreachable, None);
            self.hang_up(call, Some(Cause::TIMEOUT), now);
        }
    }

    /// Ends a call whose peer cannot be reached any more, without a word to it.
    pub(super) fn abandon(&mut self, id: CallRef, now: Instant) {
        self.end(id, Ended::Unreachable, None);
        if let Some(call) = self.calls.get_mut(id) {
            call.session = Session::Left;
        }
        self.forget_call(id, now);
    }

    /// Removes or schedules a client transaction after a change.
    pub(super) fn settle_client(&mut self, id: u64) {
        let Some(client) = self.clients.get_mut(id) else {
            return;
        };
        let (asker, purpose) = (client.asker, client.purpose);
        let deadline = client.state.poll_timeout();
        self.schedule.set(Owner::Client(id), deadline);
        if deadline.is_none() {
            self.clients.remove(id);
            if let (Asker::Call(call), Purpose::Invite) = (asker, purpose) {
                self.forget_outgoing(call, id);
            }
        }
    }

    fn local_tag(&self, call: CallRef) -> Option<String> {
        let call = self.calls.get(call)?;
        String::from_utf8(call.dialog.id.local_tag.clone()).ok()
    }
}

/// The 200 to an INVITE or UPDATE, as far as no body is concerned (RFC 3261 §13.3.1.4, RFC 3311 §5.2).
pub(super) fn success(call: &Call, flow: Flow) -> Reply {
    Reply::new(200)
        .with("Contact", call.dialog.contact(flow))
        .with("Allow", ALLOW)
        .with("Accept", ACCEPT)
        .with("Supported", SUPPORTED)
}
