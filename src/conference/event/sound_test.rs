//! What is said on a number that leads to the sound test.

use super::Clip;
use crate::conference::participant::Protection;

/// What a caller of the sound test is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SoundTest {
    /// What this is, and that they may speak after the tone.
    Begin,
    /// That they may speak again.
    Again,
    /// How their sound came through.
    Came(Passage),
    /// That it is over.
    End,
}

/// How somebody's sound came through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Passage {
    /// They said something, and have heard it.
    pub heard: bool,
    /// How much of their voice the codec carries.
    pub band: Band,
    /// How far their call is protected.
    pub protection: Protection,
    /// What was lost of it; none where nothing came at all.
    pub loss: Option<Loss>,
}

/// How much of a voice a codec carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Band {
    /// Up to 3.4 kHz: G.711.
    Narrow,
    /// Up to 7 kHz: G.722.
    Wide,
    /// All that is to be heard of a voice: Opus.
    Full,
}

/// How much of a stream was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Loss {
    /// Nothing.
    Nothing,
    /// So little that hardly anybody hears it.
    Little,
    /// So much that it is heard.
    Much,
}

impl Loss {
    /// Judges how many packets were lost of those expected; none where none was expected.
    pub const fn of(lost: u64, expected: u64) -> Option<Self> {
        match (lost, expected) {
            (_, 0) => None,
            (0, _) => Some(Self::Nothing),
            (lost, expected) if lost.saturating_mul(MUCH) < expected => Some(Self::Little),
            _ => Some(Self::Much),
        }
    }
}

impl SoundTest {
    /// Returns what is played for it, in order.
    pub(super) fn clips(self) -> Vec<Clip> {
        let words = match self {
            Self::Begin => vec![Words::Begin, Words::Tone],
            Self::Again => vec![Words::Again, Words::Tone],
            Self::Came(passage) => return passage.clips(),
            Self::End => vec![Words::End],
        };
        words.into_iter().map(Words::clip).collect()
    }

    /// Everything that may be said.
    #[cfg(test)]
    pub(super) fn all() -> impl Iterator<Item = Self> {
        let losses = [Loss::Nothing, Loss::Little, Loss::Much];
        let passages = [
            (true, Band::Narrow, Protection::None, Some(losses[0])),
            (true, Band::Wide, Protection::ToCarrier, Some(losses[1])),
            (true, Band::Full, Protection::ToDevice, Some(losses[2])),
            (false, Band::Full, Protection::ToDevice, None),
        ];
        let came = passages.map(|(heard, band, protection, loss)| {
            Self::Came(Passage {
                heard,
                band,
                protection,
                loss,
            })
        });
        [Self::Begin, Self::Again, Self::End]
            .into_iter()
            .chain(came)
    }
}

impl Passage {
    fn clips(self) -> Vec<Clip> {
        let heard = match self.heard {
            true => Words::Heard,
            false => Words::NotHeard,
        };
        let band = match self.band {
            Band::Narrow => Words::Narrow,
            Band::Wide => Words::Wide,
            Band::Full => Words::Full,
        };
        let protection = match self.protection {
            Protection::None => Clip::LINE_NOT_ENCRYPTED,
            Protection::ToCarrier => Words::ToCarrier.clip(),
            Protection::ToDevice => Words::ToDevice.clip(),
        };
        let loss = self.loss.map(|loss| match loss {
            Loss::Nothing => Words::NothingLost,
            Loss::Little => Words::LittleLost,
            Loss::Much => Words::MuchLost,
        });
        let mut clips = vec![heard.clip(), band.clip(), protection];
        clips.extend(loss.map(Words::clip));
        clips.push(Words::OnceMore.clip());
        clips
    }
}

/// The sentences, in the order of [`Clip::SOUND_TEST`].
#[derive(Debug, Clone, Copy)]
enum Words {
    Begin,
    Again,
    Tone,
    Heard,
    NotHeard,
    Narrow,
    Wide,
    Full,
    ToCarrier,
    ToDevice,
    NothingLost,
    LittleLost,
    MuchLost,
    OnceMore,
    End,
}

impl Words {
    const fn clip(self) -> Clip {
        Clip::SOUND_TEST[self as usize]
    }
}

/// One packet lost of so many is heard: 2 %.
const MUCH: u64 = 50;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conference::event::{Event, Wording};

    #[test]
    fn loss_is_judged_by_its_share() {
        assert_eq!(Loss::of(0, 0), None);
        assert_eq!(Loss::of(0, 500), Some(Loss::Nothing));
        assert_eq!(Loss::of(1, 500), Some(Loss::Little));
        assert_eq!(Loss::of(9, 500), Some(Loss::Little));
        assert_eq!(Loss::of(10, 500), Some(Loss::Much));
        assert_eq!(Loss::of(500, 500), Some(Loss::Much));
        assert_eq!(Loss::of(u64::MAX, 1), Some(Loss::Much));
    }

    #[test]
    fn codec_protection_and_loss_are_told_in_words() {
        let said = |passage, wording| {
            let said = SoundTest::Came(passage);
            let clips = Event::SoundTest { said }.clips();
            let words: Vec<_> = clips.iter().map(|clip| clip.words(wording)).collect();
            words.join(" ")
        };
        let passage = Passage {
            heard: true,
            band: Band::Narrow,
            protection: Protection::ToCarrier,
            loss: Some(Loss::Little),
        };
        assert_eq!(
            said(passage, Wording::De),
            "Das waren Sie. Die Aufnahme ist gelöscht. Ihr Klang ist der eines gewöhnlichen Telefons, G sieben elf. \
             Ihr Anruf ist bis zum Telefonanbieter verschlüsselt. Es ging wenig verloren. Noch einmal: Eins."
        );
        let silent = Passage {
            heard: false,
            band: Band::Full,
            protection: Protection::None,
            loss: None,
        };
        assert_eq!(
            said(silent, Wording::En),
            "Nothing was heard from you. Is your microphone on? Your sound is very good, Opus. \
             Your call is not encrypted. Once more: one."
        );
    }
}
