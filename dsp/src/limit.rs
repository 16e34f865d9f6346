//! Every limit of this crate, named, with unit, reason and what happens when it is hit.

use std::time::Duration;

/// Bytes of the longest payload an [`Encoder`](crate::Encoder) writes: one Opus frame is at most 1,275 bytes (RFC 6716 §3.2).
pub const MAX_PAYLOAD: usize = 1_275;

/// Bytes of the longest payload taken from a peer: what fits an Ethernet packet. A longer one is counted as malformed.
pub const MAX_RECEIVED_PAYLOAD: usize = 1_500;

/// Longest sound in one packet: Opus ends at 120 ms (RFC 6716 §3.2). A longer one is counted as malformed.
pub const MAX_PACKET_DURATION: Duration = Duration::from_millis(120);

/// Shortest sound in one packet: one Opus frame of 2.5 ms. A shorter one is counted as malformed.
pub const MIN_PACKET_DURATION: Duration = Duration::from_micros(2_500);

/// Pieces of sound (payloads, gaps, silences) that wait undecoded or are kept to warm a decoder: two ticks of the shortest
/// packets, twice. At the bound the oldest is forgotten undecoded.
pub const MAX_PIECES: usize = 32;

/// Packets one jitter buffer holds: 500 ms at 10 ms each. At the bound the oldest is dropped and counted as overflow.
pub const MAX_PACKETS: usize = 50;

/// Bytes of one chunk of a jitter buffer's store: a packet of 20 ms of speech takes one or two.
pub const CHUNK_BYTES: usize = 128;

/// Chunks of a jitter buffer's store, 8 kB in all. At the bound the oldest packets are dropped and counted as overflow.
pub const MAX_CHUNKS: usize = 64;

/// Media time one jitter buffer spans. At the bound the oldest packets are dropped and counted as overflow.
pub const MAX_DEPTH: Duration = Duration::from_millis(500);

/// Delay the jitter buffer may add to fight jitter; beyond it lateness becomes loss.
pub const MAX_HOLD: Duration = Duration::from_millis(200);

/// Sound made up for a gap, faded to nothing at its end; beyond it there is silence until the next packet.
pub const MAX_CONCEALED: Duration = Duration::from_millis(60);

/// Sequence numbers a stream may leap ahead before the leap is taken for another stream (RFC 3550 A.1).
pub const MAX_DROPOUT: i64 = 3_000;

/// Sequence numbers a packet may lie behind before it is taken for another stream (RFC 3550 A.1).
pub const MAX_MISORDER: i64 = 100;

/// Disagreement between arrival and timestamp that restarts the timeline: more than the hold could ever bridge.
pub const MAX_TIMESTAMP_LEAP: Duration = Duration::from_millis(250);

/// Frames a mixer adds before its `i32` sums could wrap; a bus holds fewer legs by far.
pub const MAX_SUMMANDS: usize = 65_536;

/// Bytes of a prompt file. A longer one is refused.
pub const MAX_PROMPT_BYTES: usize = 4 << 20;

/// Length of a prompt. A longer one is refused.
pub const MAX_PROMPT_DURATION: Duration = Duration::from_secs(300);

/// Places between two samples of a recording that occur at 48 kHz; a rate with more is refused. 11,025 Hz has 640.
pub const MAX_PHASES: u32 = 640;

/// Speakers that are heard at a time where nobody says otherwise.
pub const DEFAULT_SPEAKERS: u8 = 5;

/// Speakers that can be heard at a time: more at once nobody understands. A greater number is taken for this one.
pub const MAX_SPEAKERS: u8 = 8;
