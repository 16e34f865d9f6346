//! SIP, SDP, RTP and SRTP: protocol logic that is told the time and does no I/O.
//!
//! Map: [`redact`] types that cannot be printed · [`endpoint`] bytes in, bytes out, calls as events · [`locate`] servers by DNS ·
//! [`sdp`] session
//! descriptions and offer/answer · [`rtp`] packets, RTCP, SRTP, telephone-events.
//!
//! Invariant: this crate knows neither rooms nor sound nor sockets nor a clock.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod auth;
mod dialog;
pub mod endpoint;
pub mod error;
pub mod limit;
pub mod locate;
pub mod redact;
mod registration;
pub mod rtp;
pub mod sdp;
mod session;
mod session_timer;

pub use auth::Account;
pub use endpoint::{
    Asked, Assertion, CallRef, Caller, Cause, Command, Counters, Dial, Ended, Endpoint,
    EndpointConfig, Event, Flow, Identity, Limits, Protocol, Scheme, Shown, Target, Transmit,
    TrunkCommand, TrunkEvent, TrunkRef, Unregistered,
};
pub use error::DescriptionError;
pub use registration::Registrar;
