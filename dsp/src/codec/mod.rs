//! The codecs of the house.

/// An audio codec.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Codec {
    /// G.711 µ-law, 8 kHz.
    Pcmu,
    /// G.711 A-law, 8 kHz.
    Pcma,
    /// G.722 at 64 kbit/s, 16 kHz; its RTP clock is 8 kHz by an old mistake (RFC 3551 §4.5.2).
    G722,
    /// Opus, 48 kHz (RFC 6716).
    Opus,
}
