//! A phone, a lossy wire and an endpoint in virtual time.
#![allow(dead_code, reason = "each test binary uses a part of the world")]

use std::{
    collections::VecDeque,
    sync::LazyLock,
    time::{Duration, Instant},
};

use rand::{SeedableRng, rngs::StdRng};
use sip::{
    CallRef, Command, Endpoint, EndpointConfig, Event, Flow, Protocol,
    sdp::{
        AudioCodec, Bindings, Description, Keying, Keyring, Local, Policy, Security,
        offer_answer::{answer, offer},
    },
};

/// One way over the wire.
const LATENCY: Duration = Duration::from_millis(10);
const T1: Duration = Duration::from_millis(500);
const T2: Duration = Duration::from_secs(4);

#[expect(
    clippy::disallowed_methods,
    reason = "the base instant of a simulated run"
)]
pub(crate) fn t0() -> Instant {
    Instant::now()
}

pub(crate) fn udp() -> Flow {
    Flow::new(
        Protocol::Udp,
        "192.0.2.1:5060".parse().unwrap(),
        "198.51.100.7:5060".parse().unwrap(),
        0,
    )
}

pub(crate) fn tcp() -> Flow {
    Flow {
        protocol: Protocol::Tcp,
        id: 4,
        ..udp()
    }
}

pub(crate) fn endpoint() -> Endpoint {
    Endpoint::new(EndpointConfig::new([7; 32]))
}

static RING: LazyLock<Keyring> = LazyLock::new(|| Keyring::draw(&mut StdRng::seed_from_u64(1)));

pub(crate) fn local() -> Local<'static> {
    Local {
        address: "192.0.2.1".parse().unwrap(),
        rtp_port: 30_000,
        session_id: 7,
        session_version: 1,
        codecs: &AudioCodec::ALL,
        keying: Keying {
            policy: Policy::Off,
            ring: &RING,
            fingerprint: None,
            current: &Security::Plain,
            mediasec: false,
        },
        allowed: &|_| false,
        hidden: sip::sdp::Hidden::default(),
    }
}

/// What the phone offers and answers.
pub(crate) const SDP: &str = "v=0\r\no=- 1 1 IN IP4 198.51.100.7\r\ns=-\r\nc=IN IP4 198.51.100.7\r\nt=0 0\r\n\
    m=audio 4000 RTP/AVP 8 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\n";

/// Where the phone is.
pub(crate) const CONTACT: &str = "Contact: <sip:anna@198.51.100.7>\r\n";

/// A request as the phone writes it.
pub(crate) struct Message<'a> {
    pub(crate) method: &'a str,
    pub(crate) cseq: u32,
    pub(crate) branch: &'a str,
    pub(crate) to_tag: &'a str,
    pub(crate) extra: &'a str,
    pub(crate) body: &'a str,
}

impl<'a> Message<'a> {
    pub(crate) fn new(method: &'a str, cseq: u32, branch: &'a str) -> Self {
        Self {
            method,
            cseq,
            branch,
            to_tag: "",
            extra: CONTACT,
            body: "",
        }
    }

    pub(crate) fn text(&self) -> String {
        let Self {
            method,
            cseq,
            branch,
            extra,
            body,
            ..
        } = self;
        let to_tag = match self.to_tag {
            "" => String::new(),
            tag => format!(";tag={tag}"),
        };
        let kind = match self.body {
            "" => "",
            _ => "Content-Type: application/sdp\r\n",
        };
        let cseq_method = if *method == "ACK" { "ACK" } else { method };
        format!(
            "{method} sip:4711@192.0.2.1 SIP/2.0\r\n\
             Via: SIP/2.0/UDP 198.51.100.7:5060;branch=z9hG4bK{branch};rport\r\n\
             Max-Forwards: 70\r\nFrom: \"Anna Canary\" <sip:+4930123456@198.51.100.7>;tag=phone\r\n\
             To: <sip:4711@192.0.2.1>{to_tag}\r\nCall-ID: call-1\r\nCSeq: {cseq} {cseq_method}\r\n\
             {extra}{kind}Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
    }
}

/// A request outside any dialog, an INVITE with an offer.
pub(crate) fn request(method: &str) -> String {
    Message {
        body: if method == "INVITE" { SDP } else { "" },
        ..Message::new(method, 1, "a")
    }
    .text()
}

/// An endpoint with one established call, and our tag in it.
pub(crate) fn established(flow: Flow, extra: &str, now: Instant) -> (Endpoint, CallRef, String) {
    let mut endpoint = endpoint();
    let invite = Message {
        body: SDP,
        extra,
        ..Message::new("INVITE", 5, "a")
    };
    let put = |endpoint: &mut Endpoint, text: String| match flow.id {
        0 => endpoint.handle_datagram(flow, text.as_bytes(), now),
        _ => endpoint.handle_stream(flow, text.as_bytes(), now),
    };
    put(&mut endpoint, invite.text());
    let Some(Event::Invite { call, offer, .. }) = endpoint.poll_event() else {
        panic!("no INVITE arrived");
    };
    let sdp = described(offer.as_ref());
    endpoint.handle(Command::Accept { call, sdp }, now);
    let ok = transmits(&mut endpoint).pop().unwrap();
    let tag = field(&ok, "To")
        .unwrap()
        .split_once(";tag=")
        .unwrap()
        .1
        .to_owned();
    let ack = Message {
        to_tag: &tag,
        ..Message::new("ACK", 5, "b")
    };
    put(&mut endpoint, ack.text());
    let mut told = events(&mut endpoint);
    // Of a route set that the test has given.
    told.retain(|event| !matches!(event, Event::Elsewhere { .. }));
    assert_eq!(told, [Event::Established { call, answer: None }]);
    (endpoint, call, tag)
}

/// The value of a header field.
pub(crate) fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// All that is waiting to be sent, as text.
pub(crate) fn transmits(endpoint: &mut Endpoint) -> Vec<String> {
    std::iter::from_fn(|| endpoint.poll_transmit())
        .map(|transmit| String::from_utf8_lossy(&transmit.bytes).into_owned())
        .collect()
}

pub(crate) fn events(endpoint: &mut Endpoint) -> Vec<Event> {
    std::iter::from_fn(|| endpoint.poll_event()).collect()
}

/// The status codes of the responses waiting to be sent.
pub(crate) fn statuses(endpoint: &mut Endpoint) -> Vec<u16> {
    transmits(endpoint)
        .iter()
        .map(|text| status(text))
        .collect()
}

pub(crate) fn status(text: &str) -> u16 {
    text.split(' ')
        .nth(1)
        .and_then(|code| code.parse().ok())
        .unwrap_or(0)
}

/// The call that an event announces.
pub(crate) fn invited(event: &Event) -> Option<CallRef> {
    if let Event::Invite { call, .. } = event {
        Some(*call)
    } else {
        None
    }
}

/// What the door does with an INVITE.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    Accepts,
    Rejects(u16),
    Thinks,
}

/// A request of the phone that waits for its response.
struct Asked {
    cseq: u32,
    text: String,
    /// The next retransmission.
    at: Option<Instant>,
    interval: Duration,
}

pub(crate) struct World {
    pub(crate) endpoint: Endpoint,
    pub(crate) now: Instant,
    pub(crate) door: Door,
    pub(crate) flow: Flow,
    /// What the phone says to a request of ours.
    pub(crate) answers: Box<dyn Fn(&str) -> String>,
    /// The datagrams that get lost, by number.
    pub(crate) lost: Box<dyn Fn(usize, bool) -> bool>,
    pub(crate) sent: usize,
    pub(crate) ladder: String,
    pub(crate) events: Vec<Event>,
    /// The final responses the phone got, by CSeq, once each.
    pub(crate) finals: Vec<(u32, u16)>,
    /// The requests the phone got, retransmissions included.
    pub(crate) requests: Vec<String>,
    pub(crate) to_tag: String,
    /// What the door has heard of the session's payload types.
    bindings: Bindings,
    wire: VecDeque<(Instant, bool, Vec<u8>)>,
    asked: Vec<Asked>,
}

impl World {
    pub(crate) fn new(door: Door) -> Self {
        Self {
            endpoint: endpoint(),
            now: t0(),
            door,
            flow: udp(),
            answers: Box::new(phone_answer),
            lost: Box::new(|_, _| false),
            sent: 0,
            ladder: String::new(),
            events: Vec::new(),
            finals: Vec::new(),
            requests: Vec::new(),
            to_tag: String::new(),
            bindings: Bindings::default(),
            wire: VecDeque::new(),
            asked: Vec::new(),
        }
    }

    /// The phone sends a request and repeats it until it is answered.
    pub(crate) fn ask(&mut self, method: &str, cseq: u32, body: &str) {
        self.ask_with(method, cseq, "", body);
    }

    /// The same, with further header fields.
    pub(crate) fn ask_with(&mut self, method: &str, cseq: u32, fields: &str, body: &str) {
        let branch = format!("{method}{cseq}");
        let to_tag = self.to_tag.clone();
        let extra = format!("{CONTACT}{fields}");
        let message = Message {
            to_tag: &to_tag,
            extra: &extra,
            body,
            ..Message::new(method, cseq, &branch)
        };
        let text = message.text();
        self.transport(true, text.as_bytes());
        if method != "CANCEL" {
            self.asked.push(Asked {
                cseq,
                text,
                at: Some(self.now + T1),
                interval: T1,
            });
        }
    }

    /// The phone sends what is never repeated by itself.
    pub(crate) fn say(&mut self, text: &str) {
        self.transport(true, text.as_bytes());
    }

    pub(crate) fn command(&mut self, command: impl FnOnce(CallRef) -> Command) {
        let call = self.events.iter().find_map(invited);
        self.endpoint
            .handle(command(call.expect("a call came in")), self.now);
        self.drain();
    }

    /// Lets time pass.
    pub(crate) fn run(&mut self, duration: Duration) {
        let end = self.now + duration;
        while let Some(next) = self.next().filter(|next| *next <= end) {
            self.now = self.now.max(next);
            self.step();
        }
        self.now = end;
    }

    pub(crate) fn count(&self, matches: impl Fn(&Event) -> bool) -> usize {
        self.events.iter().filter(|event| matches(event)).count()
    }

    fn next(&self) -> Option<Instant> {
        let wire = self.wire.front().map(|(at, ..)| *at);
        let asked = self.asked.iter().filter_map(|asked| asked.at).min();
        [wire, asked, self.endpoint.poll_timeout()]
            .into_iter()
            .flatten()
            .min()
    }

    fn step(&mut self) {
        while self.wire.front().is_some_and(|(at, ..)| *at <= self.now) {
            let (_, to_us, bytes) = self.wire.pop_front().expect("the wire is not empty");
            if to_us {
                self.endpoint.handle_datagram(self.flow, &bytes, self.now);
                self.drain();
            } else {
                self.phone_hears(&String::from_utf8(bytes).expect("we write text"));
            }
        }
        let mut again = Vec::new();
        for asked in &mut self.asked {
            if asked.at.is_some_and(|at| at <= self.now) {
                asked.interval = (asked.interval * 2).min(T2);
                asked.at = Some(self.now + asked.interval);
                again.push(asked.text.clone());
            }
        }
        for text in again {
            self.transport(true, text.as_bytes());
        }
        if self
            .endpoint
            .poll_timeout()
            .is_some_and(|at| at <= self.now)
        {
            self.endpoint.handle_timeout(self.now);
            self.drain();
        }
    }

    fn drain(&mut self) {
        while let Some(event) = self.endpoint.poll_event() {
            self.door_hears(&event);
            self.events.push(event);
        }
        while let Some(transmit) = self.endpoint.poll_transmit() {
            assert_eq!(
                transmit.flow.remote, self.flow.remote,
                "nothing goes to a third party"
            );
            self.transport(false, &transmit.bytes);
        }
    }

    fn door_hears(&mut self, event: &Event) {
        let (Event::Invite { call, offer, .. } | Event::Reinvite { call, offer }) = event else {
            return;
        };
        let (call, first) = (*call, invited(event).is_some());
        let command = match self.door {
            Door::Thinks if first => return,
            Door::Rejects(status) => Command::Reject {
                call,
                status,
                reason: "Not Acceptable Here",
                retry_after: None,
                cause: None,
            },
            Door::Accepts | Door::Thinks => self.answered(call, offer.as_ref()),
        };
        self.endpoint.handle(command, self.now);
    }

    /// What the door says to an offer: yes, or 488 where nothing fits.
    fn answered(&mut self, call: CallRef, offered: Option<&Description>) -> Command {
        let sdp = match offered {
            Some(offered) => {
                let said = answer(offered, &local()).map(|(sdp, _)| sdp).ok();
                if let Some(said) = &said {
                    self.bindings.note(offered);
                    self.bindings.note(said);
                }
                said
            }
            None => Some(offer(&local(), &self.bindings)),
        };
        match sdp {
            Some(sdp) => Command::Accept { call, sdp },
            None => Command::Reject {
                call,
                status: 488,
                reason: "Not Acceptable Here",
                retry_after: None,
                cause: None,
            },
        }
    }

    fn transport(&mut self, to_us: bool, bytes: &[u8]) {
        let lost = (self.lost)(self.sent, to_us);
        self.sent += 1;
        let text = String::from_utf8_lossy(bytes);
        let line = text.lines().next().unwrap_or_default();
        let (left, right) = if to_us {
            ("──", "─▶")
        } else {
            ("◀─", "──")
        };
        let gone = if lost { " (lost)" } else { "" };
        self.ladder
            .push_str(&format!("phone {left}{right} us  {line}{gone}\n"));
        if !to_us {
            for header in text.lines().skip(1) {
                self.ladder.push_str(format!("      {header}").trim_end());
                self.ladder.push('\n');
            }
        }
        if !lost {
            self.wire
                .push_back((self.now + LATENCY, to_us, bytes.to_vec()));
        }
    }

    fn phone_hears(&mut self, text: &str) {
        if !text.starts_with("SIP/2.0 ") {
            self.requests
                .push(text.lines().next().unwrap_or_default().to_owned());
            let answer = (self.answers)(text);
            return self.transport(true, answer.as_bytes());
        }
        let (number, method) = field(text, "CSeq")
            .and_then(|cseq| cseq.split_once(' '))
            .expect("CSeq is there");
        let cseq: u32 = number.parse().expect("CSeq is a number");
        let status = status(text);
        if let Some(tag) = field(text, "To").and_then(|to| to.split_once(";tag=")) {
            self.to_tag = tag.1.to_owned();
        }
        if method == "INVITE" {
            self.asked
                .iter_mut()
                .filter(|asked| asked.cseq == cseq)
                .for_each(|asked| asked.at = None);
        }
        if status < 200 {
            return;
        }
        if method == "INVITE" {
            self.acknowledge(cseq, status, text);
        }
        if method != "CANCEL" {
            self.asked.retain(|asked| asked.cseq != cseq);
            if !self.finals.contains(&(cseq, status)) {
                self.finals.push((cseq, status));
            }
        }
    }

    /// A 2xx is acknowledged with a branch of its own, and with the answer if the offer came with it.
    fn acknowledge(&mut self, cseq: u32, status: u16, text: &str) {
        let branch = match status {
            200..300 => format!("ACK{cseq}"),
            _ => format!("INVITE{cseq}"),
        };
        let to_tag = self.to_tag.clone();
        let delayed = text.contains(" 9 8 0 ");
        let ack = Message {
            to_tag: &to_tag,
            body: if delayed { SDP } else { "" },
            ..Message::new("ACK", cseq, &branch)
        };
        self.transport(true, ack.text().as_bytes());
    }
}

/// The door's description: an answer to an offer, or an offer.
pub(crate) fn described(sdp: Option<&Description>) -> Description {
    match sdp {
        Some(sdp) => answer(sdp, &local()).expect("the phone offers PCMA").0,
        None => offer(&local(), &Bindings::default()),
    }
}

/// The phone's 200 to a request of ours.
pub(crate) fn phone_answer(request: &str) -> String {
    let mut out = String::from("SIP/2.0 200 OK\r\n");
    for name in ["Via", "From", "To", "Call-ID", "CSeq"] {
        out.push_str(&format!(
            "{name}: {}\r\n",
            field(request, name).unwrap_or_default()
        ));
    }
    out + "Content-Length: 0\r\n\r\n"
}
