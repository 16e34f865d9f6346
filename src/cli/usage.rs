//! What is wrong with a command line, said like everything else that an operator reads: in the language of the environment.
//!
//! The parser finds out what is wrong and tells it as a kind with what it is about; the sentences are ours.

use std::{error::Error as _, ffi::OsString, process::ExitCode};

use clap::{
    CommandFactory, FromArgMatches,
    error::{ContextKind, ContextValue, ErrorKind},
};

use super::{Arguments, invite::NotATime};
use crate::{
    conference::{event::Language, policy::NotSpeakers},
    start::complain,
};

/// Reads a command line.
///
/// # Errors
///
/// Fails when it is none of ours, and when help or the version is asked for: for [`end`].
pub fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Arguments, clap::Error> {
    let matches = explicit(Arguments::command()).try_get_matches_from(words)?;
    Arguments::from_arg_matches(&matches)
}

/// Prints what was asked for, or says what is wrong; returns what the program ends with.
pub fn end(error: &clap::Error, language: Language) -> ExitCode {
    if error.use_stderr() {
        complain(&told(error, language));
        return ExitCode::from(WRONG);
    }
    match error.print() {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// Lets whoever names no command be told which there are, instead of all the help.
fn explicit(command: clap::Command) -> clap::Command {
    command
        .arg_required_else_help(false)
        .mut_subcommands(explicit)
}

/// Says what is wrong, what may have been meant, and how it is written.
fn told(error: &clap::Error, language: Language) -> String {
    let mut text = match language {
        Language::De => in_german(error),
        Language::En => in_english(error),
    };
    let meant = [
        ContextKind::SuggestedArg,
        ContextKind::SuggestedSubcommand,
        ContextKind::SuggestedValue,
    ];
    if let Some(meant) = meant.into_iter().find_map(|kind| words(error, kind)) {
        text += &match language {
            Language::De => format!(" Gemeint ist vielleicht {meant}."),
            Language::En => format!(" Perhaps {meant} is meant."),
        };
    }
    let usage = words(error, ContextKind::Usage);
    let usage = usage.as_deref().and_then(|usage| usage.split_once(": "));
    if let Some((_, usage)) = usage {
        let label = match language {
            Language::De => "Aufruf",
            Language::En => "Usage",
        };
        text += &format!("\n{label}: {}", usage.trim());
    }
    text += match language {
        Language::De => "\nMehr, auf Englisch, sagt --help am Ende.",
        Language::En => "\n--help at the end says more.",
    };
    text
}

fn in_german(error: &clap::Error) -> String {
    let About {
        argument,
        value,
        command,
    } = About::of(error);
    match error.kind() {
        ErrorKind::InvalidValue | ErrorKind::TooFewValues if value.is_empty() => {
            format!(
                "Zu {argument} fehlt der Wert.{}",
                choice(error, "Möglich sind")
            )
        }
        ErrorKind::InvalidValue => format!(
            "Den Wert „{value}“ gibt es für {argument} nicht.{}",
            choice(error, "Möglich sind")
        ),
        ErrorKind::ValueValidation => {
            let wanted = wanted(error, Language::De);
            format!("Der Wert „{value}“ passt nicht zu {argument}; gebraucht wird {wanted}.")
        }
        ErrorKind::TooManyValues | ErrorKind::WrongNumberOfValues => {
            format!("Der Wert „{value}“ ist bei {argument} einer zu viel.")
        }
        ErrorKind::UnknownArgument => format!("Die Angabe {argument} gibt es hier nicht."),
        ErrorKind::InvalidSubcommand => format!("Den Befehl „{command}“ gibt es hier nicht."),
        ErrorKind::MissingSubcommand => {
            format!("Es fehlt ein Befehl.{}", choice(error, "Möglich sind"))
        }
        ErrorKind::MissingRequiredArgument => format!("Es fehlt: {argument}."),
        ErrorKind::ArgumentConflict => match words(error, ContextKind::PriorArg) {
            Some(other) if other != argument => {
                format!("{argument} und {other} gehen nicht zusammen.")
            }
            Some(_) | None => format!("{argument} darf nur einmal dastehen."),
        },
        ErrorKind::InvalidUtf8 => String::from("Eine Angabe ist kein Text in UTF-8."),
        ErrorKind::NoEquals
        | ErrorKind::TooFewValues
        | ErrorKind::DisplayHelp
        | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
        | ErrorKind::DisplayVersion
        | ErrorKind::Io
        | ErrorKind::Format
        | _ => String::from("So lässt sich der Befehl nicht lesen."),
    }
}

fn in_english(error: &clap::Error) -> String {
    let About {
        argument,
        value,
        command,
    } = About::of(error);
    match error.kind() {
        ErrorKind::InvalidValue | ErrorKind::TooFewValues if value.is_empty() => {
            format!("{argument} lacks its value.{}", choice(error, "There are"))
        }
        ErrorKind::InvalidValue => format!(
            "{argument} has no value \"{value}\".{}",
            choice(error, "There are")
        ),
        ErrorKind::ValueValidation => {
            let wanted = wanted(error, Language::En);
            format!("The value \"{value}\" does not fit {argument}; what is wanted is {wanted}.")
        }
        ErrorKind::TooManyValues | ErrorKind::WrongNumberOfValues => {
            format!("The value \"{value}\" is one too many for {argument}.")
        }
        ErrorKind::UnknownArgument => format!("There is no {argument} here."),
        ErrorKind::InvalidSubcommand => format!("There is no command \"{command}\" here."),
        ErrorKind::MissingSubcommand => {
            format!("A command is missing.{}", choice(error, "There are"))
        }
        ErrorKind::MissingRequiredArgument => format!("Missing: {argument}."),
        ErrorKind::ArgumentConflict => match words(error, ContextKind::PriorArg) {
            Some(other) if other != argument => {
                format!("{argument} and {other} do not go together.")
            }
            Some(_) | None => format!("{argument} may be given once only."),
        },
        ErrorKind::InvalidUtf8 => String::from("Something given is no text in UTF-8."),
        ErrorKind::NoEquals
        | ErrorKind::TooFewValues
        | ErrorKind::DisplayHelp
        | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
        | ErrorKind::DisplayVersion
        | ErrorKind::Io
        | ErrorKind::Format
        | _ => String::from("The command cannot be read like this."),
    }
}

/// What an error is about, empty where it is not.
struct About {
    argument: String,
    value: String,
    command: String,
}

impl About {
    fn of(error: &clap::Error) -> Self {
        let words = |kind| words(error, kind).unwrap_or_default();
        Self {
            argument: words(ContextKind::InvalidArg),
            value: words(ContextKind::InvalidValue),
            command: words(ContextKind::InvalidSubcommand),
        }
    }
}

/// What there is to choose from, as a sentence after others.
fn choice(error: &clap::Error, label: &str) -> String {
    let kinds = [ContextKind::ValidValue, ContextKind::ValidSubcommand];
    let choice = kinds.into_iter().find_map(|kind| words(error, kind));
    choice.map_or(String::new(), |choice| format!(" {label}: {choice}."))
}

/// What a value has to be that is not one of a few.
fn wanted(error: &clap::Error, language: Language) -> &'static str {
    let source = error.source();
    let is_number = source.is_some_and(|source| source.is::<NotSpeakers>());
    let is_time = source.is_some_and(|source| source.is::<NotATime>());
    match (language, is_number, is_time) {
        (Language::De, true, _) => "eine Zahl von 1 bis 8",
        (Language::En, true, _) => "a number from 1 to 8",
        (Language::De, _, true) => "ein Zeitpunkt wie 2027-01-31T18:00+01:00",
        (Language::En, _, true) => "a time such as 2027-01-31T18:00+01:00",
        (Language::De, false, false) => "eine ganze Zahl von 0 bis 65535",
        (Language::En, false, false) => "a whole number from 0 to 65535",
    }
}

/// Returns what the parser says of this kind, if it does, several things separated by commas; fit for a terminal, since it may
/// repeat what was typed.
fn words(error: &clap::Error, kind: ContextKind) -> Option<String> {
    let text = match error.get(kind)? {
        ContextValue::String(text) => text.clone(),
        ContextValue::Strings(texts) => texts.join(", "),
        ContextValue::StyledStr(text) => text.to_string(),
        ContextValue::StyledStrs(texts) => texts.iter().map(ToString::to_string).collect(),
        ContextValue::None | ContextValue::Bool(_) | ContextValue::Number(_) | _ => return None,
    };
    let text: String = text
        .chars()
        .filter(|c| *c == '\n' || !c.is_control())
        .collect();
    Some(text).filter(|text| !text.is_empty())
}

/// What a program ends with that was called wrongly.
const WRONG: u8 = 2;

#[cfg(test)]
mod tests {
    use std::{any::TypeId, path::PathBuf};

    use super::*;
    use crate::{cli::invite::Time, conference::policy::Speakers};

    fn error(line: &str) -> clap::Error {
        let words = line.split(' ').filter(|word| !word.is_empty());
        parse(words.map(OsString::from)).expect_err(line)
    }

    /// The first line of what is said in both languages.
    fn said(line: &str) -> [String; 2] {
        let error = error(line);
        [Language::De, Language::En].map(|language| {
            let told = told(&error, language);
            told.lines().next().unwrap_or_default().to_owned()
        })
    }

    #[test]
    fn whatever_is_wrong_is_said_in_both_languages() {
        for (line, german, english) in [
            (
                "rundruf",
                "Es fehlt ein Befehl. Möglich sind: serve, room, invite, trunk, calls, help.",
                "A command is missing. There are: serve, room, invite, trunk, calls, help.",
            ),
            (
                "rundruf rom",
                "Den Befehl „rom“ gibt es hier nicht. Gemeint ist vielleicht room.",
                "There is no command \"rom\" here. Perhaps room is meant.",
            ),
            (
                "rundruf calls",
                "Es fehlt ein Befehl. Möglich sind: list, erase, help.",
                "A command is missing. There are: list, erase, help.",
            ),
            (
                "rundruf serve --demp",
                "Die Angabe --demp gibt es hier nicht. Gemeint ist vielleicht --demo.",
                "There is no --demp here. Perhaps --demo is meant.",
            ),
            (
                "rundruf serve --demo --demo",
                "--demo darf nur einmal dastehen.",
                "--demo may be given once only.",
            ),
            (
                "rundruf serve --demo=yes",
                "Der Wert „yes“ ist bei --demo einer zu viel.",
                "The value \"yes\" is one too many for --demo.",
            ),
            (
                "rundruf room add --level secret",
                "Den Wert „secret“ gibt es für --level <LEVEL> nicht. Möglich sind: open, normal, confidential.",
                "--level <LEVEL> has no value \"secret\". There are: open, normal, confidential.",
            ),
            (
                "rundruf room add --level",
                "Zu --level <LEVEL> fehlt der Wert. Möglich sind: open, normal, confidential.",
                "--level <LEVEL> lacks its value. There are: open, normal, confidential.",
            ),
            (
                "rundruf --config",
                "Zu --config <FILE> fehlt der Wert.",
                "--config <FILE> lacks its value.",
            ),
            (
                "rundruf room speakers 4711 9",
                "Der Wert „9“ passt nicht zu [SPEAKERS]; gebraucht wird eine Zahl von 1 bis 8.",
                "The value \"9\" does not fit [SPEAKERS]; what is wanted is a number from 1 to 8.",
            ),
            (
                "rundruf room set 4711 --quiet-above many",
                "Der Wert „many“ passt nicht zu --quiet-above <PEOPLE>; gebraucht wird eine ganze Zahl von 0 bis 65535.",
                "The value \"many\" does not fit --quiet-above <PEOPLE>; what is wanted is a whole number from 0 to 65535.",
            ),
            (
                "rundruf invite add 4711 Anna --from tomorrow",
                "Der Wert „tomorrow“ passt nicht zu --from <TIME>; gebraucht wird ein Zeitpunkt wie 2027-01-31T18:00+01:00.",
                "The value \"tomorrow\" does not fit --from <TIME>; what is wanted is a time such as 2027-01-31T18:00+01:00.",
            ),
            (
                "rundruf room pin",
                "Es fehlt: <NUMBER>.",
                "Missing: <NUMBER>.",
            ),
        ] {
            assert_eq!(said(line), [german, english], "{line}");
        }
    }

    #[test]
    fn what_was_called_wrongly_is_shown_as_it_is_written() {
        let error = error("rundruf trunk preset");
        assert_eq!(
            told(&error, Language::De),
            "Es fehlt: <WHICH>.\nAufruf: rundruf trunk preset <WHICH>\nMehr, auf Englisch, sagt --help am Ende."
        );
        assert_eq!(
            told(&error, Language::En),
            "Missing: <WHICH>.\nUsage: rundruf trunk preset <WHICH>\n--help at the end says more."
        );
    }

    #[test]
    fn what_was_typed_moves_no_cursor() {
        let error = error("rundruf \u{1b}[2J");
        let told = told(&error, Language::De);
        assert!(!told.contains('\u{1b}'), "{told:?}");
    }

    #[test]
    fn help_and_version_are_no_errors() {
        for line in [
            "rundruf --help",
            "rundruf room --help",
            "rundruf --version",
            "rundruf help",
        ] {
            assert!(!error(line).use_stderr(), "{line}");
        }
        assert!(error("rundruf").use_stderr());
    }

    /// Of every value that is not one of a few it can be said what it has to be.
    #[test]
    fn every_value_is_a_text_or_of_a_kind_that_has_words() {
        fn check(command: &clap::Command) {
            let any_text = [TypeId::of::<String>(), TypeId::of::<PathBuf>()];
            let with_words = [
                TypeId::of::<Speakers>(),
                TypeId::of::<Time>(),
                TypeId::of::<u16>(),
            ];
            for argument in command.get_arguments() {
                let kind = argument.get_value_parser().type_id();
                let known = any_text
                    .iter()
                    .chain(&with_words)
                    .any(|known| kind == *known);
                let few = !argument.get_possible_values().is_empty();
                assert!(known || few, "{argument}");
            }
            command.get_subcommands().for_each(check);
        }
        check(&Arguments::command());
    }
}
