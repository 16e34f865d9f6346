//! A caller's way in: from INVITE through the code to the conference, and all the ways not to get there.

use std::time::Duration;

use dsp::Codec;
use insta::assert_snapshot;

use crate::sim::{
    now,
    phone::{Offer, Phone, State},
    world::World,
};

/// A world with a telephone that has just been greeted at a number.
async fn called(number: &str) -> (World, Phone) {
    let mut world = World::new(1);
    let alice = world.phone("alice");
    alice.dials(number);
    world.run_until(|_| alice.is_up()).await;
    world.run_for(SECOND / 10).await;
    (world, alice)
}

/// Types and waits for the verdict.
async fn types(world: &mut World, phone: &Phone, keys: &str) {
    phone.types(keys);
    world.run_until(|_| phone.has_typed()).await;
    world.run_for(SECOND).await;
}

#[tokio::test(start_paused = true)]
async fn the_right_code_lets_in() {
    let (mut world, alice) = called("bridge").await;
    world.run_for(3 * SECOND).await;
    let code = world.room().code();
    types(&mut world, &alice, &code).await;
    world.run_for(5 * SECOND).await;
    alice.hangs_up();
    world.run_for(SECOND).await;
    assert_snapshot!(world.ladder.plain(), @r"
    alice → INVITE bridge
    alice ← 200 INVITE
    alice ♪ hello ask-code
    alice presses ············
    alice ♪ thanks present-1 not-recorded not-heard-yet to-speak
    alice → BYE
    alice ← 200 BYE
    ");
    assert_eq!(world.server.census().admitted(), 1);
    assert_eq!(world.legs(), [0, 0]);
}

#[tokio::test(start_paused = true)]
async fn the_prompt_is_heard() {
    let (mut world, alice) = called("bridge").await;
    let start = now();
    world.run_for(SECOND).await;
    let heard = alice.heard_since(start);
    let tone = crate::sim::ear::heard(&[crate::sim::clip::CLIP_HZ], &heard.samples, heard.rate);
    assert!(
        tone.level_dbfs > -25.0 && tone.over_rest_db() > 20.0,
        "{tone:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn keys_interrupt_the_greeting_and_count() {
    let (mut world, alice) = called("bridge").await;
    let code = world.room().code();
    types(&mut world, &alice, &code).await;
    assert_eq!(
        world.ladder.said_to("alice"),
        [
            "hello ask-code",
            "hush",
            "thanks present-1 not-recorded not-heard-yet to-speak"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_pound_sign_is_swallowed_where_habit_puts_it() {
    let (mut world, alice) = called("bridge").await;
    let code = world.room().code();
    let keys = format!("#{}#{}#", &code[..4], &code[4..]);
    types(&mut world, &alice, &keys).await;
    assert_eq!(world.server.census().admitted(), 1);
    let said = world.ladder.said_to("alice");
    assert!(
        !said.iter().any(|words| words.starts_with("too-short")),
        "{said:?}"
    );
}

/// A key that is pressed too much, or by a cheek, takes no words away.
#[tokio::test(start_paused = true)]
async fn a_lone_key_does_not_interrupt_the_welcome() {
    let (mut world, alice) = called("bridge").await;
    let code = world.room().code();
    types(&mut world, &alice, &code).await;
    world.run_for(Duration::from_secs(2)).await;
    types(&mut world, &alice, "#4*").await;
    let welcome = "thanks present-1 not-recorded not-heard-yet to-speak";
    let said = world.ladder.said_to("alice");
    assert_eq!(said.last().unwrap(), welcome, "{said:?}");
    types(&mut world, &alice, "6").await;
    assert_eq!(
        world.ladder.said_to("alice")[3..],
        ["hush", "microphone-on"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_star_begins_again() {
    let (mut world, alice) = called("bridge").await;
    let code = world.room().code();
    types(&mut world, &alice, &format!("47{}*{code}", "99")).await;
    assert_eq!(
        world.ladder.said_to("alice")[1..4],
        ["hush", "ask-code", "hush"]
    );
    assert_eq!(world.server.census().admitted(), 1);
}

#[tokio::test(start_paused = true)]
async fn silence_is_met_with_patience_and_ends_after_all() {
    let (mut world, alice) = called("bridge").await;
    let asked = world.ladder.at("hello").unwrap();
    world
        .run_until(|w| w.ladder.said_to("alice").len() == 2)
        .await;
    let patience = now() - asked;
    // Two clips of a second, then 20 s.
    assert!(
        (22.0..22.1).contains(&patience.as_secs_f64()),
        "{patience:?}"
    );
    world.run_until(|_| !alice.is_up()).await;
    let said = world.ladder.said_to("alice");
    assert_eq!(said[1..6], ["take-your-time ask-code"; 5]);
    assert_eq!(said[6..], ["too-long-silent"]);
    assert!(matches!(alice.state(), State::Dismissed(_)));
    assert!(world.elapsed() > Duration::from_secs(120));
}

#[tokio::test(start_paused = true)]
async fn three_wrong_codes_end_the_call_with_a_goodbye() {
    let (mut world, alice) = called("bridge").await;
    for _ in 0..3 {
        types(&mut world, &alice, "471100000000").await;
    }
    world.run_until(|_| !alice.is_up()).await;
    world.run_for(SECOND).await;
    assert_snapshot!(world.ladder.plain(), @r"
    alice → INVITE bridge
    alice ← 200 INVITE
    alice ♪ hello ask-code
    alice presses ············
    alice ♪ hush
    alice ♪ wrong-code ask-code
    alice presses ············
    alice ♪ hush
    alice ♪ wrong-code ask-code
    alice presses ············
    alice ♪ hush
    alice ♪ too-many-tries
    alice ← BYE
    ");
    let words = now() - world.ladder.at("too-many-tries").unwrap();
    assert!(words >= SECOND, "the goodbye was cut off");
    let census = world.server.census();
    assert_eq!((census.admitted(), census.wrong_codes()), (0, 3));
    assert_eq!(world.legs(), [0, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_missing_room_sounds_like_a_wrong_pin() {
    let mut ladders = Vec::new();
    for number in ["4711", "4799"] {
        let (mut world, alice) = called("bridge").await;
        types(&mut world, &alice, &format!("{number}00000000")).await;
        world.run_for(SECOND).await;
        ladders.push(world.ladder.timed());
    }
    assert_eq!(ladders[0], ladders[1]);
    assert!(ladders[0].contains("wrong-code"));
}

#[tokio::test(start_paused = true)]
async fn the_number_of_the_installation_asks_for_the_whole_code() {
    let (mut world, alice) = called("+4930555000").await;
    let code = world.room().code();
    types(&mut world, &alice, &code).await;
    assert_eq!(world.ladder.said_to("alice")[0], "hello ask-code");
    assert_eq!(world.server.census().admitted(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_room_number_asks_for_the_pin_alone() {
    let (mut world, alice) = called("4711").await;
    let pin = world.room().code()[4..].to_owned();
    types(&mut world, &alice, &pin).await;
    assert_eq!(world.ladder.said_to("alice")[0], "hello ask-pin");
    assert_eq!(world.server.census().admitted(), 1);
}

#[tokio::test(start_paused = true)]
async fn numbers_that_are_not_ours_are_answered_404() {
    let mut world = World::new(1);
    for number in [
        "110",
        "112",
        "47990",
        "nobody",
        "0112",
        "urn:service:sos",
        "urn:service:sos.police",
        "tel:112",
    ] {
        let phone = world.phone("alice");
        phone.dials(number);
        world.run_until(|_| phone.state() != State::Calling).await;
        assert_eq!(phone.state(), State::Refused(404), "{number}");
    }
    world.run_for(40 * SECOND).await;
    assert_eq!(world.legs(), [0, 0]);
}

#[tokio::test(start_paused = true)]
async fn no_common_codec_is_answered_488() {
    let mut world = World::new(1);
    let alice = world.phone("alice");
    alice.offers(Offer::Raw(
        "m=audio 4000 RTP/AVP 18\r\na=rtpmap:18 G729/8000\r\n".to_owned(),
    ));
    alice.dials("bridge");
    world.run_for(SECOND).await;
    assert_eq!(alice.state(), State::Refused(488));
}

#[tokio::test(start_paused = true)]
async fn video_is_refused_and_audio_taken() {
    let mut world = World::new(1);
    let alice = world.phone("alice");
    alice.offers(Offer::And(
        "m=video 4002 RTP/AVP 99\r\na=rtpmap:99 H264/90000\r\n".to_owned(),
    ));
    alice.dials("bridge");
    world.run_for(SECOND).await;
    assert!(alice.is_up());
    let ports = alice.answer().ports;
    assert_eq!(ports.len(), 2);
    assert!(ports[0] > 0 && ports[1] == 0, "{ports:?}");
}

#[tokio::test(start_paused = true)]
async fn an_invite_without_an_offer_gets_ours() {
    for codec in [Codec::Pcma, Codec::Pcmu, Codec::G722] {
        let mut world = World::new(1);
        let alice = world.phone("alice");
        alice.offers(Offer::Delayed(codec));
        alice.dials("bridge");
        world.run_for(SECOND).await;
        let code = world.room().code();
        types(&mut world, &alice, &code).await;
        assert_eq!(world.server.census().admitted(), 1, "{codec:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_cancel_that_crosses_the_answer_leaves_nothing_behind() {
    let mut world = World::new(1);
    let alice = world.phone("alice");
    alice.dials("bridge");
    alice.cancels();
    world.run_for(SECOND).await;
    if alice.is_up() {
        alice.hangs_up();
    }
    world.run_for(SECOND).await;
    assert_eq!(world.legs(), [0, 0], "{}", world.ladder.timed());
    assert_eq!(world.server.census().admitted(), 0);
}

#[tokio::test(start_paused = true)]
async fn any_single_lost_datagram_is_made_good() {
    let mut lost = 0;
    loop {
        let mut world = World::new(lost);
        world
            .net
            .lost_signalling
            .insert(usize::try_from(lost).unwrap());
        let alice = world.phone("alice");
        alice.dials("4711");
        world.run_until(|_| alice.is_up()).await;
        world.run_for(SECOND).await;
        let pin = world.room().code()[4..].to_owned();
        types(&mut world, &alice, &pin).await;
        assert_eq!(world.server.census().admitted(), 1, "datagram {lost}");
        alice.hangs_up();
        world.run_for(3 * SECOND).await;
        assert_eq!(world.legs(), [0, 0], "datagram {lost}");
        assert_eq!(alice.finals(), [200, 200], "datagram {lost}");
        if world.net.signalled() <= usize::try_from(lost).unwrap() {
            break;
        }
        lost += 1;
    }
    assert!(lost >= 6, "INVITE, 100, 200, ACK, BYE, 200: {lost}");
}

#[tokio::test(start_paused = true)]
async fn doubled_and_overtaking_datagrams_are_one_call() {
    for seed in 0..10 {
        let mut world = World::new(seed);
        world.net.signalling.duplicate = 1.0;
        world.net.signalling.jitter = SECOND / 10;
        let alice = world.phone("alice");
        alice.dials("4711");
        world.run_until(|_| alice.is_up()).await;
        world.run_for(SECOND).await;
        assert_eq!(world.legs().iter().sum::<usize>(), 1, "seed {seed}");
        let pin = world.room().code()[4..].to_owned();
        types(&mut world, &alice, &pin).await;
        assert_eq!(world.server.census().admitted(), 1, "seed {seed}");
        alice.hangs_up();
        world.run_for(3 * SECOND).await;
        assert_eq!(world.legs(), [0, 0], "seed {seed}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_refreshed_without_an_offer_goes_on() {
    let mut world = World::new(1);
    let alice = world.phone("alice");
    alice.offers(Offer::Delayed(Codec::Pcma));
    alice.dials("4711");
    world.run_until(|_| alice.is_up()).await;
    world.run_for(SECOND).await;
    alice.refreshes();
    world.run_for(SECOND).await;
    let pin = world.room().code()[4..].to_owned();
    types(&mut world, &alice, &pin).await;
    assert_eq!(world.server.census().admitted(), 1);
    assert_eq!(alice.finals(), [200, 200]);
    world.run_for(40 * SECOND).await;
    assert!(alice.is_up(), "{}", world.ladder.timed());
}

#[tokio::test(start_paused = true)]
async fn a_lost_goodbye_is_said_again() {
    for lost in 0..2 {
        let (mut world, alice) = called("bridge").await;
        let sent = world.net.signalled();
        world.net.lost_signalling.insert(sent + lost);
        for _ in 0..3 {
            types(&mut world, &alice, "471100000000").await;
        }
        world.run_for(5 * SECOND).await;
        assert!(matches!(alice.state(), State::Dismissed(_)));
        assert!(world.net.signalled() > sent + 2, "nothing was lost");
    }
}

#[tokio::test(start_paused = true)]
async fn odd_input_is_answered_and_never_lets_in() {
    for (keys, answer) in [
        ("###", "hello ask-code"),
        ("***", "ask-code"),
        ("47#", "too-short ask-code"),
        ("47110000#", "too-short ask-code"),
        ("0", "help-code privacy privacy-by-zero ask-code"),
        ("4711000000001234567890", "wrong-code ask-code"),
    ] {
        let (mut world, alice) = called("bridge").await;
        types(&mut world, &alice, keys).await;
        let said = world.ladder.said_to("alice");
        assert!(said.iter().any(|words| words == answer), "{keys}: {said:?}");
        assert_eq!(world.server.census().admitted(), 0, "{keys}");
        assert!(alice.is_up());
    }
}

/// R1: nothing is no code, whether the room is typed or dialled, however one ends it and however long one waits.
#[tokio::test(start_paused = true)]
async fn an_empty_code_lets_nobody_in() {
    for number in ["bridge", "4711"] {
        for keys in ["", "#", "##", "####", "*", "*#", "0#"] {
            let (mut world, alice) = called(number).await;
            types(&mut world, &alice, keys).await;
            world.run_for(60 * SECOND).await;
            let census = world.server.census();
            let inside = (census.admitted(), census.conferences());
            assert_eq!(inside, (0, 0), "{number}, {keys:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn digits_after_a_right_code_make_it_wrong() {
    let (mut world, alice) = called("bridge").await;
    let code = world.room().code() + "1";
    types(&mut world, &alice, &code).await;
    assert_eq!(world.server.census().admitted(), 0);
    assert_eq!(
        world.ladder.said_to("alice").last().unwrap(),
        "wrong-code ask-code"
    );
}

const SECOND: Duration = Duration::from_secs(1);
