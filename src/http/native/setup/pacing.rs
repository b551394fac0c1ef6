//! `GET /api/v1/campaigns/{name}/pacing`: what the law of pacing lets a campaign do, and how it has done.

use axum::{Json, Router, extract::State, routing::get};
use serde_json::{Value, json};

use super::missing;
use crate::{
    domain::{scope::Scope, setup::Kind},
    http::{Web, auth::Bearer, error::ApiError, input::Path},
};

pub(super) fn router() -> Router<Web> {
    Router::new().route("/api/v1/campaigns/{name}/pacing", get(pacing))
}

/// Calls that a person answered in the last thirty days, and how many of them were abandoned; with these, how many calls may be
/// in flight without a ready agent.
async fn pacing(State(web): State<Web>, bearer: Bearer, Path(name): Path<String>) -> Result<Json<Value>, ApiError> {
    let account = &bearer.with(Scope::LeadsRead)?.account;
    let (name, campaign) = account.setup.campaigns.entry(&name).ok_or_else(|| missing(Kind::Campaign))?;
    let budget = web.app.budget(account.id, name).await?;
    Ok(Json(json!({
        "campaign": name,
        "mode": campaign.dialing.as_ref().map(|dialing| dialing.mode),
        "running": campaign.dialing.as_ref().is_some_and(|dialing| dialing.running),
        "limits": budget.limits, "tally": budget.tally, "today": budget.today, "room": budget.room(),
    })))
}
