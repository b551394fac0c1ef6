//! The simulated telephone system as a function of orders and time: the same lives from the same seed, and no life with two ends.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use cti_gateway::{
    domain::{
        agent::{Agent, Roster},
        call::{News, NewsKind},
        order::{Command, Order, Station},
        phone::Number,
        telephone::Simulated,
    },
    pbx::simulator::Simulator,
};
use proptest::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::app::noon;

fn simulator(knobs: Value) -> Simulator {
    Simulator::new(serde_json::from_value::<Simulated>(knobs).expect("knobs"))
}

fn number(text: &str) -> Number {
    Number::from_canonical(text.to_owned())
}

fn roster() -> Roster {
    let agent = |id: i64| Agent {
        id,
        login: format!("agent{id}"),
        name: String::new(),
        number: Some(number(&format!("100{id}"))),
        extension: None,
    };
    Roster::new((1..=3).map(agent).collect())
}

fn order(call: &str, command: Command) -> Order {
    Order { id: Uuid::nil(), call: call.to_owned(), command }
}

fn station() -> Station {
    Station { login: "agent1".into(), extension: Some(number("1001")) }
}

fn dial() -> Command {
    Command::Dial { number: number("+493055501901"), caller_id: None, station: Some(station()), ring_s: 30 }
}

/// All news until nothing happens any more, second by second.
fn live(system: &mut Simulator, from: DateTime<Utc>) -> Vec<(String, News)> {
    let mut all = system.due(from);
    while let Some(next) = system.next_due() {
        all.extend(system.due(next));
        system.came_up(next);
        assert!(next < from + TimeDelta::days(1), "it comes to an end");
    }
    all
}

/// The story of each call: what happened, and when.
fn stories(news: &[(String, News)]) -> BTreeMap<String, Vec<String>> {
    let mut stories: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (call, news) in news {
        stories.entry(call.clone()).or_default().push(format!("{:?} {}", news.kind, news.occurred_at));
    }
    stories
}

#[test]
fn the_same_seed_gives_each_call_the_same_life_in_any_order() {
    let names: Vec<String> = (0..200).map(|index| format!("call-{index}")).collect();
    let play = |seed: u64, names: &mut dyn Iterator<Item = &String>| {
        let mut system = simulator(json!({"seed": seed, "remoteHangup": 100}));
        for name in names {
            system.take(&order(name, dial()), noon(), &roster()).expect("taken");
        }
        stories(&live(&mut system, noon()))
    };
    let forward = play(7, &mut names.iter());
    assert_eq!(forward, play(7, &mut names.iter().rev()));
    assert_ne!(forward, play(8, &mut names.iter()));
    let alone = play(7, &mut names.iter().take(1));
    assert_eq!(alone["call-0"], forward["call-0"]);
    let ends: BTreeSet<&str> = forward.values().filter_map(|story| story.last()?.split('"').nth(1)).collect();
    assert_eq!(ends, BTreeSet::from(["busy", "completed", "failed", "machine", "no_answer"]), "everything happens to somebody");
}

#[test]
fn shares_are_parts_of_their_sum() {
    let mut system =
        simulator(json!({"outcomes": {"answered": 3, "busy": 1, "noAnswer": 0, "machine": 0, "failed": 0}, "remoteHangup": 100}));
    for index in 0..4000 {
        system.take(&order(&format!("call-{index}"), dial()), noon(), &roster()).expect("taken");
    }
    let news = live(&mut system, noon());
    let busy = stories(&news).values().filter(|story| story.iter().any(|line| line.contains("busy"))).count();
    assert!((900..1100).contains(&busy), "a quarter of 4000: {busy}");
}

#[test]
fn news_overtake_each_other_only_when_they_may() {
    for out_of_order in [false, true] {
        let mut system = simulator(json!({"newsMs": [0, 60_000], "outOfOrder": out_of_order, "remoteHangup": 100}));
        for index in 0..100 {
            system.take(&order(&format!("call-{index}"), dial()), noon(), &roster()).expect("taken");
        }
        let news = live(&mut system, noon());
        assert!(news.iter().all(|(_, news)| news.occurred_at <= news.observed_at));
        let mut last: BTreeMap<&str, DateTime<Utc>> = BTreeMap::new();
        let overtaken = news.iter().filter(|(call, news)| last.insert(call, news.occurred_at).is_some_and(|last| last > news.occurred_at));
        assert_eq!(overtaken.count() > 0, out_of_order);
    }
}

/// A step of a random day.
#[derive(Clone, Debug)]
enum Step {
    Give(usize, Command),
    Ring(usize),
    Wait(i64),
    Down(i64),
}

fn name(index: usize) -> String {
    format!("call-{index}")
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let leg = |index: usize| format!("leg-{index}");
    let command = (0..14usize, 0..4usize).prop_map(move |(which, other)| match which {
        0 | 1 => dial(),
        2 => Command::Dial { number: number("+493055501902"), caller_id: None, station: None, ring_s: 20 },
        3 => Command::Connect { station: station() },
        4 => Command::Answer { station: station() },
        5 => Command::Hangup,
        6 => Command::Hold,
        7 => Command::Resume,
        8 => Command::BlindTransfer { number: number("1002") },
        9 => Command::BlindTransfer { number: number("+4930123456") },
        10 => Command::ConsultTransfer { number: number("1003"), leg: leg(other), station: station() },
        11 => Command::CompleteTransfer { with: name(other) },
        12 => Command::Conference { with: name(other) },
        _ => Command::Invite { number: number("+4930123456"), leg: leg(other), station: station(), mute_customer: other % 2 == 0 },
    });
    let step = prop_oneof![
        6 => (0..4usize, command).prop_map(|(call, command)| Step::Give(call, command)),
        1 => (0..4usize).prop_map(Step::Ring),
        4 => (0..40i64).prop_map(Step::Wait),
        1 => (1..60i64).prop_map(Step::Down),
    ];
    prop::collection::vec(step, 1..60)
}

proptest! {
    /// Whatever it is told: a call begins once and ends once, nothing is told after its end, and once all is quiet the calls that it
    /// still has are those that have begun and not ended.
    #[test]
    fn a_call_has_one_life(steps in steps()) {
        let (mut system, roster, mut now) = (simulator(json!({"remoteHangup": 50})), roster(), noon());
        let (mut told, mut rung) = (Vec::new(), 0);
        let mut lost = false;
        for step in steps {
            match step {
                Step::Give(call, command) => drop(system.take(&order(&name(call), command), now, &roster)),
                Step::Ring(agent) => {
                    rung += 1;
                    system.ring_in(&format!("in-{rung}"), number("+4930123456"), number(&format!("100{agent}")), now, &roster);
                }
                Step::Wait(seconds) => now += TimeDelta::seconds(seconds),
                Step::Down(seconds) => { lost = true; system.go_down(now, now + TimeDelta::seconds(seconds)); }
            }
            told.extend(system.due(now));
            system.came_up(now);
        }
        told.extend(live(&mut system, now));
        let mut open: BTreeSet<&str> = BTreeSet::new();
        for (call, news) in &told {
            match news.kind {
                NewsKind::Started => prop_assert!(open.insert(call) || lost, "{call} begins while it is there"),
                NewsKind::Ended(_) => prop_assert!(open.remove(call.as_str()) || lost, "{call} ends twice"),
                _ => prop_assert!(open.contains(call.as_str()) || lost, "{call} is told of before or after its life"),
            }
        }
        let listed: BTreeSet<String> = system.list(now).into_iter().map(|(name, _)| name).collect();
        if !lost {
            prop_assert_eq!(listed, open.into_iter().map(str::to_owned).collect::<BTreeSet<_>>());
        }
    }
}
