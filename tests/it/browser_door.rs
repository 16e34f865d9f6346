//! What the browsers' door does before somebody is in.

use std::time::Duration;

use rundruf::{
    browser::{house::House, relay::Relays, wire::Failed},
    conference::{focus::Verb, participant::Role, policy::Lobby},
    pii::{Pii, Secret},
};

use crate::sim::{
    party::opens,
    world::{WALL, World},
};

#[tokio::test(start_paused = true)]
async fn a_refused_offer_begins_no_conference() {
    let mut world = World::new(1);
    let link = world.rooms[0].link(Role::Guest);
    let admission = world.server.check_link(&link).await.unwrap().unwrap();
    let door = world.served();
    for (offer, reason) in [
        ("nonsense", Failed::Malformed),
        ("v=0", Failed::NoCommonCodec),
    ] {
        let offer = Pii::new(String::from(offer));
        let refused = door.join(&admission, None, None, &offer).await.unwrap_err();
        assert_eq!(refused, reason);
        world.run_for(Duration::from_secs(1)).await;
        assert_eq!(world.server.census().conferences(), 0);
    }
}

/// Who waits is told as well: without a way for their sound they would not be there any more when they are let in.
#[tokio::test(start_paused = true)]
async fn only_who_came_in_is_told_a_way_round_firewalls() {
    let mut world = World::with_lobby(1, Lobby::Guests);
    let room = world.room();
    let anna = opens(&mut world, "anna", Role::Moderator).await;
    let waiting = world.browser("dave");
    let server = "turns:conf.example.de".parse().unwrap();
    let secret = Secret::new(String::from("north"));
    let hour = Duration::from_secs(3_600);
    let door = world.served_with(Some(Relays::new(vec![server], &secret, hour)));
    let mut names = Vec::new();
    for _ in 0..2 {
        let told = waiting.knocks(&world, &room, &door).await.unwrap().unwrap();
        assert_eq!(told.urls, ["turns:conf.example.de"]);
        let (until, _) = told.username.expose().split_once(':').unwrap();
        assert_eq!(until, (WALL + hour).as_secs().to_string());
        names.push(told.username);
    }
    assert_ne!(names[0], names[1]);
    assert_eq!(
        waiting
            .knocks(&world, &room, &world.served())
            .await
            .map(|it| it.is_some()),
        Ok(false)
    );
    anna.does(Verb::SetLock(true)).await;
    world.run_for(Duration::from_secs(1)).await;
    assert_eq!(
        waiting.knocks(&world, &room, &door).await.err(),
        Some(Failed::Locked)
    );
}
