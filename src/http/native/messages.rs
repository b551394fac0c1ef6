//! `POST /api/v1/messages`, `GET /api/v1/messages`, `GET /api/v1/messages/{id}`: text messages.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::page;
use crate::{
    app::{directory::Account, messages::NotSent},
    domain::{
        message::{Direction, Draft, MessageView, Refusal},
        phone::Number,
        scope::Scope,
    },
    http::{
        Web,
        auth::Bearer,
        error::ApiError,
        input::{Body, Path, Query},
        once::once,
    },
    store::messages::{self, MessagesQuery},
};

/// The words of `status` in a list.
const STATUSES: [&str; 8] = ["received", "queued", "sending", "unclear", "sent", "failed", "undelivered", "delivered"];

/// The columns of CSV; what an item nests has none.
const COLUMNS: &[&str] = &[
    "id",
    "version",
    "direction",
    "status",
    "from",
    "to",
    "body",
    "agent",
    "leadId",
    "provider",
    "providerId",
    "unclear",
    "errorCode",
    "error",
    "createdAt",
    "updatedAt",
    "sentAt",
    "deliveredAt",
];

pub(super) fn router() -> OpenApiRouter<Web> {
    OpenApiRouter::new().routes(routes!(list, send)).routes(routes!(message))
}

/// A text message as it is written.
#[derive(Deserialize, Serialize, ToSchema)]
#[schema(as = MessageDraft)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Written {
    /// A number of the account's own that messages may come from.
    from: String,
    to: String,
    body: String,
    agent: Option<String>,
    lead_id: Option<i64>,
}

/// Takes a message to be sent; it goes out behind the answer.
#[utoipa::path(
    post,
    path = "/api/v1/messages",
    operation_id = "sendMessage",
    tag = "Messages",
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key with the same content is done once and answered the same again")),
    request_body = Written,
    responses((status = 202, description = "Taken", body = MessageView<'static>)),
    security(("bearer" = ["messages:send"]))
)]
async fn send(State(web): State<Web>, bearer: Bearer, headers: HeaderMap, Body(written): Body<Written>) -> Result<Response, ApiError> {
    let grant = bearer.with(Scope::MessagesSend)?;
    let account = grant.account.clone();
    let once = once(&headers, "messages", &written)?;
    let draft = draft(&account, written, grant.subject.agent())?;
    let message = web.app.send_message(&account, draft, once).await?;
    Ok((StatusCode::ACCEPTED, Json(MessageView::new(&message))).into_response())
}

/// An agent writes in his own name only; a program in any agent's.
fn draft(account: &Account, written: Written, asking: Option<&str>) -> Result<Draft, ApiError> {
    let number = |field: &'static str, raw: &str| {
        let number = Number::read(raw, account.region).filter(|number| !number.is_extension());
        number.ok_or(ApiError::Invalid { field: field.into(), message: "expected a telephone number".into() })
    };
    let agent = written.agent.or_else(|| asking.map(str::to_owned));
    if let Some(login) = &agent {
        if account.roster.by_login(login).is_none() {
            return Err(ApiError::Invalid { field: "agent".into(), message: "there is no such agent".into() });
        }
        if asking.is_some_and(|asking| asking != login) {
            return Err(ApiError::Forbidden("an agent writes in no other agent's name".into()));
        }
    }
    Ok(Draft { from: number("from", &written.from)?, to: number("to", &written.to)?, body: written.body, agent, lead: written.lead_id })
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Asked {
    direction: Option<String>,
    status: Option<String>,
    number: Option<String>,
    lead_id: Option<i64>,
    agent: Option<String>,
    cursor: Option<String>,
    limit: Option<i64>,
}

/// Messages, the newest first.
#[utoipa::path(
    get,
    path = "/api/v1/messages",
    operation_id = "listMessages",
    tag = "Messages",
    params(Asked),
    responses((status = 200, description = "A page", content((page::Page<MessageView<'static>> = "application/json"), (String = "text/csv")))),
    security(("bearer" = ["messages:send"]))
)]
async fn list(State(web): State<Web>, bearer: Bearer, headers: HeaderMap, Query(asked): Query<Asked>) -> Result<Response, ApiError> {
    let account = &bearer.with(Scope::MessagesSend)?.account;
    let limit = page::limit(asked.limit)?;
    let invalid = |field: &'static str, message: String| ApiError::Invalid { field: field.into(), message: message.into() };
    let direction = asked.direction.as_deref().map(|word| {
        let known = [Direction::In, Direction::Out].map(Direction::word).into_iter().find(|known| *known == word);
        known.ok_or_else(|| invalid("direction", "expected in or out".to_owned()))
    });
    if asked.status.as_deref().is_some_and(|word| !STATUSES.contains(&word)) {
        return Err(invalid("status", format!("expected one of {}", STATUSES.join(", "))));
    }
    let number = asked
        .number
        .as_deref()
        .map(|raw| Number::read(raw, account.region).ok_or_else(|| invalid("number", "expected a telephone number".to_owned())));
    let query = MessagesQuery {
        direction: direction.transpose()?,
        status: asked.status,
        number: number.transpose()?,
        lead: asked.lead_id,
        agent: asked.agent,
    };
    let before: Option<Uuid> = page::read_cursor(asked.cursor.as_deref())?;
    let found = messages::page(web.app.db.read(), account.id, &query, before, limit + 1).await?;
    page::page(&headers, found.iter().map(MessageView::new).collect(), limit, COLUMNS, |message| message.id)
}

/// One message.
#[utoipa::path(
    get,
    path = "/api/v1/messages/{id}",
    operation_id = "getMessage",
    tag = "Messages",
    params(("id" = uuid::Uuid, Path, description = "The id")),
    responses((status = 200, description = "Done", body = MessageView<'static>)),
    security(("bearer" = ["messages:send"]))
)]
async fn message(State(web): State<Web>, bearer: Bearer, Path(id): Path<String>) -> Result<Response, ApiError> {
    let account = &bearer.with(Scope::MessagesSend)?.account;
    let id = Uuid::parse_str(&id).map_err(|_| ApiError::Invalid { field: "id".into(), message: "expected the id of a message".into() })?;
    let found = messages::get(web.app.db.read(), account.id, id).await?;
    let message = found.ok_or(ApiError::NotFound("there is no such message".into()))?;
    Ok(Json(MessageView::new(&message)).into_response())
}

impl From<NotSent> for ApiError {
    fn from(error: NotSent) -> Self {
        let message = error.to_string();
        let refused = match error {
            NotSent::Failed(failure) => return failure.into(),
            NotSent::NoSuchLead => return Self::Invalid { field: "leadId".into(), message: message.into() },
            NotSent::Refused(refused) => refused,
        };
        let (conflict, field) = match refused {
            Refusal::NotOwned => (false, "from"),
            Refusal::Empty | Refusal::TooLong { .. } => (false, "body"),
            Refusal::NoProvider => (true, "from"),
            Refusal::OptedOut => (true, "to"),
        };
        Self::Declined { conflict, code: refused.word(), field: Some(field), message: message.into() }
    }
}
