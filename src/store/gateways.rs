//! Configured telephone systems.

use chrono::{DateTime, Utc};
use sqlx::FromRow;

use super::{On, Result, Tx};
use crate::{domain::secret::SecretHash, q};

/// A gateway as stored.
#[derive(Clone, Debug, FromRow)]
#[expect(missing_docs, reason = "columns are described in the migration")]
pub struct GatewayRow {
    pub id: i64,
    pub account_id: i64,
    pub name: String,
    pub key: String,
    pub secret_hash: Option<Vec<u8>>,
    pub signature_hash: Option<Vec<u8>>,
    pub networks: Option<String>,
    pub popup: String,
    pub zone: String,
    pub created_at: DateTime<Utc>,
}

/// A new gateway.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "columns are described in the migration")]
pub struct NewGateway {
    pub name: String,
    pub key: String,
    pub secret: Option<SecretHash>,
    pub signature: Option<SecretHash>,
    pub networks: Option<String>,
    pub popup: String,
    pub zone: String,
}

/// Adds a gateway; `None` when its name or secret is taken.
///
/// # Errors
/// What the database says.
pub async fn add(tx: &mut Tx, account: i64, gateway: &NewGateway, at: DateTime<Utc>) -> Result<Option<i64>> {
    let bytes = |hash: &Option<SecretHash>| hash.as_ref().map(|hash| hash.as_bytes().to_owned());
    let added: Option<(i64,)> = tx
        .opt(q!(
            "insert into gateway (account_id, name, key, secret_hash, signature_hash, networks, popup, zone, created_at)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict do nothing returning id",
            account,
            &gateway.name,
            &gateway.key,
            bytes(&gateway.secret),
            bytes(&gateway.signature),
            gateway.networks.clone(),
            &gateway.popup,
            &gateway.zone,
            at
        ))
        .await?;
    Ok(added.map(|(id,)| id))
}

/// The gateway of this secret.
///
/// # Errors
/// What the database says.
pub async fn by_secret(on: On<'_>, hash: &SecretHash) -> Result<Option<GatewayRow>> {
    on.opt(q!("select * from gateway where secret_hash = $1", hash.as_bytes())).await
}

/// Every gateway of every account: few, and the PBXManager door must look through their networks and signatures.
///
/// # Errors
/// What the database says.
pub async fn all(on: On<'_>) -> Result<Vec<GatewayRow>> {
    on.all(q!("select * from gateway order by id")).await
}
