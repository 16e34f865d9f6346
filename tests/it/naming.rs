//! Names that callers say in the waiting room: moderators hear them, nobody else does, and they are gone with the waiting.

use std::time::{Duration, Instant};

use dsp::Codec;
use rundruf::conference::{
    error::Refusal,
    focus::Verb,
    participant::Role,
    policy::{Level, Lobby, Policy, Reason},
};

use crate::sim::{
    browser::Browser,
    ear::Voice,
    now,
    party::{Listener, comes_in_as, opens},
    phone::Phone,
    sound::Saying,
    world::{World, open},
};

const SECOND: Duration = Duration::from_secs(1);
const CALLER: Voice = Voice(1);

/// A caller dials in and waits until everything is said, the question for their name too.
async fn waits(world: &mut World, name: &str, pin: &str) -> Phone {
    let phone = world.phone(name);
    phone.dials("4711");
    world.run_until(|_| phone.is_up()).await;
    world.run_for(SECOND / 10).await;
    phone.types(pin);
    world.run_until(|_| phone.has_typed()).await;
    world.run_for(5 * SECOND).await;
    phone
}

async fn knocks(world: &mut World, name: &str) -> Phone {
    let pin = world.room().pin(Role::Guest);
    waits(world, name, &pin).await
}

/// Presses the key, and says their name after the tone for a second and a half.
async fn says_name(world: &mut World, phone: &Phone) {
    phone.types("1");
    world
        .run_until(|world| last_said(world, phone) == "say-name-now test-tone")
        .await;
    world.run_for(5 * SECOND / 2).await;
    phone.says(CALLER);
    world.run_for(3 * SECOND / 2).await;
    phone.say(Saying::Silence);
    world.run_for(2 * SECOND).await;
}

fn last_said(world: &World, phone: &Phone) -> String {
    let said = world.ladder.said_to(&phone.name());
    let mut words = said.iter().rev();
    let last = words.find(|words| !["hush", "waiting-sound"].contains(&words.as_str()));
    last.cloned().unwrap_or_default()
}

/// How loud the caller's voice is in what somebody heard.
fn voice(listener: &dyn Listener, from: Instant) -> f64 {
    let recording = listener.heard_since(from);
    CALLER
        .heard_in(&recording.samples, recording.rate)
        .level_dbfs
}

fn count(world: &World, what: &str) -> usize {
    let printed = world.printed.as_deref().unwrap_or_default();
    printed.matches(what).count()
}

/// Asks who waits; returns since when.
async fn asks(world: &mut World, moderator: &Phone) -> Instant {
    moderator.types("*83");
    world.run_for(SECOND).await;
    let from = now();
    world.run_for(5 * SECOND).await;
    from
}

#[tokio::test(start_paused = true)]
async fn a_caller_says_their_name_and_moderators_alone_hear_it_until_they_are_in() {
    let mut world = World::with_lobby(1, Lobby::Guests);
    world.printed = Some(String::new());
    let bob = comes_in_as(&mut world, "bob", Codec::Pcma, Role::Moderator).await;
    let carol = opens(&mut world, "carol", Role::Moderator).await;
    let alice = knocks(&mut world, "alice").await;
    let began = now();
    says_name(&mut world, &alice).await;
    assert_eq!(last_said(&world, &alice), "name-noted");
    assert_eq!(
        (count(&world, "Record {"), count(&world, "Forget {")),
        (1, 0)
    );
    for who in [&bob as &dyn Listener, &carol, &alice] {
        let level = voice(who, began);
        assert!(level < -55.0, "{} hears it: {level}", who.name());
    }
    let shown = |browser: &Browser| {
        let roster = browser.roster();
        roster.iter().filter(|entry| entry.said_name).count()
    };
    assert_eq!(shown(&carol), 1, "the page shows it to moderators");
    let from = asks(&mut world, &bob).await;
    assert_eq!(last_said(&world, &bob), "waits name decide");
    let level = voice(&bob, from);
    // A second and a half of five.
    assert!((-36.0..-24.0).contains(&level), "{level} dBFS");
    for who in [&carol as &dyn Listener, &alice] {
        assert!(voice(who, from) < -55.0, "{} hears it", who.name());
    }
    bob.types("1");
    world.run_for(2 * SECOND).await;
    assert_eq!(count(&world, "Forget {"), 1, "she is in");
    assert_eq!(shown(&carol), 0);
    world.run_for(8 * SECOND).await;
    assert_eq!(world.legs().iter().sum::<usize>(), 3);
    insta::assert_snapshot!(said(&world));
}

/// What was said to whom, in order.
fn said(world: &World) -> String {
    let lines = world.ladder.plain();
    let said = lines.lines().filter(|line| line.contains('♪'));
    said.map(|line| format!("{line}\n")).collect()
}

#[tokio::test(start_paused = true)]
async fn who_says_nothing_is_asked_again_and_any_key_ends_it() {
    let mut world = World::with_lobby(2, Lobby::Guests);
    let bob = comes_in_as(&mut world, "bob", Codec::Pcma, Role::Moderator).await;
    let alice = knocks(&mut world, "alice").await;
    assert_eq!(last_said(&world, &alice), "say-name");
    alice.types("1");
    world.run_for(8 * SECOND).await;
    assert_eq!(last_said(&world, &alice), "say-name");
    asks(&mut world, &bob).await;
    assert_eq!(last_said(&world, &bob), "waits label-phone-2 decide");
    bob.types("#");
    alice.types("1");
    world.run_for(3 * SECOND).await;
    alice.says(CALLER);
    world.run_for(SECOND / 2).await;
    alice.types("9");
    world.run_for(6 * SECOND).await;
    assert_eq!(last_said(&world, &alice), "say-name-now test-tone");
    let from = asks(&mut world, &bob).await;
    assert_eq!(last_said(&world, &bob), "waits label-phone-2 decide");
    assert!(voice(&bob, from) < -55.0);
    // The key of the help's menu remains what it is.
    alice.types("00");
    world.run_for(SECOND).await;
    alice.types("1");
    world.run_for(SECOND).await;
    assert_eq!(last_said(&world, &alice), "language-chosen");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_left_of_a_name_when_its_caller_is_gone() {
    let mut world = World::with_lobby(3, Lobby::Guests);
    world.printed = Some(String::new());
    let carol = opens(&mut world, "carol", Role::Moderator).await;
    let alice = knocks(&mut world, "alice").await;
    says_name(&mut world, &alice).await;
    assert_eq!(count(&world, "Forget {"), 0);
    alice.hangs_up();
    world.run_for(SECOND).await;
    assert_eq!(count(&world, "Forget {"), 1, "she has left");
    let berta = knocks(&mut world, "berta").await;
    says_name(&mut world, &berta).await;
    says_name(&mut world, &berta).await;
    assert_eq!(count(&world, "Forget {"), 2, "she said it again");
    let roster = carol.roster();
    let waiting = roster.iter().find(|entry| !entry.is_inside());
    let turned_away = Verb::TurnAway(waiting.unwrap().id, Reason::NoPlace);
    carol.does(turned_away).await;
    world.run_for(SECOND).await;
    assert_eq!(count(&world, "Forget {"), 3, "she was turned away");
    assert_eq!(count(&world, "Record {"), 3);
}

#[tokio::test(start_paused = true)]
async fn who_is_let_in_while_they_speak_is_not_kept_and_who_was_invited_is_not_asked() {
    let mut world = World::with_lobby(4, Lobby::Guests);
    world.printed = Some(String::new());
    let carol = opens(&mut world, "carol", Role::Moderator).await;
    let alice = knocks(&mut world, "alice").await;
    alice.types("1");
    world.run_for(3 * SECOND).await;
    alice.says(CALLER);
    world.run_for(SECOND).await;
    carol.does(Verb::AdmitAll).await;
    world.run_for(10 * SECOND).await;
    assert_eq!(
        (count(&world, "Record {"), count(&world, "Forget {")),
        (1, 1)
    );
    let words = "let-in present-2 not-recorded not-heard-yet to-speak";
    assert!(world.ladder.said_to("alice").contains(&words.to_owned()));
    alice.types("1");
    world.run_for(5 * SECOND).await;
    assert_eq!(
        count(&world, "Record {"),
        1,
        "who is in is not listened to so"
    );
    let pin = world.room().persons_pin("Frieda");
    let frieda = waits(&mut world, "frieda", &pin).await;
    assert_eq!(last_said(&world, &frieda), "waiting");
    frieda.types("1");
    world.run_for(5 * SECOND).await;
    assert_eq!(count(&world, "Record {"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_moderator_on_the_page_hears_a_name_that_was_said_until_it_is_wiped() {
    let mut world = World::with_lobby(6, Lobby::Guests);
    world.printed = Some(String::new());
    let carol = opens(&mut world, "carol", Role::Moderator).await;
    let mia = opens(&mut world, "mia", Role::Moderator).await;
    let alice = knocks(&mut world, "alice").await;
    let id = {
        let roster = carol.roster();
        roster.iter().find(|entry| !entry.is_inside()).unwrap().id
    };
    carol.does(Verb::HearName(id)).await;
    world.run_for(SECOND).await;
    assert_eq!(carol.refused(), [Refusal::NotHere], "nothing was said yet");
    says_name(&mut world, &alice).await;
    for _ in 0..2 {
        let from = now();
        carol.does(Verb::HearName(id)).await;
        world.run_for(4 * SECOND).await;
        let level = voice(&carol, from);
        // A second and a half of four.
        assert!((-36.0..-24.0).contains(&level), "{level} dBFS");
        for who in [&mia as &dyn Listener, &alice] {
            assert!(voice(who, from) < -55.0, "{} hears it", who.name());
        }
    }
    carol.does(Verb::Admit(id)).await;
    world.run_for(2 * SECOND).await;
    assert_eq!(count(&world, "Forget {"), 1);
    let from = now();
    carol.does(Verb::HearName(id)).await;
    world.run_for(4 * SECOND).await;
    assert_eq!(carol.refused(), [Refusal::NotHere, Refusal::NotHere]);
    assert!(voice(&carol, from) < -55.0, "it is wiped");
    // The talk is heard again as before.
    mia.says(CALLER);
    mia.does(Verb::SetMicrophone(true)).await;
    world.run_for(SECOND).await;
    let from = now();
    world.run_for(SECOND).await;
    assert!(voice(&carol, from) > -36.0);
}

#[tokio::test(start_paused = true)]
async fn in_a_confidential_room_nobody_is_asked_for_their_name() {
    let policy = Policy {
        lobby: Lobby::Guests,
        level: Level::Confidential,
        ..open()
    };
    let mut world = World::with_policy(5, policy);
    world.printed = Some(String::new());
    let _carol = opens(&mut world, "carol", Role::Moderator).await;
    let alice = knocks(&mut world, "alice").await;
    assert_eq!(last_said(&world, &alice), "waiting");
    alice.types("1");
    world.run_for(5 * SECOND).await;
    alice.says(CALLER);
    world.run_for(5 * SECOND).await;
    assert_eq!(count(&world, "Record {"), 0);
    assert_eq!(last_said(&world, &alice), "waiting");
}
