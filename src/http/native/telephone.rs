//! Telephone systems beside their setup: how one is, and what happens in a simulated one.

use axum::{Json, extract::State, http::StatusCode};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    app::switchboard::{Happening, NotSimulated},
    domain::{phone::Number, scope::Scope},
    http::{
        Web,
        auth::Bearer,
        error::ApiError,
        input::{Body, Path},
    },
};

/// Longest time that a simulated system can be told to be down, in seconds.
const MAX_DOWN_S: i64 = 86_400;

pub(super) fn router() -> OpenApiRouter<Web> {
    OpenApiRouter::new().routes(routes!(state)).routes(routes!(simulate))
}

fn missing() -> ApiError {
    ApiError::NotFound("there is no such telephone system".into())
}

/// How a telephone system is.
#[derive(Serialize, ToSchema)]
struct SystemState {
    system: String,
    /// `up` or `down`.
    state: &'static str,
    since: Option<DateTime<Utc>>,
    /// Why it is down; empty when it is up.
    message: String,
}

/// Whether the system can be told something, since when, and why not.
#[utoipa::path(
    get,
    path = "/api/v1/telephone-systems/{name}/state",
    operation_id = "getTelephoneSystemState",
    tag = "Telephone systems",
    params(("name" = String, Path, description = "The name; the same in any case", example = "house")),
    responses((status = 200, description = "Done", body = SystemState)),
    security(("bearer" = ["calls:read"]))
)]
async fn state(State(web): State<Web>, bearer: Bearer, Path(name): Path<String>) -> Result<Json<SystemState>, ApiError> {
    let account = &bearer.with(Scope::CallsRead)?.account;
    let state = web.app.system_state(account, &name).await?.ok_or_else(missing)?;
    let word = if state.is_up { "up" } else { "down" };
    Ok(Json(SystemState { system: state.system, state: word, since: state.since, message: state.message }))
}

/// What is to happen: somebody calls, or the system is down for a while.
#[derive(Deserialize, ToSchema)]
#[schema(as = Happening)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// Who calls; with `did`.
    from: Option<String>,
    /// The number that he rings.
    did: Option<String>,
    /// For so many seconds it is down.
    #[schema(minimum = 1, maximum = 86400)]
    down: Option<i64>,
}

/// What was stored to happen.
#[derive(Serialize, ToSchema)]
#[schema(as = Happens)]
#[serde(rename_all = "camelCase")]
struct Simulated {
    /// The system's name of the call, where somebody calls.
    call_id: Option<String>,
}

/// Lets something happen in a simulated system; that it is down needs the scope `admin`. It is stored, and happens as soon as whoever drives the system reads it.
#[utoipa::path(
    post,
    path = "/api/v1/telephone-systems/{name}/simulate",
    operation_id = "simulate",
    tag = "Telephone systems",
    params(("name" = String, Path, description = "The name; the same in any case", example = "house")),
    request_body = Asked,
    responses((status = 202, description = "It will happen", body = Simulated)),
    security(("bearer" = ["calls:control"]))
)]
async fn simulate(
    State(web): State<Web>,
    bearer: Bearer,
    Path(name): Path<String>,
    Body(asked): Body<Asked>,
) -> Result<(StatusCode, Json<Simulated>), ApiError> {
    // who may call may let himself be called; what stops everybody's calls is the administrator's
    let scope = if asked.down.is_some() { Scope::Admin } else { Scope::CallsControl };
    let account = &bearer.with(scope)?.account;
    let number = |field: &'static str, raw: &str| {
        let read = Number::read(raw, account.region);
        read.ok_or(ApiError::Invalid { field: field.into(), message: "expected a telephone number".into() })
    };
    let happening = match (asked.from.as_deref(), asked.did.as_deref(), asked.down) {
        (Some(from), Some(did), None) => Happening::Call { from: number("from", from)?, did: number("did", did)? },
        (None, None, Some(seconds)) if (1..=MAX_DOWN_S).contains(&seconds) => Happening::Down(seconds),
        (None, None, Some(_)) => {
            return Err(ApiError::Invalid { field: "down".into(), message: format!("expected 1 to {MAX_DOWN_S} seconds").into() });
        }
        _ => return Err(ApiError::Invalid { field: "body".into(), message: "expected from and did, or down".into() }),
    };
    let call = web.app.simulate(account, &name, &happening).await.map_err(|error| match error {
        NotSimulated::Missing => missing(),
        NotSimulated::Real | NotSimulated::NotInUse => ApiError::Conflict(error.to_string().into()),
        NotSimulated::Failed(failure) => failure.into(),
    })?;
    Ok((StatusCode::ACCEPTED, Json(Simulated { call_id: call })))
}
