//! Why somebody is refused something, and why somebody is sent away. The domain has no other failures.

use serde::{Deserialize, Serialize};

use crate::conference::{event::Event, policy::Reason};

/// Why a participant does not get what they asked for.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    thiserror::Error,
)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    /// The conference has as many participants as it may have.
    #[error("the conference is full")]
    Full,
    /// The conference lets nobody else in.
    #[error("the conference is locked")]
    Locked,
    /// Their role does not give the right.
    #[error("the role does not allow it")]
    NotAllowed,
    /// They are in the waiting room, where there is nothing to ask for.
    #[error("they are in the waiting room")]
    Waiting,
    /// Nobody is in the waiting room.
    #[error("nobody is waiting")]
    NobodyWaits,
    /// Another moderator talks with the participant in the waiting room.
    #[error("another moderator talks with them")]
    TalkedTo,
    /// As many moderators talk with people who wait as may.
    #[error("too many moderators talk with people who wait")]
    TooManyTalks,
    /// A moderator has banned them from this conference.
    #[error("they are banned")]
    Banned,
    /// Their leg is less protected than the room demands.
    #[error("the leg is not protected as the room demands")]
    Unprotected,
    /// The participant the request is about is not in the conference.
    #[error("the participant is not here")]
    NotHere,
    /// People ask to speak, and they have not got the floor, which typed text needs like the microphone.
    #[error("they do not have the floor")]
    NoFloor,
    /// The chat is switched off, or the part of it that they want to use.
    #[error("the chat is off")]
    ChatOff,
    /// Whom they write to cannot read: a telephone has no text.
    #[error("the participant has no text")]
    NoText,
    /// Nobody is called from here.
    #[error("no calls are made")]
    NoDialOut,
    /// What is to be called is no whole number.
    #[error("this is no number that can be called")]
    NoNumber,
    /// It is a number of need or of a service.
    #[error("numbers of need and services are not called")]
    Emergency,
    /// The operator does not allow the number.
    #[error("the number is not allowed")]
    NotListed,
    /// The minutes of the day are spent.
    #[error("the minutes of the day are spent")]
    NoMinutes,
    /// Too many calls are being made, or were made lately.
    #[error("too many calls are made")]
    TooManyCalls,
    /// No trunk can make the call at the moment.
    #[error("no line is free")]
    NoLine,
    /// The participant or the leg is in the conference already.
    #[error("the participant is here already")]
    AlreadyHere,
    /// A telephone that moderates by itself becomes nobody's sound.
    #[error("a telephone that moderates becomes nobody's sound")]
    LeadsItself,
    /// As many pairing codes are open as may be.
    #[error("too many pairing codes are open")]
    NoCode,
    /// The conference has ended.
    #[error("the conference is over")]
    Over,
}

impl Refusal {
    /// Returns what a person is told of it.
    pub const fn event(self) -> Event {
        match self {
            Self::Full => Event::RoomFull,
            Self::Locked => Event::RoomLocked,
            // Calls and codes are asked for, and text is written, on the page alone, which has words for each of these.
            Self::NotAllowed
            | Self::NoFloor
            | Self::ChatOff
            | Self::NoText
            | Self::NoDialOut
            | Self::NoNumber
            | Self::Emergency
            | Self::NotListed
            | Self::NoMinutes
            | Self::TooManyCalls
            | Self::NoLine
            | Self::TooManyTalks
            | Self::NoCode => Event::NotAllowed,
            Self::Waiting => Event::StillWaiting,
            Self::NobodyWaits => Event::NobodyWaits,
            Self::TalkedTo => Event::TalkedTo,
            Self::Banned => Event::Removed,
            Self::Unprotected => Event::Unprotected,
            Self::NotHere => Event::NotHere,
            Self::LeadsItself => Event::PairingLeads,
            Self::AlreadyHere | Self::Over => Event::Fault,
        }
    }
}

/// Why a participant's leg is to be ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Dismissal {
    /// A moderator removed them.
    Removed,
    /// A moderator did not let them in: they are not expected.
    NotExpected,
    /// A moderator did not let them in: there is no place.
    NoPlace,
    /// A moderator did not let them in, or nobody did for too long: they may come later.
    ComeLater,
    /// Their leg is less protected than the room demands.
    Unprotected,
    /// A moderator ended the conference.
    Ended,
    /// The server stops.
    Stopping,
    /// Their media connection is gone.
    Lost,
    /// Another page has taken their seat over, with the same token.
    TakenOver,
    /// Their telephone was the sound of a page where nobody has said that it is theirs.
    NotConfirmed,
    /// Their telephone was the sound of a page at which they have left.
    LeftAtPage,
    /// Something of ours failed.
    Failed,
}

impl Dismissal {
    /// Returns the goodbye that goes with it; none for a leg that is gone, and none for a page, which has words of its own.
    pub const fn event(self) -> Option<Event> {
        match self {
            Self::Removed => Some(Event::Removed),
            Self::NotExpected => Some(Event::NotExpected),
            Self::NoPlace => Some(Event::NoPlace),
            Self::ComeLater => Some(Event::ComeLater),
            Self::Unprotected => Some(Event::Unprotected),
            Self::Ended => Some(Event::Ended),
            Self::Stopping => Some(Event::Stopping),
            Self::NotConfirmed => Some(Event::NotConfirmed),
            Self::LeftAtPage => Some(Event::LeftAtPage),
            Self::Failed => Some(Event::Fault),
            Self::Lost | Self::TakenOver => None,
        }
    }
}

impl From<Reason> for Dismissal {
    fn from(reason: Reason) -> Self {
        match reason {
            Reason::NotExpected => Self::NotExpected,
            Reason::NoPlace => Self::NoPlace,
            Reason::ComeLater => Self::ComeLater,
        }
    }
}
