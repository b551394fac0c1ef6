//! A fresh store for one run: an SQLite file on disk, or a Postgres server of its own that really syncs.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

use anyhow::{Context as _, Result, ensure};
use clap::ValueEnum;
use serde::Serialize;
use sqlx::Connection as _;

use crate::{
    machine,
    postgres::{Cluster, Durability},
};

/// The databases that the product runs on.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Engine {
    /// A file inside the server's process
    Sqlite,
    /// A server beside it
    Postgres,
}

/// A folder under `target/` that goes with its value: databases and logs of one run.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    /// A new folder.
    pub(crate) fn new() -> Result<Self> {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let name = format!("gateway-bench-{}-{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&path).with_context(|| format!("create {}", path.display()))?;
        Ok(Self(path))
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What stays behind lies under target/ and does no harm.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// One run's database.
pub(crate) enum Store {
    /// The file's folder.
    Sqlite(Scratch),
    /// The server.
    Postgres(Cluster),
}

/// The run's database inside the Postgres server: the one that is always there.
const DATABASE: &str = "postgres";

impl Store {
    /// Makes an empty one.
    pub(crate) fn fresh(engine: Engine) -> Result<Self> {
        match engine {
            Engine::Sqlite => {
                let folder = Scratch::new()?;
                ensure!(
                    !machine::is_in_memory(folder.path()),
                    "{} lies in memory: set CARGO_TARGET_DIR to a folder on disk",
                    folder.path().display()
                );
                Ok(Self::Sqlite(folder))
            }
            Engine::Postgres => {
                let temp = std::env::temp_dir();
                ensure!(!machine::is_in_memory(&temp), "{} lies in memory: set TMPDIR to a folder on disk", temp.display());
                let cluster = Cluster::start(Durability::Durable).context("start a Postgres server")?;
                Ok(Self::Postgres(cluster))
            }
        }
    }

    /// Which database it is.
    pub(crate) fn engine(&self) -> Engine {
        match self {
            Self::Sqlite(_) => Engine::Sqlite,
            Self::Postgres(_) => Engine::Postgres,
        }
    }

    /// The address, as the product's settings take it.
    pub(crate) fn url(&self) -> String {
        match self {
            Self::Sqlite(folder) => {
                format!("sqlite:{}", folder.path().join("bench.db").display())
            }
            Self::Postgres(cluster) => cluster.url(DATABASE),
        }
    }

    /// Writes entries of the usual size into the only account's journal.
    pub(crate) fn fill_journal(&self, entries: u64) -> Result<()> {
        let entries = i64::try_from(entries)?;
        let body = format!("{{\"v\":1,\"filler\":\"{}\"}}", "x".repeat(850));
        let head = "update journal_head set seq = (select max(seq) from journal)";
        match self {
            Self::Sqlite(folder) => {
                let book = rusqlite::Connection::open(folder.path().join("bench.db"))?;
                let fill = "with recursive n (i) as (select 1 union all select i + 1 from n where i < ?1)
                            insert into journal (account_id, seq, id, kind, audience, body, observed_at)
                            select h.account_id, h.seq + i, randomblob(16), 'call.state', 'agent1', ?2,
                                   strftime('%Y-%m-%dT%H:%M:%f+00:00') from n cross join journal_head h";
                book.execute(fill, (entries, &body))?;
                book.execute(head, ())?;
            }
            Self::Postgres(cluster) => {
                let fill = "insert into journal (account_id, seq, id, kind, audience, body, observed_at)
                            select h.account_id, h.seq + i, gen_random_uuid(), 'call.state', 'agent1', $2, now()
                            from generate_series(1, $1) i cross join journal_head h";
                tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
                    let mut book = sqlx::PgConnection::connect(&cluster.url(DATABASE)).await?;
                    sqlx::query(fill).bind(entries).bind(&body).execute(&mut book).await?;
                    sqlx::query(head).execute(&mut book).await?;
                    anyhow::Ok(())
                })?;
            }
        }
        Ok(())
    }

    /// CPU time that the database's own processes have used; SQLite has none.
    pub(crate) fn cpu_us(&self) -> u64 {
        match self {
            Self::Sqlite(_) => 0,
            Self::Postgres(cluster) => cluster.server_pids().into_iter().map(machine::cpu_us).sum(),
        }
    }
}
