//! Pages that break off and come back (R34): to the same seat, silent, and past no lock, ban or waiting room.

use std::time::Duration;

use rundruf::{
    conference::{
        error::{Dismissal, Refusal},
        event::Event,
        focus::Verb,
        participant::Role,
        policy::Lobby,
    },
    id::ParticipantId,
    limit::{AWAY_MAX, RESUME_MAX},
    pii::Secret,
    server::Error,
};

use crate::sim::{
    browser::Browser,
    ear::Voice,
    party::{assert_hears, assert_silent, comes_in, listen, opens},
    world::World,
};

const SECOND: Duration = Duration::from_secs(1);

fn id_of(led: &Browser, name: &str) -> ParticipantId {
    let roster = led.roster();
    let called = |entry: &&rundruf::conference::roster::Entry| {
        entry.name.as_ref().is_some_and(|is| is.expose() == name)
    };
    roster.iter().find(called).expect("a participant").id
}

#[tokio::test(start_paused = true)]
async fn a_blink_of_the_network_changes_nothing_but_the_microphone() {
    let mut world = World::new(1);
    let carol = opens(&mut world, "carol", Role::Moderator).await;
    let alice = opens(&mut world, "alice", Role::Guest).await;
    alice.says(Voice(1));
    alice.does(Verb::SetHand(true)).await;
    alice.does(Verb::SetMicrophone(true)).await;
    let from = listen(&mut world).await;
    assert_hears(&carol, from, &[Voice(1)]);
    let before = id_of(&carol, "alice");
    let told = carol.told().len();

    alice.breaks_off(&world).await;
    world.run_for(SECOND / 10).await;
    assert_eq!(carol.roster_line(), "carol moderator · alice away hand 1");
    world.run_for(3 * SECOND).await;
    alice.returns(&mut world, Role::Guest).await;
    assert_eq!(carol.roster_line(), "carol moderator · alice hand 1");
    assert_eq!(id_of(&carol, "alice"), before, "nobody new");
    assert_eq!(carol.told().len(), told, "nobody is told anything");
    assert!(alice.spoke());
    assert!(matches!(
        alice.told().last(),
        Some(Event::WelcomeBack { present: 2 })
    ));

    // What she says goes nowhere until she switches on.
    let from = listen(&mut world).await;
    assert_silent(&carol, from);
    alice.does(Verb::SetMicrophone(true)).await;
    let from = listen(&mut world).await;
    assert_hears(&carol, from, &[Voice(1)]);
    // The telephone number of legs and of seats is right in the end.
    assert_eq!(world.legs().iter().sum::<usize>(), 2);
    world.run_for(2 * AWAY_MAX).await;
    assert_eq!(carol.roster_line(), "carol moderator · alice mic hand 1");
}

#[tokio::test(start_paused = true)]
async fn who_stays_away_finds_the_seat_for_five_minutes() {
    for (pause, line) in [
        (RESUME_MAX - SECOND, "carol moderator · alice hand 1"),
        (RESUME_MAX + SECOND, "carol moderator · alice"),
    ] {
        let mut world = World::new(2);
        let carol = opens(&mut world, "carol", Role::Moderator).await;
        let alice = opens(&mut world, "alice", Role::Guest).await;
        alice.does(Verb::SetHand(true)).await;
        world.run_for(SECOND).await;
        alice.breaks_off(&world).await;
        world.run_for(AWAY_MAX + SECOND).await;
        assert_eq!(carol.roster_line(), "carol moderator");
        world.run_for(pause - AWAY_MAX - SECOND).await;
        assert_eq!(
            alice.is_expected(&world, Role::Guest).await,
            pause < RESUME_MAX
        );
        alice.returns(&mut world, Role::Guest).await;
        assert_eq!(carol.roster_line(), line);
    }
}

#[tokio::test(start_paused = true)]
async fn a_network_that_dies_without_a_word_gives_way_to_the_page_that_returns() {
    let mut world = World::new(3);
    let carol = opens(&mut world, "carol", Role::Moderator).await;
    let alice = opens(&mut world, "alice", Role::Guest).await;
    alice.does(Verb::SetMicrophone(true)).await;
    world.run_for(SECOND).await;
    let token = alice.keeps_token(&world);
    alice.dies();
    // The server does not know yet; the page has another network, as if it were another page.
    let again = world.browser("alice again");
    again.has_token(token);
    again.returns(&mut world, Role::Guest).await;
    assert_eq!(carol.roster_line(), "carol moderator · alice");
    assert!(again.spoke());
    assert_eq!(alice.dismissed(), Some(Dismissal::TakenOver));
    world.run_for(60 * SECOND).await;
    assert_eq!(carol.roster_line(), "carol moderator · alice");
    assert_eq!(world.legs().iter().sum::<usize>(), 2);
}

#[tokio::test(start_paused = true)]
async fn sound_that_is_gone_on_the_way_sends_the_page_to_come_again() {
    let mut world = World::new(4);
    let carol = opens(&mut world, "carol", Role::Moderator).await;
    let alice = opens(&mut world, "alice", Role::Guest).await;
    alice.keeps_token(&world);
    alice.dies();
    world.run_until(|_| alice.dismissed().is_some()).await;
    assert_eq!(alice.dismissed(), Some(Dismissal::Lost));
    world.run_for(SECOND / 10).await;
    assert_eq!(carol.roster_line(), "carol moderator · alice away");
    world.run_for(AWAY_MAX).await;
    assert_eq!(carol.roster_line(), "carol moderator");
}

#[tokio::test(start_paused = true)]
async fn a_token_opens_no_door_that_was_closed() {
    let mut world = World::new(5);
    let carol = opens(&mut world, "carol", Role::Moderator).await;
    let alice = opens(&mut world, "alice", Role::Guest).await;
    carol.does(Verb::SetLobby(Lobby::Guests)).await;
    world.run_for(SECOND).await;
    let berta = opens(&mut world, "berta", Role::Guest).await;
    assert_eq!(carol.roster_line(), "carol moderator · alice · berta waits");
    carol.does(Verb::SetLock(true)).await;
    world.run_for(SECOND).await;
    // Who was inside passes lock and waiting room, who waited waits.
    alice.breaks_off(&world).await;
    berta.breaks_off(&world).await;
    world.run_for(SECOND).await;
    alice.returns(&mut world, Role::Guest).await;
    berta.returns(&mut world, Role::Guest).await;
    assert_eq!(carol.roster_line(), "carol moderator · alice · berta waits");
    // After a longer time the lock holds for who was never let in.
    alice.breaks_off(&world).await;
    berta.breaks_off(&world).await;
    world.run_for(AWAY_MAX + SECOND).await;
    alice.returns(&mut world, Role::Guest).await;
    let room = world.room();
    let refused = berta.tries(&world, &room, Role::Guest).await;
    assert!(matches!(refused, Err(Error::Refused(Refusal::Locked))));
    assert_eq!(carol.roster_line(), "carol moderator · alice");
}

#[tokio::test(start_paused = true)]
async fn who_was_removed_or_banned_has_no_seat() {
    let mut world = World::new(6);
    let room = world.room();
    let carol = opens(&mut world, "carol", Role::Moderator).await;
    let alice = opens(&mut world, "alice", Role::Guest).await;
    let token = alice.keeps_token(&world);
    carol.does(Verb::Remove(id_of(&carol, "alice"))).await;
    world.run_for(SECOND).await;
    assert_eq!(alice.dismissed(), Some(Dismissal::Removed));
    assert!(!alice.is_expected(&world, Role::Guest).await);
    alice.returns(&mut world, Role::Guest).await;
    assert_eq!(carol.roster_line(), "carol moderator · alice waits");
    carol.does(Verb::Ban(id_of(&carol, "alice"))).await;
    world.run_for(SECOND).await;
    alice.has_token(token);
    let refused = alice.tries(&world, &room, Role::Guest).await;
    assert!(matches!(refused, Err(Error::Refused(Refusal::Banned))));
    // Removed while away is removed, too.
    let berta = opens(&mut world, "berta", Role::Guest).await;
    let berta_id = id_of(&carol, "berta");
    berta.breaks_off(&world).await;
    world.run_for(SECOND).await;
    carol.does(Verb::Ban(berta_id)).await;
    world.run_for(SECOND).await;
    let refused = berta.tries(&world, &room, Role::Guest).await;
    assert!(matches!(refused, Err(Error::Refused(Refusal::Banned))));
}

/// Whatever is no token of this seat, room and link is as good as none (R3).
#[tokio::test(start_paused = true)]
async fn any_other_token_is_as_none() {
    let mut world = World::new(7);
    let rooms = world.rooms.clone();
    let carol = opens(&mut world, "carol", Role::Moderator).await;
    let alice = opens(&mut world, "alice", Role::Guest).await;
    alice.does(Verb::SetHand(true)).await;
    world.run_for(SECOND).await;
    alice.breaks_off(&world).await;
    let right = alice.keeps_nothing();
    let elsewhere = world.browser("elsewhere");
    elsewhere.joins(&world, &rooms[1], Role::Guest).await;
    let other_room = elsewhere.keeps_token(&world);
    let moderators = carol.keeps_token(&world);
    let mut forged = right.expose().clone();
    forged.replace_range(0..1, if forged.starts_with('A') { "B" } else { "A" });
    for (number, wrong) in [
        other_room,
        moderators,
        Secret::new(forged),
        Secret::new(String::new()),
        Secret::new("x".repeat(100_000)),
    ]
    .into_iter()
    .enumerate()
    {
        let thief = world.browser(&format!("thief {number}"));
        thief.has_token(wrong);
        assert!(!thief.is_expected(&world, Role::Guest).await, "{number}");
        thief.joins(&world, &rooms[0], Role::Guest).await;
        world.run_for(SECOND).await;
        let line = carol.roster_line();
        assert!(line.contains(&format!("thief {number}")), "{line}");
        assert!(line.contains("alice away hand 1"), "{line}");
        assert!(line.contains("carol moderator"), "{line}");
        assert!(!thief.spoke());
        thief.leaves().await;
    }
    assert_eq!(carol.dismissed(), None);
}

#[tokio::test(start_paused = true)]
async fn the_seat_of_a_conference_that_is_over_is_none_in_the_next() {
    let mut world = World::new(8);
    let carol = opens(&mut world, "carol", Role::Moderator).await;
    let alice = opens(&mut world, "alice", Role::Guest).await;
    alice.does(Verb::SetHand(true)).await;
    world.run_for(SECOND).await;
    alice.keeps_token(&world);
    carol.does(Verb::End).await;
    world.run_for(SECOND).await;
    assert!(!alice.is_expected(&world, Role::Guest).await);
    let dora = opens(&mut world, "dora", Role::Moderator).await;
    dora.does(Verb::SetLobby(Lobby::Guests)).await;
    world.run_for(SECOND).await;
    assert!(!alice.is_expected(&world, Role::Guest).await);
    alice.returns(&mut world, Role::Guest).await;
    assert_eq!(dora.roster_line(), "dora moderator · alice waits");
}

#[tokio::test(start_paused = true)]
async fn telephones_hear_nothing_of_a_blink() {
    let mut world = World::new(9);
    let phone = comes_in(&mut world, "phone").await;
    let alice = opens(&mut world, "alice", Role::Moderator).await;
    alice
        .does(Verb::SetEntrySignal(
            rundruf::conference::policy::EntrySignal::Tones,
        ))
        .await;
    world.run_for(5 * SECOND).await;
    alice.breaks_off(&world).await;
    world.run_for(2 * SECOND).await;
    alice.returns(&mut world, Role::Moderator).await;
    let from = listen(&mut world).await;
    assert_silent(&phone, from);
    let away = AWAY_MAX;
    alice.breaks_off(&world).await;
    let broke_off = world.elapsed();
    world.run_for(away - SECOND).await;
    let from = listen(&mut world).await;
    assert!(world.elapsed() - broke_off > away);
    let heard = crate::sim::ear::level_dbfs(&phone.heard_since(from).samples);
    assert!(heard > -60.0, "the others hear that she went: {heard} dBFS");
}

/// The server is gone without a word and another begins with the same keys: its people build the conference again.
#[tokio::test(start_paused = true)]
async fn after_the_server_was_gone_its_people_find_the_conference_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let mut world = World::keeping(10, folder.path());
    let carol = opens(&mut world, "carol", Role::Moderator).await;
    let zoe = opens(&mut world, "zoe", Role::Guest).await;
    let alice = opens(&mut world, "alice", Role::Guest).await;
    alice.does(Verb::SetMicrophone(true)).await;
    alice.does(Verb::SetHand(true)).await;
    carol.does(Verb::SetLobby(Lobby::Guests)).await;
    world.run_for(SECOND).await;
    let berta = opens(&mut world, "berta", Role::Guest).await;
    let mallory = opens(&mut world, "mallory", Role::Guest).await;
    let malice = mallory.keeps_token(&world);
    carol.does(Verb::Ban(id_of(&carol, "mallory"))).await;
    carol.does(Verb::SetLock(true)).await;
    zoe.leaves_with_token(&world).await;
    world.run_for(SECOND).await;
    let tokens = [&carol, &alice, &berta].map(|page| page.keeps_token(&world));
    let gone = zoe.keeps_nothing();
    settle(&mut world, folder.path()).await;
    drop(world);

    let mut world = World::keeping(10, folder.path());
    let room = world.room();
    let mut pages = Vec::new();
    for (name, token) in ["carol", "alice", "berta"].into_iter().zip(tokens) {
        let page = world.browser(name);
        page.has_token(token);
        pages.push(page);
    }
    assert!(pages[1].is_expected(&world, Role::Guest).await);
    // Before anybody is back the door is closed to everybody else.
    for (name, token) in [
        ("stranger", None),
        ("mallory", Some(malice)),
        ("zoe", Some(gone)),
    ] {
        let page = world.browser(name);
        if let Some(token) = token {
            page.has_token(token);
            assert!(!page.is_expected(&world, Role::Guest).await, "{name}");
        }
        let refused = page.tries(&world, &room, Role::Guest).await;
        let Err(Error::Refused(why)) = refused else {
            panic!("{name} was let in");
        };
        assert_eq!(why == Refusal::Banned, name == "mallory", "{name}: {why:?}");
    }
    pages[1].returns(&mut world, Role::Guest).await;
    pages[0].returns(&mut world, Role::Moderator).await;
    let carol = &pages[0];
    assert_eq!(carol.roster_line(), "carol moderator · alice hand 1");
    assert!(pages[1].spoke(), "never louder, but asked");
    let ordinal = |name| {
        let roster = carol.roster();
        let mut all = roster.into_iter();
        let named = |entry: &rundruf::conference::roster::Entry| {
            entry.name.as_ref().is_some_and(|is| is.expose() == name)
        };
        all.find(named).expect("a participant").ordinal
    };
    assert_eq!((ordinal("carol"), ordinal("alice")), (1, 3));
    // Who waited does not come in by that.
    carol.does(Verb::SetLock(false)).await;
    world.run_for(SECOND).await;
    pages[2].returns(&mut world, Role::Guest).await;
    assert_eq!(
        carol.roster_line(),
        "carol moderator · alice hand 1 · berta waits"
    );
}

/// The file of a conference goes with it, be it that it ends or that nobody comes back to it.
#[tokio::test(start_paused = true)]
async fn of_a_conference_that_is_over_nothing_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let files = || std::fs::read_dir(folder.path()).unwrap().count();
    let mut world = World::keeping(11, folder.path());
    let carol = opens(&mut world, "carol", Role::Moderator).await;
    settle(&mut world, folder.path()).await;
    assert_eq!(files(), 1);
    carol.does(Verb::End).await;
    world.run_for(2 * SECOND).await;
    wait_for_disk(&mut world, || files() == 0).await;
    opens(&mut world, "dora", Role::Guest).await;
    settle(&mut world, folder.path()).await;
    drop(world);
    let mut world = World::keeping(11, folder.path());
    world.run_for(RESUME_MAX + SECOND).await;
    wait_for_disk(&mut world, || files() == 0).await;
}

/// Waits until what a conference keeps is on the disk, whose time is not the world's.
async fn settle(world: &mut World, folder: &std::path::Path) {
    world.run_for(2 * SECOND).await;
    wait_for_disk(world, || {
        std::fs::read_dir(folder).is_ok_and(|folder| folder.count() == 1)
    })
    .await;
}

pub(crate) async fn wait_for_disk(world: &mut World, done: impl Fn() -> bool) {
    for _ in 0..1_000 {
        if done() {
            return;
        }
        world.run_for(SECOND / 10).await;
    }
    panic!("nothing came of it");
}
