//! What everybody sees of everybody, what moderators may do about it, and when a conference ends.

use std::time::Duration;

use dsp::Codec;
use rundruf::conference::{
    error::{Dismissal, Refusal},
    focus::Verb,
    participant::Role,
};

use crate::sim::{
    browser::Browser,
    ear::Voice,
    now,
    party::{assert_hears, assert_silent, comes_in, comes_in_as, listen, opens, talks},
    phone::{Phone, State},
    world::World,
};

/// The verb that does something about the participant whose line begins so.
fn about(browser: &Browser, ordinal: u32, verb: fn(rundruf::id::ParticipantId) -> Verb) -> Verb {
    let roster = browser.roster();
    let phone = roster
        .iter()
        .find(|entry| entry.name.is_none() && entry.ordinal == ordinal);
    verb(phone.expect("a telephone").id)
}

#[tokio::test(start_paused = true)]
async fn all_see_the_same_comings_and_goings() {
    let mut world = World::new(1);
    let carol = opens(&mut world, "carol", Role::Moderator).await;
    let alice = comes_in(&mut world, "alice").await;
    let dave = opens(&mut world, " da\u{202e}ve\n", Role::Guest).await;
    let all = "Phone 1 · carol moderator · dave";
    assert_eq!([carol.roster_line(), dave.roster_line()], [all; 2]);
    alice.types("66");
    world.run_for(SECOND).await;
    let all = "Phone 1 mic · carol moderator · dave";
    assert_eq!([carol.roster_line(), dave.roster_line()], [all; 2]);
    alice.hangs_up();
    world.run_for(SECOND).await;
    let all = "carol moderator · dave";
    assert_eq!([carol.roster_line(), dave.roster_line()], [all; 2]);
    // A number is not given out again.
    comes_in(&mut world, "alice2").await;
    carol.leaves().await;
    world.run_for(SECOND).await;
    assert_eq!(dave.roster_line(), "Phone 2 · dave");
    assert_eq!(world.server.census().participants(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_first_to_come_is_no_moderator() {
    let mut world = World::new(2);
    comes_in(&mut world, "alice").await;
    comes_in_as(&mut world, "bob", Codec::Pcma, Role::Moderator).await;
    let dave = opens(&mut world, "dave", Role::Guest).await;
    assert_eq!(dave.roster_line(), "Phone 1 · Phone 2 moderator · dave");
}

#[tokio::test(start_paused = true)]
async fn a_moderator_mutes_and_the_muted_may_speak_again() {
    let mut world = World::new(3);
    let carol = opens(&mut world, "carol", Role::Moderator).await;
    let alice = talks(&mut world, "alice", Codec::Pcma, Voice(0)).await;
    carol.does(about(&carol, 1, Verb::Mute)).await;
    let from = listen(&mut world).await;
    assert_silent(&carol, from);
    assert_eq!(carol.roster_line(), "Phone 1 · carol moderator");
    let said = world.ladder.said_to("alice");
    assert_eq!(said.last().unwrap(), "microphone-off-by-moderator to-speak");
    alice.types("66");
    world.run_for(2 * SECOND).await;
    let from = listen(&mut world).await;
    assert_hears(&carol, from, &[Voice(0)]);
}

#[tokio::test(start_paused = true)]
async fn a_guest_may_do_nothing_to_others() {
    let mut world = World::new(4);
    let dave = opens(&mut world, "dave", Role::Guest).await;
    let alice = talks(&mut world, "alice", Codec::Pcma, Voice(0)).await;
    dave.does(about(&dave, 1, Verb::Mute)).await;
    dave.does(about(&dave, 1, Verb::Remove)).await;
    dave.does(Verb::End).await;
    world.run_for(SECOND).await;
    assert_eq!(dave.refused(), [Refusal::NotAllowed; 3]);
    assert_eq!(dave.roster_line(), "Phone 1 mic · dave");
    assert!(alice.is_up());
}

#[tokio::test(start_paused = true)]
async fn the_removed_hear_a_goodbye_and_are_out_at_once() {
    let mut world = World::new(5);
    let carol = opens(&mut world, "carol", Role::Moderator).await;
    let alice = talks(&mut world, "alice", Codec::Pcma, Voice(0)).await;
    let bob = comes_in(&mut world, "bob").await;
    carol.does(about(&carol, 1, Verb::Remove)).await;
    let removed = now();
    let from = listen(&mut world).await;
    assert_silent(&bob, from);
    assert_eq!(carol.roster_line(), "Phone 2 · carol moderator");
    world.run_for(2 * SECOND).await;
    assert_eq!(
        world.ladder.said_to("alice"),
        [
            "hello ask-pin",
            "hush",
            "thanks present-2 not-recorded not-heard-yet to-speak",
            "hush",
            "microphone-on",
            "removed"
        ]
    );
    assert_goodbye(&alice, removed);
    assert!(bob.is_up());
}

/// Asserts that the BYE came when the goodbye, a second long, was over.
fn assert_goodbye(phone: &Phone, since: std::time::Instant) {
    let State::Dismissed(at) = phone.state() else {
        panic!("{:?}", phone.state());
    };
    let words = (at - since).as_secs_f64();
    assert!((1.0..1.5).contains(&words), "{words}");
}

#[tokio::test(start_paused = true)]
async fn the_end_is_for_all() {
    let mut world = World::new(6);
    let carol = opens(&mut world, "carol", Role::Moderator).await;
    let dave = opens(&mut world, "dave", Role::Guest).await;
    let alice = comes_in(&mut world, "alice").await;
    let bob = comes_in(&mut world, "bob").await;
    carol.does(Verb::End).await;
    let ended = now();
    world.run_for(3 * SECOND).await;
    for browser in [carol, dave] {
        assert_eq!(browser.dismissed(), Some(Dismissal::Ended));
    }
    for phone in [alice, bob] {
        assert_goodbye(&phone, ended);
        assert_eq!(world.ladder.said_to(&phone.name()).last().unwrap(), "ended");
    }
    assert_eq!(world.server.census().conferences(), 0);
    assert_eq!(world.legs(), [0, 0]);
}

#[tokio::test(start_paused = true)]
async fn an_empty_conference_waits_for_half_a_minute() {
    let mut world = World::new(7);
    let alice = comes_in(&mut world, "alice").await;
    alice.hangs_up();
    world.run_for(25 * SECOND).await;
    assert_eq!(world.server.census().conferences(), 1);
    // Who comes back in time finds the same conference, where Phone 1 has been.
    let dave = opens(&mut world, "dave", Role::Guest).await;
    let bob = comes_in(&mut world, "bob").await;
    assert_eq!(dave.roster_line(), "Phone 2 · dave");
    bob.hangs_up();
    dave.leaves().await;
    world.run_for(29 * SECOND).await;
    assert_eq!(world.server.census().conferences(), 1);
    world.run_for(2 * SECOND).await;
    assert_eq!(world.server.census().conferences(), 0);
    let erin = opens(&mut world, "erin", Role::Guest).await;
    comes_in(&mut world, "alice2").await;
    assert_eq!(erin.roster_line(), "Phone 1 · erin");
}

const SECOND: Duration = Duration::from_secs(1);
