//! The shapes of the messages as data: `web/src/wire.ts` is written from them, and samples of every message are held
//! against them, so that types here and types there cannot drift apart.
//!
//! With `RUNDRUF_BLESS=1` in the environment the test writes the file instead of comparing it.

use serde_json::{Value, json};

use self::render::typescript;
use super::*;
use samples::{act, delta, dial_in, entry, joined, privacy, refusals, relay, written_samples};

mod samples;

mod render;

/// What a field holds.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Text,
    Id,
    Number,
    Flag,
    /// A type declared in [`TYPES`].
    Named(&'static str),
    Nullable(&'static Self),
    List(&'static Self),
}

/// A declared type.
#[derive(Debug, Clone, Copy)]
enum Shape {
    Words(&'static [&'static str]),
    Fields(Fields),
    /// Messages by their `type`.
    Messages(&'static [(&'static str, Fields)]),
}

type Fields = &'static [(&'static str, Kind)];

const TYPES: &[(&str, Shape)] = &[
    (
        "Wording",
        Shape::Words(&["de", "de-du", "de-einfach", "en"]),
    ),
    ("Role", Shape::Words(&["guest", "moderator"])),
    ("Door", Shape::Words(&["phone", "browser"])),
    (
        "Status",
        Shape::Words(&["pending", "dialing-out", "alerting", "connected", "on-hold"]),
    ),
    (
        "Protection",
        Shape::Words(&["none", "to-carrier", "to-device"]),
    ),
    ("Telephone", Shape::Words(&["unconfirmed", "confirmed"])),
    ("Lobby", Shape::Words(&["off", "guests", "all"])),
    ("EntrySignal", Shape::Words(&["tones", "names", "off"])),
    (
        "ChatRule",
        Shape::Words(&["all", "public", "private", "off"]),
    ),
    (
        "Reason",
        Shape::Words(&["not-expected", "no-place", "come-later"]),
    ),
    (
        "Disturbance",
        Shape::Words(&["steady-noise", "echo", "music"]),
    ),
    ("Quality", Shape::Words(&["good", "fair", "poor"])),
    (
        "Act",
        Shape::Words(&[
            "admitted",
            "admitted-all",
            "talked-apart",
            "muted",
            "muted-all",
            "asked-to-unmute",
            "hand-lowered",
            "hands-lowered",
            "ask-to-speak",
            "all-may-speak",
            "floor-given",
            "locked",
            "unlocked",
            "lobby-off",
            "lobby-guests",
            "lobby-all",
            "entry-tones",
            "entry-names",
            "entry-off",
            "chat-all",
            "chat-public",
            "chat-private",
            "chat-off",
            "renamed",
            "removed",
            "banned",
            "invited",
            "made-moderator",
            "alarm",
            "alarm-lifted",
            "callers-wait",
            "callers-trusted",
            "ended",
            "music-muted",
        ]),
    ),
    ("Actor", Shape::Words(&["moderator", "owner", "server"])),
    (
        "Affected",
        Shape::Fields(&[
            ("id", Kind::Id),
            ("name", Kind::Nullable(&Kind::Text)),
            ("door", Kind::Named("Door")),
            ("ordinal", Kind::Number),
        ]),
    ),
    ("Entry", Shape::Fields(ENTRY)),
    (
        "ConferenceState",
        Shape::Fields(&[
            ("locked", Kind::Flag),
            ("ask_to_speak", Kind::Flag),
            ("lobby", Kind::Named("Lobby")),
            ("entry_signal", Kind::Named("EntrySignal")),
            ("quiet_above", Kind::Number),
            ("chat", Kind::Named("ChatRule")),
            ("alarm", Kind::Flag),
            ("callers_wait", Kind::Flag),
        ]),
    ),
    (
        "Roster",
        Shape::Fields(&[
            ("version", Kind::Number),
            ("state", Kind::Named("ConferenceState")),
            ("entries", Kind::List(&Kind::Named("Entry"))),
        ]),
    ),
    (
        "Privacy",
        Shape::Fields(&[
            ("controller", Kind::Nullable(&Kind::Text)),
            ("contact", Kind::Nullable(&Kind::Text)),
            ("officer", Kind::Nullable(&Kind::Text)),
            ("basis", Kind::Nullable(&Kind::Text)),
            ("authority", Kind::Nullable(&Kind::Text)),
            ("seat_minutes", Kind::Number),
            ("dials_days", Kind::Nullable(&Kind::Number)),
            ("shows_digits", Kind::Flag),
        ]),
    ),
    (
        "DialIn",
        Shape::Fields(&[
            ("number", Kind::Text),
            ("pin", Kind::Text),
            ("sip", Kind::Text),
            ("lines", Kind::List(&Kind::Named("DialInLine"))),
        ]),
    ),
    (
        "DialInLine",
        Shape::Fields(&[
            ("number", Kind::Text),
            ("language", Kind::Named("Wording")),
            ("pin_only", Kind::Flag),
        ]),
    ),
    (
        "Relay",
        Shape::Fields(&[
            ("urls", Kind::List(&Kind::Text)),
            ("username", Kind::Text),
            ("credential", Kind::Text),
        ]),
    ),
    ("Shown", Shape::Fields(SHOWN)),
    ("ClientMessage", Shape::Messages(CLIENT)),
    ("ServerMessage", Shape::Messages(SERVER)),
];

const SHOWN: Fields = &[
    ("de", Kind::Text),
    ("de-du", Kind::Text),
    ("de-einfach", Kind::Text),
    ("en", Kind::Text),
];

const ENTRY: Fields = &[
    ("id", Kind::Id),
    ("name", Kind::Nullable(&Kind::Text)),
    ("door", Kind::Named("Door")),
    ("ordinal", Kind::Number),
    ("ending", Kind::Nullable(&Kind::Text)),
    ("role", Kind::Named("Role")),
    ("status", Kind::Named("Status")),
    ("protection", Kind::Named("Protection")),
    ("microphone", Kind::Flag),
    ("speaking", Kind::Flag),
    ("original_sound", Kind::Flag),
    ("hand", Kind::Nullable(&Kind::Number)),
    ("floor", Kind::Flag),
    ("said_name", Kind::Flag),
    ("disturbs", Kind::Nullable(&Kind::Named("Disturbance"))),
    ("quality", Kind::Named("Quality")),
    ("text", Kind::Flag),
    ("away", Kind::Flag),
    ("telephone", Kind::Nullable(&Kind::Named("Telephone"))),
    ("apart", Kind::Flag),
    ("apart_with", Kind::Nullable(&Kind::Id)),
];

const CLIENT: &[(&str, Fields)] = &[
    (
        "hello",
        &[("token", Kind::Text), ("seat", Kind::Nullable(&Kind::Text))],
    ),
    (
        "join",
        &[("name", Kind::Nullable(&Kind::Text)), ("offer", Kind::Text)],
    ),
    ("microphone", &[("on", Kind::Flag)]),
    ("original-sound", &[("on", Kind::Flag)]),
    ("hand", &[("up", Kind::Flag)]),
    ("typed-text", &[("text", Kind::Text), ("ended", Kind::Flag)]),
    (
        "chat",
        &[("to", Kind::Nullable(&Kind::Id)), ("text", Kind::Text)],
    ),
    ("chat-rule", &[("rule", Kind::Named("ChatRule"))]),
    ("mute-all", &[]),
    ("ask-to-unmute", &[("participant", Kind::Id)]),
    ("lower-hand", &[("participant", Kind::Id)]),
    ("lower-hands", &[]),
    ("ask-to-speak", &[("on", Kind::Flag)]),
    ("give-floor", &[("participant", Kind::Id)]),
    ("lock", &[("on", Kind::Flag)]),
    ("hear-name", &[("participant", Kind::Id)]),
    ("admit", &[("participant", Kind::Id)]),
    ("admit-all", &[]),
    (
        "turn-away",
        &[("participant", Kind::Id), ("reason", Kind::Named("Reason"))],
    ),
    ("talk-with", &[("participant", Kind::Id)]),
    ("end-talk", &[]),
    ("lobby", &[("who", Kind::Named("Lobby"))]),
    ("entry-signal", &[("signal", Kind::Named("EntrySignal"))]),
    ("lift-alarm", &[]),
    ("invite", &[("number", Kind::Text)]),
    (
        "rename",
        &[
            ("participant", Kind::Id),
            ("name", Kind::Nullable(&Kind::Text)),
        ],
    ),
    ("ban", &[("participant", Kind::Id)]),
    ("mute", &[("participant", Kind::Id)]),
    ("remove", &[("participant", Kind::Id)]),
    ("make-moderator", &[("participant", Kind::Id)]),
    ("pairing-code", &[]),
    ("own-telephone", &[("own", Kind::Flag)]),
    ("end", &[]),
    ("leave", &[]),
];

const SERVER: &[(&str, Fields)] = &[
    (
        "welcome",
        &[
            ("role", Kind::Named("Role")),
            ("title", Kind::Text),
            ("language", Kind::Named("Wording")),
            ("dial_in", Kind::Nullable(&Kind::Named("DialIn"))),
            ("dial_out", Kind::List(&Kind::Text)),
            ("privacy", Kind::Named("Privacy")),
            ("returns", Kind::Flag),
        ],
    ),
    ("unwelcome", &[("reason", Kind::Text)]),
    (
        "joined",
        &[
            ("participant", Kind::Id),
            ("answer", Kind::Text),
            ("roster", Kind::Named("Roster")),
            ("seat", Kind::Text),
            ("spoke", Kind::Flag),
            ("relay", Kind::Nullable(&Kind::Named("Relay"))),
        ],
    ),
    ("seat", &[("seat", Kind::Text)]),
    (
        "delta",
        &[
            ("version", Kind::Number),
            ("state", Kind::Named("ConferenceState")),
            ("entries", Kind::List(&Kind::Named("Entry"))),
            ("gone", Kind::List(&Kind::Id)),
        ],
    ),
    (
        "speaking",
        &[
            ("began", Kind::List(&Kind::Id)),
            ("ceased", Kind::List(&Kind::Id)),
        ],
    ),
    (
        "quality",
        &[
            ("good", Kind::List(&Kind::Id)),
            ("fair", Kind::List(&Kind::Id)),
            ("poor", Kind::List(&Kind::Id)),
        ],
    ),
    (
        "act",
        &[
            ("act", Kind::Named("Act")),
            ("actor", Kind::Named("Actor")),
            ("at", Kind::Number),
            ("to", Kind::Nullable(&Kind::Named("Affected"))),
        ],
    ),
    (
        "told",
        &[("event", Kind::Text), ("shown", Kind::Named("Shown"))],
    ),
    (
        "typed-text",
        &[
            ("from", Kind::Id),
            ("line", Kind::Number),
            ("text", Kind::Text),
            ("ended", Kind::Flag),
        ],
    ),
    (
        "chat",
        &[
            ("from", Kind::Id),
            ("to", Kind::Nullable(&Kind::Id)),
            ("text", Kind::Text),
        ],
    ),
    (
        "pairing-code",
        &[("code", Kind::Text), ("seconds", Kind::Number)],
    ),
    ("refused", &[("reason", Kind::Text)]),
    ("connected", &[]),
    ("dismissed", &[("reason", Kind::Text)]),
    ("failed", &[("reason", Kind::Text)]),
];

#[test]
fn the_client_s_types_are_those_of_the_server() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/web/src/wire.ts");
    let rendered = typescript();
    if std::env::var_os("RUNDRUF_BLESS").is_some() {
        std::fs::write(file, &rendered).unwrap();
    }
    assert_eq!(std::fs::read_to_string(file).unwrap(), rendered);
}

#[test]
fn every_client_message_of_its_shape_is_understood() {
    let mut variants = std::collections::BTreeSet::new();
    for (tag, fields) in CLIENT {
        let message = sample(tag, fields);
        let read: ClientMessage = serde_json::from_value(message.clone()).unwrap();
        variants.insert(ordinal(&read));
        for (field, _) in *fields {
            let mut lacking = message.clone();
            lacking.as_object_mut().unwrap().remove(*field);
            let read: Result<ClientMessage, _> = serde_json::from_value(lacking);
            assert!(read.is_err(), "{tag} without {field}");
        }
        let mut beyond = message.clone();
        beyond["more"] = json!(1);
        let read: Result<ClientMessage, _> = serde_json::from_value(beyond);
        assert!(read.is_err(), "{tag} with another field");
    }
    assert_eq!(variants.len(), CLIENT.len());
}

#[test]
fn every_server_message_has_its_shape() {
    let mut tags = std::collections::BTreeSet::new();
    for message in server_samples() {
        let value = serde_json::to_value(&message).unwrap();
        let tag = value["type"].as_str().unwrap().to_owned();
        let (_, fields) = SERVER
            .iter()
            .find(|(name, _)| *name == tag)
            .unwrap_or_else(|| panic!("{tag} has no shape"));
        let mut value = value;
        value.as_object_mut().unwrap().remove("type");
        check_fields(&value, fields);
        tags.insert(tag);
    }
    assert_eq!(tags.len(), SERVER.len());
}

#[test]
fn nothing_personal_or_secret_is_printed() {
    let welcome = ServerMessage::Welcome {
        role: Role::Guest,
        title: Pii::new(String::from("canary-title")),
        language: Wording::De,
        dial_in: Some(dial_in()),
        dial_out: vec!["+49".to_owned()],
        privacy: Box::new(privacy()),
        returns: true,
    };
    let hello = json!({"type": "hello", "token": "canary-token", "seat": "canary-seat"});
    let seat = ServerMessage::Seat {
        seat: Secret::new(String::from("canary-seat")),
    };
    let pairing = ServerMessage::PairingCode {
        code: Secret::new(String::from("canary-code")),
        seconds: 300,
    };
    let join = json!({"type": "join", "name": "canary-name", "offer": "canary-offer"});
    let invite = json!({"type": "invite", "number": "canary-number"});
    let typed = json!({"type": "typed-text", "text": "canary-typed", "ended": false});
    let chat = json!({"type": "chat", "to": null, "text": "canary-chat"});
    let written = ServerMessage::Chat {
        from: ParticipantId::from_u64(1),
        to: None,
        text: Words::new(String::from("canary-written")),
    };
    let read = |value| serde_json::from_value::<ClientMessage>(value).unwrap();
    let roster = Roster {
        version: 1,
        state: ConferenceState::default(),
        entries: vec![entry(Some("canary-name"))],
    };
    let act = act(Actor::Moderator, Some("canary-name"));
    let joined = joined(ParticipantId::from_u64(1), Some(relay()));
    let printed = format!(
        "{welcome:?} {seat:?} {pairing:?} {:?} {:?} {:?} {:?} {:?} {written:?} {roster:?} {act:?} {joined:?}",
        read(hello),
        read(join),
        read(invite),
        read(typed),
        read(chat)
    );
    assert!(!printed.contains("canary"), "{printed}");
}

/// The words of the acts are those of the page, all of them and no others.
#[test]
fn every_act_has_its_word() {
    let (_, shape) = TYPES.iter().find(|(name, _)| *name == "Act").unwrap();
    let Shape::Words(words) = shape else {
        panic!("{shape:?}");
    };
    let acts: Vec<String> = Act::ALL
        .iter()
        .map(|act| json!(act).as_str().unwrap().to_owned())
        .collect();
    assert_eq!(acts, *words);
}

/// Tells the variants apart; a further one does not compile until it is added here.
fn ordinal(message: &ClientMessage) -> u8 {
    match message {
        ClientMessage::Hello { .. } => 0,
        ClientMessage::Join { .. } => 1,
        ClientMessage::Microphone { .. } => 2,
        ClientMessage::Mute { .. } => 3,
        ClientMessage::Remove { .. } => 4,
        ClientMessage::End {} => 5,
        ClientMessage::Leave {} => 6,
        ClientMessage::OriginalSound { .. } => 7,
        ClientMessage::Hand { .. } => 8,
        ClientMessage::MuteAll {} => 9,
        ClientMessage::AskToUnmute { .. } => 10,
        ClientMessage::LowerHand { .. } => 11,
        ClientMessage::AskToSpeak { .. } => 12,
        ClientMessage::GiveFloor { .. } => 13,
        ClientMessage::Lock { .. } => 14,
        ClientMessage::Admit { .. } => 15,
        ClientMessage::AdmitAll {} => 16,
        ClientMessage::TurnAway { .. } => 17,
        ClientMessage::Lobby { .. } => 18,
        ClientMessage::LiftAlarm {} => 19,
        ClientMessage::Rename { .. } => 20,
        ClientMessage::Ban { .. } => 21,
        ClientMessage::EntrySignal { .. } => 22,
        ClientMessage::Invite { .. } => 23,
        ClientMessage::HearName { .. } => 24,
        ClientMessage::LowerHands {} => 25,
        ClientMessage::MakeModerator { .. } => 26,
        ClientMessage::TypedText { .. } => 27,
        ClientMessage::Chat { .. } => 28,
        ClientMessage::ChatRule { .. } => 29,
        ClientMessage::PairingCode {} => 30,
        ClientMessage::OwnTelephone { .. } => 31,
        ClientMessage::TalkWith { .. } => 32,
        ClientMessage::EndTalk {} => 33,
    }
}

fn sample(tag: &str, fields: Fields) -> Value {
    let mut message = json!({"type": tag});
    for (field, kind) in fields {
        message[*field] = match kind {
            Kind::Id | Kind::Nullable(Kind::Id) => json!("00000000000000aa"),
            Kind::Text | Kind::Nullable(_) => json!("text"),
            Kind::Flag => json!(true),
            Kind::Number => json!(1),
            Kind::Named("Lobby") => json!("guests"),
            Kind::Named("EntrySignal") => json!("names"),
            Kind::Named("Reason") => json!("no-place"),
            Kind::Named("ChatRule") => json!("public"),
            Kind::Named(_) | Kind::List(_) => panic!("no client message holds {kind:?}"),
        };
    }
    message
}

fn server_samples() -> Vec<ServerMessage> {
    let welcome = |role, language, dial_in| ServerMessage::Welcome {
        role,
        title: Pii::new(String::from("Jour fixe")),
        language,
        dial_in,
        dial_out: vec!["+49".to_owned()],
        privacy: Box::new(privacy()),
        returns: role == Role::Guest,
    };
    let id = ParticipantId::from_u64(1);
    let text = String::from;
    let mut samples = vec![
        welcome(Role::Guest, Wording::De, None),
        welcome(Role::Moderator, Wording::En, Some(dial_in())),
        joined(id, None),
        joined(id, Some(relay())),
        ServerMessage::Seat {
            seat: Secret::new(text("seat")),
        },
        delta(id),
        ServerMessage::Speaking {
            began: vec![id],
            ceased: vec![],
        },
        ServerMessage::Quality {
            good: vec![],
            fair: vec![id],
            poor: vec![],
        },
        act(Actor::Moderator, Some("canary-name")),
        act(Actor::Server, None),
        ServerMessage::Told {
            event: text("microphone-off-by-moderator"),
            shown: Event::MicrophoneOffByModerator.into(),
        },
        ServerMessage::PairingCode {
            code: Secret::new(text("951234")),
            seconds: 300,
        },
        ServerMessage::Refused {
            reason: Refusal::NotAllowed,
        },
        ServerMessage::Connected,
        ServerMessage::Dismissed {
            reason: Dismissal::Ended,
        },
    ];
    samples.extend(written_samples(id));
    samples.extend(refusals());
    samples
}

fn check_fields(value: &Value, fields: Fields) {
    let object = value.as_object().unwrap();
    let keys: Vec<_> = object.keys().map(String::as_str).collect();
    let mut names: Vec<_> = fields.iter().map(|(name, _)| *name).collect();
    names.sort_unstable();
    assert_eq!(keys, names, "{value}");
    for (name, kind) in fields {
        check(&object[*name], *kind);
    }
}

fn check(value: &Value, kind: Kind) {
    let right = match kind {
        Kind::Text => value.is_string(),
        Kind::Id => value.as_str().is_some_and(|id| id.len() == 16),
        Kind::Number => value.is_u64(),
        Kind::Flag => value.is_boolean(),
        Kind::Nullable(_) if value.is_null() => true,
        Kind::Nullable(inner) => return check(value, *inner),
        Kind::List(inner) => {
            let items = value.as_array().unwrap();
            return items.iter().for_each(|item| check(item, *inner));
        }
        Kind::Named(name) => {
            let (_, shape) = TYPES.iter().find(|(of, _)| *of == name).unwrap();
            match shape {
                Shape::Words(words) => value.as_str().is_some_and(|word| words.contains(&word)),
                Shape::Fields(fields) => return check_fields(value, fields),
                Shape::Messages(_) => false,
            }
        }
    };
    assert!(right, "{value} is not {kind:?}");
}

/// Returns the types of all messages of a page.
pub(in crate::browser) fn client_types() -> impl Iterator<Item = &'static str> {
    CLIENT.iter().map(|(name, _)| *name)
}
