//! Prompts: Ogg Opus files (RFC 7845) decoded to frames once, at start.

use std::io::Cursor;

use ogg::PacketReader;

use crate::{
    Codec, CodecError, Decoder, FRAME_SAMPLES, Frame, Payloads, TICK,
    limit::{MAX_PROMPT_BYTES, MAX_PROMPT_DURATION},
};

/// A recording, read once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recording {
    /// Its sound; the last frame is filled up with silence.
    pub frames: Vec<Frame>,
    /// Its Opus packets as payloads of the same frames, where it has one for each: they need no encoding. What the decoder
    /// is to skip of the first one (RFC 7845 §4.2) is heard, 6.5 ms of near silence.
    pub opus: Option<Payloads>,
}

impl From<Vec<Frame>> for Recording {
    fn from(frames: Vec<Frame>) -> Self {
        Self { frames, opus: None }
    }
}

/// Reads a whole Ogg Opus file.
pub fn read_ogg_opus(bytes: &[u8]) -> Result<Recording, CodecError> {
    let (frames, packets) = read_file(bytes)?;
    let opus = Codec::Opus;
    let fits = packets.len() >= frames.len()
        && packets
            .iter()
            .all(|packet| opus.duration(packet) == Some(opus.ticks()) && is_mono(packet));
    let payloads = packets.iter().take(frames.len()).map(Vec::as_slice);
    let opus = fits.then(|| Payloads::of(payloads)).transpose()?;
    Ok(Recording { frames, opus })
}

/// Decodes a whole Ogg Opus file to frames; the last one is filled up with silence.
pub fn decode_ogg_opus(bytes: &[u8]) -> Result<Vec<Frame>, CodecError> {
    read_file(bytes).map(|(frames, _)| frames)
}

/// Tells whether a packet holds one channel (RFC 6716 §3.1).
fn is_mono(packet: &[u8]) -> bool {
    packet.first().is_some_and(|toc| toc & 4 == 0)
}

fn read_file(bytes: &[u8]) -> Result<(Vec<Frame>, Vec<Vec<u8>>), CodecError> {
    if bytes.len() > MAX_PROMPT_BYTES {
        return Err(CodecError::TooLong("prompt file"));
    }
    let mut reader = PacketReader::new(Cursor::new(bytes));
    let head = read(&mut reader)?.ok_or(CodecError::Malformed("no Ogg packet"))?;
    let pre_skip = parse_head(&head.data)?;
    let tags = read(&mut reader)?.ok_or(CodecError::Malformed("no comment header"))?;
    if !tags.data.starts_with(b"OpusTags") {
        return Err(CodecError::Malformed("no comment header"));
    }
    let (samples, packets) = decode_packets(&mut reader)?;
    let frames = samples
        .get(pre_skip..)
        .unwrap_or_default()
        .chunks(FRAME_SAMPLES)
        .map(|chunk| {
            let mut frame = Frame::SILENCE;
            frame.samples[..chunk.len()].copy_from_slice(chunk);
            frame
        })
        .collect();
    Ok((frames, packets))
}

/// Returns the sound of all packets, and the packets.
fn decode_packets(
    reader: &mut PacketReader<Cursor<&[u8]>>,
) -> Result<(Vec<i16>, Vec<Vec<u8>>), CodecError> {
    let mut packets = Vec::new();
    let mut decoder = Decoder::new(Codec::Opus)?;
    let mut samples = Vec::new();
    let mut chunk = [0; 6 * FRAME_SAMPLES];
    while let Some(packet) = read(reader)? {
        let count = decoder.decode(&packet.data, &mut chunk)?;
        samples.extend_from_slice(&chunk[..count]);
        if samples.len() > MAX_SAMPLES {
            return Err(CodecError::TooLong("prompt"));
        }
        let (last, end) = (packet.last_in_stream(), packet.absgp_page());
        packets.push(packet.data);
        if last {
            // The last page states where the sound ends within its last packet (RFC 7845 §4.4).
            let end = usize::try_from(end).unwrap_or(usize::MAX);
            samples.truncate(end);
            break;
        }
    }
    Ok((samples, packets))
}

fn read(reader: &mut PacketReader<Cursor<&[u8]>>) -> Result<Option<ogg::Packet>, CodecError> {
    reader
        .read_packet()
        .map_err(|_| CodecError::Malformed("Ogg page"))
}

/// Returns the samples to skip at the start (RFC 7845 §5.1).
fn parse_head(head: &[u8]) -> Result<usize, CodecError> {
    match head {
        [
            b'O',
            b'p',
            b'u',
            b's',
            b'H',
            b'e',
            b'a',
            b'd',
            version,
            _,
            low,
            high,
            ..,
        ] if *version < 16 => Ok(usize::from(u16::from_le_bytes([*low, *high]))),
        _ => Err(CodecError::Malformed("no Opus header")),
    }
}

const MAX_SAMPLES: usize =
    (MAX_PROMPT_DURATION.as_millis() / TICK.as_millis()) as usize * FRAME_SAMPLES;

#[cfg(test)]
mod tests {
    use ogg::{PacketWriteEndInfo, PacketWriter};

    use super::*;
    use crate::{Encoder, MAX_PAYLOAD, tone};

    const PRE_SKIP: u16 = 312;

    fn file(frames: usize, cut: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut writer = PacketWriter::new(&mut bytes);
        let mut head = b"OpusHead\x01\x01".to_vec();
        head.extend_from_slice(&PRE_SKIP.to_le_bytes());
        head.extend_from_slice(&48_000_u32.to_le_bytes());
        head.extend_from_slice(&[0; 3]);
        writer
            .write_packet(head, 1, PacketWriteEndInfo::EndPage, 0)
            .unwrap();
        let tags = b"OpusTags\0\0\0\0\0\0\0\0".to_vec();
        writer
            .write_packet(tags, 1, PacketWriteEndInfo::EndPage, 0)
            .unwrap();
        let mut encoder = Encoder::new(Codec::Opus).unwrap();
        for (number, frame) in tone::sine(440.0, -20.0, frames).iter().enumerate() {
            let mut payload = [0; MAX_PAYLOAD];
            let len = encoder.encode(frame, &mut payload).unwrap();
            let last = number + 1 == frames;
            let end = if last {
                PacketWriteEndInfo::EndStream
            } else {
                PacketWriteEndInfo::NormalPacket
            };
            let granule = (number as u64 + 1) * 960 - if last { cut } else { 0 };
            writer
                .write_packet(payload[..len].to_vec(), 1, end, granule)
                .unwrap();
        }
        drop(writer);
        bytes
    }

    #[test]
    fn packets_of_one_channel_and_one_tick_are_payloads_as_they_are() {
        let bytes = file(10, 0);
        let recording = read_ogg_opus(&bytes).unwrap();
        let (frames, packets) = read_file(&bytes).unwrap();
        assert_eq!(recording.frames, frames);
        let opus = recording.opus.unwrap();
        assert_eq!(opus.len(), frames.len());
        for (number, packet) in packets.iter().take(frames.len()).enumerate() {
            assert_eq!(opus.get(number), Some(packet.as_slice()));
        }
    }

    #[test]
    fn a_prompt_has_its_length_and_level() {
        let frames = decode_ogg_opus(&file(50, 960)).unwrap();
        // 49 frames less the pre-skip need 49 frames, the last partly filled.
        assert_eq!(frames.len(), 49);
        assert!(
            frames[5..45]
                .iter()
                .all(|f| (f.level().as_dbov() + 20).abs() <= 1)
        );
        assert_eq!(
            frames[48].samples[FRAME_SAMPLES - usize::from(PRE_SKIP)..],
            [0; 312]
        );
    }

    #[test]
    fn broken_files_are_refused_without_panic() {
        let good = file(10, 0);
        assert!(decode_ogg_opus(b"").is_err());
        assert!(decode_ogg_opus(b"RIFF....WAVE").is_err());
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 0x55;
            // A page with a wrong checksum never yields sound.
            assert!(
                decode_ogg_opus(&bad).map_or(true, |frames| frames.len() < 10),
                "byte {at}"
            );
        }
    }
}
