//! The pacing law: the budget to the last call, what the dialer opens and why not one more, who may leave, what is cancelled.

mod forecast;
mod histories;

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use cti_gateway::domain::pacing::{
    Budget, CAP, Call, Connection, Cover, Estimates, Forecast, Leave, Limit, Limits, Mode, Plan, Predictor, Share, Situation, Stage,
    Standing, TARGET, Tally, may_pause, plan, to_cancel,
};

const RING: TimeDelta = TimeDelta::seconds(25);
/// A predictor that wants everything: what is left is the law.
const GREEDY: Mode = Mode::Predictive(Predictor::Ratio(u32::MAX));
const FORECAST: Mode = Mode::Predictive(Predictor::Forecast);

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_000) + TimeDelta::seconds(seconds)
}

fn today() -> NaiveDate {
    at(0).date_naive()
}

/// The budget with so many calls today.
fn budget(answered: u64, abandoned: u64) -> Budget {
    Budget::of(Limits::LAW, &[(today(), Tally { answered, abandoned })], today())
}

fn ringing(since: i64) -> Call {
    Call { launched: at(since), stage: Stage::Ringing { since: at(since) } }
}

/// At second 0.
fn situation<'a>(mode: Mode, budget: &'a Budget, agents: &'a [Standing], calls: &'a [Call]) -> Situation<'a> {
    Situation { now: at(0), mode, budget, agents, calls, ring: RING, lines: None }
}

fn planned(mode: Mode, budget: &Budget, agents: &[Standing], calls: &[Call]) -> Plan {
    plan(&situation(mode, budget, agents, calls), &Forecast::new(&Estimates::default(), RING))
}

/// The law as it is written, apart from the code.
fn law(tally: Tally, uncovered: u32) -> bool {
    let (answered, abandoned, uncovered) = (i128::from(tally.answered), i128::from(tally.abandoned), i128::from(uncovered));
    100 * (abandoned + uncovered) <= 3 * (answered + uncovered)
}

#[test]
fn the_budget_is_used_to_the_last_call_and_not_beyond() {
    for answered in (0..4_000).step_by(7) {
        for abandoned in 0..150 {
            let (budget, tally) = (budget(answered, abandoned), Tally { answered, abandoned });
            let room = budget.room();
            assert!(room == 0 || law(tally, room), "{tally:?}: {room} are too many");
            assert!(!law(tally, room + 1), "{tally:?}: {room} are too few");
            for uncovered in [0, 1, room, room + 1] {
                assert_eq!(budget.holds(uncovered), law(tally, uncovered), "{tally:?} {uncovered}");
            }
        }
    }
    assert_eq!([0, 32, 33, 100, 1_000].map(|answered| budget(answered, 0).room()), [0, 0, 1, 3, 30]);
    let much = budget(u64::MAX, 0);
    assert_eq!((much.room(), much.holds(u32::MAX)), (u32::MAX, true));
    assert_eq!((budget(u64::MAX, u64::MAX).room(), budget(0, u64::MAX).room()), (0, 0));
}

#[test]
fn the_tally_reaches_over_thirty_days_and_is_safe_over_midnight() {
    let day = |ago: u64| today().checked_sub_days(Days::new(ago)).expect("a day");
    let with = |days: &[(u64, u64, u64)]| {
        let days = days.iter().map(|(ago, answered, abandoned)| (day(*ago), Tally { answered: *answered, abandoned: *abandoned }));
        Budget::of(Limits::LAW, &days.collect::<Vec<_>>(), today())
    };
    assert_eq!(with(&[(28, 1_000, 0)]).room(), 30);
    assert_eq!(with(&[(29, 1_000, 0)]).room(), 0, "it leaves the window tonight, and a call may be in flight then");
    assert_eq!(with(&[(30, 1_000, 0)]).room(), 0, "no more in the window");
    assert_eq!(with(&[(29, 0, 20), (1, 1_000, 0)]).room(), 10, "what was abandoned counts to the last day");
    assert_eq!(with(&[(30, 0, 20), (1, 1_000, 0)]).room(), 30);
    let two = with(&[(3, 500, 7), (0, 400, 2)]);
    assert_eq!((two.tally, two.today), (Tally { answered: 900, abandoned: 9 }, Tally { answered: 400, abandoned: 2 }));
    let ahead = Budget::of(Limits::LAW, &[(today() + TimeDelta::days(1), Tally { answered: 0, abandoned: 5 })], today());
    assert_eq!(ahead.tally.abandoned, 5, "by a clock that is ahead");
    for edge in [NaiveDate::MIN, NaiveDate::MAX] {
        assert_eq!(Budget::of(Limits::LAW, &[(edge, Tally { answered: 100, abandoned: 0 })], edge).room(), 3);
    }
}

#[test]
fn a_campaign_may_be_stricter_than_the_law() {
    let share = |basis_points| Share::new(basis_points).expect("a share");
    let limits = Limits::new(share(100), share(50)).expect("stricter");
    assert_eq!((limits.cap(), limits.target()), (share(100), share(50)));
    assert_eq!(Budget::of(limits, &[(today(), Tally { answered: 1_000, abandoned: 0 })], today()).room(), 10);
    let error = |cap, target| Limits::new(share(cap), share(target)).expect_err("laxer").to_string();
    assert_eq!(error(301, 250), "the cap is 3.01 %, expected at most 3 %");
    assert_eq!(error(300, 310), "the target is 3.1 %, expected at most the cap of 3 %");
    assert_eq!((Limits::default(), Limits::new(CAP, TARGET)), (Limits::LAW, Ok(Limits::LAW)));
    assert_eq!([0, 5, 250, 10_000].map(|part| share(part).to_string()), ["0 %", "0.05 %", "2.5 %", "100 %"]);
    assert_eq!(Share::new(10_001), None);
    let nothing = Limits::new(share(0), share(0)).expect("none at all");
    assert_eq!(Budget::of(nothing, &[(today(), Tally { answered: 1_000_000, abandoned: 0 })], today()).room(), 0);
}

#[test]
fn every_reason_not_to_open_one_more() {
    use Standing::{Away, Leaving, Ready};
    let (fresh, known) = (budget(0, 0), budget(1_000, 0));
    let talking = Standing::Talking { since: at(-1) };
    let opened = |mode, budget, agents: &[Standing], calls: &[Call]| {
        let Plan { open, limit, .. } = planned(mode, budget, agents, calls);
        (open, limit)
    };
    assert_eq!(opened(Mode::Preview, &known, &[Ready; 3], &[]), (0, Limit::Preview));
    assert_eq!(opened(Mode::Progressive, &known, &[Ready; 3], &[]), (3, Limit::EnoughInFlight));
    assert_eq!(opened(Mode::Progressive, &known, &[Ready; 3], &[ringing(-5)]), (2, Limit::EnoughInFlight));
    assert_eq!(opened(Mode::Progressive, &known, &[Ready; 3], &[ringing(-5); 5]), (0, Limit::EnoughInFlight));
    assert_eq!(opened(Mode::Progressive, &known, &[talking; 3], &[]), (0, Limit::NoFreeAgent));
    assert_eq!(opened(FORECAST, &known, &[talking; 3], &[]), (0, Limit::NoFreeAgent));
    assert_eq!(opened(GREEDY, &fresh, &[], &[]), (0, Limit::NoAgents));
    assert_eq!(opened(GREEDY, &fresh, &[Away, Leaving], &[]), (0, Limit::NoAgents), "nothing is opened for who leaves");
    assert_eq!(opened(GREEDY, &fresh, &[Ready; 5], &[]), (5, Limit::BudgetUsedUp), "none answered: no line without cover");
    assert_eq!(opened(GREEDY, &known, &[Ready; 5], &[]), (35, Limit::BudgetUsedUp));
    assert_eq!(opened(GREEDY, &known, &[Ready, Leaving], &[ringing(-5); 10]), (21, Limit::BudgetUsedUp));
    let used_up = budget(1_000, 30);
    assert_eq!(opened(GREEDY, &used_up, &[Ready; 2], &[ringing(-5); 2]), (0, Limit::BudgetUsedUp));
    let with = |lines, agents: &[Standing], calls: &[Call]| {
        let situation = Situation { lines: Some(lines), ..situation(GREEDY, &known, agents, calls) };
        let Plan { open, limit, .. } = plan(&situation, &Forecast::new(&Estimates::default(), RING));
        (open, limit)
    };
    assert_eq!(with(12, &[Ready; 5], &[ringing(-5); 4]), (8, Limit::NoLines));
    assert_eq!(with(3, &[Ready; 5], &[ringing(-5); 4]), (0, Limit::NoLines));
    let words: Vec<String> =
        [Limit::Preview, Limit::NoAgents, Limit::NoFreeAgent, Limit::EnoughInFlight, Limit::BudgetUsedUp, Limit::NoLines]
            .iter()
            .map(|limit| format!("{}: {limit}", serde_json::to_value(limit).expect("JSON").as_str().expect("a word")))
            .collect();
    insta::assert_snapshot!(words.join("\n"));
}

#[test]
fn a_plan_is_what_a_receipt_says() {
    let plan = planned(GREEDY, &budget(200, 1), &[Standing::Ready, Standing::Leaving], &[ringing(-3)]);
    insta::assert_json_snapshot!(plan);
}

#[test]
fn a_claim_asks_for_the_exact_part_again() {
    let known = budget(100, 0);
    let headroom = |mode, ready, leaving, in_flight| Cover { ready, leaving, in_flight }.headroom(mode, &known);
    assert_eq!(headroom(Mode::Preview, 5, 0, 0), 0);
    assert_eq!([0, 4, 5, 9].map(|in_flight| headroom(Mode::Progressive, 5, 0, in_flight)), [5, 1, 0, 0]);
    assert_eq!([0, 7, 8, 9].map(|in_flight| headroom(FORECAST, 5, 0, in_flight)), [8, 1, 0, 0]);
    assert_eq!(headroom(FORECAST, 2, 3, 5), 0, "who leaves is no reason to open a line");
    assert_eq!(Cover { ready: 2, leaving: 3, in_flight: 6 }.uncovered(), 1, "and covers what is in flight");
    assert_eq!(headroom(FORECAST, u32::MAX, 0, 0), u32::MAX);
}

#[test]
fn a_pause_waits_for_the_calls_that_count_on_the_agent_and_no_longer() {
    use Standing::{Leaving, Ready};
    let asked = at(0);
    let leave = |mode, budget: &Budget, agents: &[Standing], calls: &[Call], now: i64| {
        may_pause(&Situation { now: at(now), ..situation(mode, budget, agents, calls) }, asked)
    };
    let deferred = |calls, until| Leave::Deferred { calls, until: at(until) };
    let (fresh, known) = (budget(0, 0), budget(1_000, 0));
    assert_eq!(leave(Mode::Progressive, &fresh, &[Leaving], &[], 0), Leave::Now);
    assert_eq!(leave(Mode::Progressive, &fresh, &[Leaving, Ready], &[ringing(-5)], 0), Leave::Now, "another one covers it");
    assert_eq!(leave(Mode::Progressive, &fresh, &[Leaving], &[ringing(-5)], 0), deferred(1, 22));
    assert_eq!(leave(Mode::Progressive, &known, &[Leaving, Ready], &[ringing(-5), ringing(-9)], 0), deferred(1, 22));
    assert_eq!(
        leave(Mode::Progressive, &fresh, &[Leaving, Leaving], &[ringing(-5)], 0),
        deferred(1, 22),
        "of two who leave, neither is sure that the other stays"
    );
    // over-dialed by the budget: he is free when the calls from before are decided, although later ones are in flight
    let calls = [ringing(-5), ringing(-3), ringing(1), ringing(2)];
    assert_eq!(leave(FORECAST, &known, &[Leaving, Ready], &calls, 2), deferred(1, 24));
    assert_eq!(leave(FORECAST, &known, &[Leaving, Ready], &calls[1..], 3), Leave::Now);
    let at_cap = budget(1_000, 30);
    assert_eq!(leave(FORECAST, &at_cap, &[Leaving, Ready], &[ringing(1), ringing(2)], 3), deferred(1, 30), "the law first");
    let waiting = Call { launched: at(-9), stage: Stage::Answered { at: at(0) } };
    assert_eq!(leave(FORECAST, &known, &[Leaving], &[waiting], 1), deferred(1, 18), "a person waits for him");
}

#[test]
fn lost_cover_cancels_what_the_law_asks_for() {
    let dialing = |since| Call { launched: at(since), stage: Stage::Dialing };
    let calls = [
        ringing(-4),
        dialing(-2),
        Call { launched: at(-11), stage: Stage::Answered { at: at(-1) } },
        ringing(-15),
        ringing(-14),
        dialing(-1),
        ringing(-20),
    ];
    let cancelled = |mode, budget: &Budget, ready| to_cancel(&situation(mode, budget, &vec![Standing::Ready; ready], &calls), |_| true);
    let fresh = budget(0, 0);
    assert_eq!(cancelled(FORECAST, &fresh, 7), [0; 0]);
    assert_eq!(cancelled(FORECAST, &fresh, 6), [5]);
    assert_eq!(
        cancelled(FORECAST, &fresh, 0),
        [5, 1, 6, 3, 0, 4],
        "nothing rings yet, the latest first; rang for 15 s, the longest first; the others, the latest first; nobody who answered"
    );
    assert_eq!(cancelled(FORECAST, &budget(100, 0), 0), [5, 1, 6, 3], "three may stay");
    assert_eq!(cancelled(Mode::Progressive, &budget(100, 0), 4), [5, 1, 6], "none may in a mode that never over-dials");
    assert_eq!(cancelled(FORECAST, &budget(1_000, 0), 0), [0; 0]);
}

#[test]
fn abandoned_is_who_has_no_agent_within_two_seconds() {
    let ms = |ms: i64| at(0) + TimeDelta::milliseconds(ms);
    let judge = |connected: Option<i64>, ended: Option<i64>, now| Connection::judge(at(0), connected.map(ms), ended.map(ms), ms(now));
    assert_eq!(judge(None, None, 0), Connection::Waiting { until: at(2) });
    assert_eq!(judge(None, None, 2_000), Connection::Waiting { until: at(2) });
    assert_eq!(judge(None, None, 2_001), Connection::Abandoned);
    assert_eq!(judge(Some(0), None, 9_000), Connection::Connected);
    assert_eq!(judge(Some(2_000), Some(90_000), 99_000), Connection::Connected);
    assert_eq!(judge(Some(2_001), None, 9_000), Connection::Abandoned, "an agent came, and came late");
    assert_eq!(judge(None, Some(700), 800), Connection::Abandoned, "who hangs up while he waits found nobody");
}
