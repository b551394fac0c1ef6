//! One committing task: applies work in memory while the batches before it are being committed.
//!
//! The common way holds no lock: what was worked out says which turn of the account it follows on, and the book refuses it
//! when somebody else has written since. So a batch may be sent while the one before it is still on its way. One that was
//! refused, or whose commit is unclear, is done anew the sure way, and so is all that was worked out after it: take the
//! turn, read, apply, write, commit.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    future::{poll_fn, ready},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::Arc,
    task::Poll,
};

use tokio::sync::mpsc;

use super::{
    Failure, Job, Settings,
    apply::Desk,
    batch::{Batch, Closed, Wreck},
    ledger::{Known, Ledger},
    look_up::look_up,
    sure::Part,
};
use crate::{
    app::{clock::Clock, hub::Hub},
    store::{self, CommitError, Db, Reads, journal},
};

/// Calls remembered over all accounts before those of idle accounts are dropped.
const MAX_KNOWN_CALLS: usize = 100_000;
/// Pieces of work that are applied at once while a commit is under way: each such round may need a look-up. As many make a
/// batch that is worth sending behind another.
const ROUND: usize = 16;
/// Commits on their way at once: the database works on one while the next one comes to it.
const FLIGHTS: usize = 2;

pub(super) struct Shard {
    pub(super) db: Db,
    pub(super) hub: Hub,
    clock: Clock,
    pub(super) settings: Settings,
    pub(super) known: HashMap<i64, Known>,
}

/// A batch on its way into the book.
struct Flight {
    landing: Pin<Box<dyn Future<Output = Landed> + Send>>,
    /// Whether another may be sent behind it.
    leads: bool,
}

type Landed = Result<Closed, Box<Wreck>>;

impl Shard {
    pub(super) fn new(db: Db, hub: Hub, clock: Clock, settings: Settings) -> Self {
        Self { db, hub, clock, settings, known: HashMap::new() }
    }

    pub(super) async fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        let most = self.settings.batch.max(1);
        let mut round = Vec::with_capacity(most); // handed in and not yet applied
        let mut batch = Batch::default(); // applied, waits for a commit before it
        let mut flights = VecDeque::with_capacity(FLIGHTS);
        let mut open = true;
        while open || !flights.is_empty() {
            let mut done = None; // committed, not yet answered
            let room = most.saturating_sub(batch.jobs.len() + round.len());
            match flights.front_mut().map(|first: &mut Flight| &mut first.landing) {
                Some(landing) => tokio::select! {
                    biased;
                    landed = landing => {
                        flights.pop_front();
                        match landed {
                            Ok(closed) => {
                                self.landed(&closed);
                                done = Some(closed);
                            }
                            Err(wreck) => {
                                // what was applied since follows on what did not happen
                                round.splice(0..0, std::mem::take(&mut batch).jobs);
                                self.land_all(Some(Err(wreck)), &mut flights).await;
                            }
                        }
                    }
                    taken = jobs.recv_many(&mut round, room), if open && room > 0 => open = taken > 0,
                },
                None => {
                    open = jobs.recv_many(&mut round, room).await > 0;
                    gather(&mut jobs, &mut round, most).await;
                }
            }
            loop {
                // a good batch goes at once, and is on its way before the last one is answered
                if may_leave(&flights, &batch) && (is_good(&batch) || round.is_empty()) {
                    match self.launch(std::mem::take(&mut batch), flights.is_empty()).await {
                        Ok(flight) => flights.push_back(flight),
                        Err(jobs) => {
                            self.land_all(None, &mut flights).await;
                            self.commit_surely(Part::Work(jobs)).await;
                        }
                    }
                    continue;
                }
                if round.is_empty() || batch.is_full() || (!flights.is_empty() && round.len() < ROUND) {
                    break;
                }
                // answering does not wait for a look-up
                if let Some(closed) = done.take() {
                    closed.finish(&self.hub);
                }
                let later = round.split_off(batch.takes(&round));
                let taken = self.take_in(&mut batch, &mut round).await;
                round.extend(later);
                if let Err(error) = taken {
                    tracing::warn!(%error, "a look-up failed, or the law did; the batch is done anew");
                    self.land_all(None, &mut flights).await;
                    let mut anew = std::mem::take(&mut batch).jobs;
                    anew.append(&mut round);
                    self.commit_surely(Part::Work(anew)).await;
                }
            }
            if let Some(closed) = done {
                closed.finish(&self.hub);
            }
        }
    }

    /// What was committed is in the book now.
    fn landed(&mut self, closed: &Closed) {
        for (account, batch) in closed.accounts() {
            if let Some(known) = self.known.get_mut(&account) {
                known.landed(batch);
            }
        }
    }

    /// Waits for all that is on its way, then answers what landed and does anew what did not, in their order.
    async fn land_all(&mut self, first: Option<Landed>, flights: &mut VecDeque<Flight>) {
        let mut all: Vec<Landed> = first.into_iter().collect();
        for flight in flights.drain(..) {
            all.push(flight.landing.await);
        }
        for landed in all {
            match landed {
                Ok(closed) => {
                    self.landed(&closed);
                    closed.finish(&self.hub);
                }
                Err(wreck) => self.repair(*wreck).await,
            }
        }
    }

    /// Looks up what a round of work needs and applies it.
    async fn take_in(&mut self, batch: &mut Batch, round: &mut Vec<Job>) -> store::Result<()> {
        for job in round.iter() {
            let account = job.account.id;
            if !self.known.contains_key(&account) {
                self.known.insert(account, Known::at(journal::position(self.db.look_up(), account).await?));
            }
        }
        let db = self.db.clone();
        self.apply(&mut Reads::On(db.look_up()), batch, round).await
    }

    /// Applies a round of work to accounts whose position is known.
    pub(super) async fn apply(&mut self, reads: &mut Reads<'_>, batch: &mut Batch, round: &mut Vec<Job>) -> store::Result<()> {
        let mut accounts: BTreeMap<i64, Vec<&Job>> = BTreeMap::new();
        for job in round.iter() {
            accounts.entry(job.account.id).or_default().push(job);
        }
        for (account, jobs) in accounts {
            let Some(known) = self.known.get_mut(&account) else { continue };
            let ledger = batch.ledgers.entry(account).or_insert_with(|| Ledger::new(jobs[0].account.clone(), known));
            look_up(reads, known, ledger, &jobs, self.clock.now()).await?;
        }
        let desk = Desk { clock: &self.clock, settings: &self.settings };
        let mut waiting = std::mem::take(round).into_iter();
        while let Some(job) = waiting.next() {
            let (Some(ledger), Some(known)) = (batch.ledgers.get_mut(&job.account.id), self.known.get_mut(&job.account.id)) else {
                continue;
            };
            match catch_unwind(AssertUnwindSafe(|| desk.apply(ledger, known, &job.work))) {
                Ok(answer) => {
                    batch.answers.push(answer);
                    batch.jobs.push(job);
                }
                Err(_) => {
                    // nobody knows what it left half done: the others are done anew without it
                    tracing::error!("a piece of work made the law panic");
                    let fault = || sqlx::Error::Protocol("the law panicked".into());
                    let _ = job.reply.send(Err(Failure::Store(Arc::new(fault()))));
                    round.extend(waiting);
                    return Err(fault());
                }
            }
        }
        Ok(())
    }

    /// Closes a batch and sends it on its way; gives the work back when it cannot be closed. `alone` when nothing else is on
    /// its way.
    async fn launch(&mut self, batch: Batch, alone: bool) -> Result<Flight, Vec<Job>> {
        let leads = batch.may_follow();
        if alone && self.known.values().map(|known| known.calls.len()).sum::<usize>() > MAX_KNOWN_CALLS {
            // nothing of other accounts is on its way, so what is known of them may go
            self.known.retain(|account, _| batch.ledgers.contains_key(account));
        }
        let closed = self.close(batch).map_err(|(jobs, _)| jobs)?;
        let db = self.db.clone();
        let mut landing: Pin<Box<dyn Future<Output = Landed> + Send>> = Box::pin(async move { closed.commit(&db).await });
        // the first poll sends it; when it has landed by then, that is seen at the next
        Ok(match poll_fn(|context| Poll::Ready(landing.as_mut().poll(context))).await {
            Poll::Ready(landed) => Flight { landing: Box::pin(ready(landed)), leads },
            Poll::Pending => Flight { landing, leads },
        })
    }

    /// Closes the ledgers of a batch; gives the work back when one cannot be.
    pub(super) fn close(&mut self, batch: Batch) -> Result<Closed, (Vec<Job>, sqlx::Error)> {
        let Batch { jobs, answers, ledgers } = batch;
        let mut closed = Closed::new(jobs, answers);
        let desk = Desk { clock: &self.clock, settings: &self.settings };
        for (account, ledger) in ledgers {
            let Some(known) = self.known.get_mut(&account) else {
                return Err((closed.into_jobs(), sqlx::Error::Protocol("an account is not known".into())));
            };
            let (terms, patience) = (desk.terms(known, None, None), self.settings.patience_with_agents());
            match ledger.close(known, &terms, &patience, &self.clock) {
                Ok(part) => closed.add(part),
                Err(error) => return Err((closed.into_jobs(), error)),
            }
        }
        Ok(closed)
    }

    /// Does a batch anew that did not land. What is known follows on it and is known no more.
    async fn repair(&mut self, wreck: Wreck) {
        let part = match wreck.error {
            None => {
                metrics::counter!("cti_commits_overtaken_total").increment(1);
                Part::Work(wreck.batch.into_jobs())
            }
            Some(CommitError::Undone(error)) => {
                tracing::warn!(%error, "a commit failed and is done anew");
                Part::Work(wreck.batch.into_jobs())
            }
            Some(CommitError::Unclear(error)) => Part::unclear(wreck.batch, &error),
        };
        self.commit_surely(part).await;
    }
}

/// Whether the batch is worth sending behind another.
fn is_good(batch: &Batch) -> bool {
    batch.jobs.len() >= ROUND || batch.is_full()
}

/// Whether the batch may be sent now: alone, or behind others when it is worth that.
fn may_leave(flights: &VecDeque<Flight>, batch: &Batch) -> bool {
    match flights.back() {
        None => !batch.jobs.is_empty(),
        Some(last) => last.leads && flights.len() < FLIGHTS && is_good(batch) && batch.may_follow(),
    }
}

/// Doors that are about to hand something in get their turn first, as long as one of them does: no timer.
async fn gather(jobs: &mut mpsc::Receiver<Job>, round: &mut Vec<Job>, most: usize) {
    let mut before = usize::MAX;
    while round.len() != before && round.len() < most {
        before = round.len();
        tokio::task::yield_now().await;
        while round.len() < most
            && let Ok(job) = jobs.try_recv()
        {
            round.push(job);
        }
    }
}
