//! The permanent records of calls: `dialer-calls`, `dialer-call-events`, `dialer-call-results`.

use axum::{Json, extract::State, http::HeaderMap, response::Response};
use chrono::{DateTime, Datelike, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::page;
use crate::{
    app::committer::EditPatch,
    domain::{
        call::{Attempt, Direction, Outcome},
        phone::{HomeRegion, Number},
        scope::Scope,
    },
    http::{
        Web,
        auth::Bearer,
        error::ApiError,
        input::{Body, Path, Query},
    },
    store::records::{self, CallRecord, Filter},
};

/// Longest text that the CRM may set on a call.
const MAX_EDIT: usize = 500;

pub(super) fn router() -> OpenApiRouter<Web> {
    OpenApiRouter::new()
        .routes(routes!(calls))
        .routes(routes!(call, edit))
        .routes(routes!(events_of_call))
        .routes(routes!(end_wrap))
        .routes(routes!(events))
        .routes(routes!(results))
}

/// The query of a list: filters and paging that the three have in common, and its own filters. Others are refused.
macro_rules! queries {
    ($($(#[$doc:meta])* $name:ident { $($own:ident: $type:ty),* })*) => { $(
        $(#[$doc])*
        #[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
        #[serde(deny_unknown_fields, rename_all = "camelCase")]
        struct $name {
            agent: Option<String>,
            /// The other side's number.
            number: Option<String>,
            /// `inbound`, `outbound`, `clicktocall`, `transfer` or `ccOutbound`.
            direction: Option<String>,
            since: Option<DateTime<Utc>>,
            until: Option<DateTime<Utc>>,
            cursor: Option<String>,
            limit: Option<i64>,
            $($own: Option<$type>),*
        }

        impl $name {
            /// The filters in common, checked.
            fn filter(&self, region: HomeRegion) -> Result<Filter, ApiError> {
                for (field, time) in [("since", self.since), ("until", self.until)] {
                    if time.is_some_and(|time| !YEARS.contains(&time.year())) {
                        return Err(ApiError::Invalid { field: field.into(), message: "expected a time of the years 1970 to 9999".into() });
                    }
                }
                one_of("direction", self.direction.as_deref(), &DIRECTIONS.map(Direction::word))?;
                let number = self.number.as_deref().map(|raw| {
                    Number::read(raw, region).ok_or(ApiError::Invalid { field: "number".into(), message: "expected a telephone number".into() })
                });
                Ok(Filter {
                    agent: self.agent.clone(),
                    number: number.transpose()?.map(|number| number.as_str().to_owned()),
                    direction: self.direction.clone(),
                    since: self.since,
                    until: self.until,
                    ..Filter::default()
                })
            }
        }
    )* };
}

queries! {
    /// Which calls.
    CallsAsked { status: String, call_status: String, call_id: String }
    /// Which events.
    EventsAsked { event_name: String, call: Uuid }
    /// Which results.
    ResultsAsked { result: String, call: Uuid }
}

/// Years that both databases keep.
const YEARS: std::ops::RangeInclusive<i32> = 1970..=9999;
const EVENT_NAMES: [&str; 8] = ["preview", "ring", "talk", "hold", "idle", "busy", "no answer", "error on dial"];

const DIRECTIONS: [Direction; 5] =
    [Direction::Inbound, Direction::Outbound, Direction::ClickToCall, Direction::Transfer, Direction::CcOutbound];

/// Checks a filter that knows its words.
fn one_of(field: &'static str, value: Option<&str>, words: &[&str]) -> Result<(), ApiError> {
    match value {
        Some(word) if !words.contains(&word) => {
            Err(ApiError::Invalid { field: field.into(), message: format!("expected one of {}", words.join(", ")).into() })
        }
        _ => Ok(()),
    }
}

/// The columns of CSV; what an item nests has none.
const CALL_COLUMNS: &[&str] = &[
    "id",
    "createdAt",
    "updatedAt",
    "finishedAt",
    "agent",
    "direction",
    "phoneNumber",
    "status",
    "callStatus",
    "state",
    "outcome",
    "computedOutcome",
    "calls",
    "connects",
    "didConnect",
    "noAnswers",
    "busies",
    "aborts",
    "phoneCallId",
    "subject",
    "to",
    "recordingUrl",
    "notes",
    "billRate",
    "billDuration",
    "totalDuration",
    "transferredNumber",
    "hangupReason",
    "cv",
];
const EVENT_COLUMNS: &[&str] = &["dialerCallId", "attempt", "enteredAt", "eventName", "duration", "agent", "direction", "phoneNumber"];
const RESULT_COLUMNS: &[&str] =
    &["dialerCallId", "attempt", "resultedAt", "result", "disposition", "agent", "direction", "phoneNumber", "subject"];

/// A call as the API shows it: the page's fields, then Vtiger's, then the attempts.
#[derive(Serialize, ToSchema)]
#[schema(as = DialerCall)]
#[serde(rename_all = "camelCase")]
pub(super) struct CallView {
    id: Uuid,
    cv: i64,
    agent: Option<String>,
    calls: i64,
    no_answers: i64,
    busies: i64,
    connects: i64,
    did_connect: bool,
    aborts: i64,
    direction: Option<&'static str>,
    phone_number: Option<String>,
    phone_call_id: Option<String>,
    status: &'static str,
    subject: Option<String>,
    to: Option<String>,
    outcome: Option<String>,
    computed_outcome: Option<String>,
    call_status: String,
    state: Option<&'static str>,
    recording_url: Option<String>,
    notes: Option<String>,
    bill_rate: Option<String>,
    bill_duration: Option<i64>,
    total_duration: Option<i64>,
    transferred_number: Option<String>,
    hangup_reason: Option<String>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    finished_at: Option<DateTime<Utc>>,
    attempts: Vec<AttemptView>,
}

/// One try on the telephone system.
#[derive(Serialize, ToSchema)]
#[schema(as = DialerCallAttempt)]
#[serde(rename_all = "camelCase")]
struct AttemptView {
    attempt: i64,
    call_id: String,
    state: Option<&'static str>,
    call_status: String,
    outcome: Option<&'static str>,
    disposition: Option<&'static str>,
    started_at: Option<DateTime<Utc>>,
    answered_at: Option<DateTime<Utc>>,
    ended_at: Option<DateTime<Utc>>,
    finished_at: Option<DateTime<Utc>>,
    presumed_lost: bool,
}

impl AttemptView {
    fn new(attempt: &Attempt) -> Self {
        let outcome = attempt.outcome().map(|outcome| outcome.words());
        Self {
            attempt: attempt.number,
            call_id: attempt.pbx_call_id.clone(),
            state: attempt.state().map(|state| state.word()),
            call_status: attempt.call_status().to_owned(),
            outcome: outcome.as_ref().map(|words| words.text),
            disposition: outcome.as_ref().map(|words| words.disposition),
            started_at: attempt.line.started_at,
            answered_at: attempt.line.answered_at,
            ended_at: attempt.line.ended_at,
            finished_at: attempt.handling.finished_at,
            presumed_lost: attempt.handling.presumed_lost,
        }
    }
}

impl CallView {
    pub(super) fn new(record: &CallRecord) -> Self {
        let CallRecord { call, updated_at } = record;
        let newest = call.newest();
        let line = &newest.line;
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let count = |outcome: Outcome| call.count(|attempt| attempt.outcome() == Some(outcome.clone()));
        let connects = call.count(|attempt| attempt.line.answered_at.is_some());
        Self {
            id: call.id,
            cv: call.version,
            agent: owned(newest.agent()),
            calls: call.count(|_| true),
            no_answers: count(Outcome::NoAnswer),
            busies: count(Outcome::Busy),
            connects,
            did_connect: connects > 0,
            aborts: i64::from(call.is_aborted()),
            direction: line.direction().map(Direction::word),
            phone_number: line.customer().map(|number| number.as_str().to_owned()),
            phone_call_id: owned(call.phone_call_id()),
            status: call.status(),
            subject: owned(call.subject()),
            to: owned(call.to_name()),
            outcome: owned(call.outcome_text()),
            computed_outcome: call.edits.computed_outcome.clone(),
            call_status: newest.call_status().to_owned(),
            state: newest.state().map(|state| state.word()),
            recording_url: owned(line.recording_url()),
            notes: owned(call.notes()),
            bill_rate: owned(line.bill_rate()),
            bill_duration: line.bill_duration_s(),
            total_duration: line.total_duration_s(),
            transferred_number: owned(line.transferred_to()),
            hangup_reason: line.cause().map(|cause| cause.text.clone()),
            created_at: call.created_at,
            updated_at: *updated_at,
            finished_at: newest.handling.finished_at,
            attempts: call.attempts.iter().map(AttemptView::new).collect(),
        }
    }
}

/// Calls, the newest first.
#[utoipa::path(
    get,
    path = "/api/v1/dialer-calls",
    operation_id = "listDialerCalls",
    tag = "Records of calls",
    params(CallsAsked),
    responses((status = 200, description = "A page", content((page::Page<CallView> = "application/json"), (String = "text/csv")))),
    security(("bearer" = ["calls:read"]))
)]
async fn calls(State(web): State<Web>, bearer: Bearer, headers: HeaderMap, Query(asked): Query<CallsAsked>) -> Result<Response, ApiError> {
    let account = &bearer.with(Scope::CallsRead)?.account;
    let limit = page::limit(asked.limit)?;
    one_of("status", asked.status.as_deref(), &["open", "retry", "closed"])?;
    let filter = Filter { status: asked.status.clone(), call_status: asked.call_status.clone(), ..asked.filter(account.region)? };
    let before: Option<Uuid> = page::read_cursor(asked.cursor.as_deref())?;
    let mut rows = Vec::new();
    match asked.call_id {
        None => rows = records::calls(web.app.db.read(), account.id, &filter, before, limit + 1).await?,
        Some(call_id) => {
            for id in web.app.calls_named(account, &call_id).await? {
                let filter = Filter { id: Some(id), ..filter.clone() };
                rows.extend(records::calls(web.app.db.read(), account.id, &filter, before, 1).await?);
            }
        }
    }
    let rows = rows.iter().map(CallView::new).collect();
    page::page(&headers, rows, limit, CALL_COLUMNS, |row| row.id)
}

/// One call.
#[utoipa::path(
    get,
    path = "/api/v1/dialer-calls/{id}",
    operation_id = "getDialerCall",
    tag = "Records of calls",
    params(("id" = uuid::Uuid, Path, description = "The id")),
    responses((status = 200, description = "Done", body = CallView)),
    security(("bearer" = ["calls:read"]))
)]
async fn call(State(web): State<Web>, bearer: Bearer, Path(id): Path<String>) -> Result<Json<CallView>, ApiError> {
    let account = &bearer.with(Scope::CallsRead)?.account;
    let row = records::call(web.app.db.read(), account.id, read_id(&id)?).await?.ok_or_else(no_such_call)?;
    Ok(Json(CallView::new(&row)))
}

/// The states that a call was in.
#[utoipa::path(
    get,
    path = "/api/v1/dialer-calls/{id}/events",
    operation_id = "listEventsOfDialerCall",
    tag = "Records of calls",
    params(("id" = uuid::Uuid, Path, description = "The id")),
    responses((status = 200, description = "A page", content((page::Page<records::EventRecord> = "application/json"), (String = "text/csv")))),
    security(("bearer" = ["calls:read"]))
)]
async fn events_of_call(State(web): State<Web>, bearer: Bearer, headers: HeaderMap, Path(id): Path<String>) -> Result<Response, ApiError> {
    let account = &bearer.with(Scope::CallsRead)?.account;
    let id = read_id(&id)?;
    let rows = records::events_of(web.app.db.read(), account.id, id).await?.ok_or_else(no_such_call)?;
    page::page(&headers, rows, i64::MAX, EVENT_COLUMNS, |_| ())
}

/// The states that calls were in, the newest first.
#[utoipa::path(
    get,
    path = "/api/v1/dialer-call-events",
    operation_id = "listDialerCallEvents",
    tag = "Records of calls",
    params(EventsAsked),
    responses((status = 200, description = "A page", content((page::Page<records::EventRecord> = "application/json"), (String = "text/csv")))),
    security(("bearer" = ["calls:read"]))
)]
async fn events(
    State(web): State<Web>,
    bearer: Bearer,
    headers: HeaderMap,
    Query(asked): Query<EventsAsked>,
) -> Result<Response, ApiError> {
    let account = &bearer.with(Scope::CallsRead)?.account;
    let limit = page::limit(asked.limit)?;
    one_of("eventName", asked.event_name.as_deref(), &EVENT_NAMES)?;
    let filter = Filter { event_name: asked.event_name.clone(), call: asked.call, ..asked.filter(account.region)? };
    let before = page::read_cursor(asked.cursor.as_deref())?;
    let (rows, next) = records::events(web.app.db.read(), account.id, &filter, before, usize::try_from(limit).unwrap_or(0)).await?;
    page::part(&headers, &rows, next.as_ref(), EVENT_COLUMNS)
}

/// How calls came out, the newest first.
#[utoipa::path(
    get,
    path = "/api/v1/dialer-call-results",
    operation_id = "listDialerCallResults",
    tag = "Records of calls",
    params(ResultsAsked),
    responses((status = 200, description = "A page", content((page::Page<records::ResultRecord> = "application/json"), (String = "text/csv")))),
    security(("bearer" = ["calls:read"]))
)]
async fn results(
    State(web): State<Web>,
    bearer: Bearer,
    headers: HeaderMap,
    Query(asked): Query<ResultsAsked>,
) -> Result<Response, ApiError> {
    let account = &bearer.with(Scope::CallsRead)?.account;
    let limit = page::limit(asked.limit)?;
    let filter = Filter { status: asked.result.clone(), call: asked.call, ..asked.filter(account.region)? };
    let before = page::read_cursor(asked.cursor.as_deref())?;
    let rows = records::results(web.app.db.read(), account.id, &filter, before, limit + 1).await?;
    page::page(&headers, rows, limit, RESULT_COLUMNS, |row| (row.call_id, row.attempt))
}

/// What the CRM sets of a call; what is absent stays.
#[derive(Deserialize, ToSchema)]
#[schema(as = DialerCallEdit)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Edit {
    phone_call_id: Option<String>,
    subject: Option<String>,
    to: Option<String>,
    computed_outcome: Option<String>,
}

/// Sets fields of a call.
#[utoipa::path(
    patch,
    path = "/api/v1/dialer-calls/{id}",
    operation_id = "editDialerCall",
    tag = "Records of calls",
    params(("id" = uuid::Uuid, Path, description = "The id")),
    request_body = Edit,
    responses((status = 200, description = "Done", body = CallView)),
    security(("bearer" = ["calls:write"]))
)]
async fn edit(State(web): State<Web>, bearer: Bearer, Path(id): Path<String>, Body(edit): Body<Edit>) -> Result<Json<CallView>, ApiError> {
    let account = bearer.with(Scope::CallsWrite)?.account.clone();
    for (field, text) in
        [("phoneCallId", &edit.phone_call_id), ("subject", &edit.subject), ("to", &edit.to), ("computedOutcome", &edit.computed_outcome)]
    {
        if text.as_ref().is_some_and(|text| text.is_empty() || text.len() > MAX_EDIT || text.contains('\0')) {
            return Err(ApiError::Invalid { field: field.into(), message: format!("expected 1 to {MAX_EDIT} bytes of text").into() });
        }
    }
    let id = read_id(&id)?;
    let Edit { phone_call_id, subject, to, computed_outcome } = edit;
    web.app.edit_call(&account, id, EditPatch { phone_call_id, subject, to, computed_outcome }).await?;
    let row = records::call(web.app.db.read(), account.id, id).await?.ok_or_else(no_such_call)?;
    Ok(Json(CallView::new(&row)))
}

/// The wrap-up is over.
#[derive(Serialize, ToSchema)]
#[schema(as = WrapEnded)]
struct Ended {
    /// Always true.
    ok: bool,
}

/// Ends the wrap-up of a call.
#[utoipa::path(
    post,
    path = "/api/v1/dialer-calls/{id}/end-wrap",
    operation_id = "endWrap",
    tag = "Records of calls",
    params(("id" = uuid::Uuid, Path, description = "The id")),
    responses((status = 200, description = "Done", body = Ended)),
    security(("bearer" = ["calls:control"]))
)]
async fn end_wrap(State(web): State<Web>, bearer: Bearer, Path(id): Path<String>) -> Result<Json<Ended>, ApiError> {
    let grant = bearer.with(Scope::CallsControl)?;
    web.app.end_wrap(&grant.account, read_id(&id)?, &grant.subject).await?;
    Ok(Json(Ended { ok: true }))
}

fn read_id(text: &str) -> Result<Uuid, ApiError> {
    Uuid::parse_str(text).map_err(|_| ApiError::Invalid { field: "id".into(), message: "expected a dtCallId".into() })
}

fn no_such_call() -> ApiError {
    ApiError::NotFound("there is no such call".into())
}
