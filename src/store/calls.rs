//! Calls as the call law reads and writes them.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::FromRow;
use uuid::Uuid;

use super::{Arg, Bulk, Column, On, Q, Reads, Result, Rows, Verb};
use crate::{
    domain::call::{Attempt, Call, Edits, Intent, PartyRef, Terms},
    q,
};

/// What the law reads, stored whole.
#[derive(Serialize)]
struct RecordOut<'a> {
    attempts: &'a [Attempt],
    edits: &'a Edits,
    party: &'a Option<PartyRef>,
    #[serde(skip_serializing_if = "Option::is_none")]
    intent: &'a Option<Intent>,
}

#[derive(Deserialize)]
struct RecordIn {
    attempts: Vec<Attempt>,
    edits: Edits,
    party: Option<PartyRef>,
    #[serde(default)]
    intent: Option<Intent>,
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
        let RecordIn { attempts, edits, party, intent } =
            serde_json::from_str(&self.record).map_err(|error| unreadable(self.id, &error))?;
        if attempts.is_empty() {
            return Err(unreadable(self.id, &"no attempt"));
        }
        Ok(Call { id: self.id, created_at: self.created_at, version: self.version, attempts, edits, party, intent })
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
pub async fn by_keys(reads: &mut Reads<'_>, account: i64, keys: &[String]) -> Result<(HashMap<String, Line>, Vec<Call>)> {
    let head = "select l.pbx_key, l.attempt, c.id, c.version, c.record, c.created_at
                from line l join dialer_call c on c.account_id = l.account_id and c.id = l.call_id
                where l.account_id = $1 and l.pbx_key in (";
    let mut lines = HashMap::with_capacity(keys.len());
    let mut calls = Vec::with_capacity(keys.len());
    for q in Q::with_lists(head, account, keys.iter().map(Arg::from).collect(), ")") {
        for row in reads.all::<LineRow>(q).await? {
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
pub async fn by_ids(reads: &mut Reads<'_>, account: i64, ids: &[Uuid]) -> Result<Vec<Call>> {
    let head = "select id, version, record, created_at from dialer_call where account_id = $1 and id in (";
    let mut calls = Vec::with_capacity(ids.len());
    for q in Q::with_lists(head, account, ids.iter().map(|&id| Arg::from(id)).collect(), ")") {
        for row in reads.all::<CallRow>(q).await? {
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
    // from the few that are live to their rows: a plan that goes the other way reads every call there ever was
    on.all(q!(
        "select c.account_id, c.id from live_call l cross join dialer_call c
         where c.account_id = l.account_id and c.id = l.call_id and c.due_at <= $1 order by c.due_at limit $2",
        now,
        limit
    ))
    .await
}

/// The calls that are not over. One that cannot be read is left out, and said: nobody else is to wait for it.
///
/// # Errors
/// What the database says.
pub async fn begun(reads: &mut Reads<'_>, account: i64) -> Result<Vec<Call>> {
    let rows: Vec<CallRow> = reads
        .all(q!(
            "select c.id, c.version, c.record, c.created_at from live_call l cross join dialer_call c
             where l.account_id = $1 and c.account_id = l.account_id and c.id = l.call_id",
            account
        ))
        .await?;
    let readable = |row: CallRow| row.read().inspect_err(|error| tracing::error!(%error, "a call is left out")).ok();
    Ok(rows.into_iter().filter_map(readable).collect())
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
             left join live_call l on l.account_id = h.account_id
             left join dialer_call c on c.account_id = l.account_id and c.id = l.call_id
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

static NEW: Bulk<13> = Bulk {
    table: "dialer_call",
    columns: [
        ("id", Column::Uuid),
        ("account_id", Column::Int),
        ("version", Column::Int),
        ("agent", Column::Text),
        ("direction", Column::Text),
        ("phone_number", Column::Text),
        ("status", Column::Text),
        ("call_status", Column::Text),
        ("record", Column::Text),
        ("created_at", Column::Time),
        ("updated_at", Column::Time),
        ("due_at", Column::Time),
        ("finished_at", Column::Time),
    ],
    verb: Verb::Insert(""),
};

static WHOLE: Bulk<12> = Bulk {
    table: "dialer_call",
    columns: [
        ("id", Column::Uuid),
        ("account_id", Column::Int),
        ("version", Column::Int),
        ("agent", Column::Text),
        ("direction", Column::Text),
        ("phone_number", Column::Text),
        ("status", Column::Text),
        ("call_status", Column::Text),
        ("record", Column::Text),
        ("updated_at", Column::Time),
        ("due_at", Column::Time),
        ("finished_at", Column::Time),
    ],
    verb: Verb::Update(
        "set version = v.version, agent = v.agent, direction = v.direction, phone_number = v.phone_number, status = v.status,
           call_status = v.call_status, record = v.record, updated_at = v.updated_at, due_at = v.due_at, finished_at = v.finished_at
         where dialer_call.account_id = v.account_id and dialer_call.id = v.id",
    ),
};

/// What most news change. No index holds one of these columns: most commits then touch one page per call, where the whole row
/// would touch a random page per index.
static PROGRESS: Bulk<9> = Bulk {
    table: "dialer_call",
    columns: [
        ("id", Column::Uuid),
        ("account_id", Column::Int),
        ("version", Column::Int),
        ("status", Column::Text),
        ("call_status", Column::Text),
        ("record", Column::Text),
        ("updated_at", Column::Time),
        ("due_at", Column::Time),
        ("finished_at", Column::Time),
    ],
    verb: Verb::Update(
        "set version = v.version, status = v.status, call_status = v.call_status, record = v.record, updated_at = v.updated_at,
           due_at = v.due_at, finished_at = v.finished_at
         where dialer_call.account_id = v.account_id and dialer_call.id = v.id",
    ),
};

const LIVE: [(&str, Column); 2] = [("account_id", Column::Int), ("call_id", Column::Uuid)];

static BEGUN: Bulk<2> = Bulk { table: "live_call", columns: LIVE, verb: Verb::Insert("") };

static OVER: Bulk<2> = Bulk { table: "live_call", columns: LIVE, verb: Verb::Delete };

/// How a call is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// The book does not have it yet.
    New,
    /// Something that it is found by has changed.
    Whole,
    /// Only what news change every time.
    Progress,
}

/// Calls as they are now, as rows of a commit.
///
/// # Errors
/// When a call cannot be written as JSON, which it always can.
pub fn rows<'a>(account: i64, calls: impl Iterator<Item = (&'a Call, Extent)>, terms: &Terms, now: DateTime<Utc>) -> Result<[Rows; 5]> {
    let (mut new, mut whole, mut progress) = (Vec::new(), Vec::new(), Vec::new());
    let (mut begun, mut over) = (Vec::new(), Vec::new());
    for (call, extent) in calls {
        let newest = call.newest();
        let (id, version) = (Arg::from(call.id), Arg::from(call.version));
        let found_by = || -> [Arg; 3] {
            [
                newest.agent().into(),
                newest.line.direction().map(|direction| direction.word()).into(),
                newest.line.customer().map(|number| number.as_str()).into(),
            ]
        };
        let (status, call_status) = (call.status().into(), newest.call_status().into());
        let record = RecordOut { attempts: &call.attempts, edits: &call.edits, party: &call.party, intent: &call.intent };
        let record = serde_json::to_string(&record).map_err(|error| sqlx::Error::Encode(error.into()))?.into();
        let (due_at, finished_at) = (newest.deadline(terms).into(), newest.handling.finished_at.into());
        match extent {
            Extent::New if newest.handling.finished_at.is_none() => begun.push([account.into(), call.id.into()]),
            Extent::Whole | Extent::Progress if newest.handling.finished_at.is_some() => over.push([account.into(), call.id.into()]),
            Extent::New | Extent::Whole | Extent::Progress => {}
        }
        match extent {
            Extent::New => {
                let ([agent, direction, number], created_at) = (found_by(), call.created_at.into());
                new.push([
                    id,
                    account.into(),
                    version,
                    agent,
                    direction,
                    number,
                    status,
                    call_status,
                    record,
                    created_at,
                    now.into(),
                    due_at,
                    finished_at,
                ]);
            }
            Extent::Whole => {
                let [agent, direction, number] = found_by();
                whole.push([
                    id,
                    account.into(),
                    version,
                    agent,
                    direction,
                    number,
                    status,
                    call_status,
                    record,
                    now.into(),
                    due_at,
                    finished_at,
                ]);
            }
            Extent::Progress => progress.push([id, account.into(), version, status, call_status, record, now.into(), due_at, finished_at]),
        }
    }
    Ok([NEW.rows(new), WHOLE.rows(whole), PROGRESS.rows(progress), BEGUN.rows(begun), OVER.rows(over)])
}

const LINE: [(&str, Column); 4] =
    [("account_id", Column::Int), ("pbx_key", Column::Text), ("call_id", Column::Uuid), ("attempt", Column::Int)];

static LINES: Bulk<4> = Bulk { table: "line", columns: LINE, verb: Verb::Insert("") };

static MOVED_LINES: Bulk<4> = Bulk {
    table: "line",
    columns: LINE,
    verb: Verb::Update("set call_id = v.call_id, attempt = v.attempt where line.account_id = v.account_id and line.pbx_key = v.pbx_key"),
};

/// Which call and attempt these PBX keys mean from now on, as rows of a commit; `new` when the book has no such key yet.
pub fn line_rows(account: i64, lines: impl IntoIterator<Item = (String, Line)>, new: bool) -> Rows {
    let row = |(key, (call, attempt)): (String, Line)| -> [Arg; 4] { [account.into(), key.into(), call.into(), attempt.into()] };
    let rows = lines.into_iter().map(row).collect();
    if new { LINES.rows(rows) } else { MOVED_LINES.rows(rows) }
}

const RESULT: [(&str, Column); 10] = [
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
];

const LATER_RESULT: [(&str, Column); 9] =
    [RESULT[0], RESULT[1], RESULT[2], RESULT[3], RESULT[4], RESULT[5], RESULT[6], RESULT[7], RESULT[8]];

static RESULTS: Bulk<10> = Bulk { table: "dialer_call_result", columns: RESULT, verb: Verb::Insert("") };

/// The time stays that of the first result.
static LATER_RESULTS: Bulk<9> = Bulk {
    table: "dialer_call_result",
    columns: LATER_RESULT,
    verb: Verb::Update(
        "set agent = v.agent, direction = v.direction, phone_number = v.phone_number, result = v.result,
           disposition = v.disposition, subject = v.subject
         where dialer_call_result.account_id = v.account_id and dialer_call_result.call_id = v.call_id
           and dialer_call_result.attempt = v.attempt",
    ),
};

/// How attempts came out, as rows of a commit; `new` when they came out just now.
pub fn result_rows<'a>(account: i64, results: impl Iterator<Item = (&'a Call, &'a Attempt)>, new: bool, now: DateTime<Utc>) -> Rows {
    let rows = results.filter_map(|(call, attempt)| -> Option<[Arg; 10]> {
        let ours = attempt.outcome().map(|outcome| outcome.words());
        let text = call.outcome_text().or(ours.as_ref().map(|words| words.text))?;
        let disposition = call.disposition().or(ours.as_ref().map(|words| words.disposition))?;
        Some([
            call.id.into(),
            attempt.number.into(),
            account.into(),
            attempt.agent().into(),
            attempt.line.direction().map(|direction| direction.word()).into(),
            attempt.line.customer().map(|number| number.as_str()).into(),
            text.into(),
            disposition.into(),
            call.subject().into(),
            attempt.handling.finished_at.unwrap_or(now).into(),
        ])
    });
    if new {
        return RESULTS.rows(rows.collect());
    }
    let without_time = |[a, b, c, d, e, f, g, h, i, _]: [Arg; 10]| [a, b, c, d, e, f, g, h, i];
    LATER_RESULTS.rows(rows.map(without_time).collect())
}
