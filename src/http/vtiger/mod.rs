//! The doors of the Vtiger dialects: `Generic.php`, `PBXManager.php` and `Search.php`.

mod generic;
mod pbxmanager;
mod search;

use axum::{
    Router,
    extract::Request,
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};

use super::{Web, error::ApiError, input::read_body};
use crate::pbx::{
    Hearing,
    params::{MAX_TEXT, Params},
};

pub(super) fn router() -> Router<Web> {
    Router::new()
        .route("/modules/PhoneCalls/callbacks/Generic.php", get(generic::generic).post(generic::generic))
        .route("/modules/PBXManager/callbacks/PBXManager.php", get(pbxmanager::pbxmanager).post(pbxmanager::pbxmanager))
        .merge(search::router())
}

/// Whoever only looks must change nothing and be led nowhere: these doors act on `GET`, so a `HEAD`, and a browser that
/// guesses where its person goes next, get an empty answer.
fn only_looks(request: &Request) -> Option<Response> {
    let looks = *request.method() == Method::HEAD || is_prefetch(request.headers());
    looks.then(|| StatusCode::NO_CONTENT.into_response())
}

fn is_prefetch(headers: &HeaderMap) -> bool {
    ["sec-purpose", "purpose"]
        .iter()
        .any(|name| headers.get(*name).and_then(|value| value.to_str().ok()).is_some_and(|purpose| purpose.contains("prefetch")))
}

/// What a door needs of a request: its parameters, wherever they were put.
async fn params(web: &Web, request: Request) -> Result<Params, ApiError> {
    let (parts, body) = request.into_parts();
    let body = read_body(web, body).await?;
    let content_type = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    Ok(Params::read(parts.uri.query().unwrap_or_default(), content_type, &body))
}

/// Counts the texts that were cut, and tells the sender, though few read it.
fn warn_of_cuts(params: &Params, texts: &[&'static str], response: &mut Response) {
    let cut = params.overlong(texts);
    for field in &cut {
        metrics::counter!("cti_texts_cut_total", "field" => *field).increment(1);
    }
    let warnings: Vec<String> = cut.iter().map(|field| format!("{field} cut to {MAX_TEXT} bytes")).collect();
    if let (false, Ok(value)) = (warnings.is_empty(), HeaderValue::try_from(warnings.join(", "))) {
        response.headers_mut().insert("x-warnings", value);
    }
}

/// What an ear knows of an account and a gateway.
fn hearing<'a>(web: &Web, account: &'a crate::app::directory::Account, gateway: &crate::app::directory::Gateway) -> Hearing<'a> {
    Hearing { roster: &account.roster, region: account.region, zone: gateway.zone, observed_at: web.app.clock.now() }
}
