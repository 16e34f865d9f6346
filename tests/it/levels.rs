//! Levels in headers (RFC 6464) that are not so: who lies is believed for a second, and nobody else pays for it.

use std::time::Duration;

use dsp::Codec;
use rundruf::{
    conference::{focus::Verb, participant::Role},
    media::Counter,
};

use crate::sim::{
    browser::Browser,
    ear::Voice,
    now,
    party::{LOUDNESS, assert_hears, listen, opens, talks},
    world::World,
};

/// As many as are heard at a time.
const LIARS: usize = 5;
/// How long a word is believed, and the hold of a jitter buffer.
const BELIEVED: Duration = Duration::from_millis(1_300);

#[tokio::test(start_paused = true)]
async fn silence_that_claims_to_be_loudest_takes_nobodys_place() {
    let mut world = World::new(5);
    let mut liars = Vec::new();
    for number in 0..LIARS {
        let liar = opens(&mut world, &format!("liar {number}"), Role::Guest).await;
        liar.does(Verb::SetMicrophone(true)).await;
        liars.push(liar);
    }
    let alice = talks(&mut world, "alice", Codec::Pcma, Voice(0)).await;
    let bob = talks(&mut world, "bob", Codec::Pcma, Voice(1)).await;
    let untrusted = untrusted(&world);
    liars.iter().for_each(|liar| liar.claims(0));
    world.run_for(BELIEVED).await;
    let from = listen(&mut world).await;
    assert_hears(&bob, from, &[Voice(0)]);
    assert_hears(&alice, from, &[Voice(1)]);
    assert_hears(&liars[0], from, &[Voice(0), Voice(1)]);
    assert_eq!(self::untrusted(&world) - untrusted, LIARS as u64);
}

#[tokio::test(start_paused = true)]
async fn speech_that_claims_to_be_silence_is_heard_all_the_same() {
    let mut world = World::new(6);
    let liar = opens(&mut world, "liar", Role::Guest).await;
    liar.does(Verb::SetMicrophone(true)).await;
    let alice = talks(&mut world, "alice", Codec::Pcma, Voice(0)).await;
    let untrusted = untrusted(&world);
    liar.claims(-127);
    liar.says(Voice(2));
    let from = now();
    world.run_for(BELIEVED).await;
    // Meanwhile the others are heard as ever.
    assert!(hears(&liar, Voice(0), from));
    // A word is only compared with the sound now and then while nobody hears it.
    world.run_for(4 * BELIEVED).await;
    let from = listen(&mut world).await;
    assert_hears(&alice, from, &[Voice(2)]);
    assert_hears(&liar, from, &[Voice(0)]);
    assert_eq!(self::untrusted(&world) - untrusted, 1);
}

fn hears(browser: &Browser, voice: Voice, from: std::time::Instant) -> bool {
    let heard = browser.heard_since(from);
    LOUDNESS.contains(&voice.heard_in(&heard.samples, heard.rate).level_dbfs)
}

fn untrusted(world: &World) -> u64 {
    world.counters().of(Counter::LevelsUntrusted)
}
