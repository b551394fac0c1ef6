//! Telephone systems beside their setup: how one is, and what happens in a simulated one.

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::{Value, json};

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

pub(super) fn router() -> Router<Web> {
    Router::new()
        .route("/api/v1/telephone-systems/{name}/state", get(state))
        .route("/api/v1/telephone-systems/{name}/simulate", post(simulate))
}

fn missing() -> ApiError {
    ApiError::NotFound("there is no such telephone system".into())
}

/// Whether the system can be told something, since when, and why not.
async fn state(State(web): State<Web>, bearer: Bearer, Path(name): Path<String>) -> Result<Json<Value>, ApiError> {
    let account = &bearer.with(Scope::CallsRead)?.account;
    let state = web.app.system_state(account, &name).await?.ok_or_else(missing)?;
    let word = if state.is_up { "up" } else { "down" };
    Ok(Json(json!({"system": state.system, "state": word, "since": state.since, "message": state.message})))
}

/// What is to happen: somebody calls, or the system is down for a while.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    from: Option<String>,
    did: Option<String>,
    down: Option<i64>,
}

/// Lets something happen in a simulated system. It is stored, and happens as soon as whoever drives the system reads it.
async fn simulate(
    State(web): State<Web>,
    bearer: Bearer,
    Path(name): Path<String>,
    Body(asked): Body<Asked>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let account = &bearer.with(Scope::Admin)?.account;
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
    Ok((StatusCode::ACCEPTED, Json(json!({ "callId": call }))))
}
