//! The telephone door: SIP in, calls as tasks, each with one leg.
//!
//! ```text
//!   UDP, TCP, TLS ── transport ── driver ── sip::Endpoint
//!                                   │ link (the way to a trunk's server) ── resolve
//!                                   │ trunk (who may call) ── numbers (who may be called) ── spelling
//!                                   │ one task per call
//!                                   │ dial_out (what may be called)
//!                                 call ── negotiate (SDP to media)
//!                                   │
//!                             Ivr, Keypad ── server
//! ```

mod call;
mod dial_out;
mod driver;
mod findings;
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
mod unproven;

pub use sip::{
    Assertion, Shown,
    sdp::{AudioCodec, Policy},
};

pub use self::driver::{BindError, Counts, Door, DoorConfig};
pub use self::{
    dial_out::{DialOut, is_prefix},
    findings::{Codec as CallCodec, Finding, Findings, Latest, Why},
    link::{Duty, Fault, Registering, Standing, Upkeep},
    negotiate::Codecs,
    numbers::{Called, Dialled, Lead, is_room_number},
    resolve::Names,
    server_uri::{NoServerUri, ServerUri},
    spelling::DialPlan,
    transport::Wire,
    trunk::{MediaRules, Outward, Trunk, TrunkCounts},
};
