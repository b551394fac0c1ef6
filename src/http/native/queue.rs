//! The queue of a campaign: `/api/v1/campaigns/{name}/queue`, who is dialed next and why not now.

use axum::{Json, Router, extract::State, routing::get};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize, de::Error};
use serde_json::{Value, json};

use super::page;
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

pub(super) fn router() -> Router<Web> {
    Router::new().route("/api/v1/campaigns/{name}/queue", get(queue))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    limit: Option<i64>,
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
#[derive(Serialize)]
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
async fn queue(
    State(web): State<Web>,
    bearer: Bearer,
    Path(name): Path<String>,
    Query(Asked { limit, explain }): Query<Asked>,
) -> Result<Json<Value>, ApiError> {
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
    let items: Vec<Item> = waiting.into_iter().map(item).collect();
    Ok(Json(json!({"items": items, "next": null})))
}
