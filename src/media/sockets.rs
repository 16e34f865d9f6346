//! A worker's sockets: the browsers' shared ones and a pair per telephone, watched by one epoll instance.
//!
//! Readiness is level-triggered: a telephone's socket is read once where it is ready, for it seldom holds more than one
//! packet, and what remains is told again at the next look. Only a socket that was ready at the look before as well is
//! drained, in bounded batches, so that a flood can neither crowd out a caller nor keep the worker from its tick.

use std::{
    io::{self, ErrorKind},
    net::{IpAddr, SocketAddr, UdpSocket},
    sync::Arc,
    time::Instant,
};

use nix::{
    errno::Errno,
    sys::{
        epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout},
        eventfd::EventFd,
    },
};

use super::{
    batch::Batch,
    counters::Counter,
    shard::{Shard, SocketId},
};
use crate::{
    dscp::Dscp,
    id::{LegId, LegMap},
    limit::{
        BATCH, BIND_TRIES, DATAGRAM_MAX, DATAGRAMS_PER_SLOT, PHONE_DATAGRAMS_PER_SLOT,
        READY_PER_SLOT, SOCKET_BUFFER,
    },
};

/// A telephone's sockets.
#[derive(Debug)]
pub struct PhoneSockets {
    /// For RTP.
    pub rtp: UdpSocket,
    /// For RTCP.
    pub rtcp: UdpSocket,
}

/// All sockets of a worker.
pub(super) struct Sockets {
    epoll: Epoll,
    wake: Arc<EventFd>,
    browsers: Vec<UdpSocket>,
    phones: Vec<Option<Phone>>,
    vacant: Vec<usize>,
    places: LegMap<usize>,
    ready: Vec<EpollEvent>,
    /// Counts the looks at what is ready.
    look: u32,
    buffer: Vec<u8>,
}

/// One telephone.
struct Phone {
    leg: LegId,
    sockets: PhoneSockets,
    /// The last look at which RTP and RTCP were ready.
    ready_at: [u32; 2],
}

impl Sockets {
    /// Watches the browsers' sockets and the wake-up call.
    pub(super) fn new(browsers: Vec<UdpSocket>, wake: Arc<EventFd>) -> io::Result<Self> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        epoll.add(
            &*wake,
            EpollEvent::new(EpollFlags::EPOLLIN, Token::Wake.pack()),
        )?;
        for (index, socket) in browsers.iter().enumerate() {
            let token = Token::Browser(index).pack();
            epoll.add(socket, EpollEvent::new(EpollFlags::EPOLLIN, token))?;
        }
        Ok(Self {
            epoll,
            wake,
            browsers,
            phones: Vec::new(),
            vacant: Vec::new(),
            places: LegMap::default(),
            ready: vec![EpollEvent::empty(); READY_PER_SLOT],
            look: 0,
            buffer: vec![0; DATAGRAM_MAX],
        })
    }

    /// Adds a telephone's sockets; those of a leg that has some already are closed.
    pub(super) fn add(&mut self, leg: LegId, sockets: PhoneSockets) -> io::Result<()> {
        if self.places.contains_key(&leg) {
            return Ok(());
        }
        let place = self.vacant.last().copied().unwrap_or(self.phones.len());
        for (socket, token) in [
            (&sockets.rtp, Token::Rtp(place)),
            (&sockets.rtcp, Token::Rtcp(place)),
        ] {
            socket.set_nonblocking(true)?;
            let event = EpollEvent::new(EpollFlags::EPOLLIN, token.pack());
            self.epoll.add(socket, event)?;
        }
        if self.vacant.pop().is_none() {
            self.phones.push(None);
        }
        self.phones[place] = Some(Phone {
            leg,
            sockets,
            ready_at: [0; 2],
        });
        self.places.insert(leg, place);
        Ok(())
    }

    /// Takes a telephone's sockets out; what has arrived stays in them.
    pub(super) fn take(&mut self, leg: LegId) -> Option<PhoneSockets> {
        let place = self.places.remove(&leg)?;
        let Phone { sockets, .. } = self.phones[place].take()?;
        self.vacant.push(place);
        for socket in [&sockets.rtp, &sockets.rtcp] {
            // The kernel forgets a closed socket by itself; an error leaves nothing to do.
            let _ = self.epoll.delete(socket);
        }
        Some(sockets)
    }

    /// Sleeps until something arrives, or for 20 ms where `briefly`.
    pub(super) fn sleep(&mut self, briefly: bool) {
        let timeout = if briefly {
            EpollTimeout::from(20_u8)
        } else {
            EpollTimeout::NONE
        };
        // An interrupted wait is a wake-up like any other.
        let _ = self.epoll.wait(&mut self.ready[..1], timeout);
    }

    /// Ends the next sleep at once.
    pub(super) fn call_again(&self) {
        // A full counter means the wake-up is under way already.
        let _ = self.wake.write(1);
    }

    /// Makes a batch for each of the browsers' sockets; to be called on the thread that uses them.
    pub(super) fn batches(&self) -> Vec<Batch> {
        self.browsers.iter().map(|_| Batch::new()).collect()
    }

    /// Hands what has arrived to the shard, within bounds.
    pub(super) fn receive(&mut self, batches: &mut [Batch], shard: &mut Shard, now: Instant) {
        let Ok(count) = self.epoll.wait(&mut self.ready, EpollTimeout::ZERO) else {
            return;
        };
        // Two apart from every look before the first.
        self.look = self.look.wrapping_add(1).max(2);
        let mut buffer = std::mem::take(&mut self.buffer);
        for n in 0..count {
            let token = Token::unpack(self.ready[n].data());
            if let Token::Wake = token {
                // What it counted does not matter.
                let _ = self.wake.read();
            } else if let Token::Browser(index) = token {
                if let (Some(socket), Some(batch)) =
                    (self.browsers.get(index), batches.get_mut(index))
                {
                    drain_shared(socket, index, batch, shard, now);
                }
            } else if let Some((socket, id, most)) = self.find(token) {
                drain(socket, id, most, &mut buffer, shard, now);
            }
        }
        self.buffer = buffer;
    }

    /// Sends so many of the datagrams that wait in the shard, or a few more; tells whether some still wait.
    pub(super) fn send(&self, batches: &mut [Batch], shard: &mut Shard, most: usize) -> bool {
        let mut sent = 0;
        while sent < most {
            let Some(first) = shard.transmits().next() else {
                return false;
            };
            let (count, failed) = match first.socket {
                SocketId::Browser(index) => {
                    match (self.browsers.get(index), batches.get_mut(index)) {
                        (Some(socket), Some(batch)) => {
                            let together = shard
                                .transmits()
                                .take_while(|next| next.socket == first.socket);
                            batch.send(socket, together.map(|next| (next.to, next.bytes)))
                        }
                        _ => (1, 1),
                    }
                }
                SocketId::Rtp(leg) | SocketId::Rtcp(leg) => {
                    let sockets = self.phone(leg);
                    let socket = sockets.map(|sockets| match first.socket {
                        SocketId::Rtcp(_) => &sockets.rtcp,
                        SocketId::Rtp(_) | SocketId::Browser(_) => &sockets.rtp,
                    });
                    let done = socket.map(|socket| socket.send_to(first.bytes, first.to));
                    (1, usize::from(!matches!(done, Some(Ok(_)))))
                }
            };
            shard.drop_transmits(count);
            shard.count(Counter::SendFailed, failed as u64);
            sent += count;
        }
        shard.transmits().next().is_some()
    }

    fn phone(&self, leg: LegId) -> Option<&PhoneSockets> {
        let phone = self.phones[*self.places.get(&leg)?].as_ref()?;
        Some(&phone.sockets)
    }

    /// The telephone's socket of a token, its name, and how many datagrams it may hand over at once.
    fn find(&mut self, token: Token) -> Option<(&UdpSocket, SocketId, usize)> {
        let look = self.look;
        match token {
            Token::Wake | Token::Browser(_) => None,
            Token::Rtp(place) => {
                let phone = self.phones.get_mut(place)?.as_mut()?;
                let batch = batch(&mut phone.ready_at[0], look);
                Some((&phone.sockets.rtp, SocketId::Rtp(phone.leg), batch))
            }
            Token::Rtcp(place) => {
                let phone = self.phones.get_mut(place)?.as_mut()?;
                let batch = batch(&mut phone.ready_at[1], look);
                Some((&phone.sockets.rtcp, SocketId::Rtcp(phone.leg), batch))
            }
        }
    }
}

/// How many datagrams a telephone's socket may hand over: one, unless it was ready at the look before.
const fn batch(ready_at: &mut u32, look: u32) -> usize {
    let again = *ready_at == look.wrapping_sub(1);
    *ready_at = look;
    if again { PHONE_DATAGRAMS_PER_SLOT } else { 1 }
}

impl std::fmt::Debug for Sockets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sockets")
            .field("browsers", &self.browsers.len())
            .field("phones", &self.places.len())
            .finish_non_exhaustive()
    }
}

/// Binds one socket per address, all with the same port; 0 chooses one.
pub(super) fn bind_all(addresses: &[IpAddr], port: u16, dscp: Dscp) -> io::Result<Vec<UdpSocket>> {
    let mut tries = BIND_TRIES;
    loop {
        tries -= 1;
        match bind_each(addresses, port, dscp) {
            Err(error) if port == 0 && tries > 0 && error.kind() == ErrorKind::AddrInUse => {}
            result => return result,
        }
    }
}

fn bind_each(addresses: &[IpAddr], mut port: u16, dscp: Dscp) -> io::Result<Vec<UdpSocket>> {
    let mut sockets = Vec::with_capacity(addresses.len());
    for address in addresses {
        let socket = UdpSocket::bind(SocketAddr::new(*address, port))?;
        socket.set_nonblocking(true)?;
        let local = socket.local_addr()?;
        port = local.port();
        dscp.mark(&socket, local);
        // The system grants what it allows; less is no reason to refuse.
        let _ = socket2::SockRef::from(&socket).set_recv_buffer_size(SOCKET_BUFFER);
        sockets.push(socket);
    }
    Ok(sockets)
}

fn drain(
    socket: &UdpSocket,
    id: SocketId,
    batch: usize,
    buffer: &mut [u8],
    shard: &mut Shard,
    now: Instant,
) {
    for _ in 0..batch {
        match socket.recv_from(buffer) {
            Ok((len, from)) => shard.handle_datagram(id, from, &mut buffer[..len], now),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return,
            Err(_) => return shard.count(Counter::ReceiveFailed, 1),
        }
    }
}

fn drain_shared(
    socket: &UdpSocket,
    index: usize,
    batch: &mut Batch,
    shard: &mut Shard,
    now: Instant,
) {
    for _ in 0..DATAGRAMS_PER_SLOT / BATCH {
        match batch.receive(socket) {
            Ok(count) => {
                for (from, bytes) in batch.datagrams() {
                    shard.handle_datagram(SocketId::Browser(index), from, bytes, now);
                }
                if count < BATCH {
                    return;
                }
            }
            Err(Errno::EAGAIN) => return,
            Err(_) => return shard.count(Counter::ReceiveFailed, 1),
        }
    }
}

/// What epoll tells of a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    Wake,
    Browser(usize),
    Rtp(usize),
    Rtcp(usize),
}

impl Token {
    const fn pack(self) -> u64 {
        match self {
            Self::Wake => 0,
            Self::Browser(index) => (index as u64) << 2 | 1,
            Self::Rtp(place) => (place as u64) << 2 | 2,
            Self::Rtcp(place) => (place as u64) << 2 | 3,
        }
    }

    fn unpack(token: u64) -> Self {
        let number = usize::try_from(token >> 2).unwrap_or(usize::MAX);
        match token & 3 {
            0 => Self::Wake,
            1 => Self::Browser(number),
            2 => Self::Rtp(number),
            _ => Self::Rtcp(number),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn tokens_survive_the_kernel() {
        for token in [
            Token::Wake,
            Token::Browser(0),
            Token::Browser(3),
            Token::Rtp(0),
            Token::Rtp(9_999),
            Token::Rtcp(9_999),
        ] {
            assert_eq!(Token::unpack(token.pack()), token);
        }
    }

    #[test]
    fn only_a_socket_that_is_ready_again_is_drained() {
        let mut ready_at = 0;
        let batches = [2, 12, 13, 14, 16].map(|look| batch(&mut ready_at, look));
        let drained = PHONE_DATAGRAMS_PER_SLOT;
        assert_eq!(batches, [1, 1, drained, drained, 1]);
    }

    #[test]
    fn all_addresses_get_one_port() {
        let addresses = [Ipv4Addr::new(127, 0, 0, 1), Ipv4Addr::new(127, 0, 0, 2)];
        let sockets = bind_all(&addresses.map(IpAddr::V4), 0, Dscp::AUDIO).unwrap();
        let ports: Vec<u16> = sockets
            .iter()
            .map(|socket| socket.local_addr().unwrap().port())
            .collect();
        assert_ne!(ports[0], 0);
        assert_eq!(ports[0], ports[1]);
        for socket in &sockets {
            let class = socket2::SockRef::from(socket).tos_v4().unwrap();
            assert_eq!(class, 46 << 2, "marked for expedited forwarding");
        }
        let taken = bind_all(&addresses.map(IpAddr::V4), ports[0], Dscp::NONE).unwrap_err();
        assert_eq!(taken.kind(), ErrorKind::AddrInUse);
    }
}
