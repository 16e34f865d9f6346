//! How something is heard: over the talk or instead of it, and by whom where a telephone is the sound of a page.

use super::{Event, Role};

impl Event {
    /// Tells whether it is about how somebody hears and is heard, in a few words.
    const fn is_short_word_on_ones_sound(self) -> bool {
        matches!(
            self,
            Self::MicrophoneOn
                | Self::MicrophoneOff
                | Self::MicrophoneOffByModerator
                | Self::MusicMuted
                | Self::MusicOver
                | Self::LineHums
                | Self::LineEchoes
                | Self::LineNotEncrypted
                | Self::LineToCarrier
                | Self::YouAreMuted
                | Self::PleaseUnmute
                | Self::HandLowered
                | Self::FloorGiven
                | Self::FloorTaken
                | Self::AllMaySpeak
                | Self::TalkBegun { .. }
                | Self::TalkOver
                | Self::Addressed
                | Self::AddressedNoMore
        )
    }

    /// Tells whether it is about how somebody hears and is heard, and no answer to what they asked for: what is said on their
    /// telephone, too, when a telephone is the sound of their page.
    pub const fn is_of_ones_sound(self) -> bool {
        self.is_short_word_on_ones_sound() || matches!(self, Self::AskToSpeak { role: Role::Guest })
    }

    /// Tells whether a caller hears it over the talk, which goes on beneath: what is short and changes nothing but how they
    /// are heard. Help is asked for and long, and a goodbye is the last there is: these are said instead of the talk.
    pub const fn is_aside(self) -> bool {
        self.is_short_word_on_ones_sound()
            || matches!(
                self,
                Self::LanguageChosen
                    | Self::Pace { .. }
                    | Self::LengthChosen { .. }
                    | Self::WhichKey
                    | Self::KeyUnknown
                    | Self::NotAllowed
                    | Self::NotHere
                    | Self::TalkedTo
                    | Self::HandUp
                    | Self::HandDown
                    | Self::HandNoted
                    | Self::MadeModerator
                    | Self::FloorPassed
                    | Self::GoesOn
                    | Self::VolumeTurned { .. }
                    | Self::VolumeDone
                    | Self::SomebodyWaits
                    | Self::DoneLetIn
                    | Self::DoneTurnedAway
                    | Self::EntryTones
                    | Self::EntryNames
                    | Self::EntryOff
            )
    }
}
