//! Section `[dial_out]`: whether moderators may have people called, whom, and what that may cost.

use std::time::Duration;

use serde::{Deserialize, Deserializer, de};

use super::trunk::{Number, Trunk};
use crate::phone::{Assertion, Outward, Shown, is_prefix};

/// Section `[dial_out]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DialOut {
    /// Whether anybody is called at all.
    pub enabled: bool,
    /// How the numbers begin that are called.
    #[serde(deserialize_with = "prefixes")]
    pub prefixes: Vec<String>,
    /// Minutes of all calls in 24 hours.
    pub minutes_per_day: u32,
    /// Calls begun in an hour.
    pub calls_per_hour: usize,
    /// Minutes that a call may last.
    #[serde(deserialize_with = "longest")]
    pub longest_minutes: u32,
}

impl DialOut {
    /// Returns what the telephone door is told; none where nobody is called.
    pub fn rules(&self) -> Option<crate::phone::DialOut> {
        self.enabled.then(|| crate::phone::DialOut {
            prefixes: self.prefixes.clone(),
            minutes_per_day: self.minutes_per_day,
            calls_per_hour: self.calls_per_hour,
            longest: Duration::from_secs(u64::from(self.longest_minutes) * 60),
            ring: RING,
        })
    }
}

impl Default for DialOut {
    fn default() -> Self {
        Self {
            enabled: false,
            prefixes: Vec::new(),
            minutes_per_day: 60,
            calls_per_hour: 10,
            longest_minutes: 120,
        }
    }
}

/// By whose word a number is ours that calls are made as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Identity {
    /// Ours, which the carrier checks (P-Preferred-Identity).
    #[default]
    Preferred,
    /// Ours, which the carrier believes (P-Asserted-Identity).
    Asserted,
}

impl Trunk {
    /// Returns as whom calls are made over it: as a number in full that is among its own; none where it is not.
    pub fn outward(&self) -> Option<Outward> {
        let plan = self.plan();
        let caller = plan.canonical(&self.calls_as);
        let mut own = self.numbers.iter().filter_map(|number| match number {
            Number::Dialled(dialled) => Some(plan.canonical(&dialled.number)),
            Number::Rooms | Number::Bridge | Number::SoundTest => None,
        });
        let found = caller.starts_with('+') && own.any(|number| number == caller);
        found.then_some(Outward {
            caller,
            assertion: match self.identity {
                Identity::Preferred => Assertion::Preferred,
                Identity::Asserted => Assertion::Asserted,
            },
            shown: match self.withheld {
                true => Shown::No,
                false => Shown::Yes,
            },
        })
    }
}

fn prefixes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let prefixes = Vec::<String>::deserialize(deserializer)?;
    match prefixes.iter().all(|prefix| is_prefix(prefix)) {
        true => Ok(prefixes),
        false => Err(de::Error::custom(
            "not the beginning of a number with its country",
        )),
    }
}

fn longest<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    let minutes = u32::deserialize(deserializer)?;
    match LONGEST.contains(&minutes) {
        true => Ok(minutes),
        false => Err(de::Error::custom("not a time for a call")),
    }
}

/// How long a telephone rings before we give up; networks give up after two to three minutes.
const RING: Duration = Duration::from_secs(60);
/// Minutes that a call may be allowed to last: up to a day.
const LONGEST: std::ops::RangeInclusive<u32> = 1..=1_440;

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::{Config, Contradiction, Error};

    /// A trunk over which calls are made.
    const TRUNK: &str = "[[trunk]]\nname = \"a\"\npeers = [\"192.0.2.1\"]\nprobe = \"sip:192.0.2.1\"\n\
         numbers = [\"+4930123456\"]\ncalls_as = \"+4930123456\"\n";

    fn parse(keys: &str) -> Result<DialOut, Error> {
        let text = format!("[dial_out]\n{keys}{TRUNK}");
        Ok(Config::parse(&text, Path::new("test.toml"))?.dial_out)
    }

    #[test]
    fn nobody_is_called_unless_it_is_said() {
        assert_eq!(Config::default().dial_out.rules(), None);
        assert_eq!(parse("prefixes = [\"+49\"]\n").unwrap().rules(), None);
        let rules = parse("enabled = true\n").unwrap().rules().unwrap();
        assert_eq!(rules.prefixes, Vec::<String>::new());
        let rules = parse("enabled = true\nprefixes = [\"+49\", \"+4312\"]\nlongest_minutes = 5\n");
        let rules = rules.unwrap().rules().unwrap();
        assert_eq!(rules.prefixes, ["+49", "+4312"]);
        assert_eq!(rules.longest, Duration::from_secs(300));
    }

    #[test]
    fn without_a_trunk_that_says_as_whom_nobody_can_be_called() {
        let text = "[dial_out]\nenabled = true\nprefixes = [\"+49\"]\n";
        let error = Config::parse(text, Path::new("test.toml")).unwrap_err();
        let Error::Contradiction { place, what } = &error else {
            panic!("{error:?}")
        };
        assert_eq!(*what, Contradiction::NobodyCalls);
        assert_eq!((place.line, place.key.as_str()), (2, "dial_out.enabled"));
    }

    #[test]
    fn wrong_values_are_answered_with_line_and_key() {
        for (keys, key) in [
            ("prefixes = [\"49\"]\n", "dial_out.prefixes"),
            ("prefixes = [\"+\"]\n", "dial_out.prefixes"),
            ("prefixes = [\"0900\"]\n", "dial_out.prefixes"),
            ("minutes_per_day = -1\n", "dial_out.minutes_per_day"),
            ("calls_per_hour = \"many\"\n", "dial_out.calls_per_hour"),
            ("longest_minutes = 0\n", "dial_out.longest_minutes"),
        ] {
            let error = parse(keys).unwrap_err();
            let Error::Value { place, .. } = &error else {
                panic!("{keys}: {error:?}")
            };
            assert_eq!((place.line, place.key.as_str()), (2, key), "{keys}");
        }
    }
}
