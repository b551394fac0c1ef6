//! The doors of the Vtiger dialects: `Generic.php`, `PBXManager.php` and `Search.php`.

mod generic;
mod pbxmanager;
mod search;

use axum::{Router, http::HeaderValue, response::Response, routing::get};

use super::{
    Web,
    lenient::{only_looks, params},
};
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
