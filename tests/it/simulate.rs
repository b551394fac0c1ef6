//! `simulate`, as an operator runs it: what predictive dialing brings, that it keeps the law, and that a seed repeats a shift.

use std::fs;

use serde_json::Value;

use crate::support::program::Program;

/// The lines of one mode.
fn of<'a>(lines: &'a [Value], mode: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["mode"] == mode).collect()
}

fn figure(line: &Value, name: &str) -> f64 {
    line[name].as_f64().unwrap_or_else(|| panic!("{name} in {line}"))
}

/// Plays these shifts in both modes: predictive talks more by at least `gain` in each, and the law holds.
async fn beats(arguments: &str, gain: f64) {
    let arguments: Vec<&str> = ["simulate"].into_iter().chain(arguments.split_whitespace()).collect();
    let lines = Program::on_sqlite().json(&arguments).await;
    let (progressive, predictive) = (of(&lines, "progressive"), of(&lines, "predictive"));
    assert!(!progressive.is_empty() && progressive.len() == predictive.len());
    for (progressive, predictive) in progressive.into_iter().zip(predictive) {
        assert_eq!((&progressive["seed"], &progressive["abandoned"]), (&predictive["seed"], &Value::from(0)));
        assert_eq!((&progressive["broken"], &predictive["broken"]), (&Value::from(0), &Value::from(0)));
        let more = figure(predictive, "talkShare") / figure(progressive, "talkShare") - 1.0;
        assert!((more - figure(predictive, "gain")).abs() < 1e-9, "{predictive}");
        assert!(more >= gain, "{arguments:?}: {more} more talk, expected {gain}: {predictive}");
        assert!(figure(predictive, "abandonedRate") <= 0.03, "{arguments:?}: {predictive}");
        assert!(figure(predictive, "waitMeanSeconds") < figure(progressive, "waitMeanSeconds"), "{arguments:?}");
    }
}

#[tokio::test]
async fn ten_agents_talk_more_by_prediction() {
    beats("--agents 10 --hours 4", 0.08).await;
}

#[tokio::test]
async fn fifty_agents_talk_much_more_by_prediction() {
    beats("--agents 50 --hours 3", 0.25).await;
}

/// The scenarios of docs/pacing.md, many seeds each.
#[tokio::test]
#[ignore = "slow"]
async fn the_figures_of_the_documentation() {
    for answers in ["--answer-rate 25 --wrap 30", "--answer-rate 28 --wrap 20", "--answer-rate 30 --wrap 15"] {
        for after in [6, 10, 14] {
            beats(&format!("--agents 10 --runs 30 {answers} --answer-after {after}"), 0.08).await;
            beats(&format!("--agents 50 --runs 10 {answers} --answer-after {after}"), 0.25).await;
        }
    }
}

#[tokio::test]
async fn the_law_holds_in_odd_shifts() {
    for arguments in [
        "--agents 1 --hours 1 --answer-rate 1",
        "--agents 2 --hours 1 --answer-rate 100 --wrap 0 --ring 5 --answer-after 1",
        "--agents 30 --hours 1 --talk 1 --wrap 0",
        "--agents 5 --hours 1 --busy 100",
        "--agents 200 --hours 0.1 --answer-rate 60 --ring 120",
        "--agents 5 --hours 0.5 --talk 7200 --wrap 3600",
    ] {
        let arguments: Vec<&str> = ["simulate"].into_iter().chain(arguments.split_whitespace()).collect();
        let lines = Program::on_sqlite().json(&arguments).await;
        assert_eq!(lines.len(), 2);
        for line in lines {
            assert!(line["dialed"].as_u64() > Some(0) && line["broken"] == 0, "{arguments:?}: {line}");
            let (answered, abandoned) = (figure(&line, "answered"), figure(&line, "abandoned"));
            assert!(100.0 * abandoned <= 3.0 * answered, "{arguments:?}: {line}");
            assert!((0.0..=1.0).contains(&figure(&line, "talkShare")), "{arguments:?}: {line}");
        }
    }
}

#[tokio::test]
async fn a_seed_repeats_a_shift() {
    let program = Program::on_sqlite();
    let run = async |seed: &str| program.run(&["simulate", "--hours", "1", "--seed", seed]).await.out;
    let (one, again, other) = (run("7").await, run("7").await, run("8").await);
    assert_eq!(one, again);
    assert_ne!(one.replace("seed 7", ""), other.replace("seed 8", ""));
    let both = program.json(&["simulate", "--hours", "1", "--seed", "7", "--runs", "2"]).await;
    let seeds: Vec<_> = of(&both, "predictive").iter().map(|line| line["seed"].clone()).collect();
    assert_eq!(seeds, [7, 8]);
    let alone = program.record(&["simulate", "--hours", "1", "--seed", "8", "--mode", "progressive"]).await;
    assert_eq!(&alone, of(&both, "progressive")[1], "a mode plays alike with and without the other");
}

#[tokio::test]
async fn people_read_a_table_and_a_picture() {
    let program = Program::on_sqlite();
    let said = program.run(&["simulate", "--hours", "1", "--runs", "2", "--picture", "shift.svg"]).await;
    assert_eq!(said.code, 0, "{}", said.err);
    for words in ["10 agents, 1 h; 28 % answer after 10 s", "seeds 1 to 2", "TALK SHARE", "progressive", "predictive", "in the worst shift"]
    {
        assert!(said.out.contains(words), "{words}: {}", said.out);
    }
    assert!(said.err.contains("picture: shift.svg"), "{}", said.err);
    let picture = fs::read_to_string(program.folder.path().join("shift.svg")).expect("the picture");
    assert!(picture.starts_with("<svg ") && picture.ends_with("</svg>") && picture.len() < 60_000);
    assert_eq!(picture.matches("<polyline").count(), 4, "two modes in two graphs");
    assert!(["progressive", "predictive", "cap 3 %", "target 2.5 %"].iter().all(|words| picture.contains(words)));
    assert!(!picture.contains("NaN") && !picture.contains("inf"));
    let alone = program.run(&["simulate", "--hours", "1", "--mode", "predictive"]).await;
    assert!(alone.out.contains("predictive") && !alone.out.contains("progressive"), "{}", alone.out);
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let program = Program::on_sqlite();
    for (argument, value, words) in [
        ("--agents", "0", "1..=2000"),
        ("--hours", "0", "expected hours from 0.1 to 24"),
        ("--answer-rate", "0.28", "expected percent from 1 to 100"),
        ("--busy", "101", "expected percent from 0 to 100"),
        ("--talk", "long", "expected seconds from 1 to 7200"),
        ("--ring", "NaN", "expected seconds from 5 to 120"),
        ("--mode", "preview", "progressive"),
        ("--runs", "0", "1..=1000"),
        ("--picture", "shift.png", "expected a name that ends in .svg"),
    ] {
        let said = program.run(&["simulate", argument, value]).await;
        assert_eq!((said.code, said.out.as_str()), (2, ""), "{argument} {value}");
        assert!(said.err.contains(argument) && said.err.contains(words), "{argument} {value}: {}", said.err);
    }
    let late = program.refused(&["simulate", "--ring", "20", "--answer-after", "20"]).await;
    assert!(late.contains("--answer-after is 20 s, expected less than --ring, which is 20 s"), "{late}");
    let nowhere = program.run(&["simulate", "--hours", "0.1", "--picture", "no/such/folder.svg"]).await;
    assert!(nowhere.code == 1 && nowhere.err.contains("the picture no/such/folder.svg cannot be written"), "{}", nowhere.err);
    let help = program.run(&["simulate", "--help"]).await.out;
    assert!(help.contains("Examples:") && help.contains("simulate --agents 50 --picture shift.svg"), "{help}");
}
