//! Applies the law of pacing: who covers what, which calls get an agent, which are cancelled, and what of them is counted.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use uuid::Uuid;

use super::{
    apply::Desk,
    floor::{Floor, Live},
    ledger::{Known, Ledger},
    wishes::{driver, station, told},
};
use crate::{
    app::directory::Account,
    domain::{
        call::Direction,
        dialing::{Dialing, Mode as DialingMode},
        order::{Command, Verb},
        pacing::{
            self, Budget, Connection, Cover, Estimates, Forecast, Leave, Limit, Limits, Mode, Plan, Predictor, Situation, Stage, Standing,
            Tally,
        },
        presence::AgentState,
    },
    store::pace::TallyRow,
};

/// How campaigns have done, and what was learnt from it.
#[derive(Default)]
pub(in crate::app) struct Records {
    tallies: HashMap<(String, NaiveDate), Tally>,
    estimates: HashMap<String, Estimates>,
    forecasts: HashMap<String, Forecast>,
}

impl Records {
    /// What the book says.
    pub(in crate::app) fn read(tallies: Vec<TallyRow>, estimates: Vec<(String, String)>) -> Self {
        let day = |row: &TallyRow| NaiveDate::from_epoch_days(i32::try_from(row.day).ok()?);
        let count = |figure: i64| u64::try_from(figure).unwrap_or_default();
        let tally = |row: &TallyRow| Tally { answered: count(row.answered), abandoned: count(row.abandoned) };
        Self {
            tallies: tallies.into_iter().filter_map(|row| Some(((row.campaign.clone(), day(&row)?), tally(&row)))).collect(),
            estimates: estimates.into_iter().filter_map(|(name, json)| Some((name, serde_json::from_str(&json).ok()?))).collect(),
            forecasts: HashMap::new(),
        }
    }

    /// What a campaign may still do.
    pub(in crate::app) fn budget(&self, campaign: &str, now: DateTime<Utc>) -> Budget {
        let days = self.tallies.iter().filter(|((name, _), _)| name == campaign).map(|((_, day), tally)| (*day, *tally));
        Budget::of(Limits::LAW, &days.collect::<Vec<_>>(), now.date_naive())
    }

    fn forecast(&mut self, campaign: &str, ring: TimeDelta) -> &Forecast {
        let estimates = self.estimates.entry(campaign.to_owned()).or_default();
        self.forecasts.entry(campaign.to_owned()).or_insert_with(|| Forecast::new(estimates, ring))
    }

    fn learn(&mut self, campaign: &str, what: impl FnOnce(&mut Estimates)) {
        what(self.estimates.entry(campaign.to_owned()).or_default());
        self.forecasts.remove(campaign);
    }

    /// The figures to write.
    pub(super) fn rows(&self, of: &BTreeSet<(String, NaiveDate)>) -> Vec<TallyRow> {
        let row = |key: &(String, NaiveDate)| {
            let Tally { answered, abandoned } = *self.tallies.get(key)?;
            let count = |figure: u64| i64::try_from(figure).unwrap_or(i64::MAX);
            Some(TallyRow {
                campaign: key.0.clone(),
                day: i64::from(key.1.to_epoch_days()),
                answered: count(answered),
                abandoned: count(abandoned),
            })
        };
        of.iter().filter_map(row).collect()
    }

    /// What was learnt of these campaigns, as JSON.
    pub(super) fn learnt(&self, of: &BTreeSet<String>) -> Vec<(String, String)> {
        let json = |name: &String| Some((name.clone(), serde_json::to_string(self.estimates.get(name)?).ok()?));
        of.iter().filter_map(json).collect()
    }
}

/// A campaign at one moment, as the law of pacing sees it, with the calls that may be cancelled in the order of the situation.
struct Moment {
    mode: Mode,
    budget: Budget,
    agents: Vec<Standing>,
    calls: Vec<pacing::Call>,
    ids: Vec<Uuid>,
    /// Of each call whether it is the campaign's own.
    own: Vec<bool>,
    ring: TimeDelta,
    now: DateTime<Utc>,
}

impl Moment {
    fn situation(&self) -> Situation<'_> {
        Situation {
            now: self.now,
            mode: self.mode,
            budget: &self.budget,
            agents: &self.agents,
            calls: &self.calls,
            ring: self.ring,
            lines: None,
        }
    }
}

/// The logins who serve a campaign.
pub(in crate::app) fn crew<'a>(account: &'a Account, dialing: &'a Dialing) -> Vec<&'a str> {
    let all = account.roster.all().iter().map(|agent| agent.login.as_str());
    match &dialing.skill {
        None => all.collect(),
        Some(skill) => {
            let able: BTreeSet<&str> =
                account.setup.skills.get(skill).into_iter().flat_map(|skill| skill.agents.iter().map(String::as_str)).collect();
            all.filter(|login| able.contains(login)).collect()
        }
    }
}

fn mode_of(dialing: &Dialing) -> Mode {
    match dialing.mode {
        DialingMode::Preview => Mode::Preview,
        DialingMode::Progressive => Mode::Progressive,
        DialingMode::Predictive => Mode::Predictive(Predictor::Forecast),
    }
}

fn standing(floor: &Floor, login: &str) -> Option<Standing> {
    let presence = floor.presence_of(login).filter(|presence| presence.is_signed_in())?;
    let returns = presence.mode == crate::domain::presence::Mode::Ready && presence.next.is_none();
    Some(match floor.busy(login) {
        None if returns => Standing::Ready,
        None if presence.leaves_since().is_some() => Standing::Leaving,
        Some((AgentState::OnCall, call)) if returns => Standing::Talking { since: floor.since(call)? },
        Some((AgentState::WrapUp, call)) if returns => Standing::WrappingUp { since: floor.since(call)? },
        _ => Standing::Away,
    })
}

fn stage(live: &Live) -> Stage {
    match (live.answered_at, live.rings_since) {
        (Some(at), _) => Stage::Answered { at },
        (None, Some(since)) => Stage::Ringing { since },
        (None, None) => Stage::Dialing,
    }
}

impl Desk<'_> {
    /// The campaign now. Calls of other campaigns count too when one of its agents may get them: an agent covers one call only.
    fn moment(&self, account: &Account, floor: &Floor, campaign: &str, dialing: &Dialing) -> Moment {
        let now = self.clock.now();
        let crew = crew(account, dialing);
        let members: BTreeSet<&str> = crew.iter().copied().collect();
        let mut shares: HashMap<&str, bool> = HashMap::new();
        let mut overlaps = |name: &str| match account.setup.campaigns.entry(name) {
            None => name == campaign,
            Some((spelt, other)) => *shares.entry(spelt).or_insert_with(|| {
                spelt == campaign
                    || other.dialing.as_ref().is_some_and(|other| self::crew(account, other).iter().any(|login| members.contains(login)))
            }),
        };
        let mut flying: Vec<(Uuid, pacing::Call, bool)> = Vec::new();
        for (id, live) in floor.ahead() {
            let Some((_, of)) = live.lead.as_ref().filter(|_| live.agent.is_none() && !live.is_given_up) else { continue };
            if overlaps(of) {
                flying.push((*id, pacing::Call { launched: live.launched_at, stage: stage(live) }, of == campaign));
            }
        }
        flying.sort_unstable_by_key(|(id, ..)| *id);
        Moment {
            mode: mode_of(dialing),
            budget: floor.records.budget(campaign, now),
            agents: crew.into_iter().filter_map(|login| standing(floor, login)).collect(),
            calls: flying.iter().map(|(_, call, _)| *call).collect(),
            ids: flying.iter().map(|(id, ..)| *id).collect(),
            own: flying.iter().map(|(.., own)| *own).collect(),
            ring: TimeDelta::seconds(dialing.ring_s),
            now,
        }
    }

    /// How many lines to open for a campaign now, and why not more.
    pub(super) fn plan(&self, account: &Account, floor: &mut Floor, campaign: &str, dialing: &Dialing) -> Plan {
        let moment = self.moment(account, floor, campaign, dialing);
        let mut plan = pacing::plan(&moment.situation(), floor.records.forecast(campaign, moment.ring));
        // an agent covers one call only: what is opened here must not uncover what another campaign has opened for the same agents
        let others: BTreeSet<&str> = floor.ahead().filter_map(|(_, live)| Some(live.lead.as_ref()?.1.as_str())).collect();
        for other in others.into_iter().filter(|other| *other != campaign) {
            let Some(terms) = account.setup.campaigns.get(other).and_then(|other| other.dialing.as_ref()) else { continue };
            let theirs = self.moment(account, floor, other, terms);
            let shares = theirs.ids.iter().zip(&theirs.own).any(|(id, own)| *own && moment.ids.contains(id));
            let room = Cover::of(&theirs.agents, &theirs.calls).headroom(theirs.mode, &theirs.budget);
            if shares && plan.open > room {
                (plan.open, plan.limit) = (room, Limit::BudgetUsedUp);
            }
        }
        plan
    }

    /// Whether a call that is being dialed counts on this agent, so that he cannot leave now.
    pub(super) fn is_needed(&self, ledger: &Ledger, known: &Known, login: &str) -> bool {
        let Some(floor) = &known.floor else { return false };
        if floor.ahead().next().is_none() || floor.free_since(login).is_none() && !floor.is_leaving(login) {
            return false;
        }
        let account = &ledger.account;
        account.setup.campaigns.iter().any(|(name, campaign)| {
            let Some(dialing) = campaign.dialing.as_ref().filter(|dialing| crew(account, dialing).contains(&login)) else { return false };
            let mut moment = self.moment(account, floor, name, dialing);
            if !floor.is_leaving(login)
                && let Some(ready) = moment.agents.iter_mut().find(|standing| **standing == Standing::Ready)
            {
                *ready = Standing::Leaving;
            }
            pacing::may_pause(&moment.situation(), floor.asked_to_leave(login).unwrap_or(moment.now)) != Leave::Now
        })
    }

    /// Lets go whom no call in flight needs any more, and cancels calls that lost their cover.
    pub(super) fn rebalance(&self, ledger: &mut Ledger, known: &mut Known) {
        let leaving: Vec<String> = known.floor.iter().flat_map(Floor::leaving).map(str::to_owned).collect();
        for login in leaving {
            if !self.is_needed(ledger, known, &login) {
                self.let_go(ledger, known, &login);
            }
        }
        let account = ledger.account.clone();
        let ahead = known.floor.iter().flat_map(Floor::ahead).filter(|(_, live)| live.agent.is_none());
        let campaigns: BTreeSet<String> = ahead.filter_map(|(_, live)| Some(live.lead.clone()?.1)).collect();
        // one after the other: what one campaign gives up may be the cover that the next one misses
        for name in campaigns {
            for call in self.uncovered(&account, known, &name) {
                self.give_up(ledger, known, call);
            }
        }
    }

    /// The calls of a campaign that have lost their cover.
    fn uncovered(&self, account: &Account, known: &Known, campaign: &str) -> Vec<Uuid> {
        let terms = account.setup.campaigns.get(campaign).and_then(|campaign| campaign.dialing.as_ref());
        let (Some(floor), Some(terms)) = (&known.floor, terms) else { return vec![] };
        let moment = self.moment(account, floor, campaign, terms);
        let places = pacing::to_cancel(&moment.situation(), |place| moment.own[place]);
        places.into_iter().filter_map(|place| moment.ids.get(place).copied()).collect()
    }

    /// Hangs up a call that nobody will take.
    pub(super) fn give_up(&self, ledger: &mut Ledger, known: &mut Known, call: Uuid) {
        let account = ledger.account.clone();
        let Ok(driven) = driver(&account, Verb::Hangup) else { return };
        if let Some(found) = known.calls.get_mut(&call).filter(|call| !call.newest().handling.given_up)
            && let Some(attempt) = found.attempts.last_mut()
        {
            attempt.handling.given_up = true;
            let _ = self.change(ledger, known, call, |_, _| Ok(crate::domain::call::Heard { facts: vec![], store: true }));
            let _ = self.order(ledger, known, call, &driven, Command::Hangup);
        }
    }

    /// Gives calls that somebody answered to agents who are free, whoever waits the longest first on both sides.
    pub(super) fn connect_waiting(&self, ledger: &mut Ledger, known: &mut Known) {
        let account = ledger.account.clone();
        let waiting: Vec<(Uuid, String)> = known.floor.iter().flat_map(Floor::answered_ahead).collect();
        for (call, campaign) in waiting {
            let Ok(driven) = driver(&account, Verb::Connect) else { return };
            let Some(floor) = &known.floor else { return };
            let Some(dialing) = account.setup.campaigns.get(&campaign).and_then(|campaign| campaign.dialing.as_ref()) else { continue };
            let able = crew(&account, dialing);
            let free = able.iter().filter_map(|login| Some((floor.free_since(login)?, *login))).min();
            // who covers and wants to leave takes one of the calls he covers, and leaves after it
            let agent = free.map(|(_, login)| login).or_else(|| able.iter().copied().find(|login| floor.is_leaving(login)));
            let Some(station) = agent.and_then(|login| station(&account, login)) else { continue };
            let Some(number) = known.calls.get(&call).and_then(|call| Some(call.intent.as_ref()?.number.clone())) else { continue };
            let told = told(Direction::CcOutbound, &number, &station);
            if self.change(ledger, known, call, |attempt, now| Ok(attempt.assign(&told, now))).is_ok() {
                let _ = self.order(ledger, known, call, &driven, Command::Connect { station });
            }
        }
    }

    /// Counts a call that was dialed ahead, once it is decided: connected, or abandoned.
    pub(super) fn count(&self, ledger: &mut Ledger, known: &mut Known, id: Uuid) {
        let now = self.clock.now();
        let Some(call) = known.calls.get_mut(&id) else { return };
        let Some(campaign) = call.intent.as_ref().and_then(|intent| intent.lead.as_ref()).map(|lead| lead.campaign.clone()) else { return };
        let started = call.created_at;
        let Some(attempt) = call.attempts.last_mut().filter(|attempt| attempt.handling.is_ahead) else { return };
        let (line, handling) = (&attempt.line, &mut attempt.handling);
        let Some(records) = known.floor.as_mut().map(|floor| &mut floor.records) else { return };
        let mut learnt = false;
        if let (Some(answered), false) = (line.answered_at, handling.counted) {
            let decided = match Connection::judge(answered, handling.assigned_at, line.ended_at, now) {
                Connection::Waiting { .. } if handling.abandoned => Some(true),
                Connection::Waiting { .. } => None,
                Connection::Connected => Some(false),
                Connection::Abandoned => Some(true),
            };
            if let Some(abandoned) = decided {
                handling.counted = true;
                let key = (campaign.clone(), now.date_naive());
                let tally = records.tallies.entry(key.clone()).or_default();
                *tally = tally.and(abandoned);
                ledger.tallies.insert(key);
                records.learn(&campaign, |estimates| estimates.answered(answered - started));
                learnt = true;
            }
        }
        if let (Some(ended), true, false) = (line.ended_at, handling.finished_at.is_some(), handling.learnt) {
            handling.learnt = true;
            learnt = true;
            records.learn(&campaign, |estimates| match (line.answered_at, handling.assigned_at) {
                (Some(_), Some(talks)) => {
                    estimates.talked(ended - talks);
                    estimates.wrapped_up(handling.finished_at.map_or(TimeDelta::zero(), |finished| finished - ended));
                }
                (None, _) if !handling.given_up => estimates.unanswered(ended - started),
                _ => {}
            });
        }
        if learnt {
            ledger.learnt.insert(campaign);
            ledger.touch(id);
        }
    }
}
