//! Connections over loopback, with a socket in place of a worker.

use std::net::Ipv4Addr;

use rtc_dtls::crypto_provider::default_provider;
use rtc_stun::{
    attributes::{ATTR_ICE_CONTROLLING, ATTR_PRIORITY, ATTR_USERNAME},
    fingerprint::FINGERPRINT,
    integrity::MessageIntegrity,
    message::{BINDING_REQUEST, Message, Setter, TransactionId},
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::{
    limit::{ICE_TCP_FRAME_BYTES_MAX, ICE_TCP_KNOWN_PER_LEG_MAX, ICE_TCP_STRANGERS_PER_SOURCE_MAX},
    pii::{Pii, Secret},
};

const MEDIA: &[u8] = &[0x80, 111, 0, 1, 2, 3];

#[tokio::test]
async fn a_browser_is_carried_to_its_leg_and_back() {
    let world = World::start();
    let anna = world.leg("anna");
    let mut page = world.connect().await;
    let check = binding(&anna.media, b"the password that both know");
    // However the stream is cut.
    for octet in framed(&check).iter().chain(&framed(MEDIA)) {
        page.write_all(&[*octet]).await.unwrap();
    }
    let (first, from) = anna.take().await;
    assert_eq!(first, check);
    assert!(from.ip().is_loopback());
    assert_eq!(anna.take().await, (MEDIA.to_vec(), from));
    for packet in [&b"an answer"[..], &[0xa5; 1_200]] {
        anna.worker.send_to(packet, from).await.unwrap();
        assert_eq!(take_frame(&mut page).await, packet);
    }
    page.write_all(&[framed(&check), framed(MEDIA), framed(&[])].concat())
        .await
        .unwrap();
    assert_eq!(anna.take().await, (check, from));
    assert_eq!(anna.take().await.0, MEDIA);
    assert_eq!(world.ways.connections(), [0, 1]);
    drop(page);
    world.until(|ways| ways.connections() == [0, 0]).await;
    assert_eq!(world.count(Outcome::Left), 1);
}

#[tokio::test]
async fn who_proves_nothing_is_closed_without_an_answer_and_reaches_nobody() {
    let world = World::start();
    let anna = world.leg("anna");
    let right = binding(&anna.media, b"the password that both know");
    let mut late = right.clone();
    late[42] ^= 1;
    let other = BrowserMedia {
        local_ufrag: String::from("bert"),
        ..anna.media.clone()
    };
    for first in [
        framed(&binding(&anna.media, b"another")),
        framed(&binding(&other, b"the password that both know")),
        framed(&late),
        framed(MEDIA),
        framed(&[]),
        framed(&[0; ICE_TCP_FRAME_BYTES_MAX]),
        b"GET / HTTP/1.1\r\nhost: conf.example.de\r\n\r\n".to_vec(),
        vec![0x16, 0x03, 0x01, 0x02, 0x00, 0x01],
    ] {
        let mut page = world.connect().await;
        page.write_all(&first).await.unwrap();
        // What comes behind it is not looked at either.
        let _ = page.write_all(&framed(&right)).await;
        assert_eq!(rest_of(page).await, [0; 0]);
    }
    world.until(|ways| ways.connections() == [0, 0]).await;
    let counts = [
        Outcome::Unauthenticated,
        Outcome::Malformed,
        Outcome::Proved,
    ];
    assert_eq!(counts.map(|outcome| world.count(outcome)), [6, 2, 0]);
    assert!(anna.worker.try_recv(&mut [0; 9]).is_err(), "it was reached");
}

#[tokio::test]
async fn a_thousand_connections_that_send_nothing_or_garbage_disturb_nobody() {
    let world = World::start();
    let anna = world.leg("anna");
    let (mut page, from) = world.carried(&anna).await;
    let mut idle = Vec::new();
    for n in 0..1_000_u32 {
        let mut stream = world.connect().await;
        if n % 2 == 1 {
            let _ = stream.write_all(&n.to_be_bytes().repeat(10)).await;
        }
        idle.push(stream);
        if n % 100 == 0 {
            page.write_all(&framed(MEDIA)).await.unwrap();
            assert_eq!(anna.take().await, (MEDIA.to_vec(), from));
        }
    }
    let most = ICE_TCP_STRANGERS_PER_SOURCE_MAX;
    world
        .until(|ways| ways.connections()[0] <= most && ways.connections()[1] == 1)
        .await;
    // Who comes now is known a moment later, though all of them share an address.
    let (_other, _) = world.carried(&anna).await;
    assert!(world.count(Outcome::Displaced) > 0);
}

#[tokio::test(start_paused = true)]
async fn who_says_nothing_or_half_a_word_is_closed_in_time() {
    let world = World::start();
    let silent = world.connect().await;
    let mut half = world.connect().await;
    half.write_all(&[0, 100, 0, 1, 0]).await.unwrap();
    for stream in [silent, half] {
        let closed = timeout(2 * ICE_TCP_PROVED_WITHIN, rest_of(stream)).await;
        assert_eq!(closed.unwrap(), [0; 0]);
    }
    world.until(|ways| ways.connections() == [0, 0]).await;
    assert_eq!(world.count(Outcome::Silent), 2);
}

#[tokio::test]
async fn a_connection_leads_to_its_own_leg_alone_and_ends_with_it() {
    let world = World::start();
    let (anna, bert) = (world.leg("anna"), world.leg("bert"));
    let (mut page, _) = world.carried(&anna).await;
    let foreign = binding(&bert.media, b"the password that both know");
    page.write_all(&framed(&foreign)).await.unwrap();
    assert_eq!(rest_of(page).await, [0; 0]);
    assert_eq!(world.count(Outcome::Astray), 1);
    assert!(anna.worker.try_recv(&mut [0; 9]).is_err());

    let (page, _) = world.carried(&anna).await;
    let media = anna.media.clone();
    drop(anna);
    assert_eq!(rest_of(page).await, [0; 0]);
    assert_eq!(world.count(Outcome::Over), 1);
    let mut again = world.connect().await;
    let check = binding(&media, b"the password that both know");
    again.write_all(&framed(&check)).await.unwrap();
    assert_eq!(rest_of(again).await, [0; 0]);
    assert_eq!(world.count(Outcome::Unauthenticated), 1);
}

#[tokio::test]
async fn a_leg_has_a_few_connections() {
    let world = World::start();
    let anna = world.leg("anna");
    let mut pages = Vec::new();
    for _ in 0..ICE_TCP_KNOWN_PER_LEG_MAX {
        pages.push(world.carried(&anna).await);
    }
    let mut further = world.connect().await;
    let check = binding(&anna.media, b"the password that both know");
    further.write_all(&framed(&check)).await.unwrap();
    assert_eq!(rest_of(further).await, [0; 0]);
    assert_eq!(world.count(Outcome::Full), 1);
}

#[tokio::test]
async fn who_does_not_read_loses_packets_and_keeps_nobody_waiting() {
    let world = World::start();
    let (anna, bert) = (world.leg("anna"), world.leg("bert"));
    let (mut deaf, to_deaf) = world.carried(&anna).await;
    let (mut page, to_page) = world.carried(&bert).await;
    let sent = 4_000_u32;
    for n in 0..sent {
        let mut packet = [0x80; 400];
        packet[4..8].copy_from_slice(&n.to_be_bytes());
        anna.worker.send_to(&packet, to_deaf).await.unwrap();
        if n % 100 == 0 {
            bert.worker.send_to(MEDIA, to_page).await.unwrap();
            assert_eq!(take_frame(&mut page).await, MEDIA);
        }
    }
    let lost = || world.count(Outcome::Dropped);
    world.until(|_| lost() > u64::from(sent) / 4).await;
    // What it reads in the end is whole packets in order, the latest among them.
    let mut latest = None;
    while latest != Some(sent - 1) {
        let packet = take_frame(&mut deaf).await;
        assert_eq!(packet.len(), 400);
        let number = u32::from_be_bytes(packet[4..8].try_into().unwrap());
        assert!(latest < Some(number));
        latest = Some(number);
    }
}

#[test]
fn browsers_are_told_addresses_that_they_can_reach() {
    let media: Vec<IpAddr> = ["192.0.2.1", "2001:db8::1"]
        .map(|it| it.parse().unwrap())
        .into();
    for (bound, told) in [
        ("192.0.2.9:443", &["192.0.2.9:443"][..]),
        ("0.0.0.0:443", &["192.0.2.1:443"]),
        ("[::]:443", &["192.0.2.1:443", "[2001:db8::1]:443"]),
    ] {
        let reached = reached_at(bound.parse().unwrap(), &media);
        let reached: Vec<_> = reached.iter().map(SocketAddr::to_string).collect();
        assert_eq!(reached, told);
    }
}

#[tokio::test]
async fn a_taken_port_is_named() {
    let world = World::start();
    let taken = world.ways.candidates()[0];
    let context = SecureContext::new().unwrap();
    let refused = Tcp::bind(&[taken], &[], Dscp::NONE, context).unwrap_err();
    assert_eq!(refused.address, taken);
}

struct World {
    ways: Ways,
    stop: CancellationToken,
}

/// A leg, the socket in place of its worker, and the way there.
struct Leg {
    media: BrowserMedia,
    worker: UdpSocket,
    _way: Way,
}

impl World {
    fn start() -> Self {
        let context = SecureContext::new().unwrap();
        let any = (Ipv4Addr::LOCALHOST, 0).into();
        let tcp = Tcp::bind(&[any], &[], Dscp::AUDIO, context).unwrap();
        let (ways, stop) = (tcp.ways(), CancellationToken::new());
        tokio::spawn(tcp.run(stop.clone()));
        Self { ways, stop }
    }

    fn leg(&self, ufrag: &str) -> Leg {
        let worker = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        worker.set_nonblocking(true).unwrap();
        let worker = UdpSocket::from_std(worker).unwrap();
        let media = BrowserMedia {
            local_ufrag: ufrag.to_owned(),
            local_password: Arc::new(Secret::new(b"the password that both know".to_vec())),
            remote_ufrag: Pii::new(String::from("page")),
            fingerprints: Vec::new(),
            payload_type: 111,
            redundant: None,
            audio_level: None,
            ssrc: 1,
            legacy_srtp: false,
        };
        let _way = self.ways.open(&media, &[worker.local_addr().unwrap()]);
        Leg {
            media,
            worker,
            _way,
        }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.ways.candidates()[0]).await.unwrap()
    }

    /// A connection that has proved whose browser it is, and what the worker sees as its address.
    async fn carried(&self, leg: &Leg) -> (TcpStream, SocketAddr) {
        let mut page = self.connect().await;
        let check = binding(&leg.media, b"the password that both know");
        page.write_all(&framed(&check)).await.unwrap();
        let (first, from) = leg.take().await;
        assert_eq!(first, check);
        (page, from)
    }

    fn count(&self, outcome: Outcome) -> u64 {
        self.ways.0.count_of(outcome)
    }

    async fn until(&self, is_so: impl Fn(&Ways) -> bool) {
        let mut step = interval(Duration::from_millis(5));
        for _ in 0..2_000 {
            if is_so(&self.ways) {
                return;
            }
            step.tick().await;
        }
        panic!("in vain: {:?}", self.ways.happened().collect::<Vec<_>>());
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Leg {
    /// What comes to the worker next, and from where.
    async fn take(&self) -> (Vec<u8>, SocketAddr) {
        let mut packet = vec![0; DATAGRAM_MAX];
        let received = timeout(Duration::from_secs(10), self.worker.recv_from(&mut packet));
        let (count, from) = received.await.unwrap().unwrap();
        packet.truncate(count);
        (packet, from)
    }
}

async fn take_frame(stream: &mut TcpStream) -> Vec<u8> {
    let frame = async {
        let length = stream.read_u16().await.unwrap();
        let mut packet = vec![0; length.into()];
        stream.read_exact(&mut packet).await.unwrap();
        packet
    };
    timeout(Duration::from_secs(10), frame).await.unwrap()
}

/// All that comes until the other side has closed.
async fn rest_of(mut stream: TcpStream) -> Vec<u8> {
    let mut rest = Vec::new();
    // Whoever is sending meanwhile may meet a reset.
    let _ = stream.read_to_end(&mut rest).await;
    rest
}

fn framed(packet: &[u8]) -> Vec<u8> {
    let mut frame = u16::try_from(packet.len()).unwrap().to_be_bytes().to_vec();
    frame.extend_from_slice(packet);
    frame
}

/// A check of a leg's browser, signed with a password.
fn binding(media: &BrowserMedia, password: &[u8]) -> Vec<u8> {
    let provider = default_provider().unwrap();
    let username = format!("{}:{}", media.local_ufrag, media.remote_ufrag.expose());
    let mut request = Message::new();
    request.typ = BINDING_REQUEST;
    request.transaction_id = TransactionId::new();
    request.write_header();
    request.add(ATTR_USERNAME, username.as_bytes());
    request.add(ATTR_ICE_CONTROLLING, &[1; 8]);
    request.add(ATTR_PRIORITY, &[1; 4]);
    MessageIntegrity::new_raw_integrity_with_provider(password, provider.crypto())
        .add_to(&mut request)
        .unwrap();
    FINGERPRINT.add_to(&mut request).unwrap();
    request.raw
}
