//! The catalogue: everything a person is ever told. One entry per event, four renderings.
//!
//! *Spoken*: clips, played to telephones. *Shown*: text in a browser. *Typed* (real-time text on telephones) and
//! *announced* (to screen readers) are foreseen in the same entry. The words stand in `catalogue/{de,en}.toml`; the clips
//! are rendered from them beforehand (`deploy/prompts`), so that no person's words ever pass a speech engine.

mod sound_test;

use std::{collections::BTreeMap, sync::LazyLock};

use serde::{Deserialize, Serialize};

pub use self::sound_test::{Band, Loss, Passage, SoundTest};
use crate::conference::{
    participant::{Door, Role},
    rollcall::{Label, Rollcall, Speaking},
};

/// A language the catalogue speaks.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Language {
    /// German, with *Sie*.
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

/// What a caller is asked to type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Asked {
    /// The whole dial-in code.
    Code,
    /// The PIN alone; the number was dialled.
    Pin,
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
    ($($(#[$doc:meta])* $variant:ident $({ $field:ident: $type:ty = $sample:expr })? => $key:literal,)*) => {
        /// Something a person is told.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Event {
            $($(#[$doc])* $variant $({
                /// What the words depend on.
                $field: $type,
            })?,)*
        }

        impl Event {
            /// Every event once, in the order of the catalogue.
            pub const SAMPLES: &[Self] = &[$(Self::$variant $({ $field: $sample })?,)*];

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
    /// A call was answered.
    Greeting { asked: Asked = Asked::Code } => "greeting",
    /// The caller began again.
    Ask { asked: Asked = Asked::Code } => "ask",
    /// Nothing was typed for a while.
    TakeYourTime { asked: Asked = Asked::Code } => "take-your-time",
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
    /// Their call is less protected than calls usually are.
    LineNotEncrypted => "line-not-encrypted",
    /// Help in the conference.
    Help { role: Role = Role::Moderator } => "help",
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
    /// They are in the waiting room; a moderator is there to know of it, or not yet.
    Waiting { led: bool = true } => "waiting",
    /// They are in the waiting room still.
    StillWaiting => "still-waiting",
    /// Help in the waiting room.
    WaitingHelp => "waiting-help",
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
    Waits { whom: Label = Label::SAMPLE } => "waits",
    /// Nobody waits.
    NobodyWaits => "nobody-waits",
    /// For which reason do they turn somebody away?
    WhichReason => "which-reason",
    /// They, a moderator, let somebody in.
    DoneLetIn => "done-let-in",
    /// They, a moderator, turned somebody away.
    DoneTurnedAway => "done-turned-away",
    /// They, a moderator, removed the guest who came last.
    RemovedLast { whom: Label = Label::SAMPLE } => "removed-last",
    /// There is no guest to remove.
    NobodyToRemove => "nobody-to-remove",
    /// Somebody guesses PINs of the room.
    Alarm => "alarm",
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
    /// They test how they sound.
    SoundTest { said: SoundTest = SoundTest::Begin } => "sound-test",
}

impl Event {
    /// Returns what is played for it, in order.
    #[expect(clippy::too_many_lines, reason = "a table with a row per event")]
    pub fn clips(self) -> Vec<Clip> {
        match self {
            Self::Greeting { asked } => vec![Clip::HELLO, Clip::ask(asked)],
            Self::Ask { asked } => vec![Clip::ask(asked)],
            // A PIN may begin with 0, so help cannot be asked for by key; waiting brings it.
            Self::TakeYourTime { asked: Asked::Pin } => {
                vec![
                    Clip::TAKE_YOUR_TIME,
                    Clip::HELP_PIN,
                    Clip::PRIVACY,
                    Clip::ASK_PIN,
                ]
            }
            Self::TakeYourTime { asked: Asked::Code } => vec![Clip::TAKE_YOUR_TIME, Clip::ASK_CODE],
            Self::TooShort { asked } => vec![Clip::TOO_SHORT, Clip::ask(asked)],
            Self::WrongCode { asked } => vec![Clip::WRONG_CODE, Clip::ask(asked)],
            Self::TooManyTries => vec![Clip::TOO_MANY_TRIES],
            Self::TooLongSilent => vec![Clip::TOO_LONG_SILENT],
            Self::AdmissionHelp => vec![Clip::HELP_CODE, Clip::PRIVACY, Clip::ASK_CODE],
            Self::Admitted { present } => Clip::welcome(Clip::THANKS, present),
            Self::MicrophoneOn => vec![Clip::MICROPHONE_ON],
            Self::MicrophoneOff => vec![Clip::MICROPHONE_OFF],
            Self::MicrophoneOffByModerator => vec![Clip::MICROPHONE_OFF_BY_MODERATOR],
            Self::MusicMuted => vec![Clip::MUSIC_MUTED],
            Self::MusicOver => vec![Clip::MUSIC_OVER],
            Self::LineHums => vec![Clip::LINE_HUMS],
            Self::LineEchoes => vec![Clip::LINE_ECHOES],
            Self::LineNotEncrypted => vec![Clip::LINE_NOT_ENCRYPTED],
            Self::Help { role: Role::Guest } => vec![Clip::HELP, Clip::HELP_END],
            Self::Help {
                role: Role::Moderator,
            } => vec![Clip::HELP, Clip::HELP_MODERATOR, Clip::HELP_END],
            Self::WhichKey => vec![Clip::WHICH_KEY],
            Self::KeyUnknown => vec![Clip::KEY_UNKNOWN],
            Self::NotAllowed => vec![Clip::NOT_ALLOWED],
            Self::NotHere => vec![Clip::NOT_HERE],
            Self::YouAreMuted => vec![Clip::YOU_ARE_MUTED],
            Self::PleaseUnmute => vec![Clip::PLEASE_UNMUTE],
            Self::HandUp => vec![Clip::HAND_UP],
            Self::HandDown => vec![Clip::HAND_DOWN],
            Self::HandNoted => vec![Clip::HAND_NOTED],
            Self::HandLowered => vec![Clip::HAND_LOWERED],
            Self::FloorGiven => vec![Clip::FLOOR_GIVEN],
            Self::FloorTaken => vec![Clip::FLOOR_TAKEN],
            Self::FloorPassed => vec![Clip::FLOOR_PASSED],
            Self::NobodyAsks => vec![Clip::NOBODY_ASKS],
            Self::AskToSpeak { role: Role::Guest } => vec![Clip::ASK_TO_SPEAK],
            Self::AskToSpeak {
                role: Role::Moderator,
            } => vec![Clip::ASK_TO_SPEAK_LED],
            Self::AllMaySpeak => vec![Clip::ALL_MAY_SPEAK],
            Self::MutedAll => vec![Clip::MUTED_ALL],
            Self::Locked => vec![Clip::LOCKED],
            Self::Unlocked => vec![Clip::UNLOCKED],
            Self::RoomLocked => vec![Clip::ROOM_LOCKED],
            Self::ConfirmEnd => vec![Clip::CONFIRM_END],
            Self::GoesOn => vec![Clip::GOES_ON],
            Self::WhoIsHere { rollcall } => Clip::roll_call(rollcall),
            Self::Volume => vec![Clip::VOLUME],
            Self::VolumeTurned { turned } => vec![match turned {
                Turned::Louder => Clip::LOUDER,
                Turned::Softer => Clip::SOFTER,
                Turned::Limit => Clip::VOLUME_LIMIT,
            }],
            Self::VolumeDone => vec![Clip::VOLUME_DONE],
            Self::Waiting { led: true } => vec![Clip::WAITING],
            Self::Waiting { led: false } => vec![Clip::WAITING_UNLED],
            Self::StillWaiting => vec![Clip::STILL_WAITING],
            Self::WaitingHelp => vec![Clip::STILL_WAITING, Clip::HELP_END],
            Self::WaitingSound => vec![Clip::WAITING_SOUND],
            Self::LetIn { present } => Clip::welcome(Clip::LET_IN, present),
            Self::WelcomeBack { present } => Clip::welcome(Clip::WELCOME_BACK, present),
            Self::NotExpected => vec![Clip::NOT_EXPECTED],
            Self::NoPlace => vec![Clip::NO_PLACE],
            Self::ComeLater => vec![Clip::COME_LATER],
            Self::SomebodyWaits => vec![Clip::SOMEBODY_WAITS],
            Self::Waits { whom } => vec![Clip::WAITS, Clip::label(whom), Clip::DECIDE],
            Self::NobodyWaits => vec![Clip::NOBODY_WAITS],
            Self::WhichReason => vec![Clip::WHICH_REASON],
            Self::DoneLetIn => vec![Clip::DONE_LET_IN],
            Self::DoneTurnedAway => vec![Clip::DONE_TURNED_AWAY],
            Self::RemovedLast { whom } => vec![Clip::REMOVED_LAST, Clip::label(whom)],
            Self::NobodyToRemove => vec![Clip::NOBODY_TO_REMOVE],
            Self::Alarm => vec![Clip::ALARM],
            Self::Removed => vec![Clip::REMOVED],
            Self::Ended => vec![Clip::ENDED],
            Self::Stopping => vec![Clip::STOPPING],
            Self::RoomFull => vec![Clip::ROOM_FULL],
            Self::Unprotected => vec![Clip::UNPROTECTED],
            Self::Busy => vec![Clip::BUSY],
            Self::Fault => vec![Clip::FAULT],
            Self::SoundTest { said } => said.clips(),
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
            Self::SomebodyWaits | Self::Alarm | Self::LineNotEncrypted
        )
    }

    /// Tells whether a caller hears it over the talk, which goes on beneath: what is short and changes nothing but how they
    /// are heard. Help is asked for and long, and a goodbye is the last there is: these are said instead of the talk.
    pub const fn is_aside(self) -> bool {
        matches!(
            self,
            Self::MicrophoneOn
                | Self::MicrophoneOff
                | Self::MicrophoneOffByModerator
                | Self::MusicMuted
                | Self::MusicOver
                | Self::LineHums
                | Self::LineEchoes
                | Self::LineNotEncrypted
                | Self::WhichKey
                | Self::KeyUnknown
                | Self::NotAllowed
                | Self::NotHere
                | Self::YouAreMuted
                | Self::PleaseUnmute
                | Self::HandUp
                | Self::HandDown
                | Self::HandNoted
                | Self::HandLowered
                | Self::FloorGiven
                | Self::FloorTaken
                | Self::FloorPassed
                | Self::AllMaySpeak
                | Self::GoesOn
                | Self::VolumeTurned { .. }
                | Self::VolumeDone
                | Self::SomebodyWaits
                | Self::DoneLetIn
                | Self::DoneTurnedAway
        )
    }

    /// Returns the text a browser shows for it.
    pub fn shown(self, language: Language) -> String {
        let text = &language
            .catalogue()
            .event
            .get(self.key())
            .expect("every event has an entry in every language, which a test holds")
            .shown;
        if let Self::Admitted { present }
        | Self::LetIn { present }
        | Self::WelcomeBack { present }
        | Self::WhoIsHere {
            rollcall: Rollcall { present, .. },
        } = self
        {
            text.replace("{present}", &present.to_string())
        } else {
            text.clone()
        }
    }
}

/// A recorded piece of speech, known by its key in the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Clip(&'static str);

/// Defines the clips as constants together with [`Clip::ALL`].
macro_rules! clips {
    ($($(#[$counts:meta])* $row:ident [$($count:literal)*])* ; $($(#[$doc:meta])* $name:ident = $key:literal;)*) => {
        impl Clip {
            $($(#[$doc])* pub const $name: Self = Self($key);)*

            $($(#[$counts])* const $row: &[Self] = &[$(Self($count),)*];)*

            /// Every clip, in an order that only changes with the catalogue; the place in it is the clip's index.
            pub const ALL: &[Self] = &[$(Self::$name,)* $($(Self($count),)*)*];
        }
    };
}

clips! {
    /// "So many people are here", from one person on.
    PRESENT [
        "present-1" "present-2" "present-3" "present-4" "present-5" "present-6" "present-7" "present-8"
        "present-9" "present-10" "present-11" "present-12" "present-13" "present-14" "present-15" "present-16"
        "present-17" "present-18" "present-19" "present-20"
    ]
    /// "So many raised hands", from one on.
    HANDS [
        "hands-1" "hands-2" "hands-3" "hands-4" "hands-5"
    ]
    /// "Telephone so-and-so is speaking", from the first on.
    SPEAKS_PHONE [
        "speaks-phone-1" "speaks-phone-2" "speaks-phone-3" "speaks-phone-4" "speaks-phone-5" "speaks-phone-6"
        "speaks-phone-7" "speaks-phone-8" "speaks-phone-9" "speaks-phone-10" "speaks-phone-11"
        "speaks-phone-12" "speaks-phone-13" "speaks-phone-14" "speaks-phone-15" "speaks-phone-16"
        "speaks-phone-17" "speaks-phone-18" "speaks-phone-19" "speaks-phone-20"
    ]
    /// "Guest so-and-so is speaking", from the first on.
    SPEAKS_GUEST [
        "speaks-guest-1" "speaks-guest-2" "speaks-guest-3" "speaks-guest-4" "speaks-guest-5" "speaks-guest-6"
        "speaks-guest-7" "speaks-guest-8" "speaks-guest-9" "speaks-guest-10" "speaks-guest-11"
        "speaks-guest-12" "speaks-guest-13" "speaks-guest-14" "speaks-guest-15" "speaks-guest-16"
        "speaks-guest-17" "speaks-guest-18" "speaks-guest-19" "speaks-guest-20"
    ]
    /// "Telephone so-and-so", from the first on.
    LABEL_PHONE [
        "label-phone-1" "label-phone-2" "label-phone-3" "label-phone-4" "label-phone-5" "label-phone-6"
        "label-phone-7" "label-phone-8" "label-phone-9" "label-phone-10" "label-phone-11" "label-phone-12"
        "label-phone-13" "label-phone-14" "label-phone-15" "label-phone-16" "label-phone-17" "label-phone-18"
        "label-phone-19" "label-phone-20"
    ]
    /// "Guest so-and-so", from the first on.
    LABEL_GUEST [
        "label-guest-1" "label-guest-2" "label-guest-3" "label-guest-4" "label-guest-5" "label-guest-6"
        "label-guest-7" "label-guest-8" "label-guest-9" "label-guest-10" "label-guest-11" "label-guest-12"
        "label-guest-13" "label-guest-14" "label-guest-15" "label-guest-16" "label-guest-17" "label-guest-18"
        "label-guest-19" "label-guest-20"
    ]
    /// What the sound test says.
    SOUND_TEST [
        "test-begin" "test-again" "test-tone" "test-heard" "test-not-heard" "test-narrow" "test-wide" "test-full"
        "test-to-carrier" "test-to-device" "test-loss-nothing" "test-loss-little" "test-loss-much" "test-once-more" "test-end"
    ];
    /// The greeting.
    HELLO = "hello";
    /// Asks for the dial-in code.
    ASK_CODE = "ask-code";
    /// Asks for the PIN.
    ASK_PIN = "ask-pin";
    /// Reassures the slow.
    TAKE_YOUR_TIME = "take-your-time";
    /// Digits are missing.
    TOO_SHORT = "too-short";
    /// The code is wrong.
    WRONG_CODE = "wrong-code";
    /// Goodbye after the last try.
    TOO_MANY_TRIES = "too-many-tries";
    /// Goodbye after long silence.
    TOO_LONG_SILENT = "too-long-silent";
    /// How to type the code.
    HELP_CODE = "help-code";
    /// How to type the PIN.
    HELP_PIN = "help-pin";
    /// Privacy in short.
    PRIVACY = "privacy";
    /// Thanks for the right code.
    THANKS = "thanks";
    /// More people are here than are counted aloud.
    PRESENT_MANY = "present-many";
    /// Nothing is recorded.
    NOT_RECORDED = "not-recorded";
    /// The microphone is off, and how to switch it on.
    NOT_HEARD_YET = "not-heard-yet";
    /// The microphone is on.
    MICROPHONE_ON = "microphone-on";
    /// The microphone is off.
    MICROPHONE_OFF = "microphone-off";
    /// A moderator switched the microphone off.
    MICROPHONE_OFF_BY_MODERATOR = "microphone-off-by-moderator";
    /// Music comes from the line, so it is not heard.
    MUSIC_MUTED = "music-muted";
    /// The music is over.
    MUSIC_OVER = "music-over";
    /// The line hums.
    LINE_HUMS = "line-hums";
    /// The line echoes.
    LINE_ECHOES = "line-echoes";
    /// Help in the conference.
    HELP = "help";
    /// What happens with their data, and how to leave.
    HELP_END = "help-end";
    /// Goodbye to the removed.
    REMOVED = "removed";
    /// Goodbye when a moderator ends the conference.
    ENDED = "ended";
    /// Goodbye when the server stops.
    STOPPING = "stopping";
    /// There is no place left.
    ROOM_FULL = "room-full";
    /// Goodbye when the server has too much to do.
    BUSY = "busy";
    /// Apology for a fault of ours.
    FAULT = "fault";
    /// What else a moderator's keys do.
    HELP_MODERATOR = "help-moderator";
    /// Asks for the key after the star.
    WHICH_KEY = "which-key";
    /// The key means nothing.
    KEY_UNKNOWN = "key-unknown";
    /// Only a moderator may.
    NOT_ALLOWED = "not-allowed";
    /// The person has left.
    NOT_HERE = "not-here";
    /// The microphone is off, and they speak.
    YOU_ARE_MUTED = "you-are-muted";
    /// A moderator asks them to switch it on.
    PLEASE_UNMUTE = "please-unmute";
    /// The hand is raised.
    HAND_UP = "hand-up";
    /// The hand is lowered.
    HAND_DOWN = "hand-down";
    /// The hand is raised, for the floor.
    HAND_NOTED = "hand-noted";
    /// A moderator lowered the hand.
    HAND_LOWERED = "hand-lowered";
    /// They have the floor.
    FLOOR_GIVEN = "floor-given";
    /// They have it no more.
    FLOOR_TAKEN = "floor-taken";
    /// To the moderator: it is given.
    FLOOR_PASSED = "floor-passed";
    /// To the moderator: nobody asks for it.
    NOBODY_ASKS = "nobody-asks";
    /// Only who has the floor may speak.
    ASK_TO_SPEAK = "ask-to-speak";
    /// The same to the moderator.
    ASK_TO_SPEAK_LED = "ask-to-speak-led";
    /// Everybody may speak again.
    ALL_MAY_SPEAK = "all-may-speak";
    /// To the moderator: everybody is muted.
    MUTED_ALL = "muted-all";
    /// The conference is locked.
    LOCKED = "locked";
    /// The conference is open again.
    UNLOCKED = "unlocked";
    /// Goodbye to who comes to a locked conference.
    ROOM_LOCKED = "room-locked";
    /// Is the conference to end?
    CONFIRM_END = "confirm-end";
    /// It goes on.
    GOES_ON = "goes-on";
    /// The keys for how loud it is.
    VOLUME = "volume";
    /// Louder.
    LOUDER = "louder";
    /// Softer.
    SOFTER = "softer";
    /// As far as it goes.
    VOLUME_LIMIT = "volume-limit";
    /// Back in the conversation.
    VOLUME_DONE = "volume-done";
    /// Nobody speaks.
    SPEAKS_NOBODY = "speaks-nobody";
    /// Several speak.
    SPEAKS_SEVERAL = "speaks-several";
    /// Somebody speaks whose number is not said.
    SPEAKS_OTHER = "speaks-other";
    /// More raised hands than are counted aloud.
    HANDS_MANY = "hands-many";
    /// They are in the waiting room, and a moderator knows.
    WAITING = "waiting";
    /// They are in the waiting room, and no moderator is here.
    WAITING_UNLED = "waiting-unled";
    /// They are in the waiting room still.
    STILL_WAITING = "still-waiting";
    /// A soft sound while they wait.
    WAITING_SOUND = "waiting-sound";
    /// A moderator let them in.
    LET_IN = "let-in";
    /// Goodbye to who is not expected.
    NOT_EXPECTED = "not-expected";
    /// Goodbye to who gets no place.
    NO_PLACE = "no-place";
    /// Goodbye to who is to come later.
    COME_LATER = "come-later";
    /// To a moderator: somebody waits.
    SOMEBODY_WAITS = "somebody-waits";
    /// To a moderator: the one named next waits.
    WAITS = "waits";
    /// To a moderator: the keys that decide about who waits.
    DECIDE = "decide";
    /// To a moderator: nobody waits.
    NOBODY_WAITS = "nobody-waits";
    /// To a moderator: the reasons for turning somebody away.
    WHICH_REASON = "which-reason";
    /// To a moderator: they are in.
    DONE_LET_IN = "done-let-in";
    /// To a moderator: they are turned away.
    DONE_TURNED_AWAY = "done-turned-away";
    /// To a moderator: the one named next is removed.
    REMOVED_LAST = "removed-last";
    /// To a moderator: there is no guest.
    NOBODY_TO_REMOVE = "nobody-to-remove";
    /// Welcome to who was here before.
    WELCOME_BACK = "welcome-back";
    /// To moderators: many wrong PINs were tried.
    ALARM = "alarm";
    /// The call is not encrypted.
    LINE_NOT_ENCRYPTED = "line-not-encrypted";
    /// Goodbye to a call that is not protected as the room demands.
    UNPROTECTED = "unprotected";
    /// Somebody whose number is not said.
    LABEL_OTHER = "label-other";
}

impl Clip {
    const fn ask(asked: Asked) -> Self {
        match asked {
            Asked::Code => Self::ASK_CODE,
            Asked::Pin => Self::ASK_PIN,
        }
    }

    /// The words of a welcome: how many are here, that nothing is recorded, and that the microphone is off.
    fn welcome(first: Self, present: u32) -> Vec<Self> {
        vec![
            first,
            Self::present(present),
            Self::NOT_RECORDED,
            Self::NOT_HEARD_YET,
        ]
    }

    /// What somebody is called who has no name that could be spoken.
    fn label(whom: Label) -> Self {
        let row = match whom.door {
            Door::Phone => Self::LABEL_PHONE,
            Door::Browser => Self::LABEL_GUEST,
        };
        Self::counted(row, whom.ordinal).unwrap_or(Self::LABEL_OTHER)
    }

    fn present(count: u32) -> Self {
        Self::counted(Self::PRESENT, count.max(1)).unwrap_or(Self::PRESENT_MANY)
    }

    /// The clip of a number, from 1 on.
    fn counted(row: &[Self], count: u32) -> Option<Self> {
        let index = usize::try_from(count.checked_sub(1)?).ok()?;
        row.get(index).copied()
    }

    fn roll_call(rollcall: Rollcall) -> Vec<Self> {
        let mut clips = vec![
            Self::present(rollcall.present),
            match rollcall.speaking {
                Speaking::Nobody => Self::SPEAKS_NOBODY,
                Speaking::One(Label { door, ordinal }) => {
                    let row = match door {
                        Door::Phone => Self::SPEAKS_PHONE,
                        Door::Browser => Self::SPEAKS_GUEST,
                    };
                    Self::counted(row, ordinal).unwrap_or(Self::SPEAKS_OTHER)
                }
                Speaking::Several => Self::SPEAKS_SEVERAL,
            },
        ];
        if rollcall.hands > 0 {
            clips.push(Self::counted(Self::HANDS, rollcall.hands).unwrap_or(Self::HANDS_MANY));
        }
        if rollcall.locked {
            clips.push(Self::LOCKED);
        }
        if rollcall.waiting {
            clips.push(Self::SOMEBODY_WAITS);
        }
        clips
    }

    /// Returns the clip's key: the name of its entry in the catalogue and of its file.
    pub const fn key(self) -> &'static str {
        self.0
    }

    /// Returns the clip's place in [`Clip::ALL`].
    pub fn index(self) -> usize {
        Self::ALL
            .iter()
            .position(|clip| *clip == self)
            .expect("clips are made from the table alone")
    }

    /// Returns the clip's file below the folder of prompts.
    pub fn path(self, language: Language) -> String {
        format!("{}/{}.opus", language.tag(), self.0)
    }

    /// Returns the words of the recording.
    pub fn words(self, language: Language) -> &'static str {
        language
            .catalogue()
            .clip
            .get(self.0)
            .expect("every clip has its words in every language, which a test holds")
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
