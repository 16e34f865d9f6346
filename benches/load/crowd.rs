//! The people: everybody says a packet every 20 ms at an instant of their own, and hears.
//!
//! Everybody has an address of their own in 127.0.0.0/8, but few sockets send and receive for all, so that the
//! generator costs less than what it measures. It looks after its sockets once a millisecond.

use std::{
    collections::{BTreeMap, VecDeque},
    io::{IoSlice, IoSliceMut},
    net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket},
    os::fd::AsRawFd,
    sync::Arc,
    time::{Duration, Instant},
};

use nix::{
    libc,
    sys::socket::{
        ControlMessage, ControlMessageOwned, MsgFlags, SockaddrIn, recvmsg, sendmsg, setsockopt,
        sockopt,
    },
};
use serde::{Deserialize, Serialize};
use sip::rtp::{
    Header, Packet,
    packet::{HEADER_LEN, is_rtcp},
    srtp::{Opener, Sealer},
};

use crate::{
    Done,
    delay::{Heard, Recording, Said, Voice},
    floor, machine,
    scenario::Place,
    script::Script,
    secure::{Browsers, LEVEL_ID},
    wire::{Kind, Leg},
};

/// All people of a run.
pub(crate) struct Crowd {
    hosts: Vec<UdpSocket>,
    handshakes: Handshakes,
    people: Vec<Person>,
    /// Who speaks in which millisecond of 20.
    turns: [Vec<usize>; TURNS],
    epoch: Instant,
    slot: u32,
    /// How late slots began, in µs.
    pub(crate) lateness_us: Vec<f64>,
    pub(crate) sent: u64,
}

/// The browsers on their way in.
struct Handshakes {
    browsers: Browsers,
    waiting: VecDeque<usize>,
    /// Those that have begun, with the flight of DTLS to them as far as it has come: the library wants it whole.
    begun: BTreeMap<usize, Vec<u8>>,
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
    /// The binding request of a browser.
    check: Vec<u8>,
    protection: Option<(Sealer, Opener)>,
    heard: Count,
    notes: Notes,
}

/// What a person says, from where on.
pub(crate) struct Part {
    /// The script.
    pub(crate) script: Arc<Script>,
    /// Which packet is the first.
    pub(crate) position: usize,
}

/// What is written down of a person for measuring delays.
#[derive(Debug, Default)]
enum Notes {
    #[default]
    Nothing,
    /// When each packet was said.
    Said(Vec<Said>),
    /// What was heard.
    Heard(Vec<Heard>),
}

/// What came to one person since the count began.
#[derive(Debug, Clone, Copy, Default)]
struct Count {
    packets: u64,
    /// First and last sequence number, the latter extended over roll-overs.
    span: Option<(i64, i64)>,
}

/// What came to everybody since the count began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Loss {
    /// Packets that should have come.
    pub(crate) expected: u64,
    /// Packets that did not come.
    pub(crate) lost: u64,
}

impl Crowd {
    /// Makes an empty crowd.
    pub(crate) fn new() -> Done<Self> {
        Ok(Self {
            handshakes: Handshakes {
                browsers: Browsers::new()?,
                waiting: VecDeque::new(),
                begun: BTreeMap::new(),
            },
            hosts: Vec::new(),
            people: Vec::new(),
            turns: Default::default(),
            epoch: machine::now(),
            slot: 0,
            lateness_us: Vec::new(),
            sent: 0,
        })
    }

    /// Says how the person with a number would open a leg.
    pub(crate) fn leg(&mut self, number: usize, place: Place) -> Done<Leg> {
        let leg = leg_of(number);
        let ssrc = SERVER_SSRC_BASE + u32::try_from(number)?;
        let agreed = (place.kind == Kind::Browser).then(|| {
            let browsers = &self.handshakes.browsers;
            browsers.agree(leg, place.kind.payload_type(), ssrc)
        });
        Ok(Leg {
            number: leg,
            room: place.room,
            kind: place.kind,
            remote: self.address(number)?,
            browser: agreed,
        })
    }

    /// Returns the address of the person with a number.
    fn address(&mut self, number: usize) -> Done<SocketAddr> {
        let host = number / PEOPLE_PER_HOST;
        while host >= self.hosts.len() {
            self.hosts.push(host_socket()?);
        }
        let port = self.hosts[host].local_addr()?.port();
        Ok(SocketAddr::from((address(number)?, port)))
    }

    /// Lets the next person come in; `server` is where they send.
    pub(crate) fn enter(&mut self, kind: Kind, part: Part, server: SocketAddr) -> Done<()> {
        let number = self.people.len();
        let SocketAddr::V4(server) = server else {
            return Err("the server is not on IPv4".into());
        };
        self.turns[spread(number, TURNS)].push(number);
        self.people.push(Person {
            kind,
            host: number / PEOPLE_PER_HOST,
            address: address(number)?,
            server,
            position: part.position,
            script: part.script,
            header: Header {
                marker: false,
                payload_type: kind.payload_type(),
                sequence: 1_000,
                timestamp: 0,
                ssrc: u32::try_from(number)? + SSRC_BASE,
            },
            check: Vec::new(),
            protection: None,
            heard: Count::default(),
            notes: Notes::Nothing,
        });
        Ok(())
    }

    /// Gives all browsers the floor's keys, where there are no handshakes.
    pub(crate) fn agree(&mut self) -> Done<()> {
        for (number, person) in self.people.iter_mut().enumerate() {
            if person.kind == Kind::Browser {
                let keys = floor::keys(leg_of(number));
                let sealer = Sealer::new(floor::PROFILE, &keys)?;
                person.protection = Some((sealer, Opener::new(floor::PROFILE, &keys)?));
            }
        }
        Ok(())
    }

    /// Lets all browsers connect that have not yet, and everybody speak meanwhile.
    pub(crate) fn shake_hands(&mut self) -> Done<()> {
        self.begin_handshakes()?;
        let all = u32::try_from(self.connecting())?;
        let patience = machine::now() + PATIENCE + PATIENCE_EACH * all;
        while self.connecting() > 0 {
            self.run(Duration::from_millis(10))?;
            if machine::now() > patience {
                let left = self.connecting();
                return Err(format!("{left} of {all} browsers could not connect in time").into());
            }
        }
        Ok(())
    }

    /// Lets all browsers begin to connect that have not yet; they go on while time passes.
    pub(crate) fn begin_handshakes(&mut self) -> Done<()> {
        for (number, person) in self.people.iter_mut().enumerate() {
            // Whoever has a check has begun.
            if person.kind == Kind::Browser && person.check.is_empty() {
                person.check = self.handshakes.browsers.check(leg_of(number))?;
                self.handshakes.waiting.push_back(number);
            }
        }
        self.nominate();
        Ok(())
    }

    /// Returns how many browsers are not connected yet.
    pub(crate) fn connecting(&self) -> usize {
        self.handshakes.begun.len() + self.handshakes.waiting.len()
    }

    /// Lets the next browsers begin their handshakes.
    fn nominate(&mut self) {
        while self.handshakes.begun.len() < HANDSHAKES_AT_ONCE
            && let Some(number) = self.handshakes.waiting.pop_front()
        {
            let person = &self.people[number];
            send(&self.hosts[person.host], &person.check, person);
            self.handshakes.begun.insert(number, Vec::new());
        }
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
            self.consent();
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
            person.heard = Count::default();
            match &mut person.notes {
                Notes::Nothing => {}
                Notes::Said(said) => said.clear(),
                Notes::Heard(heard) => heard.clear(),
            }
        }
        self.lateness_us.clear();
        self.sent = 0;
    }

    /// Writes down from here on when a talker speaks, or what a listener hears.
    pub(crate) fn observe(&mut self, number: usize, talks: bool) {
        self.people[number].notes = if talks {
            Notes::Said(Vec::new())
        } else {
            Notes::Heard(Vec::new())
        };
    }

    /// Returns what an observed talker said.
    pub(crate) fn voice(&self, number: usize) -> Done<Voice> {
        let person = &self.people[number];
        let Notes::Said(said) = &person.notes else {
            return Err("the talker was not observed".into());
        };
        Voice::new(person.kind, &person.script, said.clone())
    }

    /// Returns what an observed listener heard.
    pub(crate) fn recording(&self, number: usize) -> Done<Recording> {
        let person = &self.people[number];
        let Notes::Heard(heard) = &person.notes else {
            return Err("the listener was not observed".into());
        };
        Recording::new(person.kind, heard)
    }

    /// Tells what was lost on the way to the first people, of what should have come in `time` since the count began.
    pub(crate) fn loss(&self, people: usize, time: Duration) -> Loss {
        let regular = time.as_millis() / 20;
        let regular = u64::try_from(regular).unwrap_or(u64::MAX);
        let mut loss = Loss {
            expected: 0,
            lost: 0,
        };
        for person in &self.people[..people] {
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

    /// Keeps up the browsers' consent (RFC 7675): a check of each every five seconds.
    fn consent(&self) {
        let due = self.slot as usize % CONSENT_SLOTS;
        for person in self.people.iter().skip(due).step_by(CONSENT_SLOTS) {
            if person.protection.is_some() && !person.check.is_empty() {
                send(&self.hosts[person.host], &person.check, person);
            }
        }
    }

    fn speak(&mut self, turn: usize) {
        let mut packet = [0; PACKET_MAX];
        for number in &self.turns[turn] {
            let person = &mut self.people[*number];
            if person.kind == Kind::Browser && person.protection.is_none() {
                // Time passes for those too who are not in yet.
                person.position += 1;
                continue;
            }
            let len = person.write(&mut packet);
            let socket = &self.hosts[person.host];
            let sent = send(socket, &packet[..len], person);
            self.sent += u64::from(sent);
        }
    }

    /// Takes what has arrived.
    pub(crate) fn hear(&mut self) {
        // What began to come a round ago is all there after this one.
        let begun = self.handshakes.begun.iter();
        let whole = begun.filter(|(_, flight)| !flight.is_empty());
        let whole: Vec<usize> = whole
            .map(|(number, _)| *number)
            .take(FLIGHTS_PER_SLOT)
            .collect();
        let mut buffer = [0; PACKET_MAX];
        for host in 0..self.hosts.len() {
            while let Some((len, number)) = receive(&self.hosts[host], &mut buffer) {
                match buffer[..len].first() {
                    Some(20..=63) => {
                        if let Some(flight) = self.handshakes.begun.get_mut(&number) {
                            flight.extend_from_slice(&buffer[..len]);
                        }
                    }
                    Some(128..=191) => self.handle_rtp(number, &mut buffer[..len]),
                    _ => {}
                }
            }
        }
        whole
            .into_iter()
            .for_each(|number| self.handle_dtls(number));
    }

    fn handle_dtls(&mut self, number: usize) {
        let handshakes = &mut self.handshakes;
        let Some(flight) = handshakes.begun.get_mut(&number).map(std::mem::take) else {
            return;
        };
        let browser = SocketAddr::from((self.people[number].address, 9));
        let keys = handshakes.browsers.handle(browser, &flight, machine::now());
        while let Some(bytes) = handshakes.browsers.poll_transmit() {
            let person = &self.people[number];
            send(&self.hosts[person.host], &bytes, person);
        }
        // A handshake that failed does not end, which is seen when patience does.
        if let Ok(Some(keys)) = keys {
            self.people[number].protection = Some(keys);
            self.handshakes.begun.remove(&number);
            self.nominate();
        }
    }

    fn handle_rtp(&mut self, number: usize, datagram: &mut [u8]) {
        if is_rtcp(datagram) || datagram.len() < HEADER_LEN {
            return;
        }
        if let Some(person) = self.people.get_mut(number) {
            let sequence = u16::from_be_bytes([datagram[2], datagram[3]]);
            person.heard.note(sequence);
            person.write_down(datagram);
        }
    }
}

impl Person {
    /// Writes down a packet where that is wanted; only then it is opened.
    fn write_down(&mut self, datagram: &mut [u8]) {
        let Notes::Heard(heard) = &mut self.notes else {
            return;
        };
        let len = match &mut self.protection {
            Some((_, opener)) => opener.open_rtp(datagram),
            None => Ok(datagram.len()),
        };
        let packet = len.and_then(|len| Packet::parse(&datagram[..len]));
        if let Ok(packet) = packet {
            heard.push(Heard {
                timestamp: packet.timestamp,
                payload: packet.payload.to_vec(),
                at: machine::now(),
            });
        }
    }

    /// Writes the next packet of the script.
    fn write(&mut self, out: &mut [u8; PACKET_MAX]) -> usize {
        let said = &self.script.packets[self.position % self.script.packets.len()];
        if let Notes::Said(notes) = &mut self.notes {
            notes.push(Said {
                position: self.position,
                at: machine::now(),
            });
        }
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

impl Count {
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

/// Spreads things of any number over a range: multiples of the golden section.
pub(crate) const fn spread(number: usize, range: usize) -> usize {
    number * 618_034 % 1_000_000 * range / 1_000_000
}

/// The leg of the person with a number.
const fn leg_of(number: usize) -> u64 {
    number as u64 + 1
}

/// Takes a datagram, and the number of the person it is for.
fn receive(host: &UdpSocket, buffer: &mut [u8]) -> Option<(usize, usize)> {
    let mut control = nix::cmsg_space!(libc::in_pktinfo);
    let mut parts = [IoSliceMut::new(buffer)];
    let received = recvmsg::<SockaddrIn>(
        host.as_raw_fd(),
        &mut parts,
        Some(&mut control),
        MsgFlags::MSG_DONTWAIT,
    );
    let received = received.ok()?;
    let to = received.cmsgs().ok()?.find_map(|message| {
        if let ControlMessageOwned::Ipv4PacketInfo(info) = message {
            Some(info.ipi_addr.s_addr)
        } else {
            None
        }
    })?;
    let number = u32::from_be(to) - FIRST_ADDRESS;
    Some((received.bytes, usize::try_from(number).ok()?))
}

/// A socket for many addresses of the loopback and nothing else.
fn host_socket() -> Done<UdpSocket> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    setsockopt(&socket, sockopt::BindToDevice, &"lo".into())
        .map_err(|error| format!("a socket could not be bound to the loopback: {error}"))?;
    setsockopt(&socket, sockopt::Ipv4PacketInfo, &true)?;
    socket.set_nonblocking(true)?;
    // Less than that is granted where the system limits it; then more is lost here than there, which is said.
    let _ = socket2::SockRef::from(&socket).set_recv_buffer_size(HOST_BUFFER);
    Ok(socket)
}

/// The address of a person.
fn address(number: usize) -> Done<Ipv4Addr> {
    Ok(Ipv4Addr::from_bits(FIRST_ADDRESS + u32::try_from(number)?))
}

/// Slots of the generator, and how many there are in 20 ms.
const TURN: Duration = Duration::from_millis(1);
const TURNS: usize = 20;
/// The first person's address: 127.1.0.1.
const FIRST_ADDRESS: u32 = 0x7f01_0001;
/// Browsers that shake hands at a time.
const HANDSHAKES_AT_ONCE: usize = 32;
/// Flights of DTLS that are answered in a slot, since each takes a good part of it; the others wait for the next.
const FLIGHTS_PER_SLOT: usize = 1;
/// People who share a socket.
const PEOPLE_PER_HOST: usize = 64;
/// Bytes of a shared socket's buffer: two packets of everybody.
const HOST_BUFFER: usize = 512 << 10;
const PACKET_MAX: usize = 1_500;
/// Slots between two checks of a browser's path.
const CONSENT_SLOTS: usize = 5_000;
/// Time in which the first browser connects, and what each more may take.
const PATIENCE: Duration = Duration::from_secs(10);
const PATIENCE_EACH: Duration = Duration::from_millis(20);
/// The source of what the first person is sent, and of what that person says.
const SERVER_SSRC_BASE: u32 = 0x0200_0000;
const SSRC_BASE: u32 = 0x0100_0000;
/// Packets that may be under way when the count begins and ends.
const TOLERATED: u64 = 4;
/// −dBov below which a frame counts as speech.
const SPEAKS: u8 = 50;
