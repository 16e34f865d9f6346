//! The catalogue: everything a person is ever told. One entry per event, four renderings.
//!
//! *Spoken*: clips, played to telephones. *Shown*: text in a browser. *Typed* (real-time text on telephones) and
//! *announced* (to screen readers) are foreseen in the same entry. The words stand in `catalogue/{de,en}.toml`, what other
//! wordings say and show differently in `catalogue/{de-du,de-einfach}.toml`; the clips are rendered from them beforehand
//! (`deploy/prompts`). At run time nothing but a name is spoken by an engine, where the operator has set one up; else people
//! are called by their number.

mod hearing;
mod roll;
mod shown;
mod sound_test;
mod wording;

use std::{collections::BTreeMap, sync::LazyLock};

use serde::{Deserialize, Serialize};

pub use self::{
    sound_test::{Band, Loss, Passage, SoundTest},
    wording::Wording,
};
use crate::conference::{
    participant::Role,
    privacy::Facts,
    rollcall::{Label, Rollcall},
};

pub use clip::Clip;

mod clip;

/// A language the catalogue speaks.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Language {
    /// German.
    #[default]
    De,
    /// English.
    En,
}

impl Language {
    /// All languages.
    pub const ALL: [Self; 2] = [Self::De, Self::En];

    /// Returns the language's tag (RFC 5646).
    pub const fn tag(self) -> &'static str {
        match self {
            Self::De => "de",
            Self::En => "en",
        }
    }

    /// Returns the other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::De => Self::En,
            Self::En => Self::De,
        }
    }

    fn catalogue(self) -> &'static Catalogue {
        static DE: LazyLock<Catalogue> =
            LazyLock::new(|| Catalogue::parse(include_str!("catalogue/de.toml")));
        static EN: LazyLock<Catalogue> =
            LazyLock::new(|| Catalogue::parse(include_str!("catalogue/en.toml")));
        match self {
            Self::De => &DE,
            Self::En => &EN,
        }
    }
}

/// In how many words things are said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Length {
    /// In whole sentences, with what can be done next.
    #[default]
    Full,
    /// In a word or two, where that is enough.
    Short,
    /// By a tone, where a tone can say it; else in short.
    Tones,
}

impl Length {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Full, Self::Short, Self::Tones];

    /// Returns what a key changes it to.
    #[must_use]
    pub const fn next(self) -> Self {
        match self {
            Self::Full => Self::Short,
            Self::Short => Self::Tones,
            Self::Tones => Self::Full,
        }
    }
}

/// How somebody is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Voice {
    /// In which words.
    pub wording: Wording,
    /// In which words where they have chosen none: those of the number that they called, or of the room.
    pub house: Wording,
    /// In how many words.
    pub length: Length,
}

impl Voice {
    /// Is spoken to in a house's words, in as many as before; in the language that they have chosen, if they have.
    pub fn come_to(&mut self, house: Wording) {
        let chosen = (!self.is_in_house_language()).then_some(self.wording);
        self.house = house;
        self.wording = chosen
            .filter(|wording| wording.language() != house.language())
            .unwrap_or(house);
    }

    /// In which words they would be spoken to in the other language.
    #[must_use]
    pub fn elsewise(self) -> Wording {
        if self.is_in_house_language() {
            self.house.language().other().into()
        } else {
            self.house
        }
    }

    /// Is spoken to in the other language.
    pub fn change_language(&mut self) {
        self.wording = self.elsewise();
    }

    fn is_in_house_language(self) -> bool {
        self.wording.language() == self.house.language()
    }

    /// Is spoken to in the next words there are.
    pub fn change_wording(&mut self) {
        self.wording = self.wording.next(self.house);
    }
}

impl From<Wording> for Voice {
    fn from(wording: Wording) -> Self {
        Self {
            wording,
            house: wording,
            length: Length::Full,
        }
    }
}

/// A piece of what is said for an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece {
    /// A recording.
    Clip(Clip),
    /// Somebody's name, which is a sound.
    Name(Label),
}

impl Piece {
    /// Returns the recordings among them.
    fn clips(pieces: Vec<Self>) -> Vec<Clip> {
        let clip = |piece| match piece {
            Self::Clip(clip) => Some(clip),
            Self::Name(_) => None,
        };
        pieces.into_iter().filter_map(clip).collect()
    }
}

/// What a caller is asked to type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Asked {
    /// The whole dial-in code.
    Code,
    /// The PIN alone; the number was dialled.
    Pin,
}

/// What moderators know of somebody who waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Knowledge {
    /// That they wait.
    Of,
    /// That somebody waits who came before them.
    OfOthers,
    /// There is no moderator yet.
    Nobodys,
}

/// What became of the wish to hear or be heard louder or softer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Turned {
    /// It is louder.
    Louder,
    /// It is softer.
    Softer,
    /// It is as loud or as soft as it can be.
    Limit,
}

/// Defines [`Event`] so that no variant can lack a key or be missing from [`Event::SAMPLES`].
macro_rules! events {
    ($($(#[$doc:meta])* $variant:ident $({ $($field:ident: $type:ty = $sample:expr),* })? => $key:literal,)*) => {
        /// Something a person is told.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Event {
            $($(#[$doc])* $variant $({
                $(
                    /// What the words depend on.
                    $field: $type,
                )*
            })?,)*
        }

        impl Event {
            /// Every event once, in the order of the catalogue.
            pub const SAMPLES: &[Self] = &[$(Self::$variant $({ $($field: $sample),* })?,)*];

            /// Returns the key of the event's entry in the catalogue; also its name on the wire.
            pub const fn key(self) -> &'static str {
                match self {
                    $(Self::$variant { .. } => $key,)*
                }
            }
        }
    };
}

events! {
    /// A call was answered; perhaps the other language is offered.
    Greeting { asked: Asked = Asked::Code, offers_language: bool = true } => "greeting",
    /// The caller has taken the other language, before the code.
    LanguageTaken { asked: Asked = Asked::Code } => "language-taken",
    /// The caller began again.
    Ask { asked: Asked = Asked::Code } => "ask",
    /// Nothing was typed for a while.
    TakeYourTime { asked: Asked = Asked::Code, offers_language: bool = true } => "take-your-time",
    /// `#` came before the code was complete.
    TooShort { asked: Asked = Asked::Code } => "too-short",
    /// The code is wrong; the same whether or not its room exists.
    WrongCode { asked: Asked = Asked::Code } => "wrong-code",
    /// The code was wrong too often; the call ends.
    TooManyTries => "too-many-tries",
    /// Nothing was typed for too long; the call ends.
    TooLongSilent => "too-long-silent",
    /// Help and privacy before admission.
    AdmissionHelp => "admission-help",
    /// The person is in the conference, together with so many people, counting themself.
    Admitted { present: u32 = 4 } => "admitted",
    /// They switched their microphone on.
    MicrophoneOn => "microphone-on",
    /// They switched their microphone off.
    MicrophoneOff => "microphone-off",
    /// A moderator switched their microphone off.
    MicrophoneOffByModerator => "microphone-off-by-moderator",
    /// Music came from their line, and they are not heard until it ends.
    MusicMuted => "music-muted",
    /// The music from their line has ended, and they are heard again.
    MusicOver => "music-over",
    /// Their line hums or hisses.
    LineHums => "line-hums",
    /// Their line brings the conference back as an echo.
    LineEchoes => "line-echoes",
    /// Their call is not protected, and the room's norm is that calls are.
    LineNotEncrypted => "line-not-encrypted",
    /// Their call is protected to the carrier, and the room's norm is that calls are to the device.
    LineToCarrier => "line-to-carrier",
    /// Help in the conference.
    Help { role: Role = Role::Moderator } => "help",
    /// The language that is spoken from here on.
    LanguageChosen => "language-chosen",
    /// They have more time for keys, or the usual time again.
    Pace { slow: bool = true } => "pace",
    /// In how many words things are said from here on.
    LengthChosen { length: Length = Length::Short } => "length-chosen",
    /// What happens with their data, in short.
    Privacy => "privacy",
    /// The same in full, and before admission the question again that was interrupted.
    PrivacyInFull { facts: Facts = Facts::SAMPLE, asked: Option<Asked> = Some(Asked::Code) } => "privacy-in-full",
    /// A star, and no key after it.
    WhichKey => "which-key",
    /// A key without a meaning.
    KeyUnknown => "key-unknown",
    /// Their role does not give the right.
    NotAllowed => "not-allowed",
    /// The person whom they meant has left.
    NotHere => "not-here",
    /// They speak, and their microphone is off.
    YouAreMuted => "you-are-muted",
    /// A moderator asks them to switch their microphone on.
    PleaseUnmute => "please-unmute",
    /// They raised their hand.
    HandUp => "hand-up",
    /// They lowered their hand.
    HandDown => "hand-down",
    /// They raised their hand to get the floor, without which nobody may speak.
    HandNoted => "hand-noted",
    /// A moderator lowered their hand.
    HandLowered => "hand-lowered",
    /// They have the floor.
    FloorGiven => "floor-given",
    /// Their telephone is the sound of their page from here on.
    Paired => "paired",
    /// The pairing code that they typed inside is wrong.
    PairingFailed => "pairing-failed",
    /// Their telephone moderates by itself and becomes nobody's sound; how it would.
    PairingLeads => "pairing-leads",
    /// Nobody has said at the page that the telephone is theirs; the call ends.
    NotConfirmed => "not-confirmed",
    /// They have left at the page whose sound their telephone was; the call ends.
    LeftAtPage => "left-at-page",
    /// Somebody else has the floor.
    FloorTaken => "floor-taken",
    /// They, a moderator, gave the floor to who asked first.
    FloorPassed => "floor-passed",
    /// Nobody asks for the floor.
    NobodyAsks => "nobody-asks",
    /// From now on only who has the floor may speak.
    AskToSpeak { role: Role = Role::Guest } => "ask-to-speak",
    /// Everybody may speak again.
    AllMaySpeak => "all-may-speak",
    /// They, a moderator, muted everybody.
    MutedAll => "muted-all",
    /// They, a moderator, locked the conference.
    Locked => "locked",
    /// They, a moderator, opened the conference again.
    Unlocked => "unlocked",
    /// The conference takes nobody in any more.
    RoomLocked => "room-locked",
    /// Are they sure that the conference is to end for all?
    ConfirmEnd => "confirm-end",
    /// They are not, and it goes on.
    GoesOn => "goes-on",
    /// Who is here, and what they do.
    WhoIsHere { rollcall: Rollcall = Rollcall::SAMPLE } => "who-is-here",
    /// The keys for how loud it is.
    Volume => "volume",
    /// It is louder or softer, or as far as it goes.
    VolumeTurned { turned: Turned = Turned::Louder } => "volume-turned",
    /// The keys mean what they meant before.
    VolumeDone => "volume-done",
    /// They are in the waiting room; a moderator is there who knows of it, or of those before them, or not yet.
    Waiting { known: Knowledge = Knowledge::Of } => "waiting",
    /// They are in the waiting room still.
    StillWaiting => "still-waiting",
    /// Help in the waiting room.
    WaitingHelp => "waiting-help",
    /// They may say their name, for the moderators.
    SayName => "say-name",
    /// They say it after this.
    SayNameNow => "say-name-now",
    /// It is kept.
    NameNoted => "name-noted",
    /// The sound of waiting.
    WaitingSound => "waiting-sound",
    /// A moderator let them in, together with so many people, counting themself.
    LetIn { present: u32 = 4 } => "let-in",
    /// They are back in the conference, together with so many people, counting themself.
    WelcomeBack { present: u32 = 4 } => "welcome-back",
    /// A moderator turned them away: they are not expected.
    NotExpected => "not-expected",
    /// A moderator turned them away: there is no place.
    NoPlace => "no-place",
    /// A moderator turned them away: they may come later.
    ComeLater => "come-later",
    /// They, a moderator, are told that somebody waits.
    SomebodyWaits => "somebody-waits",
    /// They, a moderator, are told who waits, and decide.
    Waits { whom: Label = Label::SAMPLE, perhaps_removed: bool = false } => "waits",
    /// Nobody waits.
    NobodyWaits => "nobody-waits",
    /// For which reason do they turn somebody away?
    WhichReason => "which-reason",
    /// They, a moderator, let somebody in.
    DoneLetIn => "done-let-in",
    /// They, a moderator, turned somebody away.
    DoneTurnedAway => "done-turned-away",
    /// They, a moderator, talk with somebody who waits, alone.
    TalkBegun { muted: bool = true } => "talk-begun",
    /// They, a moderator, are back among the others, muted.
    TalkOver => "talk-over",
    /// Another moderator talks with whom they, a moderator, meant.
    TalkedTo => "talked-to",
    /// They wait, and a moderator talks with them alone.
    Addressed => "addressed",
    /// The moderator does so no more, and they wait on.
    AddressedNoMore => "addressed-no-more",
    /// They, a moderator, removed the guest who came last.
    RemovedLast { whom: Label = Label::SAMPLE } => "removed-last",
    /// A moderator has made them one.
    MadeModerator => "made-moderator",
    /// They, a moderator, are told who is one, too, from here on.
    NewModerator { whom: Label = Label::SAMPLE } => "new-moderator",
    /// There is no guest to remove.
    NobodyToRemove => "nobody-to-remove",
    /// Somebody guesses PINs of the room.
    Alarm => "alarm",
    /// All hear that somebody came in.
    SomebodyCame => "somebody-came",
    /// All hear that somebody left.
    SomebodyWent => "somebody-went",
    /// All hear who came in.
    Came { whom: Label = Label::SAMPLE } => "came",
    /// All hear who left.
    Went { whom: Label = Label::SAMPLE } => "went",
    /// They, a moderator, let a tone be heard for people who come and go.
    EntryTones => "entry-tones",
    /// They, a moderator, let people who come and go be named.
    EntryNames => "entry-names",
    /// They, a moderator, let nothing be heard of people who come and go.
    EntryOff => "entry-off",
    /// A moderator removed them.
    Removed => "removed",
    /// A moderator ended the conference.
    Ended => "ended",
    /// The server stops.
    Stopping => "stopping",
    /// The conference has no place left.
    RoomFull => "room-full",
    /// The room demands more protection than their call has.
    Unprotected => "unprotected",
    /// The server has as much to do as it can carry.
    Busy => "busy",
    /// Something of ours failed.
    Fault => "fault",
    /// They are called into a conference, by this moderator.
    Invited { by: Label = Label::SAMPLE } => "invited",
    /// Whom they had called is busy.
    CalleeBusy => "callee-busy",
    /// Whom they had called does not answer.
    CalleeSilent => "callee-silent",
    /// Whom they had called does not want to take part.
    CalleeDeclined => "callee-declined",
    /// The call that they asked for could not be made.
    CallFailed => "call-failed",
    /// They were called, and the time for that is over.
    TimeIsUp => "time-is-up",
    /// They test how they sound.
    SoundTest { said: SoundTest = SoundTest::Begin } => "sound-test",
}

impl Event {
    /// Returns what is played for it, in order.
    #[expect(clippy::too_many_lines, reason = "a table with a row per event")]
    pub fn clips(self) -> Vec<Clip> {
        match self {
            Self::Greeting {
                asked,
                offers_language,
            } => Clip::offering(offers_language, &[Clip::HELLO, Clip::ask(asked)]),
            Self::LanguageTaken { asked } => {
                Clip::offering(true, &[Clip::LANGUAGE_CHOSEN, Clip::ask(asked)])
            }
            Self::Ask { asked } => vec![Clip::ask(asked)],
            // A PIN may begin with 0, so help cannot be asked for by key; waiting brings it.
            Self::TakeYourTime {
                asked: Asked::Pin,
                offers_language,
            } => Clip::offering(
                offers_language,
                &[
                    Clip::TAKE_YOUR_TIME,
                    Clip::HELP_PIN,
                    Clip::PRIVACY,
                    Clip::ASK_PIN,
                ],
            ),
            Self::TakeYourTime {
                asked: Asked::Code,
                offers_language,
            } => Clip::offering(offers_language, &[Clip::TAKE_YOUR_TIME, Clip::ASK_CODE]),
            Self::TooShort { asked } => vec![Clip::TOO_SHORT, Clip::ask(asked)],
            Self::WrongCode { asked } => vec![Clip::WRONG_CODE, Clip::ask(asked)],
            Self::TooManyTries => vec![Clip::TOO_MANY_TRIES],
            Self::TooLongSilent => vec![Clip::TOO_LONG_SILENT],
            Self::AdmissionHelp => vec![
                Clip::HELP_CODE,
                Clip::PRIVACY,
                Clip::PRIVACY_BY_ZERO,
                Clip::ASK_CODE,
            ],
            Self::Admitted { present } => Clip::welcome(Clip::THANKS, present),
            Self::MicrophoneOn => vec![Clip::MICROPHONE_ON],
            Self::MicrophoneOff => vec![Clip::MICROPHONE_OFF],
            Self::MicrophoneOffByModerator => {
                vec![Clip::MICROPHONE_OFF_BY_MODERATOR, Clip::TO_SPEAK]
            }
            Self::MusicMuted => vec![Clip::MUSIC_MUTED],
            Self::MusicOver => vec![Clip::MUSIC_OVER],
            Self::LineHums => vec![Clip::LINE_HUMS, Clip::TO_MUTE],
            Self::LineEchoes => vec![Clip::LINE_ECHOES],
            Self::LineNotEncrypted => vec![Clip::LINE_NOT_ENCRYPTED],
            Self::LineToCarrier => vec![Clip::LINE_TO_CARRIER],
            Self::Help { role: Role::Guest } => {
                vec![
                    Clip::HELP,
                    Clip::HELP_MENU,
                    Clip::HELP_PAIRING,
                    Clip::HELP_END,
                    Clip::THIS_HELP,
                ]
            }
            Self::Help {
                role: Role::Moderator,
            } => vec![Clip::HELP, Clip::HELP_MODERATOR, Clip::HELP_MENU],
            Self::LanguageChosen => vec![Clip::LANGUAGE_CHOSEN],
            Self::Pace { slow: true } => vec![Clip::PACE_SLOW],
            Self::Pace { slow: false } => vec![Clip::PACE_USUAL],
            Self::LengthChosen { length } => vec![match length {
                Length::Full => Clip::LENGTH_FULL,
                Length::Short => Clip::LENGTH_SHORT,
                Length::Tones => Clip::LENGTH_TONES,
            }],
            Self::Privacy => vec![Clip::PRIVACY, Clip::PRIVACY_BY_FOUR],
            Self::PrivacyInFull { facts, asked } => {
                let told = facts.clips();
                told.chain(asked.map(Clip::ask)).collect()
            }
            Self::WhichKey => vec![Clip::WHICH_KEY, Clip::WHICH_HELP],
            Self::KeyUnknown => vec![Clip::KEY_UNKNOWN, Clip::FOR_HELP],
            Self::NotAllowed => vec![Clip::NOT_ALLOWED],
            Self::NotHere => vec![Clip::NOT_HERE],
            Self::YouAreMuted => vec![Clip::YOU_ARE_MUTED, Clip::TO_SPEAK],
            Self::PleaseUnmute => vec![Clip::PLEASE_UNMUTE, Clip::TO_SPEAK],
            Self::HandUp => vec![Clip::HAND_UP],
            Self::HandDown => vec![Clip::HAND_DOWN],
            Self::HandNoted => vec![Clip::HAND_NOTED],
            Self::HandLowered => vec![Clip::HAND_LOWERED],
            Self::FloorGiven => vec![Clip::FLOOR_GIVEN, Clip::TO_SPEAK],
            Self::Paired => vec![
                Clip::PAIRED,
                Clip::NOT_RECORDED,
                Clip::NOT_HEARD_YET,
                Clip::TO_SPEAK,
            ],
            Self::PairingFailed => vec![Clip::PAIRING_FAILED],
            Self::PairingLeads => vec![Clip::PAIRING_LEADS],
            Self::NotConfirmed => vec![Clip::NOT_CONFIRMED],
            Self::LeftAtPage => vec![Clip::LEFT_AT_PAGE],
            Self::FloorTaken => vec![Clip::FLOOR_TAKEN],
            Self::FloorPassed => vec![Clip::FLOOR_PASSED],
            Self::NobodyAsks => vec![Clip::NOBODY_ASKS, Clip::TO_FREE],
            Self::AskToSpeak { role: Role::Guest } => vec![Clip::ASK_TO_SPEAK, Clip::TO_ASK],
            Self::AskToSpeak {
                role: Role::Moderator,
            } => vec![Clip::ASK_TO_SPEAK, Clip::TO_GIVE_FLOOR],
            Self::AllMaySpeak => vec![Clip::ALL_MAY_SPEAK],
            Self::MutedAll => vec![Clip::MUTED_ALL],
            Self::Locked => vec![Clip::LOCKED],
            Self::Unlocked => vec![Clip::UNLOCKED],
            Self::RoomLocked => vec![Clip::ROOM_LOCKED],
            Self::ConfirmEnd => vec![Clip::CONFIRM_END],
            Self::GoesOn => vec![Clip::GOES_ON],
            Self::WhoIsHere { rollcall } => Piece::clips(roll::pieces(rollcall, |_| false)),
            Self::Volume => vec![Clip::VOLUME],
            Self::VolumeTurned { turned } => vec![match turned {
                Turned::Louder => Clip::LOUDER,
                Turned::Softer => Clip::SOFTER,
                Turned::Limit => Clip::VOLUME_LIMIT,
            }],
            Self::VolumeDone => vec![Clip::VOLUME_DONE],
            Self::Waiting { known } => vec![match known {
                Knowledge::Of => Clip::WAITING,
                Knowledge::OfOthers => Clip::WAITING_BEHIND,
                Knowledge::Nobodys => Clip::WAITING_UNLED,
            }],
            Self::StillWaiting => vec![Clip::STILL_WAITING],
            Self::WaitingHelp => vec![
                Clip::STILL_WAITING,
                Clip::HELP_MENU,
                Clip::HELP_END,
                Clip::THIS_HELP,
            ],
            Self::SayName => vec![Clip::SAY_NAME],
            Self::SayNameNow => vec![Clip::SAY_NAME_NOW, Clip::TEST_TONE],
            Self::NameNoted => vec![Clip::NAME_NOTED],
            Self::WaitingSound => vec![Clip::WAITING_SOUND],
            Self::LetIn { present } => Clip::welcome(Clip::LET_IN, present),
            Self::WelcomeBack { present } => Clip::welcome(Clip::WELCOME_BACK, present),
            Self::NotExpected => vec![Clip::NOT_EXPECTED],
            Self::NoPlace => vec![Clip::NO_PLACE],
            Self::ComeLater => vec![Clip::COME_LATER],
            Self::SomebodyWaits => vec![Clip::SOMEBODY_WAITS, Clip::TO_HEAR_WAITING],
            Self::Waits {
                whom,
                perhaps_removed,
            } => Clip::waiting(whom, perhaps_removed),
            Self::NobodyWaits => vec![Clip::NOBODY_WAITS],
            Self::WhichReason => vec![Clip::WHICH_REASON],
            Self::DoneLetIn => vec![Clip::DONE_LET_IN],
            Self::DoneTurnedAway => vec![Clip::DONE_TURNED_AWAY],
            Self::TalkBegun { muted } => Clip::talk(muted),
            Self::TalkOver => vec![Clip::TALK_OVER, Clip::TO_SPEAK],
            Self::TalkedTo => vec![Clip::TALKED_TO],
            Self::Addressed => vec![Clip::ADDRESSED, Clip::TO_SPEAK],
            Self::AddressedNoMore => vec![Clip::ADDRESSED_NO_MORE],
            Self::RemovedLast { whom } => vec![Clip::REMOVED_LAST, Clip::label(whom)],
            Self::MadeModerator => vec![Clip::MADE_MODERATOR, Clip::FOR_HELP],
            Self::NewModerator { whom } => vec![Clip::NEW_MODERATOR, Clip::label(whom)],
            Self::NobodyToRemove => vec![Clip::NOBODY_TO_REMOVE],
            Self::Alarm => vec![Clip::ALARM],
            Self::SomebodyCame => vec![Clip::TONE_IN],
            Self::SomebodyWent => vec![Clip::TONE_OUT],
            Self::Came { whom } => vec![Clip::CAME, Clip::label(whom)],
            Self::Went { whom } => vec![Clip::WENT, Clip::label(whom)],
            Self::EntryTones => vec![Clip::ENTRY_TONES],
            Self::EntryNames => vec![Clip::ENTRY_NAMES],
            Self::EntryOff => vec![Clip::ENTRY_OFF],
            Self::Removed => vec![Clip::REMOVED],
            Self::Ended => vec![Clip::ENDED],
            Self::Stopping => vec![Clip::STOPPING],
            Self::RoomFull => vec![Clip::ROOM_FULL],
            Self::Unprotected => vec![Clip::UNPROTECTED],
            Self::Busy => vec![Clip::BUSY],
            Self::Fault => vec![Clip::FAULT],
            Self::SoundTest { said } => said.clips(),
            Self::Invited { by } => vec![Clip::CALLS[0], Clip::label(by), Clip::CALLS[1]],
            Self::CalleeBusy | Self::CalleeSilent | Self::CalleeDeclined | Self::CallFailed => {
                vec![Clip::CALLS[2]]
            }
            Self::TimeIsUp => vec![Clip::CALLS[3]],
        }
    }

    /// Returns what is played for it to somebody who wants it in so many words.
    pub fn clips_in(self, length: Length) -> Vec<Clip> {
        Piece::clips(self.pieces(length, |_| false))
    }

    /// Returns whom it names; those in a roll call may be named but need not.
    pub fn names(self) -> Vec<Label> {
        if let Self::WhoIsHere { rollcall } = self {
            rollcall.names()
        } else {
            self.names_one().into_iter().collect()
        }
    }

    /// Returns the same as [`Event::clips_in`] where these people's names are sounds of their own.
    pub fn pieces(self, length: Length, is_sound: impl Fn(Label) -> bool) -> Vec<Piece> {
        let pieces = if let Self::WhoIsHere { rollcall } = self {
            roll::pieces(rollcall, is_sound)
        } else {
            let whom = self.names_one().filter(|whom| is_sound(*whom));
            let around = |clip: Clip| match whom {
                Some(whom) if clip == Clip::label(whom) => Piece::Name(whom),
                Some(_) | None => Piece::Clip(clip),
            };
            self.clips().into_iter().map(around).collect()
        };
        let full = length == Length::Full;
        let in_length = |piece: Piece| match piece {
            Piece::Clip(clip) if !full && clip.is_reminder() => None,
            Piece::Clip(clip) => Some(Piece::Clip(clip.in_length(length))),
            Piece::Name(whom) => Some(Piece::Name(whom)),
        };
        pieces.into_iter().filter_map(in_length).collect()
    }

    /// Returns whom it names, if it is one.
    const fn names_one(self) -> Option<Label> {
        if let Self::Waits { whom, .. }
        | Self::RemovedLast { whom }
        | Self::NewModerator { whom }
        | Self::Came { whom }
        | Self::Went { whom }
        | Self::Invited { by: whom } = self
        {
            Some(whom)
        } else {
            None
        }
    }

    /// Tells whether it only helps to be heard better, so that once is enough.
    pub const fn is_hint(self) -> bool {
        matches!(self, Self::LineHums | Self::LineEchoes)
    }

    /// Tells whether it waits until other words are said: nobody has asked for it, and it stays true meanwhile.
    pub const fn is_news(self) -> bool {
        matches!(
            self,
            Self::SomebodyWaits | Self::Alarm | Self::LineNotEncrypted | Self::LineToCarrier
        )
    }

    /// Tells whether it is a tone, beneath which the talk goes on as loud as it is.
    pub const fn is_tone(self) -> bool {
        matches!(self, Self::SomebodyCame | Self::SomebodyWent)
    }

    /// Everything that is said over the talk, to one or to all, with all that its words depend on.
    pub fn asides() -> impl Iterator<Item = Self> {
        let lengths = Length::ALL.map(|length| Self::LengthChosen { length });
        let turned = [Turned::Louder, Turned::Softer, Turned::Limit];
        let samples = Self::SAMPLES
            .iter()
            .copied()
            .filter(|event| event.is_aside());
        samples
            .chain([true, false].map(|slow| Self::Pace { slow }))
            .chain(lengths)
            .chain(turned.map(|turned| Self::VolumeTurned { turned }))
            .chain([Self::TalkBegun { muted: false }])
            .chain(Self::announcements())
    }

    /// Everything that is said to all who are inside, over the talk.
    pub fn announcements() -> impl Iterator<Item = Self> {
        let named = Label::spoken().flat_map(|whom| [Self::Came { whom }, Self::Went { whom }]);
        [Self::SomebodyCame, Self::SomebodyWent]
            .into_iter()
            .chain(named)
    }
}

/// One language's part of the catalogue.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Catalogue {
    clip: BTreeMap<String, String>,
    event: BTreeMap<String, Renderings>,
}

/// The renderings of one event that are text; the spoken one is made of clips.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Renderings {
    shown: String,
}

impl Catalogue {
    fn parse(text: &str) -> Self {
        toml::from_str(text).expect("the built-in catalogue is well-formed, which a test holds")
    }
}

#[cfg(test)]
mod tests;
