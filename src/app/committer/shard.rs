//! One committing task: gathers a batch, writes it, settles what is unclear, answers and publishes.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use tokio::sync::mpsc;
use uuid::Uuid;

use super::{
    Done, Failure, Job, Settings, Work,
    apply::Desk,
    ledger::{Known, Ledger},
};
use crate::{
    app::{clock::Clock, failpoint, hub::Hub},
    domain::phone::Number,
    store::{self, Db, Tx, calls, is_passing, journal, parties},
};

/// Calls remembered per account before those that are over are dropped.
const MAX_KNOWN_CALLS: usize = 20_000;
/// Pauses between attempts to commit while the database is away.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

pub(super) struct Shard {
    db: Db,
    hub: Hub,
    clock: Clock,
    settings: Settings,
    known: HashMap<i64, Known>,
}

type Answer = Result<Done, Failure>;

/// A batch that was written and is to be committed.
struct Written {
    answers: Vec<Answer>,
    ledgers: Vec<Ledger>,
    /// The first entry of the batch: account, seq, event id.
    witness: Option<(i64, i64, Uuid)>,
}

/// Why a batch was not committed.
enum Trouble {
    /// Surely nothing happened.
    Undone(sqlx::Error),
    /// It may have been committed.
    Unclear(sqlx::Error, Box<Written>),
}

impl Shard {
    pub(super) fn new(db: Db, hub: Hub, clock: Clock, settings: Settings) -> Self {
        Self { db, hub, clock, settings, known: HashMap::new() }
    }

    pub(super) async fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        let most = self.settings.batch.max(1);
        let mut batch = Vec::with_capacity(most);
        while jobs.recv_many(&mut batch, most).await > 0 {
            // no timer: doors that are about to hand something in get their turn first, as long as one of them does
            let mut gathered = 0;
            while gathered < batch.len() && batch.len() < most {
                gathered = batch.len();
                tokio::task::yield_now().await;
                while batch.len() < most
                    && let Ok(job) = jobs.try_recv()
                {
                    batch.push(job);
                }
            }
            self.commit(std::mem::take(&mut batch)).await;
        }
    }

    /// Commits a batch, or its parts when the book refuses the whole.
    async fn commit(&mut self, batch: Vec<Job>) {
        let started = super::super::clock::instant();
        let mut parts = vec![batch];
        while let Some(part) = parts.pop() {
            match self.commit_patiently(&part).await {
                Ok(written) => self.finish(part, written, started),
                Err(error) if part.len() > 1 && !is_passing(&error) => {
                    // one piece of work is at fault: halve until it stands alone, so that it fails for itself only
                    let mut first = part;
                    let second = first.split_off(first.len() / 2);
                    parts.extend([second, first]);
                }
                Err(error) => {
                    tracing::error!(%error, jobs = part.len(), "a batch was not committed");
                    let error = Arc::new(error);
                    for job in part {
                        let failure = if is_passing(&error) { Failure::Late } else { Failure::Store(error.clone()) };
                        let _ = job.reply.send(Err(failure));
                    }
                }
            }
        }
    }

    /// Answers, publishes and counts a committed batch.
    fn finish(&mut self, part: Vec<Job>, written: Written, started: tokio::time::Instant) {
        metrics::histogram!("cti_commit_seconds").record(started.elapsed().as_secs_f64());
        #[expect(clippy::cast_precision_loss, reason = "a batch is small")]
        metrics::histogram!("cti_commit_batch_jobs").record(part.len() as f64);
        for (job, answer) in part.into_iter().zip(written.answers) {
            metrics::histogram!("cti_ack_seconds").record(job.queued_at.elapsed().as_secs_f64());
            let _ = job.reply.send(answer);
        }
        failpoint::hit("replied");
        for mut ledger in written.ledgers {
            let entries = ledger.take_published();
            metrics::counter!("cti_events_total").increment(entries.len() as u64);
            self.hub.publish(ledger.account.id, &ledger.epoch, entries);
        }
        failpoint::hit("published");
    }

    /// Writes and commits, again and again while the database is away.
    async fn commit_patiently(&mut self, part: &[Job]) -> Result<Written, sqlx::Error> {
        let give_up = super::super::clock::instant() + self.settings.patience;
        let mut pause = FIRST_PAUSE;
        let mut unclear: Option<Box<Written>> = None;
        loop {
            let error = match self.try_commit(part, unclear.take()).await {
                Ok(written) => return Ok(written),
                Err(Trouble::Undone(error)) => error,
                Err(Trouble::Unclear(error, written)) => {
                    unclear = Some(written);
                    error
                }
            };
            // whatever was changed in memory did not happen, or is not known to have
            for job in part {
                self.known.remove(&job.account.id);
            }
            if !is_passing(&error) || super::super::clock::instant() >= give_up {
                return Err(error);
            }
            tracing::warn!(%error, "the store is away; a commit waits");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn try_commit(&mut self, part: &[Job], unclear: Option<Box<Written>>) -> Result<Written, Trouble> {
        let mut unclear = unclear;
        let mut tx = match self.db.begin().await {
            Ok(tx) => tx,
            Err(error) => return Err(still(error, unclear)),
        };
        if let Some((account, seq, id)) = unclear.as_ref().and_then(|written| written.witness) {
            // the account's turn waits for whatever is left of that commit; then the journal tells
            let held = async {
                journal::take_turn(&mut tx, account).await?;
                journal::holds(&mut tx, account, seq, id).await
            };
            match held.await {
                Ok(true) => {
                    metrics::counter!("cti_commits_settled_total", "outcome" => "done").increment(1);
                    failpoint::hit("settled");
                    let _ = tx.rollback().await;
                    return unclear.take().map_or(Err(Trouble::Undone(sqlx::Error::WorkerCrashed)), |written| Ok(*written));
                }
                Ok(false) => {
                    metrics::counter!("cti_commits_settled_total", "outcome" => "undone").increment(1);
                    drop(unclear.take());
                }
                Err(error) => return Err(still(error, unclear)),
            }
        }
        let written = self.write(&mut tx, part).await.map_err(Trouble::Undone)?;
        failpoint::hit("before-commit");
        if written.ledgers.is_empty() {
            let _ = tx.rollback().await; // copies only: there is nothing to make durable, and the turns were not kept
            for account in part.iter().map(|job| job.account.id).collect::<BTreeSet<_>>() {
                if let Some(known) = self.known.get_mut(&account) {
                    known.turn -= 1;
                }
            }
            return Ok(written);
        }
        match tx.commit().await {
            Ok(()) => {
                failpoint::hit("after-commit");
                Ok(written)
            }
            Err(error) => {
                metrics::counter!("cti_commits_unclear_total").increment(1);
                Err(Trouble::Unclear(error, Box::new(written)))
            }
        }
    }

    /// Takes each account's turn, loads what is not known, applies the work and writes what came of it.
    async fn write(&mut self, tx: &mut Tx, part: &[Job]) -> store::Result<Written> {
        let mut accounts: BTreeMap<i64, Vec<usize>> = BTreeMap::new(); // in order, so that two writers never wait for each other
        for (index, job) in part.iter().enumerate() {
            accounts.entry(job.account.id).or_default().push(index);
        }
        let mut answers: Vec<Option<Answer>> = vec![None; part.len()];
        let mut ledgers = Vec::new();
        for (account, indices) in accounts {
            let jobs: Vec<&Job> = indices.iter().map(|&index| &part[index]).collect();
            let mut known = self.known.remove(&account).unwrap_or_default();
            let mut ledger = self.open(tx, &mut known, &jobs).await?;
            for (&index, job) in indices.iter().zip(&jobs) {
                answers[index] = Some(self.apply(tx, &mut ledger, &mut known, job).await?);
            }
            let desk = Desk { hub: &self.hub, clock: &self.clock, settings: &self.settings };
            let stored = ledger.write(tx, &known, &desk.terms(account, None), self.clock.now()).await?;
            failpoint::hit("written");
            known.shrink(MAX_KNOWN_CALLS);
            self.known.insert(account, known);
            if stored {
                ledgers.push(ledger);
            }
        }
        let witness = ledgers.iter().find_map(|ledger| ledger.witness().map(|(seq, id)| (ledger.account.id, seq, id)));
        let answers = answers.into_iter().map(|answer| answer.unwrap_or(Err(Failure::Late))).collect();
        Ok(Written { answers, ledgers, witness })
    }

    /// One piece of work, or the answer it got before.
    async fn apply(&self, tx: &mut Tx, ledger: &mut Ledger, known: &mut Known, job: &Job) -> store::Result<Answer> {
        let desk = Desk { hub: &self.hub, clock: &self.clock, settings: &self.settings };
        let Work::News { once: Some(once), .. } = &job.work else { return Ok(desk.apply(ledger, known, &job.work)) };
        if let Some(remembered) = journal::remembered(tx, job.account.id, &once.key).await? {
            if remembered.content != once.content {
                return Ok(Err(Failure::KeyReused));
            }
            let told = serde_json::from_str(&remembered.answer).map_err(|error| sqlx::Error::Decode(error.into()))?;
            return Ok(Ok(Done::News(told)));
        }
        let answer = desk.apply(ledger, known, &job.work);
        if let Ok(Done::News(told)) = &answer {
            let text = serde_json::to_string(told).map_err(|error| sqlx::Error::Encode(error.into()))?;
            journal::remember(tx, job.account.id, &once.key, &once.content, &text, self.clock.now()).await?;
            ledger.must_commit();
        }
        Ok(answer)
    }

    /// Takes the turn and loads the calls that the work is about.
    async fn open(&self, tx: &mut Tx, known: &mut Known, jobs: &[&Job]) -> store::Result<Ledger> {
        let account = jobs[0].account.clone();
        let position = journal::take_turn(tx, account.id).await?;
        // `seq` would not tell: a silent change moves no entry
        if known.turn + 1 != position.turn || known.epoch != position.epoch {
            *known = Known { epoch: position.epoch.clone(), ..Known::default() };
        }
        known.turn = position.turn;
        let mut keys = BTreeSet::new();
        let mut ids = BTreeSet::new();
        let mut numbers: BTreeSet<Number> = BTreeSet::new();
        for job in jobs {
            match &job.work {
                Work::News { items, .. } => {
                    keys.extend(items.iter().map(|item| item.pbx_key(account.id)).filter(|key| !known.lines.contains_key(key)));
                    numbers.extend(items.iter().filter_map(|item| item.news.told.customer.clone()));
                }
                Work::Expire(calls) => ids.extend(calls.iter().copied()),
                Work::EndWrap(call, _) | Work::Edit(call, _) => {
                    ids.insert(*call);
                }
            }
        }
        if !keys.is_empty() {
            let keys: Vec<String> = keys.into_iter().collect();
            let (lines, calls) = calls::by_keys(tx, account.id, &keys).await?;
            known.lines.extend(lines);
            for call in calls {
                known.calls.entry(call.id).or_insert(call);
            }
        }
        let ids: Vec<Uuid> = ids.into_iter().filter(|id| !known.calls.contains_key(id)).collect();
        if !ids.is_empty() {
            known.calls.extend(calls::by_ids(tx, account.id, &ids).await?.into_iter().map(|call| (call.id, call)));
        }
        let mut ledger = Ledger::new(account.clone(), position.epoch, position.seq);
        if account.has_parties && !numbers.is_empty() {
            let numbers: Vec<Number> = numbers.into_iter().collect();
            ledger.owners.extend(parties::owners(tx, account.id, &numbers).await?);
        }
        Ok(ledger)
    }
}

/// Trouble that leaves an unclear commit as unclear as it was.
fn still(error: sqlx::Error, unclear: Option<Box<Written>>) -> Trouble {
    match unclear {
        Some(written) => Trouble::Unclear(error, written),
        None => Trouble::Undone(error),
    }
}
