//! What others have been broken with: strangers' handshakes, floods of them, junk in place of DTLS, SRTP and STUN,
//! replays, forged checks and nominations, and the collected hostile STUN.

use std::{net::SocketAddr, time::Duration};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use rtc_dtls::crypto_provider::default_provider;
use rtc_stun::{
    attributes::{ATTR_ICE_CONTROLLING, ATTR_PRIORITY, ATTR_USE_CANDIDATE, ATTR_USERNAME},
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
    let provider = default_provider().unwrap();
    let username = format!("{}:{}", media.local_ufrag, media.remote_ufrag.expose());
    let mut request = Message::new();
    request.typ = BINDING_REQUEST;
    request.transaction_id = TransactionId::new();
    request.write_header();
    request.add(ATTR_USERNAME, username.as_bytes());
    request.add(ATTR_ICE_CONTROLLING, &[1; 8]);
    request.add(ATTR_PRIORITY, &[1; 4]);
    if nominate {
        request.add(ATTR_USE_CANDIDATE, &[]);
    }
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
fn collected_stun_is_parsed_or_dropped() {
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
        let Ok(files) = std::fs::read_dir(&folder) else {
            println!("vectors absent: {folder} not run");
            return;
        };
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

/// RFC 5769 §2.1.
#[test]
fn the_sample_request_of_rfc_5769_is_authentic() {
    let base = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/vectors/stun");
    let Ok(bytes) = std::fs::read(format!("{base}/input_reqstc.raw")) else {
        println!("vectors absent: RFC 5769 not run");
        return;
    };
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
