//! What the network brings, and what becomes of connections: those of peers, and those that we make to the servers of trunks.

use rand::RngExt;
use sip::{Command, Flow, Protocol, TrunkRef, locate::Hop};
use tokio::task::JoinError;

use super::{Door, clock};
use crate::{
    phone::{
        link::{Effect, Link},
        transport::{Arrival, Connecting, Peer, Stream},
    },
    tls::Demand,
};

impl Door {
    /// Takes what the network brought. Who is on no trunk gets no answer, so that nothing can be had or made of us by
    /// a forged source address.
    pub(super) fn arrived(&mut self, arrival: Arrival) {
        let now = clock();
        match arrival {
            Arrival::Datagram(mut flow, bytes) if self.trunks.know(&flow, Peer::UNPROVED) => {
                self.trunks.mark(&mut flow, Peer::UNPROVED);
                self.endpoint.handle_datagram(flow, &bytes, now);
            }
            Arrival::Chunk(mut flow, bytes)
                if self.trunks.know(&flow, self.transport.peer(&flow)) =>
            {
                let peer = self.transport.peer(&flow);
                self.trunks.mark(&mut flow, peer);
                let is_pong = self.endpoint.is_between_messages(flow) && begins_with_pong(&bytes);
                let links = self.trunks.links();
                links.for_each(|(_, link)| link.heard(flow, is_pong, now));
                self.endpoint.handle_stream(flow, &bytes, now);
            }
            Arrival::Opened(flow, stream) => self.opened(flow, stream),
            Arrival::Closed(flow) => self.closed(flow),
            Arrival::Connected(flow) => match self.connecting.remove(&flow.id) {
                Some(trunk) => self.connected(trunk, flow),
                None => self.way_connected(flow),
            },
            Arrival::Failed(id, fault) => {
                self.way_failed(id);
                if let Some(trunk) = self.connecting.remove(&id) {
                    self.with_link(trunk, |link| link.failed(fault, now));
                }
            }
            Arrival::Datagram(..) => self.strangers += 1,
            Arrival::Chunk(flow, _) => {
                self.strangers += 1;
                self.close(flow);
            }
        }
    }

    /// Takes a connection of a peer; a stranger's is dropped before anything is said.
    fn opened(&mut self, flow: Flow, stream: Stream) {
        match (flow.protocol, self.trunks.demand(&flow)) {
            (Protocol::Tls, Some(demand)) => self.transport.greet(flow, stream, demand),
            (Protocol::Tcp, Some(Demand::Nothing | Demand::Wish)) => {
                self.transport.admit(flow, stream);
            }
            (Protocol::Udp | Protocol::Tcp, _) | (Protocol::Tls, None) => self.strangers += 1,
        }
    }

    /// Closes a connection, which is gone then as others are.
    pub(super) fn close(&mut self, flow: Flow) {
        self.transport.close(flow);
        self.closed(flow);
    }

    /// Closes the connections that the endpoint has done with; whether there were any.
    pub(super) fn close_connections(&mut self) -> bool {
        let mut any = false;
        while let Some(flow) = self.endpoint.poll_close() {
            self.close(flow);
            any = true;
        }
        any
    }

    /// A connection is gone. The link is told first, so that it need not be told again that another is wanted.
    fn closed(&mut self, flow: Flow) {
        let now = clock();
        let links = self.trunks.links();
        links.for_each(|(_, link)| link.closed(flow, now));
        self.ways.closed(flow);
        self.endpoint.handle_closed(flow, now);
    }

    /// Takes the way to a trunk's server.
    fn connected(&mut self, trunk: TrunkRef, mut flow: Flow) {
        flow.advertised = self
            .trunks
            .external(trunk, &flow)
            .unwrap_or(flow.advertised);
        self.with_link(trunk, |link| link.connected(flow, clock()));
    }

    pub(super) fn with_link(&mut self, trunk: TrunkRef, work: impl FnOnce(&mut Link)) {
        if let Some(link) = self.trunks.link(trunk) {
            work(link);
        }
    }

    pub(super) fn located(&mut self, found: Result<(TrunkRef, Vec<Hop>), JoinError>) {
        match found {
            Ok((trunk, hops)) => {
                self.with_link(trunk, |link| link.located(hops, clock()));
                self.trunks.found(trunk);
            }
            // Whose it was is not known; to be told that nothing was found only makes the others look again.
            Err(error) => {
                tracing::error!(%error, "a look-up failed");
                let (links, now) = (self.trunks.links(), clock());
                links.for_each(|(_, link)| link.located(Vec::new(), now));
            }
        }
    }

    /// Does what the ways to the trunks' servers need; whether that was anything.
    pub(super) fn keep_up(&mut self) -> bool {
        let mut wanted = Vec::new();
        for (trunk, link) in self.trunks.links() {
            while let Some(effect) = link.poll_effect() {
                wanted.push((trunk, effect));
            }
        }
        let any = !wanted.is_empty();
        for (trunk, effect) in wanted {
            self.effect(trunk, effect);
        }
        any
    }

    fn effect(&mut self, trunk: TrunkRef, effect: Effect) {
        let now = clock();
        match effect {
            Effect::Locate(place) => {
                let (names, random) = (self.names.clone(), self.server.rng().random());
                self.lookups
                    .spawn(async move { (trunk, names.locate(place, random).await) });
            }
            Effect::Connect(hop) => {
                let client = self.trunks.link(trunk).and_then(|link| link.client());
                let behalf = self.trunks.behalf(trunk.into());
                match self.transport.connect(hop, behalf, client) {
                    Connecting::Done(flow) => self.connected(trunk, flow),
                    Connecting::Begun(id) => {
                        self.connecting.insert(id, trunk);
                    }
                    Connecting::Failed(fault) => {
                        self.with_link(trunk, |link| link.failed(fault, now));
                    }
                }
            }
            Effect::Order(command) => {
                self.endpoint.handle(Command::Trunk { trunk, command }, now);
            }
            Effect::KeepAlive(flow) => self.transport.send(flow, KEEP_ALIVE),
            Effect::Close(flow) => self.close(flow),
        }
    }
}

/// A question whether the way is open, which is no message (RFC 5626 §3.5.1).
const KEEP_ALIVE: &[u8] = b"\r\n\r\n";

/// An answer to a keep-alive, rather than one of the peer's own, if no message is half read.
fn begins_with_pong(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\r\n") && !bytes.starts_with(KEEP_ALIVE)
}
