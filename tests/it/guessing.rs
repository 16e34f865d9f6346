//! Guessing (R2, C18): wrong PINs are counted over all calls; a room that is guessed at falls to its waiting room.

use std::time::Duration;

use rundruf::{
    conference::{event::Event, focus::Verb, participant::Role, policy::Lobby},
    limit::{WRONG_PIN_DELAY_MAX, WRONG_PINS_OF_ROOM_TRUSTED, WRONG_PINS_OF_TRUNK},
    pii::Secret,
    server::caller::Caller,
};

use crate::sim::{
    party::opens,
    phone::{Phone, State},
    world::World,
};

const SECOND: Duration = Duration::from_secs(1);

/// So many callers, each from a number of their own, try three wrong PINs of a room at the same time.
async fn guess(world: &mut World, callers: usize, number: &str) {
    let phones: Vec<Phone> = (0..callers)
        .map(|n| world.phone(&format!("thief{n}")))
        .collect();
    for phone in &phones {
        phone.dials(number);
    }
    for phone in &phones {
        world.run_until(|_| phone.is_up()).await;
    }
    world.run_for(SECOND / 10).await;
    for round in 0..3 {
        for (n, phone) in phones.iter().enumerate() {
            phone.types(&format!("{:08}", 10_000_000 * round + n));
        }
        world.run_for(6 * SECOND).await;
    }
    world.run_for(4 * SECOND).await;
    for phone in phones {
        assert!(matches!(phone.state(), State::Dismissed(_)));
    }
}

async fn calls(world: &mut World, phone: &Phone, number: &str, pin: &str) {
    phone.dials(number);
    world.run_until(|_| phone.is_up()).await;
    world.run_for(SECOND / 10).await;
    phone.types(pin);
    world.run_until(|_| phone.has_typed()).await;
    world.run_for(6 * SECOND).await;
}

fn last_said(world: &World, name: &str) -> String {
    let said = world.ladder.said_to(name);
    let words = said
        .iter()
        .rev()
        .find(|words| !["hush", "waiting-sound"].contains(&words.as_str()));
    words.cloned().unwrap_or_default()
}

const WELCOME: &str = "not-recorded not-heard-yet to-speak";

#[tokio::test(start_paused = true)]
async fn sixty_calls_with_three_wrong_pins_are_judged_ninety_times_and_harm_no_member() {
    let mut world = World::new(1);
    let carol = opens(&mut world, "carol", Role::Moderator).await;
    let (room, other) = (world.rooms[0].clone(), world.rooms[1].clone());
    let (number, guest) = (room.room.number.clone(), room.pin(Role::Guest));
    let member = world.phone("member");
    calls(&mut world, &member, &number, &guest).await;
    member.hangs_up();
    world.run_for(SECOND).await;
    // C18: twenty calls are enough for the waiting room, and moderators know.
    guess(&mut world, 20, &number).await;
    assert_eq!(world.server.census().wrong_codes(), 60);
    assert!(carol.told().contains(&Event::Alarm));
    let stranger = world.phone("stranger");
    calls(&mut world, &stranger, &number, &guest).await;
    let said = world.ladder.said_to("stranger");
    assert!(said.iter().any(|words| words == "waiting"), "{said:?}");
    stranger.hangs_up();
    // R2: sixty calls are judged ninety times, but for the one or two that are forgotten meanwhile.
    guess(&mut world, 40, &number).await;
    let (judged, unjudged) = (
        world.server.census().wrong_codes(),
        world.server.census().unjudged_codes(),
    );
    assert_eq!(judged + unjudged, 180);
    assert!((90..=93).contains(&judged), "{judged}");
    // The right PIN of a stranger is answered as a wrong one,
    let late = world.phone("late");
    calls(&mut world, &late, &number, &guest).await;
    assert_eq!(last_said(&world, "late"), "wrong-code ask-pin");
    late.hangs_up();
    // that of a moderator leads to the waiting room,
    let leader = world.phone("leader");
    calls(&mut world, &leader, &number, &room.pin(Role::Moderator)).await;
    assert_eq!(
        last_said(&world, "leader"),
        "say-name",
        "as who waits is asked"
    );
    leader.hangs_up();
    world.run_for(SECOND).await;
    // at every call of theirs,
    calls(&mut world, &leader, &number, &room.pin(Role::Moderator)).await;
    assert_eq!(
        last_said(&world, "leader"),
        "say-name",
        "as who waits is asked"
    );
    leader.hangs_up();
    // who was here before comes in, and who has a PIN of their own,
    calls(&mut world, &member, &number, &guest).await;
    assert!(last_said(&world, "member").ends_with(WELCOME));
    let frieda = world.phone("frieda");
    calls(&mut world, &frieda, &number, &room.persons_pin("Frieda")).await;
    assert!(last_said(&world, "frieda").ends_with(WELCOME));
    // and in another room nobody notices.
    let guest = other.pin(Role::Guest);
    let neighbour = world.phone("neighbour");
    calls(&mut world, &neighbour, &other.room.number, &guest).await;
    assert!(last_said(&world, "neighbour").ends_with(WELCOME));
    // A moderator who trusts newcomers again lets them in at once.
    carol.does(Verb::LiftAlarm).await;
    world.run_for(SECOND).await;
    let guest = world.room().pin(Role::Guest);
    let friend = world.phone("friend");
    calls(&mut world, &friend, &number, &guest).await;
    assert!(last_said(&world, "friend").ends_with(WELCOME));
}

/// R2: what guessing finds leads to the waiting room and no further, a person's own PIN, too.
#[tokio::test(start_paused = true)]
async fn a_pin_of_ones_own_that_may_have_been_guessed_leads_to_the_waiting_room() {
    let mut world = World::new(4);
    let carol = opens(&mut world, "carol", Role::Moderator).await;
    let room = world.rooms[0].clone();
    let number = room.room.number.clone();
    let (thief, dialled) = (Caller::default(), Secret::new(number.clone()));
    for n in 0..WRONG_PINS_OF_ROOM_TRUSTED {
        let pin = Secret::new(format!("{n:08}"));
        let judged = world.server.check_code(&dialled, &pin, &thief).await;
        assert!(judged.unwrap().admission.is_none());
    }
    let frieda = world.phone("frieda");
    calls(&mut world, &frieda, &number, &room.persons_pin("Frieda")).await;
    // The trunk is full of guessing, so the verdict takes its time.
    world.run_for(WRONG_PIN_DELAY_MAX).await;
    assert_eq!(last_said(&world, "frieda"), "waiting");
    carol.does(Verb::AdmitAll).await;
    world.run_for(6 * SECOND).await;
    assert!(last_said(&world, "frieda").ends_with(WELCOME));
    // Her number is known by now.
    frieda.hangs_up();
    world.run_for(SECOND).await;
    calls(&mut world, &frieda, &number, &room.persons_pin("Frieda")).await;
    world.run_for(WRONG_PIN_DELAY_MAX).await;
    assert!(last_said(&world, "frieda").ends_with(WELCOME));
}

/// What is tried at other rooms over the only trunk slows this room's guests down, and shuts nobody out.
#[tokio::test(start_paused = true)]
async fn guessing_at_other_rooms_keeps_nobody_waiting_in_this_one() {
    let mut world = World::new(5);
    let carol = opens(&mut world, "carol", Role::Moderator).await;
    let thief = Caller::default();
    for n in 0..2 * WRONG_PINS_OF_TRUNK {
        let elsewhere = Secret::new((1_000 + n % 3_000).to_string());
        let pin = Secret::new(format!("{n:08}"));
        let judged = world.server.check_code(&elsewhere, &pin, &thief).await;
        assert!(judged.unwrap().admission.is_none());
    }
    let room = world.rooms[0].clone();
    let guest = world.phone("guest");
    calls(
        &mut world,
        &guest,
        &room.room.number,
        &room.pin(Role::Guest),
    )
    .await;
    world.run_for(WRONG_PIN_DELAY_MAX).await;
    assert!(last_said(&world, "guest").ends_with(WELCOME));
    assert_eq!(carol.roster_line(), "Phone 1 · carol moderator");
}

/// Nothing tells a room that is guessed at from one that does not exist.
#[tokio::test(start_paused = true)]
async fn a_missing_room_is_guessed_at_like_any_other() {
    let mut ladders = Vec::new();
    for number in ["4711", "4999"] {
        let mut world = World::new(2);
        for n in 0..12 {
            let phone = world.phone(&format!("thief{n}"));
            phone.dials("bridge");
            world.run_until(|_| phone.is_up()).await;
            world.run_for(SECOND / 10).await;
            for wrong in 0..3 {
                phone.types(&format!("{number}0000000{wrong}"));
                world.run_for(5 * SECOND).await;
            }
            world.run_for(2 * SECOND).await;
        }
        assert_eq!(world.server.census().wrong_codes(), 36);
        ladders.push(world.ladder.timed());
    }
    assert_eq!(ladders[0], ladders[1]);
}

/// The waiting room that guessing causes is none of the owner's.
#[tokio::test(start_paused = true)]
async fn a_link_is_no_pin_and_does_not_wait() {
    let mut world = World::new(3);
    let carol = opens(&mut world, "carol", Role::Moderator).await;
    let number = world.room().room.number;
    guess(&mut world, 11, &number).await;
    let dave = opens(&mut world, "dave", Role::Guest).await;
    assert_eq!(dave.roster_line(), "carol moderator · dave");
    carol.does(Verb::SetLobby(Lobby::Off)).await;
}
