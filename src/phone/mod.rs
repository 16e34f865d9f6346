//! The telephone door: SIP in, calls as tasks, each with one leg.
//!
//! ```text
//!   UDP, TCP, TLS ── transport ── driver ── sip::Endpoint
//!                                   │ link (the way to a trunk's server) ── resolve
//!                                   │ trunk (who may call) ── numbers (who may be called) ── spelling
//!                                   │ one task per call
//!                                 call ── negotiate (SDP to media)
//!                                   │
//!                             Ivr, Keypad ── server
//! ```

mod call;
mod driver;
mod link;
mod negotiate;
mod numbers;
mod resolve;
mod route;
mod server_uri;
mod spelling;
mod status;
mod transport;
mod trunk;

pub use sip::sdp::Policy;

pub use self::driver::{BindError, Counts, Door, DoorConfig};
pub use self::{
    link::{Duty, Fault, Registering, Standing, Upkeep},
    numbers::{Called, Dialled, is_room_number},
    resolve::Names,
    server_uri::{NoServerUri, ServerUri},
    spelling::DialPlan,
    transport::Wire,
    trunk::{MediaRules, Trunk, TrunkCounts},
};
