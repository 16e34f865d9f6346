//! Every limit of the house, named, with unit, reason and what happens when it is hit.

// --- browser transport

/// Bytes of the largest datagram a leg sends; room for SRTP's tag is included. A larger payload is not sent.
pub const PACKET_MAX: usize = 1_400;
/// Handshakes that may be half open on one shard; a further one waits for a place.
pub const HALF_OPEN_MAX: usize = 256;

// --- media

use std::time::Duration;

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
