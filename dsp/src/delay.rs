//! Delay.
