//! A caller's way in: from INVITE through the code to the conference, and all the ways not to get there.

use std::time::Duration;

use crate::sim::{phone::State, world::World};

#[tokio::test(start_paused = true)]
async fn the_right_code_lets_in() {
    let mut world = World::new(1);
    let alice = world.phone("alice");
    alice.dials("bridge");
    world.run_until(|_| alice.is_up()).await;
    world.run_for(Duration::from_secs(3)).await;
    alice.types(&world.room().code());
    world.run_for(Duration::from_secs(10)).await;
    alice.hangs_up();
    world.run_for(Duration::from_secs(1)).await;
    println!("{}", world.ladder.timed());
    assert_eq!(world.server.census().admitted(), 1);
    assert!(matches!(alice.state(), State::Left(_)));
}
