//! The book: one SQL text for SQLite and Postgres. That there are two is known here and in `arg`, `bulk`, `commit`, `open`, `pen`.
//!
//! A statement is data: a text and typed arguments ([`q!`](crate::q)), run on a pool ([`Db`]) or in a transaction ([`Tx`]).
//! Laws of the one text: identifiers and times are bound, never made by the database; `bigint` only; enums are words;
//! no `now()`, arrays, `::casts` (but in `bulk`) or `for update`; a row is locked by an update that changes nothing.

pub mod accounts;
pub mod calls;
pub mod credentials;
pub mod dial_lists;
pub mod dnc;
pub mod filter_text;
pub mod gateways;
pub mod holds;
pub mod journal;
pub mod leads;
pub mod messages;
pub mod pace;
pub mod parties;
pub mod people;
pub mod presence;
pub mod progress;
pub mod queue;
pub mod receipts;
pub mod records;
pub mod requeue;
pub mod setup;

mod arg;
mod bulk;
mod commit;
mod open;
mod pen;
mod pipe;
mod tls;

use std::sync::Arc;

use sqlx::{
    AssertSqlSafe, FromRow, PgPool, Postgres, SqlSafeStr, SqlStr, Sqlite, SqlitePool, Transaction, postgres::PgRow, sqlite::SqliteRow,
};

use tokio::sync::OwnedMutexGuard;

pub use self::{
    arg::Arg,
    bulk::{Bulk, Column, Rows, Verb},
    commit::{CommitError, Writes},
    open::{Durability, OpenError, OpenOptions},
};

/// What a statement of the book may answer.
pub type Result<T, E = sqlx::Error> = std::result::Result<T, E>;

/// Most values in one statement's list: a full batch of the committer, and few enough for SQLite to look up quickly.
pub const MAX_LIST: usize = 512;

/// A statement with its arguments.
pub struct Q {
    sql: SqlStr,
    args: Vec<Arg>,
}

impl Q {
    /// A statement; use [`q!`](crate::q).
    pub fn new(sql: impl SqlSafeStr, args: Vec<Arg>) -> Self {
        Self { sql: sql.into_sql_str(), args }
    }

    /// Statements that end in a list: `head` with `$1` for the account, a placeholder per value, `tail`. One statement takes
    /// [`MAX_LIST`] values, as databases limit arguments; no values make no statement. A list is padded with its last value
    /// to a power of two, so that few distinct texts are prepared.
    pub fn with_lists(head: &'static str, account: i64, values: Vec<Arg>, tail: &'static str) -> Vec<Self> {
        let statement = |part: &[Arg]| {
            let listed = part.len().next_power_of_two();
            let padding = part.last().into_iter().cycle().take(listed - part.len());
            let args = std::iter::once(Arg::from(account)).chain(part.iter().chain(padding).cloned()).collect();
            let holes: Vec<String> = (2..listed + 2).map(|n| format!("${n}")).collect();
            Self { sql: AssertSqlSafe(format!("{head}{}{tail}", holes.join(","))).into_sql_str(), args }
        };
        values.chunks(MAX_LIST).map(statement).collect()
    }
}

/// A statement with its arguments, as in `q!("select … where id = $1", id)`.
#[macro_export]
macro_rules! q {
    ($sql:expr $(, $arg:expr)* $(,)?) => { $crate::store::Q::new($sql, vec![$($crate::store::Arg::from($arg)),*]) };
}

/// A type that can be read from a row of either database.
pub trait Row: for<'r> FromRow<'r, PgRow> + for<'r> FromRow<'r, SqliteRow> + Send + Unpin + 'static {}
impl<T> Row for T where T: for<'r> FromRow<'r, PgRow> + for<'r> FromRow<'r, SqliteRow> + Send + Unpin + 'static {}

/// The book of one server. Committing, reading and catching up have pools of their own, so that none starves another.
#[derive(Clone)]
pub struct Db(Sides<Pg, Lite>);

/// Where a look-up reads: on a pool, or within the transaction that holds the account's turn.
pub enum Reads<'a> {
    /// A pool.
    On(On<'a>),
    /// A transaction.
    Tx(&'a mut Tx),
}

/// A transaction. Only spawned tasks may own one: a cancelled `begin` leaves a pooled connection inside an open
/// transaction (sqlx issue 4385), and web handlers are cancelled whenever a client goes away.
pub struct Tx(Sides<Transaction<'static, Postgres>, LiteTx>);

/// Drops the transaction before the turn.
struct LiteTx {
    tx: Transaction<'static, Sqlite>,
    _turn: OwnedMutexGuard<()>,
}

#[derive(Clone)]
enum Sides<P, L> {
    Pg(P),
    Lite(L),
}

struct Pools<D: sqlx::Database> {
    /// For what the committer looks up.
    committer: sqlx::Pool<D>,
    writer: sqlx::Pool<D>,
    reader: sqlx::Pool<D>,
    replay: sqlx::Pool<D>,
}

impl<D: sqlx::Database> Clone for Pools<D> {
    fn clone(&self) -> Self {
        Self { committer: self.committer.clone(), writer: self.writer.clone(), reader: self.reader.clone(), replay: self.replay.clone() }
    }
}

/// Postgres: pools, and the pipes that commits go through, one per committing task.
#[derive(Clone)]
struct Pg {
    pools: Pools<Postgres>,
    pipes: Arc<[pipe::Pipe]>,
}

impl Pg {
    /// The pipe of an account.
    fn pipe(&self, account: i64) -> &pipe::Pipe {
        &self.pipes[usize::try_from(account.unsigned_abs()).unwrap_or_default() % self.pipes.len()]
    }
}

/// SQLite: pools to read with and for single writes, and the pen.
#[derive(Clone)]
struct Lite {
    pools: Pools<Sqlite>,
    pen: pen::Pen,
}

/// A pool to run statements on, chosen by what the statement is for.
#[derive(Clone, Copy)]
pub struct On<'a>(&'a Db, Lane);

#[derive(Clone, Copy)]
enum Lane {
    Committer,
    Writer,
    Reader,
    Replay,
}

/// Runs one statement on whichever side `$self` splits into.
macro_rules! on_side {
    ($sides:expr, $q:ident, |$conn:ident, $sql:ident, $args:ident| $body:expr) => {
        match $sides {
            Sides::Pg($conn) => {
                let ($sql, $args) = ($q.sql, arg::postgres($q.args)?);
                $body
            }
            Sides::Lite($conn) => {
                let ($sql, $args) = ($q.sql, arg::sqlite($q.args)?);
                $body
            }
        }
    };
}

macro_rules! executor {
    ($type:ty, ($($this:tt)*)) => {
        impl $type {
            /// All rows.
            ///
            /// # Errors
            /// What the database says.
            pub async fn all<T: Row>($($this)* self, q: Q) -> Result<Vec<T>> {
                let _turn = self.turn().await;
                on_side!(self.sides(), q, |conn, sql, args| sqlx::query_as_with(sql, args).fetch_all(conn).await)
            }

            /// The row, if there is one.
            ///
            /// # Errors
            /// What the database says.
            pub async fn opt<T: Row>($($this)* self, q: Q) -> Result<Option<T>> {
                let _turn = self.turn().await;
                on_side!(self.sides(), q, |conn, sql, args| sqlx::query_as_with(sql, args).fetch_optional(conn).await)
            }

            /// The one row.
            ///
            /// # Errors
            /// What the database says; a missing row is an error.
            pub async fn one<T: Row>($($this)* self, q: Q) -> Result<T> {
                let _turn = self.turn().await;
                on_side!(self.sides(), q, |conn, sql, args| sqlx::query_as_with(sql, args).fetch_one(conn).await)
            }

            /// Runs a statement; answers how many rows it touched.
            ///
            /// # Errors
            /// What the database says.
            pub async fn run($($this)* self, q: Q) -> Result<u64> {
                let _turn = self.turn().await;
                on_side!(self.sides(), q, |conn, sql, args| sqlx::query_with(sql, args).execute(conn).await.map(|done| done.rows_affected()))
            }
        }
    };
}

executor!(On<'_>, (&));
executor!(Tx, (&mut));

impl On<'_> {
    fn sides(&self) -> Sides<&PgPool, &SqlitePool> {
        fn lane<D: sqlx::Database>(pools: &Pools<D>, lane: Lane) -> &sqlx::Pool<D> {
            match lane {
                Lane::Committer => &pools.committer,
                Lane::Writer => &pools.writer,
                Lane::Reader => &pools.reader,
                Lane::Replay => &pools.replay,
            }
        }
        match &self.0.0 {
            Sides::Pg(pg) => Sides::Pg(lane(&pg.pools, self.1)),
            Sides::Lite(lite) => Sides::Lite(lane(&lite.pools, self.1)),
        }
    }

    /// On SQLite one writes at a time.
    async fn turn(&self) -> Option<OwnedMutexGuard<()>> {
        match (&self.0.0, self.1) {
            (Sides::Lite(lite), Lane::Writer) => Some(lite.pen.turn().await),
            _ => None,
        }
    }
}

impl Reads<'_> {
    /// All rows.
    ///
    /// # Errors
    /// What the database says.
    pub async fn all<T: Row>(&mut self, q: Q) -> Result<Vec<T>> {
        match self {
            Self::On(on) => on.all(q).await,
            Self::Tx(tx) => tx.all(q).await,
        }
    }

    /// The row, if there is one.
    ///
    /// # Errors
    /// What the database says.
    pub async fn opt<T: Row>(&mut self, q: Q) -> Result<Option<T>> {
        match self {
            Self::On(on) => on.opt(q).await,
            Self::Tx(tx) => tx.opt(q).await,
        }
    }
}

impl Tx {
    fn sides(&mut self) -> Sides<&mut sqlx::PgConnection, &mut sqlx::SqliteConnection> {
        match &mut self.0 {
            Sides::Pg(tx) => Sides::Pg(&mut **tx),
            Sides::Lite(lite) => Sides::Lite(&mut *lite.tx),
        }
    }

    /// A transaction has its turn already.
    #[expect(clippy::unused_async, reason = "asked as a pool is asked")]
    async fn turn(&self) -> Option<OwnedMutexGuard<()>> {
        None
    }

    /// Makes everything since `begin` durable. An error leaves it unknown whether that happened.
    ///
    /// # Errors
    /// What the database says.
    pub async fn commit(self) -> Result<()> {
        match self.0 {
            Sides::Pg(tx) => tx.commit().await,
            Sides::Lite(lite) => lite.tx.commit().await,
        }
    }

    /// Takes everything since `begin` back.
    ///
    /// # Errors
    /// What the database says; the connection is then closed, which takes it back too.
    pub async fn rollback(self) -> Result<()> {
        match self.0 {
            Sides::Pg(tx) => tx.rollback().await,
            Sides::Lite(lite) => lite.tx.rollback().await,
        }
    }
}

impl Db {
    /// For single statements that write.
    pub fn write(&self) -> On<'_> {
        On(self, Lane::Writer)
    }

    /// For the API's reads.
    pub fn read(&self) -> On<'_> {
        On(self, Lane::Reader)
    }

    /// For what the committer reads before it writes: keyed look-ups, whose plans are kept.
    pub fn look_up(&self) -> On<'_> {
        On(self, Lane::Committer)
    }

    /// For softphones that catch up: a storm of them must not stop the API.
    pub fn replay(&self) -> On<'_> {
        On(self, Lane::Replay)
    }

    /// Begins a transaction. SQLite begins it as a writer, because one that reads first and writes later fails under load.
    ///
    /// # Errors
    /// What the database says, or that no connection came free in time.
    pub async fn begin(&self) -> Result<Tx> {
        Ok(Tx(match &self.0 {
            Sides::Pg(pg) => Sides::Pg(pg.pools.writer.begin().await?),
            Sides::Lite(lite) => {
                let turn = lite.pen.turn().await;
                Sides::Lite(LiteTx { tx: lite.pools.writer.begin_with("begin immediate").await?, _turn: turn })
            }
        }))
    }

    /// Whether one process alone may write (SQLite), so that a second committer would only wait.
    pub fn has_single_writer(&self) -> bool {
        matches!(self.0, Sides::Lite(_))
    }

    /// The name of the database, for people.
    pub fn name(&self) -> &'static str {
        match self.0 {
            Sides::Pg(_) => "postgres",
            Sides::Lite(_) => "sqlite",
        }
    }

    /// Closes every connection after its present work.
    pub async fn close(&self) {
        macro_rules! close {
            ($pools:expr) => {{
                $pools.committer.close().await;
                $pools.reader.close().await;
                $pools.replay.close().await;
                $pools.writer.close().await;
            }};
        }
        match &self.0 {
            Sides::Pg(pg) => {
                for pipe in &*pg.pipes {
                    pipe.close().await;
                }
                close!(pg.pools);
            }
            Sides::Lite(lite) => {
                lite.pen.close();
                close!(lite.pools);
            }
        }
    }
}

/// Whether repeating the work may succeed: the connection was lost, the server restarts, or a lock was not to be had.
/// Everything else is a fault of the statement or its data and would fail again.
pub fn is_passing(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::PoolTimedOut | sqlx::Error::WorkerCrashed | sqlx::Error::Protocol(_) => {
            true
        }
        sqlx::Error::Database(error) => error.code().is_some_and(|code| {
            // Postgres: connection trouble, rollback by the server, resources, operator's intervention, a standby, a time limit
            let passes = ["08", "40", "53", "57", "58", "25006", "25P03", "55P03"];
            // SQLite, whose codes have a detail in their upper bits: busy, locked, input or output, no space
            let lite = code.parse::<u32>().is_ok_and(|code| code < 10_000 && matches!(code & 0xff, 5 | 6 | 10 | 13));
            code.len() == 5 && passes.iter().any(|class| code.starts_with(class)) || lite
        }),
        _ => false,
    }
}
