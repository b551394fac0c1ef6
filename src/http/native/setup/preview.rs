//! `GET /api/v1/playlists/{name}/preview`: which leads a playlist holds.

use axum::{Json, Router, extract::State, routing::get};
use serde::Deserialize;
use serde_json::{Value, json};

use super::missing;
use crate::{
    domain::{scope::Scope, setup::Kind},
    http::{
        Web,
        auth::Bearer,
        error::ApiError,
        input::{Path, Query},
    },
    store::leads,
};

/// Leads that are shown.
const SHOWN: i64 = 20;

pub(super) fn router() -> Router<Web> {
    Router::new().route("/api/v1/playlists/{name}/preview", get(preview))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    #[serde(default)]
    draft: bool,
}

/// How many leads there are and the oldest of them: as the playlist was last reloaded, or with `draft` as it would be now.
/// One that was never reloaded holds none.
async fn preview(
    State(web): State<Web>,
    bearer: Bearer,
    Path(name): Path<String>,
    Query(Asked { draft }): Query<Asked>,
) -> Result<Json<Value>, ApiError> {
    let account = &bearer.with(Scope::LeadsRead)?.account;
    let (name, record) = account.setup.playlists.entry(&name).ok_or_else(|| missing(Kind::Playlist))?;
    let playlist = match draft {
        true => Some(record.draft.reload(&account.setup.filters).map_err(|error| ApiError::Conflict(error.to_string().into()))?),
        false => record.published.clone(),
    };
    let (count, items) = match playlist {
        Some(playlist) => leads::matching(web.app.db.read(), account.id, &playlist, SHOWN).await?,
        None => (0, vec![]),
    };
    Ok(Json(json!({"name": name, "draft": draft, "count": count, "items": items})))
}
