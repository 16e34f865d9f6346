//! G.722 at 64 kbit/s (mode 1): two ADPCM bands, 16 kHz, in place.

use std::fmt;

use audio_codec::{
    Decoder as _, Encoder as _,
    g722::{G722Decoder, G722Encoder},
};

use super::CodecError;

/// Encodes 16 kHz; keeps the predictors of both bands.
pub(crate) struct G722Out(Box<G722Encoder>);

impl G722Out {
    pub(crate) fn new() -> Self {
        Self(Box::new(G722Encoder::new()))
    }

    pub(crate) fn encode(&mut self, samples: &[i16], out: &mut [u8]) -> Result<usize, CodecError> {
        self.0
            .encode_into(samples, out)
            .map_err(|_| CodecError::BufferTooSmall)
    }
}

/// Decodes to 16 kHz; keeps the predictors of both bands.
pub(crate) struct G722In(Box<G722Decoder>);

impl G722In {
    pub(crate) fn new() -> Self {
        Self(Box::new(G722Decoder::new()))
    }

    pub(crate) fn decode(&mut self, payload: &[u8], out: &mut [i16]) -> Result<usize, CodecError> {
        self.0
            .decode_into(payload, out)
            .map_err(|_| CodecError::BufferTooSmall)
    }

    pub(crate) fn reset(&mut self) {
        *self.0 = G722Decoder::new();
    }
}

impl fmt::Debug for G722Out {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("G722Out")
    }
}

impl fmt::Debug for G722In {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("G722In")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::vectors;

    #[test]
    fn encoding_equals_the_reference() {
        let (Some(source), Some(codes)) = (
            vectors::words("g722-stl", "inpsp.bin"),
            vectors::bytes("g722-stl", "codsp.cod"),
        ) else {
            return;
        };
        let mut ours = vec![0; source.len() / 2];
        G722Out::new().encode(&source, &mut ours).unwrap();
        let differing = ours
            .iter()
            .zip(&codes)
            .filter(|(ours, theirs)| ours != theirs)
            .count();
        assert_eq!(differing, 0, "of {}", codes.len());
    }

    #[test]
    fn decoding_equals_the_reference() {
        let (Some(codes), Some(decoded)) = (
            vectors::bytes("g722-stl", "codsp.cod"),
            vectors::words("g722-stl", "outsp1.bin"),
        ) else {
            return;
        };
        let mut ours = vec![0; codes.len() * 2];
        G722In::new().decode(&codes, &mut ours).unwrap();
        let differing = ours
            .iter()
            .zip(&decoded)
            .filter(|(ours, theirs)| ours != theirs)
            .count();
        assert_eq!(differing, 0, "of {}", decoded.len());
    }
}
