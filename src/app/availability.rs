//! What agents do now, and which of them could take a call of a ring group.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};

use super::{App, directory::Account};
use crate::{
    domain::{
        event::wire_micros,
        presence::{AgentState, Presence, Shown},
        setup::RingGroup,
    },
    store::{Result, calls},
};

/// Whom to count as available beside those who wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tolerance {
    /// Agents in a conversation.
    pub on_call: bool,
    /// Agents who are not ready.
    pub on_break: bool,
    /// Agents in wrap-up.
    pub wrap_up: bool,
}

/// An agent now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentNow {
    /// What he has set.
    pub presence: Presence,
    /// What he does.
    pub shown: Shown,
}

impl App {
    /// What each agent of the account who was ever here has set, and what he does now.
    ///
    /// # Errors
    /// What the database says.
    pub async fn agents_now(&self, account: &Account) -> Result<HashMap<String, AgentNow>> {
        let presences = self.presences(account.id).await?;
        let (_, _, live) = calls::live(self.db.read(), account.id).await?;
        let mut busy: HashMap<&str, (AgentState, uuid::Uuid, DateTime<Utc>)> = HashMap::new();
        for call in &live {
            let attempt = call.newest();
            let (Some(agent), Some(does)) = (attempt.agent(), AgentState::by_call(attempt.state())) else { continue };
            let this = (does, call.id, attempt.state_time().unwrap_or(call.created_at));
            let known = busy.entry(agent).or_insert(this);
            *known = (*known).max(this);
        }
        let now = self.clock.now();
        let logins = account.roster.all().iter().map(|agent| &agent.login);
        let shown = logins.filter_map(|login| {
            let by_call = busy.get(login.as_str());
            let presence = presences.get(login).cloned().or_else(|| by_call.map(|_| Presence::unknown(now)))?;
            let shown = Shown {
                agent: login.clone(),
                state: presence.state(by_call.map(|(does, ..)| *does)),
                since: wire_micros(by_call.map_or_else(|| presence.idle_since(), |(.., since)| *since)),
                reason: presence.reason.clone(),
                next: presence.next.clone(),
                call: by_call.map(|(_, call, _)| *call),
                version: presence.version,
            };
            Some((login.clone(), AgentNow { presence, shown }))
        });
        Ok(shown.collect())
    }

    /// The same of one agent.
    ///
    /// # Errors
    /// What the database says.
    pub async fn agent_now(&self, account: &Account, login: &str) -> Result<Option<AgentNow>> {
        Ok(self.agents_now(account).await?.remove(login))
    }

    /// The logins of agents who could take a call of this ring group, those of the skills that are asked first before others.
    /// A group without skills is everybody's.
    ///
    /// # Errors
    /// What the database says.
    pub async fn available_agents(&self, account: &Account, group: &RingGroup, tolerance: Tolerance) -> Result<Vec<String>> {
        let now = self.agents_now(account).await?;
        let available = |login: &String| {
            let Some(AgentNow { presence, shown }) = now.get(login).filter(|now| now.presence.is_signed_in()) else { return false };
            match shown.state {
                AgentState::Ready => presence.next.is_none() || tolerance.on_break,
                AgentState::NotReady => tolerance.on_break,
                AgentState::WrapUp => tolerance.wrap_up,
                AgentState::OnCall | AgentState::Ringing | AgentState::Reserved => tolerance.on_call,
                AgentState::Offline => false,
            }
        };
        Ok(asked(account, group).into_iter().filter(available).collect())
    }
}

/// The agents whom the group asks, in that order, each once.
fn asked(account: &Account, group: &RingGroup) -> Vec<String> {
    let mut skills: Vec<_> = group.published.iter().filter(|(_, priority)| priority.active).collect();
    skills.sort_by_key(|(_, priority)| (priority.priority, priority.delay_s));
    if group.published.is_empty() {
        return account.roster.all().iter().map(|agent| agent.login.clone()).collect();
    }
    let mut seen = BTreeSet::new();
    let of_skill = |name: &str| account.setup.skills.get(name).map_or(&[][..], |skill| &skill.agents);
    let logins = skills.into_iter().flat_map(|(name, _)| of_skill(name));
    logins.filter(|login| account.roster.by_login(login).is_some() && seen.insert((*login).clone())).cloned().collect()
}
