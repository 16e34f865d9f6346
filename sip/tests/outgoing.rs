//! Calls of ours in virtual time: answered, forked, refused, given up, and never led astray.
#![expect(clippy::unwrap_used, reason = "a helper of tests fails its test")]

mod carrier;
mod ladder;
mod world;

use std::time::Duration;

use carrier::{
    ANSWER, Network, TRUNK, challenge, contact, method, proves, registrar, reply, tls, udp,
};
use ladder::redacted;
use sip::{Command, Ended, Event, TrunkCommand};
use world::field;

const NOW: Duration = Duration::ZERO;
const SECOND: Duration = Duration::from_secs(1);

fn answered(event: &Event) -> bool {
    matches!(event, Event::Answered { .. })
}

fn early(event: &Event) -> bool {
    matches!(event, Event::Early { .. })
}

fn ringing(event: &Event) -> bool {
    matches!(event, Event::Ringing { .. })
}

/// Whom we call: rings, answers after a second, and repeats its 200 until it is acknowledged.
fn callee() -> impl FnMut(&str, sip::Flow) -> Vec<(Duration, String)> {
    let mut invites = 0;
    move |request, _| match method(request) {
        "INVITE" => {
            invites += 1;
            let ringing = (NOW, reply(request, "180 Ringing", "b", &contact("b"), ""));
            if invites > 1 {
                return vec![ringing];
            }
            let ok = reply(request, "200 OK", "b", &contact("b"), ANSWER);
            vec![
                (NOW, reply(request, "100 Trying", "", "", "")),
                ringing,
                (SECOND, ok.clone()),
                (SECOND * 3 / 2, ok.clone()),
                (SECOND * 5 / 2, ok),
            ]
        }
        "ACK" => Vec::new(),
        _ => vec![(NOW, reply(request, "200 OK", "b", "", ""))],
    }
}

#[test]
fn ladder_of_a_call_of_ours() {
    let mut network = Network::new(callee());
    let call = network.dial(udp(), None);
    network.run_seconds(5);
    assert_eq!((network.count(ringing), network.count(answered)), (1, 1));
    network.hang_up(call);
    network.run_seconds(70);
    insta::assert_snapshot!("dialled", redacted(&network.ladder()));
    assert_eq!(network.requests("ACK"), 3, "each 200 is acknowledged");
    assert_eq!(network.ended(), Some(Ended::Left));
    assert!(network.is_idle());
    assert_eq!(network.endpoint.poll_timeout(), None);
}

#[test]
fn any_lost_datagram_of_a_call_of_ours_is_survived() {
    for n in 0..12 {
        let mut network = Network::new(callee());
        network.lost = Box::new(move |number, _| number == n);
        let call = network.dial(udp(), None);
        network.run_seconds(10);
        assert_eq!(
            network.count(answered),
            1,
            "lost {n}:\n{}",
            network.ladder()
        );
        network.hang_up(call);
        network.run_seconds(70);
        assert_eq!(network.ended(), Some(Ended::Left), "lost {n}");
        assert!(network.is_idle(), "lost {n}");
        assert_eq!(network.endpoint.poll_timeout(), None);
    }
}

#[test]
fn ladder_of_a_forked_call_that_two_answer() {
    let mut network = Network::new(|request, _| match method(request) {
        "INVITE" => ["b1", "b2", "b1"]
            .iter()
            .flat_map(|branch| {
                let of = |status: &str, body: &str| {
                    reply(request, status, branch, &contact(branch), body)
                };
                [
                    (NOW, of("183 Session Progress", ANSWER)),
                    (SECOND, of("200 OK", ANSWER)),
                ]
            })
            .collect(),
        "ACK" => Vec::new(),
        _ => vec![(NOW, reply(request, "200 OK", "", "", ""))],
    });
    let call = network.dial(udp(), None);
    network.run_seconds(5);
    assert_eq!((network.count(early), network.count(answered)), (2, 1));
    assert_eq!(
        network.requests("BYE"),
        1,
        "the second branch is hung up on"
    );
    network.hang_up(call);
    network.run_seconds(70);
    insta::assert_snapshot!("fork_two_200", redacted(&network.ladder()));
    let byes: Vec<_> = network
        .heard
        .iter()
        .filter(|text| text.starts_with("BYE "))
        .collect();
    assert_eq!(byes.len(), 2);
    assert!(byes[0].starts_with("BYE sip:b2@203.0.113.5 ") && byes[0].contains(";tag=b2"));
    assert!(byes[1].starts_with("BYE sip:b1@203.0.113.5 ") && byes[1].contains(";tag=b1"));
    assert_eq!(network.ended(), Some(Ended::Left));
    assert!(network.is_idle());
}

#[test]
fn a_call_forked_to_hundreds_costs_a_bounded_number_of_dialogs() {
    let mut network = Network::new(|request, _| match method(request) {
        "INVITE" => (0..300)
            .flat_map(|n| {
                let of =
                    |status: &str| reply(request, status, &format!("b{n}"), &contact("b"), ANSWER);
                [(NOW, of("183 Progress")), (SECOND, of("200 OK"))]
            })
            .collect(),
        "ACK" => Vec::new(),
        _ => vec![(NOW, reply(request, "200 OK", "", "", ""))],
    });
    network.dial(udp(), None);
    network.run_seconds(5);
    assert_eq!((network.count(early), network.count(answered)), (8, 1));
    assert_eq!(network.requests("BYE"), 8);
}

#[test]
fn ladder_of_reliable_provisional_responses() {
    let mut network = Network::new(|request, _| match method(request) {
        "INVITE" => {
            let reliable = |status: &str, number: u32, body: &str| {
                let fields = format!("{}Require: 100rel\r\nRSeq: {number}\r\n", contact("b"));
                reply(request, status, "b", &fields, body)
            };
            let progress = reliable("183 Session Progress", 700, ANSWER);
            vec![
                (NOW, progress.clone()),
                (SECOND / 2, progress),
                // Its predecessor is missing, so it must wait.
                (SECOND, reliable("180 Ringing", 702, "")),
                (SECOND * 2, reliable("180 Ringing", 701, "")),
                (SECOND * 3, reliable("180 Ringing", 702, "")),
                (SECOND * 4, reply(request, "200 OK", "b", &contact("b"), "")),
            ]
        }
        "ACK" => Vec::new(),
        _ => vec![(NOW, reply(request, "200 OK", "b", "", ""))],
    });
    let call = network.dial(udp(), None);
    network.run_seconds(6);
    let acknowledged: Vec<_> = network
        .heard
        .iter()
        .filter_map(|text| field(text, "RAck"))
        .collect();
    assert_eq!(
        acknowledged,
        ["700 1 INVITE", "701 1 INVITE", "702 1 INVITE"]
    );
    assert_eq!((network.count(early), network.count(ringing)), (1, 2));
    assert_eq!(network.count(answered), 1, "the 183 carried the answer");
    network.hang_up(call);
    network.run_seconds(70);
    insta::assert_snapshot!("prack_183", redacted(&network.ladder()));
    assert!(
        network
            .heard
            .iter()
            .any(|text| text.contains("CSeq: 5 BYE"))
    );
    assert!(network.is_idle());
}

#[test]
fn ladder_of_a_call_that_is_sent_elsewhere() {
    let mut network = Network::answering(|request| match method(request) {
        "INVITE" => {
            let fields = "Contact: <sip:+900123456@expensive.example>, <tel:+900123456>\r\n";
            vec![reply(request, "302 Moved Temporarily", "b", fields, "")]
        }
        _ => Vec::new(),
    });
    network.dial(udp(), None);
    network.run_seconds(70);
    insta::assert_snapshot!("three_hundred", redacted(&network.ladder()));
    assert_eq!(network.ended(), Some(Ended::Refused(302)));
    assert_eq!(network.requests("INVITE"), 1);
    assert!(!network.heard.iter().any(|text| text.contains("900123456")));
    assert!(network.is_idle());
}

#[test]
fn a_lost_refusal_or_its_ack_is_repeated() {
    for n in 0..4 {
        let mut network = Network::new(|request, _| match method(request) {
            "INVITE" => {
                let busy = reply(request, "486 Busy Here", "b", "", "");
                vec![(NOW, busy.clone()), (SECOND / 2, busy)]
            }
            _ => Vec::new(),
        });
        network.lost = Box::new(move |number, _| number == n);
        network.dial(udp(), None);
        network.run_seconds(70);
        assert_eq!(network.ended(), Some(Ended::Refused(486)), "lost {n}");
        assert!(network.requests("ACK") >= 1, "lost {n}");
        assert!(network.is_idle());
    }
}

#[test]
fn nobody_answers_at_all() {
    let mut network = Network::answering(|_| Vec::new());
    network.dial(udp(), None);
    network.run_seconds(31);
    assert_eq!(network.ended(), None);
    network.run_seconds(2);
    assert_eq!(network.ended(), Some(Ended::Unreachable));
    assert_eq!(network.requests("INVITE"), 7);
    assert!(network.is_idle());
}

/// Whom we call does not answer; a CANCEL is answered and ends the INVITE by 487.
fn patient() -> impl FnMut(&str) -> Vec<String> {
    let mut invite = String::new();
    move |request| match method(request) {
        "INVITE" => {
            invite = request.to_owned();
            vec![reply(request, "180 Ringing", "b", &contact("b"), "")]
        }
        "CANCEL" => vec![
            reply(request, "200 OK", "b", "", ""),
            reply(&invite, "487 Request Terminated", "b", "", ""),
        ],
        _ => Vec::new(),
    }
}

#[test]
fn ladder_of_a_call_given_up_while_it_rings() {
    let mut network = Network::answering(patient());
    let call = network.dial(udp(), None);
    network.run_seconds(1);
    network.hang_up(call);
    assert_eq!(
        network.ended(),
        Some(Ended::Left),
        "the door is told at once"
    );
    network.run_seconds(70);
    insta::assert_snapshot!("cancel_ringing", redacted(&network.ladder()));
    assert_eq!(network.requests("CANCEL"), 1);
    assert!(network.is_idle());
}

#[test]
fn ladder_of_a_call_given_up_before_anybody_has_answered() {
    let mut network = Network::answering(patient());
    network.lost = Box::new(|number, _| number == 0);
    let call = network.dial(udp(), None);
    network.hang_up(call);
    assert_eq!(
        network.requests("CANCEL"),
        0,
        "it might overtake the INVITE"
    );
    network.run_seconds(70);
    insta::assert_snapshot!(
        "cancel_waits_for_a_provisional",
        redacted(&network.ladder())
    );
    assert_eq!(network.requests("CANCEL"), 1);
    assert_eq!(network.ended(), Some(Ended::Left));
    assert!(network.is_idle());

    let mut silent = Network::answering(|_| Vec::new());
    let call = silent.dial(udp(), None);
    silent.hang_up(call);
    silent.run_seconds(70);
    assert_eq!(silent.requests("CANCEL"), 0);
    assert!(silent.is_idle());
}

#[test]
fn ladder_of_a_cancel_that_crosses_the_answer() {
    let mut network = Network::new(|request, _| match method(request) {
        "INVITE" => vec![
            (NOW, reply(request, "180 Ringing", "b", &contact("b"), "")),
            (SECOND, reply(request, "200 OK", "b", &contact("b"), ANSWER)),
        ],
        "CANCEL" | "BYE" => vec![(NOW, reply(request, "200 OK", "b", "", ""))],
        _ => Vec::new(),
    });
    let call = network.dial(udp(), None);
    network.run(SECOND);
    network.hang_up(call);
    network.run_seconds(70);
    insta::assert_snapshot!("cancel_crosses_200", redacted(&network.ladder()));
    assert_eq!(network.count(answered), 0);
    assert_eq!((network.requests("ACK"), network.requests("BYE")), (1, 1));
    assert_eq!(network.ended(), Some(Ended::Left));
    assert!(network.is_idle());
}

#[test]
fn what_rings_too_long_is_given_up_even_if_the_cancel_is_ignored() {
    let mut network = Network::answering(patient());
    network.dial(udp(), None);
    network.run_seconds(59);
    assert_eq!(network.ended(), None);
    network.run_seconds(2);
    assert_eq!(network.ended(), Some(Ended::Unanswered));
    assert_eq!(network.requests("CANCEL"), 1);
    network.run_seconds(70);
    assert!(network.is_idle());

    let mut deaf = Network::answering(|request| match method(request) {
        "INVITE" => vec![reply(request, "180 Ringing", "b", &contact("b"), "")],
        _ => Vec::new(),
    });
    deaf.dial(udp(), None);
    deaf.run_seconds(60 + 40);
    assert_eq!(deaf.ended(), Some(Ended::Unanswered));
    assert!(deaf.is_idle(), "64 T1 after the CANCEL nothing is left");
}

/// A carrier where we are registered, that asks for the password whenever the condition says so.
fn asking(when: fn(&str) -> bool) -> impl FnMut(&str) -> Vec<String> {
    move |request| {
        let name = method(request);
        let server = challenge("WWW-Authenticate", "MD5", "n", ", qop=\"auth\"");
        let proxy = challenge("Proxy-Authenticate", "MD5", "n", ", qop=\"auth\"");
        if name == "ACK" {
            return Vec::new();
        }
        let proven = proves(request, "Authorization", "n");
        if (name == "REGISTER" && !proven) || when(request) {
            let rows = server + &proxy;
            return vec![reply(request, "401 Unauthorized", "b", &rows, "")];
        }
        let timer = "Session-Expires: 90;refresher=uac\r\nRequire: timer\r\n";
        let fields = format!("{}{timer}", contact("b"));
        let body = if name == "INVITE" { ANSWER } else { "" };
        vec![reply(request, "200 OK", "b", &fields, body)]
    }
}

#[test]
fn ladder_of_a_bye_that_is_challenged() {
    let mut network = Network::answering(asking(|request| method(request) == "BYE"));
    network.register(registrar(), udp());
    network.run_seconds(1);
    let call = network.dial(udp(), Some(TRUNK));
    network.run_seconds(1);
    assert_eq!(network.count(answered), 1);
    network.clear_ladder();
    network.hang_up(call);
    network.run_seconds(40);
    insta::assert_snapshot!("bye_challenged_not_answered", redacted(&network.ladder()));
    assert_eq!(network.requests("BYE"), 1);
    assert!(!network.ladder().contains("\n      Authorization"));
    assert!(network.is_idle());
}

#[test]
fn ladder_of_a_reinvite_that_is_challenged() {
    let within = |request: &str| method(request) == "INVITE" && request.contains("tag=b");
    let mut network = Network::answering(asking(within));
    network.register(registrar(), udp());
    network.run_seconds(1);
    network.dial(udp(), Some(TRUNK));
    network.run_seconds(1);
    network.clear_ladder();
    network.run_seconds(46);
    insta::assert_snapshot!(
        "reinvite_challenged_not_answered",
        redacted(&network.ladder())
    );
    assert!(!network.ladder().contains("\n      Authorization"));
    network.run_seconds(40);
    assert_eq!(network.ended(), Some(Ended::Expired), "nobody refreshed it");
    let credentials = network
        .heard
        .iter()
        .filter(|text| text.contains("tag=b") && text.contains("uthorization:"));
    assert_eq!(credentials.count(), 0);
}

#[test]
fn ladder_of_a_session_refreshed_by_reinvite() {
    let mut network = Network::answering(asking(|_| false));
    let call = network.dial(udp(), None);
    network.run_seconds(1);
    network.clear_ladder();
    network.run_seconds(46);
    insta::assert_snapshot!("reinvite_refreshes", redacted(&network.ladder()));
    network.run_seconds(300);
    assert_eq!(network.requests("INVITE"), 8, "one in 45 s");
    assert_eq!(network.requests("ACK"), 8);
    let renegotiated = |event: &Event| {
        matches!(
            event,
            Event::Renegotiated {
                answer: Some(_),
                ..
            }
        )
    };
    assert_eq!(network.count(renegotiated), 7);
    network.hang_up(call);
    network.run_seconds(70);
    assert_eq!(network.ended(), Some(Ended::Left));
    assert!(network.is_idle());
}

#[test]
fn a_session_interval_that_is_too_brief_is_asked_again_once() {
    let mut network = Network::answering(|request| match method(request) {
        "INVITE" => {
            let brief = reply(
                request,
                "422 Session Interval Too Small",
                "b",
                "Min-SE: 7200\r\n",
                "",
            );
            vec![brief]
        }
        _ => Vec::new(),
    });
    network.dial(udp(), None);
    network.run_seconds(70);
    assert_eq!(network.requests("INVITE"), 2);
    assert!(network.heard.iter().any(|text| {
        field(text, "Session-Expires") == Some("7200;refresher=uac")
            && field(text, "Min-SE") == Some("7200")
            && field(text, "CSeq") == Some("2 INVITE")
    }));
    assert_eq!(network.ended(), Some(Ended::Refused(422)));
}

#[test]
fn ladder_of_a_proxy_whose_nonces_count_once_and_whose_callee_wants_a_longer_interval() {
    let mut next = 0;
    let mut network = Network::answering(move |request| match method(request) {
        "REGISTER" => vec![reply(request, "200 OK", "r", "", "")],
        "INVITE" if !proves(request, "Proxy-Authorization", &format!("n{next}")) => {
            next += 1;
            let nonce = format!("n{next}");
            let row = challenge("Proxy-Authenticate", "MD5", &nonce, ", qop=\"auth\"");
            let status = "407 Proxy Authentication Required";
            vec![reply(request, status, "p", &row, "")]
        }
        "INVITE" => {
            // The nonce is spent.
            next += 1;
            if field(request, "Min-SE").is_none() {
                let least = "Min-SE: 3600\r\n";
                let status = "422 Session Interval Too Small";
                return vec![reply(request, status, "b", least, "")];
            }
            vec![reply(request, "200 OK", "b", &contact("b"), ANSWER)]
        }
        _ => Vec::new(),
    });
    network.register(registrar(), udp());
    network.run_seconds(1);
    network.clear_ladder();
    network.dial(udp(), Some(TRUNK));
    network.run_seconds(1);
    insta::assert_snapshot!("dialled_nonces_once", redacted(&network.ladder()));
    assert_eq!(network.count(answered), 1);
    assert_eq!(network.requests("INVITE"), 4);
}

#[test]
fn a_call_of_ours_may_ask_for_an_interval_of_its_own() {
    for (own, expected) in [(None, "1800"), (Some(600), "600"), (Some(1), "90")] {
        let mut network = Network::answering(|_| Vec::new());
        let call = network.endpoint.reserve();
        let dial = Box::new(sip::Dial {
            flow: udp(),
            trunk: None,
            target: sip::redact::Pii::new("sip:+49301234@h".to_owned()),
            from: sip::redact::Pii::new("sip:a@h".to_owned()),
            identity: None,
            sdp: world::described(None),
            within: SECOND,
            session_interval: own.map(Duration::from_secs),
        });
        network.command(Command::Invite { call, dial });
        network.run_seconds(1);
        let asked = field(&network.heard[0], "Session-Expires");
        assert_eq!(asked, Some(expected));
    }
}

#[test]
fn a_call_without_any_answer_to_our_offer_is_hung_up() {
    for body in ["", "v=0\r\nbroken"] {
        let mut network = Network::answering(move |request| match method(request) {
            "INVITE" => vec![reply(request, "200 OK", "b", &contact("b"), body)],
            "BYE" => vec![reply(request, "200 OK", "b", "", "")],
            _ => Vec::new(),
        });
        network.dial(udp(), None);
        network.run_seconds(70);
        assert_eq!(network.ended(), Some(Ended::BadAnswer));
        assert_eq!((network.requests("ACK"), network.requests("BYE")), (1, 1));
        assert!(network.is_idle());
    }
}

#[test]
fn a_call_over_a_connection_that_is_gone_ends() {
    let mut network = Network::answering(|_| Vec::new());
    network.dial(tls(1), None);
    assert_eq!(
        network.ended(),
        Some(Ended::Unreachable),
        "nobody opened it"
    );

    let mut network = Network::answering(|_| Vec::new());
    let uri = "sip:carrier.example".to_owned();
    network.trunk(TrunkCommand::Probe { uri, flow: tls(1) });
    network.dial(tls(1), Some(TRUNK));
    network.run_seconds(1);
    assert_eq!(network.ended(), None);
    network.close(tls(1));
    assert_eq!(network.ended(), Some(Ended::Unreachable));
    assert_eq!(network.endpoint.calls(), 0);
}

#[test]
fn requests_within_an_early_dialog_are_answered() {
    let mut network = Network::answering(|request| match method(request) {
        "INVITE" => vec![reply(request, "180 Ringing", "b", &contact("b"), "")],
        _ => Vec::new(),
    });
    network.dial(udp(), None);
    network.run_seconds(1);
    let invite = network.heard[0].clone();
    let (call_id, from) = (
        field(&invite, "Call-ID").unwrap(),
        field(&invite, "From").unwrap(),
    );
    let mut ask = |method: &str, tag: &str, body: &str| {
        let kind = if body.is_empty() {
            ""
        } else {
            "Content-Type: application/sdp\r\n"
        };
        let text = format!(
            "{method} sip:192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.10;branch=z9hG4bK{method}{tag}{}\r\n\
             Max-Forwards: 70\r\nFrom: <sip:b@h>;tag={tag}\r\nTo: {from}\r\nCall-ID: {call_id}\r\nCSeq: 7 {method}\r\n\
             {kind}Content-Length: {}\r\n\r\n{body}",
            body.len(),
            body.len()
        );
        network.say(udp(), &text);
        network.run_seconds(1);
        world::status(network.heard.last().unwrap())
    };
    assert_eq!(ask("OPTIONS", "b", ""), 200);
    assert_eq!(ask("UPDATE", "b", ""), 200);
    assert_eq!(ask("UPDATE", "b", ANSWER), 491);
    assert_eq!(ask("BYE", "b", ""), 481);
    assert_eq!(ask("REFER", "b", ""), 405);
    assert_eq!(ask("OPTIONS", "stranger", ""), 481);
    assert_eq!(network.ended(), None);
}

#[test]
fn nothing_that_is_dialled_breaks_a_header_field() {
    let mut network = Network::answering(|_| Vec::new());
    for target in ["sip:a@h\r\nX-Evil: 1", "sip:a@h>\r\n", "sip:a@h\" <x>"] {
        let call = network.endpoint.reserve();
        let dial = Box::new(sip::Dial {
            flow: udp(),
            trunk: None,
            target: sip::redact::Pii::new(target.to_owned()),
            from: sip::redact::Pii::new(target.to_owned()),
            identity: None,
            sdp: world::described(None),
            within: SECOND,
            session_interval: None,
        });
        network.command(Command::Invite { call, dial });
    }
    network.run_seconds(1);
    assert!(!network.heard.is_empty());
    for text in &network.heard {
        assert!(!text.contains("\nX-Evil"), "{text}");
        assert_eq!(field(text, "To").unwrap().matches(['<', '>']).count(), 2);
    }
    let call = network.endpoint.reserve();
    let dial = Box::new(sip::Dial {
        flow: udp(),
        trunk: None,
        target: sip::redact::Pii::new("tel:+49301234".to_owned()),
        from: sip::redact::Pii::new("sip:a@h".to_owned()),
        identity: None,
        sdp: world::described(None),
        within: SECOND,
        session_interval: None,
    });
    network.events.clear();
    network.command(Command::Invite { call, dial });
    assert_eq!(network.ended(), Some(Ended::Refused(416)));
}

/// Responses with octets changed, removed and doubled: whatever arrives, nothing panics and every call ends once.
#[test]
fn mangled_responses_do_no_harm() {
    for seed in 0..400_u64 {
        let mut script = callee();
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut draw = move |most: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            usize::try_from(state % most as u64).unwrap()
        };
        let mut network = Network::new(move |request, flow| {
            let mangled = script(request, flow).into_iter().map(|(after, text)| {
                let mut bytes = text.into_bytes();
                for _ in 0..draw(4) {
                    let at = draw(bytes.len());
                    match draw(3) {
                        0 => bytes[at] = u8::try_from(32 + draw(90)).unwrap(),
                        1 => drop(bytes.remove(at)),
                        _ => bytes.insert(at, bytes[at]),
                    }
                }
                (after, String::from_utf8(bytes).unwrap())
            });
            mangled.collect()
        });
        let call = network.dial(udp(), None);
        network.run_seconds(20);
        network.hang_up(call);
        network.run_seconds(400);
        assert!(network.ended().is_some(), "seed {seed}");
        assert!(network.is_idle(), "seed {seed}:\n{}", network.ladder());
    }
}
