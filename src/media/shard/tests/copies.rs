//! Who begins to speak goes on hearing the others without a break, from a copy of the encoder that served everybody.

use std::time::Duration;

use dsp::{Codec, TICK};
use rand::{RngExt, SeedableRng, rngs::StdRng};

use super::{
    encodings::{decoded, leg, mean_power, room},
    sounds,
    world::World,
};
use crate::media::Counter;

/// Two who talk without end, the one who is to speak, and another who keeps the shared encoder in use.
const TALKERS: [u64; 2] = [0, 1];
const SPEAKER: u64 = 2;

/// What is compared, in ticks: no predictor remembers a wrong beginning for longer, and the way back has not begun.
const COMPARED: u32 = 10;

/// Ticks that a voice may take to the mix.
const LONGEST_WAY: usize = 10;

/// How long the talk is, in seconds.
const TALK: u32 = 4;
const SECOND: Duration = Duration::from_secs(1);

#[test]
fn who_begins_to_speak_hears_the_others_as_if_silent() {
    for codec in [Codec::Opus, Codec::G722, Codec::Pcma] {
        let mut undisturbed = talk(codec);
        undisturbed.run(SECOND * TALK);
        let theirs = decoded(codec, &undisturbed.phones[&leg(SPEAKER)].payloads);
        let speech = mean_power(&theirs.concat());
        let mut dice = StdRng::seed_from_u64(1);
        for _ in 0..20 {
            let begins = dice.random_range(50..150);
            let (from, payloads) = speaks_from(codec, begins);
            let mine = decoded(codec, &payloads);
            for at in from..from + COMPARED as usize {
                let pairs = mine[at].iter().zip(&theirs[at]);
                let error: Vec<i16> = pairs.map(|(a, b)| a.saturating_sub(*b)).collect();
                let error = mean_power(&error);
                assert!(
                    error <= speech / 100.0,
                    "{codec:?} tick {at}, alone from {from}: {error} of {speech}"
                );
            }
        }
    }
}

/// Lets the speaker begin at a tick; returns the first tick of an encoder of its own, and all it was sent.
fn speaks_from(codec: Codec, begins: u32) -> (usize, Vec<Vec<u8>>) {
    let mut world = talk(codec);
    world.run(TICK * begins);
    let copied = world.count(Counter::EncodersCopied);
    world
        .phone(leg(SPEAKER))
        .recites(sounds::speech(9, 1, -22.0));
    let mut ticks = 0;
    while world.count(Counter::EncodersCopied) == copied {
        assert!(ticks < LONGEST_WAY, "{codec:?}: nobody is heard");
        world.run(TICK);
        ticks += 1;
    }
    let from = world.phones[&leg(SPEAKER)].payloads.len() - 1;
    world.run(TICK * COMPARED);
    (
        from,
        std::mem::take(&mut world.phone(leg(SPEAKER)).payloads),
    )
}

fn talk(codec: Codec) -> World {
    let mut world = room(&[codec; 4]);
    for n in TALKERS {
        let speech = sounds::speech(n, TALK as usize, -22.0);
        world.phone(leg(n)).recites(speech);
    }
    world
}
