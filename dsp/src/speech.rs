//! Speech that comes as samples of any rate, made fit to stand beside the prompts: 48 kHz, as loud as they, without silence
//! before and after.
//!
//! For whole recordings of seconds, outside the tick: it allocates, and computes in floating point. What it allocates is
//! what it returns; nothing of the sound is left in a block that nobody can wipe.

use std::f64::consts::PI;

use crate::{FRAME_SAMPLES, Frame, SAMPLE_RATE, SpeechMeter, limit::MAX_PHASES};

/// Returns speech at 48 kHz; none of a rate below 8 or above 48 kHz, or in too odd a relation to 48.
///
/// A windowed sinc, computed once per place between two samples that occurs. Frequencies up to 0.38 of the rate come
/// through as they are; what would be an image of them lies 60 dB lower.
pub fn at_48_khz(samples: &[i16], rate: u32) -> Option<Vec<i16>> {
    if !(8_000..=SAMPLE_RATE).contains(&rate) {
        return None;
    }
    let common = greatest_common_divisor(rate, SAMPLE_RATE);
    let (phases, step) = (SAMPLE_RATE / common, rate / common);
    if phases > MAX_PHASES {
        return None;
    }
    let (phases, step) = (phases as usize, step as usize);
    let phase = |phase: usize| (0..TAPS).map(move |tap| kernel(tap, phase as f64 / phases as f64));
    let taps: Vec<f64> = (0..phases).flat_map(phase).collect();
    let sample = |at: usize| {
        let (whole, phase) = (at * step / phases, at * step % phases);
        let weighed = taps[phase * TAPS..][..TAPS].iter().enumerate();
        let parts = weighed.filter_map(|(tap, weight)| {
            let place = (whole + 1 + tap).checked_sub(TAPS / 2)?;
            Some(f64::from(*samples.get(place)?) * weight)
        });
        rounded(parts.sum())
    };
    Some((0..samples.len() * phases / step).map(sample).collect())
}

/// Returns the part of speech at 48 kHz from its first sound to its last, a little before and after included; empty where
/// there is no sound.
pub fn trimmed(samples: &[i16]) -> &[i16] {
    let loud = |chunk: &[i16]| chunk.iter().any(|sample| sample.unsigned_abs() > FAINT);
    let chunks = samples.chunks(FRAME_SAMPLES);
    let Some(first) = chunks.clone().position(loud) else {
        return &[];
    };
    let behind = chunks.clone().rev().position(loud).unwrap_or(0);
    let from = first.saturating_sub(1) * FRAME_SAMPLES;
    let to = samples
        .len()
        .min((chunks.len() - behind + 2) * FRAME_SAMPLES);
    &samples[from..to]
}

/// Brings speech at 48 kHz to an active level (ITU-T P.56), or as near to it as its loudest sample lets it. Silence stays.
pub fn bring_to(samples: &mut [i16], dbov: f64) {
    let mut meter = SpeechMeter::new();
    meter.hear(samples);
    let peak = samples.iter().map(|sample| sample.unsigned_abs()).max();
    amplify(samples, gain_to(&meter, peak.unwrap_or(0), dbov));
}

/// Returns the factor that brings what a meter has heard to a level, or as near to it as its loudest sample lets it.
pub fn gain_to(meter: &SpeechMeter, peak: u16, dbov: f64) -> f64 {
    let Some(level) = meter.level() else {
        return 1.0;
    };
    let gain = 10_f64.powf((dbov - level.dbov) / 20.0);
    gain.min(PEAK / f64::from(peak.max(1)))
}

/// Multiplies samples by a factor; what does not fit is cut off.
pub fn amplify(samples: &mut [i16], gain: f64) {
    for sample in samples {
        *sample = rounded(f64::from(*sample) * gain);
    }
}

/// Cuts speech at 48 kHz into ticks, so many at most, the last of which fades where it is not the end.
pub fn in_ticks(samples: &[i16], most: usize) -> Vec<Frame> {
    let mut frames = Vec::with_capacity(most.min(samples.len().div_ceil(FRAME_SAMPLES)));
    for chunk in samples.chunks(FRAME_SAMPLES).take(most) {
        let mut frame = Frame::SILENCE;
        frame.samples[..chunk.len()].copy_from_slice(chunk);
        frames.push(frame);
    }
    if samples.len() > most * FRAME_SAMPLES
        && let Some(last) = frames.last_mut()
    {
        for (rest, sample) in (0..FRAME_SAMPLES).rev().zip(&mut last.samples) {
            *sample = rounded(f64::from(*sample) * rest as f64 / FRAME_SAMPLES as f64);
        }
    }
    frames
}

/// The weight of a tap for a place so far behind the sample in the middle, 0 to 1.
fn kernel(tap: usize, phase: f64) -> f64 {
    let from_middle = (tap + 1) as f64 - (TAPS / 2) as f64 - phase;
    let reach = (TAPS / 2) as f64;
    let window = 0.42
        + 0.5 * (PI * from_middle / reach).cos()
        + 0.08 * (2.0 * PI * from_middle / reach).cos();
    let angle = PI * 2.0 * CUTOFF * from_middle;
    let sinc = if angle.abs() < 1e-9 {
        1.0
    } else {
        angle.sin() / angle
    };
    if from_middle.abs() >= reach {
        0.0
    } else {
        2.0 * CUTOFF * sinc * window
    }
}

const fn greatest_common_divisor(mut a: u32, mut b: u32) -> u32 {
    while b > 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[expect(clippy::cast_possible_truncation, reason = "the value is clamped")]
fn rounded(value: f64) -> i16 {
    value
        .round()
        .clamp(f64::from(i16::MIN), f64::from(i16::MAX)) as i16
}

/// Samples that are weighed for one.
const TAPS: usize = 48;

/// Where the filter is 6 dB down, as a part of the lower rate.
const CUTOFF: f64 = 0.44;

/// What is not louder is silence before or after speech, about −60 dBov.
const FAINT: u16 = 32;

/// How loud a sample may become, −3 dB.
const PEAK: f64 = 23_197.0;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tone;

    #[expect(clippy::cast_possible_truncation, reason = "the values are small")]
    fn sine(hertz: f64, rate: u32, seconds: u32) -> Vec<i16> {
        let angle = |at: u32| 2.0 * PI * hertz * f64::from(at) / f64::from(rate);
        (0..rate * seconds)
            .map(|at| (angle(at).sin() * 8_000.0) as i16)
            .collect()
    }

    /// The part of a signal that is a sine of this frequency, and the rest, as powers.
    fn parts(samples: &[i16], hertz: f64) -> (f64, f64) {
        let (mut re, mut im, mut all) = (0.0, 0.0, 0.0);
        for (at, sample) in samples.iter().enumerate() {
            let angle = 2.0 * PI * hertz * at as f64 / f64::from(SAMPLE_RATE);
            let value = f64::from(*sample);
            re += value * angle.cos();
            im += value * angle.sin();
            all += value * value;
        }
        let length = samples.len() as f64;
        let own = 2.0 * (re * re + im * im) / (length * length);
        (own, (all / length - own).max(1e-9))
    }

    #[test]
    fn a_tone_keeps_frequency_length_and_level_from_every_usual_rate() {
        for rate in [8_000, 11_025, 16_000, 22_050, 24_000, 44_100, 48_000] {
            for part in [0.05, 0.2, 0.35] {
                let hertz = (f64::from(rate) * part).round();
                let converted = at_48_khz(&sine(hertz, rate, 2), rate).unwrap();
                assert_eq!(converted.len(), 96_000, "{rate}");
                // A second, which is a whole number of waves.
                let (own, rest) = parts(&converted[24_000..72_000], hertz);
                let level = 10.0 * (own / 32e6).log10();
                assert!(level.abs() < 0.2, "{rate} {hertz}: {level} dB");
                let clean = 10.0 * (own / rest).log10();
                assert!(clean > 55.0, "{rate} {hertz}: {clean} dB");
            }
        }
    }

    #[test]
    fn rates_that_no_engine_has_are_refused() {
        for rate in [0, 1, 7_999, 22_051, 48_001, u32::MAX] {
            assert_eq!(at_48_khz(&[1, 2, 3], rate), None, "{rate}");
        }
        assert_eq!(at_48_khz(&[], 22_050), Some(Vec::new()));
    }

    #[test]
    fn speech_comes_out_at_the_level_and_without_silence_around_it() {
        let spoken: Vec<i16> = tone::sine(500.0, -40.0, 50)
            .iter()
            .flat_map(|frame| frame.samples)
            .collect();
        let silence = vec![0; 24_000];
        let said = [silence.clone(), spoken, silence].concat();
        let kept = trimmed(&said);
        assert!((48_000..=52_000).contains(&kept.len()), "{}", kept.len());
        let mut kept = kept.to_vec();
        bring_to(&mut kept, -26.0);
        let mut meter = SpeechMeter::new();
        meter.hear(&kept);
        let level = meter.level().unwrap().dbov;
        assert!((level + 26.0).abs() < 0.5, "{level}");
        assert!(trimmed(&[0; 5_000]).is_empty());
        bring_to(&mut [], -26.0);
        bring_to(&mut [0; 9], -26.0);
    }

    /// A click among silence would be brought to its level only by clipping.
    #[test]
    fn nothing_is_made_louder_than_fits() {
        let mut click = vec![0; 48_000];
        click[24_000] = 20_000;
        bring_to(&mut click, -26.0);
        assert!(click.iter().all(|sample| sample.unsigned_abs() <= 23_200));
    }

    #[test]
    fn what_is_too_long_fades() {
        let long = vec![1_000; 10 * FRAME_SAMPLES + 7];
        let whole = in_ticks(&long, 20);
        assert_eq!(whole.len(), 11);
        assert_eq!(whole[10].samples[6..9], [1_000, 0, 0]);
        let cut = in_ticks(&long, 4);
        assert_eq!(cut.len(), 4);
        assert_eq!(cut[2].samples[FRAME_SAMPLES - 1], 1_000);
        assert!(cut[3].samples[0] > 990 && cut[3].samples[FRAME_SAMPLES - 1] == 0);
    }
}
