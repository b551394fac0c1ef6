//! `Generic.php`: the five call events.
//!
//! Success: `{"success":true,"dialerCallId":"…","attempt":1,"state":"incoming","changed":true}`, or
//! `{"success":true,"ignored":"…"}` for an event that is not known. Error:
//! `{"success":false,"error":{"code":"…","message":"…","field":"…"}}` with 400, 401, 413 or 503.

use axum::{
    Json,
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use super::{hearing, only_looks, params, warn_of_cuts};
use crate::{
    app::{committer::NewsItem, directory::Gateway},
    http::{Web, error::ApiError, peer::Peer},
    pbx::{Message, vtiger},
};

/// What came of the news.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Heard {
    attempt: i64,
    changed: bool,
    dialer_call_id: Uuid,
    state: Option<&'static str>,
    success: bool,
}

/// The door.
pub(super) async fn generic(State(web): State<Web>, Peer(address): Peer, request: Request) -> Response {
    if let Some(answer) = only_looks(&request) {
        return answer;
    }
    match hear(&web, address, request).await {
        Ok(answer) => answer,
        Err(error) => error.with_body(Json(json!({"success": false, "error": error.body()}))),
    }
}

async fn hear(web: &Web, address: std::net::IpAddr, request: Request) -> Result<Response, ApiError> {
    let secret = request.headers().get("x-vtiger-secret").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let params = params(web, request).await?;
    let gateway = find_gateway(web, secret.as_deref(), params.raw(&["gw"]), address).await?;
    let account = web.app.directory.account(&web.app.hub, gateway.account).await?;
    let message = vtiger::read(&params, &hearing(web, &account, &gateway)).map_err(|missing| ApiError::Missing {
        field: missing.field.into(),
        message: format!("missing: expected {}", missing.expected).into(),
    })?;
    match message {
        Message::Ignored(event) => {
            metrics::counter!("cti_news_ignored_total", "source" => "vtiger").increment(1);
            web.app.pulses.of(account.id).ignored(gateway.id, web.app.clock.now());
            Ok(Json(json!({"success": true, "ignored": event})).into_response())
        }
        Message::News { call_id, news } => {
            let item = NewsItem { gateway: gateway.id, source: "vtiger", pbx_call_id: call_id, ordered_as: None, news: *news };
            let told = web.app.hear(&account, vec![item], None).await?;
            let told = told.first().ok_or_else(|| ApiError::Internal("the committer answered nothing".into()))?;
            let body = Heard {
                attempt: told.attempt,
                changed: told.changed,
                dialer_call_id: told.call,
                state: told.state.map(|state| state.word()),
                success: true,
            };
            let mut answer = Json(body).into_response();
            warn_of_cuts(&params, &vtiger::TEXTS, &mut answer);
            Ok(answer)
        }
    }
}

/// The gateway of the secret; senders that know none are found by `?gw=` or by their address, if the gateway allows that.
async fn find_gateway(
    web: &Web,
    secret: Option<&str>,
    key: Option<&str>,
    address: std::net::IpAddr,
) -> Result<std::sync::Arc<Gateway>, ApiError> {
    if let Some(secret) = secret {
        let gateway = web.app.directory.gateway_by_secret(&web.app.hub, secret).await?;
        return gateway.ok_or(ApiError::Unauthorized("the X-VTIGER-SECRET header does not belong to a gateway".into()));
    }
    let gateways = web.app.directory.gateways(&web.app.hub).await?;
    let here = |gateway: &Gateway| gateway.networks.iter().any(|net| net.contains(&address));
    // a key is no secret: alone it opens only what has none
    let open = |gateway: &Gateway| gateway.networks.is_empty() && !gateway.has_secret;
    let mut allowed = gateways.iter().filter(|gateway| match key {
        Some(key) => gateway.key == key && (here(gateway) || open(gateway)),
        None => here(gateway),
    });
    match (allowed.next(), allowed.next()) {
        (Some(gateway), None) => Ok(gateway.clone()),
        _ => Err(ApiError::Unauthorized("send the gateway's secret in the header X-VTIGER-SECRET".into())),
    }
}
