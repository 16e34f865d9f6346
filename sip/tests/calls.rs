//! Calls from beginning to end in virtual time: ladders, lost datagrams, renegotiation, timers.
#![expect(clippy::unwrap_used, reason = "a helper of tests fails its test")]

mod ladder;
mod world;

use std::time::Duration;

use ladder::redacted;
use sip::{Cause, Command, Ended, Event};
use world::{Door, Message, SDP, World};

const SECOND: Duration = Duration::from_secs(1);

fn established(event: &Event) -> bool {
    matches!(event, Event::Established { .. })
}

fn ended(reason: Ended) -> impl Fn(&Event) -> bool {
    move |event| matches!(event, Event::Ended { reason: found, .. } if *found == reason)
}

#[test]
fn ladder_of_a_call() {
    let mut world = World::new(Door::Accepts);
    world.ask("INVITE", 1, SDP);
    world.run(SECOND);
    world.ask("BYE", 2, "");
    world.run(SECOND);
    insta::assert_snapshot!("call", redacted(&world.ladder));
    assert_eq!(world.count(established), 1);
    assert_eq!(world.count(ended(Ended::Bye)), 1);
}

#[test]
fn ladder_of_a_call_without_offer() {
    let mut world = World::new(Door::Accepts);
    world.ask("INVITE", 1, "");
    world.run(SECOND);
    let answered = |event: &Event| {
        matches!(
            event,
            Event::Established {
                answer: Some(_),
                ..
            }
        )
    };
    assert_eq!(world.count(answered), 1);
    world.command(|call| Command::Bye { call, cause: None });
    world.run(SECOND);
    insta::assert_snapshot!("call_without_offer", redacted(&world.ladder));
    assert_eq!(world.count(ended(Ended::Left)), 1);
}

#[test]
fn ladder_of_a_cancelled_call() {
    let mut world = World::new(Door::Thinks);
    world.ask("INVITE", 1, SDP);
    world.run(SECOND);
    let cancel = Message::new("CANCEL", 1, "INVITE1").text();
    world.say(&cancel);
    world.run(SECOND);
    insta::assert_snapshot!("cancel", redacted(&world.ladder));
    assert_eq!(world.finals, [(1, 487)]);
    assert_eq!(world.count(ended(Ended::Cancelled)), 1);
}

#[test]
fn ladder_of_a_refused_call() {
    let mut world = World::new(Door::Rejects(488));
    world.ask("INVITE", 1, SDP);
    world.run(SECOND);
    insta::assert_snapshot!("refusal", redacted(&world.ladder));
    assert_eq!(world.count(ended(Ended::Rejected)), 1);
}

#[test]
fn ladder_of_a_call_on_hold() {
    let mut world = World::new(Door::Accepts);
    world.ask("INVITE", 1, SDP);
    world.run(SECOND);
    world.ask("INVITE", 2, &format!("{SDP}a=sendonly\r\n"));
    world.run(SECOND);
    insta::assert_snapshot!("hold", redacted(&world.ladder));
    let renegotiated = |event: &Event| matches!(event, Event::Renegotiated { .. });
    assert_eq!(
        (world.count(established), world.count(renegotiated)),
        (1, 1)
    );
    world.ask("INVITE", 3, &format!("{SDP}a=sendonly\r\n"));
    world.run(SECOND);
    assert_eq!(
        world.ladder.matches("o=- 7 2 IN").count(),
        2,
        "an equal answer keeps its version"
    );
}

#[test]
fn ladder_of_a_reinvite_with_another_address() {
    let mut world = World::new(Door::Accepts);
    world.ask("INVITE", 1, SDP);
    world.run(SECOND);
    let moved = SDP.replace("198.51.100.7", "198.51.100.8");
    world.ask("INVITE", 2, &moved.replace("m=audio 4000", "m=audio 4002"));
    world.run(SECOND);
    insta::assert_snapshot!("reinvite_address", redacted(&world.ladder));
    assert_eq!(world.finals, [(1, 200), (2, 200)]);
}

#[test]
fn ladder_of_a_reinvite_with_another_codec() {
    let mut world = World::new(Door::Accepts);
    world.ask("INVITE", 1, SDP);
    world.run(SECOND);
    world.ask("INVITE", 2, &SDP.replace("AVP 8 101", "AVP 9 8 101"));
    world.run(SECOND);
    insta::assert_snapshot!("reinvite_codec", redacted(&world.ladder));
    assert_eq!(world.finals, [(1, 200), (2, 200)]);
}

#[test]
fn ladder_of_a_reinvite_without_an_offer() {
    let mut world = World::new(Door::Accepts);
    let events = SDP.replace("101", "96");
    world.ask("INVITE", 1, &events);
    world.run(SECOND);
    world.ask("INVITE", 2, "");
    world.run(SECOND);
    insta::assert_snapshot!("reinvite_without_offer", redacted(&world.ladder));
    assert!(
        world
            .ladder
            .contains("a=rtpmap:96 telephone-event/8000\n      a=fmtp:96 0-15\n      a=ptime:20"),
        "the number keeps its meaning"
    );
}

/// The media lines of the last description that we say in a ladder.
fn our_lines(ladder: &str) -> Vec<&str> {
    let (_, last) = ladder.rsplit_once("o=- 7 ").unwrap();
    let lines = last.lines().map(str::trim);
    lines.filter(|line| line.starts_with("m=")).collect()
}

#[test]
fn ladder_of_a_reinvite_without_offer_in_a_call_with_a_picture() {
    let mut world = World::new(Door::Accepts);
    world.ask("INVITE", 1, &format!("{SDP}m=video 4002 RTP/AVP 31\r\n"));
    world.run(SECOND);
    world.ask("INVITE", 2, "");
    world.run(Duration::from_millis(15));
    let expected = [
        "m=audio 30000 RTP/AVP 96 9 8 0 97 101",
        "m=video 0 RTP/AVP 31",
    ];
    assert_eq!(our_lines(&world.ladder), expected);
    world.run(SECOND);
    insta::assert_snapshot!(
        "reinvite_without_offer_with_picture",
        redacted(&world.ladder)
    );
}

#[test]
fn a_session_with_a_picture_is_refreshed_with_both_lines() {
    let mut world = World::new(Door::Accepts);
    let timer =
        "Supported: timer\r\nAllow: INVITE, ACK, BYE\r\nSession-Expires: 90;refresher=uas\r\n";
    let (head, audio) = SDP.split_once("m=audio").unwrap();
    let picture_first = format!("{head}m=video 4002 RTP/AVP 31\r\nm=audio{audio}");
    world.ask_with("INVITE", 1, timer, &picture_first);
    world.run(SECOND);
    world.ladder.clear();
    world.run(46 * SECOND);
    assert!(world.ladder.contains("INVITE sip:anna@"));
    let expected = ["m=video 0 RTP/AVP 31", "m=audio 30000 RTP/AVP 8 101"];
    assert_eq!(our_lines(&world.ladder), expected);
}

#[test]
fn ladder_of_a_refused_fax() {
    let mut world = World::new(Door::Accepts);
    world.ask("INVITE", 1, SDP);
    world.run(SECOND);
    let (head, _) = SDP.split_once("m=audio").unwrap();
    world.ask("INVITE", 2, &format!("{head}m=image 4000 udptl t38\r\n"));
    world.run(SECOND);
    insta::assert_snapshot!("t38_refused", redacted(&world.ladder));
    assert_eq!(world.finals, [(1, 200), (2, 488)]);
    world.command(|call| Command::Ping { call });
    world.run(SECOND);
    assert_eq!(world.count(|event| matches!(event, Event::Alive { .. })), 1);
    assert_eq!(world.endpoint.calls(), 1, "the call goes on as it was");
}

#[test]
fn ladder_of_a_call_with_reliable_provisional_responses() {
    let mut world = World::new(Door::Accepts);
    world.ask_with("INVITE", 1, "Require: 100rel\r\n", SDP);
    world.run(SECOND);
    world.ask_with("PRACK", 2, "RAck: 1 1 INVITE\r\n", "");
    world.run(SECOND);
    insta::assert_snapshot!("prack_required", redacted(&world.ladder));
    assert_eq!(world.finals, [(1, 200), (2, 481)]);
    assert_eq!(world.count(established), 1);
}

#[test]
fn ladder_of_a_hold_by_update() {
    let mut world = World::new(Door::Accepts);
    world.ask("INVITE", 1, SDP);
    world.run(SECOND);
    world.ask("UPDATE", 2, &format!("{SDP}a=sendonly\r\n"));
    world.run(SECOND);
    world.ask("UPDATE", 3, "");
    world.run(SECOND);
    insta::assert_snapshot!("update_hold", redacted(&world.ladder));
    assert_eq!(world.finals, [(1, 200), (2, 200), (3, 200)]);
    let renegotiated = |event: &Event| matches!(event, Event::Renegotiated { .. });
    assert_eq!(world.count(renegotiated), 1);
}

#[test]
fn ladder_of_updates_that_cross() {
    let mut world = World::new(Door::Accepts);
    world.lost = Box::new(|number, _| number == 3);
    world.ask("INVITE", 1, "");
    world.run(SECOND / 4);
    assert!(
        world
            .ladder
            .ends_with("ACK sip:4711@192.0.2.1 SIP/2.0 (lost)\n")
    );
    world.ask("UPDATE", 2, SDP);
    world.run(SECOND);
    insta::assert_snapshot!("update_glare", redacted(&world.ladder));
    assert_eq!(
        world.finals,
        [(1, 200), (2, 491)],
        "our offer has no answer yet"
    );
    assert_eq!(world.count(established), 1);
}

#[test]
fn ladder_of_a_session_that_the_phone_refreshes_until_it_is_gone() {
    let mut world = World::new(Door::Accepts);
    let timer = "Supported: timer\r\nSession-Expires: 90\r\n";
    world.ask_with("INVITE", 1, timer, SDP);
    world.run(45 * SECOND);
    world.ask_with("UPDATE", 2, timer, "");
    world.run(45 * SECOND);
    world.ask_with("INVITE", 3, timer, SDP);
    world.run(59 * SECOND);
    assert_eq!(world.requests, Vec::<String>::new());
    world.run(2 * SECOND);
    insta::assert_snapshot!("timer_peer_refreshes", redacted(&world.ladder));
    assert_eq!(world.count(ended(Ended::Expired)), 1);
    world.run(70 * SECOND);
    assert_eq!(world.endpoint.calls(), 0);
}

#[test]
fn ladder_of_a_session_that_we_refresh() {
    let mut world = World::new(Door::Accepts);
    world.answers = Box::new(|request| {
        let timer = "Session-Expires: 90;refresher=uac\r\nRequire: timer\r\nContent-Length";
        world::phone_answer(request).replace("Content-Length", timer)
    });
    let timer = "Supported: timer\r\nAllow: INVITE, ACK, BYE, UPDATE\r\nSession-Expires: 90;refresher=uas\r\n";
    world.ask_with("INVITE", 1, timer, SDP);
    world.run(50 * SECOND);
    insta::assert_snapshot!("timer_we_refresh", redacted(&world.ladder));
    assert_eq!(world.requests.len(), 1);
    world.run(300 * SECOND);
    assert_eq!(world.requests.len(), 7, "one in 45 s");
    assert_eq!(world.events.len(), 2, "Invite and Established");
    world.answers = Box::new(|request| world::phone_answer(request).replace("200 OK", "481 Gone"));
    world.run(45 * SECOND);
    assert_eq!(world.count(ended(Ended::Unreachable)), 1);
    assert_eq!(world.endpoint.calls(), 0);
}

#[test]
fn ladder_of_a_session_interval_that_is_too_brief() {
    let mut world = World::new(Door::Accepts);
    world.ask_with(
        "INVITE",
        1,
        "Supported: timer\r\nSession-Expires: 60\r\n",
        SDP,
    );
    world.run(SECOND);
    let again = "Supported: timer\r\nSession-Expires: 90\r\nMin-SE: 90\r\n";
    world.to_tag.clear();
    world.ask_with("INVITE", 2, again, SDP);
    world.run(SECOND);
    insta::assert_snapshot!("timer_422", redacted(&world.ladder));
    assert_eq!(world.finals, [(1, 422), (2, 200)]);
}

#[test]
fn a_refresh_without_any_answer_ends_the_call() {
    let mut world = World::new(Door::Accepts);
    let timer = "Allow: UPDATE\r\nSession-Expires: 1800;refresher=uas\r\n";
    world.ask_with("INVITE", 1, timer, SDP);
    world.run(SECOND);
    world.lost = Box::new(|_, _| true);
    world.run(931 * SECOND);
    assert_eq!(world.count(ended(Ended::Unreachable)), 0);
    world.run(2 * SECOND);
    assert_eq!(world.count(ended(Ended::Unreachable)), 1);
    assert!(world.ladder.contains("us  BYE sip:anna@198.51.100.7"));
    world.run(70 * SECOND);
    assert_eq!(world.endpoint.calls(), 0);
}

#[test]
fn ladder_of_an_invite_that_would_replace_a_call() {
    let mut world = World::new(Door::Accepts);
    world.ask_with("INVITE", 1, "Replaces: other;to-tag=1;from-tag=2\r\n", SDP);
    world.run(SECOND);
    insta::assert_snapshot!("replaces_refused", redacted(&world.ladder));
    assert_eq!(
        (world.finals.as_slice(), world.events.len()),
        ([(1, 481)].as_slice(), 0)
    );
}

#[test]
fn a_call_is_not_replaced_from_within_another_either() {
    let mut world = World::new(Door::Accepts);
    world.ask("INVITE", 1, SDP);
    world.run(SECOND);
    let heard = world.events.len();
    world.ask_with("INVITE", 2, "Replaces: other;to-tag=1;from-tag=2\r\n", SDP);
    world.run(SECOND);
    assert_eq!(world.finals, [(1, 200), (2, 481)]);
    assert_eq!(world.events.len(), heard, "the door hears nothing");
    assert_eq!(world.endpoint.calls(), 1, "the call goes on as it was");
}

#[test]
fn ladder_of_a_refused_transfer() {
    let mut world = World::new(Door::Accepts);
    world.ask("INVITE", 1, SDP);
    world.run(SECOND);
    world.ask_with("REFER", 2, "Refer-To: <tel:+49900123456>\r\n", "");
    world.run(SECOND);
    insta::assert_snapshot!("refer_refused", redacted(&world.ladder));
    assert_eq!(world.finals, [(1, 200), (2, 405)]);
    assert_eq!(world.requests, Vec::<String>::new(), "nothing dials");
}

/// The cause that the door hears of at the end.
fn cause(world: &World) -> Option<Cause> {
    let ended = world
        .events
        .iter()
        .find(|event| matches!(event, Event::Ended { .. }));
    let Some(Event::Ended { cause, .. }) = ended else {
        return None;
    };
    *cause
}

#[test]
fn ladder_of_calls_that_end_for_a_reason() {
    let mut theirs = World::new(Door::Accepts);
    theirs.ask("INVITE", 1, SDP);
    theirs.run(SECOND);
    let said = "Reason: Q.850;cause=31;text=\"Canary\"\r\n";
    theirs.ask_with("BYE", 2, said, "");
    theirs.run(SECOND);
    assert_eq!(cause(&theirs), Some(Cause::Q850(31)));
    assert!(!format!("{:?}", theirs.events).contains("Canary"));

    let mut cancelled = World::new(Door::Thinks);
    cancelled.ask("INVITE", 1, SDP);
    cancelled.run(SECOND);
    let cancel = Message {
        extra: "Reason: SIP;cause=200;text=\"Call completed elsewhere\"\r\n",
        ..Message::new("CANCEL", 1, "INVITE1")
    };
    cancelled.say(&cancel.text());
    cancelled.run(SECOND);
    assert_eq!(cause(&cancelled), Some(Cause::Sip(200)));

    let mut ours = World::new(Door::Accepts);
    ours.ask("INVITE", 1, SDP);
    ours.run(SECOND);
    ours.ladder.clear();
    let cause = Some(Cause::NORMAL_CLEARING);
    ours.command(|call| Command::Bye { call, cause });
    ours.run(SECOND);

    let mut early = World::new(Door::Accepts);
    early.lost = Box::new(|number, _| number == 3);
    early.ask("INVITE", 1, SDP);
    early.run(SECOND / 10);
    early.ladder.clear();
    early.command(|call| Command::Bye { call, cause });
    early.run(SECOND);
    assert!(
        early.ladder.contains("Reason: Q.850;cause=16"),
        "after the ACK"
    );

    let mut refused = World::new(Door::Thinks);
    refused.ask("INVITE", 1, SDP);
    refused.run(SECOND);
    refused.ladder.clear();
    refused.command(|call| Command::Reject {
        call,
        status: 503,
        reason: "Service Unavailable",
        retry_after: Some(30),
        cause: Some(Cause::CONGESTION),
    });
    refused.run(SECOND);
    let ladder = format!("{}\n{}", ours.ladder, refused.ladder);
    insta::assert_snapshot!("reason", redacted(&ladder));
}

/// A whole call in which the n-th datagram is lost; returns how many were sent.
fn lossy_call(n: usize, we_leave: bool) -> usize {
    let mut world = World::new(Door::Accepts);
    world.lost = Box::new(move |number, _| number == n);
    world.ask("INVITE", 1, SDP);
    world.run(10 * SECOND);
    if we_leave {
        world.command(|call| Command::Bye { call, cause: None });
    } else {
        world.ask("BYE", 2, "");
    }
    world.run(70 * SECOND);
    assert_eq!(world.count(established), 1, "lost {n}:\n{}", world.ladder);
    let reason = if we_leave { Ended::Left } else { Ended::Bye };
    assert_eq!(world.count(ended(reason)), 1, "lost {n}");
    let endings = world.count(|event| matches!(event, Event::Ended { .. }));
    assert_eq!(endings, 1, "lost {n}");
    assert!(world.finals.contains(&(1, 200)), "lost {n}");
    assert_eq!(
        world.finals.contains(&(2, 200)),
        !we_leave,
        "lost {n}: the BYE is answered 200, not 481"
    );
    assert_eq!(
        (world.endpoint.calls(), world.endpoint.transactions()),
        (0, 0),
        "lost {n}: nothing is left"
    );
    assert_eq!(world.endpoint.poll_timeout(), None);
    world.sent
}

#[test]
fn any_lost_datagram_is_survived() {
    for we_leave in [false, true] {
        let lossless = lossy_call(usize::MAX, we_leave);
        assert_eq!(lossless, 6, "INVITE, 100, 200, ACK, BYE, 200");
        for n in 0..lossless {
            assert!(
                lossy_call(n, we_leave) > lossless || n == 1,
                "the loss of {n} was noticed"
            );
        }
    }
}

#[test]
fn a_lost_refusal_or_its_ack_is_repeated() {
    for n in 0..4 {
        let mut world = World::new(Door::Rejects(486));
        world.lost = Box::new(move |number, _| number == n);
        world.ask("INVITE", 1, SDP);
        world.run(70 * SECOND);
        assert_eq!(world.finals, [(1, 486)]);
        assert_eq!(
            (world.endpoint.calls(), world.endpoint.transactions()),
            (0, 0)
        );
    }
}

#[test]
fn a_call_that_is_never_acknowledged_is_hung_up() {
    let mut world = World::new(Door::Accepts);
    world.lost = Box::new(|number, to_us| to_us && number > 0);
    world.ask("INVITE", 1, SDP);
    world.run(31 * SECOND);
    assert_eq!(world.ladder.matches("us  SIP/2.0 200 OK").count(), 10);
    assert_eq!(world.events.len(), 1);
    world.run(2 * SECOND);
    assert_eq!(world.count(ended(Ended::AckTimeout)), 1);
    assert!(
        world
            .requests
            .iter()
            .all(|request| request.starts_with("BYE sip:anna@198.51.100.7 "))
    );
    world.run(70 * SECOND);
    assert_eq!(
        world.requests.len(),
        11,
        "the BYE is repeated until timer F"
    );
    assert_eq!(
        (world.endpoint.calls(), world.endpoint.transactions()),
        (0, 0)
    );
}

#[test]
fn leaving_before_the_ack_waits_for_it() {
    let mut world = World::new(Door::Accepts);
    world.lost = Box::new(|number, _| number == 3);
    world.ask("INVITE", 1, SDP);
    world.run(SECOND / 10);
    world.command(|call| Command::Bye { call, cause: None });
    assert!(!world.ladder.contains("us  BYE"));
    world.run(5 * SECOND);
    assert_eq!(world.requests.len(), 1);
    assert_eq!(world.events.len(), 2, "Invite and Ended, no Established");
    assert_eq!(world.endpoint.calls(), 0);
}

#[test]
fn a_door_that_thinks_too_long_is_overruled() {
    let mut world = World::new(Door::Thinks);
    world.ask("INVITE", 1, SDP);
    world.run(61 * SECOND);
    assert_eq!(world.finals, [(1, 480)]);
    assert_eq!(world.count(ended(Ended::Unanswered)), 1);
}

#[test]
fn a_ping_tells_the_living_from_the_gone() {
    let mut world = World::new(Door::Accepts);
    world.ask("INVITE", 1, SDP);
    world.run(SECOND);
    world.command(|call| Command::Ping { call });
    world.run(SECOND);
    assert_eq!(world.count(|event| matches!(event, Event::Alive { .. })), 1);
    world.lost = Box::new(|_, _| true);
    world.command(|call| Command::Ping { call });
    world.run(31 * SECOND);
    assert_eq!(world.count(ended(Ended::Unreachable)), 0);
    world.run(2 * SECOND);
    assert_eq!(world.count(ended(Ended::Unreachable)), 1);
    world.run(70 * SECOND);
    assert_eq!(world.endpoint.calls(), 0);
}

#[test]
fn a_broken_answer_ends_the_call() {
    let mut world = World::new(Door::Accepts);
    world.lost = Box::new(|_, to_us| to_us);
    let invite = Message::new("INVITE", 1, "a").text();
    world
        .endpoint
        .handle_datagram(world.flow, invite.as_bytes(), world.now);
    world.run(SECOND / 4);
    let call = world::events(&mut world.endpoint)
        .iter()
        .find_map(world::invited)
        .unwrap();
    let sdp = world::described(None);
    world
        .endpoint
        .handle(Command::Accept { call, sdp }, world.now);
    let sent = world::transmits(&mut world.endpoint);
    let tag = world::field(sent.last().unwrap(), "To")
        .unwrap()
        .split_once(";tag=")
        .unwrap()
        .1
        .to_owned();
    let ack = Message {
        to_tag: &tag,
        ..Message::new("ACK", 1, "b")
    };
    world
        .endpoint
        .handle_datagram(world.flow, ack.text().as_bytes(), world.now);
    let reason = Ended::BadAnswer;
    assert_eq!(
        world::events(&mut world.endpoint),
        [Event::Ended {
            call,
            reason,
            cause: None
        }]
    );
    assert!(world::transmits(&mut world.endpoint)[0].starts_with("BYE "));
}
