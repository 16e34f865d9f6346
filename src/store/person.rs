//! People invited to a room by name: the table `person`.

use std::time::Duration;

use sqlx::{Row, sqlite::SqliteRow};

use crate::{
    conference::participant::{Role, clean_name},
    id::{PersonId, RoomId},
    pii::{Name, Pii, Purpose},
};

use super::{
    Error, Store,
    room::{identity, millis},
};

/// Somebody with a PIN of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Identity; their PIN is derived from it.
    pub id: PersonId,
    /// To what they are invited.
    pub room: RoomId,
    /// What the others see them as; of each name there is one in a room.
    pub name: PersonName,
    /// What their PIN gives.
    pub role: Role,
    /// Which generation of their PIN opens the room.
    pub pin_epoch: u32,
    /// When it does.
    pub window: Window,
}

/// The time in which a PIN opens a room, since 1970-01-01 00:00 UTC; always where neither end is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Window {
    /// From then on.
    pub opens_at: Option<Duration>,
    /// Until then.
    pub closes_at: Option<Duration>,
}

impl Window {
    /// Tells whether it is open at a time since 1970-01-01 00:00 UTC.
    pub fn is_open(self, at: Duration) -> bool {
        self.opens_at.is_none_or(|opens| opens <= at)
            && self.closes_at.is_none_or(|closes| at < closes)
    }
}

/// Inviting people: names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Inviting;

impl Purpose for Inviting {
    const NAME: &'static str = "inviting people";
    const AUDIENCE: &'static str = "the participants of their conferences, and the operator";
    const RETENTION: &'static str = "until the invitation or its room is removed";
}

/// The name of somebody invited.
pub type PersonName = Pii<String, Inviting>;

/// Returns a name as it may be stored and shown; none when nothing visible remains.
pub fn clean_person(raw: &str) -> Option<PersonName> {
    clean_name(raw).map(|name| PersonName::new(name.into_inner()))
}

impl Person {
    /// Returns the name as the conference knows it.
    pub fn shown_name(&self) -> Name {
        Name::new(self.name.expose().clone())
    }
}

impl Store {
    /// Stores somebody; returns whether their name was free in the room.
    ///
    /// # Errors
    ///
    /// Fails when the database fails.
    pub async fn add_person(&self, person: &Person, at: Duration) -> Result<bool, Error> {
        let added = sqlx::query(
            "insert into person (id, room_id, name, role, pin_epoch, opens_at, closes_at, created_at, updated_at) \
             values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(person.id.to_string())
        .bind(person.room.to_string())
        .bind(person.name.expose())
        .bind(word(person.role))
        .bind(person.pin_epoch)
        .bind(person.window.opens_at.map(millis))
        .bind(person.window.closes_at.map(millis))
        .bind(millis(at))
        .bind(millis(at))
        .execute(&self.pool)
        .await;
        match added {
            Ok(_) => Ok(true),
            Err(error) if is_taken(&error) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Lists who is invited to a room, by name.
    ///
    /// # Errors
    ///
    /// Fails when the database fails.
    pub async fn people(&self, room: RoomId) -> Result<Vec<Person>, Error> {
        let people = sqlx::query("select * from person where room_id = ? order by name")
            .bind(room.to_string())
            .try_map(|row| read(&row))
            .fetch_all(&self.pool)
            .await?;
        Ok(people)
    }

    /// Removes somebody; returns whether they were there.
    ///
    /// # Errors
    ///
    /// Fails when the database fails.
    pub async fn remove_person(&self, id: PersonId) -> Result<bool, Error> {
        let done = sqlx::query("delete from person where id = ?")
            .bind(id.to_string())
            .execute(&self.pool)
            .await?;
        Ok(self.erased(&done).await? > 0)
    }

    /// Gives somebody another PIN; returns whether they are there.
    ///
    /// # Errors
    ///
    /// Fails when the database fails.
    pub async fn renew_person(
        &self,
        id: PersonId,
        epoch: u32,
        at: Duration,
    ) -> Result<bool, Error> {
        let done = sqlx::query("update person set pin_epoch = ?, updated_at = ? where id = ?")
            .bind(epoch)
            .bind(millis(at))
            .bind(id.to_string())
            .execute(&self.pool)
            .await?;
        Ok(done.rows_affected() > 0)
    }
}

fn read(row: &SqliteRow) -> Result<Person, sqlx::Error> {
    let time = |column| -> Result<Option<Duration>, sqlx::Error> {
        let at: Option<i64> = row.try_get(column)?;
        Ok(at
            .and_then(|at| u64::try_from(at).ok())
            .map(Duration::from_millis))
    };
    let role: String = row.try_get("role")?;
    Ok(Person {
        id: identity(row, "id")?,
        room: identity(row, "room_id")?,
        name: PersonName::new(row.try_get("name")?),
        role: if role == word(Role::Moderator) {
            Role::Moderator
        } else {
            Role::Guest
        },
        pin_epoch: row.try_get("pin_epoch")?,
        window: Window {
            opens_at: time("opens_at")?,
            closes_at: time("closes_at")?,
        },
    })
}

const fn word(role: Role) -> &'static str {
    match role {
        Role::Guest => "guest",
        Role::Moderator => "moderator",
    }
}

/// Tells whether the name was taken.
fn is_taken(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .is_some_and(|error| error.is_unique_violation() && error.message().contains("person.name"))
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;
    use crate::{
        conference::{
            event::Wording,
            participant::Protection,
            policy::{ChatRule, Entrances, Level, Lobby},
        },
        id::TenantId,
        store::{ByRole, LinkHash, NewRoom, Title},
    };

    const AT: Duration = Duration::from_millis(1_800_000_000_123);

    #[tokio::test]
    async fn people_are_kept_by_room_and_name_and_go_with_the_room() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("db")).await.unwrap();
        let (room, other) = (room(&store, 1).await, room(&store, 2).await);
        let berta = person(1, room, "Berta");
        let window = Window {
            opens_at: Some(AT),
            closes_at: Some(AT * 2),
        };
        let anna = Person {
            role: Role::Moderator,
            window,
            ..person(2, room, "Anna")
        };
        for who in [&berta, &anna, &person(3, other, "Anna")] {
            assert!(store.add_person(who, AT).await.unwrap());
        }
        assert!(
            !store
                .add_person(&person(4, room, "Anna"), AT)
                .await
                .unwrap()
        );
        assert_eq!(
            store.people(room).await.unwrap(),
            [anna.clone(), berta.clone()]
        );
        assert!(store.renew_person(berta.id, 7, AT).await.unwrap());
        assert!(store.remove_person(anna.id).await.unwrap());
        assert!(!store.remove_person(anna.id).await.unwrap());
        let renewed = Person {
            pin_epoch: 7,
            ..berta
        };
        assert_eq!(store.people(room).await.unwrap(), [renewed]);
        assert!(store.remove_room(room).await.unwrap());
        assert_eq!(store.people(room).await.unwrap(), []);
        assert_eq!(store.people(other).await.unwrap().len(), 1);
    }

    #[test]
    fn a_window_opens_and_closes() {
        let at = Duration::from_secs;
        let window = |opens: Option<u64>, closes: Option<u64>| Window {
            opens_at: opens.map(at),
            closes_at: closes.map(at),
        };
        let open = |window: Window| [9, 10, 19, 20].map(|now| window.is_open(at(now)));
        assert_eq!(open(window(None, None)), [true; 4]);
        assert_eq!(open(window(Some(10), None)), [false, true, true, true]);
        assert_eq!(open(window(None, Some(20))), [true, true, true, false]);
        assert_eq!(open(window(Some(10), Some(20))), [false, true, true, false]);
    }

    async fn room(store: &Store, id: u64) -> RoomId {
        let hash = |role: u8| LinkHash::new(&[role, u8::try_from(id).unwrap()]);
        let new = NewRoom {
            id: RoomId::from_u64(id),
            tenant: TenantId::DEFAULT,
            title: Title::default(),
            wording: Wording::De,
            speakers: None,
            lobby: Lobby::Off,
            level: Level::Normal,
            protection: Protection::None,
            entrances: Entrances::USUAL,
            chat: ChatRule::All,
            shows_digits: false,
            pin_epochs: ByRole::default(),
            link_epochs: ByRole::default(),
            link_hashes: ByRole {
                guest: hash(0),
                moderator: hash(1),
            },
            demo: false,
        };
        let mut rng = StdRng::seed_from_u64(id);
        store.add_room(&new, &mut rng, AT).await.unwrap().id
    }

    fn person(id: u64, room: RoomId, name: &str) -> Person {
        Person {
            id: PersonId::from_u64(id),
            room,
            name: PersonName::new(name.to_owned()),
            role: Role::Guest,
            pin_epoch: 0,
            window: Window::default(),
        }
    }
}
