//! Errors to SIP status codes: the one place where the house's refusals become answers (RFC 3261 §21).

use sip::Cause;

use crate::server;

/// A final answer that refuses a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Refusal {
    /// Status code.
    pub(super) status: u16,
    /// Reason phrase.
    pub(super) reason: &'static str,
    /// Seconds after which a retry may succeed.
    pub(super) retry_after: Option<u32>,
    /// The same for exchanges, whose signalling knows numbers of its own.
    pub(super) cause: Cause,
}

impl Refusal {
    /// The called number is not ours; the same answer for every such number.
    pub(super) const NOT_FOUND: Self = Self {
        status: 404,
        reason: "Not Found",
        retry_after: None,
        cause: Cause::UNALLOCATED,
    };
    /// Nothing in the session description can be used.
    pub(super) const NOT_ACCEPTABLE: Self = Self {
        status: 488,
        reason: "Not Acceptable Here",
        retry_after: None,
        cause: Cause::NOT_IMPLEMENTED,
    };
    /// A limit of ours is reached.
    pub(super) const UNAVAILABLE: Self = Self {
        status: 503,
        reason: "Service Unavailable",
        retry_after: Some(RETRY_AFTER_SECONDS),
        cause: Cause::CONGESTION,
    };
}

impl From<&server::Error> for Refusal {
    fn from(error: &server::Error) -> Self {
        match error {
            server::Error::Refused(_) => Self {
                status: 403,
                reason: "Forbidden",
                retry_after: None,
                cause: Cause::REJECTED,
            },
            server::Error::Full
            | server::Error::NoPort
            | server::Error::NoWorker
            | server::Error::Overloaded
            | server::Error::Stopping => Self::UNAVAILABLE,
            server::Error::Store(_) => Self {
                status: 500,
                reason: "Server Internal Error",
                retry_after: None,
                cause: Cause::TEMPORARY_FAILURE,
            },
        }
    }
}

/// How long a refused caller should wait: about the time in which a leg ends somewhere.
const RETRY_AFTER_SECONDS: u32 = 30;
