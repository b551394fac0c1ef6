//! The queue of a campaign: `/api/v1/campaigns/{name}/queue`, who is dialed next and why not now.

use axum::{Json, extract::State};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize, de::Error};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::page::{self, Page};
use crate::{
    domain::{
        lead::{Explanation, Lead, Rank},
        scope::Scope,
    },
    http::{
        Web,
        auth::Bearer,
        error::ApiError,
        input::{Path, Query},
    },
};

pub(super) fn router() -> OpenApiRouter<Web> {
    OpenApiRouter::new().routes(routes!(queue))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Asked {
    #[param(minimum = 1, maximum = 500)]
    limit: Option<i64>,
    /// `1` says of each what speaks against dialing it now.
    #[param(value_type = Option<String>)]
    #[serde(default, deserialize_with = "flag")]
    explain: bool,
}

/// A flag as people write it in an address.
fn flag<'de, D: Deserializer<'de>>(given: D) -> Result<bool, D::Error> {
    match String::deserialize(given)?.as_str() {
        "1" | "true" => Ok(true),
        "0" | "false" => Ok(false),
        _ => Err(D::Error::custom("expected 1 or 0")),
    }
}

/// A lead that waits.
#[derive(Serialize, ToSchema)]
#[schema(as = QueueItem)]
#[serde(rename_all = "camelCase")]
struct Item {
    rank: Rank,
    /// The first moment from now on when it may be dialed, as far as its place says.
    dial_at: DateTime<Utc>,
    lead: Lead,
    #[serde(skip_serializing_if = "Option::is_none")]
    explanation: Option<Explanation>,
}

/// The next leads of a campaign, in the order in which they will be dialed.
#[utoipa::path(
    get,
    path = "/api/v1/campaigns/{name}/queue",
    operation_id = "getCampaignQueue",
    tag = "Campaigns",
    params(Asked, ("name" = String, Path, description = "The name; the same in any case", example = "Spring")),
    responses((status = 200, description = "Done", body = Page<Item>)),
    security(("bearer" = ["leads:read"]))
)]
async fn queue(
    State(web): State<Web>,
    bearer: Bearer,
    Path(name): Path<String>,
    Query(Asked { limit, explain }): Query<Asked>,
) -> Result<Json<Page<Item>>, ApiError> {
    let account = &bearer.with(Scope::LeadsRead)?.account;
    let limit = page::limit(limit)?;
    let found = account.setup.campaigns.entry(&name);
    let (name, _) = found.ok_or_else(|| ApiError::NotFound("there is no such campaign".into()))?;
    let waiting = web.app.queue(account, name, limit, explain).await?;
    let item = |(waiting, explanation): (crate::store::queue::Waiting, Option<Explanation>)| Item {
        rank: waiting.rank,
        dial_at: waiting.at,
        lead: waiting.lead,
        explanation,
    };
    Ok(Json(Page::whole(waiting.into_iter().map(item).collect())))
}
