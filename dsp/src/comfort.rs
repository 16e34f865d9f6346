//! Comfort noise: the faint sound of an open line, so that a pause does not sound like a dead one.
//!
//! Chosen speakers drop out of the mix and telephones stop sending in pauses; what remains is digital silence, which people
//! take for a broken connection. The noise is added once per mix and only where the mix lies below it, so that it neither
//! adds to a line's own noise nor to one another, and fades in and out over a frame. Its level stays below −66 dBov: far
//! under what opens a [`SpeechGate`](crate::SpeechGate), three to four steps of G.711 around zero.
//!
//! Invariants: the same seed gives the same noise; a mix louder than the noise passes bit-exactly.

use crate::{Frame, Level};

/// Makes the noise of one mix.
#[derive(Debug, Clone)]
pub struct ComfortNoise {
    random: u64,
    /// The last output of the low-pass that takes the hiss out of the noise.
    low: f32,
    /// How much of the noise the last frame ended with, 0 to 1.
    fade: f32,
}

impl ComfortNoise {
    /// Makes a generator; the same seed gives the same noise.
    pub const fn new(seed: u64) -> Self {
        Self {
            // The generator never leaves zero.
            random: seed ^ 0x9e37_79b9_7f4a_7c15 | 1,
            low: 0.0,
            fade: 0.0,
        }
    }

    /// Fills a mix that is fainter than the noise; returns whether it changed the frame.
    pub fn fill(&mut self, mix: &mut Frame) -> bool {
        let wanted = if mix.level() < FAINT { 1.0 } else { 0.0 };
        if wanted + self.fade == 0.0 {
            return false;
        }
        let step = (wanted - self.fade) / mix.samples.len() as f32;
        for sample in &mut mix.samples {
            self.fade += step;
            let noise = self.noise() * self.fade;
            #[expect(clippy::cast_possible_truncation, reason = "a float cast saturates")]
            let noise = (noise + 0.5_f32.copysign(noise)) as i16;
            *sample = sample.saturating_add(noise);
        }
        self.fade = wanted;
        true
    }

    /// The next sample: white noise, 6 dB less per octave above 1 kHz.
    fn noise(&mut self) -> f32 {
        // Xorshift (Marsaglia 2003): long enough never to be heard repeating, and the same everywhere.
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        let white = (self.random >> 40) as f32 / (1 << 23) as f32 - 1.0;
        self.low += SMOOTH * (white - self.low);
        self.low * AMPLITUDE
    }
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

    #[test]
    fn silence_is_filled_faintly_and_evenly() {
        let mut noise = ComfortNoise::new(7);
        let mut gate = SpeechGate::new();
        for number in 0..500 {
            let mut mix = Frame::SILENCE;
            assert!(noise.fill(&mut mix));
            if number > 0 {
                let level = mix.level().as_dbov();
                assert!((-71..=-66).contains(&level), "{level} dBov at {number}");
            }
            assert_eq!(gate.handle(mix.level()), None);
        }
    }

    #[test]
    fn a_mix_with_sound_passes_and_the_noise_fades_over_one_frame() {
        let mut noise = ComfortNoise::new(7);
        let tone = &tone::sine(440.0, -40.0, 1)[0];
        let mut mix = tone.clone();
        assert!(!noise.fill(&mut mix));
        assert_eq!(&mix, tone);
        noise.fill(&mut Frame::SILENCE.clone());
        assert!(noise.fill(&mut mix), "fades out");
        let mut mix = tone.clone();
        assert!(!noise.fill(&mut mix));
        assert_eq!(&mix, tone);
    }

    #[test]
    fn the_same_seed_gives_the_same_noise() {
        let run = |seed| {
            let (mut noise, mut mix) = (ComfortNoise::new(seed), Frame::SILENCE);
            noise.fill(&mut mix);
            mix
        };
        assert_eq!(run(1), run(1));
        assert_ne!(run(1), run(2));
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
                noise.fill(&mut mix);
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
