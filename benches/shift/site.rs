//! The call centre: an account with agents, a simulated telephone system and a campaign, and the server that runs it.

use std::{
    io::Write as _,
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use cti_gateway::app::clock::Clock;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    Options, fill,
    process::{Cli, Process},
    store::{Engine, Store},
};

/// A running call centre.
pub(crate) struct Site {
    pub(crate) server: Process,
    pub(crate) store: Store,
    /// What the softphones' tickets are fetched with.
    pub(crate) token: String,
}

/// Login of agent `index`.
pub(crate) fn login(index: usize) -> String {
    format!("agent{}", index + 1)
}

impl Site {
    /// A fresh one.
    pub(crate) fn set_up(options: &Options, engine: Engine) -> Result<Self> {
        #[derive(Deserialize)]
        struct Token {
            token: String,
        }
        let bar = ProgressBar::new(options.agents as u64);
        bar.set_style(ProgressStyle::with_template("{msg} [{bar:40}] {pos}/{len}").unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.enable_steady_tick(Duration::from_millis(200));
        let store = Store::fresh(engine)?;
        let cli = Cli::new(store.url())?;
        cli.run(&["account", "add", "bench", "--region", "US"])?;
        bar.set_message("agents");
        for index in 0..options.agents {
            let number = (1001 + index).to_string();
            cli.run(&["agent", "add", "--account", "bench", "--login", &login(index), "--number", &number])?;
            bar.inc(1);
        }
        let token = cli.run(&["token", "add", "--account", "bench", "--scopes", "events:read,calls:read,agents:act"])?;
        let Token { token } = serde_json::from_str(&token).context("the token")?;
        // conversations are short, so that a minute shows much; whom a machine answers is let go by the agent
        let knobs = json!({"simulated": {"talkS": [15, 60], "remoteHangup": 100}});
        add(cli.command(), &["telephone-system", "add", "--account", "bench", "--name", "house"], &knobs)?;
        let dialing = json!({"dialing": {"mode": options.mode, "running": true, "wrapS": 60}});
        add(cli.command(), &["setup", "put", "--account", "bench", "--kind", "campaign", "--name", fill::CAMPAIGN], &dialing)?;
        bar.set_message("leads");
        fill::fill(&store, options.leads, options.asleep, Clock::System.now())?;
        bar.finish_and_clear();
        let mut serve = cli.command();
        serve.arg("serve");
        Ok(Self { server: Process::start(serve, cli.addr)?, store, token })
    }
}

/// Adds a record that is given as a body.
fn add(mut command: Command, words: &[&str], body: &Value) -> Result<()> {
    let mut child = command
        .args(words)
        .args(["--body-stdin", "--json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .context("run the product")?;
    child.stdin.take().context("its input")?.write_all(body.to_string().as_bytes())?;
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "`{}` failed: {}", words.join(" "), String::from_utf8_lossy(&output.stderr));
    Ok(())
}
