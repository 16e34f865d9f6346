//! Packets in a stream (RFC 4571 §2): two octets of length before each.

use std::collections::VecDeque;

use crate::limit::{ICE_TCP_FRAME_BYTES_MAX, ICE_TCP_FRAMES_WAITING_MAX};

/// A length that no packet of a browser's has: what comes is no such stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooLong;

/// Cuts what comes into packets.
#[derive(Debug)]
pub(super) struct Incoming {
    octets: Box<[u8]>,
    /// Where the first packet that was not taken begins.
    from: usize,
    /// Where what has come ends.
    to: usize,
}

impl Incoming {
    pub(super) fn new() -> Self {
        Self {
            octets: vec![0; LENGTH + ICE_TCP_FRAME_BYTES_MAX].into_boxed_slice(),
            from: 0,
            to: 0,
        }
    }

    /// Returns where the next octets go; there is room once all whole packets are taken.
    pub(super) fn room(&mut self) -> &mut [u8] {
        self.octets.copy_within(self.from..self.to, 0);
        self.to -= self.from;
        self.from = 0;
        &mut self.octets[self.to..]
    }

    /// Notes that so many octets came.
    pub(super) fn came(&mut self, count: usize) {
        self.to = (self.to + count).min(self.octets.len());
    }

    /// Takes the next whole packet. One of no octets is one, too: it may be sent to keep the connection alive.
    pub(super) fn take(&mut self) -> Result<Option<&[u8]>, TooLong> {
        let Some((head, rest)) = self.octets[self.from..self.to].split_first_chunk::<LENGTH>()
        else {
            return Ok(None);
        };
        let length = usize::from(u16::from_be_bytes(*head));
        if length > ICE_TCP_FRAME_BYTES_MAX {
            return Err(TooLong);
        }
        let packet = rest.get(..length);
        if packet.is_some() {
            self.from += LENGTH + length;
        }
        Ok(packet)
    }
}

/// Packets that wait to be written, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    frames: VecDeque<Vec<u8>>,
    /// Octets of the first that are written.
    written: usize,
}

impl Outgoing {
    /// Lets a packet wait. Where too many do, the oldest is left out, for it is the least worth by now; tells whether one was.
    pub(super) fn push(&mut self, packet: &[u8]) -> bool {
        let Some(length) = u16::try_from(packet.len()).ok() else {
            return true;
        };
        let is_full = self.frames.len() >= ICE_TCP_FRAMES_WAITING_MAX;
        if is_full {
            // One that is half written has to be finished.
            self.frames.remove(usize::from(self.written > 0));
        }
        let mut frame = Vec::with_capacity(LENGTH + packet.len());
        frame.extend_from_slice(&length.to_be_bytes());
        frame.extend_from_slice(packet);
        self.frames.push_back(frame);
        is_full
    }

    /// Returns the octets to write next; none where nothing waits.
    pub(super) fn next(&self) -> &[u8] {
        self.frames
            .front()
            .map_or(&[], |frame| &frame[self.written..])
    }

    /// Notes that so many of these octets are written.
    pub(super) fn wrote(&mut self, count: usize) {
        self.written += count;
        if self
            .frames
            .front()
            .is_some_and(|frame| self.written >= frame.len())
        {
            self.frames.pop_front();
            self.written = 0;
        }
    }
}

/// Octets of the length.
const LENGTH: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_come_out_whole_however_the_stream_is_cut() {
        let packets: Vec<Vec<u8>> = [1, 0, 700, ICE_TCP_FRAME_BYTES_MAX, 3]
            .map(|length| vec![0xa5; length])
            .into();
        let mut stream = Vec::new();
        for packet in &packets {
            stream.extend_from_slice(&u16::try_from(packet.len()).unwrap().to_be_bytes());
            stream.extend_from_slice(packet);
        }
        for step in [1, 2, 3, 699, stream.len()] {
            let mut incoming = Incoming::new();
            let mut came = Vec::new();
            let mut rest = &*stream;
            while !rest.is_empty() {
                let room = incoming.room();
                let count = step.min(room.len()).min(rest.len());
                assert!(count > 0, "a whole packet fits");
                room[..count].copy_from_slice(&rest[..count]);
                rest = &rest[count..];
                incoming.came(count);
                while let Some(packet) = incoming.take().unwrap() {
                    came.push(packet.to_vec());
                }
            }
            assert_eq!(came, packets, "in steps of {step}");
        }
    }

    #[test]
    fn a_length_that_no_packet_has_is_refused_before_the_packet_comes() {
        let longest = u16::try_from(ICE_TCP_FRAME_BYTES_MAX).unwrap();
        for (length, expected) in [
            (longest, Ok(None)),
            (longest + 1, Err(TooLong)),
            // What a browser sends first to a server of the web: a handshake of TLS, a request of HTTP.
            (0x1603, Err(TooLong)),
            (u16::from_be_bytes(*b"GE"), Err(TooLong)),
        ] {
            let mut incoming = Incoming::new();
            incoming.room()[..LENGTH].copy_from_slice(&length.to_be_bytes());
            incoming.came(LENGTH);
            assert_eq!(incoming.take(), expected, "{length}");
        }
    }

    #[test]
    fn who_does_not_read_has_the_latest_packets_waiting_and_no_more() {
        let mut outgoing = Outgoing::default();
        let lost = (0..=255_u8).filter(|n| outgoing.push(&[*n; 100])).count();
        assert_eq!(lost, 256 - ICE_TCP_FRAMES_WAITING_MAX);
        let first = u8::try_from(lost).unwrap();
        assert_eq!(drain(&mut outgoing), (first..=255).collect::<Vec<_>>());
    }

    #[test]
    fn a_packet_that_is_half_written_is_finished() {
        let mut outgoing = Outgoing::default();
        outgoing.push(&[7; 100]);
        outgoing.wrote(1);
        for n in 0..=255 {
            outgoing.push(&[n; 100]);
        }
        assert_eq!(outgoing.next().len(), LENGTH + 100 - 1);
        outgoing.wrote(LENGTH + 100 - 1);
        let first = u8::try_from(256 - (ICE_TCP_FRAMES_WAITING_MAX - 1)).unwrap();
        assert_eq!(drain(&mut outgoing), (first..=255).collect::<Vec<_>>());
    }

    /// The first octets of all that wait, whatever is written at once.
    fn drain(outgoing: &mut Outgoing) -> Vec<u8> {
        let mut stream = Vec::new();
        while !outgoing.next().is_empty() {
            let count = outgoing.next().len().min(37);
            stream.extend_from_slice(&outgoing.next()[..count]);
            outgoing.wrote(count);
        }
        assert_eq!(stream.len() % (LENGTH + 100), 0);
        stream
            .chunks(LENGTH + 100)
            .inspect(|frame| assert_eq!(frame[..LENGTH], [0, 100]))
            .map(|frame| frame[LENGTH])
            .collect()
    }
}
