//! Calls out of a conference, through the whole server: who may have whom called, what the inviter hears, who comes in.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::time::Duration;

use dsp::Codec;
use insta::assert_snapshot;
use rundruf::{
    conference::{Refusal, focus::Verb, participant::Role},
    phone::{
        Assertion, Called, DialOut, DialPlan, Dialled, DoorConfig, Duty, Outward, Shown, Trunk,
        Upkeep,
    },
    pii::Pii,
};

use crate::sim::{
    browser::Browser,
    ear::Voice,
    now,
    party::{assert_hears, assert_silent, comes_in_as, listen, opens},
    phone::{Phone, State},
    sound::Saying,
    world::{World, door_config, everybody},
};

const SECOND: Duration = Duration::from_secs(1);
const NUMBER: &str = "+4930123456";

/// A trunk whose server is the first telephone, and over which this number calls.
fn trunk(shown: Shown) -> Trunk {
    Trunk {
        numbers: vec![Called::Rooms, Called::Number(Dialled::new("+4930555000"))],
        plan: DialPlan {
            country: "49".to_owned(),
            area: "30".to_owned(),
        },
        upkeep: Some(Upkeep {
            server: "sip:198.51.100.1".parse().unwrap(),
            client: None,
            duty: Duty::Probe,
        }),
        outward: Some(Outward {
            caller: "+4930555000".to_owned(),
            assertion: Assertion::Preferred,
            shown,
        }),
        ..everybody()
    }
}

pub(crate) fn rules() -> DialOut {
    DialOut {
        prefixes: vec!["+49".to_owned()],
        minutes_per_day: 60,
        calls_per_hour: 10,
        longest: 3_600 * SECOND,
        ring: 60 * SECOND,
    }
}

/// A door that calls over such a trunk.
pub(crate) fn door(rules: DialOut, shown: Shown) -> DoorConfig {
    DoorConfig {
        dial_out: Some(rules),
        ..door_config(vec![trunk(shown)])
    }
}

/// A conference with a moderator, a guest, and a telephone that can be called.
async fn party(rules: DialOut, shown: Shown) -> (World, Phone, Browser, Browser) {
    let mut world = World::with_door(1, door(rules, shown));
    let callee = world.phone("callee");
    let carol = opens(&mut world, "carol", Role::Moderator).await;
    let dave = opens(&mut world, "dave", Role::Guest).await;
    world.run_for(SECOND).await;
    (world, callee, carol, dave)
}

/// What somebody was told, by the keys of the catalogue.
fn told(browser: &Browser) -> Vec<&'static str> {
    browser
        .told()
        .into_iter()
        .map(|event| event.key())
        .collect()
}

/// The minutes that are noted of each call.
async fn noted(world: &World) -> Vec<u32> {
    let past = world.server.past_dials().await;
    past.iter().map(|dial| dial.minutes).collect()
}

async fn calls(world: &mut World, carol: &Browser, callee: &Phone) {
    carol.does(Verb::Invite(Pii::new(NUMBER.to_owned()))).await;
    world.run_until(|_| callee.is_called()).await;
}

#[tokio::test(start_paused = true)]
async fn who_is_called_comes_in_after_the_key_and_all_see_it_from_the_beginning() {
    let (mut world, callee, carol, dave) = party(rules(), Shown::Yes).await;
    calls(&mut world, &carol, &callee).await;
    world.run_for(SECOND / 10).await;
    assert_eq!(
        dave.roster_line(),
        "Phone 1 dialing-out · carol moderator · dave"
    );
    callee.rings();
    world.run_for(SECOND / 10).await;
    assert_eq!(
        dave.roster_line(),
        "Phone 1 alerting · carol moderator · dave"
    );

    // What the network plays is heard by who had the call made, and by nobody else.
    callee.plays(Saying::Voice(Voice(2)), now());
    world.run_for(2 * SECOND).await;
    let from = listen(&mut world).await;
    let heard = |browser: &Browser| {
        let heard = browser.heard_since(from);
        Voice(2).heard_in(&heard.samples, heard.rate).level_dbfs
    };
    assert!(heard(&carol) > -30.0, "{}", heard(&carol));
    assert_silent(&dave, from);

    // After the answer they hear who invites, and nobody hears them.
    callee.say(Saying::Voice(Voice(2)));
    callee.answers(now());
    world.run_for(SECOND).await;
    let from = listen(&mut world).await;
    assert_silent(&dave, from);
    assert_silent(&carol, from);
    assert_eq!(
        dave.roster_line(),
        "Phone 1 alerting · carol moderator · dave"
    );
    callee.types("1");
    world.run_for(6 * SECOND).await;
    assert_eq!(dave.roster_line(), "Phone 1 · carol moderator · dave");
    let from = listen(&mut world).await;
    assert_silent(&dave, from);
    callee.types("66");
    world.run_for(3 * SECOND).await;
    let from = listen(&mut world).await;
    assert_hears(&dave, from, &[Voice(2)]);
    callee.hangs_up();
    world.run_for(SECOND).await;
    assert_eq!(dave.roster_line(), "carol moderator · dave");
    assert_snapshot!(world.ladder.plain());
    let invite = callee.asked().unwrap();
    assert_eq!(
        invite.start,
        "INVITE sip:+4930123456@198.51.100.1;user=phone SIP/2.0"
    );
    assert_eq!(
        invite.field("P-Preferred-Identity"),
        "<sip:+4930555000@198.51.100.1;user=phone>"
    );
    assert_eq!(invite.fields("Privacy").next(), None);
    assert_eq!(noted(&world).await, [1]);
}

/// Our INVITE offered all codecs and two were answered: the callee may change between them at any time (RFC 3264 §6.1).
#[tokio::test(start_paused = true)]
async fn who_is_called_is_heard_in_every_codec_that_was_answered() {
    let (mut world, callee, carol, dave) = party(rules(), Shown::Yes).await;
    calls(&mut world, &carol, &callee).await;
    callee.answers(now());
    world.run_for(SECOND).await;
    callee.types("1");
    world.run_for(6 * SECOND).await;
    callee.types("66");
    callee.say(Saying::Voice(Voice(2)));
    world.run_for(3 * SECOND).await;
    for (codec, payload_type) in [(Codec::Pcma, 8), (Codec::Pcmu, 0), (Codec::Pcma, 8)] {
        callee.sound(|sound| sound.recode(codec, payload_type, Some(101)));
        let from = listen(&mut world).await;
        assert_hears(&dave, from, &[Voice(2)]);
    }
    callee.types("66");
    world.run_for(3 * SECOND).await;
    let from = listen(&mut world).await;
    assert_silent(&dave, from);
}

/// Whatever happens next, it is known that the call was made, and that its first minutes are begun.
#[tokio::test(start_paused = true)]
async fn a_call_is_noted_when_it_is_made_and_as_it_goes_on() {
    let (mut world, callee, carol, _dave) = party(rules(), Shown::Yes).await;
    assert_eq!(noted(&world).await, [0; 0]);
    calls(&mut world, &carol, &callee).await;
    assert_eq!(noted(&world).await, [0]);
    callee.answers(now());
    world.run_for(SECOND).await;
    assert_eq!(noted(&world).await, [1]);
    callee.types("1");
    world.run_for(62 * SECOND).await;
    assert_eq!(noted(&world).await, [2]);
    assert!(callee.is_up());
}

#[tokio::test(start_paused = true)]
async fn the_calls_of_the_hour_survive_a_restart() {
    let mut world = World::with_door(1, door(rules(), Shown::Yes));
    let (room, callee) = (world.room().room.id, world.phone("callee"));
    for _ in 0..10 {
        let dial = world.server.new_dial(room, "49");
        world.server.note_dial(dial, 0).await;
    }
    let carol = opens(&mut world, "carol", Role::Moderator).await;
    world.run_for(SECOND).await;
    carol.does(Verb::Invite(Pii::new(NUMBER.to_owned()))).await;
    world.run_for(SECOND).await;
    assert_eq!(carol.refused(), [Refusal::TooManyCalls]);
    assert!(!callee.is_called());
}

/// By P-Asserted-Identity, which a carrier believes, shown and withheld (RFC 3325 §9).
#[tokio::test(start_paused = true)]
async fn a_carrier_that_believes_us_is_told_who_calls() {
    let mut told = String::new();
    for shown in [Shown::Yes, Shown::No] {
        let mut trunk = trunk(shown);
        if let Some(outward) = &mut trunk.outward {
            outward.assertion = Assertion::Asserted;
        }
        let door = DoorConfig {
            dial_out: Some(rules()),
            ..door_config(vec![trunk])
        };
        let mut world = World::with_door(1, door);
        let callee = world.phone("callee");
        let carol = opens(&mut world, "carol", Role::Moderator).await;
        world.run_for(SECOND).await;
        calls(&mut world, &carol, &callee).await;
        let invite = callee.asked().unwrap();
        for name in [
            "From",
            "P-Asserted-Identity",
            "P-Preferred-Identity",
            "Privacy",
        ] {
            for value in invite.fields(name) {
                let value = value.split(";tag=").next().unwrap_or_default();
                told += &format!("{name}: {value}\n");
            }
        }
        callee.rings();
        world.run_for(SECOND).await;
        callee.answers(now());
        world.run_for(3 * SECOND).await;
        callee.types("1");
        world.run_for(8 * SECOND).await;
        callee.hangs_up();
        world.run_for(SECOND).await;
        told += &world.ladder.plain();
    }
    assert_snapshot!(told);
}

#[tokio::test(start_paused = true)]
async fn a_withheld_number_is_told_the_carrier_alone() {
    let (mut world, callee, carol, _) = party(rules(), Shown::No).await;
    calls(&mut world, &carol, &callee).await;
    let invite = callee.asked().unwrap();
    assert!(
        invite
            .field("From")
            .starts_with("<sip:anonymous@anonymous.invalid>")
    );
    assert_eq!(invite.field("Privacy"), "id");
    assert_eq!(
        invite.field("P-Preferred-Identity"),
        "<sip:+4930555000@198.51.100.1;user=phone>"
    );
}

#[tokio::test(start_paused = true)]
async fn busy_declined_and_silent_calls_are_told_and_leave_nothing() {
    for (status, word) in [
        (486, "callee-busy"),
        (603, "callee-declined"),
        (480, "callee-silent"),
        (404, "call-failed"),
    ] {
        let (mut world, callee, carol, dave) = party(rules(), Shown::Yes).await;
        calls(&mut world, &carol, &callee).await;
        callee.rings();
        world.run_for(SECOND).await;
        callee.declines(status);
        world.run_for(SECOND).await;
        assert_eq!(dave.roster_line(), "carol moderator · dave");
        assert!(told(&carol).contains(&word), "{:?}", told(&carol));
        assert!(!told(&dave).contains(&word));
        assert_eq!(noted(&world).await, [0], "it counts for the hour");
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_answers_and_a_voicemail_never_comes_in() {
    let (mut world, callee, carol, dave) = party(rules(), Shown::Yes).await;
    calls(&mut world, &carol, &callee).await;
    callee.rings();
    world.run_for(62 * SECOND).await;
    assert_eq!(callee.state(), State::Idle, "cancelled");
    assert!(told(&carol).contains(&"callee-silent"));

    let (mut world, voicemail, carol, dave2) = party(rules(), Shown::Yes).await;
    calls(&mut world, &carol, &voicemail).await;
    voicemail.answers(now());
    voicemail.say(Saying::Voice(Voice(1)));
    world.run_for(50 * SECOND).await;
    assert!(matches!(voicemail.state(), State::Dismissed(_)));
    assert_eq!(dave2.roster_line(), "carol moderator · dave");
    assert!(told(&carol).contains(&"callee-silent"));
    drop(dave);
}

#[tokio::test(start_paused = true)]
async fn a_moderator_cancels_and_so_does_the_end_of_the_conference() {
    let (mut world, callee, carol, dave) = party(rules(), Shown::Yes).await;
    calls(&mut world, &carol, &callee).await;
    callee.rings();
    world.run_for(SECOND).await;
    let called = dave.roster()[0].id;
    dave.does(Verb::Remove(called)).await;
    world.run_for(SECOND).await;
    assert!(callee.is_called(), "a guest cancels nothing");
    carol.does(Verb::Remove(called)).await;
    world.run_for(SECOND).await;
    assert_eq!(
        (callee.state(), dave.roster_line().as_str()),
        (State::Idle, "carol moderator · dave")
    );
    assert_eq!(world.legs().iter().sum::<usize>(), 2);

    calls(&mut world, &carol, &callee).await;
    world.stop().await;
    world.run_for(SECOND).await;
    assert_eq!(callee.state(), State::Idle, "{}", world.ladder.plain());
}

#[tokio::test(start_paused = true)]
async fn what_may_not_be_called_is_refused_and_nobody_but_a_moderators_page_can_ask() {
    let (mut world, callee, carol, dave) = party(rules(), Shown::Yes).await;
    for (typed, refusal) in [
        ("112", Refusal::Emergency),
        ("+49110", Refusal::Emergency),
        ("0900 1234567", Refusal::Emergency),
        ("+1 202 555 0123", Refusal::NotListed),
        ("4711", Refusal::NoNumber),
        ("sip:callee@198.51.100.1", Refusal::NoNumber),
    ] {
        carol.does(Verb::Invite(Pii::new(typed.to_owned()))).await;
        world.run_for(SECOND / 5).await;
        assert_eq!(carol.refused().last(), Some(&refusal), "{typed}");
    }
    dave.does(Verb::Invite(Pii::new(NUMBER.to_owned()))).await;
    world.run_for(SECOND).await;
    assert_eq!(dave.refused(), [Refusal::NotAllowed]);
    // A moderator by telephone has no key for it, whatever they press.
    let alice = comes_in_as(&mut world, "alice", Codec::Pcma, Role::Moderator).await;
    alice.types("*8*80*87*8#0030123456#");
    world.run_for(20 * SECOND).await;
    assert_eq!(callee.state(), State::Idle);

    let mut off = World::with_door(2, door_config(vec![trunk(Shown::Yes)]));
    let carol = opens(&mut off, "carol", Role::Moderator).await;
    carol.does(Verb::Invite(Pii::new(NUMBER.to_owned()))).await;
    off.run_for(SECOND).await;
    assert_eq!(carol.refused(), [Refusal::NoDialOut]);
}

#[tokio::test(start_paused = true)]
async fn the_rate_and_the_minutes_end_calls() {
    let few = DialOut {
        calls_per_hour: 1,
        minutes_per_day: 2,
        ..rules()
    };
    let (mut world, callee, carol, _dave) = party(few, Shown::Yes).await;
    calls(&mut world, &carol, &callee).await;
    carol.does(Verb::Invite(Pii::new(NUMBER.to_owned()))).await;
    world.run_for(SECOND).await;
    assert_eq!(carol.refused(), [Refusal::TooManyCalls]);
    callee.answers(now());
    world.run_for(2 * SECOND).await;
    callee.types("1");
    let begun = now();
    world
        .run_until(|_| matches!(callee.state(), State::Dismissed(_)))
        .await;
    let lasted = now() - begun;
    assert!((110..130).contains(&lasted.as_secs()), "{lasted:?}");
    assert_eq!(world.ladder.said_to("callee").last().unwrap(), "time-is-up");
    world.run_for(SECOND).await;
    assert_eq!(noted(&world).await, [3]);
}
