//! Which keys ask for what: the plan that an installation may change, and what no plan may hold.
//!
//! A sequence is a star and one to three digits, or the same digit twice. `*1` to `*4`, `**`, `##` and `*#` are none: callers' own
//! exchanges take them for themselves. No sequence begins another, so each is complete at its last key.

use std::{collections::BTreeMap, fmt, str::FromStr};

use crate::limit::{SEQUENCE_KEYS_MAX, SEQUENCES_PER_CONTROL_MAX};

/// Defines [`Control`] together with its setting and the keys it has where nobody says otherwise.
macro_rules! controls {
    ($($(#[$doc:meta])* $control:ident = $setting:literal [$($sequence:literal)*],)*) => {
        /// What keys can ask for, outside of menus.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Control {
            $($(#[$doc])* $control,)*
        }

        impl Control {
            /// All of them, callers' first.
            pub const ALL: &[Self] = &[$(Self::$control,)*];

            /// Returns the setting that gives it other keys.
            pub const fn setting(self) -> &'static str {
                match self {
                    $(Self::$control => concat!("keys.", $setting),)*
                }
            }

            /// Returns the keys that it has where nobody says otherwise; the first are those that are spoken of.
            pub const fn usual(self) -> &'static [&'static str] {
                match self {
                    $(Self::$control => &[$($sequence,)*],)*
                }
            }
        }
    };
}

controls! {
    /// The microphone.
    Microphone = "microphone" ["66" "*6"],
    /// The hand.
    Hand = "hand" ["99" "*9"],
    /// Who is here.
    WhoIsHere = "who_is_here" ["55" "*5"],
    /// Help, and its menu.
    Help = "help" ["00" "*0"],
    /// How loud it is.
    Volume = "volume" ["*7"],
    /// Mute everybody.
    MuteAll = "mute_all" ["*81"],
    /// Lock the conference, or open it.
    Lock = "lock" ["*82"],
    /// Who waits.
    Waiting = "waiting" ["*83"],
    /// Send the guest away who came last.
    RemoveLast = "remove_last" ["*84"],
    /// Let people ask to speak, and give the floor.
    NextHand = "next_hand" ["*85"],
    /// What is heard of people who come and go.
    EntrySignal = "entry_signal" ["*86"],
    /// End the conference.
    End = "end" ["*89"],
}

/// Keys that are pressed one after another: at most [`SEQUENCE_KEYS_MAX`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Sequence {
    keys: [char; SEQUENCE_KEYS_MAX],
    length: usize,
}

impl Sequence {
    /// The star alone: a beginning, no sequence.
    pub(super) const STAR: Self = Self {
        keys: ['*', '\0', '\0', '\0'],
        length: 1,
    };

    /// The same key twice.
    pub(super) const fn twice(key: char) -> Self {
        Self {
            keys: [key, key, '\0', '\0'],
            length: 2,
        }
    }

    /// Returns the keys with one more; none if there are as many as there may be.
    pub(super) fn with(mut self, key: char) -> Option<Self> {
        *self.keys.get_mut(self.length)? = key;
        self.length += 1;
        Some(self)
    }

    /// Returns the keys.
    pub fn keys(&self) -> &[char] {
        &self.keys[..self.length]
    }

    /// Returns the digit, if it is one twice.
    pub fn doubled(&self) -> Option<char> {
        match self.keys() {
            [first, second] if first == second => Some(*first),
            _ => None,
        }
    }

    fn begins(&self, other: &Self) -> bool {
        other.keys().starts_with(self.keys())
    }
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.keys().iter().collect::<String>())
    }
}

impl fmt::Debug for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What is wrong with keys in the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// There are none.
    None,
    /// There are more than [`SEQUENCES_PER_CONTROL_MAX`].
    TooMany,
    /// They are neither a star and one to three digits nor the same digit twice.
    Malformed(String),
    /// Exchanges take them for themselves.
    Intercepted(String),
    /// They are the same as others, or begin them.
    Clash(Sequence, Sequence),
}

impl FromStr for Sequence {
    type Err = Problem;

    fn from_str(text: &str) -> Result<Self, Problem> {
        let malformed = || Problem::Malformed(text.chars().take(SHOWN_MAX).collect());
        let intercepted = ["**", "##", "*#", "*1", "*2", "*3", "*4"];
        if intercepted.iter().any(|taken| text.starts_with(taken)) {
            return Err(Problem::Intercepted(text.chars().take(SHOWN_MAX).collect()));
        }
        let mut sequence = Self::default();
        for key in text.chars() {
            sequence = sequence.with(key).ok_or_else(malformed)?;
        }
        let digits = |keys: &[char]| keys.iter().all(char::is_ascii_digit);
        match sequence.keys() {
            ['*', rest @ ..] if !rest.is_empty() && digits(rest) => Ok(sequence),
            [first, second] if first == second && first.is_ascii_digit() => Ok(sequence),
            _ => Err(malformed()),
        }
    }
}

/// The keys of an installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPlan {
    sequences: BTreeMap<Control, Vec<Sequence>>,
}

impl Default for KeyPlan {
    fn default() -> Self {
        let usual = |control: Control| control.usual().iter().copied();
        Self::new(usual).expect("the usual keys are a plan, which a test holds")
    }
}

impl KeyPlan {
    /// Makes a plan of the keys of each control, in the order of preference.
    ///
    /// # Errors
    ///
    /// Fails with the first control whose keys cannot be used; of two that clash it is one whose keys are not the usual ones,
    /// for that is what somebody has written.
    pub fn new<'a, I>(keys: impl Fn(Control) -> I) -> Result<Self, (Control, Problem)>
    where
        I: IntoIterator<Item = &'a str>,
    {
        let mut plan = Self {
            sequences: BTreeMap::new(),
        };
        let all = Control::ALL.iter();
        let all = all.map(|&control| (control, keys(control).into_iter().collect::<Vec<_>>()));
        let (usual, chosen): (Vec<_>, Vec<_>) =
            all.partition(|(control, keys)| *keys == control.usual());
        for (control, keys) in usual.into_iter().chain(chosen) {
            let sequences = plan.admit(keys).map_err(|wrong| (control, wrong))?;
            plan.sequences.insert(control, sequences);
        }
        Ok(plan)
    }

    /// Reads the keys of one control, beside those that are in the plan.
    fn admit<'a>(&self, keys: impl IntoIterator<Item = &'a str>) -> Result<Vec<Sequence>, Problem> {
        let mut sequences: Vec<Sequence> = Vec::new();
        for text in keys {
            let sequence: Sequence = text.parse()?;
            let mut others = self.sequences.values().flatten().chain(&sequences);
            let clash = others.find(|other| other.begins(&sequence) || sequence.begins(other));
            if let Some(other) = clash {
                return Err(Problem::Clash(sequence, *other));
            }
            if sequences.len() == SEQUENCES_PER_CONTROL_MAX {
                return Err(Problem::TooMany);
            }
            sequences.push(sequence);
        }
        if sequences.is_empty() {
            Err(Problem::None)
        } else {
            Ok(sequences)
        }
    }

    /// Returns what keys ask for; none if nothing.
    pub(super) fn control(&self, typed: &Sequence) -> Option<Control> {
        let mut all = self.sequences.iter();
        all.find(|(_, sequences)| sequences.contains(typed))
            .map(|(control, _)| *control)
    }

    /// Tells whether keys may still come to ask for something.
    pub(super) fn begins(&self, typed: &Sequence) -> bool {
        let mut all = self.sequences.values().flatten();
        all.any(|sequence| typed.begins(sequence))
    }

    /// Returns the keys that are spoken of.
    pub fn spoken(&self, control: Control) -> Sequence {
        let sequences = self.sequences.get(&control);
        sequences
            .and_then(|sequences| sequences.first())
            .copied()
            .expect("a plan has keys for every control")
    }

    /// Tells whether what is spoken of is what is usual.
    pub fn is_usual(&self, control: Control) -> bool {
        let usual = control.usual().first().copied().unwrap_or_default();
        self.spoken(control).to_string() == usual
    }
}

/// Characters of a wrong setting that are shown.
const SHOWN_MAX: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    fn with(control: Control, keys: &[&'static str]) -> Result<KeyPlan, (Control, Problem)> {
        KeyPlan::new(|one| {
            let keys = if one == control { keys } else { one.usual() };
            keys.to_vec()
        })
    }

    #[test]
    fn the_usual_keys_are_a_plan() {
        let plan = KeyPlan::default();
        for &control in Control::ALL {
            assert!(plan.is_usual(control), "{control:?}");
            for keys in control.usual() {
                let sequence: Sequence = keys.parse().unwrap();
                assert_eq!(plan.control(&sequence), Some(control));
                assert_eq!(sequence.to_string(), *keys);
            }
        }
    }

    #[test]
    fn keys_may_be_others() {
        let plan = with(Control::Microphone, &["11", "*77", "*681"]);
        // *7 is the volume's.
        let clash = Problem::Clash("*77".parse().unwrap(), "*7".parse().unwrap());
        assert_eq!(plan.unwrap_err(), (Control::Microphone, clash));
        let plan = with(Control::Microphone, &["11", "*681", "*69"]).unwrap();
        assert_eq!(plan.spoken(Control::Microphone).to_string(), "11");
        assert!(!plan.is_usual(Control::Microphone));
        assert!(plan.is_usual(Control::Hand));
        let typed = Sequence::STAR.with('6').unwrap();
        assert!(plan.begins(&typed) && plan.control(&typed).is_none());
        let typed = typed.with('9').unwrap();
        assert_eq!(plan.control(&typed), Some(Control::Microphone));
    }

    #[test]
    fn what_exchanges_take_for_themselves_is_refused() {
        for keys in [
            "**", "##", "*#", "*1", "*2", "*3", "*4", "*1234", "*11", "**6", "*#6",
        ] {
            let refused = with(Control::Hand, &[keys]).unwrap_err();
            let expected = Problem::Intercepted(keys.chars().take(SHOWN_MAX).collect());
            assert_eq!(refused, (Control::Hand, expected));
        }
    }

    #[test]
    fn what_is_no_sequence_is_refused() {
        for keys in [
            "", "*", "6", "#", "69", "666", "*6666", "*6#", "#6", "6*", "AA", "٦٦", "*A", "*6 ",
            "#66",
        ] {
            let (control, problem) = with(Control::Hand, &[keys]).unwrap_err();
            assert_eq!(control, Control::Hand);
            assert!(
                matches!(problem, Problem::Malformed(_)),
                "{keys}: {problem:?}"
            );
        }
    }

    #[test]
    fn each_control_has_keys_of_its_own() {
        assert_eq!(
            with(Control::End, &[]).unwrap_err(),
            (Control::End, Problem::None)
        );
        for (keys, other) in [
            ("66", "66"),
            ("*6", "*6"),
            ("*81", "*81"),
            ("*8", "*81"),
            ("*65", "*6"),
        ] {
            let (_, problem) = with(Control::Hand, &[keys]).unwrap_err();
            let Problem::Clash(one, two) = problem else {
                panic!("{keys}: {problem:?}")
            };
            let mut clashing = [one.to_string(), two.to_string()];
            clashing.sort();
            let mut expected = [keys, other];
            expected.sort_unstable();
            assert_eq!(clashing, expected);
        }
        let twice = with(Control::Hand, &["99", "99"]).unwrap_err();
        assert!(matches!(twice.1, Problem::Clash(..)));
        let many = with(Control::Hand, &["99", "*9", "77", "88", "22"]).unwrap_err();
        assert_eq!(many.1, Problem::TooMany);
    }
}
