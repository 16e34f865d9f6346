//! Names that are said in the waiting room: kept on the worker, heard by whom they are played to, and by nobody else.

use std::time::Duration;

use dsp::Codec;

use super::{
    HEARD, LOW, NOT_HEARD,
    world::{ANNA, BERT, CARL, OPEN, ROOM, World, level_at, tone_clip},
};
use crate::{
    id::LegId,
    limit::{RECORDED_NAME_MAX, RECORDED_NAME_PAUSE},
    media::{
        Clips, Counter,
        api::{ClipId, Command, Event},
    },
};

const SECOND: Duration = Duration::from_secs(1);
const NAME: ClipId = ClipId(ClipId::LEARNED.0 + 3);

/// Anna waits; Bert and Carl are in the conference.
fn waiting(codec: Codec) -> World {
    let mut world = World::with_clips(Clips::new(vec![tone_clip(1_700.0, 50)]));
    world.start(ROOM);
    for leg in [ANNA, BERT, CARL] {
        world.call(leg, codec);
    }
    for leg in [BERT, CARL] {
        world.join(leg, ROOM);
    }
    world.seat(ROOM, &[(BERT, OPEN), (CARL, OPEN)]);
    world.run(SECOND);
    world.take_events();
    world
}

fn record(world: &mut World) {
    world.tell(Command::Record {
        leg: ANNA,
        conference: ROOM,
        clip: NAME,
    });
}

fn recorded(world: &mut World) -> Option<bool> {
    world.take_events().into_iter().find_map(|event| {
        if let Event::Recorded { leg: ANNA, heard } = event {
            Some(heard)
        } else {
            None
        }
    })
}

fn play(world: &mut World, leg: LegId) -> f64 {
    world.forget();
    let (clips, token) = (vec![NAME], 1);
    world.tell(Command::Play { leg, clips, token });
    world.run(SECOND);
    world.phone(leg).hears(LOW)
}

#[test]
fn what_was_said_is_heard_by_whom_it_is_played_to_in_every_codec() {
    for codec in Codec::ALL {
        let mut world = waiting(codec);
        record(&mut world);
        world.run(SECOND / 2);
        world.phone(ANNA).says = Some(LOW);
        world.run(SECOND);
        world.phone(ANNA).says = None;
        world.forget();
        world.run(RECORDED_NAME_PAUSE + SECOND / 2);
        assert_eq!(recorded(&mut world), Some(true), "{codec:?}");
        for leg in [ANNA, BERT, CARL] {
            let level = world.phone(leg).hears(LOW);
            assert!(level < NOT_HEARD, "{codec:?}: nobody hears it yet: {level}");
        }
        let level = play(&mut world, BERT);
        assert!(level > HEARD - 10.0, "{codec:?}: {level}");
        assert!(world.phone(CARL).hears(LOW) < NOT_HEARD, "{codec:?}");
        assert!(world.phone(ANNA).hears(LOW) < NOT_HEARD, "{codec:?}");
        world.tell(Command::Forget { clip: NAME });
        world.run(SECOND);
        assert!(play(&mut world, BERT) < NOT_HEARD, "{codec:?}: forgotten");
    }
}

/// Silence before and after is left out, and faint speech is as loud as the prompts.
#[test]
fn it_begins_with_the_name_and_is_as_loud_as_the_prompts() {
    let mut world = waiting(Codec::Pcma);
    record(&mut world);
    world.run(SECOND);
    let faint = tone_clip(LOW, 50).into_iter().map(|mut frame| {
        frame.samples.iter_mut().for_each(|sample| *sample /= 8);
        frame
    });
    world.phone(ANNA).recites(faint.collect());
    world.run(SECOND);
    world.phone(ANNA).recites(Vec::new());
    world.run(RECORDED_NAME_PAUSE + SECOND / 2);
    assert_eq!(recorded(&mut world), Some(true));
    let frames = world.shard().common.clips.learned.frames(NAME);
    // A second, 400 ms until speech counts as over, and 200 ms on either side.
    assert!((85..95).contains(&frames.len()), "{} ticks", frames.len());
    let samples: Vec<i16> = frames[20..50]
        .iter()
        .flat_map(|frame| frame.samples)
        .collect();
    let level = level_at(&samples, LOW);
    assert!((-29.0..-24.0).contains(&level), "{level} dBov");
}

#[test]
fn no_more_is_kept_than_may_be_and_silence_is_nothing() {
    let mut world = waiting(Codec::Pcma);
    record(&mut world);
    world.phone(ANNA).says = Some(LOW);
    world.run(RECORDED_NAME_MAX - SECOND / 5);
    assert_eq!(recorded(&mut world), None);
    world.run(SECOND / 2);
    assert_eq!(recorded(&mut world), Some(true));
    world.phone(ANNA).says = None;
    world.run(SECOND);
    record(&mut world);
    world.run(RECORDED_NAME_MAX + SECOND / 5);
    assert_eq!(recorded(&mut world), Some(false));
    assert!(
        play(&mut world, BERT) < NOT_HEARD,
        "what was said before is gone"
    );
}

#[test]
fn a_prompt_or_being_let_in_ends_it_and_nothing_is_kept() {
    let mut world = waiting(Codec::Pcma);
    world.phone(ANNA).says = Some(LOW);
    record(&mut world);
    world.run(SECOND);
    let (leg, clips, token) = (ANNA, vec![ClipId(0)], 2);
    world.tell(Command::Play { leg, clips, token });
    world.run(RECORDED_NAME_MAX + SECOND);
    assert_eq!(recorded(&mut world), None);
    record(&mut world);
    world.run(SECOND);
    world.phone(ANNA).says = None;
    world.join(ANNA, ROOM);
    world.seat(ROOM, &[(ANNA, OPEN), (BERT, OPEN), (CARL, OPEN)]);
    world.run(RECORDED_NAME_MAX + SECOND);
    assert_eq!(recorded(&mut world), None);
    assert!(play(&mut world, BERT) < NOT_HEARD);
}

#[test]
fn a_name_that_was_forgotten_while_it_was_said_is_not_kept() {
    let mut world = waiting(Codec::Pcma);
    world.phone(ANNA).says = Some(LOW);
    record(&mut world);
    world.run(SECOND);
    world.tell(Command::Forget { clip: NAME });
    world.run(RECORDED_NAME_MAX);
    assert_eq!(recorded(&mut world), Some(false));
    assert_eq!(world.count(Counter::CommandsUnmatched), 0);
}
