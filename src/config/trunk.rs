//! Section `[[trunk]]`: who may call in, which numbers lead where, and what such settings must not say.

use std::{collections::BTreeMap, fmt, net::IpAddr, path::PathBuf};

use rustls::pki_types::ServerName;
use serde::{
    Deserialize, Deserializer,
    de::{self, value::MapAccessDeserializer},
};

use super::{Auto, Expires, SessionExpires, contradiction::Contradiction, dial_out::Identity};
use crate::{
    conference::event::Wording,
    limit::CALLS_MAX,
    network::Network,
    phone::{DialPlan, ServerUri, is_room_number},
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
    /// Where we register so that its calls come.
    #[serde(default, deserialize_with = "server")]
    pub registrar: Option<ServerUri>,
    /// The proxy that registering goes through, if it does.
    #[serde(default, deserialize_with = "server")]
    pub proxy: Option<ServerUri>,
    /// As whom we register: the user part of our address there.
    #[serde(default)]
    pub user: String,
    /// Who proves it, if by another name.
    #[serde(default)]
    pub auth_user: String,
    /// The file with the password.
    #[serde(default)]
    pub password_file: PathBuf,
    /// Who alone may ask for it; empty for the first that does.
    #[serde(default)]
    pub realm: String,
    /// For how long we register at a time.
    #[serde(default)]
    pub expires: Expires,
    /// Whether the registrar wants to agree upon the security of media in the way of German carriers.
    #[serde(default)]
    pub mediasec: bool,
    /// The server of a peer that is asked whether it is there.
    #[serde(default, deserialize_with = "server")]
    pub probe: Option<ServerUri>,
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
    /// The address by which the other side reaches us, if an address translator stands between.
    #[serde(default, deserialize_with = "address")]
    pub external_address: Option<IpAddr>,
    /// What sound may be coded with.
    #[serde(default = "Trunk::codecs")]
    pub codecs: Vec<Codec>,
    /// What callers hear before their room is known.
    #[serde(default = "Trunk::language")]
    pub language: Wording,
    /// Whether the greeting offers the other language.
    #[serde(default = "Trunk::offers_language")]
    pub offers_language: bool,
    /// Calls at a time.
    #[serde(default)]
    pub max_calls: MaxCalls,
    /// For how long a call lasts without a sign of life, if not as `[sip]` says.
    #[serde(default = "Trunk::as_elsewhere")]
    pub session_expires: Auto<SessionExpires>,
    /// The number of it that calls are made as; empty where none are made over it.
    #[serde(default)]
    pub calls_as: String,
    /// By whose word that number is ours.
    #[serde(default)]
    pub identity: Identity,
    /// Whether who is called does not see it.
    #[serde(default)]
    pub withheld: bool,
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
            registrar: None,
            proxy: None,
            user: String::new(),
            auth_user: String::new(),
            password_file: PathBuf::new(),
            realm: String::new(),
            expires: Expires::default(),
            mediasec: false,
            probe: None,
            numbers: vec![Number::Rooms, Number::Bridge, Number::SoundTest],
            country: Self::country(),
            area: Digits::default(),
            encryption: Encryption::Off,
            protects: Protects::Carrier,
            latch: false,
            media_networks: Vec::new(),
            external_address: None,
            codecs: Self::codecs(),
            language: Self::language(),
            offers_language: Self::offers_language(),
            max_calls: MaxCalls::default(),
            session_expires: Self::as_elsewhere(),
            calls_as: String::new(),
            identity: Identity::default(),
            withheld: false,
        }
    }

    const fn as_elsewhere() -> Auto<SessionExpires> {
        Auto::Derived
    }

    const fn language() -> Wording {
        Wording::De
    }

    const fn offers_language() -> bool {
        true
    }

    fn codecs() -> Vec<Codec> {
        Codec::ALL.to_vec()
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
        let servers = [&self.registrar, &self.proxy, &self.probe];
        let mut servers = servers.into_iter().flatten();
        let near =
            self.peers.iter().all(Network::is_loopback) && servers.all(ServerUri::is_loopback);
        self.encryption == Encryption::Off && !near
    }

    /// Returns what the settings must not say together, if they do.
    pub(super) fn contradiction(&self) -> Option<Contradiction> {
        self.contradiction_of_kind()
            .or_else(|| self.contradiction_of_media_and_calls())
            .or_else(|| self.contradiction_of_numbers())
    }

    /// What the settings say that needs the other kind, or lack for their own.
    fn contradiction_of_kind(&self) -> Option<Contradiction> {
        match self.kind {
            TrunkKind::Peer if self.registrar.is_some() => Some(Contradiction::PeerRegisters),
            TrunkKind::Peer if self.peers.is_empty() && self.certificate.0.is_none() => {
                Some(Contradiction::Nobody)
            }
            TrunkKind::Registered if self.registrar.is_none() => Some(Contradiction::NoRegistrar),
            TrunkKind::Registered
                if self.user.is_empty() || self.password_file.as_os_str().is_empty() =>
            {
                Some(Contradiction::NoAccount)
            }
            TrunkKind::Registered if self.probe.is_some() => Some(Contradiction::Probed),
            TrunkKind::Registered => None,
            TrunkKind::Peer => self.registering().map(Contradiction::OfRegistered),
        }
    }

    /// The key of the first setting that says something of registering.
    fn registering(&self) -> Option<&'static str> {
        let settings = [
            (self.proxy.is_some(), "trunk.proxy"),
            (!self.user.is_empty(), "trunk.user"),
            (!self.auth_user.is_empty(), "trunk.auth_user"),
            (
                !self.password_file.as_os_str().is_empty(),
                "trunk.password_file",
            ),
            (!self.realm.is_empty(), "trunk.realm"),
            (self.mediasec, "trunk.mediasec"),
        ];
        let (_, key) = settings.into_iter().find(|(is_set, _)| *is_set)?;
        Some(key)
    }

    fn contradiction_of_media_and_calls(&self) -> Option<Contradiction> {
        if self.codecs.is_empty() {
            return Some(Contradiction::NoCodec);
        }
        if !self.calls_as.is_empty() {
            if self.registrar.is_none() && self.probe.is_none() {
                return Some(Contradiction::NoWayOut);
            }
            if self.outward().is_none() {
                return Some(Contradiction::ForeignCaller(self.calls_as.clone()));
            }
        }
        if self.withheld && self.calls_as.is_empty() {
            return Some(Contradiction::WithheldOfNobody);
        }
        if self.country.0.is_empty() && !self.area.0.is_empty() {
            return Some(Contradiction::AreaWithoutCountry);
        }
        let unprotected = self.encryption == Encryption::Off;
        if self.latch && unprotected && self.media_networks.is_empty() {
            return Some(Contradiction::LatchWithoutNetworks);
        }
        None
    }

    fn contradiction_of_numbers(&self) -> Option<Contradiction> {
        let plan = self.plan();
        let dialled = || {
            self.numbers.iter().filter_map(|number| match number {
                Number::Dialled(dialled) => Some(dialled),
                Number::Rooms | Number::Bridge | Number::SoundTest => None,
            })
        };
        let mut taken = BTreeMap::new();
        for dialled in dialled() {
            let Dialled { number, room, .. } = dialled;
            if dialled.sound_test && room.is_some() {
                return Some(Contradiction::TestInRoom(number.clone()));
            }
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

/// How a trunk is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TrunkKind {
    /// By its address or its certificate.
    #[default]
    Peer,
    /// By our registration: its calls come from where we register.
    Registered,
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

/// What the sound of a trunk's calls may be coded with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Codec {
    /// RFC 6716, RFC 7587.
    Opus,
    /// ITU-T G.722 at 64 kbit/s.
    G722,
    /// ITU-T G.711 A-law.
    Pcma,
    /// ITU-T G.711 µ-law.
    Pcmu,
}

impl Codec {
    /// All there are, wide band first, A-law before µ-law as in German networks.
    pub const ALL: [Self; 4] = [Self::Opus, Self::G722, Self::Pcma, Self::Pcmu];
}

/// A called number, or a group of them, and where it leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Number {
    /// Every room's number leads to the question for its PIN.
    Rooms,
    /// The user part `bridge` leads to the question for the whole code.
    Bridge,
    /// The user part `sound-test` leads to the sound test.
    SoundTest,
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
    pub language: Option<Wording>,
    /// Whether its greeting offers the other language, if not as the trunk's others.
    #[serde(default)]
    pub offers_language: Option<bool>,
    /// The number of the room that it leads to, whose PIN is asked for.
    #[serde(default)]
    pub room: Option<String>,
    /// Whether it leads to the sound test instead.
    #[serde(default)]
    pub sound_test: bool,
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Number;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("rooms, bridge, sound-test, a number, or a table with a number")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Number, E> {
                Ok(match text {
                    "rooms" => Number::Rooms,
                    "bridge" => Number::Bridge,
                    "sound-test" => Number::SoundTest,
                    _ => Number::Dialled(Dialled {
                        number: number(text)?,
                        language: None,
                        offers_language: None,
                        room: None,
                        sound_test: false,
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
    Err(E::custom("neither rooms, bridge, sound-test nor a number"))
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

/// The SIP URI of a server, or none.
fn server<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<ServerUri>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(de::Error::custom)
}

/// An address that others reach, or none.
fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<IpAddr>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.is_empty() {
        return Ok(None);
    }
    let address: IpAddr = text.parse().map_err(de::Error::custom)?;
    if address.is_unspecified() || address.is_multicast() {
        return Err(de::Error::custom("nobody reaches anything there"));
    }
    Ok(Some(address))
}

/// E.164: a number has 15 digits at most; `00` in place of the `+` makes two more.
const DIALLED_DIGITS_MAX: usize = 17;
/// Digits of the longest area code there is, with room to spare; country codes have three.
const CODE_DIGITS_MAX: usize = 6;

#[cfg(test)]
mod tests;
