//! What one who floods can take of the endpoint, and what is left to the others.
#![expect(clippy::unwrap_used, reason = "a helper of tests fails its test")]

mod world;

use std::time::{Duration, Instant};

use sip::{CallRef, Command, Endpoint, EndpointConfig, Event, Flow, Limits};
use world::{
    CONTACT, Message, SDP, described, endpoint, established, events, field, request, status,
    statuses, t0, tcp, transmits, udp,
};

#[test]
fn a_flood_of_what_needs_no_state_meets_silence() {
    let now = t0();
    let mut endpoint = endpoint();
    for _ in 0..10_000 {
        endpoint.handle_datagram(udp(), request("OPTIONS").as_bytes(), now);
    }
    let most = sip::limit::STATELESS_ANSWERS_PER_SOURCE as usize;
    let answers = transmits(&mut endpoint).len();
    // Some of them would have been more octets than came.
    assert!(answers <= most && answers > most * 4 / 5, "{answers}");
    assert_eq!(endpoint.counters().silenced, 10_000 - answers as u64);
    let other = Flow {
        remote: "203.0.113.8:5060".parse().unwrap(),
        ..udp()
    };
    endpoint.handle_datagram(other, request("OPTIONS").as_bytes(), now);
    assert_eq!(statuses(&mut endpoint), [200], "others are still answered");
}

#[test]
fn at_its_limits_the_endpoint_refuses_and_then_falls_silent() {
    let now = t0();
    for limits in [
        Limits {
            transactions: 2,
            ..Limits::default()
        },
        Limits {
            dialogs: 2,
            ..Limits::default()
        },
    ] {
        let mut endpoint = Endpoint::new(EndpointConfig {
            limits,
            ..EndpointConfig::new([7; 32])
        });
        let flood = 1_000;
        for number in 0..flood {
            let text = request("INVITE").replace("call-1", &format!("call-{number}"));
            let text = text.replace("z9hG4bKa", &format!("z9hG4bKa{number}"));
            endpoint.handle_datagram(udp(), text.as_bytes(), now);
        }
        assert_eq!(events(&mut endpoint).len(), 2);
        let sent = transmits(&mut endpoint);
        assert_eq!(field(&sent[2], "Retry-After"), Some("10"));
        let refused = sent.iter().filter(|text| status(text) == 503).count() as u64;
        let counters = endpoint.counters();
        assert_eq!(refused, u64::from(sip::limit::OVERLOAD_ANSWERS_PER_SOURCE));
        assert_eq!(counters.overloaded + counters.silenced, flood - 2);
        endpoint.handle_datagram(udp(), request("OPTIONS").as_bytes(), now);
        assert_eq!(
            statuses(&mut endpoint),
            [200],
            "what needs no state is still answered"
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

/// Who floods fills their own share; another address calls as if nothing were, and so does the first when it has calmed down.
#[test]
fn one_address_does_not_take_all_there_is() {
    let now = t0();
    let mut endpoint = Endpoint::new(EndpointConfig {
        limits: Limits {
            transactions: 8,
            transactions_per_source: 4,
            ..Limits::default()
        },
        ..EndpointConfig::new([7; 32])
    });
    let other = Flow {
        remote: "198.51.100.99:5060".parse().unwrap(),
        ..udp()
    };
    let mut requests = 0;
    let mut call = |endpoint: &mut Endpoint, flow: Flow, at: Instant| {
        requests += 1;
        let text = request("INVITE").replace("call-1", &format!("call-{requests}"));
        let text = text.replace("z9hG4bKa", &format!("z9hG4bKa{requests}"));
        endpoint.handle_datagram(flow, text.as_bytes(), at);
        let mut came = events(endpoint).into_iter();
        came.find_map(|event| {
            let Event::Invite { call, .. } = event else {
                return None;
            };
            Some(call)
        })
    };
    let came: Vec<_> = (0..6).map(|_| call(&mut endpoint, udp(), now)).collect();
    assert_eq!(came.iter().flatten().count(), 4);
    assert!(came[..4].iter().all(Option::is_some));
    assert!(call(&mut endpoint, other, now).is_some());
    for call in came.into_iter().flatten() {
        endpoint.handle(reject(call), now);
    }
    assert_eq!(
        call(&mut endpoint, udp(), now),
        None,
        "refusals wait for their ACK"
    );
    let later = now + Duration::from_secs(33);
    endpoint.handle_timeout(later);
    assert!(call(&mut endpoint, udp(), later).is_some());
}

/// A flood over many addresses of a party takes the answers of that party alone.
#[test]
fn the_addresses_of_a_party_share_the_answers_that_need_no_state() {
    let mut endpoint = endpoint();
    let mut asks = |low: u8, party| {
        let flow = Flow {
            remote: format!("198.51.100.{low}:5060").parse().unwrap(),
            party,
            ..udp()
        };
        endpoint.handle_datagram(flow, request("OPTIONS").as_bytes(), t0());
        !statuses(&mut endpoint).is_empty()
    };
    let answered = (0..=255)
        .cycle()
        .take(2_000)
        .filter(|low| asks(*low, 1))
        .count();
    let most = sip::limit::STATELESS_ANSWERS_PER_SOURCE as usize;
    assert_eq!(answered, most);
    assert!(
        (0..100).all(|low| asks(low, 2)),
        "another trunk is answered"
    );
}

/// The addresses of one party share what one may use up, and leave another party what it needs: transactions, calls that nobody has
/// acknowledged, and refusals in words.
#[test]
fn a_party_does_not_take_all_there_is_however_many_addresses_it_has() {
    for (limits, answered) in [
        (
            Limits {
                transactions_per_source: 4,
                ..Limits::default()
            },
            4,
        ),
        (
            Limits {
                unacknowledged_per_source: 3,
                ..Limits::default()
            },
            3,
        ),
    ] {
        let mut endpoint = Endpoint::new(EndpointConfig {
            limits,
            ..EndpointConfig::new([7; 32])
        });
        let mut asks = |number: u32, party: u16| {
            let [.., high, low] = number.to_be_bytes();
            let flow = Flow {
                remote: format!("198.51.{high}.{low}:5060").parse().unwrap(),
                party,
                ..udp()
            };
            let text = request("INVITE").replace("call-1", &format!("call-{number}"));
            let text = text.replace("z9hG4bKa", &format!("z9hG4bKa{number}"));
            endpoint.handle_datagram(flow, text.as_bytes(), t0());
            let told = statuses(&mut endpoint);
            let told_of = events(&mut endpoint).into_iter();
            let came = told_of
                .filter(|event| matches!(event, Event::Invite { .. }))
                .count();
            (came, told)
        };
        let first: Vec<_> = (0..300).map(|number| asks(number, 1)).collect();
        let came: usize = first.iter().map(|(came, _)| came).sum();
        assert_eq!(came, answered);
        let refused = first.iter().filter(|(_, told)| told == &[503]).count();
        assert_eq!(refused, 100, "half of the words is left to others");
        let second: Vec<_> = (1_000..1_010).map(|number| asks(number, 2)).collect();
        let came: usize = second.iter().map(|(came, _)| came).sum();
        assert_eq!(came, answered);
        assert!(second.iter().all(|(_, told)| !told.is_empty()));
    }
}

/// Fifty calls a second that last ten seconds each, as a busy trunk brings them: none is refused, however long it goes on.
#[test]
fn one_trunk_brings_fifty_calls_a_second() {
    let mut endpoint = endpoint();
    let text = |n: usize, method, cseq, to_tag: &str, body| {
        let branch = format!("{method}{n}");
        let message = Message {
            to_tag,
            body,
            ..Message::new(method, cseq, &branch)
        };
        message.text().replace("call-1", &format!("call-{n}"))
    };
    let mut tags = Vec::new();
    for n in 0..50 * 80 {
        let now = t0() + Duration::from_millis(20) * u32::try_from(n).unwrap();
        endpoint.handle_timeout(now);
        endpoint.handle_datagram(udp(), text(n, "INVITE", 1, "", SDP).as_bytes(), now);
        let came = events(&mut endpoint);
        let [Event::Invite { call, offer, .. }] = &came[..] else {
            panic!("call {n} is refused: {came:?}");
        };
        let (call, sdp) = (*call, described(offer.as_ref()));
        endpoint.handle(Command::Accept { call, sdp }, now);
        let ok = transmits(&mut endpoint).pop().unwrap();
        assert_eq!(status(&ok), 200);
        let (_, tag) = field(&ok, "To").unwrap().split_once(";tag=").unwrap();
        endpoint.handle_datagram(udp(), text(n, "ACK", 1, tag, "").as_bytes(), now);
        tags.push(tag.to_owned());
        if let Some(earlier) = n.checked_sub(500) {
            let bye = text(earlier, "BYE", 2, &tags[earlier], "");
            endpoint.handle_datagram(udp(), bye.as_bytes(), now);
            assert_eq!(statuses(&mut endpoint), [200]);
        }
        events(&mut endpoint);
    }
}

#[test]
fn streams_are_limited() {
    let limits = Limits {
        streams: 1,
        ..Limits::default()
    };
    let mut endpoint = Endpoint::new(EndpointConfig {
        limits,
        ..EndpointConfig::new([7; 32])
    });
    endpoint.handle_stream(tcp(), b"O", t0());
    endpoint.handle_stream(Flow { id: 5, ..tcp() }, b"O", t0());
    assert_eq!(endpoint.poll_close().map(|flow| flow.id), Some(5));
}

/// Of what a call has changed in its session, be it agreed or refused, a little is remembered.
#[test]
fn a_call_that_changes_its_session_without_end_leaves_the_others_what_they_need() {
    for method in ["UPDATE", "INVITE"] {
        for agrees in [true, false] {
            let (mut endpoint, call, tag) = established(udp(), CONTACT, t0());
            for cseq in 10..500 {
                let branch = format!("{method}{cseq}");
                let ask = Message {
                    to_tag: &tag,
                    body: SDP,
                    ..Message::new(method, cseq, &branch)
                };
                endpoint.handle_datagram(udp(), ask.text().as_bytes(), t0());
                let told = events(&mut endpoint);
                let [Event::Reinvite { offer, .. }] = &told[..] else {
                    panic!("{told:?}");
                };
                let order = match agrees {
                    true => Command::Accept {
                        call,
                        sdp: described(offer.as_ref()),
                    },
                    false => reject(call),
                };
                endpoint.handle(order, t0());
                let branch = format!("{branch}ack");
                let ack = Message {
                    to_tag: &tag,
                    ..Message::new("ACK", cseq, &branch)
                };
                if method == "INVITE" && agrees {
                    endpoint.handle_datagram(udp(), ack.text().as_bytes(), t0());
                }
                events(&mut endpoint);
                transmits(&mut endpoint);
            }
            let left = endpoint.transactions();
            assert!(left <= 6, "{method} {agrees}: {left}");
        }
    }
}
