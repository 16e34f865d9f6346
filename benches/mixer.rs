//! What a tick costs: mixing for rooms of several sizes, and the codecs per frame.

use std::{hint::black_box, time::Duration};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use dsp::{
    Codec, Decimator, Decoder, Encoder, Frame, Interpolator, Level, MAX_PAYLOAD, Mixer, Ratio, tone,
};

fn rooms(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("mixer/all_n_minus_one");
    for participants in [10, 100, 500] {
        let frames = tone::sine(440.0, -30.0, participants);
        group.throughput(Throughput::Elements(participants as u64));
        group.bench_with_input(
            BenchmarkId::from_parameter(participants),
            &frames,
            |bencher, frames| {
                let (mut mixer, mut out) = (Mixer::new(), Frame::SILENCE);
                bencher.iter(|| {
                    mixer.clear();
                    frames.iter().for_each(|frame| mixer.add(frame));
                    for frame in frames {
                        mixer.without(frame, &mut out);
                        black_box(&out);
                    }
                });
            },
        );
    }
    group.finish();
}

fn codecs(criterion: &mut Criterion) {
    let frames = tone::sine(440.0, -20.0, 50);
    for codec in Codec::ALL {
        let mut encoder = Encoder::new(codec).expect("an encoder needs only memory");
        let mut decoder = Decoder::new(codec).expect("a decoder needs only memory");
        let mut payload = [0; MAX_PAYLOAD];
        let mut samples = [0; 5_760];
        let mut turn = frames.iter().cycle();
        let mut len = encoder
            .encode(&frames[0], &mut payload)
            .expect("the buffer holds any payload");
        criterion.bench_function(&format!("encode/{codec:?}"), |bencher| {
            bencher.iter(|| {
                let frame = turn.next().expect("a cycle has no end");
                len = encoder
                    .encode(frame, &mut payload)
                    .expect("the buffer holds any payload");
            });
        });
        criterion.bench_function(&format!("decode/{codec:?}"), |bencher| {
            bencher.iter(|| decoder.decode(black_box(&payload[..len]), &mut samples));
        });
    }
}

fn parts(criterion: &mut Criterion) {
    let frame = &tone::sine(440.0, -20.0, 1)[0];
    for (ratio, samples) in [(Ratio::Six, 160), (Ratio::Three, 320)] {
        let (mut up, mut down) = (Interpolator::new(ratio), Decimator::new(ratio));
        let (mut low, mut high) = (vec![0; samples], [0; 960]);
        criterion.bench_function(&format!("resample/{ratio:?}/down"), |bencher| {
            bencher.iter(|| down.process(black_box(&frame.samples), &mut low));
        });
        criterion.bench_function(&format!("resample/{ratio:?}/up"), |bencher| {
            bencher.iter(|| up.process(black_box(&low), &mut high));
        });
    }
    criterion.bench_function("level", |bencher| {
        bencher.iter(|| Level::of(black_box(&frame.samples)))
    });
}

criterion_group! {
    name = benches;
    // Short, because it is the ratios within one run that count.
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_millis(1500));
    targets = rooms, codecs, parts
}
criterion_main!(benches);
