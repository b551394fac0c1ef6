//! Agents and their presence: who is there, what they do, and what a program sets for one.

use std::collections::HashMap;

use axum::{
    Json,
    extract::{Path, State},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::page::Page;
use crate::{
    app::{availability::AgentNow, directory::Account},
    domain::{
        agent::Agent,
        phone::Number,
        presence::{AgentState, Ask, MAX_REASON, Next, Shown},
        scope::Scope,
    },
    http::{Web, auth::Bearer, error::ApiError, input::Body},
};

pub(super) fn router() -> OpenApiRouter<Web> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(one)).routes(routes!(set_state))
}

/// All agents of the account and what each of them does now.
#[utoipa::path(
    get,
    path = "/api/v1/agents",
    operation_id = "listAgents",
    tag = "Agents",
    responses((status = 200, description = "Done", body = Page<AgentView>)),
    security(("bearer" = ["agents:read"]))
)]
async fn list(State(web): State<Web>, bearer: Bearer) -> Result<Json<Page<AgentView>>, ApiError> {
    let account = &bearer.with(Scope::AgentsRead)?.account;
    let now = web.app.agents_now(account).await?;
    Ok(Json(Page::whole(account.roster.all().iter().map(|agent| AgentView::of(agent, &now)).collect())))
}

/// One agent.
#[utoipa::path(
    get,
    path = "/api/v1/agents/{login}",
    operation_id = "getAgent",
    tag = "Agents",
    params(("login" = String, Path, description = "The login; case matters", example = "anna")),
    responses((status = 200, description = "Done", body = AgentView)),
    security(("bearer" = ["agents:read"]))
)]
async fn one(State(web): State<Web>, bearer: Bearer, Path(login): Path<String>) -> Result<Json<AgentView>, ApiError> {
    let account = &bearer.with(Scope::AgentsRead)?.account;
    let agent = found(account, &login)?;
    Ok(Json(AgentView::of(agent, &web.app.agents_now(account).await?)))
}

fn found<'a>(account: &'a Account, login: &str) -> Result<&'a Agent, ApiError> {
    account.roster.by_login(login).ok_or_else(|| ApiError::NotFound("there is no such agent (case matters)".into()))
}

/// An agent and what he does now.
#[derive(Serialize, ToSchema)]
#[schema(as = Agent)]
#[serde(rename_all = "camelCase")]
struct AgentView {
    id: i64,
    login: String,
    name: String,
    /// His number.
    number: Option<Number>,
    /// His telephone at the telephone system, where it is another.
    extension: Option<Number>,
    signed_in: bool,
    state: AgentState,
    /// Since when: UTC with microseconds.
    since: Option<String>,
    /// Why he is not ready.
    reason: Option<String>,
    /// What he is going to be after his call.
    next: Option<Next>,
    /// The call that keeps him busy.
    call: Option<Uuid>,
}

impl AgentView {
    fn of(agent: &Agent, now: &HashMap<String, AgentNow>) -> Self {
        let known = now.get(&agent.login);
        let shown = known.map(|now| &now.shown);
        Self {
            id: agent.id,
            login: agent.login.clone(),
            name: agent.name.clone(),
            number: agent.number.clone(),
            extension: agent.extension.clone(),
            signed_in: known.is_some_and(|now| now.presence.is_signed_in()),
            state: shown.map_or(AgentState::Offline, |shown| shown.state),
            since: shown.map(|shown| shown.since.clone()),
            reason: shown.and_then(|shown| shown.reason.clone()),
            next: shown.and_then(|shown| shown.next.clone()),
            call: shown.and_then(|shown| shown.call),
        }
    }
}

/// What an agent is to be.
#[derive(Deserialize, ToSchema)]
#[schema(as = AgentSetting)]
#[serde(deny_unknown_fields)]
struct Setting {
    /// `signed_in`, `ready`, `not_ready` or `offline`.
    state: String,
    /// Why, with `not_ready`.
    #[schema(max_length = 60)]
    reason: Option<String>,
}

/// Sets what an agent is ready for. An agent may set his own, a program with `agents:act` anybody's.
#[utoipa::path(
    post,
    path = "/api/v1/agents/{login}/state",
    operation_id = "setAgentState",
    tag = "Agents",
    params(("login" = String, Path, description = "The login; case matters", example = "anna")),
    request_body = Setting,
    responses((status = 200, description = "Done", body = Shown)),
    security(("bearer" = ["agents:act"]))
)]
async fn set_state(
    State(web): State<Web>,
    bearer: Bearer,
    Path(login): Path<String>,
    Body(setting): Body<Setting>,
) -> Result<Json<Shown>, ApiError> {
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
    Ok(Json(web.app.ask_presence(&grant.account, &agent.login, ask).await?))
}
