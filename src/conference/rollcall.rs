//! What a caller is told who asks who is here.

use crate::conference::participant::{Door, Participant, Role, Status};

/// Who is here and what they do, as far as it is said by clips.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rollcall {
    /// How many are here, whoever asks included.
    pub present: u32,
    /// Who speaks.
    pub speaking: Speaking,
    /// How many have raised a hand.
    pub hands: u32,
    /// Nobody else is let in.
    pub locked: bool,
    /// Somebody is in the waiting room; nobody but moderators is told.
    pub waiting: bool,
    /// What a moderator just did.
    pub deed: Option<Deed>,
}

/// What a moderator did that concerns all, and that who cannot see the list might have missed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Deed {
    /// They muted all guests.
    MutedAll,
    /// They let people ask to speak.
    AskToSpeak,
    /// They let everybody speak again.
    AllMaySpeak,
    /// They opened the conference again.
    Unlocked,
}

impl Deed {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::MutedAll,
        Self::AskToSpeak,
        Self::AllMaySpeak,
        Self::Unlocked,
    ];
}

/// What somebody is called whose name is not spoken, and what tells who it is: "Telefon 3".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label {
    /// Their way in.
    pub door: Door,
    /// Their number among those who came the same way.
    pub ordinal: u32,
}

impl Label {
    /// An example.
    pub(super) const SAMPLE: Self = Self {
        door: Door::Phone,
        ordinal: 1,
    };

    /// Every label whose number is said, and one beyond for each way in.
    pub(super) fn spoken() -> impl Iterator<Item = Self> {
        let doors = [Door::Phone, Door::Browser].into_iter();
        doors.flat_map(|door| (1..=LABELS_SPOKEN + 1).map(move |ordinal| Self { door, ordinal }))
    }

    /// Somebody's label.
    pub const fn of(participant: &Participant) -> Self {
        Self {
            door: participant.door,
            ordinal: participant.ordinal,
        }
    }
}

/// Up to which number labels are spoken; a test of the catalogue holds that it is as many as there are clips.
const LABELS_SPOKEN: u32 = 20;

/// Who speaks at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Speaking {
    /// Nobody.
    Nobody,
    /// One.
    One(Label),
    /// More than one.
    Several,
}

impl Rollcall {
    /// An example.
    pub(super) const SAMPLE: Self = Self {
        present: 4,
        speaking: Speaking::One(Label::SAMPLE),
        hands: 2,
        locked: true,
        waiting: true,
        deed: Some(Deed::MutedAll),
    };

    /// Calls the roll. Who waits is not here yet; a moderator is told that somebody does.
    pub(super) fn of<'a>(
        participants: impl Iterator<Item = &'a Participant>,
        locked: bool,
        by: Role,
    ) -> Self {
        let mut rollcall = Self {
            present: 0,
            speaking: Speaking::Nobody,
            hands: 0,
            locked,
            waiting: false,
            deed: None,
        };
        for participant in participants {
            if !participant.is_inside() {
                rollcall.waiting |= participant.status == Status::Pending && by == Role::Moderator;
                continue;
            }
            rollcall.present = rollcall.present.saturating_add(1);
            rollcall.hands += u32::from(participant.hand.is_some());
            if participant.speaking {
                rollcall.speaking = match rollcall.speaking {
                    Speaking::Nobody => Speaking::One(Label::of(participant)),
                    Speaking::One(_) | Speaking::Several => Speaking::Several,
                };
            }
        }
        rollcall
    }
}
