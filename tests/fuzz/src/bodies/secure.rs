//! STUN and DTLS, at a browser's leg: telephones over DTLS have the same handshake behind them.

use std::{
    net::SocketAddr,
    sync::{Arc, LazyLock},
    time::{Duration, Instant},
};

use aws_lc_rs::digest::{SHA256, digest};
use rtc_dtls::crypto_provider::default_provider;
use rtc_stun::{
    attributes::{ATTR_ICE_CONTROLLING, ATTR_PRIORITY, ATTR_USE_CANDIDATE, ATTR_USERNAME},
    fingerprint::FINGERPRINT,
    integrity::MessageIntegrity,
    message::{BINDING_REQUEST, Message, Setter, TransactionId},
};
use rundruf::media::{
    api::{BrowserMedia, HashName},
    leg::secure::{Handshakes, Inbound, Path, Secure, SecureContext, Transmit, stun_ufrag},
};
use sip::redact::{Pii, Secret};

use super::{joined, parts, t0};

const PASSWORD: &[u8] = b"password of the leg that is fed";
/// What stands for the browser's certificate; it parses as nothing.
const CERTIFICATE: &[u8] = b"certificate";

static CONTEXT: LazyLock<SecureContext> =
    LazyLock::new(|| SecureContext::new().expect("a certificate can be made"));

/// A leg and who speaks to it.
struct World {
    leg: Secure,
    handshakes: Handshakes,
    now: Instant,
}

fn browser() -> SocketAddr {
    SocketAddr::from(([198, 51, 100, 7], 40_000))
}

fn stranger() -> SocketAddr {
    SocketAddr::from(([203, 0, 113, 66], 666))
}

impl World {
    fn new() -> Self {
        let now = t0();
        let media = BrowserMedia {
            local_ufrag: "ours".to_owned(),
            local_password: Arc::new(Secret::new(PASSWORD.to_vec())),
            remote_ufrag: Pii::new("theirs".to_owned()),
            fingerprints: vec![(
                HashName::Sha256,
                digest(&SHA256, CERTIFICATE).as_ref().to_vec(),
            )],
            payload_type: 111,
            redundant: None,
            audio_level: Some(1),
            ssrc: 7,
            legacy_srtp: false,
        };
        Self {
            leg: Secure::new(media, &CONTEXT, now),
            handshakes: Handshakes::default(),
            now,
        }
    }

    /// Gives the leg a datagram; returns what it sends, and whether it was an authentic request.
    fn hear(&mut self, from: SocketAddr, bytes: &[u8]) -> (Vec<Transmit>, bool) {
        let path = Path {
            socket: 0,
            remote: Pii::new(from),
        };
        let mut bytes = bytes.to_vec();
        let inbound = self
            .leg
            .handle_datagram(path, &mut bytes, &mut self.handshakes, self.now);
        let bound = inbound == Inbound::Bound;
        (self.sent(), bound)
    }

    fn sent(&mut self) -> Vec<Transmit> {
        std::iter::from_fn(|| self.leg.poll_transmit()).collect()
    }

    /// Lets time pass; returns what is sent meanwhile.
    fn pass(&mut self, time: Duration) -> Vec<Transmit> {
        let until = self.now + time;
        let mut sent = Vec::new();
        while let Some(next) = self.leg.poll_timeout().filter(|next| *next <= until) {
            self.now = self.now.max(next);
            self.leg.handle_timeout(&mut self.handshakes, self.now);
            sent.extend(self.sent());
        }
        self.now = until;
        sent
    }
}

/// A binding request of the browser, signed; `append` adds attributes before.
fn binding(append: &[u8]) -> Vec<u8> {
    let mut request = Message::new();
    request.typ = BINDING_REQUEST;
    request.transaction_id = TransactionId([9; 12]);
    request.write_header();
    request.add(ATTR_USERNAME, b"ours:theirs");
    request.add(ATTR_ICE_CONTROLLING, &[1; 8]);
    request.add(ATTR_PRIORITY, &[1; 4]);
    request.add(ATTR_USE_CANDIDATE, &[]);
    signed(request, append)
}

/// Adds attributes as they come, then a true integrity and fingerprint.
fn signed(mut request: Message, append: &[u8]) -> Vec<u8> {
    let mut rest = append;
    while let Some(([kind @ .., length], tail)) = rest.split_first_chunk::<3>() {
        let (value, tail) = tail.split_at(usize::from(*length).min(tail.len()));
        let kind = u16::from_be_bytes(*kind);
        request.add(rtc_stun::attributes::AttrType(kind), value);
        rest = tail;
    }
    let provider = default_provider().expect("the library has its own");
    let integrity = MessageIntegrity::new_raw_integrity_with_provider(PASSWORD, provider.crypto());
    if integrity.add_to(&mut request).is_ok() {
        let _ = FINGERPRINT.add_to(&mut request);
    }
    request.raw
}

/// Checks: each part is a message of a stranger, or, behind a first octet of 1, attributes of a signed request, or,
/// behind 2, attributes after what a browser sends. Strangers get no answer, and answers to others are short.
pub(super) fn stun(input: &[u8]) {
    let mut world = World::new();
    for part in parts(input) {
        match part {
            [1, attributes @ ..] => {
                let mut request = Message::new();
                request.typ = BINDING_REQUEST;
                request.transaction_id = TransactionId([9; 12]);
                request.write_header();
                authentic(&mut world, &signed(request, attributes));
            }
            [2, attributes @ ..] => authentic(&mut world, &binding(attributes)),
            bytes => {
                let ufrag = stun_ufrag(bytes);
                assert!(ufrag.is_none_or(|ufrag| ufrag.len() <= bytes.len()));
                let (sent, bound) = world.hear(stranger(), bytes);
                assert!(sent.is_empty() && !bound, "a stranger is answered");
            }
        }
        world.pass(Duration::from_millis(20));
    }
}

/// A request that proves the password, from the browser's address.
fn authentic(world: &mut World, bytes: &[u8]) {
    let (sent, bound) = world.hear(browser(), bytes);
    let stun = sent.iter().filter(|transmit| transmit.bytes[0] < 4);
    let answers: usize = stun.map(|transmit| transmit.bytes.len()).sum();
    assert!(
        answers <= bytes.len() + 100,
        "{answers} octets for {}",
        bytes.len()
    );
    assert!(bound || answers == 0);
    assert!(
        sent.iter()
            .all(|transmit| *transmit.path.remote.expose() == browser())
    );
}

pub(super) fn stun_seeds() -> Vec<Vec<u8>> {
    let behind = |kind: u8, rest: &[u8]| [&[kind][..], rest].concat();
    let username = [
        0, 6, 11, b'o', b'u', b'r', b's', b':', b't', b'h', b'e', b'i', b'r', b's',
    ];
    let controlling = [0x80, 0x2a, 8, 1, 1, 1, 1, 1, 1, 1, 1];
    let unknown = [0x7f, 1, 3, 1, 2, 3];
    let mut unsigned = binding(&[]);
    unsigned.truncate(20 + 16 + 12 + 8);
    unsigned[3] = 36;
    let mut forged = binding(&[]);
    forged[40] ^= 1;
    let answer = {
        let mut answer = binding(&[]);
        answer[0] = 1;
        answer
    };
    vec![
        joined(&[], &[unsigned, forged, answer]),
        joined(&[], &[behind(2, &[]), behind(2, &unknown), behind(2, &[])]),
        joined(
            &[],
            &[
                behind(1, &[&username[..], &controlling].concat()),
                behind(2, &[]),
            ],
        ),
        joined(
            &[],
            &[
                behind(1, &[&username[..], &[0, 37, 0]].concat()),
                behind(1, &unknown),
            ],
        ),
    ]
}

/// A handshake: the leg has sent its ClientHello, and each part is a datagram from the address that it trusts, one every
/// 10 ms. Whatever comes, it sends little, and to that address alone, and it lets nobody in.
pub(super) fn dtls(input: &[u8]) {
    let mut world = World::new();
    let (mut sent, bound) = world.hear(browser(), &binding(&[]));
    assert!(bound && sent.iter().any(|transmit| transmit.bytes[0] == 22));
    let parts = parts(input);
    for part in &parts {
        let first = part.first().copied().unwrap_or_default();
        if (20..64).contains(&first) {
            sent.extend(world.hear(browser(), part).0);
            let (answers, _) = world.hear(stranger(), part);
            assert!(answers.is_empty(), "a stranger is answered");
        }
        sent.extend(world.pass(Duration::from_millis(10)));
        assert!(!world.leg.is_connected());
    }
    sent.extend(world.pass(Duration::from_secs(16)));
    assert!(world.leg.gone().is_some() && world.handshakes.len() <= 1);
    assert!(
        sent.iter()
            .all(|transmit| *transmit.path.remote.expose() == browser())
    );
    let octets: usize = sent.iter().map(|transmit| transmit.bytes.len()).sum();
    assert!(octets <= 20_000 + 4_000 * parts.len(), "{octets} octets");
}

fn record(kind: u8, epoch: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![kind, 0xfe, 0xfd, 0, epoch, 0, 0, 0, 0, 0, 9];
    bytes.extend(
        u16::try_from(body.len())
            .expect("a short record")
            .to_be_bytes(),
    );
    bytes.extend(body);
    bytes
}

/// A fragment `from..to` of a handshake message, in a record of its own.
fn fragment(kind: u8, sequence: u8, message: &[u8], from: usize, to: usize) -> Vec<u8> {
    let three = |number: usize| [0, number.to_be_bytes()[6], number.to_be_bytes()[7]];
    let mut body = vec![kind];
    body.extend(three(message.len()));
    body.extend([0, sequence]);
    body.extend(three(from));
    body.extend(three(to - from));
    body.extend(&message[from..to]);
    record(22, 0, &body)
}

pub(super) fn dtls_seeds() -> Vec<Vec<u8>> {
    let whole = |kind: u8, sequence: u8, message: &[u8]| {
        fragment(kind, sequence, message, 0, message.len())
    };
    // TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256; use_srtp with AEAD_AES_256_GCM, and the extended master secret.
    let extensions = [
        0, 18, 0, 14, 0, 5, 0, 2, 0, 8, 0, 0, 23, 0, 0, 0xff, 1, 0, 1, 0,
    ];
    let mut hello = vec![7; 35];
    hello[..2].copy_from_slice(&[0xfe, 0xfd]);
    hello[34] = 0;
    hello.extend([0xc0, 0x2b, 0]);
    hello.extend(extensions);
    let certificate = [&[0, 0, 14, 0, 0, 11][..], CERTIFICATE].concat();
    let mut exchange = vec![3, 0, 23, 65, 4];
    exchange.extend([5; 64]);
    exchange.extend([4, 3, 0, 8, 0x30, 6, 2, 1, 1, 2, 1, 1]);
    let request = [1, 64, 0, 2, 4, 3, 0, 0];
    let verify = [0xfe, 0xff, 4, 1, 2, 3, 4];
    let flight = vec![
        whole(2, 0, &hello),
        whole(11, 1, &certificate),
        whole(12, 2, &exchange),
        whole(13, 3, &request),
        whole(14, 4, &[]),
    ];
    let finished = vec![
        record(20, 0, &[1]),
        record(22, 1, &[3; 40]),
        record(21, 1, &[3; 26]),
    ];
    let mut late: Vec<_> = flight.iter().rev().cloned().collect();
    late.extend(flight.clone());
    let split = vec![
        fragment(2, 0, &hello, 0, 20),
        fragment(2, 0, &hello, 20, hello.len()),
        fragment(11, 1, &certificate, 10, certificate.len()),
        fragment(11, 1, &certificate, 0, 0),
        fragment(11, 1, &certificate, 0, 10),
        whole(12, 2, &exchange),
        whole(14, 3, &[]),
    ];
    let mut verified = vec![whole(3, 0, &verify), whole(2, 1, &hello)];
    verified.push(
        [
            whole(11, 2, &certificate),
            whole(12, 3, &exchange),
            whole(14, 4, &[]),
        ]
        .concat(),
    );
    vec![
        joined(&[], &[flight.clone(), finished.clone()].concat()),
        joined(&[], &[flight.concat(), finished.concat()]),
        joined(&[], &late),
        joined(&[], &split),
        joined(&[], &verified),
        joined(
            &[],
            &[
                record(21, 0, &[2, 40]),
                record(23, 0, &[1]),
                whole(0, 0, &[]),
            ],
        ),
    ]
}
