//! A carrier, its registrar and those whom we call through it, by hand: over a lossy wire in virtual time.
#![allow(dead_code, reason = "each test binary uses a part of the carrier")]

use std::{
    collections::{BTreeMap, VecDeque},
    time::{Duration, Instant},
};

use rsip::{
    headers::auth::{Algorithm, AuthQop},
    services::DigestGenerator,
};
use sip::{
    Account, CallRef, Command, Dial, Ended, Endpoint, Event, Flow, Protocol, Registrar,
    TrunkCommand, TrunkEvent, TrunkRef,
    redact::{Pii, Secret},
    sdp::{Bindings, offer_answer::offer},
};

use crate::world::{endpoint, field, local, t0};

/// One way over the wire.
const LATENCY: Duration = Duration::from_millis(10);

/// The one trunk of these tests.
pub(crate) const TRUNK: TrunkRef = TrunkRef(0);

/// What whom we call answers to our offer.
pub(crate) const ANSWER: &str = "v=0\r\no=- 9 9 IN IP4 198.51.100.10\r\ns=-\r\nc=IN IP4 198.51.100.10\r\nt=0 0\r\n\
    m=audio 6000 RTP/AVP 8 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\n";

pub(crate) fn udp_to(remote: &str) -> Flow {
    let local = "192.0.2.1:5060".parse().unwrap();
    Flow::new(Protocol::Udp, local, remote.parse().unwrap(), 0)
}

/// The carrier's usual address.
pub(crate) fn udp() -> Flow {
    udp_to("198.51.100.10:5060")
}

pub(crate) fn tls(id: u64) -> Flow {
    Flow {
        protocol: Protocol::Tls,
        id,
        ..udp_to("198.51.100.10:5061")
    }
}

pub(crate) fn registrar() -> Registrar {
    Registrar {
        domain: "carrier.example".to_owned(),
        address_of_record: Pii::new("sip:+4930900@carrier.example".to_owned()),
        contact_user: Secret::new("room17token".to_owned()),
        expires: Duration::from_secs(600),
        account: Account {
            user: Pii::new("canary-user".to_owned()),
            password: Secret::new("canary-password".to_owned()),
            realm: None,
        },
        proxy: None,
        instance: None,
        mediasec: false,
    }
}

/// What the other side does with a request of ours: the messages it sends, after how long each.
pub(crate) type Script = Box<dyn FnMut(&str, Flow) -> Vec<(Duration, String)>>;

pub(crate) struct Network {
    pub(crate) endpoint: Endpoint,
    pub(crate) now: Instant,
    pub(crate) start: Instant,
    pub(crate) script: Script,
    /// The messages that get lost, by number.
    pub(crate) lost: Box<dyn Fn(usize, bool) -> bool>,
    pub(crate) sent: usize,
    /// What was sent, and when; what will be sent later, too.
    lines: Vec<(Instant, String)>,
    pub(crate) events: Vec<Event>,
    /// The requests and responses of ours that arrived.
    pub(crate) heard: Vec<String>,
    wire: BTreeMap<Instant, VecDeque<(bool, Flow, Vec<u8>)>>,
}

impl Network {
    pub(crate) fn new(script: impl FnMut(&str, Flow) -> Vec<(Duration, String)> + 'static) -> Self {
        let start = t0();
        Self {
            endpoint: endpoint(),
            now: start,
            start,
            script: Box::new(script),
            lost: Box::new(|_, _| false),
            sent: 0,
            lines: Vec::new(),
            events: Vec::new(),
            heard: Vec::new(),
            wire: BTreeMap::new(),
        }
    }

    /// The other side answers each request at once.
    pub(crate) fn answering(mut script: impl FnMut(&str) -> Vec<String> + 'static) -> Self {
        Self::new(move |request, _| {
            let answers = script(request).into_iter();
            answers.map(|text| (Duration::ZERO, text)).collect()
        })
    }

    pub(crate) fn command(&mut self, command: Command) {
        self.endpoint.handle(command, self.now);
        self.drain();
    }

    pub(crate) fn trunk(&mut self, command: TrunkCommand) {
        self.command(Command::Trunk {
            trunk: TRUNK,
            command,
        });
        self.run(Duration::ZERO);
    }

    pub(crate) fn register(&mut self, registrar: Registrar, flow: Flow) {
        let registrar = Box::new(registrar);
        self.trunk(TrunkCommand::Register { registrar, flow });
    }

    pub(crate) fn dial(&mut self, flow: Flow, trunk: Option<TrunkRef>) -> CallRef {
        let call = self.endpoint.reserve();
        let dial = Box::new(Dial {
            flow,
            trunk,
            target: Pii::new("sip:+49301234@carrier.example".to_owned()),
            from: Pii::new("sip:+4930900@carrier.example".to_owned()),
            identity: None,
            sdp: offer(&local(), &Bindings::default()),
            within: Duration::from_secs(60),
            session_interval: None,
        });
        self.command(Command::Invite { call, dial });
        call
    }

    pub(crate) fn hang_up(&mut self, call: CallRef) {
        self.command(Command::Bye { call, cause: None });
    }

    /// The other side says something of its own accord.
    pub(crate) fn say(&mut self, flow: Flow, text: &str) {
        self.transport(true, flow, Duration::ZERO, text.as_bytes());
    }

    pub(crate) fn close(&mut self, flow: Flow) {
        self.endpoint.handle_closed(flow, self.now);
        self.drain();
    }

    /// Lets time pass.
    pub(crate) fn run(&mut self, duration: Duration) {
        let end = self.now + duration;
        while let Some(next) = self.next().filter(|next| *next <= end) {
            self.now = self.now.max(next);
            while self
                .wire
                .first_key_value()
                .is_some_and(|(at, _)| *at <= self.now)
            {
                let (_, messages) = self.wire.pop_first().expect("it is not empty");
                for (to_us, flow, bytes) in messages {
                    self.deliver(to_us, flow, &bytes);
                }
            }
            self.endpoint.handle_timeout(self.now);
            self.drain();
        }
        self.now = end;
    }

    pub(crate) fn run_seconds(&mut self, seconds: u64) {
        self.run(Duration::from_secs(seconds));
    }

    /// Everything that was sent, in order.
    pub(crate) fn ladder(&self) -> String {
        let mut lines = self.lines.clone();
        lines.sort_by_key(|(at, _)| *at);
        lines.into_iter().map(|(_, line)| line).collect()
    }

    /// Forgets what was sent.
    pub(crate) fn clear_ladder(&mut self) {
        self.lines.clear();
    }

    /// What the trunk was said to do, in order.
    pub(crate) fn trunk_events(&self) -> Vec<TrunkEvent> {
        let mut found = Vec::new();
        for event in &self.events {
            if let Event::Trunk { what, .. } = event {
                found.push(what.clone());
            }
        }
        found
    }

    pub(crate) fn ended(&self) -> Option<Ended> {
        let mut ended = None;
        for event in &self.events {
            if let Event::Ended { reason, .. } = event {
                assert_eq!(ended, None, "a call ends once");
                ended = Some(*reason);
            }
        }
        ended
    }

    pub(crate) fn count(&self, matches: impl Fn(&Event) -> bool) -> usize {
        self.events.iter().filter(|event| matches(event)).count()
    }

    /// How often we sent this method, retransmissions included, as far as it arrived.
    pub(crate) fn requests(&self, method: &str) -> usize {
        let start = format!("{method} ");
        self.heard
            .iter()
            .filter(|text| text.starts_with(&start))
            .count()
    }

    /// Nothing is left of any call or transaction, when trunks wait for nothing.
    pub(crate) fn is_idle(&self) -> bool {
        (self.endpoint.calls(), self.endpoint.transactions()) == (0, 0)
    }

    fn next(&self) -> Option<Instant> {
        let wire = self.wire.first_key_value().map(|(at, _)| *at);
        wire.into_iter().chain(self.endpoint.poll_timeout()).min()
    }

    fn deliver(&mut self, to_us: bool, flow: Flow, bytes: &[u8]) {
        if to_us {
            if flow.protocol.is_stream() {
                self.endpoint.handle_stream(flow, bytes, self.now);
            } else {
                self.endpoint.handle_datagram(flow, bytes, self.now);
            }
            return self.drain();
        }
        let text = String::from_utf8(bytes.to_vec()).expect("we write text");
        let answers = if text.starts_with("SIP/2.0 ") {
            Vec::new()
        } else {
            (self.script)(&text, flow)
        };
        self.heard.push(text);
        for (after, answer) in answers {
            self.transport(true, flow, after, answer.as_bytes());
        }
    }

    fn drain(&mut self) {
        self.events
            .extend(std::iter::from_fn(|| self.endpoint.poll_event()));
        while let Some(transmit) = self.endpoint.poll_transmit() {
            self.transport(false, transmit.flow, Duration::ZERO, &transmit.bytes);
        }
    }

    fn transport(&mut self, to_us: bool, flow: Flow, after: Duration, bytes: &[u8]) {
        let lost = (self.lost)(self.sent, to_us);
        self.sent += 1;
        let text = String::from_utf8_lossy(bytes);
        let mut lines = text.lines();
        let (left, right) = if to_us {
            ("──", "─▶")
        } else {
            ("◀─", "──")
        };
        let name = match flow.remote.ip().to_string().as_str() {
            "198.51.100.10" => "carrier",
            _ => "second",
        };
        let id = match flow.id {
            0 => String::new(),
            id => format!("#{id}"),
        };
        let gone = if lost { " (lost)" } else { "" };
        let departure = self.now + after;
        let at = (departure - self.start).as_secs_f64();
        let first = lines.next().unwrap_or_default();
        let mut ladder = format!("{at:>8.2} {name}{id} {left}{right} us  {first}{gone}\n");
        for header in lines {
            ladder.push_str(format!("      {header}").trim_end());
            ladder.push('\n');
        }
        self.lines.push((departure, ladder));
        if !lost {
            let messages = self.wire.entry(departure + LATENCY).or_default();
            messages.push_back((to_us, flow, bytes.to_vec()));
        }
    }
}

/// The other side's response, with its tag unless there is none.
pub(crate) fn reply(request: &str, status: &str, tag: &str, fields: &str, body: &str) -> String {
    let mut out = format!("SIP/2.0 {status}\r\n");
    for name in ["Via", "From", "To", "Call-ID", "CSeq"] {
        let value = field(request, name).unwrap_or_default();
        let tagged = name != "To" || tag.is_empty() || value.contains(";tag=");
        let tag = if tagged {
            String::new()
        } else {
            format!(";tag={tag}")
        };
        out.push_str(&format!("{name}: {value}{tag}\r\n"));
    }
    let kind = match body {
        "" => "",
        _ => "Content-Type: application/sdp\r\n",
    };
    out + fields + kind + &format!("Content-Length: {}\r\n\r\n{body}", body.len())
}

/// Where whom we call can be reached: through the carrier.
pub(crate) fn contact(name: &str) -> String {
    format!("Contact: <sip:{name}@203.0.113.5>\r\nRecord-Route: <sip:198.51.100.10;lr>\r\n")
}

pub(crate) fn method(request: &str) -> &str {
    request.split(' ').next().unwrap_or_default()
}

/// A challenge of the carrier.
pub(crate) fn challenge(name: &str, algorithm: &str, nonce: &str, more: &str) -> String {
    format!(
        "{name}: Digest realm=\"carrier.example\", nonce=\"{nonce}\", algorithm={algorithm}{more}\r\n"
    )
}

/// Whether a request proves that we know the password, computed by another library.
pub(crate) fn proves(request: &str, name: &str, nonce: &str) -> bool {
    let Some(row) = field(request, name) else {
        return false;
    };
    let row = row.strip_prefix("Digest ").expect("the scheme is Digest");
    let said: BTreeMap<&str, &str> = row
        .split(", ")
        .filter_map(|part| part.split_once('='))
        .map(|(name, value)| (name, value.trim_matches('"')))
        .collect();
    let qop = said.contains_key("qop").then(|| AuthQop::Auth {
        cnonce: said["cnonce"].to_owned(),
        nc: said["nc"].parse().unwrap(),
    });
    let uri = said["uri"].try_into().unwrap();
    assert_eq!(Some(said["uri"]), request.split(' ').nth(1));
    let method = method(request).parse().unwrap();
    let generator = DigestGenerator {
        username: "canary-user",
        password: "canary-password",
        nonce,
        uri: &uri,
        realm: "carrier.example",
        method: &method,
        qop: qop.as_ref(),
        algorithm: match said["algorithm"] {
            "SHA-256" => Algorithm::Sha256,
            _ => Algorithm::Md5,
        },
    };
    said["nonce"] == nonce && generator.verify(said["response"])
}
