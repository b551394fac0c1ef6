//! A call centre to test with: a simulated telephone system, campaigns and leads, and time that passes for all of it at once.

use std::time::Duration;

use cti_gateway::app::dialer::Desk;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::app::{TestApp, answer};

/// A simulated system in which all calls are answered after three seconds, nobody hangs up, and agents pick up at once.
pub(crate) fn steady() -> Value {
    json!({
        "outcomes": {"answered": 1, "busy": 0, "noAnswer": 0, "machine": 0, "failed": 0},
        "answerS": [3, 3], "pickupS": [0, 0], "remoteHangup": 0, "callerWaitsS": [600, 600],
    })
}

/// The same with these knobs changed.
pub(crate) fn with(knobs: Value) -> Value {
    let mut all = steady();
    for (name, value) in knobs.as_object().expect("knobs") {
        all[name] = value.clone();
    }
    all
}

/// Stores a record of the account's setup.
pub(crate) async fn put(t: &TestApp, path: &str, body: Value) {
    let (status, told) = answer(t.api(Method::PUT, &format!("/api/v1/{path}")).json(&body)).await;
    assert!(status.is_success(), "{path}: {status} {told}");
}

/// Sets the system up as `house`, and lets the server find it.
pub(crate) async fn house(t: &TestApp, knobs: Value) {
    put(t, "telephone-systems/house", json!({ "simulated": knobs })).await;
    due(t).await;
}

/// A campaign that is dialed this way.
pub(crate) async fn campaign(t: &TestApp, name: &str, mode: &str, terms: Value) {
    let mut dialing = json!({"mode": mode, "running": true});
    for (name, value) in terms.as_object().expect("terms") {
        dialing[name] = value.clone();
    }
    put(t, &format!("campaigns/{name}"), json!({ "dialing": dialing })).await;
}

/// A lead of a campaign; its id.
pub(crate) async fn lead(t: &TestApp, campaign: &str, phone: &str, more: Value) -> i64 {
    let mut body = json!({"campaign": campaign, "phone": phone});
    for (name, value) in more.as_object().expect("values") {
        body[name] = value.clone();
    }
    let (status, told) = answer(t.api(Method::POST, "/api/v1/leads").json(&body)).await;
    assert_eq!(status, StatusCode::CREATED, "{told}");
    told["lead"]["id"].as_i64().or(told["id"].as_i64()).unwrap_or_else(|| panic!("an id: {told}"))
}

/// All that is due now happens: at the telephone system, among calls and agents, at the dialer.
pub(crate) async fn due(t: &TestApp) {
    let app = t.app();
    for _ in 0..3 {
        app.run_switchboard_due().await;
        t.pass(Duration::ZERO).await;
        app.sweep_agents().await.expect("the agents are swept");
        Desk::default().look(&app, t.account).await.expect("the dialer looks");
    }
    app.run_switchboard_due().await;
}

/// Time passes second by second.
pub(crate) async fn pass(t: &TestApp, seconds: u64) {
    for _ in 0..seconds {
        t.clock.advance(Duration::from_secs(1));
        due(t).await;
    }
}

/// An agent who is signed in and ready, by a program.
pub(crate) async fn ready(t: &TestApp, login: &str) {
    t.be(login, "signed_in").await;
    t.be(login, "ready").await;
}

/// The data of all entries of this type, oldest first.
pub(crate) async fn told(t: &TestApp, kind: &str) -> Vec<Value> {
    let entries = t.journal_of(&["lead.*", "dnc.*", "config.*"]).await;
    entries.into_iter().filter(|entry| entry["type"] == kind).map(|entry| entry["data"].clone()).collect()
}

/// What the API says of a lead.
pub(crate) async fn lead_now(t: &TestApp, id: i64) -> Value {
    t.get(&format!("/api/v1/leads/{id}")).await.1
}

/// Wishes something of a call; status and body.
pub(crate) async fn wish(t: &TestApp, call: &str, verb: &str, parameters: Value) -> (StatusCode, Value) {
    answer(t.api(Method::POST, &format!("/api/v1/calls/{call}/{verb}")).json(&parameters)).await
}

/// The state of a call.
pub(crate) async fn state(t: &TestApp, call: &str) -> String {
    let (_, call) = t.get(&format!("/api/v1/dialer-calls/{call}")).await;
    call["state"].as_str().unwrap_or("-").to_owned()
}

/// Somebody rings one of the system's numbers.
pub(crate) async fn ring_in(t: &TestApp, from: &str, did: &str) {
    let request = t.api(Method::POST, "/api/v1/telephone-systems/house/simulate").json(&json!({"from": from, "did": did}));
    let (status, body) = answer(request).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{body}");
}
