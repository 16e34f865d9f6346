//! Every limit of the house, named, with unit, reason and what happens when it is hit.

// --- browser transport

/// Bytes of the largest datagram a leg sends; room for SRTP's tag is included. A larger payload is not sent.
pub const PACKET_MAX: usize = 1_400;
/// Handshakes that may be half open on one shard; a further one waits for a place.
pub const HALF_OPEN_MAX: usize = 256;
