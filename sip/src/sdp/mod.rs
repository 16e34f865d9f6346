//! Session descriptions (RFC 8866) and the offer/answer model (RFC 3264), as far as one audio stream needs them.

mod address;
mod bindings;
mod capability;
mod crypto;
mod description;
mod fingerprint;
mod formats;
pub mod offer_answer;
mod parse;
mod print;
mod security;

pub use bindings::Bindings;
pub use crypto::Keyring;
pub use description::{Attribute, Connection, Description, Direction, Media, Origin};
pub use fingerprint::{HashName, fingerprint};
pub use formats::{AudioCodec, Incoming};
pub use offer_answer::{Agreed, Hidden, Local, Refusal};
pub use security::{DtlsPeer, Keying, Policy, Sdes, Security};
