//! What a caller is told who asks who is here.

use crate::{
    conference::participant::{Door, Participant, Role, Status},
    limit::ROLL_NAMES_MAX,
};

/// Who is here and what they do, as far as it is said by clips and names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rollcall {
    /// How many are here, whoever asks included.
    pub present: u32,
    /// Who asks, as the others see them.
    pub own: Listed,
    /// Who else is here.
    pub others: Others,
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

/// Somebody in the roster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Listed {
    /// What they are called who have no name.
    pub label: Label,
    /// They have a name, which the others see in place of the label.
    pub named: bool,
}

/// Everybody but the one who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Others {
    /// The first of those who have a name, in the order of the roster. Further ones are only counted.
    pub named: [Option<Label>; ROLL_NAMES_MAX],
    /// How many have come by telephone, with a name or without.
    pub phones: u32,
    /// How many have come by browser.
    pub browsers: u32,
}

impl Others {
    fn of<'a>(inside: impl Iterator<Item = &'a Participant>) -> Self {
        let mut others = Self::default();
        let mut named = Vec::new();
        for participant in inside {
            let count = match participant.door {
                Door::Phone => &mut others.phones,
                Door::Browser => &mut others.browsers,
            };
            *count = count.saturating_add(1);
            if participant.name.is_some() {
                named.push(Label::of(participant));
            }
        }
        named.sort();
        for (place, label) in others.named.iter_mut().zip(named) {
            *place = Some(label);
        }
        others
    }
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
        own: Listed {
            label: Label::SAMPLE,
            named: false,
        },
        others: Others {
            named: [None; ROLL_NAMES_MAX],
            phones: 2,
            browsers: 1,
        },
        speaking: Speaking::One(Label::SAMPLE),
        hands: 2,
        locked: true,
        waiting: true,
        deed: Some(Deed::MutedAll),
    };

    /// Returns everybody whose name is said if it is a sound, each once.
    pub(super) fn names(self) -> Vec<Label> {
        let speaks = match self.speaking {
            Speaking::One(whom) => Some(whom),
            Speaking::Nobody | Speaking::Several => None,
        };
        let others = self.others.named.into_iter().flatten();
        let mut names: Vec<Label> = others.chain(speaks).chain([self.own.label]).collect();
        names.sort();
        names.dedup();
        names
    }

    /// Calls the roll for somebody who is here. Who waits is not here yet; a moderator is told that somebody does.
    pub(super) fn of<'a>(
        participants: impl Iterator<Item = &'a Participant> + Clone,
        locked: bool,
        by: &Participant,
    ) -> Self {
        let inside = participants.clone().filter(|who| who.is_inside());
        let mut speakers = inside.clone().filter(|who| who.speaking);
        let speaking = match (speakers.next(), speakers.next()) {
            (None, _) => Speaking::Nobody,
            (Some(one), None) => Speaking::One(Label::of(one)),
            (Some(_), Some(_)) => Speaking::Several,
        };
        let mut waiting = participants.filter(|who| who.status == Status::Pending);
        Self {
            present: count(inside.clone()),
            own: Listed {
                label: Label::of(by),
                named: by.name.is_some(),
            },
            others: Others::of(inside.clone().filter(|who| who.id != by.id)),
            speaking,
            hands: count(inside.filter(|who| who.hand.is_some())),
            locked,
            waiting: by.role == Role::Moderator && waiting.next().is_some(),
            deed: None,
        }
    }
}

fn count<'a>(people: impl Iterator<Item = &'a Participant>) -> u32 {
    u32::try_from(people.count()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pii::Name;

    /// Who is named comes in the order of the roster, whatever their ids; whom there is no room for is counted all the same.
    #[test]
    fn the_others_are_named_in_the_order_of_the_roster_and_all_are_counted() {
        let guest = |number: u32, door, named: bool| Participant {
            name: named.then(|| Name::new("Anna".to_owned())),
            ..Participant::guest(number, door)
        };
        let mut people: Vec<Participant> = (1..=100)
            .map(|number| guest(number, Door::Browser, number % 2 == 0))
            .collect();
        people.push(guest(101, Door::Phone, true));
        people.push(guest(102, Door::Phone, false));
        let waits = Participant {
            status: Status::Pending,
            ..guest(103, Door::Phone, true)
        };
        people.push(waits);
        people.reverse();
        let by = people[1].clone();
        let rollcall = Rollcall::of(people.iter(), false, &by);
        assert_eq!(rollcall.present, 102);
        let label = |door, ordinal| Label { door, ordinal };
        let own = Listed {
            label: label(Door::Phone, 102),
            named: false,
        };
        assert_eq!(rollcall.own, own);
        let Others {
            named,
            phones,
            browsers,
        } = rollcall.others;
        assert_eq!((phones, browsers), (1, 100));
        let named: Vec<Label> = named.into_iter().flatten().collect();
        let browsers = (1..).map(|at| label(Door::Browser, 2 * at));
        let expected: Vec<Label> = std::iter::once(label(Door::Phone, 101))
            .chain(browsers)
            .take(ROLL_NAMES_MAX)
            .collect();
        assert_eq!(named, expected);
    }
}
