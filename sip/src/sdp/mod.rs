//! Session descriptions (RFC 8866) and the offer/answer model (RFC 3264), as far as one audio stream needs them.

mod bindings;
mod description;
pub mod offer_answer;
mod parse;
mod print;

pub use bindings::Bindings;
pub use description::{Attribute, Connection, Description, Direction, Media, Origin};
pub use offer_answer::{Agreed, AudioCodec, Local, Refusal};
