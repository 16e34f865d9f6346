//! What generator and child tell each other: a question per line, an answer per line.

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use rundruf::media::lateness::Lateness;
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

/// What a child has counted since it began.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Report {
    /// Counters by name.
    pub(crate) counters: BTreeMap<String, u64>,
    /// Ticks by how late they began: the upper bound of each bucket in µs (the last has none) and its ticks.
    pub(crate) lateness: Vec<(u64, u64)>,
    /// Ticks that began more than 5 ms late or ended after the next one was due.
    pub(crate) overruns: u64,
}

impl Report {
    /// Writes a histogram as it is told.
    pub(crate) fn buckets(lateness: &Lateness) -> Vec<(u64, u64)> {
        let bound = |bound: Option<Duration>| {
            bound.map_or(u64::MAX, |bound| {
                bound.as_micros().try_into().unwrap_or(u64::MAX)
            })
        };
        let buckets = lateness.buckets();
        buckets.map(|(most, ticks)| (bound(most), ticks)).collect()
    }

    /// Returns a counter's value.
    pub(crate) fn of(&self, counter: &str) -> u64 {
        self.counters.get(counter).copied().unwrap_or(0)
    }

    /// Returns what was counted since another report.
    pub(crate) fn since(&self, before: &Self) -> Self {
        let counters = self.counters.iter().map(|(name, value)| {
            let more = value.saturating_sub(before.of(name));
            (name.clone(), more)
        });
        let lateness = self.lateness.iter().zip(&before.lateness);
        Self {
            counters: counters.collect(),
            lateness: lateness.map(|(a, b)| (a.0, a.1 - b.1)).collect(),
            overruns: self.overruns - before.overruns,
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
