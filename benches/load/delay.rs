//! How long the measured program keeps sound: from a packet's arrival there to that of the packet with its sound here.
//!
//! A stretch of a talker's voice is sought in what a listener heard, by correlation at 8 kHz; both times of a sample are
//! the generator's, so up to a millisecond of its own polling is in them. What the codecs delay is in them too, but for
//! the talker's own encoder. What is not found counts as [`MISSED_MS`] late: whoever is not heard in time is no exception.

use std::{ops::AddAssign, time::Instant};

use dsp::Decoder;
use serde::{Deserialize, Serialize};

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

/// Stretches of a voice that were loud enough to be sought, and those of them that were found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stretches {
    /// How many were sought.
    pub(crate) sought: usize,
    /// How many were found.
    pub(crate) found: usize,
}

impl Stretches {
    /// Returns the share that was found; nothing was found of nothing.
    pub(crate) fn share(self) -> f64 {
        self.found as f64 / self.sought.max(1) as f64
    }
}

impl AddAssign for Stretches {
    fn add_assign(&mut self, other: Self) {
        self.sought += other.sought;
        self.found += other.found;
    }
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

    /// Seeks this voice in a recording; returns the delays in ms of its samples, for each packet of each stretch that is
    /// sought, and how many stretches were found.
    pub(crate) fn delays(&self, recording: &Recording) -> (Vec<f64>, Stretches) {
        let (mut delays, mut stretches) = (Vec::new(), Stretches::default());
        for said in self.said.chunks_exact(STRETCH).step_by(2) {
            let samples = self.samples_of(said);
            // What was said last may be on its way when the measurement ends.
            if power(&samples) <= LOUD || !self.is_over(said) {
                continue;
            }
            stretches.sought += 1;
            if let Some(found) = find(said, &samples, recording) {
                stretches.found += 1;
                delays.extend(found);
            } else {
                delays.extend([MISSED_MS; STRETCH * QUARTERS.len()]);
            }
        }
        (delays, stretches)
    }

    /// Tells whether a stretch would have been heard before the end, if at all.
    fn is_over(&self, stretch: &[Said]) -> bool {
        let (Some(last), Some(end)) = (stretch.last(), self.said.last()) else {
            return false;
        };
        end.at.saturating_duration_since(last.at).as_secs_f64() * 1e3 >= MISSED_MS + MARGIN_MS
    }

    fn samples_of(&self, stretch: &[Said]) -> Vec<f32> {
        let packets = self.samples.len() / PACKET;
        let samples = stretch.iter().flat_map(|said| {
            let begin = said.position % packets * PACKET;
            &self.samples[begin..begin + PACKET]
        });
        samples.copied().collect()
    }
}

fn find(stretch: &[Said], samples: &[f32], recording: &Recording) -> Option<Vec<f64>> {
    let from = stretch.first()?.at;
    let first = recording
        .arrived
        .iter()
        .position(|at| at.is_some_and(|at| at >= from))?;
    let sound = recording.samples.get(first * PACKET..)?;
    let sound = &sound[..sound.len().min(LAGS + samples.len())];
    let lag = lag(samples, sound)?;
    let delays = stretch.iter().enumerate().flat_map(|(n, said)| {
        QUARTERS.into_iter().map(move |within| {
            let heard = first + (lag + n * PACKET + within) / PACKET;
            let arrived = recording.arrived.get(heard).copied().flatten();
            arrived.map_or(MISSED_MS, |at| {
                at.saturating_duration_since(said.at).as_secs_f64() * 1e3
            })
        })
    });
    Some(delays.collect())
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
///
/// Several talk at once, and what voices have in common, their slope and formants, would make any two of them alike. So
/// both sides are first rid of the spectrum of what was heard. How alike strangers are by chance is what the same stretch
/// reaches backwards, which nobody said.
fn lag(stretch: &[f32], heard: &[f32]) -> Option<usize> {
    let predictor = predictor(heard);
    let (stretch, heard) = (residual(stretch, &predictor), residual(heard, &predictor));
    let mut backwards = stretch.clone();
    backwards.reverse();
    let (lag, likeness) = likeliest(&stretch, &heard)?;
    let (_, by_chance) = likeliest(&backwards, &heard)?;
    (likeness >= ALIKE && likeness >= by_chance * AHEAD).then_some(lag)
}

/// Returns the lag at which a stretch is likest to what was heard, and how alike the two are.
fn likeliest(stretch: &[f32], heard: &[f32]) -> Option<(usize, f64)> {
    let own = f64::from(power(stretch) * stretch.len() as f32).sqrt();
    // Sums of squares up to each sample, so that the power of a part is a difference.
    let mut sums = vec![0.0];
    let mut sum = 0.0;
    sums.extend(heard.iter().map(|sample| {
        sum += f64::from(*sample) * f64::from(*sample);
        sum
    }));
    let lags = heard.windows(stretch.len()).enumerate().map(|(lag, part)| {
        let product: f32 = stretch.iter().zip(part).map(|(a, b)| a * b).sum();
        let energy = sums[lag + stretch.len()] - sums[lag];
        (
            lag,
            f64::from(product) / (own * energy.max(1.0).sqrt() + 1.0),
        )
    });
    lags.max_by(|(_, a), (_, b)| a.total_cmp(b))
}

/// Returns the coefficients that predict a sample from those before it (autocorrelation method, Levinson and Durbin).
fn predictor(samples: &[f32]) -> [f32; ORDER] {
    let alike = |lag: usize| -> f32 {
        let later = samples.get(lag..).unwrap_or_default();
        samples.iter().zip(later).map(|(a, b)| a * b).sum()
    };
    let mut predictor = [0.0; ORDER];
    // A little white noise keeps it stable.
    let mut error = alike(0) * 1.001 + 1.0;
    for order in 0..ORDER {
        let known = &predictor[..order];
        let predicted: f32 = (1..)
            .zip(known)
            .map(|(n, c)| c * alike(order + 1 - n))
            .sum();
        let reflection = (alike(order + 1) - predicted) / error;
        let mut better = predictor;
        for n in 0..order {
            better[n] = predictor[n] - reflection * predictor[order - 1 - n];
        }
        better[order] = reflection;
        predictor = better;
        error *= 1.0 - reflection * reflection;
    }
    predictor
}

/// Returns what a predictor does not predict.
fn residual(samples: &[f32], predictor: &[f32; ORDER]) -> Vec<f32> {
    let rest = samples.iter().enumerate().map(|(n, sample)| {
        let before = samples[..n].iter().rev().zip(predictor);
        sample - before.map(|(sample, c)| sample * c).sum::<f32>()
    });
    rest.collect()
}

fn power(samples: &[f32]) -> f32 {
    samples.iter().map(|sample| sample * sample).sum::<f32>() / samples.len().max(1) as f32
}

/// Samples of 20 ms at 8 kHz.
const PACKET: usize = 160;
/// Packets of a stretch.
const STRETCH: usize = 12;
/// The middle of each quarter of a packet stands for it: the ends of the packet may lie in two others.
const QUARTERS: [usize; 4] = [20, 60, 100, 140];
/// Lags that are tried: 300 ms.
const LAGS: usize = 2_400;
/// Delay in ms of what is not found.
pub(crate) const MISSED_MS: f64 = 300.0;
/// What the generator's and the listener's packets may lie apart beside.
const MARGIN_MS: f64 = 40.0;
/// Mean square from which a stretch is worth seeking: about −35 dBov.
const LOUD: f32 = 340_000.0;
/// Coefficients of a predictor.
const ORDER: usize = 16;
/// Correlation from which a stretch counts as found, and by what factor it must be above that of chance. Of three who talk
/// at once each reaches 0.2 to 0.65 and 1.6 to 8 times chance.
const ALIKE: f64 = 0.15;
const AHEAD: f64 = 1.4;

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
        let (delays, stretches) = one.delays(&recording);
        assert!(delays.len() > 100, "{}", delays.len());
        assert_eq!(stretches.found, stretches.sought);
        // Half of a packet comes in the next but one, half in the next.
        let odd = delays.iter().find(|delay| ![25.0, 45.0].contains(delay));
        assert_eq!(odd, None);
        assert_eq!(stranger.delays(&recording).1.found, 0);
    }

    #[test]
    fn who_is_not_heard_counts_as_late() {
        let script = Script::speech(Kind::Pcma, 1).unwrap();
        let voice = Voice::new(Kind::Pcma, &script, said()).unwrap();
        let recording = Recording {
            samples: Vec::new(),
            arrived: Vec::new(),
        };
        let (delays, stretches) = voice.delays(&recording);
        assert!(
            stretches.sought > 5 && stretches.found == 0,
            "{stretches:?}"
        );
        assert_eq!(delays.len(), stretches.sought * STRETCH * 4);
        assert!(delays.iter().all(|delay| *delay == MISSED_MS));
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
