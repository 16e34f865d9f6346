//! Media: RTP, RTCP, SRTP and telephone-events.

use std::{collections::BTreeSet, time::Duration};

use sip::{
    limit::{RED_COPIES_MAX, RTCP_PACKETS_MAX, RTCP_WRITTEN_MAX},
    rtp::{
        Discard, Format, Header, Packet, Received, Session, SessionConfig,
        red::Blocks,
        rtcp::{Compound, RtcpPacket},
        srtp::{Keys, Opener, Profile, Sealer},
        telephone_event::Detector,
    },
};

use super::{joined, parts, t0};

const TICK: Duration = Duration::from_millis(20);
const EVENT: u8 = 101;
const RED: u8 = 63;

/// A session that is fed, of a telephone or of a browser.
fn session(is_browser: bool) -> Session {
    let (payload_type, clock_rate) = if is_browser {
        (111, 48_000)
    } else {
        (8, 8_000)
    };
    let config = SessionConfig {
        ssrc: 7,
        first_sequence: 65_530,
        first_timestamp: u32::MAX - 1_000,
        format: Format {
            payload_type,
            telephone_event: Some(EVENT),
            clock_rate,
            ticks_per_packet: clock_rate / 50,
        },
        audio_level: is_browser.then_some(1),
        redundant: is_browser.then_some(RED),
        cname: [5; 12],
        seed: 3,
    };
    Session::new(config, t0())
}

/// Tells whether a piece lies within the whole, by address.
fn lies_in(piece: &[u8], whole: &[u8]) -> bool {
    piece.is_empty() || whole.as_ptr_range().contains(&piece.as_ptr())
}

/// A stream: the first octet says whose, each part is a packet, one every 20 ms.
pub(super) fn rtp(input: &[u8]) {
    let Some((kind, rest)) = input.split_first() else {
        return;
    };
    let mut session = session(kind & 1 == 1);
    let mut now = t0();
    let mut digits = 0;
    let parts = parts(rest);
    for bytes in &parts {
        now += TICK;
        if let Ok(packet) = Packet::parse(bytes) {
            assert!(packet.payload_type < 128 && lies_in(packet.payload, bytes));
            assert!(
                (0..=255).all(|id| packet.audio_level(id).is_none_or(|(_, level)| level < 128))
            );
            if let Ok(blocks) = Blocks::parse(packet.payload) {
                assert!(lies_in(blocks.payload, bytes));
                let copies = blocks
                    .copies
                    .inspect(|copy| assert!(lies_in(copy.payload, bytes)));
                assert!(copies.count() <= RED_COPIES_MAX);
            }
        }
        match session.handle_rtp(bytes, now) {
            Ok(Received::Audio(audio)) => {
                assert!(!audio.payload.is_empty() && lies_in(audio.payload, bytes));
                assert!(audio.level.is_none_or(|level| level < 128));
                assert!(audio.copies.count() <= RED_COPIES_MAX);
            }
            Ok(Received::Digit { digit, .. }) => {
                assert!(is_key(digit));
                digits += 1;
            }
            Ok(Received::Silence { .. } | Received::Nothing { .. }) | Err(_) => {}
        }
        reports(&mut session, now);
    }
    assert!(digits <= parts.len());
    let reception = session.stats().reception;
    assert!(reception.is_none() || session.remote_ssrc().is_some());
}

fn is_key(digit: char) -> bool {
    matches!(digit, '0'..='9' | '*' | '#' | 'A'..='D')
}

/// What the session says of itself is well formed, whatever it was fed.
fn reports(session: &mut Session, now: std::time::Instant) {
    let mut report = [0; RTCP_WRITTEN_MAX];
    let wall = Duration::from_secs(1_800_000_000);
    let written = session.write_rtcp(wall, now, &mut report);
    assert!(written > 0 && Compound::parse(&report[..written]).is_ok());
    let mut packet = [0; 200];
    let written = session.write_rtp(&[1; 20], &mut packet);
    assert!(Packet::parse(&packet[..written]).is_ok());
}

fn packet(payload_type: u8, sequence: u16, timestamp: u32, ssrc: u32, payload: &[u8]) -> Vec<u8> {
    let header = Header {
        marker: false,
        payload_type,
        sequence,
        timestamp,
        ssrc,
    };
    let mut bytes = vec![0; 40 + payload.len()];
    let length = header.write(&mut bytes);
    bytes.truncate(length);
    bytes.extend(payload);
    bytes
}

pub(super) fn rtp_seeds() -> Vec<Vec<u8>> {
    let audio = |number: u16, ssrc| packet(8, number, u32::from(number) * 160, ssrc, &[0xd5; 160]);
    let event = |number: u16, flags| packet(EVENT, number, 1_600, 9, &[5, flags, 3, 32]);
    let extended = |profile: [u8; 2], elements: &[u8]| {
        let mut bytes = packet(111, 1, 960, 9, &[]);
        bytes[0] |= 0x10;
        bytes.extend(profile);
        bytes.extend([0, u8::try_from(elements.len() / 4).expect("few elements")]);
        bytes.extend(elements);
        bytes.extend([0x78; 12]);
        bytes
    };
    let red = packet(
        RED,
        2,
        1_920,
        9,
        &[0x80 | 111, 15, 0, 3, 111, 1, 2, 3, 0x78, 1, 1],
    );
    let mut padded = audio(4, 9);
    padded[0] |= 0x20;
    padded[171] = 4;
    let mut sourced = audio(5, 9);
    sourced[0] |= 2;
    vec![
        joined(&[0], &[audio(1, 9), audio(2, 9), audio(2, 9), audio(3, 9)]),
        joined(
            &[0],
            &[
                audio(65_535, 9),
                audio(0, 9),
                audio(7_000, 9),
                audio(7_001, 9),
            ],
        ),
        joined(
            &[0],
            &[audio(1, 9), audio(1, 10), audio(2, 10), padded, sourced],
        ),
        joined(
            &[0],
            &[audio(9, 9), event(10, 10), event(11, 0x8a), event(12, 0x8a)],
        ),
        joined(
            &[0],
            &[
                packet(13, 1, 160, 9, &[30]),
                audio(2, 9),
                packet(0, 3, 0, 9, &[1]),
            ],
        ),
        joined(
            &[1],
            &[extended([0xbe, 0xde], &[0x10, 0x85, 0, 0]), red.clone()],
        ),
        joined(&[1], &[extended([0x10, 0], &[1, 1, 0x85, 0]), red]),
    ]
}

/// Reports: each part is a compound, for a session that sends and receives.
pub(super) fn rtcp(input: &[u8]) {
    let mut session = session(false);
    let mut now = t0();
    for number in 1..4_u16 {
        now += TICK;
        let heard = packet(8, number, u32::from(number) * 160, 9, &[0xd5; 160]);
        assert!(session.handle_rtp(&heard, now).is_ok());
        reports(&mut session, now);
    }
    let began = now;
    for bytes in parts(input) {
        now += TICK;
        if let Ok(compound) = Compound::parse(bytes) {
            let mut count = 0;
            for packet in compound {
                count += 1;
                match packet {
                    RtcpPacket::Sender { blocks, .. } | RtcpPacket::Receiver { blocks, .. } => {
                        assert!(blocks.count() < 32);
                    }
                    RtcpPacket::Goodbye(sources) => assert!(sources.count() < 32),
                    RtcpPacket::Description | RtcpPacket::Other(_) => {}
                }
            }
            assert!(count <= RTCP_PACKETS_MAX);
        }
        if let Ok(news) = session.handle_rtcp(bytes, now) {
            // Nobody was away for longer than the session lasts.
            let most = now.duration_since(began) + TICK * 4;
            assert!(news.round_trip.is_none_or(|time| time <= most), "{news:?}");
        }
        reports(&mut session, now);
    }
}

pub(super) fn rtcp_seeds() -> Vec<Vec<u8>> {
    let words = |words: &[u32]| {
        words
            .iter()
            .flat_map(|word| word.to_be_bytes())
            .collect::<Vec<u8>>()
    };
    let block = [7, 0x0100_0002, 0x0001_fffd, 40, 0x8aaa_0000, 0x0000_1000];
    let mut sender = vec![0x81c8_000c, 9, 0xe8f0_1111, 0x2222_3333, 4_800, 30, 4_800];
    sender.extend(block);
    let mut receiver = vec![0x81c9_0007, 9];
    receiver.extend(block);
    let name = words(&[0x81ca_0003, 9, 0x0104_616e, 0x6e61_0000]);
    let goodbye = words(&[0x81cb_0001, 9]);
    let reason = words(&[0x81cb_0002, 9, 0x0362_7965]);
    let feedback = words(&[0x81cd_0003, 9, 7, 0x0001_0000]);
    let extended = words(&[0x80cf_0004, 9, 0x0400_0002, 0xe8f0_1111, 0]);
    let compound = |first: &[u32], rest: &[&Vec<u8>]| {
        let mut bytes = words(first);
        rest.iter().for_each(|part| bytes.extend(*part));
        bytes
    };
    let mut padded = goodbye.clone();
    padded[0] |= 0x20;
    padded[3] = 2;
    padded.extend([0, 0, 0, 4]);
    vec![
        joined(
            &[],
            &[
                compound(&sender, &[&name]),
                compound(&receiver, &[&name, &goodbye]),
            ],
        ),
        joined(
            &[],
            &[
                compound(&receiver, &[&feedback, &extended]),
                compound(&sender, &[&reason]),
            ],
        ),
        joined(&[], &[compound(&[0x80c9_0001, 9], &[&padded]), goodbye]),
    ]
}

/// Keys with which sealing and opening may be tried.
fn keys(profile: Profile) -> Keys {
    Keys::new(
        &vec![0x42; profile.key_len()],
        &vec![0x17; profile.salt_len()],
    )
}

/// How many genuine packets there are to be altered, repeated and put out of order.
const GENUINE: u16 = 12;

/// A protected stream: the first octet chooses the cipher, each part is a packet. A part that begins with 0 or 1 is a
/// genuine packet, by its second octet, of RTP or RTCP; each further pair of octets alters it. Any other part is a
/// packet of somebody who has no keys. Nothing is opened but what was sealed, and that once.
pub(super) fn srtp(input: &[u8]) {
    let Some((kind, rest)) = input.split_first() else {
        return;
    };
    let profile = Profile::ALL[usize::from(*kind) % Profile::ALL.len()];
    let (genuine_rtp, genuine_rtcp) = sealed(profile);
    let mut opener = Opener::new(profile, &keys(profile)).expect("keys of the right length");
    let mut opened = BTreeSet::new();
    for part in parts(rest) {
        let is_rtcp = part.first() == Some(&1);
        let genuine = if is_rtcp { &genuine_rtcp } else { &genuine_rtp };
        let packet = match part {
            [0 | 1, number, changes @ ..] => {
                altered(&genuine[usize::from(*number) % genuine.len()], changes)
            }
            [2, strange @ ..] => strange.to_vec(),
            strange => strange.to_vec(),
        };
        for (is_rtcp, known) in [(false, &genuine_rtp), (true, &genuine_rtcp)] {
            let mut open = packet.clone();
            let plain = match is_rtcp {
                false => opener.open_rtp(&mut open),
                true => opener.open_rtcp(&mut open),
            };
            if let Ok(length) = plain {
                assert!(length < packet.len());
                assert!(known.contains(&packet), "opened what was never sealed");
                assert!(opened.insert((is_rtcp, packet.clone())), "opened twice");
            }
        }
    }
}

/// Packets of RTP and RTCP as their sender seals them, around the first rollover of the sequence number.
fn sealed(profile: Profile) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
    let mut sealer = Sealer::new(profile, &keys(profile)).expect("keys of the right length");
    let mut seal = |plain: Vec<u8>, is_rtcp: bool| {
        let length = plain.len();
        let mut packet = plain;
        packet.resize(length + 40, 0);
        let sealed = match is_rtcp {
            false => sealer.seal_rtp(&mut packet, length),
            true => sealer.seal_rtcp(&mut packet, length),
        };
        packet.truncate(sealed.expect("there is room"));
        packet
    };
    let numbers = (0..GENUINE).map(|number| 65_530_u16.wrapping_add(number));
    let rtp = numbers.map(|number| seal(packet(8, number, 0, 9, &[0xd5; 20]), false));
    let rtp = rtp.collect();
    let report = [0x80, 201, 0, 1, 0, 0, 0, 9];
    (
        rtp,
        (0..GENUINE).map(|_| seal(report.to_vec(), true)).collect(),
    )
}

/// A packet with octets changed; a pair beyond its end cuts or prolongs it.
fn altered(genuine: &[u8], changes: &[u8]) -> Vec<u8> {
    let mut packet = genuine.to_vec();
    for pair in changes.chunks_exact(2) {
        let at = usize::from(pair[0]);
        match packet.get_mut(at) {
            Some(octet) => *octet ^= pair[1],
            None if at & 1 == 0 => packet.push(pair[1]),
            None => packet.truncate(usize::from(pair[1])),
        }
    }
    packet
}

pub(super) fn srtp_seeds() -> Vec<Vec<u8>> {
    let genuine = |kind: u8| {
        (0..GENUINE)
            .map(|n| vec![kind, n.to_be_bytes()[1]])
            .collect::<Vec<_>>()
    };
    let mut seeds = Vec::new();
    for profile in 0..3 {
        let (rtp, rtcp) = sealed(Profile::ALL[usize::from(profile)]);
        let raw = |packet: &[u8]| [&[2][..], packet].concat();
        let strangers = (10..16_u8).map(|source| {
            let mut packet = rtp[0].clone();
            packet[11] = source;
            raw(&packet)
        });
        seeds.extend([
            joined(&[profile], &genuine(0)),
            joined(&[profile], &genuine(1)),
            joined(
                &[profile],
                &genuine(0).into_iter().rev().collect::<Vec<_>>(),
            ),
            joined(
                &[profile],
                &[
                    vec![0, 3],
                    vec![0, 3],
                    vec![0, 4, 2, 1],
                    vec![1, 2, 30, 255],
                ],
            ),
            joined(
                &[profile],
                &[
                    raw(&rtp[1]),
                    raw(&rtcp[1]),
                    raw(&rtp[2][..14]),
                    raw(&rtcp[2][..9]),
                ],
            ),
            joined(&[profile], &strangers.collect::<Vec<_>>()),
        ]);
    }
    seeds
}

/// Presses: each part is a source and a media time in one octet each, a sequence number, and a payload. A packet that
/// comes twice is no second press.
pub(super) fn telephone_event(input: &[u8]) {
    let mut detector = Detector::default();
    for part in parts(input) {
        let [source, time, sequence, payload @ ..] = part else {
            continue;
        };
        let timestamp = u32::from(*time).wrapping_mul(0x0200_0320);
        let bytes = packet(
            EVENT,
            u16::from(*sequence) << 4,
            timestamp,
            (*source).into(),
            payload,
        );
        let packet = Packet::parse(&bytes).expect("our own packet");
        let told = detector.handle(&packet);
        match told {
            Ok(digit) => assert!(digit.is_none_or(is_key)),
            Err(discard) => {
                assert_eq!(discard, Discard::Malformed);
                assert!(payload.len() < 4);
            }
        }
        let twice = matches!((told, detector.handle(&packet)), (Ok(Some(_)), Ok(Some(_))));
        assert!(!twice, "a repeated packet is a second press");
    }
}

pub(super) fn telephone_event_seeds() -> Vec<Vec<u8>> {
    let press = |key: u8, time: u8, first: u8| {
        (0..6).map(move |n: u8| {
            let end = if n > 2 { 0x80 } else { 0 };
            vec![9, time, first + n, key, end | 10, n.min(3), 160]
        })
    };
    let one: Vec<_> = press(5, 1, 1).collect();
    let two: Vec<_> = press(11, 1, 1).chain(press(11, 2, 20)).collect();
    let long = (0..8)
        .map(|n| vec![9, n, 1 + n, 1, 10, 0xff, 0xff])
        .collect::<Vec<_>>();
    vec![
        joined(&[], &one),
        joined(&[], &two),
        joined(&[], &long),
        joined(
            &[],
            &[
                vec![9, 1, 1, 16, 10, 0, 160],
                vec![8, 1, 2, 15, 10, 0, 160],
                vec![9, 1, 3, 0],
            ],
        ),
    ]
}
