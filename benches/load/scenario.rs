//! The named scenarios: who is in which room, how they speak, and what is asked of the server.

use clap::ValueEnum;

use crate::wire::Kind;

/// A scenario by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Name {
    /// Telephones with G.711 in one room, all microphones open, three talk.
    Phones,
    /// Browsers with Opus over SRTP in one room, all microphones open, three talk.
    Browsers,
    /// Telephones with G.711, G.722 and Opus, and browsers, in one room.
    Mixed,
    /// Four hundred join within two seconds while two hundred talk.
    Churn,
    /// Four hundred browsers join within two seconds, with their handshakes, while two hundred talk.
    ChurnBrowsers,
    /// One room where half of the people talk at once.
    Talkative,
    /// Two hundred rooms of ten, mixed codecs; two hold a conversation in each.
    ManyRooms,
    /// The same, where both talk at once and without end, which nobody does: the most that two can cost.
    ManyRoomsAtOnce,
}

/// When those talk who do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Talk {
    /// All of them, all the time.
    AtOnce,
    /// Two in turns, after ITU-T P.59; others do not talk.
    InTurns,
}

/// Who is there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scenario {
    /// Its name.
    pub(crate) name: &'static str,
    /// What it is, for the reader.
    pub(crate) about: &'static str,
    /// People of the usual run.
    pub(crate) people: usize,
    /// Rooms.
    pub(crate) rooms: usize,
    /// Talkers per room; all others have open microphones.
    pub(crate) talkers: usize,
    /// When they talk.
    pub(crate) talk: Talk,
    /// How people speak, in turns.
    pub(crate) kinds: &'static [Kind],
    /// People who join within two seconds.
    pub(crate) joining: usize,
}

/// One person's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// The room.
    pub(crate) room: u64,
    /// How the person speaks.
    pub(crate) kind: Kind,
    /// Whether the person talks.
    pub(crate) talks: bool,
}

impl Name {
    /// Returns the scenario.
    pub(crate) const fn scenario(self) -> Scenario {
        let one_room = Scenario {
            name: "phones",
            about: "telephones, G.711, one room, open microphones, three talk",
            people: 1_000,
            rooms: 1,
            talkers: 3,
            talk: Talk::AtOnce,
            kinds: &[Kind::Pcma],
            joining: 0,
        };
        match self {
            Self::Phones => one_room,
            Self::Browsers => Scenario {
                name: "browsers",
                about: "browsers, Opus over SRTP, one room, open microphones, three talk",
                kinds: &[Kind::Browser],
                ..one_room
            },
            Self::Mixed => Scenario {
                name: "mixed",
                about: "G.711, G.722, Opus and Opus over SRTP in one room, three talk",
                kinds: &Kind::ALL,
                ..one_room
            },
            Self::Churn => Scenario {
                name: "churn",
                about: "400 telephones join within 2 s while 200 talk",
                people: 200,
                joining: 400,
                ..one_room
            },
            Self::ChurnBrowsers => Scenario {
                name: "churn-browsers",
                about: "400 browsers join within 2 s, with their DTLS handshakes, while 200 talk",
                kinds: &[Kind::Browser],
                ..Self::Churn.scenario()
            },
            Self::Talkative => Scenario {
                name: "talkative",
                about: "telephones, one room, half of the people talk at once",
                people: 100,
                talkers: 50,
                ..one_room
            },
            Self::ManyRooms => Scenario {
                name: "many-rooms",
                about: "200 rooms of 10, mixed codecs, a conversation of two in each (P.59)",
                talk: Talk::InTurns,
                ..Self::ManyRoomsAtOnce.scenario()
            },
            Self::ManyRoomsAtOnce => Scenario {
                name: "many-rooms-at-once",
                about: "200 rooms of 10, mixed codecs, two talk at once and without end in each",
                people: 2_000,
                rooms: 200,
                talkers: 2,
                kinds: &Kind::ALL,
                ..one_room
            },
        }
    }
}

impl Scenario {
    /// Returns the same for Janus: as many people as it can be expected to carry, and browsers over plain RTP.
    pub(crate) fn for_janus(&self) -> Option<Self> {
        let (kinds, people): (&[Kind], _) = match self.kinds {
            [Kind::Pcma] if self.joining == 0 => (&[Kind::Pcma], JANUS_PHONES),
            [Kind::Browser] if self.joining == 0 => (&[Kind::Opus], JANUS_OPUS),
            _ => return None,
        };
        Some(Self {
            kinds,
            people: people.min(self.people),
            ..*self
        })
    }

    /// Returns the same with another number of people, who are as many to a room.
    pub(crate) fn with_people(self, people: usize) -> Self {
        let each = self.people / self.rooms;
        Self {
            people,
            rooms: if self.rooms == 1 {
                1
            } else {
                people.div_ceil(each)
            },
            ..self
        }
    }

    /// Returns where the person with a number is.
    pub(crate) fn place(&self, number: usize) -> Place {
        let (within, room) = (number / self.rooms, number % self.rooms);
        Place {
            room: room as u64,
            // Rooms begin with different codecs, so that the talkers do not all have the same.
            kind: self.kinds[(within + room) % self.kinds.len()],
            talks: within < self.talkers,
        }
    }
}

/// What Janus 1.1 carries on one core with a margin: about half of what it loses packets at.
const JANUS_PHONES: usize = 200;
const JANUS_OPUS: usize = 50;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fewer_people_are_as_many_to_a_room() {
        let rooms = |name: Name, people| name.scenario().with_people(people).rooms;
        assert_eq!(rooms(Name::ManyRooms, 500), 50);
        assert_eq!(rooms(Name::Phones, 10), 1);
    }

    #[test]
    fn every_room_has_its_people_and_talkers() {
        let scenario = Name::ManyRooms.scenario();
        let places: Vec<_> = (0..scenario.people).map(|n| scenario.place(n)).collect();
        for room in 0..200 {
            let inside = places.iter().filter(|place| place.room == room);
            let talkers = inside.clone().filter(|place| place.talks).count();
            assert_eq!((inside.count(), talkers), (10, 2));
        }
        for kind in Kind::ALL {
            let many = places.iter().filter(|place| place.kind == kind).count();
            assert_eq!(many, 500, "{kind:?}");
            assert!(places.iter().any(|place| place.talks && place.kind == kind));
        }
    }
}
