//! A leg that returns what it hears or hums is named through the whole engine.

use std::time::Duration;

use dsp::{Codec, Frame, Shaping};

use super::{
    music::{findings, trio},
    sounds,
    world::{ANNA, BERT, CARL, Echo, OPEN, ROOM, World},
};
use crate::media::{
    Clips,
    api::{ClipId, Command, Disturbance},
};

const SECOND: Duration = Duration::from_secs(1);

/// What a telephone adds to the ways to and from it, so that its echo comes back some 90 ms after it was sent.
const OWN_DELAY: Duration = Duration::from_millis(30);

/// How much fainter it comes back, in dB.
const RETURN_LOSS: f64 = 15.0;

/// How long somebody talks to the leg that echoes.
const TALK: u32 = 16;

#[test]
fn an_echo_is_named() {
    let echo = || Some(Echo::new(OWN_DELAY, RETURN_LOSS));
    let plain = talk_beside(echo(), Shaping::NONE);
    assert_eq!(findings(&plain), [], "what is to be left is not judged");
    let shaped = talk_beside(echo(), Shaping::TELEPHONE);
    let first = findings(&shaped).first().copied();
    assert_eq!(first, Some((ANNA, Some(Disturbance::Echo))));
    let alone = talk_beside(None, Shaping::TELEPHONE);
    assert_eq!(findings(&alone), [], "who listens returns nothing");
}

/// What is left of an echo must not be turned up again by what brings all to one level.
#[test]
fn a_third_hears_far_less_of_an_echo() {
    let echo = || Some(Echo::new(OWN_DELAY, RETURN_LOSS));
    let residue = |shaping| {
        let [with, without] = [echo(), None].map(|echo| {
            let world = talk_beside(echo, shaping);
            world.phones[&CARL].heard.clone()
        });
        // The last six seconds, when what echoes is known.
        let from = with.len().min(without.len()) - 6 * 48_000;
        let rest = with.iter().zip(&without).skip(from);
        let rest: Vec<i16> = rest.map(|(x, y)| x.saturating_sub(*y)).collect();
        sounds::dbov(&rest)
    };
    let [plain, shaped] = [Shaping::NONE, Shaping::TELEPHONE].map(residue);
    println!("plain {plain:.1} dBov, shaped {shaped:.1} dBov");
    assert!(plain > -50.0, "{plain} dBov");
    assert!(shaped < plain - 10.0, "{shaped} against {plain} dBov");
}

/// The help is long, and the microphone of whoever hears it may be open: what their telephone returns of it is an echo, too.
#[test]
fn a_third_hears_far_less_of_the_echo_of_a_prompt() {
    for codec in [Codec::Pcma, Codec::G722, Codec::Opus] {
        let [plain, shaped] = [Shaping::NONE, Shaping::TELEPHONE].map(|shaping| {
            let clips = Clips::with_places(1);
            let help = sounds::prompts(&["en/privacy", "en/help-code", "de/privacy"]);
            clips.prepare(ClipId(0), false, || help.into());
            let mut world = World::with_clips(clips);
            world.start(ROOM);
            for leg in [ANNA, CARL] {
                world.call(leg, codec);
                world.join(leg, ROOM);
                world.tell(Command::Shape { leg, shaping });
            }
            world.seat(ROOM, &[(ANNA, OPEN), (CARL, OPEN)]);
            world.phone(ANNA).echo = Some(Echo::new(OWN_DELAY, RETURN_LOSS));
            let (leg, clips, token) = (ANNA, vec![ClipId(0)], 1);
            world.tell(Command::Play { leg, clips, token });
            // Until what echoes is known.
            world.run(6 * SECOND);
            world.forget();
            world.run(8 * SECOND);
            sounds::dbov(&world.phones[&CARL].heard)
        });
        println!("{codec:?}: plain {plain:.1} dBov, shaped {shaped:.1} dBov");
        assert!(plain > -50.0, "{codec:?}: {plain} dBov");
        // Of a prompt is known what a telephone's band holds of it.
        let less = match codec {
            Codec::Pcma | Codec::Pcmu => 8.0,
            Codec::G722 | Codec::Opus => 0.0,
        };
        assert!(
            shaped < plain - less,
            "{codec:?}: {shaped} against {plain} dBov"
        );
    }
}

#[test]
fn a_fan_or_a_hum_is_named_while_it_lasts() {
    for noise in [
        sounds::noise(1, 50 * 12, -30.0),
        dsp::tone::sine(220.0, -38.0, 50 * 12),
    ] {
        let mut world = trio(Shaping::TELEPHONE);
        world.phone(ANNA).recites(noise);
        world.run(10 * SECOND);
        let begins = (ANNA, Some(Disturbance::SteadyNoise));
        assert_eq!(findings(&world), [begins]);
        world.phone(ANNA).recites(vec![Frame::SILENCE; 50 * 6]);
        world.run(5 * SECOND);
        assert_eq!(findings(&world), [begins, (ANNA, None)]);
    }
}

/// Two listen to one who talks, the first of them on a telephone that may echo.
fn talk_beside(echo: Option<Echo>, shaping: Shaping) -> World {
    let mut world = trio(shaping);
    let talk = sounds::prompts(&["en/privacy", "en/help-code", "de/privacy", "de/help-code"]);
    world.phone(BERT).recites([&talk[..], &talk].concat());
    world.phone(ANNA).echo = echo;
    world.run(TALK * SECOND);
    world
}
