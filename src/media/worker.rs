//! The shell of a [`Shard`]: a thread with its sockets, its clock and its place in the schedule.
//!
//! ```text
//! with legs: sleep to the next slot of 2 ms ─ receive ─ commands ─ ticks ─ send ─ notices
//! without:   sleep until a datagram or a command comes
//! ```
//!
//! What happens in a round happens at one instant: the clock is asked when to sleep to, when that was, and when the round
//! was over, which is its [`Load`]. Nothing here blocks while there are legs.

use std::{
    io,
    net::{IpAddr, SocketAddr, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use nix::{
    sched::{CpuSet, sched_getaffinity, sched_setaffinity},
    sys::eventfd::{EfdFlags, EventFd},
    unistd::Pid,
};
use thread_priority::{
    RealtimeThreadSchedulePolicy, ThreadPriority, ThreadPriorityValue, ThreadSchedulePolicy,
    set_thread_priority_and_policy, thread_native_id,
};
use tokio::sync::mpsc;

use super::{
    api::{Command, Event, Fault},
    batch::Batch,
    counters::{Counter, Counters, SharedCounters},
    lateness::{Lateness, SharedLateness},
    load::Load,
    shard::{Shard, ShardConfig},
    sockets::{Sockets, bind_all},
    tick::next_on_grid,
};
use crate::{
    clock::Clock,
    dscp::Dscp,
    id::LegId,
    limit::{COMMANDS_PER_SLOT, COMMANDS_WAITING, DATAGRAMS_SENT_AT_ONCE, SENDS_PER_ROUND, SLOT},
};

pub use super::sockets::PhoneSockets;

/// What a worker begins with.
#[derive(Debug)]
pub struct WorkerConfig {
    /// Its number, which its notices carry.
    pub index: usize,
    /// The addresses browsers reach it at; one socket is bound on each.
    pub addresses: Vec<IpAddr>,
    /// The sockets' common port; 0 chooses one.
    pub port: u16,
    /// How its packets to browsers are marked.
    pub dscp: Dscp,
    /// Ask for real-time scheduling and, where it is granted, a processor of its own: the last for the first worker, the
    /// one before for the next, and so on while one remains for everything else.
    pub realtime: bool,
    /// What its shard begins with.
    pub shard: ShardConfig,
    /// Wall time, for sender reports.
    pub clock: Arc<dyn Clock>,
    /// Where its notices go.
    pub notices: mpsc::Sender<Notice>,
}

/// A command, with the sockets of the telephone it opens or adopts.
#[derive(Debug)]
pub struct Envelope {
    /// The command.
    pub command: Command,
    /// The sockets.
    pub sockets: Option<PhoneSockets>,
}

/// An event, with the sockets of the telephone it releases.
#[derive(Debug)]
pub struct Notice {
    /// The worker's number.
    pub worker: usize,
    /// The event.
    pub event: Event,
    /// The sockets.
    pub sockets: Option<PhoneSockets>,
}

/// The worker has stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the media worker has stopped")]
pub struct Stopped;

/// A running worker; dropping it stops the thread.
#[derive(Debug)]
pub struct Worker {
    commands: Commands,
    counters: Arc<SharedCounters>,
    /// Legs that the control plane did not open here because there was no room.
    refused: AtomicU64,
    lateness: Arc<SharedLateness>,
    addresses: Vec<SocketAddr>,
    stop: Arc<AtomicBool>,
    /// The thread runs no more.
    ended: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<()>>,
}

/// What stands in for a worker's thread in a simulated run: whoever holds it drives a shard.
#[derive(Debug)]
pub struct Simulated {
    /// The commands as they come.
    pub commands: mpsc::Receiver<Envelope>,
    /// Where the shard's counters are published.
    pub counters: Arc<SharedCounters>,
    /// Set where the worker is to count as one whose thread has ended.
    pub ended: Arc<AtomicBool>,
}

/// The way to a worker.
#[derive(Debug, Clone)]
pub struct Commands {
    sender: mpsc::Sender<Envelope>,
    wake: Arc<EventFd>,
}

impl From<Command> for Envelope {
    fn from(command: Command) -> Self {
        Self {
            command,
            sockets: None,
        }
    }
}

impl Command {
    /// Returns the leg that begins on the shard with this command.
    fn begins(&self) -> Option<LegId> {
        if let Self::Open { leg, .. } = self {
            Some(*leg)
        } else if let Self::Adopt { leg } = self {
            Some(leg.id())
        } else {
            None
        }
    }
}

impl Notice {
    /// Turns the notice of a released leg into the command that another worker adopts it by.
    pub fn into_adoption(self) -> Result<Envelope, Box<Self>> {
        let Event::Released { leg, .. } = self.event else {
            return Err(Box::new(self));
        };
        Ok(Envelope {
            command: Command::Adopt { leg },
            sockets: self.sockets,
        })
    }
}

impl Commands {
    /// Sends a command; waits while too many are under way.
    pub async fn send(&self, envelope: impl Into<Envelope>) -> Result<(), Stopped> {
        self.sender
            .send(envelope.into())
            .await
            .map_err(|_| Stopped)?;
        self.wake();
        Ok(())
    }

    fn wake(&self) {
        // A full counter means the wake-up is under way already.
        let _ = self.wake.write(1);
    }
}

impl Worker {
    /// Binds the browsers' sockets and starts the thread.
    pub fn spawn(config: WorkerConfig) -> io::Result<Self> {
        let sockets = bind_all(&config.addresses, config.port, config.dscp)?;
        let addresses = sockets
            .iter()
            .map(UdpSocket::local_addr)
            .collect::<io::Result<_>>()?;
        let flags = EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC;
        let wake = Arc::new(EventFd::from_flags(flags)?);
        let (sender, receiver) = mpsc::channel(COMMANDS_WAITING);
        let counters = Arc::new(SharedCounters::default());
        let lateness = Arc::new(SharedLateness::default());
        let stop = Arc::new(AtomicBool::new(false));
        let ended = Arc::new(AtomicBool::new(false));
        let epoch = now();
        let round = Round {
            index: config.index,
            shard: Shard::new(config.shard, epoch),
            sockets: Sockets::new(sockets, wake.clone())?,
            commands: receiver,
            notices: config.notices,
            counters: counters.clone(),
            lateness: (Lateness::default(), lateness.clone()),
            clock: config.clock,
            stop: stop.clone(),
            ended: ended.clone(),
            epoch,
            load: Load::new(epoch),
        };
        let (realtime, index) = (config.realtime, config.index);
        let thread = thread::Builder::new()
            .name(format!("media-{}", config.index))
            .spawn(move || {
                // Without priority a thread that must not move would wait for whoever else is on its processor.
                if realtime && ask_for_realtime() {
                    keep_to_processor(index);
                }
                round.run();
            })?;
        Ok(Self {
            commands: Commands { sender, wake },
            counters,
            refused: AtomicU64::new(0),
            lateness,
            addresses,
            stop,
            ended,
            thread: Some(thread),
        })
    }

    /// Makes a worker without sockets and thread, for simulated runs.
    pub(super) fn simulated(addresses: Vec<SocketAddr>) -> io::Result<(Self, Simulated)> {
        let wake = Arc::new(EventFd::from_flags(EfdFlags::EFD_NONBLOCK)?);
        let (sender, receiver) = mpsc::channel(COMMANDS_WAITING);
        let counters = Arc::new(SharedCounters::default());
        let ended = Arc::new(AtomicBool::new(false));
        let worker = Self {
            commands: Commands { sender, wake },
            counters: Arc::clone(&counters),
            refused: AtomicU64::new(0),
            lateness: Arc::default(),
            addresses,
            stop: Arc::new(AtomicBool::new(false)),
            ended: Arc::clone(&ended),
            thread: None,
        };
        let simulated = Simulated {
            commands: receiver,
            counters,
            ended,
        };
        Ok((worker, simulated))
    }

    /// Returns the way to the worker.
    pub const fn commands(&self) -> &Commands {
        &self.commands
    }

    /// Returns the addresses of the browsers' sockets: the host candidates of its legs.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Returns the counters as last published.
    pub fn counters(&self) -> Counters {
        let mut counters = self.counters.read();
        let refused = self.refused.load(Ordering::Relaxed);
        counters.set(Counter::LegsRefusedLoad, refused);
        counters
    }

    /// Tells whether the thread runs no more: nothing that is sent to it has an effect.
    pub fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// Counts a leg that was not opened here because there was no room.
    pub fn count_refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns how late its ticks were, as last published; the largest lateness is that since the last asking.
    pub fn lateness(&self) -> Lateness {
        self.lateness.read()
    }

    /// Says goodbye to all legs, stops the thread and waits for it; blocks for a few milliseconds.
    pub fn stop(mut self) {
        self.tell_to_stop();
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has stopped too.
            let _ = thread.join();
        }
    }

    fn tell_to_stop(&self) {
        self.stop.store(true, Ordering::Release);
        self.commands.wake();
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.tell_to_stop();
    }
}

/// The thread's state.
struct Round {
    index: usize,
    shard: Shard,
    sockets: Sockets,
    commands: mpsc::Receiver<Envelope>,
    notices: mpsc::Sender<Notice>,
    counters: Arc<SharedCounters>,
    /// How late the ticks were, and where that is published.
    lateness: (Lateness, Arc<SharedLateness>),
    clock: Arc<dyn Clock>,
    stop: Arc<AtomicBool>,
    /// Set when the thread ends, however it does.
    ended: Arc<AtomicBool>,
    /// Where the grid of the slots begins, and that of the ticks with it.
    epoch: Instant,
    /// What the rounds cost.
    load: Load,
}

impl Drop for Round {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Release);
    }
}

impl Round {
    fn run(mut self) {
        let mut ended = self.epoch;
        let mut batches = self.sockets.batches();
        while !self.stop.load(Ordering::Acquire) {
            let due = self.shard.poll_timeout();
            let now = self.wait(due, ended);
            self.shard.set_wall(now, self.clock.since_epoch());
            self.sockets.receive(&mut batches, &mut self.shard, now);
            self.take_commands(now);
            let ticks = self.shard.counters().of(Counter::Ticks);
            self.shard.handle_timeout(now);
            let ticks = self.shard.counters().of(Counter::Ticks) - ticks;
            self.settle(&mut batches);
            self.shard.restock();
            ended = self::now();
            self.note(ticks, due, now, ended);
            self.weigh(now, ended);
            self.publish();
        }
        let now = now();
        for leg in self.shard.legs() {
            self.shard.handle(Command::Close { leg }, now);
        }
        self.settle(&mut batches);
        self.publish();
    }

    /// Waits for the next slot after the last round has ended, or for anything at all while nothing is due.
    fn wait(&mut self, due: Option<Instant>, ended: Instant) -> Instant {
        if due.is_none() {
            self.sockets.sleep(self.shard.has_event());
            return now();
        }
        sleep_until(next_on_grid(self.epoch, SLOT, ended + PAUSE_MIN))
    }

    /// Notes how late the ticks of a round were. Those of legs that came in this round have no due time before it.
    fn note(&mut self, ticks: u64, due: Option<Instant>, began: Instant, ended: Instant) {
        if let Some(due) = due.filter(|_| ticks > 0) {
            let (lateness, shared) = &mut self.lateness;
            lateness.note(ticks, due, began, ended);
            shared.publish(lateness);
        }
    }

    fn take_commands(&mut self, now: Instant) {
        for _ in 0..COMMANDS_PER_SLOT {
            let Ok(Envelope { command, sockets }) = self.commands.try_recv() else {
                return;
            };
            if let Some(leg) = command.begins()
                && let Some(sockets) = sockets
                && self.sockets.add(leg, sockets).is_err()
            {
                self.shard.count(Counter::ReceiveFailed, 1);
            }
            let fault = matches!(command, Command::Inject(Fault::Worker));
            assert!(!fault, "injected fault");
            self.shard.handle(command, now);
        }
        // More may wait, and without legs nothing but a wake-up would bring them in.
        self.sockets.call_again();
    }

    /// Sends what waits, closes sockets of legs that have ended, and tells what happened.
    ///
    /// A tick of a big room takes many packets to send. What arrives meanwhile is taken in between, or it would seem to
    /// have come later than it did, and be held the longer for that.
    fn settle(&mut self, batches: &mut [Batch]) {
        for _ in 0..SENDS_PER_ROUND {
            let more = self
                .sockets
                .send(batches, &mut self.shard, DATAGRAMS_SENT_AT_ONCE);
            if !more {
                break;
            }
            self.sockets.receive(batches, &mut self.shard, now());
            // That may have taken a call whose command is yet to be looked for.
            self.sockets.call_again();
        }
        while let Some(leg) = self.shard.poll_closed() {
            self.sockets.take(leg);
        }
        self.tell();
    }

    /// Shows what has been counted, and the load.
    fn publish(&self) {
        let mut counters = *self.shard.counters();
        self.load.report(&mut counters);
        self.counters.publish(&counters);
    }

    /// Takes into account what the round cost, which may change the effort of the next.
    fn weigh(&mut self, began: Instant, now: Instant) {
        let legs = self.shard.counters().of(Counter::Legs);
        let before = self.load.effort();
        self.load
            .handle_round(now.saturating_duration_since(began), legs, now);
        let effort = self.load.effort();
        if effort != before {
            self.shard.set_effort(effort);
        }
    }

    /// Passes events on as far as there is room; the rest waits in the shard, which bounds it.
    fn tell(&mut self) {
        while self.shard.has_event() {
            let Ok(room) = self.notices.try_reserve() else {
                return;
            };
            let Some(event) = self.shard.poll_event() else {
                return;
            };
            let sockets = if let Event::Released { id, .. } = &event {
                self.sockets.take(*id)
            } else {
                None
            };
            room.send(Notice {
                worker: self.index,
                event,
                sockets,
            });
        }
    }
}

/// Sleeps until the slot and tells the time.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place of the data plane where time passes"
)]
fn sleep_until(slot: Instant) -> Instant {
    thread::sleep(slot.saturating_duration_since(now()));
    now()
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place of the data plane that reads the clock"
)]
fn now() -> Instant {
    Instant::now()
}

/// Without it, load on the control plane can delay a tick by 100 ms.
fn ask_for_realtime() -> bool {
    let priority =
        ThreadPriorityValue::try_from(REALTIME_PRIORITY).map(ThreadPriority::Crossplatform);
    let policy = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::Fifo);
    let granted = priority.is_ok_and(|priority| {
        set_thread_priority_and_policy(thread_native_id(), priority, policy).is_ok()
    });
    if !granted {
        tracing::warn!("real-time scheduling was refused; load may be heard");
    }
    granted
}

/// Keeps this thread on one of the processors the process may use, so that its caches stay warm.
fn keep_to_processor(index: usize) {
    let this = Pid::from_raw(0);
    let Ok(allowed) = sched_getaffinity(this) else {
        return;
    };
    let processors: Vec<usize> = (0..CpuSet::count())
        .filter(|processor| allowed.is_set(*processor).unwrap_or(false))
        .collect();
    let Some(processor) = processors.iter().skip(1).nth_back(index) else {
        return;
    };
    let mut own = CpuSet::new();
    // Where it is refused, the system goes on choosing.
    let _ = own
        .set(*processor)
        .and_then(|()| sched_setaffinity(this, &own));
}

/// The least pause between two rounds: what has just been looked at is not looked at again at once, and a real-time
/// thread that is behind leaves the others a breath.
const PAUSE_MIN: Duration = Duration::from_micros(50);

/// Low among real-time priorities (percent): above all ordinary work, below the kernel's own.
const REALTIME_PRIORITY: u8 = 20;

#[cfg(test)]
mod tests;
