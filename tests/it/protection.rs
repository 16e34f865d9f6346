//! Telephones with keys in their session descriptions, through the whole server: who is protected, and who is refused.

use std::time::Duration;

use dsp::Codec;
use insta::assert_snapshot;
use rundruf::{
    conference::participant::{Door, Protection, Role},
    phone::{MediaRules, Policy, Trunk},
};

use crate::sim::{
    browser::Browser,
    ear::Voice,
    party::{assert_hears, listen, opens},
    phone::{Hold, Offer, Phone, State},
    world::{World, everybody},
};

const SECOND: Duration = Duration::from_secs(1);

fn world(policy: Policy) -> World {
    World::with_protection(1, vec![trunk(policy)], Protection::None)
}

fn trunk(policy: Policy) -> Trunk {
    let media = MediaRules {
        policy,
        ..MediaRules::default()
    };
    Trunk {
        media,
        ..everybody()
    }
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

/// Calls with an offer of keys, and is answered with one of ours in this profile; returns the answer.
async fn answered(world: &mut World, phone: &Phone, offer: Offer, profile: &str) -> String {
    phone.offers(offer);
    call(world, phone).await;
    let answer = phone.described();
    let port = phone.answer().remote.port();
    let expected = format!("m=audio {port} {profile} 8 101\na=crypto:1 AES_CM_128_HMAC_SHA1_80");
    assert_eq!(told(&answer), expected);
    answer
}

/// Both come in, talk, and hear each other.
async fn talk(world: &mut World, alice: &Phone, bob: &Phone) {
    comes_in(world, alice).await;
    comes_in(world, bob).await;
    alice.says(Voice(1));
    bob.says(Voice(4));
    hear_each_other(world, alice, bob).await;
}

async fn hear_each_other(world: &mut World, alice: &Phone, bob: &Phone) {
    let from = listen(world).await;
    assert_hears(alice, from, &[Voice(4)]);
    assert_hears(bob, from, &[Voice(1)]);
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
    let answer = answered(&mut world, &alice, Offer::Keyed("RTP/AVP", 1), "RTP/AVP").await;
    call(&mut world, &bob).await;
    assert!(!bob.described().contains("crypto"));
    talk(&mut world, &alice, &bob).await;
    // Our key stays through hold and back, and changes with hers.
    alice.holds(Hold::SendOnly);
    world.run_for(SECOND).await;
    assert_eq!(key(&alice.described()), key(&answer));
    alice.offers(Offer::Keyed("RTP/AVP", 2));
    alice.resumes();
    world.run_for(SECOND).await;
    assert_ne!(key(&alice.described()), key(&answer));
    hear_each_other(&mut world, &alice, &bob).await;
    alice.hangs_up();
    bob.hangs_up();
    world.run_for(SECOND).await;
    assert_snapshot!(world.ladder.plain());
}

/// RFC 5939: who can do with and without is protected.
#[tokio::test(start_paused = true)]
async fn keys_that_are_a_capability_protect_the_call() {
    let mut world = world(Policy::Preferred);
    let (alice, bob) = (world.phone("alice"), world.phone("bob"));
    let answer = answered(&mut world, &alice, Offer::Capable(1), "RTP/SAVP").await;
    assert!(answer.contains("\r\na=acfg:1 t=1 a=1\r\n"), "{answer}");
    call(&mut world, &bob).await;
    talk(&mut world, &alice, &bob).await;
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

/// How far the telephones are protected, in the order of their numbers, as somebody sees it.
fn seen(browser: &Browser) -> Vec<Protection> {
    let roster = browser.roster();
    let phones = roster.iter().filter(|entry| entry.door == Door::Phone);
    phones.map(|entry| entry.protection).collect()
}

fn told_of_line(world: &World, name: &str) -> usize {
    let said = world.ladder.said_to(name);
    let told = said.iter().filter(|said| *said == "line-not-encrypted");
    told.count()
}

#[tokio::test(start_paused = true)]
async fn all_see_how_far_a_call_is_protected_and_who_has_less_than_usual_hears_of_it() {
    let mut world = world(Policy::Preferred);
    let carol = opens(&mut world, "carol", Role::Guest).await;
    let (far, near) = (world.phone("far"), world.softphone("near"));
    // Its key could be read on the way, so it protects nobody.
    far.offers(Offer::Keyed("RTP/SAVP", 1));
    near.offers(Offer::Keyed("RTP/SAVP", 2));
    for phone in [&far, &near] {
        assert_eq!(call(&mut world, phone).await, State::Up);
        comes_in(&mut world, phone).await;
    }
    assert_eq!(seen(&carol), [Protection::None, Protection::ToCarrier]);
    assert_eq!(told_of_line(&world, "far"), 1);
    assert_eq!(told_of_line(&world, "near"), 0);
    let said = world.ladder.said_to("far");
    let welcome = said.iter().position(|said| said.starts_with("thanks"));
    let line = said.iter().position(|said| said == "line-not-encrypted");
    assert!(welcome.unwrap() < line.unwrap(), "{said:?}");
    // To give it up in mid-call is seen and told, to take it up again seen.
    near.offers(Offer::Audio(vec![Codec::Pcma]));
    near.resumes();
    world.run_for(4 * SECOND).await;
    assert_eq!(seen(&carol), [Protection::None; 2]);
    assert_eq!(told_of_line(&world, "near"), 1);
    near.offers(Offer::Keyed("RTP/SAVP", 3));
    near.resumes();
    world.run_for(4 * SECOND).await;
    assert_eq!(seen(&carol), [Protection::None, Protection::ToCarrier]);
    assert_eq!(told_of_line(&world, "near"), 1);
    let browser = carol.roster().into_iter().find(|it| it.door != Door::Phone);
    assert_eq!(browser.unwrap().protection, Protection::ToDevice);
    assert_snapshot!(world.ladder.plain());
}

/// The norm is the room's: what the operator has decided about a trunk changes nothing of what people there may expect.
#[tokio::test(start_paused = true)]
async fn who_comes_over_a_trunk_without_protection_is_told_where_the_rooms_norm_has_some() {
    let mut world = world(Policy::Off);
    let carol = opens(&mut world, "carol", Role::Guest).await;
    let phones = [world.phone("far"), world.softphone("near")];
    for phone in &phones {
        phone.offers(Offer::Keyed("RTP/AVP", 1));
        assert_eq!(call(&mut world, phone).await, State::Up);
        comes_in(&mut world, phone).await;
        assert_eq!(told_of_line(&world, &phone.name()), 1);
    }
    assert_eq!(seen(&carol), [Protection::None; 2]);
    let mut world = World::with_trunks(1, vec![trunk(Policy::Off)]);
    let phone = world.phone("far");
    assert_eq!(call(&mut world, &phone).await, State::Up);
    comes_in(&mut world, &phone).await;
    assert_eq!(told_of_line(&world, "far"), 0, "the room is open");
}

#[tokio::test(start_paused = true)]
async fn a_trunk_may_be_the_telephone_itself() {
    let mut device = trunk(Policy::Preferred);
    device.media.to_device = true;
    let mut world = World::with_protection(1, vec![device], Protection::ToDevice);
    let carol = opens(&mut world, "carol", Role::Guest).await;
    let near = world.softphone("near");
    near.offers(Offer::Keyed("RTP/SAVP", 1));
    assert_eq!(call(&mut world, &near).await, State::Up);
    comes_in(&mut world, &near).await;
    assert_eq!(seen(&carol), [Protection::ToDevice]);
}

#[tokio::test(start_paused = true)]
async fn a_room_that_demands_protection_takes_no_call_with_less_and_keeps_it() {
    let demand = Protection::ToCarrier;
    let mut world = World::with_protection(1, vec![trunk(Policy::Preferred)], demand);
    let carol = opens(&mut world, "carol", Role::Guest).await;
    let far = world.phone("far");
    far.offers(Offer::Keyed("RTP/SAVP", 1));
    assert_eq!(call(&mut world, &far).await, State::Up);
    world.run_for(2 * SECOND).await;
    let code = world.room().code();
    far.types(&code);
    world.run_for(15 * SECOND).await;
    let said = world.ladder.said_to("far");
    assert_eq!(said.last().map(String::as_str), Some("unprotected"));
    assert!(!far.is_up());
    assert_eq!(seen(&carol), []);
    let near = world.softphone("near");
    near.offers(Offer::Keyed("RTP/SAVP", 2));
    assert_eq!(call(&mut world, &near).await, State::Up);
    comes_in(&mut world, &near).await;
    assert_eq!(seen(&carol), [demand]);
    // The trunk would take a plain call, but not the room.
    near.offers(Offer::Audio(vec![Codec::Pcma]));
    near.resumes();
    world.run_for(2 * SECOND).await;
    assert_eq!(near.finals().last(), Some(&488));
    assert!(near.is_up());
    assert_eq!(seen(&carol), [demand]);
    near.says(Voice(1));
    let from = listen(&mut world).await;
    assert_hears(&carol, from, &[Voice(1)]);
    assert_snapshot!(world.ladder.plain());
}

/// A peer that offers a handshake and names no address for it, as on hold, has no call without end.
#[tokio::test(start_paused = true)]
async fn a_call_whose_keys_never_come_is_ended() {
    let mut world = world(Policy::Preferred);
    let phone = world.phone("alice");
    let digest = vec!["00"; 32].join(":");
    phone.offers(Offer::Raw(format!(
        "m=audio 4000 UDP/TLS/RTP/SAVP 8\r\nc=IN IP4 0.0.0.0\r\na=setup:passive\r\na=fingerprint:sha-256 {digest}\r\n"
    )));
    assert_eq!(call(&mut world, &phone).await, State::Up);
    world.run_for(55 * SECOND).await;
    assert!(phone.is_up());
    world.run_for(10 * SECOND).await;
    assert!(matches!(phone.state(), State::Dismissed(_)));
    assert_eq!(world.legs().iter().sum::<usize>(), 0);
}
