//! What a device has heard: packets with the times of their arrival, decoded when somebody listens.

use std::time::Instant;

use dsp::{Codec, Decoder};

/// One packet of sound that arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    pub at: Instant,
    pub sequence: u16,
    pub timestamp: u32,
    pub payload: Vec<u8>,
    pub codec: Codec,
}

/// A stretch of sound.
#[derive(Debug, Clone, PartialEq)]
pub struct Recording {
    pub rate: u32,
    pub samples: Vec<i16>,
}

impl Recording {
    /// Decodes what arrived from one instant to another, in the order of media time, as if the listener had waited for
    /// everything; what never came is silence.
    pub fn of(heard: &[Heard], from: Instant, to: Instant) -> Self {
        let mut packets: Vec<&Heard> = heard
            .iter()
            .filter(|packet| (from..to).contains(&packet.at))
            .collect();
        let Some(&first) = packets.first() else {
            return Self {
                rate: 8_000,
                samples: Vec::new(),
            };
        };
        let place = |packet: &Heard| packet.timestamp.wrapping_sub(first.timestamp).cast_signed();
        packets.sort_by_key(|packet| place(packet));
        packets.dedup_by_key(|packet| packet.sequence);
        let rate = first.codec.sample_rate();
        // G.722 has two samples per tick of its clock (RFC 3551 §4.5.2), the others one.
        let scale = usize::try_from(rate / first.codec.clock_rate()).unwrap();
        let origin = place(packets[0]);
        let mut decoder = Decoder::new(first.codec).unwrap();
        let mut samples = Vec::new();
        for packet in packets {
            let start = usize::try_from(place(packet) - origin).unwrap() * scale;
            let mut sound = [0; 5_760];
            let length = decoder.decode(&packet.payload, &mut sound).unwrap();
            samples.resize(samples.len().max(start + length), 0);
            samples[start..start + length].copy_from_slice(&sound[..length]);
        }
        Self { rate, samples }
    }
}
