//! What is decoded and encoded, counted: as little as the ears can tell, and never somebody's own voice.

use std::{f64::consts::TAU, time::Duration};

use dsp::{Codec, Decoder, FRAME_SAMPLES, Frame, Shaping};

use super::{
    HEARD, HIGH, LOW, NOT_HEARD, sounds,
    world::{ANNA, BERT, CARL, MUTED, OPEN, ROOM, World, level_at},
};
use crate::{
    id::LegId,
    media::{
        Counter,
        api::{Command, Event, Gone, ListeningGain, Seat},
    },
};

const TICKS: u64 = 50;
const SECOND: Duration = Duration::from_secs(1);
/// The largest sample of a line where nobody is heard: -54 dBov.
const QUIET_PEAK: f64 = 64.0;

#[test]
fn a_mix_is_encoded_once_for_all_who_hear_the_same() {
    let codecs = [Codec::Pcma, Codec::Pcmu, Codec::G722, Codec::Opus];
    let mut world = room(&codecs.map(|codec| [codec; 3]).concat());
    world.phone(leg(0)).says = Some(LOW);
    world.run(3 * SECOND);
    let before = counts(&world);
    world.forget();
    world.run(SECOND);
    let [shared, private, decoded] = counts(&world);
    assert_eq!(shared - before[0], TICKS * 4, "one encoding per codec");
    assert_eq!(private, before[1], "and none for who hears nobody");
    assert_eq!(decoded - before[2], TICKS, "nobody else is decoded");
    for group in [&[1, 2][..], &[3, 4, 5], &[6, 7, 8], &[9, 10, 11]] {
        let heard = group
            .iter()
            .map(|n| world.phones[&leg(*n)].payloads.clone());
        let heard: Vec<_> = heard.collect();
        assert_eq!(heard[0].len() as u64, TICKS);
        assert!(heard.iter().all(|payloads| *payloads == heard[0]));
        assert!(world.phone(leg(group[0])).hears(LOW) > HEARD);
    }
    assert!(world.phone(leg(0)).hears(LOW) < NOT_HEARD);
}

#[test]
fn fifty_listeners_get_the_same_bytes_and_encoders_are_copied_for_speakers_alone() {
    let mut world = room(&[Codec::Pcma; 52]);
    world.run(SECOND);
    // Who breaks the silence needs no encoder; two who talk at once hear each other.
    for (copies, speaker, tone) in [(0, 50, LOW), (2, 51, HIGH)] {
        world.phone(leg(speaker)).says = Some(tone);
        world.run(SECOND / 2);
        let before = counts(&world);
        assert_eq!(world.count(Counter::EncodersCopied), copies);
        world.forget();
        world.run(SECOND / 2);
        assert_eq!(counts(&world)[0] - before[0], TICKS / 2);
        assert_eq!(counts(&world)[1] - before[1], copies * TICKS / 2);
        assert_eq!(world.count(Counter::EncodersCopied), copies);
        let first = &world.phones[&leg(0)].payloads;
        assert_eq!(first.len() as u64, TICKS / 2);
        assert!((1..50).all(|n| world.phones[&leg(n)].payloads == *first));
        assert!(world.phones[&leg(0)].hears(tone) > HEARD);
        assert!(world.phones[&leg(speaker)].hears(tone) < NOT_HEARD);
    }
}

#[test]
fn a_silence_is_coded_once_for_all_rooms_and_ends_with_the_first_sound() {
    for codec in Codec::ALL {
        let mut world = room(&[codec; 3]);
        world.run(SECOND);
        let before = counts(&world);
        world.forget();
        world.run(SECOND);
        assert_eq!(counts(&world), before, "{codec:?}");
        for n in 0..3 {
            assert_eq!(world.phones[&leg(n)].payloads.len() as u64, TICKS);
        }
        world.forget();
        world.phone(leg(0)).says = Some(LOW);
        world.run(SECOND);
        let after = counts(&world);
        assert_eq!(after[1], before[1], "{codec:?}");
        assert!(after[0] - before[0] >= TICKS - 5, "{codec:?}");
        assert!(world.phone(leg(1)).hears(LOW) > HEARD, "{codec:?}");
        assert!(world.phone(leg(0)).hears(LOW) < NOT_HEARD, "{codec:?}");
    }
}

#[test]
fn who_talks_alone_hears_a_quiet_line_and_the_next_speaker_without_a_click() {
    let peak = |heard: &[i16]| {
        heard
            .iter()
            .map(|x| f64::from(*x).abs())
            .fold(0.0, f64::max)
    };
    for codec in Codec::ALL {
        let mut world = room(&[codec; 3]);
        world.run(SECOND);
        // Turns that pass at once, in a breath, and after all are in the same silence.
        for pause in [0, 100, 1_000] {
            world.phone(leg(0)).says = Some(LOW);
            world.run(SECOND);
            world.forget();
            world.run(SECOND / 2);
            let alone = peak(&world.phone(leg(0)).heard);
            assert!(alone < QUIET_PEAK, "{codec:?} {pause} {alone}");
            world.phone(leg(0)).says = None;
            world.run(Duration::from_millis(pause));
            world.phone(leg(1)).says = Some(HIGH);
            world.forget();
            world.run(SECOND);
            let heard = &world.phone(leg(0)).heard;
            let (first, then) = heard.split_at(heard.len() / 2);
            let (first, then) = (peak(first), peak(then));
            assert!(first < 1.3 * then, "{codec:?} {pause} {first} {then}");
            world.phone(leg(1)).says = None;
            world.run(SECOND);
        }
    }
}

#[test]
fn a_gain_is_an_encoding_of_its_own() {
    let mut world = room(&[Codec::G722; 4]);
    world.phone(leg(0)).says = Some(LOW);
    let gain = ListeningGain::of_steps(-9);
    assert_eq!(gain, ListeningGain::MIN);
    world.tell(Command::Listen { leg: leg(1), gain });
    world.run(SECOND);
    let before = counts(&world);
    world.forget();
    world.run(SECOND);
    assert_eq!(counts(&world)[0] - before[0], TICKS * 2);
    let [quiet, plain] = [1, 2].map(|n| world.phones[&leg(n)].hears(LOW));
    assert!((plain - quiet - 12.0).abs() < 0.5, "{plain} {quiet}");
}

/// Whoever turns the volume in mid-talk hears it slide in a tick, and all others as those hear it who had it so before, or
/// as near to it as two lossy encoders of the same sound come to each other.
#[test]
fn a_listener_who_turns_the_volume_hears_no_click() {
    for (codec, limit) in [
        (Codec::Pcma, -30.0),
        (Codec::Opus, -12.0),
        (Codec::G722, -12.0),
    ] {
        let mut world = room(&[codec; 4]);
        let quieter = ListeningGain::of_steps(-1);
        let (turning, plain, quiet) = (leg(1), leg(2), leg(3));
        world.tell(Command::Listen {
            leg: quiet,
            gain: quieter,
        });
        world.phone(leg(0)).recites(sounds::speech(9, 40, -20.0));
        world.run(2 * SECOND);
        let mut errors = Vec::new();
        for turn in 0..16 {
            let gain = [quieter, ListeningGain::default()][turn % 2];
            world.forget();
            world.tell(Command::Listen { leg: turning, gain });
            world.run(SECOND / 4);
            let [own, plain, quiet] = [turning, plain, quiet].map(|leg| &world.phones[&leg].heard);
            let power = |a: &[i16], b: &[i16]| -> f64 {
                let pairs = a.iter().zip(b);
                pairs
                    .map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2))
                    .sum()
            };
            let ticks = own.chunks(FRAME_SAMPLES).zip(plain.chunks(FRAME_SAMPLES));
            let ticks = ticks.zip(quiet.chunks(FRAME_SAMPLES));
            let mut ticks: Vec<f64> = ticks
                .map(|((own, plain), quiet)| power(own, plain).min(power(own, quiet)))
                .collect();
            // The tick in which it slides, and what a decoder overlaps of it.
            ticks.sort_by(f64::total_cmp);
            let worst = ticks[ticks.len() - 3] / FRAME_SAMPLES as f64 / 32_768.0_f64.powi(2);
            errors.push(10.0 * worst.max(1e-12).log10() + 20.0);
            world.run(SECOND + Duration::from_millis(20 * turn as u64));
        }
        errors.sort_by(f64::total_cmp);
        println!("{codec:?}: {errors:.1?} dB below the speech");
        assert!(errors[errors.len() - 1] < limit, "{codec:?}: {errors:.1?}");
    }
}

#[test]
fn who_spoke_goes_back_to_the_shared_encoding() {
    let mut world = room(&[Codec::Opus; 3]);
    world.phone(leg(0)).says = Some(LOW);
    world.run(SECOND);
    assert_eq!(world.count(Counter::EncodersCopied), 1);
    world.phone(leg(0)).says = None;
    world.run(4 * SECOND);
    let before = counts(&world);
    world.forget();
    world.run(SECOND);
    let after = counts(&world);
    assert_eq!(after, before, "they share the silence of all rooms");
    assert_eq!(
        world.phones[&leg(0)].payloads,
        world.phones[&leg(1)].payloads
    );
    world.forget();
    world.phone(leg(2)).says = Some(LOW);
    world.run(SECOND);
    assert_eq!(counts(&world)[1], after[1]);
    assert_eq!(
        world.phones[&leg(0)].payloads,
        world.phones[&leg(1)].payloads
    );
}

#[test]
fn who_goes_back_to_a_shared_g722_encoding_hears_no_click() {
    let mut world = room(&[Codec::G722; 3]);
    let talk = sounds::prompts(&["en/privacy", "en/help-code", "de/privacy", "de/help-code"]);
    world.phone(leg(1)).recites([&talk[..], &talk].concat());
    world.run(SECOND);
    world.forget();
    let own = sounds::prompts(&["de/hello"]);
    let mut private = Vec::new();
    for visit in 0..10 {
        world.phone(leg(0)).recites(own[..30 + 7 * visit].to_vec());
        for _ in 0..240 {
            let before = counts(&world)[1];
            world.run(dsp::TICK);
            private.push(counts(&world)[1] - before);
        }
    }
    // Whoever comes back has an encoder alone for a while; the talker hears the silence of all rooms by then.
    let returns: Vec<_> = (1..private.len())
        .filter(|&tick| private[tick - 1] == 1 && private[tick] == 0)
        .collect();
    assert!(returns.len() >= 10, "{returns:?}");
    let [mine, theirs] = [0, 2].map(|n| decoded(Codec::G722, &world.phones[&leg(n)].payloads));
    let speech = mean_power(&theirs.concat());
    for tick in returns {
        for at in tick..(tick + 10).min(mine.len()) {
            let pairs = mine[at].iter().zip(&theirs[at]);
            let error: Vec<i16> = pairs.map(|(a, b)| a.saturating_sub(*b)).collect();
            let error = mean_power(&error);
            assert!(
                error <= speech / 100.0,
                "tick {at}, back at {tick}: {error} of {speech}"
            );
        }
    }
}

/// What a decoder makes of payloads, tick by tick.
pub(super) fn decoded(codec: Codec, payloads: &[Vec<u8>]) -> Vec<Vec<i16>> {
    let mut decoder = Decoder::new(codec).unwrap();
    let tick = |payload: &Vec<u8>| {
        let mut samples = vec![0; codec.frame_samples()];
        decoder.decode(payload, &mut samples).unwrap();
        samples
    };
    payloads.iter().map(tick).collect()
}

pub(super) fn mean_power(samples: &[i16]) -> f64 {
    let squares: f64 = samples.iter().map(|x| f64::from(*x).powi(2)).sum();
    squares / samples.len() as f64
}

#[test]
fn the_last_listener_takes_the_encoder_along() {
    let mut world = room(&[Codec::Opus; 2]);
    for (n, tone) in [(0, LOW), (1, HIGH)] {
        world.phone(leg(n)).says = Some(tone);
    }
    world.run(2 * SECOND);
    let before = counts(&world);
    world.forget();
    world.run(SECOND);
    let after = counts(&world);
    assert_eq!([after[0] - before[0], after[1] - before[1]], [0, 2 * TICKS]);
    assert!(world.count(Counter::EncodersCopied) <= 1);
    assert!(world.phone(leg(0)).hears(HIGH) > HEARD);
    assert!(world.phone(leg(1)).hears(LOW) > HEARD);
    assert!(world.phone(leg(0)).hears(LOW) < NOT_HEARD);
}

#[test]
fn no_more_are_heard_than_there_are_places() {
    let mut world = room(&[Codec::Pcma; 9]);
    for n in 0..8 {
        world.phone(leg(n)).says = Some(400.0 + 150.0 * n as f64);
    }
    let set = |world: &mut World, most| {
        let conference = ROOM;
        world.tell(Command::Speakers { conference, most });
        world.run(2 * SECOND);
        let before = counts(world)[2];
        world.run(SECOND);
        (counts(world)[2] - before) / TICKS
    };
    assert_eq!(set(&mut world, 5), 5);
    assert_eq!(set(&mut world, 1), 1);
    assert_eq!(set(&mut world, 200), 8);
    assert_eq!(world.count(Counter::LegPanics), 0);
}

#[test]
fn the_first_syllable_is_whole_though_the_line_was_not_decoded() {
    let mut world = room(&[Codec::Pcma; 2]);
    world.run(SECOND);
    assert_eq!(counts(&world)[2], 0);
    world.forget();
    world.phone(leg(0)).says = Some(LOW);
    world.run(SECOND / 5);
    world.phone(leg(0)).says = None;
    world.run(SECOND);
    let heard = &world.phones[&leg(1)].heard;
    let loud = heard.chunks(480).filter(|chunk| {
        let peak = chunk.iter().map(|sample| sample.unsigned_abs()).max();
        peak.is_some_and(|peak| peak > 8_000)
    });
    // Ten packets were sent; concealment adds a little at the end.
    let loud = loud.count();
    assert!((20..=28).contains(&loud), "{loud} of 20 stretches of 10 ms");
    assert_eq!(world.count(Counter::FramesPassed), 0);
}

#[test]
fn a_change_of_the_roster_names_only_what_changes() {
    let mut world = room(&[Codec::Pcma; 3]);
    world.phone(leg(0)).says = Some(LOW);
    world.phone(leg(1)).says = Some(HIGH);
    change(&mut world, &[(leg(0), MUTED)], &[]);
    world.run(SECOND);
    world.forget();
    world.run(SECOND);
    assert!(world.phone(leg(2)).hears(LOW) < NOT_HEARD);
    assert!(world.phone(leg(2)).hears(HIGH) > HEARD);
    // Whoever comes in is named, or cut.
    for leg in [CARL, BERT] {
        world.call(leg, Codec::Pcma);
        world.join(leg, ROOM);
    }
    change(&mut world, &[(CARL, OPEN)], &[]);
    assert_eq!(gone(&mut world), [BERT]);
    world.run(SECOND);
    world.forget();
    world.run(SECOND);
    assert!(world.phone(CARL).hears(HIGH) > HEARD);
    // Who is gone from the roster is gone from the mix.
    change(&mut world, &[], &[leg(1), ANNA]);
    assert_eq!(gone(&mut world), [leg(1)]);
    assert_eq!(world.count(Counter::LegsWithoutRoster), 2);
}

/// A loud voice turns the mix down for all but its owner; once it ends, its owner must not hear the others sink.
#[test]
fn who_falls_silent_hears_the_others_as_loud_as_before() {
    for codec in [Codec::Pcma, Codec::G722, Codec::Opus] {
        let mut world = room(&[codec; 3]);
        let sounds = [(LOW, -3.5), (HIGH, -8.0)].map(|(tone, dbov)| loud(tone, dbov, 50 * 8));
        for (n, sound) in (0..).zip(sounds) {
            let shaping = Shaping::NONE;
            world.tell(Command::Shape {
                leg: leg(n),
                shaping,
            });
            world.phone(leg(n)).recites(sound);
        }
        world.run(2 * SECOND);
        // Breaks off, as a voice does at the end of a word.
        world.phone(leg(0)).recites(vec![Frame::SILENCE; 50 * 8]);
        world.forget();
        world.run(SECOND);
        let [speaker, listener] =
            [0, 2].map(|n| levels(&world.phone(leg(n)).heard, HIGH, SECOND / 50));
        let spread = |levels: &[f64]| {
            let most = levels.iter().copied().fold(f64::MIN, f64::max);
            most - levels.iter().copied().fold(f64::MAX, f64::min)
        };
        assert!(spread(&listener[1..]) > 3.0, "turned down: {listener:.1?}");
        assert!(spread(&speaker[1..]) < 1.0, "{codec:?}: {speaker:.1?}");
    }
}

/// A tone at a level.
#[expect(clippy::cast_possible_truncation, reason = "the amplitude fits")]
fn loud(tone: f64, dbov: f64, frames: usize) -> Vec<Frame> {
    let amplitude = 32_768.0 * 10_f64.powf((dbov + 3.01) / 20.0);
    let sample = |n: usize| (amplitude * (TAU * tone * n as f64 / 48_000.0).sin()) as i16;
    let frame = |number: usize| Frame {
        samples: std::array::from_fn(|at| sample(number * FRAME_SAMPLES + at)),
    };
    (0..frames).map(frame).collect()
}

/// The level of a tone in each stretch of what was heard, in dBov.
fn levels(heard: &[i16], tone: f64, stretch: Duration) -> Vec<f64> {
    let samples = stretch.as_millis() as usize * 48;
    let stretches = heard.chunks_exact(samples);
    stretches.map(|part| level_at(part, tone)).collect()
}

pub(super) fn room(codecs: &[Codec]) -> World {
    let mut world = World::new();
    world.start(ROOM);
    let mut seats = Vec::new();
    for (n, codec) in (0..).zip(codecs) {
        world.call(leg(n), *codec);
        world.join(leg(n), ROOM);
        seats.push((leg(n), OPEN));
    }
    world.seat(ROOM, &seats);
    world
}

fn change(world: &mut World, changed: &[(LegId, Seat)], gone: &[LegId]) {
    world.tell(Command::Seats {
        conference: ROOM,
        changed: changed.to_vec(),
        gone: gone.to_vec(),
    });
}

fn gone(world: &mut World) -> Vec<LegId> {
    let mut gone = Vec::new();
    for event in world.take_events() {
        if let Event::Gone {
            leg,
            reason: Gone::NotInRoster,
        } = event
        {
            gone.push(leg);
        }
    }
    gone
}

pub(super) const fn leg(n: u64) -> LegId {
    LegId::from_u64(10 + n)
}

/// Frames encoded for many, for one, and decoded.
fn counts(world: &World) -> [u64; 3] {
    [
        Counter::EncodedShared,
        Counter::EncodedPrivate,
        Counter::FramesDecoded,
    ]
    .map(|counter| world.count(counter))
}
