//! What strangers reach, as plain functions of octets: each takes any input and fails where a promise is broken.
//!
//! A body promises more than that nothing panics: nothing is sent to others, nothing is held in the end, what is told is
//! clean. `seeds` makes the inputs from which mutation begins, so that discovery starts where the code begins to listen.
//! The stable tests replay them with mutations of their own (`tests/it/fuzzed.rs`); `make fuzz` searches for inputs that
//! reach what none before did.

mod media;
mod secure;
mod signalling;

use std::{fs, path::PathBuf, time::Instant};

/// One thing that is fed.
pub(crate) struct Body {
    /// Its name, also of its folder of inputs.
    pub(crate) name: &'static str,
    /// Takes an input.
    pub(crate) run: fn(&[u8]),
    /// Makes the inputs that mutation begins with.
    pub(crate) seeds: fn() -> Vec<Vec<u8>>,
}

/// All of them.
pub(crate) const BODIES: [Body; 11] = [
    body("sip", signalling::sip, signalling::sip_seeds),
    body("invite", signalling::invite, signalling::invite_seeds),
    body("info", signalling::info, signalling::info_seeds),
    body(
        "registrar",
        signalling::registrar,
        signalling::registrar_seeds,
    ),
    body("sdp", signalling::sdp, signalling::sdp_seeds),
    body("rtp", media::rtp, media::rtp_seeds),
    body("rtcp", media::rtcp, media::rtcp_seeds),
    body("srtp", media::srtp, media::srtp_seeds),
    body(
        "telephone_event",
        media::telephone_event,
        media::telephone_event_seeds,
    ),
    body("stun", secure::stun, secure::stun_seeds),
    body("dtls", secure::dtls, secure::dtls_seeds),
];

const fn body(name: &'static str, run: fn(&[u8]), seeds: fn() -> Vec<Vec<u8>>) -> Body {
    Body { name, run, seeds }
}

/// Inputs that discovery has found and that are kept: those that reached something for the first time, and those that
/// broke something once. Each is a line of a file, in hexadecimal digits.
pub(crate) fn found(name: &str) -> Vec<Vec<u8>> {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .map(|folder| folder.join("tests/fuzz/found").join(format!("{name}.hex")))
        .find(|file| file.is_file());
    let text = file.map(|file| fs::read_to_string(file).expect("a text of the project"));
    let text = text.unwrap_or_default();
    text.lines().map(octets).collect()
}

fn octets(line: &str) -> Vec<u8> {
    let digits: Vec<u32> = line
        .chars()
        .filter_map(|digit| digit.to_digit(16))
        .collect();
    let pairs = digits.chunks_exact(2);
    pairs
        .map(|pair| u8::try_from(pair[0] * 16 + pair[1]).expect("two digits"))
        .collect()
}

/// Pieces of one input that are looked at: more would only make an input slow.
const PARTS_MAX: usize = 24;

/// Takes an input apart into datagrams: each follows its length in two octets, of which the last may lack some.
fn parts(input: &[u8]) -> Vec<&[u8]> {
    let mut rest = input;
    let mut parts = Vec::new();
    while let Some(([high, low], tail)) = rest.split_first_chunk() {
        let length = usize::from(u16::from_be_bytes([*high, *low])).min(tail.len());
        let (part, tail) = tail.split_at(length);
        parts.push(part);
        rest = tail;
        if parts.len() == PARTS_MAX {
            break;
        }
    }
    parts
}

/// Puts an input together from what begins it and from datagrams.
fn joined(head: &[u8], parts: &[Vec<u8>]) -> Vec<u8> {
    let mut input = head.to_vec();
    for part in parts {
        let length = u16::try_from(part.len()).expect("a datagram is short");
        input.extend(length.to_be_bytes());
        input.extend(part);
    }
    input
}

/// The moment at which everything begins.
#[expect(
    clippy::disallowed_methods,
    reason = "the base instant of a simulated run"
)]
fn t0() -> Instant {
    Instant::now()
}
