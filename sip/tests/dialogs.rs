//! What the endpoint answers within a dialog, where its own requests go, and what a lost connection costs.
#![expect(clippy::unwrap_used, reason = "a helper of tests fails its test")]

mod world;

use std::time::{Duration, Instant};

use sip::{CallRef, Command, Endpoint, EndpointConfig, Event, Flow, Protocol};
use world::{
    CONTACT, Message, SDP, described, endpoint, established, events, field, request, status,
    statuses, t0, tcp, transmits, udp,
};

#[test]
fn requests_within_a_dialog_are_checked_against_it() {
    let (mut endpoint, call, tag) = established(udp(), CONTACT, t0());
    let mut ask =
        |method: &str, cseq: u32, branch: &str, to_tag: &str, change: &dyn Fn(String) -> String| {
            let text = Message {
                to_tag,
                ..Message::new(method, cseq, branch)
            }
            .text();
            endpoint.handle_datagram(udp(), change(text).as_bytes(), t0());
            statuses(&mut endpoint)
        };
    let same = |text: String| text;
    assert_eq!(ask("OPTIONS", 6, "c", &tag, &same), [200]);
    assert_eq!(
        ask("OPTIONS", 6, "c", &tag, &same),
        [200],
        "a repeated request gets its answer again"
    );
    assert_eq!(
        ask("BYE", 5, "d", &tag, &same),
        [500],
        "the order of CSeq is kept"
    );
    assert_eq!(ask("BYE", 7, "e", "another", &same), [481]);
    assert_eq!(ask("INFO", 8, "f", &tag, &same), [200]);
    let with_body = |text: String| {
        text.replace(
            "Content-Length: 0\r\n\r\n",
            "Content-Type: application/dtmf-relay\r\nContent-Length: 8\r\n\r\nSignal=1",
        )
    };
    assert_eq!(ask("INFO", 9, "g", &tag, &with_body), [200]);
    assert_eq!(ask("PRACK", 10, "h", &tag, &same), [481]);
    let required = |text: String| text.replace("Contact:", "Require: x\r\nContact:");
    assert_eq!(ask("OPTIONS", 11, "i", &tag, &required), [420]);
    assert_eq!(ask("BYE", 12, "j", &tag, &same), [200]);
    assert_eq!(
        ask("BYE", 12, "j", &tag, &same),
        [200],
        "a repeated BYE does not meet 481"
    );
    assert!(matches!(
        events(&mut endpoint)[..],
        [Event::Key { call: pressed, digit: '1' }, Event::Ended { call: ended, .. }]
            if ended == call && pressed == call
    ));
}

/// R13: nobody sends text, not even within a call: nothing of it comes to the door.
#[test]
fn text_within_a_dialog_is_refused_and_shown_to_nobody() {
    let (mut endpoint, _, tag) = established(udp(), CONTACT, t0());
    for (cseq, content, body) in [
        (6, "text/plain", "You are called by your bank"),
        (7, "message/cpim", "From: <sip:boss@example>\r\n\r\nhello"),
        (8, "text/html", "<script>alert(1)</script>"),
        (9, "message/imdn+xml", ""),
    ] {
        let branch = format!("text{cseq}");
        let message = Message {
            to_tag: &tag,
            ..Message::new("MESSAGE", cseq, &branch)
        };
        let text = message.text().replace(
            "Content-Length: 0\r\n\r\n",
            &format!(
                "Content-Type: {content}\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            ),
        );
        endpoint.handle_datagram(udp(), text.as_bytes(), t0());
        let sent = transmits(&mut endpoint);
        assert_eq!((sent.len(), status(&sent[0])), (1, 405), "{content}");
        let allowed = field(&sent[0], "Allow").unwrap();
        assert!(!allowed.contains("MESSAGE"));
        assert!(events(&mut endpoint).is_empty(), "{content}");
    }
    assert_eq!(endpoint.calls(), 1, "the call goes on");
}

#[test]
fn keys_in_info_are_told_however_they_are_written() {
    let now = t0();
    let (mut endpoint, _, tag) = established(udp(), CONTACT, now);
    let mut cseq = 10;
    let mut ask = |content: &str, body: &str| {
        cseq += 1;
        let branch = format!("info{cseq}");
        let message = Message {
            to_tag: &tag,
            ..Message::new("INFO", cseq, &branch)
        };
        let text = message.text().replace(
            "Content-Length: 0\r\n\r\n",
            &format!(
                "Content-Type: {content}\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            ),
        );
        endpoint.handle_datagram(udp(), text.as_bytes(), now);
        // A retransmission is no second press.
        let statuses_once = statuses(&mut endpoint);
        endpoint.handle_datagram(udp(), text.as_bytes(), now);
        assert_eq!(statuses(&mut endpoint), statuses_once);
        let told = events(&mut endpoint);
        let keys: Vec<char> = told
            .iter()
            .filter_map(|event| {
                let Event::Key { digit, .. } = event else {
                    return None;
                };
                Some(*digit)
            })
            .collect();
        assert_eq!(keys.len(), told.len(), "{told:?}");
        (statuses_once[0], keys.iter().collect::<String>())
    };
    let relay = "application/dtmf-relay";
    for (content, body, status, keys) in [
        (relay, "Signal=5\r\nDuration=160\r\n", 200, "5"),
        (relay, "Signal= *\r\nDuration= 250\r\n", 200, "*"),
        (relay, "signal=#\nduration=100", 200, "#"),
        (relay, "Duration=100\r\nSignal=0", 200, "0"),
        (relay, "Signal=10\r\n", 200, "*"),
        (relay, "Signal=11\r\n", 200, "#"),
        (relay, "Signal=d\r\n", 200, "D"),
        (relay, "Signal=16\r\n", 200, ""),
        (relay, "Signal=!\r\n", 200, ""),
        (relay, "Signal=\r\n", 400, ""),
        (relay, "5", 400, ""),
        (relay, "\u{1F600}=5", 400, ""),
        ("application/dtmf", "7", 200, "7"),
        ("Application/DTMF", "Signal=7\r\n", 200, "7"),
        ("text/plain", "7", 415, ""),
        ("application/x", "Signal=7", 415, ""),
        (relay, &"Signal=7\r\n".repeat(30), 413, ""),
    ] {
        let told = ask(content, body);
        assert_eq!(told, (status, keys.to_owned()), "{content} {body:?}");
    }
}

#[test]
fn reinvites_that_cross_are_refused() {
    let now = t0();
    let (mut endpoint, call, tag) = established(udp(), CONTACT, now);
    let reinvite = |endpoint: &mut Endpoint, cseq, branch| {
        let text = Message {
            to_tag: &tag,
            body: SDP,
            ..Message::new("INVITE", cseq, branch)
        }
        .text();
        endpoint.handle_datagram(udp(), text.as_bytes(), now);
        transmits(endpoint)
    };
    assert_eq!(status(&reinvite(&mut endpoint, 6, "c")[0]), 100);
    let sent = reinvite(&mut endpoint, 7, "d");
    assert_eq!(status(&sent[0]), 500);
    assert!(field(&sent[0], "Retry-After").is_some());
    let Some(Event::Reinvite { offer, .. }) = endpoint.poll_event() else {
        panic!("no re-INVITE arrived");
    };
    let sdp = described(offer.as_ref());
    endpoint.handle(Command::Accept { call, sdp }, now);
    transmits(&mut endpoint);
    assert_eq!(
        status(&reinvite(&mut endpoint, 8, "e")[0]),
        491,
        "until the ACK arrives"
    );
    endpoint.handle(
        Command::Reject {
            call,
            status: 488,
            reason: "",
            retry_after: None,
            cause: None,
        },
        now,
    );
    assert_eq!(
        events(&mut endpoint),
        [],
        "a command too late changes nothing"
    );
}

#[test]
fn an_update_refreshes_the_target() {
    let now = t0();
    let (mut endpoint, call, tag) = established(udp(), CONTACT, now);
    let update = Message {
        to_tag: &tag,
        extra: "Contact: <sip:anna@198.51.100.7:5070>\r\n",
        ..Message::new("UPDATE", 6, "c")
    };
    endpoint.handle_datagram(udp(), update.text().as_bytes(), now);
    let sent = transmits(&mut endpoint);
    assert_eq!((sent.len(), status(&sent[0])), (1, 200));
    assert_eq!(field(&sent[0], "Contact"), Some("<sip:192.0.2.1:5060>"));
    // Not where its requests come from.
    let told = events(&mut endpoint);
    assert!(
        matches!(&told[..], [Event::Elsewhere { call: of, .. }] if *of == call),
        "{told:?}"
    );
    endpoint.handle(Command::Bye { call, cause: None }, now);
    let bye = transmits(&mut endpoint).remove(0);
    assert!(bye.starts_with("BYE sip:anna@198.51.100.7:5070 "));
}

#[test]
fn an_update_with_an_offer_waits_for_the_door_and_then_is_complete() {
    let now = t0();
    let (mut endpoint, call, tag) = established(udp(), CONTACT, now);
    let ask = |endpoint: &mut Endpoint, method, cseq, branch, body| {
        let text = Message {
            to_tag: &tag,
            body,
            ..Message::new(method, cseq, branch)
        }
        .text();
        endpoint.handle_datagram(udp(), text.as_bytes(), now);
        transmits(endpoint)
    };
    assert_eq!(
        ask(&mut endpoint, "UPDATE", 6, "c", SDP),
        Vec::<String>::new()
    );
    assert_eq!(
        ask(&mut endpoint, "UPDATE", 6, "c", SDP),
        Vec::<String>::new()
    );
    let crossing = ask(&mut endpoint, "UPDATE", 7, "d", SDP);
    assert_eq!(status(&crossing[0]), 500);
    assert!(field(&crossing[0], "Retry-After").is_some());
    assert_eq!(status(&ask(&mut endpoint, "UPDATE", 8, "e", "")[0]), 200);
    let Some(Event::Reinvite { offer, .. }) = endpoint.poll_event() else {
        panic!("no offer arrived");
    };
    assert_eq!(
        endpoint.poll_event(),
        None,
        "a repeated UPDATE is no second one"
    );
    let sdp = described(offer.as_ref());
    endpoint.handle(Command::Accept { call, sdp }, now);
    let sent = transmits(&mut endpoint);
    assert_eq!(field(&sent[0], "CSeq"), Some("6 UPDATE"));
    assert!(sent[0].contains("\r\nm=audio 30000 "));
    assert_eq!(
        ask(&mut endpoint, "UPDATE", 6, "c", SDP),
        sent,
        "a lost answer is repeated"
    );
    assert_eq!(
        events(&mut endpoint),
        [Event::Renegotiated { call, answer: None }]
    );
    assert_eq!(
        ask(&mut endpoint, "UPDATE", 9, "f", SDP),
        Vec::<String>::new()
    );
    events(&mut endpoint);
    endpoint.handle_timeout(now + sip::limit::UPDATE_WITHIN);
    assert!(
        statuses(&mut endpoint).contains(&504),
        "a door that thinks too long"
    );
    endpoint.handle_timeout(now + Duration::from_secs(60));
    assert_eq!((endpoint.calls(), endpoint.transactions()), (1, 0));
}

#[test]
fn an_update_before_our_200_is_put_off_and_with_one_out_is_glare() {
    let now = t0();
    // The same seed makes the same tag, which the peer cannot know before our 200.
    let (_, _, tag) = established(udp(), CONTACT, now);
    let mut endpoint = endpoint();
    let invite = Message {
        body: SDP,
        ..Message::new("INVITE", 5, "a")
    };
    endpoint.handle_datagram(udp(), invite.text().as_bytes(), now);
    let Some(Event::Invite { call, offer, .. }) = endpoint.poll_event() else {
        panic!("no INVITE arrived");
    };
    transmits(&mut endpoint);
    let ask = |endpoint: &mut Endpoint, cseq, branch, body| {
        let text = Message {
            to_tag: &tag,
            body,
            ..Message::new("UPDATE", cseq, branch)
        }
        .text();
        endpoint.handle_datagram(udp(), text.as_bytes(), now);
        transmits(endpoint)
    };
    for (cseq, branch, body) in [(6, "u", SDP), (7, "v", "")] {
        let sent = ask(&mut endpoint, cseq, branch, body);
        assert_eq!(status(&sent[0]), 500);
        assert!(field(&sent[0], "Retry-After").is_some());
    }
    let sdp = described(offer.as_ref());
    endpoint.handle(Command::Accept { call, sdp }, now);
    transmits(&mut endpoint);
    assert_eq!(status(&ask(&mut endpoint, 8, "w", SDP)[0]), 491);
    assert_eq!(status(&ask(&mut endpoint, 9, "x", "")[0]), 200);
}

#[test]
fn our_requests_follow_the_route_set() {
    let now = t0();
    let loose =
        format!("{CONTACT}Record-Route: <sip:p2;lr>, <sip:p1;lr>\r\nRecord-Route: <sip:p0;lr>\r\n");
    let (mut endpoint, call, _) = established(udp(), &loose, now);
    endpoint.handle(Command::Ping { call }, now);
    let sent = transmits(&mut endpoint);
    assert!(sent[0].starts_with("OPTIONS sip:anna@198.51.100.7 SIP/2.0\r\n"));
    let routes = |text: &str| -> Vec<String> {
        let lines = text.lines().filter_map(|line| line.strip_prefix("Route: "));
        lines.map(str::to_owned).collect()
    };
    assert_eq!(
        routes(&sent[0]),
        ["<sip:p2;lr>", "<sip:p1;lr>", "<sip:p0;lr>"]
    );
    let strict = format!("{CONTACT}Record-Route: <sip:p1>, <sip:p0;lr>\r\n");
    let (mut endpoint, call, _) = established(udp(), &strict, now);
    endpoint.handle(Command::Bye { call, cause: None }, now);
    let sent = transmits(&mut endpoint);
    assert!(sent[0].starts_with("BYE sip:p1 SIP/2.0\r\n"));
    assert_eq!(routes(&sent[0]), ["<sip:p0;lr>", "<sip:anna@198.51.100.7>"]);
}

#[test]
fn a_call_that_began_over_tls_is_unknown_over_anything_else() {
    let now = t0();
    let tls = Flow {
        protocol: Protocol::Tls,
        ..tcp()
    };
    let (mut endpoint, call, tag) = established(tls, CONTACT, now);
    let text = |method, cseq, branch, body| {
        let message = Message {
            to_tag: &tag,
            body,
            ..Message::new(method, cseq, branch)
        };
        message.text()
    };
    for (method, cseq, body) in [("INVITE", 6, SDP), ("UPDATE", 7, SDP), ("BYE", 8, "")] {
        let text = text(method, cseq, method, body);
        endpoint.handle_datagram(udp(), text.as_bytes(), now);
        assert_eq!(statuses(&mut endpoint), [481], "{method}");
        assert_eq!(events(&mut endpoint), [], "{method}");
    }
    let other = Flow {
        id: tls.id + 1,
        ..tls
    };
    let text = text("INVITE", 9, "tls", SDP);
    endpoint.handle_stream(other, text.as_bytes(), now);
    let told = events(&mut endpoint);
    assert!(matches!(told[..], [Event::Reinvite { call: of, .. }] if of == call));
}

/// How far a call has come when its connection is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Proceeding,
    Answered,
    Leaving,
}

#[test]
fn a_connection_lost_before_the_ack_takes_its_calls_with_it() {
    let now = t0();
    for stage in [Stage::Proceeding, Stage::Answered, Stage::Leaving] {
        let mut endpoint = endpoint();
        let mut calls = Vec::new();
        for number in 0..10 {
            let text = request("INVITE").replace("call-1", &format!("call-{number}"));
            let text = text.replace("z9hG4bKa", &format!("z9hG4bKa{number}"));
            endpoint.handle_stream(tcp(), text.as_bytes(), now);
        }
        for event in events(&mut endpoint) {
            let Event::Invite { call, offer, .. } = event else {
                panic!("no INVITE arrived");
            };
            calls.push(call);
            if stage != Stage::Proceeding {
                let sdp = described(offer.as_ref());
                endpoint.handle(Command::Accept { call, sdp }, now);
            }
            if stage == Stage::Leaving {
                endpoint.handle(Command::Bye { call, cause: None }, now);
            }
        }
        transmits(&mut endpoint);
        endpoint.handle_closed(tcp(), now);
        let mut ended = Vec::new();
        for event in events(&mut endpoint) {
            if let Event::Ended { call, .. } = event {
                ended.push(call);
            }
        }
        assert_eq!(ended, calls, "{stage:?}");
        assert_eq!(transmits(&mut endpoint), Vec::<String>::new());
        assert_eq!((endpoint.calls(), endpoint.transactions()), (0, 0));
        assert_eq!(endpoint.poll_timeout(), None, "{stage:?}");
    }
}

#[test]
fn a_redirection_is_not_followed() {
    let now = t0();
    let (mut endpoint, call, _) = established(udp(), CONTACT, now);
    endpoint.handle(Command::Ping { call }, now);
    let ping = transmits(&mut endpoint).remove(0);
    let moved = world::phone_answer(&ping).replace(
        "200 OK\r\n",
        "302 Moved Temporarily\r\nContact: <sip:0900123456@203.0.113.9>\r\n",
    );
    endpoint.handle_datagram(udp(), moved.as_bytes(), now);
    assert_eq!(events(&mut endpoint), [Event::Alive { call }]);
    assert_eq!(transmits(&mut endpoint), Vec::<String>::new());
    endpoint.handle(Command::Bye { call, cause: None }, now);
    let bye = transmits(&mut endpoint).remove(0);
    assert!(bye.starts_with("BYE sip:anna@198.51.100.7 "));
    let moved = moved.replace(
        &field(&ping, "Via").unwrap().to_owned(),
        field(&bye, "Via").unwrap(),
    );
    let moved = moved.replace(field(&ping, "CSeq").unwrap(), field(&bye, "CSeq").unwrap());
    endpoint.handle_datagram(udp(), moved.as_bytes(), now);
    assert_eq!(transmits(&mut endpoint), Vec::<String>::new());
    assert_eq!(endpoint.calls(), 0);
}

#[test]
fn a_reinvite_that_waits_is_refused_when_the_call_ends() {
    let now = t0();
    for over in ["BYE", "481"] {
        let (mut endpoint, call, tag) = established(udp(), CONTACT, now);
        endpoint.handle(Command::Ping { call }, now);
        let ping = transmits(&mut endpoint).remove(0);
        let text = Message {
            to_tag: &tag,
            body: SDP,
            ..Message::new("INVITE", 6, "c")
        }
        .text();
        endpoint.handle_datagram(udp(), text.as_bytes(), now);
        transmits(&mut endpoint);
        let end = match over {
            "BYE" => Message {
                to_tag: &tag,
                ..Message::new("BYE", 7, "d")
            }
            .text(),
            _ => world::phone_answer(&ping).replace("200 OK", "481 Gone"),
        };
        endpoint.handle_datagram(udp(), end.as_bytes(), now);
        assert!(statuses(&mut endpoint).contains(&487), "{over}");
        assert_eq!(events(&mut endpoint).len(), 2, "Reinvite and Ended");
        for _ in 0..40 {
            if let Some(next) = endpoint.poll_timeout() {
                endpoint.handle_timeout(next);
            }
        }
        assert_eq!(
            (endpoint.calls(), endpoint.transactions()),
            (0, 0),
            "{over}"
        );
    }
}

/// A call whose session we refresh, at the moment of the refresh, and that refresh.
fn refreshing(now: Instant) -> (Endpoint, CallRef, String) {
    let timer = format!(
        "{CONTACT}Supported: timer\r\nAllow: INVITE, UPDATE\r\nSession-Expires: 1800;refresher=uas\r\n"
    );
    let (mut endpoint, call, _) = established(udp(), &timer, now);
    let due = now + Duration::from_secs(900);
    assert!(endpoint.poll_timeout().is_some_and(|at| at <= due));
    endpoint.handle_timeout(due);
    let sent = transmits(&mut endpoint);
    assert_eq!(sent.len(), 1);
    assert!(sent[0].starts_with("UPDATE sip:anna@198.51.100.7 "));
    assert_eq!(
        field(&sent[0], "Session-Expires"),
        Some("1800;refresher=uac")
    );
    (endpoint, call, sent[0].clone())
}

#[test]
fn what_the_peer_says_to_our_refresh_decides_when_the_next_one_is_due() {
    let now = t0();
    let due = now + Duration::from_secs(900);
    let after = |seconds| Some(due + Duration::from_secs(seconds));
    let cases = [
        ("200 OK", after(900)),
        ("200 OK\r\nSession-Expires: 600;refresher=uac", after(300)),
        ("200 OK\r\nSession-Expires: 600;refresher=uas", after(568)),
        // Then by re-INVITE.
        ("405 No", after(0)),
        ("422 Brief\r\nMin-SE: 3600", after(0)),
        ("422 Brief\r\nMin-SE: 90", after(434)),
        ("503 Busy", after(434)),
        (
            "401 Who\r\nWWW-Authenticate: Digest realm=\"r\", nonce=\"n\"",
            after(434),
        ),
        ("302 There\r\nContact: <sip:0900@203.0.113.9>", after(434)),
    ];
    for (said, expected) in cases {
        let (mut endpoint, _, update) = refreshing(now);
        let answer = world::phone_answer(&update).replace("200 OK", said);
        endpoint.handle_datagram(udp(), answer.as_bytes(), due);
        assert_eq!(transmits(&mut endpoint), Vec::<String>::new(), "{said}");
        // Timer K of the transaction may come first.
        let k = Duration::from_secs(5);
        if expected.is_none_or(|at| at > due + k) {
            endpoint.handle_timeout(due + k);
        }
        assert_eq!(endpoint.poll_timeout(), expected, "{said}");
        assert_eq!((endpoint.calls(), events(&mut endpoint).len()), (1, 0));
    }
}

/// The call is the peer's, so we ask again within two seconds (RFC 3261 §14.1).
#[test]
fn a_refresh_that_has_met_a_change_of_the_peers_is_tried_again_soon() {
    let due = t0() + Duration::from_secs(900);
    let (mut endpoint, _, update) = refreshing(t0());
    let answer = world::phone_answer(&update).replace("200 OK", "491 Wait");
    endpoint.handle_datagram(udp(), answer.as_bytes(), due);
    assert_eq!(transmits(&mut endpoint), Vec::<String>::new());
    endpoint.handle_timeout(due + Duration::from_secs(2));
    let again = transmits(&mut endpoint);
    assert!(
        again.iter().any(|sent| sent.starts_with("UPDATE ")),
        "{again:?}"
    );
}

/// Each answer is remembered for 32 s over UDP: a call that asks without end takes no more of that than a few.
#[test]
fn a_call_that_asks_without_end_leaves_the_others_what_they_need() {
    let (mut endpoint, _, tag) = established(udp(), CONTACT, t0());
    let ask = |endpoint: &mut Endpoint, cseq: u32| {
        let branch = format!("n{cseq}");
        let text = Message {
            to_tag: &tag,
            ..Message::new("INFO", cseq, &branch)
        }
        .text();
        endpoint.handle_datagram(udp(), text.as_bytes(), t0());
        statuses(endpoint)
    };
    let last = 10 + 5_000;
    for cseq in 10..=last {
        assert_eq!(ask(&mut endpoint, cseq), [200], "{cseq}");
    }
    assert!(endpoint.transactions() <= 6, "{}", endpoint.transactions());
    // The last answers are remembered; the first no more, and such a number was there already.
    for (cseq, expected) in [(last, 200), (last - 3, 200), (10, 500)] {
        assert_eq!(ask(&mut endpoint, cseq), [expected], "{cseq}");
    }
    let another = request("INVITE")
        .replace("call-1", "call-2")
        .replace("z9hG4bKa", "z9hG4bKz");
    endpoint.handle_datagram(udp(), another.as_bytes(), t0());
    let came = events(&mut endpoint);
    assert!(
        came.iter()
            .any(|event| matches!(event, Event::Invite { .. })),
        "{came:?}"
    );
}

#[test]
fn a_peer_that_takes_no_update_is_asked_by_reinvite_and_if_it_takes_none_not_at_all() {
    let now = t0();
    let due = now + Duration::from_secs(900);
    let (mut endpoint, _, update) = refreshing(now);
    let refused = world::phone_answer(&update).replace("200 OK", "405 No");
    endpoint.handle_datagram(udp(), refused.as_bytes(), due);
    endpoint.handle_timeout(due);
    let reinvite = transmits(&mut endpoint).pop().unwrap();
    assert!(reinvite.starts_with("INVITE sip:anna@198.51.100.7 "));
    assert!(
        reinvite.contains("\r\nm=audio 30000 RTP/AVP 8 101\r\n"),
        "{reinvite}"
    );
    let refused = world::phone_answer(&reinvite).replace("200 OK", "405 No");
    endpoint.handle_datagram(udp(), refused.as_bytes(), due);
    let ack = transmits(&mut endpoint).pop().unwrap();
    assert!(ack.starts_with("ACK "));
    endpoint.handle_timeout(due + Duration::from_secs(32));
    assert_eq!(endpoint.poll_timeout(), None, "it is held to no interval");
    assert_eq!(endpoint.calls(), 1);
}

#[test]
fn while_our_reinvite_is_out_the_peer_changes_nothing() {
    let now = t0();
    let timer = format!("{CONTACT}Session-Expires: 90;refresher=uas\r\n");
    let (mut endpoint, _, tag) = established(udp(), &timer, now);
    let due = now + Duration::from_secs(45);
    endpoint.handle_timeout(due);
    let reinvite = transmits(&mut endpoint).pop().unwrap();
    assert!(reinvite.starts_with("INVITE "));
    let theirs = Message {
        to_tag: &tag,
        body: SDP,
        ..Message::new("INVITE", 6, "c")
    };
    endpoint.handle_datagram(udp(), theirs.text().as_bytes(), due);
    assert_eq!(statuses(&mut endpoint), [491]);
}

#[test]
fn a_refresh_does_not_cross_a_change_of_the_session() {
    let now = t0();
    let timer = format!("{CONTACT}Allow: UPDATE\r\nSession-Expires: 90;refresher=uas\r\n");
    let (mut endpoint, call, tag) = established(udp(), &timer, now);
    let due = now + Duration::from_secs(45);
    endpoint.handle_timeout(due - Duration::from_secs(1));
    transmits(&mut endpoint);
    let reinvite = Message {
        to_tag: &tag,
        body: SDP,
        ..Message::new("INVITE", 6, "c")
    };
    endpoint.handle_datagram(udp(), reinvite.text().as_bytes(), due);
    endpoint.handle_timeout(due);
    assert_eq!(statuses(&mut endpoint), [100], "no UPDATE");
    let Some(Event::Reinvite { offer, .. }) = endpoint.poll_event() else {
        panic!("no re-INVITE arrived");
    };
    let sdp = described(offer.as_ref());
    endpoint.handle(Command::Accept { call, sdp }, due);
    let ok = transmits(&mut endpoint);
    assert_eq!(field(&ok[0], "Session-Expires"), None);
    let ack = Message {
        to_tag: &tag,
        ..Message::new("ACK", 6, "d")
    };
    endpoint.handle_datagram(udp(), ack.text().as_bytes(), due);
    endpoint.handle_timeout(due + Duration::from_secs(60));
    assert_eq!(
        endpoint.poll_timeout(),
        None,
        "a 2xx without a timer ends it"
    );
    assert_eq!(endpoint.calls(), 1);
}

#[test]
fn our_interval_is_a_setting() {
    let now = t0();
    for (setting, expected) in [(600, "600"), (1, "90"), (u64::MAX, "86400")] {
        let mut endpoint = Endpoint::new(EndpointConfig {
            session_interval: Duration::from_secs(setting),
            ..EndpointConfig::new([7; 32])
        });
        let invite = request("INVITE").replace("Contact:", "Supported: timer\r\nContact:");
        endpoint.handle_datagram(udp(), invite.as_bytes(), now);
        let Some(Event::Invite { call, offer, .. }) = endpoint.poll_event() else {
            panic!("no INVITE arrived");
        };
        let sdp = described(offer.as_ref());
        endpoint.handle(Command::Accept { call, sdp }, now);
        let ok = transmits(&mut endpoint).pop().unwrap();
        let terms = format!("{expected};refresher=uac");
        assert_eq!(field(&ok, "Session-Expires"), Some(terms.as_str()));
        assert_eq!(field(&ok, "Require"), Some("timer"));
    }
}

#[test]
fn a_call_may_have_an_interval_of_its_own() {
    let now = t0();
    for (own, fields, expected) in [
        (600, "Supported: timer", "600;refresher=uac"),
        (1, "Supported: timer", "90;refresher=uac"),
        (
            600,
            "Supported: timer\r\nSession-Expires: 3600\r\nMin-SE: 900",
            "900;refresher=uac",
        ),
        (
            3_600,
            "Supported: timer\r\nSession-Expires: 1200",
            "1200;refresher=uac",
        ),
    ] {
        let mut endpoint = Endpoint::new(EndpointConfig::new([7; 32]));
        let invite = request("INVITE").replace("Contact:", &format!("{fields}\r\nContact:"));
        endpoint.handle_datagram(udp(), invite.as_bytes(), now);
        let Some(Event::Invite { call, offer, .. }) = endpoint.poll_event() else {
            panic!("no INVITE arrived");
        };
        let interval = Duration::from_secs(own);
        endpoint.handle(Command::SessionInterval { call, interval }, now);
        let sdp = described(offer.as_ref());
        endpoint.handle(Command::Accept { call, sdp }, now);
        let ok = transmits(&mut endpoint).pop().unwrap();
        assert_eq!(
            field(&ok, "Session-Expires"),
            Some(expected),
            "{own} {fields}"
        );
    }
}

#[test]
fn a_challenge_of_the_peer_is_not_answered() {
    let now = t0();
    for (status, header) in [(401, "WWW-Authenticate"), (407, "Proxy-Authenticate")] {
        let (mut endpoint, call, _) = established(udp(), CONTACT, now);
        let challenge = format!("{status} Who\r\n{header}: Digest realm=\"r\", nonce=\"n\"");
        endpoint.handle(Command::Ping { call }, now);
        let ping = transmits(&mut endpoint).remove(0);
        let answer = world::phone_answer(&ping).replace("200 OK", &challenge);
        endpoint.handle_datagram(udp(), answer.as_bytes(), now);
        assert_eq!(events(&mut endpoint), [Event::Alive { call }]);
        endpoint.handle(Command::Bye { call, cause: None }, now);
        let bye = transmits(&mut endpoint).remove(0);
        let answer = world::phone_answer(&bye).replace("200 OK", &challenge);
        endpoint.handle_datagram(udp(), answer.as_bytes(), now);
        assert_eq!(transmits(&mut endpoint), Vec::<String>::new());
        assert_eq!(endpoint.calls(), 0);
    }
}
