//! Powers, decibels and levels, full scale being one.

use crate::Level;

/// The sum of the squares of a line whose length is a multiple of eight; what is over is left out.
pub(crate) fn squares(line: &[f32]) -> f32 {
    // Eight sums side by side, for one alone would wait for each addition.
    let mut lanes = [0.0; 8];
    for chunk in line.chunks_exact(8) {
        for (lane, x) in lanes.iter_mut().zip(chunk) {
            *lane += x * x;
        }
    }
    lanes.iter().sum()
}

/// A power from decibels.
pub(crate) fn power(db: f32) -> f32 {
    10_f32.powf(db / 10.0)
}

/// A power in decibels, −120 at the least.
pub(crate) fn decibels(power: f32) -> f32 {
    10.0 * power.max(1e-12).log10()
}

/// The level that lies next to so many dBov.
pub(crate) fn level_of(dbov: f32) -> Level {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped"
    )]
    Level::from_rfc6464((-dbov).round().clamp(0.0, 127.0) as u8)
}
