//! Conferences of telephones in simulated time: who hears whom, and what no stranger, panic or stall can disturb.

mod announce;
mod by_hand;
mod copies;
mod disturbance;
mod echo;
mod encodings;
mod hostile;
mod latch;
mod learned;
mod levels;
mod moves;
mod music;
mod muted;
mod onset;
mod protected;
mod ptime;
mod recording;
mod sounds;
mod streams;
mod world;

use std::time::Duration;

use dsp::Codec;
use sip::{redact::Pii, rtp::Discard};

use self::world::{ANNA, BERT, CARL, MUTED, OPEN, ROOM, World, address, tone_clip};
use super::*;
use crate::media::api::{Channels, ClipId, Seat};

/// Tones that telephone codecs carry and that are no multiples of each other.
const LOW: f64 = 500.0;
const MIDDLE: f64 = 850.0;
const HIGH: f64 = 1_250.0;

/// What counts as heard and as not heard, in dBov.
const HEARD: f64 = -20.0;
const NOT_HEARD: f64 = -60.0;

#[test]
fn two_phones_hear_each_other_and_not_themselves() {
    for codec in [Codec::Pcmu, Codec::Pcma, Codec::G722, Codec::Opus] {
        let mut world = World::new();
        world.start(ROOM);
        for (leg, tone) in [(ANNA, LOW), (BERT, HIGH)] {
            world.call(leg, codec);
            world.join(leg, ROOM);
            world.phone(leg).says = Some(tone);
        }
        world.seat(ROOM, &[(ANNA, OPEN), (BERT, OPEN)]);
        settle(&mut world);
        assert!(world.phone(ANNA).hears(HIGH) > HEARD, "{codec:?}");
        assert!(world.phone(BERT).hears(LOW) > HEARD, "{codec:?}");
        assert!(world.phone(ANNA).hears(LOW) < NOT_HEARD, "{codec:?}");
        assert!(world.phone(BERT).hears(HIGH) < NOT_HEARD, "{codec:?}");
    }
}

#[test]
fn phones_of_different_codecs_hear_each_other() {
    let mut world = World::new();
    world.start(ROOM);
    for (leg, codec, tone) in [
        (ANNA, Codec::Pcmu, LOW),
        (BERT, Codec::G722, MIDDLE),
        (CARL, Codec::Opus, HIGH),
    ] {
        world.call(leg, codec);
        world.join(leg, ROOM);
        world.phone(leg).says = Some(tone);
    }
    world.seat(ROOM, &[(ANNA, OPEN), (BERT, OPEN), (CARL, OPEN)]);
    settle(&mut world);
    for (leg, own) in [(ANNA, LOW), (BERT, MIDDLE), (CARL, HIGH)] {
        for tone in [LOW, MIDDLE, HIGH] {
            let level = world.phone(leg).hears(tone);
            assert_eq!(level > HEARD, tone != own, "{leg}: {tone} at {level}");
        }
    }
}

#[test]
fn a_muted_phone_contributes_nothing() {
    let mut world = trio();
    world.seat(ROOM, &[(ANNA, MUTED), (BERT, OPEN), (CARL, OPEN)]);
    settle(&mut world);
    assert!(world.phone(BERT).hears(LOW) < NOT_HEARD);
    assert!(world.phone(CARL).hears(LOW) < NOT_HEARD);
    assert!(world.phone(ANNA).hears(MIDDLE) > HEARD);
    assert!(world.phone(BERT).hears(HIGH) > HEARD);
}

#[test]
fn a_conversation_beside_the_conference_is_heard_by_those_in_it_alone() {
    let beside = Channels(2);
    let aside = Seat {
        speaks: beside,
        hears: Channels(Channels::MAIN.0 | beside.0),
    };
    let mut world = trio();
    world.seat(ROOM, &[(ANNA, aside), (BERT, aside), (CARL, OPEN)]);
    settle(&mut world);
    assert!(world.phone(ANNA).hears(MIDDLE) > HEARD);
    assert!(world.phone(ANNA).hears(HIGH) > HEARD);
    assert!(world.phone(ANNA).hears(LOW) < NOT_HEARD);
    assert!(world.phone(CARL).hears(LOW) < NOT_HEARD);
    assert!(world.phone(CARL).hears(MIDDLE) < NOT_HEARD);
}

/// Neither do the loudest of the conference keep two from hearing each other who talk beside it, nor the other way round.
#[test]
fn who_talks_beside_a_conference_and_who_speaks_in_it_take_no_places_from_each_other() {
    const DORA: LegId = LegId::from_u64(4);
    let beside = Channels(2);
    let aside = Seat {
        speaks: beside,
        hears: beside,
    };
    let mut world = trio();
    world.tell(Command::Speakers {
        conference: ROOM,
        most: 1,
    });
    world.call(DORA, Codec::Pcma);
    world.join(DORA, ROOM);
    world.seat(
        ROOM,
        &[(ANNA, aside), (BERT, aside), (CARL, OPEN), (DORA, MUTED)],
    );
    settle(&mut world);
    assert!(world.phone(ANNA).hears(MIDDLE) > HEARD);
    assert!(world.phone(BERT).hears(LOW) > HEARD);
    assert!(world.phone(DORA).hears(HIGH) > HEARD);
    for (ear, tone) in [(ANNA, HIGH), (BERT, HIGH), (DORA, LOW), (DORA, MIDDLE)] {
        assert!(world.phone(ear).hears(tone) < NOT_HEARD, "{ear} {tone}");
    }
    // Back among the others, muted.
    world.seat(
        ROOM,
        &[(ANNA, MUTED), (BERT, MUTED), (CARL, OPEN), (DORA, MUTED)],
    );
    settle(&mut world);
    assert!(world.phone(DORA).hears(LOW) < NOT_HEARD);
    assert!(world.phone(ANNA).hears(HIGH) > HEARD);
    assert!(world.phone(ANNA).hears(MIDDLE) < NOT_HEARD);
}

#[test]
fn a_stranger_is_not_heard() {
    let mut world = World::conference(&[(ANNA, LOW), (BERT, HIGH)]);
    settle(&mut world);
    let mut stranger = World::conference(&[(CARL, MIDDLE)]);
    let before = world.count(Counter::Strangers);
    for _ in 0..50 {
        let packet = stranger.phone(CARL).speak_at_once();
        world.deliver(SocketId::Rtp(ANNA), address(CARL, 4_000), &packet);
        world.deliver(SocketId::Rtp(ANNA), address(ANNA, 4_001), &packet);
        world.deliver(SocketId::Rtcp(ANNA), address(ANNA, 4_000), &packet);
        world.run(dsp::TICK);
    }
    assert_eq!(world.count(Counter::Strangers) - before, 150);
    assert!(world.phone(BERT).hears(MIDDLE) < NOT_HEARD);
    assert!(world.phone(BERT).hears(LOW) > HEARD);
}

#[test]
fn garbage_is_counted_and_leaves_the_call_and_memory_alone() {
    let mut world = World::conference(&[(ANNA, LOW), (BERT, HIGH)]);
    settle(&mut world);
    let memory = format!("{:?}", world.shards[0].common.outbox);
    let mut noise = 1_u32;
    for round in 0..20_000_usize {
        let garbage: Vec<u8> = (0..round % 90)
            .map(|_| {
                noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                noise.to_be_bytes()[0]
            })
            .collect();
        let socket = [
            SocketId::Rtp(ANNA),
            SocketId::Rtcp(ANNA),
            SocketId::Browser(round),
        ][round % 3];
        let port = [4_000, 4_001, 5_000][round % 3];
        world.deliver(socket, address(ANNA, port), &garbage);
        if round.is_multiple_of(200) {
            world.run(dsp::TICK);
        }
    }
    let counters = world.shards[0].counters();
    let discarded: u64 = Discard::ALL
        .into_iter()
        .map(|reason| counters.discarded(reason))
        .sum();
    assert!(discarded > 13_000);
    assert_eq!(counters.of(Counter::DatagramsUnmatched), 6_666);
    assert_eq!(format!("{:?}", world.shards[0].common.outbox), memory);
    assert_eq!(world.shards[0].legs(), [ANNA, BERT]);
    settle(&mut world);
    assert!(world.phone(BERT).hears(LOW) > HEARD);
}

#[test]
fn a_panic_in_a_leg_ends_that_leg_alone() {
    let mut world = trio();
    settle(&mut world);
    world.take_events();
    world.tell(Command::Inject(Fault::Leg(ANNA)));
    settle(&mut world);
    assert_eq!(gone(&world.take_events()), [(ANNA, Gone::Failed)]);
    assert_eq!(world.count(Counter::LegPanics), 1);
    assert_eq!(world.shards[0].poll_closed(), Some(ANNA));
    assert!(world.phone(BERT).hears(HIGH) > HEARD);
    assert!(world.phone(BERT).hears(LOW) < NOT_HEARD);
    assert!(world.phone(ANNA).packets.is_empty());
}

#[test]
fn a_panic_in_a_bus_ends_that_bus_alone_and_leaves_the_legs() {
    let other = ConferenceId::from_u64(200);
    let mut world = World::conference(&[(ANNA, LOW), (BERT, HIGH)]);
    world.call(CARL, Codec::Pcma);
    world.start(other);
    world.join(CARL, other);
    world.seat(other, &[(CARL, OPEN)]);
    world.tell(Command::Inject(Fault::Bus(other)));
    settle(&mut world);
    let failed: Vec<_> = world
        .take_events()
        .into_iter()
        .filter(|event| matches!(event, Event::BusFailed { conference } if *conference == other))
        .collect();
    assert_eq!(failed.len(), 1);
    assert_eq!(world.count(Counter::BusPanics), 1);
    assert_eq!(world.count(Counter::Conferences), 1);
    assert!(world.phone(ANNA).hears(HIGH) > HEARD);
    assert_eq!(world.phone(CARL).packets.len(), 100);
    world.start(other);
    world.join(CARL, other);
    assert_eq!(world.count(Counter::CommandsUnmatched), 0);
}

#[test]
fn a_panic_in_a_command_ends_what_it_is_about_alone() {
    let other = ConferenceId::from_u64(200);
    let mut world = World::conference(&[(ANNA, LOW), (BERT, HIGH)]);
    world.call(CARL, Codec::Pcma);
    world.start(other);
    for command in [
        Command::Roster {
            conference: other,
            seats: vec![(CARL, OPEN)],
        },
        Command::Join {
            leg: CARL,
            conference: other,
        },
    ] {
        world.start(other);
        world.take_events();
        world.tell(Command::Inject(Fault::Bus(other)));
        world.tell(command);
        let events = world.take_events();
        let failed = |event: &&Event| matches!(event, Event::BusFailed { conference } if *conference == other);
        assert_eq!(events.iter().filter(failed).count(), 1);
        let expected: &[_] = if events.len() > 1 {
            &[(CARL, Gone::Failed)]
        } else {
            &[]
        };
        assert_eq!(gone(&events), expected);
    }
    assert_eq!(world.count(Counter::BusPanics), 2);
    assert_eq!(
        world.count(Counter::Legs),
        2,
        "who was about to join has ended"
    );
    assert_eq!(world.count(Counter::Conferences), 1);
    settle(&mut world);
    assert!(world.phone(ANNA).hears(HIGH) > HEARD);
}

#[test]
fn a_leg_without_a_roster_entry_is_cut_and_counted() {
    let mut world = trio();
    settle(&mut world);
    world.take_events();
    world.seat(ROOM, &[(ANNA, OPEN), (BERT, OPEN)]);
    settle(&mut world);
    assert_eq!(gone(&world.take_events()), [(CARL, Gone::NotInRoster)]);
    assert_eq!(world.count(Counter::LegsWithoutRoster), 1);
    assert_eq!(world.count(Counter::Legs), 2);
    assert!(world.phone(ANNA).hears(HIGH) < NOT_HEARD);
    assert!(world.phone(ANNA).hears(MIDDLE) > HEARD);
}

#[test]
fn a_leg_that_has_joined_is_silent_both_ways_until_a_roster_seats_it() {
    let mut world = World::conference(&[(ANNA, LOW), (BERT, HIGH)]);
    world.call(CARL, Codec::Pcma);
    world.join(CARL, ROOM);
    world.phone(CARL).says = Some(MIDDLE);
    settle(&mut world);
    assert!(world.phone(ANNA).hears(MIDDLE) < NOT_HEARD);
    assert!(world.phone(CARL).hears(LOW) < NOT_HEARD);
    assert_eq!(world.phone(CARL).packets.len(), 100);
    world.seat(ROOM, &[(ANNA, OPEN), (BERT, OPEN), (CARL, OPEN)]);
    settle(&mut world);
    assert!(world.phone(ANNA).hears(MIDDLE) > HEARD);
    assert!(world.phone(CARL).hears(LOW) > HEARD);
}

#[test]
fn a_leg_moves_between_shards_without_a_gap() {
    let mut world = World::new();
    world.call(ANNA, Codec::Pcma);
    world.phone(ANNA).says = Some(LOW);
    world.tell_to(1, Command::Start { conference: ROOM });
    world.run(Duration::from_millis(500));
    world.take_events();
    world.tell(Command::Release { leg: ANNA });
    let Some(Event::Released { id: ANNA, leg }) = world.take_events().pop() else {
        panic!("the leg was not released");
    };
    assert_eq!(world.shards[0].poll_closed(), None);
    assert_eq!(world.shards[0].poll_timeout(), None);
    world.phone(ANNA).shard = 1;
    world.tell_to(1, Command::Adopt { leg });
    world.tell_to(
        1,
        Command::Join {
            leg: ANNA,
            conference: ROOM,
        },
    );
    world.run(Duration::from_millis(500));
    let packets = &world.phone(ANNA).packets;
    assert_eq!(packets.len(), 50);
    assert_continuous(packets);
}

#[test]
fn media_time_jumps_over_the_ticks_of_a_slow_move() {
    let mut world = World::new();
    world.call(ANNA, Codec::Pcma);
    world.run(Duration::from_millis(100));
    world.tell(Command::Release { leg: ANNA });
    let Some(Event::Released { leg, .. }) = world.take_events().pop() else {
        panic!("the leg was not released");
    };
    world.phone(ANNA).shard = 1;
    world.run(Duration::from_millis(100));
    world.tell_to(1, Command::Adopt { leg });
    world.run(Duration::from_millis(100));
    let packets = &world.phone(ANNA).packets;
    let (first, last) = (packets[0], packets[packets.len() - 1]);
    assert_eq!(packets.len(), 10);
    assert_eq!(last.0.wrapping_sub(first.0), 9);
    assert_eq!(last.1.wrapping_sub(first.1), 14 * 160);
}

#[test]
fn a_phone_gets_fifty_packets_a_second_whatever_happens() {
    let mut world = World::new();
    world.call(ANNA, Codec::Pcmu);
    world.run(dsp::TICK);
    assert_eq!(
        world.phone(ANNA).packets.len(),
        1,
        "media flows from the first tick on"
    );
    world.start(ROOM);
    world.run(Duration::from_millis(980));
    world.join(ANNA, ROOM);
    world.run(Duration::from_secs(1));
    world.seat(ROOM, &[(ANNA, OPEN)]);
    world.run(Duration::from_secs(1));
    world.reinvite(ANNA, |media| media.sends = false);
    world.run(Duration::from_secs(1));
    world.tell(Command::End { conference: ROOM });
    world.run(Duration::from_secs(1));
    let packets = &world.phone(ANNA).packets;
    assert_eq!(packets.len(), 250);
    assert_continuous(packets);
    let gaps = packets.windows(2).map(|pair| pair[1].2 - pair[0].2);
    assert!(gaps.max() < Some(2 * dsp::TICK));
}

#[test]
fn a_phone_on_hold_is_not_heard_and_hears_nothing() {
    let mut world = trio();
    world.reinvite(ANNA, |media| media.sends = false);
    settle(&mut world);
    assert!(world.phone(BERT).hears(LOW) < NOT_HEARD);
    assert!(world.phone(ANNA).hears(HIGH) < NOT_HEARD);
    assert_eq!(world.phone(ANNA).packets.len(), 100);
    world.reinvite(ANNA, |media| media.sends = true);
    settle(&mut world);
    assert!(world.phone(BERT).hears(LOW) > HEARD);
    assert!(world.phone(ANNA).hears(HIGH) > HEARD);
}

#[test]
fn a_phone_on_hold_gets_its_packets_however_it_holds() {
    let mut world = World::conference(&[(ANNA, LOW), (BERT, HIGH)]);
    world.run(Duration::from_secs(1));
    let inactive = |media: &mut PhoneMedia| (media.sends, media.receives) = (false, false);
    let nowhere = |media: &mut PhoneMedia| {
        inactive(media);
        media.remote = Pii::new(SocketAddr::from(([0, 0, 0, 0], 4000)));
    };
    for hold in [&inactive as &dyn Fn(&mut PhoneMedia), &nowhere] {
        let last = *world.phone(ANNA).packets.last().unwrap();
        world.forget();
        world.reinvite(ANNA, hold);
        world.run(Duration::from_secs(1));
        let phone = world.phone(ANNA);
        assert_eq!(phone.packets.len(), 50);
        assert_eq!(phone.packets[0].0, last.0.wrapping_add(1));
        assert_eq!(phone.packets[0].1, last.1.wrapping_add(160));
        settle(&mut world);
        assert!(world.phone(ANNA).hears(HIGH) < NOT_HEARD);
    }
}

#[test]
fn a_silent_phone_is_reported_every_fifteen_seconds_but_not_on_hold() {
    let mut world = World::conference(&[(ANNA, LOW), (BERT, HIGH)]);
    world.run(Duration::from_secs(1));
    world.phone(ANNA).says = None;
    world.phone(BERT).says = None;
    world.reinvite(BERT, |media| media.sends = false);
    world.run(Duration::from_secs(31));
    let quiet: Vec<_> = world
        .take_events()
        .into_iter()
        .filter_map(|event| {
            let Event::Quiet { leg, since } = event else {
                return None;
            };
            Some((leg, since.as_secs()))
        })
        .collect();
    assert_eq!(quiet, [(ANNA, 15), (ANNA, 30)]);
}

#[test]
fn a_prompt_is_heard_in_place_of_the_conference_and_its_end_is_told() {
    let mut world = World::with_clips(Clips::new(vec![tone_clip(700.0, 60), tone_clip(700.0, 50)]));
    world.start(ROOM);
    for (leg, tone) in [(ANNA, LOW), (BERT, HIGH)] {
        world.call(leg, Codec::Pcma);
        world.join(leg, ROOM);
        world.phone(leg).says = Some(tone);
    }
    world.seat(ROOM, &[(ANNA, OPEN), (BERT, OPEN)]);
    settle(&mut world);
    let play = |token| Command::Play {
        leg: ANNA,
        clips: vec![ClipId(0), ClipId(1)],
        token,
    };
    world.tell(play(1));
    world.tell(play(2));
    world.run(Duration::from_millis(300));
    world.forget();
    world.run(Duration::from_millis(1_800));
    assert!(world.phone(ANNA).hears(700.0) > HEARD);
    assert!(world.phone(ANNA).hears(HIGH) < NOT_HEARD);
    assert!(world.phone(BERT).hears(LOW) > HEARD);
    assert!(played(&world.take_events()).is_empty());
    world.run(Duration::from_millis(300));
    assert_eq!(played(&world.take_events()), [2]);
    settle(&mut world);
    assert!(world.phone(ANNA).hears(HIGH) > HEARD);
    assert!(played(&world.take_events()).is_empty());
}

#[test]
fn a_prompt_plays_to_a_leg_in_no_conference_and_can_be_stopped() {
    let mut world = World::with_clips(Clips::new(vec![tone_clip(700.0, 200)]));
    world.call(ANNA, Codec::Pcma);
    let play = |clips| Command::Play {
        leg: ANNA,
        clips,
        token: 1,
    };
    world.tell(play(vec![ClipId(0)]));
    world.run(Duration::from_millis(300));
    world.forget();
    world.run(Duration::from_secs(1));
    assert!(world.phone(ANNA).hears(700.0) > HEARD);
    world.tell(play(vec![]));
    settle(&mut world);
    assert!(world.phone(ANNA).hears(700.0) < NOT_HEARD);
    assert!(played(&world.take_events()).is_empty());
}

#[test]
fn speaking_is_told_of_those_who_are_heard() {
    let mut world = trio();
    world.seat(ROOM, &[(ANNA, MUTED), (BERT, OPEN), (CARL, OPEN)]);
    world.phone(CARL).says = None;
    world.run(Duration::from_secs(1));
    world.phone(BERT).says = None;
    world.run(Duration::from_secs(2));
    let speaking: Vec<_> = world
        .take_events()
        .into_iter()
        .filter_map(|event| {
            let Event::Speaking { leg, speaking } = event else {
                return None;
            };
            Some((leg, speaking))
        })
        .collect();
    assert_eq!(speaking, [(BERT, true), (BERT, false)]);
}

#[test]
fn a_key_is_told_once() {
    let mut world = World::conference(&[(ANNA, LOW)]);
    world.run(Duration::from_millis(100));
    for packet in world.phone(ANNA).press('5') {
        world.deliver(SocketId::Rtp(ANNA), address(ANNA, 4_000), &packet);
        world.run(dsp::TICK);
    }
    let digits: Vec<_> = world
        .take_events()
        .into_iter()
        .filter(|event| {
            matches!(
                event,
                Event::Digit {
                    leg: ANNA,
                    digit: '5'
                }
            )
        })
        .collect();
    assert_eq!(digits.len(), 1);
}

#[test]
fn keys_comfort_noise_and_padding_are_no_lost_packets() {
    let mut world = World::conference(&[(ANNA, LOW), (BERT, HIGH)]);
    world.run(Duration::from_millis(500));
    for digit in ['6', '6'] {
        // As telephones do it, the keys are in the place of the sound.
        let tone = world.phone(ANNA).says.take();
        for packet in world.phone(ANNA).press(digit) {
            world.deliver(SocketId::Rtp(ANNA), address(ANNA, 4_000), &packet);
            world.run(dsp::TICK);
        }
        world.phone(ANNA).says = tone;
        world.run(Duration::from_millis(300));
    }
    for (payload_type, payload) in [(13, &[40][..]), (8, &[])] {
        let tone = world.phone(ANNA).says.take();
        for _ in 0..80 {
            let packet = world.phone(ANNA).packet(payload_type, payload);
            world.deliver(SocketId::Rtp(ANNA), address(ANNA, 4_000), &packet);
            world.run(dsp::TICK);
        }
        world.phone(ANNA).says = tone;
        world.run(Duration::from_secs(2));
    }
    for (counter, expected) in [
        (Counter::PacketsLost, 0),
        (Counter::PacketsLate, 0),
        (Counter::PacketsOfComfortNoise, 80),
        (Counter::PayloadsEmpty, 80),
    ] {
        assert_eq!(world.count(counter), expected, "{}", counter.name());
    }
}

#[test]
fn a_change_of_codec_keeps_the_stream() {
    let mut world = World::conference(&[(ANNA, LOW), (BERT, HIGH)]);
    world.run(Duration::from_secs(1));
    let media = world::media(ANNA, Codec::G722);
    // What was lost just before is counted all the same.
    world.phone(ANNA).packet(8, &[0x55; 80]);
    world.run(Duration::from_millis(200));
    world.phone(ANNA).change_codec(Codec::G722);
    world.reinvite(ANNA, |old| *old = media);
    assert_eq!(world.count(Counter::PacketsLost), 1);
    settle(&mut world);
    assert!(world.phone(BERT).hears(LOW) > HEARD);
    assert!(world.phone(ANNA).hears(HIGH) > HEARD);
    assert_continuous(&world.phone(ANNA).packets);
}

#[test]
fn missed_ticks_are_made_up_and_a_long_stall_is_jumped_over() {
    let mut world = World::conference(&[(ANNA, LOW)]);
    world.run(Duration::from_secs(1));
    world.forget();
    world.stall(Duration::from_millis(80));
    world.run(Duration::from_millis(120));
    assert_eq!(world.phone(ANNA).packets.len(), 10);
    assert_continuous(&world.phone(ANNA).packets);
    assert_eq!(world.count(Counter::LateTicks), 3);
    assert_eq!(world.count(Counter::SkippedTicks), 0);
    assert_eq!(world.count(Counter::BaselineResets), 0);
    let last = *world.phone(ANNA).packets.last().unwrap();
    world.forget();
    world.stall(Duration::from_secs(1));
    world.run(Duration::from_millis(100));
    let packets = &world.phone(ANNA).packets;
    assert_eq!(packets.len(), 9);
    assert_continuous(packets);
    assert_eq!(packets[0].0, last.0.wrapping_add(1));
    assert_eq!(packets[0].1, last.1.wrapping_add(47 * 160));
    assert_eq!(world.count(Counter::SkippedTicks), 46);
    assert_eq!(world.count(Counter::BaselineResets), 1);
}

#[test]
fn reports_are_sent_about_every_five_seconds_and_at_the_end() {
    let mut world = World::conference(&[(ANNA, LOW)]);
    world.run(Duration::from_secs(60));
    let reports = world.phone(ANNA).reports;
    assert!((9..=16).contains(&reports), "{reports}");
    world.tell(Command::Close { leg: ANNA });
    assert_eq!(world.phone(ANNA).reports, reports + 1);
    assert_eq!(world.shards[0].poll_closed(), Some(ANNA));
    assert_eq!(world.shards[0].poll_timeout(), None);
    world.tell(Command::Close { leg: ANNA });
    assert_eq!(world.shards[0].poll_closed(), None);
}

#[test]
fn lost_events_are_counted_and_followed_by_a_resync() {
    let mut world = World::new();
    world.call(ANNA, Codec::Pcma);
    let other = ConferenceId::from_u64(7);
    for _ in 0..200 {
        let shard = &mut world.shards[0];
        shard.common.tell(Event::BusFailed { conference: other });
    }
    let mut events = Vec::new();
    while let Some(event) = world.shards[0].poll_event() {
        events.push(event);
    }
    let Some(Event::Resync { legs }) = events.pop() else {
        panic!("no resync");
    };
    assert_eq!(legs, [ANNA]);
    assert_eq!(world.count(Counter::EventsLost) + events.len() as u64, 200);
    assert!(!world.shards[0].has_event());
}

#[test]
fn commands_for_what_is_not_there_are_counted() {
    let mut world = World::new();
    world.join(ANNA, ROOM);
    world.seat(ROOM, &[]);
    world.tell(Command::End { conference: ROOM });
    world.tell(Command::Release { leg: ANNA });
    world.tell(Command::Inject(Fault::Leg(ANNA)));
    assert_eq!(world.count(Counter::CommandsUnmatched), 5);
    assert_eq!(world.shards[0].poll_timeout(), None);
}

/// Lets buffers fill, then listens for two seconds.
fn settle(world: &mut World) {
    world.run(Duration::from_secs(1));
    world.forget();
    world.run(Duration::from_secs(2));
}

fn trio() -> World {
    World::conference(&[(ANNA, LOW), (BERT, MIDDLE), (CARL, HIGH)])
}

fn gone(events: &[Event]) -> Vec<(LegId, Gone)> {
    let mut gone = Vec::new();
    for event in events {
        if let Event::Gone { leg, reason } = event {
            gone.push((*leg, *reason));
        }
    }
    gone
}

fn played(events: &[Event]) -> Vec<u64> {
    let mut played = Vec::new();
    for event in events {
        if let Event::Played { token, .. } = event {
            played.push(*token);
        }
    }
    played
}

fn assert_continuous(packets: &[(u16, u32, Instant)]) {
    for pair in packets.windows(2) {
        assert_eq!(pair[1].0, pair[0].0.wrapping_add(1));
        assert_eq!(pair[1].1, pair[0].1.wrapping_add(160));
    }
}
