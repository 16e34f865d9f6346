//! A speaker moves from one shard to another: the stream goes on, and what it borrowed is given back.

use std::time::Duration;

use dsp::Codec;

use super::{
    HEARD, HIGH, LOW, NOT_HEARD, sounds,
    world::{ANNA, BERT, CARL, OPEN, ROOM, World},
};
use crate::{
    id::LegId,
    media::{
        Counter,
        api::{Command, Event},
    },
};

const SECOND: Duration = Duration::from_secs(1);
const DORA: LegId = LegId::from_u64(4);

#[test]
fn a_speaker_moves_without_a_gap_and_gives_its_encoder_back() {
    for codec in [Codec::Pcma, Codec::Opus] {
        let mut world = two_rooms(codec);
        world.run(SECOND);
        assert!(world.phone(BERT).hears(LOW) > HEARD);
        // The two who speak have one each, and one is shared.
        assert_eq!(streams_at_work(&world, 0), 3, "{codec:?}");
        world.forget();
        moves(&mut world, ANNA, 0, 1);
        assert_eq!(streams_at_work(&world, 0), 2, "{codec:?}");
        world.run(SECOND);
        let packets = &world.phones[&ANNA].packets;
        assert_eq!(packets.len(), 50, "{codec:?}");
        for pair in packets.windows(2) {
            assert_eq!(pair[1].0, pair[0].0.wrapping_add(1));
            assert_eq!(pair[1].1, pair[0].1.wrapping_add(codec.ticks()));
        }
        world.forget();
        world.run(SECOND);
        assert!(world.phone(DORA).hears(LOW) > HEARD, "{codec:?}");
        assert!(world.phone(ANNA).hears(LOW) < NOT_HEARD, "{codec:?}");
        assert!(world.phone(BERT).hears(LOW) < NOT_HEARD, "{codec:?}");
        assert!(world.phone(BERT).hears(HIGH) > HEARD, "{codec:?}");
    }
}

/// Of a tone nothing is missing at those who hear it: before the move some, after it others.
#[test]
fn what_a_leg_says_while_it_moves_is_heard_whole() {
    for codec in [Codec::Pcma, Codec::G722, Codec::Opus] {
        let mut world = two_rooms(codec);
        world.phone(CARL).says = None;
        for (from, to) in [(0, 1), (1, 0)] {
            world.run(SECOND);
            world.forget();
            world.run(SECOND / 4);
            moves(&mut world, ANNA, from, to);
            world.run(SECOND / 2);
            let [before, after] = [BERT, DORA].map(|leg| pieces(&world.phones[&leg].heard));
            let missing = before
                .iter()
                .zip(&after)
                .filter(|(a, b)| a.max(**b) < HEARD);
            assert!(
                missing.count() <= 2,
                "{codec:?}, {from} to {to}: {before:.0?} {after:.0?}"
            );
            for pieces in [before, after] {
                assert!(pieces.iter().any(|piece| *piece < NOT_HEARD), "{codec:?}");
            }
        }
    }
}

#[test]
fn what_a_leg_hears_while_it_moves_has_no_gap() {
    for codec in [Codec::Pcma, Codec::G722, Codec::Opus] {
        let mut world = two_rooms(codec);
        world.phone(ANNA).says = None;
        world.phone(DORA).says = Some(HIGH);
        for (from, to) in [(0, 1), (1, 0)] {
            world.run(SECOND);
            world.forget();
            world.run(SECOND / 4);
            moves(&mut world, BERT, from, to);
            world.run(SECOND / 2);
            let pieces = pieces(&world.phones[&BERT].heard);
            let missing = pieces.iter().filter(|piece| **piece < HEARD);
            assert!(
                missing.count() <= 2,
                "{codec:?}, {from} to {to}: {pieces:.0?}"
            );
        }
    }
}

/// The levels of what was heard, each 5 ms, in dBov.
fn pieces(heard: &[i16]) -> Vec<f64> {
    heard.chunks_exact(240).map(sounds::dbov).collect()
}

#[test]
fn moving_to_and_fro_neither_loses_nor_hoards_encoders() {
    let mut world = two_rooms(Codec::Pcma);
    let mut kept = Vec::new();
    for _ in 0..20 {
        world.run(SECOND / 5);
        moves(&mut world, ANNA, 0, 1);
        world.run(SECOND / 5);
        kept.push([streams_kept(&world, 0), streams_kept(&world, 1)]);
        moves(&mut world, ANNA, 1, 0);
    }
    assert_eq!(kept[19], kept[3]);
    assert_eq!(streams_at_work(&world, 1), 1, "that of who listens");
    world.run(SECOND / 5);
    assert_eq!(streams_at_work(&world, 0), 3);
    for shard in 0..2 {
        let counters = world.shards[shard].counters();
        assert_eq!(counters.of(Counter::EncodeFailed), 0);
        assert_eq!(counters.of(Counter::CommandsUnmatched), 0);
    }
}

/// The same conference on both shards: two who speak and a listener on the first, a listener on the second.
fn two_rooms(codec: Codec) -> World {
    let mut world = World::new();
    for shard in 0..2 {
        world.tell_to(shard, Command::Start { conference: ROOM });
        let seats = [ANNA, BERT, CARL, DORA].map(|leg| (leg, OPEN)).to_vec();
        let conference = ROOM;
        world.tell_to(shard, Command::Roster { conference, seats });
    }
    for leg in [ANNA, BERT, CARL, DORA] {
        world.call(leg, codec);
        if leg == DORA {
            moves(&mut world, leg, 0, 1);
        } else {
            world.join(leg, ROOM);
        }
    }
    world.phone(ANNA).says = Some(LOW);
    world.phone(CARL).says = Some(HIGH);
    world
}

fn moves(world: &mut World, leg: LegId, from: usize, to: usize) {
    world.take_events();
    world.tell_to(from, Command::Release { leg });
    let Some(Event::Released { leg: released, .. }) = world.take_events().pop() else {
        panic!("the leg was not released");
    };
    world.phone(leg).shard = to;
    world.tell_to(to, Command::Adopt { leg: released });
    let conference = ROOM;
    world.tell_to(to, Command::Join { leg, conference });
}

/// How many encoders the shard's conferences work with.
fn streams_at_work(world: &World, shard: usize) -> usize {
    let buses = format!("{:?}", world.shards[shard].buses);
    buses.matches("Stream {").count()
}

/// How many encoders wait for their next use.
fn streams_kept(world: &World, shard: usize) -> usize {
    let encoders = format!("{:?}", world.shards[shard].common.encoders);
    encoders.matches("Stream {").count()
}
