//! The tick allocates nothing: an allocator that aborts stands guard over every step of the media path.
#![expect(clippy::cast_possible_truncation, reason = "simulated times are small")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::time::Instant;

use assert_no_alloc::{AllocDisabler, assert_no_alloc};
use dsp::{
    Codec, Complexity, Encoder, EncoderSettings, Frame, Level, LossClass, MAX_PAYLOAD, Mixer,
    Playout, SpeechGate, TICK, tone,
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

/// Encodes, loses, duplicates, reorders, decodes, mixes and judges for ten seconds.
fn ten_seconds_of(codec: Codec) {
    let start = t0();
    let frames = tone::sine(440.0, -20.0, 500);
    let mut encoder = Encoder::new(codec).unwrap();
    let mut playout = Playout::new(codec).unwrap();
    let mut mixer = Mixer::new();
    let mut gate = SpeechGate::new();
    let mut heard = Frame::SILENCE;
    let mut kept = [0; MAX_PAYLOAD];
    assert_no_alloc(|| {
        for (number, frame) in frames.iter().enumerate() {
            let now = start + TICK * number as u32;
            let mut payload = [0; MAX_PAYLOAD];
            let len = encoder.encode(frame, &mut payload).unwrap();
            let (sequence, timestamp) = (number as u16, number as u32 * codec.ticks());
            match number % 10 {
                3 => {}
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
            // Every other second nobody hears the leg, although it claims silence and is probed.
            if number / 50 % 2 == 0 {
                playout.take(&mut heard, now);
            } else {
                playout.due(now);
                playout.pass();
            }
            mixer.clear();
            mixer.add(&heard);
            mixer.add(frame);
            let mut out = Frame::SILENCE;
            mixer.without(frame, &mut out);
            mixer.everyone(&mut out);
            gate.handle(Level::of(&out.samples));
            if number == 400 {
                playout.reset();
            }
        }
    });
    let stats = playout.stats();
    assert!(
        stats.concealed > 0 && stats.lost > 0 && stats.malformed > 0,
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
