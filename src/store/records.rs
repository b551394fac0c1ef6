//! The permanent records of calls, as reports and the API read them.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::FromRow;
use uuid::Uuid;

use super::{On, Result, calls::CallRow};
use crate::{domain::call::Call, q};

/// What to list. Absent filters let everything pass; times are half-open (`since` ≤ t < `until`).
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "each field is the filter it names")]
pub struct Filter {
    pub agent: Option<String>,
    pub number: Option<String>,
    pub status: Option<String>,
    pub call_status: Option<String>,
    pub direction: Option<String>,
    pub since: Option<DateTime<Utc>>,
    pub until: Option<DateTime<Utc>>,
    /// Events only.
    pub event_name: Option<String>,
    /// Events and results only.
    pub call: Option<Uuid>,
}

/// A `dialer_call`.
#[derive(Clone, Debug, FromRow)]
#[expect(missing_docs, reason = "columns are described in the migration")]
pub struct CallRecord {
    pub id: Uuid,
    pub agent: Option<String>,
    pub calls: i64,
    pub no_answers: i64,
    pub busies: i64,
    pub connects: i64,
    pub aborts: i64,
    pub did_connect: bool,
    pub direction: Option<String>,
    pub phone_number: Option<String>,
    pub phone_call_id: Option<String>,
    pub status: String,
    pub call_status: String,
    pub subject: Option<String>,
    pub to_name: Option<String>,
    pub outcome: Option<String>,
    pub computed_outcome: Option<String>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
    pub version: i64,
    pub record: String,
}

impl CallRecord {
    /// The call itself, with its attempts.
    ///
    /// # Errors
    /// When the stored record is not a call.
    pub fn call(&self) -> Result<Call> {
        CallRow { id: self.id, version: self.version, record: self.record.clone(), created_at: self.created_at }.read()
    }
}

/// A `dialer_call_event`: one state that was entered.
#[derive(Clone, Debug, FromRow, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "columns are described in the migration")]
pub struct EventRecord {
    #[serde(rename = "dialerCallId")]
    pub call_id: Uuid,
    pub attempt: i64,
    #[serde(skip)]
    pub slot: i64,
    pub event_name: String,
    pub direction: Option<String>,
    pub phone_number: Option<String>,
    pub agent: Option<String>,
    pub entered_at: DateTime<Utc>,
    /// Milliseconds; null while the state lasts.
    #[serde(rename = "duration")]
    pub duration_ms: Option<i64>,
}

/// A `dialer_call_result`: how an attempt came out.
#[derive(Clone, Debug, FromRow, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "columns are described in the migration")]
pub struct ResultRecord {
    #[serde(rename = "dialerCallId")]
    pub call_id: Uuid,
    pub attempt: i64,
    pub agent: Option<String>,
    pub direction: Option<String>,
    pub phone_number: Option<String>,
    pub result: String,
    pub disposition: String,
    pub subject: Option<String>,
    pub resulted_at: DateTime<Utc>,
}

/// Up to `limit` calls older than `before`, newest first.
///
/// # Errors
/// What the database says.
pub async fn calls(on: On<'_>, account: i64, filter: &Filter, before: Option<Uuid>, limit: i64) -> Result<Vec<CallRecord>> {
    on.all(q!(
        "select * from dialer_call where account_id = $1
           and ($2 is null or agent = $2) and ($3 is null or phone_number = $3) and ($4 is null or status = $4)
           and ($5 is null or call_status = $5) and ($6 is null or direction = $6)
           and ($7 is null or created_at >= $7) and ($8 is null or created_at < $8) and ($9 is null or id < $9)
         order by id desc limit $10",
        account,
        filter.agent.clone(),
        filter.number.clone(),
        filter.status.clone(),
        filter.call_status.clone(),
        filter.direction.clone(),
        filter.since,
        filter.until,
        before,
        limit
    ))
    .await
}

/// One call.
///
/// # Errors
/// What the database says.
pub async fn call(on: On<'_>, account: i64, id: Uuid) -> Result<Option<CallRecord>> {
    on.opt(q!("select * from dialer_call where account_id = $1 and id = $2", account, id)).await
}

/// The key of an event row for paging.
pub type EventKey = (DateTime<Utc>, Uuid, i64, i64);

/// Up to `limit` events before `before`, newest first.
///
/// # Errors
/// What the database says.
pub async fn events(on: On<'_>, account: i64, filter: &Filter, before: Option<EventKey>, limit: i64) -> Result<Vec<EventRecord>> {
    let key = before.map_or((None, None, None, None), |(at, call, attempt, slot)| (Some(at), Some(call), Some(attempt), Some(slot)));
    on.all(q!(
        "select * from dialer_call_event where account_id = $1
           and ($2 is null or agent = $2) and ($3 is null or phone_number = $3) and ($4 is null or event_name = $4)
           and ($5 is null or direction = $5) and ($6 is null or entered_at >= $6) and ($7 is null or entered_at < $7)
           and ($8 is null or call_id = $8)
           and ($9 is null or (entered_at, call_id, attempt, slot) < ($9, $10, $11, $12))
         order by entered_at desc, call_id desc, attempt desc, slot desc limit $13",
        account,
        filter.agent.clone(),
        filter.number.clone(),
        filter.event_name.clone(),
        filter.direction.clone(),
        filter.since,
        filter.until,
        filter.call,
        key.0,
        key.1,
        key.2,
        key.3,
        limit
    ))
    .await
}

/// The states that one call went through, in order.
///
/// # Errors
/// What the database says.
pub async fn events_of(on: On<'_>, account: i64, call: Uuid) -> Result<Vec<EventRecord>> {
    on.all(q!("select * from dialer_call_event where account_id = $1 and call_id = $2 order by attempt, slot", account, call)).await
}

/// The key of a result row for paging.
pub type ResultKey = (DateTime<Utc>, Uuid, i64);

/// Up to `limit` results before `before`, newest first. `status` filters by the result's text.
///
/// # Errors
/// What the database says.
pub async fn results(on: On<'_>, account: i64, filter: &Filter, before: Option<ResultKey>, limit: i64) -> Result<Vec<ResultRecord>> {
    let key = before.map_or((None, None, None), |(at, call, attempt)| (Some(at), Some(call), Some(attempt)));
    on.all(q!(
        "select * from dialer_call_result where account_id = $1
           and ($2 is null or agent = $2) and ($3 is null or phone_number = $3) and ($4 is null or result = $4)
           and ($5 is null or direction = $5) and ($6 is null or resulted_at >= $6) and ($7 is null or resulted_at < $7)
           and ($8 is null or call_id = $8)
           and ($9 is null or (resulted_at, call_id, attempt) < ($9, $10, $11))
         order by resulted_at desc, call_id desc, attempt desc limit $12",
        account,
        filter.agent.clone(),
        filter.number.clone(),
        filter.status.clone(),
        filter.direction.clone(),
        filter.since,
        filter.until,
        filter.call,
        key.0,
        key.1,
        key.2,
        limit
    ))
    .await
}
