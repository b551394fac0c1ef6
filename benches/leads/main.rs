//! The bench of leads: how many does one gateway take in and find, with a table of millions behind it?
//!
//! `cargo bench --bench leads` fills the book with leads, starts the real server as a process of its own and plays a CRM that
//! injects leads (with the check for duplicates) or searches them by number over many connections, as fast as it is answered.
//! It then counts what is in the book, and prints one JSON object per run.

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
#[path = "../gateway/wire.rs"]
mod wire;

mod fill;
mod load;

use std::{io::Write as _, time::Duration};

use anyhow::{Context as _, Result, ensure};
use clap::{Parser, ValueEnum};
use serde::{Deserialize, Serialize};
use tokio::{runtime, task::LocalSet};

use load::{Load, Played};
use process::{Cli, Process};
use store::{Engine, Store};

/// The product's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const EXAMPLES: &str = "\
Examples:
  cargo bench --bench leads
          injects into and searches a table of 1,000,000 leads, on both databases
  cargo bench --bench leads -- --leads 10000 --leads 1000000 --work inject
          does an insert cost more when there are many?";

/// What to run.
#[derive(Parser)]
#[command(name = "leads", bin_name = "cargo bench --bench leads --", version, after_long_help = EXAMPLES)]
#[command(about = "Leads into a real gateway and out of it, counted afterwards")]
struct Options {
    /// Database of the run; repeat it for several [default: both, one after the other]
    #[arg(long, value_enum)]
    store: Vec<Engine>,

    /// Leads that are there before; repeat it for several
    #[arg(long, value_name = "N", default_value = "1000000")]
    leads: Vec<u64>,

    /// What the clients do; repeat it for several [default: both]
    #[arg(long, value_enum)]
    work: Vec<Work>,

    /// Keep-alive connections, one request at a time each
    #[arg(long, default_value_t = 64)]
    connections: usize,

    /// Measured seconds
    #[arg(long, default_value_t = 10)]
    seconds: u64,

    /// Seconds of load before the measurement begins
    #[arg(long, default_value_t = 2)]
    warmup: u64,

    /// Given by cargo
    #[arg(long, hide = true)]
    bench: bool,
}

/// What the clients do.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
enum Work {
    /// InjectLead with the check for duplicates in all campaigns; every number is new
    Inject,
    /// SearchLead by a number that is there
    Search,
}

/// The line that a run prints.
#[derive(Serialize)]
struct Report {
    store: Engine,
    work: Work,
    /// Leads that were there before.
    leads: u64,
    connections: usize,
    seconds: u64,
    per_s: f64,
    p50_ms: f64,
    p99_ms: f64,
    refused_503: u64,
    /// Acknowledged leads that are not in the book.
    lost: i64,
    /// Leads in the book that were not acknowledged.
    unasked: i64,
    cpu_us_server: f64,
    cpu_us_database: f64,
    machine_busy: f64,
}

fn main() -> Result<()> {
    let options = Options::parse();
    if !options.bench {
        // `cargo test --benches` and `--all-targets` run this binary too; a bench in a debug build says nothing.
        eprintln!("nothing done: run it as `cargo bench --bench leads -- --help`");
        return Ok(());
    }
    machine::check_open_files(options.connections)?;
    let engines = if options.store.is_empty() { Engine::value_variants() } else { &options.store };
    let works = if options.work.is_empty() { Work::value_variants() } else { &options.work };
    for &engine in engines {
        for &leads in &options.leads {
            for &work in works {
                let report = run(&options, engine, leads, work)?;
                let mut out = std::io::stdout().lock();
                writeln!(out, "{}", serde_json::to_string(&report)?)?;
            }
        }
    }
    Ok(())
}

/// One run on a fresh store with a fresh server; both are gone afterwards.
fn run(options: &Options, engine: Engine, leads: u64, work: Work) -> Result<Report> {
    #[derive(Deserialize)]
    struct Token {
        token: String,
    }
    let store = Store::fresh(engine)?;
    let cli = Cli::new(store.url())?;
    cli.run(&["account", "add", "bench", "--region", "US"])?;
    cli.run(&["campaign", "add", "--account", "bench", "--name", "bench"])?;
    let token = cli.run(&["token", "add", "--account", "bench", "--scopes", "leads:read,leads:write", "--allow-query"])?;
    let Token { token } = serde_json::from_str(&token).context("the token")?;
    eprintln!("filling {leads} leads");
    fill::fill(&store, leads)?;
    let mut serve = cli.command();
    serve.arg("serve");
    let server = Process::start(serve, cli.addr)?;
    let usage = || -> Result<[u64; 4]> {
        let (busy, capacity) = machine::machine_cpu_us()?;
        Ok([machine::cpu_us(server.pid()), store.cpu_us(), busy, capacity])
    };
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    let load = Load { addr: server.addr, token, work, leads, connections: options.connections };
    let (warmup, seconds) = (Duration::from_secs(options.warmup), Duration::from_secs(options.seconds));
    let (played, used) = LocalSet::new().block_on(&runtime, async {
        let mut before = [0; 4];
        let played = load.play(warmup, seconds, || usage().map(|usage| before = usage)).await?;
        let after = usage()?;
        anyhow::Ok((played, [0, 1, 2, 3].map(|index| after[index].saturating_sub(before[index]))))
    })?;
    let log = server.log();
    ensure!(log.is_empty(), "the server logged:\n{log}");
    let Played { measured, total, refused, mut times_us } = played;
    times_us.sort_unstable();
    let rank =
        |percent: usize| times_us.get((times_us.len() * percent / 100).min(times_us.len().saturating_sub(1))).copied().unwrap_or_default();
    let grown = i64::try_from(fill::count(&store)?)? - i64::try_from(leads)?;
    let expected = if work == Work::Inject { i64::try_from(total)? } else { 0 };
    let per_event = |cpu: u64| (cpu as f64 / measured.max(1) as f64 * 10.0).round() / 10.0;
    Ok(Report {
        store: engine,
        work,
        leads,
        connections: options.connections,
        seconds: options.seconds,
        per_s: (measured as f64 / options.seconds.max(1) as f64).round(),
        p50_ms: f64::from(rank(50)) / 1000.0,
        p99_ms: f64::from(rank(99)) / 1000.0,
        refused_503: refused,
        lost: (expected - grown).max(0),
        unasked: (grown - expected).max(0),
        cpu_us_server: per_event(used[0]),
        cpu_us_database: per_event(used[1]),
        machine_busy: (used[2] as f64 / used[3].max(1) as f64 * 100.0).round() / 100.0,
    })
}
