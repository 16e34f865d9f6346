//! Who begins to speak in the middle of a tick is heard from the first syllable on, though nobody decoded the line before.

use std::time::Duration;

use dsp::{Codec, FRAME_SAMPLES, Frame, Shaping};

use super::{
    sounds,
    world::{ANNA, BERT, OPEN, ROOM, World},
};
use crate::{
    id::LegId,
    media::{Counter, api::Command},
};

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

/// The ticks in which something loud is not heard, in its own tick or the next: with others there, telephones begin at other
/// instants.
fn missed(reference: &[i16], heard: &[i16]) -> Vec<usize> {
    let loud = |sound: &[i16], number: usize| {
        let stretch = number * STRETCH..(number + 1) * STRETCH;
        sound.get(stretch).map_or(f64::NEG_INFINITY, sounds::dbov)
    };
    let ticks = 1..reference.len() / STRETCH - 1;
    let spoken = ticks.filter(|number| loud(reference, *number) > -35.0);
    let (spoken, missed): (Vec<_>, Vec<_>) = spoken.partition(|number| {
        let near = *number - 1..=*number + 1;
        let best = near
            .map(|near| loud(heard, near))
            .fold(f64::NEG_INFINITY, f64::max);
        best > loud(reference, *number) - 6.0
    });
    assert!(spoken.len() + missed.len() > 50, "{}", spoken.len());
    missed
}

#[test]
fn nobody_is_kept_from_speaking_by_the_steady_noise_of_cars() {
    let mut talk = sounds::noise(1, 150, -70.0);
    talk.extend(sounds::speech(1, 4, -26.0));
    for places in [1, 5] {
        for noise in [-45.0, -40.0, -33.0] {
            let heard = |number: u64| {
                let cars = (10..10 + number).map(|seed| sounds::noise(seed, 350, noise));
                let cars = cars.map(|car| (Codec::Pcma, car));
                heard_with(places, Shaping::NONE, Codec::Pcma, &talk, cars)
            };
            let missed = missed(&heard(0), &heard(u64::from(places) + 2));
            assert_eq!(missed, Vec::<usize>::new(), "{places}, {noise} dBov");
        }
    }
}

#[test]
fn a_voice_on_a_faint_line_keeps_its_place_against_one_that_is_heard_no_louder() {
    let faint = sounds::speech(1, 10, -46.0);
    let mut other = sounds::noise(2, 300, -75.0);
    other.extend(sounds::speech(3, 4, -34.0));
    let heard = |others: &[Vec<Frame>]| {
        let others = others.iter().map(|other| (Codec::Pcma, other.clone()));
        heard_with(1, Shaping::TELEPHONE, Codec::Pcma, &faint, others)
    };
    let (alone, beside) = (heard(&[]), heard(&[other]));
    let [alone, beside] = [alone, beside].map(|heard| heard[300 * STRETCH..].to_vec());
    let missed = missed(&alone, &beside);
    // Who comes to speak while it pauses for half a second may have the place.
    assert!(missed.len() < 26, "{missed:?}");
}

/// What one hears of another, among so many whose lines hum and do not say how loud; all open at once.
fn heard_among(many: u64, codec: Codec, talk: &[Frame]) -> Vec<i16> {
    let hums = (0..many).map(|seed| sounds::noise(1_000 + seed, talk.len(), -60.0));
    let others = hums.map(|hum| (Codec::Opus, hum));
    heard_with(
        dsp::limit::DEFAULT_SPEAKERS,
        Shaping::NONE,
        codec,
        talk,
        others,
    )
}

fn heard_with(
    places: u8,
    shaping: Shaping,
    codec: Codec,
    talk: &[Frame],
    others: impl IntoIterator<Item = (Codec, Vec<Frame>)>,
) -> Vec<i16> {
    let mut world = World::new();
    world.start(ROOM);
    let speakers = others
        .into_iter()
        .chain([(codec, talk.to_vec())])
        .zip(1_000..);
    let mut seats = vec![(BERT, OPEN)];
    world.call(BERT, Codec::Pcma);
    world.join(BERT, ROOM);
    let mut sounds = Vec::new();
    for ((codec, sound), number) in speakers {
        let leg = LegId::from_u64(number);
        world.call(leg, codec);
        world.join(leg, ROOM);
        seats.push((leg, OPEN));
        sounds.push((leg, sound));
    }
    world.seat(ROOM, &seats);
    let (conference, most) = (ROOM, places);
    world.tell(Command::Speakers { conference, most });
    for (leg, sound) in sounds {
        world.tell(Command::Shape { leg, shaping });
        world.phone(leg).recites(sound);
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
