//! `GET /api/v1/events`: the journal by long poll, for clients that cannot keep a socket open.

use std::{collections::BTreeSet, time::Duration};

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::page;
use crate::{
    app::{
        directory::Grant,
        hub::{Feed, Interest, Item, Opening, Resume},
    },
    domain::{event::scope_to_see, scope::Scope},
    http::{Web, auth::Bearer, error::ApiError, input::Query},
};

/// Longest wait, in seconds.
const MAX_WAIT: u64 = 60;

pub(super) fn router() -> OpenApiRouter<Web> {
    OpenApiRouter::new().routes(routes!(events))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// The position to go on from; without it the answer is the present one.
    after: Option<i64>,
    /// The journal's incarnation that the position belongs to.
    epoch: Option<String>,
    /// Seconds to wait for the first entry when there is none.
    #[param(maximum = 60)]
    wait: Option<u64>,
    #[param(minimum = 1, maximum = 500)]
    limit: Option<i64>,
    /// Logins, comma separated; everyone when absent.
    agents: Option<String>,
    /// Types beside the usual ones, comma separated; `lead.*` is all that begin so.
    types: Option<String>,
}

/// The entries as they are stored, and where to go on.
#[derive(Serialize, ToSchema)]
#[schema(as = EventPage)]
struct Page {
    /// Envelopes, as the socket pushes them.
    #[schema(value_type = Vec<Envelope>)]
    items: Vec<Box<RawValue>>,
    epoch: String,
    /// Where to go on.
    after: i64,
    /// The position could not be continued.
    reset: bool,
}

/// What of an envelope is the same in every type; docs/protocol.md has the rest.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what is stored as text")]
pub(super) struct Envelope {
    v: i64,
    id: String,
    seq: i64,
    #[schema(example = "call.state")]
    r#type: String,
    account: String,
    data: serde_json::Map<String, serde_json::Value>,
}

/// Entries after a position; waits for the first one when there is none. Without `after` it answers the present position.
/// `reset` means that the position cannot be continued: take the new one and read the live calls afresh.
#[utoipa::path(
    get,
    path = "/api/v1/events",
    operation_id = "pollEvents",
    tag = "Events",
    params(Asked),
    responses((status = 200, description = "Done", body = Page)),
    security(("bearer" = ["events:read"]))
)]
async fn events(State(web): State<Web>, bearer: Bearer, Query(asked): Query<Asked>) -> Result<Json<Page>, ApiError> {
    let grant = bearer.with(Scope::EventsRead)?;
    let limit = usize::try_from(page::limit(asked.limit.or(Some(100)))?).unwrap_or(100);
    let wait = asked.wait.unwrap_or(0);
    if wait > MAX_WAIT {
        return Err(ApiError::Invalid { field: "wait".into(), message: format!("expected 0 to {MAX_WAIT} seconds").into() });
    }
    let agents = whom(grant, asked.agents.as_deref())?;
    let types: Vec<String> = asked.types.as_deref().map(words).unwrap_or_default();
    for pattern in &types {
        bearer.with(scope_to_see(pattern))?;
    }
    let interest = Interest { agents, types, only_types: false, softphone: false };
    let resume = match (asked.after, asked.epoch) {
        (Some(seq), Some(epoch)) => Some(Resume { epoch, seq }),
        (Some(_), None) => {
            return Err(ApiError::Missing { field: "epoch".into(), message: "`after` needs the `epoch` it was given with".into() });
        }
        (None, _) => None,
    };
    let (mut feed, opening) = Feed::open(&web.app.hub, grant.account.id, interest.clone(), resume.clone()).await?;
    let mut items = Vec::new();
    let mut reset = resume.is_some() && matches!(opening, Opening::Reset);
    if !reset && collect(&web, &mut feed, matches!(opening, Opening::Replay), limit, Duration::from_secs(wait), &mut items).await? {
        // what was collected is of a journal that is no more
        items.clear();
        reset = true;
        (feed, _) = Feed::open(&web.app.hub, grant.account.id, interest, None).await?;
    }
    let after = if items.len() < limit { feed.settle() } else { feed.cursor() };
    Ok(Json(Page { items, epoch: feed.epoch().to_owned(), after, reset }))
}

/// Whom to follow: oneself for an agent, else everyone or agents that there are.
fn whom(grant: &Grant, asked: Option<&str>) -> Result<Option<BTreeSet<String>>, ApiError> {
    if let Some(login) = grant.subject.agent() {
        return Ok(Some(BTreeSet::from([login.to_owned()])));
    }
    let Some(logins) = asked.map(words::<BTreeSet<String>>).filter(|logins| !logins.contains("*")) else { return Ok(None) };
    if logins.is_empty() || logins.iter().any(|login| grant.account.roster.by_login(login).is_none()) {
        return Err(ApiError::Invalid { field: "agents".into(), message: "expected logins of agents of this account, or *".into() });
    }
    Ok(Some(logins))
}

/// The words of a list that commas separate.
fn words<L: FromIterator<String>>(list: &str) -> L {
    list.split(',').map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// Fills `items`; `true` when the journal began anew meanwhile.
async fn collect(
    web: &Web,
    feed: &mut Feed,
    replaying: bool,
    limit: usize,
    wait: Duration,
    items: &mut Vec<Box<RawValue>>,
) -> Result<bool, ApiError> {
    let deadline = crate::app::clock::instant() + wait;
    let mut replaying = replaying;
    while items.len() < limit {
        let next = feed.next();
        let item = if replaying {
            next.await? // the book has it: this waits for the database only
        } else if !items.is_empty() {
            // what is at hand is given at once
            match tokio::time::timeout(Duration::ZERO, next).await {
                Ok(item) => item?,
                Err(_) => break,
            }
        } else {
            tokio::select! {
                item = next => item?,
                () = tokio::time::sleep_until(deadline) => break,
                () = web.draining.cancelled() => break,
            }
        };
        match item {
            Item::Entry(entry) => items.push(RawValue::from_string(entry.body.clone()).map_err(|error| ApiError::Internal(error.into()))?),
            Item::Mark(_) => replaying = false,
            Item::Reset => return Ok(true),
        }
    }
    Ok(false)
}
