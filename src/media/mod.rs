//! The data plane: sockets, legs and buses on worker threads; knows no signalling.
//!
//! ```text
//! datagram ─ worker       receives a batch, reads the clock once: now
//!          ─ Shard::handle_datagram(socket, from, bytes, now)
//!               phone:   sip::rtp::Session      digit | payload
//!               browser: leg::secure::Secure    STUN | DTLS | SRTP opened: payload
//!          ─ the leg's dsp::Playout
//!
//! every 20 ms ─ Shard::handle_timeout(now), per bus:
//!   listen   each leg: what its packets claim, undecoded; how it hears
//!   choose   the loudest few: decode ─ frame ─ level ─ speech gate
//!   advance  what is said over the talk, to all or to one leg
//!   mix      each distinct row of the matrix: sum in i32; encode once per codec, loss class and gain
//!   speak    each leg: prompt | shared payload | own payload without self | silence ─ RTP ─ (SRTP) ─ outbox
//!
//! drain    ─ poll_transmit to the sockets; poll_event to the control plane; poll_timeout says when to come back
//! ```
//!
//! Invariants: the planes exchange nothing but [`api::Command`] and [`api::Event`]; between two ticks no state of a bus
//! changes inside a mix; a leg that is in a mix is in the roster; each leg sends one packet per 20 ms. Only
//! [`worker`], [`pool`] and `sockets` know sockets and clocks.

pub mod api;
pub mod batch;
pub mod counters;
pub mod lateness;
pub mod leg;
pub mod load;
pub mod player;
pub mod pool;
pub mod shard;
pub mod utterance;
pub mod worker;

mod browsers;
mod bus;
mod common;
mod encoders;
mod hush;
mod legs;
mod outbox;
mod probes;
mod redundancy;
mod sockets;
mod tick;

pub use counters::{Counter, Counters};
pub use outbox::Transmit;
pub use player::Clips;
pub use shard::{Shard, ShardConfig, SocketId};
