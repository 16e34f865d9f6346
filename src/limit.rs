//! Every limit of the house, named, with unit, reason and what happens when it is hit.

use std::time::Duration;

// --- conference

/// Characters of a display name; longer names are cut.
pub const NAME_CHARS_MAX: usize = 64;

/// Time between the two presses of a double press; later the second counts as a first.
pub const DOUBLE_PRESS: Duration = Duration::from_secs(3);

/// Wrong codes a caller may enter; then a spoken goodbye.
pub const TRIES_MAX: u32 = 3;

/// A verdict on a code is withheld until this long after the last key, or a multiple of it if the check took longer, so
/// that its time says nothing about the room.
pub const VERDICT_DELAY: Duration = Duration::from_millis(250);

/// A check that has not answered by then counts as our fault: spoken apology, end of call.
pub const VERDICT_TIMEOUT: Duration = Duration::from_secs(10);

/// Silence of a caller after which the prompt is repeated.
pub const SILENCE: Duration = Duration::from_secs(20);

/// Silences in a row; the last ends with a goodbye instead of the prompt. Two minutes at the least.
pub const SILENCES_MAX: u32 = 6;

/// Longest time a prompt may take to be played; afterwards it counts as played, so that nothing waits for a lost report.
pub const PROMPT_TIMEOUT: Duration = Duration::from_secs(60);

/// Time a caller may spend before admission, whatever they press; then a goodbye.
pub const ADMISSION_TIMEOUT: Duration = Duration::from_secs(15 * 60);

/// Time an empty conference waits for somebody to come back; then it ends.
pub const LINGER: Duration = Duration::from_secs(30);

/// Participants of one conference; more are refused with [`Refusal::Full`](crate::conference::Refusal::Full).
pub const PARTICIPANTS_MAX: usize = 1000;
