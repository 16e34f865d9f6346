//! Where a telephone's media comes from and goes to, where that may be elsewhere than its SDP says.
//!
//! A telephone behind an address translator names an address that nobody outside can reach. If its trunk allows it, the
//! leg then answers where the telephone's packets come from. That is what somebody who sprays packets at our ports waits
//! for, so the address moves by these rules only:
//!
//! 1. Without a latch there is the address of the SDP and no other. With one, too, who is heard from there is answered
//!    there.
//! 2. Protected media moves it by a packet that proves to be the peer's and is newer than all before.
//! 3. Plain media moves it from the trunk's networks only: at once where the SDP names an address for the first time or
//!    another one, before anybody was heard there; later after two seconds of silence, by the same source in continuing
//!    sequence, or by any source if since then something else was agreed. Those seconds begin anew with what was agreed, so
//!    that who was heard before comes first.
//!    What still comes from where media went before another address was agreed moves nothing for those two seconds.
//! 4. An offer and answer that change nothing, as those that refresh a session, open nothing: a neighbour who sprays would
//!    have a chance at each of them.
//! 5. RTCP moves nothing.

use std::{net::SocketAddr, time::Instant};

use sip::{limit::RTP_DROPOUT_MAX, redact::Pii, rtp::Packet};

use super::same;
use crate::{
    limit::{LATCH_SILENCE, LATCH_TRIES_PER_TICK},
    media::api::Nat,
};

/// The address of a leg's media beside the one its SDP names.
#[derive(Debug)]
pub(super) struct Latch {
    nat: Nat,
    /// Where it has moved to.
    at: Option<Pii<SocketAddr>>,
    /// Plain media may move it at once.
    free: bool,
    /// Something else was agreed and nobody was heard since: after silence plain media of any source may move it.
    renewed: bool,
    /// Source and sequence number of the newest packet.
    newest: Option<(u32, u16)>,
    /// Where media went before another address was agreed, and until when what still comes from there moves nothing.
    left: Option<(Pii<SocketAddr>, Instant)>,
    /// When the last packet came, or since when one may.
    heard_at: Instant,
    /// Packets from elsewhere that may still be tried in this tick.
    tries: u8,
}

/// What an offer and answer change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Renewal {
    /// Nothing: they refresh the session, or hold the call.
    Nothing,
    /// Something, but not where media goes.
    Terms,
    /// Where media goes.
    Address,
}

/// From whom a packet comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// From where media is expected.
    Named,
    /// From where it may come if it proves itself.
    Candidate,
    /// From anybody else.
    Foreign,
}

impl Latch {
    pub(super) const fn new(nat: Nat, now: Instant) -> Self {
        Self {
            nat,
            at: None,
            free: true,
            renewed: false,
            newest: None,
            left: None,
            heard_at: now,
            tries: LATCH_TRIES_PER_TICK,
        }
    }

    /// Returns where it has moved to, if it has.
    pub(super) const fn at(&self) -> Option<Pii<SocketAddr>> {
        self.at
    }

    /// Tells whether media may come from elsewhere than the SDP says.
    pub(super) fn is_on(&self) -> bool {
        self.nat != Nat::No
    }

    /// Begins a tick.
    pub(super) const fn allow_tries(&mut self) {
        self.tries = LATCH_TRIES_PER_TICK;
    }

    /// A new offer and answer stand; `before` is where the SDP had media go.
    pub(super) fn renew(
        &mut self,
        (nat, before): (Nat, Option<Pii<SocketAddr>>),
        renewal: Renewal,
        now: Instant,
    ) {
        match renewal {
            Renewal::Nothing => {}
            Renewal::Terms => {
                self.renewed = true;
                self.heard_at = now;
            }
            Renewal::Address => {
                self.free = true;
                let left = self.at.take().or(before);
                self.left = left.map(|left| (left, now + LATCH_SILENCE));
            }
        }
        if nat == Nat::No {
            self.at = None;
        }
        self.nat = nat;
    }

    /// Judges where a packet of RTP comes from; `named` is the SDP's address.
    pub(super) fn judge(&mut self, from: SocketAddr, named: SocketAddr) -> Source {
        let is_here = |at: Pii<SocketAddr>| same(from, *at.expose());
        if same(from, named) || self.at.is_some_and(is_here) {
            return Source::Named;
        }
        if !self.is_on() || self.tries == 0 {
            return Source::Foreign;
        }
        self.tries -= 1;
        Source::Candidate
    }

    /// Notes a packet that was expected where it came from.
    pub(super) fn heard(&mut self, packet: &Packet<'_>, from: SocketAddr, now: Instant) {
        if self.is_newer(packet) {
            self.newest = Some((packet.ssrc, packet.sequence));
            self.at = self.at.filter(|at| same(from, *at.expose()));
        }
        self.settle(now);
    }

    /// Moves to where a packet came from that has proved to be the peer's.
    pub(super) fn follow_proven(&mut self, packet: &Packet<'_>, from: SocketAddr, now: Instant) {
        if self.is_newer(packet) {
            self.move_to(packet, from, now);
        }
    }

    /// Moves to where a plain packet with sound came from, if the rules allow it; tells whether they do.
    pub(super) fn follow_plain(
        &mut self,
        packet: &Packet<'_>,
        from: SocketAddr,
        now: Instant,
    ) -> bool {
        let Nat::Latch(networks) = &self.nat else {
            return false;
        };
        let has_left =
            |(left, until): (Pii<SocketAddr>, Instant)| now < until && same(from, *left.expose());
        if self.left.is_some_and(has_left) {
            return false;
        }
        let continues = self.newest.is_some_and(|(ssrc, sequence)| {
            let ahead = packet.sequence.wrapping_sub(sequence);
            ssrc == packet.ssrc && (1..=RTP_DROPOUT_MAX).contains(&ahead)
        });
        let silent = now.saturating_duration_since(self.heard_at) >= LATCH_SILENCE;
        let may = networks.iter().any(|network| network.contains(from.ip()))
            && (self.free || (silent && (continues || self.renewed)));
        if may {
            self.move_to(packet, from, now);
        }
        may
    }

    fn move_to(&mut self, packet: &Packet<'_>, from: SocketAddr, now: Instant) {
        self.at = Some(Pii::new(from));
        self.newest = Some((packet.ssrc, packet.sequence));
        self.settle(now);
    }

    const fn settle(&mut self, now: Instant) {
        self.free = false;
        self.renewed = false;
        self.heard_at = now;
    }

    fn is_newer(&self, packet: &Packet<'_>) -> bool {
        self.newest.is_none_or(|(ssrc, sequence)| {
            let ahead = packet.sequence.wrapping_sub(sequence);
            ssrc != packet.ssrc || (1..1 << 15).contains(&ahead)
        })
    }
}
