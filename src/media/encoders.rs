//! Encoders with what they need beside them, made outside the tick and used again.
//!
//! A stream is an encoder, the sound it coded last and the payload that came of it. Who shares one and who has one alone
//! is the row's affair; here they wait for the next who needs one. Invariant: a spare of every kind in use is made between
//! two ticks, so that the tick seldom allocates.

use dsp::{
    Alike, Codec, CodecError, ComfortFill, Complexity, Encoder, EncoderSettings, FRAME_SAMPLES,
    Frame, Handover, Limiter, LossClass, MAX_PAYLOAD,
};

use super::{api::ListeningGain, hush::Hush, redundancy::Redundancy};
use crate::limit::{SPARE_STREAMS, SPARE_STREAMS_MAX};

/// What turns the sums of a mix into sound that can be sent.
#[derive(Debug, Clone)]
pub(super) struct Finish {
    limiter: Limiter,
    fill: ComfortFill,
}

impl Finish {
    pub(super) const fn new() -> Self {
        Self {
            limiter: Limiter::new(),
            fill: ComfortFill::new(),
        }
    }

    /// What finishes a mix that was nothing but the silence of all rooms.
    const fn hushed() -> Self {
        Self {
            limiter: Limiter::new(),
            fill: ComfortFill::filled(),
        }
    }

    /// Tells whether the next tick of the same mix comes out of it as it would of another.
    pub(super) fn stands_like(&self, other: &Self) -> bool {
        self.limiter.stands_like(&other.limiter) && self.fill == other.fill
    }

    /// Turns down what is too loud and fills what is too quiet with the noise of the tick.
    pub(super) fn finish(&mut self, sums: &[i32; FRAME_SAMPLES], noise: &Frame, out: &mut Frame) {
        self.limiter.limit(sums, out);
        self.fill.fill(noise, out);
    }

    /// The same where there is no sound.
    pub(super) fn rest(&mut self, noise: &Frame, out: &mut Frame) {
        if self.limiter.is_active() {
            return self.finish(&[0; FRAME_SAMPLES], noise, out);
        }
        self.limiter.rest();
        *out = Frame::SILENCE;
        self.fill.fill(noise, out);
    }
}

/// One encoding of a mix.
#[derive(Debug)]
pub(super) struct Stream {
    encoder: Encoder,
    /// What is coded.
    pub(super) sound: Frame,
    pub(super) finish: Finish,
    /// How loud it was in the last tick, in 1/1,024 of the mix.
    pub(super) factor: i32,
    /// Decides when somebody who has the stream alone goes back to the shared one.
    pub(super) handover: Handover,
    /// How it stands to the shared one that it is to go back to.
    pub(super) alike: Alike,
    /// Ticks in a row in which it coded the silence of all rooms.
    hushed: u8,
    payload: [u8; MAX_PAYLOAD],
    len: usize,
    /// For paths that lose.
    redundancy: Option<Redundancy>,
}

impl Stream {
    /// Makes one at the beginning of a stream; none where the library refuses.
    pub(super) fn new(settings: EncoderSettings) -> Option<Box<Self>> {
        Some(Box::new(Self {
            encoder: Encoder::new(settings).ok()?,
            sound: Frame::SILENCE,
            finish: Finish::new(),
            factor: ListeningGain::UNCHANGED.factor(),
            handover: Handover::new(),
            alike: Alike::Unknown,
            hushed: 0,
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

    /// Encodes what another stream has just encoded so that this one comes to stand like it, where the codec knows how.
    pub(super) fn approach(&mut self, other: &Self) -> bool {
        let coded = self
            .encoder
            .approach(&other.encoder, other.payload(), &mut self.payload);
        let Some((len, alike)) = coded else {
            return false;
        };
        self.len = len;
        self.alike = if alike {
            Alike::Yes
        } else {
            Alike::Approaching
        };
        len > 0
    }

    /// Encodes the stream's own sound.
    pub(super) fn encode(&mut self, complexity: Complexity) -> bool {
        self.alike = Alike::Unknown;
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

    /// Hears whether what it coded was the silence of all rooms.
    pub(super) const fn note_hush(&mut self, hushed: bool) {
        self.hushed = if hushed {
            self.hushed.saturating_add(1)
        } else {
            0
        };
    }

    /// Tells whether it stands where whatever codes the silence of all rooms does.
    pub(super) const fn is_hushed(&self) -> bool {
        self.hushed >= hushed_after(self.settings())
    }

    /// Goes on from the silence of all rooms, as it stood before this tick.
    pub(super) fn wake(&mut self, hush: &Hush) {
        hush.lead(self);
        self.finish = Finish::hushed();
        self.hushed = 0;
    }

    /// Takes the state of what codes silence for its own, to be led from there before it codes anything.
    pub(super) const fn hush(&mut self) {
        self.hushed = u8::MAX;
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

/// Ticks of the same silence after which two encoders are as good as one. G.711 remembers the 6 ms of its filter; the
/// predictors of G.722 and the energies of Opus as a waveform lose at least half of what they remember with each tick, and
/// what is left of it after ten is a part of a sound that is faint already; the model of a voice remembers longer.
const fn hushed_after(settings: EncoderSettings) -> u8 {
    match (settings.codec, settings.loss) {
        (Codec::Pcmu | Codec::Pcma, _) => 1,
        (Codec::G722, _) | (Codec::Opus, LossClass::Low) => 10,
        (Codec::Opus, LossClass::Medium | LossClass::High) => 25,
    }
}

/// The streams that nobody uses.
#[derive(Debug, Default)]
pub(super) struct Encoders {
    kinds: Vec<Kind>,
    /// How hard all of them try.
    pub(super) complexity: Complexity,
}

/// The streams of one kind that is in use.
#[derive(Debug)]
struct Kind {
    settings: EncoderSettings,
    #[expect(
        clippy::vec_box,
        reason = "moves to who needs it and back as a pointer"
    )]
    spare: Vec<Box<Stream>>,
}

impl Encoders {
    /// Takes a stream to begin anew.
    pub(super) fn take(&mut self, settings: EncoderSettings) -> Option<Box<Stream>> {
        let mut stream = self.take_to_follow(settings)?;
        stream.encoder.reset();
        Some(stream)
    }

    /// Takes a stream whose encoder stands anywhere, to follow another.
    pub(super) fn take_to_follow(&mut self, settings: EncoderSettings) -> Option<Box<Stream>> {
        let Some(mut stream) = self.kind(settings).spare.pop() else {
            return Stream::new(settings);
        };
        if let Some(redundancy) = &mut stream.redundancy {
            redundancy.clear();
        }
        stream.handover = Handover::new();
        stream.alike = Alike::Unknown;
        stream.finish = Finish::new();
        stream.factor = ListeningGain::UNCHANGED.factor();
        stream.hushed = 0;
        Some(stream)
    }

    /// Takes a stream back.
    pub(super) fn give(&mut self, stream: Box<Stream>) {
        let spare = &mut self.kind(stream.settings()).spare;
        if spare.len() < SPARE_STREAMS_MAX {
            spare.push(stream);
        }
    }

    /// Learns that streams of a kind will be needed.
    pub(super) fn expect(&mut self, settings: EncoderSettings) {
        self.kind(settings);
    }

    /// Makes one stream that is missing; called between ticks.
    pub(super) fn restock(&mut self) {
        let mut kinds = self.kinds.iter_mut();
        if let Some(kind) = kinds.find(|kind| kind.spare.len() < SPARE_STREAMS) {
            kind.spare.extend(Stream::new(kind.settings));
        }
    }

    fn kind(&mut self, settings: EncoderSettings) -> &mut Kind {
        let mut kinds = self.kinds.iter();
        let known = kinds.position(|kind| kind.settings == settings);
        let at = known.unwrap_or_else(|| {
            self.kinds.push(Kind {
                settings,
                spare: Vec::with_capacity(SPARE_STREAMS_MAX),
            });
            self.kinds.len() - 1
        });
        &mut self.kinds[at]
    }
}
