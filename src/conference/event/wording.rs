//! How people are spoken to: in which language, and in German with Sie, with du or in easy words.

use std::{collections::BTreeMap, sync::LazyLock};

use serde::{Deserialize, Serialize};

use super::{Language, Renderings};

/// A wording of the catalogue, as telephones hear it and browsers show it.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Wording {
    /// German, with *Sie*.
    #[default]
    De,
    /// English.
    En,
    /// German in short sentences and easy words; spoken, slowly.
    DeEinfach,
    /// German, with *du*.
    DeDu,
}

impl Wording {
    /// All wordings.
    pub const ALL: [Self; 4] = [Self::De, Self::En, Self::DeEinfach, Self::DeDu];

    /// Returns its language.
    pub const fn language(self) -> Language {
        match self {
            Self::De | Self::DeEinfach | Self::DeDu => Language::De,
            Self::En => Language::En,
        }
    }

    /// Returns the word that stands in settings and in the database, which is also the name of its files.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::De => "de",
            Self::En => "en",
            Self::DeEinfach => "de-einfach",
            Self::DeDu => "de-du",
        }
    }

    /// Reads the word.
    pub fn from_tag(tag: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|wording| wording.tag() == tag)
    }

    /// Returns what a key changes it to, for a caller who came to `house`: the next of the house's own, easy German, and
    /// German or English, whichever the house's is not.
    #[must_use]
    pub fn next(self, house: Self) -> Self {
        let round = match house {
            Self::De | Self::DeDu => [house, Self::DeEinfach, Self::En],
            Self::DeEinfach => [house, Self::De, Self::En],
            Self::En => [house, Self::De, Self::DeEinfach],
        };
        let here = round.iter().position(|one| *one == self);
        here.map_or(house, |here| round[(here + 1) % round.len()])
    }

    /// Returns the wording whose recordings are played where it has none of its own.
    pub const fn fallback(self) -> Self {
        match self {
            Self::De | Self::DeDu => Self::De,
            Self::En => Self::En,
            // Its voice is slower, in the same words, too.
            Self::DeEinfach => Self::DeEinfach,
        }
    }

    /// Returns the words of recordings that differ from those of its language.
    pub(super) fn own_words(self) -> Option<&'static BTreeMap<String, String>> {
        self.own().map(|own| &own.clip)
    }

    /// Returns what differs from its language.
    pub(super) fn own(self) -> Option<&'static Own> {
        static EASY: LazyLock<Own> =
            LazyLock::new(|| Own::parse(include_str!("../catalogue/de-einfach.toml")));
        static DU: LazyLock<Own> =
            LazyLock::new(|| Own::parse(include_str!("../catalogue/de-du.toml")));
        match self {
            Self::De | Self::En => None,
            Self::DeEinfach => Some(&EASY),
            Self::DeDu => Some(&DU),
        }
    }
}

impl From<Language> for Wording {
    fn from(language: Language) -> Self {
        match language {
            Language::De => Self::De,
            Language::En => Self::En,
        }
    }
}

/// The file of a wording that has a language's catalogue beneath it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Own {
    clip: BTreeMap<String, String>,
    pub(super) event: BTreeMap<String, Renderings>,
}

impl Own {
    fn parse(text: &str) -> Self {
        toml::from_str(text).expect("the built-in catalogue is well-formed, which a test holds")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_leads_through_three_wordings_and_back_to_the_houses_own() {
        for house in Wording::ALL {
            let mut met = vec![house];
            let mut now = house;
            for _ in 0..2 {
                now = now.next(house);
                assert!(!met.contains(&now), "{now:?} twice");
                met.push(now);
            }
            assert_eq!(now.next(house), house);
            let other = met.iter().any(|one| one.language() != house.language());
            assert!(other && met.contains(&Wording::DeEinfach), "{met:?}");
            // Nobody is called du or Sie who came to the other.
            assert!(!(met.contains(&Wording::De) && met.contains(&Wording::DeDu)));
            assert_eq!(Wording::from_tag(house.tag()), Some(house));
        }
        assert_eq!(Wording::from_tag("fr"), None);
    }
}
