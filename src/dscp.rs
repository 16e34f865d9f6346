//! How packets are marked so that networks can let them pass first (RFC 2474).

use std::{fmt, net::SocketAddr, os::fd::AsFd, sync::Once};

use serde::{Deserialize, Deserializer, de};
use socket2::SockRef;

/// The mark of an outgoing packet: a code point of six bits, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dscp(u8);

impl Dscp {
    /// No mark.
    pub const NONE: Self = Self(0);
    /// Expedited forwarding, for audio (RFC 4594 §4.1).
    pub const AUDIO: Self = Self(46);
    /// Class selector 3, for SIP as much networks know it (RFC 4594 §4.2 has CS5, which many take for video).
    pub const SIGNALLING: Self = Self(24);

    /// Returns the mark of SIP where this is that of audio: none where there is to be none.
    #[must_use]
    pub fn of_signalling(self) -> Self {
        if self == Self::NONE {
            Self::NONE
        } else {
            Self::SIGNALLING
        }
    }

    /// Marks what a socket sends, which is bound to this address. Where the system refuses, packets go unmarked and that is
    /// said once.
    pub fn mark(self, socket: &impl AsFd, local: SocketAddr) {
        if self == Self::NONE {
            return;
        }
        let socket = SockRef::from(socket);
        let class = u32::from(self.0) << 2;
        let marked = match local {
            SocketAddr::V4(_) => socket.set_tos_v4(class),
            SocketAddr::V6(_) => {
                // For IPv4 through the same socket, which not every one takes.
                let _ = socket.set_tos_v4(class);
                socket.set_tclass_v6(class)
            }
        };
        if let Err(error) = marked {
            REFUSED.call_once(|| {
                tracing::warn!(%error, dscp = self.0, "the system does not mark packets");
            });
        }
    }
}

/// Thousands of sockets would be refused alike.
static REFUSED: Once = Once::new();

impl Default for Dscp {
    fn default() -> Self {
        Self::AUDIO
    }
}

impl fmt::Display for Dscp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<'de> Deserialize<'de> for Dscp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Visitor)
    }
}

struct Visitor;

impl de::Visitor<'_> for Visitor {
    type Value = Dscp;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"ef\", \"none\" or a number from 0 to 63")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Dscp, E> {
        match text {
            "ef" => Ok(Dscp::AUDIO),
            "none" => Ok(Dscp::NONE),
            _ => Err(E::invalid_value(de::Unexpected::Str(text), &self)),
        }
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Dscp, E> {
        let point = u8::try_from(number).ok().filter(|point| *point < 64);
        point
            .map(Dscp)
            .ok_or_else(|| E::invalid_value(de::Unexpected::Signed(number), &self))
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};

    use super::*;

    #[test]
    fn what_a_socket_sends_is_marked_by_either_protocol() {
        for (mark, class) in [(Dscp::AUDIO, 184), (Dscp::SIGNALLING, 96), (Dscp::NONE, 0)] {
            let here = IpAddr::V4(Ipv4Addr::LOCALHOST);
            let socket = UdpSocket::bind((here, 0)).unwrap();
            mark.mark(&socket, socket.local_addr().unwrap());
            assert_eq!(SockRef::from(&socket).tos_v4().unwrap(), class);
            // Not every machine has the other protocol.
            let here = IpAddr::V6(Ipv6Addr::LOCALHOST);
            if let Ok(socket) = UdpSocket::bind((here, 0)) {
                mark.mark(&socket, socket.local_addr().unwrap());
                assert_eq!(SockRef::from(&socket).tclass_v6().unwrap(), class);
            }
        }
        assert_eq!(Dscp::AUDIO.of_signalling(), Dscp::SIGNALLING);
        assert_eq!(Dscp::NONE.of_signalling(), Dscp::NONE);
    }

    #[test]
    fn a_mark_is_a_word_or_six_bits() {
        #[derive(Deserialize)]
        struct Setting {
            dscp: Dscp,
        }
        let read = |text: &str| toml::from_str::<Setting>(&format!("dscp = {text}"));
        for (text, expected) in [
            ("\"ef\"", 46),
            ("\"none\"", 0),
            ("0", 0),
            ("34", 34),
            ("63", 63),
        ] {
            assert_eq!(read(text).unwrap().dscp, Dscp(expected), "{text}");
        }
        for text in ["64", "-1", "\"EF\"", "\"46\"", "true", "4.5"] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
