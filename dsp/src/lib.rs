//! Sound: codecs, jitter buffer, concealment, resampling, shaping and the exact mixer.
//!
//! ```text
//! packet ─ Playout ─ due ─ Claim ─ Selector         (who is loudest)
//!             │
//!             ├ pass                                (everybody else; the last payloads are kept)
//!             └ decode ─ Frame ─ Shaper ─ Frame ─ Mixer
//!                          └ Witness                └ sums
//! packet ─ codec ← Decimator :Encoder ─ Frame ─ ComfortFill ─ Frame ─ Limiter ──┘
//!
//! Playout: JitterBuffer (hold ← delay, pace) → Backlog (undecoded) → Decoder → Concealer → Ready ⇄ stretch → Interpolator
//! ```
//!
//! What is decided of a tick is decided before anything is decoded: `due` fetches payloads and reads their claim, `pass`
//! drops them but for what warms the decoder should the leg be heard next, `decode` makes sound of them. Sound is stretched
//! only where it is decoded and heard; on a leg that passes, the delay is mended by dropping or waiting.
//!
//! Invariants: this crate knows no network, no RTP header, no room and no clock; nothing in the tick allocates after
//! construction; every sum is exact in `i32` and limited once; nothing a peer sends can panic or loop without bound.
#![deny(unsafe_code)]
#![warn(missing_docs)]

mod backlog;
mod claim;
mod comfort;
mod conceal;
mod delay;
mod dtmf;
mod frame;
mod gain;
mod handover;
mod jitter;
mod lags;
mod level;
mod limiter;
mod material;
mod mixer;
mod p56;
mod pace;
mod playout;
mod power;
mod prompt;
mod ready;
mod resample;
mod shaper;
mod sound;
mod speaker;
mod store;
mod stretch;
mod syllables;
mod witness;

pub mod codec;
pub mod limit;
pub mod speech;
pub mod tone;
pub mod wav;

pub use claim::Claim;
pub use codec::{
    Codec, CodecError, Complexity, Decoder, Encoder, EncoderSettings, LossClass, Payloads,
    encode_clip, outline,
};
pub use comfort::{ComfortFill, ComfortNoise};
pub use conceal::Concealer;
pub use dtmf::KeyFilter;
pub use frame::{FRAME_SAMPLES, Frame, SAMPLE_RATE, TICK};
pub use gain::Gain;
pub use handover::{Alike, Handover, Served};
pub use level::{Level, LineNoise, LineSound, SpeechGate};
pub use limit::MAX_PAYLOAD;
pub use limiter::Limiter;
pub use mixer::Mixer;
pub use p56::{ActiveLevel, SpeechMeter};
pub use playout::{Due, Malformed, Playout, PlayoutStats, Taken};
pub use prompt::{Recording, decode_ogg_opus, read_ogg_opus};
pub use resample::{Decimator, Interpolator, Ratio};
pub use shaper::{Shaper, ShaperPool, Shaping};
pub use speaker::{Nominee, Selector};
pub use syllables::{Heard, Syllables};
pub use witness::{Disturbance, Finding, Witness};

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
        holds::<Shaper>();
        holds::<ShaperPool>();
        holds::<Limiter>();
        holds::<ComfortNoise>();
        holds::<ComfortFill>();
        holds::<Witness>();
        holds::<SpeechMeter>();
    }

    #[test]
    fn a_frame_prints_its_level_and_not_its_samples() {
        assert_eq!(format!("{:?}", Frame::SILENCE), "Frame(-127 dBov)");
    }
}
