//! The part of the conference policy (RFC 4353) that a room's owner or the operator decides.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{
    conference::{event::Wording, participant::Protection},
    limit::{QUIET_ABOVE_DEFAULT, SPEAKERS_DEFAULT, SPEAKERS_MAX},
};

/// How many speakers of a conference are heard at a time, 1 to [`SPEAKERS_MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "u8")]
pub struct Speakers(u8);

impl Speakers {
    /// Returns the number.
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl Default for Speakers {
    fn default() -> Self {
        Self(SPEAKERS_DEFAULT)
    }
}

impl fmt::Display for Speakers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How confidential a room is: what it demands of calls together, unless its owner says more.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Every call comes in, and nobody is told how theirs is protected.
    Open,
    /// Every call comes in; who has none at all is told so.
    #[default]
    Normal,
    /// Calls come in that are protected to the device, or to the carrier where the owner allows it, and nobody is asked to
    /// say their name before they are in.
    Confidential,
}

impl Level {
    /// All levels.
    pub const ALL: [Self; 3] = [Self::Open, Self::Normal, Self::Confidential];

    /// Returns the word that stands in settings and in the database.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Normal => "normal",
            Self::Confidential => "confidential",
        }
    }

    /// Reads the word.
    pub fn from_word(word: &str) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|level| level.word() == word)
    }

    /// Returns how far legs must be protected where the owner says nothing else.
    pub const fn protection(self) -> Protection {
        match self {
            Self::Open | Self::Normal => Protection::None,
            Self::Confidential => Protection::ToDevice,
        }
    }

    /// Returns the least that the owner may make of that.
    pub const fn least_protection(self) -> Protection {
        match self {
            Self::Open | Self::Normal => Protection::None,
            Self::Confidential => Protection::ToCarrier,
        }
    }

    /// Returns how far legs are protected as people in the room may expect: who has less is told so, whatever trunk they come
    /// over, and in a confidential room also where its owner lets them in all the same.
    pub const fn norm(self) -> Protection {
        match self {
            Self::Open => Protection::None,
            Self::Normal => Protection::ToCarrier,
            Self::Confidential => Protection::ToDevice,
        }
    }

    /// Tells whether who waits is asked to say their name: a recording, however short it lives.
    pub const fn asks_names(self) -> bool {
        match self {
            Self::Open | Self::Normal => true,
            Self::Confidential => false,
        }
    }
}

/// Who waits until a moderator lets them in.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Lobby {
    /// Nobody.
    #[default]
    Off,
    /// Guests.
    Guests,
    /// Everybody, moderators too once one of them is inside: somebody must be there to open.
    All,
}

impl Lobby {
    /// Returns the word that stands in settings and in the database.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Guests => "guests",
            Self::All => "all",
        }
    }

    /// Reads the word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Off, Self::Guests, Self::All]
            .into_iter()
            .find(|lobby| lobby.word() == word)
    }
}

/// How those inside hear that somebody comes or goes. The roster shows it in any case.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum EntrySignal {
    /// By a soft tone.
    Tones,
    /// By what the person is called.
    Names,
    /// Not at all.
    #[default]
    Off,
}

impl EntrySignal {
    const ALL: [Self; 3] = [Self::Tones, Self::Names, Self::Off];

    /// Returns the word that stands in settings and in the database.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Tones => "tones",
            Self::Names => "names",
            Self::Off => "off",
        }
    }

    /// Reads the word.
    pub fn from_word(word: &str) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|signal| signal.word() == word)
    }

    /// Returns what a key changes it to.
    #[must_use]
    pub const fn next(self) -> Self {
        match self {
            Self::Tones => Self::Names,
            Self::Names => Self::Off,
            Self::Off => Self::Tones,
        }
    }
}

/// Whom people may write to by chat.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum ChatRule {
    /// All together, and one person alone.
    #[default]
    All,
    /// All together, so that everybody reads everything.
    Public,
    /// One person alone.
    Private,
    /// Nobody: there is no chat.
    Off,
}

impl ChatRule {
    /// All rules.
    pub const ALL: [Self; 4] = [Self::All, Self::Public, Self::Private, Self::Off];

    /// Returns the word that stands in settings and in the database.
    pub const fn word(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Public => "public",
            Self::Private => "private",
            Self::Off => "off",
        }
    }

    /// Reads the word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| rule.word() == word)
    }

    /// Tells whether people may write to all together.
    pub const fn allows_public(self) -> bool {
        match self {
            Self::All | Self::Public => true,
            Self::Private | Self::Off => false,
        }
    }

    /// Tells whether people may write to one person alone.
    pub const fn allows_private(self) -> bool {
        match self {
            Self::All | Self::Private => true,
            Self::Public | Self::Off => false,
        }
    }
}

/// What is heard of people who come and go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entrances {
    /// How they are announced, until a moderator decides otherwise.
    pub signal: EntrySignal,
    /// They are not while more people than that are inside.
    pub quiet_above: u16,
}

impl Entrances {
    /// What a room begins with.
    pub const USUAL: Self = Self {
        signal: EntrySignal::Tones,
        quiet_above: QUIET_ABOVE_DEFAULT,
    };
}

/// Nothing is heard where nobody has decided.
impl Default for Entrances {
    fn default() -> Self {
        Self {
            signal: EntrySignal::Off,
            ..Self::USUAL
        }
    }
}

/// What a room's owner decides about its conference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Policy {
    /// How many are heard at a time.
    pub speakers: Speakers,
    /// Who waits.
    pub lobby: Lobby,
    /// How confidential the room is.
    pub level: Level,
    /// How far a leg must be protected; what has less is refused.
    pub protection: Protection,
    /// What is heard of people who come and go.
    pub entrances: Entrances,
    /// Whom people may write to by chat, until a moderator decides otherwise.
    pub chat: ChatRule,
    /// Moderators see the last digits of callers' numbers.
    pub shows_digits: bool,
    /// In which words is spoken what all hear.
    pub wording: Wording,
}

/// Why a moderator lets somebody not in; there are no others, so that nobody is hurt by words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// They are not expected here.
    NotExpected,
    /// There is no place for them.
    NoPlace,
    /// They may come later.
    ComeLater,
}

/// A number of speakers that no conference can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a number from 1 to {SPEAKERS_MAX}")]
pub struct NotSpeakers;

impl TryFrom<u8> for Speakers {
    type Error = NotSpeakers;

    fn try_from(most: u8) -> Result<Self, NotSpeakers> {
        if (1..=SPEAKERS_MAX).contains(&most) {
            Ok(Self(most))
        } else {
            Err(NotSpeakers)
        }
    }
}

impl FromStr for Speakers {
    type Err = NotSpeakers;

    fn from_str(text: &str) -> Result<Self, NotSpeakers> {
        text.parse::<u8>()
            .map_err(|_| NotSpeakers)
            .and_then(Self::try_from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_goes_through_all_signals_and_each_has_its_word() {
        let mut signal = EntrySignal::Tones;
        for expected in EntrySignal::ALL {
            assert_eq!(signal, expected);
            assert_eq!(EntrySignal::from_word(signal.word()), Some(signal));
            signal = signal.next();
        }
        assert_eq!(signal, EntrySignal::Tones);
        assert_eq!(EntrySignal::from_word("bells"), None);
    }

    #[test]
    fn a_rule_of_the_chat_has_its_word_and_allows_what_it_says() {
        let allowed = ChatRule::ALL.map(|rule| (rule.allows_public(), rule.allows_private()));
        let expected = [(true, true), (true, false), (false, true), (false, false)];
        assert_eq!(allowed, expected);
        for rule in ChatRule::ALL {
            assert_eq!(ChatRule::from_word(rule.word()), Some(rule));
        }
        assert_eq!(ChatRule::from_word("on"), None);
    }

    #[test]
    fn a_level_has_its_word_and_what_it_sets_may_be_what_is_kept_to() {
        for level in Level::ALL {
            assert_eq!(Level::from_word(level.word()), Some(level));
            assert!(level.least_protection() <= level.protection());
            assert!(level.protection() <= level.norm());
        }
        assert_eq!(Level::from_word("secret"), None);
        assert_eq!(Level::default(), Level::Normal);
    }

    #[test]
    fn one_to_eight_speakers_can_be_heard_at_a_time() {
        for text in ["1", "5", "8"] {
            assert_eq!(text.parse::<Speakers>().unwrap().to_string(), text);
        }
        for text in ["0", "9", "256", "-1", "many", ""] {
            assert_eq!(text.parse::<Speakers>(), Err(NotSpeakers), "{text}");
        }
        assert_eq!(Speakers::default().get(), 5);
    }
}
