//! `rundruf room set`: what holds in a room.

use std::{io::Write, time::Duration};

use clap::{Args, ValueEnum};
use serde_json::json;

use super::{Error, Obstacle, print_json};
use crate::{
    conference::{
        event::{Language, Wording},
        participant::Protection,
        policy::{self, ChatRule, EntrySignal, Lobby},
    },
    id::RoomId,
    store::{self, Room, Store},
};

/// What is to hold in a room; what is not named stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Args)]
#[group(required = true, multiple = true)]
pub struct Wishes {
    /// Who waits until a moderator lets them in.
    #[arg(long)]
    pub lobby: Option<Waits>,
    /// How confidential the room is; sets `--protection` as well, unless that is given beside it.
    #[arg(long)]
    pub level: Option<Level>,
    /// How far calls must be encrypted; others are told so and end, those in a running conference too.
    #[arg(long)]
    pub protection: Option<Demand>,
    /// How those inside hear that somebody comes or goes, until a moderator decides otherwise.
    #[arg(long)]
    pub entry: Option<Entry>,
    /// Above how many people nothing is heard of who comes and goes.
    #[arg(long, value_name = "PEOPLE")]
    pub quiet_above: Option<u16>,
    /// Whom people may write to by chat, until a moderator decides otherwise.
    #[arg(long)]
    pub chat: Option<Chat>,
    /// What moderators see of callers' numbers, those of more than six digits; counts for who calls from here on.
    #[arg(long)]
    pub digits: Option<Digits>,
    /// In which words callers are spoken to; counts for who calls from here on.
    #[arg(long)]
    pub language: Option<Spoken>,
}

/// How confidential a room is, on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Level {
    /// Every call comes in, encrypted or not, and that is not spoken of.
    Open,
    /// Every call comes in, and who calls unencrypted hears that they do; so it is unless said otherwise.
    Normal,
    /// Only calls come in that are encrypted as far as the telephone itself, or as far as the carrier with `--protection
    /// to-carrier`, and nobody is asked to say their name in the waiting room.
    Confidential,
}

impl From<Level> for policy::Level {
    fn from(level: Level) -> Self {
        match level {
            Level::Open => Self::Open,
            Level::Normal => Self::Normal,
            Level::Confidential => Self::Confidential,
        }
    }
}

/// Whom people may write to by chat, on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Chat {
    /// All together, and one person alone.
    All,
    /// All together only.
    Public,
    /// One person alone only.
    Private,
    /// Nobody.
    Off,
}

impl From<Chat> for ChatRule {
    fn from(chat: Chat) -> Self {
        match chat {
            Chat::All => Self::All,
            Chat::Public => Self::Public,
            Chat::Private => Self::Private,
            Chat::Off => Self::Off,
        }
    }
}

/// What moderators see of callers' numbers, on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Digits {
    /// Nothing.
    None,
    /// The last three digits.
    LastThree,
}

impl Digits {
    const fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::LastThree => "last-three",
        }
    }
}

/// In which words people are spoken to, on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Spoken {
    /// German, with Sie.
    De,
    /// German, with du.
    DeDu,
    /// German in easy words, spoken slowly.
    DeEinfach,
    /// English.
    En,
}

impl From<Spoken> for Wording {
    fn from(spoken: Spoken) -> Self {
        match spoken {
            Spoken::De => Self::De,
            Spoken::DeDu => Self::DeDu,
            Spoken::DeEinfach => Self::DeEinfach,
            Spoken::En => Self::En,
        }
    }
}

/// Who waits, on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Waits {
    /// Nobody.
    Off,
    /// Guests.
    Guests,
    /// Everybody, but for the first moderator.
    All,
}

impl From<Waits> for Lobby {
    fn from(waits: Waits) -> Self {
        match waits {
            Waits::Off => Self::Off,
            Waits::Guests => Self::Guests,
            Waits::All => Self::All,
        }
    }
}

/// How comings and goings are heard, on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Entry {
    /// By a soft tone.
    Tones,
    /// By what the person is called.
    Names,
    /// Not at all.
    Off,
}

impl From<Entry> for EntrySignal {
    fn from(entry: Entry) -> Self {
        match entry {
            Entry::Tones => Self::Tones,
            Entry::Names => Self::Names,
            Entry::Off => Self::Off,
        }
    }
}

/// How far calls must be encrypted, on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Demand {
    /// They need not be.
    None,
    /// At least as far as the carrier or exchange of their trunk.
    ToCarrier,
    /// As far as the telephone itself.
    ToDevice,
}

impl From<Demand> for Protection {
    fn from(demand: Demand) -> Self {
        match demand {
            Demand::None => Self::None,
            Demand::ToCarrier => Self::ToCarrier,
            Demand::ToDevice => Self::ToDevice,
        }
    }
}

impl From<Protection> for Demand {
    fn from(protection: Protection) -> Self {
        match protection {
            Protection::None => Self::None,
            Protection::ToCarrier => Self::ToCarrier,
            Protection::ToDevice => Self::ToDevice,
        }
    }
}

impl Wishes {
    /// A level, and the protection that goes with it.
    pub(super) fn of_level(level: Level) -> Self {
        Self {
            lobby: None,
            level: Some(level),
            protection: Some(policy::Level::from(level).protection().into()),
            entry: None,
            quiet_above: None,
            chat: None,
            digits: None,
            language: None,
        }
    }

    /// Adds what goes with a level, and refuses what a room of the level that it has, or is to have, cannot do with.
    pub(super) fn settled(self, room: &Room) -> Result<Self, Obstacle> {
        let level = self.level.map(policy::Level::from);
        let usual = level.map(|level| level.protection().into());
        let protection = self.protection.or(usual);
        let least = level.unwrap_or(room.level).least_protection();
        if protection.is_some_and(|demand| Protection::from(demand) < least) {
            return Err(Obstacle::Confidential(room.number.clone()));
        }
        Ok(Self { protection, ..self })
    }

    /// Stores them, once they are [`Self::settled`].
    pub(super) async fn store(
        self,
        store: &Store,
        room: RoomId,
        at: Duration,
    ) -> Result<(), store::Error> {
        if let Some(lobby) = self.lobby {
            store.set_lobby(room, lobby.into(), at).await?;
        }
        if let Some((level, demand)) = self.level.zip(self.protection) {
            let protection = demand.into();
            store.set_level(room, level.into(), protection, at).await?;
        } else if let Some(demand) = self.protection {
            store.set_protection(room, demand.into(), at).await?;
        }
        if let Some(entry) = self.entry {
            store.set_entry_signal(room, entry.into(), at).await?;
        }
        if let Some(people) = self.quiet_above {
            store.set_quiet_above(room, people, at).await?;
        }
        if let Some(chat) = self.chat {
            store.set_chat(room, chat.into(), at).await?;
        }
        if let Some(digits) = self.digits {
            let shows = digits == Digits::LastThree;
            store.set_shows_digits(room, shows, at).await?;
        }
        if let Some(spoken) = self.language {
            store.set_wording(room, spoken.into(), at).await?;
        }
        Ok(())
    }

    /// Prints what holds from here on.
    pub(super) fn print(
        self,
        room: &Room,
        json: bool,
        language: Language,
        out: &mut impl Write,
    ) -> Result<(), Error> {
        let number = &room.number;
        let lobby = self.lobby.map(Lobby::from);
        let level = self.level.map(policy::Level::from);
        let protection = self.protection.map(Protection::from);
        let entry = self.entry.map(EntrySignal::from);
        let chat = self.chat.map(ChatRule::from);
        let wording = self.language.map(Wording::from);
        if json {
            let mut value = json!({"number": number});
            if let Some(lobby) = lobby {
                value["lobby"] = json!(lobby.word());
            }
            if let Some(level) = level {
                value["level"] = json!(level.word());
            }
            if let Some(protection) = protection {
                value["protection"] = json!(protection.word());
            }
            if let Some(entry) = entry {
                value["entry"] = json!(entry.word());
            }
            if let Some(people) = self.quiet_above {
                value["quiet_above"] = json!(people);
            }
            if let Some(chat) = chat {
                value["chat"] = json!(chat.word());
            }
            if let Some(digits) = self.digits {
                value["digits"] = json!(digits.word());
            }
            if let Some(wording) = wording {
                value["language"] = json!(wording.tag());
            }
            return print_json(&value, out);
        }
        if let Some(lobby) = lobby {
            writeln!(out, "{}", told_of_lobby(number, lobby, language))?;
        }
        if let Some(level) = level {
            writeln!(out, "{}", told_of_level(number, level, language))?;
        }
        if let Some(protection) = protection {
            writeln!(out, "{}", told_of_protection(number, protection, language))?;
        }
        if let Some(entry) = entry {
            writeln!(out, "{}", told_of_entry(number, entry, language))?;
        }
        if let Some(people) = self.quiet_above {
            writeln!(out, "{}", told_of_quiet(number, people, language))?;
        }
        if let Some(chat) = chat {
            writeln!(out, "{}", told_of_chat(number, chat, language))?;
        }
        if let Some(digits) = self.digits {
            writeln!(out, "{}", told_of_digits(number, digits, language))?;
        }
        if let Some(wording) = wording {
            writeln!(out, "{}", told_of_wording(number, wording, language))?;
        }
        Ok(())
    }
}

fn told_of_lobby(number: &str, lobby: Lobby, language: Language) -> String {
    match (language, lobby) {
        (Language::De, Lobby::Off) => format!("In Raum {number} kommen alle direkt herein."),
        (Language::De, Lobby::Guests) => {
            format!("In Raum {number} warten Gäste, bis die Leitung sie einlässt.")
        }
        (Language::De, Lobby::All) => {
            format!("In Raum {number} warten alle, bis die Leitung sie einlässt.")
        }
        (Language::En, Lobby::Off) => format!("Everybody comes straight into room {number}."),
        (Language::En, Lobby::Guests) => {
            format!("Guests of room {number} wait until a moderator lets them in.")
        }
        (Language::En, Lobby::All) => {
            format!("Everybody waits before room {number} until a moderator lets them in.")
        }
    }
}

fn told_of_level(number: &str, level: policy::Level, language: Language) -> String {
    use policy::Level::{Confidential, Normal, Open};
    match (language, level) {
        (Language::De, Open) => format!(
            "Raum {number} ist offen: Alle Anrufe kommen herein, und ob sie verschlüsselt sind, wird nicht angesagt."
        ),
        (Language::De, Normal) => format!(
            "Raum {number} ist wie üblich: Wer unverschlüsselt anruft, hört das und kommt herein."
        ),
        (Language::De, Confidential) => format!(
            "Raum {number} ist vertraulich: Es kommen nur verschlüsselte Anrufe herein, und im Warteraum wird niemand nach \
             dem Namen gefragt."
        ),
        (Language::En, Open) => format!(
            "Room {number} is open: every call comes in, and whether it is encrypted is not spoken of."
        ),
        (Language::En, Normal) => {
            format!("Room {number} is as usual: who calls unencrypted hears that and comes in.")
        }
        (Language::En, Confidential) => format!(
            "Room {number} is confidential: only encrypted calls come in, and nobody in the waiting room is asked for their \
             name."
        ),
    }
}

fn told_of_protection(number: &str, protection: Protection, language: Language) -> String {
    match (language, protection) {
        (Language::De, Protection::None) => {
            format!("Raum {number} nimmt auch Anrufe an, die nicht verschlüsselt sind.")
        }
        (Language::De, Protection::ToCarrier) => format!(
            "Raum {number} nimmt nur Anrufe an, die mindestens bis zum Anbieter verschlüsselt sind."
        ),
        (Language::De, Protection::ToDevice) => format!(
            "Raum {number} nimmt nur Anrufe an, die bis zum Telefon selbst verschlüsselt sind."
        ),
        (Language::En, Protection::None) => {
            format!("Room {number} also takes calls that are not encrypted.")
        }
        (Language::En, Protection::ToCarrier) => format!(
            "Room {number} takes only calls that are encrypted at least as far as the carrier."
        ),
        (Language::En, Protection::ToDevice) => format!(
            "Room {number} takes only calls that are encrypted as far as the telephone itself."
        ),
    }
}

fn told_of_entry(number: &str, entry: EntrySignal, language: Language) -> String {
    match (language, entry) {
        (Language::De, EntrySignal::Tones) => {
            format!("In Raum {number} meldet ein Ton, wer kommt und geht.")
        }
        (Language::De, EntrySignal::Names) => {
            format!("In Raum {number} wird genannt, wer kommt und geht.")
        }
        (Language::De, EntrySignal::Off) => {
            format!("In Raum {number} ist nicht zu hören, wer kommt und geht.")
        }
        (Language::En, EntrySignal::Tones) => {
            format!("In room {number} a tone tells who comes and goes.")
        }
        (Language::En, EntrySignal::Names) => {
            format!("In room {number} who comes and goes is named.")
        }
        (Language::En, EntrySignal::Off) => {
            format!("In room {number} nothing is heard of who comes and goes.")
        }
    }
}

fn told_of_chat(number: &str, chat: ChatRule, language: Language) -> String {
    match (language, chat) {
        (Language::De, ChatRule::All) => {
            format!("Im Chat von Raum {number} schreibt man an alle und an Einzelne.")
        }
        (Language::De, ChatRule::Public) => {
            format!("Im Chat von Raum {number} schreibt man nur an alle.")
        }
        (Language::De, ChatRule::Private) => {
            format!("Im Chat von Raum {number} schreibt man nur an Einzelne.")
        }
        (Language::De, ChatRule::Off) => format!("Raum {number} hat keinen Chat."),
        (Language::En, ChatRule::All) => {
            format!("In the chat of room {number} people write to everybody and to one person.")
        }
        (Language::En, ChatRule::Public) => {
            format!("In the chat of room {number} people write to everybody only.")
        }
        (Language::En, ChatRule::Private) => {
            format!("In the chat of room {number} people write to one person only.")
        }
        (Language::En, ChatRule::Off) => format!("Room {number} has no chat."),
    }
}

fn told_of_digits(number: &str, digits: Digits, language: Language) -> String {
    match (language, digits) {
        (Language::De, Digits::None) => {
            format!("Die Leitung von Raum {number} sieht nichts von den Rufnummern.")
        }
        (Language::De, Digits::LastThree) => format!(
            "Die Leitung von Raum {number} sieht die letzten drei Ziffern von Rufnummern mit mehr als sechs Ziffern."
        ),
        (Language::En, Digits::None) => {
            format!("Moderators of room {number} see nothing of callers' numbers.")
        }
        (Language::En, Digits::LastThree) => format!(
            "Moderators of room {number} see the last three digits of numbers with more than six digits."
        ),
    }
}

fn told_of_wording(number: &str, wording: Wording, language: Language) -> String {
    let spoken = match (language, wording) {
        (Language::De, Wording::De) => "Deutsch mit Sie",
        (Language::De, Wording::DeDu) => "Deutsch mit du",
        (Language::De, Wording::DeEinfach) => "einfaches Deutsch",
        (Language::De, Wording::En) => "Englisch",
        (Language::En, Wording::De) => "German, with Sie",
        (Language::En, Wording::DeDu) => "German, with du",
        (Language::En, Wording::DeEinfach) => "easy German",
        (Language::En, Wording::En) => "English",
    };
    match language {
        Language::De => format!(
            "Wer Raum {number} anruft, hört ab jetzt {spoken}; auch die Seite beginnt damit."
        ),
        Language::En => format!(
            "Who calls room {number} hears {spoken} from here on, and the page begins with it."
        ),
    }
}

fn told_of_quiet(number: &str, people: u16, language: Language) -> String {
    match language {
        Language::De => {
            format!("Das ist in Raum {number} zu hören, solange nicht mehr als {people} da sind.")
        }
        Language::En => {
            format!("That is heard in room {number} while no more than {people} are inside.")
        }
    }
}
