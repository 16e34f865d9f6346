//! A call of ours: from the INVITE through ringing to the key by which somebody takes part.
//!
//! ```text
//!   shown ─ sockets ─ INVITE ─ 180 alerting ─ 183 heard by who invites ─ 200 ─ who invites, and `1`? ─ conference ─ BYE
//!                        └── busy, declined, silent, cancelled: told, gone ─────────┘
//! ```

use std::{sync::Arc, time::Duration};

use sip::{
    Cause, Command, Dial, Ended, Flow, Identity, TrunkRef,
    sdp::{Description, Policy},
};

use super::{
    super::{
        findings::{Finding, Findings},
        negotiate::{Place, Session, Terms},
        route::{is_confidential, media_address},
    },
    Call, Exit, News, Talk,
    admission::Origin,
};
use crate::{
    conference::{
        Refusal,
        event::Event,
        focus::{Progress, Unreached},
        participant::Role,
    },
    limit::{INVITED_KEY, INVITED_REPEAT},
    media::{api::PhoneMedia, worker::PhoneSockets},
    pii::Pii,
    server::{
        Attendance, Dialling, Error, LegNews, MediaLeg, Notice,
        caller::Caller,
        conference::{clock, until},
    },
    store::Dial as Noted,
};

/// A call that is to be made.
#[derive(Debug)]
pub(in crate::phone) struct Outgoing {
    /// Who wishes it.
    pub(in crate::phone) dialling: Dialling,
    /// What is noted of it.
    pub(in crate::phone) dial: Noted,
    /// Whom it is to, in full.
    pub(in crate::phone) number: Pii<String>,
    /// Over which trunk, in the order of the settings.
    pub(in crate::phone) trunk: usize,
    /// The way there.
    pub(in crate::phone) way: OutgoingWay,
    /// What the trunk says of its media.
    pub(in crate::phone) terms: Arc<Terms>,
    /// How long it may ring.
    pub(in crate::phone) ring: Duration,
}

/// How a trunk calls a number.
#[derive(Debug)]
pub(in crate::phone) struct OutgoingWay {
    pub(in crate::phone) flow: Flow,
    pub(in crate::phone) trunk: TrunkRef,
    pub(in crate::phone) target: Pii<String>,
    pub(in crate::phone) from: Pii<String>,
    pub(in crate::phone) identity: Identity,
    /// The session interval that we ask for.
    pub(in crate::phone) session_expires: Duration,
}

/// What the media of a call that is made needs until its leg is open.
struct Ahead {
    session: Session,
    sockets: Option<PhoneSockets>,
    leg: Option<MediaLeg>,
}

impl Call {
    /// Calls somebody, and lets them take part if they press the key.
    ///
    /// Returns what was found about the call.
    pub(in crate::phone) async fn call_out(mut self, outgoing: Outgoing) -> Findings {
        self.lead(outgoing).await;
        self.findings
    }

    async fn lead(&mut self, outgoing: Outgoing) {
        let Outgoing {
            dialling,
            dial: noted,
            number,
            trunk,
            way,
            terms,
            ring,
        } = outgoing;
        // That the number is theirs is known, since they answer at it.
        let callee = Caller {
            number: Some(number),
            withheld: false,
            vouched: true,
            trunk,
        };
        let shown = self.server.begin_dial(&dialling, &callee).await;
        let mut attendance = match shown {
            Ok(attendance) => attendance,
            Err(error) => return dialling.refuse(refusal(&error)),
        };
        let Some((mut ahead, sdp)) = self.prepare(&dialling, &way, terms) else {
            return attendance.progress(FAILED).await;
        };
        let dial = Box::new(Dial {
            flow: way.flow,
            trunk: Some(way.trunk),
            target: way.target,
            from: way.from,
            identity: Some(way.identity),
            sdp,
            within: ring,
            session_interval: Some(way.session_expires),
        });
        // Before it can cost anything: a crash must not lose it.
        self.server.note_dial(noted, 0).await;
        let call = self.call;
        self.order(Command::Invite { call, dial }).await;
        let answered = self.reach(&mut ahead, &mut attendance, &dialling).await;
        let Ahead { session, leg, .. } = ahead;
        let Some(leg) = leg else { return };
        if !answered {
            return leg.close().await;
        }
        let wording = self.server.wording_of(dialling.room()).await;
        let mut talk = Talk::new(leg, session, wording);
        let asked = match self.shaken(&mut talk).await {
            Ok(()) => self.ask(&mut talk, &mut attendance, &dialling).await,
            Err(exit) => Err((exit, Unreached::Failed)),
        };
        let exit = match asked {
            Ok(()) => {
                let whom = (Origin::Ours, dialling.room());
                self.take_part(&mut talk, attendance, Role::Guest, whom)
                    .await
            }
            Err((exit, why)) => {
                attendance.progress(Progress::Unreached(why)).await;
                drop(attendance);
                exit
            }
        };
        self.leave(&mut talk, exit).await;
        self.review(&mut talk).await;
        talk.leg.close().await;
    }

    /// Makes our offer, if the call can have media at all.
    fn prepare(
        &mut self,
        dialling: &Dialling,
        way: &OutgoingWay,
        terms: Arc<Terms>,
    ) -> Option<(Ahead, Description)> {
        let confidential = is_confidential(&way.flow);
        if terms.policy == Policy::Required && !confidential {
            self.findings.note(Finding::Readable);
            tracing::warn!(
                "a trunk that must be encrypted is called over a connection that is not"
            );
            return None;
        }
        if self.server.room_for_callee(dialling).is_err() {
            self.findings.note(Finding::Full);
            return None;
        }
        let signalling = way.flow.local.ip().to_canonical();
        let address = media_address(None, &self.rules.media, signalling);
        let (sockets, rtp_port) = self.server.media_sockets(address).ok()?;
        let place = Place {
            address: terms.reached_at(address),
            rtp_port,
            here: way.flow.remote.ip().to_canonical().is_loopback(),
            confidential,
            fingerprint: self.server.fingerprint().to_owned(),
        };
        let mut session = Session::new(place, terms, self.session_id(), &mut self.server.rng());
        session.demand(dialling.protection());
        let sdp = session.offer(&mut self.server.rng());
        let ahead = Ahead {
            session,
            sockets: Some(sockets),
            leg: None,
        };
        Some((ahead, sdp))
    }

    /// Waits until the call is answered; false if it never is.
    async fn reach(
        &mut self,
        ahead: &mut Ahead,
        attendance: &mut Attendance,
        dialling: &Dialling,
    ) -> bool {
        loop {
            tokio::select! {
                biased;
                notice = attendance.next() => if matches!(notice, Some(Notice::Dismissed(_)) | None) {
                    self.hang_up(Cause::NORMAL_CLEARING).await;
                    return false;
                },
                news = self.news.recv() => match news {
                    Some(News::Ringing) => attendance.progress(Progress::Alerting).await,
                    Some(News::Early(answer)) => {
                        if self.carry(ahead, attendance, dialling, &answer).await {
                            attendance.progress(Progress::Alerting).await;
                            attendance.progress(Progress::Early(true)).await;
                        }
                    }
                    Some(News::Answered(answer)) => {
                        if self.carry(ahead, attendance, dialling, &answer).await {
                            attendance.progress(Progress::Early(false)).await;
                            return true;
                        }
                        self.hang_up(Cause::NOT_IMPLEMENTED).await;
                        attendance.progress(FAILED).await;
                        return false;
                    }
                    Some(News::Ended(reason)) => {
                        attendance.progress(Progress::Unreached(why(reason))).await;
                        return false;
                    }
                    None => return false,
                    Some(News::Stop | News::Spent) => {
                        self.hang_up(Cause::NORMAL_CLEARING).await;
                        return false;
                    }
                    Some(
                        News::Established(_)
                        | News::Reinvite(_)
                        | News::Renegotiated(_)
                        | News::Key(_)
                        | News::Alive
                        | News::Unasked,
                    ) => {}
                },
                // What the network plays is nobody's voice and no key.
                Some(_) = next(&mut ahead.leg) => {}
            }
        }
    }

    /// Lets sound flow as an answer says; false if it cannot.
    async fn carry(
        &mut self,
        ahead: &mut Ahead,
        attendance: &Attendance,
        dialling: &Dialling,
        answer: &Description,
    ) -> bool {
        let media = match ahead.session.conclude(answer) {
            Ok(media) => media,
            Err(refusal) => {
                self.findings.note(refusal.into());
                return false;
            }
        };
        self.heed(&media);
        if let Some(leg) = &ahead.leg {
            leg.update(media).await;
        } else if let Some(sockets) = ahead.sockets.take() {
            ahead.leg = self.open(dialling, attendance, media, sockets).await;
        }
        ahead.leg.is_some()
    }

    async fn open(
        &self,
        dialling: &Dialling,
        attendance: &Attendance,
        media: PhoneMedia,
        sockets: PhoneSockets,
    ) -> Option<MediaLeg> {
        let opened = self
            .server
            .open_callee(dialling, attendance, media, sockets);
        match opened.await {
            Ok(leg) => Some(leg),
            Err(error) => {
                tracing::warn!(%error, "no leg for a call that is made");
                None
            }
        }
    }

    /// Says who invites, until they press the key or for a while: a voicemail hears it and presses nothing.
    async fn ask(
        &mut self,
        talk: &mut Talk,
        attendance: &mut Attendance,
        dialling: &Dialling,
    ) -> Result<(), (Exit, Unreached)> {
        talk.leg.treat_as_usual().await;
        let mut saying = invite(talk, dialling).await;
        let over = clock() + INVITED_KEY;
        let mut again = None;
        loop {
            tokio::select! {
                biased;
                notice = attendance.next() => match notice {
                    Some(Notice::Dismissed(why)) => {
                        let exit = why.event().map_or(Exit::Leave, Exit::Goodbye);
                        return Err((exit, Unreached::Silent));
                    }
                    None => return Err((Exit::Leave, Unreached::Failed)),
                    Some(_) => {}
                },
                news = talk.leg.next() => match news {
                    Some(LegNews::Digit(key @ (ACCEPT | DECLINE))) => {
                        self.findings.note(Finding::HeardThere);
                        if key == ACCEPT {
                            break;
                        }
                        return Err((Exit::Leave, Unreached::Declined));
                    }
                    Some(LegNews::Played(token)) if token == saying => again = Some(clock() + INVITED_REPEAT),
                    Some(LegNews::Gone(_)) | None => return Err((Exit::Leave, Unreached::Failed)),
                    Some(_) => {}
                },
                news = self.news.recv() => if let Some(exit) = self.signalled(talk, news, None).await {
                    return Err((exit, Unreached::Declined));
                },
                () = until(again) => {
                    again = None;
                    saying = invite(talk, dialling).await;
                }
                () = until(Some(over)) => return Err((Exit::Leave, Unreached::Silent)),
            }
        }
        talk.hush().await;
        if self.held {
            attendance.hold(true).await;
        }
        let protection = talk.session.protection();
        attendance.progress(Progress::Accepted(protection)).await;
        Ok(())
    }
}

/// Says who invites, by their name where it is a sound.
async fn invite(talk: &mut Talk, dialling: &Dialling) -> u64 {
    let by = dialling.inviter();
    let invited = Event::Invited { by };
    let name = dialling.inviters_name().await;
    talk.say_naming(invited, &name).await
}

/// The next news of a leg; waits for ever where there is none yet.
async fn next(leg: &mut Option<MediaLeg>) -> Option<LegNews> {
    match leg {
        Some(leg) => leg.next().await,
        None => std::future::pending().await,
    }
}

/// What whoever wished a call is told that could not be shown.
const fn refusal(error: &Error) -> Refusal {
    match error {
        Error::Refused(refusal) => *refusal,
        Error::Full
        | Error::NoPort
        | Error::NoWorker
        | Error::Overloaded
        | Error::Stopping
        | Error::Store(_) => Refusal::NoLine,
    }
}

/// Why a call was not answered.
const fn why(reason: Ended) -> Unreached {
    match reason {
        Ended::Refused(486 | 600) => Unreached::Busy,
        Ended::Refused(603) => Unreached::Declined,
        Ended::Refused(408 | 480 | 487) | Ended::Unanswered => Unreached::Silent,
        Ended::Refused(_)
        | Ended::Bye
        | Ended::Cancelled
        | Ended::AckTimeout
        | Ended::Unreachable
        | Ended::Expired
        | Ended::BadAnswer
        | Ended::Rejected
        | Ended::Left => Unreached::Failed,
    }
}

const FAILED: Progress = Progress::Unreached(Unreached::Failed);

/// The key by which somebody who was called takes part.
const ACCEPT: char = '1';
/// The key by which they do not.
const DECLINE: char = '2';
