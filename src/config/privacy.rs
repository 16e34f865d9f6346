//! Section `[privacy]`: what the notice on privacy says that only the operator knows (Art. 13 GDPR).

use serde::{Deserialize, Deserializer, de};

use crate::limit::NOTICE_LINE_CHARS_MAX;

/// Section `[privacy]`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Privacy {
    /// Who is responsible, with an address.
    pub controller: Line,
    /// How they are reached.
    pub contact: Line,
    /// How their data protection officer is reached.
    pub officer: Line,
    /// On what basis in law they hold conferences.
    pub basis: Line,
    /// The authority to complain to.
    pub authority: Line,
}

/// A line for people to read; none where it is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Line(pub Option<String>);

impl<'de> Deserialize<'de> for Line {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let line = text.trim();
        if line.chars().any(char::is_control) || line.chars().count() > NOTICE_LINE_CHARS_MAX {
            return Err(de::Error::custom("not one line of at most 300 characters"));
        }
        Ok(Self((!line.is_empty()).then(|| line.to_owned())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<Privacy> {
        toml::from_str(text).ok()
    }

    #[test]
    fn a_line_is_one_and_short() {
        let read_line = |value: &str| read(&format!("controller = {value}"));
        let line = |value: &str| read_line(value).map(|privacy| privacy.controller.0);
        assert_eq!(line("\" \""), Some(None));
        assert_eq!(
            line("\"Grundschule am Anger, 99084 Erfurt\""),
            Some(Some(String::from("Grundschule am Anger, 99084 Erfurt")))
        );
        assert_eq!(line("\"two\\nlines\""), None);
        let long = format!("\"{}\"", "x".repeat(NOTICE_LINE_CHARS_MAX + 1));
        assert_eq!(line(&long), None);
    }
}
