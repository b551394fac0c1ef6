//! The doors of the Vtiger dialects: `Generic.php`, `PBXManager.php` and `Search.php`.

mod generic;
mod pbxmanager;
mod search;

use axum::{Router, extract::Request, http::header, routing::any};

use super::{Web, error::ApiError, input::read_body};
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
    let body = read_body(web, body).await?;
    let content_type = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    Ok(Params::read(parts.uri.query().unwrap_or_default(), content_type, &body))
}

/// What an ear knows of an account and a gateway.
fn hearing<'a>(web: &Web, account: &'a crate::app::directory::Account, gateway: &crate::app::directory::Gateway) -> Hearing<'a> {
    Hearing { roster: &account.roster, region: account.region, zone: gateway.zone, observed_at: web.app.clock.now() }
}
