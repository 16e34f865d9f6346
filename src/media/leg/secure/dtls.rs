//! DTLS 1.2 as client (RFC 6347) for the keys of SRTP (RFC 5764), around `rtc-dtls`.
//!
//! The library is kept in lockstep: it gets a whole flight or nothing ([`Flights`]) and repeats its own only when told
//! so here. It gives up after seven repeats of a flight, therefore they are spread over the time a set-up may take.
//! Once the handshake is complete it sees protected alerts only, and all that is kept of the association is what it can
//! be brought back from for one alert: the library would keep every message of the handshake.

use std::{
    collections::VecDeque,
    fmt,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Instant,
};

use bytes::BytesMut;
use rtc_dtls::{
    config::HandshakeConfig,
    endpoint::{Endpoint, EndpointEvent},
};
use rtc_shared::TransportProtocol;
use sip::{
    redact::Secret,
    rtp::srtp::{Keys, Profile},
};

use super::{
    context::Resumption,
    fingerprint::Fingerprints,
    flight::{Admitted, Flights, is_sealed_alert},
};
use crate::limit::{FLIGHT_REPEAT_FIRST, FLIGHT_REPEAT_MAX, FLIGHT_REPEATS_MAX, REFUSAL_GRACE};

/// What a datagram or a timeout led to.
#[derive(Debug)]
pub(in crate::media::leg) enum Progress {
    /// Nothing for the caller.
    Nothing,
    /// The datagram was dropped unseen by the library.
    Dropped,
    /// The handshake is complete.
    Established(Box<Established>),
    /// The peer closed, or the handshake failed.
    Closed,
}

/// What a handshake yields.
#[derive(Debug)]
pub(in crate::media::leg) struct Established {
    pub(in crate::media::leg) profile: Profile,
    pub(in crate::media::leg) ours: Keys,
    pub(in crate::media::leg) theirs: Keys,
}

/// The DTLS association of a leg.
pub(in crate::media::leg) struct Dtls {
    fingerprints: Fingerprints,
    resumption: Arc<Resumption>,
    state: State,
    transmits: VecDeque<Vec<u8>>,
}

enum State {
    Idle(Arc<HandshakeConfig>),
    Handshaking(Box<Handshaking>),
    /// What the association can be brought back from.
    Established(Secret<Vec<u8>>),
    Closed,
}

struct Handshaking {
    endpoint: Endpoint,
    flights: Flights,
    /// When our flight was last sent, and how often it was repeated.
    sent: Instant,
    repeats: u32,
    /// When to give up because the peer seems to refuse.
    refused_until: Option<Instant>,
}

impl Dtls {
    /// Without a configuration the association is closed from the start.
    pub(in crate::media::leg) fn new(
        config: Option<HandshakeConfig>,
        resumption: Arc<Resumption>,
        fingerprints: Fingerprints,
    ) -> Self {
        Self {
            fingerprints,
            resumption,
            state: config.map_or(State::Closed, |config| State::Idle(Arc::new(config))),
            transmits: VecDeque::new(),
        }
    }

    /// Tells whether the handshake has yet to begin.
    pub(in crate::media::leg) const fn is_idle(&self) -> bool {
        matches!(self.state, State::Idle(_))
    }

    /// Sends the first flight.
    pub(in crate::media::leg) fn start(&mut self, now: Instant) -> Progress {
        let State::Idle(config) = &self.state else {
            return Progress::Nothing;
        };
        let mut endpoint = endpoint();
        let connected = endpoint.connect(now, KEY, Arc::clone(config), None).is_ok();
        gather(&mut endpoint, &mut self.transmits);
        self.state = State::Handshaking(Box::new(Handshaking {
            endpoint,
            flights: Flights::new(self.fingerprints.clone()),
            sent: now,
            repeats: 0,
            refused_until: None,
        }));
        if connected {
            Progress::Nothing
        } else {
            self.closed()
        }
    }

    /// Takes a datagram from the nominated path.
    pub(in crate::media::leg) fn handle(&mut self, datagram: &[u8], now: Instant) -> Progress {
        let handshake = match &mut self.state {
            State::Handshaking(handshake) => handshake,
            State::Established(_) if is_sealed_alert(datagram) => {
                return self.read_alert(datagram, now);
            }
            State::Idle(_) | State::Established(_) | State::Closed => return Progress::Dropped,
        };
        let admitted = handshake.flights.handle(datagram);
        if handshake.flights.take_suspicion() && handshake.refused_until.is_none() {
            handshake.refused_until = Some(now + REFUSAL_GRACE);
        }
        match admitted {
            Admitted::Nothing => Progress::Dropped,
            // RFC 6347 §4.2.4: the peer repeats because our answer was lost. A forged repeat may not use up our own.
            Admitted::Repeated if now >= handshake.sent + handshake.interval() / 4 => {
                self.repeat(now)
            }
            Admitted::Repeated => Progress::Dropped,
            Admitted::Flight(flight) => {
                handshake.sent = now;
                handshake.repeats = 0;
                handshake.refused_until = None;
                self.read(&flight, now)
            }
            Admitted::Last(records) => self.read(&records, now),
        }
    }

    /// Repeats our flight or gives up, where that is due.
    pub(in crate::media::leg) fn handle_timeout(&mut self, now: Instant) -> Progress {
        let State::Handshaking(handshake) = &self.state else {
            return Progress::Nothing;
        };
        if handshake.refused_until.is_some_and(|until| now >= until) {
            return self.closed();
        }
        if handshake.repeat_at().is_some_and(|at| now >= at) {
            return self.repeat(now);
        }
        Progress::Nothing
    }

    /// Returns when [`Self::handle_timeout`] is next due.
    pub(in crate::media::leg) fn poll_timeout(&self) -> Option<Instant> {
        let State::Handshaking(handshake) = &self.state else {
            return None;
        };
        [handshake.refused_until, handshake.repeat_at()]
            .into_iter()
            .flatten()
            .min()
    }

    /// Takes the next datagram to send.
    pub(in crate::media::leg) fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        self.transmits.pop_front()
    }

    /// Says goodbye, where there is somebody to say it to.
    pub(in crate::media::leg) fn close(&mut self, now: Instant) {
        if let Some(mut endpoint) = self.bring_back(now) {
            // Nothing to do about a failure: the association ends in either case.
            let _ = endpoint.close(now);
            gather(&mut endpoint, &mut self.transmits);
        }
        self.state = State::Closed;
    }

    fn repeat(&mut self, now: Instant) -> Progress {
        let State::Handshaking(handshake) = &mut self.state else {
            return Progress::Nothing;
        };
        if handshake.repeats == FLIGHT_REPEATS_MAX {
            return Progress::Nothing;
        }
        handshake.repeats += 1;
        handshake.sent = now;
        let Some(timer) = handshake.endpoint.poll_timeout(&KEY) else {
            return Progress::Nothing;
        };
        let repeated = handshake.endpoint.handle_timeout(KEY, now.max(timer));
        gather(&mut handshake.endpoint, &mut self.transmits);
        match repeated {
            Ok(()) => Progress::Nothing,
            Err(_) => self.closed(),
        }
    }

    fn read(&mut self, datagram: &[u8], now: Instant) -> Progress {
        let State::Handshaking(handshake) = &mut self.state else {
            return Progress::Nothing;
        };
        let endpoint = &mut handshake.endpoint;
        let read = endpoint.read(now, KEY, None, BytesMut::from(datagram));
        gather(endpoint, &mut self.transmits);
        let Ok(events) = read else {
            return self.closed();
        };
        let complete = |event: &EndpointEvent| matches!(event, EndpointEvent::HandshakeComplete);
        if !events.iter().any(complete) {
            return Progress::Nothing;
        }
        match (keys(endpoint, &self.fingerprints), keep(endpoint)) {
            (Some(keys), Some(kept)) => {
                self.state = State::Established(kept);
                Progress::Established(Box::new(keys))
            }
            _ => self.closed(),
        }
    }

    /// Only what was decrypted gets an answer from the library: an alert that closes or an error that says it is fatal.
    fn read_alert(&mut self, datagram: &[u8], now: Instant) -> Progress {
        let Some(mut endpoint) = self.bring_back(now) else {
            return Progress::Dropped;
        };
        let read = endpoint.read(now, KEY, None, BytesMut::from(datagram));
        gather(&mut endpoint, &mut self.transmits);
        match read {
            Ok(events) if !events.is_empty() => self.closed(),
            Err(rtc_shared::error::Error::ErrAlertFatalOrClose) => self.closed(),
            Ok(_) | Err(_) => {
                // What it may have sent counts: no record number is used twice.
                if let Some(kept) = keep(&endpoint) {
                    self.state = State::Established(kept);
                }
                Progress::Dropped
            }
        }
    }

    /// Brings the association back as the library knows it, where it is established.
    fn bring_back(&self, now: Instant) -> Option<Endpoint> {
        let State::Established(kept) = &self.state else {
            return None;
        };
        let state = self.resumption.state(kept)?;
        let config = self.resumption.config();
        let mut endpoint = endpoint();
        endpoint.connect(now, KEY, config, Some(state)).ok()?;
        Some(endpoint)
    }

    fn closed(&mut self) -> Progress {
        self.state = State::Closed;
        Progress::Closed
    }
}

impl Handshaking {
    /// How long to wait for an answer before our flight is repeated.
    fn interval(&self) -> std::time::Duration {
        (FLIGHT_REPEAT_FIRST * (1 << self.repeats)).min(FLIGHT_REPEAT_MAX)
    }

    fn repeat_at(&self) -> Option<Instant> {
        (self.repeats < FLIGHT_REPEATS_MAX).then(|| self.sent + self.interval())
    }
}

fn endpoint() -> Endpoint {
    Endpoint::new(KEY, TransportProtocol::UDP, None)
}

/// Takes what the library has to send.
fn gather(endpoint: &mut Endpoint, transmits: &mut VecDeque<Vec<u8>>) {
    while let Some(transmit) = endpoint.poll_transmit() {
        transmits.push_back(transmit.message.to_vec());
    }
}

/// Returns what an established association can be brought back from.
fn keep(endpoint: &Endpoint) -> Option<Secret<Vec<u8>>> {
    let state = endpoint.get_connection_state(KEY)?;
    Some(Secret::new(state.marshal_binary().ok()?))
}

fn keys(endpoint: &Endpoint, fingerprints: &Fingerprints) -> Option<Established> {
    let state = endpoint.get_connection_state(KEY)?;
    // The library asked the same before; keys without a matching certificate would let anybody in.
    if !fingerprints.match_one(state.peer_certificates.first()?) {
        return None;
    }
    let profile = Profile::from_dtls_id(state.srtp_protection_profile() as u16)?;
    let material = state
        .export_keying_material(EXPORTER, &[], profile.keying_material_len())
        .ok()?;
    let (ours, theirs) = profile.derive(material.as_ref(), true).ok()?;
    Some(Established {
        profile,
        ours,
        theirs,
    })
}

impl fmt::Debug for Dtls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.state {
            State::Idle(_) => "Idle",
            State::Handshaking(_) => "Handshaking",
            State::Established(_) => "Established",
            State::Closed => "Closed",
        })
    }
}

/// The library keys its one association by an address; a constant one outlives a change of the nominated path.
const KEY: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9);
/// RFC 5764 §4.2.
const EXPORTER: &str = "EXTRACTOR-dtls_srtp";
