//! The people: everybody says a packet every 20 ms at an instant of their own, and hears.
//!
//! Everybody has an address of their own in 127.0.0.0/8, but few sockets send and receive for all, so that the
//! generator costs less than what it measures. It looks after its sockets once a millisecond.

use std::{
    collections::HashMap,
    io::IoSlice,
    net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket},
    os::fd::AsRawFd,
    sync::Arc,
    time::{Duration, Instant},
};

use nix::{
    libc,
    sys::socket::{ControlMessage, MsgFlags, SockaddrIn, sendmsg, setsockopt, sockopt},
};
use sip::rtp::{
    Header,
    packet::{HEADER_LEN, is_rtcp},
    srtp::{Opener, Sealer},
};

use crate::{Done, machine, script::Script, wire::Kind};

/// All people of a run.
pub(crate) struct Crowd {
    hosts: Vec<UdpSocket>,
    people: Vec<Person>,
    /// Who speaks in which millisecond of 20.
    turns: [Vec<usize>; TURNS],
    /// Telephones by the port they hear from.
    by_port: HashMap<u16, usize>,
    epoch: Instant,
    slot: u32,
    /// How late slots began, in µs.
    pub(crate) lateness_us: Vec<f64>,
    pub(crate) sent: u64,
}

/// One person.
pub(crate) struct Person {
    kind: Kind,
    host: usize,
    address: Ipv4Addr,
    server: SocketAddrV4,
    script: Arc<Script>,
    /// Packets of the script said so far, and where in it the person began.
    position: usize,
    header: Header,
    protection: Option<(Sealer, Opener)>,
    heard: Heard,
}

/// What came to one person since the count began.
#[derive(Debug, Clone, Copy, Default)]
struct Heard {
    packets: u64,
    /// First and last sequence number, the latter extended over roll-overs.
    span: Option<(i64, i64)>,
}

/// What came to everybody since the count began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Loss {
    /// Packets that should have come.
    pub(crate) expected: u64,
    /// Packets that did not come.
    pub(crate) lost: u64,
}

impl Crowd {
    /// Makes an empty crowd.
    pub(crate) fn new() -> Self {
        let _ = machine::realtime();
        Self {
            hosts: Vec::new(),
            people: Vec::new(),
            turns: Default::default(),
            by_port: HashMap::new(),
            epoch: machine::now(),
            slot: 0,
            lateness_us: Vec::new(),
            sent: 0,
        }
    }

    /// Gives the next person an address.
    pub(crate) fn address(&mut self) -> Done<SocketAddr> {
        let number = self.people.len();
        let host = number / PEOPLE_PER_HOST;
        if host == self.hosts.len() {
            self.hosts.push(host_socket()?);
        }
        let port = self.hosts[host].local_addr()?.port();
        Ok(SocketAddr::from((address(number)?, port)))
    }

    /// Lets a person come in who is at the address given last; `server` is where they send.
    pub(crate) fn enter(
        &mut self,
        kind: Kind,
        script: &Arc<Script>,
        server: SocketAddr,
    ) -> Done<()> {
        let number = self.people.len();
        let SocketAddr::V4(server) = server else {
            return Err("the server is not on IPv4".into());
        };
        if kind != Kind::Browser {
            self.by_port.insert(server.port(), number);
        }
        // Multiples of the golden section spread any number of people over turns and script.
        let spread = |range: usize| number * 618_034 % 1_000_000 * range / 1_000_000;
        self.turns[spread(TURNS)].push(number);
        self.people.push(Person {
            kind,
            host: number / PEOPLE_PER_HOST,
            address: address(number)?,
            server,
            position: spread(script.packets.len()),
            script: Arc::clone(script),
            header: Header {
                marker: false,
                payload_type: kind.payload_type(),
                sequence: 1_000,
                timestamp: 0,
                ssrc: u32::try_from(number)? + SSRC_BASE,
            },
            protection: None,
            heard: Heard::default(),
        });
        Ok(())
    }

    /// Lets time pass: people speak and hear.
    pub(crate) fn run(&mut self, time: Duration) -> Done<()> {
        let until = machine::now() + time;
        loop {
            self.slot += 1;
            let due = self.epoch + TURN * self.slot;
            if due > until {
                self.slot -= 1;
                return Ok(());
            }
            let late = machine::sleep_until(due) - due;
            self.lateness_us.push(late.as_secs_f64() * 1e6);
            self.speak(self.slot as usize % TURNS);
            self.hear();
        }
    }

    /// Goes on in the present after something else took time.
    pub(crate) fn resume(&mut self) {
        let passed = machine::now() - self.epoch;
        let slots = passed.as_millis() / TURN.as_millis();
        self.slot = u32::try_from(slots).unwrap_or(u32::MAX);
        self.lateness_us.clear();
    }

    /// Sends one packet of everybody at once.
    pub(crate) fn burst(&mut self) {
        (0..TURNS).for_each(|turn| self.speak(turn));
    }

    /// Begins to count anew.
    pub(crate) fn count_anew(&mut self) {
        for person in &mut self.people {
            person.heard = Heard::default();
        }
        self.lateness_us.clear();
        self.sent = 0;
    }

    /// Tells what was lost on the way to the people, of what should have come in `time` since the count began.
    pub(crate) fn loss(&self, time: Duration) -> Loss {
        let regular = time.as_millis() / 20;
        let regular = u64::try_from(regular).unwrap_or(u64::MAX);
        let mut loss = Loss {
            expected: 0,
            lost: 0,
        };
        for person in &self.people {
            let spanned = person
                .heard
                .span
                .map_or(0, |(first, last)| last - first + 1);
            // Who hears nothing for long would not show in the sequence numbers.
            let expected = u64::try_from(spanned)
                .unwrap_or(0)
                .max(regular.saturating_sub(TOLERATED));
            loss.expected += expected;
            loss.lost += expected.saturating_sub(person.heard.packets);
        }
        loss
    }

    fn speak(&mut self, turn: usize) {
        let mut packet = [0; PACKET_MAX];
        for number in &self.turns[turn] {
            let person = &mut self.people[*number];
            let len = person.write(&mut packet);
            let sent = send(&self.hosts[person.host], &packet[..len], person);
            self.sent += u64::from(sent);
        }
    }

    /// Takes what has arrived.
    pub(crate) fn hear(&mut self) {
        let mut buffer = [0; PACKET_MAX];
        for host in 0..self.hosts.len() {
            while let Ok((len, from)) = self.hosts[host].recv_from(&mut buffer) {
                self.receive(&buffer[..len], from);
            }
        }
    }

    fn receive(&mut self, datagram: &[u8], from: SocketAddr) {
        if is_rtcp(datagram) || datagram.len() < HEADER_LEN {
            return;
        }
        let number = self.by_port.get(&from.port()).copied();
        if let Some(person) = number.and_then(|number| self.people.get_mut(number)) {
            person
                .heard
                .note(u16::from_be_bytes([datagram[2], datagram[3]]));
        }
    }
}

impl Person {
    /// Writes the next packet of the script.
    fn write(&mut self, out: &mut [u8; PACKET_MAX]) -> usize {
        let said = &self.script.packets[self.position % self.script.packets.len()];
        self.position += 1;
        self.header.sequence = self.header.sequence.wrapping_add(1);
        let ticks = self.kind.codec().ticks();
        self.header.timestamp = self.header.timestamp.wrapping_add(ticks);
        let mut len = self.header.write(out);
        if self.kind == Kind::Browser {
            // RFC 8285 §4.2: an extension of one word, with one element of one byte and two bytes of padding.
            out[0] |= 0x10;
            let speaks = u8::from(said.level < SPEAKS) << 7;
            out[len..len + 8].copy_from_slice(&[
                0xBE,
                0xDE,
                0,
                1,
                LEVEL_ID << 4,
                speaks | said.level,
                0,
                0,
            ]);
            len += 8;
        }
        out[len..len + said.payload.len()].copy_from_slice(&said.payload);
        len += said.payload.len();
        match &mut self.protection {
            Some((sealer, _)) => sealer.seal_rtp(out, len).unwrap_or(0),
            None => len,
        }
    }
}

impl Heard {
    fn note(&mut self, sequence: u16) {
        self.packets += 1;
        let sequence_now = i64::from(sequence);
        self.span = Some(match self.span {
            None => (sequence_now, sequence_now),
            Some((first, last)) => {
                #[expect(clippy::cast_possible_truncation, reason = "the lower half is meant")]
                let step = sequence.wrapping_sub(last as u16).cast_signed();
                (first, last.max(last + i64::from(step)))
            }
        });
    }
}

fn send(host: &UdpSocket, bytes: &[u8], person: &Person) -> bool {
    let source = libc::in_pktinfo {
        ipi_ifindex: 0,
        ipi_spec_dst: libc::in_addr {
            s_addr: u32::from_ne_bytes(person.address.octets()),
        },
        ipi_addr: libc::in_addr { s_addr: 0 },
    };
    let to = SockaddrIn::from(person.server);
    let control = [ControlMessage::Ipv4PacketInfo(&source)];
    let parts = [IoSlice::new(bytes)];
    let sent = sendmsg(
        host.as_raw_fd(),
        &parts,
        &control,
        MsgFlags::empty(),
        Some(&to),
    );
    sent.is_ok()
}

/// A socket for many addresses of the loopback and nothing else.
fn host_socket() -> Done<UdpSocket> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    setsockopt(&socket, sockopt::BindToDevice, &"lo".into())
        .map_err(|error| format!("a socket could not be bound to the loopback: {error}"))?;
    socket.set_nonblocking(true)?;
    // Less than that is granted where the system limits it; then more is lost here than there, which is said.
    let _ = socket2::SockRef::from(&socket).set_recv_buffer_size(HOST_BUFFER);
    Ok(socket)
}

/// The address of a person: 127.1.0.1 and on.
fn address(number: usize) -> Done<Ipv4Addr> {
    let [_, b, c, d] = (u32::try_from(number)? + 0x0001_0001).to_be_bytes();
    Ok(Ipv4Addr::new(127, b, c, d))
}

/// Slots of the generator, and how many there are in 20 ms.
const TURN: Duration = Duration::from_millis(1);
const TURNS: usize = 20;
/// People who share a socket.
const PEOPLE_PER_HOST: usize = 64;
/// Bytes of a shared socket's buffer: two packets of everybody.
const HOST_BUFFER: usize = 512 << 10;
const PACKET_MAX: usize = 1_500;
/// The source of the first person.
const SSRC_BASE: u32 = 0x0100_0000;
/// Packets that may be under way when the count begins and ends.
const TOLERATED: u64 = 4;
/// Number of the header extension that tells the level.
pub(crate) const LEVEL_ID: u8 = 1;
/// −dBov below which a frame counts as speech.
const SPEAKS: u8 = 50;
