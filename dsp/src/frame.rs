//! The unit of sound inside the house: 20 ms, 48 kHz, mono.

use std::{fmt, time::Duration};

use crate::Level;

/// Samples per second inside the house.
pub const SAMPLE_RATE: u32 = 48_000;

/// Samples of one [`Frame`].
pub const FRAME_SAMPLES: usize = 960;

/// Media time of one [`Frame`].
pub const TICK: Duration = Duration::from_millis(20);

/// 20 ms of mono sound at 48 kHz.
#[derive(Clone, PartialEq, Eq)]
pub struct Frame {
    /// The samples, oldest first.
    pub samples: [i16; FRAME_SAMPLES],
}

impl Frame {
    /// A frame without sound.
    pub const SILENCE: Self = Self {
        samples: [0; FRAME_SAMPLES],
    };

    /// Measures the level of the frame.
    pub fn level(&self) -> Level {
        Level::of(&self.samples)
    }
}

impl Default for Frame {
    fn default() -> Self {
        Self::SILENCE
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Frame({} dBov)", self.level().as_dbov())
    }
}
