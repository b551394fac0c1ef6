//! Agents' dial lists: `/api/v1/dial-lists`. An agent's session reads its own lists and marks their numbers.

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::get,
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::page;
use crate::{
    app::{
        dial_lists::{ListOrder, Naming},
        directory::{Account, Grant},
    },
    domain::{
        dial_list::{Added, DialListError, Mark},
        phone::Number,
        scope::Scope,
    },
    http::{
        Web,
        auth::Bearer,
        error::ApiError,
        input::{Body, Path, Query},
    },
    store::dial_lists::{self as book, CountedList, PhoneRow},
};

/// Most numbers that are added at once.
const MAX_NUMBERS: usize = 1_000;

pub(super) fn router() -> Router<Web> {
    Router::new()
        .route("/api/v1/dial-lists", get(lists))
        .route("/api/v1/dial-lists/{agent}/{list}", get(show).put(create).delete(remove))
        .route("/api/v1/dial-lists/{agent}/{list}/next", get(next))
        .route("/api/v1/dial-lists/{agent}/{list}/numbers", get(numbers).post(add).delete(clear))
        .route("/api/v1/dial-lists/{agent}/{list}/numbers/{number}", axum::routing::patch(mark).delete(remove_number))
}

/// The list in the address.
type Named = Path<(String, String)>;
/// The list and the number in the address.
type NamedNumber = Path<(String, String, String)>;

/// A list, without its numbers.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    agent: String,
    name: String,
    numbers: i64,
    dialed: i64,
    created_at: DateTime<Utc>,
}

const COLUMNS: [&str; 5] = ["agent", "name", "numbers", "dialed", "createdAt"];

impl From<CountedList> for Shown {
    fn from(CountedList { agent, name, created_at, phones, dialed, .. }: CountedList) -> Self {
        Self { agent, name, numbers: phones, dialed, created_at }
    }
}

/// A number of a list.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownNumber {
    #[serde(skip)]
    position: i64,
    number: String,
    dialed: bool,
    on_dnc: bool,
}

const NUMBER_COLUMNS: [&str; 3] = ["number", "dialed", "onDnc"];

impl From<PhoneRow> for ShownNumber {
    fn from(PhoneRow { position, phone, dialed, on_dnc }: PhoneRow) -> Self {
        Self { position, number: phone, dialed, on_dnc }
    }
}

/// Whose session this is: an agent's lists are his to read and to mark.
fn owner<'a>(bearer: &'a Bearer, agent: &str) -> Option<&'a Grant> {
    Some(&bearer.0).filter(|grant| grant.subject.agent() == Some(agent))
}

fn reader<'a>(bearer: &'a Bearer, agent: &str) -> Result<&'a Account, ApiError> {
    let grant = owner(bearer, agent).map_or_else(|| bearer.with(Scope::LeadsRead), Ok)?;
    Ok(&grant.account)
}

fn no_such_list() -> ApiError {
    ApiError::NotFound("there is no such dial list".into())
}

/// What the law refuses, as the field of the address that is at fault.
fn refused(error: &DialListError) -> ApiError {
    let message = error.to_string().into();
    match error {
        DialListError::Name => ApiError::Invalid { field: "list".into(), message },
        DialListError::Digits => ApiError::Invalid { field: "number".into(), message },
        DialListError::NoSuchList { .. } => no_such_list(),
        DialListError::NoSuchNumber => ApiError::NotFound(message),
        DialListError::Exists { .. } | DialListError::Ambiguous { .. } | DialListError::Full => ApiError::Conflict(message),
    }
}

fn number(account: &Account, raw: &str, field: impl Into<std::borrow::Cow<'static, str>>) -> Result<Number, ApiError> {
    let wrong = || ApiError::Invalid { field: field.into(), message: "expected a telephone number".into() };
    Number::read(raw, account.region).ok_or_else(wrong)
}

async fn found(web: &Web, account: &Account, agent: &str, list: &str) -> Result<CountedList, ApiError> {
    book::get(web.app.db.read(), account.id, agent, list).await?.ok_or_else(no_such_list)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    agent: Option<String>,
    cursor: Option<String>,
    limit: Option<i64>,
}

/// Lists by agent and name. An agent's session sees its own.
async fn lists(State(web): State<Web>, bearer: Bearer, headers: HeaderMap, Query(asked): Query<Asked>) -> Result<Response, ApiError> {
    let agent = asked.agent.as_deref().or_else(|| bearer.0.subject.agent());
    let account = match agent {
        Some(agent) => reader(&bearer, agent)?,
        None => &bearer.with(Scope::LeadsRead)?.account,
    };
    let limit = page::limit(asked.limit)?;
    let after: (String, String) = page::read_cursor(asked.cursor.as_deref())?.unwrap_or_default();
    let rows = book::lists(web.app.db.read(), account.id, agent, (&after.0, &after.1), limit + 1).await?;
    let rows: Vec<Shown> = rows.into_iter().map(Shown::from).collect();
    page::page(&headers, rows, limit, &COLUMNS, |row| (row.agent.clone(), row.name.clone()))
}

async fn show(State(web): State<Web>, bearer: Bearer, Path((agent, list)): Named) -> Result<Json<Shown>, ApiError> {
    let account = reader(&bearer, &agent)?;
    Ok(Json(found(&web, account, &agent, &list).await?.into()))
}

/// Makes a list. One that is there stays as it is, so that this may be sent again.
async fn create(State(web): State<Web>, bearer: Bearer, Path((agent, list)): Named) -> Result<Response, ApiError> {
    let account = &bearer.with(Scope::ListsWrite)?.account;
    if account.roster.by_login(&agent).is_none() {
        return Err(ApiError::Invalid { field: "agent".into(), message: "there is no such agent".into() });
    }
    let status = match web.app.change_dial_list(account, &agent, (&list, Naming::WithAgent), ListOrder::Create).await? {
        Ok(_) => StatusCode::CREATED,
        Err(DialListError::Exists { .. }) => StatusCode::OK,
        Err(error) => return Err(refused(&error)),
    };
    Ok((status, Json(Shown::from(found(&web, account, &agent, &list).await?))).into_response())
}

/// Removes a list with its numbers.
async fn remove(State(web): State<Web>, bearer: Bearer, Path((agent, list)): Named) -> Result<StatusCode, ApiError> {
    let account = &bearer.with(Scope::ListsWrite)?.account;
    let done = web.app.change_dial_list(account, &agent, (&list, Naming::WithAgent), ListOrder::Delete).await?;
    done.map(|_| StatusCode::NO_CONTENT).map_err(|error| refused(&error))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NumbersAsked {
    dialed: Option<bool>,
    cursor: Option<String>,
    limit: Option<i64>,
}

fn marked(dialed: bool) -> Mark {
    if dialed { Mark::Dialed } else { Mark::Undialed }
}

/// The numbers of a list, in the order in which they were added.
async fn numbers(
    State(web): State<Web>,
    bearer: Bearer,
    Path((agent, list)): Named,
    headers: HeaderMap,
    Query(asked): Query<NumbersAsked>,
) -> Result<Response, ApiError> {
    let account = reader(&bearer, &agent)?;
    let limit = page::limit(asked.limit)?;
    let after: i64 = page::read_cursor(asked.cursor.as_deref())?.unwrap_or_default();
    let list = found(&web, account, &agent, &list).await?;
    let rows = book::phones(web.app.db.read(), (account.id, list.id), asked.dialed.map(marked), after, limit + 1).await?;
    page::page(&headers, rows.into_iter().map(ShownNumber::from).collect(), limit, &NUMBER_COLUMNS, |row| row.position)
}

/// The number to dial next. One that must not be called is passed over.
async fn next(State(web): State<Web>, bearer: Bearer, Path((agent, list)): Named) -> Result<Json<Value>, ApiError> {
    let account = reader(&bearer, &agent)?;
    let list = found(&web, account, &agent, &list).await?;
    let next = book::next(web.app.db.read(), account.id, list.id).await?.map(ShownNumber::from);
    Ok(Json(json!({ "item": next })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Batch {
    numbers: Vec<String>,
}

/// Adds numbers behind those that are there, each for itself; one answer per number. Sending it again is safe.
async fn add(
    State(web): State<Web>,
    bearer: Bearer,
    Path((agent, list)): Named,
    Body(batch): Body<Batch>,
) -> Result<Json<Value>, ApiError> {
    let account = &bearer.with(Scope::ListsWrite)?.account;
    if !(1..=MAX_NUMBERS).contains(&batch.numbers.len()) {
        return Err(ApiError::Invalid { field: "numbers".into(), message: format!("expected 1 to {MAX_NUMBERS} numbers").into() });
    }
    let read = |(index, raw): (usize, &String)| number(account, raw, format!("numbers[{index}]"));
    let numbers: Vec<Result<Number, ApiError>> = batch.numbers.iter().enumerate().map(read).collect();
    let readable = numbers.iter().flatten().cloned().collect();
    let mut each = web.app.add_to_dial_list(account, &agent, &list, readable).await?.map_err(|error| refused(&error))?.into_iter();
    let answer = |number: Result<Number, ApiError>| {
        let added = match number {
            Ok(number) => match each.next() {
                Some(Ok(added)) => Ok((number, added)),
                Some(Err(error)) => Err(refused(&error)),
                None => Err(no_such_list()),
            },
            Err(error) => Err(error),
        };
        match added {
            Ok((number, added)) => json!({"status": if added == Added::New { 201 } else { 200 }, "number": number}),
            Err(error) => {
                let mut answer = json!(error.form());
                answer["status"] = json!(error.status().0.as_u16());
                answer
            }
        }
    };
    let items: Vec<Value> = numbers.into_iter().map(answer).collect();
    Ok(Json(json!({ "items": items })))
}

/// Takes all numbers out.
async fn clear(State(web): State<Web>, bearer: Bearer, Path((agent, list)): Named) -> Result<StatusCode, ApiError> {
    let account = &bearer.with(Scope::ListsWrite)?.account;
    let done = web.app.change_dial_list(account, &agent, (&list, Naming::WithAgent), ListOrder::Clear).await?;
    done.map(|_| StatusCode::NO_CONTENT).map_err(|error| refused(&error))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Marked {
    dialed: bool,
}

/// Marks a number as dialed or not. No lead and no record of a call is touched.
async fn mark(
    State(web): State<Web>,
    bearer: Bearer,
    Path((agent, list, raw)): NamedNumber,
    Body(Marked { dialed }): Body<Marked>,
) -> Result<Json<Value>, ApiError> {
    let grant = owner(&bearer, &agent).map_or_else(|| bearer.with(Scope::ListsWrite), Ok)?;
    let number = number(&grant.account, &raw, "number")?;
    let order = ListOrder::Mark(number.clone(), marked(dialed));
    let done = web.app.change_dial_list(&grant.account, &agent, (&list, Naming::WithAgent), order).await?;
    let changed = done.map_err(|error| refused(&error))?;
    Ok(Json(json!({"number": number, "dialed": dialed, "changed": changed})))
}

async fn remove_number(State(web): State<Web>, bearer: Bearer, Path((agent, list, raw)): NamedNumber) -> Result<StatusCode, ApiError> {
    let account = &bearer.with(Scope::ListsWrite)?.account;
    let order = ListOrder::Remove(number(account, &raw, "number")?);
    let done = web.app.change_dial_list(account, &agent, (&list, Naming::WithAgent), order).await?;
    done.map(|_| StatusCode::NO_CONTENT).map_err(|error| refused(&error))
}
