//! What generator and child tell each other: a question per line, an answer per line.

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use rundruf::media::{Counter, lateness::Lateness, load::Effort};
use serde::{Deserialize, Serialize};

use crate::secure::Agreed;

/// Programs that are measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
pub(crate) enum Program {
    /// The media worker.
    Server,
    /// Sockets, slots and SRTP alone.
    Floor,
    /// Janus, which is a program of its own.
    Janus,
}

impl Program {
    /// Its name, for who waits for it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Floor => "floor",
            Self::Janus => "Janus",
        }
    }
}

/// How a leg speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) enum Kind {
    /// A telephone with A-law.
    Pcma,
    /// A telephone with G.722.
    G722,
    /// A telephone with Opus.
    Opus,
    /// A browser: Opus over SRTP.
    Browser,
}

/// A leg to open.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Leg {
    /// Its number, which is its id too.
    pub(crate) number: u64,
    /// Its room's number.
    pub(crate) room: u64,
    /// How it speaks.
    pub(crate) kind: Kind,
    /// Where it is, as the child sees it.
    pub(crate) remote: SocketAddr,
    /// What a browser and the server have agreed on.
    pub(crate) browser: Option<Agreed>,
}

/// What the generator asks.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Ask {
    /// Open these legs and seat them, all with open microphones.
    Open(Vec<Leg>),
    /// Tell what was counted so far.
    Report,
    /// The floor: stand still until the bare loop.
    Hold,
    /// The floor: receive one packet on each leg's socket and send one, in a bare loop; tells the time it took.
    Bare,
}

/// What the child answers.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Answer {
    /// The child is ready; where its browsers' socket is.
    Ready {
        /// The browsers' socket.
        browsers: SocketAddr,
        /// Digest of the server's certificate as SDP writes it.
        fingerprint: String,
    },
    /// The legs are open, in the order of the question; telephones with their sockets' addresses.
    Opened {
        /// Where each leg is to send.
        sockets: Vec<SocketAddr>,
    },
    /// The floor stands still.
    Held,
    /// What was counted.
    Report(Report),
    /// Nanoseconds of one bare loop over all legs.
    Bare {
        /// Nanoseconds.
        nanoseconds: u64,
        /// Packets received and sent.
        packets: u64,
    },
}

/// The worst of a worker's load in a stretch of time: what it gave up, and whether it would have taken anybody more.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Strain {
    /// Steps by which its effort was reduced.
    pub(crate) steps: u64,
    /// By how many fewer were decoded and mixed at once than at full effort.
    pub(crate) places_lost: u64,
    /// Share of the core, smoothed, in thousandths.
    pub(crate) share_permille: u64,
    /// The same of the busiest window of a tenth of a second; the two seconds before count in.
    pub(crate) peak_permille: u64,
    /// It admitted nobody.
    pub(crate) full: bool,
}

impl Strain {
    /// Returns the worse of both in everything.
    pub(crate) fn max(self, other: Self) -> Self {
        Self {
            steps: self.steps.max(other.steps),
            places_lost: self.places_lost.max(other.places_lost),
            share_permille: self.share_permille.max(other.share_permille),
            peak_permille: self.peak_permille.max(other.peak_permille),
            full: self.full || other.full,
        }
    }

    /// Returns how many of so many talkers of a room were not heard that a worker with time to spare would mix.
    pub(crate) fn unheard(self, talkers: usize) -> u64 {
        let full = u64::from(Effort::FULL.speakers);
        let places = full.saturating_sub(self.places_lost);
        full.min(talkers as u64).saturating_sub(places)
    }
}

/// What a child has counted since it began.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Report {
    /// Counters by name.
    pub(crate) counters: BTreeMap<String, u64>,
    /// Ticks by how late they began: the upper bound of each bucket in µs (the last has none) and its ticks.
    pub(crate) lateness: Vec<(u64, u64)>,
    /// Ticks that began more than 5 ms late or ended after the next one was due.
    pub(crate) overruns: u64,
    /// The largest lateness since the last report in µs.
    pub(crate) late_most_us: u64,
    /// The worst of the load since the last report.
    pub(crate) strain: Strain,
}

impl Report {
    /// Writes a histogram as it is told.
    pub(crate) fn buckets(lateness: &Lateness) -> Vec<(u64, u64)> {
        let bound = |bound: Option<Duration>| bound.map_or(u64::MAX, Self::microseconds);
        let buckets = lateness.buckets();
        buckets.map(|(most, ticks)| (bound(most), ticks)).collect()
    }

    /// Writes a time as it is told.
    pub(crate) fn microseconds(time: Duration) -> u64 {
        time.as_micros().try_into().unwrap_or(u64::MAX)
    }

    /// Returns a counter's value.
    pub(crate) fn of(&self, counter: &str) -> u64 {
        self.counters.get(counter).copied().unwrap_or(0)
    }

    /// Returns what was counted since another report, the one before this one; gauges stay as they are.
    pub(crate) fn since(&self, before: &Self) -> Self {
        let is_gauge = |name: &str| {
            let mut gauges = Counter::ALL.iter().filter(|counter| counter.is_gauge());
            gauges.any(|counter| counter.name() == name)
        };
        let counters = self.counters.iter().map(|(name, value)| {
            let more = value.saturating_sub(before.of(name));
            (name.clone(), if is_gauge(name) { *value } else { more })
        });
        let lateness = self.lateness.iter().zip(&before.lateness);
        Self {
            counters: counters.collect(),
            lateness: lateness.map(|(a, b)| (a.0, a.1 - b.1)).collect(),
            overruns: self.overruns - before.overruns,
            late_most_us: self.late_most_us,
            strain: self.strain,
        }
    }

    /// Returns how many ticks there were.
    pub(crate) fn ticks(&self) -> u64 {
        self.lateness.iter().map(|(_, ticks)| ticks).sum()
    }
}

impl Kind {
    /// All kinds.
    pub(crate) const ALL: [Self; 4] = [Self::Pcma, Self::G722, Self::Opus, Self::Browser];

    /// Returns the codec.
    pub(crate) const fn codec(self) -> dsp::Codec {
        match self {
            Self::Pcma => dsp::Codec::Pcma,
            Self::G722 => dsp::Codec::G722,
            Self::Opus | Self::Browser => dsp::Codec::Opus,
        }
    }

    /// Returns the RTP payload type.
    pub(crate) const fn payload_type(self) -> u8 {
        match self {
            Self::Pcma => 8,
            Self::G722 => 9,
            Self::Opus | Self::Browser => 111,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_counters_the_difference_is_told_and_of_gauges_the_value() {
        let report = |values: [u64; 2]| Report {
            counters: ["ticks", "load_permille"]
                .map(str::to_owned)
                .into_iter()
                .zip(values)
                .collect(),
            ..Report::default()
        };
        let between = report([170, 400]).since(&report([100, 650]));
        assert_eq!(
            (between.of("ticks"), between.of("load_permille")),
            (70, 400)
        );
    }

    #[test]
    fn who_is_not_heard_depends_on_how_many_talk() {
        let steps = |steps| Strain {
            places_lost: u64::from(Effort::FULL.speakers - Effort::reduced_by(steps).speakers),
            ..Strain::default()
        };
        assert_eq!((steps(2).unheard(3), steps(2).unheard(50)), (0, 0));
        assert_eq!((steps(3).unheard(3), steps(3).unheard(50)), (0, 5));
        assert_eq!((steps(4).unheard(3), steps(4).unheard(2)), (1, 0));
    }
}
