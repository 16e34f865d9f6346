//! Whole paths through the house in simulated time.

mod secure;
