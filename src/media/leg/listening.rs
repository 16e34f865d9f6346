//! What one leg says, kept for a moment: until a pause after speech, or until there is no more room.
//!
//! It is kept as it comes in, after the jitter buffer and before anything is done to it, in a block that is made once and
//! never moves, so that wiping it wipes all there is.

use std::{ops::Range, time::Duration};

use dsp::{Frame, Level, SpeechGate};
use zeroize::Zeroize;

use crate::media::tick::ticks;

/// What is kept.
#[derive(Debug)]
pub(super) struct Listening {
    sound: Vec<Frame>,
    gate: SpeechGate,
    /// Where the first speech began and the last ended, if there was any.
    spoken: Option<Range<usize>>,
    most: usize,
    pause: usize,
}

impl Listening {
    /// Keeps nothing yet; the end is a pause after speech, or what is kept at most.
    pub(super) fn new(most: Duration, pause: Duration) -> Self {
        let most = ticks(most) as usize;
        Self {
            sound: Vec::with_capacity(most),
            gate: SpeechGate::new(),
            spoken: None,
            most,
            pause: ticks(pause) as usize,
        }
    }

    /// Keeps a tick of sound; true when it is over.
    pub(super) fn keep(&mut self, sound: &Frame, claim: Option<Level>) -> bool {
        if self.sound.len() >= self.most {
            return true;
        }
        self.sound.push(sound.clone());
        let level = claim.map_or(Level::SILENCE, |_| sound.level());
        self.gate.handle(level);
        let here = self.sound.len();
        if self.gate.is_speaking() {
            let begun = self.spoken.as_ref().map_or(here - 1, |spoken| spoken.start);
            self.spoken = Some(begun..here);
        }
        let spoken = self.spoken.as_ref();
        spoken.is_some_and(|spoken| here >= spoken.end + self.pause) || here >= self.most
    }

    /// Returns where the first speech began and the last ended, if there was any.
    pub(super) fn spoken(&self) -> Option<Range<usize>> {
        self.spoken.clone()
    }

    /// Returns what is kept.
    pub(super) fn sound(&self) -> &[Frame] {
        &self.sound
    }

    /// Gives away what is kept, in its block.
    pub(super) fn take(&mut self) -> Vec<Frame> {
        std::mem::take(&mut self.sound)
    }

    fn wipe(&mut self) {
        for frame in &mut self.sound {
            frame.samples.zeroize();
        }
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.wipe();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: Duration = Duration::from_secs(10);
    const PAUSE: Duration = Duration::from_secs(2);

    fn said(frames: &[Frame]) -> Listening {
        let mut kept = Listening::new(MOST, PAUSE);
        for frame in frames {
            if kept.keep(frame, Some(frame.level())) {
                break;
            }
        }
        kept
    }

    #[test]
    fn it_ends_after_a_pause_or_when_it_is_full_and_its_block_never_moves() {
        let tone = dsp::tone::sine(440.0, -20.0, 50);
        let pause = vec![Frame::SILENCE; 1_000];
        let kept = said(&[vec![Frame::SILENCE; 30], tone.clone(), pause.clone()].concat());
        let length = kept.sound().len();
        assert!((180..230).contains(&length), "{length}");
        let spoken = kept.spoken().unwrap();
        assert!(
            (28..40).contains(&spoken.start) && spoken.end + 100 == length,
            "{spoken:?}"
        );
        let kept = said(&pause);
        assert_eq!((kept.sound().len(), kept.spoken()), (500, None));
        let capacity = kept.sound.capacity();
        let long: Vec<Frame> = std::iter::repeat_n(tone, 30).flatten().collect();
        let mut kept = said(&long);
        assert_eq!((kept.sound.len(), kept.sound.capacity()), (500, capacity));
        assert!(kept.keep(&long[0], None), "there is no more room");
        assert_eq!(kept.sound.capacity(), capacity);
    }

    #[test]
    fn wiping_leaves_nothing_of_it() {
        let mut kept = said(&dsp::tone::sine(440.0, -20.0, 50));
        assert!(kept.sound().iter().any(|frame| *frame != Frame::SILENCE));
        kept.wipe();
        assert!(kept.sound().iter().all(|frame| *frame == Frame::SILENCE));
    }
}
