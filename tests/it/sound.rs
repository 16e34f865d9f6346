//! What people and operators can do with the sound, and what is said over it.

use std::time::{Duration, Instant};

use dsp::Codec;
use rundruf::{
    conference::{focus::Verb, participant::Role},
    server::{Sound, Spared},
};

use crate::sim::{
    clip::CLIP_HZ,
    ear::{Voice, heard},
    now,
    party::{LOUDNESS, Listener, assert_hears, comes_in, listen, opens, talks},
    sound::Saying,
    world::World,
};

/// C68: what a G.722 telephone says reaches an Opus browser in its whole width, and the other way round.
#[tokio::test(start_paused = true)]
async fn wide_band_is_kept_from_end_to_end_in_both_directions() {
    let mut world = World::new(1);
    let alice = talks(&mut world, "alice", Codec::G722, WIDE).await;
    let carol = opens(&mut world, "carol", Role::Guest).await;
    let from = listen(&mut world).await;
    assert_wide(&carol, from);
    alice.types("66");
    alice.say(Saying::Silence);
    carol.says(WIDE);
    carol.does(Verb::SetMicrophone(true)).await;
    world.run_for(3 * SECOND).await;
    let from = listen(&mut world).await;
    assert_wide(&alice, from);
}

/// Asserts that 6.9 kHz comes through within 6 dB of 1 kHz; they were said equally loud.
fn assert_wide(listener: &dyn Listener, from: Instant) {
    let [low, high] = [1_000.0, 6_900.0].map(|tone| level(listener, from, tone));
    let name = listener.name();
    assert!(low > -40.0, "{name} hears nothing: {low}");
    assert!((high - low).abs() <= 6.0, "{name}: {low} and {high} dBFS");
}

#[tokio::test(start_paused = true)]
async fn original_sound_is_left_as_it_is_and_treated_again_afterwards() {
    let mut world = World::new(2);
    let carol = opens(&mut world, "carol", Role::Moderator).await;
    let dave = opens(&mut world, "dave", Role::Guest).await;
    carol.says(Voice(0));
    carol.does(Verb::SetMicrophone(true)).await;
    carol.does(Verb::SetOriginalSound(true)).await;
    world.run_for(2 * SECOND).await;
    assert_eq!(dave.roster_line(), "carol moderator mic original · dave");
    let from = listen(&mut world).await;
    let original = voice(&dave, from, Voice(0));
    assert!((original - -20.0).abs() < 1.0, "{original} dBFS");
    carol.does(Verb::SetOriginalSound(false)).await;
    world.run_for(2 * SECOND).await;
    let from = listen(&mut world).await;
    let treated = voice(&dave, from, Voice(0));
    assert!(LOUDNESS.contains(&treated), "{treated} dBFS");
    assert!(treated < original - 2.0, "{treated} dBFS");
    assert_eq!(dave.roster_line(), "carol moderator mic · dave");
}

#[tokio::test(start_paused = true)]
async fn the_operator_spares_telephones_what_browsers_get() {
    let phones = Spared {
        noise_suppression: true,
        echo_suppression: false,
    };
    let mut world = World::with_sound(
        3,
        Sound {
            phones,
            ..Sound::default()
        },
    );
    world.printed = Some(String::new());
    comes_in(&mut world, "alice").await;
    opens(&mut world, "carol", Role::Guest).await;
    let printed = world.printed.take().unwrap_or_default();
    let shaped: Vec<&str> = printed.lines().filter(|l| l.contains("Shape {")).collect();
    let asked = "Shaping { noise_suppression: false, gain: true, echo: true }";
    assert!(shaped.len() == 1 && shaped[0].contains(asked), "{shaped:?}");
}

#[tokio::test(start_paused = true)]
async fn no_more_are_heard_at_a_time_than_the_settings_say() {
    let speakers = "1".parse().unwrap();
    let mut world = World::with_sound(
        4,
        Sound {
            speakers,
            ..Sound::default()
        },
    );
    let carol = opens(&mut world, "carol", Role::Guest).await;
    talks(&mut world, "alice", Codec::Pcma, Voice(0)).await;
    talks(&mut world, "bob", Codec::Pcma, Voice(1)).await;
    let from = listen(&mut world).await;
    let levels = [0, 1].map(|number| voice(&carol, from, Voice(number)));
    let heard = levels.iter().filter(|level| **level > -40.0);
    assert_eq!(heard.count(), 1, "{levels:?}");
}

#[tokio::test(start_paused = true)]
async fn who_switches_the_microphone_is_told_over_the_talk_and_nobody_else_hears_it() {
    for codec in [Codec::Pcma, Codec::Opus] {
        let mut world = World::new(5);
        let bob = talks(&mut world, "bob", Codec::Pcma, Voice(1)).await;
        let alice = talks(&mut world, "alice", codec, Voice(0)).await;
        let from = listen(&mut world).await;
        let undisturbed = voice(&alice, from, Voice(1));
        alice.types("66");
        alice.say(Saying::Silence);
        world
            .run_until(|world| {
                let said = world.ladder.said_to("alice");
                said.last().is_some_and(|said| said == "microphone-off")
            })
            .await;
        world.run_for(SECOND / 5).await;
        let from = now();
        world.run_for(SECOND * 6 / 10).await;
        let words = level(&alice, from, CLIP_HZ);
        assert!((words - -23.8).abs() < 1.5, "{codec:?}: words at {words}");
        let talk = voice(&alice, from, Voice(1));
        let ducked = undisturbed - talk;
        assert!((8.0..12.0).contains(&ducked), "{codec:?}: {ducked} dB");
        let elsewhere = level(&bob, from, CLIP_HZ);
        assert!(elsewhere < -60.0, "{codec:?}: {elsewhere}");
        world.run_for(2 * SECOND).await;
        let from = listen(&mut world).await;
        assert_hears(&alice, from, &[Voice(1)]);
    }
}

fn voice(listener: &dyn Listener, from: Instant, voice: Voice) -> f64 {
    let recording = listener.heard_since(from);
    voice
        .heard_in(&recording.samples, recording.rate)
        .level_dbfs
}

fn level(listener: &dyn Listener, from: Instant, tone: f64) -> f64 {
    let recording = listener.heard_since(from);
    heard(&[tone], &recording.samples, recording.rate).level_dbfs
}

/// The voice that needs a wide band.
const WIDE: Voice = Voice(6);

const SECOND: Duration = Duration::from_secs(1);
