//! The task of one call: from INVITE through the code to the conference and out.
//!
//! ```text
//!   INVITE ─ ours? ─ sockets ─ answer ─ ACK ─ Ivr ──right code── conference ─ goodbye ─ BYE
//!              │         │        │             └── three tries, silence ──────┘
//!             404       503      488        └─ SoundCheck ── goodbye ─ BYE, where the number leads to the sound test
//! ```

mod admission;
mod answer;
mod inside;
mod outgoing;
mod pairing;
mod sound_test;
mod talk;

use std::{
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use rand::RngExt;
use sip::{CallRef, Cause, Command, Ended, Flow, sdp::Description};
use tokio::sync::mpsc;

pub(super) use self::outgoing::{Outgoing, OutgoingWay};
use self::talk::Talk;
use super::{
    findings::{Finding, Findings},
    negotiate::{Outcome, Terms},
    numbers::Destination,
    status::Refusal,
};
use crate::{
    conference::{
        event::{Event, Wording},
        ivr,
    },
    limit::{GOODBYE_MAX, HELD_PING_INTERVAL, SOUND_AWAITED, UNASKED_MAX},
    media::api::{PhoneMedia, Review},
    server::{
        Attendance, LegNews, Server,
        caller::Caller,
        conference::{clock, until},
    },
};

/// What the driver tells a call.
#[derive(Debug)]
pub(super) enum News {
    /// The ACK came, with the answer to our offer if we made one.
    Established(Option<Description>),
    /// The phone offers something else, or asks for our offer.
    Reinvite(Option<Description>),
    /// The ACK of a re-INVITE came, with the answer to our offer if we made one.
    Renegotiated(Option<Description>),
    /// The phone told a key.
    Key(char),
    /// The phone answered our question whether it is there.
    Alive,
    /// There is no way to ask the phone whether it is there.
    Unasked,
    /// Who is called is alerted.
    Ringing,
    /// There is sound before who is called answers, as this answer says.
    Early(Description),
    /// Who is called has answered.
    Answered(Description),
    /// The call is over.
    Ended(Ended),
    /// What calls of ours may cost is spent.
    Spent,
    /// The server stops.
    Stop,
}

/// What holds for every call.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) media: Vec<IpAddr>,
}

/// The INVITE that began a call.
#[derive(Debug)]
pub(super) struct Invite {
    pub(super) flow: Flow,
    pub(super) destination: Destination,
    /// What is spoken where neither the number nor its room says otherwise.
    pub(super) language: Wording,
    /// Whether the other language is offered before the code, where the number does not say so itself.
    pub(super) offers_language: bool,
    /// Who calls; forgotten with the call.
    pub(super) caller: Caller,
    /// What its trunk says of its media.
    pub(super) terms: Arc<Terms>,
    pub(super) offer: Option<Description>,
}

/// The task's state for the whole call.
pub(super) struct Call {
    call: CallRef,
    orders: mpsc::Sender<Command>,
    news: mpsc::Receiver<News>,
    server: Server,
    rules: Arc<Rules>,
    held: bool,
    /// What was found about it.
    findings: Findings,
    /// Since when its sound may come.
    open: Option<Instant>,
    /// The phone should be sending; one that need not is asked now and then whether it is there.
    expected: bool,
    /// Since when the phone has not been asked for want of a way, if nothing has come from it since.
    unasked: Option<Instant>,
}

/// Where a call leads once it is answered.
enum Way {
    /// To a conference, by this code; before, the other language may be offered.
    Code {
        entry: ivr::Entry,
        offers_language: bool,
    },
    /// To the sound test.
    SoundTest,
}

/// Why a stage of the call is left.
enum Exit {
    /// The phone hung up or is gone; nothing more is said.
    Hung,
    /// We hang up, without further words.
    Leave,
    /// We hang up, without further words, because what the phone answers cannot be used.
    Unfit,
    /// We hang up after these words.
    Goodbye(Event),
}

impl Call {
    pub(super) fn new(
        call: CallRef,
        orders: mpsc::Sender<Command>,
        news: mpsc::Receiver<News>,
        server: Server,
        rules: Arc<Rules>,
    ) -> Self {
        Self {
            call,
            orders,
            news,
            server,
            rules,
            held: false,
            findings: Findings::default(),
            open: None,
            expected: true,
            unasked: None,
        }
    }

    /// Runs the call to its end.
    ///
    /// Returns what was found about it.
    pub(super) async fn run(mut self, mut invite: Invite) -> Findings {
        let caller = std::mem::take(&mut invite.caller);
        let (leg, session, way, language) = match self.answer(invite).await {
            Ok(Some(answered)) => answered,
            Ok(None) => return self.findings,
            Err(refusal) => {
                self.refuse(refusal).await;
                return self.findings;
            }
        };
        let mut talk = Talk::new(leg, session, language);
        let exit = match (self.shaken(&mut talk).await, way) {
            (Err(exit), _) => exit,
            (Ok(()), Way::SoundTest) => self.test_sound(&mut talk).await,
            (
                Ok(()),
                Way::Code {
                    entry,
                    offers_language,
                },
            ) => {
                let asks = (entry, offers_language);
                match self.admit(&mut talk, asks, &caller).await {
                    Ok(admission) => self.confer(&mut talk, &admission, &caller).await,
                    Err(exit) => exit,
                }
            }
        };
        self.leave(&mut talk, exit).await;
        self.review(&mut talk).await;
        talk.leg.close().await;
        self.findings
    }

    /// Notes what can be said of the sound at the end.
    async fn review(&mut self, talk: &mut Talk) {
        let protection = talk.session.protection();
        self.findings.note(Finding::Protected { protection });
        let Some(review) = talk.leg.review().await else {
            return;
        };
        let Review {
            received,
            lost,
            foreign,
            latched,
            lost_there_permille,
            heard_there,
        } = review;
        let awaited = self
            .open
            .is_some_and(|open| clock().saturating_duration_since(open) >= SOUND_AWAITED);
        for (found, finding) in [
            (received > 0, Finding::Came),
            (heard_there, Finding::HeardThere),
            (
                received == 0 && self.expected && awaited,
                Finding::NeverHeard,
            ),
            (foreign > 0, Finding::Strangers),
            (latched, Finding::Latched),
            (lost * 100 > received + lost, Finding::Lost),
            (lost_there_permille > 10, Finding::LostThere),
        ] {
            if found {
                self.findings.note(finding);
            }
        }
    }

    fn session_id(&self) -> u64 {
        // RFC 8866 §5.2 wants a number; 62 bits stay clear of signed readers.
        self.server.rng().random::<u64>() >> 2
    }

    async fn order(&self, command: Command) {
        let _ = self.orders.send(command).await;
    }

    async fn hang_up(&self, cause: Cause) {
        self.order(Command::Bye {
            call: self.call,
            cause: Some(cause),
        })
        .await;
    }

    async fn refuse(&self, refusal: Refusal) {
        let Refusal {
            status,
            reason,
            retry_after,
            cause,
        } = refusal;
        self.order(Command::Reject {
            call: self.call,
            status,
            reason,
            retry_after,
            cause: Some(cause),
        })
        .await;
    }

    /// Nothing comes from the phone: it may be gone.
    async fn quiet(&mut self, since: Duration) {
        // Whatever came meanwhile was a sign of life.
        let now = clock();
        self.unasked
            .take_if(|unasked| since < now.saturating_duration_since(*unasked));
        self.findings.note(Finding::FellSilent);
        self.order(Command::Ping { call: self.call }).await;
    }

    /// The phone says that it is there: if it sends nothing, nobody speaks there, as far as one can know.
    fn alive(&mut self) {
        if self.findings.has(|it| it == Finding::FellSilent) {
            self.findings.take_back(Finding::FellSilent);
            self.findings.note(Finding::Paused);
        }
    }

    /// A phone that cannot be asked is judged by what it sends; one that sends nothing either is given up in time.
    fn unasked(&mut self) -> Option<Exit> {
        let now = clock();
        let since = *self.unasked.get_or_insert(now);
        (UNASKED_MAX <= now.saturating_duration_since(since)).then_some(Exit::Leave)
    }

    /// A phone that need not send, on hold or listening only, is asked whether it is there.
    fn next_ping(&self) -> Option<Instant> {
        (!self.expected).then(|| clock() + HELD_PING_INTERVAL)
    }

    /// Takes news from the signalling; an exit if the call is to end.
    async fn signalled(
        &mut self,
        talk: &mut Talk,
        news: Option<News>,
        attendance: Option<&Attendance>,
    ) -> Option<Exit> {
        if !matches!(news, Some(News::Unasked)) {
            // Its signalling reaches us.
            self.unasked = None;
        }
        match news {
            None | Some(News::Ended(_)) => return Some(Exit::Hung),
            Some(News::Unasked) => return self.unasked(),
            Some(News::Stop) => return Some(Exit::Goodbye(Event::Stopping)),
            Some(News::Spent) => return Some(Exit::Goodbye(Event::TimeIsUp)),
            Some(News::Alive) => {
                self.alive();
                return None;
            }
            Some(News::Established(_) | News::Ringing | News::Early(_) | News::Answered(_)) => {
                return None;
            }
            Some(News::Key(digit)) => {
                talk.leg.press(digit).await;
                return None;
            }
            Some(News::Reinvite(None)) => {
                let sdp = talk.session.offer(&mut self.server.rng());
                self.order(Command::Accept {
                    call: self.call,
                    sdp,
                })
                .await;
            }
            Some(News::Reinvite(Some(offer))) => {
                match talk.session.answer(&offer, &mut self.server.rng()) {
                    Ok(Outcome { answer, media }) => {
                        self.order(Command::Accept {
                            call: self.call,
                            sdp: answer,
                        })
                        .await;
                        self.renewed(talk, media, attendance).await;
                    }
                    // The session goes on as it was (RFC 3261 §14.2).
                    Err(_) => self.refuse(Refusal::NOT_ACCEPTABLE).await,
                }
            }
            Some(News::Renegotiated(None)) => {}
            Some(News::Renegotiated(Some(answer))) => {
                let asked = talk.session.is_asked();
                match talk.session.conclude(&answer) {
                    Ok(media) => self.renewed(talk, media, attendance).await,
                    // As at the start: an answer cannot be refused any more, and the two sides differ in what they send.
                    Err(refusal) if asked => {
                        self.findings.note(refusal.into());
                        return Some(Exit::Unfit);
                    }
                    // What only kept the session alive changes nothing.
                    Err(_) => {}
                }
            }
        }
        None
    }

    /// Applies what a re-INVITE agreed upon.
    async fn renewed(&mut self, talk: &Talk, media: PhoneMedia, attendance: Option<&Attendance>) {
        let before = self.held;
        self.heed(&media);
        talk.leg.update(media).await;
        let Some(attendance) = attendance else {
            return;
        };
        if before != self.held {
            attendance.hold(self.held).await;
        }
        attendance.protect(talk.session.protection()).await;
    }

    fn heed(&mut self, media: &PhoneMedia) {
        let codec = media.format.codec.into();
        self.findings.note(Finding::Coded { codec });
        if media.format.telephone_event.is_none() {
            self.findings.note(Finding::NoEvents);
        }
        self.open.get_or_insert_with(clock);
        self.held = !media.sends;
        self.expected = media.sends && media.receives;
    }

    /// Says goodbye where there is something to say, and hangs up.
    async fn leave(&mut self, talk: &mut Talk, exit: Exit) {
        let mut cause = Cause::NORMAL_CLEARING;
        match exit {
            Exit::Hung => return,
            Exit::Leave => {}
            Exit::Unfit => cause = Cause::NOT_IMPLEMENTED,
            Exit::Goodbye(event) => {
                // The conference has told its own goodbyes already; said again they would begin twice.
                let token = match talk.saying {
                    Some((said, token)) if said == event => token,
                    Some(_) | None => talk.say(event).await,
                };
                let stopping = matches!(event, Event::Stopping);
                let deadline = clock()
                    + if stopping {
                        STOP_WORDS_MAX
                    } else {
                        GOODBYE_MAX
                    };
                self.spoken(talk, token, deadline).await;
            }
        }
        self.hang_up(cause).await;
        // The endpoint ends the call in bounded time, answered or not; the leg need not wait for it.
    }

    /// Waits until the words are said, the caller hangs up, or the deadline.
    async fn spoken(&mut self, talk: &mut Talk, token: u64, mut deadline: Instant) {
        loop {
            tokio::select! {
                biased;
                news = talk.leg.next() => match news {
                    Some(LegNews::Played(said)) if said == token => return,
                    Some(LegNews::Gone(_)) | None => return,
                    Some(_) => {}
                },
                news = self.news.recv() => match news {
                    None | Some(News::Ended(_)) => return,
                    Some(News::Stop) => deadline = deadline.min(clock() + STOP_WORDS_MAX),
                    Some(_) => {}
                },
                () = until(Some(deadline)) => return,
            }
        }
    }
}

/// How long words may hold up a stop, which is to be over within 3 s.
const STOP_WORDS_MAX: Duration = Duration::from_millis(1_500);
