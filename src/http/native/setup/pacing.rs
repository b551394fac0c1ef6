//! `GET /api/v1/campaigns/{name}/pacing`: what the law of pacing lets a campaign do, and how it has done.

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::missing;
use crate::{
    domain::{
        dialing::Mode,
        pacing::{Limits, Tally},
        scope::Scope,
        setup::Kind,
    },
    http::{Web, auth::Bearer, error::ApiError, input::Path},
};

pub(super) fn router() -> OpenApiRouter<Web> {
    OpenApiRouter::new().routes(routes!(pacing))
}

/// What a campaign may do, and how it has done.
#[derive(Serialize, ToSchema)]
struct Pacing {
    campaign: String,
    mode: Option<Mode>,
    running: bool,
    /// In ten-thousandths: what the law permits, and what the campaign aims at.
    limits: Limits,
    /// The last thirty days.
    tally: Tally,
    today: Tally,
    /// Calls that may be in flight without a ready agent.
    room: u32,
}

/// Calls that a person answered in the last thirty days, and how many of them were abandoned; with these, how many calls may be
/// in flight without a ready agent.
#[utoipa::path(
    get,
    path = "/api/v1/campaigns/{name}/pacing",
    operation_id = "getCampaignPacing",
    tag = "Campaigns",
    params(("name" = String, Path, description = "The name; the same in any case", example = "Spring")),
    responses((status = 200, description = "Done", body = Pacing)),
    security(("bearer" = ["leads:read"]))
)]
async fn pacing(State(web): State<Web>, bearer: Bearer, Path(name): Path<String>) -> Result<Json<Pacing>, ApiError> {
    let account = &bearer.with(Scope::LeadsRead)?.account;
    let (name, campaign) = account.setup.campaigns.entry(&name).ok_or_else(|| missing(Kind::Campaign))?;
    let budget = web.app.budget(account.id, name).await?;
    Ok(Json(Pacing {
        campaign: name.to_owned(),
        mode: campaign.dialing.as_ref().map(|dialing| dialing.mode),
        running: campaign.dialing.as_ref().is_some_and(|dialing| dialing.running),
        limits: budget.limits,
        tally: budget.tally,
        today: budget.today,
        room: budget.room(),
    }))
}
