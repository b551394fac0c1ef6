//! Why leads were presented, dialed or passed over.

use chrono::{DateTime, Utc};
use sqlx::FromRow;
use uuid::Uuid;

use super::{Bulk, Column, On, Result, Rows, Verb};
use crate::q;

/// Why one lead was dialed or passed over.
#[derive(Clone, Debug)]
pub struct Receipt {
    /// The lead.
    pub lead: i64,
    /// Time-ordered.
    pub id: Uuid,
    /// `presented`, `dialed` or `skipped`.
    pub kind: &'static str,
    /// What was looked at, as JSON.
    pub body: String,
    /// When.
    pub at: DateTime<Utc>,
}

static RECEIPTS: Bulk<6> = Bulk {
    table: "receipt",
    columns: [
        ("account_id", Column::Int),
        ("lead_id", Column::Int),
        ("id", Column::Uuid),
        ("kind", Column::Text),
        ("body", Column::Text),
        ("at", Column::Time),
    ],
    verb: Verb::Insert(""),
};

/// Receipts as rows of a commit.
pub fn rows(account: i64, receipts: Vec<Receipt>) -> Rows {
    let row = |Receipt { lead, id, kind, body, at }| [account.into(), lead.into(), id.into(), kind.into(), body.into(), at.into()];
    RECEIPTS.rows(receipts.into_iter().map(row).collect())
}

/// A receipt as it was stored.
#[derive(Clone, Debug, FromRow)]
#[expect(missing_docs, reason = "columns are described in the migration")]
pub struct ReceiptRow {
    pub id: Uuid,
    pub kind: String,
    pub body: String,
    pub at: DateTime<Utc>,
}

/// The newest receipts of a lead, the newest first.
///
/// # Errors
/// What the database says.
pub async fn of_lead(on: On<'_>, account: i64, lead: i64, limit: i64) -> Result<Vec<ReceiptRow>> {
    on.all(q!(
        "select id, kind, body, at from receipt where account_id = $1 and lead_id = $2 order by id desc limit $3",
        account,
        lead,
        limit
    ))
    .await
}
