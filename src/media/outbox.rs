//! Datagrams on their way out, one after another in one block of memory that is used again and again.
//!
//! Invariant: a packet costs no allocation once the block has grown to what a tick needs; the block has a limit.

use std::net::SocketAddr;

use super::shard::SocketId;
use crate::limit::{OUTBOX_BYTES_MAX, PACKET_MAX};

/// A datagram to send; its bytes are lent until the next call.
#[derive(Clone, Copy)]
pub struct Transmit<'a> {
    /// The socket it leaves by.
    pub socket: SocketId,
    /// Where it goes.
    pub to: SocketAddr,
    /// What it is.
    pub bytes: &'a [u8],
}

impl std::fmt::Debug for Transmit<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Transmit")
            .field("socket", &self.socket)
            .field("len", &self.bytes.len())
            .finish_non_exhaustive()
    }
}

/// The queue of datagrams to send.
#[derive(Default)]
pub(super) struct Outbox {
    bytes: Vec<u8>,
    used: usize,
    queue: Vec<Queued>,
    sent: usize,
}

struct Queued {
    socket: SocketId,
    to: SocketAddr,
    start: usize,
    len: usize,
}

impl Queued {
    fn transmit<'a>(&self, bytes: &'a [u8]) -> Transmit<'a> {
        Transmit {
            socket: self.socket,
            to: self.to,
            bytes: &bytes[self.start..self.start + self.len],
        }
    }
}

/// The outbox has reached its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Full;

impl Outbox {
    /// Lends room for one datagram of at most [`PACKET_MAX`] bytes; [`Outbox::commit`] queues it.
    pub(super) fn room(&mut self) -> Result<&mut [u8], Full> {
        let end = self.used + PACKET_MAX;
        if end > OUTBOX_BYTES_MAX {
            return Err(Full);
        }
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        Ok(&mut self.bytes[self.used..end])
    }

    /// Queues the first `len` bytes of the room lent last; nothing where `len` is 0.
    pub(super) fn commit(&mut self, socket: SocketId, to: SocketAddr, len: usize) {
        assert!(len <= PACKET_MAX, "a datagram fits the room it was lent");
        if len == 0 {
            return;
        }
        self.queue.push(Queued {
            socket,
            to,
            start: self.used,
            len,
        });
        self.used += len;
    }

    /// Queues a copy of a datagram; one that is longer than [`PACKET_MAX`] does not fit either.
    pub(super) fn push(
        &mut self,
        socket: SocketId,
        to: SocketAddr,
        bytes: &[u8],
    ) -> Result<(), Full> {
        let room = self.room()?.get_mut(..bytes.len()).ok_or(Full)?;
        room.copy_from_slice(bytes);
        self.commit(socket, to, bytes.len());
        Ok(())
    }

    /// Takes the oldest datagram.
    pub(super) fn pop(&mut self) -> Option<Transmit<'_>> {
        if self.sent == self.queue.len() {
            self.drop_first(0);
            return None;
        }
        self.sent += 1;
        let next = &self.queue[self.sent - 1];
        Some(next.transmit(&self.bytes))
    }

    /// Returns what waits, the oldest first.
    pub(super) fn waiting(&self) -> impl Iterator<Item = Transmit<'_>> {
        let waiting = self.queue[self.sent..].iter();
        waiting.map(|next| next.transmit(&self.bytes))
    }

    /// Takes so many of the oldest datagrams, unseen; memory is used again once none waits.
    pub(super) fn drop_first(&mut self, count: usize) {
        self.sent = (self.sent + count).min(self.queue.len());
        if self.sent == self.queue.len() {
            self.queue.clear();
            self.sent = 0;
            self.used = 0;
        }
    }
}

impl std::fmt::Debug for Outbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outbox")
            .field("waiting", &(self.queue.len() - self.sent))
            .field("capacity", &self.bytes.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::LegId;

    const SOCKET: SocketId = SocketId::Rtp(LegId::from_u64(1));

    #[test]
    fn datagrams_come_out_as_they_went_in_and_memory_is_used_again() {
        let mut outbox = Outbox::default();
        for _ in 0..3 {
            for n in 0..10 {
                outbox.push(SOCKET, to(), &[n; 100]).unwrap();
            }
            for n in 0..10 {
                assert_eq!(outbox.pop().unwrap().bytes, [n; 100]);
            }
            assert!(outbox.pop().is_none());
        }
        assert!(outbox.bytes.len() < 10 * 100 + 2 * PACKET_MAX);
    }

    #[test]
    fn a_full_outbox_refuses_and_recovers() {
        let mut outbox = Outbox::default();
        let mut fitted = 0;
        while outbox.push(SOCKET, to(), &[0; PACKET_MAX]).is_ok() {
            fitted += 1;
        }
        assert_eq!(fitted, OUTBOX_BYTES_MAX / PACKET_MAX);
        while outbox.pop().is_some() {}
        outbox.push(SOCKET, to(), &[0]).unwrap();
    }

    #[test]
    fn a_datagram_that_is_too_long_is_refused() {
        let mut outbox = Outbox::default();
        assert_eq!(outbox.push(SOCKET, to(), &[0; PACKET_MAX + 1]), Err(Full));
        assert!(outbox.pop().is_none());
    }

    fn to() -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 1], 4000))
    }
}
