//! The queue of leads as the dialer and operators see it: who is next, whom an agent promised to call, and why somebody waits.

use std::{collections::HashSet, sync::Arc};

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    App,
    calls::PBX_PATIENCE,
    committer::{Failure, Records, Work},
    directory::Account,
};
use crate::{
    domain::{
        dnc::Channel,
        lead::{Explanation, Lead, Rule, Rules, would_dial},
        pacing::Budget,
    },
    store::{
        Reads, Result, dnc, pace,
        queue::{self, Waiting},
    },
};

/// How often the book is asked for others in the place of those that stand where they should not.
const ROUNDS: usize = 8;
/// Days that count in the law of pacing, and one more.
const WINDOW_DAYS: i64 = 31;
/// Fewest leads that the book is asked for.
const FEWEST: i64 = 32;

/// Whose leads are looked for.
#[derive(Clone, Copy)]
enum Whose<'a> {
    /// Those of a campaign; calls that an agent promised wait for him alone for so long.
    Campaign { name: &'a str, grace: TimeDelta },
    /// Those that this agent promised to call.
    Agent(&'a str),
}

impl App {
    /// Up to `count` leads of a campaign that may be dialed now, in the order in which they are to be; the do-not-call list is
    /// asked when one is dialed. Those that stand in the queue where they should not any more are put right.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn next_to_dial(&self, account: &Arc<Account>, campaign: &str, count: usize) -> Result<Vec<Lead>, Failure> {
        let Some((name, known)) = account.setup.campaigns.entry(campaign) else { return Ok(vec![]) };
        let grace = known.dialing.as_ref().map_or(TimeDelta::zero(), |dialing| TimeDelta::minutes(dialing.callback_grace_min));
        self.due(account, count, Whose::Campaign { name, grace }).await
    }

    /// What the law of pacing lets a campaign do, by how it has done.
    ///
    /// # Errors
    /// What the database says.
    pub async fn budget(&self, account: i64, campaign: &str) -> Result<Budget> {
        Ok(self.records(account).await?.budget(campaign, self.clock.now()))
    }

    /// How all campaigns of an account have done.
    pub(super) async fn records(&self, account: i64) -> Result<Records> {
        let since = (self.clock.now() - TimeDelta::days(WINDOW_DAYS)).date_naive();
        let tallies = pace::tallies(&mut Reads::On(self.db.read()), account, i64::from(since.to_epoch_days())).await?;
        Ok(Records::read(tallies, vec![]))
    }

    /// Up to `count` calls that this agent promised, in any campaign, and that may be made now; the one that has waited longest
    /// comes first.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn promised_by(&self, account: &Arc<Account>, agent: &str, count: usize) -> Result<Vec<Lead>, Failure> {
        self.due(account, count, Whose::Agent(agent)).await
    }

    /// The first of those found that are due by what the account has set up now.
    async fn due(&self, account: &Arc<Account>, count: usize, whose: Whose<'_>) -> Result<Vec<Lead>, Failure> {
        let limit = i64::try_from(count).unwrap_or(i64::MAX).max(FEWEST);
        for _ in 0..ROUNDS {
            let now = self.clock.now();
            let found = match whose {
                Whose::Campaign { name, grace } => queue::next_to_dial(self.db.read(), account.id, name, grace, now, limit).await,
                Whose::Agent(agent) => queue::promised_by(self.db.read(), account.id, agent, now, limit).await,
            };
            let found = found.map_err(|error| Failure::Store(Arc::new(error)))?;
            let (mut due, stale): (Vec<Lead>, Vec<Lead>) = found.into_iter().partition(|lead| is_due(account, lead, now));
            due.truncate(count);
            if let Some(first) = stale.first() {
                let work = Work::Retime { leads: stale.iter().map(|lead| lead.id).collect(), rule: against(account, first, now) };
                self.committer.submit(account, work, PBX_PATIENCE).await?;
            }
            // nobody waits for more than the first when there are some
            if !due.is_empty() || stale.is_empty() {
                return Ok(due);
            }
        }
        Ok(vec![])
    }

    /// The next leads of a campaign in their order, whether their time has come or not; with `explain` what speaks against each
    /// now.
    ///
    /// # Errors
    /// What the database says.
    pub async fn queue(&self, account: &Account, campaign: &str, limit: i64, explain: bool) -> Result<Vec<(Waiting, Option<Explanation>)>> {
        let now = self.clock.now();
        let waiting = queue::waiting(self.db.read(), account.id, campaign, now, limit).await?;
        if !explain {
            return Ok(waiting.into_iter().map(|waiting| (waiting, None)).collect());
        }
        let phones: HashSet<_> = waiting.iter().map(|waiting| waiting.lead.phone.clone()).collect();
        let phones: Vec<_> = phones.into_iter().collect();
        let listed = dnc::listed(&mut Reads::On(self.db.read()), account.id, Channel::Voice, &phones).await?;
        let explained = |waiting: Waiting| {
            let lead = &waiting.lead;
            let facts = Rules::of(&account.setup, lead).facts(lead, listed.contains(&lead.phone), now);
            let explanation = would_dial(lead, &facts, now);
            (waiting, Some(explanation))
        };
        Ok(waiting.into_iter().map(explained).collect())
    }
}

/// Whether a lead stands where it was found.
fn is_due(account: &Account, lead: &Lead, now: DateTime<Utc>) -> bool {
    let place = lead.place(&Rules::of(&account.setup, lead), now);
    place.is_some_and(|place| place.at <= now && place.lane.opens(now) == Some(now))
}

/// The first rule that speaks against dialing a lead now.
fn against(account: &Account, lead: &Lead, now: DateTime<Utc>) -> Option<Rule> {
    let facts = Rules::of(&account.setup, lead).facts(lead, false, now);
    would_dial(lead, &facts, now).reasons.first().map(|reason| reason.rule)
}
