//! The floor as ladders.

use super::*;
use crate::limit::DEED_TOLD;

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

/// Who cannot see the list hears what a moderator just did, by asking who is here; after a while it is no news.
#[test]
fn who_asks_who_is_here_hears_what_a_moderator_just_did() {
    let mut room = Room::new(10);
    room.join(1, Role::Moderator, Door::Browser);
    room.join(2, Role::Guest, Door::Phone);
    let told = |room: &mut Room| {
        let (by, verb) = (id(2), Verb::WhoIsHere);
        room.focus.handle(Input::Act { by, verb }, room.now);
        let effects: Vec<_> = std::iter::from_fn(|| room.focus.poll()).collect();
        let mut deeds = effects.iter().filter_map(|effect| {
            let Effect::Tell {
                event: Event::WhoIsHere { rollcall },
                ..
            } = effect
            else {
                return None;
            };
            Some(rollcall.deed)
        });
        deeds.next().expect("who asks is told")
    };
    assert_eq!(told(&mut room), None);
    for (verb, deed) in [
        (Verb::MuteAll, Deed::MutedAll),
        (Verb::SetAskToSpeak(true), Deed::AskToSpeak),
        (Verb::SetAskToSpeak(false), Deed::AllMaySpeak),
        (Verb::NextHand, Deed::AskToSpeak),
        (Verb::SetAskToSpeak(true), Deed::AskToSpeak),
        (Verb::NextHand, Deed::AskToSpeak),
        (Verb::NextHand, Deed::AllMaySpeak),
        (Verb::ToggleLock, Deed::AllMaySpeak),
        (Verb::ToggleLock, Deed::Unlocked),
    ] {
        room.act(1, verb);
        assert_eq!(told(&mut room), Some(deed));
    }
    // What is no longer so is not told.
    room.act(1, Verb::SetLock(true));
    assert_eq!(told(&mut room), None);
    room.act(1, Verb::SetLock(false));
    // What a guest may not do is no deed.
    room.act(2, Verb::MuteAll);
    assert_eq!(told(&mut room), Some(Deed::Unlocked));
    room.pass(DEED_TOLD + Duration::from_secs(1));
    assert_eq!(told(&mut room), None);
    // Nor what those did who have all gone.
    room.act(1, Verb::MuteAll);
    room.leave(1);
    room.leave(2);
    room.join(2, Role::Guest, Door::Phone);
    assert_eq!(told(&mut room), None);
}
