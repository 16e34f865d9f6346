//! sip_parse
fn main() {}
