//! The permanent records of calls, as reports and the API read them.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use sqlx::{AssertSqlSafe, FromRow};
use utoipa::ToSchema;
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
    /// Calls only.
    pub id: Option<Uuid>,
    pub direction: Option<String>,
    pub since: Option<DateTime<Utc>>,
    pub until: Option<DateTime<Utc>>,
    /// Events only.
    pub event_name: Option<String>,
    /// Events and results only.
    pub call: Option<Uuid>,
}

/// A `dialer_call`: the call and when it last changed.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "columns are described in the migration")]
pub struct CallRecord {
    pub call: Call,
    pub updated_at: DateTime<Utc>,
}

#[derive(FromRow)]
struct RecordRow {
    #[sqlx(flatten)]
    call: CallRow,
    updated_at: DateTime<Utc>,
}

impl RecordRow {
    fn read(self) -> Result<CallRecord> {
        Ok(CallRecord { call: self.call.read()?, updated_at: self.updated_at })
    }
}

/// A `dialer_call_event`: one state that was entered. It has no row: it follows from the call's record.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = DialerCallEvent)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are those of the DynamicsTelephony page")]
pub struct EventRecord {
    #[serde(rename = "dialerCallId")]
    pub call_id: Uuid,
    pub attempt: i64,
    #[serde(skip)]
    pub slot: i64,
    pub event_name: &'static str,
    pub direction: Option<&'static str>,
    pub phone_number: Option<String>,
    pub agent: Option<String>,
    pub entered_at: DateTime<Utc>,
    /// Milliseconds; null while the state lasts.
    #[serde(rename = "duration")]
    pub duration_ms: Option<i64>,
}

/// A `dialer_call_result`: how an attempt came out.
#[derive(Clone, Debug, FromRow, Serialize, ToSchema)]
#[schema(as = DialerCallResult)]
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

/// The conditions that an index answers, with `$2` for the agent and `$3` for the number: said outright, or SQLite does not use it.
fn by_index(filter: &Filter) -> (&'static str, &'static str) {
    let agent = if filter.agent.is_some() { "agent = $2" } else { "$2 is null" };
    let number = if filter.number.is_some() { "phone_number = $3" } else { "$3 is null" };
    (agent, number)
}

/// Up to `limit` calls older than `before`, newest first.
///
/// # Errors
/// What the database says.
pub async fn calls(on: On<'_>, account: i64, filter: &Filter, before: Option<Uuid>, limit: i64) -> Result<Vec<CallRecord>> {
    let (agent, number) = by_index(filter);
    let id = if filter.id.is_some() { "id = $11" } else { "$11 is null" };
    let sql = format!(
        "select id, version, record, created_at, updated_at from dialer_call where account_id = $1 and {agent} and {number} and {id}
           and ($4 is null or status = $4) and ($5 is null or call_status = $5) and ($6 is null or direction = $6)
           and ($7 is null or created_at >= $7) and ($8 is null or created_at < $8) and ($9 is null or id < $9)
         order by id desc limit $10"
    );
    let q = q!(
        AssertSqlSafe(sql),
        account,
        filter.agent.clone(),
        filter.number.clone(),
        filter.status.clone(),
        filter.call_status.clone(),
        filter.direction.clone(),
        filter.since,
        filter.until,
        before,
        limit,
        filter.id
    );
    let rows: Vec<RecordRow> = on.all(q).await?;
    rows.into_iter().map(RecordRow::read).collect()
}

/// One call.
///
/// # Errors
/// What the database says.
pub async fn call(on: On<'_>, account: i64, id: Uuid) -> Result<Option<CallRecord>> {
    let sql = "select id, version, record, created_at, updated_at from dialer_call where account_id = $1 and id = $2";
    on.opt::<RecordRow>(q!(sql, account, id)).await?.map(RecordRow::read).transpose()
}

/// The key of an event for paging.
pub type EventKey = (Uuid, i64, i64);

/// What happened to a call is looked for this long after it began; a call is rarely open for longer, but a server may be down
/// while one is.
const LONGEST_CALL: TimeDelta = TimeDelta::days(30);

/// The id that a call made at this instant could have at least.
fn id_at(at: DateTime<Utc>) -> Uuid {
    let millis = u64::try_from(at.timestamp_millis()).unwrap_or_default();
    Uuid::from_u128(u128::from(millis) << 80)
}

/// Calls' ids are ordered by time, so that a filter by time need not look at every row. These are bounds, not the filter.
fn first_of(filter: &Filter) -> Option<Uuid> {
    filter.since.filter(|_| filter.call.is_none()).map(|since| id_at(since - LONGEST_CALL))
}

fn last_of(filter: &Filter) -> Option<Uuid> {
    // news tells times of up to a day before it reached us
    filter.until.map(|until| id_at(until + LONGEST_CALL))
}

impl EventRecord {
    /// The states of an attempt.
    fn of(call: &Call, attempt: &Attempt) -> Vec<Self> {
        let line = &attempt.line;
        let event = |segment: Segment| Self {
            call_id: call.id,
            attempt: attempt.number,
            slot: segment.slot,
            event_name: segment.name,
            direction: line.direction().map(|direction| direction.word()),
            phone_number: line.customer().map(|number| number.as_str().to_owned()),
            agent: attempt.agent().map(str::to_owned),
            entered_at: segment.since,
            duration_ms: segment.duration_ms(),
        };
        attempt.timeline().into_iter().map(event).collect()
    }

    fn key(&self) -> EventKey {
        (self.call_id, self.attempt, self.slot)
    }

    fn passes(&self, filter: &Filter, before: Option<EventKey>) -> bool {
        let is = |wanted: &Option<String>, value: Option<&str>| wanted.is_none() || wanted.as_deref() == value;
        is(&filter.agent, self.agent.as_deref())
            && is(&filter.number, self.phone_number.as_deref())
            && is(&filter.event_name, Some(self.event_name))
            && is(&filter.direction, self.direction)
            && filter.since.is_none_or(|since| self.entered_at >= since)
            && filter.until.is_none_or(|until| self.entered_at < until)
            && before.is_none_or(|before| self.key() < before)
    }
}

/// Calls that one look for events reads at most: a filter that hardly anything passes must not read the whole book at once.
const MAX_LOOKED_AT: usize = 5_000;
/// Calls read by one statement.
const LOOK: i64 = 500;

/// Up to `limit` events before `before`: the newest call first, its last state first. With it the place to go on from; it is
/// absent when there is nothing more. There may be fewer than `limit` events although there is more.
///
/// # Errors
/// What the database says.
pub async fn events(
    on: On<'_>,
    account: i64,
    filter: &Filter,
    before: Option<EventKey>,
    limit: usize,
) -> Result<(Vec<EventRecord>, Option<EventKey>)> {
    let mut events = Vec::new();
    // the call of `before` may have more of them; each further look begins below the last one
    let (mut from, mut below) = (before.map(|(call, ..)| call), None);
    let mut looked_at = 0;
    loop {
        let calls = look(on, account, filter, from.take(), below).await?;
        let is_last = calls.len() < usize::try_from(LOOK).unwrap_or(usize::MAX);
        looked_at += calls.len();
        for call in calls {
            below = Some(call.id);
            let of_attempt = |attempt| EventRecord::of(&call, attempt).into_iter().rev();
            events.extend(call.attempts.iter().rev().flat_map(of_attempt).filter(|event| event.passes(filter, before)));
            if events.len() > limit {
                events.truncate(limit);
                let next = events.last().map(EventRecord::key);
                return Ok((events, next));
            }
        }
        if is_last || looked_at >= MAX_LOOKED_AT {
            // no event has this key: it stands for whatever is older than the call
            let next = below.filter(|_| !is_last).map(|call| (call, 0, 0));
            return Ok((events, next));
        }
    }
}

/// Calls that may have events that pass the filter, newest first.
async fn look(on: On<'_>, account: i64, filter: &Filter, from: Option<Uuid>, below: Option<Uuid>) -> Result<Vec<Call>> {
    let (agent, number) = by_index(filter);
    let sql = format!(
        "select id, version, record, created_at from dialer_call where account_id = $1 and {agent} and {number}
           and ($4 is null or id <= $4) and ($5 is null or id < $5)
           and ($6 is null or id >= $6) and ($7 is null or id <= $7) and ($8 is null or id = $8)
         order by id desc limit $9"
    );
    let q = q!(
        AssertSqlSafe(sql),
        account,
        filter.agent.clone(),
        filter.number.clone(),
        from,
        below,
        first_of(filter),
        last_of(filter),
        filter.call,
        LOOK
    );
    on.all::<CallRow>(q).await?.into_iter().map(CallRow::read).collect()
}

/// The states that one call went through, in order; `None` when the account has no such call.
///
/// # Errors
/// What the database says.
pub async fn events_of(on: On<'_>, account: i64, id: Uuid) -> Result<Option<Vec<EventRecord>>> {
    let Some(CallRecord { call, .. }) = call(on, account, id).await? else { return Ok(None) };
    Ok(Some(call.attempts.iter().flat_map(|attempt| EventRecord::of(&call, attempt)).collect()))
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
