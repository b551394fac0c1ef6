//! The doors of the Vtiger dialects: `Generic.php`, `PBXManager.php` and `Search.php`.

mod generic;
mod pbxmanager;
mod search;

use axum::{Router, extract::Request, http::header, routing::any};

use super::{Web, error::ApiError};
use crate::pbx::{Hearing, params::Params};

pub(super) fn router() -> Router<Web> {
    Router::new()
        .route("/modules/PhoneCalls/callbacks/Generic.php", any(generic::generic))
        .route("/modules/PBXManager/callbacks/PBXManager.php", any(pbxmanager::pbxmanager))
        .merge(search::router())
}

/// What a door needs of a request: its parameters, wherever they were put.
async fn params(web: &Web, request: Request) -> Result<Params, ApiError> {
    let (parts, body) = request.into_parts();
    let most = web.config.http.max_body_bytes;
    let body = tokio::time::timeout(BODY_TIMEOUT, axum::body::to_bytes(body, most)).await;
    let body = match body {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => return Err(ApiError::TooLarge),
        Err(_) => return Err(ApiError::Unreadable("the body did not come in time".into())),
    };
    let content_type = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    Ok(Params::read(parts.uri.query().unwrap_or_default(), content_type, &body))
}

/// A body must be complete within this time.
const BODY_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(15);

/// What an ear knows of an account and a gateway.
fn hearing<'a>(web: &Web, account: &'a crate::app::directory::Account, gateway: &crate::app::directory::Gateway) -> Hearing<'a> {
    Hearing { roster: &account.roster, region: account.region, zone: gateway.zone, observed_at: web.app.clock.now() }
}
