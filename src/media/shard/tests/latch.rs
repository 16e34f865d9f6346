//! Where media goes when it comes from elsewhere than the SDP says: RTP bleed (CVE-2017-14099) and its relatives.

use std::{net::SocketAddr, time::Duration};

use dsp::{Codec, TICK};
use sip::{redact::Pii, rtp::srtp::Profile};

use super::{
    HEARD, HIGH, LOW, MIDDLE, NOT_HEARD,
    protected::sdes,
    settle,
    world::{ANNA, BERT, OPEN, ROOM, World, address, media},
};
use crate::media::{
    Counter, SocketId,
    api::{Nat, PhoneMedia, Security},
};

/// Where Anna really is, and somebody in the same network.
fn outside(host: u8, port: u16) -> SocketAddr {
    SocketAddr::from(([198, 51, 100, host], port))
}

fn behind_nat() -> Nat {
    Nat::Latch(["198.51.100.0/24".parse().unwrap()].into())
}

/// Anna, whose SDP names an address, and Bert, who is heard in any case.
fn pair(security: Security, nat: Nat) -> World {
    let mut world = World::new();
    world.start(ROOM);
    let anna = PhoneMedia {
        security,
        nat,
        ..media(ANNA, Codec::Pcma)
    };
    world.dial(ANNA, anna);
    world.call(BERT, Codec::Pcma);
    for (leg, tone) in [(ANNA, LOW), (BERT, HIGH)] {
        world.join(leg, ROOM);
        world.phone(leg).says = Some(tone);
    }
    world.seat(ROOM, &[(ANNA, OPEN), (BERT, OPEN)]);
    world
}

/// Somebody who sprays sound of the agreed codec; the world fails where a packet leaves for them.
struct Sprayer(World);

impl Sprayer {
    fn new() -> Self {
        Self(World::conference(&[(ANNA, MIDDLE)]))
    }

    fn spray(&mut self, world: &mut World, from: SocketAddr) {
        let packet = self.0.phone(ANNA).speak_at_once();
        world.deliver(SocketId::Rtp(ANNA), from, &packet);
    }
}

#[test]
fn nobody_who_sprays_gets_a_packet_or_is_heard() {
    let protected = || sdes(Profile::AeadAes256Gcm, 1, 2);
    for (security, nat, from) in [
        (Security::Plain, Nat::No, outside(66, 4_000)),
        (Security::Plain, Nat::No, address(ANNA, 4_002)),
        // From outside the trunk's networks.
        (
            Security::Plain,
            behind_nat(),
            SocketAddr::from(([203, 0, 113, 66], 4_000)),
        ),
        (protected(), Nat::No, outside(66, 4_000)),
        (protected(), behind_nat(), outside(66, 4_000)),
    ] {
        let mut world = pair(security, nat);
        let mut sprayer = Sprayer::new();
        // The first second, and then during the call.
        for _ in 0..150 {
            for _ in 0..3 {
                sprayer.spray(&mut world, from);
            }
            world.run(TICK);
        }
        world.forget();
        for _ in 0..50 {
            sprayer.spray(&mut world, from);
            world.run(TICK);
        }
        assert!(world.phone(BERT).hears(MIDDLE) < NOT_HEARD);
        assert!(world.phone(BERT).hears(LOW) > HEARD);
        assert!(world.phone(ANNA).hears(HIGH) > HEARD);
    }
}

#[test]
fn a_neighbour_of_a_plain_telephone_that_is_heard_gets_nothing() {
    let mut world = pair(Security::Plain, behind_nat());
    world.phone(ANNA).sends_from = Some(outside(7, 6_000));
    world.phone(ANNA).also_at = Some(outside(7, 6_000));
    world.run(TICK * 3);
    let mut sprayer = Sprayer::new();
    let before = world.count(Counter::Strangers);
    for _ in 0..150 {
        sprayer.spray(&mut world, outside(66, 4_000));
        world.run(TICK);
    }
    assert_eq!(world.count(Counter::Strangers), before + 150);
    world.forget();
    settle(&mut world);
    assert!(world.phone(BERT).hears(MIDDLE) < NOT_HEARD);
    assert!(world.phone(BERT).hears(LOW) > HEARD);
    assert!(world.phone(ANNA).hears(HIGH) > HEARD);
}

/// The last packets that were sent to Anna went there.
fn goes_to(world: &mut World, at: SocketAddr) {
    world.phone(ANNA).also_at = Some(at);
    world.run(TICK * 2);
    world.forget();
    let sdp = *world.phone(ANNA).media.remote.expose();
    // Nothing goes to the SDP's address, or the world would hear it there.
    world.phone(ANNA).media.remote = Pii::new(outside(250, 1));
    world.phone(ANNA).sends_from.get_or_insert(sdp);
    world.run(TICK * 10);
    world.phone(ANNA).media.remote = Pii::new(sdp);
    assert!(world.phone(ANNA).packets.len() >= 9);
}

#[test]
fn media_is_sent_where_it_comes_from() {
    for security in [Security::Plain, sdes(Profile::AesCm128HmacSha1_80, 1, 2)] {
        let mut world = pair(security, behind_nat());
        world.phone(ANNA).sends_from = Some(outside(7, 6_000));
        goes_to(&mut world, outside(7, 6_000));
        settle(&mut world);
        assert!(world.phone(BERT).hears(LOW) > HEARD);
        world.run(Duration::from_secs(8));
        assert!(world.phone(ANNA).reports > 0, "on the SDP's port beside it");
    }
}

/// Its SDP names an address of its own network, which is none here: nothing is sent until it is heard.
#[test]
fn a_telephone_whose_sdp_names_no_address_hears_once_it_is_heard() {
    for security in [Security::Plain, sdes(Profile::AesCm128HmacSha1_80, 1, 2)] {
        let mut world = World::new();
        world.start(ROOM);
        let nowhere = |port| Pii::new(SocketAddr::from(([0, 0, 0, 0], port)));
        let anna = PhoneMedia {
            security,
            nat: behind_nat(),
            remote: nowhere(4_000),
            remote_rtcp: nowhere(4_001),
            ..media(ANNA, Codec::Pcma)
        };
        world.dial(ANNA, anna);
        world.call(BERT, Codec::Pcma);
        for leg in [ANNA, BERT] {
            world.join(leg, ROOM);
        }
        world.phone(BERT).says = Some(HIGH);
        world.seat(ROOM, &[(ANNA, OPEN), (BERT, OPEN)]);
        world.run(TICK * 10);
        world.phone(ANNA).media.remote = Pii::new(outside(7, 6_000));
        world.phone(ANNA).media.remote_rtcp = Pii::new(outside(7, 4_001));
        world.phone(ANNA).says = Some(LOW);
        world.phone(ANNA).sends_from = Some(outside(7, 6_000));
        settle(&mut world);
        assert!(world.phone(ANNA).hears(HIGH) > HEARD);
        assert!(world.phone(BERT).hears(LOW) > HEARD);
        world.run(Duration::from_secs(8));
        assert!(world.phone(ANNA).reports > 0, "on the SDP's port beside it");
    }
}

#[test]
fn a_proven_packet_moves_it_at_once() {
    let mut world = pair(sdes(Profile::AeadAes128Gcm, 1, 2), behind_nat());
    settle(&mut world);
    // An old packet, repeated from elsewhere, moves nothing.
    let old = world.phone(ANNA).speak_at_once();
    world.deliver(SocketId::Rtp(ANNA), address(ANNA, 4_000), &old);
    world.deliver(SocketId::Rtp(ANNA), outside(66, 4_000), &old);
    world.run(TICK * 5);
    // It proves whose it is, wherever it comes from.
    let moved = SocketAddr::from(([203, 0, 113, 9], 7_000));
    world.phone(ANNA).sends_from = Some(moved);
    goes_to(&mut world, moved);
    world.phone(ANNA).sends_from = Some(address(ANNA, 4_000));
    world.run(TICK * 3);
    world.phone(ANNA).also_at = None;
    settle(&mut world);
    assert!(world.phone(BERT).hears(LOW) > HEARD);
}

#[test]
fn a_packet_that_was_overtaken_does_not_move_it_back() {
    let mut world = pair(sdes(Profile::AeadAes128Gcm, 1, 2), behind_nat());
    world.phone(ANNA).sends_from = Some(outside(7, 6_000));
    world.phone(ANNA).also_at = Some(outside(7, 6_000));
    settle(&mut world);
    let late = world.phone(ANNA).speak_at_once();
    world.phone(ANNA).sends_from = Some(outside(8, 6_000));
    world.phone(ANNA).also_at = Some(outside(8, 6_000));
    // Until the first packet has come from there, the old address is right.
    world.phone(ANNA).media.remote = Pii::new(outside(7, 6_000));
    world.run(TICK * 3);
    world.phone(ANNA).media.remote = Pii::new(address(ANNA, 4_000));
    world.deliver(SocketId::Rtp(ANNA), outside(7, 6_000), &late);
    settle(&mut world);
    assert!(world.phone(ANNA).hears(HIGH) > HEARD);
}

#[test]
fn plain_media_moves_on_only_after_silence_and_in_sequence() {
    let mut world = pair(Security::Plain, behind_nat());
    settle(&mut world);
    // At once: it stays where it is.
    world.phone(ANNA).sends_from = Some(outside(7, 6_000));
    world.forget();
    world.run(Duration::from_millis(1_900));
    assert!(world.phone(ANNA).packets.len() > 90);
    // After two seconds of silence where it was, the stream goes on from there.
    world.phone(ANNA).also_at = Some(outside(7, 6_000));
    world.run(Duration::from_millis(300));
    goes_to(&mut world, outside(7, 6_000));
    settle(&mut world);
    assert!(world.phone(BERT).hears(LOW) > HEARD);
    // Silence does not let another source in, nor the same one out of sequence.
    world.phone(ANNA).says = None;
    world.run(Duration::from_secs(3));
    let mut sprayer = Sprayer::new();
    for _ in 0..50 {
        sprayer.spray(&mut world, outside(66, 4_000));
        world.run(TICK);
    }
    world.forget();
    settle(&mut world);
    assert!(world.phone(ANNA).hears(HIGH) > HEARD);
    assert!(world.phone(BERT).hears(MIDDLE) < NOT_HEARD);
}

#[test]
fn a_new_offer_and_answer_free_it_again() {
    let mut world = pair(Security::Plain, behind_nat());
    world.phone(ANNA).sends_from = Some(outside(7, 6_000));
    world.phone(ANNA).also_at = Some(outside(7, 6_000));
    settle(&mut world);
    // A hold that names the same address leaves it where it is.
    world.reinvite(ANNA, |media| media.sends = false);
    world.reinvite(ANNA, |media| media.sends = true);
    world.run(TICK * 5);
    // Another address in the SDP is a new beginning; the next packet, from elsewhere, moves it.
    world.reinvite(ANNA, |media| {
        media.remote = Pii::new(address(ANNA, 5_000));
    });
    world.phone(ANNA).sends_from = Some(outside(7, 7_000));
    world.phone(ANNA).also_at = Some(outside(7, 7_000));
    settle(&mut world);
    assert!(world.phone(BERT).hears(LOW) > HEARD);
    assert!(world.phone(ANNA).hears(HIGH) > HEARD);
}

/// Anna behind an address translator, where she is heard, and Bert.
fn latched() -> World {
    let mut world = pair(Security::Plain, behind_nat());
    world.phone(ANNA).sends_from = Some(outside(7, 6_000));
    world.phone(ANNA).also_at = Some(outside(7, 6_000));
    settle(&mut world);
    world
}

/// What re-INVITEs that name the same address say.
const RENEWALS: [fn(&mut PhoneMedia); 4] = [
    |_| {},
    |media| media.sends = false,
    |media| media.sends = true,
    |media| media.ptime = 40,
];

/// R5 across re-INVITEs: the world fails where a packet leaves for the neighbour.
#[test]
fn a_neighbour_who_sprays_across_a_reinvite_gets_nothing() {
    let mut world = latched();
    let mut sprayer = Sprayer::new();
    for renewal in RENEWALS.into_iter().cycle().take(40) {
        // Who sprays comes first after each of them.
        world.reinvite(ANNA, renewal);
        for _ in 0..6 {
            sprayer.spray(&mut world, outside(66, 4_000));
            world.run(TICK / 2);
        }
    }
    world.reinvite(ANNA, |media| media.ptime = 20);
    world.forget();
    for _ in 0..50 {
        sprayer.spray(&mut world, outside(66, 4_000));
        world.run(TICK);
    }
    assert!(world.phone(BERT).hears(MIDDLE) < NOT_HEARD);
    assert!(world.phone(BERT).hears(LOW) > HEARD);
    assert!(world.phone(ANNA).hears(HIGH) > HEARD);
}

#[test]
fn a_refresh_during_a_long_silence_lets_nobody_else_in() {
    let mut world = latched();
    world.phone(ANNA).says = None;
    world.run(Duration::from_secs(3));
    world.reinvite(ANNA, |_| {});
    let mut sprayer = Sprayer::new();
    for _ in 0..150 {
        sprayer.spray(&mut world, outside(66, 4_000));
        world.run(TICK);
    }
    world.phone(ANNA).says = Some(LOW);
    settle(&mut world);
    assert!(world.phone(BERT).hears(MIDDLE) < NOT_HEARD);
    assert!(world.phone(BERT).hears(LOW) > HEARD);
}

#[test]
fn after_a_hold_a_stream_begins_elsewhere_once_nothing_came_from_before() {
    let mut world = latched();
    world.reinvite(ANNA, |media| media.sends = false);
    world.phone(ANNA).says = None;
    world.run(Duration::from_secs(5));
    world.reinvite(ANNA, |media| media.sends = true);
    // Another source from another place, as after a transfer: not at once, but after two seconds.
    let mut other = Sprayer::new();
    let phone = world.phone(ANNA);
    phone.also_at = Some(outside(8, 7_000));
    phone.media.remote = Pii::new(outside(7, 6_000));
    let port = phone.media.remote_rtcp.expose().port();
    phone.media.remote_rtcp = Pii::new(outside(7, port));
    for _ in 0..125 {
        other.spray(&mut world, outside(8, 7_000));
        world.run(TICK);
    }
    world.phone(ANNA).media.remote = Pii::new(outside(250, 1));
    world.forget();
    for _ in 0..50 {
        other.spray(&mut world, outside(8, 7_000));
        world.run(TICK);
    }
    assert!(world.phone(BERT).hears(MIDDLE) > HEARD);
    assert!(world.phone(ANNA).hears(HIGH) > HEARD);
}

#[test]
fn rtcp_moves_nothing() {
    let mut world = pair(Security::Plain, behind_nat());
    settle(&mut world);
    let goodbye = [0x80, 201, 0, 1, 0, 0, 0, 7, 0x81, 203, 0, 1, 0, 0, 0, 7];
    let before = world.count(Counter::Strangers);
    for socket in [SocketId::Rtp(ANNA), SocketId::Rtcp(ANNA)] {
        world.deliver(socket, outside(66, 4_000), &goodbye);
    }
    assert_eq!(world.count(Counter::Strangers), before + 2);
    world.forget();
    settle(&mut world);
    assert!(world.phone(ANNA).hears(HIGH) > HEARD);
}

/// Anna's SDP names an address behind the translator, and another one after a transfer: what is still under way from the first
/// telephone, or goes on coming from it, keeps nothing from the second, and nothing is sent to the first any more.
#[test]
fn a_transfer_to_another_address_behind_the_translator_is_followed() {
    let nowhere = |port: u16| Pii::new(SocketAddr::from(([0, 0, 0, 0], port)));
    let behind = |host: u8| Some(Pii::new(SocketAddr::from(([192, 168, 77, host], 4_000))));
    for packets in [0, 5, 200] {
        let mut world = pair(Security::Plain, behind_nat());
        world.phone(ANNA).sends_from = Some(outside(7, 6_000));
        world.phone(ANNA).also_at = Some(outside(7, 6_000));
        world.reinvite(ANNA, |media| {
            (media.remote, media.remote_rtcp) = (nowhere(4_000), nowhere(4_001));
            media.hidden = behind(5);
        });
        settle(&mut world);
        assert!(world.phone(ANNA).hears(HIGH) > HEARD, "{packets}");
        world.reinvite(ANNA, |media| media.hidden = behind(6));
        world.forget();
        // Where the first telephone was nothing may arrive from here on.
        world.phone(ANNA).sends_from = Some(outside(8, 6_000));
        world.phone(ANNA).also_at = Some(outside(8, 6_000));
        let mut first = Sprayer::new();
        for _ in 0..packets {
            first.spray(&mut world, outside(7, 6_000));
            world.run(TICK);
        }
        settle(&mut world);
        assert!(world.phone(ANNA).hears(HIGH) > HEARD, "{packets}");
        assert!(world.phone(BERT).hears(LOW) > HEARD, "{packets}");
        assert!(world.phone(BERT).hears(MIDDLE) < NOT_HEARD, "{packets}");
    }
}

/// From an address that can be reached to one behind the translator: what was agreed last counts.
#[test]
fn nothing_goes_to_the_address_of_before_once_one_behind_the_translator_is_agreed() {
    let mut world = pair(Security::Plain, behind_nat());
    settle(&mut world);
    assert!(world.phone(ANNA).hears(HIGH) > HEARD);
    world.reinvite(ANNA, |media| {
        let nowhere = |port: u16| Pii::new(SocketAddr::from(([0, 0, 0, 0], port)));
        (media.remote, media.remote_rtcp) = (nowhere(4_000), nowhere(4_001));
        media.hidden = Some(Pii::new(SocketAddr::from(([192, 168, 77, 6], 4_000))));
    });
    world.forget();
    world.phone(ANNA).says = None;
    world.run(Duration::from_secs(1));
    assert_eq!(world.phone(ANNA).packets.len(), 0);
}
