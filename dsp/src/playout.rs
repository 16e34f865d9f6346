//! One leg's inbound path.

use std::time::Instant;

use crate::{Codec, CodecError, Frame};

/// What a tick took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// Sound that was received.
    Played,
    /// Sound made up for a gap.
    Concealed,
    /// Nothing was sent.
    Silent,
}

/// Counters of one inbound stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PlayoutStats {
    /// Packets put.
    pub received: u64,
    /// Packets that came after their time.
    pub late: u64,
    /// Packets that came twice.
    pub duplicate: u64,
    /// Packets that were missing when due.
    pub lost: u64,
    /// Frames with made-up sound.
    pub concealed: u64,
    /// Packets that are no sound of the codec.
    pub malformed: u64,
    /// Packets dropped at a limit.
    pub overflow: u64,
    /// Media time waiting.
    pub depth_ms: u32,
}

/// One leg's inbound path.
#[derive(Debug)]
pub struct Playout {
    _codec: Codec,
}

impl Playout {
    /// Makes an empty playout.
    pub fn new(codec: Codec) -> Result<Self, CodecError> {
        Ok(Self { _codec: codec })
    }
    /// Takes in one packet.
    pub fn put(&mut self, _sequence: u16, _timestamp: u32, _payload: &[u8], _now: Instant) {}
    /// Takes out one frame.
    pub fn take(&mut self, out: &mut Frame, _now: Instant) -> Taken {
        *out = Frame::SILENCE;
        Taken::Silent
    }
    /// Returns the counters.
    pub fn stats(&self) -> PlayoutStats {
        PlayoutStats::default()
    }
    /// Forgets the stream.
    pub fn reset(&mut self) {}
}
