//! What doors read of a request: a body within its time and length, JSON, a query, a path. What cannot be read, or holds a
//! NUL, which no database takes in text, is refused in our error form by the name of its field.

use std::time::Duration;

use axum::{
    Json,
    body::Bytes,
    extract::{FromRequest, FromRequestParts, RawPathParams, Request, rejection::JsonRejection},
    http::{HeaderMap, header, request::Parts},
};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Web, error::ApiError};

/// The whole body, if it comes in time and is no longer than allowed.
pub(super) async fn read_body(web: &Web, body: axum::body::Body) -> Result<Bytes, ApiError> {
    let http = &web.config.http;
    match tokio::time::timeout(Duration::from_millis(http.body_timeout_ms), axum::body::to_bytes(body, http.max_body_bytes)).await {
        Ok(Ok(body)) => Ok(body),
        Ok(Err(_)) => Err(ApiError::TooLarge),
        Err(_) => Err(ApiError::Unreadable("the body did not come in time".into())),
    }
}

/// A body of any kind.
pub(super) struct Raw(pub(super) Bytes);

impl FromRequest<Web> for Raw {
    type Rejection = ApiError;

    async fn from_request(request: Request, web: &Web) -> Result<Self, ApiError> {
        read_body(web, request.into_body()).await.map(Self)
    }
}

/// A JSON body.
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<Web> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, web: &Web) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        let unreadable =
            |why: &str| ApiError::Unreadable(format!("expected a JSON body with Content-Type: application/json: {why}").into());
        if !is_json(&parts.headers) {
            return Err(unreadable("it has another content type"));
        }
        let body = read_body(web, body).await?;
        if let Some(field) = nul_in_json(&body) {
            return Err(has_nul(field));
        }
        Json::from_bytes(&body).map(|Json(body)| Self(body)).map_err(|error| match error {
            JsonRejection::JsonDataError(error) => {
                let text = error.body_text();
                misfit(text.trim_start_matches("Failed to deserialize the JSON body into the target type: "), "", "body")
            }
            error => unreadable(&error.body_text()),
        })
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"))
}

/// The field of a JSON text that holds a NUL. Only an escape can bring one, and few bodies have any.
pub(super) fn nul_in_json(body: &[u8]) -> Option<String> {
    fn find(value: &Value, path: &str) -> Option<String> {
        let inside = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        match value {
            Value::String(text) if text.contains('\0') => Some(path.to_owned()),
            Value::Array(items) => items.iter().enumerate().find_map(|(index, item)| find(item, &format!("{path}[{index}]"))),
            Value::Object(fields) => {
                fields.iter().find_map(|(name, value)| if name.contains('\0') { Some(inside("key")) } else { find(value, &inside(name)) })
            }
            _ => None,
        }
    }
    let suspicious = body.windows(6).any(|window| window == br"\u0000");
    if suspicious { find(&serde_json::from_slice(body).ok()?, "") } else { None }
}

/// Query parameters.
pub(super) struct Query<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequestParts<Web> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _web: &Web) -> Result<Self, ApiError> {
        let query = parts.uri.query().unwrap_or_default();
        if let Some((name, _)) = form_urlencoded::parse(query.as_bytes()).find(|(name, value)| name.contains('\0') || value.contains('\0'))
        {
            return Err(has_nul(name.replace('\0', "")));
        }
        axum::extract::Query::<T>::try_from_uri(&parts.uri)
            .map(|axum::extract::Query(query)| Self(query))
            .map_err(|error| misfit(error.body_text().trim_start_matches("Failed to deserialize query string: "), "", "query"))
    }
}

/// The parameters of a path.
pub(super) struct Path<T>(pub(super) T);

impl<T: DeserializeOwned + Send> FromRequestParts<Web> for Path<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> Result<Self, ApiError> {
        let unreadable = || ApiError::Unreadable("the address holds what is not UTF-8".into());
        let raw = RawPathParams::from_request_parts(parts, web).await.map_err(|_| unreadable())?;
        if let Some((name, _)) = raw.iter().find(|(_, value)| value.contains('\0')) {
            return Err(has_nul(name.to_owned()));
        }
        axum::extract::Path::<T>::from_request_parts(parts, web).await.map(|axum::extract::Path(path)| Self(path)).map_err(|_| unreadable())
    }
}

/// What a deserializer says of a value at `base`, as the field and what was expected of it: `path: why`, or why alone, which
/// concerns the `whole`. A field that is missing is named too.
pub(super) fn misfit(text: &str, base: &str, whole: &str) -> ApiError {
    let (path, why) = text.split_once(": ").filter(|(path, _)| !path.contains(' ')).unwrap_or(("", text));
    let missing = why.strip_prefix("missing field `").and_then(|rest| rest.split('`').next()).unwrap_or_default();
    let field = [base, path, missing].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(".");
    let field = if field.is_empty() { whole.to_owned() } else { field };
    ApiError::Invalid { field: field.into(), message: why.to_owned().into() }
}

/// The refusal of a text with a NUL.
fn has_nul(field: String) -> ApiError {
    ApiError::Invalid { field: field.into(), message: "expected text without NUL".into() }
}
