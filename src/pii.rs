//! Personal data and secrets as types that cannot be printed, for the whole house.

pub use sip::redact::{Carriage, Naming, Pii, Purpose, Secret};

/// A display name or pseudonym, held while the conference lasts.
pub type Name = Pii<String, Naming>;

/// The last digits of a telephone number, for moderators to tell callers apart; held while the conference lasts.
pub type Ending = Pii<String, Naming>;
