//! A browser's offer to our answer (RFC 8829, 8839, 8842, 9143): one audio line, everything else refused.
//!
//! The answer is always the same kind of peer: ICE-lite with host candidates, by TCP last, DTLS client, Opus with in-band FEC, RTP and
//! RTCP on one port. Redundant audio data (RFC 2198) is agreed on where it is offered, behind Opus: browsers then take copies
//! and send none. Other lines keep their place with port 0. What is echoed from the offer is checked to be a token
//! (RFC 8866 §9) before, so an offer cannot write lines into the answer.

use std::{
    fmt::{self, Write},
    net::SocketAddr,
    sync::Arc,
};

use rand::{CryptoRng, RngExt};
use sip::{
    redact::{Pii, Secret},
    sdp::fingerprint,
};

use crate::{
    limit::{OFFER_FINGERPRINTS_MAX, OFFER_MAX, OFFER_MEDIA_MAX},
    media::api::{BrowserMedia, HashName},
};

/// What the answer says of us.
#[derive(Debug, Clone, Copy)]
pub struct Local<'a> {
    /// Host candidates in order of preference; the first is the default.
    pub candidates: &'a [SocketAddr],
    /// Where browsers connect by TCP if no datagrams pass, in order of preference.
    pub tcp_candidates: &'a [SocketAddr],
    /// SHA-256 fingerprint of our certificate as SDP writes it.
    pub fingerprint: &'a str,
    /// Agree on AES-CM only, for a browser whose first try with AES-GCM failed.
    pub legacy_srtp: bool,
}

/// The outcome of a negotiation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Negotiated {
    /// The answer, for the browser.
    pub answer: Pii<String>,
    /// The transport, for the media plane.
    pub media: BrowserMedia,
}

/// Why an offer was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is not SDP; the reason names the line's fault, never its text.
    #[error("malformed offer: {0}")]
    Malformed(&'static str),
    /// It is larger than [`OFFER_MAX`] or has more than [`OFFER_MEDIA_MAX`] media lines.
    #[error("offer too large")]
    TooLarge,
    /// It has no audio over UDP/TLS/RTP/SAVPF.
    #[error("no audio line")]
    NoAudio,
    /// It does not offer Opus.
    #[error("no common codec")]
    NoCommonCodec,
    /// It asks for a transport that is not spoken here.
    #[error("unsupported transport: {0}")]
    Unsupported(&'static str),
}

/// Answers an offer. `rng` makes the ICE credentials and must be the system's, outside tests.
pub fn negotiate(
    offer: &str,
    local: &Local<'_>,
    rng: &mut impl CryptoRng,
) -> Result<Negotiated, Refusal> {
    Ok(Agreed::on(offer)?.answer(local, rng))
}

/// An offer that can be answered, whatever we say of ourselves.
pub struct Agreed<'a> {
    offer: Offer<'a>,
    audio: usize,
    remote: Remote<'a>,
}

impl<'a> Agreed<'a> {
    /// Judges an offer.
    pub fn on(offer: &'a str) -> Result<Self, Refusal> {
        let offer = Offer::parse(offer)?;
        let audio = offer.audio()?;
        let remote = Remote::of(&offer, audio)?;
        Ok(Self {
            offer,
            audio,
            remote,
        })
    }

    /// Answers it. `rng` makes the ICE credentials and must be the system's, outside tests.
    pub fn answer(self, local: &Local<'_>, rng: &mut impl CryptoRng) -> Negotiated {
        let ours = Ours::draw(rng);
        let media = BrowserMedia {
            local_ufrag: ours.ufrag.clone(),
            local_password: Arc::new(Secret::new(ours.password.clone().into_bytes())),
            remote_ufrag: Pii::new(self.remote.ufrag.to_owned()),
            fingerprints: self.remote.fingerprints,
            payload_type: self.remote.payload_type,
            redundant: self.remote.redundant,
            audio_level: self.remote.audio_level,
            ssrc: ours.ssrc,
            legacy_srtp: local.legacy_srtp,
        };
        let answer = Answer {
            offer: &self.offer,
            audio: self.audio,
            media: &media,
            ours: &ours,
            local,
        };
        Negotiated {
            answer: Pii::new(answer.write()),
            media,
        }
    }
}

impl fmt::Debug for Agreed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Agreed").finish_non_exhaustive()
    }
}

/// An offer, cut into its sections.
struct Offer<'a> {
    session: Section<'a>,
    media: Vec<Section<'a>>,
}

/// The lines of one section; for media, the first is its `m=` line.
struct Section<'a>(Vec<&'a str>);

/// The tokens of an `m=` line.
struct MediaLine<'a> {
    kind: &'a str,
    port: &'a str,
    protocol: &'a str,
    formats: Vec<&'a str>,
}

/// What the offer says of the browser's transport.
struct Remote<'a> {
    ufrag: &'a str,
    fingerprints: Vec<(HashName, Vec<u8>)>,
    payload_type: u8,
    redundant: Option<u8>,
    audio_level: Option<u8>,
}

/// What is drawn for a leg.
struct Ours {
    ufrag: String,
    password: String,
    ssrc: u32,
    session: u64,
}

impl<'a> Offer<'a> {
    fn parse(text: &'a str) -> Result<Self, Refusal> {
        if text.len() > OFFER_MAX {
            return Err(Refusal::TooLarge);
        }
        let mut sections = vec![Section(Vec::new())];
        for line in text.lines().filter(|line| !line.is_empty()) {
            if line.as_bytes().get(1) != Some(&b'=') || line.contains(['\r', '\0']) {
                return Err(Refusal::Malformed("line"));
            }
            if line.starts_with("m=") {
                sections.push(Section(Vec::new()));
            }
            if sections.len() > OFFER_MEDIA_MAX + 1 {
                return Err(Refusal::TooLarge);
            }
            if let Some(section) = sections.last_mut() {
                section.0.push(line);
            }
        }
        let session = sections.remove(0);
        if session.0.first() != Some(&"v=0") {
            return Err(Refusal::Malformed("version"));
        }
        for section in &sections {
            section.media_line()?;
            section.mid()?;
        }
        Ok(Self {
            session,
            media: sections,
        })
    }

    /// Finds the line to accept: the first audio over DTLS-SRTP that is not itself refused.
    fn audio(&self) -> Result<usize, Refusal> {
        let usable = |section: &Section<'_>| {
            section.media_line().is_ok_and(|line| {
                line.kind == "audio"
                    && line.protocol == PROTOCOL
                    && (line.port != "0" || section.has("bundle-only"))
            })
        };
        self.media.iter().position(usable).ok_or(Refusal::NoAudio)
    }

    /// Returns the members of the BUNDLE group.
    fn bundle(&self) -> impl Iterator<Item = &'a str> {
        self.session
            .values("group")
            .find_map(|group| group.strip_prefix("BUNDLE "))
            .unwrap_or_default()
            .split(' ')
            .filter(|mid| is_token(mid))
    }

    /// Returns where an attribute of the audio line's transport may stand, nearest first: in its own section, in the one
    /// it is bundled to, in the session.
    fn transport(&self, audio: usize) -> impl Iterator<Item = &Section<'a>> {
        let tag = self.bundle().next();
        let tagged = self
            .media
            .iter()
            .find(|section| tag.is_some() && section.mid() == Ok(tag));
        [Some(&self.media[audio]), tagged, Some(&self.session)]
            .into_iter()
            .flatten()
    }

    fn transport_value(&self, audio: usize, name: &str) -> Option<&'a str> {
        self.transport(audio)
            .find_map(|section| section.value(name))
    }
}

impl<'a> Section<'a> {
    fn media_line(&self) -> Result<MediaLine<'a>, Refusal> {
        let malformed = Refusal::Malformed("media line");
        let line = self.0.first().and_then(|line| line.strip_prefix("m="));
        let mut tokens = line.ok_or(malformed)?.split(' ');
        let mut token = || tokens.next().filter(|token| is_token(token));
        let line = MediaLine {
            kind: token().ok_or(malformed)?,
            port: token().ok_or(malformed)?,
            protocol: token().ok_or(malformed)?,
            formats: tokens.collect(),
        };
        let formats_good = !line.formats.is_empty() && line.formats.iter().all(|f| is_token(f));
        formats_good.then_some(line).ok_or(malformed)
    }

    fn mid(&self) -> Result<Option<&'a str>, Refusal> {
        match self.value("mid") {
            Some(mid) if !is_token(mid) => Err(Refusal::Malformed("mid")),
            mid => Ok(mid),
        }
    }

    fn has(&self, flag: &str) -> bool {
        self.attributes().any(|attribute| attribute == flag)
    }

    fn value(&self, name: &str) -> Option<&'a str> {
        self.values(name).next()
    }

    fn values(&self, name: &str) -> impl Iterator<Item = &'a str> {
        self.attributes().filter_map(move |attribute| {
            let (key, value) = attribute.split_once(':')?;
            (key == name).then_some(value)
        })
    }

    fn attributes(&self) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter_map(|line| line.strip_prefix("a="))
    }
}

impl<'a> Remote<'a> {
    fn of(offer: &Offer<'a>, audio: usize) -> Result<Self, Refusal> {
        let section = &offer.media[audio];
        if !section.has("rtcp-mux") {
            return Err(Refusal::Unsupported("rtcp-mux"));
        }
        if offer.session.has("ice-lite") {
            return Err(Refusal::Unsupported("ice-lite"));
        }
        // RFC 8842 §5.2: an offer says actpass; a peer that insists on being the client finds no server here.
        if !matches!(
            offer.transport_value(audio, "setup"),
            Some("actpass" | "passive")
        ) {
            return Err(Refusal::Unsupported("setup"));
        }
        let ufrag = offer.transport_value(audio, "ice-ufrag");
        let ufrag = ufrag.filter(|ufrag| is_ice_text(ufrag, 4));
        let password = offer.transport_value(audio, "ice-pwd");
        if !password.is_some_and(|password| is_ice_text(password, 22)) {
            return Err(Refusal::Malformed("ice-pwd"));
        }
        let payload_type = opus(section)?;
        Ok(Self {
            ufrag: ufrag.ok_or(Refusal::Malformed("ice-ufrag"))?,
            fingerprints: fingerprints(offer, audio)?,
            payload_type,
            redundant: redundant(section, payload_type)?,
            audio_level: audio_level(section),
        })
    }
}

/// Reads the fingerprints of the nearest section that has any.
fn fingerprints(offer: &Offer<'_>, audio: usize) -> Result<Vec<(HashName, Vec<u8>)>, Refusal> {
    let section = offer
        .transport(audio)
        .find(|section| section.value("fingerprint").is_some())
        .ok_or(Refusal::Malformed("no fingerprint"))?;
    let known: Vec<_> = section
        .values("fingerprint")
        .take(OFFER_FINGERPRINTS_MAX)
        .filter_map(fingerprint)
        .collect();
    if known.is_empty() {
        return Err(Refusal::Unsupported("fingerprint"));
    }
    Ok(known)
}

/// Finds the payload type of Opus among the formats of the line.
fn opus(section: &Section<'_>) -> Result<u8, Refusal> {
    let mut found = formats(section, "opus/48000/2")?;
    found.next().ok_or(Refusal::NoCommonCodec)
}

/// Finds the payload type of redundant audio data that holds nothing but Opus (RFC 2198 §5: `111/111`).
fn redundant(section: &Section<'_>, opus: u8) -> Result<Option<u8>, Refusal> {
    let holds_opus = |payload_type: &u8| {
        section.values("fmtp").any(|parameters| {
            parameters.split_once(' ').is_some_and(|(number, held)| {
                number.parse() == Ok(*payload_type)
                    && held.split('/').all(|held| held.parse() == Ok(opus))
            })
        })
    };
    let mut found = formats(section, "red/48000/2")?;
    Ok(found.find(|payload_type| *payload_type != opus && holds_opus(payload_type)))
}

/// Finds the payload types of a codec among the formats of the line.
fn formats<'a>(
    section: &'a Section<'_>,
    codec: &'a str,
) -> Result<impl Iterator<Item = u8>, Refusal> {
    let formats = section.media_line()?.formats;
    Ok(section.values("rtpmap").filter_map(move |map| {
        let (number, named) = map.split_once(' ')?;
        let payload_type = number.parse::<u8>().ok()?;
        // RFC 5761 §4: 64–95 would be mistaken for RTCP.
        let is_dynamic = matches!(payload_type, 35..=63 | 96..=127);
        (is_dynamic && formats.contains(&number) && named.eq_ignore_ascii_case(codec))
            .then_some(payload_type)
    }))
}

/// Finds the id of the audio level's header extension (RFC 6464, RFC 8285 §4.2: one-byte ids).
fn audio_level(section: &Section<'_>) -> Option<u8> {
    section.values("extmap").find_map(|map| {
        let mut words = map.split(' ');
        let id = words.next()?.split('/').next()?.parse::<u8>().ok()?;
        (words.next()? == AUDIO_LEVEL && (1..=14).contains(&id)).then_some(id)
    })
}

impl Ours {
    fn draw(rng: &mut impl CryptoRng) -> Self {
        Self {
            ufrag: ice_text(8, rng),
            password: ice_text(24, rng),
            ssrc: rng.random(),
            // RFC 8829 §5.2.1: positive in 64 bits.
            session: rng.random::<u64>() >> 1,
        }
    }
}

/// An answer in the making.
struct Answer<'a> {
    offer: &'a Offer<'a>,
    audio: usize,
    media: &'a BrowserMedia,
    ours: &'a Ours,
    local: &'a Local<'a>,
}

impl Answer<'_> {
    fn write(&self) -> String {
        let mut out = String::with_capacity(1_024);
        self.write_lines(&mut out)
            .expect("a string takes everything");
        out
    }

    fn write_lines(&self, out: &mut String) -> fmt::Result {
        let mid = self.offer.media[self.audio].mid().ok().flatten();
        write!(out, "v=0\r\no=- {} 1 IN IP4 0.0.0.0\r\n", self.ours.session)?;
        write!(out, "s=-\r\nt=0 0\r\na=ice-lite\r\n")?;
        if let Some(mid) = mid
            && self.offer.bundle().any(|member| member == mid)
        {
            write!(out, "a=group:BUNDLE {mid}\r\n")?;
        }
        for (index, section) in self.offer.media.iter().enumerate() {
            if index == self.audio {
                self.write_audio(section, mid, out)?;
            } else {
                write_refused(section, out)?;
            }
        }
        Ok(())
    }

    fn write_audio(
        &self,
        section: &Section<'_>,
        mid: Option<&str>,
        out: &mut String,
    ) -> fmt::Result {
        let payload_type = self.media.payload_type;
        let default = self.local.candidates.first();
        let port = default.map_or(9, SocketAddr::port);
        write!(out, "m=audio {port} {PROTOCOL} {payload_type}")?;
        if let Some(redundant) = self.media.redundant {
            write!(out, " {redundant}")?;
        }
        write!(out, "\r\n")?;
        match default {
            Some(address) if address.is_ipv6() => write!(out, "c=IN IP6 {}\r\n", address.ip())?,
            Some(address) => write!(out, "c=IN IP4 {}\r\n", address.ip())?,
            None => write!(out, "c=IN IP4 0.0.0.0\r\n")?,
        }
        if let Some(mid) = mid {
            write!(out, "a=mid:{mid}\r\n")?;
        }
        write!(out, "a={}\r\na=rtcp-mux\r\n", self.direction(section))?;
        write!(out, "a=ice-ufrag:{}\r\n", self.ours.ufrag)?;
        write!(out, "a=ice-pwd:{}\r\n", self.ours.password)?;
        write!(out, "a=fingerprint:sha-256 {}\r\n", self.local.fingerprint)?;
        write!(
            out,
            "a=setup:active\r\na=rtpmap:{payload_type} opus/48000/2\r\n"
        )?;
        write!(
            out,
            "a=fmtp:{payload_type} minptime=10;useinbandfec=1\r\na=ptime:20\r\n"
        )?;
        if let Some(redundant) = self.media.redundant {
            write!(out, "a=rtpmap:{redundant} red/48000/2\r\n")?;
            write!(out, "a=fmtp:{redundant} {payload_type}/{payload_type}\r\n")?;
        }
        if let Some(id) = self.media.audio_level {
            write!(out, "a=extmap:{id} {AUDIO_LEVEL}\r\n")?;
        }
        write!(
            out,
            "a=msid:conference mix\r\na=ssrc:{} cname:mix\r\n",
            self.ours.ssrc
        )?;
        self.write_candidates(out)
    }

    fn write_candidates(&self, out: &mut String) -> fmt::Result {
        for (index, address) in self.local.candidates.iter().enumerate() {
            // RFC 8445 §5.1.2.1: host candidates, each preferred to the next, component 1.
            let preference = 65_535_usize.saturating_sub(index);
            let priority = (126_usize << 24) + (preference << 8) + 255;
            write!(
                out,
                "a=candidate:{} 1 udp {priority} {} {} typ host\r\n",
                index + 1,
                address.ip(),
                address.port()
            )?;
        }
        for (index, address) in self.local.tcp_candidates.iter().enumerate() {
            // RFC 6544 §4.2: less than any UDP, as browsers rank their own; passive is direction 4, then each before the next.
            let preference = (4_usize << 13) + 8_191_usize.saturating_sub(index);
            let priority = (90_usize << 24) + (preference << 8) + 255;
            write!(
                out,
                "a=candidate:{} 1 tcp {priority} {} {} typ host tcptype passive\r\n",
                self.local.candidates.len() + index + 1,
                address.ip(),
                address.port()
            )?;
        }
        write!(out, "a=end-of-candidates\r\n")
    }

    /// Mirrors the direction of the offer (RFC 3264 §6.1).
    fn direction(&self, section: &Section<'_>) -> &'static str {
        let directions = [
            ("sendonly", "recvonly"),
            ("recvonly", "sendonly"),
            ("inactive", "inactive"),
            ("sendrecv", "sendrecv"),
        ];
        let find = |section: &Section<'_>| {
            let mut all = directions.iter();
            all.find(|(theirs, _)| section.has(theirs))
                .map(|(_, ours)| *ours)
        };
        find(section)
            .or_else(|| find(&self.offer.session))
            .unwrap_or("sendrecv")
    }
}

/// Writes a line that keeps its place and is refused (RFC 3264 §6).
fn write_refused(section: &Section<'_>, out: &mut String) -> fmt::Result {
    if let Ok(line) = section.media_line() {
        let format = line.formats.first().unwrap_or(&"0");
        write!(out, "m={} 0 {} {format}\r\n", line.kind, line.protocol)?;
        write!(out, "c=IN IP4 0.0.0.0\r\na=inactive\r\n")?;
    }
    if let Ok(Some(mid)) = section.mid() {
        write!(out, "a=mid:{mid}\r\n")?;
    }
    Ok(())
}

/// RFC 8866 §9 `token`, with the slash of protocols and port counts; bounded, so that an answer stays as small as its offer.
fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= TOKEN_MAX
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`{|}~/".contains(&byte))
}

/// RFC 8839 §5.4 `ice-char`, at least so many and at most 256.
fn is_ice_text(text: &str, least: usize) -> bool {
    (least..=256).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'))
}

/// Draws `ice-char`s of six bits each.
fn ice_text(length: usize, rng: &mut impl CryptoRng) -> String {
    (0..length)
        .map(|_| char::from(ICE_CHARS[usize::from(rng.random::<u8>() & 63)]))
        .collect()
}

const PROTOCOL: &str = "UDP/TLS/RTP/SAVPF";
const AUDIO_LEVEL: &str = "urn:ietf:params:rtp-hdrext:ssrc-audio-level";
const ICE_CHARS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/// Bytes of the longest token that is echoed.
const TOKEN_MAX: usize = 64;

#[cfg(test)]
#[path = "negotiate_tests.rs"]
mod tests;
