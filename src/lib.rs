//! Rundruf: an audio-first conference server with a telephone dial-in bridge.
//!
//! ```text
//!     phones          browsers         people who book rooms
//!       │ SIP   RTP      │ WebSocket  SRTP     │ HTTPS
//!  ─────┼────────┼───────┼─────────────┼───────┼──────────
//!     phone      │    browser          │      http          control plane, tokio
//!       └──── server ────┴─────────────┼───────┘
//!               │    conference::Focus │      store
//!       media::Command            media::Event
//!  ─────────────┼──────────────────────┼──────────────────
//!          media::worker ── media::Shard                    data plane, worker threads
//! ```
//!
//! Modules stand in floor order: each may use those above it in this list, never those below.
#![forbid(unsafe_code)]

pub mod clock;
pub mod dscp;
pub mod id;
pub mod limit;
pub mod network;
pub mod pii;

pub mod conference;

pub mod media;
pub mod store;

pub mod server;
pub mod tls;

pub mod browser;
pub mod http;
pub mod phone;

pub mod card;
pub mod cli;
pub mod config;
pub mod serve;
pub mod start;
