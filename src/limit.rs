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

// --- media

/// Missed ticks that a bus makes up; of a longer gap the oldest are left out, and media time jumps over them.
pub const MAKE_UP_TICKS: u32 = 3;

/// Phases of the 20 ms; each bus ticks in one of them, so that a worker's load is spread.
pub const PHASES: usize = 10;

/// A phase's length, and the worker's step: arrivals are seen with this resolution, finer than a jitter buffer needs.
pub const SLOT: Duration = Duration::from_millis(2);

/// Silence on a telephone's RTP after which it is reported, again and again while it lasts.
pub const QUIET_AFTER: Duration = Duration::from_secs(15);

/// Ticks of media time that a leg jumps over at most, a minute's worth: after a longer standstill it just goes on.
pub const SKIPPED_TICKS_MAX: u32 = 3_000;

/// Legs on one shard; a further one ends at once as failed. Doors refuse calls long before.
pub const LEGS_MAX: usize = 8_192;

/// Buses on one shard; a further one fails at once.
pub const BUSES_MAX: usize = 8_192;

/// Events that wait for the control plane beside those of the legs; more are lost, and a resync follows.
pub const EVENTS_BASE: usize = 64;

/// Events that wait per leg of the shard: a few keys, a change of speech and an end.
pub const EVENTS_PER_LEG: usize = 8;

/// Bytes that wait to be sent by one shard; a datagram beyond is dropped. Four ticks of 8,000 Opus legs.
pub const OUTBOX_BYTES_MAX: usize = 8 << 20;

/// Clips of one prompt; more are left out. The longest sentence of the catalogue has about ten.
pub const CLIPS_PER_PROMPT: usize = 64;

/// Addresses a browser's datagrams may come from at a time; a further one displaces the oldest.
pub const PATHS_PER_LEG: usize = 8;

/// Commands that wait for a worker; the sender waits when there are more.
pub const COMMANDS_WAITING: usize = 1_024;

/// Commands a worker takes between two looks at its deadline.
pub const COMMANDS_PER_SLOT: usize = 64;

/// Notices of all workers that wait for the control plane; then events wait in the shard.
pub const NOTICES_WAITING: usize = 8_192;

/// Sockets whose readiness a worker learns at once.
pub const READY_PER_SLOT: usize = 512;

/// Datagrams a worker takes from one browser socket between two looks at its deadline: 10,000 legs' worth.
pub const DATAGRAMS_PER_SLOT: usize = 1_024;

/// Bytes of the largest datagram received; of a longer one the rest is cut off and authentication or parsing refuses it.
pub const DATAGRAM_MAX: usize = 2_048;

/// Bytes of kernel buffer asked for on a browser socket: 100 ms of 2,000 legs. The system may grant less.
pub const SOCKET_BUFFER: usize = 4 << 20;

/// Ports tried for one telephone before the range counts as exhausted.
pub const PORT_TRIES: usize = 128;

/// Ephemeral ports tried until one is free on every address.
pub const BIND_TRIES: usize = 16;

/// Workers of one process.
pub const WORKERS_MAX: usize = 64;

// --- negotiation with browsers

/// Bytes of the largest offer; a larger one is refused. Browsers' offers of one audio line have about 1,500 to 4,000.
pub const OFFER_MAX: usize = 16 * 1024;
/// Media lines of an offer; one with more is refused.
pub const OFFER_MEDIA_MAX: usize = 8;
/// Fingerprints of an offer that are looked at; browsers send one.
pub const OFFER_FINGERPRINTS_MAX: usize = 8;
