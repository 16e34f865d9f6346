//! Where the server's random ids, ports and seeds come from: the system, or a seed for whole runs that can be repeated.

use std::sync::{Mutex, PoisonError};

use rand::{SeedableRng, rngs::StdRng};

/// A source of generators.
#[derive(Debug)]
pub(crate) struct Chance(Source);

#[derive(Debug)]
enum Source {
    System,
    Seeded(Box<Mutex<StdRng>>),
}

impl Chance {
    /// Draws from the system.
    pub(crate) const fn system() -> Self {
        Self(Source::System)
    }

    /// Draws the same after the same seed.
    pub(crate) fn seeded(seed: u64) -> Self {
        Self(Source::Seeded(Box::new(Mutex::new(StdRng::seed_from_u64(
            seed,
        )))))
    }

    /// Makes a generator.
    pub(crate) fn rng(&self) -> StdRng {
        match &self.0 {
            Source::System => StdRng::from_rng(&mut rand::rng()),
            Source::Seeded(source) => {
                StdRng::from_rng(&mut *source.lock().unwrap_or_else(PoisonError::into_inner))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;

    #[test]
    fn a_seed_repeats_itself_and_the_system_does_not() {
        let draw = |chance: Chance| [0; 4].map(|_: u64| chance.rng().random::<u64>());
        assert_eq!(draw(Chance::seeded(1)), draw(Chance::seeded(1)));
        assert_ne!(draw(Chance::seeded(1)), draw(Chance::seeded(2)));
        assert_ne!(draw(Chance::system()), draw(Chance::system()));
    }
}
