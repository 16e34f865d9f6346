//! Whole paths through the house in simulated time.

mod blast_radius;
mod dial_in;
mod liveness;
mod lossy_network;
mod mixing;
mod roster;
mod secure;
pub mod sim;
mod stop;
