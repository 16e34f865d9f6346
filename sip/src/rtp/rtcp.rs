//! RTCP (RFC 3550 §6): reading and writing compound packets.
//!
//! A compound is checked as a whole before any of it is used: versions, lengths that add up to the datagram, counts that
//! fit their packet, padding at the very end only (A.2). What SDES says of people is checked for length and not kept.

use super::{
    Discard,
    packet::{PADDED, VERSION, u16_at, u32_at},
};
use crate::limit::RTCP_PACKETS_MAX;

/// Packet type of a sender report.
const SENDER_REPORT: u8 = 200;
/// Packet type of a receiver report.
const RECEIVER_REPORT: u8 = 201;
/// Packet type of a source description.
const SOURCE_DESCRIPTION: u8 = 202;
/// Packet type of a goodbye.
const GOODBYE: u8 = 203;

/// Bytes of the common header.
const HEADER_LEN: usize = 4;
/// Bytes of the sender's part of a sender report, behind the SSRC.
const SENDER_LEN: usize = 20;
/// Bytes of a report block.
pub(super) const BLOCK_LEN: usize = 24;
/// SDES item that names the source.
const CNAME: u8 = 1;

/// A compound RTCP datagram, checked.
#[derive(Debug, Clone, Copy)]
pub struct Compound<'a> {
    rest: &'a [u8],
}

/// One packet of a compound.
#[derive(Debug, Clone, Copy)]
pub enum RtcpPacket<'a> {
    /// A sender report.
    Sender {
        /// Who reports.
        ssrc: u32,
        /// What it sent.
        sent: SenderInfo,
        /// What it received.
        blocks: Blocks<'a>,
    },
    /// A receiver report.
    Receiver {
        /// Who reports.
        ssrc: u32,
        /// What it received.
        blocks: Blocks<'a>,
    },
    /// A source description; its content is not kept.
    Description,
    /// Sources that leave.
    Goodbye(Sources<'a>),
    /// Feedback, extended reports and everything else: its type.
    Other(u8),
}

/// The sender's part of a sender report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SenderInfo {
    /// Wall time as NTP: seconds since 1900 in the upper half, fraction in the lower.
    pub ntp: u64,
    /// The same moment as media time.
    pub timestamp: u32,
    /// Packets sent.
    pub packets: u32,
    /// Payload bytes sent.
    pub octets: u32,
}

/// What a receiver says of one source (RFC 3550 §6.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Block {
    /// The source it is about.
    pub ssrc: u32,
    /// Share of packets lost since the last report, in 1/256.
    pub fraction_lost: u8,
    /// Packets lost in all; duplicates make it negative. 24 bits.
    pub lost: i32,
    /// Highest sequence number received, with its rollovers above.
    pub highest: u32,
    /// Interarrival jitter in ticks of the media clock.
    pub jitter: u32,
    /// Middle 32 bits of the NTP time of the last sender report, 0 for none.
    pub last_sender_report: u32,
    /// Time since then in 1/65,536 s.
    pub delay: u32,
}

impl<'a> Compound<'a> {
    /// Checks a datagram.
    pub fn parse(datagram: &'a [u8]) -> Result<Self, Discard> {
        let mut rest = datagram;
        for _ in 0..RTCP_PACKETS_MAX {
            rest = check(rest).ok_or(Discard::Malformed)?;
            if rest.is_empty() {
                return Ok(Self { rest: datagram });
            }
        }
        Err(Discard::Malformed)
    }
}

impl<'a> Iterator for Compound<'a> {
    type Item = RtcpPacket<'a>;

    fn next(&mut self) -> Option<RtcpPacket<'a>> {
        let (packet, rest) = split(self.rest)?;
        self.rest = rest;
        read(packet)
    }
}

/// The report blocks of one packet.
#[derive(Debug, Clone, Copy)]
pub struct Blocks<'a>(&'a [u8]);

impl Iterator for Blocks<'_> {
    type Item = Block;

    fn next(&mut self) -> Option<Block> {
        let (block, rest) = self.0.split_first_chunk::<BLOCK_LEN>()?;
        self.0 = rest;
        Some(Block {
            ssrc: u32_at(block, 0),
            fraction_lost: block[4],
            // The shift carries the sign of the 24 bits.
            lost: (u32_at(block, 4) << 8).cast_signed() >> 8,
            highest: u32_at(block, 8),
            jitter: u32_at(block, 12),
            last_sender_report: u32_at(block, 16),
            delay: u32_at(block, 20),
        })
    }
}

/// The sources of a goodbye.
#[derive(Debug, Clone, Copy)]
pub struct Sources<'a>(&'a [u8]);

impl Iterator for Sources<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        let (ssrc, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u32::from_be_bytes(*ssrc))
    }
}

/// Checks the first packet and returns what follows it.
fn check(rest: &[u8]) -> Option<&[u8]> {
    let (packet, rest) = split(rest)?;
    let padded = packet[0] & PADDED != 0;
    // RFC 3550 §6.4.1: only the last packet of a compound may be padded, in whole words.
    if padded && !rest.is_empty() {
        return None;
    }
    let padding = if padded {
        usize::from(*packet.last()?)
    } else {
        0
    };
    if padded && (padding == 0 || !padding.is_multiple_of(4)) {
        return None;
    }
    let end = packet.len().checked_sub(padding)?;
    (end >= HEADER_LEN).then_some(())?;
    match read(&packet[..end])? {
        RtcpPacket::Description => check_chunks(packet[0] & 31, &packet[HEADER_LEN..end])?,
        RtcpPacket::Sender { .. }
        | RtcpPacket::Receiver { .. }
        | RtcpPacket::Goodbye(_)
        | RtcpPacket::Other(_) => {}
    }
    Some(rest)
}

/// Splits off the first packet by its length field.
fn split(rest: &[u8]) -> Option<(&[u8], &[u8])> {
    let header = rest.first_chunk::<HEADER_LEN>()?;
    if header[0] >> 6 != VERSION || !(192..=223).contains(&header[1]) {
        return None;
    }
    rest.split_at_checked(HEADER_LEN + 4 * usize::from(u16_at(header, 2)))
}

/// Reads one packet; `None` where its counts exceed its length.
fn read(packet: &[u8]) -> Option<RtcpPacket<'_>> {
    let count = usize::from(packet[0] & 31);
    let body = &packet[HEADER_LEN..];
    Some(match packet[1] {
        SENDER_REPORT => {
            let (ssrc, body) = body.split_first_chunk()?;
            let (sent, body) = body.split_first_chunk::<SENDER_LEN>()?;
            RtcpPacket::Sender {
                ssrc: u32::from_be_bytes(*ssrc),
                sent: sender_info(sent),
                blocks: Blocks(body.get(..count * BLOCK_LEN)?),
            }
        }
        RECEIVER_REPORT => {
            let (ssrc, body) = body.split_first_chunk()?;
            RtcpPacket::Receiver {
                ssrc: u32::from_be_bytes(*ssrc),
                blocks: Blocks(body.get(..count * BLOCK_LEN)?),
            }
        }
        SOURCE_DESCRIPTION => RtcpPacket::Description,
        GOODBYE => RtcpPacket::Goodbye(Sources(body.get(..count * 4)?)),
        other => RtcpPacket::Other(other),
    })
}

fn sender_info(sent: &[u8; SENDER_LEN]) -> SenderInfo {
    SenderInfo {
        ntp: u64::from(u32_at(sent, 0)) << 32 | u64::from(u32_at(sent, 4)),
        timestamp: u32_at(sent, 8),
        packets: u32_at(sent, 12),
        octets: u32_at(sent, 16),
    }
}

/// Walks the chunks of a source description: an SSRC, items until a null, padding to the word (RFC 3550 §6.5).
fn check_chunks(count: u8, body: &[u8]) -> Option<()> {
    let mut at = 0;
    for _ in 0..count {
        body.get(at..at + 4)?;
        at += 4;
        while *body.get(at)? != 0 {
            at += 2 + usize::from(*body.get(at + 1)?);
        }
        at = (at + 1).next_multiple_of(4);
    }
    Some(())
}

/// Writes packets one behind the other; a packet that does not fit is left out and spoils the whole.
#[derive(Debug)]
pub(super) struct Writer<'a> {
    out: &'a mut [u8],
    len: usize,
    full: bool,
}

impl<'a> Writer<'a> {
    pub(super) fn new(out: &'a mut [u8]) -> Self {
        Self {
            out,
            len: 0,
            full: false,
        }
    }

    /// Returns the length of the compound, or 0 where it did not fit.
    pub(super) fn finish(self) -> usize {
        if self.full { 0 } else { self.len }
    }

    /// Writes a report: of a sender where there is something to say of sending, else of a receiver.
    pub(super) fn report(&mut self, ssrc: u32, sent: Option<SenderInfo>, block: Option<&Block>) {
        let kind = if sent.is_some() {
            SENDER_REPORT
        } else {
            RECEIVER_REPORT
        };
        let start = self.begin(kind, u8::from(block.is_some()));
        self.put(&ssrc.to_be_bytes());
        if let Some(sent) = sent {
            self.put(&sent.ntp.to_be_bytes());
            self.put(&sent.timestamp.to_be_bytes());
            self.put(&sent.packets.to_be_bytes());
            self.put(&sent.octets.to_be_bytes());
        }
        if let Some(block) = block {
            self.block(block);
        }
        self.end(start);
    }

    /// Writes a source description with nothing but the canonical name.
    pub(super) fn description(&mut self, ssrc: u32, cname: &[u8]) {
        let start = self.begin(SOURCE_DESCRIPTION, 1);
        self.put(&ssrc.to_be_bytes());
        let len = u8::try_from(cname.len()).expect("a canonical name is short");
        self.put(&[CNAME, len]);
        self.put(cname);
        self.put(&[0]);
        while !(self.len - start).is_multiple_of(4) && !self.full {
            self.put(&[0]);
        }
        self.end(start);
    }

    /// Writes a goodbye.
    pub(super) fn goodbye(&mut self, ssrc: u32) {
        let start = self.begin(GOODBYE, 1);
        self.put(&ssrc.to_be_bytes());
        self.end(start);
    }

    fn block(&mut self, block: &Block) {
        self.put(&block.ssrc.to_be_bytes());
        let [_, lost @ ..] = block.lost.to_be_bytes();
        self.put(&[block.fraction_lost]);
        self.put(&lost);
        self.put(&block.highest.to_be_bytes());
        self.put(&block.jitter.to_be_bytes());
        self.put(&block.last_sender_report.to_be_bytes());
        self.put(&block.delay.to_be_bytes());
    }

    fn begin(&mut self, kind: u8, count: u8) -> usize {
        let start = self.len;
        self.put(&[VERSION << 6 | count, kind, 0, 0]);
        start
    }

    fn end(&mut self, start: usize) {
        if self.full {
            return;
        }
        let words = u16::try_from((self.len - start) / 4 - 1).expect("a written packet is short");
        self.out[start + 2..start + 4].copy_from_slice(&words.to_be_bytes());
    }

    fn put(&mut self, bytes: &[u8]) {
        match self.out.get_mut(self.len..self.len + bytes.len()) {
            Some(place) if !self.full => {
                place.copy_from_slice(bytes);
                self.len += bytes.len();
            }
            _ => self.full = true,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::rtp::vectors;

    /// A receiver report without blocks, of source 7.
    const RR: [u8; 8] = [0x80, 201, 0, 1, 0, 0, 0, 7];

    #[test]
    fn what_is_written_is_read() {
        let sent = SenderInfo {
            ntp: 0x0102_0304_0506_0708,
            timestamp: 9,
            packets: 10,
            octets: 11,
        };
        let block = Block {
            ssrc: 8,
            fraction_lost: 128,
            lost: -3,
            highest: 0x1_0002,
            jitter: 5,
            last_sender_report: 0x0304_0506,
            delay: 0x1_0000,
        };
        for (sent, block) in [
            (None, None),
            (None, Some(block)),
            (Some(sent), None),
            (Some(sent), Some(block)),
        ] {
            let mut out = [0; 200];
            let mut writer = Writer::new(&mut out);
            writer.report(7, sent, block.as_ref());
            writer.description(7, b"0123456789abcdef01234567");
            writer.goodbye(7);
            let len = writer.finish();
            let mut compound = Compound::parse(&out[..len]).unwrap();
            match (compound.next().unwrap(), sent) {
                (RtcpPacket::Sender { ssrc, sent, blocks }, Some(expected)) => {
                    assert_eq!((ssrc, sent), (7, expected));
                    assert!(blocks.eq(block));
                }
                (RtcpPacket::Receiver { ssrc, blocks }, None) => {
                    assert_eq!(ssrc, 7);
                    assert!(blocks.eq(block));
                }
                (other, _) => panic!("{other:?}"),
            }
            assert!(matches!(compound.next(), Some(RtcpPacket::Description)));
            assert!(
                matches!(compound.next(), Some(RtcpPacket::Goodbye(sources)) if sources.eq([7]))
            );
            assert!(compound.next().is_none());
        }
    }

    #[test]
    fn canonical_names_of_any_length_end_on_a_word() {
        for len in 0..20 {
            let mut out = [0xff; 64];
            let mut writer = Writer::new(&mut out);
            writer.description(7, &vec![b'x'; len]);
            let len = writer.finish();
            assert!(Compound::parse(&out[..len]).is_ok());
        }
    }

    #[test]
    fn a_compound_without_room_is_not_written_in_part() {
        for room in 0..60 {
            let mut out = [0; 60];
            let mut writer = Writer::new(&mut out[..room]);
            writer.report(7, None, Some(&Block::default()));
            writer.description(7, b"0123456789");
            let len = writer.finish();
            assert_eq!(len, if room < 56 { 0 } else { 56 }, "{room}");
        }
    }

    #[test]
    fn wrong_lengths_are_malformed() {
        for (what, bytes) in [
            ("nothing", &[][..]),
            ("half a header", &RR[..3]),
            ("a header alone of a report", &[0x80, 201, 0, 0]),
            ("a report of 4 bytes that says 8", &RR[..4]),
            ("length 65,535", &[0x80, 201, 0xff, 0xff, 0, 0, 0, 7]),
            ("a block that is not there", &[0x81, 201, 0, 1, 0, 0, 0, 7]),
            (
                "a sender report of a receiver's length",
                &[0x80, 200, 0, 1, 0, 0, 0, 7],
            ),
            ("31 goodbyes in one word", &[0x9f, 203, 0, 1, 0, 0, 0, 7]),
            ("a byte behind the end", &[0x80, 201, 0, 1, 0, 0, 0, 7, 0]),
            ("version 1", &[0x40, 201, 0, 1, 0, 0, 0, 7]),
            ("RTP", &[0x80, 8, 0, 1, 0, 0, 0, 7]),
            (
                "padding of nothing",
                &[0xa0, 201, 0, 2, 0, 0, 0, 7, 0, 0, 0, 0],
            ),
            (
                "padding of half a word",
                &[0xa0, 201, 0, 2, 0, 0, 0, 7, 0, 0, 0, 2],
            ),
            (
                "padding over the header",
                &[0xa0, 204, 0, 1, 0, 0, 0, 8][..],
            ),
            (
                "padding into the source",
                &[0xa0, 201, 0, 2, 0, 0, 0, 7, 0, 0, 0, 8],
            ),
            (
                "padding before the end",
                &[
                    0xa0, 201, 0, 2, 0, 0, 0, 7, 0, 0, 0, 4, 0x80, 201, 0, 1, 0, 0, 0, 7,
                ],
            ),
            (
                "an endless name",
                &[0x81, 202, 0, 2, 0, 0, 0, 7, 1, 255, b'x', 0],
            ),
            (
                "a name without end",
                &[0x81, 202, 0, 2, 0, 0, 0, 7, 1, 2, b'x', b'x'],
            ),
            (
                "a chunk that is not there",
                &[0x82, 202, 0, 2, 0, 0, 0, 7, 1, 1, b'x', 0],
            ),
        ] {
            assert_eq!(
                Compound::parse(bytes).err(),
                Some(Discard::Malformed),
                "{what}"
            );
        }
    }

    #[test]
    fn padding_at_the_end_is_accepted() {
        let mut bytes = RR.to_vec();
        bytes.extend([0xa0, 201, 0, 2, 0, 0, 0, 7, 0, 0, 0, 4]);
        assert_eq!(Compound::parse(&bytes).unwrap().count(), 2);
    }

    #[test]
    fn unknown_types_are_passed_over() {
        let mut bytes = RR.to_vec();
        bytes.extend([0x8f, 207, 0, 1, 0, 0, 0, 7]);
        assert!(matches!(
            Compound::parse(&bytes).unwrap().nth(1),
            Some(RtcpPacket::Other(207))
        ));
    }

    #[test]
    fn endless_compounds_are_malformed() {
        assert!(Compound::parse(&RR.repeat(RTCP_PACKETS_MAX)).is_ok());
        assert!(Compound::parse(&RR.repeat(RTCP_PACKETS_MAX + 1)).is_err());
    }

    #[test]
    fn collected_vectors_are_read_or_refused() {
        for (name, bytes) in vectors::files("webrtc-corpora/rtcp-corpus") {
            if Compound::parse(&bytes).is_ok() {
                assert!(consume(&bytes) > 0, "{name}");
            }
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(
            bytes in proptest::collection::vec(any::<u8>(), 0..100), first in 0x80..0xc0_u8, kind in 200..205_u8,
        ) {
            let _ = Compound::parse(&bytes);
            // The same with a header that leads further in.
            let words = u8::try_from(bytes.len() / 4).unwrap();
            let mut packet = vec![first, kind, 0, words];
            packet.extend(&bytes[..usize::from(words) * 4]);
            if Compound::parse(&packet).is_ok() {
                prop_assert_eq!(consume(&packet), 1);
            }
        }
    }

    /// Reads everything there is and returns the number of packets.
    fn consume(bytes: &[u8]) -> usize {
        let packets = Compound::parse(bytes).unwrap().map(|packet| match packet {
            RtcpPacket::Sender { blocks, .. } | RtcpPacket::Receiver { blocks, .. } => {
                blocks.count()
            }
            RtcpPacket::Goodbye(sources) => sources.count(),
            RtcpPacket::Description | RtcpPacket::Other(_) => 0,
        });
        packets.count()
    }
}
