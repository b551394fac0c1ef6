//! `PBXManager.php`: what open-source Asterisk connectors post. Answers are 200 whatever happens, as connectors expect; the
//! body tells a bad key apart. Only a store that does not answer is a 503: then sending again is worth it.

use std::{net::IpAddr, sync::Arc};

use axum::{
    extract::{Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};

use super::{hearing, only_looks, params, warn_of_cuts};
use crate::{
    app::{committer::NewsItem, directory::Gateway},
    http::{Web, error::ApiError, peer::Peer},
    pbx::{Message, params::Params, pbxmanager},
};

const REFUSED: &str = r#"<?xml version="1.0" encoding="utf-8"?><Response><Authentication>Failure</Authentication></Response>"#;

/// The door.
pub(super) async fn pbxmanager(State(web): State<Web>, Peer(address): Peer, request: Request) -> Response {
    if let Some(answer) = only_looks(&request) {
        return answer;
    }
    let signature = request.headers().get("vtigersignature").and_then(|value| value.to_str().ok()).map(str::to_owned);
    match hear(&web, address, signature, request).await {
        Ok(answer) => answer,
        Err(ApiError::Unauthorized(_)) => {
            metrics::counter!("cti_errors_total", "code" => "unauthorized").increment(1);
            xml(REFUSED.to_owned())
        }
        Err(error @ (ApiError::Busy(_) | ApiError::Internal(_) | ApiError::TooLarge)) => error.into_response(),
        // without a call or a status there is nothing to attribute; connectors read no answer but an empty one
        Err(error) => {
            metrics::counter!("cti_news_ignored_total", "source" => "pbxmanager").increment(1);
            (StatusCode::OK, [("x-ignored", error.to_string())], "").into_response()
        }
    }
}

fn xml(body: String) -> Response {
    if body.is_empty() {
        return StatusCode::OK.into_response();
    }
    ([(header::CONTENT_TYPE, "text/xml; charset=utf-8")], body).into_response()
}

async fn hear(web: &Web, address: IpAddr, signature: Option<String>, request: Request) -> Result<Response, ApiError> {
    let params = params(web, request).await?;
    let signature = signature.or_else(|| params.raw(&["vtigersignature"]).map(str::to_owned));
    let gateway = find_gateway(web, signature.as_deref(), params.raw(&["gw"]), address).await?;
    let account = web.app.directory.account(&web.app.hub, gateway.account).await?;
    let message = pbxmanager::read(&params, &hearing(web, &account, &gateway)).map_err(|missing| ApiError::Missing {
        field: missing.field.into(),
        message: format!("missing: expected {}", missing.expected).into(),
    })?;
    match message {
        Message::Ignored(_) => metrics::counter!("cti_news_ignored_total", "source" => "pbxmanager").increment(1),
        Message::News { call_id, news } => {
            let item = NewsItem { gateway: gateway.id, source: "pbxmanager", pbx_call_id: call_id, ordered_as: None, news: *news };
            web.app.hear(&account, vec![item], None).await?;
        }
    }
    let mut answer = xml(answer(&params));
    warn_of_cuts(&params, &pbxmanager::TEXTS, &mut answer);
    Ok(answer)
}

/// `StartApp` asks where to send the call: to the agent whose extension it named.
fn answer(params: &Params) -> String {
    if !params.raw(&["callstatus"]).is_some_and(|status| status.eq_ignore_ascii_case("StartApp")) {
        return String::new();
    }
    let dialed = params.raw(&["callerid", "dialstring"]).unwrap_or_default();
    let number: String = dialed.chars().filter(|c| c.is_ascii_digit() || *c == '+').collect();
    format!("<Response><Dial><Authentication>Success</Authentication><Number>SIP/{number}</Number></Dial></Response>")
}

/// The gateway whose key signed the request, or whose networks hold the sender.
async fn find_gateway(web: &Web, signature: Option<&str>, key: Option<&str>, address: IpAddr) -> Result<Arc<Gateway>, ApiError> {
    let gateways = web.app.directory.gateways(&web.app.hub).await?;
    let here = |gateway: &Gateway| gateway.networks.iter().any(|net| net.contains(&address));
    let found: Vec<_> = match (signature, key) {
        (Some(signature), _) => {
            gateways.iter().filter(|gateway| gateway.signature.as_ref().is_some_and(|hash| hash.matches(signature))).collect()
        }
        (None, Some(key)) => gateways.iter().filter(|gateway| gateway.key == key && here(gateway)).collect(),
        (None, None) => gateways.iter().filter(|gateway| here(gateway)).collect(),
    };
    match found[..] {
        [gateway] => Ok(gateway.clone()),
        _ => Err(ApiError::Unauthorized("no gateway has this key or this address".into())),
    }
}
