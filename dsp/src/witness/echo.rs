//! Finds the echo of the mix: the leg's loudness follows that of what it was sent, always equally late and fainter.
//!
//! The loudness of two halves of the band, in decibels, is correlated with that sent up to half a second before. Ticks
//! of 20 ms are fine enough: syllables last ten times as long. Two people who talk across each other agree by chance for
//! moments; an echo agrees for as long as there is something to return. Where there is nothing, or whoever sits at the
//! leg speaks over it, nothing is told either way: an echo once named stays so for [`HELD`].

use super::Features;
use crate::lags::outstanding;

/// Compares a leg with what it is sent.
#[derive(Debug, Clone)]
pub(super) struct EchoJudge {
    /// What was sent, the latest at `at`.
    sent: [[f32; 2]; LAGS],
    at: usize,
    /// What was heard of the leg.
    heard: Moments,
    lags: [Lag; LAGS],
    /// Ticks that agree, less those that do not: twice before it is named.
    score: u16,
    /// Ticks since it was last told whether there is an echo.
    untold: u16,
    met: bool,
}

/// Running means of two bands.
#[derive(Debug, Clone, Copy)]
struct Moments {
    mean: [f32; 2],
    square: [f32; 2],
}

/// What was sent so long before, and how the leg follows it.
#[derive(Debug, Clone, Copy)]
struct Lag {
    sent: Moments,
    product: [f32; 2],
}

impl EchoJudge {
    pub(super) const fn new() -> Self {
        let moments = Moments {
            mean: [FAINT; 2],
            square: [FAINT * FAINT; 2],
        };
        let lag = Lag {
            sent: moments,
            product: [FAINT * FAINT; 2],
        };
        Self {
            sent: [[FAINT; 2]; LAGS],
            at: 0,
            heard: moments,
            lags: [lag; LAGS],
            score: 0,
            untold: 0,
            met: false,
        }
    }

    pub(super) fn handle(&mut self, sound: &Features, mix: &Features) {
        self.at = (self.at + 1) % LAGS;
        self.sent[self.at] = mix.bands.map(|band| band.max(FAINT));
        let heard = sound.bands.map(|band| band.max(FAINT));
        self.heard.learn(heard);
        let mut agreements = [0.0; LAGS];
        let mut tells = false;
        for (behind, lag) in self.lags.iter_mut().enumerate() {
            let sent = self.sent[(self.at + LAGS - behind) % LAGS];
            lag.learn(sent, heard);
            agreements[behind] = lag.agreement(&self.heard);
            tells |= lag.would_show(&self.heard);
        }
        self.untold = if tells {
            0
        } else {
            self.untold.saturating_add(1)
        };
        let agrees = if self.met { STILL_AGREES } else { AGREES };
        if outstanding(&agreements, APART).is_some_and(|(_, best)| best >= agrees) {
            self.score = (self.score + 1).min(MOST);
        } else if !self.met {
            self.score = self.score.saturating_sub(2);
        } else if tells || self.untold > HELD {
            self.score = self.score.saturating_sub(1);
        }
        self.met = self.score >= if self.met { 1 } else { ENOUGH };
    }

    pub(super) const fn is_met(&self) -> bool {
        self.met
    }
}

impl Moments {
    fn learn(&mut self, values: [f32; 2]) {
        for (band, value) in values.into_iter().enumerate() {
            self.mean[band] += FORGETS * (value - self.mean[band]);
            self.square[band] += FORGETS * (value * value - self.square[band]);
        }
    }

    /// The sum of both bands' variances.
    fn variance(&self) -> f32 {
        let of = |band: usize| self.square[band] - self.mean[band] * self.mean[band];
        (of(0) + of(1)).max(0.0)
    }
}

impl Lag {
    fn learn(&mut self, sent: [f32; 2], heard: [f32; 2]) {
        self.sent.learn(sent);
        for band in 0..2 {
            self.product[band] += FORGETS * (sent[band] * heard[band] - self.product[band]);
        }
    }

    /// The correlation of both bands, 0 where one of them hardly moves or the leg is not fainter than what it was sent.
    fn agreement(&self, heard: &Moments) -> f32 {
        let (sent, own) = (self.sent.variance(), heard.variance());
        if !self.is_above(heard, -LOUDER) || sent < MOVES || own < MOVES {
            return 0.0;
        }
        let of = |band: usize| self.product[band] - self.sent.mean[band] * heard.mean[band];
        (of(0) + of(1)) / (sent * own).sqrt()
    }

    /// Tells whether an echo would show: there was something to return, and no voice of the leg's own covers it.
    fn would_show(&self, heard: &Moments) -> bool {
        self.sent.variance() >= MOVES && self.is_above(heard, FAINTER)
    }

    /// Tells whether what was sent is louder than what was heard by so many decibels, in both bands.
    fn is_above(&self, heard: &Moments, db: f32) -> bool {
        (0..2).all(|band| heard.mean[band] + db <= self.sent.mean[band])
    }
}

/// Delays looked at: 0 to 500 ms in ticks.
const LAGS: usize = 26;

/// Delays further apart than this, in ticks, are different ones.
const APART: usize = 4;

/// Nothing is believed fainter than this, in dBov.
const FAINT: f32 = -62.0;

/// Forgetting with a time constant of 4 s.
const FORGETS: f32 = 0.005;

/// The variance of both bands below which there is nothing to compare, in dB².
const MOVES: f32 = 30.0;

/// An echo is fainter than what was sent, but for this much in a band, in dB.
const LOUDER: f32 = 3.0;

/// A leg fainter by less than this in a band, in dB, may speak itself.
const FAINTER: f32 = 6.0;

/// The correlation from which the leg follows what it was sent.
const AGREES: f32 = 0.75;

/// The correlation from which a leg whose echo is named still follows: a voice of its own makes it less.
const STILL_AGREES: f32 = 0.6;

/// Ticks of agreement before it is named: 3 s.
const ENOUGH: u16 = 150;

/// The most agreement remembered: 5 s of disagreement end it.
const MOST: u16 = 250;

/// Ticks for which an echo stays named though nothing tells whether it lasts: 30 s.
const HELD: u16 = 1_500;
