//! Section `[turn]`: the TURN servers that lead browsers round strict firewalls, and the secret shared with them.

use std::{path::PathBuf, time::Duration};

use serde::{Deserialize, Deserializer, de};

use super::TurnProblem;
use crate::{browser::relay::TurnUri, limit::TURN_SERVERS_MAX};

/// Section `[turn]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Turn {
    /// The operator's own servers; none where there is no way round.
    #[serde(deserialize_with = "servers")]
    pub servers: Vec<TurnUri>,
    /// The file with the secret shared with them.
    pub secret_file: PathBuf,
    /// Seconds that credentials are good for.
    #[serde(deserialize_with = "lifetime")]
    pub lifetime: u32,
}

impl Turn {
    /// Returns how long credentials are good.
    pub fn lifetime(&self) -> Duration {
        Duration::from_secs(self.lifetime.into())
    }

    /// Returns what the settings must not say.
    pub(super) fn problem(&self) -> Option<TurnProblem> {
        if self.servers.len() > TURN_SERVERS_MAX {
            return Some(TurnProblem::TooMany(TURN_SERVERS_MAX));
        }
        if let Some(plain) = self.servers.iter().find(|server| server.is_exposed()) {
            return Some(TurnProblem::Plain(plain.to_string()));
        }
        (self.servers.is_empty() != self.secret_file.as_os_str().is_empty())
            .then_some(TurnProblem::Half)
    }
}

impl Default for Turn {
    fn default() -> Self {
        Self {
            servers: Vec::new(),
            secret_file: PathBuf::new(),
            lifetime: 3_600,
        }
    }
}

fn servers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<TurnUri>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    let read = texts.iter().map(|text| text.parse());
    read.collect::<Result<_, _>>().map_err(de::Error::custom)
}

fn lifetime<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    let seconds = u32::deserialize(deserializer)?;
    if !(LIFETIME_MIN..=LIFETIME_MAX).contains(&seconds) {
        return Err(de::Error::custom("not a time that credentials are good"));
    }
    Ok(seconds)
}

/// Seconds in which even a slow browser has reached a server, clocks being a little apart.
const LIFETIME_MIN: u32 = 60;
/// A day.
const LIFETIME_MAX: u32 = 86_400;

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::{
        conference::event::Language,
        config::{Config, Error},
    };

    #[test]
    fn a_way_round_is_servers_a_secret_and_a_time() {
        let turn = parse(
            "servers = [\"turns:conf.example.de:443?transport=tcp\", \"turn:127.0.0.1:3478\"]\n\
             secret_file = \"var/turn.secret\"\nlifetime = 600\n",
        )
        .unwrap();
        assert_eq!(turn.servers.len(), 2);
        assert_eq!(turn.secret_file, Path::new("var/turn.secret"));
        assert_eq!(turn.lifetime(), Duration::from_secs(600));
        let none = Config::parse("", Path::new("test.toml")).unwrap().turn;
        assert!(none.servers.is_empty());
    }

    #[test]
    fn the_way_round_that_the_shipped_settings_leave_out_can_be_used() {
        let shipped = include_str!("../../deploy/config.toml");
        let (_, section) = shipped.split_once("\n[turn]\n").unwrap();
        let (section, _) = section.split_once("\n[").unwrap();
        let lines = section.lines().filter_map(|line| line.strip_prefix('#'));
        let lines = lines.filter(|line| !line.starts_with(' '));
        let text: String = lines.map(|line| format!("{line}\n")).collect();
        let turn = parse(&text).unwrap();
        assert_eq!(turn.servers.len(), 1);
        // The port is that of the settings for coturn, which are shipped beside.
        let port = "\ntls-listening-port=5349\n";
        assert!(include_str!("../../deploy/turnserver.conf").contains(port));
        assert!(turn.servers[0].to_string().contains(":5349"));
    }

    #[test]
    fn what_is_no_way_round_is_refused_with_an_example() {
        let secret = "secret_file = \"var/turn.secret\"";
        let many = "\"turns:a.example\", ".repeat(TURN_SERVERS_MAX + 1);
        for (servers, rest, line, key, says) in [
            (
                "\"stun:a.example\"",
                secret,
                2,
                "turn.servers",
                "turns:conf",
            ),
            ("\"a.example\"", secret, 2, "turn.servers", "turns:conf"),
            ("\"turn:a.example\"", secret, 2, "turn.servers", "turns:"),
            ("\"turn:192.0.2.1\"", secret, 2, "turn.servers", "turns:"),
            (&*many, secret, 2, "turn.servers", "4"),
            (
                "\"turns:a.example\"",
                "",
                1,
                "turn.secret_file",
                "secret_file = ",
            ),
            ("", secret, 3, "turn.secret_file", "servers = "),
            ("", "lifetime = 59", 3, "turn.lifetime", "lifetime = 3600"),
            (
                "",
                "lifetime = 86401",
                3,
                "turn.lifetime",
                "lifetime = 3600",
            ),
            ("", "colour = 1", 3, "turn.colour", "colour"),
        ] {
            let error = parse(&format!("servers = [{servers}]\n{rest}\n")).unwrap_err();
            let (Error::UnknownKey { place }
            | Error::Value { place, .. }
            | Error::Contradiction { place, .. }) = &error
            else {
                panic!("{servers}: {error:?}")
            };
            assert_eq!((place.line, place.key.as_str()), (line, key), "{servers}");
            let told = [Language::De, Language::En].map(|language| error.told(language));
            assert_ne!(told[0], told[1]);
            for told in told {
                assert!(told.contains(says) && !told.contains('\n'), "{told}");
            }
        }
    }

    fn parse(section: &str) -> Result<Turn, Error> {
        let text = format!("[turn]\n{section}");
        Config::parse(&text, Path::new("test.toml")).map(|config| config.turn)
    }
}
