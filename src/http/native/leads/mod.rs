//! Leads: `/api/v1/leads`, one by one. What a request says is read in `intake`, batches are in `batch`.

mod batch;
mod intake;

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use self::intake::{Asking, UpsertKey};
use super::page;
use crate::{
    app::committer::{DialWord, LeadDone, LeadEdit, LeadKey, LeadOrder, LeadTold, LeadWork, Once},
    app::directory::{Account, Grant},
    domain::{
        disposition::{Callable, resolve},
        lead::{Applied, Explanation, Lead, Override, Source, field::FIELDS},
        phone::Number,
        scope::Scope,
    },
    http::{
        Web,
        auth::Bearer,
        error::ApiError,
        input::{Body, Path, Query},
        once::once,
    },
    store::{
        leads::{self as book, LeadsQuery},
        receipts::{self, ReceiptRow},
    },
};

pub(super) fn router() -> OpenApiRouter<Web> {
    OpenApiRouter::new()
        .routes(routes!(list, create, upsert))
        .routes(routes!(show, change))
        .routes(routes!(explain))
        .routes(routes!(dispose))
        .routes(routes!(batch::batch))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Trying {
    /// Says what would become of it, and stores nothing.
    #[serde(default)]
    dry_run: bool,
}

/// Adds a lead, or says what would become of it.
#[utoipa::path(
    post,
    path = "/api/v1/leads",
    operation_id = "createLead",
    tag = "Leads",
    params(Trying, ("Idempotency-Key" = Option<String>, Header, description = "The same key with the same content is done once and answered the same again")),
    request_body = intake::NewLead,
    responses((status = 201, description = "Added", body = LeadCreated), (status = 200, description = "What would become of it, with `dryRun`", body = crate::app::leads::Trial)),
    security(("bearer" = ["leads:write"]))
)]
async fn create(
    State(web): State<Web>,
    bearer: Bearer,
    headers: HeaderMap,
    Query(trying): Query<Trying>,
    Body(body): Body<Value>,
) -> Result<Response, ApiError> {
    let grant = bearer.with(Scope::LeadsWrite)?;
    let once = if trying.dry_run { None } else { once(&headers, "leads", &body)? };
    if let Some(before) = remembered(&web, grant, once.as_ref()).await? {
        return told(before);
    }
    let intake = Asking::new(&web, grant).intake(body, None)?;
    if trying.dry_run {
        let trial = web.app.try_intake(&grant.account, &intake).await?;
        return Ok(Json(trial.ok_or(no_such_lead())?).into_response());
    }
    order(&web, grant, LeadOrder::Inject(Box::new(intake)), once).await
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Keyed {
    /// What the lead is found by.
    key: UpsertKey,
}

/// Changes the newest lead of a key, or adds one when there is none.
#[utoipa::path(
    put,
    path = "/api/v1/leads",
    operation_id = "upsertLead",
    tag = "Leads",
    params(Keyed),
    request_body = intake::NewLead,
    responses((status = 201, description = "Added", body = LeadCreated), (status = 200, description = "It was there", body = LeadChanged)),
    security(("bearer" = ["leads:write"]))
)]
async fn upsert(
    State(web): State<Web>,
    bearer: Bearer,
    Query(Keyed { key }): Query<Keyed>,
    Body(body): Body<Value>,
) -> Result<Response, ApiError> {
    let grant = bearer.with(Scope::LeadsWrite)?;
    let intake = Asking::new(&web, grant).intake(body, Some(key))?;
    let key = key.of(&intake.patch).ok_or(no_such_lead())?;
    order(&web, grant, LeadOrder::Upsert(key, Box::new(intake)), None).await
}

/// Changes a lead. What is absent stays.
#[utoipa::path(
    patch,
    path = "/api/v1/leads/{id}",
    operation_id = "patchLead",
    tag = "Leads",
    params(("id" = i64, Path, description = "The id", example = 1)),
    request_body = intake::LeadPatchBody,
    responses((status = 200, description = "Done", body = LeadChanged)),
    security(("bearer" = ["leads:write"]))
)]
async fn change(State(web): State<Web>, bearer: Bearer, Path(id): Path<String>, Body(body): Body<Value>) -> Result<Response, ApiError> {
    let grant = bearer.with(Scope::LeadsWrite)?;
    let lead = find(&web, &grant.account, &id).await?;
    let edit = Asking::new(&web, grant).edit(body, Some(&lead))?;
    order(&web, grant, LeadOrder::Edit(LeadKey::Id(lead.id), Box::new(edit)), None).await
}

/// How a lead came out.
#[derive(Deserialize, ToSchema)]
#[schema(as = LeadDisposition)]
#[serde(deny_unknown_fields)]
struct Disposed {
    /// The name of a disposition.
    disposition: String,
}

/// Sets the outcome of a lead. One that the account does not know would keep it from being dialed for ever.
#[utoipa::path(
    post,
    path = "/api/v1/leads/{id}/disposition",
    operation_id = "setLeadDisposition",
    tag = "Leads",
    params(("id" = i64, Path, description = "The id", example = 1)),
    request_body = Disposed,
    responses((status = 200, description = "Done", body = LeadChanged)),
    security(("bearer" = ["leads:write"]))
)]
async fn dispose(
    State(web): State<Web>,
    bearer: Bearer,
    Path(id): Path<String>,
    Body(Disposed { disposition }): Body<Disposed>,
) -> Result<Response, ApiError> {
    let grant = bearer.with(Scope::LeadsWrite)?;
    let lead = find(&web, &grant.account, &id).await?;
    let setup = &grant.account.setup;
    let Callable::By(known) = resolve(Some(&disposition), setup.dispositions_of(&lead.campaign), &setup.dispositions) else {
        let message = "expected a disposition of the campaign, of the account or of the system";
        return Err(ApiError::Invalid { field: "disposition".into(), message: message.into() });
    };
    let edit = Asking::new(&web, grant).edit(json!({"callStatus": known.name}), Some(&lead))?;
    order(&web, grant, LeadOrder::Edit(LeadKey::Id(lead.id), Box::new(LeadEdit { source: Source::Api, ..edit })), None).await
}

/// Hands one order in and shows the lead.
async fn order(web: &Web, grant: &Grant, order: LeadOrder, once: Option<Once>) -> Result<Response, ApiError> {
    let work = LeadWork { orders: vec![order], once, show: true, beside: Value::Null };
    let mut done = web.app.tell_leads(&grant.account, work).await?;
    told(done.told.pop().ok_or(no_such_lead())?)
}

/// A lead that was added.
#[derive(Serialize, ToSchema)]
struct LeadCreated {
    lead: Option<Box<Lead>>,
    /// Whether it is dialed.
    dial: DialWord,
    /// Rules that were set aside for it.
    overrides: Vec<Override>,
}

/// A lead that was there.
#[derive(Serialize, ToSchema)]
struct LeadChanged {
    lead: Option<Box<Lead>>,
    /// The fields that hold something else now.
    changed: Vec<String>,
}

/// What the same request was told before.
async fn remembered(web: &Web, grant: &Grant, once: Option<&Once>) -> Result<Option<LeadTold>, ApiError> {
    let Some(once) = once else { return Ok(None) };
    Ok(web.app.told_before(grant.account.id, once).await?.and_then(|mut before| before.told.pop()))
}

fn told(LeadTold { done, lead }: LeadTold) -> Result<Response, ApiError> {
    match done {
        LeadDone::Created { dial, overrides, .. } => Ok((StatusCode::CREATED, Json(LeadCreated { lead, dial, overrides })).into_response()),
        LeadDone::Updated { changed, .. } => Ok(Json(LeadChanged { lead, changed }).into_response()),
        LeadDone::Duplicate { id } => Err(ApiError::Duplicate(id)),
        LeadDone::NoRoom { fields } => Err(no_room(&fields)),
        LeadDone::NotFound => Err(no_such_lead()),
    }
}

fn no_room(fields: &[String]) -> ApiError {
    ApiError::InvalidFields(Applied::errors(fields))
}

fn no_such_lead() -> ApiError {
    ApiError::NotFound("there is no such lead".into())
}

async fn find(web: &Web, account: &Account, id: &str) -> Result<Lead, ApiError> {
    let id = id.parse().map_err(|_| no_such_lead())?;
    web.app.find_leads(account.id, &LeadKey::Id(id)).await?.pop().ok_or(no_such_lead())
}

/// One lead.
#[utoipa::path(
    get,
    path = "/api/v1/leads/{id}",
    operation_id = "getLead",
    tag = "Leads",
    params(("id" = i64, Path, description = "The id", example = 1)),
    responses((status = 200, description = "Done", body = Lead)),
    security(("bearer" = ["leads:read"]))
)]
async fn show(State(web): State<Web>, bearer: Bearer, Path(id): Path<String>) -> Result<Json<Lead>, ApiError> {
    find(&web, &bearer.with(Scope::LeadsRead)?.account, &id).await.map(Json)
}

/// Whether the lead would be dialed now, and if not, why and until when.
#[utoipa::path(
    get,
    path = "/api/v1/leads/{id}/explain",
    operation_id = "explainLead",
    tag = "Leads",
    params(("id" = i64, Path, description = "The id", example = 1)),
    responses((status = 200, description = "Done", body = Explained)),
    security(("bearer" = ["leads:read"]))
)]
async fn explain(State(web): State<Web>, bearer: Bearer, Path(id): Path<String>) -> Result<Json<Explained>, ApiError> {
    let account = &bearer.with(Scope::LeadsRead)?.account;
    let lead = find(&web, account, &id).await?;
    let now = web.app.explain(account, &lead).await?;
    let past = receipts::of_lead(web.app.db.read(), account.id, lead.id, PAST).await?;
    Ok(Json(Explained { now, past: past.into_iter().map(Receipt::read).collect() }))
}

/// Receipts that are shown of a lead.
const PAST: i64 = 20;

/// Whether a lead would be dialed now, and what was decided about it before.
#[derive(Serialize, ToSchema)]
#[schema(as = LeadExplained)]
struct Explained {
    #[serde(flatten)]
    now: Explanation,
    /// The newest first.
    past: Vec<Receipt>,
}

/// Why a lead was presented, dialed or passed over.
#[derive(Serialize, ToSchema)]
struct Receipt {
    /// `presented`, `dialed` or `skipped`.
    kind: String,
    /// When.
    at: DateTime<Utc>,
    /// What was looked at.
    #[serde(flatten)]
    #[schema(value_type = std::collections::BTreeMap<String, Value>)]
    body: Map<String, Value>,
}

impl Receipt {
    fn read(row: ReceiptRow) -> Self {
        Self { kind: row.kind, at: row.at, body: serde_json::from_str(&row.body).unwrap_or_default() }
    }
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Asked {
    campaign: Option<String>,
    subcampaign: Option<String>,
    client_id: Option<String>,
    phone: Option<String>,
    rep: Option<String>,
    call_status: Option<String>,
    hot: Option<bool>,
    cursor: Option<String>,
    limit: Option<i64>,
}

/// Leads, the newest first.
#[utoipa::path(
    get,
    path = "/api/v1/leads",
    operation_id = "listLeads",
    tag = "Leads",
    params(Asked),
    responses((status = 200, description = "A page", content((page::Page<Lead> = "application/json"), (String = "text/csv")))),
    security(("bearer" = ["leads:read"]))
)]
async fn list(State(web): State<Web>, bearer: Bearer, headers: HeaderMap, Query(asked): Query<Asked>) -> Result<Response, ApiError> {
    let account = &bearer.with(Scope::LeadsRead)?.account;
    let limit = page::limit(asked.limit)?;
    let before: Option<i64> = page::read_cursor(asked.cursor.as_deref())?;
    let phone = asked.phone.map(|raw| {
        let wrong = ApiError::Invalid { field: "phone".into(), message: "expected a telephone number".into() };
        Number::read(&raw, account.region).ok_or(wrong)
    });
    // a campaign may be written in any case, and is stored as the account spells it
    let spelt = |name: String| account.setup.campaigns.entry(&name).map_or_else(|| name.clone(), |(spelt, _)| spelt.to_owned());
    let query = LeadsQuery {
        campaign: asked.campaign.map(spelt),
        subcampaign: asked.subcampaign,
        client_id: asked.client_id,
        phone: phone.transpose()?,
        rep: asked.rep,
        call_status: asked.call_status,
        hot: asked.hot,
    };
    let leads = book::page(web.app.db.read(), account.id, &query, before, limit + 1).await?;
    // what a lead nests has no column
    let plain = FIELDS.iter().map(|row| row.native).filter(|name| !["id", "custom", "callback", "outcomes"].contains(name));
    let columns: Vec<&str> = ["id"].into_iter().chain(plain).collect();
    page::page(&headers, leads, limit, &columns, |lead| lead.id)
}
