//! Storage: rooms in SQLite, SQL by aggregate; one file per aggregate.
//!
//! Nothing here identifies a person but the names of those invited by name, which an operator may do without, and no
//! secret is stored: PINs and links are derived (`server::secrets`) from epochs that stand here and a key that does not. This module knows neither media nor HTTP.

use std::{path::Path, time::Duration};

use sqlx::{
    SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
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
    /// Opens the database, makes it if it is missing, and brings its tables up to date.
    ///
    /// # Errors
    ///
    /// Fails when the file cannot be opened or was written by a later version.
    pub async fn open(path: &Path) -> Result<Self, Error> {
        if let Some(folder) = path.parent() {
            file::private_folder(folder)?;
        }
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT);
        let pool = SqlitePoolOptions::new()
            .max_connections(limit::STORE_CONNECTIONS)
            .acquire_timeout(BUSY_TIMEOUT)
            .connect_with(options)
            .await?;
        sqlx::migrate!().run(&pool).await?;
        Ok(Self { pool })
    }

    /// Closes the database; what was written is in the file.
    pub async fn close(&self) {
        self.pool.close().await;
    }
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
    /// The folder of the database could not be made.
    #[error("the folder of the database could not be made")]
    Folder(#[from] std::io::Error),
}

/// How long a statement waits for another process that writes, such as `rundruf room add`.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
