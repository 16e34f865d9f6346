//! The SIP URI of a server, as it stands in settings: `sip:tel.example.net;transport=tls`.

use std::{fmt, net::IpAddr, str::FromStr};

use sip::{Protocol, locate::Place};

/// The SIP URI of a server, without a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerUri {
    text: String,
    place: Place,
}

/// A text that is not the SIP URI of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the SIP URI of a server")]
pub struct NoServerUri;

impl ServerUri {
    /// Returns what is to be located.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Returns the host as it stands in a URI.
    pub fn host(&self) -> String {
        match self.place.host.parse() {
            Ok(IpAddr::V6(address)) => format!("[{address}]"),
            Ok(IpAddr::V4(_)) | Err(_) => self.place.host.clone(),
        }
    }

    /// Tells whether it is an address of this machine that nobody else can reach.
    pub fn is_loopback(&self) -> bool {
        let address = self.place.host.parse::<IpAddr>();
        address.is_ok_and(|address| address.is_loopback())
    }
}

impl fmt::Display for ServerUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for ServerUri {
    type Err = NoServerUri;

    fn from_str(text: &str) -> Result<Self, NoServerUri> {
        let (scheme, rest) = text.split_once(':').ok_or(NoServerUri)?;
        let secure = match scheme.to_ascii_lowercase().as_str() {
            "sip" => false,
            "sips" => true,
            _ => return Err(NoServerUri),
        };
        let mut parts = rest.split(';');
        let (host, port) = host_and_port(parts.next().unwrap_or_default())?;
        let mut protocol = None;
        for part in parts {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            match name.to_ascii_lowercase().as_str() {
                "transport" => protocol = Some(transport(value)?),
                "lr" => {}
                _ => return Err(NoServerUri),
            }
        }
        if secure && protocol == Some(Protocol::Udp) {
            return Err(NoServerUri);
        }
        Ok(Self {
            text: text.to_owned(),
            place: Place {
                host,
                port,
                protocol,
                secure,
            },
        })
    }
}

fn transport(text: &str) -> Result<Protocol, NoServerUri> {
    match text.to_ascii_lowercase().as_str() {
        "udp" => Ok(Protocol::Udp),
        "tcp" => Ok(Protocol::Tcp),
        "tls" => Ok(Protocol::Tls),
        _ => Err(NoServerUri),
    }
}

fn host_and_port(text: &str) -> Result<(String, Option<u16>), NoServerUri> {
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, rest)) => {
            let IpAddr::V6(address) = address.parse().map_err(|_| NoServerUri)? else {
                return Err(NoServerUri);
            };
            (
                address.to_string(),
                rest.strip_prefix(':').map(str::to_owned),
            )
        }
        None => match text.split_once(':') {
            Some((host, port)) => (host.to_owned(), Some(port.to_owned())),
            None => (text.to_owned(), None),
        },
    };
    let usual = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let is_host = host.parse::<IpAddr>().is_ok() || (!host.is_empty() && host.bytes().all(usual));
    if !is_host {
        return Err(NoServerUri);
    }
    let port = port.map(|port| port.parse().map_err(|_| NoServerUri));
    let port = port.transpose()?.filter(|port| *port != 0);
    Ok((host, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_says_what_is_to_be_located() {
        let read = |text: &str| {
            let uri: ServerUri = text.parse().unwrap();
            let Place {
                host,
                port,
                protocol,
                secure,
            } = uri.place().clone();
            (host, port, protocol, secure)
        };
        let host = |text: &str| text.to_owned();
        for (text, expected) in [
            ("sip:fritz.box", (host("fritz.box"), None, None, false)),
            (
                "sip:tel.example.net;transport=tls",
                (host("tel.example.net"), None, Some(Protocol::Tls), false),
            ),
            ("sips:h.example", (host("h.example"), None, None, true)),
            (
                "SIP:192.0.2.1:5080;transport=TCP;lr",
                (host("192.0.2.1"), Some(5_080), Some(Protocol::Tcp), false),
            ),
            (
                "sip:[2001:db8::1]:5062",
                (host("2001:db8::1"), Some(5_062), None, false),
            ),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
        for text in [
            "fritz.box",
            "sip:",
            "sip:user@fritz.box",
            "sip:a b",
            "sip:h.example;transport=sctp",
            "sips:h.example;transport=udp",
            "sip:h.example;x=<y>",
            "sip:h.example:99999",
            "sip:[192.0.2.1]",
            "tel:+49301",
        ] {
            assert_eq!(text.parse::<ServerUri>(), Err(NoServerUri), "{text}");
        }
    }

    #[test]
    fn a_host_is_written_as_uris_have_it() {
        let host = |text: &str| text.parse::<ServerUri>().unwrap().host();
        assert_eq!(host("sip:[::1]:5060"), "[::1]");
        assert_eq!(host("sip:fritz.box:5060"), "fritz.box");
        assert!("sip:[::1]".parse::<ServerUri>().unwrap().is_loopback());
        assert!(!"sip:fritz.box".parse::<ServerUri>().unwrap().is_loopback());
    }
}
