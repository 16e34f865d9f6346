//! Which of our addresses a peer is reached from: the system's routing table, asked without sending anything.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use sip::{Flow, Protocol, sdp::Description};

/// Returns the source address of packets to `remote`; none without a route.
pub(super) fn source_towards(remote: IpAddr) -> Option<IpAddr> {
    let any = match remote {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    let socket = UdpSocket::bind(SocketAddr::new(any, 0)).ok()?;
    // Connecting a datagram socket only looks up the route.
    socket.connect(SocketAddr::new(remote, DISCARD_PORT)).ok()?;
    socket.local_addr().ok().map(|local| local.ip())
}

/// Returns the address by which a trunk knows a caller: where a request came from.
///
/// A program on this machine may speak to our loopback address from that of its network card; it is as local as if it
/// spoke from loopback.
pub(super) fn caller_address(flow: &Flow) -> IpAddr {
    let (local, remote) = (flow.local.ip(), flow.remote.ip());
    let here = local.is_loopback() && source_towards(remote) == Some(remote);
    if here { local } else { remote }
}

/// Tells whether nobody on the way can read what a flow carries, such as the keys of a session description: it is
/// encrypted, or it does not leave this machine.
pub(super) fn is_confidential(flow: &Flow) -> bool {
    caller_address(flow).is_loopback() || !matches!(flow.protocol, Protocol::Udp | Protocol::Tcp)
}

/// Chooses where a call's media is received: at the address from which the offered one is reached, if it is among those
/// the operator allows, else where the call itself came in.
///
/// A softphone on this machine may name the address of its network card in its offer and then sends from there only if
/// we are there too.
pub(super) fn media_address(
    offer: Option<&Description>,
    allowed: &[IpAddr],
    signalling: IpAddr,
) -> IpAddr {
    let offered = offer.and_then(|offer| {
        let audio = offer.media.iter().find(|media| media.kind == "audio");
        audio
            .and_then(|audio| audio.connection.as_ref())
            .or(offer.connection.as_ref())?
            .ip()
    });
    offered
        .filter(|address| !address.is_unspecified())
        .and_then(source_towards)
        .filter(|address| allowed.contains(address))
        .unwrap_or(signalling)
}

/// Any port will do; this one is meant for nothing (RFC 863).
const DISCARD_PORT: u16 = 9;

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    fn offer(address: &str) -> Description {
        let text = format!(
            "v=0\r\no=- 1 1 IN IP4 {address}\r\ns=-\r\nc=IN IP4 {address}\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n"
        );
        Description::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn only_this_machine_is_known_by_the_loopback_address() {
        let flow = |local: [u8; 4], remote: [u8; 4]| {
            Flow::new(
                Protocol::Udp,
                SocketAddr::from((local, 5060)),
                SocketAddr::from((remote, 5060)),
                0,
            )
        };
        let address = |bytes: [u8; 4]| IpAddr::from(bytes);
        assert_eq!(caller_address(&flow([127, 0, 0, 1], [127, 0, 0, 1])), HERE);
        // A documentation address is nobody's, so it is not ours.
        let stranger = flow([127, 0, 0, 1], [203, 0, 113, 9]);
        assert_eq!(caller_address(&stranger), address([203, 0, 113, 9]));
        let outside = flow([10, 0, 0, 1], [127, 0, 0, 7]);
        assert_eq!(caller_address(&outside), address([127, 0, 0, 7]));
    }

    #[test]
    fn media_is_received_where_the_offered_address_is_reached_from() {
        let other = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
        assert_eq!(
            media_address(Some(&offer("127.0.0.1")), &[HERE], other),
            HERE
        );
        // Not among the allowed addresses, on hold, or without an offer: where the call came in.
        assert_eq!(media_address(Some(&offer("127.0.0.1")), &[], other), other);
        assert_eq!(
            media_address(Some(&offer("0.0.0.0")), &[HERE], other),
            other
        );
        assert_eq!(media_address(None, &[HERE], other), other);
    }
}
