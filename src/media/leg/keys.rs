//! Where a telephone's key presses come from: telephone-events (RFC 4733) where they were agreed; else what it tells in
//! signalling (SIP INFO), and else its sound.
//!
//! Who presses a key does so once, but a gateway without telephone-events may both signal and let the tone through. The
//! sound is listened to until the first key is signalled, then only cleared of tones. A press that was heard already and
//! is signalled within [`SIGNALLED_WITHIN`] is that press.

use std::time::Instant;

use dsp::{Frame, KeyFilter, Level, Playout, Taken};

use crate::{limit::SIGNALLED_WITHIN, media::api::Format};

/// Where a leg's key presses come from.
#[derive(Debug)]
pub(super) enum Keys {
    /// Telephone-events alone; or a browser, whose keys are on the page.
    Events,
    /// Signalling, or the sound.
    Heard(Box<HeardKeys>),
}

/// Keys that are heard, or signalled, and the sound that is held back until it is known to be none.
#[derive(Debug)]
pub(super) struct HeardKeys {
    filter: KeyFilter,
    /// What the filter gave in this tick, and what it is.
    sound: Frame,
    taken: Taken,
    /// What the frames in the filter's line are.
    waiting: [Taken; KeyFilter::DELAY],
    /// The key heard last.
    last: Option<(char, Instant)>,
    signals: bool,
}

impl Keys {
    /// Returns where keys come from with this format.
    pub(super) fn of(format: &Format) -> Self {
        match format.telephone_event {
            Some(_) => Self::Events,
            None => Self::Heard(Box::default()),
        }
    }

    /// Heeds a new offer and answer.
    pub(super) fn update(&mut self, format: &Format) {
        let heard = matches!(self, Self::Heard(_));
        if heard == format.telephone_event.is_some() {
            *self = Self::of(format);
        }
    }

    /// Takes a key that was signalled; tells whether it counts.
    pub(super) fn handle_signalled(&mut self, digit: char, now: Instant) -> bool {
        let Self::Heard(keys) = self else {
            return false;
        };
        keys.signals = true;
        let heard = keys.last.take();
        heard.is_none_or(|(last, at)| {
            last != digit || now.saturating_duration_since(at) > SIGNALLED_WITHIN
        })
    }
}

impl Default for HeardKeys {
    fn default() -> Self {
        Self {
            filter: KeyFilter::new(),
            sound: Frame::SILENCE,
            taken: Taken::Silent,
            waiting: [Taken::Silent; KeyFilter::DELAY],
            last: None,
            signals: false,
        }
    }
}

impl HeardKeys {
    /// Decodes the tick that the playout has begun; returns the key that it makes known.
    pub(super) fn hear(&mut self, playout: &mut Playout, now: Instant) -> Option<char> {
        let taken = playout.decode(&mut self.sound);
        let found = self.filter.handle(&mut self.sound);
        self.taken = self.waiting[0];
        self.waiting.rotate_left(1);
        self.waiting[KeyFilter::DELAY - 1] = taken;
        let digit = found.filter(|_| !self.signals)?;
        self.last = Some((digit, now));
        Some(digit)
    }

    /// Returns how loud this tick's sound is, if it is any.
    pub(super) fn level(&self) -> Option<Level> {
        (self.taken != Taken::Silent).then(|| self.sound.level())
    }

    /// Gives this tick's sound.
    pub(super) fn give(&self, sound: &mut Frame) -> Taken {
        sound.clone_from(&self.sound);
        self.taken
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_press_that_is_heard_and_signalled_is_one() {
        let now = t0();
        let mut keys = heard();
        hears(&mut keys, '5', now);
        assert!(!keys.handle_signalled('5', now + Duration::from_millis(300)));
        // The same key again is another press, and is no longer listened for.
        assert!(keys.handle_signalled('5', now + Duration::from_millis(600)));
    }

    #[test]
    fn a_press_that_is_signalled_first_is_no_longer_listened_for() {
        let mut keys = heard();
        assert!(keys.handle_signalled('5', t0()));
        let Keys::Heard(keys) = &keys else {
            panic!("{keys:?}");
        };
        assert!(keys.signals);
    }

    #[test]
    fn another_key_and_one_that_comes_late_are_presses() {
        let now = t0();
        let mut keys = heard();
        hears(&mut keys, '5', now);
        assert!(keys.handle_signalled('6', now));
        let mut keys = heard();
        hears(&mut keys, '5', now);
        assert!(keys.handle_signalled('5', now + SIGNALLED_WITHIN + Duration::from_millis(1)));
    }

    #[test]
    fn where_events_were_agreed_nothing_else_counts() {
        let mut keys = Keys::Events;
        assert!(!keys.handle_signalled('5', t0()));
    }

    fn heard() -> Keys {
        Keys::Heard(Box::default())
    }

    fn hears(keys: &mut Keys, digit: char, now: Instant) {
        let Keys::Heard(keys) = keys else {
            panic!("{keys:?}");
        };
        keys.last = Some((digit, now));
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the base instant of a simulated run"
    )]
    fn t0() -> Instant {
        Instant::now()
    }
}
