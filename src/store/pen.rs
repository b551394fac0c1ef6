//! The connection that commits to SQLite, and who may write.
//!
//! The committer's statements run here one after the other on a thread of their own: through a pool, each would be two
//! changes of thread, which takes longer than the statement. SQLite lets one connection write at a time and makes the others
//! ask again and again; within this process they stand in line instead.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rusqlite::{
    Connection, OpenFlags, TransactionBehavior,
    types::{ToSqlOutput, Value, ValueRef},
};
use tokio::sync::OwnedMutexGuard;

use super::{Arg, CommitError, Rows, Writes};

/// More than the statements of a commit: each is prepared once.
const PREPARED: usize = 32;

/// The pen.
#[derive(Clone)]
pub(super) struct Pen {
    connection: Arc<Mutex<Connection>>,
    turn: Arc<tokio::sync::Mutex<()>>,
}

impl Pen {
    /// Opens a connection as durable as those of the pools.
    pub(super) fn open(path: &std::path::Path, checkpoint_pages: &str, patience: Duration) -> rusqlite::Result<Self> {
        // each use holds the lock around the connection
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(patience)?;
        connection.pragma_update(None, "synchronous", "full")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        connection.pragma_update(None, "wal_autocheckpoint", checkpoint_pages)?;
        connection.set_prepared_statement_cache_capacity(PREPARED);
        Ok(Self { connection: Arc::new(Mutex::new(connection)), turn: Arc::default() })
    }

    /// Waits until nobody else in this process writes.
    pub(super) async fn turn(&self) -> OwnedMutexGuard<()> {
        self.turn.clone().lock_owned().await
    }

    /// See [`Db::commit`](super::Db::commit).
    pub(super) async fn commit(&self, all: Vec<Writes>, before_commit: impl FnOnce() + Send + 'static) -> Result<bool, CommitError> {
        let turn = self.turn().await;
        let connection = self.connection.clone();
        let work = move || {
            let done = commit(&mut connection.lock().unwrap_or_else(PoisonError::into_inner), &all, before_commit);
            drop(turn);
            done
        };
        tokio::task::spawn_blocking(work).await.map_err(|_| CommitError::Unclear(sqlx::Error::WorkerCrashed))?
    }
}

fn commit(connection: &mut Connection, all: &[Writes], before_commit: impl FnOnce()) -> Result<bool, CommitError> {
    let undone = |error| CommitError::Undone(as_sqlx(error));
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(undone)?;
    for writes in all {
        if tx.prepare_cached(Writes::HEAD).and_then(|mut statement| statement.execute(writes.head())).map_err(undone)? == 0 {
            return Ok(false); // dropping the transaction takes it back
        }
        writes.rows.iter().try_for_each(|rows| write(&tx, rows)).map_err(undone)?;
    }
    before_commit();
    tx.commit().map_err(|error| CommitError::Unclear(as_sqlx(error)))?;
    Ok(true)
}

fn write(connection: &Connection, rows: &Rows) -> rusqlite::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let mut statement = connection.prepare_cached(rows.lite_text())?;
    for row in rows.each() {
        for (index, arg) in row.iter().enumerate() {
            statement.raw_bind_parameter(index + 1, bound(arg))?;
        }
        statement.raw_execute()?;
    }
    Ok(())
}

/// A value as sqlx binds it.
fn bound(arg: &Arg) -> ToSqlOutput<'_> {
    let borrowed = ToSqlOutput::Borrowed;
    match arg {
        Arg::Bool(Some(value)) => borrowed(ValueRef::Integer((*value).into())),
        Arg::Int(Some(value)) => borrowed(ValueRef::Integer(*value)),
        Arg::Text(Some(value)) => borrowed(ValueRef::Text(value.as_bytes())),
        Arg::Uuid(Some(value)) => borrowed(ValueRef::Blob(value.as_bytes())),
        Arg::Bytes(Some(value)) => borrowed(ValueRef::Blob(value)),
        Arg::Time(Some(value)) => ToSqlOutput::Owned(Value::Text(value.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, false))),
        Arg::Bool(None) | Arg::Int(None) | Arg::Text(None) | Arg::Uuid(None) | Arg::Bytes(None) | Arg::Time(None) => {
            borrowed(ValueRef::Null)
        }
    }
}

/// The book speaks of errors as sqlx does. A lock that was not to be had is one that may pass.
pub(super) fn as_sqlx(error: rusqlite::Error) -> sqlx::Error {
    match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked) => sqlx::Error::PoolTimedOut,
        _ => sqlx::Error::AnyDriverError(error.into()),
    }
}
