//! Prompts: frames decoded at start, played to one leg in place of what it hears.

use std::sync::Arc;

use dsp::Frame;

use super::api::ClipId;
use crate::limit::CLIPS_PER_PROMPT;

/// The table of clips, shared by all shards; [`ClipId`] is the index.
#[derive(Clone, Default)]
pub struct Clips(Arc<[Vec<Frame>]>);

impl Clips {
    /// Makes a table of decoded clips.
    pub fn new(clips: Vec<Vec<Frame>>) -> Self {
        Self(clips.into())
    }

    fn frame(&self, clip: ClipId, index: usize) -> Option<&Frame> {
        self.0.get(usize::from(clip.0))?.get(index)
    }
}

impl std::fmt::Debug for Clips {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Clips").field(&self.0.len()).finish()
    }
}

/// One prompt that is being played: clips one after another.
#[derive(Debug)]
pub(super) struct Player {
    clips: Vec<ClipId>,
    /// Which of the clips, and which of its frames, comes next.
    clip: usize,
    frame: usize,
    token: u64,
}

impl Player {
    /// Begins a prompt; what exceeds [`CLIPS_PER_PROMPT`] is left out.
    pub(super) fn new(mut clips: Vec<ClipId>, token: u64) -> Self {
        clips.truncate(CLIPS_PER_PROMPT);
        Self {
            clips,
            clip: 0,
            frame: 0,
            token,
        }
    }

    /// Returns the token of the command that began the prompt.
    pub(super) const fn token(&self) -> u64 {
        self.token
    }

    /// Takes the next frame; `None` at the end. A clip that is not in the table is passed over.
    pub(super) fn take<'a>(&mut self, table: &'a Clips) -> Option<&'a Frame> {
        while let Some(clip) = self.clips.get(self.clip) {
            if let Some(frame) = table.frame(*clip, self.frame) {
                self.frame += 1;
                return Some(frame);
            }
            self.clip += 1;
            self.frame = 0;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clips_follow_each_other_and_missing_ones_are_passed_over() {
        let table = Clips::new(vec![vec![frame(1), frame(2)], vec![], vec![frame(3)]]);
        let mut player = Player::new(vec![ClipId(2), ClipId(1), ClipId(9), ClipId(0)], 7);
        let heard: Vec<i16> =
            std::iter::from_fn(|| player.take(&table).map(|frame| frame.samples[0])).collect();
        assert_eq!(heard, [3, 1, 2]);
        assert_eq!(player.token(), 7);
    }

    #[test]
    fn an_overlong_prompt_is_cut() {
        let table = Clips::new(vec![vec![frame(1)]]);
        let mut player = Player::new(vec![ClipId(0); 10 * CLIPS_PER_PROMPT], 0);
        assert_eq!(
            std::iter::from_fn(|| player.take(&table)).count(),
            CLIPS_PER_PROMPT
        );
    }

    fn frame(value: i16) -> Frame {
        Frame {
            samples: [value; dsp::FRAME_SAMPLES],
        }
    }
}
