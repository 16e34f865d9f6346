//! Bursts of noise, and how much later they are heard than said.

use std::{
    rc::Rc,
    time::{Duration, Instant},
};

use dsp::{Codec, Decoder, Encoder, FRAME_SAMPLES, Frame, MAX_PAYLOAD};
use rand::{RngExt, SeedableRng, rngs::StdRng};

use super::recording::{Heard, Recording};

/// Bursts a telephone says in a row.
const BURSTS: usize = 4;
/// Frames of silence before each burst, and of its noise.
const PAUSE_FRAMES: usize = 5;
const NOISE_FRAMES: usize = 8;
/// Samples of a packet of G.711.
const PACKET: usize = 160;
/// What is heard is sought from this time before the first packet was said: so no lag is negative.
const LEAD: Duration = Duration::from_millis(100);
/// Lags that are tried: 400 ms, the lead included.
const LAGS: usize = 3_200;
/// Correlation from which a burst counts as heard; noise that is not the burst stays below 0.2.
const HEARD: f64 = 0.7;
/// Difference between the highest and the lowest sample of a packet of silence.
const SILENCE: i32 = 300;

/// What a telephone said.
pub(super) struct Said {
    /// At 48 kHz, from the first packet on.
    pub(super) samples: Rc<[i16]>,
    /// A time not after the first packet left.
    pub(super) from: Instant,
    /// When each packet left.
    pub(super) left: Vec<Instant>,
}

/// Makes bursts of noise at 48 kHz with pauses; those of different seeds do not correlate.
#[expect(clippy::cast_possible_truncation, reason = "the values are small")]
pub(super) fn pattern(seed: u64) -> Rc<[i16]> {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut samples = Vec::new();
    for _ in 0..BURSTS {
        samples.resize(samples.len() + PAUSE_FRAMES * FRAME_SAMPLES, 0);
        let mut last = 0.0;
        for _ in 0..NOISE_FRAMES * PACKET {
            // Values at 8 kHz, joined by straight lines: a telephone hears nothing above 4 kHz.
            let next = rng.random_range(-8_000.0..8_000.0);
            samples.extend((1..=6).map(|n| (last + (next - last) * f64::from(n) / 6.0) as i16));
            last = next;
        }
    }
    samples.into()
}

/// Returns the delays in ms of each burst's samples; none for a burst that was not heard.
pub(super) fn delays(said: &Said, heard: &[Heard]) -> Vec<Vec<f64>> {
    let from = said.from - LEAD;
    let end = from + LEAD + Duration::from_secs(3);
    let after: Vec<&Heard> = heard
        .iter()
        .filter(|p| (from..end).contains(&p.at))
        .collect();
    let recording = Recording::of(heard, from, end);
    let arrived = arrivals(&after);
    let packed = packed(&said.samples);
    (0..BURSTS)
        .map(|burst| {
            let begin = (burst * (PAUSE_FRAMES + NOISE_FRAMES) + PAUSE_FRAMES) * PACKET;
            let end = begin + NOISE_FRAMES * PACKET;
            let heard = recording.samples.get(begin..).unwrap_or_default();
            let lag = lag(&packed[begin..end], heard);
            let delay = |sample: usize| {
                let arrived = (*arrived.get((sample + lag?) / PACKET)?)?;
                let left = said.left[sample / PACKET];
                Some((arrived.saturating_duration_since(left)).as_secs_f64() * 1_000.0)
            };
            (begin..end).filter_map(delay).collect()
        })
        .collect()
}

/// Tells whether nobody speaks in a packet; a constant is silence too.
pub(super) fn is_silence(packet: &Heard) -> bool {
    let mut decoder = Decoder::new(packet.codec).expect("G.711 needs nothing");
    let mut samples = [0; 5_760];
    let length = decoder.decode(&packet.payload, &mut samples).unwrap_or(0);
    let values = || samples[..length].iter().map(|sample| i32::from(*sample));
    let range = values().max().unwrap_or(0) - values().min().unwrap_or(0);
    range < SILENCE
}

/// When each packet of a stream arrived, in the order of media time.
fn arrivals(heard: &[&Heard]) -> Vec<Option<Instant>> {
    let Some(first) = heard.first() else {
        return Vec::new();
    };
    let mut arrived = Vec::new();
    for packet in heard {
        let ticks = packet.timestamp.wrapping_sub(first.timestamp).cast_signed();
        let Ok(ticks) = usize::try_from(ticks) else {
            continue;
        };
        let place = ticks / PACKET;
        arrived.resize(arrived.len().max(place + 1), None);
        arrived[place] = Some(packet.at);
    }
    arrived
}

/// Returns the samples as they stand in the packets of A-law: the telephone's own filter is no delay of the server.
fn packed(samples: &[i16]) -> Vec<i16> {
    let mut encoder = Encoder::new(Codec::Pcma).expect("G.711 needs nothing");
    let mut decoder = Decoder::new(Codec::Pcma).expect("G.711 needs nothing");
    let (mut payload, mut sound) = ([0; MAX_PAYLOAD], [0; PACKET]);
    let mut packed = Vec::new();
    for chunk in samples.chunks_exact(FRAME_SAMPLES) {
        let mut frame = Frame::SILENCE;
        frame.samples.copy_from_slice(chunk);
        let length = encoder
            .encode(&frame, &mut payload)
            .expect("the buffer holds any payload");
        let length = decoder
            .decode(&payload[..length], &mut sound)
            .expect("the payload was just made");
        packed.extend_from_slice(&sound[..length]);
    }
    packed
}

/// Finds by how many samples a burst is heard late.
fn lag(burst: &[i16], heard: &[i16]) -> Option<usize> {
    let energy = product(burst, burst).sqrt();
    let likeness =
        |part: &[i16]| product(burst, part) / (energy * product(part, part).sqrt() + 1.0);
    heard
        .windows(burst.len())
        .take(LAGS)
        .map(likeness)
        .enumerate()
        .max_by(|(_, a), (_, b)| a.total_cmp(b))
        .filter(|(_, likeness)| *likeness >= HEARD)
        .map(|(lag, _)| lag)
}

fn product(a: &[i16], b: &[i16]) -> f64 {
    let terms = a.iter().zip(b).map(|(a, b)| i64::from(*a) * i64::from(*b));
    terms.sum::<i64>() as f64
}
