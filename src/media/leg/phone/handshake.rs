//! The DTLS handshake of a telephone (RFC 5763, 5764), in which we are the client.
//!
//! It begins with us and goes to the address that the SDP names; what comes from elsewhere is not for it. So there is no
//! ClientHello to be read, and nobody who finds the port can begin a handshake in the telephone's place.

use std::time::Instant;

use crate::{
    limit::{HALF_OPEN_RETRY, SETUP_EXPIRY},
    media::{
        api::{DtlsPeer, Gone},
        leg::secure::{
            Dtls, Established, Fingerprints, Handshakes, Place, Profiles, Progress, SecureContext,
        },
    },
};

/// A handshake, and the association that comes of it.
#[derive(Debug)]
pub(super) struct Handshake {
    dtls: Dtls,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// There is nowhere to send to yet.
    Unwanted,
    /// Wanted, but the shard has no place for it before the first instant; too late at the second.
    Waiting {
        at: Instant,
        until: Instant,
    },
    /// It runs; too late at the instant.
    Running {
        place: Place,
        until: Instant,
    },
    /// There are keys.
    Complete,
    Over,
}

/// What a datagram or the time led to.
#[derive(Debug)]
pub(super) enum Outcome {
    Nothing,
    /// The datagram was of no use.
    Dropped,
    /// The handshake is complete.
    Keys(Box<Established>),
    /// It failed, or the peer has ended the association.
    Gone(Gone),
}

impl Handshake {
    pub(super) fn new(peer: &DtlsPeer, context: &SecureContext) -> Self {
        let fingerprints = Fingerprints::new(peer.fingerprints.clone());
        // A telephone's library takes the first it knows of what it is offered, in its own order; there is no second try.
        let config = context.config(fingerprints.clone(), Profiles::All);
        Self {
            dtls: Dtls::new(config.ok(), context.resumption(), fingerprints),
            stage: Stage::Unwanted,
        }
    }

    /// Begins it, if it has not begun.
    pub(super) fn begin(&mut self, now: Instant) {
        if matches!(self.stage, Stage::Unwanted) {
            self.stage = Stage::Waiting {
                at: now,
                until: now + SETUP_EXPIRY,
            };
        }
    }

    /// Takes a datagram from the peer's address.
    pub(super) fn handle(
        &mut self,
        bytes: &[u8],
        handshakes: &mut Handshakes,
        now: Instant,
    ) -> Outcome {
        let progress = self.dtls.handle(bytes, now);
        self.follow(progress, handshakes)
    }

    /// Begins, repeats or gives up, where that is due.
    pub(super) fn handle_timeout(&mut self, handshakes: &mut Handshakes, now: Instant) -> Outcome {
        match self.stage {
            Stage::Waiting { until, .. } | Stage::Running { until, .. } if until <= now => {
                self.end(handshakes);
                Outcome::Gone(Gone::Closed)
            }
            Stage::Waiting { at, until } if at <= now => {
                let Some(place) = handshakes.begin(now) else {
                    let at = now + HALF_OPEN_RETRY;
                    self.stage = Stage::Waiting { at, until };
                    return Outcome::Nothing;
                };
                self.stage = Stage::Running { place, until };
                let progress = self.dtls.start(now);
                self.follow(progress, handshakes)
            }
            Stage::Running { .. } => {
                let progress = self.dtls.handle_timeout(now);
                self.follow(progress, handshakes)
            }
            Stage::Unwanted | Stage::Waiting { .. } | Stage::Complete | Stage::Over => {
                Outcome::Nothing
            }
        }
    }

    /// Returns when [`Self::handle_timeout`] is next due.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        match self.stage {
            Stage::Waiting { at, until } => Some(at.min(until)),
            Stage::Running { until, .. } => {
                Some(self.dtls.poll_timeout().map_or(until, |at| at.min(until)))
            }
            Stage::Unwanted | Stage::Complete | Stage::Over => None,
        }
    }

    /// Takes the next datagram to send.
    pub(super) fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        self.dtls.poll_transmit()
    }

    /// Ends the association; what is to be sent remains for [`Self::poll_transmit`].
    pub(super) fn close(&mut self, handshakes: &mut Handshakes, now: Instant) {
        self.dtls.close(now);
        self.end(handshakes);
    }

    fn follow(&mut self, progress: Progress, handshakes: &mut Handshakes) -> Outcome {
        match progress {
            Progress::Nothing => Outcome::Nothing,
            Progress::Dropped => Outcome::Dropped,
            Progress::Established(keys) => {
                self.end(handshakes);
                self.stage = Stage::Complete;
                Outcome::Keys(keys)
            }
            Progress::Closed => {
                self.end(handshakes);
                Outcome::Gone(Gone::Closed)
            }
        }
    }

    fn end(&mut self, handshakes: &mut Handshakes) {
        if let Stage::Running { place, .. } = self.stage {
            handshakes.end(place);
        }
        self.stage = Stage::Over;
    }
}
