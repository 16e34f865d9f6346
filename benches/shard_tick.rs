//! shard_tick
fn main() {}
