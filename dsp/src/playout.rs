//! One leg's inbound path: packets of any length in, frames of 20 ms out, one per tick.

use std::time::Instant;

use crate::{
    Codec, CodecError, Concealer, Decoder, Frame, Interpolator, JitterBuffer, Level,
    conceal::mix,
    jitter::{Balance, Play},
    limit::MAX_PACKET_DURATION,
};

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
    /// Packets whose sound was due before they came, or that belong to no timeline known.
    pub late: u64,
    /// Packets that came before.
    pub duplicate: u64,
    /// Packets missing when their sound was due, the late ones included.
    pub lost: u64,
    /// Frames with made-up sound.
    pub concealed: u64,
    /// Packets that are no sound of the codec.
    pub malformed: u64,
    /// Packets dropped at a limit.
    pub overflow: u64,
    /// Media time waiting, in milliseconds.
    pub depth_ms: u32,
}

/// Jitter buffer, decoder, concealment and resampling of one inbound stream.
#[derive(Debug)]
pub struct Playout {
    codec: Codec,
    jitter: JitterBuffer,
    decoder: Decoder,
    concealer: Concealer,
    up: Option<Interpolator>,
    /// Decoded sound at the codec's rate, not yet taken.
    ready: Ready,
    /// What the decoded sound that waits is.
    waiting: Taken,
    /// The sound of this tick, and a second one when two become one.
    tick: Box<[i16]>,
    spare: Box<[i16]>,
    /// The lowest level of late, in hundredths of a dBov.
    floor: i32,
    was_quiet: bool,
    silent: bool,
    received: u64,
    malformed: u64,
    concealed: u64,
}

impl Playout {
    /// Makes the path for a stream that has not begun.
    pub fn new(codec: Codec) -> Result<Self, CodecError> {
        let samples = codec.frame_samples();
        Ok(Self {
            codec,
            jitter: match codec {
                Codec::Opus => JitterBuffer::new(codec.clock_rate()).with_copies(),
                Codec::Pcmu | Codec::Pcma | Codec::G722 => JitterBuffer::new(codec.clock_rate()),
            },
            decoder: Decoder::new(codec)?,
            concealer: Concealer::new(codec.sample_rate()),
            up: codec.ratio().map(Interpolator::new),
            ready: Ready::new(codec),
            waiting: Taken::Silent,
            tick: vec![0; samples].into(),
            spare: vec![0; samples].into(),
            floor: 0,
            was_quiet: true,
            silent: true,
            received: 0,
            malformed: 0,
            concealed: 0,
        })
    }

    /// Takes in one packet.
    pub fn put(&mut self, sequence: u16, timestamp: u32, payload: &[u8], now: Instant) {
        self.received += 1;
        match self.codec.duration(payload) {
            Some(duration) => self.jitter.put(sequence, timestamp, duration, payload, now),
            None => self.malformed += 1,
        }
    }

    /// Hears that a packet of this sequence number carried something else than sound (a key press, comfort noise), so
    /// that it is not taken for lost.
    pub fn skip(&mut self, sequence: u16) {
        self.jitter.skip(sequence);
    }

    /// Takes out the sound of one tick; called every 20 ms.
    pub fn take(&mut self, out: &mut Frame, now: Instant) -> Taken {
        let left = self.units(self.ready.len);
        let balance = self.jitter.balance(left, now);
        let mut taken = match balance {
            Balance::Short if self.was_quiet && !self.silent => self.insert(),
            Balance::Even | Balance::Long | Balance::Over | Balance::Short => self.fill(now),
        };
        self.ready.pull(&mut self.tick);
        let level = Level::of(&self.tick);
        self.was_quiet = self.is_quiet(level);
        let drop = balance == Balance::Over || (balance == Balance::Long && self.was_quiet);
        if drop && taken == Taken::Played {
            taken = self.drop_one(now);
        }
        self.finish(taken, out);
        taken
    }

    /// Returns the counters.
    pub fn stats(&self) -> PlayoutStats {
        let jitter = self.jitter.stats();
        let ready = self.ready.len * 1_000 / self.codec.sample_rate() as usize;
        let depth = self.jitter.depth().as_millis() + ready as u128;
        PlayoutStats {
            received: self.received,
            late: jitter.late + jitter.stray,
            duplicate: jitter.duplicate,
            lost: jitter.lost,
            concealed: self.concealed,
            malformed: self.malformed,
            overflow: jitter.overflow,
            depth_ms: u32::try_from(depth).unwrap_or(u32::MAX),
        }
    }

    /// Forgets the stream, but not the counters: another one begins.
    pub fn reset(&mut self) {
        self.jitter.reset();
        self.decoder.reset();
        self.concealer.reset();
        self.ready.len = 0;
        self.floor = 0;
        if let Some(up) = &mut self.up {
            up.reset();
        }
    }

    /// Decodes or makes up until a tick is ready.
    fn fill(&mut self, now: Instant) -> Taken {
        let mut taken = if self.ready.len > 0 {
            self.waiting
        } else {
            Taken::Silent
        };
        while let Some(missing) = self
            .tick
            .len()
            .checked_sub(self.ready.len)
            .filter(|&missing| missing > 0)
        {
            let per_unit = self.per_unit();
            let step = match self.jitter.take(self.units(missing).max(1), now) {
                Play::Silence => {
                    self.ready.room(missing).fill(0);
                    self.ready.len += missing;
                    self.concealer.reset();
                    Taken::Silent
                }
                Play::Payload(payload) => match self.decoder.decode(payload, self.ready.rest()) {
                    Ok(count) => {
                        let samples = self.ready.room(count);
                        match self.codec {
                            Codec::Opus => self.concealer.heard_own(),
                            Codec::Pcmu | Codec::Pcma | Codec::G722 => self.concealer.hear(samples),
                        }
                        self.ready.len += count;
                        Taken::Played
                    }
                    Err(_) => {
                        self.malformed += 1;
                        make_up(
                            &mut self.decoder,
                            &mut self.concealer,
                            &mut self.ready,
                            missing,
                            None,
                        );
                        Taken::Concealed
                    }
                },
                Play::Conceal { units, next } => {
                    let samples = units as usize * per_unit;
                    make_up(
                        &mut self.decoder,
                        &mut self.concealer,
                        &mut self.ready,
                        samples,
                        next,
                    );
                    Taken::Concealed
                }
            };
            self.waiting = step;
            taken = match (taken, step) {
                (Taken::Concealed, _) | (_, Taken::Concealed) => Taken::Concealed,
                (Taken::Played, _) | (_, Taken::Played) => Taken::Played,
                (Taken::Silent, Taken::Silent) => Taken::Silent,
            };
        }
        taken
    }

    /// Lets the hold grow by a tick of sound like the last.
    fn insert(&mut self) -> Taken {
        self.jitter.balanced();
        let missing = self.tick.len().saturating_sub(self.ready.len);
        make_up(
            &mut self.decoder,
            &mut self.concealer,
            &mut self.ready,
            missing,
            None,
        );
        Taken::Concealed
    }

    /// Lets the hold shrink: this tick and the next become one.
    fn drop_one(&mut self, now: Instant) -> Taken {
        self.jitter.balanced();
        let taken = self.fill(now);
        self.ready.pull(&mut self.spare);
        let of = self.tick.len();
        for (at, (sample, &later)) in self.tick.iter_mut().zip(&self.spare).enumerate() {
            *sample = mix(*sample, later, at, of);
        }
        match taken {
            Taken::Silent => Taken::Played,
            Taken::Played | Taken::Concealed => taken,
        }
    }

    fn finish(&mut self, taken: Taken, out: &mut Frame) {
        self.concealed += u64::from(taken == Taken::Concealed);
        let was_silent = std::mem::replace(&mut self.silent, taken == Taken::Silent);
        match &mut self.up {
            _ if self.silent && was_silent => *out = Frame::SILENCE,
            None => out.samples.copy_from_slice(&self.tick),
            Some(up) => up.process(&self.tick, &mut out.samples),
        }
    }

    /// Tells whether a tick may be dropped or doubled here without being heard: near the noise of the line.
    fn is_quiet(&mut self, level: Level) -> bool {
        let level = i32::from(level.as_dbov()) * 100;
        self.floor = (self.floor + FLOOR_RISE).min(level);
        level <= ALWAYS_QUIET || (level <= self.floor + NEAR_FLOOR && level <= NEVER_QUIET)
    }

    /// Samples of one timestamp unit.
    fn per_unit(&self) -> usize {
        (self.codec.sample_rate() / self.codec.clock_rate()) as usize
    }

    fn units(&self, samples: usize) -> u32 {
        u32::try_from(samples / self.per_unit()).expect("what waits is shorter than a second")
    }
}

/// Appends at least `samples` of made-up sound.
fn make_up(
    decoder: &mut Decoder,
    concealer: &mut Concealer,
    ready: &mut Ready,
    samples: usize,
    next: Option<&[u8]>,
) {
    let steps = samples.next_multiple_of(OPUS_STEP);
    let own = ready
        .rest()
        .get_mut(..steps)
        .is_some_and(|out| decoder.conceal(next, out));
    let samples = samples.min(ready.rest().len());
    let out = ready.room(samples);
    match (own, next) {
        // The copy inside the next packet is the sound itself.
        (true, Some(_)) => concealer.heard_own(),
        (true, None) => concealer.fade(out),
        (false, _) => concealer.make_up(out),
    }
    ready.len += samples;
}

/// Decoded sound in order.
struct Ready {
    samples: Box<[i16]>,
    len: usize,
}

impl Ready {
    fn new(codec: Codec) -> Self {
        let millis = MAX_PACKET_DURATION.as_millis() as usize + 2 * 20;
        Self {
            samples: vec![0; codec.sample_rate() as usize / 1_000 * millis].into(),
            len: 0,
        }
    }

    fn rest(&mut self) -> &mut [i16] {
        &mut self.samples[self.len..]
    }

    fn room(&mut self, samples: usize) -> &mut [i16] {
        &mut self.samples[self.len..][..samples]
    }

    fn pull(&mut self, out: &mut [i16]) {
        out.copy_from_slice(&self.samples[..out.len()]);
        self.samples.copy_within(out.len()..self.len, 0);
        self.len -= out.len();
    }
}

impl std::fmt::Debug for Ready {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Ready({} samples)", self.len)
    }
}

/// Samples Opus conceals in one step: 2.5 ms.
const OPUS_STEP: usize = 120;

/// Hundredths of a dBov at or below which any tick is quiet.
const ALWAYS_QUIET: i32 = -50_00;

/// Hundredths of a dBov above which no tick is quiet.
const NEVER_QUIET: i32 = -30_00;

/// Hundredths of a dB above the floor that still are noise.
const NEAR_FLOOR: i32 = 5_00;

/// How fast the floor rises per tick: 2 dB in a second.
const FLOOR_RISE: i32 = 4;
