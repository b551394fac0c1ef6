//! `GET /api/v1/events`: the journal by long poll, for clients that cannot keep a socket open.

use std::{collections::BTreeSet, time::Duration};

use axum::{Json, Router, extract::State, routing::get};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

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

pub(super) fn router() -> Router<Web> {
    Router::new().route("/api/v1/events", get(events))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    after: Option<i64>,
    epoch: Option<String>,
    /// Seconds.
    wait: Option<u64>,
    limit: Option<i64>,
    /// Logins, comma separated; everyone when absent.
    agents: Option<String>,
    types: Option<String>,
}

/// The entries as they are stored, and where to go on.
#[derive(Serialize)]
struct Page {
    items: Vec<Box<RawValue>>,
    epoch: String,
    after: i64,
    reset: bool,
}

/// Entries after a position; waits for the first one when there is none. Without `after` it answers the present position.
/// `reset` means that the position cannot be continued: take the new one and read the live calls afresh.
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
