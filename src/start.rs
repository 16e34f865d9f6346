//! What must be true before the first socket opens, and the one sentence that is said when it is not.

use std::{
    io::{self, IsTerminal, Write},
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    process::ExitCode,
};

use nix::{
    ifaddrs::getifaddrs,
    net::if_::InterfaceFlags,
    sys::resource::{Resource, getrlimit, setrlimit},
};
use tracing::Level;
use tracing_subscriber::{
    EnvFilter, Layer, filter::filter_fn, layer::SubscriberExt, util::SubscriberInitExt,
};

use crate::{
    browser::{
        relay::Relays,
        tcp::{self, Tcp},
    },
    conference::event::Language,
    config::{self, Auto, Config, Engine, LogLevel, Turn},
    http::BindError,
    media::leg::secure::SecureContext,
    server::{prompts, secrets::KeyError, speech::Speech},
    store::{self, SecretError},
    tls::CertificateError,
};

/// Why the server does not start, or a command is not carried out, for a reason the operator can remove.
#[derive(Debug, thiserror::Error)]
pub enum Obstacle {
    /// The settings cannot be used.
    #[error(transparent)]
    Settings(#[from] config::Error),
    /// An address cannot be bound.
    #[error("{address} ({key}) cannot be bound: {source}")]
    Address {
        /// The address.
        address: SocketAddr,
        /// The setting that names it.
        key: &'static str,
        /// Why.
        source: io::Error,
    },
    /// The port of browsers' media cannot be bound.
    #[error("port {port} (media.port) cannot be bound: {source}")]
    Media {
        /// The port.
        port: u16,
        /// Why.
        source: io::Error,
    },
    /// The system does not let this program open as many files as the settings need.
    #[error("{needed} file descriptors are needed, {allowed} are allowed")]
    FileDescriptors {
        /// How many the settings need.
        needed: u64,
        /// How many there may be.
        allowed: u64,
    },
    /// The key of PINs and links cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The password of a trunk cannot be used.
    #[error("{}: {source}", file.display())]
    Password {
        /// The file.
        file: PathBuf,
        /// Why.
        source: SecretError,
    },
    /// The secret shared with TURN servers cannot be used.
    #[error("{}: {source}", file.display())]
    TurnSecret {
        /// The file.
        file: PathBuf,
        /// Why.
        source: SecretError,
    },
    /// The certificate cannot be used.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The database cannot be used.
    #[error("{}: {source}", file.display())]
    Store {
        /// The file.
        file: PathBuf,
        /// Why.
        source: store::Error,
    },
    /// A recording cannot be used.
    #[error(transparent)]
    Prompts(#[from] prompts::Error),
    /// There is no room under the number.
    #[error("there is no room {0}")]
    NoRoom(String),
    /// A confidential room is to take calls that are not encrypted.
    #[error("room {0} is confidential and takes no calls that are not encrypted")]
    Confidential(String),
    /// An invitation is not carried out.
    #[error(transparent)]
    Invitation(#[from] NotInvited),
    /// Nothing, or nothing good, can be said about trunks.
    #[error(transparent)]
    Trunks(#[from] TrunksError),
}

/// Why nothing, or nothing good, can be said about trunks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrunksError {
    /// No server runs that would write this file.
    #[error("no server writes {}", .0.display())]
    NotRunning(PathBuf),
    /// There is no such trunk; there are these.
    #[error("no such trunk")]
    NoTrunk(Vec<String>),
    /// So many things are wrong with the trunks that were checked.
    #[error("{0} things are wrong with trunks")]
    Faults(usize),
}

impl TrunksError {
    /// Says in one sentence what is in the way.
    pub fn told(&self, language: Language) -> String {
        match (self, language) {
            (Self::NoTrunk(names), Language::De) => format!(
                "Einen solchen Trunk gibt es nicht. Es gibt: {}.",
                names.join(", ")
            ),
            (Self::NoTrunk(names), Language::En) => {
                format!("There is no such trunk. There are: {}.", names.join(", "))
            }
            (Self::Faults(1), Language::De) => {
                String::from("Etwas ist nicht in Ordnung, siehe „Fehler“.")
            }
            (Self::Faults(faults), Language::De) => {
                format!("{faults} Dinge sind nicht in Ordnung, siehe „Fehler“.")
            }
            (Self::Faults(1), Language::En) => String::from("Something is wrong, see above."),
            (Self::Faults(faults), Language::En) => {
                format!("{faults} things are wrong, see above.")
            }
            (Self::NotRunning(file), Language::De) => format!(
                "Mit diesen Einstellungen läuft kein Server ({} fehlt oder ist veraltet): starten Sie ihn mit \
                 „rundruf serve“, oder nennen Sie seine Einstellungen mit --config.",
                file.display()
            ),
            (Self::NotRunning(file), Language::En) => format!(
                "No server runs with these settings ({} is missing or out of date): start one by \"rundruf serve\", or \
                 name its settings with --config.",
                file.display()
            ),
        }
    }
}

/// Why an invitation is not carried out. Names are not repeated: what is said may end up in a log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotInvited {
    /// Nothing visible was given as a name.
    #[error("that is no name")]
    NoName,
    /// Somebody of that name is invited to the room.
    #[error("somebody of this name is invited to room {0} already")]
    NameTaken(String),
    /// Nobody of that name is invited to the room.
    #[error("nobody of this name is invited to room {0}")]
    NoPerson(String),
    /// The window closes before it opens.
    #[error("the invitation would never be open: --until is not after --from")]
    NeverOpen,
}

impl NotInvited {
    /// Says in one sentence what is in the way.
    pub fn told(&self, language: Language) -> String {
        match (self, language) {
            (Self::NoName, Language::De) => String::from("Das ist kein Name."),
            (Self::NoName, Language::En) => String::from("That is no name."),
            (Self::NameTaken(room), Language::De) => {
                format!("In Raum {room} ist schon jemand mit diesem Namen eingeladen.")
            }
            (Self::NameTaken(room), Language::En) => {
                format!("Somebody of this name is invited to room {room} already.")
            }
            (Self::NoPerson(room), Language::De) => {
                format!("In Raum {room} ist niemand mit diesem Namen eingeladen.")
            }
            (Self::NoPerson(room), Language::En) => {
                format!("Nobody of this name is invited to room {room}.")
            }
            (Self::NeverOpen, Language::De) => {
                String::from("Die Einladung wäre nie offen: --until liegt nicht nach --from.")
            }
            (Self::NeverOpen, Language::En) => {
                String::from("The invitation would never be open: --until is not after --from.")
            }
        }
    }
}

impl Obstacle {
    /// Names the setting that an unusable web address came from.
    pub fn web(error: BindError, config: &Config) -> Self {
        let key = if config.web.listen_https.contains(&error.address) {
            "web.listen_https"
        } else {
            "web.listen_http"
        };
        Self::Address {
            address: error.address,
            key,
            source: error.source,
        }
    }

    /// Names the setting that an unusable SIP address came from.
    pub fn sip(address: SocketAddr, source: io::Error, config: &Config) -> Self {
        let sip = &config.sip;
        let [udp, tcp, tls] =
            [&sip.listen_udp, &sip.listen_tcp, &sip.listen_tls].map(|of| of.contains(&address));
        let key = match (udp, tcp, tls) {
            (_, true, true) => "sip.listen_tcp, sip.listen_tls",
            (true, true, false) => "sip.listen_udp, sip.listen_tcp",
            (true, false, _) => "sip.listen_udp",
            (false, true, false) => "sip.listen_tcp",
            (false, false, _) => "sip.listen_tls",
        };
        Self::Address {
            address,
            key,
            source,
        }
    }

    /// Names the database that failed.
    pub fn store(file: &Path) -> impl Fn(store::Error) -> Self + '_ {
        |source| Self::Store {
            file: file.to_owned(),
            source,
        }
    }

    /// Tells scripts that the operator has something to do.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(OPERATOR)
    }

    /// Says in one sentence what is in the way.
    pub fn told(&self, language: Language) -> String {
        match (self, language) {
            (Self::Settings(error), _) => error.told(language),
            (
                Self::Address {
                    address,
                    key,
                    source,
                },
                _,
            ) => told_address(address, key, source, language),
            (Self::Media { port, source }, Language::De) => format!(
                "Der UDP-Port {port} (media.port) oder ein folgender lässt sich nicht öffnen: {source}."
            ),
            (Self::Media { port, source }, Language::En) => format!(
                "UDP port {port} (media.port) or one that follows cannot be opened: {source}."
            ),
            (Self::FileDescriptors { needed, allowed }, Language::De) => format!(
                "Dieses Programm darf {allowed} Dateien zugleich öffnen, braucht für media.rtp_ports aber {needed}: die \
                 Grenze heben (ulimit -n {needed}) oder den Bereich der Ports verkleinern."
            ),
            (Self::FileDescriptors { needed, allowed }, Language::En) => format!(
                "This program may open {allowed} files at a time but needs {needed} for media.rtp_ports: raise the limit \
                 (ulimit -n {needed}) or make the range of ports smaller."
            ),
            (Self::Key(error), _) => told_key(error, language),
            (Self::Password { file, source }, _) => told_password(file, source, language),
            (Self::TurnSecret { file, source }, _) => told_turn_secret(file, source, language),
            (Self::Certificate(error), Language::De) => {
                format!("Das Zertifikat ist nicht verwendbar: {error}.")
            }
            (Self::Certificate(error), Language::En) => {
                format!("The certificate cannot be used: {error}.")
            }
            (Self::Store { file, source }, _) => told_store(file, source, language),
            (Self::Prompts(error), _) => error.told(language),
            (Self::NoRoom(number), Language::De) => format!("Einen Raum {number} gibt es nicht."),
            (Self::NoRoom(number), Language::En) => format!("There is no room {number}."),
            (Self::Confidential(number), Language::De) => format!(
                "Raum {number} ist vertraulich und nimmt keine unverschlüsselten Anrufe an; wer darauf verzichtet, setzt \
                 --level normal."
            ),
            (Self::Confidential(number), Language::En) => format!(
                "Room {number} is confidential and takes no calls that are not encrypted; to do without, set --level \
                 normal."
            ),
            (Self::Invitation(error), _) => error.told(language),
            (Self::Trunks(error), _) => error.told(language),
        }
    }
}

/// Returns the language of the environment: German for `de…`, English for everything else.
pub fn language(variable: impl Fn(&str) -> Option<String>) -> Language {
    let locale = ["LC_ALL", "LC_MESSAGES", "LANG"]
        .into_iter()
        .filter_map(variable)
        .find(|value| !value.is_empty());
    match locale {
        Some(locale) if locale.to_ascii_lowercase().starts_with("de") => Language::De,
        Some(_) | None => Language::En,
    }
}

/// Raises the number of files that may be open as far as the system allows.
///
/// # Errors
///
/// Fails when the media ports of the settings need more.
pub fn raise_file_limit(config: &Config) -> Result<(), Obstacle> {
    let ports = u64::try_from(config.media.rtp_ports.range().len()).unwrap_or(u64::MAX);
    let needed = ports.saturating_add(FILES_BESIDE_PORTS);
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap_or((u64::MAX, u64::MAX));
    let raised = hard.min(FILES_MAX).max(soft);
    let allowed = match setrlimit(Resource::RLIMIT_NOFILE, raised, hard) {
        Ok(()) => raised,
        Err(_) => soft,
    };
    if allowed < needed {
        return Err(Obstacle::FileDescriptors { needed, allowed });
    }
    Ok(())
}

/// Returns the addresses that sound is received on: those of the settings, or loopback and those of this host.
pub fn media_addresses(setting: &Auto<Vec<IpAddr>>) -> Vec<IpAddr> {
    let found = match setting {
        Auto::Set(addresses) => return addresses.clone(),
        Auto::Derived => getifaddrs(),
    };
    let mut addresses: Vec<IpAddr> = found
        .into_iter()
        .flatten()
        .filter(|interface| interface.flags.contains(InterfaceFlags::IFF_UP))
        .filter_map(|interface| interface.address)
        .filter_map(|address| {
            let v4 = address.as_sockaddr_in().map(|v4| IpAddr::V4(v4.ip()));
            v4.or_else(|| address.as_sockaddr_in6().map(|v6| IpAddr::V6(v6.ip())))
        })
        .filter(|address| match address {
            IpAddr::V4(v4) => !v4.is_link_local(),
            // Bound without a scope they reach nobody.
            IpAddr::V6(v6) => !v6.is_unicast_link_local(),
        })
        .collect();
    addresses.sort_by_key(|address| (!address.is_loopback(), address.is_ipv6(), *address));
    addresses.dedup();
    addresses
}

/// Takes the browsers' way round strict firewalls, if there is one.
///
/// # Errors
///
/// Fails when the secret cannot be read.
pub fn relays(turn: &Turn) -> Result<Option<Relays>, Obstacle> {
    if turn.servers.is_empty() {
        return Ok(None);
    }
    let file = &turn.secret_file;
    let secret = store::read_secret(file).map_err(|source| Obstacle::TurnSecret {
        file: file.clone(),
        source,
    })?;
    let servers = turn.servers.clone();
    Ok(Some(Relays::new(servers, &secret, turn.lifetime())))
}

/// Opens the ways in by TCP of browsers whose network lets no datagram out: none where the settings name no address.
///
/// # Errors
///
/// Fails when an address cannot be bound.
pub fn tcp(
    config: &config::Media,
    media: &[IpAddr],
    secure: &SecureContext,
) -> Result<Tcp, Obstacle> {
    let bound = Tcp::bind(&config.listen_tcp, media, config.dscp, secure.clone());
    bound.map_err(|tcp::BindError { address, source }| Obstacle::Address {
        address,
        key: "media.listen_tcp",
        source,
    })
}

/// Takes what is to speak names, if anything is.
///
/// # Errors
///
/// Returns one sentence about why it cannot; the server runs all the same.
pub fn speech(engine: &Engine, language: Language) -> Result<Option<Speech>, String> {
    let Engine::Program(program) = engine else {
        return Ok(None);
    };
    let why = match Speech::by(program) {
        Ok(speech) => return Ok(Some(speech)),
        Err(error) => format!("{} (speech.engine): {error}", program.display()),
    };
    Err(match language {
        Language::De => {
            format!(
                "In Ansagen heißen alle „Gast 2“ oder „Telefon 3“, Namen werden nicht gesprochen: {why}."
            )
        }
        Language::En => {
            format!(
                "Announcements call people \"guest 2\" or \"telephone 3\", names are not spoken: {why}."
            )
        }
    })
}

/// Writes a sentence to standard error; where even that is closed, the exit code must do.
pub fn complain(sentence: &str) {
    let _ = writeln!(io::stderr().lock(), "{sentence}");
}

/// Writes the log to standard error; the environment variable `RUST_LOG` takes precedence over the settings.
///
/// Only this house's own events are written below the level of warnings, whatever is asked for: libraries print the
/// messages that pass through them, with the secrets and names in them.
pub fn log(level: LogLevel) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| {
        let level = level.as_str();
        EnvFilter::new(format!("warn,rundruf={level},sip={level},dsp={level}"))
    });
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_filter(filter_fn(|metadata| {
            *metadata.level() <= Level::WARN || is_own(metadata.target())
        }));
    let _ = tracing_subscriber::registry()
        .with(filter)
        .with(lines)
        .try_init();
}

/// Tells whether an event comes from a crate of this house.
fn is_own(target: &str) -> bool {
    let name = target.split("::").next().unwrap_or_default();
    ["rundruf", "sip", "dsp"].contains(&name)
}

fn told_address(address: &SocketAddr, key: &str, source: &io::Error, language: Language) -> String {
    match (source.kind(), language) {
        (io::ErrorKind::AddrInUse, Language::De) => {
            format!("{address} ({key}) ist belegt: dort läuft schon ein anderes Programm.")
        }
        (io::ErrorKind::AddrInUse, Language::En) => {
            format!("{address} ({key}) is in use: another program runs there already.")
        }
        (io::ErrorKind::PermissionDenied, Language::De) => format!(
            "{address} ({key}) darf dieses Programm nicht öffnen: Ports unter 1024 brauchen das Recht \
             CAP_NET_BIND_SERVICE."
        ),
        (io::ErrorKind::PermissionDenied, Language::En) => format!(
            "{address} ({key}) may not be opened by this program: ports below 1024 need the right CAP_NET_BIND_SERVICE."
        ),
        (io::ErrorKind::AddrNotAvailable, Language::De) => {
            format!("{address} ({key}) ist keine Adresse dieses Rechners.")
        }
        (io::ErrorKind::AddrNotAvailable, Language::En) => {
            format!("{address} ({key}) is not an address of this host.")
        }
        (_, Language::De) => format!("{address} ({key}) lässt sich nicht öffnen: {source}."),
        (_, Language::En) => format!("{address} ({key}) cannot be opened: {source}."),
    }
}

fn told_store(file: &Path, error: &store::Error, language: Language) -> String {
    let file = file.display();
    match (error, language) {
        (store::Error::Exposed(source), Language::De) => format!(
            "Die Datenbank {file} (store.path) dürfen andere lesen, und das lässt sich nicht ändern ({source}): chmod 600 {file}."
        ),
        (store::Error::Exposed(source), Language::En) => format!(
            "The database {file} (store.path) may be read by others, and that cannot be changed ({source}): chmod 600 {file}."
        ),
        (error, Language::De) => format!(
            "Die Datenbank {file} (store.path) ist nicht verwendbar: {}.",
            causes(error)
        ),
        (error, Language::En) => format!(
            "The database {file} (store.path) cannot be used: {}.",
            causes(error)
        ),
    }
}

fn told_key(error: &KeyError, language: Language) -> String {
    match (error, language) {
        (KeyError::Unreadable { file, source }, Language::De) => format!(
            "Die Schlüsseldatei {} (store.key_file) ist nicht les- oder schreibbar: {source}.",
            file.display()
        ),
        (KeyError::Unreadable { file, source }, Language::En) => format!(
            "The key file {} (store.key_file) cannot be read or made: {source}.",
            file.display()
        ),
        (KeyError::Exposed(file), Language::De) => format!(
            "Die Schlüsseldatei {0} (store.key_file) dürfen andere lesen: chmod 600 {0}.",
            file.display()
        ),
        (KeyError::Exposed(file), Language::En) => format!(
            "The key file {0} (store.key_file) may be read by others: chmod 600 {0}.",
            file.display()
        ),
        (KeyError::NotAKey(file), Language::De) => format!(
            "Die Datei {} (store.key_file) ist kein Schlüssel: sie muss 32 Bytes lang sein.",
            file.display()
        ),
        (KeyError::NotAKey(file), Language::En) => format!(
            "The file {} (store.key_file) is not a key: it must be 32 bytes long.",
            file.display()
        ),
    }
}

fn told_password(file: &Path, error: &SecretError, language: Language) -> String {
    let file = file.display();
    match (error, language) {
        (SecretError::Unreadable(source), Language::De) => {
            format!("Die Passwortdatei {file} (trunk.password_file) ist nicht lesbar: {source}.")
        }
        (SecretError::Unreadable(source), Language::En) => {
            format!("The password file {file} (trunk.password_file) cannot be read: {source}.")
        }
        (SecretError::Exposed, Language::De) => format!(
            "Die Passwortdatei {file} (trunk.password_file) dürfen andere lesen: chmod 600 {file}."
        ),
        (SecretError::Exposed, Language::En) => format!(
            "The password file {file} (trunk.password_file) may be read by others: chmod 600 {file}."
        ),
        (SecretError::Empty, Language::De) => format!(
            "In der Passwortdatei {file} (trunk.password_file) steht nichts: das Passwort gehört in die erste Zeile."
        ),
        (SecretError::Empty, Language::En) => format!(
            "The password file {file} (trunk.password_file) has nothing in it: the password is to be its first line."
        ),
    }
}

fn told_turn_secret(file: &Path, error: &SecretError, language: Language) -> String {
    let file = file.display();
    match (error, language) {
        (SecretError::Unreadable(source), Language::De) => format!(
            "Das Geheimnis der TURN-Server in {file} (turn.secret_file) ist nicht lesbar: {source}."
        ),
        (SecretError::Unreadable(source), Language::En) => format!(
            "The secret of the TURN servers in {file} (turn.secret_file) cannot be read: {source}."
        ),
        (SecretError::Exposed, Language::De) => format!(
            "Das Geheimnis der TURN-Server in {file} (turn.secret_file) dürfen andere lesen: chmod 600 {file}."
        ),
        (SecretError::Exposed, Language::En) => format!(
            "The secret of the TURN servers in {file} (turn.secret_file) may be read by others: chmod 600 {file}."
        ),
        (SecretError::Empty, Language::De) => format!(
            "In {file} (turn.secret_file) steht nichts: das Geheimnis der TURN-Server gehört in die erste Zeile."
        ),
        (SecretError::Empty, Language::En) => format!(
            "{file} (turn.secret_file) has nothing in it: the secret of the TURN servers is to be its first line."
        ),
    }
}

/// Returns an error and what lies behind it in one line.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text.lines().collect::<Vec<_>>().join(" ")
}

/// Exit code that says: the operator can remove the cause.
const OPERATOR: u8 = 2;

/// Files open beside the ports of telephones: database, SIP and web connections. Where the system allows more, more
/// connections fit.
const FILES_BESIDE_PORTS: u64 = 1024;

/// More open files than any setting can use.
const FILES_MAX: u64 = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_chooses_the_language() {
        for (variables, expected) in [
            (&[("LANG", "de_DE.UTF-8")][..], Language::De),
            (&[("LANG", "de_AT@euro")], Language::De),
            (&[("LANG", "en_GB.UTF-8")], Language::En),
            (&[("LANG", "fr_FR")], Language::En),
            (&[("LANG", "C.UTF-8"), ("LC_ALL", "de_CH")], Language::De),
            (&[("LANG", "de_DE"), ("LC_ALL", "C")], Language::En),
            (&[("LANG", "de_DE"), ("LC_ALL", "")], Language::De),
            (&[("LANG", "en_US"), ("LC_MESSAGES", "de_DE")], Language::De),
            (&[], Language::En),
        ] {
            let found = language(|name| {
                let set = variables.iter().find(|(of, _)| *of == name);
                set.map(|(_, value)| String::from(*value))
            });
            assert_eq!(found, expected, "{variables:?}");
        }
    }

    /// Obstacles, each with what its sentence names.
    fn obstacles() -> Vec<(Obstacle, &'static str)> {
        let address = SocketAddr::from(([127, 0, 0, 1], 5060));
        let refused = |kind: io::ErrorKind| Obstacle::Address {
            address,
            key: "sip.listen_udp",
            source: kind.into(),
        };
        let file = PathBuf::from("var/file");
        vec![
            (
                refused(io::ErrorKind::AddrInUse),
                "127.0.0.1:5060 (sip.listen_udp)",
            ),
            (
                refused(io::ErrorKind::PermissionDenied),
                "CAP_NET_BIND_SERVICE",
            ),
            (refused(io::ErrorKind::AddrNotAvailable), "127.0.0.1:5060"),
            (refused(io::ErrorKind::Other), "127.0.0.1:5060"),
            (
                Obstacle::FileDescriptors {
                    needed: 11_024,
                    allowed: 64,
                },
                "ulimit -n 11024",
            ),
            (
                Obstacle::Key(KeyError::Exposed(file.clone())),
                "chmod 600 var/file",
            ),
            (Obstacle::Key(KeyError::NotAKey(file.clone())), "var/file"),
            (
                Obstacle::Password {
                    file: file.clone(),
                    source: SecretError::Exposed,
                },
                "chmod 600 var/file",
            ),
            (
                Obstacle::Password {
                    file: file.clone(),
                    source: SecretError::Empty,
                },
                "var/file",
            ),
            (
                Obstacle::Certificate(CertificateError::NotPem(file.clone())),
                "var/file",
            ),
            (
                Obstacle::store(&file)(store::Error::NoNumberLeft),
                "var/file",
            ),
            (
                Obstacle::store(&file)(store::Error::Exposed(
                    io::ErrorKind::PermissionDenied.into(),
                )),
                "chmod 600 var/file",
            ),
            (Obstacle::NoRoom(String::from("4711")), "4711"),
            (
                Obstacle::Confidential(String::from("4711")),
                "--level normal",
            ),
            (NotInvited::NoName.into(), "."),
            (NotInvited::NameTaken(String::from("4711")).into(), "4711"),
            (NotInvited::NoPerson(String::from("4711")).into(), "4711"),
            (NotInvited::NeverOpen.into(), "--until"),
        ]
    }

    #[test]
    fn every_obstacle_is_one_sentence_that_names_it() {
        for (obstacle, names) in obstacles() {
            let told = [Language::De, Language::En].map(|language| obstacle.told(language));
            assert_ne!(told[0], told[1]);
            for told in told {
                assert!(told.contains(names) && told.ends_with('.'), "{told}");
                assert!(!told.contains('\n'), "{told}");
            }
        }
    }

    #[test]
    fn a_secret_of_turn_servers_that_cannot_be_used_is_named() {
        for (source, names) in [
            (
                SecretError::Unreadable(io::ErrorKind::NotFound.into()),
                "var/file (turn.secret_file)",
            ),
            (SecretError::Exposed, "chmod 600 var/file"),
            (SecretError::Empty, "var/file (turn.secret_file)"),
        ] {
            let file = PathBuf::from("var/file");
            let obstacle = Obstacle::TurnSecret { file, source };
            let told = [Language::De, Language::En].map(|language| obstacle.told(language));
            assert_ne!(told[0], told[1]);
            for told in told {
                assert!(told.contains(names) && told.ends_with('.'), "{told}");
                assert!(!told.contains('\n'), "{told}");
            }
        }
    }

    #[test]
    fn sound_is_received_on_loopback_and_more() {
        let addresses = media_addresses(&Auto::Derived);
        assert!(addresses[0].is_loopback(), "{addresses:?}");
        let only: IpAddr = "192.0.2.1".parse().unwrap();
        assert_eq!(media_addresses(&Auto::Set(vec![only])), [only]);
    }

    #[test]
    fn more_ports_than_files_are_refused() {
        let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        let mut config = Config::default();
        config.media.rtp_ports = "1-65535".parse().unwrap();
        let raised = raise_file_limit(&config);
        assert_eq!(raised.is_ok(), hard >= 65_535 + FILES_BESIDE_PORTS);
    }
}
