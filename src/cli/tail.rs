//! `tail`: live events in the terminal, by the reference client.

use std::io::{IsTerminal, Write};

use chrono::TimeDelta;
use clap::Args;
use serde_json::{Value, json};

use super::AccountName;
use crate::{
    app::{
        admin::Admin,
        clock::{self, Clock},
    },
    client::{Connect, Credential, Followed, Follower, Frame, Position},
    config::Config,
    domain::{
        event::scope_to_see,
        scope::{Scope, Scopes},
        secret::SecretHash,
    },
    store::{Db, accounts, credentials::NewCredential},
};

/// What to follow.
#[derive(Debug, Args)]
pub(super) struct Tail {
    #[command(flatten)]
    account: AccountName,
    /// Agents to follow (repeatable); everything of the account when absent
    #[arg(long = "agent", value_name = "LOGIN")]
    agents: Vec<String>,
    /// Further types to show, such as "lead.*" or "config.*" (repeatable)
    #[arg(long = "type", value_name = "TYPE")]
    types: Vec<String>,
    /// Go on after this position (printed when tail ends); needs --epoch
    #[arg(long, value_name = "SEQ", requires = "epoch")]
    after: Option<i64>,
    /// The journal that --after belongs to
    #[arg(long)]
    epoch: Option<String>,
    /// Address of the server
    #[arg(long, env = "CTI_SERVER", value_name = "URL")]
    server: Option<String>,
}

impl Tail {
    pub(super) async fn run(self, config: &Config, json: bool) -> anyhow::Result<()> {
        let token = match std::env::var("CTI_TOKEN") {
            Ok(token) => token,
            Err(_) => make_token(config, &self.account.account, &self.types).await?,
        };
        let server = self.server.clone().unwrap_or_else(|| format!("http://{}", config.listen));
        let url = format!("{}/ws", server.trim_end_matches('/').replacen("http", "ws", 1));
        let agents = if self.agents.is_empty() { json!("*") } else { json!(self.agents) };
        let resume = self.after.zip(self.epoch.clone()).map(|(seq, epoch)| Position { epoch, seq });
        let mut follower =
            Follower::new(Connect { url, credential: Credential::Bearer(token), agents: Some(agents), types: self.types.clone(), resume });
        let stop = super::serve::stop_signal()?;
        tokio::pin!(stop);
        let colour = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        loop {
            tokio::select! {
                () = &mut stop => break,
                followed = follower.next() => show(&followed?, json, colour)?,
            }
        }
        if let Some(Position { epoch, seq }) = follower.position() {
            note(&format!("to go on from here: cti-gateway tail --account {} --after {seq} --epoch {epoch}", self.account.account));
        }
        Ok(())
    }
}

/// A token for watching these types beside the usual ones, good for a day.
async fn make_token(config: &Config, name: &str, types: &[String]) -> anyhow::Result<String> {
    let scopes: Scopes = types.iter().map(|pattern| scope_to_see(pattern)).chain([Scope::EventsRead]).collect();
    let db = Db::open(&config.store_options()).await?;
    let account = accounts::by_name(db.read(), name).await?.ok_or_else(|| super::add::no_such_account(name))?;
    let secret = clock::secret("cti");
    let token = NewCredential {
        account: account.id,
        hash: SecretHash::of(&secret),
        prefix: secret.chars().take(8).collect(),
        label: "tail".to_owned(),
        kind: "token",
        subject: None,
        scopes: scopes.to_string(),
        allow_query: false,
        networks: None,
        expires_at: Some(Clock::System.now() + TimeDelta::days(1)),
    };
    Admin::new(db.clone(), Clock::System).add_token(name, &token).await?;
    db.close().await;
    Ok(secret)
}

fn show(followed: &Followed, json: bool, colour: bool) -> anyhow::Result<()> {
    match followed {
        Followed::Connected(word) => note(&format!("connected ({word})")),
        Followed::Lost(why, wait) => note(&format!("{why}; trying again in {:.1} s", wait.as_secs_f64())),
        Followed::Frame(Frame::Snapshot { seq, calls, .. }) => note(&format!("{} live calls at {seq}", calls.len())),
        Followed::Frame(Frame::Mark(seq)) => note(&format!("live from {seq}")),
        Followed::Frame(Frame::Answer(_)) => {}
        Followed::Frame(Frame::Event(event)) => {
            let mut out = std::io::stdout().lock();
            if json {
                let mut envelope = event.clone();
                if let Some(object) = envelope.as_object_mut() {
                    object.retain(|key, _| key != "op" && key != "prev");
                }
                writeln!(out, "{envelope}")?;
            } else {
                writeln!(out, "{}", line(event, colour))?;
            }
        }
    }
    Ok(())
}

/// One event as a line: time, place, type, state, agent, number.
fn line(event: &Value, colour: bool) -> String {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let time: String = text(&event["observedAt"]).chars().skip(11).take(12).collect();
    let state = text(&event["data"]["state"]);
    let paint = match state.as_str() {
        "incoming" | "ringing" | "preview" => "33",
        "talk" => "32",
        "hold" => "35",
        "idle" => "36",
        _ => "90",
    };
    let shown = if colour { format!("\x1b[{paint}m{state:<8}\x1b[0m") } else { format!("{state:<8}") };
    let (kind, agent, number, direction) =
        (text(&event["type"]), text(&event["agent"]), text(&event["data"]["phone"]), text(&event["data"]["direction"]));
    let outcome = event["data"]["outcome"].as_str().unwrap_or_default();
    format!("{time} {:>8} {kind:<13} {shown} {agent:<12} {direction:<10} {number} {outcome}", event["seq"]).trim_end().to_owned()
}

#[expect(clippy::print_stderr, reason = "remarks beside the data")]
fn note(text: &str) {
    eprintln!("# {text}");
}
