//! The dialogue of a call to the sound test: speak, hear yourself once, hear how it came through, and again.
//!
//! ```text
//!   Inviting ──words and tone said──▶ Listening ──played back, wiped──▶ Telling ──said──▶ Asking
//!      ▲                                                                   │ 1             │ 1
//!      └───────────────────────────────────────────────────────────────────┴───────────────┤
//!                                       Over ◀── no key for a while, or so long in all ─────┘
//! ```
//!
//! No room, no PIN, nothing kept. Played back is by the media engine; here is only what is said when.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use crate::{
    conference::event::{Event, Passage, SoundTest},
    limit::{ECHO_MAX, PROMPT_TIMEOUT, SILENCE, SOUND_TEST_LASTS_MAX},
};

/// What the dialogue wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Say this; [`SoundCheck::handle_played`] follows.
    Say(Event),
    /// Listen to the caller and play it back; [`SoundCheck::handle_echoed`] follows.
    Listen,
    /// Say this and hang up.
    End(Event),
}

/// The dialogue.
#[derive(Debug)]
pub struct SoundCheck {
    stage: Stage,
    /// When this stage is left, whatever is missing.
    until: Instant,
    /// When it is over in any case.
    over_at: Instant,
    effects: VecDeque<Effect>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// They are told that they may speak.
    Inviting,
    /// They speak, or hear themself.
    Listening,
    /// They are told how it came through.
    Telling,
    /// They may do it again.
    Asking,
    /// It is over.
    Over,
}

impl SoundCheck {
    /// Begins.
    pub fn new(now: Instant) -> Self {
        let mut check = Self {
            stage: Stage::Inviting,
            until: now,
            over_at: now + SOUND_TEST_LASTS_MAX,
            effects: VecDeque::new(),
        };
        check.say(SoundTest::Begin, Stage::Inviting, now);
        check
    }

    /// Takes the next thing to be done.
    pub fn poll(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// When [`Self::handle_timeout`] is due; none when it is over.
    pub fn poll_timeout(&self) -> Option<Instant> {
        (self.stage != Stage::Over).then(|| self.until.min(self.over_at))
    }

    /// What was to be said has been said.
    pub fn handle_played(&mut self, now: Instant) {
        match self.stage {
            Stage::Inviting => {
                self.effects.push_back(Effect::Listen);
                self.enter(Stage::Listening, ECHO_LASTS_MAX, now);
            }
            Stage::Telling => self.enter(Stage::Asking, SILENCE, now),
            Stage::Listening | Stage::Asking | Stage::Over => {}
        }
    }

    /// What the caller said was played back and is wiped.
    pub fn handle_echoed(&mut self, passage: Passage, now: Instant) {
        if self.stage == Stage::Listening {
            self.say(SoundTest::Came(passage), Stage::Telling, now);
        }
    }

    /// Takes a key.
    pub fn handle_digit(&mut self, digit: char, now: Instant) {
        if digit == AGAIN && matches!(self.stage, Stage::Telling | Stage::Asking) {
            self.say(SoundTest::Again, Stage::Inviting, now);
        }
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        if now >= self.over_at {
            return self.end(now);
        }
        if now < self.until {
            return;
        }
        match self.stage {
            // That something was said may have been lost on the way here.
            Stage::Inviting | Stage::Telling => self.handle_played(now),
            Stage::Listening | Stage::Asking => self.end(now),
            Stage::Over => {}
        }
    }

    fn say(&mut self, said: SoundTest, stage: Stage, now: Instant) {
        self.effects
            .push_back(Effect::Say(Event::SoundTest { said }));
        self.enter(stage, PROMPT_TIMEOUT, now);
    }

    fn enter(&mut self, stage: Stage, within: Duration, now: Instant) {
        self.stage = stage;
        self.until = now + within;
    }

    fn end(&mut self, now: Instant) {
        if self.stage != Stage::Over {
            let said = SoundTest::End;
            self.effects
                .push_back(Effect::End(Event::SoundTest { said }));
            self.enter(Stage::Over, Duration::ZERO, now);
        }
    }
}

/// The key that begins anew.
const AGAIN: char = '1';

/// Listening and playing back, with time for both to be told.
const ECHO_LASTS_MAX: Duration = Duration::from_secs(2 * ECHO_MAX.as_secs() + 5);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conference::{
        event::{Band, Loss},
        participant::Protection,
    };

    const SECOND: Duration = Duration::from_secs(1);

    const PASSAGE: Passage = Passage {
        heard: true,
        band: Band::Wide,
        protection: Protection::None,
        loss: Some(Loss::Nothing),
    };

    fn effects(check: &mut SoundCheck) -> Vec<Effect> {
        std::iter::from_fn(|| check.poll()).collect()
    }

    fn say(said: SoundTest) -> Effect {
        Effect::Say(Event::SoundTest { said })
    }

    const END: Effect = Effect::End(Event::SoundTest {
        said: SoundTest::End,
    });

    #[test]
    fn they_speak_hear_themselves_once_and_are_told_how_it_was() {
        let now = t0();
        let mut check = SoundCheck::new(now);
        assert_eq!(effects(&mut check), [say(SoundTest::Begin)]);
        check.handle_digit('1', now);
        check.handle_played(now);
        assert_eq!(effects(&mut check), [Effect::Listen]);
        check.handle_digit('1', now);
        assert_eq!(effects(&mut check), []);
        check.handle_echoed(PASSAGE, now);
        assert_eq!(effects(&mut check), [say(SoundTest::Came(PASSAGE))]);
        check.handle_echoed(PASSAGE, now);
        check.handle_digit('2', now);
        assert_eq!(effects(&mut check), []);
        // Before the words are over, and after.
        check.handle_digit('1', now);
        assert_eq!(effects(&mut check), [say(SoundTest::Again)]);
        check.handle_played(now);
        check.handle_echoed(PASSAGE, now);
        check.handle_played(now);
        check.handle_digit('1', now + SECOND);
        let again = effects(&mut check);
        assert_eq!(again.last(), Some(&say(SoundTest::Again)));
    }

    #[test]
    fn it_ends_by_itself_at_every_stage() {
        for steps in 0..4 {
            let now = t0();
            let mut check = SoundCheck::new(now);
            for step in 0..steps {
                match step {
                    1 => check.handle_echoed(PASSAGE, now),
                    _ => check.handle_played(now),
                }
            }
            let mut last = now;
            while let Some(at) = check.poll_timeout() {
                assert!(at <= now + SOUND_TEST_LASTS_MAX, "{steps}");
                last = at;
                check.handle_timeout(at);
            }
            assert_eq!(effects(&mut check).last(), Some(&END), "{steps}");
            assert!(last > now);
            check.handle_timeout(last + SECOND);
            check.handle_played(last);
            check.handle_digit('1', last);
            assert_eq!(effects(&mut check), []);
        }
    }

    #[test]
    fn however_often_they_begin_anew_it_ends() {
        let mut now = t0();
        let end = now + SOUND_TEST_LASTS_MAX;
        let mut check = SoundCheck::new(now);
        while now < end {
            now += SECOND;
            check.handle_timeout(now);
            check.handle_played(now);
            check.handle_echoed(PASSAGE, now);
            check.handle_digit('1', now);
        }
        assert_eq!(check.poll_timeout(), None);
        assert_eq!(effects(&mut check).last(), Some(&END));
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the base instant of a simulated run"
    )]
    fn t0() -> Instant {
        Instant::now()
    }
}
