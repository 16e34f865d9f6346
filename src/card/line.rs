//! The telephone numbers at which people come in, as trunks bring them.

use crate::{
    browser::call_in::Line,
    config::{Dialled, Number, Trunk},
    phone::DialPlan,
};

/// Returns the telephone numbers of trunks, each once, in their order. What only an exchange can dial, such as an extension, is
/// no number to tell people.
pub(super) fn lines(trunks: &[Trunk]) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for trunk in trunks {
        let dialled = trunk.numbers.iter().filter_map(|number| match number {
            Number::Dialled(dialled) => line(trunk, dialled),
            Number::Rooms | Number::Bridge | Number::SoundTest => None,
        });
        for line in dialled {
            if lines.iter().all(|known| known.number != line.number) {
                lines.push(line);
            }
        }
    }
    lines
}

fn line(trunk: &Trunk, dialled: &Dialled) -> Option<Line> {
    let digits = dialled.number.strip_prefix('+')?;
    (!dialled.sound_test).then(|| Line {
        number: spaced(digits, &trunk.plan()),
        language: dialled.language.unwrap_or(trunk.language),
        room: dialled.room.clone(),
    })
}

/// Writes a number as it is read: country code, area code and the rest apart, as far as they are known.
fn spaced(digits: &str, DialPlan { country, area }: &DialPlan) -> String {
    let Some(national) = digits
        .strip_prefix(country.as_str())
        .filter(|_| !country.is_empty())
    else {
        return format!("+{digits}");
    };
    match national
        .strip_prefix(area.as_str())
        .filter(|_| !area.is_empty())
    {
        Some(rest) => format!("+{country} {area} {rest}"),
        None => format!("+{country} {national}"),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::{conference::event::Wording, config::Config};

    #[test]
    fn numbers_that_can_be_called_from_everywhere_are_told_once() {
        let settings = "
            [[trunk]]
            name = \"carrier\"
            peers = [\"192.0.2.1\"]
            numbers = [\"rooms\", \"+4930123456\", { number = \"+441632960961\", language = \"en\", room = \"4711\" },
                       { number = \"+4930123457\", sound_test = true }, \"+4989654321\"]
            area = \"30\"
            [[trunk]]
            name = \"another\"
            peers = [\"192.0.2.2\"]
            numbers = [\"620\", \"+4930123456\"]
            area = \"30\"
        ";
        let config = Config::parse(settings, Path::new("test.toml")).unwrap();
        let line = |number: &str, language, room: Option<&str>| Line {
            number: number.to_owned(),
            language,
            room: room.map(str::to_owned),
        };
        assert_eq!(
            lines(&config.trunk),
            [
                line("+49 30 123456", Wording::De, None),
                line("+441632960961", Wording::En, Some("4711")),
                line("+49 89654321", Wording::De, None),
            ]
        );
    }
}
