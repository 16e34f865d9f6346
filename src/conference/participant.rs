//! A participant: a person in the roster, with role, door and media status.

use serde::{Deserialize, Serialize};

use crate::{
    id::{LegId, ParticipantId},
    pii::Name,
};

/// What a participant may do; comes only from the secret they entered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// May take part.
    Guest,
    /// May also mute, remove and end.
    Moderator,
}

/// The way in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Door {
    /// By telephone.
    Phone,
    /// By browser.
    Browser,
}

/// The status of an endpoint in the words of RFC 4575 §5.6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// In the conference.
    Connected,
    /// In the conference, but the telephone is on hold.
    OnHold,
}

/// One participant as all see them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Participant {
    /// Who.
    pub id: ParticipantId,
    /// Their leg.
    pub leg: LegId,
    /// Display name, pseudonym or "Telefon 1".
    pub name: Name,
    /// Role.
    pub role: Role,
    /// Way in.
    pub door: Door,
    /// Status.
    pub status: Status,
    /// The microphone is on: the mixer takes their sound.
    pub microphone: bool,
    /// They speak at this moment.
    pub speaking: bool,
}
