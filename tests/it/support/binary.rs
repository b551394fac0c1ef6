//! The program itself, as an operator runs it: `cti-gateway serve` on a SQLite file, with its log in a file.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
};

use cti_gateway::{
    app::{admin::Admin, clock::Clock},
    store::{Db, OpenOptions},
};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use super::{
    app::set_up,
    wire::{PATIENCE, until},
};

/// A running program; killed when dropped.
pub(crate) struct Binary {
    pub(crate) address: SocketAddr,
    pub(crate) account: i64,
    child: Child,
    log: PathBuf,
    folder: TempDir,
}

impl Binary {
    /// Sets up the account of all tests and starts the program with these settings.
    pub(crate) async fn start(settings: &[(&str, &str)]) -> Self {
        cti_gateway::courier::install_tls();
        let folder = tempfile::tempdir().expect("a temporary folder");
        let url = url_in(folder.path());
        let db =
            Db::open(&OpenOptions { url: url.clone(), pipes: 1, writers: 1, readers: 1, replayers: 1 }).await.expect("the store opens");
        let account = set_up(&Admin::new(db.clone(), Clock::System)).await;
        db.close().await;
        let log = folder.path().join("log");
        let mut child = Command::new(env!("CARGO_BIN_EXE_cti-gateway"))
            .arg("serve")
            .env("CTI_LISTEN", "127.0.0.1:0")
            .env("CTI_STORE__URL", &url)
            .envs(settings.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(&log).expect("a file for the log"))
            .kill_on_drop(true)
            .spawn()
            .expect("the program starts");
        let address = || async { address_in(&std::fs::read_to_string(&log).unwrap_or_default()) };
        let listens = until("the program listens", || async { address().await.is_some() });
        tokio::select! {
            () = listens => {}
            ended = child.wait() => panic!("the program ended: {ended:?}: {}", std::fs::read_to_string(&log).unwrap_or_default()),
        }
        let address = address().await.expect("an address");
        Self { address, account, child, log, folder }
    }

    /// The pen for configuration, beside the running program.
    pub(crate) async fn db(&self) -> Db {
        let options = OpenOptions { url: url_in(self.folder.path()), pipes: 1, writers: 1, readers: 1, replayers: 1 };
        Db::open(&options).await.expect("the store opens")
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Asks it to stop, as a service manager does.
    pub(crate) fn terminate(&self) {
        let id = self.child.id().expect("the program runs").to_string();
        let sent = std::process::Command::new("kill").args(["-TERM", &id]).status().expect("kill");
        assert!(sent.success());
    }

    /// Waits for its orderly end; everything it logged.
    pub(crate) async fn ended(mut self) -> String {
        let status = tokio::time::timeout(PATIENCE * 2, self.child.wait()).await.expect("it ends in time").expect("a status");
        let log = std::fs::read_to_string(&self.log).expect("the log");
        assert!(status.success(), "{status}: {log}");
        log
    }
}

fn url_in(folder: &Path) -> String {
    format!("sqlite:{}", folder.join("test.db").display())
}

fn address_in(log: &str) -> Option<SocketAddr> {
    log.lines().find(|line| line.contains("serving"))?.split("address=").nth(1)?.split_whitespace().next()?.parse().ok()
}
