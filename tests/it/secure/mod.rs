//! A browser's leg against an independent browser: loss, attacks, consent, moves to another network.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod attacks;
mod world;

use std::time::Duration;

use rand::{RngExt, SeedableRng, rngs::StdRng};
use rundruf::media::{api::Gone, leg::secure::Payload};
use sip::rtp::srtp::Profile;

use world::World;

#[test]
fn a_browser_connects_and_audio_flows_both_ways() {
    let mut world = World::new();
    assert!(world.connects_within(Duration::from_secs(1)));
    assert_eq!(world.leg.profile(), Some(Profile::AeadAes256Gcm));
    assert!(world.handshakes.is_empty());
    world.assert_audio();
}

#[test]
fn a_legacy_leg_agrees_on_aes_cm() {
    let mut world = World::with(true, |_| {});
    assert!(world.connects_within(Duration::from_secs(1)));
    assert_eq!(world.leg.profile(), Some(Profile::AesCm128HmacSha1_80));
    world.assert_audio();
}

#[test]
fn every_single_lost_datagram_is_overcome() {
    let mut world = World::connected();
    let datagrams = world.sent + 4;
    world.assert_audio();
    for lost in 0..datagrams {
        let mut world = World::new();
        world.loss = Box::new(move |number, _| number == lost);
        assert!(world.connects_within(Duration::from_secs(5)), "lost {lost}");
        world.loss = Box::new(|_, _| false);
        world.assert_audio();
    }
}

#[test]
fn a_repeated_flight_is_answered_at_once() {
    let mut world = World::new();
    let (sender, receiver) = std::sync::mpsc::channel();
    world.loss = Box::new(move |_, bytes| {
        // Handshake type of the first message: the browser's ServerHello is kept, our Certificate lost.
        let kind = bytes.get(13).filter(|_| bytes[0] == 22);
        if kind == Some(&2) {
            sender.send(bytes.to_vec()).unwrap();
        }
        kind == Some(&11)
    });
    let mut flight = None;
    while flight.is_none() {
        world.run(Duration::from_millis(1));
        flight = receiver.try_iter().next();
    }
    // Long enough for our answer to be lost, too short for it to be repeated unasked.
    world.run(Duration::from_millis(80));
    let before = world.sent;
    world.inject(world.seen_as, &flight.unwrap());
    assert!(world.sent > before);
    world.loss = Box::new(|_, _| false);
    assert!(world.connects_within(Duration::from_secs(5)));
    world.assert_audio();
}

#[test]
fn a_tenth_of_all_datagrams_may_be_lost() {
    for seed in 0..30 {
        let mut world = World::new();
        let mut rng = StdRng::seed_from_u64(seed);
        world.loss = Box::new(move |_, _| rng.random_ratio(1, 10));
        assert!(
            world.connects_within(Duration::from_secs(14)),
            "seed {seed}"
        );
        world.loss = Box::new(|_, _| false);
        world.assert_audio();
    }
}

#[test]
fn a_third_of_dtls_may_be_lost() {
    for seed in 0..10 {
        let mut world = World::new();
        let mut rng = StdRng::seed_from_u64(seed);
        world.loss = Box::new(move |number, bytes| {
            number < 40 && matches!(bytes[0], 20..=63) && rng.random_ratio(1, 3)
        });
        assert!(
            world.connects_within(Duration::from_secs(14)),
            "seed {seed}"
        );
        world.assert_audio();
    }
}

#[test]
fn doubled_datagrams_do_no_harm() {
    let mut world = World::new();
    world.doubles = true;
    assert!(world.connects_within(Duration::from_secs(1)));
    world.assert_audio();
}

#[test]
fn reports_flow_both_ways() {
    let mut world = World::connected();
    world.talk(600);
    let stats = world.leg.stats().unwrap();
    assert_eq!(world.leg.dropped().media.total(), 0);
    assert!(stats.remote.is_some(), "the browser reports");
    assert!(stats.round_trip.is_some(), "and answers our reports");
}

#[test]
fn another_certificate_is_refused() {
    let mut world = World::with(false, |media| media.fingerprints[0].1[0] ^= 1);
    assert!(!world.connects_within(Duration::from_secs(4)));
    assert_eq!(world.leg.gone(), Some(Gone::Closed));
    assert_eq!(
        world
            .leg
            .write_audio(Payload::Single(&[1]), &mut [0; 1_400]),
        None
    );
    assert!(world.handshakes.is_empty());
}

#[test]
fn a_browser_that_closes_ends_the_leg() {
    let mut world = World::connected();
    world.close_browser();
    world.run(Duration::from_millis(100));
    assert_eq!(world.leg.gone(), Some(Gone::Closed));
    assert_eq!(world.leg.poll_timeout(), None);
}

#[test]
fn a_leg_that_closes_tells_the_browser() {
    let mut world = World::connected();
    world.close_leg();
    assert_eq!(world.leg.gone(), Some(Gone::Closed));
    world.run(Duration::from_millis(100));
    assert!(!world.browser.is_alive());
}

#[test]
fn consent_ends_thirty_seconds_after_the_last_check() {
    let mut world = World::connected();
    world.loss = Box::new(|_, _| true);
    world.run(Duration::from_secs(29) - Duration::from_secs(3));
    assert!(world.leg.is_connected());
    world.run(Duration::from_secs(5));
    assert_eq!(world.leg.gone(), Some(Gone::ConsentLost));
    assert_eq!(
        world
            .leg
            .write_audio(Payload::Single(&[1]), &mut [0; 1_400]),
        None
    );
}

#[test]
fn checks_keep_a_silent_leg_alive() {
    let mut world = World::connected();
    world.run(Duration::from_secs(120));
    assert_eq!(world.leg.gone(), None);
    world.assert_audio();
}

#[test]
fn a_leg_that_does_not_connect_is_gone_after_fifteen_seconds() {
    let mut world = World::new();
    // ICE succeeds, DTLS does not pass.
    world.loss = Box::new(|_, bytes| matches!(bytes[0], 20..=63));
    world.run(Duration::from_millis(14_900));
    assert_eq!(world.leg.gone(), None);
    assert_eq!(world.handshakes.len(), 1);
    world.run(Duration::from_millis(200));
    assert_eq!(world.leg.gone(), Some(Gone::ConsentLost));
    assert!(world.handshakes.is_empty());
}
