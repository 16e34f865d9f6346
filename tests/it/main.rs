//! Whole paths through the house in simulated time.

mod media;
mod secure;
