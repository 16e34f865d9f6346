//! What is said over the talk: to all or to one, at its level, in order, within limits, and without a click afterwards.

use std::time::Duration;

use dsp::{Codec, Frame};

use super::{
    LOW, MIDDLE, NOT_HEARD, sounds,
    world::{ANNA, BERT, CARL, MUTED, OPEN, ROOM, World},
};
use crate::{
    id::LegId,
    limit::{ANNOUNCEMENTS_WAITING_MAX, WHISPERS_MAX, WHISPERS_WAITING_MAX},
    media::{
        Clips, Counter,
        api::{Channels, ClipId, Command, Event, Seat, Unplayed},
    },
};

/// The tones of the words: as loud as speech should be.
const WORDS: f64 = 1_700.0;
const OTHER_WORDS: f64 = 2_100.0;
const WORDS_DBOV: f64 = -26.0;

/// By how many dB the talk is turned down beneath them.
const DUCKED: f64 = 10.0;

const TICK: Duration = Duration::from_millis(20);
const SECOND: Duration = Duration::from_secs(1);

/// Clips of a second and a half, of another tone, and of too long a time.
const SHORT: ClipId = ClipId(0);
const OTHER: ClipId = ClipId(1);
const LONG: ClipId = ClipId(2);

#[test]
fn an_announcement_is_heard_by_all_over_the_talk_and_takes_nobody_s_place() {
    for codec in Codec::ALL {
        let mut world = talk(codec);
        let conference = ROOM;
        world.tell(Command::Speakers {
            conference,
            most: 2,
        });
        world.run(SECOND);
        let undisturbed = levels(&mut world, CARL, SECOND);
        announce(&mut world, &[SHORT], 7);
        world.run(SECOND / 5);
        let beneath = levels(&mut world, CARL, SECOND);
        close(beneath.words, WORDS_DBOV, 1.0, "the words");
        close(beneath.low, undisturbed.low - DUCKED, 1.0, "one voice");
        close(beneath.middle, undisturbed.middle - DUCKED, 1.0, "another");
        for (speaker, own) in [(ANNA, LOW), (BERT, MIDDLE)] {
            let phone = world.phone(speaker);
            close(phone.hears(WORDS), WORDS_DBOV, 1.0, "a speaker hears them");
            assert!(phone.hears(own) < NOT_HEARD, "{codec:?}: the own voice");
        }
        world.run(SECOND);
        let after = levels(&mut world, CARL, SECOND);
        assert!(after.words < NOT_HEARD, "{codec:?}: {}", after.words);
        close(after.low, undisturbed.low, 0.5, "the voice after them");
        assert_eq!(announced(&mut world), [(7, Ok(()))]);
    }
}

#[test]
fn an_announcement_is_for_the_conference_itself() {
    let mut world = talk(Codec::Pcma);
    let beside = Channels(2);
    let aside = Seat {
        speaks: beside,
        hears: beside,
    };
    world.seat(ROOM, &[(ANNA, OPEN), (BERT, aside), (CARL, aside)]);
    world.run(SECOND);
    let undisturbed = levels(&mut world, CARL, SECOND);
    announce(&mut world, &[SHORT], 1);
    world.run(SECOND / 5);
    let beneath = levels(&mut world, CARL, SECOND);
    assert!(beneath.words < NOT_HEARD, "{}", beneath.words);
    close(beneath.middle, undisturbed.middle, 0.5, "the talk aside");
    close(world.phone(ANNA).hears(WORDS), WORDS_DBOV, 1.0, "the words");
}

/// A soft tone needs no quiet beneath it.
#[test]
fn beneath_a_soft_announcement_the_talk_is_as_loud_as_ever() {
    let mut world = talk(Codec::Pcma);
    world.run(SECOND);
    let undisturbed = levels(&mut world, CARL, SECOND);
    world.tell(Command::Announce {
        conference: ROOM,
        clips: vec![SHORT],
        softly: true,
        token: 9,
    });
    world.run(SECOND / 5);
    let beneath = levels(&mut world, CARL, SECOND);
    close(beneath.words, WORDS_DBOV, 1.0, "the words");
    close(beneath.low, undisturbed.low, 0.5, "the talk");
    world.run(SECOND);
    assert_eq!(announced(&mut world), [(9, Ok(()))]);
}

#[test]
fn announcements_follow_each_other_and_too_many_or_too_long_ones_are_refused() {
    let mut world = talk(Codec::Pcma);
    for (token, clip) in (1..).zip([SHORT, OTHER, SHORT, SHORT, OTHER]) {
        announce(&mut world, &[clip], token);
        // The first begins with the next tick.
        world.run(TICK);
    }
    assert_eq!(announced(&mut world), []);
    announce(&mut world, &[SHORT], 6);
    announce(&mut world, &[LONG], 7);
    announce(&mut world, &[SHORT; 7], 8);
    let too_long = Err(Unplayed::TooLong);
    let refused = [(6, Err(Unplayed::TooMany)), (7, too_long), (8, too_long)];
    assert_eq!(announced(&mut world), refused);
    assert_eq!(ANNOUNCEMENTS_WAITING_MAX, 4);
    assert_eq!(world.count(Counter::WordsRefused), 3);
    for token in 1..=5 {
        let heard = levels(&mut world, CARL, SECOND);
        let is_other = matches!(token, 2 | 5);
        let words = world.phone(CARL).hears(OTHER_WORDS);
        assert_eq!(words > heard.words, is_other, "{token}");
        world.run(SECOND / 2);
        let ended: Vec<u64> = announced(&mut world).iter().map(|(t, _)| *t).collect();
        assert_eq!(ended.last(), Some(&token), "{ended:?}");
    }
}

#[test]
fn a_whisper_is_heard_by_one_alone_over_the_talk() {
    for codec in Codec::ALL {
        let mut world = talk(codec);
        world.run(SECOND);
        let undisturbed = levels(&mut world, CARL, SECOND);
        whisper(&mut world, CARL, &[SHORT], 3);
        world.run(SECOND / 5);
        let beneath = levels(&mut world, CARL, SECOND);
        close(beneath.words, WORDS_DBOV, 1.0, "the words");
        close(beneath.low, undisturbed.low - DUCKED, 1.0, "the talk");
        for other in [ANNA, BERT, DORA] {
            let words = world.phone(other).hears(WORDS);
            assert!(words < NOT_HEARD, "{codec:?}: {other} hears {words}");
        }
        close(world.phone(DORA).hears(LOW), undisturbed.low, 0.5, "others");
        world.run(3 * SECOND);
        assert_eq!(played(&mut world), [(CARL, 3)]);
        if codec == Codec::G722 {
            // Of a tone that never pauses two encoders are slow to make the same.
            world.run(21 * SECOND);
        }
        let private = world.count(Counter::EncodedPrivate);
        let after = levels(&mut world, CARL, SECOND);
        close(after.low, undisturbed.low, 0.5, "the talk after them");
        let speakers = world.count(Counter::EncodedPrivate) - private;
        assert_eq!(speakers, 2 * 50, "only the speakers have encoders");
    }
}

#[test]
fn a_whisper_to_a_speaker_lies_over_the_others_alone() {
    let mut world = talk(Codec::Opus);
    world.run(SECOND);
    let undisturbed = levels(&mut world, ANNA, SECOND);
    whisper(&mut world, ANNA, &[SHORT], 3);
    world.run(SECOND / 5);
    let beneath = levels(&mut world, ANNA, SECOND);
    close(beneath.words, WORDS_DBOV, 1.0, "the words");
    close(
        beneath.middle,
        undisturbed.middle - DUCKED,
        1.0,
        "the other",
    );
    assert!(beneath.low < NOT_HEARD, "{}", beneath.low);
}

#[test]
fn whispers_take_turns_at_encoders_and_beyond_the_queue_are_refused() {
    let mut world = World::with_clips(clips());
    world.start(ROOM);
    let most = u64::try_from(WHISPERS_MAX + WHISPERS_WAITING_MAX).unwrap();
    let legs: Vec<LegId> = (1..=most + 1).map(LegId::from_u64).collect();
    for leg in &legs {
        world.call(*leg, Codec::Pcma);
        world.join(*leg, ROOM);
    }
    let seats: Vec<(LegId, Seat)> = legs.iter().map(|leg| (*leg, MUTED)).collect();
    world.seat(ROOM, &seats);
    world.run(SECOND / 5);
    for (token, leg) in (0..).zip(&legs[..WHISPERS_MAX]) {
        whisper(&mut world, *leg, &[SHORT], token);
        // One begins per tick.
        world.run(TICK);
    }
    for leg in &legs[WHISPERS_MAX..] {
        whisper(&mut world, *leg, &[SHORT], 9);
    }
    let refused: Vec<Event> = world.take_events();
    let last = legs[legs.len() - 1];
    assert!(
        matches!(refused[..], [Event::Unplayed { leg, why: Unplayed::TooMany, .. }] if leg == last),
        "{refused:?}"
    );
    let mut order = Vec::new();
    for _ in 0..12 * 50 {
        let before = world.count(Counter::EncodedPrivate);
        world.run(TICK);
        let private = world.count(Counter::EncodedPrivate) - before;
        // Who was whispered to before is still going back to the shared encoding.
        assert!(private <= 2 * WHISPERS_MAX as u64, "{private}");
        order.extend(played(&mut world).into_iter().map(|(leg, _)| leg));
    }
    assert_eq!(order, legs[..legs.len() - 1]);
}

#[test]
fn later_words_take_the_place_of_earlier_ones_and_a_key_breaks_them_off() {
    let mut world = talk(Codec::Pcma);
    world.run(SECOND);
    whisper(&mut world, CARL, &[SHORT], 1);
    world.run(SECOND / 2);
    whisper(&mut world, CARL, &[OTHER], 2);
    world.run(SECOND / 5);
    let heard = levels(&mut world, CARL, SECOND / 2);
    assert!(heard.words < NOT_HEARD, "{}", heard.words);
    close(world.phone(CARL).hears(OTHER_WORDS), WORDS_DBOV, 1.0, "new");
    play(&mut world, CARL, &[]);
    world.run(SECOND / 2);
    let heard = levels(&mut world, CARL, SECOND / 2);
    assert!(world.phone(CARL).hears(OTHER_WORDS) < NOT_HEARD);
    assert!(heard.low > -20.0, "{}", heard.low);
    assert_eq!(played(&mut world), []);
    // A prompt in place of the mix ends a whisper.
    whisper(&mut world, CARL, &[SHORT], 3);
    world.run(SECOND / 5);
    play(&mut world, CARL, &[OTHER]);
    world.run(SECOND / 5);
    let heard = levels(&mut world, CARL, SECOND);
    assert!(heard.low < NOT_HEARD, "{}", heard.low);
    assert!(heard.words < NOT_HEARD, "{}", heard.words);
    world.run(2 * SECOND);
    assert_eq!(played(&mut world), [(CARL, PLAY)]);
}

#[test]
fn where_no_mix_is_heard_a_whisper_is_said_all_the_same() {
    let mut world = talk(Codec::G722);
    let deaf = Seat::default();
    world.seat(
        ROOM,
        &[(ANNA, OPEN), (BERT, OPEN), (CARL, deaf), (DORA, OPEN)],
    );
    world.tell(Command::Leave { leg: DORA });
    world.take_events();
    for leg in [CARL, DORA] {
        whisper(&mut world, leg, &[SHORT], 4);
        world.run(SECOND / 5);
        let heard = levels(&mut world, leg, SECOND);
        close(heard.words, WORDS_DBOV, 1.0, "the words");
        world.run(SECOND);
        assert_eq!(played(&mut world), [(leg, 4)]);
    }
    assert_eq!(world.count(Counter::CommandsUnmatched), 0);
}

#[test]
fn after_a_whisper_the_ear_goes_back_to_the_mix_of_all_without_a_click() {
    for codec in Codec::ALL {
        let mut world = talk(codec);
        world.phone(BERT).says = None;
        world.phone(ANNA).says = None;
        for seed in 1..=4 {
            let speech = sounds::speech(seed, 6, -26.0);
            world.phone(ANNA).recites(speech);
            world.run(SECOND);
            whisper(&mut world, CARL, &[SHORT], seed);
            // The words, and the talk back at its loudness.
            world.run(SECOND * 18 / 10);
            world.forget();
            world.run(3 * SECOND);
            let [went, stayed] = [CARL, DORA].map(|leg| world.phones[&leg].heard.clone());
            assert_eq!(went.len(), stayed.len());
            let pairs = went.iter().zip(&stayed);
            let error: Vec<i16> = pairs.map(|(a, b)| a.saturating_sub(*b)).collect();
            let (error, speech) = (sounds::dbov(&error), sounds::dbov(&stayed));
            assert!(speech > -35.0, "{codec:?}: {speech}");
            assert!(error < speech - 20.0, "{codec:?}: {error} of {speech}");
            world.run(SECOND);
        }
        let [went, stayed] = [CARL, DORA].map(|leg| world.phones[&leg].payloads.clone());
        assert!(went.ends_with(&stayed[stayed.len() - 20..]), "{codec:?}");
    }
}

const DORA: LegId = LegId::from_u64(4);

/// The token of prompts.
const PLAY: u64 = 99;

/// What a leg hears, in dBov.
struct Levels {
    words: f64,
    low: f64,
    middle: f64,
}

/// Two who speak in tones and two who listen.
fn talk(codec: Codec) -> World {
    let mut world = World::with_clips(clips());
    world.start(ROOM);
    for leg in [ANNA, BERT, CARL, DORA] {
        world.call(leg, codec);
        world.join(leg, ROOM);
    }
    world.phone(ANNA).says = Some(LOW);
    world.phone(BERT).says = Some(MIDDLE);
    world.seat(
        ROOM,
        &[(ANNA, OPEN), (BERT, OPEN), (CARL, MUTED), (DORA, MUTED)],
    );
    world
}

fn clips() -> Clips {
    let words = |tone, ticks| -> Vec<Frame> { dsp::tone::sine(tone, WORDS_DBOV, ticks) };
    Clips::new(vec![
        words(WORDS, 75),
        words(OTHER_WORDS, 75),
        words(WORDS, 501),
    ])
}

fn announce(world: &mut World, clips: &[ClipId], token: u64) {
    world.tell(Command::Announce {
        conference: ROOM,
        clips: clips.to_vec(),
        softly: false,
        token,
    });
}

fn whisper(world: &mut World, leg: LegId, clips: &[ClipId], token: u64) {
    let clips = clips.to_vec();
    world.tell(Command::Whisper { leg, clips, token });
}

fn play(world: &mut World, leg: LegId, clips: &[ClipId]) {
    let (clips, token) = (clips.to_vec(), PLAY);
    world.tell(Command::Play { leg, clips, token });
}

/// Listens for a while.
fn levels(world: &mut World, leg: LegId, time: Duration) -> Levels {
    world.forget();
    world.run(time);
    let phone = world.phone(leg);
    Levels {
        words: phone.hears(WORDS),
        low: phone.hears(LOW),
        middle: phone.hears(MIDDLE),
    }
}

fn close(level: f64, expected: f64, within: f64, what: &str) {
    let off = (level - expected).abs();
    assert!(off <= within, "{what} at {level:.1}, not {expected:.1}");
}

fn announced(world: &mut World) -> Vec<(u64, Result<(), Unplayed>)> {
    let events = world.take_events().into_iter();
    let outcome = |event| {
        let Event::Announced { token, outcome, .. } = event else {
            return None;
        };
        Some((token, outcome))
    };
    events.filter_map(outcome).collect()
}

fn played(world: &mut World) -> Vec<(LegId, u64)> {
    let events = world.take_events().into_iter();
    let played = |event| {
        let Event::Played { leg, token } = event else {
            return None;
        };
        Some((leg, token))
    };
    events.filter_map(played).collect()
}
