//! By whom an event is heard who has a page and a telephone for its sound.

use super::Event;
use crate::conference::participant::Role;

impl Event {
    /// Tells whether it concerns how somebody is heard, or asks something of them: what is said on their telephone, too, when
    /// a telephone is the sound of their page.
    pub const fn is_of_ones_sound(self) -> bool {
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
                | Self::AskToSpeak { role: Role::Guest }
                | Self::AllMaySpeak
        )
    }
}
