//! A leg: one call or connection, with its transport, jitter buffer and codecs.

pub mod secure;

/// A leg's whole media state; moves between workers.
#[derive(Debug)]
pub struct Leg;
