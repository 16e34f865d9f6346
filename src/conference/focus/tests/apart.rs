//! A moderator and one who waits talk alone: who hears whom, what each sees, and that every ending leaves both muted.

use super::*;
use crate::{
    conference::{
        acts::Actor,
        participant::Apart,
        policy::{Lobby, Reason},
        roster::Audience,
    },
    id::SeatId,
    limit::{LOBBY_WAIT_MAX, TALKS_APART_MAX},
};

/// Moderators 1 and 2 and guest 3 are inside; 4, by a page, and 5, by telephone, wait.
fn room() -> Room {
    let mut room = Room::new(60);
    page(&mut room, 1, Role::Moderator);
    room.join(2, Role::Moderator, Door::Phone);
    room.join(3, Role::Guest, Door::Phone);
    room.act(1, Verb::SetLobby(Lobby::All));
    page(&mut room, 4, Role::Guest);
    room.join(5, Role::Guest, Door::Phone);
    room.act(1, Verb::SetMicrophone(true));
    room.ladder.clear();
    room.done.clear();
    room
}

/// The same, where 1 and 4 talk and both microphones are on.
fn talking() -> Room {
    let mut room = room();
    room.act(1, Verb::TalkWith(id(4)));
    room.act(4, Verb::SetMicrophone(true));
    room.ladder.clear();
    room
}

/// Somebody comes by a page, to a seat of their own.
fn page(room: &mut Room, number: u64, role: Role) {
    let known = Known {
        seat: Some(SeatId::from_u64(number)),
        ..Known::default()
    };
    let newcomer = newcomer(number, role, Door::Browser);
    let line = format!("{number} comes");
    room.handle(&line, Input::Join(Newcomer { known, ..newcomer }));
}

fn seat(room: &Room, number: u64) -> Option<Seat> {
    let own = |(of, _): &&(LegId, Seat)| *of == leg(number);
    room.seats.iter().find(own).map(|(_, seat)| *seat)
}

/// Whether one hears another: in the conference, or beside it.
fn hears(room: &Room, ear: u64, mouth: u64) -> bool {
    let (Some(ear), Some(mouth)) = (seat(room, ear), seat(room, mouth)) else {
        return false;
    };
    ear.hears && mouth.speaks || ear.hears_beside & mouth.speaks_beside != 0
}

fn told(room: &Room, number: u64, event: Event) -> bool {
    let line = format!("  tell {number} {}\n", event.key());
    room.ladder.contains(&line)
}

#[test]
fn the_two_hear_each_other_and_nobody_else_hears_them() {
    let mut room = room();
    room.act(3, Verb::SetMicrophone(true));
    room.ladder.clear();
    room.act(1, Verb::TalkWith(id(4)));
    room.act(4, Verb::ToggleMicrophone);
    insta::assert_snapshot!(room.ladder, @r"
    1 asks TalkWith(ParticipantId(0000000000000004))
      publish v9: 1 4
      seats 1:--SH 2:-h 3:sh 4:--H
      tell 1 talk-begun
      tell 4 addressed
    4 asks ToggleMicrophone
      publish v10: 4
      seats 1:--SH 2:-h 3:sh 4:--SH
      tell 4 microphone-on
    ");
    for ear in 1..=5 {
        for mouth in (1..=5).filter(|mouth| *mouth != ear) {
            let apart = (ear == 1 && mouth == 4) || (ear == 4 && mouth == 1);
            let inside = ear == 2 && mouth == 3;
            assert_eq!(hears(&room, ear, mouth), apart || inside, "{ear} {mouth}");
        }
    }
    assert_eq!(seat(&room, 5), None, "who waits alone has none");
}

#[test]
fn who_is_talked_to_is_muted_until_they_switch_their_own_microphone_on() {
    let mut room = room();
    room.act(4, Verb::SetMicrophone(true));
    assert!(
        room.ladder.ends_with("refuse 4 Waiting\n"),
        "{}",
        room.ladder
    );
    room.act(1, Verb::TalkWith(id(4)));
    assert!(!room.entry(4).microphone && !hears(&room, 1, 4) && hears(&room, 4, 1));
    // Nobody else can: not even the moderator they talk with.
    for verb in Verb::samples(id(4)) {
        if !matches!(verb, Verb::End) {
            room.act(2, verb);
        }
        assert!(!room.entry_if_any(4).is_some_and(|who| who.microphone));
    }
}

#[test]
fn all_inside_see_that_a_moderator_talks_and_moderators_alone_with_whom() {
    let room = talking();
    let seen = |audience| {
        let entries = room.roster.seen_by(audience).entries;
        let apart = entries
            .into_iter()
            .filter_map(|entry| Some((entry.id, entry.apart?)));
        apart.collect::<BTreeMap<_, _>>()
    };
    let all = BTreeMap::from([(id(1), Apart::With(id(4))), (id(4), Apart::With(id(1)))]);
    assert_eq!(seen(Audience::Moderators), all);
    let inside = BTreeMap::from([(id(1), Apart::Unnamed)]);
    assert_eq!(seen(Audience::Inside), inside);
    let own = BTreeMap::from([(id(4), Apart::Unnamed)]);
    assert_eq!(seen(Audience::Waiting(id(4))), own);
    assert_eq!(seen(Audience::Waiting(id(5))), BTreeMap::new());
    // The same is shown as an act: to whom, to moderators alone, and nothing to who waits.
    let shown = room.done.iter().map(|(done, seers)| {
        assert_eq!((done.act, done.actor), (Act::TalkedApart, Actor::Moderator));
        (done.to.as_ref().map(|to| to.id), seers.clone())
    });
    let expected = [(Some(id(4)), vec![id(1), id(2)]), (None, vec![id(3)])];
    assert_eq!(shown.collect::<Vec<_>>(), expected);
}

/// R34, and C21 once more: whatever ends the talk, nothing is louder than before, and who waits is as before.
#[test]
fn every_ending_leaves_the_moderator_among_the_others_muted() {
    let lose = |participant| Input::Lose {
        participant: id(participant),
    };
    let leave = |participant| Input::Leave {
        participant: id(participant),
    };
    let act = |by, verb| Input::Act { by: id(by), verb };
    let endings = [
        ("the moderator ends it", act(1, Verb::EndTalk)),
        ("the moderator lets in", act(1, Verb::Admit(id(4)))),
        ("another lets in", act(2, Verb::Admit(id(4)))),
        ("all are let in", act(2, Verb::AdmitAll)),
        (
            "turned away",
            act(2, Verb::TurnAway(id(4), Reason::NoPlace)),
        ),
        ("sent away", act(1, Verb::Remove(id(4)))),
        ("who waits leaves", leave(4)),
        ("who waits breaks off", lose(4)),
        (
            "who waits has no leg any more",
            Input::LegGone { leg: leg(4) },
        ),
        (
            "another page comes for who waits",
            Input::GiveWay {
                seat: SeatId::from_u64(4),
            },
        ),
        ("the moderator leaves", leave(1)),
        ("the moderator breaks off", lose(1)),
        (
            "the moderator has no leg any more",
            Input::LegGone { leg: leg(1) },
        ),
        ("the moderator is removed", act(2, Verb::Remove(id(1)))),
        (
            "the moderator talks with another",
            act(1, Verb::TalkWith(id(5))),
        ),
    ];
    for (line, input) in endings {
        let mut room = talking();
        room.handle(line, input);
        let back = room.entry_if_any(1).filter(|who| !who.away);
        if let Some(moderator) = back {
            let talks = room.entry_if_any(5).is_some_and(|who| who.apart.is_some());
            assert!(!moderator.microphone, "{line}");
            assert_eq!(moderator.apart.is_some(), talks, "{line}");
            let muted = Seat {
                hears: true,
                ..Seat::default()
            };
            assert_eq!(seat(&room, 1) == Some(muted), !talks, "{line}");
            assert_eq!(told(&room, 1, Event::TalkOver), !talks, "{line}");
        }
        match room.entry_if_any(4) {
            Some(who) if who.is_inside() => {
                assert!(!who.microphone && who.apart.is_none(), "{line}");
                assert!(!told(&room, 4, Event::AddressedNoMore), "{line}");
            }
            Some(who) => {
                assert!(!who.microphone && who.apart.is_none(), "{line}");
                assert_eq!(seat(&room, 4), None, "{line}");
                assert_eq!(told(&room, 4, Event::AddressedNoMore), !who.away, "{line}");
            }
            None => assert_eq!(seat(&room, 4), None, "{line}"),
        }
        room.check_model().unwrap();
    }
}

#[test]
fn the_time_to_wait_ends_a_talk_as_a_refusal_does() {
    let mut room = talking();
    room.pass(LOBBY_WAIT_MAX);
    assert!(room.entry_if_any(4).is_none() && told(&room, 1, Event::TalkOver));
    assert!(room.entry(1).apart.is_none() && !room.entry(1).microphone);
}

#[test]
fn who_is_talked_to_is_locked_for_another_moderator_but_can_be_let_in() {
    let mut room = talking();
    room.act(2, Verb::TalkWith(id(4)));
    assert!(
        room.ladder.ends_with("refuse 2 TalkedTo\n"),
        "{}",
        room.ladder
    );
    assert_eq!(room.entry(2).apart, None);
    assert_eq!(room.entry(1).apart, Some(Apart::With(id(4))));
    room.act(2, Verb::Admit(id(4)));
    assert_eq!(room.entry(4).status, Status::Connected);
    room.act(1, Verb::TalkWith(id(4)));
    assert!(
        room.ladder.ends_with("refuse 1 NotHere\n"),
        "{}",
        room.ladder
    );
}

#[test]
fn two_talks_do_not_hear_each_other_and_go_on_when_the_other_ends() {
    let mut room = talking();
    room.act(2, Verb::TalkWith(id(5)));
    room.act(5, Verb::SetMicrophone(true));
    room.act(2, Verb::SetMicrophone(true));
    let before = seat(&room, 2);
    for (ear, mouth) in [
        (1, 2),
        (1, 5),
        (4, 2),
        (4, 5),
        (2, 1),
        (2, 4),
        (5, 1),
        (5, 4),
    ] {
        assert!(!hears(&room, ear, mouth), "{ear} {mouth}");
    }
    assert!(hears(&room, 2, 5) && hears(&room, 5, 2));
    room.act(1, Verb::EndTalk);
    assert_eq!(seat(&room, 2), before, "its channel is its own");
    // An early call has another channel than any talk.
    room.act(1, Verb::TalkWith(id(4)));
    room.handle(
        "1 has 6 called",
        Input::Join(Newcomer {
            invited_by: Some(id(1)),
            ..newcomer(6, Role::Guest, Door::Phone)
        }),
    );
    room.handle(
        "6 is heard early",
        Input::Called {
            participant: id(6),
            progress: Progress::Early(true),
        },
    );
    assert!(!hears(&room, 1, 6) && !hears(&room, 4, 6));
}

#[test]
fn by_keys_the_one_is_meant_of_whom_was_told_last_and_the_same_key_ends_it() {
    let mut room = room();
    room.act(2, Verb::TalkWithHeard);
    assert!(
        room.ladder.ends_with("refuse 2 NobodyWaits\n"),
        "{}",
        room.ladder
    );
    room.act(2, Verb::HearWaiting);
    room.act(2, Verb::HearNextWaiting);
    room.ladder.clear();
    room.act(2, Verb::TalkWithHeard);
    room.act(2, Verb::HearWaiting);
    room.act(2, Verb::TalkWithHeard);
    insta::assert_snapshot!(room.ladder, @r"
    2 asks TalkWithHeard
      publish v8: 2 5
      seats 1:sh 2:--H 3:-h 5:--H
      tell 2 talk-begun
      tell 5 addressed
    2 asks HearWaiting
      tell 2 of Phone 3
    2 asks TalkWithHeard
      publish v9: 2 5
      seats 1:sh 2:-h 3:-h
      tell 2 talk-over
      tell 5 addressed-no-more
    ");
}

#[test]
fn who_waits_on_hold_hears_and_says_nothing_until_they_are_back() {
    let mut room = talking();
    let hold = |held| Input::Hold { leg: leg(4), held };
    room.handle("4 holds", hold(true));
    assert!(!hears(&room, 1, 4) && !hears(&room, 4, 1));
    room.handle("4 is back", hold(false));
    assert!(hears(&room, 1, 4) && hears(&room, 4, 1));
    let hold = |held| Input::Hold { leg: leg(1), held };
    room.handle("1 holds", hold(true));
    assert!(!hears(&room, 1, 4) && !hears(&room, 4, 1));
}

/// A code makes nobody a moderator, and no telephone hears who waits of which nobody has said whose it is.
#[test]
fn a_telephone_for_a_moderator_ends_the_talk_and_begins_none_until_it_is_confirmed() {
    let mut room = talking();
    room.handle(
        "6 dials in for 1",
        Input::Join(Newcomer {
            pairs_with: Some(id(1)),
            ..newcomer(6, Role::Guest, Door::Phone)
        }),
    );
    assert!(room.entry(1).apart.is_none() && room.entry(4).apart.is_none());
    room.act(1, Verb::TalkWith(id(4)));
    assert!(
        room.ladder.ends_with("refuse 1 NotAllowed\n"),
        "{}",
        room.ladder
    );
    room.act(1, Verb::AnswerForTelephone(true));
    room.act(1, Verb::TalkWith(id(4)));
    assert!(told(&room, 6, Event::TalkBegun { muted: true }));
    room.act(4, Verb::SetMicrophone(true));
    assert!(hears(&room, 6, 4), "by the telephone");
    room.leave(6);
    assert!(room.entry(1).apart.is_none() && !room.entry(1).microphone);
    assert!(!room.entry(4).microphone && seat(&room, 4).is_none());
}

/// Where people ask to speak nobody needs the floor to answer a moderator.
#[test]
fn who_is_talked_to_needs_no_floor_and_is_told_when_they_speak_muted() {
    let mut room = room();
    room.act(1, Verb::SetAskToSpeak(true));
    room.act(1, Verb::TalkWith(id(4)));
    room.handle("4 is spoken into", Input::SpokeMuted { leg: leg(4) });
    assert!(told(&room, 4, Event::YouAreMuted));
    room.act(4, Verb::SetMicrophone(true));
    assert!(room.entry(4).microphone && room.entry(4).hand.is_none());
    room.act(1, Verb::MuteAll);
    assert!(room.entry(4).microphone, "who waits is none of the guests");
}

#[test]
fn no_more_moderators_talk_apart_than_may() {
    let mut room = room();
    let most = u64::try_from(TALKS_APART_MAX).unwrap();
    for number in 10..=10 + most {
        room.act(1, Verb::SetLobby(Lobby::Off));
        room.join(number, Role::Moderator, Door::Phone);
        room.act(1, Verb::SetLobby(Lobby::All));
        room.join(number + 20, Role::Guest, Door::Phone);
        room.act(number, Verb::TalkWith(id(number + 20)));
    }
    let line = format!("refuse {} TooManyTalks\n", 10 + most);
    assert!(room.ladder.ends_with(&line), "{}", room.ladder);
    let channels: BTreeSet<u64> = room
        .seats
        .iter()
        .map(|(_, seat)| seat.hears_beside)
        .collect();
    assert_eq!(
        channels.len(),
        TALKS_APART_MAX + 1,
        "one for each, and none"
    );
}
