//! Where rooms are looked up: in the database, or in a list for whole conferences in simulated time, since a database
//! works at its own pace.

use crate::{
    conference::participant::Role,
    id::{RoomId, TenantId},
    store::{self, ByRole, LinkHash, Person, Room, Store},
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
    /// In this list.
    Listed(Vec<Listed>),
}

impl Rooms {
    pub(super) async fn by_number(&self, number: &str) -> Result<Option<Room>, store::Error> {
        match self {
            Self::Stored(store) => store.room_by_number(TenantId::DEFAULT, number).await,
            Self::Listed(rooms) => {
                let found = rooms.iter().find(|listed| listed.room.number == number);
                Ok(found.map(|listed| listed.room.clone()))
            }
        }
    }

    /// Who is invited by name to a room, which need not exist.
    pub(super) async fn people(&self, id: RoomId) -> Result<Vec<Person>, store::Error> {
        match self {
            Self::Stored(store) => store.people(id).await,
            Self::Listed(rooms) => {
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
            Self::Listed(rooms) => {
                let found = rooms.iter().find(|listed| listed.room.id == id);
                Ok(found.map(|listed| listed.room.clone()))
            }
        }
    }

    pub(super) async fn by_link(
        &self,
        hash: &LinkHash,
    ) -> Result<Option<(Room, Role)>, store::Error> {
        match self {
            Self::Stored(store) => store.room_by_link(hash).await,
            Self::Listed(rooms) => {
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
