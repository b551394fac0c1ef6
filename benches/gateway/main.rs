//! The project's own bench: what does one gateway carry, and does it lose anything meanwhile?
//!
//! `cargo bench --bench gateway` starts the real server as a process of its own, drives it through its doors as a
//! telephone system and as agents' softphones, checks every acknowledged event on the agent's socket, and prints one
//! JSON object per run. Load generator, server and database share the machine, so the generator is kept cheap: one
//! thread, raw HTTP/1.1, frames read in place.

mod ledger;
mod load;
mod machine;
mod options;
#[expect(dead_code, reason = "shared with the tests, which need more of it")]
#[path = "../../tests/it/support/postgres.rs"]
mod postgres;
mod process;
mod reference;
mod report;
mod run;
mod server;
mod sockets;
mod store;
mod wire;

use std::io::Write as _;

use anyhow::Result;
use clap::Parser as _;

use options::{Options, Reference};
use report::{Contender, Report};
use store::{Engine, Store};

/// The product's allocator, so that a reference differs from the product only in what it does.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A larger share of the machine taken by others spoils a run.
const BUSY: f64 = 0.1;

fn main() -> Result<()> {
    let options = Options::parse();
    if let Some(kind) = options.serve_reference {
        return reference::serve(kind, &options);
    }
    if !options.bench {
        // `cargo test --benches` and `--all-targets` run this binary too; a bench in a debug build says nothing.
        eprintln!("nothing done: run it as `cargo bench --bench gateway -- --help`");
        return Ok(());
    }
    machine::check_open_files(options.sockets() + options.connections)?;
    compare(&options)
}

/// Every run that was asked for, references before the product, so that its line can carry the ratios.
fn compare(options: &Options) -> Result<()> {
    let wanted = |reference| options.reference.contains(&reference);
    let memory = match wanted(Reference::Memory) {
        true => Some(measure(options, Contender::Memory, None)?),
        false => None,
    };
    for engine in options.engines() {
        let one_tx = match wanted(Reference::OneTx) {
            true => Some(measure(options, Contender::OneTx, Some(engine))?),
            false => None,
        };
        if options.without_product {
            continue;
        }
        let mut product = run_once(options, Contender::Product, Some(engine))?;
        product.ratio_to_memory = memory.and_then(|rate| product.ratio_to(rate));
        product.ratio_to_one_tx = one_tx.and_then(|rate| product.ratio_to(rate));
        print(&product)?;
    }
    Ok(())
}

/// Runs and prints one reference; its rate is what the product is compared with.
fn measure(options: &Options, contender: Contender, engine: Option<Engine>) -> Result<f64> {
    let report = run_once(options, contender, engine)?;
    print(&report)?;
    Ok(report.acked_per_s)
}

/// One run on a fresh store with a fresh server; both are gone afterwards.
fn run_once(options: &Options, contender: Contender, engine: Option<Engine>) -> Result<Report> {
    let store = engine.map(Store::fresh).transpose()?;
    let report = run::run(options, contender, store.as_ref())?;
    if report.busy_elsewhere > BUSY {
        eprintln!("other processes took {:.0} % of the machine: run it again when it is idle", report.busy_elsewhere * 100.0);
    }
    Ok(report)
}

fn print(report: &Report) -> Result<()> {
    let mut line = serde_json::to_vec(report)?;
    line.push(b'\n');
    let mut out = std::io::stdout().lock();
    out.write_all(&line)?;
    Ok(out.flush()?)
}
