//! The tick of a shard allocates nothing: an allocator that aborts stands guard over datagrams, ticks and the outbox.

#[path = "../benches/world/mod.rs"]
mod world;

use assert_no_alloc::{AllocDisabler, assert_no_alloc};
use dsp::Codec;
use rundruf::{
    id::LegId,
    media::{
        Counter,
        api::{ClipId, Command, Event},
    },
};

use self::world::{Line, ROOM, World};

#[global_allocator]
static GUARD: AllocDisabler = AllocDisabler;

const LEGS: usize = 200;

/// 20 %, in 1/256.
const HEAVY: u8 = 51;

/// Ticks in which everything grows to the size it needs, reports of RTCP included.
const WARM_UP: usize = 1_000;

/// Ticks that are guarded: within them classes of loss change, and a change of an encoding may wait for two seconds.
const GUARDED: usize = 250;

#[test]
fn five_seconds_of_two_hundred_legs_allocate_nothing() {
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
        report(&mut world, tick);
        world.listen(speaks(tick));
        say(&mut world, tick);
        world.tick();
        world.drain();
    }
    let before = world.shard.counters().of(Counter::DatagramsSent);
    let mut redundant = [0; GUARDED];
    let mut said = 0;
    for tick in WARM_UP..WARM_UP + GUARDED {
        assert_no_alloc(|| report(&mut world, tick));
        let copied = world.shard.counters().of(Counter::PacketsRedundant);
        world.listen(speaks(tick));
        say(&mut world, tick);
        assert_no_alloc(|| world.tick());
        redundant[tick - WARM_UP] = world.shard.counters().of(Counter::PacketsRedundant) - copied;
        while let Some(event) = world.shard.poll_event() {
            let ends = matches!(event, Event::Played { .. } | Event::Announced { .. });
            said += usize::from(ends);
        }
        world.drain();
    }
    assert!(said >= 20, "{said}");
    let counters = world.shard.counters();
    assert!(counters.of(Counter::DatagramsSent) - before >= (LEGS * GUARDED) as u64);
    // Thirteen begin to lose, and some of the others cease.
    let (first, last) = (redundant[0], redundant[GUARDED - 1]);
    println!("packets with copies at first {first}, at last {last}");
    assert!(
        first > 0 && (13..first + 13).contains(&last),
        "{first} {last}"
    );
    assert!(counters.of(Counter::EncodersCopied) >= 6);
    assert_eq!(counters.of(Counter::EncodeFailed), 0);
}

/// Lets browsers lose packets from the beginning of the guarded ticks on, and others cease one after the other, so that the
/// calm of some ends there; the former have lost before too, so that encoders for those who lose are there.
fn report(world: &mut World, tick: usize) {
    if !tick.is_multiple_of(25) {
        return;
    }
    let begins = !(50..WARM_UP).contains(&tick);
    world.report_loss(if begins { HEAVY } else { 0 }, |number| number % 16 == 3);
    for (lost, lossy) in [(HEAVY, true), (0, false)] {
        world.report_loss(lost, |number| {
            number % 8 == 7 && (tick < 5 * number) == lossy
        });
    }
}

/// Lets something be said to one over the talk, and now and then to all.
fn say(world: &mut World, tick: usize) {
    let clips = vec![ClipId(0)];
    let token = 1;
    let command = match tick % 25 {
        0 => Command::Announce {
            conference: ROOM,
            clips,
            softly: tick.is_multiple_of(50),
            token,
        },
        n if n % 5 == 0 => Command::Whisper {
            leg: LegId::from_u64((tick % LEGS) as u64),
            clips,
            token,
        },
        _ => return,
    };
    world.shard.handle(command, world.now);
}
