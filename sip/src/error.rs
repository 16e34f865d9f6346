//! What can be wrong with what a peer sent, by blame.

use thiserror::Error;

/// Why a session description was not understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum DescriptionError {
    /// It is longer than [`DESCRIPTION_BYTES`](crate::limit::DESCRIPTION_BYTES).
    #[error("the session description is too long")]
    TooLong,
    /// It has more media lines than [`MEDIA_LINES`](crate::limit::MEDIA_LINES).
    #[error("the session description has too many media lines")]
    TooManyMedia,
    /// It breaks the grammar of RFC 8866 in the named place.
    #[error("malformed session description: {0}")]
    Malformed(&'static str),
}
