//! Typed text and chat through the house: who reads what, and that telephones hear nothing of it.

use std::time::Duration;

use rundruf::{
    conference::{
        error::Refusal,
        focus::Verb,
        participant::Role,
        policy::{ChatRule, Lobby},
        text::{ChatLine, Post, TypedLine, Typing},
    },
    pii::Words,
};

use crate::sim::{
    browser::Browser,
    party::{comes_in, opens},
    world::World,
};

#[tokio::test(start_paused = true)]
async fn all_with_a_page_read_along_and_a_telephone_hears_nothing() {
    let mut world = World::new(1);
    let carol = opens(&mut world, "carol", Role::Moderator).await;
    let dave = opens(&mut world, "dave", Role::Guest).await;
    comes_in(&mut world, "alice").await;
    let said = world.ladder.said_to("alice");
    types(&dave, "Gu", false).await;
    types(&dave, "Guten Tag", true).await;
    carol.does(Verb::Chat(words("Willkommen"))).await;
    world.run_for(SECOND).await;
    let read = ["dave 1: Gu…", "dave 1: Guten Tag", "carol: Willkommen"];
    for page in [&carol, &dave] {
        assert_eq!(reads(page), read);
    }
    assert_eq!(world.ladder.said_to("alice"), said);
    let erin = opens(&mut world, "erin", Role::Guest).await;
    assert!(erin.read().is_empty(), "nothing is kept for who comes late");
}

#[tokio::test(start_paused = true)]
async fn a_private_line_is_read_by_two_and_by_no_moderator() {
    let mut world = World::new(2);
    let carol = opens(&mut world, "carol", Role::Moderator).await;
    let dave = opens(&mut world, "dave", Role::Guest).await;
    let erin = opens(&mut world, "erin", Role::Guest).await;
    dave.does(Verb::ChatWith(erin.id(), words("unter uns")))
        .await;
    world.run_for(SECOND).await;
    assert_eq!(reads(&dave), ["dave to erin: unter uns"]);
    assert_eq!(reads(&erin), ["dave to erin: unter uns"]);
    assert!(carol.read().is_empty());
    carol.does(Verb::SetChatRule(ChatRule::Public)).await;
    dave.does(Verb::ChatWith(erin.id(), words("noch etwas")))
        .await;
    world.run_for(SECOND).await;
    assert_eq!(dave.refused(), [Refusal::ChatOff]);
    assert_eq!(erin.read().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn who_waits_reads_nothing_until_let_in() {
    let mut world = World::with_lobby(3, Lobby::Guests);
    let carol = opens(&mut world, "carol", Role::Moderator).await;
    let dave = opens(&mut world, "dave", Role::Guest).await;
    carol.does(Verb::Chat(words("drinnen"))).await;
    types(&carol, "drinnen", false).await;
    dave.does(Verb::Chat(words("draußen"))).await;
    world.run_for(SECOND).await;
    assert!(dave.read().is_empty());
    assert_eq!(dave.refused(), [Refusal::Waiting]);
    carol.does(Verb::AdmitAll).await;
    types(&carol, "drinnen, begonnen vorher", true).await;
    types(&carol, "Hallo", false).await;
    world.run_for(SECOND).await;
    assert_eq!(reads(&dave), ["carol 2: Hallo…"]);
}

#[tokio::test(start_paused = true)]
async fn leaving_ends_a_line_for_those_who_read_it() {
    let mut world = World::new(4);
    let carol = opens(&mut world, "carol", Role::Moderator).await;
    let dave = opens(&mut world, "dave", Role::Guest).await;
    let gone = dave.id();
    types(&dave, "Ich muss", false).await;
    world.run_for(SECOND).await;
    dave.leaves().await;
    world.run_for(SECOND).await;
    let line = |ended| {
        Post::Typed(TypedLine {
            from: gone,
            line: 1,
            words: words("Ich muss"),
            ended,
        })
    };
    assert_eq!(carol.read(), [line(false), line(true)]);
}

async fn types(browser: &Browser, line: &str, ended: bool) {
    let words = words(line);
    browser.does(Verb::Type(Typing { words, ended })).await;
}

fn words(line: &str) -> Words {
    Words::new(line.to_owned())
}

/// What a page was given, by the names in its roster.
fn reads(browser: &Browser) -> Vec<String> {
    let roster = browser.roster();
    let name = |id| {
        let who = roster.iter().find(|entry| entry.id == id);
        let name = who.and_then(|entry| entry.name.as_ref());
        name.expect("somebody with a name").expose().clone()
    };
    let read = browser.read();
    let lines = read.iter().map(|post| match post {
        Post::Typed(TypedLine {
            from,
            line,
            words,
            ended,
        }) => {
            let end = if *ended { "" } else { "…" };
            format!("{} {line}: {}{end}", name(*from), words.expose())
        }
        Post::Chat(ChatLine { from, to, words }) => {
            let to = to.map_or_else(String::new, |to| format!(" to {}", name(to)));
            format!("{}{to}: {}", name(*from), words.expose())
        }
    });
    lines.collect()
}

const SECOND: Duration = Duration::from_secs(1);
