//! Which calls were refused lately: counted by the minute, so that what went wrong yesterday is no fault today.

use std::{collections::VecDeque, time::Duration};

use serde::{Deserialize, Serialize};

use crate::limit::REFUSALS_JUDGED;

/// Refusals of a trunk in the latest [`REFUSALS_JUDGED`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(in crate::cli) struct Lately(VecDeque<Minute>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Minute {
    /// Minutes since 1970.
    at: u64,
    #[serde(flatten)]
    refused: Refused,
}

/// How many calls were refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(in crate::cli) struct Refused {
    /// To numbers that are none of ours.
    pub(in crate::cli) unknown: u64,
    /// Because they were too many.
    pub(in crate::cli) full: u64,
}

impl Lately {
    /// Takes what was refused since it was told the last time; `now` is since 1970.
    pub(super) fn add(&mut self, refused: Refused, now: Duration) {
        if refused == Refused::default() {
            return;
        }
        let at = minute(now);
        self.0.retain(|minute| minute.is_judged(at));
        match self.0.back_mut() {
            Some(latest) if latest.at == at => latest.refused.add(refused),
            _ => self.0.push_back(Minute { at, refused }),
        }
    }

    /// What was refused within the time that is judged.
    pub(in crate::cli) fn refused(&self, now: Duration) -> Refused {
        let (judged_at, mut sum) = (minute(now), Refused::default());
        let judged = self.0.iter().filter(|minute| minute.is_judged(judged_at));
        judged.for_each(|minute| sum.add(minute.refused));
        sum
    }
}

impl Minute {
    /// Tells whether it is within the time that is judged. A minute to come, after the clock was set back, is as far away.
    fn is_judged(self, now: u64) -> bool {
        now.abs_diff(self.at) < minute(REFUSALS_JUDGED)
    }
}

impl Refused {
    fn add(&mut self, more: Self) {
        self.unknown = self.unknown.saturating_add(more.unknown);
        self.full = self.full.saturating_add(more.full);
    }
}

const fn minute(time: Duration) -> u64 {
    time.as_secs() / 60
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(1_800_000_000);
    const MINUTE: Duration = Duration::from_secs(60);

    fn unknown(unknown: u64) -> Refused {
        Refused { unknown, full: 0 }
    }

    #[test]
    fn what_was_refused_counts_for_an_hour() {
        let mut lately = Lately::default();
        lately.add(unknown(2), NOW);
        lately.add(unknown(0), NOW + 10 * MINUTE);
        lately.add(
            Refused {
                unknown: 1,
                full: 4,
            },
            NOW + 30 * MINUTE,
        );
        let at = |minutes| lately.refused(NOW + minutes * MINUTE);
        assert_eq!(
            at(30),
            Refused {
                unknown: 3,
                full: 4
            }
        );
        assert_eq!(
            at(59),
            Refused {
                unknown: 3,
                full: 4
            }
        );
        assert_eq!(
            at(60),
            Refused {
                unknown: 1,
                full: 4
            }
        );
        assert_eq!(at(90), Refused::default());
    }

    #[test]
    fn a_day_of_refusals_and_a_clock_that_is_set_take_no_more_room_than_two_hours() {
        let mut lately = Lately::default();
        for minute in 0..24 * 60 {
            lately.add(unknown(1), NOW + minute * MINUTE);
            lately.add(unknown(1), NOW + minute * MINUTE);
        }
        assert_eq!(lately.refused(NOW + 24 * 60 * MINUTE).unknown, 2 * 59);
        for days in 1..10 {
            let now = NOW - days * 24 * 60 * MINUTE;
            lately.add(unknown(1), now);
            assert_eq!(
                lately.refused(now).unknown,
                1,
                "those to come are none of now"
            );
        }
        assert!(lately.0.len() <= 120, "{}", lately.0.len());
    }
}
