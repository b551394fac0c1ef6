//! Signing in, signing out, and socket tickets.

use axum::{Json, extract::State, http::StatusCode, routing::MethodFilter};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{
    router::{OpenApiRouter, UtoipaMethodRouter},
    routes,
};

use crate::{
    app::{
        admin::Admin,
        directory::{Grant, Subject},
        sessions::Issued,
    },
    domain::{event::wire_micros, scope::Scope},
    http::{Web, auth::Bearer, cors, error::ApiError, input::Body, peer::Peer},
};

pub(super) fn router() -> OpenApiRouter<Web> {
    let readable = |(schemas, paths, _): UtoipaMethodRouter<Web>, door| (schemas, paths, door);
    OpenApiRouter::new()
        .routes(readable(routes!(sign_in), READABLE.door(MethodFilter::POST, sign_in)))
        .routes(readable(routes!(sign_out), READABLE.door(MethodFilter::DELETE, sign_out)))
        .routes(readable(routes!(ticket), READABLE.door(MethodFilter::POST, ticket)))
        .routes(readable(routes!(exchange), READABLE.door(MethodFilter::POST, exchange)))
        .routes(routes!(embed_token))
}

/// A softphone in a page of another origin signs in and gets its tickets here. What else it wants goes by the socket.
static READABLE: cors::Shared =
    cors::Shared { methods: "POST, DELETE", headers: "Authorization, Content-Type", exposed: "X-Request-Id, Retry-After" };

/// Either account, login and password, or the code of a one-time link.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SignIn {
    account: Option<String>,
    login: Option<String>,
    password: Option<String>,
    code: Option<String>,
}

/// A session.
#[derive(Serialize, ToSchema)]
#[schema(as = Session)]
#[serde(rename_all = "camelCase")]
struct SignedIn {
    /// The bearer of what follows.
    token: String,
    account: String,
    login: String,
    #[schema(format = DateTime)]
    expires_at: String,
}

impl From<Issued> for SignedIn {
    fn from(Issued { secret, expires_at, account, login }: Issued) -> Self {
        Self { token: secret, account, login, expires_at: wire_micros(expires_at) }
    }
}

/// Signs an agent or operator in.
#[utoipa::path(
    post,
    path = "/api/v1/sessions",
    operation_id = "signIn",
    tag = "Sessions",
    request_body = SignIn,
    responses((status = 201, description = "Signed in", body = SignedIn)),
    security(())
)]
async fn sign_in(State(web): State<Web>, Peer(address): Peer, Body(asked): Body<SignIn>) -> Result<(StatusCode, Json<SignedIn>), ApiError> {
    web.sign_ins.check(address, asked.account.as_deref().zip(asked.login.as_deref()).filter(|_| asked.code.is_none()))?;
    let issued = match asked {
        SignIn { code: Some(code), .. } => web
            .app
            .redeem_link(&code)
            .await?
            .ok_or(ApiError::Unauthorized("this link was used before or is too old: sign in with a password".into()))?,
        SignIn { account: Some(account), login: Some(login), password: Some(password), .. } => web
            .app
            .sign_in(&account, &login, password)
            .await?
            .ok_or(ApiError::Unauthorized("account, login and password do not belong together".into()))?,
        SignIn { account, login, .. } => {
            let field = if account.is_none() {
                "account"
            } else if login.is_none() {
                "login"
            } else {
                "password"
            };
            return Err(ApiError::Missing { field: field.into(), message: "expected account, login and password, or a code".into() });
        }
    };
    Ok((StatusCode::CREATED, Json(issued.into())))
}

/// Ends the session that asks.
#[utoipa::path(
    delete,
    path = "/api/v1/sessions/current",
    operation_id = "signOut",
    tag = "Sessions",
    responses((status = 204, description = "Done")),
    security(("bearer" = []))
)]
pub(crate) async fn sign_out(State(web): State<Web>, Bearer(grant): Bearer) -> Result<StatusCode, ApiError> {
    if grant.kind != "session" {
        return Err(ApiError::Conflict("this token is not a session: revoke it with `cti-gateway token revoke`".into()));
    }
    let admin = Admin::new(web.app.db.clone(), web.app.clock.clone());
    let account = grant.account.clone();
    let revoked = tokio::spawn(async move { admin.revoke((account.id, &account.name), grant.credential).await }).await;
    revoked.map_err(|error| ApiError::Internal(error.into()))??;
    web.app.directory.invalidate(grant.account.id);
    Ok(StatusCode::NO_CONTENT)
}

/// How a session is exchanged.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Exchange {
    /// The old session stays: a second tab has it.
    #[serde(default)]
    beside: bool,
}

/// Exchanges the session that asks for a new one, which ends when it would have. The old one ends within half a minute.
#[utoipa::path(
    post,
    path = "/api/v1/sessions/current/exchange",
    operation_id = "exchangeSession",
    tag = "Sessions",
    request_body = Exchange,
    responses((status = 201, description = "Exchanged", body = SignedIn)),
    security(("bearer" = []))
)]
async fn exchange(
    State(web): State<Web>,
    Bearer(grant): Bearer,
    Body(Exchange { beside }): Body<Exchange>,
) -> Result<(StatusCode, Json<SignedIn>), ApiError> {
    if grant.kind != "session" {
        return Err(ApiError::Conflict("this token is not a session: make another one with `cti-gateway token add`".into()));
    }
    Ok((StatusCode::CREATED, Json(web.app.exchange_session(&grant, beside).await?.into())))
}

/// Whose softphone the token signs in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct EmbedTokenFor {
    agent: String,
}

/// Signs an embedded softphone in, once and within a minute.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct EmbedToken {
    token: String,
    #[schema(format = DateTime)]
    expires_at: String,
}

/// A one-time token by which a page of a client app signs its agent's softphone in; an agent's session makes its own. It is a `code` of `POST /api/v1/sessions`.
#[utoipa::path(
    post,
    path = "/api/v1/embed-tokens",
    operation_id = "makeEmbedToken",
    tag = "Sessions",
    request_body = EmbedTokenFor,
    responses((status = 201, description = "Made", body = EmbedToken)),
    security(("bearer" = ["agents:act"]))
)]
async fn embed_token(
    State(web): State<Web>,
    bearer: Bearer,
    Body(EmbedTokenFor { agent }): Body<EmbedTokenFor>,
) -> Result<(StatusCode, Json<EmbedToken>), ApiError> {
    let is_own = bearer.0.subject.agent() == Some(&*agent);
    let account = if is_own { &bearer.0.account } else { &bearer.with(Scope::AgentsAct)?.account };
    let Some(agent) = account.roster.by_login(&agent) else {
        return Err(ApiError::Invalid { field: "agent".into(), message: "expected the login of an agent of this account".into() });
    };
    let Issued { secret, expires_at, .. } = web.app.embed_token((account.id, &account.name), &agent.login).await?;
    Ok((StatusCode::CREATED, Json(EmbedToken { token: secret, expires_at: wire_micros(expires_at) })))
}

/// Whom the ticket is for.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct TicketFor {
    /// An agent; whoever asks when absent.
    agent: Option<String>,
}

/// Opens one socket.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Ticket {
    ticket: String,
    #[schema(format = DateTime)]
    expires_at: String,
}

/// A ticket for the socket: of the agent or operator who is signed in, of an agent whom a program with `agents:act` names,
/// or of a program that reads events.
#[utoipa::path(
    post,
    path = "/api/v1/ws-ticket",
    operation_id = "makeTicket",
    tag = "Sessions",
    request_body = TicketFor,
    responses((status = 201, description = "Made", body = Ticket)),
    security(("bearer" = ["events:read"]))
)]
async fn ticket(
    State(web): State<Web>,
    Bearer(grant): Bearer,
    Body(asked): Body<TicketFor>,
) -> Result<(StatusCode, Json<Ticket>), ApiError> {
    let subject = ticket_subject(&grant, asked.agent)?;
    let Issued { secret, expires_at, .. } = web.app.ticket(&grant, &subject).await?;
    Ok((StatusCode::CREATED, Json(Ticket { ticket: secret, expires_at: wire_micros(expires_at) })))
}

fn ticket_subject(grant: &Grant, agent: Option<String>) -> Result<Subject, ApiError> {
    match agent {
        Some(login) if grant.subject.agent() == Some(&login) => Ok(Subject::Agent(login)),
        Some(login) => {
            if !grant.scopes.allow(Scope::AgentsAct) {
                return Err(ApiError::Forbidden("naming an agent needs the scope agents:act".into()));
            }
            if grant.account.roster.by_login(&login).is_none() {
                return Err(ApiError::Invalid { field: "agent".into(), message: "expected the login of an agent of this account".into() });
            }
            Ok(Subject::Agent(login))
        }
        None if grant.subject.agent().is_some() || grant.scopes.allow(Scope::EventsRead) => Ok(grant.subject.clone()),
        None => Err(ApiError::Forbidden("a ticket without an agent needs the scope events:read".into())),
    }
}
