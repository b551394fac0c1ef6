//! `POST /api/v1/call-events`: the native door for telephone systems and CRM back ends.

use axum::{Json, Router, extract::State, http::HeaderMap, routing::post};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    app::committer::NewsItem,
    domain::scope::Scope,
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

pub(super) fn router() -> Router<Web> {
    Router::new().route("/api/v1/call-events", post(post_events))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Batch {
    events: Vec<Value>,
}

/// Takes up to a hundred events, all or none; one answer per event.
async fn post_events(
    State(web): State<Web>,
    bearer: Bearer,
    headers: HeaderMap,
    Body(batch): Body<Batch>,
) -> Result<Json<Value>, ApiError> {
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
    let items: Vec<Value> = told
        .iter()
        .map(|told| json!({"dialerCallId": told.call, "attempt": told.attempt, "state": told.state, "changed": told.changed}))
        .collect();
    Ok(Json(json!({ "items": items })))
}
