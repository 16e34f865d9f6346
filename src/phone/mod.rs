//! The telephone door: SIP in, calls as tasks, each with one leg.
//!
//! ```text
//!   UDP, TCP ── transport ── driver ── sip::Endpoint
//!                              │ one task per call
//!                            call ── numbers (who may be called) ── negotiate (SDP to media)
//!                              │
//!                        Ivr, Keypad ── server
//! ```

mod call;
mod driver;
mod negotiate;
mod numbers;
mod route;
mod status;
mod transport;

pub use self::driver::{BindError, Counts, Door, DoorConfig};
pub use self::{
    numbers::{Called, Trunk},
    transport::Wire,
};
