//! A panic ends what it happens in and nothing else: injected into one leg, into one bus.

use std::time::Duration;

use dsp::Codec;
use rundruf::{
    conference::{error::Dismissal, participant::Role},
    media::{
        Counter,
        api::{Command, Fault},
    },
};

use crate::sim::{
    ear::Voice,
    party::{assert_hears, listen, opens, talks},
    phone::State,
    world::World,
};

#[tokio::test(start_paused = true)]
async fn a_panic_in_a_leg_ends_that_leg() {
    let mut world = World::new(1);
    let carol = opens(&mut world, "carol", Role::Guest).await;
    let alice = talks(&mut world, "alice", Codec::Pcma, Voice(0)).await;
    let bob = talks(&mut world, "bob", Codec::Pcma, Voice(1)).await;
    let (shard, leg) = world.leg_of(&alice);
    world.command(shard, Command::Inject(Fault::Leg(leg)));
    world.run_for(SECOND).await;
    assert!(matches!(alice.state(), State::Dismissed(_)));
    assert_eq!(carol.roster_line(), "Phone 2 mic · carol");
    let from = listen(&mut world).await;
    assert_hears(&carol, from, &[Voice(1)]);
    assert!(bob.is_up());
    let counters = world.counters();
    assert_eq!(counters.of(Counter::LegPanics), 1);
    assert_eq!(counters.of(Counter::BusPanics), 0);
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_a_bus_ends_that_conference() {
    let mut world = World::new(2);
    let carol = opens(&mut world, "carol", Role::Guest).await;
    let alice = talks(&mut world, "alice", Codec::Pcma, Voice(0)).await;
    world.rooms.rotate_left(1);
    let bob = talks(&mut world, "bob", Codec::Pcma, Voice(1)).await;
    let dave = opens(&mut world, "dave", Role::Guest).await;
    let struck = world.conferences[0];
    for shard in 0..2 {
        world.command(shard, Command::Inject(Fault::Bus(struck)));
    }
    world.run_for(3 * SECOND).await;
    assert_eq!(world.ladder.said_to("alice").last().unwrap(), "fault");
    assert!(matches!(alice.state(), State::Dismissed(_)));
    assert_eq!(carol.dismissed(), Some(Dismissal::Failed));
    let from = listen(&mut world).await;
    assert_hears(&dave, from, &[Voice(1)]);
    assert!(bob.is_up());
    let counters = world.counters();
    assert_eq!(counters.of(Counter::BusPanics), 1);
    assert_eq!(counters.of(Counter::LegPanics), 0);
    assert_eq!(world.server.census().conferences(), 1);
}

const SECOND: Duration = Duration::from_secs(1);
