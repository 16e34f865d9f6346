//! Who comes into a conference, and what coming in yields.

use tokio::sync::{mpsc, oneshot};

use super::{Notice, caller::Caller};
use crate::{
    conference::{
        claim::Claim,
        error::Refusal,
        focus::Trust,
        participant::{Door, Protection, Role},
        roster::Snapshot,
    },
    id::{ConferenceId, LegId, ParticipantId, PersonId, SeatId},
    pii::Name,
};

/// Who comes in, and where their notices go.
#[derive(Debug)]
pub(crate) struct Joining {
    pub(super) participant: ParticipantId,
    pub(super) leg: LegId,
    pub(super) name: Option<Name>,
    pub(super) role: Role,
    pub(super) door: Door,
    pub(super) protection: Protection,
    pub(super) person: Option<PersonId>,
    /// Whose number is forgotten when they are in: only its mark stays.
    pub(super) caller: Caller,
    pub(super) trust: Trust,
    /// Who had them called.
    pub(super) invited_by: Option<ParticipantId>,
    /// Whose sound they are to be.
    pub(super) pairs_with: Option<ParticipantId>,
    /// What comes in by a page.
    pub(super) page: Option<Page>,
    pub(super) notices: mpsc::Sender<Notice>,
    pub(super) reply: oneshot::Sender<Result<Entered, Refusal>>,
}

/// A page that comes in.
#[derive(Debug, Clone)]
pub(super) struct Page {
    /// The seat it gets if it comes back to none.
    pub(super) fresh: SeatId,
    /// What its token says, if it has one.
    pub(super) claim: Option<Claim>,
}

/// What coming in yields.
#[derive(Debug)]
pub(super) struct Entered {
    /// As whom, which is as before for a page that is back in a moment.
    pub(super) participant: ParticipantId,
    pub(super) roster: Snapshot,
    /// The seat of a page.
    pub(super) seat: Option<(SeatId, ConferenceId)>,
    /// Its microphone was on when it broke off.
    pub(super) spoke: bool,
}
