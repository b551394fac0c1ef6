//! Opening the book: which database, how durable, how many connections.

use std::{str::FromStr, sync::Arc, time::Duration};

use sqlx::{
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use super::{
    Db, Lite, Pg, Pools, Sides,
    pen::{MAX_LOG_PAGES, Pen, as_sqlx},
    pipe::Pipe,
};
use crate::q;

/// A lock or a connection that is not to be had within this time fails the statement.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// Connections are renewed at this age, so that memory held by one does not grow for ever.
const MAX_LIFETIME: Duration = Duration::from_secs(3600);
/// Connections for writes outside the committer, and for its batches that are done anew (Postgres).
const SINGLE_WRITERS: u32 = 4;
/// Connections for the committer's look-ups (SQLite, where one task commits).
const COMMITTER_READERS: u32 = 2;

/// The committer's statements are few, keyed, and run thousands of times a second. Planning each anew took longer than running
/// it; and a plan that was kept must not be one that was best while the table was empty.
const PG_WRITER: [(&str, &str); 5] = [
    ("plan_cache_mode", "force_generic_plan"),
    ("enable_seqscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
    ("jit", "off"),
];

/// How to open the book.
#[derive(Clone, Debug)]
pub struct OpenOptions {
    /// `sqlite:PATH` or `postgres://…`.
    pub url: String,
    /// Connections that commits are sent through: one per committing task (Postgres).
    pub pipes: usize,
    /// Connections for what the committer looks up (Postgres).
    pub writers: u32,
    /// Connections for the API's reads.
    pub readers: u32,
    /// Connections for softphones that catch up.
    pub replayers: u32,
}

/// Why the book could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Neither kind of address.
    #[error(
        "store.url begins with {0:?}, which is not understood: expected sqlite:PATH (such as sqlite:data/cti.db) or postgres://USER:PASSWORD@HOST/DATABASE"
    )]
    Url(String),
    /// The database refused.
    #[error("the store cannot be opened: {0}")]
    Database(#[from] sqlx::Error),
    /// The tables could not be brought up to date.
    #[error("the store's tables cannot be brought up to date: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// The folder of the SQLite file cannot be made.
    #[error("the folder {0:?} of the SQLite file cannot be made: {1}")]
    Folder(std::path::PathBuf, std::io::Error),
}

/// Whether an acknowledged commit survives a power cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Durability {
    /// It does.
    Durable,
    /// It does not, and why.
    Volatile(String),
}

impl Db {
    /// Connects and brings the tables up to date.
    ///
    /// # Errors
    /// When the address is not understood, the database refuses, or a migration fails.
    pub async fn open(options: &OpenOptions) -> Result<Self, OpenError> {
        let db = if options.url.starts_with("postgres://") || options.url.starts_with("postgresql://") {
            open_postgres(options).await?
        } else if options.url.starts_with("sqlite:") {
            open_sqlite(options).await?
        } else {
            // the address may hold a password: name its beginning only
            return Err(OpenError::Url(options.url.split(':').next().unwrap_or_default().to_owned()));
        };
        match &db.0 {
            Sides::Pg(pg) => sqlx::migrate!("migrations/postgres").run(&pg.pools.writer).await?,
            Sides::Lite(lite) => sqlx::migrate!("migrations/sqlite").run(&lite.pools.writer).await?,
        }
        Ok(db)
    }

    /// Asks the database whether its commits are durable.
    ///
    /// # Errors
    /// What the database says.
    pub async fn durability(&self) -> super::Result<Durability> {
        match &self.0 {
            Sides::Pg(_) => {
                for setting in ["fsync", "full_page_writes", "synchronous_commit"] {
                    let (value,): (String,) = self.write().one(q!("select current_setting($1)", setting)).await?;
                    if value == "off" {
                        return Ok(Durability::Volatile(format!("Postgres runs with {setting}=off")));
                    }
                }
                Ok(Durability::Durable)
            }
            Sides::Lite(_) => {
                let (level,): (i64,) = self.write().one(q!("select synchronous from pragma_synchronous")).await?;
                Ok(if level >= 2 { Durability::Durable } else { Durability::Volatile(format!("SQLite runs with synchronous={level}")) })
            }
        }
    }
}

async fn open_postgres(options: &OpenOptions) -> Result<Db, OpenError> {
    let connect = PgConnectOptions::from_str(&options.url)?.application_name("cti-gateway");
    let pool = |size: u32| PgPoolOptions::new().max_connections(size.max(1)).acquire_timeout(ACQUIRE_TIMEOUT).max_lifetime(MAX_LIFETIME);
    let keyed = connect.clone().options(PG_WRITER);
    let pools = Pools {
        // asking first whether a connection still lives is a round trip more; a look-up that finds it dead is done anew
        committer: pool(options.writers.max(2)).test_before_acquire(false).connect_lazy_with(keyed.clone()),
        writer: pool(SINGLE_WRITERS).connect_lazy_with(keyed.clone()),
        reader: pool(options.readers).connect_lazy_with(connect.clone()),
        replay: pool(options.replayers).connect_lazy_with(connect),
    };
    pools.writer.acquire().await?;
    let pipes: Arc<[Pipe]> = (0..options.pipes.max(1)).map(|_| Pipe::new(&keyed)).collect::<Result<_, _>>()?;
    pipes[0].connect().await?; // what is wrong with the address is said at the start
    Ok(Db(Sides::Pg(Pg { pools, pipes })))
}

async fn open_sqlite(options: &OpenOptions) -> Result<Db, OpenError> {
    let connect = SqliteConnectOptions::from_str(&options.url)?
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .pragma("wal_autocheckpoint", MAX_LOG_PAGES.to_string())
        .busy_timeout(ACQUIRE_TIMEOUT);
    if let Some(folder) = connect.get_filename().parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(|error| OpenError::Folder(folder.to_owned(), error))?;
    }
    let pool = |size: u32| {
        SqlitePoolOptions::new().max_connections(size.max(1)).acquire_timeout(ACQUIRE_TIMEOUT).connect_lazy_with(connect.clone())
    };
    let pools =
        Pools { committer: pool(COMMITTER_READERS), writer: pool(1), reader: pool(options.readers), replay: pool(options.replayers) };
    pools.writer.acquire().await?;
    let pen = Pen::open(connect.get_filename(), ACQUIRE_TIMEOUT).map_err(as_sqlx)?;
    Ok(Db(Sides::Lite(Lite { pools, pen })))
}
