//! The session timer (RFC 4028): how long a session lives without being refreshed, who refreshes it, and when.
//!
//! A telephone that lost its power says no BYE. Both sides agree on an interval; one refreshes the session within it, and
//! whoever sees no refresh hangs up.

use std::time::{Duration, Instant};

use sipx_sip::{
    Headers,
    headers::{Allow, Require, Supported},
    session::{MinSe, OPTION_TAG, Refresher, Session, SessionExpires, adopt},
};

use crate::limit;

/// What an INVITE or UPDATE asks for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wish {
    asked: Option<SessionExpires>,
    /// The shortest interval that everybody on the way can keep.
    least: Duration,
    /// The peer knows of session timers.
    supported: bool,
}

/// What both sides agreed upon, as the 2xx says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Terms {
    interval: Duration,
    refresher: Refresher,
    supported: bool,
}

/// Why there can be no agreement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unfit {
    /// A header field breaks its grammar: 400.
    Malformed,
    /// The interval is below [`SESSION_INTERVAL_MIN`](limit::SESSION_INTERVAL_MIN): 422.
    TooBrief,
}

impl Wish {
    /// Reads what an INVITE or UPDATE asks for.
    pub(crate) fn of(headers: &Headers) -> Result<Self, Unfit> {
        let asked = read::<SessionExpires>(headers)?;
        let least =
            read::<MinSe>(headers)?.map_or(limit::SESSION_INTERVAL_MIN, |MinSe(least)| least);
        if asked.is_some_and(|asked| asked.interval < limit::SESSION_INTERVAL_MIN) {
            return Err(Unfit::TooBrief);
        }
        Ok(Self {
            asked,
            least,
            supported: supports(headers),
        })
    }

    /// Answers it (RFC 4028 §9, table 2). `wanted` is our interval. The peer refreshes where it leaves that open: its refreshes
    /// tell us that it lives, while ours would cost a request per call.
    pub(crate) fn answered(self, wanted: Duration) -> Option<Terms> {
        let Self {
            asked,
            least,
            supported,
        } = self;
        let wanted = wanted.max(least).min(limit::SESSION_INTERVAL_MAX);
        let Some(asked) = asked else {
            return supported.then_some(Terms {
                interval: wanted,
                refresher: Refresher::Uac,
                supported,
            });
        };
        let refresher = match asked.refresher {
            Some(refresher) => refresher,
            None if supported => Refresher::Uac,
            // A proxy asked, on behalf of a peer that knows nothing of timers.
            None => Refresher::Uas,
        };
        Some(Terms {
            // The interval may be shortened, but not below Min-SE, and never lengthened.
            interval: asked.interval.min(wanted),
            refresher,
            supported,
        })
    }
}

impl Terms {
    /// The value of Session-Expires.
    pub(crate) fn session_expires(self) -> String {
        let refresher = Some(self.refresher);
        SessionExpires {
            interval: self.interval,
            refresher,
        }
        .to_string()
    }

    /// Whether the 2xx requires `timer` of the peer: it must read who refreshes.
    pub(crate) fn is_required(self) -> bool {
        self.supported || self.refresher == Refresher::Uac
    }
}

/// The timer of one session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Timer {
    session: Session,
    /// When we refresh next; none while the peer does, or while our request is out.
    refresh: Option<Instant>,
    expires: Instant,
}

/// What a session timer brought about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fired {
    /// Nothing to be done.
    Nothing,
    /// It is time to refresh the session.
    Refresh,
    /// Nobody refreshed the session in time.
    Expired,
}

impl Timer {
    /// Starts with our 2xx.
    pub(crate) fn new(terms: Terms, now: Instant) -> Self {
        let session = Session {
            interval: terms.interval,
            we_refresh: terms.refresher == Refresher::Uas,
        };
        Self::of(session, now)
    }

    /// Starts with the 2xx to our INVITE, which asked for `wanted`; a peer that says nothing of timers wants none.
    pub(crate) fn agreed(headers: &Headers, wanted: Duration, now: Instant) -> Option<Self> {
        let agreed = headers.typed::<SessionExpires>()?.ok();
        let mut session = adopt(agreed, Some(wanted))?;
        session.interval = session.interval.min(limit::SESSION_INTERVAL_MAX);
        Some(Self::of(session, now))
    }

    /// Starts again with the 2xx to our refresh (RFC 4028 §7.2).
    pub(crate) fn refreshed(&self, headers: &Headers, now: Instant) -> Option<Self> {
        let agreed = headers.typed::<SessionExpires>().and_then(Result::ok);
        let mut session = adopt(agreed, Some(self.session.interval))?;
        session.interval = session.interval.min(limit::SESSION_INTERVAL_MAX);
        Some(Self::of(session, now))
    }

    /// The value of Session-Expires in our refresh, which makes us the UAC.
    pub(crate) fn session_expires(&self) -> String {
        SessionExpires {
            interval: self.session.interval,
            refresher: Some(Refresher::Uac),
        }
        .to_string()
    }

    /// Tries again after a while.
    pub(crate) fn retry(&mut self, after: Duration, now: Instant) {
        self.refresh = self.session.we_refresh.then_some(now + after);
    }

    /// Tries again in the middle of the time that is left, so that a session is asked for a few times only.
    pub(crate) fn put_off(&mut self, now: Instant) {
        let left = self.expires.saturating_duration_since(now);
        self.retry((left / 2).max(limit::REFRESH_RETRY), now);
    }

    /// Asks at once for the longer interval that a 422 names; false if there is none.
    pub(crate) fn lengthen(&mut self, headers: &Headers, now: Instant) -> bool {
        let least = headers.typed::<MinSe>().and_then(Result::ok);
        let longer = least.map(|MinSe(least)| least).filter(|least| {
            self.session.interval < *least && *least <= limit::SESSION_INTERVAL_MAX
        });
        if let Some(longer) = longer {
            self.session.interval = longer;
            self.retry(Duration::ZERO, now);
        }
        longer.is_some()
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant) -> Fired {
        if self.expires <= now {
            return Fired::Expired;
        }
        match self.refresh.take_if(|at| *at <= now) {
            Some(_) => Fired::Refresh,
            None => Fired::Nothing,
        }
    }

    pub(crate) fn poll_timeout(&self) -> Instant {
        self.refresh.map_or(self.expires, |at| at.min(self.expires))
    }

    fn of(session: Session, now: Instant) -> Self {
        let waiting = Session {
            we_refresh: false,
            ..session
        };
        Self {
            session,
            refresh: session.we_refresh.then(|| now + session.act_after()),
            expires: now + waiting.act_after(),
        }
    }
}

/// Whether the peer takes UPDATE; none where it does not say.
pub(crate) fn allows_update(headers: &Headers) -> Option<bool> {
    let mut said = headers.typed_all::<Allow>().flatten().peekable();
    said.peek()?;
    Some(said.any(|methods| methods.contains("UPDATE")))
}

fn supports(headers: &Headers) -> bool {
    let mut supported = headers.typed_all::<Supported>().flatten();
    let mut required = headers.typed_all::<Require>().flatten();
    supported.any(|tags| tags.contains(OPTION_TAG))
        || required.any(|tags| tags.contains(OPTION_TAG))
}

fn read<H: sipx_sip::TypedHeader>(headers: &Headers) -> Result<Option<H>, Unfit> {
    headers
        .typed::<H>()
        .transpose()
        .map_err(|_| Unfit::Malformed)
}

#[cfg(test)]
mod tests {
    use sipx_sip::{Limits, Message, parse_datagram};

    use super::*;

    const HALF_AN_HOUR: Duration = Duration::from_secs(1_800);

    fn headers(fields: &str) -> Headers {
        let text = format!(
            "UPDATE sip:a SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKa\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>;tag=2\r\n\
             Call-ID: c\r\nCSeq: 1 UPDATE\r\n{fields}Content-Length: 0\r\n\r\n"
        );
        match parse_datagram(text.into(), &Limits::datagram()).unwrap() {
            Message::Request(request) => request.headers,
            Message::Response(_) => panic!("a request was written"),
        }
    }

    fn answer(fields: &str) -> Result<Option<String>, Unfit> {
        let terms = Wish::of(&headers(fields))?.answered(HALF_AN_HOUR);
        Ok(terms.map(|terms| {
            let required = if terms.is_required() { " required" } else { "" };
            format!("{}{required}", terms.session_expires())
        }))
    }

    #[test]
    fn what_is_asked_is_answered_by_table_2() {
        let timer = "Supported: 100rel, timer\r\n";
        let cases = [
            ("", None),
            ("Supported: 100rel\r\n", None),
            (timer, Some("1800;refresher=uac required")),
            ("Require: timer\r\n", Some("1800;refresher=uac required")),
            ("Session-Expires: 600\r\n", Some("600;refresher=uas")),
            (
                "x: 600;refresher=uac\r\n",
                Some("600;refresher=uac required"),
            ),
            (
                "x: 3600;refresher=uac\r\nMin-SE: 2000\r\n",
                Some("2000;refresher=uac required"),
            ),
            (
                "x: 3600;refresher=uac\r\nMin-SE: 9999999999999\r\n",
                Some("3600;refresher=uac required"),
            ),
            (
                "x: 18446744073709551615;refresher=uac\r\n",
                Some("1800;refresher=uac required"),
            ),
            (
                "x: 18446744073709551615;refresher=uac\r\nMin-SE: 18446744073709551615\r\n",
                Some("86400;refresher=uac required"),
            ),
        ];
        for (fields, expected) in cases {
            assert_eq!(answer(fields), Ok(expected.map(str::to_owned)), "{fields}");
        }
        let with_timer = |fields: &str| answer(&format!("{timer}{fields}")).unwrap().unwrap();
        assert_eq!(with_timer("x: 90\r\n"), "90;refresher=uac required");
        let ours = "x: 90;refresher=uas\r\n";
        assert_eq!(with_timer(ours), "90;refresher=uas required");
    }

    #[test]
    fn what_is_too_brief_or_broken_is_refused() {
        assert_eq!(answer("x: 89\r\n"), Err(Unfit::TooBrief));
        for broken in [
            "x: soon\r\n",
            "x: 90;refresher=me\r\n",
            "Min-SE: -1\r\n",
            "x: 99999999999999999999999\r\n",
        ] {
            assert_eq!(answer(broken), Err(Unfit::Malformed), "{broken}");
        }
    }

    #[test]
    #[expect(
        clippy::disallowed_methods,
        reason = "the base instant of a simulated run"
    )]
    fn a_refresh_that_fails_is_tried_a_few_times_before_the_end() {
        let start = Instant::now();
        let terms = Terms {
            interval: HALF_AN_HOUR,
            refresher: Refresher::Uas,
            supported: true,
        };
        let mut timer = Timer::new(terms, start);
        let mut tries = 0;
        let end = loop {
            let now = timer.poll_timeout();
            match timer.handle_timeout(now) {
                Fired::Refresh => timer.put_off(now),
                Fired::Expired => break now,
                Fired::Nothing => panic!("a timer without effect"),
            }
            tries += 1;
        };
        assert_eq!(end - start, Duration::from_secs(1_768));
        assert!((5..20).contains(&tries), "{tries}");
    }

    #[test]
    #[expect(
        clippy::disallowed_methods,
        reason = "the base instant of a simulated run"
    )]
    fn no_answer_of_the_peer_makes_us_refresh_too_often_or_never() {
        let now = Instant::now();
        let terms = Terms {
            interval: HALF_AN_HOUR,
            refresher: Refresher::Uas,
            supported: true,
        };
        let timer = Timer::new(terms, now);
        let until = |fields: &str| {
            timer
                .refreshed(&headers(fields), now)
                .unwrap()
                .poll_timeout()
                - now
        };
        assert_eq!(until(""), HALF_AN_HOUR / 2);
        assert_eq!(until("x: 1;refresher=uac\r\n"), Duration::from_secs(45));
        assert_eq!(
            until("x: 18446744073709551615;refresher=uac\r\n"),
            limit::SESSION_INTERVAL_MAX / 2
        );
        assert_eq!(until("x: 600;refresher=uas\r\n"), Duration::from_secs(568));
        let mut timer = timer;
        for (fields, longer) in [
            ("", false),
            ("Min-SE: 90\r\n", false),
            ("Min-SE: 99999999\r\n", false),
            ("Min-SE: 3600\r\n", true),
        ] {
            assert_eq!(timer.lengthen(&headers(fields), now), longer, "{fields}");
        }
        assert_eq!(timer.handle_timeout(now), Fired::Refresh);
        assert_eq!(timer.session_expires(), "3600;refresher=uac");
    }
}
