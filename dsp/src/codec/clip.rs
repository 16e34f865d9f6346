//! Clips that are coded once and sent to many: every payload of a prompt, side by side.

use super::{CodecError, Encoder, EncoderSettings};
use crate::{Frame, MAX_PAYLOAD};

/// Encodes a whole clip from the start of a stream, one payload per frame.
pub fn encode_clip(
    frames: &[Frame],
    settings: impl Into<EncoderSettings>,
) -> Result<Payloads, CodecError> {
    let mut encoder = Encoder::new(settings)?;
    let (mut bytes, mut ends) = (Vec::new(), Vec::with_capacity(frames.len()));
    for frame in frames {
        let mut payload = [0; MAX_PAYLOAD];
        let len = encoder.encode(frame, &mut payload)?;
        bytes.extend_from_slice(&payload[..len]);
        ends.push(u32::try_from(bytes.len()).map_err(|_| CodecError::TooLong("clip"))?);
    }
    Ok(Payloads {
        bytes: bytes.into(),
        ends: ends.into(),
    })
}

impl Payloads {
    /// Takes payloads that were made elsewhere, as many as there are frames.
    pub(crate) fn of<'a>(payloads: impl Iterator<Item = &'a [u8]>) -> Result<Self, CodecError> {
        let (mut bytes, mut ends) = (Vec::new(), Vec::new());
        for payload in payloads {
            bytes.extend_from_slice(payload);
            ends.push(u32::try_from(bytes.len()).map_err(|_| CodecError::TooLong("clip"))?);
        }
        Ok(Self {
            bytes: bytes.into(),
            ends: ends.into(),
        })
    }
}

/// The payloads of a clip in the order of its frames.
#[derive(Clone, PartialEq, Eq)]
pub struct Payloads {
    bytes: Box<[u8]>,
    /// Where each payload ends and the next begins.
    ends: Box<[u32]>,
}

impl Payloads {
    /// Returns how many payloads there are.
    pub const fn len(&self) -> usize {
        self.ends.len()
    }

    /// Tells whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Returns the payload of a frame, counted from 0; none after the end.
    pub fn get(&self, number: usize) -> Option<&[u8]> {
        let end = *self.ends.get(number)? as usize;
        let start = match number {
            0 => 0,
            _ => self.ends[number - 1] as usize,
        };
        Some(&self.bytes[start..end])
    }
}

impl std::fmt::Debug for Payloads {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Payloads({} in {} bytes)", self.len(), self.bytes.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Codec, tone};

    #[test]
    fn a_clip_is_what_an_encoder_makes_of_it() {
        let frames = tone::sine(440.0, -20.0, 20);
        for codec in Codec::ALL {
            let clip = encode_clip(&frames, codec).unwrap();
            assert_eq!((clip.len(), clip.is_empty()), (20, false));
            let mut encoder = Encoder::new(codec).unwrap();
            for (number, frame) in frames.iter().enumerate() {
                let mut payload = [0; MAX_PAYLOAD];
                let len = encoder.encode(frame, &mut payload).unwrap();
                assert_eq!(clip.get(number), Some(&payload[..len]));
            }
            assert_eq!(clip.get(20), None);
        }
        assert!(encode_clip(&[], Codec::Opus).unwrap().is_empty());
    }
}
