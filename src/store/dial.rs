//! Calls that were made out of conferences: the table `dial`. Evidence against toll fraud, without a number, for seven days.

use std::time::Duration;

use sqlx::{Row, sqlite::SqliteRow};

use crate::{
    id::{DialId, RoomId, TenantId},
    limit::DIALS_KEPT,
};

use super::{
    Error, Store,
    room::{identity, millis},
};

/// A call that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dial {
    /// Identity.
    pub id: DialId,
    /// Whose installation it is.
    pub tenant: TenantId,
    /// The room whose moderator called; it may be no more.
    pub room: RoomId,
    /// The code of the country that was called.
    pub country: String,
    /// How many minutes, begun ones as whole ones; none where nobody answered.
    pub minutes: u32,
    /// When it was made, since 1970-01-01 00:00 UTC.
    pub began_at: Duration,
    /// When it ended, or was last known to go on.
    pub ended_at: Duration,
}

impl Store {
    /// Notes a call, or how it went on that was noted before; in whatever order that comes, what is latest stays.
    ///
    /// # Errors
    ///
    /// Fails when the database fails.
    pub async fn note_dial(&self, dial: &Dial) -> Result<(), Error> {
        sqlx::query(
            "insert into dial (id, tenant_id, room_id, country, minutes, began_at, ended_at) values (?, ?, ?, ?, ?, ?, ?) \
             on conflict (id) do update set minutes = max(minutes, excluded.minutes), \
             ended_at = max(ended_at, excluded.ended_at)",
        )
        .bind(dial.id.to_string())
        .bind(dial.tenant.to_string())
        .bind(dial.room.to_string())
        .bind(&dial.country)
        .bind(dial.minutes)
        .bind(millis(dial.began_at))
        .bind(millis(dial.ended_at))
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Lists the calls that ended since a time, the oldest first.
    ///
    /// # Errors
    ///
    /// Fails when the database fails.
    pub async fn dials_since(&self, since: Duration) -> Result<Vec<Dial>, Error> {
        let dials = sqlx::query("select * from dial where ended_at >= ? order by ended_at, id")
            .bind(millis(since))
            .try_map(|row| read(&row))
            .fetch_all(&self.pool)
            .await?;
        Ok(dials)
    }

    /// Erases what is noted, of one room or of all. Returns how many calls.
    ///
    /// # Errors
    ///
    /// Fails when the database fails.
    pub async fn erase_dials(&self, room: Option<RoomId>) -> Result<u64, Error> {
        let done = sqlx::query("delete from dial where room_id = coalesce(?, room_id)")
            .bind(room.map(|room| room.to_string()))
            .execute(&self.pool)
            .await?;
        self.erased(&done).await
    }

    /// Deletes what has been kept for [`DIALS_KEPT`], and what claims to be of a time that has not come: a clock that was
    /// wrong must not keep anything for longer. Returns how many.
    ///
    /// # Errors
    ///
    /// Fails when the database fails.
    pub async fn sweep_dials(&self, now: Duration) -> Result<u64, Error> {
        let done = sqlx::query("delete from dial where ended_at <= ? or ended_at > ?")
            .bind(millis(now.saturating_sub(DIALS_KEPT)))
            .bind(millis(now + CLOCKS_DIFFER_MAX))
            .execute(&self.pool)
            .await?;
        self.erased(&done).await
    }
}

fn read(row: &SqliteRow) -> Result<Dial, sqlx::Error> {
    let at = |millis: i64| Duration::from_millis(u64::try_from(millis).unwrap_or_default());
    let ended_at = at(row.try_get("ended_at")?);
    let minutes: u32 = row.try_get("minutes")?;
    let began_at: Option<i64> = row.try_get("began_at")?;
    Ok(Dial {
        id: identity(row, "id")?,
        tenant: identity(row, "tenant_id")?,
        room: identity(row, "room_id")?,
        country: row.try_get("country")?,
        minutes,
        began_at: began_at.map_or_else(
            || ended_at.saturating_sub(Duration::from_secs(60) * minutes),
            at,
        ),
        ended_at,
    })
}

/// By how much the clock may be set back without that what was noted before counts as of the future.
const CLOCKS_DIFFER_MAX: Duration = Duration::from_secs(24 * 60 * 60);

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Duration = Duration::from_millis(1_800_000_000_123);
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    fn dial(id: u64, ended_at: Duration) -> Dial {
        Dial {
            id: DialId::from_u64(id),
            tenant: TenantId::DEFAULT,
            room: RoomId::from_u64(7),
            country: "49".to_owned(),
            minutes: 3,
            began_at: ended_at - Duration::from_secs(150),
            ended_at,
        }
    }

    #[tokio::test]
    async fn calls_are_kept_for_seven_days_whatever_the_clock_does() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("db")).await.unwrap();
        for (id, ended_at) in [(1, AT), (2, AT + DAY), (3, AT + 2 * DAY)] {
            store.note_dial(&dial(id, ended_at)).await.unwrap();
        }
        let ids = async |since| {
            let dials = store.dials_since(since).await.unwrap();
            let ids = dials.iter().map(|dial| dial.id.as_u64());
            ids.collect::<Vec<_>>()
        };
        assert_eq!(ids(AT).await, [1, 2, 3]);
        assert_eq!(ids(AT + DAY).await, [2, 3]);
        assert_eq!(store.dials_since(AT).await.unwrap()[0], dial(1, AT));

        let week = 7 * DAY;
        assert_eq!(
            store
                .sweep_dials(AT + week - Duration::from_millis(1))
                .await
                .unwrap(),
            0
        );
        assert_eq!(store.sweep_dials(AT + week).await.unwrap(), 1);
        assert_eq!(store.sweep_dials(AT + week + DAY).await.unwrap(), 1);
        // The clock is set back: what is of the future by then goes at once, an hour's correction takes nothing.
        assert_eq!(store.sweep_dials(AT + 2 * DAY - DAY / 24).await.unwrap(), 0);
        assert_eq!(store.sweep_dials(AT).await.unwrap(), 1);
        assert_eq!(ids(Duration::ZERO).await, Vec::<u64>::new());
    }

    /// It is noted when it is made and while it goes on; what comes late takes nothing back.
    #[tokio::test]
    async fn a_call_is_noted_while_it_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("db")).await.unwrap();
        let made = Dial {
            minutes: 0,
            began_at: AT,
            ended_at: AT,
            ..dial(1, AT)
        };
        let going = |minutes: u32| Dial {
            minutes,
            ended_at: AT + Duration::from_secs(60) * minutes,
            ..made.clone()
        };
        for (noted, expected) in [(0, 0), (1, 1), (3, 3), (2, 3)] {
            store.note_dial(&going(noted)).await.unwrap();
            let found = store.dials_since(AT).await.unwrap();
            assert_eq!(found, [going(expected)]);
        }
        // One that was noted before it was noted when calls begin.
        sqlx::query("update dial set began_at = null")
            .execute(&store.pool)
            .await
            .unwrap();
        assert_eq!(store.dials_since(AT).await.unwrap(), [going(3)]);
    }

    #[tokio::test]
    async fn no_column_could_hold_a_number() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("db")).await.unwrap();
        let rows = sqlx::query("select name from pragma_table_info('dial')")
            .fetch_all(&store.pool)
            .await
            .unwrap();
        let columns: Vec<String> = rows.iter().map(|row| row.get("name")).collect();
        assert_eq!(
            columns,
            [
                "id",
                "tenant_id",
                "room_id",
                "country",
                "minutes",
                "ended_at",
                "began_at"
            ]
        );
    }
}
