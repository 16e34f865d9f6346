//! Conferences of telephones in simulated time.
