//! Rooms as the store keeps them.

use rand::{SeedableRng, rngs::StdRng};
use tempfile::TempDir;

use super::*;

#[tokio::test]
async fn a_room_is_found_by_number_link_and_identity() {
    let (store, _folder) = store().await;
    let room = added(&store, 1).await;
    let by_number = store
        .room_by_number(TenantId::DEFAULT, &room.number)
        .await
        .unwrap();
    assert_eq!(by_number.as_ref(), Some(&room));
    assert_eq!(store.room(room.id).await.unwrap().as_ref(), Some(&room));
    for (hash, role) in [(hash(1, 0), Role::Guest), (hash(1, 1), Role::Moderator)] {
        let found = store.room_by_link(&hash).await.unwrap();
        assert_eq!(found, Some((room.clone(), role)));
    }
}

#[tokio::test]
async fn a_link_is_found_by_the_indices() {
    let (store, _folder) = store().await;
    let explained = sqlx::AssertSqlSafe(format!("explain query plan {ROOM_BY_LINK}"));
    let plan: Vec<String> = sqlx::query(explained)
        .bind(&hash(1, 0).0)
        .map(|row: SqliteRow| row.get("detail"))
        .fetch_all(&store.pool)
        .await
        .unwrap();
    assert!(plan.iter().all(|step| !step.contains("SCAN")), "{plan:?}");
    let searches = plan.iter().filter(|step| step.contains("USING INDEX"));
    assert_eq!(searches.count(), 2, "{plan:?}");
}

#[tokio::test]
async fn another_tenant_does_not_see_the_room() {
    let (store, _folder) = store().await;
    let room = added(&store, 1).await;
    let other = TenantId::from_u64(2);
    assert_eq!(store.list_rooms(other).await.unwrap(), []);
    let found = store.room_by_number(other, &room.number).await;
    assert_eq!(found.unwrap(), None);
}

#[tokio::test]
async fn a_removed_room_is_gone() {
    let (store, _folder) = store().await;
    let room = added(&store, 1).await;
    assert!(store.remove_room(room.id).await.unwrap());
    assert!(!store.remove_room(room.id).await.unwrap());
    assert_eq!(store.room_by_link(&hash(1, 0)).await.unwrap(), None);
}

#[tokio::test]
async fn renewed_links_lock_out_the_old_ones() {
    let (store, _folder) = store().await;
    let room = added(&store, 1).await;
    let epochs = ByRole {
        guest: 1,
        moderator: 1,
    };
    let renewed = store.renew_links(room.id, epochs, &hashes(77), AT).await;
    assert!(renewed.unwrap());
    assert_eq!(store.room_by_link(&hash(1, 0)).await.unwrap(), None);
    let (found, role) = store.room_by_link(&hash(77, 0)).await.unwrap().unwrap();
    assert_eq!((found.link_epochs, role), (epochs, Role::Guest));
    assert_eq!(found.pin_epochs, room.pin_epochs);
}

#[tokio::test]
async fn renewed_pins_are_stored_as_epochs() {
    let (store, _folder) = store().await;
    let room = added(&store, 1).await;
    let epochs = ByRole {
        guest: 4,
        moderator: 5,
    };
    assert!(store.renew_pins(room.id, epochs, AT).await.unwrap());
    let found = store.room(room.id).await.unwrap().unwrap();
    assert_eq!(found.pin_epochs, epochs);
}

#[tokio::test]
async fn a_room_says_how_many_are_heard_or_leaves_it_to_the_settings() {
    let (store, _folder) = store().await;
    let room = added(&store, 1).await;
    assert_eq!(room.speakers, Some(Speakers::default()));
    for speakers in [Speakers::try_from(8).ok(), None] {
        assert!(store.set_speakers(room.id, speakers, AT).await.unwrap());
        let found = store.room(room.id).await.unwrap().unwrap();
        assert_eq!(
            found,
            Room {
                speakers,
                ..room.clone()
            }
        );
    }
    let nowhere = store.set_speakers(RoomId::from_u64(2), None, AT).await;
    assert!(!nowhere.unwrap());
}

#[tokio::test]
async fn a_room_says_who_waits() {
    let (store, _folder) = store().await;
    let room = added(&store, 1).await;
    assert_eq!(room.lobby, Lobby::Off);
    for lobby in [Lobby::Guests, Lobby::All, Lobby::Off] {
        assert!(store.set_lobby(room.id, lobby, AT).await.unwrap());
        let found = store.room(room.id).await.unwrap().unwrap();
        assert_eq!(found.lobby, lobby);
    }
}

#[tokio::test]
async fn a_room_says_how_far_legs_must_be_protected() {
    let (store, _folder) = store().await;
    let room = added(&store, 1).await;
    assert_eq!(room.protection, Protection::None);
    for protection in [
        Protection::ToCarrier,
        Protection::ToDevice,
        Protection::None,
    ] {
        let set = store.set_protection(room.id, protection, AT).await;
        assert!(set.unwrap());
        let found = store.room(room.id).await.unwrap().unwrap();
        assert_eq!(found.protection, protection);
    }
    let nowhere = RoomId::from_u64(2);
    let set = store.set_protection(nowhere, Protection::None, AT).await;
    assert!(!set.unwrap());
}

#[tokio::test]
async fn a_level_is_stored_with_its_protection_and_a_confidential_room_never_demands_none() {
    let (store, _folder) = store().await;
    let room = added(&store, 1).await;
    assert_eq!(room.level, Level::Normal);
    for level in Level::ALL {
        let set = store.set_level(room.id, level, level.protection(), AT);
        assert!(set.await.unwrap());
        let found = store.room(room.id).await.unwrap().unwrap();
        assert_eq!((found.level, found.protection), (level, level.protection()));
    }
    let lowered = store.set_protection(room.id, Protection::ToCarrier, AT);
    assert!(lowered.await.unwrap());
    let given_up = store.set_protection(room.id, Protection::None, AT).await;
    assert!(matches!(given_up, Err(Error::Database(_))));
    let found = store.room(room.id).await.unwrap().unwrap();
    assert_eq!(
        (found.level, found.protection),
        (Level::Confidential, Protection::ToCarrier)
    );
    let none = (Level::Confidential, Protection::None);
    assert!(store.set_level(room.id, none.0, none.1, AT).await.is_err());
    let nowhere = RoomId::from_u64(2);
    let set = store.set_level(nowhere, Level::Open, Protection::None, AT);
    assert!(!set.await.unwrap());
}

#[tokio::test]
async fn a_room_says_what_is_heard_of_who_comes_and_goes() {
    let (store, _folder) = store().await;
    let room = added(&store, 1).await;
    assert_eq!(room.entrances, Entrances::USUAL);
    for signal in [EntrySignal::Names, EntrySignal::Off, EntrySignal::Tones] {
        assert!(store.set_entry_signal(room.id, signal, AT).await.unwrap());
        let found = store.room(room.id).await.unwrap().unwrap();
        assert_eq!(found.entrances.signal, signal);
    }
    for people in [0, 1_000, u16::MAX] {
        assert!(store.set_quiet_above(room.id, people, AT).await.unwrap());
        let found = store.room(room.id).await.unwrap().unwrap();
        assert_eq!(found.entrances.quiet_above, people);
    }
    let nowhere = RoomId::from_u64(2);
    assert!(!store.set_quiet_above(nowhere, 3, AT).await.unwrap());
}

#[tokio::test]
async fn a_room_shows_digits_of_numbers_only_when_it_says_so() {
    let (store, _folder) = store().await;
    let room = added(&store, 1).await;
    assert!(!room.shows_digits);
    for shows in [true, false] {
        assert!(store.set_shows_digits(room.id, shows, AT).await.unwrap());
        let found = store.room(room.id).await.unwrap().unwrap();
        assert_eq!(found.shows_digits, shows);
    }
    let nowhere = RoomId::from_u64(2);
    assert!(!store.set_shows_digits(nowhere, true, AT).await.unwrap());
}

#[tokio::test]
async fn a_room_has_the_chat_that_it_says() {
    let (store, _folder) = store().await;
    let room = added(&store, 1).await;
    assert_eq!(room.chat, ChatRule::All);
    for rule in ChatRule::ALL {
        assert!(store.set_chat(room.id, rule, AT).await.unwrap());
        let found = store.room(room.id).await.unwrap().unwrap();
        assert_eq!(found.chat, rule);
    }
    let nowhere = RoomId::from_u64(2);
    assert!(!store.set_chat(nowhere, ChatRule::Off, AT).await.unwrap());
    let mut rng = StdRng::seed_from_u64(3);
    let new = NewRoom {
        chat: ChatRule::Off,
        ..new(3)
    };
    let room = store.add_room(&new, &mut rng, AT).await.unwrap();
    let found = store.room(room.id).await.unwrap().unwrap();
    assert_eq!((room.chat, found.chat), (ChatRule::Off, ChatRule::Off));
}

#[tokio::test]
async fn a_room_speaks_to_people_in_its_words() {
    let (store, _folder) = store().await;
    for (id, wording) in (1..).zip(Wording::ALL) {
        let mut rng = StdRng::seed_from_u64(id);
        let new = NewRoom { wording, ..new(id) };
        let room = store.add_room(&new, &mut rng, AT).await.unwrap();
        let found = store.room(room.id).await.unwrap().unwrap();
        assert_eq!(found.wording, wording);
        for wording in Wording::ALL {
            assert!(store.set_wording(room.id, wording, AT).await.unwrap());
            let found = store.room(room.id).await.unwrap().unwrap();
            assert_eq!(found.wording, wording);
        }
    }
    let nowhere = RoomId::from_u64(99);
    assert!(!store.set_wording(nowhere, Wording::En, AT).await.unwrap());
}

#[tokio::test]
async fn only_demo_rooms_are_replaced() {
    let (store, _folder) = store().await;
    let kept = added(&store, 1).await;
    let mut demo = new(2);
    demo.demo = true;
    let mut rng = StdRng::seed_from_u64(9);
    store.add_room(&demo, &mut rng, AT).await.unwrap();
    store.remove_demo_rooms(TenantId::DEFAULT).await.unwrap();
    assert_eq!(store.list_rooms(TenantId::DEFAULT).await.unwrap(), [kept]);
}

#[tokio::test]
async fn a_taken_number_is_drawn_anew() {
    let (store, _folder) = store().await;
    // The same seed draws the same number first.
    let mut rng = StdRng::seed_from_u64(5);
    let first = store.add_room(&new(1), &mut rng, AT).await.unwrap();
    let mut rng = StdRng::seed_from_u64(5);
    let second = store.add_room(&new(2), &mut rng, AT).await.unwrap();
    assert_ne!(first.number, second.number);
}

#[tokio::test]
async fn a_link_of_two_rooms_is_an_error_not_another_draw() {
    let (store, _folder) = store().await;
    added(&store, 1).await;
    let mut twin = new(2);
    twin.link_hashes = hashes(1);
    let mut rng = StdRng::seed_from_u64(6);
    let refused = store.add_room(&twin, &mut rng, AT).await.unwrap_err();
    assert!(matches!(refused, Error::Database(_)), "{refused}");
}

#[tokio::test]
async fn numbers_grow_a_digit_beyond_4000_rooms() {
    let (store, _folder) = store().await;
    sqlx::query(
        "with recursive n(i) as (select 1000 union all select i + 1 from n where i < 5000) \
         insert into room select 'r' || i, 't', i, '', 'de', 0, 0, 0, 0, 'g' || i, 'm' || i, 0, 0, 0, null, 'off', 'none', 'off', 20, null, 0, 'normal', 'all' from n",
    )
    .execute(&store.pool)
    .await
    .unwrap();
    let room = added(&store, 1).await;
    assert_eq!(room.number.len(), 5);
}

#[tokio::test]
async fn what_is_stored_survives_a_restart() {
    let (store, folder) = store().await;
    let room = added(&store, 1).await;
    store.close().await;
    let store = Store::open(&folder.path().join("var/db")).await.unwrap();
    assert_eq!(store.list_rooms(room.tenant).await.unwrap(), [room]);
}

async fn store() -> (Store, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("var/db")).await.unwrap();
    (store, folder)
}

async fn added(store: &Store, id: u64) -> Room {
    let mut rng = StdRng::seed_from_u64(id);
    store.add_room(&new(id), &mut rng, AT).await.unwrap()
}

pub(in crate::store) fn new(id: u64) -> NewRoom {
    NewRoom {
        id: RoomId::from_u64(id),
        tenant: TenantId::DEFAULT,
        title: Title::new(String::from("Jour fixe")),
        wording: Wording::De,
        speakers: Some(Speakers::default()),
        lobby: Lobby::Off,
        level: Level::Normal,
        protection: Protection::None,
        entrances: Entrances::USUAL,
        chat: ChatRule::All,
        shows_digits: false,
        pin_epochs: ByRole {
            guest: 0,
            moderator: 1,
        },
        link_epochs: ByRole::default(),
        link_hashes: hashes(id),
        demo: false,
    }
}

fn hashes(id: u64) -> ByRole<LinkHash> {
    ByRole {
        guest: hash(id, 0),
        moderator: hash(id, 1),
    }
}

fn hash(id: u64, role: u8) -> LinkHash {
    let mut digest = id.to_be_bytes().to_vec();
    digest.push(role);
    LinkHash::new(&digest)
}

const AT: Duration = Duration::from_millis(1_800_000_000_123);
