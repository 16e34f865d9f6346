//! Trunks whose peers call in by certificate, and to which we connect ourselves: what comes over those connections is theirs.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::{collections::BTreeMap, net::SocketAddr, path::Path, sync::Arc, time::Duration};

use rundruf::{
    phone::{DoorConfig, Duty, MediaRules, Names, Standing, Trunk, Upkeep},
    tls::{Authorities, ClientAuthority, Identity, SipServer, sip_client_config},
};
use sip::{
    Flow, Protocol,
    locate::{Query, Record},
};

use crate::{
    presets::Wire,
    registered::registered,
    sim::{
        identity::identity,
        now,
        sip_text::{Message, response},
        world::{SERVER, World, door_config, everybody},
    },
};

const SECOND: Duration = Duration::from_secs(1);
/// The servers of the exchange, the first of which is to be preferred.
const FIRST: &str = "198.51.100.1:5061";
const SECOND_SERVER: &str = "198.51.100.2:5061";
/// From where it connects to us.
const CALLER: &str = "198.51.100.1:40000";
/// Where we listen for TLS.
const LISTENING: SocketAddr = SocketAddr::new(SERVER.ip(), 5_061);
/// What it asks of a call: that we refresh it in time.
const TIMED: &str = "Supported: timer\r\nSession-Expires: 90;refresher=uas\r\n\
     Allow: INVITE, ACK, BYE, UPDATE, OPTIONS, INFO\r\nContent-Type: application/sdp\r\n";
const SDP: &str = "v=0\r\no=- 1 1 IN IP4 198.51.100.1\r\ns=-\r\nc=IN IP4 198.51.100.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n";

/// An exchange of two servers, and the door that it calls by certificate.
struct Exchange {
    world: World,
    identity: Arc<Identity>,
    /// Who believes us.
    ours: Authorities,
    /// The connections between both, by their addresses at the exchange.
    lines: Vec<(SocketAddr, Wire)>,
    heard: Vec<(SocketAddr, Message)>,
    /// At which of the servers nobody is.
    gone: Option<SocketAddr>,
}

/// Names the servers in the order in which they are to be tried.
fn names() -> Names {
    let srv = |priority, target: &str| Record::Srv {
        priority,
        weight: 1,
        port: 5_061,
        target: target.to_owned(),
    };
    let address = |of: &str| {
        let address = of.parse::<SocketAddr>().unwrap().ip();
        vec![Record::Address(address)]
    };
    Names::listed(BTreeMap::from([
        (
            Query::Srv("_sips._tcp.sbc.example".to_owned()),
            vec![srv(1, "one.sbc.example"), srv(2, "two.sbc.example")],
        ),
        (
            Query::Addresses("one.sbc.example".to_owned()),
            address(FIRST),
        ),
        (
            Query::Addresses("two.sbc.example".to_owned()),
            address(SECOND_SERVER),
        ),
    ]))
}

impl Exchange {
    /// Opens the door; `external` is the address by which we are reached, if that is another than ours.
    fn new(folder: &Path, external: Option<&str>) -> Self {
        let trunk = Trunk {
            peers: Vec::new(),
            client: Some(0),
            upkeep: Some(Upkeep {
                server: SERVICE.parse().unwrap(),
                client: None,
                duty: Duty::Probe,
            }),
            media: MediaRules {
                external: external.map(|address| address.parse().unwrap()),
                ..everybody().media
            },
            ..everybody()
        };
        Self::of(folder, trunk)
    }

    /// Opens a door of this trunk, whose connections to it are trusted.
    fn of(folder: &Path, mut trunk: Trunk) -> Self {
        let (us, ours) = identity(folder, "rundruf.example");
        let (them, theirs) = identity(folder, "sbc.example");
        if let Some(upkeep) = &mut trunk.upkeep {
            upkeep.client = Some(sip_client_config(&us, &theirs).unwrap());
        }
        let clients = vec![ClientAuthority {
            name: "sbc.example".try_into().unwrap(),
            authorities: theirs,
        }];
        let door = DoorConfig {
            server: Some(SipServer::new(&us, clients).unwrap()),
            tls: vec![LISTENING],
            names: names(),
            ..door_config(vec![trunk])
        };
        Self {
            world: World::with_door(1, door),
            identity: them,
            ours,
            lines: Vec::new(),
            heard: Vec::new(),
            gone: None,
        }
    }

    /// Lets time pass in which the exchange answers whatever it is asked.
    async fn serve(&mut self, time: Duration) {
        let until = now() + time;
        while now() < until {
            self.world.run_for(SECOND / 4).await;
            while let Some((hop, stream)) = self.world.connected() {
                if self.gone != Some(hop.address) {
                    let line = Wire::accept(stream, &self.identity);
                    self.lines.push((hop.address, line));
                }
            }
            for (address, line) in &mut self.lines {
                for message in line.hears() {
                    if message.status().is_none() {
                        line.says(response(&message, 200, "OK"));
                    }
                    self.heard.push((*address, message));
                }
            }
        }
    }

    fn says(&self, over: SocketAddr, bytes: Vec<u8>) {
        let mut lines = self.lines.iter().rev();
        let (_, line) = lines.find(|(of, _)| *of == over).expect("a connection");
        line.says(bytes);
    }

    /// Calls over a connection, and comes in.
    async fn calls(&mut self, over: SocketAddr) {
        let registers = self.heard.iter().rfind(|(_, of)| of.method() == "REGISTER");
        let contact = registers.and_then(|(_, of)| of.contact());
        let uri = contact.unwrap_or_else(|| "sip:bridge@127.0.0.1".to_owned());
        let request = |verb: (&str, u32), to: &str, fields: &str, body: &str| {
            request(over, &uri, verb, to, fields, body)
        };
        self.says(over, request(("INVITE", 1), TO, TIMED, SDP));
        self.serve(SECOND).await;
        let answer = self.heard.iter().find(|(_, of)| of.status() == Some(200));
        let to = answer.expect("a 200").1.field("To").to_owned();
        self.says(over, request(("ACK", 1), &to, "", ""));
        for (key, cseq) in self.world.room().code().chars().zip(2..) {
            let (kind, body) = (
                "Content-Type: application/dtmf-relay\r\n",
                format!("Signal={key}\r\n"),
            );
            self.says(over, request(("INFO", cseq), &to, kind, &body));
            self.serve(SECOND / 4).await;
        }
        self.serve(SECOND).await;
        assert_eq!(self.world.server.census().admitted(), 1, "it is in");
        self.heard.clear();
    }

    /// How often a method was heard within the call, and over which connection at last.
    fn asked(&self, method: &str) -> Vec<&(SocketAddr, Message)> {
        let within = |of: &Message| of.method() == method && of.field("Call-ID") == CALL;
        self.heard.iter().filter(|(_, of)| within(of)).collect()
    }

    fn assert_calls(&self, calls: u64) {
        let counts = self.world.counts.borrow();
        let found = (
            counts.strangers,
            counts.trunks[0].calls,
            counts.trunks[0].standing,
        );
        assert_eq!(found, (0, calls, Standing::Up));
    }
}

/// Where the exchange is found.
const SERVICE: &str = "sip:sbc.example;transport=tls";
const TO: &str = "<sip:bridge@127.0.0.1>";
const CALL: &str = "c1@sbc.example";

fn at(address: &str) -> SocketAddr {
    address.parse().unwrap()
}

/// A request of the exchange, which wants to be called at the server from which it comes.
fn request(
    from: SocketAddr,
    uri: &str,
    (method, cseq): (&str, u32),
    to: &str,
    fields: &str,
    body: &str,
) -> Vec<u8> {
    let contact = SocketAddr::new(from.ip(), 5_061);
    format!(
        "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/TLS {from};branch=z9hG4bK{method}{cseq}\r\n\
         From: <sip:a@sbc.example>;tag=t\r\nTo: {to}\r\nCall-ID: {CALL}\r\nCSeq: {cseq} {method}\r\n\
         Contact: <sip:a@{contact};transport=tls>\r\nMax-Forwards: 70\r\n{fields}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// A call whose peer closes its connection is asked whether it is there, and refreshed, over one that we make.
async fn refreshed(external: Option<&str>) -> String {
    let folder = tempfile::tempdir().unwrap();
    let mut exchange = Exchange::new(folder.path(), external);
    exchange.serve(SECOND).await;
    let flow = Flow::new(Protocol::Tls, LISTENING, at(CALLER), 77);
    let stream = exchange.world.connect(flow);
    let line = Wire::connect(stream, &exchange.identity, &exchange.ours);
    exchange.lines.push((at(CALLER), line));
    exchange.serve(SECOND).await;
    exchange.calls(at(CALLER)).await;
    exchange.lines.retain(|(of, _)| *of != at(CALLER));

    exchange.serve(100 * SECOND).await;
    assert!(exchange.asked("OPTIONS").len() > 1, "it is silent");
    let updates = exchange.asked("UPDATE");
    assert_eq!(updates[0].0, at(FIRST));
    let contact = updates[0].1.contact().unwrap();
    let via = updates[0].1.field("Via").to_owned();
    let there = contact.replace("sip:", "").replace(";transport=tls", "");
    assert!(via.starts_with(&format!("SIP/2.0/TLS {there};")), "{via}");
    exchange.assert_calls(1);

    // That connection goes the same way.
    exchange.lines.truncate(1);
    exchange.heard.clear();
    exchange.serve(60 * SECOND).await;
    assert!(!exchange.asked("OPTIONS").is_empty());
    exchange.assert_calls(1);
    contact
}

#[tokio::test(start_paused = true)]
async fn a_call_by_certificate_outlives_its_connection_and_says_where_we_listen() {
    assert_eq!(refreshed(None).await, "sip:127.0.0.1:5061;transport=tls");
}

#[tokio::test(start_paused = true)]
async fn behind_an_address_translator_the_port_is_told_that_it_forwards() {
    let contact = refreshed(Some("203.0.113.9")).await;
    assert_eq!(contact, "sip:203.0.113.9:5061;transport=tls");
}

#[tokio::test(start_paused = true)]
async fn the_first_server_of_a_trunk_by_certificate_is_gone_back_to_and_the_second_still_serves_its_calls()
 {
    let folder = tempfile::tempdir().unwrap();
    let mut exchange = Exchange::new(folder.path(), None);
    exchange.gone = Some(at(FIRST));
    exchange.serve(2 * SECOND).await;
    let (over, asked) = &exchange.heard[0];
    assert_eq!((*over, asked.method()), (at(SECOND_SERVER), "OPTIONS"));
    assert!(
        asked
            .field("Via")
            .starts_with("SIP/2.0/TLS 127.0.0.1:5061;")
    );
    let contact = asked.contact().unwrap();
    assert_eq!(contact, "sip:127.0.0.1:5061;transport=tls");
    exchange.assert_calls(0);
    exchange.heard.clear();
    exchange.calls(at(SECOND_SERVER)).await;

    exchange.gone = None;
    exchange.serve(100 * SECOND).await;
    let outside =
        |of: &&(SocketAddr, Message)| of.1.method() == "OPTIONS" && of.1.field("Call-ID") != CALL;
    let (over, _) = exchange.heard.iter().rfind(outside).unwrap();
    assert_eq!(*over, at(FIRST), "the first is gone back to");
    exchange.heard.clear();
    exchange.serve(60 * SECOND).await;
    let asked = exchange.asked("OPTIONS");
    assert!(!asked.is_empty());
    let over: Vec<_> = asked.iter().map(|(over, _)| *over).collect();
    assert!(
        over.iter().all(|over| *over == at(SECOND_SERVER)),
        "{over:?}"
    );
    exchange.assert_calls(1);
}

/// Fails where a call stays with a server that is gone, though its carrier serves us by another.
#[tokio::test(start_paused = true)]
async fn a_call_of_a_carrier_whose_server_goes_after_the_first_is_gone_back_to_is_asked_by_the_first()
 {
    let folder = tempfile::tempdir().unwrap();
    let mut exchange = Exchange::of(folder.path(), registered(SERVICE, "620", "+4930555000"));
    exchange.gone = Some(at(FIRST));
    exchange.serve(2 * SECOND).await;
    exchange.calls(at(SECOND_SERVER)).await;
    exchange.gone = None;
    exchange.serve(100 * SECOND).await;
    let over = |exchange: &Exchange| {
        let asked = exchange.asked("OPTIONS").into_iter();
        asked.map(|(over, _)| *over).collect::<Vec<_>>()
    };
    assert!(over(&exchange).iter().all(|of| *of == at(SECOND_SERVER)));
    let registers = exchange
        .heard
        .iter()
        .rfind(|(_, of)| of.method() == "REGISTER");
    assert_eq!(registers.unwrap().0, at(FIRST), "the first is gone back to");

    exchange.heard.clear();
    exchange.gone = Some(at(SECOND_SERVER));
    exchange.lines.retain(|(of, _)| *of != at(SECOND_SERVER));
    exchange.serve(60 * SECOND).await;
    assert!(over(&exchange).iter().all(|of| *of == at(FIRST)));
    assert!(!over(&exchange).is_empty());
    exchange.assert_calls(1);
}
