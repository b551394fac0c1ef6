//! What an account has set up: records of a few kinds, each a JSON body under its name. They are few, and read whole.

use chrono::{DateTime, Utc};
use sqlx::FromRow;

use super::{On, Result, Tx};
use crate::{domain::setup::Kind, q};

/// A record as stored.
#[derive(Clone, Debug, FromRow)]
#[expect(missing_docs, reason = "columns are described in the migration")]
pub struct SetupRow {
    pub kind: String,
    pub name: String,
    pub body: String,
    pub version: i64,
    pub updated_at: DateTime<Utc>,
}

const ALL: &str = "select kind, name, body, version, updated_at from setup where account_id = $1 order by kind, key";

/// Everything an account has set up, by kind and name.
///
/// # Errors
/// What the database says.
pub async fn all(on: On<'_>, account: i64) -> Result<Vec<SetupRow>> {
    on.all(q!(ALL, account)).await
}

/// The same, read under the account's turn.
///
/// # Errors
/// What the database says.
pub async fn all_in(tx: &mut Tx, account: i64) -> Result<Vec<SetupRow>> {
    tx.all(q!(ALL, account)).await
}

/// The records of a kind, by name.
///
/// # Errors
/// What the database says.
pub async fn of_kind(on: On<'_>, account: i64, kind: Kind) -> Result<Vec<SetupRow>> {
    let sql = "select kind, name, body, version, updated_at from setup where account_id = $1 and kind = $2 order by key";
    on.all(q!(sql, account, kind.word())).await
}

/// The bodies of all records of a kind, of every account.
///
/// # Errors
/// What the database says.
pub async fn everywhere(on: On<'_>, kind: Kind) -> Result<Vec<String>> {
    let rows: Vec<(String,)> = on.all(q!("select body from setup where kind = $1", kind.word())).await?;
    Ok(rows.into_iter().map(|(body,)| body).collect())
}

/// The record of this name.
///
/// # Errors
/// What the database says.
pub async fn one(on: On<'_>, account: i64, kind: Kind, name: &str) -> Result<Option<SetupRow>> {
    let sql = "select kind, name, body, version, updated_at from setup where account_id = $1 and kind = $2 and key = $3";
    on.opt(q!(sql, account, kind.word(), key(name))).await
}

/// Adds a record or replaces it; answers its version.
///
/// # Errors
/// What the database says.
pub async fn put(tx: &mut Tx, account: i64, kind: Kind, name: &str, body: &str, at: DateTime<Utc>) -> Result<i64> {
    let sql = "insert into setup (account_id, kind, key, name, body, version, updated_at) values ($1, $2, $3, $4, $5, 1, $6)
               on conflict (account_id, kind, key) do update
               set name = excluded.name, body = excluded.body, version = setup.version + 1, updated_at = excluded.updated_at
               returning version";
    let (version,): (i64,) = tx.one(q!(sql, account, kind.word(), key(name), name, body, at)).await?;
    Ok(version)
}

/// Removes a record; `false` when there was none.
///
/// # Errors
/// What the database says.
pub async fn remove(tx: &mut Tx, account: i64, kind: Kind, name: &str) -> Result<bool> {
    let sql = "delete from setup where account_id = $1 and kind = $2 and key = $3";
    Ok(tx.run(q!(sql, account, kind.word(), key(name))).await? == 1)
}

/// Names are the same in any case.
fn key(name: &str) -> String {
    name.trim().to_lowercase()
}
