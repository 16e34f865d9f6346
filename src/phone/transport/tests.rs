//! Connections over TLS in simulated time: what their peers prove, and what becomes of those who say nothing.

use std::{net::Ipv4Addr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream},
    time::{Instant, timeout},
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::*;
use crate::{
    limit::{SIP_CONNECTION_SILENT_MAX, SIP_HANDSHAKE_MAX},
    tls::{
        Identity, sip_client_config,
        tests::{Office, client},
    },
};

/// Where our socket would be.
const US: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 5_061);

/// A trunk for which connections of ours are made.
const BEHALF: Behalf = Behalf {
    trunk: TrunkIndex::FIRST,
    listens: true,
};

/// A transport to which clients connect that have certificates of one office.
struct World {
    office: Office,
    us: Arc<Identity>,
    transport: Transport,
    wire: Wire,
    connections: u64,
}

impl World {
    fn new() -> Self {
        let office = Office::new();
        let us = office.issue(&["rundruf.example"]);
        let clients = vec![client("sbc.example", &office)];
        let server = SipServer::new(&us, clients).unwrap();
        let (transport, wire) = Transport::simulated(Some(server), US, (&[], &[]));
        Self {
            office,
            us,
            transport,
            wire,
            connections: 0,
        }
    }

    /// Lets somebody connect from an address of their own, and greets them.
    async fn connect(&mut self, demand: Demand) -> (Flow, DuplexStream) {
        self.connections += 1;
        let number = u32::try_from(self.connections).unwrap();
        let remote = SocketAddr::from((Ipv4Addr::from_bits(0x0a00_0000 + number), 5_061));
        let local = SocketAddr::from((Ipv4Addr::LOCALHOST, 5_061));
        let peer = self
            .wire
            .connect(Flow::new(Protocol::Tls, local, remote, self.connections));
        loop {
            // Those of before may be gone by now.
            if let Arrival::Opened(flow, stream) = self.transport.arrival().await {
                self.transport.greet(flow, stream, demand);
                return (flow, peer);
            }
        }
    }

    /// Lets time pass; returns what arrived until then.
    async fn pass(&mut self, time: Duration) -> Vec<Arrival> {
        let (end, mut arrived) = (Instant::now() + time, Vec::new());
        while let Some(left) = end.checked_duration_since(Instant::now()) {
            match timeout(left, self.transport.arrival()).await {
                Ok(arrival) => arrived.push(arrival),
                Err(_) => break,
            }
        }
        arrived
    }

    fn greeted(&self) -> usize {
        self.transport.connections.len()
    }
}

/// Shakes hands as a client with an identity does.
async fn shake(
    peer: DuplexStream,
    identity: &Arc<Identity>,
    office: &Office,
) -> io::Result<TlsStream<DuplexStream>> {
    let config = sip_client_config(identity, &office.authorities()).unwrap();
    let name = "rundruf.example".try_into().unwrap();
    TlsConnector::from(config).connect(name, peer).await
}

#[tokio::test(start_paused = true)]
async fn messages_pass_once_the_peer_has_proved_who_it_is() {
    let mut world = World::new();
    let sbc = world.office.issue(&["sbc.example"]);
    let (flow, peer) = world.connect(Demand::Must).await;
    let authorities = world.office.authorities();
    let peer = tokio::spawn(async move {
        let config = sip_client_config(&sbc, &authorities).unwrap();
        let name = "rundruf.example".try_into().unwrap();
        let mut peer = TlsConnector::from(config)
            .connect(name, peer)
            .await
            .unwrap();
        peer.write_all(b"question").await.unwrap();
        let mut answer = [0; 6];
        peer.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"answer");
    });
    assert!(world.transport.peer(&flow).clients().is_empty());
    let Arrival::Chunk(from, bytes) = world.transport.arrival().await else {
        panic!("something else arrived");
    };
    assert_eq!((from, bytes.as_slice()), (flow, b"question".as_slice()));
    assert_eq!(world.transport.peer(&flow).clients(), [0]);
    world.transport.send(flow, b"answer");
    peer.await.unwrap();
    assert!(matches!(world.transport.arrival().await, Arrival::Closed(of) if of == flow));
    assert!(world.transport.peer(&flow).clients().is_empty());
}

#[tokio::test(start_paused = true)]
async fn who_proves_nothing_is_let_in_only_where_that_will_do() {
    let mut world = World::new();
    let other = Office::new();
    let stranger = other.issue(&["sbc.example"]);
    for (demand, welcome) in [
        (Demand::Must, false),
        (Demand::Wish, true),
        (Demand::Nothing, true),
    ] {
        let (flow, peer) = world.connect(demand).await;
        let shaking = shake(peer, &stranger, &world.office);
        let (shaken, _) = tokio::join!(shaking, async {
            timeout(Duration::from_secs(1), world.transport.arrival()).await
        });
        // A client of TLS 1.3 believes it is through before its certificate is looked at.
        let mut peer = shaken.unwrap();
        let written = peer.write_all(b"hello").await.and(peer.flush().await);
        let mut octet = [0];
        let heard = timeout(Duration::from_secs(1), peer.read(&mut octet)).await;
        assert_eq!(
            matches!(heard, Ok(Err(_) | Ok(0))),
            !welcome,
            "{demand:?} {written:?}"
        );
        assert!(world.transport.peer(&flow).clients().is_empty());
        assert_eq!(world.transport.connections.contains_key(&flow.id), welcome);
    }
}

#[tokio::test(start_paused = true)]
async fn idle_handshakes_take_few_places_and_give_them_back() {
    let mut world = World::new();
    let mut idle = Vec::new();
    for _ in 0..5_000 {
        let (_, mut peer) = world.connect(Demand::Must).await;
        // Part of a handshake is none; who has been refused notices it.
        let _ = peer.write_all(&[22, 3, 1]).await;
        idle.push(peer);
    }
    assert_eq!(world.greeted(), SIP_HANDSHAKES_MAX);
    assert_eq!(world.transport.refused(), 5_000 - SIP_HANDSHAKES_MAX as u64);
    let arrived = world
        .pass(SIP_HANDSHAKE_MAX + Duration::from_millis(10))
        .await;
    assert!(arrived.is_empty(), "{arrived:?}");
    assert_eq!(world.greeted(), 0);
    for mut peer in idle {
        let mut heard = Vec::new();
        timeout(Duration::from_secs(1), peer.read_to_end(&mut heard))
            .await
            .unwrap()
            .unwrap();
    }
    let (flow, peer) = world.connect(Demand::Nothing).await;
    let us = Arc::clone(&world.us);
    let shaking = shake(peer, &us, &world.office);
    let (shaken, _) = tokio::join!(shaking, async {
        timeout(Duration::from_secs(1), world.transport.arrival()).await
    });
    shaken.unwrap();
    assert!(world.transport.connections.contains_key(&flow.id));
}

#[tokio::test(start_paused = true)]
async fn a_handshake_that_trickles_is_ended_in_time() {
    let mut world = World::new();
    let (_, mut peer) = world.connect(Demand::Nothing).await;
    let trickle = tokio::spawn(async move {
        let mut sent = 0;
        while peer.write_all(&[22]).await.is_ok() {
            sent += 1;
            tokio::time::sleep(Duration::from_secs(2)).await;
        }
        sent
    });
    let arrived = world.pass(SIP_CONNECTION_SILENT_MAX).await;
    assert!(arrived.is_empty(), "{arrived:?}");
    assert_eq!(world.greeted(), 0);
    assert!(trickle.await.unwrap() <= 6);
}

#[tokio::test(start_paused = true)]
async fn what_is_no_handshake_is_ended_at_once() {
    let mut world = World::new();
    let (_, mut peer) = world.connect(Demand::Nothing).await;
    peer.write_all(b"OPTIONS sip:h SIP/2.0\r\n\r\n")
        .await
        .unwrap();
    let arrived = world.pass(Duration::from_millis(10)).await;
    assert!(arrived.is_empty(), "{arrived:?}");
    assert_eq!(world.greeted(), 0);
}

#[tokio::test(start_paused = true)]
async fn who_shakes_hands_and_is_never_answered_is_ended_in_time() {
    let mut world = World::new();
    let (flow, peer) = world.connect(Demand::Nothing).await;
    let us = Arc::clone(&world.us);
    let office = &world.office;
    let transport = &mut world.transport;
    let (shaken, _) = tokio::join!(shake(peer, &us, office), async {
        timeout(Duration::from_secs(1), transport.arrival()).await
    });
    let _peer = shaken.unwrap();
    let arrived = world.pass(SIP_CONNECTION_SILENT_MAX).await;
    assert!(
        matches!(arrived.as_slice(), [Arrival::Closed(of)] if *of == flow),
        "{arrived:?}"
    );
}

#[tokio::test]
async fn listeners_of_one_port_number_their_connections_apart() {
    let any: SocketAddr = (Ipv4Addr::LOCALHOST, 0).into();
    let mut transport = Transport::bind(&[], &[any], &[], (None, Dscp::NONE))
        .await
        .unwrap();
    let first = transport.tcp_addresses()[0];
    let second = SocketAddr::from((Ipv4Addr::new(127, 0, 0, 2), first.port()));
    transport.listen(Protocol::Tls, second).await.unwrap();
    assert_eq!(transport.tls_addresses(), [second]);
    let mut numbers = Vec::new();
    for address in [first, second] {
        let _peer = tokio::net::TcpStream::connect(address).await.unwrap();
        let Arrival::Opened(flow, _) = transport.arrival().await else {
            panic!("something else arrived");
        };
        numbers.push((flow.protocol, flow.id));
    }
    assert_eq!(numbers[0].0, Protocol::Tcp);
    assert_eq!(numbers[1].0, Protocol::Tls);
    assert_ne!(numbers[0].1, numbers[1].1);
}

/// Fails where connections of ours are not read, or nobody learns that they did not come about.
#[tokio::test]
async fn connections_of_ours_come_about_or_say_why_not() {
    let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let server = TcpListener::bind(loopback).await.unwrap();
    let mut transport = Transport::bind(&[loopback], &[loopback], &[], (None, Dscp::SIGNALLING))
        .await
        .unwrap();
    let udp = socket2::SockRef::from(&*transport.udp[0].1);
    assert_eq!(udp.tos_v4().unwrap(), 24 << 2, "marked as signalling");
    let hop = |protocol, address| Hop {
        protocol,
        address,
        server_name: "tel.example".to_owned(),
    };
    let there = server.local_addr().unwrap();

    let begun = transport.connect(hop(Protocol::Tcp, there), BEHALF, None);
    let Arrival::Connected(flow) = transport.arrival().await else {
        panic!("it comes about");
    };
    assert_eq!(begun, Connecting::Begun(flow.id));
    let (mut peer, from) = server.accept().await.unwrap();
    assert_eq!((flow.local, flow.remote), (from, there));
    assert_eq!([flow.advertised], transport.tcp_addresses().as_slice());
    assert_eq!(transport.peer(&flow), Peer::Sought(BEHALF.trunk));
    transport.send(flow, b"hello");
    let mut heard = [0; 5];
    peer.read_exact(&mut heard).await.unwrap();
    peer.write_all(b"hi").await.unwrap();
    assert!(
        matches!(transport.arrival().await, Arrival::Chunk(of, bytes) if of == flow && bytes == b"hi")
    );
    drop(peer);
    assert!(matches!(transport.arrival().await, Arrival::Closed(of) if of == flow));
    assert_eq!(transport.peer(&flow), Peer::UNPROVED);

    // A registrar does not connect to us.
    let registered = Behalf {
        listens: false,
        ..BEHALF
    };
    transport.connect(hop(Protocol::Tcp, there), registered, None);
    let Arrival::Connected(flow) = transport.arrival().await else {
        panic!("it comes about");
    };
    assert_eq!(flow.advertised, flow.local);
    transport.close(flow);

    drop(server);
    let begun = transport.connect(hop(Protocol::Tcp, there), BEHALF, None);
    let Arrival::Failed(id, fault) = transport.arrival().await else {
        panic!("nobody is there");
    };
    assert_eq!((begun, fault), (Connecting::Begun(id), Fault::Unreachable));

    let ours = transport.udp_addresses()[0];
    let flow = Flow::new(Protocol::Udp, ours, there, 0);
    let done = transport.connect(hop(Protocol::Udp, there), BEHALF, None);
    assert_eq!(done, Connecting::Done(flow));
    let untrusted = transport.connect(hop(Protocol::Tls, there), BEHALF, None);
    assert_eq!(untrusted, Connecting::Failed(Fault::Untrusted));
}

#[test]
fn a_peer_is_told_of_a_socket_that_it_reaches() {
    let (mut transport, _wire) = Transport::simulated(None, US, (&[], &[]));
    for (bound, ours, expected) in [
        (&["0.0.0.0:5060"][..], "192.0.2.1", Some("192.0.2.1:5060")),
        (&["[::]:5060"], "192.0.2.1", Some("192.0.2.1:5060")),
        (&["[::]:5060"], "2001:db8::1", Some("[2001:db8::1]:5060")),
        (
            &["192.0.2.9:5062", "192.0.2.1:5060"],
            "192.0.2.1",
            Some("192.0.2.1:5060"),
        ),
        (&["192.0.2.9:5062"], "192.0.2.1", Some("192.0.2.9:5062")),
        (&["127.0.0.1:5060"], "192.0.2.1", None),
        (&["192.0.2.9:5062"], "2001:db8::1", None),
        (&[], "192.0.2.1", None),
    ] {
        transport.tcp = bound.iter().map(|of| of.parse().unwrap()).collect();
        let ours = ours.parse().unwrap();
        let found = transport.listening(Protocol::Tcp, ours);
        assert_eq!(found, expected.map(|of| of.parse().unwrap()), "{bound:?}");
        assert_eq!(transport.listening(Protocol::Tls, ours), None);
    }
}

/// Fails where strangers' connections could keep ours from coming about.
#[tokio::test(start_paused = true)]
async fn connections_of_ours_are_not_counted_among_those_of_others() {
    let mut world = World::new();
    for id in 1..=SIP_CONNECTIONS_MAX as u64 {
        let number = u32::try_from(id).unwrap();
        let remote = SocketAddr::from((Ipv4Addr::from_bits(0x0a00_0000 + number), 5_060));
        let (ours, _) = tokio::io::duplex(1);
        let flow = Flow::new(Protocol::Tcp, US, remote, id);
        world.transport.admit(flow, Stream::new(ours));
    }
    let hop = Hop {
        protocol: Protocol::Tcp,
        address: SocketAddr::from((Ipv4Addr::new(198, 51, 100, 1), 5_060)),
        server_name: "tel.example".to_owned(),
    };
    assert_eq!(world.greeted(), SIP_CONNECTIONS_MAX);
    let Connecting::Begun(_) = world.transport.connect(hop.clone(), BEHALF, None) else {
        panic!("it is begun");
    };
    assert_eq!(world.greeted(), SIP_CONNECTIONS_MAX + 1);
    let (reached, _peer) = world.wire.connected().unwrap();
    assert_eq!(reached, hop);
}
