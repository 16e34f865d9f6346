//! Which called numbers are answered, and what they ask for.

use sip::{Scheme, Target};

use crate::{conference::event::Language, network::Network};

/// A called number, or a group of them, that a trunk may reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Called {
    /// Every room's number: asks for that room's PIN.
    Rooms,
    /// The user part `bridge`: asks for the whole code.
    Bridge,
    /// A number of the installation: asks for the whole code.
    Dialled(String),
}

/// Who may call in, and which numbers lead where.
#[derive(Debug, Clone)]
pub struct Trunk {
    /// Where its calls come from.
    pub peers: Vec<Network>,
    /// What it may reach.
    pub numbers: Vec<Called>,
    /// What callers hear before their room is known.
    pub language: Language,
}

/// Where a called number leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Destination {
    /// The question for the whole code.
    Code,
    /// The question for the PIN of the room with this number, if there is such a room.
    Room(String),
}

impl Trunk {
    /// Finds where a Request-URI leads; nowhere for emergency numbers, services and all that is not configured.
    pub(super) fn destination(&self, target: &Target) -> Option<Destination> {
        if target.scheme == Scheme::Urn {
            return None;
        }
        let user = target.user.as_ref()?.expose();
        self.numbers.iter().find_map(|number| match number {
            Called::Bridge => (user == BRIDGE).then_some(Destination::Code),
            Called::Dialled(own) => (user == own).then_some(Destination::Code),
            Called::Rooms => is_room_number(user).then(|| Destination::Room(user.clone())),
        })
    }
}

/// The user part that stands for the dial-in without a number.
const BRIDGE: &str = "bridge";

/// Tells whether a text has the form of a room number.
fn is_room_number(text: &str) -> bool {
    let length = text
        .chars()
        .next()
        .and_then(crate::conference::ivr::number_length);
    length == Some(text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use sip::redact::Pii;

    use super::*;

    #[test]
    fn only_configured_numbers_lead_somewhere() {
        let trunk = Trunk {
            peers: Vec::new(),
            numbers: vec![
                Called::Rooms,
                Called::Bridge,
                Called::Dialled("+493012345".into()),
            ],
            language: Language::De,
        };
        let sip = |user: &str| Target {
            scheme: Scheme::Sip,
            user: Some(Pii::new(user.to_owned())),
            context: None,
            urn: None,
        };
        let rows = [
            ("bridge", Some(Destination::Code)),
            ("+493012345", Some(Destination::Code)),
            ("4711", Some(Destination::Room("4711".into()))),
            ("110", None),
            ("112", None),
            ("0112", None),
            ("47110", None),
            ("٤٧١١", None),
            ("", None),
            ("Bridge", None),
        ];
        for (user, expected) in rows {
            assert_eq!(trunk.destination(&sip(user)), expected, "{user}");
        }
        let service = Target {
            scheme: Scheme::Urn,
            user: None,
            context: None,
            urn: Some(Pii::new("service:sos".into())),
        };
        assert_eq!(trunk.destination(&service), None);
    }
}
