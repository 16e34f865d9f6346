//! What is on the disk: for nobody but its owner, and of what was removed nothing.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use rand::{SeedableRng, rngs::StdRng};
use tempfile::TempDir;

use super::{room::tests::new, *};
use crate::{
    conference::participant::Role,
    id::{PersonId, RoomId, TenantId},
};

const AT: Duration = Duration::from_secs(1_800_000_000);

/// A name that stands nowhere else.
const NAME: &str = "Kanarius Vogelsang";

#[tokio::test]
async fn of_who_was_removed_no_file_says_anything() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&path(&folder)).await.unwrap();
    let room = added(&store).await;
    invite(&store, room).await;
    assert!(says(&folder, NAME));
    // Another process has the database open, as the server has while `rundruf invite` runs.
    let other = Store::open(&path(&folder)).await.unwrap();
    assert_eq!(other.people(room).await.unwrap().len(), 1);
    assert!(store.remove_person(PersonId::from_u64(1)).await.unwrap());
    assert!(!says(&folder, NAME), "at once, not only when it is closed");
    invite(&store, room).await;
    assert!(store.remove_room(room).await.unwrap());
    assert!(!says(&folder, NAME));
    store.close().await;
    other.close().await;
    assert!(!says(&folder, NAME));
}

/// The database of an earlier version has names in pages that are free, and in its log.
#[tokio::test]
async fn what_was_removed_before_is_gone_with_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&path(&folder)).await.unwrap();
    let room = added(&store).await;
    let anew = sqlx::query("delete from _sqlx_migrations where version = 13");
    anew.execute(&store.pool).await.unwrap();
    let mut connection = store.pool.acquire().await.unwrap();
    let off = sqlx::query("pragma secure_delete = off");
    off.execute(&mut *connection).await.unwrap();
    let copies = "with recursive n(i) as (select 1 union all select i + 1 from n where i < 200) \
         insert into person (id, room_id, name, role, pin_epoch, created_at, updated_at) \
         select 'p' || i, ?, 'Kanarius Vogelsang ' || i, 'guest', 0, 0, 0 from n";
    let copies = sqlx::query(copies).bind(room.to_string());
    copies.execute(&mut *connection).await.unwrap();
    let gone = sqlx::query("delete from person");
    gone.execute(&mut *connection).await.unwrap();
    drop(connection);
    store.close().await;
    assert!(says(&folder, NAME), "deleting alone leaves it");
    let store = Store::open(&path(&folder)).await.unwrap();
    assert!(!says(&folder, NAME));
    assert_eq!(store.list_rooms(TenantId::DEFAULT).await.unwrap().len(), 1);
}

#[tokio::test]
async fn the_files_are_their_owner_s_alone_also_where_they_were_not() {
    let folder = tempfile::tempdir().unwrap();
    let modes = || -> Vec<u32> {
        let mode = |file: PathBuf| fs::metadata(file).unwrap().permissions().mode() & 0o777;
        files(&folder).into_iter().map(mode).collect()
    };
    let store = Store::open(&path(&folder)).await.unwrap();
    added(&store).await;
    assert_eq!(modes(), [0o600; 3], "{:?}", files(&folder));
    // As if the process had ended without closing it.
    let left = tempfile::tempdir().unwrap();
    for file in files(&folder) {
        let copy = left.path().join(file.file_name().unwrap());
        fs::copy(&file, &copy).unwrap();
        fs::set_permissions(&copy, fs::Permissions::from_mode(0o644)).unwrap();
    }
    let again = Store::open(&path(&left)).await.unwrap();
    for file in files(&left) {
        let mode = fs::metadata(&file).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{file:?}");
    }
    assert_eq!(again.list_rooms(TenantId::DEFAULT).await.unwrap().len(), 1);
}

fn path(folder: &TempDir) -> PathBuf {
    folder.path().join("db")
}

fn files(folder: &TempDir) -> Vec<PathBuf> {
    let all = fs::read_dir(folder.path()).unwrap();
    let mut all: Vec<PathBuf> = all.map(|file| file.unwrap().path()).collect();
    all.sort();
    all
}

/// Tells whether a word stands in any of the files.
fn says(folder: &TempDir, word: &str) -> bool {
    let in_file = |file: &Path| {
        let bytes = fs::read(file).unwrap();
        bytes.windows(word.len()).any(|at| at == word.as_bytes())
    };
    files(folder).iter().any(|file| in_file(file))
}

async fn added(store: &Store) -> RoomId {
    let mut rng = StdRng::seed_from_u64(1);
    store.add_room(&new(1), &mut rng, AT).await.unwrap().id
}

async fn invite(store: &Store, room: RoomId) {
    let person = Person {
        id: PersonId::from_u64(1),
        room,
        name: PersonName::new(NAME.to_owned()),
        role: Role::Guest,
        pin_epoch: 0,
        window: Window::default(),
    };
    assert!(store.add_person(&person, AT).await.unwrap());
}
