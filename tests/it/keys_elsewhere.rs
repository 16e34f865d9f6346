//! Keys of telephones without telephone-events: signalled by INFO, or as tones in the sound; once each, heard by nobody.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::{rc::Rc, time::Duration};

use dsp::Codec;
use rundruf::conference::participant::Role;

use crate::sim::{
    browser::Browser,
    ear::{Voice, heard},
    now,
    party::{Listener, assert_hears, comes_in, listen, opens},
    phone::{Offer, Phone, State},
    sound::Saying,
    world::World,
};

const SECOND: Duration = Duration::from_secs(1);

/// How a telephone presses keys.
#[derive(Debug, Clone, Copy)]
enum Way {
    Tones,
    Info,
    /// INFO, and the tone in the sound as well; which comes first differs.
    Both {
        info_first: bool,
    },
}

#[tokio::test(start_paused = true)]
async fn keys_without_telephone_events_come_in_once_and_are_heard_by_nobody() {
    let ways = [
        Way::Tones,
        Way::Info,
        Way::Both { info_first: true },
        Way::Both { info_first: false },
    ];
    for (seed, way) in ways.into_iter().enumerate() {
        for codec in [Codec::Pcma, Codec::G722] {
            let mut world = World::new(seed as u64 + 20);
            let carol = opens(&mut world, "carol", Role::Moderator).await;
            let alice = enters(&mut world, codec, way).await;
            assert_eq!(
                carol.roster_line(),
                "Phone 1 · carol moderator",
                "{way:?} {codec:?}"
            );

            let from = now();
            presses(&mut world, &alice, way, "66").await;
            world.run_for(2 * SECOND).await;
            assert_eq!(
                carol.roster_line(),
                "Phone 1 mic · carol moderator",
                "{way:?} {codec:?}"
            );
            assert_hears_no_tone(&carol, from);
            alice.says(Voice(0));
            let since = listen(&mut world).await;
            assert_hears(&carol, since, &[Voice(0)]);
            alice.say(Saying::Silence);
            let from = listen(&mut world).await;
            presses(&mut world, &alice, way, "995").await;
            world.run_for(SECOND).await;
            assert_eq!(
                carol.roster_line(),
                "Phone 1 mic hand 1 · carol moderator",
                "{way:?} {codec:?}"
            );
            assert_hears_no_tone(&carol, from);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn where_telephone_events_are_agreed_neither_tones_nor_info_are_keys() {
    let mut world = World::new(31);
    let carol = opens(&mut world, "carol", Role::Moderator).await;
    let alice = comes_in(&mut world, "alice").await;
    for way in [Way::Tones, Way::Info] {
        presses(&mut world, &alice, way, "66").await;
        world.run_for(2 * SECOND).await;
        assert_eq!(carol.roster_line(), "Phone 1 · carol moderator", "{way:?}");
    }
    assert_eq!(alice.finals(), [200, 200, 200], "INFO does no harm");
}

/// Calls without telephone-events and enters the PIN.
async fn enters(world: &mut World, codec: Codec, way: Way) -> Phone {
    let phone = world.phone("alice");
    phone.offers(Offer::Eventless(codec));
    let room = world.room();
    phone.dials(&room.room.number);
    world.run_until(|_| phone.is_up()).await;
    assert!(!phone.answer().payload_types.contains(&101));
    world.run_for(SECOND).await;
    presses(world, &phone, way, &room.pin(Role::Guest)).await;
    world.run_for(6 * SECOND).await;
    assert_eq!(phone.state(), State::Up);
    phone
}

/// Presses keys, one every 200 ms.
async fn presses(world: &mut World, phone: &Phone, way: Way, keys: &str) {
    for key in keys.chars() {
        let (info, tone, wait) = match way {
            Way::Tones => (false, true, 0),
            Way::Info => (true, false, 0),
            Way::Both { info_first: true } => (true, true, 30),
            Way::Both { info_first: false } => (true, true, 0),
        };
        let late = matches!(way, Way::Both { info_first: false });
        if info && !late {
            phone.signals(key);
        }
        world.run_for(Duration::from_millis(wait)).await;
        if tone {
            phone.say(Saying::Samples(Rc::from(tone_of(key))));
        }
        world.run_for(Duration::from_millis(170 - wait)).await;
        if late {
            phone.signals(key);
        }
        world.run_for(Duration::from_millis(30)).await;
    }
}

/// 80 ms of a key's tones.
fn tone_of(key: char) -> Vec<i16> {
    let frames = dsp::tone::dtmf(key, -10.0, 4).unwrap();
    frames.iter().flat_map(|frame| frame.samples).collect()
}

/// What was heard since then holds nothing at the tones of keys.
fn assert_hears_no_tone(listener: &Browser, from: std::time::Instant) {
    let recording = listener.heard_since(from);
    let tones = [697.0, 770.0, 852.0, 941.0, 1_209.0, 1_336.0, 1_477.0];
    // Of a press of 40 ms, a window of 200 ms leaves 14 dB less.
    let window = (recording.rate / 5) as usize * 3;
    for part in recording.samples.chunks(window) {
        let level = heard(&tones, part, recording.rate).level_dbfs;
        assert!(
            level < -60.0,
            "{} hears a tone at {level} dBFS",
            listener.name()
        );
    }
}
