//! The floor as ladders.

use super::*;

/// A moderator speaks with the floor or without, but the roster must not show two who have it.
#[test]
fn the_floor_is_with_one_at_a_time_and_a_moderator_is_heard_without() {
    let mut room = Room::new(10);
    room.join(1, Role::Guest, Door::Phone);
    room.join(2, Role::Moderator, Door::Browser);
    room.act(2, Verb::SetAskToSpeak(true));
    room.act(2, Verb::SetMicrophone(true));
    room.act(2, Verb::GiveFloor(id(2)));
    room.act(2, Verb::GiveFloor(id(1)));
    let entries = room.focus.snapshot().entries;
    let state: Vec<_> = entries
        .iter()
        .map(|entry| (entry.role, entry.floor, entry.microphone))
        .collect();
    assert_eq!(
        state,
        [(Role::Guest, true, false), (Role::Moderator, false, true)]
    );
}
