//! What a commit writes to an account, and the two ways it reaches the book: within a transaction, or as one statement.
//!
//! A commit says which turn of the account it follows on. When somebody else has taken one since, nothing is written:
//! what was worked out from an older state of the account must not be stored.

use sqlx::{Arguments, postgres::PgArguments};

use super::{Db, Result, Rows, Sides, Tx, bulk::kept_text};
use crate::q;

/// Everything that one commit writes to one account.
pub struct Writes {
    /// The account.
    pub account: i64,
    /// The journal's incarnation that this follows on.
    pub epoch: String,
    /// The account's last turn as far as the writer knows; this is the next.
    pub turn: i64,
    /// The journal's last entry after this.
    pub seq: i64,
    /// Rows, table by table.
    pub rows: Vec<Rows>,
}

impl Writes {
    /// Takes the next turn, if the last one is still that of `head`. SQLite counts arguments as they appear.
    pub(super) const HEAD: &str = "update journal_head set turn = turn + 1, seq = $1 where account_id = $2 and turn = $3 and epoch = $4";

    /// The arguments of [`HEAD`](Self::HEAD).
    pub(super) fn head(&self) -> (i64, i64, i64, &str) {
        (self.seq, self.account, self.turn, &self.epoch)
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
        let (seq, account, turn, epoch) = writes.head();
        if self.run(q!(Writes::HEAD, seq, account, turn, epoch)).await? == 0 {
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
    /// # Errors
    /// See [`CommitError`].
    pub async fn commit(&self, mut all: Vec<Writes>, before_commit: impl FnOnce() + Send + 'static) -> Result<bool, CommitError> {
        let pools = match &self.0 {
            Sides::Lite(lite) => return lite.pen.commit(all, before_commit).await,
            Sides::Pg(pools) => pools,
        };
        if all.len() == 1
            && let Some(writes) = all.pop()
        {
            let mut conn = pools.committer.acquire().await.map_err(CommitError::Undone)?;
            let (text, args) = one_statement(writes).map_err(CommitError::Undone)?;
            before_commit();
            // all rows: the answer to the statement is there before its commit is
            let rows: Vec<(i64,)> = sqlx::query_as_with(text, args).fetch_all(&mut *conn).await.map_err(CommitError::Unclear)?;
            return Ok(rows == [(1,)]);
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

/// The whole commit as one Postgres statement, which is a transaction of its own: a tenth of the round trips.
fn one_statement(writes: Writes) -> Result<(&'static str, PgArguments)> {
    let (seq, account, turn, epoch) = writes.head();
    let mut args = PgArguments::default();
    for added in [args.add(seq), args.add(account), args.add(turn), args.add(epoch)] {
        added.map_err(sqlx::Error::Encode)?;
    }
    let rows: Vec<Rows> = writes.rows.into_iter().filter(|rows| !rows.is_empty()).collect();
    let key: Vec<usize> = std::iter::once(0).chain(rows.iter().map(Rows::key)).collect();
    let text = kept_text(&key, || {
        let mut first = 5;
        let mut text = format!("with head as ({} returning turn)", Writes::HEAD);
        for (index, rows) in rows.iter().enumerate() {
            text += &format!(",\nrows_{index} as ({})", rows.pg_text(first, "exists (select 1 from head)"));
            first += rows.width();
        }
        text + "\nselect count(*) from head"
    });
    for rows in rows {
        rows.add_to(&mut args)?;
    }
    Ok((text, args))
}
