//! Tests of the finding of songs: many that are to be found, and what people do that never is.
#![cfg(test)]

use super::{
    super::{Disturbance, Features, Finding, Witness, tests::named},
    SongJudge,
};
use crate::{
    Codec, Frame,
    material::{self, Random},
};

/// The second in which music is named on a line that loses one of a hundred packets.
fn named_despite_loss(sound: &[Frame], seed: u64) -> Option<usize> {
    let mut witness = Witness::new();
    let mut random = Random::new(seed);
    let music = |finding| finding == Some(Finding::Begins(Disturbance::Music));
    let tick = sound.iter().position(|frame| {
        music(if random.unit() > 0.98 {
            witness.pass()
        } else {
            witness.hear_alone(frame)
        })
    });
    tick.map(|tick| tick / 50)
}

#[test]
fn songs_are_named_within_twenty_seconds() {
    let cases = (0..24).map(|seed| {
        let [to_band, level] = [[6.0, -18.0], [3.0, -22.0], [0.0, -26.0], [-3.0, -30.0]][seed % 4];
        let codec = Codec::ALL[seed / 2 % 4];
        let song = material::song(seed as u64, 20, to_band, level);
        let hiss = material::noise(seed as u64, song.len(), -57.0);
        let line = match seed % 3 {
            0 => song,
            1 => material::sum(&song, &hiss),
            _ => material::telephone_band(&song),
        };
        let heard = material::through(codec, &line);
        let second = named_despite_loss(&heard, seed as u64);
        println!("song {seed}, {to_band} dB, {codec:?}: {second:?} s");
        second
    });
    let seconds: Vec<_> = cases.collect();
    let found = seconds.iter().flatten();
    assert!(
        found.clone().count() * 10 >= seconds.len() * 9,
        "{seconds:?}"
    );
    assert!(found.clone().all(|second| *second >= 5), "{seconds:?}");
}

#[test]
fn a_song_once_named_stays_named_until_somebody_speaks() {
    for seed in [1, 2, 4] {
        let mut sound = material::song(seed, 40, 3.0, -20.0);
        sound.extend(material::prompts(["en/help-code"]));
        let mut witness = Witness::new();
        let heard = material::through(Codec::Pcma, &sound);
        let found: Vec<_> = heard
            .iter()
            .enumerate()
            .filter_map(|(tick, frame)| Some((tick, witness.hear_alone(frame)?)))
            .collect();
        let [
            (_, Finding::Begins(Disturbance::Music)),
            (end, Finding::Ends(Disturbance::Music)),
        ] = found[..]
        else {
            panic!("{seed}: {found:?}");
        };
        assert!((2_000..2_300).contains(&end), "{seed}: {found:?}");
    }
}

#[test]
fn who_sings_or_hums_alone_is_no_band() {
    for seed in 900..910 {
        for (what, sound) in [
            ("sings", material::singer(seed, 40, -22.0)),
            ("hums", material::humming(seed, 40, -22.0)),
        ] {
            let mut judge = SongJudge::new();
            for frame in &material::through(Codec::Pcma, &sound) {
                judge.handle(&Features::of(frame));
                assert!(!judge.is_met(), "who {what}, {seed}");
            }
        }
    }
}

/// Forty seconds of a voice, beginning somewhere in the prompts.
fn voice(prompts: &[Frame], from: usize) -> Vec<Frame> {
    let all = prompts.iter().cycle();
    all.skip(from * 50).take(40 * 50).cloned().collect()
}

#[test]
fn who_speaks_in_a_car_in_a_crowd_or_before_a_far_radio_is_no_band() {
    let [de, en] = ["de", "en"].map(material::all_prompts);
    for number in 0..3 {
        let one = voice(&de, 100 * number);
        let two = material::sum(&one, &voice(&en, 60 + 90 * number));
        let fast = material::transposed(&voice(&de, 400 + 50 * number), 1.2);
        let three = material::sum(&two, &fast);
        let level = material::active_dbov(&one);
        let song = |below| material::song(300 + number as u64, 40, 3.0, level - below);
        let band = |below| material::band(300 + number as u64, 40, level - below);
        let car = |below| material::car(7, one.len(), level - below);
        let fan = material::fan(3, one.len(), level - 12.0);
        for (what, sound) in [
            ("in a car", material::sum(&one, &car(10.0))),
            ("beside a fan", material::sum(&one, &fan)),
            ("fast", fast),
            ("with another", two),
            ("with two others", three),
            ("before a radio", material::sum(&one, &song(12.0))),
            ("before a band", material::sum(&one, &band(12.0))),
            (
                "in a car with a radio",
                material::sum(&material::sum(&one, &car(10.0)), &song(12.0)),
            ),
        ] {
            let codec = [Codec::Pcma, Codec::G722, Codec::Pcmu][number];
            let heard = material::through(codec, &sound);
            assert_eq!(named(&heard), None, "who speaks {what}, {number}");
        }
    }
}
