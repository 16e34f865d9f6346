//! A telephone's transport: plain RTP and RTCP between our sockets and the addresses its SDP names.
//!
//! Packets are taken from those addresses only, so that a stranger who finds the port can neither be heard nor disturb.

use std::{
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};

use rand::{Rng, RngExt};
use sip::{
    redact::Pii,
    rtp::{self, Discard, Received, Session, SessionConfig, session::SessionStats},
};

use super::is_due;
use crate::{
    id::LegId,
    limit::QUIET_AFTER,
    media::{
        api::{Format, PhoneMedia},
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
    session: Session,
    /// Where packets go: the last address SDP named that can be sent to.
    destination: Option<Pii<SocketAddr>>,
    /// When the last packet came, or since when one should come.
    heard_at: Instant,
    quiet_at: Instant,
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
}

impl Phone {
    pub(super) fn new(media: PhoneMedia, identity: Identity, now: Instant) -> Self {
        let config = SessionConfig {
            ssrc: identity.ssrc,
            first_sequence: identity.sequence,
            first_timestamp: identity.timestamp,
            format: rtp_format(&media.format),
            audio_level: None,
            redundant: None,
            cname: identity.cname,
            seed: identity.seed,
        };
        Self {
            media,
            session: Session::new(config, now),
            destination: reachable(media.remote),
            heard_at: now,
            quiet_at: now + QUIET_AFTER,
        }
    }

    /// Tells whether a datagram comes from where the SDP says.
    pub(super) fn accepts(&self, socket: SocketId, from: SocketAddr) -> bool {
        match socket {
            SocketId::Rtp(_) => same(from, *self.media.remote.expose()),
            SocketId::Rtcp(_) => same(from, *self.media.remote_rtcp.expose()),
            SocketId::Browser(_) => false,
        }
    }

    /// Takes a datagram that [`Self::accepts`] lets pass.
    pub(super) fn handle_datagram<'a>(
        &mut self,
        socket: SocketId,
        bytes: &'a [u8],
        now: Instant,
    ) -> Result<Received<'a>, Discard> {
        if matches!(socket, SocketId::Rtcp(_)) || (self.is_multiplexed() && is_rtcp(bytes)) {
            return self
                .session
                .handle_rtcp(bytes, now)
                .map(|_| Received::Nothing { silent: None });
        }
        let received = self.session.handle_rtp(bytes, now)?;
        self.heard_at = now;
        self.quiet_at = now + QUIET_AFTER;
        Ok(received)
    }

    /// Changes the media; sequence numbers and media time go on.
    pub(super) fn update(&mut self, media: PhoneMedia, now: Instant) {
        if media.format != self.media.format {
            self.session.reconfigure(rtp_format(&media.format));
        }
        let expected = self.is_expected();
        self.media = media;
        self.destination = reachable(media.remote).or(self.destination);
        if self.is_expected() && !expected {
            self.heard_at = now;
            self.quiet_at = now + QUIET_AFTER;
        }
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

    /// Sends one packet of audio.
    pub(super) fn send(
        &mut self,
        leg: LegId,
        payload: &[u8],
        outbox: &mut Outbox,
        counters: &mut Counters,
    ) {
        let Some(to) = self.destination else {
            return self.skip();
        };
        let Ok(room) = outbox.room() else {
            self.session.skip_tick();
            counters.count(Counter::OutboxFull);
            return;
        };
        let len = self.session.write_rtp(payload, room);
        outbox.commit(SocketId::Rtp(leg), *to.expose(), len);
    }

    /// Returns when [`Self::take_quiet`] or [`Self::report`] is next due, or earlier.
    pub(super) fn poll_timeout(&self) -> Instant {
        let report = self.session.poll_timeout();
        report.map_or(self.quiet_at, |report| report.min(self.quiet_at))
    }

    /// Returns the session in numbers.
    pub(super) fn stats(&self) -> SessionStats {
        self.session.stats()
    }

    /// Lets a tick pass without a packet.
    pub(super) fn skip(&mut self) {
        self.session.skip_tick();
    }

    /// Says goodbye in RTCP.
    pub(super) fn close(&mut self, leg: LegId, common: &mut Common, now: Instant) {
        let wall = common.wall(now);
        self.send_rtcp(leg, common, |session, room| {
            session.write_bye(wall, now, room)
        });
    }

    /// Tells whether the phone has put us on hold.
    pub(super) const fn is_on_hold(&self) -> bool {
        !self.media.sends
    }

    /// Tells whether packets go to the phone. They do as soon as an address is known, and while it holds the call they
    /// are silence: exchanges and routers on the way take a path without packets for dead.
    pub(super) const fn is_sending(&self) -> bool {
        self.destination.is_some()
    }

    /// Tells whether packets should come from the phone.
    const fn is_expected(&self) -> bool {
        self.media.receives && self.media.sends
    }

    /// RFC 5761: RTP and RTCP on one port.
    fn is_multiplexed(&self) -> bool {
        self.media.remote == self.media.remote_rtcp
    }

    fn send_rtcp(
        &mut self,
        leg: LegId,
        common: &mut Common,
        write: impl FnOnce(&mut Session, &mut [u8]) -> usize,
    ) {
        let Some(to) = reachable(self.media.remote_rtcp) else {
            return;
        };
        let socket = if self.is_multiplexed() {
            SocketId::Rtp(leg)
        } else {
            SocketId::Rtcp(leg)
        };
        let session = &mut self.session;
        common.send(socket, *to.expose(), |room| write(session, room));
    }
}

fn rtp_format(format: &Format) -> rtp::Format {
    rtp::Format {
        payload_type: format.payload_type,
        telephone_event: format.telephone_event,
        clock_rate: format.codec.clock_rate(),
        ticks_per_packet: format.codec.ticks(),
    }
}

/// RFC 5761 §4: packet types 192 to 223 are RTCP.
fn is_rtcp(bytes: &[u8]) -> bool {
    bytes.get(1).is_some_and(|kind| (192..=223).contains(kind))
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
