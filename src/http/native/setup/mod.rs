//! What an account has set up: each kind of record by its name, such as `/api/v1/campaigns/{name}`.

mod pacing;
mod preview;
mod shown;

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    app::{
        playlists::{PlaylistOrder, PlaylistRefusal},
        setup::{Change, Changed, Meant, Refusal},
        skills::SkillRefusal,
    },
    domain::{
        scope::Scope,
        setup::{Invalid, Kind, OPTIONS, checked_name},
    },
    http::{
        Web,
        auth::Bearer,
        error::ApiError,
        input::{Body, Path, Query},
    },
    store::setup as book,
};

pub(super) fn router() -> OpenApiRouter<Web> {
    let reloads = OpenApiRouter::new().routes(routes!(reload_playlist)).routes(routes!(reload_ring_group));
    // what is the same for every kind is described in `openapi/setup.rs`
    Kind::ALL.iter().fold(preview::router().merge(pacing::router()).merge(reloads), |router, &kind| {
        let path = format!("/api/v1/{}", kind.path());
        let all = move |web: State<Web>, bearer: Bearer, query: Query<Nothing>| list(kind, web, bearer, query);
        let one = move |web: State<Web>, bearer: Bearer, name: Path<String>| show(kind, web, bearer, name);
        let put = move |web: State<Web>, bearer: Bearer, name: Path<String>, headers: HeaderMap, body: Body<Value>| {
            store(kind, web, bearer, name, headers, body)
        };
        let delete =
            move |web: State<Web>, bearer: Bearer, name: Path<String>, headers: HeaderMap| remove(kind, web, bearer, name, headers);
        router.route(&path, get(all)).route(&format!("{path}/{{name}}"), get(one).put(put).delete(delete))
    })
}

/// There are no parameters.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

/// What reading a kind needs. Terms of a provider or a telephone system are nobody's business but the administrator's.
pub(super) fn reading(kind: Kind) -> Scope {
    if kind.has_secrets() { Scope::Admin } else { Scope::LeadsRead }
}

pub(super) fn writing(kind: Kind) -> Scope {
    match kind {
        Kind::Playlist | Kind::Filter => Scope::ListsWrite,
        Kind::Skill | Kind::RingGroup => Scope::SkillsWrite,
        Kind::Campaign
        | Kind::Disposition
        | Kind::Field
        | Kind::Number
        | Kind::Provider
        | Kind::TelephoneSystem
        | Kind::ClientApp
        | Kind::Options => Scope::Admin,
    }
}

fn missing(kind: Kind) -> ApiError {
    ApiError::NotFound(format!("there is no such {}", kind.word().replace('_', " ")).into())
}

/// The records of a kind, by name. They are few, and come as one page.
async fn list(kind: Kind, State(web): State<Web>, bearer: Bearer, Query(Nothing {}): Query<Nothing>) -> Result<Json<Value>, ApiError> {
    let account = &bearer.with(reading(kind))?.account;
    let rows = book::of_kind(web.app.db.read(), account.id, kind).await?;
    let mut items: Vec<Value> = rows.into_iter().map(|row| shown::record(&web.app.seal, account.id, kind, Some(row))).collect();
    if kind == Kind::Options && items.is_empty() {
        items.push(shown::record(&web.app.seal, account.id, kind, None));
    }
    Ok(Json(json!({"items": items, "next": null})))
}

async fn show(kind: Kind, State(web): State<Web>, bearer: Bearer, Path(name): Path<String>) -> Result<Response, ApiError> {
    let account = &bearer.with(reading(kind))?.account;
    let name = named(kind, &name, |name| checked_name(kind, name, account.region))?;
    record(&web, account.id, kind, &name, StatusCode::OK).await
}

/// The name as it is kept. One that cannot be is nobody's; the account's options have one name.
fn named(kind: Kind, name: &str, check: impl Fn(&str) -> Result<String, Invalid>) -> Result<String, ApiError> {
    if kind == Kind::Options && !name.trim().eq_ignore_ascii_case(OPTIONS) {
        return Err(missing(kind));
    }
    check(name).map_err(|_| missing(kind))
}

/// A record as it is in the book. Options that nobody set have their defaults.
async fn record(web: &Web, account: i64, kind: Kind, name: &str, status: StatusCode) -> Result<Response, ApiError> {
    let row = book::one(web.app.db.read(), account, kind, name).await?;
    if row.is_none() && kind != Kind::Options {
        return Err(missing(kind));
    }
    let version = row.as_ref().map_or(0, |row| row.version);
    Ok((status, [(header::ETAG, format!("\"{version}\""))], Json(shown::record(&web.app.seal, account, kind, row))).into_response())
}

/// Stores a record, whole.
async fn store(
    kind: Kind,
    State(web): State<Web>,
    bearer: Bearer,
    Path(name): Path<String>,
    headers: HeaderMap,
    Body(body): Body<Value>,
) -> Result<Response, ApiError> {
    let account = &bearer.with(writing(kind))?.account;
    if kind == Kind::Options {
        named(kind, &name, |name| Ok(name.to_owned()))?;
    }
    let name = checked_name(kind, &name, account.region)?;
    let meant = meant(&headers)?;
    let body = shown::taken(kind, &name, body)?;
    let put = move |_: &_, present: Option<Value>| Ok::<_, Invalid>(Change::Put(shown::beside(kind, body, present)));
    match web.app.change_version(account, (kind, &name), meant, put).await?.map_err(refused)? {
        Changed::Stored(name, version) => {
            let status = if version == 1 { StatusCode::CREATED } else { StatusCode::OK };
            record(&web, account.id, kind, &name, status).await
        }
        Changed::Removed | Changed::Kept | Changed::Missing => Err(missing(kind)),
    }
}

/// Removes a record that nothing else names.
async fn remove(
    kind: Kind,
    State(web): State<Web>,
    bearer: Bearer,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, ApiError> {
    let account = &bearer.with(writing(kind))?.account;
    let name = named(kind, &name, |name| checked_name(kind, name, account.region))?;
    let gone = |_: &_, present: Option<Value>| Ok::<_, Invalid>(if present.is_some() { Change::Remove } else { Change::Keep });
    match web.app.change_version(account, (kind, &name), meant(&headers)?, gone).await?.map_err(refused)? {
        Changed::Removed => Ok(StatusCode::NO_CONTENT),
        Changed::Stored(..) | Changed::Kept | Changed::Missing => Err(missing(kind)),
    }
}

fn refused(refusal: Refusal<Invalid>) -> ApiError {
    match refusal {
        Refusal::Stale(version) => ApiError::Stale(version),
        Refusal::InUse(user) => ApiError::Conflict(format!("it cannot be removed: {user}").into()),
        Refusal::Change(invalid) => invalid.into(),
    }
}

/// The version that `If-Match` names: `3`, `"3"`, or `*` for any that is there.
fn meant(headers: &HeaderMap) -> Result<Meant, ApiError> {
    let Some(value) = headers.get(header::IF_MATCH) else { return Ok(Meant::Any) };
    let word = value.to_str().unwrap_or_default().trim();
    let word = word.strip_prefix('"').and_then(|word| word.strip_suffix('"')).unwrap_or(word);
    match word.parse() {
        _ if word == "*" => Ok(Meant::Present),
        Ok(version) => Ok(Meant::Version(version)),
        Err(_) => Err(ApiError::Invalid { field: "If-Match".into(), message: "expected a version such as \"3\"".into() }),
    }
}

/// Publishes what a playlist says now; answers it as it is then.
#[utoipa::path(
    post,
    path = "/api/v1/playlists/{name}/reload",
    operation_id = "reloadPlaylist",
    tag = "Setup",
    params(("name" = String, Path, description = "The name; the same in any case", example = "Evening")),
    responses((status = 200, description = "As it is now", body = Object)),
    security(("bearer" = ["lists:write"]))
)]
async fn reload_playlist(State(web): State<Web>, bearer: Bearer, Path(name): Path<String>) -> Result<Response, ApiError> {
    let account = &bearer.with(writing(Kind::Playlist))?.account;
    match web.app.change_playlist(account, &name, PlaylistOrder::Reload).await? {
        Ok(_) => record(&web, account.id, Kind::Playlist, &name, StatusCode::OK).await,
        Err(PlaylistRefusal::NoSuchPlaylist(_)) => Err(missing(Kind::Playlist)),
        Err(refusal) => Err(ApiError::Conflict(refusal.to_string().into())),
    }
}

/// Publishes how skills stand to a ring group; answers it as it is then.
#[utoipa::path(
    post,
    path = "/api/v1/ring-groups/{name}/reload",
    operation_id = "reloadRingGroup",
    tag = "Setup",
    params(("name" = String, Path, description = "The name; the same in any case", example = "Main")),
    responses((status = 200, description = "As it is now", body = Object)),
    security(("bearer" = ["skills:write"]))
)]
async fn reload_ring_group(State(web): State<Web>, bearer: Bearer, Path(name): Path<String>) -> Result<Response, ApiError> {
    let account = &bearer.with(writing(Kind::RingGroup))?.account;
    if account.setup.ring_groups.get(&name).is_none() {
        return Err(missing(Kind::RingGroup));
    }
    match web.app.reload_skills(account, Some(&name)).await? {
        Ok(_) => record(&web, account.id, Kind::RingGroup, &name, StatusCode::OK).await,
        Err(SkillRefusal::NoSuchSource(_)) => Err(missing(Kind::RingGroup)),
        Err(refusal) => Err(ApiError::Conflict(refusal.to_string().into())),
    }
}
