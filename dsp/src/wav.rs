//! WAV bytes to samples and back: 16-bit PCM, mono or the first channel of several.

use thiserror::Error;

/// Why WAV bytes were refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum WavError {
    /// The bytes are no RIFF WAVE file or end early.
    #[error("malformed WAV: {0}")]
    Malformed(&'static str),
    /// The file holds something else than 16-bit PCM.
    #[error("only 16-bit PCM is read")]
    Unsupported,
}

/// Reads 16-bit PCM; returns the sample rate and the samples of the first channel.
pub fn parse(bytes: &[u8]) -> Result<(u32, Vec<i16>), WavError> {
    if bytes.get(0..4) != Some(b"RIFF") || bytes.get(8..12) != Some(b"WAVE") {
        return Err(WavError::Malformed("no RIFF WAVE header"));
    }
    let mut rest = &bytes[12..];
    let mut format = None;
    while let Some((head, body)) = rest.split_at_checked(8) {
        let size = u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize;
        let chunk = &body[..size.min(body.len())];
        match &head[..4] {
            b"fmt " => format = Some(parse_format(chunk)?),
            b"data" => {
                let (rate, channels) = format.ok_or(WavError::Malformed("data before format"))?;
                let frames = chunk.chunks_exact(2 * channels);
                let samples = frames.map(|frame| i16::from_le_bytes([frame[0], frame[1]]));
                return Ok((rate, samples.collect()));
            }
            _ => {}
        }
        rest = body.get(size + size % 2..).unwrap_or_default();
    }
    Err(WavError::Malformed("no data"))
}

/// Writes mono 16-bit PCM.
pub fn write(rate: u32, samples: &[i16]) -> Vec<u8> {
    let size = u32::try_from(samples.len() * 2).unwrap_or(u32::MAX - 36);
    let mut out = Vec::with_capacity(44 + samples.len() * 2);
    out.extend_from_slice(b"RIFF");
    out.extend_from_slice(&(36 + size).to_le_bytes());
    out.extend_from_slice(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    out.extend_from_slice(&rate.to_le_bytes());
    out.extend_from_slice(&rate.saturating_mul(2).to_le_bytes());
    out.extend_from_slice(b"\x02\0\x10\0data");
    out.extend_from_slice(&size.to_le_bytes());
    samples
        .iter()
        .for_each(|sample| out.extend_from_slice(&sample.to_le_bytes()));
    out
}

fn parse_format(chunk: &[u8]) -> Result<(u32, usize), WavError> {
    let &[
        tag,
        0,
        channels,
        0,
        r0,
        r1,
        r2,
        r3,
        _,
        _,
        _,
        _,
        _,
        _,
        16,
        0,
        ..,
    ] = chunk
    else {
        return Err(WavError::Unsupported);
    };
    if channels == 0 || !matches!(tag, 1 | 0xfe) {
        return Err(WavError::Unsupported);
    }
    Ok((u32::from_le_bytes([r0, r1, r2, r3]), usize::from(channels)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_foreign_chunk_is_skipped() {
        let mut bytes = write(8_000, &[1, -2]);
        bytes.splice(12..12, *b"LIST\x03\0\0\0abc\0");
        assert_eq!(parse(&bytes), Ok((8_000, vec![1, -2])));
    }

    #[test]
    fn eight_bits_are_unsupported() {
        let mut bytes = write(8_000, &[1]);
        bytes[34] = 8;
        assert_eq!(parse(&bytes), Err(WavError::Unsupported));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(rate in 1_u32..200_000, samples in prop::collection::vec(any::<i16>(), 0..50)) {
            prop_assert_eq!(parse(&write(rate, &samples)), Ok((rate, samples)));
        }

        #[test]
        fn no_bytes_panic(at in 0_usize..60, byte: u8, end in 0_usize..60) {
            let mut bytes = write(8_000, &[1, 2, 3]);
            if let Some(target) = bytes.get_mut(at) { *target = byte; }
            bytes.truncate(end);
            let _ = parse(&bytes);
        }
    }
}
