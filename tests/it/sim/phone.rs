//! A telephone that dials in: a small user agent client written by hand, with the timers of RFC 3261 §17.1.

mod callee;

use std::{
    cell::RefCell,
    net::SocketAddr,
    rc::Rc,
    time::{Duration, Instant},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use dsp::Codec;
use sip::rtp::srtp::{Keys, Opener, Profile, Sealer};

use super::{
    ear::Voice,
    net::Datagram,
    now,
    recording::Recording,
    sip_text::{Audio, Dialog, Message, audio, response},
    sound::{Saying, Sound},
    world::Ladder,
};

const T1: Duration = Duration::from_millis(500);
const T2: Duration = Duration::from_secs(4);
/// Ports of a telephone's SIP, RTP and RTCP.
const SIP_PORT: u16 = 5060;
const RTP_PORT: u16 = 4_000;

/// What an INVITE offers.
#[derive(Debug, Clone, PartialEq)]
pub enum Offer {
    /// One audio line with these codecs.
    Audio(Vec<Codec>),
    /// One audio line with this codec and no telephone-events.
    Eventless(Codec),
    /// A-law over a transport, with a key made of this byte.
    Keyed(&'static str, u8),
    /// A-law unprotected, or over SRTP with a key made of this byte, as a potential configuration.
    Capable(u8),
    /// Nothing: the server is to offer.
    Delayed(Codec),
    /// Likewise, and answered with a key made of this byte.
    DelayedKeyed(u8),
    /// These lines after `m=audio` of A-law.
    And(String),
    /// These lines after the session part, as they are.
    Raw(String),
}

/// How a telephone puts somebody on hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    SendOnly,
    Inactive,
    /// `c=0.0.0.0`, as RFC 2543 had it.
    Nowhere,
}

/// How a telephone answers OPTIONS within a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manners {
    Answers(u16),
    Silent,
}

/// How a call stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Idle,
    Calling,
    /// The server calls.
    Called,
    Up,
    /// We hung up, at this time.
    Left(Instant),
    /// The server hung up, at this time.
    Dismissed(Instant),
    /// The INVITE was refused.
    Refused(u16),
}

/// A telephone of the world; clones are the same one.
#[derive(Clone)]
pub struct Phone(Rc<RefCell<Device>>);

struct Device {
    name: String,
    address: SocketAddr,
    server: SocketAddr,
    ladder: Ladder,
    phase: Duration,
    state: State,
    offer: Offer,
    /// Further lines in the head of an INVITE.
    lines: String,
    /// Whom To names, if not the one whom the INVITE goes to.
    called: Option<String>,
    dialog: Option<Dialog>,
    cseq: u32,
    branches: u32,
    calls: u32,
    pending: Vec<Pending>,
    audio: Option<Audio>,
    sound: Option<Sound>,
    /// The server's last session description.
    described: String,
    /// SRTP, with the keys that it was made of.
    armour: Option<Armour>,
    manners: Manners,
    options_at: Vec<Instant>,
    /// Answers to OPTIONS, finals of INVITE and of CANCEL as they came.
    finals: Vec<u16>,
    /// The INVITE that came.
    asked: Option<Message>,
    outbox: Vec<Datagram>,
}

/// The SRTP of a telephone: with AES-CM, the cipher that all have.
struct Armour {
    sealer: Sealer,
    opener: Opener,
    ours: u8,
    theirs: Vec<u8>,
}

/// A request whose answer has not come.
struct Pending {
    branch: String,
    method: &'static str,
    cseq: u32,
    bytes: Vec<u8>,
    next: Option<Instant>,
    interval: Duration,
}

impl Phone {
    pub fn new(name: &str, address: SocketAddr, server: SocketAddr, ladder: Ladder) -> Self {
        Self(Rc::new(RefCell::new(Device {
            name: name.to_owned(),
            address,
            server,
            ladder,
            phase: Duration::from_millis(3),
            state: State::Idle,
            offer: Offer::Audio(vec![Codec::Pcma]),
            lines: String::new(),
            called: None,
            dialog: None,
            cseq: 0,
            branches: 0,
            calls: 0,
            pending: Vec::new(),
            audio: None,
            sound: None,
            described: String::new(),
            armour: None,
            manners: Manners::Answers(200),
            options_at: Vec::new(),
            finals: Vec::new(),
            asked: None,
            outbox: Vec::new(),
        })))
    }

    /// Where the telephone's SIP is, given its address.
    pub fn sip_address(ip: std::net::IpAddr) -> SocketAddr {
        SocketAddr::new(ip, SIP_PORT)
    }

    /// Offers this in the next INVITE.
    pub fn offers(&self, offer: Offer) {
        self.0.borrow_mut().offer = offer;
    }

    /// Prefers one codec in the next INVITE.
    pub fn speaks(&self, codec: Codec) {
        self.offers(Offer::Audio(vec![codec]));
    }

    /// Says more in the head of the next INVITE, in whole lines.
    pub fn adds(&self, lines: &str) {
        self.0.borrow_mut().lines = lines.to_owned();
    }

    /// Names somebody else in To of the next INVITE, as after a diversion.
    pub fn names(&self, called: &str) {
        self.0.borrow_mut().called = Some(called.to_owned());
    }

    /// Lets packets leave so long after each 20 ms of the call.
    pub fn set_phase(&self, phase: Duration) {
        self.0.borrow_mut().phase = phase;
    }

    pub fn set_manners(&self, manners: Manners) {
        self.0.borrow_mut().manners = manners;
    }

    /// Calls a number of the server, or a whole URI.
    pub fn dials(&self, number: &str) {
        self.0.borrow_mut().dial(number);
    }

    /// Gives up before the answer.
    pub fn cancels(&self) {
        self.0.borrow_mut().cancel();
    }

    pub fn types(&self, keys: &str) {
        let mut device = self.0.borrow_mut();
        device.tell(&format!("presses {}", "·".repeat(keys.len())));
        device.sound.as_mut().expect("a call").types(keys);
    }

    /// Tells whether all keys are pressed.
    pub fn has_typed(&self) -> bool {
        self.0.borrow().sound.as_ref().is_none_or(Sound::has_typed)
    }

    pub fn says(&self, voice: Voice) {
        self.say(Saying::Voice(voice));
    }

    pub fn say(&self, saying: Saying) {
        self.sound(|sound| sound.say(saying));
    }

    pub fn holds(&self, hold: Hold) {
        self.0.borrow_mut().reinvite(Some(hold));
    }

    /// Negotiates again: takes the server off hold, or offers what is to be offered from here on.
    pub fn resumes(&self) {
        self.0.borrow_mut().reinvite(None);
    }

    /// Asks for the server's offer in mid-call.
    pub fn refreshes(&self) {
        let mut device = self.0.borrow_mut();
        device.tell("→ re-INVITE without offer");
        device.request("INVITE", "");
    }

    /// Signals a key by INFO.
    pub fn signals(&self, key: char) {
        let mut device = self.0.borrow_mut();
        device.tell("→ INFO ·");
        device.request("INFO", &format!("Signal={key}\r\nDuration=120\r\n"));
    }

    pub fn hangs_up(&self) {
        self.0.borrow_mut().hang_up();
    }

    pub fn state(&self) -> State {
        self.0.borrow().state
    }

    pub fn is_up(&self) -> bool {
        self.state() == State::Up
    }

    /// Final answers to our requests, in order.
    pub fn finals(&self) -> Vec<u16> {
        self.0.borrow().finals.clone()
    }

    /// What the server said of its media.
    pub fn answer(&self) -> Audio {
        self.0.borrow().audio.clone().expect("an answer")
    }

    /// The server's last session description.
    pub fn described(&self) -> String {
        self.0.borrow().described.clone()
    }

    /// The server's address for our RTP.
    pub fn remote(&self) -> Option<SocketAddr> {
        self.0.borrow().audio.as_ref().map(|audio| audio.remote)
    }

    /// Where this telephone receives RTP.
    pub fn rtp_address(&self) -> SocketAddr {
        SocketAddr::new(self.0.borrow().address.ip(), RTP_PORT)
    }

    pub fn name(&self) -> String {
        self.0.borrow().name.clone()
    }

    /// When the server asked whether we are there.
    pub fn options_at(&self) -> Vec<Instant> {
        self.0.borrow().options_at.clone()
    }

    /// What was heard from then on.
    pub fn heard_since(&self, from: Instant) -> Recording {
        self.sound(|sound| Recording::of(&sound.heard, from, now()))
    }

    /// Does something with the sound side.
    pub fn sound<R>(&self, work: impl FnOnce(&mut Sound) -> R) -> R {
        work(self.0.borrow_mut().sound.as_mut().expect("a call"))
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        let device = self.0.borrow();
        let sound = device.sound.as_ref().map(Sound::poll_timeout);
        device
            .pending
            .iter()
            .filter_map(|p| p.next)
            .chain(sound)
            .min()
    }

    pub fn handle_timeout(&self, now: Instant) {
        self.0.borrow_mut().handle_timeout(now);
    }

    pub fn handle_datagram(&self, datagram: &Datagram, now: Instant) {
        self.0.borrow_mut().handle_datagram(datagram, now);
    }

    /// Tells whether an address is this telephone's.
    pub fn is_at(&self, address: SocketAddr) -> bool {
        self.0.borrow().address.ip() == address.ip()
    }

    pub fn outbox(&self) -> Vec<Datagram> {
        std::mem::take(&mut self.0.borrow_mut().outbox)
    }
}

impl Device {
    fn tell(&self, what: &str) {
        self.ladder.tell(&format!("{} {what}", self.name));
    }

    fn send(&mut self, bytes: Vec<u8>) {
        let (from, to) = (self.address, self.server);
        self.outbox.push(Datagram { from, to, bytes });
    }

    fn branch(&mut self) -> String {
        self.branches += 1;
        format!("z9hG4bK-{}-{}", self.name, self.branches)
    }

    fn dial(&mut self, number: &str) {
        self.calls += 1;
        let server = self.server;
        let target = if number.contains(':') {
            number.to_owned()
        } else {
            format!("sip:{number}@{server}")
        };
        let (name, ip) = (&self.name, self.address.ip());
        self.dialog = Some(Dialog {
            local: self.address,
            call_id: format!("{name}-{}@{ip}", self.calls),
            from: format!(
                "\"{name}\" <sip:+4930555{:03}@{ip}>;tag={name}{}",
                last_octet(ip),
                self.calls
            ),
            to: format!("<{}>", self.called.as_ref().unwrap_or(&target)),
            lines: self.lines.clone(),
            target,
        });
        self.audio = None;
        self.sound = None;
        self.state = State::Calling;
        self.tell(&format!("→ INVITE {number}"));
        let body = match &self.offer {
            Offer::Delayed(_) | Offer::DelayedKeyed(_) => String::new(),
            Offer::Audio(_)
            | Offer::Eventless(_)
            | Offer::Keyed(..)
            | Offer::Capable(_)
            | Offer::And(_)
            | Offer::Raw(_) => self.describe(None),
        };
        self.request("INVITE", &body);
    }

    /// Our session description.
    fn describe(&self, hold: Option<Hold>) -> String {
        let ip = self.address.ip();
        let connection = match hold {
            Some(Hold::Nowhere) => "0.0.0.0".to_owned(),
            Some(Hold::SendOnly | Hold::Inactive) | None => ip.to_string(),
        };
        let head = format!(
            "v=0\r\no=- {} {} IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {connection}\r\nt=0 0\r\n",
            self.calls, self.cseq
        );
        let mut protocol = "RTP/AVP";
        let keyed;
        let (codecs, rest) = match &self.offer {
            Offer::Audio(codecs) => (codecs.clone(), ""),
            Offer::Eventless(codec) => {
                let number = payload_type(*codec);
                let map = rtpmap(*codec);
                return format!("{head}m=audio {RTP_PORT} RTP/AVP {number}\r\n{map}");
            }
            Offer::Delayed(codec) => (vec![*codec], ""),
            Offer::And(rest) => (vec![Codec::Pcma], rest.as_str()),
            Offer::Keyed(over, byte) => {
                (protocol, keyed) = (*over, crypto(1, *byte));
                (vec![Codec::Pcma], keyed.as_str())
            }
            Offer::Capable(byte) => {
                let key = crypto(1, *byte);
                let key = key.trim_start_matches("a=");
                keyed = format!("a=tcap:1 RTP/SAVP\r\na=acap:1 {key}a=pcfg:1 t=1 a=1\r\n");
                (vec![Codec::Pcma], keyed.as_str())
            }
            Offer::DelayedKeyed(byte) => {
                (protocol, keyed) = ("RTP/SAVP", crypto(3, *byte));
                (vec![Codec::Pcma], keyed.as_str())
            }
            Offer::Raw(lines) => return head + lines,
        };
        let direction = match hold {
            Some(Hold::SendOnly) => "sendonly",
            Some(Hold::Inactive) => "inactive",
            Some(Hold::Nowhere) | None => "sendrecv",
        };
        let numbers: String = codecs
            .iter()
            .map(|codec| format!(" {}", payload_type(*codec)))
            .collect();
        let maps: String = codecs.iter().map(|codec| rtpmap(*codec)).collect();
        let clock = codecs[0].clock_rate();
        format!(
            "{head}m=audio {RTP_PORT} {protocol}{numbers} {EVENTS}\r\n{maps}a=rtpmap:{EVENTS} telephone-event/{clock}\r\n\
             a=fmtp:{EVENTS} 0-15\r\na=ptime:20\r\na={direction}\r\n{rest}"
        )
    }

    fn request(&mut self, method: &'static str, body: &str) {
        self.cseq += 1;
        let branch = self.branch();
        let dialog = self.dialog.as_ref().expect("a call");
        let bytes = dialog.request(method, self.cseq, &branch, body);
        self.send(bytes.clone());
        self.pending.push(Pending {
            branch,
            method,
            cseq: self.cseq,
            bytes,
            next: Some(now() + T1),
            interval: T1,
        });
    }

    fn cancel(&mut self) {
        let invite = self.pending.iter().find(|p| p.method == "INVITE");
        let (branch, cseq) = invite.map(|p| (p.branch.clone(), p.cseq)).expect("a call");
        let dialog = self.dialog.as_ref().expect("a call");
        let bytes = dialog.request("CANCEL", cseq, &branch, "");
        self.tell("→ CANCEL");
        self.send(bytes.clone());
        self.pending.push(Pending {
            branch,
            method: "CANCEL",
            cseq,
            bytes,
            next: Some(now() + T1),
            interval: T1,
        });
    }

    fn reinvite(&mut self, hold: Option<Hold>) {
        let words = hold.map_or("→ re-INVITE".to_owned(), |hold| {
            format!("→ re-INVITE {hold:?}")
        });
        self.tell(&words);
        let body = self.describe(hold);
        self.request("INVITE", &body);
    }

    fn hang_up(&mut self) {
        self.tell("→ BYE");
        self.request("BYE", "");
        self.state = State::Left(now());
        self.silence();
    }

    fn silence(&mut self) {
        if let Some(sound) = &mut self.sound {
            sound.say(Saying::Nothing);
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        let mut again = Vec::new();
        for pending in &mut self.pending {
            if pending.next.is_some_and(|next| next <= now) {
                pending.interval *= 2;
                if pending.method != "INVITE" {
                    pending.interval = pending.interval.min(T2);
                }
                pending.next = Some(now + pending.interval);
                again.push(pending.bytes.clone());
            }
        }
        for bytes in again {
            self.send(bytes);
        }
        let Some(sound) = &mut self.sound else { return };
        let from = SocketAddr::new(self.address.ip(), RTP_PORT);
        let armour = &mut self.armour;
        if let Some(mut bytes) = sound.tick(now) {
            let to = sound.remote;
            if let Some(armour) = armour {
                let len = bytes.len();
                bytes.resize(len + ROOM, 0);
                let len = armour.sealer.seal_rtp(&mut bytes, len).expect("a packet");
                bytes.truncate(len);
            }
            self.outbox.push(Datagram { from, to, bytes });
        }
        if let Some(mut bytes) = sound.report(now).filter(|_| self.state == State::Up) {
            if let Some(armour) = armour {
                let len = bytes.len();
                bytes.resize(len + ROOM, 0);
                let len = armour.sealer.seal_rtcp(&mut bytes, len).expect("a report");
                bytes.truncate(len);
            }
            let next = |of: SocketAddr| SocketAddr::new(of.ip(), of.port() + 1);
            let (from, to) = (next(from), next(sound.remote));
            self.outbox.push(Datagram { from, to, bytes });
        }
    }

    fn handle_datagram(&mut self, datagram: &Datagram, now: Instant) {
        let mut bytes = datagram.bytes.clone();
        if let (Some(armour), port) = (&mut self.armour, datagram.to.port())
            && port != SIP_PORT
        {
            let opened = if port == RTP_PORT {
                armour.opener.open_rtp(&mut bytes)
            } else {
                armour.opener.open_rtcp(&mut bytes)
            };
            // What was under way when the keys changed cannot be opened.
            let Ok(len) = opened else { return };
            bytes.truncate(len);
        }
        match (datagram.to.port(), &mut self.sound) {
            (SIP_PORT, _) => self.handle_sip(&Message::parse(&bytes), now),
            (RTP_PORT, Some(sound)) => sound.handle_rtp(&bytes, now),
            (_, Some(sound)) => sound.handle_rtcp(&bytes, now),
            (_, None) => {}
        }
    }

    fn handle_sip(&mut self, message: &Message, now: Instant) {
        let Some(status) = message.status() else {
            return self.handle_request(message, now);
        };
        let (cseq, method) = message.cseq();
        let found = self
            .pending
            .iter()
            .position(|p| p.branch == message.branch() && p.method == method);
        if let (Some(index), 100..200) = (found, status) {
            let next = (method != "INVITE").then(|| now + T2);
            self.pending[index].next = next;
            return;
        }
        if let Some(index) = found {
            self.pending.remove(index);
            self.finals.push(status);
            let retry = message
                .fields("Retry-After")
                .next()
                .map(|after| format!(" retry after {after}"));
            self.tell(&format!("← {status} {method}{}", retry.unwrap_or_default()));
        }
        if method != "INVITE" {
            return;
        }
        match status {
            200..300 => self.accepted(message, cseq, found.is_some(), now),
            _ => self.refused(message, cseq, status),
        }
    }

    fn accepted(&mut self, message: &Message, cseq: u32, first: bool, now: Instant) {
        let dialog = self.dialog.as_mut().expect("a call");
        if first {
            dialog.to = message.field("To").to_owned();
            dialog.target = message.contact().expect("a Contact");
        }
        let body = match self.offer {
            Offer::Delayed(_) | Offer::DelayedKeyed(_) => self.describe(None),
            Offer::Audio(_)
            | Offer::Eventless(_)
            | Offer::Keyed(..)
            | Offer::Capable(_)
            | Offer::And(_)
            | Offer::Raw(_) => String::new(),
        };
        let branch = self.branch();
        let dialog = self.dialog.as_ref().expect("a call");
        let ack = dialog.request("ACK", cseq, &branch, &body);
        self.send(ack);
        if first {
            self.arm(&message.body);
            self.begin(audio(&message.body), now);
            self.described.clone_from(&message.body);
        }
    }

    /// Takes the server's key. A direction whose key stays goes on.
    fn arm(&mut self, body: &str) {
        let ours = match self.offer {
            Offer::Keyed(_, byte) | Offer::Capable(byte) | Offer::DelayedKeyed(byte) => byte,
            Offer::Audio(_)
            | Offer::Eventless(_)
            | Offer::Delayed(_)
            | Offer::And(_)
            | Offer::Raw(_) => return,
        };
        let line = " AES_CM_128_HMAC_SHA1_80 inline:";
        let Some((_, key)) = body.split_once(line) else {
            self.armour = None;
            return;
        };
        let theirs = BASE64_STANDARD.decode(key.split("\r\n").next().unwrap());
        let theirs = theirs.expect("a key");
        let opener = || Opener::new(PROFILE, &Keys::new(&theirs[..16], &theirs[16..])).unwrap();
        let sealer = || Sealer::new(PROFILE, &Keys::new(&[ours; 16], &[ours; 14])).unwrap();
        match &mut self.armour {
            Some(armour) => {
                if armour.theirs != theirs {
                    armour.opener = opener();
                    armour.theirs = theirs;
                }
                if armour.ours != ours {
                    armour.sealer = sealer();
                    armour.ours = ours;
                }
            }
            None => {
                let (sealer, opener) = (sealer(), opener());
                self.armour = Some(Armour {
                    sealer,
                    opener,
                    ours,
                    theirs,
                });
            }
        }
    }

    fn begin(&mut self, audio: Audio, now: Instant) {
        let codec = self.codec(&audio);
        let events = audio.payload_types.contains(&EVENTS).then_some(EVENTS);
        let number = payload_type(codec);
        if let Some(sound) = self.sound.as_mut().filter(|s| s.codec != codec) {
            sound.recode(codec, number, events);
        }
        if self.state == State::Calling {
            self.state = State::Up;
            let sound = Sound::new(codec, number, events, audio.remote, self.phase, now);
            self.sound = Some(sound);
        }
        self.audio = Some(audio);
    }

    fn codec(&self, audio: &Audio) -> Codec {
        match &self.offer {
            Offer::Delayed(codec) => *codec,
            Offer::DelayedKeyed(_) => Codec::Pcma,
            Offer::Audio(_)
            | Offer::Eventless(_)
            | Offer::Keyed(..)
            | Offer::Capable(_)
            | Offer::And(_)
            | Offer::Raw(_) => {
                let of = |codec: &Codec| payload_type(*codec) == audio.payload_types[0];
                Codec::ALL.into_iter().find(of).expect("a codec we offered")
            }
        }
    }

    fn refused(&mut self, message: &Message, cseq: u32, status: u16) {
        let dialog = self.dialog.as_ref().expect("a call");
        let mut dialog = dialog.clone();
        dialog.to = message.field("To").to_owned();
        let ack = dialog.request("ACK", cseq, message.branch(), "");
        self.send(ack);
        if self.state == State::Calling {
            self.state = State::Refused(status);
        }
    }

    fn handle_request(&mut self, request: &Message, now: Instant) {
        match request.method() {
            "BYE" => {
                if self.state == State::Up {
                    self.tell("← BYE");
                    self.state = State::Dismissed(now);
                    self.silence();
                }
                self.send(response(request, 200, "OK"));
            }
            "OPTIONS" => {
                self.options_at.push(now);
                self.tell("← OPTIONS");
                if let Manners::Answers(status) = self.manners {
                    self.send(response(request, status, "Whatever"));
                }
            }
            "INVITE" => self.called(request),
            "CANCEL" => self.given_up(request),
            "ACK" => {}
            other => panic!("the server sent {other}"),
        }
    }
}

/// The line of a key made of one byte.
fn crypto(tag: u8, byte: u8) -> String {
    let key = BASE64_STANDARD.encode([byte; 30]);
    format!("a=crypto:{tag} AES_CM_128_HMAC_SHA1_80 inline:{key}|2^31\r\n")
}

/// The cipher of all telephones here.
const PROFILE: Profile = Profile::AesCm128HmacSha1_80;
/// Bytes that SRTP adds at most.
const ROOM: usize = 20;

/// Payload type of telephone-events.
const EVENTS: u8 = 101;

fn payload_type(codec: Codec) -> u8 {
    match codec {
        Codec::Pcmu => 0,
        Codec::Pcma => 8,
        Codec::G722 => 9,
        Codec::Opus => 96,
    }
}

fn rtpmap(codec: Codec) -> String {
    let number = payload_type(codec);
    match codec {
        Codec::Pcmu => format!("a=rtpmap:{number} PCMU/8000\r\n"),
        Codec::Pcma => format!("a=rtpmap:{number} PCMA/8000\r\n"),
        Codec::G722 => format!("a=rtpmap:{number} G722/8000\r\n"),
        Codec::Opus => format!("a=rtpmap:{number} opus/48000/2\r\n"),
    }
}

/// The last part of an address, which tells the telephones of a world apart.
fn last_octet(ip: std::net::IpAddr) -> u8 {
    match ip {
        std::net::IpAddr::V4(ip) => ip.octets()[3],
        std::net::IpAddr::V6(ip) => ip.octets()[15],
    }
}
