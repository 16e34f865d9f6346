//! The sound test: a leg in no conference hears once what it said, and nobody else does.

use std::time::Duration;

use dsp::Codec;

use super::{
    HEARD, HIGH, LOW, NOT_HEARD,
    world::{ANNA, BERT, OPEN, ROOM, World, tone_clip},
};
use crate::{
    limit::{ECHO_MAX, ECHO_PAUSE},
    media::{
        Clips,
        api::{ClipId, Command, Echoed, Event},
    },
};

const SECOND: Duration = Duration::from_secs(1);

/// A telephone that is about to be listened to.
fn called(codec: Codec) -> World {
    let mut world = World::with_clips(Clips::new(vec![tone_clip(HIGH, 200)]));
    world.call(ANNA, codec);
    world.run(SECOND);
    world
}

fn echo(world: &mut World, token: u64) {
    world.take_events();
    let leg = ANNA;
    world.tell(Command::Echo { leg, token });
}

/// What is told of the leg's sound once it was played back.
fn echoed(world: &mut World) -> Option<(u64, Echoed)> {
    world.take_events().into_iter().find_map(|event| {
        if let Event::Echoed { leg, token, echoed } = event {
            (leg == ANNA).then_some((token, echoed))
        } else {
            None
        }
    })
}

#[test]
fn a_caller_hears_themself_once_in_every_codec() {
    for codec in Codec::ALL {
        let mut world = called(codec);
        echo(&mut world, 7);
        world.phone(ANNA).says = Some(LOW);
        world.run(2 * SECOND);
        assert!(world.phone(ANNA).hears(LOW) < NOT_HEARD, "{codec:?}");
        world.phone(ANNA).says = None;
        world.run(ECHO_PAUSE + SECOND / 2);
        world.forget();
        world.run(SECOND);
        assert!(world.phone(ANNA).hears(LOW) > HEARD, "{codec:?}");
        assert_eq!(echoed(&mut world), None, "{codec:?}");
        world.run(4 * SECOND);
        let (token, echoed) = echoed(&mut world).expect("it was played back");
        assert_eq!(
            (token, echoed.heard, echoed.lost),
            (7, true, 0),
            "{codec:?}"
        );
        assert!((90..110).contains(&echoed.expected), "{echoed:?}");
        world.forget();
        world.run(SECOND);
        assert!(world.phone(ANNA).hears(LOW) < NOT_HEARD, "once: {codec:?}");
    }
}

#[test]
fn no_more_is_kept_than_may_be() {
    let mut world = called(Codec::Pcma);
    world.phone(ANNA).says = Some(LOW);
    echo(&mut world, 1);
    world.run(ECHO_MAX - SECOND / 5);
    world.forget();
    world.run(SECOND / 10);
    assert!(world.phone(ANNA).hears(LOW) < NOT_HEARD);
    world.run(SECOND / 2);
    world.forget();
    world.run(SECOND);
    assert!(world.phone(ANNA).hears(LOW) > HEARD);
    world.run(ECHO_MAX - SECOND);
    assert!(echoed(&mut world).is_some_and(|(_, echoed)| echoed.heard));
}

#[test]
fn who_says_nothing_is_told_so() {
    let mut world = called(Codec::Pcma);
    echo(&mut world, 1);
    world.run(ECHO_MAX + SECOND / 10);
    let nothing = Echoed::default();
    assert_eq!(echoed(&mut world), Some((1, nothing)));
}

#[test]
fn a_prompt_or_a_conference_ends_it_and_nobody_else_hears_it() {
    let mut world = called(Codec::Pcma);
    world.phone(ANNA).says = Some(LOW);
    echo(&mut world, 1);
    world.run(SECOND);
    let play = Command::Play {
        leg: ANNA,
        clips: vec![ClipId(0)],
        token: 2,
    };
    world.tell(play);
    world.run(2 * ECHO_MAX);
    assert_eq!(echoed(&mut world), None);

    echo(&mut world, 3);
    world.run(SECOND);
    world.start(ROOM);
    world.call(BERT, Codec::Pcma);
    world.join(BERT, ROOM);
    world.seat(ROOM, &[(BERT, OPEN)]);
    world.run(SECOND);
    assert!(world.phone(BERT).hears(LOW) < NOT_HEARD);
    world.join(ANNA, ROOM);
    world.seat(ROOM, &[(ANNA, OPEN), (BERT, OPEN)]);
    world.run(ECHO_MAX + SECOND);
    world.forget();
    world.run(SECOND);
    assert!(world.phone(ANNA).hears(LOW) < NOT_HEARD);
    assert_eq!(echoed(&mut world), None);
}
