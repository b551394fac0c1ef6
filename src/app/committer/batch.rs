//! A batch: work that was applied in memory, and how it is made durable, answered and published.

use std::{collections::BTreeMap, sync::Arc};

use uuid::Uuid;

use super::{
    Done, Failure, Job,
    ledger::{self, Ledger},
};
use crate::{
    app::{
        clock::instant,
        failpoint,
        hub::{Entry, Hub},
    },
    store::{self, CommitError, Db, Writes, journal},
};

pub(super) type Answer = Result<Done, Failure>;

/// Work that was applied and not yet closed.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) jobs: Vec<Job>,
    /// One per job.
    pub(super) answers: Vec<Answer>,
    /// By account, in order, so that two writers never wait for each other.
    pub(super) ledgers: BTreeMap<i64, Ledger>,
}

/// Most pieces in one batch, as [`Job::weight`] counts them: a few jobs of a thousand leads each are a long transaction, and calls
/// wait behind it.
const MAX_WEIGHT: usize = 4096;

impl Batch {
    /// Whether nothing more goes into it.
    pub(super) fn is_full(&self) -> bool {
        self.jobs.iter().map(Job::weight).sum::<usize>() >= MAX_WEIGHT
    }

    /// How many of these jobs go into it, in their order; one always does.
    pub(super) fn takes(&self, jobs: &[Job]) -> usize {
        let mut weight: usize = self.jobs.iter().map(Job::weight).sum();
        let fits = |job: &&Job| {
            let room = weight < MAX_WEIGHT;
            weight += job.weight();
            room
        };
        jobs.iter().take_while(fits).count().max(usize::from(self.jobs.is_empty()))
    }

    /// Whether this may be sent while the batch before it is on its way: such commits stand in line by the account, and what was
    /// answered without a change can only be checked against what has landed.
    pub(super) fn may_follow(&self) -> bool {
        self.ledgers.len() == 1 && self.ledgers.values().all(Ledger::is_changed)
    }
}

/// A batch that was closed: what is answered and published once its writes are committed.
pub(super) struct Closed {
    jobs: Vec<Job>,
    answers: Vec<Answer>,
    published: Vec<Published>,
    writes: Vec<Writes>,
    /// Accounts to which nothing is written, with the incarnation and the turn that the answers were made at.
    unchanged: Vec<(i64, String, Uuid)>,
    /// The first entry of the batch: account, seq, event id.
    witness: Option<(i64, i64, Uuid)>,
    closed_at: tokio::time::Instant,
}

/// Entries of one account and their incarnation.
struct Published {
    account: i64,
    epoch: String,
    batch: u64,
    entries: Vec<Arc<Entry>>,
}

/// A batch that was not committed, or not surely.
pub(super) struct Wreck {
    pub(super) batch: Closed,
    /// Absent when somebody else had written to an account.
    pub(super) error: Option<CommitError>,
}

impl Closed {
    pub(super) fn new(jobs: Vec<Job>, answers: Vec<Answer>) -> Self {
        Self { jobs, answers, published: vec![], writes: vec![], unchanged: vec![], witness: None, closed_at: instant() }
    }

    /// Adds one account's part.
    pub(super) fn add(&mut self, part: ledger::Closed) {
        match part {
            ledger::Closed::Changed { writes, batch, published, witness } => {
                if let (None, Some((seq, id))) = (self.witness, witness) {
                    self.witness = Some((writes.account, seq, id));
                }
                self.published.push(Published { account: writes.account, epoch: writes.epoch.clone(), batch, entries: published });
                self.writes.push(writes);
            }
            ledger::Closed::Unchanged { account, epoch, turn } => self.unchanged.push((account, epoch, turn)),
        }
    }

    /// The accounts that this was about, and which batch of each is in the book now; 0 where nothing was written.
    pub(super) fn accounts(&self) -> impl Iterator<Item = (i64, u64)> {
        let unchanged = self.unchanged.iter().map(|&(account, ..)| (account, 0));
        self.published.iter().map(|part| (part.account, part.batch)).chain(unchanged)
    }

    /// What is left to write.
    pub(super) fn take_writes(&mut self) -> Vec<Writes> {
        std::mem::take(&mut self.writes)
    }

    /// The first entry of the batch, by which a commit of unknown outcome is settled: account, seq, event id.
    pub(super) fn witness(&self) -> Option<(i64, i64, Uuid)> {
        self.witness
    }

    /// The work, to be done anew.
    pub(super) fn into_jobs(self) -> Vec<Job> {
        self.jobs
    }

    /// Makes it durable.
    pub(super) async fn commit(mut self, db: &Db) -> Result<Self, Box<Wreck>> {
        match self.is_current(db).await {
            Ok(true) => {}
            Ok(false) => return Err(Box::new(Wreck { batch: self, error: None })),
            Err(error) => return Err(Box::new(Wreck { batch: self, error: Some(CommitError::Undone(error)) })),
        }
        let writes = self.take_writes();
        if writes.is_empty() {
            return Ok(self); // there is nothing to make durable
        }
        failpoint::hit("written");
        match db.commit(writes, || failpoint::hit("before-commit")).await {
            Ok(true) => {
                failpoint::hit("after-commit");
                Ok(self)
            }
            Ok(false) => Err(Box::new(Wreck { batch: self, error: None })),
            Err(error) => Err(Box::new(Wreck { batch: self, error: Some(error) })),
        }
    }

    /// Whether what was answered without a change still holds. A commit finds that out by itself.
    async fn is_current(&self, db: &Db) -> store::Result<bool> {
        for (account, epoch, turn) in &self.unchanged {
            let position = journal::position(db.look_up(), *account).await?;
            if position.turn != *turn || position.epoch != *epoch {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Answers, publishes and counts what was committed.
    pub(super) fn finish(self, hub: &Hub) {
        metrics::histogram!("cti_commit_seconds").record(self.closed_at.elapsed().as_secs_f64());
        #[expect(clippy::cast_precision_loss, reason = "a batch is small")]
        metrics::histogram!("cti_commit_batch_jobs").record(self.jobs.len() as f64);
        let ack = metrics::histogram!("cti_ack_seconds");
        for (job, answer) in self.jobs.into_iter().zip(self.answers) {
            ack.record(job.queued_at.elapsed().as_secs_f64());
            let _ = job.reply.send(answer);
        }
        failpoint::hit("replied");
        for Published { account, epoch, entries, .. } in self.published {
            metrics::counter!("cti_events_total").increment(entries.len() as u64);
            hub.publish(account, &epoch, entries);
        }
        failpoint::hit("published");
    }
}
