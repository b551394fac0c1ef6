//! What an agent's screen shows beside his calls: what he has promised, what he can choose from, and who a call is with.

use axum::{Json, extract::State};
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{parties::Party, records::CallView};
use crate::{
    app::{
        committer::LeadKey,
        directory::{Account, Grant},
    },
    domain::{
        call::Call,
        disposition::{Disposition, SYSTEM},
        lead::Lead,
        phone::Number,
        scope::Scope,
    },
    http::{Web, auth::Bearer, error::ApiError, input::Path},
    store::{
        parties, queue,
        records::{self, Filter},
    },
};

/// Most promises that are shown.
const MAX_PROMISES: i64 = 100;
/// Earlier calls with the same number that are shown.
const EARLIER: i64 = 5;

pub(super) fn router() -> OpenApiRouter<Web> {
    OpenApiRouter::new().routes(routes!(desk)).routes(routes!(card))
}

/// What an agent's screen shows beside his calls.
#[derive(Serialize, ToSchema)]
#[schema(as = AgentDesk)]
#[serde(rename_all = "camelCase")]
struct Desk {
    /// What the account's telephone system can be told.
    capabilities: Vec<&'static str>,
    /// Whether a browser can be his telephone, as `GET /api/v1/agents/{login}/audio` tells his session.
    audio: bool,
    /// Why one is not ready, to choose from.
    break_reasons: Vec<String>,
    /// The numbers that text messages may come from.
    message_numbers: Vec<String>,
    /// The calls that he promised, the earliest first.
    callbacks: Vec<Promise>,
}

/// A call that was promised.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Promise {
    lead_id: i64,
    campaign: String,
    name: Option<String>,
    phone: Number,
    /// When.
    at: DateTime<Utc>,
    notes: Option<String>,
}

impl Promise {
    fn of(lead: Lead) -> Option<Self> {
        let name = [lead.first_name.as_deref(), lead.last_name.as_deref()].into_iter().flatten().collect::<Vec<_>>().join(" ");
        let callback = lead.callback?;
        let name = Some(name).filter(|name| !name.is_empty());
        Some(Self { lead_id: lead.id, campaign: lead.campaign, name, phone: lead.phone, at: callback.at, notes: callback.notes })
    }
}

/// An agent's session sees its own desk and its own calls; whoever reads leads sees everybody's.
fn seen_by<'a>(bearer: &'a Bearer, agent: Option<&str>) -> Result<&'a Grant, ApiError> {
    match bearer.0.subject.agent() {
        Some(login) if Some(login) == agent => Ok(&bearer.0),
        _ => bearer.with(Scope::LeadsRead),
    }
}

/// What an agent's screen shows beside his calls. An agent's session sees its own.
#[utoipa::path(
    get,
    path = "/api/v1/agents/{login}/desk",
    operation_id = "getAgentDesk",
    tag = "Agents",
    params(("login" = String, Path, description = "The login; case matters", example = "anna")),
    responses((status = 200, description = "Done", body = Desk)),
    security(("bearer" = ["leads:read"]))
)]
async fn desk(State(web): State<Web>, bearer: Bearer, Path(login): Path<String>) -> Result<Json<Desk>, ApiError> {
    let account = &seen_by(&bearer, Some(&login))?.account;
    let agent = account.roster.by_login(&login).ok_or(ApiError::NotFound("there is no such agent".into()))?;
    let driven = account.telephone_system();
    let capabilities = driven.iter().flat_map(|driven| driven.capabilities).filter(|verb| verb.is_wished()).map(|verb| verb.word());
    let numbers = account.setup.numbers.iter().filter(|(_, number)| number.sms).map(|(number, _)| number.to_owned());
    let promised = queue::promises_of(web.app.db.read(), account.id, &login, MAX_PROMISES).await?;
    Ok(Json(Desk {
        capabilities: capabilities.collect(),
        audio: account.line_of(agent).is_some(),
        break_reasons: account.setup.options.break_reasons.clone(),
        message_numbers: numbers.collect(),
        callbacks: promised.into_iter().filter_map(Promise::of).collect(),
    }))
}

/// Who a call is with, and what can become of it.
#[derive(Serialize, ToSchema)]
#[schema(as = CallCard)]
#[serde(rename_all = "camelCase")]
struct Card {
    dialer_call_id: Uuid,
    /// Of the party directory.
    party: Option<Party>,
    /// The lead that it was dialed for, or else the newest one of the number.
    lead: Option<Lead>,
    /// The outcomes to choose from; those of the campaign and of the account come first.
    outcomes: Vec<Disposition>,
    /// Earlier calls with the same number, the newest first.
    earlier: Vec<CallView>,
}

/// Who a call is with, and what can become of it. An agent's session sees the cards of its own calls.
#[utoipa::path(
    get,
    path = "/api/v1/dialer-calls/{id}/card",
    operation_id = "getDialerCallCard",
    tag = "Records of calls",
    params(("id" = uuid::Uuid, Path, description = "The id")),
    responses((status = 200, description = "Done", body = Card)),
    security(("bearer" = ["leads:read"]))
)]
async fn card(State(web): State<Web>, bearer: Bearer, Path(id): Path<Uuid>) -> Result<Json<Card>, ApiError> {
    let missing = || ApiError::NotFound("there is no such call".into());
    if bearer.0.subject.agent().is_none() {
        bearer.with(Scope::LeadsRead)?;
    }
    let account = bearer.0.account.clone();
    let call = records::call(web.app.db.read(), account.id, id).await?.ok_or_else(missing)?.call;
    seen_by(&bearer, call.newest().agent())?;
    let party = match &call.party {
        Some(party) => parties::get(web.app.db.read(), account.id, &party.kind, &party.id).await?,
        None => None,
    };
    let party = match party {
        Some(row) => {
            let numbers = parties::numbers(web.app.db.read(), account.id, &row.kind, &row.id).await?;
            Some(Party::new(row, numbers))
        }
        None => None,
    };
    let lead = lead(&web, &account, &call).await?;
    let filter = Filter { number: call.newest().line.customer().map(|number| number.as_str().to_owned()), ..Filter::default() };
    let earlier = match filter.number {
        Some(_) => records::calls(web.app.db.read(), account.id, &filter, Some(id), EARLIER).await?,
        None => vec![],
    };
    let campaign = lead.as_ref().map(|lead| lead.campaign.as_str());
    let outcomes = outcomes(&account, campaign);
    Ok(Json(Card { dialer_call_id: id, party, lead, outcomes, earlier: earlier.iter().map(CallView::new).collect() }))
}

async fn lead(web: &Web, account: &Account, call: &Call) -> Result<Option<Lead>, ApiError> {
    let dialed_for = call.intent.as_ref().and_then(|intent| intent.lead.as_ref()).map(|lead| LeadKey::Id(lead.id));
    let of_number = || call.newest().line.customer().filter(|number| !number.is_extension()).cloned().map(LeadKey::Phone);
    match dialed_for.or_else(of_number) {
        Some(key) => Ok(web.app.find_leads(account.id, &key).await?.into_iter().max_by_key(|lead| lead.id)),
        None => Ok(None),
    }
}

/// What an agent can choose: of the same name, a campaign's goes before the account's, and that before the system's. What only the
/// line can say is not offered.
fn outcomes(account: &Account, campaign: Option<&str>) -> Vec<Disposition> {
    let of_campaign = campaign.map_or(&[][..], |campaign| account.setup.dispositions_of(campaign));
    let of_line = |name: &str| name.starts_with("CR_") || name.starts_with("SYS_");
    let mut chosen: Vec<Disposition> = Vec::new();
    for outcome in of_campaign.iter().chain(&account.setup.dispositions).chain(SYSTEM.iter().filter(|known| !of_line(&known.name))) {
        if !chosen.iter().any(|known| known.name.eq_ignore_ascii_case(&outcome.name)) {
            chosen.push(outcome.clone());
        }
    }
    chosen
}
