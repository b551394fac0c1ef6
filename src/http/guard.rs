//! What every request passes: the length of its address, an id for the log, headers that every answer carries.

use axum::{
    extract::{Request, State},
    http::{HeaderName, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use tracing::Instrument;

use super::Web;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Checks the address's length and wraps the request in a log span. The span has the path without the query: secrets and
/// phone numbers ride there.
pub(super) async fn guard(State(web): State<Web>, request: Request, next: Next) -> Response {
    if request.uri().path_and_query().is_some_and(|uri| uri.as_str().len() > web.config.http.max_uri_bytes) {
        return (StatusCode::URI_TOO_LONG, "the address is too long: send parameters in the body\n").into_response();
    }
    let id = web.app.clock.id().simple().to_string();
    let path = request.uri().path();
    let span = tracing::info_span!("request", %id, method = %request.method(), path = &path[..path.len().min(80)]);
    let mut response = next.run(request).instrument(span).await;
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, id);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.entry(header::REFERRER_POLICY).or_insert(HeaderValue::from_static("no-referrer"));
    response
}
