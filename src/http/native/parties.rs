//! The party directory: `PUT`, `GET`, `DELETE /api/v1/parties/{type}/{id}`, list, search by number, CSV in and out.

use std::{cmp::Reverse, collections::HashMap};

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::Response,
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::page;
use crate::{
    app::{
        admin::Admin,
        directory::Account,
        parties::{self, PartyDraft},
    },
    domain::{phone::Number, scope::Scope},
    http::{
        Web,
        auth::Bearer,
        error::ApiError,
        input::{Body, Path, Query, Raw},
    },
    store::parties::{self as book, NewParty, NumberRow, PartyRow},
};

/// Most rows of one CSV.
const MAX_ROWS: usize = 10_000;

pub(super) fn router() -> OpenApiRouter<Web> {
    OpenApiRouter::new().routes(routes!(list, import)).routes(routes!(store, show, remove))
}

/// A party as the client writes it.
#[derive(Deserialize, ToSchema)]
#[schema(as = PartyBody)]
#[serde(deny_unknown_fields)]
struct Written {
    name: String,
    email: Option<String>,
    url: Option<String>,
    #[serde(default)]
    numbers: Vec<String>,
}

/// The columns of CSV: those of an import first.
const COLUMNS: [&str; 7] = ["type", "id", "name", "numbers", "email", "url", "updatedAt"];

/// A contact, account, case or user of the CRM.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Party {
    r#type: String,
    id: String,
    name: String,
    email: Option<String>,
    url: Option<String>,
    numbers: Vec<String>,
    updated_at: DateTime<Utc>,
}

impl Party {
    pub(super) fn new(row: PartyRow, numbers: Vec<String>) -> Self {
        Self { r#type: row.kind, id: row.id, name: row.name, email: row.email, url: row.url, numbers, updated_at: row.updated_at }
    }
}

/// Writes parties in a task of its own: a client that goes away must not cut a transaction in two.
pub(crate) async fn write(web: &Web, account: &Account, list: Vec<NewParty>) -> Result<(), ApiError> {
    let admin = Admin::new(web.app.db.clone(), web.app.clock.clone());
    let (id, name) = (account.id, account.name.clone());
    let written = tokio::spawn(async move { admin.put_parties((id, &name), &list).await }).await;
    written.map_err(|error| ApiError::Internal(error.into()))??;
    web.app.directory.invalidate(account.id);
    Ok(())
}

/// Stores a party, whole.
#[utoipa::path(
    put,
    path = "/api/v1/parties/{type}/{id}",
    operation_id = "putParty",
    tag = "Parties",
    params(("type" = String, Path, description = "`contact`, `account`, `case` or `user`, or a word of the CRM's own", example = "contact"), ("id" = String, Path, description = "The CRM's id")),
    request_body = Written,
    responses((status = 200, description = "Done", body = Party)),
    security(("bearer" = ["leads:write"]))
)]
async fn store(
    State(web): State<Web>,
    bearer: Bearer,
    Path((kind, id)): Path<(String, String)>,
    Body(party): Body<Written>,
) -> Result<Json<Party>, ApiError> {
    let account = bearer.with(Scope::LeadsWrite)?.account.clone();
    let draft = PartyDraft { kind: &kind, id: &id, name: &party.name, email: party.email, url: party.url, numbers: &party.numbers };
    let party = parties::check(&account, draft)?;
    write(&web, &account, vec![party]).await?;
    show_party(&web, &account, &kind, &id).await
}

/// One party.
#[utoipa::path(
    get,
    path = "/api/v1/parties/{type}/{id}",
    operation_id = "getParty",
    tag = "Parties",
    params(("type" = String, Path, description = "`contact`, `account`, `case` or `user`, or a word of the CRM's own", example = "contact"), ("id" = String, Path, description = "The CRM's id")),
    responses((status = 200, description = "Done", body = Party)),
    security(("bearer" = ["leads:read"]))
)]
async fn show(State(web): State<Web>, bearer: Bearer, Path((kind, id)): Path<(String, String)>) -> Result<Json<Party>, ApiError> {
    let account = bearer.with(Scope::LeadsRead)?.account.clone();
    show_party(&web, &account, &kind, &id).await
}

async fn show_party(web: &Web, account: &Account, kind: &str, id: &str) -> Result<Json<Party>, ApiError> {
    let row = book::get(web.app.db.read(), account.id, kind, id).await?.ok_or(ApiError::NotFound("there is no such party".into()))?;
    let numbers = book::numbers(web.app.db.read(), account.id, &row.kind, &row.id).await?;
    Ok(Json(Party::new(row, numbers)))
}

/// Removes a party.
#[utoipa::path(
    delete,
    path = "/api/v1/parties/{type}/{id}",
    operation_id = "deleteParty",
    tag = "Parties",
    params(("type" = String, Path, description = "`contact`, `account`, `case` or `user`, or a word of the CRM's own", example = "contact"), ("id" = String, Path, description = "The CRM's id")),
    responses((status = 204, description = "Done")),
    security(("bearer" = ["leads:write"]))
)]
async fn remove(State(web): State<Web>, bearer: Bearer, Path((kind, id)): Path<(String, String)>) -> Result<StatusCode, ApiError> {
    let account = bearer.with(Scope::LeadsWrite)?.account.clone();
    let admin = Admin::new(web.app.db.clone(), web.app.clock.clone());
    let (account_id, name) = (account.id, account.name.clone());
    let removed = tokio::spawn(async move { admin.remove_party((account_id, &name), &kind, &id).await }).await;
    let removed = removed.map_err(|error| ApiError::Internal(error.into()))??;
    web.app.directory.invalidate(account.id);
    if removed { Ok(StatusCode::NO_CONTENT) } else { Err(ApiError::NotFound("there is no such party".into())) }
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// Only those with this number, the one changed last first.
    number: Option<String>,
    cursor: Option<String>,
    limit: Option<i64>,
}

/// Parties, or those that have a number.
#[utoipa::path(
    get,
    path = "/api/v1/parties",
    operation_id = "listParties",
    tag = "Parties",
    params(Asked),
    responses((status = 200, description = "A page", content((page::Page<Party> = "application/json"), (String = "text/csv")))),
    security(("bearer" = ["leads:read"]))
)]
async fn list(State(web): State<Web>, bearer: Bearer, headers: HeaderMap, Query(asked): Query<Asked>) -> Result<Response, ApiError> {
    let account = bearer.with(Scope::LeadsRead)?.account.clone();
    let limit = page::limit(asked.limit)?;
    let on = web.app.db.read();
    let Some(raw) = &asked.number else {
        let after: (String, String) = page::read_cursor(asked.cursor.as_deref())?.unwrap_or_default();
        let rows = book::list(on, account.id, (&after.0, &after.1), limit + 1).await?;
        let numbers = match (rows.first(), rows.last()) {
            (Some(first), Some(last)) => book::numbers_between(on, account.id, (&first.kind, &first.id), (&last.kind, &last.id)).await?,
            _ => vec![],
        };
        return page::page(&headers, with_numbers(rows, numbers), limit, &COLUMNS, |party| (party.r#type.clone(), party.id.clone()));
    };
    let number = Number::read(raw, account.region)
        .ok_or(ApiError::Invalid { field: "number".into(), message: "expected a telephone number".into() })?;
    let after: Option<Changed> = page::read_cursor(asked.cursor.as_deref())?;
    let mut rows = book::by_number(on, account.id, &number).await?;
    // few share a number, so the book gives them all
    rows.sort_by(|a, b| (Reverse(a.updated_at), &a.kind, &a.id).cmp(&(Reverse(b.updated_at), &b.kind, &b.id)));
    rows.retain(|row| after.as_ref().is_none_or(|after| (Reverse(row.updated_at), &row.kind, &row.id) > (after.0, &after.1, &after.2)));
    rows.truncate(usize::try_from(limit + 1).unwrap_or(usize::MAX));
    let numbers = if rows.is_empty() { vec![] } else { book::numbers_beside(on, account.id, &number).await? };
    page::page(&headers, with_numbers(rows, numbers), limit, &COLUMNS, |party| {
        (Reverse(party.updated_at), party.r#type.clone(), party.id.clone())
    })
}

/// The key of a party among those that share a number: the one changed last comes first.
type Changed = (Reverse<DateTime<Utc>>, String, String);

fn with_numbers(rows: Vec<PartyRow>, numbers: Vec<NumberRow>) -> Vec<Party> {
    let mut of: HashMap<(String, String), Vec<String>> = HashMap::new();
    for NumberRow { kind, id, number } in numbers {
        of.entry((kind, id)).or_default().push(number);
    }
    rows.into_iter()
        .map(|row| {
            let numbers = of.remove(&(row.kind.clone(), row.id.clone())).unwrap_or_default();
            Party::new(row, numbers)
        })
        .collect()
}

/// What an import did.
#[derive(Serialize, ToSchema)]
#[schema(as = PartiesStored)]
struct Stored {
    /// Rows.
    stored: usize,
}

/// `POST` of a CSV with the columns type, id, name, numbers (separated by semicolons), email, url. All or nothing.
#[utoipa::path(
    post,
    path = "/api/v1/parties",
    operation_id = "importParties",
    tag = "Parties",
    request_body(content = String, content_type = "text/csv"),
    responses((status = 200, description = "Done", body = Stored)),
    security(("bearer" = ["leads:write"]))
)]
async fn import(State(web): State<Web>, bearer: Bearer, headers: HeaderMap, Raw(body): Raw) -> Result<Json<Stored>, ApiError> {
    let account = bearer.with(Scope::LeadsWrite)?.account.clone();
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !content_type.starts_with("text/csv") {
        return Err(ApiError::Unreadable(
            "expected a body with Content-Type: text/csv; store one party with PUT /api/v1/parties/{type}/{id}".into(),
        ));
    }
    let list = parties::read_csv(&account, &body, MAX_ROWS)?;
    let count = list.len();
    write(&web, &account, list).await?;
    Ok(Json(Stored { stored: count }))
}
