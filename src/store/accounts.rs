//! Accounts and their journals.

use chrono::{DateTime, Utc};
use sqlx::FromRow;
use uuid::Uuid;

use super::{On, Result, Tx};
use crate::q;

/// An account as stored.
#[derive(Clone, Debug, FromRow)]
#[expect(missing_docs, reason = "columns are described in the migration")]
pub struct AccountRow {
    pub id: i64,
    pub name: String,
    pub region: String,
    pub search_url: Option<String>,
    pub create_url: Option<String>,
    pub created_at: DateTime<Utc>,
}

/// A new account.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "columns are described in the migration")]
pub struct NewAccount {
    pub name: String,
    pub region: String,
    pub search_url: Option<String>,
    pub create_url: Option<String>,
}

/// Adds an account with an empty journal; `None` when the name is taken.
///
/// # Errors
/// What the database says.
pub async fn add(tx: &mut Tx, account: &NewAccount, epoch: Uuid, at: DateTime<Utc>) -> Result<Option<i64>> {
    let added: Option<(i64,)> = tx
        .opt(q!(
            "insert into account (name, region, search_url, create_url, created_at) values ($1, $2, $3, $4, $5) on conflict do nothing returning id",
            &account.name,
            &account.region,
            account.search_url.clone(),
            account.create_url.clone(),
            at
        ))
        .await?;
    if let Some((id,)) = added {
        tx.run(q!(
            "insert into journal_head (account_id, epoch, seq, floor, turn) values ($1, $2, 0, 0, $3)",
            id,
            epoch.simple().to_string(),
            epoch
        ))
        .await?;
    }
    Ok(added.map(|(id,)| id))
}

/// Every account, by name.
///
/// # Errors
/// What the database says.
pub async fn list(on: On<'_>) -> Result<Vec<AccountRow>> {
    on.all(q!("select * from account order by name")).await
}

/// The account of this name.
///
/// # Errors
/// What the database says.
pub async fn by_name(on: On<'_>, name: &str) -> Result<Option<AccountRow>> {
    on.opt(q!("select * from account where name = $1", name)).await
}

/// The account of this id.
///
/// # Errors
/// What the database says.
pub async fn by_id(on: On<'_>, id: i64) -> Result<Option<AccountRow>> {
    on.opt(q!("select * from account where id = $1", id)).await
}
