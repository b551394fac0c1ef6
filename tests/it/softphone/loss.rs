//! What the softphone survives: a reload, a dead network and a server's restart in the middle of a call, and what it shows meanwhile.

use std::time::Duration;

use cti_gateway::app::clock::instant;
use reqwest::Method;
use serde_json::json;

use super::crm::{Crm, SECONDS, THEIRS, Tab};
use crate::support::{app::answer, chromium::Browser, figure, floor::due};

/// Waits until the frame says that it has no connection, and shows that what it shows is old.
async fn says_it_is_lost(tab: &Tab) {
    let lost =
        "!document.querySelector('[data-testid=connection]').hidden && document.querySelector('main.phone').hasAttribute('data-stale')
                && document.querySelector('[data-testid=cards]').inert && document.querySelector('soft-pad').inert
                && document.querySelector('soft-presence .ready').disabled && document.querySelector('soft-presence select').disabled";
    tab.frame.wait_for(lost, SECONDS).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_is_kept_over_a_reload_and_what_is_written_of_it() {
    let crm = Crm::open().await;
    let browser = Browser::launch().await;
    let tab = crm.signed_in(&browser).await;
    tab.sends("initiate_call", json!({ "phone_number": THEIRS })).await;
    let call = tab.shows("talk").await;
    tab.can_choose().await;
    tab.writes("notes", "wants two").await;
    tab.writes("outcome", "SALE").await;
    let tab = crm.reloaded(tab).await;
    tab.connected().await;
    assert_eq!(tab.shows("talk").await, call);
    tab.frame.wait_for("document.querySelector('[data-testid=outcome]').value === 'SALE'", SECONDS).await;
    assert_eq!(tab.frame.eval("document.querySelector('[data-testid=notes]').value").await, "wants two");
    tab.press("hangup").await;
    tab.shows("idle").await;
    tab.press("save").await;
    tab.shows_none().await;
    let (_, now) = crm.t.get(&format!("/api/v1/dialer-calls/{call}")).await;
    assert_eq!((&now["outcome"], &now["notes"], &now["status"]), (&json!("Sale"), &json!("wants two"), &json!("closed")));
    assert_eq!(tab.errors(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_network_is_shown_and_the_call_goes_on() {
    let crm = Crm::open().await;
    let browser = Browser::launch().await;
    let tab = crm.signed_in(&browser).await;
    tab.sends("initiate_call", json!({ "phone_number": THEIRS })).await;
    let call = tab.shows("talk").await;
    tab.page.set_offline(true).await;
    let began = instant();
    says_it_is_lost(&tab).await;
    let took = began.elapsed();
    figure(&format!("the network goes → the softphone says so: {} ms", took.as_millis()));
    assert!(took < Duration::from_secs(2), "{took:?}");
    // meanwhile the other side hangs up
    let (status, told) = answer(crm.t.api(Method::POST, &format!("/api/v1/calls/{call}/hangup")).json(&json!({}))).await;
    assert!(status.is_success(), "{told}");
    due(&crm.t).await;
    tab.page.set_offline(false).await;
    tab.connected().await;
    assert_eq!(tab.shows("idle").await, call);
    tab.frame.wait_for("document.querySelector('[data-testid=connection]').hidden", SECONDS).await;
    assert_eq!(tab.errors(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_under_an_open_softphone_loses_and_doubles_nothing() {
    let crm = Crm::open().await;
    let browser = Browser::launch().await;
    let tab = crm.signed_in(&browser).await;
    // of a telephone system that does not restart
    crm.t.vtiger("event=call_initiated&call_id=1&from=%2B4930123456&to=1009").await;
    let call = tab.shows("incoming").await;
    tab.page.wait_for("dialpad('call_ringing').length === 1", SECONDS).await;
    crm.t.stop().await;
    says_it_is_lost(&tab).await;
    crm.t.restart().await;
    tab.connected().await;
    assert_eq!(tab.shows("incoming").await, call);
    crm.t.vtiger("event=call_connected&call_id=1&to=1009").await;
    tab.shows("talk").await;
    crm.t.vtiger("event=call_hangup&call_id=1").await;
    tab.shows("idle").await;
    let states = "JSON.stringify(dialpad('call_ringing').map(({state}) => state))";
    tab.page.wait_for(&format!("{states} === '[\"on\",\"off\"]'"), SECONDS).await;
    // each event of the call was told to the page, once and in order
    let told = "heard.filter(m => m.api === 'cti_gateway' && m.method === 'call').map(m => m.payload.cv)";
    let versions = tab.page.eval(told).await;
    let versions: Vec<i64> = serde_json::from_value(versions).expect("versions");
    let journal = crm.t.journal().await;
    let seen = |entry: &&serde_json::Value| entry["call"] == json!(call) && entry["data"]["dtCallId"] == json!(call);
    let concerns_anna = |entry: &&serde_json::Value| {
        entry["audience"] == "all" || entry["audience"].as_array().is_some_and(|all| all.contains(&json!("anna")))
    };
    let expected: Vec<i64> =
        journal.iter().filter(seen).filter(concerns_anna).map(|entry| entry["cv"].as_i64().expect("a version")).collect();
    assert_eq!(versions, expected);
    assert_eq!(tab.errors(), [""; 0]);
}
