//! Pages that break off and come back: silent for a moment, then to their seat, never louder than before.

use super::*;
use crate::{
    conference::{
        claim::Claim,
        kept::Kept,
        policy::{EntrySignal, Lobby},
        text::Typing,
    },
    id::{ConferenceId, SeatId},
    limit::{AWAY_MAX, RESUME_MAX},
    pii::Words,
};

const SECOND: Duration = Duration::from_secs(1);

/// A moderator, 1, and a guest with a page, 2, who speaks and has raised a hand.
fn room() -> Room {
    let mut room = Room::new(10);
    page(&mut room, 1, 1, Role::Moderator);
    page(&mut room, 2, 2, Role::Guest);
    room.act(2, Verb::SetMicrophone(true));
    room.act(2, Verb::SetOriginalSound(true));
    room.act(2, Verb::SetHand(true));
    room.act(1, Verb::SetEntrySignal(EntrySignal::Tones));
    room.ladder.clear();
    room
}

/// Somebody comes by a page with this seat.
fn page(room: &mut Room, number: u64, seat: u64, role: Role) {
    comes(room, number, seat, role, None);
}

fn comes(room: &mut Room, number: u64, seat: u64, role: Role, claim: Option<Claim>) {
    let known = Known {
        seat: Some(SeatId::from_u64(seat)),
        ..Known::default()
    };
    let newcomer = newcomer(number, role, Door::Browser);
    let newcomer = Newcomer {
        known,
        claim,
        ..newcomer
    };
    room.handle(&format!("{number} comes"), Input::Join(newcomer));
}

fn breaks_off(room: &mut Room, number: u64) {
    let participant = id(number);
    room.handle(&format!("{number} breaks off"), Input::Lose { participant });
}

/// What a token says of the seat of a guest who was inside.
fn claim(seat: u64) -> Claim {
    Claim {
        seat: SeatId::from_u64(seat),
        conference: ConferenceId::from_u64(1),
        role: Role::Guest,
        ordinal: 3,
        name: clean_name("Berta"),
        hand: Some(5),
        inside: true,
        microphone: true,
        fresh: true,
    }
}

#[test]
fn who_breaks_off_is_silent_at_once_and_nobody_hears_them_go() {
    let mut room = room();
    breaks_off(&mut room, 2);
    let entry = room.entry(2);
    assert!(entry.away && !entry.microphone && !entry.original_sound);
    assert_eq!(room.seats.len(), 1, "the mixer has the leg no more");
    room.pass(AWAY_MAX - SECOND);
    assert!(!room.ladder.contains("announce"), "{}", room.ladder);
    page(&mut room, 2, 2, Role::Guest);
    let back = room.entry(2);
    assert!(!back.away && !back.microphone && !back.original_sound);
    assert_eq!(back.hand, Some(1));
    assert!(room.focus.spoke(id(2)), "the page is told what was on");
    assert!(!room.focus.spoke(id(2)), "once");
    assert!(
        room.ladder.ends_with("tell 2 welcome-back\n"),
        "{}",
        room.ladder
    );
    room.pass(AWAY_MAX * 2);
    assert!(!room.ladder.contains("announce"), "{}", room.ladder);
    assert!(!room.entry(2).away);
}

#[test]
fn who_stays_away_is_heard_to_go_and_finds_the_seat_for_five_minutes() {
    for (pause, kept) in [(RESUME_MAX - SECOND, true), (RESUME_MAX, false)] {
        let mut room = room();
        breaks_off(&mut room, 2);
        assert_eq!(room.focus.poll_timeout(), Some(room.now + AWAY_MAX));
        room.pass(AWAY_MAX);
        assert_eq!(room.ladder.matches("announce somebody-went").count(), 1);
        assert_eq!(room.inside().len(), 1);
        room.pass(pause - AWAY_MAX);
        page(&mut room, 3, 2, Role::Guest);
        let back = room.entry(3);
        assert_eq!(back.ordinal, if kept { 2 } else { 3 });
        assert_eq!(back.hand, kept.then_some(1));
        assert!(!back.microphone);
        assert_eq!(room.focus.spoke(id(3)), kept);
    }
}

#[test]
fn who_leaves_by_the_button_leaves_nothing() {
    let mut room = room();
    room.leave(2);
    assert!(room.ladder.contains("announce somebody-went"));
    page(&mut room, 3, 2, Role::Guest);
    let entry = room.entry(3);
    assert_eq!((entry.ordinal, entry.hand), (3, None));
}

#[test]
fn a_lock_and_a_waiting_room_keep_out_only_who_was_not_inside() {
    let mut room = room();
    room.act(1, Verb::SetLobby(Lobby::Guests));
    page(&mut room, 3, 3, Role::Guest);
    assert_eq!(room.entry(3).status, Status::Pending);
    room.act(1, Verb::SetLock(true));
    for long in [false, true] {
        breaks_off(&mut room, 2);
        breaks_off(&mut room, 3);
        if long {
            room.pass(AWAY_MAX);
        }
        page(&mut room, 2, 2, Role::Guest);
        assert_eq!(room.entry(2).status, Status::Connected);
        page(&mut room, 3, 3, Role::Guest);
        if long {
            assert!(
                room.ladder.ends_with("refuse 3 Locked\n"),
                "{}",
                room.ladder
            );
        } else {
            assert_eq!(room.entry(3).status, Status::Pending, "in the same place");
        }
    }
    room.act(1, Verb::SetLock(false));
    page(&mut room, 4, 3, Role::Guest);
    assert_eq!(room.entry(4).status, Status::Pending);
}

#[test]
fn who_waits_and_breaks_off_can_be_let_in_meanwhile() {
    let mut room = room();
    room.act(1, Verb::SetLobby(Lobby::Guests));
    page(&mut room, 3, 3, Role::Guest);
    breaks_off(&mut room, 3);
    room.act(1, Verb::Admit(id(3)));
    assert_eq!(room.seats.len(), 2, "nobody sits on a leg that is gone");
    page(&mut room, 3, 3, Role::Guest);
    assert_eq!(room.entry(3).status, Status::Connected);
    assert_eq!(room.seats.len(), 3);
}

#[test]
fn a_seat_opens_nothing_for_who_was_removed_or_banned() {
    for away in [false, true] {
        let mut room = room();
        if away {
            breaks_off(&mut room, 2);
        }
        room.act(1, Verb::Remove(id(2)));
        assert!(!room.focus.expects(&claim(2), room.now));
        page(&mut room, 3, 2, Role::Guest);
        let entry = room.entry(3);
        assert_eq!((entry.status, entry.hand), (Status::Pending, None));
        room.act(1, Verb::Ban(id(3)));
        assert!(!room.focus.expects(&claim(2), room.now));
        page(&mut room, 4, 2, Role::Guest);
        assert!(
            room.ladder.ends_with("refuse 4 Banned\n"),
            "{}",
            room.ladder
        );
    }
}

/// The roster follows what moderators did meanwhile, not what the page remembers.
#[test]
fn what_is_decided_while_somebody_is_away_holds() {
    let mut room = room();
    breaks_off(&mut room, 2);
    room.act(1, Verb::LowerHand(id(2)));
    room.act(1, Verb::Rename(id(2), clean_name("Clara")));
    page(&mut room, 2, 2, Role::Guest);
    let back = room.entry(2);
    assert_eq!((back.hand, back.name.clone()), (None, clean_name("Clara")));
}

#[test]
fn of_two_pages_with_one_seat_the_newer_has_it() {
    let mut room = room();
    let seat = SeatId::from_u64(2);
    room.handle("another page", Input::GiveWay { seat });
    assert!(
        room.ladder.ends_with("dismiss 2 TakenOver\n"),
        "{}",
        room.ladder
    );
    assert_eq!(room.focus.away_from(seat), Some(id(2)));
    assert_eq!(room.focus.leg_of(id(2)), None);
    page(&mut room, 2, 2, Role::Guest);
    assert_eq!(room.inside().len(), 2);
    assert!(!room.entry(2).microphone);
    // Nobody gives way for a seat that nobody has.
    room.ladder.clear();
    let seat = SeatId::from_u64(99);
    room.handle("a page of nobody", Input::GiveWay { seat });
    assert!(!room.ladder.contains("dismiss"));
}

/// What the page before has asked for in its last moment opens no microphone of the one that comes.
#[test]
fn what_comes_too_late_from_a_page_that_broke_off_changes_nothing() {
    let mut room = room();
    breaks_off(&mut room, 2);
    room.act(2, Verb::SetMicrophone(true));
    room.act(2, Verb::SetOriginalSound(true));
    page(&mut room, 2, 2, Role::Guest);
    let back = room.entry(2);
    assert!(!back.microphone && !back.original_sound);
}

#[test]
fn a_page_whose_sound_is_gone_is_sent_to_come_again() {
    let mut room = room();
    room.handle("lost", Input::LegGone { leg: leg(2) });
    assert!(room.entry(2).away);
    assert!(room.ladder.ends_with("dismiss 2 Lost\n"), "{}", room.ladder);
    page(&mut room, 2, 2, Role::Guest);
    assert!(!room.entry(2).away);
}

#[test]
fn whoever_was_alone_finds_their_conference_again() {
    let mut room = Room::new(10);
    page(&mut room, 1, 1, Role::Guest);
    breaks_off(&mut room, 1);
    room.pass(AWAY_MAX);
    room.pass(RESUME_MAX - AWAY_MAX - SECOND);
    assert!(!room.ended());
    assert!(room.focus.expects(&claim(1), room.now));
    room.pass(SECOND);
    assert!(room.ended());
}

pub(super) fn restored(kept: Kept) -> Room {
    let mut room = Room::new(10);
    let config = FocusConfig::default();
    room.focus = Focus::restored(config, kept, room.now);
    room.roster = room.focus.snapshot();
    room
}

#[test]
fn a_conference_goes_on_after_the_server_was_gone() {
    let mut before = room();
    page(&mut before, 3, 3, Role::Guest);
    page(&mut before, 4, 4, Role::Guest);
    page(&mut before, 5, 5, Role::Guest);
    before.act(1, Verb::SetLock(true));
    before.act(1, Verb::Ban(id(4)));
    before.leave(5);
    let kept = before.focus.kept().expect("something has changed");
    assert!(before.focus.kept().is_none(), "nothing has changed since");
    let seats: Vec<u64> = kept.seats.keys().map(|seat| seat.as_u64()).collect();
    assert_eq!(seats, [1, 2, 3]);

    let mut room = restored(kept);
    page(&mut room, 9, 9, Role::Guest);
    assert!(
        room.ladder.ends_with("refuse 9 Locked\n"),
        "{}",
        room.ladder
    );
    for (seat, refused) in [(4, "Banned"), (5, "Locked")] {
        assert!(!room.focus.expects(&claim(seat), room.now));
        comes(&mut room, 6, seat, Role::Guest, Some(claim(seat)));
        let end = format!("refuse 6 {refused}\n");
        assert!(room.ladder.ends_with(&end), "{}", room.ladder);
    }
    let stale = Claim {
        fresh: false,
        ..claim(3)
    };
    assert!(!room.focus.expects(&stale, room.now));
    comes(&mut room, 6, 3, Role::Guest, Some(stale));
    assert!(
        room.ladder.ends_with("refuse 6 Locked\n"),
        "{}",
        room.ladder
    );

    assert!(room.focus.expects(&claim(2), room.now));
    comes(&mut room, 7, 2, Role::Guest, Some(claim(2)));
    let back = room.entry(7);
    assert_eq!((back.ordinal, back.hand), (3, Some(5)));
    assert_eq!(back.name, clean_name("Berta"));
    assert!(!back.microphone && room.focus.spoke(id(7)));
    // Its word is taken once, and the role is the one that was kept.
    room.leave(7);
    comes(&mut room, 8, 2, Role::Guest, Some(claim(2)));
    assert!(
        room.ladder.ends_with("refuse 8 Locked\n"),
        "{}",
        room.ladder
    );
    let above = Claim {
        role: Role::Moderator,
        ..claim(3)
    };
    comes(&mut room, 10, 3, Role::Guest, Some(above));
    assert_eq!(room.entry(10).role, Role::Guest);
}

#[test]
fn whoever_waited_waits_after_the_server_was_gone() {
    let mut before = room();
    before.act(1, Verb::SetLobby(Lobby::Guests));
    page(&mut before, 3, 3, Role::Guest);
    let mut room = restored(before.focus.kept().unwrap());
    let waited = Claim {
        inside: false,
        ..claim(3)
    };
    comes(&mut room, 3, 3, Role::Guest, Some(waited));
    assert_eq!(room.entry(3).status, Status::Pending);
    comes(&mut room, 2, 2, Role::Guest, Some(claim(2)));
    assert_eq!(room.entry(2).status, Status::Connected);
}

#[test]
fn nobody_is_awaited_for_ever() {
    let mut before = room();
    let kept = before.focus.kept().unwrap();
    let mut room = restored(kept.clone());
    room.pass(RESUME_MAX);
    assert!(room.ended());
    let mut room = restored(kept);
    page(&mut room, 9, 9, Role::Guest);
    room.pass(RESUME_MAX);
    assert!(!room.focus.expects(&claim(2), room.now));
    comes(&mut room, 3, 2, Role::Guest, Some(claim(2)));
    assert_eq!(room.entry(3).hand, None);
}

#[test]
fn a_claim_is_believed_only_where_a_conference_is_built_anew() {
    let mut room = room();
    assert!(!room.focus.expects(&claim(7), room.now));
    comes(&mut room, 3, 7, Role::Guest, Some(claim(7)));
    let entry = room.entry(3);
    assert_eq!((entry.ordinal, entry.hand), (3, None), "as without");
    assert_eq!(entry.name, clean_name("Anna 3"));
}

#[test]
fn who_was_made_moderator_is_one_still_when_their_page_is_back() {
    for pause in [SECOND, AWAY_MAX + SECOND] {
        let mut room = room();
        room.act(1, Verb::MakeModerator(id(2)));
        breaks_off(&mut room, 2);
        room.pass(pause);
        page(&mut room, 3, 2, Role::Guest);
        let back = room.entry(if pause < AWAY_MAX { 2 } else { 3 });
        assert_eq!((back.role, back.ordinal), (Role::Moderator, 2));
    }
}

#[test]
fn a_line_ends_where_its_page_breaks_off_and_nobody_writes_to_who_is_away() {
    let mut room = room();
    let typing = Typing {
        words: Words::new(String::from("Ich wollte")),
        ended: false,
    };
    room.act(2, Verb::Type(typing));
    breaks_off(&mut room, 2);
    assert!(
        room.ladder
            .contains("2 typed line 1 'Ich wollte' ended to 1"),
        "{}",
        room.ladder
    );
    let words = Words::new(String::from("Bist du noch da?"));
    room.act(1, Verb::ChatWith(id(2), words));
    assert!(
        room.ladder.ends_with("refuse 1 NotHere\n"),
        "{}",
        room.ladder
    );
}
