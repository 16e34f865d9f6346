//! Tags: characters that nobody sees, of which the flags of parts of countries are made (UTS #51, ED-14a), and in which else a
//! text could hide.

/// Returns a text in which tags stand in flags alone: behind a black flag, naming a part of a country, with an end.
pub(super) fn in_flags_alone(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let (own, after) = rest.split_at(c.len_utf8());
        let tags = if c == FLAG { named(after) } else { 0 };
        if tags > 0 || !is_tag(c) {
            kept.push_str(own);
            kept.push_str(&after[..tags]);
        }
        rest = &after[tags..];
    }
    kept
}

/// Tells whether it is a tag or the end of some.
pub(super) const fn is_tag(c: char) -> bool {
    matches!(c, '\u{E0020}'..='\u{E007F}')
}

/// How many bytes at the beginning are tags that name a part of a country, with their end; 0 where they do not.
fn named(text: &str) -> usize {
    let tags = text.char_indices().take(NAME_TAGS_MAX + 1);
    for (length, (at, c)) in tags.enumerate() {
        if c == END {
            let named = length >= NAME_TAGS_MIN;
            return if named { at + c.len_utf8() } else { 0 };
        }
        if !matches!(c, '\u{E0030}'..='\u{E0039}' | '\u{E0061}'..='\u{E007A}') {
            return 0;
        }
    }
    0
}

const FLAG: char = '\u{1F3F4}';
const END: char = '\u{E007F}';

/// Letters and digits that name a part of a country: two or three for the country, one to four for the part.
const NAME_TAGS_MIN: usize = 3;
const NAME_TAGS_MAX: usize = 7;

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(name: &str) -> String {
        let tag = |c: char| char::from_u32(0xE_0000 + u32::from(c)).unwrap();
        name.chars().map(tag).collect()
    }

    fn flag(name: &str) -> String {
        format!("{FLAG}{}{END}", tags(name))
    }

    #[test]
    fn flags_of_parts_of_countries_stay_whole() {
        for name in ["gbsct", "gbeng", "gbwls", "usca", "de001", "fr1234"] {
            let line = format!("a{}{}b", flag(name), flag(name));
            assert_eq!(in_flags_alone(&line), line, "{name}");
        }
    }

    #[test]
    fn tags_that_make_no_flag_are_dropped() {
        let [begun, ended] = [FLAG.to_string(), END.to_string()];
        for (line, kept) in [
            (tags("secret"), String::new()),
            (ended.clone(), String::new()),
            (format!("A{}{ended}", tags("gbsct")), "A".to_owned()),
            (format!("{begun}{}", tags("gbsct")), begun.clone()),
            (
                format!("{begun}{}x{ended}", tags("gbsct")),
                format!("{begun}x"),
            ),
            (format!("{begun}{ended}"), begun.clone()),
            (flag("gb"), begun.clone()),
            (flag("gbsctland"), begun.clone()),
            (flag("GBSCT"), begun.clone()),
            (flag("gb sct"), begun.clone()),
            (
                format!("{begun}\u{fe0f}{}{ended}", tags("gbsct")),
                format!("{begun}\u{fe0f}"),
            ),
            (format!("{}{ended}", flag("gbsct")), flag("gbsct")),
            (
                format!("{}{}", flag("gbsct"), tags("hidden")),
                flag("gbsct"),
            ),
        ] {
            assert_eq!(in_flags_alone(&line), kept, "{line:?}");
        }
    }

    #[test]
    fn other_writing_is_left_as_it_is() {
        for line in ["", "Anna", "🏴", "🏴‍☠️ 🇩🇪 👩🏽‍🚀", "نمستے\u{e0001}"]
        {
            assert_eq!(in_flags_alone(line), line);
        }
    }
}
