//! Every body of `tests/fuzz` with its inputs and with some thousands that are made of them, the same at each run.
//!
//! Discovery (`make fuzz`) goes where this does not come; what it finds is kept and replayed here.

#[path = "../fuzz/src/bodies/mod.rs"]
mod bodies;

use bodies::BODIES;
use rand::{RngExt, SeedableRng, rngs::StdRng};

/// Inputs made of each body's own.
const MADE: u64 = 2_000;

/// What often matters: lengths, borders, and what SIP and SDP are divided by.
const TELLING: &[u8] = b"\0\x01\x7f\x80\xff\r\n;:,<>\"@%[]= \t09azAZ/";

/// Feeds a body what is known and what is made of it.
fn feed(name: &str) {
    let body = BODIES.iter().find(|body| body.name == name);
    let body = body.expect("a body of that name");
    let mut known = (body.seeds)();
    known.extend(bodies::found(name));
    known.iter().for_each(|input| (body.run)(input));
    (body.run)(&[]);
    let mut rng = StdRng::seed_from_u64(7);
    for number in 0..MADE {
        let mut input = known[rng.random_range(0..known.len())].clone();
        for _ in 0..rng.random_range(1..6) {
            change(&mut input, &known, &mut rng);
        }
        input.truncate(8_192);
        let run = std::panic::catch_unwind(|| (body.run)(&input));
        assert!(run.is_ok(), "{name}, input {number}: {}", hex(&input));
    }
}

/// One change: an octet, a piece taken out, repeated or put in from elsewhere.
fn change(input: &mut Vec<u8>, known: &[Vec<u8>], rng: &mut StdRng) {
    let at = rng.random_range(0..=input.len());
    let end = (at + rng.random_range(1..60)).min(input.len());
    match rng.random_range(0..7) {
        0 => input
            .iter_mut()
            .skip(at)
            .take(1)
            .for_each(|octet| *octet = rng.random()),
        1 => input
            .iter_mut()
            .skip(at)
            .take(1)
            .for_each(|octet| *octet ^= 1 << rng.random_range(0..8)),
        2 => input.iter_mut().skip(at).take(1).for_each(|octet| {
            *octet = TELLING[rng.random_range(0..TELLING.len())];
        }),
        3 => input.truncate(at),
        4 => drop(input.drain(at..end)),
        5 => {
            let piece = input[at..end].to_vec();
            input.splice(at..at, piece);
        }
        _ => {
            let other = &known[rng.random_range(0..known.len())];
            let from = rng.random_range(0..=other.len());
            let to = (from + rng.random_range(1..60)).min(other.len());
            input.splice(at..end, other[from..to].iter().copied());
        }
    }
}

fn hex(input: &[u8]) -> String {
    input.iter().map(|octet| format!("{octet:02x}")).collect()
}

macro_rules! fed {
    ($($name:ident)*) => {
        $(#[test] fn $name() { feed(stringify!($name)); })*

        #[test]
        fn every_body_is_fed() {
            assert_eq!(BODIES.map(|body| body.name), [$(stringify!($name)),*]);
        }
    };
}

fed! { sip invite info registrar sdp rtp rtcp srtp telephone_event stun dtls }
