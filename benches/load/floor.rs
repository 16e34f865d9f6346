//! The floor: the media worker's sockets, its slots of 2 ms, its epoll, its batches and the best SRTP, and
//! nothing between.
//!
//! Every packet is received (and opened), every leg is sent 50 packets a second (sealed), all of a room in one slot as
//! a mix sends them. There is no jitter buffer, no codec, no mix. A bare loop of `recv` and `sendto` over the same
//! sockets says whether the floor itself is low.

use std::{
    collections::HashMap,
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    sync::mpsc,
    thread,
};

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use rundruf::{
    limit::{BATCH, DATAGRAM_MAX, DATAGRAMS_PER_SLOT, SLOT, SOCKET_BUFFER},
    media::{batch::Batch, lateness::Lateness},
};
use sip::rtp::{
    Header,
    packet::HEADER_LEN,
    srtp::{Keys, Opener, Profile, Sealer},
};

use crate::{
    Done, machine,
    wire::{Answer, Ask, Kind, Leg, Report, Strain},
};

/// Protection of the floor's browsers: what browsers agree on with the server.
pub(crate) const PROFILE: Profile = Profile::AeadAes256Gcm;

/// The keys of a leg on the floor, which has no handshake; both directions have the same.
pub(crate) fn keys(leg: u64) -> Keys {
    let mut key = [0x5a; 32];
    key[..8].copy_from_slice(&leg.to_be_bytes());
    Keys::new(&key[..PROFILE.key_len()], &key[..PROFILE.salt_len()])
}

/// The control side of the floor.
pub(crate) struct Floor {
    asks: mpsc::Sender<Ask>,
    answers: mpsc::Receiver<Answer>,
    browsers: SocketAddr,
}

impl Floor {
    /// Starts the thread.
    pub(crate) fn start() -> Done<Self> {
        let browsers = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        browsers.set_nonblocking(true)?;
        let address = browsers.local_addr()?;
        let _ = socket2::SockRef::from(&browsers).set_recv_buffer_size(SOCKET_BUFFER);
        let (asks, inbox) = mpsc::channel();
        let (outbox, answers) = mpsc::channel();
        let state = State::new(browsers)?;
        thread::spawn(move || {
            let _ = machine::realtime(machine::WORKER_PRIORITY);
            // An end of the other side, or an error, ends the conversation, which is seen there.
            let _ = state.run(&inbox, &outbox);
        });
        Ok(Self {
            asks,
            answers,
            browsers: address,
        })
    }

    /// Tells that the floor runs.
    pub(crate) fn ready(&self) -> Answer {
        Answer::Ready {
            browsers: self.browsers,
            fingerprint: String::new(),
        }
    }

    /// Answers a question.
    pub(crate) fn handle(&self, ask: Ask) -> Done<Answer> {
        self.asks.send(ask)?;
        Ok(self.answers.recv()?)
    }
}

struct State {
    epoll: Epoll,
    browsers: UdpSocket,
    by_address: HashMap<SocketAddr, usize>,
    lines: Vec<Line>,
    /// Which lines are sent to in each slot.
    phases: [Vec<usize>; PHASES],
    ready: Vec<EpollEvent>,
    received: u64,
    sent: u64,
    failed: u64,
    lateness: Lateness,
}

/// One leg.
struct Line {
    remote: SocketAddr,
    sockets: Option<[UdpSocket; 2]>,
    protection: Option<(Sealer, Opener)>,
    header: Header,
    ticks: u32,
    payload_len: usize,
}

impl State {
    fn new(browsers: UdpSocket) -> Done<Self> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        epoll.add(&browsers, EpollEvent::new(EpollFlags::EPOLLIN, SHARED))?;
        Ok(Self {
            epoll,
            browsers,
            by_address: HashMap::new(),
            lines: Vec::new(),
            phases: Default::default(),
            ready: vec![EpollEvent::empty(); READY_MAX],
            received: 0,
            sent: 0,
            failed: 0,
            lateness: Lateness::default(),
        })
    }

    fn run(mut self, asks: &mpsc::Receiver<Ask>, answers: &mpsc::Sender<Answer>) -> Done<()> {
        let mut epoch = machine::now();
        let mut batch = Batch::new();
        for slot in 1_u32.. {
            let due = epoch + SLOT * slot;
            let began = machine::sleep_until(due);
            self.receive(&mut batch)?;
            match asks.try_recv() {
                Ok(Ask::Hold) => {
                    answers.send(Answer::Held)?;
                    answers.send(self.handle(asks.recv()?)?)?;
                    epoch = machine::now() - SLOT * slot;
                    continue;
                }
                Ok(ask) => answers.send(self.handle(ask)?)?,
                Err(mpsc::TryRecvError::Empty) => {}
                Err(mpsc::TryRecvError::Disconnected) => return Ok(()),
            }
            let phase = slot as usize % PHASES;
            if !self.phases[phase].is_empty() {
                self.send(phase, &mut batch);
                self.lateness.note(1, due, began, machine::now());
            }
        }
        Ok(())
    }

    fn handle(&mut self, ask: Ask) -> Done<Answer> {
        match ask {
            Ask::Open(legs) => {
                let sockets = legs.iter().map(|leg| self.open(leg));
                Ok(Answer::Opened {
                    sockets: sockets.collect::<Done<_>>()?,
                })
            }
            Ask::Report => Ok(Answer::Report(self.report())),
            Ask::Hold | Ask::Bare => self.bare(),
        }
    }

    fn open(&mut self, leg: &Leg) -> Done<SocketAddr> {
        let place = self.lines.len();
        let mut address = self.browsers.local_addr()?;
        let (sockets, protection) = if leg.kind == Kind::Browser {
            self.by_address.insert(leg.remote, place);
            let keys = keys(leg.number);
            let both = (Sealer::new(PROFILE, &keys)?, Opener::new(PROFILE, &keys)?);
            (None, Some(both))
        } else {
            let pair = [socket()?, socket()?];
            for (n, socket) in pair.iter().enumerate() {
                let token = (place as u64) << 1 | n as u64;
                self.epoll
                    .add(socket, EpollEvent::new(EpollFlags::EPOLLIN, token))?;
            }
            address = pair[0].local_addr()?;
            (Some(pair), None)
        };
        let phase = usize::try_from(leg.room)? % PHASES;
        self.phases[phase].push(place);
        self.lines.push(Line {
            remote: leg.remote,
            sockets,
            protection,
            header: Header {
                marker: false,
                payload_type: leg.kind.payload_type(),
                sequence: 1,
                timestamp: 1,
                ssrc: u32::try_from(leg.number)?,
            },
            ticks: leg.kind.codec().ticks(),
            payload_len: payload_len(leg.kind),
        });
        Ok(address)
    }

    fn receive(&mut self, batch: &mut Batch) -> Done<()> {
        let mut buffer = [0; DATAGRAM_MAX];
        let count = self.epoll.wait(&mut self.ready, EpollTimeout::ZERO)?;
        for n in 0..count {
            let token = self.ready[n].data();
            if token == SHARED {
                self.receive_shared(batch);
            } else if let Some(sockets) = &self.lines[usize::try_from(token >> 1)?].sockets {
                // One receive per event: epoll tells again of what is left.
                let socket = &sockets[usize::try_from(token & 1)?];
                self.received += u64::from(socket.recv_from(&mut buffer).is_ok());
            }
        }
        Ok(())
    }

    fn receive_shared(&mut self, batch: &mut Batch) {
        for _ in 0..DATAGRAMS_PER_SLOT / BATCH {
            let Ok(count) = batch.receive(&self.browsers) else {
                return;
            };
            for (from, datagram) in batch.datagrams() {
                let place = self.by_address.get(&from).copied();
                let line = place.map(|place| &mut self.lines[place]);
                if let Some((_, opener)) = line.and_then(|line| line.protection.as_mut()) {
                    self.received += u64::from(opener.open_rtp(datagram).is_ok());
                }
            }
            if count < BATCH {
                return;
            }
        }
    }

    fn send(&mut self, phase: usize, batch: &mut Batch) {
        let mut packets = [[0; PACKET_MAX]; BATCH];
        let mut waiting = [(self.lines[0].remote, 0); BATCH];
        for places in self.phases[phase].chunks(BATCH) {
            let (mut count, mut failed) = (0, 0);
            for place in places {
                let line = &mut self.lines[*place];
                let packet = &mut packets[count];
                let len = line.write(packet);
                if let Some([socket, _]) = &line.sockets {
                    let sent = socket.send_to(&packet[..len], line.remote);
                    failed += usize::from(sent.is_err());
                } else {
                    waiting[count] = (line.remote, len);
                    count += 1;
                }
            }
            let datagrams = waiting[..count].iter().zip(&packets);
            let datagrams = datagrams.map(|((to, len), packet)| (*to, &packet[..*len]));
            failed += batch.send(&self.browsers, datagrams).1;
            self.sent += (places.len() - failed) as u64;
            self.failed += failed as u64;
        }
    }

    /// One `recv` and one `sendto` per leg, nothing else; the packets have arrived before.
    fn bare(&self) -> Done<Answer> {
        let mut buffer = [0; DATAGRAM_MAX];
        let packet = [0x80; DATAGRAM_MAX];
        let mut packets = 0;
        let began = machine::now();
        for line in &self.lines {
            let socket = line
                .sockets
                .as_ref()
                .map_or(&self.browsers, |pair| &pair[0]);
            packets += u64::from(socket.recv_from(&mut buffer).is_ok());
            let tag = line.protection.as_ref().map_or(0, |_| PROFILE.tag_len());
            let len = HEADER_LEN + line.payload_len + tag;
            socket.send_to(&packet[..len], line.remote)?;
        }
        let time = machine::now() - began;
        Ok(Answer::Bare {
            nanoseconds: u64::try_from(time.as_nanos())?,
            packets,
        })
    }

    fn report(&mut self) -> Report {
        let counters = [
            ("datagrams_received", self.received),
            ("datagrams_sent", self.sent),
            ("send_failed", self.failed),
        ];
        Report {
            counters: counters
                .map(|(name, value)| (name.to_owned(), value))
                .into(),
            lateness: Report::buckets(&self.lateness),
            overruns: self.lateness.overruns(),
            late_most_us: Report::microseconds(self.lateness.take_most()),
            strain: Strain::default(),
        }
    }
}

impl Line {
    /// Writes the next packet and returns its length.
    fn write(&mut self, packet: &mut [u8; PACKET_MAX]) -> usize {
        let len = self.header.write(packet) + self.payload_len;
        self.header.sequence = self.header.sequence.wrapping_add(1);
        self.header.timestamp = self.header.timestamp.wrapping_add(self.ticks);
        match &mut self.protection {
            Some((sealer, _)) => sealer.seal_rtp(packet, len).unwrap_or(0),
            None => len,
        }
    }
}

fn socket() -> Done<UdpSocket> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// Bytes of a payload: those of G.711 and G.722, and of Opus what the server's encoder makes of speech at 64 kbit/s.
const fn payload_len(kind: Kind) -> usize {
    match kind {
        Kind::Pcma | Kind::G722 | Kind::Opus | Kind::Browser => 160,
    }
}

/// Bytes of the largest packet that is sent.
const PACKET_MAX: usize = 256;
/// Slots of a tick.
const PHASES: usize = 10;
/// Sockets whose readiness is learned at once.
const READY_MAX: usize = 4_096;
/// The token of the shared socket.
const SHARED: u64 = u64::MAX;
