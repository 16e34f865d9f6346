//! Who speaks although their microphone is off is told so, and nobody whose line makes a noise.

use std::time::Duration;

use dsp::{Codec, Frame};

use super::{
    sounds,
    world::{ANNA, BERT, MUTED, OPEN, ROOM, World},
};
use crate::media::{
    Counter,
    api::{Command, Event},
};

const SECONDS: usize = 20;

/// In a car or beside a fan nobody speaks by being there.
#[test]
fn the_noise_of_a_line_is_never_taken_for_speech_and_speech_over_it_is() {
    for codec in Codec::ALL {
        for dbov in [-45.0, -35.0] {
            let noise = sounds::noise(7, 50 * SECONDS, dbov);
            let (told, decoded) = told(codec, noise.clone());
            assert_eq!(told, 0, "{codec:?}, noise of {dbov} dBov");
            assert!(decoded < 50, "{codec:?}: {decoded} ticks decoded");
            let speech = sounds::speech(3, SECONDS, -20.0);
            if codec == Codec::Opus {
                // Packets that do not say how loud they are tell too little of what lies over noise.
                continue;
            }
            let (told, _) = self::told(codec, sounds::sum(&speech, &noise));
            assert_eq!(told, 1, "{codec:?}, speech over {dbov} dBov");
        }
    }
}

/// How often somebody who is muted is told so while their telephone sends a sound, and how much of it is decoded.
fn told(codec: Codec, sound: Vec<Frame>) -> (usize, u64) {
    let mut world = World::new();
    world.start(ROOM);
    for leg in [ANNA, BERT] {
        world.call(leg, codec);
        world.join(leg, ROOM);
    }
    world.seat(ROOM, &[(ANNA, MUTED), (BERT, OPEN)]);
    world.phone(ANNA).recites(sound);
    let before = world.count(Counter::FramesDecoded);
    world.run(Duration::from_secs(SECONDS as u64));
    let decoded = world.count(Counter::FramesDecoded) - before;
    let events = world.take_events().into_iter();
    let told = events.filter(|event| matches!(event, Event::SpokeMuted { leg } if *leg == ANNA));
    let told = told.count();
    world.tell(Command::Close { leg: ANNA });
    (told, decoded)
}
