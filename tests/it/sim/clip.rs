//! The sound that stands for every prompt.

use dsp::{FRAME_SAMPLES, Frame, SAMPLE_RATE};
use rundruf::{conference::event::Clip, media::api::ClipId};

/// Frames of every clip: 1 s.
pub const CLIP_FRAMES: usize = 50;
/// Frequency of all clips: no voice has it.
pub const CLIP_HZ: f64 = 220.0;

/// What stands for every prompt: a tone that no voice has.
#[expect(clippy::cast_possible_truncation, reason = "the values are small")]
pub fn clip() -> Vec<Frame> {
    let step = std::f64::consts::TAU * CLIP_HZ / f64::from(SAMPLE_RATE);
    let frame = |number: usize| {
        let mut frame = Frame::SILENCE;
        for (index, sample) in frame.samples.iter_mut().enumerate() {
            let phase = (number * FRAME_SAMPLES + index) as f64 * step;
            *sample = (phase.sin() * 3_000.0) as i16;
        }
        frame
    };
    (0..CLIP_FRAMES).map(frame).collect()
}

/// What a clip is called in a ladder; `name` where it is no clip of the catalogue.
pub fn clip_key(id: ClipId) -> &'static str {
    if id.is_learned() {
        return "name";
    }
    Clip::ALL[id.0 as usize % Clip::ALL.len()].key()
}
