//! What outlives the server: taken from the focus where it has changed, and given to the one that goes on.

use super::*;
use crate::{conference::kept::Kept, limit::RESUME_MAX};

/// Whether what is to outlive the server has changed.
#[derive(Debug, Default)]
pub(super) struct Keeping {
    pub(super) stale: bool,
}

impl Focus {
    /// Goes on with a conference that outlived the server, and in which nobody is yet.
    pub fn restored(config: FocusConfig, kept: Kept, now: Instant) -> Self {
        let until = now + RESUME_MAX;
        let mut focus = Self::new(config, now);
        focus.conference = ConferenceState {
            alarm: false,
            callers_wait: kept.callers,
            ..kept.state
        };
        focus.waiting.unshown = kept.callers;
        focus.memory.restore(kept, until);
        focus.state = State::Waiting { until };
        focus
    }

    /// Returns what is to outlive the server, where that has changed.
    pub fn kept(&mut self) -> Option<Kept> {
        std::mem::take(&mut self.kept.stale).then(|| {
            let mut kept = Kept {
                state: self.conference,
                ..Kept::default()
            };
            let role = |id| self.participants.get(&id).map(|who| who.role);
            self.memory.keep(role, &mut kept);
            kept.callers |= self.conference.callers_wait;
            kept
        })
    }
}
