//! What a browser shows for an event, in each wording.

use super::{Event, Rollcall, Wording};

impl Event {
    /// Returns the text a browser shows for it.
    pub fn shown(self, wording: Wording) -> String {
        let text = text(self.key(), wording);
        if let Self::Admitted { present }
        | Self::LetIn { present }
        | Self::WelcomeBack { present }
        | Self::WhoIsHere {
            rollcall: Rollcall { present, .. },
        } = self
        {
            text.replace("{present}", &present.to_string())
        } else {
            text.to_owned()
        }
    }
}

fn text(key: &str, wording: Wording) -> &'static str {
    let own = wording.own().and_then(|own| own.event.get(key));
    &own.or_else(|| wording.language().catalogue().event.get(key))
        .expect("every event has an entry in every language, which a test holds")
        .shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conference::event::tests::{GERMAN, misaddresses};

    /// Words that easy German does without.
    const HARD: [&str; 9] = [
        "Moderation",
        "Konferenz",
        "Datenschutz",
        "Wortmeldung",
        "verschlüsselt",
        "Protokoll",
        "Warteraum",
        "Server",
        "aufgezeichnet",
    ];
    const WORDS_OF_SENTENCE_MAX: usize = 12;

    #[test]
    fn wordings_hold_only_what_they_show_differently() {
        for wording in [Wording::DeDu, Wording::DeEinfach] {
            for key in wording.own().unwrap().event.keys() {
                let is_event = Event::SAMPLES.iter().any(|event| event.key() == key);
                assert!(is_event, "{}: {key} is no event", wording.tag());
                let [own, usual] = [wording, Wording::De].map(|wording| text(key, wording));
                assert_ne!(own, usual, "{}: {key} says the same", wording.tag());
                let counts = [own, usual].map(|text| text.contains("{present}"));
                assert_eq!(counts[0], counts[1], "{}: {key}", wording.tag());
            }
        }
    }

    #[test]
    fn nobody_is_shown_du_and_sie_by_turns() {
        for event in Event::SAMPLES {
            for wording in GERMAN {
                let shown = event.shown(wording);
                assert!(
                    !misaddresses(&shown, wording),
                    "{} in {}: {shown}",
                    event.key(),
                    wording.tag()
                );
            }
        }
    }

    #[test]
    fn easy_words_are_shown_in_short_sentences() {
        for event in Event::SAMPLES {
            let shown = event.shown(Wording::DeEinfach);
            for sentence in shown.split_inclusive(['.', '?', '!', ':']) {
                let count = sentence.split_whitespace().count();
                assert!(
                    count <= WORDS_OF_SENTENCE_MAX,
                    "{}: {count} words: {sentence}",
                    event.key()
                );
            }
            let hard = HARD.iter().find(|hard| shown.contains(**hard));
            assert_eq!(hard, None, "{}: {shown}", event.key());
        }
    }
}
