//! Calls by the API: start one, and wish something of one. The wishes are those of the socket, one address per verb.

use axum::{
    Json, Router,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    routing::post,
};
use serde_json::{Value, json};

use crate::{
    app::{
        committer::Once,
        directory::Grant,
        wishes::{Wished, read},
    },
    domain::{scope::Scope, wish::CallWish},
    http::{Web, auth::Bearer, error::ApiError, input::Body, once::once},
};

pub(super) fn router() -> Router<Web> {
    Router::new()
        .route("/api/v1/calls", post(dial))
        .route("/api/v1/click-to-call", post(click))
        .route("/api/v1/calls/{id}/{verb}", post(wish))
}

/// Starts a call of an agent.
async fn dial(
    State(web): State<Web>,
    bearer: Bearer,
    headers: HeaderMap,
    Body(body): Body<Value>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let grant = bearer.with(Scope::CallsControl)?;
    start(&web, grant, &headers, &body, false).await
}

/// Starts a call that somebody clicked in the CRM.
async fn click(
    State(web): State<Web>,
    bearer: Bearer,
    headers: HeaderMap,
    Body(body): Body<Value>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let grant = bearer.with(Scope::CallsControl)?;
    start(&web, grant, &headers, &body, true).await
}

async fn start(web: &Web, grant: &Grant, headers: &HeaderMap, body: &Value, by_click: bool) -> Result<(StatusCode, Json<Value>), ApiError> {
    let agent = grant.subject.agent();
    let once = once(headers, "calls", body)?;
    let Wished::Call(None, CallWish::Dial(mut dial)) = read("dial", body, agent, grant.account.region)? else {
        return Err(ApiError::Internal("a dial was read as something else".into()));
    };
    // whoever is no agent at a keypad clicked, and sets no list aside
    dial.by_click |= by_click || agent.is_none();
    let done = web.app.wish(&grant.account, agent, None, CallWish::Dial(dial), once).await?;
    Ok((StatusCode::ACCEPTED, Json(json!({"dialerCallId": done.call, "order": done.order}))))
}

/// Wishes something of a call. It is granted when this answers; what the telephone system makes of it shows in the call.
async fn wish(
    State(web): State<Web>,
    bearer: Bearer,
    Path((id, verb)): Path<(String, String)>,
    headers: HeaderMap,
    Body(body): Body<Value>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let grant = bearer.with(Scope::CallsControl)?;
    let agent = grant.subject.agent();
    let verb = verb.replace('-', "_");
    let mut whole = body;
    let Some(values) = whole.as_object_mut() else {
        return Err(ApiError::Invalid { field: "body".into(), message: "expected an object".into() });
    };
    values.insert("call".to_owned(), json!(id));
    let once: Option<Once> = once(&headers, &format!("calls/{id}/{verb}"), &whole)?;
    match read(&verb, &whole, agent, grant.account.region)? {
        Wished::Call(call @ Some(_), wish) => {
            let done = web.app.wish(&grant.account, agent, call, wish, once).await?;
            Ok((StatusCode::ACCEPTED, Json(json!({"dialerCallId": done.call, "order": done.order}))))
        }
        _ => Err(ApiError::NotFound("there is no such verb for a call".into())),
    }
}
