//! How many answers a second may cost that no transaction remembers: work that anybody on a listed address can cause.

use std::{
    collections::BTreeMap,
    fmt,
    net::IpAddr,
    time::{Duration, Instant},
};

use crate::limit;

/// How many refusals for want of room were sent in the running second.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    since: Option<Instant>,
    used: u32,
}

impl Refusals {
    pub(super) fn allows(&mut self, now: Instant) -> bool {
        if begins(&mut self.since, now) {
            self.used = 0;
        }
        self.used += 1;
        self.used <= limit::OVERLOAD_ANSWERS_PER_SECOND
    }
}

/// How many stateless answers were sent in the running second, in all and to each source: one that floods us must not
/// use up what the others need.
#[derive(Default)]
pub(super) struct Answers {
    since: Option<Instant>,
    used: u32,
    by_source: BTreeMap<IpAddr, u32>,
}

impl fmt::Debug for Answers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answers")
            .field("used", &self.used)
            .finish_non_exhaustive()
    }
}

impl Answers {
    pub(super) fn allows(&mut self, source: IpAddr, now: Instant) -> bool {
        if begins(&mut self.since, now) {
            self.used = 0;
            self.by_source.clear();
        }
        // There are never more sources than answers, so the table is bounded too.
        if self.used >= limit::STATELESS_ANSWERS_PER_SECOND {
            return false;
        }
        let used = self.by_source.entry(source.to_canonical()).or_default();
        if *used >= limit::STATELESS_ANSWERS_PER_SOURCE {
            return false;
        }
        *used += 1;
        self.used += 1;
        true
    }
}

/// Whether a new second begins.
fn begins(since: &mut Option<Instant>, now: Instant) -> bool {
    let over =
        since.is_none_or(|since| now.saturating_duration_since(since) >= Duration::from_secs(1));
    if over {
        *since = Some(now);
    }
    over
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(
        clippy::disallowed_methods,
        reason = "the base instant of a simulated run"
    )]
    fn a_flood_from_one_source_leaves_room_for_others_and_many_sources_share_one_bound() {
        let now = Instant::now();
        let source = |number: u32| IpAddr::from(number.to_be_bytes());
        let mut answers = Answers::default();
        let mut of = |number, now| {
            (0..10_000_u32).fold(0, |sent, _| {
                sent + u32::from(answers.allows(source(number), now))
            })
        };
        assert_eq!(of(1, now), limit::STATELESS_ANSWERS_PER_SOURCE);
        assert_eq!(of(2, now), limit::STATELESS_ANSWERS_PER_SOURCE);
        let rest: u32 = (3..100).map(|number| of(number, now)).sum();
        assert_eq!(
            rest,
            limit::STATELESS_ANSWERS_PER_SECOND - 2 * limit::STATELESS_ANSWERS_PER_SOURCE
        );
        assert_eq!(
            of(1, now + Duration::from_secs(1)),
            limit::STATELESS_ANSWERS_PER_SOURCE
        );
    }
}
