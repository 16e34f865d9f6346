//! UDP and TCP under the SIP endpoint: sockets, connections and their deadlines (RFC 3261 §18).
//!
//! Reads into one bounded queue of [`Arrival`]s; writes datagrams at once and stream bytes through a bounded queue per
//! connection. Knows bytes and flows, not messages.

use std::{
    collections::BTreeMap,
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use sip::{Flow, Protocol};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream, UdpSocket,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::mpsc,
    task::JoinSet,
};

use super::route::source_towards;
use crate::limit::{
    SIP_ARRIVALS_MAX, SIP_CONNECTION_IDLE_MAX, SIP_CONNECTION_SILENT_MAX, SIP_CONNECTIONS_MAX,
    SIP_CONNECTIONS_PER_SOURCE_MAX, SIP_DATAGRAM_BYTES_MAX, SIP_LINGER, SIP_LINGERING_MAX,
    SIP_STREAM_CHUNK_BYTES, SIP_STREAM_WRITES_MAX,
};

/// What the network brought.
#[derive(Debug)]
pub(super) enum Arrival {
    /// One UDP datagram.
    Datagram(Flow, Vec<u8>),
    /// A chunk of a TCP stream.
    Chunk(Flow, Vec<u8>),
    /// A TCP connection was accepted.
    Opened(Flow, TcpStream),
    /// A TCP connection ended.
    Closed(Flow),
}

/// The bound sockets of the telephone door.
pub(super) struct Transport {
    udp: Vec<(SocketAddr, Arc<UdpSocket>)>,
    tcp: Vec<SocketAddr>,
    connections: BTreeMap<u64, Connection>,
    arrivals: mpsc::Receiver<Arrival>,
    inlet: mpsc::Sender<Arrival>,
    tasks: JoinSet<()>,
    writers: JoinSet<()>,
    /// Connections closed from here that still take in what is under way.
    lingering: JoinSet<()>,
    /// Connections closed from here, which the endpoint has yet to hear of.
    overrun: Vec<Flow>,
    /// In a simulated network: where everything that is sent goes.
    departures: Option<mpsc::Sender<(Flow, Vec<u8>)>>,
}

/// The other side of a simulated network: what arrives, and what departs.
#[derive(Debug)]
pub struct Wire {
    arrivals: mpsc::Sender<Arrival>,
    departures: mpsc::Receiver<(Flow, Vec<u8>)>,
}

impl Wire {
    /// Lets a datagram arrive; a full queue loses it, as a network would.
    pub fn arrive(&self, flow: Flow, bytes: Vec<u8>) {
        let _ = self.arrivals.try_send(Arrival::Datagram(flow, bytes));
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

/// An accepted connection: where its answers go, and whether it ever had one.
struct Connection {
    source: IpAddr,
    writes: mpsc::Sender<Vec<u8>>,
    answered: Arc<std::sync::atomic::AtomicBool>,
    reader: tokio::task::AbortHandle,
}

impl Transport {
    /// Binds UDP and TCP on every address; a port of 0 is chosen by the system.
    pub(super) async fn bind(
        udp: &[SocketAddr],
        tcp: &[SocketAddr],
    ) -> Result<Self, (SocketAddr, io::Error)> {
        let mut transport = Self::unbound();
        for &address in udp {
            transport
                .bind_udp(address)
                .await
                .map_err(|error| (address, error))?;
        }
        for &address in tcp {
            transport
                .bind_tcp(address)
                .await
                .map_err(|error| (address, error))?;
        }
        Ok(transport)
    }

    /// Makes a transport without sockets, whose network is in memory.
    pub(super) fn simulated() -> (Self, Wire) {
        let (sender, departures) = mpsc::channel(SIP_ARRIVALS_MAX);
        let transport = Self {
            departures: Some(sender),
            ..Self::unbound()
        };
        let wire = Wire {
            arrivals: transport.inlet.clone(),
            departures,
        };
        (transport, wire)
    }

    fn unbound() -> Self {
        let (inlet, arrivals) = mpsc::channel(SIP_ARRIVALS_MAX);
        Self {
            udp: Vec::new(),
            tcp: Vec::new(),
            connections: BTreeMap::new(),
            arrivals,
            inlet,
            tasks: JoinSet::new(),
            writers: JoinSet::new(),
            lingering: JoinSet::new(),
            overrun: Vec::new(),
            departures: None,
        }
    }

    async fn bind_udp(&mut self, address: SocketAddr) -> io::Result<()> {
        let socket = Arc::new(UdpSocket::bind(address).await?);
        let local = socket.local_addr()?;
        self.udp.push((local, Arc::clone(&socket)));
        self.tasks
            .spawn(read_datagrams(socket, local, self.inlet.clone()));
        Ok(())
    }

    async fn bind_tcp(&mut self, address: SocketAddr) -> io::Result<()> {
        let listener = TcpListener::bind(address).await?;
        let local = listener.local_addr()?;
        self.tcp.push(local);
        self.tasks
            .spawn(accept(listener, local, self.inlet.clone()));
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

    /// Waits for the next arrival. What still comes in on a connection that was closed is dropped.
    pub(super) async fn arrival(&mut self) -> Arrival {
        loop {
            if let Some(flow) = self.overrun.pop() {
                return Arrival::Closed(flow);
            }
            // The inlet is held by `self`, so the queue cannot end.
            let Some(arrival) = self.arrivals.recv().await else {
                return std::future::pending().await;
            };
            match &arrival {
                Arrival::Chunk(flow, _) if !self.connections.contains_key(&flow.id) => {}
                Arrival::Closed(flow) if self.connections.remove(&flow.id).is_none() => {}
                Arrival::Datagram(..)
                | Arrival::Chunk(..)
                | Arrival::Opened(..)
                | Arrival::Closed(_) => return arrival,
            }
        }
    }

    /// Ends all connections once what is queued for them is written.
    pub(super) async fn finish(mut self) {
        self.connections.clear();
        while self.writers.join_next().await.is_some() {}
    }

    /// Keeps a connection unless there are too many, in all or from its source; a refused one is closed by dropping it.
    pub(super) fn admit(&mut self, flow: Flow, stream: TcpStream) {
        let source = flow.remote.ip();
        let same = self
            .connections
            .values()
            .filter(|c| c.source == source)
            .count();
        if self.connections.len() >= SIP_CONNECTIONS_MAX || same >= SIP_CONNECTIONS_PER_SOURCE_MAX {
            return;
        }
        let (read, write) = stream.into_split();
        let (writes, queue) = mpsc::channel(SIP_STREAM_WRITES_MAX);
        let answered = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let reader = self.tasks.spawn(read_stream(
            read,
            flow,
            Arc::clone(&answered),
            self.inlet.clone(),
        ));
        self.writers.spawn(write_stream(write, queue));
        while self.writers.try_join_next().is_some() {}
        self.connections.insert(
            flow.id,
            Connection {
                source,
                writes,
                answered,
                reader,
            },
        );
    }

    /// Sends bytes along a flow; what cannot be sent at once is dropped, as the network may.
    pub(super) fn send(&mut self, flow: Flow, bytes: &[u8]) {
        if let Some(departures) = &self.departures {
            let _ = departures.try_send((flow, bytes.to_vec()));
            return;
        }
        match flow.protocol {
            Protocol::Udp => {
                if let Some((_, socket)) = self
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
                connection
                    .answered
                    .store(true, std::sync::atomic::Ordering::Relaxed);
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

async fn read_datagrams(socket: Arc<UdpSocket>, local: SocketAddr, inlet: mpsc::Sender<Arrival>) {
    let mut buffer = vec![0; SIP_DATAGRAM_BYTES_MAX];
    loop {
        // An error here is an ICMP message about something sent earlier; the socket lives on.
        let Ok((length, remote)) = socket.recv_from(&mut buffer).await else {
            continue;
        };
        let flow = Flow::new(Protocol::Udp, reachable(local, remote), remote, 0);
        if inlet
            .send(Arrival::Datagram(flow, buffer[..length].to_vec()))
            .await
            .is_err()
        {
            return;
        }
    }
}

async fn accept(listener: TcpListener, local: SocketAddr, inlet: mpsc::Sender<Arrival>) {
    let mut backoff = tokio::time::interval(std::time::Duration::from_millis(50));
    let mut id = u64::from(local.port()) << 32;
    loop {
        let Ok((stream, remote)) = listener.accept().await else {
            // Out of file descriptors: wait for some to be returned.
            backoff.tick().await;
            continue;
        };
        id += 1;
        // The connection's own local address matters where the listener is bound to a wildcard.
        let local = stream.local_addr().unwrap_or(local);
        let flow = Flow::new(Protocol::Tcp, local, remote, id);
        if inlet.send(Arrival::Opened(flow, stream)).await.is_err() {
            return;
        }
    }
}

async fn read_stream(
    mut read: OwnedReadHalf,
    flow: Flow,
    answered: Arc<std::sync::atomic::AtomicBool>,
    inlet: mpsc::Sender<Arrival>,
) {
    let mut buffer = vec![0; SIP_STREAM_CHUNK_BYTES];
    // A connection that never got an answer may not stay by sending a byte now and then.
    let mut unanswered = std::pin::pin!(tokio::time::sleep(SIP_CONNECTION_SILENT_MAX));
    loop {
        let waiting = !answered.load(std::sync::atomic::Ordering::Relaxed);
        let length = tokio::select! {
            () = &mut unanswered, if waiting => {
                if answered.load(std::sync::atomic::Ordering::Relaxed) { continue }
                break
            }
            read = tokio::time::timeout(SIP_CONNECTION_IDLE_MAX, read.read(&mut buffer)) => match read {
                Ok(Ok(length)) if length > 0 => length,
                Ok(Ok(_) | Err(_)) | Err(_) => break,
            },
        };
        if inlet
            .send(Arrival::Chunk(flow, buffer[..length].to_vec()))
            .await
            .is_err()
        {
            return;
        }
    }
    let _ = inlet.send(Arrival::Closed(flow)).await;
}

async fn write_stream(mut write: OwnedWriteHalf, mut queue: mpsc::Receiver<Vec<u8>>) {
    while let Some(bytes) = queue.recv().await {
        let written =
            tokio::time::timeout(SIP_CONNECTION_SILENT_MAX, write.write_all(&bytes)).await;
        if !matches!(written, Ok(Ok(()))) {
            return;
        }
    }
    // The peer may have closed already.
    let _ = write.shutdown().await;
}
