//! How much a browser may send: a bucket of tokens that fills with time.

use std::time::{Duration, Instant};

/// A bucket; each message takes a token, and long ones more.
#[derive(Debug)]
pub(super) struct Budget {
    tokens: u32,
    burst: u32,
    /// Time for one token to come.
    period: Duration,
    filled_at: Instant,
}

impl Budget {
    /// Makes a full bucket.
    pub(super) const fn new(burst: u32, per_second: u32, now: Instant) -> Self {
        Self {
            tokens: burst,
            burst,
            period: Duration::from_micros(1_000_000 / per_second as u64),
            filled_at: now,
        }
    }

    /// Takes a token; tells whether there was one.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        self.take_many(1, now)
    }

    /// Takes so many tokens; tells whether there were as many.
    pub(super) fn take_many(&mut self, tokens: u32, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.filled_at);
        let periods = passed.as_micros() / self.period.as_micros();
        let fresh = u32::try_from(periods).unwrap_or(u32::MAX).min(self.burst);
        if fresh == self.burst {
            self.filled_at = now;
        } else {
            self.filled_at += self.period * fresh;
        }
        self.tokens = self.tokens.saturating_add(fresh).min(self.burst);
        let paid = self.tokens >= tokens;
        self.tokens = self.tokens.saturating_sub(tokens);
        paid
    }

    /// Puts a token back that was taken in vain.
    pub(super) fn give_back(&mut self) {
        self.tokens = self.tokens.saturating_add(1).min(self.burst);
    }

    /// Tells whether it is full by now.
    pub(super) fn is_full(&self, now: Instant) -> bool {
        let missing = self.burst - self.tokens;
        now.saturating_duration_since(self.filled_at) >= self.period * missing
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limit::{BROWSER_MESSAGE_BURST, BROWSER_MESSAGES_PER_SECOND};

    #[test]
    fn a_burst_passes_and_then_a_rate() {
        let start = t0();
        let mut budget = Budget::new(3, 10, start);
        let taken: Vec<_> = (0..5).map(|_| budget.take(start)).collect();
        assert_eq!(taken, [true, true, true, false, false]);
        let later = start + Duration::from_millis(250);
        let taken: Vec<_> = (0..3).map(|_| budget.take(later)).collect();
        assert_eq!(taken, [true, true, false]);
        // The half period that was over counts.
        assert!(budget.take(start + Duration::from_millis(300)));
    }

    #[test]
    fn rest_fills_the_bucket_no_further_than_its_burst() {
        let start = t0();
        let mut budget = Budget::new(2, 10, start);
        let later = start + Duration::from_secs(3600);
        let taken: Vec<_> = (0..3).map(|_| budget.take(later)).collect();
        assert_eq!(taken, [true, true, false]);
    }

    #[test]
    fn what_costs_more_than_there_is_is_not_paid() {
        let start = t0();
        let mut budget = Budget::new(5, 10, start);
        assert!(budget.take_many(3, start));
        assert!(!budget.take_many(3, start));
        assert!(budget.take_many(3, start + Duration::from_millis(300)));
    }

    /// Four messages a second and the ends of lines between them, while the page answers pings.
    #[test]
    fn whoever_types_without_a_pause_stays_within_what_a_browser_may_send() {
        let (burst, per_second) = (BROWSER_MESSAGE_BURST, BROWSER_MESSAGES_PER_SECOND);
        let mut budget = Budget::new(burst, per_second, t0());
        let start = budget.filled_at;
        for second in 0..600 {
            let messages = 4 + 2 + u32::from(second % 15 == 0);
            let at = start + Duration::from_secs(second);
            assert!((0..messages).all(|_| budget.take(at)), "{second}");
        }
    }

    #[test]
    fn a_steady_rate_within_the_budget_never_runs_dry() {
        let start = t0();
        let mut budget = Budget::new(1, 10, start);
        assert!((0..1000).all(|n| budget.take(start + Duration::from_millis(100) * n)));
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the base instant of a simulated run"
    )]
    fn t0() -> Instant {
        Instant::now()
    }
}
