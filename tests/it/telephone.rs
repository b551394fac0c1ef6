//! Telephone systems end to end: orders in the journal, the switchboard that carries them out, and the news that come back.

mod faults;
mod generic;
mod holds;
mod setup;
mod simulated;

use std::{sync::Arc, time::Duration};

use cti_gateway::{
    app::{committer::Failure, directory::Account},
    domain::order::{Command, Order, Station},
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::app::{TestApp, answer, number};

/// Whom we call.
const THEIRS: &str = "+493055501901";
/// Who calls us.
const CALLER: &str = "+4930123456";

async fn account(t: &TestApp) -> Arc<Account> {
    let app = t.app();
    app.directory.account(&app.hub, t.account).await.expect("the account")
}

async fn put(t: &TestApp, path: &str, body: Value) -> Value {
    let (status, told) = answer(t.api(Method::PUT, &format!("/api/v1/{path}")).json(&body)).await;
    assert!(status.is_success(), "{path}: {status} {told}");
    told
}

/// A simulated system in which all calls are answered after three seconds, nobody hangs up, and agents pick up at once.
pub(crate) fn steady() -> Value {
    json!({
        "outcomes": {"answered": 1, "busy": 0, "noAnswer": 0, "machine": 0, "failed": 0},
        "answerS": [3, 3], "pickupS": [0, 0], "remoteHangup": 0, "callerWaitsS": [60, 60],
    })
}

/// The same with these knobs changed.
fn with(knobs: Value) -> Value {
    let mut all = steady();
    for (name, value) in knobs.as_object().expect("knobs") {
        all[name] = value.clone();
    }
    all
}

/// Sets the system up as `house`, and lets the server find it.
pub(crate) async fn house(t: &TestApp, knobs: Value) {
    put(t, "telephone-systems/house", json!({ "simulated": knobs })).await;
    due(t).await;
}

/// All that is due now is done and stored.
pub(crate) async fn due(t: &TestApp) {
    t.app().run_switchboard_due().await;
}

/// Time passes, second by second, as it does for a server that looks at the clock.
async fn pass(t: &TestApp, seconds: u64) {
    for _ in 0..seconds {
        t.clock.advance(Duration::from_secs(1));
        due(t).await;
    }
}

fn station(login: &str, extension: &str) -> Station {
    Station { login: login.to_owned(), extension: number(extension) }
}

fn dial(to: &str) -> Command {
    Command::Dial { number: number(to).expect("a number"), caller_id: None, station: Some(station("agent1", "1001")), ring_s: 30 }
}

/// Gives an order that is carried out when the switchboard is next asked.
async fn give(t: &TestApp, call: &str, command: Command) -> Result<(), Failure> {
    let order = Order { id: t.clock.id(), call: call.to_owned(), command };
    t.app().order(&account(t).await, order).await
}

/// Gives an order and has it carried out.
async fn order(t: &TestApp, call: &str, command: Command) {
    give(t, call, command).await.expect("it is stored");
    due(t).await;
}

/// Somebody calls; the name of the call.
async fn ring_in(t: &TestApp, from: &str, did: &str) -> String {
    let request = t.api(Method::POST, "/api/v1/telephone-systems/house/simulate").json(&json!({"from": from, "did": did}));
    let (status, told) = answer(request).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{told}");
    due(t).await;
    told["callId"].as_str().expect("a name").to_owned()
}

/// Somebody calls an agent, who answers; the name of the call.
pub(crate) async fn talk(t: &TestApp, from: &str, login: &str, extension: &str) -> String {
    let name = ring_in(t, from, extension).await;
    order(t, &name, Command::Answer { station: station(login, extension) }).await;
    name
}

/// The system is down for so long.
async fn go_down(t: &TestApp, seconds: i64) {
    let request = t.api(Method::POST, "/api/v1/telephone-systems/house/simulate").json(&json!({"down": seconds}));
    assert_eq!(answer(request).await.0, StatusCode::ACCEPTED);
    due(t).await;
}

/// The call of this name.
async fn call(t: &TestApp, name: &str) -> Value {
    let calls = t.calls().await;
    let found = calls.iter().find(|call| call["attempts"][0]["callId"] == name);
    found.unwrap_or_else(|| panic!("there is no call {name}: {calls:?}")).clone()
}

/// What a screen shows of it, and what Vtiger is told.
async fn state(t: &TestApp, name: &str) -> (String, String) {
    let call = call(t, name).await;
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    (text(&call["state"]), text(&call["callStatus"]))
}

/// The same, as texts to compare with.
fn shown(state: &str, status: &str) -> (String, String) {
    (state.to_owned(), status.to_owned())
}

/// The data of all entries of this type.
async fn entries(t: &TestApp, kind: &str) -> Vec<Value> {
    let all = t.journal().await;
    all.iter().filter(|entry| entry["type"] == kind).map(|entry| entry["data"].clone()).collect()
}

/// How the system is, as the API says.
async fn system_state(t: &TestApp, name: &str) -> Value {
    let (status, told) = t.get(&format!("/api/v1/telephone-systems/{name}/state")).await;
    assert_eq!(status, StatusCode::OK, "{told}");
    told
}
