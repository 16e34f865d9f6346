//! Where requests within a call go: where its route set says (RFC 3261 §12.2.1.1), if that is one of the trunk's addresses.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::{collections::BTreeMap, fmt::Write as _, time::Duration};

use rundruf::phone::{DoorConfig, MediaRules, Names, Trunk};
use sip::{
    Protocol,
    locate::{Query, Record},
};

use crate::{
    registered::Connection,
    sim::{
        phone::Phone,
        sip_text::Message,
        world::{World, door_config, everybody},
    },
};

const SECOND: Duration = Duration::from_secs(1);

/// A world of one trunk, a carrier of several proxies, of which one has a name.
fn carrier() -> World {
    let trunk = Trunk {
        peers: vec!["198.51.100.0/24".parse().unwrap()],
        media: MediaRules {
            networks: vec!["0.0.0.0/0".parse().unwrap()],
            ..everybody().media
        },
        ..everybody()
    };
    let name = Query::Addresses("edge.tel.example".to_owned());
    let address = Record::Address("198.51.100.79".parse().unwrap());
    let door = DoorConfig {
        names: Names::listed(BTreeMap::from([(name, vec![address])])),
        ..door_config(vec![trunk])
    };
    World::with_door(1, door)
}

/// Lets a telephone call by way of a proxy that stays on the route.
async fn calls_by(world: &mut World, record_route: &str) -> Phone {
    let alice = world.phone("alice");
    alice.adds(&format!("Record-Route: {record_route}\r\n"));
    alice.dials("bridge");
    world.run_until(|_| alice.is_up()).await;
    world.run_for(SECOND).await;
    alice
}

/// Lets the server say goodbye; returns where its requests went by datagrams, the first time each.
async fn goodbye(world: &mut World) -> String {
    let before = world.departed.len();
    world.stop().await;
    world.run_for(10 * SECOND).await;
    let mut ladder = String::new();
    for datagram in &world.departed[before..] {
        let message = Message::parse(&datagram.bytes);
        if message.status().is_some() {
            continue;
        }
        let route = message.fields("Route").next().unwrap_or("none");
        let line = format!("{} by {route} → {}\n", message.start, datagram.to);
        if !ladder.contains(&line) {
            ladder.push_str(&line);
        }
    }
    write!(ladder, "off the route: {}", world.counts.borrow().off_route).unwrap();
    ladder
}

#[tokio::test(start_paused = true)]
async fn a_listed_proxy_that_stays_on_the_route_gets_the_requests() {
    let mut world = carrier();
    calls_by(
        &mut world,
        "<sip:198.51.100.77:5070;lr>, <sip:203.0.113.5;lr>",
    )
    .await;
    let expected = "BYE sip:phone@198.51.100.1:5060 SIP/2.0 by <sip:198.51.100.77:5070;lr> → 198.51.100.77:5070\n\
                    off the route: 0";
    assert_eq!(goodbye(&mut world).await, expected);
}

#[tokio::test(start_paused = true)]
async fn a_proxy_that_routes_strictly_gets_them_too() {
    let mut world = carrier();
    calls_by(&mut world, "<sip:198.51.100.77>").await;
    let expected = "BYE sip:198.51.100.77 SIP/2.0 by <sip:phone@198.51.100.1:5060> → 198.51.100.77:5060\n\
                    off the route: 0";
    assert_eq!(goodbye(&mut world).await, expected);
}

#[tokio::test(start_paused = true)]
async fn a_proxy_that_has_a_name_is_located() {
    let mut world = carrier();
    calls_by(&mut world, "<sip:edge.tel.example;lr>").await;
    let expected = "BYE sip:phone@198.51.100.1:5060 SIP/2.0 by <sip:edge.tel.example;lr> → 198.51.100.79:5060\n\
                    off the route: 0";
    assert_eq!(goodbye(&mut world).await, expected);
}

/// A stranger whom a peer names cannot be made to hear of us.
#[tokio::test(start_paused = true)]
async fn a_proxy_that_is_not_listed_gets_nothing() {
    for (route, protocol) in [
        ("203.0.113.5", ""),
        ("203.0.113.5", ";transport=tcp"),
        ("nowhere.tel.example", ""),
        ("198.51.100.77", ";transport=tls"),
    ] {
        let mut world = carrier();
        calls_by(&mut world, &format!("<sip:{route}{protocol};lr>")).await;
        let ladder = goodbye(&mut world).await;
        assert!(world.connected().is_none(), "{ladder}");
        let expected = format!(
            "BYE sip:phone@198.51.100.1:5060 SIP/2.0 by <sip:{route}{protocol};lr> → 198.51.100.1:5060\n\
             off the route: 1"
        );
        assert_eq!(ladder, expected);
    }
}

/// One connection serves all calls that lead to the same proxy; when it is lost, requests go where the peer's came from.
#[tokio::test(start_paused = true)]
async fn over_tcp_a_connection_is_made_to_the_proxy() {
    let mut world = carrier();
    let route = "<sip:198.51.100.78;transport=tcp;lr>";
    let _alice = calls_by(&mut world, route).await;
    let (hop, stream) = world.connected().expect("a connection");
    let mut connection = Connection::plain(stream);
    assert_eq!(
        (hop.protocol, hop.address.to_string()),
        (Protocol::Tcp, "198.51.100.78:5060".to_owned())
    );
    let _bob = calls_by(&mut world, route).await;
    assert!(world.connected().is_none(), "there is one already");
    assert_eq!(goodbye(&mut world).await, "off the route: 0");
    let heard = connection.hears_all();
    assert_eq!(
        heard.matches("BYE sip:phone@198.51.100.").count(),
        2,
        "{heard}"
    );

    let mut world = carrier();
    calls_by(&mut world, route).await;
    drop(world.connected());
    world.run_for(SECOND).await;
    let expected = "BYE sip:phone@198.51.100.1:5060 SIP/2.0 by <sip:198.51.100.78;transport=tcp;lr> → 198.51.100.1:5060\n\
                    off the route: 0";
    assert_eq!(goodbye(&mut world).await, expected);
}
