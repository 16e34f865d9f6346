//! A telephone as the sound of a page: one person, whoever acts; nobody a moderator by a code; never louder than before.

use super::*;
use crate::{
    conference::{participant::Mark, policy::Lobby},
    id::SeatId,
    limit::AWAY_MAX,
};

const SECOND: Duration = Duration::from_secs(1);
const CALLER: Known = Known {
    person: None,
    caller: Some(Mark(7)),
    vouched: true,
    seat: None,
};

/// A moderator, 1, and somebody of this role, 2, both by pages; 2 speaks and has raised a hand.
fn room(role: Role) -> Room {
    let mut room = Room::new(10);
    page(&mut room, 1, Role::Moderator);
    page(&mut room, 2, role);
    room.act(2, Verb::SetMicrophone(true));
    room.act(2, Verb::SetHand(true));
    room.ladder.clear();
    room
}

/// The same, where telephone 5 is the sound of 2.
fn paired(role: Role) -> Room {
    let mut room = room(role);
    dials(&mut room, 5, 2);
    room.ladder.clear();
    room
}

fn confirmed(role: Role) -> Room {
    let mut room = paired(role);
    room.act(2, Verb::AnswerForTelephone(true));
    room.ladder.clear();
    room
}

/// Somebody comes by a page, to the own seat.
fn page(room: &mut Room, number: u64, role: Role) {
    returns(room, number, number, role);
}

/// A page with this leg comes to this seat.
fn returns(room: &mut Room, number: u64, seat: u64, role: Role) {
    let known = Known {
        seat: Some(SeatId::from_u64(seat)),
        ..Known::default()
    };
    let newcomer = newcomer(number, role, Door::Browser);
    let line = format!("{number} comes to {seat}");
    room.handle(&line, Input::Join(Newcomer { known, ..newcomer }));
}

/// A telephone comes with the code of somebody's page.
fn dials(room: &mut Room, number: u64, person: u64) {
    let newcomer = Newcomer {
        known: CALLER,
        pairs_with: Some(id(person)),
        ..newcomer(number, Role::Guest, Door::Phone)
    };
    let line = format!("{number} dials in for {person}");
    room.handle(&line, Input::Join(newcomer));
}

fn breaks_off(room: &mut Room, number: u64) {
    let participant = id(number);
    room.handle(&format!("{number} breaks off"), Input::Lose { participant });
}

#[test]
fn a_telephone_becomes_the_sound_of_a_page_muted_and_one_person_stays_one() {
    let mut room = room(Role::Guest);
    room.act(2, Verb::AskPairingCode);
    dials(&mut room, 5, 2);
    room.act(5, Verb::ToggleMicrophone);
    room.act(5, Verb::ToggleHand);
    room.leave(5);
    insta::assert_snapshot!(room.ladder, @r"
    2 asks AskPairingCode
      pairing code for 2
    5 dials in for 2
      publish v5: 2
      seats 1:-h 5:-h
      tell 5 paired
    5 asks ToggleMicrophone
      publish v6: 2
      seats 1:-h 5:sh
      tell 5 microphone-on
    5 asks ToggleHand
      publish v7: 2
      tell 5 hand-down
    5 leaves
      publish v8: 2
      seats 1:-h 2:-h
    ");
    let entry = room.entry(2);
    assert_eq!((entry.leg, entry.telephone), (leg(2), None));
    assert_eq!(entry.protection, Protection::ToDevice);
}

#[test]
fn everybody_sees_the_telephone_of_a_person_and_how_far_it_is_protected() {
    let room = paired(Role::Guest);
    assert_eq!(room.roster.entries.len(), 2, "counted once");
    let entry = room.entry(2);
    assert_eq!(entry.telephone, Some(Telephone::Unconfirmed));
    assert_eq!(entry.protection, Protection::ToCarrier);
    assert_eq!((entry.leg, entry.door), (leg(5), Door::Browser));
    assert!(!entry.microphone && entry.hand.is_some());
    assert_eq!(room.focus.audience(id(5)), Some(Audience::Inside));
    assert_eq!(room.focus.leg_of(id(2)), Some(leg(2)), "the page's own");
    assert_eq!(room.focus.leg_of(id(5)), Some(leg(5)));
}

#[test]
fn a_code_makes_nobody_a_moderator_until_the_page_says_yes() {
    let mut room = paired(Role::Moderator);
    room.act(5, Verb::ToggleLock);
    room.act(5, Verb::End);
    room.act(5, Verb::AnswerForTelephone(true));
    assert!(!room.roster.state.locked && room.entry(2).telephone == Some(Telephone::Unconfirmed));
    // A guest's right to speak is all it has, though the person moderates.
    room.act(1, Verb::SetAskToSpeak(true));
    room.act(5, Verb::SetMicrophone(true));
    assert!(!room.entry(2).microphone);
    room.ladder.clear();
    room.act(2, Verb::AnswerForTelephone(true));
    room.act(5, Verb::SetMicrophone(true));
    room.act(5, Verb::ToggleLock);
    assert!(room.roster.state.locked && room.entry(2).microphone);
    insta::assert_snapshot!(room.ladder, @r"
    2 asks AnswerForTelephone(true)
      publish v7: 2
      tell 5 made-moderator
    5 asks SetMicrophone(true)
      publish v8: 2
      seats 1:-h 5:sh
      tell 5 microphone-on
    5 asks ToggleLock
      publish v9:
      tell 5 locked
    ");
}

#[test]
fn a_guests_telephone_is_a_guests_when_it_is_confirmed() {
    let mut room = confirmed(Role::Guest);
    room.act(5, Verb::ToggleLock);
    assert!(
        room.ladder.ends_with("refuse 5 NotAllowed\n"),
        "{}",
        room.ladder
    );
    room.act(1, Verb::MakeModerator(id(2)));
    assert!(
        room.ladder.contains("tell 5 made-moderator"),
        "{}",
        room.ladder
    );
    room.act(5, Verb::ToggleLock);
    assert!(room.roster.state.locked);
}

#[test]
fn a_page_that_says_no_puts_the_telephone_out_and_has_its_sound_again_muted() {
    let mut room = paired(Role::Guest);
    room.act(5, Verb::SetMicrophone(true));
    room.ladder.clear();
    room.act(2, Verb::AnswerForTelephone(false));
    insta::assert_snapshot!(room.ladder, @r"
    2 asks AnswerForTelephone(false)
      publish v7: 2
      seats 1:-h 2:-h
      tell 5 not-confirmed
      dismiss 5 NotConfirmed
    ");
    let entry = room.entry(2);
    assert!(!entry.microphone && entry.telephone.is_none());
    assert_eq!(room.focus.leg_of(id(5)), None);
    assert_eq!(room.focus.audience(id(5)), None);
}

#[test]
fn what_concerns_the_sound_is_said_on_the_telephone_and_what_is_for_moderators_is_not() {
    let mut room = paired(Role::Moderator);
    room.act(2, Verb::SetMicrophone(true));
    assert!(
        room.ladder
            .contains("tell 2 microphone-on\n  tell 5 microphone-on"),
        "{}",
        room.ladder
    );
    room.act(1, Verb::Mute(id(2)));
    assert!(room.ladder.contains("tell 5 microphone-off-by-moderator"));
    room.act(1, Verb::SetLobby(Lobby::All));
    room.join(3, Role::Guest, Door::Phone);
    assert!(
        room.ladder.contains("tell 2 somebody-waits"),
        "{}",
        room.ladder
    );
    assert!(!room.ladder.contains("tell 5 somebody-waits"));
}

#[test]
fn who_removes_or_bans_the_person_removes_both_and_bans_both() {
    for ban in [false, true] {
        let mut room = confirmed(Role::Guest);
        room.act(
            1,
            if ban {
                Verb::Ban(id(2))
            } else {
                Verb::Remove(id(2))
            },
        );
        for gone in ["dismiss 2 Removed", "tell 5 removed", "dismiss 5 Removed"] {
            assert!(room.ladder.contains(gone), "{gone}: {}", room.ladder);
        }
        assert_eq!(room.seats.len(), 1);
        let again = newcomer(6, Role::Guest, Door::Phone);
        let again = Input::Join(Newcomer {
            known: CALLER,
            ..again
        });
        room.handle("the caller again", again);
        if ban {
            assert!(
                room.ladder.ends_with("refuse 6 Banned\n"),
                "{}",
                room.ladder
            );
        } else {
            assert_eq!(room.entry(6).status, Status::Pending);
        }
    }
}

#[test]
fn a_code_is_no_way_past_a_removal_a_ban_or_the_protection_that_a_room_demands() {
    for verb in [Verb::Ban(id(3)), Verb::Remove(id(3))] {
        let mut room = room(Role::Guest);
        let caller = newcomer(3, Role::Guest, Door::Phone);
        let caller = Newcomer {
            known: CALLER,
            ..caller
        };
        room.handle("3 joins", Input::Join(caller));
        room.act(1, verb);
        dials(&mut room, 5, 2);
        assert!(
            room.ladder.ends_with("refuse 5 Banned\n"),
            "{}",
            room.ladder
        );
        assert_eq!(room.entry(2).telephone, None);
    }
    let mut room = room(Role::Guest);
    let policy = Policy {
        protection: Protection::ToDevice,
        ..Policy::default()
    };
    room.handle("policy", Input::Policy(policy));
    dials(&mut room, 5, 2);
    assert!(
        room.ladder.ends_with("refuse 5 Unprotected\n"),
        "{}",
        room.ladder
    );
}

#[test]
fn a_telephone_that_is_no_longer_protected_enough_goes_and_the_person_stays() {
    let demand = Policy {
        protection: Protection::ToCarrier,
        ..Policy::default()
    };
    let mut room = confirmed(Role::Guest);
    room.handle("policy", Input::Policy(demand));
    let (leg, protection) = (leg(5), Protection::None);
    room.handle("plain", Input::Protection { leg, protection });
    assert!(
        room.ladder.contains("dismiss 5 Unprotected"),
        "{}",
        room.ladder
    );
    assert_eq!(room.entry(2).protection, Protection::ToDevice);
}

#[test]
fn who_is_inside_brings_a_telephone_into_a_locked_and_full_room_and_past_the_lobby() {
    let mut room = Room::new(2);
    page(&mut room, 1, Role::Moderator);
    page(&mut room, 2, Role::Guest);
    room.act(1, Verb::SetLobby(Lobby::All));
    room.act(1, Verb::SetLock(true));
    dials(&mut room, 5, 2);
    assert_eq!(room.entry(2).telephone, Some(Telephone::Unconfirmed));
}

#[test]
fn a_code_is_for_those_inside_who_have_a_page_and_no_telephone() {
    let mut room = paired(Role::Guest);
    room.join(3, Role::Guest, Door::Phone);
    room.act(1, Verb::SetLobby(Lobby::Guests));
    page(&mut room, 4, Role::Guest);
    room.ladder.clear();
    for number in [1, 2, 3, 4, 5] {
        room.act(number, Verb::AskPairingCode);
    }
    for person in [2, 3, 4, 9] {
        dials(&mut room, 6, person);
    }
    insta::assert_snapshot!(room.ladder, @r"
    1 asks AskPairingCode
      pairing code for 1
    2 asks AskPairingCode
      refuse 2 AlreadyHere
    3 asks AskPairingCode
      refuse 3 NotAllowed
    4 asks AskPairingCode
      refuse 4 Waiting
    5 asks AskPairingCode
      refuse 5 AlreadyHere
    6 dials in for 2
      refuse 6 NotHere
    6 dials in for 3
      refuse 6 NotHere
    6 dials in for 4
      refuse 6 NotHere
    6 dials in for 9
      refuse 6 NotHere
    ");
}

#[test]
fn a_telephone_that_is_in_the_room_as_a_guest_folds_into_the_person_and_nobody_goes() {
    let mut room = room(Role::Guest);
    let caller = newcomer(5, Role::Guest, Door::Phone);
    room.handle(
        "5 joins",
        Input::Join(Newcomer {
            known: CALLER,
            ..caller
        }),
    );
    room.act(5, Verb::SetMicrophone(true));
    room.join(6, Role::Moderator, Door::Phone);
    room.ladder.clear();
    let (telephone, person) = (id(5), id(2));
    room.handle("pair", Input::Pair { telephone, person });
    let (telephone, person) = (id(6), id(1));
    room.handle("pair", Input::Pair { telephone, person });
    insta::assert_snapshot!(room.ladder, @r"
    pair
      publish v8: 2 gone 5
      seats 1:-h 5:-h 6:-h
      tell 5 paired
    pair
      refuse 6 LeadsItself
    ");
    let entry = room.entry(2);
    assert_eq!((entry.leg, entry.microphone), (leg(5), false));
    // The telephone is no guest of its own that could be the last one.
    room.act(1, Verb::RemoveLast);
    assert!(
        room.ladder.contains("dismiss 2 Removed\n"),
        "{}",
        room.ladder
    );
}

#[test]
fn a_page_that_reloads_finds_itself_with_its_telephone_which_speaks_on() {
    let mut room = confirmed(Role::Guest);
    room.act(5, Verb::SetMicrophone(true));
    breaks_off(&mut room, 2);
    let entry = room.entry(2);
    assert!(!entry.away && entry.microphone && !entry.text);
    assert_eq!(room.focus.away_from(SeatId::from_u64(2)), Some(id(2)));
    assert_eq!(room.focus.leg_of(id(2)), None);
    returns(&mut room, 7, 2, Role::Guest);
    let entry = room.entry(2);
    assert!(entry.microphone && entry.text);
    assert_eq!(entry.telephone, Some(Telephone::Confirmed));
    assert_eq!(room.focus.leg_of(id(2)), Some(leg(7)));
    room.leave(5);
    assert_eq!(room.entry(2).leg, leg(7), "the page's new leg");
}

#[test]
fn a_telephone_goes_on_alone_muted_where_the_page_had_confirmed_it() {
    let mut room = confirmed(Role::Moderator);
    room.act(5, Verb::SetMicrophone(true));
    breaks_off(&mut room, 2);
    assert_eq!(room.focus.poll_timeout(), Some(room.now + AWAY_MAX));
    room.ladder.clear();
    room.pass(AWAY_MAX);
    insta::assert_snapshot!(room.ladder, @r"
    publish v9: 2
    seats 1:-h 5:-h
    tell 2 microphone-off
    tell 5 microphone-off
    ");
    // What only the page was told before is said on the telephone now.
    room.act(1, Verb::SetLobby(Lobby::All));
    room.join(3, Role::Guest, Door::Phone);
    assert!(
        room.ladder.contains("tell 5 somebody-waits"),
        "{}",
        room.ladder
    );
    room.act(5, Verb::SetMicrophone(true));
    assert!(room.entry(2).microphone);
    room.leave(5);
    assert!(!room.those(|entry| entry.id == id(2)).contains(&id(2)));
    // The seat is kept from then on.
    returns(&mut room, 8, 2, Role::Moderator);
    assert!(!room.entry(8).microphone);
    assert_eq!(room.entry(8).ordinal, 2);
}

#[test]
fn a_telephone_that_nobody_can_confirm_any_more_is_put_out() {
    let mut room = paired(Role::Guest);
    breaks_off(&mut room, 2);
    room.pass(AWAY_MAX - SECOND);
    assert_eq!(room.entry(2).telephone, Some(Telephone::Unconfirmed));
    room.ladder.clear();
    room.pass(SECOND);
    insta::assert_snapshot!(room.ladder, @r"
    publish v7: gone 2
    seats 1:-h
    tell 5 not-confirmed
    dismiss 5 NotConfirmed
    ");
}

#[test]
fn a_telephone_that_hangs_up_while_the_page_is_away_leaves_the_person_away() {
    let mut room = confirmed(Role::Guest);
    breaks_off(&mut room, 2);
    room.pass(AWAY_MAX - SECOND);
    room.leave(5);
    assert!(room.entry(2).away);
    returns(&mut room, 7, 2, Role::Guest);
    let entry = room.entry(2);
    assert!(!entry.away && entry.text && !entry.microphone);
    room.leave(2);
    assert_eq!(room.roster.entries.len(), 1);
}

#[test]
fn who_leaves_at_the_page_leaves_by_telephone_too() {
    let mut room = confirmed(Role::Guest);
    room.leave(2);
    insta::assert_snapshot!(room.ladder, @r"
    2 leaves
      publish v7: gone 2
      seats 1:-h
      tell 5 left-at-page
      dismiss 5 LeftAtPage
    ");
}

#[test]
fn a_leg_that_is_gone_ends_the_telephone_or_the_page_alone() {
    let mut room = confirmed(Role::Guest);
    room.handle("page gone", Input::LegGone { leg: leg(2) });
    assert!(room.ladder.contains("dismiss 2 Lost"), "{}", room.ladder);
    assert_eq!(room.entry(2).leg, leg(5));
    returns(&mut room, 7, 2, Role::Guest);
    room.handle("telephone gone", Input::LegGone { leg: leg(5) });
    assert!(room.ladder.contains("dismiss 5 Lost"), "{}", room.ladder);
    assert_eq!(room.entry(2).leg, leg(7));
}

#[test]
fn a_newer_page_takes_the_seat_over_and_the_telephone_stays() {
    let mut room = confirmed(Role::Guest);
    let seat = SeatId::from_u64(2);
    room.handle("another page", Input::GiveWay { seat });
    returns(&mut room, 7, 2, Role::Guest);
    assert!(
        room.ladder.contains("dismiss 2 TakenOver"),
        "{}",
        room.ladder
    );
    assert_eq!(room.entry(2).telephone, Some(Telephone::Confirmed));
}

#[test]
fn a_telephone_on_hold_is_silent_and_its_page_is_not_when_it_hangs_up() {
    let mut room = confirmed(Role::Guest);
    let (leg, held) = (leg(5), true);
    room.handle("hold", Input::Hold { leg, held });
    assert_eq!(room.entry(2).status, Status::OnHold);
    room.disturb(5, Some(Disturbance::Music));
    room.leave(5);
    let entry = room.entry(2);
    assert_eq!((entry.status, entry.disturbs), (Status::Connected, None));
    // What the page's own leg tells while it is silent is of nobody.
    dials(&mut room, 6, 2);
    room.speak(2);
    assert!(!room.entry(2).speaking);
}

#[test]
fn original_sound_is_for_the_page_alone() {
    let mut room = room(Role::Guest);
    room.act(2, Verb::SetOriginalSound(true));
    room.ladder.clear();
    dials(&mut room, 5, 2);
    assert!(room.ladder.contains("original 2 false"), "{}", room.ladder);
    room.act(2, Verb::SetOriginalSound(true));
    assert!(
        room.ladder.ends_with("refuse 2 NotAllowed\n"),
        "{}",
        room.ladder
    );
}

#[test]
fn a_roll_call_counts_a_person_with_a_telephone_once_and_answers_who_asks() {
    let mut room = paired(Role::Guest);
    room.act(5, Verb::WhoIsHere);
    assert!(
        room.ladder.contains("tell 5 who-is-here"),
        "{}",
        room.ladder
    );
    assert!(!room.ladder.contains("tell 2 who-is-here"));
}
