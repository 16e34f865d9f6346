//! The calls of a trunk that nobody has acknowledged yet.
//!
//! Over UDP an INVITE may come from anybody who writes the trunk's address into it. Its 200 goes to the trunk, which knows
//! nothing of it, and it ends after half a minute (RFC 3261 §13.3.1.4). Until then it must not take the place of a call: who
//! does call acknowledges within a second or two.

use std::{collections::BTreeMap, time::Instant};

use sip::CallRef;

use crate::limit::UNPROVEN_COUNTS;

/// Since when each of them waits; there are never more than calls.
#[derive(Debug, Default)]
pub(super) struct Unproven(BTreeMap<CallRef, Instant>);

impl Unproven {
    /// A call begins.
    pub(super) fn begin(&mut self, call: CallRef, now: Instant) {
        self.0.insert(call, now);
    }

    /// It is acknowledged, or over.
    pub(super) fn settle(&mut self, call: CallRef) {
        self.0.remove(&call);
    }

    /// How many have waited for so long that they take no place.
    pub(super) fn stale(&self, now: Instant) -> usize {
        let since = self.0.values();
        since
            .filter(|since| now.saturating_duration_since(**since) >= UNPROVEN_COUNTS)
            .count()
    }
}
