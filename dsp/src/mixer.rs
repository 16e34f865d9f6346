//! The mixer of RFC 4353: an exact sum, from which every speaker's own voice is taken out again.
//!
//! Sums stay wide until a listener's frame is made, so the order of adding never matters and `total − own` leaves no
//! trace. The one limit at the end leaves everything below full scale untouched, so mixes are bit-stable.

use std::fmt;

use crate::{FRAME_SAMPLES, Frame};

/// Adds frames and derives what each receiver hears.
#[derive(Clone)]
pub struct Mixer {
    sums: [i32; FRAME_SAMPLES],
}

impl Mixer {
    /// Makes a mixer that holds silence.
    pub const fn new() -> Self {
        Self {
            sums: [0; FRAME_SAMPLES],
        }
    }

    /// Forgets all that was added.
    pub fn clear(&mut self) {
        self.sums.fill(0);
    }

    /// Adds one source; up to [`MAX_SUMMANDS`](crate::limit::MAX_SUMMANDS) of them sum exactly.
    pub fn add(&mut self, frame: &Frame) {
        for (sum, &sample) in self.sums.iter_mut().zip(&frame.samples) {
            *sum = sum.wrapping_add(i32::from(sample));
        }
    }

    /// Returns the sum of all sources, as wide as it is.
    pub const fn sums(&self) -> &[i32; FRAME_SAMPLES] {
        &self.sums
    }

    /// Writes the sum of all sources: what a listener hears.
    pub fn everyone(&self, out: &mut Frame) {
        for (out, &sum) in out.samples.iter_mut().zip(&self.sums) {
            *out = limit(sum);
        }
    }

    /// Writes the sum without one source that was added: what this speaker hears.
    pub fn without(&self, own: &Frame, out: &mut Frame) {
        let sources = self.sums.iter().zip(&own.samples);
        for (out, (&sum, &own)) in out.samples.iter_mut().zip(sources) {
            *out = limit(sum.wrapping_sub(i32::from(own)));
        }
    }
}

impl Default for Mixer {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Mixer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mixer").finish_non_exhaustive()
    }
}

#[expect(clippy::cast_possible_truncation, reason = "saturated")]
fn limit(sum: i32) -> i16 {
    sum.clamp(i32::from(i16::MIN), i32::from(i16::MAX)) as i16
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A few samples repeated over a frame: enough to cover every value, cheap to draw.
    fn frame() -> impl Strategy<Value = Frame> {
        prop::array::uniform8(any::<i16>()).prop_map(|seed| {
            let mut frame = Frame::SILENCE;
            for (at, sample) in frame.samples.iter_mut().enumerate() {
                *sample = seed[at % 8];
            }
            frame
        })
    }

    fn mix<'a>(frames: impl IntoIterator<Item = &'a Frame>) -> Mixer {
        let mut mixer = Mixer::new();
        frames.into_iter().for_each(|frame| mixer.add(frame));
        mixer
    }

    fn everyone(mixer: &Mixer) -> Frame {
        let mut out = Frame::SILENCE;
        mixer.everyone(&mut out);
        out
    }

    proptest! {
        #[test]
        fn without_own_equals_a_mix_of_the_others(frames in prop::collection::vec(frame(), 1..12)) {
            let all = mix(&frames);
            for (own, frame) in frames.iter().enumerate() {
                let others = frames.iter().enumerate().filter(|(at, _)| *at != own);
                let mut heard = Frame::SILENCE;
                all.without(frame, &mut heard);
                prop_assert_eq!(heard, everyone(&mix(others.map(|(_, frame)| frame))));
            }
        }

        #[test]
        fn order_does_not_matter(
            (frames, shuffled) in prop::collection::vec(frame(), 1..12)
                .prop_flat_map(|frames| (Just(frames.clone()), Just(frames).prop_shuffle()))
        ) {
            prop_assert_eq!(everyone(&mix(&frames)), everyone(&mix(&shuffled)));
        }

        #[test]
        fn one_source_passes_unchanged(frame in frame()) {
            prop_assert_eq!(everyone(&mix([&frame])), frame);
        }
    }

    #[test]
    fn a_sum_beyond_full_scale_saturates_and_comes_back() {
        let loud = Frame {
            samples: [30_000; FRAME_SAMPLES],
        };
        let low = Frame {
            samples: [-30_000; FRAME_SAMPLES],
        };
        assert_eq!(everyone(&mix([&loud, &loud])).samples[0], i16::MAX);
        assert_eq!(everyone(&mix([&low, &low])).samples[0], i16::MIN);
        assert_eq!(everyone(&mix([&loud, &loud, &low])), loud);
    }

    #[test]
    fn clear_forgets() {
        let mut mixer = mix([&Frame {
            samples: [7; FRAME_SAMPLES],
        }]);
        mixer.clear();
        assert_eq!(everyone(&mixer), Frame::SILENCE);
    }
}
