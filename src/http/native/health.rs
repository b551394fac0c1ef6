//! `GET /api/v1/health` and `GET /api/v1/progress`: what operators look at to see whether all is well, and how campaigns get on.

use axum::{Json, extract::State};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::page::Page;
use crate::{
    app::{health::Health, progress::Progress},
    domain::scope::Scope,
    http::{Web, auth::Bearer, error::ApiError},
};

pub(super) fn router() -> OpenApiRouter<Web> {
    OpenApiRouter::new().routes(routes!(health)).routes(routes!(progress))
}

/// How the parts are that the account depends on. Counts are what this server has noticed since it started.
#[utoipa::path(
    get,
    path = "/api/v1/health",
    operation_id = "getHealth",
    tag = "Operation",
    responses((status = 200, description = "Done", body = Health)),
    security(("bearer" = ["events:read"]))
)]
async fn health(State(web): State<Web>, bearer: Bearer) -> Result<Json<Health>, ApiError> {
    let account = &bearer.with(Scope::EventsRead)?.account;
    Ok(Json(web.app.health(account).await?))
}

/// How each campaign gets on: its leads, agents and lines, and why there are no more lines.
#[utoipa::path(
    get,
    path = "/api/v1/progress",
    operation_id = "listProgress",
    tag = "Campaigns",
    responses((status = 200, description = "Done", body = Page<Progress>)),
    security(("bearer" = ["leads:read"]))
)]
async fn progress(State(web): State<Web>, bearer: Bearer) -> Result<Json<Page<Progress>>, ApiError> {
    let account = &bearer.with(Scope::LeadsRead)?.account;
    Ok(Json(Page::whole(web.app.progress(account).await?)))
}
