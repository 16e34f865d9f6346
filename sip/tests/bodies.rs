//! Bodies of several parts, and of types that we do not know: what is taken, what is left aside, what is refused.
#![expect(clippy::unwrap_used, reason = "a helper of tests fails its test")]

mod ladder;
mod world;

use std::time::Duration;

use ladder::redacted;
use sip::{Event, limit};
use world::{Door, Message, SDP, World, endpoint, events, field, status, t0, transmits, udp};

const SECOND: Duration = Duration::from_secs(1);

/// An INVITE of the phone with such a body.
fn invite(kind: &str, body: &str) -> String {
    let text = Message {
        body,
        ..Message::new("INVITE", 1, "INVITE1")
    }
    .text();
    text.replacen(
        "Content-Type: application/sdp",
        &format!("Content-Type: {kind}"),
        1,
    )
}

/// A body of these parts, between boundaries.
fn several(parts: &[String]) -> String {
    let mut body = "not for us\r\n".to_owned();
    for part in parts {
        body.push_str(&format!("--frontier\r\n{part}\r\n"));
    }
    body + "--frontier--\r\nnor this\r\n"
}

fn part(fields: &str, body: &str) -> String {
    format!("{fields}\r\n{body}")
}

/// What a call with that body comes to: 200 with a description, 0 for a call without an offer, or the refusal.
fn outcome(kind: &str, body: &str) -> u16 {
    let mut endpoint = endpoint();
    endpoint.handle_datagram(udp(), invite(kind, body).as_bytes(), t0());
    if let Some(Event::Invite { offer, .. }) = events(&mut endpoint).first() {
        return match offer {
            Some(offer) => {
                assert_eq!(offer.media[0].formats, ["8", "101"]);
                200
            }
            None => 0,
        };
    }
    let sent = transmits(&mut endpoint).pop().unwrap();
    let status = status(&sent);
    if status == 415 {
        let accepted = field(&sent, "Accept").or_else(|| field(&sent, "Accept-Encoding"));
        assert!(accepted.is_some(), "{sent}");
    }
    status
}

const MIXED: &str = "multipart/mixed;boundary=frontier";

fn sdp() -> String {
    part("Content-Type: application/sdp\r\n", SDP)
}

fn isup(handling: &str) -> String {
    let fields = format!(
        "Content-Type: application/ISUP;version=itu-t92+;base=itu-t92+\r\nContent-Disposition: signal{handling}\r\n"
    );
    part(&fields, "\u{1}\u{0}I")
}

#[test]
fn ladder_of_a_call_from_a_gateway_that_sends_isup_along() {
    let mut world = World::new(Door::Accepts);
    let body = several(&[sdp(), isup(";handling=optional")]);
    world.say(&invite(MIXED, &body));
    world.run(SECOND / 4);
    insta::assert_snapshot!("isup", redacted(&world.ladder));
    assert_eq!(world.finals, [(1, 200)]);
}

#[test]
fn the_description_is_taken_and_what_is_optional_left_aside() {
    let optional = isup("; Handling=Optional");
    let location = part(
        "Content-Type: application/pidf+xml\r\nContent-ID: <a@b>\r\n",
        "<presence/>",
    );
    let referred = part(
        "Content-Type: application/pidf+xml\r\nContent-Disposition: by-reference;handling=required\r\n",
        "<presence/>",
    );
    let early = part(
        "Content-Type: application/sdp\r\nContent-Disposition: early-session;handling=optional\r\n",
        "v=0\r\n",
    );
    let session = part(
        "content-type:\r\n application/sdp\r\nContent-Disposition: session\r\nContent-Transfer-Encoding: 8BIT\r\n",
        SDP,
    );
    let inner = "Content-Type: multipart/alternative;boundary=\"in\"\r\n";
    let alternative = |parts: &str| part(inner, &format!("{parts}\r\n--in--"));
    let text = "--in\r\nContent-Type: text/plain\r\n\r\nhello\r\n";
    let described = format!("--in\r\nContent-Type: application/sdp\r\n\r\n{SDP}");
    let cases = [
        (several(&[sdp()]), 200),
        (several(&[optional.clone(), sdp()]), 200),
        (several(&[sdp(), location]), 200),
        (several(&[sdp(), referred]), 200),
        (several(&[early, session]), 200),
        (
            several(&[alternative(&format!("{text}{described}")), optional.clone()]),
            200,
        ),
        (
            several(&[alternative(&format!("{described}\r\n{text}"))]),
            200,
        ),
        (several(&[alternative(text)]), 415),
        (several(std::slice::from_ref(&optional)), 0),
        (several(&[sdp(), isup("")]), 415),
        (several(&[sdp(), isup(";handling=required")]), 415),
        (several(&[sdp(), sdp()]), 400),
        (several(&[sdp()]).replace("--frontier--", "--frontier"), 415),
        (
            several(&[sdp()]).replace("--frontier--\r\nnor this\r\n", ""),
            200,
        ),
        (several(&[sdp()]).replace("\r\n", "\n"), 200),
        (SDP.to_owned(), 400),
        (several(&[]), 400),
    ];
    for (body, expected) in cases {
        assert_eq!(outcome(MIXED, &body), expected, "{body}");
    }
    let related = MIXED.replace("mixed", "x-unknown");
    assert_eq!(outcome(&related, &several(&[sdp()])), 200);
}

#[test]
fn a_body_of_an_unknown_type_is_refused_unless_it_is_optional() {
    let disposed = |value: &str| format!("application/isup\r\nContent-Disposition: {value}");
    for (kind, expected) in [
        ("application/isup".to_owned(), 415),
        (disposed("signal;handling=optional"), 0),
        (disposed("signal ; handling = OPTIONAL"), 0),
        (disposed("signal;handling=required"), 415),
        (disposed("signal;x=\";handling=optional\""), 415),
        (disposed("signal"), 415),
    ] {
        assert_eq!(outcome(&kind, "\u{1}\u{0}I"), expected, "{kind}");
    }
}

#[test]
fn parts_are_bounded_in_number_depth_and_spelling() {
    let coded = |field: &str| {
        part(
            &format!("Content-Type: application/sdp\r\n{field}\r\n"),
            SDP,
        )
    };
    let many = vec![isup(";handling=optional"); limit::BODY_PARTS + 1];
    let nest = |boundary: &str, body: &str| {
        let kind = format!("Content-Type: multipart/mixed;boundary={boundary}\r\n");
        part(&kind, &format!("--{boundary}\r\n{body}\r\n--{boundary}--"))
    };
    let stuffed = part(&"X: y\r\n".repeat(limit::PART_FIELDS), "");
    for (body, expected) in [
        (several(&many), 413),
        (several(&many[1..]), 0),
        (several(&[nest("a", &sdp())]), 200),
        (several(&[nest("a", &nest("b", &sdp()))]), 415),
        (several(&[coded("Content-Encoding: gzip")]), 415),
        (several(&[coded("Content-Transfer-Encoding: base64")]), 415),
        (
            several(&[stuffed + "Content-Type: application/sdp\r\n\r\n" + SDP]),
            415,
        ),
        ("--frontier\r\n".repeat(4), 415),
    ] {
        assert_eq!(outcome(MIXED, &body), expected, "{body}");
    }
    let long = "b".repeat(71);
    for kind in [
        "multipart/mixed",
        "multipart/mixed;boundary=\"\"",
        &format!("multipart/mixed;boundary={long}"),
    ] {
        assert_eq!(outcome(kind, &several(&[sdp()])), 400, "{kind}");
    }
}
