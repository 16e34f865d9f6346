//! Opus (RFC 6716) at 48 kHz mono, tuned for mixes of speech and for what the path to a listener loses.

use opusic_sys::{OPUS_BANDWIDTH_SUPERWIDEBAND, OPUS_SIGNAL_MUSIC, OPUS_SIGNAL_VOICE};

use super::{
    CodecError, Complexity, LossClass,
    opus_state::{Application, Control, DecoderState, EncoderState, samples_in},
};

/// Encodes speech as the class of the listener's path asks.
#[derive(Debug)]
pub(crate) struct OpusOut {
    state: EncoderState,
    tuning: Tuning,
    complexity: Complexity,
}

impl OpusOut {
    pub(crate) fn new(tuning: Tuning) -> Result<Self, CodecError> {
        let mut encoder = Self {
            state: EncoderState::new(tuning.application)?,
            tuning,
            complexity: Complexity::default(),
        };
        encoder.tune()?;
        Ok(encoder)
    }

    pub(crate) fn set_complexity(&mut self, complexity: Complexity) {
        if complexity != self.complexity {
            self.complexity = complexity;
            self.state
                .set(Control::Complexity, complexity.as_i32())
                .expect("a complexity is at most 10");
        }
    }

    pub(crate) fn encode(&mut self, samples: &[i16], out: &mut [u8]) -> Result<usize, CodecError> {
        self.state.encode(samples, out)
    }

    /// Goes on where another encoder of the same tuning stands.
    pub(crate) fn copy_from(&mut self, other: &Self) {
        self.state.copy_from(&other.state);
        self.complexity = other.complexity;
    }

    /// Begins a stream. The library's own reset keeps some of what was decided for the stream before.
    pub(crate) fn reset(&mut self) {
        self.state
            .init(self.tuning.application)
            .and_then(|()| self.tune())
            .expect("what was accepted once is accepted again");
    }

    fn tune(&mut self) -> Result<(), CodecError> {
        let Tuning {
            application: _,
            sound,
            bit_rate,
            expected_loss,
        } = self.tuning;
        for (control, value) in [
            (Control::BitRate, bit_rate),
            (Control::Complexity, self.complexity.as_i32()),
            // Without it libopus judges by itself what the sound is, and drops the copies when it thinks of music.
            (Control::Signal, sound as i32),
            // Full band would take from what carries speech: 12 kHz are more than any other codec here has.
            (Control::MaxBandwidth, OPUS_BANDWIDTH_SUPERWIDEBAND),
            (Control::InbandFec, i32::from(expected_loss > 0)),
            (Control::PacketLoss, expected_loss),
        ] {
            self.state.set(control, value)?;
        }
        Ok(())
    }
}

/// How an encoder is set for its whole life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tuning {
    pub(crate) application: Application,
    pub(crate) sound: Sound,
    /// Bits per second.
    pub(crate) bit_rate: i32,
    /// Per cent of packets; above zero every packet of speech carries a coarse copy of the sound before it.
    pub(crate) expected_loss: i32,
}

impl Tuning {
    /// Returns how a class is coded.
    ///
    /// Measured at complexity 5: how far one voice and two voices at once stand above all else after A-law and Opus, PESQ
    /// (wide band, 36 s of our prompts) without loss, at 2 % and at 5 %, and the time of one frame on one machine.
    ///
    /// | | one | two | 0 % | 2 % | 5 % | µs |
    /// |---|---|---|---|---|---|---|
    /// | Low: waveform, 64 kbit/s | 29.7 dB | 25.5 dB | 4.47 | 3.86 | 3.10 | 36 |
    /// | Medium: voice, 48 kbit/s, copies for 10 % | † | † | 4.51 | 4.48 | 4.38 | 140 |
    /// | High: voice, 48 kbit/s, copies for 20 % | † | † | 4.47 | 4.45 | 4.40 | 155 |
    /// | voice, 32 kbit/s, copies for 5 %, `Voip` | 22.6 dB | 15.2 dB | 4.37 | | 4.12 | 160 |
    ///
    /// † Measured with copies for 5 %: 27.9 and 19.4 dB; for 15 %: 27.0 and 18.2 dB.
    ///
    /// A model of one voice codes two voices badly and costs four times as much; it is worth it for the copies alone. At
    /// 64 kbit/s a clean path carries no more than a telephone's G.711, and lossy paths carry less. `Audio` throughout:
    /// `Voip` takes away what lies below a voice, which nobody asked for, and is no better in any column.
    pub(crate) const fn of(loss: LossClass) -> Self {
        let (sound, bit_rate, expected_loss) = match loss {
            LossClass::Low => (Sound::Any, 64_000, 0),
            LossClass::Medium => (Sound::Voice, 48_000, 10),
            LossClass::High => (Sound::Voice, 48_000, 20),
        };
        Self {
            application: Application::Audio,
            sound,
            bit_rate,
            expected_loss,
        }
    }
}

/// What an encoder takes the sound for, which decides how it is coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub(crate) enum Sound {
    /// A voice: by a model of one below 8 kHz, the only part of Opus that knows copies of the sound before.
    Voice = OPUS_SIGNAL_VOICE,
    /// Anything: by its spectrum, several voices as well as one.
    Any = OPUS_SIGNAL_MUSIC,
}

/// Decodes any Opus packet to mono, and makes up what was lost.
#[derive(Debug)]
pub(crate) struct OpusIn(DecoderState);

impl OpusIn {
    pub(crate) fn new() -> Result<Self, CodecError> {
        Ok(Self(DecoderState::new()?))
    }

    #[cfg(test)]
    pub(crate) fn copy_from(&mut self, other: &Self) {
        self.0.copy_from(&other.0);
    }

    pub(crate) fn decode(&mut self, payload: &[u8], out: &mut [i16]) -> Result<usize, CodecError> {
        // To libopus an empty packet means loss; from a peer it is nonsense.
        if payload.is_empty() {
            return Err(CodecError::Malformed("empty packet"));
        }
        self.0.decode(payload, out)
    }

    /// Makes up the sound before `next` from the copy that `next` may carry.
    pub(crate) fn recover(&mut self, next: &[u8], out: &mut [i16]) -> Result<(), CodecError> {
        self.0.recover(next, out).map(drop)
    }

    /// Makes up sound from what was heard before.
    pub(crate) fn conceal(&mut self, out: &mut [i16]) -> Result<(), CodecError> {
        self.0.conceal(out).map(drop)
    }

    pub(crate) fn reset(&mut self) {
        self.0
            .init()
            .expect("initialising takes no argument that could be wrong");
    }
}

/// Returns the samples a packet holds at 48 kHz; none for a packet that is none.
pub(crate) fn duration(payload: &[u8]) -> Option<u32> {
    let samples = samples_in(payload).ok()?;
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
