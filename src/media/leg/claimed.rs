//! What a leg's packets say of a tick before anybody is chosen to be decoded and heard.

use std::time::Instant;

use dsp::{Due, Level, LineSound};

use super::{Leg, keys::Keys};
use crate::media::{api::Event, common::Common, counters::Counter};

impl Leg {
    /// Takes what the leg sent for this tick, undecoded unless keys must be sought in it; returns how loud it claims to be,
    /// if it is anything. On hold it says nothing.
    pub(in crate::media) fn due(&mut self, common: &mut Common, now: Instant) -> Option<Level> {
        if common.probes.take(self.playout.wants_probe()) {
            self.playout.probe();
        }
        let due = self.playout.due(now);
        let level = match &mut self.keys {
            Keys::Events => match due {
                Due::Sound(claim) => self.known(claim.level, common),
                Due::Silence => None,
            },
            Keys::Heard(keys) => {
                common.counters.count(Counter::FramesDecoded);
                let found = keys.hear(&mut self.playout, now);
                if let Some(digit) = found {
                    let leg = self.id;
                    common.tell(Event::Digit { leg, digit });
                }
                keys.level()
            }
        };
        level.filter(|_| !self.is_on_hold())
    }

    /// Returns how loud the tick is whose claim was just made, decoded where that claim is worth little and there is time to.
    /// What is worth nothing makes nobody a candidate: it waits for its turn to be decoded.
    fn known(&mut self, claim: Level, common: &mut Common) -> Option<Level> {
        if self.playout.wants_look() && common.probes.take_look() {
            common.counters.count(Counter::FramesDecoded);
            return self.playout.look();
        }
        (!self.playout.is_unknown()).then_some(claim)
    }

    /// Tells what a tick's claim says of the leg's line; none is a pause.
    pub(in crate::media) fn line_sound(&mut self, claim: Option<Level>) -> LineSound {
        if let Some(claim) = claim {
            return self.noise.handle(claim);
        }
        self.noise.pass();
        LineSound::Noise
    }
}
