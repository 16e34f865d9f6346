//! Telephones with keys in their session descriptions, through the whole server: who is protected, and who is refused.

use std::time::Duration;

use dsp::Codec;
use insta::assert_snapshot;
use rundruf::phone::{MediaRules, Policy, Trunk};

use crate::sim::{
    ear::Voice,
    party::{assert_hears, listen},
    phone::{Hold, Offer, Phone, State},
    world::{World, everybody},
};

const SECOND: Duration = Duration::from_secs(1);

fn world(policy: Policy) -> World {
    let media = MediaRules {
        policy,
        ..MediaRules::default()
    };
    let trunk = Trunk {
        media,
        ..everybody()
    };
    World::with_trunks(1, vec![trunk])
}

/// Calls and waits for an answer or a refusal; returns how it stands.
async fn call(world: &mut World, phone: &Phone) -> State {
    phone.dials("bridge");
    world.run_until(|_| phone.state() != State::Calling).await;
    phone.state()
}

/// Types the code and turns the microphone on.
async fn comes_in(world: &mut World, phone: &Phone) {
    world.run_for(2 * SECOND).await;
    let code = world.room().code();
    phone.types(&code);
    world.run_until(|_| phone.has_typed()).await;
    world.run_for(8 * SECOND).await;
    phone.types("66");
    world.run_until(|_| phone.has_typed()).await;
    world.run_for(3 * SECOND).await;
}

/// What a session description says of protection, without keys.
fn told(description: &str) -> String {
    let is_told = |line: &&str| line.starts_with("m=") || line.starts_with("a=crypto");
    let told = description.lines().filter(is_told);
    let bare = told.map(|line| line.split(" inline:").next().expect("a line"));
    bare.collect::<Vec<_>>().join("\n")
}

fn key(description: &str) -> &str {
    description
        .split(" inline:")
        .nth(1)
        .expect("a key")
        .lines()
        .next()
        .expect("a key")
}

#[tokio::test(start_paused = true)]
async fn keys_in_the_offer_protect_the_call() {
    let mut world = world(Policy::Preferred);
    let (alice, bob) = (world.phone("alice"), world.phone("bob"));
    alice.offers(Offer::Keyed("RTP/AVP", 1));
    call(&mut world, &alice).await;
    let answer = alice.described();
    assert_eq!(
        told(&answer),
        format!(
            "m=audio {} RTP/AVP 8 101\na=crypto:1 AES_CM_128_HMAC_SHA1_80",
            alice.answer().remote.port()
        )
    );
    call(&mut world, &bob).await;
    assert!(!bob.described().contains("crypto"));
    comes_in(&mut world, &alice).await;
    comes_in(&mut world, &bob).await;
    alice.says(Voice(1));
    bob.says(Voice(4));
    let from = listen(&mut world).await;
    assert_hears(&alice, from, &[Voice(4)]);
    assert_hears(&bob, from, &[Voice(1)]);
    // Our key stays through hold and back, and changes with hers.
    alice.holds(Hold::SendOnly);
    world.run_for(SECOND).await;
    assert_eq!(key(&alice.described()), key(&answer));
    alice.offers(Offer::Keyed("RTP/AVP", 2));
    alice.resumes();
    world.run_for(SECOND).await;
    assert_ne!(key(&alice.described()), key(&answer));
    let from = listen(&mut world).await;
    assert_hears(&alice, from, &[Voice(4)]);
    assert_hears(&bob, from, &[Voice(1)]);
    alice.hangs_up();
    bob.hangs_up();
    world.run_for(SECOND).await;
    assert_snapshot!(world.ladder.plain());
}

#[tokio::test(start_paused = true)]
async fn what_is_not_protected_is_refused_where_it_must_be() {
    let mut world = world(Policy::Required);
    // Keys that were read on the way protect nothing.
    let far = world.phone("far");
    for offer in [
        Offer::Audio(vec![Codec::Pcma]),
        Offer::Keyed("RTP/SAVP", 1),
        Offer::Keyed("RTP/AVP", 1),
        Offer::Delayed(Codec::Pcma),
    ] {
        far.offers(offer);
        assert_eq!(call(&mut world, &far).await, State::Refused(488));
    }
    // On this machine nobody reads them.
    let near = world.softphone("near");
    near.offers(Offer::Audio(vec![Codec::Pcma]));
    assert_eq!(call(&mut world, &near).await, State::Refused(488));
    near.offers(Offer::Keyed("RTP/SAVP", 1));
    assert_eq!(call(&mut world, &near).await, State::Up);
    assert!(told(&near.described()).contains("RTP/SAVP 8 101\na=crypto:1 AES_CM_128_HMAC_SHA1_80"));
    comes_in(&mut world, &near).await;
    assert_eq!(world.server.census().admitted(), 1);
    // To give up protection in mid-call is refused, and the call goes on.
    near.offers(Offer::Audio(vec![Codec::Pcma]));
    near.resumes();
    world.run_for(SECOND).await;
    assert_eq!(near.finals().last(), Some(&488));
    assert!(near.is_up());
    near.hangs_up();
    world.run_for(SECOND).await;
    assert_snapshot!(world.ladder.plain());
}

#[tokio::test(start_paused = true)]
async fn our_own_offer_brings_keys() {
    let mut world = world(Policy::Required);
    let near = world.softphone("near");
    near.offers(Offer::DelayedKeyed(1));
    assert_eq!(call(&mut world, &near).await, State::Up);
    let offer = near.described();
    assert_eq!(
        told(&offer)
            .split_once(' ')
            .unwrap()
            .1
            .split_once(' ')
            .unwrap()
            .1,
        "RTP/SAVP 96 9 8 0 97 101\na=crypto:1 AEAD_AES_256_GCM\na=crypto:2 AEAD_AES_128_GCM\n\
         a=crypto:3 AES_CM_128_HMAC_SHA1_80"
    );
    comes_in(&mut world, &near).await;
    assert_eq!(world.server.census().admitted(), 1);
    // Asked again, we offer the same keys.
    near.refreshes();
    world.run_for(SECOND).await;
    assert_eq!(key(&near.described()), key(&offer));
    world.run_for(SECOND).await;
    assert!(near.is_up());
}
