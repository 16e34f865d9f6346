//! Whether sound leaves at the right pace: how early packets are when they are needed, and how much decoded sound waits.
//!
//! A packet is fetched at the first tick that needs any of its sound. How much earlier than needed it was there is the
//! *slack*; it moves in whole ticks only. What was decoded and waits behind the tick, the *rest*, is delay without use. So
//! the delay is least when the rest is nothing and the slack less than a tick, and that is what is steered to: with too much
//! slack a tick of sound has to go, in one piece or several; with too little a tick has to be added.
//!
//! Packets of changing length may begin anywhere on the *grid* that they have in common with the ticks. One that begins late
//! in a tick is fetched as much earlier than needed, so the slack of places that were not seen is less, and a rest of grid
//! steps is not without use.

/// What would better the delay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Adjust {
    /// All is well.
    Keep,
    /// Up to so much sound should be taken out, in microseconds.
    Shorten(i64),
    /// Up to so much sound should be put in, in microseconds.
    Lengthen(i64),
}

/// The least slack and rest over a few ticks, which together see every place that packets have on the grid of ticks.
#[derive(Debug)]
pub(crate) struct Pace {
    ticks: u8,
    slack: Option<i64>,
    rest: i64,
    /// The greatest rest of a tick that fetched.
    widest: i64,
}

impl Pace {
    pub(crate) const fn new() -> Self {
        Self {
            ticks: 0,
            slack: None,
            rest: i64::MAX,
            widest: 0,
        }
    }

    /// Tells whether the next tick judges the ones before.
    pub(crate) const fn is_due(&self) -> bool {
        self.ticks >= TICKS
    }

    /// Begins a tick with a rest; judges the ticks before. Packets and ticks are multiples of `grid`.
    pub(crate) fn tick(&mut self, rest: i64, tick: i64, grid: i64) -> Adjust {
        let mut adjust = Adjust::Keep;
        if self.is_due() {
            if let Some(slack) = self.slack {
                let unseen = (tick - grid - self.widest).max(0);
                let rest = if self.rest == i64::MAX { 0 } else { self.rest };
                adjust = judge(slack - unseen, rest % grid, tick);
            }
            *self = Self::new();
        }
        self.ticks += 1;
        // Where the rest fills the tick nothing is fetched.
        if rest < tick {
            self.rest = self.rest.min(rest);
            self.widest = self.widest.max(rest);
        }
        adjust
    }

    /// Learns how much earlier than needed a packet was there.
    pub(crate) fn fetch(&mut self, slack: i64) {
        self.slack = Some(self.slack.map_or(slack, |least| least.min(slack)));
    }

    /// Begins anew, because what was seen holds no more.
    pub(crate) const fn reset(&mut self) {
        *self = Self::new();
    }
}

fn judge(slack: i64, rest: i64, tick: i64) -> Adjust {
    if slack < -SHORT {
        Adjust::Lengthen(tick - rest)
    } else if slack >= tick + LONG {
        Adjust::Shorten(tick + rest)
    } else if rest >= WORTHWHILE {
        Adjust::Shorten(rest)
    } else {
        Adjust::Keep
    }
}

/// Ticks looked at before judging: packets of 60 ms are fetched in every third, those of 50 ms lie alike after five.
const TICKS: u8 = 6;

/// Microseconds of slack that may lack; the margin has them to spare.
const SHORT: i64 = 1_000;

/// Microseconds above a tick that slack must be too much, so that nothing swings.
const LONG: i64 = 1_000;

/// Microseconds of rest that are worth being taken out.
const WORTHWHILE: i64 = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    const TICK: i64 = 20_000;

    fn judged(slack: i64, rest: i64) -> Adjust {
        judged_on(TICK, slack, rest)
    }

    fn judged_on(grid: i64, slack: i64, rest: i64) -> Adjust {
        let mut pace = Pace::new();
        for number in 0..i64::from(TICKS) {
            assert_eq!(pace.tick(rest, TICK, grid), Adjust::Keep);
            pace.fetch(slack + number * 100);
        }
        pace.tick(rest, TICK, grid)
    }

    #[test]
    fn slack_between_the_margin_and_a_tick_is_kept() {
        assert_eq!(judged(0, 0), Adjust::Keep);
        assert_eq!(judged(20_900, 0), Adjust::Keep);
        assert_eq!(judged(21_000, 0), Adjust::Shorten(20_000));
        assert_eq!(judged(21_000, 5_000), Adjust::Shorten(25_000));
        assert_eq!(judged(-4_000, 5_000), Adjust::Lengthen(15_000));
    }

    #[test]
    fn a_rest_is_taken_out() {
        assert_eq!(judged(5_000, 7_000), Adjust::Shorten(7_000));
        assert_eq!(judged(5_000, 500), Adjust::Keep);
    }

    #[test]
    fn places_on_the_grid_that_were_not_seen_are_allowed_for() {
        assert_eq!(judged_on(10_000, 5_000, 10_000), Adjust::Keep);
        assert_eq!(judged_on(10_000, 10_000, 0), Adjust::Keep);
        assert_eq!(judged_on(10_000, 5_000, 0), Adjust::Lengthen(20_000));
        assert_eq!(judged_on(10_000, 5_000, 13_000), Adjust::Shorten(3_000));
    }

    #[test]
    fn nothing_fetched_says_nothing() {
        let mut pace = Pace::new();
        assert!((0..20).all(|_| pace.tick(0, TICK, TICK) == Adjust::Keep));
    }
}
