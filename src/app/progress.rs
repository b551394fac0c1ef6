//! How campaigns get on, as operators watch them: where their leads stand, who serves them, which lines are open, and why there are
//! no more.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chrono::{DateTime, NaiveTime, Utc};
use serde::Serialize;
use tokio::time::Instant;
use utoipa::ToSchema;

use super::{
    App,
    calls::PBX_PATIENCE,
    clock::instant,
    committer::{Done, Failure, Launch, Launched, Work, crew},
    directory::Account,
};
use crate::{
    domain::{
        call::{Call, State},
        dialing::{Dialing, Mode},
        lead::{Lane, Rank},
        pacing::{Limit, Limits, Tally},
        presence::AgentState,
    },
    store::{Db, Result, calls, progress},
};

/// Leads are counted by reading all of them. So a count is kept for so many times as long as it took, whoever asks.
const KEPT_TIMES: u32 = 20;
/// Nobody waits for a count that took longer the last time: the old one is told while a new one is made.
const SHORT: Duration = Duration::from_millis(100);
/// A count that nobody has asked for so long is forgotten.
const FORGOTTEN: Duration = Duration::from_secs(600);

/// How a campaign gets on.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Progress {
    /// Its name.
    pub campaign: String,
    /// How it is dialed; null when nobody dials it.
    pub mode: Option<Mode>,
    /// Whether it is dialed now.
    pub running: bool,
    /// Where its leads stand.
    pub leads: Leads,
    /// Its agents by what they do now: `ready`, `on_call` and so on.
    #[schema(value_type = BTreeMap<String, u64>)]
    pub agents: BTreeMap<&'static str, u64>,
    /// Its calls.
    pub lines: Lines,
    /// In ten-thousandths: what the law of pacing permits, and what the campaign aims at.
    pub limits: Limits,
    /// The last thirty days.
    pub tally: Tally,
    /// Since midnight UTC.
    pub today: Tally,
    /// Calls that may be in flight without a ready agent.
    pub room: u32,
    /// Why no more lines are opened.
    pub why: Why,
}

/// Leads of a campaign by where they stand.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Leads {
    /// All of them.
    pub total: i64,
    /// To be dialed before all others.
    pub hot: i64,
    /// With a promised call.
    pub callback: i64,
    /// Never dialed.
    pub fresh: i64,
    /// Tried again.
    pub retry: i64,
    /// Of these four, those that may be dialed now.
    pub due: i64,
    /// Nobody dials them by themselves: done with, listed, expired or stored only.
    pub rest: i64,
    /// Dialed since midnight UTC.
    pub dialed_today: i64,
    /// By call status; those that have none are left out.
    pub came_out: BTreeMap<String, i64>,
}

/// Calls of a campaign that are not over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Lines {
    /// An agent looks at the lead.
    pub preview: u64,
    /// Ordered or ringing, or answered and without an agent yet.
    pub ringing: u64,
    /// In a conversation.
    pub talking: u64,
    /// The line is free, the agent still writes.
    pub wrap_up: u64,
}

/// Why no more lines are opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Why {
    /// `not_dialed`, `stopped`, `no_system`, `system_down`, `no_leads`, `opening`, `no_agents`, `no_free_agent`, `enough_in_flight`,
    /// `budget_used_up` or `no_lines`.
    #[schema(example = "no_free_agent")]
    pub code: &'static str,
    /// The same for people.
    pub message: String,
}

/// Counts that are kept for a while.
#[derive(Clone, Default)]
pub(in crate::app) struct Counts(Arc<Mutex<Kept>>);

/// An account and the name of a campaign.
type Key = (i64, String);
type Kept = HashMap<Key, Counted>;

/// A count, and how long it holds.
struct Counted {
    leads: Leads,
    took: Duration,
    until: Instant,
    /// A new one is being made.
    is_renewed: bool,
}

/// What to do about a count.
enum Look {
    /// It is told as it is.
    Tell(Leads),
    /// It is told, and made anew behind that.
    Renew(Leads),
    /// It is made now.
    Count,
}

impl App {
    /// How each campaign of an account gets on, by name.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn progress(&self, account: &Arc<Account>) -> std::result::Result<Vec<Progress>, Failure> {
        let failed = |error: sqlx::Error| Failure::Store(Arc::new(error));
        let now = self.agents_now(account).await.map_err(failed)?;
        let states: HashMap<&str, AgentState> = now.iter().map(|(login, now)| (login.as_str(), now.shown.state)).collect();
        let (_, _, live) = calls::live(self.db.read(), account.id).await.map_err(failed)?;
        let records = self.records(account.id).await.map_err(failed)?;
        let mut all = Vec::new();
        for (name, campaign) in account.setup.campaigns.iter() {
            let dialing = campaign.dialing.as_ref();
            let budget = records.budget(name, self.clock.now());
            let leads = self.count_leads(account.id, name).await.map_err(failed)?;
            let why = self.why(account, name, dialing, leads.due).await?;
            let crew = dialing.map(|dialing| crew(account, dialing)).unwrap_or_default();
            let mut agents: BTreeMap<&'static str, u64> = BTreeMap::new();
            for login in crew {
                *agents.entry(states.get(login).copied().unwrap_or(AgentState::Offline).word()).or_default() += 1;
            }
            all.push(Progress {
                campaign: name.to_owned(),
                mode: dialing.map(|dialing| dialing.mode),
                running: dialing.is_some_and(|dialing| dialing.running),
                leads,
                agents,
                lines: Lines::of(&live, name),
                limits: budget.limits,
                tally: budget.tally,
                today: budget.today,
                room: budget.room(),
                why,
            });
        }
        all.sort_by_key(|progress| progress.campaign.to_lowercase());
        Ok(all)
    }

    async fn count_leads(&self, account: i64, campaign: &str) -> Result<Leads> {
        let key = (account, campaign.to_owned());
        let (db, counts, now) = (self.db.clone(), self.counts.clone(), self.clock.now());
        match counts.look(&key) {
            Look::Tell(leads) => Ok(leads),
            Look::Renew(leads) => {
                tokio::spawn(async move {
                    if let Err(error) = counts.count(&db, key, now).await {
                        tracing::warn!(%error, "the leads of a campaign cannot be counted");
                    }
                });
                Ok(leads)
            }
            Look::Count => counts.count(&db, key, now).await,
        }
    }

    /// Asks the committer, which knows who covers what; a launch without candidates changes nothing.
    async fn why(&self, account: &Arc<Account>, campaign: &str, dialing: Option<&Dialing>, due: i64) -> std::result::Result<Why, Failure> {
        let Some(dialing) = dialing else { return Ok(Why::new("not_dialed", "nobody dials this campaign: it says nothing of dialing")) };
        if !dialing.running {
            return Ok(Why::new("stopped", "nobody has started it: its setup says that it does not run"));
        }
        let Some(driven) = account.telephone_system() else {
            return Ok(Why::new("no_system", "the account has no telephone system that takes orders"));
        };
        let state = self.system_state(account, driven.name).await.map_err(|error| Failure::Store(Arc::new(error)))?;
        if let Some(state) = state.filter(|state| !state.is_up) {
            return Ok(Why::new("system_down", &format!("the telephone system {} is down: {}", state.system, state.message)));
        }
        let work = Work::Launch(Launch { campaign: campaign.to_owned(), candidates: vec![] });
        let launched = match self.committer.submit(account, work, PBX_PATIENCE).await? {
            Done::Launched(launched) => launched,
            _ => Launched::default(),
        };
        Ok(match (launched.wanting, launched.limit) {
            (1.., _) if due == 0 => Why::new("no_leads", "there are agents for more calls, and no lead that may be dialed now"),
            (1.., _) => Why::new("opening", "lines are being opened"),
            (0, Some(limit)) if limit != Limit::Preview => Why::new(limit.word(), &limit.to_string()),
            _ => Why::new("no_free_agent", "no agent is ready"),
        })
    }
}

impl Counts {
    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn look(&self, key: &Key) -> Look {
        let mut kept = self.lock();
        match kept.get_mut(key) {
            None => Look::Count,
            Some(counted) if counted.is_renewed || counted.until > instant() => Look::Tell(counted.leads.clone()),
            Some(counted) if counted.took < SHORT => Look::Count,
            Some(counted) => {
                counted.is_renewed = true;
                Look::Renew(counted.leads.clone())
            }
        }
    }

    /// Counts, and keeps that.
    async fn count(&self, db: &Db, key: Key, now: DateTime<Utc>) -> Result<Leads> {
        let began = instant();
        let midnight = now.date_naive().and_time(NaiveTime::MIN).and_utc();
        let rows = async {
            let queued = progress::queued(db.read(), key.0, &key.1, now).await?;
            Ok((queued, progress::came_out(db.read(), key.0, &key.1, midnight).await?))
        };
        let rows = rows.await;
        let mut kept = self.lock();
        match rows {
            Ok((queued, came_out)) => {
                let (leads, took) = (Leads::counted(&queued, &came_out, now), began.elapsed());
                kept.retain(|_, counted| counted.until.elapsed() < FORGOTTEN);
                kept.insert(key, Counted { leads: leads.clone(), took, until: instant() + took * KEPT_TIMES, is_renewed: false });
                Ok(leads)
            }
            Err(error) => {
                kept.remove(&key);
                Err(error)
            }
        }
    }
}

impl Leads {
    fn counted(queued: &[progress::QueuedRow], came_out: &[progress::CameOutRow], now: DateTime<Utc>) -> Self {
        let mut leads = Self::default();
        for row in came_out {
            leads.total += row.leads;
            leads.dialed_today += row.dialed;
            if let Some(status) = row.call_status.clone().filter(|status| !status.is_empty()) {
                *leads.came_out.entry(status).or_default() += row.leads;
            }
        }
        for row in queued {
            match Rank::of_figure(row.dial_rank) {
                Some(Rank::Hot) => leads.hot += row.leads,
                Some(Rank::Callback) => leads.callback += row.leads,
                Some(Rank::Fresh) => leads.fresh += row.leads,
                Some(Rank::Retry) => leads.retry += row.leads,
                None => continue,
            }
            // a lane that nobody knows any more counts as open, as for the dialer
            if Lane::read(&row.dial_lane).is_none_or(|lane| lane.opens(now) == Some(now)) {
                leads.due += row.due;
            }
        }
        leads.rest = (leads.total - leads.hot - leads.callback - leads.fresh - leads.retry).max(0);
        leads
    }
}

impl Lines {
    fn of(live: &[Call], campaign: &str) -> Self {
        let mut lines = Self::default();
        let lead_of =
            |call: &&Call| call.intent.as_ref().and_then(|intent| intent.lead.as_ref()).is_some_and(|lead| lead.campaign == campaign);
        for call in live.iter().filter(lead_of) {
            match call.newest().state() {
                Some(State::Preview) => lines.preview += 1,
                Some(State::Talk | State::Hold) => lines.talking += 1,
                Some(State::Idle) => lines.wrap_up += 1,
                None | Some(State::Incoming | State::Ringing) => lines.ringing += 1,
                Some(State::End) => {}
            }
        }
        lines
    }
}

impl Why {
    fn new(code: &'static str, message: &str) -> Self {
        Self { code, message: message.to_owned() }
    }
}
