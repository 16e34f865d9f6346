//! What can be said of a leg's sound when it is over.

use sip::rtp::RemoteReport;

use super::{Leg, Transport};
use crate::media::api::Review;

/// What is counted for it, beside what the rest of the leg counts.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Datagrams from addresses that are not the leg's.
    foreign: u64,
    /// Reports of the peer, and the sum of the shares of our packets that were lost, in 1/256.
    reports: u64,
    lost_there: u64,
    last_report: u32,
    /// What the first of them said had come there, and whether another since says that more has.
    first_highest: Option<u32>,
    heard_there: bool,
}

impl Seen {
    pub(super) const fn note_foreign(&mut self) {
        self.foreign = self.foreign.saturating_add(1);
    }

    /// Takes what the peer reported last, once.
    pub(super) fn note_report(&mut self, report: RemoteReport) {
        if self.reports == 0 || report.number != self.last_report {
            self.reports += 1;
            self.lost_there += u64::from(report.fraction_lost);
            self.last_report = report.number;
            let first = *self.first_highest.get_or_insert(report.highest);
            // A single report may be about one packet that came through by chance.
            self.heard_there |= report.highest.wrapping_sub(first).cast_signed() > 0;
        }
    }
}

impl Leg {
    /// Returns what can be said of the leg's sound until now.
    pub(in crate::media) fn review(&self) -> Review {
        let stats = self.playout.stats();
        let latched = match &self.transport {
            Transport::Phone(phone) => phone.is_latched(),
            Transport::Browser(_) => false,
        };
        Review {
            received: stats.received,
            lost: stats.lost.saturating_sub(stats.recovered),
            foreign: self.seen.foreign,
            latched,
            lost_there_permille: (self.seen.lost_there * 1_000)
                .checked_div(self.seen.reports * 256)
                .unwrap_or(0),
            heard_there: self.seen.heard_there,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// That we are heard is known of a peer that says twice what has come there, and the second time more.
    #[test]
    fn one_is_heard_there_whose_packets_arrive_on_and_on() {
        let heard = |highest: &[u32]| {
            let mut seen = Seen::default();
            for (number, highest) in (0..).zip(highest) {
                let report = RemoteReport {
                    number,
                    fraction_lost: 0,
                    highest: *highest,
                };
                seen.note_report(report);
                // It stays the same until there is another.
                seen.note_report(report);
            }
            seen.heard_there
        };
        assert!(!heard(&[]));
        assert!(!heard(&[700]));
        assert!(!heard(&[700, 700, 700]));
        assert!(heard(&[700, 950]));
        assert!(heard(&[700, 700, 701]));
        assert!(heard(&[u32::MAX - 5, 240]));
        assert!(!heard(&[700, 10]));
    }
}
