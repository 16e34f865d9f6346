//! One RTP packet (RFC 3550 §5.1): read in place, written in place, nothing copied.
//!
//! Lengths are checked strictly: every part must lie inside the datagram, padding inside the payload. The audio level of
//! RFC 6464 is read from one- and two-byte header extensions (RFC 8285).

use super::Discard;

/// Bytes of the fixed header.
pub const HEADER_LEN: usize = 12;

/// The only version there is.
pub(super) const VERSION: u8 = 2;

/// Bit of the first byte: padding behind the payload, or behind the last RTCP packet.
pub(super) const PADDED: u8 = 0x20;

/// Bit of the first byte: a header extension.
const EXTENDED: u8 = 0x10;

/// Profile of one-byte header extensions (RFC 8285 §4.2).
const ONE_BYTE: u16 = 0xBEDE;

/// Profile of two-byte header extensions without its four "appbits" (RFC 8285 §4.3).
const TWO_BYTE: u16 = 0x1000;

/// Tells RTCP from RTP on a shared port, by the second byte (RFC 5761 §4).
pub fn is_rtcp(datagram: &[u8]) -> bool {
    matches!(datagram.get(1), Some(192..=223))
}

/// The fixed header of a packet to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// The first packet of a talk spurt or of a key press.
    pub marker: bool,
    /// Payload type, 0–127.
    pub payload_type: u8,
    /// Sequence number.
    pub sequence: u16,
    /// Media time of the first sample.
    pub timestamp: u32,
    /// Synchronization source.
    pub ssrc: u32,
}

impl Header {
    /// Writes the header and returns its length, or 0 where `out` is too short.
    pub fn write(&self, out: &mut [u8]) -> usize {
        let Some(out) = out.first_chunk_mut::<HEADER_LEN>() else {
            return 0;
        };
        out[0] = VERSION << 6;
        out[1] = u8::from(self.marker) << 7 | self.payload_type & 0x7f;
        out[2..4].copy_from_slice(&self.sequence.to_be_bytes());
        out[4..8].copy_from_slice(&self.timestamp.to_be_bytes());
        out[8..12].copy_from_slice(&self.ssrc.to_be_bytes());
        HEADER_LEN
    }
}

/// A received packet, borrowed from its datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packet<'a> {
    /// The first packet of a talk spurt or of a key press.
    pub marker: bool,
    /// Payload type, 0–127.
    pub payload_type: u8,
    /// Sequence number.
    pub sequence: u16,
    /// Media time of the first sample.
    pub timestamp: u32,
    /// Synchronization source.
    pub ssrc: u32,
    /// The payload without padding.
    pub payload: &'a [u8],
    extension: Option<Extension<'a>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Extension<'a> {
    profile: u16,
    elements: &'a [u8],
}

impl<'a> Packet<'a> {
    /// Reads a datagram.
    pub fn parse(datagram: &'a [u8]) -> Result<Self, Discard> {
        let header_len = header_len(datagram).ok_or(Discard::Malformed)?;
        let (header, body) = datagram.split_at(header_len);
        let payload_len = match (header[0] & PADDED, body.last()) {
            (0, _) => Some(body.len()),
            // RFC 3550 §5.1: the last byte counts the padding, itself included.
            (_, None | Some(0)) => None,
            (_, Some(&padding)) => body.len().checked_sub(usize::from(padding)),
        };
        let payload_len = payload_len.ok_or(Discard::Malformed)?;
        Ok(Self {
            marker: header[1] & 0x80 != 0,
            payload_type: header[1] & 0x7f,
            sequence: u16_at(header, 2),
            timestamp: u32_at(header, 4),
            ssrc: u32_at(header, 8),
            payload: &body[..payload_len],
            extension: extension(header),
        })
    }

    /// Returns the audio level (RFC 6464) the sender put into the header extension `id`: whether it holds voice, and
    /// the level as −dBov, 0 (loudest) to 127.
    pub fn audio_level(&self, id: u8) -> Option<(bool, u8)> {
        let value = self.extension?.element(id)?;
        let level = *value.first()?;
        Some((level & 0x80 != 0, level & 0x7f))
    }
}

impl<'a> Extension<'a> {
    fn element(self, id: u8) -> Option<&'a [u8]> {
        match self.profile {
            ONE_BYTE if (1..15).contains(&id) => one_byte_element(self.elements, id),
            profile if profile & 0xfff0 == TWO_BYTE && id != 0 => {
                two_byte_element(self.elements, id)
            }
            _ => None,
        }
    }
}

fn one_byte_element(mut rest: &[u8], wanted: u8) -> Option<&[u8]> {
    loop {
        let (&head, tail) = rest.split_first()?;
        rest = match head >> 4 {
            0 if head == 0 => tail,
            // RFC 8285 §4.2: an id of 0 with a length, and an id of 15, end the extension.
            0 | 15 => return None,
            id => {
                let (value, tail) = tail.split_at_checked(usize::from(head & 15) + 1)?;
                if id == wanted {
                    return Some(value);
                }
                tail
            }
        };
    }
}

fn two_byte_element(mut rest: &[u8], wanted: u8) -> Option<&[u8]> {
    loop {
        let (&id, tail) = rest.split_first()?;
        if id == 0 {
            rest = tail;
            continue;
        }
        let (&len, tail) = tail.split_first()?;
        let (value, tail) = tail.split_at_checked(usize::from(len))?;
        if id == wanted {
            return Some(value);
        }
        rest = tail;
    }
}

/// Returns the length of fixed header, contributing sources and extension, where all of it lies inside the datagram.
pub(super) fn header_len(datagram: &[u8]) -> Option<usize> {
    let first = *datagram.first()?;
    if first >> 6 != VERSION {
        return None;
    }
    let mut len = fixed_len(first);
    if first & EXTENDED != 0 {
        let words = datagram.get(len + 2..len + 4)?;
        len += 4 + 4 * usize::from(u16_at(words, 0));
    }
    (len <= datagram.len()).then_some(len)
}

/// Splits the extension off a header whose length was checked.
fn extension(header: &[u8]) -> Option<Extension<'_>> {
    let at = fixed_len(header[0]);
    (header[0] & EXTENDED != 0).then(|| Extension {
        profile: u16_at(header, at),
        elements: &header[at + 4..],
    })
}

/// Bytes of fixed header and contributing sources.
fn fixed_len(first: u8) -> usize {
    HEADER_LEN + 4 * usize::from(first & 15)
}

/// Reads a number the caller has checked to be there.
pub(super) fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

/// Reads a number the caller has checked to be there.
pub(super) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::rtp::vectors;

    #[test]
    fn a_packet_with_everything_is_read() {
        let mut datagram = vec![0xb2, 0x80 | 96, 0x12, 0x34, 0, 0, 0, 5, 0, 0, 0, 7];
        datagram.extend([1; 8]);
        datagram.extend([0xbe, 0xde, 0, 1, 0x10, 0x85, 0, 0]);
        datagram.extend(b"sound");
        datagram.extend([0, 0, 3]);
        let packet = Packet::parse(&datagram).unwrap();
        assert!(packet.marker);
        assert_eq!((packet.payload_type, packet.sequence), (96, 0x1234));
        assert_eq!((packet.timestamp, packet.ssrc), (5, 7));
        assert_eq!(packet.payload, b"sound");
        assert_eq!(packet.audio_level(1), Some((true, 5)));
    }

    #[test]
    fn lengths_beyond_the_datagram_are_malformed() {
        let fixed = [0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        assert!(Packet::parse(&fixed).is_ok());
        for (what, first, tail) in [
            ("version 1", 0x40, &[][..]),
            ("version 3", 0xc0, &[]),
            ("a missing contributing source", 0x82, &[0; 7]),
            ("a missing extension", 0x90, &[]),
            ("half an extension header", 0x90, &[0xbe, 0xde, 0]),
            (
                "a missing extension word",
                0x90,
                &[0xbe, 0xde, 0, 1, 0, 0, 0],
            ),
            ("an endless extension", 0x90, &[0xbe, 0xde, 0xff, 0xff]),
            ("padding of nothing", 0xa0, &[]),
            ("padding of no length", 0xa0, &[1, 2, 0]),
            ("padding into the header", 0xa0, &[1, 2, 4]),
        ] {
            let mut datagram = fixed.to_vec();
            datagram[0] = first;
            datagram.extend(tail);
            assert_eq!(Packet::parse(&datagram), Err(Discard::Malformed), "{what}");
        }
        for len in 0..fixed.len() {
            assert_eq!(
                Packet::parse(&fixed[..len]),
                Err(Discard::Malformed),
                "{len} bytes"
            );
        }
    }

    #[test]
    fn audio_levels_are_found_among_other_elements() {
        for (what, profile, elements, expected) in [
            (
                "one-byte",
                ONE_BYTE,
                &[0x22, 1, 2, 3, 0x30, 0x7f, 0, 0][..],
                Some((false, 127)),
            ),
            (
                "one-byte behind padding",
                ONE_BYTE,
                &[0, 0, 0x30, 0x80],
                Some((true, 0)),
            ),
            (
                "one-byte behind the end",
                ONE_BYTE,
                &[0xf0, 0, 0x30, 0x80],
                None,
            ),
            (
                "one-byte behind an id of 0 with length",
                ONE_BYTE,
                &[0x01, 0, 0x30, 0x80],
                None,
            ),
            ("one-byte cut off", ONE_BYTE, &[0, 0, 0, 0x30], None),
            (
                "two-byte",
                TWO_BYTE,
                &[9, 1, 5, 3, 1, 0x85, 0, 0],
                Some((true, 5)),
            ),
            (
                "two-byte with appbits",
                TWO_BYTE | 7,
                &[0, 3, 1, 0x85],
                Some((true, 5)),
            ),
            ("two-byte without value", TWO_BYTE, &[3, 0, 0, 0], None),
            ("two-byte cut off", TWO_BYTE, &[3, 4, 0, 0], None),
            ("another profile", 0x4321, &[0x30, 0x80, 0, 0], None),
            ("no elements", ONE_BYTE, &[], None),
        ] {
            let mut datagram = vec![0x90, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
            datagram.extend(profile.to_be_bytes());
            datagram.extend(u16::try_from(elements.len() / 4).unwrap().to_be_bytes());
            datagram.extend(elements);
            let packet = Packet::parse(&datagram).unwrap();
            assert_eq!(packet.audio_level(3), expected, "{what}");
            assert_eq!(packet.audio_level(0), None, "{what}");
        }
    }

    #[test]
    fn a_header_without_room_is_not_written() {
        let header = Header {
            marker: false,
            payload_type: 0,
            sequence: 0,
            timestamp: 0,
            ssrc: 0,
        };
        assert_eq!(header.write(&mut [0; HEADER_LEN - 1]), 0);
    }

    #[test]
    fn rtcp_is_told_from_rtp() {
        for (second, expected) in [
            (0, false),
            (0x80, false),
            (0x80 | 63, false),
            (200, true),
            (207, true),
            (224, false),
        ] {
            assert_eq!(is_rtcp(&[0x80, second]), expected, "{second}");
        }
        assert!(!is_rtcp(&[0x80]));
    }

    #[test]
    fn collected_vectors_are_read_or_refused() {
        for (name, bytes) in vectors::files("webrtc-corpora/rtp-corpus") {
            if let Ok(packet) = Packet::parse(&bytes) {
                assert!(packet.payload.len() <= bytes.len() - HEADER_LEN, "{name}");
                let _ = (0..=255).filter_map(|id| packet.audio_level(id)).count();
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            marker: bool, payload_type in 0..128_u8, sequence: u16, timestamp: u32, ssrc: u32,
            payload in proptest::collection::vec(any::<u8>(), 0..50),
        ) {
            let header = Header { marker, payload_type, sequence, timestamp, ssrc };
            let mut datagram = [0; HEADER_LEN].to_vec();
            prop_assert_eq!(header.write(&mut datagram), HEADER_LEN);
            datagram.extend(&payload);
            let packet = Packet::parse(&datagram).unwrap();
            let read = Header {
                marker: packet.marker,
                payload_type: packet.payload_type,
                sequence: packet.sequence,
                timestamp: packet.timestamp,
                ssrc: packet.ssrc,
            };
            prop_assert_eq!(read, header);
            prop_assert_eq!(packet.payload, payload);
        }

        #[test]
        fn any_bytes_are_read_or_refused(
            bytes in proptest::collection::vec(any::<u8>(), 0..100), first in 0x80..0xc0_u8, id: u8,
        ) {
            let mut bytes = bytes;
            bytes.insert(0, first);
            if let Ok(packet) = Packet::parse(&bytes) {
                prop_assert!(packet.payload.len() <= bytes.len() - HEADER_LEN);
                let _ = packet.audio_level(id);
            }
        }
    }
}
