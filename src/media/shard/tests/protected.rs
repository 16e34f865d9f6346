//! Telephones whose media is protected: by keys from SDP and from DTLS, against garbage, strangers and changed keys.

use std::{net::SocketAddr, time::Duration};

use dsp::Codec;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use sip::{
    rtp::{
        Discard,
        srtp::{Keys, Profile},
    },
    sdp::{DtlsPeer, HashName, Sdes},
};

use super::{
    HEARD, HIGH, LOW, NOT_HEARD, settle,
    world::{ANNA, BERT, CARL, OPEN, ROOM, World, address, media, tone_clip},
};
use crate::{
    id::LegId,
    limit::HALF_OPEN_MAX,
    media::{
        Counter, SocketId,
        api::{Command, Event, Gone, PhoneMedia, Security},
        player::Clips,
    },
};

/// Keys as both sides' descriptions brought them.
pub(super) fn sdes(profile: Profile, ours: u8, theirs: u8) -> Security {
    let keys = |byte| {
        Keys::new(
            &vec![byte; profile.key_len()],
            &vec![byte ^ 0xff; profile.salt_len()],
        )
    };
    Security::Sdes(Box::new(Sdes {
        profile,
        ours: keys(ours),
        theirs: keys(theirs),
    }))
}

/// Anna on a protected line and Bert on a plain one, in a conference.
fn pair(security: Security) -> World {
    let mut world = World::new();
    world.start(ROOM);
    let protected = PhoneMedia {
        security,
        ..media(ANNA, Codec::Pcma)
    };
    world.dial(ANNA, protected);
    world.call(BERT, Codec::Pcma);
    for (leg, tone) in [(ANNA, LOW), (BERT, HIGH)] {
        world.join(leg, ROOM);
        world.phone(leg).says = Some(tone);
    }
    world.seat(ROOM, &[(ANNA, OPEN), (BERT, OPEN)]);
    world
}

fn assert_both_hear(world: &mut World) {
    assert!(world.phone(ANNA).hears(HIGH) > HEARD);
    assert!(world.phone(BERT).hears(LOW) > HEARD);
}

#[test]
fn both_hear_each_other_with_each_cipher() {
    for profile in Profile::ALL {
        let mut world = pair(sdes(profile, 1, 2));
        settle(&mut world);
        assert_both_hear(&mut world);
        world.run(Duration::from_secs(8));
        assert!(world.phone(ANNA).reports > 0, "{profile:?}");
        let stats = world.shards[0].counters();
        assert!(
            Discard::ALL
                .iter()
                .all(|reason| stats.discarded(*reason) == 0)
        );
    }
}

#[test]
fn plain_packets_and_foreign_keys_are_not_heard_on_a_protected_line() {
    let mut world = pair(sdes(Profile::AeadAes256Gcm, 1, 2));
    world.phone(ANNA).says = None;
    settle(&mut world);
    let mut plain = World::conference(&[(ANNA, LOW)]);
    let mut foreign = pair(sdes(Profile::AeadAes256Gcm, 1, 3));
    for _ in 0..100 {
        for other in [&mut plain, &mut foreign] {
            let packet = other.phone(ANNA).speak_at_once();
            world.deliver(SocketId::Rtp(ANNA), address(ANNA, 4_000), &packet);
        }
        world.run(dsp::TICK);
    }
    let discarded = world.shards[0].counters().discarded(Discard::NotAuthentic);
    assert_eq!(discarded, 200);
    assert!(world.phone(BERT).hears(LOW) < NOT_HEARD);
    assert!(world.phone(ANNA).hears(HIGH) > HEARD);
}

#[test]
fn garbage_of_10_000_a_second_for_30_s_leaves_call_and_memory_alone() {
    let mut rng = StdRng::seed_from_u64(9);
    let mut world = pair(sdes(Profile::AesCm128HmacSha1_80, 1, 2));
    settle(&mut world);
    let memory = format!("{:?}", world.shards[0].common.outbox);
    let steps = 30 * 500;
    for step in 0..steps {
        for _ in 0..20 {
            let len = rng.random_range(12..180);
            let mut packet: Vec<u8> = (0..len).map(|_| rng.random()).collect();
            packet[0] = 0x80;
            packet[1] = 8;
            world.deliver(SocketId::Rtp(ANNA), address(ANNA, 4_000), &packet);
        }
        world.run(Duration::from_millis(2));
        if step % 500 == 499 {
            assert_both_hear(&mut world);
            world.forget();
        }
    }
    let discarded = world.shards[0].counters().discarded(Discard::NotAuthentic);
    let short = world.shards[0].counters().discarded(Discard::Malformed);
    assert_eq!(discarded + short, 20 * steps);
    assert_eq!(format!("{:?}", world.shards[0].common.outbox), memory);
    let events = world.take_events();
    assert!(
        !events
            .iter()
            .any(|event| matches!(event, Event::Gone { .. }))
    );
}

#[test]
fn a_changed_key_is_taken_without_a_gap() {
    let mut world = pair(sdes(Profile::AeadAes128Gcm, 1, 2));
    settle(&mut world);
    // What Anna sent under her old key is still under way.
    let late = world.phone(ANNA).speak_at_once();
    world.reinvite(ANNA, |media| {
        media.security = sdes(Profile::AeadAes128Gcm, 3, 4)
    });
    world.phone(ANNA).rekey();
    let before = world.shards[0].counters().discarded(Discard::NotAuthentic);
    world.deliver(SocketId::Rtp(ANNA), address(ANNA, 4_000), &late);
    let after = world.shards[0].counters().discarded(Discard::NotAuthentic);
    assert_eq!(before, after, "the former key is kept for a while");
    settle(&mut world);
    assert_both_hear(&mut world);
    world.deliver(SocketId::Rtp(ANNA), address(ANNA, 4_000), &late);
    let counters = world.shards[0].counters();
    let end = counters.discarded(Discard::NotAuthentic) + counters.discarded(Discard::Late);
    assert_eq!(end, after + 1, "and no longer");
}

#[test]
fn the_cipher_may_change_and_protection_may_begin_and_end() {
    let mut world = pair(Security::Plain);
    for security in [
        sdes(Profile::AeadAes256Gcm, 1, 2),
        sdes(Profile::AesCm128HmacSha1_80, 3, 4),
        Security::Plain,
    ] {
        settle(&mut world);
        assert_both_hear(&mut world);
        world.reinvite(ANNA, |media| media.security = security);
        world.phone(ANNA).rekey();
        world.forget();
    }
    settle(&mut world);
    assert_both_hear(&mut world);
}

/// A call that was transferred: an offer of ours with our key of before is answered by another telephone, which has a key of its own and
/// does not know how far we have counted.
#[test]
fn another_telephone_behind_our_key_is_sent_another_source_from_its_beginning() {
    for profile in Profile::ALL {
        let mut world = pair(sdes(profile, 1, 2));
        settle(&mut world);
        let before = world.phone(ANNA).source();
        world.reinvite(ANNA, |media| media.sends = false);
        world.reinvite(ANNA, |media| media.sends = true);
        settle(&mut world);
        assert_eq!(world.phone(ANNA).source(), before, "a refresh");
        world.reinvite(ANNA, |media| media.security = sdes(profile, 1, 4));
        world.phone(ANNA).rekey();
        world.forget();
        settle(&mut world);
        assert_both_hear(&mut world);
        assert_ne!(world.phone(ANNA).source(), before, "{profile:?}");
    }
}

#[test]
fn the_rollover_counter_survives_a_reinvite_with_the_same_keys() {
    let mut world = pair(sdes(Profile::AesCm128HmacSha1_80, 1, 2));
    settle(&mut world);
    // Anna's sequence numbers began at 65,500 and have rolled over.
    world.reinvite(ANNA, |media| media.sends = false);
    world.reinvite(ANNA, |media| media.sends = true);
    world.forget();
    settle(&mut world);
    assert_both_hear(&mut world);
    let stats = world.shards[0].counters();
    assert_eq!(stats.discarded(Discard::NotAuthentic), 0);
}

#[test]
fn a_forged_goodbye_in_rtcp_has_no_effect() {
    let mut world = pair(sdes(Profile::AeadAes256Gcm, 1, 2));
    settle(&mut world);
    let mut forged = vec![0x80, 201, 0, 1, 0, 0, 0, 7, 0x81, 203, 0, 1, 0, 0, 0, 7];
    let before = world.shards[0].counters().discarded(Discard::NotEncrypted);
    world.deliver(SocketId::Rtcp(ANNA), address(ANNA, 4_001), &forged);
    forged.extend([0; 16]);
    forged.extend(0x8000_0001_u32.to_be_bytes());
    world.deliver(SocketId::Rtcp(ANNA), address(ANNA, 4_001), &forged);
    let counters = world.shards[0].counters();
    assert_eq!(counters.discarded(Discard::NotAuthentic), 1);
    let short =
        counters.discarded(Discard::NotEncrypted) - before + counters.discarded(Discard::Malformed);
    assert_eq!(short, 1);
    world.forget();
    settle(&mut world);
    assert_both_hear(&mut world);
}

/// A telephone's DTLS, and what its SDP says of it.
fn dtls(world: &World) -> (dimpl::Dtls, Security) {
    let pair = rcgen::generate_simple_self_signed(["phone".to_owned()]).unwrap();
    let certificate = pair.cert.der().to_vec();
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &certificate);
    let security = Security::Dtls(Box::new(DtlsPeer {
        fingerprints: vec![(HashName::Sha256, digest.as_ref().to_vec())],
        association: None,
    }));
    let certificate = dimpl::DtlsCertificate {
        certificate,
        private_key: pair.signing_key.serialize_der(),
    };
    let config = dimpl::Config::builder().build().unwrap();
    let mut dtls = dimpl::Dtls::new_12(config.into(), certificate, world.now);
    dtls.set_active(false);
    (dtls, security)
}

/// Anna over DTLS, whose handshake is to come, and Bert on a plain line.
fn dtls_pair() -> World {
    let (server, security) = dtls(&World::new());
    let mut world = pair(security);
    world.phone(ANNA).dtls = Some(server);
    world
}

fn is_connected(world: &mut World) -> bool {
    let events = world.take_events();
    events
        .iter()
        .any(|event| matches!(event, Event::Connected { leg } if *leg == ANNA))
}

#[test]
fn both_hear_each_other_over_dtls() {
    let mut world = dtls_pair();
    world.phone(ANNA).says = None;
    world.run(Duration::from_millis(500));
    assert!(is_connected(&mut world));
    world.phone(ANNA).says = Some(LOW);
    world.forget();
    settle(&mut world);
    assert_both_hear(&mut world);
    world.run(Duration::from_secs(10));
    assert_eq!(
        world.phone(ANNA).reports,
        0,
        "RTCP would need another association"
    );
    // The same certificate in a re-INVITE is the same association.
    world.reinvite(ANNA, |media| media.sends = false);
    world.reinvite(ANNA, |media| media.sends = true);
    world.forget();
    settle(&mut world);
    assert_both_hear(&mut world);
}

#[test]
fn nothing_is_sent_without_keys_and_in_the_end_the_leg_is_gone() {
    let clips = Clips::new(vec![tone_clip(LOW, 10)]);
    let mut world = World::with_clips(clips);
    let (_, security) = dtls(&world);
    let protected = PhoneMedia {
        security,
        ..media(ANNA, Codec::Pcma)
    };
    world.dial(ANNA, protected);
    // No DTLS of hers ever answers; what is sent to her are handshakes alone, which she drops.
    let (deaf, _) = dtls(&world);
    world.phone(ANNA).dtls = Some(deaf);
    world.phone(ANNA).sends_from = Some(address(BERT, 9));
    world.run(Duration::from_secs(16));
    assert!(world.phone(ANNA).packets.is_empty());
    let gone = world.take_events();
    assert!(gone.iter().any(|event| matches!(
        event,
        Event::Gone { leg, reason: Gone::Closed } if *leg == ANNA
    )));
}

/// A ClientHello without encryption, as in the race for a handshake.
fn hello() -> Vec<u8> {
    let mut hello = vec![
        22, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 54, 1, 0, 0, 42, 0, 0, 0, 0,
    ];
    hello.extend([0, 0, 42, 0xfe, 0xfd]);
    hello.extend([7; 32]);
    hello.extend([0, 0, 0, 2, 0, 0, 1, 0]);
    hello
}

#[test]
fn a_strangers_clienthello_changes_nothing() {
    let hello = hello();
    let mut world = dtls_pair();
    world.phone(ANNA).says = None;
    for from in [address(CARL, 4_000), address(ANNA, 4_002)] {
        let before = world.count(Counter::Strangers);
        world.deliver(SocketId::Rtp(ANNA), from, &hello);
        assert_eq!(world.count(Counter::Strangers), before + 1);
    }
    // From the telephone's own address it is dropped, too.
    world.run(Duration::from_millis(20));
    world.deliver(SocketId::Rtp(ANNA), address(ANNA, 4_000), &hello);
    world.run(Duration::from_millis(500));
    assert!(is_connected(&mut world));
    for from in [address(CARL, 4_000), address(ANNA, 4_000)] {
        world.deliver(SocketId::Rtp(ANNA), from, &hello);
    }
    world.phone(ANNA).says = Some(LOW);
    world.forget();
    settle(&mut world);
    assert_both_hear(&mut world);
}

#[test]
fn another_certificate_than_the_sdp_names_ends_the_leg() {
    let (_, announced) = dtls(&World::new());
    let mut world = pair(announced);
    let (impostor, _) = dtls(&world);
    world.phone(ANNA).dtls = Some(impostor);
    world.phone(ANNA).says = None;
    world.run(Duration::from_secs(16));
    let events = world.take_events();
    let connected = |event: &Event| matches!(event, Event::Connected { .. });
    assert!(!events.iter().any(connected));
    assert!(
        events
            .iter()
            .any(|event| matches!(event, Event::Gone { leg, .. } if *leg == ANNA))
    );
    assert!(world.phone(BERT).hears(LOW) < NOT_HEARD);
}

#[test]
fn fifty_thousand_hellos_at_a_telephones_port_change_nothing() {
    let mut world = dtls_pair();
    world.phone(ANNA).says = None;
    let memory = format!("{:?}", world.shards[0].common.outbox);
    let before = world.count(Counter::Strangers);
    let hello = hello();
    for number in 0..50_000_u32 {
        let from = SocketAddr::from((number.to_be_bytes(), 1_024));
        world.deliver(SocketId::Rtp(ANNA), from, &hello);
    }
    assert_eq!(world.count(Counter::Strangers), before + 50_000);
    assert_eq!(format!("{:?}", world.shards[0].common.outbox), memory);
    assert!(world.shards[0].common.handshakes.len() <= 1);
    world.run(Duration::from_secs(2));
    assert!(is_connected(&mut world));
}

#[test]
fn handshakes_of_telephones_are_capped_and_wait_for_a_place() {
    let legs = u64::try_from(HALF_OPEN_MAX).unwrap() + 10;
    let mut world = World::new();
    // None of them ever answers: what they have to say comes from where nobody is heard.
    for number in 0..legs {
        let leg = LegId::from_u64(1_000 + number);
        let (deaf, security) = dtls(&world);
        let protected = PhoneMedia {
            security,
            ..media(leg, Codec::Pcma)
        };
        world.dial(leg, protected);
        world.phone(leg).dtls = Some(deaf);
        world.phone(leg).sends_from = Some(address(BERT, 9));
    }
    world.run(Duration::from_secs(1));
    assert_eq!(world.shards[0].common.handshakes.len(), HALF_OPEN_MAX);
    // One that is given up leaves its place to one that waits.
    for number in 0..12 {
        let leg = LegId::from_u64(1_000 + number);
        world.tell(Command::Close { leg });
    }
    world.run(Duration::from_millis(200));
    assert_eq!(world.shards[0].common.handshakes.len(), HALF_OPEN_MAX - 2);
    // Who comes then is connected within two seconds.
    let (server, security) = dtls(&world);
    let protected = PhoneMedia {
        security,
        ..media(ANNA, Codec::Pcma)
    };
    world.dial(ANNA, protected);
    world.phone(ANNA).dtls = Some(server);
    world.run(Duration::from_secs(2));
    assert!(is_connected(&mut world));
    world.run(Duration::from_secs(16));
    assert!(world.shards[0].common.handshakes.is_empty());
}
