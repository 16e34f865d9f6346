//! Who begins to speak in the middle of a tick is heard from the first syllable on, though nobody decoded the line before.

use std::time::Duration;

use dsp::{Codec, FRAME_SAMPLES, Frame};

use super::{
    sounds,
    world::{ANNA, BERT, OPEN, ROOM, World},
};
use crate::{id::LegId, media::Counter};

/// Lines with noise that are opened at once.
const MANY: u64 = 60;

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

#[test]
fn many_lines_of_which_nothing_is_known_yet_keep_nobody_from_speaking() {
    let talk = sounds::speech(1, 5, -26.0);
    let alone = heard_among(0, Codec::Pcma, &talk);
    let among = heard_among(MANY, Codec::Pcma, &talk);
    assert_eq!(missed(&alone, &among), Vec::<usize>::new());
}

#[test]
fn who_speaks_on_a_line_like_many_that_hum_is_found_wherever_in_the_row() {
    let quiet = 150;
    let mut talk = sounds::noise(1, quiet, -60.0);
    talk.extend(sounds::speech(1, 4, -26.0));
    let alone = heard_among(0, Codec::Opus, &talk);
    let among = heard_among(MANY, Codec::Opus, &talk);
    let missed = missed(&alone, &among);
    // The packets of noise and voice are equally long, so each of the lines is listened to in turn.
    let begins = missed.first().map_or(0, |first| first - quiet);
    let found = missed.last().map_or(0, |last| last - quiet);
    assert!(begins <= 10 && found - begins <= 15, "{missed:?}");
}

/// The ticks in which something loud is not heard.
fn missed(reference: &[i16], heard: &[i16]) -> Vec<usize> {
    let ticks = reference
        .chunks_exact(STRETCH)
        .zip(heard.chunks_exact(STRETCH));
    let spoken: Vec<_> = ticks
        .enumerate()
        .filter(|(_, (reference, _))| sounds::dbov(reference) > -35.0)
        .collect();
    assert!(spoken.len() > 100, "{}", spoken.len());
    let missed = spoken
        .into_iter()
        .filter(|(_, (reference, heard))| sounds::dbov(heard) < sounds::dbov(reference) - 6.0);
    missed.map(|(number, _)| number).collect()
}

/// What one hears of another, among so many whose lines hum and do not say how loud; all open at once.
fn heard_among(many: u64, codec: Codec, talk: &[Frame]) -> Vec<i16> {
    let mut world = World::new();
    world.start(ROOM);
    let hums = (1_000..1_000 + many).map(LegId::from_u64);
    let last = LegId::from_u64(2_000);
    let hummers = hums.clone().map(|leg| (leg, Codec::Opus));
    let mut seats = Vec::new();
    for (leg, codec) in [(BERT, Codec::Pcma)]
        .into_iter()
        .chain(hummers)
        .chain([(last, codec)])
    {
        world.call(leg, codec);
        world.join(leg, ROOM);
        seats.push((leg, OPEN));
    }
    world.seat(ROOM, &seats);
    world.phone(last).recites(talk.to_vec());
    for leg in hums {
        let hum = sounds::noise(leg.as_u64(), talk.len(), -60.0);
        world.phone(leg).recites(hum);
    }
    world.run(dsp::TICK * u32::try_from(talk.len()).unwrap());
    std::mem::take(&mut world.phone(BERT).heard)
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
