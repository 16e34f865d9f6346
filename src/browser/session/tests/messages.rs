//! Every message of a page, and what is no message at all.

use super::*;
use crate::browser::wire::typescript::client_types;

const ABOUT: &str = "00000000000000aa";

/// What a page says, without its type, and what the conference is asked to do by it (R30).
fn table() -> Vec<(&'static str, Value, &'static str)> {
    let about = || json!({"participant": ABOUT});
    let (on, none) = (json!({"on": true}), json!({}));
    vec![
        ("microphone", on.clone(), "SetMicrophone(true)"),
        ("original-sound", on.clone(), "SetOriginalSound(true)"),
        ("hand", json!({"up": true}), "SetHand(true)"),
        (
            "typed-text",
            json!({"text": "Ja", "ended": true}),
            "Type(Typing { words: ‹redacted›, ended: true })",
        ),
        (
            "chat",
            json!({"to": null, "text": "Ja"}),
            "Chat(‹redacted›)",
        ),
        (
            "chat",
            json!({"to": ABOUT, "text": "Ja"}),
            "ChatWith(ParticipantId(00000000000000aa), ‹redacted›)",
        ),
        (
            "chat-rule",
            json!({"rule": "private"}),
            "SetChatRule(Private)",
        ),
        ("mute-all", none.clone(), "MuteAll"),
        (
            "ask-to-unmute",
            about(),
            "AskToUnmute(ParticipantId(00000000000000aa))",
        ),
        (
            "lower-hand",
            about(),
            "LowerHand(ParticipantId(00000000000000aa))",
        ),
        ("lower-hands", none.clone(), "LowerHands"),
        ("ask-to-speak", on.clone(), "SetAskToSpeak(true)"),
        (
            "give-floor",
            about(),
            "GiveFloor(ParticipantId(00000000000000aa))",
        ),
        ("lock", on, "SetLock(true)"),
        (
            "hear-name",
            about(),
            "HearName(ParticipantId(00000000000000aa))",
        ),
        ("admit", about(), "Admit(ParticipantId(00000000000000aa))"),
        ("admit-all", none.clone(), "AdmitAll"),
        (
            "turn-away",
            json!({"participant": ABOUT, "reason": "come-later"}),
            "TurnAway(ParticipantId(00000000000000aa), ComeLater)",
        ),
        (
            "talk-with",
            about(),
            "TalkWith(ParticipantId(00000000000000aa))",
        ),
        ("end-talk", none.clone(), "EndTalk"),
        ("lobby", json!({"who": "guests"}), "SetLobby(Guests)"),
        (
            "entry-signal",
            json!({"signal": "names"}),
            "SetEntrySignal(Names)",
        ),
        ("lift-alarm", none.clone(), "LiftAlarm"),
        (
            "invite",
            json!({"number": "+4930555"}),
            "Invite(‹redacted›)",
        ),
        (
            "rename",
            json!({"participant": ABOUT, "name": "Ben"}),
            "Rename(ParticipantId(00000000000000aa), Some(‹redacted›))",
        ),
        ("ban", about(), "Ban(ParticipantId(00000000000000aa))"),
        ("mute", about(), "Mute(ParticipantId(00000000000000aa))"),
        ("remove", about(), "Remove(ParticipantId(00000000000000aa))"),
        (
            "make-moderator",
            about(),
            "MakeModerator(ParticipantId(00000000000000aa))",
        ),
        ("pairing-code", none.clone(), "AskPairingCode"),
        (
            "own-telephone",
            json!({"own": true}),
            "AnswerForTelephone(true)",
        ),
        ("end", none, "End"),
    ]
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
