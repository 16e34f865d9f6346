//! A browser (`str0m`, an independent implementation) and a telephone in one conference on a shard.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::{
    f64::consts::TAU,
    net::SocketAddr,
    sync::Once,
    time::{Duration, Instant},
};

use dsp::{Codec, Encoder, Frame, Playout};
use rand::{SeedableRng, rngs::StdRng};
use rundruf::{
    browser::negotiate::{Local, negotiate},
    id::{ConferenceId, LegId},
    media::{
        Clips, Counter, Shard, ShardConfig, SocketId,
        api::{
            Channels, Command, Event, Format, Gone, Incoming, Nat, Opening, PhoneMedia, Seat,
            Security,
        },
        leg::secure::SecureContext,
    },
};
use sip::{
    redact::Pii,
    rtp::{Packet, Session, SessionConfig},
};
use str0m::{
    Candidate, Input, Output, Rtc,
    change::SdpAnswer,
    media::{Direction, MediaKind, Mid},
    net::{Protocol, Receive},
    rtp::RtpWrite,
};

const ROOM: ConferenceId = ConferenceId::from_u64(1);
const PAGE: LegId = LegId::from_u64(1);
const PHONE: LegId = LegId::from_u64(2);
const STEP: Duration = Duration::from_millis(2);
/// Which of the worker's sockets the browser found.
const SOCKET: usize = 3;

#[test]
fn a_browser_and_a_phone_hear_each_other() {
    let mut world = World::new();
    world.run(Duration::from_secs(1));
    assert!(
        world
            .events
            .iter()
            .any(|event| matches!(event, Event::Connected { leg: PAGE }))
    );
    world.page_heard.clear();
    world.phone_heard.clear();
    world.run(Duration::from_secs(2));
    assert!(level(&world.phone_heard, 500.0) > -20.0);
    assert!(level(&world.page_heard, 1_250.0) > -20.0);
    assert!(level(&world.phone_heard, 1_250.0) < -60.0);
    assert!(level(&world.page_heard, 500.0) < -60.0);
    assert_eq!(world.page_heard.len(), 100 * dsp::FRAME_SAMPLES);
    assert_eq!(world.shard.counters().of(Counter::DatagramsUnmatched), 0);
}

#[test]
fn an_unknown_address_on_the_shared_socket_reaches_nobody() {
    let mut world = World::new();
    world.run(Duration::from_secs(1));
    let stranger = SocketAddr::from(([203, 0, 113, 1], 1));
    for first in 0..=255 {
        let mut bytes = [first; 100];
        world
            .shard
            .handle_datagram(SocketId::Browser(SOCKET), stranger, &mut bytes, world.now);
    }
    assert_eq!(world.shard.counters().of(Counter::DatagramsUnmatched), 256);
    assert_eq!(world.shard.legs(), [PAGE, PHONE]);
}

#[test]
fn a_browser_that_leaves_is_gone() {
    let mut world = World::new();
    world.run(Duration::from_secs(1));
    world.browser.close().unwrap();
    world.run(Duration::from_secs(1));
    let gone = world.events.iter().any(|event| {
        matches!(
            event,
            Event::Gone {
                leg: PAGE,
                reason: Gone::Closed
            }
        )
    });
    assert!(gone);
    assert_eq!(world.shard.legs(), [PHONE]);
}

struct World {
    shard: Shard,
    now: Instant,
    speaks_at: Instant,
    events: Vec<Event>,
    browser: Rtc,
    mid: Mid,
    payload_type: u8,
    page: Voice,
    page_heard: Vec<i16>,
    phone: Voice,
    phone_session: Session,
    phone_heard: Vec<i16>,
}

/// A tone and an ear.
struct Voice {
    tone: Vec<Frame>,
    spoken: usize,
    encoder: Encoder,
    playout: Playout,
}

impl World {
    fn new() -> Self {
        static PROVIDER: Once = Once::new();
        PROVIDER.call_once(|| str0m::crypto::from_feature_flags().install_process_default());
        let now = t0();
        let secure = SecureContext::new().unwrap();
        let (browser, mid, opening, payload_type) = negotiated(&secure, now);
        let config = ShardConfig {
            clips: Clips::default(),
            secure,
            seed: [1; 32],
        };
        let mut shard = Shard::new(config, now);
        shard.set_wall(now, Duration::from_secs(1_800_000_000));
        let open = Seat {
            speaks: Channels::MAIN,
            hears: Channels::MAIN,
        };
        let phone = Opening::Phone(phone_media());
        let commands = [
            Command::Start { conference: ROOM },
            opened(PAGE, opening),
            opened(PHONE, phone),
            untreated(PAGE),
            untreated(PHONE),
            joined(PAGE),
            joined(PHONE),
            Command::Roster {
                conference: ROOM,
                seats: vec![(PAGE, open), (PHONE, open)],
            },
        ];
        for command in commands {
            shard.handle(command, now);
        }
        Self {
            shard,
            now,
            speaks_at: now,
            events: Vec::new(),
            browser,
            mid,
            payload_type,
            page: Voice::new(500.0, Codec::Opus),
            page_heard: Vec::new(),
            phone: Voice::new(1_250.0, Codec::Pcma),
            phone_session: phone_session(now),
            phone_heard: Vec::new(),
        }
    }

    fn run(&mut self, time: Duration) {
        let until = self.now + time;
        while self.now < until {
            self.now += STEP;
            if self.now >= self.speaks_at {
                self.speaks_at += dsp::TICK;
                self.speak();
            }
            self.browser.handle_input(Input::Timeout(self.now)).unwrap();
            self.drain_browser();
            self.shard.handle_timeout(self.now);
            self.drain_shard();
            self.shard.restock();
        }
    }

    fn speak(&mut self) {
        let payload = self.phone.speak();
        let mut bytes = vec![0; 1_500];
        let len = self.phone_session.write_rtp(&payload, &mut bytes);
        let from = *phone_media().remote.expose();
        self.shard
            .handle_datagram(SocketId::Rtp(PHONE), from, &mut bytes[..len], self.now);
        if !self.browser.is_connected() {
            return;
        }
        let payload = self.page.speak();
        let number = self.page.spoken as u64;
        let time = u32::try_from(number * 960).unwrap();
        let kind = self.payload_type.into();
        let packet = RtpWrite::new(kind, number.into(), time, self.now, payload);
        let mut api = self.browser.direct_api();
        api.stream_tx_by_mid(self.mid, None)
            .unwrap()
            .write_rtp(packet);
        self.drain_browser();
    }

    fn drain_browser(&mut self) {
        loop {
            match self.browser.poll_output().unwrap() {
                Output::Timeout(_) => return,
                Output::Transmit(transmit) => {
                    let mut bytes = transmit.contents.to_vec();
                    let socket = SocketId::Browser(SOCKET);
                    self.shard
                        .handle_datagram(socket, page_address(), &mut bytes, self.now);
                    self.drain_shard();
                }
                Output::Event(str0m::Event::RtpPacket(packet)) => {
                    let heard = self.page.hear(
                        packet.header.sequence_number,
                        packet.header.timestamp,
                        &packet.payload,
                        self.now,
                    );
                    self.page_heard.extend(heard.samples);
                }
                Output::Event(_) => {}
            }
        }
    }

    fn drain_shard(&mut self) {
        let mut to_browser = Vec::new();
        while let Some(transmit) = self.shard.poll_transmit() {
            if transmit.socket == SocketId::Rtp(PHONE) {
                let packet = Packet::parse(transmit.bytes).unwrap();
                let (sequence, timestamp) = (packet.sequence, packet.timestamp);
                let heard = self
                    .phone
                    .hear(sequence, timestamp, packet.payload, self.now);
                self.phone_heard.extend(heard.samples);
            } else if transmit.socket == SocketId::Browser(SOCKET) {
                assert_eq!(transmit.to, page_address());
                to_browser.push(transmit.bytes.to_vec());
            }
        }
        while let Some(event) = self.shard.poll_event() {
            self.events.push(event);
        }
        for bytes in to_browser {
            self.give_browser(&bytes);
        }
    }

    fn give_browser(&mut self, bytes: &[u8]) {
        let receive = Receive {
            proto: Protocol::Udp,
            source: server(),
            destination: page_address(),
            contents: bytes.try_into().unwrap(),
        };
        let input = Input::Receive(self.now, receive);
        self.browser.handle_input(input).unwrap();
        self.drain_browser();
    }
}

impl Voice {
    fn new(tone: f64, codec: Codec) -> Self {
        Self {
            // A second of a tone whose period divides it goes on without a break.
            tone: dsp::tone::sine(tone, -13.0, 50),
            spoken: 0,
            encoder: Encoder::new(codec).unwrap(),
            playout: Playout::new(codec).unwrap(),
        }
    }

    fn speak(&mut self) -> Vec<u8> {
        let frame = &self.tone[self.spoken % self.tone.len()];
        self.spoken += 1;
        let mut payload = vec![0; dsp::MAX_PAYLOAD];
        let len = self.encoder.encode(frame, &mut payload).unwrap();
        payload.truncate(len);
        payload
    }

    fn hear(&mut self, sequence: u16, timestamp: u32, payload: &[u8], now: Instant) -> Frame {
        let mut frame = Frame::SILENCE;
        self.playout.put(sequence, timestamp, payload, None, now);
        self.playout.take(&mut frame, now);
        frame
    }
}

/// A browser that has made its offer and has our answer, and what the leg is told of it.
pub(crate) fn negotiated(secure: &SecureContext, now: Instant) -> (Rtc, Mid, Opening, u8) {
    let mut browser = Rtc::builder()
        .set_rtp_mode(true)
        .clear_codecs()
        .enable_opus(true, false)
        .build(now);
    browser.add_local_candidate(Candidate::host(page_address(), "udp").unwrap());
    let mut changes = browser.sdp_api();
    let mid = changes.add_media(MediaKind::Audio, Direction::SendRecv, None, None, None);
    let (offer, pending) = changes.apply().unwrap();
    let local = Local {
        candidates: &[server()],
        tcp_candidates: &[],
        fingerprint: secure.fingerprint(),
        legacy_srtp: false,
    };
    let mut rng = StdRng::seed_from_u64(1);
    let negotiated = negotiate(&offer.to_sdp_string(), &local, &mut rng).unwrap();
    let answer = SdpAnswer::from_sdp_string(negotiated.answer.expose()).unwrap();
    browser.sdp_api().accept_answer(pending, answer).unwrap();
    let payload_type = negotiated.media.payload_type;
    (
        browser,
        mid,
        Opening::Browser(negotiated.media),
        payload_type,
    )
}

fn opened(leg: LegId, opening: Opening) -> Command {
    let opening = Box::new(opening);
    Command::Open { leg, opening }
}

/// Tones are no speech: what treats speech would take them away.
const fn untreated(leg: LegId) -> Command {
    let shaping = dsp::Shaping::NONE;
    Command::Shape { leg, shaping }
}

const fn joined(leg: LegId) -> Command {
    let conference = ROOM;
    Command::Join { leg, conference }
}

fn phone_media() -> PhoneMedia {
    let format = Format {
        codec: Codec::Pcma,
        payload_type: 8,
        telephone_event: None,
    };
    PhoneMedia {
        format,
        incoming: Incoming::of(&format),
        remote: Pii::new(SocketAddr::from(([192, 0, 2, 9], 4_000))),
        hidden: None,
        remote_rtcp: Pii::new(SocketAddr::from(([192, 0, 2, 9], 4_001))),
        receives: true,
        sends: true,
        security: Security::Plain,
        nat: Nat::No,
        ptime: 20,
    }
}

fn phone_session(now: Instant) -> Session {
    let config = SessionConfig {
        ssrc: 1,
        first_sequence: 1,
        first_timestamp: 1,
        format: sip::rtp::Format {
            payload_type: 8,
            telephone_event: None,
            clock_rate: 8_000,
            ticks_per_packet: 160,
        },
        audio_level: None,
        redundant: None,
        cname: [0; 12],
        seed: 1,
    };
    Session::new(config, now)
}

pub(crate) fn server() -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], 5_000))
}

pub(crate) fn page_address() -> SocketAddr {
    SocketAddr::from(([198, 51, 100, 7], 40_000))
}

/// The level of one frequency in dBov.
#[expect(clippy::cast_precision_loss, reason = "a level needs three digits")]
fn level(samples: &[i16], tone: f64) -> f64 {
    let (mut real, mut imaginary) = (0.0, 0.0);
    for (n, sample) in samples.iter().enumerate() {
        let angle = TAU * tone * n as f64 / 48_000.0;
        real += f64::from(*sample) * angle.cos();
        imaginary += f64::from(*sample) * angle.sin();
    }
    let amplitude = 2.0 * f64::hypot(real, imaginary) / samples.len().max(1) as f64;
    20.0 * (amplitude.max(1e-3) / 32_768.0).log10() - 3.0
}

#[expect(
    clippy::disallowed_methods,
    reason = "the base instant of a simulated run"
)]
fn t0() -> Instant {
    Instant::now()
}
