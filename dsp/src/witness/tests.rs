//! Tests of the witness, with material that disturbs and material that only seems to.
#![cfg(test)]

use super::*;
use crate::{Codec, material, material::Music, tone};

/// Plays a sound to a witness that is sent something else; returns what it found and after how many ticks.
fn findings(sound: &[Frame], sent: &[Frame]) -> Vec<(usize, Finding)> {
    let mut witness = Witness::new();
    let silence = Frame::SILENCE;
    sound
        .iter()
        .enumerate()
        .filter_map(|(tick, frame)| {
            let mix = sent.get(tick).unwrap_or(&silence);
            witness.hear(frame, mix).map(|finding| (tick, finding))
        })
        .collect()
}

/// The first thing found, and when.
fn first(sound: &[Frame]) -> Option<(usize, Finding)> {
    findings(sound, &[]).first().copied()
}

#[test]
fn steady_noise_is_named_after_five_seconds_and_ends() {
    for noise in [
        material::noise(1, 400, -40.0),
        material::fan(2, 400, -42.0),
        tone::sine(425.0, -20.0, 400),
    ] {
        let mut sound = noise;
        sound.extend(vec![Frame::SILENCE; 200]);
        let found = findings(&sound, &[]);
        assert_eq!(found.len(), 2, "{found:?}");
        assert_eq!(found[0].1, Finding::Begins(Disturbance::SteadyNoise));
        assert!((250..=320).contains(&found[0].0), "{found:?}");
        assert_eq!(found[1].1, Finding::Ends(Disturbance::SteadyNoise));
        assert!((400..=520).contains(&found[1].0), "{found:?}");
    }
}

#[test]
fn faint_noise_and_speech_in_noise_are_not_named() {
    assert_eq!(first(&material::noise(1, 1_000, -52.0)), None);
    let speech = material::speech(3, 20, -26.0);
    assert_eq!(
        first(&material::sum(&speech, &material::noise(4, 1_000, -50.0))),
        None
    );
}

#[test]
fn music_is_named_after_eight_seconds() {
    for (codec, seed, pace) in [
        (Codec::Pcma, 1, 2.0),
        (Codec::Pcmu, 2, 4.0),
        (Codec::Pcma, 3, 6.0),
        (Codec::Opus, 4, 3.0),
    ] {
        let music = material::melody(seed, 14, pace, -20.0);
        let found = first(&material::through(codec, &music));
        let Some((tick, Finding::Begins(Disturbance::Music))) = found else {
            panic!("{codec:?} {pace}: {found:?}");
        };
        assert!((399..=700).contains(&tick), "{codec:?} {pace}: {tick}");
    }
}

/// The second in which music is named, if it is.
pub(super) fn named(sound: &[Frame]) -> Option<usize> {
    let found = findings(sound, &[]);
    let music = found
        .iter()
        .find(|found| found.1 == Finding::Begins(Disturbance::Music));
    music.map(|(tick, _)| tick / 50)
}

#[test]
fn music_of_many_kinds_is_named() {
    // Before a loud singer or under loud drums little is left of the notes.
    for (kind, least) in [
        (Music::Drums, 4),
        (Music::Piano, 4),
        (Music::Strings, 4),
        (Music::Guitar, 4),
        (Music::Dance, 2),
        (Music::Song, 0),
    ] {
        let seconds = Codec::ALL.iter().zip(1..).map(|(codec, seed)| {
            let level = -14.0 - 5.0 * seed as f64;
            named(&material::through(*codec, &kind.play(seed, 20, level)))
        });
        let seconds: Vec<_> = seconds.collect();
        println!("{kind:?} is named after {seconds:?} s");
        assert!(
            seconds.iter().flatten().count() >= least,
            "{kind:?} {seconds:?}"
        );
        assert!(
            seconds.iter().flatten().all(|second| *second >= 7),
            "{kind:?} {seconds:?}"
        );
    }
}

#[test]
fn minutes_of_speech_are_no_music() {
    for language in ["de", "en"] {
        let prompts = material::all_prompts(language);
        for (codec, factor) in [
            (Codec::Pcma, 1.0),
            (Codec::Pcma, 0.8),
            (Codec::Pcmu, 1.25),
            (Codec::G722, 1.0),
            (Codec::Opus, 1.0),
        ] {
            let sound = material::through(codec, &material::transposed(&prompts, factor));
            assert!(sound.len() > 140 * 50);
            assert_eq!(findings(&sound, &[]), [], "{language} {codec:?} {factor}");
        }
    }
}

#[test]
fn who_sings_laughs_claps_or_types_is_not_taken_for_music() {
    for seed in 0..3 {
        for (what, sound) in [
            ("sings", material::singing(seed, 40, -22.0)),
            ("laughs", material::laughter(seed, 20, -24.0)),
            ("claps", material::clicks(seed, 20, 400.0, -24.0)),
            ("types", material::clicks(seed, 20, 9.0, -34.0)),
        ] {
            let found = named(&material::through(Codec::Pcma, &sound));
            assert_eq!(found, None, "who {what}, {seed}");
        }
    }
}

#[test]
fn signals_of_the_network_are_no_music() {
    // Engaged, ringing, congested and special information tones, in ms of tone and of pause.
    for cadence in [
        &[(425.0, 480), (0.0, 480)][..],
        &[(425.0, 1_000), (0.0, 4_000)],
        &[(425.0, 240), (0.0, 240)],
        &[(950.0, 330), (1_400.0, 330), (1_800.0, 330), (0.0, 1_000)],
    ] {
        let parts = cadence.iter().map(|(frequency, ms)| match frequency {
            0.0 => vec![Frame::SILENCE; ms / 20],
            frequency => tone::sine(*frequency, -14.0, ms / 20),
        });
        let once: Vec<Frame> = parts.flatten().collect();
        let sound: Vec<Frame> = once.iter().cycle().take(1_500).cloned().collect();
        assert_eq!(
            named(&material::through(Codec::Pcma, &sound)),
            None,
            "{cadence:?}"
        );
    }
}

#[test]
fn a_voice_after_music_ends_it_within_five_seconds() {
    for kind in [Music::Drums, Music::Piano, Music::Strings, Music::Guitar] {
        let mut sound = kind.play(1, 25, -20.0);
        sound.extend(material::prompts(["en/help-code"]));
        let found = findings(&material::through(Codec::Pcma, &sound), &[]);
        let last = found.last().copied();
        let Some((tick, Finding::Ends(Disturbance::Music))) = last else {
            panic!("{kind:?} {found:?}");
        };
        assert!((1_250..1_500).contains(&tick), "{kind:?} {found:?}");
    }
}

#[test]
fn voices_are_no_music() {
    for seed in 0..4 {
        let speech = material::speech(seed, 20, -26.0);
        assert_eq!(first(&speech), None, "voice {seed}");
    }
    let crowd = (10..14)
        .map(|seed| material::speech(seed, 20, -28.0))
        .reduce(|a, b| material::sum(&a, &b))
        .unwrap();
    assert_eq!(first(&crowd), None, "several at once");
}

#[test]
fn recorded_speech_of_the_vectors_disturbs_nobody() {
    for file in ["short_nb_voice.wav", "short_wb_voice.wav"] {
        let sound = material::recorded(file);
        let thrice = [sound.clone(), sound.clone(), sound].concat();
        assert_eq!(first(&thrice), None, "{file}");
    }
}

#[test]
fn an_echo_is_named_at_any_delay_and_level() {
    for (delay_ms, db, codec) in [
        (20, -15.0, Codec::Pcma),
        (90, -25.0, Codec::Pcmu),
        (200, -15.0, Codec::Pcma),
        (330, -10.0, Codec::Opus),
    ] {
        let sent = material::speech(5, 14, -26.0);
        let echo = material::delayed(&material::amplified(&sent, db), delay_ms * 48);
        let found = findings(&material::through(codec, &echo), &sent);
        assert_eq!(
            found.first().map(|found| found.1),
            Some(Finding::Begins(Disturbance::Echo)),
            "{delay_ms} ms {db} dB"
        );
        assert!(found[0].0 >= 150, "{found:?}");
    }
}

#[test]
fn an_echo_stays_named_while_its_leg_speaks_or_there_is_nothing_to_return() {
    let sent = material::speech(5, 60, -26.0);
    let own = material::speech(77, 60, -24.0);
    let echo = material::delayed(&material::amplified(&sent, -15.0), 120 * 48);
    let silence = |second: usize| (30..45).contains(&second);
    let speaks = |second: usize| matches!(second, 12..18 | 22..26 | 50..56);
    let mut sound = echo;
    let mut heard = sent;
    for tick in 0..sound.len() {
        let second = tick / 50;
        if silence(second) {
            heard[tick] = Frame::SILENCE;
            sound[tick] = Frame::SILENCE;
        } else if speaks(second) {
            let mine = own[tick].samples.iter();
            for (sample, mine) in sound[tick].samples.iter_mut().zip(mine) {
                *sample = sample.saturating_add(*mine);
            }
        }
    }
    let found = findings(&material::through(Codec::Pcma, &sound), &heard);
    let [(_, Finding::Begins(Disturbance::Echo))] = found[..] else {
        panic!("{found:?}");
    };
}

#[test]
fn an_echo_that_is_cured_ends_within_ten_seconds() {
    let sent = material::speech(5, 40, -26.0);
    let mut sound = material::delayed(&material::amplified(&sent, -15.0), 120 * 48);
    for frame in &mut sound[20 * 50..] {
        *frame = Frame::SILENCE;
    }
    let found = findings(&sound, &sent);
    let [
        (_, Finding::Begins(Disturbance::Echo)),
        (end, Finding::Ends(Disturbance::Echo)),
    ] = found[..]
    else {
        panic!("{found:?}");
    };
    assert!((20 * 50..30 * 50).contains(&end), "{end}");
}

#[test]
fn two_who_talk_at_once_are_no_echo() {
    for seed in 0..4 {
        let sent = material::speech(100 + seed, 16, -26.0);
        let sound = material::speech(200 + seed, 16, -32.0);
        assert_eq!(findings(&sound, &sent), [], "seed {seed}");
    }
}

#[test]
fn voices_in_the_same_rhythm_are_neither_echo_nor_music() {
    let sent = material::carriers(0, 12, -20.0);
    for (voice, late) in [(1, 0), (2, 60), (3, 200)] {
        let sound = material::delayed(&material::carriers(voice, 12, -22.0), late * 48);
        assert_eq!(findings(&sound, &sent), [], "voice {voice}");
    }
}

#[test]
fn ticks_that_are_not_decoded_are_pauses() {
    let mut witness = Witness::new();
    let silence = Frame::SILENCE;
    for (tick, frame) in material::melody(1, 20, 4.0, -20.0).iter().enumerate() {
        let found = if tick % 8 == 0 {
            witness.pass()
        } else {
            witness.hear(frame, &silence)
        };
        assert_eq!(found, None);
    }
}
