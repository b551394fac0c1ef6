//! Who drives which telephone system: one server at a time, as long as it says so again and again.

use chrono::{DateTime, Utc};
use sqlx::FromRow;
use uuid::Uuid;

use super::{On, Result};
use crate::{domain::setup::Kind, q};

/// A hold as stored.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
#[expect(missing_docs, reason = "columns are described in the migration")]
pub struct HoldRow {
    pub holder: Uuid,
    pub until: DateTime<Utc>,
    pub state: Option<String>,
    pub since: DateTime<Utc>,
    pub message: Option<String>,
}

/// Takes a system that nobody holds, or not any more; `false` when somebody else does.
///
/// # Errors
/// What the database says.
pub async fn take(on: On<'_>, account: i64, system: &str, holder: Uuid, now: DateTime<Utc>, until: DateTime<Utc>) -> Result<bool> {
    let sql = "insert into telephone_hold (account_id, system, holder, until, since) values ($1, $2, $3, $5, $4)
               on conflict (account_id, system) do update set holder = excluded.holder, until = excluded.until
               where telephone_hold.holder = $3 or telephone_hold.until <= $4";
    Ok(on.run(q!(sql, account, key(system), holder, now, until)).await? == 1)
}

/// Keeps a system; `false` when somebody else has taken it.
///
/// # Errors
/// What the database says.
pub async fn keep(on: On<'_>, account: i64, system: &str, holder: Uuid, until: DateTime<Utc>) -> Result<bool> {
    let sql = "update telephone_hold set until = $4 where account_id = $1 and system = $2 and holder = $3";
    Ok(on.run(q!(sql, account, key(system), holder, until)).await? == 1)
}

/// Writes how a system is that is held.
///
/// # Errors
/// What the database says.
pub async fn set_state(
    on: On<'_>,
    account: i64,
    system: &str,
    holder: Uuid,
    (state, since, message): (&str, DateTime<Utc>, &str),
) -> Result<()> {
    let sql = "update telephone_hold set state = $4, since = $5, message = $6 where account_id = $1 and system = $2 and holder = $3";
    on.run(q!(sql, account, key(system), holder, state, since, message)).await.map(drop)
}

/// Who holds a system, and how it is.
///
/// # Errors
/// What the database says.
pub async fn get(on: On<'_>, account: i64, system: &str) -> Result<Option<HoldRow>> {
    let sql = "select holder, until, state, since, message from telephone_hold where account_id = $1 and system = $2";
    on.opt(q!(sql, account, key(system))).await
}

/// The accounts that have a telephone system.
///
/// # Errors
/// What the database says.
pub async fn accounts(on: On<'_>) -> Result<Vec<i64>> {
    let rows: Vec<(i64,)> =
        on.all(q!("select distinct account_id from setup where kind = $1 order by account_id", Kind::TelephoneSystem.word())).await?;
    Ok(rows.into_iter().map(|(account,)| account).collect())
}

fn key(system: &str) -> String {
    system.trim().to_lowercase()
}
