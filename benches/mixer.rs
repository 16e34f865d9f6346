//! mixer
fn main() {}
