//! The floor: who is there and what keeps them busy, as it will be once all that was worked out is committed.
//!
//! It is read once, and from then on every call that changes is noted in it. What an agent does follows from his calls that are not
//! over, so nothing here has to be undone when one of them ends.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use chrono::{DateTime, NaiveDate, Utc};
use uuid::Uuid;

use super::{
    Connected, Done, Failure, Origin,
    apply::Desk,
    ledger::{Known, Ledger, Subject},
    pace::Records,
};
use crate::{
    domain::{
        call::{Call, State},
        event::{Audience, wire_micros},
        presence::{AgentState, Ask, Presence, Shown},
        tab,
        telephone::OWN_GATEWAY,
    },
    store::{Reads, Result, calls, pace, presence},
};

/// Agents and the calls that keep them busy.
#[derive(Default)]
pub(super) struct Floor {
    presences: HashMap<String, Presence>,
    calls: HashMap<Uuid, Live>,
    by_agent: HashMap<String, BTreeSet<Uuid>>,
    ahead: BTreeSet<Uuid>,
    callers: BTreeSet<Uuid>,
    leads: HashSet<i64>,
    /// How campaigns have done.
    pub(super) records: Records,
}

/// What is known of a call that is not over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Live {
    /// Whose it is.
    pub(super) agent: Option<String>,
    /// What he does by it.
    pub(super) does: AgentState,
    /// The lead that it was started for, and its campaign.
    pub(super) lead: Option<(i64, String)>,
    /// Whether it was dialed before an agent was found for it.
    pub(super) is_ahead: bool,
    /// When it was started.
    pub(super) launched_at: DateTime<Utc>,
    /// Since when a telephone rings.
    pub(super) rings_since: Option<DateTime<Utc>>,
    /// When somebody answered.
    pub(super) answered_at: Option<DateTime<Utc>>,
    /// Whether we hung up.
    pub(super) is_given_up: bool,
    /// The number of the queue that a caller waits in, who is offered to nobody.
    waits_in: Option<String>,
    /// His telephone system asks where he is to go.
    asks: bool,
    /// Since when the agent has done that.
    since: DateTime<Utc>,
}

/// A caller who waits and is offered to nobody.
pub(super) struct Caller {
    /// Since when.
    pub(super) since: DateTime<Utc>,
    /// His call.
    pub(super) call: Uuid,
    /// The number that he rang.
    pub(super) source: String,
    /// His telephone system asks where he is to go, and is not told otherwise.
    pub(super) asks: bool,
}

impl Live {
    fn of(call: &Call) -> Option<Self> {
        let attempt = call.newest();
        let does = AgentState::by_call(attempt.state())?;
        let agent = attempt.agent().map(str::to_owned);
        let lead = call.intent.as_ref().and_then(|intent| intent.lead.as_ref());
        let (handling, is_ours) = (&attempt.handling, attempt.gateway == OWN_GATEWAY || attempt.is_asked_for());
        let is_caller = agent.is_none() && is_ours && attempt.state() == Some(State::Incoming) && handling.turned.is_none();
        let waits_in = attempt.line.queue_dn().or(attempt.line.dnis()).filter(|_| is_caller).map(str::to_owned);
        if agent.is_none() && lead.is_none() && waits_in.is_none() {
            return None;
        }
        Some(Self {
            agent,
            does,
            is_ahead: attempt.handling.is_ahead,
            launched_at: call.created_at,
            rings_since: attempt.line.started_at,
            is_given_up: attempt.handling.given_up,
            waits_in,
            asks: handling.asks,
            lead: lead.map(|lead| (lead.id, lead.campaign.clone())),
            answered_at: attempt.line.answered_at,
            since: attempt.state_time().unwrap_or(call.created_at),
        })
    }
}

impl Floor {
    /// Reads who is there. What is known of calls is newer than what the book says; calls that are not known are known from then on,
    /// for whatever frees an agent or costs one moves calls that nobody has named.
    pub(super) async fn read(reads: &mut Reads<'_>, account: i64, since: NaiveDate, known: &mut HashMap<Uuid, Call>) -> Result<Self> {
        let mut floor = Self { presences: presence::all(reads, account).await?.into_iter().collect(), ..Self::default() };
        floor.records =
            Records::read(pace::tallies(reads, account, i64::from(since.to_epoch_days())).await?, pace::learnt(reads, account).await?);
        for call in calls::begun(reads, account).await? {
            known.entry(call.id).or_insert(call);
        }
        known.values().for_each(|call| floor.note(call));
        Ok(floor)
    }

    /// Takes note of a call as it is now.
    pub(super) fn note(&mut self, call: &Call) {
        if let Some(before) = self.calls.remove(&call.id) {
            if let Some(ids) = before.agent.as_ref().and_then(|agent| self.by_agent.get_mut(agent)) {
                ids.remove(&call.id);
            }
            if let Some((lead, _)) = before.lead {
                self.leads.remove(&lead);
            }
        }
        self.ahead.remove(&call.id);
        self.callers.remove(&call.id);
        let Some(live) = Live::of(call) else { return };
        if live.is_ahead {
            self.ahead.insert(call.id);
        }
        if live.waits_in.is_some() {
            self.callers.insert(call.id);
        }
        if let Some(agent) = &live.agent {
            self.by_agent.entry(agent.clone()).or_default().insert(call.id);
        }
        self.leads.extend(live.lead.as_ref().map(|(lead, _)| *lead));
        self.calls.insert(call.id, live);
    }

    /// Whether it is a call that keeps somebody busy, or waits for somebody.
    pub(super) fn has(&self, call: Uuid) -> bool {
        self.calls.contains_key(&call)
    }

    /// Whose call it is, as far as it was noted.
    fn agent_of(&self, call: Uuid) -> Option<String> {
        self.calls.get(&call)?.agent.clone()
    }

    /// What an agent does by his calls, and by which.
    pub(super) fn busy(&self, login: &str) -> Option<(AgentState, Uuid)> {
        let ids = self.by_agent.get(login)?;
        ids.iter().filter_map(|id| Some((self.calls.get(id)?.does, *id))).max()
    }

    /// Whether an agent is signed in.
    pub(super) fn is_signed_in(&self, login: &str) -> bool {
        self.presences.get(login).is_some_and(Presence::is_signed_in)
    }

    /// Whether this lead is being called.
    pub(super) fn is_called(&self, lead: i64) -> bool {
        self.leads.contains(&lead)
    }

    /// Calls that were dialed before an agent was found for them.
    pub(super) fn ahead(&self) -> impl Iterator<Item = (&Uuid, &Live)> {
        self.ahead.iter().filter_map(|id| Some((id, self.calls.get(id)?)))
    }

    /// Those of them that somebody answered and nobody was found for, with their campaigns, the longest wait first.
    pub(super) fn answered_ahead(&self) -> impl Iterator<Item = (Uuid, String)> {
        let answered = self.ahead().filter(|(_, live)| live.agent.is_none() && !live.is_given_up);
        let mut waiting: Vec<_> = answered.filter_map(|(id, live)| Some((live.answered_at?, *id, live.lead.clone()?.1))).collect();
        waiting.sort_unstable();
        waiting.into_iter().map(|(_, id, campaign)| (id, campaign))
    }

    /// Callers who are offered to nobody, the longest wait first.
    pub(super) fn callers(&self) -> impl Iterator<Item = Caller> {
        let waiting = self.callers.iter().filter_map(|id| Some((*id, self.calls.get(id)?)));
        let caller =
            |(call, live): (Uuid, &Live)| Some(Caller { since: live.launched_at, call, source: live.waits_in.clone()?, asks: live.asks });
        let mut waiting: Vec<_> = waiting.filter_map(caller).collect();
        waiting.sort_unstable_by_key(|caller| (caller.since, caller.call));
        waiting.into_iter()
    }

    /// Agents who are ready, want to leave and have no call.
    pub(super) fn leaving(&self) -> impl Iterator<Item = &str> {
        self.presences.keys().map(String::as_str).filter(|login| self.is_leaving(login))
    }

    /// Whether an agent is ready, wants to leave and has no call.
    pub(super) fn is_leaving(&self, login: &str) -> bool {
        self.asked_to_leave(login).is_some() && self.busy(login).is_none()
    }

    /// When an agent who is ready asked to leave.
    pub(super) fn asked_to_leave(&self, login: &str) -> Option<DateTime<Utc>> {
        self.presences.get(login)?.leaves_since()
    }

    /// What is kept of an agent.
    pub(super) fn presence_of(&self, login: &str) -> Option<&Presence> {
        self.presences.get(login)
    }

    /// Since when its agent does what he does by this call.
    pub(super) fn since(&self, call: Uuid) -> Option<DateTime<Utc>> {
        Some(self.calls.get(&call)?.since)
    }

    /// Since when a new call may be given to this agent; `None` when none may.
    pub(super) fn free_since(&self, login: &str) -> Option<DateTime<Utc>> {
        let presence = self.presences.get(login)?;
        presence.is_free(self.busy(login).map(|(does, _)| does)).then_some(presence.free_since)
    }

    /// What is shown of an agent.
    pub(super) fn shown(&self, login: &str, now: DateTime<Utc>) -> Shown {
        let unknown = Presence::unknown(now);
        let presence = self.presences.get(login).unwrap_or(&unknown);
        let busy = self.busy(login);
        let state = presence.state(busy.map(|(does, _)| does));
        let since = busy.and_then(|(_, call)| self.calls.get(&call)).map_or_else(|| presence.idle_since(), |live| live.since);
        Shown {
            agent: login.to_owned(),
            state,
            since: wire_micros(since),
            reason: presence.reason.clone(),
            next: presence.next.clone(),
            call: busy.map(|(_, call)| call),
            version: presence.version,
        }
    }

    pub(super) fn presences<'a>(&'a self, logins: &'a BTreeSet<String>) -> impl Iterator<Item = (&'a str, &'a Presence)> {
        logins.iter().filter_map(|login| Some((login.as_str(), self.presences.get(login)?)))
    }

    fn seen(&self, logins: impl IntoIterator<Item = String>, now: DateTime<Utc>) -> Seen {
        let see = |login: &str| Sight { is_here: self.is_signed_in(login), shown: self.shown(login, now), tab: self.tab_of(login) };
        logins.into_iter().map(|login| (login.clone(), see(&login))).collect()
    }

    /// Which tab of an agent's softphone is enabled.
    fn tab_of(&self, login: &str) -> tab::Shown {
        self.presences.get(login).map_or_else(|| tab::TabLease::default().shown(login), |presence| presence.tab.shown(login))
    }

    fn presence(&mut self, login: &str, now: DateTime<Utc>) -> &mut Presence {
        self.presences.entry(login.to_owned()).or_insert_with(|| Presence::unknown(now))
    }
}

/// What shows of agents before a step.
type Seen = BTreeMap<String, Sight>;

/// What shows of an agent.
struct Sight {
    /// Whether he is signed in.
    is_here: bool,
    shown: Shown,
    tab: tab::Shown,
}

impl Desk<'_> {
    /// Takes note of a call that was changed, and tells what its agents do now.
    pub(super) fn follow(&self, ledger: &mut Ledger, known: &mut Known, call: Uuid) {
        let now = self.clock.now();
        let Known { floor: Some(floor), calls, .. } = known else { return };
        let Some(call) = calls.get(&call) else { return };
        let logins = [floor.agent_of(call.id), call.newest().agent().map(str::to_owned)].into_iter().flatten();
        let before = floor.seen(logins, now);
        floor.note(call);
        for (login, Sight { shown, .. }) in &before {
            let was_busy = shown.call.is_some();
            if was_busy && floor.busy(login).is_none() && floor.is_signed_in(login) {
                floor.presence(login, now).freed(now);
                ledger.presences.insert(login.clone());
            }
        }
        self.show(ledger, floor, &before, now);
    }

    /// Does what an agent asks of his presence.
    pub(super) fn ask(&self, ledger: &mut Ledger, known: &mut Known, login: &str, ask: &Ask) -> std::result::Result<Done, Failure> {
        let now = self.clock.now();
        let needed = self.is_needed(ledger, known, login);
        let Some(floor) = &mut known.floor else { return Err(Failure::Busy) };
        let before = floor.seen([login.to_owned()], now);
        let busy = floor.busy(login).map(|(does, _)| does);
        if floor.presence(login, now).ask(ask, busy, needed, now).map_err(Failure::Presence)? {
            ledger.presences.insert(login.to_owned());
            self.show(ledger, floor, &before, now);
            self.settle_floor(ledger, known);
        }
        let Some(floor) = &known.floor else { return Err(Failure::Busy) };
        Ok(Done::Presence(Box::new((floor.shown(login, now), floor.tab_of(login)))))
    }

    /// The softphones of these agents are still there.
    pub(super) fn seen(&self, ledger: &mut Ledger, known: &mut Known, softphones: &[Connected], until: DateTime<Utc>) {
        let now = self.clock.now();
        let Some(floor) = &mut known.floor else { return };
        for Connected { login, tabs } in softphones {
            let before = floor.seen([login.clone()], now);
            let busy = floor.busy(login).map(|(does, _)| does);
            let ask = Ask::Seen(until, tabs.clone());
            if floor.is_signed_in(login) && floor.presence(login, now).ask(&ask, busy, false, now) == Ok(true) {
                ledger.presences.insert(login.clone());
                self.show(ledger, floor, &before, now);
            }
        }
    }

    /// Lets an agent go who wanted to, and whom nothing needs any more.
    pub(super) fn let_go(&self, ledger: &mut Ledger, known: &mut Known, login: &str) {
        let now = self.clock.now();
        let Some(floor) = &mut known.floor else { return };
        let before = floor.seen([login.to_owned()], now);
        if floor.presence(login, now).freed(now) {
            ledger.presences.insert(login.to_owned());
            self.show(ledger, floor, &before, now);
        }
    }

    /// Ends what has outlived its time; answers how many agents that concerned.
    pub(super) fn expire_agents(&self, ledger: &mut Ledger, known: &mut Known, logins: &[String]) -> usize {
        let now = self.clock.now();
        let patience = self.settings.patience_with_agents();
        let mut count = 0;
        for login in logins {
            let Some(floor) = &mut known.floor else { return count };
            let before = floor.seen([login.clone()], now);
            let busy = floor.busy(login).map(|(does, _)| does);
            if floor.presence(login, now).expire(busy, &patience, now) {
                ledger.presences.insert(login.clone());
                self.show(ledger, floor, &before, now);
                count += 1;
            }
        }
        self.settle_floor(ledger, known);
        count
    }

    /// An agent did not take what was offered to him.
    pub(super) fn missed(&self, ledger: &mut Ledger, known: &mut Known, login: &str, reason: &str) {
        let now = self.clock.now();
        let Some(floor) = &mut known.floor else { return };
        let before = floor.seen([login.to_owned()], now);
        floor.presence(login, now).missed(reason, now);
        ledger.presences.insert(login.to_owned());
        self.show(ledger, floor, &before, now);
    }

    /// Tells of agents of whom something else is shown than before. One who is not signed in has no screen.
    fn show(&self, ledger: &mut Ledger, floor: &mut Floor, before: &Seen, now: DateTime<Utc>) {
        for (login, Sight { is_here: was_here, shown: before, tab }) in before {
            let audience = Audience::Agents(vec![login.clone()]);
            let subject = Subject::no_call(Some(login));
            let origin = Origin { source: "gateway", occurred: now, observed: now };
            let mut after = floor.shown(login, now);
            let is_here = floor.is_signed_in(login);
            let same = (after.state, &after.reason, &after.next, after.call) == (before.state, &before.reason, &before.next, before.call);
            if (!same || is_here != *was_here) && (*was_here || is_here) {
                let presence = floor.presence(login, now);
                presence.version += 1;
                after.version = presence.version;
                ledger.presences.insert(login.clone());
                ledger.append(self.clock.id(), "agent.state", &audience, &subject, origin, after);
            }
            let enabled = floor.tab_of(login);
            if enabled != *tab {
                ledger.append(self.clock.id(), "lease.changed", &audience, &subject, origin, enabled);
            }
        }
    }
}
