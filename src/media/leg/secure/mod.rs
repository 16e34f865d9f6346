//! A browser's transport: ICE-lite (RFC 8445 §2.5), DTLS as client (RFC 6347, 5764) and SRTP (RFC 3711, 7714).

use std::{net::SocketAddr, time::Instant};

use sip::redact::Pii;

use crate::media::api::{BrowserMedia, Gone};

/// A way between one of the worker's sockets and a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path {
    /// The socket's index in its worker.
    pub socket: usize,
    /// The peer's address.
    pub remote: Pii<SocketAddr>,
}

/// A datagram to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transmit {
    /// Socket and receiver.
    pub path: Path,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// What a datagram meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inbound<'a> {
    /// Nothing for the caller.
    Nothing,
    /// An authenticated binding request: the path belongs to this leg from here on.
    Bound,
    /// Audio for the playout.
    Audio {
        /// Sequence number.
        sequence: u16,
        /// Media time in ticks of 48 kHz.
        timestamp: u32,
        /// The Opus payload.
        payload: &'a [u8],
        /// Audio level as −dBov (RFC 6464), where the browser tells it.
        level: Option<u8>,
        /// The first packet of another source or of a restarted stream: reset the playout.
        restarted: bool,
    },
}

/// What all legs of a process share: the certificate and the cryptography.
#[derive(Debug, Clone)]
pub struct SecureContext;

/// Our certificate could not be made.
#[derive(Debug, thiserror::Error)]
#[error("no certificate: {0}")]
pub struct NoCertificate(String);

impl SecureContext {
    /// Makes a certificate; once per process.
    pub fn new() -> Result<Self, NoCertificate> {
        Ok(Self)
    }

    /// Returns the certificate's SHA-256 digest as the answer's `a=fingerprint` writes it: `AB:CD:…`.
    pub fn fingerprint(&self) -> &str {
        ""
    }
}

/// The half-open handshakes of one shard; at most [`crate::limit::HALF_OPEN_MAX`] at a time. Owned by the shard.
#[derive(Debug, Default)]
pub struct Handshakes;

/// The transport of one browser's leg.
#[derive(Debug)]
pub struct Secure {}

impl Secure {
    /// Begins a leg; `media` is what offer and answer agreed.
    pub fn new(media: BrowserMedia, context: &SecureContext, now: Instant) -> Self {
        let _ = (media, context, now);
        Self {}
    }

    /// Returns our ICE user fragment: the key under which the caller finds this leg by [`stun_ufrag`].
    pub fn local_ufrag(&self) -> &str {
        ""
    }

    /// Takes a datagram; `bytes` is decrypted in place.
    pub fn handle_datagram<'a>(
        &mut self,
        path: Path,
        bytes: &'a mut [u8],
        handshakes: &mut Handshakes,
        now: Instant,
    ) -> Inbound<'a> {
        let _ = (path, bytes, handshakes, now);
        Inbound::Nothing
    }

    /// Runs what is due: repeated flights, consent, RTCP reports. `wall` is the time since 1970 for sender reports.
    pub fn handle_timeout(
        &mut self,
        handshakes: &mut Handshakes,
        wall: std::time::Duration,
        now: Instant,
    ) {
        let _ = (handshakes, wall, now);
    }

    /// Returns when [`Self::handle_timeout`] is next due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    /// Takes the next datagram of ICE, DTLS or RTCP to send.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        None
    }

    /// Seals one packet of 20 ms into `out` (at least [`crate::limit::PACKET_MAX`] bytes) and returns where to send how many
    /// bytes; None while not connected (the media clock advances all the same).
    pub fn write_audio(&mut self, payload: &[u8], out: &mut [u8]) -> Option<(Path, usize)> {
        let _ = (payload, out);
        None
    }

    /// Advances the media clock by one packet when nothing is sent.
    pub fn skip_audio(&mut self) {}

    /// Tells whether the handshake is complete and media may flow.
    pub fn is_connected(&self) -> bool {
        false
    }

    /// Tells why the leg has ended, once it has.
    pub fn gone(&self) -> Option<Gone> {
        None
    }

    /// Ends the leg: says goodbye in DTLS; what is to be sent remains for [`Self::poll_transmit`]. Idempotent.
    pub fn close(&mut self, handshakes: &mut Handshakes, now: Instant) {
        let _ = (handshakes, now);
    }
}

/// Returns our user fragment in a STUN binding request, which finds the leg; nothing is authenticated by that.
pub fn stun_ufrag(bytes: &[u8]) -> Option<&str> {
    let _ = bytes;
    None
}
