//! A telephone's transport: RTP and RTCP between our sockets and the addresses its SDP names, plain or protected.
//!
//! ```text
//!            from where?
//! datagram ─┬─ Latch: named ─────────────┬─ 20–63 (RFC 7983) ─ Handshake ─ keys ─┐
//!           ├─ a candidate: if it proves ┴─ Armour ─ Session ─► Inbound::Media ◄─┘
//!           └─ foreign: dropped
//! payload ──── Packer ─ Session ─ Armour ─► where the latch is, else the SDP's address
//! ```
//!
//! Packets are taken from those addresses only, so that a stranger who finds the port can neither be heard nor disturb.
//! Over DTLS there is no RTCP beside the RTP's port: it would need a second association.

mod handshake;
mod latch;
mod packer;

use std::{
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};

use dsp::Codec;
use rand::{Rng, RngExt, SeedableRng, rngs::StdRng};
use sip::{
    redact::Pii,
    rtp::{
        self, Discard, Expected, Packet, Received, Session, SessionConfig, packet::is_rtcp,
        session::SessionStats,
    },
};

use self::{
    handshake::{Handshake, Outcome},
    latch::{Latch, Renewal, Source},
    packer::Packer,
};
use super::{
    armour::{Armour, Sending},
    is_due,
    secure::SecureContext,
};
use crate::{
    id::LegId,
    limit::QUIET_AFTER,
    media::{
        api::{Event, Gone, PhoneMedia, Security},
        common::Common,
        counters::{Counter, Counters},
        outbox::Outbox,
        shard::SocketId,
    },
};

/// The RTP of a telephone.
#[derive(Debug)]
pub(super) struct Phone {
    media: PhoneMedia,
    /// Of the stream that is sent.
    identity: Identity,
    session: Session,
    packer: Packer,
    armour: Armour,
    /// The DTLS association, where there is one.
    handshake: Option<Box<Handshake>>,
    latch: Latch,
    /// Where packets go, unless the latch knows better: the last address SDP named that can be sent to.
    destination: Option<Pii<SocketAddr>>,
    /// The last address that SDP named behind an address translator.
    hidden: Option<Pii<SocketAddr>>,
    /// When the last packet came, or since when one should come.
    heard_at: Instant,
    quiet_at: Instant,
}

/// What a datagram meant.
#[derive(Debug)]
pub(super) enum Inbound<'a> {
    /// It came from nobody we know.
    Foreign,
    /// It belonged to the handshake.
    Handshake,
    /// RTP or RTCP.
    Media(Result<Received<'a>, Discard>),
}

/// The random part of an RTP stream.
#[derive(Debug, Clone, Copy)]
pub(super) struct Identity {
    ssrc: u32,
    sequence: u16,
    timestamp: u32,
    cname: [u8; 12],
    seed: u64,
}

impl Identity {
    /// Draws one.
    pub(super) fn draw(rng: &mut impl Rng) -> Self {
        Self {
            ssrc: rng.random(),
            sequence: rng.random(),
            timestamp: rng.random(),
            cname: rng.random(),
            seed: rng.random(),
        }
    }

    /// Goes on to another one of the same name.
    fn renew(&mut self) {
        let mut rng = StdRng::seed_from_u64(self.seed);
        *self = Self {
            cname: self.cname,
            ..Self::draw(&mut rng)
        };
    }

    /// The first sequence number under SRTP, as [`SessionConfig`] asks for.
    const fn low_sequence(&self) -> u16 {
        self.sequence >> 1
    }
}

impl Phone {
    /// Fails where keys do not fit their cipher.
    pub(super) fn new(
        media: PhoneMedia,
        identity: Identity,
        context: &SecureContext,
        now: Instant,
    ) -> Result<Self, Gone> {
        let packer = Packer::new(media.format.codec, media.ptime);
        let first_sequence = match media.security {
            Security::Plain => identity.sequence,
            Security::Sdes(_) | Security::Dtls(_) => identity.low_sequence(),
        };
        let config = SessionConfig {
            ssrc: identity.ssrc,
            first_sequence,
            first_timestamp: identity.timestamp,
            format: rtp_format(&media, &packer),
            audio_level: None,
            redundant: None,
            cname: identity.cname,
            seed: identity.seed,
        };
        let mut session = Session::new(config, now);
        session.expect(expected(&media));
        let mut phone = Self {
            identity,
            session,
            packer,
            armour: Armour::Plain,
            handshake: None,
            latch: Latch::new(media.nat.clone(), now),
            destination: reachable(media.remote),
            hidden: media.hidden,
            heard_at: now,
            quiet_at: now + QUIET_AFTER,
            media,
        };
        let security = phone.media.security.clone();
        phone.protect(&security, context, now)?;
        Ok(phone)
    }

    /// Takes a datagram; encrypted ones are opened in place.
    pub(super) fn handle_datagram<'a>(
        &mut self,
        leg: LegId,
        socket: SocketId,
        from: SocketAddr,
        bytes: &'a mut [u8],
        common: &mut Common,
        now: Instant,
    ) -> Inbound<'a> {
        let named = *self.media.remote.expose();
        match socket {
            SocketId::Browser(_) => Inbound::Foreign,
            SocketId::Rtcp(_) if self.reports_from(from) => {
                Inbound::Media(self.handle_rtcp(bytes, now))
            }
            SocketId::Rtcp(_) => Inbound::Foreign,
            SocketId::Rtp(_) if is_dtls(bytes) && self.handshake.is_some() => {
                if !same(from, named) {
                    return Inbound::Foreign;
                }
                self.handle_dtls(leg, bytes, common, now);
                Inbound::Handshake
            }
            SocketId::Rtp(_) => match self.latch.judge(from, named) {
                Source::Named if self.is_multiplexed() && is_rtcp(bytes) => {
                    Inbound::Media(self.handle_rtcp(bytes, now))
                }
                Source::Named => Inbound::Media(self.handle_rtp(from, bytes, now)),
                Source::Candidate => self.handle_candidate(from, bytes, now),
                Source::Foreign => Inbound::Foreign,
            },
        }
    }

    /// Changes the media; sequence numbers and media time go on.
    pub(super) fn update(
        &mut self,
        media: PhoneMedia,
        context: &SecureContext,
        common: &mut Common,
        now: Instant,
    ) -> Result<(), Gone> {
        if media.format != self.media.format || media.ptime != self.media.ptime {
            self.session.skip_ticks(self.packer.drop_held());
            self.packer = Packer::new(media.format.codec, media.ptime);
            self.session.reconfigure(rtp_format(&media, &self.packer));
        }
        self.session.expect(expected(&media));
        if media.security != self.media.security {
            if let Some(handshake) = &mut self.handshake {
                handshake.close(&mut common.handshakes, now);
            }
            self.handshake = None;
            self.protect(&media.security, context, now)?;
        }
        let expected = self.is_expected();
        let before = (self.destination, self.hidden);
        (self.destination, self.hidden) = match (reachable(media.remote), media.hidden) {
            (Some(there), _) => (Some(there), None),
            // Where the phone is now its packets have yet to show.
            (None, Some(hidden)) => (None, Some(hidden)),
            (None, None) => before,
        };
        let renewal = if (self.destination, self.hidden) != before {
            Renewal::Address
        } else if media.sends && media != self.media {
            Renewal::Terms
        } else {
            Renewal::Nothing
        };
        self.latch
            .renew((media.nat.clone(), before.0), renewal, now);
        self.media = media;
        if self.is_expected() && !expected {
            self.heard_at = now;
            self.quiet_at = now + QUIET_AFTER;
        }
        Ok(())
    }

    /// Looks after the handshake.
    pub(super) fn handle_timeout(&mut self, leg: LegId, common: &mut Common, now: Instant) {
        let (Some(handshake), Some(_)) = (&mut self.handshake, self.destination) else {
            return;
        };
        handshake.begin(now);
        let outcome = handshake.handle_timeout(&mut common.handshakes, now);
        self.follow(leg, outcome, common, now);
    }

    /// Returns the codec of what comes under a payload type, if it may be sound.
    pub(super) fn codec(&self, payload_type: u8) -> Option<Codec> {
        self.media.incoming.codec(payload_type)
    }

    /// Begins a tick.
    pub(super) const fn begin_tick(&mut self) {
        self.latch.allow_tries();
    }

    /// Tells for how long nothing came, each time it has been a while.
    pub(super) fn take_quiet(&mut self, now: Instant) -> Option<Duration> {
        if !self.is_expected() || now < self.quiet_at {
            return None;
        }
        self.quiet_at = now + QUIET_AFTER;
        Some(now.saturating_duration_since(self.heard_at))
    }

    /// Sends the RTCP report that is due.
    pub(super) fn report(&mut self, leg: LegId, common: &mut Common, now: Instant) {
        if !is_due(self.session.poll_timeout(), now) {
            return;
        }
        let wall = common.wall(now);
        self.send_rtcp(leg, common, |session, room| {
            session.write_rtcp(wall, now, room)
        });
    }

    /// Sends the sound of a tick, in as many packets as that makes.
    pub(super) fn send(
        &mut self,
        leg: LegId,
        payload: &[u8],
        outbox: &mut Outbox,
        counters: &mut Counters,
    ) {
        let Some(to) = self.target().filter(|_| self.armour.is_ready()) else {
            return self.skip();
        };
        let (session, armour) = (&mut self.session, &mut self.armour);
        self.packer.pack(payload, |packet| {
            let Ok(room) = outbox.room() else {
                session.skip_tick();
                return counters.count(Counter::OutboxFull);
            };
            let len = session.write_rtp(packet, room);
            let len = armour.seal_rtp(room, len);
            outbox.commit(SocketId::Rtp(leg), *to.expose(), len);
        });
    }

    /// Returns when [`Self::take_quiet`], [`Self::report`] or [`Self::handle_timeout`] is next due, or earlier.
    pub(super) fn poll_timeout(&self) -> Instant {
        let report = self.session.poll_timeout();
        let handshake = self.handshake.as_ref().and_then(|it| it.poll_timeout());
        let others = [report, handshake].into_iter().flatten();
        others.fold(self.quiet_at, Instant::min)
    }

    /// Tells whether packets go where they came from, instead of where the SDP said.
    pub(super) const fn is_latched(&self) -> bool {
        self.latch.at().is_some()
    }

    /// Returns the session in numbers.
    pub(super) fn stats(&self) -> SessionStats {
        self.session.stats()
    }

    /// Lets a tick pass without a packet.
    pub(super) fn skip(&mut self) {
        let tick = self.media.format.codec.ticks();
        self.session.skip_ticks(self.packer.drop_held() + tick);
    }

    /// Says goodbye in RTCP and DTLS.
    pub(super) fn close(&mut self, leg: LegId, common: &mut Common, now: Instant) {
        if let Some(handshake) = &mut self.handshake {
            handshake.close(&mut common.handshakes, now);
            self.flush(leg, common);
        }
        let wall = common.wall(now);
        self.send_rtcp(leg, common, |session, room| {
            session.write_bye(wall, now, room)
        });
    }

    /// Tells whether the phone has put us on hold.
    pub(super) const fn is_on_hold(&self) -> bool {
        !self.media.sends
    }

    /// Tells whether packets go to the phone. They do as soon as an address is known, and keys where it needs any; and
    /// while it holds the call they are silence: exchanges and routers on the way take a path without packets for dead.
    pub(super) const fn is_sending(&self) -> bool {
        self.target().is_some() && self.armour.is_ready()
    }

    /// Tells whether packets should come from the phone.
    const fn is_expected(&self) -> bool {
        self.media.receives && self.media.sends
    }

    /// RFC 5761: RTP and RTCP on one port.
    fn is_multiplexed(&self) -> bool {
        self.media.remote == self.media.remote_rtcp
    }

    /// Where RTP goes.
    const fn target(&self) -> Option<Pii<SocketAddr>> {
        match self.latch.at() {
            Some(at) => Some(at),
            None => self.destination,
        }
    }

    /// Where RTCP goes: beside the RTP, on the port that the SDP names.
    fn report_target(&self) -> Option<Pii<SocketAddr>> {
        let named = self.media.remote_rtcp;
        let target = match self.latch.at() {
            None => named,
            Some(at) if self.is_multiplexed() => at,
            Some(at) => Pii::new(SocketAddr::new(at.expose().ip(), named.expose().port())),
        };
        reachable(target)
    }

    /// Tells whether RTCP on its own port may come from there.
    fn reports_from(&self, from: SocketAddr) -> bool {
        let beside = |at: Pii<SocketAddr>| canonical(at.expose().ip()) == canonical(from.ip());
        same(from, *self.media.remote_rtcp.expose()) || self.latch.at().is_some_and(beside)
    }

    fn handle_rtp<'a>(
        &mut self,
        from: SocketAddr,
        bytes: &'a mut [u8],
        now: Instant,
    ) -> Result<Received<'a>, Discard> {
        let len = self.armour.open_rtp(bytes, now)?;
        let plain = &bytes[..len];
        if self.latch.is_on() {
            self.latch.heard(&Packet::parse(plain)?, from, now);
        }
        self.receive(plain, now)
    }

    /// Takes a packet from where none is expected, if it proves to be the phone's.
    fn handle_candidate<'a>(
        &mut self,
        from: SocketAddr,
        bytes: &'a mut [u8],
        now: Instant,
    ) -> Inbound<'a> {
        if is_rtcp(bytes) || !self.armour.is_ready() {
            return Inbound::Foreign;
        }
        let opened = self.armour.open_rtp(bytes, now);
        let plain = match opened {
            Ok(len) => &bytes[..len],
            Err(discard) => return Inbound::Media(Err(discard)),
        };
        let Ok(packet) = Packet::parse(plain) else {
            return Inbound::Media(Err(Discard::Malformed));
        };
        if self.armour.proves() {
            self.latch.follow_proven(&packet, from, now);
        } else if self.codec(packet.payload_type).is_none()
            || !self.latch.follow_plain(&packet, from, now)
        {
            return Inbound::Foreign;
        }
        Inbound::Media(self.receive(plain, now))
    }

    fn receive<'a>(&mut self, plain: &'a [u8], now: Instant) -> Result<Received<'a>, Discard> {
        let received = self.session.handle_rtp(plain, now)?;
        self.heard_at = now;
        self.quiet_at = now + QUIET_AFTER;
        Ok(received)
    }

    fn handle_rtcp(
        &mut self,
        bytes: &mut [u8],
        now: Instant,
    ) -> Result<Received<'static>, Discard> {
        let len = self.armour.open_rtcp(bytes, now)?;
        // A goodbye of the source is not the end of the call: SIP says that.
        self.session.handle_rtcp(&bytes[..len], now)?;
        Ok(Received::Nothing { silent: None })
    }

    /// Makes ready for how the media is protected.
    fn protect(
        &mut self,
        security: &Security,
        context: &SecureContext,
        now: Instant,
    ) -> Result<(), Gone> {
        match security {
            Security::Plain => self.armour = Armour::Plain,
            Security::Sdes(sdes) => {
                let rekeyed = self
                    .armour
                    .rekey(sdes.profile, &sdes.ours, &sdes.theirs, now);
                match rekeyed.map_err(|_| Gone::Failed)? {
                    Sending::GoesOn => {}
                    Sending::BeginsAnew => {
                        self.identity.renew();
                        let first = self.identity.low_sequence();
                        self.session.begin_anew(self.identity.ssrc, first);
                    }
                }
            }
            Security::Dtls(peer) => {
                self.armour = Armour::Keyless;
                self.handshake = Some(Box::new(Handshake::new(peer, context)));
            }
        }
        Ok(())
    }

    fn handle_dtls(&mut self, leg: LegId, bytes: &[u8], common: &mut Common, now: Instant) {
        if let Some(handshake) = &mut self.handshake {
            let outcome = handshake.handle(bytes, &mut common.handshakes, now);
            self.follow(leg, outcome, common, now);
        }
    }

    /// Sends what the handshake has to send and draws the consequences of its progress.
    fn follow(&mut self, leg: LegId, outcome: Outcome, common: &mut Common, now: Instant) {
        self.flush(leg, common);
        match outcome {
            Outcome::Nothing => {}
            Outcome::Dropped => common.counters.count(Counter::DtlsDropped),
            Outcome::Keys(keys) => {
                let keyed = self
                    .armour
                    .rekey(keys.profile, &keys.ours, &keys.theirs, now);
                match keyed {
                    // Both keys of a handshake are new.
                    Ok(Sending::GoesOn | Sending::BeginsAnew) => {
                        common.tell(Event::Connected { leg })
                    }
                    Err(_) => common.gone.push((leg, Gone::Failed)),
                }
            }
            Outcome::Gone(reason) => common.gone.push((leg, reason)),
        }
    }

    fn flush(&mut self, leg: LegId, common: &mut Common) {
        let Some(handshake) = &mut self.handshake else {
            return;
        };
        while let Some(bytes) = handshake.poll_transmit() {
            let Some(to) = self.destination else { continue };
            let pushed = common.outbox.push(SocketId::Rtp(leg), *to.expose(), &bytes);
            if pushed.is_err() {
                common.counters.count(Counter::OutboxFull);
            }
        }
    }

    fn send_rtcp(
        &mut self,
        leg: LegId,
        common: &mut Common,
        write: impl FnOnce(&mut Session, &mut [u8]) -> usize,
    ) {
        let is_beside = !self.is_multiplexed();
        if is_beside && self.handshake.is_some() {
            return;
        }
        let Some(to) = self.report_target() else {
            return;
        };
        let socket = if is_beside {
            SocketId::Rtcp(leg)
        } else {
            SocketId::Rtp(leg)
        };
        let (session, armour) = (&mut self.session, &mut self.armour);
        common.send(socket, *to.expose(), |room| {
            let len = write(session, room);
            armour.seal_rtcp(room, len)
        });
    }
}

fn rtp_format(media: &PhoneMedia, packer: &Packer) -> rtp::Format {
    let format = &media.format;
    rtp::Format {
        payload_type: format.payload_type,
        telephone_event: format.telephone_event,
        clock_rate: format.codec.clock_rate(),
        ticks_per_packet: packer.ticks_per_packet(format.codec),
    }
}

fn expected(media: &PhoneMedia) -> Expected {
    let codecs = media.incoming.codecs.iter();
    let audio = codecs.fold(Expected::default(), |expected, (codec, number)| {
        expected.and_audio(*number, codec.clock_rate())
    });
    let events = media.incoming.events.iter();
    events.fold(audio, |expected, number| expected.and_events(*number))
}

/// RFC 7983: what begins so is DTLS.
fn is_dtls(bytes: &[u8]) -> bool {
    matches!(bytes.first(), Some(20..=63))
}

/// The address, unless it is that of `c=0.0.0.0` (the hold of RFC 2543) or its port is 0: such cannot be sent to.
fn reachable(address: Pii<SocketAddr>) -> Option<Pii<SocketAddr>> {
    let to = address.expose();
    (to.port() != 0 && !to.ip().is_unspecified()).then_some(address)
}

/// Compares address and port; scope and flow label are not part of what SDP says.
fn same(a: SocketAddr, b: SocketAddr) -> bool {
    canonical(a.ip()) == canonical(b.ip()) && a.port() == b.port()
}

const fn canonical(address: IpAddr) -> IpAddr {
    address.to_canonical()
}
