//! The RTP of one leg: a stream out, a stream in, keys pressed and reports.
//!
//! The caller has opened SRTP or checked the sender's address before; what arrives here is trusted to come from the
//! peer. Therefore a change of the source is followed: at once where the current source has fallen silent, else at the
//! second packet in sequence. Telephone-events count whatever source they name, since some gateways send keys beside
//! the audio, and they never change the source.
//!
//! Invariants: digits are never audio; sequence numbers go up by one per packet sent, media time by one step per tick.

mod expected;

use std::time::{Duration, Instant};

use self::expected::Coming;
pub use self::expected::Expected;
use super::{
    Discard, Header, Packet,
    packet::HEADER_LEN,
    red::{self, Blocks, Copies},
    rtcp::{Block, Compound, RtcpPacket, SenderInfo, Writer},
    stats::{Place, Reception, ReceptionStats},
    telephone_event::{Detector, Key, Report},
};
use crate::limit::{RTCP_INTERVAL, RTCP_SENT_MAX, RTP_SOURCE_QUIET};

/// Static payload type of comfort noise (RFC 3389).
const COMFORT_NOISE: u8 = 13;

/// Seconds from the beginning of NTP's era in 1900 to that of Unix.
const NTP_OFFSET: u64 = 2_208_988_800;

/// Bytes of a canonical name: 96 bits in hexadecimal (RFC 7022 §4.2).
const CNAME_LEN: usize = 24;

/// By how much a peer may round up the time it held a report.
const HELD_ROUNDING: Duration = Duration::from_millis(5);

/// How audio and keys are carried; changes with a re-INVITE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Format {
    /// Payload type of the audio that is sent; also of what comes, unless [`Session::expect`] says more.
    pub payload_type: u8,
    /// Payload type of telephone-events, where they were negotiated; likewise.
    pub telephone_event: Option<u8>,
    /// Ticks of the media clock per second.
    pub clock_rate: u32,
    /// Ticks of the media clock per packet sent.
    pub ticks_per_packet: u32,
}

/// What a session begins with; everything random is the caller's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionConfig {
    /// Our synchronization source.
    pub ssrc: u32,
    /// Sequence number of the first packet sent; below 32,768 where SRTP protects it, since a receiver that misses the
    /// first rollover can never open the stream.
    pub first_sequence: u16,
    /// Media time of the first packet sent.
    pub first_timestamp: u32,
    /// Codec and payload types.
    pub format: Format,
    /// Header extension id of the audio level (RFC 6464), where it was negotiated.
    pub audio_level: Option<u8>,
    /// Payload type of redundant audio data (RFC 2198), where it was negotiated.
    pub redundant: Option<u8>,
    /// 96 random bits for the canonical name.
    pub cname: [u8; 12],
    /// Seed that spreads the times of the reports.
    pub seed: u64,
}

/// A packet of audio.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Audio<'a> {
    /// Sequence number.
    pub sequence: u16,
    /// Media time.
    pub timestamp: u32,
    /// What the payload is coded with.
    pub payload_type: u8,
    /// The payload.
    pub payload: &'a [u8],
    /// Audio level of the payload as −dBov, where the sender told it.
    pub level: Option<u8>,
    /// The first packet of another source or of a restarted stream: what is queued for playout does not connect.
    pub restarted: bool,
    /// Copies of earlier payloads of the same type.
    pub copies: Copies<'a>,
}

/// What a received packet means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received<'a> {
    /// Audio for the playout.
    Audio(Audio<'a>),
    /// A key, once per press.
    Digit {
        /// What was pressed.
        digit: char,
        /// Sequence number in the received stream, where the packet belongs to it: it carries no sound.
        silent: Option<u16>,
    },
    /// The sender is silent: a packet of the received stream says so by what it holds.
    Silence {
        /// Its sequence number.
        sequence: u16,
        /// What it holds.
        holds: Silence,
    },
    /// Nothing to act on: the rest of a press, a report.
    Nothing {
        /// Sequence number in the received stream, where the packet belongs to it: it carries no sound.
        silent: Option<u16>,
    },
}

/// What a packet holds that is no sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Silence {
    /// Comfort noise (RFC 3389).
    ComfortNoise,
    /// Not a byte.
    Empty,
}

/// What a compound of RTCP told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RtcpNews {
    /// Time to the peer and back, where the peer answered one of our reports.
    pub round_trip: Option<Duration>,
    /// The source we receive says goodbye.
    pub bye: bool,
}

/// A report of the peer on our stream (RFC 3550 §6.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RemoteReport {
    /// How many reports there were before it, beyond all counting anew from 0.
    pub number: u32,
    /// Share of our packets lost on the way since the one before, in 1/256.
    pub fraction_lost: u8,
    /// Highest sequence number of ours that came there, with its rollovers above.
    pub highest: u32,
}

/// A session in numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SessionStats {
    /// Packets sent.
    pub packets_sent: u32,
    /// Payload bytes sent.
    pub octets_sent: u32,
    /// The incoming stream, once there is one.
    pub reception: Option<ReceptionStats>,
    /// What the peer reported last of our packets.
    pub remote: Option<RemoteReport>,
    /// The last round-trip time.
    pub round_trip: Option<Duration>,
}

/// One RTP stream out and one in, with their RTCP.
#[derive(Debug)]
pub struct Session {
    config: SessionConfig,
    outgoing: Outgoing,
    expected: Expected,
    coming: Coming,
    incoming: Option<Reception>,
    /// Source and sequence number that would confirm a change of the source.
    candidate: Option<(u32, u16)>,
    /// The stream began anew with a packet that was no audio; the next audio tells it.
    restarted: bool,
    keys: Detector,
    /// Middle of the NTP time of the source's last sender report, and when it came.
    last_sender_report: Option<(u32, Instant)>,
    reports: Reports,
}

#[derive(Debug)]
struct Outgoing {
    sequence: u16,
    timestamp: u32,
    packets: u32,
    octets: u32,
    /// The next packet begins a talk spurt.
    marker: bool,
    sent_since_report: bool,
}

/// Our reports and what the peer answered.
#[derive(Debug)]
struct Reports {
    next: Instant,
    random: u64,
    /// Middle of the NTP time of our last sender reports, and when they were sent.
    sent: [Option<(u32, Instant)>; RTCP_SENT_MAX],
    round_trip: Option<Duration>,
    remote: Option<RemoteReport>,
}

impl Session {
    /// Begins a session.
    pub fn new(config: SessionConfig, now: Instant) -> Self {
        Self {
            outgoing: Outgoing {
                sequence: config.first_sequence,
                timestamp: config.first_timestamp,
                packets: 0,
                octets: 0,
                marker: true,
                sent_since_report: false,
            },
            expected: Expected::of(&config.format),
            coming: Coming::new(config.format.payload_type),
            incoming: None,
            candidate: None,
            restarted: false,
            keys: Detector::default(),
            last_sender_report: None,
            // RFC 3550 §6.2: the first report comes after half the interval.
            reports: Reports::new(config.seed, now),
            config,
        }
    }

    /// Sends from another source from now on; media time goes on, what was sent is counted anew (RFC 3550 §8.2).
    ///
    /// `first_sequence` is as in [`SessionConfig`].
    pub fn begin_anew(&mut self, ssrc: u32, first_sequence: u16) {
        self.config.ssrc = ssrc;
        self.outgoing = Outgoing {
            sequence: first_sequence,
            timestamp: self.outgoing.timestamp,
            packets: 0,
            octets: 0,
            marker: true,
            sent_since_report: false,
        };
    }

    /// Returns our synchronization source.
    pub const fn ssrc(&self) -> u32 {
        self.config.ssrc
    }

    /// Returns the source that is received, once there is one.
    pub fn remote_ssrc(&self) -> Option<u32> {
        self.incoming.map(|incoming| incoming.ssrc())
    }

    /// Takes a plain RTP packet.
    pub fn handle_rtp<'a>(
        &mut self,
        plain: &'a [u8],
        now: Instant,
    ) -> Result<Received<'a>, Discard> {
        let packet = Packet::parse(plain)?;
        if self.expected.is_event(packet.payload_type) {
            return self.handle_event(&packet, now);
        }
        let blocks = if Some(packet.payload_type) == self.config.redundant {
            Blocks::parse(packet.payload)?
        } else {
            Blocks::single(packet.payload_type, packet.payload)
        };
        let clock_rate = self.expected.clock_rate(blocks.payload_type);
        if clock_rate.is_none() && blocks.payload_type != COMFORT_NOISE {
            return Err(Discard::UnknownPayloadType);
        }
        self.follow(&packet, now)?;
        let Some(clock_rate) = clock_rate.filter(|_| !blocks.payload.is_empty()) else {
            return Ok(Received::Silence {
                sequence: packet.sequence,
                holds: match clock_rate {
                    Some(_) => Silence::Empty,
                    None => Silence::ComfortNoise,
                },
            });
        };
        if !self.coming.follow(blocks.payload_type, now) {
            return Err(Discard::UnknownPayloadType);
        }
        if let Some(incoming) = &mut self.incoming {
            incoming.set_clock_rate(clock_rate);
            incoming.handle_timestamp(packet.timestamp, now);
        }
        Ok(Received::Audio(Audio {
            sequence: packet.sequence,
            timestamp: packet.timestamp,
            payload_type: blocks.payload_type,
            payload: blocks.payload,
            level: self.level(&packet),
            restarted: std::mem::take(&mut self.restarted),
            copies: blocks.copies.of(blocks.payload_type),
        }))
    }

    /// Takes a plain compound RTCP packet.
    pub fn handle_rtcp(&mut self, plain: &[u8], now: Instant) -> Result<RtcpNews, Discard> {
        let mut news = RtcpNews::default();
        let source = self.remote_ssrc();
        for packet in Compound::parse(plain)? {
            match packet {
                RtcpPacket::Sender { ssrc, sent, blocks } => {
                    if Some(ssrc) == source {
                        self.last_sender_report = Some((ntp_middle(sent.ntp), now));
                    }
                    self.handle_blocks(blocks, &mut news, now);
                }
                RtcpPacket::Receiver { blocks, .. } => self.handle_blocks(blocks, &mut news, now),
                RtcpPacket::Goodbye(mut sources) => {
                    news.bye |= source.is_some_and(|ssrc| sources.any(|s| s == ssrc))
                }
                RtcpPacket::Description | RtcpPacket::Other(_) => {}
            }
        }
        Ok(news)
    }

    /// Writes the next RTP packet and returns its length, or 0 where `out` is too short.
    pub fn write_rtp(&mut self, payload: &[u8], out: &mut [u8]) -> usize {
        self.write_audio(self.config.format.payload_type, payload, out)
    }

    /// Writes the next RTP packet from what [`red::write`] has made and returns its length, or 0 where `out` is too short or
    /// redundant audio data was not negotiated.
    pub fn write_redundant(&mut self, blocks: &[u8], out: &mut [u8]) -> usize {
        let Some(payload_type) = self.config.redundant else {
            self.skip_tick();
            return 0;
        };
        let len = self.write_audio(payload_type, blocks, out);
        if let Some(blocks) = out.get_mut(HEADER_LEN..len) {
            red::set_payload_type(blocks, self.config.format.payload_type);
        }
        len
    }

    /// Lets media time pass without a packet; the next one begins a talk spurt.
    pub fn skip_tick(&mut self) {
        self.skip_ticks(self.config.format.ticks_per_packet);
    }

    /// Lets media time pass without a packet, by so many ticks of the media clock; the next packet begins a talk spurt.
    pub const fn skip_ticks(&mut self, ticks: u32) {
        self.outgoing.marker = true;
        self.outgoing.timestamp = self.outgoing.timestamp.wrapping_add(ticks);
    }

    /// Presses a key for `packets` packet times; the caller writes what the iterator yields, one per tick, with
    /// [`Session::write_event`]. `None` where there is no such key.
    pub fn press(&self, digit: char, packets: u32) -> Option<Key> {
        Key::press(
            digit,
            self.outgoing.timestamp,
            self.config.format.ticks_per_packet,
            packets,
        )
    }

    /// Writes one packet of a press in the place of audio and returns its length, or 0 where telephone-events were not
    /// negotiated or `out` is too short.
    pub fn write_event(&mut self, report: &Report, out: &mut [u8]) -> usize {
        let len = match self.config.format.telephone_event {
            Some(payload_type) => {
                let header = self.header(report.marker, payload_type, report.timestamp);
                self.write(header, &report.payload, out)
            }
            None => 0,
        };
        self.advance();
        len
    }

    /// Writes the report that is due and sets the time of the next; returns its length, or 0 where `out` is shorter
    /// than [`crate::limit::RTCP_WRITTEN_MAX`]. `wall` is the time since the Unix epoch.
    pub fn write_rtcp(&mut self, wall: Duration, now: Instant, out: &mut [u8]) -> usize {
        self.reports.schedule(now);
        let mut writer = Writer::new(out);
        self.report(&mut writer, wall, now);
        writer.finish()
    }

    /// Writes a last report with a goodbye; returns its length.
    pub fn write_bye(&mut self, wall: Duration, now: Instant, out: &mut [u8]) -> usize {
        let mut writer = Writer::new(out);
        self.report(&mut writer, wall, now);
        writer.goodbye(self.config.ssrc);
        writer.finish()
    }

    /// Returns when the next report is due.
    pub const fn poll_timeout(&self) -> Option<Instant> {
        Some(self.reports.next)
    }

    /// Changes codec and payload types after a re-INVITE; sequence numbers and media time go on. What is expected is what is
    /// sent, until [`Self::expect`] says more.
    pub fn reconfigure(&mut self, format: Format) {
        self.config.format = format;
        self.outgoing.marker = true;
        self.expect(Expected::of(&format));
    }

    /// Sets what the peer may send.
    pub fn expect(&mut self, expected: Expected) {
        self.expected = expected;
        if expected.clock_rate(self.coming.payload_type()).is_none() {
            self.coming = Coming::new(self.config.format.payload_type);
        }
    }

    /// Returns the session in numbers.
    pub fn stats(&self) -> SessionStats {
        SessionStats {
            packets_sent: self.outgoing.packets,
            octets_sent: self.outgoing.octets,
            reception: self.incoming.map(|incoming| incoming.stats()),
            remote: self.reports.remote,
            round_trip: self.reports.round_trip,
        }
    }

    /// A press may come from another source or far out of sequence and still be a press.
    fn handle_event<'a>(
        &mut self,
        packet: &Packet<'a>,
        now: Instant,
    ) -> Result<Received<'a>, Discard> {
        let digit = self.keys.handle(packet)?;
        let mut silent = None;
        if let Some(incoming) = &mut self.incoming
            && incoming.ssrc() == packet.ssrc
        {
            let place = incoming.handle_sequence(packet.sequence, now);
            self.restarted |= place == Place::Restarted;
            silent = (place != Place::Stray).then_some(packet.sequence);
        }
        Ok(match digit {
            Some(digit) => Received::Digit { digit, silent },
            None => Received::Nothing { silent },
        })
    }

    /// Follows the incoming stream, and notes where it begins anew.
    fn follow(&mut self, packet: &Packet<'_>, now: Instant) -> Result<(), Discard> {
        let Some(incoming) = &mut self.incoming else {
            self.latch(packet, now);
            return Ok(());
        };
        if incoming.ssrc() == packet.ssrc {
            self.candidate = None;
            return match incoming.handle_sequence(packet.sequence, now) {
                Place::Valid => Ok(()),
                Place::Stray => Err(Discard::OutOfSequence),
                Place::Restarted => {
                    self.restarted = true;
                    Ok(())
                }
            };
        }
        let quiet = now.saturating_duration_since(incoming.last_at()) >= RTP_SOURCE_QUIET;
        if quiet || self.candidate == Some((packet.ssrc, packet.sequence)) {
            self.latch(packet, now);
            self.restarted = true;
            return Ok(());
        }
        self.candidate = Some((packet.ssrc, packet.sequence.wrapping_add(1)));
        Err(Discard::UnknownSource)
    }

    fn latch(&mut self, packet: &Packet<'_>, now: Instant) {
        let mut incoming = Reception::new(
            packet.ssrc,
            self.config.format.clock_rate,
            packet.sequence,
            now,
        );
        incoming.handle_sequence(packet.sequence, now);
        self.incoming = Some(incoming);
        self.candidate = None;
        self.last_sender_report = None;
    }

    fn level(&self, packet: &Packet<'_>) -> Option<u8> {
        let (_, level) = packet.audio_level(self.config.audio_level?)?;
        Some(level)
    }

    fn handle_blocks(
        &mut self,
        blocks: impl Iterator<Item = Block>,
        news: &mut RtcpNews,
        now: Instant,
    ) {
        for block in blocks.filter(|block| block.ssrc == self.config.ssrc) {
            let number = self
                .reports
                .remote
                .map_or(0, |last| last.number.wrapping_add(1));
            self.reports.remote = Some(RemoteReport {
                number,
                fraction_lost: block.fraction_lost,
                highest: block.highest,
            });
            if let Some(round_trip) = self.reports.round_trip_of(&block, now) {
                self.reports.round_trip = Some(round_trip);
                news.round_trip = Some(round_trip);
            }
        }
    }

    const fn header(&self, marker: bool, payload_type: u8, timestamp: u32) -> Header {
        Header {
            marker,
            payload_type,
            sequence: self.outgoing.sequence,
            timestamp,
            ssrc: self.config.ssrc,
        }
    }

    fn write_audio(&mut self, payload_type: u8, payload: &[u8], out: &mut [u8]) -> usize {
        let header = self.header(self.outgoing.marker, payload_type, self.outgoing.timestamp);
        let len = self.write(header, payload, out);
        if len > 0 {
            self.outgoing.marker = false;
        }
        self.advance();
        len
    }

    fn write(&mut self, header: Header, payload: &[u8], out: &mut [u8]) -> usize {
        let len = HEADER_LEN + payload.len();
        let Some(place) = out.get_mut(HEADER_LEN..len) else {
            return 0;
        };
        place.copy_from_slice(payload);
        header.write(out);
        let octets = u32::try_from(payload.len()).unwrap_or(u32::MAX);
        self.outgoing.sequence = self.outgoing.sequence.wrapping_add(1);
        self.outgoing.packets = self.outgoing.packets.wrapping_add(1);
        self.outgoing.octets = self.outgoing.octets.wrapping_add(octets);
        self.outgoing.sent_since_report = true;
        len
    }

    const fn advance(&mut self) {
        let ticks = self.config.format.ticks_per_packet;
        self.outgoing.timestamp = self.outgoing.timestamp.wrapping_add(ticks);
    }

    fn report(&mut self, writer: &mut Writer<'_>, wall: Duration, now: Instant) {
        let block = self.block(now);
        let sent = std::mem::take(&mut self.outgoing.sent_since_report).then(|| SenderInfo {
            ntp: ntp(wall),
            timestamp: self.outgoing.timestamp,
            packets: self.outgoing.packets,
            octets: self.outgoing.octets,
        });
        if let Some(sent) = sent {
            self.reports.remember(ntp_middle(sent.ntp), now);
        }
        writer.report(self.config.ssrc, sent, block.as_ref());
        writer.description(self.config.ssrc, &cname(&self.config.cname));
    }

    fn block(&mut self, now: Instant) -> Option<Block> {
        let mut block = self.incoming.as_mut()?.report();
        if let Some((ntp, at)) = self.last_sender_report {
            block.last_sender_report = ntp;
            block.delay = compact(now.saturating_duration_since(at));
        }
        Some(block)
    }
}

impl Reports {
    fn new(seed: u64, now: Instant) -> Self {
        let mut reports = Self {
            next: now,
            random: seed,
            sent: [None; RTCP_SENT_MAX],
            round_trip: None,
            remote: None,
        };
        reports.next = now + reports.interval() / 2;
        reports
    }

    fn schedule(&mut self, now: Instant) {
        self.next = now + self.interval();
    }

    /// Draws from half to one and a half times the interval (RFC 3550 §6.3.1), so that legs do not report in step.
    fn interval(&mut self) -> Duration {
        // SplitMix64: nothing depends on its secrecy.
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        let thousandth = u32::try_from((z ^ z >> 31) % 1000).unwrap_or(0);
        RTCP_INTERVAL / 2 + RTCP_INTERVAL * thousandth / 1000
    }

    fn remember(&mut self, ntp: u32, now: Instant) {
        self.sent.rotate_right(1);
        self.sent[0] = Some((ntp, now));
    }

    /// The time since our report less the time the peer held it. Only reports that were sent count, so that nobody can
    /// make one up.
    fn round_trip_of(&self, block: &Block, now: Instant) -> Option<Duration> {
        let mut sent = self.sent.iter().flatten();
        let (_, at) = sent.find(|(ntp, _)| *ntp == block.last_sender_report)?;
        let held = Duration::from_nanos((u64::from(block.delay) * 1_000_000_000) >> 16);
        let passed = now.saturating_duration_since(*at);
        // On a near path the peer's rounding may exceed the way itself.
        let round_trip = (passed + HELD_ROUNDING).checked_sub(held)?;
        Some(round_trip.saturating_sub(HELD_ROUNDING))
    }
}

fn ntp(wall: Duration) -> u64 {
    let fraction = (u64::from(wall.subsec_nanos()) << 32) / 1_000_000_000;
    (wall.as_secs() + NTP_OFFSET) << 32 | fraction
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the middle 32 bits are meant"
)]
const fn ntp_middle(ntp: u64) -> u32 {
    (ntp >> 16) as u32
}

/// A time in 1/65,536 s, at most 18 h.
fn compact(time: Duration) -> u32 {
    u32::try_from((time.as_nanos() << 16) / 1_000_000_000).unwrap_or(u32::MAX)
}

fn cname(bits: &[u8; CNAME_LEN / 2]) -> [u8; CNAME_LEN] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut name = [0; CNAME_LEN];
    for (pair, byte) in name.chunks_exact_mut(2).zip(bits) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
    name
}

#[cfg(test)]
mod tests;
