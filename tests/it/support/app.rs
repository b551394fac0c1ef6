//! A whole server for one test: its own database, its own port, a clock that stands still, one account with everything.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, Weak},
    time::Duration,
};

use chrono::{DateTime, Utc};
use cti_gateway::{
    app::{App, admin::Admin, clock::Clock, sweeper},
    client::{Connect, Connection, Credential, Error, Frame, Position},
    config::Config,
    domain::{
        phone::{HomeRegion, Number},
        secret::SecretHash,
    },
    http::server::Server,
    store::{Db, accounts::NewAccount, credentials::NewCredential, gateways::NewGateway, people::NewAgent},
};
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};

use super::postgres;

pub(crate) const ACCOUNT: &str = "acme";
/// Secret of the gateway whose calls pop up for everyone.
pub(crate) const SECRET: &str = "vt_secret_for_everyone";
/// Secret of the gateway whose calls pop up for the agent concerned.
pub(crate) const QUIET_SECRET: &str = "vt_secret_for_the_agent";
/// A token that may do everything.
pub(crate) const TOKEN: &str = "cti_token_for_everything";
pub(crate) const SCOPES: &str =
    "events:read,calls:read,calls:write,calls:control,agents:read,agents:act,leads:read,leads:write,messages:send,admin";
pub(crate) const GENERIC: &str = "/modules/PhoneCalls/callbacks/Generic.php";
pub(crate) const PBXMANAGER: &str = "/modules/PBXManager/callbacks/PBXManager.php";

/// Which database a test runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Sqlite,
    Postgres,
}

/// Runs one body on both databases: `both! { async fn name(t: TestApp) {…} }` gives `name::sqlite` and `name::postgres`.
/// `t: TestApp with |config| …` changes settings.
macro_rules! both {
    ($($(#[$meta:meta])* async fn $name:ident($t:ident: TestApp $(with $change:expr)?) $body:block)*) => { $(
        mod $name {
            #[allow(unused_imports, reason = "a short body may need none of the file's imports")]
            use super::*;
            async fn body($t: crate::support::app::TestApp) $body
            async fn run(kind: crate::support::app::Kind) {
                let changes: &[fn(&mut cti_gateway::config::Config)] = &[$($change)?];
                body(crate::support::app::TestApp::start_with(kind, |config| changes.iter().for_each(|change| change(config))).await).await;
            }
            $(#[$meta])*
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                run(crate::support::app::Kind::Sqlite).await;
            }
            $(#[$meta])*
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                run(crate::support::app::Kind::Postgres).await;
            }
        }
    )* };
}
pub(crate) use both;

/// A running server.
pub(crate) struct TestApp {
    pub(crate) kind: Kind,
    pub(crate) address: SocketAddr,
    pub(crate) clock: Clock,
    pub(crate) config: Config,
    pub(crate) http: Client,
    pub(crate) account: i64,
    running: Mutex<Running>,
    _folder: Arc<TempDir>,
}

/// The present server; another one after a restart.
#[derive(Default)]
struct Running {
    app: Weak<App>,
    stop: Option<oneshot::Sender<()>>,
    serving: Option<JoinHandle<()>>,
}

/// The instant at which test clocks stand.
pub(crate) fn noon() -> DateTime<Utc> {
    "2026-11-20T12:00:00Z".parse().expect("an instant")
}

impl TestApp {
    /// A server with an account, two agents, two gateways and a token.
    pub(crate) async fn start(kind: Kind) -> Self {
        Self::start_with(kind, |_| {}).await
    }

    /// The same, with changed settings.
    pub(crate) async fn start_with(kind: Kind, change: impl FnOnce(&mut Config)) -> Self {
        cti_gateway::courier::install_tls();
        let folder = Arc::new(tempfile::tempdir().expect("a temporary folder"));
        let mut config = Config::load(None, std::iter::empty()).expect("the defaults");
        config.store.url = match kind {
            Kind::Sqlite => format!("sqlite:{}", folder.path().join("test.db").display()),
            Kind::Postgres => postgres::database().await,
        };
        config.store.allow_volatile = true;
        config.store.writers = 3;
        config.store.readers = 3;
        config.store.replayers = 2;
        change(&mut config);
        let clock = Clock::manual(noon());
        let db = Db::open(&config.store_options()).await.expect("the store opens");
        let account = set_up(&Admin::new(db.clone(), clock.clone())).await;
        db.close().await;
        let http = Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(60))
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .expect("a client");
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut test = Self { kind, address, clock, config, http, account, running: Mutex::default(), _folder: folder };
        test.address = test.serve().await;
        test
    }

    async fn serve(&self) -> SocketAddr {
        let server = Server::open(self.config.clone(), self.clock.clone(), None).await.expect("the server opens");
        let app = Arc::downgrade(&server.app());
        let listener = TcpListener::bind(self.address).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (stop, stopped) = oneshot::channel();
        let serving = tokio::spawn(server.serve(listener, async {
            let _ = stopped.await;
        }));
        *self.lock() = Running { app, stop: Some(stop), serving: Some(serving) };
        address
    }

    fn lock(&self) -> MutexGuard<'_, Running> {
        self.running.lock().expect("no test panics while it holds this")
    }

    /// Stops the server in an orderly way.
    pub(crate) async fn stop(&self) {
        let Running { stop, serving, .. } = std::mem::take(&mut *self.lock());
        drop(stop);
        if let Some(serving) = serving {
            serving.await.expect("the server ends well");
        }
    }

    /// Stops the server and starts it again on the same store and port.
    pub(crate) async fn restart(&self) {
        self.stop().await;
        self.serve().await;
    }

    /// Goes on by the machine's clock, and keeps what was set up by the tests' own, however long ago that was.
    pub(crate) async fn go_live(&mut self) {
        self.clock = Clock::System;
        self.config.journal.retention_days = 36_500;
        self.restart().await;
    }

    /// The desk behind the doors.
    pub(crate) fn app(&self) -> Arc<App> {
        self.lock().app.upgrade().expect("the server runs")
    }

    /// Moves the clock and ends what is due.
    pub(crate) async fn pass(&self, time: Duration) -> usize {
        self.clock.advance(time);
        sweeper::sweep(&self.app()).await.expect("a sweep")
    }

    /// The pen for configuration.
    pub(crate) fn admin(&self) -> Admin {
        Admin::new(self.app().db.clone(), self.clock.clone())
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, self.url(path))
    }

    /// A request with the token.
    pub(crate) fn api(&self, method: Method, path: &str) -> RequestBuilder {
        self.request(method, path).bearer_auth(TOKEN)
    }

    /// `GET` with the token; the status and the JSON.
    pub(crate) async fn get(&self, path: &str) -> (StatusCode, Value) {
        answer(self.api(Method::GET, path)).await
    }

    /// What a Vtiger sender posts: everything in the query.
    pub(crate) async fn vtiger(&self, query: &str) -> Value {
        self.vtiger_at(SECRET, query).await
    }

    pub(crate) async fn vtiger_at(&self, secret: &str, query: &str) -> Value {
        let request = self.request(Method::POST, &format!("{GENERIC}?{query}")).header("X-VTIGER-SECRET", secret);
        let (status, body) = answer(request).await;
        assert_eq!(status, StatusCode::OK, "{query}: {body}");
        body
    }

    /// What the native door takes.
    pub(crate) async fn native(&self, event: Value) -> Value {
        let (status, body) = answer(self.api(Method::POST, "/api/v1/call-events").json(&json!({"events": [event]}))).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        body["items"][0].clone()
    }

    /// The calls as the API lists them, newest first.
    pub(crate) async fn calls(&self) -> Vec<Value> {
        let (_, body) = self.get("/api/v1/dialer-calls").await;
        body["items"].as_array().cloned().unwrap_or_default()
    }

    /// The one call there is.
    pub(crate) async fn only_call(&self) -> Value {
        let calls = self.calls().await;
        assert_eq!(calls.len(), 1, "{calls:?}");
        calls[0].clone()
    }

    /// All entries of the journal, as a client that follows everything reads them.
    pub(crate) async fn journal(&self) -> Vec<Value> {
        self.journal_of(&["config.*"]).await
    }

    /// All entries of the usual types and of these.
    pub(crate) async fn journal_of(&self, types: &[&str]) -> Vec<Value> {
        let (_, start) = self.get("/api/v1/events").await;
        let epoch = start["epoch"].as_str().expect("an epoch");
        let mut entries = Vec::new();
        let mut after = 0;
        loop {
            let (_, page) = self.get(&format!("/api/v1/events?after={after}&epoch={epoch}&limit=500&types={}", types.join(","))).await;
            let items = page["items"].as_array().cloned().expect("items");
            after = page["after"].as_i64().expect("a position");
            entries.extend(items.iter().cloned());
            if items.len() < 500 {
                return entries;
            }
        }
    }

    /// The `type` and `state` of every entry about calls, in order: `call.state incoming` …
    pub(crate) async fn story(&self) -> Vec<String> {
        let entries = self.journal().await;
        let calls = entries.iter().filter(|entry| entry["type"].as_str().is_some_and(|kind| kind.starts_with("call.")));
        calls
            .map(|entry| format!("{} {}", entry["type"].as_str().expect("a type"), entry["data"]["state"].as_str().unwrap_or("-")))
            .collect()
    }

    /// How to follow everything as a program.
    pub(crate) fn follow(&self) -> Connect {
        let credential = Credential::Bearer(TOKEN.to_owned());
        Connect { url: format!("ws://{}/ws", self.address), credential, agents: Some(json!("*")), types: vec![], resume: None }
    }

    /// A ticket for an agent's softphone.
    pub(crate) async fn ticket(&self, agent: &str) -> String {
        let (status, body) = answer(self.api(Method::POST, "/api/v1/ws-ticket").json(&json!({ "agent": agent }))).await;
        assert_eq!(status, StatusCode::CREATED, "{body}");
        body["ticket"].as_str().expect("a ticket").to_owned()
    }

    /// Sets what an agent is ready for; answers what is shown of him then.
    pub(crate) async fn be(&self, agent: &str, state: &str) -> Value {
        let path = format!("/api/v1/agents/{agent}/state");
        let (status, body) = answer(self.api(Method::POST, &path).json(&json!({ "state": state }))).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        body
    }

    /// What the API says of an agent.
    pub(crate) async fn agent(&self, login: &str) -> Value {
        self.get(&format!("/api/v1/agents/{login}")).await.1
    }

    /// An agent's softphone, connected; welcome was read, the snapshot was not.
    pub(crate) async fn softphone(&self, agent: &str, resume: Option<Position>) -> Connection {
        let credential = Credential::Ticket(self.ticket(agent).await);
        Connection::open(&Connect { credential, agents: None, resume, ..self.follow() }).await.expect("a softphone connects")
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        drop(self.lock().stop.take());
    }
}

/// Sends a request; the status and the JSON body, or `null` when it is none.
pub(crate) async fn answer(request: RequestBuilder) -> (StatusCode, Value) {
    let response = request.send().await.expect("an answer");
    let status = response.status();
    let text = response.text().await.expect("a body");
    (status, serde_json::from_str(&text).unwrap_or(Value::Null))
}

/// The next frame that does not tell of an agent, within five seconds.
pub(crate) async fn next(connection: &mut Connection) -> Result<Frame, Error> {
    loop {
        match next_any(connection).await {
            Ok(Frame::Event(event)) if event["type"] == "agent.state" => {}
            frame => return frame,
        }
    }
}

/// The next frame, within five seconds.
pub(crate) async fn next_any(connection: &mut Connection) -> Result<Frame, Error> {
    tokio::time::timeout(Duration::from_secs(5), connection.next()).await.expect("a frame within five seconds")
}

/// What a command of a socket is answered; what comes before is passed over.
pub(crate) async fn command(connection: &mut Connection, id: &str, verb: &str, parameters: Value) -> Value {
    connection.send(&json!({"op": "cmd", "id": id, "m": verb, "p": parameters})).await.expect("sent");
    loop {
        match next_any(connection).await.expect("a frame") {
            Frame::Answer(answer) if answer["id"] == id => return answer,
            _ => {}
        }
    }
}

/// The next event's envelope; snapshots and marks are passed over.
pub(crate) async fn next_event(connection: &mut Connection) -> Value {
    loop {
        if let Frame::Event(event) = next(connection).await.expect("an event") {
            return event;
        }
    }
}

pub(crate) fn number(text: &str) -> Option<Number> {
    Number::read(text, HomeRegion::default())
}

pub(crate) fn agent(login: &str, office: &str) -> NewAgent {
    NewAgent { login: login.into(), name: login.to_uppercase(), number: number(office), extension: None, password_hash: None }
}

pub(crate) fn gateway(name: &str, secret: &str, popup: &str) -> NewGateway {
    NewGateway {
        name: name.into(),
        key: format!("key-of-{name}"),
        secret: Some(SecretHash::of(secret)),
        signature: None,
        networks: None,
        popup: popup.into(),
        zone: "UTC".into(),
    }
}

pub(crate) fn token(account: i64, secret: &str, scopes: &str) -> NewCredential {
    NewCredential {
        account,
        hash: SecretHash::of(secret),
        prefix: secret.chars().take(8).collect(),
        label: "test".into(),
        kind: "token",
        subject: None,
        scopes: scopes.into(),
        allow_query: false,
        networks: None,
        expires_at: None,
    }
}

/// The account that every test has.
pub(crate) async fn set_up(admin: &Admin) -> i64 {
    let new = NewAccount { name: ACCOUNT.into(), region: "US".into(), search_url: None, create_url: None };
    let account = admin.add_account(&new).await.expect("the store").expect("a new account");
    for (login, office) in [("agent1", "1001"), ("agent2", "1002"), ("agent3", "+17812706510")] {
        admin.add_agent((account, ACCOUNT), &agent(login, office)).await.expect("the store").expect("a new agent");
    }
    for (name, secret, popup) in [("office", SECRET, "all"), ("quiet", QUIET_SECRET, "agent")] {
        admin.add_gateway((account, ACCOUNT), &gateway(name, secret, popup)).await.expect("the store").expect("a new gateway");
    }
    assert!(admin.add_token(ACCOUNT, &token(account, TOKEN, SCOPES)).await.expect("the store"));
    account
}
