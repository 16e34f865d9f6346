//! Presses of all kinds, and an hour in which nobody presses anything.

use super::*;
use crate::{
    Codec,
    material::{self, Music},
    tone,
};

/// What is found in the sound, and the sound that is left.
fn filtered(sound: &[Frame]) -> (String, Vec<Frame>) {
    let mut filter = KeyFilter::new();
    let mut left = Vec::new();
    let mut found = String::new();
    // What the line still holds comes out in silence.
    for frame in sound.iter().chain(&[Frame::SILENCE; KeyFilter::DELAY]) {
        let mut frame = frame.clone();
        found.extend(filter.handle(&mut frame));
        left.push(frame);
    }
    (found, left)
}

/// A press of so many milliseconds that begins so many samples into a second of silence.
fn press(key: char, dbov: f64, ms: usize, from: usize) -> Vec<Frame> {
    let tone = tone::dtmf(key, dbov, ms.div_ceil(20)).unwrap();
    let samples = material::samples(&tone).take(ms * 48);
    let silence = std::iter::repeat_n(0, from);
    let line = silence.chain(samples).chain(std::iter::repeat(0));
    frames(line.take(48_000))
}

fn frames(samples: impl Iterator<Item = i16>) -> Vec<Frame> {
    let line: Vec<i16> = samples.collect();
    let chunks = line.chunks_exact(FRAME_SAMPLES);
    let frame = |chunk: &[i16]| Frame {
        samples: chunk.try_into().unwrap(),
    };
    chunks.map(frame).collect()
}

/// Two tones of any frequencies and levels, for 80 ms.
fn pair(low: f64, low_dbov: f64, high: f64, high_dbov: f64) -> Vec<Frame> {
    let sum = material::sum(
        &tone::sine(low, low_dbov, 4),
        &tone::sine(high, high_dbov, 4),
    );
    [vec![Frame::SILENCE; 5], sum, vec![Frame::SILENCE; 5]].concat()
}

#[test]
fn every_key_is_found_once_at_any_level_and_place_through_any_codec() {
    for key in KEYS {
        for codec in Codec::ALL {
            for (at, dbov) in [-6.0, -14.0, -24.0, -33.0].into_iter().enumerate() {
                let sound = press(key, dbov, 60, 4_800 + at * 217);
                let (found, _) = filtered(&material::through(codec, &sound));
                assert_eq!(found, key.to_string(), "{key} {codec:?} {dbov}");
            }
        }
    }
}

#[test]
fn a_press_of_forty_milliseconds_is_found_wherever_it_begins() {
    for key in KEYS {
        for from in (4_800..4_800 + 960).step_by(96) {
            let (found, _) = filtered(&material::through(
                Codec::Pcma,
                &press(key, -12.0, 40, from),
            ));
            assert_eq!(found, key.to_string(), "{key} {from}");
        }
    }
}

#[test]
fn a_press_of_less_than_twenty_milliseconds_is_none() {
    for key in KEYS {
        for from in (4_800..4_800 + 960).step_by(96) {
            assert_eq!(filtered(&press(key, -12.0, 19, from)).0, "", "{key} {from}");
        }
    }
}

#[test]
fn nothing_of_a_press_is_left_to_hear() {
    for key in KEYS {
        for (from, ms) in [(4_800, 40), (5_000, 100), (5_300, 55), (5_759, 400)] {
            let (_, left) = filtered(&press(key, -12.0, ms, from));
            let loudest = material::samples(&left).map(i16::unsigned_abs).max();
            assert_eq!(loudest, Some(0), "{key} {from} {ms}");
        }
    }
}

#[test]
fn a_long_press_is_one_and_two_of_the_same_are_two() {
    let long = press('5', -12.0, 900, 960);
    assert_eq!(filtered(&long).0, "5");
    let twice = [press('6', -12.0, 60, 4_800), press('6', -12.0, 60, 0)].concat();
    assert_eq!(filtered(&twice).0, "66");
    let sound: Vec<Frame> = "1029*#"
        .chars()
        .flat_map(|key| frames(material::samples(&press(key, -12.0, 60, 0)).take(48 * 120)))
        .collect();
    assert_eq!(filtered(&sound).0, "1029*#");
}

#[test]
fn a_press_that_is_interrupted_for_a_moment_is_one() {
    let mut sound = press('8', -12.0, 200, 0);
    sound[4] = Frame::SILENCE;
    assert_eq!(filtered(&sound).0, "8");
}

#[test]
fn tones_may_be_off_by_what_q24_allows_and_no_more() {
    for (row, column) in [(0, 0), (1, 1), (2, 2), (3, 3)] {
        let of = |factor: f64| {
            let [low, high] = [ROWS[row], COLUMNS[column]].map(|tone| f64::from(tone) * factor);
            filtered(&pair(low, -15.0, high, -15.0)).0
        };
        let key = KEYS[row * 4 + column].to_string();
        for factor in [0.985, 0.99, 1.01, 1.015] {
            assert_eq!(of(factor), key, "{factor}");
        }
        for factor in [0.95, 1.05] {
            assert_eq!(of(factor), "", "{key} {factor}");
        }
    }
}

#[test]
fn one_tone_may_be_stronger_but_not_alone() {
    let twisted = |low, high| filtered(&pair(770.0, low, 1_336.0, high)).0;
    assert_eq!(twisted(-15.0, -11.5), "5");
    assert_eq!(twisted(-11.0, -18.0), "5");
    assert_eq!(twisted(-20.0, -12.0), "");
    assert_eq!(twisted(-10.0, -22.0), "");
    assert_eq!(filtered(&tone::sine(770.0, -12.0, 50)).0, "");
}

#[test]
fn an_hour_of_speech_presses_nothing_and_comes_out_as_it_was() {
    let mut seconds = 0;
    for (language, factor) in [
        ("de", 0.7),
        ("de", 0.85),
        ("de", 1.0),
        ("en", 1.0),
        ("en", 1.2),
        ("en", 1.45),
    ] {
        let prompts = material::transposed(&material::all_prompts(language), factor);
        for codec in [Codec::Pcma, Codec::G722] {
            let sound = material::through(codec, &prompts);
            seconds += sound.len() / 50;
            let (found, left) = filtered(&sound);
            assert_eq!(found, "", "{language} {factor} {codec:?}");
            assert!(
                left[KeyFilter::DELAY..] == sound[..],
                "{language} {factor} {codec:?}"
            );
        }
    }
    for seed in 0..10 {
        let sound = material::speech(seed, 60, -22.0);
        seconds += 60;
        assert_eq!(filtered(&sound).0, "", "seed {seed}");
    }
    assert!(seconds >= 3_600, "{seconds} s");
}

#[test]
fn recorded_speech_of_the_vectors_presses_nothing() {
    for file in ["short_nb_voice.wav", "short_wb_voice.wav"] {
        assert_eq!(filtered(&material::recorded(file)).0, "", "{file}");
    }
}

#[test]
fn music_song_and_the_tones_of_the_network_press_nothing() {
    for kind in [
        Music::Drums,
        Music::Piano,
        Music::Strings,
        Music::Guitar,
        Music::Dance,
        Music::Song,
    ] {
        for seed in 0..4 {
            let sound = material::through(Codec::Pcma, &kind.play(seed, 30, -16.0));
            assert_eq!(filtered(&sound).0, "", "{kind:?} {seed}");
        }
    }
    for seed in 0..3 {
        assert_eq!(
            filtered(&material::singing(seed, 40, -20.0)).0,
            "",
            "{seed}"
        );
    }
    for frequency in [425.0, 950.0, 1_400.0, 1_800.0] {
        assert_eq!(filtered(&tone::sine(frequency, -10.0, 100)).0, "");
    }
}
