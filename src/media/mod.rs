//! The data plane: sockets, legs and buses on worker threads; knows no signalling.

pub mod api;
pub mod leg;
