//! The house as it is: the server, with the negotiation of sound in front of it.

use std::{net::SocketAddr, sync::Arc};

use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::{
    conference::{
        Refusal,
        claim::Claim,
        focus::Verb,
        roster::{Delta, Entry},
    },
    limit::{DIALS_KEPT, RESUME_MAX, SEAT_RENEWAL},
    pii::{Name, Pii, Secret},
    server::{self, Admission, Attendance, LegNews, MediaLeg, Notice, Server},
};

use super::{
    call_in::{CallIn, Line},
    house::{Entrance, House, News, Presence, Unavailable, Welcome},
    negotiate::{self, Agreed, Local, Negotiated},
    relay::Relays,
    tcp::{Way, Ways},
    wire::{DialIn, DialInLine, Failed, Named, Privacy},
};

/// The server behind the door.
#[derive(Debug, Clone)]
pub struct Served {
    server: Server,
    call_in: Arc<CallIn>,
    named: Arc<Named>,
    relays: Option<Arc<Relays>>,
    tcp: Option<Ways>,
}

impl Served {
    /// Puts the door before a server, beside which people come in by telephone, too, whose notice on privacy names these, and which
    /// TURN servers may lead to.
    pub fn new(server: Server, call_in: CallIn, named: Named, relays: Option<Relays>) -> Self {
        Self {
            server,
            call_in: Arc::new(call_in),
            named: Arc::new(named),
            relays: relays.map(Arc::new),
            tcp: None,
        }
    }

    /// Lets browsers reach their legs by TCP, too.
    #[must_use]
    pub fn with_tcp(self, ways: Ways) -> Self {
        Self {
            tcp: Some(ways),
            ..self
        }
    }

    fn dial_in(&self, admission: &Admission) -> DialIn {
        let number = &admission.number;
        let lines = self.call_in.lines_of(number);
        DialIn {
            number: number.clone(),
            pin: (*admission.pin).clone(),
            sip: self.call_in.sip(number),
            lines: lines.map(DialInLine::from).collect(),
        }
    }

    fn privacy(&self, admission: &Admission) -> Privacy {
        let calls = !self.server.dial_prefixes().is_empty();
        Privacy {
            named: (*self.named).clone(),
            seat_minutes: RESUME_MAX.as_secs() / 60,
            dials_days: calls.then(|| DIALS_KEPT.as_secs() / (24 * 60 * 60)),
            shows_digits: admission.policy.shows_digits,
        }
    }

    async fn negotiate(
        &self,
        admission: &Admission,
        offer: &Pii<String>,
    ) -> Result<(Negotiated, Vec<SocketAddr>), Failed> {
        let agreed = Agreed::on(offer.expose()).map_err(|refusal| {
            tracing::info!(%refusal, "browser offer refused");
            match refusal {
                negotiate::Refusal::Malformed(_) | negotiate::Refusal::TooLarge => {
                    Failed::Malformed
                }
                negotiate::Refusal::NoAudio
                | negotiate::Refusal::NoCommonCodec
                | negotiate::Refusal::Unsupported(_) => Failed::NoCommonCodec,
            }
        })?;
        // An offer that is refused must not begin a conference.
        let addresses = self.server.browser_addresses(admission).await;
        let addresses = addresses.map_err(failed)?;
        let local = Local {
            candidates: &addresses,
            tcp_candidates: self.tcp.as_ref().map_or(&[], Ways::candidates),
            fingerprint: self.server.fingerprint(),
            legacy_srtp: false,
        };
        let negotiated = agreed.answer(&local, &mut rand::rng());
        Ok((negotiated, addresses))
    }
}

impl House for Served {
    type Admission = Admission;
    type Presence = Inside;

    async fn check_link(&self, token: &Secret<String>) -> Result<Option<Admission>, Unavailable> {
        self.server.check_link(token).await.map_err(|error| {
            tracing::error!(%error, "link not judged");
            Unavailable
        })
    }

    fn welcome(&self, admission: &Admission) -> Welcome {
        Welcome {
            role: admission.role,
            title: Pii::new(admission.title.expose().clone()),
            language: admission.wording,
            dial_in: Some(self.dial_in(admission)),
            dial_out: self.server.dial_prefixes().to_vec(),
            privacy: self.privacy(admission),
        }
    }

    async fn expects(&self, admission: &Admission, seat: &Secret<String>) -> bool {
        self.server.expects(admission, seat).await
    }

    async fn join(
        &self,
        admission: &Admission,
        name: Option<Name>,
        seat: Option<&Secret<String>>,
        offer: &Pii<String>,
    ) -> Result<Entrance<Inside>, Failed> {
        let (negotiated, addresses) = self.negotiate(admission, offer).await?;
        let Negotiated { answer, media } = negotiated;
        let tcp = self.tcp.as_ref();
        let way = tcp.map(|ways| ways.open(&media, &addresses));
        let server = &self.server;
        let joined = server.join_browser(admission, name, seat, media).await;
        let (attendance, leg) = joined.map_err(failed)?;
        let mut presence = Inside::new(server.clone(), attendance, leg, way);
        // Not before: whoever only has a link, or is refused, gets no credentials. Who waits to be let in does, since their
        // leg must stand meanwhile.
        let relays = self.relays.as_ref();
        Ok(Entrance {
            participant: presence.attendance.participant,
            answer,
            roster: presence.attendance.roster.clone(),
            seat: presence.token(),
            spoke: presence.attendance.spoke,
            relay: relays.map(|it| it.grant(self.server.since_epoch(), &mut rand::rng())),
            presence,
        })
    }
}

impl From<&Line> for DialInLine {
    fn from(line: &Line) -> Self {
        Self {
            number: line.number.clone(),
            language: line.language,
            pin_only: line.room.is_some(),
        }
    }
}

/// A browser's presence: a place in the conference and a leg.
#[derive(Debug)]
pub struct Inside {
    server: Server,
    attendance: Attendance,
    leg: MediaLeg,
    /// How the leg is reached by TCP, as long as it is.
    _way: Option<Way>,
    /// The leg has no more news; the conference tells what follows from it.
    leg_over: bool,
    /// The own line of the roster.
    own: Option<Entry>,
    /// What the page's token says of it.
    sealed: Option<Claim>,
    renewal: Interval,
}

impl Inside {
    fn new(server: Server, attendance: Attendance, leg: MediaLeg, way: Option<Way>) -> Self {
        let mut renewal = interval(SEAT_RENEWAL);
        renewal.reset();
        renewal.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut inside = Self {
            server,
            attendance,
            leg,
            _way: way,
            leg_over: false,
            own: None,
            sealed: None,
            renewal,
        };
        inside.own = inside.own_in(&inside.attendance.roster.entries);
        inside
    }

    fn own_in(&self, entries: &[Entry]) -> Option<Entry> {
        let mut entries = entries.iter();
        let own = entries.find(|entry| entry.id == self.attendance.participant);
        own.cloned()
    }

    /// Makes the token of the seat as it is.
    fn token(&mut self) -> Secret<String> {
        let own = self.own.as_ref();
        self.sealed = own.and_then(|own| self.attendance.claim(own));
        let token = own.and_then(|own| self.server.token(&self.attendance, own));
        token.unwrap_or_else(|| Secret::new(String::new()))
    }

    /// Tells whether the page's token says something else than what is so.
    fn is_outdated(&self) -> bool {
        let own = self.own.as_ref();
        own.and_then(|own| self.attendance.claim(own)) != self.sealed
    }

    fn heed(&mut self, delta: &Delta) {
        if let Some(own) = self.own_in(&delta.entries) {
            self.own = Some(own);
        }
    }

    fn news_of(&mut self, notice: Notice) -> News {
        match notice {
            Notice::Roster(snapshot) => {
                self.own = self.own_in(&snapshot.entries);
                News::Roster(snapshot)
            }
            Notice::Delta(delta) => {
                self.heed(&delta);
                News::Delta(delta)
            }
            Notice::Done(done, at) => News::Done(done, at),
            Notice::Told(event) | Notice::Naming(event, _) => News::Told(event),
            Notice::Written(post) => News::Written(post),
            Notice::PairingCode(code, open) => News::PairingCode(code, open),
            Notice::Refused(refusal) => News::Refused(refusal),
            Notice::Dismissed(why) => News::Dismissed(why),
        }
    }
}

impl Presence for Inside {
    async fn act(&self, verb: Verb) {
        self.attendance.act(verb).await;
    }

    async fn next(&mut self) -> Option<News> {
        if self.is_outdated() {
            return Some(News::Seat(self.token()));
        }
        loop {
            tokio::select! {
                notice = self.attendance.next() => return notice.map(|notice| self.news_of(notice)),
                _ = self.renewal.tick() => return Some(News::Seat(self.token())),
                news = self.leg.next(), if !self.leg_over => match news {
                    Some(LegNews::Connected) => return Some(News::Connected),
                    Some(LegNews::Gone(_)) | None => self.leg_over = true,
                    Some(
                        LegNews::Digit(_)
                        | LegNews::Played(_)
                        | LegNews::Unplayed(_)
                        | LegNews::Echoed(..)
                        | LegNews::Quiet(_)
                        | LegNews::Recorded(_)
                        | LegNews::Reviewed(_),
                    ) => {}
                },
            }
        }
    }

    async fn leave(self) {
        drop(self.attendance);
        self.leg.close().await;
    }

    async fn lose(self) {
        self.attendance.lose().await;
        self.leg.close().await;
    }
}

/// What the page is told of the server's refusals.
fn failed(error: server::Error) -> Failed {
    match error {
        server::Error::Refused(Refusal::Full) => Failed::Full,
        server::Error::Refused(Refusal::Locked) => Failed::Locked,
        server::Error::Refused(Refusal::Banned) => Failed::Banned,
        server::Error::Refused(_) => Failed::Refused,
        server::Error::Full
        | server::Error::NoPort
        | server::Error::NoWorker
        | server::Error::Overloaded
        | server::Error::Stopping => Failed::Busy,
        server::Error::Store(error) => {
            tracing::error!(%error, "joining failed");
            Failed::Internal
        }
    }
}
