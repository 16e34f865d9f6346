//! What the endpoint answers without its door, on datagrams and streams, and what it never prints.
#![expect(clippy::unwrap_used, reason = "a helper of tests fails its test")]

mod world;

use std::time::Duration;

use sip::{Command, Endpoint, Event, Flow, Protocol};
use world::{
    CONTACT, Message, SDP, described, endpoint, established, events, field, request, status,
    statuses, t0, tcp, transmits, udp,
};

fn answer(text: &str) -> Vec<String> {
    let mut endpoint = endpoint();
    endpoint.handle_datagram(udp(), text.as_bytes(), t0());
    transmits(&mut endpoint)
}

#[test]
fn options_names_our_capabilities() {
    let sent = answer(&request("OPTIONS"));
    assert_eq!(status(&sent[0]), 200);
    for name in ["Allow", "Accept", "Supported", "Server"] {
        assert!(field(&sent[0], name).is_some(), "{name}");
    }
    assert!(field(&sent[0], "To").unwrap().contains(";tag="));
}

#[test]
fn a_stateless_answer_is_the_same_every_time() {
    let mut endpoint = endpoint();
    for _ in 0..2 {
        endpoint.handle_datagram(udp(), request("OPTIONS").as_bytes(), t0());
    }
    let sent = transmits(&mut endpoint);
    assert_eq!(sent[0], sent[1]);
    assert_eq!(
        (endpoint.transactions(), endpoint.poll_timeout()),
        (0, None)
    );
}

#[test]
fn what_we_do_not_do_is_refused_by_its_code() {
    let invite = request("INVITE");
    let replaced = |from: &str, to: &str| {
        assert!(invite.contains(from), "{from}");
        invite.replace(from, to)
    };
    let body = |body: &str| {
        Message {
            body,
            ..Message::new("INVITE", 1, "a")
        }
        .text()
    };
    let many = format!("{SDP}{}", "m=video 0 RTP/AVP 31\r\n".repeat(8));
    let many_more = format!("{SDP}{}", "m=a 1 x 0\r\n".repeat(1_400));
    let long = format!("{SDP}{}", "a=x\r\n".repeat(4_000));
    let longest = format!("{SDP}{}", "m=a 1 x 0\r\n".repeat(1_500));
    let cases = [
        (request("REGISTER"), 405, "Allow"),
        (request("SUBSCRIBE"), 405, "Allow"),
        (request("UPDATE"), 481, "To"),
        (request("PRACK"), 481, "To"),
        (request("DANCE"), 501, "Allow"),
        (request("BYE"), 481, "To"),
        (request("CANCEL"), 481, "To"),
        (
            replaced("Contact:", "Accept: text/nobodyKnowsThis\r\nContact:"),
            406,
            "To",
        ),
        (
            replaced("Contact:", "Require: 100rel, precondition\r\nContact:"),
            420,
            "Unsupported",
        ),
        (
            replaced("INVITE sip:4711@192.0.2.1", "INVITE http://x"),
            416,
            "To",
        ),
        (replaced("SIP/2.0\r\nVia", "SIP/3.0\r\nVia"), 505, "To"),
        (
            replaced("application/sdp", "application/isup"),
            415,
            "Accept",
        ),
        (
            replaced("Contact:", "Content-Encoding: gzip\r\nContact:"),
            415,
            "Accept-Encoding",
        ),
        (replaced(CONTACT, ""), 400, "To"),
        (replaced(CONTACT, "Contact: *\r\n"), 400, "To"),
        (replaced("CSeq: 1 INVITE", "CSeq: 1 BYE"), 400, "To"),
        (replaced("To: <sip:4711@192.0.2.1>\r\n", ""), 400, "Call-ID"),
        (replaced("Content-Length: ", "Content-Length: 9"), 400, "To"),
        (body("v=0\r\nnonsense\r\n"), 400, "To"),
        (body(&many), 488, "To"),
        (body(&many_more), 488, "To"),
        (body(&long), 413, "To"),
        (body(&longest), 413, "To"),
    ];
    for (text, expected, name) in cases {
        let sent = answer(&text);
        assert_eq!(sent.len(), 1, "{expected}");
        assert_eq!(status(&sent[0]), expected);
        assert!(field(&sent[0], name).is_some(), "{expected} carries {name}");
    }
}

/// Hops that are used up are for proxies to refuse, and who takes any description, or says nothing, takes ours (RFC 4475 `zeromf`, `sdp01`).
#[test]
fn who_is_called_takes_a_request_whose_hops_are_used_up_and_one_that_takes_descriptions() {
    let last_hop = |method| request(method).replace("Max-Forwards: 70", "Max-Forwards: 0");
    assert_eq!(status(&answer(&last_hop("OPTIONS"))[0]), 200);
    let accepts = |ranges: &str| {
        let accept = format!("Accept: {ranges}\r\nContact:");
        request("INVITE").replace("Contact:", &accept)
    };
    let taken = [
        last_hop("INVITE"),
        accepts("application/sdp"),
        accepts("text/plain, Application/SDP;q=0.5"),
        accepts("*/*"),
        accepts("text/plain\r\nAccept: application/*"),
    ];
    for text in taken {
        let mut endpoint = endpoint();
        endpoint.handle_datagram(udp(), text.as_bytes(), t0());
        assert_eq!(statuses(&mut endpoint), [100], "{text}");
    }
}

#[test]
fn nobody_takes_a_call_over_transfers_it_or_sends_text() {
    let replaces = "Replaces: call-1;to-tag=1;from-tag=2\r\nContact:";
    let required = format!("Require: replaces\r\n{replaces}");
    let invite = request("INVITE");
    let cases = [
        (request("REFER"), 405, "Allow"),
        (request("MESSAGE"), 405, "Allow"),
        (invite.replace("Contact:", &required), 420, "Unsupported"),
        (invite.replace("Contact:", replaces), 481, "To"),
    ];
    for (text, expected, name) in cases {
        let sent = answer(&text);
        assert_eq!((sent.len(), status(&sent[0])), (1, expected));
        assert!(field(&sent[0], name).is_some(), "{expected} carries {name}");
    }
}

/// R18: what is too large is refused by its size, before anything is made of it: what comes after the limit is not even
/// looked at, the door hears nothing, and nothing is held.
#[test]
fn descriptions_that_are_too_large_are_refused_before_any_work() {
    let sized = |octets: usize| format!("{SDP}{}", "x".repeat(octets - SDP.len()));
    let lines = |count: usize, line: &str| format!("{SDP}{}", line.repeat(count - 1));
    let nonsense = "this is no line of a description\r\n";
    let cases = [
        ("16 kB and an octet", sized(16 * 1024 + 1), 413),
        ("64 kB less the head", sized(64_000), 413),
        ("nine lines", lines(9, "m=video 0 RTP/AVP 31\r\n"), 488),
        (
            "nine lines and nonsense",
            lines(9, "m=a 1 x 0\n") + nonsense,
            488,
        ),
        ("1,500 short lines", lines(1_500, "m=a 1 x 0\n"), 488),
        ("1,500 lines", lines(1_500, "m=video 0 RTP/AVP 31\r\n"), 413),
        ("16 kB of nonsense", nonsense.repeat(600), 413),
    ];
    for (what, body, expected) in cases {
        let mut endpoint = endpoint();
        let text = Message {
            body: &body,
            ..Message::new("INVITE", 1, "a")
        }
        .text();
        endpoint.handle_datagram(udp(), text.as_bytes(), t0());
        assert_eq!(statuses(&mut endpoint), [expected], "{what}");
        assert_idle(&mut endpoint, what);
    }
    // A megabyte comes over a connection: it is refused when its head is there, and the connection closed.
    let mut endpoint = endpoint();
    let text = request("INVITE");
    let (head, _) = text.split_once("\r\n\r\n").unwrap();
    let (start, _) = head.rsplit_once("Content-Length: ").unwrap();
    let head = format!("{start}Content-Length: 1048576\r\n\r\n");
    endpoint.handle_stream(tcp(), head.as_bytes(), t0());
    assert_eq!(statuses(&mut endpoint), [413]);
    assert_eq!(endpoint.poll_close(), Some(tcp()));
    assert_idle(&mut endpoint, "a megabyte");
}

fn assert_idle(endpoint: &mut Endpoint, what: &str) {
    assert!(events(endpoint).is_empty(), "{what}");
    let held = (endpoint.transactions(), endpoint.calls());
    assert_eq!(held, (0, 0), "{what}");
    assert_eq!(endpoint.poll_timeout(), None, "{what}");
}

/// Servers have gone down on parts that they took for granted. We ask nobody for credentials, so none are read.
#[test]
fn credentials_and_identities_that_lack_parts_change_nothing() {
    for line in [
        "Authorization: Digest",
        "Authorization: Digest ,",
        "Authorization: Digest username=\"a\"",
        "Authorization: Digest realm=, nonce=, response=",
        "Authorization: Basic",
        "Authorization:",
        "Proxy-Authorization: Digest uri=\"",
        "Proxy-Authorization: Digest =,=",
        "WWW-Authenticate: Digest",
        "Proxy-Authenticate: Digest qop=\"",
        "Authentication-Info: nextnonce",
        "Identity: eyJ",
        "Identity: ;info=",
        "Identity: a.b.c;info",
        "Identity:",
    ] {
        for (method, expected) in [("OPTIONS", 200), ("REGISTER", 405), ("INVITE", 100)] {
            let text = request(method).replace("Max-Forwards", &format!("{line}\r\nMax-Forwards"));
            let sent = answer(&text);
            assert_eq!(
                (sent.len(), status(&sent[0])),
                (1, expected),
                "{method}, {line}"
            );
        }
    }
}

#[test]
fn a_body_too_long_for_a_stream_is_refused_by_its_length_alone() {
    for length in ["70000", "99999999999999999999"] {
        let mut endpoint = endpoint();
        let text = request("INVITE");
        let head = text.split_once("\r\n\r\n").unwrap().0;
        let (start, rest) = head.split_once("Content-Length: ").unwrap();
        let after = rest.split_once("\r\n").map_or("", |(_, after)| after);
        let head = format!("{start}Content-Length: {length}\r\n{after}\r\n\r\n");
        endpoint.handle_stream(tcp(), head.as_bytes(), t0());
        let sent = transmits(&mut endpoint);
        assert_eq!(sent.len(), 1);
        assert_eq!(status(&sent[0]), 413);
        assert_eq!(endpoint.poll_close(), Some(tcp()));
    }
}

#[test]
fn noise_and_stray_messages_are_counted_and_not_answered() {
    let mut endpoint = endpoint();
    let ok = "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>;tag=2\r\n\
              Call-ID: c\r\nCSeq: 1 BYE\r\n\r\n";
    for bytes in ["\r\n\r\n", "\0\0\0\0", "noise", ok, &request("ACK")] {
        endpoint.handle_datagram(udp(), bytes.as_bytes(), t0());
    }
    assert_eq!(transmits(&mut endpoint), Vec::<String>::new());
    let counters = endpoint.counters();
    assert_eq!(
        (counters.dropped, counters.stray, counters.responses),
        (1, 2, 1)
    );
}

#[test]
fn the_second_branch_of_a_forked_invite_is_a_loop() {
    let mut endpoint = endpoint();
    endpoint.handle_datagram(udp(), request("INVITE").as_bytes(), t0());
    let merged = Message {
        body: SDP,
        ..Message::new("INVITE", 1, "other")
    };
    endpoint.handle_datagram(udp(), merged.text().as_bytes(), t0());
    assert_eq!(statuses(&mut endpoint), [100, 482]);
    assert_eq!(events(&mut endpoint).len(), 1);
}

#[test]
fn an_element_of_rfc_2543_is_served() {
    let now = t0();
    let mut endpoint = endpoint();
    let old = |method| {
        request(method)
            .replace("branch=z9hG4bKa;", "")
            .replace(";tag=phone", "")
    };
    for _ in 0..2 {
        endpoint.handle_datagram(udp(), old("INVITE").as_bytes(), now);
    }
    assert_eq!(statuses(&mut endpoint), [100, 100]);
    let Some(Event::Invite { call, .. }) = endpoint.poll_event() else {
        panic!("no INVITE arrived");
    };
    assert_eq!(
        endpoint.poll_event(),
        None,
        "the repeated INVITE is no second call"
    );
    let command = Command::Reject {
        call,
        status: 486,
        reason: "Busy Here",
        retry_after: Some(5),
        cause: None,
    };
    endpoint.handle(command, now);
    let sent = transmits(&mut endpoint);
    assert_eq!(field(&sent[0], "Retry-After"), Some("5"));
    endpoint.handle_datagram(udp(), old("ACK").as_bytes(), now);
    endpoint.handle_timeout(now + Duration::from_secs(1));
    assert_eq!(
        transmits(&mut endpoint),
        Vec::<String>::new(),
        "the ACK ended the retransmission"
    );
}

#[test]
fn record_routes_are_copied_into_the_200() {
    let now = t0();
    let mut endpoint = endpoint();
    let extra = "Contact: <sip:a@h>\r\nRecord-Route: <sip:p1;lr>, <sip:p0;lr>\r\n";
    let text = Message {
        extra,
        ..Message::new("INVITE", 1, "a")
    }
    .text();
    endpoint.handle_datagram(udp(), text.as_bytes(), now);
    let Some(Event::Invite {
        call, offer: None, ..
    }) = endpoint.poll_event()
    else {
        panic!("no INVITE arrived");
    };
    endpoint.handle(
        Command::Accept {
            call,
            sdp: described(None),
        },
        now,
    );
    let sent = transmits(&mut endpoint);
    assert_eq!(
        field(&sent[1], "Record-Route"),
        Some("<sip:p1;lr>, <sip:p0;lr>")
    );
}

#[test]
fn a_stream_carries_a_call_and_its_keep_alives() {
    let now = t0();
    let (mut endpoint, call, _) = established(tcp(), CONTACT, now);
    endpoint.handle_stream(tcp(), b"\r\n\r\n", now);
    assert_eq!(transmits(&mut endpoint), ["\r\n"]);
    endpoint.handle(Command::Bye { call, cause: None }, now);
    assert!(transmits(&mut endpoint)[0].contains("Via: SIP/2.0/TCP 192.0.2.1:5060;"));
    endpoint.handle_timeout(now + Duration::from_secs(10));
    assert_eq!(
        transmits(&mut endpoint),
        Vec::<String>::new(),
        "a stream repeats nothing"
    );
    endpoint.handle_closed(tcp(), now + Duration::from_secs(10));
    // The BYE may be lost with it, and waits for another connection as long as an answer would be waited for.
    assert_eq!(endpoint.calls(), 1);
    endpoint.handle_timeout(now + Duration::from_secs(50));
    assert_eq!(endpoint.calls(), 0);
}

#[test]
fn a_stream_that_breaks_the_rules_is_closed() {
    let now = t0();
    let mut endpoint = endpoint();
    let no_length = request("OPTIONS").replace("Content-Length: 0\r\n", "");
    endpoint.handle_stream(tcp(), no_length.as_bytes(), now);
    assert_eq!(statuses(&mut endpoint), [400]);
    assert_eq!(endpoint.poll_close(), Some(tcp()));
    endpoint.handle_stream(tcp(), &vec![b'x'; sip::limit::MESSAGE_BYTES + 1], now);
    assert_eq!(endpoint.poll_close(), Some(tcp()));
    endpoint.handle_stream(tcp(), b"OPTIONS", now);
    endpoint.handle_stream(tcp(), b" sip:", now + Duration::from_secs(20));
    assert_eq!(
        endpoint.poll_timeout(),
        Some(now + sip::limit::MESSAGE_WITHIN)
    );
    endpoint.handle_timeout(now + sip::limit::MESSAGE_WITHIN);
    assert_eq!(
        endpoint.poll_close(),
        Some(tcp()),
        "a message may not trickle for ever"
    );
    assert_eq!(endpoint.counters().closed, 3);
    endpoint.handle_stream(tcp(), b"\r\n", now);
    assert_eq!(endpoint.poll_timeout(), None, "half a keep-alive may wait");
}

#[test]
fn a_call_over_ipv6_names_addresses_in_their_spelling() {
    let now = t0();
    let six = |local: &str| {
        let remote = "[2001:db8::9]:40000".parse().unwrap();
        Flow::new(Protocol::Udp, local.parse().unwrap(), remote, 0)
    };
    for (local, contact) in [
        ("[2001:db8::1]:5060", "<sip:[2001:db8::1]:5060>"),
        ("[::ffff:192.0.2.1]:5060", "<sip:192.0.2.1:5060>"),
    ] {
        let mut endpoint = endpoint();
        let invite = request("INVITE").replace("198.51.100.7:5060;", "[2001:db8::9];");
        endpoint.handle_datagram(six(local), invite.as_bytes(), now);
        let Some(Event::Invite { call, offer, .. }) = endpoint.poll_event() else {
            panic!("no INVITE arrived");
        };
        let sdp = described(offer.as_ref());
        endpoint.handle(Command::Accept { call, sdp }, now);
        let ok = transmits(&mut endpoint).pop().unwrap();
        assert_eq!(field(&ok, "Contact"), Some(contact));
        let via = "SIP/2.0/UDP [2001:db8::9];branch=z9hG4bKa;received=2001:db8::9;rport=40000";
        assert_eq!(field(&ok, "Via"), Some(via));
    }
}

#[test]
fn the_peer_reads_the_transport_and_the_address_by_which_it_reaches_us() {
    let now = t0();
    let flow = Flow {
        protocol: Protocol::Tls,
        advertised: "203.0.113.9:5061".parse().unwrap(),
        ..tcp()
    };
    for (scheme, expected) in [
        ("sip", "<sip:203.0.113.9:5061;transport=tls>"),
        ("sips", "<sips:203.0.113.9:5061>"),
    ] {
        let mut endpoint = endpoint();
        let invite = request("INVITE")
            .replacen("INVITE sip:", &format!("INVITE {scheme}:"), 1)
            .replace("SIP/2.0/UDP", "SIP/2.0/TLS");
        endpoint.handle_stream(flow, invite.as_bytes(), now);
        let Some(Event::Invite { call, offer, .. }) = endpoint.poll_event() else {
            panic!("no INVITE arrived");
        };
        let sdp = described(offer.as_ref());
        endpoint.handle(Command::Accept { call, sdp }, now);
        let ok = transmits(&mut endpoint).pop().unwrap();
        assert_eq!(field(&ok, "Contact"), Some(expected));
    }
    let (mut endpoint, call, _) = established(flow, CONTACT, now);
    endpoint.handle(Command::Bye { call, cause: None }, now);
    let bye = transmits(&mut endpoint).pop().unwrap();
    let via = field(&bye, "Via").unwrap();
    assert!(via.starts_with("SIP/2.0/TLS 203.0.113.9:5061;"), "{via}");
}

#[test]
fn nothing_prints_a_number_an_address_or_a_name() {
    let now = t0();
    let mut endpoint = endpoint();
    endpoint.handle_datagram(udp(), request("INVITE").as_bytes(), now);
    let event = endpoint.poll_event().unwrap();
    let Event::Invite {
        call,
        ref offer,
        ref asked,
        ..
    } = event
    else {
        panic!("no INVITE arrived");
    };
    let caller = &asked.caller;
    assert_eq!(caller.number.as_ref().unwrap().expose(), "+4930123456");
    assert_eq!(caller.name.as_ref().unwrap().expose(), "Anna Canary");
    assert_eq!(asked.target.user.as_ref().unwrap().expose(), "4711");
    let sdp = described(offer.as_ref());
    let agreed = sip::sdp::offer_answer::answer(offer.as_ref().unwrap(), &world::local())
        .unwrap()
        .1;
    let reinvite = Event::Reinvite {
        call,
        offer: offer.clone(),
    };
    let answers = [
        Event::Established {
            call,
            answer: offer.clone(),
        },
        Event::Renegotiated {
            call,
            answer: offer.clone(),
        },
    ];
    let command = Command::Accept {
        call,
        sdp: sdp.clone(),
    };
    endpoint.handle(command.clone(), now);
    let media = (
        sdp.media.clone(),
        sdp.origin.clone(),
        sdp.connection.clone(),
    );
    let transmit = endpoint.poll_transmit().unwrap();
    let printed =
        format!("{event:?} {reinvite:?} {answers:?} {command:?} {agreed:?} {media:#?} {sdp:#?}");
    let printed = format!(
        "{printed} {transmit:?} {endpoint:#?} {:?} {:?}",
        udp(),
        world::local()
    );
    for canary in [
        "4711",
        "4930123456",
        "Anna",
        "Canary",
        "198.51.100",
        "192.0.2",
        "call-1",
        "30000",
        "4000",
        "=phone",
    ] {
        assert!(!printed.contains(canary), "{canary} in {printed}");
    }
    assert!(printed.contains("Invite"), "the shape is printed");
}

#[test]
fn what_would_be_held_for_a_request_is_limited() {
    let vias = format!("Via: SIP/2.0/UDP h;a={}\r\n", "x".repeat(1_000));
    let with =
        |rows: &str| request("INVITE").replace("Max-Forwards:", &format!("{rows}Max-Forwards:"));
    assert_eq!(status(&answer(&with(&vias.repeat(15)))[0]), 100);
    assert_eq!(answer(&with(&vias.repeat(16))), Vec::<String>::new());
    let route = "Record-Route: <sip:p;lr>\r\n";
    assert_eq!(status(&answer(&with(&route.repeat(32)))[0]), 100);
    assert_eq!(status(&answer(&with(&route.repeat(33)))[0]), 400);
}
