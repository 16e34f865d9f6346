//! Whole paths through the house in simulated time.

mod dial_in;
mod secure;
pub mod sim;
