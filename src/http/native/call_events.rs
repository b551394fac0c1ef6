//! `POST /api/v1/call-events`: the native door for telephone systems and CRM back ends.

use axum::{Json, extract::State, http::HeaderMap};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::page::Answers;
use crate::{
    app::committer::{NewsItem, Told},
    domain::{call::State as CallState, scope::Scope},
    http::{
        Web,
        auth::Bearer,
        error::ApiError,
        input::{Body, misfit},
        once::once,
    },
    pbx::{
        Hearing,
        native::{CallEvent, MAX_EVENTS},
    },
};

pub(super) fn router() -> OpenApiRouter<Web> {
    OpenApiRouter::new().routes(routes!(post_events))
}

/// Events of calls.
#[derive(Deserialize, ToSchema)]
#[schema(as = CallEvents)]
#[serde(deny_unknown_fields)]
struct Batch {
    /// In the order in which they happened.
    #[schema(value_type = Vec<CallEvent>, min_items = 1, max_items = 100)]
    events: Vec<Value>,
}

/// What an event did.
#[derive(Serialize, ToSchema)]
#[schema(as = CallEventAnswer)]
#[serde(rename_all = "camelCase")]
struct EventAnswer {
    dialer_call_id: Uuid,
    /// The attempt it belongs to.
    attempt: i64,
    /// What a screen shows now; `null` while too little is known.
    state: Option<CallState>,
    /// Whether anything changed; a copy changes nothing.
    changed: bool,
}

/// Takes up to a hundred events, all or none; one answer per event.
#[utoipa::path(
    post,
    path = "/api/v1/call-events",
    operation_id = "reportCallEvents",
    tag = "Calls",
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key with the same content is done once and answered the same again")),
    request_body = Batch,
    responses((status = 200, description = "Done", body = Answers<EventAnswer>)),
    security(("bearer" = ["calls:write"]))
)]
async fn post_events(
    State(web): State<Web>,
    bearer: Bearer,
    headers: HeaderMap,
    Body(batch): Body<Batch>,
) -> Result<Json<Answers<EventAnswer>>, ApiError> {
    let account = bearer.with(Scope::CallsWrite)?.account.clone();
    if batch.events.is_empty() || batch.events.len() > MAX_EVENTS {
        return Err(ApiError::Invalid { field: "events".into(), message: format!("expected 1 to {MAX_EVENTS} events").into() });
    }
    let once = once(&headers, "call-events", &batch.events)?;
    let hearing = Hearing { roster: &account.roster, region: account.region, zone: chrono_tz::Tz::UTC, observed_at: web.app.clock.now() };
    let mut items = Vec::with_capacity(batch.events.len());
    for (index, event) in batch.events.into_iter().enumerate() {
        let event: CallEvent =
            serde_path_to_error::deserialize(event).map_err(|error| misfit(&error.to_string(), &format!("events[{index}]"), ""))?;
        let (pbx_call_id, news) = event.read(&hearing).map_err(|invalid| ApiError::Invalid {
            field: format!("events[{index}].{}", invalid.field).into(),
            message: format!("expected {}", invalid.expected).into(),
        })?;
        items.push(NewsItem { gateway: 0, source: "api", pbx_call_id, ordered_as: None, news });
    }
    let told = web.app.hear(&account, items, once).await?;
    let answer = |told: Told| EventAnswer { dialer_call_id: told.call, attempt: told.attempt, state: told.state, changed: told.changed };
    Ok(Json(Answers { items: told.into_iter().map(answer).collect() }))
}
