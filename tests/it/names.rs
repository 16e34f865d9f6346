//! Names as sound: said where somebody is named, in the language that is spoken, and never where the number must do.

use std::time::{Duration, Instant};

use dsp::{Codec, wav};
use rundruf::{
    conference::{
        event::Language,
        focus::Verb,
        keyplan::KeyPlan,
        participant::Role,
        policy::{Entrances, EntrySignal, Lobby, Policy},
    },
    id::ParticipantId,
    limit::{ROLL_NAMES_MAX, SPOKEN_NAME_KEPT},
    phone::{DoorConfig, Shown},
    pii::{Name, Pii},
    server::{
        Sound,
        prompts::Prompts,
        speech::{Given, Speech},
    },
};

use crate::{
    dial_out::{door, rules},
    sim::{
        browser::Browser,
        clip::clip,
        ear::{Voice, heard},
        now,
        party::{Listener, comes_in, comes_in_as, opens},
        phone::Phone,
        world::{World, door_config, everybody, open},
    },
};

const SECOND: Duration = Duration::from_secs(1);

/// The tone that stands for every name in a language; clips have another.
const GERMAN_HZ: f64 = 900.0;
const ENGLISH_HZ: f64 = 1_500.0;

/// What names are as sound: a second of a tone, at the rate of espeak-ng. Two names make trouble.
#[expect(clippy::cast_possible_truncation, reason = "the values are small")]
fn given(name: &str, language: Language) -> Given {
    let hertz = match language {
        Language::De => GERMAN_HZ,
        Language::En => ENGLISH_HZ,
    };
    let sample = |at: u32| {
        let angle = std::f64::consts::TAU * hertz * f64::from(at) / 22_050.0;
        (angle.sin() * 9_000.0) as i16
    };
    let samples: Vec<i16> = (0..22_050).map(sample).collect();
    Given {
        takes: if name == "Late" {
            2 * SECOND
        } else {
            SECOND / 20
        },
        wave: if name == "Broken" {
            Vec::new()
        } else {
            wav::write(22_050, &samples)
        },
    }
}

/// A world in which names are spoken where people come and go.
fn having(seed: u64, lobby: Lobby) -> World {
    let entrances = Entrances {
        signal: EntrySignal::Names,
        ..Entrances::USUAL
    };
    let policy = Policy {
        entrances,
        lobby,
        ..open()
    };
    let door = door_config(vec![everybody()]);
    behind(seed, door, policy)
}

/// A world in which names are spoken, behind this telephone door.
fn behind(seed: u64, door: DoorConfig, policy: Policy) -> World {
    let prompts = Prompts::alike(clip().into(), KeyPlan::default());
    let prompts = prompts.with_speech(Speech::given(given));
    World::speaking(seed, Sound::default(), door, policy, prompts)
}

fn announced(world: &World) -> Vec<String> {
    world.ladder.said_to("all")
}

fn last_said(world: &World, phone: &Phone) -> String {
    let said = world.ladder.said_to(&phone.name());
    said.last().cloned().expect("something was said")
}

/// How loud the tone of a name is in what somebody heard.
fn name(listener: &dyn Listener, hertz: f64, from: Instant) -> f64 {
    let recording = listener.heard_since(from);
    heard(&[hertz], &recording.samples, recording.rate).level_dbfs
}

fn participant(led: &Browser, named: &str) -> ParticipantId {
    let roster = led.roster();
    let mut entries = roster.iter();
    let found = entries.find(|entry| {
        let name = entry.name.as_ref();
        name.is_some_and(|name| name.expose() == named)
    });
    found.expect("somebody of that name").id
}

/// How many sounds were learned and forgotten.
fn kept(world: &World) -> (usize, usize) {
    let printed = world.printed.as_deref().unwrap_or_default();
    let count = |what| printed.matches(what).count();
    (count("Learn("), count("Forget {"))
}

#[tokio::test(start_paused = true)]
async fn who_comes_and_goes_is_called_by_name_and_forgotten_afterwards() {
    let mut world = having(1, Lobby::Off);
    world.printed = Some(String::new());
    let carol = opens(&mut world, "carol", Role::Moderator).await;
    let bob = comes_in(&mut world, "bob").await;
    assert_eq!(announced(&world), ["came label-phone-1"], "who has no name");
    let dave = opens(&mut world, "Zilpzalp", Role::Guest).await;
    let from = now();
    world.run_for(4 * SECOND).await;
    assert_eq!(announced(&world).last().unwrap(), "came name");
    let all: [&dyn Listener; 2] = [&carol, &bob];
    for who in all {
        let (german, english) = (name(who, GERMAN_HZ, from), name(who, ENGLISH_HZ, from));
        // Of four seconds the name is one: at −26 dBov it is 6 dB less over all.
        assert!((-35.0..-27.0).contains(&german), "{}: {german}", who.name());
        assert!(english < -60.0, "{}: {english}", who.name());
    }
    assert_eq!(kept(&world), (4, 0), "two names, each in two languages");
    world.run_for(2 * SECOND).await;
    let from = now();
    dave.leaves().await;
    world.run_for(4 * SECOND).await;
    assert_eq!(announced(&world).last().unwrap(), "went name");
    assert!(name(&carol, GERMAN_HZ, from) > -40.0);
    assert_eq!(kept(&world), (4, 0), "it was said that they have left");
    world.run_for(SPOKEN_NAME_KEPT).await;
    assert_eq!(kept(&world), (4, 2));
    assert_eq!(world.server.census().unspoken_names(), 0);
    let printed = world.printed.take().unwrap();
    assert!(!printed.contains("Zilpzalp"), "a command shows a name");
}

#[tokio::test(start_paused = true)]
async fn the_roll_call_says_who_speaks_in_the_callers_language() {
    let mut world = having(2, Lobby::Off);
    let carol = opens(&mut world, "carol", Role::Moderator).await;
    let bob = comes_in(&mut world, "bob").await;
    carol.says(Voice(1));
    carol.does(Verb::SetMicrophone(true)).await;
    world.run_for(3 * SECOND).await;
    bob.types("55");
    let from = now();
    world.run_for(4 * SECOND).await;
    assert_eq!(
        last_said(&world, &bob),
        "present-2 speaks-named name you-are label-phone-1 beside-you name"
    );
    assert!(name(&bob, GERMAN_HZ, from) > -40.0);
    assert!(name(&bob, ENGLISH_HZ, from) < -60.0);
    assert!(
        name(&carol, GERMAN_HZ, from) < -60.0,
        "it is said to bob alone"
    );
    bob.types("00");
    world.run_for(SECOND).await;
    // Past easy German.
    bob.types("1");
    world.run_for(2 * SECOND).await;
    bob.types("1");
    world.run_for(8 * SECOND).await;
    bob.types("55");
    let from = now();
    world.run_for(4 * SECOND).await;
    assert_eq!(
        last_said(&world, &bob),
        "present-2 speaks-named name you-are label-phone-1 beside-you name"
    );
    assert!(name(&bob, ENGLISH_HZ, from) > -40.0);
    assert!(name(&bob, GERMAN_HZ, from) < -60.0);
}

/// Who asks hears everybody's name that can be spoken, in the order of the list, the others counted, and which one they
/// themselves are; of a full room no more than a few names, and a key ends it.
#[tokio::test(start_paused = true)]
async fn the_roll_call_names_who_is_here_up_to_a_limit_and_ends_by_a_key() {
    let mut world = having(8, Lobby::Off);
    let carol = opens(&mut world, "carol", Role::Moderator).await;
    let bob = comes_in(&mut world, "bob").await;
    let _alice = comes_in(&mut world, "alice").await;
    let _broken = opens(&mut world, "Broken", Role::Guest).await;
    world.run_for(5 * SECOND).await;
    bob.types("55");
    let from = now();
    world.run_for(SECOND).await;
    assert_eq!(
        last_said(&world, &bob),
        "present-4 speaks-nobody you-are label-phone-1 beside-you name and-also rest-phone-1 rest-browser-1"
    );
    // A key that asks for something ends it, before the name is said.
    bob.types("99");
    world.run_for(8 * SECOND).await;
    assert_eq!(last_said(&world, &bob), "hand-up");
    assert!(name(&bob, GERMAN_HZ, from) < -60.0);
    let id = participant(&carol, "carol");
    let phone = carol.roster()[0].id;
    let named = Some(Name::new("Bob".to_owned()));
    carol.does(Verb::Rename(phone, named)).await;
    carol.does(Verb::Rename(id, None)).await;
    for number in 0..ROLL_NAMES_MAX + 2 {
        opens(&mut world, &format!("guest {number}"), Role::Guest).await;
    }
    world.run_for(20 * SECOND).await;
    bob.types("55");
    world.run_for(SECOND).await;
    let names = ["name"; ROLL_NAMES_MAX - 1].join(" ");
    assert_eq!(
        last_said(&world, &bob),
        format!(
            "present-14 speaks-nobody hands-1 you-are name beside-you {names} and-also rest-phone-1 rest-browser-5"
        ),
        "one of the names is no sound"
    );
}

#[tokio::test(start_paused = true)]
async fn a_moderator_hears_who_waits_and_whom_they_removed() {
    let mut world = having(3, Lobby::Guests);
    let bob = comes_in_as(&mut world, "bob", Codec::Pcma, Role::Moderator).await;
    let dave = opens(&mut world, "dave", Role::Guest).await;
    world.run_for(4 * SECOND).await;
    bob.types("*83");
    let from = now();
    world.run_for(4 * SECOND).await;
    assert_eq!(last_said(&world, &bob), "waits name decide");
    assert!(name(&bob, GERMAN_HZ, from) > -40.0);
    let heard = dave.heard_since(from);
    assert!(heard.samples.is_empty() || name(&dave, GERMAN_HZ, from) < -60.0);
    bob.types("1");
    world.run_for(8 * SECOND).await;
    bob.types("*84");
    world.run_for(4 * SECOND).await;
    assert_eq!(last_said(&world, &bob), "removed-last name");
    assert_eq!(world.server.census().unspoken_names(), 0);
}

/// Invited people and those whom a moderator has named have a name although they call.
#[tokio::test(start_paused = true)]
async fn callers_with_a_name_are_called_by_it() {
    let mut world = having(4, Lobby::Off);
    let carol = opens(&mut world, "carol", Role::Moderator).await;
    let frieda = world.phone("frieda");
    let room = world.room();
    frieda.dials(&room.room.number);
    world.run_until(|_| frieda.is_up()).await;
    world.run_for(SECOND / 10).await;
    frieda.types(&room.persons_pin("Frieda"));
    world.run_for(10 * SECOND).await;
    assert_eq!(announced(&world), ["came name"]);
    let id = participant(&carol, "Frieda");
    carol.does(Verb::Rename(id, None)).await;
    world.run_for(SECOND).await;
    let said = announced(&world).len();
    let bob = comes_in(&mut world, "bob").await;
    assert_eq!(announced(&world)[said..], ["came label-phone-2"]);
    carol
        .does(Verb::Rename(id, Some(Name::new("Fritz".to_owned()))))
        .await;
    world.run_for(2 * SECOND).await;
    frieda.hangs_up();
    world.run_for(6 * SECOND).await;
    assert_eq!(announced(&world).last().unwrap(), "went name");
    bob.hangs_up();
    world.run_for(6 * SECOND).await;
    assert_eq!(announced(&world).last().unwrap(), "went label-phone-2");
}

#[tokio::test(start_paused = true)]
async fn where_the_engine_is_late_or_fails_the_number_is_said_and_it_is_counted() {
    let mut world = having(5, Lobby::Off);
    let _carol = opens(&mut world, "carol", Role::Moderator).await;
    for (number, who) in [(2_u64, "Late"), (3, "Broken"), (4, "!?")] {
        let before = now();
        let guest = opens(&mut world, who, Role::Guest).await;
        world.run_for(5 * SECOND).await;
        let expected = format!("came label-guest-{number}");
        assert_eq!(announced(&world).last(), Some(&expected), "{who}");
        let waited = world.ladder.at(&expected).unwrap() - before;
        assert!(waited < 2 * SECOND, "{who}: {waited:?}");
        let counted = number - 1;
        assert_eq!(world.server.census().unspoken_names(), counted, "{who}");
        drop(guest);
    }
}

/// Who is called hears by name who invites, as that is at the moment at which they hear it, and nobody else does.
#[tokio::test(start_paused = true)]
async fn who_is_called_hears_the_name_of_who_invites() {
    let mut world = behind(7, door(rules(), Shown::Yes), open());
    let callee = world.phone("callee");
    let carol = opens(&mut world, "carol", Role::Moderator).await;
    world.run_for(SECOND).await;
    let number = Pii::new("+4930123456".to_owned());
    carol.does(Verb::Invite(number)).await;
    world.run_until(|_| callee.is_called()).await;
    callee.answers(now());
    let from = now();
    world.run_for(4 * SECOND).await;
    assert_eq!(last_said(&world, &callee), "invited name invited-keys");
    assert!(name(&callee, GERMAN_HZ, from) > -40.0);
    assert!(name(&carol, GERMAN_HZ, from) < -60.0);
    let id = participant(&carol, "carol");
    carol.does(Verb::Rename(id, None)).await;
    world.run_for(8 * SECOND).await;
    assert_eq!(
        last_said(&world, &callee),
        "invited label-guest-1 invited-keys"
    );
    assert_eq!(world.server.census().unspoken_names(), 0);
    callee.types("1");
    world.run_for(4 * SECOND).await;
    assert_eq!(
        carol.roster().iter().filter(|one| one.is_inside()).count(),
        2
    );
}

/// Without an engine it is as if nobody had a name.
#[tokio::test(start_paused = true)]
async fn without_an_engine_everybody_is_called_by_their_number() {
    let entrances = Entrances {
        signal: EntrySignal::Names,
        ..Entrances::USUAL
    };
    let policy = Policy {
        entrances,
        ..open()
    };
    let mut world = World::with_policy(6, policy);
    world.printed = Some(String::new());
    let _carol = opens(&mut world, "carol", Role::Moderator).await;
    let _dave = opens(&mut world, "dave", Role::Guest).await;
    world.run_for(4 * SECOND).await;
    assert_eq!(announced(&world), ["came label-guest-2"]);
    assert_eq!(kept(&world), (0, 0));
    assert_eq!(world.server.census().unspoken_names(), 0);
}
