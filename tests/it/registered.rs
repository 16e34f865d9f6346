//! Trunks at which the server registers, against a registrar written by hand: registered, kept, called, refused, lost.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    io,
    net::SocketAddr,
    path::Path,
    sync::Arc,
    time::Duration,
};

use insta::assert_snapshot;
use rundruf::{
    conference::event::Wording,
    http::Label,
    phone::{
        Called, Dialled, DoorConfig, Duty, Fault, Names, Registering, Standing, Trunk, Upkeep,
    },
    pii::{Pii, Secret},
    serve,
    tls::{Authorities, Identity, SipServer, sip_client_config},
};
use sip::{
    Account, Protocol,
    locate::{Query, Record},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream},
    sync::mpsc,
};
use tokio_rustls::TlsAcceptor;

use crate::sim::{
    identity::identity,
    net::Datagram,
    now,
    phone::{Phone, State},
    sip_text::{Message, response},
    world::{SERVER, World, door_config, everybody},
};

const SECOND: Duration = Duration::from_secs(1);
/// The registrar and the server beside it. The address is that of the first telephone, whose calls come from there too.
const REGISTRAR: &str = "198.51.100.1:5070";
const SECOND_REGISTRAR: &str = "198.51.100.2:5070";

/// A trunk that registers as somebody at a server, and has this number.
pub(crate) fn registered(server: &str, user: &str, number: &str) -> Trunk {
    let account = Account {
        user: Pii::new(user.to_owned()),
        password: Secret::new("geheim".to_owned()),
        realm: None,
    };
    let registering = Registering {
        registrar: server.parse().unwrap(),
        proxy: None,
        user: Pii::new(user.to_owned()),
        account,
        expires: 600 * SECOND,
        mediasec: false,
    };
    Trunk {
        peers: Vec::new(),
        numbers: vec![Called::Rooms, Called::Number(Dialled::new(number))],
        upkeep: Some(Upkeep {
            server: server.parse().unwrap(),
            client: None,
            duty: Duty::Register(Box::new(registering)),
        }),
        ..everybody()
    }
}

/// What a registrar does with REGISTER.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manners {
    /// It asks for credentials, then grants this many seconds.
    Grants(u32),
    Refuses(u16),
    Silent,
}

/// A registrar, and what was said between it and the door.
struct Registrar {
    address: SocketAddr,
    manners: Manners,
    /// Whether it answers who asks if it is there, where it answers at all.
    answers_options: bool,
    /// How the door is seen, if from elsewhere than it thinks.
    sees: Option<SocketAddr>,
    /// Datagrams of the door that were looked at.
    seen: usize,
    ladder: String,
    requests: Vec<Message>,
    begun: std::time::Instant,
}

impl Registrar {
    fn new(address: &str, manners: Manners) -> Self {
        Self {
            address: address.parse().unwrap(),
            manners,
            answers_options: true,
            sees: None,
            seen: 0,
            ladder: String::new(),
            requests: Vec::new(),
            begun: now(),
        }
    }

    /// Lets time pass in which the registrar does its duty.
    async fn serve(&mut self, world: &mut World, time: Duration) {
        let until = now() + time;
        while now() < until {
            world.run_for(SECOND / 20).await;
            self.answer(world);
        }
    }

    fn answer(&mut self, world: &mut World) {
        let new = world.departed[self.seen..].to_vec();
        self.seen = world.departed.len();
        let address = self.address;
        for datagram in new.into_iter().filter(|of| of.to == address) {
            if datagram.bytes == b"\r\n\r\n" {
                self.tell("→ keep-alive");
                continue;
            }
            let message = Message::parse(&datagram.bytes);
            if message.method() == "OPTIONS" {
                self.tell("→ OPTIONS");
                if self.manners != Manners::Silent && self.answers_options {
                    self.tell("← 200");
                    self.send(world, response(&message, 200, "OK"));
                }
                continue;
            }
            if message.method() != "REGISTER" {
                continue;
            }
            let proof = message.fields("Authorization").next().is_some();
            let known = if proof { " with a proof" } else { "" };
            self.tell(&format!("→ REGISTER for {} s{known}", expires(&message)));
            if let Some(answer) = self.decide(&message, proof) {
                self.send(world, answer);
            }
            self.requests.push(message);
        }
    }

    fn send(&self, world: &mut World, bytes: Vec<u8>) {
        let datagram = Datagram {
            from: self.address,
            to: SERVER,
            bytes,
        };
        world.net.send_signalling(datagram, now());
    }

    fn decide(&mut self, request: &Message, proof: bool) -> Option<Vec<u8>> {
        let (status, field) = match self.manners {
            Manners::Silent => return None,
            Manners::Refuses(status) => (status, String::new()),
            Manners::Grants(_) if !proof => (
                401,
                "WWW-Authenticate: Digest realm=\"tel\", nonce=\"n\", qop=\"auth\", algorithm=MD5\r\n"
                    .to_owned(),
            ),
            Manners::Grants(seconds) => {
                let contact = request.contact().unwrap();
                let granted = expires(request).min(seconds);
                (200, format!("Contact: <{contact}>;expires={granted}\r\n"))
            }
        };
        self.tell(&format!("← {status}"));
        let mut text = String::from_utf8(response(request, status, "OK")).unwrap();
        if let Some(seen) = self.sees {
            let as_seen = format!(";received={};rport={}", seen.ip(), seen.port());
            text = text.replacen(";rport", &as_seen, 1);
        }
        Some(
            text.replacen("Content-Length", &format!("{field}Content-Length"), 1)
                .into_bytes(),
        )
    }

    fn tell(&mut self, line: &str) {
        let after = (now() - self.begun).as_secs();
        writeln!(self.ladder, "{after:4} {line}").unwrap();
    }

    /// The user part of the Contact that was registered last.
    fn contact(&self) -> String {
        contact_user(self.requests.last().unwrap())
    }
}

fn contact_user(request: &Message) -> String {
    let contact = request.contact().unwrap();
    let (user, _) = contact
        .strip_prefix("sip:")
        .unwrap()
        .split_once('@')
        .unwrap();
    user.to_owned()
}

fn expires(request: &Message) -> u32 {
    request.field("Expires").parse().unwrap()
}

fn standing(world: &World) -> Standing {
    world.counts.borrow().trunks[0].standing
}

/// A world of one registered trunk, at the registrar whose address it knows.
fn world(manners: Manners) -> (World, Registrar) {
    let trunk = registered("sip:198.51.100.1:5070", "620", "+4930555000");
    let world = World::with_trunks(1, vec![trunk]);
    (world, Registrar::new(REGISTRAR, manners))
}

/// Lets a telephone call; returns what it heard first, or how it was refused.
async fn call(world: &mut World, phone: &Phone, target: &str) -> Result<String, u16> {
    let said = world.ladder.said_to(&phone.name()).len();
    phone.dials(target);
    world
        .run_until(|_| !matches!(phone.state(), State::Calling))
        .await;
    if let State::Refused(status) = phone.state() {
        return Err(status);
    }
    world.run_for(SECOND / 10).await;
    let words = world.ladder.said_to(&phone.name())[said].clone();
    phone.hangs_up();
    world.run_for(SECOND / 10).await;
    Ok(words)
}

#[tokio::test(start_paused = true)]
async fn a_registration_is_made_kept_and_left() {
    let (mut world, mut registrar) = world(Manners::Grants(120));
    registrar.serve(&mut world, 70 * SECOND).await;
    assert_eq!(standing(&world), Standing::Up);
    let counts = world.counts.borrow().trunks[0];
    assert_eq!((counts.registrations, counts.expires), (2, 120 * SECOND));
    world.stop().await;
    registrar.serve(&mut world, SECOND).await;
    assert_snapshot!(registrar.ladder);
    assert!(world.door_is_closed());
}

#[tokio::test(start_paused = true)]
async fn calls_to_the_registration_lead_to_its_number_and_strangers_nowhere() {
    let (mut world, mut registrar) = world(Manners::Grants(600));
    let carrier = world.phone("carrier");
    let stranger = world.phone("stranger");
    registrar.serve(&mut world, SECOND).await;
    let own = format!("sip:{}@127.0.0.1", registrar.contact());
    let code = Ok("hello ask-code".to_owned());
    carrier.names("sip:620@fritz.box");
    assert_eq!(call(&mut world, &carrier, &own).await, code, "by no number");
    carrier.names("sip:4712@fritz.box");
    let room = Ok("hello ask-pin".to_owned());
    assert_eq!(call(&mut world, &carrier, &own).await, room, "by To");
    carrier.adds("P-Called-Party-ID: <sip:+4930555000@fritz.box>\r\n");
    assert_eq!(
        call(&mut world, &carrier, &own).await,
        code,
        "by the called party"
    );
    carrier.adds("");
    carrier.names("sip:112@fritz.box");
    assert_eq!(
        call(&mut world, &carrier, &own).await,
        Err(404),
        "a call of need"
    );
    carrier.names("sip:620@fritz.box");
    let other = "sip:0123456789abcdef@127.0.0.1";
    assert_eq!(call(&mut world, &carrier, other).await, Err(404));

    let heard = world.departed.len();
    stranger.dials(&own);
    world.run_for(SECOND).await;
    assert_eq!(stranger.state(), State::Calling, "a stranger gets silence");
    assert_eq!(world.departed.len(), heard);
}

#[tokio::test(start_paused = true)]
async fn two_accounts_at_one_registrar_are_told_apart() {
    let german = registered("sip:198.51.100.1:5070", "620", "+4930555000");
    let english = Trunk {
        language: Wording::En,
        ..registered("sip:198.51.100.1:5070", "621", "+4930555001")
    };
    let mut world = World::with_trunks(1, vec![german, english]);
    let mut registrar = Registrar::new(REGISTRAR, Manners::Grants(600));
    let carrier = world.phone("carrier");
    registrar.serve(&mut world, SECOND).await;
    for (user, language) in [("620", Wording::De), ("621", Wording::En)] {
        let to = format!("<sip:{user}@198.51.100.1>");
        let mut requests = registrar.requests.iter();
        let own = requests.find(|request| request.field("To") == to).unwrap();
        let own = format!("sip:{}@127.0.0.1", contact_user(own));
        carrier.names(&format!("sip:{user}@198.51.100.1"));
        let before = world.spoken.len();
        call(&mut world, &carrier, &own).await.unwrap();
        assert_eq!(world.spoken[before].1, language, "{user}");
    }
    let calls: Vec<u64> = world
        .counts
        .borrow()
        .trunks
        .iter()
        .map(|it| it.taken)
        .collect();
    assert_eq!(calls, [1, 1]);
}

#[tokio::test(start_paused = true)]
async fn a_refused_account_is_said_and_not_tried_again_for_long() {
    let (mut world, mut registrar) = world(Manners::Refuses(403));
    registrar.serve(&mut world, 19 * 60 * SECOND).await;
    assert_eq!(standing(&world), Standing::Refused(403));
    assert_eq!(registrar.requests.len(), 1, "{}", registrar.ladder);
    let labels = serve::TrunkLabels::new(["FRITZ!Box"]);
    let metrics = serve::metrics(&world.server, &world.counts.borrow(), &labels);
    let up = metrics
        .iter()
        .find(|it| it.name == "rundruf_trunk_up")
        .unwrap();
    assert_eq!(
        up.samples[0].label,
        Some(Label::Name("trunk", "FRITZ!Box".into()))
    );
    assert_eq!(up.samples[0].value, 0);
    registrar.manners = Manners::Grants(600);
    registrar.serve(&mut world, 2 * 60 * SECOND).await;
    assert_eq!(standing(&world), Standing::Up);
}

/// A door that registers at a domain with two servers, the first of which is to be preferred.
fn door_of_two(protocol: &str) -> DoorConfig {
    let srv = |priority, target: &str| Record::Srv {
        priority,
        weight: 1,
        port: 5_070,
        target: target.to_owned(),
    };
    let address = |text: &str| vec![Record::Address(text.parse().unwrap())];
    let names = Names::listed(BTreeMap::from([
        (
            Query::Srv(format!("_sip._{protocol}.tel.example")),
            vec![srv(1, "one.tel.example"), srv(2, "two.tel.example")],
        ),
        (
            Query::Addresses("one.tel.example".to_owned()),
            address("198.51.100.1"),
        ),
        (
            Query::Addresses("two.tel.example".to_owned()),
            address("198.51.100.2"),
        ),
    ]));
    let server = format!("sip:tel.example;transport={protocol}");
    DoorConfig {
        names,
        ..door_config(vec![registered(&server, "620", "+4930555000")])
    }
}

#[tokio::test(start_paused = true)]
async fn where_one_server_is_silent_the_next_takes_over() {
    let mut world = World::with_door(1, door_of_two("udp"));
    let mut first = Registrar::new(REGISTRAR, Manners::Silent);
    let mut second = Registrar::new(SECOND_REGISTRAR, Manners::Grants(600));
    first.serve(&mut world, 31 * SECOND).await;
    assert_eq!(standing(&world), Standing::Asking);
    first.serve(&mut world, 2 * SECOND).await;
    assert!(first.requests.len() > 5, "{}", first.ladder);
    second.serve(&mut world, 2 * SECOND).await;
    assert_eq!(standing(&world), Standing::Up);
    let (_, to) = second.requests[0].field("To").split_once('@').unwrap();
    assert_eq!(to, "tel.example>", "the domain stays");

    // Calls come from both.
    for name in ["one", "two"] {
        let phone = world.phone(name);
        let own = format!("sip:{}@127.0.0.1", second.contact());
        call(&mut world, &phone, &own).await.unwrap();
    }
}

/// Lets time pass in which two registrars do their duty.
async fn serve_both(world: &mut World, both: [&mut Registrar; 2], time: Duration) {
    let until = now() + time;
    let [first, second] = both;
    while now() < until {
        world.run_for(SECOND / 20).await;
        first.answer(world);
        second.answer(world);
    }
}

/// A registrar that dies is noticed by its silence to OPTIONS, long before the next REGISTER; when it is there again, the
/// registration goes back.
#[tokio::test(start_paused = true)]
async fn by_datagrams_a_dead_registrar_is_left_for_the_next_at_once_and_gone_back_to() {
    let mut world = World::with_door(1, door_of_two("udp"));
    let mut first = Registrar::new(REGISTRAR, Manners::Grants(600));
    let mut second = Registrar::new(SECOND_REGISTRAR, Manners::Grants(600));
    serve_both(&mut world, [&mut first, &mut second], 100 * SECOND).await;
    assert_eq!(standing(&world), Standing::Up);
    assert_eq!(second.requests.len(), 0);
    first.tell("  it dies");
    first.manners = Manners::Silent;
    serve_both(&mut world, [&mut first, &mut second], 60 * SECOND).await;
    assert_eq!(standing(&world), Standing::Up, "{}", second.ladder);
    assert!(!second.requests.is_empty(), "{}", first.ladder);
    first.tell("  it is there again");
    first.manners = Manners::Grants(600);
    let registers = first.requests.len();
    serve_both(&mut world, [&mut first, &mut second], 120 * SECOND).await;
    assert_eq!(standing(&world), Standing::Up);
    assert!(first.requests.len() > registers, "{}", first.ladder);
    let is_said = |line: &&str| !line.ends_with("keep-alive");
    let ladder = |of: &Registrar| {
        of.ladder
            .lines()
            .filter(is_said)
            .collect::<Vec<_>>()
            .join("\n")
    };
    assert_snapshot!(format!(
        "first\n{}\nsecond\n{}",
        ladder(&first),
        ladder(&second)
    ));
}

/// Not every registrar answers OPTIONS: one that never did is not taken for dead.
#[tokio::test(start_paused = true)]
async fn a_registrar_that_never_answers_options_is_kept() {
    let mut world = World::with_door(1, door_of_two("udp"));
    let mut first = Registrar::new(REGISTRAR, Manners::Grants(600));
    let mut second = Registrar::new(SECOND_REGISTRAR, Manners::Grants(600));
    first.answers_options = false;
    serve_both(&mut world, [&mut first, &mut second], 280 * SECOND).await;
    assert_eq!(standing(&world), Standing::Up);
    let asked = first.ladder.matches("→ OPTIONS").count();
    assert!(asked > 20, "{}", first.ladder);
    assert_eq!(first.requests.len(), 2, "{}", first.ladder);
    assert_eq!(second.ladder, "");
}

/// Where there is no other server the same is registered at again, at first at once and then less and less often (RFC 5626 §4.5).
#[tokio::test(start_paused = true)]
async fn a_dead_registrar_without_another_is_asked_less_and_less_often() {
    let (mut world, mut registrar) = world(Manners::Grants(600));
    registrar.serve(&mut world, 100 * SECOND).await;
    assert_eq!(standing(&world), Standing::Up);
    registrar.manners = Manners::Silent;
    let before = registrar.requests.len();
    let begun = now();
    let mut tries: Vec<Duration> = Vec::new();
    let mut cseq = registrar.requests[before - 1].cseq().0;
    for _ in 0..600 {
        registrar.serve(&mut world, SECOND).await;
        let latest = registrar.requests.last().unwrap().cseq().0;
        if latest != cseq {
            cseq = latest;
            tries.push(now() - begun);
        }
    }
    assert_eq!(standing(&world), Standing::Down(Fault::Silent));
    assert!(tries[0] <= 93 * SECOND, "{tries:?}");
    let waits: Vec<Duration> = tries.windows(2).map(|two| two[1] - two[0]).collect();
    assert!((3..=8).contains(&tries.len()), "{tries:?}");
    assert!(waits.iter().all(|wait| *wait >= 40 * SECOND), "{waits:?}");
    registrar.manners = Manners::Grants(600);
    registrar.serve(&mut world, 600 * SECOND).await;
    assert_eq!(standing(&world), Standing::Up);
}

#[tokio::test(start_paused = true)]
async fn a_proxy_is_registered_through() {
    let mut trunk = registered("sip:tel.example", "620", "+4930555000");
    if let Some(upkeep) = &mut trunk.upkeep
        && let Duty::Register(registering) = &mut upkeep.duty
    {
        upkeep.server = "sip:198.51.100.1:5070".parse().unwrap();
        registering.proxy = Some(upkeep.server.clone());
    }
    let mut world = World::with_trunks(1, vec![trunk]);
    let mut proxy = Registrar::new(REGISTRAR, Manners::Grants(600));
    proxy.serve(&mut world, SECOND).await;
    assert_eq!(standing(&world), Standing::Up);
    let request = &proxy.requests[0];
    assert_eq!(request.start, "REGISTER sip:tel.example SIP/2.0");
    assert_eq!(request.field("Route"), "<sip:198.51.100.1:5070;lr>");
    assert_eq!(request.field("To"), "<sip:620@tel.example>");
}

#[tokio::test(start_paused = true)]
async fn behind_an_address_translator_the_public_address_is_told() {
    let (mut world, mut registrar) = world(Manners::Grants(600));
    let public: SocketAddr = "203.0.113.9:31000".parse().unwrap();
    registrar.sees = Some(public);
    let carrier = world.phone("carrier");
    registrar.serve(&mut world, SECOND).await;
    let contact = registrar.requests.last().unwrap().contact().unwrap();
    assert!(contact.ends_with("@203.0.113.9:31000"), "{contact}");
    assert_eq!(standing(&world), Standing::Up);
    let before = world.departed.len();
    let own = format!("sip:{}@127.0.0.1", registrar.contact());
    call(&mut world, &carrier, &own).await.unwrap();
    let answers = world.departed[before..].iter();
    let mut answers = answers.map(|of| Message::parse(&of.bytes));
    let ok = answers.find(|it| it.status() == Some(200)).unwrap();
    let contact = ok.contact().unwrap();
    assert!(contact.ends_with("203.0.113.9:31000"), "{contact}");
}

/// A registrar's end of a connection: what it hears, and what it says.
pub(crate) struct Connection {
    heard: mpsc::UnboundedReceiver<Vec<u8>>,
    says: mpsc::UnboundedSender<Vec<u8>>,
}

impl Connection {
    /// Shakes hands as a server with an identity does.
    fn greet(stream: DuplexStream, identity: &Arc<Identity>) -> Self {
        let config = SipServer::new(identity, Vec::new()).unwrap();
        let acceptor = TlsAcceptor::from(config.config(rundruf::tls::Demand::Nothing));
        Self::begin(async move { acceptor.accept(stream).await })
    }

    /// Takes a connection without TLS.
    pub(crate) fn plain(stream: DuplexStream) -> Self {
        Self::begin(async move { Ok(stream) })
    }

    fn begin<S>(opened: impl Future<Output = io::Result<S>> + Send + 'static) -> Self
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let (hear, heard) = mpsc::unbounded_channel();
        let (says, mut said) = mpsc::unbounded_channel::<Vec<u8>>();
        tokio::spawn(async move {
            let Ok(mut stream) = opened.await else {
                return;
            };
            let mut buffer = vec![0; 8_192];
            loop {
                tokio::select! {
                    bytes = said.recv() => match bytes {
                        Some(bytes) => {
                            stream.write_all(&bytes).await.unwrap();
                            stream.flush().await.unwrap();
                        }
                        None => return,
                    },
                    length = stream.read(&mut buffer) => match length {
                        Ok(length @ 1..) => hear.send(buffer[..length].to_vec()).unwrap(),
                        Ok(0) | Err(_) => return,
                    },
                }
            }
        });
        Self { heard, says }
    }

    fn hears(&mut self) -> Message {
        Message::parse(&self.heard.try_recv().expect("something is heard"))
    }

    /// All that is heard by now, as one text.
    pub(crate) fn hears_all(&mut self) -> String {
        let all = std::iter::from_fn(|| self.heard.try_recv().ok());
        String::from_utf8(all.flatten().collect()).unwrap()
    }
}

/// A call from a registrar to the Contact of the registration.
fn invite(own: &str, protocol: &str) -> Vec<u8> {
    let sdp = "v=0\r\no=- 1 1 IN IP4 198.51.100.1\r\ns=-\r\nc=IN IP4 198.51.100.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n";
    let invite = format!(
        "INVITE sip:{own}@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/{protocol} 198.51.100.1;branch=z9hG4bK1\r\n\
         From: <sip:a@tel.example>;tag=t\r\nTo: <sip:620@tel.example>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n\
         Contact: <sip:a@198.51.100.1>\r\nMax-Forwards: 70\r\nContent-Type: application/sdp\r\n\
         Content-Length: {}\r\n\r\n{sdp}",
        sdp.len()
    );
    invite.into_bytes()
}

#[tokio::test(start_paused = true)]
async fn the_first_server_is_gone_back_to_and_the_second_still_serves_its_calls() {
    let mut world = World::with_door(1, door_of_two("tcp"));
    let (begun, mut ladder) = (now(), String::new());
    let (mut connections, mut owns) = (Vec::new(), BTreeSet::new());
    for second in 0..200 {
        if let Some((hop, stream)) = world.connected() {
            connections.push((hop.address, Connection::plain(stream)));
        }
        world.run_for(SECOND / 2).await;
        let after = (now() - begun).as_secs();
        for (address, connection) in &mut connections {
            while let Ok(bytes) = connection.heard.try_recv() {
                if bytes == b"\r\n\r\n" {
                    continue;
                }
                let request = Message::parse(&bytes);
                writeln!(ladder, "{after:4} {address} ← {}", request.start).unwrap();
                if request.method() == "REGISTER" {
                    owns.insert(contact_user(&request));
                }
                connection.says.send(response(&request, 200, "OK")).unwrap();
            }
        }
        if second == 1 {
            writeln!(ladder, "     the first connection is lost").unwrap();
            drop(connections.remove(0));
        }
        world.run_for(SECOND / 2).await;
    }
    assert_snapshot!(ladder);
    assert_eq!(standing(&world), Standing::Up);
    assert_eq!(owns.len(), 1, "we stay who we are");
    let own = owns.first().unwrap();
    let (_, second) = &mut connections[0];
    second.hears_all();
    second.says.send(invite(own, "TCP")).unwrap();
    world.run_for(SECOND).await;
    let heard = second.hears_all();
    assert!(heard.contains("SIP/2.0 200 "), "{heard}");
}

/// A world of one trunk that registers over TLS at `tel.example`, whose authorities are these.
fn world_over_tls(folder: &Path, authorities: &Authorities) -> World {
    let (us, _) = identity(folder, "rundruf.example");
    let mut trunk = registered("sip:tel.example:5061;transport=tls", "620", "+4930555000");
    if let Some(upkeep) = &mut trunk.upkeep {
        upkeep.client = Some(sip_client_config(&us, authorities).unwrap());
    }
    let addresses = Query::Addresses("tel.example".to_owned());
    let address = Record::Address("198.51.100.1".parse().unwrap());
    let door = DoorConfig {
        names: Names::listed(BTreeMap::from([(addresses, vec![address])])),
        tls: vec![SocketAddr::new(SERVER.ip(), 5_061)],
        ..door_config(vec![trunk])
    };
    World::with_door(1, door)
}

#[tokio::test(start_paused = true)]
async fn over_tls_calls_come_over_the_connection_of_the_registration() {
    let folder = tempfile::tempdir().unwrap();
    let (carrier, authorities) = identity(folder.path(), "tel.example");
    let mut world = world_over_tls(folder.path(), &authorities);
    world.run_for(SECOND / 10).await;
    let (hop, stream) = world.connected().expect("a connection");
    assert_eq!((hop.protocol, hop.address.port()), (Protocol::Tls, 5_061));
    let mut connection = Connection::greet(stream, &carrier);
    world.run_for(SECOND / 10).await;
    let request = connection.hears();
    assert_eq!(request.method(), "REGISTER");
    let own = contact_user(&request);
    let contact = request.contact().unwrap();
    assert!(
        contact.contains("@127.0.0.1:49152"),
        "it reaches us over this connection: {contact}"
    );
    connection.says.send(response(&request, 200, "OK")).unwrap();
    world.run_for(SECOND / 10).await;
    assert_eq!(standing(&world), Standing::Up);

    connection.says.send(invite(&own, "TLS")).unwrap();
    world.run_for(SECOND).await;
    let heard = connection.hears_all();
    assert!(heard.contains("SIP/2.0 200 "), "{heard}");

    // Nobody says anything for a while; then something is, lest the way be closed.
    world.run_for(60 * SECOND).await;
    connection.hears_all();
    world.run_for(30 * SECOND).await;
    assert_eq!(connection.hears_all(), "\r\n\r\n");

    // The connection is lost: another is made at once, and the registration goes over it.
    drop(connection);
    world.run_for(SECOND / 10).await;
    let (_, stream) = world.connected().expect("another connection");
    let mut connection = Connection::greet(stream, &carrier);
    world.run_for(SECOND / 10).await;
    let request = connection.hears();
    assert_eq!(request.method(), "REGISTER");
    assert_eq!(contact_user(&request), own, "we stay who we are");
    connection.says.send(response(&request, 200, "OK")).unwrap();
    world.run_for(SECOND / 10).await;
    assert_eq!(standing(&world), Standing::Up);
}

/// RFC 5626 §4.4.1: a registrar that has answered keep-alives and does so no more is not there.
#[tokio::test(start_paused = true)]
async fn a_connection_whose_keep_alives_are_answered_no_more_is_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let (carrier, authorities) = identity(folder.path(), "tel.example");
    let mut world = world_over_tls(folder.path(), &authorities);
    let mut ladder = String::new();
    let begun = now();
    let mut connection: Option<Connection> = None;
    let mut pings = 0;
    while now() - begun < 400 * SECOND {
        world.run_for(SECOND / 10).await;
        let after = (now() - begun).as_secs();
        if let Some((hop, stream)) = world.connected() {
            writeln!(
                ladder,
                "{after:4} → a connection to port {}",
                hop.address.port()
            )
            .unwrap();
            connection = Some(Connection::greet(stream, &carrier));
            continue;
        }
        let Some(open) = &mut connection else {
            continue;
        };
        let heard = open.hears_all();
        // Two answers in a row look like a keep-alive of its own, which is answered.
        if heard == "\r\n" {
            continue;
        }
        if heard == "\r\n\r\n" {
            pings += 1;
            writeln!(ladder, "{after:4} → keep-alive").unwrap();
            // The first two are answered, the third meets a connection that leads nowhere any more.
            if pings <= 2 {
                writeln!(ladder, "{after:4} ← its answer").unwrap();
                open.says.send(b"\r\n".to_vec()).unwrap();
            }
        } else if !heard.is_empty() {
            let request = Message::parse(heard.as_bytes());
            writeln!(ladder, "{after:4} → {}", request.method()).unwrap();
            writeln!(ladder, "{after:4} ← 200").unwrap();
            open.says.send(response(&request, 200, "OK")).unwrap();
        } else if open.heard.is_closed() {
            writeln!(ladder, "{after:4} → the connection is closed").unwrap();
            connection = None;
        }
    }
    assert_snapshot!(ladder);
    assert_eq!(standing(&world), Standing::Up);
}

#[tokio::test(start_paused = true)]
async fn a_server_with_another_name_in_its_certificate_is_told_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (impostor, authorities) = identity(folder.path(), "impostor.example");
    let mut world = world_over_tls(folder.path(), &authorities);
    world.run_for(SECOND / 10).await;
    let (_, stream) = world.connected().expect("a connection");
    let mut connection = Connection::greet(stream, &impostor);
    world.run_for(SECOND).await;
    assert!(connection.heard.try_recv().is_err(), "something was said");
    assert_eq!(standing(&world), Standing::Down(Fault::WrongName));
    assert!(world.connected().is_none(), "it is tried again later");
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_is_asked_is_up_or_down() {
    let peer = Trunk {
        upkeep: Some(Upkeep {
            server: "sip:198.51.100.1:5070".parse().unwrap(),
            client: None,
            duty: Duty::Probe,
        }),
        ..everybody()
    };
    let mut world = World::with_trunks(1, vec![peer]);
    world.run_for(SECOND / 10).await;
    assert_eq!(standing(&world), Standing::Asking);
    let options = Message::parse(&world.departed[0].bytes);
    assert_eq!(options.start, "OPTIONS sip:198.51.100.1:5070 SIP/2.0");
    let answer = Datagram {
        from: REGISTRAR.parse().unwrap(),
        to: SERVER,
        bytes: response(&options, 404, "Not Found"),
    };
    world.net.send_signalling(answer, now());
    world.run_for(SECOND).await;
    assert_eq!(standing(&world), Standing::Up, "any answer is one");
    world.run_for(300 * SECOND).await;
    assert_eq!(standing(&world), Standing::Down(Fault::Silent));
}
