//! What others have been broken with: strangers' handshakes, floods of them, junk in place of DTLS, SRTP and STUN,
//! replays, forged checks and nominations, and the collected hostile STUN.

use std::{net::SocketAddr, time::Duration};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use rtc_dtls::crypto_provider::default_provider;
use rtc_stun::{
    attributes::{
        ATTR_ERROR_CODE, ATTR_FINGERPRINT, ATTR_ICE_CONTROLLING, ATTR_MESSAGE_INTEGRITY,
        ATTR_PRIORITY, ATTR_USE_CANDIDATE, ATTR_USERNAME, ATTR_XORMAPPED_ADDRESS, AttrType,
    },
    fingerprint::FINGERPRINT,
    integrity::MessageIntegrity,
    message::{BINDING_REQUEST, Message, Setter, TransactionId},
};
use rundruf::{
    limit::HALF_OPEN_MAX,
    media::{
        api::{BrowserMedia, Gone},
        leg::secure::{Handshakes, Inbound, Payload, Secure, SecureContext, stun_ufrag},
    },
};
use sip::rtp::Discard;

use super::world::{World, path, t0};

fn stranger() -> SocketAddr {
    "203.0.113.66:666".parse().unwrap()
}

/// A binding request; `change` may spoil it before it is signed, `password` after.
fn binding(media: &BrowserMedia, nominate: bool, password: &[u8]) -> Vec<u8> {
    signed(media, nominate, password, |_| {})
}

fn signed(
    media: &BrowserMedia,
    nominate: bool,
    password: &[u8],
    append: impl FnOnce(&mut Message),
) -> Vec<u8> {
    let nominates = |request: &mut Message| {
        if nominate {
            request.add(ATTR_USE_CANDIDATE, &[]);
        }
    };
    written(media, nominates, password, append)
}

/// A binding request, with attributes that are `signed` and some that are appended.
fn written(
    media: &BrowserMedia,
    sign: impl FnOnce(&mut Message),
    password: &[u8],
    append: impl FnOnce(&mut Message),
) -> Vec<u8> {
    let provider = default_provider().unwrap();
    let username = format!("{}:{}", media.local_ufrag, media.remote_ufrag.expose());
    let mut request = Message::new();
    request.typ = BINDING_REQUEST;
    request.transaction_id = TransactionId::new();
    request.write_header();
    request.add(ATTR_USERNAME, username.as_bytes());
    request.add(ATTR_ICE_CONTROLLING, &[1; 8]);
    request.add(ATTR_PRIORITY, &[1; 4]);
    sign(&mut request);
    MessageIntegrity::new_raw_integrity_with_provider(password, provider.crypto())
        .add_to(&mut request)
        .unwrap();
    append(&mut request);
    FINGERPRINT.add_to(&mut request).unwrap();
    request.raw
}

/// A record of DTLS 1.2.
fn record(kind: u8, epoch: u16, sequence: u32, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![kind, 0xfe, 0xfd];
    bytes.extend_from_slice(&epoch.to_be_bytes());
    bytes.extend_from_slice(&[0, 0]);
    bytes.extend_from_slice(&sequence.to_be_bytes());
    bytes.extend_from_slice(&u16::try_from(body.len()).unwrap().to_be_bytes());
    bytes.extend_from_slice(body);
    bytes
}

/// A handshake fragment of which all `bytes` are present.
fn fragment(kind: u8, length: u32, sequence: u16, offset: u32, bytes: &[u8]) -> Vec<u8> {
    let mut body = vec![kind];
    body.extend_from_slice(&length.to_be_bytes()[1..]);
    body.extend_from_slice(&sequence.to_be_bytes());
    body.extend_from_slice(&offset.to_be_bytes()[1..]);
    body.extend_from_slice(&u32::try_from(bytes.len()).unwrap().to_be_bytes()[1..]);
    body.extend_from_slice(bytes);
    body
}

/// A hostile sender's repertoire: fragments of every kind, place and length, empty ones, alerts, records of later epochs, noise.
fn junk(number: u32, rng: &mut StdRng) -> Vec<u8> {
    let mut noise = vec![0; rng.random_range(1..200)];
    rng.fill(&mut noise[..]);
    let sequence = rng.random_range(0..6);
    let kind = [2, 11, 12, 13, 14, 20][number as usize % 6];
    match number % 9 {
        0 => record(22, 0, number, &fragment(kind, 900, sequence, 7, &noise)),
        1 => record(22, 0, number, &fragment(kind, 900, sequence, 0, &[])),
        2 => record(
            22,
            0,
            number,
            &fragment(
                kind,
                u32::try_from(noise.len()).unwrap(),
                sequence,
                0,
                &noise,
            ),
        ),
        3 => record(21, 0, number, &[2, 40]),
        4 => record(22, 1, number, &noise),
        5 => record(23, 1, number, &noise),
        6 => record(20, 0, number, &[1]),
        7 => record(21, 1, number, &noise),
        _ => {
            noise[0] = 20 + noise[0] % 44;
            noise
        }
    }
}

#[test]
fn junk_before_the_handshake_does_no_harm() {
    let mut world = World::new();
    let mut rng = StdRng::seed_from_u64(42);
    for number in 0..5_000 {
        world.inject(world.seen_as, &junk(number, &mut rng));
    }
    assert!(world.connects_within(Duration::from_secs(3)));
    world.assert_audio();
}

#[test]
fn junk_during_the_handshake_does_no_harm() {
    for seed in 0..10 {
        let mut world = World::new();
        let mut rng = StdRng::seed_from_u64(seed);
        let mut number = 0;
        while !world.is_connected() {
            assert!(number < 100_000, "seed {seed}");
            for _ in 0..50 {
                world.inject(world.seen_as, &junk(number, &mut rng));
                number += 1;
            }
            world.run(Duration::from_millis(1));
            assert_eq!(world.leg.gone(), None, "seed {seed}");
        }
        assert!(world.leg.dropped().dtls > 100);
        world.assert_audio();
    }
}

#[test]
fn junk_after_the_handshake_does_no_harm() {
    let mut world = World::connected();
    let mut rng = StdRng::seed_from_u64(42);
    let before = world.sent;
    for number in 0..5_000 {
        world.inject(world.seen_as, &junk(number, &mut rng));
    }
    assert_eq!(world.sent, before, "nothing is answered");
    assert_eq!(world.leg.gone(), None);
    world.assert_audio();
}

#[test]
fn a_strangers_hello_has_no_effect() {
    let hello = record(22, 0, 0, &fragment(1, 60, 0, 0, &[0; 60]));
    let mut world = World::new();
    world.inject(stranger(), &hello);
    assert!(world.connects_within(Duration::from_secs(1)));
    let before = world.sent;
    world.inject(stranger(), &hello);
    world.inject(stranger(), &record(21, 0, 1, &[2, 40]));
    assert_eq!(world.sent, before);
    assert_eq!(world.leg.dropped().dtls, 3);
    world.assert_audio();
}

/// Not even the right records count, where they come from a path that was not nominated.
#[test]
fn dtls_counts_only_on_the_nominated_path() {
    let mut world = World::new();
    world.dtls_from = Some(stranger());
    assert!(!world.connects_within(Duration::from_secs(3)));
    assert_eq!(world.leg.gone(), None);
    world.dtls_from = None;
    assert!(world.connects_within(Duration::from_secs(10)));
}

#[test]
fn fifty_thousand_hellos_change_nothing() {
    let mut world = World::new();
    let hello = record(22, 0, 0, &fragment(1, 60, 0, 0, &[0; 60]));
    for number in 0..50_000_u32 {
        let from = SocketAddr::from((number.to_be_bytes(), 1_024));
        world.inject(from, &hello);
    }
    assert_eq!(world.sent, 0);
    assert!(world.handshakes.is_empty());
    assert!(world.connects_within(Duration::from_secs(2)));
}

#[test]
fn half_open_handshakes_are_capped_and_wait_for_a_place() {
    let world = World::new();
    let context = SecureContext::new().unwrap();
    let mut now = t0();
    let mut handshakes = Handshakes::default();
    let mut legs: Vec<_> = (0..HALF_OPEN_MAX + 10)
        .map(|_| Secure::new(world.media.clone(), &context, now))
        .collect();
    let request = binding(&world.media, true, world.media.local_password.expose());
    let mut hellos = 0;
    for leg in &mut legs {
        let mut request = request.clone();
        let bound = leg.handle_datagram(path(world.seen_as), &mut request, &mut handshakes, now);
        assert_eq!(bound, Inbound::Bound);
        while let Some(transmit) = leg.poll_transmit() {
            hellos += usize::from(transmit.bytes[0] == 22);
        }
    }
    assert_eq!((hellos, handshakes.len()), (HALF_OPEN_MAX, HALF_OPEN_MAX));
    legs[0].close(&mut handshakes, now);
    now += Duration::from_millis(100);
    let last = legs.last_mut().unwrap();
    assert!(last.poll_timeout().unwrap() <= now);
    last.handle_timeout(&mut handshakes, now);
    assert_eq!(last.poll_transmit().unwrap().bytes[0], 22);
    // Legs that vanish without a word leave no place taken.
    drop(legs);
    now += Duration::from_secs(15);
    let mut leg = Secure::new(world.media.clone(), &context, now);
    leg.handle_datagram(
        path(world.seen_as),
        &mut request.clone(),
        &mut handshakes,
        now,
    );
    assert_eq!(handshakes.len(), 1);
}

#[test]
fn garbage_in_place_of_media_is_counted() {
    let mut world = World::connected();
    let mut rng = StdRng::seed_from_u64(9);
    for _ in 0..10_000 {
        let mut bytes = [0; 80];
        rng.fill(&mut bytes[..]);
        bytes[0] = 0x80;
        bytes[1] = world.media.payload_type;
        world.inject(world.seen_as, &bytes);
    }
    let dropped = world.leg.dropped().media;
    assert!(dropped.of(Discard::NotAuthentic) > 9_000, "{dropped:?}");
    assert_eq!(dropped.total(), 10_000);
    world.assert_audio();
}

/// A replayed packet is not heard twice.
#[test]
fn replayed_audio_is_dropped() {
    let mut world = World::connected();
    let (sender, receiver) = std::sync::mpsc::channel();
    world.loss = Box::new(move |_, bytes| {
        let _ = sender.send(bytes.to_vec());
        false
    });
    world.talk(5);
    let heard = world.leg_heard.len();
    for bytes in receiver.try_iter().filter(|bytes| bytes[0] >= 128) {
        world.inject(world.seen_as, &bytes);
    }
    assert_eq!(world.leg_heard.len(), heard);
    assert!(world.leg.dropped().media.of(Discard::Replayed) >= 5);
}

#[test]
fn only_authentic_requests_are_answered_or_followed() {
    let mut world = World::connected();
    let media = world.media.clone();
    let password = media.local_password.expose();
    let before = world.sent;
    let mut other_user = media.clone();
    other_user.local_ufrag.push('x');
    let mut broken = binding(&media, true, password);
    broken[30] ^= 1;
    let unsigned_nomination = signed(&media, false, password, |request| {
        request.add(ATTR_USE_CANDIDATE, &[]);
    });
    let mut long = binding(&media, true, password);
    long.resize(600, 0);
    for bytes in [
        binding(&media, true, b"wrong password 123456789"),
        binding(&other_user, true, password),
        broken,
        long,
    ] {
        world.inject(stranger(), &bytes);
    }
    assert_eq!(world.sent, before);
    assert_eq!(world.leg.dropped().stun, 4);
    world.assert_audio();
    // What follows MESSAGE-INTEGRITY is nobody's word: answered as a check, not followed as a nomination.
    let mut leg = Secure::new(media.clone(), &SecureContext::new().unwrap(), world.now);
    let mut request = unsigned_nomination;
    let bound = leg.handle_datagram(
        path(stranger()),
        &mut request,
        &mut world.handshakes,
        world.now,
    );
    assert_eq!(bound, Inbound::Bound);
    let answer = leg.poll_transmit().unwrap();
    assert!(answer.bytes.len() <= request.len());
    assert_eq!(leg.poll_transmit(), None, "no handshake begins");
}

/// Kinds of attributes whose length means something.
const KINDS: [AttrType; 8] = [
    ATTR_USERNAME,
    ATTR_XORMAPPED_ADDRESS,
    ATTR_MESSAGE_INTEGRITY,
    ATTR_FINGERPRINT,
    ATTR_PRIORITY,
    ATTR_USE_CANDIDATE,
    ATTR_ERROR_CODE,
    AttrType(0x7fff),
];
/// Lengths that they do not have, and those on both sides of what they have: an address is 8 or 20 octets, a username at
/// most 508, what signs a message 20.
const LENGTHS: [u16; 18] = [
    0, 1, 3, 4, 5, 7, 8, 9, 19, 20, 21, 36, 508, 509, 513, 763, 65_532, 65_535,
];

/// A binding request as it is: attributes of a kind, the length they say, and what is there.
fn raw(attributes: &[(AttrType, u16, &[u8])]) -> Vec<u8> {
    let body: Vec<u8> = attributes
        .iter()
        .flat_map(|(kind, length, bytes)| {
            let padding = vec![0; bytes.len().next_multiple_of(4) - bytes.len()];
            [
                &kind.0.to_be_bytes()[..],
                &length.to_be_bytes(),
                bytes,
                &padding,
            ]
            .concat()
        })
        .collect();
    let length = u16::try_from(body.len()).unwrap();
    let mut bytes = vec![0, 1];
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(&[0x21, 0x12, 0xa4, 0x42]);
    bytes.extend_from_slice(&[7; 12]);
    bytes.extend_from_slice(&body);
    bytes
}

/// R19: lengths that others have stumbled over, and R22: none of it is answered, so there is nothing to amplify.
#[test]
fn hostile_lengths_without_integrity_are_met_with_silence() {
    let mut world = World::connected();
    let media = world.media.clone();
    let username = format!("{}:{}", media.local_ufrag, media.remote_ufrag.expose());
    let known = u16::try_from(username.len()).unwrap();
    let (sent, mut tries) = (world.sent, 0);
    for kind in KINDS {
        for length in LENGTHS {
            for there in [0, 4, 8, 20, usize::from(length).min(1_200)] {
                let bytes = vec![b'x'; there];
                let hostile = (kind, length, &bytes[..]);
                let user = (ATTR_USERNAME, known, username.as_bytes());
                let nominates = (ATTR_USE_CANDIDATE, 0, &[][..]);
                let priority = (ATTR_PRIORITY, 4, &[1; 4][..]);
                for request in [
                    raw(&[hostile]),
                    raw(&[user, hostile]),
                    raw(&[hostile, user, priority, nominates]),
                    raw(&[user, priority, nominates, hostile]),
                ] {
                    world.inject(stranger(), &request);
                    // The same as a response, and as an indication.
                    for class in [[1, 1], [1, 0x11], [0, 0x11]] {
                        let mut other = request.clone();
                        other[..2].copy_from_slice(&class);
                        world.inject(stranger(), &other);
                    }
                    tries += 4;
                }
            }
        }
    }
    assert_eq!(world.sent, sent, "nothing is answered");
    assert_eq!(world.leg.dropped().stun, tries);
    world.assert_audio();
}

/// R19: no candidate without MESSAGE-INTEGRITY, whatever else is right.
#[test]
fn no_nomination_is_followed_without_integrity() {
    let mut world = World::connected();
    let media = world.media.clone();
    let username = format!("{}:{}", media.local_ufrag, media.remote_ufrag.expose());
    let password = media.local_password.expose().clone();
    let right = binding(&media, true, &password);
    let unsigned = |append: &dyn Fn(&mut Message)| {
        let mut request = Message::new();
        request.typ = BINDING_REQUEST;
        request.transaction_id = TransactionId::new();
        request.write_header();
        request.add(ATTR_USERNAME, username.as_bytes());
        request.add(ATTR_ICE_CONTROLLING, &[1; 8]);
        request.add(ATTR_PRIORITY, &[1; 4]);
        request.add(ATTR_USE_CANDIDATE, &[]);
        append(&mut request);
        FINGERPRINT.add_to(&mut request).unwrap();
        request.raw
    };
    let signature = |length: usize| {
        move |request: &mut Message| request.add(ATTR_MESSAGE_INTEGRITY, &vec![0; length])
    };
    let sent = world.sent;
    let mut forged = vec![unsigned(&|_| {})];
    forged.extend([0, 4, 16, 19, 20, 21, 24, 32].map(|length| unsigned(&signature(length))));
    // One octet of the right one changed, whichever.
    forged.extend((20..right.len()).map(|at| {
        let mut request = right.clone();
        request[at] ^= 1;
        request
    }));
    let number = forged.len();
    for request in forged {
        world.inject(stranger(), &request);
    }
    assert_eq!(world.sent, sent, "nothing is answered");
    assert_eq!(world.leg.dropped().stun, number as u64);
    world.assert_audio();
}

/// Who has the password may send odd attributes: no answer is larger than what it answers, and none moves the path.
#[test]
fn hostile_lengths_under_a_right_signature_move_nothing() {
    let world = World::connected();
    let media = world.media.clone();
    let password = media.local_password.expose().clone();
    let context = SecureContext::new().unwrap();
    let mut handshakes = Handshakes::default();
    // A fingerprint comes last, or it is none.
    for kind in KINDS.into_iter().filter(|kind| *kind != ATTR_FINGERPRINT) {
        for length in LENGTHS {
            for there in [0, usize::from(length).min(400)] {
                let mut request = written(
                    &media,
                    |request| {
                        let at = request.raw.len();
                        request.add(kind, &vec![7; there]);
                        request.raw[at + 2..at + 4].copy_from_slice(&length.to_be_bytes());
                    },
                    &password,
                    |_| {},
                );
                let size = request.len();
                let mut leg = Secure::new(media.clone(), &context, world.now);
                leg.handle_datagram(path(stranger()), &mut request, &mut handshakes, world.now);
                let nominates = kind == ATTR_USE_CANDIDATE;
                while let Some(answer) = leg.poll_transmit() {
                    let is_stun = answer.bytes[0] < 4;
                    assert!(is_stun || nominates, "{kind:?} {length}");
                    assert!(!is_stun || answer.bytes.len() <= size, "{kind:?} {length}");
                }
                leg.close(&mut handshakes, world.now);
            }
        }
    }
}

#[test]
fn the_latest_nomination_is_followed_to_another_network() {
    let mut world = World::connected();
    world.assert_audio();
    world.seen_as = "203.0.113.9:999".parse().unwrap();
    let password = world.media.local_password.expose().clone();
    let check = binding(&world.media, false, &password);
    world.inject(world.seen_as, &check);
    let mut out = [0; 1_400];
    let (old, _) = world
        .leg
        .write_audio(Payload::Single(&[1]), &mut out)
        .unwrap();
    assert_ne!(
        *old.remote.expose(),
        world.seen_as,
        "a check is no nomination"
    );
    let nomination = binding(&world.media, true, &password);
    world.inject(world.seen_as, &nomination);
    world.assert_audio();
    assert_eq!(world.leg.gone(), None);
}

#[test]
fn collected_stun_of_the_vectors_is_parsed_or_dropped() {
    let base = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/vectors");
    let folders = [
        format!("{base}/stun"),
        format!("{base}/webrtc-corpora/stun-corpus"),
        format!("{base}/webrtc-corpora/rtp-corpus"),
        format!("{base}/webrtc-corpora/rtcp-corpus"),
    ];
    let mut world = World::connected();
    let sent = world.sent;
    for folder in folders {
        let files = std::fs::read_dir(&folder).unwrap_or_else(|error| absent(&folder, &error));
        for file in files {
            let bytes = std::fs::read(file.unwrap().path()).unwrap();
            let _ = stun_ufrag(&bytes);
            world.inject(stranger(), &bytes);
            for end in 0..bytes.len().min(200) {
                world.inject(stranger(), &bytes[..end]);
            }
        }
    }
    assert_eq!(world.sent, sent, "nothing is answered");
    world.assert_audio();
}

fn absent(path: &str, error: &std::io::Error) -> ! {
    panic!(
        "{path}: {error}. Without the published vectors leave out what has `vectors` in its name."
    )
}

/// RFC 5769 §2.1.
#[test]
fn the_sample_request_of_the_vectors_of_rfc_5769_is_authentic() {
    let base = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/vectors/stun");
    let path = format!("{base}/input_reqstc.raw");
    let bytes = std::fs::read(&path).unwrap_or_else(|error| absent(&path, &error));
    assert_eq!(stun_ufrag(&bytes), Some("evtj"));
    let provider = default_provider().unwrap();
    let verifies = |bytes: &[u8], password: &[u8]| {
        let mut message = Message::new();
        message.unmarshal_binary(bytes).unwrap();
        FINGERPRINT.check(&message).is_ok()
            && MessageIntegrity::check(&mut message, password, provider.crypto()).is_ok()
    };
    assert!(verifies(&bytes, b"VOkJxbRl1RmTxUk/WvJxBt"));
    assert!(!verifies(&bytes, b"VOkJxbRl1RmTxUk/WvJxBu"));
}

#[test]
fn a_leg_without_a_usable_fingerprint_lets_nobody_in() {
    let mut world = World::with(false, |media| media.fingerprints.clear());
    assert!(!world.connects_within(Duration::from_secs(4)));
    assert_eq!(world.leg.gone(), Some(Gone::Closed));
}
