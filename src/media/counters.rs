//! What a shard counts, without any personal data; the worker publishes it for the metrics.

use std::sync::atomic::{AtomicU64, Ordering};

use dsp::PlayoutStats;
use sip::rtp::{Discard, Discards};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// Something that is counted; the gauges say so.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Counter {
            $($(#[$doc])* $name,)*
        }

        impl Counter {
            /// All counters, in the order of their indices.
            pub const ALL: [Self; [$($text),*].len()] = [$(Self::$name),*];

            /// Returns the name as metrics show it.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

impl Counter {
    /// Tells whether the value goes up and down.
    pub const fn is_gauge(self) -> bool {
        matches!(
            self,
            Self::Legs
                | Self::Conferences
                | Self::LoadPermille
                | Self::LoadPeakPermille
                | Self::EffortReduced
                | Self::LoadFull
        )
    }
}

counters! {
    /// Datagrams received.
    DatagramsReceived = "datagrams_received",
    /// Datagrams handed to the sockets.
    DatagramsSent = "datagrams_sent",
    /// Datagrams that belong to no leg.
    DatagramsUnmatched = "datagrams_unmatched",
    /// Datagrams at a telephone's port from another address than its SDP named.
    Strangers = "datagrams_from_strangers",
    /// Binding requests that no browser's leg could authenticate.
    StunDropped = "stun_dropped",
    /// DTLS records that were out of place, malformed or repeated.
    DtlsDropped = "dtls_dropped",
    /// Datagrams to a browser's leg that are of no protocol it speaks, or before there were keys.
    StrayDropped = "stray_dropped",
    /// Datagrams dropped because too many waited to be sent.
    OutboxFull = "outbox_full",
    /// Datagrams the system would not send.
    SendFailed = "send_failed",
    /// Errors the system reported while receiving.
    ReceiveFailed = "receive_failed",
    /// Ticks of buses and of the legs outside them.
    Ticks = "ticks",
    /// Ticks that ran a whole tick late or later.
    LateTicks = "late_ticks",
    /// Ticks that were left out.
    SkippedTicks = "skipped_ticks",
    /// Gaps too long to be made up, after which ticks went on from where the clock was.
    BaselineResets = "baseline_resets",
    /// Legs that were cut because they were in a mix without a roster entry.
    LegsWithoutRoster = "legs_without_roster",
    /// Panics caught in a leg's processing.
    LegPanics = "leg_panics",
    /// Panics caught in a bus.
    BusPanics = "bus_panics",
    /// Panics caught between the ticks, in what belongs to no leg and no bus.
    OtherPanics = "other_panics",
    /// Frames of received sound that were made up because packets were lost or late.
    FramesConcealed = "frames_concealed",
    /// Frames of sound that came and were not decoded, because others are heard.
    FramesPassed = "frames_passed",
    /// Frames decoded to be heard.
    FramesDecoded = "frames_decoded",
    /// Frames encoded for everybody who hears the same.
    EncodedShared = "frames_encoded_shared",
    /// Frames encoded for one leg alone, which is part of what the others hear or is whispered to.
    EncodedPrivate = "frames_encoded_private",
    /// Legs that were given a copy of a shared encoder.
    EncodersCopied = "encoders_copied",
    /// Announcements and whispers that were refused, being too long or too many.
    WordsRefused = "words_refused",
    /// Packets whose sound was due before they came.
    PacketsLate = "packets_late",
    /// Packets whose timestamp is out of line with their stream; those out of sequence are discarded before.
    PacketsStray = "packets_stray",
    /// Times a leg's stream went on from another source, sequence number or timestamp.
    StreamsRestarted = "streams_restarted",
    /// Packets missing when their sound was due.
    PacketsLost = "packets_lost",
    /// Packets missing whose copies in later packets were played in their place (RFC 2198).
    PacketsRecovered = "packets_recovered",
    /// Packets that had come before.
    PacketsDuplicate = "packets_duplicate",
    /// Packets dropped because too many waited to be played.
    PacketsOverflow = "packets_overflow",
    /// Packets of comfort noise (RFC 3389): the sender is silent, as it is behind an empty one.
    PacketsOfComfortNoise = "packets_comfort_noise",
    /// Packets without a byte of sound in them.
    PayloadsEmpty = "payloads_empty",
    /// Packets of more bytes or more sound than the limits allow.
    PayloadsTooLong = "payloads_too_long",
    /// Packets that are no sound of the codec, or hold less than any packet does.
    PayloadsCorrupt = "payloads_corrupt",
    /// Frames out of which sound was taken, because it waited for too long.
    FramesAccelerated = "frames_accelerated",
    /// Frames into which sound was put, because too little waited.
    FramesExpanded = "frames_expanded",
    /// Packets sent with copies of earlier payloads (RFC 2198).
    PacketsRedundant = "packets_redundant",
    /// Times a leg was found to claim levels that are not so.
    LevelsUntrusted = "levels_untrusted",
    /// Frames a codec refused to encode.
    EncodeFailed = "encode_failed",
    /// Events that did not fit their queue.
    EventsLost = "events_lost",
    /// Commands that name what does not exist, or exists already.
    CommandsUnmatched = "commands_unmatched",
    /// Legs refused because the shard is full.
    LegsRefused = "legs_refused",
    /// Legs refused because the worker was near its limit.
    LegsRefusedLoad = "legs_refused_load",
    /// Share of the worker's core in use, smoothed, in thousandths; a gauge.
    LoadPermille = "load_permille",
    /// The largest share in use over 100 ms of the latest two seconds, in thousandths; a gauge.
    LoadPeakPermille = "load_peak_permille",
    /// By how many steps the worker's effort is reduced; a gauge.
    EffortReduced = "effort_reduced",
    /// 1 while the worker takes no further legs; a gauge.
    LoadFull = "load_full",
    /// Legs at present; a gauge.
    Legs = "legs",
    /// Conferences at present; a gauge.
    Conferences = "conferences",
}

/// How many values there are: the counters, then one for each reason to discard.
const VALUES: usize = Counter::ALL.len() + Discard::COUNT;

/// The counters of one shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counters([u64; VALUES]);

impl Default for Counters {
    fn default() -> Self {
        Self([0; VALUES])
    }
}

impl Counters {
    /// Counts one.
    pub const fn count(&mut self, counter: Counter) {
        self.0[counter as usize] += 1;
    }

    /// Counts several.
    pub const fn add(&mut self, counter: Counter, several: u64) {
        self.0[counter as usize] += several;
    }

    /// Sets a gauge.
    pub const fn set(&mut self, counter: Counter, value: u64) {
        self.0[counter as usize] = value;
    }

    /// Counts one packet that was of no use.
    pub const fn discard(&mut self, discard: Discard) {
        self.0[Counter::ALL.len() + discard.index()] += 1;
    }

    /// Counts what has happened to a leg's packets since `before`.
    pub fn count_playout(&mut self, stats: &PlayoutStats, before: &PlayoutStats) {
        for (counter, value) in [
            (Counter::PacketsLate, stats.late - before.late),
            (Counter::PacketsStray, stats.stray - before.stray),
            (Counter::StreamsRestarted, stats.restarts - before.restarts),
            (Counter::PacketsLost, stats.lost - before.lost),
            (
                Counter::PacketsRecovered,
                stats.recovered - before.recovered,
            ),
            (
                Counter::PacketsDuplicate,
                stats.duplicate - before.duplicate,
            ),
            (Counter::PacketsOverflow, stats.overflow - before.overflow),
            (
                Counter::PayloadsEmpty,
                stats.malformed.empty - before.malformed.empty,
            ),
            (
                Counter::PayloadsTooLong,
                stats.malformed.too_long - before.malformed.too_long,
            ),
            (
                Counter::PayloadsCorrupt,
                stats.malformed.corrupt - before.malformed.corrupt,
            ),
            (
                Counter::FramesAccelerated,
                stats.accelerated - before.accelerated,
            ),
            (Counter::FramesExpanded, stats.expanded - before.expanded),
            (Counter::LevelsUntrusted, stats.untrusted - before.untrusted),
        ] {
            self.add(counter, value);
        }
    }

    /// Counts packets of no use that a leg has counted beyond `before`.
    pub fn discard_more(&mut self, discards: &Discards, before: &Discards) {
        for reason in Discard::ALL {
            let more = discards.of(reason) - before.of(reason);
            self.0[Counter::ALL.len() + reason.index()] += more;
        }
    }

    /// Returns a counter's value.
    pub const fn of(&self, counter: Counter) -> u64 {
        self.0[counter as usize]
    }

    /// Returns how many packets were discarded for a reason.
    pub const fn discarded(&self, discard: Discard) -> u64 {
        self.0[Counter::ALL.len() + discard.index()]
    }

    /// Adds another shard's counters; gauges add up too.
    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine += theirs;
        }
    }
}

/// Counters that the worker writes and anyone reads.
#[derive(Debug)]
pub struct SharedCounters([AtomicU64; VALUES]);

impl Default for SharedCounters {
    fn default() -> Self {
        Self([const { AtomicU64::new(0) }; VALUES])
    }
}

impl SharedCounters {
    /// Publishes a state; each value by itself is exact, several together may be of two moments.
    pub fn publish(&self, counters: &Counters) {
        for (shared, value) in self.0.iter().zip(counters.0) {
            shared.store(value, Ordering::Relaxed);
        }
    }

    /// Returns the published state.
    pub fn read(&self) -> Counters {
        Counters(std::array::from_fn(|n| self.0[n].load(Ordering::Relaxed)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_counter_has_its_own_value_and_survives_publication() {
        let mut counters = Counters::default();
        for (n, counter) in Counter::ALL.into_iter().enumerate() {
            counters.add(counter, n as u64);
        }
        counters.discard(Discard::Late);
        let shared = SharedCounters::default();
        shared.publish(&counters);
        let read = shared.read();
        for (n, counter) in Counter::ALL.into_iter().enumerate() {
            assert_eq!(read.of(counter), n as u64, "{}", counter.name());
        }
        assert_eq!(read.discarded(Discard::Late), 1);
        assert_eq!(read.discarded(Discard::Malformed), 0);
    }
}
