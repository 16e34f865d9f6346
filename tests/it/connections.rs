//! Calls over connections: by certificate over TLS, and what is left when connections are lost.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use rundruf::{
    phone::{DoorConfig, Trunk},
    tls::{Authorities, ClientAuthority, Identity, SipServer, sip_client_config},
};
use sip::{Flow, Protocol};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt, DuplexStream, WriteHalf},
    task::JoinSet,
};
use tokio_rustls::TlsConnector;

use crate::{
    registered::Connection,
    sim::{
        identity::identity,
        now,
        world::{SERVER, World, door_config, everybody},
    },
};

const SECOND: Duration = Duration::from_secs(1);

fn flow(protocol: Protocol, remote: &str, id: u64) -> Flow {
    let remote: SocketAddr = remote.parse().unwrap();
    Flow::new(protocol, SERVER, remote, id)
}

fn invite(flow: &Flow, number: usize) -> Vec<u8> {
    let (via, host) = (flow.protocol.via(), flow.remote);
    let sdp = format!(
        "v=0\r\no=- 1 1 IN IP4 {0}\r\ns=-\r\nc=IN IP4 {0}\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n",
        host.ip()
    );
    format!(
        "INVITE sip:bridge@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/{via} {host};branch=z9hG4bK{number}\r\n\
         From: <sip:a@{host}>;tag=t\r\nTo: <sip:bridge@192.0.2.1>\r\nCall-ID: c{number}@{host}\r\n\
         CSeq: 1 INVITE\r\nContact: <sip:a@{host}>\r\nMax-Forwards: 70\r\nContent-Type: application/sdp\r\n\
         Content-Length: {}\r\n\r\n{sdp}",
        sdp.len()
    )
    .into_bytes()
}

/// What somebody has heard so far.
#[derive(Clone, Default)]
struct Ear(Arc<Mutex<Vec<u8>>>);

impl Ear {
    /// Listens in the background for as long as the stream and the tasks last.
    fn on(mut stream: impl AsyncRead + Unpin + Send + 'static, tasks: &mut JoinSet<()>) -> Self {
        let ear = Self::default();
        let heard = Arc::clone(&ear.0);
        tasks.spawn(async move {
            let mut buffer = [0; 4_096];
            while let Ok(length @ 1..) = stream.read(&mut buffer).await {
                heard.lock().unwrap().extend_from_slice(&buffer[..length]);
            }
        });
        ear
    }

    /// Whether something was said.
    fn says(&self, what: &str) -> bool {
        String::from_utf8_lossy(&self.0.lock().unwrap()).contains(what)
    }

    /// How often a status was answered.
    fn heard(&self, status: u16) -> usize {
        let text = String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned();
        text.matches(&format!("SIP/2.0 {status} ")).count()
    }
}

/// A door that may be called by the certificate of `sbc.example` and in no other way.
fn by_certificate(us: &Arc<Identity>, authorities: Authorities) -> DoorConfig {
    let name = "sbc.example".try_into().unwrap();
    let clients = vec![ClientAuthority { name, authorities }];
    let trunk = Trunk {
        peers: Vec::new(),
        client: Some(0),
        ..everybody()
    };
    DoorConfig {
        server: Some(SipServer::new(us, clients).unwrap()),
        ..door_config(vec![trunk])
    }
}

/// Connects over TLS as somebody, calls, and returns what is heard, with what ends the connection when dropped.
async fn call_over_tls(
    world: &mut World,
    somebody: &Arc<Identity>,
    authorities: &Authorities,
    flow: Flow,
) -> (Ear, impl Sized + use<>) {
    let config = sip_client_config(somebody, authorities).unwrap();
    let name = "rundruf.example".try_into().unwrap();
    let shaking = tokio::spawn(TlsConnector::from(config).connect(name, world.connect(flow)));
    world.run_for(SECOND / 10).await;
    let (read, mut write) = tokio::io::split(shaking.await.unwrap().unwrap());
    let mut tasks = JoinSet::new();
    let ear = Ear::on(read, &mut tasks);
    // In TLS 1.3 who is refused learns it only now.
    let _ = write.write_all(&invite(&flow, 1)).await;
    let _ = write.flush().await;
    world.run_for(SECOND).await;
    (ear, (write, tasks))
}

#[tokio::test(start_paused = true)]
async fn a_peer_calls_in_by_its_certificate_and_nobody_else_does() {
    let folder = tempfile::tempdir().unwrap();
    let (us, ours) = identity(folder.path(), "rundruf.example");
    let (sbc, authorities) = identity(folder.path(), "sbc.example");
    let (other, _) = identity(folder.path(), "other.example");
    let mut world = World::with_door(1, by_certificate(&us, authorities));

    let flow = |id| flow(Protocol::Tls, "203.0.113.7:40000", id);
    let (heard, connection) = call_over_tls(&mut world, &sbc, &ours, flow(1)).await;
    assert!(heard.heard(200) > 0, "it calls in by its certificate");
    let (heard, _) = call_over_tls(&mut world, &other, &ours, flow(2)).await;
    assert_eq!(heard.heard(100), 0, "another certificate is none");

    let mut peer = world.connect(Flow {
        protocol: Protocol::Tcp,
        ..flow(3)
    });
    world.run_for(SECOND / 10).await;
    let mut heard = Vec::new();
    peer.read_to_end(&mut heard).await.unwrap();
    assert!(heard.is_empty(), "a stranger was answered");
    assert_eq!(world.counts.borrow().strangers, 1);
    drop(connection);
}

#[tokio::test(start_paused = true)]
async fn a_strangers_handshake_is_not_even_begun() {
    let folder = tempfile::tempdir().unwrap();
    let (us, _) = identity(folder.path(), "rundruf.example");
    let trunk = Trunk {
        peers: vec!["198.51.100.0/24".parse().unwrap()],
        ..everybody()
    };
    let door = DoorConfig {
        server: Some(SipServer::new(&us, Vec::new()).unwrap()),
        ..door_config(vec![trunk])
    };
    let mut world = World::with_door(1, door);
    let mut peer = world.connect(flow(Protocol::Tls, "203.0.113.7:40000", 1));
    world.run_for(SECOND / 10).await;
    let mut heard = Vec::new();
    peer.read_to_end(&mut heard).await.unwrap();
    assert!(heard.is_empty());
    assert_eq!(world.counts.borrow().strangers, 1);
}

/// A call over TCP from a trunk of one network, whose phone can be found at `contact` and has closed its connection.
async fn cut_off(contact: &str) -> World {
    let (mut world, connection) = calling(contact).await;
    drop(connection);
    world.run_for(SECOND).await;
    assert_eq!(world.counts.borrow().trunks[0].calls, 1, "the call goes on");
    world
}

/// The same call while its connection is there: its end, and what keeps it.
async fn calling(contact: &str) -> (World, (WriteHalf<DuplexStream>, JoinSet<()>, Ear)) {
    let trunk = Trunk {
        peers: vec!["198.51.100.0/24".parse().unwrap()],
        ..everybody()
    };
    let mut world = World::with_door(1, door_config(vec![trunk]));
    let flow = flow(Protocol::Tcp, "198.51.100.9:40001", 7);
    let (read, mut write) = tokio::io::split(world.connect(flow));
    let mut tasks = JoinSet::new();
    let ear = Ear::on(read, &mut tasks);
    let invite = String::from_utf8(invite(&flow, 1)).unwrap();
    let own = format!("Contact: <sip:a@{}>", flow.remote);
    let invite = invite.replace(&own, &format!("Contact: <sip:a@{contact};transport=tcp>"));
    write.write_all(invite.as_bytes()).await.unwrap();
    world.run_for(SECOND).await;
    assert!(ear.heard(200) > 0);
    let heard = String::from_utf8_lossy(&ear.0.lock().unwrap()).into_owned();
    let to = heard.lines().rfind(|line| line.starts_with("To:")).unwrap();
    let ack = format!(
        "ACK sip:bridge@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/TCP {0};branch=z9hG4bKack\r\nFrom: <sip:a@{0}>;tag=t\r\n{to}\r\n\
         Call-ID: c1@{0}\r\nCSeq: 1 ACK\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
        flow.remote
    );
    write.write_all(ack.as_bytes()).await.unwrap();
    world.run_for(SECOND).await;
    (world, (write, tasks, ear))
}

#[tokio::test(start_paused = true)]
async fn a_phone_that_closed_its_idle_connection_is_told_of_the_end_over_another() {
    let mut world = cut_off("198.51.100.9:5060").await;
    world.stop().await;
    // The goodbye is said first.
    world.run_for(10 * SECOND).await;
    let (hop, stream) = world.connected().expect("a connection is made");
    assert_eq!(
        (hop.protocol, hop.address.to_string()),
        (Protocol::Tcp, "198.51.100.9:5060".to_owned())
    );
    let mut connection = Connection::plain(stream);
    world.run_for(SECOND).await;
    let heard = connection.hears_all();
    assert!(
        heard.starts_with("BYE sip:a@198.51.100.9:5060;transport=tcp SIP/2.0\r\n"),
        "{heard}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_phone_that_sends_nothing_and_has_closed_its_connection_is_asked_over_another() {
    let mut world = cut_off("198.51.100.9:5060").await;
    world.run_for(30 * SECOND).await;
    let (_, stream) = world.connected().expect("a connection is made");
    let mut connection = Connection::plain(stream);
    world.run_for(SECOND).await;
    let heard = connection.hears_all();
    assert!(
        heard.starts_with("OPTIONS sip:a@198.51.100.9:5060"),
        "{heard}"
    );
}

/// A connection that we close since nothing can be read from it any more is gone as one is that the peer closes: what was asked
/// over it is asked again over another.
#[tokio::test(start_paused = true)]
async fn what_was_asked_over_a_connection_that_we_close_is_asked_again() {
    let (mut world, (mut write, _tasks, ear)) = calling("198.51.100.9:5060").await;
    // It sends nothing, and is asked whether it is there.
    world.run_for(16 * SECOND).await;
    assert!(ear.says("OPTIONS sip:a@"));
    assert!(world.connected().is_none());
    let unframed = b"INVITE sip:x SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bKa\r\n\r\n";
    write.write_all(unframed).await.unwrap();
    world.run_for(SECOND).await;
    let (_, stream) = world.connected().expect("a connection is made at once");
    let mut connection = Connection::plain(stream);
    world.run_for(SECOND).await;
    let heard = connection.hears_all();
    assert!(heard.starts_with("OPTIONS "), "{heard}");
}

/// Two telephones behind one address: that of the other, which is open, is nobody's way to the first.
#[tokio::test(start_paused = true)]
async fn a_neighbour_of_the_same_address_hears_nothing_of_a_call_whose_connection_is_gone() {
    let mut world = cut_off("198.51.100.9:5060").await;
    let neighbour = flow(Protocol::Tcp, "198.51.100.9:40002", 8);
    let (read, write) = tokio::io::split(world.connect(neighbour));
    let mut tasks = JoinSet::new();
    let ear = Ear::on(read, &mut tasks);
    world.run_for(30 * SECOND).await;
    let (hop, stream) = world.connected().expect("a connection is made");
    assert_eq!(hop.address.to_string(), "198.51.100.9:5060");
    let mut connection = Connection::plain(stream);
    world.run_for(SECOND).await;
    assert!(connection.hears_all().starts_with("OPTIONS "));
    assert!(ear.0.lock().unwrap().is_empty());
    drop(write);
}

/// Whom a peer names does not hear of us, and a phone that cannot be reached and sends nothing is given up.
#[tokio::test(start_paused = true)]
async fn no_connection_is_made_to_a_stranger_for_a_phone_that_closed_its_own() {
    let mut world = cut_off("203.0.113.5:5060").await;
    world.run_for(90 * SECOND).await;
    while let Some((hop, _)) = world.connected() {
        assert_eq!(hop.address.ip().to_string(), "198.51.100.9");
    }
    assert_eq!(world.counts.borrow().trunks[0].calls, 0);
    assert_eq!(world.legs(), [0, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_thousand_connections_lost_in_mid_call_leave_nothing() {
    const BATCH: u32 = 100;
    let mut world = World::new(1);
    for batch in 0..10 {
        let mut peers = Vec::new();
        for number in 0..BATCH {
            let remote = format!("198.51.100.{}:{}", 100 + number % 10, 40_000 + number);
            let flow = flow(
                Protocol::Tcp,
                &remote,
                u64::from(1 + batch * BATCH + number),
            );
            let mut peer = world.connect(flow);
            for call in 0..10 {
                peer.write_all(&invite(&flow, call)).await.unwrap();
            }
            peers.push(peer);
        }
        // Lost before anything was read, while calls ring, and while 200s wait for their ACKs.
        world.run_for(SECOND * batch / 8).await;
    }
    world.run_for(2 * SECOND).await;
    assert_eq!(world.legs(), [0, 0]);
    let counts = world.counts.borrow().clone();
    assert_eq!(counts.trunks[0].calls, 0);
    assert!(counts.trunks[0].taken > 500, "{counts:?}");
    assert!(counts.sip.requests > 9_000, "{counts:?}");

    let alice = world.phone("alice");
    alice.dials("bridge");
    world.run_until(|_| alice.is_up()).await;
}

/// R25: five thousand connections, half of them over TLS, each with an octet every nine seconds.
#[tokio::test(start_paused = true)]
async fn idle_connections_keep_nobody_out_and_are_ended_in_time() {
    let folder = tempfile::tempdir().unwrap();
    let (us, ours) = identity(folder.path(), "rundruf.example");
    let (caller, _) = identity(folder.path(), "caller.example");
    let door = DoorConfig {
        server: Some(SipServer::new(&us, Vec::new()).unwrap()),
        ..door_config(vec![everybody()])
    };
    let mut world = World::with_door(1, door);
    let mut peers = Vec::new();
    for number in 0..5_000_u32 {
        let remote = format!("198.51.100.{}:{}", 100 + number % 2, 20_000 + number);
        let protocol = match number / 2 % 2 {
            0 => Protocol::Tcp,
            _ => Protocol::Tls,
        };
        peers.push(world.connect(flow(protocol, &remote, u64::from(1 + number))));
        if number % 250 == 0 {
            world.run_for(SECOND / 100).await;
        }
    }
    // Others call at once, and when all have said something now and then.
    let served = flow(Protocol::Tls, "198.51.100.8:5060", 6_000);
    let (heard, call) = call_over_tls(&mut world, &caller, &ours, served).await;
    assert!(heard.heard(200) > 0, "others are served over TLS");
    drop(call);
    for octet in b"INV" {
        for peer in &mut peers {
            let _ = peer.write_all(&[*octet]).await;
        }
        world.run_for(9 * SECOND).await;
    }
    let served = flow(Protocol::Tcp, "198.51.100.9:5060", 7_000);
    let mut peer = world.connect(served);
    peer.write_all(&invite(&served, 1)).await.unwrap();
    let (read, _write) = tokio::io::split(peer);
    let mut tasks = JoinSet::new();
    let ear = Ear::on(read, &mut tasks);
    world.run_for(SECOND).await;
    assert!(ear.heard(200) > 0, "others are served");
    world.run_for(2 * SECOND).await;
    let mut buffer = [0; 16];
    let due = now();
    for mut peer in peers {
        // Over TLS an alert comes first.
        while peer.read(&mut buffer).await.is_ok_and(|read| read > 0) {}
    }
    assert_eq!(now(), due, "all of them were closed already");
}
