//! What goes wrong, as HTTP says it: the one table. The client gets a code that it can translate, never internal text.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

/// Why a request is not answered as asked, by blame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The request makes no sense.
    #[error("malformed")]
    Malformed,
    /// There is no such thing, or the asker may not know of it.
    #[error("not-found")]
    NotFound,
    /// The thing cannot be asked this way.
    #[error("method-not-allowed")]
    MethodNotAllowed,
    /// The request comes from a page of somebody else.
    #[error("foreign-origin")]
    ForeignOrigin,
    /// A limit of ours is hit.
    #[error("busy")]
    Busy,
    /// The page is not part of this build.
    #[error("page-missing")]
    PageMissing,
    /// Our fault.
    #[error("internal")]
    Internal,
}

impl Error {
    /// Returns the status of the table.
    pub const fn status(self) -> StatusCode {
        match self {
            Self::Malformed => StatusCode::BAD_REQUEST,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::ForeignOrigin => StatusCode::FORBIDDEN,
            Self::Busy | Self::PageMissing => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let json = HeaderValue::from_static("application/json");
        (
            self.status(),
            [(header::CONTENT_TYPE, json)],
            format!("{{\"error\":\"{self}\"}}\n"),
        )
            .into_response()
    }
}
