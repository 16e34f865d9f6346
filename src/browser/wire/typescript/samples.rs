//! Samples of what the server says.

use super::*;

pub(super) fn privacy() -> Privacy {
    Privacy {
        named: Named {
            controller: Some(String::from("Grundschule am Anger, Erfurt")),
            ..Named::default()
        },
        seat_minutes: 5,
        dials_days: None,
        shows_digits: false,
    }
}

pub(super) fn joined(participant: ParticipantId, relay: Option<Relay>) -> ServerMessage {
    ServerMessage::Joined {
        participant,
        answer: Pii::new(String::from("v=0")),
        roster: Roster {
            version: 1,
            state: ConferenceState::default(),
            entries: vec![entry(None), entry(Some("Anna"))],
        },
        seat: Secret::new(String::from("seat")),
        spoke: true,
        relay,
    }
}

pub(super) fn relay() -> Relay {
    Relay {
        urls: vec![String::from("turns:conf.example.de:443?transport=tcp")],
        username: Pii::new(String::from("1700003600:canary-user")),
        credential: Secret::new(String::from("canary-credential")),
    }
}

pub(super) fn delta(gone: ParticipantId) -> ServerMessage {
    ServerMessage::Delta {
        version: 2,
        state: ConferenceState {
            locked: true,
            ask_to_speak: true,
            lobby: Lobby::All,
            entry_signal: EntrySignal::Names,
            quiet_above: 20,
            chat: ChatRule::Private,
            alarm: true,
            callers_wait: true,
        },
        entries: vec![entry(None)],
        gone: vec![gone],
    }
}

pub(super) fn act(actor: Actor, to: Option<&str>) -> ServerMessage {
    ServerMessage::Act {
        act: Act::MusicMuted,
        actor,
        at: 1,
        to: to.map(|name| Affected {
            id: ParticipantId::from_u64(1),
            name: Some(Name::new(name.to_owned())),
            door: Door::Phone,
            ordinal: 1,
        }),
    }
}

pub(super) fn written_samples(from: ParticipantId) -> [ServerMessage; 3] {
    let chat = |to| ServerMessage::Chat {
        from,
        to,
        text: Words::new(String::from("Guten Tag")),
    };
    let typed = ServerMessage::TypedText {
        from,
        line: 1,
        text: Words::new(String::from("Guten T")),
        ended: false,
    };
    [typed, chat(None), chat(Some(from))]
}

/// Whoever does not come in is told by one of these.
pub(super) fn refusals() -> Vec<ServerMessage> {
    let unwelcome =
        [Unwelcome::UnknownLink, Unwelcome::Busy].map(|reason| ServerMessage::Unwelcome { reason });
    let failed = [
        Failed::Malformed,
        Failed::NoCommonCodec,
        Failed::Full,
        Failed::Locked,
        Failed::Banned,
        Failed::Busy,
        Failed::Refused,
        Failed::Internal,
    ]
    .map(|reason| ServerMessage::Failed { reason });
    unwelcome.into_iter().chain(failed).collect()
}

pub(super) fn dial_in() -> DialIn {
    DialIn {
        number: String::from("4711"),
        pin: Secret::new(String::from("canary-pin")),
        sip: String::from("sip:4711@localhost"),
        lines: vec![DialInLine {
            number: String::from("+49 30 123456"),
            language: Wording::De,
            pin_only: false,
        }],
    }
}

pub(super) fn entry(name: Option<&str>) -> Entry {
    Entry {
        id: ParticipantId::from_u64(1),
        name: name.map(|name| Name::new(name.to_owned())),
        door: if name.is_some() {
            Door::Browser
        } else {
            Door::Phone
        },
        ordinal: 1,
        ending: name.is_none().then(|| Name::new("456".to_owned())),
        role: Role::Guest,
        status: if name.is_some() {
            Status::Connected
        } else {
            Status::OnHold
        },
        protection: match name {
            Some(_) => Protection::ToDevice,
            None => Protection::ToCarrier,
        },
        microphone: true,
        speaking: false,
        original_sound: name.is_some(),
        hand: name.map(|_| 1),
        floor: name.is_some(),
        said_name: name.is_none(),
        disturbs: name.map(|_| Disturbance::Music),
        quality: if name.is_some() {
            Quality::Good
        } else {
            Quality::Poor
        },
        text: name.is_some(),
        away: name.is_some(),
        telephone: name.map(|_| Telephone::Unconfirmed),
        apart: name.is_some(),
        apart_with: name.map(|_| ParticipantId::from_u64(2)),
    }
}
