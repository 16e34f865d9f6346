//! Which trunk a call belongs to, who calls, and how many may.

use std::sync::LazyLock;

use sip::{Caller, Endpoint, EndpointConfig, Protocol, Scheme, Target, redact::Pii};

use super::*;
use crate::{limit::UNPROVEN_COUNTS, phone::Dialled};

fn trunk(peer: &str, number: &str, max_calls: usize) -> Trunk {
    Trunk {
        peers: vec![peer.parse().unwrap()],
        client: None,
        numbers: vec![Called::Number(Dialled::new(number))],
        language: Wording::De,
        offers_language: true,
        plan: DialPlan::default(),
        max_calls,
        session_expires: Duration::from_secs(1_800),
        media: MediaRules::default(),
        upkeep: None,
        outward: None,
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the base instant of a simulated run"
)]
fn all(trunks: Vec<Trunk>) -> Trunks {
    let mut numbers = 1..;
    Trunks::new(trunks, || numbers.next().unwrap(), Instant::now())
}

/// Numbers calls.
fn calls() -> Endpoint {
    Endpoint::new(EndpointConfig::new([7; 32]))
}

#[expect(
    clippy::disallowed_methods,
    reason = "the base instant of a simulated run"
)]
fn t0() -> Instant {
    static T0: LazyLock<Instant> = LazyLock::new(Instant::now);
    *T0
}

fn from(address: &str) -> Flow {
    Flow::new(
        Protocol::Udp,
        "192.0.2.1:5060".parse().unwrap(),
        SocketAddr::new(address.parse().unwrap(), 5060),
        0,
    )
}

fn asked(user: &str) -> Asked {
    Asked {
        target: Target {
            scheme: Scheme::Sip,
            user: Some(Pii::new(user.to_owned())),
            context: None,
            urn: None,
        },
        called_party: None,
        to: None,
        caller: Caller::default(),
        asserted: None,
        private: false,
    }
}

#[test]
fn trunks_of_one_address_are_told_apart_by_the_number() {
    let mut trunks = all(vec![
        trunk("203.0.113.1", "+491", 9),
        trunk("198.51.100.0/24", "+492", 9),
        trunk("198.51.100.7", "+493", 9),
    ]);
    let mut calls = calls();
    let mut admit = |address, number| {
        let admitted = trunks.admit(
            calls.reserve(),
            &from(address),
            Peer::UNPROVED,
            &asked(number),
            t0(),
        );
        admitted.map(|admitted| admitted.trunk)
    };
    assert_eq!(admit("198.51.100.7", "+493"), Ok(TrunkIndex(2)));
    assert_eq!(admit("198.51.100.7", "+492"), Ok(TrunkIndex(1)));
    assert_eq!(admit("198.51.100.8", "+493"), Err(Refusal::NOT_FOUND));
    assert_eq!(admit("198.51.100.7", "+491"), Err(Refusal::NOT_FOUND));
    assert_eq!(admit("192.0.2.99", "+491"), Err(Refusal::NOT_FOUND));
    let unknown: Vec<u64> = trunks.counts().map(|counts| counts.unknown).collect();
    assert_eq!(unknown, [0, 2, 0]);
}

#[test]
fn a_caller_is_who_the_trunk_says_unless_they_wish_to_be_nobody() {
    let nobody = crate::server::caller::Caller::default();
    let who = |number: &str| crate::server::caller::Caller {
        number: Some(Pii::new(number.to_owned())),
        ..nobody.clone()
    };
    let read = |from: &str, asserted: Option<&str>, private| {
        let sip = |number: &str| Caller {
            number: Some(Pii::new(number.to_owned())),
            name: None,
        };
        let asked = Asked {
            caller: sip(from),
            asserted: asserted.map(sip),
            private,
            ..asked("+491")
        };
        let plan = DialPlan {
            country: "49".to_owned(),
            area: String::new(),
        };
        caller(&asked, &plan, 0)
    };
    assert_eq!(read("030 123", None, false), who("+4930123"));
    let mut vouched = who("+4930124");
    vouched.vouched = true;
    assert_eq!(read("030123", Some("0049-30-124"), false), vouched);
    let mut withheld = nobody.clone();
    withheld.withheld = true;
    assert_eq!(read("030123", Some("+4930124"), true), withheld);
    assert_eq!(read("anonymous", Some("+4930124"), true), withheld);
    assert_eq!(read("anonymous", None, true), nobody);
    assert_eq!(read("alice", None, false), nobody);
}

#[test]
fn a_full_trunk_leaves_the_others_alone() {
    let mut trunks = all(vec![
        trunk("203.0.113.1", "+491", 2),
        trunk("198.51.100.7", "+491", 2),
    ]);
    let (one, other) = (from("203.0.113.1"), from("198.51.100.7"));
    let mut calls = calls();
    let [first, second, further] = [(); 3].map(|()| calls.reserve());
    let admit = |trunks: &mut Trunks, call, from, number| {
        let admitted = trunks.admit(call, from, Peer::UNPROVED, &asked(number), t0());
        admitted.map(|admitted| admitted.trunk)
    };
    let trunk = admit(&mut trunks, first, &one, "+491").unwrap();
    assert_eq!(admit(&mut trunks, second, &one, "+491"), Ok(trunk));
    let third = admit(&mut trunks, further, &one, "+491");
    assert_eq!(third, Err(Refusal::UNAVAILABLE));
    assert_eq!(
        admit(&mut trunks, further, &one, "+499"),
        Err(Refusal::NOT_FOUND),
        "what is unknown is unknown at any time"
    );
    assert!(admit(&mut trunks, further, &other, "+491").is_ok());
    trunks.ended(trunk, Some(first), None);
    trunks.ended(trunk, Some(second), Some(488));
    assert!(admit(&mut trunks, further, &one, "+491").is_ok());
    assert_eq!(trunks.overrun(&one, Peer::UNPROVED), Refusal::UNAVAILABLE);
    let counts = trunks.counts().next().unwrap();
    let expected = TrunkCounts {
        calls: 1,
        taken: 1,
        unknown: 1,
        full: 2,
        unusable: 1,
        ..TrunkCounts::default()
    };
    assert_eq!(counts, expected);
}

/// Whoever forges the address of a trunk takes no line of it for longer than a moment.
#[test]
fn calls_that_nobody_acknowledges_take_no_place_of_those_that_are_real() {
    let mut trunks = all(vec![trunk("203.0.113.1", "+491", 2)]);
    let one = from("203.0.113.1");
    let mut calls = calls();
    let mut admit = |trunks: &mut Trunks, now| {
        let call = calls.reserve();
        let admitted = trunks.admit(call, &one, Peer::UNPROVED, &asked("+491"), now);
        admitted.map(|_| call)
    };
    let index = TrunkIndex(0);
    let later = t0() + UNPROVEN_COUNTS;
    let forged = [(); 2].map(|()| admit(&mut trunks, t0()).unwrap());
    assert_eq!(admit(&mut trunks, t0()), Err(Refusal::UNAVAILABLE));
    let real = [(); 2].map(|()| admit(&mut trunks, later).unwrap());
    assert_eq!(admit(&mut trunks, later), Err(Refusal::UNAVAILABLE));
    for call in real {
        trunks.acknowledged(call);
    }
    let late = later + UNPROVEN_COUNTS;
    assert_eq!(
        admit(&mut trunks, late),
        Err(Refusal::UNAVAILABLE),
        "real calls stay"
    );
    for call in forged {
        trunks.ended(index, Some(call), None);
    }
    assert_eq!(
        admit(&mut trunks, late),
        Err(Refusal::UNAVAILABLE),
        "and count once"
    );
    trunks.ended(index, Some(real[0]), None);
    assert!(admit(&mut trunks, late).is_ok());
}

#[test]
fn a_connection_of_ours_is_that_of_its_trunk() {
    let by_certificate = Trunk {
        peers: Vec::new(),
        client: Some(0),
        ..trunk("192.0.2.1", "+491", 9)
    };
    let by_address = trunk("198.51.100.7", "+492", 9);
    let mut trunks = all(vec![by_address, by_certificate]);
    let ours = Peer::Sought(TrunkIndex(1));
    let (mut near, far) = (from("198.51.100.7"), from("203.0.113.9"));
    assert!(trunks.know(&far, ours) && !trunks.know(&far, Peer::UNPROVED));
    assert!(trunks.is_on(TrunkIndex(1), &near, ours));
    assert!(!trunks.is_on(TrunkIndex(1), &near, Peer::UNPROVED));
    trunks.mark(&mut near, ours);
    assert_eq!(near.party, 2);
    let mut calls = calls();
    let mut admit = |flow, peer, number| {
        let admitted = trunks.admit(calls.reserve(), flow, peer, &asked(number), t0());
        admitted.map(|admitted| admitted.trunk)
    };
    assert_eq!(admit(&far, ours, "+491"), Ok(TrunkIndex(1)));
    assert_eq!(admit(&far, ours, "+492"), Err(Refusal::NOT_FOUND));
    assert_eq!(admit(&near, ours, "+492"), Ok(TrunkIndex(0)));
    let unproved = admit(&near, Peer::UNPROVED, "+491");
    assert_eq!(unproved, Err(Refusal::NOT_FOUND));
}

#[test]
fn a_certificate_makes_a_peer_only_of_who_has_it() {
    let by_certificate = Trunk {
        peers: Vec::new(),
        client: Some(0),
        ..trunk("192.0.2.1", "+491", 9)
    };
    let by_both = Trunk {
        client: Some(1),
        ..trunk("198.51.100.0/24", "+492", 9)
    };
    let by_address = trunk("203.0.113.1", "+493", 9);
    let mut trunks = all(vec![by_certificate, by_both, by_address]);
    let (far, near, listed) = (
        from("192.0.2.99"),
        from("198.51.100.7"),
        from("203.0.113.1"),
    );
    let knows = |flow, clients| trunks.know(flow, Peer::Came(clients));
    assert!(!knows(&far, &[]) && !knows(&near, &[]) && !knows(&far, &[1]));
    assert!(knows(&far, &[0]) && knows(&near, &[1]) && knows(&listed, &[]));
    assert_eq!(trunks.demand(&far), Some(Demand::Must));
    assert_eq!(trunks.demand(&near), Some(Demand::Must));
    assert_eq!(trunks.demand(&listed), Some(Demand::Wish));
    let mut calls = calls();
    let mut admit = |flow, clients: &[usize], number| {
        let admitted = trunks.admit(
            calls.reserve(),
            flow,
            Peer::Came(clients),
            &asked(number),
            t0(),
        );
        admitted.map(|admitted| admitted.trunk)
    };
    assert_eq!(admit(&near, &[0, 1], "+492"), Ok(TrunkIndex(1)));
    assert_eq!(admit(&near, &[0], "+492"), Err(Refusal::NOT_FOUND));
    assert_eq!(admit(&listed, &[], "+491"), Err(Refusal::NOT_FOUND));
    assert_eq!(admit(&listed, &[0], "+491"), Ok(TrunkIndex(0)));

    let trunks = all(vec![trunk("203.0.113.1", "+493", 9)]);
    assert_eq!(trunks.demand(&listed), Some(Demand::Nothing));
    assert_eq!(trunks.demand(&far), None);
}
