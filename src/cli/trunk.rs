//! `rundruf trunk`: how the trunks of a running server stand, what is wrong with them, and settings to begin with.
//!
//! The server writes what it knows into a private file beside `ready.json`, at most once a second; the command reads it.
//! So there is no further door into the server. The file holds the installation's own numbers, and nobody's who calls.

use std::{fs, io, io::Write, ops::RangeInclusive, path::Path, time::Duration};

use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};
use serde_json::json;

use self::lately::{Lately, Refused};
use super::{
    Error,
    check::{Remark, judge},
    preset::Preset,
    print_json,
};
use crate::{
    conference::event::Language,
    config::{self, Config, Number},
    phone::{self, Counts, Fault, Latest, TrunkCounts},
    start::{Obstacle, TrunksError},
};

mod lately;

/// What to do with trunks, and how to tell of it.
#[derive(Debug, Args)]
pub struct TrunkArguments {
    /// Print JSON instead of text.
    #[arg(long, global = true)]
    pub json: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: TrunkCommand,
}

/// What to do with trunks.
#[derive(Debug, Clone, Subcommand)]
pub enum TrunkCommand {
    /// List the trunks of the running server: whether it is registered there, their numbers, their calls, and the calls
    /// they refused since its start.
    List,
    /// Say what works on a trunk of the running server and what does not, from how it stands, from its latest calls and from
    /// those that it refused in the last hour.
    Check {
        /// The trunk's name; without it all are checked.
        name: Option<String>,
    },
    /// Print settings for an exchange or a carrier to begin with.
    Preset {
        /// For which.
        which: Preset,
    },
}

/// How all trunks stand, as the file has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// The server's process.
    pid: u32,
    /// Messages and connections from addresses on no trunk.
    strangers: u64,
    trunks: Vec<TrunkStanding>,
}

/// How one trunk stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TrunkStanding {
    pub(super) name: String,
    numbers: Vec<String>,
    pub(super) max_calls: usize,
    /// Whether the server registers there.
    registers: bool,
    pub(super) server: ServerStanding,
    /// How often the registrar has said that it knows us.
    registrations: u64,
    /// Until when it does, in seconds since 1970.
    registered_until: Option<u64>,
    calls: u64,
    taken: u64,
    unknown: u64,
    full: u64,
    unusable: u64,
    other: u64,
    /// What was refused in the time that is judged.
    #[serde(default)]
    pub(super) lately: Lately,
    /// What was found about the latest calls that have ended.
    pub(super) latest: Latest,
    /// When the latest call came, taken or not, in seconds since 1970.
    last_call: Option<u64>,
}

/// How the way to a trunk's server stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub(super) enum ServerStanding {
    /// None is kept.
    #[default]
    Unasked,
    Locating,
    Connecting,
    Asking,
    Up,
    Refused {
        status: u16,
    },
    Credentials,
    NotFound,
    Unreachable,
    WrongName,
    Untrusted,
    Silent,
    Failed {
        status: u16,
    },
}

impl From<phone::Standing> for ServerStanding {
    fn from(standing: phone::Standing) -> Self {
        match standing {
            phone::Standing::Unasked => Self::Unasked,
            phone::Standing::Locating => Self::Locating,
            phone::Standing::Connecting => Self::Connecting,
            phone::Standing::Asking => Self::Asking,
            phone::Standing::Up => Self::Up,
            phone::Standing::Refused(status) => Self::Refused { status },
            phone::Standing::Credentials => Self::Credentials,
            phone::Standing::Down(fault) => match fault {
                Fault::NotFound => Self::NotFound,
                Fault::Unreachable => Self::Unreachable,
                Fault::WrongName => Self::WrongName,
                Fault::Untrusted => Self::Untrusted,
                Fault::Silent => Self::Silent,
                Fault::Failed(status) => Self::Failed { status },
            },
        }
    }
}

impl ServerStanding {
    /// Whether all is well; none where nobody asks, or it is not known yet.
    pub(super) const fn is_good(self) -> Option<bool> {
        match self {
            Self::Unasked | Self::Locating | Self::Connecting | Self::Asking => None,
            Self::Up => Some(true),
            Self::Refused { .. }
            | Self::Credentials
            | Self::NotFound
            | Self::Unreachable
            | Self::WrongName
            | Self::Untrusted
            | Self::Silent
            | Self::Failed { .. } => Some(false),
        }
    }

    /// Says it in words; `registered` is for how long we are.
    pub(super) fn told(self, language: Language, registered: Option<&str>) -> String {
        let (german, english) = match (self, registered) {
            (Self::Unasked, _) => ("wird nicht gefragt", "not asked"),
            (Self::Locating, _) => ("Server wird gesucht", "looking for the server"),
            (Self::Connecting, _) => ("Verbindung wird aufgebaut", "connecting"),
            (Self::Asking, _) => ("wartet auf die Antwort", "waiting for the answer"),
            (Self::Up, Some(span)) => {
                return match language {
                    Language::De => format!("besteht, noch {span} lang"),
                    Language::En => format!("registered, for another {span}"),
                };
            }
            (Self::Up, None) => ("antwortet", "answers"),
            (Self::Refused { status }, _) => {
                return match language {
                    Language::De => format!("mit {status} abgelehnt: Konto und Nummer prüfen"),
                    Language::En => {
                        format!("refused with {status}: check the account and the number")
                    }
                };
            }
            (Self::Credentials, _) => (
                "abgelehnt: Benutzer, Passwort oder Realm stimmt nicht",
                "refused: user, password or realm is wrong",
            ),
            (Self::NotFound, _) => (
                "der Name des Servers führt nirgendwohin",
                "the server's name leads nowhere",
            ),
            (Self::Unreachable, _) => (
                "der Server ist nicht erreichbar",
                "the server cannot be reached",
            ),
            (Self::WrongName, _) => (
                "das Zertifikat des Servers gehört zu einem anderen Namen",
                "the server's certificate is for another name",
            ),
            (Self::Untrusted, _) => (
                "das Zertifikat des Servers ist abgelaufen oder von niemandem, dem zu trauen ist",
                "the server's certificate has expired or is from nobody who is trusted",
            ),
            (Self::Silent, _) => ("der Server antwortet nicht", "the server does not answer"),
            (Self::Failed { status }, _) => {
                return match language {
                    Language::De => format!("der Server meldet den Fehler {status}"),
                    Language::En => format!("the server fails with {status}"),
                };
            }
        };
        match language {
            Language::De => german.to_owned(),
            Language::En => english.to_owned(),
        }
    }
}

impl Standing {
    /// How trunks stand that nobody has called yet.
    pub fn new(trunks: &[config::Trunk]) -> Self {
        let standing = |trunk: &config::Trunk| TrunkStanding {
            name: one_line(&trunk.name),
            numbers: trunk.numbers.iter().map(written).collect(),
            max_calls: trunk.max_calls.get(),
            registers: trunk.registrar.is_some(),
            server: ServerStanding::default(),
            registrations: 0,
            registered_until: None,
            calls: 0,
            taken: 0,
            unknown: 0,
            full: 0,
            unusable: 0,
            other: 0,
            lately: Lately::default(),
            latest: Latest::default(),
            last_call: None,
        };
        Self {
            pid: std::process::id(),
            strangers: 0,
            trunks: trunks.iter().map(standing).collect(),
        }
    }

    /// Takes what has happened at the door until now.
    pub fn update(&mut self, counts: &Counts, latest: &[Latest], now: Duration) {
        self.strangers = counts.strangers;
        for (trunk, counts) in self.trunks.iter_mut().zip(&counts.trunks) {
            trunk.update(counts, now);
        }
        for (trunk, latest) in self.trunks.iter_mut().zip(latest) {
            trunk.latest.clone_from(latest);
        }
    }

    /// Renders the file's content.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("strings and numbers can be written as JSON")
    }

    /// Reads what a running server has written.
    fn read(file: &Path) -> Option<Self> {
        let standing: Self = serde_json::from_slice(&fs::read(file).ok()?).ok()?;
        // A server that was killed has left its file.
        let runs = Path::new("/proc").join(standing.pid.to_string()).exists();
        runs.then_some(standing)
    }

    /// Those that are to be checked.
    fn checked(&self, name: Option<&str>) -> Result<Vec<&TrunkStanding>, TrunksError> {
        let Some(name) = name else {
            return Ok(self.trunks.iter().collect());
        };
        let found = self.trunks.iter().find(|trunk| trunk.name == name);
        let names = || self.trunks.iter().map(|trunk| trunk.name.clone()).collect();
        found
            .map(|trunk| vec![trunk])
            .ok_or_else(|| TrunksError::NoTrunk(names()))
    }

    fn print(&self, language: Language, now: Duration, out: &mut impl Write) -> io::Result<()> {
        for trunk in &self.trunks {
            trunk.print(language, now, out)?;
        }
        let strangers = self.strangers;
        match language {
            Language::De => writeln!(
                out,
                "Von Adressen, die auf keinem Trunk stehen: {strangers} (ohne Antwort)"
            ),
            Language::En => writeln!(
                out,
                "From addresses that are on no trunk: {strangers} (without an answer)"
            ),
        }
    }
}

impl TrunkStanding {
    fn update(&mut self, counts: &TrunkCounts, now: Duration) {
        let before = self.came();
        let refused = Refused {
            unknown: counts.unknown.saturating_sub(self.unknown),
            full: counts.full.saturating_sub(self.full),
        };
        self.lately.add(refused, now);
        (self.calls, self.taken) = (counts.calls, counts.taken);
        (self.unknown, self.full) = (counts.unknown, counts.full);
        (self.unusable, self.other) = (counts.unusable, counts.other);
        if self.came() > before {
            self.last_call = Some(now.as_secs());
        }
        self.server = counts.standing.into();
        if counts.registrations > self.registrations {
            self.registrations = counts.registrations;
            self.registered_until = Some((now + counts.expires).as_secs());
        }
        if self.server != ServerStanding::Up {
            self.registered_until = None;
        }
    }

    /// Calls that ever came, each of which is counted once.
    pub(super) const fn came(&self) -> u64 {
        self.calls + self.taken + self.unknown + self.full + self.unusable + self.other
    }

    fn print(&self, language: Language, now: Duration, out: &mut impl Write) -> io::Result<()> {
        let words = match language {
            Language::De => &DE,
            Language::En => &EN,
        };
        let ago = |at| span(now.as_secs().saturating_sub(at));
        let last_call = match (self.last_call, language) {
            (None, _) => words.never.to_owned(),
            (Some(at), Language::De) => format!("vor {}", ago(at)),
            (Some(at), Language::En) => format!("{} ago", ago(at)),
        };
        let calls = format!(
            "{} {} {}; {} {}",
            self.calls, words.of, self.max_calls, self.taken, words.ended
        );
        let refused = [
            (self.unknown, words.unknown),
            (self.full, words.full),
            (self.unusable, words.unusable),
            (self.other, words.other),
        ]
        .map(|(number, words)| format!("{number} {words}"));
        writeln!(out, "{}", self.name)?;
        if self.server != ServerStanding::Unasked {
            let left = |until: u64| span(until.saturating_sub(now.as_secs()));
            let registered = self.registered_until.map(left);
            let told = self.server.told(language, registered.as_deref());
            let label = match self.registers {
                true => words.registration,
                false => words.server,
            };
            writeln!(out, "  {label:WIDTH$}{told}")?;
        }
        for (label, value) in [
            (words.numbers, self.numbers.join(", ")),
            (words.calls, calls),
            (words.refused, refused.join(", ")),
            (words.last_call, last_call),
        ] {
            writeln!(out, "  {label:WIDTH$}{value}")?;
        }
        Ok(())
    }
}

/// Carries out a command and prints what came of it, in the language given.
///
/// # Errors
///
/// Fails when no server runs with these settings, there is no such trunk, something is wrong with one that is checked, or
/// the output cannot be written.
pub fn run(
    arguments: &TrunkArguments,
    config: &Config,
    language: Language,
    now: Duration,
    out: &mut impl Write,
) -> Result<(), Error> {
    if let TrunkCommand::Preset { which } = arguments.command {
        return Ok(out.write_all(which.text().as_bytes())?);
    }
    let file = config.store.trunks_file();
    let standing = Standing::read(&file)
        .ok_or(TrunksError::NotRunning(file))
        .map_err(Obstacle::from)?;
    if let TrunkCommand::Check { name } = &arguments.command {
        let checked = standing.checked(name.as_deref()).map_err(Obstacle::from)?;
        let ports = config.media.rtp_ports.range();
        return check(&checked, (&ports, now), arguments.json, language, out);
    }
    if arguments.json {
        return print_json(&json!(standing), out);
    }
    standing.print(language, now, out)?;
    Ok(())
}

/// Says what works and what does not; fails if anything does not.
fn check<'a>(
    trunks: &[&'a TrunkStanding],
    (ports, now): (&RangeInclusive<u16>, Duration),
    json: bool,
    language: Language,
    out: &mut impl Write,
) -> Result<(), Error> {
    let judge = |trunk: &&'a TrunkStanding| (*trunk, judge(trunk, now));
    let judged: Vec<(&TrunkStanding, Vec<Remark>)> = trunks.iter().map(judge).collect();
    if json {
        let trunk = |(trunk, remarks): &(&TrunkStanding, Vec<Remark>)| json!({"name": trunk.name, "remarks": remarks});
        print_json(&judged.iter().map(trunk).collect(), out)?;
    } else {
        let [well, wrong] = match language {
            Language::De => ["gut", "Fehler"],
            Language::En => ["fine", "wrong"],
        };
        for (trunk, remarks) in &judged {
            writeln!(out, "{}", trunk.name)?;
            for remark in remarks {
                let label = if remark.good { well } else { wrong };
                writeln!(out, "  {label:8}{}", remark.told(trunk, ports, language))?;
            }
        }
    }
    let remarks = judged.iter().flat_map(|(_, remarks)| remarks);
    match remarks.filter(|remark| !remark.good).count() {
        0 => Ok(()),
        faults => Err(Obstacle::from(TrunksError::Faults(faults)).into()),
    }
}

/// A number as it stands in the settings, with what it leads to.
fn written(number: &Number) -> String {
    let dialled = match number {
        Number::Rooms => return "rooms".to_owned(),
        Number::Bridge => return "bridge".to_owned(),
        Number::SoundTest => return "sound-test".to_owned(),
        Number::Dialled(dialled) => dialled,
    };
    let language = dialled.language.map(|language| language.tag().to_owned());
    let leads = match &dialled.room {
        _ if dialled.sound_test => Some("→ sound-test".to_owned()),
        room => room.as_ref().map(|room| format!("→ {room}")),
    };
    let more: Vec<String> = language.into_iter().chain(leads).collect();
    if more.is_empty() {
        return dialled.number.clone();
    }
    format!("{} ({})", dialled.number, more.join(" "))
}

/// A name that an operator chose, fit for a line.
fn one_line(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).collect()
}

/// Says a time in a unit that fits it; the units are written alike in both languages.
fn span(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// Labels and words in one language.
struct Words {
    registration: &'static str,
    server: &'static str,
    numbers: &'static str,
    calls: &'static str,
    of: &'static str,
    ended: &'static str,
    refused: &'static str,
    unknown: &'static str,
    full: &'static str,
    unusable: &'static str,
    other: &'static str,
    last_call: &'static str,
    never: &'static str,
}

const DE: Words = Words {
    registration: "Anmeldung",
    server: "Gegenstelle",
    numbers: "Nummern",
    calls: "Anrufe",
    of: "von höchstens",
    ended: "beendet",
    refused: "abgewiesen",
    unknown: "an unbekannte Nummern",
    full: "wegen Überlast",
    unusable: "ohne gemeinsamen Codec oder Schutz",
    other: "sonst",
    last_call: "letzter Anruf",
    never: "keiner seit dem Start",
};

const EN: Words = Words {
    registration: "registration",
    server: "other side",
    numbers: "numbers",
    calls: "calls",
    of: "of at most",
    ended: "ended",
    refused: "refused",
    unknown: "to unknown numbers",
    full: "for overload",
    unusable: "without a codec or protection in common",
    other: "otherwise",
    last_call: "last call",
    never: "none since the start",
};

/// Column of the values.
const WIDTH: usize = 16;

#[cfg(test)]
mod tests;
