//! The offer/answer model (RFC 3264) for one audio stream with one codec and telephone-events.

use std::net::{IpAddr, SocketAddr};

use thiserror::Error;

use super::{Attribute, Connection, Description, Direction, Media, Origin};
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

/// What both sides agreed upon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agreed {
    /// The only codec.
    pub codec: AudioCodec,
    /// Its payload type.
    pub payload_type: u8,
    /// The payload type of telephone-events, if the phone knows them.
    pub telephone_event: Option<u8>,
    /// Where the phone receives RTP.
    pub remote_rtp: Pii<SocketAddr>,
    /// Where the phone receives RTCP.
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
pub fn answer(_offer: &Description, _local: &Local<'_>) -> Result<(Description, Agreed), Refusal> {
    Err(Refusal::NoAudio)
}
/// Makes our offer: all our codecs and telephone-events.
pub fn offer(_local: &Local<'_>) -> Description {
    todo!()
}
/// Reads the answer to our offer.
///
/// # Errors
///
/// [`Refusal`] says what does not fit; the caller hangs up.
pub fn conclude(_offer: &Description, _answer: &Description) -> Result<Agreed, Refusal> {
    Err(Refusal::NoAudio)
}
