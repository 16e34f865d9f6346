//! In the conference or in its waiting room: keys, notices, and what is said.

use std::time::Instant;

use sip::Command;

use super::{
    super::findings::Finding,
    Call, Exit, Talk,
    admission::{Origin, facts},
    pairing::Pairing,
};
use crate::{
    conference::{
        event::Event,
        focus::Verb,
        keys::{Key, Keypad},
        participant::{Role, Status},
        rights::{self, Action, Standing},
    },
    id::RoomId,
    limit::WAITING_STATUS,
    pii::Secret,
    server::{
        Admission, Attendance, LegNews, Notice,
        caller::Caller,
        conference::{clock, until},
    },
};

impl Call {
    /// Takes part in the conference, or waits to be let in, until one side leaves.
    pub(super) async fn confer(
        &mut self,
        talk: &mut Talk,
        admission: &Admission,
        caller: &Caller,
    ) -> Exit {
        match self.attend(talk, admission, caller).await {
            Ok(attendance) => {
                // Who was invited by name need not say it.
                let asked = admission.person.is_none() && admission.policy.level.asks_names();
                if attendance.waits() && asked {
                    talk.offer_naming();
                }
                let origin = Origin::Theirs(caller);
                let place = (origin, admission.room);
                self.take_part(talk, attendance, admission.role, place)
                    .await
            }
            Err(exit) => exit,
        }
    }

    /// Takes part until one side leaves.
    pub(super) async fn take_part(
        &mut self,
        talk: &mut Talk,
        mut attendance: Attendance,
        mut role: Role,
        (origin, room): (Origin<'_>, RoomId),
    ) -> Exit {
        let mut keypad = Keypad::new(self.server.key_plan());
        let mut ping = self.next_ping();
        // When somebody who waits is told so again.
        let mut status = attendance.waits().then(|| clock() + WAITING_STATUS);
        let mut pairing = Pairing::in_room(room);
        loop {
            let standing = standing(role, status, talk);
            tokio::select! {
                biased;
                news = talk.leg.next() => match news {
                    Some(LegNews::Digit(digit)) => {
                        let code = press(digit, &mut keypad, talk, &attendance, (standing, origin)).await;
                        pairing.judge(code, &self.server, origin).await;
                    }
                    Some(LegNews::Quiet(since)) => self.quiet(since).await,
                    Some(LegNews::Gone(_)) | None => return Exit::Leave,
                    Some(LegNews::Unplayed(token)) => talk.insist(token).await,
                    Some(LegNews::Played(token)) => {
                        played(token, &mut keypad, talk, (&attendance, standing)).await;
                    }
                    Some(LegNews::Recorded(heard)) => talk.note_name(heard).await,
                    Some(LegNews::Connected | LegNews::Echoed(..) | LegNews::Reviewed(_)) => {}
                },
                notice = attendance.next() => match notice {
                    Some(Notice::Told(event)) => {
                        heed(&event, &mut status, &mut role, talk).await;
                        self.told(event, talk).await;
                    }
                    Some(Notice::Naming(event, names)) => {
                        talk.say_naming(event, &names).await;
                    }
                    Some(Notice::Refused(refusal)) => {
                        keypad.end_decision();
                        talk.say(refusal.event()).await;
                    }
                    Some(Notice::Dismissed(why)) => return why.event().map_or(Exit::Leave, Exit::Goodbye),
                    Some(Notice::Roster(_) | Notice::Delta(_) | Notice::Done(..) | Notice::Written(_) | Notice::PairingCode(..)) => {}
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
                () = until(pairing.due()) => pairing.tell(talk, &attendance).await,
                () = until(status) => {
                    status = Some(clock() + WAITING_STATUS);
                    if standing == Standing::Waiting && !talk.is_naming() {
                        talk.say(Event::StillWaiting).await;
                    }
                },
                () = until(keypad.poll_timeout()) => {
                    if let Some(key) = keypad.handle_timeout(clock()) {
                        obey(key, &mut keypad, talk, &attendance, (standing, origin)).await;
                    }
                },
            }
        }
    }

    /// Passes on what the conference tells.
    async fn told(&mut self, event: Event, talk: &mut Talk) {
        if matches!(event, Event::MusicMuted | Event::MusicOver) {
            self.findings.note(Finding::Music);
        }
        talk.pass_on(event).await;
    }

    /// Comes into the conference, or into its waiting room.
    async fn attend(
        &self,
        talk: &mut Talk,
        admission: &Admission,
        caller: &Caller,
    ) -> Result<Attendance, Exit> {
        talk.voice.come_to(admission.wording);
        // Below what the room demands a re-INVITE is refused, so that the call goes on as it was.
        talk.session.demand(admission.policy.protection);
        talk.shows_digits = admission.policy.shows_digits && caller.has_ending();
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
}

/// The key by which somebody who waits says their name, as the words for it have it.
const NAME_KEY: char = '1';

/// What a caller may do: who waits has a time at which they are told so again.
const fn standing(role: Role, status: Option<Instant>, talk: &Talk) -> Standing {
    match status {
        Some(_) if talk.addressed => Standing::Addressed,
        Some(_) => Standing::of(role, Status::Pending),
        None => Standing::of(role, Status::Connected),
    }
}

/// Takes a key. What is being said is interrupted by a key that asks for something only: one pressed by a cheek does nothing.
/// The saying of a name ends with any key, which would be part of it. Returns a pairing code that is whole.
async fn press(
    digit: char,
    keypad: &mut Keypad,
    talk: &mut Talk,
    attendance: &Attendance,
    (standing, origin): (Standing, Origin<'_>),
) -> Option<Secret<String>> {
    if talk.is_asking_for_name() {
        talk.interrupt(standing).await;
    }
    if digit == NAME_KEY && talk.may_name && !keypad.awaits(digit) {
        keypad.reset();
        talk.interrupt(standing).await;
        talk.ask_for_name().await;
    } else if let Some(key) = keypad.handle_digit(digit, clock()) {
        talk.interrupt(standing).await;
        if let Key::Pair(typed) = key
            && rights::may(standing, Action::OwnTelephone)
        {
            return Some(typed.code());
        }
        obey(key, keypad, talk, attendance, (standing, origin)).await;
    }
    None
}

/// Notes what an event changes for the caller it is told to.
async fn heed(event: &Event, status: &mut Option<Instant>, role: &mut Role, talk: &mut Talk) {
    if matches!(event, Event::LetIn { .. }) {
        *status = None;
        talk.end_naming();
    } else if *event == Event::Addressed {
        talk.begin_addressed().await;
    } else if *event == Event::AddressedNoMore {
        talk.addressed = false;
        *status = Some(clock() + WAITING_STATUS);
    } else if *event == Event::MadeModerator {
        *role = Role::Moderator;
    }
}

/// Goes on after words that are said.
async fn played(
    token: u64,
    keypad: &mut Keypad,
    talk: &mut Talk,
    (attendance, standing): (&Attendance, Standing),
) {
    if talk.playing == Some(token) {
        keypad.handle_played(clock());
    }
    if talk.is_name_due(token) {
        attendance.record_name().await;
    } else {
        talk.played(token, standing).await;
    }
}

/// Does what a caller asks for by keys in a conference.
async fn obey(
    key: Key,
    keypad: &mut Keypad,
    talk: &mut Talk,
    attendance: &Attendance,
    (standing, origin): (Standing, Origin<'_>),
) {
    // A menu that leads to nothing one may do is not begun.
    if let Some(action) = begins(key)
        && !rights::may(standing, action)
    {
        keypad.reset();
        let refused = match standing {
            Standing::Waiting | Standing::Addressed => Event::StillWaiting,
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
        Key::TalkWithHeard => Verb::TalkWithHeard,
        Key::TurnAwayHeard(reason) => Verb::TurnAwayHeard(reason),
        Key::RemoveLast => Verb::RemoveLast,
        Key::MuteAll => Verb::MuteAll,
        Key::ToggleLock => Verb::ToggleLock,
        Key::NextHand => Verb::NextHand,
        Key::NextEntrySignal => Verb::NextEntrySignal,
        Key::End => Verb::End,
        Key::AskReason => return talk.tell(Event::WhichReason).await,
        Key::AskEnd => return talk.tell(Event::ConfirmEnd).await,
        Key::GoOn => return talk.tell(Event::GoesOn).await,
        Key::Help => return talk.tell(help(standing)).await,
        Key::NextLanguage | Key::TogglePace | Key::NextLength => {
            let told = adjust(key, keypad, talk);
            return talk.tell(told).await;
        }
        Key::Privacy => return talk.tell(Event::Privacy).await,
        Key::PrivacyInFull => {
            let facts = facts(talk, origin);
            return talk.tell(Event::PrivacyInFull { facts, asked: None }).await;
        }
        // Judged where it was typed.
        Key::Pair(_) => return,
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
        Key::Pair(_) => Some(Action::OwnTelephone),
        Key::ToggleMicrophone
        | Key::ToggleHand
        | Key::WhoIsHere
        | Key::Help
        | Key::NextLanguage
        | Key::TogglePace
        | Key::NextLength
        | Key::Privacy
        | Key::PrivacyInFull
        | Key::Back
        | Key::HearNextWaiting
        | Key::AdmitHeard
        | Key::TalkWithHeard
        | Key::AskReason
        | Key::TurnAwayHeard(_)
        | Key::RemoveLast
        | Key::MuteAll
        | Key::ToggleLock
        | Key::NextHand
        | Key::NextEntrySignal
        | Key::End
        | Key::GoOn
        | Key::Which
        | Key::Unknown => None,
    }
}

/// Changes how a caller is spoken to, and how long keys are waited for; returns what is told of it.
fn adjust(key: Key, keypad: &mut Keypad, talk: &mut Talk) -> Event {
    let voice = &mut talk.voice;
    if key == Key::NextLanguage {
        voice.change_wording();
        Event::LanguageChosen
    } else if key == Key::NextLength {
        voice.length = voice.length.next();
        Event::LengthChosen {
            length: voice.length,
        }
    } else {
        let slow = !keypad.is_slow();
        keypad.set_slow(slow);
        Event::Pace { slow }
    }
}

const fn help(standing: Standing) -> Event {
    match standing {
        Standing::Waiting | Standing::Addressed => Event::WaitingHelp,
        Standing::Guest => Event::Help { role: Role::Guest },
        Standing::Moderator => Event::Help {
            role: Role::Moderator,
        },
    }
}
