//! `GET /api/v1/events`: the journal by long poll, for clients that cannot keep a socket open.

use std::{collections::BTreeSet, time::Duration};

use axum::{Json, Router, extract::State, routing::get};
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};

use super::page;
use crate::{
    app::hub::{Feed, Interest, Item, Opening, Resume},
    domain::scope::Scope,
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

/// Entries after a position; waits for the first one when there is none. Without `after` it answers the present position.
/// `reset` means that the position cannot be continued: take the new one and read the live calls afresh.
async fn events(State(web): State<Web>, bearer: Bearer, Query(asked): Query<Asked>) -> Result<Json<Value>, ApiError> {
    let grant = bearer.with(Scope::EventsRead)?;
    let limit = usize::try_from(page::limit(asked.limit.or(Some(100)))?).unwrap_or(100);
    let wait = asked.wait.unwrap_or(0);
    if wait > MAX_WAIT {
        return Err(ApiError::Invalid { field: "wait".into(), message: format!("expected 0 to {MAX_WAIT} seconds").into() });
    }
    let list = |text: Option<String>| {
        text.map(|text| text.split(',').map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect::<Vec<_>>())
    };
    let agents = match grant.subject.agent() {
        Some(login) => Some(BTreeSet::from([login.to_owned()])),
        None => list(asked.agents).filter(|agents| agents.iter().all(|login| login != "*")).map(BTreeSet::from_iter),
    };
    let interest = Interest { agents, types: list(asked.types).unwrap_or_default(), softphone: false };
    let resume = match (asked.after, asked.epoch) {
        (Some(seq), Some(epoch)) => Some(Resume { epoch, seq }),
        (Some(_), None) => {
            return Err(ApiError::Missing { field: "epoch".into(), message: "`after` needs the `epoch` it was given with".into() });
        }
        (None, _) => None,
    };
    let asked_to_resume = resume.is_some();
    let (mut feed, opening) = Feed::open(&web.app.hub, grant.account.id, interest, resume).await?;
    let mut items = Vec::new();
    let mut reset = asked_to_resume && matches!(opening, Opening::Reset(_));
    if !reset {
        reset = collect(&web, &mut feed, matches!(opening, Opening::Replay), limit, Duration::from_secs(wait), &mut items).await?;
    }
    let after = if items.len() < limit { feed.settle() } else { feed.cursor() };
    Ok(Json(json!({"items": items, "epoch": feed.epoch(), "after": after, "reset": reset})))
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
