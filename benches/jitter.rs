//! jitter
fn main() {}
