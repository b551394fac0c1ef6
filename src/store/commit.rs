//! What a commit writes to an account, and the two ways it reaches the book: within a transaction, or as one statement.
//!
//! A commit says which turn of the account it follows on. When somebody else has taken one since, nothing is written:
//! what was worked out from an older state of the account must not be stored.

use uuid::Uuid;

use super::{Db, Result, Rows, Sides, Tx};
use crate::q;

/// Everything that one commit writes to one account.
pub struct Writes {
    /// The account.
    pub account: i64,
    /// The journal's incarnation that this follows on.
    pub epoch: String,
    /// The name of the account's last turn as far as the writer knows.
    pub after: Uuid,
    /// The name of this turn. Nobody makes it twice, so that a turn which follows on it can follow on nothing else.
    pub turn: Uuid,
    /// The journal's last entry after this.
    pub seq: i64,
    /// The last id that was given to a lead, after this.
    pub lead_id: i64,
    /// Rows, table by table.
    pub rows: Vec<Rows>,
}

impl Writes {
    /// Takes the next turn, if the last one is still that of `head`. SQLite counts arguments as they appear.
    pub(super) const HEAD: &str =
        "update journal_head set turn = $1, seq = $2, lead_id = $3 where account_id = $4 and turn = $5 and epoch = $6";

    /// The arguments of [`HEAD`](Self::HEAD).
    pub(super) fn head(&self) -> (Uuid, i64, i64, i64, Uuid, &str) {
        (self.turn, self.seq, self.lead_id, self.account, self.after, &self.epoch)
    }
}

/// Why a commit did not happen, or not surely.
#[derive(Debug)]
pub enum CommitError {
    /// Surely nothing happened.
    Undone(sqlx::Error),
    /// It may have been committed.
    Unclear(sqlx::Error),
}

impl Tx {
    /// Writes to an account, if nobody else has since the turn it follows on; `false` when somebody has.
    ///
    /// # Errors
    /// What the database says.
    pub async fn write(&mut self, writes: Writes) -> Result<bool> {
        let (turn, seq, lead_id, account, after, epoch) = writes.head();
        if self.run(q!(Writes::HEAD, turn, seq, lead_id, account, after, epoch)).await? == 0 {
            return Ok(false);
        }
        for rows in writes.rows {
            self.bulk(rows).await?;
        }
        Ok(true)
    }
}

impl Db {
    /// Commits what was written to these accounts, all of it or nothing; `false` when somebody else has written to one of
    /// them since. The accounts come in order, so that two writers never wait for each other. `before_commit` is called when
    /// nothing but the commit is left to do. Only spawned tasks may call this, see [`Tx`].
    ///
    /// Commits of one account are taken in the order in which they were first polled: one may be sent while the one that it
    /// follows on is still running.
    ///
    /// # Errors
    /// See [`CommitError`].
    pub async fn commit(&self, mut all: Vec<Writes>, before_commit: impl FnOnce() + Send + 'static) -> Result<bool, CommitError> {
        let pg = match &self.0 {
            Sides::Lite(lite) => return lite.pen.commit(all, before_commit).await,
            Sides::Pg(pg) => pg,
        };
        if all.len() == 1
            && let Some(writes) = all.pop()
        {
            return pg.pipe(writes.account).commit(writes, before_commit).await;
        }
        let mut tx = self.begin().await.map_err(CommitError::Undone)?;
        for writes in all {
            if !tx.write(writes).await.map_err(CommitError::Undone)? {
                tx.rollback().await.map_err(CommitError::Undone)?;
                return Ok(false);
            }
        }
        before_commit();
        tx.commit().await.map_err(CommitError::Unclear)?;
        Ok(true)
    }
}
