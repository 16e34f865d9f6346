//! Sound: codecs, jitter buffer, concealment, resampling and the exact mixer.
//!
//! Invariants: this crate knows no network, no RTP header, no room and no clock; nothing in the tick allocates after
//! construction; every sum is exact in `i32` and limited once.
#![warn(missing_docs)]

pub mod codec;

pub use codec::Codec;
