//! The recorded pieces of speech that events are spoken with.

use super::{Asked, Length, Voice, Wording};
use crate::conference::{
    keyplan::{Control, KeyPlan, Sequence},
    participant::Door,
    rollcall::Label,
};

/// A recorded piece of speech, known by its key in the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Clip(&'static str);

/// Defines the clips as constants together with [`Clip::ALL`].
macro_rules! clips {
    ($($(#[$counts:meta])* $row:ident [$($count:literal)*])* ; $($(#[$doc:meta])* $name:ident = $key:literal;)*) => {
        impl Clip {
            $($(#[$doc])* pub const $name: Self = Self($key);)*

            $($(#[$counts])* pub(super) const $row: &[Self] = &[$(Self($count),)*];)*

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
    /// "So many by telephone", from one on.
    REST_PHONE [
        "rest-phone-1" "rest-phone-2" "rest-phone-3" "rest-phone-4" "rest-phone-5" "rest-phone-6" "rest-phone-7"
        "rest-phone-8" "rest-phone-9" "rest-phone-10" "rest-phone-11" "rest-phone-12" "rest-phone-13"
        "rest-phone-14" "rest-phone-15" "rest-phone-16" "rest-phone-17" "rest-phone-18" "rest-phone-19"
        "rest-phone-20"
    ]
    /// "So many in the browser", from one on.
    REST_BROWSER [
        "rest-browser-1" "rest-browser-2" "rest-browser-3" "rest-browser-4" "rest-browser-5" "rest-browser-6"
        "rest-browser-7" "rest-browser-8" "rest-browser-9" "rest-browser-10" "rest-browser-11"
        "rest-browser-12" "rest-browser-13" "rest-browser-14" "rest-browser-15" "rest-browser-16"
        "rest-browser-17" "rest-browser-18" "rest-browser-19" "rest-browser-20"
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
    /// The digits, from 0 on.
    DIGITS [
        "digit-0" "digit-1" "digit-2" "digit-3" "digit-4" "digit-5" "digit-6" "digit-7" "digit-8" "digit-9"
    ]
    /// "Guest so-and-so", from the first on.
    LABEL_GUEST [
        "label-guest-1" "label-guest-2" "label-guest-3" "label-guest-4" "label-guest-5" "label-guest-6"
        "label-guest-7" "label-guest-8" "label-guest-9" "label-guest-10" "label-guest-11" "label-guest-12"
        "label-guest-13" "label-guest-14" "label-guest-15" "label-guest-16" "label-guest-17" "label-guest-18"
        "label-guest-19" "label-guest-20"
    ]
    /// What is said around calls that are made: who calls, how to take part, that nothing came of it, that it is over.
    CALLS [
        "invited" "invited-keys" "not-reached" "time-is-up"
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
    /// How to get this language instead; said to who is spoken to in the other one.
    THIS_LANGUAGE = "this-language";
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
    /// The telephone is the sound of the page.
    PAIRED = "paired";
    /// The pairing code is wrong.
    PAIRING_FAILED = "pairing-failed";
    /// A telephone that moderates is nobody's sound.
    PAIRING_LEADS = "pairing-leads";
    /// Goodbye to a telephone that nobody calls their own.
    NOT_CONFIRMED = "not-confirmed";
    /// Goodbye to a telephone whose page was left.
    LEFT_AT_PAGE = "left-at-page";
    /// How to make the telephone the sound of a page.
    HELP_PAIRING = "help-pairing";
    /// They have it no more.
    FLOOR_TAKEN = "floor-taken";
    /// To the moderator: it is given.
    FLOOR_PASSED = "floor-passed";
    /// To the moderator: nobody asks for it.
    NOBODY_ASKS = "nobody-asks";
    /// Only who has the floor may speak.
    ASK_TO_SPEAK = "ask-to-speak";
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
    /// They are in the waiting room, and a moderator knows of somebody before them.
    WAITING_BEHIND = "waiting-behind";
    /// They are in the waiting room still.
    STILL_WAITING = "still-waiting";
    /// They may say their name, which moderators hear.
    SAY_NAME = "say-name";
    /// They say it now, after a tone.
    SAY_NAME_NOW = "say-name-now";
    /// Their name is kept.
    NAME_NOTED = "name-noted";
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
    /// To a moderator: whether the one who waits was sent away before cannot be told.
    PERHAPS_REMOVED = "perhaps-removed";
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
    /// To a moderator: they talk with somebody who waits, alone.
    TALK_BEGUN = "talk-begun";
    /// To a moderator: the talk is over, and they are muted.
    TALK_OVER = "talk-over";
    /// To a moderator: another talks with that one.
    TALKED_TO = "talked-to";
    /// To who waits: a moderator talks with them.
    ADDRESSED = "addressed";
    /// To who waits: that is over.
    ADDRESSED_NO_MORE = "addressed-no-more";
    /// To a moderator: the one named next is removed.
    REMOVED_LAST = "removed-last";
    /// They are a moderator from here on.
    MADE_MODERATOR = "made-moderator";
    /// To a moderator: the one named next is one, too.
    NEW_MODERATOR = "new-moderator";
    /// To a moderator: there is no guest.
    NOBODY_TO_REMOVE = "nobody-to-remove";
    /// Welcome to who was here before.
    WELCOME_BACK = "welcome-back";
    /// To moderators: many wrong PINs were tried.
    ALARM = "alarm";
    /// How to switch the microphone on.
    TO_SPEAK = "to-speak";
    /// How to switch the microphone off.
    TO_MUTE = "to-mute";
    /// How to raise the hand.
    TO_ASK = "to-ask";
    /// How to give the floor to who asks next.
    TO_GIVE_FLOOR = "to-give-floor";
    /// How to let everybody speak again.
    TO_FREE = "to-free";
    /// How to hear who waits.
    TO_HEAR_WAITING = "to-hear-waiting";
    /// How to end the talk with somebody who waits.
    TO_END_TALK = "to-end-talk";
    /// How to get help.
    FOR_HELP = "for-help";
    /// How to hear the help again.
    THIS_HELP = "this-help";
    /// How to get help after a star.
    WHICH_HELP = "which-help";
    /// The microphone, before its keys.
    KEY_MICROPHONE = "key-microphone";
    /// The hand, before its keys.
    KEY_HAND = "key-hand";
    /// Who is here, before the keys for it.
    KEY_WHO = "key-who";
    /// Help, before its keys.
    KEY_HELP = "key-help";
    /// How loud it is, before the keys for it.
    KEY_VOLUME = "key-volume";
    /// What follows is for moderators.
    KEY_MODERATOR = "key-moderator";
    /// Muting everybody, before the keys for it.
    KEY_MUTE_ALL = "key-mute-all";
    /// The lock, before its keys.
    KEY_LOCK = "key-lock";
    /// The waiting room, before its keys.
    KEY_WAITING = "key-waiting";
    /// Removing the last guest, before the keys for it.
    KEY_REMOVE_LAST = "key-remove-last";
    /// Asking to speak, before the keys for it.
    KEY_NEXT_HAND = "key-next-hand";
    /// Entry tones, before the keys for them.
    KEY_ENTRY_SIGNAL = "key-entry-signal";
    /// The end, before the keys for it.
    KEY_END = "key-end";
    /// The star.
    KEY_STAR = "key-star";
    /// The same key twice.
    KEY_TWICE = "key-twice";
    /// The keys of the menu that belongs to the help.
    HELP_MENU = "help-menu";
    /// The language, in itself.
    LANGUAGE_CHOSEN = "language-chosen";
    /// There is more time for keys.
    PACE_SLOW = "pace-slow";
    /// There is the usual time for keys.
    PACE_USUAL = "pace-usual";
    /// Things are said in whole sentences.
    LENGTH_FULL = "length-full";
    /// Things are said in short.
    LENGTH_SHORT = "length-short";
    /// Things are said by tones.
    LENGTH_TONES = "length-tones";
    /// How to hear of privacy in full, inside.
    PRIVACY_BY_FOUR = "privacy-by-four";
    /// How to hear of privacy in full, before admission.
    PRIVACY_BY_ZERO = "privacy-by-zero";
    /// Nothing is recorded or stored.
    PRIVACY_STORED = "privacy-stored";
    /// What the others see.
    PRIVACY_SEEN = "privacy-seen";
    /// That moderators see the last digits of their number.
    PRIVACY_DIGITS = "privacy-digits";
    /// What is kept of a number against misuse.
    PRIVACY_MARK = "privacy-mark";
    /// No number came with the call.
    PRIVACY_NO_NUMBER = "privacy-no-number";
    /// The mark of a number that we have called.
    PRIVACY_MARK_CALLED = "privacy-mark-called";
    /// A number came that was to be kept secret.
    PRIVACY_WITHHELD = "privacy-withheld";
    /// The call is encrypted as far as the telephone.
    PRIVACY_TO_DEVICE = "privacy-to-device";
    /// The call is encrypted as far as the carrier.
    PRIVACY_TO_CARRIER = "privacy-to-carrier";
    /// The call is not encrypted.
    PRIVACY_PLAIN = "privacy-plain";
    /// What the caller's own carrier knows.
    PRIVACY_CARRIER = "privacy-carrier";
    /// What the carrier of whom we have called knows, and what we note of it.
    PRIVACY_CALLED = "privacy-called";
    /// What rights they have.
    PRIVACY_RIGHTS = "privacy-rights";
    /// A tone that rises: something is on.
    TONE_ON = "tone-on";
    /// A tone that falls: something is off.
    TONE_OFF = "tone-off";
    /// A high tone: done.
    TONE_YES = "tone-yes";
    /// Two low tones: not done.
    TONE_NO = "tone-no";
    /// [`Clip::MICROPHONE_ON`] in short.
    MICROPHONE_ON_SHORT = "microphone-on-short";
    /// [`Clip::MICROPHONE_OFF`] in short.
    MICROPHONE_OFF_SHORT = "microphone-off-short";
    /// That a hand is raised, in short.
    HAND_UP_SHORT = "hand-up-short";
    /// [`Clip::HAND_DOWN`] in short.
    HAND_DOWN_SHORT = "hand-down-short";
    /// [`Clip::YOU_ARE_MUTED`] in short.
    YOU_ARE_MUTED_SHORT = "you-are-muted-short";
    /// [`Clip::PLEASE_UNMUTE`] in short.
    PLEASE_UNMUTE_SHORT = "please-unmute-short";
    /// [`Clip::FLOOR_GIVEN`] in short.
    FLOOR_GIVEN_SHORT = "floor-given-short";
    /// [`Clip::MUTED_ALL`] in short.
    MUTED_ALL_SHORT = "muted-all-short";
    /// [`Clip::LOCKED`] in short.
    LOCKED_SHORT = "locked-short";
    /// [`Clip::UNLOCKED`] in short.
    UNLOCKED_SHORT = "unlocked-short";
    /// [`Clip::VOLUME`] in short.
    VOLUME_SHORT = "volume-short";
    /// [`Clip::KEY_UNKNOWN`] in short.
    KEY_UNKNOWN_SHORT = "key-unknown-short";
    /// [`Clip::STILL_WAITING`] in short.
    STILL_WAITING_SHORT = "still-waiting-short";
    /// A soft tone that rises: somebody came in.
    TONE_IN = "tone-in";
    /// A soft tone that falls: somebody left.
    TONE_OUT = "tone-out";
    /// The one named next came in.
    CAME = "came";
    /// The one named next left.
    WENT = "went";
    /// A tone tells who comes and goes.
    ENTRY_TONES = "entry-tones";
    /// Who comes and goes is named.
    ENTRY_NAMES = "entry-names";
    /// Nothing is heard of who comes and goes.
    ENTRY_OFF = "entry-off";
    /// The call is not encrypted.
    LINE_NOT_ENCRYPTED = "line-not-encrypted";
    /// The call is encrypted no further than to the carrier.
    LINE_TO_CARRIER = "line-to-carrier";
    /// Goodbye to a call that is not protected as the room demands.
    UNPROTECTED = "unprotected";
    /// The one named next is speaking.
    SPEAKS_NAMED = "speaks-named";
    /// Who asks is the one named next.
    YOU_ARE = "you-are";
    /// Those named next are here beside who asks.
    BESIDE_YOU = "beside-you";
    /// Those counted next are here too.
    AND_ALSO = "and-also";
    /// More have come by telephone than are counted aloud.
    REST_PHONE_MANY = "rest-phone-many";
    /// More have come by browser than are counted aloud.
    REST_BROWSER_MANY = "rest-browser-many";
    /// Somebody whose number is not said.
    LABEL_OTHER = "label-other";
}

impl Clip {
    /// The tone after which somebody may speak.
    pub(super) const TEST_TONE: Self = Self("test-tone");

    pub(super) const fn ask(asked: Asked) -> Self {
        match asked {
            Asked::Code => Self::ASK_CODE,
            Asked::Pin => Self::ASK_PIN,
        }
    }

    /// Words, and perhaps the other language after them.
    pub(super) fn offering(offers_language: bool, words: &[Self]) -> Vec<Self> {
        let offer = offers_language.then_some(Self::THIS_LANGUAGE);
        words.iter().copied().chain(offer).collect()
    }

    /// The words of a welcome: how many are here, that nothing is recorded, and that the microphone is off.
    pub(super) fn welcome(first: Self, present: u32) -> Vec<Self> {
        vec![
            first,
            Self::present(present),
            Self::NOT_RECORDED,
            Self::NOT_HEARD_YET,
            Self::TO_SPEAK,
        ]
    }

    /// The words to a moderator who talks with somebody who waits: how they are heard, if they are not yet, and how it ends.
    pub(super) fn talk(muted: bool) -> Vec<Self> {
        let speak = muted.then_some(Self::TO_SPEAK);
        let clips = [Self::TALK_BEGUN].into_iter().chain(speak);
        clips.chain([Self::TO_END_TALK]).collect()
    }

    /// Who waits, what cannot be told of them, and what to do about it.
    pub(super) fn waiting(whom: Label, perhaps_removed: bool) -> Vec<Self> {
        let doubt = perhaps_removed.then_some(Self::PERHAPS_REMOVED);
        let said = [Self::WAITS, Self::label(whom)].into_iter().chain(doubt);
        said.chain([Self::DECIDE]).collect()
    }

    /// What somebody is called who has no name that could be spoken.
    pub(super) fn label(whom: Label) -> Self {
        let row = match whom.door {
            Door::Phone => Self::LABEL_PHONE,
            Door::Browser => Self::LABEL_GUEST,
        };
        Self::counted(row, whom.ordinal).unwrap_or(Self::LABEL_OTHER)
    }

    /// That somebody is speaking who has no name that could be spoken.
    pub(super) fn speaks(whom: Label) -> Self {
        let row = match whom.door {
            Door::Phone => Self::SPEAKS_PHONE,
            Door::Browser => Self::SPEAKS_GUEST,
        };
        Self::counted(row, whom.ordinal).unwrap_or(Self::SPEAKS_OTHER)
    }

    pub(super) fn present(count: u32) -> Self {
        Self::counted(Self::PRESENT, count.max(1)).unwrap_or(Self::PRESENT_MANY)
    }

    /// The clip of a number, from 1 on.
    pub(super) fn counted(row: &[Self], count: u32) -> Option<Self> {
        let index = usize::try_from(count.checked_sub(1)?).ok()?;
        row.get(index).copied()
    }

    /// Returns what is played instead to somebody who wants it in so many words; what nothing shorter can say stays.
    #[must_use]
    pub fn in_length(self, length: Length) -> Self {
        let short = || replaced(SHORT, self);
        match length {
            Length::Full => None,
            Length::Short => short(),
            Length::Tones => replaced(TONES, self).or_else(short),
        }
        .unwrap_or(self)
    }

    /// Tells whether it only reminds of keys that somebody knows who has chosen short announcements.
    pub(super) fn is_reminder(self) -> bool {
        [Self::TO_SPEAK, Self::TO_MUTE, Self::TO_ASK, Self::FOR_HELP].contains(&self)
    }

    /// Returns what is played for it where keys are not the usual ones: it names none, or they are put together.
    pub fn with_keys(self, plan: &KeyPlan) -> Vec<Self> {
        let row = KEYED.iter().find(|(clip, _)| *clip == self);
        let Some((_, parts)) = row else {
            return vec![self];
        };
        let usual = |part: &Part| match part {
            Part::Say(_) => true,
            Part::Keys(control) => plan.is_usual(*control),
        };
        if parts.iter().all(usual) {
            return vec![self];
        }
        let said = |part: &Part| match part {
            Part::Say(clip) => vec![*clip],
            Part::Keys(control) => Self::keys(plan.spoken(*control)),
        };
        parts.iter().flat_map(said).collect()
    }

    /// Speaks keys, one after the other.
    fn keys(sequence: Sequence) -> Vec<Self> {
        let key = |key: &char| match key.to_digit(10) {
            Some(digit) => Self::counted(Self::DIGITS, digit + 1).unwrap_or(Self::KEY_STAR),
            None => Self::KEY_STAR,
        };
        match sequence.doubled() {
            Some(digit) => vec![Self::KEY_TWICE, key(&digit)],
            None => sequence.keys().iter().map(key).collect(),
        }
    }

    /// Every clip that is played in place of another.
    #[cfg(test)]
    pub(super) fn replacements() -> impl Iterator<Item = Self> {
        let shorter = SHORT.iter().chain(TONES).map(|(_, other)| *other);
        let named = KEYED.iter().flat_map(|(_, parts)| parts.iter());
        let named = named.filter_map(|part| match part {
            Part::Say(clip) => Some(*clip),
            Part::Keys(_) => None,
        });
        let keys = Self::DIGITS.iter().copied();
        shorter.chain(named).chain(keys).chain([
            Self::KEY_STAR,
            Self::KEY_TWICE,
            Self::SPEAKS_NAMED,
            Self::AND_ALSO,
        ])
    }

    /// Tells whether it is a tone, not words.
    pub fn is_tone(self) -> bool {
        [
            Self::TONE_IN,
            Self::TONE_OUT,
            Self::TONE_ON,
            Self::TONE_OFF,
            Self::TONE_YES,
            Self::TONE_NO,
        ]
        .contains(&self)
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

    /// Returns the wording whose recording is played: its own where it says it differently.
    pub fn recorded_in(self, wording: Wording) -> Wording {
        match wording.own_words() {
            Some(own) if own.contains_key(self.0) => wording,
            Some(_) | None => wording.fallback(),
        }
    }

    /// Returns the wording that it is said in to somebody: theirs, but what offers a language is said in that language.
    pub fn said_in(self, voice: Voice) -> Wording {
        if self == Self::THIS_LANGUAGE {
            voice.elsewise()
        } else {
            voice.wording
        }
    }

    /// Returns the clip's file below the folder of prompts.
    pub fn path(self, wording: Wording) -> String {
        format!("{}/{}.opus", self.recorded_in(wording).tag(), self.0)
    }

    /// Returns the words of the recording.
    pub fn words(self, wording: Wording) -> &'static str {
        let own = wording.own_words().and_then(|own| own.get(self.0));
        own.or_else(|| wording.language().catalogue().clip.get(self.0))
            .expect("every clip has its words in every language, which a test holds")
    }
}

fn replaced(table: &[(Clip, Clip)], clip: Clip) -> Option<Clip> {
    let mut rows = table.iter();
    rows.find(|(full, _)| *full == clip)
        .map(|(_, other)| *other)
}

/// What is said in short. A clip that is not here is short already, or must not be shortened: what others did to somebody, what
/// protects them, how to go on.
const SHORT: &[(Clip, Clip)] = &[
    (Clip::MICROPHONE_ON, Clip::MICROPHONE_ON_SHORT),
    (Clip::MICROPHONE_OFF, Clip::MICROPHONE_OFF_SHORT),
    (Clip::MUSIC_OVER, Clip::MICROPHONE_ON_SHORT),
    (Clip::HAND_UP, Clip::HAND_UP_SHORT),
    (Clip::HAND_DOWN, Clip::HAND_DOWN_SHORT),
    (Clip::YOU_ARE_MUTED, Clip::YOU_ARE_MUTED_SHORT),
    (Clip::PLEASE_UNMUTE, Clip::PLEASE_UNMUTE_SHORT),
    (Clip::FLOOR_GIVEN, Clip::FLOOR_GIVEN_SHORT),
    (Clip::MUTED_ALL, Clip::MUTED_ALL_SHORT),
    (Clip::LOCKED, Clip::LOCKED_SHORT),
    (Clip::UNLOCKED, Clip::UNLOCKED_SHORT),
    (Clip::VOLUME, Clip::VOLUME_SHORT),
    (Clip::KEY_UNKNOWN, Clip::KEY_UNKNOWN_SHORT),
    (Clip::STILL_WAITING, Clip::STILL_WAITING_SHORT),
];

/// What a tone can say, to somebody who has just pressed a key for it.
const TONES: &[(Clip, Clip)] = &[
    (Clip::MICROPHONE_ON, Clip::TONE_ON),
    (Clip::MICROPHONE_OFF, Clip::TONE_OFF),
    (Clip::HAND_UP, Clip::TONE_YES),
    (Clip::HAND_DOWN, Clip::TONE_OFF),
    (Clip::LOUDER, Clip::TONE_YES),
    (Clip::SOFTER, Clip::TONE_YES),
    (Clip::VOLUME_LIMIT, Clip::TONE_NO),
    (Clip::VOLUME_DONE, Clip::TONE_YES),
    (Clip::KEY_UNKNOWN, Clip::TONE_NO),
    (Clip::NOT_ALLOWED, Clip::TONE_NO),
    (Clip::MUTED_ALL, Clip::TONE_YES),
    (Clip::FLOOR_PASSED, Clip::TONE_YES),
    (Clip::DONE_LET_IN, Clip::TONE_YES),
    (Clip::DONE_TURNED_AWAY, Clip::TONE_YES),
    (Clip::GOES_ON, Clip::TONE_YES),
];

/// A part of a sentence that names keys.
#[derive(Debug, Clone, Copy)]
enum Part {
    Say(Clip),
    Keys(Control),
}

/// What stands in the place of a clip that names the usual keys where they are others.
const KEYED: &[(Clip, &[Part])] = &[
    (
        Clip::HELP,
        &[
            Part::Say(Clip::KEY_MICROPHONE),
            Part::Keys(Control::Microphone),
            Part::Say(Clip::KEY_HAND),
            Part::Keys(Control::Hand),
            Part::Say(Clip::KEY_WHO),
            Part::Keys(Control::WhoIsHere),
            Part::Say(Clip::KEY_VOLUME),
            Part::Keys(Control::Volume),
        ],
    ),
    (
        Clip::HELP_MODERATOR,
        &[
            Part::Say(Clip::KEY_MODERATOR),
            Part::Say(Clip::KEY_MUTE_ALL),
            Part::Keys(Control::MuteAll),
            Part::Say(Clip::KEY_LOCK),
            Part::Keys(Control::Lock),
            Part::Say(Clip::KEY_WAITING),
            Part::Keys(Control::Waiting),
            Part::Say(Clip::KEY_REMOVE_LAST),
            Part::Keys(Control::RemoveLast),
            Part::Say(Clip::KEY_NEXT_HAND),
            Part::Keys(Control::NextHand),
            Part::Say(Clip::KEY_ENTRY_SIGNAL),
            Part::Keys(Control::EntrySignal),
            Part::Say(Clip::KEY_END),
            Part::Keys(Control::End),
        ],
    ),
    (Clip::TO_SPEAK, MICROPHONE),
    (Clip::TO_MUTE, MICROPHONE),
    (
        Clip::TO_ASK,
        &[Part::Say(Clip::KEY_HAND), Part::Keys(Control::Hand)],
    ),
    (Clip::TO_GIVE_FLOOR, NEXT_HAND),
    (Clip::TO_FREE, NEXT_HAND),
    (
        Clip::TO_HEAR_WAITING,
        &[Part::Say(Clip::KEY_WAITING), Part::Keys(Control::Waiting)],
    ),
    (
        Clip::TO_END_TALK,
        &[Part::Say(Clip::KEY_WAITING), Part::Keys(Control::Waiting)],
    ),
    (Clip::FOR_HELP, HELP),
    (Clip::THIS_HELP, HELP),
    (Clip::WHICH_HELP, HELP),
];

const MICROPHONE: &[Part] = &[
    Part::Say(Clip::KEY_MICROPHONE),
    Part::Keys(Control::Microphone),
];

const NEXT_HAND: &[Part] = &[
    Part::Say(Clip::KEY_NEXT_HAND),
    Part::Keys(Control::NextHand),
];

const HELP: &[Part] = &[Part::Say(Clip::KEY_HELP), Part::Keys(Control::Help)];
