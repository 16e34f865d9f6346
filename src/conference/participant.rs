//! A participant: a person in the roster, with role, door and media status.

use serde::{Deserialize, Serialize};

use super::tags::{in_flags_alone, is_tag};
use crate::{
    id::{LegId, ParticipantId, PersonId, SeatId},
    limit::{MARKS_IN_A_ROW_MAX, NAME_CHARS_MAX},
    pii::{Ending, Name},
};

/// What a participant may do; comes from the secret they entered with, or from a moderator inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// May take part.
    Guest,
    /// May also mute, remove and end.
    Moderator,
}

/// The way in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Door {
    /// By telephone.
    Phone,
    /// By browser.
    Browser,
}

/// The status of an endpoint in the words of RFC 4575 §5.6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// In the waiting room: hears nobody, is heard by nobody, and is known to moderators alone.
    Pending,
    /// They are being called.
    DialingOut,
    /// Their telephone rings, or they have answered and not yet said that they take part.
    Alerting,
    /// In the conference.
    Connected,
    /// In the conference, but the telephone is on hold.
    OnHold,
}

/// How far the sound of a leg is protected on its way, from the least on.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Protection {
    /// Whoever is on the way can listen.
    #[default]
    None,
    /// As far as the carrier or exchange whose trunk it comes over; what is behind that, nobody here knows.
    ToCarrier,
    /// As far as the device that somebody speaks into.
    ToDevice,
}

impl Protection {
    /// Returns the word that stands in the database.
    pub const fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::ToCarrier => "to-carrier",
            Self::ToDevice => "to-device",
        }
    }

    /// Reads the word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::None, Self::ToCarrier, Self::ToDevice]
            .into_iter()
            .find(|protection| protection.word() == word)
    }
}

/// What a leg disturbs the others with, as the mixer hears it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Disturbance {
    /// Hum or hiss that does not end.
    SteadyNoise,
    /// The conference comes back from it.
    Echo,
    /// Music, such as a telephone system plays to who waits. The mixer leaves the leg out for as long as it lasts.
    Music,
}

/// How well somebody's line carries speech, in both directions, from the best on.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Quality {
    /// As far as is known nothing is lost that could be heard.
    #[default]
    Good,
    /// Some of it is lost or late, and can be heard.
    Fair,
    /// So much is lost or late that one hardly understands.
    Poor,
}

/// Whether it is certain whose the telephone is that is the sound of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Telephone {
    /// It came with the code that the page had shown; the page has not said yet that it is theirs.
    Unconfirmed,
    /// The page has said so.
    Confirmed,
}

/// A talk that a moderator and somebody who waits have with each other alone, as it stands in the line of either.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Apart {
    /// With whom is not for these eyes.
    Unnamed,
    /// With this one.
    With(ParticipantId),
}

/// One participant as all see them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Participant {
    /// Who.
    pub id: ParticipantId,
    /// Their leg.
    pub leg: LegId,
    /// Display name or pseudonym; none for the nameless and for telephones that a moderator or an invitation has not
    /// named, whose label is made of the ordinal.
    pub name: Option<Name>,
    /// Their number among those who came through the same door, from 1, as in "Telefon 1"; stays the same while they
    /// are here and is not given out again in this conference.
    pub ordinal: u32,
    /// The last digits of their telephone number, if the room shows them; for moderators alone.
    pub ending: Option<Ending>,
    /// Role.
    pub role: Role,
    /// Way in.
    pub door: Door,
    /// Status.
    pub status: Status,
    /// How far their sound is protected on its way.
    pub protection: Protection,
    /// The microphone is on: the mixer takes their sound.
    pub microphone: bool,
    /// They speak at this moment.
    pub speaking: bool,
    /// Their sound is left as it is, for music: nothing is turned down and nothing is judged.
    pub original_sound: bool,
    /// They ask to speak, the lower number first; none where they do not.
    pub hand: Option<u32>,
    /// They were given the floor, which a guest needs to speak where people ask to.
    pub floor: bool,
    /// They wait and have said their name, which a moderator hears who asks by telephone who waits.
    pub said_name: bool,
    /// What their leg disturbs the others with, for as long as its microphone is on and afterwards until it is heard
    /// without.
    pub disturbs: Option<Disturbance>,
    /// How well their line carries speech.
    pub quality: Quality,
    /// Their leg has text: they read what others type and chat, and may write. A browser's has, a telephone's has not.
    pub text: bool,
    /// Their page broke off and may be back in a moment; until then nobody hears them, and they hear nobody.
    pub away: bool,
    /// A telephone is the sound of their page; the leg and its protection are the telephone's.
    pub telephone: Option<Telephone>,
    /// They talk with one other alone, through the door of the waiting room: they hear nobody else, and nobody else hears
    /// them.
    pub apart: Option<Apart>,
}

impl Participant {
    /// Somebody of whom nothing is to be said yet: a guest in the conference, muted, whose leg is protected as far as it can be.
    pub(super) const fn beginning(id: ParticipantId, leg: LegId, door: Door, ordinal: u32) -> Self {
        Self {
            id,
            leg,
            name: None,
            ordinal,
            ending: None,
            role: Role::Guest,
            door,
            status: Status::Connected,
            protection: match door {
                Door::Phone => Protection::ToCarrier,
                Door::Browser => Protection::ToDevice,
            },
            microphone: false,
            speaking: false,
            original_sound: false,
            hand: None,
            floor: false,
            said_name: false,
            disturbs: None,
            quality: Quality::Good,
            text: matches!(door, Door::Browser),
            away: false,
            telephone: None,
            apart: None,
        }
    }

    /// A guest in the conference whose number, leg and id are this: of whom nothing else is to be said.
    #[cfg(test)]
    pub(crate) fn guest(number: u32, door: Door) -> Self {
        let (id, leg) = (
            ParticipantId::from_u64(number.into()),
            LegId::from_u64(number.into()),
        );
        Self::beginning(id, leg, door, number)
    }

    /// Tells whether they are in the conference itself, not in its waiting room, nor being called.
    pub fn is_inside(&self) -> bool {
        matches!(self.status, Status::Connected | Status::OnHold)
    }

    /// With whom they talk alone.
    pub const fn apart_with(&self) -> Option<ParticipantId> {
        match self.apart {
            Some(Apart::With(other)) => Some(other),
            Some(Apart::Unnamed) | None => None,
        }
    }

    /// Tells whether they are being called, and all inside see it.
    pub const fn is_called(&self) -> bool {
        matches!(self.status, Status::DialingOut | Status::Alerting)
    }

    /// What they may do by what they speak into: a telephone of which the page has not said that it is theirs is a guest's.
    pub fn role_of_sound(&self) -> Role {
        match self.telephone {
            Some(Telephone::Unconfirmed) => Role::Guest,
            Some(Telephone::Confirmed) | None => self.role,
        }
    }

    /// Notes that nothing is heard of them, and that nothing is known of what they speak into from here on.
    pub(super) fn silence(&mut self) {
        self.microphone = false;
        self.speaking = false;
        self.disturbs = None;
    }

    /// Tells whether the mixer leaves them out because music comes from their leg.
    pub fn is_music(&self) -> bool {
        self.disturbs == Some(Disturbance::Music)
    }
}

/// By what somebody can be known again who comes back, as long as the conference lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Known {
    /// The PIN they entered with is theirs alone.
    pub person: Option<PersonId>,
    /// The number their call came from, by whoever's word.
    pub caller: Option<Mark>,
    /// That number is asserted by a trunk that is believed.
    pub vouched: bool,
    /// The seat of their page, which its token names.
    pub seat: Option<SeatId>,
}

/// A telephone number, hashed with a key of the conference: equal for equal numbers and else without meaning. It cannot be
/// written down: with the key beside it, it would be as good as the number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mark(pub u64);

/// Returns the name as it may be shown: a [`clean_line`] of at most [`NAME_CHARS_MAX`].
pub fn clean_name(raw: &str) -> Option<Name> {
    clean_line(raw, NAME_CHARS_MAX).map(Name::new)
}

/// Returns what somebody typed as it may be shown to others: one line, trimmed, without control and direction
/// characters, with few marks on a character, cut to `chars_max`; `None` when nothing visible remains.
pub fn clean_line(raw: &str, chars_max: usize) -> Option<String> {
    let line: String = one_line(raw).chars().take(chars_max).collect();
    // A cut may leave a flag without its end.
    visible(&in_flags_alone(&line))
}

/// Returns what is not cut yet of a [`clean_line`].
pub(super) fn one_line(raw: &str) -> String {
    let mut marks = 0;
    let spaced: String = in_flags_alone(raw)
        .chars()
        .map(|c| if c.is_whitespace() { ' ' } else { c })
        .filter(|&c| !c.is_control() && !is_hidden(c))
        .filter(|&c| {
            // The tags of a flag are counted by what makes them one.
            marks = if is_mark(c) && !is_tag(c) {
                marks + 1
            } else {
                0
            };
            marks <= MARKS_IN_A_ROW_MAX
        })
        .collect();
    let words: Vec<&str> = spaced.split_ascii_whitespace().collect();
    words.join(" ")
}

/// Returns what is to be seen of a line that was cut; `None` when nothing is.
pub(super) fn visible(line: &str) -> Option<String> {
    let line = line.trim_end();
    line.chars()
        .any(|c| !c.is_ascii_whitespace() && !is_modifier(c))
        .then(|| line.to_owned())
}

/// Characters that are drawn upon the one before, and joiners, which could separate such. The standard library has them
/// in its tables only to escape them, together with what cannot be printed at all.
pub(super) fn is_mark(c: char) -> bool {
    c.escape_debug().nth(1) == Some('u')
}

/// Characters that take no room of their own but can turn, hide or fake the text around them; tags are looked at before.
const fn is_hidden(c: char) -> bool {
    matches!(c,
        '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' // direction
        | '\u{200B}' | '\u{2060}'..='\u{2065}' | '\u{206A}'..='\u{206F}' | '\u{FEFF}' | '\u{00AD}' | '\u{180E}'
        | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E001F}' | '\u{115F}' | '\u{1160}' | '\u{3164}' | '\u{FFA0}')
}

/// Characters that only shape their neighbours: joiners, which Persian and emoji need, and variation selectors.
const fn is_modifier(c: char) -> bool {
    matches!(c, '\u{200C}' | '\u{200D}' | '\u{FE00}'..='\u{FE0F}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cleaned(raw: &str) -> Option<String> {
        clean_name(raw).map(Name::into_inner)
    }

    #[test]
    fn ordinary_names_of_any_script_pass_unchanged() {
        for name in [
            "Anna",
            "Jürgen Müller-Lüdenscheidt",
            "李小龍",
            "عمر",
            "👩‍🚀 Eva",
            "🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f} Fiona",
            "می‌خواهم",
        ] {
            assert_eq!(cleaned(name).as_deref(), Some(name));
        }
    }

    #[test]
    fn a_name_is_one_trimmed_line() {
        assert_eq!(
            cleaned("  Anna \r\n\t Berg\u{a0} ").as_deref(),
            Some("Anna Berg")
        );
    }

    #[test]
    fn control_and_direction_characters_are_removed() {
        assert_eq!(
            cleaned("An\u{0}na\u{202e}\u{2066}\u{7}!\u{feff}").as_deref(),
            Some("Anna!")
        );
    }

    #[test]
    fn tags_hide_nothing_in_a_name() {
        assert_eq!(
            cleaned("An\u{e0073}\u{e0065}\u{e007f}na\u{e0001}").as_deref(),
            Some("Anna")
        );
        let flag = "🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}";
        let behind = format!("{}{flag}", "a".repeat(NAME_CHARS_MAX - 3));
        let cut = format!("{}🏴", "a".repeat(NAME_CHARS_MAX - 3));
        assert_eq!(
            cleaned(&behind),
            Some(cut),
            "of a flag that is cut no tag is left"
        );
    }

    #[test]
    fn a_name_without_anything_visible_is_no_name() {
        for raw in [
            "",
            "   ",
            "\u{202e}\u{200b}",
            "\u{200d}\u{200c}",
            "\n\u{3164}",
            "\u{e0061}\u{e007f}",
            "\u{2028}",
        ] {
            assert_eq!(cleaned(raw), None, "{raw:?}");
        }
    }

    #[test]
    fn marks_cannot_pile_up_beyond_their_row() {
        for pile in [
            "\u{301}",
            "\u{20dd}",
            "\u{e49}",
            "\u{301}\u{200d}",
            "\u{489}\u{202e}",
        ] {
            let cleaned = cleaned(&format!("A{}nna", pile.repeat(20))).unwrap();
            let left = cleaned
                .strip_prefix('A')
                .and_then(|s| s.strip_suffix("nna"));
            assert_eq!(
                left.unwrap().chars().count(),
                MARKS_IN_A_ROW_MAX,
                "{pile:?}"
            );
        }
    }

    #[test]
    fn the_marks_that_writing_needs_pass() {
        for name in [
            "Nguye\u{302}\u{303}n",
            "ที่รัก",
            "नहीं",
            "מִרְיָם",
            "❤\u{fe0f}\u{200d}🔥",
            "1\u{fe0f}\u{20e3}",
        ] {
            assert_eq!(cleaned(name).as_deref(), Some(name));
        }
    }

    #[test]
    fn a_long_name_is_cut_at_the_limit() {
        assert_eq!(
            cleaned(&"ä".repeat(NAME_CHARS_MAX + 1)),
            Some("ä".repeat(NAME_CHARS_MAX))
        );
        assert_eq!(
            cleaned(&format!("{} b", "a".repeat(NAME_CHARS_MAX - 1))),
            Some("a".repeat(NAME_CHARS_MAX - 1))
        );
    }
}
