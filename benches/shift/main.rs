//! The bench of a shift: hundreds of agents at work on the simulated telephone system, with millions of leads to dial.
//!
//! `cargo bench --bench shift` fills a campaign, starts the real server as a process of its own, opens a softphone for every agent and has
//! each of them work as people do: look at the lead that is presented, dial, talk, write up, be ready again. It prints one JSON object per
//! run: how soon screens showed what had happened, how soon an agent who was free had the next lead, and what that took of the machine.

#[expect(dead_code, reason = "shared with the bench of calls, which weighs the server")]
#[path = "../gateway/machine.rs"]
mod machine;
#[expect(dead_code, reason = "shared with the tests, which need more of it")]
#[path = "../../tests/it/support/postgres.rs"]
mod postgres;
#[path = "../gateway/process.rs"]
mod process;
#[expect(dead_code, reason = "shared with the bench of calls, which fills journals too")]
#[path = "../gateway/store.rs"]
mod store;
#[expect(dead_code, reason = "shared with the benches that are told to wait")]
#[path = "../gateway/wire.rs"]
mod wire;

mod agents;
mod fill;
mod site;

use std::{io::Write as _, time::Duration};

use anyhow::{Result, ensure};
use clap::{Parser, ValueEnum};
use serde::Serialize;
use tokio::{runtime, task::LocalSet};

use agents::{Figures, Shift};
use site::Site;
use store::Engine;

/// The product's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const EXAMPLES: &str = "\
Examples:
  cargo bench --bench shift
          500 agents and 1,000,000 leads, nine of ten asleep, for a minute on each database
  cargo bench --bench shift -- --agents 50 --leads 10000 --mode predictive --store sqlite
          a smaller one, dialed ahead";

/// What to play.
#[derive(Parser)]
#[command(name = "shift", bin_name = "cargo bench --bench shift --", version, after_long_help = EXAMPLES)]
#[command(about = "A shift of agents on a real gateway, in real time")]
struct Options {
    /// Database of the run; repeat it for several [default: both, one after the other]
    #[arg(long, value_enum)]
    store: Vec<Engine>,

    /// Agents, each with a softphone
    #[arg(long, value_name = "N", default_value_t = 500)]
    agents: usize,

    /// Leads in the campaign
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    leads: u64,

    /// Of ten leads, how many are outside their calling window
    #[arg(long, value_name = "N", default_value_t = 9, value_parser = clap::value_parser!(u64).range(0..10))]
    asleep: u64,

    /// How the campaign is dialed
    #[arg(long, value_enum, default_value = "preview")]
    mode: Mode,

    /// Measured seconds
    #[arg(long, default_value_t = 60)]
    seconds: u64,

    /// Seconds over which the agents come in; the measurement begins as long again after the last one
    #[arg(long, default_value_t = 15)]
    arriving: u64,

    /// Given by cargo
    #[arg(long, hide = true)]
    bench: bool,
}

/// How a campaign is dialed.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
enum Mode {
    /// The agent sees the lead first
    Preview,
    /// One line for each agent who is free
    Progressive,
    /// As many lines as the cap on abandoned calls lets
    Predictive,
}

/// The line that a run prints.
#[derive(Serialize)]
struct Report {
    store: Engine,
    mode: Mode,
    agents: usize,
    leads: u64,
    asleep_of_ten: u64,
    seconds: u64,
    /// Events that agents' screens got.
    events: usize,
    /// Calls that were talked.
    talks: u64,
    /// Milliseconds from when the gateway heard of something until the agent's screen had it.
    push_p50_ms: f64,
    push_p99_ms: f64,
    /// Milliseconds from an agent's word that he is done until he had the next lead: presented, or on the line. With lines dialed ahead
    /// that is a matter of luck, and not measured.
    idle_to_next_p50_ms: Option<f64>,
    idle_to_next_p99_ms: Option<f64>,
    nexts: usize,
    /// What was refused, by code: should be empty.
    refused: std::collections::BTreeMap<String, u64>,
    /// Shares of the whole machine.
    cpu_server: f64,
    cpu_database: f64,
    /// With the load generator and all others.
    cpu_all: f64,
}

fn main() -> Result<()> {
    let options = Options::parse();
    if !options.bench {
        // `cargo test --benches` and `--all-targets` run this binary too; a bench in a debug build says nothing.
        eprintln!("nothing done: run it as `cargo bench --bench shift -- --help`");
        return Ok(());
    }
    machine::check_open_files(options.agents + 64)?;
    let engines = if options.store.is_empty() { Engine::value_variants() } else { &options.store };
    for &engine in engines {
        let report = run(&options, engine)?;
        let mut out = std::io::stdout().lock();
        writeln!(out, "{}", serde_json::to_string(&report)?)?;
    }
    Ok(())
}

/// One run on a fresh store with a fresh server; both are gone afterwards.
fn run(options: &Options, engine: Engine) -> Result<Report> {
    let site = Site::set_up(options, engine)?;
    let usage = || -> Result<[u64; 4]> {
        let (busy, capacity) = machine::machine_cpu_us()?;
        Ok([machine::cpu_us(site.server.pid()), site.store.cpu_us(), busy, capacity])
    };
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    let shift = Shift { site: &site, agents: options.agents, arriving: Duration::from_secs(options.arriving) };
    let (figures, used) = LocalSet::new().block_on(&runtime, async {
        let mut before = [0; 4];
        let figures = shift.play(Duration::from_secs(options.seconds), || usage().map(|usage| before = usage)).await?;
        let after = usage()?;
        anyhow::Ok((figures, [0, 1, 2, 3].map(|index| after[index].saturating_sub(before[index]))))
    })?;
    let log = site.server.log();
    ensure!(log.is_empty(), "the server logged:\n{log}");
    let Figures { mut push_us, mut next_us, talks, refused } = figures;
    let share = |cpu: u64| (cpu as f64 / used[3].max(1) as f64 * 1000.0).round() / 1000.0;
    let (push_p50_ms, push_p99_ms) = (rank(&mut push_us, 50), rank(&mut push_us, 99));
    let is_asked = options.mode == Mode::Preview;
    Ok(Report {
        store: engine,
        mode: options.mode,
        agents: options.agents,
        leads: options.leads,
        asleep_of_ten: options.asleep,
        seconds: options.seconds,
        events: push_us.len(),
        talks,
        push_p50_ms,
        push_p99_ms,
        idle_to_next_p50_ms: is_asked.then(|| rank(&mut next_us, 50)),
        idle_to_next_p99_ms: is_asked.then(|| rank(&mut next_us, 99)),
        nexts: next_us.len(),
        refused,
        cpu_server: share(used[0]),
        cpu_database: share(used[1]),
        cpu_all: share(used[2]),
    })
}

/// The value below which so many of a hundred are, in milliseconds.
fn rank(times_us: &mut [u64], percent: usize) -> f64 {
    times_us.sort_unstable();
    let index = (times_us.len() * percent / 100).min(times_us.len().saturating_sub(1));
    times_us.get(index).copied().unwrap_or_default() as f64 / 1000.0
}
