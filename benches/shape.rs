//! What shaping, limiting and judging cost per frame of 20 ms.

use std::{f64::consts::TAU, hint::black_box, time::Duration};

use criterion::{Criterion, criterion_group, criterion_main};
use dsp::{
    Codec, ComfortFill, ComfortNoise, FRAME_SAMPLES, Frame, Limiter, Shaper, ShaperPool, Shaping,
    SpeechMeter, Witness,
};

/// Two seconds of partials that swell and sink four times a second.
#[expect(clippy::cast_possible_truncation, reason = "a float cast saturates")]
fn voice(pitch: f64) -> Vec<Frame> {
    let sample = |n: usize| {
        let t = n as f64 / 48_000.0;
        let partials: f64 = (1..20)
            .map(|k| (TAU * pitch * f64::from(k) * t).sin() / f64::from(k))
            .sum();
        (partials * (0.55 - 0.45 * (TAU * 4.0 * t).cos()) * 4_000.0) as i16
    };
    (0..100)
        .map(|frame| Frame {
            samples: std::array::from_fn(|at| sample(frame * FRAME_SAMPLES + at)),
        })
        .collect()
}

fn shapers(criterion: &mut Criterion) {
    let (said, heard) = (voice(140.0), voice(210.0));
    let off = Shaping::NONE;
    let gain = Shaping { gain: true, ..off };
    let noise = Shaping {
        noise_suppression: true,
        ..off
    };
    let echo = Shaping { echo: true, ..off };
    let mut pool = ShaperPool::new(1);
    for (name, codec, shaping, equipped) in [
        ("off", Codec::Opus, off, false),
        ("gain/Opus", Codec::Opus, gain, false),
        ("gain/Pcma", Codec::Pcma, gain, false),
        ("noise/Opus", Codec::Opus, noise, true),
        ("noise/Pcma", Codec::Pcma, noise, true),
        ("echo/Pcma", Codec::Pcma, echo, true),
        ("default/Opus", Codec::Opus, Shaping::BROWSER, true),
        ("default/G722", Codec::G722, Shaping::TELEPHONE, true),
        ("default/Pcma", Codec::Pcma, Shaping::TELEPHONE, true),
    ] {
        let mut shaper = Shaper::new(codec, shaping);
        if equipped {
            pool.equip(&mut shaper);
        }
        let mut turn = said.iter().zip(&heard).cycle();
        criterion.bench_function(&format!("shape/{name}"), |bencher| {
            bencher.iter(|| {
                let (said, heard) = turn.next().expect("a cycle has no end");
                let mut frame = said.clone();
                black_box(shaper.shape(&mut frame, heard));
                black_box(&frame);
            });
        });
        pool.strip(&mut shaper);
    }
}

fn mixes(criterion: &mut Criterion) {
    let voice = voice(140.0);
    for (name, factor) in [("idle", 1), ("watching", 2), ("active", 6)] {
        let sums: Vec<[i32; FRAME_SAMPLES]> = voice
            .iter()
            .map(|frame| frame.samples.map(|sample| i32::from(sample) * factor))
            .collect();
        let (mut limiter, mut out) = (Limiter::new(), Frame::SILENCE);
        let mut turn = sums.iter().cycle();
        criterion.bench_function(&format!("limiter/{name}"), |bencher| {
            bencher.iter(|| {
                limiter.limit(turn.next().expect("a cycle has no end"), &mut out);
                black_box(&out);
            });
        });
    }
    let (mut source, mut fill) = (ComfortNoise::new(1), ComfortFill::new());
    let mut noise = Frame::SILENCE;
    criterion.bench_function("comfort noise/make", |bencher| {
        bencher.iter(|| source.make(black_box(&mut noise)));
    });
    criterion.bench_function("comfort noise/silence", |bencher| {
        bencher.iter(|| {
            let mut mix = Frame::SILENCE;
            black_box(fill.fill(&noise, &mut mix));
            black_box(&mix);
        });
    });
    let mut mix = voice[5].clone();
    criterion.bench_function("comfort noise/talk", |bencher| {
        bencher.iter(|| black_box(fill.fill(&noise, black_box(&mut mix))));
    });
}

fn judges(criterion: &mut Criterion) {
    let (said, heard) = (voice(140.0), voice(210.0));
    let mut turn = said.iter().zip(&heard).cycle();
    let mut witness = Witness::new();
    criterion.bench_function("witness", |bencher| {
        bencher.iter(|| {
            let (said, heard) = turn.next().expect("a cycle has no end");
            black_box(witness.hear(said, heard))
        });
    });
    let mut meter = SpeechMeter::new();
    criterion.bench_function("speech meter", |bencher| {
        bencher.iter(|| meter.hear(black_box(&said[3].samples)));
    });
}

criterion_group! {
    name = benches;
    // Short, because it is the ratios within one run that count.
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_millis(1000));
    targets = shapers, mixes, judges
}
criterion_main!(benches);
