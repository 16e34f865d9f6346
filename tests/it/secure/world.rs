//! One leg and one browser (`str0m`, an independent implementation) joined by a network that loses what it is told to.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::Once,
    time::{Duration, Instant},
};

use rand::{SeedableRng, rngs::StdRng};
use rundruf::{
    browser::negotiate::{Local, negotiate},
    limit::PACKET_MAX,
    media::{
        api::BrowserMedia,
        leg::secure::{Handshakes, Inbound, Path, Payload, Secure, SecureContext, stun_ufrag},
    },
};
use sip::{redact::Pii, rtp::Received};
use str0m::{
    Candidate, Event, Input, Output, Rtc,
    change::SdpAnswer,
    media::{Direction, MediaKind, Mid},
    net::{Protocol, Receive},
    rtp::RtpWrite,
};

/// Time a datagram travels.
const DELAY: Duration = Duration::from_millis(5);
/// Wall time at the beginning of a run.
const WALL: Duration = Duration::from_secs(1_800_000_000);

/// A datagram on its way.
struct Travelling {
    at: Instant,
    to_leg: bool,
    bytes: Vec<u8>,
}

/// Decides by number and bytes whether a datagram is lost.
pub(super) type Loss = Box<dyn FnMut(usize, &[u8]) -> bool>;

pub(super) struct World {
    pub(super) now: Instant,
    start: Instant,
    pub(super) leg: Secure,
    pub(super) media: BrowserMedia,
    pub(super) handshakes: Handshakes,
    pub(super) browser: Rtc,
    browser_due: Instant,
    mid: Mid,
    /// The browser's address as the leg sees it.
    pub(super) seen_as: SocketAddr,
    network: VecDeque<Travelling>,
    pub(super) sent: usize,
    pub(super) loss: Loss,
    /// Where the browser's DTLS comes from instead, as the leg sees it.
    pub(super) dtls_from: Option<SocketAddr>,
    /// Every datagram arrives twice.
    pub(super) doubles: bool,
    sequence: u64,
    /// Payloads that arrived, in order.
    pub(super) leg_heard: Vec<Vec<u8>>,
    pub(super) browser_heard: Vec<Vec<u8>>,
}

#[expect(
    clippy::disallowed_methods,
    reason = "the base instant of a simulated run"
)]
pub(super) fn t0() -> Instant {
    Instant::now()
}

pub(super) fn server() -> SocketAddr {
    "192.0.2.1:5000".parse().unwrap()
}

pub(super) fn path(remote: SocketAddr) -> Path {
    Path {
        socket: 0,
        remote: Pii::new(remote),
    }
}

impl World {
    pub(super) fn new() -> Self {
        Self::with(false, |_| {})
    }

    /// Negotiates as a page does; `change` may spoil what the leg is told.
    pub(super) fn with(legacy_srtp: bool, change: impl FnOnce(&mut BrowserMedia)) -> Self {
        static PROVIDER: Once = Once::new();
        PROVIDER.call_once(|| str0m::crypto::from_feature_flags().install_process_default());
        let now = t0();
        let seen_as = "198.51.100.7:40000".parse().unwrap();
        let mut browser = Rtc::builder()
            .set_rtp_mode(true)
            .clear_codecs()
            .enable_opus(true, false)
            .build(now);
        browser.add_local_candidate(Candidate::host(seen_as, "udp").unwrap());
        let mut change_set = browser.sdp_api();
        let mid = change_set.add_media(MediaKind::Audio, Direction::SendRecv, None, None, None);
        let (offer, pending) = change_set.apply().unwrap();
        let context = SecureContext::new().unwrap();
        let local = Local {
            candidates: &[server()],
            tcp_candidates: &[],
            fingerprint: context.fingerprint(),
            legacy_srtp,
        };
        let mut rng = StdRng::seed_from_u64(1);
        let negotiated = negotiate(&offer.to_sdp_string(), &local, &mut rng).unwrap();
        let answer = SdpAnswer::from_sdp_string(negotiated.answer.expose()).unwrap();
        browser.sdp_api().accept_answer(pending, answer).unwrap();
        let mut media = negotiated.media;
        change(&mut media);
        Self {
            now,
            start: now,
            leg: Secure::new(media.clone(), &context, now),
            media,
            handshakes: Handshakes::default(),
            browser,
            browser_due: now,
            mid,
            seen_as,
            network: VecDeque::new(),
            sent: 0,
            loss: Box::new(|_, _| false),
            dtls_from: None,
            doubles: false,
            sequence: 1,
            leg_heard: Vec::new(),
            browser_heard: Vec::new(),
        }
    }

    pub(super) fn connected() -> Self {
        let mut world = Self::new();
        assert!(world.connects_within(Duration::from_secs(3)));
        world
    }

    /// Runs until both sides are connected; tells whether they are.
    pub(super) fn connects_within(&mut self, time: Duration) -> bool {
        let until = self.now + time;
        while self.now < until && !self.is_connected() {
            self.step(until);
        }
        self.is_connected()
    }

    pub(super) fn is_connected(&self) -> bool {
        self.leg.is_connected() && self.browser.is_connected()
    }

    pub(super) fn run(&mut self, time: Duration) {
        let until = self.now + time;
        while self.now < until {
            self.step(until);
        }
    }

    /// Goes to the next thing that is due, at most to `until`.
    fn step(&mut self, until: Instant) {
        let due = [
            Some(self.browser_due),
            self.leg.poll_timeout(),
            self.network.front().map(|datagram| datagram.at),
        ];
        let next = due.into_iter().flatten().min().unwrap_or(until);
        self.now = next.clamp(self.now, until);
        while let Some(datagram) = self
            .network
            .pop_front_if(|datagram| datagram.at <= self.now)
        {
            if datagram.to_leg {
                let stray = self
                    .dtls_from
                    .filter(|_| matches!(datagram.bytes[0], 20..=63));
                self.inject(stray.unwrap_or(self.seen_as), &datagram.bytes);
            } else {
                self.give_browser(&datagram.bytes);
            }
        }
        let wall = WALL + (self.now - self.start);
        self.leg.handle_timeout(&mut self.handshakes, self.now);
        self.drain_leg();
        let mut report = [0; PACKET_MAX];
        if let Some((path, len)) = self.leg.write_report(wall, self.now, &mut report) {
            assert_eq!(*path.remote.expose(), self.seen_as);
            self.travel(false, report[..len].to_vec());
        }
        self.browser.handle_input(Input::Timeout(self.now)).unwrap();
        self.drain_browser();
    }

    /// Gives the leg a datagram from an address, whatever it is.
    pub(super) fn inject(&mut self, from: SocketAddr, bytes: &[u8]) {
        let mut bytes = bytes.to_vec();
        if let Some(ufrag) = stun_ufrag(&bytes).filter(|_| from == self.seen_as) {
            assert_eq!(ufrag, self.leg.local_ufrag());
        }
        let inbound =
            self.leg
                .handle_datagram(path(from), &mut bytes, &mut self.handshakes, self.now);
        if let Inbound::Media(Received::Audio(audio)) = inbound {
            self.leg_heard.push(audio.payload.to_vec());
        }
        self.drain_leg();
    }

    /// Ends the call on the browser's side.
    pub(super) fn close_browser(&mut self) {
        self.browser.close().unwrap();
        self.drain_browser();
    }

    /// Ends the call on our side.
    pub(super) fn close_leg(&mut self) {
        self.leg.close(&mut self.handshakes, self.now);
        self.drain_leg();
    }

    fn give_browser(&mut self, bytes: &[u8]) {
        let Ok(contents) = bytes.try_into() else {
            return;
        };
        let receive = Receive {
            proto: Protocol::Udp,
            source: server(),
            destination: "198.51.100.7:40000".parse().unwrap(),
            contents,
        };
        self.browser
            .handle_input(Input::Receive(self.now, receive))
            .unwrap();
        self.drain_browser();
    }

    fn drain_leg(&mut self) {
        while let Some(transmit) = self.leg.poll_transmit() {
            // Nothing may ever go to somebody else.
            assert_eq!(*transmit.path.remote.expose(), self.seen_as);
            self.travel(false, transmit.bytes);
        }
    }

    fn drain_browser(&mut self) {
        loop {
            match self.browser.poll_output().unwrap() {
                Output::Timeout(due) => {
                    self.browser_due = due.max(self.now + Duration::from_micros(100));
                    return;
                }
                Output::Transmit(transmit) => self.travel(true, transmit.contents.to_vec()),
                Output::Event(Event::RtpPacket(packet)) => {
                    self.browser_heard.push(packet.payload.to_vec())
                }
                Output::Event(_) => {}
            }
        }
    }

    fn travel(&mut self, to_leg: bool, bytes: Vec<u8>) {
        let lost = (self.loss)(self.sent, &bytes);
        self.sent += 1;
        let copies = match (lost, self.doubles) {
            (true, _) => 0,
            (false, false) => 1,
            (false, true) => 2,
        };
        for _ in 0..copies {
            self.network.push_back(Travelling {
                at: self.now + DELAY,
                to_leg,
                bytes: bytes.clone(),
            });
        }
    }

    /// Lets both sides send `count` packets, one every 20 ms.
    pub(super) fn talk(&mut self, count: usize) {
        for _ in 0..count {
            let payload = self.sequence.to_be_bytes().to_vec();
            let packet = RtpWrite::new(
                self.media.payload_type.into(),
                self.sequence.into(),
                u32::try_from(self.sequence * 960).unwrap(),
                self.now,
                payload.clone(),
            );
            let mut api = self.browser.direct_api();
            api.stream_tx_by_mid(self.mid, None)
                .unwrap()
                .write_rtp(packet);
            self.drain_browser();
            let mut out = [0; PACKET_MAX];
            let (path, len) = self
                .leg
                .write_audio(Payload::Single(&payload), &mut out)
                .unwrap();
            assert_eq!(*path.remote.expose(), self.seen_as);
            self.travel(false, out[..len].to_vec());
            self.sequence += 1;
            self.run(Duration::from_millis(20));
        }
    }

    /// Asserts that audio passes both ways, all of it.
    pub(super) fn assert_audio(&mut self) {
        self.run(Duration::from_millis(50));
        self.leg_heard.clear();
        self.browser_heard.clear();
        let first = self.sequence;
        self.talk(10);
        self.run(Duration::from_millis(100));
        let expected: Vec<_> = (first..first + 10)
            .map(|number| number.to_be_bytes().to_vec())
            .collect();
        assert_eq!(self.leg_heard, expected, "the leg hears the browser");
        assert_eq!(self.browser_heard, expected, "the browser hears the leg");
    }
}
