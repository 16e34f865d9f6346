//! A call full of canaries: none of them may appear in any log line at the most talkative level, in the debug form of
//! anything the server tells, or in the numbers operators see.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::{
    io::Write,
    sync::{Arc, Mutex},
    time::Duration,
};

use rundruf::{
    conference::{focus::Verb, participant::Role, text::Typing},
    phone::Shown,
    pii::{Pii, Words},
    serve,
};
use tracing::{Metadata, level_filters::LevelFilter};
use tracing_subscriber::{
    Layer, filter::filter_fn, fmt, layer::SubscriberExt, util::SubscriberInitExt,
};

use crate::{
    dial_out,
    sim::{
        browser::Browser,
        ear::Voice,
        now,
        party::opens,
        phone::{Phone, State},
        world::World,
    },
};

#[tokio::test(start_paused = true)]
async fn no_canary_is_ever_printed() {
    let log = Log::default();
    log.listen();
    let mut world = World::with_door(1, dial_out::door(dial_out::rules(), Shown::Yes));
    let callee = world.phone("Canarycallee");
    world.printed = Some(String::new());
    let carol = opens(&mut world, NAME, Role::Moderator).await;
    carol.says(Voice(0));
    carol.does(Verb::SetMicrophone(true)).await;
    writes(&carol).await;
    let alice = world.phone("Canaryphone");
    calls_in_three_tries(&mut world, &alice).await;
    has_called(&mut world, &carol, &callee).await;
    let mut canaries = vec![
        NAME.to_owned(),
        "Canaryphone".to_owned(),
        "4930555".to_owned(),
        "203.0.113.1".to_owned(),
        "198.51.100.1".to_owned(),
        "198.51.100.2".to_owned(),
        DIALLED[1..].replace(' ', ""),
        DIALLED.to_owned(),
        WRONG_PIN.to_owned(),
        "Canary".to_owned(),
    ];
    for role in [Role::Guest, Role::Moderator] {
        canaries.push(world.room().pin(role));
        canaries.push(world.room().link(role).expose().clone());
    }
    assert_eq!(carol.read().len(), 2, "what was written came back");
    let mut printed = log.text();
    assert!(printed.contains("conference began"), "nothing was logged");
    printed += &format!(
        "{:?} {:?} {:?} {:?}",
        carol.roster(),
        carol.told(),
        carol.read(),
        world.server
    );
    printed += &format!(
        "{:?}",
        world
            .server
            .check_link(&world.room().link(Role::Guest))
            .await
    );
    let noted = world.server.past_dials().await;
    assert_eq!(noted.len(), 1, "the call that was made is noted");
    printed += &format!("{noted:?}");
    let metrics = serve::metrics(
        &world.server,
        &world.counts.borrow(),
        &serve::TrunkLabels::new(["carrier"]),
    );
    assert!(!metrics.is_empty());
    printed += &format!("{metrics:?}");
    world.burden(0, 0.9);
    world.run_for(Duration::from_secs(8)).await;
    let full = log.text().matches("media worker full").count();
    assert_eq!(full, 1, "it is said once that a worker is full");
    world.stop().await;
    world.run_for(Duration::from_secs(3)).await;
    printed += &log.text();
    let said = world.printed.take().unwrap();
    assert!(said.contains("Open {"), "no command was printed");
    printed += &said;
    for canary in canaries {
        let line = printed.lines().find(|line| line.contains(&canary));
        assert_eq!(line, None, "{canary}");
    }
}

/// Writes to all, in both ways.
async fn writes(carol: &Browser) {
    carol.does(Verb::Chat(Words::new(CHATTED.to_owned()))).await;
    let typing = Typing {
        words: Words::new(TYPED.to_owned()),
        ended: false,
    };
    carol.does(Verb::Type(typing)).await;
}

/// Calls, errs, gets in, presses keys and is put on hold.
async fn calls_in_three_tries(world: &mut World, phone: &Phone) {
    phone.dials("4711");
    world.run_until(|_| phone.is_up()).await;
    world.run_for(Duration::from_millis(100)).await;
    for pin in [WRONG_PIN.to_owned(), world.room().pin(Role::Guest)] {
        phone.types(&pin);
        world.run_for(Duration::from_secs(5)).await;
    }
    phone.types("66");
    phone.says(Voice(1));
    phone.holds(crate::sim::phone::Hold::SendOnly);
    world.run_for(Duration::from_secs(2)).await;
    assert_eq!(world.server.census().admitted(), 2);
}

/// Has a telephone called, which comes in, and one that may not be called.
async fn has_called(world: &mut World, carol: &Browser, callee: &Phone) {
    carol.does(Verb::Invite(Pii::new(DIALLED.to_owned()))).await;
    world.run_until(|_| callee.is_called()).await;
    callee.rings();
    callee.answers(now());
    world.run_for(Duration::from_secs(2)).await;
    callee.types("1");
    world.run_for(Duration::from_secs(2)).await;
    assert_eq!(world.server.census().admitted(), 3);
    callee.hangs_up();
    let abroad = format!("+1{DIALLED}");
    carol.does(Verb::Invite(Pii::new(abroad))).await;
    world.run_for(Duration::from_secs(1)).await;
    assert_ne!(callee.state(), State::Up);
}

/// Everything that is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Hears every crate of the server; the other side's own stack may say what it likes of itself.
    fn listen(&self) {
        let ours = |metadata: &Metadata<'_>| {
            let target = metadata.target();
            !["str0m", "is", "dimpl", "sctp_proto"]
                .iter()
                .any(|name| target == *name || target.starts_with(&format!("{name}::")))
        };
        let log = self.clone();
        let layer = fmt::layer()
            .with_ansi(false)
            .with_writer(move || log.clone())
            .with_filter(filter_fn(ours))
            .with_filter(LevelFilter::TRACE);
        tracing_subscriber::registry().with(layer).init();
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

const NAME: &str = "Zilpzalp";
/// As it is typed; a 0 stands before it within the country.
const DIALLED: &str = "030 8675309";
const CHATTED: &str = "Canarychat";
const TYPED: &str = "Canaryline";
const WRONG_PIN: &str = "13579135";
