//! What can be wrong with settings, and the sentence that says so: file, line, key and a valid example.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use super::contradiction::Contradiction;
use crate::conference::event::Language;

/// Settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("the settings file {} cannot be read: {source}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not TOML.
    #[error("{place}: this is not TOML: {detail}")]
    Syntax {
        /// Where.
        place: Place,
        /// What the parser says.
        detail: String,
    },
    /// There is no such setting.
    #[error("{place}: there is no setting {}", place.key)]
    UnknownKey {
        /// Where.
        place: Place,
    },
    /// A setting that must be given is missing.
    #[error("{place}: the setting {} is missing", place.key)]
    MissingKey {
        /// Where.
        place: Place,
    },
    /// The value is not one the setting can have.
    #[error("{place}: the value of {} cannot be used: {detail}", place.key)]
    Value {
        /// Where.
        place: Place,
        /// What the parser says.
        detail: String,
    },
    /// The value is well-formed but must not be.
    #[error("{place}: the value of {} cannot be used: {}", place.key, what.told(Language::En))]
    Contradiction {
        /// Where.
        place: Place,
        /// What is wrong.
        what: Contradiction,
    },
}

/// Where in the settings something is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub file: PathBuf,
    /// The line, counted from 1.
    pub line: usize,
    /// The key with its section: `web.listen_https`.
    pub key: String,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, line {}", self.file.display(), self.line)
    }
}

impl Error {
    /// Says in one sentence what is wrong.
    pub fn told(&self, language: Language) -> String {
        match language {
            Language::En => self.in_english(),
            Language::De => self.in_german(),
        }
    }

    fn in_english(&self) -> String {
        match self {
            Self::Unreadable { file, source } => {
                format!(
                    "The settings file {} cannot be read: {source}.",
                    file.display()
                )
            }
            Self::Syntax { place, detail } => format!(
                "The settings file {} is not TOML in line {}: {detail}.",
                place.file.display(),
                place.line
            ),
            Self::UnknownKey { place } => format!(
                "There is no setting {} (line {} of {}).",
                place.key,
                place.line,
                place.file.display()
            ),
            Self::MissingKey { place } => format!(
                "The setting {} is missing (line {} of {}).",
                place.key,
                place.line,
                place.file.display()
            ),
            Self::Value { place, .. } => format!(
                "The value of {} cannot be used (line {} of {}); valid is, for example: {}",
                place.key,
                place.line,
                place.file.display(),
                example(&place.key)
            ),
            Self::Contradiction { place, what } => format!(
                "The value of {} cannot be used (line {} of {}): {}.",
                place.key,
                place.line,
                place.file.display(),
                what.told(Language::En)
            ),
        }
    }

    fn in_german(&self) -> String {
        match self {
            Self::Unreadable { file, source } => format!(
                "Die Einstellungen in {} sind nicht lesbar: {source}.",
                file.display()
            ),
            Self::Syntax { place, detail } => format!(
                "Die Einstellungen in {} sind in Zeile {} kein TOML: {detail}.",
                place.file.display(),
                place.line
            ),
            Self::UnknownKey { place } => format!(
                "Die Einstellung {} gibt es nicht (Zeile {} in {}).",
                place.key,
                place.line,
                place.file.display()
            ),
            Self::MissingKey { place } => format!(
                "Die Einstellung {} fehlt (Zeile {} in {}).",
                place.key,
                place.line,
                place.file.display()
            ),
            Self::Value { place, .. } => format!(
                "Der Wert von {} ist unbrauchbar (Zeile {} in {}); gültig ist zum Beispiel: {}",
                place.key,
                place.line,
                place.file.display(),
                example(&place.key)
            ),
            Self::Contradiction { place, what } => format!(
                "Der Wert von {} ist unbrauchbar (Zeile {} in {}): {}.",
                place.key,
                place.line,
                place.file.display(),
                what.told(Language::De)
            ),
        }
    }

    pub(super) fn from_toml(error: &toml::de::Error, text: &str, file: &Path) -> Self {
        let span = error.span().unwrap_or_default();
        let message = error.message();
        let place = |key: &str| Place::at(span.start, key, text, file);
        if message.starts_with("unknown field") {
            return Self::UnknownKey {
                place: place(text.get(span.clone()).unwrap_or_default()),
            };
        }
        if let Some(rest) = message.strip_prefix("missing field `") {
            return Self::MissingKey {
                place: place(rest.trim_end_matches('`')),
            };
        }
        let detail = message.lines().next().unwrap_or_default().to_owned();
        if text.parse::<toml::Table>().is_err() {
            return Self::Syntax {
                place: place(""),
                detail,
            };
        }
        let key = key_before(text, span.start);
        Self::Value {
            place: place(&key),
            detail,
        }
    }
}

impl Place {
    /// Describes an offset in the text; the key is completed by the section the offset stands in.
    fn at(offset: usize, key: &str, text: &str, file: &Path) -> Self {
        let before = text.get(..offset).unwrap_or_default();
        let line = before.matches('\n').count();
        let section = text
            .lines()
            .take(line + 1)
            .filter_map(section)
            .last()
            .unwrap_or_default();
        Self {
            file: file.to_owned(),
            line: line + 1,
            key: match (section, key) {
                ("", key) | (key, "") => key.to_owned(),
                (section, key) if section == key => key.to_owned(),
                (section, key) => format!("{section}.{key}"),
            },
        }
    }

    /// Finds a key in the text, in the section that has so many of the same name before it; where the key is only
    /// implied, the first line stands for it.
    pub(super) fn of_key(path: &str, before: usize, text: &str, file: &Path) -> Self {
        let (mut here, mut same) = ("", 0);
        let own = path.split('.').next();
        let line = text.lines().position(|line| {
            if let Some(section) = section(line) {
                here = section;
                same += usize::from(own == Some(here));
            }
            same == before + 1
                && key(line).is_some_and(|key| path.strip_prefix(here) == Some(&format!(".{key}")))
        });
        Self {
            file: file.to_owned(),
            line: line.unwrap_or_default() + 1,
            key: path.to_owned(),
        }
    }
}

/// Returns the section that a line opens.
fn section(line: &str) -> Option<&str> {
    let inner = line.trim_start().strip_prefix('[')?;
    let (name, _) = inner.trim_start_matches('[').split_once(']')?;
    (!name.contains(['"', ',', '\''])).then(|| name.trim())
}

/// Returns the key that a line sets.
fn key(line: &str) -> Option<&str> {
    let (key, _) = line.split_once('=')?;
    let key = key.trim();
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-' || c == '.';
    (!key.is_empty() && key.chars().all(bare)).then_some(key)
}

/// Returns the key whose value the offset stands in; values may run over several lines.
fn key_before(text: &str, offset: usize) -> String {
    let end = text[offset.min(text.len())..]
        .find('\n')
        .map_or(text.len(), |rest| offset + rest);
    text[..end]
        .lines()
        .rev()
        .find_map(key)
        .unwrap_or_default()
        .to_owned()
}

/// Returns the line of the shipped settings that sets the key, to something if there is such a line.
fn example(key: &str) -> &'static str {
    let place = Place::of_key(key, 0, SHIPPED, Path::new(""));
    let line = SHIPPED.lines().nth(place.line - 1).unwrap_or_default();
    let nothing = line.strip_suffix("\"\"").or(line.strip_suffix("[]"));
    let Some(nothing) = nothing else {
        return line;
    };
    let commented = SHIPPED.lines().filter_map(|line| line.strip_prefix('#'));
    let mut telling = commented.filter(|line| line.starts_with(nothing));
    telling.next().unwrap_or(line)
}

/// The settings as shipped, for examples in errors.
pub(super) const SHIPPED: &str = include_str!("../../deploy/config.toml");
