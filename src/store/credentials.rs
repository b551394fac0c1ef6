//! Tokens, sessions, one-time codes and socket tickets: everything that is found by the hash of a secret.

use chrono::{DateTime, Utc};
use sqlx::FromRow;

use super::{On, Result};
use crate::{domain::secret::SecretHash, q};

/// A credential as stored.
#[derive(Clone, Debug, FromRow)]
#[expect(missing_docs, reason = "columns are described in the migration")]
pub struct CredentialRow {
    pub id: i64,
    pub account_id: i64,
    pub prefix: String,
    pub label: String,
    pub kind: String,
    pub subject: Option<String>,
    pub scopes: String,
    pub allow_query: bool,
    pub networks: Option<String>,
    pub expires_at: Option<DateTime<Utc>>,
    pub revoked_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
}

/// A new credential.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "columns are described in the migration")]
pub struct NewCredential {
    pub account: i64,
    pub hash: SecretHash,
    pub prefix: String,
    pub label: String,
    pub kind: &'static str,
    pub subject: Option<String>,
    pub scopes: String,
    pub allow_query: bool,
    pub networks: Option<String>,
    pub expires_at: Option<DateTime<Utc>>,
}

/// The insert statement of a credential, to run alone or in a transaction; touches no row when the secret is known already.
pub fn insert(credential: &NewCredential, at: DateTime<Utc>) -> super::Q {
    q!(
        "insert into token (account_id, hash, prefix, label, kind, subject, scopes, allow_query, networks, expires_at, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) on conflict do nothing",
        credential.account,
        credential.hash.as_bytes(),
        &credential.prefix,
        &credential.label,
        credential.kind,
        credential.subject.clone(),
        &credential.scopes,
        credential.allow_query,
        credential.networks.clone(),
        credential.expires_at,
        at
    )
}

/// The credential of this secret, whatever its kind, if it is valid at `now`.
///
/// # Errors
/// What the database says.
pub async fn find(on: On<'_>, hash: &SecretHash, now: DateTime<Utc>) -> Result<Option<CredentialRow>> {
    on.opt(q!(
        "select * from token where hash = $1 and revoked_at is null and (expires_at is null or expires_at > $2)",
        hash.as_bytes(),
        now
    ))
    .await
}

/// Uses up a one-time credential: whoever gets the row is the only one.
///
/// # Errors
/// What the database says.
pub async fn redeem(on: On<'_>, hash: &SecretHash, kind: &str, now: DateTime<Utc>) -> Result<Option<CredentialRow>> {
    on.opt(q!(
        "delete from token where hash = $1 and kind = $2 and revoked_at is null and (expires_at is null or expires_at > $3)
         returning *",
        hash.as_bytes(),
        kind,
        now
    ))
    .await
}

/// The statement that revokes a credential; touches no row when the account has no such valid one.
pub fn revoke(account: i64, id: i64, at: DateTime<Utc>) -> super::Q {
    q!("update token set revoked_at = $3 where account_id = $1 and id = $2 and revoked_at is null", account, id, at)
}

/// The statement that lets a credential expire at this time; touches no row when it expires sooner.
pub fn shorten(account: i64, id: i64, at: DateTime<Utc>) -> super::Q {
    q!("update token set expires_at = $3 where account_id = $1 and id = $2 and (expires_at is null or expires_at > $3)", account, id, at)
}

/// The lasting tokens of an account.
///
/// # Errors
/// What the database says.
pub async fn list(on: On<'_>, account: i64) -> Result<Vec<CredentialRow>> {
    on.all(q!("select * from token where account_id = $1 and kind = 'token' order by id", account)).await
}

/// Whether a credential still holds at `now`.
///
/// # Errors
/// What the database says.
pub async fn is_valid(on: On<'_>, id: i64, now: DateTime<Utc>) -> Result<bool> {
    let sql = "select id from token where id = $1 and revoked_at is null and (expires_at is null or expires_at > $2)";
    Ok(on.opt::<(i64,)>(q!(sql, id, now)).await?.is_some())
}
