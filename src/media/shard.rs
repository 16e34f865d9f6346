//! The data plane as one value: legs and buses, told of datagrams, commands and the time.
//!
//! After each `handle_*` the caller drains [`Shard::poll_transmit`], [`Shard::poll_event`] and [`Shard::poll_closed`].
//! Nothing here reads a clock, blocks or knows what a socket is: a [`SocketId`] is a name.
//!
//! Legs that are in no bus are in the hall: they tick together, hear prompts and silence, and nobody hears them.
//! A panic ends the leg or the bus it happens in and nothing else.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    panic::{AssertUnwindSafe, catch_unwind},
    time::{Duration, Instant},
};

use rand::{SeedableRng, rngs::StdRng};

use super::{
    api::{ClipId, Command, Event, Fault, Gone, Lesson, Opening, PhoneMedia, Utterance},
    browsers::Browsers,
    bus::Bus,
    common::Common,
    counters::{Counter, Counters},
    leg::{Leg, secure::SecureContext},
    legs::{Legs, Slot},
    load::Effort,
    outbox::Transmit,
    player::{Clips, Player},
    probes::ProbeQueue,
    tick::Clock,
};
use crate::{
    id::{ConferenceId, LegId},
    limit::{BUSES_MAX, LEGS_MAX, PHASES},
};

/// The name of a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SocketId {
    /// One of the worker's sockets, which all its browsers share.
    Browser(usize),
    /// A telephone's socket for RTP.
    Rtp(LegId),
    /// A telephone's socket for RTCP.
    Rtcp(LegId),
}

/// What a shard begins with.
#[derive(Debug, Clone)]
pub struct ShardConfig {
    /// The clips that prompts consist of.
    pub clips: Clips,
    /// Certificate and cryptography of the process.
    pub secure: SecureContext,
    /// Seed of synchronization sources and first sequence numbers (RFC 3550 §5.1: random).
    pub seed: [u8; 32],
}

/// Legs and buses of one worker.
#[derive(Debug)]
pub struct Shard {
    legs: Legs,
    buses: BTreeMap<ConferenceId, Box<Bus>>,
    hall: Hall,
    browsers: Browsers,
    common: Common,
    /// Legs whose sockets have no further use.
    closed: Vec<LegId>,
    /// Buses that tick in this round; empty between two.
    due: Vec<ConferenceId>,
    secure: SecureContext,
    rng: StdRng,
    epoch: Instant,
}

/// The legs that are in no bus.
#[derive(Debug)]
struct Hall {
    clock: Clock,
    legs: BTreeMap<LegId, Slot>,
}

impl Shard {
    /// Makes an empty shard; the grid of all ticks begins at `now`.
    pub fn new(config: ShardConfig, now: Instant) -> Self {
        Self {
            legs: Legs::default(),
            buses: BTreeMap::new(),
            hall: Hall {
                clock: Clock::new(now, 0),
                legs: BTreeMap::new(),
            },
            browsers: Browsers::default(),
            common: Common::new(config.clips, now),
            closed: Vec::new(),
            due: Vec::new(),
            secure: config.secure,
            rng: StdRng::from_seed(config.seed),
            epoch: now,
        }
    }

    /// Takes a datagram; encrypted ones are opened in place.
    pub fn handle_datagram(
        &mut self,
        socket: SocketId,
        from: SocketAddr,
        bytes: &mut [u8],
        now: Instant,
    ) {
        self.common.counters.count(Counter::DatagramsReceived);
        let found = match socket {
            SocketId::Rtp(leg) | SocketId::Rtcp(leg) => self.legs.slot(leg),
            SocketId::Browser(index) => self.browsers.find(index, from, bytes),
        };
        let Some(leg) = found.and_then(|slot| self.legs.at(slot)) else {
            self.common.counters.count(Counter::DatagramsUnmatched);
            return;
        };
        let bound = self.common.guarded(leg, |leg, common| {
            leg.handle_datagram(socket, from, bytes, common, now)
        });
        if let (Some(true), SocketId::Browser(index)) = (bound, socket) {
            self.browsers.bind(leg.id(), index, from);
        }
        self.bury(now);
    }

    /// Takes a command. What names a leg or conference that is not here is counted and has no effect; a panic ends what the
    /// command is about and nothing else.
    pub fn handle(&mut self, command: Command, now: Instant) {
        let (leg, conference) = command.concerns();
        // What was being changed is dropped unseen; the rest is consistent between any two commands.
        let obey = AssertUnwindSafe(|| self.obey(command, now));
        match catch_unwind(obey) {
            Ok(true) => {}
            Ok(false) => self.common.counters.count(Counter::CommandsUnmatched),
            Err(_) => self.contain(leg, conference, now),
        }
    }

    /// Ends the leg or the bus in whose command there was a panic; a leg that was about to join goes with the bus.
    fn contain(&mut self, leg: Option<LegId>, conference: Option<ConferenceId>, now: Instant) {
        let counters = &mut self.common.counters;
        match (leg, conference) {
            (None, None) => counters.count(Counter::OtherPanics),
            (Some(_), None) => counters.count(Counter::LegPanics),
            (_, Some(_)) => counters.count(Counter::BusPanics),
        }
        // What is left of it may panic once more while it is taken out.
        let ended = catch_unwind(AssertUnwindSafe(|| {
            if let Some(conference) = conference
                && self.end(conference, now)
            {
                self.common.tell(Event::BusFailed { conference });
            }
            if let Some(leg) = leg {
                self.common.gone.push((leg, Gone::Failed));
            }
            self.bury(now);
        }));
        if ended.is_err() {
            self.common.counters.count(Counter::OtherPanics);
        }
    }

    fn obey(&mut self, command: Command, now: Instant) -> bool {
        match command {
            Command::Open { leg, opening } => self.open(leg, *opening, now),
            Command::Update { leg, media } => self.update(leg, media, now),
            Command::Close { leg } => self.close(leg, now),
            Command::Play { leg, clips, token } => self.play(leg, clips, token, now),
            Command::Whisper { leg, clips, token } => self.whisper(leg, clips, token, now),
            Command::Announce {
                conference,
                clips,
                softly,
                token,
            } => self.with_bus(conference, now, |bus, common| {
                bus.announce(conference, Player::new(clips, token), softly, common);
            }),
            Command::Learn(lesson) => self.learn(lesson),
            Command::Record {
                leg,
                conference,
                clip,
            } => self.record(leg, conference, clip, now),
            Command::Forget { clip } => self.common.clips.learned.forget(clip),
            Command::Start { conference } => self.start(conference),
            Command::Speakers { conference, most } => {
                self.with_bus(conference, now, |bus, _| bus.set_speakers(most))
            }
            Command::End { conference } => self.end(conference, now),
            Command::Join { leg, conference } => self.join(leg, conference, now),
            Command::Leave { leg } => self.leave(leg, now),
            Command::Roster { conference, seats } => {
                self.with_bus(conference, now, |bus, common| {
                    bus.handle_roster(seats, common)
                })
            }
            Command::Seats {
                conference,
                changed,
                gone,
            } => self.with_bus(conference, now, |bus, common| {
                bus.handle_changes(changed, &gone, common);
            }),
            Command::Listen { leg, gain } => self.with_leg(leg, now, |leg, _| {
                leg.set_gain(gain);
                Ok(())
            }),
            Command::BeHeard { leg, gain } => self.with_leg(leg, now, |leg, _| {
                leg.set_loudness(gain);
                Ok(())
            }),
            Command::Echo { leg, token } => self.echo(leg, token, now),
            Command::Press { leg, digit } => self.press(leg, digit, now),
            Command::Review { leg } => self.with_leg(leg, now, |leg, common| {
                let (review, leg) = (leg.review(), leg.id());
                common.tell(Event::Reviewed { leg, review });
                Ok(())
            }),
            Command::Shape { leg, shaping } => self.with_leg(leg, now, |leg, _| {
                leg.set_shaping(shaping);
                Ok(())
            }),
            Command::Release { leg } => self.release(leg),
            Command::Adopt { leg } => self.adopt(leg, now),
            Command::Inject(fault) => self.inject(fault),
        }
    }

    /// Runs the ticks that are due.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.common.probes.begin_round();
        self.tick_hall(now);
        let mut due = std::mem::take(&mut self.due);
        let is_due = |bus: &Bus| bus.clock.next().is_some_and(|next| next <= now);
        let buses = self.buses.iter().filter(|(_, bus)| is_due(bus));
        due.extend(buses.map(|(conference, _)| *conference));
        for conference in due.drain(..) {
            self.tick_bus(conference, now);
        }
        self.due = due;
    }

    /// Makes up for what ticks have used up and must not make themselves; for when their packets are on their way.
    pub fn restock(&mut self) {
        // It only adds to what is in stock, one at a time.
        let restock = AssertUnwindSafe(|| self.common.restock());
        if catch_unwind(restock).is_err() {
            self.common.counters.count(Counter::OtherPanics);
        }
    }

    /// Takes the next datagram to send.
    pub fn poll_transmit(&mut self) -> Option<Transmit<'_>> {
        let transmit = self.common.outbox.pop()?;
        self.common.counters.count(Counter::DatagramsSent);
        Some(transmit)
    }

    /// Returns the datagrams that wait to be sent, for who sends many at once; [`Self::drop_transmits`] takes them.
    pub fn transmits(&self) -> impl Iterator<Item = Transmit<'_>> {
        self.common.outbox.waiting()
    }

    /// Takes so many of them.
    pub fn drop_transmits(&mut self, count: usize) {
        self.common.outbox.drop_first(count);
        self.common
            .counters
            .add(Counter::DatagramsSent, count as u64);
    }

    /// Takes the next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        if let Some(event) = self.common.events.pop() {
            return Some(event);
        }
        self.common
            .events
            .take_lost()
            .then(|| Event::Resync { legs: self.legs() })
    }

    /// Tells whether an event waits.
    pub fn has_event(&self) -> bool {
        !self.common.events.is_empty()
    }

    /// Takes the next leg whose sockets have no further use. A released leg is not among them: its sockets go with it.
    pub fn poll_closed(&mut self) -> Option<LegId> {
        self.closed.pop()
    }

    /// Returns when [`Self::handle_timeout`] is next due; `None` while there are no legs.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let buses = self.buses.values().filter_map(|bus| bus.clock.next());
        buses.chain(self.hall.clock.next()).min()
    }

    /// Tells wall time, for sender reports: the time since 1970 at an instant.
    pub const fn set_wall(&mut self, at: Instant, since_epoch: Duration) {
        self.common.set_wall(at, since_epoch);
    }

    /// Sets how much work the sound may be.
    pub const fn set_effort(&mut self, effort: Effort) {
        self.common.effort = effort;
        self.common.encoders.complexity = effort.complexity;
    }

    /// Returns how much work the sound may be.
    pub const fn effort(&self) -> Effort {
        self.common.effort
    }

    /// Returns the counters.
    pub const fn counters(&self) -> &Counters {
        &self.common.counters
    }

    /// Counts what happened at the sockets.
    pub const fn count(&mut self, counter: Counter, several: u64) {
        self.common.counters.add(counter, several);
    }

    /// Returns all legs.
    pub fn legs(&self) -> Vec<LegId> {
        self.legs.ids()
    }

    fn open(&mut self, id: LegId, opening: Opening, now: Instant) -> bool {
        if self.legs.slot(id).is_some() {
            return false;
        }
        if self.legs.len() >= LEGS_MAX {
            self.common.counters.count(Counter::LegsRefused);
            self.refuse(id);
            return true;
        }
        match Leg::open(id, opening, &self.secure, &mut self.rng, now) {
            Ok(leg) => self.insert(Box::new(leg), now),
            Err(_) => self.refuse(id),
        }
        true
    }

    fn update(&mut self, id: LegId, media: PhoneMedia, now: Instant) -> bool {
        let secure = self.secure.clone();
        self.with_leg(id, now, |leg, common| {
            leg.update(media, &secure, common, now)?;
            common.expect(leg);
            Ok(())
        })
    }

    /// Sets a place aside for what a leg says and listens to it; where there is none, nothing is heard.
    fn record(&mut self, id: LegId, conference: ConferenceId, clip: ClipId, now: Instant) -> bool {
        let aside = Lesson {
            conference,
            clip,
            utterance: Utterance::default(),
        };
        self.learn(aside);
        self.with_leg(id, now, |leg, _| {
            leg.begin_recording(clip);
            Ok(())
        })
    }

    fn close(&mut self, leg: LegId, now: Instant) -> bool {
        self.remove(leg, now);
        true
    }

    fn refuse(&mut self, leg: LegId) {
        self.closed.push(leg);
        self.common.tell(Event::Gone {
            leg,
            reason: Gone::Failed,
        });
    }

    fn insert(&mut self, mut leg: Box<Leg>, now: Instant) {
        let id = leg.id();
        leg.attach(None, &mut self.common);
        let ufrag = leg.local_ufrag().map(ToOwned::to_owned);
        self.common.expect(&leg);
        let slot = self.legs.insert(leg);
        if let Some(ufrag) = ufrag {
            self.browsers.expect(id, slot, ufrag);
        }
        self.hall.enter(id, slot, now);
        self.count_legs();
    }

    fn with_leg(
        &mut self,
        id: LegId,
        now: Instant,
        work: impl FnOnce(&mut Leg, &mut Common) -> Result<(), Gone>,
    ) -> bool {
        let Some(leg) = self.legs.by_id(id) else {
            return false;
        };
        if let Some(Err(reason)) = self.common.guarded(leg, work) {
            self.common.gone.push((id, reason));
        }
        self.bury(now);
        true
    }

    fn play(&mut self, id: LegId, clips: Vec<ClipId>, token: u64, now: Instant) -> bool {
        if let Some(bus) = self.bus_of(id) {
            bus.hush(id);
        }
        self.with_leg(id, now, |leg, _| {
            leg.play(clips, token);
            Ok(())
        })
    }

    fn echo(&mut self, id: LegId, token: u64, now: Instant) -> bool {
        self.with_leg(id, now, |leg, _| {
            leg.begin_echo(token);
            Ok(())
        })
    }

    fn press(&mut self, id: LegId, digit: char, now: Instant) -> bool {
        self.with_leg(id, now, |leg, common| {
            leg.press(digit, common, now);
            Ok(())
        })
    }

    /// Says something over the mix that a leg hears; where it hears none, or a prompt, instead of that.
    fn whisper(&mut self, id: LegId, clips: Vec<ClipId>, token: u64, now: Instant) -> bool {
        let prompted = self.legs.by_id(id).is_some_and(|leg| leg.is_prompted());
        let hears = self.bus_of(id).is_some_and(|bus| bus.hears(id));
        let conference = self.legs.by_id(id).and_then(|leg| leg.conference());
        match conference.filter(|_| hears && !prompted) {
            Some(conference) => self.with_bus(conference, now, |bus, common| {
                bus.whisper(id, Player::new(clips, token), common);
            }),
            None => self.play(id, clips, token, now),
        }
    }

    /// Returns the bus that a leg is attached to.
    fn bus_of(&mut self, id: LegId) -> Option<&mut Bus> {
        let conference = self.legs.by_id(id)?.conference()?;
        self.buses.get_mut(&conference).map(|bus| &mut **bus)
    }

    fn start(&mut self, conference: ConferenceId) -> bool {
        if self.buses.contains_key(&conference) {
            return false;
        }
        if self.buses.len() >= BUSES_MAX {
            self.common.tell(Event::BusFailed { conference });
            return true;
        }
        let clock = Clock::new(self.epoch, self.cheapest_phase());
        self.buses.insert(conference, Box::new(Bus::new(clock)));
        self.count_conferences();
        true
    }

    fn learn(&mut self, lesson: Lesson) -> bool {
        if !self.buses.contains_key(&lesson.conference) {
            return false;
        }
        if !self.common.clips.learned.learn(lesson) {
            self.common.counters.count(Counter::WordsRefused);
        }
        true
    }

    /// The phase with the fewest legs; an empty bus counts as one, since it will not stay empty.
    fn cheapest_phase(&self) -> usize {
        let mut load = [0; PHASES];
        load[self.hall.clock.phase()] += self.hall.legs.len();
        for bus in self.buses.values() {
            load[bus.clock.phase()] += bus.len().max(1);
        }
        (0..PHASES).min_by_key(|phase| load[*phase]).unwrap_or(0)
    }

    fn end(&mut self, conference: ConferenceId, now: Instant) -> bool {
        let Some(bus) = self.buses.remove(&conference) else {
            return false;
        };
        for id in bus.members() {
            if let Some(slot) = self.legs.slot(id)
                && let Some(leg) = self.legs.at(slot)
            {
                leg.attach(None, &mut self.common);
                self.hall.enter(id, slot, now);
            }
        }
        self.common.clips.learned.forget_all(conference);
        self.count_conferences();
        true
    }

    fn with_bus(
        &mut self,
        conference: ConferenceId,
        now: Instant,
        work: impl FnOnce(&mut Bus, &mut Common),
    ) -> bool {
        let Some(bus) = self.buses.get_mut(&conference) else {
            return false;
        };
        work(bus, &mut self.common);
        self.bury(now);
        true
    }

    fn join(&mut self, id: LegId, conference: ConferenceId, now: Instant) -> bool {
        let Some(slot) = self.legs.slot(id) else {
            return false;
        };
        if !self.buses.contains_key(&conference) {
            return false;
        }
        self.detach(id);
        if let (Some(leg), Some(bus)) = (self.legs.at(slot), self.buses.get_mut(&conference)) {
            leg.attach(Some(conference), &mut self.common);
            bus.join(id, slot, now);
        }
        true
    }

    fn leave(&mut self, id: LegId, now: Instant) -> bool {
        self.detach(id);
        let Some(slot) = self.legs.slot(id) else {
            return false;
        };
        if let Some(leg) = self.legs.at(slot) {
            leg.attach(None, &mut self.common);
        }
        self.hall.enter(id, slot, now);
        true
    }

    fn release(&mut self, id: LegId) -> bool {
        let Some(leg) = self.take(id) else {
            return false;
        };
        self.common.tell(Event::Released { id, leg });
        true
    }

    fn adopt(&mut self, leg: Box<Leg>, now: Instant) -> bool {
        if self.legs.slot(leg.id()).is_some() {
            return false;
        }
        self.insert(leg, now);
        true
    }

    fn inject(&mut self, fault: Fault) -> bool {
        match fault {
            Fault::Leg(id) => self.legs.by_id(id).map(Leg::inject_fault),
            Fault::Bus(id) => self.buses.get_mut(&id).map(|bus| bus.inject_fault()),
            Fault::Worker => None,
        }
        .is_some()
    }

    fn tick_hall(&mut self, now: Instant) {
        while let Some(due) = self.hall.clock.take(now) {
            self.common.count_tick(due);
            self.common.probes.begin_tick(ProbeQueue::default());
            for slot in self.hall.legs.values() {
                let Some(leg) = self.legs.at(*slot) else {
                    continue;
                };
                self.common.guarded(leg, |leg, common| {
                    if leg.begin_tick(due.at, common, now) {
                        let claim = leg.due(common, now);
                        leg.tick_alone(claim, common);
                    }
                });
            }
            self.bury(now);
        }
    }

    fn tick_bus(&mut self, conference: ConferenceId, now: Instant) {
        while let Some(bus) = self.buses.get_mut(&conference)
            && let Some(due) = bus.clock.take(now)
        {
            self.common.count_tick(due);
            let (legs, common) = (&mut self.legs, &mut self.common);
            // A bus that panicked is dropped unseen; its legs are consistent between any two of its calls.
            let tick = AssertUnwindSafe(|| bus.tick(due.at, legs, common, now));
            if catch_unwind(tick).is_err() {
                self.common.counters.count(Counter::BusPanics);
                self.end(conference, now);
                self.common.tell(Event::BusFailed { conference });
            }
            self.bury(now);
        }
    }

    /// Takes the legs out that have ended by themselves.
    fn bury(&mut self, now: Instant) {
        while let Some((leg, reason)) = self.common.gone.pop() {
            if self.remove(leg, now) {
                self.common.tell(Event::Gone { leg, reason });
            }
        }
    }

    fn remove(&mut self, id: LegId, now: Instant) -> bool {
        let Some(mut leg) = self.take(id) else {
            return false;
        };
        self.common
            .guarded(&mut leg, |leg, common| leg.close(common, now));
        self.closed.push(id);
        true
    }

    fn take(&mut self, id: LegId) -> Option<Box<Leg>> {
        self.detach(id);
        self.hall.leave(id);
        self.browsers.forget(id);
        let leg = self.legs.remove(id);
        self.count_legs();
        leg
    }

    /// Takes a leg out of the hall or its bus.
    fn detach(&mut self, id: LegId) {
        let conference = self.legs.by_id(id).and_then(|leg| leg.conference());
        match conference.and_then(|conference| self.buses.get_mut(&conference)) {
            Some(bus) => bus.leave(id, &mut self.common),
            None => self.hall.leave(id),
        }
    }

    fn count_legs(&mut self) {
        let legs = self.legs.len();
        self.common.events.size_to(legs);
        self.common.counters.set(Counter::Legs, legs as u64);
    }

    fn count_conferences(&mut self) {
        let conferences = self.buses.len() as u64;
        self.common.counters.set(Counter::Conferences, conferences);
    }
}

impl Hall {
    fn enter(&mut self, leg: LegId, slot: Slot, now: Instant) {
        self.legs.insert(leg, slot);
        self.clock.start(now);
    }

    fn leave(&mut self, leg: LegId) {
        self.legs.remove(&leg);
        if self.legs.is_empty() {
            self.clock.stop();
        }
    }
}

#[cfg(test)]
mod tests;
