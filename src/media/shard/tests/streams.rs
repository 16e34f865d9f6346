//! Streams that end and begin anew (R32): another source that meets the end of its leg, and everything that may change at
//! once: source, sequence, codec, payload type and packet length.

use std::time::Duration;

use dsp::{Codec, TICK};
use sip::rtp::{Discard, srtp::Profile};

use super::{
    HEARD, HIGH, LOW, NOT_HEARD,
    by_hand::{Stream, coded, pair, say},
    protected::sdes,
    settle,
    world::{ANNA, BERT, OPEN, ROOM, World, level_at, media},
};
use crate::media::{
    Counter,
    api::{Command, Incoming, PhoneMedia, Security},
};

/// Whatever comes before and after the end, in whatever number: the leg is gone, and the other one goes on.
#[test]
fn another_source_that_meets_the_end_of_its_leg_leaves_nothing() {
    for security in [Security::Plain, sdes(Profile::AeadAes256Gcm, 1, 2)] {
        for before in 0..4 {
            for after in 0..4 {
                let anna = PhoneMedia {
                    security: security.clone(),
                    ..media(ANNA, Codec::Pcma)
                };
                let mut first = Stream::new(7, 65_530, &anna);
                let mut second = Stream::new(0xbeef, 9_000, &anna);
                let mut world = pair(anna);
                world.phone(BERT).says = Some(HIGH);
                let sound = coded(Codec::Pcma);
                for payload in sound.chunks_exact(160).take(25) {
                    say(&mut world, &first.packet(8, payload));
                    world.run(TICK);
                }
                for _ in 0..before {
                    say(&mut world, &second.packet(8, &sound[..160]));
                }
                world.tell(Command::Close { leg: ANNA });
                for _ in 0..after {
                    say(&mut world, &second.packet(8, &sound[..160]));
                    say(&mut world, &first.packet(8, &sound[..160]));
                    world.run(TICK);
                }
                world.tell(Command::Close { leg: ANNA });
                world.seat(ROOM, &[(BERT, OPEN)]);
                world.run(Duration::from_millis(200));
                world.forget();
                world.run(Duration::from_millis(400));
                let what = format!("{security:?}, {before} before and {after} after");
                assert_eq!(world.shard().legs(), [BERT], "{what}");
                assert_eq!(world.count(Counter::LegPanics), 0, "{what}");
                assert_eq!(world.phone(BERT).packets.len(), 20, "{what}");
                assert!(world.phone(BERT).hears(LOW) < NOT_HEARD, "{what}");
                assert_eq!(world.phone(ANNA).packets.len(), 0, "{what}");
            }
        }
    }
}

/// As after a transfer: A-law in packets of 40 ms becomes µ-law in packets of 30 ms from another source, which begins before
/// the re-INVITE that says so and overlaps with what came before.
#[test]
fn all_may_change_at_once() {
    for security in [Security::Plain, sdes(Profile::AesCm128HmacSha1_80, 1, 2)] {
        let of = |codec| PhoneMedia {
            security: security.clone(),
            ..media(ANNA, codec)
        };
        let mut first = Stream::new(7, 65_530, &of(Codec::Pcma));
        let mut second = Stream::new(0xbeef, 9_000, &of(Codec::Pcma));
        let mut world = pair(of(Codec::Pcma));
        world.phone(BERT).says = Some(HIGH);
        let [a_law, mu_law] = [Codec::Pcma, Codec::Pcmu].map(coded);
        let mut last = Vec::new();
        for (number, payload) in a_law.chunks_exact(8 * 40).take(30).enumerate() {
            last = first.packet(8, payload);
            say(&mut world, &last);
            world.run(TICK * 2);
            if number == 10 {
                world.forget();
            }
        }
        for (number, payload) in mu_law.chunks_exact(8 * 30).take(50).enumerate() {
            if number == 2 {
                world.phone(ANNA).change_codec(Codec::Pcmu);
                world.reinvite(ANNA, |old| *old = of(Codec::Pcmu));
                say(&mut world, &last);
            }
            say(&mut world, &second.packet(0, payload));
            world.run(Duration::from_millis(30));
        }
        let heard = std::mem::take(&mut world.phone(BERT).heard);
        assert!(level_at(&heard, LOW) > HEARD - 2.0, "{security:?}");
        let windows = heard.chunks_exact(200 * 48);
        let faintest = windows.map(|part| level_at(part, LOW)).fold(0.0, f64::min);
        assert!(faintest > HEARD - 12.0, "{security:?}: {faintest}");
        world.phone(BERT).heard.clear();
        assert_eq!(world.count(Counter::LegPanics), 0);
    }
}

/// Who answered our offer with several codecs may change between them without a word (RFC 3264 §6.1), which is heard through
/// but for the packet that shows it; and is sent the first of them.
#[test]
fn what_was_answered_may_change_from_packet_to_packet() {
    let anna = PhoneMedia {
        incoming: Incoming {
            codecs: vec![(Codec::Pcma, 8), (Codec::Pcmu, 0), (Codec::G722, 9)],
            events: vec![101],
        },
        ..media(ANNA, Codec::Pcma)
    };
    let mut stream = Stream::new(7, 65_530, &anna);
    let mut world = pair(anna);
    world.phone(BERT).says = Some(HIGH);
    let mut windows = Vec::new();
    for (codec, payload_type) in [
        (Codec::Pcmu, 0),
        (Codec::G722, 9),
        (Codec::Pcma, 8),
        (Codec::Pcmu, 0),
    ] {
        for payload in coded(codec).chunks_exact(160).take(50) {
            say(&mut world, &stream.packet(payload_type, payload));
            world.run(TICK);
        }
        let heard = std::mem::take(&mut world.phone(BERT).heard);
        let heard = heard.chunks_exact(200 * 48).map(|part| level_at(part, LOW));
        windows.push(heard.collect::<Vec<_>>());
    }
    // The first window of all holds the silence before she spoke.
    for level in windows.iter().flatten().skip(1) {
        assert!(*level > HEARD - 6.0, "{windows:.1?}");
    }
    assert!(world.phone(ANNA).hears(HIGH) > HEARD, "she is sent A-law");
    let counters = world.shard().counters();
    assert_eq!(counters.discarded(Discard::UnknownPayloadType), 3);
    assert_eq!(world.count(Counter::LegPanics), 0);
}

/// What was not agreed upon is left out and disturbs nothing, in the middle of what was.
#[test]
fn payload_types_that_were_not_agreed_upon_are_left_out() {
    let mut world = World::conference(&[(ANNA, LOW), (BERT, HIGH)]);
    settle(&mut world);
    for payload_type in [0, 9, 18, 96, 127] {
        for _ in 0..5 {
            let packet = world.phone(ANNA).packet(payload_type, &[0x55; 80]);
            say(&mut world, &packet);
        }
        world.run(Duration::from_millis(500));
    }
    // They took their share of the stream's clock, which the playout makes up for by and by.
    for _ in 0..3 {
        settle(&mut world);
    }
    let heard = (world.phone(BERT).hears(LOW), world.phone(ANNA).hears(HIGH));
    assert!(heard.0 > HEARD && heard.1 > HEARD, "{heard:?}");
}

/// Comfort noise and keys come in the place of sound: neither is a loss, and nothing is made up for what was never said.
#[test]
fn what_ends_a_stretch_of_sound_is_not_made_up_for() {
    for codec in [Codec::Pcmu, Codec::Pcma, Codec::G722] {
        let mut world = World::new();
        world.start(ROOM);
        for leg in [ANNA, BERT] {
            world.call(leg, codec);
            world.join(leg, ROOM);
        }
        world.seat(ROOM, &[(ANNA, OPEN), (BERT, OPEN)]);
        world.phone(ANNA).says = Some(LOW);
        world.run(Duration::from_secs(1));
        assert_eq!(world.count(Counter::FramesConcealed), 0);
        for spurt in 0..6 {
            world.phone(ANNA).says = None;
            let packets = if spurt % 2 == 0 {
                world.phone(ANNA).press('5')
            } else {
                let noise = |_| world.phone(ANNA).packet(13, &[40]);
                (0..30).map(noise).collect()
            };
            for packet in packets {
                say(&mut world, &packet);
                world.run(TICK);
            }
            world.phone(ANNA).says = Some(LOW);
            world.run(Duration::from_millis(500));
        }
        assert_eq!(world.count(Counter::FramesConcealed), 0, "{codec:?}");
        assert_eq!(world.count(Counter::PacketsLost), 0, "{codec:?}");
        assert_eq!(world.count(Counter::PacketsOfComfortNoise), 90);
    }
}
