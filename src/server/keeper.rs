//! Keeps what of conferences outlives the server, in a sealed file for each; the file goes when its conference ends.
//!
//! ```text
//! <folder>/<room> = nonce ‖ AES-256-GCM-SIV(key, "rundruf conference 2", content) ‖ tag
//! ```
//!
//! Nothing in it is made from a telephone's number (`conference::kept`): its key lies beside it. What was written when that was
//! otherwise, as version 1, is removed unread.
//!
//! One task writes, so that no conference waits for the disk: of many changes of one room the last is written. What was
//! written too long ago when the server begins is forgotten: whoever comes then comes anew.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use super::seats::Seals;
use crate::{
    clock::Clock,
    conference::kept::Kept,
    id::{ConferenceId, RoomId},
    limit::{RESUME_MAX, SEAT_RENEWAL, SERVER_QUEUE_MAX},
    store,
};

/// A conference as it outlives the server.
#[derive(Debug, Clone)]
pub(super) struct Remains {
    pub(super) conference: ConferenceId,
    pub(super) kept: Kept,
}

/// What the task is told.
type Order = (RoomId, Option<Remains>);

/// The way to the task; without one nothing is kept.
#[derive(Debug, Clone)]
pub(super) struct Keeper(Option<mpsc::Sender<Order>>);

/// What stands in a file.
#[derive(Serialize, Deserialize)]
struct Content {
    /// Seconds since 1970-01-01 00:00 UTC.
    written: u64,
    conference: ConferenceId,
    kept: Kept,
}

/// Where files are.
#[derive(Debug, Clone)]
pub(super) struct Shelf {
    pub(super) folder: PathBuf,
    pub(super) seals: Seals,
    pub(super) clock: Arc<dyn Clock>,
}

impl Keeper {
    /// Keeps nothing.
    pub(super) const fn none() -> Self {
        Self(None)
    }

    /// Keeps on a shelf; returns the task that writes.
    pub(super) fn on(shelf: Shelf) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let (orders, queue) = mpsc::channel(SERVER_QUEUE_MAX);
        (Self(Some(orders)), write(shelf, queue))
    }

    /// Has a conference kept as it is; returns whether it will be.
    pub(super) fn keep(&self, room: RoomId, remains: Remains) -> bool {
        let sent = |orders: &mpsc::Sender<Order>| orders.try_send((room, Some(remains))).is_ok();
        self.0.as_ref().is_none_or(sent)
    }

    /// Forgets a room's conference.
    pub(super) async fn forget(&self, room: RoomId) {
        if let Some(orders) = &self.0 {
            let _ = orders.send((room, None)).await;
        }
    }
}

impl Shelf {
    /// Reads what outlived the server, and removes what is too old or cannot be read.
    pub(super) fn read(&self) -> BTreeMap<RoomId, Remains> {
        let Ok(folder) = fs::read_dir(&self.folder) else {
            return BTreeMap::new();
        };
        let mut all = BTreeMap::new();
        for file in folder.flatten() {
            let name = file.file_name();
            let room = name.to_str().and_then(|name| name.parse().ok());
            match room.and_then(|room| Some((room, self.read_file(&file.path())?))) {
                Some((room, remains)) => {
                    all.insert(room, remains);
                }
                None => {
                    let _ = fs::remove_file(file.path());
                }
            }
        }
        all
    }

    fn read_file(&self, file: &Path) -> Option<Remains> {
        let plain = self.seals.disclose(PURPOSE, fs::read(file).ok()?)?;
        let content: Content = serde_json::from_slice(&plain).ok()?;
        let age = self.now().abs_diff(content.written);
        let remains = Remains {
            conference: content.conference,
            kept: content.kept,
        };
        (age <= OLD.as_secs()).then_some(remains)
    }

    fn write(&self, room: RoomId, remains: Option<&Remains>) -> io::Result<()> {
        let file = self.folder.join(room.to_string());
        let Some(remains) = remains else {
            return match fs::remove_file(file) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                Ok(()) | Err(_) => Ok(()),
            };
        };
        let content = Content {
            written: self.now(),
            conference: remains.conference,
            kept: remains.kept.clone(),
        };
        let plain = serde_json::to_vec(&content).expect("what is kept can be written as JSON");
        store::write_private(&file, &self.seals.close(PURPOSE, plain))
    }

    fn now(&self) -> u64 {
        self.clock.since_epoch().as_secs()
    }
}

/// Writes until nobody has anything to be kept any more.
async fn write(shelf: Shelf, mut queue: mpsc::Receiver<Order>) {
    while let Some((room, remains)) = queue.recv().await {
        let mut last = BTreeMap::from([(room, remains)]);
        while let Ok((room, remains)) = queue.try_recv() {
            last.insert(room, remains);
        }
        let shelf = shelf.clone();
        let written = tokio::task::spawn_blocking(move || {
            let mut all = last.iter();
            all.try_for_each(|(room, remains)| shelf.write(*room, remains.as_ref()))
        });
        match written.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "a conference is not kept for a restart"),
            Err(_) => tracing::error!("keeping conferences for a restart failed"),
        }
    }
}

/// What was written longer ago is forgotten.
const OLD: Duration = RESUME_MAX.saturating_add(SEAT_RENEWAL.saturating_mul(2));

/// What files are bound to beside their key.
const PURPOSE: &[u8] = b"rundruf conference 2";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pii::Secret;
    use crate::{
        clock::Virtual,
        conference::{kept::Identity, participant::Role, roster::ConferenceState},
        id::{PersonId, SeatId},
        server::secrets::KEY_LENGTH,
    };

    const WALL: Duration = Duration::from_secs(1_800_000_000);

    #[test]
    fn what_is_kept_is_sealed_read_again_and_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let shelf = shelf(&folder.path().join("kept"), 1, WALL);
        assert!(shelf.read().is_empty(), "there is no folder at first");
        let (room, other) = (RoomId::from_u64(1), RoomId::from_u64(2));
        shelf.write(room, Some(&remains())).unwrap();
        shelf.write(other, Some(&remains())).unwrap();
        shelf.write(other, None).unwrap();
        shelf.write(other, None).unwrap();
        let bytes = fs::read(shelf.folder.join(room.to_string())).unwrap();
        assert!(!bytes.windows(6).any(|window| window == b"locked"));
        let read = shelf.read();
        assert_eq!(read.len(), 1);
        assert_eq!(read[&room].conference, remains().conference);
        assert_eq!(read[&room].kept, remains().kept);
    }

    #[test]
    fn what_is_old_or_of_another_key_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let room = RoomId::from_u64(1);
        for (key, later) in [(2, 0), (1, OLD.as_secs() + 1)] {
            let now = shelf(folder.path(), 1, WALL);
            now.write(room, Some(&remains())).unwrap();
            let then = shelf(folder.path(), key, WALL + Duration::from_secs(later));
            assert!(then.read().is_empty());
            assert!(!now.folder.join(room.to_string()).exists());
        }
        fs::write(folder.path().join("nonsense"), "x").unwrap();
        assert!(shelf(folder.path(), 1, WALL).read().is_empty());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    fn shelf(folder: &Path, key: u8, wall: Duration) -> Shelf {
        Shelf {
            folder: folder.to_owned(),
            seals: Seals::from_bytes(&Secret::new([key; KEY_LENGTH])),
            clock: Arc::new(Virtual(wall)),
        }
    }

    fn remains() -> Remains {
        Remains {
            conference: ConferenceId::from_u64(3),
            kept: Kept {
                state: ConferenceState {
                    locked: true,
                    ..ConferenceState::default()
                },
                seats: BTreeMap::from([(SeatId::from_u64(5), Role::Moderator)]),
                sent_away: vec![Identity::Page(SeatId::from_u64(6))],
                banned: vec![Identity::Person(PersonId::from_u64(7))],
                callers: true,
            },
        }
    }
}
