//! Bytes in, bytes out, calls as events: the user agent that takes calls (RFC 3261), without sockets and told the time.

mod api;

use std::time::Instant;

pub use api::{
    CallRef, Caller, Command, Counters, Ended, EndpointConfig, Event, Flow, Limits, Protocol,
    Scheme, Target, Transmit,
};

/// The SIP user agent: transactions, dialogs and INVITE usages of all peers.
///
/// After each `handle_*`, drain `poll_transmit`, `poll_event` and `poll_close`, then sleep until `poll_timeout`.
#[derive(Debug)]
pub struct Endpoint {
    counters: Counters,
}

impl Endpoint {
    /// Makes an endpoint without calls.
    pub fn new(_config: EndpointConfig) -> Self {
        Self {
            counters: Counters::default(),
        }
    }

    /// Takes one datagram.
    pub fn handle_datagram(&mut self, _flow: Flow, _bytes: &[u8], _now: Instant) {}

    /// Takes octets of a stream connection.
    pub fn handle_stream(&mut self, _flow: Flow, _bytes: &[u8], _now: Instant) {}

    /// Learns that a stream connection is gone.
    pub fn handle_closed(&mut self, _flow: Flow, _now: Instant) {}

    /// Obeys the door.
    pub fn handle(&mut self, _command: Command, _now: Instant) {}

    /// Fires the timers that are due.
    pub fn handle_timeout(&mut self, _now: Instant) {}

    /// Returns the next message to send.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        None
    }

    /// Returns the next thing the door must know.
    pub fn poll_event(&mut self) -> Option<Event> {
        None
    }

    /// Returns the next stream connection to close.
    pub fn poll_close(&mut self) -> Option<Flow> {
        None
    }

    /// Returns when `handle_timeout` wants to be called next.
    pub fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    /// Returns what was counted so far.
    pub fn counters(&self) -> Counters {
        self.counters
    }
}
