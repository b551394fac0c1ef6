//! The requeue: when an account's setup changes, the leads of the campaigns that it is about get their places in the queue anew.
//!
//! A change asks for a pass in the transaction that stores it. A pass goes through the campaign's leads page by page; of each page
//! those that stand elsewhere now are handed to the committer. How far it came is in the book: whoever stops, or dies, leaves the
//! rest to the next. Who changes the setup again while a pass is under way has it begin anew.

use std::{collections::HashSet, sync::Arc, time::Duration};

use chrono::TimeDelta;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{
    App,
    committer::{Failure, Work},
};
use crate::{
    domain::lead::Rules,
    store::{
        Result, queue,
        requeue::{self, Pass},
    },
};

/// After so long every server has heard of a change: what is written by then was worked out by what was, and later no more.
pub(super) const HEARD_AFTER: TimeDelta = TimeDelta::seconds(2);
/// How often the book is asked what is left to do.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Passes at once on this server, each of another campaign.
const MAX_PASSES: usize = 4;
/// Leads of one page.
const PAGE: i64 = 1000;
/// Leads that are looked at before others get their turn.
const BREATH: usize = 100;
/// A pass of which nothing was heard for so long is given to somebody else.
const LEASE: TimeDelta = TimeDelta::seconds(30);
const PATIENCE: Duration = Duration::from_secs(10);

/// Passes of this server: an account's campaign each.
type Key = (i64, String);

/// Goes through campaigns until told to stop; then waits for the pages that are under way.
pub(super) async fn run(app: Arc<App>, stop: CancellationToken) {
    let (mut passes, mut keys) = (JoinSet::new(), HashSet::new());
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            () = tokio::time::sleep(LOOK_EVERY) => {}
            Some(ended) = passes.join_next() => land(&mut keys, ended),
        }
        if let Err(error) = launch(&app, &stop, &mut passes, &mut keys).await {
            tracing::warn!(%error, "what is left of the queues to do cannot be read");
        }
    }
    while let Some(ended) = passes.join_next().await {
        land(&mut keys, ended);
    }
}

/// Does all that is due, to its end; answers how many campaigns were gone through.
///
/// # Errors
/// What the database says.
pub async fn run_due(app: &Arc<App>) -> Result<usize> {
    let (mut passes, mut keys, mut count) = (JoinSet::new(), HashSet::new(), 0);
    loop {
        launch(app, &CancellationToken::new(), &mut passes, &mut keys).await?;
        let Some(ended) = passes.join_next().await else { return Ok(count) };
        land(&mut keys, ended);
        count += 1;
    }
}

/// Starts what is due and has room.
async fn launch(app: &Arc<App>, stop: &CancellationToken, passes: &mut JoinSet<Key>, keys: &mut HashSet<Key>) -> Result<()> {
    if passes.len() >= MAX_PASSES {
        return Ok(());
    }
    let now = app.clock.now();
    for due in requeue::due(app.db.look_up(), now, 32).await? {
        let key = (due.account_id, due.campaign.clone());
        if passes.len() >= MAX_PASSES || keys.contains(&key) || !requeue::take(app.db.write(), &due, now, now + LEASE).await? {
            continue;
        }
        keys.insert(key.clone());
        let (app, stop) = (app.clone(), stop.clone());
        passes.spawn(async move {
            if let Err(error) = pass(&app, due, &stop).await {
                tracing::warn!(%error, "the leads of a campaign did not all get their places; the rest is tried again");
            }
            key
        });
    }
    Ok(())
}

fn land(keys: &mut HashSet<Key>, ended: std::result::Result<Key, tokio::task::JoinError>) {
    match ended {
        Ok(key) => drop(keys.remove(&key)),
        // a panic leaves its lease behind, and whoever takes it next may be this server
        Err(error) => {
            tracing::error!(%error, "a pass through a campaign failed");
            keys.clear();
        }
    }
}

/// Goes through what is left of a campaign. What fails is given back.
async fn pass(app: &App, mut pass: Pass, stop: &CancellationToken) -> std::result::Result<(), Failure> {
    let stored = |error| Failure::Store(Arc::new(error));
    loop {
        let reached = page(app, &pass).await;
        let last = reached.as_ref().ok().copied().flatten();
        if let Ok(None) = reached {
            return requeue::finish(app.db.write(), &pass).await.map_err(stored);
        }
        let goes_on = last.is_some() && !stop.is_cancelled();
        let after = last.unwrap_or(pass.after_id);
        let until = goes_on.then(|| app.clock.now() + LEASE);
        let is_ours = requeue::reach(app.db.write(), &pass, after, until).await.map_err(stored)?;
        reached?;
        if !is_ours || !goes_on {
            return Ok(());
        }
        pass.after_id = after;
    }
}

/// Gives the leads of one page their places; the last of them, or `None` when there are no more.
async fn page(app: &App, pass: &Pass) -> std::result::Result<Option<i64>, Failure> {
    let stored = |error| Failure::Store(Arc::new(error));
    // asked for each page: a setup that changes meanwhile has a pass of its own, and this one stops
    let account = app.directory.account(&app.hub, pass.account_id).await.map_err(stored)?;
    let leads = queue::placed(app.db.read(), account.id, &pass.campaign, pass.after_id, PAGE).await.map_err(stored)?;
    let Some(last) = leads.last().map(|placed| placed.lead.id) else { return Ok(None) };
    let now = app.clock.now();
    let mut moved = Vec::new();
    for some in leads.chunks(BREATH) {
        let stands_elsewhere = |placed: &&queue::Placed| {
            let lead = &placed.lead;
            !placed.is_at(lead.place(&Rules::of(&account.setup, lead), now).as_ref())
        };
        moved.extend(some.iter().filter(stands_elsewhere).map(|placed| placed.lead.id));
        tokio::task::yield_now().await;
    }
    if !moved.is_empty() {
        app.committer.submit(&account, Work::Retime { leads: moved, rule: None }, PATIENCE).await?;
    }
    Ok(Some(last))
}
