//! `rundruf calls`: what is noted of calls that were made out of conferences, as evidence against toll fraud: room, country and
//! minutes, for seven days. No number is among it.

use std::{io::Write, time::Duration};

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{Books, Error, invite::Time, print_json};
use crate::{
    conference::event::Language,
    limit::DIALS_KEPT,
    start::Obstacle,
    store::{Dial, Room},
};

/// What to do with what is noted, and how to tell of it.
#[derive(Debug, Args)]
pub struct CallsArguments {
    /// Print JSON instead of text.
    #[arg(long, global = true)]
    pub json: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: CallsCommand,
}

/// What to do with what is noted.
#[derive(Debug, Subcommand)]
pub enum CallsCommand {
    /// List the calls of the last seven days: when each ended, its country, minutes and room; none where nobody answered.
    List,
    /// Erase what is noted before its time; a running server counts the day's minutes on, one that starts does not.
    Erase {
        /// Only of this room, by its number.
        #[arg(long)]
        room: Option<String>,
    },
}

impl Books<'_> {
    /// Carries out a command about calls that were made and prints what came of it, in the language given.
    ///
    /// # Errors
    ///
    /// Fails when the database fails, there is no such room, or the output cannot be written.
    pub async fn calls(
        &self,
        arguments: CallsArguments,
        language: Language,
        at: Duration,
        out: &mut impl Write,
    ) -> Result<(), Error> {
        let json = arguments.json;
        // What is too old is gone at the latest when somebody looks, whether or not a server runs.
        let swept = self.store.sweep_dials(at).await;
        swept.map_err(self.failed())?;
        match arguments.command {
            CallsCommand::List => {
                let since = at.saturating_sub(DIALS_KEPT);
                let dials = self.store.dials_since(since).await;
                let calls = self.with_rooms(dials.map_err(self.failed())?).await?;
                print_calls(&calls, json, language, out)
            }
            CallsCommand::Erase { room } => {
                let room = match room {
                    Some(number) => Some(self.find(&number).await?.id),
                    None => None,
                };
                let erased = self.store.erase_dials(room).await;
                print_erased(erased.map_err(self.failed())?, json, language, out)
            }
        }
    }

    /// Finds the rooms that answer for calls; some may be no more.
    async fn with_rooms(&self, dials: Vec<Dial>) -> Result<Vec<(Dial, Option<Room>)>, Obstacle> {
        let mut found = Vec::with_capacity(dials.len());
        for dial in dials {
            let room = self.store.room(dial.room).await;
            found.push((dial, room.map_err(self.failed())?));
        }
        Ok(found)
    }
}

fn print_calls(
    calls: &[(Dial, Option<Room>)],
    json: bool,
    language: Language,
    out: &mut impl Write,
) -> Result<(), Error> {
    let number = |room: &Option<Room>| room.as_ref().map(|room| room.number.clone());
    if json {
        let calls = calls.iter().map(|(dial, room)| {
            json!({
                "began": Time(dial.began_at).to_string(),
                "ended": Time(dial.ended_at).to_string(),
                "country": dial.country,
                "minutes": dial.minutes,
                "room": number(room),
            })
        });
        return print_json(&calls.collect::<Value>(), out);
    }
    let (of, none) = match language {
        Language::De => ("Raum", "Es ist kein Anruf vermerkt."),
        Language::En => ("room", "No call is noted."),
    };
    if calls.is_empty() {
        writeln!(out, "{none}")?;
    }
    for (dial, room) in calls {
        let (ended, minutes) = (Time(dial.ended_at), dial.minutes);
        let country = format!("+{}", dial.country);
        let room = number(room).unwrap_or_else(|| String::from("–"));
        writeln!(out, "{ended}  {country:<5}{minutes:>5} min  {of} {room}")?;
    }
    Ok(())
}

fn print_erased(
    erased: u64,
    json: bool,
    language: Language,
    out: &mut impl Write,
) -> Result<(), Error> {
    if json {
        return print_json(&json!({ "erased": erased }), out);
    }
    match (language, erased) {
        (Language::De, 1) => writeln!(out, "Ein Vermerk ist gelöscht."),
        (Language::De, _) => writeln!(out, "{erased} Vermerke sind gelöscht."),
        (Language::En, 1) => writeln!(out, "One note is erased."),
        (Language::En, _) => writeln!(out, "{erased} notes are erased."),
    }?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;
    use crate::{
        cli::{Arguments, Command},
        conference::event::Wording,
        config::Config,
        id::{DialId, RoomId, TenantId},
        store::Title,
    };

    const AT: Duration = Duration::from_secs(1_800_000_000);
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    #[tokio::test]
    async fn what_is_noted_is_listed_for_seven_days_and_erased_at_will() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::default();
        config.store.path = folder.path().join("db");
        config.store.key_file = folder.path().join("key");
        let mut rng = StdRng::seed_from_u64(1);
        let books = Books::open(&config, &mut rng).await.unwrap();
        let (tenant, title) = (TenantId::DEFAULT, Title::new(String::new()));
        let new = books.keys.new_room(tenant, title, Wording::De, &mut rng);
        let room = books.store.add_room(&new, &mut rng, AT).await.unwrap();
        let gone = RoomId::from_u64(7);
        for (id, room, country, ended_at) in [
            (1, room.id, "49", AT - 8 * DAY),
            (2, room.id, "49", AT - 2 * DAY),
            (3, gone, "420", AT - DAY),
        ] {
            let dial = Dial {
                id: DialId::from_u64(id),
                tenant,
                room,
                country: country.to_owned(),
                minutes: 3,
                began_at: ended_at - Duration::from_secs(150),
                ended_at,
            };
            books.store.note_dial(&dial).await.unwrap();
        }
        let run = async |line: &str, language| {
            let line = format!("rundruf calls {line}");
            let arguments = Arguments::try_parse_from(line.split(' ')).unwrap();
            let Command::Calls(calls) = arguments.command else {
                panic!("{line}")
            };
            let mut out = Vec::new();
            books.calls(calls, language, AT, &mut out).await.unwrap();
            String::from_utf8(out).unwrap()
        };
        let number = &room.number;
        assert_eq!(
            run("list", Language::De).await,
            format!(
                "2027-01-13T08:00Z  +49      3 min  Raum {number}\n2027-01-14T08:00Z  +420     3 min  Raum –\n"
            )
        );
        let listed: Value = serde_json::from_str(&run("list --json", Language::En).await).unwrap();
        assert_eq!(listed[0]["room"], json!(number));
        assert_eq!(listed[1]["room"], Value::Null);
        let erase = format!("erase --room {number}");
        assert_eq!(run(&erase, Language::En).await, "One note is erased.\n");
        let erased: Value = serde_json::from_str(&run("erase --json", Language::En).await).unwrap();
        assert_eq!(erased, json!({"erased": 1}));
        assert_eq!(
            run("list", Language::De).await,
            "Es ist kein Anruf vermerkt.\n"
        );
    }
}
