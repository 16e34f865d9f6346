//! The tick of a shard allocates nothing: an allocator that aborts stands guard over datagrams, ticks and the outbox.

#[path = "../benches/world/mod.rs"]
mod world;

use assert_no_alloc::{AllocDisabler, assert_no_alloc};
use dsp::Codec;
use rundruf::media::Counter;

use self::world::{Line, World};

#[global_allocator]
static GUARD: AllocDisabler = AllocDisabler;

const LEGS: usize = 200;

/// Ticks in which everything grows to the size it needs, reports of RTCP included.
const WARM_UP: usize = 1_000;

#[test]
fn two_seconds_of_two_hundred_legs_allocate_nothing() {
    let lines = [
        Line::Phone(Codec::Pcma),
        Line::Phone(Codec::G722),
        Line::Phone(Codec::Opus),
        Line::Browser,
    ];
    let mut world = World::new((0..LEGS).map(|number| lines[number % lines.len()]));
    // Three at a time, others after each second.
    let speaks = |tick: usize| move |number: usize| number / 3 == tick / 50;
    for tick in 0..WARM_UP {
        world.listen(speaks(tick));
        world.tick();
        world.drain();
    }
    let before = world.shard.counters().of(Counter::DatagramsSent);
    for tick in WARM_UP..WARM_UP + 100 {
        world.listen(speaks(tick));
        assert_no_alloc(|| world.tick());
        world.drain();
    }
    let counters = world.shard.counters();
    assert!(counters.of(Counter::DatagramsSent) - before >= LEGS as u64 * 100);
    assert!(counters.of(Counter::EncodersCopied) >= 6);
    assert_eq!(counters.of(Counter::EncodeFailed), 0);
}
