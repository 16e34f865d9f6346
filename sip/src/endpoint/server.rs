//! Server transactions (RFC 3261 §17.2, with the Accepted state of RFC 6026), and the table of those that live.

use std::{collections::BTreeMap, time::Instant};

use super::{
    CallRef, Flow, Origin,
    request::{MergeKey, TransactionKey},
    timers::{Backoff, PATIENCE, T4},
    write::Wire,
};

/// The INVITE server transaction (figure 7 of RFC 6026).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum InviteServer {
    /// The door thinks; `provisional` answers retransmissions.
    Proceeding {
        /// 100 Trying.
        provisional: Wire,
    },
    /// A refusal waits for its ACK.
    Completed {
        /// The refusal.
        response: Wire,
        /// Timer G; streams need none.
        resend: Option<Backoff>,
        /// Timer H.
        until: Instant,
    },
    /// The ACK arrived; its retransmissions are absorbed until timer I.
    Confirmed {
        /// Timer I.
        until: Instant,
    },
    /// A 2xx was sent; retransmissions of the INVITE are absorbed until timer L. The call resends the 2xx.
    Accepted {
        /// Timer L.
        until: Instant,
    },
    /// Nothing is left to do.
    Terminated,
}

impl InviteServer {
    /// What to send when the INVITE arrives again.
    pub(crate) fn handle_invite(&self) -> Option<Wire> {
        match self {
            Self::Proceeding { provisional } => Some(provisional.clone()),
            Self::Completed { response, .. } => Some(response.clone()),
            Self::Confirmed { .. } | Self::Accepted { .. } | Self::Terminated => None,
        }
    }

    /// The user answers finally; `success` is a 2xx.
    pub(crate) fn handle_final(
        &mut self,
        success: bool,
        response: Wire,
        reliable: bool,
        now: Instant,
    ) {
        let until = now + PATIENCE;
        *self = if success {
            Self::Accepted { until }
        } else {
            Self::Completed {
                response,
                resend: (!reliable).then(|| Backoff::new(now)),
                until,
            }
        };
    }

    /// The ACK of a refusal arrived.
    pub(crate) fn handle_ack(&mut self, reliable: bool, now: Instant) {
        match self {
            Self::Completed { .. } if reliable => *self = Self::Terminated,
            Self::Completed { .. } => *self = Self::Confirmed { until: now + T4 },
            Self::Proceeding { .. }
            | Self::Confirmed { .. }
            | Self::Accepted { .. }
            | Self::Terminated => {}
        }
    }

    /// Fires timers; returns what to send again.
    pub(crate) fn handle_timeout(&mut self, now: Instant) -> Option<Wire> {
        match self {
            Self::Completed { until, .. }
            | Self::Confirmed { until }
            | Self::Accepted { until }
                if *until <= now =>
            {
                *self = Self::Terminated;
                None
            }
            Self::Completed {
                response,
                resend: Some(resend),
                ..
            } => resend.fires(now).then(|| response.clone()),
            Self::Completed { .. }
            | Self::Proceeding { .. }
            | Self::Confirmed { .. }
            | Self::Accepted { .. }
            | Self::Terminated => None,
        }
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        match self {
            Self::Completed { resend, until, .. } => {
                Some(resend.map_or(*until, |resend| resend.at().min(*until)))
            }
            Self::Confirmed { until } | Self::Accepted { until } => Some(*until),
            Self::Proceeding { .. } | Self::Terminated => None,
        }
    }
}

/// The non-INVITE server transaction (figure 8). Only an UPDATE waits for the door; every other request is answered at
/// once and passes through Trying on creation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NonInviteServer {
    /// The door thinks; retransmissions are absorbed.
    Trying,
    /// Retransmissions are answered until timer J.
    Completed {
        /// The answer.
        response: Wire,
        /// Timer J.
        until: Instant,
    },
}

impl NonInviteServer {
    /// The user has answered.
    pub(crate) fn answered(response: Wire, reliable: bool, now: Instant) -> Self {
        let until = if reliable { now } else { now + PATIENCE };
        Self::Completed { response, until }
    }

    /// What to send when the request arrives again.
    pub(crate) fn handle_request(&self) -> Option<Wire> {
        match self {
            Self::Trying => None,
            Self::Completed { response, .. } => Some(response.clone()),
        }
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        match self {
            Self::Trying => None,
            Self::Completed { until, .. } => Some(*until),
        }
    }
}

/// A server transaction in the table.
#[derive(Debug)]
pub(crate) struct Server {
    /// Where responses go.
    pub(crate) flow: Flow,
    /// Which of the two machines.
    pub(crate) machine: Machine,
    key: TransactionKey,
    merge: Option<MergeKey>,
}

impl Server {
    /// Whether the request began something: who sent it knows nothing yet that only we could have told.
    pub(crate) const fn begins(&self) -> bool {
        self.merge.is_some()
    }
}

/// One of the two machines.
#[derive(Debug)]
pub(crate) enum Machine {
    /// For INVITE.
    Invite {
        /// The machine.
        state: InviteServer,
        /// The call it belongs to.
        call: CallRef,
    },
    /// For everything else.
    Other(NonInviteServer),
}

/// All server transactions, by number, by what makes a request match, and by what makes it a merged one.
#[derive(Debug, Default)]
pub(crate) struct Servers {
    next: u64,
    all: BTreeMap<u64, Server>,
    by_key: BTreeMap<TransactionKey, u64>,
    by_merge: BTreeMap<MergeKey, u64>,
    by_origin: BTreeMap<Origin, usize>,
}

impl Servers {
    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    pub(crate) fn insert(
        &mut self,
        key: TransactionKey,
        merge: Option<MergeKey>,
        flow: Flow,
        machine: Machine,
    ) -> u64 {
        self.next += 1;
        let id = self.next;
        self.by_key.insert(key.clone(), id);
        if let Some(merge) = &merge {
            self.by_merge.insert(merge.clone(), id);
        }
        let server = Server {
            flow,
            machine,
            key,
            merge,
        };
        self.all.insert(id, server);
        *self.by_origin.entry(flow.origin()).or_default() += 1;
        id
    }

    /// How many there are of somebody.
    pub(crate) fn of(&self, origin: Origin) -> usize {
        self.by_origin.get(&origin).copied().unwrap_or_default()
    }

    pub(crate) fn find(&self, key: &TransactionKey) -> Option<u64> {
        self.by_key.get(key).copied()
    }

    /// Whether another branch of the same request is already being served (RFC 3261 §8.2.2.2).
    pub(crate) fn is_merged(&self, merge: &MergeKey) -> bool {
        self.by_merge.contains_key(merge)
    }

    pub(crate) fn get_mut(&mut self, id: u64) -> Option<&mut Server> {
        self.all.get_mut(&id)
    }

    /// The transactions over one connection.
    pub(crate) fn over(&self, flow: Flow) -> Vec<u64> {
        self.all
            .iter()
            .filter(|(_, server)| server.flow == flow)
            .map(|(id, _)| *id)
            .collect()
    }

    pub(crate) fn remove(&mut self, id: u64) {
        if let Some(server) = self.all.remove(&id) {
            self.by_key.remove(&server.key);
            let origin = server.flow.origin();
            match self.of(origin) {
                0 | 1 => self.by_origin.remove(&origin),
                more => self.by_origin.insert(origin, more - 1),
            };
            if let Some(merge) = server.merge {
                self.by_merge.remove(&merge);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::timers::{T1, T2};

    #[expect(
        clippy::disallowed_methods,
        reason = "the base instant of a simulated run"
    )]
    fn t0() -> Instant {
        Instant::now()
    }

    fn wire(text: &'static [u8]) -> Wire {
        Wire::new(bytes::Bytes::from_static(text))
    }

    fn states(now: Instant) -> [InviteServer; 5] {
        let until = now + PATIENCE;
        [
            InviteServer::Proceeding {
                provisional: wire(b"100"),
            },
            InviteServer::Completed {
                response: wire(b"486"),
                resend: Some(Backoff::new(now)),
                until,
            },
            InviteServer::Confirmed { until },
            InviteServer::Accepted { until },
            InviteServer::Terminated,
        ]
    }

    #[test]
    fn only_proceeding_and_completed_answer_a_repeated_invite() {
        let answers = states(t0()).map(|state| state.handle_invite());
        let expected = [Some(wire(b"100")), Some(wire(b"486")), None, None, None];
        assert_eq!(answers, expected);
    }

    #[test]
    fn only_completed_is_moved_by_an_ack() {
        let now = t0();
        for (reliable, moved) in [
            (false, InviteServer::Confirmed { until: now + T4 }),
            (true, InviteServer::Terminated),
        ] {
            for (index, mut state) in states(now).into_iter().enumerate() {
                let before = state.clone();
                state.handle_ack(reliable, now);
                assert_eq!(state, if index == 1 { moved.clone() } else { before });
            }
        }
    }

    #[test]
    fn a_refusal_is_repeated_until_timer_h() {
        let start = t0();
        let [mut state, ..] = states(start);
        state.handle_final(false, wire(b"486"), false, start);
        let mut sent = Vec::new();
        while let Some(now) = state.poll_timeout() {
            if state.handle_timeout(now).is_some() {
                sent.push(now.duration_since(start));
            }
        }
        assert_eq!(state, InviteServer::Terminated);
        assert_eq!(sent.len(), 10);
        assert_eq!(sent[..3], [T1, T1 * 3, T1 * 7]);
        assert_eq!(sent[9] - sent[8], T2);
    }

    #[test]
    fn a_stream_repeats_nothing_but_still_waits() {
        let start = t0();
        let [mut state, ..] = states(start);
        state.handle_final(false, wire(b"486"), true, start);
        assert_eq!(state.poll_timeout(), Some(start + PATIENCE));
        assert_eq!(state.handle_timeout(start + PATIENCE), None);
        assert_eq!(state, InviteServer::Terminated);
    }
}
