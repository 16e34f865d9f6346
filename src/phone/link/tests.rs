//! The machine told what comes of what it wants.

use sip::Protocol;

use super::*;
use crate::limit::LINK_PONG_WITHIN;

const SECOND: Duration = Duration::from_secs(1);

/// A link, the time, and what it wants done in a few words each.
struct World {
    link: Link,
    now: Instant,
}

impl World {
    fn new(server: &str, duty: Duty) -> Self {
        let now = t0();
        let upkeep = Upkeep {
            server: server.parse().unwrap(),
            client: None,
            duty,
        };
        let contact = Secret::new("token".to_owned());
        Self {
            link: Link::new(upkeep, contact, 1, now),
            now,
        }
    }

    fn registering(server: &str) -> Self {
        let account = Account {
            user: Pii::new("620".to_owned()),
            password: Secret::new("secret".to_owned()),
            realm: None,
        };
        let registering = Registering {
            registrar: server.parse().unwrap(),
            proxy: None,
            user: Pii::new("620".to_owned()),
            account,
            expires: SECOND * 600,
            mediasec: false,
        };
        Self::new(server, Duty::Register(Box::new(registering)))
    }

    /// Takes everything that is wanted.
    fn wants(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.link.poll_effect())
            .map(|effect| match effect {
                Effect::Locate(place) => format!("locate {}", place.host),
                Effect::Connect(hop) => format!("connect {}", hop.address),
                Effect::Order(TrunkCommand::Register { flow, .. }) => {
                    format!("register {}", flow.id)
                }
                Effect::Order(TrunkCommand::Rebind {
                    flow,
                    moves_calls: true,
                }) => {
                    format!("rebind {}", flow.id)
                }
                Effect::Order(TrunkCommand::Rebind { flow, .. }) => {
                    format!("rebind {} alone", flow.id)
                }
                Effect::Order(TrunkCommand::Probe { uri, flow }) => {
                    format!("probe {uri} {}", flow.id)
                }
                Effect::Order(TrunkCommand::Sound { uri, flow }) => {
                    format!("sound {uri} {}", flow.id)
                }
                Effect::Order(TrunkCommand::Unregister) => "unregister".to_owned(),
                Effect::KeepAlive(flow) => format!("keep {} alive", flow.id),
                Effect::Close(flow) => format!("close {}", flow.id),
            })
            .collect()
    }

    /// Goes to the next deadline; returns how long that took.
    fn wait(&mut self) -> Duration {
        let at = self.link.poll_timeout().expect("a deadline");
        let waited = at - self.now;
        self.now = at;
        self.link.handle_timeout(at);
        waited
    }

    fn located(&mut self, protocol: Protocol, addresses: &[&str]) {
        let hop = |address: &&str| Hop {
            protocol,
            address: address.parse().unwrap(),
            server_name: "tel.example".to_owned(),
        };
        let hops = addresses.iter().map(hop).collect();
        self.link.located(hops, self.now);
    }

    fn tell(&mut self, what: TrunkEvent) {
        self.link.told(&what, self.now);
    }

    fn unregister(&mut self, why: Unregistered) {
        self.tell(TrunkEvent::Unregistered(why));
        self.tell(TrunkEvent::WantsFlow);
    }

    fn register(&mut self) {
        self.tell(TrunkEvent::Registered {
            expires: SECOND * 600,
            public: None,
        });
    }

    fn connected(&mut self, protocol: Protocol, id: u64) {
        self.link.connected(flow(protocol, id), self.now);
    }

    /// Up over TLS at the first of two addresses.
    fn up() -> Self {
        let mut world = Self::registering("sip:tel.example;transport=tls");
        world.wait();
        world.located(Protocol::Tls, &["192.0.2.1:5061", "192.0.2.2:5061"]);
        world.connected(Protocol::Tls, 1);
        let wanted = ["locate tel.example", "connect 192.0.2.1:5061", "register 1"];
        assert_eq!(world.wants(), wanted);
        world.register();
        assert_eq!(world.link.standing(), Standing::Up);
        world
    }
}

const SERVER: &str = "sip:tel.example;transport=tls";
/// Two addresses, in the order of the DNS.
const BOTH: [&str; 2] = ["192.0.2.1:5061", "192.0.2.2:5061"];

/// Up over TLS at the second of two addresses, since the first was not to be had.
fn at_the_second() -> World {
    let mut world = World::registering(SERVER);
    world.wait();
    world.located(Protocol::Tls, &BOTH);
    world.link.failed(Fault::Unreachable, world.now);
    world.connected(Protocol::Tls, 2);
    world.register();
    world.wants();
    world
}

/// Goes back from the second to the first, over the flow 3.
fn back_at_the_first(world: &mut World) {
    look_back(world);
    world.located(Protocol::Tls, &BOTH);
    world.connected(Protocol::Tls, 3);
    world.tell(TrunkEvent::Sounded { answers: true });
    world.wants();
}

/// Waits until the way back is looked for; returns how long that took.
fn look_back(world: &mut World) -> Duration {
    let begun = world.now;
    loop {
        world.wait();
        match world.wants().as_slice() {
            [locate] if locate == "locate tel.example" => return world.now - begun,
            [keep] if keep == "keep 2 alive" => {}
            other => panic!("{other:?}"),
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the base instant of a simulated run"
)]
fn t0() -> Instant {
    Instant::now()
}

fn flow(protocol: Protocol, id: u64) -> Flow {
    let address = |text: &str| text.parse().unwrap();
    Flow::new(
        protocol,
        address("192.0.2.9:5060"),
        address("192.0.2.1:5060"),
        id,
    )
}

#[test]
fn a_name_that_leads_nowhere_is_looked_for_less_and_less_often() {
    let mut world = World::registering("sip:tel.example");
    assert_eq!(world.link.standing(), Standing::Locating);
    world.wait();
    let mut waits = Vec::new();
    for _ in 0..12 {
        assert_eq!(world.wants(), ["locate tel.example"]);
        world.located(Protocol::Udp, &[]);
        assert_eq!(world.link.standing(), Standing::Down(Fault::NotFound));
        waits.push(world.wait());
    }
    assert!((SECOND * 15..=SECOND * 30).contains(&waits[0]), "{waits:?}");
    assert!(
        (SECOND * 120..=SECOND * 240).contains(&waits[3]),
        "{waits:?}"
    );
    assert!(
        (SECOND * 900..=SECOND * 1_800).contains(&waits[11]),
        "{waits:?}"
    );
}

#[test]
fn what_cannot_be_connected_to_leads_to_the_next_hop_and_is_named() {
    let mut world = World::registering("sip:tel.example;transport=tls");
    world.wait();
    world.located(Protocol::Tls, &["192.0.2.1:5061", "192.0.2.2:5061"]);
    world.link.failed(Fault::WrongName, world.now);
    let wanted = [
        "locate tel.example",
        "connect 192.0.2.1:5061",
        "connect 192.0.2.2:5061",
    ];
    assert_eq!(world.wants(), wanted);
    assert_eq!(world.link.standing(), Standing::Down(Fault::WrongName));
    world.link.failed(Fault::Unreachable, world.now);
    assert_eq!(world.link.standing(), Standing::Down(Fault::Unreachable));
    assert_eq!(world.wants(), Vec::<String>::new());
    world.wait();
    assert_eq!(world.wants(), ["locate tel.example"]);
    assert_eq!(
        world.link.standing(),
        Standing::Down(Fault::Unreachable),
        "what went wrong is told until it is right"
    );
}

#[test]
fn a_connection_lost_after_long_is_made_again_at_once_and_one_lost_early_is_not() {
    let mut world = World::up();
    let first = flow(Protocol::Tls, 1);
    assert!(world.link.owns(&first));
    world.now += LINK_SETTLED;
    world.link.closed(first, world.now);
    assert!(!world.link.owns(&first));
    assert_eq!(world.link.standing(), Standing::Down(Fault::Silent));
    // The endpoint says so too.
    world.unregister(Unregistered::Unreachable);
    assert_eq!(world.wants(), ["locate tel.example"]);
    world.located(Protocol::Tls, &["192.0.2.1:5061", "192.0.2.2:5061"]);
    world.connected(Protocol::Tls, 2);
    assert_eq!(world.wants(), ["connect 192.0.2.1:5061", "rebind 2"]);

    world.register();
    world.now += SECOND;
    world.link.closed(flow(Protocol::Tls, 2), world.now);
    assert_eq!(world.wants(), ["connect 192.0.2.2:5061"]);
    world.connected(Protocol::Tls, 3);
    world.register();
    world.now += SECOND;
    world.link.closed(flow(Protocol::Tls, 3), world.now);
    assert_eq!(
        world.wants(),
        ["rebind 3"],
        "it waits before the next round"
    );
    assert!(world.wait() >= SECOND * 15);
    assert_eq!(world.wants(), ["locate tel.example"]);
}

#[test]
fn the_first_server_is_gone_back_to_once_it_answers() {
    let mut world = at_the_second();
    let mut waits = Vec::new();
    for _ in 0..9 {
        waits.push(look_back(&mut world));
        world.located(Protocol::Tls, &BOTH);
        assert_eq!(world.wants(), ["connect 192.0.2.1:5061"]);
        world.link.failed(Fault::Unreachable, world.now);
        assert_eq!(world.link.standing(), Standing::Up, "the second serves on");
    }
    assert!((SECOND * 15..=SECOND * 30).contains(&waits[0]), "{waits:?}");
    assert!((SECOND * 30..=SECOND * 60).contains(&waits[1]), "{waits:?}");
    let last = SECOND * 900..=SECOND * 1_800;
    assert!(last.contains(&waits[8]), "{waits:?}");
    for answers in [false, true] {
        look_back(&mut world);
        world.located(Protocol::Tls, &BOTH);
        world.connected(Protocol::Tls, 3);
        let sound = format!("sound {SERVER} 3");
        assert_eq!(world.wants(), ["connect 192.0.2.1:5061", &sound]);
        assert!(world.link.owns(&flow(Protocol::Tls, 2)), "until it answers");
        world.tell(TrunkEvent::Sounded { answers });
        let wanted = ["close 3", "rebind 3 alone"];
        assert_eq!(world.wants(), [wanted[usize::from(answers)]]);
    }
    assert!(world.link.owns(&flow(Protocol::Tls, 3)));
    world.register();
    world.link.closed(flow(Protocol::Tls, 2), world.now);
    for _ in 0..10 {
        world.wait();
        assert_eq!(world.wants(), ["keep 3 alive"], "none is better");
    }
}

#[test]
fn a_first_server_that_answers_and_refuses_is_left_again_for_the_second() {
    let mut world = at_the_second();
    back_at_the_first(&mut world);
    world.unregister(Unregistered::Failed(500));
    assert_eq!(world.wants(), ["connect 192.0.2.2:5061"]);
    world.connected(Protocol::Tls, 2);
    assert_eq!(world.wants(), ["rebind 2", "close 3"]);
    world.register();
    let waited = look_back(&mut world);
    assert!((SECOND * 30..=SECOND * 60).contains(&waited), "{waited:?}");
}

#[test]
fn what_is_on_its_way_back_is_the_way_on_when_the_second_server_is_lost() {
    let lost = flow(Protocol::Tls, 2);
    let mut world = at_the_second();
    look_back(&mut world);
    world.link.closed(lost, world.now);
    assert_eq!(world.link.standing(), Standing::Down(Fault::Silent));
    assert_eq!(world.wants(), Vec::<String>::new(), "it is looked for");
    world.located(Protocol::Tls, &BOTH);
    assert_eq!(world.wants(), ["connect 192.0.2.1:5061"]);

    let mut world = at_the_second();
    look_back(&mut world);
    world.located(Protocol::Tls, &BOTH);
    world.link.closed(lost, world.now);
    assert_eq!(world.wants(), ["connect 192.0.2.1:5061"]);
    world.link.failed(Fault::Unreachable, world.now);
    assert_eq!(world.wants(), ["connect 192.0.2.2:5061"]);

    let mut world = at_the_second();
    look_back(&mut world);
    world.located(Protocol::Tls, &BOTH);
    world.connected(Protocol::Tls, 3);
    world.wants();
    world.link.closed(lost, world.now);
    assert_eq!(world.wants(), ["rebind 3"]);
    world.tell(TrunkEvent::Sounded { answers: false });
    assert_eq!(world.wants(), Vec::<String>::new(), "that was before");
}

#[test]
fn over_datagrams_a_better_server_is_sounded_too() {
    let mut world = World::registering("sip:tel.example");
    world.wait();
    world.located(Protocol::Udp, &BOTH);
    world.connected(Protocol::Udp, 1);
    world.unregister(Unregistered::Unreachable);
    world.connected(Protocol::Udp, 2);
    world.register();
    world.wants();
    look_back(&mut world);
    world.located(Protocol::Udp, &BOTH);
    world.connected(Protocol::Udp, 1);
    let wanted = ["connect 192.0.2.1:5061", "sound sip:tel.example 1"];
    assert_eq!(world.wants(), wanted);
    world.tell(TrunkEvent::Sounded { answers: false });
    assert_eq!(world.wants(), Vec::<String>::new());
    look_back(&mut world);
    world.located(Protocol::Udp, &BOTH);
    world.connected(Protocol::Udp, 1);
    world.wants();
    world.tell(TrunkEvent::Sounded { answers: true });
    assert_eq!(world.wants(), ["rebind 1 alone"], "its calls stay");
}

#[test]
fn a_server_that_is_silent_is_left_for_another() {
    let mut world = World::registering("sip:tel.example");
    world.wait();
    world.located(Protocol::Udp, &["192.0.2.1:5060", "192.0.2.2:5060"]);
    world.connected(Protocol::Udp, 0);
    world.register();
    world.wants();
    world.now += SECOND * 600;
    world.unregister(Unregistered::Unreachable);
    assert_eq!(world.wants(), ["locate tel.example"]);
    world.located(Protocol::Udp, &["192.0.2.1:5060", "192.0.2.2:5060"]);
    assert_eq!(
        world.wants(),
        ["connect 192.0.2.2:5060"],
        "the silent one comes last"
    );
    world.connected(Protocol::Udp, 0);
    world.register();
    assert_eq!(world.link.standing(), Standing::Up);
    assert!(world.link.is_at("192.0.2.1".parse().unwrap()));
    assert!(!world.link.is_at("192.0.2.3".parse().unwrap()));

    // Calls from where it was before go on, and only from there.
    for (address, known) in [
        ("192.0.2.3", ["192.0.2.2", "192.0.2.3"]),
        ("192.0.2.4", ["192.0.2.3", "192.0.2.4"]),
    ] {
        world.now += SECOND * 600;
        world.unregister(Unregistered::Unreachable);
        world.located(Protocol::Udp, &[&format!("{address}:5060")]);
        world.connected(Protocol::Udp, 0);
        world.register();
        assert!(known.iter().all(|at| world.link.is_at(at.parse().unwrap())));
    }
    assert!(!world.link.is_at("192.0.2.1".parse().unwrap()));
}

#[test]
fn a_server_that_fails_is_asked_again_by_the_endpoint_alone() {
    let mut world = World::registering("sip:tel.example");
    world.wait();
    world.located(Protocol::Udp, &["192.0.2.1:5060", "192.0.2.2:5060"]);
    world.connected(Protocol::Udp, 0);
    world.unregister(Unregistered::Failed(503));
    world.connected(Protocol::Udp, 0);
    world.wants();
    world.unregister(Unregistered::Failed(500));
    assert_eq!(world.wants(), Vec::<String>::new(), "all have failed");
    assert_eq!(world.link.standing(), Standing::Down(Fault::Failed(500)));
    // The endpoint has tried again.
    world.now += SECOND * 30;
    world.unregister(Unregistered::Failed(500));
    assert_eq!(world.wants(), ["locate tel.example"]);
    world.located(Protocol::Udp, &["192.0.2.1:5060", "192.0.2.2:5060"]);
    assert_eq!(world.wants(), ["connect 192.0.2.1:5060"]);
    world.connected(Protocol::Udp, 0);
    world.wants();
    world.unregister(Unregistered::Failed(500));
    assert_eq!(world.wants(), Vec::<String>::new());
    world.register();
    assert_eq!(world.link.standing(), Standing::Up);
}

#[test]
fn an_account_that_is_refused_is_not_tried_elsewhere() {
    let mut world = World::up();
    for (why, standing) in [
        (Unregistered::Refused(403), Standing::Refused(403)),
        (Unregistered::Credentials, Standing::Credentials),
    ] {
        world.tell(TrunkEvent::Unregistered(why));
        assert_eq!(world.link.standing(), standing);
        assert_eq!(world.wants(), Vec::<String>::new());
    }
    // Some close the connection then.
    world.link.closed(flow(Protocol::Tls, 1), world.now);
    assert_eq!(world.link.standing(), Standing::Credentials);
    assert_eq!(world.wants(), Vec::<String>::new());
    assert!(world.wait() >= SECOND * 20 * 60);
    assert_eq!(world.wants(), ["locate tel.example"]);
}

#[test]
fn the_way_is_kept_open_while_nothing_is_said() {
    let mut world = World::up();
    for _ in 0..10 {
        let waited = world.wait();
        assert!((SECOND * 72..=SECOND * 90).contains(&waited), "{waited:?}");
        assert_eq!(world.wants(), ["keep 1 alive"]);
    }
    let mut world = World::registering("sip:fritz.box");
    world.wait();
    world.located(Protocol::Udp, &["192.0.2.1:5060"]);
    world.connected(Protocol::Udp, 0);
    world.wants();
    let waits: BTreeSet<_> = (0..10).map(|_| world.wait()).collect();
    assert!(
        waits
            .iter()
            .all(|wait| (SECOND * 20..=SECOND * 25).contains(wait))
    );
    assert!(waits.len() > 5, "always another time: {waits:?}");
    assert_eq!(world.wants().len(), 10);
}

impl World {
    /// Something comes over the connection.
    fn hears(&mut self, id: u64, is_pong: bool) {
        self.link.heard(flow(Protocol::Tls, id), is_pong, self.now);
    }
}

#[test]
fn a_server_that_has_answered_keep_alives_is_left_when_it_does_not() {
    let mut world = World::up();
    // It answers; so long nothing happens.
    for _ in 0..3 {
        world.wait();
        assert_eq!(world.wants(), ["keep 1 alive"]);
        world.now += SECOND * 9;
        world.hears(1, true);
    }
    // Once it does not, but something else comes: it is there.
    world.wait();
    assert_eq!(world.wants(), ["keep 1 alive"]);
    world.hears(1, false);
    world.wait();
    assert_eq!(world.wants(), ["keep 1 alive"]);
    // Nothing comes, and what comes over another connection does not count.
    world.hears(9, true);
    assert_eq!(world.wait(), LINK_PONG_WITHIN);
    assert_eq!(world.wants(), ["close 1", "locate tel.example"]);
    assert_eq!(world.link.standing(), Standing::Down(Fault::Silent));
    assert!(!world.link.owns(&flow(Protocol::Tls, 1)));
    world.located(Protocol::Tls, &["192.0.2.1:5061"]);
    world.connected(Protocol::Tls, 2);
    assert_eq!(world.wants(), ["connect 192.0.2.1:5061", "rebind 2"]);
    world.register();
    // Over the new connection it has to show anew that it answers.
    for _ in 0..3 {
        assert!(world.wait() > SECOND * 60);
        assert_eq!(world.wants(), ["keep 2 alive"]);
    }
}

#[test]
fn what_comes_unasked_or_late_is_no_answer_to_a_keep_alive() {
    let mut world = World::up();
    world.hears(1, true);
    world.wait();
    world.wants();
    world.now += LINK_PONG_WITHIN;
    world.hears(1, true);
    for _ in 0..3 {
        assert!(world.wait() > SECOND * 60);
        assert_eq!(world.wants(), ["keep 1 alive"]);
    }
}

#[test]
fn a_peer_is_asked_whether_it_is_there() {
    let mut world = World::new("sip:192.0.2.1;transport=tcp", Duty::Probe);
    world.wait();
    world.located(Protocol::Tcp, &["192.0.2.1:5060"]);
    world.connected(Protocol::Tcp, 7);
    let probe = "probe sip:192.0.2.1;transport=tcp 7";
    assert_eq!(
        world.wants(),
        ["locate 192.0.2.1", "connect 192.0.2.1:5060", probe]
    );
    world.tell(TrunkEvent::Alive { round_trip: SECOND });
    assert_eq!(world.link.standing(), Standing::Up);
    world.tell(TrunkEvent::Silent);
    assert_eq!(world.link.standing(), Standing::Down(Fault::Silent));
    world.tell(TrunkEvent::WantsFlow);
    world.tell(TrunkEvent::Alive { round_trip: SECOND });
    assert_eq!(
        world.link.standing(),
        Standing::Up,
        "it is there again over the same flow"
    );
}

#[test]
fn who_leaves_is_forgotten_and_does_nothing_more() {
    let mut world = World::up();
    world.link.leave();
    assert_eq!(world.wants(), ["unregister"]);
    world.tell(TrunkEvent::Unregistered(Unregistered::Left));
    world.unregister(Unregistered::Unreachable);
    world.link.closed(flow(Protocol::Tls, 1), world.now);
    assert_eq!(world.link.poll_timeout(), None);
    assert_eq!(world.wants(), Vec::<String>::new());
    assert_eq!(world.link.standing(), Standing::Unasked);
}

#[test]
fn a_connection_that_comes_too_late_is_closed() {
    let mut world = World::up();
    world.connected(Protocol::Tls, 9);
    assert_eq!(world.wants(), ["close 9"]);
}

#[test]
fn nothing_of_an_account_is_printed() {
    let mut world = World::up();
    world.link.leave();
    let printed = format!("{:?}", world.link);
    for canary in ["secret", "token", "\"620\""] {
        assert!(!printed.contains(canary), "{canary} in {printed}");
    }
}
