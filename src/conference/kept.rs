//! What of a conference outlives the server, so that its people find it again as it was: closed doors stay closed.
//!
//! It holds no name, no number and nothing that was made from one: pages by the ids of their seats, people by those of their
//! invitations. Of telephones that were sent away it says only whether there are any, for a number can be found from whatever
//! tells it from others, by trying all of them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    conference::{participant::Role, roster::ConferenceState},
    id::{PersonId, SeatId},
};

/// By what somebody is recognised after the server was gone: what was drawn here by lot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Identity {
    /// A PIN of their own.
    Person(PersonId),
    /// The seat of their page.
    Page(SeatId),
}

/// What outlives the server.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Kept {
    /// What holds for all.
    pub state: ConferenceState,
    /// The seats of pages that were here, or away for a while, and their roles.
    pub seats: BTreeMap<SeatId, Role>,
    /// Who waits if they come again.
    pub sent_away: Vec<Identity>,
    /// Who may not come again.
    pub banned: Vec<Identity>,
    /// Telephones are among those who were sent away or banned; which ones is forgotten.
    pub callers: bool,
}
