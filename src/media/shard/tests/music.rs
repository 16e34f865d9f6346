//! A leg that plays music to the conference is named, leaves every mix, and comes back when it speaks.

use std::time::Duration;

use dsp::{Codec, Shaping};

use super::{
    HEARD, LOW, NOT_HEARD, settle, sounds,
    world::{ANNA, BERT, CARL, OPEN, ROOM, World},
};
use crate::{
    id::LegId,
    limit::{WATCH_TICKS, WATCHED_MAX},
    media::{
        Counter,
        api::{Command, Disturbance, Event},
        load::Effort,
    },
};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn hold_music_leaves_the_mix_and_the_voice_after_it_comes_back() {
    // Only a leg whose sound is treated is judged.
    let mut world = trio(Shaping::TELEPHONE);
    world.phone(BERT).says = Some(LOW);
    settle(&mut world);
    let undisturbed = world.phone(CARL).hears(LOW);
    assert!(undisturbed > HEARD);
    world.phone(ANNA).recites(sounds::melody(1, 18, -20.0));
    world.run(2 * SECOND);
    assert!(
        beside(&mut world, CARL) > -30.0,
        "the music is heard at first"
    );
    let banned = seconds_until(&mut world, 12, |world| !findings(world).is_empty());
    assert_eq!(findings(&world), [(ANNA, Some(Disturbance::Music))]);
    assert!(banned > 2, "named after {banned} s");
    // What was on its way when it was named is heard out.
    world.run(SECOND / 5);
    world.forget();
    world.run(SECOND);
    for listener in [ANNA, CARL] {
        let level = world.phone(listener).hears(LOW);
        assert!(
            (level - undisturbed).abs() < 0.5,
            "{listener}: {level} dBov"
        );
        assert!(beside(&mut world, listener) < -45.0, "{listener}");
    }
    assert!(world.phone(BERT).hears(LOW) < NOT_HEARD);
    let silence = sounds::dbov(&world.phone(BERT).heard);
    assert!(silence < -60.0, "{silence} dBov");
    world.run(SECOND);
    world.phone(ANNA).recites(sounds::speech(1, 12, -22.0));
    let back = seconds_until(&mut world, 8, |world| findings(world).len() > 1);
    let told = [(ANNA, Some(Disturbance::Music)), (ANNA, None)];
    assert_eq!(findings(&world), told);
    assert!(back <= 5, "back after {back} s");
    world.forget();
    world.run(SECOND);
    assert!(beside(&mut world, CARL) > -35.0, "the voice is heard");
    assert!(sounds::dbov(&world.phone(BERT).heard) > -35.0);
    assert_eq!(findings(&world), told);
}

#[test]
fn music_is_left_out_by_a_worker_that_has_no_time_to_suppress_noise() {
    let mut world = trio(Shaping::TELEPHONE);
    world.shards[0].set_effort(Effort::reduced_by(usize::MAX));
    world.phone(ANNA).recites(sounds::melody(1, 18, -20.0));
    world.run(14 * SECOND);
    assert_eq!(findings(&world), [(ANNA, Some(Disturbance::Music))]);
    world.forget();
    world.run(SECOND);
    assert!(beside(&mut world, CARL) < -45.0);
}

#[test]
fn music_that_is_to_be_left_as_it_is_stays_in_the_mix() {
    // Only a leg whose sound is treated is judged.
    let mut world = trio(Shaping::TELEPHONE);
    let (leg, shaping) = (ANNA, Shaping::NONE);
    world.tell(Command::Shape { leg, shaping });
    world.phone(ANNA).recites(sounds::melody(1, 18, -20.0));
    world.run(16 * SECOND);
    assert_eq!(findings(&world), []);
    world.forget();
    world.run(SECOND);
    let heard = beside(&mut world, CARL);
    assert!(heard > -25.0, "{heard} dBov");
}

/// Ten places of hold music are more than are listened to at a time.
#[test]
fn of_many_who_play_music_few_are_decoded_and_all_are_heard_when_they_speak() {
    let players: Vec<LegId> = (20..30).map(LegId::from_u64).collect();
    let mut world = World::new();
    world.start(ROOM);
    for (seed, leg) in (0..).zip(players.iter().copied()) {
        world.call(leg, Codec::Pcma);
        world.join(leg, ROOM);
        let shaping = Shaping::TELEPHONE;
        world.tell(Command::Shape { leg, shaping });
        world.phone(leg).recites(sounds::melody(seed, 70, -20.0));
    }
    let seats: Vec<_> = players.iter().map(|leg| (*leg, OPEN)).collect();
    world.seat(ROOM, &seats);
    seconds_until(&mut world, 50, |world| {
        findings(world).len() == players.len()
    });
    world.run(SECOND);
    let before = world.count(Counter::FramesDecoded);
    world.run(SECOND);
    let decoded = world.count(Counter::FramesDecoded) - before;
    assert_eq!(decoded, 50 * WATCHED_MAX as u64);
    for (seed, leg) in (0..).zip(players.iter().copied()) {
        let phone = world.phone(leg);
        phone.recites(sounds::speech(seed, 40, -22.0));
    }
    let turns = players.len().div_ceil(WATCHED_MAX) * WATCH_TICKS / 50;
    seconds_until(&mut world, turns + 6, |world| {
        findings(world).len() == 2 * players.len()
    });
    for leg in players {
        let told: Vec<_> = findings(&world)
            .into_iter()
            .filter(|(found, _)| *found == leg)
            .map(|(_, disturbance)| disturbance)
            .collect();
        assert_eq!(told, [Some(Disturbance::Music), None], "{leg}");
    }
}

/// Three telephones with open microphones; the first one's sound is treated so.
pub(super) fn trio(shaping: Shaping) -> World {
    let mut world = World::new();
    world.start(ROOM);
    for leg in [ANNA, BERT, CARL] {
        world.call(leg, Codec::Pcma);
        world.join(leg, ROOM);
    }
    world.seat(ROOM, &[(ANNA, OPEN), (BERT, OPEN), (CARL, OPEN)]);
    world.tell(Command::Shape { leg: ANNA, shaping });
    world
}

/// Runs second by second; returns how many it took.
fn seconds_until(world: &mut World, most: usize, done: impl Fn(&World) -> bool) -> usize {
    for second in 0..most {
        if done(world) {
            return second;
        }
        world.forget();
        world.run(SECOND);
    }
    assert!(done(world), "not within {most} s");
    most
}

/// The level of what a leg hears beside the other's tone, in dBov.
fn beside(world: &mut World, leg: LegId) -> f64 {
    let phone = world.phone(leg);
    let power = |dbov: f64| 10_f64.powf(dbov / 10.0);
    let rest = power(sounds::dbov(&phone.heard)) - power(phone.hears(LOW));
    10.0 * rest.max(1e-12).log10()
}

pub(super) fn findings(world: &World) -> Vec<(LegId, Option<Disturbance>)> {
    let mut found = Vec::new();
    for event in &world.events {
        if let Event::Disturbs { leg, disturbance } = event {
            found.push((*leg, *disturbance));
        }
    }
    found
}
