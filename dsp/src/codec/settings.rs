//! What distinguishes one encoding of a mix from another, and how much effort it may cost.

use super::Codec;

/// Expected loss on the path of a listener; decides forward error correction and bit rate of Opus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum LossClass {
    /// Less than 1.2 % are reported lost.
    #[default]
    Low,
    /// Less than 8 % are reported lost.
    Medium,
    /// More are reported lost.
    High,
}

impl LossClass {
    /// Returns how many packets back the copies lie that a packet carries for a path of this class, where its end takes
    /// copies (RFC 2198); the farthest first.
    pub const fn copies(self) -> &'static [u8] {
        match self {
            Self::Low => &[],
            Self::Medium => &[2],
            Self::High => &[4, 2],
        }
    }
}

/// What distinguishes one encoding of a mix from another; the bit rate follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EncoderSettings {
    /// What is coded.
    pub codec: Codec,
    /// What the listener's path loses.
    pub loss: LossClass,
}

impl EncoderSettings {
    /// Makes settings that are equal wherever the payloads are: only Opus heeds loss.
    pub const fn new(codec: Codec, loss: LossClass) -> Self {
        Self {
            codec,
            loss: match codec {
                Codec::Pcmu | Codec::Pcma | Codec::G722 => LossClass::Low,
                Codec::Opus => loss,
            },
        }
    }
}

impl From<Codec> for EncoderSettings {
    fn from(codec: Codec) -> Self {
        Self::new(codec, LossClass::default())
    }
}

/// The effort an encoder makes, 0 to 10; only Opus heeds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Complexity(u8);

impl Complexity {
    /// The least effort.
    pub const MIN: Self = Self(0);

    /// The most effort.
    pub const MAX: Self = Self(10);

    /// Makes a complexity; more than 10 counts as 10.
    pub const fn new(effort: u8) -> Self {
        if effort < Self::MAX.0 {
            Self(effort)
        } else {
            Self::MAX
        }
    }

    /// Returns the effort, 0 to 10.
    pub const fn as_u8(self) -> u8 {
        self.0
    }

    pub(crate) const fn as_i32(self) -> i32 {
        self.0 as i32
    }
}

impl Default for Complexity {
    fn default() -> Self {
        Self(5)
    }
}
