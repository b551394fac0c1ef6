//! The sweeper: ends states that have outlived their deadline, and forgets what is past keeping.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use chrono::TimeDelta;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    App,
    committer::{Done, Failure, Work},
};
use crate::store::{accounts, calls, journal};

const SWEEP_EVERY: Duration = Duration::from_millis(250);
const TRIM_EVERY: Duration = Duration::from_secs(600);
/// Calls ended in one sweep; the next one takes the rest.
const MAX_DUE: i64 = 1000;
/// Entries trimmed in one transaction, so that nobody waits long for the account's turn.
const TRIM_PAGE: i64 = 5000;
const PATIENCE: Duration = Duration::from_secs(10);

/// Sweeps until told to stop.
pub async fn run(app: Arc<App>, stop: CancellationToken) {
    let mut since_trim = TRIM_EVERY; // the first trim comes soon after the start
    while stop.run_until_cancelled(tokio::time::sleep(SWEEP_EVERY)).await.is_some() {
        if let Err(error) = sweep(&app).await {
            tracing::warn!(%error, "a sweep failed; the next one tries again");
        }
        if let Err(error) = app.sweep_agents().await {
            tracing::warn!(%error, "agents could not be looked at; the next sweep tries again");
        }
        since_trim += SWEEP_EVERY;
        if since_trim >= TRIM_EVERY {
            since_trim = Duration::ZERO;
            if let Err(error) = trim(&app).await {
                tracing::warn!(%error, "old entries could not be trimmed");
            }
        }
    }
}

/// Ends every call whose deadline has passed; answers how many. One that cannot be ended holds no other up.
///
/// # Errors
/// When the book cannot be read, or a call could not be ended; the others were.
pub async fn sweep(app: &App) -> Result<usize, Failure> {
    let due = calls::due(app.db.look_up(), app.clock.now(), MAX_DUE).await.map_err(|error| Failure::Store(Arc::new(error)))?;
    let mut by_account: BTreeMap<i64, Vec<Uuid>> = BTreeMap::new();
    for (account, call) in due {
        by_account.entry(account).or_default().push(call);
    }
    let (mut ended, mut failure) = (0, None);
    for (account, calls) in by_account {
        let mut expired = vec![expire(app, account, calls.clone()).await];
        if matches!(expired[..], [Err(Failure::Store(_))]) && calls.len() > 1 {
            expired.clear();
            for call in calls {
                expired.push(expire(app, account, vec![call]).await);
            }
        }
        for result in expired {
            match result {
                Ok(count) => ended += count,
                Err(error) => failure = Some(error),
            }
        }
    }
    metrics::counter!("cti_calls_swept_total").increment(ended as u64);
    failure.map_or(Ok(ended), Err)
}

/// Ends calls of one account; answers how many.
async fn expire(app: &App, account: i64, calls: Vec<Uuid>) -> Result<usize, Failure> {
    let account = app.directory.account(&app.hub, account).await.map_err(|error| Failure::Store(Arc::new(error)))?;
    match app.committer.submit(&account, Work::Expire(calls), PATIENCE).await? {
        Done::Expired(count) => Ok(count),
        _ => Ok(0),
    }
}

/// Trims journals to their retention and forgets used-up one-time records.
///
/// # Errors
/// What the database says.
pub async fn trim(app: &App) -> crate::store::Result<u64> {
    let before = app.clock.now() - TimeDelta::from_std(app.retention).unwrap_or(TimeDelta::MAX);
    let mut removed = 0;
    for account in accounts::list(app.db.read()).await? {
        loop {
            let mut tx = app.db.begin().await?;
            let trimmed = journal::trim(&mut tx, account.id, before, TRIM_PAGE).await?;
            tx.commit().await?;
            removed += trimmed;
            if trimmed < u64::try_from(TRIM_PAGE).unwrap_or(u64::MAX) {
                break;
            }
        }
    }
    // a key is promised for a day, however short the journal is kept
    journal::forget(&app.db, app.clock.now() - TimeDelta::days(1)).await?;
    Ok(removed)
}
