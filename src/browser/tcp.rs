//! Browsers whose network lets no datagram out: ICE over TCP (RFC 6544), with us as the passive side.
//!
//! ```text
//! browser ─ TCP ─ packets (RFC 4571) ─┬─ first: a check of a living leg's browser? else the end, without an answer
//!                                     └─ each as a datagram ─ socket of its own, on this machine ─ the leg's worker
//! ```
//!
//! To its worker a leg reached like that is one whose browser has an address of this machine: checks, consent and keys are the
//! same, and so is the protection, which goes from end to end. What is carried is neither looked into nor kept.
//!
//! Invariants: before its first packet has proved whose browser it is, a connection costs a place among few and leads nowhere;
//! after that it leads to that leg alone, for as long as the leg lasts. Nothing waits for a browser that does not read.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    fmt, io,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use socket2::SockRef;
use tokio::{
    net::{TcpListener, TcpStream, UdpSocket},
    task::{AbortHandle, JoinSet},
    time::{Instant, interval, sleep_until, timeout},
};
use tokio_util::sync::{CancellationToken, DropGuard};

use self::{
    framing::{Incoming, TooLong},
    passage::Passage,
    places::{Places, Visitor},
};
use crate::{
    dscp::Dscp,
    limit::{DATAGRAM_MAX, ICE_TCP_PROVED_WITHIN, ICE_TCP_RECEIVE_BUFFER, ICE_TCP_SEND_BUFFER},
    media::{
        api::BrowserMedia,
        leg::secure::{Credentials, SecureContext, stun_ufrag},
    },
};

pub(super) use places::network;

mod framing;
mod passage;
mod places;
#[cfg(test)]
mod tests;

/// Sockets that are bound and take nobody in yet.
#[derive(Debug)]
pub struct Tcp {
    listeners: Vec<std::net::TcpListener>,
    ways: Ways,
}

/// An address cannot be bound.
#[derive(Debug, thiserror::Error)]
#[error("{address} cannot be bound: {source}")]
pub struct BindError {
    /// The address.
    pub address: SocketAddr,
    /// Why.
    pub source: io::Error,
}

impl Tcp {
    /// Binds all addresses; port 0 takes a free one. Where it is any address, browsers are told those of `media`.
    ///
    /// # Errors
    ///
    /// Fails at the first address that cannot be bound.
    pub fn bind(
        addresses: &[SocketAddr],
        media: &[IpAddr],
        dscp: Dscp,
        context: SecureContext,
    ) -> Result<Self, BindError> {
        let mut listeners = Vec::new();
        let mut candidates = Vec::new();
        for address in addresses.iter().copied() {
            let (listener, bound) =
                listen(address).map_err(|source| BindError { address, source })?;
            candidates.extend(reached_at(bound, media));
            listeners.push(listener);
        }
        let ways = Ways(Arc::new(Hall {
            candidates,
            context,
            dscp,
            legs: Mutex::default(),
            visitors: Mutex::default(),
            happened: Default::default(),
        }));
        Ok(Self { listeners, ways })
    }

    /// Returns the way from an answer to here.
    pub fn ways(&self) -> Ways {
        self.ways.clone()
    }

    /// Carries packets until told to stop.
    ///
    /// # Errors
    ///
    /// Fails when the runtime does not take a socket.
    pub async fn run(self, stop: CancellationToken) -> io::Result<()> {
        let mut doors = JoinSet::new();
        for listener in self.listeners {
            let listener = TcpListener::from_std(listener)?;
            doors.spawn(accept(listener, Arc::clone(&self.ways.0)));
        }
        stop.cancelled().await;
        Ok(())
    }
}

/// What answers say of the ways in by TCP, and which legs they lead to.
#[derive(Debug, Clone)]
pub struct Ways(Arc<Hall>);

/// The way to one leg; dropping it closes it, and the connections over it.
#[derive(Debug)]
pub struct Way {
    hall: Arc<Hall>,
    ufrag: String,
    _over: DropGuard,
}

impl Ways {
    /// Returns where browsers connect.
    pub fn candidates(&self) -> &[SocketAddr] {
        &self.0.candidates
    }

    /// Opens the way to a leg whose worker is at these addresses.
    pub fn open(&self, media: &BrowserMedia, addresses: &[SocketAddr]) -> Way {
        let over = CancellationToken::new();
        let leg = Leg {
            credentials: Arc::new(Credentials::of(media, &self.0.context)),
            addresses: addresses.into(),
            over: over.clone(),
        };
        let ufrag = media.local_ufrag.clone();
        self.0.legs().insert(ufrag.clone(), leg);
        Way {
            hall: Arc::clone(&self.0),
            ufrag,
            _over: over.drop_guard(),
        }
    }

    /// Returns how many connections there are: of those not known yet, and of browsers with a leg.
    pub fn connections(&self) -> [usize; 2] {
        self.0.visitors().places.count()
    }

    /// Returns how often what has happened.
    pub fn happened(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let counts = Outcome::ALL.map(|outcome| (outcome.name(), self.0.count_of(outcome)));
        counts.into_iter()
    }
}

impl Drop for Way {
    fn drop(&mut self) {
        self.hall.legs().remove(&self.ufrag);
    }
}

macro_rules! outcomes {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// What becomes of connections, and of packets.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        enum Outcome {
            $($(#[$doc])* $name,)*
        }

        impl Outcome {
            /// All, in the order of their indices.
            const ALL: [Self; [$($text),*].len()] = [$(Self::$name),*];

            /// The name as metrics show it.
            const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

outcomes! {
    /// A connection proved whose browser it is.
    Proved = "proved",
    /// It was no browser's of ours.
    Unauthenticated = "unauthenticated",
    /// It did not say in time whose it is.
    Silent = "silent",
    /// It had to make room for others before it had.
    Displaced = "displaced",
    /// There was no place for one more.
    Full = "full",
    /// What came is not cut into packets, or one was too long.
    Malformed = "malformed",
    /// It wanted to reach another leg than its own.
    Astray = "astray",
    /// Nothing came for too long.
    Idle = "idle",
    /// The other side closed it.
    Left = "left",
    /// Its leg has ended.
    Over = "over",
    /// A packet was left out, because the browser takes too few.
    Dropped = "packets_dropped",
}

/// What all connections share.
struct Hall {
    candidates: Vec<SocketAddr>,
    context: SecureContext,
    dscp: Dscp,
    /// By their user fragments.
    legs: Mutex<BTreeMap<String, Leg>>,
    visitors: Mutex<Visitors>,
    happened: [AtomicU64; Outcome::ALL.len()],
}

/// A leg that may be reached.
#[derive(Debug, Clone)]
struct Leg {
    credentials: Arc<Credentials>,
    addresses: Arc<[SocketAddr]>,
    over: CancellationToken,
}

/// Who is here, and how each is ended.
#[derive(Debug, Default)]
struct Visitors {
    places: Places,
    handles: BTreeMap<Visitor, AbortHandle>,
}

/// A connection's place; dropping it gives it to others.
struct Place {
    hall: Arc<Hall>,
    visitor: Visitor,
}

impl Hall {
    fn legs(&self) -> MutexGuard<'_, BTreeMap<String, Leg>> {
        self.legs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn visitors(&self) -> MutexGuard<'_, Visitors> {
        self.visitors.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self, outcome: Outcome) {
        self.happened[outcome as usize].fetch_add(1, Ordering::Relaxed);
    }

    fn count_of(&self, outcome: Outcome) -> u64 {
        self.happened[outcome as usize].load(Ordering::Relaxed)
    }

    /// Takes in a connection, in place of another where there are too many.
    fn receive(self: &Arc<Self>, stream: TcpStream, from: IpAddr, visits: &mut JoinSet<()>) {
        let mut visitors = self.visitors();
        let (visitor, displaced) = visitors.places.arrive(from);
        let place = Place {
            hall: Arc::clone(self),
            visitor,
        };
        let handle = visits.spawn(visit(place, stream));
        visitors.handles.insert(visitor, handle);
        let displaced = displaced.and_then(|displaced| visitors.handles.remove(&displaced));
        drop(visitors);
        if let Some(displaced) = displaced {
            self.count(Outcome::Displaced);
            displaced.abort();
        }
    }

    /// Finds the leg of whose browser a packet is an authentic check.
    fn judge(&self, packet: &[u8]) -> Option<(String, Leg)> {
        let ufrag = stun_ufrag(packet)?;
        let leg = self.legs().get(ufrag).cloned()?;
        leg.credentials
            .vouch_for(packet)
            .then(|| (ufrag.to_owned(), leg))
    }
}

impl fmt::Debug for Hall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hall")
            .field("candidates", &self.candidates.len())
            .finish_non_exhaustive()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut visitors = self.hall.visitors();
        visitors.places.leave(self.visitor);
        visitors.handles.remove(&self.visitor);
    }
}

/// Accepts connections for ever; dropping it ends them.
async fn accept(listener: TcpListener, hall: Arc<Hall>) {
    let mut visits = JoinSet::new();
    let mut backoff = interval(BACKOFF);
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, from)) => hall.receive(stream, from.ip(), &mut visits),
                // Out of file descriptors: wait for some to be returned.
                Err(_) => { backoff.tick().await; }
            },
            Some(_) = visits.join_next() => {}
        }
    }
}

async fn visit(place: Place, stream: TcpStream) {
    let Err(outcome) = lead(&place, &stream).await;
    place.hall.count(outcome);
}

/// Leads a connection to its browser's leg; returns what ended it.
async fn lead(place: &Place, stream: &TcpStream) -> Result<Infallible, Outcome> {
    let introduced = timeout(ICE_TCP_PROVED_WITHIN, introduce(&place.hall, stream)).await;
    pass(place, stream, introduced.map_err(|_| Outcome::Silent)??).await
}

/// Somebody's browser, with what it sent first and what came behind that.
struct Guest {
    ufrag: String,
    leg: Leg,
    first: Vec<u8>,
    rest: Incoming,
}

/// Waits for the first packet, and judges it.
async fn introduce(hall: &Hall, stream: &TcpStream) -> Result<Guest, Outcome> {
    tune(stream, hall.dscp).map_err(|_| Outcome::Left)?;
    let mut incoming = Incoming::new();
    loop {
        let count = read(stream, incoming.room()).await?;
        incoming.came(count);
        let packet = incoming.take().map_err(|TooLong| Outcome::Malformed)?;
        let Some(first) = packet.map(<[u8]>::to_vec) else {
            continue;
        };
        let (ufrag, leg) = hall.judge(&first).ok_or(Outcome::Unauthenticated)?;
        return Ok(Guest {
            ufrag,
            leg,
            first,
            rest: incoming,
        });
    }
}

/// Carries packets between a browser and its leg, until one of them ends that.
async fn pass(place: &Place, stream: &TcpStream, guest: Guest) -> Result<Infallible, Outcome> {
    let hall = &place.hall;
    let has_place = hall.visitors().places.prove(place.visitor, &guest.ufrag);
    if !has_place {
        return Err(Outcome::Full);
    }
    hall.count(Outcome::Proved);
    let over = guest.leg.over;
    let socket = towards(&guest.leg.addresses, stream).map_err(|_| Outcome::Over)?;
    // What finds no room in the kernel is lost, as on any way that datagrams take.
    let _ = socket.send(&guest.first).await;
    let mut passage = Passage::new(guest.ufrag, guest.rest, Instant::now().into_std());
    let mut packet = vec![0; DATAGRAM_MAX];
    loop {
        let now = Instant::now().into_std();
        passage.handle_timeout(now)?;
        while let Some(packet) = passage.poll_packet(now)? {
            let _ = socket.try_send(packet);
        }
        write(stream, &mut passage)?;
        let (due, waits) = (passage.poll_timeout(), !passage.next().is_empty());
        tokio::select! {
            () = over.cancelled() => return Err(Outcome::Over),
            count = receive(stream, &mut passage) => passage.came(count?),
            received = socket.recv(&mut packet) => {
                // An error is an earlier packet's, which nobody took.
                let count = received.unwrap_or(0);
                if count > 0 && passage.handle_packet(&packet[..count]) {
                    hall.count(Outcome::Dropped);
                }
            }
            writable = stream.writable(), if waits => writable.map_err(|_| Outcome::Left)?,
            () = sleep_until(due.into()) => {}
        }
    }
}

/// Reads what comes, unless the passage pauses.
async fn receive(stream: &TcpStream, passage: &mut Passage) -> Result<usize, Outcome> {
    match passage.room() {
        Some(room) => read(stream, room).await,
        None => std::future::pending().await,
    }
}

/// Reads some octets.
async fn read(stream: &TcpStream, room: &mut [u8]) -> Result<usize, Outcome> {
    loop {
        stream.readable().await.map_err(|_| Outcome::Left)?;
        match stream.try_read(room) {
            Ok(0) => return Err(Outcome::Left),
            Ok(count) => return Ok(count),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => return Err(Outcome::Left),
        }
    }
}

/// Writes what waits, as far as the connection takes it.
fn write(stream: &TcpStream, passage: &mut Passage) -> Result<(), Outcome> {
    while !passage.next().is_empty() {
        match stream.try_write(passage.next()) {
            Ok(count) => passage.wrote(count),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(_) => return Err(Outcome::Left),
        }
    }
    Ok(())
}

/// Has a connection hold little and wait for nothing: sound that is late is of no use.
fn tune(stream: &TcpStream, dscp: Dscp) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    socket.set_send_buffer_size(ICE_TCP_SEND_BUFFER)?;
    socket.set_recv_buffer_size(ICE_TCP_RECEIVE_BUFFER)?;
    dscp.mark(stream, stream.local_addr()?);
    Ok(())
}

/// Makes a socket from which the leg's worker is reached and nobody else, and which nobody else reaches.
fn towards(addresses: &[SocketAddr], stream: &TcpStream) -> io::Result<UdpSocket> {
    let v4 = stream.local_addr()?.ip().to_canonical().is_ipv4();
    // The worker answers with the address that it sees, and browsers expect one of their own kind.
    let alike = addresses.iter().find(|address| address.is_ipv4() == v4);
    let to = alike.or(addresses.first()).ok_or(io::ErrorKind::NotFound)?;
    let socket = std::net::UdpSocket::bind((to.ip(), 0))?;
    socket.connect(to)?;
    socket.set_nonblocking(true)?;
    UdpSocket::from_std(socket)
}

fn listen(address: SocketAddr) -> io::Result<(std::net::TcpListener, SocketAddr)> {
    let listener = std::net::TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    let bound = listener.local_addr()?;
    Ok((listener, bound))
}

/// Where a socket is reached that is bound like this.
fn reached_at(bound: SocketAddr, media: &[IpAddr]) -> Vec<SocketAddr> {
    if !bound.ip().is_unspecified() {
        return vec![bound];
    }
    // Any address of IPv6 stands for those of IPv4 as well.
    let meant = media
        .iter()
        .filter(|address| bound.is_ipv6() || address.is_ipv4());
    meant
        .map(|address| SocketAddr::new(*address, bound.port()))
        .collect()
}

/// How long to wait when the system has no more files.
const BACKOFF: Duration = Duration::from_millis(50);
