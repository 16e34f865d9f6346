//! Speech is told from steady noise by its syllables, from one level per tick, however loud the noise is.
//!
//! Sound that never falls by 6 dB within 600 ms is none: a fan, an engine, a tone. What does not stand 8 dB above the faintest
//! tick of the last one to two seconds is the noise of the line.

/// Tells speech from pauses and from sound without syllables.
#[derive(Debug, Clone, Copy)]
pub struct Syllables {
    /// The faintest tick of the second before, and of the running one.
    floor: [f32; 2],
    /// Ticks of the running second.
    second: u8,
    /// The loudest of the last ticks, sinking.
    crest: f32,
    /// Ticks since a syllable ended.
    syllable: u8,
    /// Ticks since sound was loud enough for speech.
    quiet: u8,
}

/// What a tick holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// Sound with syllables, or the hangover behind it.
    Speech,
    /// Sound that stands above the noise of the line and has no syllables.
    Sound,
    /// No more than the noise of the line.
    Pause,
}

impl Syllables {
    /// Has heard nothing yet.
    pub const fn new() -> Self {
        Self {
            floor: [LOWEST_FLOOR; 2],
            second: 0,
            crest: LOWEST_FLOOR,
            syllable: SYLLABLES,
            quiet: HANGOVER,
        }
    }

    /// Hears the level of a tick in dBov; tells what it holds.
    pub fn handle(&mut self, dbov: f32) -> Heard {
        let above = dbov >= (self.floor() + OVER_NOISE).max(FAINTEST);
        self.follow(dbov);
        self.quiet = if above {
            0
        } else {
            self.quiet.saturating_add(1)
        };
        if dbov <= self.crest - FALL && self.quiet < HANGOVER {
            self.syllable = 0;
            self.crest = dbov;
        } else {
            self.syllable = self.syllable.saturating_add(1);
        }
        self.crest = dbov.max(self.crest - CREST_SINKS);
        if self.quiet >= HANGOVER {
            Heard::Pause
        } else if self.syllable < SYLLABLES {
            Heard::Speech
        } else {
            Heard::Sound
        }
    }

    /// Returns the noise of the line in dBov.
    pub const fn floor(&self) -> f32 {
        self.floor[0].min(self.floor[1])
    }

    /// Tells whether sound has just faded, so that what counts is its hangover.
    pub const fn is_hanging(&self) -> bool {
        self.quiet > 0
    }

    fn follow(&mut self, dbov: f32) {
        let dbov = dbov.max(LOWEST_FLOOR);
        self.floor[1] = self.floor[1].min(dbov);
        self.second += 1;
        if self.second == SECOND {
            self.floor = [self.floor[1], dbov];
            self.second = 0;
        }
    }
}

impl Default for Syllables {
    fn default() -> Self {
        Self::new()
    }
}

/// Ticks of hangover: 200 ms (P.56).
const HANGOVER: u8 = 10;

/// Ticks after a syllable's end in which sound is speech: 600 ms.
const SYLLABLES: u8 = 30;

/// How far the level falls at the end of a syllable, in dB.
const FALL: f32 = 6.0;

/// How fast the crest forgets, in dB per tick: 10 dB in a second.
const CREST_SINKS: f32 = 0.2;

/// How far speech lies above the line's noise, in dB.
const OVER_NOISE: f32 = 8.0;

/// Below this nothing is speech, in dBov: coding noise of G.711 lies at −66.
const FAINTEST: f32 = -62.0;

/// Noise is never believed lower than this, in dBov.
const LOWEST_FLOOR: f32 = -75.0;

/// Ticks of half the window in which the faintest is the noise: 1 s.
const SECOND: u8 = 50;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::material;

    fn speech_ticks(levels: impl Iterator<Item = f32>) -> usize {
        let mut syllables = Syllables::new();
        let heard = levels.map(|dbov| syllables.handle(dbov));
        heard.filter(|heard| *heard == Heard::Speech).count()
    }

    #[test]
    fn steady_noise_of_any_level_has_no_syllables() {
        for dbov in [-55.0, -45.0, -35.0, -20.0] {
            let noise = material::fan(1, 500, dbov);
            let levels = noise.iter().map(|frame| f32::from(frame.level().as_dbov()));
            assert_eq!(speech_ticks(levels), 0, "{dbov} dBov");
        }
        let starts = (0..500).map(|tick| if tick < 250 { -60.0 } else { -30.0 });
        assert_eq!(speech_ticks(starts), 0, "a fan that starts");
    }

    #[test]
    fn speech_has_syllables_alone_and_over_noise() {
        let speech = material::speech(3, 10, -26.0);
        for noise in [-90.0, -45.0, -38.0] {
            let mixed = material::sum(&speech, &material::fan(2, speech.len(), noise));
            let levels = mixed.iter().map(|frame| f32::from(frame.level().as_dbov()));
            let ticks = speech_ticks(levels);
            assert!(ticks > 250, "{ticks} of 500 over {noise} dBov");
        }
    }
}
