//! Sound: codecs, jitter buffer, concealment, resampling and the exact mixer.
//!
//! ```text
//! packet ─ Playout: JitterBuffer → Decoder → Concealer → Interpolator ─ Frame ─ Mixer ─ Frame ─ Encoder: Decimator → codec ─ packet
//! ```
//!
//! Invariants: this crate knows no network, no RTP header, no room and no clock; nothing in the tick allocates after
//! construction; every sum is exact in `i32` and limited once; nothing a peer sends can panic or loop without bound.
#![deny(unsafe_code)]
#![warn(missing_docs)]

mod backlog;
mod claim;
mod conceal;
mod delay;
mod frame;
mod handover;
mod jitter;
mod level;
mod mixer;
mod pace;
mod playout;
mod prompt;
mod ready;
mod resample;
mod sound;
mod store;
mod stretch;

pub mod codec;
pub mod limit;
pub mod tone;
pub mod wav;

pub use claim::Claim;
pub use codec::{
    Codec, CodecError, Complexity, Decoder, Encoder, EncoderSettings, LossClass, Payloads,
    encode_clip,
};
pub use conceal::Concealer;
pub use frame::{FRAME_SAMPLES, Frame, SAMPLE_RATE, TICK};
pub use handover::{Handover, Served};
pub use level::{Level, SpeechGate};
pub use limit::MAX_PAYLOAD;
pub use mixer::Mixer;
pub use playout::{Due, Playout, PlayoutStats, Taken};
pub use prompt::decode_ogg_opus;
pub use resample::{Decimator, Interpolator, Ratio};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_moves_between_threads_and_prints() {
        fn holds<T: std::fmt::Debug + Send>() {}
        holds::<Playout>();
        holds::<Encoder>();
        holds::<Decoder>();
        holds::<Mixer>();
        holds::<SpeechGate>();
        holds::<Frame>();
    }

    #[test]
    fn a_frame_prints_its_level_and_not_its_samples() {
        assert_eq!(format!("{:?}", Frame::SILENCE), "Frame(-127 dBov)");
    }
}
