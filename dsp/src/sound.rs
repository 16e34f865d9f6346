//! What turns payloads into sound: decoder, concealment, and resampling to the rate of the house.

use crate::{
    Codec, CodecError, Concealer, Decoder, Frame, Interpolator, Level, Taken,
    conceal::mix,
    ready::Ready,
    stretch::{Where, lengthen, shorten},
};

/// Decoder, concealment and resampling of one stream, with the decoded sound that waits.
#[derive(Debug)]
pub(crate) struct Sound {
    codec: Codec,
    decoder: Decoder,
    concealer: Concealer,
    up: Option<Interpolator>,
    /// Decoded sound at the codec's rate, not yet taken.
    pub(crate) ready: Ready,
    /// What the decoded sound that waits is.
    pub(crate) waiting: Taken,
    /// The lowest level of late, in hundredths of a dBov.
    floor: i32,
    pub(crate) was_quiet: bool,
    /// The tick before was nothing.
    pub(crate) silent: bool,
    /// The tick before was not heard.
    pub(crate) passed: bool,
}

impl Sound {
    pub(crate) fn new(codec: Codec) -> Result<Self, CodecError> {
        Ok(Self {
            codec,
            decoder: Decoder::new(codec)?,
            concealer: match codec {
                Codec::Opus => Concealer::fading(codec.sample_rate()),
                Codec::Pcmu | Codec::Pcma | Codec::G722 => Concealer::new(codec.sample_rate()),
            },
            up: codec.ratio().map(Interpolator::new),
            ready: Ready::new(codec),
            waiting: Taken::Silent,
            floor: 0,
            was_quiet: true,
            silent: true,
            passed: false,
        })
    }

    /// Returns what is left of the tick before.
    pub(crate) const fn left(&self) -> Taken {
        if self.ready.len() > 0 {
            self.waiting
        } else {
            Taken::Silent
        }
    }

    /// Decodes a payload said to hold so many samples; makes them up if it is damaged.
    pub(crate) fn decode(&mut self, payload: &[u8], samples: usize) -> Taken {
        let Ok(count) = self.decoder.decode(payload, self.ready.space()) else {
            self.make_up(samples, None);
            return Taken::Concealed;
        };
        match self.codec {
            Codec::Opus => self.concealer.heard_own(),
            Codec::Pcmu | Codec::Pcma | Codec::G722 => {
                self.concealer.hear(&mut self.ready.space()[..count]);
            }
        }
        self.ready.grow(count);
        Taken::Played
    }

    /// Makes up so many samples, from the copy in the payload that follows if there is one.
    pub(crate) fn make_up(&mut self, samples: usize, next: Option<&[u8]>) {
        let steps = samples.next_multiple_of(OPUS_STEP);
        let space = self.ready.space();
        let samples = samples.min(space.len());
        let own = space
            .get_mut(..steps)
            .is_some_and(|out| self.decoder.conceal(next, out));
        let out = &mut space[..samples];
        match (own, next) {
            // The copy inside the next packet is the sound itself.
            (true, Some(_)) => self.concealer.heard_own(),
            (true, None) => self.concealer.fade(out),
            (false, _) if self.codec == Codec::Opus => out.fill(0),
            (false, _) => self.concealer.make_up(out),
        }
        self.ready.grow(samples);
    }

    /// Appends silence, to which what goes before sinks in 3 ms.
    pub(crate) fn silence(&mut self, samples: usize) {
        let last = self.ready.all().last().copied().unwrap_or(0);
        let fade = self.milli() * 3;
        let space = self.ready.space();
        let samples = samples.min(space.len());
        space[..samples].fill(0);
        for (at, sample) in space[..samples].iter_mut().take(fade).enumerate() {
            *sample = mix(last, 0, at, fade);
        }
        self.ready.grow(samples);
        self.concealer.reset();
    }

    /// Measures the tick that waits.
    pub(crate) fn level(&mut self) -> Level {
        let tick = self.codec.frame_samples().min(self.ready.len());
        Level::of(&self.ready.waiting()[..tick])
    }

    /// Lets decoded sound pass unheard.
    pub(crate) fn pass(&mut self, samples: usize) {
        self.ready.advance(samples);
        self.was_quiet = true;
    }

    /// Takes up to so many samples out of what waits behind a tick, in quiet exactly so many; returns how many.
    pub(crate) fn shorten(&mut self, most: usize) -> usize {
        let keep = self.codec.frame_samples();
        let (milli, place) = (self.milli(), self.place());
        shorten(&mut self.ready, milli, most, keep, place)
    }

    /// Puts up to so many samples into what waits; returns how many.
    pub(crate) fn lengthen(&mut self, most: usize) -> usize {
        let (milli, place) = (self.milli(), self.place());
        lengthen(&mut self.ready, milli, most, place)
    }

    /// Takes out a tick; returns its level.
    pub(crate) fn finish(&mut self, taken: Taken, out: &mut Frame) -> Level {
        let tick = self.codec.frame_samples();
        let taken_up = std::mem::take(&mut self.passed);
        if taken_up {
            self.take_up();
        }
        if self.ready.len() < tick {
            self.silence(tick - self.ready.len());
        }
        let was_silent = std::mem::replace(&mut self.silent, taken == Taken::Silent);
        let samples = &self.ready.waiting()[..tick];
        let level = Level::of(samples);
        match &mut self.up {
            _ if self.silent && was_silent => *out = Frame::SILENCE,
            None => out.samples.copy_from_slice(samples),
            Some(up) => up.process(samples, &mut out.samples),
        }
        if taken_up {
            fade_in(out);
        }
        self.ready.advance(tick);
        self.was_quiet = self.is_quiet(level);
        level
    }

    /// Hears that payloads were lost to the decoder: it begins again.
    pub(crate) fn tear(&mut self) {
        self.decoder.reset();
        self.concealer.reset();
        self.ready.clear();
    }

    /// Forgets the stream.
    pub(crate) fn reset(&mut self) {
        self.tear();
        self.waiting = Taken::Silent;
        self.floor = 0;
        self.passed = false;
        if let Some(up) = &mut self.up {
            up.reset();
        }
    }

    const fn place(&self) -> Where {
        if self.was_quiet {
            Where::Anywhere
        } else {
            Where::Repeating
        }
    }

    const fn milli(&self) -> usize {
        self.codec.sample_rate() as usize / 1_000
    }

    /// Is heard again after ticks that were not: lets the resampler know what went before.
    fn take_up(&mut self) {
        self.silent = false;
        if let Some(up) = &mut self.up {
            up.prime(self.ready.past());
        }
    }

    /// Tells whether a tick may be dropped or doubled here without being heard: near the noise of the line.
    fn is_quiet(&mut self, level: Level) -> bool {
        let level = i32::from(level.as_dbov()) * 100;
        self.floor = (self.floor + FLOOR_RISE).min(level);
        level <= ALWAYS_QUIET || (level <= self.floor + NEAR_FLOOR && level <= NEVER_QUIET)
    }
}

fn fade_in(frame: &mut Frame) {
    for (at, sample) in frame.samples.iter_mut().take(FADE_IN).enumerate() {
        *sample = mix(0, *sample, at, FADE_IN);
    }
}

/// Samples over which a leg fades in that is heard again: 3 ms.
const FADE_IN: usize = 144;

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
