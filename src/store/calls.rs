//! Calls as the call law reads and writes them.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::FromRow;
use uuid::Uuid;

use super::{Arg, Bulk, Column, On, Q, Result, Tx, Verb};
use crate::{
    domain::call::{Attempt, Call, Edits, Outcome, PartyRef, Segment, Terms},
    q,
};

/// What the law reads, stored whole.
#[derive(Serialize)]
struct RecordOut<'a> {
    attempts: &'a [Attempt],
    edits: &'a Edits,
    party: &'a Option<PartyRef>,
}

#[derive(Deserialize)]
struct RecordIn {
    attempts: Vec<Attempt>,
    edits: Edits,
    party: Option<PartyRef>,
}

#[derive(FromRow)]
pub(super) struct CallRow {
    pub(super) id: Uuid,
    pub(super) version: i64,
    pub(super) record: String,
    pub(super) created_at: DateTime<Utc>,
}

impl CallRow {
    pub(super) fn read(self) -> Result<Call> {
        let RecordIn { attempts, edits, party } = serde_json::from_str(&self.record).map_err(|error| unreadable(self.id, &error))?;
        if attempts.is_empty() {
            return Err(unreadable(self.id, &"no attempt"));
        }
        Ok(Call { id: self.id, created_at: self.created_at, version: self.version, attempts, edits, party })
    }
}

fn unreadable(id: Uuid, why: &dyn std::fmt::Display) -> sqlx::Error {
    sqlx::Error::Decode(format!("dialer_call.record of {id} is not a call: {why}").into())
}

/// Where a PBX's call id leads: the call and the number of its attempt.
pub type Line = (Uuid, i64);

#[derive(FromRow)]
struct LineRow {
    pbx_key: String,
    attempt: i64,
    #[sqlx(flatten)]
    call: CallRow,
}

/// The calls that these PBX keys mean now, with the attempt each key belongs to.
///
/// # Errors
/// What the database says.
pub async fn by_keys(tx: &mut Tx, account: i64, keys: &[String]) -> Result<(HashMap<String, Line>, Vec<Call>)> {
    let head = "select l.pbx_key, l.attempt, c.id, c.version, c.record, c.created_at
                from line l join dialer_call c on c.id = l.call_id where l.account_id + 0 = $1 and l.pbx_key in (";
    let mut lines = HashMap::with_capacity(keys.len());
    let mut calls = Vec::with_capacity(keys.len());
    for q in Q::with_lists(head, account, keys.iter().map(Arg::from).collect(), ")") {
        for row in tx.all::<LineRow>(q).await? {
            lines.insert(row.pbx_key, (row.call.id, row.attempt));
            calls.push(row.call.read()?);
        }
    }
    Ok((lines, calls))
}

/// The calls of these ids, as far as the account has them.
///
/// # Errors
/// What the database says.
pub async fn by_ids(tx: &mut Tx, account: i64, ids: &[Uuid]) -> Result<Vec<Call>> {
    let head = "select id, version, record, created_at from dialer_call where account_id + 0 = $1 and id in (";
    let mut calls = Vec::with_capacity(ids.len());
    for q in Q::with_lists(head, account, ids.iter().map(|&id| Arg::from(id)).collect(), ")") {
        for row in tx.all::<CallRow>(q).await? {
            calls.push(row.read()?);
        }
    }
    Ok(calls)
}

/// Calls whose deadline has passed, over all accounts, most overdue first.
///
/// # Errors
/// What the database says.
pub async fn due(on: On<'_>, now: DateTime<Utc>, limit: i64) -> Result<Vec<(i64, Uuid)>> {
    on.all(q!("select account_id, id from dialer_call where finished_at is null and due_at <= $1 order by due_at limit $2", now, limit))
        .await
}

/// The calls that are not over, and the journal's position at the same instant: one statement is one snapshot.
///
/// # Errors
/// What the database says.
pub async fn live(on: On<'_>, account: i64) -> Result<(String, i64, Vec<Call>)> {
    #[derive(FromRow)]
    struct LiveRow {
        epoch: String,
        seq: i64,
        id: Option<Uuid>,
        version: Option<i64>,
        record: Option<String>,
        created_at: Option<DateTime<Utc>>,
    }
    let rows: Vec<LiveRow> = on
        .all(q!(
            "select h.epoch, h.seq, c.id, c.version, c.record, c.created_at from journal_head h
             left join dialer_call c on c.account_id = h.account_id and c.finished_at is null
             where h.account_id = $1 order by c.id",
            account
        ))
        .await?;
    let (epoch, seq) = rows.first().map(|row| (row.epoch.clone(), row.seq)).ok_or(sqlx::Error::RowNotFound)?;
    let calls = rows.into_iter().filter_map(|row| match (row.id, row.version, row.record, row.created_at) {
        (Some(id), Some(version), Some(record), Some(created_at)) => Some(CallRow { id, version, record, created_at }.read()),
        _ => None,
    });
    Ok((epoch, seq, calls.collect::<Result<_>>()?))
}

static CALLS: Bulk<24> = Bulk {
    table: "dialer_call",
    columns: [
        ("id", Column::Uuid),
        ("account_id", Column::Int),
        ("version", Column::Int),
        ("agent", Column::Text),
        ("calls", Column::Int),
        ("no_answers", Column::Int),
        ("busies", Column::Int),
        ("connects", Column::Int),
        ("aborts", Column::Int),
        ("did_connect", Column::Bool),
        ("direction", Column::Text),
        ("phone_number", Column::Text),
        ("phone_call_id", Column::Text),
        ("status", Column::Text),
        ("call_status", Column::Text),
        ("subject", Column::Text),
        ("to_name", Column::Text),
        ("outcome", Column::Text),
        ("computed_outcome", Column::Text),
        ("record", Column::Text),
        ("created_at", Column::Time),
        ("updated_at", Column::Time),
        ("due_at", Column::Time),
        ("finished_at", Column::Time),
    ],
    verb: Verb::Insert(
        "on conflict (id) do update set version = excluded.version, agent = excluded.agent, calls = excluded.calls,
           no_answers = excluded.no_answers, busies = excluded.busies, connects = excluded.connects, aborts = excluded.aborts,
           did_connect = excluded.did_connect, direction = excluded.direction, phone_number = excluded.phone_number,
           phone_call_id = excluded.phone_call_id, status = excluded.status, call_status = excluded.call_status,
           subject = excluded.subject, to_name = excluded.to_name, outcome = excluded.outcome,
           computed_outcome = excluded.computed_outcome, record = excluded.record, updated_at = excluded.updated_at,
           due_at = excluded.due_at, finished_at = excluded.finished_at",
    ),
};

/// What most news change. No index but that of the live calls holds one of these columns: most commits then touch one page
/// per call, where the whole row would touch a random page per index. The id alone finds the row: with the account beside it,
/// Postgres plans a scan of the account by another index while the table is young, and keeps that plan.
static PROGRESS: Bulk<13> = Bulk {
    table: "dialer_call",
    columns: [
        ("id", Column::Uuid),
        ("version", Column::Int),
        ("no_answers", Column::Int),
        ("busies", Column::Int),
        ("connects", Column::Int),
        ("did_connect", Column::Bool),
        ("status", Column::Text),
        ("call_status", Column::Text),
        ("outcome", Column::Text),
        ("record", Column::Text),
        ("updated_at", Column::Time),
        ("due_at", Column::Time),
        ("finished_at", Column::Time),
    ],
    verb: Verb::Update(
        "set version = v.version, no_answers = v.no_answers, busies = v.busies, connects = v.connects, did_connect = v.did_connect,
           status = v.status, call_status = v.call_status, outcome = v.outcome, record = v.record, updated_at = v.updated_at,
           due_at = v.due_at, finished_at = v.finished_at
         where dialer_call.id = v.id",
    ),
};

/// How a call is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// It is new, or something that it is found by has changed.
    Whole,
    /// Only what news change every time.
    Progress,
}

/// Writes calls as they are now.
///
/// # Errors
/// What the database says.
pub async fn save(
    tx: &mut Tx,
    account: i64,
    calls: impl Iterator<Item = (&Call, Extent)>,
    terms: &Terms,
    now: DateTime<Utc>,
) -> Result<()> {
    let (mut whole, mut progress) = (Vec::new(), Vec::new());
    for (call, extent) in calls {
        let newest = call.newest();
        let outcomes = |wanted: Outcome| Arg::from(call.count(|attempt| attempt.outcome() == Some(wanted.clone())));
        let connects = call.count(|attempt| attempt.line.answered_at.is_some());
        let record = RecordOut { attempts: &call.attempts, edits: &call.edits, party: &call.party };
        let record = serde_json::to_string(&record).map_err(|error| sqlx::Error::Encode(error.into()))?;
        let (no_answers, busies) = (outcomes(Outcome::NoAnswer), outcomes(Outcome::Busy));
        let (status, call_status, outcome) = (call.status().into(), newest.call_status().into(), call.outcome_text().into());
        let (due_at, finished_at) = (newest.deadline(terms).into(), newest.handling.finished_at.into());
        if extent == Extent::Progress {
            progress.push([
                call.id.into(),
                call.version.into(),
                no_answers,
                busies,
                connects.into(),
                (connects > 0).into(),
                status,
                call_status,
                outcome,
                record.into(),
                now.into(),
                due_at,
                finished_at,
            ]);
            continue;
        }
        whole.push([
            call.id.into(),
            account.into(),
            call.version.into(),
            newest.line.agent().into(),
            call.count(|_| true).into(),
            no_answers,
            busies,
            connects.into(),
            0_i64.into(), // an abort needs an outcome that an agent chose
            (connects > 0).into(),
            newest.line.direction().map(|direction| direction.word()).into(),
            newest.line.customer().map(|number| number.as_str()).into(),
            call.phone_call_id().into(),
            status,
            call_status,
            call.subject().into(),
            call.to_name().into(),
            outcome,
            call.edits.computed_outcome.as_deref().into(),
            record.into(),
            call.created_at.into(),
            now.into(),
            due_at,
            finished_at,
        ]);
    }
    tx.bulk(&CALLS, whole).await?;
    tx.bulk(&PROGRESS, progress).await
}

static LINES: Bulk<4> = Bulk {
    table: "line",
    columns: [("account_id", Column::Int), ("pbx_key", Column::Text), ("call_id", Column::Uuid), ("attempt", Column::Int)],
    verb: Verb::Insert("on conflict (pbx_key) do update set call_id = excluded.call_id, attempt = excluded.attempt"),
};

/// Writes which call and attempt these PBX keys mean from now on.
///
/// # Errors
/// What the database says.
pub async fn save_lines(tx: &mut Tx, account: i64, lines: Vec<(String, Line)>) -> Result<()> {
    let rows = lines.into_iter().map(|(key, (call, attempt))| -> [Arg; 4] { [account.into(), key.into(), call.into(), attempt.into()] });
    tx.bulk(&LINES, rows.collect()).await
}

static EVENTS: Bulk<10> = Bulk {
    table: "dialer_call_event",
    columns: [
        ("call_id", Column::Uuid),
        ("attempt", Column::Int),
        ("slot", Column::Int),
        ("account_id", Column::Int),
        ("event_name", Column::Text),
        ("direction", Column::Text),
        ("phone_number", Column::Text),
        ("agent", Column::Text),
        ("entered_at", Column::Time),
        ("duration_ms", Column::Int),
    ],
    verb: Verb::Insert(
        "on conflict (account_id, call_id, attempt, slot) do update set event_name = excluded.event_name, direction = excluded.direction,
           phone_number = excluded.phone_number, agent = excluded.agent, entered_at = excluded.entered_at, duration_ms = excluded.duration_ms",
    ),
};

/// Writes states that calls went through.
///
/// # Errors
/// What the database says.
pub async fn save_events(tx: &mut Tx, account: i64, events: &[(&Call, &Attempt, Segment)]) -> Result<()> {
    let rows = events.iter().map(|(call, attempt, segment)| -> [Arg; 10] {
        [
            call.id.into(),
            attempt.number.into(),
            segment.slot.into(),
            account.into(),
            segment.name.into(),
            attempt.line.direction().map(|direction| direction.word()).into(),
            attempt.line.customer().map(|number| number.as_str()).into(),
            attempt.line.agent().into(),
            segment.since.into(),
            segment.duration_ms().into(),
        ]
    });
    tx.bulk(&EVENTS, rows.collect()).await
}

/// Removes states that later news showed not to have happened.
///
/// # Errors
/// What the database says.
pub async fn drop_events(tx: &mut Tx, account: i64, call: Uuid, attempt: i64, slots: &[i64]) -> Result<()> {
    for &slot in slots {
        tx.run(q!(
            "delete from dialer_call_event where account_id = $1 and call_id = $2 and attempt = $3 and slot = $4",
            account,
            call,
            attempt,
            slot
        ))
        .await?;
    }
    Ok(())
}

static RESULTS: Bulk<10> = Bulk {
    table: "dialer_call_result",
    columns: [
        ("call_id", Column::Uuid),
        ("attempt", Column::Int),
        ("account_id", Column::Int),
        ("agent", Column::Text),
        ("direction", Column::Text),
        ("phone_number", Column::Text),
        ("result", Column::Text),
        ("disposition", Column::Text),
        ("subject", Column::Text),
        ("resulted_at", Column::Time),
    ],
    verb: Verb::Insert(
        "on conflict (account_id, call_id, attempt) do update set agent = excluded.agent, direction = excluded.direction,
           phone_number = excluded.phone_number, result = excluded.result, disposition = excluded.disposition, subject = excluded.subject",
    ),
};

/// Writes how attempts came out.
///
/// # Errors
/// What the database says.
pub async fn save_results(tx: &mut Tx, account: i64, results: &[(&Call, &Attempt)], now: DateTime<Utc>) -> Result<()> {
    let rows = results.iter().filter_map(|(call, attempt)| -> Option<[Arg; 10]> {
        let outcome = attempt.outcome()?.words();
        Some([
            call.id.into(),
            attempt.number.into(),
            account.into(),
            attempt.line.agent().into(),
            attempt.line.direction().map(|direction| direction.word()).into(),
            attempt.line.customer().map(|number| number.as_str()).into(),
            call.outcome_text().unwrap_or(outcome.text).into(),
            outcome.disposition.into(),
            call.subject().into(),
            attempt.handling.finished_at.unwrap_or(now).into(),
        ])
    });
    tx.bulk(&RESULTS, rows.collect()).await
}
