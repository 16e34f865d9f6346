//! Comfort noise: the faint sound of an open line, so that a pause does not sound like a dead one.
//!
//! Chosen speakers drop out of the mix and telephones stop sending in pauses; what remains is digital silence, which people
//! take for a broken connection. One noise serves all mixes, which makes all silences alike. It is added once per mix and
//! only where the mix lies below it, so that it neither adds to a line's own noise nor to one another, and fades in and out
//! over a frame. Its level stays below −66 dBov: far under what opens a [`SpeechGate`](crate::SpeechGate), three to four
//! steps of G.711 around zero.
//!
//! Invariants: the same seed gives the same noise; a mix louder than the noise passes bit-exactly; one without any sound
//! becomes the noise itself from the second frame on.

use crate::{FRAME_SAMPLES, Frame, Level};

/// Makes the noise.
#[derive(Debug, Clone)]
pub struct ComfortNoise {
    random: u64,
    /// The last output of the low-pass that takes the hiss out of the noise.
    low: f32,
}

impl ComfortNoise {
    /// Makes a generator; the same seed gives the same noise.
    pub const fn new(seed: u64) -> Self {
        Self {
            // The generator never leaves zero.
            random: seed ^ 0x9e37_79b9_7f4a_7c15 | 1,
            low: 0.0,
        }
    }

    /// Makes the noise of the next frame.
    pub fn make(&mut self, out: &mut Frame) {
        for sample in &mut out.samples {
            *sample = round(self.sample());
        }
    }

    /// The next sample: white noise, 6 dB less per octave above 1 kHz.
    fn sample(&mut self) -> f32 {
        // Xorshift (Marsaglia 2003): long enough never to be heard repeating, and the same everywhere.
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        let white = (self.random >> 40) as f32 / (1 << 23) as f32 - 1.0;
        self.low += SMOOTH * (white - self.low);
        self.low * AMPLITUDE
    }
}

/// Fills one mix with the noise.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ComfortFill {
    /// How much of the noise the last frame ended with, 0 to 1.
    fade: f32,
}

impl ComfortFill {
    /// Makes the filler of a mix that was not filled.
    pub const fn new() -> Self {
        Self { fade: 0.0 }
    }

    /// Makes the filler of a mix that was nothing but the noise.
    pub const fn filled() -> Self {
        Self { fade: 1.0 }
    }

    /// Tells whether a sound is so faint that the noise covers it.
    pub fn covers(level: Level) -> bool {
        level < FAINT
    }

    /// Fills a mix that is fainter than the noise of the tick; returns whether it changed the frame.
    pub fn fill(&mut self, noise: &Frame, mix: &mut Frame) -> bool {
        let wanted = if Self::covers(mix.level()) { 1.0 } else { 0.0 };
        let from = std::mem::replace(&mut self.fade, wanted);
        let pairs = mix.samples.iter_mut().zip(&noise.samples);
        if wanted + from == 2.0 {
            pairs.for_each(|(sample, noise)| *sample = sample.saturating_add(*noise));
        } else if wanted + from > 0.0 {
            let step = (wanted - from) / FRAME_SAMPLES as f32;
            for (at, (sample, noise)) in (1_i16..).zip(pairs) {
                let part = from + step * f32::from(at);
                *sample = sample.saturating_add(round(f32::from(*noise) * part));
            }
        }
        wanted + from > 0.0
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a float cast saturates")]
fn round(value: f32) -> i16 {
    (value + 0.5_f32.copysign(value)) as i16
}

/// A mix below this is filled.
const FAINT: Level = Level::from_rfc6464(66);

/// The one-pole low-pass of 1 kHz at 48 kHz.
const SMOOTH: f32 = 0.123;

/// Scales the smoothed noise to −68 dBov: 13 steps, over the deviation of uniform noise behind the low-pass.
const AMPLITUDE: f32 = 88.0;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Codec, Decoder, Encoder, SpeechGate, tone};

    fn noise(seed: u64) -> Frame {
        let mut noise = Frame::SILENCE;
        ComfortNoise::new(seed).make(&mut noise);
        noise
    }

    #[test]
    fn silence_is_filled_faintly_and_evenly() {
        let (mut source, mut fill) = (ComfortNoise::new(7), ComfortFill::new());
        let mut gate = SpeechGate::new();
        for number in 0..500 {
            let (mut noise, mut mix) = (Frame::SILENCE, Frame::SILENCE);
            source.make(&mut noise);
            assert!(fill.fill(&noise, &mut mix));
            if number > 0 {
                assert_eq!(mix, noise);
                let level = mix.level().as_dbov();
                assert!((-71..=-66).contains(&level), "{level} dBov at {number}");
            }
            assert_eq!(gate.handle(mix.level()), None);
        }
    }

    #[test]
    fn a_mix_with_sound_passes_and_the_noise_fades_over_one_frame() {
        let (noise, mut fill) = (noise(7), ComfortFill::new());
        let tone = &tone::sine(440.0, -40.0, 1)[0];
        let mut mix = tone.clone();
        assert!(!fill.fill(&noise, &mut mix));
        assert_eq!(&mix, tone);
        let mut mix = Frame::SILENCE;
        fill.fill(&noise, &mut mix);
        assert!(mix.samples[..48].iter().all(|sample| sample.abs() <= 3));
        let mut mix = tone.clone();
        assert!(fill.fill(&noise, &mut mix), "fades out");
        assert_ne!(mix.samples[..480], tone.samples[..480]);
        assert_eq!(mix.samples[950..], tone.samples[950..]);
        let mut mix = tone.clone();
        assert!(!fill.fill(&noise, &mut mix));
        assert_eq!(&mix, tone);
    }

    #[test]
    fn the_same_seed_gives_the_same_noise() {
        assert_eq!(noise(1), noise(1));
        assert_ne!(noise(1), noise(2));
    }

    #[test]
    fn every_codec_carries_it_without_raising_it() {
        for codec in Codec::ALL {
            let mut noise = ComfortNoise::new(3);
            let mut encoder = Encoder::new(codec).unwrap();
            let mut decoder = Decoder::new(codec).unwrap();
            let mut loudest = Level::SILENCE;
            for _ in 0..50 {
                let mut mix = Frame::SILENCE;
                noise.make(&mut mix);
                let mut payload = [0; crate::MAX_PAYLOAD];
                let len = encoder.encode(&mix, &mut payload).unwrap();
                let mut samples = [0; 5_760];
                let n = decoder.decode(&payload[..len], &mut samples).unwrap();
                loudest = loudest.max(Level::of(&samples[..n]));
            }
            assert!(loudest.as_dbov() <= -62, "{codec:?}: {loudest:?}");
        }
    }
}
