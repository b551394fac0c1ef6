//! The operators' console in a real browser: signing in, calls as they happen, and a server that goes away and comes back.

mod history;
mod views;

use std::time::Duration;

use cti_gateway::app::{clock::Clock, directory::Subject, passwords, sessions::OneTimeLink};
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::support::{
    app::{ACCOUNT, GENERIC, Kind, SECRET, TestApp, answer},
    beside::Beside,
    chromium::{Browser, Page},
};

const SECONDS: Duration = Duration::from_secs(20);
const PASSWORD: &str = "correct horse";

/// A server that lives by the machine's clock, as the page's timers do, with an operator.
async fn server() -> TestApp {
    let mut t = TestApp::start(Kind::Sqlite).await;
    let hash = passwords::hash(PASSWORD).expect("a hash");
    assert!(t.admin().add_operator((t.account, ACCOUNT), "op", &hash).await.expect("the store"));
    t.go_live().await;
    t
}

async fn log_in(page: &Page, password: &str) {
    page.wait_for("!document.querySelector('.login-page').hidden", SECONDS).await;
    let fill = format!(
        "for (const [name, value] of Object.entries({})) document.querySelector(`input[name=${{name}}]`).value = value;
         document.querySelector('[data-testid=login-form]').requestSubmit()",
        json!({"account": ACCOUNT, "login": "op", "password": password})
    );
    page.eval(&fill).await;
}

async fn wait_connection(page: &Page, state: &str) {
    page.wait_for(&format!("document.querySelector('[data-testid=connection]').dataset.state === '{state}'"), SECONDS).await;
}

/// Waits until a number is shown as a call in this state in this agent's row.
async fn wait_call(page: &Page, agent: &str, number: &str, state: &str) {
    let call = format!("[data-testid=agent][data-agent={agent}] [data-testid=call][data-number='{number}'][data-state={state}]");
    page.wait_for(&format!("document.querySelector({}) !== null", json!(call)), SECONDS).await;
}

async fn wait_gone(page: &Page, number: &str) {
    page.wait_for(&format!("document.querySelector(\"[data-testid=call][data-number='{number}']\") === null"), SECONDS).await;
}

/// A figure of the header.
async fn figure(page: &Page, name: &str) -> i64 {
    let value = page.eval(&format!("Number(document.querySelector('[data-testid={name}]').value)")).await;
    value.as_i64().expect("a whole number")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_are_shown_as_they_happen() {
    let t = server().await;
    let response = t.request(Method::GET, "/console").send().await.expect("an answer");
    let policy = response.headers()["content-security-policy"].to_str().expect("text").to_owned();
    assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"), "{policy}");
    let browser = Browser::launch().await;
    let page = browser.page(&t.url("/console")).await;
    page.eval("window.notReloaded = true").await;
    log_in(&page, PASSWORD).await;
    wait_connection(&page, "live").await;
    page.wait_for("document.querySelector('[data-testid=account]').textContent === 'acme · op'", SECONDS).await;
    page.wait_for("document.querySelectorAll('[data-testid=agent]').length === 3", SECONDS).await;
    page.wait_for("!document.querySelector('[data-testid=no-calls]').hidden", SECONDS).await;

    t.vtiger("event=call_initiated&call_id=1&from=%2B4930123456&to=1001").await;
    wait_call(&page, "agent1", "+4930123456", "incoming").await;
    t.vtiger("event=call_initiated&call_id=2&from=1002&to=%2B12025550123").await;
    wait_call(&page, "agent2", "+12025550123", "ringing").await;
    t.vtiger("event=call_initiated&call_id=3&from=%2B81312345678&to=4711").await;
    page.wait_for("document.querySelector('[data-testid=unassigned] [data-testid=call]')?.dataset.number === '+81312345678'", SECONDS)
        .await;
    page.wait_for("document.querySelector('.counts').innerText.replace(/\\s+/g, ' ').includes('2 incoming 1 ringing')", SECONDS).await;
    page.wait_for("document.title.startsWith('3 live')", SECONDS).await;

    t.vtiger("event=call_connected&call_id=1&to=1001").await;
    wait_call(&page, "agent1", "+4930123456", "talk").await;
    let timer = "document.querySelector('[data-agent=agent1] .timer').textContent";
    page.wait_for(&format!("/^\\d+:\\d\\d$/.test({timer})"), SECONDS).await;
    let shown = page.eval(timer).await;
    page.wait_for(&format!("/^\\d+:\\d\\d$/.test({timer}) && {timer} !== {shown}"), SECONDS).await;

    t.vtiger("event=call_hangup&call_id=1").await;
    wait_gone(&page, "+4930123456").await;
    page.wait_for("document.querySelectorAll('[data-testid=call]').length === 2", SECONDS).await;
    let (_, start) = t.get("/api/v1/events").await;
    assert_eq!(json!(figure(&page, "seq").await), start["after"], "everything of the journal has arrived");
    assert_eq!(figure(&page, "resyncs").await, 0);
    let rows = page.eval("[...document.querySelectorAll('[data-testid=event]')].map(row => row.querySelector('.state').textContent)").await;
    assert_eq!(rows, json!(["Connected", "Ended", "Wrap-up", "Talking", "Incoming", "Ringing", "Incoming"]));
    assert_eq!(page.eval("window.notReloaded").await, true);
    assert_eq!(page.console_errors(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_restart_the_page_catches_up_by_itself() {
    let t = server().await;
    let browser = Browser::launch().await;
    let page = browser.page(&t.url("/console")).await;
    log_in(&page, PASSWORD).await;
    wait_connection(&page, "live").await;
    for (call, number) in [("1", "%2B4930123456"), ("2", "%2B12025550123")] {
        t.vtiger(&format!("event=call_initiated&call_id={call}&from={number}&to=1001")).await;
    }
    wait_call(&page, "agent1", "+12025550123", "incoming").await;
    assert_eq!(page.console_errors(), [""; 0]);

    t.stop().await;
    wait_connection(&page, "offline").await;
    page.wait_for("document.title.startsWith('Offline') && !document.querySelector('.retry').hidden", SECONDS).await;
    page.wait_for("!document.querySelector('[data-testid=stale]').hidden", SECONDS).await;
    wait_call(&page, "agent1", "+4930123456", "incoming").await;
    // meanwhile, by another server on the same store
    let other = Beside::start(&t).await;
    for query in [
        "event=call_hangup&call_id=1",
        "event=call_connected&call_id=2&to=1001",
        "event=call_initiated&call_id=3&from=%2B81312345678&to=1002",
    ] {
        let url = format!("http://{}{GENERIC}?{query}", other.address);
        assert_eq!(answer(t.http.post(url).header("X-VTIGER-SECRET", SECRET)).await.0, StatusCode::OK);
    }
    other.stop().await;
    t.restart().await;
    wait_connection(&page, "live").await;
    wait_call(&page, "agent1", "+12025550123", "talk").await;
    wait_call(&page, "agent2", "+81312345678", "incoming").await;
    wait_gone(&page, "+4930123456").await;
    page.wait_for("document.querySelector('[data-testid=stale]').hidden", SECONDS).await;
    assert_eq!(figure(&page, "resyncs").await, 0, "what was missed came as events");
    let (_, start) = t.get("/api/v1/events").await;
    assert_eq!(json!(figure(&page, "seq").await), start["after"]);
    assert_eq!(figure(&page, "seen").await, 7, "each event once");
    t.vtiger("event=call_hangup&call_id=3").await;
    wait_gone(&page, "+81312345678").await;
    let alien = |error: &String| {
        !["ERR_CONNECTION_REFUSED", "WebSocket connection to", "ERR_CONNECTION_RESET", "ERR_EMPTY_RESPONSE"]
            .iter()
            .any(|expected| error.contains(expected))
    };
    let errors: Vec<String> = page.console_errors().into_iter().filter(alien).collect();
    assert_eq!(errors, [""; 0], "nothing but the network's own");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_signs_in_by_link_or_password_and_out_again() {
    let t = server().await;
    let link = OneTimeLink::issue(&t.app().db, &Clock::System, (t.account, ACCOUNT), &Subject::Operator("op".to_owned()))
        .await
        .expect("the store");
    let url = t.url(&format!("/console#code={}", link.secret));
    let browser = Browser::launch().await;
    let page = browser.page(&url).await;
    wait_connection(&page, "live").await;
    assert_eq!(page.eval("location.hash + document.querySelector('.login-page').hidden").await, "true", "the code left the address bar");
    t.vtiger("event=call_initiated&call_id=1&from=%2B4930123456&to=1001").await;
    wait_call(&page, "agent1", "+4930123456", "incoming").await;
    assert_eq!(page.console_errors(), [""; 0]);
    page.eval("document.querySelector('[data-testid=sign-out]').click()").await;
    wait_connection(&page, "signed-out").await;
    page.wait_for("document.querySelector('.live-page').hidden && !document.querySelector('.login-page').hidden", SECONDS).await;
    assert_eq!(page.eval("document.querySelectorAll('[data-testid=call]').length").await, 1, "hidden, and emptied by the next log-in");

    let second = browser.page(&url).await;
    second.wait_for("document.querySelector('[data-testid=login-error]').textContent.includes('used before')", SECONDS).await;
    log_in(&second, "wrong").await;
    second.wait_for("document.querySelector('[data-testid=login-error]').textContent.includes('wrong')", SECONDS).await;
    assert_eq!(second.eval("document.querySelector('input[name=password]').value").await, "");
    log_in(&second, PASSWORD).await;
    wait_connection(&second, "live").await;
    wait_call(&second, "agent1", "+4930123456", "incoming").await;
    let errors = second.console_errors();
    assert!(errors.len() == 2 && errors.iter().all(|error| error.contains("401")), "the two refusals and nothing else: {errors:?}");
}
