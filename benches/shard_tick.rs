//! What 20 ms cost a shard: every leg's packet in, one tick of the mix, every leg's packet out.
//!
//! One conference of open microphones, of which three talk: telephones with G.711, or browsers with Opus over SRTP.

mod world;

use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use dsp::Codec;

use self::world::{Line, World};

const TALKERS: usize = 3;
/// Few, because a tick of the largest room takes a millisecond.
const SAMPLES: usize = 20;

fn shard_tick(criterion: &mut Criterion) {
    for (name, line) in [
        ("shard_tick", Line::Phone(Codec::Pcma)),
        ("shard_tick_browsers", Line::Browser),
    ] {
        let mut group = criterion.benchmark_group(name);
        for legs in [10, 100, 500, 1_000] {
            let mut world = World::new((0..legs).map(|_| line));
            (0..100).for_each(|_| {
                tick(&mut world);
            });
            // A report may be due beside the sound.
            world.listen(|_| false);
            assert!(world.tick() >= legs, "not every leg is sent sound");
            group.throughput(Throughput::Elements(legs));
            group.bench_function(BenchmarkId::from_parameter(legs), |bencher| {
                bencher.iter_custom(|rounds| (0..rounds).map(|_| tick(&mut world)).sum());
            });
        }
        group.finish();
    }
}

/// Lets 20 ms pass; returns the shard's part of what they cost.
#[expect(clippy::disallowed_methods, reason = "the clock of the benchmark")]
fn tick(world: &mut World) -> Duration {
    world.listen(|number| number < TALKERS);
    let began = Instant::now();
    world.tick();
    let time = began.elapsed();
    world.drain();
    time
}

criterion_group! {
    name = benches;
    // Short, because it is the ratios within one run that count.
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .sample_size(SAMPLES)
        .measurement_time(Duration::from_millis(4000));
    targets = shard_tick
}
criterion_main!(benches);
