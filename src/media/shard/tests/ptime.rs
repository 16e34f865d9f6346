//! Packets of 10 to 60 ms, in both directions.

use std::time::Duration;

use dsp::Codec;
use sip::rtp::srtp::Profile;

use super::{
    HEARD, HIGH, LOW,
    by_hand::{Stream, coded, pair, say},
    protected::sdes,
    settle,
    world::{ANNA, BERT, World, level_at, media},
};
use crate::media::api::{PhoneMedia, Security};

#[test]
fn a_telephone_gets_packets_of_the_length_it_asked_for() {
    for codec in [Codec::Pcma, Codec::Pcmu, Codec::G722] {
        for ptime in [10, 20, 30, 40, 60] {
            for security in [Security::Plain, sdes(Profile::AeadAes256Gcm, 1, 2)] {
                let mut world = pair(PhoneMedia {
                    ptime,
                    security,
                    ..media(ANNA, codec)
                });
                for (leg, tone) in [(ANNA, LOW), (BERT, HIGH)] {
                    world.phone(leg).says = Some(tone);
                }
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
        let mut world = pair(PhoneMedia {
            ptime,
            ..media(ANNA, Codec::Pcma)
        });
        world.phone(BERT).says = Some(HIGH);
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

/// What Anna's packets are like.
#[derive(Debug, Clone)]
struct Sending {
    codec: Codec,
    ptime: usize,
    security: Security,
    /// Half-way she begins another stream, as a telephone does after a transfer.
    restarts: bool,
}

/// Lets Anna say two seconds of a tone in packets of her own; the sound that Bert hears of it from when it has begun.
fn said_in_packets(sending: &Sending) -> Vec<i16> {
    let Sending {
        codec,
        ptime,
        restarts,
        ..
    } = *sending;
    let anna = PhoneMedia {
        security: sending.security.clone(),
        ..media(ANNA, codec)
    };
    let mut first = Stream::new(7, 65_500, &anna);
    first.begins = true;
    let mut second = Stream::new(0xbeef, 9_000, &anna);
    let payload_type = anna.format.payload_type;
    let mut world = pair(anna);
    let sound = coded(codec);
    let packets = sound.len() / (8 * ptime);
    for (number, payload) in sound.chunks_exact(8 * ptime).enumerate() {
        let stream = match restarts && number >= packets / 2 {
            true => &mut second,
            false => &mut first,
        };
        let packet = stream.packet(payload_type, payload);
        say(&mut world, &packet);
        world.run(Duration::from_millis(ptime as u64));
        if number == packets / 5 {
            world.forget();
        }
    }
    std::mem::take(&mut world.phone(BERT).heard)
}

#[test]
fn packets_of_any_length_are_heard_without_a_gap_plain_and_protected() {
    let protections = [Security::Plain].into_iter();
    let protections: Vec<_> = protections
        .chain(Profile::ALL.map(|profile| sdes(profile, 1, 2)))
        .collect();
    for codec in [Codec::Pcma, Codec::G722] {
        for ptime in [10, 20, 30, 40, 60] {
            for (security, restarts) in protections.iter().flat_map(|s| [(s, false), (s, true)]) {
                let sending = Sending {
                    codec,
                    ptime,
                    security: security.clone(),
                    restarts,
                };
                let heard = said_in_packets(&sending);
                assert!(level_at(&heard, LOW) > HEARD, "{sending:?}");
                // Where one stream ends and another begins, a packet may be missing, no more.
                let window = if restarts { 120 } else { 60 } * 48;
                let faintest = heard.chunks_exact(window).map(|part| level_at(part, LOW));
                let faintest = faintest.fold(0.0, f64::min);
                assert!(faintest > HEARD - 6.0, "{sending:?}: {faintest}");
            }
        }
    }
}
