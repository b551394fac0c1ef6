//! Agents and their presence: who is there, what they do, and what a program sets for one.

use std::collections::HashMap;

use axum::{
    Json, Router,
    extract::{Path, State},
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    app::directory::Account,
    domain::{
        agent::Agent,
        presence::{Ask, MAX_REASON, Mode, Presence, Shown},
        scope::Scope,
    },
    http::{Web, auth::Bearer, error::ApiError, input::Body},
};

pub(super) fn router() -> Router<Web> {
    Router::new()
        .route("/api/v1/agents", get(list))
        .route("/api/v1/agents/{login}", get(one))
        .route("/api/v1/agents/{login}/state", post(set_state))
}

/// All agents of the account and what each of them does now.
async fn list(State(web): State<Web>, bearer: Bearer) -> Result<Json<Value>, ApiError> {
    let account = &bearer.with(Scope::AgentsRead)?.account;
    let now = web.app.agents_now(account).await?;
    let items: Vec<Value> = account.roster.all().iter().map(|agent| view(agent, &now)).collect();
    Ok(Json(json!({"items": items, "next": null})))
}

/// One agent.
async fn one(State(web): State<Web>, bearer: Bearer, Path(login): Path<String>) -> Result<Json<Value>, ApiError> {
    let account = &bearer.with(Scope::AgentsRead)?.account;
    let agent = found(account, &login)?;
    Ok(Json(view(agent, &web.app.agents_now(account).await?)))
}

fn found<'a>(account: &'a Account, login: &str) -> Result<&'a Agent, ApiError> {
    account.roster.by_login(login).ok_or_else(|| ApiError::NotFound("there is no such agent (case matters)".into()))
}

fn view(agent: &Agent, now: &HashMap<String, (Presence, Shown)>) -> Value {
    let known = now.get(&agent.login);
    let mut view = json!({
        "id": agent.id, "login": agent.login, "name": agent.name, "number": agent.number, "extension": agent.extension,
        "signedIn": known.is_some_and(|(presence, _)| presence.mode != Mode::Offline),
        "state": "offline", "since": null, "reason": null, "next": null, "call": null,
    });
    if let (Some((_, shown)), Some(object)) = (known, view.as_object_mut()) {
        object.insert("state".into(), json!(shown.state));
        object.insert("since".into(), json!(shown.since));
        object.insert("reason".into(), json!(shown.reason));
        object.insert("next".into(), json!(shown.next));
        object.insert("call".into(), json!(shown.call));
    }
    view
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Setting {
    state: String,
    reason: Option<String>,
}

/// Sets what an agent is ready for. An agent may set his own, a program with `agents:act` anybody's.
async fn set_state(
    State(web): State<Web>,
    bearer: Bearer,
    Path(login): Path<String>,
    Body(setting): Body<Setting>,
) -> Result<Json<Value>, ApiError> {
    let grant = match bearer.grant().subject.agent() {
        Some(own) if own == login => bearer.grant(),
        Some(_) => return Err(ApiError::Forbidden("an agent sets his own state only".into())),
        None => bearer.with(Scope::AgentsAct)?,
    };
    let agent = found(&grant.account, &login)?;
    let invalid = |field: &'static str, expected: String| Err(ApiError::Invalid { field: field.into(), message: expected.into() });
    if setting.reason.as_ref().is_some_and(|reason| reason.chars().count() > MAX_REASON) {
        return invalid("reason", format!("expected at most {MAX_REASON} characters"));
    }
    if setting.reason.is_some() && setting.state != "not_ready" {
        return invalid("reason", "expected with the state not_ready only".to_owned());
    }
    let ask = match setting.state.as_str() {
        "signed_in" => Ask::SignIn(None),
        "ready" => Ask::Ready,
        "not_ready" => Ask::NotReady(setting.reason),
        "offline" => Ask::SignOut,
        _ => return invalid("state", "expected signed_in, ready, not_ready or offline".to_owned()),
    };
    Ok(Json(json!(web.app.ask_presence(&grant.account, &agent.login, ask).await?)))
}
