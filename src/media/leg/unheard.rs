//! Speaks somebody whose microphone is off? Told from what the packets claim alone; nothing of it is decoded or kept.
//!
//! A car or a fan is no speech, however loud: only what has syllables counts, and what lies between them speaks neither for
//! nor against it.

use dsp::{Heard, Level, Syllables};

/// Watches one leg that may not speak.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Unheard {
    syllables: Syllables,
    /// Ticks since it may not.
    ticks: u16,
    /// Ticks of speech, less those without.
    spoken: u16,
    told: bool,
}

impl Unheard {
    /// Hears how loud a tick claims to be, if there was sound in it; tells once that somebody speaks.
    pub(super) fn handle(&mut self, claim: Option<Level>) -> bool {
        let heard = claim.map(|claim| self.syllables.handle(f32::from(claim.as_dbov())));
        self.ticks = self.ticks.saturating_add(1);
        if self.told || self.ticks <= GRACE {
            return false;
        }
        self.spoken = match heard {
            Some(Heard::Speech) if self.syllables.is_hanging() => self.spoken,
            Some(Heard::Speech) => self.spoken + 1,
            Some(Heard::Sound | Heard::Pause) | None => self.spoken.saturating_sub(1),
        };
        self.told = self.spoken >= SPEECH;
        self.told
    }

    /// Begins anew: the leg may speak.
    pub(super) const fn reset(&mut self) {
        *self = Self {
            syllables: Syllables::new(),
            ticks: 0,
            spoken: 0,
            told: false,
        };
    }
}

/// Ticks after the microphone was switched off in which a sentence may end: 3 s.
const GRACE: u16 = 150;

/// Ticks of speech that count: a word or two, 600 ms.
const SPEECH: u16 = 30;

#[cfg(test)]
mod tests {
    use super::*;

    /// In which ticks somebody is said to speak.
    fn told(unheard: &mut Unheard, levels: impl Iterator<Item = u8>) -> Vec<usize> {
        let told = levels.map(|level| unheard.handle(Some(Level::from_rfc6464(level))));
        let numbered = told.enumerate().filter(|(_, told)| *told);
        numbered.map(|(tick, _)| tick).collect()
    }

    /// Syllables of 160 ms with gaps of 80, above a line of this noise.
    fn talk(noise: u8) -> impl Iterator<Item = u8> + Clone {
        (0..1_000).map(move |tick| if tick % 12 < 8 { 24 } else { noise })
    }

    #[test]
    fn who_speaks_muted_is_noticed_once_until_they_may_speak() {
        for noise in [127, 60, 45, 35] {
            let mut unheard = Unheard::default();
            let first = told(&mut unheard, talk(noise));
            assert!(matches!(first[..], [179..260]), "{noise}: {first:?}");
            assert_eq!(told(&mut unheard, talk(noise)), Vec::<usize>::new());
            unheard.reset();
            assert_eq!(told(&mut unheard, talk(noise)), first);
        }
    }

    #[test]
    fn noise_is_not_speech_however_loud_and_whenever_it_begins() {
        for noise in [50, 45, 35, 20] {
            let mut unheard = Unheard::default();
            let steady = (0..3_000).map(|tick| noise + u8::from(tick % 3 == 0));
            assert_eq!(told(&mut unheard, steady), Vec::<usize>::new(), "{noise}");
            let begins = (0..3_000).map(|tick| if tick % 1_000 < 500 { 70 } else { noise });
            assert_eq!(told(&mut unheard, begins), Vec::<usize>::new(), "{noise}");
        }
    }

    #[test]
    fn a_cough_or_the_end_of_a_sentence_is_not_speech() {
        let mut unheard = Unheard::default();
        let ending = talk(60).take(140).chain([60; 860]);
        assert_eq!(told(&mut unheard, ending), Vec::<usize>::new());
        let coughs = (0..3_000).map(|tick| if tick % 100 < 25 { 25 } else { 65 });
        assert_eq!(told(&mut unheard, coughs), Vec::<usize>::new());
    }
}
