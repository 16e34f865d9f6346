//! A browser (`str0m`) whose packets go over a connection on loopback, to a worker with its own thread and sockets.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::{
    net::{IpAddr, Ipv4Addr},
    num::NonZeroUsize,
    sync::{Arc, Once},
    time::Duration,
};

use rand::{SeedableRng, rngs::StdRng};
use rundruf::{
    browser::tcp::{Tcp, Ways},
    clock::System,
    dscp::Dscp,
    id::{ConferenceId, LegId},
    media::{
        Clips,
        api::{Channels, Command, Event, Opening, Seat},
        leg::secure::SecureContext,
        pool::{Pool, PoolConfig},
    },
};
use str0m::{
    Input, Output, Rtc,
    net::{Protocol, Receive},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, tcp::OwnedReadHalf},
    sync::mpsc,
    time::{Instant, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::media::{negotiated, page_address, server};

const ROOM: ConferenceId = ConferenceId::from_u64(1);
const PAGE: LegId = LegId::from_u64(1);
const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_joins_and_hears_over_a_connection_while_a_thousand_others_say_nothing() {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| str0m::crypto::from_feature_flags().install_process_default());
    let secure = SecureContext::new().unwrap();
    let tcp = Tcp::bind(&[(HERE, 0).into()], &[HERE], Dscp::NONE, secure.clone()).unwrap();
    let (ways, stop) = (tcp.ways(), CancellationToken::new());
    let running = tokio::spawn(tcp.run(stop.clone()));
    let (pool, mut events) =
        Pool::spawn(&pool(secure.clone()), &mut StdRng::seed_from_u64(1)).unwrap();
    let (browser, _, opening, _) = negotiated(&secure, Instant::now().into_std());
    let Opening::Browser(media) = &opening else {
        panic!("a browser")
    };
    let way = ways.open(media, pool.addresses(0));
    for command in begun(opening) {
        assert!(pool.send(0, command).await);
    }

    let mut page = Page::connect(browser, &ways).await;
    assert!(page.hears(50).await, "it hears nothing");
    let mut crowd = Vec::new();
    for _ in 0..1_000 {
        crowd.push(TcpStream::connect(ways.candidates()[0]).await.unwrap());
    }
    let heard = page.heard;
    assert!(page.hears(heard + 100).await, "the crowd disturbs it");
    let connected = std::iter::from_fn(|| events.try_recv().ok())
        .any(|notice| matches!(notice.event, Event::Connected { leg: PAGE }));
    assert!(connected);

    drop(way);
    assert!(!page.hears(usize::MAX).await, "the way is closed");
    stop.cancel();
    running.await.unwrap().unwrap();
    tokio::task::spawn_blocking(|| pool.stop()).await.unwrap();
}

fn pool(secure: SecureContext) -> PoolConfig {
    PoolConfig {
        workers: NonZeroUsize::new(1),
        addresses: vec![HERE],
        port: 0,
        dscp: Dscp::NONE,
        realtime: false,
        clips: Clips::default(),
        secure,
        clock: Arc::new(System),
    }
}

/// The conference and the page in it.
fn begun(opening: Opening) -> [Command; 4] {
    let seat = Seat {
        speaks: Channels::MAIN,
        hears: Channels::MAIN,
    };
    [
        Command::Start { conference: ROOM },
        Command::Open {
            leg: PAGE,
            opening: Box::new(opening),
        },
        Command::Join {
            leg: PAGE,
            conference: ROOM,
        },
        Command::Roster {
            conference: ROOM,
            seats: vec![(PAGE, seat)],
        },
    ]
}

/// A browser that takes its connection for a way of datagrams.
struct Page {
    browser: Rtc,
    write: tokio::net::tcp::OwnedWriteHalf,
    packets: mpsc::Receiver<Vec<u8>>,
    /// Packets of sound.
    heard: usize,
}

impl Page {
    async fn connect(browser: Rtc, ways: &Ways) -> Self {
        let stream = TcpStream::connect(ways.candidates()[0]).await.unwrap();
        let (read, write) = stream.into_split();
        let (sender, packets) = mpsc::channel(1_000);
        tokio::spawn(cut(read, sender));
        Self {
            browser,
            write,
            packets,
            heard: 0,
        }
    }

    /// Goes on until it has heard so many packets; false where the connection ends, or after a while.
    async fn hears(&mut self, packets: usize) -> bool {
        let until = Instant::now() + Duration::from_secs(20);
        while self.heard < packets {
            let now = Instant::now();
            if now > until {
                return false;
            }
            self.browser
                .handle_input(Input::Timeout(now.into_std()))
                .unwrap();
            self.drain().await;
            match timeout(Duration::from_millis(5), self.packets.recv()).await {
                Ok(Some(packet)) => self.take(&packet),
                Ok(None) => return false,
                Err(_) => {}
            }
        }
        true
    }

    fn take(&mut self, packet: &[u8]) {
        let receive = Receive {
            proto: Protocol::Udp,
            source: server(),
            destination: page_address(),
            contents: packet.try_into().unwrap(),
        };
        let input = Input::Receive(Instant::now().into_std(), receive);
        self.browser.handle_input(input).unwrap();
    }

    async fn drain(&mut self) {
        loop {
            match self.browser.poll_output().unwrap() {
                Output::Timeout(_) => return,
                Output::Transmit(transmit) => {
                    let length = u16::try_from(transmit.contents.len()).unwrap();
                    let frame = [&length.to_be_bytes()[..], &transmit.contents].concat();
                    // Where the way was closed that is found by reading.
                    let _ = self.write.write_all(&frame).await;
                }
                Output::Event(str0m::Event::RtpPacket(_)) => self.heard += 1,
                Output::Event(_) => {}
            }
        }
    }
}

/// Cuts what comes into packets (RFC 4571).
async fn cut(mut read: OwnedReadHalf, packets: mpsc::Sender<Vec<u8>>) {
    while let Ok(length) = read.read_u16().await {
        let mut packet = vec![0; length.into()];
        if read.read_exact(&mut packet).await.is_err() || packets.send(packet).await.is_err() {
            return;
        }
    }
}
