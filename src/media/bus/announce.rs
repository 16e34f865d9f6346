//! What is said into a conference over the talk, which goes on beneath it: to all who hear it, or to one leg alone.
//!
//! ```text
//! announcement ─ [ queue ] ─ one at a time ─ a source of the mix, under which the speakers are turned down
//! whisper ────── [ queue ] ─ a few at a time ─ laid over one leg's own mix, which is turned down beneath it
//! ```
//!
//! Invariants: words at their end are told of, unless others took their place; of two whispers to one leg the later
//! takes the place of the earlier; one whisper begins per tick, so that a spare stream is there for it; all memory
//! is taken with the command, none in the tick.

use std::collections::VecDeque;

use dsp::{FRAME_SAMPLES, Frame};

use crate::{
    id::{ConferenceId, LegId},
    limit::{ANNOUNCEMENTS_WAITING_MAX, WHISPERS_MAX, WHISPERS_WAITING_MAX},
    media::{
        api::{Event, Unplayed},
        common::Common,
        player::{Clips, Player},
    },
};

/// The words that are said over the talk of one conference, and those that wait.
#[derive(Debug, Default)]
#[expect(clippy::vec_box, reason = "moves from place to place as a pointer")]
pub(super) struct Announcer {
    announcement: Option<Box<Words>>,
    announcements: VecDeque<Box<Words>>,
    whispers: Vec<Box<Words>>,
    waiting: VecDeque<Box<Words>>,
    /// Words that are over, for others to come.
    spare: Vec<Box<Words>>,
}

/// Who hears words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hearer {
    All(ConferenceId),
    One(LegId),
}

/// Something that is said, from its beginning until the talk is as loud again as before.
#[derive(Debug)]
pub(super) struct Words {
    hearer: Hearer,
    player: Player,
    phase: Phase,
    /// What is said in this tick.
    sound: Frame,
    /// How loud the talk is meanwhile, as a factor.
    beneath: i32,
    duck: Duck,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Said.
    Speaking,
    /// Broken off: the next tick is the last and fades.
    Stopping,
    /// Nothing more is said.
    Over,
}

impl Announcer {
    /// Says clips to all, after those that were announced before.
    pub(super) fn announce(
        &mut self,
        conference: ConferenceId,
        player: Player,
        softly: bool,
        clips: &Clips,
    ) -> Result<(), Unplayed> {
        clips.fit_over_talk(&player)?;
        if self.announcements.len() >= ANNOUNCEMENTS_WAITING_MAX {
            return Err(Unplayed::TooMany);
        }
        let beneath = if softly { FULL } else { BENEATH };
        let words = self.words(Hearer::All(conference), player, beneath);
        self.announcements.push_back(words);
        Ok(())
    }

    /// Says clips to one leg, in place of what is being said to it.
    pub(super) fn whisper(
        &mut self,
        leg: LegId,
        player: Player,
        clips: &Clips,
    ) -> Result<(), Unplayed> {
        clips.fit_over_talk(&player)?;
        let others = self.waiting.iter().filter(|words| !words.is_for(leg));
        if others.count() >= WHISPERS_WAITING_MAX {
            return Err(Unplayed::TooMany);
        }
        self.hush(leg);
        let words = self.words(Hearer::One(leg), player, BENEATH);
        self.waiting.push_back(words);
        self.whispers.reserve(WHISPERS_MAX);
        Ok(())
    }

    /// Breaks off what is said to a leg, and forgets what waits for it.
    pub(super) fn hush(&mut self, leg: LegId) {
        self.waiting.retain(|words| !words.is_for(leg));
        let mut whispers = self.whispers.iter_mut();
        if let Some(words) = whispers.find(|words| words.is_for(leg))
            && words.phase == Phase::Speaking
        {
            words.phase = Phase::Stopping;
        }
    }

    /// Forgets a leg that has left.
    pub(super) fn forget(&mut self, leg: LegId) {
        self.waiting.retain(|words| !words.is_for(leg));
        self.whispers.retain(|words| !words.is_for(leg));
    }

    /// Takes the next 20 ms of everything that is said, and tells what has come to its end.
    pub(super) fn advance(&mut self, common: &mut Common) {
        self.advance_announcement(common);
        self.advance_whispers(common);
    }

    /// Returns what is said to all in this tick.
    pub(super) fn announcement(&self) -> Option<&Words> {
        self.announcement.as_deref()
    }

    /// Returns to which legs something is said in this tick, with a number for each.
    pub(super) fn whispers(&self) -> impl Iterator<Item = (usize, LegId)> {
        let whispers = self.whispers.iter().enumerate();
        whispers.filter_map(|(number, words)| match words.hearer {
            Hearer::One(leg) => Some((number, leg)),
            Hearer::All(_) => None,
        })
    }

    /// Returns what is said under this number.
    pub(super) fn whispered(&self, number: usize) -> &Words {
        &self.whispers[number]
    }

    fn advance_announcement(&mut self, common: &mut Common) {
        if self.announcement.is_none() {
            self.announcement = self.announcements.pop_front();
        }
        let Some(words) = &mut self.announcement else {
            return;
        };
        if words.phase == Phase::Over
            && let Some(next) = self.announcements.pop_front()
        {
            self.spare.push(words.give_way(next));
        }
        words.advance(common);
        if words.is_over() {
            self.spare.extend(self.announcement.take());
        }
    }

    fn advance_whispers(&mut self, common: &mut Common) {
        for number in (0..self.whispers.len()).rev() {
            let words = &mut self.whispers[number];
            let mut waiting = self.waiting.iter();
            if words.phase == Phase::Over
                && let Some(next) = waiting.position(|next| next.hearer == words.hearer)
                && let Some(next) = self.waiting.remove(next)
            {
                self.spare.push(words.give_way(next));
            }
            words.advance(common);
            if words.is_over() {
                let words = self.whispers.swap_remove(number);
                self.spare.push(words);
            }
        }
        if self.whispers.len() < WHISPERS_MAX
            && let Some(next) = self.next_whisper()
            && let Some(mut words) = self.waiting.remove(next)
        {
            words.advance(common);
            self.whispers.push(words);
        }
    }

    /// Finds the first that waits and whose leg nothing else is being said to.
    fn next_whisper(&self) -> Option<usize> {
        self.waiting.iter().position(|next| {
            let mut others = self.whispers.iter();
            others.all(|words| words.hearer != next.hearer)
        })
    }

    fn words(&mut self, hearer: Hearer, player: Player, beneath: i32) -> Box<Words> {
        let words = Words {
            hearer,
            player,
            phase: Phase::Speaking,
            sound: Frame::SILENCE,
            beneath,
            duck: Duck::OFF,
        };
        let spare = self.spare.pop();
        // Room for all there are, so that none is made in the tick.
        self.spare.reserve(self.len() + 1);
        match spare {
            Some(mut spare) => {
                *spare = words;
                spare
            }
            None => Box::new(words),
        }
    }

    fn len(&self) -> usize {
        let announcements = usize::from(self.announcement.is_some()) + self.announcements.len();
        announcements + self.whispers.len() + self.waiting.len()
    }
}

impl Words {
    /// Lays the words over a sum of sounds, which is turned down beneath them.
    pub(super) fn lay_over(&self, sums: &mut [i32; FRAME_SAMPLES]) {
        let factors = self.duck.factors();
        let words = self.sound.samples.iter().zip(factors);
        for (sum, (word, factor)) in sums.iter_mut().zip(words) {
            *sum = ((*sum * factor) >> SHIFT) + i32::from(*word);
        }
    }

    /// Turns a sound down that lies beneath the words.
    #[expect(clippy::cast_possible_truncation, reason = "no factor is above one")]
    pub(super) fn turn_down(&self, sound: &mut Frame) {
        for (sample, factor) in sound.samples.iter_mut().zip(self.duck.factors()) {
            *sample = ((i32::from(*sample) * factor) >> SHIFT) as i16;
        }
    }

    /// Returns what is said in this tick.
    pub(super) const fn sound(&self) -> &Frame {
        &self.sound
    }

    /// Lets other words go on in this place, with the talk as quiet as it is.
    fn give_way(self: &mut Box<Self>, mut next: Box<Self>) -> Box<Self> {
        next.duck = self.duck;
        std::mem::replace(self, next)
    }

    fn advance(&mut self, common: &mut Common) {
        let spot = match self.phase {
            Phase::Speaking | Phase::Stopping => self.player.take(&common.clips),
            Phase::Over => None,
        };
        match spot.and_then(|spot| common.clips.sound(spot)) {
            Some(sound) => self.sound.clone_from(sound),
            None => self.sound = Frame::SILENCE,
        }
        if self.phase == Phase::Stopping {
            fade(&mut self.sound);
            self.phase = Phase::Over;
        } else if self.phase == Phase::Speaking && spot.is_none() {
            self.phase = Phase::Over;
            self.tell_end(common);
        }
        self.duck.step(match self.phase {
            Phase::Speaking | Phase::Stopping => self.beneath,
            Phase::Over => FULL,
        });
    }

    fn tell_end(&self, common: &mut Common) {
        let token = self.player.token();
        common.tell(match self.hearer {
            Hearer::One(leg) => Event::Played { leg, token },
            Hearer::All(conference) => Event::Announced {
                conference,
                token,
                outcome: Ok(()),
            },
        });
    }

    fn is_for(&self, leg: LegId) -> bool {
        self.hearer == Hearer::One(leg)
    }

    fn is_over(&self) -> bool {
        self.phase == Phase::Over && self.duck == Duck::OFF
    }
}

/// How loud the talk is beneath words, as factors at the beginning and the end of a tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Duck {
    from: i32,
    to: i32,
}

impl Duck {
    /// As loud as ever.
    const OFF: Self = Self {
        from: FULL,
        to: FULL,
    };

    /// Goes on by a tick towards a factor: down in 40 ms, up in 200.
    fn step(&mut self, factor: i32) {
        self.from = self.to;
        self.to = if factor < self.to {
            (self.to - (FULL - BENEATH) / 2).max(factor)
        } else {
            (self.to + (FULL - BENEATH) / 10).min(factor)
        };
    }

    /// Returns a factor for each sample, sliding.
    fn factors(self) -> impl Iterator<Item = i32> {
        let Self { from, to } = self;
        (0..LENGTH).map(move |at| from + (to - from) * at / LENGTH)
    }
}

#[expect(clippy::cast_possible_truncation, reason = "no factor is above one")]
fn fade(sound: &mut Frame) {
    for (rest, sample) in (1..=LENGTH).rev().zip(&mut sound.samples) {
        *sample = (i32::from(*sample) * rest / LENGTH) as i16;
    }
}

/// Samples of a tick.
#[expect(clippy::cast_possible_truncation, reason = "960")]
const LENGTH: i32 = FRAME_SAMPLES as i32;

/// Bits after the point of a factor. Times the sum of eight speakers and an announcement it fits an `i32`.
const SHIFT: u32 = 10;

/// The factor that leaves a sound as it is.
const FULL: i32 = 1 << SHIFT;

/// The factor of the talk beneath words, −10 dB: words at −26 dBov stand clearly above it, and it can still be followed.
const BENEATH: i32 = 324;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_talk_goes_down_in_two_ticks_and_comes_back_in_ten() {
        let mut duck = Duck::OFF;
        let steps = |duck: &mut Duck, end| {
            let steps = std::iter::repeat_with(|| {
                duck.step(end);
                duck.to
            });
            steps.take(50).position(|to| to == end).map(|at| at + 1)
        };
        assert_eq!(steps(&mut duck, BENEATH), Some(2));
        assert_eq!(steps(&mut duck, FULL), Some(10));
        duck.step(FULL);
        assert_eq!(duck, Duck::OFF);
    }

    #[test]
    fn a_slide_has_no_step_between_two_ticks() {
        let mut duck = Duck::OFF;
        let mut before = FULL;
        for factor in [BENEATH, BENEATH, BENEATH, FULL, FULL, FULL] {
            duck.step(factor);
            for factor in duck.factors() {
                assert!((factor - before).abs() <= 1, "{before} {factor}");
                before = factor;
            }
            // The last sample of a tick lies a step before its end.
            assert!((duck.to - before).abs() <= 1);
        }
    }

    #[test]
    fn the_loudest_sum_fits_beneath_words() {
        let words = Words {
            hearer: Hearer::One(LegId::from_u64(1)),
            player: Player::new(Vec::new(), 0),
            phase: Phase::Speaking,
            sound: Frame {
                samples: [i16::MIN; FRAME_SAMPLES],
            },
            beneath: BENEATH,
            duck: Duck::OFF,
        };
        let mut sums = [9 * i32::from(i16::MIN); FRAME_SAMPLES];
        words.lay_over(&mut sums);
        assert_eq!(sums, [10 * i32::from(i16::MIN); FRAME_SAMPLES]);
    }
}
