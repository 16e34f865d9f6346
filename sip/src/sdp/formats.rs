//! Codecs and telephone-events under the payload types of a media line (RFC 3551, RFC 4733).

use super::{Attribute, Media};

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
    pub(super) const fn offered_payload_type(self) -> u8 {
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

    pub(super) fn rtpmap(self, payload_type: u8) -> Attribute {
        let channels = if self.channels() == 1 { "" } else { "/2" };
        let clock = self.clock_rate();
        Attribute::new(
            "rtpmap",
            format!("{payload_type} {}/{clock}{channels}", self.encoding()),
        )
    }
}

pub(super) fn opus_parameters(payload_type: u8) -> Attribute {
    Attribute::new("fmtp", format!("{payload_type} useinbandfec=1"))
}

pub(super) fn event_attributes(payload_type: u8, clock: u32) -> [Attribute; 2] {
    [
        Attribute::new(
            "rtpmap",
            format!("{payload_type} {TELEPHONE_EVENT}/{clock}"),
        ),
        Attribute::new("fmtp", format!("{payload_type} 0-15")),
    ]
}

/// What a peer may send, under which payload types: after an answer of ours its one codec, after an offer of ours all that
/// was answered (RFC 3264 §6.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incoming {
    /// The codecs.
    pub codecs: Vec<(AudioCodec, u8)>,
    /// The payload types of telephone-events.
    pub events: Vec<u8>,
}

impl Incoming {
    /// What two lines have in common, under the offer's numbers, which are those that its maker is to be sent (RFC 3264
    /// §5.1); and under the answer's where these are not taken, since there are peers that send what they have said.
    pub(super) fn concluded(offer: &Formats, answer: &Formats) -> Self {
        let mut incoming = Self {
            codecs: Vec::new(),
            events: Vec::new(),
        };
        let lines = [offer, answer];
        for format in offer.0.iter().chain(&answer.0) {
            let number = format.payload_type;
            if incoming.has(number) {
                continue;
            }
            if let Some(codec) = format.codec() {
                if lines.iter().all(|it| it.payload_type(codec).is_some()) {
                    incoming.codecs.push((codec, number));
                }
            } else if format.is_event() && lines.iter().all(|it| it.has_events(format.clock)) {
                incoming.events.push(number);
            }
        }
        incoming
    }

    fn has(&self, payload_type: u8) -> bool {
        let mut codecs = self.codecs.iter();
        codecs.any(|(_, number)| *number == payload_type) || self.events.contains(&payload_type)
    }
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

    pub(super) fn payload_type(&self, codec: AudioCodec) -> Option<u8> {
        self.0
            .iter()
            .find(|format| format.codec() == Some(codec))
            .map(|format| format.payload_type)
    }

    pub(super) fn codecs(&self) -> impl Iterator<Item = AudioCodec> {
        self.0.iter().filter_map(Format::codec)
    }

    /// The telephone-events whose clock is the codec's; the 8000 of old phones is taken beside any codec.
    pub(super) fn telephone_event(&self, codec: AudioCodec) -> Option<u8> {
        let at = |clock| {
            self.0
                .iter()
                .find(move |format| format.is_event() && format.clock == clock)
        };
        at(codec.clock_rate())
            .or_else(|| at(NARROW_CLOCK))
            .map(|format| format.payload_type)
    }

    fn has_events(&self, clock: u32) -> bool {
        let mut formats = self.0.iter();
        formats.any(|format| format.is_event() && format.clock == clock)
    }

    pub(super) fn clock_of(&self, payload_type: u8) -> Option<u32> {
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

/// The encoding name of key presses (RFC 4733).
const TELEPHONE_EVENT: &str = "telephone-event";
/// The clock of all codecs but Opus.
pub(super) const NARROW_CLOCK: u32 = 8_000;
/// Where dynamic payload types begin.
const FIRST_DYNAMIC: u8 = 96;
