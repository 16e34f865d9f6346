//! Section `[keys]`: which keys of callers ask for what.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, de};

use crate::conference::keyplan::{Control, KeyPlan, Problem};

/// Section `[keys]`: sequences of keys by control; a control that is not named keeps its usual ones.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Keys(BTreeMap<Control, Vec<String>>);

impl Keys {
    /// Returns what the keys of this installation ask for.
    ///
    /// # Errors
    ///
    /// Fails with the first control whose keys cannot be used.
    pub fn plan(&self) -> Result<KeyPlan, (Control, Problem)> {
        KeyPlan::new(|control| match self.0.get(&control) {
            Some(keys) => keys.iter().map(String::as_str).collect::<Vec<_>>(),
            None => control.usual().to_vec(),
        })
    }
}

/// The name of a control as it stands in the section.
fn name(control: Control) -> &'static str {
    let setting = control.setting();
    setting.split_once('.').map_or(setting, |(_, name)| name)
}

impl<'de> Deserialize<'de> for Keys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let named = BTreeMap::<Named, Vec<String>>::deserialize(deserializer)?;
        let usual = |(Named(control), keys): &(Named, Vec<String>)| *keys == control.usual();
        let keys = named.into_iter().filter(|one| !usual(one));
        Ok(Self(
            keys.map(|(Named(control), keys)| (control, keys)).collect(),
        ))
    }
}

/// A control by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Named(Control);

impl<'de> Deserialize<'de> for Named {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let mut all = Control::ALL.iter();
        let found = all.find(|control| name(**control) == text);
        found
            .map(|control| Self(*control))
            .ok_or_else(|| de::Error::custom(format!("unknown field `{text}`")))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::{conference::event::Language, config::Config};

    fn parse(text: &str) -> Result<KeyPlan, String> {
        let config = Config::parse(text, Path::new("rundruf.toml"));
        let config = config.map_err(|error| {
            let [german, english] =
                [Language::De, Language::En].map(|language| error.told(language));
            assert_ne!(german, english);
            format!("{german}\n{english}")
        })?;
        Ok(config.keys.plan().unwrap())
    }

    #[test]
    fn what_is_not_named_keeps_its_keys() {
        assert_eq!(parse("").unwrap(), KeyPlan::default());
        let plan = parse("[keys]\nmicrophone = [\"11\", \"*67\"]\n").unwrap();
        assert_eq!(plan.spoken(Control::Microphone).to_string(), "11");
        for &control in &Control::ALL[1..] {
            assert!(plan.is_usual(control), "{control:?}");
        }
    }

    /// Every key of the section is known, and the usual keys are what the shipped settings say.
    #[test]
    fn the_shipped_settings_name_every_control_with_its_usual_keys() {
        let shipped: toml::Table = crate::config::error::SHIPPED.parse().unwrap();
        let section = shipped["keys"].as_table().unwrap();
        assert_eq!(section.len(), Control::ALL.len());
        for control in Control::ALL {
            let keys = section[name(*control)].as_array().unwrap();
            let keys: Vec<_> = keys.iter().map(|keys| keys.as_str().unwrap()).collect();
            assert_eq!(keys, control.usual(), "{control:?}");
        }
    }

    #[test]
    fn wrong_keys_are_told_in_a_sentence_with_line_and_key() {
        for (keys, german, english) in [
            (
                "[\"*3\"]",
                "\"*3\" erreicht uns nicht",
                "\"*3\" does not reach us",
            ),
            (
                "[\"9\"]",
                "\"9\" ist weder Stern",
                "\"9\" is neither a star",
            ),
            (
                "[\"66\"]",
                "66 und 66 sind gleich",
                "66 and 66 are the same",
            ),
            (
                "[\"*81\"]",
                "*81 und *81 sind gleich",
                "*81 and *81 are the same",
            ),
            (
                "[\"*61\"]",
                "oder eine beginnt die andere",
                "or one begins the other",
            ),
            ("[]", "hier fehlen Tasten", "it needs keys"),
            (
                "[\"99\", \"*9\", \"77\", \"88\", \"22\"]",
                "das sind zu viele",
                "these are too many",
            ),
        ] {
            let told = parse(&format!("[keys]\n# mine\nhand = {keys}\n")).unwrap_err();
            for part in [german, english, "keys.hand", "rundruf.toml"] {
                assert!(told.contains(part), "{part}: {told}");
            }
        }
        // Of two that clash the one that was written is named, and so is a setting that does not exist.
        let told = parse("[keys]\nhand = [\"*8\"]\n").unwrap_err();
        assert!(
            told.contains("keys.hand") && told.contains("*8 und *81"),
            "{told}"
        );
        let told = parse("[keys]\nwho = [\"55\"]\n").unwrap_err();
        assert!(
            told.contains("Die Einstellung keys.who gibt es nicht (Zeile 2"),
            "{told}"
        );
    }
}
