//! What all legs and buses of a shard use: the outbox, the events, the counters, the clips and wall time.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    panic::{AssertUnwindSafe, catch_unwind},
    time::{Duration, Instant},
};

use dsp::ShaperPool;

use super::{
    api::{Event, Gone},
    bus::Talker,
    counters::{Counter, Counters},
    encoders::Encoders,
    hush::Hush,
    leg::{Leg, secure::Handshakes},
    load::Effort,
    outbox::Outbox,
    player::Clips,
    probes::Probes,
    shard::SocketId,
    tick::Due,
};
use crate::{
    id::LegId,
    limit::{EVENTS_BASE, EVENTS_PER_LEG, SPARE_TALKERS, SPARE_WORKSHOPS},
};

/// The surroundings of a leg.
#[derive(Debug)]
pub(super) struct Common {
    pub(super) outbox: Outbox,
    pub(super) events: Events,
    pub(super) counters: Counters,
    pub(super) clips: Clips,
    pub(super) handshakes: Handshakes,
    pub(super) encoders: Encoders,
    pub(super) hush: Hush,
    pub(super) shapers: ShaperPool,
    /// For who speaks where the conference has none left, since too many are left out for their music.
    pub(super) talkers: Vec<Box<Talker>>,
    /// How much work the sound may be.
    pub(super) effort: Effort,
    /// Legs that have ended and are yet to be taken out of the shard.
    pub(super) gone: Vec<(LegId, Gone)>,
    /// Which legs that nobody hears may be decoded.
    pub(super) probes: Probes,
    /// An instant and the time since 1970 then.
    wall: (Instant, Duration),
}

impl Common {
    pub(super) fn new(clips: Clips, now: Instant) -> Self {
        Self {
            outbox: Outbox::default(),
            events: Events::default(),
            counters: Counters::default(),
            clips,
            handshakes: Handshakes::default(),
            encoders: Encoders::default(),
            hush: Hush::new(now),
            shapers: ShaperPool::new(SPARE_WORKSHOPS),
            talkers: Vec::with_capacity(SPARE_TALKERS),
            effort: Effort::FULL,
            gone: Vec::new(),
            probes: Probes::default(),
            wall: (now, Duration::ZERO),
        }
    }

    pub(super) const fn set_wall(&mut self, at: Instant, since_epoch: Duration) {
        self.wall = (at, since_epoch);
    }

    /// Returns the time since 1970.
    pub(super) fn wall(&self, now: Instant) -> Duration {
        self.wall.1 + now.saturating_duration_since(self.wall.0)
    }

    /// Tells the control plane.
    pub(super) fn tell(&mut self, event: Event) {
        if !self.events.push(event) {
            self.counters.count(Counter::EventsLost);
        }
    }

    /// Counts a tick that runs.
    pub(super) fn count_tick(&mut self, due: Due) {
        self.counters.count(Counter::Ticks);
        if due.late {
            self.counters.count(Counter::LateTicks);
        }
        if due.skipped > 0 {
            self.counters.count(Counter::BaselineResets);
            self.counters
                .add(Counter::SkippedTicks, u64::from(due.skipped));
        }
    }

    /// Queues what `write` puts into the buffer it is lent.
    pub(super) fn send(
        &mut self,
        socket: SocketId,
        to: SocketAddr,
        write: impl FnOnce(&mut [u8]) -> usize,
    ) {
        match self.outbox.room() {
            Ok(room) => {
                let len = write(room);
                self.outbox.commit(socket, to, len);
            }
            Err(_) => self.counters.count(Counter::OutboxFull),
        }
    }

    /// Runs a leg's processing so that a panic ends that leg and nothing else.
    pub(super) fn guarded<R>(
        &mut self,
        leg: &mut Leg,
        work: impl FnOnce(&mut Leg, &mut Self) -> R,
    ) -> Option<R> {
        // A leg that panicked is dropped unseen, and the surroundings are consistent between any two of their calls.
        let result = catch_unwind(AssertUnwindSafe(|| work(leg, self)));
        if result.is_err() {
            self.fail(leg.id());
        }
        result.ok()
    }

    /// Does the same with many, each of which stands for a leg, so that a panic ends the leg it happens in and nothing
    /// else: the others go on behind it.
    pub(super) fn each<T>(
        &mut self,
        items: &mut [T],
        leg: impl Fn(&T) -> LegId,
        mut work: impl FnMut(&mut T, &mut Self),
    ) {
        let mut at = 0;
        while at < items.len() {
            // As above; what is caught is caught once for all.
            let rest = AssertUnwindSafe(|| {
                while at < items.len() {
                    work(&mut items[at], self);
                    at += 1;
                }
            });
            if catch_unwind(rest).is_err() {
                self.fail(leg(&items[at]));
                at += 1;
            }
        }
    }

    /// Learns which kinds of encoders a leg may come to need.
    pub(super) fn expect(&mut self, leg: &Leg) {
        for settings in leg.settings() {
            self.encoders.expect(settings);
            self.hush.expect(settings);
        }
    }

    /// Makes what was used up of what the tick must not make; called between two ticks.
    pub(super) fn restock(&mut self) {
        self.encoders.restock();
        // Those that are lent out come on top.
        self.shapers.refill(0);
        if self.talkers.len() < SPARE_TALKERS {
            self.talkers.push(Box::new(Talker::new()));
        }
    }

    /// Tells whether a leg has ended and is yet to be taken out.
    pub(super) fn is_gone(&self, leg: LegId) -> bool {
        self.gone.iter().any(|(gone, _)| *gone == leg)
    }

    fn fail(&mut self, leg: LegId) {
        self.counters.count(Counter::LegPanics);
        self.gone.push((leg, Gone::Failed));
    }
}

/// Events that wait for the control plane.
#[derive(Debug, Default)]
pub(super) struct Events {
    queue: VecDeque<Event>,
    /// How many legs the queue is sized to.
    legs: usize,
    lost: bool,
}

impl Events {
    /// Sizes the queue.
    pub(super) const fn size_to(&mut self, legs: usize) {
        self.legs = legs;
    }

    /// Takes the oldest event.
    pub(super) fn pop(&mut self) -> Option<Event> {
        self.queue.pop_front()
    }

    /// Tells once, when all that was kept is taken, that events were lost.
    pub(super) fn take_lost(&mut self) -> bool {
        self.queue.is_empty() && std::mem::take(&mut self.lost)
    }

    /// Tells whether something waits.
    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty() && !self.lost
    }

    /// Adds an event; false if it was lost. A released leg is never lost: it exists nowhere else.
    fn push(&mut self, event: Event) -> bool {
        let fits = self.queue.len() < EVENTS_BASE + EVENTS_PER_LEG * self.legs;
        if fits || matches!(event, Event::Released { .. }) {
            self.queue.push_back(event);
            return true;
        }
        self.lost = true;
        false
    }
}
