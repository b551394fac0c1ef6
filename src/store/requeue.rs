//! Campaigns whose leads get their places anew, because what the account has set up is not what it was. What is left to do is in
//! the book, so that whoever dies over it, or is not running yet, leaves it to the next.

use chrono::{DateTime, Utc};
use sqlx::FromRow;

use super::{On, Result, Tx};
use crate::q;

/// What is left to do in one campaign.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
#[expect(missing_docs, reason = "columns are described in the migration")]
pub struct Pass {
    pub account_id: i64,
    pub campaign: String,
    pub after_id: i64,
    pub due_at: DateTime<Utc>,
}

/// Has a campaign gone through from its first lead on. Whoever is at it stops, and begins anew when it is due.
///
/// # Errors
/// What the database says.
pub async fn ask(tx: &mut Tx, account: i64, campaign: &str, due_at: DateTime<Utc>) -> Result<()> {
    let sql = "insert into requeue (account_id, campaign, after_id, due_at) values ($1, $2, 0, $3)
               on conflict (account_id, campaign) do update set after_id = 0, due_at = excluded.due_at, taken_until = null";
    tx.run(q!(sql, account, campaign, due_at)).await.map(drop)
}

/// What is due and nobody is at, up to `limit`.
///
/// # Errors
/// What the database says.
pub async fn due(on: On<'_>, now: DateTime<Utc>, limit: i64) -> Result<Vec<Pass>> {
    let sql = "select account_id, campaign, after_id, due_at from requeue
               where due_at <= $1 and (taken_until is null or taken_until <= $1) order by due_at, account_id, campaign limit $2";
    on.all(q!(sql, now, limit)).await
}

/// Takes what is left to do until then; `false` when somebody else has it, or it is not what it was.
///
/// # Errors
/// What the database says.
pub async fn take(on: On<'_>, pass: &Pass, now: DateTime<Utc>, until: DateTime<Utc>) -> Result<bool> {
    let sql = "update requeue set taken_until = $5 where account_id = $1 and campaign = $2 and after_id = $3 and due_at = $4
               and (taken_until is null or taken_until <= $6)";
    Ok(on.run(q!(sql, pass.account_id, &pass.campaign, pass.after_id, pass.due_at, until, now)).await? == 1)
}

/// Leads up to this one have their places, and the rest is taken until then; `None` gives it back. `false` when it was asked for
/// anew, or somebody else has it.
///
/// # Errors
/// What the database says.
pub async fn reach(on: On<'_>, pass: &Pass, after: i64, until: Option<DateTime<Utc>>) -> Result<bool> {
    let sql = "update requeue set after_id = $5, taken_until = $6
               where account_id = $1 and campaign = $2 and after_id = $3 and due_at = $4";
    Ok(on.run(q!(sql, pass.account_id, &pass.campaign, pass.after_id, pass.due_at, after, until)).await? == 1)
}

/// Nothing is left to do, unless it was asked for anew.
///
/// # Errors
/// What the database says.
pub async fn finish(on: On<'_>, pass: &Pass) -> Result<()> {
    let sql = "delete from requeue where account_id = $1 and campaign = $2 and after_id = $3 and due_at = $4";
    on.run(q!(sql, pass.account_id, &pass.campaign, pass.after_id, pass.due_at)).await.map(drop)
}
