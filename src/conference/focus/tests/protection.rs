//! What a room demands of the way to it, and who hears that theirs is open to listeners.

use super::*;
use crate::{
    conference::policy::{Level, Lobby},
    id::PersonId,
};

/// A telephone that comes in.
fn calls(number: u64, protection: Protection) -> Input {
    Input::Join(Newcomer {
        protection,
        ..newcomer(number, Role::Guest, Door::Phone)
    })
}

fn demands(room: &mut Room, protection: Protection) {
    let policy = Policy {
        protection,
        ..Policy::default()
    };
    room.handle(
        &format!("owner demands {protection:?}"),
        Input::Policy(policy),
    );
}

fn turns(room: &mut Room, number: u64, protection: Protection) {
    let leg = leg(number);
    let input = Input::Protection { leg, protection };
    room.handle(&format!("{number} has {protection:?}"), input);
}

#[test]
fn only_who_has_less_than_is_usual_is_told_and_all_see_it() {
    let mut room = Room::new(10);
    room.handle("1 calls", calls(1, Protection::ToDevice));
    room.handle("2 calls", calls(2, Protection::ToCarrier));
    room.handle("3 calls", calls(3, Protection::None));
    for (number, protection) in [
        (1, Protection::ToDevice),
        (2, Protection::ToCarrier),
        (3, Protection::None),
    ] {
        assert_eq!(room.entry(number).protection, protection);
    }
    room.ladder.clear();
    turns(&mut room, 1, Protection::ToCarrier);
    turns(&mut room, 1, Protection::ToCarrier);
    turns(&mut room, 1, Protection::None);
    turns(&mut room, 3, Protection::ToCarrier);
    turns(&mut room, 9, Protection::None);
    insta::assert_snapshot!(room.ladder, @r"
    1 has ToCarrier
      publish v4: 1
    1 has ToCarrier
    1 has None
      publish v5: 1
      tell 1 line-not-encrypted
    3 has ToCarrier
      publish v6: 3
    9 has None
    ");
}

/// What is spoken of is what differs from the room's norm.
#[test]
fn in_an_open_room_nobody_is_told_that_their_line_is_not_encrypted() {
    let mut room = Room::new(10);
    let open = Policy {
        level: Level::Open,
        ..Policy::default()
    };
    room.handle("the room is open", Input::Policy(open));
    room.handle("1 calls", calls(1, Protection::ToCarrier));
    turns(&mut room, 1, Protection::None);
    room.handle("2 calls", calls(2, Protection::None));
    assert!(
        !room.ladder.contains("line-not-encrypted"),
        "{}",
        room.ladder
    );
    room.handle("it is as usual", Input::Policy(Policy::default()));
    room.handle("3 calls", calls(3, Protection::None));
    assert!(room.ladder.contains("tell 3 line-not-encrypted"));
}

fn level(room: &mut Room, level: Level, protection: Protection) {
    let policy = Policy {
        level,
        protection,
        ..Policy::default()
    };
    room.handle(&format!("the room is {level:?}"), Input::Policy(policy));
}

/// In a confidential room that its owner has opened to calls protected to the carrier these are less than its people may
/// expect.
#[test]
fn in_a_confidential_room_who_is_protected_to_the_carrier_alone_is_told() {
    let mut room = Room::new(10);
    level(&mut room, Level::Confidential, Protection::ToCarrier);
    room.handle("1 calls", calls(1, Protection::ToCarrier));
    room.handle("2 calls", calls(2, Protection::ToDevice));
    insta::assert_snapshot!(room.ladder, @r"
    the room is Confidential
    1 calls
      publish v1: 1
      seats 1:-h
      tell 1 admitted 1
      tell 1 line-to-carrier
    2 calls
      publish v2: 2
      seats 1:-h 2:-h
      tell 2 admitted 2
    ");
}

/// Who was told, or need not be told still, is not when the room becomes another.
#[test]
fn a_room_that_becomes_more_confidential_tells_whose_lines_are_now_less_than_its_norm() {
    let mut room = Room::new(10);
    level(&mut room, Level::Open, Protection::None);
    room.handle("1 calls", calls(1, Protection::None));
    room.handle("2 calls", calls(2, Protection::ToCarrier));
    room.handle("3 calls", calls(3, Protection::ToDevice));
    room.ladder.clear();
    level(&mut room, Level::Normal, Protection::None);
    level(&mut room, Level::Normal, Protection::None);
    level(&mut room, Level::Confidential, Protection::ToCarrier);
    level(&mut room, Level::Open, Protection::None);
    insta::assert_snapshot!(room.ladder, @r"
    the room is Normal
      tell 1 line-not-encrypted
    the room is Normal
    the room is Confidential
      publish v4: gone 1
      seats 2:-h 3:-h
      tell 1 unprotected
      dismiss 1 Unprotected
      tell 2 line-to-carrier
    the room is Open
    ");
}

#[test]
fn who_waits_is_told_once_they_are_in() {
    let mut room = Room::new(10);
    let policy = Policy {
        lobby: Lobby::Guests,
        ..Policy::default()
    };
    room.handle("guests wait", Input::Policy(policy));
    room.join(1, Role::Moderator, Door::Browser);
    room.ladder.clear();
    room.handle("2 calls", calls(2, Protection::ToCarrier));
    turns(&mut room, 2, Protection::None);
    room.act(1, Verb::Admit(id(2)));
    insta::assert_snapshot!(room.ladder, @r"
    2 calls
      publish v3: 2
      tell 2 waiting known Of
      tell 1 somebody-waits
    2 has None
      publish v4: 2
    1 asks Admit(ParticipantId(0000000000000002))
      publish v5: 2
      seats 1:-h 2:-h
      tell 2 let-in
      tell 2 line-not-encrypted
      tell 1 done-let-in
    ");
}

#[test]
fn a_room_takes_and_keeps_only_who_has_what_it_demands() {
    let mut room = Room::new(10);
    demands(&mut room, Protection::ToCarrier);
    room.handle("1 calls", calls(1, Protection::None));
    room.handle("2 calls", calls(2, Protection::ToCarrier));
    room.handle("3 calls", calls(3, Protection::ToCarrier));
    room.handle("4 calls", calls(4, Protection::ToDevice));
    room.join(5, Role::Guest, Door::Browser);
    turns(&mut room, 2, Protection::None);
    demands(&mut room, Protection::ToDevice);
    insta::assert_snapshot!(room.ladder, @r"
    owner demands ToCarrier
    1 calls
      refuse 1 Unprotected
    2 calls
      publish v1: 2
      seats 2:-h
      tell 2 admitted 1
    3 calls
      publish v2: 3
      seats 2:-h 3:-h
      tell 3 admitted 2
    4 calls
      publish v3: 4
      seats 2:-h 3:-h 4:-h
      tell 4 admitted 3
    5 joins
      publish v4: 5
      seats 2:-h 3:-h 4:-h 5:-h
      tell 5 admitted 4
    2 has None
      publish v5: gone 2
      seats 3:-h 4:-h 5:-h
      tell 2 unprotected
      dismiss 2 Unprotected
    owner demands ToDevice
      publish v6: gone 3
      seats 4:-h 5:-h
      tell 3 unprotected
      dismiss 3 Unprotected
    ");
}

#[test]
fn who_had_too_little_finds_their_seat_again_by_a_better_line() {
    let mut room = Room::new(10);
    let person = |protection| {
        let Input::Join(newcomer) = calls(1, protection) else {
            unreachable!("a call joins")
        };
        let known = Known {
            person: Some(PersonId::from_u64(1)),
            ..Known::default()
        };
        Input::Join(Newcomer { known, ..newcomer })
    };
    room.handle("1 calls", person(Protection::None));
    demands(&mut room, Protection::ToCarrier);
    room.ladder.clear();
    room.handle("1 calls again", person(Protection::ToCarrier));
    insta::assert_snapshot!(room.ladder, @r"
    1 calls again
      publish v3: 1
      seats 1:-h
      tell 1 welcome-back
    ");
}
