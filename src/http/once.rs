//! The header `Idempotency-Key`: the same request is done once and answered the same again.

use axum::http::HeaderMap;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::error::ApiError;
use crate::app::committer::Once;

/// Longest key.
const MAX_KEY: usize = 200;

/// What the header asks for, if it is there. Each door has keys of its own; `content` is what must be the same again.
pub(super) fn once(headers: &HeaderMap, door: &str, content: &impl Serialize) -> Result<Option<Once>, ApiError> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let key = value.to_str().ok().map(str::trim).filter(|key| !key.is_empty() && key.len() <= MAX_KEY);
    let key = key.ok_or(ApiError::Invalid {
        field: "Idempotency-Key".into(),
        message: format!("expected 1 to {MAX_KEY} visible characters").into(),
    })?;
    let content = serde_json::to_vec(content).map_err(|error| ApiError::Internal(error.into()))?;
    Ok(Some(Once { key: format!("{door}/{key}"), content: Sha256::digest(&content).to_vec() }))
}
