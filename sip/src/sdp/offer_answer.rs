//! The offer/answer model (RFC 3264) for one audio stream with one codec and telephone-events.
//!
//! We answer one audio line with exactly one codec, chosen by our preference, and refuse every other line: the first
//! usable one that is protected, else the first. Our offers in mid-call keep all lines that there are. Nobody is sent media at an address that reaches more than one host, or
//! none, or whose meaning depends on who reads it.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use thiserror::Error;

use super::{
    Attribute, AudioCodec, Bindings, Connection, Description, Direction, Keying, Media, Origin,
    Policy, Security,
    address::{Named, remote_rtcp, remote_rtp},
    capability::potentials,
    formats::{Formats, Incoming, NARROW_CLOCK, event_attributes, opus_parameters},
    security,
};
use crate::redact::Pii;

/// Milliseconds of sound in a packet where the peer does not ask for other packets.
pub const PTIME: u32 = 20;

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
    /// How media may be protected.
    pub keying: Keying<'a>,
    /// Tells which addresses with a special meaning, such as private ones, the peer may name for its media.
    pub allowed: &'a dyn Fn(IpAddr) -> bool,
    /// Whether the peer may be behind an address translator and name a private address.
    pub hidden: Hidden,
}

/// Whether a peer may be behind an address translator and name a private address, instead of which media goes to where its own
/// comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Hidden {
    /// It may not.
    #[default]
    No,
    /// If its media proves whose it is.
    Proven,
    /// In any case.
    Always,
}

impl fmt::Debug for Local<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Local")
            .field("codecs", &self.codecs)
            .field("policy", &self.keying.policy)
            .finish_non_exhaustive()
    }
}

/// What both sides agreed upon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agreed {
    /// The only codec we send.
    pub codec: AudioCodec,
    /// Its payload type, as the phone numbers it.
    pub payload_type: u8,
    /// The payload type of telephone-events, if the phone knows them.
    pub telephone_event: Option<u8>,
    /// What the phone may send.
    pub incoming: Incoming,
    /// Where the phone receives RTP; the unspecified address while it holds us by `c=0.0.0.0`, or where it is behind an address
    /// translator.
    pub remote_rtp: Pii<SocketAddr>,
    /// The address that the phone named behind an address translator, which nobody here can reach.
    pub hidden: Option<Pii<SocketAddr>>,
    /// Where the phone receives RTCP; unspecified together with `remote_rtp`, and then not to be sent to.
    pub remote_rtcp: Pii<SocketAddr>,
    /// Whether RTP and RTCP share a port (RFC 5761).
    pub rtcp_mux: bool,
    /// Whether the phone sends sound.
    pub phone_sends: bool,
    /// Whether the phone wants to hear; false while it holds us.
    pub phone_hears: bool,
    /// Milliseconds of sound in every packet we send: 10, 20, 30, 40 or 60.
    pub ptime: u32,
    /// How media is protected.
    pub security: Security,
}

/// Why nothing was agreed upon; each is answered 488.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Refusal {
    /// No audio line at all, or all of them are switched off.
    #[error("no audio offered")]
    NoAudio,
    /// Audio is offered only over a transport that we lack or are not to use.
    #[error("no usable transport")]
    NoCommonTransport,
    /// Audio is offered, but in no codec of ours.
    #[error("no common codec")]
    NoCommonCodec,
    /// Audio is offered over SRTP alone, which the trunk does not do.
    #[error("SRTP is switched off")]
    Protected,
    /// Audio is offered, but unprotected.
    #[error("no protection of media")]
    Unprotected,
    /// Audio is offered over SRTP, but with no keys that we can use.
    #[error("no common keys for SRTP")]
    NoCommonKeying,
    /// The media address is missing, a name, of the other family, multicast, broadcast or of special meaning.
    #[error("unusable media address")]
    UnusableAddress,
    /// The answer does not fit the offer.
    #[error("the answer does not fit the offer")]
    Mismatch,
}

/// Answers an offer: one codec and its telephone-events on one audio line, every other line refused.
///
/// # Errors
///
/// [`Refusal`] says what is missing; the caller answers 488.
pub fn answer(offer: &Description, local: &Local<'_>) -> Result<(Description, Agreed), Refusal> {
    let mut worst = Refusal::NoAudio;
    let mut best: Option<(usize, Taken)> = None;
    for (index, media) in offer.media.iter().enumerate() {
        if !media.is_audio() || media.port == 0 {
            continue;
        }
        match take_protected(offer, media, local) {
            Ok(taken) => {
                let is_better = best
                    .as_ref()
                    .is_none_or(|(_, best)| taken.is_protected() && !best.is_protected());
                if is_better {
                    best = Some((index, taken));
                }
            }
            Err(refusal) if worst == Refusal::NoAudio => worst = refusal,
            Err(_) => {}
        }
    }
    let (index, taken) = best.ok_or(worst)?;
    let media = offer.media.iter().enumerate();
    let lines = media.map(|(at, media)| match at == index {
        true => accepted(&taken.media, &taken.agreed, &taken.protection, local),
        false => media.refused(),
    });
    let lines = lines.collect();
    Ok((describe(local, lines), taken.agreed))
}

/// An audio line that can be taken.
struct Taken {
    /// The line, as it stands or as it may be, too.
    media: Media,
    agreed: Agreed,
    /// What our answer says of its protection.
    protection: Vec<Attribute>,
}

impl Taken {
    const fn is_protected(&self) -> bool {
        self.agreed.security.is_protected()
    }
}

/// Takes an audio line as it stands, or, where it is not protected so, as the first of its potential configurations that is.
fn take_protected(offer: &Description, media: &Media, local: &Local<'_>) -> Result<Taken, Refusal> {
    let taken = take(offer, media, local);
    if local.keying.policy == Policy::Off || taken.as_ref().is_ok_and(Taken::is_protected) {
        return taken;
    }
    let protected = potentials(offer, media).into_iter().find_map(|potential| {
        let mut taken = take(offer, &potential.media, local).ok()?;
        taken.protection.push(potential.chosen);
        taken.is_protected().then_some(taken)
    });
    protected.map_or(taken, Ok)
}

fn take(offer: &Description, media: &Media, local: &Local<'_>) -> Result<Taken, Refusal> {
    let (security, protection) = security::choose(offer, media, &local.keying)?;
    let agreed = agree(offer, media, local.codecs, security, local)?;
    Ok(Taken {
        media: media.clone(),
        agreed,
        protection,
    })
}

/// Makes our offer: all our codecs and telephone-events at their clocks, each under the number it has in the session
/// already (RFC 3264 §8.3.2), on the session's audio line; its other lines are refused, for none may be missing (§8).
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
    let (protocol, protection) = security::offered(&local.keying, session.audio());
    attributes.extend(protection);
    attributes.push(Attribute::flag("rtcp-mux"));
    attributes.push(Attribute::flag(Direction::SendRecv.name()));
    let audio = Media {
        kind: "audio".to_owned(),
        port: local.rtp_port,
        ports: None,
        protocol: protocol.to_owned(),
        formats,
        connection: None,
        attributes,
    };
    describe(local, session.with_lines(audio))
}

/// Reads the answer to our offer, or to our last answer, sent again to keep the session alive; `local` is what it was made
/// of. What counts is the one line that we have taken or offered.
///
/// # Errors
///
/// [`Refusal`] says what does not fit; the caller hangs up.
pub fn conclude(
    offer: &Description,
    answer: &Description,
    local: &Local<'_>,
) -> Result<Agreed, Refusal> {
    let lines = offer.media.iter().zip(&answer.media);
    let is_alike = lines.clone().all(|(ours, theirs)| ours.kind == theirs.kind);
    if answer.media.len() != offer.media.len() || !is_alike {
        return Err(Refusal::Mismatch);
    }
    let (asked, media) = lines
        .clone()
        .find(|(ours, _)| ours.is_audio() && ours.port != 0)
        .ok_or(Refusal::Mismatch)?;
    if media.port == 0 {
        return Err(Refusal::NoCommonCodec);
    }
    let offered = Formats::of(asked);
    let wanted = Formats::of(media)
        .codecs()
        .find(|codec| offered.codecs().any(|other| other == *codec))
        .ok_or(Refusal::NoCommonCodec)?;
    let security = security::concluded(asked, answer, media, &local.keying)?;
    let mut agreed = agree(answer, media, &[wanted], security, local)?;
    agreed.incoming = Incoming::concluded(&offered, &Formats::of(media));
    agreed.rtcp_mux &= asked.has("rtcp-mux");
    Ok(agreed)
}

/// Reads what one audio line of the peer comes to.
fn agree(
    peer: &Description,
    media: &Media,
    codecs: &[AudioCodec],
    security: Security,
    local: &Local<'_>,
) -> Result<Agreed, Refusal> {
    let formats = Formats::of(media);
    let (codec, payload_type, ptime) = codecs
        .iter()
        .find_map(|codec| {
            let payload_type = formats.payload_type(*codec)?;
            Some((*codec, payload_type, ptime(*codec, media)?))
        })
        .ok_or(Refusal::NoCommonCodec)?;
    let hidden = match (&security, local.hidden) {
        (Security::Sdes(_), Hidden::Proven | Hidden::Always)
        | (Security::Plain, Hidden::Always) => true,
        // A handshake begins with us, so it needs an address.
        (Security::Plain | Security::Sdes(_) | Security::Dtls(_), _) => false,
    };
    let v4 = local.address.is_ipv4();
    let named = remote_rtp(peer, media, v4, local.allowed, hidden)?;
    let held = matches!(named, Named::Hold(_));
    let (remote, hidden) = match named {
        Named::At(remote) => (remote, None),
        Named::Hold(port) => (SocketAddr::new(nowhere(v4), port), None),
        Named::Hidden(at) => (SocketAddr::new(nowhere(v4), at.port()), Some(at)),
    };
    let direction = peer.direction(media);
    let rtcp_mux = media.has("rtcp-mux");
    let remote_rtcp = if rtcp_mux {
        remote
    } else {
        remote_rtcp(media, remote, local.allowed)
    };
    let telephone_event = formats.telephone_event(codec);
    Ok(Agreed {
        codec,
        payload_type,
        telephone_event,
        incoming: Incoming {
            codecs: vec![(codec, payload_type)],
            events: telephone_event.into_iter().collect(),
        },
        remote_rtp: Pii::new(remote),
        hidden: hidden.map(Pii::new),
        remote_rtcp: Pii::new(remote_rtcp),
        rtcp_mux,
        phone_sends: direction.sends(),
        phone_hears: direction.receives() && !held,
        ptime,
        security,
    })
}

const fn nowhere(v4: bool) -> IpAddr {
    match v4 {
        true => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        false => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    }
}

/// How much sound the peer wants in a packet (RFC 8866 §6.4), in milliseconds; none where the codec cannot be cut so small.
fn ptime(codec: AudioCodec, media: &Media) -> Option<u32> {
    let number = |name| {
        let number = media.values(name).next()?.trim_ascii().parse::<u32>();
        number.ok().filter(|number| *number > 0)
    };
    let most = number("maxptime");
    if codec == AudioCodec::Opus {
        return most.is_none_or(|most| most >= PTIME).then_some(PTIME);
    }
    let wanted = number("ptime").unwrap_or(PTIME);
    let most = most.map_or(wanted, |most| most.min(wanted));
    let fits = PTIMES.into_iter().rev().find(|ptime| *ptime <= most);
    Some(fits.unwrap_or(PTIMES[0]))
}

/// Our side of the line we take.
fn accepted(media: &Media, agreed: &Agreed, protection: &[Attribute], local: &Local<'_>) -> Media {
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
    attributes.push(Attribute::new("ptime", agreed.ptime.to_string()));
    attributes.extend_from_slice(protection);
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

/// The payload types of telephone-events in our offers, with their clocks.
const OFFERED_EVENTS: [(u8, u32); 2] = [(97, 48_000), (101, NARROW_CLOCK)];
/// How much sound there may be in a packet that is cut from a stream without frames.
const PTIMES: [u32; 5] = [10, 20, 30, 40, 60];

#[cfg(test)]
#[path = "offer_answer_tests.rs"]
mod tests;
