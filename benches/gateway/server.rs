//! The server under load: the product set up through its command line, or a reference.

use std::{net::SocketAddr, process::Command, time::Duration};

use anyhow::{Context as _, Result};
use indicatif::ProgressBar;
use serde::Deserialize;

use crate::{
    options::{Audience, Options, Reference},
    process::{Cli, Process, free_address},
    store::Store,
};

/// Login of agent `index`.
pub(crate) fn login(index: usize) -> String {
    format!("agent{}", index + 1)
}

/// Telephone number of agent `index`.
pub(crate) fn number(index: usize) -> usize {
    1001 + index
}

/// A running server and what opens its doors.
pub(crate) struct Server {
    /// Where it listens.
    pub(crate) addr: SocketAddr,
    /// What the telephone system shows.
    pub(crate) secret: String,
    /// What the softphones' tickets are fetched with.
    pub(crate) token: String,
    /// From its start until it said that it is ready.
    pub(crate) ready_within: Duration,
    process: Process,
}

impl Server {
    /// The product on a fresh store, with an account of as many agents as there will be sockets.
    pub(crate) fn product(store: &Store, options: &Options, bar: &ProgressBar) -> Result<Self> {
        #[derive(Deserialize)]
        struct Gateway {
            secret: String,
        }
        #[derive(Deserialize)]
        struct Token {
            token: String,
        }
        let cli = Cli::new(store.url())?;
        cli.run(&["account", "add", "bench"])?;
        bar.set_message("agents");
        bar.set_length(options.sockets() as u64);
        for index in 0..options.sockets() {
            let (login, number) = (login(index), number(index).to_string());
            cli.run(&["agent", "add", "--account", "bench", "--login", &login, "--number", &number])?;
            bar.inc(1);
        }
        let gateway = ["gateway", "add", "--account", "bench", "--name", "bench", "--popup", options.audience.word()];
        let Gateway { secret } = serde_json::from_str(&cli.run(&gateway)?).context("the gateway's secret")?;
        let scopes = "events:read,calls:read,calls:write,agents:act";
        let token = cli.run(&["token", "add", "--account", "bench", "--scopes", scopes])?;
        let Token { token } = serde_json::from_str(&token).context("the token")?;
        if options.entries > 0 {
            bar.set_message("journal");
            store.fill_journal(options.entries)?;
        }
        let mut serve = cli.command();
        serve.arg("serve");
        Self::start(serve, cli.addr, secret, token)
    }

    /// A reference: this very program, started as a server.
    pub(crate) fn reference(kind: Reference, store: Option<&Store>, audience: Audience) -> Result<Self> {
        let addr = free_address()?;
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["--serve-reference", kind.word(), "--audience", audience.word()]);
        command.arg("--listen").arg(addr.to_string());
        if let Some(store) = store {
            command.arg("--store-url").arg(store.url());
        }
        Self::start(command, addr, "reference".into(), "reference".into())
    }

    fn start(command: Command, addr: SocketAddr, secret: String, token: String) -> Result<Self> {
        let process = Process::start(command, addr)?;
        Ok(Self { addr, secret, token, ready_within: process.ready_within, process })
    }

    /// The process.
    pub(crate) fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// What it has logged so far; a healthy server logs no warning under load.
    pub(crate) fn log(&self) -> String {
        self.process.log()
    }
}
