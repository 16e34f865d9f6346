//! Copies of earlier payloads in later packets (RFC 2198): they fill holes in the row of packets and count for nothing else.
//!
//! A copy has a timestamp and no sequence number. It is taken for one of the packets that are missing between the two that
//! it lies between; where none is missing, the sender sent nothing there or it is here already, and the copy is dropped.

use std::time::Instant;

use super::{JitterBuffer, Packet};
use crate::limit::{MAX_DEPTH, MAX_PACKETS, MAX_RECEIVED_PAYLOAD};

impl JitterBuffer {
    /// Takes in a copy of `duration` timestamp units of sound, from a packet that was put before.
    pub(crate) fn put_redundant(
        &mut self,
        timestamp: u32,
        duration: u32,
        payload: &[u8],
        now: Instant,
    ) {
        let now = self.micros(now);
        let Some(heard) = &self.heard else {
            return;
        };
        let behind = i64::from(heard.rtp_timestamp().wrapping_sub(timestamp));
        if duration == 0 || behind > self.units(MAX_DEPTH) {
            return;
        }
        let begin = heard.timestamp - behind;
        let Some((at, sequence)) = self.hole(begin, i64::from(duration)) else {
            return;
        };
        // What is a help must not push out what is needed.
        if payload.len() > MAX_RECEIVED_PAYLOAD || self.packets.len() >= MAX_PACKETS {
            return;
        }
        let Some(place) = self.store.write(payload) else {
            return;
        };
        let packet = Packet {
            sequence,
            timestamp: begin,
            end: begin + i64::from(duration),
            arrival: now,
            header: None,
            copy: true,
            place,
        };
        self.packets.insert(at, packet);
    }

    /// Hears that packets carry copies of what was sent so many timestamp units before them.
    pub(crate) fn expect_redundant(&mut self, offset: u32) {
        self.copies.reach(i64::from(offset));
    }

    /// Tells whether a copy of a packet is here already. A copy that was taken for the packet by mistake is dropped.
    pub(super) fn is_recovered(&mut self, sequence: i64, timestamp: i64) -> bool {
        let known = self
            .packets
            .binary_search_by_key(&sequence, |known| known.sequence);
        let Ok(at) = known else {
            return false;
        };
        if self.packets[at].timestamp == timestamp {
            return true;
        }
        let mistaken = self.packets.remove(at);
        self.store.free(&mistaken.place);
        false
    }

    /// Finds the place among the packets for a copy, and the number of the missing packet.
    fn hole(&self, begin: i64, duration: i64) -> Option<(usize, i64)> {
        let cursor = self.cursor().filter(|&cursor| begin >= cursor)?;
        let earlier = self
            .packets
            .iter()
            .rposition(|packet| packet.timestamp < begin);
        let (at, before, free) = match earlier {
            Some(at) => (at + 1, self.packets[at].sequence, self.packets[at].end),
            None => (0, self.played?, cursor),
        };
        let after = self.packets.get(at)?;
        let rest = after.timestamp - begin - duration;
        if begin < free || rest < 0 || after.sequence - before <= 1 {
            return None;
        }
        let sequence = after.sequence - 1 - rest / duration;
        Some((at, sequence.max(before + 1)))
    }
}
