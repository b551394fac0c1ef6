//! What drop-in doors share: their senders put parameters anywhere, and whoever only looks must change nothing.

use axum::{
    extract::Request,
    http::{HeaderMap, Method, StatusCode, header},
    response::{IntoResponse, Response},
};

use super::{Web, error::ApiError, input::read_body};
use crate::pbx::params::Params;

/// Whoever only looks must change nothing and be led nowhere: these doors act on `GET`, so a `HEAD`, and a browser that
/// guesses where its person goes next, get an empty answer.
pub(super) fn only_looks(request: &Request) -> Option<Response> {
    let looks = *request.method() == Method::HEAD || is_prefetch(request.headers());
    looks.then(|| StatusCode::NO_CONTENT.into_response())
}

fn is_prefetch(headers: &HeaderMap) -> bool {
    ["sec-purpose", "purpose"]
        .iter()
        .any(|name| headers.get(*name).and_then(|value| value.to_str().ok()).is_some_and(|purpose| purpose.contains("prefetch")))
}

/// What a door needs of a request: its parameters, wherever they were put.
pub(super) async fn params(web: &Web, request: Request) -> Result<Params, ApiError> {
    let (parts, body) = request.into_parts();
    let body = read_body(web, body).await?;
    let content_type = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    Ok(Params::read(parts.uri.query().unwrap_or_default(), content_type, &body))
}
