//! Section `[[trunk]]`: who may call in, which numbers lead where, and what such settings must not say.

use std::{collections::BTreeMap, fmt, path::PathBuf};

use rustls::pki_types::ServerName;
use serde::{
    Deserialize, Deserializer,
    de::{self, value::MapAccessDeserializer},
};

use crate::{
    conference::event::Language,
    limit::CALLS_MAX,
    network::Network,
    phone::{DialPlan, is_room_number},
};

/// An entry of `[[trunk]]`: who may call in, and which numbers lead where.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trunk {
    /// What the operator calls it.
    pub name: String,
    /// How it is known.
    #[serde(default)]
    pub kind: TrunkKind,
    /// Where its calls come from; with a certificate, none means from anywhere.
    #[serde(default)]
    pub peers: Vec<Network>,
    /// The name in the certificate by which it calls in over TLS, if it does.
    #[serde(default)]
    pub certificate: CertificateName,
    /// The file of those who vouch for its certificate, if not those of `[sip]`.
    #[serde(default)]
    pub authority: PathBuf,
    /// Which called numbers it may reach.
    pub numbers: Vec<Number>,
    /// The country code in whose place its exchange may write a 0; empty where that is no habit.
    #[serde(default = "Trunk::country")]
    pub country: Digits,
    /// The area code that its exchange may leave out; empty for none.
    #[serde(default)]
    pub area: Digits,
    /// Whether its calls are encrypted.
    #[serde(default)]
    pub encryption: Encryption,
    /// How far encrypted calls are protected.
    #[serde(default)]
    pub protects: Protects,
    /// Whether sound is sent where it comes from, for telephones behind an address translator.
    #[serde(default)]
    pub latch: bool,
    /// Networks that sound may come from beside the peers.
    #[serde(default)]
    pub media_networks: Vec<Network>,
    /// What callers hear before their room is known.
    #[serde(default = "Trunk::language")]
    pub language: Language,
    /// Calls at a time.
    #[serde(default)]
    pub max_calls: MaxCalls,
}

impl Trunk {
    /// Softphones on the same machine.
    pub(super) fn local() -> Self {
        Self {
            name: String::from("local"),
            kind: TrunkKind::Peer,
            peers: ["127.0.0.0/8", "::1"]
                .map(|block| block.parse().expect("the block is well-formed"))
                .to_vec(),
            certificate: CertificateName::default(),
            authority: PathBuf::new(),
            numbers: vec![Number::Rooms, Number::Bridge],
            country: Self::country(),
            area: Digits::default(),
            encryption: Encryption::Off,
            protects: Protects::Carrier,
            latch: false,
            media_networks: Vec::new(),
            language: Self::language(),
            max_calls: MaxCalls::default(),
        }
    }

    const fn language() -> Language {
        Language::De
    }

    fn country() -> Digits {
        Digits(String::from("49"))
    }

    /// Returns how the trunk's exchange dials.
    pub fn plan(&self) -> DialPlan {
        DialPlan {
            country: self.country.0.clone(),
            area: self.area.0.clone(),
        }
    }

    /// Tells whether its calls travel unencrypted between machines.
    pub fn is_exposed(&self) -> bool {
        self.encryption == Encryption::Off && !self.peers.iter().all(Network::is_loopback)
    }

    /// Returns what is wrong with the numbers, if anything is.
    pub(super) fn contradiction(&self) -> Option<Contradiction> {
        if self.peers.is_empty() && self.certificate.0.is_none() {
            return Some(Contradiction::Nobody);
        }
        if self.country.0.is_empty() && !self.area.0.is_empty() {
            return Some(Contradiction::AreaWithoutCountry);
        }
        let unprotected = self.encryption == Encryption::Off;
        if self.latch && unprotected && self.media_networks.is_empty() {
            return Some(Contradiction::LatchWithoutNetworks);
        }
        let plan = self.plan();
        let dialled = || {
            self.numbers.iter().filter_map(|number| match number {
                Number::Dialled(dialled) => Some(dialled),
                Number::Rooms | Number::Bridge => None,
            })
        };
        let mut taken = BTreeMap::new();
        for Dialled { number, room, .. } in dialled() {
            let full = plan.canonical(number);
            let prefixed = format!("+{}0", self.country.0);
            if !self.country.0.is_empty() && full.starts_with(&prefixed) {
                return Some(Contradiction::TrunkPrefix(number.clone()));
            }
            if plan.is_service(number) {
                return Some(Contradiction::Service(number.clone()));
            }
            if let Some(room) = room.as_ref().filter(|room| !is_room_number(room)) {
                return Some(Contradiction::NoRoom(room.clone()));
            }
            if self.numbers.contains(&Number::Rooms) && is_room_number(number) {
                return Some(Contradiction::Room(number.clone()));
            }
            for spelling in plan.spellings(number) {
                if let Some(other) = taken.insert(spelling, number) {
                    return Some(Contradiction::Same(other.clone(), number.clone()));
                }
            }
        }
        None
    }
}

/// What the settings of a trunk must not say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Contradiction {
    /// The trunk has neither addresses nor a certificate.
    Nobody,
    /// An area code stands in no country.
    AreaWithoutCountry,
    /// Unencrypted sound would be sent to wherever anybody sends some from.
    LatchWithoutNetworks,
    /// A number has both the country code and the 0 in its place: `+49030123456`.
    TrunkPrefix(String),
    /// A number is one of need or of a service, such as 112.
    Service(String),
    /// What a number is to lead to cannot be the number of a room.
    NoRoom(String),
    /// A number might be a room's, while every room's number leads to its room.
    Room(String),
    /// Two numbers are the same or can be dialled the same way.
    Same(String, String),
}

impl Contradiction {
    /// The key that it stands at.
    pub(super) const fn key(&self) -> &'static str {
        match self {
            Self::Nobody => "trunk.peers",
            Self::AreaWithoutCountry => "trunk.area",
            Self::LatchWithoutNetworks => "trunk.latch",
            Self::TrunkPrefix(_)
            | Self::Service(_)
            | Self::NoRoom(_)
            | Self::Room(_)
            | Self::Same(..) => "trunk.numbers",
        }
    }

    /// Says what is wrong, and what would be right.
    pub(super) fn told(&self, language: Language) -> String {
        match language {
            Language::En => self.in_english(),
            Language::De => self.in_german(),
        }
    }

    fn in_english(&self) -> String {
        match self {
            Self::Nobody => String::from(
                "nobody could call in; give addresses or the name in a certificate, for example: \
                 peers = [\"192.0.2.7\"] or certificate = \"sbc.example.net\"",
            ),
            Self::AreaWithoutCountry => String::from(
                "an area code needs its country, for example: country = \"49\" and area = \"30\"",
            ),
            Self::LatchWithoutNetworks => String::from(
                "unencrypted sound is sent where it comes from only within networks that are named, for example: \
                 media_networks = [\"198.51.100.0/24\"]",
            ),
            Self::TrunkPrefix(number) => format!(
                "{number} has the 0 that stands in place of the country code beside it; valid is, for example: \
                 \"+4930123456\""
            ),
            Self::Service(number) => format!(
                "{number} is an emergency or service number and cannot be a dial-in; valid is, for example: \
                 \"+4930123456\""
            ),
            Self::NoRoom(room) => format!(
                "{room} cannot be the number of a room; valid is, for example: \
                 {{ number = \"+4930123456\", room = \"4711\" }}"
            ),
            Self::Room(number) => format!(
                "{number} could be the number of a room, and \"rooms\" leads those to their rooms; write the number in \
                 full, for example \"+4930123456\", or leave \"rooms\" out"
            ),
            Self::Same(one, other) => format!(
                "{one} and {other} can be dialled the same way; leave one of them out, or correct country and area"
            ),
        }
    }

    fn in_german(&self) -> String {
        match self {
            Self::Nobody => String::from(
                "niemand könnte anrufen; nennen Sie Adressen oder den Namen in einem Zertifikat, zum Beispiel: \
                 peers = [\"192.0.2.7\"] oder certificate = \"sbc.example.net\"",
            ),
            Self::AreaWithoutCountry => String::from(
                "eine Ortsvorwahl braucht ihr Land, zum Beispiel: country = \"49\" und area = \"30\"",
            ),
            Self::LatchWithoutNetworks => String::from(
                "unverschlüsselter Ton wird nur innerhalb genannter Netze dorthin geschickt, woher er kommt, zum \
                 Beispiel: media_networks = [\"198.51.100.0/24\"]",
            ),
            Self::TrunkPrefix(number) => format!(
                "{number} hat neben der Landesvorwahl auch die 0, die an ihrer Stelle steht; gültig ist zum Beispiel: \
                 \"+4930123456\""
            ),
            Self::Service(number) => format!(
                "{number} ist eine Notruf- oder Servicenummer und kann keine Einwahlnummer sein; gültig ist zum \
                 Beispiel: \"+4930123456\""
            ),
            Self::NoRoom(room) => format!(
                "{room} kann keine Raumnummer sein; gültig ist zum Beispiel: \
                 {{ number = \"+4930123456\", room = \"4711\" }}"
            ),
            Self::Room(number) => format!(
                "{number} könnte eine Raumnummer sein, und \"rooms\" führt diese in ihre Räume; schreiben Sie die Nummer \
                 vollständig, zum Beispiel \"+4930123456\", oder lassen Sie \"rooms\" weg"
            ),
            Self::Same(one, other) => format!(
                "{one} und {other} lassen sich gleich wählen; lassen Sie eine davon weg oder berichtigen Sie country und \
                 area"
            ),
        }
    }
}

/// How a trunk is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TrunkKind {
    /// By its address.
    #[default]
    Peer,
}

/// Whether a trunk's calls are encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Encryption {
    /// They are, or they are refused; the signalling too, since it carries the keys.
    #[default]
    Required,
    /// Their sound is where the other side can.
    Preferred,
    /// They are not.
    Off,
}

/// What is at the other end of a trunk's encryption.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protects {
    /// A carrier or an exchange, which can listen, and sends the sound on as it likes.
    #[default]
    Carrier,
    /// The telephone itself.
    Device,
}

/// A called number, or a group of them, and where it leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Number {
    /// Every room's number leads to the question for its PIN.
    Rooms,
    /// The user part `bridge` leads to the question for the whole code.
    Bridge,
    /// A number of the installation.
    Dialled(Dialled),
}

/// A number of the installation; written as a text where it asks for the whole code in the trunk's language.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dialled {
    /// The number (ITU-T E.164) with its `+`, as dialled within the country, or an extension.
    #[serde(deserialize_with = "dialled")]
    pub number: String,
    /// What callers hear before their room is known, if not the trunk's language.
    #[serde(default)]
    pub language: Option<Language>,
    /// The number of the room that it leads to, whose PIN is asked for.
    #[serde(default)]
    pub room: Option<String>,
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Number;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("rooms, bridge, a number, or a table with a number")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Number, E> {
                Ok(match text {
                    "rooms" => Number::Rooms,
                    "bridge" => Number::Bridge,
                    _ => Number::Dialled(Dialled {
                        number: number(text)?,
                        language: None,
                        room: None,
                    }),
                })
            }

            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Number, A::Error> {
                Dialled::deserialize(MapAccessDeserializer::new(map)).map(Number::Dialled)
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}

fn dialled<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    number(&String::deserialize(deserializer)?)
}

fn number<E: de::Error>(text: &str) -> Result<String, E> {
    let digits = text.strip_prefix('+').unwrap_or(text);
    let fits = (1..=DIALLED_DIGITS_MAX).contains(&digits.len());
    if fits && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(text.to_owned());
    }
    Err(E::custom("neither rooms, bridge nor a number"))
}

/// The name in a certificate, a domain or an address, or none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CertificateName(Option<ServerName<'static>>);

impl CertificateName {
    /// Returns the name.
    pub const fn get(&self) -> Option<&ServerName<'static>> {
        self.0.as_ref()
    }
}

impl<'de> Deserialize<'de> for CertificateName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.is_empty() {
            return Ok(Self(None));
        }
        let name = ServerName::try_from(text).map_err(de::Error::custom)?;
        Ok(Self(Some(name)))
    }
}

/// A country or area code, or none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Digits(String);

impl<'de> Deserialize<'de> for Digits {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits || text.starts_with('0') || text.len() > CODE_DIGITS_MAX {
            return Err(de::Error::custom("not a code without the zeros before it"));
        }
        Ok(Self(text))
    }
}

/// How many calls a trunk may have at a time: 1 to what the server takes in all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaxCalls(usize);

impl MaxCalls {
    /// Returns the number.
    pub const fn get(self) -> usize {
        self.0
    }
}

impl Default for MaxCalls {
    fn default() -> Self {
        Self(CALLS_MAX)
    }
}

impl<'de> Deserialize<'de> for MaxCalls {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let calls = usize::deserialize(deserializer)?;
        if !(1..=CALLS_MAX).contains(&calls) {
            return Err(de::Error::custom("not a number of calls"));
        }
        Ok(Self(calls))
    }
}

/// E.164: a number has 15 digits at most; `00` in place of the `+` makes two more.
const DIALLED_DIGITS_MAX: usize = 17;
/// Digits of the longest area code there is, with room to spare; country codes have three.
const CODE_DIGITS_MAX: usize = 6;

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::{Config, Error};

    fn parse(keys: &str) -> Result<Trunk, Error> {
        let text = format!("[[trunk]]\nname = \"a\"\npeers = [\"192.0.2.1\"]\n{keys}");
        let mut config = Config::parse(&text, Path::new("test.toml"))?;
        Ok(config.trunk.remove(0))
    }

    #[test]
    fn a_number_is_a_text_or_a_table() {
        let trunk = parse(
            "numbers = [\"rooms\", \"bridge\", \"+4930123456\",\n\
             { number = \"+4930123457\", language = \"en\", room = \"4711\" }, { number = \"620\" }]\n\
             country = \"49\"\narea = \"30\"\nmax_calls = 60\n",
        )
        .unwrap();
        let dialled = |number: &str| Dialled {
            number: number.to_owned(),
            language: None,
            room: None,
        };
        let fixed = Dialled {
            language: Some(Language::En),
            room: Some("4711".to_owned()),
            ..dialled("+4930123457")
        };
        assert_eq!(
            trunk.numbers,
            [
                Number::Rooms,
                Number::Bridge,
                Number::Dialled(dialled("+4930123456")),
                Number::Dialled(fixed),
                Number::Dialled(dialled("620")),
            ]
        );
        assert_eq!(trunk.max_calls.get(), 60);
        let plan = DialPlan {
            country: "49".to_owned(),
            area: "30".to_owned(),
        };
        assert_eq!(trunk.plan(), plan);
    }

    #[test]
    fn wrong_values_are_answered_with_line_and_key() {
        for (keys, line, key) in [
            ("numbers = [\"many\"]\n", 4, "trunk.numbers"),
            ("numbers = [\"+\"]\n", 4, "trunk.numbers"),
            ("numbers = [7]\n", 4, "trunk.numbers"),
            ("numbers = [\n{ number = \"x\" },\n]\n", 5, "trunk.numbers"),
            (
                "numbers = []\ncertificate = \"*.example.net\"\n",
                5,
                "trunk.certificate",
            ),
            ("numbers = []\ncountry = \"+49\"\n", 5, "trunk.country"),
            ("numbers = []\narea = \"030\"\n", 5, "trunk.area"),
            ("numbers = []\nmax_calls = 0\n", 5, "trunk.max_calls"),
            ("numbers = []\nmax_calls = 2001\n", 5, "trunk.max_calls"),
            (
                "numbers = []\nencryption = \"maybe\"\n",
                5,
                "trunk.encryption",
            ),
            ("numbers = []\nprotects = \"me\"\n", 5, "trunk.protects"),
            ("numbers = []\nlatch = 1\n", 5, "trunk.latch"),
            (
                "numbers = []\nmedia_networks = [\"x\"]\n",
                5,
                "trunk.media_networks",
            ),
        ] {
            let error = parse(keys).unwrap_err();
            let Error::Value { place, .. } = &error else {
                panic!("{keys}: {error:?}")
            };
            assert_eq!((place.line, place.key.as_str()), (line, key), "{keys}");
            let told = error.told(Language::De);
            let example = told.split_once("zum Beispiel: ").unwrap().1;
            assert!(!example.is_empty() && !example.starts_with('#'), "{told}");
        }
        let error = parse("numbers = [{ number = \"1\", pin = \"2\" }]\n").unwrap_err();
        assert!(matches!(error, Error::UnknownKey { .. }), "{error:?}");
        let error = parse("numbers = [{ room = \"4711\" }]\n").unwrap_err();
        assert!(matches!(error, Error::MissingKey { .. }), "{error:?}");
    }

    #[test]
    fn contradictions_are_found_at_the_start() {
        let same = |one: &str, other: &str| Contradiction::Same(one.into(), other.into());
        let service = |number: &str| Contradiction::Service(number.into());
        for (keys, expected) in [
            ("numbers = [\"112\"]", service("112")),
            ("numbers = [\"110\"]", service("110")),
            ("numbers = [\"0112\"]", service("0112")),
            ("numbers = [\"+49112\"]", service("+49112")),
            ("numbers = [\"19222\"]", service("19222")),
            (
                "numbers = [{ number = \"+493019222\" }]\narea = \"30\"",
                service("+493019222"),
            ),
            (
                "numbers = [\"+4930123456\", \"030123456\"]",
                same("+4930123456", "030123456"),
            ),
            (
                "numbers = [\"+4930123456\", \"123456\"]\narea = \"30\"",
                same("+4930123456", "123456"),
            ),
            ("numbers = [\"620\", \"620\"]", same("620", "620")),
            (
                "numbers = [\"+49030123456\"]",
                Contradiction::TrunkPrefix("+49030123456".into()),
            ),
            (
                "numbers = [{ number = \"+4930123456\", room = \"47\" }]",
                Contradiction::NoRoom("47".into()),
            ),
            (
                "numbers = [{ number = \"+4930123456\", room = \"0711\" }]",
                Contradiction::NoRoom("0711".into()),
            ),
            (
                "numbers = [\"rooms\", \"4711\"]",
                Contradiction::Room("4711".into()),
            ),
            (
                "numbers = []\ncountry = \"\"\narea = \"30\"",
                Contradiction::AreaWithoutCountry,
            ),
            (
                "numbers = []\nlatch = true\nencryption = \"off\"",
                Contradiction::LatchWithoutNetworks,
            ),
        ] {
            let error = parse(keys).unwrap_err();
            let Error::Contradiction { what, .. } = &error else {
                panic!("{keys}: {error:?}")
            };
            assert_eq!(*what, expected, "{keys}");
        }
        for keys in [
            "numbers = [\"+4930123456\", \"123456\"]",
            "numbers = [\"4711\"]",
            "numbers = [\"rooms\", \"+49304711\"]\narea = \"30\"",
            "numbers = [\"+390612345\"]\ncountry = \"\"",
            "numbers = []\nlatch = true\nencryption = \"preferred\"",
            "numbers = []\nlatch = true\nencryption = \"off\"\nmedia_networks = [\"10.0.0.0/8\"]",
        ] {
            assert!(parse(keys).is_ok(), "{keys}");
        }
    }

    #[test]
    fn encryption_is_required_unless_something_else_is_said() {
        let trunk = parse("numbers = []\n").unwrap();
        assert_eq!(trunk.encryption, Encryption::Required);
        assert!(!trunk.is_exposed());
        assert!(
            parse("numbers = []\nencryption = \"off\"\n")
                .unwrap()
                .is_exposed()
        );
        assert!(!Trunk::local().is_exposed());
    }

    #[test]
    fn the_trunk_of_the_readme_can_be_used() {
        let readme = include_str!("../../README.md");
        let (_, rest) = readme.split_once("```toml").unwrap();
        let (text, _) = rest.split_once("```").unwrap();
        let config = Config::parse(text, Path::new("README.md")).unwrap();
        assert_eq!(config.trunk[0].numbers.len(), 2);
    }

    #[test]
    fn a_contradiction_is_told_with_the_line_of_its_own_trunk() {
        let good = "[[trunk]]\nname = \"a\"\npeers = [\"::1\"]\nnumbers = [\"+491\"]\n";
        let text = format!("{good}{}", good.replace("+491", "112"));
        let error = Config::parse(&text, Path::new("test.toml")).unwrap_err();
        assert_eq!(
            error.told(Language::De),
            "Der Wert von trunk.numbers ist unbrauchbar (Zeile 8 in test.toml): 112 ist eine Notruf- oder \
             Servicenummer und kann keine Einwahlnummer sein; gültig ist zum Beispiel: \"+4930123456\"."
        );
        assert_eq!(
            error.told(Language::En),
            "The value of trunk.numbers cannot be used (line 8 of test.toml): 112 is an emergency or service number \
             and cannot be a dial-in; valid is, for example: \"+4930123456\"."
        );
    }
}
