//! The sound test: what one caller says is kept for seconds, played back to them once, and wiped.
//!
//! ```text
//!   Listening ── so long, or a pause after speech ──▶ Replying ── all said ──▶ told, wiped
//!       └────────── nothing was said ─────────────────────────────────────────▶ told, wiped
//! ```
//!
//! The sound never leaves its leg: no command and no event carries it. It is kept as it comes in, after the jitter buffer
//! and before anything is done to it, in a block that is made once and never moves, so that wiping it wipes all there is.

use dsp::{Frame, Level, PlayoutStats, SpeechGate};
use zeroize::Zeroize;

use super::{Ear, Leg};
use crate::{
    limit::{ECHO_MAX, ECHO_PAUSE},
    media::{
        api::{Echoed, Event},
        common::Common,
        encoders::Stream,
        tick::ticks,
    },
};

/// What a leg says, on its way back to it.
#[derive(Debug)]
pub(super) struct Echo {
    token: u64,
    stage: Stage,
    /// What was said.
    sound: Vec<Frame>,
    /// The counters of the leg's playout at the beginning.
    before: PlayoutStats,
}

#[derive(Debug)]
enum Stage {
    Listening {
        gate: SpeechGate,
        /// Where the last speech ended, if there was any.
        spoken: Option<usize>,
    },
    Replying {
        next: usize,
        stream: Option<Box<Stream>>,
    },
}

impl Echo {
    fn new(token: u64, before: PlayoutStats) -> Self {
        Self {
            token,
            stage: Stage::Listening {
                gate: SpeechGate::new(),
                spoken: None,
            },
            sound: Vec::with_capacity(most()),
            before,
        }
    }

    /// Keeps a tick of sound; true when it is time to reply.
    fn keep(&mut self, sound: &Frame, claim: Option<Level>) -> bool {
        let Stage::Listening { gate, spoken } = &mut self.stage else {
            return false;
        };
        self.sound.push(sound.clone());
        let level = claim.map_or(Level::SILENCE, |_| sound.level());
        gate.handle(level);
        if gate.is_speaking() {
            *spoken = Some(self.sound.len());
        }
        let paused = spoken.is_some_and(|spoken| self.sound.len() >= spoken + pause());
        paused || self.sound.len() >= most()
    }

    /// Begins to reply; false if nothing was said.
    fn reply(&mut self) -> bool {
        let Stage::Listening { spoken, .. } = self.stage else {
            return true;
        };
        if spoken.is_none() {
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

    fn wipe(&mut self) {
        for frame in &mut self.sound {
            frame.samples.zeroize();
        }
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.wipe();
    }
}

impl Leg {
    /// Listens to what the leg says from the next tick on, in place of what was listened to before.
    pub(in crate::media) fn begin_echo(&mut self, token: u64) {
        self.echo = Some(Box::new(Echo::new(token, self.playout.stats())));
    }

    /// Does what a leg outside all conferences does in a tick that has begun: hears prompts, or itself.
    pub(in crate::media) fn tick_alone(&mut self, claim: Option<Level>, common: &mut Common) {
        let ear = self.ear(true, common);
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
        let full = echo.keep(&sound, claim);
        sound.samples.zeroize();
        !full || echo.reply()
    }

    fn give_back(&mut self, echo: &mut Echo, ear: Ear, common: &mut Common) -> bool {
        let Stage::Replying { next, stream } = &mut echo.stage else {
            return true;
        };
        let Some(sound) = echo.sound.get(*next) else {
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

/// Ticks of sound that are kept at most.
fn most() -> usize {
    ticks(ECHO_MAX) as usize
}

/// Ticks without speech that end what was said.
fn pause() -> usize {
    ticks(ECHO_PAUSE) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(frames: &[Frame]) -> Echo {
        let mut echo = Echo::new(1, PlayoutStats::default());
        for frame in frames {
            if echo.keep(frame, Some(frame.level())) {
                break;
            }
        }
        echo
    }

    #[test]
    fn it_ends_after_a_pause_or_when_it_is_full_and_its_block_never_moves() {
        let tone = dsp::tone::sine(440.0, -20.0, 50);
        let pause = vec![Frame::SILENCE; 1_000];
        let begun = Echo::new(1, PlayoutStats::default());
        assert!(begun.sound.capacity() >= most());
        let mut echo = said(&[tone.clone(), pause.clone()].concat());
        let kept = echo.sound.len();
        assert!(
            (50 + super::pause()..100 + super::pause()).contains(&kept),
            "{kept}"
        );
        assert!(echo.reply());
        let mut echo = said(&pause);
        assert_eq!(echo.sound.len(), most());
        assert!(!echo.reply(), "nothing was said");
        let capacity = echo.sound.capacity();
        let long: Vec<Frame> = std::iter::repeat_n(tone, 30).flatten().collect();
        let echo = said(&long);
        assert_eq!(
            (echo.sound.len(), echo.sound.capacity()),
            (most(), capacity)
        );
    }

    #[test]
    fn wiping_leaves_nothing_of_it() {
        let mut echo = said(&dsp::tone::sine(440.0, -20.0, 50));
        assert!(echo.sound.iter().any(|frame| *frame != Frame::SILENCE));
        echo.wipe();
        assert!(echo.sound.iter().all(|frame| *frame == Frame::SILENCE));
    }

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
