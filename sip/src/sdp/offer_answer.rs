//! The offer/answer model (RFC 3264) for one audio stream with one codec and telephone-events.
//!
//! We answer the first usable audio line with exactly one codec, chosen by our preference, and refuse every other line.
//! Nobody is sent media at an address that reaches more than one host, or none.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, SocketAddr},
};

use thiserror::Error;

use super::{Attribute, Bindings, Connection, Description, Direction, Media, Origin};
use crate::redact::Pii;

/// Milliseconds of sound in every packet.
pub const PTIME: u32 = 20;

/// A codec that can be agreed upon; declared in order of preference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AudioCodec {
    /// Opus (RFC 7587).
    Opus,
    /// G.722, whose RTP clock is 8000 Hz by a historical error (RFC 3551 §4.5.2).
    G722,
    /// G.711 A-law.
    Pcma,
    /// G.711 µ-law.
    Pcmu,
}

impl AudioCodec {
    /// All codecs, most wanted first.
    pub const ALL: [Self; 4] = [Self::Opus, Self::G722, Self::Pcma, Self::Pcmu];

    /// The rate of the RTP clock.
    pub const fn clock_rate(self) -> u32 {
        match self {
            Self::Opus => 48_000,
            Self::G722 | Self::Pcma | Self::Pcmu => 8_000,
        }
    }

    const fn encoding(self) -> &'static str {
        match self {
            Self::Opus => "opus",
            Self::G722 => "G722",
            Self::Pcma => "PCMA",
            Self::Pcmu => "PCMU",
        }
    }

    /// The payload type we offer: the static one (RFC 3551 §6), or a dynamic one.
    const fn offered_payload_type(self) -> u8 {
        match self {
            Self::Opus => 96,
            Self::G722 => 9,
            Self::Pcma => 8,
            Self::Pcmu => 0,
        }
    }

    const fn channels(self) -> u8 {
        match self {
            Self::Opus => 2,
            Self::G722 | Self::Pcma | Self::Pcmu => 1,
        }
    }

    fn rtpmap(self, payload_type: u8) -> Attribute {
        let channels = if self.channels() == 1 { "" } else { "/2" };
        let clock = self.clock_rate();
        Attribute::new(
            "rtpmap",
            format!("{payload_type} {}/{clock}{channels}", self.encoding()),
        )
    }
}

/// Our side of a negotiation.
#[derive(Clone)]
pub struct Local<'a> {
    /// The address media is received at.
    pub address: IpAddr,
    /// The port RTP is received at; RTCP comes to the next one, or to the same with rtcp-mux.
    pub rtp_port: u16,
    /// Identifies our session in `o=`.
    pub session_id: u64,
    /// The version of our description.
    pub session_version: u64,
    /// The codecs we take, most wanted first.
    pub codecs: &'a [AudioCodec],
}

impl fmt::Debug for Local<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Local")
            .field("codecs", &self.codecs)
            .finish_non_exhaustive()
    }
}

/// What both sides agreed upon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agreed {
    /// The only codec.
    pub codec: AudioCodec,
    /// Its payload type.
    pub payload_type: u8,
    /// The payload type of telephone-events, if the phone knows them.
    pub telephone_event: Option<u8>,
    /// Where the phone receives RTP; the unspecified address while it holds us by `c=0.0.0.0`.
    pub remote_rtp: Pii<SocketAddr>,
    /// Where the phone receives RTCP; unspecified together with `remote_rtp`, and then not to be sent to.
    pub remote_rtcp: Pii<SocketAddr>,
    /// Whether RTP and RTCP share a port (RFC 5761).
    pub rtcp_mux: bool,
    /// Whether the phone sends sound.
    pub phone_sends: bool,
    /// Whether the phone wants to hear; false while it holds us.
    pub phone_hears: bool,
    /// Milliseconds of sound in every packet we send.
    pub ptime: u32,
}

/// Why nothing was agreed upon; each is answered 488.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Refusal {
    /// No audio line at all, or all of them are switched off.
    #[error("no audio offered")]
    NoAudio,
    /// Audio is offered only over a transport that we lack, such as RTP/SAVP.
    #[error("no usable transport")]
    NoCommonTransport,
    /// Audio is offered, but in no codec of ours.
    #[error("no common codec")]
    NoCommonCodec,
    /// The media address is missing, a name, of the other family, multicast or broadcast.
    #[error("unusable media address")]
    UnusableAddress,
    /// The answer does not fit the offer.
    #[error("the answer does not fit the offer")]
    Mismatch,
}

/// Answers an offer: one codec and its telephone-events on the first usable audio line, every other line refused.
///
/// # Errors
///
/// [`Refusal`] says what is missing; the caller answers 488.
pub fn answer(offer: &Description, local: &Local<'_>) -> Result<(Description, Agreed), Refusal> {
    let mut worst = Refusal::NoAudio;
    for (index, media) in offer.media.iter().enumerate() {
        if media.kind != "audio" || media.port == 0 {
            continue;
        }
        match agree(offer, media, local.codecs, local.address.is_ipv4()) {
            Ok(agreed) => {
                let media = offer.media.iter().enumerate();
                let lines = media.map(|(at, media)| match at == index {
                    true => accepted(media, &agreed, local),
                    false => refused(media),
                });
                let lines = lines.collect();
                return Ok((describe(local, lines), agreed));
            }
            Err(refusal) if worst == Refusal::NoAudio => worst = refusal,
            Err(_) => {}
        }
    }
    Err(worst)
}

/// Makes our offer: all our codecs and telephone-events at their clocks, each under the number it has in the session
/// already (RFC 3264 §8.3.2).
pub fn offer(local: &Local<'_>, session: &Bindings) -> Description {
    let mut bindings = session.clone();
    let mut formats = Vec::new();
    let mut attributes = Vec::new();
    for codec in local.codecs {
        let Some(payload_type) = bindings.codec(*codec, codec.offered_payload_type()) else {
            continue;
        };
        formats.push(payload_type.to_string());
        attributes.push(codec.rtpmap(payload_type));
        if *codec == AudioCodec::Opus {
            attributes.push(opus_parameters(payload_type));
        }
    }
    for (wanted, clock) in OFFERED_EVENTS {
        if !local.codecs.iter().any(|codec| codec.clock_rate() == clock) {
            continue;
        }
        if let Some(payload_type) = bindings.events(clock, wanted) {
            formats.push(payload_type.to_string());
            attributes.extend(event_attributes(payload_type, clock));
        }
    }
    attributes.push(Attribute::new("ptime", PTIME.to_string()));
    attributes.push(Attribute::flag("rtcp-mux"));
    attributes.push(Attribute::flag(Direction::SendRecv.name()));
    let audio = Media {
        kind: "audio".to_owned(),
        port: local.rtp_port,
        ports: None,
        protocol: "RTP/AVP".to_owned(),
        formats,
        connection: None,
        attributes,
    };
    describe(local, vec![audio])
}

/// Reads the answer to our offer.
///
/// # Errors
///
/// [`Refusal`] says what does not fit; the caller hangs up.
pub fn conclude(offer: &Description, answer: &Description) -> Result<Agreed, Refusal> {
    let (Some(asked), Some(media)) = (offer.media.first(), answer.media.first()) else {
        return Err(Refusal::Mismatch);
    };
    if answer.media.len() != offer.media.len() || media.kind != asked.kind {
        return Err(Refusal::Mismatch);
    }
    if media.port == 0 {
        return Err(Refusal::NoCommonCodec);
    }
    let offered = Formats::of(asked);
    let wanted = Formats::of(media)
        .codecs()
        .find(|codec| offered.codecs().any(|other| other == *codec))
        .ok_or(Refusal::NoCommonCodec)?;
    let v4 = offer
        .connection
        .as_ref()
        .is_none_or(|connection| connection.address_type == "IP4");
    let mut agreed = agree(answer, media, &[wanted], v4)?;
    agreed.rtcp_mux &= asked.has("rtcp-mux");
    Ok(agreed)
}

/// Reads what one audio line of the peer comes to.
fn agree(
    peer: &Description,
    media: &Media,
    codecs: &[AudioCodec],
    v4: bool,
) -> Result<Agreed, Refusal> {
    if !TRANSPORTS.contains(&media.protocol.as_str()) {
        return Err(Refusal::NoCommonTransport);
    }
    let formats = Formats::of(media);
    let (codec, payload_type) = codecs
        .iter()
        .find_map(|codec| Some((*codec, formats.payload_type(*codec)?)))
        .ok_or(Refusal::NoCommonCodec)?;
    let remote = remote_rtp(peer, media, v4)?;
    let direction = peer.direction(media);
    let held = remote.ip().is_unspecified();
    let rtcp_mux = media.has("rtcp-mux");
    let remote_rtcp = if rtcp_mux {
        remote
    } else {
        remote_rtcp(media, remote)
    };
    Ok(Agreed {
        codec,
        payload_type,
        telephone_event: formats.telephone_event(codec),
        remote_rtp: Pii::new(remote),
        remote_rtcp: Pii::new(remote_rtcp),
        rtcp_mux,
        phone_sends: direction.sends(),
        phone_hears: direction.receives() && !held,
        ptime: PTIME,
    })
}

/// Where the peer wants RTP. The unspecified address is hold in the way of RFC 2543.
fn remote_rtp(peer: &Description, media: &Media, v4: bool) -> Result<SocketAddr, Refusal> {
    let connection = media.connection.as_ref().or(peer.connection.as_ref());
    let address = connection
        .and_then(Connection::ip)
        .ok_or(Refusal::UnusableAddress)?;
    if !address.is_unspecified() && (!is_unicast(address) || address.is_ipv4() != v4) {
        return Err(Refusal::UnusableAddress);
    }
    Ok(SocketAddr::new(address, media.port))
}

/// Where the peer wants RTCP: `a=rtcp` (RFC 3605) at a usable address, or the port after RTP's.
fn remote_rtcp(media: &Media, rtp: SocketAddr) -> SocketAddr {
    let next = SocketAddr::new(rtp.ip(), rtp.port().checked_add(1).unwrap_or(rtp.port()));
    let Some(value) = media.values("rtcp").next() else {
        return next;
    };
    let mut fields = value.split_ascii_whitespace();
    let Some(port) = fields
        .next()
        .and_then(|port| port.parse().ok())
        .filter(|port| *port != 0)
    else {
        return next;
    };
    let named = fields
        .nth(2)
        .and_then(|address| address.parse::<IpAddr>().ok());
    let usable = named.filter(|address| is_unicast(*address) && address.is_ipv4() == rtp.is_ipv4());
    SocketAddr::new(usable.unwrap_or(rtp.ip()), port)
}

/// Whether exactly one host can be behind the address.
fn is_unicast(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => !v4.is_multicast() && v4 != Ipv4Addr::BROADCAST && v4.octets()[0] != 0,
        IpAddr::V6(v6) => !v6.is_multicast() && !v6.is_unspecified(),
    }
}

/// Our side of the line we take.
fn accepted(media: &Media, agreed: &Agreed, local: &Local<'_>) -> Media {
    let mut formats = vec![agreed.payload_type.to_string()];
    let mut attributes = vec![agreed.codec.rtpmap(agreed.payload_type)];
    if agreed.codec == AudioCodec::Opus {
        attributes.push(opus_parameters(agreed.payload_type));
    }
    if let Some(payload_type) = agreed.telephone_event {
        formats.push(payload_type.to_string());
        let clock = Formats::of(media)
            .clock_of(payload_type)
            .unwrap_or(NARROW_CLOCK);
        attributes.extend(event_attributes(payload_type, clock));
    }
    attributes.push(Attribute::new("ptime", PTIME.to_string()));
    if agreed.rtcp_mux {
        attributes.push(Attribute::flag("rtcp-mux"));
    }
    let direction = Direction::of(agreed.phone_hears, agreed.phone_sends);
    attributes.push(Attribute::flag(direction.name()));
    Media {
        kind: media.kind.clone(),
        port: local.rtp_port,
        ports: None,
        protocol: media.protocol.clone(),
        formats,
        connection: None,
        attributes,
    }
}

/// A refused line keeps its place, protocol and formats (RFC 3264 §6).
fn refused(media: &Media) -> Media {
    Media {
        port: 0,
        ports: None,
        connection: None,
        attributes: Vec::new(),
        ..media.clone()
    }
}

fn describe(local: &Local<'_>, media: Vec<Media>) -> Description {
    let connection = Connection::of(local.address);
    Description {
        origin: Origin {
            username: "-".to_owned(),
            session_id: local.session_id,
            session_version: local.session_version,
            address: connection.clone(),
        },
        name: "-".to_owned(),
        connection: Some(connection),
        timing: "0 0".to_owned(),
        attributes: Vec::new(),
        media,
    }
}

fn opus_parameters(payload_type: u8) -> Attribute {
    Attribute::new("fmtp", format!("{payload_type} useinbandfec=1"))
}

fn event_attributes(payload_type: u8, clock: u32) -> [Attribute; 2] {
    [
        Attribute::new(
            "rtpmap",
            format!("{payload_type} {TELEPHONE_EVENT}/{clock}"),
        ),
        Attribute::new("fmtp", format!("{payload_type} 0-15")),
    ]
}

/// The payload types of one line with what they mean.
pub(super) struct Formats(Vec<Format>);

/// One payload type.
#[derive(Debug, Clone)]
pub(super) struct Format {
    pub(super) payload_type: u8,
    encoding: String,
    pub(super) clock: u32,
    channels: u8,
}

impl Formats {
    pub(super) fn of(media: &Media) -> Self {
        let format = |text: &String| {
            let payload_type: u8 = text.parse().ok().filter(|number| *number < 128)?;
            let mapped = media
                .values("rtpmap")
                .find_map(|value| Format::mapped(value, payload_type));
            mapped.or_else(|| Format::fixed(payload_type))
        };
        Self(media.formats.iter().filter_map(format).collect())
    }

    pub(super) fn into_inner(self) -> Vec<Format> {
        self.0
    }

    fn payload_type(&self, codec: AudioCodec) -> Option<u8> {
        self.0
            .iter()
            .find(|format| format.codec() == Some(codec))
            .map(|format| format.payload_type)
    }

    fn codecs(&self) -> impl Iterator<Item = AudioCodec> {
        self.0.iter().filter_map(Format::codec)
    }

    /// The telephone-events whose clock is the codec's; the 8000 of old phones is taken beside any codec.
    fn telephone_event(&self, codec: AudioCodec) -> Option<u8> {
        let at = |clock| {
            self.0
                .iter()
                .find(move |format| format.is_event() && format.clock == clock)
        };
        at(codec.clock_rate())
            .or_else(|| at(NARROW_CLOCK))
            .map(|format| format.payload_type)
    }

    fn clock_of(&self, payload_type: u8) -> Option<u32> {
        self.0
            .iter()
            .find(|format| format.payload_type == payload_type)
            .map(|format| format.clock)
    }
}

impl Format {
    /// Reads `96 opus/48000/2` if it is about this payload type.
    fn mapped(value: &str, payload_type: u8) -> Option<Self> {
        let (number, mapping) = value.trim_ascii().split_once(' ')?;
        if number.parse() != Ok(payload_type) {
            return None;
        }
        let mut fields = mapping.trim_ascii().split('/');
        Some(Self {
            payload_type,
            encoding: fields.next()?.to_owned(),
            clock: fields.next()?.parse().ok()?,
            channels: fields
                .next()
                .map_or(Some(1), |channels| channels.parse().ok())?,
        })
    }

    /// The static payload types of RFC 3551 need no mapping.
    fn fixed(payload_type: u8) -> Option<Self> {
        let codec = AudioCodec::ALL.into_iter().find(|codec| {
            payload_type < FIRST_DYNAMIC && codec.offered_payload_type() == payload_type
        })?;
        Some(Self::of(codec, payload_type))
    }

    /// A codec under a number.
    pub(super) fn of(codec: AudioCodec, payload_type: u8) -> Self {
        Self {
            payload_type,
            encoding: codec.encoding().to_owned(),
            clock: codec.clock_rate(),
            channels: codec.channels(),
        }
    }

    /// Telephone-events under a number.
    pub(super) fn event(clock: u32, payload_type: u8) -> Self {
        Self {
            payload_type,
            encoding: TELEPHONE_EVENT.to_owned(),
            clock,
            channels: 1,
        }
    }

    pub(super) fn is_event(&self) -> bool {
        self.encoding.eq_ignore_ascii_case(TELEPHONE_EVENT)
    }

    pub(super) fn codec(&self) -> Option<AudioCodec> {
        AudioCodec::ALL.into_iter().find(|codec| {
            self.encoding.eq_ignore_ascii_case(codec.encoding())
                && self.clock == codec.clock_rate()
                && self.channels == codec.channels()
        })
    }
}

/// The transports of plain RTP; feedback messages of AVPF are tolerated and not used.
const TRANSPORTS: [&str; 2] = ["RTP/AVP", "RTP/AVPF"];
/// The encoding name of key presses (RFC 4733).
const TELEPHONE_EVENT: &str = "telephone-event";
/// The clock of all codecs but Opus.
const NARROW_CLOCK: u32 = 8_000;
/// The payload types of telephone-events in our offers, with their clocks.
const OFFERED_EVENTS: [(u8, u32); 2] = [(97, 48_000), (101, NARROW_CLOCK)];
/// Where dynamic payload types begin.
const FIRST_DYNAMIC: u8 = 96;

#[cfg(test)]
#[path = "offer_answer_tests.rs"]
mod tests;
