//! Trunks in virtual time: registered, refused, moved, lost, and asked whether they are there.
#![expect(clippy::unwrap_used, reason = "a helper of tests fails its test")]

mod carrier;
mod ladder;
mod world;

use std::time::Duration;

use carrier::{
    ANSWER, Network, challenge, contact, method, proves, registrar, reply, tls, udp, udp_to,
};
use ladder::redacted;
use sip::{
    Command, Event, Protocol, TrunkCommand, TrunkEvent, Unregistered,
    locate::{Hop, Locate, Place, Query, Record},
    redact::Pii,
};
use world::{SDP, described, field};

/// The registrar's 200: our binding for so long, and that of somebody else.
fn granted(request: &str, expires: u32, fields: &str) -> String {
    let fields = format!(
        "Contact: <sip:other@203.0.113.9>;expires=3600, <sip:room17token@10.0.0.1:5062;x=y>;expires={expires}\r\n\
         {fields}"
    );
    reply(request, "200 OK", "r", &fields, "")
}

fn registered(expires: u64) -> TrunkEvent {
    TrunkEvent::Registered {
        expires: Duration::from_secs(expires),
        public: None,
    }
}

#[test]
fn ladder_of_a_registration_with_sha_256() {
    let mut nonce = "one";
    let mut count = 0;
    let mut network = Network::answering(move |request| {
        count += 1;
        if count == 3 {
            assert!(proves(request, "Authorization", nonce), "known before");
            assert!(request.contains("nc=00000002"));
            nonce = "two";
            let stale = challenge(
                "WWW-Authenticate",
                "SHA-256",
                nonce,
                ", qop=\"auth\", stale=true",
            );
            return vec![reply(request, "401 Unauthorized", "r", &stale, "")];
        }
        if !proves(request, "Authorization", nonce) {
            let sha = |more| challenge("WWW-Authenticate", "SHA-256", nonce, more);
            let md5 = challenge("WWW-Authenticate", "MD5", nonce, ", qop=\"auth\"");
            let rows = md5 + &sha(", qop=\"auth,auth-int\", opaque=\"o\"");
            return vec![reply(request, "401 Unauthorized", "r", &rows, "")];
        }
        let expires = field(request, "Expires").unwrap().parse().unwrap();
        vec![granted(request, expires, "")]
    });
    network.lost = Box::new(|number, _| number == 0);
    network.register(registrar(), udp());
    network.run_seconds(299);
    assert_eq!(network.trunk_events(), [registered(600)]);
    assert_eq!(network.requests("REGISTER"), 2);
    network.run_seconds(10);
    network.trunk(TrunkCommand::Unregister);
    network.run_seconds(40);
    insta::assert_snapshot!("register_digest_sha256", redacted(&network.ladder()));
    assert_eq!(
        network.trunk_events(),
        [
            registered(600),
            registered(600),
            TrunkEvent::Unregistered(Unregistered::Left)
        ]
    );
    assert!(network.is_idle());
    assert_eq!(
        network.endpoint.poll_timeout(),
        None,
        "nothing is asked any more"
    );
    assert!(!network.ladder().contains("canary-password"));
    assert!(!format!("{:?} {:?}", network.events, network.endpoint).contains("canary"));
}

#[test]
fn ladder_of_a_registration_with_md5_of_the_old_kind() {
    let mut network = Network::answering(|request| {
        if proves(request, "Authorization", "n") {
            return vec![granted(request, 600, "")];
        }
        let row = challenge("WWW-Authenticate", "MD5", "n", "");
        vec![reply(request, "401 Unauthorized", "r", &row, "")]
    });
    network.register(registrar(), udp());
    network.run_seconds(1);
    insta::assert_snapshot!("register_md5", redacted(&network.ladder()));
    assert_eq!(network.trunk_events(), [registered(600)]);
}

#[test]
fn wrong_credentials_are_sent_once_in_twenty_minutes() {
    for realm in [None, Some("other.example".to_owned())] {
        let tries = if realm.is_none() { 2 } else { 1 };
        let mut network = Network::answering(|request| {
            let row = challenge("WWW-Authenticate", "MD5", "n", ", qop=\"auth\"");
            vec![reply(request, "401 Unauthorized", "r", &row, "")]
        });
        let mut registrar = registrar();
        registrar.account.realm = realm;
        network.register(registrar, udp());
        network.run_seconds(19 * 60);
        let refused = TrunkEvent::Unregistered(Unregistered::Credentials);
        assert_eq!(network.trunk_events(), [refused]);
        assert_eq!(network.requests("REGISTER"), tries);
        network.run_seconds(2 * 60);
        // What is known of the challenge is used at once, and then tried once more.
        assert_eq!(network.requests("REGISTER"), 2 * tries);
    }
}

/// A registrar that takes each nonce once, does not say `stale`, and asks for all that may be asked between.
fn once(request: &str, next: &mut usize, wanted: &mut Vec<&'static str>) -> String {
    if !proves(request, "Authorization", &format!("n{next}")) {
        *next += 1;
        let nonce = format!("n{next}");
        let row = challenge("WWW-Authenticate", "MD5", &nonce, ", qop=\"auth\"");
        return reply(request, "401 Unauthorized", "r", &row, "");
    }
    // The nonce is spent.
    *next += 1;
    match wanted.pop() {
        Some("423") => {
            let fields = "Min-Expires: 1200\r\n";
            reply(request, "423 Interval Too Brief", "r", fields, "")
        }
        Some("494") => {
            let fields = "Security-Server: sdes-srtp;mediasec\r\n";
            reply(request, "494 Security Agreement Required", "r", fields, "")
        }
        _ => {
            let seen = ";received=203.0.113.77;rport=40000";
            granted(request, 1_200, "").replacen(";rport", seen, 1)
        }
    }
}

#[test]
fn ladder_of_a_registrar_whose_nonces_count_once() {
    let (mut next, mut wanted) = (0, vec!["423", "494"]);
    let mut network =
        Network::answering(move |request| vec![once(request, &mut next, &mut wanted)]);
    let registrar = sip::Registrar {
        mediasec: true,
        ..registrar()
    };
    network.register(registrar, udp());
    network.run_seconds(1);
    insta::assert_snapshot!("register_nonces_once", redacted(&network.ladder()));
    network.run_seconds(600);
    let public = Some(Pii::new("203.0.113.77:40000".parse().unwrap()));
    let known = TrunkEvent::Registered {
        expires: Duration::from_secs(1_200),
        public,
    };
    assert_eq!(network.trunk_events(), [known.clone(), known]);
    network.trunk(TrunkCommand::Unregister);
    network.run_seconds(40);
    let left = TrunkEvent::Unregistered(Unregistered::Left);
    assert_eq!(network.trunk_events()[2..], [left]);
    assert!(network.ladder().contains("\n      Expires: 0\n"));
}

#[test]
fn the_realm_that_has_accepted_us_is_the_only_one_from_then_on() {
    let mut network = Network::answering(|request| {
        let row = challenge("WWW-Authenticate", "MD5", "n", ", qop=\"auth\"");
        match field(request, "CSeq").unwrap() {
            "1 REGISTER" => vec![reply(request, "401 Unauthorized", "r", &row, "")],
            "2 REGISTER" => vec![granted(request, 600, "")],
            _ => {
                let other = row.replace("carrier.example", "other.example");
                vec![reply(request, "401 Unauthorized", "r", &other, "")]
            }
        }
    });
    network.register(registrar(), udp());
    network.run_seconds(400);
    let refused = TrunkEvent::Unregistered(Unregistered::Credentials);
    assert_eq!(network.trunk_events(), [registered(600), refused]);
    assert_eq!(network.requests("REGISTER"), 3);
    assert!(
        !network
            .ladder()
            .contains("other.example\", nonce=\"n\", uri")
    );
}

#[test]
fn ladder_of_a_registration_that_is_too_brief() {
    let mut network = Network::answering(|request| {
        let asked: u32 = field(request, "Expires").unwrap().parse().unwrap();
        if asked < 1_800 {
            let fields = "Min-Expires: 1800\r\n";
            return vec![reply(request, "423 Interval Too Brief", "r", fields, "")];
        }
        vec![granted(request, asked, "")]
    });
    network.register(registrar(), udp());
    network.run_seconds(1);
    insta::assert_snapshot!("register_423", redacted(&network.ladder()));
    network.run_seconds(901);
    assert_eq!(
        network.trunk_events(),
        [registered(1_800), registered(1_800)]
    );
}

#[test]
fn ladder_of_a_refused_account() {
    for (status, snapshot) in [("403 Forbidden", true), ("404 Not Found", false)] {
        let mut network =
            Network::answering(move |request| vec![reply(request, status, "r", "", "")]);
        network.register(registrar(), udp());
        network.run_seconds(20 * 60 + 1);
        if snapshot {
            insta::assert_snapshot!("register_403_slow", redacted(&network.ladder()));
        }
        let refused = status[..3].parse().unwrap();
        let refused = TrunkEvent::Unregistered(Unregistered::Refused(refused));
        assert_eq!(network.trunk_events(), [refused.clone(), refused]);
    }
}

#[test]
fn ladder_of_a_public_address_that_is_learned_and_moves() {
    let mut count = 0;
    let mut network = Network::answering(move |request| {
        count += 1;
        let port = if count < 3 { 40_000 } else { 40_001 };
        let seen = format!(";received=203.0.113.77;rport={port}");
        vec![granted(request, 600, "").replacen(";rport", &seen, 1)]
    });
    network.register(registrar(), udp());
    network.run_seconds(301);
    insta::assert_snapshot!("register_moved_public_address", redacted(&network.ladder()));
    let at = |port| TrunkEvent::Registered {
        expires: Duration::from_secs(600),
        public: Some(Pii::new(format!("203.0.113.77:{port}").parse().unwrap())),
    };
    assert_eq!(network.trunk_events(), [at(40_000), at(40_001)]);
}

#[test]
fn an_address_that_moves_with_every_request_is_told_once_each_time() {
    let mut port = 40_000;
    let mut network = Network::answering(move |request| {
        port += 1;
        let seen = format!(";received=203.0.113.77;rport={port}");
        vec![granted(request, 600, "").replacen(";rport", &seen, 1)]
    });
    network.register(registrar(), udp());
    network.run_seconds(299);
    assert_eq!(network.requests("REGISTER"), 2);
    assert_eq!(network.trunk_events().len(), 1);
}

/// Two servers of the carrier, located by SRV.
fn hops() -> Vec<Hop> {
    let place = Place {
        host: "carrier.example".to_owned(),
        port: None,
        protocol: Some(Protocol::Udp),
        secure: false,
    };
    let mut locate = Locate::new(place, 7);
    while let Some(query) = locate.poll_query() {
        let srv = |priority, target: &str| Record::Srv {
            priority,
            weight: 1,
            port: 5060,
            target: target.to_owned(),
        };
        let address = |text: &str| vec![Record::Address(text.parse().unwrap())];
        let records = match &query {
            Query::Srv(_) => vec![srv(2, "b.carrier.example"), srv(1, "a.carrier.example")],
            Query::Addresses(name) if name.starts_with('a') => address("198.51.100.10"),
            Query::Addresses(_) => address("198.51.100.20"),
            Query::Naptr(_) => Vec::new(),
        };
        locate.handle(&query, &records);
    }
    locate.into_hops()
}

#[test]
fn ladder_of_a_registration_that_fails_over() {
    let hops: Vec<_> = hops().iter().map(|hop| hop.address.to_string()).collect();
    assert_eq!(hops, ["198.51.100.10:5060", "198.51.100.20:5060"]);
    let mut network = Network::new(|request, flow| {
        if flow == udp() {
            return Vec::new();
        }
        vec![(Duration::ZERO, granted(request, 600, ""))]
    });
    network.register(registrar(), udp_to(&hops[0]));
    network.run_seconds(33);
    let lost = [
        TrunkEvent::Unregistered(Unregistered::Unreachable),
        TrunkEvent::WantsFlow,
    ];
    assert_eq!(network.trunk_events(), lost);
    let flow = udp_to(&hops[1]);
    network.trunk(TrunkCommand::Rebind {
        flow,
        moves_calls: true,
    });
    network.run_seconds(1);
    insta::assert_snapshot!("register_failover", redacted(&network.ladder()));
    assert_eq!(network.trunk_events()[2..], [registered(600)]);
}

#[test]
fn a_registrar_that_fails_is_tried_again_less_and_less_often() {
    let mut network = Network::answering(|request| vec![reply(request, "500 Oops", "r", "", "")]);
    network.register(registrar(), udp());
    let mut tries = Vec::new();
    for _ in 0..240 {
        network.run_seconds(60);
        tries.push(network.requests("REGISTER"));
    }
    assert!((2..=5).contains(&tries[0]), "{tries:?}");
    assert!(tries[59] >= 5 && tries[239] - tries[179] <= 4, "{tries:?}");
    assert!(tries[239] - tries[119] >= 3, "never given up: {tries:?}");

    let mut network = Network::answering(|request| {
        let fields = "Retry-After: 90 (soon);duration=9\r\n";
        vec![reply(request, "503 Service Unavailable", "r", fields, "")]
    });
    network.register(registrar(), udp());
    network.run_seconds(89);
    assert_eq!(network.requests("REGISTER"), 1);
    network.run_seconds(2);
    assert_eq!(network.requests("REGISTER"), 2);
}

#[test]
fn ladder_of_a_lost_connection_whose_call_lives() {
    let mut network = Network::answering(|request| match method(request) {
        "REGISTER" => vec![granted(request, 600, "")],
        "ACK" => Vec::new(),
        _ => vec![reply(request, "200 OK", "phone", "", "")],
    });
    network.register(registrar(), tls(1));
    network.run_seconds(1);
    let invite = world::Message {
        body: SDP,
        ..world::Message::new("INVITE", 1, "a")
    };
    network.say(tls(1), &invite.text());
    network.run_seconds(1);
    let call = network.events.iter().find_map(world::invited).unwrap();
    let Some(Event::Invite { offer, .. }) = network.events.last() else {
        panic!("no INVITE arrived");
    };
    let sdp = described(offer.as_ref());
    network.command(Command::Accept { call, sdp });
    network.run_seconds(1);
    let answered = network.heard.last().unwrap();
    let tag = field(answered, "To")
        .unwrap()
        .split_once(";tag=")
        .unwrap()
        .1
        .to_owned();
    let ack = world::Message {
        to_tag: &tag,
        ..world::Message::new("ACK", 1, "b")
    };
    network.say(tls(1), &ack.text());
    network.run_seconds(1);
    network.clear_ladder();
    network.close(tls(1));
    assert_eq!(
        network.trunk_events(),
        [
            registered(600),
            TrunkEvent::Unregistered(Unregistered::Unreachable),
            TrunkEvent::WantsFlow
        ]
    );
    assert_eq!(network.ended(), None);
    network.trunk(TrunkCommand::Rebind {
        flow: tls(2),
        moves_calls: true,
    });
    network.run_seconds(1);
    network.hang_up(call);
    network.run_seconds(40);
    insta::assert_snapshot!(
        "flow_lost_reregister_call_lives",
        redacted(&network.ladder())
    );
    assert_eq!(network.trunk_events()[3..], [registered(600)]);
    assert!(network.ladder().contains("carrier#2 ◀─── us  BYE"));
    assert!(network.is_idle());
}

#[test]
fn a_connection_that_stays_lost_is_wanted_again_and_again() {
    let mut network = Network::answering(|request| vec![granted(request, 600, "")]);
    network.register(registrar(), tls(1));
    network.run_seconds(1);
    network.close(tls(1));
    network.run_seconds(600);
    let events = network.trunk_events();
    let wanted = |event: &&TrunkEvent| **event == TrunkEvent::WantsFlow;
    assert!(
        (3..8).contains(&events.iter().filter(wanted).count()),
        "{events:?}"
    );
    assert_eq!(network.requests("REGISTER"), 1);
}

#[test]
fn ladder_of_a_trunk_that_goes_silent_and_comes_back() {
    let mut network =
        Network::answering(|request| vec![reply(request, "404 Not Found", "r", "", "")]);
    let uri = "sip:carrier.example".to_owned();
    network.trunk(TrunkCommand::Probe { uri, flow: udp() });
    network.run_seconds(30);
    let alive = TrunkEvent::Alive {
        round_trip: Duration::from_millis(20),
    };
    assert_eq!(network.trunk_events(), std::slice::from_ref(&alive));
    network.lost = Box::new(|_, to_us| to_us);
    network.run_seconds(4 * 92);
    let silent = [alive.clone(), TrunkEvent::Silent, TrunkEvent::WantsFlow];
    assert_eq!(network.trunk_events(), silent);
    network.lost = Box::new(|_, _| false);
    network.clear_ladder();
    network.run_seconds(60);
    insta::assert_snapshot!("options_down_up", redacted(&network.ladder()));
    assert_eq!(network.trunk_events()[3..], [alive]);
    network.trunk(TrunkCommand::Unregister);
    network.run_seconds(40);
    assert_eq!(network.endpoint.poll_timeout(), None);

    let mut proxied = Network::answering(|request| vec![reply(request, "503 No", "r", "", "")]);
    let uri = "sip:carrier.example".to_owned();
    proxied.trunk(TrunkCommand::Probe { uri, flow: udp() });
    proxied.run_seconds(150);
    let silent = [TrunkEvent::Silent, TrunkEvent::WantsFlow];
    assert_eq!(proxied.trunk_events(), silent);
}

#[test]
fn ladder_of_another_server_that_is_sounded_while_the_trunk_is_registered() {
    let mut network = Network::answering(|request| match method(request) {
        "REGISTER" => vec![granted(request, 600, "")],
        _ => vec![reply(request, "404 Not Found", "r", "", "")],
    });
    network.register(registrar(), udp_to("198.51.100.11:5060"));
    network.run_seconds(1);
    network.clear_ladder();
    let uri = "sip:carrier.example".to_owned();
    let sound = |flow| TrunkCommand::Sound {
        uri: uri.clone(),
        flow,
    };
    network.trunk(sound(udp()));
    network.run_seconds(1);
    insta::assert_snapshot!("sounded", redacted(&network.ladder()));
    let answers = TrunkEvent::Sounded { answers: true };
    assert_eq!(network.trunk_events(), [registered(600), answers]);

    // Nobody is there, or only a proxy before nobody; the registration stays where it is.
    network.script = Box::new(|_, _| Vec::new());
    network.trunk(sound(udp()));
    network.run_seconds(31);
    assert_eq!(network.trunk_events().len(), 2, "it may take long");
    network.run_seconds(2);
    network.script = Box::new(|request, _| {
        let answer = reply(request, "503 No", "r", "", "");
        vec![(Duration::ZERO, answer)]
    });
    network.trunk(sound(tls(7)));
    network.run_seconds(1);
    let silent = TrunkEvent::Sounded { answers: false };
    assert_eq!(network.trunk_events()[2..], [silent.clone(), silent]);
    assert_eq!(network.requests("REGISTER"), 1);
}

#[test]
fn ladder_of_a_registration_with_mediasec_and_of_a_call_over_its_service_route() {
    let mut network = Network::answering(|request| {
        let servers = "Security-Server: msrp-tls;mediasec\r\nSecurity-Server: sdes-srtp;mediasec\r\n\
            Security-Server: dtls-srtp;mediasec\r\n";
        let header = if method(request) == "INVITE" {
            "Proxy-Authorization"
        } else {
            "Authorization"
        };
        match (method(request), proves(request, header, "n")) {
            ("REGISTER", false) => {
                let row = challenge("WWW-Authenticate", "MD5", "n", ", qop=\"auth\"");
                let rows = row + servers;
                vec![reply(request, "401 Unauthorized", "r", &rows, "")]
            }
            ("REGISTER", true) => {
                let route =
                    "Service-Route: <sip:a.carrier.example;lr>, <sip:b.carrier.example;lr>\r\n";
                vec![granted(request, 600, route)]
            }
            ("INVITE", false) => {
                let row = challenge("Proxy-Authenticate", "MD5", "n", ", qop=\"auth\"");
                vec![reply(
                    request,
                    "407 Proxy Authentication Required",
                    "p",
                    &row,
                    "",
                )]
            }
            ("INVITE", true) => vec![reply(request, "200 OK", "b", &contact("b"), ANSWER)],
            ("BYE", _) => vec![reply(request, "200 OK", "b", "", "")],
            _ => Vec::new(),
        }
    });
    let registrar = sip::Registrar {
        mediasec: true,
        instance: Some([0xab; 16]),
        proxy: Some("sip:proxy.carrier.example".to_owned()),
        ..registrar()
    };
    network.register(registrar, tls(1));
    network.run_seconds(1);
    assert_eq!(network.trunk_events(), [registered(600)]);
    let call = network.dial(tls(1), Some(carrier::TRUNK));
    network.run_seconds(1);
    network.hang_up(call);
    network.run_seconds(40);
    insta::assert_snapshot!("register_mediasec_and_call", redacted(&network.ladder()));
    let answered = |event: &Event| matches!(event, Event::Answered { .. });
    assert_eq!(network.count(answered), 1);
    assert!(network.is_idle());
}

/// Whatever a registrar answers, there is an end to what it makes us do, and it is told.
#[test]
fn no_registrar_keeps_us_busy() {
    let hostile = [
        "200 OK|Contact: <sip:room17token@h>;expires=0\r\n",
        "200 OK|Contact: <sip:room17token@h>;expires=99999999999999999999\r\n",
        "200 OK|Contact: *\r\n",
        "200 OK|Contact: ,,;;<\r\nService-Route: ,<;\r\n",
        "200 OK|Expires: 1\r\n",
        "301 Moved|Contact: <sip:elsewhere.example>\r\n",
        "401 Unauthorized|",
        "401 Unauthorized|WWW-Authenticate: Digest\r\n",
        "407 No|Proxy-Authenticate: Digest realm=\"r\", nonce=\"n\", stale=true\r\n",
        "423 Brief|",
        "423 Brief|Min-Expires: 0\r\n",
        "423 Brief|Min-Expires: 99999999999\r\n",
        "423 Brief|Min-Expires: 86400\r\n",
        "494 Agree|Security-Server: a\r\n",
        "503 Later|Retry-After: 0\r\n",
        "503 Later|Retry-After: 99999999999999999999\r\n",
        "699 Never|",
    ];
    for case in hostile {
        let (status, fields) = case.split_once('|').unwrap();
        let mut network =
            Network::answering(move |request| vec![reply(request, status, "r", fields, "")]);
        let registrar = sip::Registrar {
            mediasec: true,
            ..registrar()
        };
        network.register(registrar, udp());
        network.run_seconds(3_600);
        let sent = network.requests("REGISTER");
        assert!((1..=720).contains(&sent), "{case}: {sent} in an hour");
        assert!(!network.trunk_events().is_empty(), "{case}");
        assert!(!network.ladder().contains("elsewhere.example;"), "{case}");
    }
}
