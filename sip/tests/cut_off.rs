//! Calls whose connections are gone: what is to be said there waits for another way, and goes by it.
#![expect(clippy::unwrap_used, reason = "a helper of tests fails its test")]

mod world;

use std::time::{Duration, Instant};

use sip::{CallRef, Command, Endpoint, Event, Flow, Protocol};
use world::{CONTACT, Message, established, events, field, statuses, t0, tcp, transmits};

/// A connection like the first one, made later.
fn again(id: u64) -> Flow {
    Flow { id, ..tcp() }
}

/// A call whose connection the peer has closed.
fn cut_off(flow: Flow, now: Instant) -> (Endpoint, CallRef, String) {
    let (mut endpoint, call, tag) = established(flow, CONTACT, now);
    endpoint.handle_closed(flow, now);
    assert_eq!(events(&mut endpoint), [], "nothing is to be said yet");
    (endpoint, call, tag)
}

/// What is told, in short; where a peer is to be found is written out.
fn told(endpoint: &mut Endpoint) -> String {
    let told = events(endpoint).into_iter().map(|event| match event {
        Event::Disconnected { place, .. } => {
            let place = place.into_inner();
            format!("find {} by {:?}", place.host, place.protocol.unwrap())
        }
        Event::Ended { reason, .. } => format!("{reason:?}"),
        Event::Alive { .. } => "alive".to_owned(),
        Event::Unasked { .. } => "unasked".to_owned(),
        other @ (Event::Invite { .. }
        | Event::Ringing { .. }
        | Event::Early { .. }
        | Event::Answered { .. }
        | Event::Trunk { .. }
        | Event::Established { .. }
        | Event::Reinvite { .. }
        | Event::Renegotiated { .. }
        | Event::Elsewhere { .. }
        | Event::Key { .. }) => format!("{other:?}"),
    });
    told.collect::<Vec<_>>().join(", ")
}

/// The requests that go out, and by which connections.
fn asked(endpoint: &mut Endpoint) -> Vec<(u64, String)> {
    std::iter::from_fn(|| endpoint.poll_transmit())
        .map(|transmit| {
            (
                transmit.flow.id,
                String::from_utf8_lossy(&transmit.bytes).into_owned(),
            )
        })
        .collect()
}

/// Answers a request over a connection.
fn answer(endpoint: &mut Endpoint, flow: Flow, request: &str, now: Instant) {
    let mut text = "SIP/2.0 200 OK\r\n".to_owned();
    for name in ["Via", "From", "To", "Call-ID", "CSeq"] {
        text += &format!("{name}: {}\r\n", field(request, name).unwrap());
    }
    text += "Content-Length: 0\r\n\r\n";
    endpoint.handle_stream(flow, text.as_bytes(), now);
}

#[test]
fn a_bye_waits_for_a_new_connection_and_goes_by_it() {
    let now = t0();
    let (mut endpoint, call, _) = cut_off(tcp(), now);
    endpoint.handle(Command::Bye { call, cause: None }, now);
    assert_eq!(told(&mut endpoint), "Left, find 198.51.100.7 by Tcp");
    assert_eq!(transmits(&mut endpoint), [""; 0]);
    assert_eq!((endpoint.cut_off(), endpoint.knows(call)), (1, true));
    let way = again(5);
    endpoint.handle(Command::GoBy { call, way }, now);
    let asked = asked(&mut endpoint);
    let [(5, bye)] = &asked[..] else {
        panic!("{asked:?}");
    };
    assert!(
        bye.starts_with("BYE sip:anna@198.51.100.7 SIP/2.0\r\n"),
        "{bye}"
    );
    answer(&mut endpoint, way, bye, now);
    assert_eq!((endpoint.calls(), endpoint.transactions()), (0, 0));
    assert!(!endpoint.knows(call));
}

#[test]
fn a_peer_is_asked_over_a_new_connection_whether_it_is_there() {
    let now = t0();
    let (mut endpoint, call, _) = cut_off(tcp(), now);
    endpoint.handle(Command::Ping { call }, now);
    endpoint.handle(Command::Ping { call }, now);
    assert_eq!(told(&mut endpoint), "find 198.51.100.7 by Tcp", "once");
    let way = again(5);
    endpoint.handle(Command::GoBy { call, way }, now);
    let asked = asked(&mut endpoint);
    assert_eq!(asked.len(), 1);
    answer(&mut endpoint, way, &asked[0].1, now);
    assert_eq!(told(&mut endpoint), "alive");
}

#[test]
fn without_a_way_nothing_is_concluded() {
    let now = t0();
    let (mut endpoint, call, _) = cut_off(tcp(), now);
    endpoint.handle(Command::Ping { call }, now);
    endpoint.handle(Command::NoWay { call }, now);
    assert_eq!(told(&mut endpoint), "find 198.51.100.7 by Tcp, unasked");
    assert_eq!(endpoint.calls(), 1);
    // A door that says nothing keeps nothing waiting.
    endpoint.handle(Command::Ping { call }, now);
    let due = endpoint.poll_timeout().unwrap();
    assert_eq!(due, now + Duration::from_secs(32));
    endpoint.handle_timeout(due);
    assert_eq!(told(&mut endpoint), "find 198.51.100.7 by Tcp, unasked");
    endpoint.handle(Command::Bye { call, cause: None }, due);
    endpoint.handle(Command::NoWay { call }, due);
    assert_eq!(told(&mut endpoint), "Left, find 198.51.100.7 by Tcp");
    assert_eq!((endpoint.calls(), endpoint.poll_timeout()), (0, None));
}

#[test]
fn a_peer_that_comes_back_by_itself_is_asked_there() {
    let now = t0();
    let (mut endpoint, call, tag) = cut_off(tcp(), now);
    endpoint.handle(Command::Ping { call }, now);
    let options = Message {
        to_tag: &tag,
        ..Message::new("OPTIONS", 6, "back")
    };
    endpoint.handle_stream(again(9), options.text().as_bytes(), now);
    let asked = asked(&mut endpoint);
    let lines: Vec<_> = asked
        .iter()
        .map(|(id, text)| (*id, text.lines().next().unwrap()))
        .collect();
    let expected = [
        (9, "SIP/2.0 200 OK"),
        (9, "OPTIONS sip:anna@198.51.100.7 SIP/2.0"),
    ];
    assert_eq!(lines, expected);
    // What the door finds later changes nothing.
    endpoint.handle(Command::NoWay { call }, now);
    assert_eq!(told(&mut endpoint), "find 198.51.100.7 by Tcp");
}

#[test]
fn a_request_lost_with_its_connection_is_asked_again_but_not_for_ever() {
    let now = t0();
    let (mut endpoint, call, _) = established(tcp(), CONTACT, now);
    endpoint.handle(Command::Ping { call }, now);
    endpoint.handle_closed(tcp(), now);
    assert_eq!(told(&mut endpoint), "find 198.51.100.7 by Tcp");
    for id in [5, 6] {
        let way = again(id);
        endpoint.handle(Command::GoBy { call, way }, now);
        endpoint.handle_closed(way, now);
    }
    let found = "find 198.51.100.7 by Tcp";
    assert_eq!(
        told(&mut endpoint),
        format!("{found}, Unreachable, {found}")
    );
    let way = again(7);
    endpoint.handle(Command::GoBy { call, way }, now);
    endpoint.handle_closed(way, now);
    assert_eq!((endpoint.calls(), endpoint.transactions()), (0, 0));
}

#[test]
fn a_call_over_tls_goes_on_over_tls_only() {
    let now = t0();
    let tls = |id| Flow {
        protocol: Protocol::Tls,
        ..again(id)
    };
    let (mut endpoint, call, _) = cut_off(tls(4), now);
    endpoint.handle(Command::Ping { call }, now);
    let way = again(5);
    endpoint.handle(Command::GoBy { call, way }, now);
    assert_eq!(told(&mut endpoint), "find 198.51.100.7 by Tls, unasked");
    assert_eq!(statuses(&mut endpoint), [0; 0]);
    endpoint.handle(Command::Ping { call }, now);
    let way = tls(6);
    endpoint.handle(Command::GoBy { call, way }, now);
    assert_eq!(asked(&mut endpoint).len(), 1);
}

/// Behind address translation the peer reads another address of ours, which makes it no other connection.
#[test]
fn a_connection_is_the_same_whatever_address_the_peer_reads() {
    let now = t0();
    let public = Flow {
        advertised: "203.0.113.1:5060".parse().unwrap(),
        ..tcp()
    };
    let (mut endpoint, call, _) = established(public, CONTACT, now);
    endpoint.handle_closed(tcp(), now);
    endpoint.handle(Command::Ping { call }, now);
    assert_eq!(told(&mut endpoint), "find 198.51.100.7 by Tcp");
}

/// Whether a later connection from the same address may be the peer's: not where there were others already.
#[test]
fn it_is_told_whether_others_had_the_address_when_the_connection_was_lost() {
    let now = t0();
    for others in [false, true] {
        let (mut endpoint, call, _) = established(tcp(), CONTACT, now);
        if others {
            // A keep-alive is enough to be there (RFC 5626 §3.5.1).
            endpoint.handle_stream(again(5), b"\r\n\r\n", now);
        }
        endpoint.handle_closed(tcp(), now);
        endpoint.handle(Command::Ping { call }, now);
        let told = events(&mut endpoint);
        let [Event::Disconnected { alone, .. }] = &told[..] else {
            panic!("{told:?}");
        };
        assert_eq!(*alone, !others);
    }
}
