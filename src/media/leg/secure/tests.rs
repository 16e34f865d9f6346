//! What only the inside can show: bounds of the reassembly.

use proptest::prelude::*;

use super::{
    fingerprint::Fingerprints,
    flight::{Admitted, Flights, is_sealed_alert},
};
use crate::{
    limit::{HANDSHAKE_MESSAGE_MAX, HANDSHAKE_PARTS_MAX},
    media::api::HashName,
};

/// Legs move between workers.
const _: () = {
    const fn is_send<T: Send>() {}
    is_send::<super::Secure>();
};

fn flights() -> Flights {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, b"certificate");
    Flights::new(Fingerprints::new(vec![(
        HashName::Sha256,
        digest.as_ref().to_vec(),
    )]))
}

fn record(kind: u8, epoch: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![kind, 0xfe, 0xfd, 0, epoch, 0, 0, 0, 0, 0, 9];
    bytes.extend_from_slice(&u16::try_from(body.len()).unwrap().to_be_bytes());
    bytes.extend_from_slice(body);
    bytes
}

/// A fragment `from..to` of a message, in a record of its own.
fn part(kind: u8, sequence: u8, message: &[u8], from: usize, to: usize) -> Vec<u8> {
    let three = |number: usize| [0, number.to_be_bytes()[6], number.to_be_bytes()[7]];
    let mut body = vec![kind];
    body.extend_from_slice(&three(message.len()));
    body.extend_from_slice(&[0, sequence]);
    body.extend_from_slice(&three(from));
    body.extend_from_slice(&three(to - from));
    body.extend_from_slice(&message[from..to]);
    record(22, 0, &body)
}

fn whole(kind: u8, sequence: u8, message: &[u8]) -> Vec<u8> {
    part(kind, sequence, message, 0, message.len())
}

fn certificate() -> Vec<u8> {
    [&[0, 0, 14, 0, 0, 11][..], b"certificate"].concat()
}

fn server_hello() -> Vec<u8> {
    let mut hello = vec![7; 38];
    hello[..2].copy_from_slice(&[0xfe, 0xfd]);
    hello[34..].copy_from_slice(&[0, 0xc0, 0x2b, 0]);
    hello
}

fn key_exchange() -> Vec<u8> {
    let mut exchange = vec![0; 60];
    exchange[..3].copy_from_slice(&[3, 0, 29]);
    exchange
}

/// A server's flight, one datagram per message.
fn server_flight() -> [Vec<u8>; 4] {
    [
        whole(2, 0, &server_hello()),
        whole(11, 1, &certificate()),
        whole(12, 2, &key_exchange()),
        whole(14, 3, &[]),
    ]
}

#[test]
fn a_flight_is_handed_over_whole_in_any_order() {
    let messages = server_flight();
    let mut flights = flights();
    for index in [3, 1, 0] {
        assert_eq!(flights.handle(&messages[index]), Admitted::Nothing);
    }
    let Admitted::Flight(flight) = flights.handle(&messages[2]) else {
        panic!("the flight is complete");
    };
    let lengths: usize = messages.iter().map(Vec::len).sum();
    assert_eq!(flight.len(), lengths);
    // Our own record numbers, whatever theirs were.
    assert_eq!(flight[5..11], [0, 0, 0, 0, 0, 0]);
    assert_eq!(flights.handle(&messages[0]), Admitted::Repeated);
}

#[test]
fn fragments_are_put_together_beside_forged_ones() {
    let certificate = certificate();
    let messages = server_flight();
    let mut flights = flights();
    for forged in 0..u8::try_from(HANDSHAKE_PARTS_MAX).unwrap() - 1 {
        let message = vec![forged; 40 + usize::from(forged)];
        flights.handle(&part(11, 1, &message, 0, 5));
    }
    for message in [&messages[0], &messages[2], &messages[3]] {
        assert_eq!(flights.handle(message), Admitted::Nothing);
    }
    assert_eq!(
        flights.handle(&part(11, 1, &certificate, 10, certificate.len())),
        Admitted::Nothing
    );
    assert!(matches!(
        flights.handle(&part(11, 1, &certificate, 0, 10)),
        Admitted::Flight(_)
    ));
}

#[test]
fn reassembly_is_bounded() {
    let mut flights = flights();
    let huge = vec![0; HANDSHAKE_MESSAGE_MAX + 1];
    assert_eq!(flights.handle(&part(11, 1, &huge, 0, 9)), Admitted::Nothing);
    for length in 20..5_000 {
        let message = vec![0; length];
        assert_eq!(
            flights.handle(&part(11, 1, &message, 0, 9)),
            Admitted::Nothing
        );
    }
    assert!(flights.memory() <= 2 * HANDSHAKE_PARTS_MAX * HANDSHAKE_MESSAGE_MAX);
    let mut messages = server_flight().into_iter().map(|m| flights.handle(&m));
    assert!(messages.any(|admitted| matches!(admitted, Admitted::Flight(_))));
}

#[test]
fn a_foreign_certificate_never_reaches_the_library() {
    let mut flights = flights();
    let mut foreign = certificate();
    foreign[8] ^= 1;
    flights.handle(&whole(11, 1, &foreign));
    assert!(flights.take_suspicion());
    assert!(!flights.take_suspicion());
    let mut messages = server_flight().into_iter().map(|m| flights.handle(&m));
    assert!(messages.any(|admitted| matches!(admitted, Admitted::Flight(_))));
}

#[test]
fn the_last_flight_passes_only_after_the_first() {
    let change = record(20, 0, &[1]);
    let finished = record(22, 1, &[0; 40]);
    let mut flights = flights();
    assert_eq!(flights.handle(&change), Admitted::Nothing);
    assert_eq!(flights.handle(&finished), Admitted::Nothing);
    for message in server_flight() {
        flights.handle(&message);
    }
    assert_eq!(flights.handle(&finished), Admitted::Nothing, "keys first");
    let both = [change.clone(), finished.clone()].concat();
    let Admitted::Last(passed) = flights.handle(&both) else {
        panic!("the last flight passes");
    };
    assert_eq!(passed.len(), both.len());
    assert_eq!(flights.handle(&change), Admitted::Nothing, "once");
    assert_eq!(flights.handle(&finished), Admitted::Last(finished.clone()));
    assert_eq!(flights.handle(&record(21, 0, &[2, 40])), Admitted::Nothing);
}

#[test]
fn only_one_sealed_alert_passes_afterwards() {
    let alert = record(21, 1, &[0; 26]);
    assert!(is_sealed_alert(&alert));
    assert!(!is_sealed_alert(&[alert.clone(), alert.clone()].concat()));
    for other in [
        record(21, 0, &[1, 0]),
        record(21, 2, &[0; 26]),
        record(22, 1, &[0; 26]),
        record(23, 1, &[0; 26]),
        record(21, 1, &[0; 200]),
        Vec::new(),
    ] {
        assert!(!is_sealed_alert(&other));
    }
}

proptest! {
    #[test]
    fn no_datagram_panics(
        datagrams in prop::collection::vec(
            (0..4u8, 0..3u8, prop::collection::vec(any::<u8>(), 0..80), 0..16u8), 1..40),
    ) {
        let mut flights = flights();
        for (form, epoch, bytes, kind) in datagrams {
            let datagram = match form {
                0 => bytes,
                1 => record(22, epoch, &bytes),
                2 => record(19 + kind % 6, epoch, &bytes),
                _ => whole(kind, epoch, &bytes),
            };
            flights.handle(&datagram);
            let _ = is_sealed_alert(&datagram);
        }
        prop_assert!(flights.memory() <= 2 * HANDSHAKE_PARTS_MAX * HANDSHAKE_MESSAGE_MAX);
    }
}
