//! The presets of `deploy/presets`, each through the door as its exchange or carrier behaves.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::{
    collections::BTreeMap, fmt::Write as _, net::SocketAddr, path::Path, sync::Arc, time::Duration,
};

use clap::ValueEnum;
use insta::assert_snapshot;
use rundruf::{
    cli::Preset,
    config::{Auto, Config},
    phone::{DoorConfig, Names},
    serve,
    store::write_private,
    tls::{Authorities, Demand, Identity, SipServer, sip_client_config},
};
use sip::{
    Flow, Protocol,
    locate::{Query, Record},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream},
    sync::mpsc,
};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::sim::{
    net::Datagram,
    now,
    sip_text::{Message, response},
    world::{SERVER, World, door_config},
};

const SECOND: Duration = Duration::from_secs(1);
/// Where every exchange is.
const EXCHANGE: &str = "198.51.100.1";
/// A key for SRTP, and keys as carriers offer them.
const CRYPTO: &str =
    "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj\r\n";

/// An exchange, and what was said between it and the door.
struct Exchange {
    world: World,
    line: Line,
    ladder: String,
    heard: Vec<Message>,
    /// The numbers of requests so far.
    requests: u32,
}

/// How it reaches the door.
enum Line {
    Datagrams { seen: usize },
    Stream(Wire),
}

/// For whom those vouch that stand in the settings of the system: for carriers, and for nobody's own exchange.
fn vouched(preset: Preset, host: &str) -> &str {
    match preset {
        Preset::TelekomCompanyflex | Preset::TelekomCloudpbx | Preset::Sipgate => host,
        Preset::Fritzbox
        | Preset::Asterisk
        | Preset::Freeswitch
        | Preset::Kamailio
        | Preset::ThreeCx => "rundruf.example",
    }
}

/// What the preset says, with the files and addresses that are here.
fn filled_in(preset: Preset, secret: &Path, authority: &Path) -> String {
    let lines = preset
        .text()
        .lines()
        .map(|line| match line.split_once(" = ") {
            Some(("password_file", _)) => format!("password_file = \"{}\"\n", secret.display()),
            Some(("authority", _)) => format!("authority = \"{}\"\n", authority.display()),
            Some(("peers", _)) => format!("peers = [\"{EXCHANGE}\"]\n"),
            Some(("probe", _)) => format!("probe = \"sip:{EXCHANGE};transport=tls\"\n"),
            Some(("media_networks", _)) => "media_networks = [\"198.51.100.0/24\"]\n".to_owned(),
            _ => format!("{line}\n"),
        });
    lines.collect()
}

impl Exchange {
    /// Lets the door do what the preset says; `host` is the name that it looks for, and shows in its certificate.
    async fn of(preset: Preset, host: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let (us, ours) = identity(folder, "rundruf.example");
        let (them, _) = identity(folder, host);
        let secret = folder.join("secret");
        write_private(&secret, b"geheim\n").unwrap();
        let authority = folder.join(format!("{host}.pem"));
        let text = filled_in(preset, &secret, &authority);
        let mut config = Config::parse(&text, Path::new("preset.toml")).unwrap();
        let vouched = folder.join(format!("{}.pem", vouched(preset, host)));
        config.sip.authorities = Auto::Set(vouched);
        let door = serve::door(&config, &us, &[]).unwrap();
        let addresses = Query::Addresses(host.to_owned());
        let address = Record::Address(EXCHANGE.parse().unwrap());
        let door = DoorConfig {
            trunks: door.trunks,
            server: door.server,
            names: Names::listed(BTreeMap::from([(addresses, vec![address])])),
            ..door_config(Vec::new())
        };
        let registers = config.trunk[0].registrar.is_some();
        let mut world = World::with_door(1, door);
        world.run_for(SECOND / 10).await;
        let line = match world.connected() {
            Some((hop, stream)) if registers => {
                assert_eq!(
                    (hop.protocol, hop.server_name.as_str()),
                    (Protocol::Tls, host)
                );
                Line::Stream(Wire::accept(stream, &them))
            }
            asked if !registers => {
                if let Some((_, stream)) = asked {
                    let mut asked = Wire::accept(stream, &them);
                    world.run_for(SECOND / 10).await;
                    let heard = asked.hears();
                    let methods: Vec<_> = heard.iter().map(Message::method).collect();
                    assert_eq!(methods, ["OPTIONS"], "it believes who answers");
                }
                let remote = format!("{EXCHANGE}:40000").parse().unwrap();
                let flow = Flow::new(Protocol::Tls, SERVER, remote, 77);
                let stream = world.connect(flow);
                Line::Stream(Wire::connect(stream, &them, &ours))
            }
            Some(_) | None => Line::Datagrams { seen: 0 },
        };
        world.run_for(SECOND / 10).await;
        let mut exchange = Self {
            world,
            line,
            ladder: String::new(),
            heard: Vec::new(),
            requests: 0,
        };
        exchange.listen();
        exchange
    }

    /// Lets time pass and notes what the door says.
    async fn wait(&mut self, time: Duration) {
        self.world.run_for(time).await;
        self.listen();
    }

    fn listen(&mut self) {
        let messages = match &mut self.line {
            Line::Datagrams { seen } => {
                let exchange = format!("{EXCHANGE}:5060").parse::<SocketAddr>().unwrap();
                let new = self.world.departed[*seen..].iter();
                let messages = new
                    .filter(|of| of.to == exchange && of.bytes.len() > 4)
                    .map(|of| Message::parse(&of.bytes))
                    .collect();
                *seen = self.world.departed.len();
                messages
            }
            Line::Stream(wire) => wire.hears(),
        };
        for message in messages {
            self.note("→", &message);
            self.heard.push(message);
        }
    }

    async fn says(&mut self, bytes: Vec<u8>) {
        self.note("←", &Message::parse(&bytes));
        match &self.line {
            Line::Datagrams { .. } => {
                let datagram = Datagram {
                    from: format!("{EXCHANGE}:5060").parse().unwrap(),
                    to: SERVER,
                    bytes,
                };
                self.world.net.send_signalling(datagram, now());
            }
            Line::Stream(wire) => wire.says.send(bytes).unwrap(),
        }
        // Shorter than the time after which anything is said again.
        self.wait(SECOND / 5).await;
    }

    fn note(&mut self, way: &str, message: &Message) {
        let (start, rest) = (&message.start, message);
        // Our part of an address at a registrar is random.
        let start: String = start
            .split(' ')
            .map(|word| match word.split_once('@') {
                Some((user, host)) if user.len() > 32 => format!("sip:<own>@{host}"),
                _ => word.to_owned(),
            })
            .collect::<Vec<_>>()
            .join(" ");
        writeln!(self.ladder, "{way} {start}").unwrap();
        for name in TOLD {
            for value in rest.fields(name) {
                writeln!(self.ladder, "    {name}: {value}").unwrap();
            }
        }
        for line in rest.body.lines() {
            let told = ["m=image", "a=sendonly", "a=inactive", "a=3ge2ae"];
            if told.iter().any(|start| line.starts_with(start)) {
                writeln!(self.ladder, "    {line}").unwrap();
            } else if let Some(audio) = line.strip_prefix("m=audio ") {
                // Our ports are whatever was free; a line that is refused has port 0.
                let (port, rest) = audio.split_once(' ').unwrap();
                let port = if way == "→" && port != "0" {
                    "<port>"
                } else {
                    port
                };
                writeln!(self.ladder, "    m=audio {port} {rest}").unwrap();
            } else if let Some(crypto) = line.strip_prefix("a=crypto:") {
                let (line, _) = crypto.split_once(" inline:").unwrap();
                writeln!(self.ladder, "    a=crypto:{line}").unwrap();
            }
        }
    }

    /// Answers the latest request, with further fields.
    async fn answers(&mut self, status: u16, reason: &str, fields: &str) {
        let requests = self.heard.iter().rev();
        let request = requests
            .clone()
            .find(|it| it.status().is_none())
            .unwrap()
            .clone();
        let text = String::from_utf8(response(&request, status, reason)).unwrap();
        let text = text.replacen("Content-Length", &format!("{fields}Content-Length"), 1);
        self.says(text.into_bytes()).await;
    }

    /// Takes the registration, after asking for a proof of it.
    async fn registers(&mut self, asks: &str, grants: &str) {
        let challenge =
            "WWW-Authenticate: Digest realm=\"tel\", nonce=\"n\", qop=\"auth\", algorithm=MD5\r\n";
        self.answers(401, "Unauthorized", &format!("{challenge}{asks}"))
            .await;
        let request = self.heard.last().unwrap();
        assert!(
            request.field("Authorization").contains("response="),
            "{}",
            self.ladder
        );
        let contact = request.contact().unwrap();
        let fields = format!("Contact: <{contact}>;expires=480\r\n{grants}");
        self.answers(200, "OK", &fields).await;
    }

    /// Where the door wants calls to its registration.
    fn own(&self) -> String {
        let register = self.heard.iter().rev().find(|it| it.method() == "REGISTER");
        register.unwrap().contact().unwrap()
    }

    /// Sends a request of call number `call`; a body is a session description.
    async fn asks(&mut self, method: &str, target: &str, call: u32, fields: &str, body: &str) {
        self.requests += 1;
        let number = self.requests;
        let transport = match &self.line {
            Line::Datagrams { .. } => "UDP",
            Line::Stream(_) => "TLS",
        };
        let tag = self.heard.iter().rev().find_map(|heard| {
            let to = heard.fields("To").next()?;
            let same = heard
                .fields("Call-ID")
                .any(|id| id == format!("call{call}"));
            Some(to.split_once(";tag=")?.1.to_owned()).filter(|_| same)
        });
        let to_tag = tag.map_or(String::new(), |tag| format!(";tag={tag}"));
        let kind = if body.is_empty() {
            ""
        } else {
            "Content-Type: application/sdp\r\n"
        };
        // An ACK has the number of its INVITE (RFC 3261 §13.2.2.4).
        let sequence = if method == "ACK" { number - 1 } else { number };
        let text = format!(
            "{method} {target} SIP/2.0\r\nVia: SIP/2.0/{transport} {EXCHANGE}:5060;branch=z9hG4bK{number};rport\r\n\
             From: <sip:exchange@{EXCHANGE}>;tag=t{call}\r\nTo: <sip:called@{EXCHANGE}>{to_tag}\r\nCall-ID: call{call}\r\n\
             CSeq: {sequence} {method}\r\nContact: <sip:exchange@{EXCHANGE}:5060;transport={}>\r\nMax-Forwards: 70\r\n\
             {fields}{kind}Content-Length: {}\r\n\r\n{body}",
            transport.to_lowercase(),
            body.len()
        );
        self.says(text.into_bytes()).await;
    }

    /// Calls, and acknowledges the answer.
    async fn calls(&mut self, target: &str, call: u32, fields: &str, body: &str) -> u16 {
        self.asks("INVITE", target, call, fields, body).await;
        let status = self.heard.iter().rev().find_map(Message::status).unwrap();
        let contact = self.heard.last().unwrap().contact();
        let target = contact.unwrap_or_else(|| target.to_owned());
        if status == 200 {
            self.asks("ACK", &target, call, "", "").await;
        }
        status
    }
}

/// Fields that a ladder tells.
const TOLD: [&str; 10] = [
    "Security-Client",
    "Security-Verify",
    "Require",
    "Proxy-Require",
    "Route",
    "Record-Route",
    "Session-Expires",
    "P-Called-Party-ID",
    "Expires",
    "Supported",
];

/// One end of a connection over TLS that whole messages go over.
pub(crate) struct Wire {
    heard: mpsc::UnboundedReceiver<Vec<u8>>,
    says: mpsc::UnboundedSender<Vec<u8>>,
    rest: Vec<u8>,
}

impl Wire {
    /// Shakes hands as a server.
    pub(crate) fn accept(stream: DuplexStream, identity: &Arc<Identity>) -> Self {
        let config = SipServer::new(identity, Vec::new()).unwrap();
        let acceptor = TlsAcceptor::from(config.config(Demand::Nothing));
        Self::over(async move { acceptor.accept(stream).await })
    }

    /// Shakes hands as a client that shows its certificate.
    pub(crate) fn connect(
        stream: DuplexStream,
        identity: &Arc<Identity>,
        authorities: &Authorities,
    ) -> Self {
        let config = sip_client_config(identity, authorities).unwrap();
        let name = "rundruf.example".try_into().unwrap();
        Self::over(TlsConnector::from(config).connect(name, stream))
    }

    fn over<S>(shaking: impl Future<Output = std::io::Result<S>> + Send + 'static) -> Self
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (hear, heard) = mpsc::unbounded_channel();
        let (says, mut said) = mpsc::unbounded_channel::<Vec<u8>>();
        tokio::spawn(async move {
            let Ok(mut stream) = shaking.await else {
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
        Self {
            heard,
            says,
            rest: Vec::new(),
        }
    }

    /// Says something, if the connection is there.
    pub(crate) fn says(&self, bytes: Vec<u8>) {
        let _ = self.says.send(bytes);
    }

    /// The whole messages that came by now, without what keeps the connection open.
    pub(crate) fn hears(&mut self) -> Vec<Message> {
        while let Ok(bytes) = self.heard.try_recv() {
            self.rest.extend(bytes);
        }
        let mut messages = Vec::new();
        while self.rest.starts_with(b"\r\n") {
            self.rest.drain(..2);
        }
        while let Some(length) = whole(&self.rest) {
            let message: Vec<u8> = self.rest.drain(..length).collect();
            messages.push(Message::parse(&message));
        }
        messages
    }
}

/// How long the first message is, if all of it is there.
fn whole(bytes: &[u8]) -> Option<usize> {
    let text = std::str::from_utf8(bytes).unwrap();
    let head = text.find("\r\n\r\n")? + 4;
    let length = text[..head].split("Content-Length: ").nth(1)?;
    let length: usize = length.split("\r\n").next()?.parse().unwrap();
    (bytes.len() >= head + length).then_some(head + length)
}

/// A certificate for a name that vouches for itself, and who believes it.
fn identity(folder: &Path, name: &str) -> (Arc<Identity>, Authorities) {
    let [certificate, key] = ["pem", "key"].map(|end| folder.join(format!("{name}.{end}")));
    let identity = Identity::load_or_create(&certificate, &key, &[name.to_owned()]).unwrap();
    (Arc::new(identity), Authorities::read(&certificate).unwrap())
}

/// A session description with these lines of sound.
fn sound(lines: &str) -> String {
    format!("v=0\r\no=- 1 1 IN IP4 {EXCHANGE}\r\ns=-\r\nc=IN IP4 {EXCHANGE}\r\nt=0 0\r\n{lines}")
}

fn plain() -> String {
    sound("m=audio 4000 RTP/AVP 9 8 101\r\na=rtpmap:101 telephone-event/8000\r\n")
}

fn encrypted() -> String {
    sound(&format!(
        "m=audio 4000 RTP/SAVP 9 8 101\r\na=rtpmap:101 telephone-event/8000\r\n{CRYPTO}"
    ))
}

#[tokio::test(start_paused = true)]
async fn fritzbox() {
    let mut exchange = Exchange::of(Preset::Fritzbox, "fritz.box").await;
    exchange.registers("", "").await;
    let own = exchange.own();
    assert_eq!(exchange.calls(&own, 1, "", &plain()).await, 200);
    // Who dials from within the router's network may name its extension.
    assert_eq!(
        exchange.calls("sip:620@192.0.2.1", 2, "", &plain()).await,
        404
    );
    assert_snapshot!(exchange.ladder);
}

/// What Telekom says about the security of sound.
const MEDIASEC: &str = "Security-Server: msrp-tls;mediasec\r\nSecurity-Server: sdes-srtp;mediasec\r\n\
                        Security-Server: dtls-srtp;mediasec\r\n";

#[tokio::test(start_paused = true)]
async fn telekom_companyflex() {
    let host = "55100000000.primary.companyflex.de";
    let mut exchange = Exchange::of(Preset::TelekomCompanyflex, host).await;
    let grants = "Service-Route: <sip:edge.example;transport=tls;lr>\r\n\
                  P-Associated-URI: <sip:+4930123456@tel.t-online.de>\r\n";
    exchange.registers(MEDIASEC, grants).await;
    let own = exchange.own();
    let fields = "Record-Route: <sip:edge.example;transport=tls;lr>\r\nSession-Expires: 1800;refresher=uac\r\n\
                  Supported: timer,100rel\r\nP-Called-Party-ID: <sip:+4930123456@tel.t-online.de>\r\n";
    let offer = format!("{}a=3ge2ae:requested\r\n", encrypted());
    assert_eq!(exchange.calls(&own, 1, fields, &offer).await, 200);
    assert_eq!(exchange.calls(&own, 2, fields, &plain()).await, 488);
    assert_snapshot!(exchange.ladder);
}

#[tokio::test(start_paused = true)]
async fn telekom_cloudpbx() {
    let mut exchange = Exchange::of(Preset::TelekomCloudpbx, "hpbx.deutschland-lan.de").await;
    exchange.registers(MEDIASEC, "").await;
    let own = exchange.own();
    assert_eq!(exchange.calls(&own, 1, "", &encrypted()).await, 200);
    // An offer that comes late: ours asks for protection as far as the carrier's edge.
    exchange.asks("INVITE", &own, 2, "", "").await;
    let ours = &exchange.heard.last().unwrap().body;
    assert!(ours.contains("a=3ge2ae:requested\r\n"), "{ours}");
    let contact = exchange.heard.last().unwrap().contact().unwrap();
    let answer = encrypted().replace("crypto:1", "crypto:3");
    exchange.asks("ACK", &contact, 2, "", &answer).await;
    assert_snapshot!(exchange.ladder);
}

#[tokio::test(start_paused = true)]
async fn sipgate() {
    let mut exchange = Exchange::of(Preset::Sipgate, "sipconnect.sipgate.de").await;
    exchange.registers("", "").await;
    let number = "sip:4930123456@192.0.2.1;transport=tls";
    let asserted = "P-Asserted-Identity: <sip:4940987654@sipgate.de>\r\n";
    assert_eq!(exchange.calls(number, 1, asserted, &encrypted()).await, 200);
    let other = "sip:4930999999@192.0.2.1;transport=tls";
    assert_eq!(exchange.calls(other, 2, asserted, &encrypted()).await, 404);
    assert_snapshot!(exchange.ladder);
}

#[tokio::test(start_paused = true)]
async fn three_cx() {
    let mut exchange = Exchange::of(Preset::ThreeCx, "example.3cx.eu").await;
    exchange.registers("", "").await;
    let own = exchange.own();
    let both = sound(&format!(
        "m=audio 4000 RTP/SAVP 8 101\r\na=rtpmap:101 telephone-event/8000\r\n{CRYPTO}m=audio 4002 RTP/AVP 8 101\r\n\
         a=rtpmap:101 telephone-event/8000\r\n"
    ));
    assert_eq!(
        exchange
            .calls(&own, 1, "Supported: replaces, timer\r\n", &both)
            .await,
        200
    );
    // A fax that is offered in mid-call is refused, and the call goes on.
    let fax = sound("m=image 4000 udptl t38\r\n");
    exchange.asks("INVITE", &own, 1, "", &fax).await;
    exchange.asks("ACK", &own, 1, "", "").await;
    exchange.asks("OPTIONS", &own, 1, "", "").await;
    assert_snapshot!(exchange.ladder);
}

#[tokio::test(start_paused = true)]
async fn asterisk() {
    let mut exchange = Exchange::of(Preset::Asterisk, EXCHANGE).await;
    let bridge = "sip:bridge@192.0.2.1;transport=tls";
    // Whether we are there (qualify), with its own optimistic encryption, then the telephones among themselves (direct media).
    exchange.asks("OPTIONS", bridge, 9, "", "").await;
    let optimistic = plain() + CRYPTO;
    assert_eq!(
        exchange
            .calls(
                bridge,
                1,
                "Supported: 100rel, timer, replaces\r\n",
                &optimistic
            )
            .await,
        200
    );
    let direct = optimistic.replace("c=IN IP4 198.51.100.1", "c=IN IP4 198.51.100.77");
    assert_eq!(exchange.calls(bridge, 1, "", &direct).await, 200);
    assert_snapshot!(exchange.ladder);
}

#[tokio::test(start_paused = true)]
async fn freeswitch() {
    let mut exchange = Exchange::of(Preset::Freeswitch, EXCHANGE).await;
    let bridge = "sip:bridge@192.0.2.1;transport=tls";
    let timer =
        "Supported: timer, path, replaces\r\nSession-Expires: 1800;refresher=uac\r\nMin-SE: 90\r\n";
    let both = sound(&format!(
        "m=audio 4000 RTP/SAVP 9 8 101\r\na=rtpmap:101 telephone-event/8000\r\n{CRYPTO}\
         m=audio 4000 RTP/AVP 9 8 101\r\na=rtpmap:101 telephone-event/8000\r\n"
    ));
    assert_eq!(exchange.calls(bridge, 1, timer, &both).await, 200);
    // An offer that is asked for in mid-call, and answered with what we cannot do: the call cannot go on.
    exchange.asks("INVITE", bridge, 1, timer, "").await;
    let unfit = sound("m=audio 0 RTP/SAVP 9\r\nm=audio 0 RTP/AVP 9\r\n");
    exchange.asks("ACK", bridge, 1, "", &unfit).await;
    assert_eq!(exchange.heard.last().unwrap().method(), "BYE");
    exchange.answers(200, "OK", "").await;
    // An offer that comes late: ours is answered in the ACK.
    exchange.asks("INVITE", bridge, 2, timer, "").await;
    let contact = exchange.heard.last().unwrap().contact().unwrap();
    exchange
        .asks(
            "ACK",
            &contact,
            2,
            "",
            &encrypted().replace("crypto:1", "crypto:3"),
        )
        .await;
    exchange.asks("BYE", &contact, 2, "", "").await;
    assert_snapshot!(exchange.ladder);
}

#[tokio::test(start_paused = true)]
async fn kamailio() {
    let mut exchange = Exchange::of(Preset::Kamailio, EXCHANGE).await;
    let room = exchange.world.room().room.number.clone();
    let target = format!("sip:{room}@192.0.2.1;transport=tls");
    let routes = "Record-Route: <sip:198.51.100.1;transport=tls;r2=on;lr>\r\nRecord-Route: <sip:198.51.100.1;r2=on;lr>\r\n";
    let behind = encrypted().replace("c=IN IP4 198.51.100.1", "c=IN IP4 198.51.100.40");
    assert_eq!(exchange.calls(&target, 1, routes, &behind).await, 200);
    // Three tries, then we hang up: the farewell takes the way back through both.
    exchange.wait(300 * SECOND).await;
    assert_eq!(
        exchange.heard.last().unwrap().method(),
        "BYE",
        "{}",
        exchange.ladder
    );
    assert_snapshot!(exchange.ladder);
}

/// Whoever adds a preset adds its ladder.
#[test]
fn every_preset_has_its_ladder() {
    let own = include_str!("presets.rs");
    for preset in Preset::value_variants() {
        assert!(
            own.contains(&format!("Exchange::of(Preset::{preset:?},")),
            "{preset:?}"
        );
    }
}
