//! Who begins to speak in the middle of a tick is heard from the first syllable on, though nobody decoded the line before.

use std::time::Duration;

use dsp::{Codec, FRAME_SAMPLES, Frame};

use super::{
    sounds,
    world::{ANNA, BERT, OPEN, ROOM, World},
};
use crate::media::Counter;

/// How long the line is open and quiet, in ticks.
const QUIET: usize = 100;

/// What is compared, in samples: 20 ms.
const STRETCH: usize = FRAME_SAMPLES;

#[test]
fn the_first_syllable_is_as_loud_as_if_the_line_had_been_decoded_all_the_time() {
    for (codec, quiet) in [
        (Codec::Pcma, -72.0),
        (Codec::G722, -100.0),
        (Codec::Opus, -100.0),
    ] {
        let (passed, undecoded) = heard(codec, quiet);
        let (reference, decoded) = heard(codec, -46.0);
        // The packets of the others do not tell such a line from a voice from far away.
        if codec == Codec::Pcma {
            assert_eq!(undecoded, 0, "{codec:?}: the quiet line is not decoded");
        }
        assert_eq!(decoded, 25, "{codec:?}: the reference is");
        let loud = reference.iter().position(|x| x.unsigned_abs() > 3_000);
        let onset = loud.expect("the voice is heard");
        for n in 0..3 {
            let stretch = onset + n * STRETCH..onset + (n + 1) * STRETCH;
            let [passed, reference] =
                [&passed, &reference].map(|sound| sounds::dbov(&sound[stretch.clone()]));
            assert!(
                (passed - reference).abs() < 3.0,
                "{codec:?} {n}: {passed} dBov in place of {reference}"
            );
        }
    }
}

#[test]
fn a_voice_is_heard_after_noise_that_looked_like_one() {
    // Without a word on its level, Opus is guessed from packets that are as long for noise as for a voice.
    let (heard, decoded) = heard(Codec::Opus, -72.0);
    assert!(decoded > 0, "the noise passes for silence");
    let peak = heard.iter().map(|x| x.unsigned_abs()).max();
    assert!(peak > Some(8_000), "{peak:?}");
}

/// What another hears of a line with noise of a level, then a voice; and how many ticks of the noise's last half second
/// were decoded.
fn heard(codec: Codec, noise: f64) -> (Vec<i16>, u64) {
    let mut world = World::new();
    world.start(ROOM);
    for leg in [ANNA, BERT] {
        world.call(leg, codec);
        world.join(leg, ROOM);
    }
    world.seat(ROOM, &[(ANNA, OPEN), (BERT, OPEN)]);
    let mut sound = sounds::noise(1, QUIET, noise);
    sound.extend(voice());
    world.phone(ANNA).recites(sound);
    world.run(Duration::from_millis(1_400));
    let before = world.count(Counter::FramesDecoded);
    world.run(Duration::from_millis(500));
    let decoded = world.count(Counter::FramesDecoded) - before;
    world.run(Duration::from_millis(600));
    (std::mem::take(&mut world.phone(BERT).heard), decoded)
}

/// Full from the middle of the first tick on.
fn voice() -> Vec<Frame> {
    let mut voice = dsp::tone::sine(500.0, -13.0, 15);
    voice[0].samples[..FRAME_SAMPLES / 2].fill(0);
    voice
}
