//! A browser's transport: ICE-lite (RFC 8445 §2.5), DTLS as client (RFC 6347, 5764) and SRTP (RFC 3711, 7714).
//!
//! ```text
//!            first byte (RFC 7983)
//! datagram ─┬─  0–3    Ice: authentic? answer, bind the path ── nominated ──┐
//!           ├─ 20–63   from the nominated path: Flights ─ Dtls ◄────────────┘ start
//!           │                                               │ keys
//!           └─ 128–191 Opener ─ Session ─► Inbound::Media   ▼
//! payload ──────────── Session ─ Sealer ─► nominated path
//! ```
//!
//! Invariants: a path belongs to a leg only after an authenticated binding request on it; nothing is sent anywhere
//! else. What cannot be authenticated is counted and dropped; it never ends a leg that is connected. This module
//! knows neither sockets nor rooms, and never reads a clock.

mod context;
mod dtls;
mod fingerprint;
mod flight;
mod ice;
#[cfg(test)]
mod tests;

use std::{
    collections::VecDeque,
    fmt,
    net::SocketAddr,
    time::{Duration, Instant},
};

use sip::{
    redact::Pii,
    rtp::{
        Discards, Format, Received, Session, SessionConfig,
        session::SessionStats,
        srtp::{Opener, Profile, Sealer},
    },
};

use self::ice::Ice;
pub use self::{
    context::{Handshakes, NoCertificate, SecureContext},
    ice::{Credentials, stun_ufrag},
};
pub(in crate::media::leg) use self::{
    context::{Place, Profiles},
    dtls::{Dtls, Established, Progress},
    fingerprint::Fingerprints,
};
use crate::{
    limit::{HALF_OPEN_RETRY, LEG_TRANSMITS_MAX, SETUP_EXPIRY},
    media::api::{BrowserMedia, Gone},
};

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

/// What a packet carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Payload<'a> {
    /// One payload.
    Single(&'a [u8]),
    /// A payload with copies of earlier ones, as [`sip::rtp::red::write`] makes it.
    Redundant(&'a [u8]),
}

/// What a datagram meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inbound<'a> {
    /// Nothing for the caller.
    Nothing,
    /// An authenticated binding request: the path belongs to this leg from here on.
    Bound,
    /// An authentic packet of the browser's stream.
    Media(Received<'a>),
}

/// What was dropped, by reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Dropped {
    /// STUN that was not an authentic binding request of this leg's browser.
    pub stun: u64,
    /// DTLS from another than the nominated path, out of place, malformed, repeated or, by itself, of no use.
    pub dtls: u64,
    /// RTP or RTCP before there were keys, or no protocol at all.
    pub stray: u64,
    /// Datagrams of ours for which there was no room.
    pub transmits: u64,
    /// RTP and RTCP.
    pub media: Discards,
}

/// The transport of one browser's leg.
pub struct Secure {
    local_ufrag: String,
    ice: Ice,
    dtls: Dtls,
    stage: Stage,
    transmits: VecDeque<Transmit>,
    dropped: Dropped,
    session: SessionConfig,
}

#[expect(
    clippy::large_enum_variant,
    reason = "legs are connected for nearly all of their lives, and a pointer less is to be followed per packet"
)]
enum Stage {
    /// Not connected; gone at the instant, if it does not connect before.
    Opening {
        until: Instant,
        handshake: Handshake,
    },
    /// Keys are agreed and media flows.
    Connected(Media),
    Gone(Gone),
}

#[derive(Debug, Clone, Copy)]
enum Handshake {
    /// Nothing was nominated yet.
    Unwanted,
    /// Wanted, but the shard has no place for it before the instant.
    Waiting(Instant),
    /// It runs.
    Running(Place),
}

struct Media {
    profile: Profile,
    sealer: Sealer,
    opener: Opener,
    session: Session,
}

impl Secure {
    /// Begins a leg; `media` is what offer and answer agreed.
    pub fn new(media: BrowserMedia, context: &SecureContext, now: Instant) -> Self {
        let fingerprints = Fingerprints::new(media.fingerprints.clone());
        let random = context.random();
        let profiles = if media.legacy_srtp {
            Profiles::Legacy
        } else {
            Profiles::Gcm
        };
        let config = context.config(fingerprints.clone(), profiles);
        let stage = match (&config, random) {
            (Ok(_), Some(_)) => Stage::Opening {
                until: now + SETUP_EXPIRY,
                handshake: Handshake::Unwanted,
            },
            _ => Stage::Gone(Gone::Failed),
        };
        Self {
            ice: Ice::new(Credentials::of(&media, context), now),
            dtls: Dtls::new(config.ok(), context.resumption(), fingerprints),
            stage,
            transmits: VecDeque::new(),
            dropped: Dropped::default(),
            session: session_config(&media, &random.unwrap_or_default()),
            local_ufrag: media.local_ufrag,
        }
    }

    /// Returns our ICE user fragment: the key under which the caller finds this leg by [`stun_ufrag`].
    pub fn local_ufrag(&self) -> &str {
        &self.local_ufrag
    }

    /// Takes a datagram; `bytes` is decrypted in place.
    pub fn handle_datagram<'a>(
        &mut self,
        path: Path,
        bytes: &'a mut [u8],
        handshakes: &mut Handshakes,
        now: Instant,
    ) -> Inbound<'a> {
        if matches!(self.stage, Stage::Gone(_)) {
            return Inbound::Nothing;
        }
        match bytes.first() {
            Some(0..=3) => self.handle_stun(path, bytes, handshakes, now),
            Some(20..=63) => {
                self.handle_dtls(path, bytes, handshakes, now);
                Inbound::Nothing
            }
            Some(128..=191) => self.handle_media(bytes, now),
            _ => {
                self.dropped.stray += 1;
                Inbound::Nothing
            }
        }
    }

    /// Runs what is due: repeated flights, consent. A report is written by [`Self::write_report`].
    pub fn handle_timeout(&mut self, handshakes: &mut Handshakes, now: Instant) {
        self.expire(handshakes, now);
        match &mut self.stage {
            Stage::Opening { handshake, .. } => {
                if matches!(handshake, Handshake::Waiting(at) if *at <= now) {
                    self.begin_handshake(handshakes, now);
                }
                let progress = self.dtls.handle_timeout(now);
                self.follow(progress, handshakes, now);
            }
            Stage::Connected(_) | Stage::Gone(_) => {}
        }
    }

    /// Returns when [`Self::handle_timeout`] is next due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match &self.stage {
            Stage::Opening { until, handshake } => {
                let waiting = match handshake {
                    Handshake::Waiting(at) => Some(*at),
                    Handshake::Unwanted | Handshake::Running(_) => None,
                };
                [Some(*until), waiting, self.dtls.poll_timeout()]
                    .into_iter()
                    .flatten()
                    .min()
            }
            Stage::Connected(media) => {
                [Some(self.ice.consent_until()), media.session.poll_timeout()]
                    .into_iter()
                    .flatten()
                    .min()
            }
            Stage::Gone(_) => None,
        }
    }

    /// Takes the next datagram of ICE or DTLS to send.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.transmits.pop_front()
    }

    /// Seals one packet of 20 ms into `out`, which has [`crate::limit::PACKET_MAX`] bytes, and returns where to send how
    /// many of them. None while not connected or where the payload is too large.
    pub fn write_audio(&mut self, payload: Payload<'_>, out: &mut [u8]) -> Option<(Path, usize)> {
        let Stage::Connected(media) = &mut self.stage else {
            return None;
        };
        let path = self.ice.nominated()?;
        let len = match payload {
            Payload::Single(payload) => media.session.write_rtp(payload, out),
            Payload::Redundant(blocks) => media.session.write_redundant(blocks, out),
        };
        if len == 0 {
            return None;
        }
        Some((path, media.sealer.seal_rtp(out, len)?))
    }

    /// Seals the report that is due into `out`, which has [`crate::limit::PACKET_MAX`] bytes, and returns where to send how
    /// many of them. `wall` is the time since 1970.
    pub fn write_report(
        &mut self,
        wall: Duration,
        now: Instant,
        out: &mut [u8],
    ) -> Option<(Path, usize)> {
        let Stage::Connected(media) = &mut self.stage else {
            return None;
        };
        media.session.poll_timeout().filter(|at| *at <= now)?;
        let len = media.session.write_rtcp(wall, now, out);
        let path = self.ice.nominated()?;
        Some((path, media.sealer.seal_rtcp(out, len)?))
    }

    /// Lets media time pass by one packet that is not sent.
    pub fn skip_audio(&mut self) {
        if let Stage::Connected(media) = &mut self.stage {
            media.session.skip_tick();
        }
    }

    /// Tells whether the handshake is complete and media may flow.
    pub const fn is_connected(&self) -> bool {
        matches!(self.stage, Stage::Connected(_))
    }

    /// For how long no check of the browser's has come, where media may flow.
    pub fn silent(&self, now: Instant) -> Duration {
        match self.stage {
            Stage::Connected(_) => self.ice.silent(now),
            Stage::Opening { .. } | Stage::Gone(_) => Duration::ZERO,
        }
    }

    /// Tells why the leg has ended, once it has.
    pub const fn gone(&self) -> Option<Gone> {
        match &self.stage {
            Stage::Gone(gone) => Some(*gone),
            Stage::Opening { .. } | Stage::Connected(_) => None,
        }
    }

    /// Returns the agreed SRTP profile, once connected.
    pub fn profile(&self) -> Option<Profile> {
        match &self.stage {
            Stage::Connected(media) => Some(media.profile),
            Stage::Opening { .. } | Stage::Gone(_) => None,
        }
    }

    /// Returns the RTP session in numbers, once connected.
    pub fn stats(&self) -> Option<SessionStats> {
        match &self.stage {
            Stage::Connected(media) => Some(media.session.stats()),
            Stage::Opening { .. } | Stage::Gone(_) => None,
        }
    }

    /// Returns what was dropped so far.
    pub const fn dropped(&self) -> &Dropped {
        &self.dropped
    }

    /// Ends the leg: says goodbye in DTLS; what is to be sent remains for [`Self::poll_transmit`]. Idempotent.
    pub fn close(&mut self, handshakes: &mut Handshakes, now: Instant) {
        if self.gone().is_none() {
            self.dtls.close(now);
            self.drain_dtls();
            self.end(Gone::Closed, handshakes);
        }
    }

    fn handle_stun(
        &mut self,
        path: Path,
        bytes: &[u8],
        handshakes: &mut Handshakes,
        now: Instant,
    ) -> Inbound<'static> {
        let Some(checked) = self.ice.handle(path, bytes, now) else {
            self.dropped.stun += 1;
            return Inbound::Nothing;
        };
        self.send(path, checked.answer);
        if checked.nominated && self.dtls.is_idle() {
            self.begin_handshake(handshakes, now);
        }
        Inbound::Bound
    }

    fn begin_handshake(&mut self, handshakes: &mut Handshakes, now: Instant) {
        let Stage::Opening { handshake, .. } = &mut self.stage else {
            return;
        };
        let Some(place) = handshakes.begin(now) else {
            *handshake = Handshake::Waiting(now + HALF_OPEN_RETRY);
            return;
        };
        *handshake = Handshake::Running(place);
        let progress = self.dtls.start(now);
        self.follow(progress, handshakes, now);
    }

    fn handle_dtls(&mut self, path: Path, bytes: &[u8], handshakes: &mut Handshakes, now: Instant) {
        if self.ice.nominated() != Some(path) {
            self.dropped.dtls += 1;
            return;
        }
        let progress = self.dtls.handle(bytes, now);
        self.follow(progress, handshakes, now);
    }

    /// Sends what DTLS has to send and draws the consequences of its progress.
    fn follow(&mut self, progress: Progress, handshakes: &mut Handshakes, now: Instant) {
        self.drain_dtls();
        match progress {
            Progress::Nothing => {}
            Progress::Dropped => self.dropped.dtls += 1,
            Progress::Established(keys) => self.connect(&keys, handshakes, now),
            Progress::Closed => self.end(Gone::Closed, handshakes),
        }
    }

    fn connect(&mut self, keys: &Established, handshakes: &mut Handshakes, now: Instant) {
        let sealer = Sealer::new(keys.profile, &keys.ours);
        let opener = Opener::new(keys.profile, &keys.theirs);
        let (Ok(sealer), Ok(opener)) = (sealer, opener) else {
            self.end(Gone::Failed, handshakes);
            return;
        };
        self.release_place(handshakes);
        self.stage = Stage::Connected(Media {
            profile: keys.profile,
            sealer,
            opener,
            session: Session::new(self.session, now),
        });
    }

    fn handle_media<'a>(&mut self, bytes: &'a mut [u8], now: Instant) -> Inbound<'a> {
        let Stage::Connected(media) = &mut self.stage else {
            self.dropped.stray += 1;
            return Inbound::Nothing;
        };
        // RFC 5761 §4: payload types 64–95 are RTCP's.
        let is_rtcp = bytes.get(1).is_some_and(|kind| (192..224).contains(kind));
        let opened = if is_rtcp {
            media.handle_rtcp(bytes, now)
        } else {
            media.handle_rtp(bytes, now)
        };
        opened.unwrap_or_else(|discard| {
            self.dropped.media.count(discard);
            Inbound::Nothing
        })
    }

    /// Ends a leg that took too long to connect or whose browser fell silent.
    fn expire(&mut self, handshakes: &mut Handshakes, now: Instant) {
        let until = match &self.stage {
            Stage::Opening { until, .. } => *until,
            Stage::Connected(_) => self.ice.consent_until(),
            Stage::Gone(_) => return,
        };
        if now >= until {
            self.dtls.close(now);
            self.end(Gone::ConsentLost, handshakes);
        }
    }

    fn end(&mut self, gone: Gone, handshakes: &mut Handshakes) {
        self.release_place(handshakes);
        self.stage = Stage::Gone(gone);
    }

    fn release_place(&self, handshakes: &mut Handshakes) {
        if let Stage::Opening {
            handshake: Handshake::Running(place),
            ..
        } = self.stage
        {
            handshakes.end(place);
        }
    }

    fn drain_dtls(&mut self) {
        while let Some(bytes) = self.dtls.poll_transmit() {
            if let Some(path) = self.ice.nominated() {
                self.send(path, bytes);
            }
        }
    }

    fn send(&mut self, path: Path, bytes: Vec<u8>) {
        if self.transmits.len() < LEG_TRANSMITS_MAX {
            self.transmits.push_back(Transmit { path, bytes });
        } else {
            self.dropped.transmits += 1;
        }
    }
}

impl Media {
    fn handle_rtp<'a>(
        &mut self,
        bytes: &'a mut [u8],
        now: Instant,
    ) -> Result<Inbound<'a>, sip::rtp::Discard> {
        let len = self.opener.open_rtp(bytes)?;
        let bytes: &'a [u8] = bytes;
        self.session
            .handle_rtp(&bytes[..len], now)
            .map(Inbound::Media)
    }

    fn handle_rtcp(
        &mut self,
        bytes: &mut [u8],
        now: Instant,
    ) -> Result<Inbound<'static>, sip::rtp::Discard> {
        let len = self.opener.open_rtcp(bytes)?;
        // A goodbye of the source is not the end of the leg: browsers close DTLS, and a source may be replaced.
        self.session.handle_rtcp(&bytes[..len], now)?;
        Ok(Inbound::Nothing)
    }
}

impl fmt::Debug for Secure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stage = match self.stage {
            Stage::Opening { .. } => "Opening",
            Stage::Connected(_) => "Connected",
            Stage::Gone(_) => "Gone",
        };
        f.debug_struct("Secure")
            .field("stage", &stage)
            .field("ice", &self.ice)
            .field("dtls", &self.dtls)
            .field("dropped", &self.dropped)
            .finish_non_exhaustive()
    }
}

fn session_config(media: &BrowserMedia, random: &[u8; RANDOM_LEN]) -> SessionConfig {
    let [s0, s1, t0, t1, t2, t3, rest @ ..] = *random;
    let (cname, seed) = rest.split_at(12);
    SessionConfig {
        ssrc: media.ssrc,
        // RFC 3711 §3.3.1: a start in the lower half keeps the first wrap far from the first packets.
        first_sequence: u16::from_be_bytes([s0, s1]) >> 1,
        first_timestamp: u32::from_be_bytes([t0, t1, t2, t3]),
        format: Format {
            payload_type: media.payload_type,
            telephone_event: None,
            clock_rate: OPUS_CLOCK_RATE,
            ticks_per_packet: OPUS_CLOCK_RATE / 50,
        },
        audio_level: media.audio_level,
        redundant: media.redundant,
        cname: cname.try_into().expect("twelve bytes were split off"),
        seed: u64::from_be_bytes(seed.try_into().expect("eight bytes remain")),
    }
}

/// RFC 7587 §4.1: Opus counts 48,000 ticks per second whatever it encodes.
const OPUS_CLOCK_RATE: u32 = 48_000;
/// Random bytes of a session: sequence number, media time, canonical name, seed of the reports.
const RANDOM_LEN: usize = 2 + 4 + 12 + 8;
