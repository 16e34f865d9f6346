//! G.711: two logarithmic laws of eight bits, bit-exact to the ITU's reference (G.191).
#![expect(
    clippy::cast_possible_truncation,
    reason = "the laws take words apart into bits"
)]

use crate::{Frame, conceal::mix};

/// Which logarithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Law {
    Mu,
    A,
}

impl Law {
    pub(crate) fn encode(self, samples: &[i16], out: &mut [u8]) {
        let compress = match self {
            Self::Mu => compress_mu,
            Self::A => compress_a,
        };
        for (out, &sample) in out.iter_mut().zip(samples) {
            *out = compress(sample);
        }
    }

    pub(crate) fn decode(self, payload: &[u8], out: &mut [i16]) {
        let table = match self {
            Self::Mu => &MU,
            Self::A => &A,
        };
        for (out, &byte) in out.iter_mut().zip(payload) {
            *out = table[usize::from(byte)];
        }
    }

    /// Sums the squares of the samples that a payload holds, without decoding it.
    pub(crate) fn energy(self, payload: &[u8]) -> u64 {
        let squares = match self {
            Self::Mu => &MU_SQUARES,
            Self::A => &A_SQUARES,
        };
        let squares = payload.iter().map(|&byte| squares[usize::from(byte)]);
        squares.map(u64::from).sum()
    }
}

/// Draws what a tick of A-law sounds like, by straight lines from sample to sample: for comparing loudness and tone up to
/// 4 kHz with, not for ears. What is missing of the payload is silence.
pub fn outline(payload: &[u8], out: &mut Frame) {
    let (mut from, mut bytes) = (0, payload.iter());
    for steps in out.samples.chunks_exact_mut(STEPS) {
        let to = bytes.next().map_or(0, |&byte| A[usize::from(byte)]);
        for (at, sample) in steps.iter_mut().enumerate() {
            *sample = mix(from, to, at + 1, STEPS);
        }
        from = to;
    }
}

/// Samples of ours to one of a telephone's.
const STEPS: usize = 6;

/// µ-law of the upper 14 bits; negative values by one's complement, as the reference does.
const fn compress_mu(sample: i16) -> u8 {
    let negative = sample < 0;
    let magnitude = (if negative { !sample } else { sample } >> 2) + 33;
    let magnitude = if magnitude > 0x1fff {
        0x1fff
    } else {
        magnitude
    }
    .cast_unsigned();
    // The bias of 33 makes bit 5 the lowest leading bit.
    let segment = 10 - magnitude.leading_zeros();
    let step = (magnitude >> (segment + 1)) & 0x0f;
    let code = !((segment << 4) as u8 | step as u8) & 0x7f;
    if negative { code } else { code | 0x80 }
}

const fn expand_mu(byte: u8) -> i16 {
    let code = !byte;
    let segment = (code >> 4) & 7;
    let step = (code & 0x0f) as i16;
    let magnitude = ((((step << 1) + 33) << segment) - 33) << 2;
    if code & 0x80 == 0 {
        magnitude
    } else {
        -magnitude
    }
}

/// A-law of the upper 13 bits; negative values by one's complement, every second bit inverted.
const fn compress_a(sample: i16) -> u8 {
    let negative = sample < 0;
    let magnitude = (if negative { !sample } else { sample } >> 4).cast_unsigned();
    let code = if magnitude < 32 {
        magnitude as u8
    } else {
        let segment = 12 - magnitude.leading_zeros();
        ((segment << 4) as u8) | ((magnitude >> (segment - 1)) & 0x0f) as u8
    };
    (if negative { code } else { code | 0x80 }) ^ 0x55
}

const fn expand_a(byte: u8) -> i16 {
    let code = byte ^ 0x55;
    let segment = (code >> 4) & 7;
    let step = ((code & 0x0f) as i16) << 4;
    let magnitude = match segment {
        0 => step + 8,
        _ => (step + 0x108) << (segment - 1),
    };
    if code & 0x80 == 0 {
        -magnitude
    } else {
        magnitude
    }
}

static MU: [i16; 256] = table(false);
static A: [i16; 256] = table(true);
static MU_SQUARES: [u32; 256] = squares(&MU);
static A_SQUARES: [u32; 256] = squares(&A);

const fn squares(table: &[i16; 256]) -> [u32; 256] {
    let mut squares = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        squares[byte] = (table[byte].unsigned_abs() as u32).pow(2);
        byte += 1;
    }
    squares
}

const fn table(a: bool) -> [i16; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = if a {
            expand_a(byte as u8)
        } else {
            expand_mu(byte as u8)
        };
        byte += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::vectors;

    #[test]
    fn an_outline_is_as_loud_as_the_sound_and_ends_with_it() {
        let mut encoder = crate::Encoder::new(crate::Codec::Pcma).unwrap();
        let mut payload = [0; crate::MAX_PAYLOAD];
        for tone in crate::tone::sine(500.0, -20.0, 5) {
            let len = encoder.encode(&tone, &mut payload).unwrap();
            let mut drawn = Frame::SILENCE;
            outline(&payload[..len], &mut drawn);
            let apart = drawn.level().as_dbov() - tone.level().as_dbov();
            assert!(apart.abs() <= 1, "{apart} dB");
        }
        let mut drawn = crate::tone::sine(500.0, -20.0, 1).remove(0);
        outline(&[], &mut drawn);
        assert_eq!(drawn, Frame::SILENCE);
    }

    /// The reference compresses to the low bits of a word and without the line's inversion undone.
    fn agrees(law: Law, compressed: &str, expanded: &str) {
        let [source, codes, decoded] =
            ["sweep.src", compressed, expanded].map(|file| vectors::words("g711-stl", file));
        let mut ours = vec![0; source.len()];
        law.encode(&source, &mut ours);
        let differing = ours
            .iter()
            .zip(&codes)
            .filter(|(ours, theirs)| i16::from(**ours) != **theirs);
        assert_eq!(differing.count(), 0, "{compressed}");
        let mut samples = vec![0; ours.len()];
        law.decode(&ours, &mut samples);
        let differing = samples
            .iter()
            .zip(&decoded)
            .filter(|(ours, theirs)| ours != theirs);
        assert_eq!(differing.count(), 0, "{expanded}");
    }

    #[test]
    fn mu_law_equals_the_vectors() {
        agrees(Law::Mu, "sweep-r.u", "sweep-r.u-u");
    }

    #[test]
    fn a_law_equals_the_vectors() {
        agrees(Law::A, "sweep-r.a", "sweep-r.a-a");
    }

    #[test]
    fn every_code_survives_a_round_trip() {
        for law in [Law::Mu, Law::A] {
            let codes: Vec<u8> = (0..=255).collect();
            let (mut samples, mut again) = ([0; 256], [0; 256]);
            law.decode(&codes, &mut samples);
            law.encode(&samples, &mut again);
            // µ-law has two zeros; both mean the same sample.
            let differing = codes.iter().zip(&again).filter(|(a, b)| a != b).count();
            assert!(
                differing <= usize::from(law == Law::Mu),
                "{law:?}: {differing}"
            );
        }
    }

    #[test]
    fn known_values_from_the_recommendation() {
        let mut out = [0; 3];
        Law::A.encode(&[0, i16::MAX, i16::MIN], &mut out);
        assert_eq!(out, [0xd5, 0xaa, 0x2a]);
        Law::Mu.encode(&[0, i16::MAX, i16::MIN], &mut out);
        assert_eq!(out, [0xff, 0x80, 0x00]);
    }
}
