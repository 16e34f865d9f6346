//! The network between everybody: loses, delays, doubles and reorders datagrams, the same after the same seed.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    time::{Duration, Instant},
};

use rand::{RngExt, SeedableRng, rngs::StdRng};

/// A datagram, wherever it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Datagram {
    pub from: SocketAddr,
    pub to: SocketAddr,
    pub bytes: Vec<u8>,
}

/// What one direction does to datagrams. Shares are between 0 and 1; whole milliseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Link {
    pub loss: f64,
    pub delay: Duration,
    /// Added to the delay, evenly distributed; reorders where it exceeds the packets' distance.
    pub jitter: Duration,
    pub duplicate: f64,
}

impl Link {
    /// Loses nothing and takes a while.
    pub const fn clean(delay: Duration) -> Self {
        Self {
            loss: 0.0,
            delay,
            jitter: Duration::ZERO,
            duplicate: 0.0,
        }
    }
}

/// The network.
pub struct Net {
    /// Media towards the server.
    pub up: Link,
    /// Media from the server.
    pub down: Link,
    /// Signalling, both ways.
    pub signalling: Link,
    /// Numbers of the signalling datagrams that are lost, counted from 0 in the order they are sent.
    pub lost_signalling: BTreeSet<usize>,
    signalled: usize,
    rng: StdRng,
    queue: BTreeMap<(Instant, u64), Datagram>,
    sent: u64,
}

impl Net {
    /// Makes a clean network with 5 ms each way.
    pub fn new(seed: u64) -> Self {
        let link = Link::clean(Duration::from_millis(5));
        Self {
            up: link,
            down: link,
            signalling: link,
            lost_signalling: BTreeSet::new(),
            signalled: 0,
            rng: StdRng::seed_from_u64(seed),
            queue: BTreeMap::new(),
            sent: 0,
        }
    }

    /// How many signalling datagrams were sent so far.
    pub fn signalled(&self) -> usize {
        self.signalled
    }

    /// Takes a datagram of media on its way to the server or from it.
    pub fn send_media(&mut self, datagram: Datagram, to_server: bool, now: Instant) {
        let link = if to_server { self.up } else { self.down };
        self.send(datagram, link, now);
    }

    /// Takes a datagram of signalling on its way.
    pub fn send_signalling(&mut self, datagram: Datagram, now: Instant) {
        let number = self.signalled;
        self.signalled += 1;
        if !self.lost_signalling.contains(&number) {
            self.send(datagram, self.signalling, now);
        }
    }

    fn send(&mut self, datagram: Datagram, link: Link, now: Instant) {
        if link.loss > 0.0 && self.rng.random_bool(link.loss) {
            return;
        }
        let doubled = link.duplicate > 0.0 && self.rng.random_bool(link.duplicate);
        for _ in 0..1 + usize::from(doubled) {
            let jitter = self.rng.random_range(0..=millis(link.jitter));
            let at = now + link.delay + Duration::from_millis(jitter);
            self.sent += 1;
            self.queue.insert((at, self.sent), datagram.clone());
        }
    }

    /// When the next datagram arrives.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.queue.keys().next().map(|(at, _)| *at)
    }

    /// Takes the next datagram that has arrived.
    pub fn arrived(&mut self, now: Instant) -> Option<Datagram> {
        let entry = self.queue.first_entry()?;
        (entry.key().0 <= now).then(|| entry.remove())
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap()
}
