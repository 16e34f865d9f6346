//! What of a conference outlives the server, so that its people find it again as it was: closed doors stay closed.
//!
//! It holds no name and no number: seats by ids, and telephones that are kept out by marks, whose key is kept for as long as there are such.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    conference::{
        participant::{Mark, Role},
        roster::ConferenceState,
    },
    id::{PersonId, SeatId},
};

/// By what somebody is recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Identity {
    /// A PIN of their own.
    Person(PersonId),
    /// The number of their telephone.
    Caller(Mark),
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
}

impl Kept {
    /// Tells whether telephones are kept out, which takes the key of their marks.
    pub fn names_callers(&self) -> bool {
        let mut all = self.sent_away.iter().chain(&self.banned);
        all.any(|identity| matches!(identity, Identity::Caller(_)))
    }
}
