//! Keys pressed on a telephone, as telephone-events (RFC 4733): one press is exactly one digit.
//!
//! A press is a run of packets with one timestamp, its last report sent three times. It is reported at the first packet
//! seen, whichever that is, so that no single loss hides a key; its (source, timestamp) keeps the others from counting
//! again. A packet that is older than the current press is late, not another press. A press longer than the duration
//! field can say goes on under another timestamp, without marker (§2.5.1.3), and stays one press.

use super::{Discard, Packet};
use crate::limit::RTP_MISORDER_MAX;

/// Keys by event code (RFC 4733 table 3); code 16 is a hook flash and no key.
const KEYS: [char; 16] = [
    '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '*', '#', 'A', 'B', 'C', 'D',
];

/// Largest duration a packet can state, after which a press continues as another segment.
const SEGMENT: u32 = 0xffff;

/// Ticks a sender's segment may be shorter or longer than [`SEGMENT`], because it thinks in packets.
const SEGMENT_SLACK: u32 = 960;

/// How often the end of a press is sent (§2.5.1.4).
const END_PACKETS: u32 = 3;

/// Volume of sent presses, −10 dBm0.
const VOLUME: u8 = 10;

/// Turns packets of telephone-events into digits.
#[derive(Debug, Clone, Copy, Default)]
pub struct Detector {
    current: Option<Press>,
}

#[derive(Debug, Clone, Copy)]
struct Press {
    ssrc: u32,
    timestamp: u32,
    sequence: u16,
    code: u8,
    duration: u16,
    ended: bool,
}

/// What a packet is to the current press.
enum Relation {
    Same,
    Continues,
    Older,
    Another,
}

impl Detector {
    /// Takes a packet of the negotiated payload type; returns the key at the first packet of a press.
    pub fn handle(&mut self, packet: &Packet<'_>) -> Result<Option<char>, Discard> {
        let &[code, flags, high, low, ..] = packet.payload else {
            return Err(Discard::Malformed);
        };
        let Some(&key) = KEYS.get(usize::from(code)) else {
            return Ok(None);
        };
        let seen = Press {
            ssrc: packet.ssrc,
            timestamp: packet.timestamp,
            sequence: packet.sequence,
            code,
            duration: u16::from_be_bytes([high, low]),
            ended: flags & 0x80 != 0,
        };
        let relation = match &self.current {
            None => Relation::Another,
            Some(current) => current.relation(&seen, packet.marker),
        };
        match relation {
            Relation::Older => Ok(None),
            Relation::Same => {
                if let Some(current) = &mut self.current {
                    current.extend(&seen);
                }
                Ok(None)
            }
            Relation::Continues => {
                self.current = Some(seen);
                Ok(None)
            }
            Relation::Another => {
                self.current = Some(seen);
                Ok(Some(key))
            }
        }
    }
}

impl Press {
    fn relation(&self, seen: &Self, marker: bool) -> Relation {
        if seen.ssrc != self.ssrc {
            return Relation::Another;
        }
        let behind = self.sequence.wrapping_sub(seen.sequence);
        if seen.timestamp == self.timestamp {
            // A sender whose media time stands still is told apart by the key alone, once the one before has ended.
            let another = seen.code != self.code && self.ended && behind > RTP_MISORDER_MAX;
            return if another {
                Relation::Another
            } else {
                Relation::Same
            };
        }
        if is_before(seen.timestamp, self.timestamp) && behind <= RTP_MISORDER_MAX {
            return Relation::Older;
        }
        if marker || seen.code != self.code {
            return Relation::Another;
        }
        let distance = seen.timestamp.wrapping_sub(self.timestamp);
        if !self.ended && distance.abs_diff(SEGMENT) <= SEGMENT_SLACK {
            return Relation::Continues;
        }
        // A press begins after the one before it. Some senders let media time run on within a press.
        if distance <= u32::from(self.duration) {
            return Relation::Same;
        }
        Relation::Another
    }

    fn extend(&mut self, seen: &Self) {
        self.ended |= seen.ended;
        self.duration = self.duration.max(seen.duration);
    }
}

/// Compares media times on the circle of 32 bits.
fn is_before(a: u32, b: u32) -> bool {
    a != b && b.wrapping_sub(a) < 0x8000_0000
}

/// The packets of one press, for the sending side.
#[derive(Debug, Clone)]
pub struct Key {
    code: u8,
    timestamp: u32,
    step: u32,
    packets: u32,
    sent: u32,
}

/// One packet's worth of a press.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Report {
    /// Set on the first packet.
    pub marker: bool,
    /// The beginning of the press, the same in all its packets (of a segment).
    pub timestamp: u32,
    /// The payload.
    pub payload: [u8; 4],
}

impl Key {
    /// Presses `digit` at media time `timestamp` for `packets` packets of `step` ticks, the end's repetitions not
    /// counted; `None` where there is no such key.
    pub fn press(digit: char, timestamp: u32, step: u32, packets: u32) -> Option<Self> {
        let code = KEYS.iter().position(|&key| key == digit)?;
        Some(Self {
            code: u8::try_from(code).ok()?,
            timestamp,
            step,
            packets: packets.max(1),
            sent: 0,
        })
    }
}

impl Iterator for Key {
    type Item = Report;

    /// Returns the next packet, one per packet time, until the end was said three times.
    fn next(&mut self) -> Option<Report> {
        if self.sent >= self.packets + END_PACKETS - 1 {
            return None;
        }
        let marker = self.sent == 0;
        self.sent += 1;
        let end = self.sent >= self.packets;
        let ticks = self.sent.min(self.packets) * self.step;
        // The last tick of a segment still belongs to it: a duration of 0 would say nothing.
        let segment = ticks.saturating_sub(1) / SEGMENT;
        let duration =
            u16::try_from(ticks - segment * SEGMENT).expect("a segment's ticks fit its duration");
        let [high, low] = duration.to_be_bytes();
        Some(Report {
            marker,
            timestamp: self.timestamp.wrapping_add(segment * SEGMENT),
            payload: [self.code, u8::from(end) << 7 | VOLUME, high, low],
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::rtp::vectors;

    /// Ticks of 20 ms on the clock of 8 kHz.
    const STEP: u32 = 160;

    #[test]
    fn every_key_is_heard_once() {
        for key in KEYS {
            assert_eq!(heard(&press(key, 0, 0, 5)), String::from(key));
        }
        assert!(Key::press('E', 0, STEP, 5).is_none());
    }

    #[test]
    fn any_one_packet_of_a_press_is_enough() {
        let press = press('7', 0, 0, 4);
        for packet in &press {
            assert_eq!(heard(std::slice::from_ref(packet)), "7");
        }
        for kept in 0..1_u32 << press.len() {
            let kept = (0..press.len()).filter(|place| kept >> place & 1 == 1);
            let kept: Vec<_> = kept.map(|place| press[place].clone()).collect();
            assert_eq!(heard(&kept), if kept.is_empty() { "" } else { "7" });
        }
    }

    #[test]
    fn a_press_of_40_ms_is_heard() {
        assert_eq!(heard(&press('3', 0, 0, 2)), "3");
        assert_eq!(heard(&press('3', 0, 0, 1)), "3");
    }

    #[test]
    fn duplicated_and_reordered_packets_are_one_press() {
        let mut packets = press('#', 0, 65_533, 6);
        packets.extend(packets.clone());
        packets.reverse();
        assert_eq!(heard(&packets), "#");
    }

    #[test]
    fn two_presses_of_one_key_are_two_digits() {
        let mut packets = press('1', 0, 0, 5);
        packets.extend(press('1', 12 * STEP, 8, 5));
        assert_eq!(heard(&packets), "11");
    }

    #[test]
    fn lost_ends_and_markers_do_not_join_two_presses() {
        let first = &press('1', 0, 0, 5)[..5 - 1];
        let second = &press('1', 12 * STEP, 8, 5)[1..];
        assert_eq!(heard(&[first, second].concat()), "11");
    }

    #[test]
    fn late_packets_of_the_press_before_are_no_press() {
        let (first, second) = (
            press('1', u32::MAX - STEP, 65_530, 5),
            press('2', 12 * STEP, 2, 5),
        );
        let order = [&first[..4], &second[..2], &first[4..], &second[2..]];
        assert_eq!(heard(&order.concat()), "12");
    }

    #[test]
    fn a_press_of_half_a_minute_is_one_digit() {
        for (step, seconds) in [(STEP, 30), (960, 30)] {
            let packets = 50 * seconds;
            let long: Vec<_> = packets_of(Key::press('9', 0xffff_0000, step, packets).unwrap(), 0);
            assert!(
                long.iter().any(|packet| timestamp(packet) != 0xffff_0000),
                "more than one segment"
            );
            assert_eq!(heard(&long), "9", "step {step}");
        }
    }

    #[test]
    fn another_press_where_a_segment_could_continue_is_a_digit() {
        let behind = SEGMENT;
        let ended = [press('1', 0, 0, 5), press('1', behind, 50, 5)[1..].to_vec()].concat();
        assert_eq!(heard(&ended), "11");
        let marked = [&press('1', 0, 0, 5)[..4], &press('1', behind, 50, 5)].concat();
        assert_eq!(heard(&marked), "11");
        let other_key = [&press('1', 0, 0, 5)[..4], &press('2', behind, 50, 5)[1..]].concat();
        assert_eq!(heard(&other_key), "12");
    }

    #[test]
    fn media_time_may_run_on_within_a_press() {
        let mut packets = press('6', 0, 0, 5);
        packets.extend(press('6', 12 * STEP, 12, 5));
        for (place, packet) in packets.iter_mut().enumerate() {
            // The end is repeated as it is.
            let run = place / 7 * 12 + (place % 7).min(4);
            packet[4..8].copy_from_slice(&(u32::try_from(run).unwrap() * STEP).to_be_bytes());
        }
        assert_eq!(heard(&packets), "66");
    }

    #[test]
    fn media_time_may_stand_still_between_keys() {
        let packets = [press('1', 0, 0, 5), press('2', 0, 8, 5)].concat();
        assert_eq!(heard(&packets), "12");
        let first = press('1', 0, 0, 5);
        let late = [&first[..6], &press('2', 0, 8, 5), &first[6..]].concat();
        assert_eq!(heard(&late), "12");
    }

    #[test]
    fn a_restarted_stream_is_heard() {
        let mut packets = press('1', 900_000, 40_000, 5);
        packets.extend(press('1', 100, 7, 5));
        packets.extend(press('2', 50, 2_000, 5));
        assert_eq!(heard(&packets), "112");
    }

    #[test]
    fn another_source_is_another_press() {
        let mut other = press('1', 0, 0, 5);
        other.iter_mut().for_each(|packet| packet[11] ^= 1);
        let packets = [press('1', 0, 0, 5), other].concat();
        assert_eq!(heard(&packets), "11");
    }

    #[test]
    fn a_flash_is_no_key() {
        let mut flash = press('0', 0, 0, 5);
        flash.iter_mut().for_each(|packet| packet[12] = 16);
        assert_eq!(heard(&flash), "");
    }

    #[test]
    fn half_an_event_is_malformed() {
        let mut packet = press('0', 0, 0, 1).remove(0);
        packet.truncate(15);
        let packet = Packet::parse(&packet).unwrap();
        assert_eq!(Detector::default().handle(&packet), Err(Discard::Malformed));
    }

    #[test]
    fn the_end_is_said_three_times() {
        let reports: Vec<_> = Key::press('5', 1000, STEP, 3).unwrap().collect();
        let durations = reports
            .iter()
            .map(|r| u16::from_be_bytes([r.payload[2], r.payload[3]]));
        assert_eq!(durations.collect::<Vec<_>>(), [160, 320, 480, 480, 480]);
        let ends = reports.iter().map(|r| r.payload[1] & 0x80 != 0);
        assert_eq!(ends.collect::<Vec<_>>(), [false, false, true, true, true]);
        let markers = reports.iter().map(|r| r.marker);
        assert_eq!(
            markers.collect::<Vec<_>>(),
            [true, false, false, false, false]
        );
        assert!(reports.iter().all(|r| r.timestamp == 1000));
    }

    #[test]
    fn captured_calls_of_the_vectors_hold_the_keys_their_names_say() {
        for (name, bytes) in vectors::files("dtmf-rfc2833-pcap") {
            let Some(stem) = name.strip_suffix(".pcap") else {
                continue;
            };
            let expected = stem.strip_prefix("dtmf_2833_").map_or("", |key| match key {
                "star" => "*",
                "pound" => "#",
                key => key,
            });
            let events: Vec<_> = rtp_of(&bytes)
                .into_iter()
                .filter(|rtp| rtp[1] & 0x7f == 101)
                .collect();
            assert_eq!(heard(&events), expected, "{name}");
            assert!(!rtp_of(&bytes).is_empty(), "{name}");
        }
    }

    proptest! {
        #[test]
        fn any_order_with_any_losses_is_one_digit_per_press(
            order in proptest::collection::vec(0..9_usize, 1..40), start: u32, sequence: u16,
        ) {
            let press = press('4', start, sequence, 7);
            let packets: Vec<_> = order.into_iter().map(|place| press[place].clone()).collect();
            prop_assert_eq!(heard(&packets), "4");
        }

        #[test]
        fn any_payload_is_harmless(payloads in proptest::collection::vec(any::<[u8; 6]>(), 0..20)) {
            let mut detector = Detector::default();
            for bytes in payloads {
                let mut packet = press('0', 0, 0, 1).remove(0);
                packet.truncate(12);
                packet[7] = bytes[4];
                packet[3] = bytes[5];
                packet.extend(&bytes[..4]);
                let _ = detector.handle(&Packet::parse(&packet).unwrap());
            }
        }
    }

    fn heard(packets: &[Vec<u8>]) -> String {
        let mut detector = Detector::default();
        let parsed = packets.iter().map(|packet| Packet::parse(packet).unwrap());
        parsed
            .filter_map(|packet| detector.handle(&packet).unwrap())
            .collect()
    }

    fn press(key: char, timestamp: u32, sequence: u16, packets: u32) -> Vec<Vec<u8>> {
        packets_of(Key::press(key, timestamp, STEP, packets).unwrap(), sequence)
    }

    fn packets_of(key: Key, sequence: u16) -> Vec<Vec<u8>> {
        let numbered = key.zip(0..);
        let packets = numbered.map(|(report, place)| {
            let mut packet = vec![0x80, u8::from(report.marker) << 7 | 101];
            packet.extend(sequence.wrapping_add(place).to_be_bytes());
            packet.extend(report.timestamp.to_be_bytes());
            packet.extend([0, 0, 0, 7]);
            packet.extend(report.payload);
            packet
        });
        packets.collect()
    }

    fn timestamp(packet: &[u8]) -> u32 {
        Packet::parse(packet).unwrap().timestamp
    }

    /// Takes the UDP payloads out of a capture of Ethernet and IPv4 (little-endian pcap).
    fn rtp_of(pcap: &[u8]) -> Vec<Vec<u8>> {
        let mut rest = &pcap[24..];
        let mut packets = Vec::new();
        while let Some((record, tail)) = rest.split_at_checked(16) {
            let len = u32::from_le_bytes(record[8..12].try_into().unwrap());
            let (frame, tail) = tail.split_at(usize::try_from(len).unwrap());
            rest = tail;
            let ip = &frame[14..];
            let udp = &ip[usize::from(ip[0] & 15) * 4..];
            let len = usize::from(u16::from_be_bytes([udp[4], udp[5]]));
            packets.push(udp[8..len].to_vec());
        }
        packets
    }
}
