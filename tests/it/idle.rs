//! Idle connections to the web (R25): five thousand that say an octet every ten seconds, before and after they became
//! WebSockets. Others come in meanwhile, and all of them are closed after half a minute.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    sync::Arc,
    time::Duration,
};

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use rundruf::{
    browser::session,
    http::{Listeners, Scheme, Site},
    tls::web_server_config,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpSocket,
    sync::mpsc,
};
use tokio_util::sync::CancellationToken;

use crate::sim::{identity::identity, world::World};

const SECOND: Duration = Duration::from_secs(1);
/// As many as the system lets one process have both ends of.
const CONNECTIONS: u64 = 5_000;
/// How often the server's tasks get a turn in which no time passes.
const TURNS: usize = 400;

/// What an idle connection has said before it falls silent.
const KINDS: [(Scheme, &str); 3] = [
    (Scheme::Http, "GET / HTTP/1.1\r\nhost: "),
    (Scheme::Https, "\x16\x03\x01"),
    (
        Scheme::Http,
        "GET /ws HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\
         sec-websocket-protocol: rundruf.1\r\n\r\n",
    ),
];
/// The octets that follow, one at a time; in a WebSocket the beginning of a message of a kilobyte.
const TRICKLE: [u8; 3] = [0x81, 0xfe, 0x04];

#[tokio::test(start_paused = true)]
async fn five_thousand_idle_connections_keep_nobody_out_and_are_closed() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::new(1);
    let (alive, _gone) = mpsc::channel(1);
    let stop = CancellationToken::new();
    let served = world.served();
    let site = Site {
        socket: session::routes(served, stop.clone(), alive),
        metrics: Arc::new(Vec::new),
        healthy: Arc::new(|| true),
    };
    let (us, _) = identity(folder.path(), "localhost");
    let tls = web_server_config(&us).unwrap();
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let listeners = Listeners::bind(&[any], &[any]).unwrap();
    let addresses =
        [Scheme::Http, Scheme::Https].map(|scheme| listeners.addresses(scheme).next().unwrap());
    let stopped = stop.clone();
    let server = tokio::spawn(async move { listeners.serve(&site, tls, stopped, SECOND).await });

    let (_, files) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, files, files).unwrap();
    let connections = usize::try_from(CONNECTIONS.min(files / 2 - 200)).unwrap();
    let mut idle = Vec::new();
    for number in 0..connections {
        let (scheme, said) = KINDS[number % KINDS.len()];
        let address = addresses[usize::from(scheme == Scheme::Https)];
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(said.as_bytes()).unwrap();
        stream.set_nonblocking(true).unwrap();
        idle.push(stream);
        if number % 50 == 0 {
            turns().await;
        }
    }
    turns().await;
    let open = idle.iter_mut().filter_map(is_open).count();
    assert_eq!(open, connections, "all of them are there");

    // Somebody else is answered meanwhile.
    let socket = TcpSocket::new_v4().unwrap();
    socket
        .bind((Ipv4Addr::new(127, 0, 0, 2), 0).into())
        .unwrap();
    let mut other = socket.connect(addresses[0]).await.unwrap();
    let ask = b"GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    other.write_all(ask).await.unwrap();
    let mut answer = String::new();
    other.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");

    for octet in TRICKLE {
        for stream in &mut idle {
            let _ = stream.write(&[octet]);
        }
        tokio::time::sleep(10 * SECOND).await;
    }
    turns().await;
    let open = idle.iter_mut().filter_map(is_open).count();
    assert_eq!(open, 0, "none is left");
    stop.cancel();
    server.await.unwrap().unwrap();
}

/// Lets the server's tasks do what there is to do while the clock stands.
async fn turns() {
    for _ in 0..TURNS {
        tokio::task::yield_now().await;
    }
}

/// Reads what there is; something if the connection is still open.
fn is_open(stream: &mut TcpStream) -> Option<()> {
    let mut buffer = [0; 4_096];
    loop {
        match stream.read(&mut buffer) {
            Ok(1..) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Some(()),
            Ok(0) | Err(_) => return None,
        }
    }
}
