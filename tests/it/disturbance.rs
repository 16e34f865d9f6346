//! What everybody sees and who is told what when a leg hums, echoes or plays music.

use std::time::Duration;

use dsp::Codec;
use rundruf::{
    conference::{focus::Verb, participant::Role},
    media::api::{Disturbance, Event},
};

use crate::sim::{
    ear::Voice,
    party::{assert_hears, assert_silent, comes_in, listen, opens, talks},
    phone::{Hold, Phone},
    world::World,
};

#[tokio::test(start_paused = true)]
async fn music_is_named_to_all_and_its_end_is_told_to_who_comes_back() {
    let mut world = World::new(1);
    let carol = opens(&mut world, "carol", Role::Moderator).await;
    let dave = opens(&mut world, "dave", Role::Guest).await;
    let alice = talks(&mut world, "alice", Codec::Pcma, Voice(0)).await;
    disturbs(&mut world, &alice, Some(Disturbance::Music)).await;
    let all = "Phone 1 mic Music · carol moderator · dave";
    assert_eq!([carol.roster_line(), dave.roster_line()], [all; 2]);
    assert_eq!(last_said(&world, "alice"), "music-muted");
    disturbs(&mut world, &alice, None).await;
    let all = "Phone 1 mic · carol moderator · dave";
    assert_eq!([carol.roster_line(), dave.roster_line()], [all; 2]);
    assert_eq!(last_said(&world, "alice"), "music-over");
    // The clip lasts a second; then the conversation goes on.
    world.run_for(Duration::from_secs(1)).await;
    let from = listen(&mut world).await;
    assert_hears(&carol, from, &[Voice(0)]);
}

#[tokio::test(start_paused = true)]
async fn the_end_of_music_opens_no_microphone_that_was_switched_off() {
    let mut world = World::new(2);
    let carol = opens(&mut world, "carol", Role::Moderator).await;
    let alice = talks(&mut world, "alice", Codec::Pcma, Voice(0)).await;
    disturbs(&mut world, &alice, Some(Disturbance::Music)).await;
    let phone = carol.roster()[0].id;
    carol.does(Verb::Mute(phone)).await;
    world.run_for(SECOND).await;
    assert_eq!(carol.roster_line(), "Phone 1 Music · carol moderator");
    disturbs(&mut world, &alice, None).await;
    assert_eq!(carol.roster_line(), "Phone 1 · carol moderator");
    assert_eq!(
        last_said(&world, "alice"),
        "microphone-off-by-moderator to-speak"
    );
    let from = listen(&mut world).await;
    assert_silent(&carol, from);
}

#[tokio::test(start_paused = true)]
async fn a_microphone_switched_on_during_music_is_not_said_to_be_heard() {
    let mut world = World::new(3);
    let alice = talks(&mut world, "alice", Codec::Pcma, Voice(0)).await;
    disturbs(&mut world, &alice, Some(Disturbance::Music)).await;
    for expected in ["microphone-off", "music-muted"] {
        alice.types("66");
        world.run_for(4 * SECOND).await;
        assert_eq!(last_said(&world, "alice"), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_hum_or_an_echo_is_shown_while_it_lasts_and_told_once() {
    let mut world = World::new(4);
    let carol = opens(&mut world, "carol", Role::Moderator).await;
    let alice = talks(&mut world, "alice", Codec::Pcma, Voice(0)).await;
    disturbs(&mut world, &alice, Some(Disturbance::Echo)).await;
    assert_eq!(carol.roster_line(), "Phone 1 mic Echo · carol moderator");
    assert_eq!(last_said(&world, "alice"), "line-echoes");
    let said = world.ladder.said_to("alice").len();
    disturbs(&mut world, &alice, None).await;
    assert_eq!(carol.roster_line(), "Phone 1 mic · carol moderator");
    disturbs(&mut world, &alice, Some(Disturbance::SteadyNoise)).await;
    let line = "Phone 1 mic SteadyNoise · carol moderator";
    assert_eq!(carol.roster_line(), line);
    assert_eq!(world.ladder.said_to("alice").len(), said);
    let from = listen(&mut world).await;
    assert_hears(&carol, from, &[Voice(0)]);
}

#[tokio::test(start_paused = true)]
async fn who_is_on_hold_or_gone_is_told_nothing_of_music() {
    let mut world = World::new(5);
    let carol = opens(&mut world, "carol", Role::Moderator).await;
    let alice = comes_in(&mut world, "alice").await;
    alice.holds(Hold::SendOnly);
    world.run_for(SECOND).await;
    let said = world.ladder.said_to("alice");
    disturbs(&mut world, &alice, Some(Disturbance::Music)).await;
    assert_eq!(world.ladder.said_to("alice"), said);
    let (worker, leg) = world.leg_of(&alice);
    alice.hangs_up();
    world.run_for(SECOND).await;
    let disturbance = None;
    world.notice(worker, Event::Disturbs { leg, disturbance });
    world.run_for(SECOND).await;
    assert_eq!(carol.roster_line(), "carol moderator");
}

/// Lets the worker of a telephone's leg say that it disturbs.
async fn disturbs(world: &mut World, phone: &Phone, disturbance: Option<Disturbance>) {
    let (worker, leg) = world.leg_of(phone);
    world.notice(worker, Event::Disturbs { leg, disturbance });
    world.run_for(SECOND).await;
}

fn last_said(world: &World, name: &str) -> String {
    world
        .ladder
        .said_to(name)
        .last()
        .cloned()
        .unwrap_or_default()
}

const SECOND: Duration = Duration::from_secs(1);
