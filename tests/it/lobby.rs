//! The waiting room: nobody hears through its door, nobody sees through it but moderators, and only they open it.

use std::time::Duration;

use dsp::Codec;
use rundruf::{
    conference::{
        acts::Act,
        error::{Dismissal, Refusal},
        event::{Event, Knowledge},
        focus::Verb,
        participant::{Apart, Role},
        policy::{Lobby, Reason},
    },
    id::ParticipantId,
};

use crate::sim::{
    browser::Browser,
    ear::{Voice, level_dbfs},
    party::{SILENCE_DBFS, assert_hears, assert_silent, comes_in_as, listen, opens},
    phone::{Hold, Phone, State},
    world::World,
};

const SECOND: Duration = Duration::from_secs(1);

/// Dials in with a role's PIN, until the first words after it are said.
async fn knocks(world: &mut World, name: &str, role: Role) -> Phone {
    let phone = world.phone(name);
    let room = world.room();
    phone.dials(&room.room.number);
    world.run_until(|_| phone.is_up()).await;
    world.run_for(SECOND / 10).await;
    phone.types(&room.pin(role));
    world.run_until(|_| phone.has_typed()).await;
    world.run_for(5 * SECOND).await;
    phone
}

/// Who waits first, as a moderator sees it.
fn first_waiting(led: &Browser) -> ParticipantId {
    let roster = led.roster();
    let waiting = roster.iter().find(|entry| !entry.is_inside());
    waiting.expect("somebody waits").id
}

fn said(world: &World, name: &str, words: &str) -> usize {
    let said = world.ladder.said_to(name);
    said.iter().filter(|said| *said == words).count()
}

/// C21: both ways below −60 dBFS, no name in any roster, and no leg on the bus.
#[tokio::test(start_paused = true)]
async fn who_waits_hears_sees_and_tells_nobody_until_a_moderator_opens() {
    let mut world = World::with_lobby(1, Lobby::Guests);
    let carol = opens(&mut world, "carol", Role::Moderator).await;
    let dave = opens(&mut world, "dave", Role::Guest).await;
    let alice = knocks(&mut world, "alice", Role::Guest).await;
    carol.does(Verb::SetMicrophone(true)).await;
    for (who, voice) in [(&carol, Voice(0)), (&dave, Voice(2))] {
        who.says(voice);
        who.does(Verb::SetMicrophone(true)).await;
    }
    alice.says(Voice(1));
    alice.types("66");
    world.run_for(3 * SECOND).await;
    let from = listen(&mut world).await;
    assert_silent(&carol, from);
    let heard = dave.heard_since(from);
    let level = |samples| Voice(0).heard_in(samples, heard.rate).level_dbfs;
    assert!(heard.samples.is_empty() || level(&heard.samples) < SILENCE_DBFS);
    let heard = alice.heard_since(from);
    let sound = Voice(0).heard_in(&heard.samples, heard.rate).level_dbfs;
    assert!(sound < -50.0, "beneath the sound of waiting: {sound}");
    // Each sees what is for their eyes; the waiting see themselves alone.
    assert_eq!(
        carol.roster_line(),
        "Phone 1 waits · carol moderator mic · dave waits"
    );
    assert_eq!(dave.roster_line(), "dave waits");
    assert_eq!(dave.refused(), [Refusal::Waiting]);
    assert_eq!(world.server.census().participants(), 1);
    assert_eq!(said(&world, "alice", "waiting"), 1);
    assert_eq!(said(&world, "alice", "still-waiting"), 1, "for her 66");
    assert!(said(&world, "alice", "waiting-sound") >= 1);
    let known = Knowledge::Of;
    assert!(dave.told().contains(&Event::Waiting { known }));
    // The door opens for one, then for all.
    carol.does(Verb::Admit(first_waiting(&carol))).await;
    world.run_for(5 * SECOND).await;
    let words = "let-in present-2 not-recorded not-heard-yet to-speak";
    assert_eq!(said(&world, "alice", words), 1);
    assert_eq!(dave.roster_line(), "dave waits");
    alice.types("66");
    world.run_for(3 * SECOND).await;
    let from = listen(&mut world).await;
    assert_hears(&carol, from, &[Voice(1)]);
    assert_hears(&alice, from, &[Voice(0)]);
    carol.does(Verb::AdmitAll).await;
    world.run_for(SECOND).await;
    let all = "Phone 1 mic · carol moderator mic · dave";
    assert_eq!([carol.roster_line(), dave.roster_line()], [all; 2]);
    let from = listen(&mut world).await;
    assert_hears(&dave, from, &[Voice(0), Voice(1)]);
}

#[tokio::test(start_paused = true)]
async fn a_caller_waits_with_words_each_minute_and_a_soft_sound_between() {
    let mut world = World::with_lobby(2, Lobby::Guests);
    let alice = knocks(&mut world, "alice", Role::Guest).await;
    world.run_for(Duration::from_secs(125)).await;
    assert_eq!(said(&world, "alice", "waiting-unled"), 1);
    assert_eq!(said(&world, "alice", "still-waiting"), 2);
    let said_so_far = world.ladder.said_to("alice");
    assert_eq!(
        said_so_far.last().map(String::as_str),
        Some("waiting-sound")
    );
    // Keys that lead nowhere from here say so, and the sound goes on.
    for (keys, words) in [
        ("*9", "still-waiting"),
        ("*83", "still-waiting"),
        ("*0", "still-waiting help-menu help-end this-help"),
        ("*80", "key-unknown for-help"),
    ] {
        let before = said(&world, "alice", words);
        alice.types(keys);
        world.run_for(6 * SECOND).await;
        assert_eq!(said(&world, "alice", words), before + 1, "{keys}");
        let last = world.ladder.said_to("alice").pop();
        assert_eq!(last.as_deref(), Some("waiting-sound"), "{keys}");
    }
    // Who comes to lead hears that somebody waits.
    let _bob = knocks(&mut world, "bob", Role::Moderator).await;
    world.run_for(3 * SECOND).await;
    assert_eq!(
        said(
            &world,
            "bob",
            "thanks present-1 not-recorded not-heard-yet to-speak"
        ),
        1
    );
    assert_eq!(
        said(&world, "bob", "somebody-waits to-hear-waiting"),
        1,
        "after the welcome"
    );
    alice.hangs_up();
    world.run_for(SECOND).await;
    assert_eq!(world.server.census().participants(), 1);
}

#[tokio::test(start_paused = true)]
async fn who_is_turned_away_hears_why() {
    let mut world = World::with_lobby(3, Lobby::Guests);
    let carol = opens(&mut world, "carol", Role::Moderator).await;
    for (name, reason, words) in [
        ("alice", Reason::NotExpected, "not-expected"),
        ("berta", Reason::NoPlace, "no-place"),
        ("clara", Reason::ComeLater, "come-later"),
    ] {
        let phone = knocks(&mut world, name, Role::Guest).await;
        carol
            .does(Verb::TurnAway(first_waiting(&carol), reason))
            .await;
        world.run_for(3 * SECOND).await;
        assert_eq!(said(&world, name, words), 1);
        assert!(matches!(phone.state(), State::Dismissed(_)), "{name}");
    }
    let dave = opens(&mut world, "dave", Role::Guest).await;
    let turned_away = Verb::TurnAway(first_waiting(&carol), Reason::NoPlace);
    carol.does(turned_away).await;
    world.run_for(SECOND).await;
    assert_eq!(dave.dismissed(), Some(Dismissal::NoPlace));
    assert_eq!(carol.roster_line(), "carol moderator");
}

#[tokio::test(start_paused = true)]
async fn a_telephone_on_hold_in_the_waiting_room_comes_in_on_hold() {
    let mut world = World::with_lobby(4, Lobby::Guests);
    let carol = opens(&mut world, "carol", Role::Moderator).await;
    let alice = knocks(&mut world, "alice", Role::Guest).await;
    alice.holds(Hold::SendOnly);
    world.run_for(2 * SECOND).await;
    assert_eq!(carol.roster_line(), "Phone 1 waits · carol moderator");
    carol.does(Verb::Admit(first_waiting(&carol))).await;
    world.run_for(2 * SECOND).await;
    assert_eq!(carol.roster_line(), "Phone 1 on-hold · carol moderator");
    alice.resumes();
    world.run_for(2 * SECOND).await;
    assert_eq!(carol.roster_line(), "Phone 1 · carol moderator");
}

/// R30: what the table does not give is refused by page and by keys alike, and changes nothing.
#[tokio::test(start_paused = true)]
async fn what_the_table_does_not_give_is_refused_by_page_and_keys() {
    use rundruf::conference::rights::{Standing, may};
    let mut world = World::new(5);
    let carol = opens(&mut world, "carol", Role::Moderator).await;
    let dave = opens(&mut world, "dave", Role::Guest).await;
    let alice = knocks(&mut world, "alice", Role::Guest).await;
    carol.does(Verb::SetLobby(Lobby::Guests)).await;
    let erna = opens(&mut world, "erna", Role::Guest).await;
    let frida = knocks(&mut world, "frida", Role::Guest).await;
    let before = carol.roster_line();
    let whom = first_waiting(&carol);
    for (page, standing, refusal) in [
        (&dave, Standing::Guest, Refusal::NotAllowed),
        (&erna, Standing::Waiting, Refusal::Waiting),
    ] {
        for verb in Verb::samples(whom) {
            if may(standing, verb.action()) {
                continue;
            }
            let refused = page.refused().len();
            page.does(verb.clone()).await;
            world.run_for(SECOND / 10).await;
            assert_eq!(page.refused().get(refused), Some(&refusal), "{verb:?}");
            assert_eq!(carol.roster_line(), before, "{verb:?}");
        }
    }
    for (phone, refused) in [(&alice, "not-allowed"), (&frida, "still-waiting")] {
        for keys in ["*81", "*82", "*831", "*84", "*85", "*891"] {
            // A one by itself, after the refusal, would begin the name of who waits.
            let waits = refused == "still-waiting";
            phone.types(if waits { &keys[..3] } else { keys });
            world.run_for(8 * SECOND).await;
            let said = world.ladder.said_to(&phone.name());
            let last = said
                .iter()
                .rev()
                .find(|words| !["hush", "waiting-sound"].contains(&words.as_str()));
            assert_eq!(last.map(String::as_str), Some(refused), "{keys}");
            assert_eq!(carol.roster_line(), before, "{keys}");
        }
    }
}

/// C21: who waits and is talked to hears the moderator and nothing of the room, in which nobody hears either of the two.
#[tokio::test(start_paused = true)]
async fn a_moderator_and_one_who_waits_hear_each_other_and_nobody_else() {
    let mut world = World::new(6);
    let carol = opens(&mut world, "carol", Role::Moderator).await;
    let dave = opens(&mut world, "dave", Role::Guest).await;
    carol.does(Verb::SetLobby(Lobby::Guests)).await;
    let erna = opens(&mut world, "erna", Role::Guest).await;
    let alice = knocks(&mut world, "alice", Role::Guest).await;
    for (who, voice) in [(&carol, Voice(0)), (&dave, Voice(2)), (&erna, Voice(3))] {
        who.says(voice);
        who.does(Verb::SetMicrophone(true)).await;
    }
    alice.says(Voice(1));
    let waits = carol.roster().into_iter().find(|who| !who.is_inside());
    let (waits, own) = (waits.expect("alice waits").id, carol.id());
    carol.does(Verb::TalkWith(waits)).await;
    world.run_for(12 * SECOND).await;
    assert_eq!(said(&world, "alice", "addressed to-speak"), 1);
    // Who is talked to is muted until they press their own key.
    let from = listen(&mut world).await;
    assert_hears(&alice, from, &[Voice(0)]);
    assert_silent(&carol, from);
    assert_silent(&dave, from);
    alice.types("66");
    world.run_for(3 * SECOND).await;
    let from = listen(&mut world).await;
    assert_hears(&alice, from, &[Voice(0)]);
    assert_hears(&carol, from, &[Voice(1)]);
    assert_silent(&dave, from);
    let heard = erna.heard_since(from);
    let level = level_dbfs(&heard.samples);
    assert!(heard.samples.is_empty() || level < SILENCE_DBFS, "{level}");
    // All inside see it, moderators alone with whom.
    let apart = |page: &Browser| {
        let entry = page.roster().into_iter().find(|entry| entry.id == own);
        entry.and_then(|entry| entry.apart)
    };
    assert_eq!(apart(&carol), Some(Apart::With(waits)));
    assert_eq!(apart(&dave), Some(Apart::Unnamed));
    let acts: Vec<(Act, bool)> = dave
        .done()
        .iter()
        .map(|(done, _)| (done.act, done.to.is_some()))
        .collect();
    assert!(acts.contains(&(Act::TalkedApart, false)), "{acts:?}");
    // Nothing is louder afterwards than before.
    carol.does(Verb::EndTalk).await;
    world.run_for(10 * SECOND).await;
    assert_eq!(said(&world, "alice", "addressed-no-more"), 1);
    let last = world.ladder.said_to("alice").pop();
    assert_eq!(last.as_deref(), Some("waiting-sound"));
    let from = listen(&mut world).await;
    assert_hears(&carol, from, &[Voice(2)]);
    assert_silent(&dave, from);
    let heard = alice.heard_since(from);
    for voice in [Voice(0), Voice(2), Voice(3)] {
        let level = voice.heard_in(&heard.samples, heard.rate).level_dbfs;
        assert!(level < -50.0, "beneath the sound of waiting: {level}");
    }
}

/// By the keys of the waiting room's menu, over two telephones; who is let in out of a talk comes in muted.
#[tokio::test(start_paused = true)]
async fn a_moderator_talks_with_one_who_waits_by_keys() {
    let mut world = World::with_lobby(7, Lobby::Guests);
    let carol = opens(&mut world, "carol", Role::Moderator).await;
    let bob = comes_in_as(&mut world, "bob", Codec::Pcma, Role::Moderator).await;
    let alice = knocks(&mut world, "alice", Role::Guest).await;
    bob.says(Voice(4));
    alice.says(Voice(1));
    bob.types("*834");
    world.run_for(12 * SECOND).await;
    assert_eq!(said(&world, "bob", "talk-begun to-speak to-end-talk"), 1);
    bob.types("66");
    alice.types("66");
    world.run_for(3 * SECOND).await;
    let from = listen(&mut world).await;
    assert_hears(&bob, from, &[Voice(1)]);
    assert_hears(&alice, from, &[Voice(4)]);
    assert_silent(&carol, from);
    // Another moderator cannot break in, but can let her in.
    let whom = first_waiting(&carol);
    carol.does(Verb::TalkWith(whom)).await;
    world.run_for(SECOND / 5).await;
    assert_eq!(carol.refused(), [Refusal::TalkedTo]);
    bob.types("*834");
    world.run_for(8 * SECOND).await;
    assert_eq!(said(&world, "bob", "talk-over to-speak"), 1);
    let from = listen(&mut world).await;
    assert_silent(&bob, from);
    bob.types("*834");
    world.run_for(SECOND).await;
    alice.types("66");
    world.run_for(2 * SECOND).await;
    carol.does(Verb::Admit(whom)).await;
    world.run_for(10 * SECOND).await;
    assert_eq!(said(&world, "bob", "talk-over to-speak"), 2);
    assert_eq!(
        carol.roster_line(),
        "Phone 1 moderator · Phone 2 · carol moderator"
    );
    let from = listen(&mut world).await;
    assert_silent(&carol, from);
}
