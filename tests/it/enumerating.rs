//! Who tries all there is (R3): ten thousand links, codes and numbers at random have the same answer and cost the same
//! whether or not there is such a room, and are limited.

use std::time::Duration;

use rand::{RngExt, SeedableRng, rngs::StdRng};
use rundruf::{
    browser::house::House,
    limit::{WRONG_PIN_DELAY_MAX, WRONG_PINS_OF_ROOM_JUDGED, WRONG_PINS_OF_TRUNK},
    pii::{Pii, Secret},
    server::caller::Caller,
};

use crate::sim::{sip_text::Message, world::World};

const SECOND: Duration = Duration::from_secs(1);
const TRIES: u64 = 10_000;

#[tokio::test(start_paused = true)]
async fn ten_thousand_links_cost_a_look_up_each_and_lead_nowhere() {
    let world = World::new(1);
    let door = world.served();
    let mut rng = StdRng::seed_from_u64(3);
    for number in 0..TRIES {
        // What looks like a link, and what does not.
        let token = match number % 4 {
            0 => format!("{:032x}", rng.random::<u128>()),
            1 => number.to_string(),
            2 => "a".repeat(22),
            _ => String::new(),
        };
        let found = door.check_link(&Secret::new(token)).await;
        assert!(matches!(found, Ok(None)));
        assert_eq!(world.server.census().look_ups(), number + 1);
    }
    assert_eq!(world.server.census().conferences(), 0);
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_codes_cost_the_same_whether_or_not_there_is_such_a_room() {
    let world = World::new(1);
    let mut rng = StdRng::seed_from_u64(4);
    for number in 0..TRIES {
        // One in ten hits a room.
        let room = match number % 10 {
            0 => "4711".to_owned(),
            _ => rng.random_range(1_000..8_000).to_string(),
        };
        let pin = format!("{:08}", rng.random_range(0..100_000_000));
        let caller = Caller {
            number: Some(Pii::new(format!("+4930{number}"))),
            withheld: false,
            vouched: true,
            trunk: 0,
        };
        let judged = world
            .server
            .check_code(&Secret::new(room), &Secret::new(pin), &caller)
            .await
            .unwrap();
        assert!(judged.admission.is_none());
        // Callers are new each time; what is slow is the trunk, as soon as it is full of guessing.
        let slow = number >= u64::from(WRONG_PINS_OF_TRUNK);
        let delay = if slow {
            WRONG_PIN_DELAY_MAX
        } else {
            Duration::ZERO
        };
        assert_eq!(judged.delay, delay, "{number}");
        assert_eq!(world.server.census().look_ups(), 2 * (number + 1));
    }
    let census = world.server.census();
    assert_eq!(census.wrong_codes() + census.unjudged_codes(), TRIES);
    // Of the room's thousand few were judged.
    let most = u64::from(WRONG_PINS_OF_ROOM_JUDGED);
    assert!(census.unjudged_codes() >= 1_000 - most - 1, "{most}");
    assert_eq!(census.admitted(), 0);
}

#[tokio::test(start_paused = true)]
async fn numbers_that_a_room_could_have_are_answered_alike_and_nothing_is_looked_up() {
    let mut world = World::new(1);
    let alice = world.phone("alice");
    let mut answers: Vec<(u32, _)> = Vec::new();
    // The two that there are among others.
    let numbers = (1_000..8_000).step_by(500).chain([4_711, 4_712, 4_713]);
    for number in numbers {
        let (before, said) = (world.departed.len(), world.ladder.said_to("alice").len());
        let began = world.elapsed();
        alice.dials(&number.to_string());
        world.run_until(|_| alice.is_up()).await;
        world.run_for(2 * SECOND).await;
        let words = world.ladder.said_to("alice")[said..].to_vec();
        alice.hangs_up();
        world.run_for(SECOND).await;
        let statuses: Vec<_> = world.departed[before..]
            .iter()
            .filter_map(|datagram| Message::parse(&datagram.bytes).status())
            .collect();
        answers.push((number, (statuses, words, world.elapsed() - began)));
    }
    for (number, answer) in &answers {
        assert_eq!(*answer, answers[0].1, "{number}");
    }
    assert_eq!(world.server.census().look_ups(), 0);
}
