//! Bytes in, bytes out, calls as events: the user agent that takes and makes calls (RFC 3261), without sockets and told the time.
//!
//! ```text
//! handle_datagram ─┐                    ┌ ACK ────────────── session
//! handle_stream ───┴ parse ─ validate ──┼ known transaction ─ its last response again
//!     │                  │              ├ CANCEL ─────────── the INVITE it cancels
//!   framer              400             ├ within a dialog ── calls.rs
//!                                       └ outside ────────── requests.rs
//! ```
//!
//! Requests outside dialogs that need no decision of the door are answered statelessly (§8.2.7), so that strangers can
//! cause state only by INVITE, and there up to a limit.

mod api;
mod body;
mod budget;
mod calls;
mod cause;
mod client;
mod commands;
mod info;
mod invite;
mod names;
mod outgoing;
mod people;
mod reach;
mod refresh;
pub(crate) mod request;
mod requests;
mod server;
mod stream;
pub(crate) mod timers;
mod trunks;
pub(crate) mod write;

use std::{
    collections::{BTreeMap, VecDeque},
    net::IpAddr,
    time::{Duration, Instant},
};

use bytes::Bytes;
use sipx_sip::{
    CSeq, Limits as ParserLimits, Message, Method, Request, Response, Via,
    error::{FramingError, LimitKind, ParseError},
    parse_datagram,
};

use self::{
    budget::{Answers, Message as Unproven, Purses},
    client::Clients,
    names::Names,
    outgoing::OutgoingCalls,
    request::{Heads, Incoming},
    server::Servers,
    stream::{Frame, Framer},
    timers::{Owner, Schedule},
    trunks::Trunks,
    write::{Reply, Wire},
};
use crate::{limit, session::Calls};

pub(crate) use api::Origin;
pub use cause::Cause;

pub use api::{
    Asked, Assertion, CallRef, Caller, Command, Counters, Dial, Ended, EndpointConfig, Event, Flow,
    Identity, Limits, Protocol, Scheme, Shown, Target, Transmit, TrunkCommand, TrunkEvent,
    TrunkRef, Unregistered,
};

/// The SIP user agent: transactions, dialogs and INVITE usages of all peers.
///
/// After each `handle_*`, drain `poll_transmit`, `poll_event` and `poll_close`, then sleep until `poll_timeout`.
#[derive(Debug)]
pub struct Endpoint {
    agent: String,
    limits: Limits,
    session_interval: Duration,
    names: Names,
    counters: Counters,
    servers: Servers,
    clients: Clients,
    calls: Calls,
    outgoing: OutgoingCalls,
    trunks: Trunks,
    streams: BTreeMap<Flow, Framer>,
    schedule: Schedule,
    refusals: Answers,
    answers: Answers,
    purses: Purses,
    outbox: Outbox,
}

impl Endpoint {
    /// Makes an endpoint without calls.
    pub fn new(config: EndpointConfig) -> Self {
        Self {
            agent: config
                .user_agent
                .chars()
                .filter(|character| !character.is_control())
                .collect(),
            limits: config.limits,
            session_interval: refresh::interval_in_bounds(config.session_interval),
            names: Names::new(&config.seed),
            counters: Counters::default(),
            servers: Servers::default(),
            clients: Clients::default(),
            calls: Calls::default(),
            outgoing: OutgoingCalls::default(),
            trunks: Trunks::default(),
            streams: BTreeMap::new(),
            schedule: Schedule::default(),
            refusals: Answers::refusals(),
            answers: Answers::stateless(),
            purses: Purses::default(),
            outbox: Outbox::default(),
        }
    }

    /// Takes one datagram.
    pub fn handle_datagram(&mut self, flow: Flow, bytes: &[u8], now: Instant) {
        self.purses.earn(flow.remote.ip(), bytes.len(), now);
        let start = bytes
            .iter()
            .position(|byte| !matches!(byte, b'\r' | b'\n' | 0));
        if let Some(start) = start {
            self.handle_message(flow, &Bytes::copy_from_slice(&bytes[start..]), now);
        }
    }

    /// Takes octets of a stream connection.
    pub fn handle_stream(&mut self, flow: Flow, bytes: &[u8], now: Instant) {
        if !self.streams.contains_key(&flow) && self.streams.len() >= self.limits.streams {
            self.close(flow);
            return;
        }
        let framer = self.streams.entry(flow).or_default();
        let mut begun = framer.is_pending();
        framer.push(bytes);
        while let Some(frame) = self.streams.get_mut(&flow).and_then(Framer::next) {
            begun = false;
            match frame {
                Frame::Message(message) => self.handle_message(flow, &message, now),
                Frame::Ping => self.send(flow, Wire::new(Bytes::from_static(b"\r\n"))),
                Frame::TooLong(head) => self.break_off(flow, &head, 413, now),
                Frame::Broken(message) => self.break_off(flow, &message, 400, now),
            }
        }
        let pending = self.streams.get(&flow).is_some_and(Framer::is_pending);
        if !pending || !begun {
            let deadline = pending.then(|| now + limit::MESSAGE_WITHIN);
            self.schedule.set(Owner::Stream(flow), deadline);
        }
    }

    /// Tells whether no message of a stream connection is half read: what comes next begins one, or is a keep-alive.
    pub fn is_between_messages(&self, flow: Flow) -> bool {
        !self.streams.get(&flow).is_some_and(Framer::is_pending)
    }

    /// Learns that a stream connection is gone. Calls that nobody has acknowledged end with it, and so do the
    /// transactions over it (RFC 3261 §17.2.4); an established call stays, and what is to be asked within it waits for another
    /// way to the peer.
    pub fn handle_closed(&mut self, flow: Flow, now: Instant) {
        self.streams.remove(&flow);
        self.schedule.set(Owner::Stream(flow), None);
        for call in self.calls.unconfirmed_over(flow) {
            self.abandon(call, now);
        }
        for id in self.servers.over(flow) {
            self.servers.remove(id);
            self.schedule.set(Owner::Server(id), None);
        }
        let alone = self.connections(flow.remote.ip()).next().is_none();
        self.calls.lose_way(flow, alone);
        for id in self.clients.over(flow) {
            self.handle_cut(id, now);
        }
        self.lose_registrations(flow, now);
    }

    /// Obeys the door. What does not fit the state of the call, because an event crossed the command, is ignored.
    pub fn handle(&mut self, command: Command, now: Instant) {
        match command {
            Command::Invite { call, dial } => self.dial(call, *dial, now),
            Command::Trunk { trunk, command } => self.handle_trunk(trunk, command, now),
            Command::SessionInterval { call, interval } => {
                self.set_session_interval(call, interval);
            }
            Command::GoBy { call, way } => self.go_by(call, way, now),
            Command::NoWay { call } => self.no_way(call, now),
            Command::Accept { call, sdp } => self.accept(call, sdp, now),
            Command::Reject {
                call,
                status,
                reason,
                retry_after,
                cause,
            } => self.reject(call, status, reason, retry_after, cause, now),
            Command::Bye { call, cause } => self.leave(call, cause, now),
            Command::Ping { call } => self.ping(call, now),
        }
    }

    /// Fires the timers that are due.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(owner) = self.schedule.take_due(now) {
            match owner {
                Owner::Server(id) => self.handle_server_timeout(id, now),
                Owner::Client(id) => self.handle_client_timeout(id, now),
                Owner::Call(call) => self.handle_call_timeout(call, now),
                Owner::Outgoing(call) => self.handle_outgoing_timeout(call, now),
                Owner::Registration(trunk) => self.handle_registration_timeout(trunk, now),
                Owner::Probe(trunk) => self.handle_probe_timeout(trunk, now),
                Owner::Stream(flow) => self.close(flow),
            }
        }
    }

    /// Returns the next message to send.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.outbox.transmits.pop_front()
    }

    /// Returns the next thing the door must know.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.outbox.events.pop_front()
    }

    /// Returns the next stream connection to close, after what is to be transmitted on it.
    pub fn poll_close(&mut self) -> Option<Flow> {
        self.outbox.closes.pop_front()
    }

    /// Returns when `handle_timeout` wants to be called next.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.schedule.next()
    }

    /// Returns what was counted so far.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// Returns how many calls live, those that ring and those that are being hung up included.
    pub fn calls(&self) -> usize {
        self.calls.len() + self.outgoing.waiting()
    }

    /// Tells whether a call lives, one that is being hung up included.
    pub fn knows(&self, call: CallRef) -> bool {
        self.calls.get(call).is_some()
    }

    /// Returns how many calls wait for a way to their peers, to ask something there or to hang up.
    pub fn cut_off(&self) -> usize {
        self.calls.cut_off().count()
    }

    /// The connections with an address that are open, the latest last.
    pub fn connections(&self, address: IpAddr) -> impl Iterator<Item = Flow> {
        let address = address.to_canonical();
        let flows = self.streams.keys().copied();
        flows.filter(move |flow| flow.remote.ip().to_canonical() == address)
    }

    /// Returns how many transactions live.
    pub fn transactions(&self) -> usize {
        self.servers.len() + self.clients.len()
    }

    fn handle_message(&mut self, flow: Flow, bytes: &Bytes, now: Instant) {
        match parse_datagram(bytes.clone(), &parser_limits()) {
            Ok(Message::Request(request)) => self.handle_parsed(flow, request, now),
            Ok(Message::Response(response)) => self.handle_response(&response, now),
            Err(ParseError::Limit {
                limit: LimitKind::BodyBytes,
                ..
            }) => self.handle_unreadable(flow, bytes, 413, now),
            Err(ParseError::Framing(FramingError::BodyTruncated)) => {
                match parse_miscounted(bytes) {
                    Some(request) => self.handle_parsed(flow, request, now),
                    None => self.handle_unreadable(flow, bytes, 400, now),
                }
            }
            Err(_) => self.handle_unreadable(flow, bytes, 400, now),
        }
    }

    fn handle_parsed(&mut self, flow: Flow, request: Request, now: Instant) {
        let is_ack = request.method == Method::Ack;
        let Some(heads) = Heads::of(&request, flow) else {
            self.counters.dropped += 1;
            return;
        };
        match Incoming::new(request, heads) {
            Ok(incoming) => self.handle_request(incoming, flow, now),
            Err(_) if is_ack => self.counters.dropped += 1,
            Err(refused) => {
                let (heads, status) = *refused;
                self.counters.malformed += 1;
                self.answer_stateless(&heads, Reply::new(status), now);
            }
        }
    }

    /// Answers what does not parse, if it looks like a request at all.
    fn handle_unreadable(&mut self, flow: Flow, bytes: &[u8], status: u16, now: Instant) {
        match Heads::salvage(bytes, flow) {
            Some(heads) => {
                self.counters.malformed += 1;
                self.answer_stateless(&heads, Reply::new(status), now);
            }
            None => self.counters.dropped += 1,
        }
    }

    /// Answers the last message of a stream that cannot be cut any further.
    fn break_off(&mut self, flow: Flow, bytes: &[u8], status: u16, now: Instant) {
        self.handle_unreadable(flow, bytes, status, now);
        self.close(flow);
    }

    fn handle_response(&mut self, response: &Response, now: Instant) {
        self.counters.responses += 1;
        let mut vias = response.headers.typed_all::<Via>();
        let (via, further) = (vias.next(), vias.next());
        let cseq = response.headers.typed::<CSeq>();
        let found = match (via, further, cseq) {
            (Some(Ok(via)), None, Some(Ok(cseq))) => via
                .branch()
                .and_then(|branch| self.clients.find(branch, cseq.method.as_bytes())),
            _ => None,
        };
        match found {
            Some(id) => {
                if let Some(flow) = self.clients.get_mut(id).map(|client| client.flow) {
                    self.purses.prove(flow.remote.ip(), now);
                }
                self.handle_client_response(id, response, now);
            }
            None => self.counters.stray += 1,
        }
    }

    fn answer_stateless(&mut self, heads: &Heads, reply: Reply, now: Instant) {
        if self.answers.allows(heads.reply_to.origin(), now) {
            self.write_stateless(heads, &reply, now);
        } else {
            self.counters.silenced += 1;
        }
    }

    fn write_stateless(&mut self, heads: &Heads, reply: &Reply, now: Instant) {
        let top = heads.vias.first().map(Vec::as_slice).unwrap_or_default();
        let tag = self
            .names
            .repeatable(&[top, &heads.from, &heads.call_id, &heads.cseq]);
        let tag = (!heads.is_tagged()).then_some(tag.as_str());
        let bytes = reply.write(heads, tag, &self.agent);
        self.send_unproven(heads.reply_to, bytes, Unproven::Response, now);
    }

    /// Refuses for want of room, and falls silent when even refusing becomes work.
    fn answer_overload(&mut self, heads: &Heads, now: Instant) {
        if self.refusals.allows(heads.reply_to.origin(), now) {
            self.counters.overloaded += 1;
            let retry_after = limit::RETRY_AFTER_SECONDS.to_string();
            let reply = Reply::new(503).with("Retry-After", retry_after);
            self.write_stateless(heads, &reply, now);
        } else {
            self.counters.silenced += 1;
        }
    }

    fn send(&mut self, flow: Flow, message: Wire) {
        if self.outbox.transmits.len() < limit::QUEUED_TRANSMITS {
            let bytes = message.into_inner();
            self.outbox.transmits.push_back(Transmit { flow, bytes });
        } else {
            self.counters.dropped += 1;
        }
    }

    /// Sends to somebody who may not be there, as far as that has been paid for.
    fn send_unproven(&mut self, flow: Flow, message: Wire, kind: Unproven, now: Instant) {
        let (source, octets) = (flow.remote.ip(), message.expose().len());
        if flow.protocol.is_stream() || self.purses.pay(source, octets, kind, now) {
            self.send(flow, message);
        } else {
            self.counters.silenced += 1;
        }
    }

    /// Sends what belongs to a call, whose peer may not have proved yet to be there.
    fn send_for(&mut self, call: CallRef, flow: Flow, message: Wire, kind: Unproven, now: Instant) {
        let proven = self.calls.get(call).is_none_or(|call| call.proven);
        if proven {
            self.send(flow, message);
        } else {
            self.send_unproven(flow, message, kind, now);
        }
    }

    fn tell(&mut self, event: Event) {
        self.outbox.events.push_back(event);
    }

    fn close(&mut self, flow: Flow) {
        self.counters.closed += 1;
        self.streams.remove(&flow);
        self.outbox.closes.push_back(flow);
    }

    fn is_full_for(&self, flow: Flow) -> bool {
        let most = self.limits.transactions_per_source;
        self.is_full() || self.servers.of(flow.origin()) >= most
    }

    /// Whether somebody has begun as many calls as may wait for their acknowledgement.
    fn is_waited_for(&self, flow: Flow) -> bool {
        let most = self.limits.unacknowledged_per_source;
        self.calls.unacknowledged(flow.origin()) >= most
    }

    fn is_full(&self) -> bool {
        self.transactions() >= self.limits.transactions
    }
}

/// What is read of a message, on datagrams and streams.
fn parser_limits() -> ParserLimits {
    ParserLimits {
        max_header_bytes: limit::HEADER_BYTES,
        ..ParserLimits::datagram()
    }
}

/// Reads a request whose Content-Length exceeds the datagram by a few octets although its last line is whole. Such
/// requests are common enough that RFC 5118 §4.6 prints one; the missing octets are taken for empty lines.
fn parse_miscounted(bytes: &Bytes) -> Option<Request> {
    if !bytes.ends_with(b"\r\n") {
        return None;
    }
    let padding = b"\r\n".repeat(limit::MISSING_OCTETS / 2);
    let padded = Bytes::from([bytes.as_ref(), &padding].concat());
    match parse_datagram(padded, &parser_limits()) {
        Ok(Message::Request(request)) => Some(request),
        Ok(Message::Response(_)) | Err(_) => None,
    }
}

/// What waits to be polled. Events are bounded by the calls, closes by the streams.
#[derive(Debug, Default)]
struct Outbox {
    transmits: VecDeque<Transmit>,
    events: VecDeque<Event>,
    closes: VecDeque<Flow>,
}
