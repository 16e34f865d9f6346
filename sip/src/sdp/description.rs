//! A session description as data (RFC 8866 §5): what offers and answers need, free of the order and spelling of lines.
//!
//! The whole description is personal data, because it holds addresses: its `Debug` prints only its shape.

use std::{fmt, net::IpAddr};

/// A session description.
#[derive(Clone, PartialEq, Eq)]
pub struct Description {
    /// `o=`: who made it, and its version.
    pub origin: Origin,
    /// `s=`: the session name.
    pub name: String,
    /// `c=` at session level.
    pub connection: Option<Connection>,
    /// `t=`: the start and stop time, verbatim.
    pub timing: String,
    /// `a=` at session level, in order.
    pub attributes: Vec<Attribute>,
    /// The media descriptions, in order.
    pub media: Vec<Media>,
}

/// The origin of a description (RFC 8866 §5.2).
#[derive(Clone, PartialEq, Eq)]
pub struct Origin {
    /// The login, or `-`.
    pub username: String,
    /// The numeric session identifier.
    pub session_id: u64,
    /// The version of this description.
    pub session_version: u64,
    /// Where the session was made.
    pub address: Connection,
}

/// A network address in the words of SDP (RFC 8866 §5.7).
#[derive(Clone, PartialEq, Eq)]
pub struct Connection {
    /// `IP4` or `IP6`, or what the peer wrote.
    pub address_type: String,
    /// An address literal, a name, or a multicast address with its TTL.
    pub address: String,
}

/// One media description (RFC 8866 §5.14).
#[derive(Clone, PartialEq, Eq)]
pub struct Media {
    /// `audio`, `video`, …
    pub kind: String,
    /// The transport port; 0 means refused.
    pub port: u16,
    /// The number of ports, when the line names one.
    pub ports: Option<u16>,
    /// The transport protocol, such as `RTP/AVP`.
    pub protocol: String,
    /// The formats; payload types as text for RTP.
    pub formats: Vec<String>,
    /// `c=` of this media.
    pub connection: Option<Connection>,
    /// `a=` of this media, in order.
    pub attributes: Vec<Attribute>,
}

/// One `a=` line.
#[derive(Clone, PartialEq, Eq)]
pub struct Attribute {
    /// The attribute's name.
    pub name: String,
    /// What follows the colon, if there is one.
    pub value: Option<String>,
}

/// Which way media flows, seen from the author of the description (RFC 8866 §6.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Both ways.
    SendRecv,
    /// The author only sends.
    SendOnly,
    /// The author only receives.
    RecvOnly,
    /// Neither way.
    Inactive,
}

impl Direction {
    /// Returns the attribute name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SendRecv => "sendrecv",
            Self::SendOnly => "sendonly",
            Self::RecvOnly => "recvonly",
            Self::Inactive => "inactive",
        }
    }

    /// Builds the direction from its two halves.
    pub const fn of(sends: bool, receives: bool) -> Self {
        match (sends, receives) {
            (true, true) => Self::SendRecv,
            (true, false) => Self::SendOnly,
            (false, true) => Self::RecvOnly,
            (false, false) => Self::Inactive,
        }
    }

    /// Whether the author sends.
    pub const fn sends(self) -> bool {
        matches!(self, Self::SendRecv | Self::SendOnly)
    }

    /// Whether the author receives.
    pub const fn receives(self) -> bool {
        matches!(self, Self::SendRecv | Self::RecvOnly)
    }

    fn from_name(name: &str) -> Option<Self> {
        [
            Self::SendRecv,
            Self::SendOnly,
            Self::RecvOnly,
            Self::Inactive,
        ]
        .into_iter()
        .find(|direction| direction.name() == name)
    }
}

impl Connection {
    /// Names an address.
    pub fn of(address: IpAddr) -> Self {
        let address_type = match address {
            IpAddr::V4(_) => "IP4",
            IpAddr::V6(_) => "IP6",
        };
        Self {
            address_type: address_type.to_owned(),
            address: address.to_string(),
        }
    }

    /// Returns the address if it is a literal; a multicast TTL is cut off.
    pub fn ip(&self) -> Option<IpAddr> {
        let literal = self.address.split('/').next()?;
        let address: IpAddr = literal.parse().ok()?;
        let declared = match self.address_type.as_str() {
            "IP4" => address.is_ipv4(),
            "IP6" => address.is_ipv6(),
            _ => false,
        };
        declared.then_some(address)
    }
}

impl Attribute {
    /// An attribute without a value.
    pub fn flag(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            value: None,
        }
    }

    /// An attribute with a value.
    pub fn new(name: &str, value: impl Into<String>) -> Self {
        Self {
            name: name.to_owned(),
            value: Some(value.into()),
        }
    }
}

impl Media {
    /// Iterates over the values of the attributes of this name.
    pub fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.attributes
            .iter()
            .filter(move |attribute| attribute.name == name)
            .filter_map(|attribute| attribute.value.as_deref())
    }

    /// Whether it carries sound.
    pub(super) fn is_audio(&self) -> bool {
        self.kind == "audio"
    }

    /// The line refused: it keeps its place, protocol and formats (RFC 3264 §6).
    pub(super) fn refused(&self) -> Self {
        Self {
            kind: self.kind.clone(),
            port: 0,
            ports: None,
            protocol: self.protocol.clone(),
            formats: self.formats.clone(),
            connection: None,
            attributes: Vec::new(),
        }
    }

    /// Whether an attribute of this name is present.
    pub fn has(&self, name: &str) -> bool {
        self.attributes
            .iter()
            .any(|attribute| attribute.name == name)
    }
}

impl Description {
    /// The direction of one media description, inherited from the session when the media is silent.
    pub fn direction(&self, media: &Media) -> Direction {
        let find = |attributes: &[Attribute]| {
            attributes
                .iter()
                .rev()
                .find_map(|attribute| Direction::from_name(&attribute.name))
        };
        find(&media.attributes)
            .or_else(|| find(&self.attributes))
            .unwrap_or(Direction::SendRecv)
    }

    /// Makes this description the successor of `previous` (RFC 3264 §8): same session identifier, and a version one
    /// higher if and only if anything else differs.
    pub fn revise(mut self, previous: &Self) -> Self {
        self.origin = previous.origin.clone();
        if self != *previous {
            self.origin.session_version = previous.origin.session_version.wrapping_add(1);
        }
        self
    }
}

impl fmt::Debug for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Description")
            .field("media", &self.media.len())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Origin").finish_non_exhaustive()
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").finish_non_exhaustive()
    }
}

impl fmt::Debug for Media {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Media")
            .field("formats", &self.formats.len())
            .field("attributes", &self.attributes.len())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attribute").finish_non_exhaustive()
    }
}
