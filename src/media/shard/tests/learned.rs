//! Sounds that a shard learns: said to one leg or to all, in every codec, and silent once they are forgotten.

use std::time::Duration;

use dsp::Codec;

use super::{
    HEARD, HIGH, NOT_HEARD,
    world::{ANNA, BERT, MUTED, ROOM, World, tone_clip},
};
use crate::{
    id::{ConferenceId, LegId},
    media::{
        Clips, Counter,
        api::{ClipId, Command, Event, Lesson, Utterance},
    },
};

const SECOND: Duration = Duration::from_secs(1);

/// The tone of the sound, and the number it is known by.
const NAME: f64 = 1_700.0;
const LEARNED: ClipId = ClipId(ClipId::LEARNED.0 + 5);

/// A clip of the catalogue, half a second.
const WORDS: ClipId = ClipId(0);

/// Two who listen, and a sound of a second.
fn taught(codec: Codec) -> World {
    let mut world = World::with_clips(Clips::new(vec![tone_clip(HIGH, 25)]));
    world.start(ROOM);
    for leg in [ANNA, BERT] {
        world.call(leg, codec);
        world.join(leg, ROOM);
    }
    world.seat(ROOM, &[(ANNA, MUTED), (BERT, MUTED)]);
    world.tell(learn(ROOM));
    world.run(SECOND);
    world.forget();
    world.take_events();
    world
}

fn learn(conference: ConferenceId) -> Command {
    Command::Learn(Lesson {
        conference,
        clip: LEARNED,
        utterance: Utterance::new(tone_clip(NAME, 50)),
    })
}

fn play(world: &mut World, clips: &[ClipId]) {
    let (leg, clips, token) = (ANNA, clips.to_vec(), 7);
    world.tell(Command::Play { leg, clips, token });
}

fn listen(world: &mut World, leg: LegId, time: Duration) -> (f64, f64) {
    world.forget();
    world.run(time);
    (world.phone(leg).hears(NAME), world.phone(leg).hears(HIGH))
}

fn is_played(world: &mut World) -> bool {
    let mut events = world.take_events().into_iter();
    events.any(|event| {
        matches!(
            event,
            Event::Played {
                leg: ANNA,
                token: 7
            }
        )
    })
}

#[test]
fn one_leg_hears_it_between_clips_in_every_codec_and_nobody_else_does() {
    for codec in Codec::ALL {
        let mut world = taught(codec);
        play(&mut world, &[WORDS, LEARNED, WORDS]);
        let (name, words) = listen(&mut world, ANNA, SECOND / 2);
        assert!(
            name < NOT_HEARD && words > HEARD,
            "{codec:?}: {name} {words}"
        );
        world.run(SECOND / 5);
        let (name, words) = listen(&mut world, ANNA, SECOND / 2);
        assert!(
            name > HEARD && words < NOT_HEARD,
            "{codec:?}: {name} {words}"
        );
        assert!(world.phone(BERT).hears(NAME) < NOT_HEARD, "{codec:?}");
        assert!(!is_played(&mut world));
        world.run(SECOND);
        assert!(is_played(&mut world), "{codec:?}");
        let (name, words) = listen(&mut world, ANNA, SECOND / 2);
        assert!(name < NOT_HEARD && words < NOT_HEARD, "{codec:?}");
    }
}

#[test]
fn all_hear_it_over_the_talk() {
    let mut world = taught(Codec::G722);
    world.tell(Command::Announce {
        conference: ROOM,
        clips: vec![WORDS, LEARNED],
        softly: false,
        token: 1,
    });
    world.run(SECOND * 7 / 10);
    for leg in [ANNA, BERT] {
        let (name, words) = listen(&mut world, leg, SECOND / 4);
        assert!(name > HEARD && words < NOT_HEARD, "{name} {words}");
    }
}

/// A leg that waits outside every bus hears it as well: what is played to a leg needs no mix.
#[test]
fn it_is_heard_outside_the_mix_too() {
    let mut world = taught(Codec::Opus);
    world.tell(Command::Leave { leg: ANNA });
    play(&mut world, &[LEARNED]);
    world.run(SECOND / 5);
    let (name, _) = listen(&mut world, ANNA, SECOND / 2);
    assert!(name > HEARD, "{name}");
}

#[test]
fn what_is_forgotten_breaks_off_and_is_not_said_again() {
    let mut world = taught(Codec::Pcma);
    play(&mut world, &[LEARNED, WORDS]);
    world.run(SECOND / 2);
    world.tell(Command::Forget { clip: LEARNED });
    world.run(SECOND / 10);
    let (name, words) = listen(&mut world, ANNA, SECOND / 4);
    assert!(name < NOT_HEARD && words > HEARD, "{name} {words}");
    world.run(SECOND / 2);
    assert!(is_played(&mut world), "the rest was said");
    play(&mut world, &[LEARNED]);
    let (name, _) = listen(&mut world, ANNA, SECOND);
    assert!(name < NOT_HEARD, "{name}");
    assert!(is_played(&mut world));
    let unmatched = world.count(Counter::CommandsUnmatched);
    world.tell(Command::Forget { clip: LEARNED });
    assert_eq!(world.count(Counter::CommandsUnmatched), unmatched + 1);
}

#[test]
fn a_conference_that_ends_takes_its_sounds_with_it() {
    let mut world = taught(Codec::Pcma);
    world.tell(Command::End { conference: ROOM });
    play(&mut world, &[LEARNED]);
    let (name, _) = listen(&mut world, ANNA, SECOND);
    assert!(name < NOT_HEARD, "{name}");
    let unmatched = world.count(Counter::CommandsUnmatched);
    world.tell(learn(ROOM));
    assert_eq!(world.count(Counter::CommandsUnmatched), unmatched + 1);
}
