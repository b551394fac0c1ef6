//! The demo CRM at `/demo`: a small page that embeds the softphone, as somebody else's would. It may do no more than any page.

use std::sync::LazyLock;

use axum::{Router, http::HeaderMap, response::Response, routing::get};
use rust_embed::RustEmbed;

use super::{Web, asset, console::PAGE_POLICY, error::ApiError, input::Path};

/// It frames the softphone.
static POLICY: LazyLock<String> = LazyLock::new(|| format!("{PAGE_POLICY}; frame-src 'self'"));

#[derive(RustEmbed)]
#[folder = "web/demo"]
struct Files;

pub(super) fn router() -> Router<Web> {
    Router::new()
        .route("/demo", get(|headers: HeaderMap| async move { file("index.html", &headers) }))
        .route("/demo/{file}", get(|Path(name): Path<String>, headers: HeaderMap| async move { file(&name, &headers) }))
}

fn file(name: &str, asked: &HeaderMap) -> Result<Response, ApiError> {
    let file = Files::get(name).ok_or(ApiError::NotFound("there is no such page".into()))?;
    asset::answer(name, file.data.into_owned(), asked, &POLICY)
}
