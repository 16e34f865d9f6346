//! What a caller is told who asks who is here.

use crate::conference::participant::{Door, Participant};

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
}

/// Who speaks at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Speaking {
    /// Nobody.
    Nobody,
    /// One, by door and ordinal: "Telefon 3". Names are not spoken.
    One(Door, u32),
    /// More than one.
    Several,
}

impl Rollcall {
    /// An example.
    pub(super) const SAMPLE: Self = Self {
        present: 4,
        speaking: Speaking::One(Door::Phone, 1),
        hands: 2,
        locked: true,
    };

    /// Calls the roll.
    pub(super) fn of<'a>(
        participants: impl Iterator<Item = &'a Participant>,
        locked: bool,
    ) -> Self {
        let mut rollcall = Self {
            present: 0,
            speaking: Speaking::Nobody,
            hands: 0,
            locked,
        };
        for participant in participants {
            rollcall.present = rollcall.present.saturating_add(1);
            rollcall.hands += u32::from(participant.hand.is_some());
            if participant.speaking {
                rollcall.speaking = match rollcall.speaking {
                    Speaking::Nobody => Speaking::One(participant.door, participant.ordinal),
                    Speaking::One(..) | Speaking::Several => Speaking::Several,
                };
            }
        }
        rollcall
    }
}
