//! What is heard of people who come and go: by all inside, whoever speaks, and never so often that it disturbs.

use std::time::{Duration, Instant};

use dsp::Codec;
use rundruf::conference::{
    error::Refusal,
    event::Event,
    focus::Verb,
    participant::Role,
    policy::{Entrances, EntrySignal, Policy},
};

use crate::sim::{
    clip::CLIP_HZ,
    ear::{Voice, heard},
    now,
    party::{Listener, comes_in, comes_in_as, listen, opens, talks},
    phone::Phone,
    world::{World, open},
};

const SECOND: Duration = Duration::from_secs(1);

fn entrances(signal: EntrySignal) -> Entrances {
    Entrances {
        signal,
        ..Entrances::USUAL
    }
}

/// A world in whose rooms this is heard of people who come and go.
fn having(seed: u64, entrances: Entrances) -> World {
    let policy = Policy {
        entrances,
        ..open()
    };
    World::with_policy(seed, policy)
}

/// How loud words and tones are in what somebody heard: no voice has their frequency.
fn tone(listener: &dyn Listener, from: Instant) -> f64 {
    let recording = listener.heard_since(from);
    heard(&[CLIP_HZ], &recording.samples, recording.rate).level_dbfs
}

fn announced(world: &World) -> Vec<String> {
    world.ladder.said_to("all")
}

/// Lets somebody in by link, until their tone is about to sound; returns since when.
async fn enters(world: &mut World, name: &str) -> Instant {
    let browser = world.browser(name);
    let room = world.room();
    let from = now();
    browser.joins(world, &room, Role::Guest).await;
    from
}

#[tokio::test(start_paused = true)]
async fn a_tone_is_heard_by_all_inside_and_the_talk_goes_on_as_loud() {
    let mut world = having(1, entrances(EntrySignal::Tones));
    let alice = talks(&mut world, "alice", Codec::Pcma, Voice(0)).await;
    let bob = comes_in(&mut world, "bob").await;
    let carol = opens(&mut world, "carol", Role::Moderator).await;
    world.run_for(5 * SECOND).await;
    let before = listen(&mut world).await;
    let voice = |who: &dyn Listener, from| {
        let recording = who.heard_since(from);
        Voice(0)
            .heard_in(&recording.samples, recording.rate)
            .level_dbfs
    };
    let undisturbed = voice(&bob, before);
    let all: [&dyn Listener; 3] = [&alice, &bob, &carol];
    for who in all {
        assert!(tone(who, before) < -60.0, "{} hears a tone", who.name());
    }
    let from = enters(&mut world, "dave").await;
    world.run_for(SECOND).await;
    for who in all {
        let level = tone(who, from);
        assert!((-30.0..-18.0).contains(&level), "{}: {level}", who.name());
    }
    let meanwhile = voice(&bob, from);
    assert!(
        (meanwhile - undisturbed).abs() < 1.5,
        "{meanwhile} {undisturbed}"
    );
    assert_eq!(announced(&world).last().unwrap(), "tone-in");
    bob.hangs_up();
    let from = now();
    world.run_for(SECOND).await;
    assert!(tone(&alice, from) > -30.0);
    assert_eq!(announced(&world).last().unwrap(), "tone-out");
}

#[tokio::test(start_paused = true)]
async fn a_name_is_heard_over_the_talk() {
    let mut world = having(2, entrances(EntrySignal::Names));
    let carol = opens(&mut world, "carol", Role::Moderator).await;
    let bob = comes_in(&mut world, "bob").await;
    assert_eq!(announced(&world), ["came label-phone-1"]);
    bob.hangs_up();
    let from = now();
    world.run_for(3 * SECOND).await;
    assert!(tone(&carol, from) > -30.0);
    assert_eq!(announced(&world)[1..], ["went label-phone-1"]);
}

/// 400 people in two seconds make no noise: one tone a second at the most, and the rosters name all of them.
#[tokio::test(start_paused = true)]
async fn many_who_come_at_once_make_no_noise() {
    let everybody = Entrances {
        signal: EntrySignal::Tones,
        quiet_above: 1_000,
    };
    let mut world = having(3, everybody);
    let carol = opens(&mut world, "carol", Role::Moderator).await;
    let before = world.elapsed();
    for number in 0..40 {
        enters(&mut world, &format!("guest {number}")).await;
    }
    let took = world.elapsed() - before;
    world.run_for(3 * SECOND).await;
    assert_eq!(carol.roster().len(), 41);
    let most = usize::try_from(took.as_secs()).unwrap() + 2;
    let tones = announced(&world).len();
    assert!((1..=most).contains(&tones), "{tones} tones in {took:?}");
}

#[tokio::test(start_paused = true)]
async fn above_the_rooms_number_nothing_is_heard() {
    let few = Entrances {
        signal: EntrySignal::Tones,
        quiet_above: 2,
    };
    let mut world = having(4, few);
    let carol = opens(&mut world, "carol", Role::Moderator).await;
    let bob = comes_in(&mut world, "bob").await;
    assert_eq!(announced(&world), ["tone-in"]);
    world.run_for(SECOND).await;
    let from = enters(&mut world, "dave").await;
    world.run_for(2 * SECOND).await;
    assert_eq!(announced(&world).len(), 1);
    let all: [&dyn Listener; 2] = [&carol, &bob];
    for who in all {
        assert!(tone(who, from) < -60.0, "{}", who.name());
    }
    assert_eq!(carol.roster().len(), 3, "the roster shows it always");
}

/// Presses the key for it; returns what was said then.
async fn presses(world: &mut World, phone: &Phone) -> String {
    phone.types("*86");
    world.run_for(5 * SECOND).await;
    let said = world.ladder.said_to(&phone.name());
    said.last().cloned().expect("something was said")
}

#[tokio::test(start_paused = true)]
async fn moderators_change_it_by_key_and_on_the_page() {
    let mut world = having(5, entrances(EntrySignal::Tones));
    let carol = opens(&mut world, "carol", Role::Moderator).await;
    let bob = comes_in_as(&mut world, "bob", Codec::Pcma, Role::Moderator).await;
    for expected in ["entry-names", "entry-off", "entry-tones", "entry-names"] {
        assert_eq!(presses(&mut world, &bob).await, expected);
    }
    carol.does(Verb::SetEntrySignal(EntrySignal::Off)).await;
    world.run_for(SECOND).await;
    assert_eq!(carol.told().last(), Some(&Event::EntryOff));
    let said = announced(&world).len();
    let alice = comes_in(&mut world, "alice").await;
    assert_eq!(announced(&world).len(), said, "nobody is announced");
    // A guest changes nothing.
    assert_eq!(presses(&mut world, &alice).await, "not-allowed");
    let dave = opens(&mut world, "dave", Role::Guest).await;
    dave.does(Verb::SetEntrySignal(EntrySignal::Tones)).await;
    world.run_for(SECOND).await;
    assert_eq!(dave.refused().last(), Some(&Refusal::NotAllowed));
    assert_eq!(announced(&world).len(), said);
}
