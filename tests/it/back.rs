//! Who comes back: a dropped caller to their seat, muted (R34); whoever was sent away to the waiting room, or not at all.

use std::{fs, path::Path, time::Duration};

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use dsp::Codec;
use rundruf::conference::{focus::Verb, participant::Role};

use crate::{
    pages::wait_for_disk,
    sim::{
        browser::Browser,
        party::{comes_in_as, opens},
        phone::{Phone, State},
        world::{SEALING_KEY, World},
    },
};

const SECOND: Duration = Duration::from_secs(1);

async fn calls(world: &mut World, phone: &Phone, pin: &str) {
    phone.dials(&world.room().room.number);
    world.run_until(|_| phone.is_up()).await;
    world.run_for(SECOND / 10).await;
    phone.types(pin);
    world.run_until(|_| phone.has_typed()).await;
    world.run_for(6 * SECOND).await;
}

fn telephone(led: &Browser) -> rundruf::id::ParticipantId {
    let roster = led.roster();
    let phone = roster
        .iter()
        .find(|entry| entry.door == rundruf::conference::participant::Door::Phone);
    phone.expect("a telephone").id
}

const ASSERTED: &str = "P-Asserted-Identity: <tel:+4930111222>\r\n";

#[tokio::test(start_paused = true)]
async fn a_dropped_caller_comes_back_to_number_and_hand_but_muted() {
    let mut world = World::new(1);
    let carol = opens(&mut world, "carol", Role::Moderator).await;
    let guest = world.room().pin(Role::Guest);
    let alice = world.phone("alice");
    alice.adds(ASSERTED);
    calls(&mut world, &alice, &guest).await;
    alice.types("6699");
    world.run_for(5 * SECOND).await;
    assert_eq!(carol.roster_line(), "Phone 1 mic hand 1 · carol moderator");
    alice.hangs_up();
    world.run_for(SECOND).await;
    calls(&mut world, &alice, &guest).await;
    assert_eq!(carol.roster_line(), "Phone 1 hand 1 · carol moderator");
    let back = "welcome-back present-2 not-recorded not-heard-yet to-speak".to_owned();
    assert!(world.ladder.said_to("alice").contains(&back));
    // From another telephone it takes the word of the trunk, and who hides is nobody.
    alice.hangs_up();
    world.run_for(SECOND).await;
    let berta = world.phone("berta");
    berta.adds(&format!("{ASSERTED}Privacy: id\r\n"));
    calls(&mut world, &berta, &guest).await;
    assert_eq!(carol.roster_line(), "Phone 2 · carol moderator");
    let clara = world.phone("clara");
    clara.adds(ASSERTED);
    calls(&mut world, &clara, &guest).await;
    let all = "Phone 1 hand 1 · Phone 2 · carol moderator";
    assert_eq!(carol.roster_line(), all);
}

#[tokio::test(start_paused = true)]
async fn who_has_a_pin_of_their_own_has_a_name_and_a_seat() {
    let mut world = World::new(2);
    let carol = opens(&mut world, "carol", Role::Moderator).await;
    let pin = world.room().persons_pin("Frieda");
    for name in ["home", "mobile"] {
        let phone = world.phone(name);
        calls(&mut world, &phone, &pin).await;
        assert_eq!(carol.roster_line(), "Frieda · carol moderator");
        assert_eq!(carol.roster()[0].ordinal, 1);
        phone.hangs_up();
        world.run_for(SECOND).await;
    }
    // A PIN whose time is over is a wrong one like any other.
    let late = world.phone("late");
    let pin = world.room().persons_pin("Gustav");
    calls(&mut world, &late, &pin).await;
    let said = world.ladder.said_to("late");
    assert_eq!(said.last().map(String::as_str), Some("wrong-code ask-pin"));
}

#[tokio::test(start_paused = true)]
async fn dialling_again_undoes_nothing_that_a_moderator_did() {
    let mut world = World::new(3);
    let carol = opens(&mut world, "carol", Role::Moderator).await;
    let guest = world.room().pin(Role::Guest);
    let alice = world.phone("alice");
    calls(&mut world, &alice, &guest).await;
    carol.does(Verb::Remove(telephone(&carol))).await;
    world.run_for(4 * SECOND).await;
    assert!(matches!(alice.state(), State::Dismissed(_)));
    calls(&mut world, &alice, &guest).await;
    assert_eq!(carol.roster_line(), "Phone 2 waits · carol moderator");
    carol.does(Verb::Ban(telephone(&carol))).await;
    world.run_for(4 * SECOND).await;
    calls(&mut world, &alice, &guest).await;
    world.run_for(4 * SECOND).await;
    assert!(matches!(alice.state(), State::Dismissed(_)));
    assert_eq!(carol.roster_line(), "carol moderator");
    let said = world.ladder.said_to("alice");
    assert_eq!(said.last().map(String::as_str), Some("removed"));
    // Nobody else is concerned.
    let berta = world.phone("berta");
    calls(&mut world, &berta, &guest).await;
    assert_eq!(carol.roster_line(), "Phone 3 · carol moderator");
}

/// Whoever has the whole disk, keys and all, learns nothing of numbers: a caller who was removed and banned leaves the same as
/// any other.
#[tokio::test(start_paused = true)]
async fn what_outlives_the_server_tells_no_caller_from_another() {
    let mut all = Vec::new();
    for number in ["+4930111222", "+4930111223"] {
        let folder = tempfile::tempdir().unwrap();
        let mut world = World::keeping(4, folder.path());
        bans_a_caller(&mut world, number).await;
        let callers = || plain(folder.path()).is_some_and(|text| text.contains(CALLERS));
        wait_for_disk(&mut world, callers).await;
        world.run_for(2 * SECOND).await;
        all.push(plain(folder.path()).expect("a file"));
    }
    assert_eq!(all[0], all[1]);
}

#[tokio::test(start_paused = true)]
async fn after_a_restart_a_banned_caller_comes_no_farther_than_the_waiting_room() {
    let folder = tempfile::tempdir().unwrap();
    let mut world = World::keeping(5, folder.path());
    bans_a_caller(&mut world, "+4930111222").await;
    let callers = || plain(folder.path()).is_some_and(|text| text.contains(CALLERS));
    wait_for_disk(&mut world, callers).await;
    drop(world);

    let mut world = World::keeping(5, folder.path());
    let hugo = comes_in_as(&mut world, "hugo", Codec::Pcma, Role::Moderator).await;
    let alice = world.phone("alice");
    alice.adds(ASSERTED);
    let guest = world.room().pin(Role::Guest);
    calls(&mut world, &alice, &guest).await;
    // Nobody is taken for who let themself in by calling twice.
    alice.hangs_up();
    world.run_for(SECOND).await;
    calls(&mut world, &alice, &guest).await;
    let frieda = world.phone("frieda");
    let pin = world.room().persons_pin("Frieda");
    calls(&mut world, &frieda, &pin).await;
    let carol = opens(&mut world, "carol", Role::Guest).await;
    assert_eq!(carol.roster_line(), "Phone 1 moderator · Frieda · carol");
    hugo.types("*83");
    world.run_for(9 * SECOND).await;
    let said = world.ladder.said_to("hugo");
    let last = said.last().map(String::as_str);
    assert_eq!(last, Some("waits label-phone-2 perhaps-removed decide"));
}

/// A moderator removes a caller with this number, and bans them when they come again.
async fn bans_a_caller(world: &mut World, number: &str) {
    let carol = opens(world, "carol", Role::Moderator).await;
    let guest = world.room().pin(Role::Guest);
    let alice = world.phone("alice");
    alice.adds(&format!("P-Asserted-Identity: <tel:{number}>\r\n"));
    calls(world, &alice, &guest).await;
    carol.does(Verb::Remove(telephone(&carol))).await;
    world.run_for(4 * SECOND).await;
    calls(world, &alice, &guest).await;
    carol.does(Verb::Ban(telephone(&carol))).await;
    world.run_for(4 * SECOND).await;
}

/// What the file of the only conference says to who has its key.
fn plain(folder: &Path) -> Option<String> {
    let mut files = fs::read_dir(folder).ok()?.flatten();
    let whole = |file: &fs::DirEntry| !file.file_name().to_string_lossy().contains('.');
    let sealed = fs::read(files.find(whole)?.path()).ok()?;
    let (nonce, sealed) = sealed.split_at(NONCE_LEN);
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let key = RandomizedNonceKey::new(&AES_256_GCM_SIV, &SEALING_KEY).ok()?;
    let mut sealed = sealed.to_vec();
    let purpose = Aad::from(b"rundruf conference 2");
    let plain = key.open_in_place(nonce, purpose, &mut sealed).ok()?;
    String::from_utf8(plain.to_vec()).ok()
}

/// That callers were sent away.
const CALLERS: &str = "\"callers\":true";
