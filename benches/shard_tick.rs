//! What 20 ms cost a shard: every leg's packet in, one tick of the mix, every leg's packet out.
//!
//! One conference of open microphones, of which three talk: telephones with G.711, or browsers with Opus over SRTP.
//! `shard_join` is what one telephone more costs on its way in; beside each other its figures show that the size of the
//! room is no part of it.

mod world;

use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use dsp::Codec;
use rundruf::{
    id::LegId,
    media::api::{Channels, Command, Seat},
};

use self::world::{Line, ROOM, World, address, phone};

const TALKERS: usize = 3;
/// The telephone that joins and leaves again; beyond all that are in.
const GUEST: u64 = 5_000;
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

fn shard_join(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("shard_join");
    for legs in [10, 1_000] {
        let mut world = World::new((0..legs).map(|_| Line::Phone(Codec::Pcma)));
        (0..100).for_each(|_| {
            tick(&mut world);
        });
        group.bench_function(BenchmarkId::from_parameter(legs), |bencher| {
            bencher.iter_custom(|rounds| (0..rounds).map(|_| join(&mut world)).sum());
        });
    }
    group.finish();
}

/// Lets a telephone in and out again, by the commands a conference gives; returns what the way in took.
#[expect(clippy::disallowed_methods, reason = "the clock of the benchmark")]
fn join(world: &mut World) -> Duration {
    let (leg, now) = (LegId::from_u64(GUEST), world.now);
    let opening = Box::new(phone(Codec::Pcma, address(GUEST)));
    let open = Seat {
        speaks: Channels::MAIN,
        hears: Channels::MAIN,
    };
    let seats = |changed, gone| Command::Seats {
        conference: ROOM,
        changed,
        gone,
    };
    let way_in = [
        Command::Open { leg, opening },
        Command::Join {
            leg,
            conference: ROOM,
        },
        seats(vec![(leg, open)], Vec::new()),
    ];
    let began = Instant::now();
    for command in way_in {
        world.shard.handle(command, now);
    }
    let time = began.elapsed();
    let way_out = [
        Command::Leave { leg },
        seats(Vec::new(), vec![leg]),
        Command::Close { leg },
    ];
    for command in way_out {
        world.shard.handle(command, now);
    }
    while world.shard.poll_closed().is_some() {}
    while world.shard.poll_transmit().is_some() {}
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
    targets = shard_tick, shard_join
}
criterion_main!(benches);
