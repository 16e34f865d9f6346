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
        if seen.timestamp == self.timestamp {
            return Relation::Same;
        }
        let behind = self.sequence.wrapping_sub(seen.sequence);
        if is_before(seen.timestamp, self.timestamp) && behind <= RTP_MISORDER_MAX {
            return Relation::Older;
        }
        if self.is_continued_by(seen, marker) {
            return Relation::Continues;
        }
        Relation::Another
    }

    /// A segment starts where the one before it ends: at its stated duration or, where its last reports were lost, at
    /// the largest duration there is. A second press of the key starts later, behind a pause.
    fn is_continued_by(&self, seen: &Self, marker: bool) -> bool {
        let distance = seen.timestamp.wrapping_sub(self.timestamp);
        let touches =
            distance <= u32::from(self.duration) || distance.abs_diff(SEGMENT) <= SEGMENT_SLACK;
        seen.code == self.code && !self.ended && !marker && touches
    }

    fn extend(&mut self, seen: &Self) {
        self.ended |= seen.ended;
        self.duration = self.duration.max(seen.duration);
        if seen.sequence.wrapping_sub(self.sequence) < 0x8000 {
            self.sequence = seen.sequence;
        }
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
