//! The telephone door: SIP in, calls as tasks, each with one leg.
//!
//! ```text
//!   UDP, TCP, TLS ── transport ── driver ── sip::Endpoint
//!                                   │ trunk (who may call) ── numbers (who may be called) ── spelling
//!                                   │ one task per call
//!                                 call ── negotiate (SDP to media)
//!                                   │
//!                             Ivr, Keypad ── server
//! ```

mod call;
mod driver;
mod negotiate;
mod numbers;
mod route;
mod spelling;
mod status;
mod transport;
mod trunk;

pub use sip::sdp::Policy;

pub use self::driver::{BindError, Counts, Door, DoorConfig};
pub use self::{
    numbers::{Called, Dialled, is_room_number},
    spelling::DialPlan,
    transport::Wire,
    trunk::{MediaRules, Trunk, TrunkCounts},
};
