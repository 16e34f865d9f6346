//! The way back to a better hop than the one in use, which is kept until somebody answers there.

use std::{collections::VecDeque, time::Instant};

use sip::{Flow, locate::Hop};

use super::{Effect, Link, State};

/// The way back to a hop that stands before the one in use.
#[derive(Debug)]
pub(super) enum Back {
    /// None does.
    No,
    /// It is looked for at that time.
    At(Instant),
    /// Somebody looks for it.
    Locating,
    /// Somebody connects to it; others that stand before the one in use are left.
    Connecting { hop: Hop, left: VecDeque<Hop> },
    /// The endpoint asks over this flow whether it is there.
    Sounding {
        hop: Hop,
        flow: Flow,
        left: VecDeque<Hop>,
    },
}

impl Back {
    /// When a better hop is to be looked for.
    pub(super) const fn due(&self) -> Option<Instant> {
        match self {
            Self::At(at) => Some(*at),
            Self::No | Self::Locating | Self::Connecting { .. } | Self::Sounding { .. } => None,
        }
    }
}

impl Link {
    /// Looks for a better hop than the one in use.
    pub(super) fn look_back(&mut self) {
        self.returns = self.returns.saturating_add(1);
        self.set_back(Back::Locating);
        let place = self.upkeep.server.place().clone();
        self.effects.push_back(Effect::Locate(place));
    }

    /// Connects to the first of the hops that stand before the one in use; without one, that is used on.
    pub(super) fn try_better(&mut self, mut better: VecDeque<Hop>, now: Instant) {
        let back = match better.pop_front() {
            Some(hop) => {
                self.effects.push_back(Effect::Connect(hop.clone()));
                Back::Connecting { hop, left: better }
            }
            None => self.back_later(now),
        };
        self.set_back(back);
    }

    /// Takes it that somebody answers at a better hop, or nobody.
    pub(super) fn sounded(&mut self, answers: bool, now: Instant) {
        match self.take_back() {
            Back::Sounding { hop, flow, left } if answers => {
                self.go_on_with(hop, left);
                // Calls go on over the server that is left, which alone knows of them, and over its connection.
                self.bind(flow, false, now);
            }
            Back::Sounding { flow, left, .. } => {
                self.close(Some(flow));
                self.try_better(left, now);
            }
            other @ (Back::No | Back::At(_) | Back::Locating | Back::Connecting { .. }) => {
                self.set_back(other);
            }
        }
    }

    /// Leaves the flow in use for what is on its way back to a better hop; false if nothing is.
    pub(super) fn leave_flow(&mut self, now: Instant) -> bool {
        match self.take_back() {
            Back::No | Back::At(_) => return false,
            Back::Locating => self.state = State::Locating,
            Back::Connecting { hop, left } => {
                self.go_on_with(hop, left);
                self.state = State::Connecting;
            }
            Back::Sounding { hop, flow, left } => {
                self.go_on_with(hop, left);
                let before = self.bind(flow, true, now);
                self.close(before);
            }
        }
        true
    }

    /// Takes a better hop for the one in use, which comes after all that are left.
    pub(super) fn go_on_with(&mut self, hop: Hop, mut left: VecDeque<Hop>) {
        left.extend(self.hop.replace(hop));
        self.hops = left;
    }

    /// When to look for a better hop than the one in use.
    pub(super) fn back_later(&mut self, now: Instant) -> Back {
        match self.hop == self.first {
            true => Back::No,
            false => Back::At(now + self.wait_after(self.returns)),
        }
    }

    /// What is connected to on the way back, and what is left then.
    pub(super) fn connecting_back(&mut self) -> Option<(Hop, VecDeque<Hop>)> {
        match self.take_back() {
            Back::Connecting { hop, left } => Some((hop, left)),
            other @ (Back::No | Back::At(_) | Back::Locating | Back::Sounding { .. }) => {
                self.set_back(other);
                None
            }
        }
    }

    pub(super) fn take_back(&mut self) -> Back {
        match &mut self.state {
            State::Up { back, .. } => std::mem::replace(&mut **back, Back::No),
            State::Waiting { .. } | State::Locating | State::Connecting | State::Off => Back::No,
        }
    }

    pub(super) fn set_back(&mut self, to: Back) {
        if let State::Up { back, .. } = &mut self.state {
            **back = to;
        }
    }
}
