//! Every limit of the house, named, with unit, reason and what happens when it is hit.

use std::time::Duration;

// --- browser transport

/// Bytes of the largest datagram a leg sends; room for SRTP's tag is included. A larger payload is not sent.
pub const PACKET_MAX: usize = 1_400;
/// Handshakes that may be half open on one shard; a further one waits for a place.
pub const HALF_OPEN_MAX: usize = 256;
/// How long a half-open handshake keeps its place, should its leg vanish without giving it back.
pub const HALF_OPEN_EXPIRY: Duration = SETUP_EXPIRY;
/// When a handshake that found no place looks for one again.
pub const HALF_OPEN_RETRY: Duration = Duration::from_millis(100);
/// Time from a leg's beginning to a complete handshake; later the leg is gone.
pub const SETUP_EXPIRY: Duration = Duration::from_secs(15);
/// Time without an authenticated binding request after which a leg is gone (RFC 7675 §5.1).
pub const CONSENT_EXPIRY: Duration = Duration::from_secs(30);
/// Bytes of the largest STUN message that is looked at; browsers send about 100.
pub const STUN_MAX: usize = 548;
/// Bytes of the largest DTLS handshake message that is put together; a larger one is dropped. Browsers' are below 1,000.
pub const HANDSHAKE_MESSAGE_MAX: usize = 8_192;
/// Incomplete handshake messages kept per leg; one more displaces the oldest. Browsers' messages come whole.
pub const HANDSHAKE_PARTS_MAX: usize = 4;
/// Protected records that a handshake may look at; further ones are dropped. A browser sends one per try.
pub const HANDSHAKE_SEALED_MAX: usize = 4_096;
/// Bytes of the largest protected DTLS record that is looked at: a Finished is 61, an alert 39.
pub const SEALED_RECORD_MAX: usize = 128;
/// Time to the first repeat of a DTLS flight; each further one waits twice as long.
pub const FLIGHT_REPEAT_FIRST: Duration = Duration::from_millis(200);
/// Longest time between two repeats of a DTLS flight.
pub const FLIGHT_REPEAT_MAX: Duration = Duration::from_secs(4);
/// Repeats of a DTLS flight; after the last the handshake waits for its end. The library fails at the eighth.
pub const FLIGHT_REPEATS_MAX: u32 = 7;
/// How long a handshake goes on after a plaintext alert or a foreign certificate, either of which may be forged.
pub const REFUSAL_GRACE: Duration = Duration::from_secs(2);
/// Datagrams of ICE, DTLS and RTCP that wait to be sent on one leg; a further one is dropped.
pub const LEG_TRANSMITS_MAX: usize = 32;

// --- negotiation with browsers

/// Bytes of the largest offer; a larger one is refused. Browsers' offers of one audio line have about 1,500 to 4,000.
pub const OFFER_MAX: usize = 16 * 1024;
/// Media lines of an offer; one with more is refused.
pub const OFFER_MEDIA_MAX: usize = 8;
/// Fingerprints of an offer that are looked at; browsers send one.
pub const OFFER_FINGERPRINTS_MAX: usize = 8;
