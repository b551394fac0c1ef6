//! As whom an agent's browser registers at the telephone system, to be his telephone.

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::http::{Web, auth::Bearer, error::ApiError, input::Path};

pub(super) fn router() -> OpenApiRouter<Web> {
    OpenApiRouter::new().routes(routes!(audio))
}

/// As whom a softphone registers by SIP over a WebSocket.
#[derive(Serialize, ToSchema)]
struct AgentAudio {
    /// The address of the WebSocket.
    #[schema(example = "wss://pbx.example:8089/ws")]
    url: String,
    /// Who registers.
    #[schema(example = "sip:1001@pbx.example")]
    uri: String,
    /// The password. It is for this session's own browser alone.
    password: String,
}

/// As whom an agent's browser registers at the telephone system. Only the agent's own session is told: no token reads a password.
#[utoipa::path(
    get,
    path = "/api/v1/agents/{login}/audio",
    operation_id = "getAgentAudio",
    tag = "Agents",
    params(("login" = String, Path, description = "The login; case matters", example = "anna")),
    responses((status = 200, description = "Done", body = AgentAudio)),
    security(("bearer" = []))
)]
async fn audio(Bearer(grant): Bearer, Path(login): Path<String>) -> Result<Json<AgentAudio>, ApiError> {
    if grant.kind != "session" || grant.subject.agent() != Some(login.as_str()) {
        return Err(ApiError::Forbidden("only the session of this agent is told".into()));
    }
    let agent = grant.account.roster.by_login(&login).ok_or(ApiError::NotFound("there is no such agent".into()))?;
    let line = grant.account.line_of(agent).ok_or(ApiError::NotFound(
        "the telephone system has no line for the agent's browser: give it audio, and the agent an extension and a password".into(),
    ))?;
    let uri = format!("sip:{}@{}", line.user, line.domain);
    Ok(Json(AgentAudio { url: line.url.to_owned(), uri, password: line.password.reveal().to_owned() }))
}
