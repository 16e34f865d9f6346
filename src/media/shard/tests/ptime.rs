//! Packets of 10 to 60 ms, in both directions.

use std::time::Duration;

use dsp::Codec;
use sip::rtp::srtp::Profile;

use super::{
    HEARD, HIGH, LOW,
    protected::sdes,
    settle,
    world::{ANNA, BERT, OPEN, ROOM, World, media},
};
use crate::media::api::{PhoneMedia, Security};

#[test]
fn a_telephone_gets_packets_of_the_length_it_asked_for() {
    for codec in [Codec::Pcma, Codec::Pcmu, Codec::G722] {
        for ptime in [10, 20, 30, 40, 60] {
            for security in [Security::Plain, sdes(Profile::AeadAes256Gcm, 1, 2)] {
                let mut world = World::new();
                world.start(ROOM);
                let anna = PhoneMedia {
                    ptime,
                    security,
                    ..media(ANNA, codec)
                };
                world.dial(ANNA, anna);
                world.call(BERT, Codec::Pcma);
                for (leg, tone) in [(ANNA, LOW), (BERT, HIGH)] {
                    world.join(leg, ROOM);
                    world.phone(leg).says = Some(tone);
                }
                world.seat(ROOM, &[(ANNA, OPEN), (BERT, OPEN)]);
                settle(&mut world);
                world.forget();
                world.run(Duration::from_millis(1_200));
                let phone = world.phone(ANNA);
                let packets = 1_200 / ptime as usize;
                let counted = phone.packets.len();
                assert!(
                    counted.abs_diff(packets) <= 2,
                    "{codec:?} {ptime}: {counted}"
                );
                let bytes = 8 * ptime as usize;
                assert!(phone.payloads.iter().all(|payload| payload.len() == bytes));
                for pair in phone.packets.windows(2) {
                    assert_eq!(pair[1].0, pair[0].0.wrapping_add(1));
                    assert_eq!(pair[1].1, pair[0].1.wrapping_add(8 * ptime));
                }
                assert!(world.phone(BERT).hears(LOW) > HEARD);
            }
        }
    }
}

#[test]
fn the_sound_is_the_same_in_packets_of_any_length() {
    let mut said = Vec::new();
    for ptime in [20, 10, 30, 40, 60] {
        let mut world = World::new();
        world.start(ROOM);
        let anna = PhoneMedia {
            ptime,
            ..media(ANNA, Codec::Pcma)
        };
        world.dial(ANNA, anna);
        world.call(BERT, Codec::Pcma);
        for leg in [ANNA, BERT] {
            world.join(leg, ROOM);
        }
        world.phone(BERT).says = Some(HIGH);
        world.seat(ROOM, &[(ANNA, OPEN), (BERT, OPEN)]);
        world.run(Duration::from_millis(2_400));
        let bytes = world.phone(ANNA).payloads.concat();
        said.push(bytes);
    }
    let least = said.iter().map(Vec::len).min().unwrap();
    assert!(least > 8 * 2_200);
    for bytes in &said[1..] {
        assert_eq!(bytes[..least], said[0][..least]);
    }
}

#[test]
fn the_length_may_change_in_mid_call() {
    let mut world = World::conference(&[(ANNA, LOW), (BERT, HIGH)]);
    let mut clock = None;
    for ptime in [60, 10, 40, 20] {
        world.reinvite(ANNA, |media| media.ptime = ptime);
        world.run(Duration::from_secs(1));
        for (sequence, timestamp, _) in world.phone(ANNA).packets.clone() {
            if let Some((last, then)) = clock {
                let passed: u32 = timestamp - then;
                assert_eq!(sequence, u16::wrapping_add(last, 1));
                assert!(passed > 0 && passed <= 8 * 120, "{ptime}: {passed}");
            }
            clock = Some((sequence, timestamp));
        }
        world.forget();
    }
    settle(&mut world);
    assert!(world.phone(ANNA).hears(HIGH) > HEARD);
}
