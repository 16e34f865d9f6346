//! One leg's inbound path: packets of any length in, frames of 20 ms out, one per tick.
//!
//! A tick has two halves. [`Playout::due`] takes what the jitter buffer has for it, undecoded, and says how loud it claims to
//! be. Then [`Playout::decode`] makes its sound, or [`Playout::pass`] lets it go unheard at next to no cost; the last payloads
//! that passed are kept, so that a decoder that is used again is warm before it is heard.

use std::time::Instant;

use crate::{
    Claim, Codec, CodecError, Frame, Level,
    backlog::Backlog,
    claim::Claims,
    jitter::{JitterBuffer, Play},
    limit::{MAX_PACKET_DURATION, MAX_PIECES, MAX_RECEIVED_PAYLOAD, MIN_PACKET_DURATION},
    pace::Adjust,
    sound::Sound,
};

/// What a tick has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// Sound, received or to be made up.
    Sound(Claim),
    /// Nothing: the sender has not begun, has ended, or says that it is silent.
    Silence,
}

/// What a tick took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// Sound that was received.
    Played,
    /// Sound that was made up, at least in part.
    Concealed,
    /// Nothing was sent.
    Silent,
}

/// Counters of one inbound stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PlayoutStats {
    /// Packets put.
    pub received: u64,
    /// Packets whose sound was due before they came.
    pub late: u64,
    /// Packets whose sequence number or timestamp is out of line with the stream: dropped, unless the stream goes on there.
    pub stray: u64,
    /// Times a stream went on from another source, sequence number or timestamp.
    pub restarts: u64,
    /// Packets that came before.
    pub duplicate: u64,
    /// Packets missing when their sound was due, the late ones included.
    pub lost: u64,
    /// Packets that were missing and whose copies in later packets were played in their place.
    pub recovered: u64,
    /// Frames with made-up sound that were heard.
    pub concealed: u64,
    /// Ticks from which sound was taken out, because the hold was too long.
    pub accelerated: u64,
    /// Ticks into which sound was put, because the hold was too short.
    pub expanded: u64,
    /// Packets that are no sound of the codec.
    pub malformed: Malformed,
    /// Packets dropped at a limit.
    pub overflow: u64,
    /// Times a sender was found to claim levels that are not so.
    pub untrusted: u64,
    /// Media time waiting, in milliseconds.
    pub depth_ms: u32,
    /// How long after the fastest packet's time packets are wanted, in milliseconds.
    pub target_ms: u32,
}

/// Packets that were no sound of the codec, by what is wrong with them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Malformed {
    /// Packets without a byte.
    pub empty: u64,
    /// Packets of more bytes or more sound than the limits allow.
    pub too_long: u64,
    /// Packets that do not decode, or hold less sound than any packet does.
    pub corrupt: u64,
}

impl Malformed {
    /// Returns the packets of all kinds.
    pub const fn total(&self) -> u64 {
        self.empty + self.too_long + self.corrupt
    }

    const fn count(&mut self, codec: Codec, payload: &[u8]) {
        // Bytes of the other codecs are always sound, so there can only be too many; Opus says so in itself.
        let bytes = match codec {
            Codec::Opus => MAX_RECEIVED_PAYLOAD,
            Codec::Pcmu | Codec::Pcma | Codec::G722 => longest(codec.clock_rate()),
        };
        if payload.is_empty() {
            self.empty += 1;
        } else if payload.len() > bytes {
            self.too_long += 1;
        } else {
            self.corrupt += 1;
        }
    }
}

/// Jitter buffer, decoder, concealment and resampling of one inbound stream.
#[derive(Debug)]
pub struct Playout {
    codec: Codec,
    jitter: JitterBuffer,
    backlog: Backlog,
    claims: Claims,
    sound: Sound,
    /// What would better the delay in the tick that has begun.
    tick: Option<Adjust>,
    counts: Counts,
}

impl Playout {
    /// Makes the path for a stream that has not begun.
    pub fn new(codec: Codec) -> Result<Self, CodecError> {
        Ok(Self {
            codec,
            jitter: match codec {
                Codec::Opus => JitterBuffer::new(codec.clock_rate()).with_copies(),
                Codec::Pcmu | Codec::Pcma | Codec::G722 => JitterBuffer::new(codec.clock_rate()),
            },
            backlog: Backlog::new(),
            claims: Claims::new(codec),
            sound: Sound::new(codec)?,
            tick: None,
            counts: Counts::default(),
        })
    }

    /// Takes in one packet, with the level its header claims (RFC 6464).
    pub fn put(
        &mut self,
        sequence: u16,
        timestamp: u32,
        payload: &[u8],
        header: Option<Level>,
        now: Instant,
    ) {
        self.counts.received += 1;
        let Some(duration) = self.duration(payload) else {
            self.counts.malformed.count(self.codec, payload);
            return;
        };
        if !self.jitter.has_room(payload.len()) {
            self.backlog.trim(0, &mut self.jitter);
        }
        self.jitter
            .put(sequence, timestamp, duration, payload, header, now);
    }

    /// Takes in a copy of an earlier payload that came inside the packet put last (RFC 2198), which has this timestamp; the
    /// copy's is `offset` units earlier. It fills a hole or is dropped, and counts as nothing until it is played.
    pub fn put_redundant(&mut self, timestamp: u32, offset: u32, payload: &[u8], now: Instant) {
        let Some(duration) = self.duration(payload) else {
            return;
        };
        self.jitter.expect_redundant(offset);
        self.jitter
            .put_redundant(timestamp.wrapping_sub(offset), duration, payload, now);
    }

    /// Hears that a packet of this sequence number carried something else than sound (a key press, comfort noise), so
    /// that it is not taken for lost.
    pub fn skip(&mut self, sequence: u16) {
        self.jitter.skip(sequence);
    }

    /// Begins a tick, every 20 ms: says what it has, decoding nothing. A tick neither decoded nor passed when the next
    /// begins has passed.
    pub fn due(&mut self, now: Instant) -> Due {
        if self.tick.is_some() {
            self.pass();
        }
        let adjust = self.jitter.begin_tick(self.waiting(), now);
        let adjust = match adjust {
            Adjust::Shorten(most) if self.sound.passed => self.shorten_unheard(most, now),
            Adjust::Shorten(most) => self.prepare_to_shorten(most, now),
            Adjust::Lengthen(_) | Adjust::Keep => adjust,
        };
        self.fetch(self.codec.ticks(), now);
        self.tick = Some(adjust);
        self.claim()
    }

    /// Ends the tick with its sound.
    pub fn decode(&mut self, out: &mut Frame) -> Taken {
        let Some(adjust) = self.tick.take() else {
            *out = Frame::SILENCE;
            return Taken::Silent;
        };
        let taken = self.render();
        if taken == Taken::Played {
            self.stretch(adjust);
        }
        let level = self.sound.finish(taken, out);
        if taken == Taken::Played {
            self.learn(|claims| claims.learn(level));
        }
        self.counts.concealed += u64::from(taken == Taken::Concealed);
        taken
    }

    /// Ends the tick unheard.
    pub fn pass(&mut self) {
        let Some(adjust) = self.tick.take() else {
            return;
        };
        // Nobody hears whether time stands still.
        if !matches!(adjust, Adjust::Lengthen(_)) {
            self.pass_units(self.codec.ticks());
        }
        self.sound.passed = true;
        self.sound.was_quiet = true;
    }

    /// Takes out the sound of one tick, every 20 ms: [`Self::due`] and [`Self::decode`].
    pub fn take(&mut self, out: &mut Frame, now: Instant) -> Taken {
        self.due(now);
        self.decode(out)
    }

    /// Returns the counters.
    pub fn stats(&self) -> PlayoutStats {
        let jitter = self.jitter.stats();
        let waiting = u64::from(self.waiting()) * 1_000 / u64::from(self.codec.clock_rate());
        let depth = self.jitter.depth().as_millis() + u128::from(waiting);
        PlayoutStats {
            received: self.counts.received,
            late: jitter.late,
            stray: jitter.stray,
            restarts: jitter.restarts + self.counts.restarts,
            duplicate: jitter.duplicate,
            lost: jitter.lost,
            recovered: jitter.recovered,
            concealed: self.counts.concealed,
            malformed: self.counts.malformed,
            overflow: jitter.overflow,
            accelerated: self.counts.accelerated,
            expanded: self.counts.expanded,
            untrusted: self.counts.untrusted,
            target_ms: self.jitter.target_ms(),
            depth_ms: u32::try_from(depth).unwrap_or(u32::MAX),
        }
    }

    /// Forgets the stream, but not the counters: another one begins.
    pub fn reset(&mut self) {
        self.backlog.clear(&mut self.jitter);
        self.jitter.reset();
        self.claims.reset();
        self.sound.reset();
        self.tick = None;
    }

    /// Forgets the stream because its packets say that they go on elsewhere, and counts that.
    pub fn restart(&mut self) {
        self.counts.restarts += 1;
        self.reset();
    }

    /// Lets sound pass that nobody hears.
    fn pass_units(&mut self, units: u32) {
        let decoded = self.decoded_units().min(units);
        self.sound.pass(decoded as usize * self.per_unit());
        let keep = preroll(self.codec) * self.codec.clock_rate() / 1_000;
        self.backlog.pass(units - decoded, keep, &mut self.jitter);
    }

    /// Takes sound out at once where nobody hears it.
    fn shorten_unheard(&mut self, most: i64, now: Instant) -> Adjust {
        let units = self.units(most);
        let wanted = self.codec.ticks() + units;
        if self.jitter.covers(wanted.saturating_sub(self.waiting())) {
            self.fetch(wanted, now);
            self.pass_units(units);
        }
        Adjust::Keep
    }

    /// Takes as much from the jitter buffer as shortening works on, if it is there.
    fn prepare_to_shorten(&mut self, most: i64, now: Instant) -> Adjust {
        let most = most.min(LONGEST_CUT);
        let wanted = self.codec.ticks() + self.units(most);
        if !self.jitter.covers(wanted.saturating_sub(self.waiting())) {
            return Adjust::Keep;
        }
        self.fetch(wanted, now);
        Adjust::Shorten(most)
    }

    /// Stretches what waits.
    fn stretch(&mut self, adjust: Adjust) {
        let samples = |micros| self.units(micros) as usize * self.per_unit();
        match adjust {
            Adjust::Keep => {}
            Adjust::Shorten(most) => {
                let most = samples(most);
                self.counts.accelerated += u64::from(self.sound.shorten(most) > 0);
            }
            Adjust::Lengthen(most) => {
                let most = samples(most);
                self.counts.expanded += u64::from(self.sound.lengthen(most) > 0);
            }
        }
    }

    /// Takes from the jitter buffer until so many timestamp units wait.
    fn fetch(&mut self, units: u32, now: Instant) {
        // Each round adds a unit at least, or forgets a piece at the limit of the backlog, whose last one is long enough.
        for _ in 0..2 * MAX_PIECES {
            let Some(missing) = units.checked_sub(self.waiting()).filter(|&units| units > 0) else {
                return;
            };
            let piece = self.jitter.take(missing, now);
            self.backlog.push(piece, &mut self.jitter);
        }
    }

    fn claim(&mut self) -> Due {
        let units = self.codec.ticks();
        let decoded = self.decoded_units().min(units);
        if decoded > 0 && self.sound.waiting != Taken::Silent {
            let samples = decoded as usize * self.per_unit();
            self.claims
                .hear(Level::of(&self.sound.ready.waiting()[..samples]));
        }
        for (piece, from, to) in self.backlog.ahead(units - decoded) {
            match piece {
                Play::Payload(payload) => {
                    let bytes = self.jitter.payload(&payload.place);
                    self.claims
                        .look(bytes, from as usize..to as usize, payload.header);
                }
                Play::Conceal { .. } => self.claims.miss(),
                Play::Silence { .. } => {}
            }
        }
        let claim = self.learn(Claims::claim);
        claim.map_or(Due::Silence, Due::Sound)
    }

    /// Decodes or makes up all that waits, throwing away what passed.
    fn render(&mut self) -> Taken {
        if self.backlog.take_torn() {
            self.sound.tear();
        }
        let mut taken = self.sound.left();
        while let Some((piece, passed)) = self.backlog.pop() {
            let step = match &piece {
                Play::Silence { units } => {
                    self.sound.silence(*units as usize * self.per_unit());
                    Taken::Silent
                }
                Play::Conceal { units, copy } => {
                    let samples = *units as usize * self.per_unit();
                    let next = match self.backlog.first_payload() {
                        _ if !copy => None,
                        Some(next) => Some(self.jitter.payload(&next.place)),
                        None => self.jitter.next_payload(),
                    };
                    self.sound.make_up(samples, next);
                    Taken::Concealed
                }
                Play::Payload(payload) => {
                    let samples = payload.units as usize * self.per_unit();
                    let bytes = self.jitter.payload(&payload.place);
                    let taken = self.sound.decode(bytes, samples);
                    self.jitter.free(&payload.place);
                    self.counts.malformed.corrupt += u64::from(taken == Taken::Concealed);
                    taken
                }
            };
            if passed > 0 {
                self.sound.pass(passed as usize * self.per_unit());
            }
            if self.sound.ready.len() > 0 {
                self.sound.waiting = step;
                taken = taken.and(step);
            }
        }
        taken
    }

    /// Tells whether the tick that has begun should be decoded though nobody hears it, to compare it with what the sender
    /// says of it; and if so, for how many ticks such a comparison has been due.
    pub fn wants_probe(&self) -> Option<u16> {
        self.claims.wants_probe().filter(|_| self.tick.is_some())
    }

    /// Decodes the tick for that; it can pass all the same.
    pub fn probe(&mut self) {
        if self.render() == Taken::Played {
            let level = self.sound.level();
            self.learn(|claims| claims.learn_probe(level));
        }
    }

    /// Tells whether what [`Self::due`] claimed is worth nothing, since nothing like it was decoded yet.
    pub const fn is_unknown(&self) -> bool {
        self.tick.is_some() && self.claims.is_unknown()
    }

    /// Tells whether the tick that has begun had better be decoded before anybody is chosen by its claim.
    pub const fn wants_look(&self) -> bool {
        self.tick.is_some() && self.claims.wants_look()
    }

    /// Decodes the tick for that, and tells how loud it is; nothing if there was no sound to decode. It can pass all the same.
    pub fn look(&mut self) -> Option<Level> {
        if self.render() != Taken::Played {
            return None;
        }
        let level = self.sound.level();
        self.learn(|claims| claims.learn_look(level));
        Some(level)
    }

    /// Lets the claims learn, and counts if they cease to believe the sender.
    fn learn<T>(&mut self, learn: impl FnOnce(&mut Claims) -> T) -> T {
        let was_broken = self.claims.is_broken();
        let learned = learn(&mut self.claims);
        self.counts.untrusted += u64::from(self.claims.is_broken() && !was_broken);
        learned
    }

    /// Timestamp units that wait, decoded or not.
    fn waiting(&self) -> u32 {
        self.decoded_units() + self.backlog.waiting()
    }

    fn decoded_units(&self) -> u32 {
        let units = self.sound.ready.len() / self.per_unit();
        u32::try_from(units).expect("what waits is shorter than a second")
    }

    /// Returns the timestamp units of a payload that is sound of the codec.
    fn duration(&self, payload: &[u8]) -> Option<u32> {
        let shortest =
            MIN_PACKET_DURATION.as_micros() * u128::from(self.codec.clock_rate()) / 1_000_000;
        let duration = self.codec.duration(payload);
        duration.filter(|&units| u128::from(units) >= shortest)
    }

    /// Timestamp units of so many microseconds.
    fn units(&self, micros: i64) -> u32 {
        let units = micros * i64::from(self.codec.clock_rate()) / 1_000_000;
        u32::try_from(units).unwrap_or(0)
    }

    /// Samples of one timestamp unit.
    const fn per_unit(&self) -> usize {
        (self.codec.sample_rate() / self.codec.clock_rate()) as usize
    }
}

impl Taken {
    /// What a tick made of both is.
    const fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Concealed, _) | (_, Self::Concealed) => Self::Concealed,
            (Self::Played, _) | (_, Self::Played) => Self::Played,
            (Self::Silent, Self::Silent) => Self::Silent,
        }
    }
}

/// Timestamp units of the longest sound in one packet.
const fn longest(clock_rate: u32) -> usize {
    MAX_PACKET_DURATION.as_millis() as usize * clock_rate as usize / 1_000
}

/// Milliseconds of sound that warm a decoder: G.711 is concealed from them, Opus predicts from its last frames, and G.722's
/// predictors forget slowly.
const fn preroll(codec: Codec) -> u32 {
    match codec {
        Codec::Pcmu | Codec::Pcma => 40,
        Codec::Opus => 80,
        Codec::G722 => 160,
    }
}

/// Microseconds taken out of heard sound at once, at most: the longest pitch period.
const LONGEST_CUT: i64 = 15_000;

#[derive(Debug, Default)]
struct Counts {
    received: u64,
    malformed: Malformed,
    concealed: u64,
    accelerated: u64,
    expanded: u64,
    untrusted: u64,
    restarts: u64,
}
