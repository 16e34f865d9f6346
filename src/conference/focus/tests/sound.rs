//! What people and owners can do with the sound.

use super::*;
use crate::conference::policy::{Lobby, Speakers};

#[test]
fn a_browser_has_its_sound_left_as_it_is_and_all_see_it() {
    let mut room = Room::new(10);
    room.join(1, Role::Guest, Door::Browser);
    room.join(2, Role::Moderator, Door::Browser);
    room.ladder.clear();
    for on in [true, true, false] {
        room.act(1, Verb::SetOriginalSound(on));
        assert_eq!(room.entry(1).original_sound, on);
    }
    room.act(9, Verb::SetOriginalSound(true));
    insta::assert_snapshot!(room.ladder, @r"
    1 asks SetOriginalSound(true)
      publish v3: 1
      original 1 true
    1 asks SetOriginalSound(true)
    1 asks SetOriginalSound(false)
      publish v4: 1
      original 1 false
    9 asks SetOriginalSound(true)
    ");
}

#[test]
fn a_telephone_line_is_treated_as_it_needs() {
    let mut room = Room::new(10);
    room.join(1, Role::Moderator, Door::Phone);
    room.ladder.clear();
    room.act(1, Verb::SetOriginalSound(true));
    insta::assert_snapshot!(room.ladder, @r"
    1 asks SetOriginalSound(true)
      refuse 1 NotAllowed
    ");
    assert!(!room.entry(1).original_sound);
}

#[test]
fn the_owner_says_how_many_are_heard_and_the_mixer_is_told_of_changes_alone() {
    let mut room = Room::new(10);
    let said = |room: &mut Room, most: u8| {
        let speakers = Speakers::try_from(most).unwrap();
        room.handle(
            &format!("owner says {most}"),
            Input::Policy(Policy {
                speakers,
                ..Policy::default()
            }),
        );
    };
    for most in [5, 8, 8, 1] {
        said(&mut room, most);
    }
    insta::assert_snapshot!(room.ladder, @r"
    owner says 5
    owner says 8
      speakers 8
    owner says 8
    owner says 1
      speakers 1
    ");
}

#[test]
fn a_telephone_on_hold_hears_and_speaks_nothing_and_comes_back_as_it_was() {
    let mut room = Room::new(10);
    room.join(1, Role::Guest, Door::Phone);
    room.act(1, Verb::SetMicrophone(true));
    room.ladder.clear();
    for held in [true, true, false] {
        room.handle("hold", Input::Hold { leg: leg(1), held });
    }
    insta::assert_snapshot!(room.ladder, @r"
    hold
      publish v3: 1
      seats 1:--
    hold
    hold
      publish v4: 1
      seats 1:sh
    ");
}

#[test]
fn only_those_who_can_be_heard_are_shown_as_speaking() {
    let mut room = Room::new(10);
    room.join(1, Role::Guest, Door::Phone);
    room.speak(1);
    assert!(!room.entry(1).speaking);
    room.act(1, Verb::SetMicrophone(true));
    room.speak(1);
    assert!(room.entry(1).speaking);
    room.handle(
        "hold",
        Input::Hold {
            leg: leg(1),
            held: true,
        },
    );
    assert!(!room.entry(1).speaking);
    room.handle(
        "hold",
        Input::Hold {
            leg: leg(1),
            held: false,
        },
    );
    room.speak(1);
    room.act(1, Verb::SetMicrophone(false));
    assert!(!room.entry(1).speaking);
}

#[test]
fn speaking_changes_the_roster_but_no_seat() {
    let mut room = Room::new(10);
    room.join(1, Role::Guest, Door::Phone);
    room.act(1, Verb::SetMicrophone(true));
    room.ladder.clear();
    room.speak(1);
    room.speak(1);
    insta::assert_snapshot!(room.ladder, @r"
    1 speaks
      publish v3: 1 speaks
    1 speaks
    ");
}

#[test]
fn music_is_shown_to_all_and_its_end_gives_the_microphone_back_as_it_was() {
    let mut room = Room::new(10);
    room.join(1, Role::Guest, Door::Phone);
    room.act(1, Verb::SetMicrophone(true));
    room.speak(1);
    room.ladder.clear();
    room.disturb(1, Some(Disturbance::Music));
    assert!(!room.entry(1).speaking);
    room.speak(1);
    assert!(!room.entry(1).speaking);
    assert!(room.entry(1).microphone);
    room.disturb(1, None);
    insta::assert_snapshot!(room.ladder, @r"
    1 disturbs Some(Music)
      publish v4: 1
      tell 1 music-muted
    1 speaks
    1 disturbs None
      publish v5: 1
      tell 1 music-over
    ");
}

#[test]
fn a_microphone_that_was_switched_off_during_music_stays_off() {
    for by in [1, 2] {
        let mut room = Room::new(10);
        room.join(1, Role::Guest, Door::Phone);
        room.join(2, Role::Moderator, Door::Browser);
        room.act(1, Verb::SetMicrophone(true));
        room.disturb(1, Some(Disturbance::Music));
        if by == 1 {
            room.act(1, Verb::SetMicrophone(false));
        } else {
            room.act(2, Verb::Mute(id(1)));
        }
        room.ladder.clear();
        room.disturb(1, None);
        insta::allow_duplicates! {
            insta::assert_snapshot!(room.ladder, @r"
            1 disturbs None
              publish v6: 1
            ");
        }
        assert!(!room.entry(1).microphone);
    }
}

#[test]
fn nobody_is_told_that_they_are_heard_while_music_mutes_them() {
    let mut room = Room::new(10);
    room.join(1, Role::Guest, Door::Phone);
    room.act(1, Verb::SetMicrophone(true));
    room.disturb(1, Some(Disturbance::Music));
    room.act(1, Verb::SetMicrophone(false));
    room.ladder.clear();
    room.act(1, Verb::SetMicrophone(true));
    insta::assert_snapshot!(room.ladder, @r"
    1 asks SetMicrophone(true)
      publish v5: 1
      seats 1:sh
      tell 1 music-muted
    ");
}

#[test]
fn a_hint_about_the_line_is_given_once() {
    let mut room = Room::new(10);
    room.join(1, Role::Guest, Door::Phone);
    room.act(1, Verb::SetMicrophone(true));
    room.ladder.clear();
    room.disturb(1, Some(Disturbance::Echo));
    room.disturb(1, Some(Disturbance::Echo));
    room.disturb(1, None);
    room.disturb(1, Some(Disturbance::SteadyNoise));
    room.disturb(9, Some(Disturbance::SteadyNoise));
    insta::assert_snapshot!(room.ladder, @r"
    1 disturbs Some(Echo)
      publish v3: 1
      tell 1 line-echoes
    1 disturbs Some(Echo)
    1 disturbs None
      publish v4: 1
    1 disturbs Some(SteadyNoise)
      publish v5: 1
    9 disturbs Some(SteadyNoise)
    ");
    assert_eq!(room.entry(1).disturbs, Some(Disturbance::SteadyNoise));
}

/// Of those inside it is told by ids alone, once for each change; guests learn nothing of those who wait.
#[test]
fn how_well_a_line_carries_speech_is_told_in_few_bytes_and_to_those_it_is_for() {
    let mut room = Room::new(10);
    room.join(1, Role::Moderator, Door::Browser);
    room.join(2, Role::Guest, Door::Phone);
    room.act(1, Verb::SetLobby(Lobby::Guests));
    room.join(3, Role::Guest, Door::Phone);
    let mut told = |number: u64, quality: Quality| {
        let leg = leg(number);
        room.focus.handle(Input::Quality { leg, quality }, room.now);
        let effect = room.focus.poll()?;
        assert_eq!(room.focus.poll(), None);
        let Effect::Publish(delta) = effect else {
            panic!("{effect:?}");
        };
        let guests = delta.seen_by(Audience::Inside);
        Some((delta.entries.len(), delta.lines, guests.lines))
    };
    let poor = vec![(id(2), Quality::Poor)];
    assert_eq!(told(2, Quality::Poor), Some((0, poor.clone(), poor)));
    assert_eq!(told(2, Quality::Poor), None, "it is so already");
    assert_eq!(told(3, Quality::Fair), Some((1, vec![], vec![])));
    assert_eq!(told(9, Quality::Fair), None, "nobody's leg");
}
