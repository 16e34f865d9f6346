//! UDP, TCP and TLS under the SIP endpoint: sockets, connections and their deadlines (RFC 3261 §18).
//!
//! Reads into one bounded queue of [`Arrival`]s; writes datagrams at once and stream bytes through a bounded queue per
//! connection. Knows bytes and flows, not messages.
//!
//! ```text
//! accept ─ Opened ─ the driver knows the peer? ─┬─ admit ─────────────────────────┬─ Chunk … ─ Closed
//!                          no: dropped          └─ greet: TLS handshake, bounded ─┘
//! connect ─ TCP, TLS with the name that is asked for ─┬─ Connected ─ Chunk … ─ Closed
//!                                                     └─ Failed
//! ```

mod streams;

use std::{
    collections::BTreeMap,
    future::ready,
    io,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use rustls::ClientConfig;
use sip::{Flow, Protocol, locate::Hop};
use tokio::{
    io::DuplexStream,
    net::{TcpListener, UdpSocket},
    sync::{mpsc, oneshot},
    task::{AbortHandle, JoinSet},
};

pub(super) use self::streams::Stream;
use self::streams::{Ends, Established, Way};
use super::{link::Fault, route::source_towards, trunk::TrunkIndex};
use crate::{
    dscp::Dscp,
    limit::{
        SIP_ARRIVALS_MAX, SIP_CONNECTIONS_MAX, SIP_CONNECTIONS_PER_SOURCE_MAX,
        SIP_DATAGRAM_BYTES_MAX, SIP_HANDSHAKES_MAX, SIP_HANDSHAKES_PER_SOURCE_MAX, SIP_LINGER,
        SIP_LINGERING_MAX, SIP_STREAM_CHUNK_BYTES, SIP_STREAM_WRITES_MAX,
    },
    tls::{Demand, SipServer},
};

/// What the network brought.
#[derive(Debug)]
pub(super) enum Arrival {
    /// One UDP datagram.
    Datagram(Flow, Vec<u8>),
    /// A chunk of a stream.
    Chunk(Flow, Vec<u8>),
    /// A connection was accepted; within it, nothing was said yet.
    Opened(Flow, Stream),
    /// A connection ended.
    Closed(Flow),
    /// A connection of ours came about.
    Connected(Flow),
    /// A connection of ours, of this number, did not.
    Failed(u64, Fault),
}

/// What comes of connecting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Connecting {
    /// Datagrams need no connection.
    Done(Flow),
    /// [`Arrival::Connected`] or [`Arrival::Failed`] will tell, of the connection of this number.
    Begun(u64),
    /// There is no way.
    Failed(Fault),
}

/// For which trunk a connection of ours is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Behalf {
    pub(super) trunk: TrunkIndex,
    /// Whether the peer is told where we listen. A registrar is not: it reaches us over the connection itself (RFC 5626).
    pub(super) listens: bool,
}

/// Who is at the other end of a flow, as far as more is known than the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Peer<'a> {
    /// Somebody who came to us, and has proved to be these clients by certificate.
    Came(&'a [usize]),
    /// Whom we have connected to for this trunk; over TLS they have proved to be its service.
    Sought(TrunkIndex),
}

impl<'a> Peer<'a> {
    /// Somebody of whom only the address is known.
    pub(super) const UNPROVED: Self = Self::Came(&[]);

    /// Which clients they have proved to be.
    pub(super) const fn clients(self) -> &'a [usize] {
        match self {
            Self::Came(clients) => clients,
            Self::Sought(_) => &[],
        }
    }

    /// The trunk for which we have connected to them, if we have.
    pub(super) const fn trunk(self) -> Option<TrunkIndex> {
        match self {
            Self::Came(_) => None,
            Self::Sought(trunk) => Some(trunk),
        }
    }
}

/// What the tasks of the sockets tell.
#[derive(Debug)]
enum Inlet {
    /// For the driver.
    Arrival(Arrival),
    /// A connection came about, and its peer has proved to be these clients.
    Ready(Flow, Vec<usize>),
    /// A connection did not come about.
    Failed(u64, Fault),
}

/// The bound sockets of the telephone door.
pub(super) struct Transport {
    udp: Vec<(SocketAddr, Arc<UdpSocket>)>,
    tcp: Vec<SocketAddr>,
    tls: Vec<SocketAddr>,
    /// How connections over TLS are taken; without it, none is.
    server: Option<SipServer>,
    /// How what is sent is marked.
    dscp: Dscp,
    connections: BTreeMap<u64, Connection>,
    arrivals: mpsc::Receiver<Inlet>,
    inlet: mpsc::Sender<Inlet>,
    tasks: JoinSet<()>,
    writers: JoinSet<()>,
    /// Connections closed from here that still take in what is under way.
    lingering: JoinSet<()>,
    /// Connections closed from here, which the endpoint has yet to hear of.
    overrun: Vec<Flow>,
    /// How many connections of ours there have been.
    ours: u64,
    /// How many connections were refused.
    refused: u64,
    /// In a simulated network: where everything that is sent goes.
    departures: Option<Departures>,
}

/// What departs into a simulated network.
struct Departures {
    datagrams: mpsc::Sender<(Flow, Vec<u8>)>,
    connections: mpsc::Sender<(Hop, DuplexStream)>,
    /// Where our socket would be bound.
    local: SocketAddr,
}

/// The other side of a simulated network: what arrives, and what departs.
#[derive(Debug)]
pub struct Wire {
    arrivals: mpsc::Sender<Inlet>,
    departures: mpsc::Receiver<(Flow, Vec<u8>)>,
    connections: mpsc::Receiver<(Hop, DuplexStream)>,
}

impl Wire {
    /// Takes the other end of the next connection that the door has made, and where it leads, without waiting.
    pub fn connected(&mut self) -> Option<(Hop, DuplexStream)> {
        self.connections.try_recv().ok()
    }

    /// Lets a datagram arrive; a full queue loses it, as a network would.
    pub fn arrive(&self, flow: Flow, bytes: Vec<u8>) {
        let arrival = Inlet::Arrival(Arrival::Datagram(flow, bytes));
        let _ = self.arrivals.try_send(arrival);
    }

    /// Lets a peer connect, by TCP or TLS as the flow says, and returns its end, which to drop is to lose the connection.
    /// A full queue refuses it, as a network would.
    pub fn connect(&self, flow: Flow) -> DuplexStream {
        let (ours, theirs) = tokio::io::duplex(SIP_STREAM_CHUNK_BYTES);
        let arrival = Inlet::Arrival(Arrival::Opened(flow, Stream::new(ours)));
        let _ = self.arrivals.try_send(arrival);
        theirs
    }

    /// Takes the next datagram that departed, without waiting.
    pub fn departed(&mut self) -> Option<(Flow, Vec<u8>)> {
        self.departures.try_recv().ok()
    }

    /// Waits for the next datagram that departs; none when the door is gone.
    pub async fn departure(&mut self) -> Option<(Flow, Vec<u8>)> {
        self.departures.recv().await
    }
}

/// A connection: where its answers go, and what is known of its peer.
struct Connection {
    source: IpAddr,
    writes: mpsc::Sender<Vec<u8>>,
    answered: Arc<AtomicBool>,
    reader: AbortHandle,
    standing: Standing,
    /// For which trunk it was made from here, if it was.
    ours: Option<TrunkIndex>,
}

/// How far a connection has come.
#[derive(Debug, PartialEq, Eq)]
enum Standing {
    /// The TLS handshake is under way.
    Greeting,
    /// Messages may come; the peer has proved to be these clients.
    Ready(Vec<usize>),
}

impl Transport {
    /// Binds UDP, TCP and TLS on every address; a port of 0 is chosen by the system.
    pub(super) async fn bind(
        udp: &[SocketAddr],
        tcp: &[SocketAddr],
        tls: &[SocketAddr],
        (server, dscp): (Option<SipServer>, Dscp),
    ) -> Result<Self, (SocketAddr, io::Error)> {
        let mut transport = Self {
            dscp,
            ..Self::unbound(server)
        };
        for &address in udp {
            let bound = transport.bind_udp(address).await;
            bound.map_err(|error| (address, error))?;
        }
        for (protocol, addresses) in [(Protocol::Tcp, tcp), (Protocol::Tls, tls)] {
            for &address in addresses {
                let bound = transport.listen(protocol, address).await;
                bound.map_err(|error| (address, error))?;
            }
        }
        Ok(transport)
    }

    /// Makes a transport without sockets, whose network is in memory.
    pub(super) fn simulated(
        server: Option<SipServer>,
        local: SocketAddr,
        (tcp, tls): (&[SocketAddr], &[SocketAddr]),
    ) -> (Self, Wire) {
        let (datagrams, departures) = mpsc::channel(SIP_ARRIVALS_MAX);
        let (links, connections) = mpsc::channel(SIP_ARRIVALS_MAX);
        let transport = Self {
            departures: Some(Departures {
                datagrams,
                connections: links,
                local,
            }),
            tcp: tcp.to_vec(),
            tls: tls.to_vec(),
            ..Self::unbound(server)
        };
        let wire = Wire {
            arrivals: transport.inlet.clone(),
            departures,
            connections,
        };
        (transport, wire)
    }

    fn unbound(server: Option<SipServer>) -> Self {
        let (inlet, arrivals) = mpsc::channel(SIP_ARRIVALS_MAX);
        Self {
            udp: Vec::new(),
            tcp: Vec::new(),
            tls: Vec::new(),
            server,
            dscp: Dscp::NONE,
            connections: BTreeMap::new(),
            arrivals,
            inlet,
            tasks: JoinSet::new(),
            writers: JoinSet::new(),
            lingering: JoinSet::new(),
            overrun: Vec::new(),
            ours: 0,
            refused: 0,
            departures: None,
        }
    }

    async fn bind_udp(&mut self, address: SocketAddr) -> io::Result<()> {
        let socket = Arc::new(UdpSocket::bind(address).await?);
        let local = socket.local_addr()?;
        self.dscp.mark(&*socket, local);
        self.udp.push((local, Arc::clone(&socket)));
        self.tasks
            .spawn(read_datagrams(socket, local, self.inlet.clone()));
        Ok(())
    }

    async fn listen(&mut self, protocol: Protocol, address: SocketAddr) -> io::Result<()> {
        let listener = TcpListener::bind(address).await?;
        let local = listener.local_addr()?;
        // Connections that it takes inherit the mark.
        self.dscp.mark(&listener, local);
        let listeners = self.tcp.len() + self.tls.len();
        // Datagrams have the number 0.
        let first = (listeners as u64 + 1) * NUMBERS_PER_LISTENER;
        match protocol {
            Protocol::Tls => self.tls.push(local),
            Protocol::Tcp | Protocol::Udp => self.tcp.push(local),
        }
        let inlet = self.inlet.clone();
        self.tasks
            .spawn(streams::accept(listener, protocol, local, first, inlet));
        Ok(())
    }

    /// The bound UDP addresses.
    pub(super) fn udp_addresses(&self) -> Vec<SocketAddr> {
        self.udp.iter().map(|(address, _)| *address).collect()
    }

    /// The bound TCP addresses.
    pub(super) fn tcp_addresses(&self) -> Vec<SocketAddr> {
        self.tcp.clone()
    }

    /// The bound TLS addresses.
    pub(super) fn tls_addresses(&self) -> Vec<SocketAddr> {
        self.tls.clone()
    }

    /// Who is at the other end of a flow.
    pub(super) fn peer(&self, flow: &Flow) -> Peer<'_> {
        let connection = self.connections.get(&flow.id);
        match connection.map(|of| (of.ours, &of.standing)) {
            Some((Some(trunk), _)) => Peer::Sought(trunk),
            Some((None, Standing::Ready(clients))) => Peer::Came(clients),
            Some((None, Standing::Greeting)) | None => Peer::UNPROVED,
        }
    }

    /// Waits for the next arrival. What still comes in on a connection that was closed is dropped.
    pub(super) async fn arrival(&mut self) -> Arrival {
        loop {
            if let Some(flow) = self.overrun.pop() {
                return Arrival::Closed(flow);
            }
            // The inlet is held by `self`, so the queue cannot end.
            let Some(inlet) = self.arrivals.recv().await else {
                return std::future::pending().await;
            };
            let arrival = match inlet {
                Inlet::Arrival(arrival) => arrival,
                Inlet::Ready(flow, clients) => match self.connections.get_mut(&flow.id) {
                    Some(connection) => {
                        connection.standing = Standing::Ready(clients);
                        if connection.ours.is_none() {
                            continue;
                        }
                        Arrival::Connected(flow)
                    }
                    None => continue,
                },
                Inlet::Failed(id, fault) => match self.connections.remove(&id) {
                    Some(connection) if connection.ours.is_some() => Arrival::Failed(id, fault),
                    Some(_) | None => continue,
                },
            };
            match &arrival {
                Arrival::Chunk(flow, _) if !self.connections.contains_key(&flow.id) => {}
                Arrival::Closed(flow) if self.connections.remove(&flow.id).is_none() => {}
                Arrival::Datagram(..)
                | Arrival::Chunk(..)
                | Arrival::Opened(..)
                | Arrival::Closed(_)
                | Arrival::Connected(_)
                | Arrival::Failed(..) => return arrival,
            }
        }
    }

    /// Ends all connections once what is queued for them is written.
    pub(super) async fn finish(mut self) {
        self.connections.clear();
        while self.writers.join_next().await.is_some() {}
    }

    /// Keeps a connection unless there are too many, in all or from its source; a refused one is closed by dropping it.
    pub(super) fn admit(&mut self, flow: Flow, stream: Stream) {
        if self.has_room(flow.remote.ip()) {
            let established = ready(Ok(Established::plain(flow, stream)));
            self.keep(flow, established, Standing::Ready(Vec::new()), None);
        } else {
            self.refused += 1;
        }
    }

    /// Keeps a connection like [`Self::admit`] and begins the TLS handshake, unless there are too many of them already.
    pub(super) fn greet(&mut self, flow: Flow, stream: Stream, demand: Demand) {
        let Some(server) = self.server.clone() else {
            return;
        };
        let source = flow.remote.ip();
        let all = self.connections.values();
        let greeting = all.filter(|of| of.standing == Standing::Greeting);
        let same = greeting.clone().filter(|of| of.source == source).count();
        if greeting.count() < SIP_HANDSHAKES_MAX
            && same < SIP_HANDSHAKES_PER_SOURCE_MAX
            && self.has_room(source)
        {
            let established = streams::greet(flow, stream, server, demand);
            self.keep(flow, established, Standing::Greeting, None);
        } else {
            self.refused += 1;
        }
    }

    /// How many connections were refused since there were too many, in all or from their source.
    pub(super) fn refused(&self) -> u64 {
        self.refused
    }

    /// Begins to connect to a hop, over TLS by these settings. Connections of ours are one or two for each trunk and
    /// [`WAY_CONNECTIONS_MAX`](crate::limit::WAY_CONNECTIONS_MAX) more, and are not kept from coming about by those of others.
    pub(super) fn connect(
        &mut self,
        hop: Hop,
        behalf: Behalf,
        client: Option<Arc<ClientConfig>>,
    ) -> Connecting {
        let Some(local) = self.local_towards(&hop) else {
            return Connecting::Failed(Fault::Unreachable);
        };
        let secured = match (hop.protocol, client) {
            (Protocol::Udp, _) => {
                return Connecting::Done(Flow::new(Protocol::Udp, local, hop.address, 0));
            }
            (Protocol::Tcp, _) => None,
            (Protocol::Tls, Some(client)) => Some(client),
            (Protocol::Tls, None) => return Connecting::Failed(Fault::Untrusted),
        };
        self.ours += 1;
        let flow = Flow::new(hop.protocol, local, hop.address, FIRST_OF_OURS + self.ours);
        let listening = self.listening(hop.protocol, local.ip());
        let listening = listening.filter(|_| behalf.listens);
        let way = match &self.departures {
            None => Way::From(local.ip(), self.dscp),
            Some(departures) => {
                let (ours, theirs) = tokio::io::duplex(SIP_STREAM_CHUNK_BYTES);
                let _ = departures.connections.try_send((hop.clone(), theirs));
                Way::There(Stream::new(ours))
            }
        };
        let established = streams::reach((flow, listening), way, secured, hop.server_name);
        let ours = Some(behalf.trunk);
        self.keep(flow, established, Standing::Greeting, ours);
        Connecting::Begun(flow.id)
    }

    /// Our address on the way to a hop: that of a datagram socket of its family, with its port, if such a socket reaches
    /// it; for connections any address of that family.
    fn local_towards(&self, hop: &Hop) -> Option<SocketAddr> {
        if let Some(departures) = &self.departures {
            let port = match hop.protocol {
                Protocol::Udp => departures.local.port(),
                Protocol::Tcp | Protocol::Tls => SIMULATED_PORT,
            };
            return Some(SocketAddr::new(departures.local.ip(), port));
        }
        let source = source_towards(hop.address.ip())?;
        let datagrams = self.udp.iter().map(|(bound, _)| *bound);
        let streams = self.tcp.iter().chain(&self.tls).copied();
        let fitting = |bound: &SocketAddr| {
            let local = SocketAddr::new(source, bound.port());
            serves(*bound, local) || is_beside(*bound, source)
        };
        let local = |bound: SocketAddr| reachable(bound, hop.address);
        match hop.protocol {
            Protocol::Udp => datagrams.into_iter().find(fitting).map(local),
            Protocol::Tcp | Protocol::Tls => {
                let found = streams.chain(datagrams).find(fitting).map(local);
                Some(found.unwrap_or(SocketAddr::new(source, 0)))
            }
        }
    }

    /// Where a peer can connect to us by a protocol that reaches us at an address of ours; none where we do not listen.
    fn listening(&self, protocol: Protocol, ours: IpAddr) -> Option<SocketAddr> {
        let bound = match protocol {
            Protocol::Udp => return None,
            Protocol::Tcp => &self.tcp,
            Protocol::Tls => &self.tls,
        };
        let here = |bound: SocketAddr| SocketAddr::new(ours, bound.port());
        let any = |fits: &dyn Fn(SocketAddr) -> bool| bound.iter().copied().find(|of| fits(*of));
        any(&|bound| serves(bound, here(bound)))
            // Listening everywhere by IPv6 takes IPv4 in as well.
            .or_else(|| any(&|bound| bound.ip().is_unspecified() && ours.is_ipv4()))
            .map(here)
            .or_else(|| any(&|bound| is_beside(bound, ours)))
    }

    /// Whether a connection more may come from an address.
    fn has_room(&self, source: IpAddr) -> bool {
        let foreign = || self.connections.values().filter(|of| of.ours.is_none());
        let same = foreign().filter(|of| of.source == source).count();
        foreign().count() < SIP_CONNECTIONS_MAX && same < SIP_CONNECTIONS_PER_SOURCE_MAX
    }

    fn keep(
        &mut self,
        flow: Flow,
        established: impl Future<Output = io::Result<Established>> + Send + 'static,
        standing: Standing,
        ours: Option<TrunkIndex>,
    ) {
        let source = flow.remote.ip();
        let (writes, queue) = mpsc::channel(SIP_STREAM_WRITES_MAX);
        let (writer, write) = oneshot::channel();
        let answered = Arc::new(AtomicBool::new(false));
        let ends = Ends {
            id: flow.id,
            answered: Arc::clone(&answered),
            writer,
            inlet: self.inlet.clone(),
        };
        let reader = self.tasks.spawn(streams::read(established, ends));
        self.writers.spawn(streams::write(write, queue));
        while self.writers.try_join_next().is_some() {}
        let connection = Connection {
            source,
            writes,
            answered,
            reader,
            standing,
            ours,
        };
        self.connections.insert(flow.id, connection);
    }

    /// Sends bytes along a flow; what cannot be sent at once is dropped, as the network may.
    pub(super) fn send(&mut self, flow: Flow, bytes: &[u8]) {
        match flow.protocol {
            Protocol::Udp => {
                if let Some(departures) = &self.departures {
                    let _ = departures.datagrams.try_send((flow, bytes.to_vec()));
                } else if let Some((_, socket)) = self
                    .udp
                    .iter()
                    .find(|(local, _)| serves(*local, flow.local))
                {
                    let _ = socket.try_send_to(bytes, flow.remote);
                }
            }
            Protocol::Tcp | Protocol::Tls => {
                let Some(connection) = self.connections.get(&flow.id) else {
                    return;
                };
                connection.answered.store(true, Ordering::Relaxed);
                if connection.writes.try_send(bytes.to_vec()).is_err() {
                    self.close(flow);
                    self.overrun.push(flow);
                }
            }
        }
    }

    /// Closes a connection; what is queued for it is still written.
    ///
    /// It is read on for a moment: octets left unread would make the system reset the connection, and with it the answer
    /// to a peer that is still sending would be lost.
    pub(super) fn close(&mut self, flow: Flow) {
        let Some(connection) = self.connections.remove(&flow.id) else {
            return;
        };
        while self.lingering.try_join_next().is_some() {}
        let reader = connection.reader;
        if self.lingering.len() >= SIP_LINGERING_MAX {
            reader.abort();
            return;
        }
        self.lingering.spawn(async move {
            tokio::time::sleep(SIP_LINGER).await;
            reader.abort();
        });
    }
}

/// The address of ours that a peer knows: where a socket listens everywhere, the one its packets came to.
fn reachable(local: SocketAddr, remote: SocketAddr) -> SocketAddr {
    if !local.ip().is_unspecified() {
        return local;
    }
    SocketAddr::new(
        source_towards(remote.ip()).unwrap_or(local.ip()),
        local.port(),
    )
}

/// Tells whether a socket bound to `bound` sends for the address `local`.
fn serves(bound: SocketAddr, local: SocketAddr) -> bool {
    let everywhere = bound.ip().is_unspecified() && bound.port() == local.port();
    bound == local || (everywhere && bound.is_ipv4() == local.is_ipv4())
}

/// Tells whether a socket is bound to another address of ours of the same kind. From there the loopback of this machine, and
/// only it, is reached all the same.
fn is_beside(bound: SocketAddr, ours: IpAddr) -> bool {
    bound.is_ipv4() == ours.is_ipv4()
        && bound.ip().is_loopback() == ours.is_loopback()
        && !bound.ip().is_unspecified()
}

async fn read_datagrams(socket: Arc<UdpSocket>, local: SocketAddr, inlet: mpsc::Sender<Inlet>) {
    let mut buffer = vec![0; SIP_DATAGRAM_BYTES_MAX];
    loop {
        // An error here is an ICMP message about something sent earlier; the socket lives on.
        let Ok((length, remote)) = socket.recv_from(&mut buffer).await else {
            continue;
        };
        let flow = Flow::new(Protocol::Udp, reachable(local, remote), remote, 0);
        let arrival = Arrival::Datagram(flow, buffer[..length].to_vec());
        if inlet.send(Inlet::Arrival(arrival)).await.is_err() {
            return;
        }
    }
}

/// Connections that one listener may number.
const NUMBERS_PER_LISTENER: u64 = 1 << 32;
/// The number before that of the first connection of ours, beyond those of all listeners.
const FIRST_OF_OURS: u64 = 1 << 62;
/// The port that every connection of ours has in a simulated network.
const SIMULATED_PORT: u16 = 49_152;

#[cfg(test)]
mod tests;
