//! The codecs of the house: 20 ms frames in, payloads out, and back.

mod change_tests;
mod clip;
mod copy_tests;
pub(crate) mod g711;
pub(crate) mod g722;
pub(crate) mod opus;
mod opus_state;
mod settings;

use thiserror::Error;

pub use self::{
    clip::{Payloads, encode_clip},
    g711::outline,
    settings::{Complexity, EncoderSettings, LossClass},
};
use self::{
    g711::Law,
    g722::{G722In, G722Out},
    opus::{OpusIn, OpusOut, Tuning},
};
use crate::{
    Decimator, FRAME_SAMPLES, Frame, Ratio, limit::MAX_PACKET_DURATION, limit::MAX_RECEIVED_PAYLOAD,
};

/// An audio codec.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Codec {
    /// G.711 µ-law, 8 kHz.
    Pcmu,
    /// G.711 A-law, 8 kHz.
    Pcma,
    /// G.722 at 64 kbit/s, 16 kHz; its RTP clock is 8 kHz by an old mistake (RFC 3551 §4.5.2).
    G722,
    /// Opus, 48 kHz (RFC 6716).
    Opus,
}

impl Codec {
    /// Every codec, the best first.
    pub const ALL: [Self; 4] = [Self::Opus, Self::G722, Self::Pcma, Self::Pcmu];

    /// Returns the rate of the RTP timestamps.
    pub const fn clock_rate(self) -> u32 {
        match self {
            Self::Pcmu | Self::Pcma | Self::G722 => 8_000,
            Self::Opus => 48_000,
        }
    }

    /// Returns the RTP timestamp units of 20 ms.
    pub const fn ticks(self) -> u32 {
        self.clock_rate() / 50
    }

    /// Returns the rate of the samples that are coded.
    pub const fn sample_rate(self) -> u32 {
        match self {
            Self::Pcmu | Self::Pcma => 8_000,
            Self::G722 => 16_000,
            Self::Opus => 48_000,
        }
    }

    /// Returns the samples of 20 ms at the codec's rate.
    pub const fn frame_samples(self) -> usize {
        (self.sample_rate() / 50) as usize
    }

    /// Returns the ratio to 48 kHz; none for a codec that runs at it.
    pub const fn ratio(self) -> Option<Ratio> {
        match self {
            Self::Pcmu | Self::Pcma => Some(Ratio::Six),
            Self::G722 => Some(Ratio::Three),
            Self::Opus => None,
        }
    }

    /// Returns the media time of a payload in RTP timestamp units; none if it is malformed, empty or over the limits.
    pub fn duration(self, payload: &[u8]) -> Option<u32> {
        if payload.is_empty() || payload.len() > MAX_RECEIVED_PAYLOAD {
            return None;
        }
        let units = match self {
            // One byte per unit: 8 kHz of one byte, or 16 kHz of half a byte under a clock of 8 kHz.
            Self::Pcmu | Self::Pcma | Self::G722 => u32::try_from(payload.len()).ok()?,
            Self::Opus => opus::duration(payload)?,
        };
        let millis = u64::from(units) * 1_000 / u64::from(self.clock_rate());
        (u128::from(millis) <= MAX_PACKET_DURATION.as_millis()).then_some(units)
    }
}

/// Why something could not be coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CodecError {
    /// The bytes are no sound of this codec.
    #[error("malformed: {0}")]
    Malformed(&'static str),
    /// The bytes are more than a limit allows.
    #[error("too long: {0}")]
    TooLong(&'static str),
    /// The buffer of the caller does not hold the result.
    #[error("the buffer is too small")]
    BufferTooSmall,
    /// The codec library refused to work.
    #[error("the codec library failed: {0}")]
    Library(&'static str),
}

/// Turns frames into payloads; keeps the state of one stream.
#[derive(Debug)]
pub struct Encoder {
    settings: EncoderSettings,
    down: Option<Decimator>,
    out: Out,
}

impl Encoder {
    /// Makes an encoder at the start of a stream.
    pub fn new(settings: impl Into<EncoderSettings>) -> Result<Self, CodecError> {
        let settings = settings.into();
        Self::tuned(settings, Tuning::of(settings.loss))
    }

    fn tuned(settings: EncoderSettings, tuning: Tuning) -> Result<Self, CodecError> {
        Ok(Self {
            settings,
            down: settings.codec.ratio().map(Decimator::new),
            out: match settings.codec {
                Codec::Pcmu => Out::G711(Law::Mu),
                Codec::Pcma => Out::G711(Law::A),
                Codec::G722 => Out::G722(Box::new(G722Out::new())),
                Codec::Opus => Out::Opus(OpusOut::new(tuning)?),
            },
        })
    }

    /// Returns what was asked for.
    pub const fn settings(&self) -> EncoderSettings {
        self.settings
    }

    /// Returns what is coded.
    pub const fn codec(&self) -> Codec {
        self.settings.codec
    }

    /// Changes the effort from the next frame on; does nothing if it is the same or the codec knows none.
    pub fn set_complexity(&mut self, complexity: Complexity) {
        match &mut self.out {
            Out::G711(_) | Out::G722(_) => {}
            Out::Opus(encoder) => encoder.set_complexity(complexity),
        }
    }

    /// Goes on where another encoder of equal settings stands, its effort included; allocates nothing.
    ///
    /// Fed the same frames from here on, both make the same payloads, so a decoder fed by one may be fed by the other.
    pub fn copy_from(&mut self, other: &Self) -> Result<(), CodecError> {
        if self.settings != other.settings {
            return Err(CodecError::Library("a copy needs equal settings"));
        }
        if let (Some(down), Some(other)) = (&mut self.down, &other.down) {
            down.copy_from(other);
        }
        match (&mut self.out, &other.out) {
            (Out::G722(encoder), Out::G722(other)) => encoder.clone_from(other),
            (Out::Opus(encoder), Out::Opus(other)) => encoder.copy_from(other),
            // G.711 has no state, and equal settings have equal codecs.
            (Out::G711(_) | Out::G722(_) | Out::Opus(_), _) => {}
        }
        Ok(())
    }

    /// Encodes what another encoder of equal settings has just encoded to `payload`, in such a way that both come to stand
    /// alike: only then does nobody hear a change from this one to the other. Returns the bytes written and whether it has
    /// come to that; none where the codec knows no such way or the settings differ, and then nothing is encoded.
    pub fn approach(
        &mut self,
        other: &Self,
        payload: &[u8],
        out: &mut [u8],
    ) -> Option<(usize, bool)> {
        let (Out::G722(encoder), Out::G722(leader)) = (&mut self.out, &other.out) else {
            return None;
        };
        let out = out.get_mut(..payload.len())?;
        let alike = encoder.approach(leader, payload, out);
        if let (Some(down), Some(other)) = (&mut self.down, &other.down) {
            down.copy_from(other);
        }
        Some((out.len(), alike))
    }

    /// Begins a stream again, as a new encoder of the same settings and effort would; allocates nothing.
    pub fn reset(&mut self) {
        if let Some(down) = &mut self.down {
            down.reset();
        }
        match &mut self.out {
            Out::G711(_) => {}
            Out::G722(encoder) => **encoder = G722Out::new(),
            Out::Opus(encoder) => encoder.reset(),
        }
    }

    /// Encodes 20 ms; returns the bytes written, at most [`MAX_PAYLOAD`](crate::MAX_PAYLOAD).
    pub fn encode(&mut self, frame: &Frame, out: &mut [u8]) -> Result<usize, CodecError> {
        let mut scratch = [0; FRAME_SAMPLES / 3];
        let samples = match &mut self.down {
            None => &frame.samples[..],
            Some(down) => {
                let samples = &mut scratch[..self.settings.codec.frame_samples()];
                down.process(&frame.samples, samples);
                samples
            }
        };
        match &mut self.out {
            Out::G711(law) => {
                let out = out
                    .get_mut(..samples.len())
                    .ok_or(CodecError::BufferTooSmall)?;
                law.encode(samples, out);
                Ok(samples.len())
            }
            Out::G722(encoder) => {
                let len = samples.len() / 2;
                encoder.encode(
                    samples,
                    out.get_mut(..len).ok_or(CodecError::BufferTooSmall)?,
                );
                Ok(len)
            }
            Out::Opus(encoder) => encoder.encode(samples, out),
        }
    }
}

/// Turns payloads into samples at the codec's own rate; keeps the state of one stream.
#[derive(Debug)]
pub struct Decoder {
    codec: Codec,
    from: In,
}

impl Decoder {
    /// Makes a decoder at the start of a stream.
    pub fn new(codec: Codec) -> Result<Self, CodecError> {
        Ok(Self {
            codec,
            from: match codec {
                Codec::Pcmu => In::G711(Law::Mu),
                Codec::Pcma => In::G711(Law::A),
                Codec::G722 => In::G722(Box::new(G722In::new())),
                Codec::Opus => In::Opus(OpusIn::new()?),
            },
        })
    }

    /// Returns what is coded.
    pub const fn codec(&self) -> Codec {
        self.codec
    }

    /// Decodes one payload; returns the samples written.
    pub fn decode(&mut self, payload: &[u8], out: &mut [i16]) -> Result<usize, CodecError> {
        match &mut self.from {
            In::G711(law) => {
                let out = out
                    .get_mut(..payload.len())
                    .ok_or(CodecError::BufferTooSmall)?;
                law.decode(payload, out);
                Ok(payload.len())
            }
            In::G722(decoder) => {
                let len = payload.len() * 2;
                decoder.decode(
                    payload,
                    out.get_mut(..len).ok_or(CodecError::BufferTooSmall)?,
                );
                Ok(len)
            }
            In::Opus(decoder) => decoder.decode(payload, out),
        }
    }

    /// Makes up lost sound the codec's own way, with the copy the next payload may carry; false if it has none.
    ///
    /// Opus works in steps of 2.5 ms, so `out` must be a multiple of 120 samples there.
    pub fn conceal(&mut self, next: Option<&[u8]>, out: &mut [i16]) -> bool {
        let In::Opus(decoder) = &mut self.from else {
            return false;
        };
        next.is_some_and(|next| decoder.recover(next, out).is_ok()) || decoder.conceal(out).is_ok()
    }

    /// Goes on where another decoder of the same codec stands.
    #[cfg(test)]
    fn copy_from(&mut self, other: &Self) {
        match (&mut self.from, &other.from) {
            (In::G722(decoder), In::G722(other)) => decoder.clone_from(other),
            (In::Opus(decoder), In::Opus(other)) => decoder.copy_from(other),
            (In::G711(_) | In::G722(_) | In::Opus(_), _) => {}
        }
    }

    /// Forgets the stream.
    pub fn reset(&mut self) {
        match &mut self.from {
            In::G711(_) => {}
            In::G722(decoder) => decoder.reset(),
            In::Opus(decoder) => decoder.reset(),
        }
    }
}

#[derive(Debug)]
enum Out {
    G711(Law),
    G722(Box<G722Out>),
    Opus(OpusOut),
}

#[derive(Debug)]
enum In {
    G711(Law),
    G722(Box<G722In>),
    Opus(OpusIn),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Interpolator, MAX_PAYLOAD, tone};

    /// Codes a tone and returns its RMS level at the far end, at 48 kHz.
    fn through(settings: EncoderSettings, frequency: f64) -> f64 {
        let codec = settings.codec;
        let mut encoder = Encoder::new(settings).unwrap();
        let mut decoder = Decoder::new(codec).unwrap();
        let mut up = codec.ratio().map(Interpolator::new);
        let mut power = 0.0;
        for (number, frame) in tone::sine(frequency, -15.0, 60).iter().enumerate() {
            let mut payload = [0; MAX_PAYLOAD];
            let len = encoder.encode(frame, &mut payload).unwrap();
            let mut samples = vec![0; codec.frame_samples()];
            assert_eq!(
                decoder.decode(&payload[..len], &mut samples),
                Ok(samples.len())
            );
            let mut heard = [0; FRAME_SAMPLES];
            match &mut up {
                Some(up) => up.process(&samples, &mut heard),
                None => heard.copy_from_slice(&samples),
            }
            if number >= 10 {
                power += heard
                    .iter()
                    .map(|&sample| f64::from(sample).powi(2))
                    .sum::<f64>();
            }
        }
        10.0 * (power / (50.0 * 960.0) / 32_768_f64.powi(2)).log10()
    }

    #[test]
    fn speech_frequencies_pass_every_codec() {
        for (settings, edge) in [
            (Codec::Pcmu.into(), 3_300.0),
            (Codec::Pcma.into(), 3_300.0),
            (Codec::G722.into(), 6_900.0),
            (EncoderSettings::new(Codec::Opus, LossClass::Low), 6_900.0),
            (
                EncoderSettings::new(Codec::Opus, LossClass::Medium),
                6_900.0,
            ),
            (EncoderSettings::new(Codec::Opus, LossClass::High), 6_900.0),
        ] {
            let (middle, edge) = (through(settings, 1_000.0), through(settings, edge));
            assert!((middle + 15.0).abs() < 1.5, "{settings:?} {middle}");
            assert!(
                (edge - middle).abs() < 6.0,
                "{settings:?} {edge} against {middle}"
            );
        }
    }

    #[test]
    fn the_copy_in_the_next_opus_packet_beats_guessing() {
        for loss in [LossClass::Medium, LossClass::High] {
            let [copied, guessed] = errors_of_recovery(EncoderSettings::new(Codec::Opus, loss));
            assert!(copied < guessed * 0.7, "{loss:?} {copied} {guessed}");
        }
    }

    /// Returns the error of every fifth frame made up with and without the packet after it.
    fn errors_of_recovery(settings: EncoderSettings) -> [f64; 2] {
        let mut encoder = Encoder::new(settings).unwrap();
        let packets: Vec<Vec<u8>> = (0..100)
            .map(|number| {
                // Harmonics in syllables of 200 ms, whose pitch and loudness wander so that guessing has to fail.
                let pitch = 120.0 + f64::from(number * 37 % 11) * 9.0;
                let loudness = -20.0 - f64::from(number % 10).powi(2) / 2.0;
                let mut frame = Frame::SILENCE;
                for harmonic in 1..20 {
                    let part = &tone::sine(
                        pitch * f64::from(harmonic),
                        loudness - f64::from(harmonic),
                        1,
                    )[0];
                    frame
                        .samples
                        .iter_mut()
                        .zip(&part.samples)
                        .for_each(|(sum, &part)| *sum += part);
                }
                let mut payload = [0; MAX_PAYLOAD];
                let len = encoder.encode(&frame, &mut payload).unwrap();
                payload[..len].to_vec()
            })
            .collect();
        let [mut whole, mut copied, mut guessed] =
            [(); 3].map(|()| Decoder::new(Codec::Opus).unwrap());
        let (mut truth, mut out) = ([0; FRAME_SAMPLES], [0; FRAME_SAMPLES]);
        let mut errors = [0.0; 2];
        for (number, packet) in packets[..99].iter().enumerate() {
            whole.decode(packet, &mut truth).unwrap();
            for (decoder, (next, error)) in [&mut copied, &mut guessed].into_iter().zip(
                [Some(&packets[number + 1][..]), None]
                    .into_iter()
                    .zip(&mut errors),
            ) {
                if number % 5 == 4 {
                    assert!(decoder.conceal(next, &mut out));
                    let pairs = truth.iter().zip(&out);
                    *error += pairs
                        .map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2))
                        .sum::<f64>();
                } else {
                    decoder.decode(packet, &mut out).unwrap();
                }
            }
        }
        errors
    }

    #[test]
    fn payloads_have_their_length_and_duration() {
        for codec in Codec::ALL {
            let mut payload = [0; MAX_PAYLOAD];
            let len = Encoder::new(codec)
                .unwrap()
                .encode(&Frame::SILENCE, &mut payload)
                .unwrap();
            assert_eq!(
                codec.duration(&payload[..len]),
                Some(codec.ticks()),
                "{codec:?}"
            );
            assert!(codec == Codec::Opus || len == 160);
        }
    }

    #[test]
    fn payloads_over_the_limits_have_no_duration() {
        for codec in Codec::ALL {
            assert_eq!(codec.duration(&[]), None);
            assert_eq!(codec.duration(&[0; MAX_RECEIVED_PAYLOAD + 1]), None);
        }
        assert_eq!(Codec::Pcma.duration(&[0; 960]), Some(960));
        assert_eq!(Codec::Pcma.duration(&[0; 969]), None);
    }

    #[test]
    fn a_buffer_too_small_is_an_error() {
        for codec in [Codec::Pcma, Codec::G722] {
            let mut encoder = Encoder::new(codec).unwrap();
            assert_eq!(
                encoder.encode(&Frame::SILENCE, &mut [0; 159]),
                Err(CodecError::BufferTooSmall)
            );
            let mut decoder = Decoder::new(codec).unwrap();
            assert_eq!(
                decoder.decode(&[0; 160], &mut [0; 159]),
                Err(CodecError::BufferTooSmall)
            );
        }
    }
}

#[cfg(test)]
pub(crate) mod vectors {
    //! Reads reference data that lies beside the repository and is not part of it. Tests that need it have `vectors` in
    //! their names and fail without it, so that they can be left out by name where the folder is absent.

    use std::path::Path;

    pub(crate) fn bytes(folder: &str, file: &str) -> Vec<u8> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/vectors");
        let path = root.join(folder).join(file);
        std::fs::read(&path).unwrap_or_else(|error| {
            panic!(
                "{}: {error}. This test needs the published vectors; without them leave out what has `vectors` in its name.",
                path.display()
            )
        })
    }

    pub(crate) fn words(folder: &str, file: &str) -> Vec<i16> {
        bytes(folder, file)
            .chunks_exact(2)
            .map(|word| i16::from_le_bytes([word[0], word[1]]))
            .collect()
    }
}
