//! Rooms: the table `room`.

use std::time::Duration;

use rand::Rng;
use sqlx::{Encode, Row, Sqlite, Type, sqlite::SqliteRow};

use crate::{
    conference::{
        event::Wording,
        participant::{Protection, Role, clean_line},
        policy::{ChatRule, Entrances, EntrySignal, Level, Lobby, Speakers},
    },
    id::{RoomId, TenantId},
    limit,
    pii::{Pii, Purpose},
};

use super::{Error, Store, number};

/// A room: the persistent blueprint of a conference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Room {
    /// Identity; stands in logs.
    pub id: RoomId,
    /// Whose it is.
    pub tenant: TenantId,
    /// What callers dial.
    pub number: String,
    /// What people call it.
    pub title: Title,
    /// What callers hear.
    pub wording: Wording,
    /// How many are heard at a time; none where the settings decide.
    pub speakers: Option<Speakers>,
    /// Who waits until a moderator lets them in.
    pub lobby: Lobby,
    /// How confidential it is.
    pub level: Level,
    /// How far legs must be protected.
    pub protection: Protection,
    /// What is heard of people who come and go.
    pub entrances: Entrances,
    /// Whom people may write to by chat.
    pub chat: ChatRule,
    /// Moderators see the last digits of callers' numbers.
    pub shows_digits: bool,
    /// Which generation of PINs opens it.
    pub pin_epochs: ByRole<u32>,
    /// Which generation of links opens it.
    pub link_epochs: ByRole<u32>,
    /// The demo room is replaced at every start with `--demo`.
    pub demo: bool,
    /// When it was made, since 1970-01-01 00:00 UTC.
    pub created_at: Duration,
}

impl Room {
    /// Returns a room that does not exist, to do the same work for a wrong number as for a right one.
    pub fn nowhere() -> Self {
        Self {
            id: RoomId::from_u64(0),
            tenant: TenantId::DEFAULT,
            number: String::new(),
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
            demo: false,
            created_at: Duration::ZERO,
        }
    }
}

/// What people call a room.
pub type Title = Pii<String, Booking>;

/// Returns the title as it may be shown and printed: a [`clean_line`] of at most
/// [`TITLE_CHARS_MAX`](limit::TITLE_CHARS_MAX); empty when nothing visible remains.
pub fn clean_title(raw: &str) -> Title {
    Title::new(clean_line(raw, limit::TITLE_CHARS_MAX).unwrap_or_default())
}

/// Telling rooms apart: titles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Booking;

impl Purpose for Booking {
    const NAME: &'static str = "telling rooms apart";
    const AUDIENCE: &'static str = "who holds a secret of the room, and the operator";
    const RETENTION: &'static str = "until the room is removed";
}

/// Something that each role has one of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ByRole<T> {
    /// The guests'.
    pub guest: T,
    /// The moderators'.
    pub moderator: T,
}

impl<T> ByRole<T> {
    /// Returns the role's own.
    pub const fn get(&self, role: Role) -> &T {
        match role {
            Role::Guest => &self.guest,
            Role::Moderator => &self.moderator,
        }
    }
}

/// The SHA-256 of a link's token, as 64 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkHash(String);

impl LinkHash {
    /// Wraps a digest.
    pub fn new(digest: &[u8]) -> Self {
        Self(digest.iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

/// A room to be stored; `server::secrets` makes it, the store adds the number.
#[derive(Debug, Clone)]
pub struct NewRoom {
    /// Identity; the secrets are derived from it, so it comes before the row.
    pub id: RoomId,
    /// Whose it is.
    pub tenant: TenantId,
    /// What people call it.
    pub title: Title,
    /// What callers hear.
    pub wording: Wording,
    /// How many are heard at a time; none where the settings decide.
    pub speakers: Option<Speakers>,
    /// Who waits until a moderator lets them in.
    pub lobby: Lobby,
    /// How confidential it is.
    pub level: Level,
    /// How far legs must be protected.
    pub protection: Protection,
    /// What is heard of people who come and go.
    pub entrances: Entrances,
    /// Whom people may write to by chat.
    pub chat: ChatRule,
    /// Moderators see the last digits of callers' numbers.
    pub shows_digits: bool,
    /// First PINs.
    pub pin_epochs: ByRole<u32>,
    /// First links.
    pub link_epochs: ByRole<u32>,
    /// By which the links find the room.
    pub link_hashes: ByRole<LinkHash>,
    /// Whether it is the demo room.
    pub demo: bool,
}

impl Store {
    /// Stores a room under a random number that is free.
    ///
    /// # Errors
    ///
    /// Fails when the database fails or no number is free.
    pub async fn add_room(
        &self,
        new: &NewRoom,
        rng: &mut impl Rng,
        at: Duration,
    ) -> Result<Room, Error> {
        for _ in 0..limit::ROOM_NUMBER_TRIES {
            let with_four = self.rooms_with_digits(4).await?;
            let with_five = self.rooms_with_digits(5).await?;
            let number = number::draw(with_four, with_five, rng);
            match self.insert(new, &number, at).await {
                Ok(()) => return Ok(new.stored_as(number, at)),
                Err(error) if is_taken(&error) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Error::NoNumberLeft)
    }

    /// Finds the room that callers reach under a number.
    ///
    /// # Errors
    ///
    /// Fails when the database fails.
    pub async fn room_by_number(
        &self,
        tenant: TenantId,
        number: &str,
    ) -> Result<Option<Room>, Error> {
        let room = sqlx::query("select * from room where tenant_id = ? and number = ?")
            .bind(tenant.to_string())
            .bind(number)
            .try_map(|row| read(&row))
            .fetch_optional(&self.pool)
            .await?;
        Ok(room)
    }

    /// Finds the room that a link leads to, and the role it gives.
    ///
    /// # Errors
    ///
    /// Fails when the database fails.
    pub async fn room_by_link(&self, hash: &LinkHash) -> Result<Option<(Room, Role)>, Error> {
        let found = sqlx::query(ROOM_BY_LINK)
            .bind(&hash.0)
            .try_map(|row: SqliteRow| {
                let role = if row.try_get("moderates")? {
                    Role::Moderator
                } else {
                    Role::Guest
                };
                Ok((read(&row)?, role))
            })
            .fetch_optional(&self.pool)
            .await?;
        Ok(found)
    }

    /// Finds a room by its identity.
    ///
    /// # Errors
    ///
    /// Fails when the database fails.
    pub async fn room(&self, id: RoomId) -> Result<Option<Room>, Error> {
        let room = sqlx::query("select * from room where id = ?")
            .bind(id.to_string())
            .try_map(|row| read(&row))
            .fetch_optional(&self.pool)
            .await?;
        Ok(room)
    }

    /// Returns a tenant's rooms by number.
    ///
    /// # Errors
    ///
    /// Fails when the database fails.
    pub async fn list_rooms(&self, tenant: TenantId) -> Result<Vec<Room>, Error> {
        let rooms = sqlx::query("select * from room where tenant_id = ? order by number")
            .bind(tenant.to_string())
            .try_map(|row| read(&row))
            .fetch_all(&self.pool)
            .await?;
        Ok(rooms)
    }

    /// Removes a room; tells whether there was one.
    ///
    /// # Errors
    ///
    /// Fails when the database fails.
    pub async fn remove_room(&self, id: RoomId) -> Result<bool, Error> {
        let done = sqlx::query("delete from room where id = ?")
            .bind(id.to_string())
            .execute(&self.pool)
            .await?;
        Ok(self.erased(&done).await? > 0)
    }

    /// Removes the demo room of the last start.
    ///
    /// # Errors
    ///
    /// Fails when the database fails.
    pub async fn remove_demo_rooms(&self, tenant: TenantId) -> Result<(), Error> {
        let done = sqlx::query("delete from room where tenant_id = ? and demo = 1")
            .bind(tenant.to_string())
            .execute(&self.pool)
            .await?;
        self.erased(&done).await?;
        Ok(())
    }

    /// Sets how many are heard at a time in a room, or leaves it to the settings; tells whether there is such a room.
    ///
    /// # Errors
    ///
    /// Fails when the database fails.
    pub async fn set_speakers(
        &self,
        id: RoomId,
        speakers: Option<Speakers>,
        at: Duration,
    ) -> Result<bool, Error> {
        let query = "update room set speakers = ?, updated_at = ? where id = ?";
        self.set(query, speakers.map(Speakers::get), id, at).await
    }

    /// Replaces a room's PINs by those of the epochs; tells whether there is such a room.
    ///
    /// # Errors
    ///
    /// Fails when the database fails.
    pub async fn renew_pins(
        &self,
        id: RoomId,
        epochs: ByRole<u32>,
        at: Duration,
    ) -> Result<bool, Error> {
        let done = sqlx::query(
            "update room set guest_pin_epoch = ?, moderator_pin_epoch = ?, updated_at = ? where id = ?",
        )
        .bind(epochs.guest)
        .bind(epochs.moderator)
        .bind(millis(at))
        .bind(id.to_string())
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() > 0)
    }

    /// Replaces a room's links by those of the epochs; tells whether there is such a room.
    ///
    /// # Errors
    ///
    /// Fails when the database fails.
    pub async fn renew_links(
        &self,
        id: RoomId,
        epochs: ByRole<u32>,
        hashes: &ByRole<LinkHash>,
        at: Duration,
    ) -> Result<bool, Error> {
        let done = sqlx::query(
            "update room set guest_link_epoch = ?, moderator_link_epoch = ?, guest_link_hash = ?, \
             moderator_link_hash = ?, updated_at = ? where id = ?",
        )
        .bind(epochs.guest)
        .bind(epochs.moderator)
        .bind(&hashes.guest.0)
        .bind(&hashes.moderator.0)
        .bind(millis(at))
        .bind(id.to_string())
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() > 0)
    }

    /// Sets who waits in a room; returns whether there is such a room.
    ///
    /// # Errors
    ///
    /// Fails when the database fails.
    pub async fn set_lobby(&self, id: RoomId, lobby: Lobby, at: Duration) -> Result<bool, Error> {
        let query = "update room set lobby = ?, updated_at = ? where id = ?";
        self.set(query, lobby.word(), id, at).await
    }

    /// Sets how confidential a room is, and with it how far legs must be protected there; returns whether there is such a
    /// room.
    ///
    /// # Errors
    ///
    /// Fails when the database fails, and for less protection than the level allows.
    pub async fn set_level(
        &self,
        id: RoomId,
        level: Level,
        protection: Protection,
        at: Duration,
    ) -> Result<bool, Error> {
        let query = "update room set level = ?, protection = ?, updated_at = ? where id = ?";
        let done = sqlx::query(query)
            .bind(level.word())
            .bind(protection.word())
            .bind(millis(at))
            .bind(id.to_string())
            .execute(&self.pool)
            .await?;
        Ok(done.rows_affected() > 0)
    }

    /// Sets how far legs must be protected in a room; returns whether there is such a room.
    ///
    /// # Errors
    ///
    /// Fails when the database fails, and for less than the room's level allows.
    pub async fn set_protection(
        &self,
        id: RoomId,
        protection: Protection,
        at: Duration,
    ) -> Result<bool, Error> {
        let query = "update room set protection = ?, updated_at = ? where id = ?";
        self.set(query, protection.word(), id, at).await
    }

    /// Sets how those inside hear that somebody comes or goes; returns whether there is such a room.
    ///
    /// # Errors
    ///
    /// Fails when the database fails.
    pub async fn set_entry_signal(
        &self,
        id: RoomId,
        signal: EntrySignal,
        at: Duration,
    ) -> Result<bool, Error> {
        let query = "update room set entry_signal = ?, updated_at = ? where id = ?";
        self.set(query, signal.word(), id, at).await
    }

    /// Sets above how many people nothing is heard of who comes and goes; returns whether there is such a room.
    ///
    /// # Errors
    ///
    /// Fails when the database fails.
    pub async fn set_quiet_above(
        &self,
        id: RoomId,
        people: u16,
        at: Duration,
    ) -> Result<bool, Error> {
        let query = "update room set quiet_above = ?, updated_at = ? where id = ?";
        self.set(query, people, id, at).await
    }

    /// Sets whom people may write to by chat; returns whether there is such a room.
    ///
    /// # Errors
    ///
    /// Fails when the database fails.
    pub async fn set_chat(&self, id: RoomId, rule: ChatRule, at: Duration) -> Result<bool, Error> {
        let query = "update room set chat = ?, updated_at = ? where id = ?";
        self.set(query, rule.word(), id, at).await
    }

    /// Sets whether moderators see the last digits of callers' numbers; returns whether there is such a room.
    ///
    /// # Errors
    ///
    /// Fails when the database fails.
    pub async fn set_shows_digits(
        &self,
        id: RoomId,
        shows: bool,
        at: Duration,
    ) -> Result<bool, Error> {
        let query = "update room set shows_digits = ?, updated_at = ? where id = ?";
        self.set(query, shows, id, at).await
    }

    /// Sets in which words people are spoken to; returns whether there is such a room.
    ///
    /// # Errors
    ///
    /// Fails when the database fails.
    pub async fn set_wording(
        &self,
        id: RoomId,
        wording: Wording,
        at: Duration,
    ) -> Result<bool, Error> {
        let query = "update room set language = ?, wording = ?, updated_at = ? where id = ?";
        let done = sqlx::query(query)
            .bind(wording.language().tag())
            .bind(unusual(wording))
            .bind(millis(at))
            .bind(id.to_string())
            .execute(&self.pool)
            .await?;
        Ok(done.rows_affected() > 0)
    }

    /// Carries out a query with places for a value, the time and the room; returns whether there is such a room.
    async fn set<'q, T>(
        &self,
        query: &'static str,
        value: T,
        id: RoomId,
        at: Duration,
    ) -> Result<bool, Error>
    where
        T: Encode<'q, Sqlite> + Type<Sqlite> + 'q,
    {
        let query = sqlx::query(query).bind(value);
        let query = query.bind(millis(at)).bind(id.to_string());
        Ok(query.execute(&self.pool).await?.rows_affected() > 0)
    }

    async fn rooms_with_digits(&self, digits: u32) -> Result<u32, Error> {
        let count = sqlx::query_scalar("select count(*) from room where length(number) = ?")
            .bind(digits)
            .fetch_one(&self.pool)
            .await?;
        Ok(count)
    }

    async fn insert(&self, new: &NewRoom, number: &str, at: Duration) -> Result<(), sqlx::Error> {
        sqlx::query(
            "insert into room (id, tenant_id, number, title, language, guest_pin_epoch, moderator_pin_epoch, \
             guest_link_epoch, moderator_link_epoch, guest_link_hash, moderator_link_hash, demo, created_at, \
             updated_at, speakers, lobby, protection, entry_signal, quiet_above, wording, shows_digits, level, chat) \
             values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(new.id.to_string())
        .bind(new.tenant.to_string())
        .bind(number)
        .bind(new.title.expose())
        .bind(new.wording.language().tag())
        .bind(new.pin_epochs.guest)
        .bind(new.pin_epochs.moderator)
        .bind(new.link_epochs.guest)
        .bind(new.link_epochs.moderator)
        .bind(&new.link_hashes.guest.0)
        .bind(&new.link_hashes.moderator.0)
        .bind(new.demo)
        .bind(millis(at))
        .bind(millis(at))
        .bind(new.speakers.map(Speakers::get))
        .bind(new.lobby.word())
        .bind(new.protection.word())
        .bind(new.entrances.signal.word())
        .bind(new.entrances.quiet_above)
        .bind(unusual(new.wording))
        .bind(new.shows_digits)
        .bind(new.level.word())
        .bind(new.chat.word())
        .execute(&self.pool)
        .await
        .map(|_| ())
    }
}

impl NewRoom {
    fn stored_as(&self, number: String, at: Duration) -> Room {
        Room {
            id: self.id,
            tenant: self.tenant,
            number,
            title: self.title.clone(),
            wording: self.wording,
            speakers: self.speakers,
            lobby: self.lobby,
            level: self.level,
            protection: self.protection,
            entrances: self.entrances,
            chat: self.chat,
            shows_digits: self.shows_digits,
            pin_epochs: self.pin_epochs,
            link_epochs: self.link_epochs,
            demo: self.demo,
            created_at: Duration::from_millis(u64::try_from(millis(at)).unwrap_or_default()),
        }
    }
}

/// Returns what stands in the column of that name: nothing where a wording is the usual one of its language.
fn unusual(wording: Wording) -> Option<&'static str> {
    let usual = Wording::from(wording.language());
    (wording != usual).then_some(wording.tag())
}

fn read(row: &SqliteRow) -> Result<Room, sqlx::Error> {
    let language: String = row.try_get("language")?;
    let wording: Option<String> = row.try_get("wording")?;
    let created_at: i64 = row.try_get("created_at")?;
    let speakers: Option<u8> = row.try_get("speakers")?;
    let lobby: String = row.try_get("lobby")?;
    let level: String = row.try_get("level")?;
    let signal: String = row.try_get("entry_signal")?;
    let protection: String = row.try_get("protection")?;
    let chat: String = row.try_get("chat")?;
    Ok(Room {
        id: identity(row, "id")?,
        tenant: identity(row, "tenant_id")?,
        number: row.try_get("number")?,
        title: Title::new(row.try_get("title")?),
        wording: Wording::from_tag(wording.as_ref().unwrap_or(&language)).unwrap_or_default(),
        // The table holds nothing else than what a room can have.
        speakers: speakers.and_then(|most| Speakers::try_from(most).ok()),
        lobby: Lobby::from_word(&lobby).unwrap_or_default(),
        level: Level::from_word(&level).unwrap_or_default(),
        protection: Protection::from_word(&protection).unwrap_or_default(),
        entrances: Entrances {
            signal: EntrySignal::from_word(&signal).unwrap_or_default(),
            quiet_above: row.try_get("quiet_above")?,
        },
        chat: ChatRule::from_word(&chat).unwrap_or_default(),
        shows_digits: row.try_get("shows_digits")?,
        pin_epochs: ByRole {
            guest: row.try_get("guest_pin_epoch")?,
            moderator: row.try_get("moderator_pin_epoch")?,
        },
        link_epochs: ByRole {
            guest: row.try_get("guest_link_epoch")?,
            moderator: row.try_get("moderator_link_epoch")?,
        },
        demo: row.try_get("demo")?,
        created_at: Duration::from_millis(u64::try_from(created_at).unwrap_or_default()),
    })
}

pub(super) fn identity<T>(row: &SqliteRow, column: &'static str) -> Result<T, sqlx::Error>
where
    T: std::str::FromStr<Err = std::num::ParseIntError>,
{
    let text: String = row.try_get(column)?;
    text.parse().map_err(|error| sqlx::Error::ColumnDecode {
        index: column.to_owned(),
        source: Box::new(error),
    })
}

/// Tells whether the number was taken. SQLite names columns where other databases name the constraint.
fn is_taken(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .is_some_and(|error| error.is_unique_violation() && error.message().contains("room.number"))
}

pub(super) fn millis(since_epoch: Duration) -> i64 {
    i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX)
}

/// Two look-ups in indices, whatever the number of rooms: strangers may ask for it.
const ROOM_BY_LINK: &str = "select *, moderator_link_hash = ?1 as moderates from room \
     where guest_link_hash = ?1 or moderator_link_hash = ?1";

#[cfg(test)]
pub(super) mod tests;
