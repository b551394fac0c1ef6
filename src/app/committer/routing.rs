//! Applies inbound routing: a caller who rings the number of a ring group is offered to whoever of its skills waits the longest, or is
//! sent away; and a telephone system that asks where a caller is to go is told.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::{
    Done, Failure, NewsItem,
    apply::Desk,
    floor::{Caller, Floor},
    ledger::{Known, Ledger},
    wishes::{driver, station},
};
use crate::{
    app::directory::Account,
    domain::{
        call::{Refused, State},
        order::{Command, Verb},
        phone::Number,
        routing::{LONGEST_WAIT, Reception, Turned},
        setup::RingGroup,
        skill::SkillPriority,
    },
};

/// How long a caller is offered to one agent before another is asked.
const OFFER: TimeDelta = TimeDelta::seconds(30);
/// A telephone system that asks for a caller who waits is to ask again within this time; then he counts as one who waits no more.
const ASKS_WITHIN: TimeDelta = TimeDelta::seconds(60);

/// A telephone system asks where a caller is to go.
#[derive(Clone, Debug)]
pub struct RouteWork {
    /// That he rings.
    pub item: NewsItem,
    /// The name of the ring group.
    pub group: String,
    /// The agent who was told before and has not picked up.
    pub missed: Option<String>,
}

/// Where a caller is to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The call.
    pub call: Uuid,
    /// The answer.
    pub answer: RouteAnswer,
}

/// The answer to a telephone system that asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RouteAnswer {
    /// To this agent.
    Agent {
        /// His login.
        login: String,
        /// Where he is reached.
        extension: Option<Number>,
        /// Until when he may pick up.
        until: DateTime<Utc>,
    },
    /// He is to wait.
    Wait {
        /// How many wait before him.
        before: usize,
        /// Ask again then.
        ask_at: DateTime<Utc>,
    },
    /// He is not kept waiting.
    Turned {
        /// Why.
        why: Turned,
        /// Where he goes; nowhere when absent.
        to: Option<Number>,
        /// When it opens next.
        opens: Option<DateTime<Utc>>,
    },
}

impl Desk<'_> {
    /// Offers callers who wait to agents who are free, the longest wait first on both sides, and sends away who is not to wait.
    pub(super) fn offer_waiting(&self, ledger: &mut Ledger, known: &mut Known) {
        let now = self.clock.now();
        let account = ledger.account.clone();
        let mut waiting: HashMap<&str, usize> = HashMap::new();
        for caller in known.floor.iter().flat_map(Floor::callers).collect::<Vec<_>>() {
            let Some((name, group)) = account.setup.ring_group(&caller.source, account.region) else { continue };
            let before = waiting.entry(name).or_default();
            if caller.asks {
                *before += 1; // his telephone system asks for him
                continue;
            }
            match self.reply_to(ledger, known, group, caller.since, *before) {
                Reply::Agent(agent) => {
                    let _ = self.change(ledger, known, caller.call, |attempt, now| Ok(attempt.offer(&agent, now + OFFER)));
                }
                Reply::Wait(at) => {
                    *before += 1;
                    look_again(ledger, known, caller.call, at);
                }
                Reply::Turned(why) => {
                    let _ = self.change(ledger, known, caller.call, |attempt, _| Ok(attempt.turn_away(why, now)));
                    self.send_away(ledger, known, caller.call, group.reception.as_ref().and_then(|reception| reception.elsewhere(why)));
                }
            }
        }
    }

    /// Tells a telephone system where a caller is to go. It asks again when he was not picked up, and while he waits.
    pub(super) fn route(&self, ledger: &mut Ledger, known: &mut Known, work: &RouteWork) -> Result<Done, Failure> {
        let now = self.clock.now();
        let account = ledger.account.clone();
        let group = account.setup.ring_groups.get(&work.group).ok_or(Failure::NoSuchCall)?;
        let call = self.hear(ledger, known, &work.item).call;
        let found = known.calls.get(&call).ok_or(Failure::NoSuchCall)?;
        let attempt = found.newest();
        if attempt.state() != Some(State::Incoming) || attempt.line.agent().is_some() {
            return Err(Failure::Refused(Refused { wish: "route", state: attempt.state() }));
        }
        let since = found.created_at;
        if let Some((why, _)) = attempt.handling.turned {
            return Ok(turned(call, &account, group, why, now));
        }
        if let Some((login, until)) = attempt.handling.offered.clone() {
            let missed = until <= now || work.missed.as_deref().is_some_and(|missed| missed.eq_ignore_ascii_case(&login));
            if !missed {
                return Ok(to_agent(call, &account, &login, until));
            }
            self.offer_lapsed(ledger, known, &login);
            self.change(ledger, known, call, |attempt, _| Ok(attempt.withdraw()))?;
        }
        self.change(ledger, known, call, |attempt, now| Ok(attempt.await_route(now + ASKS_WITHIN)))?;
        let others = known.floor.iter().flat_map(Floor::callers).filter(|caller| (caller.since, caller.call) < (since, call));
        let of_group = |caller: &Caller| {
            account.setup.ring_group(&caller.source, account.region).is_some_and(|(name, _)| name.eq_ignore_ascii_case(&work.group))
        };
        let before = others.filter(of_group).count();
        Ok(match self.reply_to(ledger, known, group, since, before) {
            Reply::Agent(agent) => {
                self.change(ledger, known, call, |attempt, now| Ok(attempt.offer(&agent, now + OFFER)))?;
                to_agent(call, &account, &agent, now + OFFER)
            }
            Reply::Wait(at) => Done::Routed(Route { call, answer: RouteAnswer::Wait { before, ask_at: at.min(now + ASKS_WITHIN / 2) } }),
            Reply::Turned(why) => {
                self.change(ledger, known, call, |attempt, now| Ok(attempt.turn_away(why, now)))?;
                turned(call, &account, group, why, now)
            }
        })
    }

    /// What becomes of a caller who rang at `since` and has so many before him.
    fn reply_to(&self, ledger: &Ledger, known: &Known, group: &RingGroup, since: DateTime<Utc>, before: usize) -> Reply {
        let (now, account) = (self.clock.now(), &ledger.account);
        let reception = group.reception.as_ref();
        if reception.is_some_and(|reception| !reception.is_open(account.setup.options.zone, since)) {
            return Reply::Turned(Turned::Closed);
        }
        let agent = known.floor.as_ref().and_then(|floor| {
            let able = |login: &str| !self.is_needed(ledger, known, login);
            next_agent(account, floor, group, now - since, able)
        });
        if let Some(agent) = agent {
            return Reply::Agent(agent);
        }
        let default = Reception::default();
        let reception = reception.unwrap_or(&default);
        if let Some(why) = reception.turns_away(since, before, now) {
            return Reply::Turned(why);
        }
        let skills = group.published.values().filter(|skill| skill.active).map(|skill| since + TimeDelta::seconds(skill.delay_s));
        let next = skills.filter(|at| *at > now).min().unwrap_or(since + LONGEST_WAIT);
        Reply::Wait(next.min(since + reception.patience()))
    }

    /// A caller goes elsewhere, or is hung up on where the telephone system cannot send him.
    fn send_away(&self, ledger: &mut Ledger, known: &Known, call: Uuid, to: Option<&Number>) {
        let account = ledger.account.clone();
        let deflect = to.map(|number| Command::Deflect { number: number.clone() }).filter(|_| driver(&account, Verb::Deflect).is_ok());
        let command = deflect.unwrap_or(Command::Hangup);
        if let Ok(driven) = driver(&account, command.verb()) {
            let _ = self.order(ledger, known, call, &driven, command);
        }
    }
}

/// What becomes of a caller.
enum Reply {
    /// He is offered to this agent.
    Agent(String),
    /// He waits; something may be different then.
    Wait(DateTime<Utc>),
    /// He is not kept waiting.
    Turned(Turned),
}

/// Has a caller who waits looked at again at that time, whatever else happens.
fn look_again(ledger: &mut Ledger, known: &mut Known, call: Uuid, at: DateTime<Utc>) {
    if let Some(attempt) = known.calls.get_mut(&call).and_then(|call| call.attempts.last_mut())
        && attempt.handling.ask_at != Some(at)
    {
        attempt.handling.ask_at = Some(at);
        ledger.touch(call);
    }
}

fn to_agent(call: Uuid, account: &Account, login: &str, until: DateTime<Utc>) -> Done {
    let extension = station(account, login).and_then(|station| station.extension);
    Done::Routed(Route { call, answer: RouteAnswer::Agent { login: login.to_owned(), extension, until } })
}

fn turned(call: Uuid, account: &Account, group: &RingGroup, why: Turned, now: DateTime<Utc>) -> Done {
    let reception = group.reception.as_ref();
    let to = reception.and_then(|reception| reception.elsewhere(why)).cloned();
    let opens = reception.filter(|_| why == Turned::Closed).and_then(|reception| reception.opens(account.setup.options.zone, now));
    Done::Routed(Route { call, answer: RouteAnswer::Turned { why, to, opens } })
}

/// Who is asked after a caller has waited for so long: of the skills whose delay is over, the smallest priority first, and in it
/// whoever has been free the longest. A group without skills is everybody's.
fn next_agent(account: &Account, floor: &Floor, group: &RingGroup, waited: TimeDelta, able: impl Fn(&str) -> bool) -> Option<String> {
    let mut found: Option<(i64, DateTime<Utc>, &str)> = None;
    let mut ask = |priority: i64, login: &str| {
        let (Some(agent), Some(free)) = (account.roster.by_login(login), floor.free_since(login)) else { return };
        let this = (priority, free, agent.login.as_str());
        if found.is_none_or(|best| this < best) && able(login) {
            found = Some(this);
        }
    };
    if group.published.is_empty() {
        account.roster.all().iter().for_each(|agent| ask(0, &agent.login));
    }
    let asked = |priority: &SkillPriority| priority.active && TimeDelta::seconds(priority.delay_s) <= waited;
    for (name, priority) in group.published.iter().filter(|(_, priority)| asked(priority)) {
        let who = account.setup.skills.get(name).map_or(&[][..], |skill| &skill.agents);
        who.iter().for_each(|login| ask(priority.priority, login));
    }
    found.map(|(_, _, login)| login.to_owned())
}
