//! Sockets of the web: bound before anything is told, bounded in number and in patience.
//!
//! ```text
//! TCP ─ Gate (caps, idle timeout) ─ TLS 1.2/1.3 ─┐
//! TCP on loopback ─ Gate ────────────────────────┴─ HTTP/1.1 (header caps and timeout) ─ Router
//! ```

use std::{
    collections::BTreeMap,
    future::{Future, Ready, ready},
    io,
    net::{IpAddr, SocketAddr, TcpListener},
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use axum_server::{
    Handle,
    accept::Accept,
    tls_rustls::{RustlsAcceptor, RustlsConfig},
};
use hyper_util::{
    rt::{TokioExecutor, TokioTimer},
    server::conn::auto::Builder,
};
use rustls::ServerConfig;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    task::JoinSet,
    time::{Sleep, sleep},
};
use tokio_util::sync::CancellationToken;

use crate::limit;

use super::{Scheme, Site, app};

/// Sockets that are bound and do not answer yet.
#[derive(Debug)]
pub struct Listeners {
    sockets: Vec<(Scheme, SocketAddr, TcpListener)>,
}

impl Listeners {
    /// Binds all addresses; port 0 takes a free one.
    ///
    /// # Errors
    ///
    /// Fails at the first address that cannot be bound.
    pub fn bind(https: &[SocketAddr], http: &[SocketAddr]) -> Result<Self, BindError> {
        let https = https.iter().map(|address| (Scheme::Https, *address));
        let http = http.iter().map(|address| (Scheme::Http, *address));
        let sockets = https
            .chain(http)
            .map(|(scheme, address)| {
                bind(address)
                    .map(|(bound, listener)| (scheme, bound, listener))
                    .map_err(|source| BindError { address, source })
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { sockets })
    }

    /// Returns where one can connect.
    pub fn addresses(&self, scheme: Scheme) -> impl Iterator<Item = SocketAddr> + '_ {
        self.sockets
            .iter()
            .filter(move |(of, _, _)| *of == scheme)
            .map(|(_, address, _)| *address)
    }

    /// Answers until told to stop; then connections have the grace to end by themselves.
    ///
    /// # Errors
    ///
    /// Fails when a socket fails for good.
    pub async fn serve(
        self,
        site: &Site,
        tls: Arc<ServerConfig>,
        stop: CancellationToken,
        grace: Duration,
    ) -> io::Result<()> {
        let gate = Gate::default();
        let handle = Handle::new();
        let mut servers = JoinSet::new();
        for (scheme, _, listener) in self.sockets {
            let routes = app(site.clone(), scheme);
            let service = routes.into_make_service_with_connect_info::<SocketAddr>();
            let mut server = axum_server::from_tcp(listener)?.handle(handle.clone());
            *server.http_builder() = http();
            match scheme {
                Scheme::Http => {
                    servers.spawn(server.acceptor(gate.clone()).serve(service));
                }
                Scheme::Https => {
                    let acceptor = RustlsAcceptor::new(RustlsConfig::from_config(tls.clone()))
                        .handshake_timeout(limit::WEB_HANDSHAKE)
                        .acceptor(gate.clone());
                    servers.spawn(server.acceptor(acceptor).serve(service));
                }
            }
        }
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                Some(ended) = servers.join_next() => ended.map_err(io::Error::other)??,
                else => return Ok(()),
            }
        }
        handle.graceful_shutdown(Some(grace));
        while servers.join_next().await.is_some() {}
        Ok(())
    }
}

/// An address cannot be bound.
#[derive(Debug, thiserror::Error)]
#[error("{address} cannot be bound: {source}")]
pub struct BindError {
    /// The address.
    pub address: SocketAddr,
    /// Why.
    pub source: io::Error,
}

fn bind(address: SocketAddr) -> io::Result<(SocketAddr, TcpListener)> {
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    Ok((listener.local_addr()?, listener))
}

/// HTTP/1.1 alone, so that one set of limits covers all there is.
fn http() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new()).http1_only();
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limit::WEB_HANDSHAKE)
        .max_buf_size(limit::WEB_HEADER_BYTES)
        .max_headers(limit::WEB_HEADERS);
    builder
}

/// Counts connections by source and refuses those beyond the caps.
#[derive(Debug, Clone, Default)]
struct Gate {
    open: Arc<Mutex<BTreeMap<IpAddr, usize>>>,
}

impl Gate {
    fn enter(&self, from: IpAddr) -> Option<Pass> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let all: usize = open.values().sum();
        let own = open.entry(from).or_default();
        if all >= limit::WEB_CONNECTIONS || *own >= limit::WEB_CONNECTIONS_PER_ADDRESS {
            return None;
        }
        *own += 1;
        Some(Pass {
            gate: self.clone(),
            from,
        })
    }
}

impl<S> Accept<TcpStream, S> for Gate {
    type Stream = Watched;
    type Service = S;
    type Future = Ready<io::Result<(Watched, S)>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        let watched = stream.peer_addr().and_then(|from| {
            stream.set_nodelay(true)?;
            let pass = self
                .enter(from.ip().to_canonical())
                .ok_or(io::ErrorKind::QuotaExceeded)?;
            Ok(Watched {
                stream,
                idle: Box::pin(sleep(limit::WEB_IDLE)),
                _pass: pass,
            })
        });
        ready(watched.map(|watched| (watched, service)))
    }
}

/// A place among the open connections, given back when dropped.
#[derive(Debug)]
struct Pass {
    gate: Gate,
    from: IpAddr,
}

impl Drop for Pass {
    fn drop(&mut self) {
        let mut open = self
            .gate
            .open
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = open.get_mut(&self.from) {
            *own -= 1;
            if *own == 0 {
                open.remove(&self.from);
            }
        }
    }
}

/// A connection that ends when nothing moves on it.
#[derive(Debug)]
struct Watched {
    stream: TcpStream,
    idle: Pin<Box<Sleep>>,
    _pass: Pass,
}

impl Watched {
    /// Puts the end off when something moved; otherwise tells whether it has come.
    fn watch<T>(
        &mut self,
        moved: Poll<io::Result<T>>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        match moved {
            Poll::Ready(done) => {
                self.idle.set(sleep(limit::WEB_IDLE));
                Poll::Ready(done)
            }
            Poll::Pending => self
                .idle
                .as_mut()
                .poll(cx)
                .map(|()| Err(io::ErrorKind::TimedOut.into())),
        }
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let moved = Pin::new(&mut self.stream).poll_read(cx, buf);
        self.watch(moved, cx)
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let moved = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.watch(moved, cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let moved = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.watch(moved, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use crate::tls::{Identity, web_server_config};

    #[test]
    fn a_taken_port_is_named() {
        let first = Listeners::bind(&[], &[any()]).unwrap();
        let taken = first.addresses(Scheme::Http).next().unwrap();
        let refused = Listeners::bind(&[], &[taken]).unwrap_err();
        assert_eq!(refused.address, taken);
        assert_eq!(refused.source.kind(), io::ErrorKind::AddrInUse);
    }

    #[test]
    fn one_address_cannot_take_all_places() {
        let gate = Gate::default();
        let greedy: IpAddr = Ipv4Addr::new(192, 0, 2, 1).into();
        let other: IpAddr = Ipv4Addr::new(192, 0, 2, 2).into();
        let mut passes: Vec<_> = (0..limit::WEB_CONNECTIONS_PER_ADDRESS)
            .map(|_| gate.enter(greedy).unwrap())
            .collect();
        assert!(gate.enter(greedy).is_none());
        passes.pop();
        assert!(gate.enter(greedy).is_some());
        while passes.len() < limit::WEB_CONNECTIONS {
            passes.push(gate.enter(other).unwrap());
        }
        assert!(gate.enter(other).is_none());
        passes.clear();
        assert!(gate.open.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn both_schemes_answer_and_stop() {
        let world = World::start();
        let mut plain = world.connect(Scheme::Http).await;
        let answer = ask(&mut plain).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
        assert!(!answer.contains("strict-transport-security"), "{answer}");
        world.stop().await;
    }

    #[tokio::test(start_paused = true)]
    async fn slow_headers_and_idle_connections_are_closed() {
        let world = World::start();
        let mut slow = world.connect(Scheme::Http).await;
        slow.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
        let mut kept = world.connect(Scheme::Http).await;
        ask(&mut kept).await;
        let mut silent = world.connect(Scheme::Https).await;
        for (stream, latest) in [
            (&mut slow, limit::WEB_HANDSHAKE),
            (&mut silent, limit::WEB_HANDSHAKE),
            (&mut kept, limit::WEB_IDLE),
        ] {
            let mut rest = Vec::new();
            let closed = tokio::time::timeout(latest * 2, stream.read_to_end(&mut rest));
            let _ = closed.await.expect("the server closes the connection");
        }
        world.stop().await;
    }

    #[tokio::test]
    async fn headers_beyond_the_limit_are_refused() {
        let world = World::start();
        let mut stream = world.connect(Scheme::Http).await;
        let long = format!(
            "GET / HTTP/1.1\r\nx: {}\r\n\r\n",
            "a".repeat(limit::WEB_HEADER_BYTES)
        );
        let _ = stream.write_all(long.as_bytes()).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 431"),
            "{answer}"
        );
        world.stop().await;
    }

    struct World {
        addresses: [SocketAddr; 2],
        stop: CancellationToken,
        server: tokio::task::JoinHandle<io::Result<()>>,
        _folder: tempfile::TempDir,
    }

    impl World {
        fn start() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let files = ["certificate.pem", "key.pem"].map(|name| folder.path().join(name));
            let hosts = [String::from("localhost")];
            let identity = Identity::load_or_create(&files[0], &files[1], &hosts).unwrap();
            let tls = web_server_config(&Arc::new(identity)).unwrap();
            let listeners = Listeners::bind(&[any()], &[any()]).unwrap();
            let addresses = [Scheme::Http, Scheme::Https]
                .map(|scheme| listeners.addresses(scheme).next().unwrap());
            let stop = CancellationToken::new();
            let site = Site {
                socket: axum::Router::new(),
                metrics: Arc::new(Vec::new),
                healthy: Arc::new(|| true),
            };
            let stopped = stop.clone();
            let server = tokio::spawn(async move {
                listeners
                    .serve(&site, tls, stopped, Duration::from_secs(1))
                    .await
            });
            Self {
                addresses,
                stop,
                server,
                _folder: folder,
            }
        }

        async fn connect(&self, scheme: Scheme) -> TcpStream {
            let [http, https] = self.addresses;
            let address = if scheme == Scheme::Http { http } else { https };
            TcpStream::connect(address).await.unwrap()
        }

        async fn stop(self) {
            self.stop.cancel();
            self.server.await.unwrap().unwrap();
        }
    }

    async fn ask(stream: &mut TcpStream) -> String {
        stream
            .write_all(b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n")
            .await
            .unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"ok\n") {
            let count = stream.read_buf(&mut answer).await.unwrap();
            assert_ne!(count, 0, "the server closed the connection");
        }
        String::from_utf8(answer).unwrap()
    }

    fn any() -> SocketAddr {
        (Ipv4Addr::LOCALHOST, 0).into()
    }
}
