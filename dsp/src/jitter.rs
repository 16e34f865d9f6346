//! The jitter buffer: orders packets, decides what is due, and how long to hold.
//!
//! All is driven by timestamps. A *cursor* is the timestamp of the next sound to leave; the distance between the cursor
//! and the clock of the ticks is the *hold*. A stretch of sound starts at the first tick that leaves a margin before
//! the slowest packets of late. When nothing is there in time, sound is made up **without** moving the cursor: should
//! the packet come late, it plays and the hold has grown; should it never come, the next one tells by its timestamp, and
//! the cursor skips what was already covered. A gap in timestamps without one in sequence numbers is silence of the
//! sender, not loss, and starts a new stretch. [`JitterBuffer::begin_tick`] says when sound should be stretched to fit the
//! network, which also keeps drifting clocks in step.

use std::time::{Duration, Instant};

use crate::{
    Level, TICK,
    delay::{Copies, Transits},
    limit::{
        MAX_CONCEALED, MAX_DEPTH, MAX_DROPOUT, MAX_HOLD, MAX_MISORDER, MAX_PACKETS,
        MAX_RECEIVED_PAYLOAD, MAX_TIMESTAMP_LEAP,
    },
    pace::{Adjust, Pace},
    store::{Place, Store},
};

/// What is due.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Play {
    /// A payload to decode. Its place stays taken until it is given back to [`JitterBuffer::free`].
    Payload(Payload),
    /// Sound is missing and has to be made up.
    Conceal {
        /// How much, in timestamp units.
        units: u32,
        /// The payload that follows directly may carry a copy of what is missing.
        copy: bool,
    },
    /// The sender is silent.
    Silence {
        /// For how long, in timestamp units.
        units: u32,
    },
}

/// A payload whose time has come.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Payload {
    /// Where it lies in the store.
    pub(crate) place: Place,
    /// How long it lasts, in timestamp units.
    pub(crate) units: u32,
    /// What the sender says of its loudness.
    pub(crate) header: Option<Level>,
}

/// Counters of a jitter buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct JitterStats {
    /// Packets put.
    pub(crate) received: u64,
    /// Packets whose sound was due before they came.
    pub(crate) late: u64,
    /// Packets that came before.
    pub(crate) duplicate: u64,
    /// Packets missing when their sound was due, the late ones included.
    pub(crate) lost: u64,
    /// Packets dropped at a limit.
    pub(crate) overflow: u64,
    /// Packets out of line with the stream, dropped.
    pub(crate) stray: u64,
    /// Times the stream went on from another sequence number or timestamp.
    pub(crate) restarts: u64,
    /// Packets that were missing when their sound was due and whose copies were played in their place.
    pub(crate) recovered: u64,
}

/// Packets of one stream in, in any order; what is due out.
#[derive(Debug)]
pub(crate) struct JitterBuffer {
    clock_rate: u32,
    packets: Vec<Packet>,
    store: Store,
    state: State,
    heard: Option<Heard>,
    transits: Transits,
    /// The sequence number played last.
    played: Option<i64>,
    copies: Copies,
    /// Timestamp units of the packet played last.
    duration: i64,
    pace: Pace,
    /// The packet played last said that the sender pauses.
    pausing: bool,
    /// The instant that is zero on the timeline.
    epoch: Option<Instant>,
    stats: JitterStats,
}

impl JitterBuffer {
    /// Makes an empty buffer for timestamps of this rate.
    pub(crate) fn new(clock_rate: u32) -> Self {
        Self {
            clock_rate,
            packets: Vec::with_capacity(MAX_PACKETS),
            store: Store::new(),
            state: State::Waiting { cursor: None },
            heard: None,
            transits: Transits::new(),
            played: None,
            copies: Copies::default(),
            duration: 0,
            pace: Pace::new(),
            pausing: false,
            epoch: None,
            stats: JitterStats::default(),
        }
    }

    /// Says that packets carry copies of the ones before: after repeated loss one packet more is held, so that the copy
    /// is there when it is wanted.
    pub(crate) fn with_copies(mut self) -> Self {
        self.copies.carried = true;
        self
    }

    /// Takes in a packet that holds `duration` timestamp units of sound.
    pub(crate) fn put(
        &mut self,
        sequence: u16,
        timestamp: u32,
        duration: u32,
        payload: &[u8],
        header: Option<Level>,
        now: Instant,
    ) {
        self.stats.received += 1;
        let now = self.micros(now);
        if duration == 0 || payload.len() > MAX_RECEIVED_PAYLOAD {
            self.stats.stray += 1;
            return;
        }
        let Some((sequence, timestamp)) = self.place(sequence, timestamp, now) else {
            return;
        };
        let end = timestamp + i64::from(duration);
        let length = self.media_micros(i64::from(duration));
        self.transits
            .learn(now - self.media_micros(end), length, now);
        if self.cursor().is_some_and(|cursor| end <= cursor) {
            self.stats.late += 1;
            return;
        }
        if self.is_recovered(sequence, timestamp) {
            return;
        }
        self.make_room(payload.len());
        let Some(place) = self.store.write(payload) else {
            self.stats.overflow += 1;
            return;
        };
        let at = self
            .packets
            .partition_point(|other| other.sequence < sequence);
        let packet = Packet {
            sequence,
            timestamp,
            end,
            arrival: now,
            header,
            copy: false,
            place,
        };
        self.packets.insert(at, packet);
        self.bound_depth();
    }

    /// Hears that a packet of this sequence number carried something else than sound (a key press, comfort noise), so
    /// that it is not taken for lost.
    pub(crate) fn skip(&mut self, sequence: u16) {
        let Some(heard) = &mut self.heard else {
            return;
        };
        let ahead = i64::from(sequence.wrapping_sub(heard.sequence_number()).cast_signed());
        if (-MAX_MISORDER..=MAX_DROPOUT).contains(&ahead) && heard.mark(ahead) {
            heard.sequence += ahead.max(0);
            heard.silence(ahead.min(0));
            self.settle();
        }
    }

    /// Accounts for a long row of packets without sound before it is forgotten which they were.
    fn settle(&mut self) {
        let (Some(heard), Some(played)) = (self.heard, self.played) else {
            return;
        };
        if self.packets.is_empty() && heard.sequence - played >= SETTLED {
            self.stats.lost += heard.unheard(played, heard.sequence + 1);
            self.played = Some(heard.sequence);
        }
    }

    /// Says what is due at the tick of `now`, of which `wanted` timestamp units are still to be filled.
    ///
    /// Asked repeatedly until the tick is full.
    pub(crate) fn take(&mut self, wanted: u32, now: Instant) -> Play {
        let now = self.micros(now);
        let wanted = i64::from(wanted);
        // Each round but the last removes a packet or leaves a state, so this ends.
        loop {
            match self.decide(wanted, now) {
                Step::Again => {}
                Step::Play => {
                    let packet = self.packets.remove(0);
                    return Play::Payload(Payload {
                        place: packet.place,
                        units: u32::try_from(packet.end - packet.timestamp).unwrap_or(0),
                        header: packet.header,
                    });
                }
                Step::Conceal { units, next } => {
                    return Play::Conceal {
                        units: u32::try_from(units).unwrap_or(0),
                        copy: next,
                    };
                }
                Step::Silence => {
                    return Play::Silence {
                        units: u32::try_from(wanted).unwrap_or(0),
                    };
                }
            }
        }
    }

    /// Returns the bytes of a payload that was taken.
    pub(crate) fn payload(&mut self, place: &Place) -> &[u8] {
        self.store.read(place)
    }

    /// Returns the payload that goes on where the one taken last ends, if it is there already.
    pub(crate) fn next_payload(&mut self) -> Option<&[u8]> {
        let cursor = self.cursor();
        let first = self
            .packets
            .first()
            .filter(|first| Some(first.timestamp) == cursor)?;
        Some(self.store.read(&first.place))
    }

    /// Gives back the place of a payload that was taken.
    pub(crate) fn free(&mut self, place: &Place) {
        self.store.free(place);
    }

    /// Tells whether a payload of so many bytes can be stored without dropping another.
    pub(crate) fn has_room(&self, bytes: usize) -> bool {
        self.store.has_room(bytes)
    }

    /// Begins the tick of `now`, when `left` timestamp units of sound wait behind the cursor: says what would better the
    /// delay. Asked once per tick, before anything is taken.
    pub(crate) fn begin_tick(&mut self, left: u32, now: Instant) -> Adjust {
        let now = self.micros(now);
        let (State::Playing { cursor, .. }, Some(fastest)) = (&self.state, self.transits.fastest())
        else {
            self.pace.reset();
            return Adjust::Keep;
        };
        let left = self.media_micros(i64::from(left));
        let hold = now + left - self.media_micros(*cursor);
        if hold - fastest > micros(MAX_HOLD + 2 * TICK) {
            self.pace.reset();
            return Adjust::Shorten(micros(TICK));
        }
        let tick = micros(TICK);
        let grid = if self.pace.is_due() {
            self.transits.grid(tick)
        } else {
            tick
        };
        self.pace.tick(left, tick, grid)
    }

    /// Tells whether the next `units` behind the cursor are there without a gap.
    pub(crate) fn covers(&self, units: u32) -> bool {
        let State::Playing {
            cursor, covered, ..
        } = self.state
        else {
            return false;
        };
        let mut end = cursor;
        for packet in &self.packets {
            if end - cursor >= i64::from(units) || packet.timestamp != end {
                break;
            }
            end = packet.end;
        }
        covered == 0 && end - cursor >= i64::from(units)
    }

    /// Returns the hold that is aimed at beyond the fastest packet, in milliseconds.
    pub(crate) fn target_ms(&self) -> u32 {
        let fastest = self.transits.fastest().unwrap_or(0);
        u32::try_from((self.base(self.duration) - fastest).max(0) / 1_000).unwrap_or(0)
    }

    /// Returns the media time that waits, from the cursor to the end of the newest packet.
    pub(crate) fn depth(&self) -> Duration {
        let (Some(first), Some(last)) = (self.packets.first(), self.packets.last()) else {
            return Duration::ZERO;
        };
        let micros = self.media_micros(last.end - first.timestamp);
        Duration::from_micros(u64::try_from(micros).unwrap_or(0))
    }

    /// Returns the counters.
    pub(crate) const fn stats(&self) -> JitterStats {
        self.stats
    }

    /// Forgets the stream, but not the counters.
    pub(crate) fn reset(&mut self) {
        for packet in self.packets.drain(..) {
            self.store.free(&packet.place);
        }
        self.state = State::Waiting { cursor: None };
        self.heard = None;
        self.transits = Transits::new();
        self.played = None;
        self.copies.forget();
        self.duration = 0;
        self.pace.reset();
        self.pausing = false;
    }

    fn cursor(&self) -> Option<i64> {
        match self.state {
            State::Waiting { cursor } => cursor,
            State::Playing { cursor, .. } => Some(cursor),
        }
    }

    /// Finds the packet's place on the endless timeline; none if it is a duplicate or belongs to no timeline.
    fn place(&mut self, sequence: u16, timestamp: u32, now: i64) -> Option<(i64, i64)> {
        let Some(heard) = &mut self.heard else {
            return Some(self.begin(sequence, timestamp, now));
        };
        let ahead = i64::from(sequence.wrapping_sub(heard.sequence_number()).cast_signed());
        if !(-MAX_MISORDER..=MAX_DROPOUT).contains(&ahead) {
            return self.stray(sequence, timestamp, now);
        }
        let units = i64::from(timestamp.wrapping_sub(heard.rtp_timestamp()).cast_signed());
        let leap = (now - heard.arrival) - units * 1_000_000 / i64::from(self.clock_rate);
        if leap.abs() > micros(MAX_TIMESTAMP_LEAP) {
            if ahead <= 0 {
                self.stats.stray += 1;
                return None;
            }
            self.restart();
            return Some(self.begin(sequence, timestamp, now));
        }
        if !heard.mark(ahead) {
            self.stats.duplicate += 1;
            return None;
        }
        heard.stray = None;
        let placed = (heard.sequence + ahead, heard.timestamp + units);
        if ahead > 0 {
            (heard.sequence, heard.timestamp) = placed;
            heard.arrival = now;
        }
        Some(placed)
    }

    fn begin(&mut self, sequence: u16, timestamp: u32, now: i64) -> (i64, i64) {
        let placed = (i64::from(sequence), i64::from(timestamp));
        self.heard = Some(Heard {
            sequence: placed.0,
            timestamp: placed.1,
            arrival: now,
            seen: 1,
            silent: 0,
            stray: None,
        });
        placed
    }

    /// One packet out of line is dropped; the second in a row that follows it begins a new timeline (RFC 3550 A.1).
    fn stray(&mut self, sequence: u16, timestamp: u32, now: i64) -> Option<(i64, i64)> {
        let heard = self.heard.as_mut()?;
        if heard.stray == Some(sequence.wrapping_sub(1)) {
            self.restart();
            return Some(self.begin(sequence, timestamp, now));
        }
        heard.stray = Some(sequence);
        self.stats.stray += 1;
        None
    }

    fn restart(&mut self) {
        self.stats.restarts += 1;
        self.stats.overflow += self.packets.len() as u64;
        self.reset();
    }

    fn decide(&mut self, wanted: i64, now: i64) -> Step {
        match self.state {
            State::Waiting { .. } => self.start(wanted, now),
            State::Playing {
                cursor,
                covered,
                made_up,
            } => match self.packets.first() {
                None => self.starve(cursor, covered, made_up, wanted, now),
                Some(first) if first.end <= cursor => {
                    self.stats.late += u64::from(!first.copy);
                    self.discard_first();
                    Step::Again
                }
                Some(first) if first.timestamp <= cursor => self.play(now),
                Some(_) => self.bridge(cursor, covered, made_up),
            },
        }
    }

    /// Starts a stretch at the first tick that leaves the margin.
    fn start(&mut self, wanted: i64, now: i64) -> Step {
        let Some(fastest) = self.transits.fastest() else {
            return Step::Silence;
        };
        let Some(first) = self.packets.first() else {
            return Step::Silence;
        };
        // Packets that begin with a tick are needed as late as can be.
        if wanted < self.units(TICK) {
            return Step::Silence;
        }
        let hold = now - self.media_micros(first.timestamp);
        let patient = now - first.arrival < micros(MAX_HOLD);
        if hold < self.target() && patient {
            return Step::Silence;
        }
        if hold - fastest > micros(MAX_HOLD) && self.packets.len() > 1 {
            self.discard_first();
            self.stats.overflow += 1;
            return Step::Again;
        }
        self.state = State::Playing {
            cursor: first.timestamp,
            covered: 0,
            made_up: 0,
        };
        Step::Again
    }

    /// Nothing is there: makes sound up and lets the hold grow, until the sender is taken for silent.
    fn starve(&mut self, cursor: i64, covered: i64, made_up: i64, wanted: i64, now: i64) -> Step {
        if made_up >= self.longest_made_up() || self.pausing {
            self.state = State::Waiting {
                cursor: Some(cursor),
            };
            return Step::Again;
        }
        let step = self.units(CONCEALED_STEP).max(1);
        let wanted = (wanted + step - 1) / step * step;
        let hold = now - self.media_micros(cursor);
        let full = self
            .transits
            .fastest()
            .is_some_and(|fastest| hold - fastest >= micros(MAX_HOLD));
        let (cursor, covered) = if full {
            (cursor + wanted, covered)
        } else {
            (cursor, covered + wanted)
        };
        self.state = State::Playing {
            cursor,
            covered,
            made_up: made_up + wanted,
        };
        Step::Conceal {
            units: wanted,
            next: false,
        }
    }

    /// How much may be made up for what is not there, in timestamp units. Where packets without sound have come since (comfort
    /// noise, a key), no more than the packets that are missing before them: what ended the sound is known.
    fn longest_made_up(&self) -> i64 {
        let longest = self.units(MAX_CONCEALED);
        let (Some(heard), Some(played)) = (&self.heard, self.played) else {
            return longest;
        };
        if heard.sequence <= played {
            return longest;
        }
        let missing = heard.unheard(played, heard.sequence + 1);
        let missing = i64::try_from(missing).unwrap_or(i64::MAX);
        missing.saturating_mul(self.duration).min(longest)
    }

    /// The first packet lies beyond the cursor: silence of the sender, loss, or both.
    fn bridge(&mut self, cursor: i64, covered: i64, made_up: i64) -> Step {
        let first = &self.packets[0];
        let gap = first.timestamp - cursor;
        let silent = self.missing(first) == 0;
        // The copy of what comes just before the packet at hand may be inside it.
        let copied = self.duration.min(first.end - first.timestamp).min(gap);
        if silent || (made_up >= self.units(MAX_CONCEALED) && (covered > 0 || gap > copied)) {
            self.state = State::Waiting {
                cursor: Some(cursor),
            };
            return Step::Again;
        }
        if covered > 0 {
            let skip = covered.min(gap);
            self.state = State::Playing {
                cursor: cursor + skip,
                covered: covered - skip,
                made_up,
            };
            return Step::Again;
        }
        let next = gap == copied;
        // By whole packets, because that is what codecs conceal best.
        let units = if next {
            gap
        } else {
            self.duration.max(1).min(gap - copied)
        };
        self.state = State::Playing {
            cursor: cursor + units,
            covered,
            made_up: made_up + units,
        };
        Step::Conceal { units, next }
    }

    /// Packets of sound missing between the one played last and this one.
    fn missing(&self, packet: &Packet) -> u64 {
        let (Some(heard), Some(played)) = (&self.heard, self.played) else {
            return 0;
        };
        heard.unheard(played, packet.sequence)
    }

    fn play(&mut self, now: i64) -> Step {
        let first = &self.packets[0];
        let missing = self.missing(first);
        let (timestamp, pausing) = (first.timestamp, first.place.len() <= PAUSE_BYTES);
        let slack = now - self.media_micros(timestamp) - self.base(first.end - timestamp);
        self.pace.fetch(slack);
        self.pausing = pausing && self.copies.carried;
        let first = &self.packets[0];
        self.copies.learn(missing > 0 || first.copy, now);
        self.stats.lost += missing;
        self.stats.recovered += u64::from(first.copy);
        self.played = Some(first.sequence);
        self.duration = first.end - first.timestamp;
        self.state = State::Playing {
            cursor: first.end,
            covered: 0,
            made_up: 0,
        };
        Step::Play
    }

    /// The hold wanted at the beginning of a stretch: for packets that do not begin at ticks, also the way from the tick
    /// that decodes them.
    fn target(&self) -> i64 {
        let first = self.packets.first();
        let duration = first.map_or(self.duration, |first| first.end - first.timestamp);
        let tick = micros(TICK);
        self.base(duration) + tick - self.transits.grid(tick)
    }

    /// How long after the fastest packet's time a packet is wanted: a margin that the slowest of late would have kept, and
    /// a packet more where copies pay.
    fn base(&self, duration: i64) -> i64 {
        let (Some(fastest), Some(slow)) = (self.transits.fastest(), self.transits.slow()) else {
            return 0;
        };
        let step = micros(MARGIN_STEP);
        let steps = ((slow - fastest - micros(MARGIN_SLACK)).max(0) + step - 1) / step;
        let margin = ((steps + 1) * step).min(micros(MAX_HOLD));
        let copy = self.copies.wait(duration);
        fastest + margin + self.media_micros(copy)
    }

    fn make_room(&mut self, bytes: usize) {
        while !self.packets.is_empty()
            && (self.packets.len() >= MAX_PACKETS || !self.store.has_room(bytes))
        {
            self.discard_first();
            self.stats.overflow += 1;
        }
    }

    fn bound_depth(&mut self) {
        while self.packets.len() > 1 && self.depth() > MAX_DEPTH {
            self.discard_first();
            self.stats.overflow += 1;
        }
    }

    /// Drops the first packet and steps over its sound, so that it is not taken for lost.
    fn discard_first(&mut self) {
        let packet = self.packets.remove(0);
        self.store.free(&packet.place);
        self.played = Some(packet.sequence);
        match &mut self.state {
            State::Playing { cursor, .. } => *cursor = packet.end.max(*cursor),
            State::Waiting { cursor } => {
                *cursor = Some(cursor.map_or(packet.end, |at| packet.end.max(at)))
            }
        }
    }

    /// Microseconds since the first instant heard of.
    fn micros(&mut self, now: Instant) -> i64 {
        let epoch = *self.epoch.get_or_insert(now);
        micros(now.saturating_duration_since(epoch))
    }

    fn media_micros(&self, units: i64) -> i64 {
        units * 1_000_000 / i64::from(self.clock_rate)
    }

    fn units(&self, duration: Duration) -> i64 {
        micros(duration) * i64::from(self.clock_rate) / 1_000_000
    }
}

/// Where the stream stands.
#[derive(Debug, Clone, Copy)]
enum State {
    /// Silence; what ends before the cursor is late.
    Waiting { cursor: Option<i64> },
    /// Sound: `covered` units were made up without moving the cursor, `made_up` in all since the last payload.
    Playing {
        cursor: i64,
        covered: i64,
        made_up: i64,
    },
}

enum Step {
    Again,
    Play,
    Conceal { units: i64, next: bool },
    Silence,
}

/// The newest packet heard, and which of those before it.
#[derive(Debug, Clone, Copy)]
struct Heard {
    sequence: i64,
    timestamp: i64,
    arrival: i64,
    /// Bit n: the packet n before the newest was heard.
    seen: u128,
    /// Bit n: the packet n before the newest was heard and carried no sound.
    silent: u128,
    /// The packet out of line heard last.
    stray: Option<u16>,
}

impl Heard {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the wire carries the low bits"
    )]
    const fn sequence_number(&self) -> u16 {
        self.sequence as u16
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the wire carries the low bits"
    )]
    const fn rtp_timestamp(&self) -> u32 {
        self.timestamp as u32
    }

    /// Marks the packet this far ahead of the newest; false if it was heard before.
    fn mark(&mut self, ahead: i64) -> bool {
        if ahead > 0 {
            let shift = u32::try_from(ahead).unwrap_or(u32::MAX);
            self.seen = self.seen.checked_shl(shift).unwrap_or(0) | 1;
            self.silent = self.silent.checked_shl(shift).unwrap_or(0);
            return true;
        }
        let bit = 1_u128
            .checked_shl(u32::try_from(-ahead).unwrap_or(u32::MAX))
            .unwrap_or(0);
        let fresh = self.seen & bit == 0;
        self.seen |= bit;
        fresh
    }

    /// Notes that the packet this far ahead of the newest, which was marked, carried no sound.
    fn silence(&mut self, ahead: i64) {
        let behind = u32::try_from(-ahead).unwrap_or(u32::MAX);
        self.silent |= 1_u128.checked_shl(behind).unwrap_or(0);
    }

    /// Counts the packets between two that did not say that they carry no sound.
    fn unheard(&self, after: i64, before: i64) -> u64 {
        let between = u64::try_from(before - after - 1).unwrap_or(0);
        if between == 0 {
            return 0;
        }
        let nearest = u32::try_from(self.sequence - before + 1).unwrap_or(0);
        let silent = self.silent.checked_shr(nearest).unwrap_or(0);
        let beyond = u32::try_from(between).unwrap_or(u32::MAX);
        let span = 1_u128.checked_shl(beyond).map_or(u128::MAX, |end| end - 1);
        between - u64::from((silent & span).count_ones())
    }
}

/// A packet whose payload lies in the store.
#[derive(Debug)]
struct Packet {
    sequence: i64,
    timestamp: i64,
    end: i64,
    arrival: i64,
    header: Option<Level>,
    /// It came as a copy in a later packet.
    copy: bool,
    place: Place,
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX / 2)
}

/// What the margin against jitter grows and shrinks by; also the least.
const MARGIN_STEP: Duration = Duration::from_millis(5);

/// How far jitter may reach into the last step of the margin.
const MARGIN_SLACK: Duration = Duration::from_millis(3);

/// What is made up without a packet at hand is a multiple of this: the shortest that Opus conceals.
const CONCEALED_STEP: Duration = Duration::from_micros(2_500);

/// Packets without sound in a row after which they are accounted for: half of what is remembered of each.
const SETTLED: i64 = 64;

/// Bytes of an Opus packet that says that the sender pauses: its table of contents, and a byte more at most.
const PAUSE_BYTES: usize = 2;

mod redundant;
#[cfg(test)]
mod tests;
