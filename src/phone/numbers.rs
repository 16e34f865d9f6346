//! Which called numbers are answered, and what they ask for.

use std::collections::BTreeMap;

use sip::{Asked, Scheme, Target};

use super::spelling::{DialPlan, digits};
use crate::conference::{event::Wording, ivr};

/// A called number, or a group of them, that a trunk may reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Called {
    /// Every number that a room could have: asks for that room's PIN.
    Rooms,
    /// The user part `bridge`: asks for the whole code.
    Bridge,
    /// The user part `sound-test`: lets callers hear themselves.
    SoundTest,
    /// A number of the installation.
    Number(Dialled),
}

/// A number of the installation, and where it leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dialled {
    /// The number: in full with its `+`, with the prefixes of the trunk's dial plan, or an extension.
    pub number: String,
    /// What callers hear before their room is known, if not what they hear on the trunk's other numbers.
    pub language: Option<Wording>,
    /// Whether they are offered the other language before the code, if not as on the trunk's other numbers.
    pub offers_language: Option<bool>,
    /// What it leads to.
    pub leads: Lead,
}

/// What a number of the installation leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lead {
    /// The question for the whole code.
    Code,
    /// The question for the PIN of the room with this number.
    Room(String),
    /// The sound test.
    SoundTest,
}

impl Dialled {
    /// A number that asks for the whole code, in the trunk's language.
    pub fn new(number: impl Into<String>) -> Self {
        Self {
            number: number.into(),
            language: None,
            offers_language: None,
            leads: Lead::Code,
        }
    }
}

/// Where a called number leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Destination {
    /// What is asked for.
    pub(super) entry: Entry,
    /// What callers hear before their room is known, if the number says so.
    pub(super) language: Option<Wording>,
    /// Whether they are offered the other language before the code, if the number says so.
    pub(super) offers_language: Option<bool>,
}

/// What a called number asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Entry {
    /// The whole code.
    Code,
    /// The PIN of the room with this number, which a number of the installation belongs to, if there is such a room.
    Room(String),
    /// The PIN of the room whose number was dialled. It is asked for all numbers that a room could have, in the same words:
    /// otherwise ten thousand calls would tell which rooms there are.
    Extension(String),
    /// Nothing: the caller hears themself.
    SoundTest,
}

impl From<Entry> for Destination {
    fn from(entry: Entry) -> Self {
        Self {
            entry,
            language: None,
            offers_language: None,
        }
    }
}

/// All numbers that a trunk may reach, in all their spellings.
#[derive(Debug)]
pub(super) struct Directory {
    plan: DialPlan,
    rooms: bool,
    bridge: bool,
    sound_test: bool,
    numbers: BTreeMap<String, Destination>,
    /// Where the first of the numbers leads.
    own: Option<Destination>,
}

impl Directory {
    /// Spells all numbers out.
    pub(super) fn new(numbers: &[Called], plan: &DialPlan) -> Self {
        let rooms = numbers.contains(&Called::Rooms);
        let mut directory = Self {
            plan: plan.clone(),
            rooms,
            bridge: numbers.contains(&Called::Bridge),
            sound_test: numbers.contains(&Called::SoundTest),
            numbers: BTreeMap::new(),
            own: numbers.iter().find_map(Called::destination),
        };
        for called in numbers {
            let (Some(dialled), Some(destination)) = (called.number(), called.destination()) else {
                continue;
            };
            for spelling in plan.spellings(&dialled.number) {
                // Where rooms are dialled by their numbers, a local number that looks like one of those is a room's.
                if !(rooms && is_room_number(&spelling) && spelling != dialled.number) {
                    directory.numbers.insert(spelling, destination.clone());
                }
            }
        }
        directory
    }

    /// Finds where a call leads: by P-Called-Party-ID, else by the Request-URI, else by To. Nowhere for emergency numbers,
    /// services and all that is not configured.
    pub(super) fn destination(&self, asked: &Asked) -> Option<Destination> {
        let Asked {
            target,
            called_party,
            to,
            ..
        } = asked;
        let named = [called_party.as_ref(), Some(target), to.as_ref()];
        let mut named = named.into_iter().flatten();
        // What a number of need was diverted from is none of ours, whatever it was.
        if named.clone().any(|target| self.is_service(target)) {
            return None;
        }
        named.find_map(|target| self.of(target))
    }

    /// Where a call to the address of a registration leads that names no number: to the first number. Nowhere, if it was
    /// diverted from a number of need or a service.
    pub(super) fn own(&self, asked: &Asked) -> Option<Destination> {
        let named = [asked.called_party.as_ref(), asked.to.as_ref()];
        let mut named = named.into_iter().flatten();
        let diverted = named.any(|target| self.is_service(target));
        self.own.clone().filter(|_| !diverted)
    }

    fn is_service(&self, target: &Target) -> bool {
        let dialled = || digits(target.user.as_ref()?.expose());
        target.scheme == Scheme::Urn
            || dialled().is_some_and(|dialled| self.plan.is_service(&dialled))
    }

    fn of(&self, target: &Target) -> Option<Destination> {
        let user = target.user.as_ref()?.expose();
        if user == BRIDGE {
            return self.bridge.then(|| Entry::Code.into());
        }
        if user == SOUND_TEST {
            return self.sound_test.then(|| Entry::SoundTest.into());
        }
        let number = self.plan.read(target)?;
        if let Some(destination) = self.numbers.get(&number) {
            return Some(destination.clone());
        }
        // An exchange may name the context of its extensions; rooms are extensions.
        let extension = digits(user).filter(|number| self.rooms && is_room_number(number))?;
        Some(Entry::Extension(extension).into())
    }
}

impl Called {
    fn number(&self) -> Option<&Dialled> {
        match self {
            Self::Number(dialled) => Some(dialled),
            Self::Rooms | Self::Bridge | Self::SoundTest => None,
        }
    }

    /// Where it leads; nowhere if it is every room.
    fn destination(&self) -> Option<Destination> {
        match self {
            Self::Rooms => None,
            Self::Bridge => Some(Entry::Code.into()),
            Self::SoundTest => Some(Entry::SoundTest.into()),
            Self::Number(dialled) => Some(Destination {
                entry: match &dialled.leads {
                    Lead::Code => Entry::Code,
                    Lead::Room(room) => Entry::Room(room.clone()),
                    Lead::SoundTest => Entry::SoundTest,
                },
                language: dialled.language,
                offers_language: dialled.offers_language,
            }),
        }
    }
}

/// The user part that stands for the dial-in without a number.
const BRIDGE: &str = "bridge";
/// The user part that stands for the sound test without a number.
const SOUND_TEST: &str = "sound-test";

/// Tells whether a text has the form of a room number.
pub fn is_room_number(text: &str) -> bool {
    let length = text.chars().next().and_then(ivr::number_length);
    length == Some(text.len())
        && !ivr::begins_pairing(text)
        && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use sip::{Caller, redact::Pii};

    use super::*;

    fn sip(user: &str) -> Target {
        let (user, context) = match user.split_once(";phone-context=") {
            Some((user, context)) => (user, Some(Pii::new(context.to_owned()))),
            None => (user, None),
        };
        Target {
            scheme: Scheme::Sip,
            user: Some(Pii::new(user.to_owned())),
            context,
            urn: None,
        }
    }

    fn asked(target: Target) -> Asked {
        Asked {
            target,
            called_party: None,
            to: None,
            caller: Caller::default(),
            asserted: None,
            private: false,
        }
    }

    fn directory(numbers: &[Called]) -> Directory {
        let plan = DialPlan {
            country: "49".to_owned(),
            area: "30".to_owned(),
        };
        Directory::new(numbers, &plan)
    }

    fn all() -> Directory {
        let english = Dialled {
            language: Some(Wording::En),
            leads: Lead::Room("4712".to_owned()),
            ..Dialled::new("+493098765")
        };
        let sound_test = Dialled {
            leads: Lead::SoundTest,
            ..Dialled::new("+493055555")
        };
        directory(&[
            Called::Rooms,
            Called::Bridge,
            Called::Number(Dialled::new("+493012345")),
            Called::SoundTest,
            Called::Number(english),
            Called::Number(sound_test),
            Called::Number(Dialled::new("620")),
        ])
    }

    fn code() -> Destination {
        Entry::Code.into()
    }

    fn room(number: &str) -> Destination {
        Entry::Extension(number.to_owned()).into()
    }

    #[test]
    fn only_configured_numbers_lead_somewhere() {
        let directory = all();
        let rows = [
            ("bridge", Some(code())),
            ("+493012345", Some(code())),
            ("4711", Some(room("4711"))),
            ("620", Some(code())),
            ("sound-test", Some(Entry::SoundTest.into())),
            ("03055555", Some(Entry::SoundTest.into())),
            ("Sound-Test", None),
            ("110", None),
            ("112", None),
            ("0112", None),
            ("030112", None),
            ("19222", None),
            ("47110", None),
            ("٤٧١١", None),
            ("", None),
            ("Bridge", None),
            ("0900123456", None),
            ("+493012346", None),
            ("+49301234", None),
            ("+4930123455", None),
            ("+4712", None),
            ("0620", None),
        ];
        for (user, expected) in rows {
            assert_eq!(directory.destination(&asked(sip(user))), expected, "{user}");
        }
        let service = Target {
            scheme: Scheme::Urn,
            user: None,
            context: None,
            urn: Some(Pii::new("service:sos".into())),
        };
        assert_eq!(directory.destination(&asked(service)), None);
    }

    /// R3: the number alone decides, not whether there is such a room.
    #[test]
    fn every_number_that_a_room_could_have_leads_to_its_question() {
        let directory = all();
        let lead = |number: &u32| {
            let number = format!("{number:04}");
            directory.destination(&asked(sip(&number))) == Some(room(&number))
        };
        let rooms: Vec<u32> = (0..10_000).filter(lead).collect();
        assert_eq!(rooms, (1_000..8_000).collect::<Vec<_>>());
    }

    #[test]
    fn a_number_is_known_as_exchanges_spell_it() {
        let directory = all();
        for user in [
            "+493012345",
            "00493012345",
            "493012345",
            "03012345",
            "12345",
            "+49-30-123-45",
            "(030) 123/45",
            "030.12345",
            "12345;phone-context=+4930",
            "03012345;phone-context=+49",
            "3012345;phone-context=+49",
            "00493012345;phone-context=+1",
            "+493012345;phone-context=+1",
            "12345;phone-context=example.net",
        ] {
            assert_eq!(
                directory.destination(&asked(sip(user))),
                Some(code()),
                "{user}"
            );
        }
        for user in [
            "12345;phone-context=+4940",
            "12345;phone-context=+49",
            "03012345;phone-context=+43",
            "12345;phone-context=+",
            "12345;phone-context=+x",
            "03012345;ext=1",
            "3012345",
        ] {
            assert_eq!(directory.destination(&asked(sip(user))), None, "{user}");
        }
    }

    #[test]
    fn every_scheme_of_a_number_is_taken() {
        for scheme in [Scheme::Sip, Scheme::Sips, Scheme::Tel] {
            let target = Target {
                scheme,
                ..sip("+493012345")
            };
            assert_eq!(
                all().destination(&asked(target)),
                Some(code()),
                "{scheme:?}"
            );
        }
    }

    #[test]
    fn a_number_has_its_language_and_its_room() {
        let destination = all().destination(&asked(sip("03098765")));
        let english = Destination {
            entry: Entry::Room("4712".to_owned()),
            language: Some(Wording::En),
            offers_language: None,
        };
        assert_eq!(destination, Some(english));
    }

    #[test]
    fn the_called_party_comes_before_the_request_and_that_before_to() {
        let directory = all();
        let full = Asked {
            called_party: Some(sip("bridge")),
            to: Some(sip("4713")),
            ..asked(sip("4712"))
        };
        assert_eq!(directory.destination(&full), Some(code()));
        let believed = full.clone().without_assertions();
        assert_eq!(directory.destination(&believed), Some(room("4712")));
        let registered = Asked {
            target: sip("f81d4fae7dec11d0"),
            ..believed
        };
        assert_eq!(directory.destination(&registered), Some(room("4713")));
        let need = Asked {
            target: sip("112"),
            ..full
        };
        assert_eq!(directory.destination(&need), None, "nobody answers for 112");
    }

    #[test]
    fn a_local_number_is_not_taken_for_a_room() {
        let number = Called::Number(Dialled::new("+49304711"));
        let with_rooms = directory(&[Called::Rooms, number.clone()]);
        assert_eq!(
            with_rooms.destination(&asked(sip("4711"))),
            Some(room("4711"))
        );
        assert_eq!(with_rooms.destination(&asked(sip("0304711"))), Some(code()));
        let without = directory(&[number]);
        assert_eq!(without.destination(&asked(sip("4711"))), Some(code()));
    }
}
