//! The protocol of acts, and who becomes a moderator.

use super::*;
use crate::{
    conference::{
        acts::{Act, Actor},
        participant::Mark,
        policy::{EntrySignal, Lobby, Policy, Reason},
        rights::may,
    },
    id::PersonId,
    pii::Pii,
};

/// A moderator, 1, and two guests, 2 and 3, of whom 2 has come by telephone.
fn room() -> Room {
    let mut room = Room::new(10);
    room.join(1, Role::Moderator, Door::Browser);
    room.join(2, Role::Guest, Door::Phone);
    room.join(3, Role::Guest, Door::Browser);
    room.done.clear();
    room
}

/// What was shown since: the act, the role, whose name stands in it, and who saw that; `1-3 saw` without the name is a line of
/// its own.
fn shown(room: &mut Room) -> Vec<String> {
    let line = |(done, seers): (Done, Vec<ParticipantId>)| {
        let to = done
            .to
            .map_or_else(String::new, |to| format!(" {}", to.id.as_u64()));
        let seers: Vec<String> = seers.iter().map(|id| id.as_u64().to_string()).collect();
        format!("{:?} {:?}{to}: {}", done.actor, done.act, seers.join(" "))
    };
    std::mem::take(&mut room.done)
        .into_iter()
        .map(line)
        .collect()
}

#[test]
fn what_is_done_to_somebody_is_shown_to_all_and_to_whom_only_to_some() {
    let mut room = room();
    room.act(2, Verb::SetMicrophone(true));
    assert_eq!(
        shown(&mut room),
        [""; 0],
        "what people do with what is theirs is no act"
    );
    room.act(1, Verb::Mute(id(2)));
    assert_eq!(
        shown(&mut room),
        ["Moderator Muted 2: 1 2", "Moderator Muted: 3"]
    );
    room.act(1, Verb::Mute(id(2)));
    assert_eq!(shown(&mut room), [""; 0], "nothing was done");
    room.act(1, Verb::MuteAll);
    assert_eq!(shown(&mut room), ["Moderator MutedAll: 1 2 3"]);
    room.act(3, Verb::MuteAll);
    assert_eq!(shown(&mut room), [""; 0], "a guest may not");
}

/// Every verb that takes a moderator's right leaves an entry, but for those that only look, and refusals at the door.
#[test]
fn every_use_of_a_moderators_power_is_an_act() {
    let silent = [
        Verb::HearWaiting,
        Verb::HearNextWaiting,
        Verb::HearName(id(2)),
        Verb::TurnAway(id(4), Reason::NotExpected),
        Verb::TurnAwayHeard(Reason::ComeLater),
        // Calls are acts when they are made.
        Verb::Invite(Pii::new("030123456".to_owned())),
        // That a talk began is one.
        Verb::EndTalk,
    ];
    let powers = |verb: &Verb| {
        may(Standing::Moderator, verb.action()) && !may(Standing::Guest, verb.action())
    };
    for verb in Verb::samples(id(2)).into_iter().filter(powers) {
        let mut room = Room::new(10);
        room.join(1, Role::Moderator, Door::Browser);
        room.join(2, Role::Guest, Door::Browser);
        room.act(2, Verb::SetMicrophone(true));
        room.act(2, Verb::SetHand(true));
        room.act(1, Verb::SetLobby(Lobby::Guests));
        room.join(4, Role::Guest, Door::Phone);
        room.handle("somebody guesses", Input::Guessed);
        room.act(1, Verb::HearWaiting);
        if let Verb::AskToUnmute(_) = verb {
            room.act(2, Verb::SetMicrophone(false));
        }
        // Some are about who waits.
        let verb = if let Verb::Admit(_) = verb {
            Verb::Admit(id(4))
        } else if let Verb::TalkWith(_) = verb {
            Verb::TalkWith(id(4))
        } else if let Verb::TurnAway(_, reason) = verb {
            Verb::TurnAway(id(4), reason)
        } else {
            verb
        };
        room.done.clear();
        room.act(1, verb.clone());
        let is_silent = silent
            .iter()
            .any(|one| std::mem::discriminant(one) == std::mem::discriminant(&verb));
        assert_eq!(room.done.is_empty(), is_silent, "{verb:?}: {:?}", room.done);
    }
}

#[test]
fn who_comes_later_or_waits_is_shown_nothing_of_before() {
    let mut room = room();
    room.act(1, Verb::SetLobby(Lobby::Guests));
    assert_eq!(shown(&mut room), ["Moderator LobbyGuests: 1 2 3"]);
    room.join(4, Role::Guest, Door::Phone);
    room.act(1, Verb::SetLock(true));
    assert_eq!(shown(&mut room), ["Moderator Locked: 1 2 3"]);
    room.act(1, Verb::TurnAway(id(4), Reason::NotExpected));
    assert_eq!(shown(&mut room), [""; 0], "nobody is told who wanted in");
    room.act(1, Verb::SetLock(false));
    room.join(5, Role::Guest, Door::Phone);
    room.done.clear();
    room.act(1, Verb::Remove(id(5)));
    assert_eq!(
        shown(&mut room),
        [""; 0],
        "nor who was sent away from there"
    );
    room.join(6, Role::Guest, Door::Phone);
    room.act(1, Verb::Admit(id(6)));
    assert_eq!(
        shown(&mut room),
        ["Moderator Admitted 6: 1 6", "Moderator Admitted: 2 3"]
    );
}

#[test]
fn what_nobody_did_is_shown_as_the_servers_or_the_owners() {
    let mut room = room();
    room.act(2, Verb::SetMicrophone(true));
    room.disturb(2, Some(Disturbance::Music));
    room.disturb(3, Some(Disturbance::Music));
    assert_eq!(
        shown(&mut room),
        ["Server MusicMuted 2: 1 2", "Server MusicMuted: 3"],
        "whose microphone is off is muted by nobody"
    );
    room.handle("somebody guesses", Input::Guessed);
    room.handle("somebody guesses", Input::Guessed);
    assert_eq!(shown(&mut room), ["Server Alarm: 1 2 3"]);
    room.act(1, Verb::LiftAlarm);
    room.act(1, Verb::LiftAlarm);
    assert_eq!(shown(&mut room), ["Moderator AlarmLifted: 1 2 3"]);
    room.handle("somebody guesses", Input::Guessed);
    room.pass(crate::limit::ALARM_MAX + Duration::from_secs(1));
    let passed = ["Server Alarm: 1 2 3", "Server AlarmLifted: 1 2 3"];
    assert_eq!(shown(&mut room), passed);
    let policy = Policy {
        lobby: Lobby::All,
        entrances: crate::conference::policy::Entrances {
            signal: EntrySignal::Names,
            ..Policy::default().entrances
        },
        ..Policy::default()
    };
    room.handle("the owner decides", Input::Policy(policy));
    let owner = ["Owner LobbyAll: 1 2 3", "Owner EntryNames: 1 2 3"];
    assert_eq!(shown(&mut room), owner);
}

#[test]
fn the_entry_holds_what_somebody_was_called_then() {
    let mut room = room();
    room.act(1, Verb::Rename(id(2), clean_name("Berta")));
    let to = room.done[0].0.to.clone().unwrap();
    assert_eq!((to.name, to.ordinal), (clean_name("Berta"), 1));
    room.act(1, Verb::Remove(id(2)));
    let (done, seers) = room.done.last().unwrap();
    assert_eq!((done.act, done.actor), (Act::Removed, Actor::Moderator));
    assert_eq!((&done.to, seers.as_slice()), (&None, &[id(3)][..]));
}

#[test]
fn all_hands_are_lowered_at_once() {
    let mut room = room();
    for number in 1..=2 {
        room.act(number, Verb::SetHand(true));
    }
    room.ladder.clear();
    room.act(1, Verb::LowerHands);
    room.act(1, Verb::LowerHands);
    insta::assert_snapshot!(room.ladder, @r"
    1 asks LowerHands
      publish v6: 1 2
      tell 1 hand-down
      tell 2 hand-lowered
    1 asks LowerHands
    ");
    assert_eq!(shown(&mut room), ["Moderator HandsLowered: 1 2 3"]);
}

/// What the role means follows at once: what they may, whom they can be sent away by, what they are told.
#[test]
fn whom_a_moderator_makes_one_is_one_from_then_on() {
    let mut room = room();
    room.act(1, Verb::SetAskToSpeak(true));
    room.act(3, Verb::SetHand(true));
    room.act(1, Verb::SetLobby(Lobby::Guests));
    room.join(4, Role::Guest, Door::Phone);
    room.act(3, Verb::Admit(id(4)));
    assert!(room.ladder.ends_with("refuse 3 NotAllowed\n"));
    room.ladder.clear();
    room.done.clear();
    room.act(1, Verb::MakeModerator(id(3)));
    room.act(1, Verb::MakeModerator(id(3)));
    insta::assert_snapshot!(room.ladder, @r"
    1 asks MakeModerator(ParticipantId(0000000000000003))
      publish v8: 3
      tell 3 made-moderator
      tell 3 somebody-waits
      tell 1 new-moderator
    1 asks MakeModerator(ParticipantId(0000000000000003))
    ");
    assert_eq!(
        shown(&mut room),
        [
            "Moderator MadeModerator 3: 1 3",
            "Moderator MadeModerator: 2"
        ]
    );
    assert_eq!(room.focus.audience(id(3)), Some(Audience::Moderators));
    let made = room.entry(3);
    assert_eq!((made.role, made.hand), (Role::Moderator, None));
    room.act(3, Verb::SetMicrophone(true));
    assert!(room.entry(3).microphone, "a moderator needs no floor");
    room.act(3, Verb::MuteAll);
    assert!(room.entry(3).microphone, "and is no guest to be muted");
    room.act(3, Verb::Admit(id(4)));
    assert!(room.entry(4).is_inside());
    room.leave(4);
    room.act(1, Verb::RemoveLast);
    assert_eq!(room.inside(), [id(1), id(3)].into());
    room.act(1, Verb::RemoveLast);
    assert!(room.ladder.ends_with("tell 1 nobody-to-remove\n"));
}

#[test]
fn nobody_becomes_a_moderator_otherwise() {
    let mut room = Room::new(10);
    room.join(1, Role::Guest, Door::Browser);
    room.join(2, Role::Guest, Door::Browser);
    for target in [1, 2] {
        room.act(1, Verb::MakeModerator(id(target)));
        assert!(room.ladder.ends_with("refuse 1 NotAllowed\n"));
    }
    room.join(3, Role::Moderator, Door::Browser);
    room.act(3, Verb::SetLobby(Lobby::Guests));
    room.join(4, Role::Guest, Door::Browser);
    for target in [4, 9] {
        room.act(3, Verb::MakeModerator(id(target)));
        assert!(room.ladder.ends_with("refuse 3 NotHere\n"));
    }
    room.leave(3);
    let guests = room.those(|who| who.role == Role::Guest);
    assert_eq!(guests.len(), 3);
}

/// A PIN of one's own is as good as a name; a number may be a house's, where another would find the role.
#[test]
fn who_was_made_a_moderator_is_one_again_only_if_it_is_certainly_them() {
    let person = Known {
        person: Some(PersonId::from_u64(3)),
        ..Known::default()
    };
    let caller = Known {
        caller: Some(Mark(7)),
        vouched: true,
        ..Known::default()
    };
    for (known, role) in [(person, Role::Moderator), (caller, Role::Guest)] {
        let mut room = room();
        let come = |room: &mut Room, number| {
            let newcomer = newcomer(number, Role::Guest, Door::Phone);
            room.handle("comes", Input::Join(Newcomer { known, ..newcomer }));
        };
        come(&mut room, 5);
        room.act(1, Verb::MakeModerator(id(5)));
        for (before, after) in [(5, 6), (6, 7)] {
            room.leave(before);
            room.ladder.clear();
            come(&mut room, after);
            assert_eq!(room.entry(after).role, role);
            assert_eq!(
                room.entry(after).ordinal,
                2,
                "the seat is theirs all the same"
            );
            let told = room
                .ladder
                .contains(&format!("tell {after} made-moderator\n"));
            assert_eq!(told, role == Role::Moderator, "{}", room.ladder);
        }
    }
}
