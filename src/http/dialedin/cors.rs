//! Pages of allowed origins may read what the scripts answer. A page of another origin may post all the same, as any form can; its
//! browser keeps the answer from it. No cookie opens these doors, so none is let through.

use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use crate::http::{Web, error};

/// Headers of answers that a page may read.
const EXPOSED: HeaderValue = HeaderValue::from_static("X-Lead-Id, X-Warnings, X-Request-Id, Retry-After");

/// The page's origin, when it is an allowed one.
pub(super) fn origin(web: &Web, headers: &HeaderMap) -> Option<HeaderValue> {
    let origin = headers.get(header::ORIGIN)?;
    web.config.http.allowed_origins.iter().any(|allowed| allowed.as_bytes() == origin.as_bytes()).then(|| origin.clone())
}

/// Lets the page of this origin read an answer.
pub(super) fn let_read(headers: &mut HeaderMap, origin: HeaderValue) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
}

/// What a browser asks before it sends JSON. Other origins are answered as ever.
pub(super) async fn preflight(State(web): State<Web>, headers: HeaderMap) -> Response {
    let Some(origin) = origin(&web, &headers) else { return error::wrong_method().await };
    let allowed = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "Content-Type"),
        (header::ACCESS_CONTROL_MAX_AGE, "600"),
    ];
    let mut response = (StatusCode::NO_CONTENT, allowed).into_response();
    let_read(response.headers_mut(), origin);
    response
}
