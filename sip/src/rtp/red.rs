//! Redundant audio data (RFC 2198): the newest payload of a stream, with copies of earlier ones before it.
//!
//! ```text
//! header of a copy   1 | payload type: 7 | timestamp offset: 14 | length: 10     four bytes, several
//! last header        0 | payload type: 7                                         one byte
//! payloads in the order of their headers; the last one takes what is left
//! ```
//!
//! Lengths are checked strictly before anything is told; nothing is copied on the way in.

use super::Discard;
use crate::limit::RED_COPIES_MAX;

/// The greatest offset of a copy, in ticks of the media clock: 341 ms at 48 kHz.
pub const OFFSET_MAX: u16 = (1 << 14) - 1;

/// Bytes of the longest copy.
pub const COPY_BYTES_MAX: usize = LENGTH as usize;

/// Bits of a copy's length.
const LENGTH: u16 = (1 << 10) - 1;

/// Bytes of a copy's header.
const HEADER_LEN: usize = 4;

/// Bit of a header's first byte: another one follows.
const MORE: u8 = 0x80;

/// A payload taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Blocks<'a> {
    /// Payload type of the newest payload, 0–127.
    pub payload_type: u8,
    /// The newest payload.
    pub payload: &'a [u8],
    /// What comes with it.
    pub copies: Copies<'a>,
}

/// Copies of earlier payloads, in the order they are sent in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Copies<'a> {
    headers: &'a [u8],
    payloads: &'a [u8],
    /// Others are passed over.
    only: Option<u8>,
}

/// A copy of an earlier payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block<'a> {
    /// Payload type, 0–127.
    pub payload_type: u8,
    /// How much earlier than the packet's its timestamp is.
    pub offset: u16,
    /// The payload.
    pub payload: &'a [u8],
}

impl<'a> Blocks<'a> {
    /// Takes a payload apart.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Discard> {
        let (mut headers, mut copied) = (0, 0);
        loop {
            let rest = bytes.get(headers..).ok_or(Discard::Malformed)?;
            let first = *rest.first().ok_or(Discard::Malformed)?;
            if first & MORE == 0 {
                let (headers, payloads) = bytes.split_at(headers);
                let (payloads, newest) = payloads[1..]
                    .split_at_checked(copied)
                    .ok_or(Discard::Malformed)?;
                return Ok(Self {
                    payload_type: first,
                    payload: newest,
                    copies: Copies {
                        headers,
                        payloads,
                        only: None,
                    },
                });
            }
            let header = rest.first_chunk().ok_or(Discard::Malformed)?;
            copied += length(header);
            headers += HEADER_LEN;
            if headers > RED_COPIES_MAX * HEADER_LEN {
                return Err(Discard::Malformed);
            }
        }
    }

    /// A payload without copies.
    pub fn single(payload_type: u8, payload: &'a [u8]) -> Self {
        Self {
            payload_type,
            payload,
            copies: Copies::default(),
        }
    }
}

impl Copies<'_> {
    /// Keeps those of one payload type.
    pub(super) fn of(self, payload_type: u8) -> Self {
        Self {
            only: Some(payload_type),
            ..self
        }
    }
}

impl<'a> Iterator for Copies<'a> {
    type Item = Block<'a>;

    fn next(&mut self) -> Option<Block<'a>> {
        loop {
            let header;
            (header, self.headers) = self.headers.split_first_chunk()?;
            let payload;
            (payload, self.payloads) = self.payloads.split_at_checked(length(header))?;
            let payload_type = header[0] & !MORE;
            if self.only.is_none_or(|only| only == payload_type) {
                return Some(Block {
                    payload_type,
                    offset: u16::from_be_bytes([header[1], header[2]]) >> 2,
                    payload,
                });
            }
        }
    }
}

fn length(header: &[u8; HEADER_LEN]) -> usize {
    usize::from(u16::from_be_bytes([header[2], header[3]]) & LENGTH)
}

/// Writes a payload with copies, each given by its offset, oldest first; returns the length, or 0 where `out` is too short.
///
/// What is too long or too old for its header is left out. The payload types are 0 until [`set_payload_type`].
pub fn write<'a>(
    copies: impl Iterator<Item = (u16, &'a [u8])> + Clone,
    newest: &[u8],
    out: &mut [u8],
) -> usize {
    let copies = copies
        .filter(|(offset, copy)| *offset <= OFFSET_MAX && copy.len() <= COPY_BYTES_MAX)
        .take(RED_COPIES_MAX);
    let mut len = 0;
    let mut put = |bytes: &[u8]| {
        let place = out.get_mut(len..len + bytes.len())?;
        place.copy_from_slice(bytes);
        len += bytes.len();
        Some(())
    };
    let mut put_all = || {
        for (offset, copy) in copies.clone() {
            let word = u32::from(offset) << 10 | u32::try_from(copy.len()).ok()?;
            put(&(u32::from(MORE) << 24 | word).to_be_bytes())?;
        }
        put(&[0])?;
        for (_, copy) in copies.clone() {
            put(copy)?;
        }
        put(newest)
    };
    if put_all().is_some() { len } else { 0 }
}

/// Sets the payload type of all that a written payload holds.
pub fn set_payload_type(bytes: &mut [u8], payload_type: u8) {
    let mut at = 0;
    while let Some(first) = bytes.get_mut(at) {
        let more = *first & MORE;
        *first = more | payload_type & !MORE;
        if more == 0 {
            return;
        }
        at += HEADER_LEN;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::rtp::vectors;

    fn written(copies: &[(u16, &[u8])], newest: &[u8]) -> Vec<u8> {
        let mut out = [0; 4_000];
        let len = write(copies.iter().copied(), newest, &mut out);
        set_payload_type(&mut out[..len], 111);
        out[..len].to_vec()
    }

    fn read(bytes: &[u8]) -> Vec<(u8, u16, Vec<u8>)> {
        let blocks = Blocks::parse(bytes).unwrap();
        let newest = (blocks.payload_type, 0, blocks.payload.to_vec());
        let copies = blocks
            .copies
            .map(|copy| (copy.payload_type, copy.offset, copy.payload.to_vec()));
        copies.chain([newest]).collect()
    }

    #[test]
    fn the_example_of_the_standard_is_read() {
        // RFC 2198 §4: DVI4 (5) with a copy in LPC (7), 14 bytes each for this test.
        let mut bytes = vec![0x87, 0x02, 0x80, 14, 5];
        bytes.extend([7; 14]);
        bytes.extend([5; 14]);
        assert_eq!(read(&bytes), [(7, 160, vec![7; 14]), (5, 0, vec![5; 14])]);
    }

    #[test]
    fn a_payload_alone_is_read_as_it_is() {
        assert_eq!(read(&[111, 1, 2]), [(111, 0, vec![1, 2])]);
        assert_eq!(read(&[111]), [(111, 0, vec![])]);
    }

    #[test]
    fn lengths_beyond_the_payload_are_malformed() {
        for (what, bytes) in [
            ("nothing", &[][..]),
            ("half a header", &[0x80 | 111, 0, 0]),
            ("no last header", &[0x80 | 111, 0, 0, 0]),
            ("a copy longer than all", &[0x80 | 111, 0, 0, 3, 111, 1, 2]),
            (
                "copies that are long together",
                &[0xef, 0, 0, 1, 0xef, 0, 0, 2, 111, 1, 2],
            ),
            ("an endless chain", &[0xff; 400]),
        ] {
            assert_eq!(Blocks::parse(bytes), Err(Discard::Malformed), "{what}");
        }
    }

    #[test]
    fn chains_end_at_the_limit() {
        let copy: (u16, &[u8]) = (960, &[1]);
        let mut bytes = written(&[copy; RED_COPIES_MAX + 3], &[2]);
        assert_eq!(read(&bytes).len(), RED_COPIES_MAX + 1);
        bytes.splice(0..0, [0xef, 0, 0, 0]);
        assert_eq!(Blocks::parse(&bytes), Err(Discard::Malformed));
    }

    #[test]
    fn what_does_not_fit_its_header_is_left_out() {
        let long = [0; COPY_BYTES_MAX + 1];
        let bytes = written(&[(OFFSET_MAX + 1, &[1]), (1, &long), (2, &long[1..])], &[9]);
        assert_eq!(
            read(&bytes),
            [(111, 2, long[1..].to_vec()), (111, 0, vec![9])]
        );
    }

    #[test]
    fn what_does_not_fit_is_not_written_in_part() {
        for room in 0..9 {
            let mut out = [0; 9];
            let len = write([(960, &[1, 2][..])].into_iter(), &[3, 4], &mut out[..room]);
            assert_eq!(len, if room < 9 { 0 } else { 9 });
        }
    }

    #[test]
    fn collected_vectors_are_read_or_refused() {
        for (name, bytes) in vectors::files("webrtc-corpora/rtp-corpus") {
            for from in 0..bytes.len().min(40) {
                if let Ok(blocks) = Blocks::parse(&bytes[from..]) {
                    let copied: usize = blocks.copies.map(|copy| copy.payload.len()).sum();
                    assert!(copied + blocks.payload.len() < bytes.len() - from, "{name}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            copies in proptest::collection::vec(
                (0..=OFFSET_MAX, proptest::collection::vec(any::<u8>(), 0..300)), 0..RED_COPIES_MAX,
            ),
            newest in proptest::collection::vec(any::<u8>(), 0..300),
        ) {
            let given: Vec<_> = copies.iter().map(|(offset, copy)| (*offset, &copy[..])).collect();
            let mut expected: Vec<_> = copies.iter().map(|(offset, copy)| (111, *offset, copy.clone())).collect();
            expected.push((111, 0, newest.clone()));
            prop_assert_eq!(read(&written(&given, &newest)), expected);
        }

        #[test]
        fn any_bytes_are_read_or_refused(mut bytes in proptest::collection::vec(any::<u8>(), 0..200), chain in 0..10_usize) {
            // Headers that lead further in.
            for at in 0..chain {
                if let Some(header) = bytes.get_mut(4 * at..4 * at + 4) {
                    header[0] |= MORE;
                    header[2] &= 0xfc;
                    header[3] &= 15;
                }
            }
            if let Ok(blocks) = Blocks::parse(&bytes) {
                let headers = blocks.copies.count();
                let payloads: usize = blocks.copies.map(|copy| copy.payload.len()).sum();
                prop_assert!(headers <= RED_COPIES_MAX);
                prop_assert_eq!(headers * HEADER_LEN + 1 + payloads + blocks.payload.len(), bytes.len());
            }
        }
    }
}
