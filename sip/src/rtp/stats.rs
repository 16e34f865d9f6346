//! What is known of an incoming stream: sequence, loss and jitter (RFC 3550 §6.4.1, A.1, A.3, A.8).
//!
//! A stream whose sequence numbers jump is believed at the second packet in sequence, so that a single stray packet
//! changes nothing.

use std::time::{Duration, Instant};

use super::rtcp::Block;
use crate::limit::{RTP_DROPOUT_MAX, RTP_MISORDER_MAX};

/// The reception of one source.
#[derive(Debug, Clone, Copy)]
pub struct Reception {
    ssrc: u32,
    clock_rate: u32,
    /// Extended sequence number of the first packet since the last restart.
    base: u32,
    /// Highest extended sequence number.
    highest: u32,
    /// Sequence number that would confirm a jump.
    jump: Option<u16>,
    received: u32,
    /// Expected and received at the last report.
    reported: (u32, u32),
    /// Sixteen times the jitter in ticks.
    jitter: u32,
    first_at: Instant,
    last_at: Instant,
    transit: Option<u32>,
}

/// Where a packet lies in its stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In sequence, ahead of a gap, late or twice.
    Valid,
    /// Too far off; not counted.
    Stray,
    /// The second packet in sequence after a jump: the stream has restarted.
    Restarted,
}

/// The reception of a source in numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReceptionStats {
    /// Packets received, duplicates included.
    pub received: u32,
    /// Packets expected less those received; duplicates make it negative.
    pub lost: i32,
    /// Highest sequence number with rollovers in the upper half.
    pub highest: u32,
    /// Smoothed deviation of the arrival times.
    pub jitter: Duration,
}

impl Reception {
    /// Begins with the first packet of a source.
    pub fn new(ssrc: u32, clock_rate: u32, sequence: u16, now: Instant) -> Self {
        Self {
            ssrc,
            clock_rate,
            base: u32::from(sequence),
            highest: u32::from(sequence),
            jump: None,
            received: 0,
            reported: (0, 0),
            jitter: 0,
            first_at: now,
            last_at: now,
            transit: None,
        }
    }

    /// Returns the source.
    pub const fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// Returns when the last packet of the stream arrived.
    pub const fn last_at(&self) -> Instant {
        self.last_at
    }

    /// Takes the sequence number of a packet.
    pub fn handle_sequence(&mut self, sequence: u16, now: Instant) -> Place {
        let top = (self.highest & 0xffff) as u16;
        let ahead = sequence.wrapping_sub(top);
        if ahead < RTP_DROPOUT_MAX {
            self.highest = self.highest.wrapping_add(u32::from(ahead));
        } else if top.wrapping_sub(sequence) > RTP_MISORDER_MAX {
            if self.jump.replace(sequence.wrapping_add(1)) != Some(sequence) {
                return Place::Stray;
            }
            *self = Self::new(self.ssrc, self.clock_rate, sequence, now);
            self.received = 1;
            return Place::Restarted;
        }
        self.jump = None;
        self.received = self.received.wrapping_add(1);
        self.last_at = now;
        Place::Valid
    }

    /// Takes the media time of an audio packet for the jitter (A.8).
    pub fn handle_timestamp(&mut self, timestamp: u32, now: Instant) {
        let arrival = ticks(
            now.saturating_duration_since(self.first_at),
            self.clock_rate,
        );
        let transit = arrival.wrapping_sub(timestamp);
        if let Some(before) = self.transit.replace(transit) {
            let deviation = transit.wrapping_sub(before).cast_signed().unsigned_abs();
            // A jump of media time, such as after a hold, is not jitter.
            if deviation < self.clock_rate {
                self.jitter += deviation;
                self.jitter -= (self.jitter - deviation + 8) >> 4;
            }
        }
    }

    /// Sets the media clock, which may be another where another codec comes.
    pub const fn set_clock_rate(&mut self, clock_rate: u32) {
        if clock_rate == self.clock_rate {
            return;
        }
        self.clock_rate = clock_rate;
        self.jitter = 0;
        self.transit = None;
    }

    /// Returns the stream in numbers.
    pub fn stats(&self) -> ReceptionStats {
        ReceptionStats {
            received: self.received,
            lost: self.lost(),
            highest: self.highest,
            jitter: Duration::from_micros(
                u64::from(self.jitter >> 4) * 1_000_000 / u64::from(self.clock_rate.max(1)),
            ),
        }
    }

    /// Makes the report block about this stream and begins the next interval (A.3). LSR and DLSR are the caller's.
    pub fn report(&mut self) -> Block {
        let expected = self.expected();
        let expected_now = expected.wrapping_sub(self.reported.0);
        let received_now = self.received.wrapping_sub(self.reported.1);
        self.reported = (expected, self.received);
        let lost_now = expected_now.saturating_sub(received_now);
        let fraction = (u64::from(lost_now) << 8)
            .checked_div(u64::from(expected_now))
            .unwrap_or(0);
        Block {
            ssrc: self.ssrc,
            fraction_lost: u8::try_from(fraction).unwrap_or(u8::MAX),
            lost: self.lost().clamp(-0x80_0000, 0x7f_ffff),
            highest: self.highest,
            jitter: self.jitter >> 4,
            ..Block::default()
        }
    }

    const fn expected(&self) -> u32 {
        self.highest.wrapping_sub(self.base).wrapping_add(1)
    }

    const fn lost(&self) -> i32 {
        self.expected().wrapping_sub(self.received).cast_signed()
    }
}

/// Converts a time to ticks of a media clock, on its circle of 32 bits.
#[expect(
    clippy::cast_possible_truncation,
    reason = "media time lives on a circle of 32 bits"
)]
fn ticks(time: Duration, clock_rate: u32) -> u32 {
    (time.as_micros() * u128::from(clock_rate) / 1_000_000) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Time between packets.
    const PACKET: Duration = Duration::from_millis(20);

    #[test]
    fn losses_are_counted_across_the_wrap() {
        let mut stream = Reception::new(7, 8000, 65_000, t0());
        let sequences = (65_000..=65_535).chain(0..464_u16);
        for sequence in sequences.filter(|sequence| sequence % 10 != 3) {
            assert_eq!(stream.handle_sequence(sequence, t0()), Place::Valid);
        }
        let stats = stream.stats();
        assert_eq!(
            (stats.received, stats.lost, stats.highest),
            (899, 100, 0x1_0000 + 462)
        );
        assert_eq!(stream.report().fraction_lost, 25);
    }

    #[test]
    fn each_report_has_its_own_fraction() {
        let mut stream = Reception::new(7, 8000, 0, t0());
        for sequence in 0..100 {
            stream.handle_sequence(sequence, t0());
        }
        assert_eq!(stream.report().fraction_lost, 0);
        for sequence in (100..200).step_by(2) {
            stream.handle_sequence(sequence, t0());
        }
        stream.handle_sequence(199, t0());
        let block = stream.report();
        assert_eq!((block.fraction_lost, block.lost), (125, 49));
        assert_eq!(stream.report().fraction_lost, 0);
    }

    #[test]
    fn duplicates_make_the_loss_negative_and_the_fraction_nothing() {
        let mut stream = Reception::new(7, 8000, 0, t0());
        for sequence in [0, 1, 1, 2, 2, 2] {
            stream.handle_sequence(sequence, t0());
        }
        let block = stream.report();
        assert_eq!((block.fraction_lost, block.lost), (0, -3));
    }

    #[test]
    fn a_stray_packet_changes_nothing_and_two_restart_the_stream() {
        let mut stream = Reception::new(7, 8000, 1000, t0());
        stream.handle_sequence(1000, t0());
        let before = stream.stats();
        assert_eq!(stream.handle_sequence(40_000, t0()), Place::Stray);
        assert_eq!(stream.stats(), before);
        assert_eq!(stream.handle_sequence(1001, t0()), Place::Valid);
        assert_eq!(stream.handle_sequence(40_001, t0()), Place::Stray);
        assert_eq!(stream.handle_sequence(40_002, t0()), Place::Restarted);
        assert_eq!((stream.stats().received, stream.stats().lost), (1, 0));
        assert_eq!(stream.handle_sequence(40_003, t0()), Place::Valid);
    }

    #[test]
    fn late_packets_are_valid_within_bounds() {
        let mut stream = Reception::new(7, 8000, 5, t0());
        stream.handle_sequence(5, t0());
        let early = 5_u16.wrapping_sub(RTP_MISORDER_MAX);
        assert_eq!(stream.handle_sequence(early, t0()), Place::Valid);
        assert_eq!(stream.handle_sequence(early - 1, t0()), Place::Stray);
        assert_eq!(
            stream.handle_sequence(5 + RTP_DROPOUT_MAX - 1, t0()),
            Place::Valid
        );
    }

    #[test]
    fn an_even_stream_has_no_jitter() {
        assert_eq!(jitter(|_| Duration::ZERO), Duration::ZERO);
    }

    #[test]
    fn jitter_converges_to_the_mean_deviation() {
        let jitter = jitter(|packet| Duration::from_millis(10 * u64::from(packet % 2)));
        assert!(
            jitter.abs_diff(Duration::from_millis(10)) < Duration::from_millis(1),
            "{jitter:?}"
        );
    }

    #[test]
    fn a_jump_of_media_time_is_no_jitter() {
        let mut stream = Reception::new(7, 8000, 0, t0());
        stream.handle_timestamp(0, t0());
        stream.handle_timestamp(1_000_000, t0() + PACKET);
        stream.handle_timestamp(1_000_160, t0() + 2 * PACKET);
        assert!(stream.stats().jitter < Duration::from_millis(1));
    }

    /// Returns the jitter after 500 packets, each late by `delay`.
    fn jitter(delay: impl Fn(u32) -> Duration) -> Duration {
        let start = t0();
        let mut stream = Reception::new(7, 8000, 0, start);
        for packet in 0..500 {
            let timestamp = (u32::MAX - 1000).wrapping_add(160 * packet);
            stream.handle_timestamp(timestamp, start + PACKET * packet + delay(packet));
        }
        stream.stats().jitter
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the base instant of a simulated run"
    )]
    fn t0() -> Instant {
        Instant::now()
    }
}
