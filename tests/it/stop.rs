//! A stop: everybody is told, every call ends with BYE, and it is over within 3 s.

use std::time::Duration;

use rundruf::conference::{error::Dismissal, participant::Role};

use crate::sim::{
    now,
    party::{comes_in, opens},
    phone::{Hold, State},
    world::World,
};

#[tokio::test(start_paused = true)]
async fn a_stop_says_bye_to_every_call_within_3_s() {
    let mut world = World::new(1);
    let carol = opens(&mut world, "carol", Role::Guest).await;
    let alice = comes_in(&mut world, "alice").await;
    let held = comes_in(&mut world, "held").await;
    held.holds(Hold::Inactive);
    let waiting = world.phone("waiting");
    waiting.dials("bridge");
    world.run_until(|_| waiting.is_up()).await;
    world.run_for(Duration::from_secs(1)).await;
    let stopped = now();
    world.stop().await;
    world.run_for(Duration::from_secs(3)).await;
    for phone in [alice, held, waiting] {
        let State::Dismissed(at) = phone.state() else {
            panic!("{} is {:?}", phone.name(), phone.state());
        };
        assert!(at - stopped < Duration::from_secs(3));
        let said = world.ladder.said_to(&phone.name());
        assert_eq!(said.last().unwrap(), "stopping");
    }
    assert_eq!(carol.dismissed(), Some(Dismissal::Stopping));
    assert!(world.door_is_closed());
    assert_eq!(world.legs(), [0, 0]);
    assert_eq!(world.server.census().conferences(), 0);
}

#[tokio::test(start_paused = true)]
async fn who_calls_during_a_stop_is_sent_away() {
    let mut world = World::new(2);
    let alice = comes_in(&mut world, "alice").await;
    world.stop().await;
    let late = world.phone("late");
    late.dials("bridge");
    world.run_for(Duration::from_secs(3)).await;
    assert_eq!(late.state(), State::Refused(503));
    assert!(matches!(alice.state(), State::Dismissed(_)));
}
