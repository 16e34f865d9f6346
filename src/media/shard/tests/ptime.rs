//! Packets of 10 to 60 ms, in both directions.

use std::time::Duration;

use dsp::{Codec, Encoder, MAX_PAYLOAD};
use sip::rtp::{Header, srtp::Profile};

use super::{
    HEARD, HIGH, LOW,
    protected::sdes,
    settle,
    world::{ANNA, Armour, BERT, OPEN, ROOM, World, address, level_at, media, tone_clip},
};
use crate::media::{
    SocketId,
    api::{PhoneMedia, Security},
};

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
    let mut world = World::new();
    world.start(ROOM);
    let anna = PhoneMedia {
        security: sending.security.clone(),
        ..media(ANNA, codec)
    };
    let mut armour = Armour::of(&anna);
    let payload_type = anna.format.payload_type;
    world.dial(ANNA, anna);
    world.call(BERT, Codec::Pcma);
    for leg in [ANNA, BERT] {
        world.join(leg, ROOM);
    }
    world.seat(ROOM, &[(ANNA, OPEN), (BERT, OPEN)]);
    let sound = coded(codec);
    let packets = sound.len() / (8 * ptime);
    for (number, payload) in sound.chunks_exact(8 * ptime).enumerate() {
        let second = restarts && number >= packets / 2;
        let first: u16 = if second { 9_000 } else { 65_500 };
        let step = u32::try_from(number).unwrap();
        let header = Header {
            marker: number == 0,
            payload_type,
            sequence: first.wrapping_add(u16::try_from(number).unwrap()),
            timestamp: step * 8 * u32::try_from(ptime).unwrap() + u32::from(second) * 77_777,
            ssrc: if second { 0xbeef } else { 7 },
        };
        let mut packet = vec![0; 12 + payload.len() + 40];
        let head = header.write(&mut packet);
        packet[head..head + payload.len()].copy_from_slice(payload);
        let plain = head + payload.len();
        let length = armour.as_mut().map_or(plain, |armour| {
            armour.sealer.seal_rtp(&mut packet, plain).unwrap()
        });
        world.deliver(SocketId::Rtp(ANNA), address(ANNA, 4_000), &packet[..length]);
        world.run(Duration::from_millis(ptime as u64));
        if number == packets / 5 {
            world.forget();
        }
    }
    std::mem::take(&mut world.phone(BERT).heard)
}

/// Two seconds of a tone as G.711 or G.722: eight octets a millisecond.
pub(super) fn coded(codec: Codec) -> Vec<u8> {
    let mut encoder = Encoder::new(codec).unwrap();
    let mut payload = [0; MAX_PAYLOAD];
    let frames = tone_clip(LOW, 100);
    let coded = frames.iter().flat_map(|frame| {
        let length = encoder.encode(frame, &mut payload).unwrap();
        payload[..length].to_vec()
    });
    coded.collect()
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
