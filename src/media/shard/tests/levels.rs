//! How loud people arrive at the others, whatever their lines make of them, measured by ITU-T P.56 through real legs.

use std::time::Duration;

use dsp::{Codec, FRAME_SAMPLES, Frame, Shaping};

use super::{
    sounds,
    world::{ANNA, CARL, OPEN, ROOM, World},
};
use crate::{
    id::LegId,
    media::api::{Command, ListeningGain},
};

const SECOND: Duration = Duration::from_secs(1);

/// What the lines make of a voice of −26 dBov, in dBov.
const LEVELS: [f64; 4] = [-16.0, -26.0, -36.0, -46.0];

/// How far noise lies below the voice, in dB.
const NO_NOISE: f64 = 200.0;
const RATIOS: [f64; 3] = [NO_NOISE, 20.0, 15.0];

/// Each codec meets each voice and each noise once.
#[test]
fn lines_thirty_db_apart_come_out_alike_and_their_pauses_stay_quiet() {
    let codecs = [Codec::Pcma, Codec::G722, Codec::Opus];
    for (row, codec) in codecs.into_iter().enumerate() {
        for (number, voice) in voices().iter().enumerate() {
            let ratio = RATIOS[(row + number) % RATIOS.len()];
            let what = format!("{codec:?}, voice {number}, noise {ratio} dB below it");
            let heard = turns(codec, voice, ratio);
            let levels = heard
                .each_ref()
                .map(|turn| sounds::active_dbov(&turn[SPEECH / 4..SPEECH]));
            println!("{what}: {levels:.1?} dBov");
            for level in levels {
                assert!((level - -26.0).abs() <= 3.0, "{what}: {levels:.1?} dBov");
            }
            for turn in heard {
                // From when the last word has faded, half a second each.
                let pause = turn[SPEECH + RATE / 2..].chunks_exact(RATE / 2);
                let parts: Vec<f64> = pause.map(sounds::dbov).collect();
                let most = parts.iter().copied().fold(f64::MIN, f64::max);
                assert!(most <= parts[0] + 3.0, "{what}: {parts:.1?} dBov");
            }
        }
    }
}

/// Loud and made louder, a tone goes beyond full scale; cut off, it would have overtones.
#[test]
fn who_is_heard_louder_by_choice_is_not_clipped() {
    let mut world = World::new();
    world.start(ROOM);
    for leg in [ANNA, CARL] {
        world.call(leg, Codec::Opus);
        world.join(leg, ROOM);
    }
    world.phone(ANNA).says = Some(500.0);
    world.seat(ROOM, &[(ANNA, OPEN), (CARL, OPEN)]);
    let gain = ListeningGain::MAX;
    world.tell(Command::BeHeard { leg: ANNA, gain });
    world.run(2 * SECOND);
    world.forget();
    world.run(2 * SECOND);
    let phone = world.phone(CARL);
    let (tone, overtone) = (phone.hears(500.0), phone.hears(1_500.0));
    assert!(tone > -6.0, "{tone} dBov");
    assert!(overtone < tone - 40.0, "{overtone} of {tone} dBov");
}

const RATE: usize = 48_000;
/// Samples of a turn that are speech; a pause of five seconds follows.
const SPEECH: usize = 12 * RATE;

/// Synthesized and real voices, 12 seconds each.
fn voices() -> [Vec<Frame>; 3] {
    let mut english = sounds::prompts(&["en/help-code", "en/privacy"]);
    let mut german = sounds::prompts(&["de/help-code", "de/privacy"]);
    for voice in [&mut english, &mut german] {
        voice.truncate(SPEECH / FRAME_SAMPLES);
        assert_eq!(voice.len(), SPEECH / FRAME_SAMPLES);
    }
    [sounds::speech(5, 12, -26.0), english, german]
}

/// Lets four who come in at different levels speak in turn, with the noise of their lines; returns what a listener hears
/// of each turn.
fn turns(codec: Codec, voice: &[Frame], ratio: f64) -> [Vec<i16>; 4] {
    let legs = [10, 11, 12, 13].map(LegId::from_u64);
    let mut world = World::new();
    world.start(ROOM);
    for leg in legs {
        world.call(leg, codec);
        world.join(leg, ROOM);
        let shaping = Shaping::TELEPHONE;
        world.tell(Command::Shape { leg, shaping });
    }
    world.call(CARL, Codec::Opus);
    world.join(CARL, ROOM);
    let seats = [&legs[..], &[CARL, ANNA]].concat();
    let seats: Vec<_> = seats.into_iter().map(|leg| (leg, OPEN)).collect();
    world.seat(ROOM, &seats);
    let mut turn = 0;
    [(); 4].map(|()| {
        let level = LEVELS[turn];
        let mut line = sounds::at_active_level(voice, level);
        line.resize(line.len() + 5 * RATE / FRAME_SAMPLES, Frame::SILENCE);
        let noise = sounds::noise(turn as u64, line.len(), level - ratio);
        let line = sounds::sum(&line, &noise);
        world.phone(legs[turn]).recites(line);
        // What is heard is late by a few packets.
        world.run(SECOND / 10);
        world.forget();
        world.run(17 * SECOND);
        turn += 1;
        world.phone(CARL).heard.clone()
    })
}
