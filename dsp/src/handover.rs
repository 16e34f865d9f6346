//! When a listener is served by the encoder everybody shares, and when by one of their own.
//!
//! ```text
//!            contributes                    silent for 25 ticks               a quiet tick, at the latest the 50th
//! Shared ─────────────────► Contributing ─────────────────────► Waiting ──────────────────────► Shared
//!                          ▲     (Converging while it counts)      │
//!                          └───────────────────────────────────────┘ contributes
//! ```
//!
//! Who speaks hears the mix without themselves and needs an encoder of their own, begun as a copy of the shared one. Back
//! there is no copy, since the shared encoder serves others: both have to code the same mix until their states are alike,
//! and what remains unlike is least heard where the mix is quiet. The quietest tick of the second to come cannot be known,
//! so a tick is taken that is as quiet as the quietest of those that passed while the states converged; speech has several
//! pauses in that time. The longer none comes the more is allowed, slowly at first, and the last tick is taken as it is.
//! Where the codec lets one encoder approach the other until both stand alike, that is awaited instead, and whatever the
//! mix is then, the change is not heard; should it take too long, a quiet tick has to do.
//!
//! Invariants: private from the first tick with a contribution on; never shared within 25 ticks after the last one; never
//! private 75 ticks after it where the encoders cannot be compared, nor 1,050 where they can.

use crate::Level;

/// Which encoder makes a listener's packet of a tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Served {
    /// The one that everybody with the same settings and mix shares.
    Shared,
    /// Their own: where there is none yet, a copy of the shared one as it stood before this tick.
    Private,
}

/// How the private encoder stands to the shared one after a tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alike {
    /// Nobody can tell: the codec gives no way, or there is no shared one.
    Unknown,
    /// They are on their way to each other.
    Approaching,
    /// A decoder cannot tell which of them it hears next.
    Yes,
}

/// Decides for one listener, tick by tick.
#[derive(Debug, Clone)]
pub struct Handover {
    state: State,
    /// The level of the tick before: what a decoder remembers counts as much as what it is told.
    before: Level,
}

impl Handover {
    /// Makes the hand-over of somebody who listens.
    pub const fn new() -> Self {
        Self {
            state: State::Shared,
            before: Level::SILENCE,
        }
    }

    /// Hears of a tick before it is coded: whether the listener is part of the mix, how loud the mix is, and how the
    /// encoders stood after the tick before.
    pub fn handle_tick(&mut self, contributes: bool, mix: Level, alike: Alike) -> Served {
        let level = mix.max(std::mem::replace(&mut self.before, mix));
        self.state = match self.state {
            State::Shared if !contributes => State::Shared,
            _ if contributes => State::Contributing,
            State::Shared | State::Contributing => State::Converging {
                ticks: 1,
                quietest: level,
            },
            State::Converging { ticks, quietest } if ticks < CONVERGENCE => State::Converging {
                ticks: ticks + 1,
                quietest: quietest.min(level),
            },
            State::Converging { .. } if alike == Alike::Yes => State::Shared,
            State::Converging { ticks, quietest }
                if alike == Alike::Approaching && ticks < LONGEST_APPROACH =>
            {
                State::Converging {
                    ticks: ticks + 1,
                    quietest: quietest.min(level),
                }
            }
            State::Converging { quietest, .. } => wait(0, quietest, level),
            State::Waiting { ticks, quietest } => wait(ticks, quietest, level),
        };
        match self.state {
            State::Shared => Served::Shared,
            State::Contributing | State::Converging { .. } | State::Waiting { .. } => {
                Served::Private
            }
        }
    }
}

impl Default for Handover {
    fn default() -> Self {
        Self::new()
    }
}

#[derive(Debug, Clone, Copy)]
enum State {
    Shared,
    /// Part of the mix.
    Contributing,
    /// Silent for this many ticks, the quietest of which is known.
    Converging {
        ticks: u16,
        quietest: Level,
    },
    /// Has let this many ticks pass that might have served.
    Waiting {
        ticks: u8,
        quietest: Level,
    },
}

/// Takes a tick that is quiet enough, else lets it pass.
fn wait(ticks: u8, quietest: Level, level: Level) -> State {
    let above = i32::from(level.as_dbov()) - i32::from(quietest.max(FAINT).as_dbov());
    if ticks + 1 == LONGEST_WAIT || above <= allowance(ticks) {
        return State::Shared;
    }
    State::Waiting {
        ticks: ticks + 1,
        quietest,
    }
}

/// Returns by how many dB a tick may be louder than the quietest, after this many have passed: 2 dB after 200 ms, 8 after
/// 400, 18 after 600. A second later nothing is refused.
fn allowance(ticks: u8) -> i32 {
    i32::from(ticks).pow(2) / 50
}

/// What is fainter is as good as silence: measured by a pause without any sound, no tick of speech would be quiet, and the last
/// one would be taken, however loud.
const FAINT: Level = Level::from_rfc6464(60);

/// Ticks both encoders code the same before one may take over from the other: half a second.
const CONVERGENCE: u16 = 25;

/// Ticks that one encoder may take to approach the other: 20 s. In speech it takes one to four, and up to seven.
const LONGEST_APPROACH: u16 = 1_000;

/// Ticks of which one has to do: a second.
const LONGEST_WAIT: u8 = 50;

#[cfg(test)]
mod tests {
    use super::*;

    const LOUD: Level = Level::from_rfc6464(20);
    const QUIET: Level = Level::from_rfc6464(50);

    /// Returns after how many ticks without a contribution the listener is back with the others.
    fn back_after(mut levels: impl FnMut(usize) -> Level) -> usize {
        let mut handover = Handover::new();
        assert_eq!(
            handover.handle_tick(true, LOUD, Alike::Unknown),
            Served::Private
        );
        (0..100)
            .position(|tick| {
                handover.handle_tick(false, levels(tick), Alike::Unknown) == Served::Shared
            })
            .unwrap()
    }

    #[test]
    fn a_listener_is_served_with_the_others() {
        let mut handover = Handover::new();
        for level in [Level::SILENCE, LOUD, QUIET] {
            assert_eq!(
                handover.handle_tick(false, level, Alike::Unknown),
                Served::Shared
            );
        }
    }

    #[test]
    fn who_contributes_is_served_alone_at_once_and_as_long() {
        let mut handover = Handover::new();
        for _ in 0..500 {
            assert_eq!(
                handover.handle_tick(true, QUIET, Alike::Unknown),
                Served::Private
            );
        }
    }

    #[test]
    fn in_a_steady_mix_the_first_tick_that_may_serves() {
        assert_eq!(back_after(|_| QUIET), 25);
        assert_eq!(back_after(|_| Level::SILENCE), 25);
    }

    #[test]
    fn a_pause_as_quiet_as_those_before_is_awaited() {
        // Syllables of 300 ms with pauses of 60: the second tick of a pause has quiet before it.
        let quiet = |tick: usize| tick % 15 < 3;
        let back = back_after(|tick| if quiet(tick) { QUIET } else { LOUD });
        assert_eq!(back, 31);
    }

    #[test]
    fn a_quieter_tick_than_any_before_serves_at_once() {
        let back = back_after(|tick| match tick {
            40.. => Level::SILENCE,
            10 | 11 => QUIET,
            _ => LOUD,
        });
        assert_eq!(back, 41);
    }

    #[test]
    fn encoders_that_approach_each_other_change_over_when_they_are_alike() {
        let back = |alike: fn(usize) -> Alike| {
            let mut handover = Handover::new();
            handover.handle_tick(true, LOUD, Alike::Unknown);
            let mut ticks = 0..2_000;
            ticks.position(|tick| handover.handle_tick(false, LOUD, alike(tick)) == Served::Shared)
        };
        assert_eq!(back(|_| Alike::Yes), Some(25));
        assert_eq!(
            back(|tick| if tick < 300 {
                Alike::Approaching
            } else {
                Alike::Yes
            }),
            Some(300)
        );
        assert_eq!(back(|_| Alike::Approaching), Some(1_000));
        assert_eq!(
            back(|tick| if tick < 300 {
                Alike::Approaching
            } else {
                Alike::Unknown
            }),
            Some(300)
        );
    }

    #[test]
    fn without_a_pause_more_and_more_is_allowed() {
        let quiet_once = |loud: u8| {
            move |tick: usize| match tick {
                10 | 11 => QUIET,
                _ => Level::from_rfc6464(loud),
            }
        };
        assert_eq!(back_after(quiet_once(49)), 33);
        assert_eq!(back_after(quiet_once(42)), 45);
        assert_eq!(back_after(quiet_once(20)), 64);
        assert_eq!(back_after(quiet_once(0)), 74);
    }

    #[test]
    fn who_contributes_again_begins_anew() {
        for silent in 1..60 {
            let mut handover = Handover::new();
            handover.handle_tick(true, LOUD, Alike::Unknown);
            for tick in 0..silent {
                // A quiet tick long ago keeps the wait open.
                let level = if tick < 2 { Level::SILENCE } else { LOUD };
                assert_eq!(
                    handover.handle_tick(false, level, Alike::Unknown),
                    Served::Private
                );
            }
            assert_eq!(
                handover.handle_tick(true, LOUD, Alike::Unknown),
                Served::Private
            );
            for _ in 0..25 {
                assert_eq!(
                    handover.handle_tick(false, QUIET, Alike::Unknown),
                    Served::Private
                );
            }
            assert_eq!(
                handover.handle_tick(false, QUIET, Alike::Unknown),
                Served::Shared
            );
        }
    }
}
