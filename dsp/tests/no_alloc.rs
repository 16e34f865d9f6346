//! The tick allocates nothing: an allocator that aborts stands guard over every step of the media path.
#![expect(clippy::cast_possible_truncation, reason = "simulated times are small")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::time::Instant;

use assert_no_alloc::{AllocDisabler, assert_no_alloc};
use dsp::{
    Alike, Codec, ComfortFill, ComfortNoise, Complexity, Encoder, EncoderSettings, FRAME_SAMPLES,
    Frame, Handover, KeyFilter, Level, Limiter, LineNoise, LineSound, LossClass, MAX_PAYLOAD,
    Mixer, Nominee, Playout, Selector, Served, Shaper, ShaperPool, Shaping, SpeechGate, Syllables,
    TICK, Witness, tone,
};

#[global_allocator]
static GUARD: AllocDisabler = AllocDisabler;

#[expect(
    clippy::disallowed_methods,
    reason = "the base instant of a simulated run"
)]
fn t0() -> Instant {
    Instant::now()
}

/// Lets a tick pass unheard, now and then decoded all the same.
fn pass(playout: &mut Playout, number: usize, now: Instant) {
    playout.due(now);
    match number % 100 {
        70 => playout.probe(),
        90 => drop(playout.look()),
        _ => {}
    }
    playout.pass();
}

/// Encodes, loses, copies, duplicates, reorders, decodes, mixes and judges for ten seconds.
fn ten_seconds_of(codec: Codec) {
    let start = t0();
    let frames = tone::sine(440.0, -20.0, 500);
    let mut encoder = Encoder::new(codec).unwrap();
    let mut playout = Playout::new(codec).unwrap();
    let mut mixer = Mixer::new();
    let mut gate = SpeechGate::new();
    let [mut heard, mut mixed] = [Frame::SILENCE; 2];
    let mut kept = [0; MAX_PAYLOAD];
    let mut lost = ([0; MAX_PAYLOAD], 0);
    assert_no_alloc(|| {
        for (number, frame) in frames.iter().enumerate() {
            let now = start + TICK * number as u32;
            let mut payload = [0; MAX_PAYLOAD];
            let len = encoder.encode(frame, &mut payload).unwrap();
            let (sequence, timestamp) = (number as u16, number as u32 * codec.ticks());
            match number % 10 {
                3 => lost = (payload, len),
                4 => {
                    playout.put(sequence, timestamp, &payload[..len], None, now);
                    // Every other loss is made up for.
                    if number % 20 == 4 {
                        let copy = &lost.0[..lost.1];
                        playout.put_redundant(timestamp, codec.ticks(), copy, now);
                    }
                }
                5 => kept = payload,
                6 => {
                    playout.put(sequence, timestamp, &payload[..len], None, now);
                    playout.put(
                        sequence - 1,
                        timestamp - codec.ticks(),
                        &kept[..len],
                        None,
                        now,
                    );
                }
                7 => playout.put(sequence, timestamp, &[0xff; 1_500][..number * 3], None, now),
                _ => playout.put(
                    sequence,
                    timestamp,
                    &payload[..len],
                    Some(Level::SILENCE),
                    now,
                ),
            }
            // Every other second nobody hears the leg, although it claims silence; then it is probed or looked at.
            if number / 50 % 2 == 0 {
                playout.take(&mut heard, now);
            } else {
                pass(&mut playout, number, now);
            }
            mixer.clear();
            mixer.add(&heard);
            mixer.add(frame);
            mixer.without(frame, &mut mixed);
            mixer.everyone(&mut mixed);
            gate.handle(Level::of(&mixed.samples));
            if number == 400 {
                playout.reset();
            }
        }
    });
    let stats = playout.stats();
    assert!(
        stats.concealed > 0 && stats.lost > 0 && stats.recovered > 0 && stats.malformed.total() > 0,
        "{stats:?}"
    );
}

#[test]
fn g711_allocates_nothing() {
    ten_seconds_of(Codec::Pcmu);
    ten_seconds_of(Codec::Pcma);
}

#[test]
fn g722_allocates_nothing() {
    ten_seconds_of(Codec::G722);
}

#[test]
fn opus_allocates_nothing() {
    ten_seconds_of(Codec::Opus);
}

#[test]
fn changing_over_between_encoders_allocates_nothing() {
    let frames = tone::sine(440.0, -20.0, 10);
    for codec in Codec::ALL {
        for loss in [LossClass::Low, LossClass::Medium, LossClass::High] {
            let settings = EncoderSettings::new(codec, loss);
            let [mut shared, mut private] = [(); 2].map(|()| Encoder::new(settings).unwrap());
            let mut payload = [0; MAX_PAYLOAD];
            assert_no_alloc(|| {
                for frame in &frames {
                    shared.encode(frame, &mut payload).unwrap();
                    private.copy_from(&shared).unwrap();
                    private.set_complexity(Complexity::MIN);
                    private.encode(frame, &mut payload).unwrap();
                    private.reset();
                    private.encode(frame, &mut payload).unwrap();
                }
            });
        }
    }
}

#[test]
fn being_led_back_to_a_shared_encoder_allocates_nothing() {
    let frames = tone::sine(440.0, -20.0, 200);
    let [mut shared, mut private] = [(); 2].map(|()| Encoder::new(Codec::G722).unwrap());
    let [mut theirs, mut mine] = [[0; MAX_PAYLOAD]; 2];
    assert_no_alloc(|| {
        for (number, frame) in frames.iter().enumerate() {
            let len = shared.encode(frame, &mut theirs).unwrap();
            if number < 10 {
                private.encode(&Frame::SILENCE, &mut mine).unwrap();
            } else {
                private
                    .approach(&shared, &theirs[..len], &mut mine)
                    .unwrap();
            }
        }
    });
}

#[test]
fn choosing_speakers_seeking_keys_and_handing_over_allocate_nothing() {
    let frames = tone::sine(697.0, -10.0, 50);
    let mut selector = Selector::new();
    let mut keys = KeyFilter::new();
    let mut handover = Handover::new();
    let mut lines = [LineNoise::new(); 20];
    let mut syllables = Syllables::new();
    let mut drawn = Frame::SILENCE;
    let mut private = 0;
    assert_no_alloc(|| {
        for tick in 0..2_000_usize {
            selector.set_places(if tick % 500 < 400 { 5 } else { 2 });
            let claims = lines.iter_mut().enumerate().filter_map(|(id, line)| {
                let level = Level::from_rfc6464(((tick / 7 + id * 13) % 90) as u8);
                let id = id as u64;
                let sound = line.handle(level);
                let steady = sound == LineSound::Steady;
                (sound != LineSound::Noise).then_some(Nominee { id, level, steady })
            });
            selector.choose(claims);
            let first = selector.chosen().next();
            if let Some(chosen) = first.filter(|_| tick % 100 == 99) {
                selector.remove(chosen);
            }
            let mut frame = frames[tick % frames.len()].clone();
            keys.handle(&mut frame);
            let level = frame.level();
            syllables.handle(f32::from(level.as_dbov()));
            dsp::outline(&[0x55; 160], &mut drawn);
            let served = handover.handle_tick(tick % 200 < 50, level, Alike::Unknown);
            private += u32::from(served == Served::Private);
        }
    });
    assert!(private > 500 && selector.chosen().len() > 0);
}

#[test]
fn shaping_limiting_and_judging_allocate_nothing() {
    let frames = tone::sine(440.0, -6.0, 200);
    let mut pool = ShaperPool::new(1);
    let mut shapers = Codec::ALL.map(|codec| Shaper::new(codec, Shaping::TELEPHONE));
    let mut witness = Witness::new();
    let (mut limiter, mut fill) = (Limiter::new(), ComfortFill::new());
    let (mut source, mut noise) = (ComfortNoise::new(1), Frame::SILENCE);
    let mut found = 0;
    assert_no_alloc(|| {
        for (number, frame) in frames.iter().cycle().take(1_200).enumerate() {
            let shaper = &mut shapers[number / 100 % 4];
            pool.equip(shaper);
            if number % 7 == 0 {
                shaper.set_shaping(Shaping::NONE);
            } else {
                shaper.set_shaping(Shaping::TELEPHONE);
            }
            let mut said = frame.clone();
            shaper.shape(&mut said, frame);
            if number % 100 == 99 {
                pool.strip(shaper);
            }
            let mut sums = [0; FRAME_SAMPLES];
            for (sum, sample) in sums.iter_mut().zip(&frame.samples) {
                *sum = i32::from(*sample) * (number as i32 % 5);
            }
            let mut out = Frame::SILENCE;
            limiter.limit(&sums, &mut out);
            source.make(&mut noise);
            fill.fill(&noise, &mut out);
            found += u32::from(witness.hear(frame, &out).is_some());
            found += u32::from(number % 50 == 0 && witness.pass().is_some());
        }
    });
    assert!(found > 0, "the witness has found nothing to name");
    assert_eq!(pool.idle(), 1);
}
