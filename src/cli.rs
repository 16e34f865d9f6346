//! The command line: `rundruf serve`, `rundruf room` to keep rooms, `rundruf invite` to invite people to them by name,
//! `rundruf trunk` to look after trunks, and `rundruf calls` to see and erase what is noted of calls that were made.
//!
//! Rooms are kept in the database, so these commands work beside a running server: a new PIN or link counts at once.

use std::{
    io::{self, Write},
    path::PathBuf,
    time::Duration,
};

use clap::{Args, Parser, Subcommand};
use rand::Rng;
use serde_json::{Value, json};

use crate::{
    browser::call_in::Line,
    card::{Invitation, Reach, said},
    conference::{
        event::{Language, Wording},
        participant::Role,
        policy::Speakers,
    },
    config::Config,
    id::TenantId,
    server::secrets::Keys,
    start::Obstacle,
    store::{self, Room, Store, Title, clean_title},
};

pub use self::{
    calls::CallsArguments,
    invite::InviteArguments,
    preset::Preset,
    set::{Chat, Demand, Digits, Entry, Level, Spoken, Waits, Wishes},
    trunk::{Standing, TrunkArguments},
};

pub mod calls;
mod check;
pub mod invite;
mod preset;
mod set;
pub mod trunk;
pub mod usage;

/// An audio-first conference server with a telephone dial-in bridge.
#[derive(Debug, Parser)]
#[command(name = "rundruf", version)]
pub struct Arguments {
    /// Settings file; without it the defaults hold, as in deploy/config.toml.
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the server.
    Serve(Serve),
    /// Keep rooms.
    Room(RoomArguments),
    /// Invite people to a room by name.
    Invite(InviteArguments),
    /// Look after trunks.
    Trunk(TrunkArguments),
    /// See or erase what is noted of calls that were made out of conferences.
    Calls(CallsArguments),
}

/// How to run.
#[derive(Debug, Args)]
pub struct Serve {
    /// Make a fresh room to try, in place of the last one, and print how to get in.
    #[arg(long)]
    pub demo: bool,
}

/// What to do with rooms, and how to tell of it.
#[derive(Debug, Args)]
pub struct RoomArguments {
    /// Print JSON instead of text.
    #[arg(long, global = true)]
    pub json: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: RoomCommand,
}

/// What to do with rooms.
#[derive(Debug, Subcommand)]
pub enum RoomCommand {
    /// Make a room; prints its number, codes and links.
    Add {
        /// What people call it.
        #[arg(long, default_value = "")]
        title: String,
        /// What callers hear; by default the language of the environment.
        #[arg(long)]
        language: Option<Spoken>,
        /// How many speakers are heard at a time, 1 to 8; by default what the settings say.
        #[arg(long)]
        speakers: Option<Speakers>,
        /// How confidential the room is; by default normal.
        #[arg(long)]
        level: Option<Level>,
    },
    /// List the rooms, without their secrets.
    List,
    /// Set how many speakers are heard at a time in a room; counts within seconds, in a running conference too.
    Speakers {
        /// The room's number.
        number: String,
        /// How many, 1 to 8; without it the settings decide.
        speakers: Option<Speakers>,
    },
    /// Set what holds in a room; counts within seconds, in a running conference too.
    Set {
        /// The room's number.
        number: String,
        /// What.
        #[command(flatten)]
        wishes: Wishes,
    },
    /// Remove a room; its codes and links lead nowhere any more.
    Remove {
        /// The room's number.
        number: String,
    },
    /// Make new links for a room; the old ones lead nowhere any more.
    Link {
        /// The room's number.
        number: String,
    },
    /// Make new PINs for a room; the old ones are wrong from here on.
    Pin {
        /// The room's number.
        number: String,
    },
}

/// The books: the database and the key that rooms are kept with.
#[derive(Debug)]
pub struct Books<'a> {
    config: &'a Config,
    store: Store,
    keys: Keys,
}

/// A command is not carried out.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operator can remove the cause.
    #[error(transparent)]
    Obstacle(#[from] Obstacle),
    /// What came of it cannot be printed.
    #[error("the output cannot be written")]
    Output(#[from] io::Error),
}

impl<'a> Books<'a> {
    /// Opens database and key of the settings, or makes them.
    ///
    /// # Errors
    ///
    /// Fails when one of them cannot be used.
    pub async fn open(config: &'a Config, rng: &mut impl Rng) -> Result<Self, Obstacle> {
        let keys = Keys::load_or_create(&config.store.key_file, rng)?;
        let store = Store::open(&config.store.path)
            .await
            .map_err(Obstacle::store(&config.store.path))?;
        Ok(Self {
            config,
            store,
            keys,
        })
    }

    /// Closes the database.
    pub async fn close(&self) {
        self.store.close().await;
    }

    /// Returns database and key, for the server.
    pub fn parts(&self) -> (Store, Keys) {
        (self.store.clone(), self.keys.clone())
    }

    /// Makes a fresh demo room in place of the last one.
    ///
    /// # Errors
    ///
    /// Fails when the database fails.
    pub async fn demo_room(
        &self,
        language: Language,
        rng: &mut impl Rng,
        at: Duration,
    ) -> Result<Room, Obstacle> {
        let tenant = TenantId::DEFAULT;
        let removed = self.store.remove_demo_rooms(tenant).await;
        removed.map_err(self.failed())?;
        let title = match language {
            Language::De => "Raum zum Ausprobieren",
            Language::En => "Room to try",
        };
        let title = Title::new(String::from(title));
        let mut new = self.keys.new_room(tenant, title, language.into(), rng);
        new.demo = true;
        let added = self.store.add_room(&new, rng, at).await;
        added.map_err(self.failed())
    }

    /// Derives how to get into a room.
    pub fn invitation(&self, room: &Room, reach: &Reach) -> Invitation {
        Invitation::new(&self.keys, room, reach)
    }

    /// Carries out a command and prints what came of it, in the language given.
    ///
    /// # Errors
    ///
    /// Fails when the database fails, there is no such room, or the output cannot be written.
    pub async fn run(
        &self,
        arguments: RoomArguments,
        language: Language,
        rng: &mut impl Rng,
        at: Duration,
        out: &mut impl Write,
    ) -> Result<(), Error> {
        let json = arguments.json;
        match arguments.command {
            RoomCommand::Add {
                title,
                language: spoken,
                speakers,
                level,
            } => {
                let spoken = spoken.map_or(language.into(), Wording::from);
                let title = clean_title(&title);
                let mut new = self.keys.new_room(TenantId::DEFAULT, title, spoken, rng);
                new.speakers = speakers;
                let wishes = level.map(Wishes::of_level);
                if let Some(level) = level {
                    new.level = level.into();
                    new.protection = new.level.protection();
                }
                let room = self.store.add_room(&new, rng, at).await;
                let room = room.map_err(self.failed())?;
                self.print_room(&room, Part::All, json, language, out)?;
                match wishes {
                    Some(wishes) if !json => wishes.print(&room, json, language, out),
                    Some(_) | None => Ok(()),
                }
            }
            RoomCommand::List => {
                let rooms = self.store.list_rooms(TenantId::DEFAULT).await;
                print_list(&rooms.map_err(self.failed())?, json, out)
            }
            RoomCommand::Speakers { number, speakers } => {
                let room = self.find(&number).await?;
                let set = self.store.set_speakers(room.id, speakers, at).await;
                set.map_err(self.failed())?;
                print_speakers(&room, speakers, json, language, out)
            }
            RoomCommand::Set { number, wishes } => {
                let room = self.find(&number).await?;
                let wishes = wishes.settled(&room)?;
                let set = wishes.store(&self.store, room.id, at).await;
                set.map_err(self.failed())?;
                wishes.print(&room, json, language, out)
            }
            RoomCommand::Remove { number } => {
                let room = self.find(&number).await?;
                self.store
                    .remove_room(room.id)
                    .await
                    .map_err(self.failed())?;
                print_removed(&room, json, language, out)
            }
            RoomCommand::Link { number } => {
                let room = self.find(&number).await?;
                let (epochs, hashes) = self.keys.next_links(&room);
                let renewed = self.store.renew_links(room.id, epochs, &hashes, at).await;
                renewed.map_err(self.failed())?;
                let room = self.find(&number).await?;
                self.print_room(&room, Part::Links, json, language, out)
            }
            RoomCommand::Pin { number } => {
                let room = self.find(&number).await?;
                let epochs = self.keys.next_pins(&room, &self.people(&room).await?);
                let renewed = self.store.renew_pins(room.id, epochs, at).await;
                renewed.map_err(self.failed())?;
                let room = self.find(&number).await?;
                self.print_room(&room, Part::Codes, json, language, out)
            }
        }
    }

    async fn find(&self, number: &str) -> Result<Room, Obstacle> {
        let digits: String = number.chars().filter(|c| !c.is_whitespace()).collect();
        let room = self.store.room_by_number(TenantId::DEFAULT, &digits).await;
        room.map_err(self.failed())?.ok_or(Obstacle::NoRoom(digits))
    }

    fn print_room(
        &self,
        room: &Room,
        part: Part,
        json: bool,
        language: Language,
        out: &mut impl Write,
    ) -> Result<(), Error> {
        let reach = self.reach();
        let invitation = self.invitation(room, &reach);
        if json {
            return print_json(&room_json(room, &invitation, &reach, part), out);
        }
        let words = match language {
            Language::De => &DE,
            Language::En => &EN,
        };
        writeln!(out, "{:WIDTH$}{}", words.room, room.number)?;
        if part != Part::Links {
            let [guest, moderator] =
                [Role::Guest, Role::Moderator].map(|role| invitation.code(role));
            writeln!(out, "{:WIDTH$}{}", words.guest_code, guest.expose())?;
            writeln!(out, "{:WIDTH$}{}", words.moderator_code, moderator.expose())?;
            print_lines(room, &reach, language, out)?;
        }
        if part != Part::Codes {
            writeln!(
                out,
                "{:WIDTH$}{}",
                words.guest_link,
                invitation.guest_link.expose()
            )?;
            writeln!(
                out,
                "{:WIDTH$}{}",
                words.moderator_link,
                invitation.moderator_link.expose()
            )?;
        }
        Ok(())
    }

    /// Where the server would be reached.
    fn reach(&self) -> Reach {
        let web = &self.config.web;
        Reach::new(
            self.config,
            web.listen_https.first().copied(),
            web.listen_http.first().copied(),
            self.config.sip.listen_udp.first().copied(),
        )
    }

    fn failed(&self) -> impl Fn(store::Error) -> Obstacle + '_ {
        Obstacle::store(&self.config.store.path)
    }
}

/// What of a room is printed: what the command made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    All,
    Codes,
    Links,
}

fn room_json(room: &Room, invitation: &Invitation, reach: &Reach, part: Part) -> Value {
    let mut value = json!({"number": room.number});
    if part == Part::All {
        value["level"] = json!(room.level.word());
    }
    if part != Part::Links {
        value["pin"] = json!(invitation.guest_pin.expose());
        value["moderator_pin"] = json!(invitation.moderator_pin.expose());
        value["lines"] = lines_json(room, reach);
    }
    if part != Part::Codes {
        value["guest_link"] = json!(invitation.guest_link.expose());
        value["moderator_link"] = json!(invitation.moderator_link.expose());
    }
    value
}

/// The telephone numbers at which people come into a room.
fn lines_json(room: &Room, reach: &Reach) -> Value {
    let line = |line: &Line| json!({"number": line.number, "pin_only": line.room.is_some()});
    reach.call_in.lines_of(&room.number).map(line).collect()
}

/// Prints them, each with its label.
fn print_lines(
    room: &Room,
    reach: &Reach,
    language: Language,
    out: &mut impl Write,
) -> Result<(), Error> {
    let words = match language {
        Language::De => &DE,
        Language::En => &EN,
    };
    for line in reach.call_in.lines_of(&room.number) {
        writeln!(out, "{:WIDTH$}{}", words.line, said(line, language))?;
    }
    Ok(())
}

fn print_list(rooms: &[Room], json: bool, out: &mut impl Write) -> Result<(), Error> {
    if json {
        let rooms: Value = rooms
            .iter()
            .map(|room| {
                json!({
                    "number": room.number,
                    "title": room.title.expose(),
                    "language": room.wording.tag(),
                    "shows_digits": room.shows_digits,
                    "speakers": room.speakers.map(Speakers::get),
                    "lobby": room.lobby.word(),
                    "level": room.level.word(),
                    "protection": room.protection.word(),
                    "entry": room.entrances.signal.word(),
                    "quiet_above": room.entrances.quiet_above,
                    "chat": room.chat.word(),
                    "demo": room.demo,
                })
            })
            .collect();
        return print_json(&rooms, out);
    }
    for room in rooms {
        let demo = if room.demo { "  (demo)" } else { "" };
        let (language, title) = (room.wording.tag(), room.title.expose());
        let line = format!("{:<8}{language}  {title}{demo}", room.number);
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

fn print_speakers(
    room: &Room,
    speakers: Option<Speakers>,
    json: bool,
    language: Language,
    out: &mut impl Write,
) -> Result<(), Error> {
    let number = &room.number;
    if json {
        let speakers = speakers.map(Speakers::get);
        return print_json(&json!({"number": number, "speakers": speakers}), out);
    }
    match (language, speakers) {
        (Language::De, Some(most)) => {
            writeln!(
                out,
                "In Raum {number} sind bis zu {most} zugleich zu hören."
            )
        }
        (Language::De, None) => writeln!(
            out,
            "Wie viele in Raum {number} zugleich zu hören sind, sagt die Einstellung media.speakers."
        ),
        (Language::En, Some(most)) => {
            writeln!(out, "In room {number} up to {most} are heard at a time.")
        }
        (Language::En, None) => writeln!(
            out,
            "How many are heard at a time in room {number} is what the setting media.speakers says."
        ),
    }?;
    Ok(())
}

fn print_removed(
    room: &Room,
    json: bool,
    language: Language,
    out: &mut impl Write,
) -> Result<(), Error> {
    if json {
        return print_json(&json!({"number": room.number, "removed": true}), out);
    }
    match language {
        Language::De => writeln!(out, "Raum {} ist entfernt.", room.number)?,
        Language::En => writeln!(out, "Room {} is removed.", room.number)?,
    }
    Ok(())
}

fn print_json(value: &Value, out: &mut impl Write) -> Result<(), Error> {
    writeln!(out, "{value:#}")?;
    Ok(())
}

/// Labels in one language.
struct Words {
    room: &'static str,
    guest_code: &'static str,
    moderator_code: &'static str,
    line: &'static str,
    guest_link: &'static str,
    moderator_link: &'static str,
}

const DE: Words = Words {
    room: "Raum",
    guest_code: "Einwahlnummer",
    moderator_code: "… der Leitung",
    line: "Telefonnummer",
    guest_link: "Gast-Link",
    moderator_link: "Link der Leitung",
};

const EN: Words = Words {
    room: "Room",
    guest_code: "Dial-in number",
    moderator_code: "… for moderators",
    line: "Telephone number",
    guest_link: "Guest link",
    moderator_link: "Moderator link",
};

/// Column of the values.
const WIDTH: usize = 20;

#[cfg(test)]
mod tests;
