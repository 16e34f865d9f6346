//! A worker on loopback, with real sockets and threads.

use std::{net::Ipv4Addr, num::NonZeroUsize};

use rand::{SeedableRng, rngs::StdRng};
use sip::redact::Pii;

use super::*;
use crate::{
    clock::Virtual,
    id::ConferenceId,
    media::{
        Clips,
        api::{Format, Incoming, Nat, Opening, PhoneMedia, Security},
        leg::secure::SecureContext,
        pool::{Pool, PoolConfig, PortRange},
    },
};

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const LEG: LegId = LegId::from_u64(1);
const ROOM: ConferenceId = ConferenceId::from_u64(1);

#[tokio::test]
async fn a_phone_gets_packets_moves_to_another_worker_and_says_goodbye() {
    let (mut pool, mut notices) = pool(2);
    let phone = UdpSocket::bind((HERE, 0)).unwrap();
    phone
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    let report = UdpSocket::bind((HERE, 0)).unwrap();
    report
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    let sockets = PortRange::new(42_000..=42_100)
        .unwrap()
        .bind(HERE, &mut StdRng::seed_from_u64(2))
        .unwrap();
    let open = Command::Open {
        leg: LEG,
        opening: Box::new(Opening::Phone(media(&phone, &report))),
    };
    let first = pool.place(ROOM);
    let second = 1 - first;
    let envelope = Envelope {
        command: open,
        sockets: Some(sockets),
    };
    pool.commands(first).unwrap().send(envelope).await.unwrap();
    let before = [sequence(&phone), sequence(&phone)];
    assert_eq!(before[1], before[0].wrapping_add(1));
    let peak = || pool.counters().of(Counter::LoadPeakPermille);
    let mut last = before[1];
    for _ in 0..500 {
        if peak() > 0 {
            break;
        }
        last = sequence(&phone);
    }
    assert!(peak() > 0, "rounds cost nothing");

    pool.release(LEG, first).await.unwrap();
    let released = notices.recv().await.unwrap();
    assert!(matches!(released.event, Event::Released { id: LEG, .. }));
    assert!(released.sockets.is_some());
    let start = Command::Start { conference: ROOM };
    pool.commands(second).unwrap().send(start).await.unwrap();
    pool.adopt(released, second, ROOM).await.unwrap();
    for _ in 0..10 {
        let next = sequence(&phone);
        assert_eq!(next, last.wrapping_add(1));
        last = next;
    }
    tokio::task::spawn_blocking(|| pool.stop()).await.unwrap();
    let mut bytes = [0; 1_500];
    let len = report.recv(&mut bytes).unwrap();
    assert!(len > 20);
}

#[tokio::test]
async fn a_worker_whose_thread_panics_is_known_to_have_ended() {
    let (pool, mut notices) = pool(1);
    assert!(pool.admits(0));
    let commands = pool.commands(0).unwrap();
    commands.send(Command::Inject(Fault::Worker)).await.unwrap();
    assert!(notices.recv().await.is_none(), "its queue closes");
    assert!(!pool.admits(0));
    assert_eq!(pool.alive().collect::<Vec<_>>(), [false]);
}

#[tokio::test]
async fn an_idle_worker_hears_commands_and_stops() {
    let (pool, _notices) = pool(1);
    let commands = pool.commands(0).unwrap().clone();
    assert_ne!(pool.addresses(0)[0].port(), 0);
    // More than one round takes, all but the first without a wake-up of its own at the end.
    for conference in 0..200 {
        let conference = ConferenceId::from_u64(conference);
        commands.send(Command::Start { conference }).await.unwrap();
    }
    while pool.counters().of(Counter::Conferences) < 200 {
        tokio::task::yield_now().await;
    }
    tokio::task::spawn_blocking(|| pool.stop()).await.unwrap();
    let late = commands.send(Command::Close { leg: LEG }).await;
    assert_eq!(late, Err(Stopped));
}

fn pool(workers: usize) -> (Pool, mpsc::Receiver<Notice>) {
    let config = PoolConfig {
        workers: NonZeroUsize::new(workers),
        addresses: vec![HERE],
        port: 0,
        dscp: Dscp::AUDIO,
        realtime: false,
        clips: Clips::default(),
        secure: SecureContext::new().unwrap(),
        clock: Arc::new(Virtual(Duration::from_secs(1))),
    };
    Pool::spawn(&config, &mut StdRng::seed_from_u64(1)).unwrap()
}

fn media(phone: &UdpSocket, report: &UdpSocket) -> PhoneMedia {
    let format = Format {
        codec: dsp::Codec::Pcma,
        payload_type: 8,
        telephone_event: Some(101),
    };
    PhoneMedia {
        format,
        incoming: Incoming::of(&format),
        remote: Pii::new(phone.local_addr().unwrap()),
        hidden: None,
        remote_rtcp: Pii::new(report.local_addr().unwrap()),
        receives: true,
        sends: true,
        security: Security::Plain,
        nat: Nat::No,
        ptime: 20,
    }
}

fn sequence(phone: &UdpSocket) -> u16 {
    let mut bytes = [0; 1_500];
    let len = phone.recv(&mut bytes).unwrap();
    assert_eq!(len, 172);
    u16::from_be_bytes([bytes[2], bytes[3]])
}
