//! What SRTP remembers of a source: its highest index and which packets below it have arrived (RFC 3711 §3.3.1, §3.3.2).
//!
//! Everything here is a value: a packet's effect is computed before it is authenticated and stored after.

use crate::{
    limit::{SRTP_REPLAY_WINDOW, SRTP_SOURCES_GONE_MAX, SRTP_SOURCES_MAX},
    rtp::Discard,
};

/// Guesses the 48-bit index of a sequence number: the one closest to the highest index so far (RFC 3711 §3.3.1).
///
/// `None` is a packet from before the first rollover of a stream that has seen none.
pub(super) fn estimate(top: u64, sequence: u16) -> Option<u64> {
    let rollover = top >> 16;
    let ahead = i32::from(sequence) - i32::from((top & 0xffff) as u16);
    let rollover = if ahead > 0x8000 {
        rollover.checked_sub(1)?
    } else if ahead < -0x8000 {
        rollover + 1
    } else {
        rollover
    };
    Some(rollover << 16 | u64::from(sequence))
}

/// The highest index of a source and a bit for each of those below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    top: u64,
    /// Bit n: index `top − n` has arrived.
    seen: u128,
}

impl Window {
    pub(super) const fn top(&self) -> u64 {
        self.top
    }

    /// A window of which all is taken as arrived up to its highest index.
    const fn closed(top: u64) -> Self {
        Self {
            top,
            seen: u128::MAX,
        }
    }

    /// Returns the window with `index` in it, or why it must not be accepted.
    pub(super) fn mark(window: Option<Self>, index: u64) -> Result<Self, Discard> {
        let Some(Self { top, seen }) = window else {
            return Ok(Self {
                top: index,
                seen: 1,
            });
        };
        if index > top {
            let shift = u32::try_from(index - top).unwrap_or(u32::MAX);
            let seen = seen.checked_shl(shift).unwrap_or(0) | 1;
            return Ok(Self { top: index, seen });
        }
        let age = top - index;
        if age >= SRTP_REPLAY_WINDOW {
            return Err(Discard::Late);
        }
        let bit = 1 << age;
        if seen & bit != 0 {
            return Err(Discard::Replayed);
        }
        Ok(Self {
            top,
            seen: seen | bit,
        })
    }
}

/// State of a few sources, in a table that never grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sources<T>([Option<(u32, T)>; SRTP_SOURCES_MAX]);

impl<T: Copy> Default for Sources<T> {
    fn default() -> Self {
        Self([None; SRTP_SOURCES_MAX])
    }
}

impl<T: Copy> Sources<T> {
    pub(super) fn is_full(&self) -> bool {
        self.0.iter().all(Option::is_some)
    }

    pub(super) fn find(&self, ssrc: u32) -> Option<&T> {
        let mut entries = self.0.iter().flatten();
        entries
            .find(|(known, _)| *known == ssrc)
            .map(|(_, state)| state)
    }

    /// Stores the state of a source, in its place or in a free one; a full table stays as it is.
    pub(super) fn put(&mut self, ssrc: u32, state: T) {
        let known = self
            .0
            .iter()
            .position(|entry| matches!(entry, Some((known, _)) if *known == ssrc));
        let place = known.or_else(|| self.0.iter().position(Option::is_none));
        if let Some(place) = place {
            self.0[place] = Some((ssrc, state));
        }
    }
}

/// State of the sources heard last, and which were heard before those: exchanges draw another one with each piece of music
/// and each transfer, under the same key, and then go on with that of before. Of one that is gone the highest index is kept: it may
/// come back with what is newer, and nothing that it sent can be replayed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Heard {
    /// The one heard last first.
    recent: [Option<(u32, Window)>; SRTP_SOURCES_MAX],
    gone: Vec<(u32, u64)>,
}

impl Heard {
    /// Returns the window of a source, none of one that is new; fails for a new one where too many are.
    pub(super) fn find(&self, ssrc: u32) -> Result<Option<Window>, Discard> {
        let mut recent = self.recent.iter().flatten();
        if let Some((_, window)) = recent.find(|(known, _)| *known == ssrc) {
            return Ok(Some(*window));
        }
        if let Some((_, top)) = self.gone.iter().find(|(gone, _)| *gone == ssrc) {
            return Ok(Some(Window::closed(*top)));
        }
        let is_full = self.recent.iter().all(Option::is_some);
        match is_full && self.gone.len() >= SRTP_SOURCES_GONE_MAX {
            true => Err(Discard::TooManySources),
            false => Ok(None),
        }
    }

    /// Stores the window of a source that [`Self::find`] did not refuse, in the place of the one heard longest ago if need be.
    pub(super) fn put(&mut self, ssrc: u32, window: Window) {
        let is =
            |entry: &Option<(u32, Window)>| matches!(entry, Some((known, _)) if *known == ssrc);
        let last = SRTP_SOURCES_MAX - 1;
        let place = self.recent.iter().position(is).unwrap_or(last);
        if let Some((gone, window)) = self.recent[place].filter(|(known, _)| *known != ssrc) {
            self.gone.retain(|(back, _)| *back != ssrc);
            self.gone.push((gone, window.top()));
        }
        self.recent[..=place].rotate_right(1);
        self.recent[0] = Some((ssrc, window));
    }
}
