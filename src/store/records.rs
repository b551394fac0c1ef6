//! The permanent records of calls, as reports and the API read them.

use std::collections::HashSet;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use sqlx::FromRow;
use uuid::Uuid;

use super::{On, Result, calls::CallRow};
use crate::{
    domain::call::{Attempt, Call, Segment},
    q,
};

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
pub type EventKey = (Uuid, i64, i64);

/// A call lasts no longer than this: what its rows say happened within this time after its id was made.
const LONGEST_CALL: TimeDelta = TimeDelta::hours(48);

/// The id that a call made at this instant could have at least.
fn id_at(at: DateTime<Utc>) -> Uuid {
    let millis = u64::try_from(at.timestamp_millis()).unwrap_or_default();
    Uuid::from_u128(u128::from(millis) << 80)
}

/// Calls' ids are ordered by time, so that a filter by time need not look at every row. These are bounds, not the filter.
fn first_of(filter: &Filter) -> Option<Uuid> {
    filter.since.map(|since| id_at(since - LONGEST_CALL))
}

fn last_of(filter: &Filter) -> Option<Uuid> {
    // news tells times of up to a day before it reached us
    filter.until.map(|until| id_at(until + LONGEST_CALL))
}

impl EventRecord {
    /// The states of an attempt as its record tells them: what will be stored when it finishes.
    fn derived(call: &Call, attempt: &Attempt) -> Vec<Self> {
        let line = &attempt.line;
        let row = |segment: Segment| Self {
            call_id: call.id,
            attempt: attempt.number,
            slot: segment.slot,
            event_name: segment.name.to_owned(),
            direction: line.direction().map(|direction| direction.word().to_owned()),
            phone_number: line.customer().map(|number| number.as_str().to_owned()),
            agent: line.agent().map(str::to_owned),
            entered_at: segment.since,
            duration_ms: segment.duration_ms(),
        };
        attempt.timeline().into_iter().map(row).collect()
    }

    fn key(&self) -> EventKey {
        (self.call_id, self.attempt, self.slot)
    }

    /// The filter as the SQL below has it.
    fn passes(&self, filter: &Filter, before: Option<EventKey>) -> bool {
        let is = |wanted: &Option<String>, value: Option<&str>| wanted.is_none() || wanted.as_deref() == value;
        is(&filter.agent, self.agent.as_deref())
            && is(&filter.number, self.phone_number.as_deref())
            && is(&filter.event_name, Some(&self.event_name))
            && is(&filter.direction, self.direction.as_deref())
            && filter.since.is_none_or(|since| self.entered_at >= since)
            && filter.until.is_none_or(|until| self.entered_at < until)
            && filter.call.is_none_or(|call| self.call_id == call)
            && before.is_none_or(|before| self.key() < before)
    }
}

/// Up to `limit` events before `before`: the newest call first, its last state first. States of attempts that have not
/// finished are not stored yet; they follow from the calls' records.
///
/// # Errors
/// What the database says.
pub async fn events(on: On<'_>, account: i64, filter: &Filter, before: Option<EventKey>, limit: i64) -> Result<Vec<EventRecord>> {
    // the live calls first: one that finishes between the two reads is then in both, and not in neither
    let (_, _, live) = super::calls::live(on, account).await?;
    let derived = derived_events(&live, filter, before);
    let mut rows = stored_events(on, account, filter, before, limit).await?;
    let stored: HashSet<(Uuid, i64)> = rows.iter().map(|row| (row.call_id, row.attempt)).collect();
    rows.extend(derived.into_iter().filter(|row| !stored.contains(&(row.call_id, row.attempt))));
    rows.sort_by_key(|row| std::cmp::Reverse(row.key()));
    rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(rows)
}

fn derived_events(live: &[Call], filter: &Filter, before: Option<EventKey>) -> Vec<EventRecord> {
    let mut rows = Vec::new();
    for call in live {
        for attempt in call.attempts.iter().filter(|attempt| attempt.handling.finished_at.is_none()) {
            rows.extend(EventRecord::derived(call, attempt).into_iter().filter(|row| row.passes(filter, before)));
        }
    }
    rows
}

async fn stored_events(on: On<'_>, account: i64, filter: &Filter, before: Option<EventKey>, limit: i64) -> Result<Vec<EventRecord>> {
    let key = before.map_or((None, None, None), |(call, attempt, slot)| (Some(call), Some(attempt), Some(slot)));
    on.all(q!(
        "select * from dialer_call_event where account_id = $1
           and ($2 is null or agent = $2) and ($3 is null or phone_number = $3) and ($4 is null or event_name = $4)
           and ($5 is null or direction = $5) and ($6 is null or entered_at >= $6) and ($7 is null or entered_at < $7)
           and ($8 is null or call_id = $8) and ($9 is null or (call_id, attempt, slot) < ($9, $10, $11))
           and ($12 is null or call_id >= $12) and ($13 is null or call_id <= $13)
         order by call_id desc, attempt desc, slot desc limit $14",
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
        first_of(filter),
        last_of(filter),
        limit
    ))
    .await
}

/// The states that one call went through, in order; `None` when the account has no such call.
///
/// # Errors
/// What the database says.
pub async fn events_of(on: On<'_>, account: i64, id: Uuid) -> Result<Option<Vec<EventRecord>>> {
    let Some(record) = call(on, account, id).await? else { return Ok(None) };
    let sql = "select * from dialer_call_event where account_id = $1 and call_id = $2 order by attempt, slot";
    let mut rows: Vec<EventRecord> = on.all(q!(sql, account, id)).await?;
    let call = record.call()?;
    let unfinished = call.attempts.iter().filter(|attempt| attempt.handling.finished_at.is_none());
    rows.extend(unfinished.flat_map(|attempt| EventRecord::derived(&call, attempt)));
    Ok(Some(rows))
}

/// The key of a result row for paging.
pub type ResultKey = (Uuid, i64);

/// Up to `limit` results before `before`: the newest call first. `status` filters by the result's text.
///
/// # Errors
/// What the database says.
pub async fn results(on: On<'_>, account: i64, filter: &Filter, before: Option<ResultKey>, limit: i64) -> Result<Vec<ResultRecord>> {
    let key = before.map_or((None, None), |(call, attempt)| (Some(call), Some(attempt)));
    on.all(q!(
        "select * from dialer_call_result where account_id = $1
           and ($2 is null or agent = $2) and ($3 is null or phone_number = $3) and ($4 is null or result = $4)
           and ($5 is null or direction = $5) and ($6 is null or resulted_at >= $6) and ($7 is null or resulted_at < $7)
           and ($8 is null or call_id = $8) and ($9 is null or (call_id, attempt) < ($9, $10))
           and ($11 is null or call_id >= $11) and ($12 is null or call_id <= $12)
         order by call_id desc, attempt desc limit $13",
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
        first_of(filter),
        last_of(filter),
        limit
    ))
    .await
}
