//! Settings: one struct per section, filled from a TOML file; unknown keys are errors.
//!
//! Parsing yields domain types, so that nothing behind this file meets a setting that makes no sense. An [`Error`] names
//! file, line and key, and shows the line of `deploy/config.toml` as a valid example. A test holds that file equal to
//! [`Config::default`].

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    num::NonZeroU16,
    ops::RangeInclusive,
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use serde::{Deserialize, Deserializer, de};

use crate::{conference::policy::Speakers, dscp::Dscp};

pub use self::{
    contradiction::{Contradiction, TurnProblem},
    dial_out::{DialOut, Identity},
    error::{Error, Place},
    keys::Keys,
    privacy::{Line, Privacy},
    trunk::{
        CertificateName, Codec, Dialled, Digits, Encryption, MaxCalls, Number, Protects, Trunk,
        TrunkKind,
    },
    turn::Turn,
};

mod contradiction;
mod dial_out;
mod error;
mod keys;
mod privacy;
mod trunk;
mod turn;

/// All settings.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The browser's way in.
    pub web: Web,
    /// The telephone's way in.
    pub sip: Sip,
    /// Who may call in.
    pub trunk: Vec<Trunk>,
    /// What callers' keys ask for.
    pub keys: Keys,
    /// Which calls are made.
    pub dial_out: DialOut,
    /// The browsers' way round strict firewalls.
    pub turn: Turn,
    /// Sound.
    pub media: Media,
    /// Names that are spoken.
    pub speech: Speech,
    /// Whom the notice on privacy names.
    pub privacy: Privacy,
    /// Files.
    pub store: Store,
    /// The log.
    pub log: Log,
}

impl Config {
    /// Reads settings from a file.
    ///
    /// # Errors
    ///
    /// Fails when the file cannot be read or a setting in it cannot be understood.
    pub fn read(file: &Path) -> Result<Self, Error> {
        let text = fs::read_to_string(file).map_err(|source| Error::Unreadable {
            file: file.to_owned(),
            source,
        })?;
        Self::parse(&text, file)
    }

    /// Parses settings; the file is named in errors only.
    ///
    /// # Errors
    ///
    /// Fails when a setting cannot be understood.
    pub fn parse(text: &str, file: &Path) -> Result<Self, Error> {
        let config: Self =
            toml::from_str(text).map_err(|error| Error::from_toml(&error, text, file))?;
        if let Some(key) = config.contradiction() {
            return Err(Error::Value {
                place: Place::of_key(key, 0, text, file),
                detail: String::from("an address that this key does not allow"),
            });
        }
        if let Err((control, problem)) = config.keys.plan() {
            return Err(Error::Contradiction {
                place: Place::of_key(control.setting(), 0, text, file),
                what: Contradiction::Keys(control, problem),
            });
        }
        if config.dial_out.enabled && config.trunk.iter().all(|trunk| trunk.calls_as.is_empty()) {
            let what = Contradiction::NobodyCalls;
            return Err(Error::Contradiction {
                place: Place::of_key(what.key(), 0, text, file),
                what,
            });
        }
        if let Some(what) = config.turn.problem().map(Contradiction::Turn) {
            return Err(Error::Contradiction {
                place: Place::of_key(what.key(), 0, text, file),
                what,
            });
        }
        let trunks = config.trunk.iter().enumerate();
        let wrong = trunks.filter_map(|(index, trunk)| Some((index, trunk.contradiction()?)));
        match wrong.into_iter().next() {
            Some((index, what)) => Err(Error::Contradiction {
                place: Place::of_key(what.key(), index, text, file),
                what,
            }),
            None => Ok(config),
        }
    }

    /// Returns the first key whose value is well-formed but must not be.
    fn contradiction(&self) -> Option<&'static str> {
        let loopback = |address: &SocketAddr| address.ip().is_loopback();
        if !self.web.listen_http.iter().all(loopback) {
            return Some("web.listen_http");
        }
        (self.web.listen_https.is_empty() && self.web.listen_http.is_empty())
            .then_some("web.listen_https")
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            web: Web::default(),
            sip: Sip::default(),
            trunk: vec![Trunk::local()],
            keys: Keys::default(),
            dial_out: DialOut::default(),
            turn: Turn::default(),
            media: Media::default(),
            speech: Speech::default(),
            privacy: Privacy::default(),
            store: Store::default(),
            log: Log::default(),
        }
    }
}

/// Section `[web]`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Web {
    /// Where https listens.
    pub listen_https: Vec<SocketAddr>,
    /// Where plain http listens; loopback addresses only.
    pub listen_http: Vec<SocketAddr>,
    /// What links begin with.
    pub public_url: Auto<BaseUrl>,
}

impl Default for Web {
    fn default() -> Self {
        Self {
            listen_https: vec![loopback(8443)],
            listen_http: vec![loopback(8080)],
            public_url: Auto::Derived,
        }
    }
}

/// Section `[sip]`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sip {
    /// Where SIP over UDP listens.
    pub listen_udp: Vec<SocketAddr>,
    /// Where SIP over TCP listens.
    pub listen_tcp: Vec<SocketAddr>,
    /// Where SIP over TLS listens.
    pub listen_tls: Vec<SocketAddr>,
    /// The certificates of those who vouch for the other side of trunks over TLS.
    pub authorities: Auto<PathBuf>,
    /// Who is asked where the servers of trunks are.
    pub name_server: Auto<SocketAddr>,
    /// The host in SIP addresses told to people.
    pub public_host: Auto<Host>,
    /// For how long a call lasts without a sign of life.
    pub session_expires: SessionExpires,
    /// How the server names itself to telephones.
    pub user_agent: String,
}

impl Default for Sip {
    fn default() -> Self {
        Self {
            listen_udp: vec![loopback(5060)],
            listen_tcp: vec![loopback(5060)],
            listen_tls: vec![loopback(5061)],
            authorities: Auto::Derived,
            name_server: Auto::Derived,
            public_host: Auto::Derived,
            session_expires: SessionExpires::default(),
            user_agent: String::from("Rundruf"),
        }
    }
}

/// Section `[media]`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Media {
    /// Addresses that sound is received on.
    pub addresses: Auto<Vec<IpAddr>>,
    /// UDP port for browsers at the first worker; 0 lets the system choose.
    pub port: u16,
    /// Where browsers connect by TCP whose network lets no datagram out.
    pub listen_tcp: Vec<SocketAddr>,
    /// UDP ports for telephones.
    pub rtp_ports: Ports,
    /// How the packets of sound are marked.
    pub dscp: Dscp,
    /// Threads that mix.
    pub workers: Auto<NonZeroU16>,
    /// Whether steady noise of telephones is turned down.
    pub noise_suppression_phones: Treatment,
    /// Whether steady noise of browsers is turned down.
    pub noise_suppression_browsers: Treatment,
    /// Whether the echo of telephone lines is turned down.
    pub echo_suppression_phones: Treatment,
    /// How many speakers are heard at a time in rooms that do not say.
    pub speakers: Speakers,
    /// The folder of recordings that replace prompts.
    pub prompts: Auto<PathBuf>,
}

impl Default for Media {
    fn default() -> Self {
        Self {
            addresses: Auto::Derived,
            port: 10_000,
            listen_tcp: Vec::new(),
            rtp_ports: Ports(20_000, 29_999),
            dscp: Dscp::AUDIO,
            workers: Auto::Derived,
            noise_suppression_phones: Treatment::Auto,
            noise_suppression_browsers: Treatment::Auto,
            echo_suppression_phones: Treatment::Auto,
            speakers: Speakers::default(),
            prompts: Auto::Derived,
        }
    }
}

/// Whether a treatment of the sound is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Treatment {
    /// Where it helps, as long as the load allows.
    #[default]
    Auto,
    /// Never.
    Off,
}

/// Section `[speech]`: names that are spoken.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Speech {
    /// The program that speaks names.
    pub engine: Engine,
}

/// What speaks names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Engine {
    /// Nothing: people are called by their number.
    #[default]
    Off,
    /// A program that takes the arguments of espeak-ng, by its whole path.
    Program(PathBuf),
}

impl<'de> Deserialize<'de> for Engine {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match Path::new(&text) {
            _ if text == "off" => Ok(Self::Off),
            path if path.is_absolute() => Ok(Self::Program(path.to_owned())),
            _ => Err(de::Error::custom(
                "neither off nor the whole path of a program",
            )),
        }
    }
}

/// Section `[store]`: files.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Store {
    /// The database.
    pub path: PathBuf,
    /// The key that PINs and links are derived from; what pages come back by lies beside it.
    pub key_file: PathBuf,
    /// The certificate for https and for SIP over TLS.
    pub certificate: PathBuf,
    /// The certificate's key.
    pub certificate_key: PathBuf,
}

impl Store {
    /// Returns where the key of seats stands: beside that of PINs and links.
    pub fn seats_key(&self) -> PathBuf {
        self.key_file.with_extension("seats")
    }

    /// Returns the folder of what outlives the server.
    pub fn kept(&self) -> PathBuf {
        self.key_file.with_extension("kept")
    }

    /// Returns where `ready.json` stands: beside the database.
    pub fn ready_file(&self) -> PathBuf {
        self.path.with_file_name("ready.json")
    }

    /// Returns where a running server tells how its trunks stand: beside the database.
    pub fn trunks_file(&self) -> PathBuf {
        self.path.with_file_name("trunks.json")
    }
}

impl Default for Store {
    fn default() -> Self {
        Self {
            path: "var/rundruf.sqlite".into(),
            key_file: "var/rundruf.key".into(),
            certificate: "var/certificate.pem".into(),
            certificate_key: "var/certificate-key.pem".into(),
        }
    }
}

/// Section `[log]`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// The least severe level that is written.
    pub level: LogLevel,
}

/// How much is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogLevel {
    /// Only what a human must act on.
    Error,
    /// Also what is unusual.
    Warn,
    /// Also the story.
    #[default]
    Info,
    /// Also decisions, refusals, retries.
    Debug,
    /// Everything.
    Trace,
}

impl LogLevel {
    /// Returns the word that `tracing` knows the level by.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

/// A setting that may be left to the server by the word `"auto"`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Auto<T> {
    /// The server derives it.
    Derived,
    /// The operator says it.
    Set(T),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Auto<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        enum Word {
            #[serde(rename = "auto")]
            Auto,
        }
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Either<T> {
            Auto(Word),
            Set(T),
        }
        Either::deserialize(deserializer)
            .map(|either| match either {
                Either::Auto(Word::Auto) => Self::Derived,
                Either::Set(value) => Self::Set(value),
            })
            .map_err(|_| de::Error::custom("neither auto nor a usable value"))
    }
}

/// What links begin with: `https://host` or `https://host:port`, without a path; plain http for localhost only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl(String);

impl BaseUrl {
    /// Returns the text, without a slash at its end.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for BaseUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let base = text.strip_suffix('/').unwrap_or(&text);
        let host = match base.split_once("://") {
            Some(("https", host)) => Some(host),
            Some(("http", host)) if host.split(':').next() == Some("localhost") => Some(host),
            _ => None,
        };
        match host {
            Some(host) if !host.is_empty() && !host.contains(NOT_IN_HOST) => {
                Ok(Self(base.to_owned()))
            }
            _ => Err(de::Error::custom("not an https address without a path")),
        }
    }
}

/// A host name or address with an optional port, as SIP addresses end with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host(String);

impl Host {
    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Host {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.is_empty() || text.contains(NOT_IN_HOST) {
            return Err(de::Error::custom("not a host"));
        }
        Ok(Self(text))
    }
}

/// UDP ports, first and last; room for at least one pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ports(u16, u16);

impl Ports {
    /// Returns the range.
    pub fn range(self) -> RangeInclusive<u16> {
        self.0..=self.1
    }
}

impl FromStr for Ports {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let ports = text
            .split_once('-')
            .and_then(|(first, last)| Some((first.parse().ok()?, last.parse().ok()?)));
        match ports {
            Some((first, last)) if first > 0 && last > first => Ok(Self(first, last)),
            _ => Err("not a range of ports"),
        }
    }
}

impl<'de> Deserialize<'de> for Ports {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

/// For how long a call lasts without a sign of life (RFC 4028): 90 s to a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionExpires(u32);

impl SessionExpires {
    /// Returns the time.
    pub fn get(self) -> Duration {
        Duration::from_secs(self.0.into())
    }
}

impl Default for SessionExpires {
    fn default() -> Self {
        Self(1_800)
    }
}

impl<'de> Deserialize<'de> for SessionExpires {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let seconds = u32::deserialize(deserializer)?;
        if !(90..=86_400).contains(&seconds) {
            return Err(de::Error::custom("not a time that a session lasts for"));
        }
        Ok(Self(seconds))
    }
}

/// For how long we register at a time: a minute to a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expires(u32);

impl Expires {
    /// Returns the time.
    pub fn get(self) -> Duration {
        Duration::from_secs(self.0.into())
    }
}

impl Default for Expires {
    fn default() -> Self {
        Self(600)
    }
}

impl<'de> Deserialize<'de> for Expires {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let seconds = u32::deserialize(deserializer)?;
        if !REGISTERED_SECONDS.contains(&seconds) {
            return Err(de::Error::custom("not a time to register for"));
        }
        Ok(Self(seconds))
    }
}

fn loopback(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

/// Seconds that we may register for.
const REGISTERED_SECONDS: RangeInclusive<u32> = 60..=86_400;

/// Characters that end or garble the host part of an address.
const NOT_IN_HOST: [char; 9] = ['/', '?', '#', '@', ' ', '\\', '"', '<', '>'];

#[cfg(test)]
mod tests {
    use super::{error::SHIPPED, *};
    use crate::conference::event::{Language, Wording};

    #[test]
    fn shipped_settings_equal_the_defaults() {
        assert_eq!(parse(SHIPPED).unwrap(), Config::default());
    }

    #[test]
    fn an_empty_file_means_the_defaults() {
        assert_eq!(parse("").unwrap(), Config::default());
    }

    #[test]
    fn settings_become_domain_types() {
        let config = parse(
            r#"
            [web]
            listen_https = ["192.0.2.1:443", "[2001:db8::1]:443"]
            public_url = "https://conference.example.org/"
            [media]
            addresses = ["192.0.2.1"]
            listen_tcp = ["0.0.0.0:443"]
            workers = 3
            rtp_ports = "30000-30999"
            noise_suppression_phones = "off"
            speakers = 8
            [speech]
            engine = "/usr/bin/espeak-ng"
            [[trunk]]
            name = "carrier"
            peers = ["198.51.100.0/24"]
            numbers = ["+4930123456"]
            language = "en"
            "#,
        )
        .unwrap();
        let Auto::Set(url) = &config.web.public_url else {
            panic!("the address was given")
        };
        assert_eq!(url.as_str(), "https://conference.example.org");
        assert_eq!(
            config.media.listen_tcp,
            ["0.0.0.0:443".parse::<SocketAddr>().unwrap()]
        );
        assert_eq!(config.media.workers, Auto::Set(NonZeroU16::new(3).unwrap()));
        let engine = Engine::Program("/usr/bin/espeak-ng".into());
        assert_eq!(config.speech.engine, engine);
        assert_eq!(config.media.rtp_ports.range(), 30_000..=30_999);
        assert_eq!(config.media.noise_suppression_phones, Treatment::Off);
        assert_eq!(config.media.noise_suppression_browsers, Treatment::Auto);
        assert_eq!(config.media.speakers.get(), 8);
        assert_eq!(config.trunk.len(), 1);
        assert_eq!(
            config.trunk[0].numbers,
            [Number::Dialled(Dialled {
                number: String::from("+4930123456"),
                language: None,
                offers_language: None,
                room: None,
                sound_test: false,
            })]
        );
        assert_eq!(config.trunk[0].language, Wording::En);
        assert_eq!(config.sip, Sip::default());
    }

    #[test]
    fn errors_name_line_and_key() {
        for (text, line, key) in [
            ("[web]\nlisten_htps = []\n", 2, "web.listen_htps"),
            ("\n[wev]\n", 2, "wev"),
            ("colour = 1\n", 1, "colour"),
            (
                "[[trunk]]\nname = \"a\"\npeers = []\nnumbers = []\ncolour = 1\n",
                5,
                "trunk.colour",
            ),
            ("[[trunk]]\npeers = []\nnumbers = []\n", 1, "trunk.name"),
            ("[media]\nport = 70000\n", 2, "media.port"),
            ("[media]\nlisten_tcp = [443]\n", 2, "media.listen_tcp"),
            ("[media]\nport = \"many\"\n", 2, "media.port"),
            ("[media]\nworkers = 0\n", 2, "media.workers"),
            ("[media]\nspeakers = 9\n", 2, "media.speakers"),
            ("[media]\ndscp = 64\n", 2, "media.dscp"),
            (
                "[media]\nport = 1\nnoise_suppression_browsers = true\n",
                3,
                "media.noise_suppression_browsers",
            ),
            (
                "[media]\necho_suppression_phones = \"on\"\n",
                2,
                "media.echo_suppression_phones",
            ),
            (
                "[media]\nrtp_ports = \"29999-20000\"\n",
                2,
                "media.rtp_ports",
            ),
            (
                "[sip]\nlisten_udp = [\n \"127.0.0.1:5060\",\n \"nowhere\",\n]\n",
                4,
                "sip.listen_udp",
            ),
            (
                "[web]\n\nlisten_http = [\"0.0.0.0:80\"]\n",
                3,
                "web.listen_http",
            ),
            (
                "[web]\nlisten_http = []\nlisten_https = []\n",
                3,
                "web.listen_https",
            ),
            (
                "[web]\npublic_url = \"http://example.org\"\n",
                2,
                "web.public_url",
            ),
            ("[speech]\nengine = \"espeak-ng\"\n", 2, "speech.engine"),
            ("[log]\nlevel = \"loud\"\n", 2, "log.level"),
        ] {
            let error = parse(text).unwrap_err();
            let (Error::UnknownKey { place }
            | Error::MissingKey { place }
            | Error::Value { place, .. }) = &error
            else {
                panic!("{text}: {error:?}")
            };
            assert_eq!((place.line, place.key.as_str()), (line, key), "{text}");
            for language in [Language::De, Language::En] {
                let told = error.told(language);
                assert!(told.contains(key) && told.contains("test.toml"), "{told}");
                assert!(!told.contains('\n'), "{told}");
            }
        }
    }

    #[test]
    fn a_wrong_value_is_answered_with_a_valid_example() {
        let error = parse("[media]\nrtp_ports = 7\n").unwrap_err();
        assert_eq!(
            error.told(Language::De),
            "Der Wert von media.rtp_ports ist unbrauchbar (Zeile 2 in test.toml); gültig ist zum Beispiel: \
             rtp_ports = \"20000-29999\""
        );
    }

    #[test]
    fn what_is_no_toml_is_said_to_be_none() {
        let error = parse("[web]\nlisten_http = [\n").unwrap_err();
        assert!(matches!(error, Error::Syntax { .. }), "{error:?}");
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = Config::read(Path::new("nowhere/absent.toml")).unwrap_err();
        assert!(error.told(Language::De).contains("nowhere/absent.toml"));
    }

    fn parse(text: &str) -> Result<Config, Error> {
        Config::parse(text, Path::new("test.toml"))
    }
}
