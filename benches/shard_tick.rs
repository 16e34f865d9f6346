//! What 20 ms cost a shard: every leg's packet in, one tick of the mix, every leg's packet out.
//!
//! One conference of G.711 telephones with open microphones, of which three talk.

use std::{
    hint::black_box,
    net::SocketAddr,
    time::{Duration, Instant},
};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use dsp::{Codec, Encoder, Frame, TICK};
use rundruf::{
    id::{ConferenceId, LegId},
    media::{
        Clips, Shard, ShardConfig, SocketId,
        api::{Channels, Command, Format, Opening, PhoneMedia, Seat},
        leg::secure::SecureContext,
    },
};
use sip::{
    redact::Pii,
    rtp::{Session, SessionConfig},
};

const ROOM: ConferenceId = ConferenceId::from_u64(1);
const TALKERS: u64 = 3;
/// Few, because a tick of the largest room takes milliseconds.
const SAMPLES: usize = 20;
const FORMAT: Format = Format {
    codec: Codec::Pcma,
    payload_type: 8,
    telephone_event: Some(101),
};

struct World {
    shard: Shard,
    now: Instant,
    phones: Vec<Phone>,
    speech: Vec<Vec<u8>>,
    silence: Vec<u8>,
    tick: usize,
}

struct Phone {
    leg: LegId,
    session: Session,
}

fn shard_tick(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("shard_tick");
    for legs in [10, 100, 500, 1_000] {
        let mut world = World::new(legs);
        (0..100).for_each(|_| {
            world.tick();
        });
        // A report may be due beside the sound.
        assert!(world.tick() >= legs, "not every leg is sent sound");
        group.throughput(Throughput::Elements(legs));
        group.bench_function(BenchmarkId::from_parameter(legs), |bencher| {
            bencher.iter(|| world.tick());
        });
    }
    group.finish();
}

impl World {
    fn new(legs: u64) -> Self {
        let now = t0();
        let config = ShardConfig {
            clips: Clips::default(),
            secure: SecureContext::new().expect("a certificate can be made"),
            seed: [1; 32],
        };
        let mut shard = Shard::new(config, now);
        shard.handle(Command::Start { conference: ROOM }, now);
        let phones: Vec<Phone> = (0..legs).map(|n| Phone::call(n, &mut shard, now)).collect();
        let open = Seat {
            speaks: Channels::MAIN,
            hears: Channels::MAIN,
        };
        let roster = Command::Roster {
            conference: ROOM,
            seats: phones.iter().map(|phone| (phone.leg, open)).collect(),
        };
        shard.handle(roster, now);
        Self {
            shard,
            now,
            phones,
            speech: encoded(&dsp::tone::sine(440.0, -20.0, 50)),
            silence: encoded(&[Frame::SILENCE]).remove(0),
            tick: 0,
        }
    }

    /// Lets 20 ms pass; returns how many packets were sent.
    fn tick(&mut self) -> u64 {
        self.now += TICK;
        self.tick += 1;
        let mut packet = [0; 200];
        for phone in &mut self.phones {
            let payload = if phone.leg.as_u64() < TALKERS {
                &self.speech[self.tick % self.speech.len()]
            } else {
                &self.silence
            };
            let len = phone.session.write_rtp(payload, &mut packet);
            let socket = SocketId::Rtp(phone.leg);
            let from = address(phone.leg.as_u64());
            self.shard
                .handle_datagram(socket, from, &mut packet[..len], self.now);
        }
        self.shard
            .handle_timeout(self.now + Duration::from_millis(2));
        let mut sent = 0;
        while let Some(transmit) = self.shard.poll_transmit() {
            black_box(transmit.bytes);
            sent += 1;
        }
        while self.shard.poll_event().is_some() {}
        sent
    }
}

impl Phone {
    fn call(number: u64, shard: &mut Shard, now: Instant) -> Self {
        let leg = LegId::from_u64(number);
        let media = PhoneMedia {
            format: FORMAT,
            remote: Pii::new(address(number)),
            remote_rtcp: Pii::new(address(number + 20_000)),
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
                payload_type: FORMAT.payload_type,
                telephone_event: FORMAT.telephone_event,
                clock_rate: FORMAT.codec.clock_rate(),
                ticks_per_packet: FORMAT.codec.ticks(),
            },
            audio_level: None,
            redundant: None,
            cname: [0; 12],
            seed: number,
        };
        let session = Session::new(config, now);
        Self { leg, session }
    }
}

fn encoded(frames: &[Frame]) -> Vec<Vec<u8>> {
    let mut encoder = Encoder::new(FORMAT.codec).expect("G.711 needs nothing");
    let payloads = frames.iter().map(|frame| {
        let mut payload = vec![0; dsp::MAX_PAYLOAD];
        let len = encoder
            .encode(frame, &mut payload)
            .expect("the payload fits");
        payload.truncate(len);
        payload
    });
    payloads.collect()
}

fn address(number: u64) -> SocketAddr {
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

criterion_group! {
    name = benches;
    // Short, because it is the ratios within one run that count.
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .sample_size(SAMPLES)
        .measurement_time(Duration::from_millis(4000));
    targets = shard_tick
}
criterion_main!(benches);
