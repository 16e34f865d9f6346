//! The browsers' door: a WebSocket whose messages are [`wire`], driven by a session for each.
//!
//! This module knows neither SIP nor HTML.

pub mod call_in;
pub mod house;
pub mod negotiate;
pub mod relay;
pub mod served;
pub mod session;
pub mod tcp;
pub mod wire;

mod budget;
mod sources;
mod updates;
