//! The client library in a real browser, on a page of another origin whose own back end fetches the tickets: calls and commands, and
//! nothing missed or doubled when the page is reloaded, the network goes away or the server is restarted.

use std::time::Duration;

use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header},
    response::{Html, IntoResponse, Response},
    routing::{get, post},
};
use cti_gateway::app::clock::Clock;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle};

use crate::support::{
    app::{Kind, QUIET_SECRET, TOKEN, TestApp},
    chromium::{Browser, Page},
    floor::house,
};

const SECONDS: Duration = Duration::from_secs(20);

/// What the page does: keeps what it was told, over reloads too.
const SCRIPT: &str = r#"
const { gateway } = await (await fetch("/gateway")).json();
const { CtiClient } = await import(`${gateway}/sdk/cti.js`);
const seen = JSON.parse(sessionStorage.getItem("seen") ?? "[]");
const client = new CtiClient({
  url: gateway,
  client: "crm/1",
  ticket: async (signal) => {
    const answer = await fetch("/ticket", { method: "POST", signal });
    if (!answer.ok) throw Object.assign(new Error("no ticket"), { status: answer.status });
    return (await answer.json()).ticket;
  },
});
const states = [];
client.addEventListener("connection", ({ detail }) => states.push(detail.state));
client.addEventListener("event", ({ detail }) => seen.push(detail.seq));
client.addEventListener("call", ({ detail }) => { window.last = detail.call; });
addEventListener("pagehide", () => sessionStorage.setItem("seen", JSON.stringify(seen)));
client.connect();
Object.assign(window, { client, seen, states });
"#;

/// A CRM with a page and a back end.
struct Crm {
    url: String,
    serving: JoinHandle<()>,
}

#[derive(Clone)]
struct BackEnd {
    gateway: String,
    token: String,
}

async fn ticket(State(back): State<BackEnd>) -> Response {
    let request = reqwest::Client::builder().no_proxy().build().expect("a client").post(format!("{}/api/v1/ws-ticket", back.gateway));
    let answer = request.bearer_auth(&back.token).json(&json!({"agent": "agent1"})).send().await;
    let Ok(answer) = answer else { return StatusCode::BAD_GATEWAY.into_response() };
    let status = StatusCode::from_u16(answer.status().as_u16()).expect("a status");
    (status, Json(answer.json::<Value>().await.unwrap_or_default())).into_response()
}

impl Crm {
    fn serve(listener: TcpListener, gateway: String, token: &str) -> Self {
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let back = BackEnd { gateway, token: token.to_owned() };
        let script = || async { ([(header::CONTENT_TYPE, "text/javascript")], SCRIPT) };
        let app = Router::new()
            .route(
                "/",
                get(|| async {
                    Html(
                        r#"<!doctype html><title>CRM</title><link rel="icon" href="data:,"><script type="module" src="/page.js"></script>"#,
                    )
                }),
            )
            .route("/away", get(|| async { Html("<!doctype html><title>Away</title>") }))
            .route("/page.js", get(script))
            .route("/gateway", get(|State(back): State<BackEnd>| async move { Json(json!({ "gateway": back.gateway })) }))
            .route("/ticket", post(ticket))
            .with_state(back);
        let serving = tokio::spawn(async move { axum::serve(listener, app).await.expect("the CRM serves") });
        Self { url, serving }
    }
}

impl Drop for Crm {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// A gateway that lives by the machine's clock and lets pages of the CRM in, and the CRM.
async fn both_ends(token: &str) -> (TestApp, Crm) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let origin = format!("http://{}", listener.local_addr().expect("an address"));
    let mut t = TestApp::start_with(Kind::Sqlite, |config| config.http.allowed_origins = vec![origin]).await;
    t.clock = Clock::System;
    t.restart().await;
    let crm = Crm::serve(listener, t.url(""), token);
    (t, crm)
}

async fn connected(page: &Page) {
    page.wait_for("window.client?.connection.state === 'connected'", SECONDS).await;
}

/// Tells of a call of agent1.
async fn ring(t: &TestApp, call: &str) {
    t.vtiger_at(QUIET_SECRET, &format!("event=call_initiated&call_id={call}&from=%2B4930123456&to=1001")).await;
}

async fn hang_up(t: &TestApp, call: &str) {
    t.vtiger_at(QUIET_SECRET, &format!("event=call_hangup&call_id={call}")).await;
}

/// The events that the page was given are those of the journal that agent1 may see, from the page's first one on, each once.
async fn nothing_missed(t: &TestApp, page: &Page) {
    let journal = t.journal().await;
    let last = journal.iter().filter(|entry| is_shown(entry)).filter_map(|entry| entry["seq"].as_i64()).max().expect("an event");
    page.wait_for(&format!("window.seen.at(-1) >= {last}"), SECONDS).await;
    let seen: Vec<i64> = page.eval("window.seen").await.as_array().expect("a list").iter().filter_map(Value::as_i64).collect();
    let wanted: Vec<i64> =
        journal.iter().filter(|entry| is_shown(entry)).filter_map(|entry| entry["seq"].as_i64()).filter(|seq| *seq >= seen[0]).collect();
    assert_eq!(seen, wanted);
}

fn is_shown(entry: &Value) -> bool {
    let is_his =
        entry["audience"] == "all" || entry["audience"].as_array().is_some_and(|logins| logins.iter().any(|login| login == "agent1"));
    let kind = entry["type"].as_str().unwrap_or_default();
    is_his && ["call.", "agent.", "system."].iter().any(|usual| kind.starts_with(usual)) && kind != "call.ordered"
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_sees_its_calls_and_controls_them() {
    let (t, crm) = both_ends(TOKEN).await;
    house(&t, json!({"outcomes": {"answered": 1, "busy": 0, "noAnswer": 0, "machine": 0, "failed": 0}, "answerS": [0, 0], "pickupS": [0, 0], "remoteHangup": 0}))
        .await;
    let browser = Browser::launch().await;
    let page = browser.page(&crm.url).await;
    connected(&page).await;
    page.wait_for("window.client.agent?.state === 'not_ready'", SECONDS).await;
    page.eval("window.client.ready()").await;
    page.wait_for("window.client.agent.state === 'ready'", SECONDS).await;
    let dialed = page.eval("window.client.dial('+493055501901', { customData: 'case 7' })").await;
    page.wait_for("[...window.client.calls.values()].some((call) => call.state === 'talk' && call.customData === 'case 7')", SECONDS).await;
    assert_eq!(page.eval("[...window.client.calls.keys()]").await, json!([dialed["call"]]));
    let refused =
        page.eval("window.client.command('resume', { call: [...window.client.calls.keys()][0] }).catch((error) => error.code)").await;
    assert_eq!(refused, "refused");
    page.eval("window.client.hangUp()").await;
    page.wait_for("window.last.state === 'idle'", SECONDS).await;
    page.eval("window.client.command('end_wrap', { call: window.last.dtCallId })").await;
    page.wait_for("window.client.calls.size === 0 && window.last.state === 'end'", SECONDS).await;
    nothing_missed(&t, &page).await;
    assert!(page.console_errors().is_empty(), "{:?}", page.console_errors());
    browser_closes(browser, page, t).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_misses_nothing() {
    let (t, crm) = both_ends(TOKEN).await;
    let browser = Browser::launch().await;
    let page = browser.page(&crm.url).await;
    connected(&page).await;
    ring(&t, "1").await;
    page.wait_for("window.client.calls.size === 1", SECONDS).await;
    page.open(&crm.url).await;
    connected(&page).await;
    page.wait_for("window.client.calls.size === 1", SECONDS).await;
    // what happens while the page is away is told when it is back
    page.open(&format!("{}/away", crm.url)).await;
    ring(&t, "2").await;
    hang_up(&t, "1").await;
    page.open(&crm.url).await;
    connected(&page).await;
    page.wait_for("[...window.client.calls.values()].map((call) => call.callId).join() === '2'", SECONDS).await;
    nothing_missed(&t, &page).await;
    // what cannot be read begins anew
    page.open(&format!("{}/away", crm.url)).await;
    page.eval("Object.keys(sessionStorage).forEach((key) => sessionStorage.setItem(key, key === 'seen' ? '[]' : '{'))").await;
    page.open(&crm.url).await;
    connected(&page).await;
    page.wait_for("window.client.calls.size === 1", SECONDS).await;
    browser_closes(browser, page, t).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_network_and_a_restarted_server_cost_nothing() {
    let (t, crm) = both_ends(TOKEN).await;
    let browser = Browser::launch().await;
    let page = browser.page(&crm.url).await;
    connected(&page).await;
    ring(&t, "1").await;
    page.wait_for("window.client.calls.size === 1", SECONDS).await;
    page.set_offline(true).await;
    page.wait_for("window.client.connection.state === 'offline'", SECONDS).await;
    ring(&t, "2").await;
    hang_up(&t, "1").await;
    page.set_offline(false).await;
    connected(&page).await;
    page.wait_for("window.client.calls.size === 1", SECONDS).await;
    nothing_missed(&t, &page).await;
    t.stop().await;
    page.wait_for("window.client.connection.state !== 'connected'", SECONDS).await;
    // a command that is given meanwhile waits, and is done once
    page.eval("window.later = window.client.ready(); 0").await;
    t.restart().await;
    hang_up(&t, "2").await;
    connected(&page).await;
    assert_eq!(page.eval("window.later.then((shown) => shown.state)").await, "ready");
    page.wait_for("window.client.calls.size === 0", SECONDS).await;
    nothing_missed(&t, &page).await;
    browser_closes(browser, page, t).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_page_says_so_and_gives_up() {
    let (t, crm) = both_ends("cti_nobody").await;
    let browser = Browser::launch().await;
    let page = browser.page(&crm.url).await;
    page.wait_for("window.client?.connection.state === 'closed'", SECONDS).await;
    let reason = page.eval("window.client.connection.reason").await;
    assert!(reason.as_str().is_some_and(|reason| reason.contains("Log in again")), "{reason}");
    assert_eq!(page.eval("window.client.ready().catch((error) => error.code)").await, "closed");
    browser_closes(browser, page, t).await;
}

async fn browser_closes(browser: Browser, page: Page, t: TestApp) {
    page.close().await;
    drop(browser);
    t.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_one_small_file_that_browsers_keep() {
    let t = TestApp::start(Kind::Sqlite).await;
    let ask = |tag: Option<String>| {
        let request = t.request(Method::GET, "/sdk/cti.js");
        match tag {
            Some(tag) => request.header("if-none-match", tag),
            None => request,
        }
    };
    let whole = ask(None).send().await.expect("an answer");
    assert_eq!(whole.headers()["content-type"], "text/javascript; charset=utf-8");
    assert_eq!(whole.headers()["access-control-allow-origin"], "*");
    let tag = whole.headers()["etag"].to_str().expect("text").to_owned();
    let text = whole.text().await.expect("a text");
    assert!(!text.lines().any(|line| line.starts_with("import ")), "it imports nothing");
    assert_eq!(ask(Some(tag)).send().await.expect("an answer").status(), StatusCode::NOT_MODIFIED);
    assert_eq!(ask(Some("\"other\"".into())).send().await.expect("an answer").status(), StatusCode::OK);
    let packed = gzipped(&text).await;
    assert!(packed.len() <= 12 * 1024, "{} bytes packed", packed.len());
}

/// The text as gzip packs it.
async fn gzipped(text: &str) -> Vec<u8> {
    use tokio::io::AsyncWriteExt;
    let mut gzip = tokio::process::Command::new("gzip")
        .arg("-c")
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("gzip is on every Debian");
    let mut input = gzip.stdin.take().expect("its input");
    input.write_all(text.as_bytes()).await.expect("gzip reads");
    drop(input);
    gzip.wait_with_output().await.expect("gzip ends").stdout
}
