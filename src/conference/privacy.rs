//! What happens with a caller's data, in full: made of sentences chosen by what is so on their call, so that the words are never
//! other than the facts.

use crate::conference::{event::Clip, participant::Protection};

/// What of a caller's data is so on one call and not so on another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Facts {
    /// How far their sound is protected on its way.
    pub protection: Protection,
    /// Their number came with the call, and a mark of it is kept for the day.
    pub numbered: bool,
    /// Moderators see the last digits of their number.
    pub shows_digits: bool,
    /// We have called them, which is noted without their number.
    pub called: bool,
}

impl Facts {
    /// An example.
    pub(super) const SAMPLE: Self = Self {
        protection: Protection::ToCarrier,
        numbered: true,
        shows_digits: false,
        called: false,
    };

    /// Returns the sentences, in order.
    pub(super) fn clips(self) -> impl Iterator<Item = Clip> {
        let number = if self.numbered {
            Clip::PRIVACY_MARK
        } else {
            Clip::PRIVACY_NO_NUMBER
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
                (true, false, false),
                (true, true, false),
                (false, false, false),
                (true, false, true),
                (true, true, true),
            ]
            .map(|(numbered, shows_digits, called)| Self {
                protection,
                numbered,
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
            assert_eq!(says("Kennzeichen Ihrer Nummer"), facts.numbered, "{words}");
            assert_eq!(says("nicht übermittelt"), !facts.numbered, "{words}");
            assert_eq!(says("letzten drei Ziffern"), facts.shows_digits, "{words}");
            assert_eq!(says("sieben Tage"), facts.called, "{words}");
            assert_eq!(says("dass Sie hier anrufen"), !facts.called, "{words}");
            assert!(says("weder das Gespräch noch Ihre Rufnummer"), "{words}");
            assert!(says("Auskunft, Löschung und Beschwerde"), "{words}");
        }
    }
}
