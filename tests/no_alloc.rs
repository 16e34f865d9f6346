//! The tick of a shard allocates nothing: an allocator that aborts stands guard over datagrams, ticks and the outbox.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use assert_no_alloc::{AllocDisabler, assert_no_alloc};
use dsp::{Codec, Encoder, Frame, TICK};
use rundruf::{
    id::{ConferenceId, LegId},
    media::{
        Clips, Counter, Shard, ShardConfig, SocketId,
        api::{Channels, Command, Format, Opening, PhoneMedia, Seat},
        leg::secure::SecureContext,
    },
};
use sip::{
    redact::Pii,
    rtp::{Session, SessionConfig},
};

#[global_allocator]
static GUARD: AllocDisabler = AllocDisabler;

const ROOM: ConferenceId = ConferenceId::from_u64(1);
const LEGS: u64 = 200;

/// Ticks in which everything grows to the size it needs, reports of RTCP included.
const WARM_UP: usize = 1_000;

#[test]
fn two_seconds_of_two_hundred_telephones_allocate_nothing() {
    let mut world = World::new();
    (0..WARM_UP).for_each(|tick| world.prepare(tick));
    let before = world.shard.counters().of(Counter::DatagramsSent);
    for tick in WARM_UP..WARM_UP + 100 {
        world.listen(tick);
        assert_no_alloc(|| world.tick());
        while world.shard.poll_event().is_some() {}
    }
    let counters = world.shard.counters();
    assert!(counters.of(Counter::DatagramsSent) - before >= LEGS * 100);
    assert!(counters.of(Counter::EncodersCopied) >= 6);
    assert_eq!(counters.of(Counter::EncodeFailed), 0);
}

struct World {
    shard: Shard,
    now: Instant,
    phones: Vec<Phone>,
}

struct Phone {
    leg: LegId,
    session: Session,
    encoder: Encoder,
    silence: Vec<u8>,
    packet: [u8; 1_500],
    len: usize,
    speaks: Vec<Frame>,
}

impl World {
    fn new() -> Self {
        let now = t0();
        let config = ShardConfig {
            clips: Clips::default(),
            secure: SecureContext::new().unwrap(),
            seed: [1; 32],
        };
        let mut shard = Shard::new(config, now);
        shard.handle(Command::Start { conference: ROOM }, now);
        let phones: Vec<Phone> = (0..LEGS).map(|n| Phone::call(n, &mut shard, now)).collect();
        let open = Seat {
            speaks: Channels::MAIN,
            hears: Channels::MAIN,
        };
        let seats = phones.iter().map(|phone| (phone.leg, open)).collect();
        let conference = ROOM;
        shard.handle(Command::Roster { conference, seats }, now);
        Self { shard, now, phones }
    }

    /// Lets the phones speak; three at a time, others after each second.
    fn listen(&mut self, tick: usize) {
        self.now += TICK;
        for (number, phone) in self.phones.iter_mut().enumerate() {
            phone.speak(tick, number / 3 == tick / 50);
        }
    }

    /// What must not allocate: every packet in, the tick, every packet out.
    fn tick(&mut self) {
        for phone in &mut self.phones {
            let bytes = &mut phone.packet[..phone.len];
            let (socket, from) = (SocketId::Rtp(phone.leg), address(phone.leg, 4_000));
            self.shard.handle_datagram(socket, from, bytes, self.now);
        }
        self.shard
            .handle_timeout(self.now + Duration::from_millis(2));
        while self.shard.poll_transmit().is_some() {}
    }

    fn prepare(&mut self, tick: usize) {
        self.listen(tick);
        self.tick();
        while self.shard.poll_event().is_some() {}
    }
}

impl Phone {
    fn call(number: u64, shard: &mut Shard, now: Instant) -> Self {
        let leg = LegId::from_u64(number);
        let (codec, payload_type) = [(Codec::Pcma, 8), (Codec::G722, 9), (Codec::Opus, 111)]
            [usize::try_from(number % 3).unwrap()];
        let media = PhoneMedia {
            format: Format {
                codec,
                payload_type,
                telephone_event: Some(101),
            },
            remote: Pii::new(address(leg, 4_000)),
            remote_rtcp: Pii::new(address(leg, 4_001)),
            receives: true,
            sends: true,
        };
        let opening = Box::new(Opening::Phone(media));
        shard.handle(Command::Open { leg, opening }, now);
        let conference = ROOM;
        shard.handle(Command::Join { leg, conference }, now);
        let config = SessionConfig {
            ssrc: 1,
            first_sequence: 1,
            first_timestamp: 1,
            format: sip::rtp::Format {
                payload_type,
                telephone_event: Some(101),
                clock_rate: codec.clock_rate(),
                ticks_per_packet: codec.ticks(),
            },
            audio_level: None,
            redundant: None,
            cname: [0; 12],
            seed: number,
        };
        let mut encoder = Encoder::new(codec).unwrap();
        Self {
            leg,
            session: Session::new(config, now),
            silence: encoded(&mut encoder, &Frame::SILENCE),
            encoder,
            packet: [0; 1_500],
            len: 0,
            speaks: dsp::tone::sine(300.0 + 10.0 * number as f64, -20.0, 50),
        }
    }

    fn speak(&mut self, tick: usize, speaks: bool) {
        // Silence is encoded once: the time is for the shard's work.
        let payload = if speaks {
            encoded(&mut self.encoder, &self.speaks[tick % 50])
        } else {
            self.silence.clone()
        };
        self.len = self.session.write_rtp(&payload, &mut self.packet);
    }
}

fn encoded(encoder: &mut Encoder, frame: &Frame) -> Vec<u8> {
    let mut payload = vec![0; dsp::MAX_PAYLOAD];
    let len = encoder.encode(frame, &mut payload).unwrap();
    payload.truncate(len);
    payload
}

fn address(leg: LegId, port: u16) -> SocketAddr {
    let host = u8::try_from(leg.as_u64()).unwrap();
    SocketAddr::from(([192, 0, 2, host], port))
}

#[expect(
    clippy::disallowed_methods,
    reason = "the base instant of a simulated run"
)]
fn t0() -> Instant {
    Instant::now()
}
