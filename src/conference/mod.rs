//! The domain: who is in, who hears whom, who may do what, when it ends. Pure.

pub mod event;
pub mod participant;
