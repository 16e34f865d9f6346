//! What the operator decides about the sound: treatments by the way in, and how many are heard where a room does not say.

use dsp::Shaping;

use crate::conference::{participant::Door, policy::Speakers};

/// The operator's settings of the sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sound {
    /// What the sound of telephones is spared.
    pub phones: Spared,
    /// What the sound of browsers is spared.
    pub browsers: Spared,
    /// How many are heard at a time in rooms that do not say.
    pub speakers: Speakers,
}

/// Treatments that the operator does not want; the others are given where they help and the load allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Spared {
    /// Steady noise is left as it is.
    pub noise_suppression: bool,
    /// The echo of what a line hears is left as it is.
    pub echo_suppression: bool,
}

impl Sound {
    /// Returns the treatments of a leg that came this way, whatever its codec.
    pub(super) const fn shaping(&self, door: Door) -> Shaping {
        let spared = self.spared(door);
        let usual = match door {
            Door::Phone => Shaping::TELEPHONE,
            Door::Browser => Shaping::BROWSER,
        };
        Shaping {
            noise_suppression: usual.noise_suppression && !spared.noise_suppression,
            echo: usual.echo && !spared.echo_suppression,
            ..usual
        }
    }

    /// Returns the treatments if they may be others than what the media workers give by themselves.
    pub(super) fn unusual(&self, door: Door) -> Option<Shaping> {
        (self.spared(door) != Spared::default()).then(|| self.shaping(door))
    }

    const fn spared(&self, door: Door) -> Spared {
        match door {
            Door::Phone => self.phones,
            Door::Browser => self.browsers,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limit;

    #[test]
    fn each_way_in_is_spared_what_the_operator_says_and_keeps_the_rest() {
        let sound = Sound {
            phones: Spared {
                noise_suppression: true,
                echo_suppression: false,
            },
            ..Sound::default()
        };
        let phone = Shaping {
            noise_suppression: false,
            gain: true,
            echo: true,
        };
        assert_eq!(sound.unusual(Door::Phone), Some(phone));
        assert_eq!(sound.unusual(Door::Browser), None);
        assert_eq!(sound.shaping(Door::Browser), Shaping::BROWSER);
    }

    #[test]
    fn the_engine_has_as_many_places_as_the_policy_allows() {
        assert_eq!(limit::SPEAKERS_MAX, dsp::limit::MAX_SPEAKERS);
        assert_eq!(limit::SPEAKERS_DEFAULT, dsp::limit::DEFAULT_SPEAKERS);
    }
}
