//! A telephone as the sound of a page: by its code, once, muted, with a guest's rights until the page says whose it is.

use std::time::Duration;

use rundruf::conference::{focus::Verb, participant::Role};

use crate::sim::{
    browser::Browser,
    ear::Voice,
    party::{assert_hears, assert_silent, comes_in, listen, opens},
    phone::{Phone, State},
    world::World,
};

const SECOND: Duration = Duration::from_secs(1);

/// Has a page show a code.
async fn code(world: &mut World, page: &Browser) -> String {
    page.does(Verb::AskPairingCode).await;
    world.run_for(SECOND / 10).await;
    page.pairing_code()
}

/// Calls a number and types.
async fn types(world: &mut World, name: &str, number: &str, keys: &str) -> Phone {
    let phone = world.phone(name);
    phone.dials(number);
    world.run_until(|_| phone.is_up()).await;
    world.run_for(SECOND / 10).await;
    phone.types(keys);
    world.run_until(|_| phone.has_typed()).await;
    world.run_for(6 * SECOND).await;
    phone
}

fn last_said(world: &World, name: &str) -> String {
    world
        .ladder
        .said_to(name)
        .last()
        .cloned()
        .unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn the_telephone_speaks_and_hears_in_place_of_the_page_until_it_hangs_up() {
    let mut world = World::new(1);
    let carol = opens(&mut world, "carol", Role::Moderator).await;
    let dave = opens(&mut world, "dave", Role::Guest).await;
    for (page, voice) in [(&carol, Voice(0)), (&dave, Voice(2))] {
        page.says(voice);
        page.does(Verb::SetMicrophone(true)).await;
    }
    let code = code(&mut world, &dave).await;
    let alice = types(&mut world, "alice", "bridge", &code).await;
    assert_eq!(
        last_said(&world, "alice"),
        "paired not-recorded not-heard-yet to-speak"
    );
    let both = "carol moderator mic · dave telephone?";
    assert_eq!(
        (carol.roster_line(), dave.roster_line()),
        (both.to_owned(), both.to_owned())
    );
    alice.says(Voice(1));
    let from = listen(&mut world).await;
    // Muted, and the page's own microphone, which still sends, is nobody's.
    assert_silent(&carol, from);
    assert_silent(&dave, from);
    assert_hears(&alice, from, &[Voice(0)]);
    dave.does(Verb::AnswerForTelephone(true)).await;
    alice.types("66");
    world.run_for(3 * SECOND).await;
    let from = listen(&mut world).await;
    assert_eq!(
        carol.roster_line(),
        "carol moderator mic · dave mic telephone"
    );
    assert_hears(&carol, from, &[Voice(1)]);
    assert_silent(&dave, from);
    alice.hangs_up();
    world.run_for(SECOND).await;
    let from = listen(&mut world).await;
    assert_eq!(carol.roster_line(), "carol moderator mic · dave");
    assert_silent(&carol, from);
    assert_hears(&dave, from, &[Voice(0)]);
    // Once: the code is spent.
    let late = types(&mut world, "late", "bridge", &code).await;
    assert_eq!(last_said(&world, "late"), "wrong-code ask-code");
    late.hangs_up();
}

#[tokio::test(start_paused = true)]
async fn a_telephone_that_the_page_does_not_know_is_put_out_with_a_sentence() {
    let mut world = World::new(2);
    let carol = opens(&mut world, "carol", Role::Moderator).await;
    let code = code(&mut world, &carol).await;
    let mallory = types(&mut world, "mallory", "bridge", &code).await;
    mallory.types("*82");
    world.run_for(3 * SECOND).await;
    assert!(last_said(&world, "mallory").starts_with("not-allowed"));
    carol.does(Verb::AnswerForTelephone(false)).await;
    world.run_for(10 * SECOND).await;
    assert!(
        world
            .ladder
            .said_to("mallory")
            .contains(&"not-confirmed".to_owned())
    );
    assert!(matches!(mallory.state(), State::Dismissed(_)));
    assert_eq!(carol.roster_line(), "carol moderator");
}

#[tokio::test(start_paused = true)]
async fn a_moderators_telephone_moderates_once_the_page_has_said_so() {
    let mut world = World::new(3);
    let carol = opens(&mut world, "carol", Role::Moderator).await;
    let code = code(&mut world, &carol).await;
    let alice = types(&mut world, "alice", "bridge", &code).await;
    carol.does(Verb::AnswerForTelephone(true)).await;
    world.run_for(6 * SECOND).await;
    assert!(last_said(&world, "alice").starts_with("made-moderator"));
    alice.types("*82");
    world.run_for(3 * SECOND).await;
    assert!(last_said(&world, "alice").starts_with("locked"));
}

#[tokio::test(start_paused = true)]
async fn in_the_room_a_code_is_typed_after_the_help_and_after_a_room_number_with_a_pound() {
    let mut world = World::new(4);
    let carol = opens(&mut world, "carol", Role::Guest).await;
    let alice = comes_in(&mut world, "alice").await;
    assert_eq!(carol.roster_line(), "Phone 1 · carol");
    let wrong = "950000";
    let code = code(&mut world, &carol).await;
    assert_ne!(code, wrong);
    alice.types(&format!("*0{wrong}"));
    world.run_for(9 * SECOND).await;
    assert_eq!(last_said(&world, "alice"), "pairing-failed");
    alice.types(&format!("*0{code}"));
    world.run_for(9 * SECOND).await;
    assert_eq!(
        last_said(&world, "alice"),
        "paired not-recorded not-heard-yet to-speak"
    );
    assert_eq!(carol.roster_line(), "carol telephone?");
    alice.hangs_up();
    world.run_for(SECOND).await;
    assert_eq!(carol.roster_line(), "carol");
    let number = world.room().room.number;
    let code = self::code(&mut world, &carol).await;
    let _berta = types(&mut world, "berta", &number, &format!("{code}#")).await;
    assert_eq!(carol.roster_line(), "carol telephone?");
}

#[tokio::test(start_paused = true)]
async fn who_leaves_at_the_page_ends_the_telephone_and_a_page_that_returns_finds_it() {
    let mut world = World::new(5);
    let carol = opens(&mut world, "carol", Role::Moderator).await;
    let dave = opens(&mut world, "dave", Role::Guest).await;
    let code = code(&mut world, &dave).await;
    let alice = types(&mut world, "alice", "bridge", &code).await;
    dave.does(Verb::AnswerForTelephone(true)).await;
    world.run_for(SECOND).await;
    dave.breaks_off(&world).await;
    world.run_for(30 * SECOND).await;
    assert_eq!(carol.roster_line(), "carol moderator · dave telephone");
    dave.returns(&mut world, Role::Guest).await;
    world.run_for(SECOND).await;
    assert_eq!(dave.roster_line(), "carol moderator · dave telephone");
    dave.leaves().await;
    world.run_for(10 * SECOND).await;
    assert_eq!(carol.roster_line(), "carol moderator");
    assert!(
        world
            .ladder
            .said_to("alice")
            .contains(&"left-at-page".to_owned())
    );
    assert!(matches!(alice.state(), State::Dismissed(_)));
}

#[tokio::test(start_paused = true)]
async fn a_new_code_voids_the_one_before_and_after_five_minutes_it_is_a_wrong_one() {
    let mut world = World::new(6);
    let carol = opens(&mut world, "carol", Role::Guest).await;
    let first = code(&mut world, &carol).await;
    let second = code(&mut world, &carol).await;
    assert_ne!(first, second);
    let alice = types(&mut world, "alice", "bridge", &first).await;
    assert_eq!(last_said(&world, "alice"), "wrong-code ask-code");
    alice.hangs_up();
    world.run_for(Duration::from_secs(5 * 60)).await;
    let berta = types(&mut world, "berta", "bridge", &second).await;
    assert_eq!(last_said(&world, "berta"), "wrong-code ask-code");
    berta.hangs_up();
    assert_eq!(carol.roster_line(), "carol");
}
