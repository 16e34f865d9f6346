//! Where a session description says that media goes, and which of such addresses may be believed.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::{Connection, Description, Media, Refusal};

/// Which addresses with a special meaning a peer may name; all others it may.
pub(super) type Allowed<'a> = &'a dyn Fn(IpAddr) -> bool;

/// Where the peer wants RTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Named {
    /// There.
    At(SocketAddr),
    /// Nowhere, at this port: hold in the way of RFC 2543.
    Hold(u16),
    /// At an address that it alone can reach: its packets show from where it is reached.
    Hidden(SocketAddr),
}

/// Where the peer wants RTP. `hidden` says that it may name an address behind an address translator, which is taken for none.
pub(super) fn remote_rtp(
    peer: &Description,
    media: &Media,
    v4: bool,
    allowed: Allowed<'_>,
    hidden: bool,
) -> Result<Named, Refusal> {
    let connection = media.connection.as_ref().or(peer.connection.as_ref());
    let address = connection
        .and_then(Connection::ip)
        .ok_or(Refusal::UnusableAddress)?;
    if address.is_unspecified() {
        return Ok(Named::Hold(media.port));
    }
    if is_usable(address, v4, allowed) {
        return Ok(Named::At(SocketAddr::new(address, media.port)));
    }
    let translated = hidden && is_unicast(address) && is_private(address);
    match translated {
        true => Ok(Named::Hidden(SocketAddr::new(address, media.port))),
        false => Err(Refusal::UnusableAddress),
    }
}

/// Whether telephones behind an address translator have such an address: private (RFC 1918, RFC 4193), or shared between a carrier
/// and its customers (RFC 6598).
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            v4.is_private() || (a == 100 && b & 0xc0 == 64)
        }
        IpAddr::V6(v6) => v6.is_unique_local(),
    }
}

/// Where the peer wants RTCP: `a=rtcp` (RFC 3605) at a usable address, or the port after RTP's.
pub(super) fn remote_rtcp(media: &Media, rtp: SocketAddr, allowed: Allowed<'_>) -> SocketAddr {
    let next = SocketAddr::new(rtp.ip(), rtp.port().checked_add(1).unwrap_or(rtp.port()));
    let Some(value) = media.values("rtcp").next() else {
        return next;
    };
    let mut fields = value.split_ascii_whitespace();
    let Some(port) = fields
        .next()
        .and_then(|port| port.parse().ok())
        .filter(|port| *port != 0)
    else {
        return next;
    };
    let named = fields
        .nth(2)
        .and_then(|address| address.parse::<IpAddr>().ok());
    let usable = named.filter(|address| is_usable(*address, rtp.is_ipv4(), allowed));
    SocketAddr::new(usable.unwrap_or(rtp.ip()), port)
}

fn is_usable(address: IpAddr, v4: bool, allowed: Allowed<'_>) -> bool {
    is_unicast(address) && address.is_ipv4() == v4 && (!is_special(address) || allowed(address))
}

/// Whether exactly one host can be behind the address.
fn is_unicast(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => !v4.is_multicast() && v4 != Ipv4Addr::BROADCAST && v4.octets()[0] != 0,
        IpAddr::V6(v6) => !v6.is_multicast() && !v6.is_unspecified(),
    }
}

/// Whether the address means another host, or another network, to everybody who reads it (RFC 6890), or another address
/// in disguise: whoever names one may want us to send where they cannot send themselves.
fn is_special(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_special_v4(v4),
        IpAddr::V6(v6) => is_special_v6(v6),
    }
}

const fn is_special_v4(v4: Ipv4Addr) -> bool {
    let [a, b, c, _] = v4.octets();
    v4.is_private()
        || v4.is_loopback()
        || v4.is_link_local()
        // Shared between a carrier and its customers (RFC 6598), protocol assignments and 6to4 relays (RFC 6890), tests
        // of network equipment (RFC 2544), reserved.
        || (a == 100 && b & 0xc0 == 64)
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && b & 0xfe == 18)
        || a >= 240
}

fn is_special_v6(v6: Ipv6Addr) -> bool {
    let words = v6.segments();
    v6.is_loopback()
        || v6.is_unique_local()
        || v6.is_unicast_link_local()
        // Site-local (RFC 3879).
        || words[0] & 0xffc0 == 0xfec0
        // IPv4 in disguise: compatible, mapped, translated (RFC 6052, 8215), 6to4 (RFC 3056), Teredo (RFC 4380).
        || words[..5] == [0; 5]
        || words[..4] == [0, 0, 0, 0] && words[4] == 0xffff
        || words[..2] == [0x64, 0xff9b]
        || words[0] == 0x2002
        || words[..2] == [0x2001, 0]
}
