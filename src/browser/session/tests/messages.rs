//! Every message of a page, and what is no message at all.

use super::*;
use crate::browser::wire::typescript::client_types;

const ABOUT: &str = "00000000000000aa";

/// What a page says of somebody, and what the conference is asked to do by it (R30).
const OF_SOMEBODY: &[(&str, &str)] = &[
    ("ask-to-unmute", "AskToUnmute"),
    ("lower-hand", "LowerHand"),
    ("give-floor", "GiveFloor"),
    ("hear-name", "HearName"),
    ("admit", "Admit"),
    ("talk-with", "TalkWith"),
    ("ban", "Ban"),
    ("mute", "Mute"),
    ("remove", "Remove"),
    ("make-moderator", "MakeModerator"),
];
/// The same of what it says without more.
const BARE: &[(&str, &str)] = &[
    ("mute-all", "MuteAll"),
    ("lower-hands", "LowerHands"),
    ("admit-all", "AdmitAll"),
    ("end-talk", "EndTalk"),
    ("lift-alarm", "LiftAlarm"),
    ("pairing-code", "AskPairingCode"),
    ("end", "End"),
];
/// The same of what it turns on.
const TURNED_ON: &[(&str, &str)] = &[
    ("microphone", "SetMicrophone(true)"),
    ("original-sound", "SetOriginalSound(true)"),
    ("ask-to-speak", "SetAskToSpeak(true)"),
    ("lock", "SetLock(true)"),
];

/// All of these as messages without their type, and the others.
fn table() -> Vec<(&'static str, Value, String)> {
    let about = "ParticipantId(00000000000000aa)";
    let of = OF_SOMEBODY.iter().map(|(name, verb)| {
        (
            *name,
            json!({"participant": ABOUT}),
            format!("{verb}({about})"),
        )
    });
    let bare = BARE
        .iter()
        .map(|(name, verb)| (*name, json!({}), (*verb).to_owned()));
    let on = TURNED_ON
        .iter()
        .map(|(name, verb)| (*name, json!({"on": true}), (*verb).to_owned()));
    let chat = |to: Value| json!({"to": to, "text": "Ja"});
    let typed = "Type(Typing { words: ‹redacted›, ended: true })".to_owned();
    let others = [
        ("hand", json!({"up": true}), "SetHand(true)".to_owned()),
        ("typed-text", json!({"text": "Ja", "ended": true}), typed),
        ("chat", chat(Value::Null), "Chat(‹redacted›)".to_owned()),
        (
            "chat",
            chat(json!(ABOUT)),
            format!("ChatWith({about}, ‹redacted›)"),
        ),
        (
            "chat-rule",
            json!({"rule": "private"}),
            "SetChatRule(Private)".to_owned(),
        ),
        (
            "lobby",
            json!({"who": "guests"}),
            "SetLobby(Guests)".to_owned(),
        ),
        (
            "entry-signal",
            json!({"signal": "names"}),
            "SetEntrySignal(Names)".to_owned(),
        ),
        (
            "invite",
            json!({"number": "+4930555"}),
            "Invite(‹redacted›)".to_owned(),
        ),
        (
            "own-telephone",
            json!({"own": true}),
            "AnswerForTelephone(true)".to_owned(),
        ),
        (
            "turn-away",
            json!({"participant": ABOUT, "reason": "come-later"}),
            format!("TurnAway({about}, ComeLater)"),
        ),
        (
            "rename",
            json!({"participant": ABOUT, "name": "Ben"}),
            format!("Rename({about}, Some(‹redacted›))"),
        ),
    ];
    of.chain(bare).chain(on).chain(others).collect()
}

#[tokio::test]
async fn every_message_of_a_page_asks_for_the_one_thing_that_it_names() {
    let mut world = World::start().await;
    let mut page = world.inside().await;
    let table = table();
    for (name, mut message, verb) in table.clone() {
        message["type"] = json!(name);
        page.say(message).await;
        assert_eq!(world.did().await, verb, "{name}");
    }
    let untested = |name: &&str| table.iter().all(|(tested, ..)| tested != name);
    let others: Vec<&str> = client_types().filter(untested).collect();
    assert_eq!(others, ["hello", "join", "leave"], "which lead in and out");
}

#[tokio::test]
async fn messages_as_deep_as_wide_or_as_long_as_none_is_end_their_connection_alone() {
    let mut world = World::start().await;
    let mut bystander = world.welcomed().await;
    let deep = 30_000;
    let keys = |many: usize| {
        let keys: Vec<String> = (0..many).map(|key| format!("\"{key}\":0")).collect();
        format!("{{\"type\":\"hand\",{}}}", keys.join(","))
    };
    let whole = [
        format!("{}{}", "[".repeat(deep), "]".repeat(deep)),
        format!(
            "{{\"type\":\"hand\",\"up\":{}true{}}}",
            "[".repeat(deep),
            "]".repeat(deep)
        ),
        keys(7_000),
        "{\"type\":\"hand\",\"up\":true,\"up\":true}".to_owned(),
    ];
    for message in whole {
        assert!(message.len() <= limit::BROWSER_MESSAGE_BYTES);
        let mut page = world.inside().await;
        page.socket.send(Frame::text(message)).await.unwrap();
        assert_eq!(page.closed().await, Some(4000));
        assert_eq!(world.did().await, "left");
    }
    for message in [keys(1_000_000), "a".repeat(64 << 20)] {
        let mut page = world.inside().await;
        // It is cut off while it still sends.
        let _ = page.socket.send(Frame::text(message)).await;
        assert_eq!(world.did().await, "lost");
    }
    let join = json!({"type": "join", "name": "Anna", "offer": "v=0"});
    bystander.say(join).await;
    assert_eq!(bystander.hear().await["type"], "joined");
}
