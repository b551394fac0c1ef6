//! The command line of the bench.

use std::net::SocketAddr;

use clap::{Parser, ValueEnum};
use serde::Serialize;

use crate::store::Engine;

const LONG: &str = "\
Plays whole telephone calls against a real server and checks every event on the agents' sockets.

Each connection plays one call after the other for its own agent: call_initiated, call_connected, on every fourth call \
call_recording, call_hangup; a tenth of the calls is missed. Without --rate the loop is closed: each connection sends \
its next event when the last one was acknowledged. With --rate events are due at fixed times and latency counts from \
the due time, so waiting in a queue is not hidden.

One JSON object per run goes to stdout, everything else to stderr. A run is sound when lost, doubled and out_of_order \
are 0; its figures mean something when busy_elsewhere is small (nothing else was running).";

const EXAMPLES: &str = "\
Examples:
  cargo bench --bench gateway -- --store sqlite
  cargo bench --bench gateway -- --store postgres --reference memory --reference one-tx
  cargo bench --bench gateway -- --rate 200 --seconds 60
          CPU share and latency at an ordinary load
  cargo bench --bench gateway -- --idle-sockets 2000 --seconds 0
          memory per connected softphone
  cargo bench --bench gateway -- --entries 1000000 --seconds 0
          from start to ready with a full journal";

/// What to run.
#[derive(Parser)]
#[command(name = "gateway", bin_name = "cargo bench --bench gateway --", version)]
#[command(about = "Load on a real gateway, with every delivery checked", long_about = LONG, after_long_help = EXAMPLES)]
pub(crate) struct Options {
    /// Database of the run; repeat it for several [default: both, one after the other]
    #[arg(long, value_enum)]
    store: Vec<Engine>,

    /// Who is told of a new call: its agent, or everyone in the account
    #[arg(long, value_enum, default_value_t = Audience::Agent)]
    pub(crate) audience: Audience,

    /// Keep-alive connections that play calls, one event at a time each
    #[arg(long, default_value_t = 64, value_parser = positive)]
    pub(crate) connections: usize,

    /// Agents with a softphone socket; connection N plays for agent N modulo this
    #[arg(long, default_value_t = 64, value_parser = positive)]
    pub(crate) agents: usize,

    /// Measured seconds; 0 plays no calls (for --idle-sockets)
    #[arg(long, default_value_t = 15)]
    pub(crate) seconds: u64,

    /// Seconds of load before the measurement begins
    #[arg(long, default_value_t = 3)]
    pub(crate) warmup: u64,

    /// Events per second in total, due at fixed times (open loop) [default: closed loop]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) rate: Option<u32>,

    /// Open N more agents' sockets that hear nothing, and report the server's memory per socket
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) idle_sockets: usize,

    /// Write N entries into the account's journal before the server starts (`ready_ms` says how long it then takes)
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) entries: u64,

    /// Play the same load to a reference first; the product's line then carries the ratio. Repeat it for both
    #[arg(long, value_enum)]
    pub(crate) reference: Vec<Reference>,

    /// Play to the references only
    #[arg(long, requires = "reference")]
    pub(crate) without_product: bool,

    /// Given by cargo
    #[arg(long, hide = true)]
    pub(crate) bench: bool,

    /// Be a reference server instead (the bench starts itself so)
    #[arg(long, hide = true, value_enum)]
    pub(crate) serve_reference: Option<Reference>,

    /// Address of the reference server
    #[arg(long, hide = true, default_value = "127.0.0.1:0")]
    pub(crate) listen: SocketAddr,

    /// Database of the reference server
    #[arg(long, hide = true)]
    pub(crate) store_url: Option<String>,
}

impl Options {
    /// The databases to run on.
    pub(crate) fn engines(&self) -> Vec<Engine> {
        if self.store.is_empty() { Engine::value_variants().to_vec() } else { self.store.clone() }
    }

    /// Sockets of one run, and so agents of the account.
    pub(crate) fn sockets(&self) -> usize {
        self.agents + self.idle_sockets
    }
}

fn positive(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("a whole number from 1 up".into()),
        Ok(number) => Ok(number),
    }
}

/// Who is told of a new call.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Audience {
    /// The agent whose telephone rings
    Agent,
    /// Every agent of the account
    All,
}

impl Audience {
    /// The word as the command line of the product takes it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::All => "all",
        }
    }
}

/// What the product is compared with.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Reference {
    /// Parses, answers and pushes the same, and stores nothing: the ceiling of this machine
    Memory,
    /// The ordinary service: one transaction with two inserts per event, then the same answer and push
    OneTx,
}

impl Reference {
    /// The word as this command line takes it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::OneTx => "one-tx",
        }
    }
}
