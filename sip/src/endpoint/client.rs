//! The non-INVITE client transaction (RFC 3261 §17.1.2), and the table of all client transactions.

use std::{collections::BTreeMap, time::Instant};

use super::{
    CallRef, Flow, TrunkRef,
    invite::InviteClient,
    timers::{Backoff, PATIENCE, T4},
    write::Wire,
};

/// The machine of figure 6.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NonInviteClient {
    /// The request is out.
    Trying {
        /// The request.
        request: Wire,
        /// Timer E; streams need none.
        resend: Option<Backoff>,
        /// Timer F.
        until: Instant,
    },
    /// A provisional response arrived.
    Proceeding {
        /// The request.
        request: Wire,
        /// Timer E at T2.
        resend: Option<Backoff>,
        /// Timer F.
        until: Instant,
    },
    /// A final response arrived; its retransmissions are absorbed until timer K.
    Completed {
        /// Timer K.
        until: Instant,
    },
    /// Nothing is left to do.
    Terminated,
}

/// What a timer brought about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fired {
    /// Nothing to be done.
    Nothing,
    /// The request goes out again.
    Resend(Wire),
    /// Nobody answered.
    TimedOut,
}

impl NonInviteClient {
    pub(crate) fn new(request: Wire, reliable: bool, now: Instant) -> Self {
        Self::Trying {
            request,
            resend: (!reliable).then(|| Backoff::new(now)),
            until: now + PATIENCE,
        }
    }

    /// Takes a response; returns whether it is the first final one.
    pub(crate) fn handle_response(&mut self, status: u16, reliable: bool, now: Instant) -> bool {
        match self {
            Self::Trying {
                request,
                resend,
                until,
            }
            | Self::Proceeding {
                request,
                resend,
                until,
            } if status < 200 => {
                if let Some(resend) = resend {
                    resend.slow_down();
                }
                *self = Self::Proceeding {
                    request: std::mem::take(request),
                    resend: *resend,
                    until: *until,
                };
                false
            }
            Self::Trying { .. } | Self::Proceeding { .. } => {
                *self = if reliable {
                    Self::Terminated
                } else {
                    Self::Completed { until: now + T4 }
                };
                true
            }
            Self::Completed { .. } | Self::Terminated => false,
        }
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant) -> Fired {
        match self {
            Self::Trying { until, .. } | Self::Proceeding { until, .. } if *until <= now => {
                *self = Self::Terminated;
                Fired::TimedOut
            }
            Self::Trying {
                request,
                resend: Some(resend),
                ..
            }
            | Self::Proceeding {
                request,
                resend: Some(resend),
                ..
            } => {
                if resend.fires(now) {
                    Fired::Resend(request.clone())
                } else {
                    Fired::Nothing
                }
            }
            Self::Completed { until } if *until <= now => {
                *self = Self::Terminated;
                Fired::Nothing
            }
            Self::Trying { .. }
            | Self::Proceeding { .. }
            | Self::Completed { .. }
            | Self::Terminated => Fired::Nothing,
        }
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        match self {
            Self::Trying { resend, until, .. } | Self::Proceeding { resend, until, .. } => {
                Some(resend.map_or(*until, |resend| resend.at().min(*until)))
            }
            Self::Completed { until } => Some(*until),
            Self::Terminated => None,
        }
    }
}

/// Why a request was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To call somebody.
    Invite,
    /// To give a call up before it is answered.
    Cancel,
    /// To acknowledge a reliable provisional response.
    Prack,
    /// To hang up.
    Bye,
    /// To hang up on a branch of a forked call that answered too late; the call goes on with another.
    Dismiss,
    /// To learn whether the peer is there.
    Ping,
    /// To refresh the session.
    Refresh,
    /// To refresh the session of a peer that takes no UPDATE.
    Reinvite,
    /// To tell a registrar where we are.
    Register,
    /// To learn whether a trunk is there.
    Probe,
    /// To learn whether a trunk is to be had over another flow.
    Sound,
}

impl Purpose {
    pub(crate) const fn method(self) -> &'static str {
        match self {
            Self::Invite | Self::Reinvite => "INVITE",
            Self::Cancel => "CANCEL",
            Self::Prack => "PRACK",
            Self::Bye | Self::Dismiss => "BYE",
            Self::Ping | Self::Probe | Self::Sound => "OPTIONS",
            Self::Refresh => "UPDATE",
            Self::Register => "REGISTER",
        }
    }
}

/// Whom a response concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asker {
    /// A call.
    Call(CallRef),
    /// A trunk.
    Trunk(TrunkRef),
}

/// One of the two machines.
#[derive(Debug)]
pub(crate) enum Exchange {
    /// For INVITE.
    Invite(Box<InviteClient>),
    /// For everything else.
    Other(NonInviteClient),
}

impl Exchange {
    /// Whether the final response has come.
    pub(crate) fn is_answered(&self) -> bool {
        match self {
            Self::Invite(state) => matches!(
                **state,
                InviteClient::Completed { .. } | InviteClient::Accepted { .. }
            ),
            Self::Other(state) => matches!(state, NonInviteClient::Completed { .. }),
        }
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        match self {
            Self::Invite(state) => state.poll_timeout(),
            Self::Other(state) => state.poll_timeout(),
        }
    }
}

/// A client transaction in the table.
#[derive(Debug)]
pub(crate) struct Client {
    /// The machine.
    pub(crate) state: Exchange,
    /// Where the request goes.
    pub(crate) flow: Flow,
    /// Whom it belongs to.
    pub(crate) asker: Asker,
    /// Why it was sent.
    pub(crate) purpose: Purpose,
    branch: String,
}

/// All client transactions, by number, and by branch and method: a CANCEL has the branch of its INVITE.
#[derive(Debug, Default)]
pub(crate) struct Clients {
    next: u64,
    all: BTreeMap<u64, Client>,
    by_branch: BTreeMap<(String, &'static str), u64>,
}

impl Clients {
    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    pub(crate) fn insert(
        &mut self,
        branch: String,
        state: Exchange,
        flow: Flow,
        asker: Asker,
        purpose: Purpose,
    ) -> u64 {
        self.next += 1;
        let key = (branch.clone(), purpose.method());
        self.by_branch.insert(key, self.next);
        let client = Client {
            state,
            flow,
            asker,
            purpose,
            branch,
        };
        self.all.insert(self.next, client);
        self.next
    }

    /// Finds the transaction of a response (RFC 3261 §17.1.3).
    pub(crate) fn find(&self, branch: &[u8], method: &[u8]) -> Option<u64> {
        let branch = std::str::from_utf8(branch).ok()?;
        let method = METHODS
            .into_iter()
            .find(|known| known.as_bytes() == method)?;
        self.by_branch.get(&(branch.to_owned(), method)).copied()
    }

    pub(crate) fn get_mut(&mut self, id: u64) -> Option<&mut Client> {
        self.all.get_mut(&id)
    }

    pub(crate) fn remove(&mut self, id: u64) {
        if let Some(client) = self.all.remove(&id) {
            self.by_branch
                .remove(&(client.branch, client.purpose.method()));
        }
    }

    /// The transactions over one connection.
    pub(crate) fn over(&self, flow: Flow) -> Vec<u64> {
        self.all
            .iter()
            .filter(|(_, client)| client.flow == flow)
            .map(|(id, _)| *id)
            .collect()
    }
}

/// The methods of our requests.
const METHODS: [&str; 7] = [
    "INVITE", "CANCEL", "PRACK", "BYE", "OPTIONS", "UPDATE", "REGISTER",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::timers::T2;

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

    #[test]
    fn an_unanswered_request_is_sent_eleven_times_and_times_out() {
        let start = t0();
        let mut state = NonInviteClient::new(wire(b"BYE"), false, start);
        let mut sent = 1;
        let end = loop {
            let now = state
                .poll_timeout()
                .expect("a live transaction has a deadline");
            match state.handle_timeout(now) {
                Fired::Resend(_) => sent += 1,
                Fired::TimedOut => break now,
                Fired::Nothing => panic!("a timer without effect"),
            }
        };
        assert_eq!((sent, end), (11, start + PATIENCE));
        assert_eq!(state, NonInviteClient::Terminated);
    }

    #[test]
    fn a_provisional_response_slows_the_retransmission_down() {
        let start = t0();
        let mut state = NonInviteClient::new(wire(b"BYE"), false, start);
        assert!(!state.handle_response(100, false, start));
        let first = state.poll_timeout().unwrap();
        assert!(matches!(state.handle_timeout(first), Fired::Resend(_)));
        assert_eq!(state.poll_timeout().unwrap() - first, T2);
    }

    #[test]
    fn only_the_first_final_response_counts() {
        let now = t0();
        let mut state = NonInviteClient::new(wire(b"BYE"), false, now);
        assert!(state.handle_response(200, false, now));
        assert!(!state.handle_response(200, false, now));
        assert_eq!(state.poll_timeout(), Some(now + T4));
        let mut state = NonInviteClient::new(wire(b"BYE"), true, now);
        assert!(state.handle_response(481, true, now));
        assert_eq!(state, NonInviteClient::Terminated);
    }
}
