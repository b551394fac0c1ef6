//! The dialer's desk: looks for campaigns whose agents could have another call, finds the next leads for them, and has them claimed.
//!
//! It decides nothing: whether a lead is dialed, and how many lines are opened, is decided in the commit that claims the lead
//! (`committer/dialer.rs`), by what is true then. So any number of servers may run a desk for the same account.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{
    App,
    calls::PBX_PATIENCE,
    clock::instant,
    committer::{Done, Failure, Launch, Launched, Work},
    directory::Account,
};
use crate::{
    domain::setup::Campaign,
    store::{accounts, queue},
};

/// How often campaigns are looked at when nobody tells of a change.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How often it is asked which accounts there are.
const ACCOUNTS_EVERY: Duration = Duration::from_secs(2);
/// Leads of a campaign that are kept at hand.
const AT_HAND: usize = 500;
/// Leads that are offered for one agent: some of them may be out of date.
const PER_AGENT: usize = 3;
/// Most leads in one claim.
const MOST: usize = 200;
/// Claims for one campaign in one look.
const ROUNDS: usize = 8;
/// A queue that had nothing more is asked again after this time.
const EMPTY_FOR: Duration = Duration::from_millis(500);
/// Leads at hand are read anew after this time: others may have come before them.
const FRESH_FOR: Duration = Duration::from_secs(5);

/// How often it is asked which promised calls are due.
const PROMISED_EVERY: Duration = Duration::from_secs(1);
/// Promised calls that are offered to their agents in one look.
const MOST_PROMISED: i64 = 100;

/// It is asked so often whether a telephone system is up.
const UP_FOR: TimeDelta = TimeDelta::milliseconds(500);

/// What a desk has at hand.
#[derive(Default)]
pub struct Desk {
    queues: HashMap<(i64, String), AtHand>,
    promised: HashMap<i64, Promised>,
    /// By account whether its telephone system is up, and when that was asked.
    systems: HashMap<i64, (bool, DateTime<Utc>)>,
}

/// Calls that agents promised and that are due, by campaign.
struct Promised {
    leads: HashMap<String, Vec<i64>>,
    read_at: Instant,
}

/// The next leads of a campaign.
struct AtHand {
    leads: VecDeque<i64>,
    /// Tried lately: the queue may still show them, because their claim has not landed where it is read.
    tried: HashSet<i64>,
    read_at: Instant,
    /// The queue had no more when it was read.
    is_all: bool,
}

/// Dials until told to stop.
pub(super) async fn run(app: Arc<App>, stop: CancellationToken) {
    let mut desk = Desk::default();
    let mut accounts: Vec<i64> = vec![];
    let mut read_at: Option<Instant> = None;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = app.hub.floor_moves() => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        if read_at.is_none_or(|at| at.elapsed() > ACCOUNTS_EVERY) {
            match accounts::list(app.db.read()).await {
                Ok(rows) => accounts = rows.into_iter().map(|row| row.id).collect(),
                Err(error) => tracing::warn!(%error, "the accounts to dial for cannot be read"),
            }
            read_at = Some(instant());
        }
        for &account in &accounts {
            if let Err(error) = desk.look(&app, account).await {
                tracing::warn!(account, %error, "an account's campaigns could not be dialed; the next look tries again");
            }
        }
    }
}

impl Desk {
    /// Has dialed for an account what can be dialed now; answers how many leads.
    ///
    /// # Errors
    /// What the book says.
    pub async fn look(&mut self, app: &App, account: i64) -> Result<usize, Failure> {
        let account = app.directory.account(&app.hub, account).await.map_err(|error| Failure::Store(Arc::new(error)))?;
        let Some(driven) = account.telephone_system() else { return Ok(0) };
        let running = |(name, campaign): (&str, &Campaign)| {
            let dialing = campaign.dialing.as_ref().filter(|dialing| dialing.running)?;
            Some((dialing.priority, name.to_owned()))
        };
        let mut campaigns: Vec<(i64, String)> = account.setup.campaigns.iter().filter_map(running).collect();
        campaigns.sort_unstable();
        if campaigns.is_empty() {
            return Ok(0);
        }
        if !self.is_up(app, &account, driven.name).await? {
            return Ok(0);
        }
        self.read_promised(app, account.id).await?;
        let mut started = 0;
        for (_, name) in campaigns {
            started += self.dial(app, &account, &name).await?;
        }
        Ok(started)
    }

    /// Whether the telephone system can be told something: leads are not spent on one that is away.
    async fn is_up(&mut self, app: &App, account: &Account, system: &str) -> Result<bool, Failure> {
        if let Some((is_up, at)) = self.systems.get(&account.id)
            && app.clock.now() - *at < UP_FOR
        {
            return Ok(*is_up);
        }
        let state = app.system_state(account, system).await.map_err(|error| Failure::Store(Arc::new(error)))?;
        let is_up = state.is_some_and(|state| state.is_up);
        self.systems.insert(account.id, (is_up, app.clock.now()));
        Ok(is_up)
    }

    async fn read_promised(&mut self, app: &App, account: i64) -> Result<(), Failure> {
        if self.promised.get(&account).is_some_and(|promised| promised.read_at.elapsed() < PROMISED_EVERY) {
            return Ok(());
        }
        let due = queue::promised(app.db.read(), account, app.clock.now(), MOST_PROMISED).await;
        let mut leads: HashMap<String, Vec<i64>> = HashMap::new();
        for (lead, campaign) in due.map_err(|error| Failure::Store(Arc::new(error)))? {
            leads.entry(campaign).or_default().push(lead);
        }
        self.promised.insert(account, Promised { leads, read_at: instant() });
        Ok(())
    }

    async fn dial(&mut self, app: &App, account: &Arc<Account>, campaign: &str) -> Result<usize, Failure> {
        // how many agents could have a lead is asked first: leads are not read for nobody
        let promised = self.promised.get(&account.id).and_then(|promised| promised.leads.get(campaign)).cloned().unwrap_or_default();
        let first = launch(app, account, campaign, promised).await?;
        let (mut started, mut wanting) = (first.started.len(), first.wanting);
        for _ in 0..ROUNDS {
            if wanting == 0 {
                break;
            }
            let candidates = self.next(app, account, campaign, (wanting * PER_AGENT).min(MOST)).await?;
            if candidates.is_empty() {
                break;
            }
            let launched = launch(app, account, campaign, candidates).await?;
            started += launched.started.len();
            self.put_back(account.id, campaign, launched.untouched);
            wanting = launched.wanting;
        }
        if started > 0 {
            metrics::counter!("cti_leads_dialed_total").increment(started as u64);
        }
        Ok(started)
    }

    /// The next leads of the campaign's queue.
    async fn next(&mut self, app: &App, account: &Arc<Account>, campaign: &str, count: usize) -> Result<Vec<i64>, Failure> {
        let key = (account.id, campaign.to_owned());
        let queue = self.queues.entry(key).or_insert_with(|| AtHand {
            leads: VecDeque::new(),
            tried: HashSet::new(),
            read_at: instant() - FRESH_FOR,
            is_all: false,
        });
        let age = queue.read_at.elapsed();
        let short = queue.leads.len() < count;
        if age >= FRESH_FOR || (short && (!queue.is_all || age >= EMPTY_FOR)) {
            let found = app.next_to_dial(account, campaign, AT_HAND).await?;
            queue.is_all = found.len() < AT_HAND;
            if age >= FRESH_FOR {
                queue.tried.clear();
            }
            queue.leads = found.into_iter().map(|lead| lead.id).filter(|id| !queue.tried.contains(id)).collect();
            queue.read_at = instant();
        }
        let count = count.min(queue.leads.len());
        let taken: Vec<i64> = queue.leads.drain(..count).collect();
        queue.tried.extend(&taken);
        Ok(taken)
    }

    /// Leads that were not needed are the next ones again.
    fn put_back(&mut self, account: i64, campaign: &str, leads: Vec<i64>) {
        if let Some(queue) = self.queues.get_mut(&(account, campaign.to_owned())) {
            for lead in leads.into_iter().rev() {
                queue.tried.remove(&lead);
                queue.leads.push_front(lead);
            }
        }
    }
}

async fn launch(app: &App, account: &Arc<Account>, campaign: &str, candidates: Vec<i64>) -> Result<Launched, Failure> {
    let launch = Launch { campaign: campaign.to_owned(), candidates };
    match app.committer.submit(account, Work::Launch(launch), PBX_PATIENCE).await? {
        Done::Launched(launched) => Ok(launched),
        _ => Ok(Launched::default()),
    }
}
