//! Storage: rooms in SQLite, SQL by aggregate; one file per aggregate.
//!
//! What is removed is overwritten, in the file and in the log beside it, since deleting alone leaves the words where they were.
//!
//! Nothing here identifies a person but the names of those invited by name, which an operator may do without, and no
//! secret is stored: PINs and links are derived (`server::secrets`) from epochs that stand here and a key that does not. This module knows neither media nor HTTP.

use std::{io, path::Path, time::Duration};

use sqlx::{
    SqlitePool,
    sqlite::{
        SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteQueryResult,
        SqliteSynchronous,
    },
};

use crate::limit;

pub use self::{
    dial::Dial,
    file::{SecretError, read_secret, write_private},
    person::{Inviting, Person, PersonName, Window, clean_person},
    room::{Booking, ByRole, LinkHash, NewRoom, Room, Title, clean_title},
};

mod dial;
mod file;
mod number;
mod person;
mod room;

/// The database; clones share it.
#[derive(Debug, Clone)]
pub struct Store {
    pool: SqlitePool,
}

impl Store {
    /// Opens the database, makes it if it is missing, for its owner alone, and brings its tables up to date.
    ///
    /// # Errors
    ///
    /// Fails when the file cannot be opened or kept from others, or was written by a later version.
    pub async fn open(path: &Path) -> Result<Self, Error> {
        if let Some(folder) = path.parent() {
            file::private_folder(folder)?;
        }
        file::create_private(path)?;
        keep_from_others(path).map_err(Error::Exposed)?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .foreign_keys(true)
            .pragma("secure_delete", "on")
            .pragma("temp_store", "memory")
            .busy_timeout(BUSY_TIMEOUT);
        let pool = SqlitePoolOptions::new()
            .max_connections(limit::STORE_CONNECTIONS)
            .acquire_timeout(BUSY_TIMEOUT)
            .connect_with(options)
            .await?;
        sqlx::migrate!().run(&pool).await?;
        let store = Self { pool };
        // Who had it open before may have had no time to.
        store.empty_log().await?;
        Ok(store)
    }

    /// Closes the database; what was written is in the file, and nothing in the log beside it.
    pub async fn close(&self) {
        // Where that fails, what was written is in the log, and the next who opens the database finds it there.
        let _ = self.empty_log().await;
        self.pool.close().await;
    }

    /// Carries what the log beside the database holds over into it, and empties it: of what was removed it has copies from
    /// when it was written. Where somebody reads from it for as long as a statement may wait, that is left to the next time.
    async fn empty_log(&self) -> Result<(), sqlx::Error> {
        let emptied = sqlx::query("pragma wal_checkpoint(truncate)");
        emptied.execute(&self.pool).await.map(|_| ())
    }

    /// Returns how many rows a removal has removed; what they said is nowhere any more.
    async fn erased(&self, done: &SqliteQueryResult) -> Result<u64, Error> {
        let rows = done.rows_affected();
        if rows > 0 {
            self.empty_log().await?;
        }
        Ok(rows)
    }
}

/// Takes the file of a database from others, where it is theirs to read, and what SQLite puts beside it. What it makes later gets
/// the mode of the file.
fn keep_from_others(path: &Path) -> io::Result<()> {
    for suffix in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        file::take_from_others(Path::new(&name))?;
    }
    Ok(())
}

/// Storing or finding failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Every number that was drawn is taken.
    #[error("no room number is free")]
    NoNumberLeft,
    /// The database failed.
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
    /// The tables could not be brought up to date.
    #[error("the database could not be brought up to date")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// The folder of the database, or its file, could not be made.
    #[error("the folder or the file of the database could not be made")]
    Folder(#[from] io::Error),
    /// The file may be read by others than its owner, and that cannot be changed.
    #[error("its file cannot be kept from others")]
    Exposed(#[source] io::Error),
}

/// How long a statement waits for another process that writes, such as `rundruf room add`.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests;
