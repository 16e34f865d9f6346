//! Finds steady noise and held tones: a level that stays up and hardly moves, second after second.
//!
//! Speech moves by tens of decibels within a second; a fan, a hum, a hiss or a dial tone by a few. Music may hold its level
//! as well, but not its notes.

/// Judges the level of a leg.
#[derive(Debug, Clone)]
pub(super) struct SteadyJudge {
    /// The mean of about three ticks, in dBov.
    smooth: f32,
    /// The faintest and the loudest of the running second.
    range: [f32; 2],
    ticks: u8,
    /// A tone has begun in the running second.
    changes: bool,
    /// The range of the steady seconds so far.
    whole: [f32; 2],
    /// Steady seconds in a row.
    seconds: u8,
    met: bool,
}

impl SteadyJudge {
    pub(super) const fn new() -> Self {
        Self {
            smooth: FAINT,
            range: NOTHING,
            ticks: 0,
            changes: false,
            whole: NOTHING,
            seconds: 0,
            met: false,
        }
    }

    /// Hears the level of a tick, and whether a tone has begun that was not there before.
    pub(super) fn handle(&mut self, dbov: f32, changes: bool) {
        self.changes |= changes;
        self.smooth += (dbov.max(FAINT) - self.smooth) / 3.0;
        self.range = widen(self.range, [self.smooth; 2]);
        self.ticks += 1;
        if self.ticks == SECOND {
            self.judge();
            self.ticks = 0;
            self.range = NOTHING;
            self.changes = false;
        }
    }

    pub(super) const fn is_met(&self) -> bool {
        self.met
    }

    fn judge(&mut self) {
        let whole = widen(self.whole, self.range);
        let (loud, narrow) = if self.met {
            (STAY_ABOVE, STAY_WITHIN)
        } else {
            (ABOVE, WITHIN)
        };
        let fits = |[low, high]: [f32; 2]| !self.changes && low >= loud && high - low <= narrow;
        if fits(whole) {
            self.whole = whole;
            self.seconds = self.seconds.saturating_add(1);
        } else {
            // The second may begin another level that holds.
            let alone = fits(self.range);
            self.whole = if alone { self.range } else { NOTHING };
            self.seconds = u8::from(alone);
        }
        if self.seconds >= SECONDS {
            self.met = true;
        } else if self.seconds == 0 {
            self.met = false;
        }
    }
}

const fn widen(a: [f32; 2], b: [f32; 2]) -> [f32; 2] {
    [a[0].min(b[0]), a[1].max(b[1])]
}

/// The range of nothing.
const NOTHING: [f32; 2] = [f32::INFINITY, f32::NEG_INFINITY];

/// Nothing is believed fainter than this, in dBov.
const FAINT: f32 = -90.0;

/// How loud noise has to be to disturb, in dBov, and to go on disturbing.
const ABOVE: f32 = -45.0;
const STAY_ABOVE: f32 = -48.0;

/// How little it moves, in dB, and how little when found.
const WITHIN: f32 = 6.0;
const STAY_WITHIN: f32 = 9.0;

/// Ticks of a second.
const SECOND: u8 = 50;

/// Whole steady seconds before it is named.
const SECONDS: u8 = 5;
