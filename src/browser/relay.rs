//! The way round strict firewalls: TURN servers (RFC 8656) that the operator runs, and credentials for them that end.
//!
//! Browsers that can send no UDP reach such a server by TLS, and it passes their packets on. What it passes on stays
//! encrypted as far as this server. The credentials are those of the convention "TURN REST", which coturn calls
//! `use-auth-secret`: nothing is registered there, since both sides know a secret.
//!
//! ```text
//! username   = seconds since 1970 when it ends ‖ ":" ‖ 64 random bits, which name nobody
//! credential = base64(HMAC-SHA1(secret, username))
//! ```

use std::{fmt, net::IpAddr, str::FromStr, time::Duration};

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::STANDARD};
use rand::{CryptoRng, RngExt};

use super::wire::Relay;
use crate::pii::{Pii, Secret};

/// The servers, and what credentials for them are made with.
pub struct Relays {
    servers: Vec<TurnUri>,
    key: hmac::Key,
    lifetime: Duration,
}

impl Relays {
    /// Puts together servers, the secret that they know and how long credentials are good.
    pub fn new(servers: Vec<TurnUri>, secret: &Secret<String>, lifetime: Duration) -> Self {
        let key = hmac::Key::new(
            hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            secret.expose().as_bytes(),
        );
        Self {
            servers,
            key,
            lifetime,
        }
    }

    /// Makes credentials for one browser; `now` is since 1970-01-01 00:00 UTC.
    pub fn grant(&self, now: Duration, rng: &mut impl CryptoRng) -> Relay {
        let until = now.saturating_add(self.lifetime).as_secs();
        let username = format!("{until}:{:016x}", rng.random::<u64>());
        Relay {
            urls: self.servers.iter().map(TurnUri::to_string).collect(),
            credential: self.credential(&username),
            username: Pii::new(username),
        }
    }

    fn credential(&self, username: &str) -> Secret<String> {
        let tag = hmac::sign(&self.key, username.as_bytes());
        Secret::new(STANDARD.encode(tag))
    }
}

impl fmt::Debug for Relays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relays")
            .field("servers", &self.servers)
            .field("lifetime", &self.lifetime)
            .finish_non_exhaustive()
    }
}

/// Where a TURN server is: `turns:conf.example.de:443?transport=tcp` (RFC 7065).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TurnUri {
    secure: bool,
    /// As the URI has it: an IPv6 address stands in brackets.
    host: String,
    port: Option<u16>,
    transport: Option<Transport>,
}

impl TurnUri {
    /// Tells whether who listens on the way learns the credentials: plain TURN that leaves this machine.
    pub fn is_exposed(&self) -> bool {
        let bare = self.host.trim_start_matches('[').trim_end_matches(']');
        let here = match bare.parse::<IpAddr>() {
            Ok(address) => address.is_loopback(),
            Err(_) => bare.eq_ignore_ascii_case("localhost"),
        };
        !self.secure && !here
    }
}

/// What carries TURN. Browsers know no TLS over datagrams here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Transport {
    Udp,
    Tcp,
}

/// The text is no URI of a TURN server that browsers could use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the URI of a TURN server")]
pub struct NoTurnUri;

impl FromStr for TurnUri {
    type Err = NoTurnUri;

    fn from_str(text: &str) -> Result<Self, NoTurnUri> {
        let (scheme, rest) = text.split_once(':').ok_or(NoTurnUri)?;
        let secure = match scheme.to_ascii_lowercase().as_str() {
            "turns" => true,
            "turn" => false,
            _ => return Err(NoTurnUri),
        };
        let (place, transport) = match rest.split_once('?') {
            None => (rest, None),
            Some((place, "transport=tcp")) => (place, Some(Transport::Tcp)),
            Some((place, "transport=udp")) if !secure => (place, Some(Transport::Udp)),
            Some(_) => return Err(NoTurnUri),
        };
        let end = match place.starts_with('[') {
            true => place.find(']').ok_or(NoTurnUri)? + 1,
            false => place.find(':').unwrap_or(place.len()),
        };
        let (host, after) = place.split_at(end);
        let port = match after.strip_prefix(':') {
            None if after.is_empty() => None,
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                let port = digits.parse().ok().filter(|port| *port != 0);
                Some(port.ok_or(NoTurnUri)?)
            }
            _ => return Err(NoTurnUri),
        };
        is_host(host).then_some(()).ok_or(NoTurnUri)?;
        Ok(Self {
            secure,
            host: host.to_owned(),
            port,
            transport,
        })
    }
}

impl fmt::Display for TurnUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.secure { "turns" } else { "turn" };
        write!(f, "{scheme}:{}", self.host)?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        match self.transport {
            None => Ok(()),
            Some(Transport::Udp) => f.write_str("?transport=udp"),
            Some(Transport::Tcp) => f.write_str("?transport=tcp"),
        }
    }
}

/// Tells whether the text is an address as URIs have it, or a name whose last label is no number (RFC 1123 §2.1).
fn is_host(text: &str) -> bool {
    if let Some(inner) = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'))
    {
        return matches!(inner.parse(), Ok(IpAddr::V6(_)));
    }
    if let Ok(IpAddr::V4(_)) = text.parse() {
        return true;
    }
    let last = text.rsplit('.').next().unwrap_or_default();
    text.len() <= NAME_LENGTH_MAX
        && text.split('.').all(is_label)
        && !last.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_label(label: &str) -> bool {
    let edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = label.as_bytes();
    bytes.len() <= LABEL_LENGTH_MAX
        && edge(bytes.first())
        && edge(bytes.last())
        && bytes
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
}

/// Characters of the longest name (RFC 1035 §2.3.4, without the dot at its end).
const NAME_LENGTH_MAX: usize = 253;
/// Characters of its longest label.
const LABEL_LENGTH_MAX: usize = 63;

#[cfg(test)]
mod tests {
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    #[test]
    fn a_credential_is_what_coturn_computes() {
        // printf 1700003600:00000000000000aa | openssl dgst -sha1 -hmac north -binary | base64
        let credential = relays().credential("1700003600:00000000000000aa");
        assert_eq!(credential.expose(), "W/i11fqizMaPnh7H90fhtxUe5MQ=");
    }

    #[test]
    fn a_grant_names_the_servers_its_end_and_nobody() {
        let now = Duration::from_millis(1_700_000_000_999);
        let relay = relays().grant(now, &mut StdRng::seed_from_u64(1));
        assert_eq!(relay.urls, ["turns:conf.example.de:443?transport=tcp"]);
        let (until, id) = relay.username.expose().split_once(':').unwrap();
        assert_eq!(until, "1700003600");
        assert!(id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let expected = relays().credential(relay.username.expose());
        assert_eq!(relay.credential, expected);
    }

    #[test]
    fn nobody_has_another_ones_credential_and_none_is_printed() {
        let now = Duration::from_secs(1_700_000_000);
        let mut rng = StdRng::seed_from_u64(1);
        let [one, other] = [(); 2].map(|()| relays().grant(now, &mut rng));
        assert_ne!(one.username.expose(), other.username.expose());
        assert_ne!(one.credential.expose(), other.credential.expose());
        let printed = format!("{one:?} {:?}", relays());
        for secret in ["north", one.username.expose(), one.credential.expose()] {
            assert!(!printed.contains(secret), "{printed}");
        }
    }

    #[test]
    fn uris_are_read_and_written() {
        for text in [
            "turns:conf.example.de:443?transport=tcp",
            "turns:conf.example.de",
            "turns:192.0.2.1:5349",
            "turns:[2001:db8::1]:443?transport=tcp",
            "turn:127.0.0.1:3478?transport=udp",
            "turn:localhost?transport=tcp",
        ] {
            assert_eq!(text.parse::<TurnUri>().unwrap().to_string(), text);
        }
        let upper = "TURNS:conf.example.de".parse::<TurnUri>().unwrap();
        assert_eq!(upper.to_string(), "turns:conf.example.de");
    }

    #[test]
    fn what_leads_to_no_turn_server_is_refused() {
        for text in [
            "",
            "turns:",
            "turns::443",
            "stun:conf.example.de",
            "https://conf.example.de",
            "turns://conf.example.de",
            "turns:user@conf.example.de",
            "turns:conf.example.de:",
            "turns:conf.example.de:0",
            "turns:conf.example.de:65536",
            "turns:conf.example.de:+443",
            "turns:conf.example.de/x",
            "turns:conf.example.de?transport=udp",
            "turns:conf.example.de?transport=tcp&x=1",
            "turns:conf.example.de#x",
            "turns:conf..de",
            "turns:-conf.de",
            "turns:conf_example.de",
            "turns:192.0.2.256",
            "turns:192.0.2.1.",
            "turns:[192.0.2.1]",
            "turns:2001:db8::1",
            "turns:[::1",
            "turns:[fe80::1%eth0]",
        ] {
            assert_eq!(text.parse::<TurnUri>(), Err(NoTurnUri), "{text}");
        }
        let long = format!("turns:{}.de", "a".repeat(LABEL_LENGTH_MAX + 1));
        assert_eq!(long.parse::<TurnUri>(), Err(NoTurnUri));
    }

    #[test]
    fn only_plain_turn_that_leaves_the_machine_is_exposed() {
        for (text, exposed) in [
            ("turns:conf.example.de", false),
            ("turn:conf.example.de", true),
            ("turn:192.0.2.1", true),
            ("turn:localhost.example.de", true),
            ("turn:127.0.0.1", false),
            ("turn:[::1]", false),
            ("turn:localhost", false),
        ] {
            assert_eq!(text.parse::<TurnUri>().unwrap().is_exposed(), exposed);
        }
    }

    fn relays() -> Relays {
        let server = "turns:conf.example.de:443?transport=tcp".parse().unwrap();
        let secret = Secret::new(String::from("north"));
        Relays::new(vec![server], &secret, Duration::from_secs(3_600))
    }
}
