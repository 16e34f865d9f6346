//! One room on a shard, in simulated time: telephones and browsers that all have open microphones.
//!
//! Whoever watches what a tick costs lets people speak first ([`World::listen`]), so that [`World::tick`] is the shard's
//! work alone: every packet in, the tick, every packet out.

mod browsers;

use std::{
    collections::HashMap,
    net::SocketAddr,
    time::{Duration, Instant},
};

use dsp::{Codec, Encoder, Frame, TICK};
use rundruf::{
    id::{ConferenceId, LegId},
    media::{
        Clips, Shard, ShardConfig, SocketId,
        api::{
            BrowserMedia, Channels, Command, Format, Incoming, Nat, Opening, PhoneMedia, Seat,
            Security,
        },
        leg::secure::SecureContext,
    },
};
use sip::{
    redact::Pii,
    rtp::{Session, SessionConfig, packet::HEADER_LEN, srtp::Sealer},
};

use self::browsers::{Browsers, LEVEL_ID};

/// How a person is connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Line {
    /// A telephone.
    Phone(Codec),
    /// A browser: Opus over SRTP.
    Browser,
}

/// The shard and the people on it.
pub(crate) struct World {
    pub(crate) shard: Shard,
    pub(crate) now: Instant,
    ticks: usize,
    people: Vec<Person>,
}

/// One person.
struct Person {
    leg: LegId,
    socket: SocketId,
    address: SocketAddr,
    session: Session,
    /// A browser's.
    sealer: Option<Sealer>,
    encoder: Encoder,
    /// A tone of the person's own.
    tone: Vec<Frame>,
    packet: [u8; PACKET_MAX],
    len: usize,
}

/// 20 ms of an open microphone.
struct Murmur {
    payload: Vec<u8>,
    level: u8,
}

impl World {
    /// Opens the room with one person per line, all seated and connected.
    pub(crate) fn new(lines: impl IntoIterator<Item = Line>) -> Self {
        let now = t0();
        let config = ShardConfig {
            clips: Clips::new(vec![dsp::tone::sine(440.0, -26.0, 20)]),
            secure: SecureContext::new().expect("a certificate can be made"),
            seed: [1; 32],
        };
        let mut shard = Shard::new(config, now);
        shard.handle(Command::Start { conference: ROOM }, now);
        let mut browsers = Browsers::new().expect("a certificate can be made");
        let people = (0..).zip(lines);
        let people: Vec<Person> = people
            .map(|(number, line)| Person::enter(number, line, &mut shard, &mut browsers, now))
            .collect();
        let open = Seat {
            speaks: Channels::MAIN,
            hears: Channels::MAIN,
        };
        let roster = Command::Roster {
            conference: ROOM,
            seats: people.iter().map(|person| (person.leg, open)).collect(),
        };
        shard.handle(roster, now);
        while shard.poll_transmit().is_some() {}
        while shard.poll_event().is_some() {}
        Self {
            shard,
            now,
            ticks: 0,
            people,
        }
    }

    /// Lets the browsers whose number is named report that they lose so much, in 1/256 (RFC 3550 §6.4.1).
    #[allow(dead_code, reason = "not all who share this file lose packets")]
    pub(crate) fn report_loss(&mut self, lost: u8, reports: impl Fn(usize) -> bool) {
        let people = self.people.iter_mut().enumerate();
        let reporting =
            people.filter(|(number, person)| person.sealer.is_some() && reports(*number));
        for (_, person) in reporting {
            person.report(lost);
            let bytes = &mut person.packet[..person.len];
            let (socket, from) = (person.socket, person.address);
            self.shard.handle_datagram(socket, from, bytes, self.now);
        }
    }

    /// Lets 20 ms pass in which everybody says a packet; those whose number is named speak, in each their own tone.
    pub(crate) fn listen(&mut self, speaks: impl Fn(usize) -> bool) {
        self.now += TICK;
        self.ticks += 1;
        let mut murmurs = HashMap::new();
        for (number, person) in self.people.iter_mut().enumerate() {
            if speaks(number) {
                let frame = &person.tone[self.ticks % TONE_TICKS];
                let payload = encoded(&mut person.encoder, frame);
                person.say(&payload, frame.level().as_rfc6464());
            } else {
                // Encoded once per codec: the time is for the shard's work.
                let murmur = murmurs.entry(person.encoder.settings().codec);
                let murmur: &mut Murmur = murmur.or_insert_with(|| {
                    let frame = murmur_of(self.ticks);
                    Murmur {
                        payload: encoded(&mut person.encoder, &frame),
                        level: frame.level().as_rfc6464(),
                    }
                });
                person.say(&murmur.payload, murmur.level);
            }
        }
    }

    /// Every packet in, the tick, every packet out; returns how many those were.
    pub(crate) fn tick(&mut self) -> u64 {
        for person in &mut self.people {
            let bytes = &mut person.packet[..person.len];
            self.shard
                .handle_datagram(person.socket, person.address, bytes, self.now);
        }
        self.shard
            .handle_timeout(self.now + Duration::from_millis(2));
        let mut sent = 0;
        while let Some(transmit) = self.shard.poll_transmit() {
            std::hint::black_box(transmit.bytes);
            sent += 1;
        }
        sent
    }

    /// Takes what the shard has to tell, and lets it make up for what the tick has used up.
    pub(crate) fn drain(&mut self) {
        while self.shard.poll_event().is_some() {}
        self.shard.restock();
    }
}

impl Person {
    fn enter(
        number: u64,
        line: Line,
        shard: &mut Shard,
        browsers: &mut Browsers,
        now: Instant,
    ) -> Self {
        let leg = LegId::from_u64(number);
        let address = address(number);
        let (codec, socket) = match line {
            Line::Phone(codec) => (codec, SocketId::Rtp(leg)),
            Line::Browser => (Codec::Opus, SocketId::Browser(0)),
        };
        let payload_type = payload_type(codec);
        let opening = match line {
            Line::Phone(codec) => phone(codec, address),
            Line::Browser => match browsers.agree(number, payload_type, SSRC).opening() {
                Opening::Browser(media) => Opening::Browser(BrowserMedia {
                    redundant: Some(REDUNDANT),
                    ..media
                }),
                opening @ Opening::Phone(_) => opening,
            },
        };
        let opening = Box::new(opening);
        shard.handle(Command::Open { leg, opening }, now);
        let conference = ROOM;
        shard.handle(Command::Join { leg, conference }, now);
        let config = SessionConfig {
            ssrc: SSRC,
            first_sequence: 1,
            first_timestamp: 1,
            format: sip::rtp::Format {
                payload_type,
                telephone_event: Some(TELEPHONE_EVENT),
                clock_rate: codec.clock_rate(),
                ticks_per_packet: codec.ticks(),
            },
            audio_level: None,
            redundant: None,
            cname: [0; 12],
            seed: number,
        };
        let sealer =
            (line == Line::Browser).then(|| shake_hands(number, address, shard, browsers, now));
        Self {
            leg,
            socket,
            address,
            session: Session::new(config, now),
            sealer,
            encoder: Encoder::new(codec).expect("an encoder can be made"),
            tone: dsp::tone::sine(300.0 + 10.0 * number as f64, -20.0, TONE_TICKS),
            packet: [0; PACKET_MAX],
            len: 0,
        }
    }

    /// Writes a receiver report of one block.
    fn report(&mut self, lost: u8) {
        // One block, PT 201, eight words; the reporter; then of our stream the loss, and nothing of what else it says.
        let mut report = [0; 32];
        report[..4].copy_from_slice(&[0x81, 201, 0, 7]);
        report[4..8].copy_from_slice(&SSRC.to_be_bytes());
        report[8..12].copy_from_slice(&SSRC.to_be_bytes());
        report[12] = lost;
        self.packet[..report.len()].copy_from_slice(&report);
        let sealer = self.sealer.as_mut().expect("a browser reports");
        let sealed = sealer.seal_rtcp(&mut self.packet, report.len());
        self.len = sealed.expect("the packet has room for a tag");
    }

    /// Writes the next packet; a browser's tells its level and is sealed.
    fn say(&mut self, payload: &[u8], level: u8) {
        self.len = self.session.write_rtp(payload, &mut self.packet);
        let Some(sealer) = &mut self.sealer else {
            return;
        };
        // RFC 8285 §4.2: one word with one element of one byte and two bytes of padding.
        let extension = [0xBE, 0xDE, 0, 1, LEVEL_ID << 4, level, 0, 0];
        let behind = HEADER_LEN + extension.len();
        self.packet.copy_within(HEADER_LEN..self.len, behind);
        self.packet[HEADER_LEN..behind].copy_from_slice(&extension);
        self.packet[0] |= 0x10;
        let sealed = sealer.seal_rtp(&mut self.packet, self.len + extension.len());
        self.len = sealed.expect("the packet has room for a tag");
    }
}

/// Connects a browser and returns what its packets are sealed with.
fn shake_hands(
    number: u64,
    address: SocketAddr,
    shard: &mut Shard,
    browsers: &mut Browsers,
    now: Instant,
) -> Sealer {
    let mut check = browsers.check(number).expect("a check can be made");
    shard.handle_datagram(SocketId::Browser(0), address, &mut check, now);
    for _ in 0..FLIGHTS {
        let mut flight = Vec::new();
        while let Some(transmit) = shard.poll_transmit() {
            if matches!(transmit.bytes.first(), Some(20..=63)) {
                flight.extend_from_slice(transmit.bytes);
            }
        }
        let keys = browsers.handle(address, &flight, now);
        while let Some(mut bytes) = browsers.poll_transmit() {
            shard.handle_datagram(SocketId::Browser(0), address, &mut bytes, now);
        }
        if let Some((sealer, _)) = keys.expect("the handshake goes on") {
            return sealer;
        }
    }
    panic!("the handshake did not end");
}

/// What SDP would say of a telephone.
pub(crate) fn phone(codec: Codec, address: SocketAddr) -> Opening {
    let format = Format {
        codec,
        payload_type: payload_type(codec),
        telephone_event: Some(TELEPHONE_EVENT),
    };
    Opening::Phone(PhoneMedia {
        format,
        incoming: Incoming::of(&format),
        remote: Pii::new(address),
        hidden: None,
        remote_rtcp: Pii::new(address),
        receives: true,
        sends: true,
        security: Security::Plain,
        nat: Nat::No,
        ptime: 20,
    })
}

const fn payload_type(codec: Codec) -> u8 {
    match codec {
        Codec::Pcmu => 0,
        Codec::Pcma => 8,
        Codec::G722 => 9,
        Codec::Opus => 111,
    }
}

fn encoded(encoder: &mut Encoder, frame: &Frame) -> Vec<u8> {
    let mut payload = vec![0; dsp::MAX_PAYLOAD];
    let len = encoder
        .encode(frame, &mut payload)
        .expect("the payload fits");
    payload.truncate(len);
    payload
}

/// What an open microphone hears of a quiet room: noise of about −65 dBov.
fn murmur_of(tick: usize) -> Frame {
    let mut state = tick as u64;
    let mut frame = Frame::SILENCE;
    for sample in &mut frame.samples {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        *sample = i16::try_from(state >> 58).unwrap_or(0) - 32;
    }
    frame
}

/// The address of a person.
pub(crate) fn address(number: u64) -> SocketAddr {
    let port = u16::try_from(10_000 + number).expect("a few thousand ports are used");
    SocketAddr::from(([192, 0, 2, 1], port))
}

#[expect(
    clippy::disallowed_methods,
    reason = "the base instant of a simulated run"
)]
fn t0() -> Instant {
    Instant::now()
}

/// The room everybody is in.
pub(crate) const ROOM: ConferenceId = ConferenceId::from_u64(1);
const SSRC: u32 = 1;
const TELEPHONE_EVENT: u8 = 101;
const REDUNDANT: u8 = 63;
const PACKET_MAX: usize = 1_500;
/// Frames of a tone before it begins anew.
const TONE_TICKS: usize = 50;
/// Flights of a handshake of DTLS.
const FLIGHTS: usize = 4;
