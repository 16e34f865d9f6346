//! Encoders with what they need beside them, made outside the tick and used again.
//!
//! A stream is an encoder, the sound it coded last and the payload that came of it. Who shares one and who has one alone
//! is the row's affair; here they wait for the next who needs one. Invariant: a spare of every kind in use is made between
//! two ticks, so that the tick seldom allocates.

use dsp::{
    CodecError, ComfortNoise, Complexity, Encoder, EncoderSettings, FRAME_SAMPLES, Frame, Handover,
    Limiter, MAX_PAYLOAD,
};

use super::redundancy::Redundancy;
use crate::limit::{SPARE_STREAMS, SPARE_STREAMS_MAX};

/// What turns the sums of a mix into sound that can be sent.
#[derive(Debug, Clone)]
pub(super) struct Finish {
    limiter: Limiter,
    noise: ComfortNoise,
}

impl Finish {
    pub(super) const fn new() -> Self {
        Self {
            limiter: Limiter::new(),
            noise: ComfortNoise::new(0),
        }
    }

    /// Turns down what is too loud and fills what is too quiet.
    pub(super) fn finish(&mut self, sums: &[i32; FRAME_SAMPLES], out: &mut Frame) {
        self.limiter.limit(sums, out);
        self.noise.fill(out);
    }
}

/// One encoding of a mix.
#[derive(Debug)]
pub(super) struct Stream {
    encoder: Encoder,
    /// What is coded.
    pub(super) sound: Frame,
    pub(super) finish: Finish,
    /// Decides when somebody who has the stream alone goes back to the shared one.
    pub(super) handover: Handover,
    payload: [u8; MAX_PAYLOAD],
    len: usize,
    /// For paths that lose.
    redundancy: Option<Redundancy>,
}

impl Stream {
    fn new(settings: EncoderSettings) -> Option<Box<Self>> {
        Some(Box::new(Self {
            encoder: Encoder::new(settings).ok()?,
            sound: Frame::SILENCE,
            finish: Finish::new(),
            handover: Handover::new(),
            payload: [0; MAX_PAYLOAD],
            len: 0,
            redundancy: Redundancy::new(settings),
        }))
    }

    /// Returns what distinguishes the encoder.
    pub(super) const fn settings(&self) -> EncoderSettings {
        self.encoder.settings()
    }

    /// Takes over the state of another stream's encoder.
    pub(super) fn follow(&mut self, other: &Self) -> bool {
        if let (Some(mine), Some(theirs)) = (&mut self.redundancy, &other.redundancy) {
            mine.follow(theirs);
        }
        self.encoder.copy_from(&other.encoder).is_ok()
    }

    /// Encodes the stream's own sound.
    pub(super) fn encode(&mut self, complexity: Complexity) -> bool {
        self.encoder.set_complexity(complexity);
        let coded = self.encoder.encode(&self.sound, &mut self.payload);
        self.keep(coded)
    }

    /// Encodes a sound that is kept elsewhere.
    pub(super) fn encode_other(&mut self, sound: &Frame, complexity: Complexity) -> bool {
        self.encoder.set_complexity(complexity);
        let coded = self.encoder.encode(sound, &mut self.payload);
        self.keep(coded)
    }

    fn keep(&mut self, coded: Result<usize, CodecError>) -> bool {
        self.len = coded.unwrap_or(0);
        if let Some(redundancy) = &mut self.redundancy {
            redundancy.keep(&self.payload[..self.len]);
        }
        self.len > 0
    }

    /// Returns the payload of the last tick; empty where the encoder failed.
    pub(super) fn payload(&self) -> &[u8] {
        &self.payload[..self.len]
    }

    /// Returns the payload of the last tick with copies of earlier ones, where the stream is for paths that lose.
    pub(super) fn redundant(&mut self) -> Option<&[u8]> {
        let redundancy = self.redundancy.as_mut().filter(|_| self.len > 0)?;
        redundancy.around(&self.payload[..self.len])
    }
}

/// The streams that nobody uses.
#[derive(Debug, Default)]
#[expect(
    clippy::vec_box,
    reason = "moves to who needs it and back as a pointer"
)]
pub(super) struct Encoders {
    spare: Vec<Box<Stream>>,
    /// Which kinds are in use.
    kinds: Vec<EncoderSettings>,
    /// How hard all of them try.
    pub(super) complexity: Complexity,
}

impl Encoders {
    /// Takes a stream to begin anew or to follow another.
    pub(super) fn take(&mut self, settings: EncoderSettings) -> Option<Box<Stream>> {
        self.expect(settings);
        let found = self.position(settings);
        found.map_or_else(
            || Stream::new(settings),
            |at| Some(self.spare.swap_remove(at)),
        )
    }

    /// Takes a stream back.
    pub(super) fn give(&mut self, mut stream: Box<Stream>) {
        if self.count(stream.settings()) < SPARE_STREAMS_MAX {
            stream.encoder.reset();
            if let Some(redundancy) = &mut stream.redundancy {
                redundancy.clear();
            }
            stream.handover = Handover::new();
            self.spare.push(stream);
        }
    }

    /// Learns that streams of a kind will be needed.
    pub(super) fn expect(&mut self, settings: EncoderSettings) {
        if !self.kinds.contains(&settings) {
            self.kinds.push(settings);
            self.spare.reserve(SPARE_STREAMS_MAX);
        }
    }

    /// Makes one stream that is missing; called between ticks.
    pub(super) fn restock(&mut self) {
        let mut kinds = self.kinds.iter();
        let short = kinds.find(|kind| self.count(**kind) < SPARE_STREAMS);
        if let Some(stream) = short.and_then(|settings| Stream::new(*settings)) {
            self.spare.push(stream);
        }
    }

    fn position(&self, settings: EncoderSettings) -> Option<usize> {
        let mut spare = self.spare.iter();
        spare.position(|stream| stream.settings() == settings)
    }

    fn count(&self, settings: EncoderSettings) -> usize {
        let spare = self.spare.iter();
        spare.filter(|stream| stream.settings() == settings).count()
    }
}
