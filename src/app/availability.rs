//! Which agents could take a call of a ring group now.

use std::collections::{BTreeMap, BTreeSet};

use super::{App, directory::Account};
use crate::{
    domain::{call::State, setup::RingGroup},
    store::{Result, calls},
};

/// Whom to count as available beside those who wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tolerance {
    /// Agents in a conversation.
    pub on_call: bool,
    /// Agents on a break.
    pub on_break: bool,
    /// Agents in wrap-up.
    pub wrap_up: bool,
}

/// What an agent is doing, as far as it shows in his sign-in and his calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Doing {
    Waiting,
    WrapUp,
    OnCall,
}

impl App {
    /// The logins of agents who could take a call of this ring group, those of the skills that are asked first before others.
    /// A group without skills is everybody's.
    ///
    /// # Errors
    /// What the database says.
    pub async fn available_agents(&self, account: &Account, group: &RingGroup, tolerance: Tolerance) -> Result<Vec<String>> {
        let (_, _, live) = calls::live(self.db.read(), account.id).await?;
        let mut doing: BTreeMap<&str, Doing> = BTreeMap::new();
        for call in &live {
            let attempt = call.newest();
            let (Some(agent), Some(state)) = (attempt.line.agent(), attempt.state()) else { continue };
            let now = match state {
                State::Idle => Doing::WrapUp,
                State::End => continue,
                State::Preview | State::Incoming | State::Ringing | State::Talk | State::Hold => Doing::OnCall,
            };
            let known = doing.entry(agent).or_insert(now);
            *known = (*known).max(now);
        }
        let available = |login: &String| {
            self.hub.is_signed_in(account.id, login)
                && match doing.get(login.as_str()).copied().unwrap_or(Doing::Waiting) {
                    Doing::Waiting => true,
                    Doing::WrapUp => tolerance.wrap_up,
                    Doing::OnCall => tolerance.on_call,
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
