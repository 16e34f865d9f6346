//! The sound test: what one caller says is kept for seconds, played back to them once, and wiped.
//!
//! ```text
//!   Listening ── so long, or a pause after speech ──▶ Replying ── all said ──▶ told, wiped
//!       └────────── nothing was said ─────────────────────────────────────────▶ told, wiped
//! ```
//!
//! The sound never leaves its leg: no command and no event carries it.

use dsp::{Frame, Level, PlayoutStats};
use zeroize::Zeroize;

use super::{Ear, Leg, listening::Listening};
use crate::{
    limit::{ECHO_MAX, ECHO_PAUSE},
    media::{
        api::{Echoed, Event},
        common::Common,
        encoders::Stream,
    },
};

/// What a leg says, on its way back to it.
#[derive(Debug)]
pub(super) struct Echo {
    token: u64,
    stage: Stage,
    /// What was said.
    kept: Listening,
    /// The counters of the leg's playout at the beginning.
    before: PlayoutStats,
}

#[derive(Debug)]
enum Stage {
    Listening,
    Replying {
        next: usize,
        stream: Option<Box<Stream>>,
    },
}

impl Echo {
    fn new(token: u64, before: PlayoutStats) -> Self {
        Self {
            token,
            stage: Stage::Listening,
            kept: Listening::new(ECHO_MAX, ECHO_PAUSE),
            before,
        }
    }

    /// Begins to reply; false if nothing was said.
    fn reply(&mut self) -> bool {
        if self.kept.spoken().is_none() {
            return false;
        }
        self.stage = Stage::Replying {
            next: 0,
            stream: None,
        };
        true
    }

    /// What is known of it in the end.
    fn outcome(&self, after: &PlayoutStats) -> Echoed {
        let since = |of: fn(&PlayoutStats) -> u64| of(after).saturating_sub(of(&self.before));
        let missing = since(|stats| stats.lost);
        let twice = since(|stats| stats.late) + since(|stats| stats.duplicate);
        Echoed {
            heard: matches!(self.stage, Stage::Replying { .. }),
            expected: (since(|stats| stats.received) + missing).saturating_sub(twice),
            lost: missing.saturating_sub(since(|stats| stats.recovered)),
        }
    }
}

impl Leg {
    /// Listens to what the leg says from the next tick on, in place of what was listened to before.
    pub(in crate::media) fn begin_echo(&mut self, token: u64) {
        self.recording = None;
        self.echo = Some(Box::new(Echo::new(token, self.playout.stats())));
    }

    /// Does what a leg outside all conferences does in a tick that has begun: hears prompts, or itself.
    pub(in crate::media) fn tick_alone(&mut self, claim: Option<Level>, common: &mut Common) {
        let ear = self.ear(true, common);
        self.record(claim, common);
        let Some(mut echo) = self.echo.take() else {
            return self.send_ear(ear, common);
        };
        let replying = matches!(echo.stage, Stage::Replying { .. });
        let goes_on = if replying {
            self.give_back(&mut echo, ear, common)
        } else {
            self.send_ear(ear, common);
            self.take_in(&mut echo, claim, common)
        };
        if goes_on {
            self.echo = Some(echo);
            return;
        }
        common.tell(Event::Echoed {
            leg: self.id,
            token: echo.token,
            echoed: echo.outcome(&self.playout.stats()),
        });
    }

    fn take_in(&mut self, echo: &mut Echo, claim: Option<Level>, common: &mut Common) -> bool {
        let mut sound = Frame::SILENCE;
        self.decode(&mut sound, common);
        let over = echo.kept.keep(&sound, claim);
        sound.samples.zeroize();
        !over || echo.reply()
    }

    fn give_back(&mut self, echo: &mut Echo, ear: Ear, common: &mut Common) -> bool {
        let Stage::Replying { next, stream } = &mut echo.stage else {
            return true;
        };
        let Some(sound) = echo.kept.sound().get(*next) else {
            if let Some(stream) = stream.take() {
                common.encoders.give(stream);
            }
            self.send_ear(ear, common);
            return false;
        };
        *next += 1;
        // A leg that is not sent to, or holds the call, hears nothing of it.
        if ear == Ear::Closed || self.is_on_hold() {
            self.send_ear(ear, common);
            return true;
        }
        let Common {
            encoders,
            outbox,
            counters,
            ..
        } = common;
        if !self.send_sound(stream, sound, encoders, (outbox, counters)) {
            self.send_ear(ear, common);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_late_or_twice_is_not_counted_twice() {
        let echo = Echo::new(
            1,
            PlayoutStats {
                received: 10,
                lost: 1,
                ..PlayoutStats::default()
            },
        );
        let after = PlayoutStats {
            received: 110,
            lost: 6,
            late: 2,
            duplicate: 3,
            recovered: 1,
            ..PlayoutStats::default()
        };
        let outcome = echo.outcome(&after);
        assert_eq!((outcome.expected, outcome.lost), (100, 4));
        assert!(!outcome.heard);
    }
}
