//! The lite side of ICE (RFC 8445 §2.5) on STUN (RFC 8489): answers authenticated checks, follows nominations.
//!
//! Invariants: nothing is answered, learned or counted as consent unless MESSAGE-INTEGRITY is right, so an answer is
//! never larger than what provoked it; only attributes under MESSAGE-INTEGRITY are looked at; the latest nomination wins,
//! which is how a leg follows its browser to another network.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use rtc_dtls::crypto_provider::RTCCryptoProvider;
use rtc_stun::{
    attributes::{
        ATTR_ICE_CONTROLLED, ATTR_MESSAGE_INTEGRITY, ATTR_PRIORITY, ATTR_USE_CANDIDATE,
        ATTR_USERNAME, AttrType,
    },
    fingerprint::FINGERPRINT,
    integrity::MessageIntegrity,
    message::{BINDING_REQUEST, BINDING_SUCCESS, Message, Setter},
    xoraddr::XorMappedAddress,
};
use sip::redact::{Pii, Secret};

use super::{Path, SecureContext};
use crate::{
    limit::{CONSENT_EXPIRY, STUN_MAX},
    media::api::BrowserMedia,
};

/// An authenticated binding request.
#[derive(Debug)]
pub(super) struct Checked {
    /// The answer, for where the request came from.
    pub(super) answer: Vec<u8>,
    /// The browser chose this path.
    pub(super) nominated: bool,
}

/// What the binding requests of a leg's browser are known by.
pub struct Credentials {
    /// `ours:theirs`, as the browser writes it.
    username: Pii<String>,
    password: Arc<Secret<Vec<u8>>>,
    crypto: Arc<dyn RTCCryptoProvider>,
}

impl Credentials {
    /// Takes what offer and answer agreed on.
    pub fn of(media: &BrowserMedia, context: &SecureContext) -> Self {
        let username = format!("{}:{}", media.local_ufrag, media.remote_ufrag.expose());
        Self {
            username: Pii::new(username),
            password: Arc::clone(&media.local_password),
            crypto: context.crypto(),
        }
    }

    /// Tells whether the bytes are a binding request of the leg's browser.
    pub fn vouch_for(&self, bytes: &[u8]) -> bool {
        self.check(bytes).is_some()
    }

    /// Returns the binding request that the bytes are, if MESSAGE-INTEGRITY is right.
    fn check(&self, bytes: &[u8]) -> Option<Message> {
        if bytes.len() > STUN_MAX || find_username(bytes)? != self.username.expose().as_bytes() {
            return None;
        }
        let mut request = Message::new();
        request.unmarshal_binary(bytes).ok()?;
        if request.typ != BINDING_REQUEST || FINGERPRINT.check(&request).is_err() {
            return None;
        }
        MessageIntegrity::check(&mut request, self.password.expose(), self.crypto.crypto()).ok()?;
        // A lite agent is always controlled. Two of them cannot connect, so a role conflict is not worth an answer.
        let usable = has(&request, ATTR_USERNAME)
            && has(&request, ATTR_PRIORITY)
            && !has(&request, ATTR_ICE_CONTROLLED);
        usable.then_some(request)
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(‹redacted›)")
    }
}

/// The ICE state of a leg.
pub(super) struct Ice {
    credentials: Credentials,
    nominated: Option<Path>,
    seen: Instant,
}

impl Ice {
    pub(super) const fn new(credentials: Credentials, now: Instant) -> Self {
        Self {
            credentials,
            nominated: None,
            seen: now,
        }
    }

    /// Where to send: the path nominated last.
    pub(super) const fn nominated(&self) -> Option<Path> {
        self.nominated
    }

    /// For how long no check has come.
    pub(super) fn silent(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.seen)
    }

    /// When the consent to send ends (RFC 7675), unless another check comes.
    pub(super) fn consent_until(&self) -> Instant {
        self.seen + CONSENT_EXPIRY
    }

    /// Takes a STUN message; None unless it is a binding request of this leg's browser.
    pub(super) fn handle(&mut self, path: Path, bytes: &[u8], now: Instant) -> Option<Checked> {
        let request = self.credentials.check(bytes)?;
        let answer = self.answer(&request, path)?;
        self.seen = now;
        let nominated = has(&request, ATTR_USE_CANDIDATE);
        if nominated {
            self.nominated = Some(path);
        }
        Some(Checked { answer, nominated })
    }

    fn answer(&self, request: &Message, path: Path) -> Option<Vec<u8>> {
        let remote = path.remote.expose();
        let mapped = XorMappedAddress {
            ip: remote.ip().to_canonical(),
            port: remote.port(),
        };
        let integrity = MessageIntegrity::new_raw_integrity_with_provider(
            self.credentials.password.expose().clone(),
            self.credentials.crypto.crypto(),
        );
        let mut answer = Message::new();
        answer.typ = BINDING_SUCCESS;
        answer.transaction_id = request.transaction_id;
        answer.write_header();
        mapped.add_to(&mut answer).ok()?;
        integrity.add_to(&mut answer).ok()?;
        FINGERPRINT.add_to(&mut answer).ok()?;
        Some(answer.raw)
    }
}

impl fmt::Debug for Ice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ice")
            .field("nominated", &self.nominated)
            .finish_non_exhaustive()
    }
}

/// Returns our user fragment in a STUN binding request, which finds the leg; nothing is authenticated by that.
pub fn stun_ufrag(bytes: &[u8]) -> Option<&str> {
    let username = find_username(bytes)?;
    let colon = username.iter().position(|byte| *byte == b':')?;
    std::str::from_utf8(&username[..colon]).ok()
}

/// Tells whether an attribute stands under MESSAGE-INTEGRITY (RFC 8489 §14.5: what follows it is to be ignored).
fn has(request: &Message, kind: AttrType) -> bool {
    let mut signed = request
        .attributes
        .0
        .iter()
        .take_while(|attribute| attribute.typ != ATTR_MESSAGE_INTEGRITY);
    signed.any(|attribute| attribute.typ == kind)
}

/// Finds the USERNAME of a binding request by walking its attributes; None where its lengths contradict each other.
fn find_username(bytes: &[u8]) -> Option<&[u8]> {
    let (header, mut rest) = bytes.split_at_checked(STUN_HEADER)?;
    let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
    if header[..2] != BINDING_REQUEST_TYPE || header[4..8] != MAGIC_COOKIE || length != rest.len() {
        return None;
    }
    while let Some((head, tail)) = rest.split_at_checked(4) {
        let kind = u16::from_be_bytes([head[0], head[1]]);
        let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
        if kind == ATTR_USERNAME.0 {
            return tail.get(..length);
        }
        rest = tail.get(length.next_multiple_of(4)..)?;
    }
    None
}

const STUN_HEADER: usize = 20;
const BINDING_REQUEST_TYPE: [u8; 2] = [0, 1];
const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
