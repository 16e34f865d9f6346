//! Datagrams by the dozen: one call to the system receives or sends many on one socket.

use std::{
    io::{IoSlice, IoSliceMut},
    net::{SocketAddr, UdpSocket},
    os::fd::AsRawFd,
};

use nix::{
    errno::Errno,
    sys::socket::{MsgFlags, MultiHeaders, SockaddrStorage, recvmmsg, sendmmsg},
};

use crate::limit::{BATCH, DATAGRAM_MAX};

/// What it takes to receive and send many datagrams at once on one socket; stays on its thread.
pub struct Batch {
    incoming: MultiHeaders<SockaddrStorage>,
    outgoing: MultiHeaders<SockaddrStorage>,
    buffer: Box<[u8]>,
    received: [(usize, Option<SocketAddr>); BATCH],
    count: usize,
}

impl Batch {
    /// Makes the room for one socket: the system writes addresses as long as those of the socket's family are.
    pub fn new() -> Self {
        Self {
            incoming: MultiHeaders::preallocate(BATCH, None),
            outgoing: MultiHeaders::preallocate(BATCH, None),
            buffer: vec![0; BATCH * DATAGRAM_MAX].into(),
            received: [(0, None); BATCH],
            count: 0,
        }
    }

    /// Receives what waits at a socket, up to [`BATCH`] datagrams, in place of those received before; returns how many.
    pub fn receive(&mut self, socket: &UdpSocket) -> Result<usize, Errno> {
        self.count = 0;
        let mut buffers = self.buffer.chunks_exact_mut(DATAGRAM_MAX);
        let mut slices: [_; BATCH] =
            std::array::from_fn(|_| [IoSliceMut::new(buffers.next().unwrap_or_default())]);
        let results = recvmmsg(
            socket.as_raw_fd(),
            &mut self.incoming,
            slices.iter_mut(),
            MsgFlags::MSG_DONTWAIT,
            None,
        );
        for (received, result) in self.received.iter_mut().zip(results?) {
            *received = (result.bytes, result.address.as_ref().and_then(address));
            self.count += 1;
        }
        Ok(self.count)
    }

    /// Returns where the datagrams received last came from, and what they are.
    pub fn datagrams(&mut self) -> impl Iterator<Item = (SocketAddr, &mut [u8])> {
        let received = self.received[..self.count].iter();
        let buffers = self.buffer.chunks_exact_mut(DATAGRAM_MAX);
        received
            .zip(buffers)
            .filter_map(|((len, from), bytes)| Some(((*from)?, &mut bytes[..*len])))
    }

    /// Sends up to [`BATCH`] datagrams; returns how many those were, and how many of them could not be sent.
    pub fn send<'a>(
        &mut self,
        socket: &UdpSocket,
        datagrams: impl Iterator<Item = (SocketAddr, &'a [u8])>,
    ) -> (usize, usize) {
        let mut slices = [[IoSlice::new(&[])]; BATCH];
        let mut receivers = [None; BATCH];
        let mut count = 0;
        for (to, bytes) in datagrams.take(BATCH) {
            slices[count] = [IoSlice::new(bytes)];
            receivers[count] = Some(SockaddrStorage::from(to));
            count += 1;
        }
        let (mut at, mut failed) = (0, 0);
        while at < count {
            let sent = sendmmsg(
                socket.as_raw_fd(),
                &mut self.outgoing,
                slices[at..count].iter(),
                &receivers[at..count],
                [],
                MsgFlags::MSG_DONTWAIT,
            );
            // An error is that of the first; the others have their turn in the next call.
            let sent = sent.map_or(0, Iterator::count);
            failed += usize::from(sent == 0);
            at += sent.max(1);
        }
        (count, failed)
    }
}

impl Default for Batch {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for Batch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Batch")
            .field("received", &self.count)
            .finish_non_exhaustive()
    }
}

fn address(storage: &SockaddrStorage) -> Option<SocketAddr> {
    let v4 = storage.as_sockaddr_in().map(|v4| SocketAddr::from(*v4));
    v4.or_else(|| storage.as_sockaddr_in6().map(|v6| SocketAddr::from(*v6)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_at_once_is_received_at_once() {
        for here in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(one) = UdpSocket::bind(here) else {
                // A machine without IPv6 has nothing to show.
                continue;
            };
            let other = UdpSocket::bind(here).unwrap();
            let (from, to) = (one.local_addr().unwrap(), other.local_addr().unwrap());
            let (mut outgoing, mut incoming) = (Batch::new(), Batch::new());
            for round in 1..4 {
                let said: Vec<Vec<u8>> = (1..=BATCH).map(|len| vec![round; len]).collect();
                let sent = outgoing.send(&one, said.iter().map(|bytes| (to, &bytes[..])));
                assert_eq!(sent, (BATCH, 0));
                assert_eq!(incoming.receive(&other), Ok(BATCH));
                let heard: Vec<_> = incoming.datagrams().map(|(f, b)| (f, b.to_vec())).collect();
                assert!(heard.iter().all(|(sender, _)| *sender == from));
                assert!(heard.into_iter().map(|(_, bytes)| bytes).eq(said));
            }
            assert_eq!(incoming.receive(&other), Err(Errno::EAGAIN));
            assert_eq!(incoming.datagrams().count(), 0);
        }
    }

    #[test]
    fn one_that_cannot_be_sent_does_not_keep_the_others() {
        let one = UdpSocket::bind("127.0.0.1:0").unwrap();
        let to = one.local_addr().unwrap();
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut batch = Batch::new();
        let datagrams = [(to, &b"a"[..]), (nowhere, b"b"), (to, b"c")];
        assert_eq!(batch.send(&one, datagrams.into_iter()), (3, 1));
        assert_eq!(batch.receive(&one), Ok(2));
    }
}
