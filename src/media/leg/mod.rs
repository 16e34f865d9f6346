//! A leg: one call or connection, with its transport, jitter buffer and codecs.

/// A leg's whole media state; moves between workers.
#[derive(Debug)]
pub struct Leg;
