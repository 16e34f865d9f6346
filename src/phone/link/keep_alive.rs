//! Keep-alives, and what their answers say of a connection (RFC 5626 §3.5.1, §4.4.1).

use std::time::{Duration, Instant};

use sip::Flow;

use super::{Duty, Effect, Link, State};
use crate::limit::{
    LINK_KEEP_ALIVE_DATAGRAM, LINK_KEEP_ALIVE_DATAGRAM_SPREAD, LINK_KEEP_ALIVE_STREAM,
    LINK_PONG_WITHIN,
};

/// What is known of how the server answers keep-alives over a connection (RFC 5626 §3.5.1). Not every server does, so only
/// of one that has answered before, over the same connection, it means anything that it does not (§4.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pong {
    /// It has answered none.
    Unknown,
    /// It was sent one and has never answered; until then an answer would be one.
    Hoped { until: Instant },
    /// It answers.
    Known,
    /// It answers, and must by then.
    Due { until: Instant },
}

impl Pong {
    /// Until when an answer must come.
    pub(super) const fn due(self) -> Option<Instant> {
        match self {
            Self::Due { until } => Some(until),
            Self::Unknown | Self::Hoped { .. } | Self::Known => None,
        }
    }
}

impl Link {
    /// Takes it that something came over a connection; `is_pong` says that it can be an answer to a keep-alive.
    pub(in crate::phone) fn heard(&mut self, flow: Flow, is_pong: bool, now: Instant) {
        let State::Up { pong, .. } = &mut self.state else {
            return;
        };
        if self.flow != Some(flow) {
            return;
        }
        match *pong {
            Pong::Hoped { until } if is_pong && now < until => *pong = Pong::Known,
            // Whatever comes proves that the connection lives.
            Pong::Due { .. } => *pong = Pong::Known,
            Pong::Unknown | Pong::Hoped { .. } | Pong::Known => {}
        }
    }

    pub(super) fn keep_alive(&mut self, now: Instant) {
        let Some(flow) = self.flow else {
            return;
        };
        // Datagrams keep a translator's mapping, which matters only to who is to be called over it.
        if flow.protocol.is_stream() || matches!(self.upkeep.duty, Duty::Register(_)) {
            self.effects.push_back(Effect::KeepAlive(flow));
        }
        let next = now + self.keep_alive_interval(flow);
        if let State::Up {
            keep_alive_at,
            pong,
            ..
        } = &mut self.state
        {
            *keep_alive_at = next;
            let until = now + LINK_PONG_WITHIN;
            match *pong {
                _ if !flow.protocol.is_stream() => {}
                Pong::Unknown | Pong::Hoped { .. } => *pong = Pong::Hoped { until },
                Pong::Known => *pong = Pong::Due { until },
                Pong::Due { .. } => {}
            }
        }
    }

    /// The server answers keep-alives and has not answered the last: the connection leads nowhere any more.
    pub(super) fn give_up_flow(&mut self, now: Instant) {
        if let Some(flow) = self.flow {
            self.effects.push_back(Effect::Close(flow));
            self.closed(flow, now);
        }
    }

    pub(super) fn keep_alive_interval(&mut self, flow: Flow) -> Duration {
        if flow.protocol.is_stream() {
            return self.spread(LINK_KEEP_ALIVE_STREAM * 4 / 5, LINK_KEEP_ALIVE_STREAM);
        }
        let least = LINK_KEEP_ALIVE_DATAGRAM;
        self.spread(least, least + LINK_KEEP_ALIVE_DATAGRAM_SPREAD)
    }
}
