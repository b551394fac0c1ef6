//! `GET /api/v1/dialer-calls/{id}/journal`: what the journal holds about one call, for those who look into what happened.

use std::collections::BTreeSet;

use axum::{Json, extract::State};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::events::Envelope;
use crate::{
    app::hub::Interest,
    domain::{order::ORDERED, scope::Scope},
    http::{Web, auth::Bearer, error::ApiError, input::Path},
};

pub(super) fn router() -> OpenApiRouter<Web> {
    OpenApiRouter::new().routes(routes!(journal))
}

/// The entries about a call.
#[derive(Serialize, ToSchema)]
#[schema(as = CallJournal)]
struct Trace {
    /// Envelopes, as the socket pushes them, the oldest first.
    #[schema(value_type = Vec<Envelope>)]
    items: Vec<Box<RawValue>>,
    /// Whether these are all: older ones may have been removed, and of a long call on a busy account not all are looked for.
    complete: bool,
}

/// The entries of the journal that name a call: its states, the orders about it, what its agent did by it.
#[utoipa::path(
    get,
    path = "/api/v1/dialer-calls/{id}/journal",
    operation_id = "getDialerCallJournal",
    tag = "Records of calls",
    params(("id" = uuid::Uuid, Path, description = "The id")),
    responses((status = 200, description = "Done", body = Trace)),
    security(("bearer" = ["events:read"]))
)]
async fn journal(State(web): State<Web>, bearer: Bearer, Path(id): Path<String>) -> Result<Json<Trace>, ApiError> {
    let grant = bearer.with(Scope::EventsRead)?;
    let missing = || ApiError::NotFound("there is no such call".into());
    let id: Uuid = id.parse().map_err(|_| missing())?;
    let agents = grant.subject.agent().map(|login| BTreeSet::from([login.to_owned()]));
    let mut types = vec![ORDERED.to_owned()];
    if bearer.with(Scope::LeadsRead).is_ok() {
        types.push("lead.*".to_owned());
    }
    let interest = Interest { agents, types, only_types: false, softphone: false };
    let trace = web.app.trace(grant.account.id, id, &interest).await?.ok_or_else(missing)?;
    let raw = |body: String| RawValue::from_string(body).map_err(|error| ApiError::Internal(error.into()));
    let items = trace.entries.into_iter().map(|entry| raw(entry.body)).collect::<Result<_, _>>()?;
    Ok(Json(Trace { items, complete: trace.is_complete }))
}
