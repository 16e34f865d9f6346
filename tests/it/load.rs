//! What happens at the doors of a server whose workers are near their limit, and that nothing happens to those inside.

use std::time::Duration;

use dsp::Codec;
use rundruf::{
    browser::wire::Failed,
    conference::participant::Role,
    http::{Label, Metric},
    media::{Counter, load::Effort},
    serve::{TrunkLabels, metrics},
};

use crate::sim::{
    ear::Voice,
    party::{assert_hears, comes_in, listen, opens, talks},
    phone::{Phone, State},
    world::World,
};

#[tokio::test(start_paused = true)]
async fn a_full_server_refuses_at_the_doors_and_those_inside_notice_nothing() {
    let mut world = World::new(1);
    let carol = opens(&mut world, "carol", Role::Moderator).await;
    let alice = talks(&mut world, "alice", Codec::Pcma, Voice(0)).await;
    burden(&mut world, [0.83, 0.83], 3 * SECOND).await;
    let roster = carol.roster_line();
    for door in ["4711", "bridge"] {
        let late = world.phone("late");
        late.dials(door);
        world.run_for(SECOND).await;
        assert_eq!(late.state(), State::Refused(503));
        let told = world.ladder.at("late ← 503 INVITE retry after 30");
        assert!(told.is_some(), "{}", world.ladder.plain());
    }
    for room in world.rooms.clone() {
        let dave = world.browser("dave");
        assert_eq!(dave.is_refused(&world, &room).await, Some(Failed::Busy));
    }
    assert_eq!(world.server.census().conferences(), 1);
    let from = listen(&mut world).await;
    assert_hears(&carol, from, &[Voice(0)]);
    assert_eq!(carol.roster_line(), roster);
    assert!(alice.is_up());
    let refused = world.server.pool().counters().of(Counter::LegsRefusedLoad);
    assert_eq!(refused, 4);

    burden(&mut world, [0.2, 0.2], 3 * SECOND).await;
    let dave = world.browser("dave");
    assert_eq!(dave.is_refused(&world, &world.room()).await, None);
    comes_in(&mut world, "bob").await;
    let refused = world.server.pool().counters().of(Counter::LegsRefusedLoad);
    assert_eq!(refused, 4);
}

#[tokio::test(start_paused = true)]
async fn a_caller_whose_conference_is_on_a_full_worker_hears_why() {
    let mut world = World::new(2);
    let carol = opens(&mut world, "carol", Role::Moderator).await;
    let here = world.legs().iter().position(|legs| *legs == 1).unwrap();
    let mut shares = [0.1; 2];
    shares[here] = 0.83;
    burden(&mut world, shares, 3 * SECOND).await;
    let late = types_the_code(&mut world, "late").await;
    world.run_for(3 * SECOND).await;
    assert_eq!(world.ladder.said_to("late").last().unwrap(), "busy");
    assert!(
        matches!(late.state(), State::Dismissed(_)),
        "{:?}",
        late.state()
    );
    assert_eq!(carol.roster_line(), "carol moderator");

    // The other worker has room, so another room's conference begins there.
    let dave = world.browser("dave");
    let other = world.rooms[1].clone();
    dave.joins(&world, &other, Role::Guest).await;
    world.run_until(|_| dave.is_connected()).await;
    assert_eq!(world.legs(), [1, 1]);
    shares[here] = 0.2;
    burden(&mut world, shares, 3 * SECOND).await;
    types_the_code(&mut world, "again").await;
    world.run_for(SECOND).await;
    assert_eq!(carol.roster_line(), "Phone 1 · carol moderator");
}

#[tokio::test(start_paused = true)]
async fn a_conference_begins_on_the_worker_whose_core_is_less_in_use() {
    let mut world = World::new(3);
    burden(&mut world, [0.4, 0.1], 3 * SECOND).await;
    opens(&mut world, "carol", Role::Guest).await;
    assert_eq!(world.legs(), [0, 1]);
}

#[tokio::test(start_paused = true)]
async fn what_a_worker_gives_up_comes_back_and_the_conversation_goes_on() {
    let mut world = World::new(5);
    let carol = opens(&mut world, "carol", Role::Moderator).await;
    talks(&mut world, "alice", Codec::Pcma, Voice(0)).await;
    assert_eq!([0, 1].map(|worker| world.effort(worker)), [Effort::FULL; 2]);
    burden(&mut world, [0.95, 0.95], SECOND).await;
    let less = [0, 1].map(|worker| world.effort(worker));
    assert!(
        less.iter().all(|effort| *effort != Effort::FULL),
        "{less:?}"
    );
    burden(&mut world, [0.2, 0.2], 15 * SECOND).await;
    assert_eq!([0, 1].map(|worker| world.effort(worker)), [Effort::FULL; 2]);
    let from = listen(&mut world).await;
    assert_hears(&carol, from, &[Voice(0)]);
}

#[tokio::test(start_paused = true)]
async fn the_effort_and_the_share_of_each_worker_are_among_the_metrics() {
    let mut world = World::new(4);
    burden(&mut world, [0.95, 0.3], 15 * SECOND).await;
    let metrics = metrics(
        &world.server,
        &rundruf::phone::Counts::default(),
        &TrunkLabels::default(),
    );
    let of = |name: &str| -> Vec<u64> {
        let metric: &Metric = metrics.iter().find(|metric| metric.name == name).unwrap();
        let labels: Vec<_> = metric
            .samples
            .iter()
            .map(|sample| sample.label.clone())
            .collect();
        let number = |worker| Some(Label::Number("worker", worker));
        assert_eq!(labels, [number(0), number(1)]);
        metric.samples.iter().map(|sample| sample.value).collect()
    };
    assert_eq!(of("rundruf_worker_load_permille"), [950, 300]);
    assert_eq!(of("rundruf_worker_load_peak_permille"), [950, 300]);
    assert_eq!(of("rundruf_worker_full"), [1, 0]);
    assert_eq!(of("rundruf_worker_effort_reduced"), [4, 0]);
    assert_eq!(of("rundruf_worker_legs"), [0, 0]);
    assert_eq!(of("rundruf_worker_tick_overruns_total"), [0, 0]);
    assert_eq!(of("rundruf_worker_tick_lateness_most_microseconds"), [0, 0]);
    let bucket = |metric: &&Metric| metric.name == "rundruf_tick_lateness_seconds_bucket";
    let bounds = &metrics.iter().find(bucket).unwrap().samples;
    assert_eq!(
        bounds.last().unwrap().label,
        Some(Label::Word("le", "+Inf"))
    );
}

/// Makes the workers need these shares of their cores for a time.
async fn burden(world: &mut World, shares: [f32; 2], time: Duration) {
    for (worker, share) in shares.into_iter().enumerate() {
        world.burden(worker, share);
    }
    // A worker weighs what it did whenever something happens.
    let step = Duration::from_millis(20);
    for _ in 0..time.as_millis() / step.as_millis() {
        world.run_for(step).await;
    }
}

/// Calls the room and types its PIN.
async fn types_the_code(world: &mut World, name: &str) -> Phone {
    let phone = world.phone(name);
    let room = world.room();
    phone.dials(&room.room.number);
    world.run_until(|_| phone.is_up()).await;
    world.run_for(Duration::from_millis(100)).await;
    phone.types(&room.pin(Role::Guest));
    world.run_until(|_| phone.has_typed()).await;
    world.run_for(SECOND).await;
    phone
}

const SECOND: Duration = Duration::from_secs(1);
