//! `POST /api/v1/leads/batch`: up to a thousand leads, each for itself, with an answer for each.

use axum::{Json, extract::State, http::HeaderMap};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

use super::{
    super::page::Answers,
    intake::{Asking, LeadPatchBody, NewLead, UpsertKey},
};
use crate::{
    app::{
        committer::{DialWord, LeadDone, LeadKey, LeadOrder, LeadTold, LeadWork, LeadsTold},
        directory::Grant,
    },
    domain::{lead::Override, phone::Number, scope::Scope},
    http::{
        Web,
        auth::Bearer,
        error::{ApiError, ErrorBody},
        input::{Body, Query, misfit},
        once::once,
    },
};

/// Most items of a batch.
const MAX_ITEMS: usize = 1_000;

/// Leads, each for itself.
#[derive(Deserialize, ToSchema)]
#[schema(as = LeadBatch)]
#[serde(deny_unknown_fields)]
pub(super) struct Batch {
    #[schema(value_type = Vec<Item>, min_items = 1, max_items = 1000)]
    items: Vec<Value>,
}

/// There are no parameters.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

/// What is to be done with a lead, which is the body of a request of its own.
#[derive(Deserialize, ToSchema)]
#[schema(as = LeadBatchItem)]
#[serde(tag = "op", rename_all = "lowercase", deny_unknown_fields)]
enum Item {
    /// Adds one.
    Create {
        #[schema(value_type = NewLead)]
        lead: Value,
    },
    /// Changes the newest of a key, or adds one.
    Upsert {
        key: UpsertKey,
        #[schema(value_type = NewLead)]
        lead: Value,
    },
    /// Changes one.
    Update {
        key: Key,
        #[schema(value_type = LeadPatchBody)]
        lead: Value,
    },
}

/// Which lead is to be changed: the newest of the key.
#[derive(Deserialize, ToSchema)]
#[schema(as = LeadBatchKey)]
#[serde(rename_all = "camelCase")]
enum Key {
    Id(i64),
    ClientId(String),
    Phone(String),
}

/// An item that was refused at the door, by its place.
#[derive(Serialize, Deserialize)]
struct Refused {
    index: usize,
    answer: Value,
}

/// What became of an item.
#[derive(Serialize, ToSchema)]
#[schema(as = LeadBatchAnswer)]
#[serde(untagged)]
pub(super) enum BatchAnswer {
    /// It was added.
    Created {
        /// 201.
        status: u16,
        id: i64,
        /// Whether it is dialed.
        dial: DialWord,
        /// Rules that were set aside for it.
        overrides: Vec<Override>,
    },
    /// It was changed.
    Updated {
        /// 200.
        status: u16,
        id: i64,
        /// The fields that hold something else now.
        changed: Vec<String>,
    },
    /// It was refused: the error form, and the status that a request of its own would have had.
    #[schema(value_type = RefusedItem)]
    Refused(Value),
}

/// An item that was refused.
#[derive(ToSchema)]
#[schema(as = LeadBatchRefusal)]
#[expect(dead_code, reason = "describes what is kept as it was answered first")]
pub(super) struct RefusedItem {
    status: u16,
    #[schema(value_type = ErrorBody)]
    error: ErrorBody,
}

/// Leads come in and change, each for itself.
#[utoipa::path(
    post,
    path = "/api/v1/leads/batch",
    operation_id = "changeLeads",
    tag = "Leads",
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key with the same content is done once and answered the same again")),
    request_body = Batch,
    responses((status = 200, description = "Done", body = Answers<BatchAnswer>)),
    security(("bearer" = ["leads:write"]))
)]
pub(super) async fn batch(
    State(web): State<Web>,
    bearer: Bearer,
    headers: HeaderMap,
    Query(Nothing {}): Query<Nothing>,
    Body(Batch { items }): Body<Batch>,
) -> Result<Json<Answers<BatchAnswer>>, ApiError> {
    let grant = bearer.with(Scope::LeadsWrite)?;
    if !(1..=MAX_ITEMS).contains(&items.len()) {
        return Err(ApiError::Invalid { field: "items".into(), message: format!("expected 1 to {MAX_ITEMS} items").into() });
    }
    let once = once(&headers, "leads-batch", &items)?;
    if let Some(once) = &once
        && let Some(before) = web.app.told_before(grant.account.id, once).await?
    {
        return Ok(Json(rendered(before)));
    }
    let (mut orders, mut refused) = (Vec::with_capacity(items.len()), vec![]);
    for (index, item) in items.into_iter().enumerate() {
        match read(&web, grant, item).await {
            Ok(order) => orders.push(order),
            // a server that fails, fails the batch: nothing was handed in yet
            Err(error) if error.status().0.is_server_error() => return Err(error),
            Err(error) => refused.push(Refused { index, answer: failed(&error) }),
        }
    }
    if orders.is_empty() && once.is_none() {
        return Ok(Json(rendered(LeadsTold { told: vec![], beside: json!(refused) })));
    }
    let work = LeadWork { orders, once, show: false, beside: json!(refused) };
    Ok(Json(rendered(web.app.tell_leads(&grant.account, work).await?)))
}

/// Reads one item. What a change means may depend on the lead as it is.
async fn read(web: &Web, grant: &Grant, item: Value) -> Result<LeadOrder, ApiError> {
    let asking = Asking::new(web, grant);
    if !item.is_object() {
        return Err(ApiError::Invalid { field: "item".into(), message: "expected an object with op and lead".into() });
    }
    let item = serde_path_to_error::deserialize(item).map_err(|error| misfit(&error.to_string(), "", "item"))?;
    Ok(match item {
        Item::Create { lead } => LeadOrder::Inject(Box::new(asking.intake(lead, None)?)),
        Item::Upsert { key, lead } => {
            let intake = asking.intake(lead, Some(key))?;
            let missing = || ApiError::Invalid { field: "key".into(), message: "expected a key that the lead has".into() };
            LeadOrder::Upsert(key.of(&intake.patch).ok_or_else(missing)?, Box::new(intake))
        }
        Item::Update { key, lead } => {
            let key = match key {
                Key::Id(id) => LeadKey::Id(id),
                Key::ClientId(id) => LeadKey::ClientId(id),
                Key::Phone(raw) => {
                    let wrong = || ApiError::Invalid { field: "key.phone".into(), message: "expected a telephone number".into() };
                    LeadKey::Phone(Number::read(&raw, grant.account.region).ok_or_else(wrong)?)
                }
            };
            let asks_for_it = |name: &str| lead.get(name).is_some_and(|value| !value.is_null());
            let present = match asks_for_it("subcampaign") || asks_for_it("callback") {
                true => web.app.find_leads(grant.account.id, &key).await?.into_iter().next(),
                false => None,
            };
            LeadOrder::Edit(key, Box::new(asking.edit(lead, present.as_ref())?))
        }
    })
}

/// The answers in the order of the items.
fn rendered(LeadsTold { told, beside }: LeadsTold) -> Answers<BatchAnswer> {
    let refused: Vec<Refused> = serde_json::from_value(beside).unwrap_or_default();
    let mut items: Vec<BatchAnswer> = told.into_iter().map(answer).collect();
    // by place, the first one first: each moves those behind it to theirs
    for Refused { index, answer } in refused {
        items.insert(index.min(items.len()), BatchAnswer::Refused(answer));
    }
    Answers { items }
}

fn answer(LeadTold { done, .. }: LeadTold) -> BatchAnswer {
    match done {
        LeadDone::Created { id, dial, overrides } => BatchAnswer::Created { status: 201, id, dial, overrides },
        LeadDone::Updated { id, changed, .. } => BatchAnswer::Updated { status: 200, id, changed },
        LeadDone::Duplicate { id } => BatchAnswer::Refused(failed(&ApiError::Duplicate(id))),
        LeadDone::NoRoom { fields } => BatchAnswer::Refused(failed(&super::no_room(&fields))),
        LeadDone::NotFound => BatchAnswer::Refused(failed(&super::no_such_lead())),
    }
}

fn failed(error: &ApiError) -> Value {
    let mut answer = json!(error.form());
    answer["status"] = json!(error.status().0.as_u16());
    answer
}
