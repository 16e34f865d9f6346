//! Networks that lose, delay and forge: what is lost is made up for, what is forged is counted and has no effect.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::{net::SocketAddr, time::Duration};

use dsp::Codec;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use rundruf::{
    conference::{focus::Verb, participant::Role},
    media::{Counter, Counters, api::Command},
};
use sip::rtp::{Discard, Header};

use crate::sim::{
    ear::{Voice, level_dbfs},
    net::{Datagram, Link},
    now,
    party::{LOUDNESS, assert_hears, assert_silent, listen, opens, talks},
    world::World,
};

#[tokio::test(start_paused = true)]
async fn loss_and_jitter_leave_no_long_gap() {
    let mut world = World::new(1);
    let link = Link {
        loss: 0.05,
        delay: 20 * MILLISECOND,
        jitter: 80 * MILLISECOND,
        duplicate: 0.01,
    };
    (world.net.up, world.net.down) = (link, link);
    let concealed = |world: &World| world.counters().of(Counter::FramesConcealed);
    let alice = talks(&mut world, "alice", Codec::Pcma, Voice(0)).await;
    let bob = talks(&mut world, "bob", Codec::Opus, Voice(1)).await;
    // Voices that never breathe are music after a while.
    for phone in [&alice, &bob] {
        let (shard, leg) = world.leg_of(phone);
        let shaping = dsp::Shaping::NONE;
        world.command(shard, Command::Shape { leg, shaping });
    }
    let (from, before) = (now(), concealed(&world));
    world.run_for(10 * SECOND).await;
    // Of 1,000 packets about 50 never came, and hardly more than that again came too late.
    let more = concealed(&world) - before;
    assert!((30..150).contains(&more), "{more} concealed");
    for (phone, voice) in [(&alice, Voice(1)), (&bob, Voice(0))] {
        let heard = phone.heard_since(from);
        let level = voice.heard_in(&heard.samples, heard.rate).level_dbfs;
        assert!(level > LOUDNESS.start - 2.0, "{level}");
        let frame = usize::try_from(heard.rate / 50).unwrap();
        let quiet = |frame: &[i16]| level_dbfs(frame) < -50.0;
        let gap = heard
            .samples
            .chunks(frame)
            .map(quiet)
            .fold((0, 0), |(longest, run), quiet| {
                let run = if quiet { run + 1 } else { 0 };
                (longest.max(run), run)
            });
        assert!(gap.0 <= 5, "a gap of {} ms", gap.0 * 20);
        assert!(heard.samples.len() > 8 * 50 * frame);
    }
}

#[tokio::test(start_paused = true)]
async fn a_browser_hears_and_is_heard_through_loss() {
    let mut world = World::new(4);
    let link = Link {
        loss: 0.05,
        delay: 20 * MILLISECOND,
        jitter: 40 * MILLISECOND,
        duplicate: 0.01,
    };
    (world.net.up, world.net.down) = (link, link);
    let carol = opens(&mut world, "carol", Role::Guest).await;
    carol.says(Voice(0));
    carol.does(Verb::SetMicrophone(true)).await;
    let alice = talks(&mut world, "alice", Codec::G722, Voice(1)).await;
    let from = now();
    world.run_for(5 * SECOND).await;
    for (heard, voice) in [
        (carol.heard_since(from), Voice(1)),
        (alice.heard_since(from), Voice(0)),
    ] {
        let level = voice.heard_in(&heard.samples, heard.rate).level_dbfs;
        assert!(level > LOUDNESS.start - 2.0, "{level}");
    }
    assert!(carol.is_connected());
}

#[tokio::test(start_paused = true)]
async fn garbage_is_counted_and_harms_nobody() {
    let mut world = World::new(2);
    let carol = opens(&mut world, "carol", Role::Guest).await;
    let alice = talks(&mut world, "alice", Codec::Pcma, Voice(0)).await;
    let bob = talks(&mut world, "bob", Codec::Pcma, Voice(1)).await;
    let before = (world.counters(), dropped(&world.counters()));
    let mut rng = StdRng::seed_from_u64(7);
    let browsers = world.server.pool().addresses(0)[0];
    let targets = [
        (alice.rtp_address(), alice.remote().unwrap()),
        (stranger(), alice.remote().unwrap()),
        (carol.address(), browsers),
        (stranger(), browsers),
    ];
    let from = now();
    for number in 0..GARBAGE {
        let (from, to) = targets[number % targets.len()];
        let length = rng.random_range(0..200);
        let mut bytes = vec![0; length];
        rng.fill(&mut bytes[..]);
        // Half of it looks like RTP or SRTP.
        if length > 0 && number % 8 < 4 {
            bytes[0] = 0x80;
        }
        world.inject(Datagram { from, to, bytes });
        world.run_for(MILLISECOND / 5 * 2).await;
    }
    world.run_for(SECOND).await;
    let counters = world.counters();
    let received =
        counters.of(Counter::DatagramsReceived) - before.0.of(Counter::DatagramsReceived);
    assert!(received > GARBAGE as u64);
    let more = dropped(&counters) - before.1;
    assert!(more * 10 > 9 * GARBAGE as u64, "only {more} counted");
    assert_eq!(counters.of(Counter::LegPanics), 0);
    let level = Voice(0).heard_in(&bob.heard_since(from).samples, 8_000);
    assert!(LOUDNESS.contains(&level.level_dbfs), "{level:?}");
    let from = listen(&mut world).await;
    assert_hears(&bob, from, &[Voice(0)]);
    assert_hears(&carol, from, &[Voice(0), Voice(1)]);
    assert!(carol.is_connected() && alice.is_up());
}

#[tokio::test(start_paused = true)]
async fn a_stranger_is_neither_heard_nor_answered() {
    let mut world = World::new(3);
    let alice = talks(&mut world, "alice", Codec::Pcma, Voice(0)).await;
    let bob = talks(&mut world, "bob", Codec::Pcma, Voice(1)).await;
    alice.say(crate::sim::sound::Saying::Silence);
    world.run_for(SECOND).await;
    let to = alice.remote().unwrap();
    let strangers = world.counters().of(Counter::Strangers);
    let heard_before = now();
    for number in 0..100_u16 {
        let header = Header {
            marker: false,
            payload_type: 8,
            sequence: number,
            timestamp: u32::from(number) * 160,
            ssrc: 0xbad,
        };
        let mut bytes = vec![0x2a; 172];
        header.write(&mut bytes);
        let from = stranger();
        world.inject(Datagram { from, to, bytes });
        world.run_for(20 * MILLISECOND).await;
    }
    let more = world.counters().of(Counter::Strangers) - strangers;
    assert_eq!(more, 100);
    assert_silent(&bob, heard_before);
    assert!(!world.nowhere.iter().any(|to| to.ip() == stranger().ip()));
}

fn stranger() -> SocketAddr {
    "192.0.2.66:4000".parse().unwrap()
}

/// All datagrams that were of no use.
fn dropped(counters: &Counters) -> u64 {
    let discarded: u64 = Discard::ALL.iter().map(|d| counters.discarded(*d)).sum();
    let of = |counter| counters.of(counter);
    discarded
        + of(Counter::Strangers)
        + of(Counter::DatagramsUnmatched)
        + of(Counter::StunDropped)
        + of(Counter::DtlsDropped)
        + of(Counter::StrayDropped)
}

const SECOND: Duration = Duration::from_secs(1);
const MILLISECOND: Duration = Duration::from_millis(1);
/// Datagrams of garbage.
const GARBAGE: usize = 10_000;
