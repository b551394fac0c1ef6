//! How answers look: a page with one line, or JSON; and the two headers that say what the body has no place for.

use axum::{
    http::{HeaderMap, HeaderValue, header},
    response::{Html, IntoResponse, Response},
};
use serde::Serialize;

use super::texts::{self, Text};
use crate::{app::committer::Failure, http::error::ApiError};

/// Longest value of `X-Warnings`: clients and proxies refuse long headers.
const MAX_WARNINGS: usize = 4096;

/// Why there is no success: a refusal in the script's own words, answered with 200 as clients expect it, or a failure that has
/// a status of its own.
pub(super) enum Stop<R> {
    Refused(R),
    Failed(ApiError),
}

impl<R> From<ApiError> for Stop<R> {
    fn from(error: ApiError) -> Self {
        Self::Failed(error)
    }
}

impl<R> From<Failure> for Stop<R> {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure.into())
    }
}

impl<R> From<sqlx::Error> for Stop<R> {
    fn from(error: sqlx::Error) -> Self {
        Self::Failed(error.into())
    }
}

impl From<Text> for Stop<Text> {
    fn from(text: Text) -> Self {
        Self::Refused(text)
    }
}

/// A refusal of the scripts that answer JSON.
#[derive(Debug, Serialize)]
pub(super) struct Refusal {
    /// A word for programs.
    pub(super) code: &'static str,
    /// A text for people.
    pub(super) message: String,
}

impl Refusal {
    pub(super) fn new<T>(code: &'static str, message: impl ToString) -> Result<T, Stop<Self>> {
        Err(Self { code, message: message.to_string() }.into())
    }
}

impl From<Refusal> for Stop<Refusal> {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// The answer of a script that answers with a page.
pub(super) fn told(result: Result<(), Stop<Text>>, older: bool) -> Response {
    match result {
        Ok(()) => Html(texts::success(older)).into_response(),
        Err(Stop::Refused(text)) => Html(texts::failure(&text.to_string())).into_response(),
        Err(Stop::Failed(error)) => error.with_body(Html(texts::failure(&error.to_string()))),
    }
}

/// The answer of a script that answers with JSON.
pub(super) fn told_in_json(result: Result<String, Stop<Refusal>>) -> Response {
    #[derive(Serialize)]
    struct Refused<E> {
        success: bool,
        error: E,
    }
    fn body(error: impl Serialize) -> Response {
        json(serde_json::to_string(&Refused { success: false, error }).unwrap_or_default())
    }
    match result {
        Ok(text) => json(text),
        Err(Stop::Refused(refusal)) => body(refusal),
        Err(Stop::Failed(error)) => error.with_body(body(error.body())),
    }
}

fn json(text: String) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], text).into_response()
}

/// The body of a success in JSON: `{"success":true,…}`.
pub(super) fn done(more: impl Serialize) -> Result<String, Stop<Refusal>> {
    #[derive(Serialize)]
    struct Done<T> {
        success: bool,
        #[serde(flatten)]
        more: T,
    }
    plain(&Done { success: true, more })
}

/// A body in JSON of any form.
pub(super) fn plain(body: &impl Serialize) -> Result<String, Stop<Refusal>> {
    serde_json::to_string(body).map_err(|error| Stop::Failed(ApiError::Internal(error.into())))
}

/// `{"success":true,"changed":…}`
pub(super) fn changed(changed: bool) -> Result<String, Stop<Refusal>> {
    #[derive(Serialize)]
    struct Changed {
        changed: bool,
    }
    done(Changed { changed })
}

/// Says which lead it was, and what was not taken as it was given.
pub(super) fn add_headers(headers: &mut HeaderMap, lead: Option<i64>, warnings: &[String]) {
    if let Some(id) = lead {
        headers.insert("x-lead-id", id.into());
    }
    if let (false, Ok(value)) = (warnings.is_empty(), HeaderValue::try_from(joined(warnings))) {
        headers.insert("x-warnings", value);
    }
}

fn joined(warnings: &[String]) -> String {
    let mut text = String::new();
    for (index, warning) in warnings.iter().enumerate() {
        if text.len() + warning.len() > MAX_WARNINGS {
            return format!("{text}, and {} more", warnings.len() - index);
        }
        if index > 0 {
            text.push_str(", ");
        }
        text.push_str(warning);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_fit_a_header() {
        let many: Vec<String> = (0..100).map(|index| format!("{index}{}", "x".repeat(100))).collect();
        let text = joined(&many);
        assert!(text.len() < MAX_WARNINGS + 20 && text.ends_with(", and 61 more"), "{}", &text[text.len() - 20..]);
        assert_eq!(joined(&["a".to_owned(), "b".to_owned()]), "a, b");
    }
}
