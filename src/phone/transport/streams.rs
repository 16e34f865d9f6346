//! One connection: how it comes about, what is read from it, what is written to it.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use rustls::{CertificateError, ClientConfig, pki_types::ServerName};
use sip::{Flow, Protocol};
use socket2::SockRef;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf},
    net::{TcpListener, TcpSocket},
    sync::{mpsc, oneshot},
    time::{sleep, timeout},
};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::{Arrival, Fault, Inlet};
use crate::{
    clock::{Clock, System},
    dscp::Dscp,
    limit::{
        SIP_CONNECTION_DEAD_MAX, SIP_CONNECTION_IDLE_MAX, SIP_CONNECTION_SILENT_MAX,
        SIP_HANDSHAKE_MAX, SIP_STREAM_CHUNK_BYTES,
    },
    tls::{Demand, SipServer},
};

/// What a connection runs over.
pub(super) trait Carrier: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Carrier for T {}

/// A connection before anything is read from it.
pub(in crate::phone) struct Stream(Box<dyn Carrier>);

impl Stream {
    pub(super) fn new(carrier: impl Carrier + 'static) -> Self {
        Self(Box::new(carrier))
    }
}

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Stream")
    }
}

/// A connection that is ready for messages.
pub(super) struct Established {
    flow: Flow,
    stream: Stream,
    /// Which clients the peer has proved to be.
    clients: Vec<usize>,
}

impl Established {
    /// Takes a connection as it is.
    pub(super) fn plain(flow: Flow, stream: Stream) -> Self {
        Self {
            flow,
            stream,
            clients: Vec::new(),
        }
    }
}

/// Answers the TLS handshake of a peer.
pub(super) async fn greet(
    flow: Flow,
    stream: Stream,
    server: SipServer,
    demand: Demand,
) -> io::Result<Established> {
    let acceptor = TlsAcceptor::from(server.config(demand));
    let stream = acceptor.accept(stream.0).await?;
    let chain = stream.get_ref().1.peer_certificates().unwrap_or_default();
    Ok(Established {
        flow,
        clients: server.known(chain, System.since_epoch()),
        stream: Stream::new(stream),
    })
}

/// How a server is reached.
pub(super) enum Way {
    /// By TCP from this address, marked so.
    From(IpAddr, Dscp),
    /// It is there already.
    There(Stream),
}

/// Connects to a server, over TLS if there are settings for it: then its certificate must carry the name. The server reads that
/// we are where we listen, if it is to know (RFC 3261 §18.1.1); else that we are where the connection comes from.
pub(super) async fn reach(
    (mut flow, listening): (Flow, Option<SocketAddr>),
    way: Way,
    secured: Option<Arc<ClientConfig>>,
    server_name: String,
) -> io::Result<Established> {
    let stream = match way {
        Way::From(source, dscp) => {
            let socket = match source {
                IpAddr::V4(_) => TcpSocket::new_v4()?,
                IpAddr::V6(_) => TcpSocket::new_v6()?,
            };
            let here = SocketAddr::new(source, 0);
            dscp.mark(&socket, here);
            socket.bind(here)?;
            let stream = socket.connect(flow.remote).await?;
            // Not every server answers what keeps a connection alive, but every kernel acknowledges it.
            SockRef::from(&stream).set_tcp_user_timeout(Some(SIP_CONNECTION_DEAD_MAX))?;
            let local = stream.local_addr()?;
            flow = Flow::new(flow.protocol, local, flow.remote, flow.id);
            Stream::new(stream)
        }
        Way::There(stream) => stream,
    };
    flow.advertised = listening.unwrap_or(flow.local);
    let Some(config) = secured else {
        return Ok(Established::plain(flow, stream));
    };
    let name = ServerName::try_from(server_name).map_err(io::Error::other)?;
    let stream = TlsConnector::from(config).connect(name, stream.0).await?;
    Ok(Established::plain(flow, Stream::new(stream)))
}

/// Why a connection did not come about.
fn fault(error: &io::Error) -> Fault {
    let inner = error.get_ref().and_then(|it| it.downcast_ref());
    match inner {
        Some(rustls::Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        )) => Fault::WrongName,
        Some(rustls::Error::InvalidCertificate(_)) => Fault::Untrusted,
        Some(_) | None => Fault::Unreachable,
    }
}

/// The ends of a connection that its two tasks share with the transport.
pub(super) struct Ends {
    pub(super) id: u64,
    /// Whether the connection was ever of use; one that got no answer may not stay by sending a byte now and then.
    pub(super) answered: Arc<AtomicBool>,
    pub(super) writer: oneshot::Sender<WriteHalf<Box<dyn Carrier>>>,
    pub(super) inlet: mpsc::Sender<Inlet>,
}

/// Brings a connection about within a bounded time, then reads it to its end.
pub(super) async fn read(establishing: impl Future<Output = io::Result<Established>>, ends: Ends) {
    let Ends {
        id,
        answered,
        writer,
        inlet,
    } = ends;
    let mut unanswered = std::pin::pin!(sleep(SIP_CONNECTION_SILENT_MAX));
    let established = match timeout(SIP_HANDSHAKE_MAX, establishing).await {
        Ok(Ok(established)) => Ok(established),
        Ok(Err(error)) => Err(fault(&error)),
        Err(_) => Err(Fault::Unreachable),
    };
    let established = match established {
        Ok(established) => established,
        Err(fault) => {
            let _ = inlet.send(Inlet::Failed(id, fault)).await;
            return;
        }
    };
    let Established {
        flow,
        stream,
        clients,
    } = established;
    let (mut read, write) = tokio::io::split(stream.0);
    if writer.send(write).is_err() || inlet.send(Inlet::Ready(flow, clients)).await.is_err() {
        return;
    }
    let mut buffer = vec![0; SIP_STREAM_CHUNK_BYTES];
    loop {
        let waiting = !answered.load(Ordering::Relaxed);
        let length = tokio::select! {
            () = &mut unanswered, if waiting => {
                if answered.load(Ordering::Relaxed) { continue }
                break
            }
            length = chunk(&mut read, &mut buffer) => match length {
                Some(length) => length,
                None => break,
            },
        };
        let chunk = Arrival::Chunk(flow, buffer[..length].to_vec());
        if inlet.send(Inlet::Arrival(chunk)).await.is_err() {
            return;
        }
    }
    let _ = inlet.send(Inlet::Arrival(Arrival::Closed(flow))).await;
}

/// Reads some octets; none when the connection is at its end or idle for too long.
async fn chunk(read: &mut ReadHalf<Box<dyn Carrier>>, buffer: &mut [u8]) -> Option<usize> {
    let length = timeout(SIP_CONNECTION_IDLE_MAX, read.read(buffer)).await;
    length.ok()?.ok().filter(|length| *length > 0)
}

/// Writes what is queued once the connection has come about, and ends it when the queue does.
pub(super) async fn write(
    established: oneshot::Receiver<WriteHalf<Box<dyn Carrier>>>,
    mut queue: mpsc::Receiver<Vec<u8>>,
) {
    let Ok(mut write) = established.await else {
        return;
    };
    while let Some(bytes) = queue.recv().await {
        let written = async {
            write.write_all(&bytes).await?;
            // Within TLS a record may still wait.
            write.flush().await
        };
        if !matches!(
            timeout(SIP_CONNECTION_SILENT_MAX, written).await,
            Ok(Ok(()))
        ) {
            return;
        }
    }
    // The peer may have closed already, or read no more.
    let _ = timeout(SIP_CONNECTION_SILENT_MAX, write.shutdown()).await;
}

/// Accepts connections for ever, and numbers them from `id` on.
pub(super) async fn accept(
    listener: TcpListener,
    protocol: Protocol,
    local: SocketAddr,
    mut id: u64,
    inlet: mpsc::Sender<Inlet>,
) {
    let mut backoff = tokio::time::interval(std::time::Duration::from_millis(50));
    loop {
        let Ok((stream, remote)) = listener.accept().await else {
            // Out of file descriptors: wait for some to be returned.
            backoff.tick().await;
            continue;
        };
        id += 1;
        // The connection's own local address matters where the listener is bound to a wildcard.
        let local = stream.local_addr().unwrap_or(local);
        let opened = Arrival::Opened(Flow::new(protocol, local, remote, id), Stream::new(stream));
        if inlet.send(Inlet::Arrival(opened)).await.is_err() {
            return;
        }
    }
}
