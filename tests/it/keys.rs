//! Every key of a caller and of a moderator, through the real door: what is said, and what the others see.

use std::time::Duration;

use dsp::Codec;
use rundruf::{
    conference::{
        error::{Dismissal, Refusal},
        event::Wording,
        focus::Verb,
        keyplan::{Control, KeyPlan},
        participant::Role,
        policy::Lobby,
    },
    media::api::Event,
};

use crate::sim::{
    browser::Browser,
    ear::Voice,
    party::{assert_hears, comes_in, comes_in_as, listen, opens, talks},
    phone::{Phone, State},
    world::World,
};

const SECOND: Duration = Duration::from_secs(1);

/// Presses keys, one after the other or slowly, and notes what is said to whom until all is said.
async fn press(
    world: &mut World,
    (phone, watcher): (&Phone, &Browser),
    keys: &[&str],
    pause: Duration,
) -> String {
    let mut ladder = String::new();
    for &sequence in keys {
        let before = world.ladder.said_to(&phone.name()).len();
        for key in sequence.chars() {
            phone.types(&key.to_string());
            world.run_until(|_| phone.has_typed()).await;
            world.run_for(pause).await;
        }
        world.run_for(15 * SECOND).await;
        let said = world.ladder.said_to(&phone.name()).split_off(before);
        let line = format!(
            "{sequence:6} {:60} | {}\n",
            said.join(" "),
            watcher.roster_line()
        );
        ladder += &line;
    }
    ladder
}

const FAST: Duration = Duration::from_millis(150);
const SLOW: Duration = Duration::from_millis(2_700);

#[tokio::test(start_paused = true)]
async fn every_key_of_a_caller_fast_and_slow() {
    let keys = [
        "66", "*6", "99", "*9", "55", "*5", "00", "*0", "*7", "*", "*1", "*81", "*89",
    ];
    let mut ladders = Vec::new();
    for pause in [FAST, SLOW] {
        let mut world = World::new(1);
        let carol = opens(&mut world, "carol", Role::Moderator).await;
        let alice = comes_in(&mut world, "alice").await;
        ladders.push(press(&mut world, (&alice, &carol), &keys, pause).await);
    }
    assert_eq!(ladders[0], ladders[1]);
    insta::assert_snapshot!(ladders[0]);
}

/// Language, more time, shorter words and privacy, and what is said in them from then on.
#[tokio::test(start_paused = true)]
async fn the_help_has_a_menu_for_callers_and_moderators_fast_and_slow() {
    let keys = [
        "*01", "*0#", "001", "*0233", "66", "99", "*7#", "*04", "*044", "*03", "66", "*02", "0066",
    ];
    let mut snapshot = String::new();
    for role in [Role::Guest, Role::Moderator] {
        let mut ladders = Vec::new();
        for pause in [FAST, SLOW] {
            let mut world = World::new(10);
            let carol = opens(&mut world, "carol", Role::Moderator).await;
            let alice = comes_in_as(&mut world, "alice", Codec::Pcma, role).await;
            ladders.push(press(&mut world, (&alice, &carol), &keys, pause).await);
        }
        assert_eq!(ladders[0], ladders[1]);
        snapshot += &ladders[0];
    }
    insta::assert_snapshot!(snapshot);
}

#[tokio::test(start_paused = true)]
async fn who_chooses_a_language_hears_it() {
    let mut world = World::new(11);
    let alice = comes_in(&mut world, "alice").await;
    let before = world.spoken.len();
    alice.types("*011");
    world.run_for(SECOND).await;
    alice.types("66");
    world.run_for(5 * SECOND).await;
    // After the help come easy German and English: which language it is, and that the microphone is on.
    let spoken = &world.spoken[before..];
    let english = spoken
        .iter()
        .filter(|(_, language)| *language == Wording::En);
    assert_eq!(english.count(), 2, "{spoken:?}");
    assert_eq!(
        spoken.last().map(|(_, language)| *language),
        Some(Wording::En)
    );
}

/// After a star there are ten seconds for who asked for more time, and twice as many for a menu.
#[tokio::test(start_paused = true)]
async fn who_asks_for_more_time_has_it() {
    let mut world = World::new(12);
    let alice = comes_in(&mut world, "alice").await;
    let carol = opens(&mut world, "carol", Role::Moderator).await;
    alice.types("*02#");
    world.run_for(3 * SECOND).await;
    alice.types("*");
    world.run_for(9 * SECOND).await;
    alice.types("6");
    world.run_for(3 * SECOND).await;
    assert_eq!(carol.roster_line(), "Phone 1 mic · carol moderator");
    assert!(
        !world
            .ladder
            .said_to("alice")
            .contains(&"which-key which-help".to_owned())
    );
}

#[tokio::test(start_paused = true)]
async fn every_key_of_a_moderator_fast_and_slow() {
    let keys = [
        "*81", "*82", "55", "*82", "*85", "*85", "*83", "*86", "*86", "*86", "*892", "00",
    ];
    let mut ladders = Vec::new();
    for pause in [FAST, SLOW] {
        let mut world = World::new(2);
        let dave = opens(&mut world, "dave", Role::Guest).await;
        let bob = comes_in_as(&mut world, "bob", Codec::Pcma, Role::Moderator).await;
        let _alice = talks(&mut world, "alice", Codec::Pcma, Voice(0)).await;
        ladders.push(press(&mut world, (&bob, &dave), &keys, pause).await);
    }
    assert_eq!(ladders[0], ladders[1]);
    insta::assert_snapshot!(ladders[0]);
}

#[tokio::test(start_paused = true)]
async fn a_moderator_decides_about_who_waits_by_keys() {
    let keys = ["*83#", "*8331", "*84", "*8322", "*83"];
    let mut ladders = Vec::new();
    for pause in [FAST, SLOW] {
        let mut world = World::with_lobby(8, Lobby::Guests);
        let carol = opens(&mut world, "carol", Role::Moderator).await;
        let bob = comes_in_as(&mut world, "bob", Codec::Pcma, Role::Moderator).await;
        for name in ["alice", "erna"] {
            let phone = world.phone(name);
            let room = world.room();
            phone.dials(&room.room.number);
            world.run_until(|_| phone.is_up()).await;
            phone.types(&room.pin(Role::Guest));
            world.run_for(10 * SECOND).await;
        }
        ladders.push(press(&mut world, (&bob, &carol), &keys, pause).await);
        assert_eq!(last_said(&world, "alice"), "no-place");
        assert_eq!(last_said(&world, "erna"), "removed");
        assert_eq!(carol.roster_line(), "Phone 1 moderator · carol moderator");
    }
    assert_eq!(ladders[0], ladders[1]);
    insta::assert_snapshot!(ladders[0]);
}

/// What the settings say counts, and is what the help speaks of.
#[tokio::test(start_paused = true)]
async fn an_installation_may_have_other_keys() {
    let others: [(Control, &[&'static str]); 3] = [
        (Control::Microphone, &["*69", "11"]),
        (Control::Help, &["*5"]),
        (Control::WhoIsHere, &["*0"]),
    ];
    let plan = KeyPlan::new(|control| {
        let other = others.iter().find(|(one, _)| *one == control);
        other.map_or(control.usual(), |(_, keys)| keys).to_vec()
    });
    let mut world = World::with_keys(9, plan.unwrap());
    let carol = opens(&mut world, "carol", Role::Moderator).await;
    let alice = comes_in(&mut world, "alice").await;
    let keys = ["*69", "11", "66", "*67", "*0", "*5", "*54", "99"];
    let ladder = press(&mut world, (&alice, &carol), &keys, FAST).await;
    insta::assert_snapshot!(ladder);
}

#[tokio::test(start_paused = true)]
async fn a_moderator_ends_the_conference_by_keys_fast_and_slow() {
    let mut ladders = Vec::new();
    for pause in [FAST, SLOW] {
        let mut world = World::new(3);
        let dave = opens(&mut world, "dave", Role::Guest).await;
        let bob = comes_in_as(&mut world, "bob", Codec::Pcma, Role::Moderator).await;
        let ladder = press(&mut world, (&bob, &dave), &["*891"], pause).await;
        assert!(ladder.contains(" confirm-end hush ended "), "{ladder}");
        assert_eq!(dave.dismissed(), Some(Dismissal::Ended));
        assert!(matches!(bob.state(), State::Dismissed(_)));
        ladders.push(ladder);
    }
    assert_eq!(ladders[0], ladders[1]);
}

/// Who is muted with all others speaks again by the key; where people ask to speak it is a wish, which is spoken of.
#[tokio::test(start_paused = true)]
async fn after_mute_all_the_key_unmutes_and_where_people_ask_it_asks_fast_and_slow() {
    for pause in [FAST, SLOW] {
        let mut world = World::new(13);
        let carol = opens(&mut world, "carol", Role::Moderator).await;
        let alice = talks(&mut world, "alice", Codec::Pcma, Voice(0)).await;
        for (verb, told, seen) in [
            (Verb::MuteAll, "microphone-on", "Phone 1 mic"),
            (Verb::SetAskToSpeak(true), "hand-noted", "Phone 1 hand 1"),
        ] {
            carol.does(verb).await;
            world.run_for(10 * SECOND).await;
            assert_eq!(carol.roster_line(), "Phone 1 · carol moderator");
            let ladder = press(&mut world, (&alice, &carol), &["*6"], pause).await;
            assert!(ladder.contains(told), "{ladder}");
            let seen = format!("| {seen} · carol moderator\n");
            assert!(ladder.ends_with(&seen), "{ladder}");
        }
    }
}

/// A telephone hears what a page would show: that a moderator asks for its microphone. Nobody else is told.
#[tokio::test(start_paused = true)]
async fn a_moderators_plea_to_unmute_is_spoken_to_that_telephone() {
    let mut world = World::new(14);
    let carol = opens(&mut world, "carol", Role::Moderator).await;
    let alice = comes_in(&mut world, "alice").await;
    let bob = comes_in(&mut world, "bob").await;
    let id = carol.roster()[0].id;
    assert_eq!(carol.roster_line(), "Phone 1 · Phone 2 · carol moderator");
    let before = world.ladder.said_to("bob").len();
    carol.does(Verb::AskToUnmute(id)).await;
    world.run_for(5 * SECOND).await;
    assert_eq!(last_said(&world, "alice"), "please-unmute to-speak");
    assert_eq!(world.ladder.said_to("bob").len(), before);
    // It is a plea: the microphone is opened by its person alone.
    assert_eq!(carol.roster_line(), "Phone 1 · Phone 2 · carol moderator");
    alice.types("66");
    world.run_for(3 * SECOND).await;
    assert_eq!(
        carol.roster_line(),
        "Phone 1 mic · Phone 2 · carol moderator"
    );
    drop(bob);
}

#[tokio::test(start_paused = true)]
async fn the_floor_goes_round_by_hands() {
    let mut world = World::new(4);
    let bob = comes_in_as(&mut world, "bob", Codec::Pcma, Role::Moderator).await;
    let alice = talks(&mut world, "alice", Codec::Pcma, Voice(0)).await;
    let carol = opens(&mut world, "carol", Role::Guest).await;
    bob.types("*85");
    world.run_for(10 * SECOND).await;
    assert_eq!(
        carol.roster_line(),
        "Phone 1 moderator · Phone 2 · carol",
        "who spoke is heard no more"
    );
    // The wish to speak is a raised hand now.
    alice.types("66");
    world.run_for(5 * SECOND).await;
    assert_eq!(last_said(&world, "alice"), "hand-noted");
    carol.does(Verb::SetMicrophone(true)).await;
    world.run_for(SECOND).await;
    let asking = "Phone 1 moderator · Phone 2 hand 1 · carol hand 2";
    assert_eq!(carol.roster_line(), asking);
    bob.types("*85");
    world.run_for(5 * SECOND).await;
    assert_eq!(last_said(&world, "alice"), "floor-given to-speak");
    alice.types("66");
    world.run_for(3 * SECOND).await;
    let speaks = "Phone 1 moderator · Phone 2 mic floor · carol hand 2";
    assert_eq!(carol.roster_line(), speaks);
    let from = listen(&mut world).await;
    assert_hears(&carol, from, &[Voice(0)]);
    bob.types("*85");
    world.run_for(5 * SECOND).await;
    // She speaks on, and is told of that too.
    let said = world.ladder.said_to("alice");
    assert!(said.iter().any(|said| said == "floor-taken"), "{said:?}");
    assert_eq!(
        carol.roster_line(),
        "Phone 1 moderator · Phone 2 · carol floor"
    );
    // Nobody asks: the next time everybody may speak again.
    for said in ["nobody-asks to-free", "all-may-speak"] {
        bob.types("*85");
        world.run_for(8 * SECOND).await;
        assert_eq!(last_said(&world, "bob"), said);
    }
    alice.types("66");
    world.run_for(3 * SECOND).await;
    assert_eq!(
        carol.roster_line(),
        "Phone 1 moderator · Phone 2 mic · carol"
    );
}

#[tokio::test(start_paused = true)]
async fn a_locked_conference_takes_moderators_only() {
    let mut world = World::new(5);
    let carol = opens(&mut world, "carol", Role::Moderator).await;
    carol.does(Verb::SetLock(true)).await;
    let room = world.room();
    let alice = world.phone("alice");
    alice.dials(&room.room.number);
    world.run_until(|_| alice.is_up()).await;
    alice.types(&room.pin(Role::Guest));
    world.run_for(15 * SECOND).await;
    assert!(matches!(alice.state(), State::Dismissed(_)));
    assert_eq!(last_said(&world, "alice"), "room-locked");
    comes_in_as(&mut world, "bob", Codec::Pcma, Role::Moderator).await;
    carol.does(Verb::SetLock(false)).await;
    comes_in(&mut world, "alice2").await;
    let all = "Phone 1 moderator · Phone 2 · carol moderator";
    assert_eq!(carol.roster_line(), all);
    // A guest cannot lock.
    let dave = opens(&mut world, "dave", Role::Guest).await;
    dave.does(Verb::SetLock(true)).await;
    world.run_for(SECOND).await;
    assert_eq!(dave.refused().last(), Some(&Refusal::NotAllowed));
}

/// Louder means louder: for the one who asks, and for all who hear them.
#[tokio::test(start_paused = true)]
async fn the_volume_turns_what_is_heard_and_how_one_is_heard() {
    let mut world = World::new(6);
    let alice = talks(&mut world, "alice", Codec::Pcma, Voice(0)).await;
    let bob = comes_in(&mut world, "bob").await;
    let level = |phone: &Phone, from| {
        let heard = phone.heard_since(from);
        Voice(0).heard_in(&heard.samples, heard.rate).level_dbfs
    };
    let from = listen(&mut world).await;
    let usual = level(&bob, from);
    for (phone, keys, expected) in [
        (&bob, "*78#", -6.0),
        (&bob, "*72#", 0.0),
        (&alice, "*74#", -6.0),
        (&alice, "*76#", 0.0),
    ] {
        phone.types(keys);
        world.run_for(5 * SECOND).await;
        let from = listen(&mut world).await;
        let turned = level(&bob, from) - usual;
        assert!((turned - expected).abs() < 1.0, "{keys}: {turned} dB");
    }
}

/// Whoever speaks into a switched-off microphone is told, once; the others hear nothing of it.
#[tokio::test(start_paused = true)]
async fn who_speaks_muted_is_told_once() {
    let mut world = World::new(7);
    let carol = opens(&mut world, "carol", Role::Moderator).await;
    let alice = comes_in(&mut world, "alice").await;
    alice.says(Voice(0));
    world.run_for(20 * SECOND).await;
    let told = |world: &World| {
        let said = world.ladder.said_to("alice");
        said.iter()
            .filter(|said| *said == "you-are-muted to-speak")
            .count()
    };
    assert_eq!(told(&world), 1);
    let from = listen(&mut world).await;
    crate::sim::party::assert_silent(&carol, from);
    // Again only after the microphone was on.
    alice.types("66");
    world.run_for(2 * SECOND).await;
    alice.types("66");
    world.run_for(20 * SECOND).await;
    assert_eq!(told(&world), 2);
    // What came too late to be true any more is not said.
    let (shard, leg) = world.leg_of(&alice);
    alice.types("66");
    world.run_for(2 * SECOND).await;
    world.notice(shard, Event::SpokeMuted { leg });
    world.run_for(2 * SECOND).await;
    assert_eq!(told(&world), 2);
}

fn last_said(world: &World, name: &str) -> String {
    let said = world.ladder.said_to(name);
    said.last().cloned().expect("something was said")
}
