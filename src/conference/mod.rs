//! The domain: who is in, who hears whom, who may do what, when it ends. Pure: no socket, no clock, no store.
//!
//! ```text
//!   a call ─ Ivr ──────────── Check ─▶ server ─ verdict ─▶ Ivr ─ Admit ─┐
//!   a browser ─ link ─▶ server ─────────────────────────────────────────┤
//!                                                                       ▼
//!            first join                last leave          linger   Input::Join
//!   Waiting ───────────▶ Running ─────────────────▶ Waiting ─────▶ Over
//!                           │  ▲       join           │              ▲
//!                           │  └──────────────────────┘              │
//!                           └──────────── End, Close, Fail ──────────┘
//! ```
//!
//! [`focus::Focus`] (RFC 4353) is told inputs and tells effects; [`roster`] is what all participants see of it (RFC 4575);
//! [`rights`] says who may do what; [`event`] is everything a person is ever told; [`ivr`] is the dialogue of one call
//! before admission, [`keys`] what its keys mean afterwards, [`keyplan`] which they are, [`pairing`] what is typed of a pairing code, and [`rollcall`] who is here; [`policy`] is what a room's owner decides;
//! [`text`] is what people write to each other; [`acts`] is what was done, and who sees how much of it;
//! [`claim`] is what a page that comes back says of its seat, [`kept`] what outlives the server;
//! [`privacy`] says what happens with a caller's data, and [`sound_test`] is the dialogue of a call that wants into no conference.
//!
//! Invariants: the legs in the mix are the legs in the roster; a microphone is opened by its person alone; a role comes
//! from the secret a person entered with, the seat they come back to, or a moderator inside who gives it to them; no telephone number enters this module's outputs.

pub mod acts;
pub mod claim;
pub mod error;
pub mod event;
pub mod focus;
pub mod ivr;
pub mod kept;
pub mod keyplan;
pub mod keys;
pub mod pairing;
pub mod participant;
pub mod policy;
pub mod privacy;
pub mod rights;
pub mod rollcall;
pub mod roster;
pub mod sound_test;
mod tags;
pub mod text;

pub use error::{Dismissal, Refusal};
