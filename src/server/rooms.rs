//! Where rooms are looked up: in the database, or in a list for whole conferences in simulated time, since a database
//! works at its own pace.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use crate::{
    conference::participant::Role,
    id::{RoomId, TenantId},
    limit::DIALS_KEPT,
    store::{self, ByRole, Dial, LinkHash, Person, Room, Store},
};

/// A room that is in no database, with the hashes its links are found by.
#[derive(Debug, Clone)]
pub struct Listed {
    /// The room.
    pub room: Room,
    /// Its links.
    pub link_hashes: ByRole<LinkHash>,
    /// Who is invited by name.
    pub people: Vec<Person>,
}

/// The rooms there are.
#[derive(Debug)]
pub(super) enum Rooms {
    /// In the database.
    Stored(Store),
    /// In this list, with what is noted of calls that were made.
    Listed(Vec<Listed>, Mutex<Vec<Dial>>),
}

impl Rooms {
    pub(super) async fn by_number(&self, number: &str) -> Result<Option<Room>, store::Error> {
        match self {
            Self::Stored(store) => store.room_by_number(TenantId::DEFAULT, number).await,
            Self::Listed(rooms, _) => {
                let found = rooms.iter().find(|listed| listed.room.number == number);
                Ok(found.map(|listed| listed.room.clone()))
            }
        }
    }

    /// Who is invited by name to a room, which need not exist.
    pub(super) async fn people(&self, id: RoomId) -> Result<Vec<Person>, store::Error> {
        match self {
            Self::Stored(store) => store.people(id).await,
            Self::Listed(rooms, _) => {
                let found = rooms.iter().find(|listed| listed.room.id == id);
                Ok(found
                    .map(|listed| listed.people.clone())
                    .unwrap_or_default())
            }
        }
    }

    pub(super) async fn by_id(&self, id: RoomId) -> Result<Option<Room>, store::Error> {
        match self {
            Self::Stored(store) => store.room(id).await,
            Self::Listed(rooms, _) => {
                let found = rooms.iter().find(|listed| listed.room.id == id);
                Ok(found.map(|listed| listed.room.clone()))
            }
        }
    }

    /// Notes a call that was made, or how it went on.
    pub(super) async fn note_dial(&self, dial: Dial) -> Result<(), store::Error> {
        match self {
            Self::Stored(store) => store.note_dial(&dial).await,
            Self::Listed(_, dials) => {
                with(dials, |dials| {
                    match dials.iter_mut().find(|noted| noted.id == dial.id) {
                        Some(noted) => {
                            noted.minutes = noted.minutes.max(dial.minutes);
                            noted.ended_at = noted.ended_at.max(dial.ended_at);
                        }
                        None => dials.push(dial),
                    }
                });
                Ok(())
            }
        }
    }

    /// The calls that were made and ended since a time.
    pub(super) async fn dials_since(&self, since: Duration) -> Result<Vec<Dial>, store::Error> {
        match self {
            Self::Stored(store) => store.dials_since(since).await,
            Self::Listed(_, dials) => Ok(with(dials, |dials| {
                let since = dials.iter().filter(|dial| dial.ended_at >= since);
                since.cloned().collect()
            })),
        }
    }

    /// Deletes what was noted long enough ago.
    pub(super) async fn sweep_dials(&self, now: Duration) -> Result<(), store::Error> {
        match self {
            Self::Stored(store) => store.sweep_dials(now).await.map(|_| ()),
            Self::Listed(_, dials) => {
                with(dials, |dials| {
                    dials.retain(|dial| now < dial.ended_at + DIALS_KEPT)
                });
                Ok(())
            }
        }
    }

    pub(super) async fn by_link(
        &self,
        hash: &LinkHash,
    ) -> Result<Option<(Room, Role)>, store::Error> {
        match self {
            Self::Stored(store) => store.room_by_link(hash).await,
            Self::Listed(rooms, _) => {
                let role = |listed: &Listed| {
                    [Role::Guest, Role::Moderator]
                        .into_iter()
                        .find(|role| listed.link_hashes.get(*role) == hash)
                };
                let found = rooms
                    .iter()
                    .find_map(|listed| Some((listed.room.clone(), role(listed)?)));
                Ok(found)
            }
        }
    }
}

fn with<R>(dials: &Mutex<Vec<Dial>>, work: impl FnOnce(&mut Vec<Dial>) -> R) -> R {
    work(&mut dials.lock().unwrap_or_else(PoisonError::into_inner))
}
