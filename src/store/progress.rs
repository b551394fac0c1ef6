//! How many leads a campaign has, by where they stand and by how they came out.

use chrono::{DateTime, Utc};
use sqlx::FromRow;

use super::{On, Result};
use crate::q;

/// Leads that share a rank and a lane of the queue.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct QueuedRow {
    /// As [`Rank::figure`](crate::domain::lead::Rank::figure).
    pub dial_rank: i64,
    /// Names the window that they share.
    pub dial_lane: String,
    /// How many.
    pub leads: i64,
    /// Of these, whose time has come, were their window open.
    pub due: i64,
}

/// The leads of a campaign that wait to be dialed.
///
/// # Errors
/// What the database says.
pub async fn queued(on: On<'_>, account: i64, campaign: &str, now: DateTime<Utc>) -> Result<Vec<QueuedRow>> {
    on.all(q!(
        "select dial_rank, dial_lane, count(*) as leads, sum(case when dial_at <= $3 then 1 else 0 end) as due
         from lead where campaign = $2 and account_id = $1 and dial_rank is not null
         group by dial_rank, dial_lane order by dial_rank, dial_lane",
        account,
        campaign,
        now
    ))
    .await
}

/// Leads that came out alike.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct CameOutRow {
    /// The call status; `None` before anything is known.
    pub call_status: Option<String>,
    /// How many.
    pub leads: i64,
    /// Of these, dialed since the time that was asked for.
    pub dialed: i64,
}

/// All leads of a campaign by their call status.
///
/// # Errors
/// What the database says.
pub async fn came_out(on: On<'_>, account: i64, campaign: &str, since: DateTime<Utc>) -> Result<Vec<CameOutRow>> {
    on.all(q!(
        "select call_status, count(*) as leads, sum(case when last_attempt_at >= $3 then 1 else 0 end) as dialed
         from lead where campaign = $2 and account_id = $1 group by call_status order by call_status",
        account,
        campaign,
        since
    ))
    .await
}
