//! Tests of the shaper: what noise, echoes, levels and the pool make of a leg's sound.
#![cfg(test)]

use super::*;
use crate::{SAMPLE_RATE, material, tone};

const NOISE_ONLY: Shaping = Shaping {
    noise_suppression: true,
    ..Shaping::NONE
};

const ECHO_ONLY: Shaping = Shaping {
    echo: true,
    ..Shaping::NONE
};

/// Shapes a sound with a workshop at hand.
fn shaped(sound: &[Frame], sent: &[Frame], codec: Codec, shaping: Shaping) -> Vec<Frame> {
    let mut pool = ShaperPool::new(1);
    let mut shaper = Shaper::new(codec, shaping);
    assert!(pool.equip(&mut shaper));
    run(&mut shaper, sound, sent)
}

fn run(shaper: &mut Shaper, sound: &[Frame], sent: &[Frame]) -> Vec<Frame> {
    let mut out = sound.to_vec();
    for (at, frame) in out.iter_mut().enumerate() {
        shaper.shape(frame, sent.get(at).unwrap_or(&Frame::SILENCE));
    }
    out
}

/// How far a sound stands above what is not of it, in dB, whatever its gain.
fn likeness(clean: &[Frame], sound: &[Frame]) -> f64 {
    let pairs = || {
        let clean = material::samples(clean).map(f64::from);
        clean.zip(material::samples(sound).map(f64::from))
    };
    let (xy, xx, yy) = pairs().fold((0.0, 0.0, 0.0), |(xy, xx, yy), (x, y)| {
        (xy + x * y, xx + x * x, yy + y * y)
    });
    let same = xy * xy / (xx * yy);
    10.0 * (same / (1.0 - same).max(1e-9)).log10()
}

/// What a workshop adds to a sound that it leaves alone: 3.3 ms.
fn later(sound: &[Frame]) -> Vec<Frame> {
    material::delayed(sound, 160)
}

/// Speech, two seconds of pause, speech.
fn talk(level: f64) -> Vec<Frame> {
    let mut talk = material::speech(5, 8, level);
    talk.extend(vec![Frame::SILENCE; 100]);
    talk.extend(material::speech(6, 4, level));
    talk
}

#[test]
fn with_all_off_frames_pass_bit_exactly() {
    let speech = material::speech(1, 2, -20.0);
    for codec in Codec::ALL {
        assert_eq!(shaped(&speech, &speech, codec, Shaping::NONE), speech);
    }
}

/// How many samples lie at full scale, where what is cut off lies.
fn at_full_scale(sound: &[Frame]) -> usize {
    let samples = material::samples(sound);
    samples
        .filter(|sample| sample.unsigned_abs() >= 32_767)
        .count()
}

#[test]
fn who_wants_to_be_heard_louder_is_limited_and_never_clipped() {
    let gain_only = Shaping {
        gain: true,
        ..Shaping::NONE
    };
    for shaping in [Shaping::NONE, gain_only] {
        let speech = material::speech(4, 6, -16.0);
        let mut shaper = Shaper::new(Codec::Opus, shaping);
        shaper.set_volume(4_077);
        let mut out = speech.clone();
        let mut levels = Vec::new();
        for frame in &mut out {
            levels.push(shaper.shape(frame, &Frame::SILENCE));
        }
        // What is fainter than −120 dBov is measured as that.
        let own = speech.iter().map(Frame::level);
        let own: Vec<Level> = own
            .map(|level| level.max(Level::from_rfc6464(120)))
            .collect();
        assert_eq!(levels, own, "what is measured is not what was chosen");
        let louder = material::dbov(&out[200..]) - material::dbov(&speech[200..]);
        assert!(louder > 0.0, "{shaping:?}: {louder} dB");
        let cut = at_full_scale(&out);
        assert!(cut < 20, "{shaping:?}: {cut} samples at full scale");
    }
}

#[test]
fn a_volume_slides_and_leaves_nothing_behind() {
    let tone = tone::sine(440.0, -30.0, 40);
    let mut shaper = Shaper::new(Codec::Opus, Shaping::NONE);
    let mut out = tone.clone();
    for (at, frame) in out.iter_mut().enumerate() {
        shaper.set_volume(if (10..20).contains(&at) { 4_077 } else { 1_024 });
        shaper.shape(frame, &Frame::SILENCE);
    }
    let samples: Vec<i16> = material::samples(&out).collect();
    let steps = samples.windows(2).map(|pair| pair[0].abs_diff(pair[1]));
    // A tone of 440 Hz at −18 dBov takes no greater step by itself.
    assert!(steps.max() < Some(350));
    assert_eq!(out[..10], tone[..10]);
    assert_ne!(out[15], tone[15]);
    assert_eq!(out[21..], tone[21..]);
}

#[test]
fn noise_sinks_in_pauses_and_speech_stands_clearer() {
    for codec in [Codec::Opus, Codec::Pcma] {
        let clean = talk(-26.0);
        let noise = material::fan(3, clean.len(), -40.0);
        // The telephone's high-pass turns phases; what is compared has passed it as well.
        let clean = shaped(&clean, &[], codec, ECHO_ONLY);
        let noisy = material::sum(&talk(-26.0), &noise);
        let plain = shaped(&noisy, &[], codec, ECHO_ONLY);
        let out = shaped(&noisy, &[], codec, NOISE_ONLY);
        let sunk = material::dbov(&plain[430..490]) - material::dbov(&out[430..490]);
        assert!(
            (9.0..14.0).contains(&sunk),
            "{codec:?}: pauses sink by {sunk} dB"
        );
        let (before, after) = (likeness(&clean, &plain), likeness(&clean, &out));
        println!("{codec:?}: {before:.1} dB of likeness become {after:.1}");
        assert!(
            after > before + 1.5,
            "{codec:?}: {before} dB became {after}"
        );
    }
}

#[test]
fn clean_speech_is_hardly_harmed() {
    assert_hardly_harmed(&material::speech(5, 8, -26.0));
}

#[test]
fn clean_speech_of_the_vectors_is_hardly_harmed() {
    assert_hardly_harmed(&material::recorded("short_wb_voice.wav"));
}

fn assert_hardly_harmed(sound: &[Frame]) {
    let out = shaped(sound, &[], Codec::Opus, NOISE_ONLY);
    let found = likeness(&later(sound), &out);
    println!("{found:.1} dB of likeness");
    assert!(found > 15.0, "{found} dB");
}

#[test]
fn who_begins_with_a_long_vowel_is_heard_whole() {
    let mut vowel = tone::sine(220.0, -26.0, 60);
    for (frame, other) in vowel.iter_mut().zip(tone::sine(660.0, -30.0, 60)) {
        *frame = material::sum(std::slice::from_ref(frame), &[other])[0].clone();
    }
    let out = shaped(&vowel, &[], Codec::Opus, NOISE_ONLY);
    let lost = material::dbov(&vowel[1..40]) - material::dbov(&out[1..40]);
    assert!(lost.abs() < 0.5, "{lost} dB");
}

/// A hybrid: what was sent comes back fainter, later, a little coloured, through G.711.
fn hybrid(sent: &[Frame], delay_ms: usize, db: f64) -> Vec<Frame> {
    let sent = material::through(Codec::Pcma, sent);
    let direct = material::delayed(&material::amplified(&sent, db), delay_ms * 48);
    let rest = material::delayed(&material::amplified(&sent, db - 8.0), delay_ms * 48 + 90);
    material::through(Codec::Pcma, &material::sum(&direct, &rest))
}

#[test]
fn the_echo_of_a_hybrid_sinks() {
    for delay_ms in [20, 60, 120, 200] {
        let sent = material::speech(5, 10, -26.0);
        let echo = hybrid(&sent, delay_ms, -15.0);
        let plain = shaped(&echo, &[], Codec::Pcma, ECHO_ONLY);
        let out = shaped(&echo, &sent, Codec::Pcma, ECHO_ONLY);
        let sunk = material::dbov(&plain[150..]) - material::dbov(&out[150..]);
        let early = material::dbov(&plain[50..150]) - material::dbov(&out[50..150]);
        println!(
            "{delay_ms} ms: {sunk:.1} dB less echo, {early:.1} dB in the second and third second"
        );
        assert!(sunk > 15.0, "{delay_ms} ms: {sunk} dB");
    }
}

#[test]
fn who_talks_into_an_echo_is_heard() {
    let sent = material::speech(5, 12, -26.0);
    let mut own = vec![Frame::SILENCE; 300];
    own.extend(material::speech(8, 6, -26.0));
    let both = material::sum(
        &hybrid(&sent, 90, -15.0),
        &material::through(Codec::Pcma, &own),
    );
    let out = shaped(&both, &sent, Codec::Pcma, ECHO_ONLY);
    let alone = shaped(
        &material::through(Codec::Pcma, &own),
        &[],
        Codec::Pcma,
        ECHO_ONLY,
    );
    let lost = material::active_dbov(&alone[300..]) - material::active_dbov(&out[300..]);
    assert!(lost < 3.0, "{lost} dB of the voice are lost");
    assert!(likeness(&alone[300..], &out[300..]) > 5.0);
}

#[test]
fn without_an_echo_nothing_is_taken() {
    for seed in 0..4 {
        let sent = material::speech(50 + seed, 10, -26.0);
        let own = material::speech(60 + seed, 10, -26.0);
        let plain = shaped(&own, &[], Codec::G722, ECHO_ONLY);
        let out = shaped(&own, &sent, Codec::G722, ECHO_ONLY);
        let lost = material::active_dbov(&plain) - material::active_dbov(&out);
        assert!(lost < 1.0, "voice {seed}: {lost} dB");
    }
}

#[test]
fn voices_in_the_same_rhythm_are_not_taken_for_an_echo() {
    let sent = material::carriers(0, 8, -20.0);
    let own = material::carriers(1, 8, -22.0);
    for (late, shaping) in [(0, ECHO_ONLY), (100, ECHO_ONLY), (0, NOISE_ONLY)] {
        let own = material::delayed(&own, late * 48);
        let plain = shaped(&own, &[], Codec::Pcma, ECHO_ONLY);
        let out = shaped(&own, &sent, Codec::Pcma, shaping);
        let lost = material::dbov(&plain) - material::dbov(&out);
        println!("{shaping:?} {late} ms: {lost:.1} dB of the other voice");
        assert!(lost < 1.5, "{shaping:?} {late} ms: {lost} dB");
    }
}

#[test]
fn a_pool_lends_what_it_has_and_the_leg_remembers() {
    let mut pool = ShaperPool::new(1);
    let mut first = Shaper::new(Codec::Opus, NOISE_ONLY);
    let mut second = Shaper::new(Codec::Opus, NOISE_ONLY);
    assert!(pool.equip(&mut first) && pool.equip(&mut first));
    assert!(!pool.equip(&mut second));
    let noise = material::fan(3, 200, -40.0);
    run(&mut first, &noise, &[]);
    pool.strip(&mut first);
    assert!(!first.is_equipped() && pool.equip(&mut second));
    pool.strip(&mut second);
    assert!(pool.equip(&mut first));
    // The noise is known from before: it is low at once.
    let out = run(&mut first, &noise[..10], &[]);
    let sunk = material::dbov(&noise[5..10]) - material::dbov(&out[5..10]);
    assert!(sunk > 6.0, "{sunk} dB");
    drop(first);
    assert_eq!(pool.idle(), 0);
    pool.refill(0);
    assert_eq!(pool.idle(), 1);
}

#[test]
fn switching_treatments_does_not_click() {
    let tone = tone::sine(500.0, -26.0, 100);
    let mut pool = ShaperPool::new(1);
    let mut shaper = Shaper::new(Codec::Opus, ECHO_ONLY);
    pool.equip(&mut shaper);
    let mut out = Vec::new();
    for (number, frame) in tone.iter().enumerate() {
        let gain = Shaping {
            gain: true,
            ..Shaping::NONE
        };
        shaper.set_shaping(if number % 8 < 4 { gain } else { ECHO_ONLY });
        out.extend(run(&mut shaper, std::slice::from_ref(frame), &[]));
    }
    let found = likeness(&later(&tone)[10..], &out[10..]);
    assert!(found > 40.0, "{found} dB");
}

#[test]
fn a_workshop_is_small_and_a_shaper_smaller() {
    assert!(size_of::<Workshop>() < 32_000, "{}", size_of::<Workshop>());
    assert!(size_of::<Shaper>() < 512, "{}", size_of::<Shaper>());
}

/// The amplitude of a frequency in dBov.
fn strength(sound: &[Frame], frequency: f64) -> f64 {
    let step = std::f64::consts::TAU * frequency / f64::from(SAMPLE_RATE);
    let (mut re, mut im, mut count) = (0.0, 0.0, 0.0);
    for (at, x) in material::samples(sound).enumerate() {
        let x = f64::from(x) / 32_768.0;
        re += x * (step * at as f64).cos();
        im += x * (step * at as f64).sin();
        count += 1.0;
    }
    10.0 * (2.0 * (re * re + im * im) / (count * count))
        .max(1e-13)
        .log10()
}

/// 1 and 6.9 kHz through a codec, a shaper and a mix, and another codec.
fn high_over_low(from: Codec, to: Codec, shaping: Shaping, voice: &[Frame]) -> f64 {
    let length = 150;
    let mut sound = material::sum(
        &tone::sine(1_000.0, -32.0, length),
        &tone::sine(6_900.0, -32.0, length),
    );
    sound = material::sum(&sound, voice);
    let heard = shaped(&material::through(from, &sound), &[], from, shaping);
    let mut mix = Vec::new();
    for frame in &heard {
        let mut mixer = crate::Mixer::new();
        mixer.add(frame);
        let mut out = Frame::SILENCE;
        mixer.everyone(&mut out);
        mix.push(out);
    }
    let out = &material::through(to, &mix)[50..];
    strength(out, 6_900.0) - strength(out, 1_000.0)
}

#[test]
fn wide_band_passes_between_g722_and_opus() {
    for (from, to) in [(Codec::G722, Codec::Opus), (Codec::Opus, Codec::G722)] {
        let off = high_over_low(from, to, Shaping::NONE, &[]);
        assert!(off.abs() <= 6.0, "{from:?} to {to:?}: {off} dB");
        let voice = material::speech(4, 3, -30.0);
        let on = high_over_low(from, to, Shaping::TELEPHONE, &voice);
        println!(
            "{from:?} to {to:?}: {off:.1} dB off, {on:.1} dB amid speech with default shaping"
        );
        assert!(on.abs() <= 6.0, "{from:?} to {to:?}, shaped: {on} dB");
    }
}
