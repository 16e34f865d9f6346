//! How long the measured program keeps sound: from a packet's arrival there to that of the packet with its sound here.
//!
//! A stretch of a talker's voice is sought in what a listener heard, by correlation at 8 kHz; both times of a sample are
//! the generator's, so up to a millisecond of its own polling is in them. What the codecs delay is in them too, but for
//! the talker's own encoder.

use std::time::Instant;

use dsp::Decoder;

use crate::{Done, script::Script, wire::Kind};

/// A packet that a listener heard.
#[derive(Debug, Clone)]
pub(crate) struct Heard {
    /// Its media time.
    pub(crate) timestamp: u32,
    /// Its payload.
    pub(crate) payload: Vec<u8>,
    /// When it came.
    pub(crate) at: Instant,
}

/// A packet that a talker said.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Said {
    /// Which of the script it is.
    pub(crate) position: usize,
    /// When it left.
    pub(crate) at: Instant,
}

/// A talker's part of a measurement.
#[derive(Debug)]
pub(crate) struct Voice {
    /// The script at 8 kHz.
    samples: Vec<f32>,
    said: Vec<Said>,
}

/// A listener's part of a measurement.
#[derive(Debug)]
pub(crate) struct Recording {
    /// What was heard at 8 kHz, from the first packet on.
    samples: Vec<f32>,
    /// When each of its packets came.
    arrived: Vec<Option<Instant>>,
}

impl Voice {
    /// Takes what a talker said of a script.
    pub(crate) fn new(kind: Kind, script: &Script, said: Vec<Said>) -> Done<Self> {
        let mut decoder = Decoder::new(kind.codec())?;
        let mut samples = Vec::new();
        for packet in &script.packets {
            samples.extend(narrow(&mut decoder, &packet.payload)?);
        }
        Ok(Self { samples, said })
    }

    /// Returns the delays in ms of this voice's samples in a recording, for each packet of each stretch that was found.
    pub(crate) fn delays(&self, recording: &Recording) -> Vec<f64> {
        let stretches = self.said.chunks_exact(STRETCH);
        stretches
            .step_by(2)
            .filter_map(|stretch| self.find(stretch, recording))
            .flatten()
            .collect()
    }

    fn find(&self, stretch: &[Said], recording: &Recording) -> Option<Vec<f64>> {
        let packets = self.samples.len() / PACKET;
        let samples: Vec<f32> = stretch
            .iter()
            .flat_map(|said| {
                let begin = said.position % packets * PACKET;
                &self.samples[begin..begin + PACKET]
            })
            .copied()
            .collect();
        let loud = power(&samples) > LOUD;
        let from = stretch.first()?.at;
        let first = recording
            .arrived
            .iter()
            .position(|at| at.is_some_and(|at| at >= from))?;
        let sound = recording.samples.get(first * PACKET..)?;
        let sound = &sound[..sound.len().min(LAGS + samples.len())];
        let lag = loud.then(|| lag(&samples, sound)).flatten()?;
        let delays = stretch.iter().enumerate().flat_map(|(n, said)| {
            // The middle of each quarter stands for it: the ends of a packet may lie in two others.
            [20, 60, 100, 140].into_iter().filter_map(move |within| {
                let heard = first + (lag + n * PACKET + within) / PACKET;
                let arrived = (*recording.arrived.get(heard)?)?;
                Some(arrived.saturating_duration_since(said.at).as_secs_f64() * 1e3)
            })
        });
        Some(delays.collect())
    }
}

impl Recording {
    /// Decodes what a listener heard; what was lost is silent.
    pub(crate) fn new(kind: Kind, heard: &[Heard]) -> Done<Self> {
        let mut decoder = Decoder::new(kind.codec())?;
        let (mut samples, mut arrived) = (Vec::new(), Vec::new());
        let first = heard.first().map_or(0, |heard| heard.timestamp);
        for packet in heard {
            let ticks = packet.timestamp.wrapping_sub(first) / kind.codec().ticks();
            let place = usize::try_from(ticks)?;
            // A stream that jumps far is no recording.
            if place > heard.len() * 2 || place < arrived.len() {
                continue;
            }
            samples.resize(place * PACKET, 0.0);
            arrived.resize(place, None);
            samples.extend(narrow(&mut decoder, &packet.payload)?);
            arrived.push(Some(packet.at));
        }
        Ok(Self { samples, arrived })
    }
}

/// Decodes a packet and brings it to 8 kHz.
fn narrow(decoder: &mut Decoder, payload: &[u8]) -> Done<Vec<f32>> {
    let mut samples = [0; 5_760];
    let len = decoder.decode(payload, &mut samples)?;
    let step = (len / PACKET).max(1);
    let mut narrow: Vec<f32> = samples[..len]
        .chunks_exact(step)
        .map(|chunk| chunk.iter().map(|s| f32::from(*s)).sum::<f32>() / step as f32)
        .collect();
    narrow.resize(PACKET, 0.0);
    Ok(narrow)
}

/// Finds by how many samples a stretch is heard late.
fn lag(stretch: &[f32], heard: &[f32]) -> Option<usize> {
    let own = power(stretch).sqrt();
    let lags = heard.windows(stretch.len()).map(|part| {
        let product: f32 = stretch.iter().zip(part).map(|(a, b)| a * b).sum();
        product / stretch.len() as f32 / (own * power(part).sqrt() + 1.0)
    });
    let (lag, likeness) = lags.enumerate().max_by(|(_, a), (_, b)| a.total_cmp(b))?;
    (likeness >= ALIKE).then_some(lag)
}

fn power(samples: &[f32]) -> f32 {
    samples.iter().map(|sample| sample * sample).sum::<f32>() / samples.len().max(1) as f32
}

/// Samples of 20 ms at 8 kHz.
const PACKET: usize = 160;
/// Packets of a stretch.
const STRETCH: usize = 12;
/// Lags that are tried: 300 ms.
const LAGS: usize = 2_400;
/// Mean square from which a stretch is worth seeking: about −35 dBov.
const LOUD: f32 = 340_000.0;
/// Correlation from which a stretch counts as found. Others talk at the same time; what is not it stays below 0.35.
const ALIKE: f32 = 0.5;
#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::machine;

    #[test]
    fn a_delay_is_found_beside_another_voice_and_that_voice_is_not_mistaken() {
        let said = said();
        let voice = |seed| {
            let script = Script::speech(Kind::Pcma, seed).unwrap();
            Voice::new(Kind::Pcma, &script, said.clone()).unwrap()
        };
        let (one, other, stranger) = (voice(1), voice(2), voice(3));
        // Heard 30 ms late: a packet and a half.
        let mut samples = vec![0.0; 240];
        samples.extend(one.samples.iter().zip(&other.samples).map(|(a, b)| a + b));
        let arrived = said.iter().map(|said| Some(said.at + ms(5))).collect();
        let recording = Recording { samples, arrived };
        let delays = one.delays(&recording);
        assert!(delays.len() > 100, "{}", delays.len());
        // Half of a packet comes in the next but one, half in the next.
        let odd = delays.iter().find(|delay| ![25.0, 45.0].contains(delay));
        assert_eq!(odd, None);
        assert!(stranger.delays(&recording).is_empty());
    }

    fn said() -> Vec<Said> {
        let t0 = machine::now();
        let said = (0..400).map(|n| Said {
            position: n as usize,
            at: t0 + ms(20) * n,
        });
        said.collect()
    }

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }
}
