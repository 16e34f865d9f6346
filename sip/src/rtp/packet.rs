//! One RTP packet (RFC 3550 §5.1): read in place, written in place, nothing copied.
//!
//! Lengths are checked strictly: every part must lie inside the datagram, padding inside the payload. The audio level of
//! RFC 6464 is read from one- and two-byte header extensions (RFC 8285).

use super::Discard;

/// Bytes of the fixed header.
pub const HEADER_LEN: usize = 12;

/// The only version there is.
pub(super) const VERSION: u8 = 2;

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
        let padding = if header[0] & 0x20 == 0 {
            0
        } else {
            // RFC 3550 §5.1: the last byte counts the padding, itself included.
            usize::from(*body.last().ok_or(Discard::Malformed)?).max(1)
        };
        if header[0] & 0x20 != 0 && body.last() == Some(&0) {
            return Err(Discard::Malformed);
        }
        let payload_len = body.len().checked_sub(padding).ok_or(Discard::Malformed)?;
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
        // Id 0 is padding and, with one-byte headers, 15 says that the rest is to be ignored.
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
            0 => tail,
            15 => return None,
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
    if first & 0x10 != 0 {
        let words = datagram.get(len + 2..len + 4)?;
        len += 4 + 4 * usize::from(u16_at(words, 0));
    }
    (len <= datagram.len()).then_some(len)
}

/// Splits the extension off a header whose length was checked.
fn extension(header: &[u8]) -> Option<Extension<'_>> {
    let at = fixed_len(header[0]);
    (header[0] & 0x10 != 0).then(|| Extension {
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
