//! What is written, both ways.

use super::*;

#[tokio::test]
async fn what_is_written_goes_both_ways_and_names_whoever_wrote_it() {
    let mut world = World::start().await;
    let mut page = world.inside().await;
    let long = "a".repeat(10_000);
    for (message, verb) in [
        (
            json!({"type": "typed-text", "text": long, "ended": true}),
            "Type(Typing { words: ‹redacted›, ended: true })",
        ),
        (
            json!({"type": "chat", "to": null, "text": "Hallo"}),
            "Chat(‹redacted›)",
        ),
        (
            json!({"type": "chat", "to": "00000000000000aa", "text": "Hallo"}),
            "ChatWith(ParticipantId(00000000000000aa), ‹redacted›)",
        ),
        (
            json!({"type": "chat-rule", "rule": "private"}),
            "SetChatRule(Private)",
        ),
    ] {
        page.say(message).await;
        assert_eq!(world.did().await, verb);
    }
    let id = ParticipantId::from_u64;
    let posts = [
        Post::Typed(TypedLine {
            from: id(2),
            line: 7,
            words: Words::new("Gu".to_owned()),
            ended: false,
        }),
        Post::Chat(ChatLine {
            from: id(2),
            to: Some(id(1)),
            words: Words::new("<b>".to_owned()),
        }),
    ];
    for post in posts {
        world.tell(News::Written(Arc::new(post))).await;
    }
    assert_eq!(
        page.hear().await,
        json!({"type": "typed-text", "from": "0000000000000002", "line": 7, "text": "Gu", "ended": false})
    );
    assert_eq!(
        page.hear().await,
        json!({"type": "chat", "from": "0000000000000002", "to": "0000000000000001", "text": "<b>"})
    );
}

/// There is no way to say who writes: a message that tries to is nonsense.
#[tokio::test]
async fn nobody_writes_in_the_name_of_another() {
    let mut world = World::start().await;
    let mut page = world.inside().await;
    let forged = json!({"type": "chat", "from": "0000000000000002", "to": null, "text": "Hallo"});
    page.say(forged).await;
    assert_eq!(world.did().await, "left");
    assert_eq!(page.closed().await, Some(4000));
}
