//! All workers of a process: where a conference goes, and which ports telephones get.

use std::{
    collections::BTreeMap,
    io::{self, ErrorKind},
    net::{IpAddr, SocketAddr, UdpSocket},
    num::NonZeroUsize,
    ops::RangeInclusive,
    sync::Arc,
    thread,
};

use rand::{Rng, RngExt};
use tokio::sync::mpsc;

use super::{
    api::Command,
    counters::{Counter, Counters},
    lateness::Lateness,
    leg::secure::SecureContext,
    player::Clips,
    shard::ShardConfig,
    worker::{Commands, Envelope, Notice, PhoneSockets, Simulated, Stopped, Worker, WorkerConfig},
};
use crate::{
    clock::Clock,
    dscp::Dscp,
    id::{ConferenceId, LegId},
    limit::{NOTICES_WAITING, PORT_TRIES, WORKERS_MAX},
};

/// What a pool begins with.
#[derive(Debug)]
pub struct PoolConfig {
    /// How many workers; one less than there are processors where none is said.
    pub workers: Option<NonZeroUsize>,
    /// The addresses browsers reach the workers at.
    pub addresses: Vec<IpAddr>,
    /// Port of the first worker, the others follow; 0 chooses each.
    pub port: u16,
    /// How packets to browsers are marked.
    pub dscp: Dscp,
    /// Ask for real-time scheduling.
    pub realtime: bool,
    /// The clips that prompts consist of.
    pub clips: Clips,
    /// Certificate and cryptography of the process.
    pub secure: SecureContext,
    /// Wall time, for sender reports.
    pub clock: Arc<dyn Clock>,
}

/// The workers, and which of them serves which conference.
#[derive(Debug)]
pub struct Pool {
    workers: Vec<Worker>,
    places: BTreeMap<ConferenceId, usize>,
}

impl Pool {
    /// Starts the workers; the notices of all of them come out of one queue.
    pub fn spawn(
        config: &PoolConfig,
        rng: &mut impl Rng,
    ) -> io::Result<(Self, mpsc::Receiver<Notice>)> {
        let count = config
            .workers
            .map_or_else(default_workers, NonZeroUsize::get);
        let (notices, receiver) = mpsc::channel(NOTICES_WAITING);
        let workers = (0..count.min(WORKERS_MAX)).map(|index| {
            let offset = u16::try_from(index).unwrap_or(u16::MAX);
            let port = match config.port {
                0 => 0,
                first => first.checked_add(offset).ok_or(ErrorKind::InvalidInput)?,
            };
            Worker::spawn(WorkerConfig {
                index,
                addresses: config.addresses.clone(),
                port,
                dscp: config.dscp,
                realtime: config.realtime,
                shard: ShardConfig {
                    clips: config.clips.clone(),
                    secure: config.secure.clone(),
                    seed: rng.random(),
                },
                clock: config.clock.clone(),
                notices: notices.clone(),
            })
        });
        let pool = Self {
            workers: workers.collect::<io::Result<_>>()?,
            places: BTreeMap::new(),
        };
        Ok((pool, receiver))
    }

    /// Makes a pool whose workers are driven by the caller, one for each list of browser addresses, for simulated runs.
    pub fn simulated(addresses: Vec<Vec<SocketAddr>>) -> io::Result<(Self, Vec<Simulated>)> {
        let made: Vec<(Worker, Simulated)> = addresses
            .into_iter()
            .map(Worker::simulated)
            .collect::<io::Result<_>>()?;
        let (workers, simulated) = made.into_iter().unzip();
        let pool = Self {
            workers,
            places: BTreeMap::new(),
        };
        Ok((pool, simulated))
    }

    /// Returns the worker that serves a conference; a conference without one goes to the least loaded.
    pub fn place(&mut self, conference: ConferenceId) -> usize {
        let on = |index| {
            self.places
                .values()
                .filter(|place| **place == index)
                .count()
        };
        let least = self.least_loaded(on);
        *self.places.entry(conference).or_insert(least)
    }

    /// Forgets where a conference was.
    pub fn forget(&mut self, conference: ConferenceId) {
        self.places.remove(&conference);
    }

    /// Tells whether each worker's thread still runs, in order.
    pub fn alive(&self) -> impl ExactSizeIterator<Item = bool> {
        self.workers.iter().map(|worker| !worker.has_ended())
    }

    /// Returns the worker for the next conference or leg: one that runs, one that has room before one that has none, then by the share of
    /// its core in use, and among those that are close by what it has and by the conferences that `placed` says were
    /// sent there, whose legs are yet to come.
    pub fn least_loaded(&self, placed: impl Fn(usize) -> usize) -> usize {
        let load = |index: &usize| {
            let counters = self.workers[*index].counters();
            let conferences = u64::try_from(placed(*index)).unwrap_or(u64::MAX);
            let coming = conferences.saturating_mul(LEGS_EXPECTED);
            (
                self.workers[*index].has_ended(),
                counters.of(Counter::LoadFull),
                counters.of(Counter::LoadPermille) / CLOSE_PERMILLE,
                counters.of(Counter::Legs).saturating_add(coming),
            )
        };
        (0..self.workers.len()).min_by_key(load).unwrap_or(0)
    }

    /// Tells whether a worker has room for one leg more.
    pub fn admits(&self, worker: usize) -> bool {
        let worker = self.workers.get(worker);
        worker.is_some_and(|worker| {
            !worker.has_ended() && worker.counters().of(Counter::LoadFull) == 0
        })
    }

    /// Counts a leg that was refused because a worker had no room.
    pub fn count_refused(&self, worker: usize) {
        if let Some(worker) = self.workers.get(worker) {
            worker.count_refused();
        }
    }

    /// Returns each worker's counters, in order.
    pub fn each(&self) -> impl ExactSizeIterator<Item = Counters> {
        self.workers.iter().map(Worker::counters)
    }

    /// Returns how late each worker's ticks were, in order; the largest lateness is that since the last asking.
    pub fn lateness(&self) -> impl ExactSizeIterator<Item = Lateness> {
        self.workers.iter().map(Worker::lateness)
    }

    /// Sends a worker a command, waiting while too many are under way; tells whether the worker lives.
    pub async fn send(&self, worker: usize, envelope: impl Into<Envelope>) -> bool {
        match self.commands(worker) {
            Some(commands) => commands.send(envelope).await.is_ok(),
            None => false,
        }
    }

    /// Returns the way to a worker.
    pub fn commands(&self, worker: usize) -> Option<&Commands> {
        self.workers.get(worker).map(Worker::commands)
    }

    /// Returns the addresses browsers reach a worker at.
    pub fn addresses(&self, worker: usize) -> &[SocketAddr] {
        self.workers.get(worker).map_or(&[], Worker::addresses)
    }

    /// Begins to move a leg: its notice of release becomes the other worker's command by [`Notice::into_adoption`].
    pub async fn release(&self, leg: LegId, from: usize) -> Result<(), Stopped> {
        let commands = self.commands(from).ok_or(Stopped)?;
        commands.send(Command::Release { leg }).await
    }

    /// Sends a released leg to another worker and seats it in a conference there.
    pub async fn adopt(
        &self,
        released: Notice,
        to: usize,
        conference: ConferenceId,
    ) -> Result<(), Stopped> {
        let commands = self.commands(to).ok_or(Stopped)?;
        if let Ok(envelope) = released.into_adoption()
            && let Command::Adopt { leg } = &envelope.command
        {
            let leg = leg.id();
            commands.send(envelope).await?;
            commands.send(Command::Join { leg, conference }).await?;
        }
        Ok(())
    }

    /// Returns the sum of all workers' counters; gauges add up too.
    pub fn counters(&self) -> Counters {
        let mut sum = Counters::default();
        for worker in &self.workers {
            sum.merge(&worker.counters());
        }
        sum
    }

    /// Stops all workers and waits for them; blocks for a few milliseconds.
    pub fn stop(self) {
        for worker in self.workers {
            worker.stop();
        }
    }
}

/// The ports telephones get: an even one for RTP, the next for RTCP (RFC 3550 §11).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortRange {
    first: u16,
    pairs: u16,
    dscp: Dscp,
}

/// Why a telephone got no ports.
#[derive(Debug, thiserror::Error)]
pub enum NoPorts {
    /// None is free, or none was found in a bounded number of tries.
    #[error("no free pair of ports")]
    Exhausted,
    /// The system refuses the address.
    #[error("cannot bind")]
    Bind(#[source] io::Error),
}

impl PortRange {
    /// Makes a range; `None` where it does not hold a pair.
    pub fn new(ports: RangeInclusive<u16>) -> Option<Self> {
        let first = ports.start().checked_next_multiple_of(2)?.max(2);
        let pairs = (u32::from(*ports.end()) + 1).checked_sub(u32::from(first))? / 2;
        let pairs = u16::try_from(pairs).ok().filter(|pairs| *pairs > 0)?;
        Some(Self {
            first,
            pairs,
            dscp: Dscp::NONE,
        })
    }

    /// Has what is sent from the ports marked.
    #[must_use]
    pub const fn marked(self, dscp: Dscp) -> Self {
        Self { dscp, ..self }
    }

    /// Returns how many pairs the range holds.
    pub const fn pairs(self) -> u16 {
        self.pairs
    }

    /// Binds a pair, from a random place on: who knows one call's ports does not know the next one's.
    pub fn bind(self, address: IpAddr, rng: &mut impl Rng) -> Result<PhoneSockets, NoPorts> {
        let start = rng.random_range(0..self.pairs);
        let places = (start..self.pairs).chain(0..start);
        for place in places.take(PORT_TRIES) {
            match bind_pair(address, self.first + 2 * place, self.dscp) {
                Err(error) if error.kind() == ErrorKind::AddrInUse => {}
                result => return result.map_err(NoPorts::Bind),
            }
        }
        Err(NoPorts::Exhausted)
    }
}

fn bind_pair(address: IpAddr, port: u16, dscp: Dscp) -> io::Result<PhoneSockets> {
    let bind = |port| {
        let local = SocketAddr::new(address, port);
        let socket = UdpSocket::bind(local)?;
        dscp.mark(&socket, local);
        Ok::<_, io::Error>(socket)
    };
    Ok(PhoneSockets {
        rtp: bind(port)?,
        rtcp: bind(port + 1)?,
    })
}

/// One processor is left to the control plane.
fn default_workers() -> usize {
    let processors = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    processors.saturating_sub(1).max(1)
}

/// Legs that a conference is counted as when the next is placed, whether or not they have come yet.
const LEGS_EXPECTED: u64 = 4;

/// Shares of a core this close, in thousandths, count as the same: a share is measured with a delay, legs are counted
/// at once.
const CLOSE_PERMILLE: u64 = 100;

#[cfg(test)]
mod tests {
    use std::{net::Ipv4Addr, sync::atomic::Ordering};

    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    #[test]
    fn pairs_are_even_and_odd_and_within_the_range() {
        let range = PortRange::new(41_001..=41_020).unwrap().marked(Dscp::AUDIO);
        assert_eq!(range.pairs(), 9);
        let pair = range.bind(HERE, &mut rng()).unwrap();
        let rtp = pair.rtp.local_addr().unwrap().port();
        assert_eq!(rtp % 2, 0);
        assert!((41_002..=41_018).contains(&rtp));
        assert_eq!(pair.rtcp.local_addr().unwrap().port(), rtp + 1);
        for socket in [&pair.rtp, &pair.rtcp] {
            let class = socket2::SockRef::from(socket).tos_v4().unwrap();
            assert_eq!(class, 46 << 2, "marked for expedited forwarding");
        }
    }

    #[test]
    fn the_least_loaded_worker_is_found_by_room_then_share_then_legs() {
        let addresses = vec![Vec::new(); 3];
        let (pool, workers) = Pool::simulated(addresses).unwrap();
        let publish = |index: usize, full, permille, legs| {
            let mut counters = Counters::default();
            counters.set(Counter::LoadFull, full);
            counters.set(Counter::LoadPermille, permille);
            counters.set(Counter::Legs, legs);
            workers[index].counters.publish(&counters);
        };
        for (states, placed, expected) in [
            ([(0, 0, 0), (0, 0, 0), (0, 0, 0)], [0, 0, 0], 0),
            ([(0, 0, 0), (0, 0, 0), (0, 0, 0)], [2, 1, 2], 1),
            ([(0, 550, 9), (0, 250, 99), (0, 350, 9)], [0, 0, 0], 1),
            ([(0, 210, 9), (0, 250, 8), (0, 290, 7)], [0, 0, 0], 2),
            ([(0, 210, 9), (0, 250, 8), (0, 290, 7)], [0, 0, 1], 1),
            ([(1, 0, 0), (0, 700, 900), (1, 0, 0)], [0, 9, 0], 1),
            ([(1, 900, 5), (1, 800, 5), (1, 900, 5)], [0, 0, 0], 1),
        ] {
            for (index, (full, permille, legs)) in states.into_iter().enumerate() {
                publish(index, full, permille, legs);
            }
            let found = pool.least_loaded(|index| placed[index]);
            assert_eq!(found, expected, "{states:?} {placed:?}");
        }
        assert!(!pool.admits(0));
        publish(0, 0, 900, 5);
        assert!(pool.admits(0));
        assert!(!pool.admits(3));
        // What it published last stays, and says that it has room.
        workers[1].ended.store(true, Ordering::Release);
        publish(1, 0, 0, 0);
        publish(0, 1, 999, 5);
        publish(2, 1, 990, 5);
        assert!(!pool.admits(1));
        assert_ne!(pool.least_loaded(|_| 0), 1);
        assert_eq!(pool.alive().collect::<Vec<_>>(), [true, false, true]);
    }

    #[test]
    fn refusals_are_counted_where_there_was_no_room() {
        let (pool, _workers) = Pool::simulated(vec![Vec::new(); 2]).unwrap();
        pool.count_refused(1);
        pool.count_refused(1);
        let refused: Vec<u64> = pool
            .each()
            .map(|counters| counters.of(Counter::LegsRefusedLoad))
            .collect();
        assert_eq!(refused, [0, 2]);
        assert_eq!(pool.counters().of(Counter::LegsRefusedLoad), 2);
    }

    #[test]
    fn an_exhausted_range_says_so_and_recovers() {
        let range = PortRange::new(41_100..=41_105).unwrap();
        let mut rng = rng();
        let mut pairs: Vec<_> = (0..3)
            .map(|_| range.bind(HERE, &mut rng).unwrap())
            .collect();
        let refused = range.bind(HERE, &mut rng).unwrap_err();
        assert!(matches!(refused, NoPorts::Exhausted));
        pairs.pop();
        range.bind(HERE, &mut rng).unwrap();
    }

    #[test]
    fn an_address_that_is_not_ours_is_no_exhaustion() {
        let range = PortRange::new(41_200..=41_210).unwrap();
        let foreign = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
        let refused = range.bind(foreign, &mut rng()).unwrap_err();
        assert!(matches!(refused, NoPorts::Bind(_)));
    }

    #[test]
    fn a_range_without_a_pair_is_refused() {
        assert_eq!(PortRange::new(5_001..=5_002), None);
        assert_eq!(PortRange::new(65_535..=65_535), None);
        let all = PortRange::new(0..=65_535).unwrap();
        assert_eq!((all.first, all.pairs), (2, 32_767));
    }

    fn rng() -> StdRng {
        StdRng::seed_from_u64(1)
    }
}
