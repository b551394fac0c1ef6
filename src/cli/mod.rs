//! The command line: `serve`, `demo`, `check`, and what operators set up.

mod add;
mod check;
mod client_app;
mod demo;
mod desk;
mod dnc;
mod lead;
mod logging;
mod meter;
mod output;
mod scene;
mod secrets;
mod serve;
mod setup;
mod simulate;
mod tail;
mod telephone;

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Parser, Subcommand};

use crate::{config::Config, store::Db};

/// One gateway between CRM back ends, telephone systems, browser softphones and operators.
///
/// Try it in a minute: `cti-gateway demo`, then open the address that it prints.
/// For real: `cti-gateway account add acme`, `agent add`, `gateway add`, `operator add`, then `serve`.
#[derive(Debug, Parser)]
#[command(name = "cti-gateway", version, propagate_version = true, max_term_width = 110)]
struct Cli {
    /// Settings file (TOML); every setting with its default is shown by `cti-gateway check`
    #[arg(long, global = true, env = "CTI_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print data as JSON, one object per line
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server
    ///
    /// Settings come from config/default.toml (compiled in), --config FILE, then CTI_* variables:
    /// CTI_LISTEN=0.0.0.0:8080 CTI_STORE__URL=postgres://cti:…@db/cti cti-gateway serve
    Serve,
    /// Run a server with a demo account and a simulated telephone system
    ///
    /// Prints what to open and ready-to-paste curl lines. Everything is kept in one folder; delete it to start afresh.
    Demo(demo::Demo),
    /// Show the settings in force and try the store
    ///
    /// Fails when the store cannot be reached, or may lose acknowledged events in a power cut.
    Check(check::Check),
    /// Ask a running server whether it is ready (for container health checks)
    Health,
    /// Accounts (tenants)
    #[command(subcommand)]
    Account(add::Account),
    /// Agents: people who take calls
    #[command(subcommand)]
    Agent(add::Agent),
    /// Operators: people who watch the console
    #[command(subcommand)]
    Operator(add::Operator),
    /// Tokens of programs
    #[command(subcommand)]
    Token(add::Token),
    /// Gateways: configured telephone systems
    #[command(subcommand)]
    Gateway(add::Gateway),
    /// The party directory: who a number belongs to
    #[command(subcommand)]
    Party(add::Party),
    /// Campaigns: what leads belong to
    #[command(subcommand)]
    Campaign(setup::Campaign),
    /// Custom fields of leads
    #[command(subcommand)]
    Field(setup::Field),
    /// Numbers of the account's own
    #[command(subcommand)]
    Number(setup::Number),
    /// Dispositions: what an outcome means, and whether its lead is dialed again
    #[command(subcommand)]
    Disposition(setup::Outcome),
    /// Telephone systems: what orders for calls go to
    #[command(subcommand)]
    TelephoneSystem(telephone::TelephoneSystem),
    /// Client apps: CRMs that embed the softphone, pages that use the libraries
    #[command(subcommand)]
    ClientApp(client_app::ClientApp),
    /// Everything an account has set up: show, store, remove
    ///
    /// Records of the kinds campaign, disposition, field, number, ring_group, skill, filter, playlist, provider, telephone_system,
    /// client_app and options.
    /// A running server hears of a change within a second.
    #[command(subcommand)]
    Setup(setup::Setup),
    /// The do-not-call list
    #[command(subcommand)]
    Dnc(dnc::Dnc),
    /// Leads: import and export
    #[command(subcommand)]
    Lead(lead::Lead),
    /// The key that seals providers' secrets
    #[command(subcommand)]
    Secrets(secrets::Secrets),
    /// Play a shift of a dialer and show what comes of it
    ///
    /// Agents, people who answer or do not, and the pacing law that decides how many lines are open: the same code that
    /// paces the dialer. Nothing is dialed and nothing is stored; an eight-hour shift takes a moment.
    Simulate(simulate::Simulate),
    /// Show live events in the terminal
    ///
    /// Follows a running server through its socket and goes on where it was when the connection breaks.
    /// Without CTI_TOKEN it makes itself a token in the store, good for a day.
    Tail(tail::Tail),
}

/// The account that a command is about.
#[derive(Debug, Args)]
struct AccountName {
    /// Name of the account
    #[arg(long = "account", value_name = "NAME")]
    account: String,
}

/// Runs the command line; errors go to the standard error output, with what to do next.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    crate::courier::install_tls();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error.into()),
    };
    let result = runtime.block_on(run(cli));
    // commands that were interrupted leave blocking reads behind: do not wait for them
    runtime.shutdown_background();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

#[expect(clippy::print_stderr, reason = "the last word of a failed command")]
fn fail(error: &anyhow::Error) -> ExitCode {
    // a reader that went away (`… | head`) is no failure
    let broken_pipe =
        error.chain().any(|cause| cause.downcast_ref::<std::io::Error>().is_some_and(|io| io.kind() == std::io::ErrorKind::BrokenPipe));
    if broken_pipe {
        return ExitCode::SUCCESS;
    }
    eprintln!("error: {error:#}");
    ExitCode::FAILURE
}

async fn run(cli: Cli) -> anyhow::Result<()> {
    let config = Config::load(cli.config.as_deref(), std::env::vars())?;
    let json = cli.json;
    match cli.command {
        Command::Serve => serve::serve(config).await,
        Command::Demo(demo) => demo.run(config).await,
        Command::Check(check) => check.run(&config, json).await,
        Command::Health => check::health(&config).await,
        Command::Account(command) => command.run(&open(&config).await?, json).await,
        Command::Agent(command) => command.run(&open(&config).await?, json).await,
        Command::Operator(command) => command.run(&open(&config).await?, &config, json).await,
        Command::Token(command) => command.run(&open(&config).await?, json).await,
        Command::Gateway(command) => command.run(&open(&config).await?, json).await,
        Command::Party(command) => command.run(&open(&config).await?, json).await,
        Command::Campaign(command) => command.run(&setup::Pen::open(&config).await?, json).await,
        Command::Field(command) => command.run(&setup::Pen::open(&config).await?, json).await,
        Command::Number(command) => command.run(&setup::Pen::open(&config).await?, json).await,
        Command::Disposition(command) => command.run(&setup::Pen::open(&config).await?, json).await,
        Command::TelephoneSystem(command) => command.run(&setup::Pen::open(&config).await?, json).await,
        Command::ClientApp(command) => command.run(&setup::Pen::open(&config).await?, json).await,
        Command::Setup(command) => command.run(&setup::Pen::open(&config).await?, json).await,
        Command::Dnc(command) => command.run(&config, json).await,
        Command::Lead(command) => command.run(&config, json).await,
        Command::Secrets(command) => command.run(&config, json).await,
        Command::Simulate(simulate) => simulate.run(json),
        Command::Tail(tail) => tail.run(&config, json).await,
    }
}

async fn open(config: &Config) -> anyhow::Result<Db> {
    Ok(Db::open(&config.store_options()).await?)
}
