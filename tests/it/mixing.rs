//! Who hears whom: everybody all others, nobody themself, and nobody those whose microphone is off.

use dsp::Codec;
use rundruf::{
    conference::{focus::Verb, participant::Role},
    media::Counter,
};

use crate::sim::{
    ear::Voice,
    now,
    party::{assert_hears, assert_silent, comes_in, listen, opens, talks},
    sound::Saying,
    world::World,
};

#[tokio::test(start_paused = true)]
async fn everybody_hears_everybody_but_themselves() {
    let mut world = World::new(2);
    let carol = opens(&mut world, "carol", Role::Moderator).await;
    carol.says(Voice(0));
    carol.does(Verb::SetMicrophone(true)).await;
    let alice = talks(&mut world, "alice", Codec::Pcma, Voice(1)).await;
    let bob = talks(&mut world, "bob", Codec::Pcmu, Voice(2)).await;
    let from = listen(&mut world).await;
    assert_hears(&carol, from, &[Voice(1), Voice(2)]);
    assert_hears(&alice, from, &[Voice(0), Voice(2)]);
    assert_hears(&bob, from, &[Voice(0), Voice(1)]);
    assert_eq!(
        carol.roster_line(),
        "Phone 1 mic · Phone 2 mic · carol moderator mic"
    );
}

#[tokio::test(start_paused = true)]
async fn every_codec_hears_and_is_heard() {
    for codec in Codec::ALL {
        let mut world = World::new(3);
        let alice = talks(&mut world, "alice", codec, Voice(1)).await;
        let bob = talks(&mut world, "bob", Codec::Pcma, Voice(4)).await;
        let concealed = world.counters().of(Counter::FramesConcealed);
        let from = listen(&mut world).await;
        let after = world.counters().of(Counter::FramesConcealed);
        assert_eq!(after, concealed, "made up on a clean link");
        assert_hears(&alice, from, &[Voice(4)]);
        assert_hears(&bob, from, &[Voice(1)]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_codec_may_change_in_mid_call() {
    let mut world = World::new(10);
    let alice = talks(&mut world, "alice", Codec::Pcma, Voice(1)).await;
    let bob = talks(&mut world, "bob", Codec::Pcmu, Voice(4)).await;
    for codec in [Codec::Opus, Codec::G722, Codec::Pcma] {
        alice.speaks(codec);
        alice.resumes();
        let from = listen(&mut world).await;
        assert_eq!(alice.heard_since(from).rate, codec.sample_rate());
        assert_hears(&alice, from, &[Voice(4)]);
        assert_hears(&bob, from, &[Voice(1)]);
    }
    alice.types("66");
    alice.say(Saying::Silence);
    world.run_for(FOUR_SECONDS).await;
    assert_eq!(
        world.ladder.said_to("alice").last().unwrap(),
        "microphone-off"
    );
}

#[tokio::test(start_paused = true)]
async fn the_microphone_is_off_at_first_and_keys_switch_it() {
    let mut world = World::new(4);
    let alice = comes_in(&mut world, "alice").await;
    let bob = comes_in(&mut world, "bob").await;
    alice.says(Voice(0));
    let from = listen(&mut world).await;
    assert_silent(&bob, from);
    for keys in ["66", "*6"] {
        alice.types(keys);
        let from = listen_after(&mut world).await;
        assert_hears(&bob, from, &[Voice(0)]);
        alice.types(keys);
        let from = listen_after(&mut world).await;
        assert_silent(&bob, from);
    }
    // Two single presses are no double press when they lie apart.
    for _ in 0..2 {
        alice.types("6");
        world.run_for(FOUR_SECONDS).await;
    }
    let from = listen(&mut world).await;
    assert_silent(&bob, from);
    let said = world.ladder.said_to("alice");
    let switched: Vec<&String> = said.iter().filter(|s| s.starts_with("micro")).collect();
    assert_eq!(
        switched,
        [
            "microphone-on",
            "microphone-off",
            "microphone-on",
            "microphone-off"
        ]
    );
}

/// Lets keys be pressed and the confirmation be spoken, then listens.
async fn listen_after(world: &mut World) -> std::time::Instant {
    world.run_for(FOUR_SECONDS).await;
    listen(world).await
}

#[tokio::test(start_paused = true)]
async fn who_waits_at_the_door_neither_hears_nor_is_heard() {
    let mut world = World::new(5);
    let alice = talks(&mut world, "alice", Codec::Pcma, Voice(0)).await;
    let waiting = world.phone("waiting");
    waiting.dials("4711");
    world.run_until(|_| waiting.is_up()).await;
    waiting.says(Voice(1));
    world.run_for(FOUR_SECONDS).await;
    let from = listen(&mut world).await;
    assert_silent(&waiting, from);
    assert_silent(&alice, from);
}

#[tokio::test(start_paused = true)]
async fn legs_of_both_shards_meet_in_one_conference() {
    let mut world = World::new(6);
    // Six callers wait at the door, spread over both shards, before any of them types.
    let phones: Vec<_> = (0..6).map(|n| world.phone(&format!("phone{n}"))).collect();
    for phone in &phones {
        phone.dials("4711");
        world.run_until(|_| phone.is_up()).await;
        world.run_for(FOUR_SECONDS / 40).await;
    }
    assert_eq!(world.legs(), [3, 3]);
    let pin = world.room().pin(Role::Guest);
    for phone in &phones {
        phone.types(&pin);
    }
    world.run_for(3 * FOUR_SECONDS).await;
    let mut legs = world.legs();
    legs.sort_unstable();
    assert_eq!(legs, [0, 6]);
    // The first two came in on different shards.
    for (number, phone) in phones[..2].iter().enumerate() {
        phone.says(Voice(number));
        phone.types("66");
    }
    world.run_for(FOUR_SECONDS).await;
    let from = listen(&mut world).await;
    assert_hears(&phones[0], from, &[Voice(1)]);
    assert_hears(&phones[1], from, &[Voice(0)]);
    for phone in &phones[2..] {
        assert_hears(phone, from, &[Voice(0), Voice(1)]);
    }
    assert_eq!(world.counters().of(Counter::LegsWithoutRoster), 0);
    assert_eq!(world.counters().of(Counter::CommandsUnmatched), 0);
}

#[tokio::test(start_paused = true)]
async fn two_rooms_do_not_hear_each_other() {
    let mut world = World::new(7);
    let alice = talks(&mut world, "alice", Codec::Pcma, Voice(0)).await;
    world.rooms.rotate_left(1);
    let bob = talks(&mut world, "bob", Codec::Pcma, Voice(1)).await;
    let from = listen(&mut world).await;
    assert_silent(&alice, from);
    assert_silent(&bob, from);
    assert_eq!(world.server.census().conferences(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_gives_the_same_result_twice() {
    let mut runs = Vec::new();
    for seed in [8, 8, 9] {
        let mut world = World::new(seed);
        world.net.up.loss = 0.05;
        world.net.down.jitter = FOUR_SECONDS / 50;
        let start = now();
        let alice = talks(&mut world, "alice", Codec::Pcma, Voice(0)).await;
        let bob = talks(&mut world, "bob", Codec::Opus, Voice(1)).await;
        let heard = alice.sound(|sound| sound.heard.clone());
        let arrivals: Vec<_> = heard
            .into_iter()
            .map(|packet| (packet.at - start, packet.sequence, packet.payload))
            .collect();
        runs.push((world.ladder.timed(), arrivals, bob.state()));
    }
    assert!(runs[0] == runs[1], "{}{}", runs[0].0, runs[1].0);
    assert!(runs[0].1 != runs[2].1);
}

const FOUR_SECONDS: std::time::Duration = std::time::Duration::from_secs(4);
