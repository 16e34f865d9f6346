//! What the browsers' door does before somebody is in.

use std::time::Duration;

use rundruf::{
    browser::{house::House, wire::Failed},
    conference::participant::Role,
    pii::Pii,
};

use crate::sim::world::World;

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
