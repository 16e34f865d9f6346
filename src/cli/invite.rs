//! `rundruf invite`: people who are invited to a room by name, each with a PIN of their own.

use std::{fmt, io::Write, str::FromStr, time::Duration};

use clap::{Args, Subcommand};
use rand::Rng;
use serde_json::{Value, json};

use super::{Books, Error, lines_json, print_json, print_lines};
use crate::{
    conference::{event::Language, participant::Role},
    id::PersonId,
    server::secrets::code_in_groups,
    start::{NotInvited, Obstacle},
    store::{Person, Room, Window, clean_person},
};

/// What to do with invitations, and how to tell of it.
#[derive(Debug, Args)]
pub struct InviteArguments {
    /// Print JSON instead of text.
    #[arg(long, global = true)]
    pub json: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: InviteCommand,
}

/// What to do with invitations.
#[derive(Debug, Subcommand)]
pub enum InviteCommand {
    /// Invite somebody by name; prints the code that is theirs alone.
    Add {
        /// The room's number.
        number: String,
        /// What the others see them as.
        name: String,
        /// They moderate.
        #[arg(long)]
        moderator: bool,
        /// Their PIN opens the room from then on, such as 2027-01-31T18:00+01:00.
        #[arg(long, value_name = "TIME")]
        from: Option<Time>,
        /// Their PIN opens the room until then.
        #[arg(long, value_name = "TIME")]
        until: Option<Time>,
    },
    /// List who is invited, without their PINs.
    List {
        /// The room's number.
        number: String,
    },
    /// Withdraw an invitation; the PIN is wrong from here on.
    Remove {
        /// The room's number.
        number: String,
        /// Whose.
        name: String,
    },
    /// Give somebody a new PIN; the old one is wrong from here on.
    Pin {
        /// The room's number.
        number: String,
        /// Whom.
        name: String,
    },
}

/// A time of RFC 3339, with or without seconds, since 1970-01-01 00:00 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(pub Duration);

/// What is no time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a time such as 2027-01-31T18:00+01:00")]
pub struct NotATime;

impl FromStr for Time {
    type Err = NotATime;

    fn from_str(text: &str) -> Result<Self, NotATime> {
        read_time(text).map(Self).ok_or(NotATime)
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let (year, month, day) = civil(seconds / DAY);
        let (hour, minute) = (seconds % DAY / 3_600, seconds % 3_600 / 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}Z")
    }
}

impl Books<'_> {
    /// Carries out a command about invitations and prints what came of it, in the language given.
    ///
    /// # Errors
    ///
    /// Fails when the database fails, there is no such room or person, or the output cannot be written.
    pub async fn invite(
        &self,
        arguments: InviteArguments,
        language: Language,
        rng: &mut impl Rng,
        at: Duration,
        out: &mut impl Write,
    ) -> Result<(), Error> {
        let json = arguments.json;
        match arguments.command {
            InviteCommand::Add {
                number,
                name,
                moderator,
                from,
                until,
            } => {
                let room = self.find(&number).await?;
                let person = Person {
                    id: PersonId::random(rng),
                    room: room.id,
                    name: clean_person(&name)
                        .ok_or(NotInvited::NoName)
                        .map_err(Obstacle::from)?,
                    role: if moderator {
                        Role::Moderator
                    } else {
                        Role::Guest
                    },
                    pin_epoch: 0,
                    window: window(from, until)?,
                };
                let person = self.settled(&room, person).await?;
                let added = self.store.add_person(&person, at).await;
                if !added.map_err(self.failed())? {
                    return Err(Obstacle::from(NotInvited::NameTaken(room.number)).into());
                }
                self.print_person(&room, &person, json, language, out)
            }
            InviteCommand::List { number } => {
                let room = self.find(&number).await?;
                let people = self.people(&room).await?;
                print_people(&people, json, language, out)
            }
            InviteCommand::Remove { number, name } => {
                let (room, person) = self.person(&number, &name).await?;
                let removed = self.store.remove_person(person.id).await;
                removed.map_err(self.failed())?;
                print_withdrawn(&room, json, language, out)
            }
            InviteCommand::Pin { number, name } => {
                let (room, mut person) = self.person(&number, &name).await?;
                person.pin_epoch = person.pin_epoch.wrapping_add(1);
                let person = self.settled(&room, person).await?;
                let epoch = person.pin_epoch;
                let renewed = self.store.renew_person(person.id, epoch, at).await;
                renewed.map_err(self.failed())?;
                self.print_person(&room, &person, json, language, out)
            }
        }
    }

    pub(super) async fn people(&self, room: &Room) -> Result<Vec<Person>, Obstacle> {
        let people = self.store.people(room.id).await;
        people.map_err(self.failed())
    }

    async fn person(&self, number: &str, name: &str) -> Result<(Room, Person), Obstacle> {
        let room = self.find(number).await?;
        let name = clean_person(name).ok_or(NotInvited::NoName)?;
        let mut people = self.people(&room).await?.into_iter();
        let person = people.find(|person| person.name == name);
        let person = person.ok_or_else(|| NotInvited::NoPerson(room.number.clone()))?;
        Ok((room, person))
    }

    /// Gives a person an epoch whose PIN is nobody else's.
    async fn settled(&self, room: &Room, mut person: Person) -> Result<Person, Obstacle> {
        let others = self.people(room).await?;
        person.pin_epoch = self.keys.settle_person(room, &person, &others);
        Ok(person)
    }

    fn print_person(
        &self,
        room: &Room,
        person: &Person,
        json: bool,
        language: Language,
        out: &mut impl Write,
    ) -> Result<(), Error> {
        let pin = self.keys.persons_pin(room, person);
        if json {
            let mut value = person_json(person);
            value["number"] = json!(room.number);
            value["pin"] = json!(pin.expose());
            value["lines"] = lines_json(room, &self.reach());
            return print_json(&value, out);
        }
        let code = code_in_groups(&room.number, &pin);
        let (name, code) = (person.name.expose(), code.expose());
        match language {
            Language::De => writeln!(out, "Einwahlnummer von {name}: {code}")?,
            Language::En => writeln!(out, "Dial-in number of {name}: {code}")?,
        }
        print_lines(room, &self.reach(), language, out)
    }
}

/// A window that is open at some time.
fn window(from: Option<Time>, until: Option<Time>) -> Result<Window, Obstacle> {
    if let (Some(from), Some(until)) = (from, until)
        && until <= from
    {
        return Err(NotInvited::NeverOpen.into());
    }
    Ok(Window {
        opens_at: from.map(|Time(at)| at),
        closes_at: until.map(|Time(at)| at),
    })
}

fn person_json(person: &Person) -> Value {
    let time = |at: Option<Duration>| at.map(|at| Time(at).to_string());
    json!({
        "name": person.name.expose(),
        "moderator": person.role == Role::Moderator,
        "from": time(person.window.opens_at),
        "until": time(person.window.closes_at),
    })
}

fn print_people(
    people: &[Person],
    json: bool,
    language: Language,
    out: &mut impl Write,
) -> Result<(), Error> {
    if json {
        let people: Value = people.iter().map(person_json).collect();
        return print_json(&people, out);
    }
    let [role, from, until] = match language {
        Language::De => ["Leitung", "ab", "bis"],
        Language::En => ["moderator", "from", "until"],
    };
    for person in people {
        let mut line = person.name.expose().clone();
        if person.role == Role::Moderator {
            line += &format!("  ({role})");
        }
        for (word, at) in [
            (from, person.window.opens_at),
            (until, person.window.closes_at),
        ] {
            if let Some(at) = at {
                line += &format!("  {word} {}", Time(at));
            }
        }
        writeln!(out, "{line}")?;
    }
    Ok(())
}

fn print_withdrawn(
    room: &Room,
    json: bool,
    language: Language,
    out: &mut impl Write,
) -> Result<(), Error> {
    if json {
        return print_json(&json!({"number": room.number, "removed": true}), out);
    }
    match language {
        Language::De => writeln!(
            out,
            "Die Einladung in Raum {} ist zurückgezogen.",
            room.number
        )?,
        Language::En => writeln!(out, "The invitation to room {} is withdrawn.", room.number)?,
    }
    Ok(())
}

/// Reads `YYYY-MM-DDTHH:MM[:SS](Z|±HH:MM)` from 1970 to 9999.
fn read_time(text: &str) -> Option<Duration> {
    let (date, rest) = text.split_once(['T', 't', ' '])?;
    let mut date = date.splitn(3, '-').map(|part| part.parse::<u64>().ok());
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    let at = rest.find(['Z', 'z', '+', '-'])?;
    let (clock, zone) = rest.split_at(at);
    let mut clock = clock.splitn(3, ':').map(|part| part.parse::<u64>().ok());
    let (hour, minute) = (clock.next()??, clock.next()??);
    let second = clock.next().unwrap_or(Some(0))?;
    let valid = (1970..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    let days = valid.then(|| days(year, month, day))?;
    // A day that its month does not have would be one of the next.
    (civil(days) == (year, month, day)).then_some(())?;
    let seconds = days * DAY + hour * 3_600 + minute * 60 + second;
    let offset = offset(zone)?;
    let utc = i64::try_from(seconds).ok()?.checked_sub(offset)?;
    u64::try_from(utc).ok().map(Duration::from_secs)
}

/// Reads `Z` or `±HH:MM`, in seconds east of UTC.
fn offset(zone: &str) -> Option<i64> {
    if zone.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let (sign, digits) = match zone.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let (hours, minutes) = digits.split_once(':')?;
    let number = |text: &str, below: i64| {
        let number = text.parse::<u8>().ok().map(i64::from);
        number.filter(|number| *number < below)
    };
    Some(sign * (number(hours, 24)? * 3_600 + number(minutes, 60)? * 60))
}

/// Days from 1970-01-01 to a date of the Gregorian calendar, counted in years that begin in March.
const fn days(year: u64, month: u64, day: u64) -> u64 {
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let leaps = year / 4 - year / 100 + year / 400;
    year * 365 + leaps + (153 * month + 2) / 5 + day - 1 - EPOCH
}

/// The date so many days after 1970-01-01.
const fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + EPOCH;
    let era = days / 146_097;
    let of_era = days % 146_097;
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let year = era * 400 + year_of_era;
    if month < 10 {
        (year, month + 3, day)
    } else {
        (year + 1, month - 9, day)
    }
}

/// Days from 0000-03-01 to 1970-01-01.
const EPOCH: u64 = 719_468;

/// Seconds of a day.
const DAY: u64 = 86_400;

#[cfg(test)]
mod tests {
    use clap::Parser;
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;
    use crate::{
        cli::{Arguments, Command},
        config::Config,
        server::secrets::Holder,
    };

    const AT: Duration = Duration::from_secs(1_800_000_000);

    #[test]
    fn times_are_read_with_their_offset_and_printed_in_utc() {
        for (text, seconds) in [
            ("1970-01-01T00:00Z", 0),
            ("2027-01-15T08:00:00Z", 1_800_000_000),
            ("2027-01-15T09:00+01:00", 1_800_000_000),
            ("2027-01-15 02:30:00-05:30", 1_800_000_000),
            ("2000-02-29T00:00Z", 951_782_400),
            ("2100-03-01T00:00Z", 4_107_542_400),
        ] {
            assert_eq!(
                text.parse(),
                Ok(Time(Duration::from_secs(seconds))),
                "{text}"
            );
        }
        assert_eq!(Time(AT).to_string(), "2027-01-15T08:00Z");
        for text in [
            "",
            "tomorrow",
            "2027-01-15",
            "2027-01-15T08:00",
            "2027-02-29T00:00Z",
            "2100-02-29T00:00Z",
            "2027-13-01T00:00Z",
            "2027-01-15T24:00Z",
            "1970-01-01T00:00+01:00",
            "2027-01-15T08:00+1",
            "2027-01-15T08:00+01:99",
            "2027-01-15T08:00ZZ",
            "20270115T0800Z",
            "2027-01-15T08Z",
        ] {
            assert_eq!(text.parse::<Time>(), Err(NotATime), "{text}");
        }
    }

    #[tokio::test]
    async fn who_is_invited_gets_a_code_of_their_own_that_names_them() {
        let world = World::new().await;
        let added = world.json(&["add", "NUMBER", "Anna  Berg"]).await;
        assert_eq!(added["name"], "Anna Berg");
        assert!(world.holder(&added).await.is_some());
        let renewed = world.json(&["pin", "NUMBER", "Anna Berg"]).await;
        assert_eq!(world.holder(&added).await, None, "the old one is wrong");
        assert!(world.holder(&renewed).await.is_some());
        let window = [
            "--from",
            "2027-01-15T09:00+01:00",
            "--until",
            "2027-01-15T10:00+01:00",
        ];
        let line = [&["add", "NUMBER", "Berta", "--moderator"][..], &window].concat();
        let told = world.run(&line).await.unwrap();
        assert!(told.starts_with("Einwahlnummer von Berta: "), "{told}");
        let listed = "Anna Berg\nBerta  (Leitung)  ab 2027-01-15T08:00Z  bis 2027-01-15T09:00Z\n";
        assert_eq!(world.run(&["list", "NUMBER"]).await.unwrap(), listed);
        world.run(&["remove", "NUMBER", "Anna Berg"]).await.unwrap();
        assert_eq!(world.holder(&renewed).await, None);
        assert_eq!(
            world
                .json(&["list", "NUMBER"])
                .await
                .as_array()
                .unwrap()
                .len(),
            1
        );
    }

    #[tokio::test]
    async fn what_makes_no_invitation_is_said() {
        let world = World::new().await;
        world.run(&["add", "NUMBER", "Anna"]).await.unwrap();
        let backwards = [
            "--from",
            "2027-01-15T09:00Z",
            "--until",
            "2027-01-15T09:00Z",
        ];
        for (words, expected) in [
            (vec!["add", "NUMBER", "Anna"], "of this name"),
            (vec!["add", "NUMBER", "\u{200b}"], "no name"),
            (vec!["pin", "NUMBER", "Berta"], "nobody of this name"),
            (vec!["remove", "NUMBER", "Berta"], "nobody of this name"),
            (vec!["list", "1"], "no room 1"),
            (
                [&["add", "NUMBER", "Clara"][..], &backwards].concat(),
                "never",
            ),
        ] {
            let refused = world.run(&words).await.unwrap_err().to_string();
            assert!(refused.contains(expected), "{words:?}: {refused}");
            assert!(
                !refused.contains("Anna") && !refused.contains("Berta"),
                "{refused}"
            );
        }
    }

    /// A room with its books.
    struct World {
        config: Config,
        number: String,
        _folder: tempfile::TempDir,
    }

    impl World {
        async fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let mut config = Config::default();
            config.store.path = folder.path().join("db");
            config.store.key_file = folder.path().join("key");
            let mut rng = StdRng::seed_from_u64(1);
            let books = Books::open(&config, &mut rng).await.unwrap();
            let room = books.demo_room(Language::De, &mut rng, AT).await.unwrap();
            Self {
                number: room.number,
                config,
                _folder: folder,
            }
        }

        async fn run(&self, words: &[&str]) -> Result<String, Error> {
            let words = words.iter().map(|word| match *word {
                "NUMBER" => self.number.as_str(),
                other => other,
            });
            let line = ["rundruf", "invite"].into_iter().chain(words);
            let Command::Invite(invite) = Arguments::try_parse_from(line).unwrap().command else {
                panic!("no invitation")
            };
            let mut rng = rand::rng();
            let books = Books::open(&self.config, &mut rng).await?;
            let mut out = Vec::new();
            books
                .invite(invite, Language::De, &mut rng, AT, &mut out)
                .await?;
            Ok(String::from_utf8(out).unwrap())
        }

        async fn json(&self, words: &[&str]) -> Value {
            let text = self.run(&[words, &["--json"]].concat()).await.unwrap();
            serde_json::from_str(&text).unwrap()
        }

        /// Whose PIN was printed.
        async fn holder(&self, printed: &Value) -> Option<Holder> {
            let mut rng = rand::rng();
            let books = Books::open(&self.config, &mut rng).await.unwrap();
            let room = books.find(&self.number).await.unwrap();
            let people = books.people(&room).await.unwrap();
            let pin = crate::pii::Secret::new(printed["pin"].as_str().unwrap().to_owned());
            books.keys.holder_of_pin(&room, &people, &pin)
        }
    }
}
