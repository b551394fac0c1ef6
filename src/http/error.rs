//! One error form and one mapping to a response. A door of another dialect renders [`ApiError`] in its own form.

use std::{any::Any, borrow::Cow};

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    app::{
        committer::{Denial, Failure},
        parties::InvalidParty,
        wishes::Refusal,
    },
    domain::{lead::FieldError, setup::Invalid},
};

/// What went wrong, by what the caller can do about it.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// Sign in, or send a valid secret.
    #[error("{0}")]
    Unauthorized(Cow<'static, str>),
    /// Ask for a token that may do this.
    #[error("{0}")]
    Forbidden(Cow<'static, str>),
    /// Look elsewhere.
    #[error("{0}")]
    NotFound(Cow<'static, str>),
    /// Correct this field.
    #[error("{field}: {message}")]
    Invalid {
        /// The field.
        field: Cow<'static, str>,
        /// What was expected.
        message: Cow<'static, str>,
    },
    /// Correct these fields.
    #[error("{}", .0.first().map_or("", |first| first.message.as_str()))]
    InvalidFields(Vec<FieldError>),
    /// A needed parameter is missing.
    #[error("{field}: {message}")]
    Missing {
        /// The parameter.
        field: Cow<'static, str>,
        /// What was expected.
        message: Cow<'static, str>,
    },
    /// The request cannot be read at all.
    #[error("{0}")]
    Unreadable(Cow<'static, str>),
    /// Send less.
    #[error("the body is too large: send at most what http.max_body_bytes allows")]
    TooLarge,
    /// Put parameters elsewhere.
    #[error("the address is too long: send parameters in the body")]
    AddressTooLong,
    /// It contradicts what is stored.
    #[error("{0}")]
    Conflict(Cow<'static, str>),
    /// It is there already, as this lead.
    #[error("a lead with this number is there already, and was not stored again")]
    Duplicate(i64),
    /// Read it again: it has changed, and is in this version now.
    #[error("the record is {}", .0.map_or("gone".to_owned(), |version| format!("in version {version}")))]
    Stale(Option<i64>),
    /// A rule forbids it, under a word of its own.
    #[error("{message}")]
    Declined {
        /// It contradicts what is stored; else the request itself is at fault.
        conflict: bool,
        /// The word for programs.
        code: &'static str,
        /// The field at fault.
        field: Option<&'static str>,
        /// Why.
        message: Cow<'static, str>,
    },
    /// Slow down.
    #[error("too many tries: wait a minute")]
    TooMany,
    /// Send it again, later.
    #[error("{0}")]
    Busy(Cow<'static, str>),
    /// Nothing the caller can do.
    #[error("the server failed: the log has the reason under this request's id")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// The body of an error.
#[derive(Serialize, ToSchema)]
pub struct ErrorBody {
    /// A word for programs.
    pub code: &'static str,
    /// A text for people.
    pub message: String,
    /// The field at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
}

/// An error as the native API answers it.
#[derive(Serialize, ToSchema)]
pub struct ErrorForm<'a> {
    error: Shown<'a>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = ErrorShown)]
#[serde(rename_all = "camelCase")]
struct Shown<'a> {
    #[serde(flatten)]
    body: ErrorBody,
    /// Every field at fault, where all were looked at.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    details: &'a [FieldError],
    /// The lead that is there already.
    #[serde(skip_serializing_if = "Option::is_none")]
    lead_id: Option<i64>,
}

impl ApiError {
    /// The status and the word for programs: the one mapping.
    pub fn status(&self) -> (StatusCode, &'static str) {
        match self {
            Self::Unauthorized(_) => (StatusCode::UNAUTHORIZED, "unauthorized"),
            Self::Forbidden(_) => (StatusCode::FORBIDDEN, "forbidden"),
            Self::NotFound(_) => (StatusCode::NOT_FOUND, "not_found"),
            Self::Invalid { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "invalid"),
            Self::InvalidFields(_) => (StatusCode::UNPROCESSABLE_ENTITY, "invalid"),
            Self::Missing { .. } => (StatusCode::BAD_REQUEST, "missing"),
            Self::Unreadable(_) => (StatusCode::BAD_REQUEST, "unreadable"),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "too_large"),
            Self::AddressTooLong => (StatusCode::URI_TOO_LONG, "address_too_long"),
            Self::Conflict(_) => (StatusCode::CONFLICT, "conflict"),
            Self::Duplicate(_) => (StatusCode::CONFLICT, "duplicate"),
            Self::Stale(_) => (StatusCode::PRECONDITION_FAILED, "stale"),
            Self::Declined { conflict: true, code, .. } => (StatusCode::CONFLICT, code),
            Self::Declined { code, .. } => (StatusCode::UNPROCESSABLE_ENTITY, code),
            Self::TooMany => (StatusCode::TOO_MANY_REQUESTS, "too_many"),
            Self::Busy(_) => (StatusCode::SERVICE_UNAVAILABLE, "busy"),
            Self::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
        }
    }

    /// The body.
    pub fn body(&self) -> ErrorBody {
        let (field, message) = match self {
            Self::Invalid { field, message } | Self::Missing { field, message } => (Some(field.to_string()), message.to_string()),
            Self::InvalidFields(errors) => (errors.first().map(|first| first.field.clone()), self.to_string()),
            Self::Declined { field, message, .. } => (field.map(str::to_owned), message.to_string()),
            other => (None, other.to_string()),
        };
        ErrorBody { code: self.status().1, message, field }
    }

    /// The whole form of the native API.
    pub fn form(&self) -> ErrorForm<'_> {
        let details = if let Self::InvalidFields(errors) = self { errors.as_slice() } else { &[] };
        let lead_id = if let Self::Duplicate(id) = self { Some(*id) } else { None };
        ErrorForm { error: Shown { body: self.body(), details, lead_id } }
    }

    /// Wraps a body in the status and the headers that belong to the error. A failure of ours is logged here, once, whole.
    pub fn with_body(&self, body: impl IntoResponse) -> Response {
        let (status, code) = self.status();
        if let Self::Internal(cause) = self {
            tracing::error!(error = cause.as_ref() as &dyn std::error::Error, "a request failed");
        }
        metrics::counter!("cti_errors_total", "code" => code).increment(1);
        let mut response = (status, body).into_response();
        if matches!(self, Self::Busy(_) | Self::TooMany) {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from_static(if matches!(self, Self::TooMany) { "60" } else { "1" }));
        }
        // nobody frames a refusal, not even of a door that lets some pages frame it
        response
            .headers_mut()
            .insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"));
        if matches!(self, Self::Unauthorized(_)) {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        self.with_body(Json(self.form()))
    }
}

impl From<sqlx::Error> for ApiError {
    fn from(error: sqlx::Error) -> Self {
        if crate::store::is_passing(&error) {
            tracing::warn!(%error, "the store is away");
            return Self::Busy("the store is away: try again in a moment".into());
        }
        Self::Internal(error.into())
    }
}

impl From<Failure> for ApiError {
    fn from(failure: Failure) -> Self {
        let text = failure.to_string();
        match failure {
            Failure::Busy | Failure::Late | Failure::Stopping => Self::Busy(text.into()),
            Failure::Refused(_) => Self::Conflict(text.into()),
            Failure::NotSupported => Self::Conflict(text.into()),
            Failure::Presence(_) => Self::Declined { conflict: true, code: "refused", field: None, message: text.into() },
            Failure::Denied(denial) => denied(&denial),
            Failure::NotYours => Self::Forbidden(text.into()),
            Failure::NoSuchCall => Self::NotFound(text.into()),
            Failure::KeyReused => Self::Invalid { field: "Idempotency-Key".into(), message: text.into() },
            Failure::Store(error) => Self::Internal(error.into()),
        }
    }
}

/// A wish that is denied.
fn denied(denial: &Denial) -> ApiError {
    let message = denial.message.clone();
    match (denial.code, message.split_once(": ")) {
        ("not_found", _) => ApiError::NotFound(message.into()),
        ("invalid", Some((field, expected))) => ApiError::Invalid { field: field.to_owned().into(), message: expected.to_owned().into() },
        (code, _) => ApiError::Declined { conflict: true, code, field: None, message: message.into() },
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        let Refusal { code, message, field } = refusal;
        match (code, field) {
            ("unknown", _) => Self::NotFound(message.into()),
            (_, Some(field)) => {
                let expected = message.split_once(": ").map_or_else(|| message.clone(), |(_, expected)| expected.to_owned());
                Self::Invalid { field: field.into(), message: expected.into() }
            }
            ("forbidden", None) => Self::Forbidden(message.into()),
            ("busy", None) => Self::Busy(message.into()),
            (code, None) => Self::Declined { conflict: true, code, field: None, message: message.into() },
        }
    }
}

impl From<InvalidParty> for ApiError {
    fn from(invalid: InvalidParty) -> Self {
        Self::Invalid { field: invalid.field.into(), message: invalid.expected.into() }
    }
}

impl From<Invalid> for ApiError {
    fn from(invalid: Invalid) -> Self {
        let field = if invalid.field.is_empty() { "body".into() } else { invalid.field.into() };
        Self::Invalid { field, message: invalid.message.into() }
    }
}

/// Any address that is no door.
pub async fn no_such_door() -> ApiError {
    ApiError::NotFound("there is no such address here".into())
}

/// A door that does not take this method.
pub async fn wrong_method() -> Response {
    let body = ErrorBody { code: "method_not_allowed", message: "this address does not take this method".to_owned(), field: None };
    (StatusCode::METHOD_NOT_ALLOWED, Json(serde_json::json!({ "error": body }))).into_response()
}

/// A panic in a handler: an error like any other failure of ours.
pub fn panicked(cause: Box<dyn Any + Send + 'static>) -> Response {
    let text = cause.downcast_ref::<&str>().map(|text| (*text).to_owned()).or_else(|| cause.downcast_ref::<String>().cloned());
    ApiError::Internal(text.unwrap_or_else(|| "a handler panicked".to_owned()).into()).into_response()
}
