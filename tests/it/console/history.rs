//! The history of a call in the console: found by number or id, and walked through event by event.

use reqwest::Method;
use serde_json::json;

use super::{
    SECONDS, server,
    views::{open, wait_text},
};
use crate::support::{
    app::{TestApp, answer},
    chromium::{Browser, Page},
};

const PLACE: &str = "[data-testid=place]";
const OBJECT: &str = "[data-testid=object]";

async fn find(page: &Page, wanted: &str) {
    page.eval(&format!(
        "document.querySelector('[name=wanted]').value = {}; document.querySelector('[data-view=call] form').requestSubmit()",
        json!(wanted)
    ))
    .await;
}

/// The fields of the call that the present event changed.
async fn changed(page: &Page) -> Vec<String> {
    let fields = page.eval("[...document.querySelectorAll('[data-testid=object] .changed')].map(row => row.dataset.field)").await;
    fields.as_array().expect("fields").iter().map(|field| field.as_str().expect("a name").to_owned()).collect()
}

/// A call that agent1 took and ended, with others beside it; its id.
async fn talk(t: &TestApp) -> String {
    t.be("agent1", "signed_in").await;
    let told = t.vtiger("event=call_initiated&call_id=pbx-77&from=%2B4930123456&to=1001").await;
    t.vtiger("event=call_initiated&call_id=pbx-78&from=%2B4930999999&to=1002").await;
    t.vtiger("event=call_connected&call_id=pbx-77&to=1001").await;
    tokio::time::sleep(std::time::Duration::from_millis(1_200)).await;
    t.vtiger("event=call_hangup&call_id=pbx-77&hangup_reason=completed").await;
    told["dialer_call_id"].as_str().or(told["dialerCallId"].as_str()).expect("an id").to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_walks_through_a_call_event_by_event() {
    let t = server().await;
    let id = talk(&t).await;
    let browser = Browser::launch().await;
    let page = open(&t, &browser, "call").await;
    find(&page, "+49 30 123456").await;
    page.wait_for(&format!("location.hash === '#call/{id}'"), SECONDS).await;
    wait_text(&page, PLACE, &["Event 1 of", "Incoming at agent1"]).await;
    wait_text(&page, "[data-testid=history]", &["+4930123456", "Inbound", &id, "pbx-77"]).await;
    wait_text(&page, ".strip", &["Ringing 0:0", "Talking 0:01", "Wrap-up", "so far"]).await;
    let field = |name: &str| format!("{OBJECT} [data-field={name}]");
    wait_text(&page, &field("state"), &["Incoming"]).await;
    assert_eq!(changed(&page).await, [""; 0], "nothing was before");
    // by keyboard, on the slider
    page.eval("document.querySelector('[data-testid=slider]').focus()").await;
    let mut states = vec!["incoming".to_owned()];
    loop {
        page.press("ArrowRight").await;
        let state = page.eval("document.querySelector('[data-testid=object] [data-field=state] .badge').dataset.state").await;
        if states.last().map(String::as_str) != state.as_str() {
            states.push(state.as_str().expect("a state").to_owned());
            wait_text(&page, &field("state"), &["was"]).await;
            assert!(changed(&page).await.contains(&"state".to_owned()));
        }
        let at_end = page.eval("document.querySelector('.walk .on').disabled").await;
        if at_end == true {
            break;
        }
    }
    assert_eq!(states, ["incoming", "talk", "idle"]);
    let value = page.eval("document.querySelector('[data-testid=slider]').ariaValueText").await;
    assert!(value.as_str().is_some_and(|text| text.starts_with("Event ")), "{value}");
    // back at the beginning it is as it was
    page.press("Home").await;
    wait_text(&page, &field("state"), &["Incoming"]).await;
    page.eval("document.querySelector('.steps li:nth-child(3) button').click()").await;
    wait_text(&page, PLACE, &["Event 3 of"]).await;
    page.press("End").await;
    page.wait_for("document.querySelector('.steps li:last-child button').ariaCurrent === 'step'", SECONDS).await;
    // it goes on while one looks
    let (status, told) = answer(t.api(Method::POST, &format!("/api/v1/dialer-calls/{id}/end-wrap")).json(&json!({}))).await;
    assert!(status.is_success(), "{told}");
    wait_text(&page, ".steps", &["Ended", "Came out: Connected"]).await;
    assert_eq!(page.console_errors(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_is_found_by_its_id_and_by_the_telephone_system_s() {
    let t = server().await;
    let id = talk(&t).await;
    t.vtiger("event=call_hangup&call_id=pbx-77").await;
    t.vtiger("event=call_initiated&call_id=pbx-80&from=%2B4930123456&to=1002").await;
    let browser = Browser::launch().await;
    let page = open(&t, &browser, "call").await;
    find(&page, "pbx-78").await;
    wait_text(&page, "#history-title", &["+4930999999"]).await;
    find(&page, &id.to_uppercase()).await;
    page.wait_for(&format!("location.hash === '#call/{id}'"), SECONDS).await;
    wait_text(&page, "#history-title", &["+4930123456"]).await;
    find(&page, "+4930123456").await;
    wait_text(&page, "[data-testid=call-said]", &["2 calls"]).await;
    assert_eq!(page.eval("document.querySelectorAll('.result').length").await, 2);
    find(&page, "nobody").await;
    wait_text(&page, "[data-testid=call-said]", &["No call has the number or id nobody."]).await;
    // from the live view
    page.eval("location.hash = '#live'").await;
    page.wait_for("document.querySelector('[data-agent=agent2] .call .number') !== null", SECONDS).await;
    page.eval("document.querySelector(\"[data-agent=agent2] .call[data-number='+4930999999'] .number\").click()").await;
    page.wait_for("!document.querySelector('[data-testid=open-history]').hidden", SECONDS).await;
    page.eval("document.querySelector('[data-testid=open-history]').click()").await;
    wait_text(&page, "#history-title", &["+4930999999"]).await;
    wait_text(&page, PLACE, &["Event 1 of"]).await;
    assert_eq!(page.console_errors(), [""; 0]);
    page.eval("location.hash = '#call/0193a1b2-0000-7000-8000-000000000000'").await;
    wait_text(&page, "[data-view=call] [data-testid=failure]", &["There is no call 0193a1b2"]).await;
}
