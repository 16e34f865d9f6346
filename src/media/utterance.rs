//! Sounds that are no part of the catalogue: what people are called. They are wiped when they are forgotten.
//!
//! A shard keeps them beside the table of clips, each with the conference it belongs to, and as sound alone: what is said
//! over the talk is mixed, and what is said instead of it is coded as it is said.

use std::{collections::BTreeMap, fmt, ops::Range};

use dsp::Frame;
use zeroize::Zeroize;

use super::api::ClipId;
use crate::{id::ConferenceId, limit::UTTERANCES_MAX};

/// Something that somebody says or is called, as sound; wiped when dropped.
#[derive(PartialEq, Eq, Default)]
pub struct Utterance {
    sound: Vec<Frame>,
    /// Which part of it is said.
    part: Range<usize>,
}

impl Utterance {
    /// Takes sound over. The block that it comes in is the one that is wiped in the end.
    pub fn new(sound: Vec<Frame>) -> Self {
        let part = 0..sound.len();
        Self { sound, part }
    }

    /// Does the same with sound of which a part is said.
    pub(super) fn part_of(sound: Vec<Frame>, part: Range<usize>) -> Self {
        Self { sound, part }
    }

    /// Returns the sound.
    pub fn frames(&self) -> &[Frame] {
        self.sound.get(self.part.clone()).unwrap_or_default()
    }

    /// Overwrites the sound with silence.
    fn wipe(&mut self) {
        for frame in &mut self.sound {
            frame.samples.zeroize();
        }
    }
}

impl Drop for Utterance {
    fn drop(&mut self) {
        self.wipe();
    }
}

impl fmt::Debug for Utterance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Utterance").field(&self.part.len()).finish()
    }
}

/// A sound that may be said in a conference.
#[derive(Debug, PartialEq, Eq)]
pub struct Lesson {
    /// The conference.
    pub conference: ConferenceId,
    /// What it is known by; no clip of the catalogue.
    pub clip: ClipId,
    /// The sound.
    pub utterance: Utterance,
}

/// The sounds that a shard has learned.
#[derive(Debug, Default)]
pub(super) struct Utterances(BTreeMap<ClipId, (ConferenceId, Utterance)>);

impl Utterances {
    /// Learns a sound in place of one that was known by the same number; false where it would be one too many, or the number
    /// is one of the catalogue.
    pub(super) fn learn(&mut self, lesson: Lesson) -> bool {
        let Lesson {
            conference,
            clip,
            utterance,
        } = lesson;
        if !clip.is_learned() || self.0.len() >= UTTERANCES_MAX {
            return false;
        }
        self.0.insert(clip, (conference, utterance));
        true
    }

    /// Puts a sound in the place that was set aside for it by learning nothing; false where there is none any more.
    pub(super) fn fill(&mut self, clip: ClipId, utterance: Utterance) -> bool {
        let Some((_, kept)) = self.0.get_mut(&clip) else {
            return false;
        };
        *kept = utterance;
        true
    }

    /// Wipes a sound; false where it is not known.
    pub(super) fn forget(&mut self, clip: ClipId) -> bool {
        self.0.remove(&clip).is_some()
    }

    /// Wipes all sounds of a conference.
    pub(super) fn forget_all(&mut self, conference: ConferenceId) {
        self.0.retain(|_, (owner, _)| *owner != conference);
    }

    /// Returns a sound's frames; none of what is not known.
    pub(super) fn frames(&self, clip: ClipId) -> &[Frame] {
        let known = self.0.get(&clip);
        known.map_or(&[], |(_, utterance)| utterance.frames())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utterance() -> Utterance {
        Utterance::new(dsp::tone::sine(440.0, -20.0, 5))
    }

    fn lesson(conference: u64, clip: ClipId) -> Lesson {
        Lesson {
            conference: ConferenceId::from_u64(conference),
            clip,
            utterance: utterance(),
        }
    }

    fn learned(number: u32) -> ClipId {
        ClipId(ClipId::LEARNED.0 + number)
    }

    #[test]
    fn wiping_leaves_nothing_of_it_and_nothing_of_it_is_printed() {
        let mut utterance = utterance();
        assert_eq!(format!("{utterance:?}"), "Utterance(5)");
        utterance.wipe();
        let mut frames = utterance.frames().iter();
        assert!(frames.all(|frame| *frame == Frame::SILENCE));
    }

    #[test]
    fn a_part_is_said_and_the_whole_is_wiped() {
        let sound = dsp::tone::sine(440.0, -20.0, 9);
        let mut utterance = Utterance::part_of(sound, 2..5);
        assert_eq!(utterance.frames().len(), 3);
        utterance.wipe();
        assert!(utterance.sound.iter().all(|frame| *frame == Frame::SILENCE));
        assert!(Utterance::part_of(Vec::new(), 2..5).frames().is_empty());
    }

    #[test]
    fn a_place_is_filled_unless_it_was_given_up() {
        let mut known = Utterances::default();
        assert!(!known.fill(learned(1), utterance()));
        let aside = Lesson {
            utterance: Utterance::default(),
            ..lesson(1, learned(1))
        };
        assert!(known.learn(aside) && known.frames(learned(1)).is_empty());
        assert!(known.fill(learned(1), utterance()));
        assert_eq!(known.frames(learned(1)).len(), 5);
    }

    #[test]
    fn a_conference_takes_its_sounds_with_it_and_no_number_of_the_catalogue_is_taken() {
        let mut known = Utterances::default();
        assert!(!known.learn(lesson(1, ClipId(7))));
        for (number, conference) in [(0, 1), (1, 1), (2, 2)] {
            assert!(known.learn(lesson(conference, learned(number))));
        }
        assert!(known.forget(learned(0)) && !known.forget(learned(0)));
        known.forget_all(ConferenceId::from_u64(1));
        let left = [0, 1, 2].map(|number| known.frames(learned(number)).len());
        assert_eq!(left, [0, 0, 5]);
    }

    #[test]
    fn there_is_an_end_to_what_is_learned() {
        let mut known = Utterances::default();
        let fits = |number: &u32| known.learn(lesson(1, learned(*number)));
        assert_eq!((0..).take_while(fits).count(), UTTERANCES_MAX);
    }
}
