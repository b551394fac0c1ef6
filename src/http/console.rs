//! The console: its page and files, compiled in; read from disk in debug builds.

use axum::{
    Router,
    http::header,
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use rust_embed::RustEmbed;

use super::{Web, error::ApiError, input::Path};

/// What a page may load: its own files and nothing else.
pub(super) const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; \
                                      form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

#[derive(RustEmbed)]
#[folder = "web/console"]
struct Files;

pub(super) fn router() -> Router<Web> {
    Router::new()
        .route("/", get(|| async { Redirect::to("/console") }))
        .route("/console", get(|| async { file("index.html") }))
        .route("/console/{file}", get(|Path(name): Path<String>| async move { file(&name) }))
}

fn file(name: &str) -> Result<Response, ApiError> {
    let file = Files::get(name).ok_or(ApiError::NotFound("there is no such page".into()))?;
    let kind = mime_guess::from_path(name).first_or_octet_stream();
    let headers = [(header::CONTENT_TYPE, kind.to_string()), (header::CONTENT_SECURITY_POLICY, PAGE_POLICY.to_owned())];
    Ok((headers, file.data).into_response())
}
