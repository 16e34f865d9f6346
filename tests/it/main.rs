//! Whole paths through the house in simulated time.

mod back;
mod blast_radius;
mod browser_door;
mod connections;
mod delay;
mod dial_in;
mod disturbance;
mod fuzzed;
mod guessing;
mod keys;
mod keys_elsewhere;
mod levels;
mod liveness;
mod load;
mod lobby;
mod lossy_network;
mod media;
mod mixing;
mod no_personal_data;
mod protection;
mod registered;
mod roster;
mod secure;
pub mod sim;
mod sound;
mod stop;
mod trunks;
