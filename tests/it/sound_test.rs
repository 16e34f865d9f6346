//! A number that leads to the sound test, through the whole server.

use std::time::Duration;

use dsp::Codec;
use insta::assert_snapshot;
use rundruf::{
    conference::event::Wording,
    limit::{SOUND_TEST_LASTS_MAX, SOUND_TESTS_MAX},
    phone::{Called, Dialled, Lead, Trunk},
};

use crate::sim::{
    ear::Voice,
    now,
    party::opens,
    phone::{Offer, Phone, State},
    sound::Saying,
    world::{World, everybody},
};

const SECOND: Duration = Duration::from_secs(1);

/// A trunk with a sound test by name and, in English, by number.
fn trunk() -> Trunk {
    let english = Dialled {
        language: Some(Wording::En),
        leads: Lead::SoundTest,
        ..Dialled::new("+4930555222")
    };
    Trunk {
        numbers: vec![Called::Rooms, Called::SoundTest, Called::Number(english)],
        ..everybody()
    }
}

async fn called(number: &str, codec: Codec) -> (World, Phone) {
    let mut world = World::with_trunks(1, vec![trunk()]);
    let alice = world.phone("alice");
    alice.speaks(codec);
    alice.dials(number);
    world.run_until(|_| alice.is_up()).await;
    (world, alice)
}

/// Waits until something has been said to a telephone so often.
async fn told(world: &mut World, phone: &Phone, clip: &str, times: usize) {
    let name = phone.name();
    world
        .run_until(|world| {
            let said = world.ladder.said_to(&name);
            said.iter().filter(|said| said.contains(clip)).count() >= times
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_caller_speaks_hears_themself_and_hears_how_it_was() {
    let (mut world, alice) = called("sound-test", Codec::Pcma).await;
    told(&mut world, &alice, "test-begin", 1).await;
    world.run_for(2 * SECOND).await;
    alice.says(Voice(0));
    let from = now();
    world.run_for(3 * SECOND).await;
    let heard = alice.heard_since(from);
    let own = Voice(0).heard_in(&heard.samples, heard.rate);
    assert!(own.level_dbfs < -60.0, "not while they speak: {own:?}");
    alice.say(Saying::Silence);
    world.run_for(2 * SECOND + SECOND / 2).await;
    let from = now();
    world.run_for(SECOND).await;
    let heard = alice.heard_since(from);
    let own = Voice(0).heard_in(&heard.samples, heard.rate);
    assert!((own.level_dbfs + 20.0).abs() < 2.0, "{own:?}");
    assert!(own.over_rest_db() > 15.0, "{own:?}");

    told(&mut world, &alice, "test-heard", 1).await;
    let from = now();
    world.run_for(2 * SECOND).await;
    let heard = alice.heard_since(from);
    let own = Voice(0).heard_in(&heard.samples, heard.rate);
    assert!(own.level_dbfs < -40.0, "once: {own:?}");
    alice.types("1");
    told(&mut world, &alice, "test-again", 1).await;
    told(&mut world, &alice, "test-not-heard", 1).await;
    alice.hangs_up();
    world.run_for(SECOND).await;
    assert_snapshot!(world.ladder.plain());
    assert_eq!(world.legs(), [0, 0]);
    assert_eq!(world.server.census().admitted(), 0);
    assert!(world.conferences.is_empty());
}

#[tokio::test(start_paused = true)]
async fn codec_and_protection_are_told_as_they_are() {
    for (codec, words) in [
        (Codec::Pcmu, "test-narrow"),
        (Codec::G722, "test-wide"),
        (Codec::Opus, "test-full"),
    ] {
        let (mut world, alice) = called("+4930555222", codec).await;
        world.run_for(3 * SECOND).await;
        alice.says(Voice(0));
        told(&mut world, &alice, "test-heard", 1).await;
        let said = world.ladder.said_to("alice").pop().unwrap();
        assert_eq!(
            said,
            format!("test-heard {words} line-not-encrypted test-loss-nothing test-once-more")
        );
        assert!(
            world
                .spoken
                .iter()
                .all(|(_, spoken)| *spoken == Wording::En)
        );
    }
}

#[tokio::test(start_paused = true)]
async fn loss_is_told_in_words() {
    let (mut world, alice) = called("sound-test", Codec::Pcma).await;
    world.run_for(3 * SECOND).await;
    world.net.up.loss = 0.1;
    alice.says(Voice(0));
    told(&mut world, &alice, "test-heard", 1).await;
    let said = world.ladder.said_to("alice").pop().unwrap();
    assert!(said.contains("test-loss-much"), "{said}");
}

#[tokio::test(start_paused = true)]
async fn it_ends_by_itself() {
    let (mut world, alice) = called("sound-test", Codec::Pcma).await;
    let begun = now();
    world
        .run_until(|_| matches!(alice.state(), State::Dismissed(_)))
        .await;
    assert!(now() - begun < SECOND * 60);
    let said = world.ladder.said_to("alice");
    assert_eq!(said.last().map(String::as_str), Some("test-end"));

    // Whoever presses on and on is sent away in the end.
    alice.dials("sound-test");
    world.run_until(|_| alice.is_up()).await;
    let begun = now();
    while alice.is_up() {
        alice.types("1");
        world.run_for(5 * SECOND).await;
        assert!(now() - begun < SOUND_TEST_LASTS_MAX + 30 * SECOND);
    }
    assert_eq!(world.legs(), [0, 0]);
}

#[tokio::test(start_paused = true)]
async fn no_more_than_so_many_test_at_a_time_and_rooms_are_untouched() {
    let mut world = World::with_trunks(1, vec![trunk()]);
    let phones: Vec<Phone> = (0..SOUND_TESTS_MAX)
        .map(|number| world.phone(&format!("phone{number}")))
        .collect();
    for phone in &phones {
        phone.dials("sound-test");
    }
    world.run_until(|_| phones.iter().all(Phone::is_up)).await;
    let more = world.phone("more");
    more.dials("+4930555222");
    world
        .run_until(|_| more.state() == State::Refused(503))
        .await;
    more.dials("4711");
    world.run_until(|_| more.is_up()).await;
    more.hangs_up();
    phones[0].hangs_up();
    world.run_for(SECOND).await;
    more.dials("sound-test");
    world.run_until(|_| more.is_up()).await;
}

#[tokio::test(start_paused = true)]
async fn a_stop_is_said_and_ends_the_test() {
    let (mut world, alice) = called("sound-test", Codec::Pcma).await;
    world.run_for(3 * SECOND).await;
    alice.says(Voice(0));
    world.run_for(SECOND).await;
    world.stop().await;
    world
        .run_until(|_| matches!(alice.state(), State::Dismissed(_)))
        .await;
    assert_eq!(world.ladder.said_to("alice").last().unwrap(), "stopping");
}

#[tokio::test(start_paused = true)]
async fn nobody_in_a_room_hears_who_tests() {
    let mut world = World::with_trunks(1, vec![trunk()]);
    let carol = opens(
        &mut world,
        "carol",
        rundruf::conference::participant::Role::Guest,
    )
    .await;
    let alice = world.phone("alice");
    alice.offers(Offer::Eventless(Codec::Pcma));
    alice.dials("sound-test");
    world.run_until(|_| alice.is_up()).await;
    world.run_for(3 * SECOND).await;
    alice.says(Voice(0));
    let from = crate::sim::party::listen(&mut world).await;
    crate::sim::party::assert_silent(&carol, from);
    assert_eq!(carol.roster_line(), "carol");
    alice.signals('1');
    told(&mut world, &alice, "test-heard", 1).await;
}
