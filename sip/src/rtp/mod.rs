//! RTP (RFC 3550), its protection and the keys pressed in it, for telephones and browsers alike.
//!
//! ```text
//! datagram ─ srtp::Opener (where encrypted) ─ Session ─ Received::{Audio, Digit, Nothing}
//!                                                │ handle_rtcp, write_rtcp: reports, round trip
//! payload ── Session::write_rtp ── srtp::Sealer ─ datagram
//! ```
//!
//! Invariants: nothing here allocates per packet or fails because of what a peer sends; a packet that is of no use is a
//! [`Discard`], which the caller counts in its [`Discards`]. This module knows neither addresses nor sound.

pub mod packet;
pub mod red;
pub mod rtcp;
pub mod session;
pub mod srtp;
pub mod stats;
pub mod telephone_event;
#[cfg(test)]
mod vectors;

pub use packet::{Header, Packet};
pub use session::{
    Audio, Expected, Format, Received, RemoteReport, RtcpNews, Session, SessionConfig, Silence,
};

/// Why a received packet was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Discard {
    /// Its lengths or its version contradict RFC 3550.
    Malformed,
    /// Its payload type was not negotiated.
    UnknownPayloadType,
    /// It names a source that is not, or not yet, the accepted one.
    UnknownSource,
    /// Its sequence number is far from the stream's; a second one in sequence restarts the stream.
    OutOfSequence,
    /// It was received before.
    Replayed,
    /// It is older than the replay window.
    Late,
    /// Its authentication tag is wrong.
    NotAuthentic,
    /// It is SRTCP without encryption, which is not accepted.
    NotEncrypted,
    /// The table of sources is full.
    TooManySources,
}

impl Discard {
    /// How many reasons there are.
    pub const COUNT: usize = Self::ALL.len();

    /// All reasons, in the order of [`Discard::index`].
    pub const ALL: [Self; 9] = [
        Self::Malformed,
        Self::UnknownPayloadType,
        Self::UnknownSource,
        Self::OutOfSequence,
        Self::Replayed,
        Self::Late,
        Self::NotAuthentic,
        Self::NotEncrypted,
        Self::TooManySources,
    ];

    /// Returns the place of this reason in [`Discard::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }

    /// Returns the reason's name as metrics show it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::UnknownPayloadType => "unknown_payload_type",
            Self::UnknownSource => "unknown_source",
            Self::OutOfSequence => "out_of_sequence",
            Self::Replayed => "replayed",
            Self::Late => "late",
            Self::NotAuthentic => "not_authentic",
            Self::NotEncrypted => "not_encrypted",
            Self::TooManySources => "too_many_sources",
        }
    }
}

/// A counter for each [`Discard`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Discards([u64; Discard::COUNT]);

impl Discards {
    /// Counts one dropped packet.
    pub const fn count(&mut self, discard: Discard) {
        self.0[discard.index()] += 1;
    }

    /// Returns how many packets were dropped for this reason.
    pub const fn of(&self, discard: Discard) -> u64 {
        self.0[discard.index()]
    }

    /// Returns how many packets were dropped in all.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Adds another set of counters, for sums over legs.
    pub fn add(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine += theirs;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_its_own_counter() {
        let mut discards = Discards::default();
        for (place, discard) in Discard::ALL.into_iter().enumerate() {
            assert_eq!(discard.index(), place);
            for _ in 0..=place {
                discards.count(discard);
            }
        }
        for (place, discard) in Discard::ALL.into_iter().enumerate() {
            assert_eq!(discards.of(discard), place as u64 + 1);
        }
        let mut sum = discards;
        sum.add(&discards);
        assert_eq!(sum.total(), 2 * discards.total());
    }
}
