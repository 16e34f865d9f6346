//! Who comes back, and who may not.

use super::{pages::restored, *};
use crate::{
    conference::{
        acts::Act,
        kept::{Identity, Kept},
        participant::Mark,
        policy::Lobby,
    },
    id::PersonId,
};

const VOUCHED: Known = Known {
    person: None,
    caller: Some(Mark(7)),
    vouched: true,
    seat: None,
};
const CLAIMED: Known = Known {
    vouched: false,
    ..VOUCHED
};
const PERSON: Known = Known {
    person: Some(PersonId::from_u64(3)),
    caller: None,
    vouched: false,
    seat: None,
};

/// A moderator, 1, and a guest, 2, who is known like that, has raised a hand, speaks and was given a name.
fn room(known: Known) -> Room {
    let mut room = Room::new(10);
    room.join(1, Role::Moderator, Door::Browser);
    comes(&mut room, 2, Role::Guest, known);
    room.act(2, Verb::SetMicrophone(true));
    room.act(2, Verb::SetHand(true));
    room.act(1, Verb::Rename(id(2), clean_name("Berta")));
    room.ladder.clear();
    room
}

fn comes(room: &mut Room, number: u64, role: Role, known: Known) {
    let newcomer = newcomer(number, role, Door::Phone);
    room.handle(
        &format!("{number} joins"),
        Input::Join(Newcomer { known, ..newcomer }),
    );
}

#[test]
fn a_dropped_caller_finds_their_seat_again_muted() {
    for known in [VOUCHED, PERSON] {
        let mut room = room(known);
        room.leave(2);
        room.pass(Duration::from_secs(599));
        comes(&mut room, 3, Role::Guest, known);
        let back = room.entry(3);
        assert_eq!(back.ordinal, 1);
        assert_eq!(back.name, clean_name("Berta"));
        assert_eq!(back.hand, Some(1));
        assert!(!back.microphone, "always muted");
        assert!(
            room.ladder.ends_with("tell 3 welcome-back\n"),
            "{}",
            room.ladder
        );
    }
}

#[test]
fn a_number_by_the_callers_own_word_is_not_enough_for_a_seat() {
    for (first, second, role, pause) in [
        (CLAIMED, CLAIMED, Role::Guest, 1),
        (VOUCHED, CLAIMED, Role::Guest, 1),
        // The role comes from the PIN entered now.
        (VOUCHED, VOUCHED, Role::Moderator, 1),
        (VOUCHED, VOUCHED, Role::Guest, 600),
        (Known::default(), Known::default(), Role::Guest, 1),
    ] {
        let mut room = room(first);
        room.leave(2);
        room.pass(Duration::from_secs(pause));
        comes(&mut room, 3, role, second);
        let new = room.entry(3);
        assert_eq!((new.ordinal, new.hand), (2, None), "{second:?} as {role:?}");
        assert_eq!(new.role, role);
    }
}

/// Nothing that a moderator did is undone by dialling again.
#[test]
fn who_was_sent_away_waits_and_who_was_banned_stays_out() {
    for known in [VOUCHED, CLAIMED, PERSON] {
        let mut room = room(known);
        room.act(1, Verb::Remove(id(2)));
        comes(&mut room, 3, Role::Guest, known);
        let back = room.entry(3);
        assert_eq!((back.status, back.hand), (Status::Pending, None));
        room.act(1, Verb::Ban(id(3)));
        for role in [Role::Guest, Role::Moderator] {
            comes(&mut room, 4, role, known);
            assert!(
                room.ladder.ends_with("refuse 4 Banned\n"),
                "{}",
                room.ladder
            );
        }
        // Whom nobody knows the ban does not concern.
        comes(&mut room, 5, Role::Guest, Known::default());
        assert_eq!(room.entry(5).status, Status::Connected);
    }
}

#[test]
fn a_ban_lasts_as_long_as_the_conference() {
    let mut room = room(CLAIMED);
    room.act(1, Verb::Ban(id(2)));
    room.leave(1);
    room.pass(Duration::from_secs(29));
    comes(&mut room, 3, Role::Guest, CLAIMED);
    assert!(
        room.ladder.ends_with("refuse 3 Banned\n"),
        "{}",
        room.ladder
    );
    room.pass(Duration::from_secs(1));
    assert!(room.ended());
}

#[test]
fn nobody_bans_themself_or_the_absent() {
    let mut room = room(VOUCHED);
    room.act(1, Verb::Ban(id(1)));
    assert!(room.ladder.ends_with("refuse 1 NotAllowed\n"));
    room.act(1, Verb::Ban(id(9)));
    assert!(room.ladder.ends_with("refuse 1 NotHere\n"));
}

#[test]
fn a_dropped_caller_passes_the_lock_and_the_waiting_room_they_were_let_through() {
    let mut room = room(VOUCHED);
    room.act(1, Verb::SetLock(true));
    room.act(1, Verb::SetLobby(Lobby::Guests));
    room.handle("lost", Input::LegGone { leg: leg(2) });
    comes(&mut room, 3, Role::Guest, VOUCHED);
    assert_eq!(room.entry(3).status, Status::Connected);
    // One call takes the seat; another by the same number is somebody else.
    comes(&mut room, 4, Role::Guest, VOUCHED);
    assert!(
        room.ladder.ends_with("refuse 4 Locked\n"),
        "{}",
        room.ladder
    );
    room.act(1, Verb::SetLock(false));
    comes(&mut room, 4, Role::Guest, VOUCHED);
    assert_eq!(room.entry(4).status, Status::Pending);
    // Who waits and drops out waits again, under the same number.
    let ordinal = room.entry(4).ordinal;
    room.leave(4);
    comes(&mut room, 5, Role::Guest, VOUCHED);
    let again = room.entry(5);
    assert_eq!((again.status, again.ordinal), (Status::Pending, ordinal));
}

#[test]
fn the_floor_is_given_back_unless_somebody_else_has_it() {
    for (taken, kept) in [(false, true), (true, false)] {
        let mut room = room(VOUCHED);
        room.act(1, Verb::SetAskToSpeak(true));
        room.act(1, Verb::GiveFloor(id(2)));
        room.leave(2);
        if taken {
            room.join(5, Role::Guest, Door::Browser);
            room.act(1, Verb::GiveFloor(id(5)));
        }
        comes(&mut room, 3, Role::Guest, VOUCHED);
        assert_eq!(room.entry(3).floor, kept);
        assert!(!room.entry(3).microphone);
    }
}

/// What is kept of a conference in which somebody who is known like that was removed or banned.
fn kept(known: Known, verb: Verb) -> Kept {
    let mut room = room(known);
    room.act(1, verb);
    room.focus.kept().expect("something has changed")
}

/// With the key beside it a mark would be as good as the number (issue 4, point 7).
#[test]
fn of_a_number_nothing_outlives_the_server() {
    let of = |number| Known {
        caller: Some(Mark(number)),
        ..CLAIMED
    };
    for verb in [Verb::Remove(id(2)), Verb::Ban(id(2))] {
        let one = kept(of(7), verb.clone());
        assert!(one.callers);
        assert_eq!((one.sent_away.len(), one.banned.len()), (0, 0));
        assert_eq!(one, kept(of(8), verb));
    }
    let somebody = kept(PERSON, Verb::Ban(id(2)));
    let frieda = Identity::Person(PersonId::from_u64(3));
    assert_eq!((somebody.banned, somebody.callers), (vec![frieda], false));
    assert!(!room(VOUCHED).focus.kept().unwrap().callers);
}

/// What was done.
fn acts(room: &Room) -> Vec<Act> {
    room.done.iter().map(|(done, _)| done.act).collect()
}

#[test]
fn where_the_server_cannot_tell_who_was_banned_callers_wait_and_moderators_see_why() {
    let known = Known {
        person: PERSON.person,
        ..VOUCHED
    };
    let mut room = restored(kept(known, Verb::Ban(id(2))));
    room.join(1, Role::Moderator, Door::Browser);
    assert_eq!(acts(&room), [Act::CallersWait]);
    assert!(room.focus.snapshot().state.callers_wait);
    let pages = room.focus.snapshot().seen_by(Audience::Inside);
    assert!(!pages.state.callers_wait, "moderators alone are told");
    // Who has a PIN of their own is known by it, for better or worse; and pages by their seats.
    comes(&mut room, 3, Role::Guest, PERSON);
    assert!(room.ladder.ends_with("refuse 3 Banned\n"));
    let other = Known {
        person: Some(PersonId::from_u64(4)),
        ..CLAIMED
    };
    comes(&mut room, 3, Role::Guest, other);
    room.join(4, Role::Guest, Door::Browser);
    comes(&mut room, 5, Role::Guest, VOUCHED);
    comes(&mut room, 6, Role::Moderator, Known::default());
    let status = [3, 4, 5, 6].map(|number| room.entry(number).status);
    let (inside, waits) = (Status::Connected, Status::Pending);
    assert_eq!(status, [inside, inside, waits, waits]);
    room.act(1, Verb::HearWaiting);
    let ends = "tell 1 waits of Phone 2, perhaps removed\n";
    assert!(room.ladder.ends_with(ends), "{}", room.ladder);
    // Another restart changes nothing.
    assert!(room.focus.kept().unwrap().callers);
}

#[test]
fn callers_are_trusted_again_when_a_moderator_says_so() {
    for verb in [Verb::LiftAlarm, Verb::SetLobby(Lobby::Off)] {
        let mut room = restored(kept(CLAIMED, Verb::Ban(id(2))));
        // Somebody must be there to open; and only they may.
        comes(&mut room, 1, Role::Moderator, Known::default());
        room.join(2, Role::Guest, Door::Browser);
        room.act(2, verb.clone());
        comes(&mut room, 3, Role::Guest, VOUCHED);
        assert_eq!(room.entry(3).status, Status::Pending, "{verb:?}");
        room.act(1, verb.clone());
        assert!(acts(&room).contains(&Act::CallersTrusted), "{verb:?}");
        comes(&mut room, 4, Role::Guest, CLAIMED);
        assert_eq!(room.entry(4).status, Status::Connected);
        assert!(!room.focus.kept().unwrap().callers);
        // From here on numbers are known again.
        room.act(1, Verb::Ban(id(4)));
        comes(&mut room, 5, Role::Guest, CLAIMED);
        assert!(room.ladder.ends_with("refuse 5 Banned\n"));
        assert!(room.focus.kept().unwrap().callers);
    }
}

#[test]
fn after_a_restart_callers_wait_only_where_one_was_sent_away() {
    let mut before = room(VOUCHED);
    let mut room = restored(before.focus.kept().unwrap());
    room.join(1, Role::Moderator, Door::Browser);
    comes(&mut room, 2, Role::Guest, VOUCHED);
    let new = room.entry(2);
    assert_eq!((new.status, new.hand), (Status::Connected, None));
    assert!(acts(&room).is_empty());
}

/// It waits for a moderator even where everybody has gone meanwhile, as bans do.
#[test]
fn callers_wait_until_the_conference_is_over() {
    let mut room = restored(kept(CLAIMED, Verb::Remove(id(2))));
    room.join(1, Role::Guest, Door::Browser);
    room.leave(1);
    comes(&mut room, 2, Role::Guest, VOUCHED);
    assert_eq!(room.entry(2).status, Status::Pending);
}
