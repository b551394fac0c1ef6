//! Calls by the API: start one, and wish something of one. The wishes are those of the socket, one address per verb.

use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    app::{
        committer::Once,
        directory::Grant,
        wishes::{By, Wished, read},
    },
    domain::{scope::Scope, wish::CallWish},
    http::{Web, auth::Bearer, error::ApiError, input::Body, once::once},
};

pub(super) fn router() -> OpenApiRouter<Web> {
    OpenApiRouter::new().routes(routes!(dial)).routes(routes!(click)).routes(routes!(wish))
}

/// A call to be started.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[expect(dead_code, reason = "describes what is read as the socket's commands are")]
struct DialBody {
    /// The login of the agent who calls; a program names one.
    agent: Option<String>,
    /// Written in any way.
    #[schema(example = "+493055501901")]
    number: String,
    /// A number of the account's own that calls may show.
    caller_id: Option<String>,
    /// The CRM's own id of this phone call.
    phone_call_id: Option<String>,
    /// Comes back in the events of the call.
    #[schema(max_length = 2000)]
    custom_data: Option<String>,
    /// Who is called, in words.
    to: Option<String>,
    subject: Option<String>,
    /// A click in the CRM rather than a keypad.
    click: Option<bool>,
    /// Why an agent calls a number of the do-not-call list at his keypad.
    dnc_reason: Option<String>,
}

/// The other parameters of a verb; `{}` where it has none.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[expect(dead_code, reason = "describes what is read as the socket's commands are")]
struct WishBody {
    /// Of transfers and conferences: whom.
    number: Option<String>,
    /// The agent's other call, which is on hold.
    with: Option<Uuid>,
    /// Of a conference: the other side hears nothing of it.
    mute_customer: Option<bool>,
    /// Of `dtmf`.
    #[schema(max_length = 64, pattern = "^[0-9*#]+$")]
    digits: Option<String>,
    /// Of `play`: the telephone system's name of it.
    file: Option<String>,
    /// Of `set-outcome`: a disposition.
    outcome: Option<String>,
    notes: Option<String>,
    /// Promises a call.
    retry_at: Option<DateTime<Utc>>,
    /// By this agent.
    retry_mine: Option<bool>,
    /// Of `skip-preview`.
    reason: Option<String>,
}

/// What was granted. What becomes of it shows in the events of the call.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Started {
    /// The call: a new one where one was started.
    dialer_call_id: Uuid,
    /// The order that was given to the telephone system, if any.
    order: Option<Uuid>,
}

/// Starts a call of an agent.
#[utoipa::path(
    post,
    path = "/api/v1/calls",
    operation_id = "startCall",
    tag = "Calls",
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key with the same content is done once and answered the same again")),
    request_body = DialBody,
    responses((status = 202, description = "Granted", body = Started)),
    security(("bearer" = ["calls:control"]))
)]
async fn dial(
    State(web): State<Web>,
    bearer: Bearer,
    headers: HeaderMap,
    Body(body): Body<Value>,
) -> Result<(StatusCode, Json<Started>), ApiError> {
    let grant = bearer.with(Scope::CallsControl)?;
    start(&web, grant, &headers, &body, false).await
}

/// Starts a call that somebody clicked in the CRM.
#[utoipa::path(
    post,
    path = "/api/v1/click-to-call",
    operation_id = "clickToCall",
    tag = "Calls",
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key with the same content is done once and answered the same again")),
    request_body = DialBody,
    responses((status = 202, description = "Granted", body = Started)),
    security(("bearer" = ["calls:control"]))
)]
async fn click(
    State(web): State<Web>,
    bearer: Bearer,
    headers: HeaderMap,
    Body(body): Body<Value>,
) -> Result<(StatusCode, Json<Started>), ApiError> {
    let grant = bearer.with(Scope::CallsControl)?;
    start(&web, grant, &headers, &body, true).await
}

async fn start(
    web: &Web,
    grant: &Grant,
    headers: &HeaderMap,
    body: &Value,
    by_click: bool,
) -> Result<(StatusCode, Json<Started>), ApiError> {
    let agent = grant.subject.agent();
    let once = once(headers, "calls", body)?;
    let Wished::Call(None, CallWish::Dial(mut dial)) = read("dial", body, By { agent, tab: None }, grant.account.region)? else {
        return Err(ApiError::Internal("a dial was read as something else".into()));
    };
    // whoever is no agent at a keypad clicked, and sets no list aside
    dial.by_click |= by_click || agent.is_none();
    let done = web.app.wish(&grant.account, agent, None, CallWish::Dial(dial), once).await?;
    Ok((StatusCode::ACCEPTED, Json(Started { dialer_call_id: done.call, order: done.order })))
}

/// Wishes something of a call. It is granted when this answers; what the telephone system makes of it shows in the call.
#[utoipa::path(
    post,
    path = "/api/v1/calls/{id}/{verb}",
    operation_id = "controlCall",
    tag = "Calls",
    params(("id" = uuid::Uuid, Path, description = "The id"), ("verb" = String, Path, description = "One of `answer`, `hangup`, `hold`, `resume`, `blind-transfer`, `consult-transfer`, `complete-transfer`, `conference`, `dtmf`, `play`, `set-outcome`, `end-wrap`, `accept-preview`, `skip-preview`", example = "hangup"), ("Idempotency-Key" = Option<String>, Header, description = "The same key with the same content is done once and answered the same again")),
    request_body = WishBody,
    responses((status = 202, description = "Granted", body = Started)),
    security(("bearer" = ["calls:control"]))
)]
async fn wish(
    State(web): State<Web>,
    bearer: Bearer,
    Path((id, verb)): Path<(String, String)>,
    headers: HeaderMap,
    Body(body): Body<Value>,
) -> Result<(StatusCode, Json<Started>), ApiError> {
    let grant = bearer.with(Scope::CallsControl)?;
    let agent = grant.subject.agent();
    let verb = verb.replace('-', "_");
    let mut whole = body;
    let Some(values) = whole.as_object_mut() else {
        return Err(ApiError::Invalid { field: "body".into(), message: "expected an object".into() });
    };
    values.insert("call".to_owned(), json!(id));
    let once: Option<Once> = once(&headers, &format!("calls/{id}/{verb}"), &whole)?;
    match read(&verb, &whole, By { agent, tab: None }, grant.account.region)? {
        Wished::Call(call @ Some(_), wish) => {
            let done = web.app.wish(&grant.account, agent, call, wish, once).await?;
            Ok((StatusCode::ACCEPTED, Json(Started { dialer_call_id: done.call, order: done.order })))
        }
        _ => Err(ApiError::NotFound("there is no such verb for a call".into())),
    }
}
