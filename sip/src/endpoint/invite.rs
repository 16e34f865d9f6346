//! The INVITE client transaction (RFC 3261 §17.1.1, with the Accepted state of RFC 6026).

use std::time::{Duration, Instant};

use super::{
    timers::{Backoff, PATIENCE},
    write::{Head, Wire},
};

/// The machine of figure 5 of RFC 6026.
#[derive(Debug)]
pub(crate) enum InviteClient {
    /// The INVITE is out.
    Calling {
        /// What CANCEL and ACK repeat.
        head: Head,
        /// The INVITE.
        request: Wire,
        /// Timer A; streams need none.
        resend: Option<Backoff>,
        /// Timer B.
        until: Instant,
    },
    /// A provisional response arrived.
    Proceeding {
        /// What CANCEL and ACK repeat.
        head: Head,
        /// When even a cancelled INVITE is given up (RFC 3261 §9.1).
        until: Instant,
    },
    /// It was refused; each refusal is acknowledged until timer D.
    Completed {
        /// The acknowledgement.
        ack: Wire,
        /// Timer D.
        until: Instant,
    },
    /// It was accepted; further 2xx, of other branches too, are taken until timer M.
    Accepted {
        /// Timer M.
        until: Instant,
    },
    /// Nothing is left to do.
    Terminated,
}

/// What a response is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Heard {
    /// Nothing new.
    Nothing,
    /// A provisional response.
    Provisional,
    /// A 2xx: the first, another branch's, or one of these again.
    Success,
    /// The refusal, and its acknowledgement.
    Refused(Wire),
    /// The refusal again, whose acknowledgement was lost.
    RefusedAgain(Wire),
}

/// What a timer brought about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fired {
    /// Nothing to be done.
    Nothing,
    /// The INVITE goes out again.
    Resend(Wire),
    /// Nobody answered.
    TimedOut,
}

impl InviteClient {
    /// Begins with the INVITE sent.
    pub(crate) fn new(head: Head, request: Wire, reliable: bool, now: Instant) -> Self {
        Self::Calling {
            head,
            request,
            resend: (!reliable).then(|| Backoff::of_invite(now)),
            until: now + PATIENCE,
        }
    }

    /// Takes a response whose To is `to`; `within` is how long a final one may take after a provisional one.
    pub(crate) fn handle_response(
        &mut self,
        status: u16,
        to: &[u8],
        within: Duration,
        reliable: bool,
        now: Instant,
    ) -> Heard {
        match self {
            Self::Calling { head, .. } if status < 200 => {
                *self = Self::Proceeding {
                    head: head.clone(),
                    until: now + within,
                };
                Heard::Provisional
            }
            Self::Proceeding { .. } if status < 200 => Heard::Provisional,
            Self::Calling { .. } | Self::Proceeding { .. } | Self::Accepted { .. }
                if (200..300).contains(&status) =>
            {
                if !matches!(self, Self::Accepted { .. }) {
                    *self = Self::Accepted {
                        until: now + PATIENCE,
                    };
                }
                Heard::Success
            }
            Self::Calling { head, .. } | Self::Proceeding { head, .. } => {
                let refused = Head {
                    to: to.to_vec(),
                    ..head.clone()
                };
                let ack = refused.write("ACK", &[], None, "");
                *self = if reliable {
                    Self::Terminated
                } else {
                    Self::Completed {
                        ack: ack.clone(),
                        until: now + PATIENCE,
                    }
                };
                Heard::Refused(ack)
            }
            Self::Completed { ack, .. } if status >= 300 => Heard::RefusedAgain(ack.clone()),
            Self::Completed { .. } | Self::Accepted { .. } | Self::Terminated => Heard::Nothing,
        }
    }

    /// What a CANCEL repeats; only in Proceeding may one be sent.
    pub(crate) fn cancellable(&mut self, now: Instant) -> Option<Head> {
        match self {
            Self::Proceeding { head, until } => {
                *until = now + PATIENCE;
                Some(head.clone())
            }
            Self::Calling { .. }
            | Self::Completed { .. }
            | Self::Accepted { .. }
            | Self::Terminated => None,
        }
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant) -> Fired {
        match self {
            Self::Calling { until, .. } | Self::Proceeding { until, .. } if *until <= now => {
                *self = Self::Terminated;
                Fired::TimedOut
            }
            Self::Calling {
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
            Self::Completed { until, .. } | Self::Accepted { until } if *until <= now => {
                *self = Self::Terminated;
                Fired::Nothing
            }
            Self::Calling { .. }
            | Self::Proceeding { .. }
            | Self::Completed { .. }
            | Self::Accepted { .. }
            | Self::Terminated => Fired::Nothing,
        }
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        match self {
            Self::Calling { resend, until, .. } => {
                Some(resend.map_or(*until, |resend| resend.at().min(*until)))
            }
            Self::Proceeding { until, .. }
            | Self::Completed { until, .. }
            | Self::Accepted { until } => Some(*until),
            Self::Terminated => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::{Flow, Protocol, timers::T1};

    #[expect(
        clippy::disallowed_methods,
        reason = "the base instant of a simulated run"
    )]
    fn t0() -> Instant {
        Instant::now()
    }

    const WITHIN: Duration = Duration::from_secs(180);

    fn head() -> Head {
        Head {
            flow: Flow::new(
                Protocol::Udp,
                "192.0.2.1:5060".parse().unwrap(),
                "198.51.100.7:5060".parse().unwrap(),
                0,
            ),
            branch: "z9hG4bKa".to_owned(),
            uri: b"sip:b@h".to_vec(),
            routes: vec![b"<sip:p;lr>".to_vec()],
            from: b"<sip:a@h>;tag=1".to_vec(),
            to: b"<sip:b@h>".to_vec(),
            call_id: b"c".to_vec(),
            cseq: 7,
        }
    }

    fn calling(reliable: bool, now: Instant) -> InviteClient {
        let request = head().write("INVITE", &[], None, "");
        InviteClient::new(head(), request, reliable, now)
    }

    fn name(state: &InviteClient) -> &'static str {
        match state {
            InviteClient::Calling { .. } => "Calling",
            InviteClient::Proceeding { .. } => "Proceeding",
            InviteClient::Completed { .. } => "Completed",
            InviteClient::Accepted { .. } => "Accepted",
            InviteClient::Terminated => "Terminated",
        }
    }

    /// The transitions of figure 5 by responses: state reached by the first, then by the second.
    #[test]
    fn responses_move_it_as_the_figure_says() {
        let cases = [
            (180, 183, false, "Proceeding", "Proceeding"),
            (180, 200, false, "Proceeding", "Accepted"),
            (180, 486, false, "Proceeding", "Completed"),
            (180, 486, true, "Proceeding", "Terminated"),
            (200, 180, false, "Accepted", "Accepted"),
            (200, 200, false, "Accepted", "Accepted"),
            (200, 486, false, "Accepted", "Accepted"),
            (302, 302, false, "Completed", "Completed"),
            (486, 200, false, "Completed", "Completed"),
            (486, 180, false, "Completed", "Completed"),
            (503, 503, true, "Terminated", "Terminated"),
        ];
        let now = t0();
        for (first, second, reliable, then, finally) in cases {
            let mut state = calling(reliable, now);
            let hear = |state: &mut InviteClient, status| {
                state.handle_response(status, b"<sip:b@h>;tag=2", WITHIN, reliable, now)
            };
            hear(&mut state, first);
            assert_eq!(name(&state), then, "{first}");
            let heard = hear(&mut state, second);
            assert_eq!(name(&state), finally, "{first}, {second}");
            let again = matches!(heard, Heard::RefusedAgain(_));
            assert_eq!(again, first == second && !reliable && first >= 300);
        }
    }

    #[test]
    fn an_unanswered_invite_is_sent_seven_times_and_times_out() {
        let start = t0();
        let mut state = calling(false, start);
        let mut sent = vec![Duration::ZERO];
        let end = loop {
            let now = state.poll_timeout().unwrap();
            match state.handle_timeout(now) {
                Fired::Resend(_) => sent.push(now - start),
                Fired::TimedOut => break now,
                Fired::Nothing => panic!("a timer without effect"),
            }
        };
        let doubled = [0, 1, 3, 7, 15, 31, 63].map(|count| T1 * count);
        assert_eq!(
            (sent.as_slice(), end),
            (doubled.as_slice(), start + PATIENCE)
        );
    }

    #[test]
    fn the_acknowledgement_of_a_refusal_repeats_the_invite_and_the_tag() {
        let now = t0();
        let mut state = calling(false, now);
        let heard = state.handle_response(486, b"<sip:b@h>;tag=2", WITHIN, false, now);
        let Heard::Refused(ack) = heard else {
            panic!("it was refused");
        };
        assert_eq!(
            String::from_utf8_lossy(ack.expose()),
            "ACK sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKa;rport\r\nMax-Forwards: 70\r\nRoute: <sip:p;lr>\r\n\
             From: <sip:a@h>;tag=1\r\nTo: <sip:b@h>;tag=2\r\nCall-ID: c\r\nCSeq: 7 ACK\r\nContent-Length: 0\r\n\r\n"
        );
        assert_eq!(state.poll_timeout(), Some(now + PATIENCE));
        assert_eq!(state.handle_timeout(now + PATIENCE), Fired::Nothing);
        assert_eq!(state.poll_timeout(), None);
    }

    #[test]
    fn only_what_is_proceeding_can_be_cancelled_and_then_ends() {
        let now = t0();
        let mut state = calling(false, now);
        assert!(state.cancellable(now).is_none());
        state.handle_response(180, b"", WITHIN, false, now);
        assert_eq!(state.poll_timeout(), Some(now + WITHIN));
        assert!(state.cancellable(now).is_some());
        assert_eq!(state.poll_timeout(), Some(now + PATIENCE));
        assert_eq!(state.handle_timeout(now + PATIENCE), Fired::TimedOut);
    }
}
