//! The connection that commits to SQLite, and who may write.
//!
//! The committer's statements run here one after the other on a thread of their own: through a pool, each would be two
//! changes of thread, which takes longer than the statement. SQLite lets one connection write at a time and makes the others
//! ask again and again; within this process they stand in line instead.

use std::{
    future::poll_fn,
    path::Path,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    task::Poll,
    time::Duration,
};

use rusqlite::{
    Connection, OpenFlags, TransactionBehavior,
    types::{ToSqlOutput, Value, ValueRef},
};
use tokio::{
    runtime::Handle,
    sync::{Mutex as Queue, OwnedMutexGuard},
};

use super::{Arg, CommitError, Rows, Writes};

/// More than the statements of a commit: each is prepared once.
const PREPARED: usize = 32;
/// Pages kept in memory, so that a commit reads none back from the file.
const CACHE_KIB: i64 = 16 * 1024;
/// How often the write-ahead log is copied into the file.
const COPY_EVERY: Duration = Duration::from_secs(1);
/// Pages of the write-ahead log at which a commit copies it itself, should that ever be needed: a quarter of a gigabyte.
pub(super) const MAX_LOG_PAGES: i64 = 65_536;

/// What a log that was copied keeps of the disk: what a busy second writes.
const LOG_BYTES_KEPT: i64 = 128 * 1024 * 1024;

/// The pen.
#[derive(Clone)]
pub(super) struct Pen(Arc<Inner>);

struct Inner {
    /// Absent once closed.
    writer: Mutex<Option<Connection>>,
    copier: Mutex<Option<Connection>>,
    /// Something was written since the log was last copied.
    wrote: AtomicBool,
    turn: Arc<Queue<()>>,
}

impl Pen {
    /// Opens connections as durable as those of the pools.
    pub(super) fn open(path: &Path, patience: Duration) -> rusqlite::Result<Self> {
        let (writer, copier) = (connect(path, patience)?, connect(path, patience)?);
        writer.pragma_update(None, "cache_size", -CACHE_KIB)?;
        writer.set_prepared_statement_cache_capacity(PREPARED);
        let inner = Inner {
            writer: Mutex::new(Some(writer)),
            copier: Mutex::new(Some(copier)),
            wrote: AtomicBool::new(true),
            turn: Arc::default(),
        };
        let pen = Self(Arc::new(inner));
        tokio::spawn(copy_the_log(Arc::downgrade(&pen.0)));
        Ok(pen)
    }

    /// Waits until nobody else in this process writes.
    pub(super) async fn turn(&self) -> OwnedMutexGuard<()> {
        let turn = self.0.turn.clone().lock_owned().await;
        self.0.wrote.store(true, Ordering::Relaxed);
        turn
    }

    /// See [`Db::commit`](super::Db::commit).
    pub(super) async fn commit(&self, all: Vec<Writes>, before_commit: impl FnOnce() + Send + 'static) -> Result<bool, CommitError> {
        let inner = self.0.clone();
        // asked once here, so that commits stand in line as they came; waited for there, so that one follows on the other
        // without a change of thread between
        let mut turn = Box::pin(inner.turn.clone().lock_owned());
        let asked = poll_fn(|context| Poll::Ready(turn.as_mut().poll(context))).await;
        let runtime = Handle::current();
        let work = move || {
            let _turn = match asked {
                Poll::Ready(turn) => turn,
                Poll::Pending => runtime.block_on(turn),
            };
            inner.wrote.store(true, Ordering::Relaxed);
            let mut writer = inner.writer.lock().unwrap_or_else(PoisonError::into_inner);
            let writer = writer.as_mut().ok_or(CommitError::Undone(sqlx::Error::PoolClosed))?;
            commit(writer, &all, before_commit)
        };
        tokio::task::spawn_blocking(work).await.map_err(|_| CommitError::Unclear(sqlx::Error::WorkerCrashed))?
    }

    /// Closes the connections.
    pub(super) fn close(&self) {
        for connection in [&self.0.writer, &self.0.copier] {
            drop(connection.lock().unwrap_or_else(PoisonError::into_inner).take());
        }
    }
}

fn connect(path: &Path, patience: Duration) -> rusqlite::Result<Connection> {
    // each use holds the lock around the connection
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(patience)?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "wal_autocheckpoint", MAX_LOG_PAGES)?;
    connection.pragma_update(None, "journal_size_limit", LOG_BYTES_KEPT)?;
    Ok(connection)
}

/// Copies the write-ahead log into the file beside the commits, as long as the pen is there. A commit that did it would make
/// everyone behind it wait. The first copy leaves only what was written meanwhile; with nobody writing, the second
/// leaves nothing, and the log begins again.
async fn copy_the_log(pen: Weak<Inner>) {
    loop {
        tokio::time::sleep(COPY_EVERY).await;
        let Some(inner) = pen.upgrade() else { return };
        if !inner.wrote.swap(false, Ordering::Relaxed) {
            continue;
        }
        let copied = copy(inner.clone()).await;
        let turn = inner.turn.clone().lock_owned().await;
        let copied = copied.and(copy(inner).await);
        drop(turn);
        if let Err(error) = copied {
            tracing::warn!(%error, "the write-ahead log could not be copied; a commit will do it");
        }
    }
}

async fn copy(inner: Arc<Inner>) -> sqlx::Result<()> {
    let work = move || match inner.copier.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
        Some(copier) => copier.query_row("pragma wal_checkpoint(passive)", [], |_| Ok(())).map_err(as_sqlx),
        None => Ok(()),
    };
    tokio::task::spawn_blocking(work).await.map_err(|_| sqlx::Error::WorkerCrashed)?
}

fn commit(connection: &mut Connection, all: &[Writes], before_commit: impl FnOnce()) -> Result<bool, CommitError> {
    let undone = |error| CommitError::Undone(as_sqlx(error));
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(undone)?;
    for writes in all {
        let (turn, seq, lead_id, account, after, epoch) = writes.head();
        let head = (turn.as_bytes(), seq, lead_id, account, after.as_bytes(), epoch);
        if tx.prepare_cached(Writes::HEAD).and_then(|mut statement| statement.execute(head)).map_err(undone)? == 0 {
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
    debug_assert_eq!(statement.parameter_count(), rows.width(), "{}", rows.lite_text());
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
