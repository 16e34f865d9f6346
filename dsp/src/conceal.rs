//! Packet loss concealment for codecs without one of their own: the last pitch period repeated, after the idea of G.711
//! Appendix I.
//!
//! Unlike there nothing is held back, so concealment costs no delay; the step at the beginning of a gap is smoothed
//! by bending the first samples made up. Made-up sound, Opus' own included, fades to nothing within
//! [`MAX_CONCEALED`](crate::limit::MAX_CONCEALED).
#![expect(
    clippy::cast_possible_truncation,
    reason = "lengths are below a second and gains below one"
)]

use crate::limit::MAX_CONCEALED;

/// Remembers the last sound and continues it.
#[derive(Debug)]
pub struct Concealer {
    /// Samples of one millisecond.
    milli: usize,
    /// The last sound, oldest first.
    history: Box<[i16]>,
    /// One pitch period that joins its own beginning; only the first `lag` samples are in use.
    period: Box<[i16]>,
    lag: usize,
    /// Samples made up since the last good one.
    made_up: usize,
}

impl Concealer {
    /// Makes a concealer for a codec of this sample rate that has heard silence.
    pub fn new(sample_rate: u32) -> Self {
        let milli = sample_rate as usize / 1_000;
        Self {
            milli,
            history: vec![0; milli * HISTORY].into(),
            period: vec![0; milli * LONGEST_LAG].into(),
            lag: 0,
            made_up: 0,
        }
    }

    /// Makes a concealer that only fades what a codec makes up by itself, and so remembers nothing.
    pub(crate) fn fading(sample_rate: u32) -> Self {
        Self {
            milli: sample_rate as usize / 1_000,
            history: [].into(),
            period: [].into(),
            lag: 0,
            made_up: 0,
        }
    }

    /// Hears good sound; after a gap its beginning is blended with what was made up.
    pub fn hear(&mut self, samples: &mut [i16]) {
        if self.made_up > 0 {
            let blend = (self.milli * BLEND).min(samples.len());
            for (at, sample) in samples[..blend].iter_mut().enumerate() {
                let made_up = self.next();
                *sample = mix(made_up, *sample, at, blend);
            }
            self.made_up = 0;
        }
        self.remember(samples);
    }

    /// Continues the sound heard last.
    pub fn make_up(&mut self, out: &mut [i16]) {
        if self.made_up == 0 || self.lag == 0 {
            self.lag = self.find_lag();
            self.cut_period();
        }
        let bend = self.milli * BEND;
        let last = self.history[self.history.len() - 1];
        let step = i32::from(last) - i32::from(self.period[self.lag - 1]);
        for sample in out.iter_mut() {
            let at = self.made_up;
            let bent = if at < bend {
                step * (bend - at) as i32 / bend as i32
            } else {
                0
            };
            *sample = clamp(i32::from(self.next()) + bent);
        }
    }

    /// Fades sound made up by the codec itself.
    pub fn fade(&mut self, samples: &mut [i16]) {
        for sample in samples {
            *sample = clamp(i32::from(*sample) * self.gain() / ONE);
            self.made_up += 1;
        }
    }

    /// Hears good sound of a codec that conceals by itself, so that the next gap fades from its beginning.
    pub fn heard_own(&mut self) {
        self.made_up = 0;
    }

    /// Forgets the sound.
    pub fn reset(&mut self) {
        self.history.fill(0);
        self.made_up = 0;
    }

    fn next(&mut self) -> i16 {
        let sample = i32::from(self.period[self.made_up % self.lag.max(1)]);
        let faded = clamp(sample * self.gain() / ONE);
        self.made_up += 1;
        faded
    }

    /// Full for the first 10 ms, then falling evenly to nothing.
    fn gain(&self) -> i32 {
        let (full, end) = (
            self.milli * FULL,
            self.milli * MAX_CONCEALED.as_millis() as usize,
        );
        let left = end.saturating_sub(self.made_up.max(full));
        (ONE as usize * left / (end - full)) as i32
    }

    fn remember(&mut self, samples: &[i16]) {
        let keep = self.history.len();
        let samples = &samples[samples.len().saturating_sub(keep)..];
        self.history.copy_within(samples.len().., 0);
        self.history[keep - samples.len()..].copy_from_slice(samples);
    }

    /// Finds the distance at which the last sound is most like itself.
    fn find_lag(&self) -> usize {
        let step = self.milli / 4;
        let window = self.milli * WINDOW;
        let coarse = (self.milli * SHORTEST_LAG..self.milli * LONGEST_LAG).step_by(step.max(1));
        let coarse = self.best(coarse, window, step.max(1));
        let low = coarse.saturating_sub(step).max(self.milli * SHORTEST_LAG);
        let high = (coarse + step).min(self.milli * LONGEST_LAG);
        self.best(low..=high, window, 1)
    }

    fn best(&self, lags: impl Iterator<Item = usize>, window: usize, step: usize) -> usize {
        let mut best = (f32::MIN, self.milli * SHORTEST_LAG);
        for lag in lags {
            let likeness = self.likeness(lag, window, step);
            if likeness > best.0 {
                best = (likeness, lag);
            }
        }
        best.1
    }

    /// Cross-correlation of the last `window` samples with those `lag` before, normalised by the latter's energy.
    fn likeness(&self, lag: usize, window: usize, step: usize) -> f32 {
        let end = self.history.len();
        let recent = self.history[end - window..].iter().step_by(step);
        let before = self.history[end - window - lag..end - lag]
            .iter()
            .step_by(step);
        let (mut product, mut energy) = (0.0_f32, 1.0_f32);
        for (&recent, &before) in recent.zip(before) {
            product += f32::from(recent) * f32::from(before);
            energy += f32::from(before) * f32::from(before);
        }
        product / energy.sqrt()
    }

    /// Copies the last period and blends its last quarter into the sound before it, so that it repeats without a step.
    fn cut_period(&mut self) {
        let (end, lag) = (self.history.len(), self.lag);
        self.period[..lag].copy_from_slice(&self.history[end - lag..]);
        let quarter = lag / 4;
        for at in 0..quarter {
            let before = self.history[end - lag - quarter + at];
            let own = self.period[lag - quarter + at];
            self.period[lag - quarter + at] = mix(own, before, at + 1, quarter);
        }
    }
}

/// Moves from `a` to `b` as `at` goes from 0 to `of`.
pub(crate) fn mix(a: i16, b: i16, at: usize, of: usize) -> i16 {
    let (at, of) = (at as i32, of.max(1) as i32);
    clamp((i32::from(a) * (of - at) + i32::from(b) * at) / of)
}

fn clamp(value: i32) -> i16 {
    value.clamp(i32::from(i16::MIN), i32::from(i16::MAX)) as i16
}

/// Unit gain.
const ONE: i32 = 1 << 14;

/// Milliseconds made up at full strength.
const FULL: usize = 10;

/// Milliseconds over which good sound takes over again.
const BLEND: usize = 5;

/// Milliseconds over which the first step is bent away.
const BEND: usize = 2;

/// Milliseconds compared to find the pitch.
const WINDOW: usize = 20;

/// Milliseconds of the highest pitch looked for, 200 Hz; a higher one repeats in several periods at once.
const SHORTEST_LAG: usize = 5;

/// Milliseconds of the lowest pitch, 66 Hz.
const LONGEST_LAG: usize = 15;

/// Milliseconds remembered: the window, the longest lag and its quarter.
const HISTORY: usize = WINDOW + LONGEST_LAG + LONGEST_LAG / 4 + 1;

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    use super::*;

    fn tone(frequency: f64, samples: usize) -> Vec<i16> {
        (0..samples)
            .map(|at| (10_000.0 * (TAU * frequency * at as f64 / 8_000.0).sin()) as i16)
            .collect()
    }

    #[test]
    fn a_tone_goes_on_in_phase() {
        for frequency in [100.0, 163.0, 250.0, 440.0] {
            let mut sound = tone(frequency, 480);
            let mut concealer = Concealer::new(8_000);
            let (heard, expected) = sound.split_at_mut(400);
            concealer.hear(heard);
            let mut made_up = [0; 80];
            concealer.make_up(&mut made_up);
            let error: f64 = made_up
                .iter()
                .zip(expected)
                .map(|(a, b)| f64::from(*a - *b).powi(2))
                .sum();
            let rms = (error / 80.0).sqrt();
            assert!(rms < 2_000.0, "{frequency} Hz: {rms}");
        }
    }

    #[test]
    fn it_fades_to_nothing_in_60_ms() {
        let mut concealer = Concealer::new(16_000);
        concealer.hear(&mut tone(200.0, 2_000));
        let mut made_up = vec![0; 16 * 80];
        concealer.make_up(&mut made_up);
        let loudest = |from: usize, to: usize| {
            made_up[16 * from..16 * to]
                .iter()
                .map(|s| s.unsigned_abs())
                .max()
                .unwrap()
        };
        assert!(
            loudest(0, 10) > 9_000 && loudest(10, 60) > loudest(30, 60) && loudest(30, 60) > 1_000
        );
        assert_eq!(loudest(60, 80), 0);
    }

    #[test]
    fn good_sound_takes_over_without_a_step() {
        let mut sound = tone(200.0, 800);
        let mut concealer = Concealer::new(8_000);
        concealer.hear(&mut sound[..400]);
        concealer.make_up(&mut sound[400..560]);
        concealer.hear(&mut sound[560..]);
        let step = sound
            .windows(2)
            .map(|pair| (pair[0] - pair[1]).unsigned_abs())
            .max()
            .unwrap();
        assert!(step < 3_500, "{step}");
    }

    #[test]
    fn silence_stays_silence() {
        let mut out = [1; 160];
        Concealer::new(8_000).make_up(&mut out);
        assert_eq!(out, [0; 160]);
    }
}
