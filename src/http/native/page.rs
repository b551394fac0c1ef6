//! Lists: `{"items":[…],"next":"cursor"|null}`, or CSV when the client accepts only that.

use axum::{
    Json,
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Serialize, de::DeserializeOwned};
use utoipa::ToSchema;

use crate::{
    app::parties::quote_formula,
    domain::phone::Number,
    http::{
        error::{ApiError, ErrorBody},
        input::nul_in_json,
    },
};

/// A page of a list.
#[derive(Serialize, ToSchema)]
pub(super) struct Page<T> {
    /// The items, in the order that the operation tells.
    pub(super) items: Vec<T>,
    /// What `cursor` gets the next page by; `null` on the last one.
    pub(super) next: Option<String>,
}

impl<T> Page<T> {
    /// Everything there is.
    pub(super) fn whole(items: Vec<T>) -> Self {
        Self { items, next: None }
    }
}

/// One answer for each item of a request, in their order.
#[derive(Serialize, ToSchema)]
pub(super) struct Answers<T> {
    /// The answers.
    pub(super) items: Vec<T>,
}

/// What became of one number of a batch.
#[derive(Serialize, ToSchema)]
pub(super) struct NumberAnswer {
    /// The status that a request of its own would have had.
    #[schema(example = 201)]
    pub(super) status: u16,
    /// The number, in canonical form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) number: Option<Number>,
    /// What was wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<ErrorBody>,
}

impl NumberAnswer {
    /// One that was taken.
    pub(super) fn taken(status: u16, number: Number) -> Self {
        Self { status, number: Some(number), error: None }
    }

    /// One that was not.
    pub(super) fn refused(error: &ApiError) -> Self {
        Self { status: error.status().0.as_u16(), number: None, error: Some(error.body()) }
    }
}

/// Items of a page when the client names no number.
const DEFAULT_LIMIT: i64 = 50;
/// Most items of a page.
const MAX_LIMIT: i64 = 500;

/// Checks a page size.
pub(super) fn limit(asked: Option<i64>) -> Result<i64, ApiError> {
    match asked.unwrap_or(DEFAULT_LIMIT) {
        limit @ 1..=MAX_LIMIT => Ok(limit),
        _ => Err(ApiError::Invalid { field: "limit".into(), message: format!("expected 1 to {MAX_LIMIT}").into() }),
    }
}

/// Reads the key that a cursor holds.
pub(super) fn read_cursor<K: DeserializeOwned>(cursor: Option<&str>) -> Result<Option<K>, ApiError> {
    let Some(cursor) = cursor else { return Ok(None) };
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(cursor).ok().filter(|bytes| nul_in_json(bytes).is_none());
    let key = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    key.map(Some).ok_or(ApiError::Invalid { field: "cursor".into(), message: "expected the `next` of an earlier page".into() })
}

/// A cursor that holds the key of the last item.
fn cursor(key: &impl Serialize) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(serde_json::to_vec(key).unwrap_or_default())
}

/// Whether the client wants CSV rather than JSON.
pub(super) fn wants_csv(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accept.contains("text/csv") && !accept.contains("application/json")
}

/// A page of rows as the client wants it. `rows` may hold one more than `limit`: then there is a next page. `columns` are
/// those of the CSV.
pub(super) fn page<R: Serialize, K: Serialize>(
    headers: &HeaderMap,
    mut rows: Vec<R>,
    limit: i64,
    columns: &[&str],
    key: impl Fn(&R) -> K,
) -> Result<Response, ApiError> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = more.then(|| rows.last().map(key)).flatten();
    part(headers, &rows, next.as_ref(), columns)
}

/// A page that may hold fewer rows than asked for although there is more: `next` tells.
pub(super) fn part<R: Serialize>(
    headers: &HeaderMap,
    rows: &[R],
    next: Option<&impl Serialize>,
    columns: &[&str],
) -> Result<Response, ApiError> {
    let next = next.map(cursor);
    if wants_csv(headers) {
        return csv(rows, columns, next);
    }
    #[derive(Serialize)]
    struct Borrowed<'a, R> {
        items: &'a [R],
        next: Option<String>,
    }
    Ok(Json(Borrowed { items: rows, next }).into_response())
}

/// Rows as CSV; the next page's cursor rides in the header `X-Next-Cursor`.
fn csv<R: Serialize>(rows: &[R], columns: &[&str], next: Option<String>) -> Result<Response, ApiError> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(columns).map_err(|error| ApiError::Internal(error.into()))?;
    for row in rows {
        let value = serde_json::to_value(row).map_err(|error| ApiError::Internal(error.into()))?;
        writer.write_record(columns.iter().map(|column| cell(&value[column]))).map_err(|error| ApiError::Internal(error.into()))?;
    }
    let text = writer.into_inner().map_err(|error| ApiError::Internal(error.to_string().into()))?;
    let mut response = ([(header::CONTENT_TYPE, "text/csv; charset=utf-8")], text).into_response();
    if let Some(value) = next.and_then(|next| next.parse().ok()) {
        response.headers_mut().insert("x-next-cursor", value);
    }
    Ok(response)
}

/// A cell's text; a list's items are separated by semicolons.
fn cell(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Null => String::new(),
        serde_json::Value::String(text) => quote_formula(text),
        serde_json::Value::Array(items) => {
            let texts: Vec<&str> = items.iter().filter_map(serde_json::Value::as_str).collect();
            quote_formula(&texts.join(";"))
        }
        other => other.to_string(),
    }
}
