//! What was done, as those see it who are inside, and the telephone of whom a moderator makes one.

use std::time::Duration;

use dsp::Codec;
use rundruf::{
    conference::{
        acts::{Act, Actor, Done},
        focus::Verb,
        participant::Role,
    },
    id::ParticipantId,
};

use crate::sim::{
    browser::Browser,
    party::{comes_in, comes_in_as, opens},
    world::{WALL, World},
};

fn phone(browser: &Browser) -> ParticipantId {
    let roster = browser.roster();
    let phone = roster.iter().find(|entry| entry.name.is_none());
    phone.expect("a telephone").id
}

/// The acts that a page was shown, and whether with a name.
fn acts(browser: &Browser) -> Vec<(Act, bool)> {
    let shown = browser.done().into_iter();
    shown
        .map(|(Done { act, actor, to }, at)| {
            assert_eq!((actor, at), (Actor::Moderator, WALL));
            (act, to.is_some())
        })
        .collect()
}

#[tokio::test(start_paused = true)]
async fn the_keys_of_a_telephone_are_a_moderators_from_the_moment_it_is_one() {
    let mut world = World::new(1);
    let carol = opens(&mut world, "carol", Role::Moderator).await;
    let alice = comes_in(&mut world, "alice").await;
    alice.types("*82");
    world.run_for(4 * SECOND).await;
    let last = |world: &World| world.ladder.said_to("alice").last().cloned().unwrap();
    assert_eq!(last(&world), "not-allowed");
    let admitted = world.server.census().admitted();
    carol.does(Verb::MakeModerator(phone(&carol))).await;
    world.run_for(4 * SECOND).await;
    assert_eq!(last(&world), "made-moderator for-help");
    assert_eq!(carol.roster_line(), "Phone 1 moderator · carol moderator");
    alice.types("*82");
    world.run_for(4 * SECOND).await;
    assert_eq!(last(&world), "locked");
    assert_eq!(
        world.server.census().admitted(),
        admitted,
        "nobody has come in"
    );
    assert_eq!(
        acts(&carol),
        [(Act::MadeModerator, true), (Act::Locked, false)]
    );
}

/// Who came by browser sees with a moderator's eyes at once; who comes after an act is not shown it.
#[tokio::test(start_paused = true)]
async fn everybody_sees_what_is_done_while_they_are_inside() {
    let mut world = World::new(2);
    let carol = opens(&mut world, "carol", Role::Moderator).await;
    let dave = opens(&mut world, "dave", Role::Guest).await;
    comes_in_as(&mut world, "alice", Codec::Pcma, Role::Guest).await;
    carol.does(Verb::MuteAll).await;
    let erin = opens(&mut world, "erin", Role::Guest).await;
    carol.does(Verb::AskToUnmute(phone(&carol))).await;
    let named = |browser: &Browser, name: &str| {
        let roster = browser.roster();
        let found = roster.iter().find(|entry| {
            let shown = entry.name.as_ref().map(|name| name.expose().as_str());
            shown == Some(name)
        });
        found.expect("somebody of that name").id
    };
    carol.does(Verb::MakeModerator(named(&carol, "dave"))).await;
    world.run_for(SECOND).await;
    assert_eq!(
        acts(&dave),
        [
            (Act::MutedAll, false),
            (Act::AskedToUnmute, false),
            (Act::MadeModerator, true)
        ]
    );
    assert_eq!(
        acts(&erin),
        [(Act::AskedToUnmute, false), (Act::MadeModerator, false)]
    );
    dave.does(Verb::Remove(named(&dave, "erin"))).await;
    world.run_for(SECOND).await;
    assert_eq!(acts(&dave).last(), Some(&(Act::Removed, true)));
    assert_eq!(
        carol.roster_line(),
        "Phone 1 · carol moderator · dave moderator"
    );
}

const SECOND: Duration = Duration::from_secs(1);
