//! The do-not-call list and its sister for messages: `/api/v1/dnc`.

use std::borrow::Cow;

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::page;
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

pub(super) fn router() -> Router<Web> {
    Router::new()
        .route("/api/v1/dnc", get(list))
        .route("/api/v1/dnc/batch", post(batch))
        .route("/api/v1/dnc/{number}", get(show).put(add).delete(remove))
}

/// An entry of the list.
#[derive(Serialize)]
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
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct On {
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

async fn show(State(web): State<Web>, bearer: Bearer, Path(raw): Path<String>, Query(on): Query<On>) -> Result<Json<Listed>, ApiError> {
    let account = &bearer.with(Scope::LeadsRead)?.account;
    let (channel, number) = (channel(on.channel.as_deref())?, number(account, &raw, "number")?);
    entry(&web, account, channel, &number).await.map(Json)
}

/// Puts a number on the list. Leads of a number that must not be called are marked.
async fn add(State(web): State<Web>, bearer: Bearer, Path(raw): Path<String>, Query(on): Query<On>) -> Result<Response, ApiError> {
    let account = &bearer.with(Scope::DncWrite)?.account;
    let (channel, number) = (channel(on.channel.as_deref())?, number(account, &raw, "number")?);
    let order = DncOrder { channel, number: number.clone(), listed: true, source: "api" };
    let is_new = web.app.apply_dnc(account, vec![order]).await?.first() == Some(&true);
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(entry(&web, account, channel, &number).await?)).into_response())
}

async fn remove(State(web): State<Web>, bearer: Bearer, Path(raw): Path<String>, Query(on): Query<On>) -> Result<StatusCode, ApiError> {
    let account = &bearer.with(Scope::DncWrite)?.account;
    let order =
        DncOrder { channel: channel(on.channel.as_deref())?, number: number(account, &raw, "number")?, listed: false, source: "api" };
    let was_there = web.app.apply_dnc(account, vec![order]).await?.first() == Some(&true);
    if was_there { Ok(StatusCode::NO_CONTENT) } else { Err(not_listed()) }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    channel: Option<String>,
    cursor: Option<String>,
    limit: Option<i64>,
}

async fn list(State(web): State<Web>, bearer: Bearer, headers: HeaderMap, Query(asked): Query<Asked>) -> Result<Response, ApiError> {
    let account = &bearer.with(Scope::LeadsRead)?.account;
    let (channel, limit) = (channel(asked.channel.as_deref())?, page::limit(asked.limit)?);
    let after: String = page::read_cursor(asked.cursor.as_deref())?.unwrap_or_default();
    let rows = book::page(web.app.db.read(), account.id, channel, &after, limit + 1).await?;
    let rows: Vec<Listed> = rows.into_iter().map(Listed::from).collect();
    page::page(&headers, rows, limit, &COLUMNS, |row| row.number.clone())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Batch {
    numbers: Vec<String>,
    channel: Option<String>,
    #[serde(default)]
    op: Op,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Op {
    #[default]
    Add,
    Remove,
}

/// Puts numbers on the list or takes them away, each for itself; one answer per number. Sending it again is safe.
async fn batch(State(web): State<Web>, bearer: Bearer, Body(batch): Body<Batch>) -> Result<Json<Value>, ApiError> {
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
            json!({"status": status, "number": number})
        }
        Err(error) => {
            let mut answer = json!(error.form());
            answer["status"] = json!(422);
            answer
        }
    };
    let items: Vec<Value> = numbers.into_iter().map(answer).collect();
    Ok(Json(json!({ "items": items })))
}
