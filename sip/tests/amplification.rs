//! What a forged source address costs whom it belongs to (R22): in all no more than whoever forges it has sent, but for a
//! named allowance; and that nobody who is there notices anything of it.
#![expect(clippy::unwrap_used, reason = "a helper of tests fails its test")]

mod world;

use std::time::{Duration, Instant};

use sip::{CallRef, Command, Endpoint, Event, limit};
use world::{
    CONTACT, Message, described, endpoint, field, request, status, t0, tcp, transmits, udp,
};

/// What the door does with each INVITE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Door {
    Accepts,
    Refuses,
}

/// An endpoint at whose door somebody knocks with a source address that is not theirs.
struct Forged {
    endpoint: Endpoint,
    start: Instant,
    now: Instant,
    door: Door,
    came: usize,
    went: usize,
    /// Messages that went out, and how many of them were said again.
    sent: Vec<String>,
}

impl Forged {
    fn new(door: Door) -> Self {
        let now = t0();
        Self {
            endpoint: endpoint(),
            start: now,
            now,
            door,
            came: 0,
            went: 0,
            sent: Vec::new(),
        }
    }

    fn knock(&mut self, text: &str) {
        self.came += text.len();
        self.endpoint
            .handle_datagram(udp(), text.as_bytes(), self.now);
        self.drain();
    }

    /// Lets time pass, timer by timer.
    fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(due) = self.endpoint.poll_timeout().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.endpoint.handle_timeout(self.now);
            self.drain();
        }
        self.now = end;
    }

    fn drain(&mut self) {
        while let Some(event) = self.endpoint.poll_event() {
            if let Event::Invite { call, offer, .. } = event {
                let command = match self.door {
                    Door::Accepts => Command::Accept {
                        call,
                        sdp: described(offer.as_ref()),
                    },
                    Door::Refuses => reject(call),
                };
                self.endpoint.handle(command, self.now);
            }
        }
        let sent = transmits(&mut self.endpoint);
        self.went += sent.iter().map(String::len).sum::<usize>();
        self.sent.extend(sent);
    }

    fn assert_bounded(&self, what: &str) {
        let seconds = (self.now - self.start).as_secs_f64();
        let allowed =
            limit::UNPROVEN_OCTETS as f64 + limit::UNPROVEN_OCTETS_PER_SECOND as f64 * seconds;
        let (went, came) = (self.went as f64, self.came as f64);
        assert!(
            went <= came + allowed,
            "{what}: {went} octets for {came} in {seconds} s"
        );
    }
}

fn reject(call: CallRef) -> Command {
    Command::Reject {
        call,
        status: 486,
        reason: "Busy Here",
        retry_after: None,
        cause: None,
    }
}

/// The request of a number of its own, without a name, so that answers are large beside it.
fn numbered(text: &str, number: usize) -> String {
    text.replace("\"Anna Canary\" ", "")
        .replace("call-1", &format!("c{number}"))
        .replace("z9hG4bKa", &format!("z9hG4bK{number}"))
}

#[test]
fn a_forged_source_gets_no_more_than_was_sent_in_its_name() {
    let bare = Message::new("INVITE", 1, "a").text();
    let cancel = Message::new("CANCEL", 1, "a").text();
    let broken = request("INVITE").replace("CSeq: 1 INVITE", "CSeq: x");
    let within = Message {
        to_tag: "guessed",
        ..Message::new("BYE", 2, "a")
    };
    let floods: [(&str, Vec<String>); 7] = [
        ("an INVITE with an offer", vec![request("INVITE")]),
        ("an INVITE without", vec![bare.clone()]),
        ("one that is cancelled", vec![bare, cancel]),
        ("OPTIONS", vec![request("OPTIONS")]),
        ("REGISTER", vec![request("REGISTER")]),
        ("what is malformed", vec![broken]),
        ("a BYE of no call", vec![within.text()]),
    ];
    for door in [Door::Accepts, Door::Refuses] {
        for (what, texts) in &floods {
            for (rounds, pause) in [
                (1, Duration::ZERO),
                (40, Duration::from_millis(200)),
                (1_000, Duration::from_millis(10)),
            ] {
                let mut forged = Forged::new(door);
                for round in 0..rounds {
                    for text in texts {
                        forged.knock(&numbered(text, round));
                    }
                    forged.run(pause);
                    forged.assert_bounded(what);
                }
                forged.run(Duration::from_secs(200));
                forged.assert_bounded(what);
                assert!(!forged.sent.is_empty(), "{what} is answered at first");
            }
        }
    }
}

/// A 200 that is lost is said again as RFC 3261 has it, as long as nobody abuses that.
#[test]
fn a_few_calls_that_nobody_acknowledges_are_answered_to_the_end() {
    let mut forged = Forged::new(Door::Accepts);
    forged.knock(&request("INVITE"));
    forged.run(Duration::from_secs(40));
    let answers = forged.sent.iter().filter(|text| status(text) == 200);
    assert_eq!(answers.count(), 11, "the 200 and ten more");
    let byes = forged.sent.iter().filter(|text| text.starts_with("BYE "));
    assert!(byes.count() > 3);
}

/// Who is there has calls beside a flood in its name, for it acknowledges what it gets.
#[test]
fn whose_address_is_forged_can_still_call() {
    let mut forged = Forged::new(Door::Accepts);
    let mut up = 0;
    for round in 0..2_000 {
        forged.knock(&numbered(&request("INVITE"), round));
        if round % 100 == 50 {
            let number = 100_000 + round;
            forged.sent.clear();
            // What carriers say of themselves and their calls is longer than any answer of ours.
            let said = format!("User-Agent: {}\r\nMax-Forwards:", "x".repeat(500));
            let invite = request("INVITE").replace("Max-Forwards:", &said);
            forged.knock(&numbered(&invite, number));
            let ok = forged.sent.iter().find(|text| status(text) == 200).cloned();
            up += usize::from(ok.is_some_and(|ok| acknowledges(&mut forged, &ok, number)));
        }
        forged.run(Duration::from_millis(50));
    }
    assert!(up >= 18, "{up} of 20 calls came about");
}

/// Acknowledges a 200; tells whether that was an answer to our own INVITE.
fn acknowledges(forged: &mut Forged, ok: &str, number: usize) -> bool {
    let own = field(ok, "Call-ID") == Some(&format!("c{number}"));
    let tag = field(ok, "To").unwrap().split_once(";tag=").unwrap().1;
    let ack = Message {
        to_tag: tag,
        extra: CONTACT,
        ..Message::new("ACK", 1, "a")
    };
    forged.knock(&numbered(&ack.text(), number).replace("z9hG4bK", "z9hG4bKack"));
    own
}

/// A carrier with many calls never comes to the end of its purse, though each lasts but a moment.
#[test]
fn a_busy_peer_that_is_there_is_never_kept_waiting() {
    let mut busy = Forged::new(Door::Accepts);
    for number in 0..2_000 {
        busy.sent.clear();
        busy.knock(&numbered(&request("INVITE"), number));
        let ok = busy.sent.iter().find(|text| status(text) == 200).cloned();
        assert!(acknowledges(&mut busy, &ok.unwrap(), number), "{number}");
        busy.run(Duration::from_millis(20));
    }
    assert_eq!(busy.endpoint.counters().silenced, 0);
}

/// A connection proves by its handshake that somebody is there.
#[test]
fn over_a_connection_nothing_is_held_back() {
    let mut endpoint = endpoint();
    for number in 0..500 {
        let text = numbered(&request("INVITE"), number).replace("/UDP", "/TCP");
        endpoint.handle_stream(tcp(), text.as_bytes(), t0());
    }
    let sent = transmits(&mut endpoint);
    assert_eq!(sent.iter().filter(|text| status(text) == 100).count(), 500);
}
