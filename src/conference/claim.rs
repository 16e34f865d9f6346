//! What a page that comes back says of its seat: what the server has sealed for it, and nobody else can read or make.

use crate::{
    conference::participant::{Participant, Role},
    id::{ConferenceId, SeatId},
    pii::Name,
};

/// A claim to a seat. While the conference remembers the seat, what it remembers counts; the rest is for a conference that
/// is built anew after the server was gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Which seat.
    pub seat: SeatId,
    /// Of which conference.
    pub conference: ConferenceId,
    /// The role they had.
    pub role: Role,
    /// Their number among those who came through the same door.
    pub ordinal: u32,
    /// What they were called.
    pub name: Option<Name>,
    /// They asked to speak.
    pub hand: Option<u32>,
    /// They were inside, not in the waiting room.
    pub inside: bool,
    /// Their microphone was on.
    pub microphone: bool,
    /// It was made lately, so that a conference that is built anew may believe it.
    pub fresh: bool,
}

impl Claim {
    /// Makes the claim of somebody to their seat, as they are in the roster.
    pub fn of(entry: &Participant, seat: SeatId, conference: ConferenceId) -> Self {
        Self {
            seat,
            conference,
            role: entry.role,
            ordinal: entry.ordinal,
            name: entry.name.clone(),
            hand: entry.hand,
            inside: entry.is_inside(),
            microphone: entry.microphone,
            fresh: true,
        }
    }
}
