//! A site of another origin whose pages use the libraries, as a CRM's would: its own server gets the tickets.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    extract::{Path, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use cti_gateway::app::passwords;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::support::{
    app::{ACCOUNT, TOKEN, TestApp, agent},
    chromium::{Browser, Page},
    floor::{put, with},
};

pub(super) const SECONDS: Duration = Duration::from_secs(20);
pub(super) const THEIRS: &str = "+493055501901";
/// An agent who signs in by himself.
pub(super) const ANNA: &str = "anna";
pub(super) const PASSWORD: &str = "correct horse";

/// The page's script: it keeps what it heard over a reload, and can lose frames.
const PAGE: &str = r#"
const Real = WebSocket;
globalThis.loses = () => false;
globalThis.WebSocket = class extends Real {
  addEventListener(kind, listener, options) {
    super.addEventListener(kind, (event) => kind === "message" && loses(JSON.parse(event.data)) || listener(event), options);
  }
};
const { CtiClient, CtiError } = await import("SERVER/sdk/cti.js");
const heard = JSON.parse(sessionStorage.heard ?? "[]");
const options = { client: "test/1", ticket: (signal) => fetch("/cti-ticket", { method: "POST", signal }), OPTIONS };
const client = new CtiClient(options);
Object.assign(globalThis, { CtiClient, CtiError, client, options, heard, states: [], changes: [], snapshots: 0, failed: [] });
client.on("event", ({ seq }) => { heard.push(seq); sessionStorage.heard = JSON.stringify(heard); });
client.on("connection", (status) => states.push(status));
client.on("call", ({ call, gone, replay }) => changes.push([call.state, gone, replay]));
client.on("orderFailed", (order) => failed.push(order));
client.on("snapshot", () => { snapshots += 1; });
void client.connect();
"#;

/// The site and the gateway behind it.
pub(super) struct Site {
    pub(super) origin: String,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    /// Content type and body by path; the name of the gateway is put in for SERVER.
    files: Mutex<HashMap<String, (&'static str, String)>>,
    gateway: Mutex<String>,
    /// Who gets the tickets.
    agent: Mutex<String>,
    /// The next tickets are refused with this status.
    refuses: Mutex<Option<u16>>,
}

impl Site {
    /// Opens the site, lets the gateway know its origin, and lets the gateway live by the machine's clock, as the page's timers do.
    pub(super) async fn open(t: &mut TestApp) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        // another name is another site to the browser
        let origin = format!("http://localhost:{}", listener.local_addr().expect("an address").port());
        t.config.http.allowed_origins.push(origin.clone());
        let hash = passwords::hash(PASSWORD).expect("a hash");
        let anna = cti_gateway::store::people::NewAgent { password_hash: Some(hash), ..agent(ANNA, "1009") };
        t.admin().add_agent((t.account, ACCOUNT), &anna).await.expect("the store").expect("a new agent");
        t.go_live().await;
        let shared = Arc::new(Shared::default());
        *shared.gateway.lock().expect("no panic") = t.url("");
        *shared.agent.lock().expect("no panic") = "agent1".to_owned();
        let pages = Router::new()
            .route("/cti-ticket", post(ticket))
            .route("/favicon.ico", get(|| async { StatusCode::NO_CONTENT }))
            .route("/{*path}", get(file))
            .with_state(shared.clone());
        tokio::spawn(axum::serve(listener, pages).into_future());
        let site = Self { origin, shared };
        site.put("page.html", "text/html", "<!doctype html><script type=module src=page.js></script>");
        site.put("page.js", "text/javascript", &PAGE.replace("OPTIONS", ""));
        site
    }

    /// Puts a file on the site.
    pub(super) fn put(&self, path: &str, kind: &'static str, body: &str) {
        self.shared.files.lock().expect("no panic").insert(path.to_owned(), (kind, body.to_owned()));
    }

    /// The page's script with more options for the client.
    pub(super) fn with_options(&self, options: &str) {
        self.put("page.js", "text/javascript", &PAGE.replace("OPTIONS", options));
    }

    /// From now on this agent is signed in at the site.
    pub(super) fn serves(&self, agent: &str) {
        agent.clone_into(&mut self.shared.agent.lock().expect("no panic"));
    }

    /// Refuses tickets with a status, or no more.
    pub(super) fn refuse(&self, status: Option<u16>) {
        *self.shared.refuses.lock().expect("no panic") = status;
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.origin)
    }

    /// A page of an agent, connected.
    pub(super) async fn page(&self, browser: &Browser) -> Page {
        let page = browser.page(&self.url("page.html")).await;
        connected(&page).await;
        page
    }
}

async fn file(State(shared): State<Arc<Shared>>, Path(path): Path<String>) -> Response {
    let gateway = shared.gateway.lock().expect("no panic").clone();
    let Some((kind, body)) = shared.files.lock().expect("no panic").get(&path).cloned() else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let policy = "default-src 'none'; script-src 'self' http://127.0.0.1:*; connect-src 'self' http://127.0.0.1:* ws://127.0.0.1:*";
    ([(header::CONTENT_TYPE, kind), (header::CONTENT_SECURITY_POLICY, policy)], body.replace("SERVER", &gateway)).into_response()
}

/// What the site's own server does for an agent who is signed in there.
async fn ticket(State(shared): State<Arc<Shared>>) -> Response {
    if let Some(status) = *shared.refuses.lock().expect("no panic") {
        return StatusCode::from_u16(status).expect("a status").into_response();
    }
    let (gateway, agent) = (shared.gateway.lock().expect("no panic").clone(), shared.agent.lock().expect("no panic").clone());
    let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(5)).build().expect("a client");
    let request = client.request(Method::POST, format!("{gateway}/api/v1/ws-ticket")).bearer_auth(TOKEN).json(&json!({"agent": agent}));
    match request.send().await {
        Ok(answer) => {
            (StatusCode::from_u16(answer.status().as_u16()).expect("a status"), answer.text().await.unwrap_or_default()).into_response()
        }
        Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

/// Waits until the client is where the server is.
pub(super) async fn connected(page: &Page) {
    page.wait_for("client.connection.state === 'connected'", SECONDS).await;
}

/// A telephone system whose calls are answered after a second.
pub(super) async fn telephones(t: &TestApp) {
    put(t, "telephone-systems/house", json!({ "simulated": with(json!({"answerS": [1, 1]})) })).await;
}

/// Waits until a JavaScript value is this.
pub(super) async fn wait_is(page: &Page, js: &str, value: Value) {
    page.wait_for(&format!("JSON.stringify({js}) === {}", json!(value.to_string())), SECONDS).await;
}

/// The last entry of the journal.
pub(super) async fn head(t: &TestApp) -> i64 {
    t.get("/api/v1/events").await.1["after"].as_i64().expect("a position")
}

/// Waits until the page has taken in all there is; what it heard of after that position must be exactly what was for it.
pub(super) async fn heard_all(t: &TestApp, page: &Page, after: i64) {
    let journal = t.journal().await;
    let concerns = |entry: &&Value| {
        let kind = entry["type"].as_str().unwrap_or_default();
        let is_usual = ["call.", "agent.", "message.", "lease."].iter().any(|usual| kind.starts_with(usual));
        let sees = entry["audience"] == "all" || entry["audience"].as_array().is_some_and(|all| all.contains(&json!("agent1")));
        is_usual && sees && entry["seq"].as_i64().is_some_and(|seq| seq > after)
    };
    let expected: Vec<Value> = journal.iter().filter(concerns).map(|entry| entry["seq"].clone()).collect();
    wait_is(page, "heard", json!(expected)).await;
}
