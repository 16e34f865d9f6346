//! The jitter buffer.
/// Packets in, packets out.
#[derive(Debug)]
pub struct JitterBuffer;
