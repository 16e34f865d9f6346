//! Opus (RFC 6716) at 48 kHz mono, tuned for speech over lossy paths.

use opus::{Application, Bandwidth, Bitrate, Channels, Signal, packet};

use super::CodecError;
use crate::SAMPLE_RATE;

/// Encodes speech: 32 kbit/s, complexity 5, with forward error correction for 5 % of loss.
#[derive(Debug)]
pub(crate) struct OpusOut(opus::Encoder);

impl OpusOut {
    pub(crate) fn new() -> Result<Self, CodecError> {
        let mut encoder = opus::Encoder::new(SAMPLE_RATE, Channels::Mono, Application::Voip)?;
        encoder.set_bitrate(Bitrate::Bits(BITRATE))?;
        encoder.set_complexity(COMPLEXITY)?;
        // libopus drops the copies for loss of 5 % or less when the rate is short: 32 kbit/s carry them below full band,
        // and only in what it takes for speech.
        encoder.set_signal(Signal::Voice)?;
        encoder.set_max_bandwidth(Bandwidth::Superwideband)?;
        encoder.set_inband_fec(true)?;
        encoder.set_packet_loss_perc(EXPECTED_LOSS)?;
        Ok(Self(encoder))
    }

    pub(crate) fn encode(&mut self, samples: &[i16], out: &mut [u8]) -> Result<usize, CodecError> {
        Ok(self.0.encode(samples, out)?)
    }
}

/// Decodes any Opus packet to mono, and makes up what was lost.
#[derive(Debug)]
pub(crate) struct OpusIn(opus::Decoder);

impl OpusIn {
    pub(crate) fn new() -> Result<Self, CodecError> {
        Ok(Self(opus::Decoder::new(SAMPLE_RATE, Channels::Mono)?))
    }

    pub(crate) fn decode(&mut self, payload: &[u8], out: &mut [i16]) -> Result<usize, CodecError> {
        // To libopus an empty packet means loss; from a peer it is nonsense.
        if payload.is_empty() {
            return Err(CodecError::Malformed("empty packet"));
        }
        Ok(self.0.decode(payload, out, false)?)
    }

    /// Makes up the sound before `next` from the copy that `next` may carry.
    pub(crate) fn recover(&mut self, next: &[u8], out: &mut [i16]) -> Result<(), CodecError> {
        self.0.decode(next, out, true)?;
        Ok(())
    }

    /// Makes up sound from what was heard before.
    pub(crate) fn conceal(&mut self, out: &mut [i16]) -> Result<(), CodecError> {
        self.0.decode(&[], out, false)?;
        Ok(())
    }

    pub(crate) fn reset(&mut self) {
        self.0
            .reset_state()
            .expect("resetting a decoder takes no argument that could be wrong");
    }
}

/// Returns the samples a packet holds at 48 kHz; none for a packet that is none.
pub(crate) fn duration(payload: &[u8]) -> Option<u32> {
    if payload.is_empty() {
        return None;
    }
    let samples = packet::get_nb_samples(payload, SAMPLE_RATE).ok()?;
    u32::try_from(samples).ok().filter(|&samples| samples > 0)
}

/// What a packet looks like from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    /// No sound at all: discontinuous transmission.
    Nothing,
    /// The encoder found no voice.
    Quiet,
    /// The encoder found voice.
    Voice,
    /// It does not say.
    Unknown,
}

/// Looks at a packet: at its length, and at the voice activity flags at the front of SILK's part (RFC 6716 §3.1, §4.2.3).
pub(crate) fn look(payload: &[u8]) -> Look {
    let &[toc, _, _, ..] = payload else {
        return Look::Nothing;
    };
    // Configurations up to 15 hold SILK, in frames of 10, 20, 40 and 60 ms, or 10 and 20 ms where hybrid.
    let silk_frames = match toc >> 3 {
        config @ 0..=11 => [1, 1, 2, 3][usize::from(config % 4)],
        12..=15 => 1,
        _ => return Look::Unknown,
    };
    let frame = match toc & 3 {
        0 | 1 => 1,
        2 => 2 + usize::from(payload[1] >= 252),
        _ => return Look::Unknown,
    };
    // Each flag is one even bit, the first symbols of the range coder: they lie in the first byte as they are.
    match payload.get(frame) {
        Some(first) if first >> (8 - silk_frames) != 0 => Look::Voice,
        _ => Look::Quiet,
    }
}

const BITRATE: i32 = 32_000;
const COMPLEXITY: i32 = 5;
const EXPECTED_LOSS: i32 = 5;
