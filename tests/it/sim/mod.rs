//! The simulated world: everything real but the network and the clock.
//!
//! ```text
//!   Phone (own SIP, sip::rtp) ─┐          ┌─ Wire ─ phone::Door ─┐
//!                              ├─ Net ────┤                      ├─ server::Server
//!   Browser (str0m) ───────────┘          └─ two media::Shards ──┘
//! ```

#![expect(
    missing_debug_implementations,
    reason = "nobody prints a simulated world"
)]
#![expect(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    clippy::print_stdout,
    reason = "a test that cannot go on fails, and says with which seed"
)]

pub mod browser;
pub mod clip;
pub mod ear;
pub mod identity;
pub mod ladder;
pub mod net;
pub mod party;
pub mod phone;
pub mod recording;
pub mod sip_text;
pub mod sound;
pub mod trunks;
pub mod world;

use std::time::Instant;

/// The simulated present.
pub fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
