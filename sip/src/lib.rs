//! SIP, SDP, RTP and SRTP: protocol logic that is told the time and does no I/O.
//!
//! Map: [`redact`] types that cannot be printed · [`endpoint`] bytes in, bytes out, calls as events · [`locate`] servers by DNS ·
//! [`sdp`] session
//! descriptions and offer/answer · [`rtp`] packets, RTCP, SRTP, telephone-events.
//!
//! Invariant: this crate knows neither rooms nor sound nor sockets nor a clock.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod dialog;
pub mod endpoint;
pub mod error;
pub mod limit;
pub mod locate;
pub mod redact;
pub mod rtp;
pub mod sdp;
mod session;
mod session_timer;

pub use endpoint::{
    Asked, CallRef, Caller, Cause, Command, Counters, Ended, Endpoint, EndpointConfig, Event, Flow,
    Limits, Protocol, Scheme, Target, Transmit,
};
pub use error::DescriptionError;
