//! The limits of this crate: each with its unit, its reason and what happens at it.

use std::time::Duration;

// --- rtp

/// Synchronization sources an SRTP direction keeps state for; a packet of a fifth is dropped before any cryptography.
/// A leg sends one stream, and a peer may restart its stream a few times.
pub const SRTP_SOURCES_MAX: usize = 4;

/// Packets back from the highest index that a late SRTP packet may lie (RFC 3711 §3.3.2 asks for 64 at least); older
/// ones are dropped. 128 packets are 2.5 s at 20 ms, more than a jitter buffer waits, and one machine word pair.
pub const SRTP_REPLAY_WINDOW: u64 = 128;

/// Sequence numbers a stream may jump ahead before it counts as restarted (RFC 3550 A.1): a minute at 20 ms.
pub const RTP_DROPOUT_MAX: u16 = 3000;

/// Sequence numbers a packet may be late before the stream counts as restarted (RFC 3550 A.1): two seconds at 20 ms.
pub const RTP_MISORDER_MAX: u16 = 100;

/// Silence of the current source after which another one is taken at its first packet; before, at its second.
pub const RTP_SOURCE_QUIET: Duration = Duration::from_millis(100);

/// Mean time between two RTCP reports of a leg (RFC 3550 §6.2, the minimum for small sessions).
pub const RTCP_INTERVAL: Duration = Duration::from_secs(5);

/// RTCP packets in one compound datagram; a longer one is malformed. Real ones hold two to five.
pub const RTCP_PACKETS_MAX: usize = 32;

/// Sender reports remembered for the round-trip time: the peer answers one of the last two, rarely an older one.
pub const RTCP_SENT_MAX: usize = 4;

/// Bytes of the largest compound RTCP datagram written: sender report with one block, SDES with CNAME, BYE.
pub const RTCP_WRITTEN_MAX: usize = 128;
