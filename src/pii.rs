//! Personal data and secrets as types that cannot be printed, for the whole house.

pub use sip::redact::{Carriage, Naming, Pii, Purpose, Secret};

/// Reaching the others in writing: typed text and chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Writing;

impl Purpose for Writing {
    const NAME: &'static str = "reaching the others in writing";
    const AUDIENCE: &'static str = "those whom it is written to";
    const RETENTION: &'static str = "not at all; a line that is being typed until it is ended";
}

/// What somebody writes: passed on and not kept.
pub type Words = Pii<String, Writing>;

/// A display name or pseudonym, held while the conference lasts.
pub type Name = Pii<String, Naming>;

/// The last digits of a telephone number, for moderators to tell callers apart; held while the conference lasts.
pub type Ending = Pii<String, Naming>;
