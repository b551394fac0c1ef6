//! The walk-through of `docs/dialedin.md`: every curl line of the page, as it stands there, against a fresh server.

use std::{fmt::Write as _, process::Command};

use cti_gateway::domain::setup::Kind;
use serde_json::json;

use super::{AUTH, moved_in, put};
use crate::{
    support::app::both,
    telephone::{house, steady, talk},
};

const PAGE: &str = include_str!("../../../docs/dialedin.md");

/// The commands of the page, in order. A line that ends in `||` goes on in the next.
fn commands() -> Vec<String> {
    let mut blocks = PAGE.split("```sh\n").skip(1).map(|rest| rest.split("```").next().expect("a block"));
    let lines = blocks.by_ref().flat_map(str::lines).filter(|line| !line.trim().is_empty());
    let mut commands: Vec<String> = vec![];
    for line in lines {
        match commands.last_mut() {
            Some(last) if last.ends_with("||") => *last = format!("{last} {}", line.trim()),
            _ => commands.push(line.to_owned()),
        }
    }
    commands
}

/// Runs a line in a shell, as a reader would.
fn shell(command: &str, base: &str) -> String {
    let output =
        Command::new("sh").args(["-c", command]).env("BASE", base).env("AUTH", AUTH).env("NO_PROXY", "*").output().expect("a shell");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.is_empty(), "{command}: {errors}");
    String::from_utf8(output.stdout).expect("text")
}

both! {
    async fn every_line_of_the_page_answers_as_it_says(t: TestApp) {
        moved_in(&t).await;
        house(&t, steady()).await;
        put(&t, Kind::Provider, "nobody", json!("simulated")).await;
        put(&t, Kind::Number, "+17815550100", json!({"sms": true, "voice": true, "provider": "nobody"})).await;
        put(&t, Kind::Skill, "Spanish", json!({"agents": ["agent1"]})).await;
        put(&t, Kind::RingGroup, "Main", json!({"number": "+17815550100"})).await;
        put(&t, Kind::Filter, "Boston", json!({"blocks": [{"statements": [{"field": "City", "op": "eq", "value": "Boston"}]}]})).await;
        put(&t, Kind::Playlist, "Evening", json!({"campaigns": ["Spring"], "filters": []})).await;
        // agent1 is in a conversation, which ConferenceCall needs
        talk(&t, "+17812706520", "agent1", "1001").await;
        let base = t.url("");
        let mut told = String::new();
        for command in commands() {
            let base = base.clone();
            let answer = tokio::task::spawn_blocking({
                let command = command.clone();
                move || shell(&command, &base)
            });
            let answer = answer.await.expect("it runs");
            writeln!(told, "{}\n  {}", command.replace("curl -sS \"$BASE/HttpImport/", "").replace("$AUTH", "…"), without_ids(&answer)).expect("text");
        }
        insta::assert_snapshot!("the_walk_through", told);
    }
}

/// Identifiers of calls and messages are made anew each time.
fn without_ids(answer: &str) -> String {
    let is_id = |word: &str| word.len() == 36 && word.bytes().filter(|byte| *byte == b'-').count() == 4;
    answer.split('"').map(|word| if is_id(word) { "(id)" } else { word }).collect::<Vec<_>>().join("\"")
}
