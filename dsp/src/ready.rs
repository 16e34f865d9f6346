//! Decoded sound in order: some that was heard already, which stretching compares with, and what is still to be heard.

use std::time::Duration;

use crate::{Codec, limit::MAX_PACKET_DURATION};

/// Decoded sound at the codec's rate.
pub(crate) struct Ready {
    samples: Box<[i16]>,
    /// Samples of the past before those that wait.
    past: usize,
    len: usize,
}

impl Ready {
    pub(crate) fn new(codec: Codec) -> Self {
        let count = |duration: Duration| {
            codec.sample_rate() as usize * duration.as_micros() as usize / 1_000_000
        };
        Self {
            samples: vec![0; count(PAST + WAITING + MAX_PACKET_DURATION)].into(),
            past: count(PAST),
            len: 0,
        }
    }

    /// Returns the samples that wait.
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// Returns the samples that wait, oldest first.
    pub(crate) fn waiting(&mut self) -> &mut [i16] {
        &mut self.samples[self.past..][..self.len]
    }

    /// Returns what was heard last.
    pub(crate) fn past(&self) -> &[i16] {
        &self.samples[..self.past]
    }

    /// Returns the space behind the samples that wait.
    pub(crate) fn space(&mut self) -> &mut [i16] {
        &mut self.samples[self.past + self.len..]
    }

    /// Returns the past and what waits.
    pub(crate) fn all(&mut self) -> &mut [i16] {
        &mut self.samples[..self.past + self.len]
    }

    /// Makes room for so many samples before those that wait.
    pub(crate) fn insert(&mut self, samples: usize) {
        let samples = samples.min(self.samples.len() - self.past - self.len);
        let waiting = self.past..self.past + self.len;
        self.samples.copy_within(waiting, self.past + samples);
        self.len += samples;
    }

    /// Adds samples written into [`Self::space`], as many as there is space for.
    pub(crate) fn grow(&mut self, samples: usize) {
        self.len += samples.min(self.samples.len() - self.past - self.len);
    }

    /// Lets samples become the past.
    pub(crate) fn advance(&mut self, samples: usize) {
        let samples = samples.min(self.len);
        self.samples.copy_within(samples..self.past + self.len, 0);
        self.len -= samples;
    }

    /// Takes samples out behind the first `keep`.
    pub(crate) fn cut(&mut self, keep: usize, samples: usize) {
        let samples = samples.min(self.len.saturating_sub(keep));
        let from = self.past + keep;
        self.samples
            .copy_within(from + samples..self.past + self.len, from);
        self.len -= samples;
    }

    /// Forgets all.
    pub(crate) fn clear(&mut self) {
        self.samples[..self.past].fill(0);
        self.len = 0;
    }
}

impl std::fmt::Debug for Ready {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Ready({} samples)", self.len)
    }
}

/// How much of the past is kept: the longest pitch period.
const PAST: Duration = Duration::from_millis(15);

/// What waits at most when a packet is decoded: a tick and a pitch period, or two ticks of which one is dropped.
const WAITING: Duration = Duration::from_millis(40);
