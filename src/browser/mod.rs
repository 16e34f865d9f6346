//! The browsers' door.

pub mod negotiate;
