//! Packets made to harm at a live leg's address: the call goes on, everything is counted, no memory grows.

use std::time::Duration;

use dsp::{Codec, FRAME_SAMPLES, Frame, Shaping};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use sip::rtp::{Discard, Session, SessionConfig};

use super::{
    HEARD, HIGH, LOW, MIDDLE, sounds,
    world::{ANNA, BERT, CARL, OPEN, ROOM, World, address},
};
use crate::media::{Counter, SocketId, api::Command};

const PACKETS: usize = 5_000;
/// What arrives in a tick.
const AT_ONCE: usize = 25;

#[test]
fn hostile_packets_are_counted_and_the_call_is_unharmed_when_they_stop() {
    for codec in [Codec::Pcma, Codec::G722, Codec::Opus] {
        let mut world = World::new();
        world.start(ROOM);
        for (leg, codec, tone) in [
            (ANNA, codec, None),
            (BERT, Codec::Pcma, Some(HIGH)),
            (CARL, Codec::Pcma, Some(MIDDLE)),
        ] {
            world.call(leg, codec);
            world.join(leg, ROOM);
            world.phone(leg).says = tone;
        }
        world.seat(ROOM, &[(ANNA, OPEN), (BERT, OPEN), (CARL, OPEN)]);
        world.run(Duration::from_millis(500));
        attack(&mut world, codec);
        world.phone(ANNA).says = Some(LOW);
        world.run(Duration::from_secs(1));
        world.forget();
        world.run(Duration::from_secs(1));
        for (leg, tones) in [(BERT, [LOW, MIDDLE]), (CARL, [LOW, HIGH])] {
            for tone in tones {
                let level = world.phone(leg).hears(tone);
                assert!(level > HEARD, "{codec:?}, {leg}: {tone} at {level}");
            }
        }
        assert!(world.phone(ANNA).hears(HIGH) > HEARD, "{codec:?}");
        assert_eq!(world.phone(ANNA).packets.len(), 50);
        assert_eq!(world.count(Counter::LegPanics), 0);
    }
}

/// R10: reports that are too short, lie about their length or end a call that they are none of.
#[test]
fn hostile_reports_are_survived_and_end_no_call() {
    let mut world = World::conference(&[(ANNA, LOW), (BERT, HIGH)]);
    world.run(Duration::from_millis(500));
    let mut reports = vec![vec![], vec![0x81, 200], vec![0x81, 200, 0, 0]];
    for kind in 200..=207 {
        for count in [0x80, 0x81, 0x9f, 0xa1, 0xbf, 0x00, 0xc1] {
            for length in [0_u16, 1, 6, 7, 12, 255, 65_534, 65_535] {
                for there in [4, 8, 28, 32, 400] {
                    let mut report = vec![count, kind];
                    report.extend(length.to_be_bytes());
                    report.resize(there, 7);
                    reports.push(report);
                }
            }
        }
    }
    let stranger = std::net::SocketAddr::from(([203, 0, 113, 66], 4_001));
    for (number, report) in reports.iter().enumerate() {
        for socket in [SocketId::Rtcp(ANNA), SocketId::Rtp(ANNA)] {
            for from in [address(ANNA, 4_000), address(ANNA, 4_001), stranger] {
                world.deliver(socket, from, report);
            }
        }
        if number % AT_ONCE == 0 {
            world.run(dsp::TICK);
        }
    }
    world.forget();
    world.run(Duration::from_secs(1));
    assert!(world.phone(ANNA).hears(HIGH) > HEARD);
    assert!(world.phone(BERT).hears(LOW) > HEARD);
    assert_eq!(world.phone(ANNA).packets.len(), 50);
    assert_eq!(world.count(Counter::LegPanics), 0);
    assert_eq!(world.shard().legs(), [ANNA, BERT]);
}

/// What no voice is, as loud as it can be, from a leg beside one that speaks.
#[test]
fn a_leg_at_full_scale_is_turned_down_and_harms_nobody_beside_it() {
    let square = |at: usize| {
        if (at / 37).is_multiple_of(2) {
            i16::MAX
        } else {
            i16::MIN
        }
    };
    let offset = |at: usize| {
        if (at / 37).is_multiple_of(2) {
            i16::MAX
        } else {
            20_000
        }
    };
    for codec in [Codec::Pcma, Codec::G722, Codec::Opus] {
        let undisturbed = beside(codec, |_| 0);
        let (voice, nothing) = (undisturbed.voice, undisturbed.rest);
        assert!(
            voice > HEARD && nothing < -50.0,
            "{codec:?} {undisturbed:?}"
        );
        for (what, wave) in [
            ("a square wave", &square as &dyn Fn(usize) -> i16),
            ("an offset", &|_| 30_000),
            ("a square wave with an offset", &offset),
            ("a step every second", &|at| {
                if at / 48_000 % 2 == 0 {
                    i16::MAX
                } else {
                    i16::MIN
                }
            }),
        ] {
            let heard = beside(codec, wave);
            println!("{codec:?}, {what}: {heard:?}, undisturbed {undisturbed:?}");
            assert!(
                (heard.voice - voice).abs() < 1.0,
                "{codec:?}, {what}: {heard:?}"
            );
            assert!(heard.rest < -15.0, "{codec:?}, {what}: {heard:?}");
            assert!(heard.clipped <= CLIPPED, "{codec:?}, {what}: {heard:?}");
        }
    }
}

#[test]
fn jumps_are_told_from_lateness() {
    let mut world = World::conference(&[(ANNA, LOW), (BERT, HIGH)]);
    world.run(Duration::from_secs(1));
    let counts = |world: &World| {
        let counters = [
            Counter::PacketsLate,
            Counter::PacketsStray,
            Counter::StreamsRestarted,
        ];
        counters.map(|counter| world.count(counter))
    };
    // A byte of the packet that is changed, how many such come in a row, and what is counted then: a number out of
    // sequence, a timestamp out of line, and a stream that goes on elsewhere and back again.
    for (byte, row, expected) in [(2, 1, [0, 0, 0]), (4, 1, [0, 1, 0]), (2, 2, [0, 1, 2])] {
        for _ in 0..row {
            let packet = world.phone(ANNA).speak_at_once();
            let mut jumped = packet.clone();
            jumped[byte] ^= 0x40;
            let from = address(ANNA, 4_000);
            if byte == 4 {
                world.deliver(SocketId::Rtp(ANNA), from, &packet);
            }
            world.deliver(SocketId::Rtp(ANNA), from, &jumped);
        }
        world.run(Duration::from_secs(2));
        assert_eq!(counts(&world), expected, "byte {byte}, {row} in a row");
    }
    let discarded = world.shards[0].counters();
    assert_eq!(discarded.discarded(Discard::OutOfSequence), 3);
}

/// Samples that two steps of full scale may clip: a peak in a frame's first millisecond finds the limiter unprepared for
/// 0.17 ms.
const CLIPPED: usize = 2 * 8;

/// What somebody hears of two others.
#[derive(Debug)]
struct Heard {
    /// The tone of one of them, in dBov.
    voice: f64,
    /// All else, in dBov.
    rest: f64,
    /// Samples at full scale.
    clipped: usize,
}

/// Lets a leg send a wave beside another that speaks; returns what a third hears once the first is known.
fn beside(codec: Codec, wave: impl Fn(usize) -> i16) -> Heard {
    let mut world = World::new();
    world.start(ROOM);
    for leg in [ANNA, BERT, CARL] {
        world.call(leg, if leg == ANNA { codec } else { Codec::Opus });
        world.join(leg, ROOM);
    }
    world.seat(ROOM, &[(ANNA, OPEN), (BERT, OPEN), (CARL, OPEN)]);
    world.tell(Command::Shape {
        leg: ANNA,
        shaping: Shaping::TELEPHONE,
    });
    let frame = |number: usize| Frame {
        samples: std::array::from_fn(|at| wave(number * FRAME_SAMPLES + at)),
    };
    world.phone(ANNA).recites((0..250).map(frame).collect());
    world.phone(BERT).says = Some(LOW);
    world.run(Duration::from_secs(3));
    world.forget();
    world.run(Duration::from_secs(2));
    let phone = world.phone(CARL);
    let (voice, all) = (phone.hears(LOW), sounds::dbov(&phone.heard));
    let power = |dbov: f64| 10_f64.powf(dbov / 10.0);
    Heard {
        voice,
        rest: 10.0 * (power(all) - power(voice)).max(1e-12).log10(),
        clipped: phone
            .heard
            .iter()
            .filter(|x| x.unsigned_abs() >= 32_767)
            .count(),
    }
}

/// Sends them, and compares what is counted with what a session of its own makes of the same packets.
fn attack(world: &mut World, codec: Codec) {
    let mut rng = StdRng::seed_from_u64(7);
    let media = world.phone(ANNA).media.clone();
    let mut witness = Session::new(
        SessionConfig {
            ssrc: 1,
            first_sequence: 1,
            first_timestamp: 1,
            format: sip::rtp::Format {
                payload_type: media.format.payload_type,
                telephone_event: media.format.telephone_event,
                clock_rate: codec.clock_rate(),
                ticks_per_packet: codec.ticks(),
            },
            audio_level: None,
            redundant: None,
            cname: [0; 12],
            seed: 1,
        },
        world.now,
    );
    let mut expected = [0; Discard::COUNT];
    let mut accepted = 0;
    let mut memory = 0;
    let before = *world.shards[0].counters();
    for number in 0..PACKETS {
        let packet = hostile(&mut rng, media.format.payload_type);
        match witness.handle_rtp(&packet, world.now) {
            Ok(_) => accepted += 1,
            Err(discard) => expected[discard.index()] += 1,
        }
        world.deliver(SocketId::Rtp(ANNA), address(ANNA, 4_000), &packet);
        if number % AT_ONCE == AT_ONCE - 1 {
            world.run(dsp::TICK);
        }
        if number == PACKETS / 5 {
            memory = format!("{:?}", world.shards[0].common.outbox).len();
        }
    }
    let after = world.shards[0].counters();
    for reason in Discard::ALL {
        let counted = after.discarded(reason) - before.discarded(reason);
        assert_eq!(counted, expected[reason.index()], "{codec:?} {reason:?}");
    }
    let discarded: u64 = expected.iter().sum();
    assert_eq!(discarded + accepted, PACKETS as u64);
    assert!(accepted > 200, "{codec:?}: only {accepted} got that far");
    assert!(discarded > 200, "{codec:?}: only {discarded} were refused");
    assert_eq!(after.of(Counter::Strangers), before.of(Counter::Strangers));
    assert_eq!(format!("{:?}", world.shards[0].common.outbox).len(), memory);
}

/// An RTP packet of which each field is as it should be or anything.
fn hostile(rng: &mut StdRng, payload_type: u8) -> Vec<u8> {
    let kind = match rng.random_range(0..4) {
        0 => rng.random_range(0..128),
        1 => 13,
        _ => payload_type,
    };
    let (far, jumps): (bool, bool) = (rng.random(), rng.random());
    let sequence: u16 = rng.random_range(0..if far { u16::MAX } else { 50 });
    let timestamp: u32 = rng.random_range(0..if jumps { u32::MAX } else { 20_000 });
    let source: u32 = if rng.random_ratio(1, 5) {
        rng.random()
    } else {
        9
    };
    let len = match rng.random_range(0..6) {
        0 => 0,
        1 => rng.random_range(0..1_400),
        n => 80 * n,
    };
    let mut packet = vec![0x80, kind];
    packet.extend(sequence.to_be_bytes());
    packet.extend(timestamp.to_be_bytes());
    packet.extend(source.to_be_bytes());
    packet.extend((0..len).map(|_| rng.random::<u8>()));
    packet
}
