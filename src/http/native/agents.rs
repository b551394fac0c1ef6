//! `GET /api/v1/agents`.

use axum::{Json, Router, extract::State, routing::get};
use serde_json::{Value, json};

use crate::{
    domain::scope::Scope,
    http::{Web, auth::Bearer, error::ApiError},
};

pub(super) fn router() -> Router<Web> {
    Router::new().route("/api/v1/agents", get(list))
}

/// All agents of the account, with whether a softphone of theirs is connected.
async fn list(State(web): State<Web>, bearer: Bearer) -> Result<Json<Value>, ApiError> {
    let account = &bearer.with(Scope::AgentsRead)?.account;
    let items: Vec<Value> = account
        .roster
        .all()
        .iter()
        .map(|agent| {
            let signed_in = web.app.hub.is_signed_in(account.id, &agent.login);
            json!({"id": agent.id, "login": agent.login, "name": agent.name, "number": agent.number, "extension": agent.extension, "signedIn": signed_in})
        })
        .collect();
    Ok(Json(json!({"items": items, "next": null})))
}
