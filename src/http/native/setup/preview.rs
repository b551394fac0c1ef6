//! `GET /api/v1/playlists/{name}/preview`: which leads a playlist holds.

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::missing;
use crate::{
    domain::{lead::Lead, scope::Scope, setup::Kind},
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

pub(super) fn router() -> OpenApiRouter<Web> {
    OpenApiRouter::new().routes(routes!(preview))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// As it would be if it were reloaded now.
    #[serde(default)]
    draft: bool,
}

/// Which leads a playlist holds.
#[derive(Serialize, ToSchema)]
#[schema(as = PlaylistPreview)]
struct Preview {
    name: String,
    draft: bool,
    count: i64,
    /// The oldest of them.
    items: Vec<Lead>,
}

/// How many leads there are and the oldest of them: as the playlist was last reloaded, or with `draft` as it would be now.
/// One that was never reloaded holds none.
#[utoipa::path(
    get,
    path = "/api/v1/playlists/{name}/preview",
    operation_id = "previewPlaylist",
    tag = "Setup",
    params(Asked, ("name" = String, Path, description = "The name; the same in any case", example = "Evening")),
    responses((status = 200, description = "Done", body = Preview)),
    security(("bearer" = ["leads:read"]))
)]
async fn preview(
    State(web): State<Web>,
    bearer: Bearer,
    Path(name): Path<String>,
    Query(Asked { draft }): Query<Asked>,
) -> Result<Json<Preview>, ApiError> {
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
    Ok(Json(Preview { name: name.to_owned(), draft, count, items }))
}
