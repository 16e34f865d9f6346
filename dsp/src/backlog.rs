//! Sound whose time has come and that is not decoded: this tick's, and what a decoder needs to be warm for it.
//!
//! Payloads stay where they lie in the jitter buffer's store; here are only their places.

use std::collections::VecDeque;

use crate::{
    jitter::{JitterBuffer, Payload, Play},
    limit::MAX_PIECES,
};

/// Pieces in order, with the point up to which time has passed.
#[derive(Debug)]
pub(crate) struct Backlog {
    pieces: VecDeque<Play>,
    /// Timestamp units of all pieces.
    units: u32,
    /// Timestamp units at the front that passed unheard.
    passed: u32,
    /// Something before the front was dropped without having been decoded.
    torn: bool,
}

impl Backlog {
    pub(crate) fn new() -> Self {
        Self {
            pieces: VecDeque::with_capacity(MAX_PIECES),
            units: 0,
            passed: 0,
            torn: false,
        }
    }

    /// Returns the timestamp units still to be heard.
    pub(crate) const fn waiting(&self) -> u32 {
        self.units.saturating_sub(self.passed)
    }

    /// Tells whether something was lost to the decoder since asked last.
    pub(crate) const fn take_torn(&mut self) -> bool {
        std::mem::replace(&mut self.torn, false)
    }

    /// Appends a piece; at the limit the oldest is forgotten.
    pub(crate) fn push(&mut self, piece: Play, jitter: &mut JitterBuffer) {
        if self.pieces.len() >= MAX_PIECES {
            self.forget_first(jitter);
        }
        self.units += units(&piece);
        self.pieces.push_back(piece);
    }

    /// Takes the first piece to decode it, and how many of its timestamp units passed unheard.
    pub(crate) fn pop(&mut self) -> Option<(Play, u32)> {
        let piece = self.pieces.pop_front()?;
        let units = units(&piece);
        let passed = units.min(self.passed);
        self.units -= units;
        self.passed -= passed;
        Some((piece, passed))
    }

    /// Returns the payload at the front.
    pub(crate) fn first_payload(&self) -> Option<&Payload> {
        match self.pieces.front()? {
            Play::Payload(payload) => Some(payload),
            Play::Conceal { .. } | Play::Silence { .. } => None,
        }
    }

    /// Lets time pass; keeps at least the last `keep` units of it for the decoder.
    pub(crate) fn pass(&mut self, units: u32, keep: u32, jitter: &mut JitterBuffer) {
        self.passed += units.min(self.waiting());
        self.trim(keep, jitter);
    }

    /// Forgets what passed, but for the pieces of its last `keep` units.
    pub(crate) fn trim(&mut self, keep: u32, jitter: &mut JitterBuffer) {
        while self
            .pieces
            .front()
            .is_some_and(|first| units(first) + keep <= self.passed)
        {
            self.forget_first(jitter);
        }
    }

    /// Forgets all.
    pub(crate) fn clear(&mut self, jitter: &mut JitterBuffer) {
        while !self.pieces.is_empty() {
            self.forget_first(jitter);
        }
        self.passed = 0;
    }

    /// Goes over the pieces of the next `span` units: each with its first unit that counts and the one after its last.
    pub(crate) fn ahead(&self, span: u32) -> impl Iterator<Item = (&Play, u32, u32)> {
        let (from, to) = (self.passed, self.passed + span);
        let mut at = 0;
        self.pieces.iter().filter_map(move |piece| {
            let begin = at;
            at += units(piece);
            let (first, last) = (from.max(begin), to.min(at));
            (first < last).then(|| (piece, first - begin, last - begin))
        })
    }

    fn forget_first(&mut self, jitter: &mut JitterBuffer) {
        if let Some((piece, _)) = self.pop() {
            self.torn = true;
            if let Play::Payload(payload) = piece {
                jitter.free(&payload.place);
            }
        }
    }
}

const fn units(piece: &Play) -> u32 {
    match piece {
        Play::Payload(payload) => payload.units,
        Play::Conceal { units, .. } | Play::Silence { units } => *units,
    }
}
