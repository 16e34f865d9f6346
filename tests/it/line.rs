//! What everybody sees of lines that carry speech badly: a word in the row, while it lasts, for telephones and browsers alike.

use std::time::Duration;

use dsp::Codec;
use rundruf::conference::{focus::Verb, participant::Role};

use crate::sim::{
    ear::Voice,
    net::Link,
    party::{opens, talks},
    world::World,
};

#[tokio::test(start_paused = true)]
async fn what_gets_lost_on_the_way_in_is_seen_by_all_until_it_is_over() {
    let mut world = World::new(1);
    let carol = opens(&mut world, "carol", Role::Moderator).await;
    let dave = opens(&mut world, "dave", Role::Guest).await;
    carol.says(Voice(1));
    carol.does(Verb::SetMicrophone(true)).await;
    let _alice = talks(&mut world, "alice", Codec::Pcma, Voice(0)).await;
    world.run_for(8 * SECOND).await;
    let good = "Phone 1 mic · carol moderator mic · dave";
    assert_eq!([carol.roster_line(), dave.roster_line()], [good; 2]);
    world.net.up.loss = 0.2;
    world.run_for(8 * SECOND).await;
    // Who says nothing by browser sends nothing that could get lost.
    let poor = "Phone 1 mic Poor · carol moderator mic Poor · dave";
    assert_eq!([carol.roster_line(), dave.roster_line()], [poor; 2]);
    world.net.up.loss = 0.0;
    world.run_for(6 * SECOND).await;
    assert_eq!(dave.roster_line(), poor, "calm is waited for");
    world.run_for(14 * SECOND).await;
    assert_eq!([carol.roster_line(), dave.roster_line()], [good; 2]);
}

#[tokio::test(start_paused = true)]
async fn some_loss_is_a_weak_line_and_what_is_made_up_for_is_none() {
    for (loss, line) in [
        (0.002, "Phone 1 mic · carol moderator"),
        (0.045, "Phone 1 mic Fair · carol moderator"),
    ] {
        let mut world = World::new(2);
        let carol = opens(&mut world, "carol", Role::Moderator).await;
        let _alice = talks(&mut world, "alice", Codec::Pcma, Voice(0)).await;
        world.net.up.loss = loss;
        world.run_for(12 * SECOND).await;
        assert_eq!(carol.roster_line(), line, "{loss}");
    }
}

#[tokio::test(start_paused = true)]
async fn packets_that_come_unevenly_are_a_weak_line() {
    let mut world = World::new(3);
    let carol = opens(&mut world, "carol", Role::Moderator).await;
    let _alice = talks(&mut world, "alice", Codec::Pcma, Voice(0)).await;
    world.net.up = Link {
        jitter: Duration::from_millis(160),
        ..Link::clean(Duration::from_millis(5))
    };
    // While the buffer grows to it, more comes too late.
    world.run_for(40 * SECOND).await;
    assert_eq!(carol.roster_line(), "Phone 1 mic Fair · carol moderator");
}

#[tokio::test(start_paused = true)]
async fn what_gets_lost_on_the_way_out_is_known_of_whoever_reports_it() {
    let mut world = World::new(4);
    let carol = opens(&mut world, "carol", Role::Moderator).await;
    let _alice = talks(&mut world, "alice", Codec::Pcma, Voice(0)).await;
    world.net.down.loss = 0.2;
    world.run_for(20 * SECOND).await;
    assert_eq!(
        carol.roster_line(),
        "Phone 1 mic Poor · carol moderator Poor"
    );
}

#[tokio::test(start_paused = true)]
async fn who_comes_in_with_a_bad_line_is_seen_with_it() {
    let mut world = World::new(5);
    let carol = opens(&mut world, "carol", Role::Moderator).await;
    world.net.up.loss = 0.2;
    let _alice = talks(&mut world, "alice", Codec::Pcma, Voice(0)).await;
    world.run_for(8 * SECOND).await;
    assert_eq!(carol.roster_line(), "Phone 1 mic Poor · carol moderator");
}

const SECOND: Duration = Duration::from_secs(1);
