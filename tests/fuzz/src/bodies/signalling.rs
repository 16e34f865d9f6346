//! Signalling: SIP messages, who is called by whom, keys in INFO, a registrar's answers, session descriptions.

use std::{
    sync::LazyLock,
    time::{Duration, Instant},
};

use rand::{SeedableRng, rngs::StdRng};
use sip::{
    Account, CallRef, Command, Dial, Endpoint, EndpointConfig, Event, Flow, Protocol, Registrar,
    Transmit, TrunkCommand, TrunkRef,
    limit::{MEDIA_LINES, NAME_CHARS},
    redact::{Pii, Secret},
    sdp::{
        AudioCodec, Bindings, Description, Keying, Keyring, Local, Policy, Security,
        offer_answer::{answer, conclude, offer},
    },
};

use super::{joined, parts, t0};

const SECOND: Duration = Duration::from_secs(1);
const PASSWORD: &str = "canary-password";
const SDP: &str = "v=0\r\no=- 1 1 IN IP4 198.51.100.7\r\ns=-\r\nc=IN IP4 198.51.100.7\r\nt=0 0\r\n\
    m=audio 4000 RTP/AVP 8 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\n";

static RING: LazyLock<Keyring> = LazyLock::new(|| Keyring::draw(&mut StdRng::seed_from_u64(1)));

fn local(policy: Policy) -> Local<'static> {
    Local {
        address: [192, 0, 2, 1].into(),
        rtp_port: 30_000,
        session_id: 7,
        session_version: 1,
        codecs: &AudioCodec::ALL,
        keying: Keying {
            policy,
            ring: &RING,
            fingerprint: Some("AB:CD"),
            current: &Security::Plain,
            mediasec: false,
        },
        allowed: &|_| false,
        hidden: sip::sdp::Hidden::default(),
    }
}

/// An endpoint, who speaks to it, and the door behind it.
struct World {
    endpoint: Endpoint,
    now: Instant,
    flow: Flow,
    /// What was asked of us and what we ask, so that what comes next may belong to it.
    asked: String,
    /// Our tag of the last message.
    tag: String,
    calls: Vec<CallRef>,
    ended: Vec<CallRef>,
    sent: usize,
    reactions: usize,
}

impl World {
    fn new(protocol: Protocol) -> Self {
        let local = ([192, 0, 2, 1], 5060).into();
        let remote = ([198, 51, 100, 7], 5060).into();
        Self {
            endpoint: Endpoint::new(EndpointConfig::new([7; 32])),
            now: t0(),
            flow: Flow::new(protocol, local, remote, u64::from(protocol.is_stream())),
            asked: String::new(),
            tag: String::new(),
            calls: Vec::new(),
            ended: Vec::new(),
            sent: 0,
            reactions: 0,
        }
    }

    /// A peer says something, in which our tag and the header fields of our last request may be named.
    fn hear(&mut self, bytes: &[u8]) -> Vec<Event> {
        let bytes = filled(bytes, &[(b"%TAG%", &self.tag), (b"%ASKED%", &self.asked)]);
        if self.flow.protocol.is_stream() {
            self.endpoint.handle_stream(self.flow, &bytes, self.now);
        } else {
            self.endpoint.handle_datagram(self.flow, &bytes, self.now);
        }
        self.drain()
    }

    /// Does what the door does; all that is sent goes to who spoke.
    fn drain(&mut self) -> Vec<Event> {
        let mut told = Vec::new();
        loop {
            let events: Vec<_> = std::iter::from_fn(|| self.endpoint.poll_event()).collect();
            while let Some(transmit) = self.endpoint.poll_transmit() {
                self.note(&transmit);
            }
            while self.endpoint.poll_close().is_some() {
                self.endpoint.handle_closed(self.flow, self.now);
            }
            if events.is_empty() {
                return told;
            }
            for event in &events {
                self.react(event);
            }
            told.extend(events);
        }
    }

    fn note(&mut self, transmit: &Transmit) {
        // Without `rport` the port is the one that a Via names (RFC 3261 §18.2.2).
        let (to, from) = (transmit.flow, self.flow);
        let addressed = |flow: Flow| (flow.protocol, flow.local, flow.remote.ip(), flow.id);
        assert_eq!(addressed(to), addressed(from), "sent to somebody else");
        self.sent += 1;
        let text = String::from_utf8_lossy(&transmit.bytes);
        assert!(!text.contains(PASSWORD), "a password is sent");
        let own = if text.starts_with("SIP/2.0") {
            "To:"
        } else {
            "From:"
        };
        if let Some((_, tag)) = line(&text, own).and_then(|to| to.split_once(";tag=")) {
            tag.clone_into(&mut self.tag);
        }
        if !text.starts_with("SIP/2.0") && !text.starts_with("ACK") {
            let fields =
                ["Via:", "From:", "To:", "Call-ID:", "CSeq:"].map(|name| line(&text, name));
            let fields = fields.into_iter().flatten();
            self.asked = fields.map(|line| format!("{line}\r\n")).collect();
        }
    }

    fn react(&mut self, event: &Event) {
        self.reactions += 1;
        if let Event::Invite { call, offer, .. } = event {
            self.calls.push(*call);
            self.decide(*call, offer.as_ref());
        } else if let Event::Reinvite { call, offer } = event {
            self.decide(*call, offer.as_ref());
        } else if let Event::Established { call, .. } = event
            && self.reactions.is_multiple_of(3)
        {
            self.endpoint
                .handle(Command::Ping { call: *call }, self.now);
        } else if let Event::Ended { call, .. } = event {
            assert!(!self.ended.contains(call), "a call ends twice");
            self.ended.push(*call);
        }
    }

    /// Takes a call or refuses it, by turns.
    fn decide(&mut self, call: CallRef, asked: Option<&Description>) {
        let ours = local(Policy::Off);
        let described = match asked {
            Some(asked) => answer(asked, &ours)
                .ok()
                .map(|(description, _)| description),
            None => Some(offer(&ours, &Bindings::default())),
        };
        let command = match described {
            Some(sdp) if self.reactions % 4 != 2 => Command::Accept { call, sdp },
            _ => Command::Reject {
                call,
                status: 488,
                reason: "Not Acceptable Here",
                retry_after: None,
                cause: None,
            },
        };
        self.endpoint.handle(command, self.now);
    }

    fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some(next) = self.endpoint.poll_timeout().filter(|next| *next <= until) {
            self.now = self.now.max(next);
            self.endpoint.handle_timeout(self.now);
            self.drain();
        }
        self.now = until;
    }

    /// Hangs up; in the end nothing is held, and every call has ended.
    fn end(mut self) {
        for call in self.calls.clone() {
            self.endpoint
                .handle(Command::Bye { call, cause: None }, self.now);
        }
        self.drain();
        for _ in 0..2_000 {
            let Some(next) = self.endpoint.poll_timeout() else {
                break;
            };
            self.now = self.now.max(next);
            self.endpoint.handle_timeout(self.now);
            self.drain();
        }
        assert_eq!(
            self.endpoint.poll_timeout(),
            None,
            "something goes on for ever"
        );
        assert_eq!(
            (self.endpoint.calls(), self.endpoint.transactions()),
            (0, 0)
        );
        assert!(
            self.calls.iter().all(|call| self.ended.contains(call)),
            "a call never ends"
        );
        assert!(self.sent < 1_000, "{} messages", self.sent);
    }
}

/// The line of a message that begins so.
fn line<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.split("\r\n").find(|line| line.starts_with(name))
}

/// Replaces names by what they stand for.
fn filled(bytes: &[u8], names: &[(&[u8], &str)]) -> Vec<u8> {
    let mut rest = bytes;
    let mut filled = Vec::with_capacity(bytes.len());
    while let Some((first, tail)) = rest.split_first() {
        match names.iter().find(|(name, _)| rest.starts_with(name)) {
            Some((name, value)) => {
                filled.extend(value.as_bytes());
                rest = &rest[name.len()..];
            }
            None => {
                filled.push(*first);
                rest = tail;
            }
        }
    }
    filled
}

/// Messages: the first octet says over what and within what, each part is a datagram or a piece of a stream, one every
/// second.
pub(super) fn sip(input: &[u8]) {
    let Some((kind, rest)) = input.split_first() else {
        return;
    };
    let protocol = if kind & 1 == 0 {
        Protocol::Udp
    } else {
        Protocol::Tcp
    };
    let mut world = World::new(protocol);
    match kind >> 1 & 3 {
        1 => {
            world.hear(request("INVITE", 1, "", "", SDP).as_bytes());
            world.hear(request("ACK", 1, ";tag=%TAG%", "", "").as_bytes());
        }
        2 => dial(&mut world),
        _ => {}
    }
    for part in parts(rest) {
        world.hear(part);
        world.pass(SECOND);
    }
    world.end();
}

/// We call somebody.
fn dial(world: &mut World) {
    let call = world.endpoint.reserve();
    let dial = Box::new(Dial {
        flow: world.flow,
        trunk: None,
        target: Pii::new("sip:+49301234@carrier.example".to_owned()),
        from: Pii::new("sip:+4930900@carrier.example".to_owned()),
        identity: None,
        sdp: offer(&local(Policy::Off), &Bindings::default()),
        within: Duration::from_secs(60),
        session_interval: None,
    });
    world
        .endpoint
        .handle(Command::Invite { call, dial }, world.now);
    world.calls.push(call);
    world.drain();
}

fn request(method: &str, cseq: u32, to: &str, fields: &str, body: &str) -> String {
    let kind = if body.is_empty() {
        ""
    } else {
        "Content-Type: application/sdp\r\n"
    };
    format!(
        "{method} sip:4711@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.7:5060;branch=z9hG4bK{method}{cseq};rport\r\n\
         Max-Forwards: 70\r\nFrom: \"Anna\" <sip:+4930123456@198.51.100.7>;tag=phone\r\nTo: <sip:4711@192.0.2.1>{to}\r\n\
         Call-ID: call-1\r\nCSeq: {cseq} {method}\r\nContact: <sip:anna@198.51.100.7>\r\n{fields}{kind}\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn response(status: &str, fields: &str, body: &str) -> String {
    format!(
        "SIP/2.0 {status}\r\n%ASKED%{fields}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

pub(super) fn sip_seeds() -> Vec<Vec<u8>> {
    let alone = [
        "OPTIONS",
        "REGISTER",
        "MESSAGE",
        "REFER",
        "SUBSCRIBE",
        "PUBLISH",
        "NOTIFY",
        "FOO",
    ];
    let alone = alone.map(|method| talk(0, &[request(method, 1, "", "", "")]));
    [
        &alone[..],
        &calls(),
        &bodies(),
        &within_calls(),
        &calls_of_ours(),
    ]
    .concat()
}

fn talk(kind: u8, texts: &[String]) -> Vec<u8> {
    let parts = texts.iter().map(|text| text.clone().into_bytes());
    joined(&[kind], &parts.collect::<Vec<_>>())
}

fn within(method: &str, cseq: u32, body: &str) -> String {
    request(method, cseq, ";tag=%TAG%", "", body)
}

const TIMER: &str =
    "Supported: timer, 100rel\r\nSession-Expires: 90;refresher=uac\r\nAllow: UPDATE\r\n";

/// Somebody calls, over datagrams and streams.
fn calls() -> Vec<Vec<u8>> {
    let routes = "Record-Route: <sip:p1.example;lr>, <sip:p2.example;lr>\r\nRequire: 100rel\r\n";
    let invite = |fields: &str, body: &str| request("INVITE", 1, "", fields, body);
    let compact = "OPTIONS sip:a@b SIP/2.0\r\nv: SIP/2.0/TCP h;branch=z9hG4bKc\r\nf: <sip:a@b>;tag=1\r\nt: sip:a@b\r\n\
        i: c\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 0\r\nl: 0\r\n\r\n";
    let (head, tail) = compact.split_at(60);
    let cancel = request("CANCEL", 1, "", "", "");
    let pings = "\r\n\r\n".to_owned() + compact;
    let (ack, answering, bye) = (
        within("ACK", 1, ""),
        within("ACK", 1, SDP),
        within("BYE", 2, ""),
    );
    vec![
        talk(0, &[invite(routes, SDP), cancel]),
        talk(0, &[invite(TIMER, ""), answering, bye]),
        talk(1, &[pings, invite("", SDP), ack]),
        talk(1, &[head.to_owned(), tail.to_owned() + compact]),
    ]
}

/// Bodies of several parts, and of none that we know.
fn bodies() -> Vec<Vec<u8>> {
    let isup = "Content-Type: application/isup;version=x\r\nContent-Disposition: signal;handling=optional\r\n";
    let sdp = format!("--b\r\nContent-Type: application/sdp\r\n\r\n{SDP}");
    let mixed = format!("{sdp}\r\n--b\r\n{isup}\r\n\u{1}\u{0}I\r\n--b--\r\n");
    let nested =
        "--b\nContent-Type: multipart/alternative;\n boundary=\"b--\"\n\n--b--\n\nx\n--b----\n"
            .repeat(4);
    let twice = format!("{sdp}\r\n{sdp}\r\n--b");
    let invite = |kind: &str, body: &str| {
        let text = request("INVITE", 1, "", "", body);
        talk(
            0,
            &[text.replacen("Type: application/sdp", &format!("Type: {kind}"), 1)],
        )
    };
    let optional = "x/y\r\nContent-Disposition: render;handling=optional";
    vec![
        invite("multipart/mixed;boundary=b", &mixed),
        invite("multipart/related;boundary=\"b\"", &nested),
        invite("multipart/mixed;boundary=b", &twice),
        invite("multipart/mixed;boundary=b", &"--b\r\n".repeat(64)),
        invite(optional, "x"),
    ]
}

/// What a peer says within a call of theirs.
fn within_calls() -> Vec<Vec<u8>> {
    let reason =
        "Reason: Q.850;cause=16;text=\"Terminated\"\r\nReplaces: x;to-tag=1;from-tag=2\r\n";
    let update = request("UPDATE", 2, ";tag=%TAG%", TIMER, "");
    let bye = request("BYE", 3, ";tag=%TAG%", reason, "");
    let reinvite = [within("INVITE", 2, ""), within("ACK", 2, SDP)];
    let later = [within("UPDATE", 3, SDP), within("PRACK", 4, "")];
    let questions = [within("INFO", 2, ""), response("200 OK", "", "")];
    let end = [within("OPTIONS", 3, ""), within("BYE", 4, "")];
    vec![
        talk(2, &[reinvite, later].concat()),
        talk(2, &[questions, end].concat()),
        talk(2, &[update, bye]),
    ]
}

/// What whom we call answers.
fn calls_of_ours() -> Vec<Vec<u8>> {
    let contact = "Contact: <sip:b@198.51.100.7>\r\nContent-Type: application/sdp\r\n";
    let reliable = format!("{contact}Require: 100rel\r\nRSeq: 1\r\n");
    let challenge = "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\n";
    let elsewhere = "Contact: <sip:0900@premium.example>\r\n";
    let answers = [
        response("183 Session Progress", &reliable, SDP),
        response("200 OK", contact, SDP),
        request("BYE", 1, ";tag=%TAG%", "", ""),
    ];
    vec![
        talk(4, &answers),
        talk(4, &[response("401 Unauthorized", challenge, "")]),
        talk(4, &[response("302 Moved", elsewhere, "")]),
    ]
}

/// Who is called by whom: the input is all of an INVITE's header fields that say so, from the Request-URI on. What the
/// door is told of it is clean.
pub(super) fn invite(input: &[u8]) {
    let mut world = World::new(Protocol::Udp);
    let [target, fields, ..] = parts(input)[..] else {
        return;
    };
    let mut bytes = b"INVITE ".to_vec();
    bytes.extend(target);
    bytes.extend(
        b" SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.7:5060;branch=z9hG4bKa;rport\r\nMax-Forwards: 70\r\n\
          Call-ID: call-1\r\nCSeq: 1 INVITE\r\nContact: <sip:anna@198.51.100.7>\r\nContent-Length: 0\r\n",
    );
    bytes.extend(fields);
    bytes.extend(b"\r\n\r\n");
    for event in world.hear(&bytes) {
        let Event::Invite { asked, .. } = event else {
            continue;
        };
        for caller in [Some(&asked.caller), asked.asserted.as_ref()]
            .into_iter()
            .flatten()
        {
            let number = caller.number.as_ref().map(Pii::expose);
            let name = caller.name.as_ref().map(Pii::expose);
            for text in [number, name].into_iter().flatten() {
                assert!(!text.is_empty() && text.chars().count() <= NAME_CHARS);
                assert!(
                    !text
                        .chars()
                        .any(|c| c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c))
                );
            }
        }
        assert!(!format!("{asked:?}").contains("canary"));
    }
    world.end();
}

pub(super) fn invite_seeds() -> Vec<Vec<u8>> {
    let input = |target: &str, fields: &str| joined(&[], &[target.into(), fields.into()]);
    let from = "From: \"Anna\\\" canary\" <sip:+4930123456@h>;tag=1\r\nTo: <sip:4711@192.0.2.1>";
    vec![
        input("sip:4711;phone-context=+49@192.0.2.1;user=phone", from),
        input("tel:+49-30-(123)456;phone-context=example.com", from),
        input(
            "sips:%2b4930123456@[2001:db8::1]:5061;transport=tcp?x=y",
            from,
        ),
        input("urn:service:sos.fire", from),
        input(
            "sip:a@b",
            &format!(
                "{from}\r\nP-Asserted-Identity: \"B\" <sip:+491@c>, <tel:+491>\r\nPrivacy: id;user"
            ),
        ),
        input(
            "sip:a@b",
            &format!("{from}\r\nP-Called-Party-ID: <tel:+4930>\r\nP-Asserted-Identity : <sip:x@y>"),
        ),
        input(
            "sip:a@b",
            "f: \u{202e}\u{1b}[31mcanary <sip:<script>@h>;tag=1\r\nt: sip:a@b",
        ),
        input(
            "sip:a@b",
            "From: \"Anonymous\" <sip:anonymous@anonymous.invalid>;tag=1\r\nTo: sip:a@b",
        ),
    ]
}

/// Keys: the first octet chooses the Content-Type, the rest is the body of an INFO within a call.
pub(super) fn info(input: &[u8]) {
    let Some((kind, body)) = input.split_first() else {
        return;
    };
    let mut world = World::new(Protocol::Udp);
    world.hear(request("INVITE", 1, "", "", SDP).as_bytes());
    world.hear(request("ACK", 1, ";tag=%TAG%", "", "").as_bytes());
    let kinds = ["dtmf-relay", "dtmf", "sdp", "DTMF-Relay; charset=utf-8"];
    let kind = kinds[usize::from(*kind) % kinds.len()];
    let length = body.len();
    let head = request(
        "INFO",
        2,
        ";tag=%TAG%",
        &format!("Content-Type: application/{kind}\r\n"),
        "",
    );
    let head = head.replace("Content-Length: 0", &format!("Content-Length: {length}"));
    let mut text = head.into_bytes();
    text.extend(body);
    let events = world.hear(&text);
    let is_key = |event: &Event| {
        let Event::Key { digit, .. } = event else {
            return false;
        };
        assert!(matches!(digit, '0'..='9' | '*' | '#' | 'A'..='D'));
        true
    };
    assert!(events.iter().filter(|event| is_key(event)).count() <= 1);
    world.end();
}

pub(super) fn info_seeds() -> Vec<Vec<u8>> {
    let bodies: [(u8, &[u8]); 7] = [
        (0, b"Signal=5\r\nDuration=160\r\n"),
        (0, b"Signal= *\r\n"),
        (0, b"signal=11\nDuration=100"),
        (1, b"7"),
        (1, b" #\r\n"),
        (2, b"v=0\r\n"),
        (3, b"Signal=A\r\n"),
    ];
    bodies
        .iter()
        .map(|(kind, body)| [&[*kind][..], *body].concat())
        .collect()
}

/// A registrar: each part is a status, by its first octet, and the header fields of an answer to our REGISTER. The
/// password is never sent, and nobody keeps us busy.
pub(super) fn registrar(input: &[u8]) {
    let mut world = World::new(Protocol::Udp);
    let trunk = TrunkRef(0);
    let registrar = Box::new(Registrar {
        domain: "carrier.example".to_owned(),
        address_of_record: Pii::new("sip:+4930900@carrier.example".to_owned()),
        contact_user: Secret::new("token".to_owned()),
        expires: Duration::from_secs(600),
        account: Account {
            user: Pii::new("user".to_owned()),
            password: Secret::new(PASSWORD.to_owned()),
            realm: None,
        },
        proxy: None,
        instance: None,
        mediasec: true,
    });
    let flow = world.flow;
    let command = TrunkCommand::Register { registrar, flow };
    world
        .endpoint
        .handle(Command::Trunk { trunk, command }, world.now);
    world.drain();
    let statuses = [
        "401 U", "407 P", "200 OK", "423 T", "403 F", "503 S", "100 T", "302 M",
    ];
    let parts = parts(input);
    for part in &parts {
        let Some((status, fields)) = part.split_first() else {
            continue;
        };
        let mut bytes = format!("SIP/2.0 {}\r\n", statuses[usize::from(status % 8)]).into_bytes();
        bytes.extend(b"%ASKED%");
        bytes.extend(fields);
        bytes.extend(b"\r\nContent-Length: 0\r\n\r\n");
        world.hear(&bytes);
        world.pass(SECOND);
    }
    assert!(world.sent <= 8 + 8 * parts.len(), "{} requests", world.sent);
    world.pass(Duration::from_secs(3_600));
    let command = TrunkCommand::Unregister;
    world
        .endpoint
        .handle(Command::Trunk { trunk, command }, world.now);
    world.end();
}

pub(super) fn registrar_seeds() -> Vec<Vec<u8>> {
    let parts = |rows: &[(u8, &str)]| {
        let parts: Vec<_> = rows
            .iter()
            .map(|(status, fields)| [&[*status][..], fields.as_bytes()].concat())
            .collect();
        joined(&[], &parts)
    };
    let challenge = "WWW-Authenticate: Digest realm=\"carrier.example\", nonce=\"n\", qop=\"auth,auth-int\", \
        algorithm=SHA-256, opaque=\"o\"\r\nWWW-Authenticate: Digest realm=\"x\", nonce=\"n\", algorithm=MD5";
    let stale = "WWW-Authenticate: Digest realm=\"carrier.example\", nonce=\"m\", stale=true, algorithm=MD5-sess";
    let proxy =
        "Proxy-Authenticate: Digest nonce=\"n\", realm=\"carrier.example\", domain=\"/\", qop=auth";
    let granted = "Contact: <sip:other@h>;expires=9, <sip:token@10.0.0.1:5062>;expires=60\r\nService-Route: <sip:s;lr>\r\n\
        Expires: 300\r\nPath: <sip:p;lr>";
    let secured = "Security-Server: sdes-srtp;mediasec\r\nSecurity-Server: msrp-tls;mediasec\r\n\
        WWW-Authenticate: Digest realm=\"carrier.example\", nonce=\"n\"";
    vec![
        parts(&[(0, challenge), (2, granted)]),
        parts(&[(0, challenge), (0, stale), (1, proxy), (2, granted)]),
        parts(&[(0, secured), (2, "Contact: *"), (2, granted)]),
        parts(&[(3, "Min-Expires: 1200"), (2, granted)]),
        parts(&[
            (3, "Min-Expires: 99999999999"),
            (5, "Retry-After: 120 (later);duration=3"),
        ]),
        parts(&[(4, ""), (7, "Contact: <sip:a@b>"), (6, "")]),
        parts(&[
            (0, "WWW-Authenticate: Digest realm=\"\""),
            (0, "WWW-Authenticate: Basic realm=\"r\""),
        ]),
        parts(&[(0, "WWW-Authenticate: Digest"), (0, "WWW-Authenticate:")]),
    ]
}

/// Descriptions: as an offer under each policy, and as an answer to our offer.
pub(super) fn sdp(input: &[u8]) {
    let Ok(description) = Description::parse(input) else {
        return;
    };
    assert!(description.media.len() <= MEDIA_LINES);
    let printed = description.print();
    assert_eq!(
        Description::parse(printed.as_bytes()),
        Ok(description.clone())
    );
    let mut bindings = Bindings::default();
    bindings.note(&description);
    for policy in [Policy::Off, Policy::Preferred, Policy::Required] {
        let ours = local(policy);
        if let Ok((answered, agreed)) = answer(&description, &ours) {
            assert_eq!(answered.media.len(), description.media.len());
            assert_eq!(
                answered
                    .media
                    .iter()
                    .filter(|media| media.port != 0)
                    .count(),
                1
            );
            assert!(policy != Policy::Required || agreed.security.is_protected());
            assert!([10, 20, 30, 40, 60].contains(&agreed.ptime));
            let remote = agreed.remote_rtp.expose().ip();
            let special = remote.is_loopback()
                || remote.is_multicast()
                || (remote.is_unspecified() && agreed.phone_hears);
            assert!(!special, "media would go to {remote}");
            assert_eq!(
                Description::parse(answered.print().as_bytes()),
                Ok(answered)
            );
        }
        let offered = offer(&ours, &bindings);
        if let Ok(agreed) = conclude(&offered, &description, &ours) {
            assert!(policy != Policy::Required || agreed.security.is_protected());
        }
    }
}

pub(super) fn sdp_seeds() -> Vec<Vec<u8>> {
    let head = "v=0\r\no=- 1 1 IN IP4 198.51.100.7\r\ns=-\r\nc=IN IP4 198.51.100.7\r\nt=0 0\r\n";
    let key = "MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkw";
    let long = "MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDEyMzQ=";
    let digest = (0..32)
        .map(|n| format!("{n:02X}"))
        .collect::<Vec<_>>()
        .join(":");
    let media = [
        "m=audio 4000 RTP/AVP 0 8 9 101\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:30\r\na=maxptime:60\r\n",
        "m=audio 4000/2 RTP/AVPF 111 100\r\na=rtpmap:111 opus/48000/2\r\na=fmtp:111 useinbandfec=1\r\na=rtpmap:100 telephone-event/48000\r\n\
         a=rtcp:4005 IN IP4 198.51.100.8\r\na=rtcp-mux\r\na=sendonly\r\n",
        "m=video 0 RTP/AVP 31\r\nm=audio 4000 RTP/AVP 8\r\nc=IN IP4 0.0.0.0\r\na=inactive\r\nm=image 9 udptl t38\r\n",
        "m=audio 4000 RTP/AVP 8\r\nc=IN IP6 2001:db8::7\r\na=recvonly\r\na=ptime:20\r\n",
        "c=IN IP4 127.0.0.1\r\na=sendrecv\r\nm=audio 4000 RTP/AVP 8\r\n",
    ];
    let mut seeds: Vec<Vec<u8>> = media
        .iter()
        .map(|media| format!("{head}{media}").into_bytes())
        .collect();
    let keyed = [
        format!(
            "m=audio 4000 RTP/SAVP 8\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{key}|2^31\r\n"
        ),
        format!(
            "m=audio 4000 RTP/AVP 8\r\na=crypto:1 AEAD_AES_256_GCM inline:{long}\r\na=crypto:2 AEAD_AES_128_GCM inline:{key}|2^20|1:4\r\n"
        ),
        format!(
            "m=audio 4000 UDP/TLS/RTP/SAVP 8\r\na=setup:actpass\r\na=fingerprint:SHA-256 {digest}\r\na=tls-id:1\r\n"
        ),
        format!(
            "a=fingerprint:sha-256 {digest}\r\nm=audio 4000 RTP/AVP 8\r\na=setup:passive\r\na=tcap:1 RTP/SAVP\r\na=pcfg:1 t=1\r\n"
        ),
        format!(
            "m=audio 4000 RTP/AVP 8\r\na=tcap:1 RTP/SAVPF RTP/SAVP\r\na=acap:1 crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{key}\r\na=acap:2 rtcp-mux\r\na=pcfg:1 t=2|1 a=-m:1,[2]\r\n"
        ),
    ];
    seeds.extend(
        keyed
            .iter()
            .map(|media| format!("{head}{media}").into_bytes()),
    );
    seeds
}
