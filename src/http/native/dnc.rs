//! The do-not-call list and its sister for messages: `/api/v1/dnc`.

use std::borrow::Cow;

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::page::{self, Answers, NumberAnswer};
use crate::{
    app::{committer::DncOrder, directory::Account},
    domain::{dnc::Channel, phone::Number, scope::Scope},
    http::{
        Web,
        auth::Bearer,
        error::ApiError,
        input::{Body, Path, Query},
    },
    store::dnc::{self as book, DncRow},
};

/// Most numbers of a batch.
const MAX_NUMBERS: usize = 1_000;

pub(super) fn router() -> OpenApiRouter<Web> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(batch)).routes(routes!(show, add, remove))
}

/// An entry of the list.
#[derive(Serialize, ToSchema)]
#[schema(as = DncEntry)]
#[serde(rename_all = "camelCase")]
struct Listed {
    number: String,
    channel: String,
    source: String,
    created_at: DateTime<Utc>,
}

const COLUMNS: [&str; 4] = ["number", "channel", "source", "createdAt"];

impl From<DncRow> for Listed {
    fn from(DncRow { channel, number, source, created_at }: DncRow) -> Self {
        Self { number, channel, source, created_at }
    }
}

/// Calls or messages.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct On {
    /// `voice` (calls) when absent, or `message`.
    channel: Option<String>,
}

fn channel(asked: Option<&str>) -> Result<Channel, ApiError> {
    let wrong = || ApiError::Invalid { field: "channel".into(), message: "expected voice or message".into() };
    asked.map_or(Ok(Channel::Voice), |word| Channel::read(word).ok_or_else(wrong))
}

fn number(account: &Account, raw: &str, field: impl Into<Cow<'static, str>>) -> Result<Number, ApiError> {
    let number = Number::read(raw, account.region).filter(|number| !number.is_extension());
    number.ok_or_else(|| ApiError::Invalid { field: field.into(), message: "expected a telephone number".into() })
}

fn not_listed() -> ApiError {
    ApiError::NotFound("this number is not on the list".into())
}

async fn entry(web: &Web, account: &Account, channel: Channel, number: &Number) -> Result<Listed, ApiError> {
    let row = book::get(web.app.db.read(), account.id, channel, number).await?;
    row.map(Listed::from).ok_or_else(not_listed)
}

/// A number, if it is on the list.
#[utoipa::path(
    get,
    path = "/api/v1/dnc/{number}",
    operation_id = "getDnc",
    tag = "Do not call",
    params(On, ("number" = String, Path, description = "The number, written in any way", example = "+493055501901")),
    responses((status = 200, description = "Done", body = Listed)),
    security(("bearer" = ["leads:read"]))
)]
async fn show(State(web): State<Web>, bearer: Bearer, Path(raw): Path<String>, Query(on): Query<On>) -> Result<Json<Listed>, ApiError> {
    let account = &bearer.with(Scope::LeadsRead)?.account;
    let (channel, number) = (channel(on.channel.as_deref())?, number(account, &raw, "number")?);
    entry(&web, account, channel, &number).await.map(Json)
}

/// Puts a number on the list. Leads of a number that must not be called are marked.
#[utoipa::path(
    put,
    path = "/api/v1/dnc/{number}",
    operation_id = "putDnc",
    tag = "Do not call",
    params(On, ("number" = String, Path, description = "The number, written in any way", example = "+493055501901")),
    responses((status = 201, description = "It is on the list now", body = Listed), (status = 200, description = "It was on the list", body = Listed)),
    security(("bearer" = ["dnc:write"]))
)]
async fn add(State(web): State<Web>, bearer: Bearer, Path(raw): Path<String>, Query(on): Query<On>) -> Result<Response, ApiError> {
    let account = &bearer.with(Scope::DncWrite)?.account;
    let (channel, number) = (channel(on.channel.as_deref())?, number(account, &raw, "number")?);
    let order = DncOrder { channel, number: number.clone(), listed: true, source: "api" };
    let is_new = web.app.apply_dnc(account, vec![order]).await?.first() == Some(&true);
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(entry(&web, account, channel, &number).await?)).into_response())
}

/// Takes a number off the list.
#[utoipa::path(
    delete,
    path = "/api/v1/dnc/{number}",
    operation_id = "deleteDnc",
    tag = "Do not call",
    params(On, ("number" = String, Path, description = "The number, written in any way", example = "+493055501901")),
    responses((status = 204, description = "Done")),
    security(("bearer" = ["dnc:write"]))
)]
async fn remove(State(web): State<Web>, bearer: Bearer, Path(raw): Path<String>, Query(on): Query<On>) -> Result<StatusCode, ApiError> {
    let account = &bearer.with(Scope::DncWrite)?.account;
    let order =
        DncOrder { channel: channel(on.channel.as_deref())?, number: number(account, &raw, "number")?, listed: false, source: "api" };
    let was_there = web.app.apply_dnc(account, vec![order]).await?.first() == Some(&true);
    if was_there { Ok(StatusCode::NO_CONTENT) } else { Err(not_listed()) }
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// `voice` (calls) when absent, or `message`.
    channel: Option<String>,
    cursor: Option<String>,
    limit: Option<i64>,
}

/// The numbers of the list.
#[utoipa::path(
    get,
    path = "/api/v1/dnc",
    operation_id = "listDnc",
    tag = "Do not call",
    params(Asked),
    responses((status = 200, description = "A page", content((page::Page<Listed> = "application/json"), (String = "text/csv")))),
    security(("bearer" = ["leads:read"]))
)]
async fn list(State(web): State<Web>, bearer: Bearer, headers: HeaderMap, Query(asked): Query<Asked>) -> Result<Response, ApiError> {
    let account = &bearer.with(Scope::LeadsRead)?.account;
    let (channel, limit) = (channel(asked.channel.as_deref())?, page::limit(asked.limit)?);
    let after: String = page::read_cursor(asked.cursor.as_deref())?.unwrap_or_default();
    let rows = book::page(web.app.db.read(), account.id, channel, &after, limit + 1).await?;
    let rows: Vec<Listed> = rows.into_iter().map(Listed::from).collect();
    page::page(&headers, rows, limit, &COLUMNS, |row| row.number.clone())
}

/// Numbers for the list, or to be taken off it.
#[derive(Deserialize, ToSchema)]
#[schema(as = DncBatch)]
#[serde(deny_unknown_fields)]
struct Batch {
    /// Written in any way.
    #[schema(min_items = 1, max_items = 1000)]
    numbers: Vec<String>,
    /// `voice` (calls) when absent, or `message`.
    channel: Option<String>,
    #[serde(default)]
    op: Op,
}

/// What to do with them.
#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[schema(as = DncOp)]
#[serde(rename_all = "lowercase")]
enum Op {
    #[default]
    Add,
    Remove,
}

/// Puts numbers on the list or takes them away, each for itself; one answer per number. Sending it again is safe.
#[utoipa::path(
    post,
    path = "/api/v1/dnc/batch",
    operation_id = "changeDnc",
    tag = "Do not call",
    request_body = Batch,
    responses((status = 200, description = "Done", body = Answers<NumberAnswer>)),
    security(("bearer" = ["dnc:write"]))
)]
async fn batch(State(web): State<Web>, bearer: Bearer, Body(batch): Body<Batch>) -> Result<Json<Answers<NumberAnswer>>, ApiError> {
    let account = &bearer.with(Scope::DncWrite)?.account;
    if !(1..=MAX_NUMBERS).contains(&batch.numbers.len()) {
        return Err(ApiError::Invalid { field: "numbers".into(), message: format!("expected 1 to {MAX_NUMBERS} numbers").into() });
    }
    let channel = channel(batch.channel.as_deref())?;
    let read = |(index, raw): (usize, &String)| number(account, raw, format!("numbers[{index}]"));
    let numbers: Vec<Result<Number, ApiError>> = batch.numbers.iter().enumerate().map(read).collect();
    let listed = batch.op == Op::Add;
    let orders = numbers.iter().flatten().map(|number| DncOrder { channel, number: number.clone(), listed, source: "api" }).collect();
    let mut done = web.app.apply_dnc(account, orders).await?.into_iter();
    let answer = |number: Result<Number, ApiError>| match number {
        Ok(number) => {
            let status = match (batch.op, done.next().unwrap_or_default()) {
                (Op::Add, true) => 201,
                (Op::Add, false) | (Op::Remove, true) => 200,
                (Op::Remove, false) => 404,
            };
            NumberAnswer::taken(status, number)
        }
        Err(error) => NumberAnswer::refused(&error),
    };
    Ok(Json(Answers { items: numbers.into_iter().map(answer).collect() }))
}
