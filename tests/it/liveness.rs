//! Who is there, who is on hold and who is gone: nobody stays in the roster who cannot be reached.

use std::time::Duration;

use dsp::Codec;
use rundruf::conference::participant::Role;

use crate::sim::{
    ear::{Voice, level_dbfs},
    now,
    party::{SILENCE_DBFS, assert_hears, assert_silent, comes_in, listen, opens, talks},
    phone::{Hold, Manners, State},
    sound::Saying,
    world::World,
};

#[tokio::test(start_paused = true)]
async fn a_silent_phone_is_asked_once_in_15_s_and_stays_if_it_answers() {
    let mut world = World::new(1);
    let alice = comes_in(&mut world, "alice").await;
    alice.say(Saying::Nothing);
    let silent = now();
    world.run_for(29 * SECOND).await;
    let asked = alice.options_at();
    assert_eq!(asked.len(), 1, "{}", world.ladder.timed());
    let after = (asked[0] - silent).as_secs_f64();
    assert!((14.9..15.2).contains(&after), "{after}");
    world.run_for(60 * SECOND).await;
    assert!(alice.is_up());
    assert!((4..=5).contains(&alice.options_at().len()));
}

#[tokio::test(start_paused = true)]
async fn a_phone_that_is_gone_is_out_for_all_to_see() {
    for manners in [
        Manners::Answers(481),
        Manners::Answers(408),
        Manners::Silent,
    ] {
        let mut world = World::new(2);
        let carol = opens(&mut world, "carol", Role::Guest).await;
        let alice = comes_in(&mut world, "alice").await;
        alice.set_manners(manners);
        alice.say(Saying::Nothing);
        world.run_for(14 * SECOND).await;
        assert_eq!(carol.roster_line(), "Phone 1 · carol");
        let patience = if manners == Manners::Silent { 35 } else { 2 };
        world.run_for(patience * SECOND).await;
        assert_eq!(carol.roster_line(), "carol", "{manners:?}");
        assert_eq!(world.legs().iter().sum::<usize>(), 1, "{manners:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_held_phone_is_asked_every_30_s_and_stays() {
    let mut world = World::new(3);
    let alice = comes_in(&mut world, "alice").await;
    alice.holds(Hold::Inactive);
    alice.say(Saying::Nothing);
    let held = now();
    world.run_for(95 * SECOND).await;
    let asked: Vec<u64> = alice
        .options_at()
        .iter()
        .map(|at| (*at - held).as_secs())
        .collect();
    assert_eq!(asked, [30, 60, 90]);
    assert!(alice.is_up());
}

#[tokio::test(start_paused = true)]
async fn hold_is_seen_and_neither_heard_nor_served_with_music() {
    for hold in [Hold::SendOnly, Hold::Inactive, Hold::Nowhere] {
        let mut world = World::new(4);
        let carol = opens(&mut world, "carol", Role::Guest).await;
        let alice = talks(&mut world, "alice", Codec::Pcma, Voice(0)).await;
        let bob = talks(&mut world, "bob", Codec::Pcma, Voice(1)).await;
        alice.holds(hold);
        // Telephones play music to those they hold; it must not reach the conference.
        alice.says(Voice(2));
        let from = listen(&mut world).await;
        assert_silent(&bob, from);
        let heard = alice.heard_since(from);
        assert!(level_dbfs(&heard.samples) < SILENCE_DBFS, "{hold:?}");
        assert!(
            !heard.samples.is_empty(),
            "packets go on, with silence: {hold:?}"
        );
        assert_eq!(
            carol.roster_line(),
            "Phone 1 on-hold mic · Phone 2 mic · carol"
        );
        alice.resumes();
        alice.says(Voice(0));
        world.run_for(SECOND).await;
        assert_eq!(carol.roster_line(), "Phone 1 mic · Phone 2 mic · carol");
        let from = listen(&mut world).await;
        assert_hears(&alice, from, &[Voice(1)]);
        assert_hears(&bob, from, &[Voice(0)]);
        assert!(alice.finals().iter().all(|status| *status == 200));
    }
}

#[tokio::test(start_paused = true)]
async fn a_browser_without_a_sign_of_life_is_gone_after_30_s() {
    let mut world = World::new(5);
    let carol = opens(&mut world, "carol", Role::Guest).await;
    let dave = opens(&mut world, "dave", Role::Guest).await;
    dave.dies();
    world.run_for(25 * SECOND).await;
    // Nothing is heard of them, and no check of theirs comes.
    assert_eq!(carol.roster_line(), "carol · dave Poor");
    world.run_for(8 * SECOND).await;
    // The leg is gone and the others see it; the page may be back in a moment.
    assert_eq!(carol.roster_line(), "carol · dave away");
    assert_eq!(world.legs().iter().sum::<usize>(), 1);
    world.run_for(10 * SECOND).await;
    assert_eq!(carol.roster_line(), "carol");
    assert!(carol.is_connected());
}

#[tokio::test(start_paused = true)]
async fn a_phone_that_hangs_up_before_it_is_in_leaves_nothing() {
    let mut world = World::new(6);
    let alice = world.phone("alice");
    alice.dials("bridge");
    world.run_until(|_| alice.is_up()).await;
    alice.types("4711");
    alice.hangs_up();
    world.run_for(SECOND).await;
    assert!(matches!(alice.state(), State::Left(_)));
    assert_eq!(world.legs(), [0, 0]);
}

const SECOND: Duration = Duration::from_secs(1);
