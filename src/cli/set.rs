//! `rundruf room set`: what holds in a room.

use std::{io::Write, time::Duration};

use clap::{Args, ValueEnum};
use serde_json::json;

use super::{Error, print_json};
use crate::{
    conference::{event::Language, participant::Protection, policy::Lobby},
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
    /// How far calls must be encrypted; others are told so and end, those in a running conference too.
    #[arg(long)]
    pub protection: Option<Demand>,
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

impl Wishes {
    /// Stores them.
    pub(super) async fn store(
        self,
        store: &Store,
        room: RoomId,
        at: Duration,
    ) -> Result<(), store::Error> {
        if let Some(lobby) = self.lobby {
            store.set_lobby(room, lobby.into(), at).await?;
        }
        if let Some(demand) = self.protection {
            store.set_protection(room, demand.into(), at).await?;
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
        let protection = self.protection.map(Protection::from);
        if json {
            let mut value = json!({"number": number});
            if let Some(lobby) = lobby {
                value["lobby"] = json!(lobby.word());
            }
            if let Some(protection) = protection {
                value["protection"] = json!(protection.word());
            }
            return print_json(&value, out);
        }
        if let Some(lobby) = lobby {
            writeln!(out, "{}", told_of_lobby(number, lobby, language))?;
        }
        if let Some(protection) = protection {
            writeln!(out, "{}", told_of_protection(number, protection, language))?;
        }
        Ok(())
    }
}

fn told_of_lobby(number: &str, lobby: Lobby, language: Language) -> String {
    match (language, lobby) {
        (Language::De, Lobby::Off) => format!("In Raum {number} kommen alle direkt herein."),
        (Language::De, Lobby::Guests) => {
            format!("In Raum {number} warten Gäste, bis die Moderation sie einlässt.")
        }
        (Language::De, Lobby::All) => {
            format!("In Raum {number} warten alle, bis die Moderation sie einlässt.")
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
