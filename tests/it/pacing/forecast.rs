//! What the forecast makes of a situation: more lines where more agents will be free and fewer people will answer.

use chrono::TimeDelta;
use cti_gateway::domain::pacing::{Budget, Call, Cover, Estimates, Forecast, Leave, Limit, Plan, Situation, Standing, may_pause, plan};

use super::{FORECAST, GREEDY, RING, at, budget, ringing, situation};

/// Seven of 25 people answer, after 5 to 14 seconds; talks last one to four minutes, wrap-ups 15 to 24 seconds.
fn learned() -> Estimates {
    learned_with(15_000)
}

/// The same with wrap-ups of at least so many milliseconds.
fn learned_with(wrap_up: i64) -> Estimates {
    let mut estimates = Estimates::default();
    for call in 0..5_000_i64 {
        if call % 25 < 7 {
            estimates.answered(TimeDelta::milliseconds(5_000 + call * 37 % 10_000));
            estimates.talked(TimeDelta::seconds(60 + call * 13 % 180));
            estimates.wrapped_up(TimeDelta::milliseconds(wrap_up + call * 71 % 10_000));
        } else {
            estimates.unanswered(RING);
        }
    }
    estimates
}

fn open(estimates: &Estimates, budget: &Budget, agents: &[Standing], calls: &[Call]) -> u32 {
    plan(&situation(FORECAST, budget, agents, calls), &Forecast::new(estimates, RING)).open
}

const READY: Standing = Standing::Ready;

fn talking(for_seconds: i64) -> Standing {
    Standing::Talking { since: at(-for_seconds) }
}

fn wrapping_up(for_seconds: i64) -> Standing {
    Standing::WrappingUp { since: at(-for_seconds) }
}

#[test]
fn it_sees_who_will_be_free_and_who_will_answer() {
    let (estimates, known) = (learned(), budget(20_000, 200));
    let open = |agents: &[Standing], calls: &[Call]| open(&estimates, &known, agents, calls);
    assert_eq!(open(&[READY; 1], &[]), 1, "with one agent, two lines are a risk");
    assert!(open(&[READY; 10], &[]) > 15, "with ten, chance evens out");
    assert!(open(&[READY; 40], &[]) > 4 * open(&[READY; 10], &[]), "and more so with forty");
    assert_eq!(open(&[READY; 1], &[ringing(-8)]), 0, "he may answer any moment");
    assert_eq!(open(&[READY; 1], &[ringing(-16)]), 1, "who did not answer by now hardly will");
    assert_eq!(open(&[wrapping_up(0); 4], &[]), 0, "back in 15 s at the earliest, and people answer before");
    assert!(open(&[wrapping_up(20); 4], &[]) >= 4, "all but ready");
    assert_eq!(open(&[talking(200); 40], &[]), 0, "some of these talks end now, but nobody wraps up so fast");
    let hasty = learned_with(0);
    assert!(super::forecast::open(&hasty, &known, &[talking(200); 40], &[]) > 0, "without a wrap-up they would be ready in time");
    assert_eq!(super::forecast::open(&hasty, &known, &[talking(5); 40], &[]), 0, "nobody talks so briefly");
    let waiting = Call { launched: at(-9), stage: cti_gateway::domain::pacing::Stage::Answered { at: at(-1) } };
    assert!(open(&[wrapping_up(20); 4], &[waiting]) < open(&[wrapping_up(20); 4], &[]), "who waits comes first");
}

#[test]
fn it_is_careful_before_it_knows_and_when_too_many_were_abandoned() {
    let (fresh, learned) = (Estimates::default(), learned());
    let opened = |estimates, answered, abandoned| open(estimates, &budget(answered, abandoned), &[READY; 10], &[]);
    assert_eq!(opened(&learned, 0, 0), 10, "no budget: one line per agent");
    assert!(opened(&fresh, 2_000, 20) < opened(&learned, 2_000, 20), "it does not know yet how few answer");
    let by_abandoned = [0, 20, 40, 48, 52, 60].map(|abandoned| opened(&learned, 2_000, abandoned));
    assert!(by_abandoned.is_sorted_by(|a, b| a >= b), "{by_abandoned:?}");
    assert!(by_abandoned[0] > by_abandoned[3] && by_abandoned[3] > 10, "{by_abandoned:?}");
    assert_eq!(by_abandoned[5], 10, "at the cap only what agents cover is opened");
}

#[test]
fn a_good_month_does_not_excuse_a_bad_day() {
    use chrono::Days;
    use cti_gateway::domain::pacing::{Limits, Tally};
    let today = super::today();
    let month = (today.checked_sub_days(Days::new(3)).expect("a day"), Tally { answered: 50_000, abandoned: 0 });
    let with = |abandoned| {
        let days = [month, (today, Tally { answered: 500, abandoned })];
        open(&learned(), &Budget::of(Limits::LAW, &days, today), &[READY; 10], &[])
    };
    assert!(with(0) > 15);
    assert_eq!(with(25), 10, "5 % today: it stays with one line per agent, although the budget would allow more");
}

#[test]
fn the_risk_of_the_next_line_is_said() {
    let (estimates, known) = (learned(), budget(2_000, 20));
    let forecast = Forecast::new(&estimates, RING);
    let risk = |agents: &[Standing], calls: &[Call]| {
        let Plan { risk, .. } = plan(&Situation { lines: Some(0), ..situation(FORECAST, &known, agents, calls) }, &forecast);
        risk.expect("predicted").basis_points()
    };
    assert_eq!((risk(&[READY; 1], &[]), risk(&[], &[])), (0, 10_000));
    // one call rings since now and one agent is there: the other comes too late when this one is answered before, 28 %
    let one = risk(&[READY; 1], &[ringing(0)]);
    assert!((1_500..3_500).contains(&one), "{one}");
    let risks: Vec<u16> = (0..30).map(|calls| risk(&[READY; 5], &vec![ringing(0); calls])).collect();
    assert!(risks.is_sorted(), "each call adds to it: {risks:?}");
    assert!(risks[4] < 100 && risks[29] > 8_000, "{risks:?}");
}

#[test]
fn what_was_learned_survives_the_book() {
    let learned = learned();
    let stored = serde_json::to_string(&learned).expect("JSON");
    assert!(stored.len() < 2_000, "small: {}", stored.len());
    let read: Estimates = serde_json::from_str(&stored).expect("estimates");
    assert_eq!(read, learned);
    for odd in [
        r#"{"answered":0,"launched":0,"answerAfter":[],"failAfter":[],"talk":[],"wrapUp":[]}"#,
        r#"{"answered":4294967295,"launched":1,"answerAfter":[4294967295,4294967295],"failAfter":[1],"talk":[4294967295],"wrapUp":[0]}"#,
    ] {
        let mut odd: Estimates = serde_json::from_str(odd).expect("estimates");
        for _ in 0..3_000 {
            odd.answered(TimeDelta::MAX);
            odd.unanswered(TimeDelta::MIN);
            odd.talked(TimeDelta::zero());
            odd.wrapped_up(TimeDelta::days(1));
        }
        for ring in [TimeDelta::zero(), RING, TimeDelta::MAX, TimeDelta::MIN] {
            let forecast = Forecast::new(&odd, ring);
            let known = budget(2_000, 0);
            let agents = [READY, talking(-60), wrapping_up(1_000_000), talking(1_000_000)];
            let plan = plan(&situation(FORECAST, &known, &agents, &[ringing(-1_000_000), ringing(60)]), &forecast);
            assert!(plan.open <= 60 && plan.risk.is_some(), "{plan:?}");
        }
    }
}

#[test]
fn it_forgets_how_it_was() {
    let mut estimates = learned();
    let known = budget(2_000, 20);
    let before = open(&estimates, &known, &[READY; 10], &[]);
    for _ in 0..2_000 {
        estimates.answered(TimeDelta::seconds(8));
    }
    let after = open(&estimates, &known, &[READY; 10], &[]);
    assert!(before > 15 && after < 12, "now everybody answers: {before}, then {after}");
}

/// The example of docs/pacing.md, number by number.
#[test]
fn the_example_of_the_documentation() {
    let known = budget(1_000, 20);
    let agents = [&[READY; 4][..], &[talking(60); 9], &[wrapping_up(5); 2]].concat();
    let calls = [&[ringing(-17); 2][..], &[ringing(-2); 7]].concat();
    let cover = Cover::of(&agents, &calls);
    assert_eq!((cover.uncovered(), known.room(), cover.headroom(FORECAST, &known)), (5, 10, 5));
    assert_eq!([5, 10, 11].map(|uncovered| known.holds(uncovered)), [true, true, false]);
    let planned = plan(&situation(FORECAST, &known, &agents, &calls), &Forecast::new(&learned(), RING));
    assert_eq!((planned.open, planned.limit), (2, Limit::EnoughInFlight), "{planned:?}");
    assert_eq!(planned.risk.map(|risk| risk.basis_points() / 10), Some(97), "of the third line");
    let greedy = plan(&situation(GREEDY, &known, &agents, &calls), &Forecast::new(&learned(), RING));
    assert_eq!((greedy.open, greedy.limit), (5, Limit::BudgetUsedUp));
    assert_eq!(budget(1_001, 21).room(), 9);
    let leaving = [&[READY; 3][..], &[Standing::Leaving], &agents[4..]].concat();
    assert_eq!(may_pause(&situation(FORECAST, &known, &leaving, &calls), at(0)), Leave::Deferred { calls: 6, until: at(25) });
}
