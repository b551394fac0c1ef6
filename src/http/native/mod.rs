//! The native API `/api/v1`: JSON, bearer, honest status codes, one error form, cursor paging.

mod agents;
mod call_events;
mod events;
mod page;
pub(super) mod parties;
mod records;
mod sessions;

use axum::{
    Router,
    extract::{FromRequest, FromRequestParts, Request, rejection::JsonRejection},
    http::request::Parts,
};
use serde::de::DeserializeOwned;

pub(super) use self::sessions::{SignInLimit, sign_in_limit, sign_out};
use super::{Web, error::ApiError};

pub(super) fn router() -> Router<Web> {
    Router::new()
        .merge(agents::router())
        .merge(call_events::router())
        .merge(events::router())
        .merge(parties::router())
        .merge(records::router())
        .merge(sessions::router())
}

/// A JSON body, refused in our error form.
struct Body<T>(T);

impl<T: DeserializeOwned> FromRequest<Web> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, web: &Web) -> Result<Self, ApiError> {
        match axum::Json::<T>::from_request(request, web).await {
            Ok(axum::Json(body)) => Ok(Self(body)),
            Err(JsonRejection::JsonDataError(error)) => {
                let text = error.body_text();
                let (path, why) = text
                    .trim_start_matches("Failed to deserialize the JSON body into the target type: ")
                    .split_once(": ")
                    .unwrap_or(("body", &text));
                Err(ApiError::Invalid { field: path.to_owned().into(), message: why.to_owned().into() })
            }
            Err(JsonRejection::BytesRejection(error)) if error.status() == axum::http::StatusCode::PAYLOAD_TOO_LARGE => {
                Err(ApiError::TooLarge)
            }
            Err(error) => {
                Err(ApiError::Unreadable(format!("expected a JSON body with Content-Type: application/json: {}", error.body_text()).into()))
            }
        }
    }
}

/// Query parameters, refused in our error form.
struct Query<T>(T);

impl<T: DeserializeOwned> FromRequestParts<Web> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _web: &Web) -> Result<Self, ApiError> {
        axum::extract::Query::<T>::try_from_uri(&parts.uri).map(|axum::extract::Query(query)| Self(query)).map_err(|error| {
            let text = error.body_text();
            let (path, why) = text.trim_start_matches("Failed to deserialize query string: ").split_once(": ").unwrap_or(("query", &text));
            ApiError::Invalid { field: path.to_owned().into(), message: why.to_owned().into() }
        })
    }
}
