//! The real server as a process of its own, for tests that kill it. A [`Site`] is what outlives its servers.

use std::{
    fs::{self, File},
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use cti_gateway::{
    app::clock::instant,
    client::{Connect, Credential, Position},
};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use super::{
    app::{ACCOUNT, Kind, SCOPES, answer},
    postgres,
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_cti-gateway");
/// How long a server may take to be ready, or to end.
const PATIENCE: Duration = Duration::from_secs(30);
/// Pause between two looks at something that will happen soon.
const GLANCE: Duration = Duration::from_millis(10);
/// Types that softphones do not get, so that a reader of the journal sees every entry.
const TYPES: &str = "config.*,lead.*,dnc.*,list.*,campaign.*,webhook.*";

/// A store, an address and what senders and readers know of the account in it.
pub(crate) struct Site {
    pub(crate) address: SocketAddr,
    pub(crate) store: String,
    /// Secret of the gateway.
    pub(crate) secret: String,
    pub(crate) token: String,
    pub(crate) http: Client,
    folder: TempDir,
}

impl Site {
    /// An empty store of this kind, with an account, its agents and a gateway whose calls pop up for everyone.
    pub(crate) async fn set_up(kind: Kind, agents: &[(String, String)]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let store = match kind {
            Kind::Sqlite => format!("sqlite:{}", folder.path().join("test.db").display()),
            Kind::Postgres => postgres::database().await,
        };
        Self::set_up_in(folder, store, agents).await
    }

    /// The same in a store that is there already, and empty.
    pub(crate) async fn set_up_at(store: String, agents: &[(String, String)]) -> Self {
        Self::set_up_in(tempfile::tempdir().expect("a temporary folder"), store, agents).await
    }

    async fn set_up_in(folder: TempDir, store: String, agents: &[(String, String)]) -> Self {
        cti_gateway::courier::install_tls();
        let http = Client::builder().no_proxy().timeout(PATIENCE).build().expect("a client");
        let mut site = Self { address: free_address(), store, secret: String::new(), token: String::new(), http, folder };
        site.run(&["account", "add", ACCOUNT]).await;
        for (login, number) in agents {
            site.run(&["agent", "add", "--account", ACCOUNT, "--login", login, "--number", number]).await;
        }
        let gateway = site.run(&["gateway", "add", "--account", ACCOUNT, "--name", "office", "--popup", "all"]).await;
        site.secret = gateway["secret"].as_str().expect("the gateway's secret").to_owned();
        let token = site.run(&["token", "add", "--account", ACCOUNT, "--scopes", SCOPES]).await;
        site.token = token["token"].as_str().expect("the token").to_owned();
        site
    }

    /// Where another server on the same store is, in a folder of its own.
    pub(crate) fn beside(&self) -> Self {
        Self {
            address: free_address(),
            store: self.store.clone(),
            secret: self.secret.clone(),
            token: self.token.clone(),
            http: self.http.clone(),
            folder: tempfile::tempdir().expect("a temporary folder"),
        }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(PROGRAM);
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("CTI_")) {
            command.env_remove(name); // the caller's own settings have no place in a test
        }
        command
            .env("CTI_LISTEN", self.address.to_string())
            .env("CTI_STORE__URL", &self.store)
            .env("CTI_STORE__ALLOW_VOLATILE", "true")
            .env("CTI_CALLS__WRAP_UP_MS", "0")
            .env("CTI_LOG", "warn")
            .kill_on_drop(true)
            .stdin(Stdio::null());
        command
    }

    /// Runs one command; the record that it prints.
    async fn run(&self, words: &[&str]) -> Value {
        let output = self.command().args(words).arg("--json").output().await.expect("the program starts");
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{words:?}: {}\n{error}", output.status);
        serde_json::from_slice(&output.stdout).expect("a record")
    }

    /// Starts a server and waits until it is ready.
    pub(crate) async fn serve(&self) -> Process {
        self.serve_with(&[]).await
    }

    /// The same, with more variables.
    pub(crate) async fn serve_with(&self, variables: &[(&str, &str)]) -> Process {
        let log = File::options().create(true).append(true).open(self.log_path()).expect("a log");
        let mut command = self.command();
        command.arg("serve").envs(variables.iter().copied());
        command.stdout(log.try_clone().expect("the log twice")).stderr(log);
        let mut process = Process(command.spawn().expect("the server starts"));
        let began = instant();
        while !self.is_ready().await {
            if let Some(status) = process.0.try_wait().expect("a child") {
                panic!("the server ended with {status}:\n{}", self.log());
            }
            assert!(began.elapsed() < PATIENCE, "the server is not ready after {PATIENCE:?}:\n{}", self.log());
            tokio::time::sleep(GLANCE).await;
        }
        process
    }

    pub(crate) async fn is_ready(&self) -> bool {
        self.http.get(self.url("/readyz")).send().await.is_ok_and(|response| response.status().is_success())
    }

    fn log_path(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    /// What all servers have logged so far.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// How to follow everything as a program.
    pub(crate) fn follow(&self, resume: Option<Position>) -> Connect {
        let credential = Credential::Bearer(self.token.clone());
        Connect { url: format!("ws://{}/ws", self.address), credential, agents: Some(json!("*")), types: vec![], resume }
    }

    async fn get(&self, path: &str) -> Value {
        let (status, body) = answer(self.http.get(self.url(path)).bearer_auth(&self.token)).await;
        assert_eq!(status, StatusCode::OK, "{path}: {body}");
        body
    }

    /// The journal's head.
    pub(crate) async fn position(&self) -> Position {
        let body = self.get("/api/v1/events").await;
        Position { epoch: body["epoch"].as_str().expect("an epoch").to_owned(), seq: body["after"].as_i64().expect("a position") }
    }

    /// Every entry of the journal, as a client reads them.
    pub(crate) async fn journal(&self) -> Vec<Value> {
        let Position { epoch, .. } = self.position().await;
        let mut entries = Vec::new();
        let mut after = 0;
        loop {
            let page = self.get(&format!("/api/v1/events?after={after}&epoch={epoch}&limit=500&types={TYPES}")).await;
            assert_eq!(page["reset"], false, "{page}");
            let items = page["items"].as_array().expect("items");
            after = page["after"].as_i64().expect("a position");
            entries.extend(items.iter().cloned());
            if items.len() < 500 {
                return entries;
            }
        }
    }

    /// Every row of a list of the API, newest first. `filter` is a query, or empty.
    pub(crate) async fn list(&self, name: &str, filter: &str) -> Vec<Value> {
        let mut rows = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = self.get(&format!("/api/v1/{name}?limit=500&{filter}{cursor}")).await;
            rows.extend(page["items"].as_array().expect("items").iter().cloned());
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return rows,
            }
        }
    }

    /// A figure of `/metrics`: the sum over all its label sets that hold `label`.
    pub(crate) async fn metric(&self, name: &str, label: &str) -> f64 {
        let text = self.http.get(self.url("/metrics")).send().await.expect("an answer").text().await.expect("a body");
        let lines = text.lines().filter_map(|line| line.strip_prefix(name));
        let lines = lines.filter(|rest| rest.starts_with([' ', '{']) && rest.contains(label));
        lines.filter_map(|rest| rest.rsplit_once(' ')?.1.parse::<f64>().ok()).fold(0.0, |sum, figure| sum + figure)
    }
}

/// A running server; killed with its value.
pub(crate) struct Process(Child);

impl Process {
    /// Kills it: no signal that it could hear, nothing flushed, nothing closed.
    pub(crate) async fn kill(mut self) {
        self.0.kill().await.expect("it ran");
    }

    /// Waits until it has ended by itself.
    pub(crate) async fn ended(mut self) -> ExitStatus {
        let ended = tokio::time::timeout(PATIENCE, self.0.wait()).await;
        ended.expect("the server ends in time").expect("a child")
    }

    /// Memory in use, in KiB.
    pub(crate) fn memory_kib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0.id().expect("it runs"))).expect("a running process");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    }
}

/// A port below those that the kernel gives out by itself: nobody takes it while the server is down, and a client that
/// connects to it then is not connected to itself.
fn free_address() -> SocketAddr {
    loop {
        let address = SocketAddr::from(([127, 0, 0, 1], rand::random_range(10_240..32_000)));
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
}
