//! Agents' dial lists: `/api/v1/dial-lists`. An agent's session reads its own lists and marks their numbers.

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

pub(super) fn router() -> OpenApiRouter<Web> {
    OpenApiRouter::new()
        .routes(routes!(lists))
        .routes(routes!(show, create, remove))
        .routes(routes!(next))
        .routes(routes!(numbers, add, clear))
        .routes(routes!(mark, remove_number))
}

/// The list in the address.
type Named = Path<(String, String)>;
/// The list and the number in the address.
type NamedNumber = Path<(String, String, String)>;

/// A list, without its numbers.
#[derive(Serialize, ToSchema)]
#[schema(as = DialList)]
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
#[derive(Serialize, ToSchema)]
#[schema(as = DialListNumber)]
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

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// Whose lists; everybody's when absent.
    agent: Option<String>,
    cursor: Option<String>,
    limit: Option<i64>,
}

/// Lists by agent and name. An agent's session sees its own.
#[utoipa::path(
    get,
    path = "/api/v1/dial-lists",
    operation_id = "listDialLists",
    tag = "Dial lists",
    params(Asked),
    responses((status = 200, description = "A page", content((page::Page<Shown> = "application/json"), (String = "text/csv")))),
    security(("bearer" = ["leads:read"]))
)]
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

/// One list.
#[utoipa::path(
    get,
    path = "/api/v1/dial-lists/{agent}/{list}",
    operation_id = "getDialList",
    tag = "Dial lists",
    params(("agent" = String, Path, description = "The agent's login", example = "anna"), ("list" = String, Path, description = "The list's name", example = "hot")),
    responses((status = 200, description = "Done", body = Shown)),
    security(("bearer" = ["leads:read"]))
)]
async fn show(State(web): State<Web>, bearer: Bearer, Path((agent, list)): Named) -> Result<Json<Shown>, ApiError> {
    let account = reader(&bearer, &agent)?;
    Ok(Json(found(&web, account, &agent, &list).await?.into()))
}

/// Makes a list. One that is there stays as it is, so that this may be sent again.
#[utoipa::path(
    put,
    path = "/api/v1/dial-lists/{agent}/{list}",
    operation_id = "putDialList",
    tag = "Dial lists",
    params(("agent" = String, Path, description = "The agent's login", example = "anna"), ("list" = String, Path, description = "The list's name", example = "hot")),
    responses((status = 201, description = "Made", body = Shown), (status = 200, description = "It was there", body = Shown)),
    security(("bearer" = ["lists:write"]))
)]
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
#[utoipa::path(
    delete,
    path = "/api/v1/dial-lists/{agent}/{list}",
    operation_id = "deleteDialList",
    tag = "Dial lists",
    params(("agent" = String, Path, description = "The agent's login", example = "anna"), ("list" = String, Path, description = "The list's name", example = "hot")),
    responses((status = 204, description = "Done")),
    security(("bearer" = ["lists:write"]))
)]
async fn remove(State(web): State<Web>, bearer: Bearer, Path((agent, list)): Named) -> Result<StatusCode, ApiError> {
    let account = &bearer.with(Scope::ListsWrite)?.account;
    let done = web.app.change_dial_list(account, &agent, (&list, Naming::WithAgent), ListOrder::Delete).await?;
    done.map(|_| StatusCode::NO_CONTENT).map_err(|error| refused(&error))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct NumbersAsked {
    /// Only those that are, or are not.
    dialed: Option<bool>,
    cursor: Option<String>,
    limit: Option<i64>,
}

fn marked(dialed: bool) -> Mark {
    if dialed { Mark::Dialed } else { Mark::Undialed }
}

/// The numbers of a list, in the order in which they were added.
#[utoipa::path(
    get,
    path = "/api/v1/dial-lists/{agent}/{list}/numbers",
    operation_id = "listDialListNumbers",
    tag = "Dial lists",
    params(NumbersAsked, ("agent" = String, Path, description = "The agent's login", example = "anna"), ("list" = String, Path, description = "The list's name", example = "hot")),
    responses((status = 200, description = "A page", content((page::Page<ShownNumber> = "application/json"), (String = "text/csv")))),
    security(("bearer" = ["leads:read"]))
)]
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

/// The number to dial next.
#[derive(Serialize, ToSchema)]
#[schema(as = NextOfDialList)]
struct Next {
    /// `null` when every number is dialed.
    item: Option<ShownNumber>,
}

/// The number to dial next. One that must not be called is passed over.
#[utoipa::path(
    get,
    path = "/api/v1/dial-lists/{agent}/{list}/next",
    operation_id = "getNextOfDialList",
    tag = "Dial lists",
    params(("agent" = String, Path, description = "The agent's login", example = "anna"), ("list" = String, Path, description = "The list's name", example = "hot")),
    responses((status = 200, description = "Done", body = Next)),
    security(("bearer" = ["leads:read"]))
)]
async fn next(State(web): State<Web>, bearer: Bearer, Path((agent, list)): Named) -> Result<Json<Next>, ApiError> {
    let account = reader(&bearer, &agent)?;
    let list = found(&web, account, &agent, &list).await?;
    let next = book::next(web.app.db.read(), account.id, list.id).await?.map(ShownNumber::from);
    Ok(Json(Next { item: next }))
}

/// Numbers, written in any way.
#[derive(Deserialize, ToSchema)]
#[schema(as = DialListNumbers)]
#[serde(deny_unknown_fields)]
struct Batch {
    #[schema(min_items = 1, max_items = 1000)]
    numbers: Vec<String>,
}

/// Adds numbers behind those that are there, each for itself; one answer per number. Sending it again is safe.
#[utoipa::path(
    post,
    path = "/api/v1/dial-lists/{agent}/{list}/numbers",
    operation_id = "addDialListNumbers",
    tag = "Dial lists",
    params(("agent" = String, Path, description = "The agent's login", example = "anna"), ("list" = String, Path, description = "The list's name", example = "hot")),
    request_body = Batch,
    responses((status = 200, description = "Done", body = Answers<NumberAnswer>)),
    security(("bearer" = ["lists:write"]))
)]
async fn add(
    State(web): State<Web>,
    bearer: Bearer,
    Path((agent, list)): Named,
    Body(batch): Body<Batch>,
) -> Result<Json<Answers<NumberAnswer>>, ApiError> {
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
            Ok((number, added)) => NumberAnswer::taken(if added == Added::New { 201 } else { 200 }, number),
            Err(error) => NumberAnswer::refused(&error),
        }
    };
    Ok(Json(Answers { items: numbers.into_iter().map(answer).collect() }))
}

/// Takes all numbers out.
#[utoipa::path(
    delete,
    path = "/api/v1/dial-lists/{agent}/{list}/numbers",
    operation_id = "clearDialList",
    tag = "Dial lists",
    params(("agent" = String, Path, description = "The agent's login", example = "anna"), ("list" = String, Path, description = "The list's name", example = "hot")),
    responses((status = 204, description = "Done")),
    security(("bearer" = ["lists:write"]))
)]
async fn clear(State(web): State<Web>, bearer: Bearer, Path((agent, list)): Named) -> Result<StatusCode, ApiError> {
    let account = &bearer.with(Scope::ListsWrite)?.account;
    let done = web.app.change_dial_list(account, &agent, (&list, Naming::WithAgent), ListOrder::Clear).await?;
    done.map(|_| StatusCode::NO_CONTENT).map_err(|error| refused(&error))
}

/// How a number is to be marked.
#[derive(Deserialize, ToSchema)]
#[schema(as = DialListMark)]
#[serde(deny_unknown_fields)]
struct Marked {
    dialed: bool,
}

/// A number as it is marked now.
#[derive(Serialize, ToSchema)]
struct MarkDone {
    number: Number,
    dialed: bool,
    /// Whether it was marked otherwise before.
    changed: bool,
}

/// Marks a number as dialed or not. No lead and no record of a call is touched.
#[utoipa::path(
    patch,
    path = "/api/v1/dial-lists/{agent}/{list}/numbers/{number}",
    operation_id = "markDialListNumber",
    tag = "Dial lists",
    params(("agent" = String, Path, description = "The agent's login", example = "anna"), ("list" = String, Path, description = "The list's name", example = "hot"), ("number" = String, Path, description = "The number, written in any way", example = "+493055501901")),
    request_body = Marked,
    responses((status = 200, description = "Done", body = MarkDone)),
    security(("bearer" = ["lists:write"]))
)]
async fn mark(
    State(web): State<Web>,
    bearer: Bearer,
    Path((agent, list, raw)): NamedNumber,
    Body(Marked { dialed }): Body<Marked>,
) -> Result<Json<MarkDone>, ApiError> {
    let grant = owner(&bearer, &agent).map_or_else(|| bearer.with(Scope::ListsWrite), Ok)?;
    let number = number(&grant.account, &raw, "number")?;
    let order = ListOrder::Mark(number.clone(), marked(dialed));
    let done = web.app.change_dial_list(&grant.account, &agent, (&list, Naming::WithAgent), order).await?;
    let changed = done.map_err(|error| refused(&error))?;
    Ok(Json(MarkDone { number, dialed, changed }))
}

/// Takes a number out.
#[utoipa::path(
    delete,
    path = "/api/v1/dial-lists/{agent}/{list}/numbers/{number}",
    operation_id = "deleteDialListNumber",
    tag = "Dial lists",
    params(("agent" = String, Path, description = "The agent's login", example = "anna"), ("list" = String, Path, description = "The list's name", example = "hot"), ("number" = String, Path, description = "The number, written in any way", example = "+493055501901")),
    responses((status = 204, description = "Done")),
    security(("bearer" = ["lists:write"]))
)]
async fn remove_number(State(web): State<Web>, bearer: Bearer, Path((agent, list, raw)): NamedNumber) -> Result<StatusCode, ApiError> {
    let account = &bearer.with(Scope::ListsWrite)?.account;
    let order = ListOrder::Remove(number(account, &raw, "number")?);
    let done = web.app.change_dial_list(account, &agent, (&list, Naming::WithAgent), order).await?;
    done.map(|_| StatusCode::NO_CONTENT).map_err(|error| refused(&error))
}
