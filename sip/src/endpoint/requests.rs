//! Requests (RFC 3261 §8.2): which transaction or dialog they belong to, and all that is decided without the door.

use std::time::Instant;

use sipx_sip::{HeaderName, Request, headers::Require};

use super::{
    Asked, CallRef, Endpoint, Event, Flow, Target,
    body::description,
    budget::Message,
    refresh::wish,
    request::{Incoming, Verb},
    server::{InviteServer, Machine, NonInviteServer},
    timers::Owner,
    write::{ACCEPT, ALLOW, Reply, SUPPORTED},
};
use crate::{
    dialog::Dialog,
    limit,
    session::{Invitation, Kind, Session},
    session_timer::Wish,
};

impl Endpoint {
    pub(super) fn handle_request(&mut self, incoming: Incoming, flow: Flow, now: Instant) {
        self.counters.requests += 1;
        if incoming.verb() == Verb::Ack {
            self.handle_ack(&incoming, flow, now);
        } else if let Some(id) = self.servers.find(&incoming.key) {
            self.repeat_response(id, now);
        } else if incoming.verb() == Verb::Cancel {
            self.handle_cancel(&incoming, now);
        } else if incoming.to_tag.is_some() {
            self.handle_within_dialog(&incoming, flow, now);
        } else {
            self.handle_outside_dialog(incoming, flow, now);
        }
    }

    /// Opens the server transaction of an INVITE and says 100.
    pub(super) fn open_invite(
        &mut self,
        incoming: &Incoming,
        call: CallRef,
        delayed: bool,
        wish: Wish,
        now: Instant,
    ) -> Invitation {
        let heads = incoming.heads.clone();
        let provisional = Reply::new(100).write(&heads, None, &self.agent);
        let merge = incoming.to_tag.is_none().then(|| incoming.merge_key());
        let (flow, bytes) = (heads.reply_to, provisional.clone());
        if merge.is_some() {
            // Before the 200 it is the 100 that can be done without.
            self.send_unproven(flow, bytes, Message::Reminder, now);
        } else {
            self.send(flow, bytes);
        }
        let machine = Machine::Invite {
            state: InviteServer::Proceeding { provisional },
            call,
        };
        let transaction = self
            .servers
            .insert(incoming.key.clone(), merge, heads.reply_to, machine);
        let record_routes = incoming.request.headers.get_all(&HeaderName::RecordRoute);
        Invitation {
            transaction,
            heads,
            cseq: incoming.cseq,
            record_routes: record_routes.map(|row| row.value().into_owned()).collect(),
            kind: Kind::Invite { delayed },
            wish,
            until: now + limit::ANSWER_WITHIN,
        }
    }

    /// Opens the server transaction of an UPDATE with an offer. It gets no 100, which would come too late to help
    /// (RFC 4320 §4.1).
    pub(super) fn open_update(
        &mut self,
        incoming: &Incoming,
        wish: Wish,
        now: Instant,
    ) -> Invitation {
        let heads = incoming.heads.clone();
        let machine = Machine::Other(NonInviteServer::Trying);
        let transaction = self
            .servers
            .insert(incoming.key.clone(), None, heads.reply_to, machine);
        Invitation {
            transaction,
            heads,
            cseq: incoming.cseq,
            record_routes: Vec::new(),
            kind: Kind::Update,
            wish,
            until: now + limit::UPDATE_WITHIN,
        }
    }

    pub(super) fn handle_server_timeout(&mut self, id: u64, now: Instant) {
        let Some(server) = self.servers.get_mut(id) else {
            return;
        };
        let (flow, begins) = (server.flow, server.begins());
        match &mut server.machine {
            Machine::Other(_) => self.servers.remove(id),
            Machine::Invite { state, .. } => {
                let again = state.handle_timeout(now);
                self.settle_server(id);
                match again {
                    Some(response) if begins => {
                        self.send_unproven(flow, response, Message::Reminder, now);
                    }
                    Some(response) => self.send(flow, response),
                    None => {}
                }
            }
        }
    }

    /// Removes or schedules a server transaction after a change.
    pub(super) fn settle_server(&mut self, id: u64) {
        let Some(server) = self.servers.get_mut(id) else {
            return;
        };
        let deadline = match &server.machine {
            Machine::Invite {
                state: InviteServer::Terminated,
                ..
            } => {
                self.servers.remove(id);
                None
            }
            Machine::Invite { state, .. } => state.poll_timeout(),
            Machine::Other(state) => state.poll_timeout(),
        };
        self.schedule.set(Owner::Server(id), deadline);
    }

    fn repeat_response(&mut self, id: u64, now: Instant) {
        self.counters.retransmissions += 1;
        let Some(server) = self.servers.get_mut(id) else {
            return;
        };
        let (flow, begins) = (server.flow, server.begins());
        let again = match &server.machine {
            Machine::Invite { state, .. } => state.handle_invite(),
            Machine::Other(state) => state.handle_request(),
        };
        match again {
            Some(response) if begins => {
                self.send_unproven(flow, response, Message::Response, now);
            }
            Some(response) => self.send(flow, response),
            None => {}
        }
    }

    fn handle_outside_dialog(&mut self, incoming: Incoming, flow: Flow, now: Instant) {
        let is_invite = incoming.verb() == Verb::Invite;
        if is_invite && self.servers.is_merged(&incoming.merge_key()) {
            return self.answer_stateless(&incoming.heads, Reply::new(482), now);
        }
        let full = self.is_full_for(flow) || self.calls() >= self.limits.dialogs;
        if is_invite && (full || self.is_waited_for(flow)) {
            return self.answer_overload(&incoming.heads, now);
        }
        let reply = match screen_outside_dialog(&incoming) {
            Ok(target) if is_invite => match self.handle_invite(&incoming, target, flow, now) {
                Ok(()) => return,
                Err(reply) => reply,
            },
            Ok(_) => capabilities(),
            Err(reply) => reply,
        };
        self.answer_stateless(&incoming.heads, reply, now);
    }

    fn handle_invite(
        &mut self,
        incoming: &Incoming,
        target: Target,
        flow: Flow,
        now: Instant,
    ) -> Result<(), Reply> {
        let offer = description(&incoming.request.headers, incoming.request.body())?;
        let headers = &incoming.request.headers;
        let wish = wish(headers)?;
        let tag = self.names.fresh();
        let dialog = Dialog::of_invite(incoming, &tag, flow).ok_or_else(|| Reply::new(400))?;
        let call = self.calls.reserve();
        let invitation = self.open_invite(incoming, call, offer.is_none(), wish, now);
        self.calls
            .insert(call, dialog, Session::Proceeding(invitation))
            .heed(headers);
        self.settle_call(call);
        self.tell(Event::Invite {
            call,
            flow,
            asked: Box::new(Asked::of(&incoming.request, target)),
            offer,
        });
        self.follow_routes(call);
        Ok(())
    }
}

/// What RFC 3261 §8.2 checks outside a dialog, in its order: method, Request-URI, extensions, and that our answer is understood. Hops
/// that are used up concern proxies alone (§16.3): who is called takes the request.
fn screen_outside_dialog(incoming: &Incoming) -> Result<Target, Reply> {
    match incoming.verb() {
        Verb::Invite | Verb::Options => {}
        Verb::Bye | Verb::Prack | Verb::Update => return Err(Reply::new(481)),
        verb @ (Verb::Ack | Verb::Cancel | Verb::Info | Verb::Unserved | Verb::Unknown) => {
            return Err(refused_method(verb));
        }
    }
    let target = Target::of(&incoming.request.uri).ok_or_else(|| Reply::new(416))?;
    screen_extensions(&incoming.request)?;
    screen_replacement(&incoming.request)?;
    if incoming.verb() == Verb::Invite && !takes_descriptions(&incoming.request) {
        return Err(Reply::new(406));
    }
    Ok(target)
}

/// Whether a session may be described in the answer as we do it; who says nothing takes that (RFC 3261 §20.1).
fn takes_descriptions(request: &Request) -> bool {
    let mut rows = request.headers.get_all(&HeaderName::Accept).peekable();
    rows.peek().is_none()
        || rows.any(|row| {
            let value = row.value();
            let mut ranges = value.split(|byte| *byte == b',');
            ranges.any(|range| {
                let range = range.split(|byte| *byte == b';').next().unwrap_or_default();
                let range = range.trim_ascii();
                let known: [&[u8]; 3] = [b"*/*", b"application/*", b"application/sdp"];
                known.iter().any(|known| range.eq_ignore_ascii_case(known))
            })
        })
}

/// Refuses to let one of our calls be taken over, whichever is named: there is no such dialog (RFC 3891 §3).
pub(super) fn screen_replacement(request: &Request) -> Result<(), Reply> {
    match request.headers.get_all(&HeaderName::Replaces).next() {
        Some(_) => Err(Reply::new(481)),
        None => Ok(()),
    }
}

/// 405 for methods that exist, 501 for those nobody has heard of.
pub(super) fn refused_method(verb: Verb) -> Reply {
    let status = if verb == Verb::Unknown { 501 } else { 405 };
    Reply::new(status).with("Allow", ALLOW)
}

/// Refuses every extension a peer requires that we do not know (RFC 3261 §8.2.2.3).
pub(super) fn screen_extensions(request: &Request) -> Result<(), Reply> {
    let mut unsupported = Vec::new();
    for required in request.headers.typed_all::<Require>() {
        let Ok(required) = required else {
            return Err(Reply::new(400));
        };
        unsupported.extend(required.0.0.into_iter().filter(|tag| !is_supported(tag)));
    }
    if unsupported.is_empty() {
        return Ok(());
    }
    Err(Reply::new(420).with("Unsupported", unsupported.join(b", ".as_slice())))
}

fn is_supported(tag: &[u8]) -> bool {
    let mut known = SUPPORTED.split(", ");
    known.any(|known| known.as_bytes().eq_ignore_ascii_case(tag))
}

/// The answer to OPTIONS (RFC 3261 §11.2).
pub(super) fn capabilities() -> Reply {
    Reply::new(200)
        .with("Allow", ALLOW)
        .with("Accept", ACCEPT)
        .with("Accept-Encoding", "identity")
        .with("Accept-Language", "en")
        .with("Supported", SUPPORTED)
}

/// Whether the transport does not lose messages.
pub(super) fn is_reliable(flow: Flow) -> bool {
    flow.protocol.is_stream()
}
