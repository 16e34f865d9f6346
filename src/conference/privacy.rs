//! What happens with a caller's data, in full: made of sentences chosen by what is so on their call, so that the words are never
//! other than the facts.

use crate::conference::{event::Clip, participant::Protection};

/// What of a caller's data is so on one call and not so on another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Facts {
    /// How far their sound is protected on its way.
    pub protection: Protection,
    /// What is known of their number.
    pub number: Number,
    /// Moderators see the last digits of their number.
    pub shows_digits: bool,
    /// We have called them, which is noted without their number.
    pub called: bool,
}

/// What a call says of its caller's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Number {
    /// None came.
    Unsent,
    /// One came that was to be kept secret, and was dropped at once.
    Withheld,
    /// A mark of it is kept: for the conference, and of who called, for the day.
    Marked,
}

impl Facts {
    /// An example.
    pub(super) const SAMPLE: Self = Self {
        protection: Protection::ToCarrier,
        number: Number::Marked,
        shows_digits: false,
        called: false,
    };

    /// Returns the sentences, in order.
    pub(super) fn clips(self) -> impl Iterator<Item = Clip> {
        let number = match (self.number, self.called) {
            (Number::Unsent, _) => Clip::PRIVACY_NO_NUMBER,
            (Number::Withheld, _) => Clip::PRIVACY_WITHHELD,
            (Number::Marked, false) => Clip::PRIVACY_MARK,
            (Number::Marked, true) => Clip::PRIVACY_MARK_CALLED,
        };
        let way = match self.protection {
            Protection::ToDevice => Clip::PRIVACY_TO_DEVICE,
            Protection::ToCarrier => Clip::PRIVACY_TO_CARRIER,
            Protection::None => Clip::PRIVACY_PLAIN,
        };
        let carrier = if self.called {
            Clip::PRIVACY_CALLED
        } else {
            Clip::PRIVACY_CARRIER
        };
        let seen = [Clip::PRIVACY_STORED, Clip::PRIVACY_SEEN];
        let digits = self.shows_digits.then_some(Clip::PRIVACY_DIGITS);
        let known = [number, way, carrier, Clip::PRIVACY_RIGHTS];
        seen.into_iter().chain(digits).chain(known)
    }

    /// Everything that can be so.
    #[cfg(test)]
    pub(super) fn all() -> impl Iterator<Item = Self> {
        let ways = [
            Protection::None,
            Protection::ToCarrier,
            Protection::ToDevice,
        ];
        let facts = ways.map(|protection| {
            [
                (Number::Marked, false, false),
                (Number::Marked, true, false),
                (Number::Unsent, false, false),
                (Number::Withheld, false, false),
                (Number::Marked, false, true),
                (Number::Marked, true, true),
            ]
            .map(|(number, shows_digits, called)| Self {
                protection,
                number,
                shows_digits,
                called,
            })
        });
        facts.into_iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conference::event::Wording;

    /// What is said of the way and of the number is what is so, and only that.
    #[test]
    fn the_words_are_the_facts() {
        for facts in Facts::all() {
            let words: Vec<&str> = facts.clips().map(|clip| clip.words(Wording::De)).collect();
            let words = words.join(" ");
            let says = |text: &str| words.contains(text);
            let encrypted = says("ist bis zu Ihrem Telefon verschlüsselt")
                || says("ist bis zu Ihrem Anbieter verschlüsselt");
            assert_eq!(encrypted, facts.protection > Protection::None, "{words}");
            let to_device = facts.protection == Protection::ToDevice;
            assert_eq!(says("bis zu Ihrem Telefon"), to_device, "{words}");
            assert_eq!(says("nicht verschlüsselt"), !encrypted, "{words}");
            let marked = facts.number == Number::Marked;
            assert_eq!(says("Kennzeichen Ihrer Nummer"), marked, "{words}");
            // Wrong PINs are counted by day, of who calls alone; in a conference people are known to its end.
            let by_day = marked && !facts.called;
            assert_eq!(says("bis zum Ende des Tages"), by_day, "{words}");
            assert_eq!(says("Konferenz bis zu deren Ende"), by_day, "{words}");
            let called = marked && facts.called;
            assert_eq!(says("bis zum Ende der Konferenz"), called, "{words}");
            let unsent = facts.number == Number::Unsent;
            assert_eq!(says("nicht übermittelt"), unsent, "{words}");
            let withheld = facts.number == Number::Withheld;
            assert_eq!(
                says("unterdrückt und wird nicht verwendet"),
                withheld,
                "{words}"
            );
            assert_eq!(says("letzten drei Ziffern"), facts.shows_digits, "{words}");
            assert_eq!(says("sieben Tage"), facts.called, "{words}");
            assert_eq!(says("dass Sie hier anrufen"), !facts.called, "{words}");
            assert!(says("weder das Gespräch noch Ihre Rufnummer"), "{words}");
            assert!(says("Auskunft, Löschung und Beschwerde"), "{words}");
        }
    }
}
