//! Silence, made once for all rooms: one faint noise, and its payload in every encoding that somebody hears it in.
//!
//! Whoever talks alone hears nobody, nor does anybody in a room where nobody talks: with many rooms that is every second
//! listener who would need an encoder of their own. All silences are the same noise, so one encoder per kind codes it, tick
//! by tick. A stream that has coded it for a while stands where that encoder stands, and may be left out until there is
//! something else to code; then it goes on from a copy of its state.
//!
//! Invariant: what leads a stream back is the state before the tick, however many rooms had the tick before. A room that
//! makes up for ticks it missed may hear a tick of the noise twice, at a level at which nobody does.

use std::time::Instant;

use dsp::{ComfortNoise, Complexity, EncoderSettings, Frame};

use super::{encoders::Stream, tick::ticks};

/// The silence of a shard.
#[derive(Debug)]
pub(super) struct Hush {
    source: ComfortNoise,
    /// The noise of the running tick.
    sound: Frame,
    epoch: Instant,
    /// The number of the running tick on the grid of all rooms.
    tick: u32,
    lines: Vec<Line>,
}

/// The noise in one encoding.
#[derive(Debug)]
struct Line {
    /// As it stood before the tick.
    before: Box<Stream>,
    now: Box<Stream>,
    /// The tick that was coded last.
    tick: u32,
}

impl Hush {
    /// Makes the silence of a shard whose grids of ticks begin at `epoch`.
    pub(super) fn new(epoch: Instant) -> Self {
        let mut hush = Self {
            source: ComfortNoise::new(0),
            sound: Frame::SILENCE,
            epoch,
            tick: 0,
            lines: Vec::new(),
        };
        hush.source.make(&mut hush.sound);
        hush
    }

    /// Learns that the noise will be needed in an encoding, so that the tick need not make what codes it.
    pub(super) fn expect(&mut self, settings: EncoderSettings) {
        if self.position(settings).is_none() {
            self.add(settings);
        }
    }

    /// Begins the tick of a room that lies at `at` on its grid; the first room of a tick brings a new noise.
    pub(super) fn begin(&mut self, at: Instant) {
        let tick = ticks(at.saturating_duration_since(self.epoch));
        if tick > self.tick {
            self.tick = tick;
            self.source.make(&mut self.sound);
        }
    }

    /// Returns the noise of the tick.
    pub(super) const fn sound(&self) -> &Frame {
        &self.sound
    }

    /// Codes the noise of the tick in an encoding that somebody hears or will hear it in, unless that is done.
    pub(super) fn keep(&mut self, settings: EncoderSettings, complexity: Complexity) {
        let known = self.position(settings);
        let Some(at) = known.or_else(|| self.add(settings)) else {
            return;
        };
        let line = &mut self.lines[at];
        if line.tick != self.tick {
            line.tick = self.tick;
            line.before.follow(&line.now);
            line.now.encode_other(&self.sound, complexity);
        }
    }

    /// Returns the payload of the tick in an encoding that was kept; empty where there is none.
    pub(super) fn payload(&self, settings: EncoderSettings) -> &[u8] {
        let line = self.position(settings).map(|at| &self.lines[at]);
        line.map_or(&[], |line| line.now.payload())
    }

    /// Lets a stream go on from where the noise stood before the tick.
    pub(super) fn lead(&self, stream: &mut Stream) -> bool {
        let Some(at) = self.position(stream.settings()) else {
            return false;
        };
        let line = &self.lines[at];
        // A line that nobody hears in this tick stands where it did after the last.
        let state = if line.tick == self.tick {
            &line.before
        } else {
            &line.now
        };
        stream.follow(state)
    }

    fn position(&self, settings: EncoderSettings) -> Option<usize> {
        let mut lines = self.lines.iter();
        lines.position(|line| line.now.settings() == settings)
    }

    fn add(&mut self, settings: EncoderSettings) -> Option<usize> {
        self.lines.push(Line {
            before: Stream::new(settings)?,
            now: Stream::new(settings)?,
            tick: self.tick.wrapping_sub(1),
        });
        Some(self.lines.len() - 1)
    }
}
