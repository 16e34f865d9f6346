//! Speaks somebody whose microphone is off? Told from what the packets claim alone; nothing of it is decoded or kept.

/// Watches one leg that may not speak.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Unheard {
    /// Ticks since it may not.
    ticks: u16,
    /// Ticks of sound, less those without.
    spoken: u16,
    told: bool,
}

impl Unheard {
    /// Hears whether there was sound in a tick; tells once that somebody speaks.
    pub(super) fn handle(&mut self, sound: bool) -> bool {
        self.ticks = self.ticks.saturating_add(1);
        if self.told || self.ticks <= GRACE {
            return false;
        }
        self.spoken = if sound {
            self.spoken + 1
        } else {
            self.spoken.saturating_sub(1)
        };
        self.told = self.spoken >= SPEECH;
        self.told
    }

    /// Begins anew: the leg may speak.
    pub(super) const fn reset(&mut self) {
        *self = Self {
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
    fn told(unheard: &mut Unheard, sound: impl Iterator<Item = bool>) -> Vec<usize> {
        let told = sound.map(|sound| unheard.handle(sound));
        let numbered = told.enumerate().filter(|(_, told)| *told);
        numbered.map(|(tick, _)| tick).collect()
    }

    #[test]
    fn who_speaks_muted_is_noticed_once_until_they_may_speak() {
        let mut unheard = Unheard::default();
        let talk = std::iter::repeat_n(true, 1_000);
        assert_eq!(told(&mut unheard, talk.clone()), [179]);
        assert_eq!(told(&mut unheard, talk.clone()), Vec::<usize>::new());
        unheard.reset();
        assert_eq!(told(&mut unheard, talk), [179]);
    }

    #[test]
    fn a_cough_or_the_end_of_a_sentence_is_not_speech() {
        let mut unheard = Unheard::default();
        let ending = (0..1_000).map(|tick| tick < 140);
        assert_eq!(told(&mut unheard, ending), Vec::<usize>::new());
        let coughs = (0..3_000).map(|tick| tick % 100 < 25);
        assert_eq!(told(&mut unheard, coughs), Vec::<usize>::new());
    }
}
