//! One conference's mix: who hears whom is the focus's word, what they hear is computed here.
//!
//! Each tick reads the roster itself, so that there is no second opinion on who is in: an attached leg without an entry
//! is cut, and one that waits for its first roster neither hears nor is heard.

use std::{collections::BTreeMap, time::Instant};

use dsp::{Frame, Mixer};

use super::{
    api::{Channels, Gone, Seat},
    common::Common,
    counters::Counter,
    leg::Leg,
    tick::Clock,
};
use crate::id::LegId;

/// All legs of a shard.
pub(super) type Legs = BTreeMap<LegId, Box<Leg>>;

/// The mix of one conference.
#[derive(Debug)]
pub(super) struct Bus {
    pub(super) clock: Clock,
    /// The attached legs.
    members: BTreeMap<LegId, Standing>,
    /// The roster as all participants see it.
    roster: BTreeMap<LegId, Seat>,
    turns: Vec<Turn>,
    mixer: Mixer,
    everyone: Frame,
    others: Frame,
    /// The next tick panics.
    fault: bool,
}

/// Whether a roster has been published since the leg joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Arriving,
    Settled,
}

/// One leg's part in a tick.
#[derive(Debug, Clone, Copy)]
struct Turn {
    leg: LegId,
    seat: Seat,
    /// It has something to say and a channel to say it in.
    heard: bool,
}

impl Bus {
    pub(super) fn new(clock: Clock) -> Self {
        Self {
            clock,
            members: BTreeMap::new(),
            roster: BTreeMap::new(),
            turns: Vec::new(),
            mixer: Mixer::new(),
            everyone: Frame::SILENCE,
            others: Frame::SILENCE,
            fault: false,
        }
    }

    /// Attaches a leg.
    pub(super) fn join(&mut self, leg: LegId, now: Instant) {
        self.members.insert(leg, Standing::Arriving);
        self.clock.start(now);
    }

    /// Detaches a leg.
    pub(super) fn leave(&mut self, leg: LegId) {
        self.members.remove(&leg);
        if self.members.is_empty() {
            self.clock.stop();
        }
    }

    /// Takes the roster as all participants see it.
    pub(super) fn handle_roster(&mut self, seats: Vec<(LegId, Seat)>) {
        self.roster = seats.into_iter().collect();
        for standing in self.members.values_mut() {
            *standing = Standing::Settled;
        }
    }

    /// Returns the attached legs.
    pub(super) fn members(&self) -> impl ExactSizeIterator<Item = LegId> {
        self.members.keys().copied()
    }

    /// Lets the next tick panic.
    pub(super) const fn inject_fault(&mut self) {
        self.fault = true;
    }

    /// Runs the tick that lies at `at`.
    pub(super) fn tick(&mut self, at: Instant, legs: &mut Legs, common: &mut Common, now: Instant) {
        assert!(!self.fault, "injected fault");
        self.line_up(common);
        self.listen(at, legs, common, now);
        let turns = std::mem::take(&mut self.turns);
        for row in turns.chunk_by(|a, b| a.seat.hears == b.seat.hears) {
            self.mix(row[0].seat.hears, &turns, legs);
            for turn in row {
                self.speak(turn, legs, common);
            }
        }
        self.turns = turns;
    }

    /// Reads the roster: who takes part in this tick, sorted into the rows of the matrix.
    fn line_up(&mut self, common: &mut Common) {
        self.turns.clear();
        for (leg, standing) in &self.members {
            let seat = match (self.roster.get(leg), standing) {
                (Some(seat), _) => *seat,
                (None, Standing::Arriving) => Seat::default(),
                (None, Standing::Settled) => {
                    common.counters.count(Counter::LegsWithoutRoster);
                    common.gone.push((*leg, Gone::NotInRoster));
                    continue;
                }
            };
            self.turns.push(Turn {
                leg: *leg,
                seat,
                heard: false,
            });
        }
        self.turns
            .sort_unstable_by_key(|turn| (turn.seat.hears, turn.leg));
    }

    /// Takes what every leg says; a leg whose time has not come, or that failed, drops out of the tick.
    fn listen(&mut self, at: Instant, legs: &mut Legs, common: &mut Common, now: Instant) {
        self.turns.retain_mut(|turn| {
            let Some(leg) = legs.get_mut(&turn.leg) else {
                return false;
            };
            let may_speak = turn.seat.speaks != Channels::NONE;
            let heard = common.guarded(leg, |leg, common| {
                leg.begin_tick(at, common, now).then(|| {
                    let heard = leg.listen(common, now) && may_speak;
                    leg.judge(heard, common);
                    heard
                })
            });
            turn.heard = heard.flatten().unwrap_or(false);
            heard.flatten().is_some()
        });
    }

    /// Sums what is said in the channels of a row.
    fn mix(&mut self, hears: Channels, turns: &[Turn], legs: &Legs) {
        self.mixer.clear();
        for turn in turns {
            if turn.heard
                && turn.seat.speaks.meets(hears)
                && let Some(leg) = legs.get(&turn.leg)
            {
                self.mixer.add(leg.said());
            }
        }
        self.mixer.everyone(&mut self.everyone);
    }

    /// Sends one leg its packet: the prompt, or the row's mix without its own part.
    fn speak(&mut self, turn: &Turn, legs: &mut Legs, common: &mut Common) {
        let Some(leg) = legs.get_mut(&turn.leg) else {
            return;
        };
        let sound = if turn.heard && turn.seat.speaks.meets(turn.seat.hears) {
            self.mixer.without(leg.said(), &mut self.others);
            &self.others
        } else {
            &self.everyone
        };
        common.guarded(leg, |leg, common| leg.utter(sound, common));
    }
}
