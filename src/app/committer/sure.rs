//! The sure way to commit: under the account's turn, again and again while the database is away, halved when the book refuses
//! it, and settled first when an earlier commit of it is unclear.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use super::{
    Failure, Job,
    batch::{Batch, Closed},
    ledger::Known,
    shard::Shard,
};
use crate::{
    app::{clock::instant, failpoint},
    store::{self, Reads, Tx, is_passing, journal},
};

/// Pauses between attempts to commit while the database is away.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// What is to be committed.
pub(super) enum Part {
    /// Work to apply.
    Work(Vec<Job>),
    /// A batch whose commit may have happened.
    Unclear(Closed),
}

impl Part {
    pub(super) fn unclear(batch: Closed, error: &sqlx::Error) -> Self {
        metrics::counter!("cti_commits_unclear_total").increment(1);
        tracing::warn!(%error, "a commit is unclear and is settled");
        Self::Unclear(batch)
    }

    fn into_jobs(self) -> Vec<Job> {
        match self {
            Self::Work(jobs) => jobs,
            Self::Unclear(batch) => batch.into_jobs(),
        }
    }
}

impl Shard {
    /// Commits work, or its parts when the book refuses the whole. What was known before is known no more.
    pub(super) async fn commit_surely(&mut self, whole: Part) {
        let mut parts = vec![whole];
        while let Some(part) = parts.pop() {
            match self.commit_patiently(part).await {
                Ok(batch) => {
                    self.known.values_mut().for_each(|known| known.landed(known.batch));
                    batch.finish(&self.hub);
                }
                Err((mut first, error)) if first.len() > 1 && !is_passing(&error) => {
                    // one piece of work is at fault: halve until it stands alone, so that it fails for itself only
                    let second = first.split_off(first.len() / 2);
                    parts.extend([Part::Work(second), Part::Work(first)]);
                }
                Err((jobs, error)) => {
                    tracing::error!(%error, jobs = jobs.len(), "a batch was not committed");
                    let error = Arc::new(error);
                    for job in jobs {
                        let failure = match *error {
                            sqlx::Error::PoolClosed => Failure::Stopping,
                            _ if is_passing(&error) => Failure::Late,
                            _ => Failure::Store(error.clone()),
                        };
                        let _ = job.reply.send(Err(failure));
                    }
                }
            }
        }
    }

    /// Tries again and again while the database is away.
    async fn commit_patiently(&mut self, mut part: Part) -> Result<Closed, (Vec<Job>, sqlx::Error)> {
        let give_up = instant() + self.settings.patience;
        let mut pause = FIRST_PAUSE;
        self.known.clear();
        loop {
            let error;
            (part, error) = match self.try_commit(part).await {
                Ok(batch) => return Ok(batch),
                Err(trouble) => trouble,
            };
            self.known.clear();
            let unclear = matches!(part, Part::Unclear(_));
            if instant() >= give_up {
                // what may be done was not refused
                return Err((part.into_jobs(), if unclear { sqlx::Error::PoolTimedOut } else { error }));
            }
            if !is_passing(&error) && !unclear {
                return Err((part.into_jobs(), error));
            }
            tracing::warn!(%error, "the store is away; a commit waits");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn try_commit(&mut self, part: Part) -> Result<Closed, (Part, sqlx::Error)> {
        let mut tx = match self.db.begin().await {
            Ok(tx) => tx,
            Err(error) => return Err((part, error)),
        };
        let mut round = match part {
            Part::Work(jobs) => jobs,
            Part::Unclear(batch) => match was_committed(&mut tx, &batch).await {
                Ok(true) => {
                    failpoint::hit("settled");
                    let _ = tx.rollback().await;
                    return Ok(batch);
                }
                Ok(false) => batch.into_jobs(),
                Err(error) => return Err((Part::Unclear(batch), error)),
            },
        };
        let mut batch = Batch::default();
        if let Err(error) = self.work_out(&mut tx, &mut batch, &mut round).await {
            batch.jobs.append(&mut round);
            return Err((Part::Work(batch.jobs), error));
        }
        let mut closed = self.close(batch).map_err(|(jobs, error)| (Part::Work(jobs), error))?;
        let writes = closed.take_writes();
        if writes.is_empty() {
            let _ = tx.rollback().await; // copies only: there is nothing to make durable
            return Ok(closed);
        }
        for writes in writes {
            match tx.write(writes).await {
                Ok(true) => {}
                // the turn is held, so this is no other writer but a row that is not as it was read
                Ok(false) => return Err((Part::Work(closed.into_jobs()), sqlx::Error::Protocol("the held turn is not the last".into()))),
                Err(error) => return Err((Part::Work(closed.into_jobs()), error)),
            }
        }
        failpoint::hit("written");
        failpoint::hit("before-commit");
        match tx.commit().await {
            Ok(()) => {
                failpoint::hit("after-commit");
                Ok(closed)
            }
            Err(error) => Err((Part::unclear(closed, &error), error)),
        }
    }

    /// Takes the turns, in order, so that two writers never wait for each other; then applies the work.
    async fn work_out(&mut self, tx: &mut Tx, batch: &mut Batch, round: &mut Vec<Job>) -> store::Result<()> {
        for account in round.iter().map(|job| job.account.id).collect::<BTreeSet<_>>() {
            self.known.insert(account, Known::at(journal::hold_turn(tx, account).await?));
        }
        self.apply(&mut Reads::Tx(tx), batch, round).await
    }
}

/// Whether an unclear commit happened. The account's turn waits for whatever is left of it; then the journal tells.
async fn was_committed(tx: &mut Tx, batch: &Closed) -> store::Result<bool> {
    // without an entry there is nothing to find, and nothing that would be told twice
    let Some((account, seq, id)) = batch.witness() else { return Ok(false) };
    journal::hold_turn(tx, account).await?;
    let happened = journal::holds(tx, account, seq, id).await?;
    metrics::counter!("cti_commits_settled_total", "outcome" => if happened { "done" } else { "undone" }).increment(1);
    Ok(happened)
}
