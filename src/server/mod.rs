//! server
pub mod secrets;
