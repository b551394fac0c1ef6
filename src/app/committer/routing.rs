//! Applies inbound routing: a caller who rings the number of a ring group is offered to whoever of its skills waits the longest.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::{
    apply::Desk,
    floor::Floor,
    ledger::{Known, Ledger},
};
use crate::{
    app::directory::Account,
    domain::{setup::RingGroup, skill::SkillPriority},
};

/// How long a caller is offered to one agent before another is asked.
const OFFER: TimeDelta = TimeDelta::seconds(30);

impl Desk<'_> {
    /// Offers callers who wait to agents who are free, the longest wait first on both sides.
    pub(super) fn offer_waiting(&self, ledger: &mut Ledger, known: &mut Known) {
        let now = self.clock.now();
        let account = ledger.account.clone();
        let waiting: Vec<(Uuid, String, DateTime<Utc>)> = known.floor.iter().flat_map(Floor::callers).collect();
        for (call, source, since) in waiting {
            let Some((_, group)) = account.setup.ring_group(&source, account.region) else { continue };
            let Some(floor) = &known.floor else { return };
            let Some(agent) = next_agent(&account, floor, group, now - since) else { continue };
            if self.is_needed(ledger, known, &agent) {
                continue;
            }
            let _ = self.change(ledger, known, call, |attempt, now| Ok(attempt.offer(&agent, now + OFFER)));
        }
    }
}

/// Who is asked after a caller has waited for so long: of the skills whose delay is over, the smallest priority first, and in it
/// whoever has been free the longest. A group without skills is everybody's.
fn next_agent(account: &Account, floor: &Floor, group: &RingGroup, waited: TimeDelta) -> Option<String> {
    if group.published.is_empty() {
        let all = account.roster.all().iter().map(|agent| agent.login.as_str());
        return all.filter_map(|login| Some((floor.free_since(login)?, login))).min().map(|(_, login)| login.to_owned());
    }
    let asked = |priority: &SkillPriority| priority.active && TimeDelta::seconds(priority.delay_s) <= waited;
    let mut found: Option<(i64, DateTime<Utc>, &str)> = None;
    for (name, priority) in group.published.iter().filter(|(_, priority)| asked(priority)) {
        let able = account.setup.skills.get(name).map_or(&[][..], |skill| &skill.agents);
        for login in able.iter().filter(|login| account.roster.by_login(login).is_some()) {
            let Some(free) = floor.free_since(login) else { continue };
            let this = (priority.priority, free, login.as_str());
            found = Some(found.map_or(this, |best| best.min(this)));
        }
    }
    found.map(|(_, _, login)| login.to_owned())
}
