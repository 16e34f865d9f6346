//! Calls out of the conference as ladders.

use super::*;

fn called(number: u64, by: u64) -> Input {
    Input::Join(Newcomer {
        name: None,
        protection: Protection::None,
        invited_by: Some(id(by)),
        ..newcomer(number, Role::Guest, Door::Phone)
    })
}

fn goes_on(number: u64, progress: Progress) -> Input {
    Input::Called {
        participant: id(number),
        progress,
    }
}

/// A guest, a moderator, and somebody who is being called.
fn room() -> Room {
    let mut room = Room::new(10);
    room.join(1, Role::Guest, Door::Browser);
    room.join(2, Role::Moderator, Door::Browser);
    room.handle("", called(3, 2));
    room
}

fn status(room: &Room, number: u64) -> Option<Status> {
    let snapshot = room.focus.snapshot();
    let found = snapshot.entries.iter().find(|entry| entry.id == id(number));
    found.map(|entry| entry.status)
}

#[test]
fn a_call_is_seen_by_all_inside_and_its_person_sees_nobody() {
    let room = room();
    let snapshot = room.focus.snapshot();
    for number in [1, 2] {
        let audience = room.focus.audience(id(number)).unwrap();
        assert_eq!(snapshot.seen_by(audience).entries.len(), 3);
    }
    let own = room.focus.audience(id(3)).unwrap();
    assert_eq!(snapshot.seen_by(own).entries.len(), 1);
    assert_eq!(status(&room, 3), Some(Status::DialingOut));
}

#[test]
fn what_is_heard_before_the_answer_is_for_the_inviter_alone_and_the_key_leads_in() {
    let mut room = room();
    let seats = |room: &mut Room, input| {
        let mut seats = None;
        room.focus.handle(input, room.now);
        while let Some(effect) = room.focus.poll() {
            if let Effect::Seats(all) = effect {
                seats = Some(all.into_iter().collect::<BTreeMap<_, _>>());
            }
        }
        seats
    };
    assert_eq!(seats(&mut room, goes_on(3, Progress::Alerting)), None);
    let early = seats(&mut room, goes_on(3, Progress::Early(true))).unwrap();
    assert_eq!(early[&leg(3)].speaks_beside, early[&leg(2)].hears_beside);
    assert_ne!(early[&leg(3)].speaks_beside, 0);
    assert_eq!(early[&leg(1)].hears_beside, 0);
    assert!(!early[&leg(3)].speaks && !early[&leg(3)].hears);
    let after = seats(&mut room, goes_on(3, Progress::Early(false))).unwrap();
    assert!(!after.contains_key(&leg(3)));
    assert_eq!(after[&leg(2)].hears_beside, 0);
    assert_eq!(status(&room, 3), Some(Status::Alerting));
    let inside = seats(
        &mut room,
        goes_on(3, Progress::Accepted(Protection::ToCarrier)),
    )
    .unwrap();
    let muted = Seat {
        hears: true,
        ..Seat::default()
    };
    assert_eq!(inside[&leg(3)], muted);
    assert_eq!(status(&room, 3), Some(Status::Connected));
    assert_eq!(seats(&mut room, goes_on(3, Progress::Early(true))), None);
}

#[test]
fn who_is_called_may_do_nothing_and_is_let_in_through_a_lock() {
    let mut room = room();
    room.act(2, Verb::SetLock(true));
    for verb in Verb::samples(id(1)) {
        room.act(3, verb);
    }
    assert_eq!(status(&room, 3), Some(Status::DialingOut));
    room.handle("", goes_on(3, Progress::Accepted(Protection::ToCarrier)));
    assert_eq!(status(&room, 3), Some(Status::Connected));
}

#[test]
fn only_a_moderator_inside_has_somebody_called_and_no_more_than_may_be() {
    let mut room = room();
    room.handle("", called(4, 1));
    room.handle("", called(5, 9));
    assert_eq!((status(&room, 4), status(&room, 5)), (None, None));
    for number in 10..30 {
        room.handle("", called(number, 2));
    }
    let calls = room
        .focus
        .snapshot()
        .entries
        .into_iter()
        .filter(Participant::is_called)
        .count();
    assert!(calls <= crate::limit::CALLS_OUT_MAX, "{calls}");
    room.ladder.clear();
    room.act(2, Verb::Invite(Pii::new("030123456".to_owned())));
    assert!(room.ladder.contains("refuse 2"), "{}", room.ladder);
    assert!(!room.ladder.contains("030123456"));
}

#[test]
fn a_moderator_by_telephone_has_nobody_called() {
    let mut room = room();
    room.join(4, Role::Moderator, Door::Phone);
    room.ladder.clear();
    room.act(4, Verb::Invite(Pii::new("030123456".to_owned())));
    assert!(room.ladder.contains("refuse 4"), "{}", room.ladder);
    assert!(!room.ladder.contains("dial for"), "{}", room.ladder);
    room.act(2, Verb::Invite(Pii::new("030123456".to_owned())));
    assert!(room.ladder.contains("dial for 2"), "{}", room.ladder);
}

#[test]
fn an_unreached_call_is_told_who_wished_it_and_is_gone() {
    for (why, key) in [
        (Unreached::Busy, "callee-busy"),
        (Unreached::Silent, "callee-silent"),
        (Unreached::Declined, "callee-declined"),
        (Unreached::Failed, "call-failed"),
    ] {
        let mut room = room();
        room.ladder.clear();
        room.handle("", goes_on(3, Progress::Unreached(why)));
        assert!(
            room.ladder.contains(&format!("tell 2 {key}\n")),
            "{}",
            room.ladder
        );
        assert!(!room.ladder.contains("tell 1"));
        assert_eq!(status(&room, 3), None);
    }
}

#[test]
fn a_call_is_cancelled_by_a_moderator_and_when_nobody_is_left() {
    let mut room = room();
    room.ladder.clear();
    room.act(2, Verb::Remove(id(3)));
    assert!(room.ladder.contains("dismiss 3"), "{}", room.ladder);
    room.handle("", called(4, 2));
    room.ladder.clear();
    for number in [1, 2] {
        room.handle(
            "",
            Input::Leave {
                participant: id(number),
            },
        );
    }
    assert!(room.ladder.contains("dismiss 4"), "{}", room.ladder);
    assert_eq!(status(&room, 4), None);
}

#[test]
fn a_call_that_is_less_protected_than_the_room_demands_does_not_come_in() {
    let mut room = Room::new(10);
    room.handle(
        "",
        Input::Policy(Policy {
            protection: Protection::ToCarrier,
            ..Policy::default()
        }),
    );
    room.join(2, Role::Moderator, Door::Browser);
    room.handle("", called(3, 2));
    assert_eq!(status(&room, 3), Some(Status::DialingOut));
    room.ladder.clear();
    room.handle("", goes_on(3, Progress::Accepted(Protection::None)));
    assert!(room.ladder.contains("dismiss 3"), "{}", room.ladder);
}
