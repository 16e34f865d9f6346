//! What is heard of people who come and go.

use super::*;
use crate::{
    conference::policy::{Entrances, EntrySignal, Lobby, Policy},
    limit::{ENTRIES_WAITING_MAX, ENTRY_NAME_PAUSE, ENTRY_TONE_PAUSE},
};

/// A conference in which this is heard of people who come and go, and a moderator, 1, is inside.
fn heard(signal: EntrySignal, quiet_above: u16) -> Room {
    let mut room = Room::new(1_000);
    let entrances = Entrances {
        signal,
        quiet_above,
    };
    let policy = Policy {
        entrances,
        ..Policy::default()
    };
    room.handle("entrances", Input::Policy(policy));
    room.join(1, Role::Moderator, Door::Browser);
    room.ladder.clear();
    room
}

/// What was said to all, in order.
fn announced(room: &Room) -> Vec<&str> {
    let lines = room.ladder.lines();
    lines
        .filter_map(|line| line.strip_prefix("  announce "))
        .collect()
}

#[test]
fn a_tone_tells_that_somebody_comes_and_goes() {
    let mut room = heard(EntrySignal::Tones, 20);
    room.join(2, Role::Guest, Door::Phone);
    room.pass(Duration::from_secs(2));
    room.leave(2);
    insta::assert_snapshot!(room.ladder, @r"
    2 joins
      publish v3: 2
      seats 1:-h 2:-h
      tell 2 admitted 2
      announce somebody-came
    2 leaves
      publish v4: gone 2
      seats 1:-h
      announce somebody-went
    ");
}

#[test]
fn nobody_is_announced_to_themself() {
    let mut room = heard(EntrySignal::Tones, 20);
    room.leave(1);
    room.join(2, Role::Guest, Door::Phone);
    assert_eq!(announced(&room), [""; 0]);
    assert_eq!(room.focus.poll_timeout(), None);
}

#[test]
fn names_are_said_one_after_the_other() {
    let mut room = heard(EntrySignal::Names, 20);
    room.join(2, Role::Guest, Door::Phone);
    room.join(3, Role::Guest, Door::Browser);
    room.leave(2);
    assert_eq!(announced(&room), ["came Phone 1"]);
    for _ in 0..2 {
        room.pass(ENTRY_NAME_PAUSE);
    }
    let all = ["came Phone 1", "came Browser 2", "went Phone 1"];
    assert_eq!(announced(&room), all);
    assert_eq!(room.focus.poll_timeout(), None);
}

#[test]
fn who_goes_before_they_were_named_is_not_mentioned() {
    let mut room = heard(EntrySignal::Names, 20);
    room.join(2, Role::Guest, Door::Phone);
    room.join(3, Role::Guest, Door::Phone);
    room.leave(3);
    room.pass(10 * ENTRY_NAME_PAUSE);
    assert_eq!(announced(&room), ["came Phone 1"]);
}

/// 400 people in two seconds are three tones, not 400.
#[test]
fn many_who_come_at_once_are_a_few_tones() {
    let mut room = heard(EntrySignal::Tones, 1_000);
    for number in 2..402 {
        room.join(number, Role::Guest, Door::Phone);
        room.pass(Duration::from_millis(5));
    }
    room.pass(ENTRY_TONE_PAUSE);
    assert_eq!(announced(&room), ["somebody-came"; 3]);
    for number in 2..402 {
        room.leave(number);
    }
    room.pass(ENTRY_TONE_PAUSE);
    // One at once for the first, and one for all others.
    assert_eq!(announced(&room)[3..], ["somebody-went"; 2]);
}

#[test]
fn many_names_do_not_queue_up() {
    let mut room = heard(EntrySignal::Names, 1_000);
    for number in 2..402 {
        room.join(number, Role::Guest, Door::Phone);
    }
    for _ in 0..400 {
        room.pass(ENTRY_NAME_PAUSE);
    }
    assert_eq!(announced(&room).len(), 1 + ENTRIES_WAITING_MAX);
}

#[test]
fn above_the_rooms_number_nothing_is_heard() {
    let mut room = heard(EntrySignal::Tones, 3);
    for number in 2..=5 {
        room.join(number, Role::Guest, Door::Phone);
        room.pass(Duration::from_secs(2));
    }
    assert_eq!(announced(&room), ["somebody-came"; 2]);
    // Four are left, then three.
    for number in [5, 4] {
        room.leave(number);
        room.pass(Duration::from_secs(2));
    }
    assert_eq!(announced(&room).len(), 3);
}

#[test]
fn a_moderator_changes_it_by_key_and_all_see_it() {
    let mut room = heard(EntrySignal::Tones, 20);
    room.act(1, Verb::NextEntrySignal);
    room.act(1, Verb::NextEntrySignal);
    room.act(1, Verb::SetEntrySignal(EntrySignal::Off));
    insta::assert_snapshot!(room.ladder, @r"
    1 asks NextEntrySignal
      publish v3:
      tell 1 entry-names
    1 asks NextEntrySignal
      publish v4:
      tell 1 entry-off
    1 asks SetEntrySignal(Off)
      tell 1 entry-off
    ");
    assert_eq!(room.roster.state.entry_signal, EntrySignal::Off);
    room.join(2, Role::Guest, Door::Phone);
    assert_eq!(announced(&room), [""; 0]);
    // The owner's word counts again when they say another one, and when all are gone.
    room.leave(1);
    room.leave(2);
    assert_eq!(room.roster.state.entry_signal, EntrySignal::Tones);
    room.join(1, Role::Moderator, Door::Browser);
    room.act(1, Verb::NextEntrySignal);
    room.handle("off", Input::Policy(Policy::default()));
    assert_eq!(room.roster.state.entry_signal, EntrySignal::Off);
}

#[test]
fn who_is_let_in_is_announced_and_the_end_of_all_is_not() {
    let mut room = heard(EntrySignal::Tones, 20);
    room.act(1, Verb::SetLobby(Lobby::Guests));
    room.join(2, Role::Guest, Door::Phone);
    assert_eq!(announced(&room), [""; 0]);
    room.act(1, Verb::Admit(id(2)));
    assert_eq!(announced(&room), ["somebody-came"]);
    room.join(3, Role::Guest, Door::Phone);
    room.leave(3);
    room.pass(Duration::from_secs(5));
    room.act(1, Verb::End);
    assert_eq!(announced(&room), ["somebody-came"]);
}
