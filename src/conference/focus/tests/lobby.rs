//! The waiting room: who waits, who lets in, and what each sees of it.

use super::*;
use crate::{
    conference::{
        policy::{Lobby, Policy, Reason},
        roster::Audience,
    },
    pii::Ending,
};

/// A conference in which guests wait and a moderator, 1, is inside.
fn led() -> Room {
    let mut room = unled();
    room.join(1, Role::Moderator, Door::Browser);
    room.ladder.clear();
    room
}

fn unled() -> Room {
    let mut room = Room::new(10);
    let policy = Policy {
        lobby: Lobby::Guests,
        ..Policy::default()
    };
    room.handle("guests wait", Input::Policy(policy));
    room
}

fn status(room: &Room, number: u64) -> Status {
    room.entry(number).status
}

/// A moderator's PIN that may have been guessed lets nobody in to people whom no moderator looks after.
#[test]
fn a_doubtful_moderator_waits_where_somebody_is_inside() {
    let first = |inside: &[u64], trust| {
        let mut room = Room::new(10);
        for guest in inside {
            room.join(*guest, Role::Guest, Door::Phone);
        }
        let newcomer = newcomer(9, Role::Moderator, Door::Phone);
        room.handle("9 joins", Input::Join(Newcomer { trust, ..newcomer }));
        status(&room, 9)
    };
    assert_eq!(first(&[2], Trust::Doubtful), Status::Pending);
    assert_eq!(first(&[], Trust::Doubtful), Status::Connected);
    for trust in [Trust::Full, Trust::Shared] {
        assert_eq!(first(&[2], trust), Status::Connected);
    }
}

#[test]
fn a_guest_waits_without_a_seat_until_a_moderator_lets_them_in() {
    let mut room = led();
    room.join(2, Role::Guest, Door::Phone);
    room.act(2, Verb::ToggleMicrophone);
    room.act(1, Verb::HearWaiting);
    room.act(1, Verb::AdmitHeard);
    insta::assert_snapshot!(room.ladder, @r"
    2 joins
      publish v3: 2
      tell 2 waiting known Of
      tell 1 somebody-waits
    2 asks ToggleMicrophone
      refuse 2 Waiting
    1 asks HearWaiting
      tell 1 of Phone 1
    1 asks AdmitHeard
      publish v4: 2
      seats 1:-h 2:-h
      tell 2 let-in
      tell 1 done-let-in
    ");
}

#[test]
fn a_moderator_hears_a_name_that_was_said_as_long_as_its_person_waits() {
    let mut room = led();
    room.join(2, Role::Guest, Door::Phone);
    let leg = room.entry(2).leg;
    room.ladder.clear();
    room.act(1, Verb::HearName(id(2)));
    room.handle("2 says their name", Input::SaidName(leg, true));
    room.act(1, Verb::HearName(id(2)));
    room.act(2, Verb::HearName(id(2)));
    room.act(1, Verb::Admit(id(2)));
    room.act(1, Verb::HearName(id(2)));
    room.act(2, Verb::HearName(id(2)));
    insta::assert_snapshot!(room.ladder, @r"
    1 asks HearName(ParticipantId(0000000000000002))
      refuse 1 NotHere
    2 says their name
      publish v4: 2
    1 asks HearName(ParticipantId(0000000000000002))
      1 hears Phone 1
    2 asks HearName(ParticipantId(0000000000000002))
      refuse 2 Waiting
    1 asks Admit(ParticipantId(0000000000000002))
      publish v5: 2
      seats 1:-h 2:-h
      tell 2 let-in
      tell 1 done-let-in
    1 asks HearName(ParticipantId(0000000000000002))
      refuse 1 NotHere
    2 asks HearName(ParticipantId(0000000000000002))
      refuse 2 NotAllowed
    ");
}

#[test]
fn moderators_see_who_has_said_their_name_until_they_are_in() {
    let mut room = led();
    room.join(2, Role::Guest, Door::Phone);
    let leg = room.entry(2).leg;
    let mut shown = Vec::new();
    for kept in [true, false, true] {
        room.handle("2 says their name", Input::SaidName(leg, kept));
        shown.push(room.entry(2).said_name);
    }
    room.act(1, Verb::AdmitAll);
    shown.push(room.entry(2).said_name);
    // Who is inside is not listened to for that.
    let kept = true;
    room.handle("2 says their name", Input::SaidName(leg, kept));
    shown.push(room.entry(2).said_name);
    assert_eq!(shown, [true, false, true, false, false]);
}

#[test]
fn who_waits_is_told_whether_somebody_knows() {
    let mut room = unled();
    room.join(2, Role::Guest, Door::Phone);
    assert!(
        room.ladder.ends_with("tell 2 waiting known Nobodys\n"),
        "{}",
        room.ladder
    );
    // Who comes to lead is told that somebody waits, and is not kept waiting themself.
    room.join(1, Role::Moderator, Door::Phone);
    assert!(
        room.ladder
            .ends_with("tell 1 admitted 1\n  tell 1 somebody-waits\n"),
        "{}",
        room.ladder
    );
    assert_eq!(status(&room, 1), Status::Connected);
}

#[test]
fn a_moderator_hears_one_after_the_other_and_decides() {
    let mut room = led();
    for number in 2..=4 {
        room.join(number, Role::Guest, Door::Phone);
    }
    room.ladder.clear();
    room.act(1, Verb::HearWaiting);
    room.act(1, Verb::HearNextWaiting);
    room.act(1, Verb::HearWaiting);
    room.act(1, Verb::TurnAwayHeard(Reason::NoPlace));
    room.act(1, Verb::AdmitHeard);
    room.act(1, Verb::HearNextWaiting);
    room.act(1, Verb::HearNextWaiting);
    room.act(1, Verb::HearNextWaiting);
    room.leave(2);
    room.act(1, Verb::AdmitHeard);
    insta::assert_snapshot!(room.ladder, @r"
    1 asks HearWaiting
      tell 1 of Phone 1
    1 asks HearNextWaiting
      tell 1 of Phone 2
    1 asks HearWaiting
      tell 1 of Phone 2
    1 asks TurnAwayHeard(NoPlace)
      publish v6: gone 3
      tell 3 no-place
      dismiss 3 NoPlace
      tell 1 done-turned-away
      tell 1 somebody-waits
    1 asks AdmitHeard
      refuse 1 NobodyWaits
    1 asks HearNextWaiting
      tell 1 of Phone 1
    1 asks HearNextWaiting
      tell 1 of Phone 3
    1 asks HearNextWaiting
      tell 1 of Phone 1
    2 leaves
      publish v7: gone 2
    1 asks AdmitHeard
      refuse 1 NotHere
      tell 1 somebody-waits
    ");
}

/// Of those who come while somebody waits nobody is told; who has decided about one by keys is told that others wait.
#[test]
fn whoever_decides_by_keys_is_told_who_is_left() {
    let mut room = led();
    for number in 2..=4 {
        room.join(number, Role::Guest, Door::Phone);
    }
    room.ladder.clear();
    for verb in [
        Verb::AdmitHeard,
        Verb::TurnAwayHeard(Reason::NotExpected),
        Verb::AdmitHeard,
    ] {
        room.act(1, Verb::HearWaiting);
        room.act(1, verb);
    }
    let told = room.ladder.lines().filter(|line| line.contains("tell 1"));
    let told: Vec<&str> = told.map(str::trim).collect();
    assert_eq!(
        told,
        [
            "tell 1 of Phone 1",
            "tell 1 done-let-in",
            "tell 1 somebody-waits",
            "tell 1 of Phone 2",
            "tell 1 done-turned-away",
            "tell 1 somebody-waits",
            "tell 1 of Phone 3",
            "tell 1 done-let-in"
        ]
    );
}

#[test]
fn everybody_is_let_in_at_once() {
    let mut room = led();
    room.act(1, Verb::AdmitAll);
    assert!(
        room.ladder.ends_with("refuse 1 NobodyWaits\n"),
        "{}",
        room.ladder
    );
    for number in 2..=4 {
        room.join(number, Role::Guest, Door::Phone);
    }
    room.act(1, Verb::AdmitAll);
    assert_eq!(room.inside().len(), 4);
    assert_eq!(room.seats.len(), 4);
}

#[test]
fn moderators_wait_too_where_all_do_but_never_the_first() {
    let mut room = Room::new(10);
    room.join(1, Role::Moderator, Door::Phone);
    room.act(1, Verb::SetLobby(Lobby::All));
    room.join(2, Role::Moderator, Door::Phone);
    assert_eq!(status(&room, 2), Status::Pending);
    // In the waiting room their role counts for nothing.
    room.act(2, Verb::Admit(id(2)));
    assert_eq!(status(&room, 2), Status::Pending);
    room.leave(1);
    room.join(3, Role::Moderator, Door::Phone);
    assert_eq!(status(&room, 3), Status::Connected);
}

#[test]
fn who_waits_on_hold_comes_in_on_hold() {
    let mut room = led();
    room.join(2, Role::Guest, Door::Phone);
    let held = |held| Input::Hold { leg: leg(2), held };
    room.handle("hold", held(true));
    assert_eq!(status(&room, 2), Status::Pending);
    room.act(1, Verb::Admit(id(2)));
    assert_eq!(status(&room, 2), Status::OnHold);
    room.handle("back", held(false));
    assert_eq!(status(&room, 2), Status::Connected);
}

#[test]
fn who_waits_is_told_and_asked_nothing_of_the_talk() {
    let mut room = led();
    room.join(2, Role::Guest, Door::Phone);
    room.ladder.clear();
    room.act(1, Verb::SetAskToSpeak(true));
    room.act(1, Verb::MuteAll);
    for verb in [
        Verb::GiveFloor,
        Verb::Mute,
        Verb::AskToUnmute,
        Verb::LowerHand,
    ] {
        room.act(1, verb(id(2)));
        assert!(
            room.ladder.ends_with("refuse 1 NotHere\n"),
            "{}",
            room.ladder
        );
    }
    assert!(!room.ladder.contains("tell 2"), "{}", room.ladder);
    room.act(1, Verb::WhoIsHere);
    assert!(
        room.ladder.ends_with("tell 1 who-is-here\n"),
        "{}",
        room.ladder
    );
}

#[test]
fn nobody_waits_longer_than_an_hour() {
    let mut room = led();
    room.join(2, Role::Guest, Door::Phone);
    assert!(room.focus.poll_timeout().is_some());
    room.pass(Duration::from_secs(3_599));
    assert_eq!(status(&room, 2), Status::Pending);
    room.pass(Duration::from_secs(1));
    assert!(
        room.ladder.ends_with("dismiss 2 ComeLater\n"),
        "{}",
        room.ladder
    );
    assert_eq!(room.focus.poll_timeout(), None);
}

/// The waiting learn nothing, guests nothing of the waiting, moderators all.
#[test]
fn each_sees_what_is_for_their_eyes() {
    let mut room = led();
    room.join(2, Role::Guest, Door::Phone);
    room.join(3, Role::Guest, Door::Browser);
    room.act(1, Verb::Admit(id(3)));
    let seen = |number: u64| {
        let audience = room.focus.audience(id(number)).unwrap();
        let roster = room.focus.snapshot().seen_by(audience);
        let ids = roster.entries.iter().map(|entry| entry.id.as_u64());
        ids.collect::<Vec<_>>()
    };
    assert_eq!(seen(2), [2]);
    assert_eq!(seen(3), [1, 3]);
    assert_eq!(seen(1), [2, 1, 3]);
    assert_eq!(room.focus.audience(id(2)), Some(Audience::Waiting(id(2))));
    assert_eq!(room.focus.audience(id(9)), None);
}

#[test]
fn what_the_owner_changes_takes_the_place_of_what_moderators_did() {
    let mut room = led();
    let policy = |lobby| {
        Input::Policy(Policy {
            lobby,
            ..Policy::default()
        })
    };
    room.act(1, Verb::SetLobby(Lobby::Off));
    // The same again is no change of theirs.
    room.handle("again", policy(Lobby::Guests));
    room.join(2, Role::Guest, Door::Phone);
    assert_eq!(status(&room, 2), Status::Connected);
    room.handle("all", policy(Lobby::All));
    room.join(3, Role::Guest, Door::Phone);
    assert_eq!(status(&room, 3), Status::Pending);
    // What moderators did ends with the last who is inside, even if somebody waits.
    room.act(1, Verb::SetLock(true));
    room.leave(1);
    room.leave(2);
    let state = room.focus.snapshot().state;
    assert!(!state.locked);
    assert_eq!(state.lobby, Lobby::All);
}

#[test]
fn the_guest_who_came_last_is_removed_and_never_a_moderator() {
    let mut room = Room::new(10);
    room.join(1, Role::Moderator, Door::Phone);
    room.join(2, Role::Guest, Door::Phone);
    room.join(3, Role::Guest, Door::Phone);
    room.join(4, Role::Moderator, Door::Phone);
    room.ladder.clear();
    for _ in 0..3 {
        room.act(1, Verb::RemoveLast);
    }
    insta::assert_snapshot!(room.ladder, @r"
    1 asks RemoveLast
      publish v5: gone 3
      seats 1:-h 2:-h 4:-h
      tell 3 removed
      dismiss 3 Removed
      tell 1 of Phone 3
    1 asks RemoveLast
      publish v6: gone 2
      seats 1:-h 4:-h
      tell 2 removed
      dismiss 2 Removed
      tell 1 of Phone 2
    1 asks RemoveLast
      tell 1 nobody-to-remove
    ");
}

#[test]
fn a_telephone_gets_a_name_from_a_moderator_alone() {
    let mut room = Room::new(10);
    room.join(1, Role::Moderator, Door::Browser);
    room.join(2, Role::Guest, Door::Phone);
    assert_eq!(room.entry(2).name, None);
    room.act(1, Verb::Rename(id(2), clean_name("Berta")));
    assert_eq!(room.entry(2).name, clean_name("Berta"));
    room.act(2, Verb::Rename(id(2), clean_name("Clara")));
    assert_eq!(room.entry(2).name, clean_name("Berta"));
    room.act(1, Verb::Rename(id(2), None));
    assert_eq!(room.entry(2).name, None);
    assert!(!room.ladder.contains("Berta"), "{}", room.ladder);
}

/// What who waits is told of the moderators is so: one by telephone is told of the first who comes, one on the page sees all.
#[test]
fn who_waits_behind_others_is_told_whom_the_moderator_knows_of() {
    let told = |doors: &[Door]| -> Vec<String> {
        let mut room = unled();
        for (number, door) in (1..).zip(doors) {
            room.join(number, Role::Moderator, *door);
        }
        for number in [10, 11] {
            room.join(number, Role::Guest, Door::Phone);
        }
        let lines = room.ladder.lines().map(str::trim);
        let told = lines.filter(|line| line.contains("waiting known"));
        let known = told.filter_map(|line| line.rsplit(' ').next());
        known.map(str::to_owned).collect()
    };
    assert_eq!(told(&[]), ["Nobodys", "Nobodys"]);
    assert_eq!(told(&[Door::Phone]), ["Of", "OfOthers"]);
    assert_eq!(told(&[Door::Browser]), ["Of", "Of"]);
    assert_eq!(told(&[Door::Phone, Door::Browser]), ["Of", "Of"]);
}

#[test]
fn after_guessing_newcomers_with_a_shared_pin_wait_and_others_do_not() {
    let mut room = Room::new(10);
    room.join(1, Role::Moderator, Door::Phone);
    room.ladder.clear();
    let comes = |room: &mut Room, number, trust| {
        let newcomer = newcomer(number, Role::Guest, Door::Phone);
        room.handle(
            &format!("{number} joins"),
            Input::Join(Newcomer { trust, ..newcomer }),
        );
    };
    room.handle("guessed", Input::Guessed);
    room.handle("guessed", Input::Guessed);
    comes(&mut room, 2, Trust::Shared);
    comes(&mut room, 3, Trust::Full);
    room.act(1, Verb::LiftAlarm);
    comes(&mut room, 4, Trust::Shared);
    comes(&mut room, 5, Trust::Doubtful);
    room.act(3, Verb::LiftAlarm);
    insta::assert_snapshot!(room.ladder, @r"
    guessed
      publish v2:
      tell 1 alarm
    guessed
    2 joins
      publish v3: 2
      tell 2 waiting known Of
      tell 1 somebody-waits
    3 joins
      publish v4: 3
      seats 1:-h 3:-h
      tell 3 admitted 2
    1 asks LiftAlarm
      publish v5:
      alarm lifted
    4 joins
      publish v6: 4
      seats 1:-h 3:-h 4:-h
      tell 4 admitted 3
    5 joins
      publish v7: 5
      tell 1 alarm
      tell 5 waiting known OfOthers
    3 asks LiftAlarm
      refuse 3 NotAllowed
    ");
    // The alarm ends an hour after the last wrong PIN.
    assert!(room.focus.snapshot().state.alarm);
    room.pass(Duration::from_secs(3_600));
    assert!(!room.focus.snapshot().state.alarm);
}

/// Digits of a caller's number are for moderators, in rooms that show them, and gone when the room no more does.
#[test]
fn last_digits_are_shown_to_moderators_where_the_room_says_so() {
    let seen = |room: &Room, audience| -> Vec<Option<String>> {
        let entries = room.roster.seen_by(audience).entries.into_iter();
        let endings = entries.filter(|entry| entry.door == Door::Phone);
        endings
            .map(|entry| entry.ending.map(|ending| ending.expose().clone()))
            .collect()
    };
    let calls = |number: u64| {
        let ending = Some(Ending::new(String::from("456")));
        let newcomer = newcomer(number, Role::Guest, Door::Phone);
        Input::Join(Newcomer { ending, ..newcomer })
    };
    let mut room = Room::new(10);
    room.join(1, Role::Moderator, Door::Browser);
    room.handle("2 calls", calls(2));
    assert_eq!(seen(&room, Audience::Moderators), [None]);
    let shows_digits = Policy {
        shows_digits: true,
        ..Policy::default()
    };
    room.handle("digits are shown", Input::Policy(shows_digits));
    room.handle("3 calls", calls(3));
    let shown = Some(String::from("456"));
    assert_eq!(seen(&room, Audience::Moderators), [None, shown]);
    assert_eq!(seen(&room, Audience::Inside), [None, None]);
    let version = room.roster.version;
    room.handle("digits are not shown", Input::Policy(Policy::default()));
    assert!(room.roster.version > version);
    assert_eq!(seen(&room, Audience::Moderators), [None, None]);
}
