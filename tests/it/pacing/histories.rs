//! Random histories of a campaign: whatever people, agents and telephones do, none of our decisions breaks the law. Only lost
//! cover can, and then what is not answered yet is cancelled.

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use cti_gateway::domain::pacing::{
    Budget, Call, Connection, Cover, Estimates, Forecast, Leave, Limits, Mode, Predictor, Situation, Stage, Standing, Tally, may_pause,
    plan, to_cancel,
};
use proptest::{prelude::*, sample::Index};

use super::{FORECAST, GREEDY, RING, at, law, today};

/// What happens.
#[derive(Clone, Debug)]
enum Happening {
    /// Time passes, in milliseconds; who waits too long is abandoned, who asked to leave may go.
    Time(i64),
    /// The dialer looks.
    Dial,
    /// Claims so many leads, as whoever wants everything would: only the exact part of the law stands in the way.
    Claims(u32),
    Answered(Index),
    Unanswered(Index),
    TalkEnds(Index),
    WrapUpEnds(Index),
    AsksToPause(Index),
    /// Back from a pause.
    Returns(Index),
    /// An inbound call asks for a ready agent.
    Inbound(Index),
    Midnight,
    Switch(Mode),
    /// An agent's socket dies.
    Crash(Index),
}

fn happenings(with_crashes: bool) -> impl Strategy<Value = Vec<Happening>> {
    let index = any::<Index>;
    let modes =
        prop::sample::select(vec![GREEDY, FORECAST, GREEDY, Mode::Predictive(Predictor::Ratio(300)), Mode::Progressive, Mode::Preview]);
    let happening = prop_oneof![
        8 => (0..4_000_i64).prop_map(Happening::Time),
        8 => Just(Happening::Dial),
        3 => (1..5_u32).prop_map(Happening::Claims),
        10 => index().prop_map(Happening::Answered),
        6 => index().prop_map(Happening::Unanswered),
        6 => index().prop_map(Happening::TalkEnds),
        6 => index().prop_map(Happening::WrapUpEnds),
        4 => index().prop_map(Happening::AsksToPause),
        3 => index().prop_map(Happening::Returns),
        2 => index().prop_map(Happening::Inbound),
        1 => Just(Happening::Midnight),
        1 => modes.prop_map(Happening::Switch),
        2 => index().prop_map(move |which| if with_crashes { Happening::Crash(which) } else { Happening::Dial }),
    ];
    prop::collection::vec(happening, 1..120)
}

/// Days before today that kept the law: answered, and how much of the three percent was abandoned.
fn days() -> impl Strategy<Value = Vec<(NaiveDate, Tally)>> {
    let day = (0..32_u64, 0..400_u64, 0..=100_u64).prop_map(|(ago, answered, part)| {
        let day = today().checked_sub_days(Days::new(ago)).expect("a day");
        (day, Tally { answered, abandoned: answered * 3 * part / 10_000 })
    });
    prop::collection::vec(day, 0..6)
}

struct Agent {
    standing: Standing,
    /// When he asked to leave.
    asked: DateTime<Utc>,
}

struct Campaign {
    now: DateTime<Utc>,
    today: NaiveDate,
    mode: Mode,
    days: Vec<(NaiveDate, Tally)>,
    agents: Vec<Agent>,
    calls: Vec<Call>,
    estimates: Estimates,
    forecast: Forecast,
    /// How often something happened that a test of this kind must meet.
    met: Met,
}

#[derive(Clone, Copy, Debug, Default)]
struct Met {
    over_dialed: u32,
    full: u32,
    abandoned: u32,
    deferred: u32,
    released: u32,
    cancelled: u32,
    broken_by_crash: u32,
}

impl Campaign {
    fn new(agents: usize, days: Vec<(NaiveDate, Tally)>) -> Self {
        let agents = (0..agents).map(|_| Agent { standing: Standing::Ready, asked: at(0) }).collect();
        let (calls, estimates, met) = (vec![], Estimates::default(), Met::default());
        let forecast = Forecast::new(&estimates, RING);
        Self { now: at(0), today: today(), mode: GREEDY, days, agents, calls, estimates, forecast, met }
    }

    /// The tally of the thirty days that end so many days from today, counted here and not by the law.
    fn tally(&self, ahead: i64) -> Tally {
        let last = self.today + TimeDelta::days(ahead);
        let mut sum = Tally::default();
        for (_, tally) in self.days.iter().filter(|(day, _)| (last - *day).num_days() < 30) {
            sum.answered += tally.answered;
            sum.abandoned += tally.abandoned;
        }
        sum
    }

    fn uncovered(&self) -> u32 {
        let ready = self.agents.iter().filter(|agent| matches!(agent.standing, Standing::Ready | Standing::Leaving)).count();
        u32::try_from(self.calls.len().saturating_sub(ready)).expect("few")
    }

    fn holds_today(&self) -> bool {
        law(self.tally(0), self.uncovered())
    }

    /// Today, and when the oldest day is gone.
    fn holds(&self) -> bool {
        self.holds_today() && law(self.tally(1), self.uncovered())
    }

    fn budget(&self) -> Budget {
        Budget::of(Limits::LAW, &self.days, self.today)
    }

    fn ask<T>(&self, question: impl FnOnce(&Situation<'_>) -> T) -> T {
        let agents: Vec<Standing> = self.agents.iter().map(|agent| agent.standing).collect();
        let budget = self.budget();
        let (now, mode, calls) = (self.now, self.mode, &self.calls);
        question(&Situation { now, mode, budget: &budget, agents: &agents, calls, ring: RING, lines: None })
    }

    /// One of the agents that are so.
    fn agent(&self, which: &Index, so: fn(&Standing) -> bool) -> Option<usize> {
        let found: Vec<usize> = (0..self.agents.len()).filter(|agent| so(&self.agents[*agent].standing)).collect();
        (!found.is_empty()).then(|| found[which.index(found.len())])
    }

    /// One of the calls that nobody answered yet.
    fn unanswered(&self, which: &Index) -> Option<usize> {
        let found: Vec<usize> = (0..self.calls.len()).filter(|call| !matches!(self.calls[*call].stage, Stage::Answered { .. })).collect();
        (!found.is_empty()).then(|| found[which.index(found.len())])
    }

    fn decided(&mut self, abandoned: bool) {
        match self.days.iter_mut().find(|(day, _)| *day == self.today) {
            Some((_, tally)) => *tally = tally.and(abandoned),
            None => self.days.push((self.today, Tally::default().and(abandoned))),
        }
        self.met.abandoned += u32::from(abandoned);
    }

    /// Whoever stays first.
    fn free(&self) -> Option<usize> {
        let so = |wanted: Standing| self.agents.iter().position(|agent| agent.standing == wanted);
        so(Standing::Ready).or_else(|| so(Standing::Leaving))
    }

    /// Brings those who wait to those who are ready.
    fn connect(&mut self) {
        let waits = |call: &Call| matches!(call.stage, Stage::Answered { .. });
        while let (Some(call), Some(agent)) = (self.calls.iter().position(waits), self.free()) {
            self.calls.remove(call);
            self.agents[agent].standing = Standing::Talking { since: self.now };
            self.decided(false);
        }
    }

    /// Time passes, no further than to the next who is abandoned or may leave.
    fn pass(&mut self, time: i64) {
        self.now += TimeDelta::milliseconds(time);
        for call in (0..self.calls.len()).rev() {
            if let Stage::Answered { at } = self.calls[call].stage
                && Connection::judge(at, None, None, self.now) == Connection::Abandoned
            {
                self.calls.remove(call);
                self.decided(true);
            }
            // no telephone rings for ever
            else if self.now - self.calls[call].launched > RING && !matches!(self.calls[call].stage, Stage::Answered { .. }) {
                self.calls.remove(call);
            }
        }
    }

    /// Lets those go who may; each is a decision of its own.
    fn release(&mut self) -> Result<(), TestCaseError> {
        for agent in 0..self.agents.len() {
            if self.agents[agent].standing != Standing::Leaving {
                continue;
            }
            let asked = self.agents[agent].asked;
            match self.ask(|situation| may_pause(situation, asked)) {
                Leave::Now => {
                    let before = (self.holds(), self.uncovered());
                    self.agents[agent].standing = Standing::Away;
                    self.met.released += 1;
                    self.decision(before, "a pause")?;
                }
                Leave::Deferred { calls, .. } => {
                    prop_assert!(calls > 0, "deferred for nothing");
                    self.met.deferred += 1;
                }
            }
        }
        Ok(())
    }

    /// A decision of ours: the law holds after it, or it was broken before and this has not made it worse.
    fn decision(&self, (held, uncovered): (bool, u32), what: &str) -> Result<(), TestCaseError> {
        let no_worse = !held && self.uncovered() <= uncovered;
        prop_assert!(self.holds() || no_worse, "{what} broke the law: {:?}, {} uncovered", self.tally(0), self.uncovered());
        Ok(())
    }

    fn dial(&mut self) -> Result<(), TestCaseError> {
        let planned = self.ask(|situation| plan(situation, &self.forecast));
        for _ in 0..planned.open {
            self.launch("a launch")?;
        }
        self.met.over_dialed += u32::from(planned.open > 0 && self.uncovered() > 0);
        let more = law(self.tally(0), self.uncovered() + 1) && law(self.tally(1), self.uncovered() + 1);
        self.met.full += u32::from(!more && self.uncovered() > 0);
        let leaving = self.agents.iter().any(|agent| agent.standing == Standing::Leaving);
        prop_assert!(self.mode != GREEDY || leaving || !more || planned.cover.ready == 0, "the budget is there to be used: {planned:?}");
        Ok(())
    }

    fn launch(&mut self, what: &str) -> Result<(), TestCaseError> {
        let before = (self.holds(), self.uncovered());
        self.calls.push(Call { launched: self.now, stage: Stage::Dialing });
        self.decision(before, what)
    }

    fn crash(&mut self, which: &Index) -> Result<(), TestCaseError> {
        let Some(agent) = self.agent(which, |_| true) else { return Ok(()) };
        self.agents[agent].standing = Standing::Away;
        self.met.broken_by_crash += u32::from(!self.holds());
        let mut cancelled = self.ask(|situation| to_cancel(situation, |_| true));
        cancelled.sort_unstable();
        self.met.cancelled += u32::from(!cancelled.is_empty());
        for call in cancelled.into_iter().rev() {
            prop_assert!(!matches!(self.calls[call].stage, Stage::Answered { .. }), "who answered is not cancelled");
            self.calls.remove(call);
        }
        let all_answered = self.calls.iter().all(|call| matches!(call.stage, Stage::Answered { .. }));
        prop_assert!(self.holds() || all_answered || self.uncovered() == 0, "what was not answered is cancelled");
        Ok(())
    }

    fn happen(&mut self, happening: &Happening) -> Result<(), TestCaseError> {
        match happening {
            Happening::Time(time) => self.pass(*time),
            Happening::Dial => self.dial()?,
            Happening::Claims(leads) => {
                for _ in 0..*leads {
                    if self.ask(|now| Cover::of(now.agents, now.calls).headroom(now.mode, now.budget)) > 0 {
                        self.launch("a claim")?;
                    }
                }
            }
            Happening::Answered(which) => {
                if let Some(call) = self.unanswered(which) {
                    self.estimates.answered(self.now - self.calls[call].launched);
                    self.calls[call].stage = Stage::Answered { at: self.now };
                }
            }
            Happening::Unanswered(which) => {
                if let Some(call) = self.unanswered(which) {
                    self.estimates.unanswered(self.now - self.calls[call].launched);
                    self.calls.remove(call);
                }
            }
            Happening::TalkEnds(which) => {
                if let Some(agent) = self.agent(which, |standing| matches!(standing, Standing::Talking { .. })) {
                    self.agents[agent].standing = Standing::WrappingUp { since: self.now };
                }
            }
            Happening::WrapUpEnds(which) => {
                if let Some(agent) = self.agent(which, |standing| matches!(standing, Standing::WrappingUp { .. })) {
                    self.agents[agent].standing = Standing::Ready;
                }
            }
            Happening::AsksToPause(which) => {
                if let Some(agent) = self.agent(which, |standing| matches!(standing, Standing::Ready)) {
                    self.agents[agent] = Agent { standing: Standing::Leaving, asked: self.now };
                }
            }
            Happening::Returns(which) => {
                if let Some(agent) = self.agent(which, |standing| matches!(standing, Standing::Away)) {
                    self.agents[agent].standing = Standing::Ready;
                }
            }
            Happening::Inbound(which) => self.inbound(which)?,
            Happening::Midnight => self.today = self.today + Days::new(1),
            Happening::Switch(mode) => {
                self.mode = *mode;
                self.forecast = Forecast::new(&self.estimates, RING);
            }
            Happening::Crash(which) => self.crash(which)?,
        }
        self.connect();
        self.release()
    }

    /// A ready agent for somebody who calls: only one who covers nothing.
    fn inbound(&mut self, which: &Index) -> Result<(), TestCaseError> {
        let Some(agent) = self.agent(which, |standing| matches!(standing, Standing::Ready)) else { return Ok(()) };
        self.agents[agent].standing = Standing::Leaving;
        if self.ask(|situation| may_pause(situation, situation.now)) == Leave::Now {
            let before = (self.holds(), self.uncovered());
            self.agents[agent].standing = Standing::Talking { since: self.now };
            return self.decision(before, "an inbound call");
        }
        self.agents[agent].standing = Standing::Ready;
        Ok(())
    }
}

/// Plays a history; the law is looked at after everything that happens.
fn play(agents: usize, days: Vec<(NaiveDate, Tally)>, history: &[Happening]) -> Result<Met, TestCaseError> {
    let mut campaign = Campaign::new(agents, days);
    let mut crashed = false;
    for happening in history {
        let held = campaign.holds();
        campaign.happen(happening)?;
        crashed |= matches!(happening, Happening::Crash(_));
        if matches!(happening, Happening::Midnight) {
            // a day leaves the window, which is nobody's decision; what was in flight was fit for it
            prop_assert!(campaign.holds_today() || !held, "midnight broke the law");
        } else if !crashed {
            prop_assert!(campaign.holds() || !held, "{happening:?} broke the law: {:?}", campaign.tally(0));
        }
    }
    Ok(campaign.met)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_decision_of_ours_breaks_the_law((agents, days, history) in (0..7_usize, days(), happenings(false))) {
        play(agents, days, &history)?;
    }

    #[test]
    fn after_lost_cover_what_is_not_answered_is_cancelled((agents, days, history) in (0..7_usize, days(), happenings(true))) {
        play(agents, days, &history)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    #[ignore = "slow"]
    fn no_decision_of_ours_breaks_the_law_100_000_times((agents, days, history) in (0..40_usize, days(), happenings(false))) {
        play(agents, days, &history)?;
    }
}

/// Histories that meet nothing show nothing.
#[test]
fn the_histories_meet_what_they_are_about() {
    use proptest::{strategy::ValueTree, test_runner::TestRunner};
    let mut runner = TestRunner::deterministic();
    let mut all = Met::default();
    for _ in 0..200 {
        let (agents, days, history) = (0..7_usize, days(), happenings(true)).new_tree(&mut runner).expect("a history").current();
        let met = play(agents, days, &history).expect("the law holds");
        all.over_dialed += met.over_dialed;
        all.full += met.full;
        all.abandoned += met.abandoned;
        all.deferred += met.deferred;
        all.released += met.released;
        all.cancelled += met.cancelled;
        all.broken_by_crash += met.broken_by_crash;
    }
    let Met { over_dialed, full, abandoned, deferred, released, cancelled, broken_by_crash } = all;
    for count in [over_dialed, full, abandoned, deferred, released, cancelled, broken_by_crash] {
        assert!(count >= 20, "{all:?}");
    }
}

/// An agent who asks for a pause has it before a telephone that rings now has rung out.
#[test]
fn nobody_waits_for_his_pause_longer_than_a_telephone_rings() {
    let days = vec![(today(), Tally { answered: 2_000, abandoned: 0 })];
    let mut campaign = Campaign::new(3, days);
    campaign.dial().expect("lawful");
    assert!(campaign.uncovered() > 20, "the dialer is busy");
    campaign.agents[1] = Agent { standing: Standing::Leaving, asked: campaign.now };
    let until = match campaign.ask(|situation| may_pause(situation, situation.now)) {
        Leave::Deferred { until, .. } => until,
        Leave::Now => panic!("he covers"),
    };
    // the dialer goes on all the time
    while campaign.now < until {
        campaign.pass(500);
        campaign.dial().expect("lawful");
        campaign.release().expect("lawful");
    }
    assert_eq!(campaign.agents[1].standing, Standing::Away);
    assert!(!campaign.calls.is_empty(), "although calls are in flight, which did not count on him");
}
