//! The task of one call: from INVITE through the code to the conference and out.
//!
//! ```text
//!   INVITE ─ ours? ─ sockets ─ answer ─ ACK ─ Ivr ──right code── conference ─ goodbye ─ BYE
//!              │         │        │             └── three tries, silence ──────┘
//!             404       503      488
//! ```

use std::{collections::VecDeque, net::IpAddr, sync::Arc, time::Instant};

use rand::RngExt;
use sip::{
    CallRef, Cause, Command, Flow,
    sdp::{Description, Policy},
};
use tokio::sync::mpsc;

use super::{
    negotiate::{Outcome, Place, Session, Terms},
    numbers::{Destination, Entry},
    route::{caller_address, is_confidential, media_address},
    status::Refusal,
};
use crate::{
    conference::{
        event::{Event, Language},
        focus::Verb,
        ivr::{self, Ivr},
        keys::{Key, Keypad},
        participant::{Role, Status},
        rights::{self, Action, Standing},
    },
    limit::{GOODBYE_MAX, HELD_PING_INTERVAL, WAITING_STATUS},
    media::api::PhoneMedia,
    pii::Secret,
    server::{
        Admission, Attendance, LegNews, MediaLeg, Notice, Server,
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
    /// The call is over.
    Ended,
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
    pub(super) language: Language,
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
    /// The phone should be sending; one that need not is asked now and then whether it is there.
    expected: bool,
}

/// Why a stage of the call is left.
enum Exit {
    /// The phone hung up or is gone; nothing more is said.
    Hung,
    /// We hang up, without further words.
    Leave,
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
            expected: true,
        }
    }

    /// Runs the call to its end.
    pub(super) async fn run(mut self, mut invite: Invite) {
        let caller = std::mem::take(&mut invite.caller);
        let (leg, session, entry, language) = match self.answer(invite).await {
            Ok(Some(answered)) => answered,
            Ok(None) => return,
            Err(refusal) => return self.refuse(refusal).await,
        };
        let mut talk = Talk {
            leg,
            session,
            language,
            saying: None,
            playing: None,
            later: VecDeque::new(),
        };
        let admitted = match self.shaken(&mut talk).await {
            Ok(()) => self.admit(&mut talk, entry, &caller).await,
            Err(exit) => Err(exit),
        };
        let exit = match admitted {
            Ok(admission) => self.confer(&mut talk, &admission, &caller).await,
            Err(exit) => exit,
        };
        self.leave(&mut talk, exit).await;
        talk.leg.close().await;
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

    /// Answers the INVITE and waits for the ACK; none if the caller gave up meanwhile.
    async fn answer(
        &mut self,
        invite: Invite,
    ) -> Result<Option<(MediaLeg, Session, ivr::Entry, Language)>, Refusal> {
        let (entry, language) = self.destination(&invite).await?;
        // Keys that anybody on the way can read protect nothing.
        let confidential = is_confidential(&invite.flow);
        if invite.terms.policy == Policy::Required && !confidential {
            return Err(Refusal::NOT_ACCEPTABLE);
        }
        let place = self
            .server
            .room_for_phone()
            .map_err(|e| Refusal::from(&e))?;
        let signalling = invite.flow.local.ip().to_canonical();
        let address = media_address(invite.offer.as_ref(), &self.rules.media, signalling);
        let (sockets, port) = self
            .server
            .media_sockets(address)
            .map_err(|e| Refusal::from(&e))?;
        let at = Place {
            address,
            rtp_port: port,
            here: caller_address(&invite.flow).is_loopback(),
            confidential,
            fingerprint: self.server.fingerprint().to_owned(),
        };
        let mut rng = self.server.rng();
        let mut session = Session::new(at, Arc::clone(&invite.terms), self.session_id(), &mut rng);
        let (sdp, media) = match &invite.offer {
            Some(offer) => {
                let Outcome { answer, media } = session
                    .answer(offer, &mut rng)
                    .map_err(|_| Refusal::NOT_ACCEPTABLE)?;
                (answer, Some(media))
            }
            None => (session.offer(), None),
        };
        self.order(Command::Accept {
            call: self.call,
            sdp,
        })
        .await;
        let Some(answer) = self.established().await else {
            return Ok(None);
        };
        let media = match (media, answer) {
            (Some(media), _) => media,
            (None, Some(answer)) => match session.conclude(&answer) {
                Ok(media) => media,
                Err(_) => {
                    self.hang_up(Cause::NOT_IMPLEMENTED).await;
                    return Ok(None);
                }
            },
            (None, None) => {
                self.hang_up(Cause::NOT_IMPLEMENTED).await;
                return Ok(None);
            }
        };
        self.heed(&media);
        match self.server.open_phone(place, media, sockets).await {
            Ok(leg) => Ok(Some((leg, session, entry, language))),
            Err(error) => {
                tracing::warn!(%error, "no leg for an answered call");
                self.hang_up(Cause::TEMPORARY_FAILURE).await;
                Ok(None)
            }
        }
    }

    /// Finds what the called number asks for, and in which language: the number's own, else its room's, else the trunk's.
    async fn destination(&self, invite: &Invite) -> Result<(ivr::Entry, Language), Refusal> {
        let Destination { entry, language } = &invite.destination;
        match entry {
            Entry::Code => Ok((ivr::Entry::Code, language.unwrap_or(invite.language))),
            Entry::Room(number) => {
                let room = self
                    .server
                    .room_language(number)
                    .await
                    .map_err(|e| Refusal::from(&e))?;
                let room = room.ok_or(Refusal::NOT_FOUND)?;
                Ok((
                    ivr::Entry::PinFor {
                        number: Secret::new(number.clone()),
                    },
                    language.unwrap_or(room),
                ))
            }
        }
    }

    /// Waits for the ACK; none if the call ended first.
    async fn established(&mut self) -> Option<Option<Description>> {
        loop {
            match self.news.recv().await? {
                News::Established(answer) => return Some(answer),
                News::Ended => return None,
                News::Stop => self.hang_up(Cause::NORMAL_CLEARING).await,
                News::Reinvite(_) | News::Renegotiated(_) | News::Key(_) | News::Alive => {}
            }
        }
    }

    /// Waits for the keys of a DTLS handshake, if the media needs them: before, nothing that is said can be heard.
    async fn shaken(&mut self, talk: &mut Talk) -> Result<(), Exit> {
        while talk.session.shakes_hands() {
            tokio::select! {
                biased;
                news = talk.leg.next() => match news {
                    Some(LegNews::Connected) => return Ok(()),
                    Some(LegNews::Gone(_)) | None => return Err(Exit::Leave),
                    Some(_) => {}
                },
                news = self.news.recv() => if let Some(exit) = self.signalled(talk, news, None).await {
                    return Err(exit);
                },
            }
        }
        Ok(())
    }

    /// Asks for the code until it is right.
    async fn admit(
        &mut self,
        talk: &mut Talk,
        entry: ivr::Entry,
        caller: &Caller,
    ) -> Result<Admission, Exit> {
        let mut ivr = Ivr::new(entry, clock());
        let mut saying = None;
        let mut admission = None;
        let mut ping = self.next_ping();
        loop {
            while let Some(effect) = ivr.poll() {
                match effect {
                    ivr::Effect::Say(event) => saying = Some(talk.say(event).await),
                    ivr::Effect::Hush => talk.hush().await,
                    ivr::Effect::Check { number, pin } => {
                        match self.server.check_code(&number, &pin, caller).await {
                            Ok(judged) => {
                                admission = judged.admission;
                                ivr.handle_verdict(admission.is_some(), clock() + judged.delay);
                            }
                            Err(error) => {
                                tracing::error!(%error, "a code could not be judged");
                                ivr.handle_fault(clock());
                            }
                        }
                    }
                    ivr::Effect::Admit => return admission.ok_or(Exit::Leave),
                    ivr::Effect::Leave => return Err(Exit::Leave),
                }
            }
            tokio::select! {
                biased;
                news = talk.leg.next() => match news {
                    Some(LegNews::Digit(digit)) => ivr.handle_digit(digit, clock()),
                    Some(LegNews::Played(token)) if saying == Some(token) => ivr.handle_played(clock()),
                    Some(LegNews::Gone(_)) | None => return Err(Exit::Leave),
                    Some(LegNews::Quiet(_)) => self.order(Command::Ping { call: self.call }).await,
                    Some(
                        LegNews::Connected
                        | LegNews::Played(_)
                        | LegNews::Unplayed(_),
                    ) => {}
                },
                news = self.news.recv() => if let Some(exit) = self.signalled(talk, news, None).await {
                    return Err(exit);
                },
                () = until(ping) => {
                    self.order(Command::Ping { call: self.call }).await;
                    ping = self.next_ping();
                }
                () = until(ivr.poll_timeout()) => ivr.handle_timeout(clock()),
            }
        }
    }

    /// Takes part in the conference, or waits to be let in, until one side leaves.
    async fn confer(&mut self, talk: &mut Talk, admission: &Admission, caller: &Caller) -> Exit {
        let mut attendance = match self.attend(talk, admission, caller).await {
            Ok(attendance) => attendance,
            Err(exit) => return exit,
        };
        let mut keypad = Keypad::new();
        let mut ping = self.next_ping();
        // When somebody who waits is told so again.
        let mut status = attendance.waits().then(|| clock() + WAITING_STATUS);
        loop {
            let standing = standing(admission.role, status);
            tokio::select! {
                biased;
                news = talk.leg.next() => match news {
                    Some(LegNews::Digit(digit)) => {
                        // Any key interrupts what is being said.
                        talk.interrupt(standing).await;
                        if let Some(key) = keypad.handle_digit(digit, clock()) {
                            obey(key, &mut keypad, talk, &attendance, standing).await;
                        }
                    }
                    Some(LegNews::Quiet(_)) => self.order(Command::Ping { call: self.call }).await,
                    Some(LegNews::Gone(_)) | None => return Exit::Leave,
                    Some(LegNews::Unplayed(token)) => talk.insist(token).await,
                    Some(LegNews::Played(token)) => talk.played(token, standing).await,
                    Some(LegNews::Connected) => {}
                },
                notice = attendance.next() => match notice {
                    // Where the operator has decided so, it is what everybody expects.
                    Some(Notice::Told(Event::LineNotEncrypted)) if talk.session.is_plain_by_choice() => {}
                    Some(Notice::Told(event)) => {
                        if matches!(event, Event::LetIn { .. }) {
                            status = None;
                        }
                        talk.pass_on(event).await;
                    }
                    Some(Notice::Refused(refusal)) => {
                        keypad.end_decision();
                        talk.say(refusal.event()).await;
                    }
                    Some(Notice::Dismissed(why)) => return why.event().map_or(Exit::Leave, Exit::Goodbye),
                    Some(Notice::Roster(_) | Notice::Delta(_)) => {}
                    None => return Exit::Goodbye(Event::Fault),
                },
                news = self.news.recv() => {
                    let expected = self.expected;
                    if let Some(exit) = self.signalled(talk, news, Some(&attendance)).await {
                        return exit;
                    }
                    if expected != self.expected {
                        ping = self.next_ping();
                    }
                },
                () = until(ping) => {
                    self.order(Command::Ping { call: self.call }).await;
                    ping = self.next_ping();
                },
                () = until(status) => {
                    status = Some(clock() + WAITING_STATUS);
                    talk.say(Event::StillWaiting).await;
                },
                () = until(keypad.poll_timeout()) => {
                    if let Some(key) = keypad.handle_timeout(clock()) {
                        obey(key, &mut keypad, talk, &attendance, standing).await;
                    }
                },
            }
        }
    }

    /// Comes into the conference, or into its waiting room.
    async fn attend(
        &self,
        talk: &mut Talk,
        admission: &Admission,
        caller: &Caller,
    ) -> Result<Attendance, Exit> {
        talk.language = admission.language;
        // Below what the room demands a re-INVITE is refused, so that the call goes on as it was.
        talk.session.demand(admission.policy.protection);
        let protection = talk.session.protection();
        let joined = self
            .server
            .join_phone(admission, caller, protection, &mut talk.leg);
        let attendance = match joined.await {
            Ok(attendance) => attendance,
            Err(crate::server::Error::Refused(refusal)) => {
                return Err(Exit::Goodbye(refusal.event()));
            }
            Err(crate::server::Error::Overloaded) => return Err(Exit::Goodbye(Event::Busy)),
            Err(error) => {
                tracing::warn!(%error, "an admitted caller could not join");
                return Err(Exit::Goodbye(Event::Fault));
            }
        };
        if self.held {
            attendance.hold(true).await;
        }
        Ok(attendance)
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
        match news {
            None | Some(News::Ended) => return Some(Exit::Hung),
            Some(News::Stop) => return Some(Exit::Goodbye(Event::Stopping)),
            Some(News::Alive | News::Established(_)) => return None,
            Some(News::Key(digit)) => {
                talk.leg.press(digit).await;
                return None;
            }
            Some(News::Reinvite(None)) => {
                let sdp = talk.session.offer();
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
                if let Ok(media) = talk.session.conclude(&answer) {
                    self.renewed(talk, media, attendance).await;
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

    const fn heed(&mut self, media: &PhoneMedia) {
        self.held = !media.sends;
        self.expected = media.sends && media.receives;
    }

    /// Says goodbye where there is something to say, and hangs up.
    async fn leave(&mut self, talk: &mut Talk, exit: Exit) {
        match exit {
            Exit::Hung => return,
            Exit::Leave => {}
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
        self.hang_up(Cause::NORMAL_CLEARING).await;
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
                    None | Some(News::Ended) => return,
                    Some(News::Stop) => deadline = deadline.min(clock() + STOP_WORDS_MAX),
                    Some(_) => {}
                },
                () = until(Some(deadline)) => return,
            }
        }
    }
}

/// The media side of an answered call.
struct Talk {
    leg: MediaLeg,
    session: Session,
    language: Language,
    /// What was said last, with its token, unless it was interrupted.
    saying: Option<(Event, u64)>,
    /// The token of what is being said.
    playing: Option<u64>,
    /// What is said when that is over.
    later: VecDeque<Event>,
}

impl Talk {
    async fn say(&mut self, event: Event) -> u64 {
        let token = if event.is_aside() {
            self.leg.whisper(event, self.language).await
        } else {
            self.leg.say(event, self.language).await
        };
        self.saying = Some((event, token));
        self.playing = Some(token);
        token
    }

    /// Says what the conference tells; news wait until other words are said.
    async fn pass_on(&mut self, event: Event) {
        if event.is_news() && self.playing.is_some() {
            if !self.later.contains(&event) {
                self.later.push_back(event);
            }
        } else {
            self.say(event).await;
        }
    }

    /// Goes on when something has been said: with what waits to be said, or with the sound of waiting.
    async fn played(&mut self, token: u64, standing: Standing) {
        if self.playing != Some(token) {
            return;
        }
        self.playing = None;
        if let Some(event) = self.later.pop_front() {
            self.say(event).await;
        } else if standing == Standing::Waiting {
            self.say(Event::WaitingSound).await;
        }
    }

    /// Stops what is being said; who waits hears the sound of waiting instead, which goes on.
    async fn interrupt(&mut self, standing: Standing) {
        if standing != Standing::Waiting {
            self.hush().await;
        } else if !matches!(self.saying, Some((Event::WaitingSound, _))) {
            self.say(Event::WaitingSound).await;
        }
    }

    /// Says something whose end nobody waits for.
    async fn tell(&mut self, event: Event) {
        self.say(event).await;
    }

    /// Says instead of the talk what could not be said over it.
    async fn insist(&mut self, token: u64) {
        if let Some((event, _)) = self.saying.filter(|(_, said)| *said == token) {
            let token = self.leg.say(event, self.language).await;
            self.saying = Some((event, token));
            self.playing = Some(token);
        }
    }

    async fn hush(&mut self) {
        self.saying = None;
        self.playing = None;
        self.leg.hush().await;
    }
}

/// What a caller may do: who waits has a time at which they are told so again.
const fn standing(role: Role, status: Option<Instant>) -> Standing {
    let status = match status {
        Some(_) => Status::Pending,
        None => Status::Connected,
    };
    Standing::of(role, status)
}

/// Does what a caller asks for by keys in a conference.
async fn obey(
    key: Key,
    keypad: &mut Keypad,
    talk: &mut Talk,
    attendance: &Attendance,
    standing: Standing,
) {
    // A menu that leads to nothing one may do is not begun.
    if let Some(action) = begins(key)
        && !rights::may(standing, action)
    {
        keypad.reset();
        let refused = match standing {
            Standing::Waiting => Event::StillWaiting,
            Standing::Guest | Standing::Moderator => Event::NotAllowed,
        };
        return talk.tell(refused).await;
    }
    let verb = match key {
        Key::ToggleMicrophone => Verb::ToggleMicrophone,
        Key::ToggleHand => Verb::ToggleHand,
        Key::WhoIsHere => Verb::WhoIsHere,
        Key::HearWaiting => Verb::HearWaiting,
        Key::HearNextWaiting => Verb::HearNextWaiting,
        Key::AdmitHeard => Verb::AdmitHeard,
        Key::TurnAwayHeard(reason) => Verb::TurnAwayHeard(reason),
        Key::RemoveLast => Verb::RemoveLast,
        Key::MuteAll => Verb::MuteAll,
        Key::ToggleLock => Verb::ToggleLock,
        Key::NextHand => Verb::NextHand,
        Key::End => Verb::End,
        Key::AskReason => return talk.tell(Event::WhichReason).await,
        Key::AskEnd => return talk.tell(Event::ConfirmEnd).await,
        Key::GoOn => return talk.tell(Event::GoesOn).await,
        Key::Help => return talk.tell(help(standing)).await,
        Key::Which => return talk.tell(Event::WhichKey).await,
        Key::Unknown => return talk.tell(Event::KeyUnknown).await,
        Key::Volume => return talk.tell(Event::Volume).await,
        Key::Back => return talk.tell(Event::VolumeDone).await,
        Key::Hear(steps) => {
            let turned = talk.leg.hear(steps).await;
            return talk.tell(Event::VolumeTurned { turned }).await;
        }
        Key::BeHeard(steps) => {
            let turned = talk.leg.be_heard(steps).await;
            return talk.tell(Event::VolumeTurned { turned }).await;
        }
    };
    attendance.act(verb).await;
}

/// The right to what a key begins or does by itself, without the conference being asked at once.
const fn begins(key: Key) -> Option<Action> {
    match key {
        Key::HearWaiting => Some(Action::SeeWaiting),
        Key::AskEnd => Some(Action::End),
        Key::Volume | Key::Hear(_) => Some(Action::OwnListening),
        Key::BeHeard(_) => Some(Action::OwnLoudness),
        Key::ToggleMicrophone
        | Key::ToggleHand
        | Key::WhoIsHere
        | Key::Help
        | Key::Back
        | Key::HearNextWaiting
        | Key::AdmitHeard
        | Key::AskReason
        | Key::TurnAwayHeard(_)
        | Key::RemoveLast
        | Key::MuteAll
        | Key::ToggleLock
        | Key::NextHand
        | Key::End
        | Key::GoOn
        | Key::Which
        | Key::Unknown => None,
    }
}

const fn help(standing: Standing) -> Event {
    match standing {
        Standing::Waiting => Event::WaitingHelp,
        Standing::Guest => Event::Help { role: Role::Guest },
        Standing::Moderator => Event::Help {
            role: Role::Moderator,
        },
    }
}

/// How long words may hold up a stop, which is to be over within 3 s.
const STOP_WORDS_MAX: std::time::Duration = std::time::Duration::from_millis(1_500);
