//! Who comes back: a dropped caller to their seat, muted (R34); whoever was sent away to the waiting room, or not at all.

use std::time::Duration;

use rundruf::conference::{focus::Verb, participant::Role};

use crate::sim::{
    browser::Browser,
    party::opens,
    phone::{Phone, State},
    world::World,
};

const SECOND: Duration = Duration::from_secs(1);

async fn calls(world: &mut World, phone: &Phone, pin: &str) {
    phone.dials(&world.room().room.number);
    world.run_until(|_| phone.is_up()).await;
    world.run_for(SECOND / 10).await;
    phone.types(pin);
    world.run_until(|_| phone.has_typed()).await;
    world.run_for(6 * SECOND).await;
}

fn telephone(led: &Browser) -> rundruf::id::ParticipantId {
    let roster = led.roster();
    let phone = roster
        .iter()
        .find(|entry| entry.door == rundruf::conference::participant::Door::Phone);
    phone.expect("a telephone").id
}

const ASSERTED: &str = "P-Asserted-Identity: <tel:+4930111222>\r\n";

#[tokio::test(start_paused = true)]
async fn a_dropped_caller_comes_back_to_number_and_hand_but_muted() {
    let mut world = World::new(1);
    let carol = opens(&mut world, "carol", Role::Moderator).await;
    let guest = world.room().pin(Role::Guest);
    let alice = world.phone("alice");
    alice.adds(ASSERTED);
    calls(&mut world, &alice, &guest).await;
    alice.types("6699");
    world.run_for(5 * SECOND).await;
    assert_eq!(carol.roster_line(), "Phone 1 mic hand 1 · carol moderator");
    alice.hangs_up();
    world.run_for(SECOND).await;
    calls(&mut world, &alice, &guest).await;
    assert_eq!(carol.roster_line(), "Phone 1 hand 1 · carol moderator");
    let back = "welcome-back present-2 not-recorded not-heard-yet to-speak".to_owned();
    assert!(world.ladder.said_to("alice").contains(&back));
    // From another telephone it takes the word of the trunk, and who hides is nobody.
    alice.hangs_up();
    world.run_for(SECOND).await;
    let berta = world.phone("berta");
    berta.adds(&format!("{ASSERTED}Privacy: id\r\n"));
    calls(&mut world, &berta, &guest).await;
    assert_eq!(carol.roster_line(), "Phone 2 · carol moderator");
    let clara = world.phone("clara");
    clara.adds(ASSERTED);
    calls(&mut world, &clara, &guest).await;
    let all = "Phone 1 hand 1 · Phone 2 · carol moderator";
    assert_eq!(carol.roster_line(), all);
}

#[tokio::test(start_paused = true)]
async fn who_has_a_pin_of_their_own_has_a_name_and_a_seat() {
    let mut world = World::new(2);
    let carol = opens(&mut world, "carol", Role::Moderator).await;
    let pin = world.room().persons_pin("Frieda");
    for name in ["home", "mobile"] {
        let phone = world.phone(name);
        calls(&mut world, &phone, &pin).await;
        assert_eq!(carol.roster_line(), "Frieda · carol moderator");
        assert_eq!(carol.roster()[0].ordinal, 1);
        phone.hangs_up();
        world.run_for(SECOND).await;
    }
    // A PIN whose time is over is a wrong one like any other.
    let late = world.phone("late");
    let pin = world.room().persons_pin("Gustav");
    calls(&mut world, &late, &pin).await;
    let said = world.ladder.said_to("late");
    assert_eq!(said.last().map(String::as_str), Some("wrong-code ask-pin"));
}

#[tokio::test(start_paused = true)]
async fn dialling_again_undoes_nothing_that_a_moderator_did() {
    let mut world = World::new(3);
    let carol = opens(&mut world, "carol", Role::Moderator).await;
    let guest = world.room().pin(Role::Guest);
    let alice = world.phone("alice");
    calls(&mut world, &alice, &guest).await;
    carol.does(Verb::Remove(telephone(&carol))).await;
    world.run_for(4 * SECOND).await;
    assert!(matches!(alice.state(), State::Dismissed(_)));
    calls(&mut world, &alice, &guest).await;
    assert_eq!(carol.roster_line(), "Phone 2 waits · carol moderator");
    carol.does(Verb::Ban(telephone(&carol))).await;
    world.run_for(4 * SECOND).await;
    calls(&mut world, &alice, &guest).await;
    world.run_for(4 * SECOND).await;
    assert!(matches!(alice.state(), State::Dismissed(_)));
    assert_eq!(carol.roster_line(), "carol moderator");
    let said = world.ladder.said_to("alice");
    assert_eq!(said.last().map(String::as_str), Some("removed"));
    // Nobody else is concerned.
    let berta = world.phone("berta");
    calls(&mut world, &berta, &guest).await;
    assert_eq!(carol.roster_line(), "Phone 3 · carol moderator");
}
