//! Who may call and what they may call, through the real door: spellings of numbers, strangers, limits of a trunk.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::time::Duration;

use rundruf::{
    conference::{
        event::Wording,
        participant::{Protection, Role},
    },
    http::Label,
    phone::{CallCodec, Called, DialPlan, Dialled, Finding, Lead, Trunk, Why},
    serve,
};

use crate::sim::{
    net::Datagram,
    now,
    party::comes_in,
    phone::{Manners, Offer, Phone, State},
    sip_text::Message,
    sound::Saying,
    world::{SERVER, World, everybody},
};

const SECOND: Duration = Duration::from_secs(1);
/// On no trunk of these tests.
const STRANGER: &str = "203.0.113.66:5060";

/// A trunk of an exchange in Berlin, with an English number of the room 4712 and a German one that asks for the code.
fn berlin() -> Trunk {
    let english = Dialled {
        language: Some(Wording::En),
        leads: Lead::Room("4712".to_owned()),
        ..Dialled::new("+4930555111")
    };
    Trunk {
        peers: vec!["198.51.100.0/24".parse().unwrap()],
        numbers: vec![
            Called::Rooms,
            Called::Bridge,
            Called::Number(Dialled::new("+4930555000")),
            Called::Number(english),
        ],
        plan: DialPlan {
            country: "49".to_owned(),
            area: "30".to_owned(),
        },
        ..everybody()
    }
}

/// Lets a telephone call; returns what it heard first and in which language, or how it was refused.
async fn call(world: &mut World, phone: &Phone, number: &str) -> Result<(String, Wording), u16> {
    let before = world.spoken.len();
    let said = world.ladder.said_to(&phone.name()).len();
    phone.dials(number);
    world
        .run_until(|_| !matches!(phone.state(), State::Calling))
        .await;
    if let State::Refused(status) = phone.state() {
        return Err(status);
    }
    world.run_for(SECOND / 10).await;
    let language = world.spoken[before].1;
    let words = world.ladder.said_to(&phone.name())[said].clone();
    phone.hangs_up();
    world.run_for(SECOND / 10).await;
    Ok((words, language))
}

fn german() -> (String, Wording) {
    ("hello ask-code".to_owned(), Wording::De)
}

fn english() -> (String, Wording) {
    ("hello ask-pin".to_owned(), Wording::En)
}

/// Who does not understand the greeting takes the other language before the code, and is spoken to in it inside.
#[tokio::test(start_paused = true)]
async fn a_number_offers_the_other_language_before_the_code() {
    let without = Dialled {
        offers_language: Some(false),
        ..Dialled::new("+4930555222")
    };
    let trunk = Trunk {
        numbers: vec![Called::Bridge, Called::Number(without)],
        offers_language: true,
        ..everybody()
    };
    let mut world = World::with_trunks(1, vec![trunk]);
    let alice = world.phone("alice");
    alice.dials("bridge");
    world.run_until(|_| alice.is_up()).await;
    let code = world.room().code();
    for keys in ["*", &*code] {
        world.run_for(4 * SECOND).await;
        alice.types(keys);
        world.run_until(|_| alice.has_typed()).await;
    }
    world.run_for(5 * SECOND).await;
    alice.hangs_up();
    world.run_for(SECOND).await;
    insta::assert_snapshot!(world.ladder.plain(), @r"
    alice → INVITE bridge
    alice ← 200 INVITE
    alice ♪ hello ask-code this-language
    alice presses ·
    alice ♪ language-chosen ask-code this-language
    alice presses ············
    alice ♪ thanks present-1 not-recorded not-heard-yet to-speak
    alice → BYE
    alice ← 200 BYE
    ");
    let languages: Vec<Wording> = world.spoken.iter().map(|(_, wording)| *wording).collect();
    // An offer is made in the language that it is about; the room's German waits for who wants it.
    use Wording::{De, En};
    assert_eq!(languages[..6], [De, De, En, En, En, De]);
    assert!(
        languages[6..].iter().all(|wording| *wording == En),
        "{languages:?}"
    );
    let bob = world.phone("bob");
    let said = call(&mut world, &bob, "sip:+4930555222@192.0.2.1").await;
    assert_eq!(said, Ok(german()), "the number does without");
}

#[tokio::test(start_paused = true)]
async fn a_number_in_each_spelling_gets_its_language_and_room() {
    let mut world = World::with_trunks(1, vec![berlin()]);
    let alice = world.phone("alice");
    // As written by a router at home, by carriers, by hosted exchanges and by exchanges of one's own.
    for target in [
        "sip:+4930555111@192.0.2.1",
        "sip:+4930555111@192.0.2.1;user=phone",
        "sip:004930555111@192.0.2.1",
        "sip:4930555111@192.0.2.1:5060;transport=udp",
        "sip:030555111@192.0.2.1",
        "sip:555111@192.0.2.1",
        "sips:+4930555111@192.0.2.1",
        "tel:+4930555111",
        "tel:+49-30-555-111",
        "tel:555111;phone-context=+4930",
        "tel:030555111;phone-context=+49",
        "sip:030555111;phone-context=+49@example.net;user=phone",
        "sip:+4930555111;npdi@example.net;user=phone",
        "sip:+4930555111;rn=+49199;npdi@example.net;user=phone",
        "sip:555111;phone-context=example.net@192.0.2.1;user=phone",
        "sip:+49-30-555.111@192.0.2.1;user=phone",
        "sip:%2B4930555111@192.0.2.1",
        "sip:(030)555111@192.0.2.1",
    ] {
        assert_eq!(
            call(&mut world, &alice, target).await,
            Ok(english()),
            "{target}"
        );
        let other = target
            .replace("555111", "555000")
            .replace("555.111", "555.000");
        let other = other.replace("555-111", "555-000");
        assert_eq!(
            call(&mut world, &alice, &other).await,
            Ok(german()),
            "{other}"
        );
    }
    for target in [
        "sip:+4940555111@192.0.2.1",
        "sip:+43555111@192.0.2.1",
        "sip:0555111@192.0.2.1",
        "sip:555111;phone-context=+4940@192.0.2.1",
        "tel:030555111;phone-context=+43",
        "sip:+49305551110@192.0.2.1",
        "sip:+493055511@192.0.2.1",
    ] {
        assert_eq!(call(&mut world, &alice, target).await, Err(404), "{target}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_fixed_room_is_the_one_that_is_entered() {
    let mut world = World::with_trunks(1, vec![berlin()]);
    let alice = world.phone("alice");
    alice.dials("030555111");
    world.run_until(|_| alice.is_up()).await;
    world.run_for(4 * SECOND).await;
    let pin = world.rooms[1].pin(Role::Guest);
    alice.types(&pin);
    world.run_until(|_| alice.has_typed()).await;
    world.run_for(SECOND).await;
    assert_eq!(world.server.census().admitted(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_called_party_comes_before_the_request_and_to_comes_last() {
    let mut world = World::with_trunks(1, vec![berlin()]);
    let alice = world.phone("alice");
    // A registered address is called; the carrier says which number it was called by.
    alice.adds("P-Called-Party-ID: <sip:+4930555111@example.net;user=phone>\r\n");
    alice.names("sip:bridge@192.0.2.1");
    assert_eq!(
        call(&mut world, &alice, "sip:f81d4fae7dec@192.0.2.1").await,
        Ok(english())
    );
    assert_eq!(call(&mut world, &alice, "bridge").await, Ok(english()));
    // Without it, the number stands in To.
    alice.adds("");
    alice.names("sip:030555111@192.0.2.1");
    assert_eq!(
        call(&mut world, &alice, "f81d4fae7dec").await,
        Ok(english())
    );
    assert_eq!(call(&mut world, &alice, "030555000").await, Ok(german()));
    // Two called parties are none.
    alice.adds("P-Called-Party-ID : <sip:bridge@h>\r\nP-Called-Party-ID: <sip:030555000@h>\r\n");
    assert_eq!(
        call(&mut world, &alice, "f81d4fae7dec").await,
        Ok(english())
    );
    for number in ["112", "110", "0112", "urn:service:sos", "+49112"] {
        assert_eq!(call(&mut world, &alice, number).await, Err(404), "{number}");
    }
}

/// Requests as scanners send them, and what is no SIP at all.
fn knocks() -> Vec<Vec<u8>> {
    let request = |method: &str, target: &str, branch: usize| {
        format!(
            "{method} {target} SIP/2.0\r\nVia: SIP/2.0/UDP {STRANGER};branch=z9hG4bK{branch};rport\r\n\
             Max-Forwards: 70\r\nFrom: <sip:100@{STRANGER}>;tag=x\r\nTo: <{target}>\r\n\
             Call-ID: {branch}@{STRANGER}\r\nCSeq: 1 {method}\r\nContact: <sip:100@{STRANGER}>\r\n\
             Content-Length: 0\r\n\r\n"
        )
        .into_bytes()
    };
    let methods = [
        "INVITE",
        "REGISTER",
        "OPTIONS",
        "MESSAGE",
        "SUBSCRIBE",
        "NOTIFY",
        "BYE",
        "CANCEL",
        "ACK",
        "INFO",
        "REFER",
        "UPDATE",
        "PRACK",
        "DANCE",
    ];
    let targets = [
        "sip:100@192.0.2.1",
        "sip:bridge@192.0.2.1",
        "tel:+4930555000",
        "sip:4711@h",
    ];
    let mut knocks = Vec::new();
    for method in methods {
        for target in targets {
            knocks.push(request(method, target, knocks.len()));
        }
    }
    let answer = "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=1\r\n\
                  To: <sip:a@b>;tag=2\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n\r\n";
    let binding = [
        0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
    ];
    let broken = request("INVITE", "sip:bridge@192.0.2.1", 99)[..120].to_vec();
    knocks.extend([
        answer.as_bytes().to_vec(),
        b"\r\n\r\n".to_vec(),
        b"".to_vec(),
        b"\0".to_vec(),
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(),
        binding.to_vec(),
        broken,
        vec![0xff; 60_000],
    ]);
    knocks
}

#[tokio::test(start_paused = true)]
async fn a_stranger_gets_not_one_octet() {
    let mut world = World::with_trunks(1, vec![berlin()]);
    let knocks = knocks();
    let number = u64::try_from(knocks.len()).unwrap();
    for bytes in knocks {
        world.inject(Datagram {
            from: STRANGER.parse().unwrap(),
            to: SERVER,
            bytes,
        });
    }
    world.run_for(40 * SECOND).await;
    assert!(world.departed.is_empty(), "an answer went to somebody");
    assert!(world.nowhere.is_empty());
    assert_eq!(world.counts.borrow().strangers, number);
    assert_eq!(world.counts.borrow().sip, sip::Counters::default());
    assert_eq!(world.legs(), [0, 0]);
    // Who is listed is served all the while.
    let alice = world.phone("alice");
    assert_eq!(call(&mut world, &alice, "030555111").await, Ok(english()));
    assert_eq!(world.counts.borrow().strangers, number);
}

#[tokio::test(start_paused = true)]
async fn unknown_numbers_are_refused_at_once_and_all_alike() {
    let mut world = World::with_trunks(1, vec![berlin()]);
    let mut answers = Vec::new();
    for number in [
        "100",
        "112",
        "0900123456",
        "00881612345678",
        "+4930555999",
        "bridges",
        "%00",
        "admin",
        "47110",
        "9",
        "urn:service:sos",
        "tel:+881612345678",
    ] {
        let alice = world.phone("alice");
        let (before, start) = (world.departed.len(), now());
        assert_eq!(call(&mut world, &alice, number).await, Err(404), "{number}");
        let time = now() - start;
        let sent = &world.departed[before..];
        let shapes: Vec<_> = sent.iter().map(shape).collect();
        answers.push((shapes, time));
    }
    assert!(answers[0].1 < SECOND / 5, "{:?}", answers[0].1);
    for answer in &answers {
        assert_eq!(*answer, answers[0]);
    }
    let counts = world.counts.borrow().trunks[0];
    assert_eq!((counts.unknown, counts.taken, counts.calls), (12, 0, 0));
    assert_eq!(world.legs(), [0, 0]);
}

/// A response without what it repeats of its request.
fn shape(datagram: &Datagram) -> Vec<String> {
    let message = Message::parse(&datagram.bytes);
    let head = String::from_utf8_lossy(&datagram.bytes).into_owned();
    let names = head.lines().skip(1).map(|line| {
        let name = line.split(':').next().unwrap().to_owned();
        match name.as_str() {
            "Via" | "From" | "To" | "Call-ID" => name,
            _ => line.to_owned(),
        }
    });
    std::iter::once(message.start.clone())
        .chain(names)
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_full_trunk_refuses_with_a_time_to_retry_and_leaves_others_alone() {
    let one = Trunk {
        peers: vec![
            "198.51.100.1".parse().unwrap(),
            "198.51.100.2".parse().unwrap(),
        ],
        max_calls: 1,
        ..berlin()
    };
    let mut world = World::with_trunks(1, vec![one, berlin()]);
    let (alice, bob, carol) = (
        world.phone("alice"),
        world.phone("bob"),
        world.phone("carol"),
    );
    alice.dials("bridge");
    world.run_until(|_| alice.is_up()).await;
    bob.dials("bridge");
    world
        .run_until(|_| bob.state() == State::Refused(503))
        .await;
    assert!(world.ladder.at("bob ← 503 INVITE retry after 30").is_some());
    carol.dials("bridge");
    world.run_until(|_| carol.is_up()).await;
    assert!(alice.is_up());
    assert_eq!(of(&world, "rundruf_trunk_calls"), [1, 1]);
    assert_eq!(of(&world, "rundruf_trunk_full_total"), [1, 0]);
    alice.hangs_up();
    world.run_for(SECOND).await;
    bob.dials("bridge");
    world.run_until(|_| bob.is_up()).await;
    assert_eq!(of(&world, "rundruf_trunk_calls"), [1, 1]);
    assert_eq!(of(&world, "rundruf_trunk_taken_total"), [1, 0]);
    bob.hangs_up();
    carol.hangs_up();
    world.run_for(SECOND).await;
    assert_eq!(of(&world, "rundruf_trunk_calls"), [0, 0]);
}

#[tokio::test(start_paused = true)]
async fn refusals_are_counted_by_their_kind() {
    let mut world = World::with_trunks(1, vec![berlin()]);
    let alice = world.phone("alice");
    assert_eq!(call(&mut world, &alice, "79990").await, Err(404));
    let video = "m=video 4000 RTP/AVP 31\r\n".to_owned();
    alice.offers(Offer::Raw(video));
    assert_eq!(call(&mut world, &alice, "bridge").await, Err(488));
    assert_eq!(of(&world, "rundruf_trunk_unknown_total"), [1]);
    assert_eq!(of(&world, "rundruf_trunk_unusable_total"), [1]);
    assert_eq!(of(&world, "rundruf_trunk_taken_total"), [0]);
    assert_eq!(of(&world, "rundruf_trunk_calls"), [0]);
}

/// The values of a metric, trunk by trunk.
fn of(world: &World, name: &str) -> Vec<u64> {
    let labels = serve::TrunkLabels::new(["exchange", "carrier"]);
    let metrics = serve::metrics(&world.server, &world.counts.borrow(), &labels);
    let metric = metrics.iter().find(|metric| metric.name == name).unwrap();
    let samples = metric.samples.iter().zip(["exchange", "carrier"]);
    samples
        .map(|(sample, trunk)| {
            assert_eq!(sample.label, Some(Label::Name("trunk", trunk.into())));
            sample.value
        })
        .collect()
}

#[tokio::test(start_paused = true)]
async fn what_was_found_about_the_latest_calls_is_told_without_whose_they_were() {
    let mut world = World::with_trunks(1, vec![berlin()]);
    let found = |world: &World| -> Vec<Vec<Finding>> {
        let latest = world.latest.borrow();
        latest[0].iter().map(|call| call.iter().collect()).collect()
    };
    let coded = Finding::Coded {
        codec: CallCodec::Pcma,
    };
    let protected = Finding::Protected {
        protection: Protection::None,
    };
    let phone = world.phone("alice");
    call(&mut world, &phone, "bridge").await.unwrap();
    world.run_for(SECOND).await;
    assert_eq!(found(&world), [[coded, protected, Finding::Came].to_vec()]);

    // The exchange names one address and sends from another; that no sound came says nothing before some of it was due.
    for (n, (lasting, never_heard)) in [(1, false), (5, true)].into_iter().enumerate() {
        let elsewhere = "m=audio 4000 RTP/AVP 8\r\nc=IN IP4 198.51.100.200\r\n";
        phone.offers(Offer::Raw(elsewhere.to_owned()));
        phone.dials("bridge");
        world.run_for(lasting * SECOND).await;
        phone.hangs_up();
        world.run_for(SECOND).await;
        let mut expected = vec![coded, Finding::NoEvents, protected];
        expected.extend(never_heard.then_some(Finding::NeverHeard));
        expected.push(Finding::Strangers);
        assert_eq!(found(&world)[1 + n], expected);
    }

    let g729 = "m=audio 4000 RTP/AVP 18\r\n";
    phone.offers(Offer::Raw(g729.to_owned()));
    assert_eq!(call(&mut world, &phone, "bridge").await, Err(488));
    world.run_for(SECOND).await;
    assert_eq!(
        found(&world)[3],
        [Finding::Unacceptable { why: Why::Codec }]
    );
}

/// What is told of silence and of being heard is what was so: of a telephone that is there and sends nothing while nobody speaks, and
/// of one that enters a code, as it was asked to.
#[tokio::test(start_paused = true)]
async fn a_telephone_that_is_there_has_not_fallen_silent() {
    let mut world = World::with_trunks(1, vec![berlin()]);
    for (manners, found, not_found) in [
        (Manners::Answers(200), Finding::Paused, Finding::FellSilent),
        (Manners::Answers(481), Finding::FellSilent, Finding::Paused),
    ] {
        let phone = comes_in(&mut world, "alice").await;
        phone.set_manners(manners);
        phone.say(Saying::Nothing);
        world.run_for(20 * SECOND).await;
        phone.hangs_up();
        world.run_for(SECOND).await;
        let latest = world.latest.borrow();
        let call = latest[0].iter().last().unwrap();
        assert!(call.has(|it| it == found), "{call:?}");
        assert!(!call.has(|it| it == not_found), "{call:?}");
        assert!(call.has(|it| it == Finding::HeardThere), "{call:?}");
    }
}

/// RFC 4028: a telephone that gives no sign of life is hung up on after the time that its trunk has.
#[tokio::test(start_paused = true)]
async fn each_trunk_has_a_session_interval_of_its_own() {
    let brief = Trunk {
        peers: vec!["198.51.100.1".parse().unwrap()],
        session_expires: 90 * SECOND,
        ..berlin()
    };
    let mut world = World::with_trunks(1, vec![brief, berlin()]);
    let phones = [world.phone("alice"), world.phone("bob")];
    let room = world.room();
    for phone in &phones {
        phone.adds("Supported: timer\r\n");
        phone.dials(&room.room.number);
        world.run_until(|_| phone.is_up()).await;
        world.run_for(SECOND / 10).await;
        phone.types(&room.pin(Role::Guest));
    }
    // RFC 4028 §10: the third of it, or 32 s, before its end.
    world.run_for(55 * SECOND).await;
    assert!(phones.iter().all(Phone::is_up));
    world.run_for(8 * SECOND).await;
    let [alice, bob] = &phones;
    assert!(matches!(alice.state(), State::Dismissed(_)));
    assert!(bob.is_up());
}
