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
    app::{
        committer::{Failure, NewsItem, Route, RouteAnswer},
        directory::{Account, Gateway},
    },
    domain::call::{Certainty, Direction},
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
    let mut to = None;
    match message {
        Message::Ignored(_) => {
            metrics::counter!("cti_news_ignored_total", "source" => "pbxmanager").increment(1);
            web.app.pulses.of(account.id).ignored(gateway.id, web.app.clock.now());
        }
        Message::News { call_id, news } => {
            let mut item = NewsItem { gateway: gateway.id, source: "pbxmanager", pbx_call_id: call_id, ordered_as: None, news: *news };
            match asks(&params).and_then(|number| account.setup.ring_group(&number, account.region)) {
                Some((name, group)) => {
                    item.news.told.direction = Some((Direction::Inbound, Certainty::Said));
                    item.news.told.queue_dn = Some(group.number.as_str().to_owned());
                    to = route(web, &account, item, name).await?;
                }
                None => drop(web.app.hear(&account, vec![item], None).await?),
            }
        }
    }
    let to = to.or_else(|| asks(&params));
    let mut answer = xml(to.map(|number| dial(&number)).unwrap_or_default());
    warn_of_cuts(&params, &pbxmanager::TEXTS, &mut answer);
    Ok(answer)
}

/// `StartApp` asks where to send a call; the number that it names.
fn asks(params: &Params) -> Option<String> {
    params.raw(&["callstatus"]).filter(|status| status.eq_ignore_ascii_case("StartApp"))?;
    let dialed = params.raw(&["callerid", "dialstring"]).unwrap_or_default();
    Some(dialed.chars().filter(|c| c.is_ascii_digit() || *c == '+').collect())
}

/// Where a caller of a ring group goes: to the agent who is free, or elsewhere. The dialect has no word for waiting: then, and when he
/// is not to wait and goes nowhere else, he stays where he rang.
async fn route(web: &Web, account: &Arc<Account>, item: NewsItem, group: &str) -> Result<Option<String>, ApiError> {
    let to = match web.app.route(account, item, group, None).await {
        Ok(Route { answer: RouteAnswer::Agent { extension, .. }, .. }) => extension,
        Ok(Route { answer: RouteAnswer::Turned { to, .. }, .. }) => to,
        Ok(Route { answer: RouteAnswer::Wait { .. }, .. }) | Err(Failure::Refused(_)) => None,
        Err(failure) => return Err(failure.into()),
    };
    Ok(to.map(|number| number.as_str().to_owned()))
}

fn dial(number: &str) -> String {
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
